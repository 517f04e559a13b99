/* SPDX-License-Identifier: Apache-2.0
 *
 * test_bloom.c: Bloom filters that are written: sizes, a filter that found its size itself against one
 * made for it, more values than hashes are collected of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "column/bloom.h"

static pqf_mem *mem;
static pqf_error err;
static const pqf_leaf int64_leaf = {.physical = PQF_PHYSICAL_INT64, .path = "v"};

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return used != 0;
}

/* Numbers [0, n), each `repeats` times. */
static void build(int64_t n, int repeats, double fpp, int64_t num_distinct,
                  pqf_buf *out) {
    pqf_bloom_builder b;
    pqf_bloom_init(&b, &int64_leaf, fpp, num_distinct, mem);
    pqf_buf_init(out, mem, 0);
    for (int r = 0; r < repeats; r++)
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(
                pqf_bloom_put_fixed(&b, (const uint8_t *)&i, 1, sizeof i, &err), PQF_OK);
    assert_int_equal(pqf_bloom_finish(&b, out, &err), PQF_OK);
    pqf_bloom_reset(&b);
}

static pqf_bytes bits_of(const pqf_buf *filter) {
    pqf_bloom_filter_header header;
    pqf_arena arena;
    size_t used;
    pqf_arena_init(&arena, mem);
    assert_int_equal(pqf_thrift_read(pqf_buf_view(filter),
                                     &pqf_bloom_filter_header_thrift, &header, &arena,
                                     NULL, &used, &err),
                     PQF_OK);
    pqf_arena_reset(&arena);
    assert_int_equal(used + (size_t)header.num_bytes, filter->len);
    return pqf_bytes_of(filter->data + used, (size_t)header.num_bytes);
}

static bool has(pqf_bytes bits, int64_t v) {
    uint64_t hash = pqf_xxh64(&v, sizeof v);
    return pqf_bloom_block_has(
        bits.data + pqf_bloom_block(hash, bits.len / PQF_BLOOM_BLOCK_BYTES) *
                        PQF_BLOOM_BLOCK_BYTES,
        hash);
}

static void test_sizes(void **state) {
    (void)state;
    assert_int_equal(pqf_bloom_bytes(0, 0.01), 32);
    assert_int_equal(pqf_bloom_bytes(1, 0.9), 32);
    /* 26,214 values have 10 bits each in 32 KiB */
    assert_int_equal(pqf_bloom_bytes(26214, 0.0127), 32768);
    assert_int_equal(pqf_bloom_bytes(26214, 0.005), 65536);
    assert_int_equal(pqf_bloom_bytes(INT64_MAX, 0.01), PQF_BLOOM_MAX_BYTES);
}

/* Folding gives what a filter of that size would have been, bit by bit. */
static void test_a_folded_filter_is_the_one_made_for_its_values(void **state) {
    (void)state;
    static const int64_t counts[] = {0, 1, 7, 100, 3000, 50000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        pqf_buf found, made;
        build(counts[i], 5, 0.01, 0, &found);
        build(counts[i], 1, 0.01, counts[i] ? counts[i] : 1, &made);
        assert_int_equal(found.len, made.len);
        assert_memory_equal(found.data, made.data, made.len);
        pqf_buf_reset(&found);
        pqf_buf_reset(&made);
    }
}

/* Beyond 2^20 hashes they go into bits that are far too many, and are folded. */
static void test_more_values_than_hashes_are_kept(void **state) {
    (void)state;
    const int64_t n = 3000, other = 100000;
    pqf_buf found, made;
    build(n, 400, 0.01, 0, &found);
    build(n, 1, 0.01, n, &made);
    assert_int_equal(found.len, made.len);
    assert_memory_equal(found.data, made.data, made.len);
    pqf_bytes bits = bits_of(&found);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++)
        assert_true(has(bits, i));
    for (int64_t i = n; i < n + other; i++)
        wrong += has(bits, i);
    assert_true(wrong < other / 100);
    pqf_buf_reset(&found);
    pqf_buf_reset(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_folded_filter_is_the_one_made_for_its_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_values_than_hashes_are_kept, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
