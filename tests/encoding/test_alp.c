/* SPDX-License-Identifier: Apache-2.0
 *
 * ALP: the worked example of the specification byte for byte, values of all kinds to the bit and
 * back in pieces, and pages with every field damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "encoding/encoding.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FLOAT  4 /* parquet.thrift, Type */
#define DOUBLE 5

static pqf_mem *mem;
static pqf_error err;
static uint64_t seed;

static uint64_t rnd(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) != PQF_OK;
}

static int teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return used != 0;
}

/* ---- help ---- */

/* A page with slack behind it. */
static uint8_t *page_of(const void *bytes, size_t len) {
    uint8_t *page = calloc(len + PQF_SLACK, 1);
    if (!page) fail();
    if (len) memcpy(page, bytes, len);
    return page;
}

/* All values in pieces of about `step`, some of them skipped over. */
static pqf_status decode(const uint8_t *page, size_t len, int32_t physical, int64_t n,
                         int64_t step, uint8_t *out) {
    pqf_decoder d;
    pqf_buf kept;
    size_t width = physical == FLOAT ? 4 : 8;
    pqf_status status = PQF_OK;
    pqf_buf_init(&kept, mem, 0);
    TRY_DONE(pqf_decoder_begin(&d, pqf_kernels_get(), PQF_ALP, physical, (int32_t)width,
                               NULL, pqf_bytes_of(page, len), n, &kept, &err));
    for (int64_t at = 0; at < n;) {
        int64_t part = pqf_min_i64(n - at, 1 + (int64_t)(rnd() % (uint64_t)step));
        if (step > 1 && rnd() % 8 == 0) {
            TRY_DONE(pqf_decode_skip(&d, part, &err));
            memset(out + (size_t)at * width, 0xEE, (size_t)part * width);
        } else {
            TRY_DONE(pqf_decode_fixed(&d, part, out + (size_t)at * width, &err));
        }
        at += part;
    }
done:
    pqf_buf_reset(&kept);
    return status;
}

/* Encodes, decodes whole, by one and in pieces; returns the bytes of the page. */
static size_t round_trip(const void *values, int64_t n, int32_t physical) {
    pqf_buf buf;
    size_t width = physical == FLOAT ? 4 : 8, bytes = (size_t)n * width;
    uint8_t *plain = page_of(values, bytes), *out = page_of(NULL, 0);
    free(out);
    out = calloc(bytes + PQF_SLACK, 1);
    if (!out) fail();
    pqf_buf_init(&buf, mem, 0);
    assert_int_equal(pqf_encode_page(pqf_kernels_get(), PQF_ALP, physical, (int32_t)width,
                                     pqf_bytes_of(plain, bytes), n, &buf, &err),
                     PQF_OK);
    uint8_t *page = page_of(buf.data, buf.len);
    for (int round = 0; round < 6; round++) {
        int64_t step = round == 0 ? 1 : round == 1 ? 7 : round < 4 ? 700 : 5000;
        assert_int_equal(decode(page, buf.len, physical, n, step, out), PQF_OK);
        for (size_t i = 0; i < bytes; i += width) {
            bool skipped = step > 1 && out[i] == 0xEE && out[i + 1] == 0xEE;
            if (skipped || memcmp(out + i, plain + i, width) == 0) continue;
            print_error("seed %llu: value %zu of %lld differs\n",
                        (unsigned long long)seed, i / width, (long long)n);
            fail();
        }
    }
    size_t len = buf.len;
    pqf_buf_reset(&buf);
    free(page);
    free(plain);
    free(out);
    return len;
}

/* ---- the specification's examples ---- */

static const uint8_t nan_bytes[8] = {1, 2, 3, 4, 5, 6, 0xF8, 0xFF};

/* "Worked Example: Exceptions and Non-Zero Factor", its NaN with a payload. 15 bits each: 11665,
 * 11665, 21665, 0 are 0x2D91, 0x2D91, 0x54A1, 0. */
static size_t put_example(uint8_t *page) {
    static const uint8_t head[] = {0, 0, 10, 4, 0, 0, 0, 4, 0, 0, 0, 4, 3, 1, 0};
    memcpy(page, head, sizeof head);
    uint8_t *p = page + sizeof head;
    pqf_store_u64(p, 3335);
    p[8] = 15;
    uint64_t packed = 0x2D91 | UINT64_C(0x2D91) << 15 | UINT64_C(0x54A1) << 30;
    pqf_store_u64(p + 9, packed);
    p[17] = 1;
    p[18] = 0;
    memcpy(p + 19, nan_bytes, 8);
    return sizeof head + 27;
}

static void test_worked_example(void **state) {
    (void)state;
    uint8_t page[42 + PQF_SLACK] = {0};
    double got[4 + PQF_SLACK / 8];
    size_t len = put_example(page);
    assert_int_equal(len, 7 + 4 + 31);
    assert_int_equal(decode(page, len, DOUBLE, 4, 1, (uint8_t *)got), PQF_OK);
    assert_true(got[0] == 1500.0 && got[2] == 2500.0 && got[3] == 333.5);
    assert_memory_equal(&got[1], nan_bytes, 8);
}

/* "Frame of Reference and Bit-Packing": 111, 444, 777, 0 in 10 bits over a frame of 12. */
static void test_frame_of_reference(void **state) {
    (void)state;
    uint8_t page[64 + PQF_SLACK] = {0, 0, 3, 4, 0, 0,  0, 4, 0, 0,
                                    0, 0, 0, 0, 0, 12, 0, 0, 0, 10};
    float got[4 + PQF_SLACK / 4];
    uint64_t packed = 111 | 444 << 10 | 777 << 20;
    memcpy(page + 20, &packed, 5);
    assert_int_equal(decode(page, 25, FLOAT, 4, 1, (uint8_t *)got), PQF_OK);
    static const float want[] = {123, 456, 789, 12};
    assert_memory_equal(got, want, sizeof want);
}

/* The frame and the differences are added without regard to overflow. */
static void test_full_width(void **state) {
    (void)state;
    uint8_t page[64 + PQF_SLACK] = {0, 0, 3, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
    double got[2 + PQF_SLACK / 8];
    pqf_store_u64(page + 15, (uint64_t)INT64_MIN);
    page[23] = 64;
    pqf_store_u64(page + 24, 0);
    pqf_store_u64(page + 32, UINT64_MAX);
    assert_int_equal(decode(page, 40, DOUBLE, 2, 1, (uint8_t *)got), PQF_OK);
    assert_true(got[0] == -9223372036854775808.0 && got[1] == 9223372036854775808.0);
}

/* ---- values ---- */

static const double odd[] = {
    0.0,      -0.0,      1.0,     -1.0, 0.1,   0.3,    1e300, -1e300,           5e-324,
    INFINITY, -INFINITY, 123.456, 1e18, -1e18, 9.2e18, 1e-10, 3.14159265358979, 1e22};

static double make(int kind, int64_t i) {
    uint64_t bits = rnd();
    double v;
    switch (kind) {
    case 0: return (double)(i % 1000) / 100;
    case 1: return (double)((int64_t)(rnd() % 2000000) - 1000000) / 1000;
    case 2: memcpy(&v, &bits, sizeof v); return v;
    case 3: return odd[rnd() % (sizeof odd / sizeof *odd)];
    case 4: return 42.5;
    case 5: return rnd() % 50 ? (double)(rnd() % 100) / 10 : NAN;
    case 6: return (double)(int64_t)bits;
    default: return NAN;
    }
}

static void test_round_trips(void **state) {
    (void)state;
    static const int64_t lengths[] = {0, 1, 2, 7, 8, 1023, 1024, 1025, 3000, 20000};
    double *doubles = calloc(20000, sizeof *doubles);
    float *floats = calloc(20000, sizeof *floats);
    if (!doubles || !floats) fail();
    for (int kind = 0; kind < 8; kind++) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            seed = (uint64_t)(kind * 100) + l + 1;
            for (int64_t i = 0; i < lengths[l]; i++) {
                doubles[i] = make(kind, i);
                floats[i] = (float)make(kind, i);
                if (kind == 2) {
                    uint32_t bits = (uint32_t)rnd();
                    memcpy(&floats[i], &bits, sizeof bits);
                }
            }
            round_trip(doubles, lengths[l], DOUBLE);
            round_trip(floats, lengths[l], FLOAT);
        }
    }
    free(doubles);
    free(floats);
}

/* Decimals come to what their digits need: two decimals below 10 in 10 bits each, in float, where not
 * all products come out, in less than half; the one value in nothing but headers. */
static void test_sizes(void **state) {
    (void)state;
    double v[10240], one[10240];
    float f[10240];
    seed = 5;
    for (int i = 0; i < 10240; i++) {
        v[i] = (double)(i * 7 % 1000) / 100;
        f[i] = (float)(i * 7 % 1000) / 100;
        one[i] = 7.25;
    }
    assert_int_equal(round_trip(v, 10240, DOUBLE), 7 + 10 * (4 + 13 + 1280));
    assert_in_range(round_trip(f, 10240, FLOAT), 10240, 10240 * 4 / 2);
    assert_int_equal(round_trip(one, 10240, DOUBLE), 7 + 10 * (4 + 13));
}

/* ---- damage ---- */

static void expect_bad(size_t at, uint8_t byte, pqf_status status, const char *words) {
    uint8_t page[42 + PQF_SLACK] = {0};
    double got[4 + PQF_SLACK / 8];
    size_t len = put_example(page);
    page[at] = byte;
    pqf_error_init(&err);
    assert_int_equal(decode(page, len, DOUBLE, 4, 1, (uint8_t *)got), status);
    assert_non_null(strstr(err.message, words));
}

static void test_bad_fields(void **state) {
    (void)state;
    seed = 3;
    expect_bad(0, 1, PQF_UNSUPPORTED, "compression mode 1");
    expect_bad(1, 1, PQF_UNSUPPORTED, "integer encoding 1");
    expect_bad(2, 2, PQF_CORRUPT, "2^2");
    expect_bad(2, 16, PQF_CORRUPT, "2^16");
    expect_bad(3, 3, PQF_CORRUPT, "has 0 left");
    expect_bad(3, 5, PQF_CORRUPT, "5 values in a page of 4");
    expect_bad(6, 0x80, PQF_CORRUPT, "in a page of 4");
    expect_bad(7, 5, PQF_CORRUPT, "begins at 4");
    expect_bad(7, 3, PQF_CORRUPT, "begins at 4");
    expect_bad(10, 1, PQF_CORRUPT, "begins at 4");
    expect_bad(11, 19, PQF_CORRUPT, "exponent 19");
    expect_bad(12, 5, PQF_CORRUPT, "factor 5");
    expect_bad(13, 5, PQF_CORRUPT, "5 exceptions among 4");
    expect_bad(13, 2, PQF_CORRUPT, "needs 41");
    expect_bad(23, 65, PQF_CORRUPT, "65 bits");
    expect_bad(23, 17, PQF_CORRUPT, "needs 32");
    expect_bad(32, 4, PQF_CORRUPT, "place 4");
}

/* A vector ends where the next one begins. */
static void test_offsets(void **state) {
    (void)state;
    double v[1500], got[1500 + PQF_SLACK / 8];
    pqf_buf buf;
    seed = 9;
    for (int i = 0; i < 1500; i++)
        v[i] = i;
    uint8_t *plain = page_of(v, sizeof v);
    pqf_buf_init(&buf, mem, 0);
    assert_int_equal(pqf_encode_page(pqf_kernels_get(), PQF_ALP, DOUBLE, 8,
                                     pqf_bytes_of(plain, sizeof v), 1500, &buf, &err),
                     PQF_OK);
    uint8_t *page = page_of(buf.data, buf.len);
    page[11]++;
    pqf_error_init(&err);
    assert_int_equal(decode(page, buf.len, DOUBLE, 1500, 1, (uint8_t *)got), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "that needs"));
    free(page);
    free(plain);
    pqf_buf_reset(&buf);
}

/* Wherever the page is cut, an error and no byte beyond it; every byte changed, no crash. */
static void test_cut_and_changed(void **state) {
    (void)state;
    uint8_t example[42 + PQF_SLACK] = {0};
    double got[4 + PQF_SLACK / 8];
    size_t len = put_example(example);
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t *page = page_of(example, cut);
        assert_int_not_equal(decode(page, cut, DOUBLE, 4, 1, (uint8_t *)got), PQF_OK);
        free(page);
    }
    for (size_t at = 0; at < len * 256; at++) {
        uint8_t *page = page_of(example, len);
        page[at / 256] = (uint8_t)at;
        (void)decode(page, len, DOUBLE, 4, 1, (uint8_t *)got);
        free(page);
    }
}

static void test_wrong_types(void **state) {
    (void)state;
    assert_true(pqf_encoding_writes(PQF_ALP, FLOAT));
    assert_true(pqf_encoding_writes(PQF_ALP, DOUBLE));
    assert_false(pqf_encoding_writes(PQF_ALP, 2));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_worked_example), T(test_frame_of_reference),
        T(test_full_width),     T(test_round_trips),
        T(test_sizes),          T(test_bad_fields),
        T(test_offsets),        T(test_cut_and_changed),
        T(test_wrong_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
