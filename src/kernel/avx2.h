/* SPDX-License-Identifier: Apache-2.0
 *
 * avx2.h: inside the room kernel. What the files of level avx2 share: its instruction sets, and vectors
 * in and out of memory.
 */
#ifndef PQF_KERNEL_AVX2_H
#define PQF_KERNEL_AVX2_H

#include "tables.h"

#include <immintrin.h>

#define AVX2      __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define AVX2_BODY AVX2 PQF_BODY

AVX2_BODY __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
AVX2_BODY void store(void *p, __m256i v) { _mm256_storeu_si256((__m256i *)p, v); }

/* 16 bytes at lo, 16 bytes at hi. */
AVX2_BODY __m256i load_halves(const uint8_t *lo, const uint8_t *hi) {
    __m128i a = _mm_loadu_si128((const __m128i *)lo),
            b = _mm_loadu_si128((const __m128i *)hi);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

#endif
