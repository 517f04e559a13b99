/* SPDX-License-Identifier: Apache-2.0
 *
 * delta_avx2.c: room kernel, level avx2, what delta encodings need beside avx2.c: unpacking to 64
 * bits and prefix sums. Tails run as whole vectors: PQF_SLACK covers what they read and write too
 * much.
 */
#include "tables.h"

#if PQF_KERNEL_X86

#include "avx2.h"

/* -- unpacking -- */

/* Where the four values of a vector are: a half of 16 bytes for each pair of them, then the 8 bytes
 * of each value and its first bit in these. */
typedef struct wide_plan {
    int low, high;
    __m256i window, shift;
} wide_plan;

/* The pair that begins at bit f is loaded from byte f / 8: its second value begins at bit f % 8 + w
 * of that and ends within 16 bytes, and both values end within the 8 bytes from their first one, as
 * 7 + w <= 64. */
AVX2_BODY wide_plan wide_plan_of(int first, int width) {
    int second = first + 2 * width;
    __m256i bit =
        _mm256_setr_epi64x(first % 8, first % 8 + width, second % 8, second % 8 + width);
    __m256i byte =
        _mm256_mul_epu32(_mm256_srli_epi64(bit, 3), _mm256_set1_epi64x(0x01010101));
    byte = _mm256_or_si256(byte, _mm256_slli_epi64(byte, 32));
    return (wide_plan){first / 8, second / 8,
                       _mm256_add_epi64(byte, _mm256_set1_epi64x(0x0706050403020100)),
                       _mm256_and_si256(bit, _mm256_set1_epi64x(7))};
}

AVX2_BODY __m256i unpack_4(const uint8_t *in, const wide_plan *plan, __m256i mask) {
    __m256i x = load_halves(in + plan->low, in + plan->high);
    x = _mm256_shuffle_epi8(x, plan->window);
    return _mm256_and_si256(_mm256_srlv_epi64(x, plan->shift), mask);
}

/* 8 values (w bytes) a step, widths up to 57. The last step begins in a byte that holds a value and
 * reads up to byte 6 * 57 / 8 + 15 from there: within slack. */
AVX2_BODY void unpack_to_57(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    __m256i mask = _mm256_set1_epi64x((int64_t)low_bits(width));
    wide_plan a = wide_plan_of(0, width), b = wide_plan_of(4 * width, width);
    for (int64_t i = 0; i < n; i += 8, in += width, out += 64) {
        store(out, unpack_4(in, &a, mask));
        store(out + 32, unpack_4(in, &b, mask));
    }
}

AVX2 static void unpack_u64(const uint8_t *in, int width, int64_t n, uint64_t *out) {
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

/* -- prefix sums: within 128 bits by shifts, across by a broadcast; then what came before -- */

AVX2_BODY __m256i scan_32(__m256i v) {
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
    __m256i low = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
    return _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xF0));
}

AVX2 static uint32_t prefix_sum_32(uint32_t *values, int64_t n, uint32_t add,
                                   uint32_t start) {
    any_u32 *p = values;
    __m256i each = _mm256_set1_epi32((int)add), before = _mm256_set1_epi32((int)start);
    for (int64_t i = 0; i < n; i += 8) {
        __m256i v = scan_32(_mm256_add_epi32(load(p + i), each));
        store(p + i, _mm256_add_epi32(v, before));
        v = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
        before = _mm256_add_epi32(before, v);
    }
    return n > 0 ? p[n - 1] : start;
}

AVX2_BODY __m256i scan_64(__m256i v) {
    v = _mm256_add_epi64(v, _mm256_slli_si256(v, 8));
    __m256i low = _mm256_permute4x64_epi64(v, 0x55);
    return _mm256_add_epi64(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xF0));
}

AVX2 static uint64_t prefix_sum_64(uint64_t *values, int64_t n, uint64_t add,
                                   uint64_t start) {
    any_u64 *p = values;
    __m256i each = _mm256_set1_epi64x((int64_t)add);
    __m256i before = _mm256_set1_epi64x((int64_t)start);
    for (int64_t i = 0; i < n; i += 4) {
        __m256i v = scan_64(_mm256_add_epi64(load(p + i), each));
        store(p + i, _mm256_add_epi64(v, before));
        before = _mm256_add_epi64(before, _mm256_permute4x64_epi64(v, 0xFF));
    }
    return n > 0 ? p[n - 1] : start;
}

void pqf_kernels_put_delta_avx2(pqf_kernels *table) {
    table->unpack_u64 = unpack_u64;
    table->prefix_sum_32 = prefix_sum_32;
    table->prefix_sum_64 = prefix_sum_64;
}

#endif
