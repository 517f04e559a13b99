/* SPDX-License-Identifier: Apache-2.0
 *
 * test_schema.c: types and their texts, schemas, key-value metadata, arrays of ours,
 * reports.
 */
#include "arrow/build.h"

#include "arrow/number.h"

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

/* ---- types ---- */

static const struct {
    const char *format, *text;
    pqf_type_id id;
    int32_t byte_width;
} TYPES[] = {
    {"n", "null", PQF_TYPE_NULL, 0},
    {"b", "bool", PQF_TYPE_BOOL, 0},
    {"c", "int8", PQF_TYPE_INT8, 1},
    {"C", "uint8", PQF_TYPE_UINT8, 1},
    {"s", "int16", PQF_TYPE_INT16, 2},
    {"S", "uint16", PQF_TYPE_UINT16, 2},
    {"i", "int32", PQF_TYPE_INT32, 4},
    {"I", "uint32", PQF_TYPE_UINT32, 4},
    {"l", "int64", PQF_TYPE_INT64, 8},
    {"L", "uint64", PQF_TYPE_UINT64, 8},
    {"e", "halffloat", PQF_TYPE_HALF, 2},
    {"f", "float", PQF_TYPE_FLOAT, 4},
    {"g", "double", PQF_TYPE_DOUBLE, 8},
    {"z", "binary", PQF_TYPE_BINARY, 0},
    {"Z", "large_binary", PQF_TYPE_LARGE_BINARY, 0},
    {"vz", "binary_view", PQF_TYPE_BINARY_VIEW, 0},
    {"u", "string", PQF_TYPE_STRING, 0},
    {"U", "large_string", PQF_TYPE_LARGE_STRING, 0},
    {"vu", "string_view", PQF_TYPE_STRING_VIEW, 0},
    {"w:16", "fixed_size_binary[16]", PQF_TYPE_FIXED_BINARY, 16},
    {"d:9,2,32", "decimal32(9, 2)", PQF_TYPE_DECIMAL32, 4},
    {"d:18,2,64", "decimal64(18, 2)", PQF_TYPE_DECIMAL64, 8},
    {"d:38,-2", "decimal128(38, -2)", PQF_TYPE_DECIMAL128, 16},
    {"d:76,76,256", "decimal256(76, 76)", PQF_TYPE_DECIMAL256, 32},
    {"tdD", "date32[day]", PQF_TYPE_DATE32, 4},
    {"tdm", "date64[ms]", PQF_TYPE_DATE64, 8},
    {"tts", "time32[s]", PQF_TYPE_TIME32, 4},
    {"ttm", "time32[ms]", PQF_TYPE_TIME32, 4},
    {"ttu", "time64[us]", PQF_TYPE_TIME64, 8},
    {"ttn", "time64[ns]", PQF_TYPE_TIME64, 8},
    {"tss:", "timestamp[s]", PQF_TYPE_TIMESTAMP, 8},
    {"tsm:UTC", "timestamp[ms, tz=UTC]", PQF_TYPE_TIMESTAMP, 8},
    {"tsu:Europe/Berlin", "timestamp[us, tz=Europe/Berlin]", PQF_TYPE_TIMESTAMP, 8},
    {"tsn:", "timestamp[ns]", PQF_TYPE_TIMESTAMP, 8},
    {"tDs", "duration[s]", PQF_TYPE_DURATION, 8},
    {"tDm", "duration[ms]", PQF_TYPE_DURATION, 8},
    {"tDu", "duration[us]", PQF_TYPE_DURATION, 8},
    {"tDn", "duration[ns]", PQF_TYPE_DURATION, 8},
    {"tiM", "month_interval", PQF_TYPE_INTERVAL_MONTHS, 4},
    {"tiD", "day_time_interval", PQF_TYPE_INTERVAL_DAY_TIME, 8},
    {"tin", "month_day_nano_interval", PQF_TYPE_INTERVAL_MONTH_DAY_NANO, 16},
};

static void formats_and_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        pqf_type type;
        char text[64];
        struct ArrowSchema schema = build_schema(TYPES[i].format);
        BUILD_OK(pqf_type_parse(TYPES[i].format, &type, &build_error));
        assert_int_equal(type.id, TYPES[i].id);
        assert_int_equal(type.byte_width, TYPES[i].byte_width);
        pqf_type_text(&schema, text, sizeof text);
        assert_string_equal(text, TYPES[i].text);
        pqf_type_format(&type, text, sizeof text);
        assert_string_equal(text, TYPES[i].format);
        pqf_schema_release(&schema);
    }
}

static void nested_texts(void **state) {
    (void)state;
    static const char *const CASES[][2] = {
        {"+l(item:l)", "list<item: int64>"},
        {"+L(item!:u)", "large_list<item: string not null>"},
        {"+vl(item:i)", "list_view<item: int32>"},
        {"+w:3(item:f)", "fixed_size_list<item: float>[3]"},
        {"+s(x:i;y!:+l(item:u))", "struct<x: int32, y: list<item: string> not null>"},
        {"+m(key!:u;value:i)", "map<string, int32>"},
        {"dict(i;u)", "dictionary<int32, string>"},
        {"+r(i;u)", "run_end_encoded<run_ends: int32 not null, values: string>"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ArrowSchema schema = build_schema(CASES[i][0]);
        char text[128], cut[8];
        pqf_type_text(&schema, text, sizeof text);
        assert_string_equal(text, CASES[i][1]);
        pqf_type_text(&schema, cut, sizeof cut);
        assert_memory_equal(cut, text, 7);
        assert_int_equal(strlen(cut), 7);
        BUILD_OK(pqf_schema_check(&schema, &build_error));
        pqf_schema_release(&schema);
    }
}

static void bad_formats(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "",        "x",         "w",          "w:",     "w:-1",       "w:12345678901",
        "d:",      "d:5",       "d:0,0",      "d:39,0", "d:5,2,7",    "d:5,2,",
        "d:5,2,x", "d:10,0,32", "d:77,0,256", "+w:",    "+x",         "ts",
        "tsx:",    "tdx",       "+w:1x",      "ii",     "d:5,2,128,", "w:1 ",
    };
    pqf_type type;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        pqf_error_init(&build_error);
        if (pqf_type_parse(BAD[i], &type, &build_error) != PQF_INVALID)
            fail_msg("'%s' parses", BAD[i]);
    }
    assert_int_equal(pqf_type_parse(NULL, &type, &build_error), PQF_INVALID);
}

/* Every half there and back; doubles between two halves go to the even one. */
static void halves(void **state) {
    (void)state;
    for (unsigned h = 0; h < 0x10000; h++) {
        double v = pqf_half_to_double((uint16_t)h);
        if (v != v) {
            assert_true((h & 0x7C00) == 0x7C00 && (h & 0x3FF) != 0);
            assert_true(isnan(pqf_half_to_double(pqf_double_to_half(v))));
            continue;
        }
        assert_int_equal(pqf_double_to_half(v), h);
        if ((h & 0x7FFF) >= 0x7BFF) continue;
        double next = pqf_half_to_double((uint16_t)(h + 1)), middle = (v + next) / 2;
        assert_int_equal(pqf_double_to_half(middle), (h & 1) ? h + 1 : h);
        assert_int_equal(pqf_double_to_half(middle + (next - v) / 1e6), h + 1);
        assert_int_equal(pqf_double_to_half(middle - (next - v) / 1e6), h);
    }
    assert_int_equal(pqf_double_to_half(65520), 0x7C00);
    assert_int_equal(pqf_double_to_half(1e-30), 0);
    assert_int_equal(pqf_double_to_half(-1e300), 0xFC00);
}

/* ---- schemas ---- */

static pqf_status check(const struct ArrowSchema *schema) {
    pqf_error_init(&build_error);
    return pqf_schema_check(schema, &build_error);
}

static void schemas_are_checked(void **state) {
    (void)state;
    struct ArrowSchema s = build_schema("+m(key!:u;value:i)");
    assert_int_equal(check(&s), PQF_OK);
    s.children[0]->n_children = 1;
    assert_int_equal(check(&s), PQF_INVALID);
    s.children[0]->n_children = 2;
    struct ArrowSchema **children = s.children, *none = NULL;
    s.children = NULL;
    assert_int_equal(check(&s), PQF_INVALID);
    s.children = &none;
    assert_int_equal(check(&s), PQF_INVALID);
    s.children = children;
    s.n_children = 0;
    assert_int_equal(check(&s), PQF_INVALID);
    s.n_children = 1;
    pqf_schema_release(&s);
    assert_int_equal(check(&s), PQF_INVALID); /* released */
    s = build_schema("+r(g;u)");
    assert_int_equal(check(&s), PQF_INVALID);
    pqf_schema_release(&s);
    s = build_schema("dict(u;u)");
    assert_int_equal(check(&s), PQF_INVALID);
    pqf_schema_release(&s);
    BUILD_OK(pqf_schema_init(&s, "+l", "", 0, 2, &build_error));
    assert_int_equal(check(&s), PQF_INVALID);
    pqf_schema_release(&s);
    char deep[600] = "";
    for (int i = 0; i < 70; i++)
        strcat(deep, "+l(x:");
    strcat(deep, "i");
    for (int i = 0; i < 70; i++)
        strcat(deep, ")");
    s = build_schema(deep);
    assert_int_equal(check(&s), PQF_INVALID);
    char text[4096];
    pqf_type_text(&s, text, sizeof text);
    assert_non_null(strstr(text, "?"));
    pqf_schema_release(&s);
}

static void copies_are_whole(void **state) {
    (void)state;
    struct ArrowSchema s = build_schema("+s(a!:dict(c;u);b:+l(item:+m(key!:u;value:i)))"),
                       copy;
    pqf_buf metadata;
    pqf_buf_init(&metadata, mem, 0);
    BUILD_OK(pqf_kv_put(&metadata, pqf_bytes_of("key", 3), pqf_bytes_of("v\0w", 3),
                        &build_error));
    BUILD_OK(pqf_schema_set_metadata(s.children[1], (char *)metadata.data, &build_error));
    pqf_buf_reset(&metadata);
    for (int64_t n = 1;; n++) { /* each allocation fails once */
        pqf_mem_fail_after(n);
        pqf_error_init(&build_error);
        pqf_status status = pqf_schema_copy(&s, &copy, &build_error);
        pqf_mem_fail_after(0);
        if (status == PQF_OK) break;
        assert_int_equal(status, PQF_NOMEM);
    }
    pqf_bytes value;
    assert_true(pqf_kv_find(copy.children[1]->metadata, "key", &value));
    assert_memory_equal(value.data, "v\0w", 3);
    assert_true(pqf_schema_same_type(&s, &copy));
    pqf_schema_release(&s);
    struct ArrowSchema moved = *copy.children[0]; /* as a consumer may */
    copy.children[0]->release = NULL;
    pqf_schema_release(&copy);
    assert_string_equal(moved.dictionary->format, "u");
    pqf_schema_release(&moved);
    pqf_schema_release(&moved);
    pqf_schema_release(NULL);
}

static void same_types(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } CASES[] = {
        {"i", "i", true},
        {"i", "l", false},
        {"tsu:UTC", "tsu:UTC", true},
        {"tsu:UTC", "tsu:", false},
        {"tsu:UTC", "tsu:Europe/Berlin", false},
        {"d:5,2", "d:5,2", true},
        {"d:5,2", "d:6,2", false},
        {"+l(item:i)", "+l(element:i)", true},
        {"+l(item:i)", "+l(item!:i)", false},
        {"+s(x:i)", "+s(y:i)", false},
        {"+s(x:i)", "+s(x:i;y:i)", false},
        {"+m(key!:u;value:i)", "+m(k:u;v:i)", true},
        {"+m(key!:u;value:i)", "+m(key!:u;value!:i)", false},
        {"dict(c;u)", "dict(c;u)", true},
        {"dict(c;u)", "dict(i;u)", false},
        {"dict(c;u)", "c", false},
        {"w:2", "w:3", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ArrowSchema a = build_schema(CASES[i].a), b = build_schema(CASES[i].b);
        if (pqf_schema_same_type(&a, &b) != CASES[i].same)
            fail_msg("%s, %s", CASES[i].a, CASES[i].b);
        pqf_schema_release(&a);
        pqf_schema_release(&b);
    }
}

static void key_values(void **state) {
    (void)state;
    pqf_buf buf;
    pqf_bytes key, value;
    pqf_buf_init(&buf, mem, 0);
    static const char *const KEYS[] = {"a", "b", "a", ""};
    for (int i = 0; i < 4; i++)
        BUILD_OK(pqf_kv_put(&buf, pqf_bytes_of(KEYS[i], strlen(KEYS[i])),
                            pqf_bytes_of("12345", (size_t)i), &build_error));
    const char *metadata = (char *)buf.data;
    assert_int_equal(pqf_kv_count(metadata), 4);
    assert_int_equal(pqf_kv_count(NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_true(pqf_kv_at(metadata, i, &key, &value));
        assert_int_equal(key.len, strlen(KEYS[i]));
        assert_int_equal(value.len, i);
    }
    assert_false(pqf_kv_at(metadata, 4, &key, &value));
    assert_false(pqf_kv_at(metadata, -1, &key, &value));
    assert_true(pqf_kv_find(metadata, "a", &value)); /* the first of two */
    assert_int_equal(value.len, 0);
    assert_false(pqf_kv_find(metadata, "c", &value));
    assert_false(pqf_kv_find(NULL, "c", &value));
    pqf_store_u32(buf.data + 4, UINT32_MAX);
    assert_int_equal(pqf_kv_count(metadata), -1);
    pqf_store_u32(buf.data, UINT32_MAX);
    assert_int_equal(pqf_kv_count(metadata), -1);
    pqf_buf_reset(&buf);
}

/* ---- arrays and reports ---- */

static void arrays_own_what_they_take(void **state) {
    (void)state;
    struct ArrowArray array, child, kept;
    pqf_buf buf;
    BUILD_OK(pqf_array_init(&array, mem, 2, 0, 2, 1, &build_error));
    BUILD_OK(pqf_array_init(&child, mem, 2, 0, 2, 0, &build_error));
    pqf_buf_init(&buf, mem, 0);
    BUILD_OK(pqf_buf_put_zeros(&buf, 100, &build_error));
    pqf_array_take_buffer(&child, 1, &buf);
    assert_null(buf.data);
    pqf_array_take_buffer(&child, 0, &buf); /* nothing: no validity */
    assert_null(child.buffers[0]);
    BUILD_OK(pqf_array_take_child(&array, 0, &child, &build_error));
    assert_null(child.release);
    kept = *array.children[0]; /* a consumer moves the child out */
    array.children[0]->release = NULL;
    pqf_array_take_buffer(&array, 1, &buf);
    assert_non_null(array.buffers[1]); /* values are never NULL */
    pqf_array_release(&array);
    assert_null(array.release);
    assert_true(pqf_mem_used(mem) >= 100);
    pqf_array_release(&kept);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_array_release(&kept);
    pqf_array_release(NULL);
}

static void reports(void **state) {
    (void)state;
    pqf_report *report = pqf_report_new();
    char value[200];
    memset(value, 'x', sizeof value);
    value[199] = 0;
    for (int i = 0; i < 7; i++)
        assert_int_equal(
            pqf_report_add(report, "a", "value", 2, "int8", "int64", i, value), PQF_OK);
    assert_int_equal(pqf_report_add(report, "a", "null", 1, NULL, NULL, -1, NULL),
                     PQF_OK);
    assert_int_equal(pqf_report_add(report, "b\xff", "value", 1, "", "", 1, "\xc3"),
                     PQF_OK);
    assert_int_equal(pqf_report_num_failures(report), 3);
    const pqf_failure *f = pqf_report_failure(report, 0);
    assert_int_equal(f->count, 14);
    assert_int_equal(f->num_samples, PQF_MAX_SAMPLES);
    assert_int_equal(f->sample_rows[4], 4);
    assert_int_equal(strlen(f->sample_values[0]), 80);
    f = pqf_report_failure(report, 1);
    assert_int_equal(f->num_samples, 0);
    assert_string_equal(f->expected, "");
    f = pqf_report_failure(report, 2);
    assert_string_equal(f->path, "b\\xff"); /* UTF-8 whatever comes in */
    assert_string_equal(f->sample_values[0], "\\xc3");
    assert_null(pqf_report_failure(report, 3));
    assert_null(pqf_report_failure(report, -1));
    pqf_report_free(report);
    pqf_report_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_texts),
        cmocka_unit_test(nested_texts),
        cmocka_unit_test(bad_formats),
        cmocka_unit_test(halves),
        cmocka_unit_test(schemas_are_checked),
        cmocka_unit_test(copies_are_whole),
        cmocka_unit_test(same_types),
        cmocka_unit_test(key_values),
        cmocka_unit_test(arrays_own_what_they_take),
        cmocka_unit_test(reports),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
