/* SPDX-License-Identifier: Apache-2.0
 *
 * copy_group.c: a row group of another file, of the same Parquet schema, appended as it is. The
 * bytes of its column chunks are copied without being decoded; their pages' headers and checksums
 * are looked at first. Metadata is kept but for what does not hold in the new file: offsets are
 * counted anew, bounds that only the old file's column order or writer let readers believe are dropped.
 * Page indexes and Bloom filters come along where they can be used; what cannot is left behind. Chunks
 * without a codec keep their alignment.
 */
#include "inner.h"

#define CHECK_WINDOW_BYTES ((size_t)1 << 20)
#define COPY_STEP_BYTES    ((int64_t)16 << 20)

static pqf_status check_task(void *context, int64_t task, int worker, pqf_error *err) {
    const pqf_copy_job *job = context;
    pqf_chunk chunk;
    pqf_chunk_read_options options = {.source = pqf_reader_source(job->reader),
                                      .kernel = pqf_kernels_get(),
                                      .window_bytes = CHECK_WINDOW_BYTES};
    TRY(pqf_metadata_chunk(pqf_reader_metadata(job->reader), job->row_group, task, &chunk,
                           err));
    return pqf_chunk_check_pages(&chunk, &options, job->w->mem, job->w->run, worker, err);
}

/* ---- statistics ---- */

static bool is_signed_order(const pqf_leaf *leaf) {
    return leaf->order == PQF_ORDER_SIGNED || leaf->order == PQF_ORDER_FLOAT ||
           leaf->physical == PQF_PHYSICAL_BOOLEAN;
}

/* Of the bounds: what the new file says of their order the old one says too. */
static bool has_same_order(const pqf_copy_job *job, const pqf_leaf *leaf) {
    const pqf_metadata *metadata = pqf_reader_metadata(job->reader);
    return job->w->schema->column_orders[leaf->index].has_type_order
               ? pqf_metadata_column_order(metadata, leaf)->has_type_order
               : pqf_metadata_has_total_order(metadata, leaf);
}

/* The new file says which order its bounds are in, and that this library wrote it. Bounds that the old
 * file did not say this of go; so do deprecated ones that readers believe or not by the name of the
 * writer. */
static void keep_believable(const pqf_copy_job *job, const pqf_leaf *leaf,
                            pqf_statistics *s) {
    if (!has_same_order(job, leaf)) {
        s->has_min_value = s->has_max_value = false;
        s->has_is_min_value_exact = s->has_is_max_value_exact = false;
    }
    if (!is_signed_order(leaf)) s->has_min = s->has_max = false;
}

/* ---- chunks ---- */

static bool is_inside(const pqf_chunk *chunk, int64_t offset) {
    return offset >= chunk->file_offset && offset < chunk->file_offset + chunk->byte_len;
}

/* Offsets of the copy, which begins at `to`. */
static void move_offsets(const pqf_chunk *chunk, int64_t to, pqf_column_metadata *meta) {
    int64_t by = to - chunk->file_offset;
    meta->has_dictionary_page_offset = meta->has_dictionary_page_offset &&
                                       is_inside(chunk, meta->dictionary_page_offset);
    meta->has_index_page_offset =
        meta->has_index_page_offset && is_inside(chunk, meta->index_page_offset);
    meta->data_page_offset += by;
    if (meta->has_dictionary_page_offset) meta->dictionary_page_offset += by;
    if (meta->has_index_page_offset) meta->index_page_offset += by;
    meta->has_bloom_filter_offset = meta->has_bloom_filter_length = false;
}

static pqf_status copy_bytes(pqf_copy_job *job, int64_t offset, int64_t len,
                             pqf_error *err) {
    pqf_source *source = pqf_reader_source(job->reader);
    for (int64_t done = 0; done < len;) {
        int64_t step = pqf_min_i64(COPY_STEP_BYTES, len - done);
        TRY(pqf_run_poll(job->w->run, 0, err));
        TRY(pqf_sink_copy(job->w->sink, source, offset + done, step, err));
        done += step;
    }
    return PQF_OK;
}

/* The bounds of a column index hold by the column's order alone. */
static pqf_status copy_indexes(pqf_copy_job *job, const pqf_chunk *chunk, int64_t to,
                               pqf_column_chunk *out, pqf_error *err) {
    const pqf_metadata *metadata = pqf_reader_metadata(job->reader);
    pqf_page_index index;
    pqf_arena arena;
    pqf_status status = PQF_OK;
    pqf_arena_init(&arena, job->w->mem);
    if (pqf_page_index_read(metadata, job->row_group, chunk,
                            pqf_reader_source(job->reader), &arena, &index)) {
        bool columns = index.has_columns && has_same_order(job, chunk->leaf);
        status =
            pqf_group_keep_indexes(job->w, columns ? &index.columns : NULL,
                                   &index.offsets, to - chunk->file_offset, out, err);
    }
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status copy_filter(pqf_copy_job *job, int32_t leaf, pqf_column_chunk *out,
                              pqf_error *err) {
    const pqf_metadata *metadata = pqf_reader_metadata(job->reader);
    pqf_column_metadata *meta = &out->meta_data;
    int64_t to = pqf_sink_len(job->w->sink);
    pqf_bloom_filter filter;
    pqf_chunk chunk;
    TRY(pqf_metadata_chunk(metadata, job->row_group, leaf, &chunk, err));
    if (!pqf_bloom_filter_open(metadata, &chunk, pqf_reader_source(job->reader),
                               &filter) ||
        filter.total_bytes > INT32_MAX)
        return PQF_OK;
    meta->has_bloom_filter_offset = meta->has_bloom_filter_length = true;
    meta->bloom_filter_offset = to;
    meta->bloom_filter_length = (int32_t)filter.total_bytes;
    return copy_bytes(job, chunk.meta->bloom_filter_offset, filter.total_bytes, err);
}

/* Values that readers can use where they lie stay so: fewer than PQF_VALUE_ALIGNMENT zeros go before them. */
static pqf_status put_gap(pqf_copy_job *job, int32_t leaf, pqf_error *err) {
    static const uint8_t zeros[PQF_VALUE_ALIGNMENT];
    pqf_chunk chunk;
    TRY(pqf_metadata_chunk(pqf_reader_metadata(job->reader), job->row_group, leaf, &chunk,
                           err));
    int64_t over = (chunk.file_offset - pqf_sink_len(job->w->sink)) % PQF_VALUE_ALIGNMENT;
    pqf_bytes gap = {zeros, (size_t)(over < 0 ? over + PQF_VALUE_ALIGNMENT : over)};
    bool is_long = chunk.byte_len >= PQF_MAPPED_BYTES;
    if (chunk.meta->codec != PQF_UNCOMPRESSED || !is_long || !gap.len) return PQF_OK;
    return pqf_sink_write(job->w->sink, &gap, 1, err);
}

static pqf_status copy_chunk(pqf_copy_job *job, int32_t leaf, pqf_column_chunk *out,
                             pqf_error *err) {
    const pqf_metadata *metadata = pqf_reader_metadata(job->reader);
    pqf_group_writer *w = job->w;
    pqf_chunk chunk;
    int64_t to = pqf_sink_len(w->sink);
    TRY(pqf_metadata_chunk(metadata, job->row_group, leaf, &chunk, err));
    TRY(pqf_group_keep_metadata(w, chunk.meta, &out->meta_data, err));
    out->has_meta_data = true;
    move_offsets(&chunk, to, &out->meta_data);
    if (out->meta_data.statistics)
        keep_believable(job, chunk.leaf, out->meta_data.statistics);
    TRY(copy_indexes(job, &chunk, to, out, err));
    return copy_bytes(job, chunk.file_offset, chunk.byte_len, err);
}

static pqf_status copy_chunks(pqf_copy_job *job, pqf_row_group *group, pqf_error *err) {
    pqf_group_writer *w = job->w;
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_leaves, sizeof(pqf_column_chunk),
                        &block, err));
    group->columns = block;
    group->num_columns = w->num_leaves;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        TRY(put_gap(job, l, err));
        if (l == 0) group->file_offset = pqf_sink_len(w->sink);
        TRY(copy_chunk(job, l, &group->columns[l], err));
        group->total_compressed_size += group->columns[l].meta_data.total_compressed_size;
    }
    for (int32_t l = 0; l < w->num_leaves; l++)
        TRY(copy_filter(job, l, &group->columns[l], err));
    return PQF_OK;
}

static pqf_status keep_sorting(pqf_group_writer *w, const pqf_row_group *from,
                               pqf_row_group *group, pqf_error *err) {
    void *block;
    size_t n = (size_t)from->num_sorting_columns;
    if (!from->has_sorting_columns || !n) return PQF_OK;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_sorting_column), &block, err));
    memcpy(block, from->sorting_columns, n * sizeof(pqf_sorting_column));
    group->sorting_columns = block;
    group->num_sorting_columns = from->num_sorting_columns;
    group->has_sorting_columns = true;
    return PQF_OK;
}

static pqf_status copy_group(pqf_copy_job *job, pqf_error *err) {
    pqf_group_writer *w = job->w;
    const pqf_row_group *from =
        &pqf_reader_metadata(job->reader)->file.row_groups[job->row_group];
    size_t index = w->groups.len / sizeof(pqf_row_group);
    pqf_row_group group = {
        .num_rows = from->num_rows,
        .total_byte_size = from->total_byte_size,
        .has_file_offset = true,
        .file_offset = pqf_sink_len(w->sink),
        .has_total_compressed_size = true,
        .has_ordinal = index <= INT16_MAX,
        .ordinal = (int16_t)(index <= INT16_MAX ? index : 0),
    };
    TRY(pqf_run_tasks(w->run, w->num_leaves, NULL, check_task, job, err));
    TRY(copy_chunks(job, &group, err));
    TRY(keep_sorting(w, from, &group, err));
    TRY(pqf_buf_put(&w->groups, &group, sizeof group, err));
    w->total_rows += group.num_rows;
    atomic_fetch_add(&w->run->done, group.num_rows);
    return PQF_OK;
}

pqf_status pqf_group_writer_copy(pqf_group_writer *w, pqf_reader *reader,
                                 int64_t row_group, pqf_error *err) {
    pqf_copy_job job = {w, reader, row_group};
    TRY(pqf_group_writer_flush(w, err));
    TRY(pqf_flow_drain(&w->flow, w->run, err));
    if (copy_group(&job, err) == PQF_OK) return PQF_OK;
    pqf_error_at_row_group(err, row_group);
    return pqf_error_at_path(err, pqf_source_path(pqf_reader_source(reader)));
}
