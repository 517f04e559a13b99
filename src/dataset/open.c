/* SPDX-License-Identifier: Apache-2.0
 *
 * open.c: a dataset that is open: its files, the schema of the first one, and partition
 * columns as constants of the scan, their types as recorded in that file, else
 * inferred over all folders.
 */
#include "inner.h"

/* ---- types of partition columns ---- */

static pqf_status read_recorded(pqf_dataset *d, struct ArrowSchema *out, pqf_error *err) {
    pqf_bytes value;
    memset(out, 0, sizeof *out);
    if (!pqf_metadata_get(pqf_reader_metadata(d->first), PQF_PARTITION_KEY, &value))
        return PQF_OK;
    return pqf_arrow_schema_read(value, d->mem, out, err);
}

static const struct ArrowSchema *child_of(const struct ArrowSchema *schema,
                                          const char *name) {
    for (int64_t i = 0; schema->release && i < schema->n_children; i++)
        if (!strcmp(schema->children[i]->name, name)) return schema->children[i];
    return NULL;
}

/* int32, int64 where needed, string when a value is no plain integer. */
static const char *inferred_format(const pqf_dataset *d, int32_t column) {
    bool wide = false;
    for (int64_t i = 0; i < d->found.num_files; i++) {
        pqf_bytes text = d->found.files[i].values[column];
        bool fits_32 = true;
        if (!text.data) continue;
        if (!pqf_text_is_integer(text, &fits_32)) return "u";
        wide |= !fits_32;
    }
    return wide ? "l" : "i";
}

/* The type of the values: of a dictionary the one it encodes. A record that no folder can
 * have is a stranger's and does not count. */
static pqf_status set_type(pqf_dataset *d, int32_t column,
                           const struct ArrowSchema *recorded, pqf_error *err) {
    pqf_error ignored;
    const char *name = d->found.partitions[column];
    const struct ArrowSchema *type =
        d->options.schema ? child_of(d->options.schema, name) : NULL;
    if (!type) type = child_of(recorded, name);
    if (type && type->dictionary) type = type->dictionary;
    if (!type || pqf_value_check_type(type, name, &ignored) != PQF_OK)
        return pqf_schema_init(&d->types[column], inferred_format(d, column), name,
                               ARROW_FLAG_NULLABLE, 0, err);
    const char *format =
        strcmp(type->format, "vu") ? type->format : "u"; /* views as strings */
    return pqf_schema_init(&d->types[column], format, name, ARROW_FLAG_NULLABLE, 0, err);
}

/* Codes into the distinct texts of one column; the texts become the values of the
 * constant. */
static pqf_status set_values(pqf_dataset *d, int32_t column, int32_t **codes,
                             pqf_error *err) {
    pqf_dict_builder *distinct;
    pqf_buf texts = {.mem = d->mem};
    pqf_status status = PQF_OK;
    TRY(pqf_dict_builder_new(PQF_BINARY, 0, d->mem, &distinct, err));
    for (int64_t i = 0; i < d->found.num_files; i++) {
        pqf_bytes text = d->found.files[i].values[column];
        pqf_slice slice = {text.data, (uint32_t)text.len, (uint32_t)text.len};
        uint32_t code;
        int64_t taken, before = pqf_dict_num_values(distinct);
        codes[i][column] = -1;
        if (!text.data) continue;
        TRY_DONE(pqf_dict_put_binary(distinct, &slice, 1, SIZE_MAX, &code, &taken, err));
        codes[i][column] = (int32_t)code;
        if (pqf_dict_num_values(distinct) > before)
            TRY_DONE(pqf_buf_put(&texts, &text, sizeof text, err));
    }
    TRY_DONE(
        pqf_values_parse(&d->types[column], (const pqf_bytes *)(const void *)texts.data,
                         pqf_dict_num_values(distinct), d->mem, &d->values[column], err));
done:
    pqf_dict_builder_free(distinct);
    pqf_buf_reset(&texts);
    return status == PQF_OK ? status
                            : pqf_error_at_column(err, d->found.partitions[column]);
}

static pqf_status fill_constants(pqf_dataset *d, const struct ArrowSchema *recorded,
                                 pqf_error *err) {
    for (int32_t k = 0; k < d->found.num_partitions; k++) {
        TRY(set_type(d, k, recorded, err));
        TRY(set_values(d, k, d->codes, err));
        d->constants[k] =
            (pqf_constant){d->found.partitions[k], &d->types[k], &d->values[k]};
    }
    return PQF_OK;
}

static void release_constants(pqf_dataset *d) {
    for (int32_t k = 0; d->values && k < d->found.num_partitions; k++) {
        pqf_array_release(&d->values[k]);
        pqf_schema_release(&d->types[k]);
    }
}

/* The file that the schema is learnt from: with a hint the first whose folders, their types guessed,
 * may satisfy it, so that a filtered read opens no file in vain. */
static pqf_status choose_first(pqf_dataset *d, pqf_error *err) {
    struct ArrowSchema none;
    memset(&none, 0, sizeof none);
    if (!d->options.likely || !d->found.num_partitions) return PQF_OK;
    pqf_status status = fill_constants(d, &none, err);
    if (status == PQF_OK)
        status =
            pqf_first_match(d->options.likely, d->constants, d->found.num_partitions,
                            d->files, d->found.num_files, d->mem, &d->first_file, err);
    release_constants(d);
    return status;
}

static pqf_status set_constants(pqf_dataset *d, pqf_error *err) {
    struct ArrowSchema recorded;
    if (!d->found.num_partitions) return PQF_OK;
    pqf_status status = read_recorded(d, &recorded, err);
    const char *path = d->files[d->first_file].path;
    if (status != PQF_OK) return path ? pqf_error_at_path(err, path) : status;
    status = fill_constants(d, &recorded, err);
    pqf_schema_release(&recorded);
    return status;
}

static pqf_status set_files(pqf_dataset *d, pqf_error *err) {
    void *block;
    size_t n = (size_t)d->found.num_files, k = (size_t)d->found.num_partitions;
    TRY(pqf_arena_array(&d->arena, k, sizeof(pqf_constant), &block, err));
    d->constants = block;
    TRY(pqf_arena_array(&d->arena, k, sizeof(struct ArrowSchema), &block, err));
    d->types = block;
    TRY(pqf_arena_array(&d->arena, k, sizeof(struct ArrowArray), &block, err));
    d->values = block;
    TRY(pqf_arena_array(&d->arena, n, sizeof(pqf_scan_file), &block, err));
    d->files = block;
    TRY(pqf_arena_array(&d->arena, n, sizeof(int32_t *), &block, err));
    d->codes = block;
    for (size_t i = 0; i < n; i++) {
        TRY(pqf_arena_array(&d->arena, k, sizeof(int32_t), &block, err));
        d->codes[i] = block;
        d->files[i] = (pqf_scan_file){
            .path = d->found.files[i].path, .bytes = d->bytes, .codes = d->codes[i]};
    }
    return PQF_OK;
}

/* ---- schema ---- */

bool pqf_dataset_is_partition(const pqf_dataset *d, const char *name) {
    for (int32_t k = 0; k < d->found.num_partitions; k++)
        if (!strcmp(d->found.partitions[k], name)) return true;
    return false;
}

/* The first file's metadata without our own key. */
static pqf_status visible_metadata(const pqf_dataset *d, const char *metadata,
                                   pqf_buf *out, pqf_error *err) {
    pqf_bytes key, value;
    pqf_buf_init(out, d->mem, 0);
    for (int64_t i = 0; pqf_kv_at(metadata, i, &key, &value); i++) {
        if (key.len == strlen(PQF_PARTITION_KEY) &&
            !memcmp(key.data, PQF_PARTITION_KEY, key.len))
            continue;
        TRY(pqf_kv_put(out, key, value, err));
    }
    return PQF_OK;
}

static pqf_status partition_field(const pqf_dataset *d, int32_t k,
                                  struct ArrowSchema *out, pqf_error *err) {
    TRY(pqf_schema_init(out, "i", d->found.partitions[k], ARROW_FLAG_NULLABLE, 0, err));
    pqf_status status = pqf_schema_add_dictionary(out, err);
    if (status == PQF_OK)
        status = pqf_schema_init(out->dictionary, d->types[k].format, "",
                                 ARROW_FLAG_NULLABLE, 0, err);
    if (status != PQF_OK) pqf_schema_release(out);
    return status;
}

/* Moves the columns out of `file`. */
static pqf_status fill_schema(pqf_dataset *d, struct ArrowSchema *file, pqf_error *err) {
    int64_t n = 0, to = 0;
    pqf_buf metadata;
    for (int64_t i = 0; i < file->n_children; i++)
        n += !pqf_dataset_is_partition(d, file->children[i]->name);
    TRY(pqf_schema_init(&d->schema, "+s", "", 0, n + d->found.num_partitions, err));
    for (int64_t i = 0; i < file->n_children; i++) {
        if (pqf_dataset_is_partition(d, file->children[i]->name)) continue;
        *d->schema.children[to++] = *file->children[i];
        file->children[i]->release = NULL;
    }
    for (int32_t k = 0; k < d->found.num_partitions; k++)
        TRY(partition_field(d, k, d->schema.children[to++], err));
    pqf_status status = visible_metadata(d, file->metadata, &metadata, err);
    if (status == PQF_OK && metadata.len)
        status = pqf_schema_set_metadata(&d->schema, (const char *)metadata.data, err);
    pqf_buf_reset(&metadata);
    return status;
}

/* The schema of files that differ is that of all of them; metadata are the first one's. */
static pqf_status learn_schema(pqf_dataset *d, pqf_error *err) {
    struct ArrowSchema file, all;
    pqf_status status = PQF_OK;
    TRY(pqf_schema_export(pqf_reader_schema(d->first), &file, err));
    if (d->options.unify != PQF_UNIFY_STRICT) {
        TRY_DONE(pqf_dataset_unify(d, &all, err));
        if (file.metadata) status = pqf_schema_set_metadata(&all, file.metadata, err);
        pqf_schema_release(&file);
        file = all;
    }
    if (status == PQF_OK) status = fill_schema(d, &file, err);
done:
    pqf_schema_release(&file);
    return status;
}

static pqf_status set_schema(pqf_dataset *d, pqf_error *err) {
    d->is_declared = d->options.schema != NULL;
    if (d->is_declared) {
        TRY(pqf_schema_copy(d->options.schema, &d->schema, err));
        d->options.schema = NULL; /* borrowed for the open alone */
        return PQF_OK;
    }
    if (!d->first) return pqf_schema_init(&d->schema, "+s", "", 0, 0, err);
    pqf_status status = learn_schema(d, err);
    const char *path = d->files[d->first_file].path;
    return status == PQF_OK || !path ? status : pqf_error_at_path(err, path);
}

/* ---- open and free ---- */

static bool has_lead(const struct ArrowSchema *schema, const char *path) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        const char *name = schema->children[i]->name;
        size_t len = name ? strlen(name) : 0;
        if (name && !strncmp(name, path, len) && (path[len] == 0 || path[len] == '.'))
            return true;
    }
    return false;
}

/* Whatever a path says of the inside of its column, the column is there. */
static pqf_status check_dictionaries(pqf_dataset *d, pqf_error *err) {
    const char *const *paths = d->options.read_dictionary;
    pqf_choices choices;
    if (!paths || !d->found.num_files) return PQF_OK;
    TRY(pqf_choices_init(&choices, &d->schema, &d->arena, err));
    for (; *paths; paths++) {
        pqf_column_path path = {.names = paths, .num_names = 1};
        if (!has_lead(&d->schema, *paths))
            TRY(pqf_choices_add(&choices, &path, false, err));
    }
    return PQF_OK;
}

static pqf_status check_unit(const char *unit, pqf_error *err) {
    static const char *const units[] = {"s", "ms", "us", "ns"};
    if (!unit) return PQF_OK;
    for (int i = 0; i < 4; i++)
        if (!strcmp(unit, units[i])) return PQF_OK;
    return pqf_fail(
        err, PQF_INVALID,
        "coerce_int96_timestamp_unit must be 's', 'ms', 'us' or 'ns', not '%.40s'", unit);
}

static pqf_status read_options_of(const pqf_read_options *in, pqf_read_options *out,
                                  pqf_arena *arena, pqf_error *err) {
    *out = (pqf_read_options){.struct_bytes = sizeof *out};
    if (!in) return PQF_OK;
    if (in->struct_bytes > sizeof *out ||
        in->struct_bytes < offsetof(pqf_read_options, control))
        return pqf_fail(err, PQF_INVALID, "pqf_read_options.struct_bytes is %zu, not %zu",
                        in->struct_bytes, sizeof *out);
    memcpy(out, in, in->struct_bytes);
    TRY(check_unit(out->int96_unit, err));
    return pqf_read_options_copy(arena, out, err);
}

static pqf_status begin(const pqf_read_options *options, pqf_dataset **out,
                        pqf_error *err) {
    pqf_mem *mem;
    void *block;
    TRY(pqf_mem_new(pqf_memory_limit(options ? &options->control : NULL), &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_dataset), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    pqf_dataset *d = block;
    d->references = 1;
    d->mem = mem;
    pqf_arena_init(&d->arena, mem);
    status = read_options_of(options, &d->options, &d->arena, err);
    if (status != PQF_OK)
        pqf_dataset_free(d);
    else
        *out = d;
    return status;
}

pqf_status pqf_dataset_open_source(void *dataset, int64_t i, pqf_source **out,
                                   pqf_error *err) {
    const pqf_dataset *d = dataset;
    return pqf_snapshot_open_file(&d->snapshot, &d->found.files[i], d->options.memory_map,
                                  out, err);
}

pqf_status pqf_dataset_open_reader_as(pqf_dataset *d, int64_t i,
                                      const pqf_read_options *options, pqf_reader **out,
                                      pqf_error *err) {
    pqf_source *source;
    if (!d->files[i].path)
        return pqf_reader_open(NULL, d->bytes, options, d->mem, out, err);
    TRY(pqf_dataset_open_source(d, i, &source, err));
    return pqf_reader_open_source(source, options, d->mem, out, err);
}

pqf_status pqf_dataset_open_reader(pqf_dataset *d, int64_t i, pqf_reader **out,
                                   pqf_error *err) {
    return pqf_dataset_open_reader_as(d, i, &d->options, out, err);
}

static pqf_status complete(pqf_dataset *d, pqf_error *err) {
    TRY(pqf_dataset_declare(d, err));
    if (!d->found.num_files) return set_schema(d, err);
    TRY(set_files(d, err));
    TRY(choose_first(d, err));
    TRY(pqf_dataset_open_reader(d, d->first_file, &d->first, err));
    d->options.likely = NULL; /* borrowed for the open alone */
    TRY(set_constants(d, err));
    TRY(set_schema(d, err));
    return check_dictionaries(d, err);
}

pqf_status pqf_dataset_open(const char *const *paths, int64_t num_paths, const char *root,
                            const pqf_read_options *options, pqf_dataset **out,
                            pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_dataset *d;
    TRY(begin(options, &d, err));
    pqf_status status = pqf_discover(paths, num_paths, root, &d->options, d->mem,
                                     &d->arena, &d->snapshot, &d->found, err);
    if (status == PQF_OK) status = complete(d, err);
    if (status != PQF_OK)
        pqf_dataset_free(d);
    else
        *out = d;
    return status;
}

pqf_status pqf_dataset_open_memory(const void *bytes, size_t num_bytes,
                                   const pqf_read_options *options, pqf_dataset **out,
                                   pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_dataset *d;
    void *block;
    TRY(begin(options, &d, err));
    d->bytes = pqf_bytes_of(bytes, num_bytes);
    pqf_status status = pqf_arena_alloc(&d->arena, sizeof(pqf_found_file), &block, err);
    if (status == PQF_OK) {
        d->found = (pqf_found){.files = block, .num_files = 1};
        status = complete(d, err);
    }
    if (status != PQF_OK)
        pqf_dataset_free(d);
    else
        *out = d;
    return status;
}

void pqf_dataset_retain(pqf_dataset *d) { atomic_fetch_add(&d->references, 1); }

void pqf_dataset_free(pqf_dataset *d) {
    if (!d || atomic_fetch_sub(&d->references, 1) != 1) return;
    release_constants(d);
    pqf_schema_release(&d->schema);
    pqf_reader_release(d->first);
    pqf_snapshot_close(&d->snapshot, d->mem);
    pqf_arena_reset(&d->arena);
    pqf_mem *mem = d->mem;
    pqf_mem_free(mem, d, sizeof *d);
    pqf_mem_release(mem);
}

pqf_status pqf_dataset_schema(pqf_dataset *d, struct ArrowSchema *out, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    return pqf_schema_copy(&d->schema, out, err);
}

int64_t pqf_dataset_num_files(const pqf_dataset *d) { return d->found.num_files; }

const char *pqf_dataset_file(const pqf_dataset *d, int64_t i) {
    return i < 0 || i >= d->found.num_files ? NULL : d->found.files[i].path;
}
