/* SPDX-License-Identifier: Apache-2.0
 *
 * hold.c: rows of several batches that go into a file together or not at all. In: batches that were
 * conformed and judged; they are set aside (spill.c), as what has been encoded cannot be taken back.
 * Out: the same rows for the row group in progress, or none.
 */
#include "inner.h"

/* Rows that wait in memory before they go to the disk, and their part of memory_limit. */
#define MAX_WAITING_BYTES ((int64_t)32 << 20)
#define WAITING_SHARE     16

pqf_status pqf_writer_hold(pqf_writer *w, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    if (w->finished || w->broken)
        return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    if (w->held) return pqf_fail(err, PQF_INVALID, "rows are held already");
    if (pqf_sink_skipped(w->sink)) return PQF_OK; /* nothing is added at all */
    pqf_arena arena = {.mem = w->mem};
    pqf_spill_options options = {
        .max_waiting_bytes =
            pqf_min_i64(pqf_mem_left(w->mem) / WAITING_SHARE, MAX_WAITING_BYTES),
        .max_kept_values = INT64_MAX,
        .max_layouts = INT64_MAX,
    };
    pqf_status status = pqf_sink_folder(w->sink, &arena, &options.folder, err);
    if (status == PQF_OK)
        status = pqf_spill_new(&options, pqf_conform_declared(w->conform), w->mem,
                               &w->run, &w->held, err);
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status put_rows(void *context, const pqf_view *rows, pqf_error *err) {
    pqf_writer *w = context;
    return pqf_writer_put_view(w, rows, 0, rows->length, err);
}

pqf_status pqf_writer_put_held(pqf_writer *w, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    if (!w->held) return PQF_OK;
    pqf_status status = pqf_spill_end(w->held, err);
    if (status == PQF_OK) status = pqf_spill_read(w->held, 0, put_rows, w, err);
    if (status != PQF_OK) w->broken = true;
    pqf_writer_drop_held(w);
    return status;
}

void pqf_writer_drop_held(pqf_writer *w) {
    pqf_spill_free(w->held);
    w->held = NULL;
}
