/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_index.h (room column, inner): what is kept of each data page of a chunk that is written, to
 * become its column index and offset index (PageIndex.md). A page is noted when it is drafted, its
 * stored size when it is sealed, both in the order of the pages.
 */
#ifndef PQF_COLUMN_CHUNK_INDEX_H
#define PQF_COLUMN_CHUNK_INDEX_H

#include "notes.h"

/* A page as it was drafted; its bounds stand in `bytes` of the index. */
typedef struct pqf_page_note {
    int64_t num_rows;
    int64_t num_nulls; /* level entries without a value */
    int64_t num_nans;
    int64_t string_bytes; /* BYTE_ARRAY: without lengths */
    bool is_null;         /* it has no value */
    bool has_bounds;
    size_t min_at, min_len, max_at, max_len;
} pqf_page_note;

typedef struct pqf_chunk_index {
    pqf_notes notes; /* of one page */
    pqf_buf pages;   /* pqf_page_note each */
    pqf_buf bytes;   /* of the bounds */
    pqf_buf
        counts; /* int64: per page how often each repetition level, each definition level */
    pqf_buf sizes;   /* int32: stored bytes per page, header included */
    pqf_buf room;    /* the values of a page of codes */
    pqf_arena arena; /* lists of what is handed out */
    pqf_column_index column_index;
    pqf_offset_index offset_index;
} pqf_chunk_index;

#endif
