/* SPDX-License-Identifier: Apache-2.0
 *
 * arrays.h: Arrow schemas and arrays of a stranger, made from bytes.
 */
#ifndef PQF_TESTS_FUZZ_ARRAYS_H
#define PQF_TESTS_FUZZ_ARRAYS_H

#include "fuzz.h"

typedef struct fuzz_batch {
    struct ArrowSchema schema; /* a struct */
    struct ArrowArray array;
    void **blocks;
    size_t num_blocks;
} fuzz_batch;

/* A batch of up to four columns, nested up to four levels. Every buffer is as long as its array says,
 * for nobody could check that; all else may be a lie: counts, offsets, indexes, run ends, views,
 * formats, pointers. Reads bytes from the cursor and goes on with zeros behind its end. */
void fuzz_batch_make(pqf_cursor *c, fuzz_batch *out);
void fuzz_batch_free(fuzz_batch *b);

#endif
