/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel_test.h: what the tests of the room kernel share. Areas between two unmapped pages, in
 * which a buffer begins at the first byte or ends PQF_SLACK bytes before the last; random values;
 * a check that prints seed, level and case. Each kernel of each level is compared with a plain
 * loop in the test, so the levels also agree with each other.
 */
#ifndef PQF_TESTS_KERNEL_TEST_H
#define PQF_TESTS_KERNEL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/kernel.h"

static uint64_t seed_start, seed_now;

static inline uint64_t rnd(void) {
    uint64_t z = seed_now += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}
static inline int64_t rnd_below(int64_t n) { return (int64_t)(rnd() % (uint64_t)n); }

/* PQF_SEED repeats a failed run. */
static inline void seed_set(void) {
    const char *wish = getenv("PQF_SEED");
    seed_start = wish ? strtoull(wish, NULL, 10) : (uint64_t)time(NULL) * 2654435761u;
    seed_now = seed_start;
}

#define CHECK(cond, ...)                                                                 \
    do {                                                                                 \
        if (!(cond)) {                                                                   \
            print_error("PQF_SEED=%llu: ", (unsigned long long)seed_start);              \
            print_error(__VA_ARGS__);                                                    \
            print_error("\n");                                                           \
            fail();                                                                      \
        }                                                                                \
    } while (0)

/* The level is a table; levels this CPU lacks are left out. */
static const char *const level_names[] = {"scalar", "avx2", "avx512", "neon"};
enum { NUM_LEVELS = sizeof level_names / sizeof *level_names };
#define FOR_LEVELS(k)                                                                    \
    for (int level_ = 0; level_ < NUM_LEVELS; level_++)                                  \
        for (const pqf_kernels *k = pqf_kernels_level(level_names[level_]); k; k = NULL)

enum { AREA = 1 << 18 };

/* Filled with junk, so that a result that depends on slack shows. */
static inline uint8_t *area_new(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p =
        mmap(NULL, AREA + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + page, AREA, PROT_READ | PROT_WRITE)) abort();
    for (size_t i = 0; i < AREA; i++)
        p[page + i] = (uint8_t)rnd();
    return p + page;
}

/* Where a buffer of len bytes lies: at the end of the area (kind 0), one byte earlier (kind 1, so
 * elements are misaligned) or at its beginning (kind 2). */
enum { NUM_PLACES = 3 };
static inline uint8_t *place(uint8_t *area, int64_t len, int kind) {
    if (kind == 2) return area;
    return area + AREA - PQF_SLACK - len - kind;
}

static inline void fill_random(uint8_t *p, int64_t len) {
    for (int64_t i = 0; i < len; i++)
        p[i] = (uint8_t)rnd();
}

/* Bits from bit 0 with about `percent` of them set, sometimes in runs; len bytes. */
static inline void fill_bitmap(uint8_t *p, int64_t len, int percent, bool runs) {
    bool v = false;
    for (int64_t i = 0; i < len * 8; i++) {
        if (!runs || rnd_below(40) == 0) v = rnd_below(100) < percent;
        pqf_bit_put(p, i, v);
    }
}

static inline int fill_bitmap_any(uint8_t *p, int64_t len) {
    static const int percents[] = {0, 3, 50, 90, 100};
    int percent = percents[rnd_below(5)];
    fill_bitmap(p, len, percent, rnd_below(2));
    return percent;
}

/* Lengths worth trying: all small ones, then a few that are large. */
enum { NUM_LENGTHS = 208 };
static inline int64_t length_at(int i) { return i < 200 ? i : 200 + rnd_below(4000); }

#endif
