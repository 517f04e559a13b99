/* SPDX-License-Identifier: Apache-2.0
 *
 * interval.h (room column, inner): intervals as Parquet and as Arrow has them, n values each. In and
 * out: dense values of 12 bytes and of the field's arrow_width. See interval.c.
 */
#ifndef PQF_COLUMN_INTERVAL_H
#define PQF_COLUMN_INTERVAL_H

#include "column.h"

/* True when Parquet has all of these Arrow values. */
bool pqf_intervals_fit(const uint8_t *in, int64_t n, int32_t width);
pqf_status pqf_intervals_write(const pqf_field *field, const pqf_kernels *kernel,
                               const uint8_t *in, int64_t n, uint8_t *out,
                               pqf_error *err);
pqf_status pqf_intervals_read(const pqf_field *field, const pqf_kernels *kernel,
                              const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err);

#endif
