/* SPDX-License-Identifier: Apache-2.0
 *
 * group_index.c: where page indexes and Bloom filters of a file that is written go.
 *
 *   row group | its filters | row group | its filters | column indexes | offset indexes | footer
 *
 * Filters are large and follow their row group, so that one row group's are in memory. Indexes are
 * small, and readers take them together with the footer: they are kept, as Thrift, to the end.
 */
#include "inner.h"

/* Offsets in the file instead of within the chunk; the old list is left as it was. */
static pqf_status put_offset_index(const pqf_offset_index *in, int64_t offset,
                                   pqf_mem *mem, pqf_buf *out, pqf_error *err) {
    pqf_arena arena;
    void *block;
    pqf_offset_index moved = *in;
    pqf_arena_init(&arena, mem);
    pqf_status status = pqf_arena_array(&arena, (size_t)in->num_page_locations,
                                        sizeof(pqf_page_location), &block, err);
    if (status == PQF_OK) {
        moved.page_locations = block;
        for (int32_t i = 0; i < in->num_page_locations; i++) {
            moved.page_locations[i] = in->page_locations[i];
            moved.page_locations[i].offset += offset;
        }
        status = pqf_thrift_write(&pqf_offset_index_thrift, &moved, out, err);
    }
    pqf_arena_reset(&arena);
    return status;
}

/* Places are counted from the first byte of their buffer until that is written. */
pqf_status pqf_group_keep_indexes(pqf_group_writer *w, const pqf_column_index *column,
                                  const pqf_offset_index *offsets, int64_t offset,
                                  pqf_column_chunk *chunk, pqf_error *err) {
    size_t at = w->column_indexes.len;
    if (column) {
        TRY(pqf_thrift_write(&pqf_column_index_thrift, column, &w->column_indexes, err));
        chunk->has_column_index_offset = chunk->has_column_index_length = true;
        chunk->column_index_offset = (int64_t)at;
        chunk->column_index_length = (int32_t)(w->column_indexes.len - at);
    }
    at = w->offset_indexes.len;
    if (!offsets) return PQF_OK;
    TRY(put_offset_index(offsets, offset, w->mem, &w->offset_indexes, err));
    chunk->has_offset_index_offset = chunk->has_offset_index_length = true;
    chunk->offset_index_offset = (int64_t)at;
    chunk->offset_index_length = (int32_t)(w->offset_indexes.len - at);
    return PQF_OK;
}

pqf_status pqf_group_put_filter(pqf_group_writer *w, pqf_bytes filter,
                                pqf_column_chunk *chunk, pqf_error *err) {
    pqf_column_metadata *meta = &chunk->meta_data;
    if (!filter.len) return PQF_OK;
    meta->has_bloom_filter_offset = meta->has_bloom_filter_length = true;
    meta->bloom_filter_offset = pqf_flow_len(&w->flow);
    meta->bloom_filter_length = (int32_t)filter.len;
    return pqf_flow_put_copy(&w->flow, filter, err);
}

pqf_status pqf_group_writer_put_indexes(pqf_group_writer *w, pqf_error *err) {
    pqf_row_group *groups = (pqf_row_group *)(void *)w->groups.data;
    size_t num_groups = w->groups.len / sizeof *groups;
    pqf_bytes parts[2] = {pqf_buf_view(&w->column_indexes),
                          pqf_buf_view(&w->offset_indexes)};
    int64_t columns_at = pqf_sink_len(w->sink);
    int64_t offsets_at = columns_at + (int64_t)parts[0].len;
    if (!parts[1].len) return PQF_OK;
    for (size_t g = 0; g < num_groups; g++)
        for (int32_t l = 0; l < groups[g].num_columns; l++) {
            pqf_column_chunk *chunk = &groups[g].columns[l];
            if (chunk->has_column_index_offset) chunk->column_index_offset += columns_at;
            if (chunk->has_offset_index_offset) chunk->offset_index_offset += offsets_at;
        }
    return pqf_sink_write(w->sink, parts, 2, err);
}
