/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/shelf.c: size classes, who comes back first, how much waits and for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/shelf.h"

#include <stdlib.h>

#define MIB      ((size_t)1 << 20)
#define SECOND   INT64_C(1000000000)
#define NUM_KEPT 4096

/* The shelf looks at nothing but the first bytes of a block. */
static pqf_shelved room[NUM_KEPT];

static int length(const pqf_shelved *chain) {
    int n = 0;
    for (; chain; chain = chain->below)
        n++;
    return n;
}

static int start(void **state) {
    (void)state;
    (void)pqf_shelf_clear();
    return 0;
}

static void use(size_t bytes, int n) {
    pqf_shelved *gone;
    for (int i = 0; i < n; i++)
        assert_null(pqf_shelf_take(bytes, &gone));
}

static int put(int first, int n, size_t bytes, int64_t now_ns) {
    int gone = 0;
    for (int i = first; i < first + n; i++)
        gone += length(pqf_shelf_put(&room[i], bytes, now_ns));
    return gone;
}

static void test_classes_hold_their_sizes(void **state) {
    (void)state;
    size_t last = 0;
    for (size_t size = PQF_SHELF_LEAST; size < PQF_MEM_BIG; size++) {
        size_t bytes = pqf_shelf_bytes(size);
        assert_true(bytes >= size + PQF_SLACK);
        assert_true(bytes - size - PQF_SLACK <= (size + PQF_SLACK) / 8);
        assert_true(bytes >= last);
        last = bytes;
    }
}

static void test_every_class_has_its_shelf(void **state) {
    (void)state;
    size_t classes[64];
    int n = 0;
    for (size_t size = PQF_SHELF_LEAST; size < PQF_MEM_BIG; size += 64)
        if (!n || classes[n - 1] != pqf_shelf_bytes(size))
            classes[n++] = pqf_shelf_bytes(size);
    for (int i = 0; i < n; i++) {
        use(classes[i], 1);
        assert_int_equal(put(i, 1, classes[i], 0), 0);
    }
    for (int i = n - 1; i >= 0; i--) {
        pqf_shelved *gone;
        assert_ptr_equal(pqf_shelf_take(classes[i], &gone), &room[i]);
        assert_null(gone);
    }
    for (int i = 0; i < n; i++)
        pqf_shelf_unuse(classes[i]);
}

static void test_last_freed_comes_first(void **state) {
    (void)state;
    size_t bytes = pqf_shelf_bytes(40000);
    pqf_shelved *gone;
    use(bytes, 3);
    assert_int_equal(put(0, 3, bytes, 5), 0);
    for (int i = 2; i >= 0; i--)
        assert_ptr_equal(pqf_shelf_take(bytes, &gone), &room[i]);
    assert_null(pqf_shelf_take(bytes, &gone));
    for (int i = 0; i < 4; i++)
        pqf_shelf_unuse(bytes);
}

static void test_waiting_and_used_stay_below_what_was_used(void **state) {
    (void)state;
    size_t bytes = pqf_shelf_bytes(60000), other = pqf_shelf_bytes(120000);
    int n = (int)(64 * MIB / bytes);
    use(bytes, n);
    assert_int_equal(put(0, n, bytes, 0), 0);
    pqf_shelved *gone = NULL;
    size_t given_up = 0, used = 0;
    for (; used < 32 * MIB; used += other) {
        assert_null(pqf_shelf_take(other, &gone));
        given_up += (size_t)length(gone) * bytes;
    }
    assert_true(given_up + bytes >= used && given_up <= used + 2 * bytes);
    for (size_t u = 0; u < used; u += other)
        pqf_shelf_unuse(other);
    (void)pqf_shelf_clear();
}

static void test_at_most_128_mib_wait(void **state) {
    (void)state;
    size_t bytes = pqf_shelf_bytes(200000);
    int n = (int)(256 * MIB / bytes);
    use(bytes, n);
    int gone = put(0, n, bytes, 0);
    assert_in_range((size_t)(n - gone) * bytes, 128 * MIB - bytes, 128 * MIB);
    (void)pqf_shelf_clear();
}

static void test_a_minute_is_enough(void **state) {
    (void)state;
    size_t old = pqf_shelf_bytes(10000), bytes = pqf_shelf_bytes(20000);
    use(old, 10);
    use(bytes, 2);
    assert_int_equal(put(0, 10, old, 0), 0);
    assert_int_equal(put(10, 1, bytes, 59 * SECOND), 0);
    assert_int_equal(put(11, 1, bytes, 61 * SECOND), 10);
    pqf_shelved *gone;
    assert_ptr_equal(pqf_shelf_take(bytes, &gone), &room[11]);
    assert_null(pqf_shelf_take(old, &gone));
    pqf_shelf_unuse(bytes);
    pqf_shelf_unuse(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_hold_their_sizes),
        cmocka_unit_test_setup(test_every_class_has_its_shelf, start),
        cmocka_unit_test_setup(test_last_freed_comes_first, start),
        cmocka_unit_test_setup(test_waiting_and_used_stay_below_what_was_used, start),
        cmocka_unit_test_setup(test_at_most_128_mib_wait, start),
        cmocka_unit_test_setup(test_a_minute_is_enough, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
