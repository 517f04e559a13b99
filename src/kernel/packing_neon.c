/* SPDX-License-Identifier: Apache-2.0
 *
 * packing_neon.c: room kernel, level neon: packed bits to values and back, and the sums that delta
 * encodings make of them. Out: a table lookup brings each value's window to its lane, a shift to the
 * left by a negative number aligns it. In: neighbours are folded together until a lane of 64 bits is
 * full of bits, which a sink appends.
 *
 * 8 values are as many bytes as they have bits. The last step begins in a byte that holds a value and
 * reads less than a step and a register from there, and writes less than 8 values too many: slack.
 */
#include "tables.h"

#if PQF_KERNEL_ARM

#include "neon.h"

/* -- unpacking to 32 bits -- */

/* Where the values of a register are: 16 bytes from byte `from`, the window of each lane in these, and
 * the shift that brings its first bit down. */
typedef struct place {
    int from;
    uint8x16_t window;
    uint8x16_t shift; /* signed lanes of the window's size, not above 0 */
} place;

/* `lanes` values from bit `first`, in windows of 16 / lanes bytes. */
PQF_BODY place place_of(int first, int width, int lanes) {
    uint8_t window[16], shift[16];
    int size = 16 / lanes;
    for (int lane = 0; lane < lanes; lane++) {
        int bit = first % 8 + lane * width;
        for (int b = 0; b < size; b++) {
            window[lane * size + b] = (uint8_t)(bit / 8 + b);
            shift[lane * size + b] = (uint8_t)(b == 0 || bit % 8 == 0 ? -(bit % 8) : -1);
        }
    }
    return (place){first / 8, load(window), load(shift)};
}

PQF_BODY uint8x16_t windows_at(const uint8_t *in, const place *at) {
    return vqtbl1q_u8(load(in + at->from), at->window);
}

PQF_BODY uint32x4_t unpack_4(const uint8_t *in, const place *at) {
    return vshlq_u32(as_u32(windows_at(in, at)), vreinterpretq_s32_u8(at->shift));
}

PQF_BODY uint64x2_t unpack_2(const uint8_t *in, const place *at) {
    return vshlq_u64(as_u64(windows_at(in, at)), vreinterpretq_s64_u8(at->shift));
}

/* Widths whose values lie within the 4 bytes from their first one: (k * w) % 8 + w <= 32. */
PQF_BODY void unpack_narrow(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint32x4_t mask = vdupq_n_u32((uint32_t)low_bits(width));
    place low = place_of(0, width, 4), high = place_of(4 * width, width, 4);
    for (int64_t i = 0; i < n; i += 8, in += width, out += 32) {
        store(out, of_u32(vandq_u32(unpack_4(in, &low), mask)));
        store(out + 16, of_u32(vandq_u32(unpack_4(in, &high), mask)));
    }
}

/* The others, in windows of 8 bytes of which the low half stays. */
PQF_BODY void unpack_wide(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint32x4_t mask = vdupq_n_u32((uint32_t)low_bits(width));
    place at[4];
    for (int p = 0; p < 4; p++)
        at[p] = place_of(2 * p * width, width, 2);
    for (int64_t i = 0; i < n; i += 8, in += width, out += 32)
        for (int h = 0; h < 2; h++) {
            uint32x2_t first = vmovn_u64(unpack_2(in, &at[2 * h]));
            uint32x4_t all = vmovn_high_u64(first, unpack_2(in, &at[2 * h + 1]));
            store(out + 16 * h, of_u32(vandq_u32(all, mask)));
        }
}

static void unpack_u32(const uint8_t *in, int width, int64_t n, uint32_t *out) {
    if (width == 0)
        memset(out, 0, (size_t)n * 4);
    else if (width == 32)
        memcpy(out, in, (size_t)n * 4);
    else if (width <= 26 || width == 28)
        unpack_narrow(in, width, n, (uint8_t *)out);
    else
        unpack_wide(in, width, n, (uint8_t *)out);
}

/* -- unpacking to 8 and to 64 bits -- */

/* 16 values are 2 w <= 14 bytes. A value's bits are in two neighbouring bytes: the low one goes down,
 * the high one up by what is missing to 8; a shift by 8 leaves nothing. */
PQF_BODY void unpack_bytes(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t bytes[16], shifts[16];
    for (int i = 0; i < 16; i++) {
        bytes[i] = (uint8_t)(i * width / 8);
        shifts[i] = (uint8_t)(i * width % 8);
    }
    uint8x16_t mask = vdupq_n_u8((uint8_t)low_bits(width));
    uint8x16_t low = load(bytes), high = vaddq_u8(low, vdupq_n_u8(1));
    int8x16_t down = vnegq_s8(vreinterpretq_s8_u8(load(shifts)));
    int8x16_t up = vaddq_s8(down, vdupq_n_s8(8));
    for (int64_t i = 0; i < n; i += 16, in += 2 * width, out += 16) {
        uint8x16_t x = load(in);
        uint8x16_t a = vshlq_u8(vqtbl1q_u8(x, low), down);
        uint8x16_t b = vshlq_u8(vqtbl1q_u8(x, high), up);
        store(out, vandq_u8(vorrq_u8(a, b), mask));
    }
}

static void unpack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0)
        memset(out, 0, (size_t)n);
    else if (width == 8)
        memcpy(out, in, (size_t)n);
    else
        unpack_bytes(in, width, n, out);
}

/* Values of up to 57 bits lie within the 8 bytes from their first one, a pair of them within 16:
 * 7 + 57 + 57 bits. */
PQF_BODY void unpack_to_57(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint64x2_t mask = vdupq_n_u64(low_bits(width));
    place at[4];
    for (int p = 0; p < 4; p++)
        at[p] = place_of(2 * p * width, width, 2);
    for (int64_t i = 0; i < n; i += 8, in += width, out += 64)
        for (int p = 0; p < 4; p++)
            store(out + 16 * p, of_u64(vandq_u64(unpack_2(in, &at[p]), mask)));
}

static void unpack_u64(const uint8_t *in, int width, int64_t n, uint64_t *out) {
    if (width == 0) {
        memset(out, 0, (size_t)n * 8);
    } else if (width == 64) {
        memcpy(out, in, (size_t)n * 8);
    } else if (width <= 57) {
        unpack_to_57(in, width, n, (uint8_t *)out);
    } else {
        any_u64 *to = out;
        for (int64_t i = 0; i < n; i++)
            to[i] = bits_word(in, i * width) & low_bits(width);
    }
}

/* -- packing -- */

/* Lanes of two values, w bits from bit 0 and w bits from the middle, to lanes of 2 w bits. */
PQF_BODY uint8x16_t fold_u8(uint8x16_t x, int width) {
    uint16x8_t odd = vshlq_u16(vshrq_n_u16(as_u16(x), 8), vdupq_n_s16((int16_t)width));
    return of_u16(vorrq_u16(vandq_u16(as_u16(x), vdupq_n_u16(0xFF)), odd));
}
PQF_BODY uint8x16_t fold_u16(uint8x16_t x, int width) {
    uint32x4_t odd = vshlq_u32(vshrq_n_u32(as_u32(x), 16), vdupq_n_s32(width));
    return of_u32(vorrq_u32(vandq_u32(as_u32(x), vdupq_n_u32(0xFFFF)), odd));
}
PQF_BODY uint64x2_t fold_u32(uint8x16_t x, int width) {
    uint64x2_t odd = vshlq_u64(vshrq_n_u64(as_u64(x), 32), vdupq_n_s64(width));
    return vorrq_u64(vandq_u64(as_u64(x), vdupq_n_u64(0xFFFFFFFF)), odd);
}

PQF_BODY void put_words(bit_sink *sink, uint64x2_t words, unsigned bits) {
    bit_sink_put(sink, vgetq_lane_u64(words, 0), bits);
    bit_sink_put(sink, vgetq_lane_u64(words, 1), bits);
}

/* 16 values of 1 to 8 bits, 8 in each word. */
PQF_BODY void put_16_bytes(bit_sink *sink, uint8x16_t x, int width) {
    x = fold_u16(fold_u8(x, width), 2 * width);
    put_words(sink, fold_u32(x, 4 * width), 8 * (unsigned)width);
}

static void pack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    bit_sink sink = bit_sink_at(out, 0);
    if (width == 0) return;
    if (width == 8) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (; n >= 16; n -= 16, in += 16)
        put_16_bytes(&sink, load(in), width);
    for (int64_t i = 0; i < n; i++)
        bit_sink_put(&sink, in[i], (unsigned)width);
    bit_sink_end(&sink);
}

/* As many values a step as fill two words: 16 of up to 8 bits, 8 of up to 16, 4 of up to 31. */
PQF_BODY int64_t pack_steps(bit_sink *sink, const any_u32 *in, int width, int64_t n) {
    int64_t i = 0;
    if (width <= 8)
        for (; i + 16 <= n; i += 16) {
            uint8x16_t x = vuzp1q_u8(low_halves(in + i), low_halves(in + i + 8));
            put_16_bytes(sink, x, width);
        }
    else if (width <= 16)
        for (; i + 8 <= n; i += 8) {
            uint8x16_t x = fold_u16(low_halves(in + i), width);
            put_words(sink, fold_u32(x, 2 * width), 4 * (unsigned)width);
        }
    else
        for (; i + 4 <= n; i += 4)
            put_words(sink, fold_u32(load(in + i), width), 2 * (unsigned)width);
    return i;
}

static void pack_u32(const uint32_t *values, int width, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    bit_sink sink = bit_sink_at(out, 0);
    if (width == 0) return;
    if (width == 32) {
        memcpy(out, in, (size_t)n * 4);
        return;
    }
    for (int64_t i = pack_steps(&sink, in, width, n); i < n; i++)
        bit_sink_put(&sink, in[i], (unsigned)width);
    bit_sink_end(&sink);
}

/* -- sums: within a register by shifts through zeros. 64 bits have no function here: two lanes save
 * nothing over one addition a value -- */

static uint32_t prefix_sum_32(uint32_t *values, int64_t n, uint32_t least,
                              uint32_t last) {
    any_u32 *p = values;
    uint32x4_t zero = vdupq_n_u32(0), each = vdupq_n_u32(least),
               before = vdupq_n_u32(last);
    for (int64_t i = 0; i < n; i += 4) {
        uint32x4_t v = vaddq_u32(as_u32(load(p + i)), each);
        v = vaddq_u32(v, vextq_u32(zero, v, 3));
        v = vaddq_u32(v, vextq_u32(zero, v, 2));
        store(p + i, of_u32(vaddq_u32(v, before)));
        before = vaddq_u32(before, vdupq_laneq_u32(v, 3));
    }
    return n > 0 ? p[n - 1] : last;
}

void pqf_kernels_put_packing_neon(pqf_kernels *table) {
    table->unpack_u32 = unpack_u32;
    table->unpack_u8 = unpack_u8;
    table->unpack_u64 = unpack_u64;
    table->pack_u32 = pack_u32;
    table->pack_u8 = pack_u8;
    table->prefix_sum_32 = prefix_sum_32;
}

#endif
