/* SPDX-License-Identifier: Apache-2.0
 *
 * From Arrow to Parquet: elements, annotations and conversions by table, options, and what is
 * refused.
 */
#include "format_test.h"

static pqf_schema *schema;

static void init(struct ArrowSchema *out, const char *format, const char *name,
                 int64_t flags, int64_t num_children) {
    assert_ok(pqf_schema_init(out, format, name, flags, num_children, &err));
}

static void one_column(struct ArrowSchema *out, const char *format) {
    init(out, "+s", "", 0, 1);
    init(out->children[0], format, "x", ARROW_FLAG_NULLABLE, 0);
}

static void set_pair(struct ArrowSchema *arrow, const char *key, const char *value) {
    pqf_buf buf;
    pqf_buf_init(&buf, mem, 0);
    assert_ok(pqf_kv_put(&buf, pqf_bytes_of(key, strlen(key)),
                         pqf_bytes_of(value, strlen(value)), &err));
    assert_ok(pqf_schema_set_metadata(arrow, (const char *)buf.data, &err));
    pqf_buf_reset(&buf);
}

typedef struct leaf_case {
    const char *format;
    pqf_physical physical;
    int32_t length;
    int32_t logical;   /* pqf_logical */
    int32_t converted; /* -1: none */
    pqf_convert convert;
    int64_t factor;
} leaf_case;

static const leaf_case cases[] = {
    {"n", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_UNKNOWN, -1, PQF_CONVERT_NULLS, 1},
    {"b", PQF_PHYSICAL_BOOLEAN, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"c", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, 15, PQF_CONVERT_INT32_TO_INT8, 1},
    {"C", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, 11, PQF_CONVERT_INT32_TO_UINT8, 1},
    {"s", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, 16, PQF_CONVERT_INT32_TO_INT16, 1},
    {"S", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, 12, PQF_CONVERT_INT32_TO_UINT16, 1},
    {"i", PQF_PHYSICAL_INT32, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"I", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, 13, PQF_CONVERT_NONE, 1},
    {"l", PQF_PHYSICAL_INT64, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"L", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_INTEGER, 14, PQF_CONVERT_NONE, 1},
    {"e", PQF_PHYSICAL_FIXED, 2, PQF_LOGICAL_FLOAT16, -1, PQF_CONVERT_NONE, 1},
    {"f", PQF_PHYSICAL_FLOAT, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"g", PQF_PHYSICAL_DOUBLE, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"z", PQF_PHYSICAL_BYTE_ARRAY, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"vz", PQF_PHYSICAL_BYTE_ARRAY, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"U", PQF_PHYSICAL_BYTE_ARRAY, 0, PQF_LOGICAL_STRING, 0, PQF_CONVERT_NONE, 1},
    {"w:5", PQF_PHYSICAL_FIXED, 5, 0, -1, PQF_CONVERT_NONE, 1},
    {"d:1,0", PQF_PHYSICAL_FIXED, 1, PQF_LOGICAL_DECIMAL, 5, PQF_CONVERT_FIXED_TO_DECIMAL,
     1},
    {"d:9,2", PQF_PHYSICAL_FIXED, 4, PQF_LOGICAL_DECIMAL, 5, PQF_CONVERT_FIXED_TO_DECIMAL,
     1},
    {"d:18,2", PQF_PHYSICAL_FIXED, 8, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"d:38,9", PQF_PHYSICAL_FIXED, 16, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"d:5,2,32", PQF_PHYSICAL_FIXED, 3, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"d:18,2,64", PQF_PHYSICAL_FIXED, 8, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"d:39,2,256", PQF_PHYSICAL_FIXED, 17, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"d:76,76,256", PQF_PHYSICAL_FIXED, 32, PQF_LOGICAL_DECIMAL, 5,
     PQF_CONVERT_FIXED_TO_DECIMAL, 1},
    {"tdD", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_DATE, 6, PQF_CONVERT_NONE, 1},
    {"tdm", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_DATE, 6, PQF_CONVERT_DAYS_TO_MS, 86400000},
    {"tts", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_TIME, -1, PQF_CONVERT_DIVIDE_32, 1000},
    {"ttm", PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_TIME, -1, PQF_CONVERT_NONE, 1},
    {"ttu", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIME, -1, PQF_CONVERT_NONE, 1},
    {"ttn", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIME, -1, PQF_CONVERT_NONE, 1},
    {"tss:", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIMESTAMP, 9, PQF_CONVERT_DIVIDE_64,
     1000},
    {"tsm:", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIMESTAMP, 9, PQF_CONVERT_NONE, 1},
    {"tsu:UTC", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIMESTAMP, 10, PQF_CONVERT_NONE, 1},
    {"tsn:", PQF_PHYSICAL_INT64, 0, PQF_LOGICAL_TIMESTAMP, -1, PQF_CONVERT_NONE, 1},
    {"tDu", PQF_PHYSICAL_INT64, 0, 0, -1, PQF_CONVERT_NONE, 1},
    {"tiM", PQF_PHYSICAL_FIXED, 12, PQF_LOGICAL_INTERVAL, 21, PQF_CONVERT_INTERVAL, 1},
    {"tiD", PQF_PHYSICAL_FIXED, 12, PQF_LOGICAL_INTERVAL, 21, PQF_CONVERT_INTERVAL, 1},
    {"tin", PQF_PHYSICAL_FIXED, 12, PQF_LOGICAL_INTERVAL, 21, PQF_CONVERT_INTERVAL, 1},
};

/* Floats of all widths, and nothing else. */
static void test_total_order(void **state) {
    (void)state;
    const pqf_schema_write_options options = {.total_order = true};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema arrow;
        bool total = strchr("efg", cases[i].format[0]) != NULL;
        one_column(&arrow, cases[i].format);
        assert_ok(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err));
        assert_int_equal(schema->column_orders[0].has_ieee_754_total_order, total);
        assert_int_equal(schema->column_orders[0].has_type_order, !total);
        pqf_schema_free(schema);
        pqf_schema_release(&arrow);
    }
}

static void test_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const leaf_case *c = &cases[i];
        struct ArrowSchema arrow;
        one_column(&arrow, c->format);
        assert_ok(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err));
        assert_int_equal(schema->num_elements, 2);
        const pqf_schema_element *e = &schema->elements[1];
        const pqf_field *field = &schema->fields[0];
        if (e->type != (int32_t)c->physical ||
            schema->tree.nodes[1].logical != c->logical ||
            (e->has_converted_type ? e->converted_type : -1) != c->converted)
            fail_msg("format %s: type %d, logical %d", c->format, e->type,
                     schema->tree.nodes[1].logical);
        assert_int_equal(e->type_length, c->length);
        assert_int_equal(e->repetition_type, PQF_OPTIONAL);
        assert_int_equal(field->convert, c->convert);
        assert_int_equal(field->factor, c->factor);
        assert_string_equal(field->format, c->format);
        assert_int_equal(schema->num_key_values, 1);
        assert_true(schema->column_orders[0].has_type_order);
        pqf_schema_free(schema);
        pqf_schema_release(&arrow);
    }
}

static void test_timestamps(void **state) {
    (void)state;
    static const struct {
        const char *format, *version, *coerce;
        bool int96, truncated;
        int32_t param; /* unit in the file */
        pqf_convert convert;
        int64_t factor;
        bool keep_lossy;
    } rows[] = {
        {"tsn:", "1.0", NULL, false, true, 'u', PQF_CONVERT_MULTIPLY_64, 1000, false},
        {"tsn:", "2.4", NULL, false, false, 'u', PQF_CONVERT_MULTIPLY_64, 1000, false},
        {"tsn:", "2.6", "ms", false, false, 'm', PQF_CONVERT_MULTIPLY_64, 1000000, false},
        {"tsn:", "2.6", "us", false, true, 'u', PQF_CONVERT_MULTIPLY_64, 1000, true},
        {"tss:", "2.6", "us", false, false, 'u', PQF_CONVERT_DIVIDE_64, 1000000, false},
        {"tsm:", "2.6", "us", false, false, 'u', PQF_CONVERT_DIVIDE_64, 1000, false},
        {"tsu:", "1.0", "us", false, false, 'u', PQF_CONVERT_NONE, 1, false},
        {"tsn:", "2.6", NULL, true, false, 0, PQF_CONVERT_INT96_TO_TIMESTAMP, 1, false},
        {"tsm:UTC", "2.6", "us", true, false, 0, PQF_CONVERT_INT96_TO_TIMESTAMP, 1000000,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ArrowSchema arrow;
        pqf_schema_write_options options = {.version = rows[i].version,
                                            .coerce_timestamps = rows[i].coerce,
                                            .int96_timestamps = rows[i].int96,
                                            .allow_truncated_timestamps =
                                                rows[i].truncated};
        one_column(&arrow, rows[i].format);
        assert_ok(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err));
        const pqf_field *field = &schema->fields[0];
        assert_int_equal(field->leaf->physical,
                         rows[i].int96 ? PQF_PHYSICAL_INT96 : PQF_PHYSICAL_INT64);
        assert_int_equal(field->leaf->node->param, rows[i].param);
        assert_int_equal(field->convert, rows[i].convert);
        assert_int_equal(field->factor, rows[i].factor);
        assert_int_equal(field->keep_lossy, rows[i].keep_lossy);
        pqf_schema_free(schema);
        pqf_schema_release(&arrow);
    }
}

static void test_uint32_of_version_1(void **state) {
    (void)state;
    struct ArrowSchema arrow;
    pqf_schema_write_options options = {.version = "1.0"};
    one_column(&arrow, "I");
    assert_ok(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err));
    assert_int_equal(schema->fields[0].leaf->physical, PQF_PHYSICAL_INT64);
    assert_int_equal(schema->fields[0].convert, PQF_CONVERT_INT64_TO_UINT32);
    assert_int_equal(schema->fields[0].arrow_width, 4);
    pqf_schema_free(schema);
    pqf_schema_release(&arrow);
}

static void expect_paths(const char *const *paths, int n) {
    assert_int_equal(schema->tree.num_leaves, n);
    for (int i = 0; i < n; i++)
        assert_string_equal(schema->tree.leaves[i].path, paths[i]);
}

static void test_nested(void **state) {
    (void)state;
    static const char *const paths[] = {"l.list.element", "m.key_value.key",
                                        "m.key_value.value", "s.a", "s.b"};
    static const char *const legacy[] = {"l.list.item", "m.key_value.key",
                                         "m.key_value.value", "s.a", "s.b"};
    struct ArrowSchema arrow;
    init(&arrow, "+s", "", 0, 3);
    init(arrow.children[0], "+w:4", "l", ARROW_FLAG_NULLABLE, 1);
    init(arrow.children[0]->children[0], "i", "item", 0, 0);
    init(arrow.children[1], "+m", "m", 0, 1);
    init(arrow.children[1]->children[0], "+s", "entries", 0, 2);
    init(arrow.children[1]->children[0]->children[0], "u", "k", ARROW_FLAG_NULLABLE, 0);
    init(arrow.children[1]->children[0]->children[1], "l", "v", ARROW_FLAG_NULLABLE, 0);
    init(arrow.children[2], "+s", "s", ARROW_FLAG_NULLABLE, 2);
    init(arrow.children[2]->children[0], "C", "a", ARROW_FLAG_NULLABLE, 0);
    assert_ok(pqf_schema_add_dictionary(arrow.children[2]->children[0], &err));
    init(arrow.children[2]->children[0]->dictionary, "vu", "", ARROW_FLAG_NULLABLE, 0);
    init(arrow.children[2]->children[1], "tsn:", "b", 0, 0);
    for (int k = 0; k < 2; k++) {
        pqf_schema_write_options options = {.legacy_list_names = k == 1};
        assert_ok(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err));
        expect_paths(k ? legacy : paths, 5);
        const pqf_field *fields = schema->fields;
        assert_int_equal(fields[0].list_form, PQF_LIST_FIXED);
        assert_int_equal(fields[0].fixed_items, 4);
        assert_int_equal(fields[0].children[0].def_level, 2);
        assert_int_equal(fields[1].kind, PQF_FIELD_MAP);
        assert_int_equal(schema->tree.leaves[1].max_def, 1); /* keys are required */
        assert_string_equal(fields[2].children[0].index_format, "C");
        assert_string_equal(fields[2].children[0].format, "vu");
        assert_int_equal(fields[2].children[0].binary_form, PQF_FORM_VIEW);
        pqf_schema_free(schema);
    }
    pqf_schema_release(&arrow);
}

static void test_field_ids(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool has_id;
        int32_t id;
    } ids[] = {{"7", true, 7},
               {"0", true, 0},
               {"-1", false, 0},
               {"", false, 0},
               {"2147483647", true, INT32_MAX},
               {"2147483648", false, 0},
               {"1x", false, 0},
               {"99999999999", false, 0}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct ArrowSchema arrow;
        one_column(&arrow, "l");
        set_pair(arrow.children[0], PQF_FIELD_ID, ids[i].value);
        assert_ok(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err));
        assert_int_equal(schema->elements[1].has_field_id, ids[i].has_id);
        assert_int_equal(schema->elements[1].field_id, ids[i].id);
        pqf_schema_free(schema);
        pqf_schema_release(&arrow);
    }
}

static void test_extensions(void **state) {
    (void)state;
    static const struct {
        const char *format, *name;
        int32_t logical;
    } rows[] = {{"vu", "arrow.json", PQF_LOGICAL_JSON},
                {"w:16", "arrow.uuid", PQF_LOGICAL_UUID},
                {"w:15", "arrow.uuid", 0},
                {"l", "arrow.json", 0},
                {"u", "my.own", PQF_LOGICAL_STRING}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ArrowSchema arrow;
        one_column(&arrow, rows[i].format);
        set_pair(arrow.children[0], "ARROW:extension:name", rows[i].name);
        assert_ok(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err));
        assert_int_equal(schema->tree.nodes[1].logical, rows[i].logical);
        pqf_schema_free(schema);
        pqf_schema_release(&arrow);
    }
}

static void test_key_values(void **state) {
    (void)state;
    struct ArrowSchema arrow;
    pqf_schema_write_options options = {.no_store_schema = true};
    one_column(&arrow, "l");
    set_pair(&arrow, "pandas", "{}");
    assert_ok(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err));
    assert_int_equal(schema->num_key_values, 1);
    assert_memory_equal(schema->key_values[0].key.data, "pandas", 6);
    assert_memory_equal(schema->key_values[0].value.data, "{}", 2);
    pqf_schema_free(schema);
    set_pair(&arrow, "ARROW:schema", "an old one");
    assert_ok(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err));
    assert_int_equal(schema->num_key_values, 1);
    assert_memory_equal(schema->key_values[0].value.data, "/////", 5);
    pqf_schema_free(schema);
    pqf_schema_release(&arrow);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *format;
        int64_t num_children;
        const char *text;
    } rows[] = {{"d:5,-2", 0, "scale"},
                {"d:5,6,32", 0, "scale"},
                {"d:50,-2,256", 0, "scale"},
                {"w:0", 0, "zero bytes"},
                {"+s", 0, "structs without fields"},
                {"+us:0", 1, "union"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ArrowSchema arrow;
        init(&arrow, "+s", "", 0, 1);
        init(arrow.children[0], rows[i].format, "x", ARROW_FLAG_NULLABLE,
             rows[i].num_children);
        if (rows[i].num_children) init(arrow.children[0]->children[0], "l", "item", 0, 0);
        assert_fails(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err),
                     PQF_UNSUPPORTED, rows[i].text);
        assert_non_null(strstr(err.message, "'x'"));
        pqf_schema_release(&arrow);
    }
}

static void test_wrong_arguments(void **state) {
    (void)state;
    struct ArrowSchema arrow;
    pqf_schema_write_options options = {.version = "2.0"};
    one_column(&arrow, "n");
    assert_fails(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err), PQF_INVALID,
                 "2.0");
    options = (pqf_schema_write_options){.coerce_timestamps = "ns"};
    assert_fails(pqf_schema_from_arrow(&arrow, &options, mem, &schema, &err), PQF_INVALID,
                 "ns");
    arrow.children[0]->flags = 0;
    assert_fails(pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err), PQF_INVALID,
                 "nullable");
    assert_fails(pqf_schema_from_arrow(arrow.children[0], NULL, mem, &schema, &err),
                 PQF_INVALID, "struct");
    pqf_schema_release(&arrow);
}

static void test_no_memory(void **state) {
    (void)state;
    struct ArrowSchema arrow;
    init(&arrow, "+s", "", 0, 40);
    for (int i = 0; i < 40; i++)
        init(arrow.children[i], "tsn:UTC", "column", 0, 0);
    pqf_status status = PQF_NOMEM;
    for (int64_t n = 1; n < 400 && status != PQF_OK; n++) {
        pqf_mem_fail_after(n);
        pqf_error_init(&err);
        status = pqf_schema_from_arrow(&arrow, NULL, mem, &schema, &err);
        pqf_mem_fail_after(0);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
    }
    assert_int_equal(status, PQF_OK);
    pqf_schema_free(schema);
    pqf_schema_release(&arrow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_types),      TEST(test_total_order),
        TEST(test_timestamps), TEST(test_uint32_of_version_1),
        TEST(test_nested),     TEST(test_field_ids),
        TEST(test_extensions), TEST(test_key_values),
        TEST(test_refused),    TEST(test_wrong_arguments),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
