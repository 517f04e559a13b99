/* SPDX-License-Identifier: Apache-2.0
 *
 * Footers: found at the end of a file, written and read back, refused with a text that says
 * why; the border's checks, one wrong number at a time; quirks of old writers.
 */
#include "format_test.h"

/* ---- finding the footer ---- */

static pqf_status read_bytes(pqf_bytes file, pqf_metadata **out) {
    pqf_source *source;
    *out = NULL;
    assert_ok(pqf_source_open_memory(file, &source, &err));
    pqf_error_init(&err);
    pqf_status status = pqf_footer_read(source, NULL, mem, out, &err);
    pqf_source_free(source);
    return status;
}

static void refuse(const char *file, size_t len, pqf_status status, const char *text) {
    pqf_metadata *metadata;
    assert_fails(read_bytes(pqf_bytes_of(file, len), &metadata), status, text);
    assert_null(metadata);
}

static void test_not_parquet(void **state) {
    (void)state;
    refuse("", 0, PQF_CORRUPT, "the file is empty");
    refuse("PAR1PAR1", 8, PQF_CORRUPT, "8 bytes");
    refuse("a,b\n1,2\n3,4\n5,6\n", 16, PQF_CORRUPT, "not a Parquet file");
    refuse("PAR1 and then nothing", 21, PQF_CORRUPT, "cut short");
    refuse("PAR1\0\0\0\0PARE", 12, PQF_UNSUPPORTED, "encrypted");
    refuse("PAR1\xff\xff\xff\x7fPAR1", 12, PQF_CORRUPT, "claims 2147483647 bytes");
    refuse("PAR1\x01\0\0\0PAR1", 12, PQF_CORRUPT, "claims 1 bytes");
    refuse("PAR1\0\0\0\0PAR1", 12, PQF_CORRUPT, "FileMetaData");
}

/* A file of pages_bytes of nothing between the magic and the footer. */
static void put_file(pqf_buf *out, size_t page_bytes, const pqf_file_metadata *file) {
    assert_ok(pqf_buf_put(out, "PAR1", 4, &err));
    assert_ok(pqf_buf_put_zeros(out, page_bytes, &err));
    assert_ok(pqf_footer_write(file, out, &err));
}

static void test_sizes_around_the_first_read(void **state) {
    (void)state;
    static char name[200000];
    static const size_t name_lens[] = {1, 65000, 65530, 70000, 199999};
    memset(name, 'n', sizeof name - 1);
    for (size_t i = 0; i < sizeof name_lens / sizeof name_lens[0]; i++) {
        pqf_schema_element elements[2] = {0};
        pqf_file_metadata file = {.version = 2, .schema = elements, .num_schema = 2};
        pqf_metadata *metadata;
        pqf_buf buf;
        pqf_buf_init(&buf, mem, 0);
        elements[0].has_num_children = true;
        elements[0].num_children = 1;
        elements[1].has_type = true;
        elements[1].name = pqf_bytes_of(name, name_lens[i]);
        put_file(&buf, i % 2 ? 100000 : 0, &file);
        assert_ok(read_bytes(pqf_buf_view(&buf), &metadata));
        assert_int_equal(metadata->tree.num_leaves, 1);
        assert_int_equal(strlen(metadata->tree.leaves[0].path), name_lens[i]);
        assert_int_equal(metadata->file_bytes, buf.len);
        pqf_metadata_free(metadata);
        pqf_buf_reset(&buf);
    }
}

/* ---- the border ---- */

/* A file of 10,000 bytes with two columns and one row group of 5 rows. */
typedef struct sample {
    pqf_schema_element elements[3];
    pqf_column_chunk chunks[2];
    pqf_row_group groups[2];
    pqf_column_order orders[2];
    pqf_file_metadata file;
} sample;

#define FILE_BYTES 10000

static void make(sample *s) {
    static const row rows[] = {
        {"a", PQF_REQUIRED, PQF_PHYSICAL_INT64, 0, -1, NULL, 0, 0, 0, 0},
        {"b", PQF_OPTIONAL, PQF_PHYSICAL_BYTE_ARRAY, 0, -1, NULL, 0, 0, 0, 0}};
    memset(s, 0, sizeof *s);
    fill_elements(rows, 2, 2, s->elements);
    for (int i = 0; i < 2; i++) {
        s->chunks[i].has_meta_data = true;
        s->chunks[i].meta_data = (pqf_column_metadata){.type = rows[i].type,
                                                       .num_values = 5,
                                                       .total_uncompressed_size = 200,
                                                       .total_compressed_size = 100,
                                                       .data_page_offset = 4 + 100 * i};
        s->orders[i].has_type_order = true;
    }
    s->groups[0] = (pqf_row_group){.columns = s->chunks, .num_columns = 2, .num_rows = 5};
    s->file = (pqf_file_metadata){.version = 2,
                                  .schema = s->elements,
                                  .num_schema = 3,
                                  .num_rows = 5,
                                  .row_groups = s->groups,
                                  .num_row_groups = 1,
                                  .has_column_orders = true,
                                  .column_orders = s->orders,
                                  .num_column_orders = 2};
}

static void test_sound(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    pqf_chunk chunk;
    make(&s);
    assert_ok(parse_file(&s.file, FILE_BYTES, &metadata));
    assert_ok(pqf_metadata_chunk(metadata, 0, 1, &chunk, &err));
    assert_int_equal(chunk.file_offset, 104);
    assert_int_equal(chunk.byte_len, 100);
    assert_int_equal(chunk.num_values, 5);
    assert_int_equal(chunk.num_rows, 5);
    assert_string_equal(chunk.leaf->path, "b");
    assert_int_equal(chunk.leaf->max_def, 1);
    assert_int_equal(chunk.leaf->order, PQF_ORDER_BYTES);
    pqf_metadata_free(metadata);
}

static void bad_size(sample *s) { s->chunks[0].meta_data.total_compressed_size = -1; }
static void bad_plain_size(sample *s) {
    s->chunks[0].meta_data.total_uncompressed_size = -1;
}
static void bad_offset(sample *s) { s->chunks[0].meta_data.data_page_offset = 3; }
static void bad_end(sample *s) { s->chunks[0].meta_data.total_compressed_size = 9990; }
static void bad_overflow(sample *s) {
    s->chunks[0].meta_data.total_compressed_size = INT64_MAX;
}
static void bad_far(sample *s) { s->chunks[0].meta_data.data_page_offset = INT64_MAX; }
static void bad_values(sample *s) { s->chunks[1].meta_data.num_values = -5; }
static void bad_type(sample *s) { s->chunks[1].meta_data.type = PQF_PHYSICAL_INT32; }
static void bad_count(sample *s) { s->groups[0].num_columns = 1; }
static void bad_rows(sample *s) { s->groups[0].num_rows = -1; }
static void bad_sum(sample *s) { s->file.num_rows = 6; }
static void bad_orders(sample *s) { s->file.num_column_orders = 1; }
static void bad_missing(sample *s) { s->chunks[0].has_meta_data = false; }
static void bad_elements(sample *s) { s->file.num_schema = 2; }
static void bad_children(sample *s) { s->elements[0].num_children = 1; }
static void bad_negative(sample *s) {
    s->elements[1].has_num_children = true;
    s->elements[1].num_children = -1;
}
static void bad_repetition(sample *s) { s->elements[1].repetition_type = 3; }
static void bad_physical(sample *s) { s->elements[1].type = 8; }
static void bad_empty(sample *s) { s->file.num_schema = 0; }
static void bad_total(sample *s) {
    s->groups[1] = s->groups[0];
    s->groups[0].num_rows = s->groups[1].num_rows = INT64_MAX;
    s->file.num_row_groups = 2;
}

static void test_one_wrong_number(void **state) {
    (void)state;
    static const struct {
        void (*spoil)(sample *);
        const char *text;
    } cases[] = {
        {bad_size, "claims -1 bytes"},
        {bad_plain_size, "-1 of them uncompressed"},
        {bad_offset, "from byte 3"},
        {bad_end, "claims 9990 bytes"},
        {bad_overflow, "9223372036854775807 bytes"},
        {bad_far, "from byte 9223372036854775807"},
        {bad_values, "claims -5 values"},
        {bad_type, "type is INT32 but the schema's is BYTE_ARRAY"},
        {bad_count, "1 column chunks but the schema has 2 columns"},
        {bad_rows, "claims -1 rows"},
        {bad_sum, "claims 6 rows but its row groups have 5"},
        {bad_orders, "1 column orders for 2 columns"},
        {bad_missing, "no metadata"},
        {bad_elements, "fewer than their num_children claim"},
        {bad_children, "its tree ends after 2"},
        {bad_negative, "has -1 children"},
        {bad_repetition, "unknown repetition 3"},
        {bad_physical, "unknown type 8"},
        {bad_empty, "no elements"},
        {bad_total, "claims 9223372036854775807 rows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sample s;
        pqf_metadata *metadata = NULL;
        make(&s);
        cases[i].spoil(&s);
        assert_fails(parse_file(&s.file, FILE_BYTES, &metadata), PQF_CORRUPT,
                     cases[i].text);
        assert_null(metadata);
    }
}

static void test_address_of_a_wrong_number(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    make(&s);
    bad_values(&s);
    assert_fails(parse_file(&s.file, FILE_BYTES, &metadata), PQF_CORRUPT, "values");
    assert_int_equal(err.row_group, 0);
    assert_string_equal(err.column, "b");
}

/* ---- quirks ---- */

static void expect_chunk(sample *s, int64_t offset, int64_t len) {
    pqf_metadata *metadata;
    pqf_chunk chunk;
    assert_ok(parse_file(&s->file, FILE_BYTES, &metadata));
    assert_ok(pqf_metadata_chunk(metadata, 0, 0, &chunk, &err));
    assert_int_equal(chunk.file_offset, offset);
    assert_int_equal(chunk.byte_len, len);
    pqf_metadata_free(metadata);
}

static void test_dictionary_offsets(void **state) {
    (void)state;
    sample s;
    make(&s);
    pqf_column_metadata *meta = &s.chunks[0].meta_data;
    meta->data_page_offset = 50;
    meta->has_dictionary_page_offset = true;
    meta->dictionary_page_offset = 20;
    expect_chunk(&s, 20, 100);
    meta->dictionary_page_offset = 0;
    expect_chunk(&s, 50, 100);
    meta->dictionary_page_offset = 60;
    expect_chunk(&s, 50, 100);
    meta->has_dictionary_page_offset = false;
    expect_chunk(&s, 50, 100);
}

static void test_short_chunks_of_old_writers(void **state) {
    (void)state;
    static const struct {
        const char *created_by;
        int64_t len;
    } cases[] = {
        {"parquet-mr version 1.2.8 (build abc)", 200},
        {"parquet-mr version 1.2.9", 100},
        {"parquet-mr version 1.10.0", 100},
        {"parquet-mr", 200},
        {"parquet-mr version 0.9", 200},
        {"parquet-cpp version 1.0.0", 100},
        {"parquet-mr version 2.0.0-SNAPSHOT", 100},
        {"", 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sample s;
        make(&s);
        s.file.has_created_by = true;
        s.file.created_by =
            pqf_bytes_of(cases[i].created_by, strlen(cases[i].created_by));
        expect_chunk(&s, 4, cases[i].len);
    }
}

static void test_rows_left_zero(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    make(&s);
    s.file.num_rows = 0;
    assert_ok(parse_file(&s.file, FILE_BYTES, &metadata));
    assert_int_equal(metadata->file.num_rows, 5);
    pqf_metadata_free(metadata);
}

static void test_empty_chunk_may_point_anywhere(void **state) {
    (void)state;
    sample s;
    make(&s);
    s.groups[0].num_rows = s.file.num_rows = 0;
    s.chunks[0].meta_data.num_values = s.chunks[1].meta_data.num_values = 0;
    s.chunks[0].meta_data.data_page_offset = -1;
    expect_chunk(&s, 4, 0);
}

static void test_wrong_hints_are_dropped(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    make(&s);
    for (int i = 0; i < 2; i++) {
        pqf_column_chunk *c = &s.chunks[i];
        c->has_offset_index_offset = c->has_offset_index_length = true;
        c->has_column_index_offset = c->has_column_index_length = true;
        c->meta_data.has_bloom_filter_offset = true;
        c->offset_index_offset = c->column_index_offset = i ? 20000 : 300;
        c->offset_index_length = c->column_index_length = 10;
        c->meta_data.bloom_filter_offset = i ? -7 : 400;
    }
    assert_ok(parse_file(&s.file, FILE_BYTES, &metadata));
    const pqf_column_chunk *chunks = metadata->file.row_groups[0].columns;
    assert_true(chunks[0].has_offset_index_offset && chunks[0].has_column_index_length);
    assert_true(chunks[0].meta_data.has_bloom_filter_offset);
    assert_false(chunks[1].has_offset_index_offset || chunks[1].has_column_index_length);
    assert_false(chunks[1].meta_data.has_bloom_filter_offset);
    pqf_metadata_free(metadata);
}

static void test_chunks_that_cannot_be_read(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    pqf_chunk chunk;
    pqf_column_crypto_metadata crypto = {.has_encryption_with_footer_key = true};
    make(&s);
    s.chunks[0].crypto_metadata = &crypto;
    s.chunks[0].has_meta_data = false;
    s.chunks[1].has_file_path = true;
    s.chunks[1].file_path = pqf_bytes_of("other.parquet", 13);
    s.chunks[1].meta_data.data_page_offset = 123456789;
    assert_ok(parse_file(&s.file, FILE_BYTES, &metadata));
    assert_fails(pqf_metadata_chunk(metadata, 0, 0, &chunk, &err), PQF_UNSUPPORTED,
                 "encrypted");
    assert_string_equal(err.column, "a");
    assert_fails(pqf_metadata_chunk(metadata, 0, 1, &chunk, &err), PQF_UNSUPPORTED,
                 "other.parquet");
    pqf_metadata_free(metadata);
}

static void test_key_values(void **state) {
    (void)state;
    sample s;
    pqf_metadata *metadata;
    pqf_bytes value;
    pqf_key_value kv[2] = {{.key = {(const uint8_t *)"k", 1}},
                           {.key = {(const uint8_t *)"kk", 2},
                            .value = {(const uint8_t *)"v", 1},
                            .has_value = true}};
    make(&s);
    s.file.has_key_value_metadata = true;
    s.file.key_value_metadata = kv;
    s.file.num_key_value_metadata = 2;
    assert_ok(parse_file(&s.file, FILE_BYTES, &metadata));
    assert_true(pqf_metadata_get(metadata, "k", &value));
    assert_int_equal(value.len, 0);
    assert_true(pqf_metadata_get(metadata, "kk", &value));
    assert_int_equal(value.len, 1);
    assert_false(pqf_metadata_get(metadata, "kkk", &value));
    pqf_metadata_free(metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_not_parquet),
        TEST(test_sizes_around_the_first_read),
        TEST(test_sound),
        TEST(test_one_wrong_number),
        TEST(test_address_of_a_wrong_number),
        TEST(test_dictionary_offsets),
        TEST(test_short_chunks_of_old_writers),
        TEST(test_rows_left_zero),
        TEST(test_empty_chunk_may_point_anywhere),
        TEST(test_wrong_hints_are_dropped),
        TEST(test_chunks_that_cannot_be_read),
        TEST(test_key_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
