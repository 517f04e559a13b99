/* SPDX-License-Identifier: Apache-2.0
 *
 * row_group.c: the row group in progress. Rows are handed to one chunk writer per leaf,
 * in parallel, and the pages of the largest leaves are compressed in parallel after that
 * (share_pages.c); when the row group is full its chunks are closed in parallel and appended to the
 * sink in the schema's order, so that the bytes do not depend on the number of threads.
 */
#include "inner.h"

/* row_group_bytes is judged at rows that are multiples of this, counted from the start of
 * the row group: the cut does not depend on how rows were split into batches. */
#define BYTES_BLOCK_ROWS 1024

typedef struct put_job {
    pqf_group_writer *w;
    const pqf_view *batch;
    int64_t start;
    int64_t num_rows;
} put_job;

/* The top-level column above a leaf. */
static const pqf_view *column_of(const pqf_group_writer *w, const pqf_view *batch,
                                 int64_t leaf) {
    const pqf_field *field = w->schema->leaf_fields[leaf];
    while (field->parent)
        field = field->parent;
    return &batch->children[field - w->schema->fields];
}

static pqf_status put_task(void *context, int64_t task, int worker, pqf_error *err) {
    put_job *job = context;
    pqf_group_writer *w = job->w;
    pqf_status status = pqf_chunk_writer_put(
        w->chunks[task], column_of(w, job->batch, task), job->batch->offset + job->start,
        job->num_rows, &w->scratch[worker], w->run, worker, err);
    if (status == PQF_OK) return status;
    pqf_error_at_row_group(err, (int64_t)(w->groups.len / sizeof(pqf_row_group)));
    return pqf_error_at_column(err, w->schema->tree.leaves[task].path);
}

/* Little work is done on the calling thread alone. */
static bool is_shared(const pqf_group_writer *w, int64_t num_rows) {
    return w->run->num_threads > 1 &&
           num_rows > PQF_PARALLEL_VALUES / (w->num_leaves + 1);
}

/* Runs one task per leaf, by leaf_bytes where they are shared. */
static pqf_status run_leaves(pqf_group_writer *w, int64_t num_rows, pqf_task_fn fn,
                             void *context, pqf_error *err) {
    if (is_shared(w, num_rows)) return pqf_group_run_leaves(w, fn, context, err);
    int threads = w->run->num_threads;
    w->run->num_threads = 1;
    pqf_status status = pqf_run_tasks(w->run, w->num_leaves, NULL, fn, context, err);
    w->run->num_threads = threads;
    return status;
}

static pqf_status count_rows(pqf_group_writer *w, int64_t n) {
    w->num_rows += n;
    atomic_fetch_add(&w->run->done, n);
    return PQF_OK;
}

/* Rows of which pages may wait, by leaf_bytes. */
static pqf_status put_step(pqf_group_writer *w, put_job *job, int64_t num_bytes,
                           pqf_error *err) {
    pqf_group_hold(w, num_bytes);
    TRY(pqf_group_run_leaves(w, put_task, job, err));
    TRY(pqf_group_seal_held(w, err));
    return count_rows(w, job->num_rows);
}

/* Codes of a dictionary count by their own bytes: that is what comes to stand in pages. */
static int64_t column_bytes(const pqf_view *column, int64_t start, int64_t n) {
    if (column->dictionary) return n * (int64_t)sizeof(uint32_t);
    return pqf_view_data_bytes(column, start, n);
}

/* Fills leaf_bytes: leaves below a group share what their column has. */
static int64_t weigh_leaves(pqf_group_writer *w, const put_job *job) {
    const pqf_view *last = NULL;
    int64_t total = 0;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        const pqf_view *column = column_of(w, job->batch, l);
        if (column == last) {
            w->leaf_bytes[l] = w->leaf_bytes[l - 1];
            continue;
        }
        last = column;
        int64_t bytes =
            column_bytes(column, job->batch->offset + job->start, job->num_rows);
        int64_t field = column - job->batch->children;
        w->leaf_bytes[l] = bytes / w->schema->fields[field].num_leaves;
        total += bytes;
    }
    return total;
}

static int64_t max_dictionary(const pqf_view *view) {
    int64_t max = view->dictionary ? view->dictionary->length : 0;
    for (int64_t c = 0; c < view->num_children; c++)
        max = pqf_max_i64(max, max_dictionary(&view->children[c]));
    return max;
}

/* Each step takes up a dictionary anew, which must be little beside the step's rows. */
static pqf_status put_rows(pqf_group_writer *w, const pqf_view *batch, int64_t start,
                           int64_t n, pqf_error *err) {
    put_job job = {w, batch, start, n};
    int64_t bytes = w->run->num_threads > 1 ? weigh_leaves(w, &job) : 0;
    int64_t rows = n / (bytes / PQF_HELD_MAX_BYTES + 1) + 1;
    if (!pqf_group_would_hold(w, bytes) ||
        (rows < n && max_dictionary(batch) > rows / 4)) {
        TRY(run_leaves(w, n, put_task, &job, err));
        return count_rows(w, n);
    }
    for (int64_t end = start + n; job.start < end; job.start += job.num_rows) {
        job.num_rows = pqf_min_i64(rows, end - job.start);
        TRY(put_step(w, &job, weigh_leaves(w, &job), err));
    }
    return PQF_OK;
}

static int64_t data_bytes(const pqf_view *batch, int64_t start, int64_t n) {
    int64_t bytes = 0;
    for (int64_t c = 0; c < batch->num_children; c++)
        bytes += pqf_view_data_bytes(&batch->children[c], batch->offset + start, n);
    return bytes;
}

/* Rows of [start, start + n) that still belong to this row group by max_bytes; *full when
 * it ends. */
static int64_t rows_within_bytes(pqf_group_writer *w, const pqf_view *batch,
                                 int64_t start, int64_t n, bool *full) {
    int64_t rows = w->num_rows, taken = 0;
    while (taken < n) {
        int64_t step = BYTES_BLOCK_ROWS - rows % BYTES_BLOCK_ROWS;
        if (step > n - taken) step = n - taken;
        w->num_bytes += data_bytes(batch, start + taken, step);
        taken += step;
        rows += step;
        *full = rows % BYTES_BLOCK_ROWS == 0 && w->num_bytes >= w->max_bytes;
        if (*full) break;
    }
    return taken;
}

pqf_status pqf_group_writer_put(pqf_group_writer *w, const pqf_view *batch, int64_t start,
                                int64_t num_rows, pqf_error *err) {
    while (num_rows > 0) {
        int64_t n = pqf_min_i64(num_rows, w->max_rows - w->num_rows);
        bool full = false;
        if (w->max_bytes) n = rows_within_bytes(w, batch, start, n, &full);
        if (w->num_sorting) TRY(pqf_sorting_check_rows(w, batch, start, n, err));
        TRY(put_rows(w, batch, start, n, err));
        if (full || w->num_rows == w->max_rows) TRY(pqf_group_writer_flush(w, err));
        start += n;
        num_rows -= n;
    }
    return PQF_OK;
}

/* ---- closing ---- */

static pqf_status finish_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_group_writer *w = context;
    pqf_status status = pqf_chunk_writer_finish(w->chunks[task], &w->scratch[worker],
                                                w->run, worker, &w->outs[task], err);
    return status == PQF_OK ? status
                            : pqf_error_at_column(err, w->schema->tree.leaves[task].path);
}

static pqf_status end_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_group_writer *w = context;
    return pqf_chunk_writer_end(w->chunks[task], &w->scratch[worker], w->run, worker,
                                err);
}

/* What the chunks still have to encode: about a page and a dictionary each. Where that is much, there
 * are leaves enough to keep all threads busy. */
static pqf_status finish_leaves(pqf_group_writer *w, pqf_error *err) {
    int64_t total = 0, sealed;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        pqf_chunk_writer_sizes(w->chunks[l], &sealed, &w->leaf_bytes[l]);
        total += w->leaf_bytes[l];
    }
    if (w->run->num_threads > 1 && pqf_group_would_hold(w, total)) {
        pqf_group_hold(w, total);
        TRY(pqf_group_run_leaves(w, end_task, w, err));
        TRY(pqf_group_seal_held(w, err));
    }
    return run_leaves(w, w->num_rows, finish_task, w, err);
}

/* A deep copy by way of Thrift: what chunk writers hand out points into them. */
pqf_status pqf_group_keep_metadata(pqf_group_writer *w, const pqf_column_metadata *meta,
                                   pqf_column_metadata *out, pqf_error *err) {
    pqf_buf bytes = {.mem = w->mem};
    size_t used;
    void *kept;
    pqf_status status = pqf_thrift_write(&pqf_column_metadata_thrift, meta, &bytes, err);
    if (status == PQF_OK) status = pqf_arena_alloc(&w->arena, bytes.len, &kept, err);
    if (status == PQF_OK) {
        memcpy(kept, bytes.data, bytes.len);
        status =
            pqf_thrift_read(pqf_bytes_of(kept, bytes.len), &pqf_column_metadata_thrift,
                            out, &w->arena, NULL, &used, err);
    }
    pqf_buf_reset(&bytes);
    return status;
}

static pqf_status append_chunk(pqf_group_writer *w, int32_t leaf, pqf_column_chunk *chunk,
                               pqf_error *err) {
    const pqf_chunk_out *out = &w->outs[leaf];
    int64_t offset = pqf_sink_len(w->sink);
    pqf_bytes parts[2] = {out->dictionary_page, out->data_pages};
    TRY(pqf_group_keep_metadata(w, &out->meta, &chunk->meta_data, err));
    chunk->has_meta_data = true;
    chunk->meta_data.data_page_offset += offset;
    if (chunk->meta_data.has_dictionary_page_offset)
        chunk->meta_data.dictionary_page_offset += offset;
    TRY(pqf_group_keep_indexes(w, out->column_index, out->offset_index, offset, chunk,
                               err));
    return pqf_sink_write(w->sink, parts, 2, err);
}

static pqf_status append_chunks(pqf_group_writer *w, pqf_row_group *group,
                                pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_leaves, sizeof(pqf_column_chunk),
                        &block, err));
    group->columns = block;
    group->num_columns = w->num_leaves;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        TRY(append_chunk(w, l, &group->columns[l], err));
        TRY(pqf_run_poll(w->run, 0, err));
        group->total_byte_size += group->columns[l].meta_data.total_uncompressed_size;
        group->total_compressed_size += group->columns[l].meta_data.total_compressed_size;
    }
    for (int32_t l = 0; l < w->num_leaves; l++)
        TRY(pqf_group_put_filter(w, w->outs[l].bloom_filter, &group->columns[l], err));
    return PQF_OK;
}

static pqf_status name_sorting(pqf_group_writer *w, pqf_row_group *group,
                               pqf_error *err) {
    void *block;
    size_t n = (size_t)w->num_sorting;
    if (!n) return PQF_OK;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_sorting_column), &block, err));
    group->sorting_columns = block;
    group->num_sorting_columns = (int32_t)n;
    group->has_sorting_columns = true;
    for (size_t i = 0; i < n; i++)
        group->sorting_columns[i] = (pqf_sorting_column){
            w->sorting[i].leaf, w->sorting[i].descending, w->sorting[i].nulls_first};
    return PQF_OK;
}

pqf_status pqf_group_writer_flush(pqf_group_writer *w, pqf_error *err) {
    if (!w->num_rows) return PQF_OK;
    size_t index = w->groups.len / sizeof(pqf_row_group);
    pqf_row_group group = {
        .num_rows = w->num_rows,
        .has_file_offset = true,
        .file_offset = pqf_sink_len(w->sink),
        .has_total_compressed_size = true,
        .has_ordinal = index <= INT16_MAX,
        .ordinal = (int16_t)(index <= INT16_MAX ? index : 0),
    };
    TRY(finish_leaves(w, err));
    TRY(append_chunks(w, &group, err));
    TRY(name_sorting(w, &group, err));
    TRY(pqf_buf_put(&w->groups, &group, sizeof group, err));
    w->total_rows += w->num_rows;
    w->num_rows = 0;
    w->num_bytes = 0;
    return PQF_OK;
}
