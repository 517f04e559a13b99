/* SPDX-License-Identifier: Apache-2.0
 *
 * codec_test.h: what the tests of the room codec share: sample data, areas whose last byte lies
 * PQF_SLACK before an unmapped page, and calls that fill in context and error.
 */
#ifndef PQF_TESTS_CODEC_TEST_H
#define PQF_TESTS_CODEC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/codec.h"

static uint64_t seed_start, seed_now;

static inline uint64_t rnd(void) {
    uint64_t z = seed_now += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

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

enum { AREA = 1 << 19 };

static inline uint8_t *area_new(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p =
        mmap(NULL, AREA + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + page, AREA, PROT_READ | PROT_WRITE)) abort();
    return p + page;
}

static inline uint8_t *place(uint8_t *area, size_t len) {
    return area + AREA - PQF_SLACK - len;
}

/* kind 0: random bytes, 1: one byte repeated, 2: text of few words, 3: small numbers. */
enum { NUM_KINDS = 4 };
static inline void make_sample(uint8_t *p, size_t len, int kind) {
    static const char *const words[] = {"row ",   "group ", "column ",
                                        "chunk ", "page ",  "level "};
    const char *word = "";
    for (size_t i = 0; i < len; i++) {
        if (kind == 2 && !*word) word = words[rnd() % 6];
        p[i] = kind == 0   ? (uint8_t)rnd()
               : kind == 1 ? 'x'
               : kind == 2 ? (uint8_t)*word++
                           : (uint8_t)(i % 4 ? 0 : rnd() % 50);
    }
}

#endif
