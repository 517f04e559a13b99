/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c: what the callers' option structs mean, in one place: defaults and limits.
 */
#include "inner.h"

int64_t pqf_memory_limit(const pqf_control *control) {
    if (control && control->memory_limit > 0) return control->memory_limit;
    int64_t available = pqf_mem_available();
    return available > INT64_MAX / 4 ? available : available / 5 * 4;
}

bool pqf_names_have(const char *const *list, const pqf_leaf *leaf) {
    for (; *list; list++)
        if (!strcmp(*list, leaf->path) || !strcmp(*list, leaf->top_name)) return true;
    return false;
}

const char *pqf_setting_of(const pqf_column_setting *settings, int64_t n,
                           const pqf_leaf *leaf) {
    const char *found = NULL;
    for (int64_t i = 0; i < n; i++) {
        if (!strcmp(settings[i].path, leaf->path)) return settings[i].value;
        if (!strcmp(settings[i].path, leaf->top_name)) found = settings[i].value;
    }
    return found;
}

static pqf_status parse_level(const char *text, int *out, pqf_error *err) {
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || !*text || *end || v < INT_MIN + 1 || v > INT_MAX)
        return pqf_fail(err, PQF_INVALID, "compression_level '%.40s' is not a number",
                        text);
    *out = (int)v;
    return PQF_OK;
}

static pqf_status codec_of(const pqf_write_options *options, const pqf_leaf *leaf,
                           int32_t *codec, int *level, pqf_error *err) {
    const char *name = pqf_setting_of(options->column_compression,
                                      options->num_column_compression, leaf);
    if (!name) name = options->compression;
    if (!name) name = pqf_profile_is_modern(options) ? "zstd" : "snappy";
    pqf_codec_id id;
    TRY(pqf_codec_by_name(name, &id, err));
    *codec = (int32_t)id;
    *level =
        options->has_compression_level ? options->compression_level : PQF_LEVEL_DEFAULT;
    const char *text = pqf_setting_of(options->column_compression_level,
                                      options->num_column_compression_level, leaf);
    if (text) TRY(parse_level(text, level, err));
    return *level == PQF_LEVEL_DEFAULT ? PQF_OK : pqf_codec_check_level(id, *level, err);
}

static int64_t or_default(int64_t value, int64_t fallback) {
    return value > 0 ? value : fallback;
}

/* Without a share of false positives named, as pyarrow. */
#define DEFAULT_FPP 0.05

static pqf_status parse_fpp(const char *text, const pqf_leaf *leaf, double *out,
                            pqf_error *err) {
    char *end;
    *out = strtod(text, &end);
    if (*text && !*end && *out > 0 && *out < 1) return PQF_OK;
    return pqf_fail(
        err, PQF_INVALID,
        "the fpp of the bloom filter of '%s' must be above 0 and below 1, not "
        "%.40s",
        leaf->path, text);
}

static pqf_status parse_distinct(const char *text, const pqf_leaf *leaf, int64_t *out,
                                 pqf_error *err) {
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (!errno && *text && !*end && *out > 0) return PQF_OK;
    return pqf_fail(err, PQF_INVALID,
                    "the ndv of the bloom filter of '%s' must be at least 1, not %.40s",
                    leaf->path, text);
}

static pqf_status bloom_of(const pqf_write_options *options, const pqf_leaf *leaf,
                           pqf_chunk_write_options *out, pqf_error *err) {
    const char *fpp =
        pqf_setting_of(options->column_bloom_fpp, options->num_column_bloom_fpp, leaf);
    const char *distinct = pqf_setting_of(options->column_bloom_distinct,
                                          options->num_column_bloom_distinct, leaf);
    if (!fpp && !distinct) return PQF_OK;
    if (leaf->physical == PQF_PHYSICAL_BOOLEAN)
        return pqf_fail(err, PQF_INVALID,
                        "'%s' is a column of booleans, which have no bloom filter",
                        leaf->path);
    out->bloom = true;
    out->bloom_fpp = DEFAULT_FPP;
    if (fpp) TRY(parse_fpp(fpp, leaf, &out->bloom_fpp, err));
    return distinct ? parse_distinct(distinct, leaf, &out->bloom_distinct, err) : PQF_OK;
}

pqf_status pqf_chunk_options_of(const pqf_write_options *options, const pqf_leaf *leaf,
                                pqf_chunk_write_options *out, pqf_error *err) {
    *out = (pqf_chunk_write_options){
        .kernel = pqf_kernels_get(),
        .data_page_version = options->data_page_version
                                 ? options->data_page_version
                                 : 1 + pqf_profile_is_modern(options),
        .dictionary = options->dictionary_columns
                          ? pqf_names_have(options->dictionary_columns, leaf)
                          : !options->no_dictionary,
        .statistics = options->statistics_columns
                          ? pqf_names_have(options->statistics_columns, leaf)
                          : !options->no_statistics,
        .page_checksums = !options->no_page_checksums,
        .write_plain_dictionary_name =
            options->version && !strcmp(options->version, "1.0"),
        .data_page_bytes = or_default(options->data_page_bytes, 1 << 20),
        .page_rows = or_default(options->page_rows, 20000),
        .dictionary_page_bytes = or_default(options->dictionary_page_bytes, 1 << 20),
        .page_index = options->page_index || pqf_profile_is_modern(options),
    };
    TRY(bloom_of(options, leaf, out, err));
    TRY(pqf_encoding_of(options, leaf, out, err));
    return codec_of(options, leaf, &out->codec, &out->level, err);
}

static pqf_status check_paths(const pqf_column_setting *settings, int64_t n,
                              const char *keyword, const pqf_schema *schema,
                              pqf_error *err) {
    for (int64_t i = 0; i < n; i++) {
        if (pqf_tree_leaf(&schema->tree, settings[i].path)) continue;
        if (pqf_schema_field(schema, settings[i].path, NULL)) continue;
        return pqf_fail(err, PQF_INVALID,
                        "%s names the column '%s', which the schema lacks", keyword,
                        settings[i].path);
    }
    return PQF_OK;
}

static pqf_status check_names(const char *const *names, const char *keyword,
                              const pqf_schema *schema, pqf_error *err) {
    for (; names && *names; names++) {
        pqf_column_setting setting = {*names, ""};
        TRY(check_paths(&setting, 1, keyword, schema, err));
    }
    return PQF_OK;
}

static pqf_status check_sorting(const pqf_write_options *options,
                                const pqf_schema *schema, pqf_error *err) {
    for (int64_t i = 0; i < options->num_sorting; i++) {
        int32_t leaf = options->sorting[i].leaf;
        if (leaf < 0 || leaf >= schema->tree.num_leaves)
            return pqf_fail(err, PQF_INVALID,
                            "sorting_columns names column %d, the schema has %d", leaf,
                            schema->tree.num_leaves);
        for (int64_t k = 0; k < i; k++)
            if (options->sorting[k].leaf == leaf)
                return pqf_fail(err, PQF_INVALID, "sorting_columns names '%s' twice",
                                schema->tree.leaves[leaf].path);
        if (schema->tree.leaves[leaf].max_rep > 0)
            return pqf_fail(err, PQF_INVALID,
                            "sorting_columns names '%s', of which a row has several",
                            schema->tree.leaves[leaf].path);
    }
    return PQF_OK;
}

pqf_status pqf_write_options_check(const pqf_write_options *options,
                                   const pqf_schema *schema, pqf_error *err) {
    TRY(check_paths(options->column_compression, options->num_column_compression,
                    "compression", schema, err));
    TRY(check_paths(options->column_compression_level,
                    options->num_column_compression_level, "compression_level", schema,
                    err));
    TRY(check_paths(options->column_bloom_fpp, options->num_column_bloom_fpp,
                    "bloom_filter_options", schema, err));
    TRY(check_paths(options->column_bloom_distinct, options->num_column_bloom_distinct,
                    "bloom_filter_options", schema, err));
    TRY(check_sorting(options, schema, err));
    TRY(check_names(options->dictionary_columns, "use_dictionary", schema, err));
    TRY(check_paths(options->column_encoding, options->num_column_encoding,
                    "column_encoding", schema, err));
    TRY(check_names(options->byte_stream_split_columns, "use_byte_stream_split", schema,
                    err));
    TRY(check_names(options->statistics_columns, "write_statistics", schema, err));
    if (options->profile && strcmp(options->profile, "compatible") &&
        !pqf_profile_is_modern(options))
        return pqf_fail(err, PQF_INVALID,
                        "profile must be \"compatible\" or \"modern\", not \"%.40s\"",
                        options->profile);
    if (options->data_page_version < 0 || options->data_page_version > 2)
        return pqf_fail(err, PQF_INVALID, "data_page_version must be 1 or 2, not %d",
                        (int)options->data_page_version);
    if (options->row_group_rows < 0 || options->row_group_bytes < 0 ||
        options->data_page_bytes < 0 || options->page_rows < 0 ||
        options->dictionary_page_bytes < 0)
        return pqf_fail(err, PQF_INVALID,
                        "sizes of row groups and pages must not be negative");
    if (options->data_page_bytes > PQF_MAX_PAGE_BYTES ||
        options->dictionary_page_bytes > PQF_MAX_PAGE_BYTES)
        return pqf_fail(err, PQF_INVALID, "a page holds at most %d bytes",
                        PQF_MAX_PAGE_BYTES);
    return PQF_OK;
}

/* ---- copies, for writers that are opened later ---- */

static pqf_status copy_text(pqf_arena *arena, const char **text, pqf_error *err) {
    return *text ? pqf_arena_string(arena, pqf_bytes_of(*text, strlen(*text)), text, err)
                 : PQF_OK;
}

static pqf_status copy_settings(pqf_arena *arena, const pqf_column_setting **settings,
                                int64_t n, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof **settings, &block, err));
    pqf_column_setting *copy = block;
    for (int64_t i = 0; i < n; i++) {
        copy[i] = (*settings)[i];
        TRY(copy_text(arena, &copy[i].path, err));
        TRY(copy_text(arena, &copy[i].value, err));
    }
    *settings = copy;
    return PQF_OK;
}

static pqf_status copy_sorting(pqf_arena *arena, pqf_write_options *o, pqf_error *err) {
    void *block;
    size_t n = (size_t)o->num_sorting;
    TRY(pqf_arena_array(arena, n, sizeof(pqf_sorting), &block, err));
    if (n) memcpy(block, o->sorting, n * sizeof(pqf_sorting));
    o->sorting = block;
    return PQF_OK;
}

pqf_status pqf_names_copy(pqf_arena *arena, const char *const **names, pqf_error *err) {
    if (!*names) return PQF_OK;
    size_t n = 0;
    while ((*names)[n])
        n++;
    void *block;
    TRY(pqf_arena_array(arena, n + 1, sizeof(char *), &block, err));
    const char **copy = block;
    for (size_t i = 0; i < n; i++) {
        copy[i] = (*names)[i];
        TRY(copy_text(arena, &copy[i], err));
    }
    *names = copy;
    return PQF_OK;
}

pqf_status pqf_write_options_copy(pqf_arena *arena, pqf_write_options *o,
                                  pqf_error *err) {
    TRY(copy_text(arena, &o->version, err));
    TRY(copy_text(arena, &o->profile, err));
    TRY(copy_text(arena, &o->compression, err));
    TRY(copy_text(arena, &o->coerce_timestamps, err));
    TRY(copy_text(arena, &o->created_by, err));
    TRY(copy_settings(arena, &o->column_compression, o->num_column_compression, err));
    TRY(copy_settings(arena, &o->column_compression_level,
                      o->num_column_compression_level, err));
    TRY(copy_settings(arena, &o->column_bloom_fpp, o->num_column_bloom_fpp, err));
    TRY(copy_settings(arena, &o->column_bloom_distinct, o->num_column_bloom_distinct,
                      err));
    TRY(copy_sorting(arena, o, err));
    TRY(copy_settings(arena, &o->metadata, o->num_metadata, err));
    TRY(pqf_names_copy(arena, &o->dictionary_columns, err));
    TRY(copy_text(arena, &o->encoding, err));
    TRY(copy_settings(arena, &o->column_encoding, o->num_column_encoding, err));
    TRY(pqf_names_copy(arena, &o->byte_stream_split_columns, err));
    return pqf_names_copy(arena, &o->statistics_columns, err);
}

pqf_status pqf_read_options_copy(pqf_arena *arena, pqf_read_options *o, pqf_error *err) {
    TRY(copy_text(arena, &o->int96_unit, err));
    TRY(pqf_names_copy(arena, &o->read_dictionary, err));
    TRY(pqf_names_copy(arena, &o->wide_dictionaries, err));
    return pqf_names_copy(arena, &o->ignore_prefixes, err);
}
