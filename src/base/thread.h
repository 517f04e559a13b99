/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.h: run n tasks and wait. Threads live inside the call, so fork and interpreter exit are
 * safe. Only the rooms file and dataset call pqf_run_tasks; the others offer per-column functions.
 * What goes on between two calls does so by helper.h.
 *
 * A pqf_run is one public call in progress: its threads, its cancel flag and its tick. Every unit
 * of about a page's work calls pqf_run_poll: it fails with PQF_CANCELLED once the flag is set and, on
 * the calling thread, calls the tick when 50 ms have passed.
 */
#ifndef PQF_BASE_THREAD_H
#define PQF_BASE_THREAD_H

#include "error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct pqf_run {
    int num_threads; /* at least 1, the calling thread included */
    pqf_tick_fn tick;
    void *tick_context;
    _Atomic int64_t done; /* rows */
    int64_t total;        /* -1: unknown */
    _Atomic bool cancel;
    bool
        is_ahead; /* worker 0 is not the calling thread, which may be in no call: see pqf_run_tick */
    int64_t next_tick_ns; /* touched by the calling thread alone */
    pqf_notice_fn notice; /* may be NULL */
    void *notice_context;
} pqf_run;

/* control may be NULL. */
void pqf_run_init(pqf_run *run, const pqf_control *control);
/* worker is the task's worker number: 0 is the calling thread. */
pqf_status pqf_run_poll(pqf_run *run, int worker, pqf_error *err);
/* Of the calling thread, while others do the work of a run that is_ahead. */
pqf_status pqf_run_tick(pqf_run *run, pqf_error *err);
/* Where a long loop asks whether to go on. Zeroed it never stops. */
typedef struct pqf_poll {
    pqf_run *run;
    int worker;
} pqf_poll;
/* Values between two questions of a loop that does little with each. */
#define PQF_POLL_VALUES ((int64_t)1 << 16)
static inline pqf_status pqf_poll_now(const pqf_poll *poll, pqf_error *err) {
    return poll->run ? pqf_run_poll(poll->run, poll->worker, err) : PQF_OK;
}
/* The same at every PQF_POLL_VALUES-th value. */
static inline pqf_status pqf_poll_at(const pqf_poll *poll, int64_t i, pqf_error *err) {
    return (i & (PQF_POLL_VALUES - 1)) ? PQF_OK : pqf_poll_now(poll, err);
}
/* The last tick of a call that succeeded: done == total. */
pqf_status pqf_run_end(pqf_run *run, pqf_error *err);

/* Tells the caller of trouble while cleaning up; from the calling thread. run may be NULL. */
void pqf_run_notice(const pqf_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

typedef pqf_status (*pqf_task_fn)(void *context, int64_t task, int worker,
                                  pqf_error *err);

/* Runs tasks 0..num_tasks-1, started in that order (or in the order of `order`, a permutation), on at
 * most run->num_threads threads of which the caller is one; worker is 0..num_threads-1. After a
 * failure no task with a higher number is started; the failure with the lowest number is reported.
 * Needs no memory but the threads' stacks; where threads cannot be made it goes on with fewer. */
pqf_status pqf_run_tasks(pqf_run *run, int64_t num_tasks, const int64_t *order,
                         pqf_task_fn fn, void *context, pqf_error *err);

/* Tasks of one pqf_run_tasks that work with each other: what they share is touched under the lock
 * alone, and who finds nothing to do waits for the bell. Nobody may wait for a task that may not
 * have been started: there may be one thread. */
typedef struct pqf_gate {
    pthread_mutex_t lock;
    pthread_cond_t bell;
} pqf_gate;
void pqf_gate_init(pqf_gate *gate);
void pqf_gate_reset(pqf_gate *gate);
void pqf_gate_lock(pqf_gate *gate);
void pqf_gate_unlock(pqf_gate *gate);
/* Wakes all who wait. */
void pqf_gate_ring(pqf_gate *gate);
/* Of one who holds the lock: gives it up until the bell rings or it is time for a tick. */
void pqf_gate_wait(pqf_gate *gate);
/* For tests: waits of this process that no bell ended. */
extern _Atomic int64_t pqf_gate_test_timeouts;

/* Starts a thread in which all signals are blocked, so that handlers run in the caller's; false: there is
 * none to be had. */
bool pqf_thread_begin(pthread_t *thread, void *(*fn)(void *), void *arg);

int pqf_num_cores(void); /* that the process may use (affinity, cgroup quota) */

#endif
