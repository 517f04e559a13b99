/* SPDX-License-Identifier: Apache-2.0
 *
 * read_ahead.c: a bounded read goes on while the caller works on a batch. In: a scan that has just handed
 * one out. Out: the same scan before the next pull, the first rows of the next batch decoded.
 *
 *     caller   pull ─┐ works on batch k ................. ┌─ pull: settle, the rest of k+1
 *     helper         └─ pause ─ first rows of batch k+1 ──┘
 *
 * From start to settle the scan belongs to the helper, which decodes as a pull does, with as many threads;
 * what it fails with is what the pull fails with. Nothing is decoded ahead where that would cost more than
 * it gives: for a caller who took one batch, who comes back at once, or whose batches are small, and where
 * memory is scarce. The pause lets the caller drop batch k-1 first, in whose memory batch k+1 can then be.
 */
#include "inner.h"

#include <time.h>

/* A caller who comes back sooner has no work that decoding could go along with. */
#define MIN_GAP_NS INT64_C(500000)
#define PAUSE_NS   INT64_C(250000)
/* Of a batch: fewer are decoded in about the time that it takes to tell somebody to do it. */
#define MIN_BYTES ((int64_t)PQF_PARALLEL_VALUES * 8)
/* What a caller's work does not expect to be in use beside it. */
#define AHEAD_BYTES ((int64_t)16 << 20)

int64_t pqf_ahead_test_rows;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the helper's side ---- */

static void decode_ahead(void *context) {
    pqf_ahead *a = context;
    pqf_error_init(&a->err);
    a->status = pqf_batches_fill(a->target, a->num_rows, &a->err);
}

/* ---- the caller's side ---- */

/* Not where more than a third of the budget is in use: the next batch might not fit before the caller has
 * dropped this one. */
static bool is_allowed(const pqf_scan *scan) {
    return scan->run.num_threads > 1 &&
           pqf_mem_left(scan->mem) / 2 >= pqf_mem_used(scan->mem);
}

static bool is_worth_it(const pqf_ahead *a, const pqf_scan *target) {
    return a->num_batches > 1 && a->gap_ns >= MIN_GAP_NS && target->num_leaves &&
           target->spec.batch_rows > MIN_BYTES / pqf_batches_row_bytes(target);
}

/* Few rows more than may be are as good as all of them. */
static int64_t rows_ahead(const pqf_scan *target) {
    int64_t all = target->spec.batch_rows;
    int64_t most = AHEAD_BYTES / pqf_batches_row_bytes(target) + 1;
    return most < all - all / 4 ? most : all;
}

static bool has_helper(pqf_ahead *a) {
    if (a->begun) return a->helper.has_thread;
    if (a->refused) return false;
    a->begun = pqf_helper_begin(&a->helper, decode_ahead, a);
    a->refused = !a->begun;
    return a->begun;
}

void pqf_ahead_start(pqf_scan *scan) {
    pqf_ahead *a = &scan->ahead;
    pqf_scan *target = scan->spec.adapts ? pqf_adapt_source(scan) : scan;
    bool is_test = pqf_ahead_test_rows > 0;
    a->num_batches++;
    a->handed_out_ns = now_ns();
    if (!target || !is_allowed(scan)) return;
    target->spec.batch_rows = scan->spec.batch_rows;
    if (!(is_test || is_worth_it(a, target)) || !has_helper(a)) return;
    target->run.is_ahead = true;
    a->target = target;
    a->num_rows = is_test ? pqf_min_i64(pqf_ahead_test_rows, target->spec.batch_rows)
                          : rows_ahead(target);
    a->status = PQF_OK;
    pqf_helper_post(&a->helper, is_test ? 0 : PAUSE_NS);
}

pqf_status pqf_ahead_settle(pqf_scan *scan, pqf_error *err) {
    pqf_ahead *a = &scan->ahead;
    pqf_status status = PQF_OK;
    a->gap_ns = now_ns() - a->handed_out_ns;
    if (!a->target) return PQF_OK;
    while (!pqf_helper_rests(&a->helper))
        if (status == PQF_OK) status = pqf_run_tick(&a->target->run, err);
    a->target->run.is_ahead = false;
    a->target = NULL;
    if (status == PQF_OK && a->status != PQF_OK) *err = a->err;
    return status == PQF_OK ? a->status : status;
}

void pqf_ahead_free(pqf_scan *scan) {
    pqf_ahead *a = &scan->ahead;
    if (a->target) atomic_store(&a->target->run.cancel, true);
    if (a->begun) pqf_helper_end(&a->helper);
    *a = (pqf_ahead){0};
}
