/* SPDX-License-Identifier: Apache-2.0
 *
 * test_stage.c: the hidden place of a writer: what killed writers left goes, what lives
 * stays.
 */
#include "file/file_test.h"

#include <signal.h>
#include <sys/wait.h>

/* Of a call that nobody interrupts. */
static pqf_run no_ticks = {.num_threads = 1, .total = -1};

#define ID "0123456789abcdef0123456789abcdef"

static void begin(pqf_commit *c, folder *f) {
    OK(pqf_commit_begin(c, in(f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                        &test_err));
    assert_true(exists(c->stage));
    assert_true(exists(c->room));
}

static void dead_stages_go(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    folder_begin(&f);
    OK(pqf_fs_make_folders(in(&f, ".ds.forge/" ID "/p=1"), &test_err));
    write_text(in(&f, ".ds.forge/" ID "/p=1/f"), "x");
    OK(pqf_fs_make_folders(in(&f, ".ds.forge/f" ID), &test_err)); /* no id */
    OK(pqf_fs_make_folders(in(&f, ".ds.forge/notes"), &test_err));
    begin(&c, &f);
    assert_false(exists(in(&f, ".ds.forge/" ID)));
    pqf_commit_reset(&c);
    check_names(in(&f, ".ds.forge"),
                "d:f" ID " d:notes"); /* others' things are left alone */
    folder_end(&f);
}

static void living_stages_stay(void **state) {
    (void)state;
    folder f;
    pqf_commit a, b, c;
    folder_begin(&f);
    begin(&a, &f);
    begin(&b, &f);
    begin(&c, &f);
    pqf_commit_reset(&b);
    assert_true(exists(a.stage));
    assert_true(exists(c.stage));
    begin(&b, &f);
    assert_true(exists(a.stage));
    pqf_commit_reset(&a);
    pqf_commit_reset(&c);
    assert_true(exists(b.stage));
    pqf_commit_reset(&b);
    check_names(f.path, "");
    folder_end(&f);
}

/* A child that was forked keeps its parent's stage alive after the parent is killed. */
static void killed_with_a_child(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    int up[2], down[2];
    char text[4400] = "";
    folder_begin(&f);
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(down[1]);
        begin(&c, &f);
        if (fork() == 0) { /* until the test closes its end */
            close(up[1]);
            _exit(read(down[0], text, 1) < 0);
        }
        ssize_t n = write(up[1], c.stage, strlen(c.stage) + 1);
        kill(getpid(), SIGKILL);
        _exit(n < 0);
    }
    close(up[1]);
    assert_true(read(up[0], text, sizeof text - 1) > 0);
    int result;
    assert_int_equal(waitpid(parent, &result, 0), parent);
    begin(&c, &f);
    assert_true(exists(text));
    pqf_commit_reset(&c);
    assert_true(exists(text));
    close(down[1]);
    for (int tries = 0; tries < 500 && exists(text);
         tries++) { /* until the child is gone */
        usleep(10000);
        begin(&c, &f);
        pqf_commit_reset(&c);
    }
    check_names(f.path, "");
    close(up[0]);
    close(down[0]);
    folder_end(&f);
}

/* Writers come and go in several processes: none takes another's stage or folder away. */
static void many_processes(void **state) {
    (void)state;
    enum { PROCESSES = 4, ROUNDS = 150 };
    folder f;
    pid_t children[PROCESSES];
    folder_begin(&f);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i]) continue;
        for (int k = 0; k < ROUNDS; k++) {
            pqf_commit c;
            pqf_error_init(&test_err);
            if (pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                                 &test_err))
                fail_with_text("a writer cannot begin");
            if (!exists(c.stage) || !exists(c.room)) _exit(1);
            pqf_commit_reset(&c);
        }
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    }
    check_names(f.path, "");
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(dead_stages_go), TEST(living_stages_stay),
                                       TEST(killed_with_a_child), TEST(many_processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
