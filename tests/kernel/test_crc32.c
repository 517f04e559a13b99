/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32 of all levels against the definition, bit by bit: all short lengths, lengths around steps,
 * between unmapped pages, whole and in parts.
 */
#include "kernel_test.h"

static uint8_t *area;

static uint32_t naive_crc(uint32_t seed, const uint8_t *p, int64_t n) {
    uint32_t c = ~seed;
    for (int64_t i = 0; i < n * 8; i++) {
        c ^= (uint32_t)(p[i / 8] >> (i % 8) & 1);
        c = c >> 1 ^ (c & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~c;
}

/* The last byte lies before an unmapped page: nothing behind it may be read. */
static uint8_t *place_exact(int64_t n) { return area + AREA - n; }

static void check_crc(const uint8_t *p, int64_t n) {
    uint32_t seed = (uint32_t)rnd(), want = naive_crc(seed, p, n);
    int64_t cut = rnd_below(n + 1);
    FOR_LEVELS(k) {
        CHECK(k->crc32(seed, p, n) == want, "%s crc32 of %d bytes", k->name, (int)n);
        CHECK(k->crc32(k->crc32(seed, p, cut), p + cut, n - cut) == want,
              "%s crc32 of %d bytes and %d", k->name, (int)cut, (int)(n - cut));
    }
}

static void test_known(void **state) {
    (void)state;
    FOR_LEVELS(k)
    assert_int_equal(k->crc32(0, (const uint8_t *)"123456789", 9), 0xCBF43926);
}

static void test_every_length(void **state) {
    (void)state;
    for (int64_t n = 0; n < 1200; n++)
        check_crc(n % 2 ? place_exact(n) : area, n);
}

static void test_long(void **state) {
    (void)state;
    for (int round = 0; round < 40; round++) {
        int64_t n = rnd_below(60000);
        uint8_t *p = place_exact(n);
        fill_random(p, n);
        check_crc(p, n);
    }
}

/* One bit somewhere shows. */
static void test_one_bit(void **state) {
    (void)state;
    enum { N = 2000 };
    uint8_t *p = place_exact(N);
    uint32_t before[NUM_LEVELS], level = 0;
    FOR_LEVELS(k) before[level++] = k->crc32(0, p, N);
    for (int i = 0; i < 300; i++) {
        int64_t bit = rnd_below(N * 8);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        level = 0;
        FOR_LEVELS(k)
        CHECK(k->crc32(0, p, N) != before[level++], "%s bit %d", k->name, (int)bit);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void) {
    seed_set();
    area = area_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known), cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_long), cmocka_unit_test(test_one_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
