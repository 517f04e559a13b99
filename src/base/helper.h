/* SPDX-License-Identifier: Apache-2.0
 *
 * helper.h: one thread that does a job while its owner is elsewhere: between two calls. It sleeps on a
 * condition when there is none. Only the room file starts one.
 *
 *            post              the helper begins           the job has returned
 *     rest ────────► posted ──────────────────► working ─────────────────────────► rest
 *       ▲               │
 *       └─── withdrawn ─┘   by pqf_helper_rests, or in a forked child
 *
 * A process may fork at any time: fork waits until all helpers are at rest or have not begun. The child
 * has no helpers; there a job that is posted waits until it is withdrawn, so that its owner does the work.
 */
#ifndef PQF_BASE_HELPER_H
#define PQF_BASE_HELPER_H

#include "thread.h"

typedef void (*pqf_helper_fn)(void *context);

typedef enum pqf_helper_state {
    PQF_HELPER_REST = 0,
    PQF_HELPER_POSTED,
    PQF_HELPER_WORKING,
} pqf_helper_state;

typedef struct pqf_helper {
    pqf_gate gate; /* of what follows */
    pqf_helper_state state;
    bool stop;
    bool has_thread; /* not in a child of the process that began it */
    int64_t num_posts;
    int64_t delay_ns; /* of the job that is posted */
    pthread_t thread;
    pqf_helper_fn fn;
    void *context;
    struct pqf_helper *before, *after; /* all helpers of the process */
} pqf_helper;

/* Starts the thread; false: there is none to be had, and the helper is as it was. */
bool pqf_helper_begin(pqf_helper *h, pqf_helper_fn fn, void *context);
/* Waits for the job and ends the thread. */
void pqf_helper_end(pqf_helper *h);

/* At rest: the job is called after delay_ns, unless it is withdrawn until then. */
void pqf_helper_post(pqf_helper *h, int64_t delay_ns);
/* Withdraws a job that has not begun; waits about a tick for one that has. True: at rest, and what the job
 * did is seen. */
bool pqf_helper_rests(pqf_helper *h);

#endif
