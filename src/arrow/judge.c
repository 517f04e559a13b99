/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c: room arrow, conforming. Which slots count, which row of the batch a nested
 * slot belongs to, and the records of failures. All of it is done only after something
 * has gone wrong, or where nulls stand in required fields: data that fits never pays for
 * it.
 */
#include "conform.h"
#include "nulls.h"

#include "base/bits.h"

#include <stdio.h>

#define VALUE_BYTES 330 /* 80 characters */
#define TYPE_BYTES  512

/* ---- levels ---- */

pqf_view pqf_child_of_struct(const pqf_view *v, int64_t i) {
    pqf_view child = v->children[i];
    pqf_view_cut(&child, v->offset, v->length);
    return child;
}

/* Not for list views, whose lists have no order. */
pqf_view pqf_child_of_list(const pqf_view *v, int64_t *first) {
    pqf_view child = v->children[0];
    int64_t start = 0, last = 0, count = 0;
    if (v->length > 0) {
        pqf_list_range(v, 0, &start, &count);
        pqf_list_range(v, v->length - 1, &last, &count);
        last += count;
    }
    pqf_view_cut(&child, start, last - start);
    *first = start;
    return child;
}

/* Slots of `level` that are items of list i above. */
static void items_of(const pqf_level *level, int64_t i, int64_t *start, int64_t *count) {
    if (level->starts) {
        *start = level->starts[i];
        *count = level->starts[i + 1] - *start;
        return;
    }
    pqf_list_range(level->up->view, i, start, count);
    *start -= level->first;
}

static bool is_live(const uint8_t *live, int64_t i) {
    return !live || pqf_bit_get(live, i);
}

static pqf_status mark_items(pqf_job *job, const pqf_level *level, const uint8_t *above,
                             const uint8_t **out) {
    const pqf_view *lists = level->up->view;
    void *block;
    TRY(pqf_arena_alloc(job->arena, (size_t)pqf_bits_bytes(level->view->length), &block,
                        job->err));
    uint8_t *bits = block;
    for (int64_t i = 0; i < lists->length; i++) {
        int64_t start, count;
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (!is_live(above, i) || !pqf_view_is_valid(lists, i)) continue;
        items_of(level, i, &start, &count);
        for (int64_t k = start; k < start + count; k++)
            pqf_bit_set(bits, k);
    }
    *out = bits;
    return PQF_OK;
}

pqf_status pqf_level_live(pqf_job *job, const pqf_level *level, const uint8_t **out) {
    const uint8_t *above;
    void *block;
    *out = NULL;
    if (!level->up) return PQF_OK;
    TRY(pqf_level_live(job, level->up, &above));
    if (level->is_items) return mark_items(job, level, above, out);
    const pqf_view *parents = level->up->view;
    *out = above;
    if (!parents->validity) return PQF_OK;
    TRY(pqf_arena_alloc(job->arena, (size_t)pqf_bits_bytes(parents->length), &block,
                        job->err));
    for (int64_t i = 0; i < parents->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (is_live(above, i) && pqf_view_is_valid(parents, i)) pqf_bit_set(block, i);
    }
    *out = block;
    return PQF_OK;
}

/* The first row that a slot belongs to (list views may share items). */
static int64_t row_of(const pqf_level *level, int64_t slot) {
    if (!level->up) return slot;
    if (!level->is_items) return row_of(level->up, slot);
    const pqf_view *lists = level->up->view;
    for (int64_t i = 0; i < lists->length; i++) {
        int64_t start, count;
        if (!pqf_view_is_valid(lists, i)) continue;
        items_of(level, i, &start, &count);
        if (slot >= start && slot < start + count) return row_of(level->up, i);
    }
    return -1;
}

/* ---- records ---- */

static pqf_status add_record(pqf_job *job, const char *path, const char *rule,
                             int64_t count, const char *expected, const char *found,
                             int64_t row, const char *value) {
    if (!*job->report) *job->report = pqf_report_new();
    pqf_status status = !*job->report ? PQF_NOMEM
                                      : pqf_report_add(*job->report, path, rule, count,
                                                       expected, found, row, value);
    return status == PQF_OK ? PQF_OK
                            : pqf_fail(job->err, status, "no memory for a report");
}

pqf_status pqf_fail_column(pqf_job *job, const char *path, const char *rule,
                           const char *expected, const char *found) {
    return add_record(job, path, rule, 1, expected, found, -1, NULL);
}

/* Reports a rule about slots; the first sample's call carries the count. */
static pqf_status end_tally(pqf_tally *tally, const char *rule, const char *expected,
                            const char *found) {
    const pqf_view *v = tally->level->view;
    const char *path = tally->target->path;
    char value[VALUE_BYTES];
    for (int64_t i = 0; i < tally->count && i < PQF_MAX_SAMPLES; i++) {
        int64_t slot = tally->slots[i], count = i == 0 ? tally->count : 0;
        int64_t row = row_of(tally->level, slot);
        pqf_view_text(v, slot, value, sizeof value);
        TRY(add_record(tally->job, path, rule, count, expected, found, row, value));
    }
    return PQF_OK;
}

static pqf_status count_slot(pqf_tally *tally, int64_t slot) {
    if (!tally->has_live) {
        TRY(pqf_level_live(tally->job, tally->level, &tally->live));
        tally->has_live = true;
    }
    if (!is_live(tally->live, slot)) return PQF_OK;
    if (tally->count < PQF_MAX_SAMPLES) tally->slots[tally->count] = slot;
    tally->count++;
    return PQF_OK;
}

pqf_status pqf_tally_add(pqf_tally *tally, int64_t slot) {
    return pqf_view_is_valid(tally->level->view, slot) ? count_slot(tally, slot) : PQF_OK;
}

pqf_status pqf_tally_end(pqf_tally *tally) {
    char expected[TYPE_BYTES], found[TYPE_BYTES];
    if (tally->count == 0) return PQF_OK;
    pqf_type_text(tally->target->declared, expected, sizeof expected);
    pqf_type_text(tally->level->view->schema, found, sizeof found);
    return end_tally(tally, "value", expected, found);
}

pqf_status pqf_fail_type(pqf_job *job, const pqf_target *target, const pqf_level *level,
                         struct ArrowSchema *schema, struct ArrowArray *out) {
    pqf_tally tally = {.job = job, .target = target, .level = level};
    char expected[TYPE_BYTES], found[TYPE_BYTES];
    for (int64_t i = 0; i < level->view->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        TRY(pqf_tally_add(&tally, i));
    }
    if (tally.count == 0)
        return pqf_array_fill(schema, level->view->length, target->nullable, job->mem,
                              out, job->err);
    pqf_type_text(target->declared, expected, sizeof expected);
    pqf_type_text(level->view->schema, found, sizeof found);
    return end_tally(&tally, "type", expected, found);
}

/* ---- nulls ---- */

pqf_status pqf_judge_nulls(pqf_job *job, const pqf_target *target,
                           const pqf_level *level) {
    pqf_tally tally = {.job = job, .target = target, .level = level};
    char expected[TYPE_BYTES];
    const pqf_view *v = level->view;
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (v->type.id == PQF_TYPE_NULL || !pqf_view_is_valid(v, i))
            TRY(count_slot(&tally, i));
    }
    if (tally.count == 0) return PQF_OK;
    pqf_type_text(target->declared, expected, sizeof expected);
    snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
             " not null");
    return end_tally(&tally, "null", expected, "null");
}

static pqf_status judge_child(pqf_job *job, const pqf_target *target,
                              const pqf_level *level) {
    if (!target->nullable && level->view->null_count > 0)
        TRY(pqf_judge_nulls(job, target, level));
    return pqf_judge_below(job, target, level);
}

pqf_status pqf_judge_below(pqf_job *job, const pqf_target *target,
                           const pqf_level *level) {
    const pqf_view *v = level->view;
    if (!target->requires_below || v->length == 0) return PQF_OK;
    if (pqf_type_has_list_shape(&v->type)) {
        int64_t first;
        pqf_view child = pqf_child_of_list(v, &first);
        pqf_level below = {.up = level, .view = &child, .is_items = true, .first = first};
        return judge_child(job, &target->children[0], &below);
    }
    for (int64_t i = 0; i < target->num_children; i++) {
        pqf_view child = pqf_child_of_struct(v, i);
        pqf_level below = {.up = level, .view = &child};
        TRY(judge_child(job, &target->children[i], &below));
    }
    return PQF_OK;
}
