/* SPDX-License-Identifier: Apache-2.0
 *
 * Dictionaries that go out: those of several chunks become one, a small one goes in whole and in its
 * order, of a large one only what is used, and values from pages without codes are found in it.
 */
#include "reading_test.h"

static pqf_mem *mem;
static pqf_error err;
static pqf_field field;

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    field = (pqf_field){.layout = PQF_LEAF_FIXED, .arrow_width = 4, .index_format = "i"};
    return pqf_mem_new(0, &mem, &err);
}

static int teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return used != 0;
}

#define NUM 6000
static uint32_t values[NUM + PQF_SLACK];

/* The dictionary first, first + step, ... */
static void load(pqf_chunk_dict *d, uint32_t first, uint32_t step, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        values[i] = first + step * (uint32_t)i;
    pqf_chunk_dict_init(d, mem);
    d->dict = (pqf_dict){.layout = PQF_FIXED,
                         .width = 4,
                         .num_values = n,
                         .values = (const uint8_t *)values};
    d->loaded = true;
}

static pqf_status map(pqf_dict_out *out, pqf_chunk_dict *d, int64_t num_rows,
                      uint32_t *codes, int64_t n) {
    return pqf_dict_out_map(out, d, pqf_kernels_get(), num_rows, codes, n, &err);
}

static uint32_t value_at(const pqf_dict_out *out, uint32_t code) {
    return pqf_load_u32(pqf_dict_value(out->builder, code).data);
}

static void test_whole(void **state) {
    (void)state;
    pqf_dict_out *out;
    pqf_chunk_dict a, b;
    uint32_t codes[64] = {2, 0, 2};
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    load(&a, 100, 1, 5);
    assert_int_equal(map(out, &a, 3, codes, 3), PQF_OK);
    assert_true(a.is_identity);
    assert_int_equal(pqf_dict_num_values(out->builder), 5);
    assert_int_equal(codes[0], 2);
    load(&b, 108, (uint32_t)-2, 5); /* 108 106 104 102 100 */
    codes[0] = 0, codes[1] = 2, codes[2] = 4;
    assert_int_equal(map(out, &b, 3, codes, 3), PQF_OK);
    assert_int_equal(codes[0], 5);
    assert_int_equal(codes[1], 4);
    assert_int_equal(codes[2], 0);
    assert_int_equal(value_at(out, codes[0]), 108);
    assert_int_equal(pqf_dict_num_values(out->builder), 7);
    codes[0] = 1; /* the first one again: its map was displaced */
    pqf_chunk_dict_reset(&a);
    load(&a, 100, 1, 5);
    assert_int_equal(map(out, &a, 3, codes, 1), PQF_OK);
    assert_int_equal(value_at(out, codes[0]), 101);
    pqf_chunk_dict_reset(&a);
    pqf_chunk_dict_reset(&b);
    pqf_dict_out_free(out, mem);
}

static void test_only_used(void **state) {
    (void)state;
    pqf_dict_out *out, *next;
    pqf_chunk_dict d;
    uint32_t codes[2000 + PQF_SLACK];
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    load(&d, 7, 3, NUM);
    for (uint32_t i = 0; i < 2000; i++)
        codes[i] = 5999 - i % 10;
    assert_int_equal(map(out, &d, 2000, codes, 2000), PQF_OK);
    assert_int_equal(pqf_dict_num_values(out->builder), 10);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_int_equal(codes[i], i % 10);
        assert_int_equal(value_at(out, codes[i]), 7 + 3 * (5999 - i % 10));
    }
    /* The next batch begins anew, at whatever address. */
    pqf_dict_out_free(out, mem);
    assert_int_equal(pqf_dict_out_new(&field, mem, &next, &err), PQF_OK);
    codes[0] = 4;
    assert_int_equal(map(next, &d, 2000, codes, 1), PQF_OK);
    assert_int_equal(pqf_dict_num_values(next->builder), 1);
    assert_int_equal(value_at(next, codes[0]), 19);
    pqf_chunk_dict_reset(&d);
    pqf_dict_out_free(next, mem);
}

static void test_values_of_pages(void **state) {
    (void)state;
    pqf_dict_out *out;
    pqf_chunk_dict d;
    uint32_t codes[64] = {1}, plain[64] = {55, 101, 55, 100};
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    load(&d, 100, 1, 2);
    assert_int_equal(map(out, &d, 4, codes, 1), PQF_OK);
    assert_int_equal(pqf_dict_out_put_fixed(out, (const uint8_t *)plain, 4, codes, &err),
                     PQF_OK);
    static const uint32_t want[] = {2, 1, 2, 0};
    assert_memory_equal(codes, want, sizeof want);
    pqf_chunk_dict_reset(&d);
    pqf_dict_out_free(out, mem);
}

static void test_strings(void **state) {
    (void)state;
    pqf_dict_out *out;
    pqf_chunk_dict d;
    static const uint8_t bytes[128] = "onetwothree";
    static const uint32_t starts[] = {0, 3, 6}, lens[] = {3, 3, 5};
    static const int32_t ends[] = {3, 6, 6};
    uint32_t codes[64] = {2, 1};
    field.layout = PQF_LEAF_BINARY;
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    pqf_chunk_dict_init(&d, mem);
    d.dict = (pqf_dict){.layout = PQF_BINARY,
                        .num_values = 3,
                        .starts = starts,
                        .lens = lens,
                        .bytes = bytes,
                        .max_len = 5};
    assert_int_equal(map(out, &d, 2, codes, 2), PQF_OK);
    assert_int_equal(codes[0], 2);
    assert_int_equal(
        pqf_dict_out_put_binary(out, (const uint8_t *)"twoten", ends, 3, codes, &err),
        PQF_OK);
    assert_int_equal(codes[0], 1);
    assert_int_equal(codes[1], 3);
    assert_int_equal(codes[2], 4); /* the empty string */
    pqf_bytes ten = pqf_dict_value(out->builder, 3);
    assert_int_equal(ten.len, 3);
    assert_memory_equal(ten.data, "ten", 3);
    pqf_chunk_dict_reset(&d);
    pqf_dict_out_free(out, mem);
}

/* A chunk whose pages use none of it hands its dictionary out all the same. */
static void test_hold(void **state) {
    (void)state;
    pqf_dict_out *out;
    pqf_chunk_dict d;
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    pqf_chunk_dict_init(&d, mem);
    assert_int_equal(pqf_dict_out_hold(out, &d, INT64_MAX, &err), PQF_OK);
    assert_int_equal(pqf_dict_num_values(out->builder), 0);
    load(&d, 7, 1, NUM);
    assert_int_equal(pqf_dict_out_hold(out, &d, 10, &err), PQF_OK);
    assert_int_equal(pqf_dict_num_values(out->builder), 0);
    d.map_of = NULL;
    assert_int_equal(pqf_dict_out_hold(out, &d, INT64_MAX, &err), PQF_OK);
    assert_int_equal(pqf_dict_num_values(out->builder), NUM);
    pqf_chunk_dict_reset(&d);
    pqf_dict_out_free(out, mem);
}

static void test_booleans(void **state) {
    (void)state;
    pqf_dict_out *out;
    field.layout = PQF_LEAF_BITS;
    assert_int_equal(pqf_dict_out_new(&field, mem, &out, &err), PQF_OK);
    assert_int_equal(pqf_dict_num_values(out->builder), 2);
    assert_memory_equal(pqf_dict_page_bytes(out->builder).data, "\0\1", 2);
    pqf_dict_out_free(out, mem);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_whole),   T(test_only_used), T(test_values_of_pages),
        T(test_strings), T(test_hold),      T(test_booleans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
