/* SPDX-License-Identifier: Apache-2.0
 *
 * From a footer's schema to fields: logical types by table, old forms of lists and maps, levels,
 * names, metadata.
 */
#include "format_test.h"

#define REQ   PQF_REQUIRED
#define OPT   PQF_OPTIONAL
#define REP   PQF_REPEATED
#define GROUP (-1)
#define INT32 PQF_PHYSICAL_INT32
#define INT64 PQF_PHYSICAL_INT64
#define BYTES PQF_PHYSICAL_BYTE_ARRAY
#define FIXED PQF_PHYSICAL_FIXED

enum { UTF8 = 0, MAP = 1, MAP_KEY_VALUE = 2, LIST = 3, NO = -1 };

static pqf_metadata *metadata;
static pqf_schema *schema;

static void open_rows(const row *rows, int n, int num_top,
                      const pqf_schema_options *options) {
    assert_ok(parse_rows(rows, n, num_top, &metadata));
    assert_ok(pqf_schema_from_parquet(metadata, options, mem, &schema, &err));
}

static void close_rows(void) {
    pqf_schema_free(schema);
    pqf_metadata_free(metadata);
    schema = NULL;
    metadata = NULL;
}

/* ---- logical types ---- */

typedef struct leaf_case {
    row row;
    const char *format;
    pqf_order order;
    pqf_convert convert;
    int32_t width;
} leaf_case;

static pqf_logical_type string_type = {.has_string = true};
static pqf_logical_type json_type = {.has_json = true};
static pqf_logical_type uuid_type = {.has_uuid = true};
static pqf_logical_type half_type = {.has_float16 = true};
static pqf_logical_type null_type = {.has_unknown = true};
static pqf_logical_type no_type = {0};
static pqf_logical_type geometry_type = {.has_geometry = true};
static pqf_logical_type uint16_type = {.has_integer = true, .integer = {16, false}};
static pqf_logical_type nanos_type = {.has_timestamp = true,
                                      .timestamp = {.unit = {.has_nanos = true}}};
static pqf_logical_type utc_type = {
    .has_timestamp = true,
    .timestamp = {.is_adjusted_to_utc = true, .unit = {.has_micros = true}}};
static pqf_logical_type time_type = {.has_time = true,
                                     .time = {.unit = {.has_nanos = true}}};
static pqf_logical_type decimal_type = {.has_decimal = true, .decimal = {2, 30}};
static pqf_logical_type wide_decimal = {.has_decimal = true, .decimal = {2, 77}};
static pqf_logical_type list_type = {.has_list = true};

#define LEAF(type, converted, logical, length, precision, scale)                         \
    {"x", OPT, type, 0, converted, logical, length, precision, scale, 0}
#define PLAIN(type)          LEAF(type, NO, NULL, 0, 0, 0)
#define OLD(type, converted) LEAF(type, converted, NULL, 0, 0, 0)
#define NEW(type, logical)   LEAF(type, NO, &logical, 0, 0, 0)

static const leaf_case leaf_cases[] = {
    {PLAIN(PQF_PHYSICAL_BOOLEAN), "b", PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 0},
    {PLAIN(INT32), "i", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 4},
    {PLAIN(INT64), "l", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {PLAIN(PQF_PHYSICAL_INT96), "tsn:", PQF_ORDER_INT96, PQF_CONVERT_INT96_TO_TIMESTAMP,
     8},
    {PLAIN(PQF_PHYSICAL_FLOAT), "f", PQF_ORDER_FLOAT, PQF_CONVERT_NONE, 4},
    {PLAIN(PQF_PHYSICAL_DOUBLE), "g", PQF_ORDER_FLOAT, PQF_CONVERT_NONE, 8},
    {PLAIN(BYTES), "z", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},
    {LEAF(FIXED, NO, NULL, 7, 0, 0), "w:7", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 7},
    {OLD(BYTES, UTF8), "u", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},
    {OLD(BYTES, 4), "z", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},  /* ENUM */
    {OLD(BYTES, 19), "u", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0}, /* JSON */
    {OLD(BYTES, 20), "z", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0}, /* BSON */
    {LEAF(INT32, 5, NULL, 0, 9, 2), "d:9,2", PQF_ORDER_SIGNED,
     PQF_CONVERT_INT32_TO_DECIMAL, 16},
    {LEAF(INT64, 5, NULL, 0, 18, 0), "d:18,0", PQF_ORDER_SIGNED,
     PQF_CONVERT_INT64_TO_DECIMAL, 16},
    {LEAF(FIXED, 5, NULL, 9, 21, 3), "d:21,3", PQF_ORDER_DECIMAL_BYTES,
     PQF_CONVERT_FIXED_TO_DECIMAL, 16},
    {LEAF(BYTES, 5, NULL, 0, 38, 38), "d:38,38", PQF_ORDER_DECIMAL_BYTES,
     PQF_CONVERT_BYTES_TO_DECIMAL, 16},
    {LEAF(BYTES, 5, NULL, 0, 39, 38), "d:39,38,256", PQF_ORDER_DECIMAL_BYTES,
     PQF_CONVERT_BYTES_TO_DECIMAL, 32},
    {LEAF(FIXED, 5, NULL, 32, 76, 0), "d:76,0,256", PQF_ORDER_DECIMAL_BYTES,
     PQF_CONVERT_FIXED_TO_DECIMAL, 32},
    {OLD(INT32, 6), "tdD", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 4},
    {OLD(INT32, 7), "ttm", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 4},
    {OLD(INT64, 8), "ttu", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {OLD(INT64, 9), "tsm:UTC", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {OLD(INT64, 10), "tsu:UTC", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {OLD(INT32, 11), "C", PQF_ORDER_UNSIGNED, PQF_CONVERT_INT32_TO_UINT8, 1},
    {OLD(INT32, 12), "S", PQF_ORDER_UNSIGNED, PQF_CONVERT_INT32_TO_UINT16, 2},
    {OLD(INT32, 13), "I", PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 4},
    {OLD(INT64, 14), "L", PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 8},
    {OLD(INT32, 15), "c", PQF_ORDER_SIGNED, PQF_CONVERT_INT32_TO_INT8, 1},
    {OLD(INT32, 16), "s", PQF_ORDER_SIGNED, PQF_CONVERT_INT32_TO_INT16, 2},
    {OLD(INT32, 17), "i", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 4},
    {OLD(INT64, 18), "l", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {LEAF(FIXED, 21, NULL, 12, 0, 0), "w:12", PQF_ORDER_NONE, PQF_CONVERT_NONE, 12},
    {OLD(BYTES, 99), "z", PQF_ORDER_NONE, PQF_CONVERT_NONE,
     0}, /* unknown converted type */
    {NEW(BYTES, string_type), "u", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},
    {NEW(BYTES, json_type), "u", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},
    {NEW(BYTES, geometry_type), "z", PQF_ORDER_NONE, PQF_CONVERT_NONE, 0},
    {LEAF(FIXED, NO, &uuid_type, 16, 0, 0), "w:16", PQF_ORDER_BYTES, PQF_CONVERT_NONE,
     16},
    {LEAF(FIXED, NO, &half_type, 2, 0, 0), "e", PQF_ORDER_FLOAT16, PQF_CONVERT_NONE, 2},
    {NEW(INT32, null_type), "n", PQF_ORDER_NONE, PQF_CONVERT_NULLS, 0},
    {NEW(PQF_PHYSICAL_DOUBLE, null_type), "n", PQF_ORDER_NONE, PQF_CONVERT_NULLS, 0},
    {NEW(INT32, uint16_type), "S", PQF_ORDER_UNSIGNED, PQF_CONVERT_INT32_TO_UINT16, 2},
    {NEW(INT64, nanos_type), "tsn:", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {NEW(INT64, utc_type), "tsu:UTC", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {NEW(INT64, time_type), "ttn", PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 8},
    {LEAF(FIXED, NO, &decimal_type, 13, 0, 0), "d:30,2", PQF_ORDER_DECIMAL_BYTES,
     PQF_CONVERT_FIXED_TO_DECIMAL, 16},
    {NEW(INT64, no_type), "l", PQF_ORDER_NONE, PQF_CONVERT_NONE,
     8}, /* a member of the future */
    {LEAF(BYTES, UTF8, &no_type, 0, 0, 0), "u", PQF_ORDER_BYTES, PQF_CONVERT_NONE, 0},
};

static void test_logical_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof leaf_cases / sizeof leaf_cases[0]; i++) {
        const leaf_case *c = &leaf_cases[i];
        open_rows(&c->row, 1, 1, NULL);
        const pqf_field *field = &schema->fields[0];
        assert_ok(pqf_field_check(field, &err));
        if (strcmp(field->format, c->format) != 0)
            fail_msg("row %zu: %s, expected %s", i, field->format, c->format);
        assert_int_equal(field->leaf->order, c->order);
        assert_int_equal(field->convert, c->convert);
        if (field->layout == PQF_LEAF_FIXED)
            assert_int_equal(field->arrow_width, c->width);
        assert_int_equal(field->is_utf8, c->format[0] == 'u');
        assert_true(field->nullable);
        assert_int_equal(field->def_level, 1);
        assert_ptr_equal(schema->leaf_fields[0], field);
        close_rows();
    }
}

static void test_contradictions(void **state) {
    (void)state;
    static const struct {
        row row;
        pqf_status status;
        const char *text;
    } cases[] = {
        {OLD(INT32, UTF8), PQF_CORRUPT, "STRING"},
        {OLD(INT64, 6), PQF_CORRUPT, "DATE"},
        {OLD(INT64, 7), PQF_CORRUPT, "TIME"},
        {OLD(INT32, 18), PQF_CORRUPT, "INTEGER"},
        {OLD(BYTES, LIST), PQF_CORRUPT, "LIST"},
        {LEAF(FIXED, 21, NULL, 11, 0, 0), PQF_CORRUPT, "INTERVAL"},
        {LEAF(FIXED, NO, &uuid_type, 15, 0, 0), PQF_CORRUPT, "UUID"},
        {LEAF(FIXED, NO, &half_type, 4, 0, 0), PQF_CORRUPT, "FLOAT16"},
        {LEAF(INT32, 5, NULL, 0, 10, 0), PQF_CORRUPT, "DECIMAL(10, 0)"},
        {LEAF(INT64, 5, NULL, 0, 19, 0), PQF_CORRUPT, "DECIMAL(19, 0)"},
        {LEAF(FIXED, 5, NULL, 9, 22, 0), PQF_CORRUPT, "DECIMAL(22, 0)"},
        {LEAF(BYTES, 5, NULL, 0, 5, 6), PQF_CORRUPT, "DECIMAL(5, 6)"},
        {OLD(BYTES, 5), PQF_CORRUPT, "DECIMAL(0, 0)"},
        {LEAF(BYTES, NO, &wide_decimal, 0, 0, 0), PQF_UNSUPPORTED, "76 digits"},
        {LEAF(FIXED, 5, NULL, 40, 77, 0), PQF_UNSUPPORTED, "76 digits"},
        {LEAF(FIXED, 5, NULL, 32, 77, 0), PQF_CORRUPT, "DECIMAL(77, 0)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_rows(&cases[i].row, 1, 1, NULL);
        assert_fails(pqf_field_check(&schema->fields[0], &err), cases[i].status,
                     cases[i].text);
        assert_string_equal(err.column, "x");
        close_rows();
    }
}

static void test_int96_units(void **state) {
    (void)state;
    static const struct {
        const char *unit, *format;
        int64_t factor;
    } cases[] = {{"s", "tss:", 1000000000},
                 {"ms", "tsm:", 1000000},
                 {"us", "tsu:", 1000},
                 {"ns", "tsn:", 1}};
    static const row rows[] = {PLAIN(PQF_PHYSICAL_INT96)};
    for (size_t i = 0; i < 4; i++) {
        pqf_schema_options options = {.int96_unit = cases[i].unit};
        open_rows(rows, 1, 1, &options);
        assert_string_equal(schema->fields[0].format, cases[i].format);
        assert_int_equal(schema->fields[0].factor, cases[i].factor);
        close_rows();
    }
}

/* ---- nested ---- */

static void expect_text(const row *rows, int n, const char *text) {
    struct ArrowSchema arrow;
    char found[500];
    open_rows(rows, n, 1, NULL);
    assert_ok(pqf_field_export(schema, &schema->fields[0], &arrow, &err));
    pqf_type_text(&arrow, found, sizeof found);
    assert_string_equal(found, text);
    pqf_schema_release(&arrow);
    close_rows();
}

#define G(name, repetition, children, converted)                                         \
    {name, repetition, GROUP, children, converted, NULL, 0, 0, 0, 0}
#define L(name, repetition, type) {name, repetition, type, 0, NO, NULL, 0, 0, 0, 0}
#define EXPECT(text, ...)                                                                \
    do {                                                                                 \
        const row rows_[] = {__VA_ARGS__};                                               \
        expect_text(rows_, (int)(sizeof rows_ / sizeof rows_[0]), text);                 \
    } while (0)

static void test_lists(void **state) {
    (void)state;
    EXPECT("list<element: int32>", G("l", OPT, 1, LIST), G("list", REP, 1, NO),
           L("element", OPT, INT32));
    EXPECT("list<item: int32 not null>", G("l", REQ, 1, LIST), G("bag", REP, 1, NO),
           L("item", REQ, INT32));
    EXPECT("list<element: int32 not null>", G("l", OPT, 1, LIST),
           L("element", REP, INT32));
    EXPECT("list<element: struct<a: int32 not null, b: int64> not null>",
           G("l", OPT, 1, LIST), G("element", REP, 2, NO), L("a", REQ, INT32),
           L("b", OPT, INT64));
    EXPECT("list<array: struct<a: int32> not null>", G("l", OPT, 1, LIST),
           G("array", REP, 1, NO), L("a", OPT, INT32));
    EXPECT("list<l_tuple: struct<a: int32> not null>", G("l", OPT, 1, LIST),
           G("l_tuple", REP, 1, NO), L("a", OPT, INT32));
    EXPECT("list<x: int32 not null>", L("x", REP, INT32));
    EXPECT("list<x: struct<a: int32> not null>", G("x", REP, 1, NO), L("a", OPT, INT32));
    EXPECT("list<array: list<x: int32 not null> not null>", G("l", OPT, 1, LIST),
           G("array", REP, 1, LIST), L("x", REP, INT32));
    EXPECT("list<e: struct<x: list<x: int32 not null> not null> not null>",
           G("l", OPT, 1, LIST), G("e", REP, 1, NO), L("x", REP, INT32));
    EXPECT("list<element: list<element: int64>>", G("l", OPT, 1, LIST),
           G("list", REP, 1, NO), G("element", OPT, 1, LIST), G("list", REP, 1, NO),
           L("element", OPT, INT64));
}

static void test_maps(void **state) {
    (void)state;
    EXPECT("map<int32, int64>", G("m", OPT, 1, MAP), G("key_value", REP, 2, NO),
           L("key", REQ, INT32), L("value", OPT, INT64));
    EXPECT("map<int32, int64>", G("m", REQ, 1, MAP_KEY_VALUE), G("map", REP, 2, NO),
           L("key", REQ, INT32), L("value", OPT, INT64));
    EXPECT("list<key: int32 not null>", G("m", OPT, 1, MAP), G("key_value", REP, 1, NO),
           L("key", REQ, INT32));
}

static void test_groups(void **state) {
    (void)state;
    EXPECT("struct<a: int32, b: struct<c: int64 not null> not null>", G("s", OPT, 2, NO),
           L("a", OPT, INT32), G("b", REQ, 1, NO), L("c", REQ, INT64));
    EXPECT("struct<>", G("s", OPT, 0, NO));
}

static void test_wrong_shapes(void **state) {
    (void)state;
    static const struct {
        int n;
        row rows[5];
        const char *text;
    } cases[] = {
        {3,
         {G("l", OPT, 2, LIST), L("a", REP, INT32), L("b", REP, INT32)},
         "exactly one child"},
        {2, {G("l", OPT, 1, LIST), L("a", OPT, INT32)}, "not repeated"},
        {2, {G("l", OPT, 1, LIST), G("list", REP, 0, NO)}, "without content"},
        {3,
         {G("l", REP, 1, LIST), G("list", REP, 1, NO), L("a", OPT, INT32)},
         "is repeated"},
        {2, {G("m", OPT, 1, MAP), L("key_value", REP, INT32)}, "not a repeated group"},
        {3,
         {G("m", OPT, 1, MAP), G("key_value", OPT, 1, NO), L("a", REQ, INT32)},
         "not a repeated"},
        {5,
         {G("m", OPT, 1, MAP), G("key_value", REP, 3, NO), L("a", REQ, INT32),
          L("b", REQ, INT32), L("c", REQ, INT32)},
         "neither one nor two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(parse_rows(cases[i].rows, cases[i].n, 1, &metadata));
        assert_ok(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err));
        assert_int_equal(schema->fields[0].unusable, PQF_CORRUPT);
        assert_non_null(strstr(schema->fields[0].why, cases[i].text));
        pqf_schema_free(schema);
        pqf_metadata_free(metadata);
    }
}

/* optional struct s { optional list l of optional struct { required a }; optional z } */
static void test_levels(void **state) {
    (void)state;
    static const row rows[] = {G("s", OPT, 2, NO),    G("l", OPT, 1, LIST),
                               G("list", REP, 1, NO), G("element", OPT, 1, NO),
                               L("a", REQ, INT32),    L("z", OPT, INT64)};
    open_rows(rows, 6, 1, NULL);
    const pqf_field *s = &schema->fields[0], *l = &s->children[0], *e = &l->children[0];
    const pqf_field *a = &e->children[0], *z = &s->children[1];
    const struct {
        const pqf_field *field;
        int def_parent, def_level, rep_level, first_leaf, num_leaves;
    } cases[] = {{s, 0, 1, 0, 0, 2},
                 {l, 0, 2, 1, 0, 1},
                 {e, 3, 4, 1, 0, 1},
                 {a, 3, 4, 1, 0, 1},
                 {z, 0, 2, 0, 1, 1}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(cases[i].field->def_parent, cases[i].def_parent);
        assert_int_equal(cases[i].field->def_level, cases[i].def_level);
        assert_int_equal(cases[i].field->rep_level, cases[i].rep_level);
        assert_int_equal(cases[i].field->first_leaf, cases[i].first_leaf);
        assert_int_equal(cases[i].field->num_leaves, cases[i].num_leaves);
    }
    assert_ptr_equal(a->parent, e);
    assert_null(s->parent);
    assert_string_equal(a->leaf->path, "s.l.list.element.a");
    assert_string_equal(a->leaf->top_name, "s");
    assert_int_equal(a->leaf->max_def, 4);
    assert_int_equal(a->leaf->max_rep, 1);
    assert_ptr_equal(pqf_tree_leaf(&schema->tree, "s.z"), z->leaf);
    assert_null(pqf_tree_leaf(&schema->tree, "s.y"));
    close_rows();
}

/* A key that Parquet calls optional is handed out as required; its level tells a null. */
static void test_optional_key(void **state) {
    (void)state;
    static const row rows[] = {G("m", OPT, 1, MAP), G("key_value", REP, 2, NO),
                               L("key", OPT, INT32), L("value", OPT, INT64)};
    open_rows(rows, 4, 1, NULL);
    const pqf_field *entries = &schema->fields[0].children[0];
    assert_false(entries->nullable);
    assert_false(entries->children[0].nullable);
    assert_int_equal(entries->def_level, 2);
    assert_int_equal(entries->children[0].def_level, 3);
    close_rows();
}

static void test_depth(void **state) {
    (void)state;
    row rows[66];
    for (int depth = 64; depth <= 65; depth++) {
        for (int i = 0; i < depth; i++)
            rows[i] = (row){.name = "g",
                            .repetition = OPT,
                            .type = GROUP,
                            .num_children = 1,
                            .converted = NO};
        rows[depth - 1] =
            (row){.name = "x", .repetition = OPT, .type = INT32, .converted = NO};
        if (depth == 64) {
            open_rows(rows, depth, 1, NULL);
            assert_int_equal(schema->tree.leaves[0].max_def, 64);
            close_rows();
        } else {
            assert_fails(parse_rows(rows, depth, 1, &metadata), PQF_LIMIT,
                         "deeper than 64");
        }
    }
}

/* ---- names and metadata ---- */

static void test_names(void **state) {
    (void)state;
    static char names[100][16];
    row rows[100] = {{0}};
    for (int n = 5; n <= 100; n += 95) {
        for (int i = 0; i < n; i++) {
            snprintf(names[i], sizeof names[i], "c%d", i == n - 1 ? 3 : i);
            rows[i] = (row){.name = names[i], .type = INT32, .converted = NO};
        }
        open_rows(rows, n, n, NULL);
        for (int i = 0; i < n - 1; i++) {
            bool is_duplicate;
            assert_ptr_equal(pqf_schema_field(schema, names[i], &is_duplicate),
                             &schema->fields[i]);
            assert_int_equal(is_duplicate, i == 3);
        }
        assert_null(pqf_schema_field(schema, "c", NULL));
        assert_null(pqf_schema_field(schema, "C1", NULL));
        close_rows();
    }
}

static void test_read_dictionary(void **state) {
    (void)state;
    static const row rows[] = {{"s", OPT, BYTES, 0, UTF8, NULL, 0, 0, 0, 0},
                               {"t", OPT, BYTES, 0, UTF8, NULL, 0, 0, 0, 0},
                               L("i", OPT, INT32)};
    static const char *const names[] = {"t", "i", NULL};
    pqf_schema_options options = {.read_dictionary = names};
    struct ArrowSchema arrow;
    open_rows(rows, 3, 3, &options);
    assert_ok(pqf_schema_export(schema, &arrow, &err));
    assert_string_equal(arrow.children[0]->format, "u");
    assert_string_equal(arrow.children[1]->format, "i");
    assert_string_equal(arrow.children[1]->dictionary->format, "u");
    assert_string_equal(arrow.children[2]->format, "i");
    assert_null(arrow.children[2]->dictionary);
    pqf_schema_release(&arrow);
    close_rows();
}

static void test_extensions_and_field_ids(void **state) {
    (void)state;
    static const row rows[] = {{"u", OPT, FIXED, 0, NO, &uuid_type, 16, 0, 0, 17}};
    pqf_bytes value;
    open_rows(rows, 1, 1, NULL);
    const char *kv = (const char *)schema->fields[0].metadata.data;
    assert_int_equal(pqf_kv_count(kv), 3);
    assert_true(pqf_kv_find(kv, "PARQUET:field_id", &value));
    assert_memory_equal(value.data, "17", 2);
    assert_true(pqf_kv_find(kv, "ARROW:extension:name", &value));
    assert_memory_equal(value.data, "arrow.uuid", 10);
    close_rows();
    pqf_schema_options options = {.no_extension_types = true};
    open_rows(rows, 1, 1, &options);
    assert_int_equal(pqf_kv_count((const char *)schema->fields[0].metadata.data), 1);
    close_rows();
}

static void test_logical_rows(void **state) {
    (void)state;
    const char *name;
    bool reads, writes;
    int64_t n = 0;
    while (pqf_logical_row(n, &name, &reads, &writes))
        n++;
    assert_int_equal(n, 19);
    assert_true(pqf_logical_row(0, &name, &reads, &writes));
    assert_string_equal(name, "STRING");
    assert_true(reads && writes);
    assert_false(pqf_logical_row(-1, &name, &reads, &writes));
    assert_string_equal(pqf_physical_name(7), "FIXED_LEN_BYTE_ARRAY");
    assert_string_equal(pqf_physical_name(8), "unknown");
}

static void test_list_annotated_leaf(void **state) {
    (void)state;
    static const row rows[] = {{"x", REP, INT32, 0, NO, &list_type, 0, 0, 0, 0}};
    open_rows(rows, 1, 1, NULL);
    assert_fails(pqf_field_check(&schema->fields[0], &err), PQF_CORRUPT, "LIST");
    close_rows();
}

/* Footer, fields and Arrow schema with the n-th allocation failing: no leak, no other status. */
static void test_no_memory(void **state) {
    (void)state;
    static const row rows[] = {G("l", OPT, 1, LIST),
                               G("list", REP, 1, NO),
                               {"element", OPT, FIXED, 0, NO, &uuid_type, 16, 0, 0, 3},
                               {"s", OPT, BYTES, 0, UTF8, NULL, 0, 0, 0, 4}};
    pqf_status status = PQF_NOMEM;
    for (int64_t n = 1; n < 300 && status != PQF_OK; n++) {
        struct ArrowSchema arrow;
        metadata = NULL;
        schema = NULL;
        pqf_error_init(&err);
        pqf_mem_fail_after(n);
        status = parse_rows(rows, 4, 2, &metadata);
        if (status == PQF_OK)
            status = pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err);
        if (status == PQF_OK) status = pqf_schema_export(schema, &arrow, &err);
        pqf_mem_fail_after(0);
        if (status == PQF_OK)
            pqf_schema_release(&arrow);
        else
            assert_int_equal(status, PQF_NOMEM);
        close_rows();
    }
    assert_int_equal(status, PQF_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_logical_types),
        TEST(test_contradictions),
        TEST(test_int96_units),
        TEST(test_lists),
        TEST(test_maps),
        TEST(test_groups),
        TEST(test_wrong_shapes),
        TEST(test_levels),
        TEST(test_optional_key),
        TEST(test_depth),
        TEST(test_names),
        TEST(test_read_dictionary),
        TEST(test_extensions_and_field_ids),
        TEST(test_logical_rows),
        TEST(test_list_annotated_leaf),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
