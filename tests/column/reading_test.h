/* SPDX-License-Identifier: Apache-2.0
 *
 * reading_test.h: what the tests of reading share. Random field trees and values for them, a
 * naive shredder (Dremel, one value at a time) and a builder of column chunks out of level
 * pairs, and a naive comparison of Arrow arrays with the values that went in.
 */
#ifndef PQF_TESTS_READING_TEST_H
#define PQF_TESTS_READING_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "column/reading.h"

#include <stdio.h>
#include <stdlib.h>

extern uint64_t rnd_seed;
void rnd_start(uint64_t seed);
int64_t rnd_below(int64_t n);

#define CHECK(what, ...)                                                                 \
    do {                                                                                 \
        if (!(what)) {                                                                   \
            print_error("seed %llu: %s: ", (unsigned long long)rnd_seed, #what);         \
            print_error(__VA_ARGS__);                                                    \
            print_error("\n");                                                           \
            fail();                                                                      \
        }                                                                                \
    } while (0)

/* ---- fields ---- */

typedef struct test_tree {
    pqf_field root; /* the top-level field */
    pqf_leaf leaves[64];
    pqf_field children[128];
    int32_t num_leaves;
    int32_t num_children;
} test_tree;

void tree_leaf(test_tree *t, pqf_field *f, pqf_physical physical);
/* Gives f `n` children, which are to be filled in order. */
void tree_group(test_tree *t, pqf_field *f, pqf_field_kind kind, int32_t n);
/* Sets levels, leaf numbers and parents once the shape stands. */
void tree_finish(test_tree *t);
/* A random tree of at most `depth` groups above its leaves. */
void tree_random(test_tree *t, int depth);

/* ---- values ---- */

typedef struct test_value {
    bool null;
    int64_t v; /* leaf */
    int64_t num_items;
    struct test_value *items; /* LIST, MAP: items; STRUCT: one per child */
} test_value;

/* Random value of a field; lists have up to max_items items, or exactly that many when `same`. */
typedef struct value_spec {
    int null_percent;
    int64_t max_items;
    bool same;
} value_spec;
test_value value_random(const pqf_field *f, const value_spec *spec);
void value_free(test_value *v);

/* ---- level pairs ---- */

typedef struct test_levels {
    int64_t n, cap;
    uint8_t *rep, *def;
    int64_t *values; /* of pairs with the largest definition level */
} test_levels;
void levels_put(test_levels *l, int rep, int def, int64_t value);
void levels_shred(const pqf_field *root, const test_value *rows, int64_t num_rows,
                  int32_t leaf, test_levels *out);
void levels_free(test_levels *l);

/* The bytes of a leaf value: 4, 8 or a few for a string. Returns how many. */
size_t leaf_bytes(const pqf_leaf *leaf, int64_t v, uint8_t out[64]);

/* ---- chunks ---- */

typedef struct chunk_layout {
    int version; /* of data pages: 1, 2, 0: mixed */
    int32_t codec;
    bool crc;
    bool dictionary;
    int64_t page_levels; /* about */
    bool index_pages;    /* pages of unknown types in between */
    bool plain_tail;     /* the last pages leave the dictionary */
    bool packed_levels;  /* some levels of V1 pages are BIT_PACKED */
} chunk_layout;

typedef struct test_chunk {
    pqf_mem *mem;
    pqf_buf bytes;
    pqf_column_metadata meta;
    pqf_chunk chunk;
    pqf_source *source;
} test_chunk;

/* Builds a chunk of num_rows rows; `mem` counts its own memory and is not the one under test. */
void chunk_build(test_chunk *c, const pqf_leaf *leaf, const test_levels *levels,
                 int64_t num_rows, const chunk_layout *layout, pqf_mem *mem);
/* Bytes of the caller's making instead. */
void chunk_begin(test_chunk *c, const pqf_leaf *leaf, int32_t codec, pqf_mem *mem);
/* One page; body as it stands before compression. */
void chunk_put_page(test_chunk *c, pqf_page_header *header, pqf_bytes levels,
                    pqf_bytes values, bool crc);
void chunk_finish(test_chunk *c, int64_t num_values, int64_t num_rows);
/* From here on the source is a mapped file, without a name, that begins with `shift` other bytes and ends
 * with the chunk. */
void chunk_map(test_chunk *c, size_t shift);
void chunk_free(test_chunk *c);

/* ---- reading and comparing ---- */

/* Opens, reads num_rows rows in random pieces, closes. */
pqf_status chunk_read(const test_chunk *c, const pqf_field *leaf_field,
                      size_t window_bytes, bool in_pieces, pqf_leaf_out *out,
                      pqf_mem *mem, pqf_error *err);
/* Compares with rows [0, n); skipped under null parents. */
void array_check(const pqf_field *f, const struct ArrowArray *array,
                 const test_value **rows, int64_t n);

#endif
