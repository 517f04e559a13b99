/* SPDX-License-Identifier: Apache-2.0
 *
 * join.c (room file): several batches as one. Many small files, or row groups of few rows, would become as many
 * batches, and whoever takes them pays for each: its schema, its arrays, its release. In a whole read
 * neighbours that are small become one batch; what is joined is copied, so only what a copy costs less than.
 *
 *   rows   10   10   10 | 1,000,000 | 10   10        of the batches of one wave of files
 *          └── one ──┘     as it is   └ one ┘
 */
#include "inner.h"

#define SMALL_ROWS  2048
#define JOINED_ROWS 65536
/* Of a join: beyond it memory would be needed twice for something that is not small. */
#define JOINED_BYTES ((int64_t)4 << 20)

static pqf_status view_all(pqf_scan *scan, const struct ArrowArray *batches, int64_t n,
                           pqf_arena *arena, pqf_view **out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(pqf_view), &block, err));
    *out = block;
    for (int64_t i = 0; i < n; i++)
        TRY(pqf_view_init(&(*out)[i], scan->spec.schema, &batches[i], false, arena, err));
    return PQF_OK;
}

static int64_t bytes_of(const pqf_view *views, int64_t n) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < n && bytes <= JOINED_BYTES; i++)
        bytes += pqf_view_data_bytes(&views[i], 0, views[i].length);
    return bytes;
}

pqf_status pqf_scan_concat(pqf_scan *scan, const struct ArrowArray *batches, int64_t n,
                           int64_t most_bytes, struct ArrowArray *out, pqf_error *err) {
    pqf_arena arena;
    pqf_view *views = NULL;
    out->release = NULL;
    pqf_arena_init(&arena, scan->mem);
    pqf_status status = view_all(scan, batches, n, &arena, &views, err);
    if (status == PQF_OK && (most_bytes == INT64_MAX || bytes_of(views, n) <= most_bytes))
        status = pqf_array_concat(views, n, scan->mem, out, err);
    pqf_arena_reset(&arena);
    return status;
}

/* The batches behind `first` that go with it, and it: 1 and more. */
static int64_t count_neighbours(const struct ArrowArray *batches, int64_t first,
                                int64_t n) {
    int64_t rows = 0, i = first;
    while (i < n && batches[i].length <= SMALL_ROWS && rows < JOINED_ROWS)
        rows += batches[i++].length;
    return i == first ? 1 : i - first;
}

/* Into the first of them; the others have no `release` then. Where offsets or the indexes of a dictionary
 * do not reach, all stay as they are. */
static pqf_status join(pqf_scan *scan, struct ArrowArray *batches, int64_t n,
                       pqf_error *err) {
    struct ArrowArray joined;
    pqf_status status = pqf_scan_concat(scan, batches, n, JOINED_BYTES, &joined, err);
    if (status == PQF_LIMIT) {
        pqf_error_init(err);
        return PQF_OK;
    }
    if (status != PQF_OK || !joined.release) return status;
    for (int64_t i = 0; i < n; i++)
        pqf_array_release(&batches[i]);
    batches[0] = joined;
    return PQF_OK;
}

static bool has_dictionary(const struct ArrowSchema *schema) {
    if (schema->dictionary) return true;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (has_dictionary(schema->children[i])) return true;
    return false;
}

/* Of the files, whose dictionaries are told apart: the order of categories, and which of them are in use. That
 * of a constant, behind the columns, is the same in all batches. */
static bool has_own_dictionaries(const pqf_scan *scan) {
    const struct ArrowSchema *schema = scan->spec.schema;
    for (int64_t i = 0; i < schema->n_children - scan->spec.num_constants; i++)
        if (has_dictionary(schema->children[i])) return true;
    return false;
}

typedef struct join_job {
    pqf_scan *scan;
    struct ArrowArray *batches;
    const int64_t *firsts; /* of each join its first batch, and the end of the last */
} join_job;

static pqf_status join_task(void *context, int64_t task, int worker, pqf_error *err) {
    const join_job *job = context;
    int64_t first = job->firsts[task], n = job->firsts[task + 1] - first;
    TRY(pqf_run_poll(&job->scan->run, worker, err));
    return n > 1 ? join(job->scan, job->batches + first, n, err) : PQF_OK;
}

pqf_status pqf_scan_join_small(pqf_scan *scan, struct ArrowArray *batches, int64_t n,
                               pqf_error *err) {
    void *block;
    if (n < 2 || has_own_dictionaries(scan)) return PQF_OK;
    TRY(pqf_arena_array(&scan->arena, (size_t)n + 1, sizeof(int64_t), &block, err));
    int64_t *firsts = block, num_joins = 0;
    for (int64_t i = 0; i < n; i += count_neighbours(batches, i, n))
        firsts[num_joins++] = i;
    firsts[num_joins] = n;
    if (num_joins == n) return PQF_OK;
    join_job job = {scan, batches, firsts};
    return pqf_run_tasks(&scan->run, num_joins, NULL, join_task, &job, err);
}
