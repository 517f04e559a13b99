/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of encoding/dict_builder.c: codes against a search through all values so far,
 * growth, the maximum of the page, leaving the dictionary, memory that runs out.
 */
#include "values.h"

static pqf_dict_builder *builder_new(value_kind kind) {
    pqf_dict_builder *b = NULL;
    expect_ok(pqf_dict_builder_new(kind.layout, kind.width, test_mem, &b, &test_err));
    return b;
}

/* Puts values [at, at + n) from memory of which nothing but the values may be read. */
static pqf_status put(pqf_dict_builder *b, const values *v, int64_t at, int64_t n,
                      size_t max_bytes, uint32_t *codes, int64_t *num_put) {
    if (v->kind.layout == PQF_FIXED) {
        return pqf_dict_put_fixed(b, v->bytes + at * v->kind.width, n, max_bytes, codes,
                                  num_put, &test_err);
    }
    return pqf_dict_put_binary(b, v->slices + at, n, max_bytes, codes, num_put,
                               &test_err);
}

/* Each string in an allocation of its own, so that they have gaps. */
static void scatter(values *v) {
    for (int64_t i = 0; i < v->n; i++) {
        v->slices[i].data = exact_copy(v->slices[i].data, v->slices[i].len);
        v->slices[i].num_readable = v->slices[i].len;
    }
}
static void scattered_free(values *v) {
    for (int64_t i = 0; i < v->n; i++)
        free((uint8_t *)(uintptr_t)v->slices[i].data);
    values_free(v);
}

/* ---- the reference ---- */

/* Codes by looking through all distinct values; their PLAIN bytes. */
typedef struct naive {
    uint32_t *codes;
    int64_t *firsts; /* index in values of each distinct value */
    int64_t num;
    pqf_buf page;
} naive;

static naive naive_new(const values *v) {
    naive ref = {.page = buf_new()};
    ref.codes = malloc((size_t)v->n * sizeof *ref.codes + 1);
    ref.firsts = malloc((size_t)v->n * sizeof *ref.firsts + 1);
    for (int64_t i = 0; i < v->n; i++) {
        int64_t c = 0;
        while (c < ref.num &&
               !same_value(v->slices[ref.firsts[c]], v->slices[i].data, v->slices[i].len))
            c++;
        ref.codes[i] = (uint32_t)c;
        if (c < ref.num) continue;
        ref.firsts[ref.num++] = i;
        if (v->kind.layout == PQF_BINARY) {
            expect_ok(pqf_buf_put_u32(&ref.page, v->slices[i].len, &test_err));
        }
        expect_ok(pqf_buf_put(&ref.page, v->slices[i].data, v->slices[i].len, &test_err));
    }
    return ref;
}

static void naive_free(naive *ref) {
    free(ref->codes);
    free(ref->firsts);
    pqf_buf_reset(&ref->page);
}

static void check_same(const pqf_dict_builder *b, const values *v, const naive *ref,
                       const uint32_t *codes) {
    CHECK(pqf_dict_num_values(b) == ref->num, "%d values, not %d",
          (int)pqf_dict_num_values(b), (int)ref->num);
    CHECK(v->n == 0 || memcmp(codes, ref->codes, (size_t)v->n * sizeof *codes) == 0,
          "codes of %d values", (int)v->n);
    pqf_bytes page = pqf_dict_page_bytes(b);
    CHECK(page.len == ref->page.len &&
              (page.len == 0 || memcmp(page.data, ref->page.data, page.len) == 0),
          "page of %d bytes", (int)page.len);
    for (int64_t i = 0; i < ref->num; i++) {
        pqf_bytes value = pqf_dict_value(b, i);
        CHECK(same_value(v->slices[ref->firsts[i]], value.data, value.len), "value %d",
              (int)i);
    }
}

/* ---- tests ---- */

static void check_against_naive(values *v, pqf_dict_builder *b) {
    naive ref = naive_new(v);
    uint32_t *codes = malloc((size_t)v->n * sizeof *codes + 1);
    for (int64_t at = 0, step; at < v->n; at += step) {
        int64_t num_put = -1;
        step = rnd_step(v->n - at);
        expect_ok(put(b, v, at, step, SIZE_MAX, codes + at, &num_put));
        CHECK(num_put == step, "%d of %d taken", (int)num_put, (int)step);
    }
    check_same(b, v, &ref, codes);
    free(codes);
    naive_free(&ref);
}

static void test_naive(void **state) {
    (void)state;
    for (int k = 1; k < NUM_KINDS; k++) {
        pqf_dict_builder *b = builder_new(value_kinds[k]);
        for (int g = 0; g < NUM_GENERATORS * 3; g++) {
            rnd_start((uint64_t)(k * 100 + g));
            int64_t n = rnd_below(g < NUM_GENERATORS ? 2500 : 60);
            values v = values_new(value_kinds[k], n, (generator)(g % NUM_GENERATORS));
            check_against_naive(&v, b);
            pqf_dict_builder_clear(b); /* used again */
            values_free(&v);
        }
        pqf_dict_builder_free(b);
    }
}

static void test_scattered(void **state) {
    (void)state;
    for (int k = 1; k < NUM_KINDS; k++) {
        if (value_kinds[k].layout != PQF_BINARY) continue;
        rnd_start((uint64_t)k);
        pqf_dict_builder *b = builder_new(value_kinds[k]);
        values v = values_new(value_kinds[k], 2500, ASCENDING);
        uint8_t *blob = v.bytes;
        scatter(&v);
        check_against_naive(&v, b);
        pqf_dict_builder_free(b);
        v.bytes = NULL;
        scattered_free(&v);
        free(blob);
    }
}

/* Strings that differ in their length or last byte alone, with zeros inside. */
static void test_near_misses(void **state) {
    (void)state;
    rnd_start(1);
    values v = {.kind = {PQF_BINARY, 100}, .n = 300};
    v.bytes = calloc(400, 1);
    v.slices = malloc(300 * sizeof *v.slices);
    for (uint32_t i = 0; i < 100; i++) {
        v.slices[i * 3] = (pqf_slice){v.bytes, i, i % 2 ? i : 400}; /* i zeros */
        v.slices[i * 3 + 1] =
            (pqf_slice){v.bytes + 200 - i, i + 1, i + 1}; /* i zeros and a 1 */
        v.slices[i * 3 + 2] = (pqf_slice){v.bytes + 1, i, i % 2 ? 399 : i};
    }
    v.bytes[200] = 1;
    pqf_dict_builder *b = builder_new(v.kind);
    check_against_naive(&v, b);
    assert_int_equal(pqf_dict_num_values(b), 200);
    pqf_dict_builder_free(b);
    values_free(&v);
}

/* Strings that are equal but for the number of zeros at their ends. */
static void test_lengths(void **state) {
    (void)state;
    pqf_dict_builder *b = builder_new((value_kind){PQF_BINARY, 0});
    for (uint64_t base = 1; base <= 100; base++) {
        uint8_t bytes[16] = {0};
        pqf_slice slices[7];
        uint32_t codes[7];
        int64_t num_put;
        make_value(bytes, 10, base);
        for (uint32_t i = 0; i < 7; i++)
            slices[i] = (pqf_slice){bytes, 10 + i, base % 2 ? 16 : 10 + i};
        pqf_dict_builder_clear(b);
        expect_ok(
            pqf_dict_put_binary(b, slices, 7, SIZE_MAX, codes, &num_put, &test_err));
        for (uint32_t i = 0; i < 7; i++)
            CHECK(codes[i] == i, "length %u has code %u", (unsigned)i + 10,
                  (unsigned)codes[i]);
    }
    pqf_dict_builder_free(b);
}

/* The factor that the hash of long strings xors to their first word makes the product 0,
 * whatever comes next: equal hashes of strings that differ. */
static void test_equal_hashes(void **state) {
    (void)state;
    uint8_t bytes[3][40] = {{0}};
    pqf_slice slices[3];
    uint32_t codes[3];
    int64_t num_put;
    for (int i = 0; i < 3; i++) {
        pqf_store_u64(bytes[i], UINT64_C(0xBB67AE8584CAA73B));
        bytes[i][10] = (uint8_t)(i % 2);
        slices[i] = (pqf_slice){bytes[i], 40, 40};
    }
    pqf_dict_builder *b = builder_new((value_kind){PQF_BINARY, 0});
    expect_ok(pqf_dict_put_binary(b, slices, 3, SIZE_MAX, codes, &num_put, &test_err));
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], 1);
    assert_int_equal(codes[2], 0);
    pqf_dict_builder_free(b);
}

/* A hundred thousand values: every growth of the table; the second time all are known. */
static void test_growth(void **state) {
    (void)state;
    static const value_kind kinds[] = {{PQF_FIXED, 4}, {PQF_FIXED, 8}, {PQF_FIXED, 16}};
    for (int k = 0; k < 3; k++) {
        const int64_t n = 100000;
        uint8_t *bytes = calloc((size_t)n, (size_t)kinds[k].width);
        for (int64_t i = 0; i < n; i++)
            pqf_store_u32(bytes + i * kinds[k].width, (uint32_t)i << (k == 1 ? 12 : 0));
        uint32_t *codes = malloc((size_t)n * sizeof *codes);
        pqf_dict_builder *b = builder_new(kinds[k]);
        for (int round = 0; round < 2; round++) {
            int64_t num_put;
            memset(codes, 0xFF, (size_t)n * sizeof *codes);
            expect_ok(
                pqf_dict_put_fixed(b, bytes, n, SIZE_MAX, codes, &num_put, &test_err));
            assert_int_equal(num_put, n);
            for (int64_t i = 0; i < n; i++)
                CHECK(codes[i] == i, "value %d has code %u", (int)i, (unsigned)codes[i]);
        }
        assert_int_equal(pqf_dict_page_bytes(b).len, n * kinds[k].width);
        assert_memory_equal(pqf_dict_page_bytes(b).data, bytes,
                            (size_t)(n * kinds[k].width));
        int64_t before = pqf_mem_used(test_mem);
        pqf_dict_builder_fold(b);
        assert_int_equal(before - pqf_mem_used(test_mem),
                         pqf_dict_table_bytes(kinds[k].layout, kinds[k].width, n));
        pqf_dict_builder_free(b);
        free(codes);
        free(bytes);
    }
}

/* Multiples of the inverse of the hash's factor: without a second hash all of them share
 * a slot, and this test would take minutes. */
static void test_pile_up(void **state) {
    (void)state;
    const uint64_t factor = UINT64_C(0x6A09E667F3BCC909);
    const int64_t n = 60000;
    uint64_t inverse = factor;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - factor * inverse;
    assert_true(inverse * factor == 1);
    uint64_t *words = malloc((size_t)n * sizeof *words);
    uint32_t *codes = malloc((size_t)n * sizeof *codes);
    for (int64_t i = 0; i < n; i++)
        words[i] = inverse * (uint64_t)(i / 2);
    pqf_dict_builder *b = builder_new((value_kind){PQF_FIXED, 8});
    for (int round = 0; round < 20; round++) {
        int64_t num_put;
        expect_ok(pqf_dict_put_fixed(b, words, n, SIZE_MAX, codes, &num_put, &test_err));
        for (int64_t i = 0; i < n; i++)
            CHECK(codes[i] == i / 2, "value %d has code %u", (int)i, (unsigned)codes[i]);
        if (round == 10) pqf_dict_builder_clear(b);
    }
    pqf_dict_builder_free(b);
    free(codes);
    free(words);
}

/* The first value that does not fit stops the call; known values go on being taken. */
static void check_maximum(const values *v, size_t max_bytes) {
    naive ref = naive_new(v);
    pqf_dict_builder *b = builder_new(v->kind);
    uint32_t *codes = malloc((size_t)v->n * sizeof *codes + 1);
    int64_t expect = 0, num_put = -1;
    size_t page = 0, prefix = v->kind.layout == PQF_BINARY ? 4 : 0;
    for (int64_t num = 0; expect < v->n; expect++) {
        if (ref.codes[expect] < num) continue;
        if (page + prefix + v->slices[expect].len > max_bytes) break;
        page += prefix + v->slices[expect].len;
        num++;
    }
    expect_ok(put(b, v, 0, v->n, max_bytes, codes, &num_put));
    CHECK(num_put == expect, "%d of %d values in %d bytes, expected %d", (int)num_put,
          (int)v->n, (int)max_bytes, (int)expect);
    CHECK(pqf_dict_page_bytes(b).len == page, "%d bytes",
          (int)pqf_dict_page_bytes(b).len);
    for (int64_t i = 0; i < num_put; i++)
        CHECK(codes[i] == ref.codes[i], "code %d", (int)i);
    if (num_put < v->n) { /* still full */
        expect_ok(put(b, v, num_put, 1, max_bytes, codes, &num_put));
        CHECK(num_put == 0, "%d taken", (int)num_put);
    }
    pqf_dict_builder_free(b);
    naive_free(&ref);
    free(codes);
}

static void test_maximum(void **state) {
    (void)state;
    for (int k = 1; k < NUM_KINDS; k++) {
        for (uint64_t seed = 0; seed < 12; seed++) {
            rnd_start(seed * 100 + (uint64_t)k);
            values v =
                values_new(value_kinds[k], 900, (generator)(seed % NUM_GENERATORS));
            check_maximum(
                &v, seed == 0 ? 0 : (size_t)rnd_below(900 * (value_kinds[k].width + 2)));
            values_free(&v);
        }
    }
}

static void test_expand(void **state) {
    (void)state;
    for (int k = 1; k < NUM_KINDS; k++) {
        rnd_start((uint64_t)k);
        values v = values_new(value_kinds[k], 3000, k % 2 ? FEW : DISTINCT);
        pqf_dict_builder *b = builder_new(v.kind);
        uint32_t *codes = malloc(3000 * sizeof *codes);
        int64_t num_put;
        pqf_buf out = buf_new(), plain = buf_new();
        expect_ok(put(b, &v, 0, v.n, SIZE_MAX, codes, &num_put));
        expect_ok(pqf_dict_expand(b, codes, 0, &out, &test_err));
        for (int64_t at = 0, step; at < v.n; at += step) {
            step = rnd_step(v.n - at);
            expect_ok(pqf_dict_expand(b, codes + at, step, &out, &test_err));
        }
        if (v.kind.layout == PQF_FIXED) {
            expect_ok(pqf_plain_put_fixed(v.bytes, v.n, v.kind.width, &plain, &test_err));
        } else {
            expect_ok(pqf_plain_put_binary(v.slices, v.n, &plain, &test_err));
        }
        CHECK(out.len == plain.len &&
                  (out.len == 0 || memcmp(out.data, plain.data, out.len) == 0),
              "kind %d: %d bytes, not %d", k, (int)out.len, (int)plain.len);
        pqf_buf_reset(&out);
        pqf_buf_reset(&plain);
        pqf_dict_builder_free(b);
        free(codes);
        values_free(&v);
    }
}

/* The n-th allocation fails: the call fails, what was there stays, the next call goes
 * on. */
static void test_no_memory(void **state) {
    (void)state;
    static const int kinds[] = {1, 2, 3, 10, 15};
    for (int k = 0; k < 5; k++) {
        rnd_start((uint64_t)k);
        values v = values_new(value_kinds[kinds[k]], 3000, DISTINCT);
        uint32_t *codes = malloc(3000 * sizeof *codes);
        int64_t failures = 0;
        for (int64_t nth = 1;; nth++) {
            pqf_dict_builder *b = NULL;
            int64_t num_put = 0;
            pqf_mem_fail_after(nth);
            pqf_status status = pqf_dict_builder_new(v.kind.layout, v.kind.width,
                                                     test_mem, &b, &test_err);
            bool made = status == PQF_OK;
            if (made) status = put(b, &v, 0, v.n, SIZE_MAX, codes, &num_put);
            pqf_mem_fail_after(0);
            failures += status != PQF_OK;
            if (made && status != PQF_OK) {
                expect_fail(status, PQF_NOMEM, "");
                naive ref = naive_new(&v);
                expect_ok(put(b, &v, 0, v.n, SIZE_MAX, codes, &num_put));
                check_same(b, &v, &ref, codes);
                naive_free(&ref);
            }
            if (made) pqf_dict_builder_free(b);
            if (status == PQF_OK) break;
        }
        CHECK(failures >= 4, "%d", (int)failures);
        free(codes);
        values_free(&v);
    }
}

static void test_refused(void **state) {
    (void)state;
    pqf_dict_builder *b = NULL;
    expect_fail(pqf_dict_builder_new(PQF_BITS, 0, test_mem, &b, &test_err), PQF_INVALID,
                "dictionary");
    expect_fail(pqf_dict_builder_new(PQF_FIXED, -1, test_mem, &b, &test_err), PQF_INVALID,
                "dictionary");
    assert_null(b);
    pqf_dict_builder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naive),        cmocka_unit_test(test_scattered),
        cmocka_unit_test(test_near_misses),  cmocka_unit_test(test_growth),
        cmocka_unit_test(test_pile_up),      cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_equal_hashes), cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_expand),       cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, mem_setup, mem_teardown);
}
