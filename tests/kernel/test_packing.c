/* SPDX-License-Identifier: Apache-2.0
 *
 * Bit packing of all levels against a bit-by-bit loop, and largest value and runs.
 */
#include "kernel_test.h"

static uint8_t *in_area, *small_area, *out_area;

static uint32_t value_at(const uint8_t *in, int width, int64_t i) {
    uint32_t v = 0;
    for (int b = 0; b < width; b++)
        v |= (uint32_t)pqf_bit_get(in, i * width + b) << b;
    return v;
}

static void check_unpack(int width, int64_t n, int kind) {
    int64_t bytes = pqf_bits_bytes(n * width);
    uint8_t *in = place(in_area, bytes, kind);
    fill_random(in, bytes);
    FOR_LEVELS(k) {
        uint32_t *out = (uint32_t *)place(out_area, n * 4, kind);
        k->unpack_u32(in, width, n, out);
        for (int64_t i = 0; i < n; i++)
            CHECK(pqf_load_u32((uint8_t *)out + 4 * i) == value_at(in, width, i),
                  "%s unpack_u32 width %d n %d at %d", k->name, width, (int)n, (int)i);
        if (width > 8) continue;
        uint8_t *small = place(out_area, n, kind);
        k->unpack_u8(in, width, n, small);
        for (int64_t i = 0; i < n; i++)
            CHECK(small[i] == value_at(in, width, i), "%s unpack_u8 width %d n %d at %d",
                  k->name, width, (int)n, (int)i);
    }
}

static void check_packed(const pqf_kernels *k, const char *name, const uint8_t *out,
                         int width, int64_t n, uint32_t (*get)(const uint8_t *, int64_t),
                         const uint8_t *in) {
    for (int64_t i = 0; i < n; i++)
        CHECK(value_at(out, width, i) == get(in, i), "%s %s width %d n %d at %d", k->name,
              name, width, (int)n, (int)i);
    for (int64_t b = n * width; b < 8 * pqf_bits_bytes(n * width); b++)
        CHECK(!pqf_bit_get(out, b), "%s %s width %d n %d: pad bit set", k->name, name,
              width, (int)n);
}

static uint32_t get_u32(const uint8_t *in, int64_t i) { return pqf_load_u32(in + 4 * i); }
static uint32_t get_u8(const uint8_t *in, int64_t i) { return in[i]; }

static void check_pack(int width, int64_t n, int kind) {
    uint8_t *in = place(in_area, n * 4, kind), *small = place(small_area, n, kind);
    uint32_t mask = (uint32_t)((UINT64_C(1) << width) - 1);
    uint8_t *out = place(out_area, pqf_bits_bytes(n * width), kind);
    for (int64_t i = 0; i < n; i++)
        pqf_store_u32(in + 4 * i, (uint32_t)rnd() & mask);
    FOR_LEVELS(k) {
        k->pack_u32((uint32_t *)in, width, n, out);
        check_packed(k, "pack_u32", out, width, n, get_u32, in);
    }
    if (width > 8) return;
    for (int64_t i = 0; i < n; i++)
        small[i] = (uint8_t)(rnd() & mask);
    FOR_LEVELS(k) {
        k->pack_u8(small, width, n, out);
        check_packed(k, "pack_u8", out, width, n, get_u8, small);
    }
}

static void for_all(void (*check)(int width, int64_t n, int kind), int max_width) {
    for (int width = 0; width <= max_width; width++)
        for (int i = 0; i < NUM_LENGTHS; i++)
            for (int kind = 0; kind < NUM_PLACES; kind++)
                check(width, length_at(i), kind);
}

static void test_unpack(void **state) {
    (void)state;
    for_all(check_unpack, 32);
}

static void test_pack(void **state) {
    (void)state;
    for_all(check_pack, 32);
}

/* `width` is how many bits the values have. */
static void check_max(int width, int64_t n, int kind) {
    uint8_t *in = place(in_area, n * 4, kind), *small = place(in_area, n, kind);
    uint32_t max = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)(rnd() >> (64 - width));
        pqf_store_u32(in + 4 * i, v);
        max = v > max ? v : max;
    }
    FOR_LEVELS(k)
    CHECK(k->max_u32((uint32_t *)in, n) == max, "%s max_u32 n %d", k->name, (int)n);
    max = 0;
    for (int64_t i = 0; i < n; i++)
        max = small[i] > max ? small[i] : max;
    FOR_LEVELS(k) CHECK(k->max_u8(small, n) == max, "%s max_u8 n %d", k->name, (int)n);
}

static void test_max(void **state) {
    (void)state;
    for (int i = 0; i < NUM_LENGTHS; i++)
        for (int kind = 0; kind < NUM_PLACES; kind++)
            check_max(1 + (int)rnd_below(32), length_at(i), kind);
}

static void test_run(void **state) {
    (void)state;
    for (int i = 0; i < NUM_LENGTHS * 8; i++) {
        int64_t n = 1 + length_at(i / 8), run = 1 + rnd_below(n);
        int kind = i % NUM_PLACES;
        uint8_t *in = place(in_area, n * 4, kind);
        uint32_t v = (uint32_t)rnd();
        for (int64_t j = 0; j < n; j++)
            pqf_store_u32(in + 4 * j, j < run    ? v
                                      : j == run ? v ^ 1u << rnd_below(32)
                                                 : v);
        /* What lies behind the end must not lengthen the run. */
        pqf_store_u32(in + 4 * n, v);
        FOR_LEVELS(k)
        CHECK(k->run_u32((uint32_t *)in, n) == run, "%s run_u32 n %d run %d", k->name,
              (int)n, (int)run);
        uint8_t *small = place(in_area, n, kind);
        for (int64_t j = 0; j < n; j++)
            small[j] = (uint8_t)(j == run ? ~v : v);
        memset(small + n, (uint8_t)v, 16);
        FOR_LEVELS(k)
        CHECK(k->run_u8(small, n) == run, "%s run_u8 n %d run %d", k->name, (int)n,
              (int)run);
    }
}

int main(void) {
    seed_set();
    in_area = area_new();
    small_area = area_new();
    out_area = area_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack), cmocka_unit_test(test_pack),
        cmocka_unit_test(test_max), cmocka_unit_test(test_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
