/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/bytes.h and base/bits.h: the cursor at and beyond its end, varints, bitmaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "base/bytes.h"

static void test_cursor_overrun_is_sticky(void **state) {
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5};
    pqf_cursor c = pqf_cursor_of(pqf_bytes_of(bytes, 5));
    assert_int_equal(pqf_cursor_u32(&c), 0x04030201);
    assert_int_equal(pqf_cursor_left(&c), 1);
    assert_false(c.overrun);
    assert_int_equal(pqf_cursor_u32(&c), 0);
    assert_true(c.overrun);
    assert_int_equal(pqf_cursor_left(&c), 0);
    assert_int_equal(pqf_cursor_u8(&c), 0);
    assert_null(pqf_cursor_take(&c, UINT64_MAX).data);
    assert_true(c.overrun);
}

static uint64_t varint_of(const uint8_t *bytes, size_t len, bool *overrun) {
    pqf_cursor c = pqf_cursor_of(pqf_bytes_of(bytes, len));
    uint64_t v = pqf_cursor_varint(&c);
    *overrun = c.overrun;
    return v;
}

static void test_varints(void **state) {
    (void)state;
    bool overrun;
    const uint8_t most[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
    const uint8_t beyond[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    assert_int_equal(varint_of((const uint8_t *)"\xAC\x02", 2, &overrun), 300);
    assert_false(overrun);
    assert_true(varint_of(most, 10, &overrun) == UINT64_MAX);
    assert_false(overrun);
    assert_int_equal(varint_of(beyond, 10, &overrun), 0);
    assert_true(overrun);
    varint_of(most, 9, &overrun);
    assert_true(overrun);
}

static void test_zigzag(void **state) {
    (void)state;
    const int64_t values[] = {0, -1, 1, INT64_MAX, INT64_MIN, -12345};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_true(pqf_zigzag_decode(pqf_zigzag_encode(values[i])) == values[i]);
    assert_int_equal(pqf_zigzag_encode(-1), 1);
}

static void test_bits_load_against_single_bits(void **state) {
    (void)state;
    uint8_t bits[24];
    for (int i = 0; i < 24; i++)
        bits[i] = (uint8_t)(i * 37 + 11);
    for (int64_t at = 0; at < 100; at++) {
        for (int n = 1; n <= 64; n++) {
            uint64_t expected = 0;
            for (int i = 0; i < n; i++)
                expected |= (uint64_t)pqf_bit_get(bits, at + i) << i;
            assert_true(pqf_bits_load(bits, at, n) == expected);
        }
    }
}

static void test_bit_writes(void **state) {
    (void)state;
    uint8_t bits[2] = {0, 0xFF};
    pqf_bit_set(bits, 3);
    pqf_bit_put(bits, 15, false);
    pqf_bit_put(bits, 0, true);
    pqf_bit_put(bits, 8, false);
    assert_int_equal(bits[0], 0x09);
    assert_int_equal(bits[1], 0x7E);
    assert_int_equal(pqf_bits_bytes(0), 0);
    assert_int_equal(pqf_bits_bytes(9), 2);
    assert_int_equal(pqf_bit_width(0), 0);
    assert_int_equal(pqf_bit_width(255), 8);
    assert_int_equal(pqf_bit_width(UINT64_MAX), 64);
}

/* Every number of bits from every end, and all but one of them. */
static void test_popcount(void **state) {
    (void)state;
    assert_int_equal(pqf_popcount(0), 0);
    for (int n = 1; n <= 64; n++) {
        uint64_t low = UINT64_MAX >> (64 - n);
        assert_int_equal(pqf_popcount(low), n);
        assert_int_equal(pqf_popcount(low << (64 - n)), n);
        assert_int_equal(pqf_popcount(UINT64_C(1) << (n - 1)), 1);
        assert_int_equal(pqf_popcount(~(UINT64_C(1) << (n - 1))), 63);
    }
    assert_int_equal(pqf_popcount(UINT64_C(0x8421700F00F01248)), 19);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_overrun_is_sticky),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_zigzag),
        cmocka_unit_test(test_bits_load_against_single_bits),
        cmocka_unit_test(test_bit_writes),
        cmocka_unit_test(test_popcount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
