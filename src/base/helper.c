/* SPDX-License-Identifier: Apache-2.0
 *
 * helper.c (room base): threads that outlive a call, and what they need to do so: fork waits for them.
 *
 * Locks: that of the list, then those of helpers. fork takes them all, so in the child nobody holds one, and
 * no job is halfway done.
 */
#include "helper.h"

#include <time.h>

static struct {
    pthread_mutex_t lock;
    pqf_helper *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* ---- fork ---- */

static void before_fork(void) {
    pthread_mutex_lock(&all.lock);
    for (pqf_helper *h = all.first; h; h = h->after) {
        pqf_gate_lock(&h->gate);
        while (h->state == PQF_HELPER_WORKING)
            pqf_gate_wait(&h->gate);
    }
}

static void release_all(void) {
    for (pqf_helper *h = all.first; h; h = h->after)
        pqf_gate_unlock(&h->gate);
    pthread_mutex_unlock(&all.lock);
}

/* Conditions that somebody waited for in the parent are made anew: that is all there is to free of them. */
static void in_child(void) {
    for (pqf_helper *h = all.first; h; h = h->after) {
        h->has_thread = false;
        pthread_cond_init(&h->gate.bell, NULL);
    }
    release_all();
}

static void watch_forks(void) {
    (void)pthread_atfork(before_fork, release_all, in_child);
}

/* ---- the thread ---- */

static void sleep_ns(int64_t ns) {
    struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    if (ns > 0) nanosleep(&time, NULL);
}

/* Locked, a job is posted. It is begun if it is still the one that is posted when its delay is over. */
static void do_job(pqf_helper *h) {
    int64_t post = h->num_posts, delay_ns = h->delay_ns;
    pqf_gate_unlock(&h->gate);
    sleep_ns(delay_ns);
    pqf_gate_lock(&h->gate);
    if (h->stop || h->state != PQF_HELPER_POSTED || h->num_posts != post) return;
    h->state = PQF_HELPER_WORKING;
    pqf_gate_unlock(&h->gate);
    h->fn(h->context);
    pqf_gate_lock(&h->gate);
    h->state = PQF_HELPER_REST;
    pqf_gate_ring(&h->gate);
}

static void *helper_main(void *arg) {
    pqf_helper *h = arg;
    pqf_gate_lock(&h->gate);
    while (!h->stop) {
        if (h->state == PQF_HELPER_POSTED)
            do_job(h);
        else
            pthread_cond_wait(&h->gate.bell, &h->gate.lock);
    }
    pqf_gate_unlock(&h->gate);
    return NULL;
}

/* ---- the owner's side ---- */

static void enlist(pqf_helper *h) {
    h->before = NULL;
    h->after = all.first;
    if (h->after) h->after->before = h;
    all.first = h;
}

static void unlist(pqf_helper *h) {
    if (h->before)
        h->before->after = h->after;
    else
        all.first = h->after;
    if (h->after) h->after->before = h->before;
}

bool pqf_helper_begin(pqf_helper *h, pqf_helper_fn fn, void *context) {
    pthread_once(&fork_once, watch_forks);
    *h = (pqf_helper){.fn = fn, .context = context};
    pqf_gate_init(&h->gate);
    pthread_mutex_lock(
        &all.lock); /* no fork between the thread and its place in the list */
    h->has_thread = pqf_thread_begin(&h->thread, helper_main, h);
    if (h->has_thread) enlist(h);
    pthread_mutex_unlock(&all.lock);
    if (!h->has_thread) pqf_gate_reset(&h->gate);
    return h->has_thread;
}

void pqf_helper_end(pqf_helper *h) {
    pqf_gate_lock(&h->gate);
    h->stop = true;
    pqf_gate_ring(&h->gate);
    bool has_thread = h->has_thread;
    pqf_gate_unlock(&h->gate);
    if (has_thread) pthread_join(h->thread, NULL);
    pthread_mutex_lock(&all.lock);
    unlist(h);
    pthread_mutex_unlock(&all.lock);
    pqf_gate_reset(&h->gate);
}

void pqf_helper_post(pqf_helper *h, int64_t delay_ns) {
    pqf_gate_lock(&h->gate);
    h->state = PQF_HELPER_POSTED;
    h->delay_ns = delay_ns;
    h->num_posts++;
    pqf_gate_ring(&h->gate);
    pqf_gate_unlock(&h->gate);
}

bool pqf_helper_rests(pqf_helper *h) {
    pqf_gate_lock(&h->gate);
    if (h->state == PQF_HELPER_POSTED) h->state = PQF_HELPER_REST;
    if (h->state == PQF_HELPER_WORKING) pqf_gate_wait(&h->gate);
    bool rests = h->state == PQF_HELPER_REST;
    pqf_gate_unlock(&h->gate);
    return rests;
}
