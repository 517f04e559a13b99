/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels for delta encodings and byte streams, of all levels, against plain loops: packing of 64-bit
 * values bit by bit, prefix sums one value after the other, streams byte by byte.
 */
#include "kernel_test.h"

static uint8_t *in_area, *out_area;

/* -- packing -- */

static uint64_t value_at(const uint8_t *in, int width, int64_t i) {
    uint64_t v = 0;
    for (int b = 0; b < width; b++)
        v |= (uint64_t)pqf_bit_get(in, i * width + b) << b;
    return v;
}

static void check_unpack(int width, int64_t n, int kind) {
    int64_t bytes = pqf_bits_bytes(n * width);
    uint8_t *in = place(in_area, bytes, kind);
    fill_random(in, bytes);
    FOR_LEVELS(k) {
        uint8_t *out = place(out_area, n * 8, kind);
        k->unpack_u64(in, width, n, (uint64_t *)out);
        for (int64_t i = 0; i < n; i++)
            CHECK(pqf_load_u64(out + 8 * i) == value_at(in, width, i),
                  "%s unpack_u64 width %d n %d at %d", k->name, width, (int)n, (int)i);
    }
}

static void check_pack(int width, int64_t n, int kind) {
    uint8_t *in = place(in_area, n * 8, kind);
    int64_t bytes = pqf_bits_bytes(n * width);
    uint8_t *out = place(out_area, bytes, kind);
    for (int64_t i = 0; i < n; i++)
        pqf_store_u64(in + 8 * i, width ? rnd() >> (64 - width) : 0);
    FOR_LEVELS(k) {
        memset(out, 0xFF, (size_t)bytes);
        k->pack_u64((uint64_t *)in, width, n, out);
        for (int64_t i = 0; i < n; i++)
            CHECK(pqf_load_u64(in + 8 * i) == value_at(out, width, i),
                  "%s pack_u64 width %d n %d at %d", k->name, width, (int)n, (int)i);
        for (int64_t b = n * width; b < 8 * bytes; b++)
            CHECK(!pqf_bit_get(out, b), "%s pack_u64 width %d n %d: pad bit set", k->name,
                  width, (int)n);
    }
}

static void for_widths(void (*check)(int width, int64_t n, int kind)) {
    for (int width = 0; width <= 64; width++)
        for (int i = 0; i < NUM_LENGTHS; i += i < 70 ? 1 : 19)
            for (int kind = 0; kind < NUM_PLACES; kind++)
                check(width, length_at(i), kind);
}

static void test_unpack(void **state) {
    (void)state;
    for_widths(check_unpack);
}

static void test_pack(void **state) {
    (void)state;
    for_widths(check_pack);
}

/* -- prefix sums -- */

static uint64_t load(const uint8_t *p, int width) {
    return width == 4 ? pqf_load_u32(p) : pqf_load_u64(p);
}

static uint64_t call_sum(const pqf_kernels *k, int width, uint8_t *p, int64_t n,
                         uint64_t add, uint64_t start) {
    if (width == 8) return k->prefix_sum_64((uint64_t *)p, n, add, start);
    return k->prefix_sum_32((uint32_t *)p, n, (uint32_t)add, (uint32_t)start);
}

/* In the arithmetic of the width: all sums wrap around. */
static void check_sum(int width, int64_t n, int kind) {
    uint64_t add = rnd(), start = rnd(), mask = width == 4 ? UINT32_MAX : UINT64_MAX;
    uint8_t *in = place(in_area, n * width, kind);
    fill_random(in, n * width);
    FOR_LEVELS(k) {
        uint8_t *out = place(out_area, n * width, kind);
        memcpy(out, in, (size_t)(n * width));
        uint64_t last = call_sum(k, width, out, n, add, start), sum = start & mask;
        for (int64_t i = 0; i < n; i++) {
            sum = (sum + load(in + i * width, width) + add) & mask;
            CHECK(load(out + i * width, width) == sum, "%s prefix_sum %d n %d at %d",
                  k->name, 8 * width, (int)n, (int)i);
        }
        CHECK(last == sum, "%s prefix_sum %d n %d: last", k->name, 8 * width, (int)n);
    }
}

static void test_sum(void **state) {
    (void)state;
    for (int width = 4; width <= 8; width += 4)
        for (int i = 0; i < NUM_LENGTHS; i++)
            for (int kind = 0; kind < NUM_PLACES; kind++)
                check_sum(width, length_at(i), kind);
}

/* -- byte streams -- */

/* Streams may lie further apart than they are long. */
static void check_join(int width, int64_t n, int kind) {
    int64_t stride = n + (rnd_below(2) ? 0 : rnd_below(30));
    int64_t bytes = (width - 1) * stride + n;
    uint8_t *in = place(in_area, bytes, kind);
    fill_random(in, bytes);
    FOR_LEVELS(k) {
        uint8_t *out = place(out_area, n * width, kind);
        k->join_streams(in, stride, width, n, out);
        for (int64_t i = 0; i < n * width; i++)
            CHECK(out[i] == in[i % width * stride + i / width],
                  "%s join_streams width %d n %d at %d", k->name, width, (int)n, (int)i);
    }
}

/* Bytes between the streams stay as they are, and those behind the last one. */
static void check_split(int width, int64_t n, int kind) {
    int64_t stride = n + (rnd_below(2) ? 0 : 1 + rnd_below(30));
    int64_t bytes = width * stride;
    uint8_t *in = place(in_area, n * width, kind), *out = place(out_area, bytes, kind);
    fill_random(in, n * width);
    FOR_LEVELS(k) {
        memset(out, 0x5A, (size_t)bytes + 16);
        k->split_streams(in, width, n, out, stride);
        for (int64_t i = 0; i < bytes + 16; i++) {
            bool inside = i < bytes && i % pqf_max_i64(stride, 1) < n;
            uint8_t want = inside ? in[i % stride * width + i / stride] : 0x5A;
            CHECK(out[i] == want, "%s split_streams width %d n %d stride %d at %d",
                  k->name, width, (int)n, (int)stride, (int)i);
        }
    }
}

static void test_streams(void **state) {
    (void)state;
    static const int widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 37, 64};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (int i = 0; i < NUM_LENGTHS; i += i < 70 ? 1 : 9)
            for (int kind = 0; kind < NUM_PLACES; kind++) {
                int64_t n = pqf_min_i64(length_at(i), AREA / widths[w] / 2);
                check_join(widths[w], n, kind);
                check_split(widths[w], n, kind);
            }
}

int main(void) {
    seed_set();
    in_area = area_new();
    out_area = area_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack), cmocka_unit_test(test_pack),
        cmocka_unit_test(test_sum), cmocka_unit_test(test_streams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
