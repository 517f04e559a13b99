/* SPDX-License-Identifier: Apache-2.0
 *
 * streams_neon.c: room kernel, level neon: values out of byte streams and back. A step takes 16 values: a
 * register of each stream. The loads and stores of structures do the interleaving: of bytes for widths
 * 2, 3 and 4, of pairs of bytes for width 8.
 *
 * Other widths go in groups of 8 streams, the last one overlapping; fewer than 8 are one group.
 */
#include "tables.h"

#if PQF_KERNEL_ARM

#include "neon.h"

enum { STEP = 16 };

/* -- streams to values -- */

PQF_BODY void join_2(const uint8_t *in, int64_t stride, uint8_t *out) {
    uint8x16x2_t x = {{load(in), load(in + stride)}};
    vst2q_u8(out, x);
}

PQF_BODY void join_3(const uint8_t *in, int64_t stride, uint8_t *out) {
    uint8x16x3_t x = {{load(in), load(in + stride), load(in + 2 * stride)}};
    vst3q_u8(out, x);
}

PQF_BODY void join_4(const uint8_t *in, int64_t stride, uint8_t *out) {
    uint8x16x4_t x = {
        {load(in), load(in + stride), load(in + 2 * stride), load(in + 3 * stride)}};
    vst4q_u8(out, x);
}

/* Streams 2 k and 2 k + 1 as pairs: those of values 0..7 in low, of 8..15 in high. */
PQF_BODY void load_pairs(const uint8_t *in, int64_t stride, int streams,
                         uint16x8x4_t *low, uint16x8x4_t *high) {
    for (int k = 0; k < 4; k++) {
        int a = 2 * k < streams ? 2 * k : 0, b = 2 * k + 1 < streams ? 2 * k + 1 : 0;
        uint8x16_t x = load(in + a * stride), y = load(in + b * stride);
        low->val[k] = as_u16(vzip1q_u8(x, y));
        high->val[k] = as_u16(vzip2q_u8(x, y));
    }
}

PQF_BODY void join_8(const uint8_t *in, int64_t stride, uint8_t *out) {
    uint16x8x4_t low, high;
    load_pairs(in, stride, 8, &low, &high);
    vst4q_u16((uint16_t *)(void *)out, low);
    vst4q_u16((uint16_t *)(void *)(out + 64), high);
}

/* 8 bytes of each value, `width` bytes apart. There are `streams` (1..8) of them; where they are fewer
 * than 8 the bytes too many are overwritten by the next value or lie in slack. */
PQF_BODY void join_group(const uint8_t *in, int64_t stride, int streams, int64_t width,
                         uint8_t *out) {
    uint16x8x4_t half[2];
    uint8_t values[64];
    load_pairs(in, stride, streams, &half[0], &half[1]);
    for (int h = 0; h < 2; h++) {
        vst4q_u16((uint16_t *)(void *)values, half[h]);
        for (int i = 0; i < 8; i++, out += width)
            memcpy(out, values + 8 * i, 8);
    }
}

PQF_BODY void join_any(const uint8_t *in, int64_t stride, int width, uint8_t *out) {
    if (width < 8) {
        join_group(in, stride, width, width, out);
        return;
    }
    for (int k = 0; k < width; k += 8) {
        int from = k + 8 <= width ? k : width - 8;
        join_group(in + from * stride, stride, 8, width, out + from);
    }
}

static void join_streams(const uint8_t *in, int64_t stride, int width, int64_t n,
                         uint8_t *out) {
    if (width == 1) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (; n >= STEP; n -= STEP, in += STEP, out += STEP * (int64_t)width) {
        if (width == 8)
            join_8(in, stride, out);
        else if (width == 4)
            join_4(in, stride, out);
        else if (width == 2)
            join_2(in, stride, out);
        else if (width == 3)
            join_3(in, stride, out);
        else
            join_any(in, stride, width, out);
    }
    join_streams_body(in, stride, width, n, out);
}

/* -- values to streams -- */

PQF_BODY void split_2(const uint8_t *in, uint8_t *out, int64_t stride) {
    uint8x16x2_t x = vld2q_u8(in);
    for (int k = 0; k < 2; k++)
        store(out + k * stride, x.val[k]);
}

PQF_BODY void split_3(const uint8_t *in, uint8_t *out, int64_t stride) {
    uint8x16x3_t x = vld3q_u8(in);
    for (int k = 0; k < 3; k++)
        store(out + k * stride, x.val[k]);
}

PQF_BODY void split_4(const uint8_t *in, uint8_t *out, int64_t stride) {
    uint8x16x4_t x = vld4q_u8(in);
    for (int k = 0; k < 4; k++)
        store(out + k * stride, x.val[k]);
}

/* `streams` (1..8) of 16 values that lie 8 bytes apart: the pairs of streams 2 k and 2 k + 1 come in a
 * register each for values 0..7 and 8..15, and their low bytes are the one, their high bytes the other. */
PQF_BODY void split_8(const uint8_t *in, int streams, uint8_t *out, int64_t stride) {
    uint16x8x4_t low = vld4q_u16((const uint16_t *)(const void *)in);
    uint16x8x4_t high = vld4q_u16((const uint16_t *)(const void *)(in + 64));
    for (int k = 0; k < streams; k++) {
        uint8x16_t a = of_u16(low.val[k / 2]), b = of_u16(high.val[k / 2]);
        store(out + k * stride, k % 2 ? vuzp2q_u8(a, b) : vuzp1q_u8(a, b));
    }
}

/* The same of values `width` bytes apart; up to 8 bytes of each are read. */
PQF_BODY void split_group(const uint8_t *in, int64_t width, int streams, uint8_t *out,
                          int64_t stride) {
    uint8_t values[128];
    for (int i = 0; i < STEP; i++, in += width)
        memcpy(values + 8 * i, in, 8);
    split_8(values, streams, out, stride);
}

PQF_BODY void split_any(const uint8_t *in, int width, uint8_t *out, int64_t stride) {
    if (width < 8) {
        split_group(in, width, width, out, stride);
        return;
    }
    for (int k = 0; k < width; k += 8) {
        int from = k + 8 <= width ? k : width - 8;
        split_group(in + from, width, 8, out + from * stride, stride);
    }
}

static void split_streams(const uint8_t *in, int width, int64_t n, uint8_t *out,
                          int64_t stride) {
    if (width == 1) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (; n >= STEP; n -= STEP, in += STEP * (int64_t)width, out += STEP) {
        if (width == 8)
            split_8(in, 8, out, stride);
        else if (width == 4)
            split_4(in, out, stride);
        else if (width == 2)
            split_2(in, out, stride);
        else if (width == 3)
            split_3(in, out, stride);
        else
            split_any(in, width, out, stride);
    }
    split_streams_body(in, width, n, out, stride);
}

void pqf_kernels_put_streams_neon(pqf_kernels *table) {
    table->join_streams = join_streams;
    table->split_streams = split_streams;
}

#endif
