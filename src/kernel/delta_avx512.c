/* SPDX-License-Identifier: Apache-2.0
 *
 * delta_avx512.c: room kernel, level avx512, what delta encodings need beside avx512.c: unpacking to
 * 64 bits and prefix sums, 64 bytes of output a step. Tails run as whole vectors: PQF_SLACK covers
 * what they read and write too much.
 */
#include "tables.h"

#if PQF_KERNEL_X86

#include "avx512.h"

/* -- unpacking: vpermb brings the 8 bytes from that of a value's first bit, a shift aligns them -- */

/* 8 values (w bytes) a step: value l begins at bit l w and, for w <= 57, ends within these bytes;
 * wider ones take the bits that are missing from the ninth byte, which is at most byte 63. The last
 * step begins in a byte that holds a value: its load ends within slack. */
AVX512_BODY void unpack_8(const uint8_t *in, int width, int64_t n, uint8_t *out,
                          bool nine_bytes) {
    __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    __m512i bit = _mm512_mullo_epi32(lanes, _mm512_set1_epi64(width));
    __m512i byte = _mm512_srli_epi64(bit, 3),
            shift = _mm512_and_si512(bit, _mm512_set1_epi64(7));
    byte = _mm512_or_si512(byte, _mm512_slli_epi64(byte, 8));
    byte = _mm512_or_si512(byte, _mm512_slli_epi64(byte, 16));
    byte = _mm512_or_si512(byte, _mm512_slli_epi64(byte, 32));
    __m512i low = _mm512_add_epi8(byte, _mm512_set1_epi64(0x0706050403020100));
    __m512i high = _mm512_add_epi8(byte, _mm512_set1_epi8(8));
    __m512i mask = _mm512_set1_epi64((int64_t)low_bits(width));
    for (int64_t i = 0; i < n; i += 8, in += width, out += 64) {
        __m512i x = load(in), v = _mm512_permutexvar_epi8(low, x);
        if (nine_bytes)
            v = _mm512_shrdv_epi64(v, _mm512_permutexvar_epi8(high, x), shift);
        else
            v = _mm512_srlv_epi64(v, shift);
        store(out, _mm512_and_si512(v, mask));
    }
}

AVX512 static void unpack_u64(const uint8_t *in, int width, int64_t n, uint64_t *out) {
    if (width == 0)
        memset(out, 0, (size_t)n * 8);
    else if (width == 64)
        memcpy(out, in, (size_t)n * 8);
    else if (width <= 57)
        unpack_8(in, width, n, (uint8_t *)out, false);
    else
        unpack_8(in, width, n, (uint8_t *)out, true);
}

/* -- prefix sums: lanes move up by 1, 2, 4, (8) and are added; then what came before -- */

#define UP_32(v, lanes) _mm512_alignr_epi32(v, _mm512_setzero_si512(), 16 - (lanes))
#define UP_64(v, lanes) _mm512_alignr_epi64(v, _mm512_setzero_si512(), 8 - (lanes))

AVX512 static uint32_t prefix_sum_32(uint32_t *values, int64_t n, uint32_t add,
                                     uint32_t start) {
    any_u32 *p = values;
    __m512i each = _mm512_set1_epi32((int)add), before = _mm512_set1_epi32((int)start);
    for (int64_t i = 0; i < n; i += 16) {
        __m512i v = _mm512_add_epi32(load(p + i), each);
        v = _mm512_add_epi32(v, UP_32(v, 1));
        v = _mm512_add_epi32(v, UP_32(v, 2));
        v = _mm512_add_epi32(v, UP_32(v, 4));
        v = _mm512_add_epi32(v, UP_32(v, 8));
        store(p + i, _mm512_add_epi32(v, before));
        v = _mm512_permutexvar_epi32(_mm512_set1_epi32(15), v);
        before = _mm512_add_epi32(before, v);
    }
    return n > 0 ? p[n - 1] : start;
}

AVX512 static uint64_t prefix_sum_64(uint64_t *values, int64_t n, uint64_t add,
                                     uint64_t start) {
    any_u64 *p = values;
    __m512i each = _mm512_set1_epi64((int64_t)add);
    __m512i before = _mm512_set1_epi64((int64_t)start);
    for (int64_t i = 0; i < n; i += 8) {
        __m512i v = _mm512_add_epi64(load(p + i), each);
        v = _mm512_add_epi64(v, UP_64(v, 1));
        v = _mm512_add_epi64(v, UP_64(v, 2));
        v = _mm512_add_epi64(v, UP_64(v, 4));
        store(p + i, _mm512_add_epi64(v, before));
        v = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), v);
        before = _mm512_add_epi64(before, v);
    }
    return n > 0 ? p[n - 1] : start;
}

void pqf_kernels_put_delta_avx512(pqf_kernels *table) {
    table->unpack_u64 = unpack_u64;
    table->prefix_sum_32 = prefix_sum_32;
    table->prefix_sum_64 = prefix_sum_64;
}

#endif
