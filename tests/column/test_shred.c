/* SPDX-License-Identifier: Apache-2.0
 *
 * test_shred.c: levels and values of random nested arrays against the naive shredder of gen.h, and
 * every conversion from Arrow to Parquet values with those that are refused.
 */
#include "gen.h"

static pqf_mem *mem;
static pqf_scratch scratch;
static pqf_error err;

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err) != PQF_OK) return -1;
    pqf_scratch_init(&scratch, mem);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pqf_scratch_reset(&scratch);
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    if (used) print_error("%lld bytes are left\n", (long long)used);
    return used != 0;
}

/* ---- random arrays ---- */

/* The values of a step in the form of naive_value. */
static void step_values(pqf_shred *s, const pqf_step *step, naive_leaf *out) {
    const uint8_t *values = step->values;
    const void *resolved = values;
    if (step->kind == PQF_VALUES_CODES)
        BUILD_OK(pqf_shred_resolve(s, step->values, step->num_values, &resolved,
                                   &build_error));
    const pqf_slice *slices = resolved;
    int32_t width = pqf_leaf_width(s->leaf_field->leaf);
    for (int64_t i = 0; i < step->num_values; i++) {
        if (step->kind == PQF_VALUES_BITS) {
            uint8_t bit = pqf_bit_get(values, step->bit_at + i);
            naive_value(out, &bit, 1);
        } else if (s->leaf_field->layout == PQF_LEAF_BINARY) {
            naive_value(out, slices[i].data, slices[i].len);
        } else {
            naive_value(out, (const uint8_t *)resolved + i * width, (size_t)width);
        }
    }
}

static void step_levels(const pqf_field *field, const pqf_step *step, naive_leaf *out) {
    for (int64_t i = 0; i < step->num_levels; i++) {
        bool bit = !step->validity || pqf_bit_get(step->validity, step->validity_at + i);
        int flat = field->leaf->max_def == 0 ? 0 : bit;
        naive_put(out, step->reps ? step->reps[i] : 0, step->defs ? step->defs[i] : flat);
    }
}

static void check_same(const pqf_buf *a, const pqf_buf *b, const char *what,
                       const char *type) {
    GEN_CHECK(a->len == b->len, "%s of %s: %zu bytes, not %zu", what, type, a->len,
              b->len);
    for (size_t i = 0; i < a->len; i++)
        GEN_CHECK(a->data[i] == b->data[i], "%s of %s differ at byte %zu: %u, not %u",
                  what, type, i, a->data[i], b->data[i]);
}

static void check_leaf(const gen_column *c, const pqf_field *field, int64_t start,
                       int64_t rows, const char *type) {
    naive_leaf naive, ours;
    naive_init(&naive, field, mem);
    naive_init(&ours, field, mem);
    naive_rows(&naive, c->view, start, rows);
    pqf_shred s;
    BUILD_OK(pqf_shred_init(&s, pqf_kernels_get(), field, c->view, start, rows, &scratch,
                            &build_error));
    int64_t rows_seen = 0;
    while (s.rows_left > 0) {
        pqf_step step;
        if (gen_below(2)) s.step_rows = 1 + gen_below(100); /* any cut into steps */
        BUILD_OK(pqf_shred_next(&s, &step, &build_error));
        rows_seen += step.num_rows;
        step_levels(field, &step, &ours);
        step_values(&s, &step, &ours);
    }
    assert_int_equal(rows_seen, rows);
    check_same(&ours.reps, &naive.reps, "rep levels", type);
    check_same(&ours.defs, &naive.defs, "def levels", type);
    check_same(&ours.values, &naive.values, "values", type);
    naive_reset(&naive);
    naive_reset(&ours);
}

static void check_column(const char *type, int64_t num_rows) {
    gen_column c;
    gen_column_init(&c, type, num_rows, mem);
    for (int32_t i = 0; i < c.schema->tree.num_leaves; i++) {
        int64_t start = gen_below(3) ? 0 : gen_below(num_rows + 1);
        check_leaf(&c, c.schema->leaf_fields[i], start,
                   gen_below(2) ? num_rows - start : gen_below(num_rows - start), type);
    }
    gen_column_free(&c);
}

static void test_random_nested(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        char type[2048];
        gen_start(seed);
        gen_type(type, (int)gen_below(6));
        check_column(type, gen_below(seed % 20 ? 300 : 9000));
    }
}

static void test_every_leaf_in_every_parent(void **state) {
    (void)state;
    static const char *const parents[] = {"%s",
                                          "+s(x:%s)",
                                          "+s(x!:%s)",
                                          "+l(item:%s)",
                                          "+vL(item:%s)",
                                          "+w:3(item:%s)",
                                          "+s(y:+s(x:%s))",
                                          "+m(key!:u;value:%s)",
                                          "+l(item:+l(item:+s(x:%s)))"};
    for (size_t p = 0; p < sizeof parents / sizeof *parents; p++) {
        for (size_t l = 0; l < sizeof gen_leaves / sizeof *gen_leaves; l++) {
            char type[256];
            gen_start(1000 + p * 100 + l);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(type, sizeof type, parents[p], gen_leaves[l]);
#pragma GCC diagnostic pop
            check_column(type, 200);
        }
    }
}

static void test_null_type(void **state) {
    (void)state;
    gen_start(7);
    check_column("n", 100);
    check_column("+l(item:n)", 100);
    check_column("+s(x:n)", 100);
}

static void test_long_lists(void **state) {
    (void)state;
    gen_start(8);
    check_column("+w:700(item:f)", 40);
    check_column("+w:700(item!:l)", 40);
    check_column("+l(item:+w:90(item:i))", 60);
}

/* ---- null where none may be ---- */

static void expect_refused(const char *type, const char *values, const char *text) {
    built b = build(mem, type, values);
    gen_column c = {.arrow = b.schema, .array = b.array};
    b.schema.release = NULL;
    gen_view(&c, NULL, mem);
    pqf_shred s;
    pqf_step step;
    pqf_error_init(&err);
    BUILD_OK(pqf_shred_init(&s, pqf_kernels_get(), c.schema->leaf_fields[0], c.view, 0,
                            c.view->length, &scratch, &build_error));
    assert_int_equal(pqf_shred_next(&s, &step, &err), PQF_INVALID);
    if (!strstr(err.message, text)) fail_msg("'%s' lacks '%s'", err.message, text);
    gen_column_free(&c);
}

static void test_required_nulls(void **state) {
    (void)state;
    expect_refused("+s(a!:i)", "{1},{null}", "'a' is declared non-nullable");
    expect_refused("+s(a!:dict(c;u))", "{x},{null}", "'a' is declared non-nullable");
    expect_refused("+s(a:+s(x!:i))", "{{1}},{null},{{null}}",
                   "'x' is declared non-nullable");
    expect_refused("+s(a:+l(item!:i))", "{[1]},{null},{[2,null]}",
                   "is declared non-nullable");
    expect_refused("+s(a!:+l(item:i))", "{[1]},{null}", "'a' is declared non-nullable");
}

/* Null structs stand over required children that are null there: legal, and no value is taken. */
static void test_required_below_null(void **state) {
    (void)state;
    static const char *const types[] = {"+s(a:+s(x!:i))", "+s(a:+l(item:+s(x!:i)))"};
    static const char *const values[] = {"{{1}},{null},{{2}}",
                                         "{[{1},null]},{null},{[{2}]}"};
    for (int i = 0; i < 2; i++) {
        built b = build(mem, types[i], values[i]);
        gen_column c = {.arrow = b.schema, .array = b.array};
        gen_view(&c, NULL, mem);
        check_leaf(&c, c.schema->leaf_fields[0], 0, 3, types[i]);
        gen_column_free(&c);
    }
}

/* ---- conversions ---- */

typedef struct conversion {
    const char *type;
    const char *value; /* in Arrow's unit */
    pqf_schema_write_options options;
    const char *bytes; /* of the Parquet value, NULL: refused */
    size_t num_bytes;
} conversion;

#define BYTES(text) text, sizeof text - 1

static const conversion conversions[] = {
    {"c", "-5", {0}, BYTES("\xFB\xFF\xFF\xFF")},
    {"C", "250", {0}, BYTES("\xFA\0\0\0")},
    {"s", "-300", {0}, BYTES("\xD4\xFE\xFF\xFF")},
    {"S", "65535", {0}, BYTES("\xFF\xFF\0\0")},
    {"I", "4294967295", {0}, BYTES("\xFF\xFF\xFF\xFF")},
    {"I", "4294967295", {.version = "1.0"}, BYTES("\xFF\xFF\xFF\xFF\0\0\0\0")},
    {"tdD", "-1", {0}, BYTES("\xFF\xFF\xFF\xFF")},
    {"tdm", "-86400000", {0}, BYTES("\xFF\xFF\xFF\xFF")},
    {"tdm", "86400001", {0}, NULL, 0},
    {"tdm", "9223372036800000000", {0}, NULL, 0},
    {"tts", "86399", {0}, BYTES("\x18\x58\x26\x05")},
    {"tts", "2147484", {0}, NULL, 0},
    {"tss:", "2", {0}, BYTES("\xD0\x07\0\0\0\0\0\0")},
    {"tss:", "9223372036854776", {0}, NULL, 0},
    {"tsn:",
     "-1000000",
     {.coerce_timestamps = "ms"},
     BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
    {"tsn:", "1500", {.coerce_timestamps = "us"}, NULL, 0},
    {"tsn:",
     "1500",
     {.coerce_timestamps = "us", .allow_truncated_timestamps = true},
     BYTES("\1\0\0\0\0\0\0\0")},
    {"tsn:",
     "-1",
     {.int96_timestamps = true},
     BYTES("\xFF\xFF\x4E\x91\x94\x4E\0\0\x8B\x3D\x25\0")},
    {"tsu:",
     "1",
     {.int96_timestamps = true},
     BYTES("\xE8\x03\0\0\0\0\0\0\x8C\x3D\x25\0")},
    {"tss:", "9223372036854775807", {.int96_timestamps = true}, NULL, 0},
    {"d:9,2", "-2", {0}, BYTES("\xFF\xFF\xFF\xFE")},
    {"d:18,0", "258", {0}, BYTES("\0\0\0\0\0\0\1\2")},
    {"d:38,0",
     "-1",
     {0},
     BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
    {"d:4,0", "32767", {0}, BYTES("\x7F\xFF")},
    {"d:4,0", "32768", {0}, NULL, 0},
    {"d:2,0", "128", {0}, NULL, 0},
    {"d:20,0", "4722366482869645213695", {0}, NULL, 0},
    {"e", "1.5", {0}, BYTES("\0\x3E")},
    {"d:9,2", "-2", {.integer_decimals = true}, BYTES("\xFE\xFF\xFF\xFF")},
    {"d:18,0,64", "258", {.integer_decimals = true}, BYTES("\2\1\0\0\0\0\0\0")},
};

static void check_conversion(const conversion *t, bool dictionary) {
    char type[64], values[128];
    snprintf(type, sizeof type, dictionary ? "+s(a:dict(c;%s))" : "+s(a:%s)", t->type);
    snprintf(values, sizeof values, "{null},{%s},{null}", t->value);
    built b = build(mem, type, values);
    gen_column c = {.arrow = b.schema, .array = b.array};
    pqf_schema_write_options options = t->options;
    pqf_arena_init(&c.arena, mem);
    BUILD_OK(pqf_schema_from_arrow(&c.arrow, &options, mem, &c.schema, &build_error));
    BUILD_OK(pqf_view_init(&c.table, &c.arrow, &c.array, true, &c.arena, &build_error));
    pqf_shred s;
    pqf_step step = {0};
    pqf_error_init(&err);
    BUILD_OK(pqf_shred_init(&s, pqf_kernels_get(), c.schema->leaf_fields[0],
                            c.table.children, 0, 3, &scratch, &build_error));
    bool fits =
        pqf_values_judge(c.schema, &c.table, 0, &(pqf_poll){0}, NULL, &err) == PQF_OK;
    bool decimal = strstr(t->type, "d:") != NULL; /* judged when they are conformed */
    if (!decimal && fits != (t->bytes != NULL))
        fail_msg("%s of %s is judged wrong", t->value, t->type);
    pqf_error_init(&err);
    pqf_status status = pqf_shred_next(&s, &step, &err);
    const void *out = step.values;
    if (status == PQF_OK && dictionary)
        status = pqf_shred_resolve(&s, step.values, step.num_values, &out, &err);
    if (!t->bytes) {
        if (status != PQF_SCHEMA) fail_msg("%s of %s is not refused", t->value, t->type);
        assert_non_null(strstr(err.message, "'a'"));
    } else {
        if (status != PQF_OK) fail_msg("%s of %s: %s", t->value, t->type, err.message);
        assert_int_equal(step.num_values, 1);
        if ((size_t)pqf_leaf_width(s.leaf_field->leaf) != t->num_bytes)
            fail_msg("%s: width %d", t->type, pqf_leaf_width(s.leaf_field->leaf));
        assert_memory_equal(out, t->bytes, t->num_bytes);
    }
    gen_column_free(&c);
}

static void test_conversions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        check_conversion(&conversions[i], false);
        check_conversion(&conversions[i], true);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_nested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_leaf_in_every_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_null_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_required_nulls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_required_below_null, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conversions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
