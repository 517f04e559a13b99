/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/arena.c: alignment, zeroes, pieces of any size, strings, failing allocations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

#include <string.h>

static pqf_arena begin(pqf_error *err, int64_t budget) {
    pqf_arena arena;
    pqf_mem *mem = NULL;
    pqf_error_init(err);
    assert_int_equal(pqf_mem_new(budget, &mem, err), PQF_OK);
    pqf_arena_init(&arena, mem);
    return arena;
}

static void end(pqf_arena *arena) {
    pqf_arena_reset(arena);
    assert_int_equal(pqf_mem_used(arena->mem), 0);
    pqf_mem_release(arena->mem);
}

static void test_pieces_of_many_sizes(void **state) {
    (void)state;
    pqf_error err;
    pqf_arena arena = begin(&err, 0);
    uint8_t *pieces[400];
    for (size_t i = 0; i < 400; i++) {
        size_t size = i * i % 3001;
        void *p;
        assert_int_equal(pqf_arena_alloc(&arena, size, &p, &err), PQF_OK);
        assert_int_equal((uintptr_t)p % 16, 0);
        pieces[i] = p;
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(pieces[i][k], 0);
            pieces[i][k] = (uint8_t)i;
        }
    }
    for (size_t i = 0; i < 400; i++)
        for (size_t k = 0; k < i * i % 3001; k++)
            assert_int_equal(pieces[i][k], (uint8_t)i);
    end(&arena);
}

static void test_large_piece_leaves_the_newest_block(void **state) {
    (void)state;
    pqf_error err;
    pqf_arena arena = begin(&err, 0);
    void *a, *large, *b;
    assert_int_equal(pqf_arena_alloc(&arena, 16, &a, &err), PQF_OK);
    assert_int_equal(pqf_arena_alloc(&arena, 1000000, &large, &err), PQF_OK);
    assert_int_equal(pqf_arena_alloc(&arena, 16, &b, &err), PQF_OK);
    assert_ptr_equal(b, (uint8_t *)a + 16);
    memset(large, 1, 1000000);
    end(&arena);
}

static void test_strings(void **state) {
    (void)state;
    pqf_error err;
    pqf_arena arena = begin(&err, 0);
    const char *s;
    assert_int_equal(pqf_arena_string(&arena, pqf_bytes_of("abcd", 3), &s, &err), PQF_OK);
    assert_string_equal(s, "abc");
    assert_int_equal(pqf_arena_string(&arena, pqf_bytes_of(NULL, 0), &s, &err), PQF_OK);
    assert_string_equal(s, "");
    assert_int_equal(pqf_arena_printf(&arena, &s, &err, "%s-%d", "x", 42), PQF_OK);
    assert_string_equal(s, "x-42");
    end(&arena);
}

static void test_failures(void **state) {
    (void)state;
    pqf_error err;
    pqf_arena arena = begin(&err, 10000);
    void *p;
    assert_int_equal(pqf_arena_array(&arena, SIZE_MAX / 2, 3, &p, &err), PQF_NOMEM);
    assert_int_equal(pqf_arena_alloc(&arena, SIZE_MAX, &p, &err), PQF_NOMEM);
    assert_int_equal(pqf_arena_alloc(&arena, 20000, &p, &err), PQF_LIMIT);
    pqf_mem_fail_after(1);
    assert_int_equal(pqf_arena_alloc(&arena, 8, &p, &err), PQF_NOMEM);
    assert_int_equal(pqf_arena_array(&arena, 10, 8, &p, &err), PQF_OK);
    end(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_many_sizes),
        cmocka_unit_test(test_large_piece_leaves_the_newest_block),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
