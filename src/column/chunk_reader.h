/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_reader.h (room column, inner): the state of a chunk that is being read, shared by chunk_reader.c
 * (rows out of pages) and chunk_select.c (which rows, and where their pages are).
 */
#ifndef PQF_COLUMN_CHUNK_READER_H
#define PQF_COLUMN_CHUNK_READER_H

#include "reading.h"

/* Rows that are wanted of a chunk. */
typedef struct pqf_selection {
    const pqf_row_range *ranges; /* NULL: all rows */
    int64_t num_ranges;
    int64_t at;     /* the range that is being read */
    bool has_index; /* pages are found by it */
    pqf_page_index index;
    pqf_arena arena; /* of the index */
} pqf_selection;

struct pqf_chunk_reader {
    pqf_mem *mem; /* borrowed */
    pqf_chunk chunk;
    pqf_chunk_read_options options;
    int64_t rows_left;
    pqf_page_walk walk;
    pqf_page_ref ref; /* the current page */
    bool has_page;
    bool sealed;         /* its body has not been touched */
    bool in_scratch;     /* its bytes stand in the scratch of the call */
    int64_t levels_left; /* level pairs of it that have not been taken */
    int64_t page_row;    /* rows of the chunk that began before it */
    int64_t page_values; /* values of it that have been taken or stepped over */
    pqf_rle rep;
    pqf_rle def;
    bool at_start; /* no level pair of the chunk has been taken */
    uint8_t prev_def;
    pqf_chunk_dict dict;
    pqf_value_reader values;
    pqf_buf room;   /* the bytes of a page that outlived a call */
    pqf_buf levels; /* of a page with bit-packed levels: hybrid runs instead */
    pqf_selection selection;
    pqf_take_early_fn take_early; /* NULL: nobody unseals pages early */
    void *early_context;
};

/* One call: rows go to `out`, or are stepped over where it is NULL. */
typedef struct pqf_pull {
    pqf_chunk_reader *r;
    pqf_leaf_out *out;
    pqf_scratch *scratch;
    pqf_run *run;
    int worker;
    int64_t num_rows; /* wanted */
    int64_t rows_begun;
    int64_t num_skipped; /* values of the stretches that were stepped over */
} pqf_pull;

/* ---- chunk_reader.c ---- */

/* Reads or steps over the next p->num_rows rows. */
pqf_status pqf_pull_rows(pqf_pull *p, pqf_error *err);
/* The walk stands before a dictionary page: reads it. */
pqf_status pqf_pull_dictionary(pqf_pull *p, pqf_error *err);

/* ---- page_end.c ---- */

/* Where no level pair of the page is left: num_rows rows began in it, and its values have been taken. */
pqf_status pqf_pull_end_page(const pqf_pull *p, int64_t num_rows, pqf_error *err);

/* ---- lend.c ---- */

/* The next n level pairs, all that are left of rows without levels and of the page: their values may stay
 * in the source. */
bool pqf_pull_may_lend(const pqf_pull *p, int64_t n);
/* The last num_slots slots, which levels have just appended, hold the next num_values values of the page.
 * *lent: `out` points at them. */
pqf_status pqf_pull_lend(pqf_pull *p, int64_t num_slots, int64_t num_values, bool *lent,
                         pqf_error *err);

/* ---- chunk_select.c ---- */

/* p->num_rows of the rows that are wanted. */
pqf_status pqf_pull_selected(pqf_pull *p, pqf_error *err);
/* A data page has been found: what its header says, against the offset index. */
pqf_status pqf_selection_check(const pqf_chunk_reader *r, pqf_error *err);

#endif
