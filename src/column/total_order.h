/* SPDX-License-Identifier: Apache-2.0
 *
 * total_order.h (room column, inner): floats in the order of IEEE 754's totalOrder predicate, which
 * parquet.thrift names in ColumnOrder. In: PLAIN floats of 2, 4 or 8 bytes. Out: how they compare by
 * their bits, and their bounds as Statistics wants them.
 *
 *   -NaN, payload falling | -inf ... -1 ... -0 | +0 ... 1 ... +inf | +NaN, payload rising
 */
#ifndef PQF_COLUMN_TOTAL_ORDER_H
#define PQF_COLUMN_TOTAL_ORDER_H

#include "column.h"

/* A number that compares as the value does. */
int64_t pqf_total_order_key(const uint8_t *value, int32_t width);
/* Least and greatest of n >= 1 values (PQF_SLACK behind them): of those that are no NaN, else of the NaN,
 * and then it returns true. */
bool pqf_total_order_minmax(const pqf_kernels *kernel, const void *values, int64_t n,
                            int32_t width, uint8_t *min, uint8_t *max);

#endif
