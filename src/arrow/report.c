/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c: room arrow. The public list of failures that conforming fills: one record per
 * (path, rule) with a count and the first samples. Reports are small: a few records per
 * column at most.
 */
#include "conform.h"
#include "text.h"

#include "base/arena.h"

#include <stdio.h>

/* Texts in a report are cut here; values are at most 80 characters. */
#define MAX_VALUE_CHARS 80
#define MAX_TEXT_BYTES  1024

struct pqf_report {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_buf failures; /* of pqf_failure * */
    pqf_buf places; /* hash table of uint32_t: failure's number + 1, 0 for a free place */
};

pqf_report *pqf_report_new(void) {
    pqf_error err;
    pqf_mem *mem;
    void *block;
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err) != PQF_OK) return NULL;
    if (pqf_mem_zalloc(mem, sizeof(pqf_report), &block, &err) != PQF_OK) {
        pqf_mem_release(mem);
        return NULL;
    }
    pqf_report *report = block;
    report->mem = mem;
    pqf_arena_init(&report->arena, mem);
    pqf_buf_init(&report->failures, mem, 0);
    pqf_buf_init(&report->places, mem, 0);
    return report;
}

void pqf_report_free(pqf_report *report) {
    if (!report) return;
    pqf_mem *mem = report->mem;
    pqf_arena_reset(&report->arena);
    pqf_buf_reset(&report->failures);
    pqf_buf_reset(&report->places);
    pqf_mem_free(mem, report, sizeof *report);
    pqf_mem_release(mem);
}

int64_t pqf_report_num_failures(const pqf_report *report) {
    return (int64_t)(report->failures.len / sizeof(pqf_failure *));
}

static pqf_failure *failure_at(const pqf_report *report, int64_t i) {
    pqf_failure *failure;
    memcpy(&failure, report->failures.data + (size_t)i * sizeof failure, sizeof failure);
    return failure;
}

const pqf_failure *pqf_report_failure(const pqf_report *report, int64_t i) {
    return i >= 0 && i < pqf_report_num_failures(report) ? failure_at(report, i) : NULL;
}

/* Whatever comes in, UTF-8 of bounded length goes out. */
static pqf_status copy_text(pqf_report *report, const char *in, size_t max_chars,
                            const char **out, pqf_error *err) {
    char space[MAX_TEXT_BYTES];
    pqf_text text;
    pqf_text_init(&text, space, sizeof space);
    pqf_text_put_bytes(&text, pqf_bytes_of(in ? in : "", in ? strlen(in) : 0));
    pqf_text_cut(&text, max_chars);
    return pqf_arena_string(&report->arena, pqf_bytes_of(text.data, text.len), out, err);
}

/* ---- by path and rule ---- */

static uint32_t hash_of(const char *path, const char *rule) {
    uint32_t h = 2166136261u;
    for (; *path; path++)
        h = (h ^ (uint8_t)*path) * 16777619u;
    for (; *rule; rule++)
        h = (h ^ (uint8_t)*rule) * 16777619u;
    return h;
}

static size_t num_places(const pqf_report *report) {
    return report->places.len / sizeof(uint32_t);
}

/* The place of the record, or the free one where it belongs. There are always free ones. */
static uint32_t *place_of(const pqf_report *report, const char *path, const char *rule) {
    uint32_t *places = (uint32_t *)(void *)report->places.data;
    for (size_t at = hash_of(path, rule);; at++) {
        uint32_t *place = &places[at & (num_places(report) - 1)];
        if (*place == 0) return place;
        const pqf_failure *failure = failure_at(report, *place - 1);
        if (strcmp(failure->path, path) == 0 && strcmp(failure->rule, rule) == 0)
            return place;
    }
}

static pqf_failure *find(const pqf_report *report, const char *path, const char *rule) {
    uint32_t number = num_places(report) ? *place_of(report, path, rule) : 0;
    return number ? failure_at(report, number - 1) : NULL;
}

/* Room for one more: at most half of the places are taken. */
static pqf_status make_place(pqf_report *report, pqf_error *err) {
    int64_t num_failures = pqf_report_num_failures(report);
    size_t n = num_places(report);
    if (2 * (size_t)num_failures + 2 <= n) return PQF_OK;
    n = n ? 2 * n : 16;
    TRY(pqf_buf_reserve(&report->places, n * sizeof(uint32_t), err));
    memset(report->places.data, 0, n * sizeof(uint32_t));
    report->places.len = n * sizeof(uint32_t);
    for (int64_t i = 0; i < num_failures; i++) {
        const pqf_failure *failure = failure_at(report, i);
        *place_of(report, failure->path, failure->rule) = (uint32_t)i + 1;
    }
    return PQF_OK;
}

static pqf_status add_failure(pqf_report *report, const char *path, const char *rule,
                              const char *expected, const char *found, pqf_failure **out,
                              pqf_error *err) {
    void *block;
    TRY(pqf_arena_alloc(&report->arena, sizeof(pqf_failure), &block, err));
    pqf_failure *failure = block;
    *failure = (pqf_failure){.path = path};
    TRY(copy_text(report, rule, MAX_TEXT_BYTES, &failure->rule, err));
    TRY(copy_text(report, expected, MAX_TEXT_BYTES, &failure->expected, err));
    TRY(copy_text(report, found, MAX_TEXT_BYTES, &failure->found, err));
    TRY(make_place(report, err));
    TRY(pqf_buf_put(&report->failures, &failure, sizeof failure, err));
    *place_of(report, path, rule) = (uint32_t)pqf_report_num_failures(report);
    *out = failure;
    return PQF_OK;
}

static pqf_status add(pqf_report *report, const char *path, const char *rule,
                      int64_t count, const char *expected, const char *found, int64_t row,
                      const char *value, pqf_error *err) {
    const char *clean_path, *clean_value;
    TRY(copy_text(report, path, MAX_TEXT_BYTES, &clean_path, err));
    pqf_failure *failure = find(report, clean_path, rule);
    if (!failure)
        TRY(add_failure(report, clean_path, rule, expected, found, &failure, err));
    if (value && failure->num_samples < PQF_MAX_SAMPLES) {
        TRY(copy_text(report, value, MAX_VALUE_CHARS, &clean_value, err));
        failure->sample_rows[failure->num_samples] = row;
        failure->sample_values[failure->num_samples++] = clean_value;
    }
    failure->count += count;
    return PQF_OK;
}

pqf_status pqf_report_add(pqf_report *report, const char *path, const char *rule,
                          int64_t count, const char *expected, const char *found,
                          int64_t row, const char *value) {
    pqf_error err;
    pqf_error_init(&err);
    return add(report, path, rule, count, expected, found, row, value, &err);
}

/* ---- reports of columns ---- */

pqf_status pqf_report_merge(pqf_report *into, const pqf_report *from, int64_t row_base) {
    for (int64_t i = 0; i < pqf_report_num_failures(from); i++) {
        const pqf_failure *f = failure_at(from, i);
        if (f->num_samples == 0 && !find(into, f->path, f->rule))
            TRY(pqf_report_add(into, f->path, f->rule, f->count, f->expected, f->found,
                               -1, NULL));
        for (int32_t k = 0; k < f->num_samples; k++)
            TRY(pqf_report_add(into, f->path, f->rule, k ? 0 : f->count, f->expected,
                               f->found, row_base + f->sample_rows[k],
                               f->sample_values[k]));
    }
    return PQF_OK;
}

/* ---- a report as an error ---- */

/* Words the first failure, for those who look at the error alone. */
static void word(const pqf_failure *f, int64_t row_base, char *text, size_t n) {
    const char *value = f->num_samples ? f->sample_values[0] : "";
    long long at = f->num_samples ? (long long)(row_base + f->sample_rows[0]) : -1;
    if (strcmp(f->rule, "null") == 0)
        snprintf(text, n,
                 "Column '%.120s' is declared non-nullable but contains nulls (row %lld)",
                 f->path, at);
    else if (strcmp(f->rule, "missing") == 0)
        snprintf(text, n, "Column '%.120s' is missing%s%.120s%s", f->path,
                 *f->found ? " (is it '" : "", f->found, *f->found ? "'?)" : "");
    else if (strcmp(f->rule, "extra") == 0)
        snprintf(text, n, "Column '%.120s' is not in the schema", f->path);
    else if (strcmp(f->rule, "duplicate") == 0)
        snprintf(text, n, "Column '%.120s' appears more than once", f->path);
    else if (strcmp(f->rule, "type") == 0)
        snprintf(text, n, "Column '%.120s' has the type %.150s, expected %.150s", f->path,
                 f->found, f->expected);
    else
        snprintf(text, n, "Column '%.120s': value %.200s in row %lld does not fit %.150s",
                 f->path, value, at, f->expected);
}

pqf_status pqf_report_fail(const pqf_report *report, int64_t row_base,
                           int64_t num_failures, pqf_error *err) {
    char text[600];
    word(pqf_report_failure(report, 0), row_base, text, sizeof text);
    if (num_failures == 1) return pqf_fail(err, PQF_SCHEMA, "%s", text);
    return pqf_fail(err, PQF_SCHEMA, "%s; %lld more", text, (long long)num_failures - 1);
}
