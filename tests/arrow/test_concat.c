/* SPDX-License-Identifier: Apache-2.0
 *
 * test_concat.c: arrays one after the other, and arrays as ones of wider types: what files that
 * differ are read with.
 */
#include "arrow/build.h"

static pqf_mem *mem;
static char have[8192], want[8192];

static int set_up(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    if (used) print_error("%lld bytes leaked\n", (long long)used);
    pqf_mem_release(mem);
    return used != 0;
}

/* ---- concatenating ---- */

static const struct {
    const char *type, *values;
} ARRAYS[] = {
    {"n", "null, null, null"},
    {"b", "true, null, false, true, true, false, null, true, true, true, false"},
    {"c", "1, null, -3, 4, 5"},
    {"l", "1, 2, 3, 4, 5, 6, 7"},
    {"d:5,2", "100, null, 300, 400"},
    {"w:2", "0x0001, null, 0x0203, 0x0405"},
    {"u", "a, '', null, bcd, efghijklmnopqrstuv, w"},
    {"U", "a, '', null, bcd, efghijklmnopqrstuv, w"},
    {"vu",
     "a, '', null, 'more than twelve bytes', twelve-bytes, 'also more than twelve'"},
    {"+l(item:i)", "[1,2], null, [], [3,null,5], [6]"},
    {"+L(item:u)", "[a,b], null, [], [c,null,e], [f]"},
    {"+vl(item:i)", "[1,2], null, [], [3,null,5], [6]"},
    {"+vL(item:i)", "[1,2], null, [], [3,null,5], [6]"},
    {"+w:2(item:i)", "[1,2], null, [3,null], [5,6]"},
    {"+s(x:i;y:u)", "{1,a}, null, {null,b}, {4,null}"},
    {"+m(key!:u;value:i)", "[{a,1},{b,null}], [], null, [{c,3}]"},
    {"+l(item:+s(x:l;l:+l(item:u)))",
     "[{1,[a,b]},{2,null}], null, [null,{4,[]}], [{5,[c]}]"},
    {"dict(c;u)", "a, b, null, a, c, b"},
    {"dict(I;l)", "7, 8, 7, null, 9"},
    {"+s(d:dict(c;u))", "{a}, {b}, null, {a}"},
};

/* The array cut at every place, and into single rows. */
static void pieces_give_the_whole(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof ARRAYS / sizeof ARRAYS[0]; r++) {
        built whole = build(mem, ARRAYS[r].type, ARRAYS[r].values);
        int64_t n = whole.array.length;
        build_array_text(&whole.schema, &whole.array, mem, want, sizeof want);
        for (int64_t cut = 0; cut <= n + 1; cut++) {
            built parts[16];
            pqf_view views[16];
            pqf_arena arena;
            struct ArrowArray out;
            int64_t num = cut <= n ? 2 : n;
            pqf_arena_init(&arena, mem);
            for (int64_t i = 0; i < num; i++) {
                parts[i] = build(mem, ARRAYS[r].type, ARRAYS[r].values);
                if (cut > n)
                    build_slice(&parts[i], i, 1);
                else
                    build_slice(&parts[i], i ? cut : 0, i ? n - cut : cut);
                BUILD_OK(pqf_view_init(&views[i], &parts[i].schema, &parts[i].array, true,
                                       &arena, &build_error));
            }
            BUILD_OK(pqf_array_concat(views, num, mem, &out, &build_error));
            for (int64_t i = 0; i < num; i++)
                build_free(&parts[i]);
            pqf_arena_reset(&arena);
            build_array_text(&whole.schema, &out, mem, have, sizeof have);
            pqf_array_release(&out);
            if (strcmp(have, want) != 0)
                fail_msg("%s cut at %lld: %s", ARRAYS[r].type, (long long)cut, have);
        }
        build_free(&whole);
    }
}

static pqf_status concat_two(const char *type, const char *a, const char *b,
                             struct ArrowSchema *schema, struct ArrowArray *out) {
    built x = build(mem, type, a), y = build(mem, type, b);
    pqf_view views[2];
    pqf_arena arena;
    pqf_arena_init(&arena, mem);
    BUILD_OK(pqf_view_init(&views[0], &x.schema, &x.array, true, &arena, &build_error));
    BUILD_OK(pqf_view_init(&views[1], &y.schema, &y.array, true, &arena, &build_error));
    pqf_error_init(&build_error);
    pqf_status status = pqf_array_concat(views, 2, mem, out, &build_error);
    pqf_arena_reset(&arena);
    *schema = x.schema;
    pqf_array_release(&x.array);
    build_free(&y);
    return status;
}

static void dictionaries_become_one_with_every_value_once(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct ArrowArray out;
    assert_int_equal(concat_two("dict(c;u)", "a, b, null, c", "c, d, a", &schema, &out),
                     PQF_OK);
    build_array_text(&schema, &out, mem, have, sizeof have);
    assert_string_equal(have, "a, b, null, c, c, d, a");
    assert_int_equal(out.dictionary->length, 4);
    pqf_array_release(&out);
    pqf_schema_release(&schema);
}

/* 100 and 100 values of which 60 are the same have codes of one byte; 100 and 100 others have not. */
static void an_index_type_that_cannot_count_the_values_is_an_error(void **state) {
    (void)state;
    static char a[2000], b[2000];
    for (int first = 40; first <= 100; first += 60) {
        size_t na = 0, nb = 0;
        struct ArrowSchema schema;
        struct ArrowArray out;
        for (int i = 0; i < 100; i++) {
            na += (size_t)snprintf(a + na, sizeof a - na, "%sv%d", i ? "," : "", i);
            nb +=
                (size_t)snprintf(b + nb, sizeof b - nb, "%sv%d", i ? "," : "", first + i);
        }
        pqf_status status = concat_two("dict(C;u)", a, b, &schema, &out);
        assert_int_equal(status, PQF_OK);
        pqf_array_release(&out);
        pqf_schema_release(&schema);
        status = concat_two("dict(c;u)", a, b, &schema, &out);
        assert_int_equal(status, PQF_LIMIT);
        pqf_schema_release(&schema);
    }
}

/* ---- widening ---- */

static const struct {
    const char *from, *values, *to, *text;
} WIDER[] = {
    {"c", "-128, null, 127", "l", "-128, null, 127"},
    {"C", "255, 0", "s", "255, 0"},
    {"I", "4294967295", "l", "4294967295"},
    {"s", "-32768, 32767", "f", "-32768.0, 32767.0"},
    {"i", "-2147483648, 2147483647, null", "g", "-2147483648.0, 2147483647.0, null"},
    {"I", "4294967295", "g", "4294967295.0"},
    {"e", "0.5, nan, -inf", "g", "0.5, nan, -inf"},
    {"f", "0.5, -0.0", "g", "0.5, -0.0"},
    {"d:5,2", "12345, null", "d:9,4", "123.4500, null"},
    {"d:5,2,32", "12345", "d:9,4,256", "123.4500"},
    {"i", "-7, null", "d:12,2", "-7.00, null"},
    {"L", "18446744073709551615", "d:38,18", "18446744073709551615.000000000000000000"},
    {"l", "-9223372036854775808", "d:60,40,256",
     "-9223372036854775808.0000000000000000000000000000000000000000"},
    {"tdD", "-719162, 2932896", "tdm", "0001-01-01, 9999-12-31"},
    {"tts", "86399", "ttn", "23:59:59.000000000"},
    {"tss:", "-1, null", "tsn:", "1969-12-31 23:59:59.000000000, null"},
    {"tsm:Asia/Tokyo", "0", "tsu:UTC", "1970-01-01 00:00:00.000000Z"},
    {"tsu:Asia/Tokyo", "0", "tsu:UTC", "1970-01-01 00:00:00.000000Z"},
    {"tDs", "-5", "tDn", "-5000000000ns"},
    {"u", "a, null, ''", "U", "a, null, "},
    {"u", "a, null, 'more than twelve bytes'", "vu", "a, null, more than twelve bytes"},
    {"vu", "a, null, 'more than twelve bytes'", "U", "a, null, more than twelve bytes"},
    {"w:2", "0x0001, null", "z", "0x0001, null"},
    {"w:2", "0x0001, null", "vz", "0x0001, null"},
    {"n", "null, null", "+l(item:i)", "null, null"},
    {"dict(c;u)", "a, b, null, a", "u", "a, b, null, a"},
    {"dict(c;u)", "a, b, null, a", "U", "a, b, null, a"},
    {"dict(c;u)", "a, b, null, a", "dict(i;U)", "a, b, null, a"},
    {"+l(item:i)", "[1,2], null, []", "+L(item:l)", "[1, 2], null, []"},
    {"+w:2(item:i)", "[1,2], null", "+w:2(item:l)", "[1, 2], null"},
    {"+vl(item:i)", "[1,2], null", "+vl(item:l)", "[1, 2], null"},
    {"+m(key!:u;value:i)", "[{a,1},{b,null}], []", "+m(key!:u;value:l)",
     "[{key: a, value: 1}, {key: b, value: null}], []"},
    {"+s(x:i;y:u)", "{1,a}, null, {null,b}", "+s(y:U;z:g;x:l)",
     "{y: a, z: null, x: 1}, null, {y: b, z: null, x: null}"},
    {"+s(x:i;y:u)", "{1,a}, null", "+s(y:u)", "{y: a}, null"},
    {"+l(item:+s(x:i))", "[{1},null], null, [{3}]", "+l(item:+s(x:l;y:+l(item:i)))",
     "[{x: 1, y: null}, null], null, [{x: 3, y: null}]"},
};

static pqf_status widen(const char *from, const char *values, int64_t skip,
                        const char *to, struct ArrowSchema *schema,
                        struct ArrowArray *out) {
    built in = build(mem, from, values);
    pqf_arena arena;
    pqf_view view;
    *schema = build_schema(to);
    pqf_arena_init(&arena, mem);
    build_slice(&in, skip, in.array.length - skip);
    BUILD_OK(pqf_view_init(&view, &in.schema, &in.array, true, &arena, &build_error));
    pqf_error_init(&build_error);
    pqf_status status = pqf_array_widen(&view, schema, mem, out, &build_error);
    build_free(&in);
    pqf_arena_reset(&arena);
    return status;
}

static void wider_types_hold_the_values(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct ArrowArray out;
    for (size_t i = 0; i < sizeof WIDER / sizeof WIDER[0]; i++) {
        BUILD_OK(widen(WIDER[i].from, WIDER[i].values, 0, WIDER[i].to, &schema, &out));
        build_array_text(&schema, &out, mem, have, sizeof have);
        if (strcmp(have, WIDER[i].text) != 0)
            fail_msg("%s as %s: %s", WIDER[i].from, WIDER[i].to, have);
        pqf_array_release(&out);
        pqf_schema_release(&schema);
    }
}

static void a_slice_is_widened_without_what_it_leaves_out(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct ArrowArray out;
    BUILD_OK(widen("+l(item:+s(x:i))", "[{1},null], null, [{3}]", 2, "+L(item:+s(x:l))",
                   &schema, &out));
    build_array_text(&schema, &out, mem, have, sizeof have);
    assert_string_equal(have, "[{x: 3}]");
    assert_int_equal(out.children[0]->length, 1);
    pqf_array_release(&out);
    pqf_schema_release(&schema);
}

static void a_time_beyond_the_finer_unit_is_an_error(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct ArrowArray out;
    assert_int_equal(widen("tss:", "1, 32503680000", 0, "tsn:", &schema, &out),
                     PQF_SCHEMA);
    assert_non_null(strstr(build_error.message, "3000-01-01"));
    assert_non_null(strstr(build_error.message, "timestamp[ns]"));
    pqf_schema_release(&schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_give_the_whole),
        cmocka_unit_test(dictionaries_become_one_with_every_value_once),
        cmocka_unit_test(an_index_type_that_cannot_count_the_values_is_an_error),
        cmocka_unit_test(wider_types_hold_the_values),
        cmocka_unit_test(a_slice_is_widened_without_what_it_leaves_out),
        cmocka_unit_test(a_time_beyond_the_finer_unit_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
