/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/error.c: kinds, the address that is collected on the way up, the line of text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

#include <errno.h>
#include <string.h>

static void check_text(const pqf_error *err, const char *expected) {
    char text[2200];
    size_t len = pqf_error_text(err, text, sizeof text);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(pqf_status_name(PQF_CORRUPT), "corrupt");
    assert_string_equal(pqf_status_name(PQF_NOMEM), "out of memory");
    assert_string_equal(pqf_status_name((pqf_status)99), "unknown");
}

static void test_init_is_unknown(void **state) {
    (void)state;
    pqf_error err;
    memset(&err, 7, sizeof err);
    pqf_error_init(&err);
    assert_int_equal(err.row_group, -1);
    assert_int_equal(err.page, -1);
    assert_int_equal(err.file_offset, -1);
    check_text(&err, "");
}

static void test_whole_address(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_fail(&err, PQF_CORRUPT, "width %d", 71), PQF_CORRUPT);
    assert_int_equal(pqf_error_at_page(&err, 12, 48311022), PQF_CORRUPT);
    pqf_error_at_column(&err, "a.b");
    pqf_error_at_row_group(&err, 3);
    pqf_error_at_path(&err, "x.parquet");
    check_text(&err,
               "x.parquet: row group 3, column a.b, page 12 (byte 48,311,022): width 71");
    /* What is set stays. */
    pqf_error_at_page(&err, 1, 1);
    pqf_error_at_column(&err, "c");
    pqf_error_at_row_group(&err, 0);
    pqf_error_at_path(&err, "y");
    check_text(&err,
               "x.parquet: row group 3, column a.b, page 12 (byte 48,311,022): width 71");
}

static void test_parts_of_the_address(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    pqf_fail(&err, PQF_INVALID, "m");
    check_text(&err, "m");
    err.file_offset = 1000;
    check_text(&err, "(byte 1,000): m");
    pqf_error_at_path(&err, "p");
    check_text(&err, "p (byte 1,000): m");
    pqf_error_at_column(&err, "c");
    check_text(&err, "p: column c (byte 1,000): m");
    err.file_offset = -1;
    pqf_error_at_row_group(&err, 0);
    check_text(&err, "p: row group 0, column c: m");
}

static void test_errno(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_fail_errno(&err, ENOENT, "open %s", "f"), PQF_IO);
    assert_int_equal(err.os_errno, ENOENT);
    check_text(&err, "open f: No such file or directory");
    pqf_fail(&err, PQF_CORRUPT, "x");
    assert_int_equal(err.os_errno, 0);
}

static void test_message_of_itself(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    pqf_fail(&err, PQF_CORRUPT, "inner");
    pqf_fail(&err, PQF_CORRUPT, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
}

static void test_cuts_at_a_character(void **state) {
    (void)state;
    pqf_error err;
    char column[300];
    pqf_error_init(&err);
    /* 254 letters, then two-byte characters: byte 255 is in the middle of the first one. */
    memset(column, 'x', 254);
    memcpy(column + 254, "\xC3\xA9\xC3\xA9", 5);
    pqf_error_at_column(&err, column);
    assert_int_equal(strlen(err.column), 254);
    pqf_fail(&err, PQF_CORRUPT, "%2000d", 1);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void test_small_room(void **state) {
    (void)state;
    pqf_error err;
    char text[8] = "1234567";
    pqf_error_init(&err);
    pqf_fail(&err, PQF_CORRUPT, "0123456789");
    pqf_error_at_path(&err, "path");
    assert_int_equal(pqf_error_text(&err, text, sizeof text), 16);
    assert_string_equal(text, "path: 0");
    assert_int_equal(pqf_error_text(&err, NULL, 0), 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_init_is_unknown),
        cmocka_unit_test(test_whole_address),
        cmocka_unit_test(test_parts_of_the_address),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_message_of_itself),
        cmocka_unit_test(test_cuts_at_a_character),
        cmocka_unit_test(test_small_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
