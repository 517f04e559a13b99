/* SPDX-License-Identifier: Apache-2.0
 *
 * indexes.c: the fuzz target of page indexes and Bloom filters. An input:
 *
 *   template u8, leaf u8, offset_len u16, column_len u16, then the offset index, the column index and
 *   the Bloom filter of that leaf in the first row group
 *
 * They are put between the pages and the footer of the template, whose fields point at them.
 */
#include "column/column.h"
#include "fuzz.h"

#include <stdlib.h>

#define HEAD_BYTES 6

typedef struct index_case {
    int64_t leaf;
    pqf_bytes offsets, columns, filter;
} index_case;

static int64_t put_part(pqf_buf *out, pqf_bytes part) {
    pqf_error err;
    pqf_error_init(&err);
    int64_t at = (int64_t)out->len;
    fuzz_must(pqf_buf_put(out, part.data, part.len, &err), &err, "a part");
    return at;
}

static void point(const index_case *c, pqf_column_chunk *chunk, pqf_buf *out) {
    chunk->has_offset_index_offset = chunk->has_offset_index_length = true;
    chunk->offset_index_offset = put_part(out, c->offsets);
    chunk->offset_index_length = (int32_t)c->offsets.len;
    chunk->has_column_index_offset = chunk->has_column_index_length = true;
    chunk->column_index_offset = put_part(out, c->columns);
    chunk->column_index_length = (int32_t)c->columns.len;
    chunk->meta_data.has_bloom_filter_offset = c->filter.len > 0;
    chunk->meta_data.has_bloom_filter_length = false;
    chunk->meta_data.bloom_filter_offset = put_part(out, c->filter);
}

/* The file; *c is completed by the template's leaves. */
static void make_file(pqf_bytes file, index_case *c, pqf_buf *out) {
    pqf_file_metadata meta;
    pqf_arena arena;
    pqf_error err;
    size_t used, len = pqf_load_u32(file.data + file.len - 8);
    size_t data = file.len - 8 - len;
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    fuzz_must(pqf_thrift_read(pqf_bytes_of(file.data + data, len),
                              &pqf_file_metadata_thrift, &meta, &arena, NULL, &used,
                              &err),
              &err, "a template");
    put_part(out, pqf_bytes_of(file.data, data));
    c->leaf %= meta.row_groups[0].num_columns;
    point(c, &meta.row_groups[0].columns[c->leaf], out);
    fuzz_must(pqf_footer_write(&meta, out, &err), &err, "the footer");
    pqf_arena_reset(&arena);
}

static void check_bounds(const pqf_metadata *m, const pqf_leaf *leaf,
                         const pqf_page_index *index) {
    pqf_bounds b;
    for (int32_t page = 0; page < index->num_pages; page++) {
        int64_t row = pqf_page_index_first_row(index, page);
        FUZZ_CHECK(row < pqf_page_index_first_row(index, page + 1), "an empty page %d",
                   (int)page);
        FUZZ_CHECK(pqf_page_index_find(index, row) == page, "page %d", (int)page);
        if (!index->has_columns) continue;
        pqf_bounds_of_page(m, leaf, index, page, &b);
        if (b.has_min && b.has_max) pqf_order_compare(leaf, b.min, b.max);
    }
}

static void check_filter(const pqf_metadata *m, const pqf_chunk *chunk,
                         pqf_source *source) {
    pqf_bloom_filter filter;
    uint8_t value[64] = {1};
    if (!pqf_bloom_filter_open(m, chunk, source, &filter)) return;
    for (size_t n = 0; n < sizeof value; n = 2 * n + 1)
        pqf_bloom_filter_may_have(&filter, pqf_bytes_of(value, n));
}

static void ask_indexes(const pqf_metadata *m, pqf_source *source, int64_t leaf) {
    pqf_page_index index;
    pqf_arena arena;
    pqf_chunk chunk;
    pqf_error err;
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    if (fuzz_ok(pqf_metadata_chunk(m, 0, leaf, &chunk, &err), &err)) {
        if (pqf_page_index_read(m, 0, &chunk, source, &arena, &index))
            check_bounds(m, chunk.leaf, &index);
        check_filter(m, &chunk, source);
    }
    pqf_arena_reset(&arena);
}

/* What stands in the file as it was made; then it is read by way of the indexes. */
static void ask_file(pqf_bytes file, const index_case *c, uint8_t how) {
    pqf_source *source;
    pqf_metadata *metadata;
    pqf_error err;
    pqf_error_init(&err);
    fuzz_must(pqf_source_open_memory(file, &source, &err), &err, "a source");
    if (fuzz_ok(pqf_footer_read(source, NULL, fuzz_mem, &metadata, &err), &err)) {
        ask_indexes(metadata, source, c->leaf);
        pqf_metadata_free(metadata);
    }
    pqf_source_free(source);
    fuzz_read_file(file, how & 0x3F);
}

void fuzz_indexes(const fuzz_target *target, pqf_bytes in) {
    pqf_buf out;
    (void)target;
    if (in.len < HEAD_BYTES) return;
    pqf_bytes rest = {in.data + HEAD_BYTES, in.len - HEAD_BYTES};
    size_t offset_len = pqf_load_u16(in.data + 2), column_len = pqf_load_u16(in.data + 4);
    if (offset_len > rest.len || column_len > rest.len - offset_len) return;
    index_case c = {.leaf = in.data[1],
                    .offsets = {rest.data, offset_len},
                    .columns = {rest.data + offset_len, column_len},
                    .filter = {rest.data + offset_len + column_len,
                               rest.len - offset_len - column_len}};
    pqf_buf_init(&out, fuzz_mem, 0);
    make_file(fuzz_template(in.data[0] % FUZZ_NUM_TEMPLATES), &c, &out);
    uint8_t *file = fuzz_copy(pqf_buf_view(&out), 0xFF);
    size_t len = out.len;
    pqf_buf_reset(&out);
    ask_file(pqf_bytes_of(file, len), &c, (uint8_t)(in.data[0] / FUZZ_NUM_TEMPLATES * 4));
    free(file);
}

/* ---- seeds ---- */

static void put_seed(int i, int32_t leaf, const pqf_column_chunk *chunk,
                     const fuzz_seeds *seeds) {
    pqf_buf body = fuzz_lasting_buf();
    pqf_bytes file = fuzz_template(i);
    const pqf_column_metadata *m = &chunk->meta_data;
    uint8_t head[HEAD_BYTES] = {(uint8_t)(i + FUZZ_NUM_TEMPLATES * (leaf ? 1 : leaf + 2)),
                                (uint8_t)leaf};
    pqf_store_u16(head + 2, (uint16_t)chunk->offset_index_length);
    pqf_store_u16(head + 4, (uint16_t)chunk->column_index_length);
    put_part(&body, pqf_bytes_of(file.data + chunk->offset_index_offset,
                                 (size_t)chunk->offset_index_length));
    put_part(&body, pqf_bytes_of(file.data + chunk->column_index_offset,
                                 (size_t)chunk->column_index_length));
    if (m->has_bloom_filter_offset)
        put_part(&body, pqf_bytes_of(file.data + m->bloom_filter_offset,
                                     (size_t)m->bloom_filter_length));
    fuzz_put_seed(seeds, head, sizeof head, pqf_buf_view(&body));
    pqf_buf_reset(&body);
}

void fuzz_indexes_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0; i < FUZZ_NUM_TEMPLATES; i++) {
        pqf_source *source;
        pqf_metadata *metadata;
        pqf_error err;
        pqf_error_init(&err);
        fuzz_must(pqf_source_open_memory(fuzz_template(i), &source, &err), &err,
                  "source");
        fuzz_must(pqf_footer_read(source, NULL, fuzz_lasting_buf().mem, &metadata, &err),
                  &err, "footer");
        for (int32_t leaf = 0; leaf < metadata->tree.num_leaves; leaf++) {
            const pqf_column_chunk *chunk;
            fuzz_must(pqf_metadata_column(metadata, 0, leaf, &chunk, &err), &err, "leaf");
            if (chunk->has_offset_index_offset && chunk->has_column_index_offset)
                put_seed(i, leaf, chunk, seeds);
        }
        pqf_metadata_free(metadata);
        pqf_source_free(source);
    }
}
