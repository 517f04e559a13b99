/* SPDX-License-Identifier: Apache-2.0
 *
 * file_test.h: for the tests of the rooms file and dataset: batches from text into files
 * of a temporary folder, and what a scan gives as text again.
 */
#ifndef PQF_TESTS_FILE_FILE_TEST_H
#define PQF_TESTS_FILE_FILE_TEST_H

#include "arrow/build.h"
#include "dataset/inner.h"
#include "io/folder.h"

#define OK(expr)                                                                         \
    do {                                                                                 \
        pqf_error_init(&test_err);                                                       \
        if ((expr) != PQF_OK) fail_with_text(#expr);                                     \
    } while (0)

/* The call fails with `kind` and a text that has `part` in it. */
#define FAILS(kind, part, expr)                                                          \
    do {                                                                                 \
        pqf_error_init(&test_err);                                                       \
        pqf_status got_ = (expr);                                                        \
        if (got_ != (kind)) {                                                            \
            print_error("%s gave %s\n", #expr, pqf_status_name(got_));                   \
            fail_with_text("unexpected status");                                         \
        }                                                                                \
        check_error_has(part);                                                           \
    } while (0)

static pqf_error test_err;

static inline void fail_with_text(const char *what) {
    char text[2048];
    pqf_error_text(&test_err, text, sizeof text);
    fail_msg("%s: %s", what, text);
}

static inline void check_error_has(const char *part) {
    char text[2048];
    pqf_error_text(&test_err, text, sizeof text);
    if (!strstr(text, part)) fail_msg("'%s' is not in '%s'", part, text);
}

/* ---- random numbers ---- */

static uint64_t rand_seed, rand_state;

static inline void rand_begin(uint64_t seed) { rand_seed = rand_state = seed; }
static inline uint64_t rand_next(void) {
    uint64_t x = rand_state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}
static inline int64_t rand_below(int64_t n) {
    return (int64_t)(rand_next() % (uint64_t)n);
}

/* ---- memory for what tests build ---- */

static pqf_mem *test_mem;

static inline int mem_begin(void **state) {
    (void)state;
    OK(pqf_mem_new(0, &test_mem, &test_err));
    return 0;
}
static inline int mem_end(void **state) {
    (void)state;
    if (pqf_mem_used(test_mem) != 0)
        fail_msg("%lld bytes are left", (long long)pqf_mem_used(test_mem));
    pqf_mem_release(test_mem);
    return 0;
}
#define TEST(f) cmocka_unit_test_setup_teardown(f, mem_begin, mem_end)

/* ---- writing ---- */

static inline pqf_write_options write_options(void) {
    return (pqf_write_options){.struct_bytes = sizeof(pqf_write_options),
                               .not_durable = true};
}

static inline void write_built(const char *path, const built *b,
                               const pqf_write_options *o) {
    pqf_writer *w;
    pqf_write_options standard = write_options();
    OK(pqf_writer_open(path, &b->schema, o ? o : &standard, &w, &test_err));
    OK(pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
}

/* One file with one batch. */
static inline void write_rows(const char *path, const char *type, const char *values,
                              const pqf_write_options *o) {
    built b = build(test_mem, type, values);
    write_built(path, &b, o);
    build_free(&b);
}

/* ---- reading ---- */

typedef struct rows {
    char *text; /* of every row, ", " behind each */
    size_t len, cap;
    int64_t num_rows;
    int64_t num_batches;
    int64_t lengths[256];
} rows;

static inline void rows_add(rows *r, const char *text) {
    size_t n = strlen(text);
    if (r->len + n + 3 > r->cap) {
        r->cap = 2 * (r->len + n + 64);
        r->text = test_realloc(r->text, r->cap);
    }
    r->len += (size_t)sprintf(r->text + r->len, "%s, ", text);
}

static inline void rows_free(rows *r) { test_free(r->text); }

static inline void rows_add_batch(rows *r, const struct ArrowSchema *schema,
                                  const struct ArrowArray *batch) {
    pqf_arena arena;
    pqf_view view;
    char text[512];
    pqf_arena_init(&arena, test_mem);
    OK(pqf_view_init(&view, schema, batch, true, &arena, &test_err));
    for (int64_t i = 0; i < view.length; i++) {
        pqf_view_text(&view, i, text, sizeof text);
        rows_add(r, text);
    }
    if (r->num_batches < 256) r->lengths[r->num_batches] = view.length;
    r->num_batches++;
    r->num_rows += view.length;
    pqf_arena_reset(&arena);
}

/* Pulls to the end or to the first failure, whose status it returns; test_err has it
 * all. */
static inline pqf_status drain(struct ArrowArrayStream *stream, rows *r) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int result = stream->get_schema(stream, &schema);
    if (result) fail_msg("get_schema: %d", result);
    pqf_status status = PQF_OK;
    for (;;) {
        result = stream->get_next(stream, &batch);
        if (result) {
            test_err = *pqf_stream_error(stream);
            status = test_err.status;
            assert_non_null(stream->get_last_error(stream));
            break;
        }
        if (!batch.release) break;
        rows_add_batch(r, &schema, &batch);
        pqf_array_release(&batch);
    }
    pqf_schema_release(&schema);
    return status;
}

static inline pqf_scan_options scan_options(int64_t batch_rows) {
    return (pqf_scan_options){.struct_bytes = sizeof(pqf_scan_options),
                              .batch_rows = batch_rows};
}

static inline pqf_read_options read_options(int threads) {
    return (pqf_read_options){
        .struct_bytes = sizeof(pqf_read_options),
        .control = {.struct_bytes = sizeof(pqf_control), .num_threads = threads}};
}

/* Opens, scans, reads all and frees; nothing may be left in the dataset's memory. */
static inline pqf_status read_paths(const char *const *paths, int64_t n, const char *root,
                                    const pqf_read_options *ro,
                                    const pqf_scan_options *so, rows *r) {
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    pqf_error_init(&test_err);
    *r = (rows){0};
    rows_add(r, "");
    r->len = 0;
    r->text[0] = 0;
    pqf_status status = pqf_dataset_open(paths, n, root, ro, &d, &test_err);
    if (status != PQF_OK) return status;
    pqf_mem *mem = pqf_mem_retain(d->mem);
    status = pqf_dataset_scan(d, so, &stream, &test_err);
    pqf_dataset_free(d); /* the stream keeps it alive */
    if (status == PQF_OK) {
        status = drain(&stream, r);
        stream.release(&stream);
        assert_null(stream.release);
    }
    if (pqf_mem_used(mem)) fail_msg("%lld bytes are left", (long long)pqf_mem_used(mem));
    pqf_mem_release(mem);
    return status;
}

static inline pqf_status read_path(const char *path, const pqf_scan_options *so,
                                   rows *r) {
    return read_paths(&path, 1, NULL, NULL, so, r);
}

/* What a whole read of a path gives. */
static inline void check_path(const char *path, const char *expected) {
    rows r;
    OK(read_path(path, NULL, &r));
    if (r.len >= 2) r.text[r.len - 2] = 0;
    assert_string_equal(r.text, expected);
    rows_free(&r);
}

#endif
