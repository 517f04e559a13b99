/* SPDX-License-Identifier: Apache-2.0
 *
 * streams_avx2.c: room kernel, level avx2: values out of byte streams and back. A step takes 16
 * values: registers of 16 bytes, one for each stream, are interleaved with their neighbours by
 * bytes, pairs and fours until the bytes of a value stand side by side; the way back begins with
 * the pairs of two values. Vectors of 32 bytes would do no more, their halves are interleaved apart.
 *
 * Other widths than 2, 4 and 8 go in groups of 8 streams, the last one overlapping.
 */
#include "tables.h"

#if PQF_KERNEL_X86

#include "avx2.h"

enum { STEP = 16 };

AVX2_BODY __m128i load_16(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
AVX2_BODY void store_16(void *p, __m128i v) { _mm_storeu_si128((__m128i *)p, v); }

/* -- streams to values -- */

AVX2_BODY void join_2(const uint8_t *in, int64_t stride, uint8_t *out) {
    __m128i a = load_16(in), b = load_16(in + stride);
    store_16(out, _mm_unpacklo_epi8(a, b));
    store_16(out + 16, _mm_unpackhi_epi8(a, b));
}

/* x: 4 streams; y[j]: values 4 j to 4 j + 3. */
AVX2_BODY void interleave_4(const __m128i x[4], __m128i y[4]) {
    __m128i a = _mm_unpacklo_epi8(x[0], x[1]), b = _mm_unpackhi_epi8(x[0], x[1]);
    __m128i c = _mm_unpacklo_epi8(x[2], x[3]), d = _mm_unpackhi_epi8(x[2], x[3]);
    y[0] = _mm_unpacklo_epi16(a, c);
    y[1] = _mm_unpackhi_epi16(a, c);
    y[2] = _mm_unpacklo_epi16(b, d);
    y[3] = _mm_unpackhi_epi16(b, d);
}

AVX2_BODY void join_4(const uint8_t *in, int64_t stride, uint8_t *out) {
    __m128i x[4], y[4];
    for (int k = 0; k < 4; k++)
        x[k] = load_16(in + k * stride);
    interleave_4(x, y);
    for (int j = 0; j < 4; j++)
        store_16(out + 16 * j, y[j]);
}

/* x: 8 streams; y[j]: values 2 j and 2 j + 1. */
AVX2_BODY void interleave_8(const __m128i x[8], __m128i y[8]) {
    __m128i a[4], b[4];
    interleave_4(x, a);
    interleave_4(x + 4, b);
    for (int j = 0; j < 4; j++) {
        y[2 * j] = _mm_unpacklo_epi32(a[j], b[j]);
        y[2 * j + 1] = _mm_unpackhi_epi32(a[j], b[j]);
    }
}

AVX2_BODY void join_8(const uint8_t *in, int64_t stride, uint8_t *out) {
    __m128i x[8], y[8];
    for (int k = 0; k < 8; k++)
        x[k] = load_16(in + k * stride);
    interleave_8(x, y);
    for (int j = 0; j < 8; j++)
        store_16(out + 16 * j, y[j]);
}

/* 8 bytes of each value, `width` bytes apart. There are `streams` (1..8) of them; where they are
 * fewer than 8 the bytes too many are overwritten by the next value or lie in slack. */
AVX2_BODY void join_group(const uint8_t *in, int64_t stride, int streams, int64_t width,
                          uint8_t *out) {
    __m128i x[8], y[8];
    for (int k = 0; k < 8; k++)
        x[k] = load_16(in + (k < streams ? k : 0) * stride);
    interleave_8(x, y);
    for (int j = 0; j < 8; j++, out += 2 * width) {
        _mm_storel_epi64((__m128i *)out, y[j]);
        _mm_storel_epi64((__m128i *)(out + width), _mm_unpackhi_epi64(y[j], y[j]));
    }
}

AVX2_BODY void join_any(const uint8_t *in, int64_t stride, int width, uint8_t *out) {
    if (width < 8) {
        join_group(in, stride, width, width, out);
        return;
    }
    for (int k = 0; k < width; k += 8) {
        int from = k + 8 <= width ? k : width - 8;
        join_group(in + from * stride, stride, 8, width, out + from);
    }
}

AVX2 static void join_streams(const uint8_t *in, int64_t stride, int width, int64_t n,
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
        else
            join_any(in, stride, width, out);
    }
    join_streams_body(in, stride, width, n, out);
}

/* -- values to streams -- */

AVX2_BODY void split_2(const uint8_t *in, uint8_t *out, int64_t stride) {
    __m128i a = load_16(in), b = load_16(in + 16), low = _mm_set1_epi16(0xFF);
    store_16(out, _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low)));
    store_16(out + stride, _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8)));
}

/* In each register the four bytes of a stream come together, then the registers change rows for
 * columns in fours of bytes. */
AVX2_BODY void split_4(const uint8_t *in, uint8_t *out, int64_t stride) {
    __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m128i x[4];
    for (int j = 0; j < 4; j++)
        x[j] = _mm_shuffle_epi8(load_16(in + 16 * j), order);
    __m128i a = _mm_unpacklo_epi32(x[0], x[1]), b = _mm_unpackhi_epi32(x[0], x[1]);
    __m128i c = _mm_unpacklo_epi32(x[2], x[3]), d = _mm_unpackhi_epi32(x[2], x[3]);
    store_16(out, _mm_unpacklo_epi64(a, c));
    store_16(out + stride, _mm_unpackhi_epi64(a, c));
    store_16(out + 2 * stride, _mm_unpacklo_epi64(b, d));
    store_16(out + 3 * stride, _mm_unpackhi_epi64(b, d));
}

/* The 8 bytes of two values that are `width` bytes apart, as pairs: one of each stream. */
AVX2_BODY __m128i load_pair(const uint8_t *in, int64_t width) {
    __m128i order = _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    __m128i a = _mm_loadl_epi64((const __m128i *)in);
    __m128i b = _mm_loadl_epi64((const __m128i *)(in + width));
    return _mm_shuffle_epi8(_mm_unpacklo_epi64(a, b), order);
}

/* x: 4 registers of 8 pairs; y[j]: the 4 pairs of streams 2 j and 2 j + 1. */
AVX2_BODY void collect_pairs(const __m128i x[4], __m128i y[4]) {
    __m128i a = _mm_unpacklo_epi16(x[0], x[1]), b = _mm_unpackhi_epi16(x[0], x[1]);
    __m128i c = _mm_unpacklo_epi16(x[2], x[3]), d = _mm_unpackhi_epi16(x[2], x[3]);
    y[0] = _mm_unpacklo_epi32(a, c);
    y[1] = _mm_unpackhi_epi32(a, c);
    y[2] = _mm_unpacklo_epi32(b, d);
    y[3] = _mm_unpackhi_epi32(b, d);
}

/* `streams` (1..8) of 16 values; up to 8 bytes of each value are read. */
AVX2_BODY void split_group(const uint8_t *in, int64_t width, int streams, uint8_t *out,
                           int64_t stride) {
    __m128i x[8], low[4], high[4];
    for (int j = 0; j < 8; j++)
        x[j] = load_pair(in + 2 * j * width, width);
    collect_pairs(x, low);
    collect_pairs(x + 4, high);
    for (int k = 0; k < streams; k++, out += stride) {
        __m128i a = low[k / 2], b = high[k / 2];
        store_16(out, k % 2 ? _mm_unpackhi_epi64(a, b) : _mm_unpacklo_epi64(a, b));
    }
}

AVX2_BODY void split_any(const uint8_t *in, int width, uint8_t *out, int64_t stride) {
    if (width < 8) {
        split_group(in, width, width, out, stride);
        return;
    }
    for (int k = 0; k < width; k += 8) {
        int from = k + 8 <= width ? k : width - 8;
        split_group(in + from, width, 8, out + from * stride, stride);
    }
}

AVX2 static void split_streams(const uint8_t *in, int width, int64_t n, uint8_t *out,
                               int64_t stride) {
    if (width == 1) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (; n >= STEP; n -= STEP, in += STEP * (int64_t)width, out += STEP) {
        if (width == 8)
            split_group(in, 8, 8, out, stride);
        else if (width == 4)
            split_4(in, out, stride);
        else if (width == 2)
            split_2(in, out, stride);
        else
            split_any(in, width, out, stride);
    }
    split_streams_body(in, width, n, out, stride);
}

void pqf_kernels_put_streams_avx2(pqf_kernels *table) {
    table->join_streams = join_streams;
    table->split_streams = split_streams;
}

#endif
