/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitmap kernels and levels of all instruction sets against loops over single bits.
 */
#include "kernel_test.h"

static uint8_t *in_area, *mask_area, *out_area;

/* A case: n bits, three bit positions, three places. */
typedef struct bit_case {
    int64_t n, at, mask_at, to;
    uint8_t *in, *mask, *out, *before;
    int64_t out_bytes;
} bit_case;

/* Positions are within the first bytes, so they also cross a whole word. */
static bit_case case_new(int64_t n, uint8_t *before) {
    bit_case c = {
        .n = n, .at = rnd_below(70), .mask_at = rnd_below(70), .to = rnd_below(70)};
    int64_t in_bytes = pqf_bits_bytes(c.at + n),
            mask_bytes = pqf_bits_bytes(c.mask_at + n);
    c.in = place(in_area, in_bytes, (int)rnd_below(NUM_PLACES));
    c.mask = place(mask_area, mask_bytes, (int)rnd_below(NUM_PLACES));
    fill_bitmap_any(c.in, in_bytes);
    fill_bitmap_any(c.mask, mask_bytes);
    c.out_bytes = pqf_bits_bytes(c.to + n);
    c.out = place(out_area, c.out_bytes, (int)rnd_below(NUM_PLACES));
    c.before = before;
    fill_random(before, c.out_bytes);
    return c;
}

/* `before` is what out held; `count` bits from `to` must be `expect`, those before untouched, those
 * behind (in the bytes of the range) untouched or cleared. */
static void check_out(const bit_case *c, const char *level, const char *name,
                      const uint8_t *expect, int64_t count) {
    for (int64_t i = 0; i < c->out_bytes * 8; i++) {
        bool got = pqf_bit_get(c->out, i), old = pqf_bit_get(c->before, i);
        bool good = i < c->to           ? got == old
                    : i < c->to + count ? got == pqf_bit_get(expect, i - c->to)
                                        : !got || old;
        CHECK(good, "%s %s n %d at %d mask_at %d to %d: bit %d of %d is %d", level, name,
              (int)c->n, (int)c->at, (int)c->mask_at, (int)c->to, (int)(i - c->to),
              (int)count, got);
    }
}

#define RUN(level, what, count, call)                                                    \
    do {                                                                                 \
        memcpy(c.out, c.before, (size_t)c.out_bytes);                                    \
        int64_t got_ = call;                                                             \
        CHECK(got_ == (count), "%s %s n %d returns %d, not %d", (level)->name, what,     \
              (int)c.n, (int)got_, (int)(count));                                        \
    } while (0)

static uint8_t before[AREA], expect[AREA];

static void check_copy(int64_t n) {
    bit_case c = case_new(n, before);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        bool v = pqf_bit_get(c.in, c.at + i);
        pqf_bit_put(expect, i, v);
        count += v;
    }
    FOR_LEVELS(k) {
        RUN(k, "copy_bits", count, k->copy_bits(c.in, c.at, n, c.out, c.to));
        check_out(&c, k->name, "copy_bits", expect, n);
        CHECK(k->count_bits(c.in, c.at, n) == count, "%s count_bits n %d", k->name,
              (int)n);
    }
}

static void check_fill(int64_t n) {
    bit_case c = case_new(n, before);
    bool value = rnd_below(2);
    memset(expect, value ? 0xFF : 0, (size_t)pqf_bits_bytes(n));
    FOR_LEVELS(k) {
        RUN(k, "fill_bits", 0, (k->fill_bits(c.out, c.to, n, value), 0));
        check_out(&c, k->name, "fill_bits", expect, n);
    }
}

static void check_extract(int64_t n) {
    bit_case c = case_new(n, before);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (pqf_bit_get(c.mask, c.mask_at + i))
            pqf_bit_put(expect, count++, pqf_bit_get(c.in, c.at + i));
    FOR_LEVELS(k) {
        RUN(k, "extract_bits", count,
            k->extract_bits(count ? c.in : NULL, c.at, c.mask, c.mask_at, n, c.out,
                            c.to));
        check_out(&c, k->name, "extract_bits", expect, count);
    }
}

/* `in` holds only as many bits as the mask asks for. */
static void check_deposit(int64_t n) {
    bit_case c = case_new(n, before);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += pqf_bit_get(c.mask, c.mask_at + i);
    c.in = place(in_area, pqf_bits_bytes(c.at + count), (int)rnd_below(NUM_PLACES));
    for (int64_t i = 0, j = 0; i < n; i++) {
        bool set = pqf_bit_get(c.mask, c.mask_at + i);
        pqf_bit_put(expect, i, set && pqf_bit_get(c.in, c.at + j));
        j += set;
    }
    FOR_LEVELS(k) {
        RUN(k, "deposit_bits", count,
            k->deposit_bits(count ? c.in : NULL, c.at, c.mask, c.mask_at, n, c.out,
                            c.to));
        check_out(&c, k->name, "deposit_bits", expect, n);
    }
}

static void check_levels(int64_t n) {
    int kind = (int)rnd_below(NUM_PLACES);
    uint8_t *levels = place(in_area, n, kind);
    int top = rnd_below(2) ? 4 : 256;
    for (int64_t i = 0; i < n; i++)
        levels[i] = (uint8_t)rnd_below(top);
    uint8_t value = (uint8_t)rnd_below(top);
    int64_t words = (n + 63) / 64, ge = 0, eq = 0;
    uint8_t *out = place(out_area, words * 8, kind);
    for (int64_t i = 0; i < n; i++) {
        ge += levels[i] >= value;
        eq += levels[i] == value;
    }
    FOR_LEVELS(k) {
        CHECK(k->levels_ge(levels, n, value, (uint64_t *)out) == ge, "%s levels_ge n %d",
              k->name, (int)n);
        for (int64_t i = 0; i < words * 64; i++)
            CHECK(pqf_bit_get(out, i) == (i < n && levels[i] >= value),
                  "%s levels_ge n %d value %d at %d", k->name, (int)n, value, (int)i);
        CHECK(k->levels_eq(levels, n, value, (uint64_t *)out) == eq, "%s levels_eq n %d",
              k->name, (int)n);
        for (int64_t i = 0; i < words * 64; i++)
            CHECK(pqf_bit_get(out, i) == (i < n && levels[i] == value),
                  "%s levels_eq n %d value %d at %d", k->name, (int)n, value, (int)i);
    }
}

static void for_all(void (*check)(int64_t n)) {
    for (int round = 0; round < 12; round++)
        for (int i = 0; i < NUM_LENGTHS; i++)
            check(length_at(i));
}

static void test_copy(void **state) {
    (void)state;
    for_all(check_copy);
}
static void test_fill(void **state) {
    (void)state;
    for_all(check_fill);
}
static void test_extract(void **state) {
    (void)state;
    for_all(check_extract);
}
static void test_deposit(void **state) {
    (void)state;
    for_all(check_deposit);
}
static void test_levels(void **state) {
    (void)state;
    for_all(check_levels);
}

int main(void) {
    seed_set();
    in_area = area_new();
    mask_area = area_new();
    out_area = area_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy), cmocka_unit_test(test_fill),
        cmocka_unit_test(test_extract), cmocka_unit_test(test_deposit),
        cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
