/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables: every row is filled, levels are found by name, PQF_SIMD lowers the level.
 */
#include "kernel_test.h"

#include <sys/wait.h>

static void test_rows(void **state) {
    (void)state;
    assert_non_null(pqf_kernels_level("scalar"));
    assert_null(pqf_kernels_level("sse9"));
    FOR_LEVELS(k) {
        assert_string_equal(k->name, level_names[level_]);
#define PQF_KERNEL(ret, name_, params) assert_non_null((void *)k->name_);
#include "kernel/kernel_list.h"
#undef PQF_KERNEL
    }
}

/* A level is chosen once per process, so each wish needs its own. */
static const char *name_with(const char *wish, char *name) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        setenv("PQF_SIMD", wish, 1);
        const char *got = pqf_kernels_get()->name;
        _exit(write(fds[1], got, strlen(got) + 1) > 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(read(fds[0], name, 16) > 0);
    close(fds[0]);
    close(fds[1]);
    return name;
}

static void test_wish(void **state) {
    (void)state;
    char name[16], best[16], names[NUM_LEVELS][16];
    name_with("", best);
    assert_string_equal(name_with("nonsense", name), best);
    for (int i = 0; i < NUM_LEVELS; i++)
        name_with(level_names[i], names[i]);
    /* from here on this process has chosen, too */
    for (int i = 0; i < NUM_LEVELS; i++) {
        bool there = pqf_kernels_level(level_names[i]) != NULL;
        assert_string_equal(names[i], there ? level_names[i] : best);
    }
#if defined(__aarch64__)
    assert_string_equal(best, "neon");
#endif
}

int main(void) {
    seed_set();
    /* test_wish first: its children must find the level not chosen yet. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wish),
                                       cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
