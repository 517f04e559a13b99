/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.h: inputs made from inputs: a few random edits of bytes, numbers and stretches.
 */
#ifndef PQF_TESTS_FUZZ_MUTATE_H
#define PQF_TESTS_FUZZ_MUTATE_H

#include "fuzz.h"

#define FUZZ_MAX_INPUT ((size_t)1 << 16)

/* *len of at most FUZZ_MAX_INPUT bytes, in a room of that many; `other` lends stretches. */
void fuzz_mutate(fuzz_random *r, uint8_t *bytes, size_t *len, pqf_bytes other);

#endif
