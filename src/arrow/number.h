/* SPDX-License-Identifier: Apache-2.0
 *
 * number.h: inner header of the room arrow: numbers of all widths by way of int64 and
 * double.
 */
#ifndef PQF_ARROW_NUMBER_H
#define PQF_ARROW_NUMBER_H

#include "arrow.h"

/* How a number lies in memory; every type whose values are one number has one. */
typedef enum pqf_number {
    PQF_NUMBER_NONE = 0,
    PQF_NUMBER_I8,
    PQF_NUMBER_U8,
    PQF_NUMBER_I16,
    PQF_NUMBER_U16,
    PQF_NUMBER_I32,
    PQF_NUMBER_U32,
    PQF_NUMBER_I64,
    PQF_NUMBER_U64,
    PQF_NUMBER_F16,
    PQF_NUMBER_F32,
    PQF_NUMBER_F64,
} pqf_number;

/* PQF_NUMBER_NONE for types that are no single number (decimals and intervals among
 * them). */
pqf_number pqf_number_of(const pqf_type *type);
static inline bool pqf_number_is_float(pqf_number n) { return n >= PQF_NUMBER_F16; }

/* n numbers from element `at`. A uint64 above INT64_MAX comes out negative. */
void pqf_number_load_i64(pqf_number from, const void *values, int64_t at, int64_t n,
                         int64_t *out);
void pqf_number_load_f64(pqf_number from, const void *values, int64_t at, int64_t n,
                         double *out);
/* The caller knows that the numbers fit. */
void pqf_number_store_i64(pqf_number to, const int64_t *in, int64_t n, void *values,
                          int64_t at);
void pqf_number_store_f64(pqf_number to, const double *in, int64_t n, void *values,
                          int64_t at);

#endif
