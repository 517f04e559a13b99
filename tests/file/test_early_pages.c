/* SPDX-License-Identifier: Apache-2.0
 *
 * test_early_pages.c: a whole read whose threads unseal pages of a chunk that another one decodes gives
 * what one thread gives: the same rows, the same failure, and nothing that is left.
 */
#include "file/file_test.h"
#include "file/inner.h"

#include <errno.h>
#include <time.h>

#define DIVISOR   256 /* chunks of 16 KiB are large */
#define NUM_ROWS  6000
#define PAGE_ROWS 75
#define WIDTH     88

/* ---- files: one column that outweighs the other ---- */

typedef struct form {
    const char *type;
    const char *column; /* the large one, in the schema of the file */
    const char *codec;
    int version;
    bool has_dictionary;
    bool no_checksums;
} form;

#define FLAT     "+s(a:i;s!:u)"
#define NULLABLE "+s(s:u;a:i)"
#define FIXED    "+s(w!:w:88;a:i)"
#define NESTED   "+s(a:i;l:+l(item:+s(x:l;s:u)))"

static const form FORMS[] = {
    {FLAT, "s", "zstd", 1, false, false},
    {FLAT, "s", "snappy", 2, true, false},
    {NULLABLE, "s", "gzip", 2, false, false},
    {NULLABLE, "s", "zstd", 1, true, true},
    {FIXED, "w", "lz4", 1, false, false},
    {FIXED, "w", "zstd", 2, false, true},
    {FIXED, "w", "snappy", 2, true, false},
    {NESTED, "l.list.element.s", "snappy", 1, false, true},
    {NESTED, "l.list.element.s", "zstd", 2, false, false},
    {NESTED, "l.list.element.s", "zstd", 1, true, false},
};
#define NUM_FORMS ((int64_t)(sizeof FORMS / sizeof *FORMS))

/* WIDTH letters, one of 5,000 words; codecs find something in it. */
static void put_word(char *text) {
    char number[32];
    uint64_t word = (uint64_t)rand_below(5000) * UINT64_C(0x9E3779B97F4A7C15);
    for (int i = 0; i < WIDTH; i += 11) {
        sprintf(number, "_%010llu",
                (unsigned long long)((word >> i % 32) % UINT64_C(10000000000)));
        memcpy(text + i, number, 11);
    }
    text[WIDTH] = 0;
}

static int put_row(char *p, int64_t i, const form *f) {
    char word[WIDTH + 1];
    long long at = i;
    int n = 0;
    put_word(word);
    if (f->type[3] == 'w') return sprintf(p, "{%s,%lld}", word, at);
    if (f->type[3] == 's' && i % 5 == 0) return sprintf(p, "{null,%lld}", at);
    if (f->type[3] == 's') return sprintf(p, "{%s,null}", word);
    if (f->type[7] == 's') return sprintf(p, "{%lld,%s}", at, word);
    if (i % 7 == 0) return sprintf(p, "{%lld,%s}", at, i % 2 ? "null" : "[]");
    n += sprintf(p, "{%lld,[", at);
    for (int64_t k = i % 3; k >= 0; k--)
        n += k == 1 ? sprintf(p + n, "null,")
                    : sprintf(p + n, "{%lld,%s}%s", at, word, k ? "," : "");
    return n + sprintf(p + n, "]}");
}

static void write_first_rows(const char *path, const form *f, int64_t num_rows,
                             int64_t row_group_rows) {
    char *values = test_malloc((size_t)NUM_ROWS * 4 * WIDTH), *p = values;
    pqf_column_setting dictionary = {f->column, "RLE_DICTIONARY"};
    pqf_write_options o = write_options();
    o.no_dictionary = true;
    o.column_encoding = &dictionary;
    o.num_column_encoding = f->has_dictionary;
    o.compression = f->codec;
    o.data_page_version = f->version;
    o.no_page_checksums = f->no_checksums;
    o.page_rows = PAGE_ROWS;
    o.row_group_rows = row_group_rows;
    for (int64_t i = 0; i < num_rows; i++) {
        if (i) *p++ = ',';
        p += put_row(p, i, f);
    }
    write_rows(path, f->type, values, &o);
    test_free(values);
}

static void write_form(const char *path, const form *f, int64_t row_group_rows) {
    write_first_rows(path, f, NUM_ROWS, row_group_rows);
}

/* A byte of a file is another one: some way between its begin and end. */
static void damage(const char *path, double place) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    fseek(file, (long)((double)ftell(file) * place), SEEK_SET);
    int byte = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(byte ^ 0x55, file);
    fclose(file);
}

/* ---- one thread and several ---- */

/* The rows, or the text of the failure, which may come behind some rows. */
static pqf_status read_text(const char *path, int threads, bool memory_map, rows *r) {
    char text[2048];
    pqf_read_options ro = read_options(threads);
    ro.memory_map = memory_map;
    pqf_status status = read_paths(&path, 1, NULL, &ro, NULL, r);
    if (status == PQF_OK) return status;
    pqf_error_text(&test_err, text, sizeof text);
    rows_add(r, text);
    return status;
}

/* True where the file can be read. */
static bool same_text(const char *path, int num_times) {
    rows alone;
    pqf_status status = read_text(path, 1, false, &alone);
    for (int i = 0; i < num_times; i++) {
        rows r;
        pqf_status got = read_text(path, 2 + i % 3, i % 2, &r);
        if (got != status || strcmp(r.text, alone.text))
            fail_msg("seed %llu, time %d:\n%.2000s\n%.2000s",
                     (unsigned long long)rand_seed, i,
                     alone.text + (alone.len > 2000 ? alone.len - 2000 : 0),
                     r.text + (r.len > 2000 ? r.len - 2000 : 0));
        rows_free(&r);
    }
    rows_free(&alone);
    return status == PQF_OK;
}

static void same_rows(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    for (int64_t i = 0; i < NUM_FORMS; i++) {
        int64_t taken = atomic_load(&pqf_early_test_taken);
        rand_begin((uint64_t)i);
        write_form(in(&f, "1"), &FORMS[i], NUM_ROWS);
        /* where others need the machine a reader may be through before a thread can help it */
        for (int k = 0; k < 50; k++) {
            assert_true(same_text(in(&f, "1"), 9));
            if (atomic_load(&pqf_early_test_taken) > taken) break;
        }
        if (atomic_load(&pqf_early_test_taken) == taken)
            fail_msg("form %lld: no page came early", (long long)i);
        /* several large leaves at once */
        write_form(in(&f, "1"), &FORMS[i], NUM_ROWS / 3 + 1);
        assert_true(same_text(in(&f, "1"), 6));
    }
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

/* Headers, stored bytes with and without a checksum, dictionaries. */
static void same_failures(void **state) {
    (void)state;
    folder f;
    int num_failed = 0;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    int64_t taken = atomic_load(&pqf_early_test_taken);
    for (uint64_t seed = 0; seed < 60; seed++) {
        rand_begin(seed);
        write_form(in(&f, "1"), &FORMS[seed % (uint64_t)NUM_FORMS], NUM_ROWS);
        damage(in(&f, "1"), 0.02 + 0.015 * (double)seed);
        num_failed += !same_text(in(&f, "1"), 4);
    }
    assert_true(num_failed > 40);
    assert_true(atomic_load(&pqf_early_test_taken) > taken);
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

/* A page in the middle: the address of the failure is the page's, however often it is read. */
static void a_damaged_page_is_named(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    rand_begin(1);
    write_form(in(&f, "1"), &FORMS[0], NUM_ROWS);
    damage(in(&f, "1"), 0.5);
    pqf_error first = {0};
    for (int i = 0; i < 60; i++) {
        rows r;
        assert_int_equal(read_text(in(&f, "1"), 1 + i % 4, false, &r), PQF_CORRUPT);
        rows_free(&r);
        check_error_has("the page's checksum is");
        assert_string_equal(test_err.column, "s");
        assert_int_equal(test_err.row_group, 0);
        assert_in_range(test_err.page, NUM_ROWS / PAGE_ROWS / 4, NUM_ROWS / PAGE_ROWS);
        if (i) assert_memory_equal(&test_err, &first, offsetof(pqf_error, column));
        first = test_err;
    }
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

/* ---- a source that is slow, or fails ---- */

typedef struct slow {
    pqf_dataset *dataset;
    long sleep_us;
    int64_t bad_offset;        /* reads that have this byte fail */
    _Atomic int64_t reads;     /* so far */
    _Atomic int64_t fail_read; /* the read of this number fails */
    int num_ticks, stop_at;
} slow;

static int read_slowly(void *context, int64_t offset, void *dst, size_t len) {
    slow *s = context;
    pqf_error err;
    pqf_source *file;
    if (s->sleep_us) nanosleep(&(struct timespec){0, s->sleep_us * 1000}, NULL);
    if (s->bad_offset >= offset && s->bad_offset - offset < (int64_t)len) return EIO;
    if (atomic_fetch_add(&s->reads, 1) == atomic_load(&s->fail_read)) return EIO;
    pqf_error_init(&err);
    if (pqf_dataset_open_source(s->dataset, 1, &file, &err) != PQF_OK) return EBADF;
    pqf_status status = pqf_source_read_at(file, offset, dst, len, &err);
    pqf_source_free(file);
    return status == PQF_OK ? 0 : EBADF;
}

static pqf_status open_slowly(void *context, int64_t i, pqf_source **out,
                              pqf_error *err) {
    slow *s = context;
    pqf_source *file;
    TRY(pqf_dataset_open_source(s->dataset, i, &file, err));
    int64_t size = pqf_source_size(file);
    pqf_source_free(file);
    return pqf_source_open_callback(read_slowly, s, size, out, err);
}

static int slow_tick(void *context, int64_t done, int64_t total) {
    slow *s = context;
    (void)done;
    (void)total;
    return ++s->num_ticks == s->stop_at;
}

/* A folder of a row, from which the dataset learns its columns, and a large file. */
static void slow_files(folder *f, const form *large) {
    write_first_rows(in(f, "0"), large, 1, NUM_ROWS);
    write_form(in(f, "1"), large, NUM_ROWS);
}

/* Reads the folder whole. *num_rows: that came. */
static pqf_status read_slow(const char *path, slow *s, int threads, int64_t limit,
                            int64_t *num_rows) {
    pqf_read_options ro = read_options(threads);
    pqf_scan *scan;
    struct ArrowArray batch = {0};
    ro.control.tick = slow_tick;
    ro.control.tick_context = s;
    ro.control.memory_limit = limit;
    OK(pqf_dataset_open(&path, 1, NULL, &ro, &s->dataset, &test_err));
    pqf_dataset *d = s->dataset;
    pqf_mem *mem = pqf_mem_retain(d->mem);
    pqf_scan_spec spec = {.files = d->files,
                          .num_files = d->found.num_files,
                          .schema = &d->schema,
                          .options = &d->options,
                          .all_columns = true,
                          .first_reader = d->first,
                          .first_file = d->first_file,
                          .open = open_slowly,
                          .open_context = s};
    OK(pqf_scan_open(&spec, d->mem, &scan, &test_err));
    pqf_status status;
    *num_rows = 0;
    while ((status = pqf_scan_next(scan, &batch, &test_err)) == PQF_OK && batch.release) {
        *num_rows += batch.length;
        batch.release(&batch);
    }
    pqf_scan_free(scan);
    pqf_dataset_free(d);
    if (pqf_mem_used(mem)) fail_msg("%lld bytes are left", (long long)pqf_mem_used(mem));
    pqf_mem_release(mem);
    return status;
}

/* The call ends soon, whoever waits for whom. */
static void cancelled(void **state) {
    (void)state;
    folder f;
    int64_t num_rows;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    slow_files(&f, &FORMS[0]);
    for (int i = 0; i < 12; i++) {
        slow s = {.sleep_us = 1000 + 500 * i,
                  .bad_offset = -1,
                  .fail_read = -1,
                  .stop_at = 1 + i % 2};
        assert_int_equal(read_slow(f.path, &s, 2 + i % 2, 0, &num_rows), PQF_CANCELLED);
        assert_int_equal(num_rows, 0);
        assert_int_equal(s.num_ticks, s.stop_at);
    }
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

/* What can be read the second time may be read; what cannot fails at its page. */
static void failing_reads(void **state) {
    (void)state;
    folder f;
    int64_t num_rows;
    int num_failed = 0;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    slow_files(&f, &FORMS[0]);
    for (int i = 0; i < 60; i++) {
        slow s = {.bad_offset = -1, .fail_read = i * 3};
        pqf_error_init(&test_err);
        pqf_status status = read_slow(f.path, &s, 2 + i % 2, 0, &num_rows);
        if (status != PQF_OK) assert_int_equal(status, PQF_IO);
        if (status == PQF_OK) assert_int_equal(num_rows, NUM_ROWS + 1);
        num_failed += status != PQF_OK;
    }
    assert_in_range(num_failed, 1, 59);
    pqf_error alone = {0};
    for (int i = 0; i < 40; i++) {
        slow s = {.bad_offset = 100000, .fail_read = -1};
        pqf_error_init(&test_err);
        assert_int_equal(read_slow(f.path, &s, 1 + i % 4, 0, &num_rows), PQF_IO);
        if (!i) alone = test_err;
        assert_int_equal(test_err.os_errno, EIO);
        assert_int_equal(test_err.row_group, 0);
        assert_string_equal(test_err.column, alone.column);
    }
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

/* ---- memory ---- */

static void failing_allocations(void **state) {
    (void)state;
    folder f;
    int num_failed = 0;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    for (int64_t n = 1; n < 400; n++) {
        struct ArrowArrayStream stream;
        struct ArrowArray batch = {0};
        pqf_dataset *d;
        if (n % 40 == 1) write_form(in(&f, "1"), &FORMS[n / 40], NUM_ROWS);
        const char *path = in(&f, "1");
        pqf_read_options ro = read_options(2 + (int)(n % 2));
        OK(pqf_dataset_open(&path, 1, NULL, &ro, &d, &test_err));
        OK(pqf_dataset_scan(d, NULL, &stream, &test_err));
        pqf_mem *mem = pqf_mem_retain(d->mem);
        pqf_dataset_free(d);
        pqf_mem_fail_after(1 + n % 40 * 4);
        int result = stream.get_next(&stream, &batch);
        pqf_mem_fail_after(0);
        if (result)
            assert_int_equal(pqf_stream_error(&stream)->status, PQF_NOMEM);
        else
            assert_int_equal(batch.length, NUM_ROWS);
        num_failed += result != 0;
        if (batch.release) batch.release(&batch);
        stream.release(&stream);
        assert_int_equal(pqf_mem_used(mem), 0);
        pqf_mem_release(mem);
    }
    assert_true(num_failed > 50);
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

static void small_budgets(void **state) {
    (void)state;
    folder f;
    int num_passed = 0, num_failed = 0;
    int64_t num_rows;
    folder_begin(&f);
    pqf_early_test_divisor = DIVISOR;
    slow_files(&f, &FORMS[2]);
    for (int64_t limit = 100000; limit < (int64_t)8 << 20; limit += limit / 16) {
        slow s = {.bad_offset = -1, .fail_read = -1};
        pqf_error_init(&test_err);
        pqf_status status = read_slow(f.path, &s, 2, limit, &num_rows);
        if (status != PQF_OK) assert_int_equal(status, PQF_LIMIT);
        num_passed += status == PQF_OK;
        num_failed += status != PQF_OK;
    }
    assert_true(num_passed > 5 && num_failed > 5);
    pqf_early_test_divisor = 1;
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(same_rows),     TEST(same_failures), TEST(a_damaged_page_is_named),
        TEST(cancelled),     TEST(failing_reads), TEST(failing_allocations),
        TEST(small_budgets),
    };
    alarm(280); /* a deadlock is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
