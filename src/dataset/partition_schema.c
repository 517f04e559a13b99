/* SPDX-License-Identifier: Apache-2.0
 *
 * partition_schema.c: the declared schema of a dataset taken apart: which columns name
 * folders, which go to the files, and the record of the partition columns' types that every
 * file carries in its metadata.
 */
#include "writing.h"

int32_t pqf_schema_column(const struct ArrowSchema *schema, const char *name) {
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!strcmp(schema->children[i]->name, name)) return (int32_t)i;
    return -1;
}

static bool is_listed(const int32_t *list, int32_t n, int32_t column) {
    for (int32_t i = 0; i < n; i++)
        if (list[i] == column) return true;
    return false;
}

bool pqf_is_partition_column(const pqf_partition_schema *s, int32_t column) {
    return is_listed(s->partition_columns, s->num_partitions, column);
}

static pqf_status add_partition(pqf_partition_schema *s, const char *name,
                                pqf_error *err) {
    int32_t column = pqf_schema_column(&s->whole, name);
    if (!*name)
        return pqf_fail(err, PQF_INVALID,
                        "partition_cols names a column without a name; folders are "
                        "called name=value");
    if (column < 0)
        return pqf_fail(err, PQF_SCHEMA, "Partition column '%s' not in schema", name);
    if (pqf_is_partition_column(s, column))
        return pqf_fail(err, PQF_INVALID, "partition_cols names '%s' twice", name);
    TRY(pqf_value_check_type(s->whole.children[column], name, err));
    s->partition_columns[s->num_partitions++] = column;
    return PQF_OK;
}

static pqf_status set_partitions(pqf_partition_schema *s, const char *const *names,
                                 pqf_arena *arena, pqf_error *err) {
    void *block;
    size_t n = 0;
    while (names && names[n])
        n++;
    TRY(pqf_arena_array(arena, n, sizeof(int32_t), &block, err));
    s->partition_columns = block;
    for (size_t k = 0; k < n; k++)
        TRY(add_partition(s, names[k], err));
    if (n && (int64_t)n == s->whole.n_children)
        return pqf_fail(
            err, PQF_INVALID,
            "partition_cols names every column; at least one must stay in the files");
    return PQF_OK;
}

static pqf_status set_file_schema(pqf_partition_schema *s, pqf_arena *arena,
                                  pqf_error *err) {
    void *block;
    int64_t n = s->whole.n_children - s->num_partitions;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(int32_t), &block, err));
    s->file_columns = block;
    TRY(pqf_schema_init(&s->file, "+s", "", s->whole.flags, n, err));
    TRY(pqf_schema_set_metadata(&s->file, s->whole.metadata, err));
    for (int32_t i = 0; i < s->whole.n_children; i++) {
        if (pqf_is_partition_column(s, i)) continue;
        TRY(pqf_schema_copy(s->whole.children[i], s->file.children[s->num_file_columns],
                            err));
        s->file_columns[s->num_file_columns++] = i;
    }
    return PQF_OK;
}

/* The partition columns' types in the form of ARROW:schema. */
static pqf_status write_types(const pqf_partition_schema *s, pqf_buf *out,
                              pqf_error *err) {
    struct ArrowSchema types;
    pqf_status status = PQF_OK;
    memset(&types, 0, sizeof types);
    TRY(pqf_schema_init(&types, "+s", "", 0, s->num_partitions, err));
    for (int32_t k = 0; k < s->num_partitions; k++)
        TRY_DONE(pqf_schema_copy(s->whole.children[s->partition_columns[k]],
                                 types.children[k], err));
    TRY_DONE(pqf_arrow_schema_write(&types, out, err));
done:
    pqf_schema_release(&types);
    return status;
}

static pqf_status record_types(const pqf_partition_schema *s, pqf_mem *mem,
                               pqf_arena *arena, pqf_write_options *options,
                               pqf_error *err) {
    pqf_buf text = {.mem = mem};
    void *block;
    size_t n = (size_t)options->num_metadata;
    if (!s->num_partitions) return PQF_OK;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(options->metadata[i].path, PQF_PARTITION_KEY))
            return pqf_fail(err, PQF_INVALID,
                            "the key " PQF_PARTITION_KEY
                            " of the metadata is the library's own: leave it out");
    TRY(pqf_arena_array(arena, n + 1, sizeof(pqf_column_setting), &block, err));
    pqf_column_setting *metadata = block;
    if (n) memcpy(metadata, options->metadata, n * sizeof *metadata);
    metadata[n].path = PQF_PARTITION_KEY;
    pqf_status status = write_types(s, &text, err);
    if (status == PQF_OK)
        status = pqf_arena_string(arena, pqf_buf_view(&text), &metadata[n].value, err);
    pqf_buf_reset(&text);
    options->metadata = metadata;
    options->num_metadata = (int64_t)n + 1;
    return status;
}

pqf_status pqf_partition_schema_init(pqf_partition_schema *s,
                                     const struct ArrowSchema *schema,
                                     const char *const *names, pqf_mem *mem,
                                     pqf_arena *arena, pqf_write_options *options,
                                     pqf_error *err) {
    TRY(pqf_schema_check(schema, err));
    TRY(pqf_schema_copy(schema, &s->whole, err));
    TRY(set_partitions(s, names, arena, err));
    TRY(set_file_schema(s, arena, err));
    return record_types(s, mem, arena, options, err);
}

void pqf_partition_schema_reset(pqf_partition_schema *s) {
    pqf_schema_release(&s->file);
    pqf_schema_release(&s->whole);
}

pqf_status pqf_partition_schema_view(const pqf_partition_schema *s, const pqf_view *batch,
                                     pqf_arena *arena, pqf_view *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)s->num_file_columns, sizeof(pqf_view), &block,
                        err));
    *out = *batch;
    out->num_children = s->num_file_columns;
    out->children = block;
    for (int32_t i = 0; i < s->num_file_columns; i++)
        out->children[i] = batch->children[s->file_columns[i]];
    return PQF_OK;
}
