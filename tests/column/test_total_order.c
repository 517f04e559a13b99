/* SPDX-License-Identifier: Apache-2.0
 *
 * test_total_order.c: floats in IEEE 754 total order, against a plain comparison of signs and
 * magnitudes one by one: NaN of both signs and all payloads, zeros, infinities, values of each width;
 * and what notes make of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "column/notes.h"
#include "column/total_order.h"

static const int32_t widths[] = {2, 4, 8};

/* Bits of infinity without its sign. */
static uint64_t infinity_of(int32_t width) {
    return width == 8   ? UINT64_C(0x7FF) << 52
           : width == 4 ? UINT64_C(0xFF) << 23
                        : UINT64_C(0x1F) << 10;
}

static uint64_t sign_of(int32_t width) { return UINT64_C(1) << (8 * width - 1); }

/* ---- the model: bits as numbers ---- */

static bool is_nan(uint64_t bits, int32_t width) {
    return (bits & (sign_of(width) - 1)) > infinity_of(width);
}

static bool is_less(uint64_t a, uint64_t b, int32_t width) {
    bool minus_a = a & sign_of(width), minus_b = b & sign_of(width);
    if (minus_a != minus_b) return minus_a;
    return minus_a ? a > b : a < b;
}

/* NaN only where nothing else has been seen. */
static void model(const uint64_t *values, int64_t n, int32_t width, uint64_t *min,
                  uint64_t *max) {
    bool seen = false, nans = true;
    for (int64_t i = 0; i < n; i++) {
        bool nan = is_nan(values[i], width);
        if (nan && !nans) continue;
        bool first = !seen || (nans && !nan);
        if (first || is_less(values[i], *min, width)) *min = values[i];
        if (first || is_less(*max, values[i], width)) *max = values[i];
        seen = true;
        nans = nan;
    }
}

/* ---- values ---- */

static uint64_t some_nan(int32_t width) {
    uint64_t payload = (uint64_t)rand() % 5 + 1;
    uint64_t inf = infinity_of(width),
             quiet = (inf & -inf) >> 1; /* top bit of the payload */
    return inf + (rand() % 2 ? quiet : 0) + payload;
}

static uint64_t some_number(int32_t width) {
    uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
    return bits % (infinity_of(width) + 1);
}

/* What kinds of values a block has: a bit each. */
enum { ZEROS = 1, NANS = 2, NUMBERS = 4, INFINITIES = 8, MINUS = 16, PLUS = 32 };

static uint64_t some_value(int32_t width, int kinds) {
    uint64_t sign = 0, bits = 0;
    bool both = (kinds & MINUS) && (kinds & PLUS);
    if (both ? rand() % 2 : kinds & MINUS) sign = sign_of(width);
    for (int kind = 0; !kind;) {
        kind = kinds & (1 << rand() % 4);
        if (kind == NANS) bits = some_nan(width);
        if (kind == NUMBERS) bits = some_number(width);
        if (kind == INFINITIES) bits = infinity_of(width);
    }
    return sign | bits;
}

static uint64_t load(const uint8_t *p, int32_t width) {
    uint64_t bits = 0;
    memcpy(&bits, p, (size_t)width);
    return bits;
}

#define MOST 300

static int64_t fill(uint64_t *values, uint8_t *bytes, int32_t width) {
    int64_t n = 1 + rand() % (rand() % 2 ? 8 : MOST);
    int kinds = (1 + rand() % 15) | (1 + rand() % 3) * MINUS;
    for (int64_t i = 0; i < n; i++) {
        values[i] = some_value(width, kinds);
        memcpy(bytes + i * width, &values[i], (size_t)width);
    }
    return n;
}

/* ---- tests ---- */

static void test_keys(void **state) {
    (void)state;
    for (size_t w = 0; w < 3; w++) {
        int32_t width = widths[w];
        uint64_t inf = infinity_of(width), sign = sign_of(width);
        const uint64_t rising[] = {sign | (sign - 1),
                                   sign | (inf + 2),
                                   sign | (inf + 1),
                                   sign | inf,
                                   sign | (inf - 1),
                                   sign | 1,
                                   sign,
                                   0,
                                   1,
                                   inf - 1,
                                   inf,
                                   inf + 1,
                                   inf + 2,
                                   sign - 1};
        for (size_t i = 1; i < sizeof rising / sizeof *rising; i++) {
            const uint8_t *a = (const uint8_t *)&rising[i - 1];
            const uint8_t *b = (const uint8_t *)&rising[i];
            assert_true(pqf_total_order_key(a, width) < pqf_total_order_key(b, width));
        }
    }
}

static void test_minmax(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= 3000; seed++) {
        uint64_t values[MOST], min = 0, max = 0;
        uint8_t bytes[MOST * 8 + PQF_SLACK] = {0}, lo[8], hi[8];
        int32_t width = widths[seed % 3];
        srand(seed);
        int64_t n = fill(values, bytes, width);
        model(values, n, width, &min, &max);
        bool nans = pqf_total_order_minmax(pqf_kernels_get(), bytes, n, width, lo, hi);
        if (nans != is_nan(min, width) || load(lo, width) != min ||
            load(hi, width) != max)
            fail_msg("seed %u, width %d: %llx %llx, not %llx %llx", seed, (int)width,
                     (unsigned long long)load(lo, width),
                     (unsigned long long)load(hi, width), (unsigned long long)min,
                     (unsigned long long)max);
    }
}

typedef struct noting {
    pqf_mem *mem;
    pqf_error err;
    pqf_leaf leaf;
    pqf_field field;
    pqf_notes notes;
} noting;

static void begin(noting *t, int32_t width) {
    static const pqf_physical physical[] = {
        [2] = PQF_PHYSICAL_FIXED, [4] = PQF_PHYSICAL_FLOAT, [8] = PQF_PHYSICAL_DOUBLE};
    t->leaf = (pqf_leaf){.physical = physical[width],
                         .type_length = width == 2 ? 2 : 0,
                         .order = width == 2 ? PQF_ORDER_FLOAT16 : PQF_ORDER_FLOAT};
    t->field = (pqf_field){.leaf = &t->leaf};
    pqf_error_init(&t->err);
    assert_int_equal(pqf_mem_new(0, &t->mem, &t->err), PQF_OK);
    pqf_notes_init(&t->notes, &t->field, true, pqf_kernels_get(), t->mem);
}

static void end(noting *t) {
    pqf_notes_reset(&t->notes);
    assert_int_equal(pqf_mem_used(t->mem), 0);
    pqf_mem_release(t->mem);
}

static void expect(noting *t, const uint64_t *values, int64_t n, int32_t width,
                   unsigned seed) {
    uint64_t min = 0, max = 0;
    int64_t nans = 0;
    pqf_statistics out = {0};
    model(values, n, width, &min, &max);
    for (int64_t i = 0; i < n; i++)
        nans += is_nan(values[i], width);
    pqf_notes_finish(&t->notes, &out);
    assert_true(out.has_nan_count && out.has_min_value && out.has_max_value);
    assert_true(out.has_is_min_value_exact && out.is_min_value_exact);
    assert_true(out.has_is_max_value_exact && out.is_max_value_exact);
    assert_false(out.has_min || out.has_max); /* which are not in this order */
    assert_int_equal(out.min_value.len, width);
    assert_int_equal(out.max_value.len, width);
    if (out.nan_count != nans || load(out.min_value.data, width) != min ||
        load(out.max_value.data, width) != max)
        fail_msg("seed %u, width %d", seed, (int)width);
}

/* In parts of any size, of which some have nothing but NaN. */
static void test_notes(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= 1500; seed++) {
        uint64_t values[8 * MOST];
        int32_t width = widths[seed % 3];
        int64_t n = 0;
        noting t;
        srand(seed);
        begin(&t, width);
        for (int parts = 1 + rand() % 8; parts > 0; parts--) {
            uint8_t bytes[MOST * 8 + PQF_SLACK] = {0};
            int64_t part = fill(values + n, bytes, width);
            pqf_notes_count_nans(&t.notes, bytes, part);
            assert_int_equal(pqf_notes_put_fixed(&t.notes, bytes, part, &t.err), PQF_OK);
            n += part;
        }
        expect(&t, values, n, width, seed);
        end(&t);
    }
}

static void test_cleared_notes(void **state) {
    (void)state;
    double one[1 + PQF_SLACK / 8] = {1}, nan[1 + PQF_SLACK / 8] = {-__builtin_nan("7")};
    noting t;
    begin(&t, 8);
    pqf_statistics out = {0};
    pqf_notes_finish(&t.notes, &out);
    assert_false(out.has_min_value || out.has_max_value);
    assert_int_equal(pqf_notes_put_fixed(&t.notes, one, 1, &t.err), PQF_OK);
    pqf_notes_clear(&t.notes);
    assert_int_equal(pqf_notes_put_fixed(&t.notes, nan, 1, &t.err), PQF_OK);
    pqf_notes_finish(&t.notes, &out);
    assert_memory_equal(out.min_value.data, nan, 8);
    pqf_notes_clear(&t.notes);
    assert_int_equal(pqf_notes_put_fixed(&t.notes, one, 1, &t.err), PQF_OK);
    assert_int_equal(pqf_notes_put_fixed(&t.notes, nan, 1, &t.err), PQF_OK);
    pqf_notes_finish(&t.notes, &out);
    assert_memory_equal(out.min_value.data, one, 8);
    assert_memory_equal(out.max_value.data, one, 8);
    end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_minmax),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_cleared_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
