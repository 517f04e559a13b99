/* SPDX-License-Identifier: Apache-2.0
 *
 * test_notes.c: bounds of written values by the rules of parquet.thrift: each order, NaN and signed
 * zeros, bounds that are cut, random values against a comparison one by one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "column/notes.h"

static pqf_mem *mem;
static pqf_error err;
static pqf_leaf leaf;
static pqf_field field;
static pqf_notes notes;
static pqf_statistics out;

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pqf_notes_reset(&notes);
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return used != 0;
}

static void begin(pqf_physical physical, int32_t type_length, pqf_order order,
                  bool utf8) {
    pqf_notes_reset(&notes);
    leaf = (pqf_leaf){.physical = physical, .type_length = type_length, .order = order};
    field = (pqf_field){.leaf = &leaf, .is_utf8 = utf8};
    pqf_notes_init(&notes, &field, false, pqf_kernels_get(), mem);
}

static void finish(void) {
    out = (pqf_statistics){0};
    pqf_notes_finish(&notes, &out);
}

/* PQF_SLACK behind the values for the kernels. */
static void put(const void *values, int64_t n, int32_t width) {
    uint8_t room[4096 + PQF_SLACK] = {0};
    assert_true(n * width <= 4096);
    memcpy(room, values, (size_t)(n * width));
    pqf_notes_count_nans(&notes, room, n);
    assert_int_equal(pqf_notes_put_fixed(&notes, room, n, &err), PQF_OK);
}

static void put_text(const char *text, size_t len) {
    pqf_slice slice = {(const uint8_t *)text, (uint32_t)len, 0};
    assert_int_equal(pqf_notes_put_slices(&notes, &slice, 1, &err), PQF_OK);
}

static void expect_bytes(pqf_bytes found, const void *expected, size_t len) {
    assert_int_equal(found.len, len);
    assert_memory_equal(found.data, expected, len);
}

#define EXPECT(physical_, order_, type, lo, hi, is_signed_, ...)                         \
    do {                                                                                 \
        const type values_[] = {__VA_ARGS__};                                            \
        type lo_ = lo, hi_ = hi;                                                         \
        begin(physical_, 0, order_, false);                                              \
        for (size_t i_ = 0; i_ < sizeof values_ / sizeof *values_; i_++)                 \
            put(&values_[i_], 1, sizeof(type));                                          \
        put(values_, sizeof values_ / sizeof *values_, sizeof(type));                    \
        finish();                                                                        \
        assert_true(out.has_min_value &&out.has_max_value);                              \
        assert_true(out.is_min_value_exact &&out.has_is_max_value_exact);                \
        expect_bytes(out.min_value, &lo_, sizeof lo_);                                   \
        expect_bytes(out.max_value, &hi_, sizeof hi_);                                   \
        assert_int_equal(out.has_min, is_signed_);                                       \
        assert_int_equal(out.has_max, is_signed_);                                       \
        if (is_signed_) expect_bytes(out.min, &lo_, sizeof lo_);                         \
    } while (0)

static void test_numbers(void **state) {
    (void)state;
    EXPECT(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, int32_t, INT32_MIN, 7, true, 7, -1,
           INT32_MIN, 0);
    EXPECT(PQF_PHYSICAL_INT32, PQF_ORDER_UNSIGNED, uint32_t, 1, UINT32_MAX, false, 7, 1,
           UINT32_MAX);
    EXPECT(PQF_PHYSICAL_INT64, PQF_ORDER_SIGNED, int64_t, INT64_MIN, INT64_MAX, true, 0,
           INT64_MAX, INT64_MIN);
    EXPECT(PQF_PHYSICAL_INT64, PQF_ORDER_UNSIGNED, uint64_t, 3, UINT64_MAX, false, 3,
           UINT64_MAX);
    EXPECT(PQF_PHYSICAL_FLOAT, PQF_ORDER_FLOAT, float, -1.5f, 2.5f, true, 2.5f, NAN,
           -1.5f, 0);
    EXPECT(PQF_PHYSICAL_DOUBLE, PQF_ORDER_FLOAT, double, -(double)INFINITY, 1e300, true,
           1e300, -(double)INFINITY, (double)NAN);
}

static void test_signed_zeros(void **state) {
    (void)state;
    EXPECT(PQF_PHYSICAL_DOUBLE, PQF_ORDER_FLOAT, double, -0.0, 0.0, true, 0.0);
    EXPECT(PQF_PHYSICAL_DOUBLE, PQF_ORDER_FLOAT, double, -0.0, 0.0, true, -0.0);
    EXPECT(PQF_PHYSICAL_FLOAT, PQF_ORDER_FLOAT, float, -0.0f, 3, true, 0, 3);
    EXPECT(PQF_PHYSICAL_FLOAT, PQF_ORDER_FLOAT, float, -3, 0.0f, true, -0.0f, -3);
}

static void test_nan(void **state) {
    (void)state;
    double nans[3] = {(double)NAN, -(double)NAN, (double)NAN};
    begin(PQF_PHYSICAL_DOUBLE, 0, PQF_ORDER_FLOAT, false);
    put(nans, 3, 8);
    finish();
    assert_false(out.has_min_value || out.has_max_value || out.has_min || out.has_max);
    assert_true(out.has_nan_count);
    assert_int_equal(out.nan_count, 3);
    double one = 1;
    put(&one, 1, 8);
    put(nans, 2, 8);
    finish();
    expect_bytes(out.min_value, &one, 8);
    expect_bytes(out.max_value, &one, 8);
    assert_int_equal(out.nan_count, 5);
    float small[2] = {NAN, 2};
    begin(PQF_PHYSICAL_FLOAT, 0, PQF_ORDER_FLOAT, false);
    put(small, 2, 4);
    finish();
    assert_int_equal(out.nan_count, 1);
    pqf_notes_clear(&notes);
    finish();
    assert_false(out.has_min_value);
    assert_int_equal(out.nan_count, 0);
    int32_t number = 1;
    begin(PQF_PHYSICAL_INT32, 0, PQF_ORDER_SIGNED, false);
    put(&number, 1, 4);
    finish();
    assert_false(out.has_nan_count);
}

static void test_half(void **state) {
    (void)state;
    uint16_t values[] = {0x3C00 /* 1 */, 0xC000 /* -2 */, 0x7E00 /* NaN */,
                         0xFC00 /* -inf */, 0};
    uint16_t zeros[] = {0, 0x8000};
    begin(PQF_PHYSICAL_FIXED, 2, PQF_ORDER_FLOAT16, false);
    put(values, 5, 2);
    finish();
    expect_bytes(out.min_value, "\x00\xFC", 2);
    expect_bytes(out.max_value, "\x00\x3C", 2);
    assert_int_equal(out.nan_count, 1);
    for (int i = 0; i < 2; i++) {
        begin(PQF_PHYSICAL_FIXED, 2, PQF_ORDER_FLOAT16, false);
        put(&zeros[i], 1, 2);
        finish();
        expect_bytes(out.min_value, "\x00\x80", 2);
        expect_bytes(out.max_value, "\x00\x00", 2);
    }
}

static void test_booleans(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_BOOLEAN, 0, PQF_ORDER_UNSIGNED, false);
    finish();
    assert_false(out.has_min_value);
    pqf_notes_put_booleans(&notes, 10, 10);
    finish();
    expect_bytes(out.min_value, "\1", 1);
    expect_bytes(out.max_value, "\1", 1);
    pqf_notes_put_booleans(&notes, 10, 0);
    finish();
    expect_bytes(out.min_value, "\0", 1);
    expect_bytes(out.max_value, "\1", 1);
    assert_true(out.has_min);
}

static void test_no_order(void **state) {
    (void)state;
    uint8_t value[12] = {1};
    begin(PQF_PHYSICAL_INT96, 0, PQF_ORDER_INT96, false);
    put(value, 1, 12);
    finish();
    assert_false(out.has_min_value || out.has_max_value || out.has_min ||
                 out.has_nan_count);
}

/* ---- byte strings ---- */

static void test_bytes_order(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_BYTE_ARRAY, 0, PQF_ORDER_BYTES, true);
    put_text("b", 1);
    put_text("abcdefghi", 9);
    put_text("abcdefgh", 8);
    put_text("\xC3\xA9", 2); /* above all of ASCII: bytes are unsigned */
    finish();
    expect_bytes(out.min_value, "abcdefgh", 8);
    expect_bytes(out.max_value, "\xC3\xA9", 2);
    assert_true(out.is_min_value_exact && out.is_max_value_exact);
    assert_false(out.has_min || out.has_max); /* the deprecated fields compare signed */
    put_text("", 0);
    put_text("\xC3\xA9\0", 3);
    finish();
    assert_true(out.has_min_value);
    expect_bytes(out.min_value, "", 0);
    expect_bytes(out.max_value, "\xC3\xA9\0", 3);
}

static void test_decimal_bytes(void **state) {
    (void)state;
    const uint8_t values[] = {0, 0, 1, 0xFF, 0xFF, 0xFE, 0x7F, 0, 0, 0x80, 0, 1};
    begin(PQF_PHYSICAL_FIXED, 3, PQF_ORDER_DECIMAL_BYTES, false);
    put(values, 4, 3);
    finish();
    expect_bytes(out.min_value, "\x80\0\1", 3);
    expect_bytes(out.max_value, "\x7F\0\0", 3);
    assert_true(out.has_min && out.has_max);
}

/* A FIXED value keeps its length whatever it is. */
static void test_long_fixed(void **state) {
    (void)state;
    uint8_t value[100];
    memset(value, 'x', sizeof value);
    begin(PQF_PHYSICAL_FIXED, 100, PQF_ORDER_BYTES, false);
    put(value, 1, 100);
    finish();
    assert_int_equal(out.min_value.len, 100);
    assert_int_equal(out.max_value.len, 100);
    assert_true(out.is_max_value_exact);
}

typedef struct cut_case {
    bool utf8;
    int prefix;       /* 'a' this many times */
    const char *tail; /* then this, then 'a' up to 100 bytes */
    size_t min_len;
    size_t max_len;       /* 0: no maximum */
    const char *max_tail; /* of the maximum, behind the prefix */
} cut_case;

static const cut_case cuts[] = {
    {true, 64, "", 64, 64, ""},                         /* ..aab */
    {true, 63, "\xC3\xA9", 63, 63, ""},                 /* cut between characters */
    {true, 62, "\xC3\xA9", 64, 64, "\xC3\xAA"},         /* next of two bytes */
    {true, 60, "\xF4\x8F\xBF\xBF", 64, 60, ""},         /* U+10FFFF: the one before it */
    {true, 61, "\xED\x9F\xBF", 64, 64, "\xEE\x80\x80"}, /* surrogates are skipped */
    {true, 63, "\x7F", 64, 63, ""},                     /* a byte more is no longer one */
    {false, 63, "\xFF", 64, 63, ""},
    {false, 63, "\x7F", 64, 64, "\x80"},
};

static void test_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const cut_case *c = &cuts[i];
        char value[100];
        memset(value, 'a', sizeof value);
        memcpy(value + c->prefix, c->tail, strlen(c->tail));
        begin(PQF_PHYSICAL_BYTE_ARRAY, 0, PQF_ORDER_BYTES, c->utf8);
        put_text(value, sizeof value);
        finish();
        assert_false(out.is_min_value_exact || out.is_max_value_exact);
        assert_true(out.has_is_min_value_exact && out.has_is_max_value_exact);
        expect_bytes(out.min_value, value, c->min_len);
        assert_int_equal(out.max_value.len, c->max_len);
        pqf_slice max = {out.max_value.data, (uint32_t)out.max_value.len, 0};
        assert_true(memcmp(max.data, value, max.len) > 0);
        size_t tail = strlen(c->max_tail);
        if (tail) assert_memory_equal(max.data + max.len - tail, c->max_tail, tail);
        if (c->utf8)
            assert_true(pqf_kernels_get()->utf8_valid(max.data, (int64_t)max.len));
    }
}

static void test_no_upper_bound(void **state) {
    (void)state;
    char value[80];
    memset(value, 0xFF, sizeof value);
    begin(PQF_PHYSICAL_BYTE_ARRAY, 0, PQF_ORDER_BYTES, false);
    put_text(value, sizeof value);
    finish();
    assert_true(out.has_min_value);
    assert_int_equal(out.min_value.len, 64);
    assert_false(out.has_max_value || out.has_is_max_value_exact);
    put_text(value, 64); /* shorter, so smaller: a minimum that needs no cut */
    finish();
    assert_true(out.is_min_value_exact);
}

/* ---- random ---- */

static int compare(pqf_slice a, pqf_slice b) {
    uint32_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (int)a.len - (int)b.len;
}

static void test_random_bytes(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        srand(seed);
        char bytes[200][12];
        pqf_slice values[200], min, max;
        int n = 1 + rand() % 200, letters = 1 + rand() % 255;
        for (int i = 0; i < n; i++) {
            values[i] = (pqf_slice){(uint8_t *)bytes[i], (uint32_t)(rand() % 13), 0};
            for (int k = 0; k < 12; k++)
                bytes[i][k] = (char)(rand() % letters);
            if (i == 0 || compare(values[i], min) < 0) min = values[i];
            if (i == 0 || compare(values[i], max) > 0) max = values[i];
        }
        begin(PQF_PHYSICAL_BYTE_ARRAY, 0, PQF_ORDER_BYTES, false);
        for (int at = 0, part; at < n; at += part) {
            part = 1 + rand() % (n - at);
            assert_int_equal(pqf_notes_put_slices(&notes, values + at, part, &err),
                             PQF_OK);
        }
        finish();
        if (out.min_value.len != min.len || out.max_value.len != max.len)
            fail_msg("seed %u: %zu and %zu bytes, not %u and %u", seed, out.min_value.len,
                     out.max_value.len, min.len, max.len);
        expect_bytes(out.min_value, min.data, min.len);
        expect_bytes(out.max_value, max.data, max.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half, setup, teardown),
        cmocka_unit_test_setup_teardown(test_booleans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_decimal_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_fixed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_upper_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
