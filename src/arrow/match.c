/* SPDX-License-Identifier: Apache-2.0
 *
 * match.c: room arrow, conforming. Columns of a batch, and fields of structs, against the
 * declared ones by name. Rules: "duplicate", "extra" unless dropped, "missing" unless
 * filled with nulls; a missing name comes with the nearest name among the extra ones.
 */
#include "conform.h"
#include "near.h"

static const char *source_name(const pqf_view *source, int64_t i) {
    return pqf_field_name(source->schema->children[i]);
}

/* The nearest extra name, "" when none is near. */
static const char *nearest(const pqf_target *t, const pqf_view *source,
                           const char *name) {
    const char *best = "";
    int best_distance = pqf_name_reach(name) + 1;
    for (int64_t i = 0; i < source->num_children; i++) {
        const char *other = source_name(source, i);
        if (pqf_target_find(t, other) >= 0) continue;
        int distance = pqf_name_distance(name, other);
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

/* Comparing all names with all is for the first few that are missing. */
#define MAX_HINTS 64

pqf_status pqf_match(pqf_job *job, const pqf_target *t, const pqf_view *source,
                     int64_t *picks, bool *all_there) {
    int64_t num_missing = 0;
    *all_there = true;
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
        *all_there = false;
        pqf_type_text(child->declared, type, sizeof type - 16);
        if (!child->nullable) strcat(type, " not null");
        TRY(pqf_fail_column(job, child->path, "missing", type,
                            num_missing++ < MAX_HINTS ? nearest(t, source, child->name)
                                                      : ""));
    }
    return PQF_OK;
}
