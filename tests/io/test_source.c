/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of io/source.c: the same bytes through file, mapping, memory and callback; ranges, errors,
 * counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "folder.h"

#include <fcntl.h>

#define SIZE 5000

static uint8_t content[SIZE];

static int read_content(void *context, int64_t offset, void *dst, size_t len) {
    int *fails_with = context;
    if (*fails_with) return *fails_with;
    memcpy(dst, content + offset, len);
    return 0;
}

static void make_content(void) {
    for (int i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
}

static void write_content(const char *path) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, SIZE, f), SIZE);
    fclose(f);
}

static void check_reads(pqf_source *source) {
    uint8_t out[SIZE];
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_source_size(source), SIZE);
    const int64_t ranges[][2] = {{0, SIZE}, {0, 0}, {SIZE, 0}, {SIZE - 1, 1}, {123, 456}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        size_t len = (size_t)ranges[i][1];
        assert_int_equal(pqf_source_read_at(source, ranges[i][0], out, len, &err),
                         PQF_OK);
        assert_memory_equal(out, content + ranges[i][0], len);
    }
}

static void check_range_errors(pqf_source *source) {
    uint8_t out[8];
    const struct {
        int64_t offset;
        size_t len;
    } bad[] = {{SIZE, 1},     {SIZE - 1, 2},  {-1, 1},
               {0, SIZE_MAX}, {INT64_MAX, 1}, {INT64_MIN, 8}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pqf_error err;
        pqf_error_init(&err);
        assert_int_equal(pqf_source_read_at(source, bad[i].offset, out, bad[i].len, &err),
                         PQF_CORRUPT);
        assert_non_null(strstr(err.message, "past the end of the file"));
        assert_string_equal(err.path, pqf_source_path(source));
        assert_null(pqf_source_view(source, bad[i].offset, bad[i].len));
    }
}

static void check_all(pqf_source *source) {
    check_reads(source);
    check_range_errors(source);
    pqf_source_free(source);
}

static void test_same_bytes_from_everywhere(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    int fails_with = 0;
    folder_begin(&f);
    make_content();
    pqf_error_init(&err);
    write_content(in(&f, "x"));
    assert_int_equal(pqf_source_open(in(&f, "x"), false, &source, &err), PQF_OK);
    assert_string_equal(pqf_source_path(source), in(&f, "x"));
    assert_null(pqf_source_view(source, 0, 1));
    check_all(source);
    assert_int_equal(pqf_source_open(in(&f, "x"), true, &source, &err), PQF_OK);
    check_all(source);
    pqf_bytes bytes = pqf_bytes_of(content, SIZE);
    assert_int_equal(pqf_source_open_memory(bytes, &source, &err), PQF_OK);
    check_all(source);
    assert_int_equal(
        pqf_source_open_callback(read_content, &fails_with, SIZE, &source, &err), PQF_OK);
    assert_null(pqf_source_view(source, 0, 1));
    check_all(source);
    pqf_source_free(NULL);
    folder_end(&f);
}

static void test_views_keep_slack(void **state) {
    (void)state;
    pqf_error err;
    pqf_source *source;
    pqf_error_init(&err);
    make_content();
    pqf_bytes bytes = pqf_bytes_of(content, SIZE);
    assert_int_equal(pqf_source_open_memory(bytes, &source, &err), PQF_OK);
    assert_ptr_equal(pqf_source_view(source, 0, SIZE - PQF_SLACK), content);
    assert_ptr_equal(pqf_source_view(source, 100, SIZE - PQF_SLACK - 100), content + 100);
    assert_null(pqf_source_view(source, 100, SIZE - PQF_SLACK - 99));
    assert_null(pqf_source_view(source, SIZE, 0));
    pqf_source_free(source);
}

static void test_mapped_view(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    folder_begin(&f);
    make_content();
    write_content(in(&f, "x"));
    pqf_error_init(&err);
    assert_int_equal(pqf_source_open(in(&f, "x"), true, &source, &err), PQF_OK);
    assert_memory_equal(pqf_source_view(source, 10, 4000), content + 10, 4000);
    pqf_source_free(source);
    folder_end(&f);
}

/* What is lent outlives the source, and the file's name. */
static void test_lent(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    const uint8_t *bytes;
    folder_begin(&f);
    make_content();
    write_content(in(&f, "x"));
    pqf_error_init(&err);
    assert_int_equal(pqf_source_open(in(&f, "x"), true, &source, &err), PQF_OK);
    assert_null(pqf_source_lend(source, SIZE - 1, 2, &bytes));
    assert_null(pqf_source_lend(source, -1, 1, &bytes));
    assert_null(pqf_source_lend(source, 1, SIZE_MAX, &bytes));
    pqf_shared *lender = pqf_source_lend(source, 1, SIZE - 1, &bytes);
    assert_non_null(lender);
    pqf_shared_retain(lender);
    pqf_source_free(source);
    unlink(in(&f, "x"));
    assert_memory_equal(bytes, content + 1, SIZE - 1);
    pqf_shared_release(lender);
    pqf_shared_release(NULL);
    write_content(in(&f, "x"));
    assert_int_equal(pqf_source_open(in(&f, "x"), false, &source, &err), PQF_OK);
    assert_null(pqf_source_lend(source, 0, 1, &bytes));
    pqf_source_free(source);
    assert_int_equal(pqf_source_open_memory(pqf_bytes_of(content, SIZE), &source, &err),
                     PQF_OK);
    assert_null(pqf_source_lend(source, 0, 1, &bytes));
    pqf_source_free(source);
    folder_end(&f);
}

static void test_no_memory_to_map(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    pqf_status status = PQF_NOMEM;
    folder_begin(&f);
    make_content();
    write_content(in(&f, "x"));
    int64_t n = 1;
    for (; status == PQF_NOMEM; n++) {
        pqf_error_init(&err);
        pqf_mem_fail_after(n);
        status = pqf_source_open(in(&f, "x"), true, &source, &err);
        pqf_mem_fail_after(0);
    }
    assert_int_equal(status, PQF_OK);
    assert_true(n > 3);
    pqf_source_free(source);
    folder_end(&f);
}

static void test_empty(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_text(in(&f, "x"), "");
    for (int map = 0; map < 2; map++) {
        pqf_error err;
        pqf_source *source;
        uint8_t out;
        pqf_error_init(&err);
        assert_int_equal(pqf_source_open(in(&f, "x"), map, &source, &err), PQF_OK);
        assert_int_equal(pqf_source_size(source), 0);
        assert_int_equal(pqf_source_read_at(source, 0, &out, 0, &err), PQF_OK);
        assert_int_equal(pqf_source_read_at(source, 0, &out, 1, &err), PQF_CORRUPT);
        pqf_source_free(source);
    }
    folder_end(&f);
}

static void check_open_error(const char *path, int os_errno) {
    pqf_error err;
    pqf_source *source = NULL;
    pqf_error_init(&err);
    assert_int_equal(pqf_source_open(path, false, &source, &err), PQF_IO);
    assert_int_equal(err.os_errno, os_errno);
    assert_string_equal(err.path, path);
    assert_null(source);
}

static void test_what_cannot_be_opened(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_text(in(&f, "x"), "");
    assert_int_equal(mkfifo(in(&f, "pipe"), 0600), 0);
    assert_int_equal(symlink("loop", in(&f, "loop")), 0);
    check_open_error(in(&f, "missing"), ENOENT);
    check_open_error(in(&f, "x/y"), ENOTDIR);
    check_open_error(in(&f, "pipe"), ESPIPE);
    check_open_error(in(&f, "loop"), ELOOP);
    check_open_error(f.path, EISDIR);
    check_open_error("", ENOENT);
    folder_end(&f);
}

static void test_file_that_shrinks(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    uint8_t out[100];
    folder_begin(&f);
    make_content();
    write_content(in(&f, "x"));
    pqf_error_init(&err);
    assert_int_equal(pqf_source_open(in(&f, "x"), false, &source, &err), PQF_OK);
    assert_int_equal(truncate(in(&f, "x"), 150), 0);
    assert_int_equal(pqf_source_read_at(source, 0, out, 100, &err), PQF_OK);
    assert_int_equal(pqf_source_read_at(source, 100, out, 100, &err), PQF_IO);
    assert_int_equal(err.os_errno, EIO);
    assert_int_equal(err.file_offset, 100);
    pqf_source_free(source);
    folder_end(&f);
}

static void test_callback_fails(void **state) {
    (void)state;
    pqf_error err;
    pqf_source *source;
    int fails_with = EIO;
    uint8_t out[4];
    pqf_error_init(&err);
    assert_int_equal(
        pqf_source_open_callback(read_content, &fails_with, -1, &source, &err),
        PQF_INVALID);
    assert_int_equal(
        pqf_source_open_callback(read_content, &fails_with, SIZE, &source, &err), PQF_OK);
    assert_int_equal(pqf_source_read_at(source, 7, out, 4, &err), PQF_IO);
    assert_int_equal(err.os_errno, EIO);
    assert_int_equal(err.file_offset, 7);
    pqf_source_free(source);
}

static void test_counters(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    pqf_source *source;
    pqf_io_counters before, after;
    uint8_t out[100];
    folder_begin(&f);
    make_content();
    write_content(in(&f, "x"));
    pqf_error_init(&err);
    pqf_io_counters_get(&before);
    assert_int_equal(pqf_source_open(in(&f, "x"), false, &source, &err), PQF_OK);
    assert_int_equal(pqf_source_read_at(source, 0, out, 100, &err), PQF_OK);
    assert_int_equal(pqf_source_read_at(source, 0, out, 23, &err), PQF_OK);
    pqf_io_counters_get(&after);
    assert_int_equal(after.bytes_read - before.bytes_read, 123);
    assert_int_equal(after.reads - before.reads, 2);
    assert_int_equal(after.files_opened - before.files_opened, 1);
    pqf_source_free(source);
    folder_end(&f);
}

static int num_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_out_of_memory(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_text(in(&f, "x"), "abc");
    int before = num_descriptors(), n = 1;
    for (; n < 100; n++) {
        pqf_error err;
        pqf_source *source = NULL;
        pqf_error_init(&err);
        pqf_mem_fail_after(n);
        pqf_status status = pqf_source_open(in(&f, "x"), false, &source, &err);
        pqf_mem_fail_after(0);
        pqf_source_free(source);
        if (status == PQF_OK) break;
        assert_int_equal(status, PQF_NOMEM);
    }
    assert_in_range(n, 2, 20);
    assert_int_equal(num_descriptors(), before);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_from_everywhere),
        cmocka_unit_test(test_views_keep_slack),
        cmocka_unit_test(test_mapped_view),
        cmocka_unit_test(test_lent),
        cmocka_unit_test(test_no_memory_to_map),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_what_cannot_be_opened),
        cmocka_unit_test(test_file_that_shrinks),
        cmocka_unit_test(test_callback_fails),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
