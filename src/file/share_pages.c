/* SPDX-License-Identifier: Apache-2.0
 *
 * share_pages.c (room file): compression of one column by several threads. With one task per leaf
 * the column that takes longest decides how long all of them take.
 *
 *   owner: rows ─► pages that wait ─┬─ sealed by whoever has no leaf ─┬─► owner: chunk, in order
 *                                   └─ or by the owner: too many wait ┘
 *
 * The owner is the worker that encodes the leaf; it alone touches the chunk writer. What waits are
 * copies, so only leaves that are large beside the others hold pages; which ones makes no difference
 * to the bytes of the file. Owners wait only for pages that somebody is at work on.
 */
#include "inner.h"

typedef enum page_state { PAGE_WAITS, PAGE_IN_WORK, PAGE_SEALED, PAGE_FAILED } page_state;

typedef struct shared_page {
    pqf_held_page *page;
    page_state state;
} shared_page;

static shared_page *pages_of(const pqf_share *s, int64_t *n) {
    *n = (int64_t)(s->pages.len / sizeof(shared_page));
    return (shared_page *)(void *)s->pages.data;
}

/* More than a thread's share: the others would have nothing left to do in the end. So they are fewer
 * than threads. */
static bool is_large(const pqf_group_writer *w, int32_t leaf, int64_t num_bytes) {
    return num_bytes >= PQF_HELD_MIN_BYTES && w->run->num_threads > 1 &&
           w->leaf_bytes[leaf] > num_bytes / w->run->num_threads;
}

void pqf_group_share(pqf_group_writer *w, int64_t num_bytes) {
    w->num_shares = 0;
    w->held_bytes = 0;
    w->failed_leaf = INT32_MAX;
    for (int32_t l = 0; l < w->num_leaves; l++) {
        bool shares = is_large(w, l, num_bytes) && w->num_shares < w->max_shares;
        pqf_chunk_writer_hold(w->chunks[l], shares);
        if (!shares) continue;
        pqf_share *s = &w->shares[w->num_shares++];
        s->leaf = l;
        s->pages.len = 0;
        s->next = 0;
    }
}

pqf_share *pqf_group_share_of(const pqf_group_writer *w, int32_t leaf) {
    for (int i = 0; i < w->num_shares; i++)
        if (w->shares[i].leaf == leaf) return &w->shares[i];
    return NULL;
}

/* ---- sealing ---- */

static pqf_status seal(pqf_group_writer *w, int32_t leaf, pqf_held_page *page, int worker,
                       pqf_error *err) {
    return pqf_chunk_writer_seal(w->chunks[leaf], page, &w->scratch[worker], w->run,
                                 worker, err);
}

/* Of several failures the one of the first leaf is kept, and of its first page: its owner looks at them
 * in order. */
static void note_failure(pqf_group_writer *w, int32_t leaf, int64_t page,
                         const pqf_error *err) {
    if (leaf > w->failed_leaf || (leaf == w->failed_leaf && page > w->failed_page))
        return;
    w->failed_leaf = leaf;
    w->failed_page = page;
    w->page_err = *err;
}

/* Locked; unlocks while it works. False: no page of the leaf waits. */
static bool seal_one(pqf_group_writer *w, pqf_share *s, int worker) {
    int64_t n, i = s->next;
    shared_page *pages = pages_of(s, &n);
    if (i >= n) return false;
    pqf_held_page *page = pages[i].page;
    int64_t number = s->num_taken + i;
    pqf_error err;
    pages[i].state = PAGE_IN_WORK;
    s->next++;
    w->held_bytes -= pqf_held_page_bytes(page);
    pqf_gate_unlock(&w->flow.gate);
    pqf_error_init(&err);
    pqf_status status = seal(w, s->leaf, page, worker, &err);
    pqf_gate_lock(&w->flow.gate);
    pages_of(s, &n)[number - s->num_taken].state =
        status == PQF_OK ? PAGE_SEALED : PAGE_FAILED;
    if (status != PQF_OK) note_failure(w, s->leaf, number, &err);
    pqf_gate_ring(&w->flow.gate);
    return true;
}

bool pqf_group_seal_one(pqf_group_writer *w, int worker) {
    for (int i = 0; i < w->num_shares; i++)
        if (seal_one(w, &w->shares[i], worker)) return true;
    return false;
}

/* ---- the owner ---- */

/* Pages that were cut since the last time. */
static pqf_status offer(pqf_group_writer *w, pqf_share *s, pqf_error *err) {
    int64_t n;
    (void)pages_of(s, &n);
    int64_t num_held = pqf_chunk_writer_num_held(w->chunks[s->leaf]);
    for (int64_t i = n; i < num_held; i++) {
        shared_page p = {pqf_chunk_writer_held(w->chunks[s->leaf], i), PAGE_WAITS};
        TRY(pqf_buf_put(&s->pages, &p, sizeof p, err));
        w->held_bytes += pqf_held_page_bytes(p.page);
    }
    if (num_held > n) pqf_gate_ring(&w->flow.gate);
    return PQF_OK;
}

/* One by one, so that large pages go on as they are. */
static pqf_status hand_back(pqf_group_writer *w, int32_t leaf, int64_t num_pages,
                            pqf_error *err) {
    for (int64_t i = 0; i < num_pages; i++) {
        TRY(pqf_chunk_writer_take_held(w->chunks[leaf], 1, err));
        TRY(pqf_group_hand_on(w, leaf, PQF_SHARED_BLOCK_BYTES, err));
    }
    return PQF_OK;
}

/* Locked. Pages at the front that are sealed go back to the chunk. */
static pqf_status take_back(pqf_group_writer *w, pqf_share *s, pqf_error *err) {
    int64_t n, done = 0;
    shared_page *pages = pages_of(s, &n);
    while (done < n && pages[done].state == PAGE_SEALED)
        done++;
    if (done < n && pages[done].state == PAGE_FAILED) {
        *err = w->page_err;
        return err->status;
    }
    if (!done) return PQF_OK;
    pqf_gate_unlock(&w->flow.gate);
    pqf_status status = hand_back(w, s->leaf, done, err);
    pqf_gate_lock(&w->flow.gate);
    size_t bytes = (size_t)done * sizeof *pages;
    s->pages.len -= bytes;
    memmove(s->pages.data, s->pages.data + bytes, s->pages.len);
    s->next -= done;
    s->num_taken += done;
    return status;
}

/* Locked. While pages were handed back, without the lock, the next may have been sealed: nobody rings for it
 * again. */
static bool front_is_in_work(const pqf_share *s) {
    int64_t n;
    const shared_page *pages = pages_of(s, &n);
    return n > 0 && pages[0].state == PAGE_IN_WORK;
}

/* Locked. True: look again. */
static bool work_on(pqf_group_writer *w, pqf_share *s, bool all, int worker) {
    if (!all && w->held_bytes <= PQF_HELD_MAX_BYTES) return false;
    if (all && !s->pages.len) return false;
    if (seal_one(w, s, worker) || pqf_group_seal_one(w, worker)) return true;
    if (!all) return false;
    if (front_is_in_work(s)) pqf_gate_wait(&w->flow.gate);
    return true;
}

pqf_status pqf_group_tend_pages(pqf_group_writer *w, pqf_share *s, bool all, int worker,
                                pqf_error *err) {
    pqf_gate_lock(&w->flow.gate);
    pqf_status status = offer(w, s, err);
    bool more = true;
    while (status == PQF_OK && more) {
        status = take_back(w, s, err);
        if (status == PQF_OK) more = work_on(w, s, all, worker);
        if (status == PQF_OK) status = pqf_group_poll(w, worker, err);
    }
    pqf_gate_unlock(&w->flow.gate);
    return status;
}

/* ---- who has no leaf ---- */

pqf_status pqf_group_poll(pqf_group_writer *w, int worker, pqf_error *err) {
    pqf_gate_unlock(&w->flow.gate);
    pqf_status status = pqf_run_poll(w->run, worker, err);
    pqf_gate_lock(&w->flow.gate);
    return status;
}

pqf_status pqf_group_help(pqf_group_writer *w, int worker, pqf_error *err) {
    pqf_status status = PQF_OK;
    pqf_gate_lock(&w->flow.gate);
    while (status == PQF_OK && w->leaves_left > 0 && !w->stops) {
        if (!pqf_group_seal_one(w, worker) &&
            !pqf_flow_write(&w->flow, PQF_WRITE_BYTES, worker)) {
            w->num_idle++;
            pqf_gate_wait(&w->flow.gate);
            w->num_idle--;
        }
        status = pqf_group_poll(w, worker, err);
    }
    pqf_gate_unlock(&w->flow.gate);
    return status;
}
