/* SPDX-License-Identifier: Apache-2.0
 *
 * check_append.c: new files must fit the dataset that is there. In comes the declared schema
 * taken apart, out goes one message with every column that differs, under 15 lines. With
 * PQF_UNIFY_STRICT the dataset is its first file, whose footer is all that is read; otherwise
 * it is what all of its files hold together.
 */
#include "writing.h"

#include <stdio.h>
#include <sys/stat.h>

/* Lines of a message that tell of one difference each. */
#define MAX_LINES 8

typedef struct differences {
    const pqf_partition_schema *s;
    const pqf_found *found; /* the dataset: its files and partition columns */
    const struct ArrowSchema *there;
    pqf_unify unify;
    bool is_recorded; /* the types of the partition columns there */
    char lines[560];
    size_t len;
    int num_shown, num;
} differences;

static void add(differences *d, const char *path, const char *how) {
    char line[256];
    int n = snprintf(line, sizeof line, "\n  column '%.60s' %s", path, how);
    size_t len = n < 0 ? 0 : strlen(line);
    d->num++;
    if (d->num_shown == MAX_LINES || d->len + len >= sizeof d->lines) return;
    memcpy(d->lines + d->len, line, len + 1);
    d->len += len;
    d->num_shown++;
}

/* ---- one column ---- */

static bool is_nullable(const struct ArrowSchema *field) {
    return field->flags & ARROW_FLAG_NULLABLE;
}

static const struct ArrowSchema *value_of(const struct ArrowSchema *field) {
    return field->dictionary ? field->dictionary : field;
}

/* Nullability too: a reader takes it from whichever file comes first. */
static bool is_same(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    return pqf_schema_same_type(a, b) && is_nullable(a) == is_nullable(b);
}

static void add_types(differences *d, const char *path, const struct ArrowSchema *there,
                      const struct ArrowSchema *here, bool with_nulls) {
    char have[72], want[72], how[200];
    pqf_type_text(there, have, sizeof have);
    pqf_type_text(here, want, sizeof want);
    snprintf(how, sizeof how, "is %s%s there, not %s%s", have,
             with_nulls && !is_nullable(there) ? " not null" : "", want,
             with_nulls && !is_nullable(here) ? " not null" : "");
    add(d, path, how);
}

static bool have_same_names(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    if (strcmp(a->format, b->format) || a->n_children != b->n_children) return false;
    for (int64_t i = 0; i < a->n_children; i++)
        if (a->format[1] == 's' && strcmp(a->children[i]->name, b->children[i]->name))
            return false;
    return a->n_children > 0;
}

/* Goes down to the fields that differ, so that a wide struct is not shown whole. Depth is bounded
 * by pqf_schema_check. */
static void add_file_column(differences *d, const char *path,
                            const struct ArrowSchema *there,
                            const struct ArrowSchema *here) {
    int before = d->num;
    if (is_nullable(there) == is_nullable(here) && have_same_names(there, here)) {
        for (int64_t i = 0; i < here->n_children; i++) {
            char below[256];
            if (is_same(there->children[i], here->children[i])) continue;
            const char *name = here->children[i]->name;
            bool is_list = here->format[1] != 's' && here->format[1] != 'm';
            snprintf(below, sizeof below, "%s%s%s", path, is_list ? "" : ".",
                     is_list ? "[]" : name);
            add_file_column(d, below, there->children[i], here->children[i]);
        }
    }
    if (d->num == before) add_types(d, path, there, here, true);
}

/* Where no file records them the types of partition columns are guesses: any may be right. */
static void judge_partition(differences *d, const struct ArrowSchema *there,
                            const struct ArrowSchema *here) {
    const char *format = value_of(here)->format;
    if (d->is_recorded &&
        strcmp(there->dictionary->format, strcmp(format, "vu") ? format : "u"))
        add_types(d, here->name, there->dictionary, here, false);
}

/* A column of folders on one side and of files on the other. */
static void add_kinds(differences *d, const struct ArrowSchema *there,
                      const struct ArrowSchema *here, bool is_partition) {
    char have[72], want[72], how[240];
    pqf_type_text(is_partition ? there : value_of(there), have, sizeof have);
    pqf_type_text(here, want, sizeof want);
    if (is_partition)
        snprintf(how, sizeof how,
                 "stands in the files there (%s), but is a partition column here (%s)",
                 have, want);
    else
        snprintf(how, sizeof how,
                 "is a partition column there (%s), but stands in the files here (%s)",
                 have, want);
    add(d, here->name, how);
}

/* Whether reading can make one column of both. */
static bool may_unify(const differences *d, const struct ArrowSchema *there,
                      const struct ArrowSchema *here) {
    const struct ArrowSchema *fields[2] = {here, there};
    struct ArrowSchema whole[2];
    pqf_error ignored;
    pqf_error_init(&ignored);
    memset(whole, 0, sizeof whole);
    pqf_status status = PQF_OK;
    for (int i = 0; i < 2 && status == PQF_OK; i++) {
        status = pqf_schema_init(&whole[i], "+s", "", 0, 1, &ignored);
        if (status == PQF_OK)
            status = pqf_schema_copy(fields[i], whole[i].children[0], &ignored);
    }
    if (status == PQF_OK)
        status = pqf_schema_unify(&whole[0], &whole[1], (pqf_unify_rule)d->unify, "there",
                                  NULL, &ignored);
    for (int i = 0; i < 2; i++)
        pqf_schema_release(&whole[i]);
    return status == PQF_OK;
}

static void judge_column(differences *d, const struct ArrowSchema *there,
                         const struct ArrowSchema *here, bool is_partition) {
    bool was_partition = false;
    for (int32_t i = 0; i < d->found->num_partitions; i++)
        was_partition |= !strcmp(d->found->partitions[i], here->name);
    if (was_partition != is_partition)
        add_kinds(d, there, here, is_partition);
    else if (is_partition)
        judge_partition(d, there, here);
    else if (!is_same(there, here) &&
             (d->unify == PQF_UNIFY_STRICT || !may_unify(d, there, here)))
        add_file_column(d, here->name, there, here);
}

static void judge_declared(differences *d, int32_t i) {
    const struct ArrowSchema *here = d->s->whole.children[i];
    int32_t at = pqf_schema_column(d->there, here->name);
    bool is_partition = pqf_is_partition_column(d->s, i);
    if (at >= 0)
        judge_column(d, d->there->children[at], here, is_partition);
    else if (is_partition || d->unify == PQF_UNIFY_STRICT)
        add(d, here->name, "is not in the dataset");
    else if (!is_nullable(here))
        add(d, here->name, "is not in the dataset, and not nullable");
}

static void judge_missing(differences *d, const struct ArrowSchema *there) {
    if (pqf_schema_column(&d->s->whole, there->name) >= 0) return;
    if (d->unify == PQF_UNIFY_STRICT)
        add(d, there->name, "of the dataset is missing");
    else if (!is_nullable(there))
        add(d, there->name, "of the dataset is missing, and not nullable");
}

/* ---- the dataset ---- */

/* Path of the file that the schema is from, below the folder. */
static const char *first_file(const pqf_dataset *there, const char *dir) {
    const char *path = pqf_dataset_file(there, there->first_file);
    size_t n = strlen(dir);
    return !strncmp(path, dir, n) && path[n] == '/' ? path + n + 1 : path;
}

static pqf_status compare(const pqf_partition_schema *s, const pqf_dataset *dataset,
                          const char *dir, pqf_unify unify, pqf_error *err) {
    pqf_bytes recorded;
    char more[40] = "", file[160] = "";
    differences d = {.s = s,
                     .found = &dataset->found,
                     .there = &dataset->schema,
                     .unify = unify,
                     .is_recorded = pqf_metadata_get(pqf_reader_metadata(dataset->first),
                                                     PQF_PARTITION_KEY, &recorded)};
    for (int32_t i = 0; i < s->whole.n_children; i++)
        judge_declared(&d, i);
    for (int64_t i = 0; i < d.there->n_children; i++)
        judge_missing(&d, d.there->children[i]);
    if (!d.num) return PQF_OK;
    if (d.num > d.num_shown)
        snprintf(more, sizeof more, "\n  and %d more", d.num - d.num_shown);
    if (unify == PQF_UNIFY_STRICT)
        snprintf(file, sizeof file, ", file %.120s", first_file(dataset, dir));
    return pqf_fail(err, PQF_SCHEMA, "the schema differs from that of the dataset%s:%s%s",
                    file, d.lines, more);
}

pqf_status pqf_append_check(const pqf_partition_schema *s, const char *dir,
                            pqf_unify unify, const pqf_control *control, bool *is_empty,
                            pqf_error *err) {
    struct stat st;
    pqf_dataset *there;
    pqf_read_options options = {
        .struct_bytes = sizeof options, .control = *control, .unify = unify};
    *is_empty = true;
    if (stat(dir, &st) != 0) return PQF_OK;
    TRY(pqf_dataset_open(&dir, 1, NULL, &options, &there, err));
    pqf_status status = PQF_OK;
    *is_empty = !pqf_dataset_num_files(there);
    if (!*is_empty) status = compare(s, there, dir, unify, err);
    pqf_dataset_free(there);
    return status == PQF_OK ? status : pqf_error_at_path(err, dir);
}
