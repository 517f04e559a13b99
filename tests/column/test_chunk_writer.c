/* SPDX-License-Identifier: Apache-2.0
 *
 * test_chunk_writer.c: whole chunks: random columns written with random options and read back,
 * splits that must not change a byte, the pages one by one, when dictionaries are kept, failing
 * allocations.
 */
#include "gen.h"

#include <libdeflate.h>

#include "codec/codec.h"
#include "column/reading.h"

static pqf_mem *mem;
static pqf_scratch scratch;
static pqf_error err;
static pqf_run run;

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    pqf_run_init(&run, NULL);
    if (pqf_mem_new(0, &mem, &err) != PQF_OK) return -1;
    pqf_scratch_init(&scratch, mem);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pqf_scratch_reset(&scratch);
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    if (used) print_error("%lld bytes are left\n", (long long)used);
    return used != 0;
}

#define OK(expr)                                                                         \
    do {                                                                                 \
        pqf_error_init(&err);                                                            \
        if ((expr) != PQF_OK)                                                            \
            fail_msg("seed %llu: %s: column '%s': %s", (unsigned long long)gen_seed,     \
                     #expr, err.column, err.message);                                    \
    } while (0)

static pqf_chunk_write_options defaults(void) {
    return (pqf_chunk_write_options){
        .kernel = pqf_kernels_get(),
        .codec = PQF_UNCOMPRESSED,
        .level = PQF_LEVEL_DEFAULT,
        .data_page_version = 1,
        .dictionary = true,
        .statistics = true,
        .page_checksums = true,
        .data_page_bytes = 1 << 20,
        .page_rows = 20000,
        .dictionary_page_bytes = 1 << 20,
    };
}

static pqf_chunk_write_options random_options(void) {
    static const int32_t codecs[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_GZIP,
                                     PQF_BROTLI,       PQF_ZSTD,   PQF_LZ4_RAW};
    pqf_chunk_write_options o = defaults();
    o.codec = codecs[gen_below(6)];
    o.data_page_version = 1 + (int32_t)gen_below(2);
    o.dictionary = gen_below(4) > 0;
    o.statistics = gen_below(4) > 0;
    o.page_checksums = gen_below(4) > 0;
    o.write_plain_dictionary_name = gen_below(4) == 0;
    if (gen_below(2)) o.data_page_bytes = 1 + gen_below(3000);
    if (gen_below(2)) o.page_rows = 1 + gen_below(500);
    if (gen_below(2)) o.dictionary_page_bytes = 1 + gen_below(300);
    return o;
}

/* ---- chunks in memory ---- */

/* The bytes of a chunk in order and its metadata, whose binaries point into the writer. */
typedef struct written {
    pqf_chunk_writer *writer;
    pqf_chunk_out out;
    pqf_buf bytes;
    int64_t num_rows;
} written;

static void collect(written *w, int64_t num_rows) {
    w->num_rows = num_rows;
    w->bytes.len = 0;
    build_put(&w->bytes, w->out.dictionary_page.data, w->out.dictionary_page.len);
    build_put(&w->bytes, w->out.data_pages.data, w->out.data_pages.len);
    assert_int_equal(w->out.meta.total_compressed_size, w->bytes.len);
    assert_int_equal(w->out.meta.data_page_offset, w->out.dictionary_page.len);
    assert_int_equal(w->out.meta.has_dictionary_page_offset,
                     w->out.dictionary_page.len > 0);
}

/* Rows in pieces of at most max_part. */
static void write_rows(written *w, const pqf_view *column, int64_t num_rows,
                       int64_t max_part) {
    for (int64_t at = 0, part; at < num_rows; at += part) {
        part = pqf_min_i64(num_rows - at, max_part > 1 ? 1 + gen_below(max_part) : 1);
        OK(pqf_chunk_writer_put(w->writer, column, at, part, &scratch, &run, 0, &err));
    }
    OK(pqf_chunk_writer_finish(w->writer, &scratch, &run, 0, &w->out, &err));
    collect(w, num_rows);
}

static void seal_held(pqf_chunk_writer *w) {
    for (int64_t i = pqf_chunk_writer_num_held(w) - 1; i >= 0; i--)
        OK(pqf_chunk_writer_seal(w, pqf_chunk_writer_held(w, i), &scratch, &run, 0,
                                 &err));
    OK(pqf_chunk_writer_take_held(w, pqf_chunk_writer_num_held(w), &err));
    assert_int_equal(pqf_chunk_writer_num_held(w), 0);
}

/* The same with pages that wait, now and then, and are sealed last page first. */
static void write_held_rows(written *w, const pqf_view *column, int64_t max_part) {
    pqf_chunk_writer *const writer = w->writer;
    for (int64_t at = 0, part; at < column->length; at += part) {
        part = pqf_min_i64(column->length - at, 1 + gen_below(max_part));
        pqf_chunk_writer_hold(writer, gen_below(4) > 0);
        OK(pqf_chunk_writer_put(writer, column, at, part, &scratch, &run, 0, &err));
        seal_held(writer);
    }
    pqf_chunk_writer_hold(writer, true);
    OK(pqf_chunk_writer_end(writer, &scratch, &run, 0, &err));
    seal_held(writer);
    OK(pqf_chunk_writer_finish(writer, &scratch, &run, 0, &w->out, &err));
    collect(w, column->length);
}

static written write_chunk(const pqf_view *column, const pqf_field *field,
                           const pqf_chunk_write_options *options, int64_t max_part) {
    written w = {0};
    pqf_buf_init(&w.bytes, mem, 0);
    OK(pqf_chunk_writer_new(field, options, mem, &w.writer, &err));
    write_rows(&w, column, column->length, max_part);
    return w;
}

static void written_free(written *w) {
    pqf_chunk_writer_free(w->writer);
    pqf_buf_reset(&w->bytes);
}

static void check_same_chunk(const written *a, const written *b, const char *what) {
    GEN_CHECK(a->bytes.len == b->bytes.len, "%s: %zu bytes, not %zu", what, b->bytes.len,
              a->bytes.len);
    GEN_CHECK(memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0, "%s", what);
    pqf_buf x, y;
    pqf_buf_init(&x, mem, 0);
    pqf_buf_init(&y, mem, 0);
    OK(pqf_thrift_write(&pqf_column_metadata_thrift, &a->out.meta, &x, &err));
    OK(pqf_thrift_write(&pqf_column_metadata_thrift, &b->out.meta, &y, &err));
    GEN_CHECK(x.len == y.len && memcmp(x.data, y.data, x.len) == 0, "%s: metadata", what);
    pqf_buf_reset(&x);
    pqf_buf_reset(&y);
}

/* ---- pages one by one ---- */

typedef struct pages {
    int64_t num_dictionary, num_plain; /* data pages by encoding */
    int64_t num_levels, num_rows, num_nulls;
    int64_t most_rows; /* of a V2 page */
    int64_t dictionary_values, dictionary_bytes;
    int64_t largest; /* uncompressed bytes of a data page */
} pages;

static void count_page(const pqf_page_header *h, pages *out) {
    if (h->type == PQF_PAGE_DICTIONARY) {
        out->dictionary_values = h->dictionary_page_header.num_values;
        out->dictionary_bytes = h->uncompressed_page_size;
        return;
    }
    bool v2 = h->type == PQF_PAGE_DATA_V2;
    int32_t encoding =
        v2 ? h->data_page_header_v2.encoding : h->data_page_header.encoding;
    bool codes = encoding == PQF_RLE_DICTIONARY || encoding == PQF_PLAIN_DICTIONARY;
    out->num_dictionary += codes;
    out->num_plain += !codes;
    out->largest = pqf_max_i64(out->largest, h->uncompressed_page_size);
    out->num_levels +=
        v2 ? h->data_page_header_v2.num_values : h->data_page_header.num_values;
    if (!v2) return;
    out->num_rows += h->data_page_header_v2.num_rows;
    out->num_nulls += h->data_page_header_v2.num_nulls;
    out->most_rows = pqf_max_i64(out->most_rows, h->data_page_header_v2.num_rows);
}

static int64_t stats_count(const pqf_column_metadata *meta, int32_t type, bool codes) {
    for (int32_t i = 0; i < meta->num_encoding_stats; i++) {
        const pqf_page_encoding_stats *s = &meta->encoding_stats[i];
        bool is_codes =
            s->encoding == PQF_RLE_DICTIONARY || s->encoding == PQF_PLAIN_DICTIONARY;
        if (s->page_type == type && is_codes == codes) return s->count;
    }
    return 0;
}

static void check_meta(const written *w, const pages *p,
                       const pqf_chunk_write_options *o) {
    const pqf_column_metadata *meta = &w->out.meta;
    int32_t type = o->data_page_version == 2 ? PQF_PAGE_DATA_V2 : PQF_PAGE_DATA;
    assert_int_equal(meta->num_values, p->num_levels);
    assert_int_equal(meta->codec, o->codec);
    assert_int_equal(stats_count(meta, type, true), p->num_dictionary);
    assert_int_equal(stats_count(meta, type, false), p->num_plain);
    for (int32_t i = 0; i < meta->num_encoding_stats; i++) {
        bool listed = false;
        for (int32_t k = 0; k < meta->num_encodings; k++)
            listed |= meta->encodings[k] == meta->encoding_stats[i].encoding;
        assert_true(listed);
    }
    assert_int_equal(meta->statistics != NULL, o->statistics);
    if (o->data_page_version != 2) return;
    assert_int_equal(p->num_rows, w->num_rows);
    assert_true(p->most_rows <= o->page_rows);
    if (meta->statistics) assert_int_equal(meta->statistics->null_count, p->num_nulls);
}

static pages check_pages(const written *w, const pqf_chunk_write_options *o) {
    pages out = {0};
    pqf_bytes in = pqf_buf_view(&w->bytes);
    int64_t uncompressed = 0;
    while (in.len) {
        pqf_page_header h;
        size_t used;
        bool truncated;
        OK(pqf_page_header_read(in, &h, &used, &truncated, &err));
        GEN_CHECK(!truncated && in.len - used >= (size_t)h.compressed_page_size,
                  "page is cut");
        pqf_bytes body = {in.data + used, (size_t)h.compressed_page_size};
        GEN_CHECK(h.has_crc == o->page_checksums, "checksum");
        if (h.has_crc)
            assert_int_equal((uint32_t)h.crc, libdeflate_crc32(0, body.data, body.len));
        uncompressed += (int64_t)used + h.uncompressed_page_size;
        count_page(&h, &out);
        in.data = body.data + body.len;
        in.len -= used + body.len;
    }
    assert_int_equal(uncompressed, w->out.meta.total_uncompressed_size);
    check_meta(w, &out, o);
    return out;
}

/* ---- reading back ---- */

static void read_leaf(const written *w, const pqf_field *field, pqf_leaf_out *out) {
    pqf_source *source;
    pqf_chunk_reader *reader;
    pqf_chunk chunk = {
        .meta = &w->out.meta,
        .leaf = field->leaf,
        .byte_len = (int64_t)w->bytes.len,
        .num_values = w->out.meta.num_values,
        .num_rows = w->num_rows,
    };
    OK(pqf_source_open_memory(pqf_buf_view(&w->bytes), &source, &err));
    pqf_chunk_read_options options = {.source = source,
                                      .kernel = pqf_kernels_get(),
                                      .skip_utf8_check =
                                          true, /* strings are random bytes */
                                      .window_bytes = 1 << 20};
    OK(pqf_leaf_out_init(out, field, w->num_rows, mem, &err));
    OK(pqf_chunk_reader_open(&chunk, field, &options, mem, &reader, &err));
    for (int64_t left = w->num_rows, part; left > 0; left -= part) {
        part = 1 + gen_below(left);
        OK(pqf_chunk_reader_read(reader, part, out, &scratch, &run, 0, &err));
    }
    pqf_chunk_reader_free(reader);
    pqf_source_free(source);
}

static void compare_leaf(const gen_column *c, const pqf_field *field,
                         const pqf_view *back, const char *type) {
    naive_leaf in, out;
    naive_init(&in, field, mem);
    naive_init(&out, field, mem);
    naive_rows(&in, c->view, 0, c->view->length);
    naive_rows(&out, back, 0, back->length);
    GEN_CHECK(in.defs.len == out.defs.len, "%s: %zu entries, not %zu", type, out.defs.len,
              in.defs.len);
    bool any = in.defs.len > 0, values = in.values.len > 0;
    GEN_CHECK(!any || memcmp(in.defs.data, out.defs.data, in.defs.len) == 0, "%s: defs",
              type);
    GEN_CHECK(!any || memcmp(in.reps.data, out.reps.data, in.reps.len) == 0, "%s: reps",
              type);
    GEN_CHECK(in.values.len == out.values.len, "%s: bytes of values", type);
    GEN_CHECK(!values || memcmp(in.values.data, out.values.data, in.values.len) == 0,
              "%s: values", type);
    naive_reset(&in);
    naive_reset(&out);
}

/* The chunks of all leaves, read back and put together, are the column again. */
static void check_read(const gen_column *c, const written *chunks, const char *type) {
    const pqf_field *top = c->schema->fields;
    pqf_leaf_out leaves[16];
    struct ArrowArray array;
    struct ArrowSchema schema;
    assert_true(top->num_leaves <= 16);
    for (int32_t i = 0; i < top->num_leaves; i++)
        read_leaf(&chunks[i], c->schema->leaf_fields[i], &leaves[i]);
    OK(pqf_assemble(top, leaves, c->view->length, mem, &array, &err));
    for (int32_t i = 0; i < top->num_leaves; i++)
        pqf_leaf_out_reset(&leaves[i]);
    OK(pqf_field_export(c->schema, top, &schema, &err));
    pqf_arena arena;
    pqf_view back;
    pqf_arena_init(&arena, mem);
    OK(pqf_view_init(&back, &schema, &array, true, &arena, &err));
    assert_int_equal(back.length, c->view->length);
    for (int32_t i = 0; i < top->num_leaves; i++)
        compare_leaf(c, c->schema->leaf_fields[i], &back, type);
    pqf_arena_reset(&arena);
    pqf_array_release(&array);
    pqf_schema_release(&schema);
}

static void check_column(const char *type, int64_t num_rows) {
    gen_column c;
    written chunks[16];
    gen_column_init(&c, type, num_rows, mem);
    int32_t n = c.schema->tree.num_leaves;
    for (int32_t i = 0; i < n; i++) {
        const pqf_field *field = c.schema->leaf_fields[i];
        pqf_chunk_write_options o = random_options();
        chunks[i] = write_chunk(c.view, field, &o, INT64_MAX - 1);
        check_pages(&chunks[i], &o);
        written split = write_chunk(c.view, field, &o, 1 + gen_below(num_rows + 1));
        check_same_chunk(&chunks[i], &split, "another split");
        write_rows(&split, c.view, num_rows, 1 + gen_below(num_rows + 1));
        check_same_chunk(&chunks[i], &split, "the next row group");
        write_held_rows(&split, c.view, num_rows + 1);
        check_same_chunk(&chunks[i], &split, "pages that waited");
        written_free(&split);
    }
    check_read(&c, chunks, type);
    for (int32_t i = 0; i < n; i++)
        written_free(&chunks[i]);
    gen_column_free(&c);
}

static void test_random_columns(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        char type[2048];
        gen_start(seed);
        do {
            gen_type(type, (int)gen_below(5));
        } while (strlen(type) > 200 ||
                 strstr(type, "dict(C;b)")); /* these are written, not read */
        check_column(type, gen_below(seed % 10 ? 400 : 6000));
    }
}

static void test_no_rows(void **state) {
    (void)state;
    gen_start(1);
    check_column("i", 0);
    check_column("+l(item:u)", 0);
    check_column("b", 0);
}

/* Arrays without slots may have no buffers at all. */
static void drop_buffers(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_buffers; i++) {
        test_free((void *)(uintptr_t)a->buffers[i]);
        a->buffers[i] = NULL;
    }
    a->offset = a->length = a->null_count = 0;
    for (int64_t i = 0; i < a->n_children; i++)
        drop_buffers(a->children[i]);
    if (!a->dictionary) return;
    drop_buffers(a->dictionary);
}

static void test_no_buffers(void **state) {
    (void)state;
    static const char *const items[] = {
        "i", "b", "u", "vu", "+s(x:l)", "+l(item:i)", "+w:2(item:u)", "dict(c;u)", "w:3"};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        char type[64];
        gen_column c;
        gen_start(70 + i);
        snprintf(type, sizeof type, "+s(c:+l(item:%s))", items[i]);
        c.arrow = build_schema(type);
        gen_node(&c.array, 5, 1, 1);
        c.array.offset = 0;
        struct ArrowArray *list = c.array.children[0];
        gen_node(list, 5, 2, 1);
        list->offset = 0;
        memset(gen_buffer(list, 1, 6 * 4), 0, 6 * 4);
        gen_array(c.arrow.children[0]->children[0], 0, list->children[0]);
        drop_buffers(list->children[0]);
        gen_view(&c, NULL, mem);
        pqf_chunk_write_options o = defaults();
        written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 2);
        pages p = check_pages(&w, &o);
        assert_int_equal(p.num_levels, 5);
        assert_int_equal(w.out.meta.statistics->null_count, 5);
        check_read(&c, &w, items[i]);
        written_free(&w);
        gen_column_free(&c);
    }
}

/* ---- dictionaries ---- */

typedef uint64_t (*value_fn)(int64_t i);
static uint64_t value_unique(int64_t i) {
    return (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15);
}
static uint64_t value_few(int64_t i) { return (uint64_t)i % 100; }
static uint64_t value_groups(int64_t i) { return (uint64_t)i / 4; }
static uint64_t value_cycle(int64_t i) { return (uint64_t)i % 30000; }
static uint64_t value_late(int64_t i) {
    return i < 60000 ? (uint64_t)i % 50 : value_unique(i);
}

/* A required int64 column. */
static void int64_column(gen_column *c, int64_t n, value_fn value) {
    c->arrow = build_schema("+s(a!:l)");
    gen_node(&c->array, n, 1, 1);
    c->array.offset = 0;
    struct ArrowArray *a = c->array.children[0];
    gen_node(a, n, 2, 0);
    a->offset = 0;
    uint64_t *values = (void *)gen_buffer(a, 1, (size_t)n * 8);
    for (int64_t i = 0; i < n; i++)
        values[i] = value(i);
    gen_view(c, NULL, mem);
}

typedef struct policy {
    const char *name;
    value_fn value;
    int64_t n;
    bool codes, plain;  /* data pages there are */
    int64_t most_bytes; /* of the chunk */
} policy;

static const policy policies[] = {
    {"all different", value_unique, 200000, false, true, 200000 * 8 + 2000},
    {"few values", value_few, 200000, true, false, 190000},
    {"groups", value_groups, 200000, true, false, 200000 / 4 * 8 + 200000 * 17 / 8},
    {"groups beyond the limit", value_groups, 800000, true, true, 4500000},
    {"a cycle longer than a page", value_cycle, 200000, true, false,
     30000 * 8 + 200000 * 2},
    {"different values later", value_late, 400000, true, true, 400000 * 8},
    {"small", value_unique, 10, true, false, 200},
};

static void test_dictionary_policy(void **state) {
    (void)state;
    gen_start(3);
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        const policy *t = &policies[i];
        gen_column c;
        pqf_chunk_write_options o = defaults();
        int64_column(&c, t->n, t->value);
        written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, INT64_MAX - 1);
        pages p = check_pages(&w, &o);
        if (t->codes != (p.num_dictionary > 0) || t->plain != (p.num_plain > 0) ||
            (int64_t)w.bytes.len > t->most_bytes)
            fail_msg("%s: %lld pages of codes, %lld PLAIN, %zu bytes", t->name,
                     (long long)p.num_dictionary, (long long)p.num_plain, w.bytes.len);
        assert_int_equal(t->codes, w.out.dictionary_page.len > 0);
        assert_true(p.dictionary_bytes <= o.dictionary_page_bytes + 1024 * 8);
        check_read(&c, &w, t->name);
        written_free(&w);
        gen_column_free(&c);
    }
}

/* Bounds are those of the values whether they come from a dictionary, from pages or from both. */
static void test_bounds_of_dictionary(void **state) {
    (void)state;
    gen_start(4);
    static const value_fn fns[] = {value_unique, value_few, value_groups, value_late};
    for (int i = 0; i < 4; i++) {
        gen_column c;
        int64_column(&c, 300000, fns[i]);
        int64_t min = INT64_MAX, max = INT64_MIN;
        for (int64_t k = 0; k < 300000; k++) {
            min = pqf_min_i64(min, (int64_t)fns[i](k));
            max = pqf_max_i64(max, (int64_t)fns[i](k));
        }
        pqf_chunk_write_options o = defaults();
        written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 100000);
        const pqf_statistics *s = w.out.meta.statistics;
        assert_int_equal(s->null_count, 0);
        assert_memory_equal(s->min_value.data, &min, 8);
        assert_memory_equal(s->max_value.data, &max, 8);
        written_free(&w);
        gen_column_free(&c);
    }
}

/* The rows of a dictionary array as the plain array of its values. */
static void plain_rows(const gen_column *in, gen_column *out) {
    const pqf_view *v = in->view;
    int64_t n = v->length;
    out->arrow = build_schema("+s(c:u)");
    gen_node(&out->array, n, 1, 1);
    out->array.offset = 0;
    struct ArrowArray *a = out->array.children[0];
    gen_node(a, n, 3, 0);
    a->offset = 0;
    a->null_count = -1;
    uint8_t *bits = gen_buffer(a, 0, (size_t)pqf_bits_bytes(n));
    int32_t *ends = (void *)gen_buffer(a, 1, (size_t)(n + 1) * 4);
    uint8_t *bytes = gen_buffer(a, 2, (size_t)n * 64);
    ends[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        bool valid = naive_is_valid(v, i);
        pqf_bytes value = {NULL, 0};
        if (valid) value = pqf_view_bytes(v, i);
        pqf_bit_put(bits, i, valid);
        ends[i + 1] = ends[i] + (int32_t)value.len;
        if (value.len) memcpy(bytes + ends[i], value.data, value.len);
    }
    gen_view(out, NULL, mem);
}

/* Into a column of plain strings: values are coded in the order of their appearance either way. */
static void test_dictionary_input(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        gen_column c, plain;
        gen_start(seed);
        gen_column_init(&c, seed & 1 ? "dict(c;u)" : "dict(I;vu)", gen_below(5000), mem);
        while (!c.schema->fields->nullable) {
            gen_column_free(&c);
            gen_column_init(&c, "dict(c;u)", gen_below(5000), mem);
        }
        plain_rows(&c, &plain);
        pqf_chunk_write_options o = random_options();
        written a =
            write_chunk(c.view, plain.schema->leaf_fields[0], &o, 1 + gen_below(3000));
        written b = write_chunk(plain.view, plain.schema->leaf_fields[0], &o,
                                1 + gen_below(3000));
        check_same_chunk(&a, &b, "dictionary input and plain input");
        written_free(&a);
        written_free(&b);
        gen_column_free(&c);
        gen_column_free(&plain);
    }
}

/* ---- dictionaries that are kept ---- */

/* The values of `views`' dictionaries, each once, in their order. */
static void unique_values(const gen_column *columns, int n, pqf_dict_builder **out) {
    OK(pqf_dict_builder_new(PQF_BINARY, 0, mem, out, &err));
    for (int k = 0; k < n; k++) {
        const pqf_view *values = columns[k].view->dictionary;
        for (int64_t i = 0; i < values->length; i++) {
            uint32_t code;
            int64_t num_put;
            if (!pqf_view_is_valid(values, i)) continue;
            pqf_bytes v = pqf_view_bytes(values, i);
            pqf_slice slice = {v.data, (uint32_t)v.len, 0};
            OK(pqf_dict_put_binary(*out, &slice, 1, INT32_MAX, &code, &num_put, &err));
        }
    }
}

static void check_dictionary(const written *w, const pqf_field *field,
                             const pqf_dict_builder *expected, size_t *num_bytes) {
    pqf_leaf_out leaf;
    read_leaf(w, field, &leaf);
    pqf_bytes want = pqf_dict_page_bytes(expected);
    pqf_bytes have = pqf_dict_page_bytes(leaf.dictionary->builder);
    GEN_CHECK(have.len == want.len, "%zu bytes, not %zu", have.len, want.len);
    assert_memory_equal(have.data, want.data, want.len);
    *num_bytes = want.len;
    pqf_leaf_out_reset(&leaf);
}

static void nullable_column(gen_column *c, const char *type, int64_t num_rows) {
    gen_column_init(c, type, num_rows, mem);
    while (!c->schema->fields->nullable) {
        gen_column_free(c);
        gen_column_init(c, type, num_rows, mem);
    }
}

/* Two batches of different dictionaries: the first's values, then what the second adds; used or not. */
static void test_declared_dictionary(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        gen_column c[2];
        pqf_dict_builder *expected;
        size_t num_bytes;
        gen_start(seed);
        for (int k = 0; k < 2; k++)
            nullable_column(&c[k], seed & 1 ? "dict(c;u)" : "dict(I;vu)",
                            1 + gen_below(2000));
        unique_values(c, 2, &expected);
        pqf_chunk_write_options o = random_options();
        o.dictionary = true;
        o.dictionary_page_bytes = 4096;
        const pqf_field *field = c[0].schema->leaf_fields[0];
        written w = {0};
        pqf_buf_init(&w.bytes, mem, 0);
        OK(pqf_chunk_writer_new(field, &o, mem, &w.writer, &err));
        OK(pqf_chunk_writer_put(w.writer, c[0].view, 0, c[0].view->length, &scratch, &run,
                                0, &err));
        write_rows(&w, c[1].view, c[1].view->length, 500);
        w.num_rows += c[0].view->length;
        check_dictionary(&w, field, expected, &num_bytes);
        pqf_dict_builder_free(expected);
        unique_values(c + 1, 1, &expected);
        write_rows(&w, c[1].view, c[1].view->length, 500);
        check_dictionary(&w, field, expected, &num_bytes);
        pqf_dict_builder_free(expected);
        written_free(&w);
        gen_column_free(&c[0]);
        gen_column_free(&c[1]);
    }
}

/* A dictionary of more bytes than 16 times the limit is not kept: values in order of appearance. */
static void test_declared_dictionary_too_large(void **state) {
    (void)state;
    gen_column c;
    pqf_dict_builder *expected;
    gen_start(2);
    gen_column_init(&c, "dict(c;u)", 3000, mem);
    unique_values(&c, 1, &expected);
    size_t num_bytes = pqf_dict_page_bytes(expected).len;
    pqf_chunk_write_options o = defaults();
    o.dictionary_page_bytes = (int64_t)num_bytes / 16;
    written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 500);
    pqf_leaf_out leaf;
    read_leaf(&w, c.schema->leaf_fields[0], &leaf);
    pqf_bytes have = pqf_dict_page_bytes(leaf.dictionary->builder);
    assert_memory_not_equal(have.data, pqf_dict_page_bytes(expected).data, have.len);
    pqf_leaf_out_reset(&leaf);
    written_free(&w);
    o.dictionary_page_bytes = (int64_t)num_bytes / 16 + 1;
    w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 500);
    check_dictionary(&w, c.schema->leaf_fields[0], expected, &num_bytes);
    written_free(&w);
    pqf_dict_builder_free(expected);
    gen_column_free(&c);
}

/* ---- page sizes ---- */

/* Strings that are small for long and then large: pages stay bounded. */
static void test_large_values_late(void **state) {
    (void)state;
    gen_start(5);
    enum { N = 3000, LARGE = 5000 };
    for (int dictionary = 0; dictionary < 2; dictionary++) {
        gen_column c;
        c.arrow = build_schema("+s(a!:u)");
        gen_node(&c.array, N, 1, 1);
        c.array.offset = 0;
        struct ArrowArray *a = c.array.children[0];
        gen_node(a, N, 3, 0);
        a->offset = 0;
        int32_t *ends = (void *)gen_buffer(a, 1, (N + 1) * 4);
        for (int64_t i = ends[0] = 0; i < N; i++)
            ends[i + 1] = ends[i] + (i < 2000 ? 1 : LARGE);
        gen_buffer(a, 2, (size_t)ends[N]);
        gen_view(&c, NULL, mem);
        pqf_chunk_write_options o = defaults();
        o.dictionary = dictionary;
        o.data_page_bytes = 50000;
        written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 7);
        pages p = check_pages(&w, &o);
        if (p.largest > 3 * o.data_page_bytes)
            fail_msg("a page of %lld bytes", (long long)p.largest);
        check_read(&c, &w, "u");
        written_free(&w);
        gen_column_free(&c);
    }
}

static void test_page_rows_exact(void **state) {
    (void)state;
    gen_start(6);
    gen_column c;
    int64_column(&c, 50000, value_few);
    pqf_chunk_write_options o = defaults();
    o.data_page_version = 2;
    written w = write_chunk(c.view, c.schema->leaf_fields[0], &o, 999);
    pages p = check_pages(&w, &o);
    assert_int_equal(p.num_dictionary, 3); /* 20,000 rows, again, and the rest */
    assert_int_equal(p.most_rows, 20000);
    written_free(&w);
    gen_column_free(&c);
}

/* ---- failures ---- */

static pqf_status write_all(const gen_column *c, const pqf_chunk_write_options *o,
                            bool hold) {
    pqf_chunk_writer *writer = NULL;
    pqf_chunk_out out;
    pqf_status status =
        pqf_chunk_writer_new(c->schema->leaf_fields[0], o, mem, &writer, &err);
    if (status == PQF_OK) pqf_chunk_writer_hold(writer, hold);
    if (status == PQF_OK)
        status = pqf_chunk_writer_put(writer, c->view, 0, c->view->length, &scratch, &run,
                                      0, &err);
    for (int64_t i = 0; status == PQF_OK && i < pqf_chunk_writer_num_held(writer); i++)
        status = pqf_chunk_writer_seal(writer, pqf_chunk_writer_held(writer, i), &scratch,
                                       &run, 0, &err);
    if (status == PQF_OK)
        status =
            pqf_chunk_writer_take_held(writer, pqf_chunk_writer_num_held(writer), &err);
    if (status == PQF_OK) pqf_chunk_writer_hold(writer, false);
    if (status == PQF_OK)
        status = pqf_chunk_writer_finish(writer, &scratch, &run, 0, &out, &err);
    pqf_chunk_writer_free(writer);
    return status;
}

static void test_failing_allocations(void **state) {
    (void)state;
    static const char *const types[] = {"l",         "u",           "+l(item:u)",
                                        "dict(c;u)", "+vl(item:b)", "+s(x:w:3)"};
    for (size_t t = 0; t < 2 * (sizeof types / sizeof *types); t++) {
        gen_column c;
        gen_start(50 + t / 2);
        gen_column_init(&c, types[t / 2], 3000, mem);
        pqf_chunk_write_options o = defaults();
        o.codec = PQF_SNAPPY;
        o.dictionary_page_bytes = 200;
        o.page_rows = 500;
        int64_t before = pqf_mem_used(mem), n = 1;
        for (pqf_status status = PQF_NOMEM; status != PQF_OK; n++) {
            pqf_scratch_reset(&scratch);
            pqf_scratch_init(&scratch, mem);
            pqf_error_init(&err);
            pqf_mem_fail_after(n);
            status = write_all(&c, &o, t % 2 == 1);
            pqf_mem_fail_after(0);
            if (status != PQF_OK && status != PQF_NOMEM)
                fail_msg("allocation %lld: %s", (long long)n, err.message);
            pqf_scratch_reset(&scratch);
            assert_int_equal(pqf_mem_used(mem), before);
            assert_true(n < 10000);
        }
        assert_true(n > 10);
        pqf_scratch_init(&scratch, mem);
        gen_column_free(&c);
    }
}

static void test_wrong_type(void **state) {
    (void)state;
    gen_column c, other;
    gen_start(9);
    gen_column_init(&c, "l", 10, mem);
    gen_column_init(&other, "i", 10, mem);
    pqf_chunk_write_options o = defaults();
    pqf_chunk_writer *writer;
    OK(pqf_chunk_writer_new(c.schema->leaf_fields[0], &o, mem, &writer, &err));
    pqf_error_init(&err);
    assert_int_equal(
        pqf_chunk_writer_put(writer, other.view, 0, 10, &scratch, &run, 0, &err),
        PQF_INVALID);
    assert_string_equal(err.column, "c");
    assert_int_equal(pqf_chunk_writer_put(writer, c.view, 5, 6, &scratch, &run, 0, &err),
                     PQF_INVALID);
    pqf_chunk_writer_free(writer);
    gen_column_free(&c);
    gen_column_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_buffers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dictionary_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds_of_dictionary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dictionary_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_declared_dictionary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_declared_dictionary_too_large, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_large_values_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_page_rows_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_type, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
