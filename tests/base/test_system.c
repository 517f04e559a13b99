/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/system.c: cores and memory of the process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/thread.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_cores(void **state) {
    (void)state;
    assert_in_range(pqf_num_cores(), 1, sysconf(_SC_NPROCESSORS_CONF));
}

static int in_child(int (*f)(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(f());
    return waitpid(child, &status, 0) == child ? status : -1;
}

static int on_one_core(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 && pqf_num_cores() == 1 ? 0 : 1;
}

static void test_affinity(void **state) {
    (void)state;
    assert_int_equal(in_child(on_one_core), 0);
}

/* The limit leaves 64 MiB beside what is in use. */
static int under_a_limit(void) {
    long long v[6] = {0};
    char text[256];
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || !fgets(text, sizeof text, f)) return 1;
    fclose(f);
    sscanf(text, "%lld %lld %lld %lld %lld %lld", v, v + 1, v + 2, v + 3, v + 4, v + 5);
    rlim_t most = (rlim_t)(v[5] * sysconf(_SC_PAGESIZE) + (64 << 20));
    if (setrlimit(RLIMIT_DATA, &(struct rlimit){most, most}) != 0) return 2;
    int64_t left = pqf_mem_available();
    return left > (60 << 20) && left <= (68 << 20) ? 0 : 3;
}

static void test_memory(void **state) {
    (void)state;
    int64_t all = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    assert_in_range(pqf_mem_available(), 1 << 20, all);
    assert_int_equal(in_child(under_a_limit), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
