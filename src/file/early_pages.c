/* SPDX-License-Identifier: Apache-2.0
 *
 * early_pages.c (room file): decompression of one column chunk by several threads. With one task per
 * (row group, leaf) the chunk that takes longest decides how long all of them take.
 *
 *   headers ─► pages that come ─┬─ unsealed by whoever has no leaf ─┬─► owner: levels, values, in order
 *                               └─ or by the owner: nobody began it ┘
 *
 * The owner is the worker that decodes the leaf; it alone touches the chunk reader, and waits only for a
 * page that somebody is at work on. A page that could not be unsealed here is one that nobody began: so
 * failures, and memory that is short, look as they do on one thread.
 */
#include "inner.h"

typedef enum page_state {
    PAGE_FREE,
    PAGE_WAITS, /* found, not begun */
    PAGE_IN_WORK,
    PAGE_READY,
    PAGE_TAKEN, /* its owner reads it */
} page_state;

typedef struct early_slot {
    page_state state;
    int64_t offset; /* of the page's body in the file; -1: somebody reads its header */
    int64_t held_bytes; /* that its page has, or is to have */
    pqf_early_page *page;
} early_slot;

struct pqf_early_leaf {
    pqf_early *early;
    pqf_early_leaf *next;
    pqf_early_walk *walk;
    bool ended;    /* no more pages are found */
    int64_t at;    /* offset of the page that the owner came to last */
    int num_begun; /* slots that others are at work on */
    int num_slots;
    early_slot slots[];
};

int64_t pqf_early_test_divisor = 1;
_Atomic int64_t pqf_early_test_taken;

void pqf_early_begin(pqf_early *early, pqf_scan *scan, int64_t num_leaves) {
    *early = (pqf_early){.scan = scan, .leaves_left = num_leaves};
    pqf_gate_init(&early->gate);
}

void pqf_early_end(pqf_early *early) { pqf_gate_reset(&early->gate); }

/* ---- unsealing ---- */

/* Of several the one with the most memory. */
static early_slot *slot_in(pqf_early_leaf *leaf, page_state state) {
    early_slot *found = NULL;
    for (int i = 0; i < leaf->num_slots; i++) {
        early_slot *slot = &leaf->slots[i];
        if (slot->state != state) continue;
        if (!found || slot->held_bytes > found->held_bytes) found = slot;
    }
    return found;
}

/* Locked. */
static void hold(pqf_early *early, early_slot *slot, int64_t num_bytes) {
    early->held_bytes += num_bytes - slot->held_bytes;
    slot->held_bytes = num_bytes;
}

/* Locked. */
static void trim_slot(pqf_early *early, early_slot *slot) {
    pqf_early_page_trim(slot->page);
    hold(early, slot, 0);
}

/* Locked. Its memory stays for the next page, unless it is much. */
static void free_slot(pqf_early *early, early_slot *slot) {
    slot->state = PAGE_FREE;
    if (slot->held_bytes > PQF_EARLY_THREAD_BYTES / 2) trim_slot(early, slot);
}

/* Locked; unlocks while it reads the next header. One at a time: the walk goes forward. */
static bool find_page(pqf_early_leaf *leaf) {
    pqf_early *early = leaf->early;
    early_slot *slot = leaf->ended ? NULL : slot_in(leaf, PAGE_FREE);
    if (!slot) return false;
    slot->state = PAGE_WAITS;
    slot->offset = -1;
    leaf->num_begun++;
    pqf_gate_unlock(&early->gate);
    int64_t offset = pqf_early_walk_next(leaf->walk, slot->page);
    pqf_gate_lock(&early->gate);
    leaf->num_begun--;
    slot->offset = offset;
    leaf->ended = offset < 0;
    if (leaf->ended) free_slot(early, slot);
    pqf_gate_ring(&early->gate);
    return true;
}

static bool may_hold(const pqf_early *early, int64_t num_bytes) {
    int64_t most = early->scan->run.num_threads * PQF_EARLY_THREAD_BYTES;
    most = pqf_min_i64(most, PQF_EARLY_MAX_BYTES);
    most = pqf_min_i64(most, pqf_mem_left(early->scan->mem) / 8);
    return num_bytes <= most;
}

/* Locked. Memory that is kept for later pages goes first. */
static bool make_room(pqf_early *early, early_slot *slot) {
    int64_t more = pqf_early_page_bytes(slot->page) - slot->held_bytes;
    for (pqf_early_leaf *l = early->leaves; l; l = l->next)
        for (int i = 0; i < l->num_slots; i++) {
            if (may_hold(early, early->held_bytes + more)) break;
            if (l->slots[i].state == PAGE_FREE) trim_slot(early, &l->slots[i]);
        }
    if (!may_hold(early, early->held_bytes + more)) return false;
    hold(early, slot, slot->held_bytes + more);
    return true;
}

/* Locked; unlocks while it works. */
static void unseal(pqf_early_leaf *leaf, early_slot *slot, int worker) {
    pqf_early *early = leaf->early;
    pqf_error ignored;
    pqf_error_init(&ignored);
    slot->state = PAGE_IN_WORK;
    leaf->num_begun++;
    pqf_gate_unlock(&early->gate);
    pqf_status status = pqf_early_page_unseal(leaf->walk, slot->page,
                                              &early->scan->scratch[worker], &ignored);
    pqf_gate_lock(&early->gate);
    leaf->num_begun--;
    slot->state = PAGE_READY;
    if (status != PQF_OK) free_slot(early, slot);
    pqf_gate_ring(&early->gate);
}

/* Locked; unlocks while it works, and then `leaf` may be gone. False: there was nothing to do for it. */
static bool unseal_one(pqf_early_leaf *leaf, int worker) {
    early_slot *slot = slot_in(leaf, PAGE_WAITS);
    if (!slot) return find_page(leaf);
    if (slot->offset < 0) return false;
    if (slot->offset <= leaf->at)
        free_slot(leaf->early, slot);
    else if (make_room(leaf->early, slot))
        unseal(leaf, slot, worker);
    else
        return false;
    return true;
}

static bool unseal_any(pqf_early *early, int worker) {
    for (pqf_early_leaf *l = early->leaves; l; l = l->next)
        if (unseal_one(l, worker)) return true;
    return false;
}

/* Locked. */
static pqf_status poll_unlocked(pqf_early *early, int worker, pqf_error *err) {
    pqf_gate_unlock(&early->gate);
    pqf_status status = pqf_run_poll(&early->scan->run, worker, err);
    pqf_gate_lock(&early->gate);
    return status;
}

/* ---- the owner ---- */

/* Locked. What stands before the page is not needed any more. */
static early_slot *come_to(pqf_early_leaf *leaf, int64_t offset) {
    early_slot *found = NULL;
    leaf->at = offset;
    for (int i = 0; i < leaf->num_slots; i++) {
        early_slot *slot = &leaf->slots[i];
        if (slot->state == PAGE_IN_WORK || slot->state == PAGE_READY) {
            if (slot->offset == offset) found = slot;
            if (slot->state == PAGE_READY && slot->offset < offset)
                free_slot(leaf->early, slot);
        } else if (slot->state == PAGE_TAKEN) {
            free_slot(leaf->early, slot);
        }
    }
    return found;
}

static bool is_in(const early_slot *slot, page_state state, int64_t offset) {
    return slot && slot->state == state && slot->offset == offset;
}

static pqf_status take(void *context, int64_t offset, int worker, pqf_early_page **out,
                       pqf_error *err) {
    pqf_early_leaf *leaf = context;
    pqf_early *early = leaf->early;
    pqf_status status = PQF_OK;
    *out = NULL;
    pqf_gate_lock(&early->gate);
    early_slot *slot = come_to(leaf, offset);
    pqf_gate_ring(&early->gate);
    while (is_in(slot, PAGE_IN_WORK, offset) && status == PQF_OK) {
        if (!unseal_any(early, worker)) pqf_gate_wait(&early->gate);
        status = poll_unlocked(early, worker, err);
    }
    if (is_in(slot, PAGE_READY, offset)) {
        slot->state = PAGE_TAKEN;
        *out = slot->page;
        atomic_fetch_add_explicit(&pqf_early_test_taken, 1, memory_order_relaxed);
    }
    pqf_gate_unlock(&early->gate);
    return status;
}

static void free_leaf(pqf_early_leaf *leaf) {
    pqf_mem *mem = leaf->early->scan->mem;
    for (int i = 0; i < leaf->num_slots; i++)
        pqf_early_page_free(leaf->slots[i].page);
    pqf_early_walk_free(leaf->walk);
    pqf_mem_free(mem, leaf, sizeof *leaf + (size_t)leaf->num_slots * sizeof(early_slot));
}

static pqf_status new_leaf(pqf_early *early, const pqf_chunk_reader *reader,
                           pqf_early_leaf **out, pqf_error *err) {
    void *block;
    pqf_mem *mem = early->scan->mem;
    int num_slots = 2 * early->scan->run.num_threads + 2;
    TRY(pqf_mem_zalloc(mem,
                       sizeof(pqf_early_leaf) + (size_t)num_slots * sizeof(early_slot),
                       &block, err));
    pqf_early_leaf *leaf = *out = block;
    leaf->early = early;
    leaf->num_slots = num_slots;
    leaf->at = -1;
    TRY(pqf_early_walk_new(reader, &leaf->walk, err));
    for (int i = 0; i < num_slots; i++)
        TRY(pqf_early_page_new(mem, &leaf->slots[i].page, err));
    return PQF_OK;
}

pqf_early_leaf *pqf_early_open(pqf_early *early, pqf_chunk_reader *reader) {
    pqf_early_leaf *leaf = NULL;
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (new_leaf(early, reader, &leaf, &ignored) != PQF_OK) {
        if (leaf) free_leaf(leaf);
        return NULL;
    }
    pqf_chunk_reader_set_early(reader, take, leaf);
    pqf_gate_lock(&early->gate);
    leaf->next = early->leaves;
    early->leaves = leaf;
    pqf_gate_ring(&early->gate);
    pqf_gate_unlock(&early->gate);
    return leaf;
}

void pqf_early_close(pqf_early_leaf *leaf) {
    if (!leaf) return;
    pqf_early *early = leaf->early;
    pqf_gate_lock(&early->gate);
    pqf_early_leaf **link = &early->leaves;
    while (*link != leaf)
        link = &(*link)->next;
    *link = leaf->next;
    leaf->at = INT64_MAX; /* nothing more is begun */
    while (leaf->num_begun)
        pqf_gate_wait(&early->gate);
    for (int i = 0; i < leaf->num_slots; i++)
        trim_slot(early, &leaf->slots[i]);
    pqf_gate_ring(&early->gate);
    pqf_gate_unlock(&early->gate);
    free_leaf(leaf);
}

void pqf_early_leaf_ends(pqf_early *early, bool is_large, bool failed) {
    pqf_gate_lock(&early->gate);
    early->leaves_left -= is_large;
    early->stops |= failed;
    pqf_gate_ring(&early->gate);
    pqf_gate_unlock(&early->gate);
}

/* ---- who has no leaf ---- */

pqf_status pqf_early_help(pqf_early *early, int worker, pqf_error *err) {
    pqf_status status = PQF_OK;
    pqf_gate_lock(&early->gate);
    while (status == PQF_OK && early->leaves_left > 0 && !early->stops) {
        if (!unseal_any(early, worker)) pqf_gate_wait(&early->gate);
        status = poll_unlocked(early, worker, err);
    }
    pqf_gate_unlock(&early->gate);
    return status;
}
