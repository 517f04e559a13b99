/* SPDX-License-Identifier: Apache-2.0
 *
 * info.c: what a file says about itself, as plain structs of the public header. In: a path; only the
 * footer is read. Statistics are those that may be believed (column/bounds.c), as values of the
 * column's logical type. Strings that are handed out live as long as the handle.
 */
#include "inner.h"

struct pqf_file_info {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_source *source;
    pqf_metadata *metadata;
    pqf_schema *schema; /* NULL: columns have no readable types */
    const char *created_by;
    const char **logical; /* one per leaf */
};

/* A file whose ARROW:schema is damaged, or whose types are, still has metadata. */
static void open_schema(pqf_file_info *info) {
    pqf_error ignored;
    pqf_schema_options plain = {.ignore_arrow_schema = true};
    pqf_error_init(&ignored);
    if (pqf_schema_from_parquet(info->metadata, NULL, info->mem, &info->schema,
                                &ignored) == PQF_OK)
        return;
    if (pqf_schema_from_parquet(info->metadata, &plain, info->mem, &info->schema,
                                &ignored) != PQF_OK)
        info->schema = NULL;
}

static pqf_status keep_texts(pqf_file_info *info, pqf_error *err) {
    const pqf_metadata *metadata = info->metadata;
    void *block;
    size_t n = (size_t)metadata->tree.num_leaves;
    TRY(pqf_arena_array(&info->arena, n, sizeof(char *), &block, err));
    info->logical = block;
    for (size_t l = 0; l < n; l++) {
        char text[128];
        pqf_logical_text(metadata->tree.leaves[l].node, text, sizeof text);
        TRY(pqf_arena_string(&info->arena, pqf_bytes_of(text, strlen(text)),
                             &info->logical[l], err));
    }
    if (!metadata->file.has_created_by) return PQF_OK;
    return pqf_arena_string(&info->arena, metadata->file.created_by, &info->created_by,
                            err);
}

static pqf_status read_info(pqf_file_info *info, const pqf_read_options *options,
                            pqf_error *err) {
    pqf_footer_options footer = {0};
    if (options) {
        footer.limits.max_string_bytes = options->thrift_string_limit;
        footer.limits.max_container_elements = options->thrift_container_limit;
    }
    TRY(pqf_footer_read(info->source, &footer, info->mem, &info->metadata, err));
    open_schema(info);
    return keep_texts(info, err);
}

static pqf_status new_info(const pqf_control *control, pqf_file_info **out,
                           pqf_error *err) {
    pqf_mem *mem;
    void *block;
    TRY(pqf_mem_new(pqf_memory_limit(control), &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_file_info), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    *out = block;
    (*out)->mem = mem;
    pqf_arena_init(&(*out)->arena, mem);
    return PQF_OK;
}

/* *info is freed on failure, and *out set on success. */
static pqf_status hand_out(pqf_file_info *info, pqf_status status, const char *path,
                           pqf_file_info **out, pqf_error *err) {
    if (status == PQF_OK) {
        *out = info;
        return status;
    }
    pqf_error_at_path(err, path);
    pqf_file_info_free(info);
    return status;
}

pqf_status pqf_file_info_open(const char *path, const pqf_read_options *options,
                              pqf_file_info **out, pqf_error *err) {
    pqf_error local;
    pqf_file_info *info;
    if (!err) err = &local;
    pqf_error_init(err);
    if (options && options->struct_bytes != sizeof *options)
        return pqf_fail(err, PQF_INVALID, "pqf_read_options.struct_bytes is %zu, not %zu",
                        options->struct_bytes, sizeof *options);
    TRY(new_info(options ? &options->control : NULL, &info, err));
    pqf_status status = pqf_source_open(path, false, &info->source, err);
    if (status == PQF_OK) status = read_info(info, options, err);
    return hand_out(info, status, path, out, err);
}

pqf_status pqf_file_info_open_source(pqf_source *source, pqf_file_info **out,
                                     pqf_error *err) {
    pqf_file_info *info;
    pqf_status status = new_info(NULL, &info, err);
    if (status != PQF_OK) {
        pqf_source_free(source);
        return status;
    }
    info->source = source;
    status = read_info(info, NULL, err);
    return hand_out(info, status, pqf_source_path(source), out, err);
}

void pqf_file_info_free(pqf_file_info *info) {
    if (!info) return;
    pqf_schema_free(info->schema);
    pqf_metadata_free(info->metadata);
    pqf_source_free(info->source);
    pqf_arena_reset(&info->arena);
    pqf_mem *mem = info->mem;
    pqf_mem_free(mem, info, sizeof *info);
    pqf_mem_release(mem);
}

/* ---- the file, its pairs and leaves ---- */

void pqf_file_info_get(const pqf_file_info *info, pqf_info_file *out) {
    const pqf_file_metadata *file = &info->metadata->file;
    *out = (pqf_info_file){
        .num_bytes = info->metadata->file_bytes,
        .footer_bytes = info->metadata->footer_bytes,
        .num_rows = file->num_rows,
        .version = file->version,
        .created_by = info->created_by,
        .num_pairs = file->num_key_value_metadata,
        .num_leaves = info->metadata->tree.num_leaves,
        .num_row_groups = file->num_row_groups,
    };
}

static bool pair_at(const pqf_key_value *pairs, int64_t n, int64_t i,
                    pqf_info_pair *out) {
    if (i < 0 || i >= n) return false;
    *out = (pqf_info_pair){
        .key = (const char *)pairs[i].key.data,
        .key_bytes = pairs[i].key.len,
        .value = pairs[i].has_value ? (const char *)pairs[i].value.data : NULL,
        .value_bytes = pairs[i].value.len,
    };
    return true;
}

bool pqf_file_info_pair(const pqf_file_info *info, int64_t i, pqf_info_pair *out) {
    const pqf_file_metadata *file = &info->metadata->file;
    return pair_at(file->key_value_metadata, file->num_key_value_metadata, i, out);
}

bool pqf_file_info_leaf(const pqf_file_info *info, int64_t i, pqf_info_leaf *out) {
    static const char *const repetitions[] = {"required", "optional", "repeated"};
    if (i < 0 || i >= info->metadata->tree.num_leaves) return false;
    const pqf_leaf *leaf = &info->metadata->tree.leaves[i];
    *out = (pqf_info_leaf){
        .path = leaf->path,
        .physical = pqf_physical_name((int32_t)leaf->physical),
        .logical = info->logical[i],
        .repetition = repetitions[leaf->node->repetition],
        .type_length = leaf->type_length,
        .max_definition_level = leaf->max_def,
        .max_repetition_level = leaf->max_rep,
    };
    return true;
}

/* ---- row groups ---- */

static const pqf_row_group *group_at(const pqf_file_info *info, int64_t r) {
    const pqf_file_metadata *file = &info->metadata->file;
    return r < 0 || r >= file->num_row_groups ? NULL : &file->row_groups[r];
}

/* NULL: there is none, or it is damaged. */
static const pqf_column_chunk *chunk_at(const pqf_file_info *info, int64_t r,
                                        int64_t leaf) {
    const pqf_row_group *group = group_at(info, r);
    const pqf_column_chunk *chunk;
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (!group || leaf < 0 || leaf >= group->num_columns) return NULL;
    if (pqf_metadata_column(info->metadata, r, leaf, &chunk, &ignored) != PQF_OK)
        return NULL;
    return chunk;
}

static int64_t compressed_size(const pqf_file_info *info, int64_t r) {
    const pqf_row_group *group = group_at(info, r);
    int64_t bytes = 0;
    if (group->has_total_compressed_size) return group->total_compressed_size;
    for (int32_t l = 0; l < group->num_columns; l++) {
        const pqf_column_chunk *chunk = chunk_at(info, r, l);
        if (chunk && chunk->has_meta_data)
            (void)pqf_add_i64(bytes, chunk->meta_data.total_compressed_size, &bytes);
    }
    return bytes;
}

bool pqf_file_info_group(const pqf_file_info *info, int64_t r, pqf_info_group *out) {
    const pqf_row_group *group = group_at(info, r);
    if (!group) return false;
    *out = (pqf_info_group){
        .num_rows = group->num_rows,
        .total_byte_size = group->total_byte_size,
        .total_compressed_size = compressed_size(info, r),
        .file_offset = group->has_file_offset ? group->file_offset : -1,
        .num_sorting_columns = group->num_sorting_columns,
    };
    return true;
}

bool pqf_file_info_sorting(const pqf_file_info *info, int64_t r, int64_t i,
                           pqf_sorting *out) {
    const pqf_row_group *group = group_at(info, r);
    if (!group || i < 0 || i >= group->num_sorting_columns) return false;
    const pqf_sorting_column *column = &group->sorting_columns[i];
    *out = (pqf_sorting){column->column_idx, column->descending, column->nulls_first};
    return true;
}

/* ---- statistics as values ---- */

static double half_to_double(pqf_bytes plain) {
    uint16_t h = pqf_load_u16(plain.data);
    int exponent = h >> 10 & 31, fraction = h & 0x3FF;
    double scale = 1.0 / (1 << 24); /* of the smallest number */
    double v = exponent ? (double)(1024 + fraction) : (double)fraction;
    for (int i = 1; i < exponent; i++)
        v *= 2;
    return (h & 0x8000 ? -v : v) * scale;
}

static pqf_info_value value_of_scalar(const pqf_field *field, const pqf_scalar *s) {
    static const pqf_info_kind kinds[] = {
        [PQF_CLASS_NONE] = PQF_INFO_NONE,
        [PQF_CLASS_BOOL] = PQF_INFO_BOOL,
        [PQF_CLASS_INT] = PQF_INFO_INT,
        [PQF_CLASS_FLOAT] = PQF_INFO_FLOAT,
        [PQF_CLASS_DECIMAL] = PQF_INFO_DECIMAL,
        [PQF_CLASS_DATE] = PQF_INFO_DATE,
        [PQF_CLASS_TIME] = PQF_INFO_TIME,
        [PQF_CLASS_TIMESTAMP] = PQF_INFO_TIMESTAMP,
        [PQF_CLASS_INSTANT] = PQF_INFO_INSTANT,
        [PQF_CLASS_DURATION] = PQF_INFO_DURATION,
        [PQF_CLASS_BYTES] = PQF_INFO_BINARY,
    };
    pqf_info_value out = {
        .kind = kinds[s->class],
        .scale = s->scale,
        .low = (uint64_t)s->i,
        .high = (int64_t)(s->i >> 64),
        .number = s->f,
        .bytes = (const char *)s->s.data,
        .num_bytes = s->s.len,
    };
    if (out.kind == PQF_INFO_BINARY && field->is_utf8) out.kind = PQF_INFO_STRING;
    return out;
}

/* Decimals of more than 38 digits and types that this build does not read have no value. */
static pqf_info_value value_of_bound(const pqf_file_info *info, const pqf_leaf *leaf,
                                     bool has_bound, pqf_bytes plain) {
    pqf_error ignored;
    pqf_scalar s;
    const pqf_field *field = info->schema ? info->schema->leaf_fields[leaf->index] : NULL;
    pqf_error_init(&ignored);
    if (!has_bound || !field || pqf_field_check(field, &ignored) != PQF_OK)
        return (pqf_info_value){.kind = PQF_INFO_NONE};
    if (leaf->order == PQF_ORDER_FLOAT16)
        return (pqf_info_value){.kind = PQF_INFO_FLOAT, .number = half_to_double(plain)};
    if (!pqf_scalar_of_bound(field, plain, &s))
        return (pqf_info_value){.kind = PQF_INFO_NONE};
    return value_of_scalar(field, &s);
}

static int exactness(bool has_value, bool has_flag, bool flag) {
    return !has_value || !has_flag ? -1 : flag;
}

static void fill_statistics(const pqf_file_info *info, const pqf_leaf *leaf,
                            const pqf_column_metadata *meta, pqf_info_chunk *out) {
    const pqf_chunk chunk = {.meta = meta, .leaf = leaf, .num_values = meta->num_values};
    const pqf_statistics *s = meta->statistics;
    pqf_bounds bounds;
    out->null_count = out->distinct_count = out->nan_count = -1;
    out->is_min_exact = out->is_max_exact = -1;
    if (!s) return;
    pqf_bounds_of_chunk(info->metadata, &chunk, &bounds);
    if (bounds.has_num_nulls) out->null_count = bounds.num_nulls;
    if (s->has_distinct_count && s->distinct_count >= 0)
        out->distinct_count = s->distinct_count;
    if (s->has_nan_count && s->nan_count >= 0) out->nan_count = s->nan_count;
    out->min = value_of_bound(info, leaf, bounds.has_min, bounds.min);
    out->max = value_of_bound(info, leaf, bounds.has_max, bounds.max);
    out->is_min_exact =
        exactness(out->min.kind, s->has_is_min_value_exact, s->is_min_value_exact);
    out->is_max_exact =
        exactness(out->max.kind, s->has_is_max_value_exact, s->is_max_value_exact);
}

/* ---- chunks ---- */

static void fill_sizes(const pqf_size_statistics *sizes, pqf_info_chunk *out) {
    out->unencoded_string_bytes = -1;
    if (!sizes) return;
    if (sizes->has_unencoded_byte_array_data_bytes)
        out->unencoded_string_bytes = sizes->unencoded_byte_array_data_bytes;
    out->num_repetition_counts = sizes->num_repetition_level_histogram;
    out->repetition_counts = sizes->repetition_level_histogram;
    out->num_definition_counts = sizes->num_definition_level_histogram;
    out->definition_counts = sizes->definition_level_histogram;
}

bool pqf_file_info_chunk(const pqf_file_info *info, int64_t r, int64_t leaf,
                         pqf_info_chunk *out) {
    const pqf_column_chunk *chunk = chunk_at(info, r, leaf);
    if (!chunk) return false;
    const pqf_column_metadata *meta = &chunk->meta_data;
    *out = (pqf_info_chunk){
        .is_encrypted = chunk->crypto_metadata != NULL,
        .has_metadata = chunk->has_meta_data,
        .codec = pqf_codec_name(meta->codec),
        .num_encodings = meta->num_encodings,
        .num_values = meta->num_values,
        .compressed_bytes = meta->total_compressed_size,
        .uncompressed_bytes = meta->total_uncompressed_size,
        .data_page_offset = meta->data_page_offset,
        .dictionary_page_offset =
            meta->has_dictionary_page_offset ? meta->dictionary_page_offset : -1,
        .index_page_offset = meta->has_index_page_offset ? meta->index_page_offset : -1,
        .has_bloom_filter = meta->has_bloom_filter_offset,
        .has_column_index = chunk->has_column_index_offset,
        .has_offset_index = chunk->has_offset_index_offset,
    };
    if (!out->codec) out->codec = "unknown";
    out->bloom_filter_bytes =
        meta->has_bloom_filter_length ? meta->bloom_filter_length : -1;
    fill_sizes(meta->size_statistics, out);
    fill_statistics(info, &info->metadata->tree.leaves[leaf], meta, out);
    return true;
}

bool pqf_file_info_chunk_pair(const pqf_file_info *info, int64_t r, int64_t leaf,
                              int64_t i, pqf_info_pair *out) {
    const pqf_column_chunk *chunk = chunk_at(info, r, leaf);
    if (!chunk) return false;
    const pqf_column_metadata *meta = &chunk->meta_data;
    return pair_at(meta->key_value_metadata, meta->num_key_value_metadata, i, out);
}

const char *pqf_file_info_encoding(const pqf_file_info *info, int64_t r, int64_t leaf,
                                   int64_t i) {
    const pqf_column_chunk *chunk = chunk_at(info, r, leaf);
    if (!chunk || i < 0 || i >= chunk->meta_data.num_encodings) return NULL;
    const char *name = pqf_encoding_name(chunk->meta_data.encodings[i]);
    return name ? name : "unknown";
}
