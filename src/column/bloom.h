/* SPDX-License-Identifier: Apache-2.0
 *
 * bloom.h (room column, inner): split-block Bloom filters (BloomFilter.md) of a chunk that is written.
 * In come values in PLAIN bytes, out goes header and bitset.
 *
 * Without a number of distinct values named the filter gets its size at the end: hashes are collected,
 * and once they are too many they go into a large filter, which is folded (two neighbouring blocks
 * become one, which is what a filter of half the size would have held) to what its own fill asks for.
 */
#ifndef PQF_COLUMN_BLOOM_H
#define PQF_COLUMN_BLOOM_H

#include "column.h"

#define PQF_BLOOM_BLOCK_BYTES 32
#define PQF_BLOOM_MAX_BYTES   ((int64_t)128 << 20)

typedef struct pqf_bloom_builder {
    double fpp;           /* false positives that are wanted, above 0 and below 1 */
    int64_t num_distinct; /* as named; 0: to be found out */
    bool is_float;        /* a zero stands for the other one too */
    pqf_buf hashes;       /* uint64 each; empty once there are bits */
    pqf_buf bits;
} pqf_bloom_builder;

/* Bytes of a filter of so many values: a power of two, 32 bytes at least. */
int64_t pqf_bloom_bytes(int64_t num_distinct, double fpp);

void pqf_bloom_init(pqf_bloom_builder *b, const pqf_leaf *leaf, double fpp,
                    int64_t num_distinct, pqf_mem *mem);
void pqf_bloom_clear(pqf_bloom_builder *b); /* keeps its memory */
void pqf_bloom_reset(pqf_bloom_builder *b);
pqf_status pqf_bloom_put_fixed(pqf_bloom_builder *b, const uint8_t *values, int64_t n,
                               int32_t width, pqf_error *err);
/* PLAIN BYTE_ARRAY values, each behind its length. */
pqf_status pqf_bloom_put_binary(pqf_bloom_builder *b, pqf_bytes plain, pqf_error *err);
pqf_status pqf_bloom_put_value(pqf_bloom_builder *b, pqf_bytes value, pqf_error *err);
/* Appends BloomFilterHeader and bitset to `out`. */
pqf_status pqf_bloom_finish(pqf_bloom_builder *b, pqf_buf *out, pqf_error *err);

/* Block of a filter of num_blocks that a hash belongs to; bits of the block that it has. */
uint64_t pqf_bloom_block(uint64_t hash, uint64_t num_blocks);
bool pqf_bloom_block_has(const uint8_t *block, uint64_t hash);

#endif
