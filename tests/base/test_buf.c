/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/buf.c: appending across the border of big blocks, the maximum, the budget,
 * shrinking, failing allocations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

#include <string.h>

typedef struct fixture {
    pqf_mem *mem;
    pqf_error err;
    pqf_buf buf;
} fixture;

static fixture begin(int64_t budget, size_t max) {
    fixture f = {0};
    pqf_error_init(&f.err);
    assert_int_equal(pqf_mem_new(budget, &f.mem, &f.err), PQF_OK);
    pqf_buf_init(&f.buf, f.mem, max);
    return f;
}

static void end(fixture *f) {
    pqf_buf_reset(&f->buf);
    assert_int_equal(pqf_mem_used(f->mem), 0);
    pqf_mem_release(f->mem);
}

static void test_put_kinds(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    assert_int_equal(pqf_buf_put(&f.buf, "ab", 2, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_u8(&f.buf, 7, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_u32(&f.buf, 0x01020304, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_varint(&f.buf, 300, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 3, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put(&f.buf, NULL, 0, &f.err), PQF_OK);
    assert_int_equal(f.buf.len, 12);
    assert_memory_equal(f.buf.data, "ab\7\4\3\2\1\xAC\2\0\0\0", 12);
    end(&f);
}

static void test_varint_round_trip(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    for (int bit = 0; bit < 64; bit++)
        assert_int_equal(pqf_buf_put_varint(&f.buf, UINT64_MAX >> bit, &f.err), PQF_OK);
    pqf_cursor c = pqf_cursor_of(pqf_buf_view(&f.buf));
    for (int bit = 0; bit < 64; bit++)
        assert_true(pqf_cursor_varint(&c) == UINT64_MAX >> bit);
    assert_false(c.overrun);
    assert_int_equal(pqf_cursor_left(&c), 0);
    end(&f);
}

static void test_grows_across_big_blocks(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    for (uint32_t i = 0; i < 2000000; i++)
        if (pqf_buf_put_u32(&f.buf, i, &f.err) != PQF_OK) fail_msg("put %u", i);
    for (uint32_t i = 0; i < 2000000; i++)
        if (pqf_load_u32(f.buf.data + 4 * (size_t)i) != i) fail_msg("number %u", i);
    memset(f.buf.data + f.buf.cap, 1, PQF_SLACK);
    assert_int_equal(pqf_mem_used(f.mem), f.buf.cap);
    pqf_buf_shrink(&f.buf);
    assert_int_equal(f.buf.cap, 8000000);
    assert_int_equal(pqf_mem_used(f.mem), 8000000);
    assert_int_equal(pqf_load_u32(f.buf.data + 7999996), 1999999);
    end(&f);
}

static void test_maximum(void **state) {
    (void)state;
    fixture f = begin(0, 100);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 70, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 30, &f.err), PQF_OK);
    assert_int_equal(f.buf.cap, 100);
    assert_int_equal(pqf_buf_put_u8(&f.buf, 1, &f.err), PQF_LIMIT);
    assert_int_equal(pqf_buf_reserve(&f.buf, SIZE_MAX, &f.err), PQF_LIMIT);
    assert_int_equal(pqf_buf_exact(&f.buf, 101, &f.err), PQF_LIMIT);
    assert_int_equal(f.buf.len, 100);
    end(&f);
}

static void test_doubling_yields_to_the_budget(void **state) {
    (void)state;
    fixture f = begin(1000, 0);
    assert_int_equal(pqf_buf_exact(&f.buf, 600, &f.err), PQF_OK);
    assert_int_equal(f.buf.cap, 600);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 900, &f.err), PQF_OK);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 101, &f.err), PQF_LIMIT);
    end(&f);
}

static void test_shrink_small(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    pqf_buf_shrink(&f.buf);
    assert_int_equal(pqf_buf_exact(&f.buf, 10000, &f.err), PQF_OK);
    pqf_buf_put(&f.buf, "xyz", 3, &f.err);
    pqf_mem_fail_after(1);
    pqf_buf_shrink(&f.buf);
    assert_int_equal(f.buf.cap, 10000);
    pqf_buf_shrink(&f.buf);
    assert_int_equal(f.buf.cap, 3);
    assert_memory_equal(f.buf.data, "xyz", 3);
    end(&f);
}

static void test_failure_keeps_the_bytes(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    assert_int_equal(pqf_buf_put(&f.buf, "abc", 3, &f.err), PQF_OK);
    pqf_mem_fail_after(1);
    assert_int_equal(pqf_buf_put_zeros(&f.buf, 1000, &f.err), PQF_NOMEM);
    assert_int_equal(f.buf.len, 3);
    assert_memory_equal(f.buf.data, "abc", 3);
    end(&f);
}

static void test_take_moves(void **state) {
    (void)state;
    fixture f = begin(0, 0);
    assert_int_equal(pqf_buf_put(&f.buf, "abc", 3, &f.err), PQF_OK);
    pqf_buf taken = pqf_buf_take(&f.buf);
    assert_null(f.buf.data);
    assert_int_equal(f.buf.cap, 0);
    assert_int_equal(pqf_buf_put(&f.buf, "d", 1, &f.err), PQF_OK);
    assert_memory_equal(taken.data, "abc", 3);
    pqf_buf_reset(&taken);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_kinds),
        cmocka_unit_test(test_varint_round_trip),
        cmocka_unit_test(test_grows_across_big_blocks),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_doubling_yields_to_the_budget),
        cmocka_unit_test(test_shrink_small),
        cmocka_unit_test(test_failure_keeps_the_bytes),
        cmocka_unit_test(test_take_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
