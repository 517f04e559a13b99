/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.c (room base): tasks 0..n-1 on threads that live inside the call.
 *
 * In: a function, a number of tasks, an order. Out: PQF_OK, or the failure of the lowest task
 * number. An atomic counter hands out places in the order; the caller is worker 0 and, when nothing
 * is left to hand out, wakes every 50 ms for the tick until the others are done.
 */
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define TICK_NS     INT64_C(50000000)
#define MAX_THREADS 256
#define STACK_BYTES ((size_t)2 << 20)

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void pqf_run_init(pqf_run *run, const pqf_control *control) {
    int num_threads = control ? control->num_threads : 0;
    if (num_threads <= 0) num_threads = pqf_num_cores();
    run->num_threads = num_threads < MAX_THREADS ? num_threads : MAX_THREADS;
    run->tick = control ? control->tick : NULL;
    run->tick_context = control ? control->tick_context : NULL;
    atomic_init(&run->done, 0);
    atomic_init(&run->cancel, false);
    run->total = -1;
    run->is_ahead = false;
    run->next_tick_ns = run->tick ? now_ns() + TICK_NS : 0;
    run->notice = control ? control->notice : NULL;
    run->notice_context = control ? control->notice_context : NULL;
}

void pqf_run_notice(const pqf_run *run, const char *format, ...) {
    char text[1400];
    va_list args;
    if (!run || !run->notice) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    run->notice(run->notice_context, text);
}

static pqf_status cancelled(pqf_error *err) {
    return pqf_fail(err, PQF_CANCELLED, "the call was cancelled");
}

pqf_status pqf_run_poll(pqf_run *run, int worker, pqf_error *err) {
    if (worker == 0 && !run->is_ahead) return pqf_run_tick(run, err);
    bool cancel = atomic_load_explicit(&run->cancel, memory_order_relaxed);
    return cancel ? cancelled(err) : PQF_OK;
}

pqf_status pqf_run_tick(pqf_run *run, pqf_error *err) {
    if (atomic_load_explicit(&run->cancel, memory_order_relaxed)) return cancelled(err);
    if (!run->tick) return PQF_OK;
    int64_t now = now_ns();
    if (now < run->next_tick_ns) return PQF_OK;
    int stop = run->tick(run->tick_context, atomic_load(&run->done), run->total);
    run->next_tick_ns = now_ns() + TICK_NS;
    if (!stop) return PQF_OK;
    atomic_store(&run->cancel, true);
    return cancelled(err);
}

pqf_status pqf_run_end(pqf_run *run, pqf_error *err) {
    if (!run->tick) return PQF_OK;
    if (run->total < 0) run->total = atomic_load(&run->done);
    atomic_store(&run->done, run->total);
    if (!run->tick(run->tick_context, run->total, run->total)) return PQF_OK;
    atomic_store(&run->cancel, true);
    return cancelled(err);
}

typedef struct job {
    pqf_run *run;
    int64_t num_tasks;
    const int64_t *order;
    pqf_task_fn fn;
    void *context;
    _Atomic int64_t next;   /* place in the order */
    _Atomic int64_t lowest; /* task number of the failure kept, INT64_MAX: none */
    _Atomic int next_worker;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    int num_running;   /* threads, the caller not counted */
    pqf_error *err;    /* the caller's: as it came in until a failure is kept */
    pqf_error came_in; /* each task's err begins as this: parts may be set */
} job;

static void keep_failure(job *j, int64_t task, const pqf_error *err) {
    pthread_mutex_lock(&j->lock);
    if (task < atomic_load(&j->lowest)) {
        *j->err = *err;
        atomic_store(&j->lowest, task);
    }
    pthread_mutex_unlock(&j->lock);
}

/* A task below the lowest failure is still run, so that the failure which is reported does not
 * depend on how fast the threads were. */
static void run_tasks(job *j, int worker) {
    pqf_error err = j->came_in;
    for (;;) {
        int64_t place = atomic_fetch_add(&j->next, 1);
        if (place >= j->num_tasks) return;
        int64_t task = j->order ? j->order[place] : place;
        if (task > atomic_load(&j->lowest)) continue;
        pqf_status status = pqf_run_poll(j->run, worker, &err);
        if (status == PQF_OK) status = j->fn(j->context, task, worker, &err);
        if (status == PQF_OK) continue;
        keep_failure(j, task, &err);
        if (status == PQF_CANCELLED) return;
        err = j->came_in;
    }
}

static void *thread_main(void *arg) {
    job *j = arg;
    run_tasks(j, atomic_fetch_add(&j->next_worker, 1));
    pthread_mutex_lock(&j->lock);
    if (--j->num_running == 0) pthread_cond_signal(&j->ended);
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

bool pqf_thread_begin(pthread_t *thread, void *(*fn)(void *), void *arg) {
    sigset_t everything, before;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) return false;
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    bool begun = pthread_create(thread, &attr, fn, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return begun;
}

/* Starts up to `wanted` threads. */
static int start_threads(job *j, pthread_t *threads, int wanted) {
    int n = 0;
    for (; n < wanted; n++) {
        pthread_mutex_lock(&j->lock);
        j->num_running++;
        pthread_mutex_unlock(&j->lock);
        if (pqf_thread_begin(&threads[n], thread_main, j)) continue;
        pthread_mutex_lock(&j->lock);
        j->num_running--;
        pthread_mutex_unlock(&j->lock);
        break;
    }
    return n;
}

/* False: no bell within the tick. CLOCK_REALTIME, the one clock that every pthread_cond_timedwait
 * knows: a clock that is set back delays one tick, the threads' end still wakes. */
static bool wait_a_tick(pthread_cond_t *bell, pthread_mutex_t *lock) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(bell, lock, &until) == 0;
}

_Atomic int64_t pqf_gate_test_timeouts;

void pqf_gate_init(pqf_gate *gate) {
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->bell, NULL);
}

void pqf_gate_reset(pqf_gate *gate) {
    pthread_cond_destroy(&gate->bell);
    pthread_mutex_destroy(&gate->lock);
}

void pqf_gate_lock(pqf_gate *gate) { pthread_mutex_lock(&gate->lock); }
void pqf_gate_unlock(pqf_gate *gate) { pthread_mutex_unlock(&gate->lock); }
void pqf_gate_ring(pqf_gate *gate) { pthread_cond_broadcast(&gate->bell); }
void pqf_gate_wait(pqf_gate *gate) {
    if (!wait_a_tick(&gate->bell, &gate->lock))
        atomic_fetch_add_explicit(&pqf_gate_test_timeouts, 1, memory_order_relaxed);
}

static void wait_for_threads(job *j) {
    pqf_error err = j->came_in;
    pthread_mutex_lock(&j->lock);
    while (j->num_running > 0) {
        if (!j->run->tick || j->run->is_ahead || atomic_load(&j->run->cancel)) {
            pthread_cond_wait(&j->ended, &j->lock);
            continue;
        }
        (void)wait_a_tick(&j->ended, &j->lock);
        pthread_mutex_unlock(&j->lock);
        if (pqf_run_poll(j->run, 0, &err) != PQF_OK) keep_failure(j, -1, &err);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
}

static pqf_status run_parallel(job *j, int num_threads) {
    pthread_t threads[MAX_THREADS];
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->ended, NULL);
    int n = start_threads(j, threads, num_threads - 1);
    run_tasks(j, 0);
    wait_for_threads(j);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&j->ended);
    pthread_mutex_destroy(&j->lock);
    return atomic_load(&j->lowest) == INT64_MAX ? PQF_OK : j->err->status;
}

/* One thread runs in the given order too, and a failure of a lower number that comes later wins as
 * it does with many. */
pqf_status pqf_run_tasks(pqf_run *run, int64_t num_tasks, const int64_t *order,
                         pqf_task_fn fn, void *context, pqf_error *err) {
    job j = {
        .run = run, .num_tasks = num_tasks, .order = order, .fn = fn, .context = context};
    int num_threads = run->num_threads < MAX_THREADS ? run->num_threads : MAX_THREADS;
    if (num_threads > num_tasks) num_threads = num_tasks > 1 ? (int)num_tasks : 1;
    atomic_init(&j.next, 0);
    atomic_init(&j.lowest, INT64_MAX);
    atomic_init(&j.next_worker, 1);
    j.err = err;
    j.came_in = *err;
    if (num_tasks <= 0) return PQF_OK;
    return run_parallel(&j, num_threads > 1 ? num_threads : 1);
}
