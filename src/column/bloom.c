/* SPDX-License-Identifier: Apache-2.0
 *
 * bloom.c (room column): split-block Bloom filters, see bloom.h and BloomFilter.md.
 *
 *   hash (XXH64)   [ upper 32 bits: the block ][ lower 32 bits: one bit in each of its 8 words ]
 *   block          8 words of 32 bits, little-endian
 *
 * Blocks are chosen by the upper bits of the hash, so that in a filter of half as many blocks, both
 * powers of two, a value of block i stands in block i / 2.
 */
#include "bloom.h"

#include <math.h>

#define BLOCK     PQF_BLOOM_BLOCK_BYTES
#define NUM_WORDS 8

/* Hashes that are collected (8 MiB of them), and the values that the filter behind them is made for. */
#define MAX_HASHES  ((int64_t)1 << 20)
#define MANY_VALUES ((int64_t)1 << 24)

/* ---- blocks ---- */

static const uint32_t salt[NUM_WORDS] = {0x47B6137Bu, 0x44974D91u, 0x8824AD5Bu,
                                         0xA2B7289Du, 0x705495C7u, 0x2DF1424Bu,
                                         0x9EFC4947u, 0x5C6BFB31u};

static inline uint32_t bit_of(uint64_t hash, int word) {
    return UINT32_C(1) << (((uint32_t)hash * salt[word]) >> 27);
}

uint64_t pqf_bloom_block(uint64_t hash, uint64_t num_blocks) {
    return ((hash >> 32) * num_blocks) >> 32;
}

bool pqf_bloom_block_has(const uint8_t *block, uint64_t hash) {
    for (int i = 0; i < NUM_WORDS; i++)
        if (!(pqf_load_u32(block + 4 * i) & bit_of(hash, i))) return false;
    return true;
}

static void insert(pqf_buf *bits, uint64_t hash) {
    uint8_t *block = bits->data + pqf_bloom_block(hash, bits->len / BLOCK) * BLOCK;
    for (int i = 0; i < NUM_WORDS; i++)
        pqf_store_u32(block + 4 * i, pqf_load_u32(block + 4 * i) | bit_of(hash, i));
}

/* ---- sizes ---- */

/* n values set each bit of a word with probability 1 - exp(-n / words of the filter / 32), and a value
 * that is not there is taken for one that is where it finds 8 such bits. */
int64_t pqf_bloom_bytes(int64_t num_distinct, double fpp) {
    double bits = -8.0 * (double)num_distinct / log1p(-pow(fpp, 1.0 / 8));
    int64_t bytes = BLOCK;
    while (bytes < PQF_BLOOM_MAX_BYTES && (double)bytes * 8 < bits)
        bytes *= 2;
    return bytes;
}

/* Of how many different values the bits tell, by the share of those that are not set. */
static int64_t estimate(const pqf_buf *bits) {
    int64_t num_set = 0, total = (int64_t)bits->len * 8;
    for (size_t i = 0; i < bits->len; i += 8)
        num_set += pqf_popcount(pqf_load_u64(bits->data + i));
    if (num_set == total) return INT64_MAX / 64;
    return (int64_t)ceil(-(double)total / NUM_WORDS *
                         log1p(-(double)num_set / (double)total));
}

/* To half of the size. */
static void fold(pqf_buf *bits) {
    for (size_t to = 0; to < bits->len / 2; to += BLOCK)
        for (size_t i = 0; i < BLOCK; i += 8) {
            const uint8_t *pair = bits->data + 2 * to + i;
            pqf_store_u64(bits->data + to + i,
                          pqf_load_u64(pair) | pqf_load_u64(pair + BLOCK));
        }
    bits->len /= 2;
}

/* ---- values in ---- */

void pqf_bloom_init(pqf_bloom_builder *b, const pqf_leaf *leaf, double fpp,
                    int64_t num_distinct, pqf_mem *mem) {
    *b = (pqf_bloom_builder){
        .fpp = fpp,
        .num_distinct = num_distinct,
        .is_float =
            leaf->physical == PQF_PHYSICAL_FLOAT || leaf->physical == PQF_PHYSICAL_DOUBLE,
    };
    pqf_buf_init(&b->hashes, mem, 0);
    pqf_buf_init(&b->bits, mem, 0);
}

void pqf_bloom_clear(pqf_bloom_builder *b) { b->hashes.len = b->bits.len = 0; }

void pqf_bloom_reset(pqf_bloom_builder *b) {
    pqf_buf_reset(&b->hashes);
    pqf_buf_reset(&b->bits);
}

static pqf_status make_bits(pqf_bloom_builder *b, int64_t num_values, pqf_error *err) {
    b->bits.len = 0;
    TRY(pqf_buf_put_zeros(&b->bits, (size_t)pqf_bloom_bytes(num_values, b->fpp), err));
    for (size_t i = 0; i < b->hashes.len; i += sizeof(uint64_t))
        insert(&b->bits, pqf_load_u64(b->hashes.data + i));
    b->hashes.len = 0;
    return PQF_OK;
}

static pqf_status put_hash(pqf_bloom_builder *b, uint64_t hash, pqf_error *err) {
    bool is_full = b->hashes.len == (size_t)MAX_HASHES * sizeof hash;
    if (!b->bits.len && (b->num_distinct || is_full))
        TRY(make_bits(b, b->num_distinct ? b->num_distinct : MANY_VALUES, err));
    if (!b->bits.len) return pqf_buf_put(&b->hashes, &hash, sizeof hash, err);
    insert(&b->bits, hash);
    return PQF_OK;
}

pqf_status pqf_bloom_put_value(pqf_bloom_builder *b, pqf_bytes value, pqf_error *err) {
    return put_hash(b, pqf_xxh64(value.data, value.len), err);
}

/* Zeros of either sign are equal, but not their hashes: a reader that looks for one finds the other. */
static pqf_status put_zeros(pqf_bloom_builder *b, size_t width, pqf_error *err) {
    static const uint8_t zeros[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0x80};
    TRY(pqf_bloom_put_value(b, pqf_bytes_of(zeros, width), err));
    return pqf_bloom_put_value(b, pqf_bytes_of(zeros + 9 - width, width), err);
}

static bool is_zero(const uint8_t *value, int32_t width) {
    return width == 8 ? pqf_load_u64(value) << 1 == 0 : pqf_load_u32(value) << 1 == 0;
}

pqf_status pqf_bloom_put_fixed(pqf_bloom_builder *b, const uint8_t *values, int64_t n,
                               int32_t width, pqf_error *err) {
    for (int64_t i = 0; i < n; i++, values += width) {
        if (b->is_float && is_zero(values, width)) {
            TRY(put_zeros(b, (size_t)width, err));
            continue;
        }
        TRY(put_hash(b, pqf_xxh64(values, (size_t)width), err));
    }
    return PQF_OK;
}

pqf_status pqf_bloom_put_binary(pqf_bloom_builder *b, pqf_bytes plain, pqf_error *err) {
    for (const uint8_t *p = plain.data, *end = p + plain.len; p < end;) {
        uint32_t len = pqf_load_u32(p);
        TRY(put_hash(b, pqf_xxh64(p + 4, len), err));
        p += 4 + len;
    }
    return PQF_OK;
}

/* ---- the filter ---- */

/* Where nothing was named: large enough for all hashes, then as small as their number allows. */
static pqf_status fit(pqf_bloom_builder *b, pqf_error *err) {
    if (!b->bits.len) {
        int64_t num_hashes = (int64_t)(b->hashes.len / sizeof(uint64_t));
        TRY(make_bits(b, b->num_distinct ? b->num_distinct : num_hashes, err));
    }
    if (b->num_distinct) return PQF_OK;
    int64_t bytes = pqf_bloom_bytes(estimate(&b->bits), b->fpp);
    while ((int64_t)b->bits.len > bytes)
        fold(&b->bits);
    return PQF_OK;
}

pqf_status pqf_bloom_finish(pqf_bloom_builder *b, pqf_buf *out, pqf_error *err) {
    TRY(fit(b, err));
    const pqf_bloom_filter_header header = {
        .num_bytes = (int32_t)b->bits.len,
        .algorithm.has_block = true,
        .hash.has_xxhash = true,
        .compression.has_uncompressed = true,
    };
    TRY(pqf_thrift_write(&pqf_bloom_filter_header_thrift, &header, out, err));
    TRY(pqf_buf_put(out, b->bits.data, b->bits.len, err));
    pqf_bloom_clear(b);
    return PQF_OK;
}
