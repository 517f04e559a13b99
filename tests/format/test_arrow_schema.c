/* SPDX-License-Identifier: Apache-2.0
 *
 * ARROW:schema: schemas of all types go there and back, damaged messages are refused, and the
 * stored schema is merged with what Parquet tells.
 */
#include "format_test.h"

static const char *const formats[] = {
    "n",          "b",        "c",
    "C",          "s",        "S",
    "i",          "I",        "l",
    "L",          "e",        "f",
    "g",          "z",        "Z",
    "vz",         "u",        "U",
    "vu",         "w:7",      "d:5,2",
    "d:50,3,256", "d:7,1,32", "d:15,1,64",
    "tdD",        "tdm",      "tts",
    "ttm",        "ttu",      "ttn",
    "tss:",       "tsm:UTC",  "tsu:Europe/Paris",
    "tsn:+01:00", "tDs",      "tDm",
    "tDu",        "tDn",      "tiM",
    "tiD",        "tin",
};
#define NUM_FORMATS ((int64_t)(sizeof formats / sizeof formats[0]))

static void init(struct ArrowSchema *out, const char *format, const char *name,
                 int64_t flags, int64_t num_children) {
    assert_ok(pqf_schema_init(out, format, name, flags, num_children, &err));
}

static void set_pairs(struct ArrowSchema *schema, const char *key, const char *value) {
    pqf_buf buf;
    pqf_buf_init(&buf, mem, 0);
    assert_ok(pqf_kv_put(&buf, pqf_bytes_of(key, strlen(key)),
                         pqf_bytes_of(value, strlen(value)), &err));
    assert_ok(pqf_kv_put(&buf, pqf_bytes_of("", 0), pqf_bytes_of("\0x", 2), &err));
    assert_ok(pqf_schema_set_metadata(schema, (const char *)buf.data, &err));
    pqf_buf_reset(&buf);
}

/* One column of each type, lists of all forms, a map, a struct and a dictionary behind them. */
static void make_schema(struct ArrowSchema *out) {
    static const char *const lists[] = {"+l", "+L", "+vl", "+vL", "+w:5", "+s"};
    init(out, "+s", "", 0, NUM_FORMATS + 8);
    set_pairs(out, "pandas", "{}");
    for (int64_t i = 0; i < NUM_FORMATS; i++) {
        init(out->children[i], formats[i], "x", i % 2 ? ARROW_FLAG_NULLABLE : 0, 0);
        if (i % 3 == 0) set_pairs(out->children[i], "key", "value");
    }
    for (int64_t i = 0; i < 6; i++) {
        struct ArrowSchema *list = out->children[NUM_FORMATS + i];
        init(list, lists[i], "list", ARROW_FLAG_NULLABLE, 1);
        init(list->children[0], "tsu:UTC", "item", 0, 0);
    }
    struct ArrowSchema *map = out->children[NUM_FORMATS + 6];
    init(map, "+m", "map", ARROW_FLAG_MAP_KEYS_SORTED, 1);
    init(map->children[0], "+s", "entries", 0, 2);
    init(map->children[0]->children[0], "u", "key", 0, 0);
    init(map->children[0]->children[1], "g", "value", ARROW_FLAG_NULLABLE, 0);
    struct ArrowSchema *dictionary = out->children[NUM_FORMATS + 7];
    init(dictionary, "S", "d", ARROW_FLAG_NULLABLE | ARROW_FLAG_DICTIONARY_ORDERED, 0);
    assert_ok(pqf_schema_add_dictionary(dictionary, &err));
    init(dictionary->dictionary, "U", "", ARROW_FLAG_NULLABLE, 0);
}

static void expect_same(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    assert_string_equal(a->format, b->format);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->n_children, b->n_children);
    int64_t n = pqf_kv_count(a->metadata);
    assert_int_equal(pqf_kv_count(b->metadata), n);
    for (int64_t i = 0; i < n; i++) {
        pqf_bytes key[2], value[2];
        assert_true(pqf_kv_at(a->metadata, i, &key[0], &value[0]));
        assert_true(pqf_kv_at(b->metadata, i, &key[1], &value[1]));
        assert_int_equal(key[0].len, key[1].len);
        assert_int_equal(value[0].len, value[1].len);
        assert_memory_equal(value[0].data, value[1].data, value[0].len);
    }
    for (int64_t i = 0; i < a->n_children; i++)
        expect_same(a->children[i], b->children[i]);
    assert_int_equal(a->dictionary != NULL, b->dictionary != NULL);
    if (a->dictionary) expect_same(a->dictionary, b->dictionary);
}

static void test_round_trip(void **state) {
    (void)state;
    struct ArrowSchema schema, back;
    pqf_buf value;
    make_schema(&schema);
    pqf_buf_init(&value, mem, 0);
    assert_ok(pqf_arrow_schema_write(&schema, &value, &err));
    assert_int_equal(value.len % 4, 0);
    assert_memory_equal(value.data, "/////", 5); /* the continuation */
    assert_ok(pqf_arrow_schema_read(pqf_buf_view(&value), mem, &back, &err));
    expect_same(&schema, &back);
    pqf_schema_release(&back);
    pqf_schema_release(&schema);
    pqf_buf_reset(&value);
}

/* Characters of the base64 text are changed or cut: an error with a message, or some schema. */
static void test_damage(void **state) {
    (void)state;
    struct ArrowSchema schema, back;
    pqf_buf value;
    make_schema(&schema);
    pqf_buf_init(&value, mem, 0);
    assert_ok(pqf_arrow_schema_write(&schema, &value, &err));
    pqf_schema_release(&schema);
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        static const char letters[] = "ABCDwxyz0189+/////";
        char *copy = malloc(value.len);
        random_seed(seed);
        memcpy(copy, value.data, value.len);
        for (uint32_t k = 1 + random_below(3); k > 0; k--)
            copy[random_below((uint32_t)value.len)] =
                letters[random_below(sizeof letters - 1)];
        size_t len = seed % 4 ? value.len : random_below((uint32_t)value.len);
        pqf_error_init(&err);
        pqf_status status =
            pqf_arrow_schema_read(pqf_bytes_of(copy, len), mem, &back, &err);
        if (status == PQF_OK)
            pqf_schema_release(&back);
        else if (status != PQF_CORRUPT || err.message[0] == 0)
            fail_msg("seed %llu: status %d", (unsigned long long)seed, status);
        free(copy);
    }
    pqf_buf_reset(&value);
}

static void test_no_message(void **state) {
    (void)state;
    static const struct {
        const char *value, *text;
    } cases[] = {{"", "cut short"},
                 {"A", "wrong length"},
                 {"A-AA", "character outside"},
                 {"/////w==", "claims 4294967295 bytes"},
                 {"/////wD/AAA=", "claims 65280 bytes"},
                 {"/////wAAAAA=", "outside of the message"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema back;
        pqf_bytes value = pqf_bytes_of(cases[i].value, strlen(cases[i].value));
        assert_fails(pqf_arrow_schema_read(value, mem, &back, &err), PQF_CORRUPT,
                     cases[i].text);
    }
}

static void put_base64(pqf_buf *out, const uint8_t *p, size_t len) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i + 3 <= len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        for (int k = 18; k >= 0; k -= 6)
            assert_ok(pqf_buf_put_u8(out, (uint8_t)alphabet[v >> k & 63], &err));
    }
}

/* A flatbuffer in which each struct has two children that are the same table: 2^30 fields in
 * 1 KB.
 *
 *   0 root | 4 vtable of the message | 20 of the schema | 32 message | 44 schema
 *   72 + 28 k: vector of two offsets to the table behind it, level k | vtable of a field | type */
static void test_shared_tables(void **state) {
    (void)state;
    enum { LEVELS = 30, FIRST = 72, TYPE = FIRST + 28 * LEVELS, LEN = TYPE + 13 };
    static const uint16_t message_vtable[] = {10, 12, 0, 4, 8};
    static const uint16_t schema_vtable[] = {8, 8, 0, 4};
    static const uint16_t field_vtable[] = {16, 16, 0, 0, 4, 8, 0, 12};
    uint8_t message[8 + LEN] = {0}, *f = message + 8;
    pqf_store_u32(message, UINT32_MAX);
    pqf_store_u32(message + 4, LEN);
    pqf_store_u32(f, 32);
    memcpy(f + 4, message_vtable, sizeof message_vtable);
    memcpy(f + 20, schema_vtable, sizeof schema_vtable);
    pqf_store_u32(f + 32, 32 - 4);
    f[36] = 1;
    pqf_store_u32(f + 40, 44 - 40);
    pqf_store_u32(f + 44, 44 - 20);
    pqf_store_u32(f + 48, FIRST - 48);
    pqf_store_u32(f + TYPE, TYPE - 20);
    uint8_t *vtable = f + TYPE - 16; /* in place of the last level */
    memcpy(vtable, field_vtable, sizeof field_vtable);
    for (int k = 0; k < LEVELS - 1; k++) {
        uint32_t at = FIRST + 28 * (uint32_t)k;
        pqf_store_u32(f + at, 2);
        pqf_store_u32(f + at + 4, 8);
        pqf_store_u32(f + at + 8, 4);
        pqf_store_u32(f + at + 12, at + 12 - (uint32_t)(vtable - f));
        f[at + 16] = 13; /* Struct_ */
        pqf_store_u32(f + at + 20, TYPE - (at + 20));
        pqf_store_u32(f + at + 24, 4);
    }
    pqf_buf value;
    struct ArrowSchema back;
    pqf_buf_init(&value, mem, 0);
    put_base64(&value, message, sizeof message);
    assert_fails(pqf_arrow_schema_read(pqf_buf_view(&value), mem, &back, &err),
                 PQF_CORRUPT, "overlap");
    pqf_buf_reset(&value);
}

/* ---- merging ---- */

static pqf_metadata *metadata;
static pqf_schema *written, *schema;

/* Writes a footer for a schema of these columns and reads it back. */
static void through_parquet(const struct ArrowSchema *arrow,
                            const pqf_schema_write_options *options) {
    assert_ok(pqf_schema_from_arrow(arrow, options, mem, &written, &err));
    pqf_file_metadata file = {.version = 2,
                              .schema = written->elements,
                              .num_schema = written->num_elements,
                              .has_key_value_metadata = true,
                              .key_value_metadata = written->key_values,
                              .num_key_value_metadata = written->num_key_values};
    assert_ok(parse_file(&file, 0, &metadata));
    assert_ok(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err));
}

static void drop(void) {
    pqf_schema_free(schema);
    pqf_metadata_free(metadata);
    pqf_schema_free(written);
}

/* Types that come back exactly as they went in, and how they are converted. */
static void test_types_come_back(void **state) {
    (void)state;
    static const struct {
        const char *format;
        pqf_convert convert;
        int64_t factor;
    } cases[] = {
        {"b", PQF_CONVERT_NONE, 1},
        {"c", PQF_CONVERT_INT32_TO_INT8, 1},
        {"S", PQF_CONVERT_INT32_TO_UINT16, 1},
        {"I", PQF_CONVERT_NONE, 1},
        {"e", PQF_CONVERT_NONE, 1},
        {"z", PQF_CONVERT_NONE, 1},
        {"Z", PQF_CONVERT_NONE, 1},
        {"vz", PQF_CONVERT_NONE, 1},
        {"u", PQF_CONVERT_NONE, 1},
        {"U", PQF_CONVERT_NONE, 1},
        {"vu", PQF_CONVERT_NONE, 1},
        {"w:7", PQF_CONVERT_NONE, 1},
        {"d:38,10", PQF_CONVERT_FIXED_TO_DECIMAL, 1},
        {"tdD", PQF_CONVERT_NONE, 1},
        {"tdm", PQF_CONVERT_DAYS_TO_MS, 86400000},
        {"tts", PQF_CONVERT_DIVIDE_32, 1000},
        {"ttm", PQF_CONVERT_NONE, 1},
        {"ttn", PQF_CONVERT_NONE, 1},
        {"tss:", PQF_CONVERT_DIVIDE_64, 1000},
        {"tss:Asia/Tokyo", PQF_CONVERT_DIVIDE_64, 1000},
        {"tsm:", PQF_CONVERT_NONE, 1},
        {"tsu:Europe/Paris", PQF_CONVERT_NONE, 1},
        {"tsn:UTC", PQF_CONVERT_NONE, 1},
        {"tDs", PQF_CONVERT_NONE, 1},
        {"tDn", PQF_CONVERT_NONE, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema arrow, back;
        init(&arrow, "+s", "", 0, 1);
        init(arrow.children[0], cases[i].format, "x", ARROW_FLAG_NULLABLE, 0);
        set_pairs(arrow.children[0], "a", "b");
        set_pairs(&arrow, "c", "d");
        through_parquet(&arrow, NULL);
        assert_ok(pqf_schema_export(schema, &back, &err));
        expect_same(&arrow, &back);
        assert_int_equal(schema->fields[0].convert, cases[i].convert);
        assert_int_equal(schema->fields[0].factor, cases[i].factor);
        assert_int_equal(written->fields[0].convert, cases[i].convert);
        assert_int_equal(written->fields[0].factor, cases[i].factor);
        pqf_schema_release(&back);
        pqf_schema_release(&arrow);
        drop();
    }
}

static void test_nested_comes_back(void **state) {
    (void)state;
    static const char *const lists[] = {"+l", "+L", "+w:3"};
    static const pqf_list_form forms[] = {PQF_LIST, PQF_LIST_LARGE, PQF_LIST_FIXED};
    for (int i = 0; i < 3; i++) {
        struct ArrowSchema arrow, back;
        init(&arrow, "+s", "", 0, 1);
        struct ArrowSchema *list = arrow.children[0];
        init(list, lists[i], "l", ARROW_FLAG_NULLABLE, 1);
        init(list->children[0], "+s", "element", 0, 2);
        init(list->children[0]->children[0], "c", "d", ARROW_FLAG_NULLABLE, 0);
        assert_ok(pqf_schema_add_dictionary(list->children[0]->children[0], &err));
        init(list->children[0]->children[0]->dictionary, "U", "", ARROW_FLAG_NULLABLE, 0);
        struct ArrowSchema *map = list->children[0]->children[1];
        init(map, "+m", "m", ARROW_FLAG_MAP_KEYS_SORTED, 1);
        init(map->children[0], "+s", "m", 0, 2);
        init(map->children[0]->children[0], "u", "key", 0, 0);
        init(map->children[0]->children[1], "tss:", "value", ARROW_FLAG_NULLABLE, 0);
        through_parquet(&arrow, NULL);
        assert_ok(pqf_schema_export(schema, &back, &err));
        expect_same(&arrow, &back);
        assert_int_equal(schema->fields[0].list_form, forms[i]);
        assert_int_equal(schema->fields[0].fixed_items, i == 2 ? 3 : 0);
        assert_int_equal(schema->tree.num_leaves, 3);
        pqf_schema_release(&back);
        pqf_schema_release(&arrow);
        drop();
    }
}

/* Stored types that do not fit what is in the file are ignored; so is a schema of other columns. */
static void test_other_types_are_ignored(void **state) {
    (void)state;
    static const char *const stored[] = {"u", "l", "tdm", "tDs", "e", "d:5,2", "tsu:"};
    struct ArrowSchema arrow, other;
    pqf_key_value kv = {.key = {(const uint8_t *)"ARROW:schema", 12}, .has_value = true};
    static const row rows[] = {
        {"x", PQF_OPTIONAL, PQF_PHYSICAL_INT32, 0, -1, NULL, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        pqf_schema_element elements[2];
        pqf_buf value;
        init(&other, "+s", "", 0, i == 0 ? 2 : 1);
        for (int64_t k = 0; k < other.n_children; k++)
            init(other.children[k], stored[i], "x", 0, 0);
        set_pairs(&other, "stored", "1");
        pqf_buf_init(&value, mem, 0);
        assert_ok(pqf_arrow_schema_write(&other, &value, &err));
        kv.value = pqf_buf_view(&value);
        pqf_file_metadata file = {.version = 2,
                                  .schema = elements,
                                  .has_key_value_metadata = true,
                                  .key_value_metadata = &kv,
                                  .num_key_value_metadata = 1};
        file.num_schema = fill_elements(rows, 1, 1, elements);
        assert_ok(parse_file(&file, 0, &metadata));
        assert_ok(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err));
        assert_ok(pqf_schema_export(schema, &arrow, &err));
        assert_string_equal(arrow.children[0]->format, "i");
        assert_int_equal(pqf_kv_count(arrow.metadata), i == 0 ? 0 : 2);
        pqf_schema_release(&arrow);
        pqf_schema_free(schema);
        pqf_metadata_free(metadata);
        pqf_schema_release(&other);
        pqf_buf_reset(&value);
    }
}

static void test_damaged_key_names_the_option(void **state) {
    (void)state;
    static const row rows[] = {
        {"x", PQF_OPTIONAL, PQF_PHYSICAL_INT32, 0, -1, NULL, 0, 0, 0, 0}};
    pqf_schema_element elements[2];
    pqf_key_value kv[2] = {{.key = {(const uint8_t *)"ARROW:schema", 12},
                            .value = {(const uint8_t *)"////", 4},
                            .has_value = true},
                           {.key = {(const uint8_t *)"other", 5}}};
    pqf_file_metadata file = {.version = 2,
                              .schema = elements,
                              .has_key_value_metadata = true,
                              .key_value_metadata = kv,
                              .num_key_value_metadata = 2};
    file.num_schema = fill_elements(rows, 1, 1, elements);
    assert_ok(parse_file(&file, 0, &metadata));
    assert_fails(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err), PQF_CORRUPT,
                 "ignore_arrow_schema");
    pqf_schema_options options = {.ignore_arrow_schema = true};
    assert_ok(pqf_schema_from_parquet(metadata, &options, mem, &schema, &err));
    assert_int_equal(pqf_kv_count((const char *)schema->metadata.data), 1);
    pqf_schema_free(schema);
    pqf_metadata_free(metadata);
}

/* An extension type is restored over its own storage and over no other. */
static void test_extensions(void **state) {
    (void)state;
    static const struct {
        const char *format, *name;
        bool is_kept;
    } cases[] = {{"w:16", "arrow.uuid", true},
                 {"u", "arrow.json", true},
                 {"U", "arrow.json", true},
                 {"l", "my.type", true},
                 {"I", "my.type", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema arrow;
        pqf_bytes value;
        init(&arrow, "+s", "", 0, 1);
        init(arrow.children[0], cases[i].format, "x", ARROW_FLAG_NULLABLE, 0);
        set_pairs(arrow.children[0], "ARROW:extension:name", cases[i].name);
        /* in version 1.0 a uint32 comes back as int64 */
        pqf_schema_write_options options = {.version = i == 4 ? "1.0" : NULL};
        through_parquet(&arrow, &options);
        const char *kv = (const char *)schema->fields[0].metadata.data;
        bool is_there = schema->fields[0].metadata.len &&
                        pqf_kv_find(kv, "ARROW:extension:name", &value);
        assert_int_equal(is_there, i != 4);
        pqf_schema_release(&arrow);
        drop();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_damage),
        TEST(test_no_message),
        TEST(test_shared_tables),
        TEST(test_types_come_back),
        TEST(test_nested_comes_back),
        TEST(test_other_types_are_ignored),
        TEST(test_damaged_key_names_the_option),
        TEST(test_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
