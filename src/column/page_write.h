/* SPDX-License-Identifier: Apache-2.0
 *
 * page_write.h (room column, inner): drafts and seals pages. In come levels and encoded values, out
 * go header and body as they stand in the file (README.md, Data Pages; parquet.thrift, PageHeader).
 * Between draft and seal a page may wait: held.c.
 */
#ifndef PQF_COLUMN_PAGE_WRITE_H
#define PQF_COLUMN_PAGE_WRITE_H

#include "column.h"

/* A data page before it is sealed. */
typedef struct pqf_page_parts {
    int64_t num_rows;
    int64_t num_levels;
    int64_t num_nulls;
    const uint8_t *reps; /* NULL: max_rep is 0 */
    const uint8_t *defs; /* NULL: see def_bits */
    /* levels 0 and 1 from bit def_at on; NULL with defs NULL: max_def is 0 */
    const uint8_t *def_bits;
    int64_t def_at;
    int32_t encoding;
    pqf_bytes values;
    uint8_t
        *front; /* where values begin, if `room` bytes before them are free; or NULL */
    size_t room;
} pqf_page_parts;

/* Bytes of sealed pages, headers included. */
typedef struct pqf_page_sizes {
    int64_t uncompressed;
    int64_t compressed;
} pqf_page_sizes;

/* A page of which everything is known but what compression makes of it. Both parts are borrowed:
 * from the one that made it and from the scratch. */
typedef struct pqf_page_draft {
    pqf_page_header header; /* without compressed_page_size and crc */
    pqf_bytes plain;        /* stands in front and is never compressed */
    pqf_bytes packed;       /* is compressed where there is a codec */
} pqf_page_draft;

/* scratch->extra may hold the values; the draft holds until scratch->page is used again. What is to be
 * compressed with the values of a V1 page goes in front of them where there is room. */
pqf_status pqf_page_draft_data(const pqf_page_parts *page, const pqf_leaf *leaf,
                               const pqf_chunk_write_options *options,
                               pqf_scratch *scratch, pqf_page_draft *out, pqf_error *err);
void pqf_page_draft_dictionary(pqf_bytes values, int64_t num_values,
                               const pqf_chunk_write_options *options,
                               pqf_page_draft *out);
/* Appends to `out`, which holds no part of the draft, and adds to *sizes. Uses scratch->blocks. */
pqf_status pqf_page_seal(const pqf_page_draft *draft,
                         const pqf_chunk_write_options *options, pqf_scratch *scratch,
                         pqf_buf *out, pqf_page_sizes *sizes, pqf_error *err);

#endif
