/* SPDX-License-Identifier: Apache-2.0
 *
 * test_groups.c: rows by partition, over many calls.
 */
#include "file/file_test.h"

#define MAX_ROWS 64

/* "a=1/b=x a=..." by row. */
static pqf_status folders_of(pqf_groups *g, const char *type, const char *values,
                             int64_t start, char *out) {
    pqf_arena arena = {.mem = test_mem};
    pqf_view view;
    uint32_t group[MAX_ROWS];
    const pqf_view *columns[4];
    built b = build(test_mem, type, values);
    OK(pqf_view_init(&view, &b.schema, &b.array, true, &arena, &test_err));
    for (int64_t i = 0; i < view.num_children; i++)
        columns[i] = &view.children[i];
    pqf_status status =
        pqf_groups_put(g, columns, start, view.length - start, group, &test_err);
    *out = 0;
    for (int64_t i = 0; status == PQF_OK && i < view.length - start; i++) {
        assert_true(group[i] < pqf_groups_count(g));
        sprintf(out + strlen(out), "%s%s", i ? " " : "", pqf_groups_folder(g, group[i]));
    }
    pqf_arena_reset(&arena);
    build_free(&b);
    return status;
}

static void tuples(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b"};
    pqf_groups *g;
    char text[4096];
    OK(pqf_groups_new(names, 2, test_mem, &g, &test_err));
    OK(folders_of(g, "+s(a:i;b:u)", "{1,x},{1,x},{2,x},{null,''},{1,null},{1,NULL},{1,x}",
                  0, text));
    assert_string_equal(text, "a=1/b=x a=1/b=x a=2/b=x a=__HIVE_DEFAULT_PARTITION__/b= "
                              "a=1/b=__HIVE_DEFAULT_PARTITION__ a=1/b=NULL a=1/b=x");
    assert_int_equal(pqf_groups_count(g), 5);
    OK(folders_of(g, "+s(a:i;b:dict(c;u))", "{9,q},{2,x},{3,null},{3,'x/y'}", 1, text));
    assert_string_equal(text, "a=2/b=x a=3/b=__HIVE_DEFAULT_PARTITION__ a=3/b=x%2Fy");
    assert_int_equal(pqf_groups_count(g),
                     7); /* what comes before `start` is not looked at */
    assert_string_equal(pqf_groups_folder(g, 1),
                        "a=2/b=x"); /* in the order of appearance */
    OK(folders_of(g, "+s(a:i;b:u)", "", 0, text));
    assert_string_equal(text, "");
    pqf_groups_free(g);
    pqf_groups_free(NULL);
}

static void kinds_of_columns(void **state) {
    (void)state;
    static const char *const names[] = {"a"};
    static const struct {
        const char *type, *values, *folders;
    } table[] = {
        {"+s(a:b)", "{true},{false},{null},{true}",
         "a=true a=false a=__HIVE_DEFAULT_PARTITION__ a=true"},
        {"+s(a:dict(i;b))", "{true},{false},{true}", "a=true a=false a=true"},
        {"+s(a:g)", "{nan},{-0.0},{0},{nan}", "a=nan a=-0.0 a=0.0 a=nan"},
        {"+s(a:vu)", "{'a long text of many bytes'},{s},{s}",
         "a=a long text of many bytes a=s a=s"},
        {"+s(a:tsu:Z)", "{0},{1}",
         "a=1970-01-01T00%3A00%3A00.000000Z a=1970-01-01T00%3A00%3A00.000001Z"},
        {"+s(a:d:5,2)", "{100},{-1}", "a=1.00 a=-0.01"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pqf_groups *g;
        char text[4096];
        OK(pqf_groups_new(names, 1, test_mem, &g, &test_err));
        OK(folders_of(g, table[i].type, table[i].values, 0, text));
        assert_string_equal(text, table[i].folders);
        pqf_groups_free(g);
    }
}

static void refused_values(void **state) {
    (void)state;
    static const char *const names[] = {"a"};
    pqf_groups *g;
    char text[4096], values[400];
    OK(pqf_groups_new(names, 1, test_mem, &g, &test_err));
    FAILS(PQF_INVALID, "column a: the text __HIVE_DEFAULT_PARTITION__ marks null",
          folders_of(g, "+s(a:u)", "{x},{__HIVE_DEFAULT_PARTITION__}", 0, text));
    sprintf(values, "{%0300d}", 7);
    FAILS(PQF_INVALID, "folder name of 302 bytes",
          folders_of(g, "+s(a:u)", values, 0, text));
    pqf_groups_free(g);
}

static void failing_allocations(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b"};
    pqf_arena arena = {.mem = test_mem};
    pqf_view view;
    int64_t n = 1;
    built b = build(test_mem, "+s(a:i;b:u)", "{1,x},{2,y},{1,x},{null,z}");
    OK(pqf_view_init(&view, &b.schema, &b.array, true, &arena, &test_err));
    const pqf_view *columns[] = {&view.children[0], &view.children[1]};
    for (pqf_status status = PQF_NOMEM; status != PQF_OK; n++) {
        pqf_groups *g = NULL;
        uint32_t group[4];
        int64_t before = pqf_mem_used(test_mem);
        pqf_mem_fail_after(n);
        status = pqf_groups_new(names, 2, test_mem, &g, &test_err);
        if (status == PQF_OK) {
            status = pqf_groups_put(g, columns, 0, 4, group, &test_err);
            pqf_groups_free(g);
        }
        pqf_mem_fail_after(0);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
        assert_int_equal(pqf_mem_used(test_mem), before);
    }
    assert_true(n > 5);
    pqf_arena_reset(&arena);
    build_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(tuples), TEST(kinds_of_columns),
                                       TEST(refused_values), TEST(failing_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
