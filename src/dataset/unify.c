/* SPDX-License-Identifier: Apache-2.0
 *
 * unify.c: the schema of files that differ. In: all files, whose footers are read by all cores, some
 * at a time, each closed again before the next; out: the columns of all of them in the order of
 * their first appearance. And the schema that a user has declared, in place of it.
 */
#include "inner.h"

/* Footers whose schemas wait for their turn. */
#define WAVE_FILES 128

typedef struct footers {
    pqf_dataset *dataset;
    pqf_run run;
    int64_t first; /* file of schemas[0] */
    struct ArrowSchema schemas[WAVE_FILES];
} footers;

/* The file's columns but those that its folders give. */
static pqf_status export_columns(const pqf_dataset *d, const pqf_reader *reader,
                                 struct ArrowSchema *out, pqf_error *err) {
    const pqf_schema *schema = pqf_reader_schema(reader);
    struct ArrowSchema columns;
    pqf_status status = PQF_OK;
    int64_t n = 0;
    for (int32_t i = 0; i < schema->num_fields; i++)
        n += !pqf_dataset_is_partition(d, schema->fields[i].name);
    TRY(pqf_schema_init(&columns, "+s", "", 0, n, err));
    n = 0;
    for (int32_t i = 0; i < schema->num_fields; i++) {
        const pqf_field *field = &schema->fields[i];
        bool is_duplicate = false;
        if (pqf_dataset_is_partition(d, field->name)) continue;
        pqf_schema_field(schema, field->name, &is_duplicate);
        if (is_duplicate)
            TRY_DONE(pqf_fail(err, PQF_UNSUPPORTED,
                              "two columns have the name '%s': files that differ are "
                              "matched by names",
                              field->name));
        TRY_DONE(pqf_field_export(schema, field, columns.children[n++], err));
    }
    *out = columns;
    return PQF_OK;
done:
    pqf_schema_release(&columns);
    return status;
}

static pqf_status footer_task(void *context, int64_t task, int worker, pqf_error *err) {
    footers *f = context;
    pqf_dataset *d = f->dataset;
    int64_t i = f->first + task;
    pqf_reader *reader = NULL;
    TRY(pqf_run_poll(&f->run, worker, err));
    if (i == d->first_file) return export_columns(d, d->first, &f->schemas[task], err);
    TRY(pqf_dataset_open_reader(d, i, &reader, err));
    pqf_status status = export_columns(d, reader, &f->schemas[task], err);
    pqf_reader_release(reader);
    const char *path = d->files[i].path;
    return status == PQF_OK || !path ? status : pqf_error_at_path(err, path);
}

/* Most files are as those before. */
static bool is_same(const struct ArrowSchema *all, const struct ArrowSchema *file) {
    if (all->n_children != file->n_children) return false;
    for (int64_t i = 0; i < all->n_children; i++) {
        if (strcmp(all->children[i]->name, file->children[i]->name) != 0) return false;
        if (!pqf_schema_fits(all->children[i], file->children[i])) return false;
    }
    return true;
}

static pqf_status add_file(const pqf_dataset *d, int64_t i,
                           const struct ArrowSchema *file, struct ArrowSchema *all,
                           pqf_error *err) {
    struct ArrowSchema both;
    if (is_same(all, file)) return PQF_OK;
    pqf_status status = pqf_schema_unify(all, file, (pqf_unify_rule)d->options.unify,
                                         "in the files before", &both, err);
    if (status != PQF_OK)
        return d->files[i].path ? pqf_error_at_path(err, d->files[i].path) : status;
    pqf_schema_release(all);
    *all = both;
    return PQF_OK;
}

static pqf_status add_wave(footers *f, int64_t n, struct ArrowSchema *all,
                           pqf_error *err) {
    pqf_status status = pqf_run_tasks(&f->run, n, NULL, footer_task, f, err);
    for (int64_t i = 0; i < n; i++) {
        struct ArrowSchema *file = &f->schemas[i];
        if (status == PQF_OK && !all->release) {
            *all = *file;
            file->release = NULL;
        } else if (status == PQF_OK)
            status = add_file(f->dataset, f->first + i, file, all, err);
        pqf_schema_release(file);
        *file = (struct ArrowSchema){0};
    }
    return status;
}

pqf_status pqf_dataset_unify(pqf_dataset *d, struct ArrowSchema *out, pqf_error *err) {
    void *block;
    struct ArrowSchema all = {0};
    pqf_status status = PQF_OK;
    TRY(pqf_mem_zalloc(d->mem, sizeof(footers), &block, err));
    footers *f = block;
    f->dataset = d;
    pqf_run_init(&f->run, &d->options.control);
    for (; status == PQF_OK && f->first < d->found.num_files; f->first += WAVE_FILES) {
        int64_t n = d->found.num_files - f->first;
        status = add_wave(f, n < WAVE_FILES ? n : WAVE_FILES, &all, err);
    }
    pqf_mem_free(d->mem, f, sizeof *f);
    if (status == PQF_OK)
        *out = all;
    else
        pqf_schema_release(&all);
    return status;
}

/* ---- a declared schema ---- */

static pqf_status check_names(const struct ArrowSchema *schema, pqf_error *err) {
    for (int64_t i = 0; i < schema->n_children; i++)
        for (int64_t k = 0; k < i; k++)
            if (!strcmp(schema->children[i]->name, schema->children[k]->name))
                return pqf_fail(err, PQF_INVALID,
                                "the declared schema has two columns named '%.200s'",
                                schema->children[i]->name);
    return PQF_OK;
}

/* Columns declared as dictionaries with the usual index type are read as such, whatever the files
 * say; those with others where the files say so. */
static pqf_status list_dictionaries(pqf_dataset *d, const struct ArrowSchema *schema,
                                    pqf_error *err) {
    void *block;
    int64_t n = 0;
    if (d->options.read_dictionary) return PQF_OK;
    TRY(pqf_arena_array(&d->arena, (size_t)schema->n_children + 1, sizeof(char *), &block,
                        err));
    const char **names = block;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->dictionary && !strcmp(schema->children[i]->format, "i"))
            names[n++] = schema->children[i]->name;
    d->options.read_dictionary = n ? names : NULL;
    return n ? pqf_names_copy(&d->arena, &d->options.read_dictionary, err) : PQF_OK;
}

pqf_status pqf_dataset_declare(pqf_dataset *d, pqf_error *err) {
    const struct ArrowSchema *schema = d->options.schema;
    if (!schema) return PQF_OK;
    TRY(pqf_schema_check(schema, err));
    if (strcmp(schema->format, "+s") != 0)
        return pqf_fail(err, PQF_INVALID,
                        "the declared schema has the format '%.40s', expected a struct",
                        schema->format);
    TRY(check_names(schema, err));
    return list_dictionaries(d, schema, err);
}
