/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flow.c: threads that encode, seal and write one file together: row_group.c, share_pages.c and
 * flow.c, with sizes so small that little data goes all of their ways.
 */
#include "file/file_test.h"
#include "file/inner.h"

#include <unistd.h>

enum { ROWS = 6000, DIVISOR = 1 << 12 };

/* Nested, dictionaries, nulls; then one leaf that is most of the file, before and behind others. */
static const char *const TYPES[] = {
    "+s(a:l;s:u;l:+l(item:i);d:dict(i;u);m:+m(key!:u;value:i))", "+s(a:l;s:u;b:l)",
    "+s(s:u)"};

static char *put_padded(char *p, int64_t x, size_t width) {
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)x);
    memset(p, '0', width - len);
    memcpy(p + width - len, digits, len);
    return p + width;
}

static char *make_text(int type, int64_t n) {
    char *text = test_malloc((size_t)n * 220 + 1), *p = text;
    for (int64_t i = 0; i < n; i++) {
        p += sprintf(p, "%s{", i ? "," : "");
        int64_t x = rand_below(1 << 30);
        if (type < 2)
            p += i % 7 ? sprintf(p, "%lld,", (long long)x) : sprintf(p, "null,");
        if (type > 0)
            p = put_padded(p, x, (size_t)(20 + i % 80));
        else
            p += i % 5 ? sprintf(p, "t%lld", (long long)(i % 50)) : sprintf(p, "null");
        if (type == 1) p += sprintf(p, ",%lld", (long long)(i % 3));
        if (type == 0) {
            p += i % 3 ? sprintf(p, ",[%lld,null,3]", (long long)x) : sprintf(p, ",[]");
            p += i % 6 ? sprintf(p, ",d%lld", (long long)(i % 11)) : sprintf(p, ",null");
            p += i % 2 ? sprintf(p, ",[{k,%lld}]", (long long)i) : sprintf(p, ",[]");
        }
        p += sprintf(p, "}");
    }
    assert_non_null(text);
    return text;
}

static built make_table(int type) {
    rand_begin((uint64_t)type + 1);
    char *text = make_text(type, ROWS);
    built b = build(test_mem, TYPES[type], text);
    test_free(text);
    return b;
}

static pqf_write_options small_pages(void) {
    pqf_write_options o = write_options();
    o.data_page_bytes = 1024;
    o.dictionary_page_bytes = 4096;
    o.row_group_rows = 2500;
    return o;
}

/* ---- writing ---- */

typedef struct plan {
    pqf_write_options options;
    int64_t max_batch; /* rows; 0: all in one */
    bool expect, callback;
} plan;

static pthread_t caller;

static int keep_in_file(void *context, const void *data, size_t len) {
    assert_true(pthread_equal(caller, pthread_self()));
    return fwrite(data, 1, len, context) == len ? 0 : EIO;
}

static pqf_status put_parts(pqf_writer *w, const built *b, const plan *p) {
    if (p->expect) pqf_writer_expect(w, b->array.length);
    for (int64_t at = 0, n; at < b->array.length; at += n) {
        n = b->array.length - at;
        if (p->max_batch) n = pqf_min_i64(n, 1 + rand_below(p->max_batch));
        struct ArrowArray part = b->array;
        part.offset = at;
        part.length = n;
        TRY(pqf_writer_put(w, &b->schema, &part, NULL, &test_err));
    }
    return pqf_writer_finish(w, &test_err);
}

static pqf_status write_file(const char *path, const built *b, const plan *p) {
    pqf_writer *w;
    FILE *out = p->callback ? fopen(path, "wb") : NULL;
    pqf_error_init(&test_err);
    caller = pthread_self();
    pqf_status status =
        out ? pqf_writer_open_callback(keep_in_file, out, &b->schema, &p->options, &w,
                                       &test_err)
            : pqf_writer_open(path, &b->schema, &p->options, &w, &test_err);
    if (status == PQF_OK) {
        status = put_parts(w, b, p);
        pqf_writer_free(w);
    }
    if (out) fclose(out);
    return status;
}

static pqf_buf bytes_of(const char *path) {
    pqf_buf bytes = {.mem = test_mem};
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    for (int c; (c = getc(in)) != EOF;)
        OK(pqf_buf_put_u8(&bytes, (uint8_t)c, &test_err));
    fclose(in);
    return bytes;
}

/* ---- the same bytes ---- */

static void compare(const folder *f, const pqf_buf *expected, const plan *p,
                    const char *codec) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/2", f->path);
    pqf_buf got = bytes_of(path);
    if (got.len != expected->len || memcmp(got.data, expected->data, got.len) != 0)
        fail_msg("%s, %d threads, batches of up to %lld rows: %zu other bytes, not %zu",
                 codec, p->options.control.num_threads, (long long)p->max_batch, got.len,
                 expected->len);
    pqf_buf_reset(&got);
}

static void check_table(const folder *f, const built *b, const char *codec) {
    static const int threads[] = {1, 2, 4, 7};
    char first[PATH_MAX], second[PATH_MAX];
    snprintf(first, sizeof first, "%s/1", f->path);
    snprintf(second, sizeof second, "%s/2", f->path);
    plan p = {.options = small_pages()};
    p.options.compression = codec;
    p.options.control.num_threads = 1;
    pqf_flow_test_divisor = 1;
    OK(write_file(first, b, &p));
    pqf_buf expected = bytes_of(first);
    pqf_flow_test_divisor = DIVISOR;
    for (int i = 0; i < 16; i++) {
        static const int64_t batches[] = {0, ROWS, 2000, 0};
        p.options.control.num_threads = threads[i % 4];
        p.max_batch = batches[i / 4];
        p.expect = i % 3 > 0;
        p.callback = i % 5 == 1;
        OK(write_file(second, b, &p));
        compare(f, &expected, &p, codec);
    }
    pqf_flow_test_divisor = 1;
    pqf_buf_reset(&expected);
}

static void same_bytes_for_any_threads(void **state) {
    static const char *const codecs[] = {"none", "snappy", "zstd"};
    (void)state;
    folder f;
    folder_begin(&f);
    for (int t = 0; t < 3; t++) {
        built b = make_table(t);
        for (int c = 0; c < 3; c++)
            check_table(&f, &b, codecs[c]);
        build_free(&b);
    }
    folder_end(&f);
}

/* ---- values that can be used in place ---- */

/* Columns with values long enough to be worth a gap, and others before, between and behind them. */
static built make_mappable(void) {
    char *text = test_malloc((size_t)ROWS * 120 + 1), *p = text;
    rand_begin(5);
    for (int64_t i = 0; i < ROWS; i++)
        p += sprintf(p, "%s{%lld,t%lld,%lld,[%lld,%lld],%lld}", i ? "," : "",
                     (long long)rand_below(1 << 30), (long long)rand_below(1 << 30),
                     (long long)rand_below(1 << 30), (long long)i,
                     (long long)rand_below(9999), (long long)(i % 100));
    built b = build(test_mem, "+s(a:l;s:u;b!:l;v:+l(item:l);c:c)", text);
    test_free(text);
    return b;
}

/* The first values of every chunk but those of s, which are strings, and c, which are converted. */
static void check_places(const char *path) {
    pqf_source *source;
    pqf_metadata *metadata;
    int num_gaps = 0;
    OK(pqf_source_open(path, true, &source, &test_err));
    OK(pqf_footer_read(source, NULL, test_mem, &metadata, &test_err));
    int64_t end = 4;
    assert_int_equal(metadata->file.num_row_groups, 3);
    for (int32_t g = 0; g < 3; g++) {
        const pqf_row_group *group = &metadata->file.row_groups[g];
        int64_t bytes = 0;
        assert_int_equal(group->file_offset,
                         group->columns[0].meta_data.data_page_offset);
        for (int32_t l = 0; l < group->num_columns; l++) {
            const pqf_column_metadata *meta = &group->columns[l].meta_data;
            pqf_page_header header;
            size_t header_bytes;
            bool truncated, is_mappable = l != 1 && l != 4 && g < 2;
            const uint8_t *first = pqf_source_view(source, meta->data_page_offset, 256);
            assert_int_equal(pqf_page_header_read(pqf_bytes_of(first, 256), &header,
                                                  &header_bytes, &truncated, &test_err),
                             PQF_OK);
            const uint8_t *values = first + header_bytes + header.compressed_page_size -
                                    header.data_page_header.num_values * 8;
            int64_t gap = meta->data_page_offset - end;
            assert_in_range(gap, 0, is_mappable ? 63 : 0);
            for (int64_t i = 1; i <= gap; i++)
                assert_int_equal(first[-i], 0);
            if (is_mappable) assert_int_equal((uintptr_t)values % 64, 0);
            num_gaps += gap > 0;
            bytes += meta->total_compressed_size;
            end += gap + meta->total_compressed_size;
        }
        assert_int_equal(group->total_compressed_size, bytes);
    }
    assert_true(num_gaps > 3);
    pqf_metadata_free(metadata);
    pqf_source_free(source);
}

static void values_are_aligned(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = make_mappable();
    plan p = {.options = small_pages()};
    p.options.compression = "none";
    p.options.no_dictionary = true;
    p.options.data_page_bytes = 1 << 20;
    p.options.control.num_threads = 1;
    OK(write_file(in(&f, "1"), &b, &p));
    check_places(in(&f, "1"));
    pqf_buf expected = bytes_of(in(&f, "1"));
    pqf_flow_test_divisor = DIVISOR;
    for (int i = 0; i < 12; i++) {
        p.options.control.num_threads = 1 + i % 4;
        p.max_batch = i / 4 * 1000;
        p.expect = i % 3 > 0;
        OK(write_file(in(&f, "2"), &b, &p));
        compare(&f, &expected, &p, "none");
    }
    pqf_flow_test_divisor = 1;
    pqf_buf_reset(&expected);
    build_free(&b);
    folder_end(&f);
}

static void expected_rows_end_a_row_group(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(a:i)", "{1},{2},{3}");
    pqf_write_options o = write_options();
    pqf_writer *w;
    OK(pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
    pqf_writer_expect(w, 3);
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    assert_true(pqf_writer_num_bytes(w) > 4);
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    check_path(in(&f, "1"), "{a: 1}, {a: 2}, {a: 3}, {a: 1}, {a: 2}, {a: 3}");
    build_free(&b);
    folder_end(&f);
}

/* ---- failures ---- */

static int64_t writes_left;

static int failing_write(int64_t offset, size_t num_bytes) {
    (void)offset, (void)num_bytes;
    return writes_left-- > 0 ? 0 : ENOSPC;
}

static void a_disk_that_is_full_at_any_write(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_flow_test_divisor = DIVISOR;
    pqf_sink_test_hook = failing_write;
    for (int t = 0; t < 2; t++) {
        built b = make_table(t);
        plan p = {.options = small_pages(), .expect = true};
        p.options.control.num_threads = 4;
        p.options.compression = t ? "snappy" : "none";
        pqf_status status = PQF_IO;
        int64_t n = 1;
        for (; status != PQF_OK; n += 1 + n / 8) {
            writes_left = n;
            p.max_batch = n % 2 ? 0 : 1500;
            status = write_file(in(&f, "1"), &b, &p);
            if (status == PQF_OK) break;
            assert_int_equal(status, PQF_IO);
            assert_int_equal(test_err.os_errno, ENOSPC);
            check_names(f.path, "");
        }
        assert_true(n > 4);
        unlink(in(&f, "1"));
        build_free(&b);
    }
    pqf_sink_test_hook = NULL;
    pqf_flow_test_divisor = 1;
    folder_end(&f);
}

static pqf_status write_over(pqf_mem *mem, const char *path, const built *b,
                             const plan *p, int64_t fail_after) {
    pqf_sink *sink;
    pqf_writer *w;
    pqf_error_init(&test_err);
    OK(pqf_sink_open_file(path, NULL, &sink, &test_err));
    pqf_mem_fail_after(fail_after);
    pqf_status status =
        pqf_writer_open_sink(sink, &b->schema, &p->options, mem, &w, &test_err);
    if (status == PQF_OK) {
        status = put_parts(w, b, p);
        pqf_mem_fail_after(0);
        pqf_writer_free(w);
    }
    pqf_mem_fail_after(0);
    return status;
}

static void no_memory_at_any_allocation(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = make_table(1);
    plan p = {.options = small_pages(), .expect = true};
    p.options.control.num_threads = 4;
    p.options.compression = "snappy";
    pqf_flow_test_divisor = DIVISOR;
    for (int64_t n = 1; n < 600; n += 1 + n / 50) {
        pqf_mem *mem;
        OK(pqf_mem_new(0, &mem, &test_err));
        pqf_status status = write_over(mem, in(&f, "1"), &b, &p, n);
        if (pqf_mem_used(mem))
            fail_msg("allocation %lld leaks %lld", (long long)n,
                     (long long)pqf_mem_used(mem));
        pqf_mem_release(mem);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
        if (n < 100) assert_int_equal(status, PQF_NOMEM);
        check_names(f.path, status == PQF_OK ? "f:1" : "");
        unlink(in(&f, "1"));
    }
    pqf_flow_test_divisor = 1;
    build_free(&b);
    folder_end(&f);
}

static int slow_write(int64_t offset, size_t num_bytes) {
    (void)offset, (void)num_bytes;
    if (--writes_left == 0) usleep(120000);
    return 0;
}

static int stop(void *context, int64_t done, int64_t total) {
    (void)context, (void)done, (void)total;
    return 1;
}

/* Somebody writes for longer than a tick: the calling thread is told to stop meanwhile or behind it. */
static void cancelled_while_somebody_writes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = make_table(1);
    plan p = {.options = small_pages(), .expect = true};
    p.options.control.tick = stop;
    pqf_flow_test_divisor = DIVISOR;
    pqf_sink_test_hook = slow_write;
    for (int i = 0; i < 6; i++) {
        p.options.control.num_threads = 1 + i % 3;
        p.options.compression = i % 2 ? "snappy" : "none";
        writes_left = 2 + i;
        assert_int_equal(write_file(in(&f, "1"), &b, &p), PQF_CANCELLED);
        check_names(f.path, "");
    }
    pqf_sink_test_hook = NULL;
    pqf_flow_test_divisor = 1;
    build_free(&b);
    folder_end(&f);
}

static built make_labels(void) {
    enum { LABELS = 40000 };
    char *text = test_malloc((size_t)LABELS * 16), *p = text;
    rand_begin(7);
    for (int64_t i = 0; i < LABELS; i++)
        p += sprintf(p, "%s{t%lld}", i ? "," : "", (long long)rand_below(300));
    built b = build(test_mem, "+s(s:u)", text);
    test_free(text);
    return b;
}

/* A bell that is missed costs a tick of 50 ms, where these writes take a few. A busy machine may cost some of
 * them a tick too, but not one in four. */
static void nobody_sleeps_through_a_bell(void **state) {
    (void)state;
    enum { WRITES = 40 };
    folder f;
    folder_begin(&f);
    built b = make_labels();
    plan p = {.options = small_pages(), .expect = true};
    p.options.control.num_threads = 2;
    pqf_flow_test_divisor = DIVISOR;
    int64_t before = atomic_load(&pqf_gate_test_timeouts);
    for (int i = 0; i < WRITES; i++) {
        p.options.compression = i % 2 ? "snappy" : "zstd";
        OK(write_file(in(&f, "1"), &b, &p));
    }
    int64_t missed = atomic_load(&pqf_gate_test_timeouts) - before;
    if (missed > WRITES / 4)
        fail_msg("%lld ticks went by in %d writes", (long long)missed, WRITES);
    pqf_flow_test_divisor = 1;
    build_free(&b);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(same_bytes_for_any_threads),    TEST(values_are_aligned),
        TEST(expected_rows_end_a_row_group), TEST(a_disk_that_is_full_at_any_write),
        TEST(no_memory_at_any_allocation),   TEST(cancelled_while_somebody_writes),
        TEST(nobody_sleeps_through_a_bell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
