/* SPDX-License-Identifier: Apache-2.0
 *
 * recode.c: the rows of a row group of another file, of the same Parquet schema, decoded and put
 * into a writer, a bounded batch at a time. The writer's own fields, which stand over the same
 * leaves, say how values are handed out and taken back: nothing is converted on the way that would
 * not come back. Columns declared as dictionaries come and go as such, so that these keep their order
 * and their unused values.
 */
#include "inner.h"

/* A batch holds at most so many rows, fewer where rows are long. */
#define BATCH_ROWS  ((int64_t)32768)
#define BATCH_BYTES ((int64_t)16 << 20)

/* A larger dictionary is not kept whole by a writer either, unless its limit has been raised. */
#define DICTIONARY_BYTES ((int64_t)16 << 20)

/* All windows together; each column gets its share within the bounds. */
#define WINDOWS_BYTES    ((size_t)8 << 20)
#define MIN_WINDOW_BYTES ((size_t)8 << 10)
#define MAX_WINDOW_BYTES ((size_t)1 << 20)

typedef struct recode {
    pqf_writer *w;
    pqf_reader *reader;
    int64_t row_group;
    pqf_chunk_reader **chunks; /* one per leaf */
    pqf_leaf_out *leaves;
    int64_t step_rows;
} recode;

static size_t window_bytes_of(int32_t num_leaves) {
    size_t share = WINDOWS_BYTES / (size_t)(num_leaves > 0 ? num_leaves : 1);
    if (share < MIN_WINDOW_BYTES) return MIN_WINDOW_BYTES;
    return share > MAX_WINDOW_BYTES ? MAX_WINDOW_BYTES : share;
}

static pqf_status open_chunk(recode *r, int32_t leaf, pqf_error *err) {
    const pqf_field *field = r->w->schema->leaf_fields[leaf];
    pqf_chunk chunk;
    pqf_chunk_read_options options = {
        .source = pqf_reader_source(r->reader),
        .kernel = pqf_kernels_get(),
        .window_bytes = window_bytes_of(r->w->group.num_leaves),
    };
    TRY(pqf_metadata_chunk(pqf_reader_metadata(r->reader), r->row_group, leaf, &chunk,
                           err));
    return pqf_chunk_reader_open(&chunk, field, &options, r->w->mem, &r->chunks[leaf],
                                 err);
}

static pqf_status open_chunks(recode *r, pqf_arena *arena, pqf_error *err) {
    void *block;
    size_t n = (size_t)r->w->group.num_leaves;
    TRY(pqf_arena_array(arena, n, sizeof(pqf_chunk_reader *), &block, err));
    r->chunks = block;
    TRY(pqf_arena_array(arena, n, sizeof(pqf_leaf_out), &block, err));
    r->leaves = block;
    for (int32_t l = 0; l < r->w->group.num_leaves; l++)
        TRY(open_chunk(r, l, err));
    return PQF_OK;
}

static pqf_status decode_task(void *context, int64_t task, int worker, pqf_error *err) {
    recode *r = context;
    pqf_writer *w = r->w;
    TRY(pqf_leaf_out_init(&r->leaves[task], w->schema->leaf_fields[task], r->step_rows,
                          w->mem, err));
    pqf_leaf_out_keep_dictionaries(&r->leaves[task], DICTIONARY_BYTES);
    return pqf_chunk_reader_read(r->chunks[task], r->step_rows, &r->leaves[task],
                                 &w->group.scratch[worker], &w->run, worker, err);
}

static pqf_status assemble(recode *r, struct ArrowArray *out, pqf_error *err) {
    const pqf_schema *schema = r->w->schema;
    struct ArrowArray child;
    pqf_buf none = {.mem = r->w->mem};
    TRY(pqf_array_init(out, r->w->mem, r->step_rows, 0, 1, schema->num_fields, err));
    pqf_array_take_buffer(out, 0, &none);
    for (int32_t f = 0; f < schema->num_fields; f++) {
        const pqf_field *field = &schema->fields[f];
        pqf_status status = pqf_assemble(field, r->leaves + field->first_leaf,
                                         r->step_rows, r->w->mem, &child, err);
        if (status == PQF_OK) status = pqf_array_take_child(out, f, &child, err);
        if (status == PQF_OK) continue;
        pqf_array_release(out);
        return pqf_error_at_column(err, field->name);
    }
    return PQF_OK;
}

static pqf_status put(pqf_writer *w, const struct ArrowArray *batch, pqf_error *err) {
    pqf_arena arena;
    pqf_view view;
    pqf_arena_init(&arena, w->mem);
    pqf_status status = pqf_view_init(&view, &w->like_schema, batch, false, &arena, err);
    if (status == PQF_OK) status = pqf_writer_put_view(w, &view, 0, view.length, err);
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status step(recode *r, pqf_error *err) {
    pqf_writer *w = r->w;
    struct ArrowArray batch;
    int threads = w->run.num_threads;
    if (r->step_rows <= PQF_PARALLEL_VALUES / (w->group.num_leaves + 1))
        w->run.num_threads = 1;
    pqf_status status =
        pqf_run_tasks(&w->run, w->group.num_leaves, NULL, decode_task, r, err);
    w->run.num_threads = threads;
    TRY(status);
    TRY(assemble(r, &batch, err));
    status = put(w, &batch, err);
    pqf_array_release(&batch);
    return status;
}

static int64_t batch_rows_of(const pqf_row_group *group) {
    int64_t bytes = pqf_max_i64(group->total_byte_size, 1);
    int64_t row_bytes = bytes / pqf_max_i64(group->num_rows, 1) + 1;
    return pqf_max_i64(pqf_min_i64(BATCH_ROWS, BATCH_BYTES / row_bytes), 1);
}

static pqf_status recode_rows(recode *r, pqf_arena *arena, pqf_error *err) {
    const pqf_row_group *group =
        &pqf_reader_metadata(r->reader)->file.row_groups[r->row_group];
    int64_t batch_rows = batch_rows_of(group);
    TRY(open_chunks(r, arena, err));
    for (int64_t left = group->num_rows; left > 0; left -= r->step_rows) {
        TRY(pqf_run_poll(&r->w->run, 0, err));
        r->step_rows = pqf_min_i64(left, batch_rows);
        TRY(step(r, err));
    }
    return PQF_OK;
}

pqf_status pqf_writer_recode(pqf_writer *w, pqf_reader *reader, int64_t row_group,
                             pqf_error *err) {
    recode r = {.w = w, .reader = reader, .row_group = row_group};
    pqf_arena arena;
    pqf_arena_init(&arena, w->mem);
    pqf_status status = recode_rows(&r, &arena, err);
    for (int32_t l = 0; r.chunks && l < w->group.num_leaves; l++)
        pqf_chunk_reader_free(r.chunks[l]);
    for (int32_t l = 0; r.leaves && l < w->group.num_leaves; l++)
        pqf_leaf_out_reset(&r.leaves[l]);
    pqf_arena_reset(&arena);
    if (status == PQF_OK) return status;
    pqf_error_at_row_group(err, row_group);
    return pqf_error_at_path(err, pqf_source_path(pqf_reader_source(reader)));
}
