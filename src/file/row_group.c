/* SPDX-License-Identifier: Apache-2.0
 *
 * row_group.c: the row group in progress. Rows are handed to one chunk writer per leaf, in parallel;
 * who has no leaf compresses pages of the largest ones (share_pages.c) and writes what is ready
 * (flow.c). With the last rows of a row group each leaf closes its chunk. Bytes go to the sink in the
 * schema's order, so that they do not depend on the number of threads.
 */
#include "inner.h"

#include <stdlib.h>

/* row_group_bytes is judged at rows that are multiples of this, counted from the start of
 * the row group: the cut does not depend on how rows were split into batches. */
#define BYTES_BLOCK_ROWS 1024

/* Of a leaf, between looks at what there is to write. */
#define STRETCH_BYTES PQF_WRITE_BYTES
/* With so many left of the budget nobody waits for lack of memory; with fewer all wait for what is being
 * written. */
#define PLENTY_BYTES ((int64_t)128 << 20)
#define SCARCE_BYTES ((int64_t)16 << 20)
/* Data pages that are handed on before their chunk is closed. */
#define BLOCK_BYTES ((size_t)PQF_WRITE_BYTES)

typedef struct put_job {
    pqf_group_writer *w;
    const pqf_view *batch; /* NULL: no rows */
    int64_t start;
    int64_t num_rows;
    bool begins;         /* the row group, with these rows */
    bool ends;           /* and ends it */
    int64_t total_bytes; /* of leaf_bytes; 0: they have not been weighed */
    int64_t done_before; /* of the run */
    int64_t bytes_done;  /* under the lock of the flow, for the progress */
} put_job;

/* ---- how much there is to do ---- */

/* The top-level column above a leaf. */
static const pqf_view *column_of(const pqf_group_writer *w, const pqf_view *batch,
                                 int64_t leaf) {
    const pqf_field *field = w->schema->leaf_fields[leaf];
    while (field->parent)
        field = field->parent;
    return &batch->children[field - w->schema->fields];
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

static bool is_little(const pqf_group_writer *w, int64_t num_rows) {
    return num_rows <= PQF_PARALLEL_VALUES / pqf_flow_test_divisor / (w->num_leaves + 1);
}

/* Little work is done on the calling thread alone. */
static bool is_shared(const pqf_group_writer *w, int64_t num_rows) {
    return w->run->num_threads > 1 && !is_little(w, num_rows);
}

/* ---- one leaf ---- */

/* Rows until the next look. Each put takes up a dictionary anew, which must be little beside its rows. */
static int64_t stretch_rows(const put_job *job, int32_t leaf, const pqf_view *column) {
    int64_t n = job->num_rows, num_values = max_dictionary(column);
    if (!job->total_bytes) return n;
    int64_t rows = n / (job->w->leaf_bytes[leaf] / STRETCH_BYTES + 1) + 1;
    if (num_values > rows / 4) rows = num_values < n / 4 ? 4 * num_values : n;
    return pqf_min_i64(rows, n);
}

pqf_status pqf_group_hand_on(pqf_group_writer *w, int32_t leaf, size_t min_bytes,
                             pqf_error *err) {
    pqf_buf block;
    while (pqf_chunk_writer_take(w->chunks[leaf], min_bytes, &block)) {
        pqf_gate_lock(&w->flow.gate);
        w->flow.lanes[leaf].value_at = pqf_chunk_writer_value_at(w->chunks[leaf]);
        pqf_status status = pqf_flow_put(&w->flow, leaf, &block, err);
        pqf_gate_ring(&w->flow.gate);
        pqf_gate_unlock(&w->flow.gate);
        TRY(status);
    }
    return PQF_OK;
}

/* A leaf whose bytes come faster than they are written would only fill memory, and others when a row
 * group's bytes wait while as many are encoded, or memory is short. Who adds little goes on: the sink is not
 * waited for. */
static bool is_ahead(const pqf_group_writer *w, int32_t leaf) {
    const pqf_flow *f = &w->flow;
    int64_t left = pqf_mem_left(w->mem);
    if (!f->is_writing) return false;
    if (left < SCARCE_BYTES) return true;
    if (w->leaves_begun < w->num_leaves) return false;
    if (f->ready_bytes + f->lane_bytes >= w->most_waiting) return true;
    if (left < PLENTY_BYTES && f->ready_bytes >= w->ready_limit) return true;
    return leaf == f->next_lane && f->lanes[leaf].has_more &&
           f->ready_bytes >= PQF_READY_BYTES;
}

/* Where nobody has time to write, who encodes does so before too much is in memory. */
static pqf_status write_surplus(pqf_group_writer *w, int32_t leaf, int worker,
                                pqf_error *err) {
    pqf_status status = PQF_OK;
    bool more = true;
    pqf_gate_lock(&w->flow.gate);
    while (status == PQF_OK && more) {
        more = w->num_idle == 0 && pqf_flow_write(&w->flow, w->ready_limit, worker);
        if (!more && is_ahead(w, leaf)) {
            pqf_gate_wait(&w->flow.gate);
            more = true;
        }
        if (more) status = pqf_group_poll(w, worker, err);
    }
    w->flow.lanes[leaf].has_more = false;
    pqf_gate_unlock(&w->flow.gate);
    return status;
}

/* Rows count by what their leaves have of the bytes. */
static void note_progress(put_job *job, int32_t leaf, int64_t rows) {
    pqf_group_writer *w = job->w;
    if (!job->total_bytes) return;
    pqf_gate_lock(&w->flow.gate);
    job->bytes_done +=
        (int64_t)((double)w->leaf_bytes[leaf] * (double)rows / (double)job->num_rows);
    double share = (double)job->bytes_done / (double)job->total_bytes;
    if (share < 1)
        atomic_store(&w->run->done,
                     job->done_before + (int64_t)(share * (double)job->num_rows));
    pqf_gate_unlock(&w->flow.gate);
}

static pqf_status put_stretches(put_job *job, int32_t leaf, pqf_share *share, int worker,
                                pqf_error *err) {
    pqf_group_writer *w = job->w;
    const pqf_view *column = column_of(w, job->batch, leaf);
    int64_t step = stretch_rows(job, leaf, column);
    for (int64_t at = 0; at < job->num_rows; at += step) {
        step = pqf_min_i64(step, job->num_rows - at);
        TRY(pqf_chunk_writer_put(w->chunks[leaf], column,
                                 job->batch->offset + job->start + at, step,
                                 &w->scratch[worker], w->run, worker, err));
        if (share) TRY(pqf_group_tend_pages(w, share, false, worker, err));
        TRY(pqf_group_hand_on(w, leaf, BLOCK_BYTES, err));
        TRY(write_surplus(w, leaf, worker, err));
        note_progress(job, leaf, step);
    }
    return PQF_OK;
}

static pqf_status finish_leaf(pqf_group_writer *w, int32_t leaf, int worker,
                              pqf_error *err) {
    TRY(pqf_chunk_writer_finish(w->chunks[leaf], &w->scratch[worker], w->run, worker,
                                &w->outs[leaf], err));
    TRY(pqf_group_hand_on(w, leaf, 1, err));
    pqf_gate_lock(&w->flow.gate);
    pqf_status status = pqf_flow_end_lane(&w->flow, leaf, err);
    pqf_gate_unlock(&w->flow.gate);
    TRY(status);
    return write_surplus(w, leaf, worker, err);
}

static pqf_status put_chunk(put_job *job, int32_t leaf, int worker, pqf_error *err) {
    pqf_group_writer *w = job->w;
    pqf_share *share = pqf_group_share_of(w, leaf);
    if (job->batch) TRY(put_stretches(job, leaf, share, worker, err));
    if (job->ends)
        TRY(pqf_chunk_writer_end(w->chunks[leaf], &w->scratch[worker], w->run, worker,
                                 err));
    if (share) TRY(pqf_group_tend_pages(w, share, true, worker, err));
    return job->ends ? finish_leaf(w, leaf, worker, err) : PQF_OK;
}

/* A chunk that is begun and ended here leaves nothing in its buffers: they are the worker's, so that
 * thousands of columns neither hold nor touch memory of their own. */
static pqf_status put_leaf(put_job *job, int32_t leaf, int worker, pqf_error *err) {
    pqf_chunk_writer *chunk = job->w->chunks[leaf];
    pqf_scratch *scratch = &job->w->scratch[worker];
    if (!job->begins || !job->ends) return put_chunk(job, leaf, worker, err);
    pqf_chunk_writer_trade(chunk, scratch);
    pqf_status status = put_chunk(job, leaf, worker, err);
    pqf_chunk_writer_trade(chunk, scratch);
    return status;
}

/* ---- all leaves ---- */

/* Tasks behind those of the leaves are help. */
static pqf_status group_task(void *context, int64_t task, int worker, pqf_error *err) {
    put_job *job = context;
    pqf_group_writer *w = job->w;
    if (task >= w->num_leaves) return pqf_group_help(w, worker, err);
    pqf_gate_lock(&w->flow.gate);
    w->leaves_begun++;
    pqf_gate_unlock(&w->flow.gate);
    pqf_status status = put_leaf(job, (int32_t)task, worker, err);
    if (status != PQF_OK) {
        pqf_error_at_row_group(err, (int64_t)(w->groups.len / sizeof(pqf_row_group)));
        pqf_error_at_column(err, w->schema->tree.leaves[task].path);
    }
    pqf_gate_lock(&w->flow.gate);
    w->leaves_left--;
    w->stops |= status != PQF_OK;
    pqf_gate_ring(&w->flow.gate);
    pqf_gate_unlock(&w->flow.gate);
    return status;
}

typedef struct load {
    int64_t bytes;
    int64_t task;
} load;

static int compare_loads(const void *a, const void *b) {
    const load *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

/* Leaves by their bytes, then the help. */
static pqf_status order_tasks(pqf_group_writer *w, int64_t num_tasks, const int64_t **out,
                              pqf_error *err) {
    w->loads.len = 0;
    for (int64_t t = 0; t < num_tasks; t++) {
        load l = {t < w->num_leaves ? w->leaf_bytes[t] : -1, t};
        TRY(pqf_buf_put(&w->loads, &l, sizeof l, err));
    }
    load *loads = (load *)(void *)w->loads.data;
    qsort(loads, (size_t)num_tasks, sizeof *loads, compare_loads);
    /* the order takes the place of the loads: each of its entries is smaller and stands before */
    int64_t *order = (int64_t *)(void *)w->loads.data;
    for (int64_t i = 0; i < num_tasks; i++) {
        int64_t task = loads[i].task;
        order[i] = task;
    }
    *out = order;
    return PQF_OK;
}

/* By leaf_bytes where they are shared. A failure of a leaf goes before one of the sink. */
static pqf_status run_leaves(put_job *job, bool shared, pqf_error *err) {
    pqf_group_writer *w = job->w;
    int threads = w->run->num_threads;
    const int64_t *order = NULL;
    int64_t num_helpers = pqf_min_i64(threads, 1 + job->total_bytes / PQF_HELD_MIN_BYTES);
    int64_t num_tasks = w->num_leaves + (shared ? num_helpers : 0);
    if (!shared) w->run->num_threads = 1;
    pqf_group_share(w, job->total_bytes);
    w->leaves_left = w->num_leaves;
    w->leaves_begun = 0;
    w->stops = false;
    job->done_before = atomic_load(&w->run->done);
    pqf_status status = shared ? order_tasks(w, num_tasks, &order, err) : PQF_OK;
    if (status == PQF_OK)
        status = pqf_run_tasks(w->run, num_tasks, order, group_task, job, err);
    w->run->num_threads = threads;
    TRY(status);
    TRY(pqf_flow_check(&w->flow, err));
    atomic_store(&w->run->done, job->done_before + job->num_rows);
    return PQF_OK;
}

/* ---- closing ---- */

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

static pqf_status close_chunk(pqf_group_writer *w, int32_t leaf, int64_t offset,
                              pqf_column_chunk *chunk, pqf_error *err) {
    const pqf_chunk_out *out = &w->outs[leaf];
    TRY(pqf_group_keep_metadata(w, &out->meta, &chunk->meta_data, err));
    chunk->has_meta_data = true;
    chunk->meta_data.data_page_offset += offset;
    if (chunk->meta_data.has_dictionary_page_offset)
        chunk->meta_data.dictionary_page_offset += offset;
    return pqf_group_keep_indexes(w, out->column_index, out->offset_index, offset, chunk,
                                  err);
}

/* Where they begin the flow knows. What is between them counts for none. */
static pqf_status close_chunks(pqf_group_writer *w, pqf_row_group *group,
                               pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_leaves, sizeof(pqf_column_chunk),
                        &block, err));
    group->columns = block;
    group->num_columns = w->num_leaves;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        TRY(close_chunk(w, l, w->flow.lanes[l].begin, &group->columns[l], err));
        TRY(pqf_run_poll(w->run, 0, err));
        group->total_compressed_size += group->columns[l].meta_data.total_compressed_size;
        group->total_byte_size += group->columns[l].meta_data.total_uncompressed_size;
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

/* All chunks are closed. With one thread nobody could write while the next row group is encoded. */
static pqf_status close_group(pqf_group_writer *w, pqf_error *err) {
    size_t index = w->groups.len / sizeof(pqf_row_group);
    pqf_row_group group = {
        .num_rows = w->num_rows,
        .has_file_offset = true,
        .file_offset = w->num_leaves ? w->flow.lanes[0].begin : w->begin,
        .has_total_compressed_size = true,
        .has_ordinal = index <= INT16_MAX,
        .ordinal = (int16_t)(index <= INT16_MAX ? index : 0),
    };
    TRY(close_chunks(w, &group, err));
    TRY(name_sorting(w, &group, err));
    TRY(pqf_buf_put(&w->groups, &group, sizeof group, err));
    w->ready_limit = pqf_min_i64(
        PQF_READY_BYTES, pqf_max_i64(group.total_compressed_size / 4, PQF_WRITE_BYTES));
    if (w->most_waiting == INT64_MAX) w->most_waiting = 0;
    w->most_waiting =
        pqf_max_i64(w->most_waiting, group.total_compressed_size + PQF_READY_BYTES);
    w->total_rows += w->num_rows;
    w->num_rows = 0;
    w->num_bytes = 0;
    return w->run->num_threads > 1 ? PQF_OK : pqf_flow_drain(&w->flow, w->run, err);
}

/* What the chunks still have to encode: about a page and a dictionary each. */
pqf_status pqf_group_writer_flush(pqf_group_writer *w, pqf_error *err) {
    put_job job = {.w = w, .ends = true};
    int64_t sealed;
    if (!w->num_rows) return PQF_OK;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        pqf_chunk_writer_sizes(w->chunks[l], &sealed, &w->leaf_bytes[l]);
        job.total_bytes += w->leaf_bytes[l];
    }
    TRY(run_leaves(&job, is_shared(w, w->num_rows), err));
    return close_group(w, err);
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

/* ---- rows ---- */

static pqf_status put_rows(pqf_group_writer *w, const pqf_view *batch, int64_t start,
                           int64_t n, bool ends, pqf_error *err) {
    put_job job = {.w = w,
                   .batch = batch,
                   .start = start,
                   .num_rows = n,
                   .begins = w->num_rows == 0,
                   .ends = ends};
    if (!w->num_rows) {
        pqf_flow_begin_lanes(&w->flow);
        w->begin = w->flow.place;
    }
    if (!is_little(w, n)) job.total_bytes = weigh_leaves(w, &job);
    w->num_rows += n;
    TRY(run_leaves(&job, is_shared(w, n), err));
    return ends ? close_group(w, err) : PQF_OK;
}

pqf_status pqf_group_writer_put(pqf_group_writer *w, const pqf_view *batch, int64_t start,
                                int64_t num_rows, pqf_error *err) {
    while (num_rows > 0) {
        int64_t n = pqf_min_i64(num_rows, w->max_rows - w->num_rows);
        bool full = false;
        if (w->max_bytes) n = rows_within_bytes(w, batch, start, n, &full);
        if (w->num_sorting) TRY(pqf_sorting_check_rows(w, batch, start, n, err));
        full |= w->num_rows + n == w->max_rows ||
                w->total_rows + w->num_rows + n == w->expected_rows;
        TRY(put_rows(w, batch, start, n, full, err));
        start += n;
        num_rows -= n;
    }
    return PQF_OK;
}
