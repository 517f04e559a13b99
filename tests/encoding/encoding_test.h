/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding_test.h: what the tests of the room encoding share: random numbers with a printed seed,
 * memory that ends exactly at its slack (the address sanitizer guards what lies behind), and a
 * decoder of the hybrid that goes bit by bit and serves as the oracle.
 */
#ifndef PQF_TESTS_ENCODING_TEST_H
#define PQF_TESTS_ENCODING_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "encoding/encoding.h"

#include <stdlib.h>
#include <string.h>

/* ---- random numbers ---- */

static uint64_t rnd_seed, rnd_state;

static inline void rnd_start(uint64_t seed) { rnd_seed = rnd_state = seed; }

static inline uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}
static inline uint64_t rnd(void) {
    return mix(rnd_state += UINT64_C(0x9E3779B97F4A7C15));
}
static inline int64_t rnd_below(int64_t n) {
    return n > 0 ? (int64_t)(rnd() % (uint64_t)n) : 0;
}

/* A step of a pull: mostly short, sometimes long, at most `left`. */
static inline int64_t rnd_step(int64_t left) {
    static const int64_t most[] = {2, 10, 100, 3000, 20000};
    return pqf_min_i64(left, rnd_below(most[rnd_below(5)]));
}

#define CHECK(what, ...)                                                                 \
    do {                                                                                 \
        if (!(what)) {                                                                   \
            print_error("seed %llu: %s: ", (unsigned long long)rnd_seed, #what);         \
            print_error(__VA_ARGS__);                                                    \
            print_error("\n");                                                           \
            fail();                                                                      \
        }                                                                                \
    } while (0)

/* ---- memory ---- */

static pqf_mem *test_mem;
static pqf_error test_err;

static inline int mem_setup(void **state) {
    (void)state;
    pqf_error_init(&test_err);
    return pqf_mem_new(0, &test_mem, &test_err) == PQF_OK ? 0 : -1;
}
static inline int mem_teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(test_mem);
    pqf_mem_release(test_mem);
    return used == 0 ? 0 : -1;
}

static inline pqf_buf buf_new(void) {
    pqf_buf buf;
    pqf_buf_init(&buf, test_mem, 0);
    return buf;
}

/* len bytes and PQF_SLACK of noise behind them. */
static inline uint8_t *padded(size_t len) {
    uint8_t *p = malloc(len + PQF_SLACK);
    if (!p) abort();
    for (size_t i = 0; i < PQF_SLACK; i++)
        p[len + i] = (uint8_t)rnd();
    return p;
}
static inline uint8_t *padded_copy(const void *bytes, size_t len) {
    uint8_t *p = padded(len);
    if (len) memcpy(p, bytes, len);
    return p;
}
/* Not a byte more: foreign memory. */
static inline uint8_t *exact_copy(const void *bytes, size_t len) {
    uint8_t *p = malloc(len ? len : 1);
    if (!p) abort();
    if (len) memcpy(p, bytes, len);
    return p;
}

static inline void expect_ok(pqf_status status) {
    CHECK(status == PQF_OK, "%s: %s", pqf_status_name(status), test_err.message);
}
static inline void expect_fail(pqf_status got, pqf_status want, const char *words) {
    CHECK(got == want && strstr(test_err.message, words), "%s: \"%s\", expected \"%s\"",
          pqf_status_name(got), test_err.message, words);
}

/* ---- levels of instruction sets ---- */

static const char *const level_names[] = {"scalar", "avx2", "avx512", "neon"};
#define NUM_LEVELS ((int)(sizeof level_names / sizeof *level_names))
#define FOR_LEVELS(k)                                                                    \
    for (int level_ = 0; level_ < NUM_LEVELS; level_++)                                  \
        for (const pqf_kernels *k = pqf_kernels_level(level_names[level_]); k; k = NULL)

/* ---- the oracle ---- */

static inline bool ref_bit(const uint8_t *p, uint64_t bit) {
    return (p[bit / 8] >> (bit % 8)) & 1;
}

static inline uint32_t ref_value(const uint8_t *p, uint64_t index, int width) {
    uint32_t v = 0;
    for (int b = 0; b < width; b++)
        v |= (uint32_t)ref_bit(p, index * (uint64_t)width + (uint64_t)b) << b;
    return v;
}

/* Values of the runs in `len` bytes, at most n; returns how many there are. */
static inline int64_t ref_hybrid(const uint8_t *p, size_t len, int width, int64_t n,
                                 uint32_t *out) {
    size_t at = 0;
    int64_t done = 0;
    while (done < n && at < len) {
        uint64_t header = 0;
        for (int shift = 0;; shift += 7) {
            if (at == len) return done;
            header |= (uint64_t)(p[at] & 0x7F) << shift;
            if (!(p[at++] & 0x80)) break;
        }
        uint64_t count = header & 1 ? (header >> 1) * 8 : header >> 1;
        size_t value_bytes = (size_t)(width + 7) / 8;
        if (!(header & 1) && at + value_bytes > len) return done;
        for (uint64_t i = 0; i < count && done < n; i++) {
            if (header & 1 && (at * 8 + (i + 1) * (uint64_t)width + 7) / 8 > len)
                return done;
            out[done++] =
                header & 1 ? ref_value(p + at, i, width) : ref_value(p + at, 0, width);
        }
        at += header & 1 ? (size_t)(header >> 1) * (size_t)width : value_bytes;
    }
    return done;
}

#endif
