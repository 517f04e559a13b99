/* SPDX-License-Identifier: Apache-2.0
 *
 * nulls.h: inner header of the room arrow: arrays that hold the same nothing in every
 * slot.
 */
#ifndef PQF_ARROW_NULLS_H
#define PQF_ARROW_NULLS_H

#include "arrow.h"

/* An array of `length` nulls, or of zeros and empty values when `null` is false. */
pqf_status pqf_array_fill(const struct ArrowSchema *schema, int64_t length, bool null,
                          pqf_mem *mem, struct ArrowArray *out, pqf_error *err);

#endif
