/* SPDX-License-Identifier: Apache-2.0
 *
 * append.c: all rows of a file to the end of one that is being written, of the same Parquet schema.
 * Row groups that are large enough, and need no change, are copied; what is small is encoded anew
 * and becomes part of larger ones. Rows keep their order: a small row group before a copied one
 * ends there. The same rules tell in advance how many row groups come out.
 */
#include "inner.h"

/* Writers whose pages or statistics readers treat in special ways, by the name and version of the
 * writer: what is copied stands under another name. */
static const struct {
    const char *name;
    long major, minor;
} special_before[] = {{"parquet-mr", 1, 10}, {"parquet-cpp", 3, 0}};

static bool is_before(const char *version, long major, long minor) {
    char *end;
    long found = strtol(version, &end, 10);
    if (found != major || *end != '.') return found < major;
    return strtol(end + 1, NULL, 10) < minor;
}

static bool is_special(const pqf_metadata *metadata) {
    char text[128];
    pqf_bytes by = metadata->file.created_by;
    size_t len = by.len < sizeof text - 1 ? by.len : sizeof text - 1;
    if (!metadata->file.has_created_by) return false;
    memcpy(text, by.data, len);
    text[len] = 0;
    for (size_t i = 0; i < sizeof special_before / sizeof *special_before; i++) {
        if (strncmp(text, special_before[i].name, strlen(special_before[i].name)) != 0)
            continue;
        const char *version = strstr(text, "version ");
        return is_before(version ? version + strlen("version ") : "",
                         special_before[i].major, special_before[i].minor);
    }
    return false;
}

/* ---- what is possible ---- */

/* The definition level that a field has when its own nullability alone adds to it. */
static int own_level(const pqf_field *field) {
    const pqf_field *parent = field->parent;
    if (!parent) return field->nullable;
    bool is_item = parent->kind == PQF_FIELD_LIST || parent->kind == PQF_FIELD_MAP;
    return parent->def_level + is_item + field->nullable;
}

static bool is_written(const pqf_field *field) {
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (!field || pqf_field_check(field, &ignored) != PQF_OK) return false;
    if (!pqf_leaf_is_written(field)) return false;
    for (; field; field = field->parent)
        if (field->def_level != own_level(field))
            return false; /* keys that may be null */
    return true;
}

const pqf_leaf *pqf_schema_unwritten(const pqf_schema *schema) {
    for (int32_t l = 0; l < schema->tree.num_leaves; l++)
        if (!is_written(schema->leaf_fields[l])) return &schema->tree.leaves[l];
    return NULL;
}

static bool names_codec(const pqf_write_options *o) {
    return o->compression || o->num_column_compression;
}

static bool names_level(const pqf_write_options *o) {
    return o->has_compression_level || o->num_column_compression_level;
}

/* A chunk may stay as it is: plain, in this file, in the codec that is asked for. */
static bool chunk_may_stay(const pqf_append *a, const pqf_reader *reader,
                           int64_t row_group, int32_t leaf) {
    pqf_error ignored;
    pqf_chunk chunk;
    pqf_chunk_write_options wanted;
    pqf_error_init(&ignored);
    if (pqf_metadata_chunk(pqf_reader_metadata(reader), row_group, leaf, &chunk,
                           &ignored) != PQF_OK)
        return false;
    if (!names_codec(a->options)) return true;
    return pqf_chunk_options_of(a->options, chunk.leaf, &wanted, &ignored) == PQF_OK &&
           wanted.codec == chunk.meta->codec;
}

static bool may_stay(const pqf_append *a, const pqf_reader *reader, int64_t row_group) {
    const pqf_metadata *metadata = pqf_reader_metadata(reader);
    if (a->recode || names_level(a->options)) return false;
    if (metadata->short_chunk_lengths || is_special(metadata)) return false;
    for (int32_t l = 0; l < metadata->tree.num_leaves; l++)
        if (!chunk_may_stay(a, reader, row_group, l)) return false;
    return true;
}

/* Half of a row group of the size that is asked for, or a quarter of the bytes of the largest. */
static bool is_large(const pqf_append *a, const pqf_row_group *group) {
    bool asked = a->options->row_group_rows > 0;
    if (asked && group->num_rows > a->max_rows) return false;
    return group->num_rows >= a->max_rows - a->max_rows / 2 ||
           group->total_byte_size >= a->max_bytes / 4;
}

static bool is_copied(const pqf_append *a, const pqf_reader *reader, int64_t row_group) {
    const pqf_row_group *group = &pqf_reader_metadata(reader)->file.row_groups[row_group];
    bool large = is_large(a, group) || pqf_schema_unwritten(pqf_reader_schema(reader));
    return large && may_stay(a, reader, row_group);
}

pqf_append pqf_append_of(const pqf_write_options *options, bool recode) {
    return (pqf_append){
        .options = options,
        .recode = recode,
        .max_rows = options->row_group_rows ? options->row_group_rows : 1 << 20,
        .max_bytes =
            options->row_group_bytes ? options->row_group_bytes : PQF_APPEND_GROUP_BYTES,
    };
}

/* ---- in advance ---- */

static void plan_small(pqf_append *a, const pqf_row_group *group) {
    a->waiting_rows += group->num_rows;
    a->waiting_bytes += pqf_max_i64(group->total_byte_size, 0);
    int64_t by_rows = a->waiting_rows / a->max_rows;
    int64_t by_bytes = a->waiting_bytes / a->max_bytes;
    int64_t full = pqf_max_i64(by_rows, by_bytes);
    if (!full) return;
    a->num_groups += full;
    a->waiting_rows = by_rows ? a->waiting_rows % a->max_rows : 0;
    a->waiting_bytes = by_bytes ? a->waiting_bytes % a->max_bytes : 0;
}

void pqf_append_plan(pqf_append *a, const pqf_reader *reader) {
    const pqf_file_metadata *file = &pqf_reader_metadata(reader)->file;
    for (int32_t r = 0; r < file->num_row_groups; r++) {
        if (!file->row_groups[r].num_rows) continue;
        if (!is_copied(a, reader, r)) {
            plan_small(a, &file->row_groups[r]);
            continue;
        }
        a->num_groups += 1 + (a->waiting_rows > 0);
        a->waiting_rows = a->waiting_bytes = 0;
    }
}

int64_t pqf_append_num_groups(const pqf_append *a) {
    return a->num_groups + (a->waiting_rows > 0);
}

/* ---- appending ---- */

static pqf_status fail_unwritten(const pqf_reader *reader, int64_t row_group,
                                 const pqf_leaf *leaf, pqf_error *err) {
    char type[128];
    pqf_node_text(leaf->node, type, sizeof type);
    pqf_fail(err, PQF_UNSUPPORTED,
             "values of the type %s are not written, so its row groups are only copied, "
             "and this one cannot stay as it is (another compression is asked for, it is "
             "encrypted, or its writer is an old one)",
             type);
    pqf_error_at_column(err, leaf->path);
    pqf_error_at_row_group(err, row_group);
    return pqf_error_at_path(err, pqf_source_path(pqf_reader_source(reader)));
}

static pqf_status append_group(pqf_writer *w, const pqf_append *a, pqf_reader *reader,
                               int64_t row_group, pqf_error *err) {
    const pqf_leaf *unwritten = pqf_schema_unwritten(pqf_reader_schema(reader));
    int64_t num_rows = pqf_reader_metadata(reader)->file.row_groups[row_group].num_rows;
    if (!num_rows) return PQF_OK;
    if (is_copied(a, reader, row_group)) {
        w->num_rows += num_rows;
        w->num_copied++;
        return pqf_group_writer_copy(&w->group, reader, row_group, err);
    }
    if (unwritten || !w->group.chunks)
        return fail_unwritten(reader, row_group,
                              unwritten ? unwritten : pqf_schema_unwritten(w->schema),
                              err);
    return pqf_writer_recode(w, reader, row_group, err);
}

pqf_status pqf_writer_append(pqf_writer *w, const pqf_append *a, pqf_reader *reader,
                             pqf_error *err) {
    int32_t n = pqf_reader_metadata(reader)->file.num_row_groups;
    if (w->sink && pqf_sink_skipped(w->sink)) return PQF_OK;
    for (int32_t r = 0; r < n; r++) {
        pqf_status status = append_group(w, a, reader, r, err);
        if (status == PQF_OK) continue;
        w->broken = true;
        return status;
    }
    return PQF_OK;
}

int64_t pqf_writer_num_groups(const pqf_writer *w) {
    return (int64_t)(w->group.groups.len / sizeof(pqf_row_group)) +
           (w->group.num_rows > 0);
}
int64_t pqf_writer_num_copied(const pqf_writer *w) { return w->num_copied; }

bool pqf_reader_codecs(const pqf_reader *reader, int32_t *codecs) {
    const pqf_file_metadata *file = &pqf_reader_metadata(reader)->file;
    if (!file->num_row_groups) return false;
    for (int32_t l = 0; l < file->row_groups[0].num_columns; l++) {
        const pqf_column_chunk *chunk;
        pqf_error ignored;
        pqf_error_init(&ignored);
        if (pqf_metadata_column(pqf_reader_metadata(reader), 0, l, &chunk, &ignored) !=
            PQF_OK)
            return false;
        codecs[l] = chunk->meta_data.codec;
    }
    return true;
}
