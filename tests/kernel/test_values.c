/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels over values (gather, expand, compress, minimum and maximum, widths, decimals) of all
 * levels against plain loops over bytes.
 */
#include "kernel_test.h"

#include <math.h>

static uint8_t *in_area, *aux_area, *out_area;

/* -- gather -- */

static void call_gather(const pqf_kernels *k, int width, const uint8_t *dict,
                        const uint8_t *idx, int64_t n, uint8_t *out, bool typed) {
    const uint32_t *at = (const uint32_t *)idx;
    if (typed && width == 4)
        k->gather_32((const uint32_t *)dict, at, n, (uint32_t *)out);
    else if (typed && width == 8)
        k->gather_64((const uint64_t *)dict, at, n, (uint64_t *)out);
    else
        k->gather_any(dict, width, at, n, out);
}

static void check_gather(int width, int64_t n, int kind, bool typed) {
    static const int64_t sizes[] = {1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 64, 300};
    int64_t dict_len = sizes[rnd_below(7)];
    uint8_t *dict = place(in_area, dict_len * width, kind);
    fill_random(dict, dict_len * width);
    uint8_t *idx = place(aux_area, n * 4, kind), *out = place(out_area, n * width, kind);
    for (int64_t i = 0; i < n; i++)
        pqf_store_u32(idx + 4 * i, (uint32_t)rnd_below(dict_len));
    FOR_LEVELS(k) {
        call_gather(k, width, dict, idx, n, out, typed);
        for (int64_t i = 0; i < n; i++)
            CHECK(!memcmp(out + i * width,
                          dict + (size_t)pqf_load_u32(idx + 4 * i) * (size_t)width,
                          (size_t)width),
                  "%s gather width %d n %d dict %d at %d", k->name, width, (int)n,
                  (int)dict_len, (int)i);
    }
    if (width != 4) return;
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pqf_load_u32(dict + 4 * pqf_load_u32(idx + 4 * i));
    FOR_LEVELS(k)
    CHECK(k->gather_sum((uint32_t *)dict, (uint32_t *)idx, n) == sum,
          "%s gather_sum n %d", k->name, (int)n);
}

/* -- expand and compress -- */

static int64_t call_expand(const pqf_kernels *k, int width, const uint8_t *in,
                           const uint8_t *bits, int64_t at, int64_t n, uint8_t *out,
                           bool typed) {
    if (!typed) return k->expand_any(in, width, bits, at, n, out);
    if (width == 1) return k->expand_8(in, bits, at, n, out);
    if (width == 2)
        return k->expand_16((const uint16_t *)in, bits, at, n, (uint16_t *)out);
    if (width == 4)
        return k->expand_32((const uint32_t *)in, bits, at, n, (uint32_t *)out);
    if (width == 8)
        return k->expand_64((const uint64_t *)in, bits, at, n, (uint64_t *)out);
    return k->expand_any(in, width, bits, at, n, out);
}

static int64_t call_compress(const pqf_kernels *k, int width, const uint8_t *in,
                             const uint8_t *bits, int64_t at, int64_t n, uint8_t *out,
                             bool typed) {
    if (typed && width == 4)
        return k->compress_32((const uint32_t *)in, bits, at, n, (uint32_t *)out);
    if (typed && width == 8)
        return k->compress_64((const uint64_t *)in, bits, at, n, (uint64_t *)out);
    return k->compress_any(in, width, bits, at, n, out);
}

/* Bits at a random position; returns how many of the n are set. */
static int64_t make_bits(int64_t n, int64_t *at, uint8_t **bits) {
    *at = rnd_below(70);
    int64_t bytes = pqf_bits_bytes(*at + n), count = 0;
    *bits = place(aux_area, bytes, (int)rnd_below(NUM_PLACES));
    fill_bitmap_any(*bits, bytes);
    for (int64_t i = 0; i < n; i++)
        count += pqf_bit_get(*bits, *at + i);
    return count;
}

static void check_expand(int width, int64_t n, int kind, bool typed) {
    static const uint8_t zeros[256];
    int64_t at;
    uint8_t *bits;
    int64_t count = make_bits(n, &at, &bits);
    uint8_t *in = place(in_area, count * width, kind),
            *out = place(out_area, n * width, kind);
    fill_random(in, count * width);
    FOR_LEVELS(k) {
        int64_t used = call_expand(k, width, count ? in : NULL, bits, at, n, out, typed);
        CHECK(used == count, "%s expand width %d n %d: %d used of %d", k->name, width,
              (int)n, (int)used, (int)count);
        const uint8_t *next = in;
        for (int64_t i = 0; i < n; i++) {
            bool set = pqf_bit_get(bits, at + i);
            CHECK(!memcmp(out + i * width, set ? next : zeros, (size_t)width),
                  "%s expand width %d n %d at %d", k->name, width, (int)n, (int)i);
            next += set ? width : 0;
        }
    }
}

static void check_compress(int width, int64_t n, int kind, bool typed) {
    int64_t at;
    uint8_t *bits;
    int64_t count = make_bits(n, &at, &bits);
    uint8_t *in = place(in_area, n * width, kind),
            *out = place(out_area, count * width, kind);
    fill_random(in, n * width);
    FOR_LEVELS(k) {
        int64_t got = call_compress(k, width, in, bits, at, n, out, typed);
        CHECK(got == count, "%s compress width %d n %d: %d of %d", k->name, width, (int)n,
              (int)got, (int)count);
        const uint8_t *next = out;
        for (int64_t i = 0; i < n; i++) {
            if (!pqf_bit_get(bits, at + i)) continue;
            CHECK(!memcmp(next, in + i * width, (size_t)width),
                  "%s compress width %d n %d at %d", k->name, width, (int)n, (int)i);
            next += width;
        }
    }
}

static void for_widths(void (*check)(int width, int64_t n, int kind, bool typed)) {
    static const int widths[] = {1, 2, 3, 4, 5, 8, 9, 12, 16, 17, 32, 33, 64, 65, 100};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (int i = 0; i < 204; i++)
            for (int kind = 0; kind < NUM_PLACES; kind++) {
                int64_t n = i < 200 ? i : 200 + rnd_below(1500);
                check(widths[w], n, kind, false);
                if (widths[w] <= 8) check(widths[w], n, kind, true);
            }
}

static void test_gather(void **state) {
    (void)state;
    for_widths(check_gather);
}
static void test_expand(void **state) {
    (void)state;
    for_widths(check_expand);
}
static void test_compress(void **state) {
    (void)state;
    for_widths(check_compress);
}

/* -- minimum and maximum -- */

/* Values of all sizes, with the extremes mixed in; floats as well, NaN and infinities included. */
static uint64_t extreme_value(int bits, bool is_float) {
    static const uint64_t edges[] = {0, 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
    uint64_t v = rnd();
    switch (rnd_below(6)) {
    case 0: return edges[rnd_below(5)] >> (bits == 32 ? 32 * rnd_below(2) : 0);
    case 1: return v & 0xFF;
    case 2: return is_float ? (bits == 64 ? 0x7FF8000000000000u : 0x7FC00000u) : v;
    default: return v;
    }
}

#define CHECK_MINMAX(suffix, type, bits, is_float, lowest, highest)                      \
    static void minmax_##suffix(int64_t n, int kind) {                                   \
        uint8_t *in = place(in_area, n * (bits / 8), kind);                              \
        type lo = highest, hi = lowest;                                                  \
        int quiet = (int)rnd_below(3);                                                   \
        for (int64_t i = 0; i < n; i++) {                                                \
            uint64_t v = quiet ? rnd() : extreme_value(bits, is_float);                  \
            type x;                                                                      \
            memcpy(&x, &v, sizeof x);                                                    \
            memcpy(in + i * (bits / 8), &v, sizeof x);                                   \
            if (x < lo) lo = x;                                                          \
            if (x > hi) hi = x;                                                          \
        }                                                                                \
        FOR_LEVELS(k) {                                                                  \
            type min, max;                                                               \
            k->minmax_##suffix((type *)in, n, &min, &max);                               \
            CHECK(min == lo && max == hi, "%s minmax_%s n %d", k->name, #suffix,         \
                  (int)n);                                                               \
        }                                                                                \
    }
CHECK_MINMAX(i32, int32_t, 32, false, INT32_MIN, INT32_MAX)
CHECK_MINMAX(u32, uint32_t, 32, false, 0, UINT32_MAX)
CHECK_MINMAX(i64, int64_t, 64, false, INT64_MIN, INT64_MAX)
CHECK_MINMAX(u64, uint64_t, 64, false, 0, UINT64_MAX)
CHECK_MINMAX(f32, float, 32, true, -INFINITY, INFINITY)
CHECK_MINMAX(f64, double, 64, true, -(double)INFINITY, (double)INFINITY)

/* Any bits: an exponent of all ones and a fraction of any. */
#define CHECK_NANS(suffix, type, bits, quiet)                                            \
    static void count_nans_##suffix(int64_t n, int kind) {                               \
        uint8_t *in = place(in_area, n * (bits / 8), kind);                              \
        int64_t nans = 0;                                                                \
        for (int64_t i = 0; i < n; i++) {                                                \
            uint64_t v = rnd() | (rnd_below(3) ? 0 : quiet);                             \
            type x;                                                                      \
            memcpy(&x, &v, sizeof x);                                                    \
            memcpy(in + i * (bits / 8), &v, sizeof x);                                   \
            nans += isnan(x) != 0;                                                       \
        }                                                                                \
        FOR_LEVELS(k) {                                                                  \
            CHECK(k->count_nans_##suffix((type *)in, n) == nans,                         \
                  "%s count_nans_%s n %d", k->name, #suffix, (int)n);                    \
        }                                                                                \
    }
CHECK_NANS(f32, float, 32, UINT64_C(0x7F800000))
CHECK_NANS(f64, double, 64, UINT64_C(0x7FF) << 52)

static void test_count_nans(void **state) {
    (void)state;
    for (int i = 0; i < NUM_LENGTHS; i++) {
        count_nans_f32(length_at(i), (int)rnd_below(NUM_PLACES));
        count_nans_f64(length_at(i), (int)rnd_below(NUM_PLACES));
    }
}

static void test_minmax(void **state) {
    (void)state;
    static void (*const checks[])(int64_t, int) = {minmax_i32, minmax_u32, minmax_i64,
                                                   minmax_u64, minmax_f32, minmax_f64};
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < NUM_LENGTHS; i++)
            for (int c = 0; c < 6; c++)
                checks[c](1 + length_at(i), (int)rnd_below(NUM_PLACES));
}

/* All NaN: min above max; a single number among NaN at any place is both. */
static void test_minmax_nan(void **state) {
    (void)state;
    static double d[100];
    static float f[100];
    for (int n = 1; n <= 80; n++)
        for (int at = -1; at < n; at++) {
            for (int i = 0; i < 100; i++) {
                d[i] = i < n ? (double)NAN : -1e9; /* slack is not looked at */
                f[i] = i < n ? NAN : -1e9f;
            }
            if (at >= 0) d[at] = 7, f[at] = 7;
            FOR_LEVELS(k) {
                double dmin, dmax;
                float fmin, fmax;
                k->minmax_f64(d, n, &dmin, &dmax);
                k->minmax_f32(f, n, &fmin, &fmax);
                int64_t nans = at < 0 ? n : n - 1;
                CHECK(k->count_nans_f64(d, n) == nans && k->count_nans_f32(f, n) == nans,
                      "%s count_nans n %d number at %d", k->name, n, at);
                bool good = at < 0 ? dmin > dmax && fmin > fmax
                                   : dmin == 7 && dmax == 7 && fmin == 7 && fmax == 7;
                CHECK(good, "%s minmax of NaN n %d number at %d", k->name, n, at);
            }
        }
}

/* -- widths and byte order -- */

static void check_narrow(int64_t n, int kind) {
    uint8_t *in = place(in_area, n * 4, kind);
    fill_random(in, n * 4);
    uint8_t *out = place(out_area, n * 2, kind);
    FOR_LEVELS(k) {
        k->narrow_32_16((uint32_t *)in, n, (uint16_t *)out);
        for (int64_t i = 0; i < n; i++)
            CHECK(!memcmp(out + 2 * i, in + 4 * i, 2), "%s narrow_32_16 n %d at %d",
                  k->name, (int)n, (int)i);
    }
    out = place(out_area, n, kind);
    FOR_LEVELS(k) {
        k->narrow_32_8((uint32_t *)in, n, out);
        for (int64_t i = 0; i < n; i++)
            CHECK(out[i] == in[4 * i], "%s narrow_32_8 n %d at %d", k->name, (int)n,
                  (int)i);
    }
}

/* Any bit beyond the width that is not the sign is seen, in the first and the last value. */
static void check_too_wide(int width, int64_t n, uint8_t *le, uint8_t *out) {
    if (n == 0) return;
    for (int bit = 8 * width - 1; bit < 128 && width < 16; bit++) {
        uint8_t *value = le + (bit % 2 ? 0 : n - 1) * 16;
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        FOR_LEVELS(k) {
            CHECK(!k->decimal_to_be(le, width, n, out),
                  "%s decimal_to_be width %d n %d takes bit %d", k->name, width, (int)n,
                  bit);
        }
        value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void check_decimal(int width, int64_t n, int kind) {
    uint8_t *be = place(in_area, n * width, kind), *le = place(out_area, n * 16, kind);
    uint8_t *back = place(aux_area, n * width, kind);
    fill_random(be, n * width);
    FOR_LEVELS(k) {
        k->decimal_from_be(be, width, n, le);
        for (int64_t i = 0; i < n; i++)
            for (int b = 0; b < 16; b++) {
                uint8_t sign = be[i * width] & 0x80 ? 0xFF : 0;
                uint8_t byte = b < width ? be[i * width + width - 1 - b] : sign;
                CHECK(le[16 * i + b] == byte, "%s decimal_from_be width %d n %d at %d",
                      k->name, width, (int)n, (int)i);
            }
        CHECK(k->decimal_to_be(le, width, n, back), "%s decimal_to_be width %d n %d",
              k->name, width, (int)n);
        CHECK(!memcmp(be, back, (size_t)(n * width)), "%s decimal_to_be width %d n %d",
              k->name, width, (int)n);
    }
    check_too_wide(width, n, le, back);
}

static void test_narrow(void **state) {
    (void)state;
    for (int i = 0; i < NUM_LENGTHS; i++)
        for (int kind = 0; kind < NUM_PLACES; kind++)
            check_narrow(length_at(i), kind);
}

static void test_decimal(void **state) {
    (void)state;
    for (int width = 1; width <= 16; width++)
        for (int n = 0; n < 71; n++)
            for (int kind = 0; kind < NUM_PLACES; kind++)
                check_decimal(width, n, kind);
}

int main(void) {
    seed_set();
    in_area = area_new();
    aux_area = area_new();
    out_area = area_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather),     cmocka_unit_test(test_expand),
        cmocka_unit_test(test_compress),   cmocka_unit_test(test_minmax),
        cmocka_unit_test(test_minmax_nan), cmocka_unit_test(test_count_nans),
        cmocka_unit_test(test_narrow),     cmocka_unit_test(test_decimal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
