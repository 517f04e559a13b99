/* SPDX-License-Identifier: Apache-2.0
 *
 * test_plan.c: which row groups of real files are left by a predicate, for every type.
 */
#include "file/predicate_test.h"

static int64_t count(const char *path, const char *tree, const char *type,
                     const char *values) {
    pqf_dataset *d;
    int64_t n;
    pqf_scan_options so = scan_options(0);
    so.predicate = predicate(tree, type, values);
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    OK(pqf_dataset_count_rows(d, &so, &n, &test_err));
    for (int64_t size = 0; size < 4; size++) { /* scans leave out the same */
        rows r;
        so.batch_rows = size;
        OK(read_path(path, &so, &r));
        assert_int_equal(r.num_rows, n);
        rows_free(&r);
    }
    pqf_predicate_free((pqf_predicate *)(uintptr_t)so.predicate);
    pqf_dataset_free(d);
    return n;
}

static void every_type(void **state) {
    (void)state;
    static const struct {
        const char *type, *values[3];
        bool is_judged;
    } table[] = {
        {"c", {"-128", "0", "127"}, true},
        {"C", {"0", "128", "255"}, true},
        {"s", {"-32768", "0", "32767"}, true},
        {"S", {"0", "32768", "65535"}, true},
        {"i", {"-2147483648", "0", "2147483647"}, true},
        {"I", {"0", "2147483648", "4294967295"}, true},
        {"l", {"-9223372036854775808", "0", "9223372036854775807"}, true},
        {"L", {"0", "9223372036854775808", "18446744073709551615"}, true},
        {"f", {"-1.5", "0.1", "inf"}, true},
        {"g", {"-1.5", "0.1", "1e300"}, true},
        {"e", {"-1.5", "0.25", "4"}, false},
        {"u", {"''", "a", "\xC3\xA9"}, true},
        {"U", {"''", "a", "abcabcabcabcabcabcabc"}, true},
        {"z", {"0x00", "0x7F", "0xFF"}, true},
        {"w:2", {"0x0000", "0x7F00", "0xFF00"}, true},
        {"d:9,2", {"-999999999", "0", "999999999"}, true},
        {"d:18,4", {"-999999999999999999", "1", "999999999999999999"}, true},
        {"d:38,10",
         {"-99999999999999999999999999999999999999", "0",
          "99999999999999999999999999999999999999"},
         true},
        {"tdD", {"-1", "0", "20000"}, true},
        {"tdm", {"-86400000", "0", "86400000"}, true},
        {"tts", {"0", "1", "86399"}, true},
        {"ttm", {"0", "1", "86399999"}, true},
        {"ttu", {"0", "1", "86399999999"}, true},
        {"ttn", {"0", "1", "86399999999999"}, true},
        {"tss:", {"-1", "0", "1"}, true},
        {"tsm:UTC", {"-1", "0", "1"}, true},
        {"tsu:Europe/Rome", {"-1", "0", "9000000000000000000"}, true},
        {"tsn:", {"-9223372036854775807", "0", "9223372036854775807"}, true},
        {"tDu", {"-1", "0", "1"}, true},
        {"dict(c;u)", {"a", "b", "c"}, true},
    };
    folder f;
    folder_begin(&f);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char type[100], literal[100], values[1000];
        pqf_write_options o = write_options();
        o.row_group_rows = 1;
        sprintf(type, "+s(a:%s;s:+s(x:%s))", table[i].type, table[i].type);
        sprintf(literal, "+s(x:%s)", table[i].type);
        char *p = values;
        for (int k = 0; k < 3; k++)
            p += sprintf(p, "{%s,{%s}},", table[i].values[k], table[i].values[k]);
        strcpy(p, "{null,null}");
        write_rows(in(&f, "1"), type, values, &o);
        for (int k = 0; k < 3; k++) {
            char value[200];
            sprintf(value, "{%s}", table[i].values[k]);
            static const char *const trees[] = {"(equal a #0)", "(equal s.x #0)",
                                                "(less a #0)", "(greater #0 a)"};
            for (int t = 0; t < 4; t++) {
                int64_t n = count(in(&f, "1"), trees[t], literal, value);
                if (n != (!table[i].is_judged ? 3 : t < 2 ? 1 : k))
                    fail_msg("%s of %s %s leaves %d", trees[t], table[i].type, value,
                             (int)n);
            }
        }
        assert_int_equal(count(in(&f, "1"), "(is_null a)", NULL, NULL), 1);
        assert_int_equal(count(in(&f, "1"), "(is_valid s.x)", NULL, NULL), 3);
        assert_int_equal(count(in(&f, "1"), "(is_null s)", NULL, NULL),
                         4); /* groups: not judged */
    }
    folder_end(&f);
}

/* NaN leaves no trace in statistics: rows with it stay whatever the bounds say. */
static void nan_stays(void **state) {
    (void)state;
    static const char *const types[] = {"f", "g", "e"};
    folder f;
    folder_begin(&f);
    for (int i = 0; i < 3; i++) {
        char type[20];
        pqf_write_options o = write_options();
        o.row_group_rows = 2;
        sprintf(type, "+s(a:%s)", types[i]);
        write_rows(in(&f, "1"), type, "{1},{nan},{nan},{nan},{1},{2}", &o);
        assert_true(count(in(&f, "1"), "(invert (less a #0))", "+s(x:g)", "{5}") >= 4);
        assert_true(count(in(&f, "1"), "(not_equal a #0)", "+s(x:g)", "{1}") == 6);
        assert_true(count(in(&f, "1"), "(is_null a @0)", "+s(o:+s(nan_is_null:b))",
                          "{{true}}") >= 4);
        assert_int_equal(count(in(&f, "1"), "(is_null a)", NULL, NULL), 0);
    }
    folder_end(&f);
}

static void bools_lists_and_no_statistics(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_write_options o = write_options();
    o.row_group_rows = 1;
    write_rows(in(&f, "1"), "+s(a:b;l:+l(item:i))", "{true,[1]},{false,[]},{null,null}",
               &o);
    assert_int_equal(count(in(&f, "1"), "(equal a #0)", "+s(x:b)", "{true}"), 1);
    assert_int_equal(count(in(&f, "1"), "(is_null l)", NULL, NULL), 3);
    assert_int_equal(count(in(&f, "1"), "(equal l.item #0)", "+s(x:i)", "{5}"), 3);
    assert_int_equal(count(in(&f, "1"), "(equal nowhere #0)", "+s(x:i)", "{5}"), 3);
    assert_int_equal(count(in(&f, "1"), "#0", "+s(x:b)", "{false}"), 0);
    o.no_statistics = true;
    write_rows(in(&f, "2"), "+s(a:i)", "{1},{2},{null}", &o);
    assert_int_equal(count(in(&f, "2"), "(equal a #0)", "+s(x:i)", "{5}"), 3);
    folder_end(&f);
}

/* Constants prune files before they are opened, also under `or` with a column of the
 * file. */
static void partitions(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_rows(in(&f, "p=1/1"), "+s(a:i)", "{1}", NULL);
    write_rows(in(&f, "p=2/1"), "+s(a:i)", "{2}", NULL);
    write_rows(in(&f, "p=__HIVE_DEFAULT_PARTITION__/1"), "+s(a:i)", "{3}", NULL);
    assert_int_equal(count(f.path, "(equal p #0)", "+s(x:i)", "{2}"), 1);
    assert_int_equal(count(f.path, "(is_null p)", NULL, NULL), 1);
    assert_int_equal(
        count(f.path, "(or_kleene (equal p #0) (equal a #1))", "+s(x:i;y:i)", "{2,1}"),
        2);
    assert_int_equal(
        count(f.path, "(is_in p @0)", "+s(o:+s(value_set:+l(i:i)))", "{{[1,7]}}"), 1);
    /* a damaged file that no row can come from is not opened */
    write_text(in(&f, "p=2/1"), "nothing");
    assert_int_equal(count(f.path, "(equal p #0)", "+s(x:i)", "{1}"), 1);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_type),
        TEST(nan_stays),
        TEST(bools_lists_and_no_statistics),
        TEST(partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
