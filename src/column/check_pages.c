/* SPDX-License-Identifier: Apache-2.0
 *
 * check_pages.c (room column): what can be known of a column chunk without decoding it, for chunks
 * that are copied as they are. In: the chunk's place in its file. Out: page headers that follow each
 * other to the last value, checksums that are right where there are any; else PQF_CORRUPT with the
 * page's address.
 */
#include "reading.h"

/* A row of a flat column is one value; below a list it is one at least. */
static pqf_status check_counts(const pqf_chunk *chunk, pqf_error *err) {
    bool fits = chunk->leaf->max_rep ? chunk->num_values >= chunk->num_rows
                                     : chunk->num_values == chunk->num_rows;
    if (fits) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT,
                    "the column chunk has %lld values for the %lld rows of its row group",
                    (long long)chunk->num_values, (long long)chunk->num_rows);
}

static pqf_status check_pages(pqf_page_walk *walk, const pqf_page_context *context,
                              pqf_run *run, int worker, pqf_error *err) {
    pqf_page_ref ref;
    bool end = false;
    for (;;) {
        TRY(pqf_run_poll(run, worker, err));
        TRY(pqf_page_walk_next(walk, &ref, &end, err));
        if (end) return PQF_OK;
        if (pqf_page_check(walk, &ref, context, err) != PQF_OK)
            return pqf_error_at_page(err, ref.page, ref.file_offset);
    }
}

pqf_status pqf_chunk_check_pages(const pqf_chunk *chunk,
                                 const pqf_chunk_read_options *options, pqf_mem *mem,
                                 pqf_run *run, int worker, pqf_error *err) {
    pqf_page_walk walk;
    pqf_page_context context = {.chunk = chunk,
                                .kernel = pqf_kernels_get(),
                                .skip_checksums = options->skip_page_checksums};
    pqf_status status = check_counts(chunk, err);
    if (status != PQF_OK) return pqf_error_at_column(err, chunk->leaf->path);
    pqf_page_walk_init(&walk, chunk, options->source, options->window_bytes, mem);
    status = check_pages(&walk, &context, run, worker, err);
    pqf_page_walk_reset(&walk);
    return status == PQF_OK ? status : pqf_error_at_column(err, chunk->leaf->path);
}
