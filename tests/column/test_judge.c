/* SPDX-License-Identifier: Apache-2.0
 *
 * test_judge.c: records of values that the file cannot hold, in every kind of parent and with the
 * values that no rule may look at: those of nulls, below nulls and outside the batch's rows. Which
 * values fit stands in test_shred.c beside the conversions.
 */
#include "gen.h"

typedef struct judged {
    const char *type, *values;
    const char *path; /* NULL: everything fits */
    int64_t count, first_row;
    const char *expected, *found;
} judge_case;

static const judge_case cases[] = {
    {"tsn:", "{1000},{null},{-2000}", NULL, 0, 0, NULL, NULL},
    {"tsn:", "{1000},{1},{-1}", "a", 2, 1, "timestamp[us]", "timestamp[ns]"},
    {"+s(x:tsn:)", "{null},{{null}},{{1001}}", "a.x", 1, 2, "timestamp[us]",
     "timestamp[ns]"},
    {"+l(item:tsn:)", "{[1000]},{[]},{[null,5,2000,6]}", "a[]", 2, 2, "timestamp[us]",
     "timestamp[ns]"},
    {"+L(item:+s(y:tts))", "{null},{[{1},null,{2147484}]}", "a[].y", 1, 1, "time32[ms]",
     "time32[s]"},
    {"+w:2(item:tdm)", "{[86400000,1]},{null}", "a[]", 1, 0, "date32[day]", NULL},
    {"+m(key!:u;value:tss:)", "{[{k,1}]},{[{k,9223372036854775807},{l,null}]}", "a.value",
     1, 1, "timestamp[ms]", "timestamp[s]"},
    {"dict(c;tsn:)", "{7000},{7},{null},{7}", "a", 2, 1, "timestamp[us]", NULL},
};

static void check(const judge_case *t, pqf_mem *mem) {
    char type[128];
    snprintf(type, sizeof type, "+s(a:%s)", t->type);
    built b = build(mem, type, t->values);
    gen_column c = {.arrow = b.schema, .array = b.array};
    pqf_schema_write_options options = {.coerce_timestamps = NULL, .version = "2.4"};
    pqf_error err;
    pqf_report *report = pqf_report_new();
    pqf_error_init(&err);
    pqf_arena_init(&c.arena, mem);
    BUILD_OK(pqf_schema_from_arrow(&c.arrow, &options, mem, &c.schema, &build_error));
    BUILD_OK(pqf_view_init(&c.table, &c.arrow, &c.array, true, &c.arena, &build_error));
    pqf_status status =
        pqf_values_judge(c.schema, &c.table, 100, &(pqf_poll){0}, report, &err);
    if (status != (t->path ? PQF_SCHEMA : PQF_OK))
        fail_msg("%s of %s: %d %s", t->values, t->type, status, err.message);
    assert_int_equal(pqf_report_num_failures(report), t->path != NULL);
    const pqf_failure *f = pqf_report_failure(report, 0);
    if (f) {
        assert_string_equal(f->path, t->path);
        assert_string_equal(f->rule, "value");
        if (t->expected) assert_string_equal(f->expected, t->expected);
        if (t->found) assert_string_equal(f->found, t->found);
        assert_int_equal(f->count, t->count);
        assert_int_equal(f->sample_rows[0], 100 + t->first_row);
        assert_non_null(strstr(err.message, t->path));
    }
    pqf_report_free(report);
    gen_column_free(&c);
}

static pqf_mem *begin(void) {
    pqf_mem *mem;
    BUILD_OK(pqf_mem_new(0, &mem, &build_error));
    return mem;
}

static void test_parents(void **state) {
    (void)state;
    pqf_mem *mem = begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], mem);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

/* Random arrays: null slots and null lists hold garbage. The judge and the conversion agree. */
static void test_agrees_with_conversion(void **state) {
    (void)state;
    static const char *const types[] = {"tts",          "+s(x:tts)",
                                        "+l(item:tts)", "+w:2(item:tts)",
                                        "+L(item:tts)", "dict(c;tts)"};
    pqf_mem *mem = begin();
    pqf_scratch scratch;
    pqf_scratch_init(&scratch, mem);
    int refused = 0, taken = 0;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        gen_column c;
        gen_start(seed);
        const char *type = types[seed % 6];
        int64_t rows = 1 + gen_below(5);
        gen_column_init(&c, type, rows, mem);
        pqf_error err, other;
        pqf_shred s;
        pqf_step step;
        pqf_error_init(&err);
        pqf_error_init(&other);
        BUILD_OK(pqf_shred_init(&s, pqf_kernels_get(), c.schema->leaf_fields[0], c.view,
                                c.table.offset, rows, &scratch, &build_error));
        pqf_status status = pqf_shred_next(&s, &step, &err);
        const void *out;
        if (status == PQF_OK && step.kind == PQF_VALUES_CODES)
            status = pqf_shred_resolve(&s, step.values, step.num_values, &out, &err);
        pqf_status judged =
            pqf_values_judge(c.schema, &c.table, 0, &(pqf_poll){0}, NULL, &other);
        if (!strstr(err.message, "non-nullable"))
            GEN_CHECK(judged == status, "%s: judged %d (%s), converted %d (%s)", type,
                      judged, other.message, status, err.message);
        refused += judged != PQF_OK;
        taken += judged == PQF_OK;
        gen_column_free(&c);
    }
    assert_true(refused > 20 && taken > 20);
    pqf_scratch_reset(&scratch);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_agrees_with_conversion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
