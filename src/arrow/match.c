/* SPDX-License-Identifier: Apache-2.0
 *
 * match.c: room arrow, conforming. Columns of a batch, and fields of structs, against the
 * declared ones by name. Rules: "duplicate", "extra" unless dropped, "missing" unless
 * filled with nulls; a missing name comes with the nearest name among the extra ones.
 */
#include "conform.h"

#include <strings.h>

/* Names longer than this are compared exactly only. */
#define MAX_NAME 64

static int least(int a, int b, int c) {
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn one name into the
 * other: three rows of the usual table suffice. */
static int edit_distance(const char *a, const char *b) {
    int rows[3][MAX_NAME + 1];
    int na = (int)strlen(a), nb = (int)strlen(b);
    if (na > MAX_NAME || nb > MAX_NAME) return MAX_NAME;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3],
            *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            bool same = a[i - 1] == b[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two_above[j - 2] + 1 < row[j]) row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

/* Short names are near only when few of their letters differ. */
static int farthest(const char *name) {
    size_t n = strlen(name);
    return n >= 5 ? 2 : n >= 3 ? 1 : 0;
}

static const char *source_name(const pqf_view *source, int64_t i) {
    return pqf_field_name(source->schema->children[i]);
}

/* The nearest extra name, "" when none is near. */
static const char *nearest(const pqf_target *t, const pqf_view *source,
                           const char *name) {
    const char *best = "";
    int best_distance = farthest(name) + 1;
    for (int64_t i = 0; i < source->num_children; i++) {
        const char *other = source_name(source, i);
        if (pqf_target_find(t, other) >= 0) continue;
        int distance = strcasecmp(name, other) == 0 ? 0 : edit_distance(name, other);
        if (distance >= best_distance) continue;
        best = other;
        best_distance = distance;
    }
    return best;
}

static pqf_status fail_field(pqf_job *job, const pqf_target *t, const char *name,
                             const char *rule, const struct ArrowSchema *found) {
    const char *path;
    char type[256];
    TRY(pqf_arena_printf(job->arena, &path, job->err, *t->path ? "%s.%s" : "%s%s",
                         t->path, name));
    pqf_type_text(found, type, sizeof type);
    return pqf_fail_column(job, path, rule, "", type);
}

static pqf_status match_names(pqf_job *job, const pqf_target *t, const pqf_view *source,
                              int64_t *picks) {
    for (int64_t i = 0; i < source->num_children; i++) {
        const char *name = source_name(source, i);
        const struct ArrowSchema *found = source->schema->children[i];
        /* Most batches have the declared order. */
        bool in_place = i < t->num_children && strcmp(t->children[i].name, name) == 0;
        int64_t at = in_place ? i : pqf_target_find(t, name);
        if (at >= 0 && picks[at] >= 0) TRY(fail_field(job, t, name, "duplicate", found));
        if (at >= 0) picks[at] = i;
        if (at < 0 && !job->options->drop_extra)
            TRY(fail_field(job, t, name, "extra", found));
    }
    return PQF_OK;
}

pqf_status pqf_match(pqf_job *job, const pqf_target *t, const pqf_view *source,
                     int64_t *picks) {
    bool positions = t->by_position && source->num_children == t->num_children;
    for (int64_t i = 0; i < t->num_children; i++)
        picks[i] = positions ? i : -1;
    if (positions) return PQF_OK;
    TRY(match_names(job, t, source, picks));
    /* No rows and no columns is what an empty frame or list gives: valid data. */
    if (source->length == 0 && source->num_children == 0) return PQF_OK;
    for (int64_t i = 0; i < t->num_children; i++) {
        const pqf_target *child = &t->children[i];
        char type[256];
        if (picks[i] >= 0 || (job->options->null_missing && child->nullable)) continue;
        pqf_type_text(child->declared, type, sizeof type);
        TRY(pqf_fail_column(job, child->path, "missing", type,
                            nearest(t, source, child->name)));
    }
    return PQF_OK;
}
