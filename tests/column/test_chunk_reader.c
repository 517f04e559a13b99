/* SPDX-License-Identifier: Apache-2.0
 *
 * Column chunks from strangers: page headers forged and cut, checksums, levels out of range,
 * rows missing or left over; then skipping, conversions of values, and runs of nulls far
 * larger than the file.
 */
#include "reading_test.h"

static pqf_mem *builder_mem, *mem;
static pqf_error err;

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &builder_mem, &err) || pqf_mem_new(0, &mem, &err);
}

static int teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem) + pqf_mem_used(builder_mem);
    pqf_mem_release(mem);
    pqf_mem_release(builder_mem);
    if (used) print_error("%lld bytes not given back\n", (long long)used);
    return used != 0;
}

static void fresh_error(void) { pqf_error_init(&err); }

/* ---- trees ---- */

static test_tree tree;

static void flat_tree(pqf_physical physical, bool nullable) {
    tree = (test_tree){0};
    tree.root.nullable = nullable;
    tree_leaf(&tree, &tree.root, physical);
    tree_finish(&tree);
}

/* optional list of optional int32: def 0..3, rep 0..1 */
static void list_tree(void) {
    tree = (test_tree){0};
    tree.root.nullable = true;
    tree_group(&tree, &tree.root, PQF_FIELD_LIST, 1);
    tree.root.children[0].nullable = true;
    tree_leaf(&tree, &tree.root.children[0], PQF_PHYSICAL_INT32);
    tree_finish(&tree);
}

static pqf_field *leaf_field(void) {
    return tree.root.kind == PQF_FIELD_LEAF ? &tree.root : &tree.root.children[0];
}

static pqf_status read_whole(const test_chunk *c) {
    pqf_leaf_out out;
    fresh_error();
    pqf_status status = chunk_read(c, leaf_field(), 64, false, &out, mem, &err);
    if (status == PQF_OK) pqf_leaf_out_reset(&out);
    return status;
}

static void random_levels(test_levels *l, int64_t num_rows) {
    value_spec spec = {30, 4, false};
    for (int64_t i = 0; i < num_rows; i++) {
        test_value v = value_random(&tree.root, &spec);
        levels_shred(&tree.root, &v, 1, 0, l);
        value_free(&v);
    }
}

/* ---- damage ---- */

/* Any byte may change to anything: the read ends, with an error or with other values. */
static void damage_every_byte(const chunk_layout *layout) {
    test_levels levels = {0};
    test_chunk c;
    random_levels(&levels, 30);
    chunk_build(&c, leaf_field()->leaf, &levels, 30, layout, builder_mem);
    for (size_t at = 4; at < c.bytes.len; at++) {
        uint8_t old = c.bytes.data[at];
        static const uint8_t flips[] = {0x01, 0x80, 0xFF, 0x10, 0x7E};
        for (size_t k = 0; k < sizeof flips; k++) {
            c.bytes.data[at] = old ^ flips[k];
            pqf_status status = read_whole(&c);
            CHECK(status != PQF_INVALID && status != PQF_IO, "byte %zu: %s", at,
                  err.message);
            if (status != PQF_OK)
                CHECK(err.column[0], "byte %zu: no column: %s", at, err.message);
        }
        c.bytes.data[at] = old;
    }
    CHECK(read_whole(&c) == PQF_OK, "undamaged: %s", err.message);
    chunk_free(&c);
    levels_free(&levels);
}

static void test_every_byte(void **state) {
    (void)state;
    static const int32_t codecs[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_ZSTD, PQF_LZ4_RAW,
                                     PQF_GZIP};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rnd_start(seed);
        if (seed & 1)
            list_tree();
        else
            flat_tree(seed & 2 ? PQF_PHYSICAL_BYTE_ARRAY : PQF_PHYSICAL_INT64, seed & 8);
        chunk_layout layout = {
            .codec = codecs[seed % 5], .dictionary = seed & 4, .page_levels = 20};
        damage_every_byte(&layout);
    }
}

static void test_cut_anywhere(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        test_levels levels = {0};
        test_chunk c;
        rnd_start(seed);
        if (seed & 1)
            list_tree();
        else
            flat_tree(PQF_PHYSICAL_INT64, seed & 2);
        chunk_layout layout = {.codec = seed & 4 ? PQF_SNAPPY : PQF_UNCOMPRESSED,
                               .page_levels = 10,
                               .dictionary = seed & 8};
        random_levels(&levels, 40);
        chunk_build(&c, leaf_field()->leaf, &levels, 40, &layout, builder_mem);
        for (int64_t len = 0; len < (int64_t)c.bytes.len - 4; len++) {
            c.chunk.byte_len = len;
            CHECK(read_whole(&c) == PQF_CORRUPT, "cut to %lld bytes: %s", (long long)len,
                  err.message);
        }
        chunk_free(&c);
        levels_free(&levels);
    }
}

static void test_checksum(void **state) {
    (void)state;
    test_levels levels = {0};
    test_chunk c;
    rnd_start(1);
    flat_tree(PQF_PHYSICAL_INT64, false);
    for (int i = 0; i < 10; i++)
        levels_put(&levels, 0, 0, i);
    for (int version = 1; version <= 2; version++) {
        for (int codec = 0; codec < 2; codec++) {
            chunk_layout layout = {.version = version,
                                   .crc = true,
                                   .page_levels = 2,
                                   .codec = codec ? PQF_SNAPPY : PQF_UNCOMPRESSED};
            chunk_build(&c, leaf_field()->leaf, &levels, 10, &layout, builder_mem);
            assert_int_equal(read_whole(&c), PQF_OK);
            c.bytes.data[c.bytes.len - 1] ^= 1;
            assert_int_equal(read_whole(&c), PQF_CORRUPT);
            assert_non_null(strstr(err.message, "checksum"));
            assert_true(err.page > 0 && err.file_offset > 4);
            assert_string_equal(err.column, "a");
            chunk_free(&c);
        }
    }
    levels_free(&levels);
}

/* ---- forged headers ---- */

static pqf_page_header data_header(int32_t num_values) {
    pqf_page_header h = {.type = PQF_PAGE_DATA, .has_data_page_header = true};
    h.data_page_header = (pqf_data_page_header){.num_values = num_values,
                                                .encoding = PQF_PLAIN,
                                                .definition_level_encoding = PQF_RLE,
                                                .repetition_level_encoding = PQF_RLE};
    return h;
}

static const uint8_t zeros[64];

/* A chunk of one page over 4 PLAIN int64 values. `change` forges its header after the sizes
 * are set. */
static void expect_forged(void (*change)(pqf_page_header *), const char *message) {
    test_chunk c;
    pqf_page_header h = data_header(4);
    chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
    chunk_put_page(&c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of(zeros, 32), false);
    c.bytes.len = 4;
    change(&h);
    assert_int_equal(pqf_page_header_write(&h, &c.bytes, &err), PQF_OK);
    assert_int_equal(pqf_buf_put(&c.bytes, zeros, 32, &err), PQF_OK);
    chunk_finish(&c, 4, 4);
    assert_int_equal(read_whole(&c), PQF_CORRUPT);
    if (!strstr(err.message, message)) print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, message));
    chunk_free(&c);
}

static void negative_stored(pqf_page_header *h) { h->compressed_page_size = -1; }
static void negative_plain(pqf_page_header *h) { h->uncompressed_page_size = -5; }
static void too_long(pqf_page_header *h) {
    h->compressed_page_size = h->uncompressed_page_size = 1000;
}
static void sizes_differ(pqf_page_header *h) { h->uncompressed_page_size = 24; }
static void negative_count(pqf_page_header *h) { h->data_page_header.num_values = -4; }
static void too_many(pqf_page_header *h) { h->data_page_header.num_values = 5; }
static void no_header(pqf_page_header *h) { h->has_data_page_header = false; }
static void no_dictionary(pqf_page_header *h) {
    h->data_page_header.encoding = PQF_RLE_DICTIONARY;
}
static void to_v2(pqf_page_header *h) {
    h->type = PQF_PAGE_DATA_V2;
    h->has_data_page_header = false;
    h->has_data_page_header_v2 = true;
    h->data_page_header_v2 =
        (pqf_data_page_header_v2){.num_values = 4, .encoding = PQF_PLAIN};
}
static void v2_levels(pqf_page_header *h) {
    to_v2(h);
    h->data_page_header_v2.definition_levels_byte_length = 20;
    h->data_page_header_v2.repetition_levels_byte_length = 20;
}
static void v2_negative(pqf_page_header *h) {
    to_v2(h);
    h->data_page_header_v2.definition_levels_byte_length = -1;
}

static void test_forged(void **state) {
    (void)state;
    flat_tree(PQF_PHYSICAL_INT64, false);
    expect_forged(negative_stored, "negative");
    expect_forged(negative_plain, "negative");
    expect_forged(too_long, "has 32 left");
    expect_forged(sizes_differ, "header says 24");
    expect_forged(negative_count, "page of -4 values");
    expect_forged(too_many, "page of 5 values");
    expect_forged(no_header, "data_page_header");
    expect_forged(no_dictionary, "dictionary");
    expect_forged(v2_levels, "20 bytes of repetition");
    expect_forged(v2_negative, "-1 of definition");
}

/* What a page claims to become is held against what its codec can make of its bytes. */
static void test_impossible_expansion(void **state) {
    (void)state;
    static const int32_t codecs[] = {PQF_SNAPPY, PQF_GZIP, PQF_LZ4_RAW, PQF_ZSTD};
    flat_tree(PQF_PHYSICAL_INT64, false);
    for (int i = 0; i < 4; i++) {
        test_chunk c;
        pqf_page_header h = data_header(INT32_MAX / 8);
        chunk_begin(&c, leaf_field()->leaf, codecs[i], builder_mem);
        h.compressed_page_size = 32;
        h.uncompressed_page_size = INT32_MAX / 8 * 8;
        assert_int_equal(pqf_page_header_write(&h, &c.bytes, &err), PQF_OK);
        assert_int_equal(pqf_buf_put(&c.bytes, zeros, 32, &err), PQF_OK);
        chunk_finish(&c, INT32_MAX / 8, INT32_MAX / 8);
        assert_int_equal(read_whole(&c), PQF_CORRUPT);
        assert_non_null(strstr(err.message, "cannot become"));
        chunk_free(&c);
    }
}

static void put_dictionary(test_chunk *c) {
    pqf_page_header h = {.type = PQF_PAGE_DICTIONARY, .has_dictionary_page_header = true};
    h.dictionary_page_header =
        (pqf_dictionary_page_header){.num_values = 2, .encoding = PQF_PLAIN};
    chunk_put_page(c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of(zeros, 16), false);
}

static void test_dictionary_pages(void **state) {
    (void)state;
    flat_tree(PQF_PHYSICAL_INT64, false);
    for (int late = 0; late < 2; late++) {
        test_chunk c;
        pqf_page_header h = data_header(4);
        chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
        put_dictionary(&c);
        if (late)
            chunk_put_page(&c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of(zeros, 32), false);
        put_dictionary(&c);
        chunk_put_page(&c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of(zeros, 32), false);
        chunk_finish(&c, late ? 8 : 4, late ? 8 : 4);
        assert_int_equal(read_whole(&c), PQF_CORRUPT);
        assert_non_null(strstr(err.message, "second dictionary"));
        chunk_free(&c);
    }
}

/* ---- rows ---- */

static pqf_status read_levels(const int (*pairs)[2], int64_t n, int64_t num_rows) {
    test_levels levels = {0};
    test_chunk c;
    chunk_layout layout = {.version = 1, .page_levels = 3};
    for (int64_t i = 0; i < n; i++)
        levels_put(&levels, pairs[i][0], pairs[i][1], i);
    chunk_build(&c, leaf_field()->leaf, &levels, num_rows, &layout, builder_mem);
    pqf_status status = read_whole(&c);
    chunk_free(&c);
    levels_free(&levels);
    return status;
}

static void test_row_counts(void **state) {
    (void)state;
    static const int pairs[][2] = {{0, 3}, {1, 3}, {0, 1}, {0, 0}, {0, 2}, {1, 3}};
    static const int late_start[][2] = {{1, 3}, {0, 3}};
    static const int no_item[][2] = {{0, 1}, {1, 3}};
    static const int ends_early[][2] = {{0, 3}, {1, 1}};
    static const int filled[][2] = {{0, 0}, {1, 0}, {1, 0}, {0, 3},
                                    {1, 3}, {0, 1}, {1, 1}};
    rnd_start(1);
    list_tree();
    assert_int_equal(read_levels(pairs, 6, 4), PQF_OK);
    assert_int_equal(read_levels(pairs, 6, 3), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "more than the 3 rows"));
    assert_int_equal(read_levels(pairs, 6, 5), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "1 rows fewer"));
    assert_int_equal(read_levels(late_start, 2, 1), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "begins with repetition level 1"));
    assert_int_equal(read_levels(no_item, 2, 1), PQF_CORRUPT);
    assert_int_equal(read_levels(ends_early, 2, 1), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "no item"));
    assert_int_equal(read_levels(filled, 7, 3), PQF_OK);
    assert_int_equal(read_levels(filled, 2, 1), PQF_OK); /* one run of a pair */
    flat_tree(PQF_PHYSICAL_INT64, true);
    static const int flat[][2] = {{0, 1}, {0, 0}, {0, 1}};
    assert_int_equal(read_levels(flat, 3, 3), PQF_OK);
    assert_int_equal(read_levels(flat, 3, 2), PQF_CORRUPT);
    assert_int_equal(read_levels(flat, 3, 4), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "1 rows fewer"));
}

/* The widths of level runs leave room for levels that the column does not have. */
static void test_levels_too_large(void **state) {
    (void)state;
    static const uint8_t run_of_3[] = {2, 0, 0, 0, 4 << 1, 3};
    tree = (test_tree){0};
    tree.root.nullable = true;
    tree_group(&tree, &tree.root, PQF_FIELD_STRUCT, 1);
    tree.root.children[0].nullable = true;
    tree_leaf(&tree, &tree.root.children[0], PQF_PHYSICAL_INT64);
    tree_finish(&tree);
    test_chunk c;
    pqf_page_header h = data_header(4);
    chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
    chunk_put_page(&c, &h, pqf_bytes_of(run_of_3, 6), pqf_bytes_of(zeros, 32), false);
    chunk_finish(&c, 4, 4);
    assert_int_equal(read_whole(&c), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "definition level of 3"));
    chunk_free(&c);
}

/* Optional structs around an optional int64. Six make definition levels of 0 to 7: the numbers that
 * Encodings.md gives the bytes of. */
static void packed_tree(int depth) {
    tree = (test_tree){0};
    pqf_field *f = &tree.root;
    for (int i = 0; i < depth; i++, f = f->children) {
        f->nullable = true;
        tree_group(&tree, f, PQF_FIELD_STRUCT, 1);
    }
    f->nullable = true;
    tree_leaf(&tree, f, PQF_PHYSICAL_INT64);
    tree_finish(&tree);
}

static pqf_field *last_field(void) {
    pqf_field *f = &tree.root;
    while (f->kind != PQF_FIELD_LEAF)
        f = f->children;
    return f;
}

/* The nulls of every node, from the root down, of one page of BIT_PACKED definition levels. */
static pqf_status read_packed(pqf_bytes levels, int64_t n, int64_t *num_nulls) {
    test_chunk c;
    pqf_leaf_out out;
    pqf_page_header h = data_header((int32_t)n);
    h.data_page_header.definition_level_encoding = PQF_BIT_PACKED;
    /* what readers must not look at: there are no repetition levels */
    h.data_page_header.repetition_level_encoding = PQF_BIT_PACKED;
    chunk_begin(&c, last_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
    chunk_put_page(&c, &h, levels, pqf_bytes_of(zeros, 8), false);
    chunk_finish(&c, n, n);
    fresh_error();
    pqf_status status = chunk_read(&c, last_field(), 64, false, &out, mem, &err);
    for (int32_t i = 0; status == PQF_OK && i < out.num_nodes; i++)
        num_nulls[i] = out.nodes[i].num_nulls;
    if (status == PQF_OK) pqf_leaf_out_reset(&out);
    chunk_free(&c);
    return status;
}

static void test_bit_packed_levels(void **state) {
    (void)state;
    static const uint8_t documented[] = {0x05, 0x39, 0x77}; /* 0 1 2 3 4 5 6 7 */
    int64_t num_nulls[7];
    packed_tree(6);
    assert_int_equal(read_packed(pqf_bytes_of(documented, 3), 8, num_nulls), PQF_OK);
    for (int i = 0; i < 7; i++)
        assert_int_equal(num_nulls[i], i + 1);
    packed_tree(2); /* 2 bits, levels 3 0 1 and padding */
    assert_int_equal(read_packed(pqf_bytes_of("\xC4", 1), 3, num_nulls), PQF_OK);
    assert_int_equal(num_nulls[0], 1);
    assert_int_equal(num_nulls[1], 2);
    assert_int_equal(num_nulls[2], 2);
    packed_tree(1); /* 2 bits, but no level 3 */
    assert_int_equal(read_packed(pqf_bytes_of("\xC4", 1), 3, num_nulls), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "definition level of 3"));
    packed_tree(6); /* 30 levels of 3 bits: 12 bytes, there are 11 */
    assert_int_equal(read_packed(pqf_bytes_of(zeros, 3), 30, num_nulls), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "12 bytes of bit-packed definition levels"));
}

/* A run of nulls is a few bytes in the file; the memory it wants is subject to the budget. */
static void test_run_of_nulls(void **state) {
    (void)state;
    uint8_t run[16] = {0};
    flat_tree(PQF_PHYSICAL_INT64, true);
    for (int round = 0; round < 2; round++) {
        pqf_buf levels;
        test_chunk c;
        int32_t n = round ? 1 << 30 : 1 << 20;
        pqf_page_header h = data_header(n);
        pqf_mem *small = NULL, *whole = mem;
        pqf_buf_init(&levels, builder_mem, 0);
        assert_int_equal(pqf_buf_put(&levels, run, 4, &err), PQF_OK);
        assert_int_equal(pqf_buf_put_varint(&levels, (uint64_t)n << 1, &err), PQF_OK);
        assert_int_equal(pqf_buf_put_u8(&levels, 0, &err), PQF_OK);
        pqf_store_u32(levels.data, (uint32_t)levels.len - 4);
        chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
        chunk_put_page(&c, &h, pqf_buf_view(&levels), (pqf_bytes){NULL, 0}, false);
        chunk_finish(&c, n, n);
        assert_int_equal(pqf_mem_new(16 << 20, &small, &err), PQF_OK);
        mem = small;
        assert_int_equal(read_whole(&c), round ? PQF_LIMIT : PQF_OK);
        if (round) assert_non_null(strstr(err.message, "memory_limit"));
        assert_int_equal(pqf_mem_used(small), 0);
        mem = whole;
        pqf_mem_release(small);
        chunk_free(&c);
        pqf_buf_reset(&levels);
    }
}

/* A number in a header makes no room for values that are not there: two of them, of 2^31 - 1. */
static void test_values_that_are_not_there(void **state) {
    (void)state;
    static const uint8_t values[16] = {1};
    static const int32_t encodings[] = {PQF_PLAIN, PQF_BYTE_STREAM_SPLIT};
    for (size_t i = 0; i < 4; i++) {
        test_chunk c;
        pqf_page_header h = data_header(INT32_MAX);
        pqf_mem *whole = mem;
        flat_tree(PQF_PHYSICAL_INT64, false);
        h.data_page_header.encoding = encodings[i % 2];
        if (i / 2) flat_tree(PQF_PHYSICAL_BYTE_ARRAY, false);
        chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
        chunk_put_page(&c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of(values, 16), false);
        chunk_finish(&c, INT32_MAX, INT32_MAX);
        assert_int_equal(pqf_mem_new(1 << 20, &mem, &err), PQF_OK);
        assert_int_equal(read_whole(&c), PQF_CORRUPT);
        assert_true(pqf_mem_peak(mem) < 1 << 16);
        pqf_mem_release(mem);
        mem = whole;
        chunk_free(&c);
    }
}

static int stop_at_once(void *context, int64_t done, int64_t total) {
    (void)context, (void)done, (void)total;
    return 1;
}

static void test_cancel(void **state) {
    (void)state;
    test_levels levels = {0};
    test_chunk c;
    pqf_leaf_out out;
    pqf_scratch scratch;
    pqf_chunk_reader *reader;
    pqf_run run;
    pqf_control control = {
        .struct_bytes = sizeof control, .num_threads = 1, .tick = stop_at_once};
    rnd_start(1);
    list_tree();
    random_levels(&levels, 20);
    chunk_layout layout = {.page_levels = 4};
    chunk_build(&c, leaf_field()->leaf, &levels, 20, &layout, builder_mem);
    pqf_run_init(&run, &control);
    run.next_tick_ns = 0;
    pqf_scratch_init(&scratch, mem);
    pqf_chunk_read_options options = {
        .source = c.source, .kernel = pqf_kernels_get(), .window_bytes = 64};
    assert_int_equal(pqf_leaf_out_init(&out, leaf_field(), 20, mem, &err), PQF_OK);
    assert_int_equal(
        pqf_chunk_reader_open(&c.chunk, leaf_field(), &options, mem, &reader, &err),
        PQF_OK);
    assert_int_equal(pqf_chunk_reader_read(reader, 20, &out, &scratch, &run, 0, &err),
                     PQF_CANCELLED);
    pqf_chunk_reader_free(reader);
    pqf_leaf_out_reset(&out);
    pqf_scratch_reset(&scratch);
    chunk_free(&c);
    levels_free(&levels);
}

/* Rows behind those of another row group, more of them than numbers count. */
static void test_rows_without_end(void **state) {
    (void)state;
    test_levels levels = {0};
    test_chunk c;
    pqf_chunk_reader *reader;
    pqf_leaf_out out;
    pqf_scratch scratch;
    pqf_run run;
    chunk_layout layout = {.page_levels = 10};
    rnd_start(1);
    flat_tree(PQF_PHYSICAL_INT64, false);
    for (int i = 0; i < 3; i++)
        levels_put(&levels, 0, 0, i);
    chunk_build(&c, leaf_field()->leaf, &levels, 3, &layout, builder_mem);
    pqf_chunk_read_options options = {.source = c.source, .kernel = pqf_kernels_get()};
    pqf_run_init(&run, NULL);
    pqf_scratch_init(&scratch, mem);
    assert_int_equal(pqf_leaf_out_init(&out, leaf_field(), 3, mem, &err), PQF_OK);
    for (int group = 0; group < 2; group++) {
        if (group) c.chunk.num_rows = c.chunk.num_values = INT64_MAX;
        assert_int_equal(
            pqf_chunk_reader_open(&c.chunk, leaf_field(), &options, mem, &reader, &err),
            PQF_OK);
        assert_int_equal(pqf_chunk_reader_read(reader, c.chunk.num_rows, &out, &scratch,
                                               &run, 0, &err),
                         group ? PQF_CORRUPT : PQF_OK);
        pqf_chunk_reader_free(reader);
    }
    fresh_error();
    pqf_leaf_out_reset(&out);
    pqf_scratch_reset(&scratch);
    chunk_free(&c);
    levels_free(&levels);
}

/* ---- skipping ---- */

/* Reads and skips at random; what is read is compared with the same rows of a whole read. */
static void skip_and_compare(const test_chunk *c, int64_t num_rows,
                             const test_value *rows) {
    pqf_chunk_read_options options = {
        .source = c->source, .kernel = pqf_kernels_get(), .window_bytes = 64};
    pqf_chunk_reader *reader;
    pqf_scratch scratch;
    pqf_run run;
    pqf_run_init(&run, NULL);
    pqf_scratch_init(&scratch, mem);
    CHECK(pqf_chunk_reader_open(&c->chunk, leaf_field(), &options, mem, &reader, &err) ==
              PQF_OK,
          "open");
    for (int64_t at = 0; at < num_rows;) {
        int64_t n =
            pqf_min_i64(num_rows - at, 1 + rnd_below(rnd_below(2) ? 5 : num_rows));
        if (rnd_below(2)) {
            CHECK(pqf_chunk_reader_skip(reader, n, &scratch, &run, 0, &err) == PQF_OK,
                  "%s", err.message);
        } else {
            pqf_leaf_out out;
            struct ArrowArray array;
            const test_value **slots = calloc((size_t)n + 1, sizeof *slots);
            if (!slots) fail();
            for (int64_t i = 0; i < n; i++)
                slots[i] = &rows[at + i];
            CHECK(pqf_leaf_out_init(&out, leaf_field(), n, mem, &err) == PQF_OK, "init");
            CHECK(pqf_chunk_reader_read(reader, n, &out, &scratch, &run, 0, &err) ==
                      PQF_OK,
                  "%s", err.message);
            CHECK(pqf_assemble(&tree.root, &out, n, mem, &array, &err) == PQF_OK, "%s",
                  err.message);
            array_check(&tree.root, &array, slots, n);
            array.release(&array);
            free(slots);
        }
        at += n;
    }
    CHECK(pqf_chunk_reader_rows_left(reader) == 0, "rows left");
    CHECK(pqf_chunk_reader_read(reader, 1, NULL, &scratch, &run, 0, &err) == PQF_INVALID,
          "past the end");
    pqf_chunk_reader_free(reader);
    pqf_scratch_reset(&scratch);
    fresh_error();
}

static void test_skip(void **state) {
    (void)state;
    static const pqf_physical types[] = {PQF_PHYSICAL_INT64, PQF_PHYSICAL_BYTE_ARRAY,
                                         PQF_PHYSICAL_BOOLEAN};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        test_levels levels = {0};
        test_chunk c;
        rnd_start(seed);
        int64_t num_rows = 1 + rnd_below(seed & 4 ? 4000 : 50);
        if (seed & 1)
            list_tree();
        else
            flat_tree(types[seed / 2 % 3], seed & 16);
        value_spec spec = {(int)rnd_below(100), 5, false};
        test_value *rows = calloc((size_t)num_rows, sizeof *rows);
        if (!rows) fail();
        for (int64_t i = 0; i < num_rows; i++)
            rows[i] = value_random(&tree.root, &spec);
        levels_shred(&tree.root, rows, num_rows, 0, &levels);
        chunk_layout layout = {.codec = seed & 8 ? PQF_ZSTD : PQF_UNCOMPRESSED,
                               .dictionary = seed & 2,
                               .page_levels = 1 + rnd_below(900),
                               .plain_tail = true};
        chunk_build(&c, leaf_field()->leaf, &levels, num_rows, &layout, builder_mem);
        skip_and_compare(&c, num_rows, rows);
        for (int64_t i = 0; i < num_rows; i++)
            value_free(&rows[i]);
        free(rows);
        chunk_free(&c);
        levels_free(&levels);
    }
}

/* ---- conversions ---- */

/* One value of `width` bytes as PLAIN page (or dictionary) read by a field of this conversion. */
static pqf_status convert_one(pqf_physical physical, int32_t type_length, const void *in,
                              size_t in_len, pqf_convert convert, int64_t factor,
                              int32_t arrow_width, bool dictionary,
                              uint8_t out_value[16]) {
    test_chunk c;
    pqf_leaf_out out;
    flat_tree(PQF_PHYSICAL_INT64, false);
    tree.leaves[0].physical = physical;
    tree.leaves[0].type_length = type_length;
    tree.root.layout = PQF_LEAF_FIXED;
    tree.root.convert = convert;
    tree.root.factor = factor;
    tree.root.arrow_width = arrow_width;
    chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
    if (dictionary) {
        pqf_page_header d = {.type = PQF_PAGE_DICTIONARY,
                             .has_dictionary_page_header = true};
        d.dictionary_page_header =
            (pqf_dictionary_page_header){.num_values = 1, .encoding = PQF_PLAIN};
        chunk_put_page(&c, &d, (pqf_bytes){NULL, 0}, pqf_bytes_of(in, in_len), false);
    }
    pqf_page_header h = data_header(1);
    if (dictionary) h.data_page_header.encoding = PQF_RLE_DICTIONARY;
    static const uint8_t one_code[] = {1, 2, 0}; /* width 1, a run of one 0 */
    chunk_put_page(&c, &h, (pqf_bytes){NULL, 0},
                   dictionary ? pqf_bytes_of(one_code, 3) : pqf_bytes_of(in, in_len),
                   false);
    chunk_finish(&c, 1, 1);
    fresh_error();
    pqf_status status = chunk_read(&c, leaf_field(), 64, false, &out, mem, &err);
    if (status == PQF_OK) {
        assert_int_equal(out.values.len, arrow_width);
        memcpy(out_value, out.values.data, (size_t)arrow_width);
        pqf_leaf_out_reset(&out);
    }
    chunk_free(&c);
    return status;
}

typedef struct integer_case {
    pqf_physical physical;
    pqf_convert convert;
    int64_t factor;
    int32_t arrow_width;
    int64_t in;
    int64_t want;
    pqf_status status;
} integer_case;

static void test_convert_integers(void **state) {
    (void)state;
    static const integer_case cases[] = {
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_INT8, 1, 1, -128, -128, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_INT8, 1, 1, 128, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_INT8, 1, 1, INT32_MIN, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_UINT8, 1, 1, 255, -1, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_UINT8, 1, 1, -1, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_INT16, 1, 2, -32768, -32768, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_INT16, 1, 2, 32768, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_UINT16, 1, 2, 65535, -1, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_INT32_TO_UINT16, 1, 2, 65536, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_DAYS_TO_MS, 86400000, 8, -2, -172800000, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_DAYS_TO_MS, 86400000, 8, INT32_MIN,
         INT32_MIN * INT64_C(86400000), PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_DIVIDE_32, 1000, 4, -7000, -7, PQF_OK},
        {PQF_PHYSICAL_INT32, PQF_CONVERT_DIVIDE_32, 1000, 4, 7001, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT64, PQF_CONVERT_DIVIDE_64, 1000, 8, INT64_C(-9000000000000),
         -9000000000, PQF_OK},
        {PQF_PHYSICAL_INT64, PQF_CONVERT_DIVIDE_64, 1000, 8, -1, 0, PQF_CORRUPT},
        {PQF_PHYSICAL_INT64, PQF_CONVERT_MULTIPLY_64, 1000, 8, -5, -5000, PQF_OK},
        {PQF_PHYSICAL_INT64, PQF_CONVERT_MULTIPLY_64, 1000, 8, INT64_MAX / 999, 0,
         PQF_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const integer_case *k = &cases[i];
        for (int dictionary = 0; dictionary < 2; dictionary++) {
            uint8_t in[8], value[16] = {0};
            int64_t got = 0;
            pqf_store_u64(in, (uint64_t)k->in);
            size_t len = k->physical == PQF_PHYSICAL_INT32 ? 4 : 8;
            pqf_status status = convert_one(k->physical, 0, in, len, k->convert,
                                            k->factor, k->arrow_width, dictionary, value);
            CHECK(status == k->status, "case %zu: %s", i, err.message);
            if (status != PQF_OK) continue;
            memcpy(&got, value, (size_t)k->arrow_width);
            int shift = 64 - 8 * k->arrow_width;
            got = (int64_t)((uint64_t)got << shift) >> shift;
            CHECK(got == k->want, "case %zu: %lld", i, (long long)got);
        }
    }
}

static void test_convert_int96(void **state) {
    (void)state;
    static const struct {
        int64_t ns;
        uint32_t day;
        int64_t factor, want;
        pqf_status status;
    } cases[] = {
        {0, 2440588, 1, 0, PQF_OK},
        {1, 2440588, 1, 1, PQF_OK},
        {INT64_C(86399999999999), 2440587, 1, -1, PQF_OK},
        {1999, 2440589, 1000, INT64_C(86400000001), PQF_OK},
        {0, 2440588 + 106751, 1, INT64_C(106751) * 86400000000000, PQF_OK},
        {0, 2440588 + 106752, 1, 0, PQF_LIMIT},
        {0, 0, 1, 0, PQF_LIMIT},
        {0, 0, 1000, INT64_C(-2440588) * 86400000000, PQF_OK},
        {0, INT32_MAX, 1000000000, (INT64_C(2147483647) - 2440588) * 86400, PQF_OK},
        {0, UINT32_MAX, 1000000000, (INT64_C(-1) - 2440588) * 86400, PQF_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t in[12], value[16];
        pqf_store_u64(in, (uint64_t)cases[i].ns);
        pqf_store_u32(in + 8, cases[i].day);
        for (int dictionary = 0; dictionary < 2; dictionary++) {
            pqf_status status =
                convert_one(PQF_PHYSICAL_INT96, 0, in, 12, PQF_CONVERT_INT96_TO_TIMESTAMP,
                            cases[i].factor, 8, dictionary, value);
            CHECK(status == cases[i].status, "case %zu: %s", i, err.message);
            if (status == PQF_LIMIT)
                assert_non_null(strstr(err.message, "coerce_int96_timestamp_unit"));
            else
                CHECK((int64_t)pqf_load_u64(value) == cases[i].want, "case %zu: %lld", i,
                      (long long)pqf_load_u64(value));
        }
    }
}

static void test_convert_decimals(void **state) {
    (void)state;
    uint8_t value[32], want[32];
    static const int32_t widths[] = {4, 8, 16, 32};
    for (int round = 0; round < 8; round++) {
        bool dictionary = round & 1;
        int32_t width = widths[round / 2];
        static const uint8_t be3[] = {0xFF, 0xFE, 0x0C}; /* -500 */
        static const uint8_t be20[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x0C};
        static const uint8_t text3[] = {3, 0, 0, 0, 0xFF, 0xFE, 0x0C};
        static const uint8_t text0[] = {0, 0, 0, 0};
        static const uint8_t text17[] = {17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                         0,  0, 0, 0, 0, 0, 0, 0, 0, 0};
        static const uint8_t none[32];
        uint8_t i32[4], i64[8], far64[8];
        pqf_store_u32(i32, (uint32_t)-500);
        pqf_store_u64(i64, (uint64_t)-500);
        pqf_store_u64(far64, UINT64_C(1) << 40);
        memset(want, 0xFF, sizeof want);
        want[0] = 0x0C;
        want[1] = 0xFE;
        const struct {
            pqf_physical physical;
            int32_t type_length;
            const uint8_t *in;
            size_t len;
            pqf_convert convert;
            pqf_status status;
        } cases[] = {
            {PQF_PHYSICAL_INT32, 0, i32, 4, PQF_CONVERT_INT32_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_INT64, 0, i64, 8, PQF_CONVERT_INT64_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_FIXED, 3, be3, 3, PQF_CONVERT_FIXED_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_FIXED, 20, be20, 20, PQF_CONVERT_FIXED_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_BYTE_ARRAY, 0, text3, 7, PQF_CONVERT_BYTES_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_BYTE_ARRAY, 0, text0, 4, PQF_CONVERT_BYTES_TO_DECIMAL, PQF_OK},
            {PQF_PHYSICAL_BYTE_ARRAY, 0, text17, 21, PQF_CONVERT_BYTES_TO_DECIMAL,
             PQF_CORRUPT},
            {PQF_PHYSICAL_FIXED, 17, text17 + 4, 17, PQF_CONVERT_FIXED_TO_DECIMAL,
             PQF_CORRUPT},
            {PQF_PHYSICAL_INT64, 0, far64, 8, PQF_CONVERT_INT64_TO_DECIMAL, PQF_CORRUPT},
        };
        size_t fit = width == 32 ? 3 : width == 4 ? 0 : 1; /* of the last three */
        size_t num_cases = sizeof cases / sizeof *cases;
        for (size_t i = 0; i < num_cases; i++) {
            pqf_status status =
                convert_one(cases[i].physical, cases[i].type_length, cases[i].in,
                            cases[i].len, cases[i].convert, 1, width, dictionary, value);
            bool fits = i >= num_cases - fit;
            CHECK(status == (fits ? PQF_OK : cases[i].status), "case %zu, %d bytes: %s",
                  i, width, err.message);
            if (status == PQF_OK && i < 6)
                assert_memory_equal(value, i < 5 ? want : none, (size_t)width);
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_every_byte),
        T(test_cut_anywhere),
        T(test_checksum),
        T(test_forged),
        T(test_impossible_expansion),
        T(test_dictionary_pages),
        T(test_row_counts),
        T(test_levels_too_large),
        T(test_bit_packed_levels),
        T(test_run_of_nulls),
        T(test_values_that_are_not_there),
        T(test_rows_without_end),
        T(test_cancel),
        T(test_skip),
        T(test_convert_integers),
        T(test_convert_int96),
        T(test_convert_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
