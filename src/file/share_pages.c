/* SPDX-License-Identifier: Apache-2.0
 *
 * share_pages.c (room file): compression of one column by several threads. With one task per leaf
 * the column that takes longest decides how long all of them take.
 *
 *   leaves, one task each ─► pages of the large ones wait ─► pages, one task each ─► chunks
 *
 * What waits are copies, so only leaves that are large beside the others hold pages; which ones makes
 * no difference to the bytes of the file.
 */
#include "inner.h"

#include <stdlib.h>

/* Of a leaf (page: 0) or of a page that waits. */
typedef struct load {
    int64_t bytes;
    int64_t page;
    int64_t leaf;
} load;

static int compare_loads(const void *a, const void *b) {
    const load *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    if (x->leaf != y->leaf) return x->leaf < y->leaf ? -1 : 1;
    return (x->page > y->page) - (x->page < y->page);
}

static load *sorted_loads(pqf_group_writer *w, int64_t *n) {
    *n = (int64_t)(w->loads.len / sizeof(load));
    if (*n > 1) qsort(w->loads.data, (size_t)*n, sizeof(load), compare_loads);
    return (load *)(void *)w->loads.data;
}

/* More than a thread's share: the others would have nothing left to do in the end. */
static bool is_large(const pqf_group_writer *w, int32_t leaf, int64_t num_bytes) {
    return w->leaf_bytes[leaf] > num_bytes / w->run->num_threads;
}

bool pqf_group_would_hold(const pqf_group_writer *w, int64_t num_bytes) {
    bool found = false;
    for (int32_t l = 0; l < w->num_leaves && num_bytes >= PQF_HELD_MIN_BYTES; l++)
        found |= is_large(w, l, num_bytes);
    return found;
}

void pqf_group_hold(pqf_group_writer *w, int64_t num_bytes) {
    bool fits = num_bytes <= 2 * PQF_HELD_MAX_BYTES;
    for (int32_t l = 0; l < w->num_leaves; l++)
        pqf_chunk_writer_hold(w->chunks[l], fits && is_large(w, l, num_bytes));
}

/* The failure that is reported is the one of the first leaf, in whatever order they began. */
pqf_status pqf_group_run_leaves(pqf_group_writer *w, pqf_task_fn fn, void *context,
                                pqf_error *err) {
    int64_t n;
    w->loads.len = 0;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        load leaf = {.bytes = w->leaf_bytes[l], .leaf = l};
        TRY(pqf_buf_put(&w->loads, &leaf, sizeof leaf, err));
    }
    const load *loads = sorted_loads(w, &n);
    /* the order takes the place of the loads: each of its entries is smaller and stands before */
    int64_t *order = (int64_t *)(void *)w->loads.data;
    for (int64_t i = 0; i < n; i++) {
        int64_t leaf = loads[i].leaf;
        order[i] = leaf;
    }
    return pqf_run_tasks(w->run, n, order, fn, context, err);
}

static pqf_status seal_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_group_writer *w = context;
    const load *page = (const load *)(void *)w->loads.data + task;
    if (pqf_chunk_writer_seal(w->chunks[page->leaf], page->page, &w->scratch[worker],
                              w->run, worker, err) == PQF_OK)
        return PQF_OK;
    return pqf_error_at_row_group(err, (int64_t)(w->groups.len / sizeof(pqf_row_group)));
}

static pqf_status list_pages(pqf_group_writer *w, pqf_error *err) {
    w->loads.len = 0;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        int64_t num_pages = pqf_chunk_writer_num_held(w->chunks[l]);
        for (int64_t p = 0; p < num_pages; p++) {
            load page = {pqf_chunk_writer_held_bytes(w->chunks[l], p), p, l};
            TRY(pqf_buf_put(&w->loads, &page, sizeof page, err));
        }
    }
    return PQF_OK;
}

pqf_status pqf_group_seal_held(pqf_group_writer *w, pqf_error *err) {
    int64_t n;
    TRY(list_pages(w, err));
    (void)sorted_loads(w, &n);
    TRY(pqf_run_tasks(w->run, n, NULL, seal_task, w, err));
    for (int32_t l = 0; l < w->num_leaves; l++) {
        pqf_chunk_writer_hold(w->chunks[l], false);
        if (pqf_chunk_writer_take_held(w->chunks[l], err) != PQF_OK)
            return pqf_error_at_column(err, w->schema->tree.leaves[l].path);
    }
    return PQF_OK;
}
