/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of io/window.c: pages walked with any step give the source's bytes, nothing outside of the
 * range is read, reads are few, memory is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE  300000
#define BEGIN 1000
#define END   290000

static uint8_t content[SIZE];

typedef struct fixture {
    pqf_mem *mem;
    pqf_source *source;
    pqf_error err;
    int64_t least, most; /* bytes that were asked of the source */
    int num_reads;
    int64_t bytes_read;
    int fails_with;
} fixture;

static int read_content(void *context, int64_t offset, void *dst, size_t len) {
    fixture *f = context;
    if (f->fails_with) return f->fails_with;
    memcpy(dst, content + offset, len);
    if (offset < f->least) f->least = offset;
    if (offset + (int64_t)len > f->most) f->most = offset + (int64_t)len;
    f->num_reads++;
    f->bytes_read += (int64_t)len;
    return 0;
}

static void begin(fixture *f) {
    *f = (fixture){.least = SIZE};
    for (int i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 31 + i / 256 * 7 + i / 65536);
    pqf_error_init(&f->err);
    assert_int_equal(pqf_mem_new(0, &f->mem, &f->err), PQF_OK);
    assert_int_equal(pqf_source_open_callback(read_content, f, SIZE, &f->source, &f->err),
                     PQF_OK);
}

static void end(fixture *f) {
    pqf_source_free(f->source);
    assert_int_equal(pqf_mem_used(f->mem), 0);
    pqf_mem_release(f->mem);
}

/* The bytes and, as the sanitizer would tell, the slack behind them. */
static void check_view(pqf_window *w, int64_t offset, size_t len, pqf_bytes got) {
    (void)w;
    assert_int_equal(got.len, len);
    if (len) assert_memory_equal(got.data, content + offset, len);
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < PQF_SLACK; i++)
        sum = (uint8_t)(sum + got.data[len + i]);
}

/* Walks [BEGIN, END) as pages of header and body, some bodies copied, some skipped. */
static void walk(fixture *f, pqf_source *source, size_t step, size_t most_page,
                 unsigned seed) {
    pqf_window w;
    static uint8_t copy[SIZE];
    unsigned random = seed;
    pqf_window_init(&w, source, f->mem, BEGIN, END, step);
    for (int64_t at = BEGIN; at < END;) {
        pqf_bytes got;
        size_t left = (size_t)(END - at), peek = left < 256 ? left : 256;
        assert_int_equal(pqf_window_view(&w, at, 256, true, &got, &f->err), PQF_OK);
        check_view(&w, at, peek, got);
        random = random * 1103515245u + 12345u;
        size_t header = 20 + (random >> 16) % 30, body = (random >> 8) % most_page;
        if (header > left) break;
        at += (int64_t)header;
        if (body > (size_t)(END - at)) body = (size_t)(END - at);
        if ((random >> 28) < 3) {
            assert_int_equal(pqf_window_copy(&w, at, body, copy, &f->err), PQF_OK);
            if (body) assert_memory_equal(copy, content + at, body);
        } else if ((random >> 28) < 14) {
            assert_int_equal(pqf_window_view(&w, at, body, false, &got, &f->err), PQF_OK);
            check_view(&w, at, body, got);
        }
        at += (int64_t)body;
    }
    assert_true(w.cap <= (step + most_page + 1000) * 9 / 8);
    pqf_window_reset(&w);
    pqf_window_reset(&w);
    assert_int_equal(pqf_mem_used(f->mem), 0);
}

static void test_walks(void **state) {
    (void)state;
    const size_t steps[] = {0, 1, 300, 20000, 65536, 1 << 20};
    const size_t pages[] = {1, 100, 5000, 30000, 200000};
    fixture f;
    begin(&f);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (size_t p = 0; p < sizeof pages / sizeof *pages; p++)
            walk(&f, f.source, steps[s], pages[p], (unsigned)(s * 100 + p));
    assert_true(f.least >= BEGIN);
    assert_true(f.most <= END);
    end(&f);
}

static void test_walks_over_memory(void **state) {
    (void)state;
    fixture f;
    pqf_source *memory;
    begin(&f);
    pqf_bytes bytes = pqf_bytes_of(content, SIZE);
    assert_int_equal(pqf_source_open_memory(bytes, &memory, &f.err), PQF_OK);
    walk(&f, memory, 1000, 5000, 1);
    pqf_source_free(memory);
    end(&f);
}

static void test_view_of_memory_is_no_copy(void **state) {
    (void)state;
    fixture f;
    pqf_source *memory;
    pqf_window w;
    pqf_bytes got;
    begin(&f);
    pqf_bytes bytes = pqf_bytes_of(content, SIZE);
    assert_int_equal(pqf_source_open_memory(bytes, &memory, &f.err), PQF_OK);
    pqf_window_init(&w, memory, f.mem, 0, SIZE, 1000);
    assert_int_equal(pqf_window_view(&w, 5, 100, false, &got, &f.err), PQF_OK);
    assert_ptr_equal(got.data, content + 5);
    assert_int_equal(pqf_mem_used(f.mem), 0);
    /* At the end of the memory there is no slack. */
    assert_int_equal(pqf_window_view(&w, SIZE - 10, 10, false, &got, &f.err), PQF_OK);
    assert_ptr_not_equal(got.data, content + SIZE - 10);
    check_view(&w, SIZE - 10, 10, got);
    pqf_window_reset(&w);
    pqf_source_free(memory);
    end(&f);
}

static void test_reads_are_few(void **state) {
    (void)state;
    fixture f;
    pqf_window w;
    pqf_bytes got;
    begin(&f);
    pqf_window_init(&w, f.source, f.mem, 0, SIZE, 1 << 20);
    for (int64_t at = 0; at < SIZE; at += 1000)
        assert_int_equal(pqf_window_view(&w, at, 1000, false, &got, &f.err), PQF_OK);
    assert_int_equal(f.num_reads, 1);
    pqf_window_reset(&w);
    f.num_reads = 0;
    f.bytes_read = 0;
    pqf_window_init(&w, f.source, f.mem, 0, SIZE, 100000);
    for (int64_t at = 0; at < SIZE; at += 1000) {
        assert_int_equal(pqf_window_view(&w, at, 300, true, &got, &f.err), PQF_OK);
        assert_int_equal(pqf_window_view(&w, at, 1000, false, &got, &f.err), PQF_OK);
    }
    assert_true(f.num_reads <= 4);
    assert_int_equal(f.bytes_read, SIZE); /* none twice */
    pqf_window_reset(&w);
    end(&f);
}

static void test_ranges(void **state) {
    (void)state;
    fixture f;
    pqf_window w;
    pqf_bytes got;
    uint8_t out[16];
    begin(&f);
    pqf_window_init(&w, f.source, f.mem, BEGIN, END, 100);
    assert_int_equal(pqf_window_view(&w, END, 10, true, &got, &f.err), PQF_OK);
    assert_int_equal(got.len, 0);
    assert_int_equal(pqf_window_view(&w, END, 0, false, &got, &f.err), PQF_OK);
    check_view(&w, END, 0, got);
    const int64_t bad[][2] = {{BEGIN - 1, 1}, {END, 1},       {END - 1, 2}, {END + 1, 0},
                              {INT64_MIN, 5}, {INT64_MAX, 5}, {BEGIN, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len = (size_t)bad[i][1];
        assert_int_equal(pqf_window_view(&w, bad[i][0], len, false, &got, &f.err),
                         PQF_CORRUPT);
        assert_int_equal(pqf_window_copy(&w, bad[i][0], len, out, &f.err), PQF_CORRUPT);
    }
    assert_int_equal(pqf_window_view(&w, BEGIN - 1, 5, true, &got, &f.err), PQF_CORRUPT);
    pqf_window_reset(&w);
    end(&f);
}

static void test_range_beyond_the_file_allocates_nothing(void **state) {
    (void)state;
    fixture f;
    pqf_window w;
    pqf_bytes got;
    begin(&f);
    const int64_t bad[][2] = {{0, INT64_MAX}, {-5, 100}, {100, 50}, {0, SIZE + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pqf_window_init(&w, f.source, f.mem, bad[i][0], bad[i][1], SIZE_MAX / 2);
        assert_int_equal(pqf_window_view(&w, 0, 10, true, &got, &f.err), PQF_CORRUPT);
        assert_int_equal(pqf_mem_peak(f.mem), 0);
    }
    assert_int_equal(f.num_reads, 0);
    end(&f);
}

static void test_failed_read_leaves_the_window_usable(void **state) {
    (void)state;
    fixture f;
    pqf_window w;
    pqf_bytes got;
    begin(&f);
    pqf_window_init(&w, f.source, f.mem, BEGIN, END, 30000);
    assert_int_equal(pqf_window_view(&w, BEGIN, 100, false, &got, &f.err), PQF_OK);
    f.fails_with = EIO;
    assert_int_equal(pqf_window_view(&w, BEGIN + 10, 50000, false, &got, &f.err), PQF_IO);
    assert_int_equal(pqf_window_view(&w, BEGIN + 29990, 20, false, &got, &f.err), PQF_IO);
    f.fails_with = 0;
    assert_int_equal(pqf_window_view(&w, BEGIN + 29990, 5, false, &got, &f.err), PQF_OK);
    check_view(&w, BEGIN + 29990, 5, got);
    assert_int_equal(pqf_window_view(&w, BEGIN, 100, false, &got, &f.err), PQF_OK);
    check_view(&w, BEGIN, 100, got);
    pqf_window_reset(&w);
    end(&f);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fixture f;
    pqf_window w;
    pqf_bytes got;
    begin(&f);
    pqf_window_init(&w, f.source, f.mem, BEGIN, END, 1000);
    pqf_mem_fail_after(1);
    assert_int_equal(pqf_window_view(&w, BEGIN, 10, false, &got, &f.err), PQF_NOMEM);
    assert_int_equal(pqf_window_view(&w, BEGIN, 10, false, &got, &f.err), PQF_OK);
    pqf_mem_fail_after(1);
    assert_int_equal(pqf_window_view(&w, BEGIN, 90000, false, &got, &f.err), PQF_NOMEM);
    assert_int_equal(pqf_window_view(&w, BEGIN, 90000, false, &got, &f.err), PQF_OK);
    check_view(&w, BEGIN, 90000, got);
    pqf_window_reset(&w);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_walks_over_memory),
        cmocka_unit_test(test_view_of_memory_is_no_copy),
        cmocka_unit_test(test_reads_are_few),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_range_beyond_the_file_allocates_nothing),
        cmocka_unit_test(test_failed_read_leaves_the_window_usable),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
