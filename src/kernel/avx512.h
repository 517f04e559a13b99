/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512.h: inside the room kernel. What the files of level avx512 share: its instruction sets, and
 * vectors in and out of memory.
 */
#ifndef PQF_KERNEL_AVX512_H
#define PQF_KERNEL_AVX512_H

#include "tables.h"

#include <immintrin.h>

#define AVX512                                                                           \
    __attribute__((target(                                                               \
        "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))
#define AVX512_BODY AVX512 PQF_BODY

AVX512_BODY __m512i load(const void *p) { return _mm512_loadu_si512(p); }
AVX512_BODY void store(void *p, __m512i v) { _mm512_storeu_si512(p, v); }

#endif
