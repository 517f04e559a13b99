/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk.c: column chunks of large footers, which are read when somebody asks for one. A footer of
 * 10,000 columns and 10 row groups has 100,000 of them, of which a read of 3 columns needs 30.
 * In: where each begins, as the reader of the footer noted it while it stepped over them. Out: a
 * pqf_column_chunk that has passed the border.
 *
 * Threads may ask for the same chunk at once: each reads it, one is kept, and a chunk that is there
 * never changes.
 */
#include "room.h"

#include <stdatomic.h>

struct pqf_late_chunk {
    pqf_column_chunk chunk;
    pqf_arena arena; /* of its lists */
};

static size_t num_chunks(const pqf_metadata *metadata) {
    return metadata->places.len / sizeof(uint32_t);
}

/* The border has made sure that each row group has as many chunks as the schema has leaves, so that
 * places are as many as both together. Of row groups that claim no rows, which nobody reads, one
 * chunk tells whether that is true. */
pqf_status pqf_chunks_init(pqf_metadata *metadata, pqf_error *err) {
    const pqf_column_chunk *chunk;
    void *block;
    TRY(pqf_arena_array(&metadata->arena, num_chunks(metadata), sizeof *metadata->late,
                        &block, err));
    metadata->late = block;
    for (int32_t i = 0; i < metadata->file.num_row_groups; i++)
        if (metadata->file.row_groups[i].num_rows == 0 && metadata->tree.num_leaves > 0)
            TRY(pqf_metadata_column(metadata, i, 0, &chunk, err));
    return PQF_OK;
}

static void late_free(struct pqf_late_chunk *late, pqf_mem *mem) {
    pqf_arena_reset(&late->arena);
    pqf_mem_free(mem, late, sizeof *late);
}

void pqf_chunks_free(pqf_metadata *metadata) {
    if (!metadata->late) return;
    for (size_t i = 0; i < num_chunks(metadata); i++) {
        struct pqf_late_chunk *late = atomic_load(&metadata->late[i]);
        if (late) late_free(late, metadata->mem);
    }
}

static pqf_status read_chunk(const pqf_metadata *metadata, size_t number,
                             const pqf_leaf *leaf, struct pqf_late_chunk *late,
                             pqf_error *err) {
    pqf_bytes bytes = pqf_buf_view(&metadata->bytes);
    size_t at = pqf_load_u32(metadata->places.data + number * sizeof(uint32_t)), used;
    pqf_arena_init(&late->arena, metadata->mem);
    TRY(pqf_thrift_read(pqf_bytes_of(bytes.data + at, bytes.len - at),
                        &pqf_column_chunk_thrift, &late->chunk, &late->arena,
                        &metadata->limits, &used, err));
    int64_t row_group = (int64_t)(number / (size_t)metadata->tree.num_leaves);
    return pqf_border_check_chunk(metadata, &late->chunk, leaf,
                                  metadata->file.row_groups[row_group].num_rows, err);
}

static pqf_status load(const pqf_metadata *metadata, size_t number, const pqf_leaf *leaf,
                       struct pqf_late_chunk **out, pqf_error *err) {
    struct pqf_late_chunk *late, *there = NULL;
    void *block;
    TRY(pqf_mem_zalloc(metadata->mem, sizeof *late, &block, err));
    late = block;
    pqf_status status = read_chunk(metadata, number, leaf, late, err);
    if (status == PQF_OK &&
        atomic_compare_exchange_strong(&metadata->late[number], &there, late)) {
        *out = late;
        return PQF_OK;
    }
    late_free(late, metadata->mem);
    *out = there;
    return status;
}

pqf_status pqf_metadata_column(const pqf_metadata *metadata, int64_t row_group,
                               int64_t leaf, const pqf_column_chunk **out,
                               pqf_error *err) {
    const pqf_row_group *rg = &metadata->file.row_groups[row_group];
    if (!metadata->late) {
        *out = &rg->columns[leaf];
        return PQF_OK;
    }
    size_t number = (size_t)(row_group * metadata->tree.num_leaves + leaf);
    struct pqf_late_chunk *late = atomic_load(&metadata->late[number]);
    pqf_status status = PQF_OK;
    if (!late) status = load(metadata, number, &metadata->tree.leaves[leaf], &late, err);
    if (status != PQF_OK) {
        pqf_error_at_column(err, metadata->tree.leaves[leaf].path);
        return pqf_error_at_row_group(err, row_group);
    }
    *out = &late->chunk;
    return PQF_OK;
}
