/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h: one way to fail, one way to pass a failure on.
 *
 * A failing function writes `return pqf_fail(err, PQF_CORRUPT, "delta: miniblock width %u", w);`.
 * A caller that owns nothing writes `TRY(f(..., err));`, one that owns something keeps a local
 * `pqf_status status`, writes `TRY_DONE(f(..., err));` and releases at its single `done:` label.
 * On the way up each room adds what it alone knows with pqf_error_at_*: an address that is already
 * set is kept. Inside the library `err` is never NULL; public functions substitute a local one.
 */
#ifndef PQF_BASE_ERROR_H
#define PQF_BASE_ERROR_H

#include "parquet_forge.h"

#define TRY(expr)                                                                        \
    do {                                                                                 \
        pqf_status try_status_ = (expr);                                                 \
        if (try_status_ != PQF_OK) return try_status_;                                   \
    } while (0)

/* For functions with a local `status` and a label `done:` that releases everything. */
#define TRY_DONE(expr)                                                                   \
    do {                                                                                 \
        status = (expr);                                                                 \
        if (status != PQF_OK) goto done;                                                 \
    } while (0)

/* Sets every member of *err to unknown; a zeroed pqf_error says row group 0. */
void pqf_error_init(pqf_error *err);

/* Fills err with kind and message and returns kind. Address members that are set stay. */
pqf_status pqf_fail(pqf_error *err, pqf_status kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* PQF_IO with the given errno value; the message is fmt, ": " and the text of errno. */
pqf_status pqf_fail_errno(pqf_error *err, int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each fills one unknown part of the address and returns the status of err. */
pqf_status pqf_error_at_path(pqf_error *err, const char *path);
pqf_status pqf_error_at_row_group(pqf_error *err, int64_t row_group);
pqf_status pqf_error_at_column(pqf_error *err, const char *column);
pqf_status pqf_error_at_page(pqf_error *err, int64_t page, int64_t file_offset);

#endif
