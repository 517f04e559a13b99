/* SPDX-License-Identifier: Apache-2.0
 *
 * wide.h: inner header of the room arrow: decimals of any width as sign and 256-bit
 * magnitude. Slow and plain: for rescaling decimal256 and for texts; decimal128 and below
 * are rescaled as __int128.
 */
#ifndef PQF_ARROW_WIDE_H
#define PQF_ARROW_WIDE_H

#include "base/bytes.h"

__extension__ typedef __int128 pqf_i128;
__extension__ typedef unsigned __int128 pqf_u128;

typedef struct pqf_wide {
    uint64_t limb[4]; /* magnitude, low limb first */
    bool negative;
} pqf_wide;

static inline void pqf_wide_negate_(uint64_t limb[4]) {
    uint64_t carry = 1;
    for (int i = 0; i < 4; i++) {
        limb[i] = ~limb[i] + carry;
        carry = carry && limb[i] == 0;
    }
}

/* A two's complement number of `bytes` (1 to 32) bytes. */
static inline pqf_wide pqf_wide_load(const uint8_t *p, size_t bytes) {
    pqf_wide v = {.negative = (p[bytes - 1] & 0x80) != 0};
    memset(v.limb, v.negative ? 0xFF : 0, sizeof v.limb);
    memcpy(v.limb, p, bytes);
    if (v.negative) pqf_wide_negate_(v.limb);
    return v;
}

/* Writes the low `bytes` bytes; the caller knows that the number fits. */
static inline void pqf_wide_store(pqf_wide v, uint8_t *p, size_t bytes) {
    if (v.negative) pqf_wide_negate_(v.limb);
    memcpy(p, v.limb, bytes);
}

static inline bool pqf_wide_is_zero(const pqf_wide *v) {
    return (v->limb[0] | v->limb[1] | v->limb[2] | v->limb[3]) == 0;
}

/* Times a small number; false when the magnitude leaves 256 bits. */
static inline bool pqf_wide_times(pqf_wide *v, uint64_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        pqf_u128 product = (pqf_u128)v->limb[i] * factor + carry;
        v->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry == 0;
}

/* Divides by a small number and gives the remainder. */
static inline uint64_t pqf_wide_divide(pqf_wide *v, uint64_t divisor) {
    uint64_t rest = 0;
    for (int i = 3; i >= 0; i--) {
        pqf_u128 part = (pqf_u128)rest << 64 | v->limb[i];
        v->limb[i] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
    }
    return rest;
}

/* Magnitudes only: a < b. */
static inline bool pqf_wide_is_below(const pqf_wide *a, const pqf_wide *b) {
    for (int i = 3; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i];
    }
    return false;
}

#endif
