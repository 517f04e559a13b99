/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/helper.c: a job between two calls, withdrawn, waited for, and forks at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/helper.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DELAY_MS 400L

static void pause_ms(long ms) { nanosleep(&(struct timespec){0, ms * 1000000}, NULL); }

typedef struct work {
    pqf_helper helper;
    long ms;
    int ran; /* seen when the helper rests */
    _Atomic int begun;
    pthread_t thread;
    bool hears_signals;
} work;

static void do_work(void *context) {
    work *w = context;
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    w->hears_signals = !sigismember(&blocked, SIGINT);
    w->thread = pthread_self();
    atomic_fetch_add(&w->begun, 1);
    if (w->ms) pause_ms(w->ms);
    w->ran++;
}

static void begin(work *w, long ms) {
    *w = (work){.ms = ms};
    assert_true(pqf_helper_begin(&w->helper, do_work, w));
}

static void post_after(work *w, long ms) {
    int before = atomic_load(&w->begun);
    pqf_helper_post(&w->helper, ms * 1000000);
    while (atomic_load(&w->begun) == before)
        pause_ms(1);
}

static void post(work *w) { post_after(w, 0); }

static void rest(work *w) {
    while (!pqf_helper_rests(&w->helper)) {
    }
}

static void test_jobs_one_after_the_other(void **state) {
    (void)state;
    work w;
    begin(&w, 0);
    for (int i = 1; i <= 100; i++) {
        post(&w);
        rest(&w);
        assert_int_equal(w.ran, i);
    }
    assert_false(pthread_equal(w.thread, pthread_self()));
    assert_false(w.hears_signals);
    pqf_helper_end(&w.helper);
}

static void test_waits_a_tick_at_most(void **state) {
    (void)state;
    work w;
    int ticks = 0;
    begin(&w, 300);
    post(&w);
    while (!pqf_helper_rests(&w.helper))
        ticks++;
    assert_in_range(ticks, 1, 100);
    assert_int_equal(w.ran, 1);
    pqf_helper_end(&w.helper);
}

static void test_withdrawn_before_it_begins(void **state) {
    (void)state;
    work w;
    begin(&w, 0);
    for (int i = 0; i < 50; i++) {
        pqf_helper_post(&w.helper, DELAY_MS * 1000000);
        assert_true(pqf_helper_rests(&w.helper));
    }
    pause_ms(2 * DELAY_MS);
    assert_int_equal(atomic_load(&w.begun), 0);
    post_after(&w, DELAY_MS);
    rest(&w);
    assert_int_equal(w.ran, 1);
    pqf_helper_post(&w.helper, DELAY_MS * 1000000);
    pqf_helper_end(&w.helper); /* it is not begun any more */
    assert_int_equal(w.ran, 1);
}

static void test_end_waits(void **state) {
    (void)state;
    work w;
    for (int i = 0; i < 100; i++) {
        begin(&w, 0);
        if (i % 3) pqf_helper_post(&w.helper, 0);
        pqf_helper_end(&w.helper);
        assert_int_equal(w.ran, atomic_load(&w.begun));
    }
    begin(&w, 50);
    post(&w);
    pqf_helper_end(&w.helper);
    assert_int_equal(w.ran, 1);
}

static void expect_success(pid_t child) {
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
}

/* fork waits for what is halfway done; both go on. */
static void test_fork_while_it_works(void **state) {
    (void)state;
    work w, idle;
    begin(&idle, 0);
    begin(&w, 60);
    post(&w);
    pid_t child = fork();
    if (child == 0) {
        bool good = pqf_helper_rests(&w.helper) && w.ran == 1;
        pqf_helper_post(&w.helper, 0);
        pause_ms(20);
        good &= pqf_helper_rests(&w.helper) && w.ran == 1; /* nobody is there */
        pqf_helper_end(&w.helper);
        _exit(!good); /* the other one is left as it is */
    }
    expect_success(child);
    rest(&w);
    assert_int_equal(w.ran, 1);
    post(&w);
    rest(&w);
    assert_int_equal(w.ran, 2);
    pqf_helper_end(&w.helper);
    pqf_helper_end(&idle.helper);
}

static void test_fork_before_it_begins(void **state) {
    (void)state;
    work w;
    begin(&w, 0);
    pqf_helper_post(&w.helper, DELAY_MS * 1000000);
    pid_t child = fork();
    if (child == 0) {
        pause_ms(2 * DELAY_MS);
        bool good = pqf_helper_rests(&w.helper) && w.ran == 0;
        pqf_helper_end(&w.helper);
        _exit(!good);
    }
    while (!atomic_load(&w.begun))
        pause_ms(1);
    rest(&w);
    assert_int_equal(w.ran, 1);
    expect_success(child);
    pqf_helper_end(&w.helper);
}

static _Atomic bool enough;

/* Begins, posts, withdraws and ends helpers. */
static void *owner_main(void *arg) {
    (void)arg;
    for (unsigned i = 0; !atomic_load(&enough); i++) {
        work w = {0};
        if (!pqf_helper_begin(&w.helper, do_work, &w)) continue;
        for (unsigned k = 0; k < i % 5; k++) {
            pqf_helper_post(&w.helper, (i + k) % 2 * 100000);
            if (i % 3) rest(&w);
        }
        pqf_helper_end(&w.helper);
    }
    return NULL;
}

static void test_forks_among_helpers(void **state) {
    (void)state;
    pthread_t owners[3];
    atomic_store(&enough, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&owners[i], NULL, owner_main, NULL), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            pid_t grandchild = fork();
            if (grandchild == 0) _exit(0);
            int code = 1;
            waitpid(grandchild, &code, 0);
            _exit(code);
        }
        expect_success(child);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 3; i++)
        pthread_join(owners[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_one_after_the_other),
        cmocka_unit_test(test_waits_a_tick_at_most),
        cmocka_unit_test(test_withdrawn_before_it_begins),
        cmocka_unit_test(test_end_waits),
        cmocka_unit_test(test_fork_while_it_works),
        cmocka_unit_test(test_fork_before_it_begins),
        cmocka_unit_test(test_forks_among_helpers),
    };
    alarm(240); /* a deadlock is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
