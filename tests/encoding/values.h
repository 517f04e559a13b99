/* SPDX-License-Identifier: Apache-2.0
 *
 * values.h: values of every layout by name of a generator, for the tests that loop over all of
 * them. A value is made from a number, its id: equal ids give equal values, and generators differ
 * in the ids.
 */
#ifndef PQF_TESTS_ENCODING_VALUES_H
#define PQF_TESTS_ENCODING_VALUES_H

#include "encoding_test.h"

typedef enum generator {
    ALL_SAME,
    FEW,
    RUNS,
    ASCENDING,
    DISTINCT,
    NUM_GENERATORS
} generator;

/* width: bytes of FIXED, longest value of BINARY. */
typedef struct value_kind {
    pqf_layout layout;
    int32_t width;
} value_kind;

static const value_kind value_kinds[] = {
    {PQF_BITS, 0},    {PQF_FIXED, 4},   {PQF_FIXED, 8},   {PQF_FIXED, 12},
    {PQF_FIXED, 16},  {PQF_FIXED, 1},   {PQF_FIXED, 3},   {PQF_FIXED, 37},
    {PQF_FIXED, 0},   {PQF_BINARY, 0},  {PQF_BINARY, 12}, {PQF_BINARY, 16},
    {PQF_BINARY, 17}, {PQF_BINARY, 32}, {PQF_BINARY, 64}, {PQF_BINARY, 200},
};
#define NUM_KINDS ((int)(sizeof value_kinds / sizeof value_kinds[0]))

/* Dense values, in memory that ends with the last byte. */
typedef struct values {
    value_kind kind;
    int64_t n;
    uint8_t *bytes; /* FIXED and BITS as Arrow has them; BINARY: one behind the other */
    pqf_slice *slices; /* BINARY and FIXED: each value */
} values;

static inline uint32_t value_len(value_kind kind, uint64_t id) {
    if (kind.layout == PQF_FIXED) return (uint32_t)kind.width;
    return (uint32_t)(mix(id + 77) % (uint64_t)(kind.width + 1));
}

static inline void make_value(uint8_t *out, uint32_t len, uint64_t id) {
    for (uint32_t i = 0; i < len; i++)
        out[i] = (uint8_t)(mix(id * 31 + i / 8) >> (8 * (i % 8)));
}

static inline uint64_t next_id(generator g, uint64_t before, int64_t i) {
    switch (g) {
    case ALL_SAME: return 1;
    case FEW: return rnd() % 7;
    case RUNS: return i > 0 && rnd() % 40 ? before : rnd() % 50;
    case ASCENDING: return (uint64_t)i / 3;
    default: return rnd();
    }
}

static inline void values_bits(values *v, const uint64_t *ids) {
    size_t len = (size_t)pqf_bits_bytes(v->n);
    v->bytes = calloc(len + 1, 1);
    for (int64_t i = 0; i < v->n; i++)
        pqf_bit_put(v->bytes, i, mix(ids[i]) & 1);
    uint8_t *exact = exact_copy(v->bytes, len);
    free(v->bytes);
    v->bytes = exact;
}

static inline void values_bytes(values *v, const uint64_t *ids) {
    size_t total = 0, at = 0;
    for (int64_t i = 0; i < v->n; i++)
        total += value_len(v->kind, ids[i]);
    v->bytes = malloc(total ? total : 1);
    v->slices = malloc(((size_t)v->n + 1) * sizeof *v->slices);
    for (int64_t i = 0; i < v->n; i++) {
        uint32_t len = value_len(v->kind, ids[i]);
        make_value(v->bytes + at, len, ids[i]);
        /* what may be read behind a value is used or not: it makes no difference */
        uint32_t readable = ids[i] % 2 ? len : (uint32_t)(total - at);
        v->slices[i] = (pqf_slice){v->bytes + at, len, readable};
        at += len;
    }
}

static inline values values_new(value_kind kind, int64_t n, generator g) {
    values v = {.kind = kind, .n = n};
    uint64_t *ids = malloc(((size_t)n + 1) * sizeof *ids);
    for (int64_t i = 0; i < n; i++)
        ids[i] = next_id(g, i ? ids[i - 1] : 0, i);
    if (kind.layout == PQF_BITS) {
        values_bits(&v, ids);
    } else {
        values_bytes(&v, ids);
    }
    free(ids);
    return v;
}

static inline void values_free(values *v) {
    free(v->bytes);
    free(v->slices);
}

static inline bool same_value(pqf_slice a, const uint8_t *data, size_t len) {
    return a.len == len && (len == 0 || memcmp(a.data, data, len) == 0);
}

#endif
