/* SPDX-License-Identifier: Apache-2.0
 *
 * bits.h: bitmaps in Arrow's order (bit i of byte j is element 8 j + i) and checked arithmetic.
 */
#ifndef PQF_BASE_BITS_H
#define PQF_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool pqf_bit_get(const uint8_t *bits, int64_t i) {
    return (bits[i >> 3] >> (i & 7)) & 1;
}
static inline void pqf_bit_set(uint8_t *bits, int64_t i) {
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | (1u << (i & 7)));
}
static inline void pqf_bit_put(uint8_t *bits, int64_t i, bool v) {
    uint8_t mask = (uint8_t)(1u << (i & 7));
    bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~mask) | (v ? mask : 0));
}

/* Bytes that hold n bits. */
static inline int64_t pqf_bits_bytes(int64_t n) { return (n >> 3) + ((n & 7) != 0); }

/* The n (1..64) bits from bit position `at`, low bit first; reads no byte behind the last bit. */
static inline uint64_t pqf_bits_load(const uint8_t *bits, int64_t at, int n) {
    const uint8_t *p = bits + (at >> 3);
    unsigned shift = (unsigned)(at & 7);
    unsigned bytes = (shift + (unsigned)n + 7) / 8;
    uint64_t lo = 0;
    memcpy(&lo, p, bytes < 8 ? bytes : 8);
    uint64_t v = lo >> shift;
    if (bytes == 9) v |= (uint64_t)p[8] << (64 - shift);
    return n == 64 ? v : v & ((UINT64_C(1) << n) - 1);
}

/* Without the instruction the builtin is a call; sums of 2, 4 and 8 bits side by side are not, and
 * compilers know them for the instruction in functions whose target has it. */
static inline int pqf_popcount(uint64_t v) {
#if defined(__x86_64__) && !defined(__POPCNT__)
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (int)(v * UINT64_C(0x0101010101010101) >> 56);
#else
    return __builtin_popcountll(v);
#endif
}

/* Bits needed for values 0..max. */
static inline int pqf_bit_width(uint64_t max) {
    return max ? 64 - __builtin_clzll(max) : 0;
}

static inline bool pqf_add_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
static inline bool pqf_mul_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool pqf_mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

static inline int64_t pqf_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t pqf_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
