/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.c: the files of one partition, one after the other. Rows come in their order; a
 * file ends at max_rows rows, or after the row group that brings it to about target_bytes.
 *
 *   <folder>/<uuid>.parquet  <folder>/<uuid>-1.parquet  <folder>/<uuid>-2.parquet ...
 *
 * Where a file has a target its size is foretold at certain rows, "checks": what is sealed
 * counts as it is, what still waits by the ratio that the row group before showed. Which rows
 * these are follows from the rows before them alone, so the cuts depend neither on batches nor
 * on threads. A file's first row group may come out smaller than foretold; then another
 * one follows in the same file.
 */
#include "writing.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* A file that has reached 7/8 of its target is done: no row group of crumbs. */
#define REACHED(target) ((target) - (target) / 8)
/* Close to the target checks are 1/32 of it apart. */
#define STEPS_PER_TARGET 32
/* A row group's first guess assumes that nothing is compressed. */
#define LEAST_RATIO (1.0 / 64)
#define MOST_RATIO  2.0

/* Ticks of the writer go to the one call in progress, on whichever thread encodes it. */
static int relay_tick(void *context, int64_t done, int64_t total) {
    pqf_part *p = context;
    pqf_error ignored;
    (void)total;
    pqf_error_init(&ignored);
    if (!p->plan->many) atomic_store(&p->plan->run->done, p->rows_before + done);
    return pqf_run_poll(p->plan->run, p->worker, &ignored) != PQF_OK;
}

/* ---- names ---- */

static int print_path(const pqf_part *p, int64_t i, char *out, size_t cap) {
    char number[24] = "";
    if (i > 0) snprintf(number, sizeof number, "-%lld", (long long)i);
    return snprintf(out, cap, "%s%s%s%s.parquet", p->folder, *p->folder ? "/" : "",
                    p->plan->uuid, number);
}

pqf_status pqf_part_path(const pqf_part *p, int64_t i, pqf_arena *arena, const char **out,
                         pqf_error *err) {
    char path[PATH_MAX];
    int n = print_path(p, i, path, sizeof path);
    if (n < 0 || (size_t)n >= sizeof path)
        return pqf_fail_errno(err, ENAMETOOLONG, "cannot name a file");
    return pqf_arena_string(arena, pqf_bytes_of(path, (size_t)n), out, err);
}

static pqf_status full_path(const pqf_part *p, char out[PATH_MAX], pqf_error *err) {
    int n = snprintf(out, PATH_MAX, "%s/", p->plan->stage);
    if (n > 0 && n < PATH_MAX)
        n += print_path(p, p->num_files, out + n, (size_t)(PATH_MAX - n));
    if (n <= 0 || n + (int)sizeof PQF_STAGED > PATH_MAX)
        return pqf_fail_errno(err, ENAMETOOLONG, "cannot name a file");
    strcpy(out + n, PQF_STAGED);
    return PQF_OK;
}

/* ---- one file ---- */

pqf_status pqf_part_open(pqf_part *p, pqf_error *err) {
    const pqf_part_plan *plan = p->plan;
    pqf_sink_options sink_options = {.not_durable = true, /* synced together at the end */
                                     .close_between_writes = plan->many,
                                     .final_name = true};
    pqf_write_options options = *plan->options;
    char path[PATH_MAX];
    pqf_sink *sink;
    options.control.tick = relay_tick;
    options.control.tick_context = p;
    if (plan->many) options.control.num_threads = 1;
    TRY(full_path(p, path, err));
    TRY(pqf_sink_open_file(path, &sink_options, &sink, err));
    TRY(pqf_writer_open_sink(sink, plan->schema, &options, plan->mem, &p->writer, err));
    p->num_files++;
    p->file_rows = 0;
    p->check_rows = 1;
    return PQF_OK;
}

pqf_status pqf_part_finish(pqf_part *p, int worker, pqf_error *err) {
    if (!p->writer) return PQF_OK;
    p->worker = worker;
    if (p->plan->many) pqf_writer_lend_scratch(p->writer, &p->plan->scratch[worker]);
    TRY(pqf_writer_finish(p->writer, err));
    pqf_writer_free(p->writer); /* with thousands of files memory goes as they go */
    p->writer = NULL;
    p->rows_before += p->file_rows;
    return PQF_OK;
}

void pqf_part_reset(pqf_part *p) {
    pqf_writer_free(p->writer);
    p->writer = NULL;
}

void pqf_part_fold(pqf_part *p) {
    if (p->writer) pqf_writer_fold(p->writer);
}

/* ---- checks of a file with a target ---- */

static int64_t foretold(const pqf_part *p, int64_t sealed, int64_t pending) {
    double ratio = p->pending_ratio > 0 ? p->pending_ratio : 1;
    return pqf_writer_num_bytes(p->writer) + sealed + (int64_t)((double)pending * ratio);
}

/* Ends the row group, and learns what pending bytes come to. */
static pqf_status end_row_group(pqf_part *p, int64_t sealed, int64_t pending,
                                pqf_error *err) {
    int64_t before = pqf_writer_num_bytes(p->writer);
    TRY(pqf_writer_end_row_group(p->writer, err));
    int64_t written = pqf_writer_num_bytes(p->writer) - before - sealed;
    if (pending > 0) {
        double ratio = (double)written / (double)pending;
        p->pending_ratio = ratio < LEAST_RATIO  ? LEAST_RATIO
                           : ratio > MOST_RATIO ? MOST_RATIO
                                                : ratio;
    }
    return PQF_OK;
}

/* The first checks are at 1, 2, 4, 8, ... rows, for rows may be of any size; then halfway to
 * the target. */
static void set_next_check(pqf_part *p, int64_t bytes) {
    int64_t target = p->plan->target_bytes;
    double each = (double)bytes / (double)p->file_rows;
    double step = (double)pqf_max_i64(target - bytes, 0) / 2;
    double least = (double)target / STEPS_PER_TARGET;
    step = (step > least ? step : least) / (each > 0 ? each : 1);
    p->check_rows = p->file_rows + 1;
    if (step > 1) p->check_rows = p->file_rows + pqf_min_i64((int64_t)step, p->file_rows);
}

static pqf_status check_size(pqf_part *p, int worker, pqf_error *err) {
    int64_t target = p->plan->target_bytes, sealed, pending;
    pqf_writer_pending(p->writer, &sealed, &pending);
    int64_t bytes = foretold(p, sealed, pending);
    if (bytes >= target) {
        if (sealed + pending > 0) TRY(end_row_group(p, sealed, pending, err));
        bytes = pqf_writer_num_bytes(p->writer);
        if (bytes >= REACHED(target)) return pqf_part_finish(p, worker, err);
    }
    set_next_check(p, bytes);
    return PQF_OK;
}

/* ---- rows ---- */

static int64_t rows_to_stop(const pqf_part *p) {
    int64_t rows = INT64_MAX;
    if (p->plan->max_rows) rows = p->plan->max_rows - p->file_rows;
    if (p->plan->target_bytes) rows = pqf_min_i64(rows, p->check_rows - p->file_rows);
    return rows;
}

static pqf_status stop(pqf_part *p, int worker, pqf_error *err) {
    if (p->plan->max_rows && p->file_rows == p->plan->max_rows)
        return pqf_part_finish(p, worker, err);
    if (p->plan->target_bytes && p->file_rows == p->check_rows)
        return check_size(p, worker, err);
    return PQF_OK;
}

pqf_status pqf_part_put(pqf_part *p, const pqf_view *rows, int64_t start, int64_t n,
                        int worker, pqf_error *err) {
    p->worker = worker;
    while (n > 0) {
        if (!p->writer) TRY(pqf_part_open(p, err));
        if (p->plan->many) pqf_writer_lend_scratch(p->writer, &p->plan->scratch[worker]);
        int64_t step = pqf_min_i64(n, rows_to_stop(p));
        TRY(pqf_writer_put_view(p->writer, rows, start, step, err));
        p->file_rows += step;
        start += step;
        n -= step;
        TRY(stop(p, worker, err));
    }
    return PQF_OK;
}
