/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/mem.c: alignment and slack, the budget, resizing, the cache of freed blocks,
 * failing allocations, forked children, limits of the process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/shelf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static const size_t sizes[] = {0,
                               1,
                               63,
                               64,
                               4096,
                               PQF_SHELF_LEAST - 1,
                               PQF_SHELF_LEAST,
                               9000,
                               9001,
                               40000,
                               PQF_MEM_BIG - 1,
                               PQF_MEM_BIG,
                               300000,
                               2 * MIB - 65,
                               2 * MIB,
                               5 * MIB + 3,
                               40 * MIB};
enum { NUM_SIZES = sizeof sizes / sizeof *sizes };

static pqf_mem *new_mem(int64_t budget) {
    pqf_error err;
    pqf_mem *mem = NULL;
    pqf_error_init(&err);
    assert_int_equal(pqf_mem_new(budget, &mem, &err), PQF_OK);
    return mem;
}

static uint8_t *must_alloc(pqf_mem *mem, size_t size, bool zero) {
    pqf_error err;
    void *block = NULL;
    pqf_error_init(&err);
    assert_int_equal((zero ? pqf_mem_zalloc : pqf_mem_alloc)(mem, size, &block, &err),
                     PQF_OK);
    assert_int_equal((uintptr_t)block % 64, 0);
    return block;
}

static void must_resize(pqf_mem *mem, uint8_t **block, size_t old_size, size_t new_size) {
    pqf_error err;
    void *p = *block;
    pqf_error_init(&err);
    assert_int_equal(pqf_mem_resize(mem, &p, old_size, new_size, &err), PQF_OK);
    assert_int_equal((uintptr_t)p % 64, 0);
    *block = p;
}

static void check_bytes(const uint8_t *p, size_t len, uint8_t v) {
    for (size_t i = 0; i < len; i++) {
        if (p[i] != v) fail_msg("byte %zu of %zu is %d, not %d", i, len, p[i], v);
    }
}

static void test_sizes(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    for (int i = 0; i < NUM_SIZES; i++) {
        uint8_t *p = must_alloc(mem, sizes[i], false);
        assert_int_equal(pqf_mem_used(mem), sizes[i]);
        memset(p, 0xEE, sizes[i] + PQF_SLACK);
        pqf_mem_free(mem, p, sizes[i]);
        p = must_alloc(mem, sizes[i], true);
        check_bytes(p, sizes[i], 0);
        pqf_mem_free(mem, p, sizes[i]);
    }
    assert_int_equal(pqf_mem_used(mem), 0);
    assert_int_equal(pqf_mem_peak(mem), 40 * MIB);
    pqf_mem_free(mem, NULL, 5);
    pqf_mem_release(mem);
    pqf_mem_release(NULL);
}

static void test_huge_alignment(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    pqf_mem_trim();
    uint8_t *p = must_alloc(mem, 3 * MIB, false);
    assert_int_equal((uintptr_t)p % (2 * MIB), 0);
    pqf_mem_free(mem, p, 3 * MIB);
    pqf_mem_release(mem);
}

static void test_resize_between_all_sizes(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    for (int i = 0; i < NUM_SIZES; i++) {
        for (int k = 0; k < NUM_SIZES; k++) {
            size_t from = sizes[i], to = sizes[k], least = from < to ? from : to;
            uint8_t *p = must_alloc(mem, from, false);
            memset(p, 0x5A, from);
            must_resize(mem, &p, from, to);
            assert_int_equal(pqf_mem_used(mem), to);
            if (least) assert_int_equal(p[0] + p[least / 2] + p[least - 1], 3 * 0x5A);
            memset(p, 1, to + PQF_SLACK);
            pqf_mem_free(mem, p, to);
        }
        pqf_mem_trim();
    }
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

static void test_grow_without_a_warm_block(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    uint8_t *p = must_alloc(mem, PQF_MEM_BIG, false);
    size_t size = PQF_MEM_BIG;
    memset(p, 0x33, size);
    for (; size < 64 * MIB; size *= 2) {
        pqf_mem_trim();
        must_resize(mem, &p, size, size * 2);
    }
    check_bytes(p, PQF_MEM_BIG, 0x33);
    must_resize(mem, &p, size, 10);
    check_bytes(p, 10, 0x33);
    pqf_mem_free(mem, p, 10);
    pqf_mem_release(mem);
}

static void test_null_is_resized_from_nothing(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    uint8_t *p = NULL;
    must_resize(mem, &p, 0, 100);
    memset(p, 1, 100);
    pqf_mem_free(mem, p, 100);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

static void test_budget(void **state) {
    (void)state;
    pqf_error err;
    void *block = NULL;
    pqf_mem *mem = new_mem(1000);
    pqf_error_init(&err);
    uint8_t *p = must_alloc(mem, 600, false);
    assert_int_equal(pqf_mem_left(mem), 400);
    assert_int_equal(pqf_mem_alloc(mem, 401, &block, &err), PQF_LIMIT);
    assert_non_null(strstr(err.message, "memory_limit"));
    assert_null(block);
    assert_int_equal(pqf_mem_alloc(mem, SIZE_MAX, &block, &err), PQF_LIMIT);
    block = p;
    assert_int_equal(pqf_mem_resize(mem, &block, 600, 1001, &err), PQF_LIMIT);
    assert_ptr_equal(block, p);
    assert_int_equal(pqf_mem_used(mem), 600);
    must_resize(mem, &p, 600, 1000);
    assert_int_equal(pqf_mem_left(mem), 0);
    pqf_mem_free(mem, p, 1000);
    assert_int_equal(pqf_mem_peak(mem), 1000);
    pqf_mem_release(mem);
}

static void test_absurd_sizes(void **state) {
    (void)state;
    pqf_error err;
    void *block = NULL;
    pqf_mem *mem = new_mem(0);
    pqf_error_init(&err);
    assert_int_equal(pqf_mem_left(mem), INT64_MAX);
    assert_int_equal(pqf_mem_alloc(mem, SIZE_MAX, &block, &err), PQF_NOMEM);
    assert_int_equal(pqf_mem_alloc(mem, SIZE_MAX / 8, &block, &err), PQF_NOMEM);
    assert_int_equal(pqf_mem_zalloc(mem, (size_t)1 << 60, &block, &err), PQF_NOMEM);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

static void test_nth_allocation_fails(void **state) {
    (void)state;
    pqf_error err;
    void *block = NULL;
    pqf_mem *mem = new_mem(0), *other = NULL;
    pqf_error_init(&err);
    pqf_mem_fail_after(2);
    uint8_t *p = must_alloc(mem, 10, false);
    assert_int_equal(pqf_mem_alloc(mem, PQF_MEM_BIG, &block, &err), PQF_NOMEM);
    assert_int_equal(pqf_mem_used(mem), 10);
    pqf_mem_fail_after(1);
    block = p;
    assert_int_equal(pqf_mem_resize(mem, &block, 10, 20, &err), PQF_NOMEM);
    assert_ptr_equal(block, p);
    pqf_mem_fail_after(1);
    assert_int_equal(pqf_mem_new(0, &other, &err), PQF_NOMEM);
    pqf_mem_fail_after(1);
    pqf_mem_fail_after(0);
    pqf_mem_free(mem, p, 10);
    pqf_mem_free(mem, must_alloc(mem, 10, false), 10);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

static void test_freed_block_comes_back(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    pqf_mem_trim();
    const size_t size = 5 * MIB + 10000;
    uint8_t *p = must_alloc(mem, size, false);
    memset(p, 0xAB, size);
    pqf_mem_free(mem, p, size);
    uint8_t *again = must_alloc(mem, size - 1000, true); /* of the same size class */
    assert_ptr_equal(again, p);
    check_bytes(again, size - 1000, 0);
    pqf_mem_free(mem, again, size - 1000);
    pqf_mem_release(mem);
}

static void test_middle_block_comes_back(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    pqf_mem_trim();
    uint8_t *p = must_alloc(mem, 40000, false), *other = must_alloc(mem, 50000, false);
    memset(p, 0xAB, 40000);
    pqf_mem_free(mem, p, 40000);
    pqf_mem_free(mem, other, 50000);
    uint8_t *again = must_alloc(mem, 39000, true); /* of the same size class */
    assert_ptr_equal(again, p);
    check_bytes(again, 39000, 0);
    must_resize(mem, &again, 39000, 40500);
    assert_ptr_equal(again, p);
    memset(again, 1, 40500 + PQF_SLACK);
    pqf_mem_free(mem, again, 40500);
    pqf_mem_release(mem);
}

static int64_t resident_bytes(void) {
    char text[128];
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    return strtoll(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* Pages of this process that the system may take without asking. */
static int64_t lent_bytes(void) {
    char line[256];
    int64_t kib = -1;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "LazyFree:", 9) == 0) kib = strtoll(line + 9, NULL, 10);
    fclose(f);
    assert_true(kib >= 0);
    return kib * 1024;
}

static void test_cache_is_bounded_and_forgets(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    uint8_t *blocks[20];
    pqf_mem_trim();
    int64_t before = resident_bytes();
    for (int i = 0; i < 20; i++)
        memset(blocks[i] = must_alloc(mem, 20 * MIB, false), 1, 20 * MIB);
    for (int i = 0; i < 20; i++)
        pqf_mem_free(mem, blocks[i], 20 * MIB);
    assert_true(resident_bytes() - lent_bytes() - before < (int64_t)(270 * MIB));
    assert_true(resident_bytes() - before > (int64_t)(200 * MIB));
    assert_true(lent_bytes() > (int64_t)(100 * MIB));
    nanosleep(&(struct timespec){1, 100000000}, NULL);
    pqf_mem_free(mem, must_alloc(mem, PQF_MEM_BIG, false), PQF_MEM_BIG);
    assert_true(resident_bytes() - lent_bytes() - before <
                (int64_t)(80 * MIB)); /* the sanitizer's own share */
    pqf_mem_release(mem);
}

/* How many of ten blocks, used and freed, are found again after a block of another size was asked for. */
static int found_beside(size_t size, size_t other) {
    pqf_mem *mem = new_mem(0);
    uint8_t *blocks[10], *between;
    int found = 0;
    pqf_mem_trim();
    for (int i = 0; i < 10; i++)
        memset(blocks[i] = must_alloc(mem, size, false), 1, size);
    for (int i = 0; i < 10; i++)
        pqf_mem_free(mem, blocks[i], size);
    between = must_alloc(mem, other, false);
    for (int i = 0; i < 10; i++)
        found += (blocks[i] = must_alloc(mem, size, false))[0] == 1;
    for (int i = 0; i < 10; i++)
        pqf_mem_free(mem, blocks[i], size);
    pqf_mem_free(mem, between, other);
    pqf_mem_release(mem);
    return found;
}

/* Of what was in use at a time, 200 MiB, an eighth of what is beyond 64 MiB may come on top, and of 400 MiB only 32. */
static void test_blocks_of_other_sizes_leave_the_cache_warm(void **state) {
    (void)state;
    assert_int_equal(found_beside(20 * MIB, 6 * MIB), 10);
    assert_int_equal(found_beside(20 * MIB, 40 * MIB), 9);
    assert_int_equal(found_beside(40 * MIB, 36 * MIB), 9);
}

static void test_one_block_larger_than_the_cache(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    uint8_t *p = must_alloc(mem, 600 * MIB, true);
    p[0] = p[600 * MIB - 1] = 1;
    pqf_mem_free(mem, p, 600 * MIB);
    pqf_mem_release(mem);
}

static void *churn(void *arg) {
    pqf_error err;
    pqf_error_init(&err);
    for (int i = 0; i < 300; i++) {
        void *block;
        size_t size = PQF_MEM_BIG + (size_t)(i % 7) * 100000;
        if (pqf_mem_alloc(arg, size, &block, &err) != PQF_OK) return "alloc failed";
        memset(block, i, 5000);
        if (pqf_mem_resize(arg, &block, size, size * 2, &err) != PQF_OK)
            return "resize failed";
        if (((uint8_t *)block)[4999] != (uint8_t)i) return "contents lost";
        pqf_mem_free(arg, block, size * 2);
    }
    return NULL;
}

static void test_threads_and_forks(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, mem), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork(); /* while the others hold the lock now and then */
        if (child == 0) {
            alarm(20);
            _exit(churn(mem) != NULL);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) fail_msg("%s", (char *)why);
    }
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

static void test_child_starts_without_cached_blocks(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    uint8_t *p = must_alloc(mem, 30 * MIB, false);
    memset(p, 7, 30 * MIB);
    pqf_mem_free(mem, p, 30 * MIB);
    pid_t child = fork();
    if (child == 0) {
        pqf_error err;
        void *block = NULL;
        pqf_error_init(&err);
        pqf_status status = pqf_mem_alloc(mem, 30 * MIB, &block, &err);
        /* A block from the cache would still show the parent's bytes. */
        _exit(status != PQF_OK || ((uint8_t *)block)[MIB] != 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    uint8_t *again = must_alloc(mem, 30 * MIB, false);
    assert_ptr_equal(again, p);
    assert_int_equal(again[MIB], 7);
    pqf_mem_free(mem, again, 30 * MIB);
    pqf_mem_release(mem);
}

static int64_t data_bytes(void) {
    char text[256];
    long long v[6] = {0};
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || !fgets(text, sizeof text, f)) return -1;
    fclose(f);
    sscanf(text, "%lld %lld %lld %lld %lld %lld", v, v + 1, v + 2, v + 3, v + 4, v + 5);
    return v[5] * sysconf(_SC_PAGESIZE);
}

/* In a child: 100 MiB stay in the cache, and the limit leaves too little beside them. */
static int under_a_data_limit(void) {
    pqf_error err;
    pqf_mem *mem;
    void *p;
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err) || pqf_mem_alloc(mem, 100 * MIB, &p, &err)) return 1;
    pqf_mem_free(mem, p, 100 * MIB);
    rlim_t most = (rlim_t)data_bytes() + 20 * MIB;
    if (setrlimit(RLIMIT_DATA, &(struct rlimit){most, most})) return 2;
    if (pqf_mem_available() > (int64_t)(20 * MIB)) return 3;
    if (pqf_mem_alloc(mem, 90 * MIB, &p, &err) != PQF_OK) return 4;
    void *more;
    if (pqf_mem_alloc(mem, 90 * MIB, &more, &err) != PQF_NOMEM) return 5;
    if (pqf_mem_resize(mem, &p, 90 * MIB, 300 * MIB, &err) != PQF_NOMEM) return 6;
    ((uint8_t *)p)[90 * MIB - 1] = 1;
    pqf_mem_free(mem, p, 90 * MIB);
    return pqf_mem_used(mem) == 0 ? 0 : 7;
}

static void test_cache_gives_way_to_a_limit(void **state) {
    (void)state;
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(under_a_data_limit());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_references(void **state) {
    (void)state;
    pqf_mem *mem = new_mem(0);
    assert_ptr_equal(pqf_mem_retain(mem), mem);
    pqf_mem_release(mem);
    pqf_mem_free(mem, must_alloc(mem, 1, false), 1);
    pqf_mem_release(mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* first: later tests have used more */
        cmocka_unit_test(test_blocks_of_other_sizes_leave_the_cache_warm),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_huge_alignment),
        cmocka_unit_test(test_resize_between_all_sizes),
        cmocka_unit_test(test_grow_without_a_warm_block),
        cmocka_unit_test(test_null_is_resized_from_nothing),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_freed_block_comes_back),
        cmocka_unit_test(test_middle_block_comes_back),
        cmocka_unit_test(test_cache_is_bounded_and_forgets),
        cmocka_unit_test(test_one_block_larger_than_the_cache),
        cmocka_unit_test(test_threads_and_forks),
        cmocka_unit_test(test_child_starts_without_cached_blocks),
        cmocka_unit_test(test_cache_gives_way_to_a_limit),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
