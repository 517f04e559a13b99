/* SPDX-License-Identifier: Apache-2.0
 *
 * neon.c: room kernel, level neon (aarch64). Loops with vectors of 16 bytes; each function says what its
 * steps do to the layout. Tails run as whole vectors where PQF_SLACK covers the surplus. A movement of
 * bytes is a table lookup, in which an index behind the table gives zero.
 *
 * Without a function here, because the scalar one is already what this level would do: gathers (loads),
 * sums of 64 bits (packing_neon.c), values of any width (copies of fixed size), extract_bits and
 * deposit_bits.
 */
#include "tables.h"

#if PQF_KERNEL_ARM

#include "mask_table.h"
#include "neon.h"
#include "utf8_table.h"

#include <math.h>

/* -- runs: compare with the first value; lanes behind the end do not count -- */

/* Four bits for each byte of a comparison, in order. */
PQF_BODY uint64_t nibbles_of(uint8x16_t same) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(as_u16(same), 4)), 0);
}

static int64_t run_u32(const uint32_t *in, int64_t n) {
    const any_u32 *p = in;
    uint32x4_t first = vdupq_n_u32(*p);
    for (int64_t i = 0; i < n; i += 4) {
        uint64_t differ = ~nibbles_of(of_u32(vceqq_u32(as_u32(load(p + i)), first)));
        if (differ) return pqf_min_i64(n, i + __builtin_ctzll(differ) / 16);
    }
    return n;
}

static int64_t run_u8(const uint8_t *in, int64_t n) {
    uint8x16_t first = vdupq_n_u8(*in);
    for (int64_t i = 0; i < n; i += 16) {
        uint64_t differ = ~nibbles_of(vceqq_u8(load(in + i), first));
        if (differ) return pqf_min_i64(n, i + __builtin_ctzll(differ) / 4);
    }
    return n;
}

/* -- null spreading and dropping: validity bits choose a row of mask_table.h, lane numbers -- */

PQF_BODY uint8x8_t lanes_of(const uint64_t *table, uint64_t bits) {
    return vcreate_u8(table[bits]);
}

/* Lane numbers to byte numbers: each is repeated as often as a value has bytes, and becomes the number
 * of that byte; PQF_LANE_NULL saturates to 0xFF. `half` counts the registers of 16 bytes. */
PQF_BODY uint8x16_t bytes_of_4(uint8x8_t lanes, int half) {
    uint8x16_t slot = vreinterpretq_u8_u64(
        vcombine_u64(vcreate_u64(0x0101010100000000), vcreate_u64(0x0303030302020202)));
    uint8x16_t byte = of_u32(vdupq_n_u32(0x03020100));
    slot = vaddq_u8(slot, vdupq_n_u8((uint8_t)(4 * half)));
    uint8x16_t lane = vqtbl1q_u8(vcombine_u8(lanes, lanes), slot);
    return vorrq_u8(vqshlq_n_u8(lane, 2), byte);
}

PQF_BODY uint8x16_t bytes_of_8(uint8x8_t lanes, int half) {
    uint8x16_t slot =
        vcombine_u8(vdup_n_u8((uint8_t)(2 * half)), vdup_n_u8((uint8_t)(2 * half + 1)));
    uint8x16_t byte = of_u64(vdupq_n_u64(0x0706050403020100));
    uint8x16_t lane = vqtbl1q_u8(vcombine_u8(lanes, lanes), slot);
    return vorrq_u8(vqshlq_n_u8(lane, 3), byte);
}

PQF_BODY uint8x16x2_t load_32(const uint8_t *in) {
    return (uint8x16x2_t){{load(in), load(in + 16)}};
}

/* Each of these spreads 8 slots, or drops nulls of them, for the validity byte m, of whose lower four
 * bits `low` are set. */
PQF_BODY void expand_8_of_1(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    (void)low;
    vst1_u8(out, vtbl1_u8(vld1_u8(in), lanes_of(pqf_mask_expand, m)));
}

/* Lane i is the bytes 2 i and 2 i + 1; the mark of null (0xC0) becomes 0x80, 0x82: still zeroes. */
PQF_BODY void expand_8_of_2(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    (void)low;
    uint16x8_t lanes = vmovl_u8(lanes_of(pqf_mask_expand, m));
    lanes = vaddq_u16(vmulq_n_u16(lanes, 0x0202), vdupq_n_u16(0x0100));
    store(out, vqtbl1q_u8(load(in), of_u16(lanes)));
}

PQF_BODY void expand_8_of_4(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    (void)low;
    uint8x8_t lanes = lanes_of(pqf_mask_expand, m);
    uint8x16x2_t v = load_32(in);
    for (int half = 0; half < 2; half++)
        store(out + 16 * half, vqtbl2q_u8(v, bytes_of_4(lanes, half)));
}

PQF_BODY void expand_8_of_8(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    for (int part = 0; part < 2; part++, m >>= 4, in += 8 * low) {
        uint8x8_t lanes = lanes_of(pqf_mask_expand, m & 15);
        uint8x16x2_t v = load_32(in);
        for (int half = 0; half < 2; half++, out += 16)
            store(out, vqtbl2q_u8(v, bytes_of_8(lanes, half)));
    }
}

PQF_BODY void compress_8_of_4(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    (void)low;
    uint8x8_t lanes = lanes_of(pqf_mask_compress, m);
    uint8x16x2_t v = load_32(in);
    for (int half = 0; half < 2; half++)
        store(out + 16 * half, vqtbl2q_u8(v, bytes_of_4(lanes, half)));
}

PQF_BODY void compress_8_of_8(const uint8_t *in, uint64_t m, uint64_t low, uint8_t *out) {
    for (int part = 0; part < 2; part++, m >>= 4, in += 32, out += 8 * low) {
        uint8x8_t lanes = lanes_of(pqf_mask_compress, m & 15);
        uint8x16x2_t v = load_32(in);
        for (int half = 0; half < 2; half++)
            store(out + 16 * half, vqtbl2q_u8(v, bytes_of_8(lanes, half)));
    }
}

/* How many bits are set in each byte of m. */
PQF_BODY uint64_t counts_of(uint64_t m) {
    return vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(m))), 0);
}

#define LOW_NIBBLES UINT64_C(0x0F0F0F0F0F0F0F0F)

/* Words of validity as in the scalar level; in a mixed one 8 slots a step, of which the last may write
 * up to 7 behind the end: 56 bytes of slack at width 8. It may read 4 values behind the last one that
 * is left in halves of 8, and as many where none is: 32 bytes of slack. */
#define EXPAND(bits_, size, type)                                                        \
    static int64_t expand_##bits_(const type *values, const uint8_t *bits, int64_t at,   \
                                  int64_t n, type *slots) {                              \
        const uint8_t *in = (const uint8_t *)values;                                     \
        uint8_t *out = (uint8_t *)slots;                                                 \
        uint64_t used = 0;                                                               \
        for (; n > 0; n -= 64, at += 64, out += 64 * size) {                             \
            int64_t len = n < 64 ? n : 64;                                               \
            uint64_t m = bits_word_of(bits, at, len);                                    \
            if (m == 0) {                                                                \
                memset(out, 0, (size_t)len *size);                                       \
                continue;                                                                \
            }                                                                            \
            if (m == ~UINT64_C(0)) {                                                     \
                memcpy(out, in + used * size, 64 * size);                                \
                used += 64;                                                              \
                continue;                                                                \
            }                                                                            \
            uint64_t all = counts_of(m), low = counts_of(m & LOW_NIBBLES);               \
            for (int64_t j = 0; j < len; j += 8, m >>= 8, all >>= 8, low >>= 8) {        \
                expand_8_of_##size(in + used * size, m & 255, low & 255,                 \
                                   out + j * size);                                      \
                used += all & 255;                                                       \
            }                                                                            \
        }                                                                                \
        return (int64_t)used;                                                            \
    }
EXPAND(8, 1, uint8_t)
EXPAND(16, 2, uint16_t)
EXPAND(32, 4, uint32_t)
EXPAND(64, 8, uint64_t)

/* Stores whole vectors: 32 bytes from the last value on, within slack. */
#define COMPRESS(bits_, size, type)                                                      \
    static int64_t compress_##bits_(const type *slots, const uint8_t *bits, int64_t at,  \
                                    int64_t n, type *values) {                           \
        const uint8_t *in = (const uint8_t *)slots;                                      \
        uint8_t *out = (uint8_t *)values;                                                \
        uint64_t count = 0;                                                              \
        for (; n > 0; n -= 64, at += 64, in += 64 * size) {                              \
            uint64_t m = bits_word_of(bits, at, n);                                      \
            if (m == ~UINT64_C(0)) {                                                     \
                memcpy(out + count * size, in, 64 * size);                               \
                count += 64;                                                             \
                continue;                                                                \
            }                                                                            \
            uint64_t all = counts_of(m), low = counts_of(m & LOW_NIBBLES);               \
            for (const uint8_t *p = in; m; p += 8 * size) {                              \
                compress_8_of_##size(p, m & 255, low & 255, out + count * size);         \
                count += all & 255;                                                      \
                m >>= 8, all >>= 8, low >>= 8;                                           \
            }                                                                            \
        }                                                                                \
        return (int64_t)count;                                                           \
    }
COMPRESS(32, 4, uint32_t)
COMPRESS(64, 8, uint64_t)

/* -- bitmaps -- */

/* Set bits of each byte to two words of sums. */
PQF_BODY uint64x2_t add_counts(uint64x2_t sum, uint8x16_t counts) {
    return vpadalq_u32(sum, vpaddlq_u16(vpaddlq_u8(counts)));
}

/* From where a byte begins 64 bytes a step, at most 32 set bits in a lane of four counts; what is
 * before and behind goes by words. */
static int64_t count_bits(const uint8_t *bits, int64_t at, int64_t n) {
    int64_t head = pqf_min_i64(n, -at & 7), count = 0;
    if (head > 0) count = count_bits_body(bits, at, head);
    uint64x2_t sum = vdupq_n_u64(0);
    const uint8_t *p = bits + ((at + head) >> 3);
    for (n -= head; n >= 512; n -= 512, p += 64) {
        uint8x16_t a = vaddq_u8(vcntq_u8(load(p)), vcntq_u8(load(p + 16)));
        uint8x16_t b = vaddq_u8(vcntq_u8(load(p + 32)), vcntq_u8(load(p + 48)));
        sum = add_counts(sum, vaddq_u8(a, b));
    }
    return count + (int64_t)vaddvq_u64(sum) + count_bits_body(p, 0, n);
}

/* From where a byte of the output begins 16 bytes a step: the input's words shifted down, and above
 * them what the next 8 bytes have; a shift by 64 leaves nothing. Reads 8 bytes more than a step. */
static int64_t copy_bits(const uint8_t *in, int64_t at, int64_t n, uint8_t *out,
                         int64_t to) {
    if (n <= 0) return 0;
    int64_t head = pqf_min_i64(n, -to & 7), count = 0;
    out += to >> 3;
    if (head) {
        uint64_t w = bits_word_of(in, at, head);
        *out = (uint8_t)((*out & low_bits(to & 7)) | w << (to & 7));
        out++;
        count = pqf_popcount(w);
    }
    at += head;
    int64x2_t down = vdupq_n_s64(-(at & 7)), up = vdupq_n_s64(64 - (at & 7));
    uint64x2_t sum = vdupq_n_u64(0);
    for (n -= head; n >= 128; n -= 128, at += 128, out += 16) {
        const uint8_t *p = in + (at >> 3);
        uint64x2_t low = vshlq_u64(as_u64(load(p)), down);
        uint8x16_t x = of_u64(vorrq_u64(low, vshlq_u64(as_u64(load(p + 8)), up)));
        store(out, x);
        sum = add_counts(sum, vcntq_u8(x));
    }
    return count + (int64_t)vaddvq_u64(sum) + copy_bits_body(in, at, n, out, 0);
}

/* -- levels -- */

/* 64 answers to 64 bits: a bit in its place of each byte, and three times the sums of neighbours. */
PQF_BODY uint64_t bits_of(const uint8x16_t answers[4]) {
    uint8x16_t place = of_u64(vdupq_n_u64(0x8040201008040201)), x[4];
    for (int i = 0; i < 4; i++)
        x[i] = vandq_u8(answers[i], place);
    x[0] = vpaddq_u8(vpaddq_u8(x[0], x[1]), vpaddq_u8(x[2], x[3]));
    return vgetq_lane_u64(as_u64(vpaddq_u8(x[0], x[0])), 0);
}

#define LEVELS(name, compare)                                                            \
    static int64_t name(const uint8_t *levels, int64_t n, uint8_t value,                 \
                        uint64_t *out) {                                                 \
        uint8x16_t v = vdupq_n_u8(value), answers[4];                                    \
        int64_t count = 0;                                                               \
        for (; n > 0; n -= 64, levels += 64, out++) {                                    \
            for (int i = 0; i < 4; i++)                                                  \
                answers[i] = compare(load(levels + 16 * i), v);                          \
            uint64_t w = bits_of(answers) & low_bits(n);                                 \
            pqf_store_u64(out, w);                                                       \
            count += pqf_popcount(w);                                                    \
        }                                                                                \
        return count;                                                                    \
    }
LEVELS(levels_ge, vcgeq_u8)
LEVELS(levels_eq, vceqq_u8)

/* -- minimum and maximum: four accumulators hide the latency; the last vector may overlap -- */

#define LOAD(suffix, vec, reinterpret)                                                   \
    PQF_BODY vec load_##suffix(const void *p) { return reinterpret(load(p)); }
LOAD(i32, int32x4_t, vreinterpretq_s32_u8)
LOAD(u32, uint32x4_t, vreinterpretq_u32_u8)
LOAD(i64, int64x2_t, vreinterpretq_s64_u8)
LOAD(u64, uint64x2_t, vreinterpretq_u64_u8)
LOAD(f32, float32x4_t, vreinterpretq_f32_u8)
LOAD(f64, float64x2_t, vreinterpretq_f64_u8)

/* x where it is beyond acc, which a NaN never is. The instructions for the least of two floats would
 * let one in. */
#define SELECT(suffix, name, vec, beyond, select)                                        \
    PQF_BODY vec name##_##suffix(vec x, vec acc) {                                       \
        return select(beyond(x, acc), x, acc);                                           \
    }
SELECT(i64, min, int64x2_t, vcltq_s64, vbslq_s64)
SELECT(i64, max, int64x2_t, vcgtq_s64, vbslq_s64)
SELECT(u64, min, uint64x2_t, vcltq_u64, vbslq_u64)
SELECT(u64, max, uint64x2_t, vcgtq_u64, vbslq_u64)
SELECT(f32, min, float32x4_t, vcltq_f32, vbslq_f32)
SELECT(f32, max, float32x4_t, vcgtq_f32, vbslq_f32)
SELECT(f64, min, float64x2_t, vcltq_f64, vbslq_f64)
SELECT(f64, max, float64x2_t, vcgtq_f64, vbslq_f64)

#define MINMAX(suffix, type, vec, lanes, set, min_, max_, lowest, highest)               \
    static void minmax_##suffix(const type *values, int64_t n, type *min, type *max) {   \
        const any_##suffix *in = values;                                                 \
        type lo = highest, hi = lowest, lows[lanes], highs[lanes];                       \
        vec l[4], h[4];                                                                  \
        for (int a = 0; a < 4; a++) {                                                    \
            l[a] = set(highest);                                                         \
            h[a] = set(lowest);                                                          \
        }                                                                                \
        int64_t i = 0;                                                                   \
        for (; i + 4 * lanes <= n; i += 4 * lanes)                                       \
            for (int a = 0; a < 4; a++) {                                                \
                vec x = load_##suffix(in + i + a * lanes);                               \
                l[a] = min_(x, l[a]);                                                    \
                h[a] = max_(x, h[a]);                                                    \
            }                                                                            \
        for (; n >= lanes && i < n; i += lanes) {                                        \
            vec x = load_##suffix(in + (i + lanes <= n ? i : n - lanes));                \
            l[0] = min_(x, l[0]);                                                        \
            h[0] = max_(x, h[0]);                                                        \
        }                                                                                \
        l[0] = min_(min_(l[0], l[1]), min_(l[2], l[3]));                                 \
        h[0] = max_(max_(h[0], h[1]), max_(h[2], h[3]));                                 \
        memcpy(lows, &l[0], sizeof lows);                                                \
        memcpy(highs, &h[0], sizeof highs);                                              \
        for (int a = 0; a < lanes; a++) {                                                \
            lo = lows[a] < lo ? lows[a] : lo;                                            \
            hi = highs[a] > hi ? highs[a] : hi;                                          \
        }                                                                                \
        for (; i < n; i++) {                                                             \
            lo = in[i] < lo ? in[i] : lo;                                                \
            hi = in[i] > hi ? in[i] : hi;                                                \
        }                                                                                \
        *min = lo;                                                                       \
        *max = hi;                                                                       \
    }
MINMAX(i32, int32_t, int32x4_t, 4, vdupq_n_s32, vminq_s32, vmaxq_s32, INT32_MIN,
       INT32_MAX)
MINMAX(u32, uint32_t, uint32x4_t, 4, vdupq_n_u32, vminq_u32, vmaxq_u32, 0, UINT32_MAX)
MINMAX(i64, int64_t, int64x2_t, 2, vdupq_n_s64, min_i64, max_i64, INT64_MIN, INT64_MAX)
MINMAX(u64, uint64_t, uint64x2_t, 2, vdupq_n_u64, min_u64, max_u64, 0, UINT64_MAX)
MINMAX(f32, float, float32x4_t, 4, vdupq_n_f32, min_f32, max_f32, -INFINITY, INFINITY)
MINMAX(f64, double, float64x2_t, 2, vdupq_n_f64, min_f64, max_f64, -(double)INFINITY,
       (double)INFINITY)

/* What equals itself is counted: lanes of all ones are -1. */
static int64_t count_nans_f32(const float *values, int64_t n) {
    const any_f32 *in = values;
    uint64x2_t equal = vdupq_n_u64(0);
    int64_t i = 0, count = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4_t x = load_f32(in + i);
        equal = vpadalq_u32(equal, vshrq_n_u32(vceqq_f32(x, x), 31));
    }
    count = i - (int64_t)vaddvq_u64(equal);
    for (; i < n; i++)
        count += in[i] != in[i];
    return count;
}

static int64_t count_nans_f64(const double *values, int64_t n) {
    const any_f64 *in = values;
    uint64x2_t equal = vdupq_n_u64(0);
    int64_t i = 0, count = 0;
    for (; i + 2 <= n; i += 2) {
        float64x2_t x = load_f64(in + i);
        equal = vsubq_u64(equal, vceqq_f64(x, x));
    }
    count = i - (int64_t)vaddvq_u64(equal);
    for (; i < n; i++)
        count += in[i] != in[i];
    return count;
}

/* Largest of unsigned values: zero vectors to begin with, the same overlap at the end. */
#define MAX(bits_, vec, lanes, reinterpret, set, max_, across)                           \
    static uint##bits_##_t max_u##bits_(const uint##bits_##_t *values, int64_t n) {      \
        const any_u##bits_ *in = values;                                                 \
        vec h[4] = {set(0), set(0), set(0), set(0)};                                     \
        int64_t i = 0;                                                                   \
        for (; i + 4 * lanes <= n; i += 4 * lanes)                                       \
            for (int a = 0; a < 4; a++)                                                  \
                h[a] = max_(reinterpret(load(in + i + a * lanes)), h[a]);                \
        for (; n >= lanes && i < n; i += lanes)                                          \
            h[0] = max_(reinterpret(load(in + (i + lanes <= n ? i : n - lanes))), h[0]); \
        uint##bits_##_t max = across(max_(max_(h[0], h[1]), max_(h[2], h[3])));          \
        for (; i < n; i++)                                                               \
            max = in[i] > max ? in[i] : max;                                             \
        return max;                                                                      \
    }
MAX(32, uint32x4_t, 4, as_u32, vdupq_n_u32, vmaxq_u32, vmaxvq_u32)
MAX(8, uint8x16_t, 16, , vdupq_n_u8, vmaxq_u8, vmaxvq_u8)

/* -- widths and byte order -- */

static void narrow_32_16(const uint32_t *values, int64_t n, uint16_t *narrow) {
    const any_u32 *in = values;
    any_u16 *out = narrow;
    for (; n >= 8; n -= 8, in += 8, out += 8)
        store(out, low_halves(in));
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint16_t)in[i];
}

static void narrow_32_8(const uint32_t *values, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    for (; n >= 16; n -= 16, in += 16, out += 16)
        store(out, vuzp1q_u8(low_halves(in), low_halves(in + 8)));
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)in[i];
}

/* `turn` reverses the first `width` bytes and leaves zeros above, `top` brings the first byte to the
 * places above, where being below zero makes it the sign. */
static void decimal_from_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t turns[16], tops[16];
    for (int i = 0; i < 16; i++) {
        turns[i] = (uint8_t)(i < width ? width - 1 - i : 0xFF);
        tops[i] = i < width ? 0xFF : 0;
    }
    uint8x16_t turn = load(turns), top = load(tops);
    for (int64_t i = 0; i < n; i++, in += width, out += 16) {
        uint8x16_t x = load(in);
        uint8x16_t sign = vcltzq_s8(vreinterpretq_s8_u8(vqtbl1q_u8(x, top)));
        store(out, vorrq_u8(vqtbl1q_u8(x, turn), sign));
    }
}

/* Each store spills over into the next value, which comes after it. */
static bool decimal_to_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t turns[16], ends[16];
    for (int i = 0; i < 16; i++) {
        turns[i] = (uint8_t)(i < width ? width - 1 - i : 0xFF);
        ends[i] = i < width ? 0 : 0xFF;
    }
    uint8x16_t turn = load(turns), end = load(ends), wrong = vdupq_n_u8(0);
    uint8x16_t last = vdupq_n_u8((uint8_t)(width - 1));
    for (int64_t i = 0; i < n; i++, in += 16, out += width) {
        uint8x16_t x = load(in);
        uint8x16_t sign = vcltzq_s8(vreinterpretq_s8_u8(vqtbl1q_u8(x, last)));
        wrong = vorrq_u8(wrong, vandq_u8(veorq_u8(x, sign), end));
        store(out, vqtbl1q_u8(x, turn));
    }
    return vmaxvq_u8(wrong) == 0;
}

/* -- UTF-8: pairs of bytes are judged by the three tables of utf8_table.h -- */

/* Nonzero bytes where the bytes of x, which follow those of prev, are wrong. */
PQF_BODY uint8x16_t utf8_faults(uint8x16_t x, uint8x16_t prev) {
    uint8x16_t back1 = vextq_u8(prev, x, 15), back2 = vextq_u8(prev, x, 14);
    uint8x16_t back3 = vextq_u8(prev, x, 13);
    uint8x16_t low = vqtbl1q_u8(load(pqf_utf8_low), vandq_u8(back1, vdupq_n_u8(15)));
    uint8x16_t high = vqtbl1q_u8(load(pqf_utf8_high), vshrq_n_u8(back1, 4));
    uint8x16_t next = vqtbl1q_u8(load(pqf_utf8_next), vshrq_n_u8(x, 4));
    /* A third byte (E0.. two before) or a fourth (F0.. three) is due. */
    uint8x16_t due =
        vorrq_u8(vcgeq_u8(back2, vdupq_n_u8(0xE0)), vcgeq_u8(back3, vdupq_n_u8(0xF0)));
    due = vandq_u8(due, vdupq_n_u8(UTF8_TWO));
    return veorq_u8(vandq_u8(vandq_u8(low, high), next), due);
}

PQF_BODY bool is_ascii(uint8x16_t x) { return vmaxvq_u8(x) < 0x80; }

PQF_BODY bool is_ascii_64(const uint8_t *in) {
    uint8x16_t a = vorrq_u8(load(in), load(in + 16));
    return is_ascii(vorrq_u8(a, vorrq_u8(load(in + 32), load(in + 48))));
}

/* ASCII blocks behind ASCII are skipped. The rest is judged with zeros behind it, before which no
 * sequence may be open. */
static bool utf8_valid(const uint8_t *in, int64_t n) {
    uint8x16_t prev = vdupq_n_u8(0), faults = prev;
    bool clean = true; /* prev is ASCII */
    uint8_t rest[16] = {0};
    for (; n >= 16; n -= 16, in += 16) {
        for (; clean && n >= 64 && is_ascii_64(in); n -= 64)
            in += 64;
        if (n < 16) break;
        uint8x16_t x = load(in);
        bool ascii = is_ascii(x);
        if (clean && ascii) continue;
        faults = vorrq_u8(faults, utf8_faults(x, prev));
        prev = x;
        clean = ascii;
    }
    memcpy(rest, in, (size_t)n);
    faults = vorrq_u8(faults, utf8_faults(load(rest), prev));
    return vmaxvq_u8(faults) == 0;
}

void pqf_kernels_put_neon(pqf_kernels *table) {
    table->run_u32 = run_u32;
    table->run_u8 = run_u8;
    table->expand_8 = expand_8;
    table->expand_16 = expand_16;
    table->expand_32 = expand_32;
    table->expand_64 = expand_64;
    table->compress_32 = compress_32;
    table->compress_64 = compress_64;
    table->count_bits = count_bits;
    table->copy_bits = copy_bits;
    table->levels_ge = levels_ge;
    table->levels_eq = levels_eq;
    table->minmax_i32 = minmax_i32;
    table->minmax_u32 = minmax_u32;
    table->minmax_i64 = minmax_i64;
    table->minmax_u64 = minmax_u64;
    table->minmax_f32 = minmax_f32;
    table->minmax_f64 = minmax_f64;
    table->count_nans_f32 = count_nans_f32;
    table->count_nans_f64 = count_nans_f64;
    table->max_u32 = max_u32;
    table->max_u8 = max_u8;
    table->narrow_32_16 = narrow_32_16;
    table->narrow_32_8 = narrow_32_8;
    table->decimal_from_be = decimal_from_be;
    table->decimal_to_be = decimal_to_be;
    table->utf8_valid = utf8_valid;
    pqf_kernels_put_packing_neon(table);
    pqf_kernels_put_streams_neon(table);
}

#endif
