/* SPDX-License-Identifier: Apache-2.0
 *
 * test_unify.c: two schemas as one: columns, types that hold two others, and the text of what
 * differs.
 */
#include "arrow/build.h"

static pqf_mem *mem;

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

static pqf_error unify_error;

/* Two structs by their fields; the result as "+s(...)" of pqf_type_text, "" where they differ. */
static const char *unified(const char *a, const char *b, pqf_unify_rule rule) {
    static char text[512];
    char type[256];
    struct ArrowSchema out;
    snprintf(type, sizeof type, "+s(%s)", a);
    struct ArrowSchema x = build_schema(type);
    snprintf(type, sizeof type, "+s(%s)", b);
    struct ArrowSchema y = build_schema(type);
    pqf_error_init(&unify_error);
    text[0] = 0;
    if (pqf_schema_unify(&x, &y, rule, "there", &out, &unify_error) == PQF_OK) {
        pqf_type_text(&out, text, sizeof text);
        pqf_schema_release(&out);
    }
    pqf_schema_release(&x);
    pqf_schema_release(&y);
    return text;
}

/* ---- types ---- */

/* Two types and the one of both; "" where there is none. */
static const struct {
    const char *a, *b, *both;
} WIDENINGS[] = {
    {"c", "s", "int16"},
    {"i", "l", "int64"},
    {"C", "L", "uint64"},
    {"C", "c", "int16"},
    {"C", "s", "int16"},
    {"S", "c", "int32"},
    {"I", "i", "int64"},
    {"I", "l", "int64"},
    {"L", "l", ""},
    {"L", "c", ""},
    {"c", "e", "halffloat"},
    {"s", "e", "float"},
    {"i", "e", "double"},
    {"c", "f", "float"},
    {"S", "f", "float"},
    {"i", "f", "double"},
    {"I", "g", "double"},
    {"l", "g", ""},
    {"L", "g", ""},
    {"l", "f", ""},
    {"e", "f", "float"},
    {"f", "g", "double"},
    {"d:5,2", "d:7,4", "decimal128(7, 4)"},
    {"d:5,2", "d:7,0", "decimal128(9, 2)"},
    {"d:38,0", "d:38,1", ""},
    {"d:38,0,256", "d:38,1", "decimal256(39, 1)"},
    {"d:9,0,32", "d:9,2,32", "decimal64(11, 2)"},
    {"d:5,-2", "d:3,1", "decimal128(8, 1)"},
    {"d:5,2", "c", "decimal128(5, 2)"},
    {"d:5,2", "i", "decimal128(12, 2)"},
    {"l", "d:20,19", "decimal128(38, 19)"},
    {"L", "d:20,19", ""},
    {"d:5,2", "g", ""},
    {"b", "c", ""},
    {"b", "b", "bool"},
    {"tdD", "tdm", "date64[ms]"},
    {"tdD", "tsu:", ""},
    {"tdm", "tsm:", ""},
    {"tts", "ttm", "time32[ms]"},
    {"ttm", "ttn", "time64[ns]"},
    {"ttu", "ttu", "time64[us]"},
    {"tDs", "tDn", "duration[ns]"},
    {"tss:", "tsu:", "timestamp[us]"},
    {"tsu:UTC", "tsu:Asia/Tokyo", "timestamp[us, tz=UTC]"},
    {"tsm:Asia/Tokyo", "tsu:Asia/Tokyo", "timestamp[us, tz=Asia/Tokyo]"},
    {"tsu:", "tsu:UTC", ""},
    {"l", "tsu:", ""},
    {"u", "U", "large_string"},
    {"u", "vu", "string_view"},
    {"vu", "U", "large_string"},
    {"z", "Z", "large_binary"},
    {"w:4", "z", "binary"},
    {"w:4", "w:8", "binary"},
    {"w:4", "vz", "binary_view"},
    {"u", "z", ""},
    {"u", "i", ""},
    {"n", "i", "int32"},
    {"n", "+l(item:i)", "list<item: int32>"},
    {"dict(i;u)", "u", "string"},
    {"dict(i;u)", "U", "large_string"},
    {"dict(c;u)", "dict(i;u)", "dictionary<int32, string>"},
    {"dict(c;u)", "dict(C;U)", "dictionary<int16, large_string>"},
    {"dict(i;u)", "i", ""},
    {"+l(item:i)", "+l(item:l)", "list<item: int64>"},
    {"+l(item:i)", "+L(item:i)", "large_list<item: int32>"},
    {"+l(item!:i)", "+l(item:i)", "list<item: int32>"},
    {"+l(item:i)", "+w:2(item:i)", ""},
    {"+w:2(item:i)", "+w:2(item:l)", "fixed_size_list<item: int64>[2]"},
    {"+l(item:i)", "i", ""},
    {"+vl(item:i)", "+vl(item:l)", "list_view<item: int64>"},
    {"+s(x:i)", "+s(y:u)", "struct<x: int32, y: string>"},
    {"+s(x!:i;y!:u)", "+s(y!:u;x!:l)", "struct<x: int64 not null, y: string not null>"},
    {"+s(x!:i)", "+s(x!:i;y!:u)", "struct<x: int32 not null, y: string>"},
    {"+m(key!:u;value:i)", "+m(key!:u;value:l)", "map<string, int64>"},
    {"+l(item:+s(x:i))", "+l(item:+s(x:l;y:g))",
     "list<item: struct<x: int64, y: double>>"},
};

static void types_hold_both_values(void **state) {
    (void)state;
    char a[128], b[128], want[160];
    for (size_t i = 0; i < sizeof WIDENINGS / sizeof WIDENINGS[0]; i++) {
        snprintf(a, sizeof a, "a:%s", WIDENINGS[i].a);
        snprintf(b, sizeof b, "a:%s", WIDENINGS[i].b);
        bool none = !*WIDENINGS[i].both;
        snprintf(want, sizeof want, none ? "" : "struct<a: %s>", WIDENINGS[i].both);
        for (int turn = 0; turn < 2; turn++) {
            const char *have =
                turn ? unified(b, a, PQF_RULE_WIDEN) : unified(a, b, PQF_RULE_WIDEN);
            bool swapped_fields = turn && strchr(WIDENINGS[i].a, '(');
            if (none != !*have || (!swapped_fields && strcmp(have, want) != 0))
                fail_msg("%s and %s: %s, not %s", a, b, have, want);
        }
    }
}

static void a_type_with_itself_is_itself_under_every_rule(void **state) {
    (void)state;
    char a[128];
    for (size_t i = 0; i < sizeof WIDENINGS / sizeof WIDENINGS[0]; i++) {
        snprintf(a, sizeof a, "a:%s", WIDENINGS[i].a);
        for (int rule = 0; rule <= PQF_RULE_DECLARED; rule++)
            if (!*unified(a, a, (pqf_unify_rule)rule))
                fail_msg("%s under rule %d: %s", a, rule, unify_error.message);
    }
}

static void only_widening_changes_types(void **state) {
    (void)state;
    assert_string_equal(unified("a:i", "a:l", PQF_RULE_STRICT), "");
    assert_string_equal(unified("a:i", "a:l", PQF_RULE_ADD), "");
    assert_string_equal(unified("a:n", "a:l", PQF_RULE_ADD), "");
    assert_string_equal(unified("a:+s(x:i)", "a:+s(x:i;y:i)", PQF_RULE_ADD), "");
    assert_string_equal(unified("a:+s(x:i;y:i)", "a:+s(y:i;x:i)", PQF_RULE_ADD), "");
    assert_string_equal(unified("a:+s(x:i;y:i)", "a:+s(y:i;x:i)", PQF_RULE_WIDEN),
                        "struct<a: struct<x: int32, y: int32>>");
}

/* ---- columns ---- */

static void columns_come_in_the_order_of_their_appearance(void **state) {
    (void)state;
    assert_string_equal(unified("b!:i;a!:u", "c!:g;a!:u;b!:i", PQF_RULE_ADD),
                        "struct<b: int32 not null, a: string not null, c: double>");
    assert_string_equal(unified("b!:i;a!:u", "a!:u", PQF_RULE_ADD),
                        "struct<b: int32, a: string not null>");
    assert_string_equal(unified("a!:i", "a:i", PQF_RULE_ADD), "struct<a: int32>");
    assert_string_equal(unified("", "a!:i", PQF_RULE_ADD), "struct<a: int32>");
    assert_string_equal(unified("b:i;a:u", "a!:u;b:i", PQF_RULE_STRICT),
                        "struct<b: int32, a: string>");
}

static void strict_wants_the_same_columns(void **state) {
    (void)state;
    assert_string_equal(unified("a:i", "a:i;b:u", PQF_RULE_STRICT), "");
    assert_string_equal(unify_error.message,
                        "1 column differs:\n  b: string here, missing "
                        "there\nunify='add' allows this");
    assert_string_equal(unified("a:i;b:u", "a:i", PQF_RULE_STRICT), "");
    assert_string_equal(unify_error.message,
                        "1 column differs:\n  b: missing here, string "
                        "there\nunify='add' allows this");
    assert_string_equal(unified("a!:i", "a:i", PQF_RULE_STRICT), "");
    assert_string_equal(unify_error.message,
                        "1 column differs:\n  a: int32 here, int32 not null there\n"
                        "unify='add' allows this");
}

static void a_declared_schema_is_the_result(void **state) {
    (void)state;
    assert_string_equal(unified("c:g;a:l", "x:u;a:i", PQF_RULE_DECLARED),
                        "struct<c: double, a: int64>");
    assert_string_equal(unified("a:+s(x:l;z:u)", "a:+s(y:i;x:i)", PQF_RULE_DECLARED),
                        "struct<a: struct<x: int64, z: string>>");
    assert_string_equal(unified("a:i", "a:l", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a!:i", "b:l", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a!:i", "a:i", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a:dict(i;u)", "a:u", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a:u", "a:dict(i;u)", PQF_RULE_DECLARED),
                        "struct<a: string>");
    assert_string_equal(unified("a:u", "a:U", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a:+l(item:i)", "a:+L(item:i)", PQF_RULE_DECLARED), "");
    assert_string_equal(unified("a:+L(item:i)", "a:+l(item:i)", PQF_RULE_DECLARED),
                        "struct<a: large_list<item: int32>>");
    assert_string_equal(unified("a:tsu:Asia/Tokyo", "a:tsm:UTC", PQF_RULE_DECLARED),
                        "struct<a: timestamp[us, tz=Asia/Tokyo]>");
    assert_string_equal(unified("a:d:9,2", "a:d:9,3", PQF_RULE_DECLARED), "");
}

/* ---- messages ---- */

static void put_fields(char *out, size_t bytes, int num, int different, bool is_other) {
    size_t len = 0;
    out[0] = 0;
    for (int i = 0; i < num; i++)
        len += (size_t)snprintf(out + len, bytes - len, "%scolumn_number_%d:%s",
                                i ? ";" : "", i, is_other && i < different ? "u" : "l");
}

static int64_t lines_of(const char *text) {
    int64_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void differences_of(int num, int different) {
    static char a[40000], b[40000];
    strcpy(a, "+s(");
    strcpy(b, "+s(");
    put_fields(a + 3, sizeof a - 4, num, different, false);
    put_fields(b + 3, sizeof b - 4, num, different, true);
    strcat(a, ")");
    strcat(b, ")");
    struct ArrowSchema x = build_schema(a), y = build_schema(b);
    pqf_error_init(&unify_error);
    assert_int_equal(
        pqf_schema_unify(&x, &y, PQF_RULE_WIDEN, "in the dataset", NULL, &unify_error),
        PQF_SCHEMA);
    pqf_schema_release(&x);
    pqf_schema_release(&y);
}

static void only_what_differs_is_told(void **state) {
    (void)state;
    differences_of(500, 2);
    assert_string_equal(
        unify_error.message,
        "2 columns differ:\n  column_number_0: string here, int64 in the dataset\n"
        "  column_number_1: string here, int64 in the dataset");
    differences_of(500, 500);
    assert_true(lines_of(unify_error.message) <= 12);
    assert_non_null(strstr(unify_error.message, "500 columns differ:\n"));
    assert_non_null(strstr(unify_error.message, "\n  ... and 49"));
}

static void a_difference_below_a_column_has_a_path(void **state) {
    (void)state;
    unified("a:+l(item:+s(x:i;m:+m(key!:u;value:b)))",
            "a:+l(item:+s(x:u;m:+m(key!:u;value:i)))", PQF_RULE_WIDEN);
    assert_string_equal(unify_error.message,
                        "2 columns differ:\n  a[].x: string here, int32 there\n"
                        "  a[].m.value: int32 here, bool there");
    unified("a:tsu:", "a:tsu:UTC", PQF_RULE_WIDEN);
    assert_string_equal(unify_error.message,
                        "1 column differs:\n  a: timestamp[us, tz=UTC] here, "
                        "timestamp[us] there");
}

static void long_types_are_cut(void **state) {
    (void)state;
    unified("a:+s(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:i;bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:i;"
            "cccccccccccccccccccccccccccccc:i;ddddddddddddddddddd:i)",
            "a:i", PQF_RULE_WIDEN);
    assert_non_null(strstr(unify_error.message, "... there"));
    assert_true(strlen(unify_error.message) < 300);
}

static void fields_that_fit_need_no_conversion(void **state) {
    (void)state;
    static const struct {
        const char *declared, *found;
        bool fits;
    } ROWS[] = {
        {"+s(a:i)", "+s(a!:i)", true},
        {"+s(a!:i)", "+s(a:i)", false},
        {"+s(a:i)", "+s(b:i)", false},
        {"+s(a:i;b:i)", "+s(b:i;a:i)", false},
        {"+s(a:+l(x:i))", "+s(a:+l(y:i))", true},
        {"+s(a:dict(i;u))", "+s(a:u)", false},
        {"+s(a:+m(key!:u;value:i))", "+s(a:+m(k!:u;v:i))", true},
        {"+s(a:tsu:UTC)", "+s(a:tsu:Asia/Tokyo)", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct ArrowSchema x = build_schema(ROWS[i].declared),
                           y = build_schema(ROWS[i].found);
        if (pqf_schema_fits(&x, &y) != ROWS[i].fits)
            fail_msg("%s as %s", ROWS[i].found, ROWS[i].declared);
        pqf_schema_release(&x);
        pqf_schema_release(&y);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_hold_both_values),
        cmocka_unit_test(a_type_with_itself_is_itself_under_every_rule),
        cmocka_unit_test(only_widening_changes_types),
        cmocka_unit_test(columns_come_in_the_order_of_their_appearance),
        cmocka_unit_test(strict_wants_the_same_columns),
        cmocka_unit_test(a_declared_schema_is_the_result),
        cmocka_unit_test(only_what_differs_is_told),
        cmocka_unit_test(a_difference_below_a_column_has_a_path),
        cmocka_unit_test(long_types_are_cut),
        cmocka_unit_test(fields_that_fit_need_no_conversion),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
