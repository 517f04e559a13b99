/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/thread.c: every task once, the order, which failure wins, the tick and cancelling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/thread.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define NUM_TASKS 1000

typedef struct counts {
    pqf_run *run;
    _Atomic int ran[NUM_TASKS];
    _Atomic int workers[8];
    int64_t fail_a, fail_b; /* tasks that fail, -1: none */
    _Atomic int num_ran;
    _Atomic int highest_worker;
} counts;

static void pause_ms(long ms) { nanosleep(&(struct timespec){0, ms * 1000000}, NULL); }

static pqf_run run_with(int num_threads) {
    pqf_run run;
    pqf_control control = {.struct_bytes = sizeof control, .num_threads = num_threads};
    pqf_run_init(&run, &control);
    return run;
}

static pqf_status count_task(void *context, int64_t task, int worker, pqf_error *err) {
    counts *c = context;
    atomic_fetch_add(&c->ran[task], 1);
    atomic_fetch_add(&c->workers[worker], 1);
    atomic_fetch_add(&c->num_ran, 1);
    if (task == c->fail_a || task == c->fail_b)
        return pqf_fail(err, PQF_CORRUPT, "task %d", (int)task);
    return PQF_OK;
}

static void test_every_task_once(void **state) {
    (void)state;
    for (int num_threads = 1; num_threads <= 4; num_threads++) {
        pqf_run run = run_with(num_threads);
        counts c = {.run = &run, .fail_a = -1, .fail_b = -1};
        pqf_error err;
        pqf_error_init(&err);
        assert_int_equal(pqf_run_tasks(&run, NUM_TASKS, NULL, count_task, &c, &err),
                         PQF_OK);
        for (int i = 0; i < NUM_TASKS; i++)
            assert_int_equal(c.ran[i], 1);
        for (int i = num_threads; i < 8; i++)
            assert_int_equal(c.workers[i], 0);
    }
}

static void test_nothing_to_do(void **state) {
    (void)state;
    pqf_run run = run_with(4);
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_run_tasks(&run, 0, NULL, count_task, NULL, &err), PQF_OK);
}

typedef struct trace {
    int64_t tasks[8];
    int n;
    pthread_t thread;
} trace;

static pqf_status trace_task(void *context, int64_t task, int worker, pqf_error *err) {
    trace *t = context;
    (void)err;
    assert_int_equal(worker, 0);
    assert_true(pthread_equal(t->thread, pthread_self()));
    t->tasks[t->n++] = task;
    return PQF_OK;
}

static void test_order_on_the_calling_thread(void **state) {
    (void)state;
    const int64_t order[] = {3, 0, 4, 1, 2};
    pqf_run run = run_with(1);
    trace t = {.thread = pthread_self()};
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_run_tasks(&run, 5, order, trace_task, &t, &err), PQF_OK);
    assert_int_equal(t.n, 5);
    assert_memory_equal(t.tasks, order, sizeof order);
}

static void test_lowest_failure_wins(void **state) {
    (void)state;
    int64_t backwards[NUM_TASKS];
    for (int i = 0; i < NUM_TASKS; i++)
        backwards[i] = NUM_TASKS - 1 - i;
    for (int round = 0; round < 40; round++) {
        pqf_run run = run_with(1 + round % 4);
        counts c = {.run = &run, .fail_a = 900, .fail_b = 100};
        pqf_error err;
        pqf_error_init(&err);
        pqf_error_at_path(&err, "p");
        const int64_t *order = round % 2 ? backwards : NULL;
        assert_int_equal(pqf_run_tasks(&run, NUM_TASKS, order, count_task, &c, &err),
                         PQF_CORRUPT);
        assert_string_equal(err.message, "task 100");
        assert_string_equal(err.path, "p");
        for (int i = 0; i <= 100; i++)
            assert_int_equal(c.ran[i], 1);
        if (run.num_threads == 1 && !order) assert_int_equal(c.num_ran, 101);
        if (run.num_threads == 1 && order) assert_int_equal(c.num_ran, NUM_TASKS);
    }
}

static int stop_at_once(void *context, int64_t done, int64_t total) {
    (void)done, (void)total;
    ++*(int *)context;
    return 1;
}

static pqf_status wait_for_cancel(void *context, int64_t task, int worker,
                                  pqf_error *err) {
    (void)task;
    for (;;) {
        TRY(pqf_run_poll(context, worker, err));
        pause_ms(1);
    }
}

static void test_tick_cancels_everywhere(void **state) {
    (void)state;
    int ticks = 0;
    pqf_run run;
    pqf_error err;
    pqf_control control = {
        .num_threads = 3, .tick = stop_at_once, .tick_context = &ticks};
    pqf_run_init(&run, &control);
    pqf_error_init(&err);
    assert_int_equal(pqf_run_tasks(&run, 100, NULL, wait_for_cancel, &run, &err),
                     PQF_CANCELLED);
    assert_int_equal(err.status, PQF_CANCELLED);
    assert_int_equal(ticks, 1);
}

static pqf_status worker_waits(void *context, int64_t task, int worker, pqf_error *err) {
    (void)task;
    if (worker ==
        0) { /* leaves the long task to another thread, then waits in pqf_run_tasks */
        pause_ms(20);
        return PQF_OK;
    }
    return wait_for_cancel(context, task, worker, err);
}

static void test_tick_while_the_caller_waits(void **state) {
    (void)state;
    int ticks = 0;
    pqf_run run;
    pqf_error err;
    pqf_control control = {
        .num_threads = 2, .tick = stop_at_once, .tick_context = &ticks};
    pqf_run_init(&run, &control);
    pqf_error_init(&err);
    assert_int_equal(pqf_run_tasks(&run, 2, NULL, worker_waits, &run, &err),
                     PQF_CANCELLED);
    assert_int_equal(ticks, 1);
}

typedef struct last_tick {
    int64_t done, total;
} last_tick;

static int keep_tick(void *context, int64_t done, int64_t total) {
    *(last_tick *)context = (last_tick){done, total};
    return 0;
}

static void test_end_ticks_once_more(void **state) {
    (void)state;
    last_tick last = {-5, -5};
    pqf_run run;
    pqf_error err;
    pqf_control control = {.num_threads = 1, .tick = keep_tick, .tick_context = &last};
    pqf_run_init(&run, &control);
    pqf_error_init(&err);
    atomic_store(&run.done, 77);
    assert_int_equal(pqf_run_poll(&run, 0, &err), PQF_OK); /* 50 ms have not passed */
    assert_int_equal(last.done, -5);
    assert_int_equal(pqf_run_end(&run, &err), PQF_OK);
    assert_int_equal(last.done, 77);
    assert_int_equal(last.total, 77);
}

static pqf_status check_signals(void *context, int64_t task, int worker, pqf_error *err) {
    sigset_t set;
    (void)context, (void)task;
    pause_ms(5);
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    bool blocked = sigismember(&set, SIGINT) == 1;
    return blocked == (worker != 0) ? PQF_OK
                                    : pqf_fail(err, PQF_INVALID, "worker %d", worker);
}

static void test_workers_take_no_signals(void **state) {
    (void)state;
    pqf_run run = run_with(3);
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_run_tasks(&run, 20, NULL, check_signals, NULL, &err), PQF_OK);
}

static void test_default_threads(void **state) {
    (void)state;
    pqf_run run;
    pqf_run_init(&run, NULL);
    assert_int_equal(run.num_threads, pqf_num_cores());
    run = run_with(100000);
    assert_in_range(run.num_threads, 1, 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_once),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_order_on_the_calling_thread),
        cmocka_unit_test(test_lowest_failure_wins),
        cmocka_unit_test(test_tick_cancels_everywhere),
        cmocka_unit_test(test_tick_while_the_caller_waits),
        cmocka_unit_test(test_end_ticks_once_more),
        cmocka_unit_test(test_workers_take_no_signals),
        cmocka_unit_test(test_default_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
