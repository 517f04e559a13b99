/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conform_large.c: conforming arrays that span many blocks and bitmap words, at odd
 * offsets and below null parents, against a plain loop over the same values. Every run
 * prints its seed on failure.
 */
#include "arrow/build.h"

static pqf_mem *mem;
static uint64_t seed;

static int set_up(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    if (used) print_error("%lld bytes leaked\n", (long long)used);
    pqf_mem_release(mem);
    return used != 0;
}

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static pqf_buf bytes_of(size_t size) {
    pqf_buf buf;
    pqf_buf_init(&buf, mem, 0);
    BUILD_OK(pqf_buf_put_zeros(&buf, size, &build_error));
    return buf;
}

/* Random validity, one null in `one_in`; 0 for none. */
static void put_validity(struct ArrowArray *array, int64_t slots, unsigned one_in) {
    if (!one_in) return;
    pqf_buf bits = bytes_of((size_t)pqf_bits_bytes(slots));
    for (int64_t i = 0; i < slots; i++)
        pqf_bit_put(bits.data, i, next_random() % one_in != 0);
    pqf_array_take_buffer(array, 0, &bits);
    array->null_count = -1;
}

static bool valid_at(const struct ArrowArray *array, int64_t i) {
    return !array->buffers[0] || pqf_bit_get(array->buffers[0], array->offset + i);
}

typedef struct plan {
    const char *from, *to;
    unsigned width;
    uint64_t range; /* values 0..range-1, of which the last do not fit */
    int64_t limit;  /* the first that does not */
} plan;

static const plan PLANS[] = {
    {"l", "c", 8, 130, 128},
    {"i", "C", 4, 258, 256},
    {"L", "i", 8, 1u << 31, 1u << 31},
    {"l", "l", 8, 1000, 1000},
    {"tss:", "tsn:", 8, 9223372040, 9223372037},
    {"tts", "ttm", 4, 2147490, 2147484},
    {"s", "g", 2, 32767, 32767},
    {"C", "L", 1, 256, 256},
};

static int64_t value_at(const struct ArrowArray *a, int64_t i, unsigned width) {
    int64_t v = 0;
    memcpy(&v, (const uint8_t *)a->buffers[1] + (size_t)(a->offset + i) * width, width);
    return v;
}

/* struct<p: struct<a: from>> with a random offset at each level. */
static built random_batch(const plan *p, int64_t rows) {
    char type[64];
    snprintf(type, sizeof type, "+s(p:+s(a:%s))", p->from);
    built b = {.schema = build_schema(type)};
    int64_t offsets[3], slots = rows;
    for (int i = 0; i < 3; i++)
        offsets[i] = (int64_t)(next_random() % 100);
    BUILD_OK(pqf_array_init(&b.array, mem, rows, 0, 1, 1, &build_error));
    b.array.offset = offsets[0];
    slots += offsets[0];
    struct ArrowArray *parent = b.array.children[0], *leaf;
    BUILD_OK(pqf_array_init(parent, mem, slots, 0, 1, 1, &build_error));
    parent->offset = offsets[1];
    slots += offsets[1];
    put_validity(parent, slots, (unsigned)(next_random() % 3) * 5);
    leaf = parent->children[0];
    BUILD_OK(pqf_array_init(leaf, mem, slots, 0, 2, 0, &build_error));
    leaf->offset = offsets[2];
    slots += offsets[2];
    put_validity(leaf, slots, (unsigned)(next_random() % 3) * 4);
    pqf_buf values = bytes_of((size_t)slots * p->width);
    for (int64_t i = 0; i < slots; i++) {
        uint64_t v = next_random() % p->range;
        memcpy(values.data + (size_t)i * p->width, &v, p->width);
    }
    pqf_array_take_buffer(leaf, 1, &values);
    return b;
}

static void compare(const plan *p, const built *b, uint64_t start) {
    char type[64];
    snprintf(type, sizeof type, "+s(p:+s(a:%s))", p->to);
    struct ArrowSchema declared = build_schema(type);
    const struct ArrowArray *parent = b->array.children[0], *leaf = parent->children[0];
    int64_t rows = b->array.length, failures = 0, first = -1;
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = b->array.offset + i, slot = parent->offset + at;
        bool live = valid_at(parent, at) && valid_at(leaf, slot);
        bool fails = live && value_at(leaf, slot, p->width) >= p->limit;
        if (fails && first < 0) first = i;
        failures += fails;
    }
    pqf_conform *conform;
    pqf_report *report = pqf_report_new();
    struct ArrowArray out;
    const struct ArrowSchema *schema;
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    pqf_status status = build_conform(conform, &b->schema, &b->array, 7, report, &out,
                                      &schema, &build_error);
    if (status != (failures ? PQF_SCHEMA : PQF_OK))
        fail_msg("seed %llu: %s", (unsigned long long)start, build_error.message);
    if (failures) {
        const pqf_failure *f = pqf_report_failure(report, 0);
        if (f->count != failures || f->sample_rows[0] != first + 7)
            fail_msg("seed %llu: %lld failures from row %lld, expected %lld from %lld",
                     (unsigned long long)start, (long long)f->count,
                     (long long)f->sample_rows[0], (long long)failures,
                     (long long)first + 7);
    } else {
        pqf_arena arena;
        pqf_view was, is;
        pqf_arena_init(&arena, mem);
        BUILD_OK(pqf_view_init(&was, &b->schema, &b->array, true, &arena, &build_error));
        BUILD_OK(pqf_view_init(&is, schema, &out, true, &arena, &build_error));
        for (int64_t i = 0; i < rows; i++) {
            const pqf_view *x = &was.children[0], *y = &is.children[0];
            int64_t at = was.offset + i, to = is.offset + i;
            bool dead = !pqf_view_is_valid(x, at),
                 same = dead == !pqf_view_is_valid(y, to);
            at += x->offset, to += y->offset, x = x->children, y = y->children;
            same = same && pqf_view_is_valid(x, at) == pqf_view_is_valid(y, to);
            if (!same)
                fail_msg("seed %llu: validity of row %lld", (unsigned long long)start,
                         (long long)i);
            if (dead || !pqf_view_is_valid(x, at) || strchr(p->to, 't')) continue;
            char a[100], c[100];
            pqf_view_text(x, at, a, sizeof a);
            pqf_view_text(y, to, c, sizeof c);
            if (atof(a) != atof(c))
                fail_msg("seed %llu: %s is %s", (unsigned long long)start, a, c);
        }
        pqf_arena_reset(&arena);
        pqf_array_release(&out);
    }
    pqf_conform_free(conform);
    pqf_report_free(report);
    pqf_schema_release(&declared);
}

static void numbers_below_null_parents(void **state) {
    (void)state;
    for (uint64_t run = 1; run <= 60; run++) {
        uint64_t start = run * 0x9E3779B97F4A7C15u;
        seed = start;
        for (size_t k = 0; k < sizeof PLANS / sizeof PLANS[0]; k++) {
            built b = random_batch(
                &PLANS[k], (int64_t)(next_random() % (run % 10 == 0 ? 5000 : 300)));
            compare(&PLANS[k], &b, start);
            build_free(&b);
        }
    }
}

/* Five hundred columns in another order. */
static void many_columns(void **state) {
    (void)state;
    enum { N = 500 };
    struct ArrowSchema declared;
    built b;
    BUILD_OK(pqf_schema_init(&declared, "+s", "", 0, N, &build_error));
    BUILD_OK(pqf_schema_init(&b.schema, "+s", "", 0, N, &build_error));
    BUILD_OK(pqf_array_init(&b.array, mem, 1, 0, 1, N, &build_error));
    for (int i = 0; i < N; i++) {
        char name[16];
        int at = (i * 7 + 3) % N;
        snprintf(name, sizeof name, "c%d", i);
        BUILD_OK(pqf_schema_init(declared.children[i], "l", name, 0, 0, &build_error));
        BUILD_OK(pqf_schema_init(b.schema.children[at], "i", name, 0, 0, &build_error));
        BUILD_OK(pqf_array_init(b.array.children[at], mem, 1, 0, 2, 0, &build_error));
        pqf_buf value = bytes_of(4);
        memcpy(value.data, &i, 4);
        pqf_array_take_buffer(b.array.children[at], 1, &value);
    }
    pqf_conform *conform;
    struct ArrowArray out;
    const struct ArrowSchema *schema;
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    BUILD_OK(build_conform(conform, &b.schema, &b.array, 0, NULL, &out, &schema,
                           &build_error));
    for (int i = 0; i < N; i++)
        assert_int_equal(((const int64_t *)out.children[i]->buffers[1])[0], i);
    pqf_array_release(&out);
    pqf_conform_free(conform);
    build_free(&b);
    pqf_schema_release(&declared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_below_null_parents),
        cmocka_unit_test(many_columns),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
