/* SPDX-License-Identifier: Apache-2.0
 *
 * array.h: inner header of the room arrow: arrays of ours beyond what the door offers.
 */
#ifndef PQF_ARROW_ARRAY_H
#define PQF_ARROW_ARRAY_H

#include "arrow.h"

/* 64 zero bytes: what buffers without bytes point at. */
extern const uint8_t pqf_zeros[PQF_SLACK];

/* Points buffer i at bytes that `array` does not own. */
void pqf_array_borrow_buffer(struct ArrowArray *array, int64_t i, const void *bytes);
/* Moves `kept` in to be released with `array`, which borrows from it. */
pqf_status pqf_array_keep(struct ArrowArray *array, struct ArrowArray *kept,
                          pqf_error *err);
/* An array whose buffers are those that `view` looks at: nothing is copied, nothing
 * owned. */
pqf_status pqf_array_borrow(const pqf_view *view, pqf_mem *mem, struct ArrowArray *out,
                            pqf_error *err);
/* pqf_array_gather that asks whether to go on. */
pqf_status pqf_array_gather_on(const pqf_view *view, const int64_t *indexes, int64_t n,
                               const pqf_poll *poll, pqf_mem *mem, struct ArrowArray *out,
                               pqf_error *err);
/* A buffer of exactly size bytes, len set. */
pqf_status pqf_buf_sized(pqf_buf *buf, pqf_mem *mem, size_t size, bool zeroed,
                         pqf_error *err);
/* count * size, with PQF_LIMIT where that exceeds what can be addressed. */
pqf_status pqf_bytes_times(int64_t count, int64_t size, size_t *out, pqf_error *err);

#endif
