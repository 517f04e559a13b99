/* SPDX-License-Identifier: Apache-2.0
 *
 * shelf.c (room base): a stack of freed blocks per size class, taken from above, given up from below.
 */
#include "shelf.h"

#include "bits.h"
#include "bytes.h"
#include "mem.h"

#include <pthread.h>

#define LEAST_BITS  14 /* PQF_SHELF_LEAST and its slack have that many */
#define NUM_SHELVES ((20 - LEAST_BITS) * 8)
#define KEEP_FLOOR  ((size_t)4 << 20)
#define KEEP_MOST   ((size_t)128 << 20)
#define KEEP_NS     INT64_C(60000000000)

typedef struct shelf {
    pqf_shelved *top, *bottom;
} shelf;

static struct {
    pthread_mutex_t lock;
    size_t kept;      /* on the shelves */
    size_t used;      /* handed out */
    size_t most_used; /* since the shelves were last empty for want of use */
    shelf shelves[NUM_SHELVES];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

void pqf_shelf_lock(void) { pthread_mutex_lock(&all.lock); }
void pqf_shelf_unlock(void) { pthread_mutex_unlock(&all.lock); }

/* An eighth of the power of two below. */
static size_t step_of(size_t total) {
    return (size_t)1 << (pqf_bit_width(total) - 1 - 3);
}

/* At most 256 KiB + 32 KiB: size is below PQF_MEM_BIG, and the slack is less than a step. */
size_t pqf_shelf_bytes(size_t size) {
    size_t total = size + PQF_SLACK, step = step_of(total);
    return (total + step - 1) & ~(step - 1);
}

/* bytes has LEAST_BITS to 19 bits, so the shelf is 0 to NUM_SHELVES - 1. */
static shelf *shelf_of(size_t bytes) {
    int bits = pqf_bit_width(bytes);
    return &all.shelves[(bits - LEAST_BITS) * 8 + (int)(bytes >> (bits - 4) & 7)];
}

static void take_out(shelf *s, pqf_shelved *b) {
    *(b->above ? &b->above->below : &s->top) = b->below;
    *(b->below ? &b->below->above : &s->bottom) = b->above;
    all.kept -= b->bytes;
}

static void put_on_top(shelf *s, pqf_shelved *b) {
    b->above = NULL;
    b->below = s->top;
    *(s->top ? &s->top->above : &s->bottom) = b;
    s->top = b;
    all.kept += b->bytes;
}

/* The shelf whose lowest block was freed first; NULL: all are empty. */
static shelf *oldest_shelf(void) {
    shelf *oldest = NULL;
    for (shelf *s = all.shelves; s < all.shelves + NUM_SHELVES; s++)
        if (s->bottom && (!oldest || s->bottom->freed_ns < oldest->bottom->freed_ns))
            oldest = s;
    return oldest;
}

static size_t most_kept(void) {
    size_t most = all.most_used > KEEP_FLOOR ? all.most_used : KEEP_FLOOR;
    size_t left = most > all.used ? most - all.used : 0;
    return left < KEEP_MOST ? left : KEEP_MOST;
}

/* Takes the oldest block out, before the others of the chain. */
static void give_up_bottom(shelf *s, pqf_shelved **gone) {
    pqf_shelved *b = s->bottom;
    take_out(s, b);
    b->below = *gone;
    *gone = b;
}

/* Oldest first, those freed before `since` and those that are too much. */
static pqf_shelved *give_up(int64_t since) {
    pqf_shelved *gone = NULL;
    for (shelf *s; (s = oldest_shelf());) {
        if (all.kept <= most_kept() && s->bottom->freed_ns >= since) break;
        give_up_bottom(s, &gone);
    }
    return gone;
}

void *pqf_shelf_take(size_t bytes, pqf_shelved **gone) {
    pqf_shelf_lock();
    shelf *s = shelf_of(bytes);
    pqf_shelved *b = s->top;
    if (b) take_out(s, b);
    all.used += bytes;
    if (all.used > all.most_used) all.most_used = all.used;
    *gone = give_up(INT64_MIN);
    pqf_shelf_unlock();
    return b;
}

void pqf_shelf_unuse(size_t bytes) {
    pqf_shelf_lock();
    all.used -= bytes;
    pqf_shelf_unlock();
}

pqf_shelved *pqf_shelf_put(void *block, size_t bytes, int64_t now_ns) {
    pqf_shelved *b = block;
    pqf_shelf_lock();
    b->bytes = bytes;
    b->freed_ns = now_ns;
    all.used -= bytes;
    put_on_top(shelf_of(bytes), b);
    pqf_shelved *gone = give_up(now_ns - KEEP_NS);
    if (gone && all.kept == bytes) all.most_used = all.used + bytes;
    pqf_shelf_unlock();
    return gone;
}

pqf_shelved *pqf_shelf_clear(void) {
    pqf_shelved *gone = NULL;
    pqf_shelf_lock();
    for (shelf *s = all.shelves; s < all.shelves + NUM_SHELVES; s++)
        while (s->bottom)
            give_up_bottom(s, &gone);
    pqf_shelf_unlock();
    return gone;
}
