/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.h (room column, inner): what a chunk's values say about themselves while they are written:
 * smallest, largest, number of NaN. In come dense Parquet values, out go the bounds of Statistics
 * (parquet.thrift), in the order of the column.
 */
#ifndef PQF_COLUMN_NOTES_H
#define PQF_COLUMN_NOTES_H

#include "column.h"

/* Longest bound of a BYTE_ARRAY column. */
#define PQF_BOUND_BYTES 64

typedef struct pqf_notes {
    const pqf_kernels *kernel;
    const pqf_leaf *leaf;
    const struct pqf_note_row *row; /* of the column's order and width; NULL: no bounds */
    bool is_utf8;
    bool seen;      /* min and max hold */
    bool only_nans; /* total order: and are those of NaN */
    int64_t num_nans;
    uint8_t number_min[8]; /* numbers */
    uint8_t number_max[8];
    pqf_buf min; /* byte strings, in full length */
    pqf_buf max;
    uint8_t bound_min[8]; /* what the metadata points at */
    uint8_t bound_max[PQF_BOUND_BYTES];
} pqf_notes;

/* total_order: the column says IEEE_754_TOTAL_ORDER, which only floats may. */
void pqf_notes_init(pqf_notes *notes, const pqf_field *leaf_field, bool total_order,
                    const pqf_kernels *kernel, pqf_mem *mem);
void pqf_notes_reset(pqf_notes *notes);
/* Forgets the values, keeps the memory. */
void pqf_notes_clear(pqf_notes *notes);
/* The order of the column knows NaN. */
bool pqf_notes_counts_nans(const pqf_notes *notes);
/* NaN are counted apart from the bounds, which may be noted from a dictionary. */
void pqf_notes_count_nans(pqf_notes *notes, const void *values, int64_t n);
/* n values of the leaf's width. */
pqf_status pqf_notes_put_fixed(pqf_notes *notes, const void *values, int64_t n,
                               pqf_error *err);
pqf_status pqf_notes_put_slices(pqf_notes *notes, const pqf_slice *values, int64_t n,
                                pqf_error *err);
/* n booleans of which num_true are true. */
void pqf_notes_put_booleans(pqf_notes *notes, int64_t n, int64_t num_true);
/* Fills bounds and nan_count of *out, which point into notes until the next clear. */
void pqf_notes_finish(pqf_notes *notes, pqf_statistics *out);

#endif
