/* SPDX-License-Identifier: Apache-2.0
 *
 * test_view.c: checked views of arrays that strangers made, values as text, and taking
 * rows.
 */
#include "arrow/build.h"

static pqf_mem *mem;
static char space[8192];

static char *text_of(const built *b) {
    return build_array_text(&b->schema, &b->array, mem, space, sizeof space);
}

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

/* One row per type: what goes in and the text that comes out. */
static const struct {
    const char *type, *values, *text;
} TEXTS[] = {
    {"n", "null, null", "null, null"},
    {"b", "true, null, false", "true, null, false"},
    {"c", "-128, null, 127", "-128, null, 127"},
    {"C", "255, 0", "255, 0"},
    {"s", "-32768, 32767", "-32768, 32767"},
    {"S", "65535", "65535"},
    {"i", "-2147483648, null", "-2147483648, null"},
    {"I", "4294967295", "4294967295"},
    {"l", "-9223372036854775808, 9223372036854775807",
     "-9223372036854775808, 9223372036854775807"},
    {"L", "18446744073709551615", "18446744073709551615"},
    {"e", "0.5, -0.0, 65504", "0.5, -0.0, 65504.0"},
    {"f", "0.1, 1e30", "0.1, 1e+30"},
    {"g", "0.1, nan, inf, -inf, -0.0, 3", "0.1, nan, inf, -inf, -0.0, 3.0"},
    {"u", "x, '', null, 'a long string that is not inline'",
     "x, , null, a long string that is not inline"},
    {"U", "x, '', null", "x, , null"},
    {"vu", "x, '', null, twelve-bytes, 'thirteen-byte', 'a long string'",
     "x, , null, twelve-bytes, thirteen-byte, a long string"},
    {"z", "0x00ff, null, ''", "0x00ff, null, 0x"},
    {"vz", "0x00ff", "0x00ff"},
    {"w:2", "0x00ff, null", "0x00ff, null"},
    {"u", "0x61ff0a", "a\\xff\\x0a"},
    {"d:5,2", "12345, -1, 0, null", "123.45, -0.01, 0, null"},
    {"d:5,2,32", "-99999", "-999.99"},
    {"d:18,18,64", "-1", "-0.000000000000000001"},
    {"d:3,-2", "7", "7E+2"},
    {"d:76,0,256",
     "9999999999999999999999999999999999999999999999999999999999999999999999999999",
     "9999999999999999999999999999999999999999999999999999999999999999999999999999"},
    {"tdD", "0, -1, 11016, -719162, 2932896",
     "1970-01-01, 1969-12-31, 2000-02-29, 0001-01-01, 9999-12-31"},
    {"tdm", "86400000, -86400000, 1", "1970-01-02, 1969-12-31, 1970-01-01 (1 ms)"},
    {"tts", "86399, 86400", "23:59:59, 86400"},
    {"ttn", "1", "00:00:00.000000001"},
    {"tsn:", "-1", "1969-12-31 23:59:59.999999999"},
    {"tsu:UTC", "1500000", "1970-01-01 00:00:01.500000Z"},
    {"tDs", "-5", "-5s"},
    {"+l(item:i)", "[1,null], null, []", "[1, null], null, []"},
    {"+L(item:u)", "[a], []", "[a], []"},
    {"+vl(item:i)", "[1,2], null", "[1, 2], null"},
    {"+vL(item:i)", "[1,2], null", "[1, 2], null"},
    {"+w:2(item:i)", "[1,2], null, [3,null]", "[1, 2], null, [3, null]"},
    {"+s(x:i;y:u)", "{1,a}, null, {null,b}", "{x: 1, y: a}, null, {x: null, y: b}"},
    {"+m(key!:u;value:i)", "[{a,1},{b,null}], []",
     "[{key: a, value: 1}, {key: b, value: null}], []"},
    {"dict(c;u)", "a, b, null, a", "a, b, null, a"},
    {"+r(i;u)", "a, a, null, b", "a, a, null, b"},
    {"+r(s;+l(item:i))", "[1], [1], []", "[1], [1], []"},
};
#define NUM_TEXTS (sizeof TEXTS / sizeof TEXTS[0])

static void texts(void **state) {
    (void)state;
    for (size_t k = 0; k < NUM_TEXTS; k++) {
        built b = build(mem, TEXTS[k].type, TEXTS[k].values);
        assert_string_equal(text_of(&b), TEXTS[k].text);
        build_free(&b);
    }
}

/* A long text is cut at 80 characters, not bytes, and never inside one. */
static void text_is_cut(void **state) {
    (void)state;
    char values[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(values, "\xc3\xa9");
    built b = build(mem, "u", values);
    char *text = text_of(&b);
    assert_int_equal(strlen(text), 160);
    pqf_arena arena;
    pqf_arena_init(&arena, mem);
    pqf_view v;
    BUILD_OK(pqf_view_init(&v, &b.schema, &b.array, true, &arena, &build_error));
    char small[6];
    pqf_view_text(&v, 0, small, sizeof small);
    assert_string_equal(small, "\xc3\xa9\xc3\xa9");
    pqf_arena_reset(&arena);
    build_free(&b);
}

/* ---- slices and taking rows ---- */

/* Splits "a, b, c" at top-level commas into at most 16 parts. */
static int split(char *text, char *parts[16]) {
    int n = 0, depth = 0;
    for (char *p = text, *start = text;; p++) {
        depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
        if (*p && (depth || strncmp(p, ", ", 2) != 0)) continue;
        parts[n++] = start;
        if (!*p) return n;
        *p = 0;
        start = p + 2;
    }
}

static void slices(void **state) {
    (void)state;
    for (size_t k = 0; k < NUM_TEXTS; k++) {
        char whole[1024], *parts[16];
        snprintf(whole, sizeof whole, "%s", TEXTS[k].text);
        int n = split(whole, parts);
        for (int start = 0; start <= n; start++) {
            built b = build(mem, TEXTS[k].type, TEXTS[k].values);
            build_slice(&b, start, n - start);
            char want[1024] = "";
            for (int i = start; i < n; i++) {
                if (i > start) strcat(want, ", ");
                strcat(want, parts[i]);
            }
            assert_string_equal(text_of(&b), want);
            build_free(&b);
        }
    }
}

static void gather_all(void **state) {
    (void)state;
    for (size_t k = 0; k < NUM_TEXTS; k++) {
        char whole[1024], *parts[16], want[4096] = "";
        snprintf(whole, sizeof whole, "%s", TEXTS[k].text);
        int n = split(whole, parts);
        built b = build(mem, TEXTS[k].type, TEXTS[k].values);
        pqf_arena arena;
        pqf_view v;
        pqf_arena_init(&arena, mem);
        BUILD_OK(pqf_view_init(&v, &b.schema, &b.array, true, &arena, &build_error));
        /* Backwards, then a null, then the last twice. */
        int64_t indexes[20], count = 0;
        for (int i = n; i-- > 0;)
            indexes[count++] = i;
        indexes[count++] = -1;
        indexes[count++] = n - 1;
        indexes[count++] = n - 1;
        for (int64_t i = 0; i < count; i++) {
            if (i) strcat(want, ", ");
            strcat(want, indexes[i] < 0 ? "null" : parts[indexes[i]]);
        }
        built out = {.schema = b.schema};
        for (int64_t take = count; take >= 0; take -= count) {
            BUILD_OK(pqf_array_gather(&v, indexes, take, mem, &out.array, &build_error));
            assert_string_equal(text_of(&out), take ? want : "");
            pqf_array_release(&out.array);
        }
        int64_t one = 0; /* fewer rows than a dictionary has values */
        BUILD_OK(pqf_array_gather(&v, &one, 1, mem, &out.array, &build_error));
        assert_string_equal(text_of(&out), parts[0]);
        pqf_array_release(&out.array);
        pqf_arena_reset(&arena);
        build_free(&b);
    }
}

static void nulls_of_all_types(void **state) {
    (void)state;
    for (size_t k = 0; k < NUM_TEXTS; k++) {
        built b = {.schema = build_schema(TEXTS[k].type)};
        for (int64_t n = 0; n < 3; n++) {
            static const char *const WANT[] = {"", "null", "null, null"};
            BUILD_OK(pqf_array_nulls(&b.schema, n, mem, &b.array, &build_error));
            assert_string_equal(text_of(&b), WANT[n]);
            pqf_array_release(&b.array);
        }
        pqf_schema_release(&b.schema);
    }
}

/* ---- what strangers may and may not do ---- */

static pqf_status check(const built *b) {
    pqf_arena arena;
    pqf_view v;
    pqf_arena_init(&arena, mem);
    pqf_error_init(&build_error);
    pqf_status status =
        pqf_view_init(&v, &b->schema, &b->array, true, &arena, &build_error);
    pqf_arena_reset(&arena);
    return status;
}

static int32_t *ints_of(const struct ArrowArray *array, int64_t i) {
    return (int32_t *)(uintptr_t)array->buffers[i];
}

static void empty_arrays_need_no_buffers(void **state) {
    (void)state;
    static const char *const TYPES[] = {
        "i",         "b",      "u",          "U",           "vu",
        "w:3",       "d:5,2",  "+l(item:i)", "+vl(item:i)", "+w:2(item:i)",
        "dict(c;u)", "+s(x:i)"};
    for (size_t k = 0; k < sizeof TYPES / sizeof TYPES[0]; k++) {
        built b = build(mem, TYPES[k], "");
        const void *none[4] = {NULL};
        const void **before = b.array.buffers;
        b.array.buffers = none;
        b.array.offset = 7;
        b.array.null_count = -1;
        assert_string_equal(text_of(&b), "");
        b.array.buffers = before;
        b.array.offset = 0;
        build_free(&b);
    }
}

static void offsets_are_checked(void **state) {
    (void)state;
    built b = build(mem, "u", "abc, de, f");
    int32_t *o = ints_of(&b.array, 1);
    o[0] = 1; /* need not begin at 0 */
    assert_string_equal(text_of(&b), "bc, de, f");
    o[0] = -1;
    assert_int_equal(check(&b), PQF_INVALID);
    o[0] = 4;
    assert_int_equal(check(&b), PQF_INVALID);
    o[0] = 0;
    o[1] = 7; /* beyond the next, within the last */
    assert_int_equal(check(&b), PQF_INVALID);
    o[1] = 3;
    const void *bytes = b.array.buffers[2];
    b.array.buffers[2] = NULL;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.buffers[2] = bytes;
    assert_int_equal(check(&b), PQF_OK);
    build_free(&b);
    b = build(mem, "+l(item:i)", "[1,2],[3]");
    ints_of(&b.array, 1)[2] = 4;
    assert_int_equal(check(&b), PQF_INVALID);
    build_free(&b);
}

/* A null list may keep a range; nobody sees what is in it. */
static void ranges_under_null_lists(void **state) {
    (void)state;
    built b = build(mem, "+l(item:i)", "[1,2],[3],null");
    *(uint8_t *)(uintptr_t)b.array.buffers[0] = 5 & 1;
    b.array.null_count = -1;
    assert_string_equal(text_of(&b), "[1, 2], null, null");
    build_free(&b);
}

static void list_views(void **state) {
    (void)state;
    built b = build(mem, "+vl(item:i)", "[1,2],[3],null");
    int32_t *offsets = ints_of(&b.array, 1), *sizes = ints_of(&b.array, 2);
    offsets[0] = 2, offsets[1] = 0, sizes[0] = 1,
    sizes[1] = 3;                        /* out of order, overlapping */
    offsets[2] = 1 << 30, sizes[2] = -7; /* garbage under null */
    assert_string_equal(text_of(&b), "[3], [1, 2, 3], null");
    sizes[1] = 4;
    assert_int_equal(check(&b), PQF_INVALID);
    sizes[1] = -1;
    assert_int_equal(check(&b), PQF_INVALID);
    build_free(&b);
}

static void dictionaries(void **state) {
    (void)state;
    built b =
        build(mem, "dict(c;u)", "a, b, null, a"); /* index 99 stands under the null */
    assert_string_equal(text_of(&b), "a, b, null, a");
    int8_t *index = (int8_t *)(uintptr_t)b.array.buffers[1];
    index[0] = 2;
    assert_int_equal(check(&b), PQF_INVALID);
    index[0] = -1;
    assert_int_equal(check(&b), PQF_INVALID);
    index[0] = 1; /* value 0 is used no more than once now */
    assert_string_equal(text_of(&b), "b, b, null, a");
    build_free(&b);
    b = build(mem, "dict(C;u)", "a, b, null");
    struct ArrowArray values;
    built with_null = build(mem, "u", "x, null"); /* a null among the values */
    values = with_null.array;
    pqf_array_release(b.array.dictionary);
    BUILD_OK(pqf_array_take_child(&b.array, -1, &values, &build_error));
    assert_string_equal(text_of(&b), "x, null, null");
    build_free(&b);
    pqf_schema_release(&with_null.schema);
}

static void binary_views(void **state) {
    (void)state;
    built b = build(mem, "vu", "short, 'longer than twelve', null");
    uint8_t *views = (uint8_t *)(uintptr_t)b.array.buffers[1];
    memset(views + 32, 0xEE, 16); /* garbage under null */
    assert_string_equal(text_of(&b), "short, longer than twelve, null");
    pqf_store_u32(views + 16 + 12, 1);
    assert_int_equal(check(&b), PQF_INVALID);
    pqf_store_u32(views + 16 + 12, 0);
    pqf_store_u32(views + 16 + 8, 1);
    assert_int_equal(check(&b), PQF_INVALID);
    pqf_store_u32(views + 16 + 8, 0);
    pqf_store_u32(views, UINT32_MAX);
    assert_int_equal(check(&b), PQF_INVALID);
    build_free(&b);
}

static void runs(void **state) {
    (void)state;
    built b = build(mem, "+r(i;u)", "a, a, b, b, b, c");
    build_slice(&b, 1, 4);
    assert_string_equal(text_of(&b), "a, b, b, b");
    b.array.length = 6; /* one more than the runs have */
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.length = 4;
    int32_t *ends = ints_of(b.array.children[0], 1);
    ends[1] = 2;
    assert_int_equal(check(&b), PQF_INVALID);
    build_free(&b);
}

static void shapes_are_checked(void **state) {
    (void)state;
    built b = build(mem, "+s(x:i;y:u)", "{1,a},{2,b}");
    b.array.children[1]->length = 1;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.children[1]->length = 2;
    b.array.n_children = 1;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.n_children = 2;
    b.array.null_count = 1; /* but no validity */
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.null_count = -1;
    assert_int_equal(check(&b), PQF_OK);
    b.array.offset = INT64_MAX;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.offset = 0;
    b.array.length = -1;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.length = 2;
    b.array.n_buffers = 2;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.n_buffers = 1;
    build_free(&b);
    b = build(mem, "+w:2(item:i)", "[1,2],[3,4]");
    b.array.offset = 1;
    assert_int_equal(check(&b), PQF_INVALID);
    b.array.offset = 0;
    build_free(&b);
}

/* ---- numbers that point somewhere, changed at random ---- */

static uint64_t seed;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Bytes of the buffer whose numbers are checked: offsets, indexes, views, run ends.
 * Offsets of binary data are left out, since the interface does not say where that
 * ends. */
static size_t pointing_bytes(const struct ArrowSchema *schema,
                             const struct ArrowArray *array, bool is_run_ends) {
    pqf_type type;
    size_t n = (size_t)array->length;
    BUILD_OK(pqf_type_parse(schema->format, &type, &build_error));
    switch (type.shape) {
    case PQF_SHAPE_LIST: return 4 * (n + 1);
    case PQF_SHAPE_LARGE_LIST: return 8 * (n + 1);
    case PQF_SHAPE_LIST_VIEW: return 4 * n;
    case PQF_SHAPE_LARGE_LIST_VIEW: return 8 * n;
    case PQF_SHAPE_VIEW: return 16 * n;
    case PQF_SHAPE_FIXED:
        return schema->dictionary || is_run_ends ? (size_t)type.byte_width * n : 0;
    default: return 0;
    }
}

static void mutate(const struct ArrowSchema *schema, struct ArrowArray *array,
                   bool is_run_ends) {
    size_t bytes = pointing_bytes(schema, array, is_run_ends);
    bool is_runs = strcmp(schema->format, "+r") == 0;
    for (int64_t i = 0; i < array->n_children; i++)
        mutate(schema->children[i], array->children[i], is_runs && i == 0);
    if (array->dictionary) mutate(schema->dictionary, array->dictionary, false);
    if (bytes == 0 || next_random() % 2) return;
    bool sizes = strncmp(schema->format, "+v", 2) == 0 && next_random() % 2;
    uint8_t *at =
        (uint8_t *)(uintptr_t)array->buffers[sizes ? 2 : 1] + next_random() % bytes;
    *at = next_random() % 4 ? (uint8_t)(next_random() % 8) : (uint8_t)next_random();
}

/* Whatever passes the check can be looked at, taken from and measured. */
static void mutations(void **state) {
    (void)state;
    int passed = 0, refused = 0;
    for (uint64_t run = 1; run <= 200; run++) {
        uint64_t start = seed = run * 0x9E3779B97F4A7C15u;
        for (size_t k = 0; k < NUM_TEXTS; k++) {
            built b = build(mem, TEXTS[k].type, TEXTS[k].values);
            mutate(&b.schema, &b.array, false);
            pqf_arena arena;
            pqf_view v;
            pqf_arena_init(&arena, mem);
            pqf_error_init(&build_error);
            pqf_status status =
                pqf_view_init(&v, &b.schema, &b.array, true, &arena, &build_error);
            if (status != PQF_OK && status != PQF_INVALID)
                fail_msg("seed %llu: %s", (unsigned long long)start, build_error.message);
            refused += status != PQF_OK;
            if (status == PQF_OK) {
                int64_t indexes[16];
                built out = {.schema = b.schema};
                char before[sizeof space];
                for (int64_t i = 0; i < v.length; i++)
                    indexes[i] = i;
                strcpy(before, text_of(&b));
                BUILD_OK(pqf_array_gather(&v, indexes, v.length, mem, &out.array,
                                          &build_error));
                assert_string_equal(text_of(&out), before);
                assert_true(pqf_view_data_bytes(&v, 0, v.length) >= 0);
                pqf_array_release(&out.array);
                passed++;
            }
            pqf_arena_reset(&arena);
            build_free(&b);
        }
    }
    assert_true(passed > 100 && refused > 100);
}

/* ---- bytes of rows ---- */

static void data_bytes_are_additive(void **state) {
    (void)state;
    for (size_t k = 0; k < NUM_TEXTS; k++) {
        built b = build(mem, TEXTS[k].type, TEXTS[k].values);
        pqf_arena arena;
        pqf_view v;
        pqf_arena_init(&arena, mem);
        BUILD_OK(pqf_view_init(&v, &b.schema, &b.array, true, &arena, &build_error));
        int64_t sum = 0;
        for (int64_t i = 0; i < v.length; i++)
            sum += pqf_view_data_bytes(&v, i, 1);
        assert_int_equal(pqf_view_data_bytes(&v, 0, v.length), sum);
        pqf_arena_reset(&arena);
        build_free(&b);
    }
    built b = build(mem, "+l(item:u)", "[ab,c],[d]");
    pqf_arena arena;
    pqf_view v;
    pqf_arena_init(&arena, mem);
    BUILD_OK(pqf_view_init(&v, &b.schema, &b.array, true, &arena, &build_error));
    assert_int_equal(pqf_view_data_bytes(&v, 0, 2), 2 * 4 + 3 * 4 + 4);
    pqf_arena_reset(&arena);
    build_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(text_is_cut),
        cmocka_unit_test(slices),
        cmocka_unit_test(gather_all),
        cmocka_unit_test(nulls_of_all_types),
        cmocka_unit_test(empty_arrays_need_no_buffers),
        cmocka_unit_test(offsets_are_checked),
        cmocka_unit_test(ranges_under_null_lists),
        cmocka_unit_test(list_views),
        cmocka_unit_test(dictionaries),
        cmocka_unit_test(binary_views),
        cmocka_unit_test(runs),
        cmocka_unit_test(shapes_are_checked),
        cmocka_unit_test(mutations),
        cmocka_unit_test(data_bytes_are_additive),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
