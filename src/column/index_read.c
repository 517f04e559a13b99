/* SPDX-License-Identifier: Apache-2.0
 *
 * index_read.c (room column): page indexes and Bloom filters of a chunk as they were read
 * (PageIndex.md, BloomFilter.md). In: offsets and lengths that have passed the footer's border. Out:
 * an index whose numbers agree with each other, with the chunk and with its row group, or none.
 *
 * All of it only saves work. What is damaged, contradicts itself or cannot be read is not used, and the
 * pages are read as if it were not there.
 */
#include "column.h"

#include "bloom.h"

/* Headers have about 20 bytes; unknown fields may make them longer. */
#define HEADER_BYTES 256

/* ---- bytes ---- */

static bool read_bytes(pqf_source *source, int64_t offset, int64_t len, pqf_arena *arena,
                       pqf_bytes *out) {
    pqf_error ignored;
    void *block;
    pqf_error_init(&ignored);
    if (pqf_arena_alloc(arena, (size_t)len, &block, &ignored) != PQF_OK) return false;
    *out = pqf_bytes_of(block, (size_t)len);
    return pqf_source_read_at(source, offset, block, (size_t)len, &ignored) == PQF_OK;
}

static bool read_struct(pqf_source *source, int64_t offset, int64_t len,
                        const pqf_thrift_struct *type, pqf_arena *arena, void *out) {
    pqf_error ignored;
    pqf_bytes bytes;
    size_t used;
    pqf_error_init(&ignored);
    return read_bytes(source, offset, len, arena, &bytes) &&
           pqf_thrift_read(bytes, type, out, arena, NULL, &used, &ignored) == PQF_OK;
}

/* It has been read before: `chunk` is made of it. */
static const pqf_column_chunk *chunk_of(const pqf_metadata *metadata, int64_t row_group,
                                        const pqf_chunk *chunk) {
    static const pqf_column_chunk none = {0};
    const pqf_column_chunk *found;
    pqf_error ignored;
    pqf_error_init(&ignored);
    return pqf_metadata_column(metadata, row_group, chunk->leaf->index, &found,
                               &ignored) == PQF_OK
               ? found
               : &none;
}

/* ---- the offset index ---- */

/* Pages follow each other within the chunk, each with a row of its own at least. */
static bool are_places(const pqf_chunk *chunk, const pqf_offset_index *index) {
    int64_t end = chunk->file_offset, last = chunk->file_offset + chunk->byte_len;
    int64_t row = -1;
    for (int32_t i = 0; i < index->num_page_locations; i++) {
        const pqf_page_location *p = &index->page_locations[i];
        if (p->offset < end || p->compressed_page_size <= 0 || p->offset > last ||
            p->compressed_page_size > last - p->offset)
            return false;
        if (i == 0 ? p->first_row_index != 0 : p->first_row_index <= row) return false;
        end = p->offset + p->compressed_page_size;
        row = p->first_row_index;
    }
    return index->num_page_locations > 0 && row < chunk->num_rows;
}

bool pqf_offset_index_read(const pqf_metadata *metadata, int64_t row_group,
                           const pqf_chunk *chunk, pqf_source *source, pqf_arena *arena,
                           pqf_page_index *out) {
    const pqf_column_chunk *c = chunk_of(metadata, row_group, chunk);
    *out = (pqf_page_index){.num_rows = chunk->num_rows};
    if (!c->has_offset_index_offset || !c->has_offset_index_length) return false;
    if (!read_struct(source, c->offset_index_offset, c->offset_index_length,
                     &pqf_offset_index_thrift, arena, &out->offsets))
        return false;
    out->num_pages = out->offsets.num_page_locations;
    return are_places(chunk, &out->offsets);
}

int64_t pqf_page_index_first_row(const pqf_page_index *index, int32_t page) {
    if (page >= index->num_pages) return index->num_rows;
    return index->offsets.page_locations[page].first_row_index;
}

int32_t pqf_page_index_find(const pqf_page_index *index, int64_t row) {
    int32_t lo = 0, hi = index->num_pages - 1;
    while (lo < hi) {
        int32_t mid = lo + (hi - lo + 1) / 2;
        if (index->offsets.page_locations[mid].first_row_index <= row)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

/* ---- the column index ---- */

static bool are_counts(int32_t num, const int64_t *counts, int32_t num_pages) {
    bool good = num == num_pages;
    for (int32_t i = 0; good && i < num; i++)
        good = counts[i] >= 0;
    return good;
}

/* Of a column without lists: a page is all null, or has fewer nulls than rows. */
static bool agrees_with_nulls(const pqf_page_index *index) {
    const pqf_column_index *c = &index->columns;
    for (int32_t i = 0; i < index->num_pages; i++) {
        int64_t rows =
            pqf_page_index_first_row(index, i + 1) - pqf_page_index_first_row(index, i);
        if (c->null_pages[i] ? c->null_counts[i] != rows : c->null_counts[i] >= rows)
            return false;
    }
    return true;
}

static bool agrees_with_chunk(const pqf_chunk *chunk, const pqf_column_index *c) {
    const pqf_statistics *s = chunk->meta->statistics;
    int64_t sum = 0;
    if (!s || !s->has_null_count) return true;
    for (int32_t i = 0; i < c->num_null_counts; i++)
        if (!pqf_add_i64(sum, c->null_counts[i], &sum)) return false;
    return sum == s->null_count;
}

static bool is_column_index(const pqf_chunk *chunk, const pqf_page_index *index) {
    const pqf_column_index *c = &index->columns;
    int32_t n = index->num_pages;
    if (c->num_null_pages != n || c->num_min_values != n || c->num_max_values != n)
        return false;
    if (c->has_nan_counts && !are_counts(c->num_nan_counts, c->nan_counts, n))
        return false;
    if (!c->has_null_counts) return true;
    if (!are_counts(c->num_null_counts, c->null_counts, n)) return false;
    return agrees_with_chunk(chunk, c) &&
           (chunk->leaf->max_rep > 0 || agrees_with_nulls(index));
}

bool pqf_page_index_read(const pqf_metadata *metadata, int64_t row_group,
                         const pqf_chunk *chunk, pqf_source *source, pqf_arena *arena,
                         pqf_page_index *out) {
    const pqf_column_chunk *c = chunk_of(metadata, row_group, chunk);
    if (!pqf_offset_index_read(metadata, row_group, chunk, source, arena, out))
        return false;
    out->has_columns = c->has_column_index_offset && c->has_column_index_length &&
                       read_struct(source, c->column_index_offset, c->column_index_length,
                                   &pqf_column_index_thrift, arena, &out->columns) &&
                       is_column_index(chunk, out);
    return true;
}

/* ---- Bloom filters ---- */

/* The header gives the length; bloom_filter_length, where it is there, must agree. */
bool pqf_bloom_filter_open(const pqf_metadata *metadata, const pqf_chunk *chunk,
                           pqf_source *source, pqf_bloom_filter *out) {
    const pqf_column_metadata *meta = chunk->meta;
    int64_t left = pqf_metadata_data_end(metadata) - meta->bloom_filter_offset;
    pqf_bloom_filter_header header;
    pqf_error ignored;
    pqf_arena arena;
    pqf_bytes bytes;
    size_t used = 0;
    if (!meta->has_bloom_filter_offset || left <= 0) return false;
    pqf_error_init(&ignored);
    pqf_arena_init(&arena, metadata->mem);
    bool good = read_bytes(source, meta->bloom_filter_offset,
                           pqf_min_i64(HEADER_BYTES, left), &arena, &bytes) &&
                pqf_thrift_read(bytes, &pqf_bloom_filter_header_thrift, &header, &arena,
                                NULL, &used, &ignored) == PQF_OK;
    pqf_arena_reset(&arena);
    if (!good || !header.algorithm.has_block || !header.hash.has_xxhash ||
        !header.compression.has_uncompressed)
        return false;
    int64_t total = (int64_t)used + header.num_bytes;
    *out = (pqf_bloom_filter){source, meta->bloom_filter_offset + (int64_t)used,
                              header.num_bytes, total};
    return header.num_bytes > 0 && header.num_bytes % PQF_BLOOM_BLOCK_BYTES == 0 &&
           total <= left &&
           (!meta->has_bloom_filter_length || meta->bloom_filter_length == total);
}

bool pqf_bloom_filter_may_have(const pqf_bloom_filter *filter, pqf_bytes plain) {
    uint8_t block[PQF_BLOOM_BLOCK_BYTES];
    pqf_error ignored;
    uint64_t hash = pqf_xxh64(plain.data, plain.len);
    uint64_t i =
        pqf_bloom_block(hash, (uint64_t)filter->num_bytes / PQF_BLOOM_BLOCK_BYTES);
    pqf_error_init(&ignored);
    if (pqf_source_read_at(filter->source,
                           filter->offset + (int64_t)i * PQF_BLOOM_BLOCK_BYTES, block,
                           sizeof block, &ignored) != PQF_OK)
        return true;
    return pqf_bloom_block_has(block, hash);
}
