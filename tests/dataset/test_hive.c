/* SPDX-License-Identifier: Apache-2.0
 *
 * test_hive.c: folder names of partitions, there and back.
 */
#include "file/file_test.h"

static void check_folder(const char *name, const char *value, const char *expected) {
    pqf_buf out = {.mem = test_mem};
    OK(pqf_hive_folder(name, pqf_bytes_of(value, strlen(value)), &out, &test_err));
    assert_int_equal(out.len, strlen(expected));
    assert_string_equal((const char *)out.data, expected);
    pqf_buf_reset(&out);
}

static void forms(void **state) {
    (void)state;
    check_folder("a", "1", "a=1");
    check_folder("a", "", "a=");
    check_folder("a b", "x y", "a b=x y");
    check_folder("a=b", "x=y/z", "a%3Db=x%3Dy%2Fz");
    check_folder("q", "100%", "q=100%25");
    check_folder("q", "%25", "q=%2525");
    check_folder("q", "\x01\x1F\x7F\"#'*:?\\{[]^",
                 "q=%01%1F%7F%22%23%27%2A%3A%3F%5C%7B%5B%5D%5E");
    check_folder("q", "}~.-_\xC3\xA9", "q=}~.-_\xC3\xA9");
    check_folder(".hidden", ".x", "%2Ehidden=.x");
    check_folder("_x", "1", "_x=1");
}

static void too_long(void **state) {
    (void)state;
    char value[300];
    pqf_buf out = {.mem = test_mem};
    memset(value, 'v', sizeof value);
    OK(pqf_hive_folder("a", pqf_bytes_of(value, 253), &out, &test_err));
    assert_int_equal(out.len, 255);
    FAILS(PQF_INVALID, "'a' makes a folder name of 256 bytes",
          pqf_hive_folder("a", pqf_bytes_of(value, 254), &out, &test_err));
    memset(value, '/', sizeof value);
    FAILS(PQF_INVALID, "at most 255",
          pqf_hive_folder("a", pqf_bytes_of(value, 100), &out, &test_err));
    pqf_buf_reset(&out);
}

/* expected NULL: no partition. */
static void check_parse(const char *text, const char *expected_name,
                        const char *expected_value) {
    pqf_arena arena = {.mem = test_mem};
    pqf_bytes name, value;
    bool is_partition;
    OK(pqf_hive_parse(pqf_bytes_of(text, strlen(text)), &arena, &is_partition, &name,
                      &value, &test_err));
    assert_int_equal(is_partition, expected_name != NULL);
    if (is_partition) {
        assert_string_equal((const char *)name.data, expected_name);
        assert_string_equal((const char *)value.data, expected_value);
        assert_int_equal(value.len, strlen(expected_value));
    }
    pqf_arena_reset(&arena);
}

static void parsing(void **state) {
    (void)state;
    check_parse("a=1", "a", "1");
    check_parse("a=", "a", "");
    check_parse("a=b=c", "a", "b=c");
    check_parse("a%3Db=x%2fy", "a=b", "x/y");
    check_parse("a=%4", "a", "%4");
    check_parse("a=%", "a", "%");
    check_parse("a=%zz%41", "a", "%zzA");
    check_parse("a=%2541", "a", "%41"); /* decoded once */
    check_parse("=x", NULL, NULL);
    check_parse("plain", NULL, NULL);
    check_parse("", NULL, NULL);
}

static void any_bytes_come_back(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        pqf_buf out = {.mem = test_mem};
        pqf_arena arena = {.mem = test_mem};
        uint8_t value[40];
        pqf_bytes name, got;
        bool is_partition;
        rand_begin(seed);
        size_t n = (size_t)rand_below(40);
        for (size_t i = 0; i < n; i++)
            value[i] = (uint8_t)rand_below(256);
        OK(pqf_hive_folder("%a=b.", pqf_bytes_of(value, n), &out, &test_err));
        if (memchr(out.data, '/', out.len) || memchr(out.data, 0, out.len))
            fail_msg("seed %d: no name of a folder", (int)seed);
        OK(pqf_hive_parse(pqf_buf_view(&out), &arena, &is_partition, &name, &got,
                          &test_err));
        if (!is_partition || got.len != n || memcmp(got.data, value, n) != 0)
            fail_msg("seed %d: another value", (int)seed);
        assert_string_equal((const char *)name.data, "%a=b.");
        pqf_buf_reset(&out);
        pqf_arena_reset(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(forms), TEST(too_long), TEST(parsing),
                                       TEST(any_bytes_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
