/* SPDX-License-Identifier: Apache-2.0
 *
 * border.c: the border of the footer. In comes a footer as it was parsed, with numbers that a
 * stranger wrote; each is checked once against the file's size, the schema and each other.
 * Behind it inner code trusts: every column chunk that pqf_metadata_chunk hands out lies
 * within the file. Numbers that only speed reading up (offsets of indexes and bloom filters)
 * are dropped when they are wrong.
 *
 *   "PAR1" | pages ............................. | footer | length (4) | "PAR1"
 *          4                                     data_end
 */
#include "room.h"

#include "base/bits.h"

#include <stdlib.h>

#define MAGIC_BYTES 4
#define TAIL_BYTES  8
#define PATH_REACH  500 /* leaves on either side */
/* parquet-mr before 1.2.9 left the dictionary page's header out of total_compressed_size. */
#define SHORT_CHUNK_PADDING 100

static int64_t data_end(const pqf_metadata *metadata) {
    return metadata->file_bytes - metadata->footer_bytes - TAIL_BYTES;
}

static bool is_range(const pqf_metadata *metadata, int64_t offset, int64_t len) {
    return offset >= MAGIC_BYTES && len >= 0 && offset <= data_end(metadata) &&
           len <= data_end(metadata) - offset;
}

/* Numbers of "1.2.8" compared with 1.2.9; what is missing counts as 0. */
static bool is_before_1_2_9(const char *version) {
    static const long fixed[3] = {1, 2, 9};
    for (int i = 0; i < 3; i++) {
        char *end;
        long v = strtol(version, &end, 10);
        if (v != fixed[i]) return v < fixed[i];
        version = *end == '.' ? end + 1 : end;
    }
    return false;
}

static bool writes_short_chunks(pqf_bytes created_by) {
    static const char name[] = "parquet-mr";
    char text[64];
    size_t len = created_by.len < sizeof text - 1 ? created_by.len : sizeof text - 1;
    if (len < sizeof name - 1 || memcmp(created_by.data, name, sizeof name - 1) != 0)
        return false;
    memcpy(text, created_by.data, len);
    text[len] = 0;
    const char *version = strstr(text, "version ");
    return is_before_1_2_9(version ? version + strlen("version ") : "");
}

/* Old writers leave dictionary_page_offset 0 or unset where the chunk begins with a dictionary. */
static int64_t chunk_start(const pqf_column_metadata *meta) {
    bool has_dictionary = meta->has_dictionary_page_offset &&
                          meta->dictionary_page_offset > 0 &&
                          meta->dictionary_page_offset < meta->data_page_offset;
    return has_dictionary ? meta->dictionary_page_offset : meta->data_page_offset;
}

static bool is_elsewhere(const pqf_column_chunk *chunk) {
    return chunk->has_file_path && chunk->file_path.len > 0;
}

/* path_in_schema is the leaf's path. */
static bool is_path_of(const pqf_column_metadata *meta, const char *path) {
    size_t left = strlen(path);
    for (int32_t i = 0; i < meta->num_path_in_schema; i++) {
        pqf_bytes part = meta->path_in_schema[i];
        size_t dot = i > 0;
        if (part.len + dot > left || (dot && *path != '.')) return false;
        if (memcmp(path + dot, part.data, part.len) != 0) return false;
        path += part.len + dot;
        left -= part.len + dot;
    }
    return left == 0;
}

/* Chunks stand in the order of the schema's leaves. Writers that are sloppy about names are believed; a
 * chunk that bears the name of another leaf is in another's place. In very wide schemas only the leaves
 * nearby are asked, so that a large footer takes no more than linear time. */
static pqf_status check_path(const pqf_metadata *metadata,
                             const pqf_column_metadata *meta, const pqf_leaf *leaf,
                             pqf_error *err) {
    const pqf_tree *tree = &metadata->tree;
    if (meta->num_path_in_schema == 0 || is_path_of(meta, leaf->path)) return PQF_OK;
    int32_t first = leaf->index > PATH_REACH ? leaf->index - PATH_REACH : 0;
    for (int32_t i = first; i < tree->num_leaves && i <= leaf->index + PATH_REACH; i++)
        if (is_path_of(meta, tree->leaves[i].path))
            return pqf_fail(err, PQF_CORRUPT,
                            "the column chunk in this place says that it is column %s",
                            tree->leaves[i].path);
    return PQF_OK;
}

static pqf_status check_meta(const pqf_metadata *metadata,
                             const pqf_column_metadata *meta, const pqf_leaf *leaf,
                             pqf_error *err) {
    if (meta->type != (int32_t)leaf->physical)
        return pqf_fail(
            err, PQF_CORRUPT, "the column chunk's type is %s but the schema's is %s",
            pqf_physical_name(meta->type), pqf_physical_name((int32_t)leaf->physical));
    TRY(check_path(metadata, meta, leaf, err));
    if (meta->num_values < 0)
        return pqf_fail(err, PQF_CORRUPT, "the column chunk claims %lld values",
                        (long long)meta->num_values);
    if (meta->total_compressed_size < 0 || meta->total_uncompressed_size < 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "the column chunk claims %lld bytes, %lld of them uncompressed",
                        (long long)meta->total_compressed_size,
                        (long long)meta->total_uncompressed_size);
    if (meta->num_values > 0 &&
        !is_range(metadata, chunk_start(meta), meta->total_compressed_size))
        return pqf_fail(
            err, PQF_CORRUPT,
            "the column chunk claims %lld bytes from byte %lld, but the file's pages lie "
            "between bytes 4 and %lld",
            (long long)meta->total_compressed_size, (long long)chunk_start(meta),
            (long long)data_end(metadata));
    return PQF_OK;
}

/* Hints: whoever wants to use one finds either nothing or a range within the file. */
static void drop_wrong_hints(const pqf_metadata *metadata, pqf_column_chunk *chunk) {
    pqf_column_metadata *meta = &chunk->meta_data;
    if (!is_range(metadata, chunk->offset_index_offset, chunk->offset_index_length))
        chunk->has_offset_index_offset = chunk->has_offset_index_length = false;
    if (!is_range(metadata, chunk->column_index_offset, chunk->column_index_length))
        chunk->has_column_index_offset = chunk->has_column_index_length = false;
    if (!is_range(metadata, meta->bloom_filter_offset, meta->bloom_filter_length))
        meta->has_bloom_filter_offset = meta->has_bloom_filter_length = false;
}

pqf_status pqf_border_check_chunk(const pqf_metadata *metadata, pqf_column_chunk *chunk,
                                  const pqf_leaf *leaf, int64_t num_rows,
                                  pqf_error *err) {
    if (!chunk->has_meta_data) {
        if (chunk->crypto_metadata || is_elsewhere(chunk)) return PQF_OK;
        return pqf_fail(err, PQF_CORRUPT, "the column chunk has no metadata");
    }
    if (!is_elsewhere(chunk)) TRY(check_meta(metadata, &chunk->meta_data, leaf, err));
    if (num_rows == 0 && chunk->meta_data.num_values > 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "the row group claims 0 rows, but the column chunk %lld values",
                        (long long)chunk->meta_data.num_values);
    drop_wrong_hints(metadata, chunk);
    return PQF_OK;
}

static pqf_status check_row_group(pqf_metadata *metadata, int32_t row_group,
                                  int64_t *num_rows, pqf_error *err) {
    pqf_row_group *rg = &metadata->file.row_groups[row_group];
    const pqf_tree *tree = &metadata->tree;
    if (rg->num_columns != tree->num_leaves)
        return pqf_fail(
            err, PQF_CORRUPT,
            "the row group has %d column chunks but the schema has %d columns",
            rg->num_columns, tree->num_leaves);
    if (rg->num_rows < 0 || !pqf_add_i64(*num_rows, rg->num_rows, num_rows))
        return pqf_fail(err, PQF_CORRUPT, "the row group claims %lld rows",
                        (long long)rg->num_rows);
    for (int32_t i = 0; rg->columns && i < rg->num_columns; i++) {
        pqf_status status = pqf_border_check_chunk(metadata, &rg->columns[i],
                                                   &tree->leaves[i], rg->num_rows, err);
        if (status != PQF_OK) return pqf_error_at_column(err, tree->leaves[i].path);
    }
    return PQF_OK;
}

pqf_status pqf_border_check(pqf_metadata *metadata, pqf_error *err) {
    pqf_file_metadata *file = &metadata->file;
    int64_t num_rows = 0;
    void *room;
    TRY(pqf_arena_array(&metadata->arena, (size_t)file->num_row_groups, sizeof(int64_t),
                        &room, err));
    metadata->first_rows = room;
    for (int32_t i = 0; i < file->num_row_groups; i++) {
        metadata->first_rows[i] = num_rows;
        pqf_status status = check_row_group(metadata, i, &num_rows, err);
        if (status != PQF_OK) return pqf_error_at_row_group(err, i);
    }
    if (file->num_rows == 0) file->num_rows = num_rows; /* some writers leave it 0 */
    if (num_rows != file->num_rows)
        return pqf_fail(err, PQF_CORRUPT,
                        "the footer claims %lld rows but its row groups have %lld",
                        (long long)file->num_rows, (long long)num_rows);
    if (file->num_column_orders > 0 &&
        file->num_column_orders != metadata->tree.num_leaves)
        return pqf_fail(err, PQF_CORRUPT,
                        "the footer has %d column orders for %d columns",
                        file->num_column_orders, metadata->tree.num_leaves);
    metadata->short_chunk_lengths =
        file->has_created_by && writes_short_chunks(file->created_by);
    return PQF_OK;
}

static pqf_status check_readable(const pqf_column_chunk *chunk, pqf_error *err) {
    if (chunk->crypto_metadata)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "the column is encrypted; encryption is not supported yet");
    if (is_elsewhere(chunk))
        return pqf_fail(
            err, PQF_UNSUPPORTED,
            "the column chunk lies in another file (%.*s), which is not supported",
            (int)(chunk->file_path.len < 200 ? chunk->file_path.len : 200),
            (const char *)chunk->file_path.data);
    return PQF_OK;
}

/* Without lists a row has one value or null. Nulls that a required column is said to have are levels that
 * the schema does not speak of: they would be read as values. */
static pqf_status check_counts(const pqf_column_metadata *meta, const pqf_leaf *leaf,
                               int64_t num_rows, pqf_error *err) {
    const pqf_statistics *s = meta->statistics;
    if (leaf->max_rep == 0 && meta->num_values != num_rows)
        return pqf_fail(err, PQF_CORRUPT,
                        "the column chunk claims %lld values, its row group %lld rows",
                        (long long)meta->num_values, (long long)num_rows);
    if (leaf->max_def == 0 && s && s->has_null_count && s->null_count > 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "the statistics count %lld nulls, but the column is required",
                        (long long)s->null_count);
    return PQF_OK;
}

pqf_status pqf_metadata_chunk(const pqf_metadata *metadata, int64_t row_group,
                              int64_t leaf, pqf_chunk *out, pqf_error *err) {
    const pqf_row_group *rg = &metadata->file.row_groups[row_group];
    const pqf_column_chunk *chunk;
    TRY(pqf_metadata_column(metadata, row_group, leaf, &chunk, err));
    const pqf_column_metadata *meta = &chunk->meta_data;
    *out = (pqf_chunk){.leaf = &metadata->tree.leaves[leaf], .meta = meta};
    pqf_status status = check_readable(chunk, err);
    if (status == PQF_OK) status = check_counts(meta, out->leaf, rg->num_rows, err);
    if (status != PQF_OK) {
        pqf_error_at_column(err, out->leaf->path);
        return pqf_error_at_row_group(err, row_group);
    }
    out->num_values = meta->num_values;
    out->num_rows = rg->num_rows;
    out->first_row = metadata->first_rows[row_group];
    out->file_offset = MAGIC_BYTES;
    if (meta->num_values == 0) return PQF_OK;
    out->file_offset = chunk_start(meta);
    out->byte_len = meta->total_compressed_size;
    if (metadata->short_chunk_lengths) {
        int64_t behind = data_end(metadata) - out->file_offset - out->byte_len;
        out->byte_len += pqf_min_i64(behind, SHORT_CHUNK_PADDING);
    }
    return PQF_OK;
}

const pqf_column_order *pqf_metadata_column_order(const pqf_metadata *metadata,
                                                  const pqf_leaf *leaf) {
    static const pqf_column_order none = {0};
    const pqf_file_metadata *file = &metadata->file;
    bool has_orders = file->num_column_orders == metadata->tree.num_leaves;
    return has_orders ? &file->column_orders[leaf->index] : &none;
}

bool pqf_metadata_has_total_order(const pqf_metadata *metadata, const pqf_leaf *leaf) {
    const pqf_column_order *order = pqf_metadata_column_order(metadata, leaf);
    return pqf_leaf_is_float(leaf) && order->has_ieee_754_total_order &&
           !order->has_type_order;
}

bool pqf_metadata_get(const pqf_metadata *metadata, const char *key, pqf_bytes *value) {
    size_t len = strlen(key);
    for (int32_t i = 0; i < metadata->file.num_key_value_metadata; i++) {
        const pqf_key_value *kv = &metadata->file.key_value_metadata[i];
        if (kv->key.len == len && memcmp(kv->key.data, key, len) == 0) {
            *value = kv->value;
            return true;
        }
    }
    return false;
}
