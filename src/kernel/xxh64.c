/* SPDX-License-Identifier: Apache-2.0
 *
 * xxh64.c (room kernel): the hash of Bloom filters, XXH64 with seed 0, by the specification of xxHash
 * (version 0.1.1). In: bytes. Out: 64 bits.
 *
 *   32 bytes or more   four lanes take 8 bytes each in turn, then they are merged
 *   the rest           8 bytes at a time, then 4, then single ones
 *   avalanche          every bit of the input reaches every bit of the result
 */
#include "kernel.h"

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

static inline uint64_t rotate(uint64_t v, int bits) {
    return v << bits | v >> (64 - bits);
}

static inline uint64_t round_of(uint64_t lane, uint64_t input) {
    return rotate(lane + input * PRIME_2, 31) * PRIME_1;
}

static inline uint64_t merge(uint64_t hash, uint64_t lane) {
    return (hash ^ round_of(0, lane)) * PRIME_1 + PRIME_4;
}

/* Of whole stripes of 32 bytes. */
static uint64_t hash_stripes(const uint8_t *p, size_t num_stripes) {
    uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = -PRIME_1;
    for (; num_stripes > 0; num_stripes--, p += 32) {
        a = round_of(a, pqf_load_u64(p));
        b = round_of(b, pqf_load_u64(p + 8));
        c = round_of(c, pqf_load_u64(p + 16));
        d = round_of(d, pqf_load_u64(p + 24));
    }
    uint64_t hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    return merge(merge(merge(merge(hash, a), b), c), d);
}

uint64_t pqf_xxh64(const void *data, size_t len) {
    const uint8_t *p = data;
    uint64_t hash = len >= 32 ? hash_stripes(p, len / 32) : PRIME_5;
    size_t left = len % 32;
    p += len - left;
    hash += len;
    for (; left >= 8; left -= 8, p += 8)
        hash = rotate(hash ^ round_of(0, pqf_load_u64(p)), 27) * PRIME_1 + PRIME_4;
    if (left >= 4) {
        hash = rotate(hash ^ pqf_load_u32(p) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        left -= 4;
        p += 4;
    }
    for (; left > 0; left--, p++)
        hash = rotate(hash ^ *p * PRIME_5, 11) * PRIME_1;
    hash = (hash ^ hash >> 33) * PRIME_2;
    hash = (hash ^ hash >> 29) * PRIME_3;
    return hash ^ hash >> 32;
}
