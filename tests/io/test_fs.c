/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of io/fs.c: folders made, listed, exchanged and removed; random names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "folder.h"

#include "io/inner.h"

#include <fcntl.h>

static pqf_error new_err(void) {
    pqf_error err;
    pqf_error_init(&err);
    return err;
}

static void test_make_folders(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_make_folders(in(&f, "a/b//c/"), &err), PQF_OK);
    check_names(in(&f, "a/b"), "d:c");
    assert_int_equal(pqf_fs_make_folders(in(&f, "a/b/c"), &err), PQF_OK);
    assert_int_equal(symlink("a", in(&f, "link")), 0);
    assert_int_equal(pqf_fs_make_folders(in(&f, "link/d"), &err), PQF_OK);
    check_names(in(&f, "a"), "d:b d:d");
    write_text(in(&f, "file"), "x");
    assert_int_equal(pqf_fs_make_folders(in(&f, "file"), &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOTDIR);
    assert_int_equal(pqf_fs_make_folders(in(&f, "file/x/y"), &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOTDIR);
    assert_int_equal(pqf_fs_make_folders("", &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOENT);
    folder_end(&f);
}

static void test_make_relative_folders(void **state) {
    (void)state;
    folder f;
    char before[4096];
    folder_begin(&f);
    pqf_error err = new_err();
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f.path), 0);
    pqf_status status = pqf_fs_make_folders("p/q", &err);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, PQF_OK);
    check_names(in(&f, "p"), "d:q");
    folder_end(&f);
}

static void test_sync_folder(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_sync_folder(f.path, &err), PQF_OK);
    assert_int_equal(pqf_fs_sync_folder(in(&f, "none"), &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOENT);
    folder_end(&f);
}

static void test_exchange(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_make_folders(in(&f, "a/in_a"), &err), PQF_OK);
    assert_int_equal(pqf_fs_make_folders(in(&f, "b/in_b"), &err), PQF_OK);
    int fd = open(f.path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(pqf_fs_exchange(fd, "a", AT_FDCWD, in(&f, "b")), 0);
    check_names(in(&f, "a"), "d:in_b");
    check_names(in(&f, "b"), "d:in_a");
    check_names(f.path, "d:a d:b");
    assert_int_equal(pqf_fs_exchange(fd, "a", fd, "none"), ENOENT);
    assert_int_equal(pqf_fs_exchange(fd, "none", fd, "b"), ENOENT);
    pqf_fs_test_no_exchange = true;
    assert_int_equal(pqf_fs_exchange(fd, "a", fd, "b"), ENOTSUP);
    pqf_fs_test_no_exchange = false;
    check_names(in(&f, "b"), "d:in_a");
    close(fd);
    folder_end(&f);
}

static void test_plain_paths(void **state) {
    (void)state;
    static const char *const bad[] = {"",     "/",      "/a",   "a/", "a//b",
                                      ".",    "./a",    "a/.",  "..", "../a",
                                      "a/..", "a/../b", "a/./b"};
    static const char *const good[] = {"a", "a/b", "..a/b..", ".a", "...", "a=/b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pqf_fs_is_plain(bad[i])) fail_msg("'%s' counts as plain", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!pqf_fs_is_plain(good[i])) fail_msg("'%s' does not count as plain", good[i]);
}

static void test_below_follows_no_link(void **state) {
    (void)state;
    folder f;
    struct stat st;
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_make_folders(in(&f, "top/p"), &err), PQF_OK);
    assert_int_equal(pqf_fs_make_folders(in(&f, "out"), &err), PQF_OK);
    write_text(in(&f, "out/x"), "outside");
    write_text(in(&f, "top/p/a"), "1");
    assert_int_equal(symlink("../out", in(&f, "top/link")), 0);
    assert_int_equal(symlink("../out/x", in(&f, "top/file")), 0);
    int top = open(in(&f, "top"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(pqf_fs_stat_below(top, "p/a", &st), 0);
    assert_int_equal(st.st_size, 1);
    assert_int_equal(pqf_fs_stat_below(top, "q/a", &st), ENOENT);
    assert_int_equal(pqf_fs_stat_below(top, "link/x", &st), ENOTDIR);
    assert_int_equal(pqf_fs_stat_below(top, "file", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(pqf_fs_rename_below(top, "p/a", top, "link/a"), ENOTDIR);
    assert_int_equal(pqf_fs_rename_below(top, "link/x", top, "p/x"), ENOTDIR);
    assert_int_equal(pqf_fs_rename_below(top, "p/none", top, "r/s"), ENOENT);
    assert_int_equal(pqf_fs_rename_below(top, "p/a", top, "r/s/a"), 0);
    check_text(in(&f, "top/r/s/a"), "1");
    assert_int_equal(pqf_fs_sync_below(top, "r/s/a"), 0);
    assert_int_equal(pqf_fs_sync_below(top, "gone/s/a"), 0);
    pqf_fs_remove_empty_below(top, "p/a");
    pqf_fs_remove_empty_below(top, "r/s/a"); /* not empty */
    check_names(in(&f, "top"), "f:file d:link d:r");
    check_names(in(&f, "out"), "f:x");
    close(top);
    folder_end(&f);
}

static void test_remove_tree(void **state) {
    (void)state;
    folder f;
    char name[40];
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_make_folders(in(&f, "kept"), &err), PQF_OK);
    write_text(in(&f, "kept/file"), "x");
    assert_int_equal(pqf_fs_make_folders(in(&f, "t/a/b/c"), &err), PQF_OK);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "t/a/file%d", i);
        write_text(in(&f, name), "x");
    }
    assert_int_equal(symlink("../kept", in(&f, "t/link")), 0);
    assert_int_equal(symlink("nowhere", in(&f, "t/a/dangling")), 0);
    assert_int_equal(pqf_fs_remove_tree(in(&f, "t"), NULL, NULL, &err), PQF_OK);
    check_names(f.path, "d:kept");
    check_names(in(&f, "kept"), "f:file");
    assert_int_equal(symlink("kept", in(&f, "link")), 0);
    assert_int_equal(pqf_fs_remove_tree(in(&f, "link"), NULL, NULL, &err), PQF_OK);
    assert_int_equal(pqf_fs_remove_tree(in(&f, "missing"), NULL, NULL, &err), PQF_OK);
    assert_int_equal(pqf_fs_remove_tree(in(&f, "kept/file"), NULL, NULL, &err), PQF_OK);
    check_names(in(&f, "kept"), "");
    folder_end(&f);
}

static void test_list_sorts_by_bytes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_error err = new_err();
    write_text(in(&f, "b"), "");
    write_text(in(&f, "a10"), "");
    write_text(in(&f, "a9"), "");
    write_text(in(&f, "Z"), "");
    write_text(in(&f, "\xC3\xA9"), "");
    write_text(in(&f, ".hidden"), "");
    assert_int_equal(pqf_fs_make_folders(in(&f, "a=1"), &err), PQF_OK);
    assert_int_equal(symlink("b", in(&f, "to_file")), 0);
    assert_int_equal(symlink("a=1", in(&f, "to_folder")), 0);
    assert_int_equal(symlink("nowhere", in(&f, "x")), 0);
    assert_int_equal(mkfifo(in(&f, "y"), 0600), 0);
    check_names(f.path,
                "f:.hidden f:Z f:a10 f:a9 d:a=1 f:b f:to_file d:to_folder o:x o:y "
                "f:\xC3\xA9");
    folder_end(&f);
}

static pqf_status stop_at_b(void *context, const char *name, pqf_fs_type type,
                            pqf_error *err) {
    (void)type;
    ++*(int *)context;
    return *name == 'b' ? pqf_fail(err, PQF_CANCELLED, "enough") : PQF_OK;
}

static void test_list_stops_and_fails(void **state) {
    (void)state;
    folder f;
    pqf_mem *mem;
    int calls = 0;
    folder_begin(&f);
    pqf_error err = new_err();
    assert_int_equal(pqf_mem_new(0, &mem, &err), PQF_OK);
    write_text(in(&f, "a"), "");
    write_text(in(&f, "b"), "");
    write_text(in(&f, "c"), "");
    assert_int_equal(pqf_fs_list(f.path, mem, stop_at_b, &calls, &err), PQF_CANCELLED);
    assert_int_equal(calls, 2);
    for (int n = 1; n <= 2; n++) {
        pqf_mem_fail_after(n);
        assert_int_equal(pqf_fs_list(f.path, mem, stop_at_b, &calls, &err), PQF_NOMEM);
    }
    pqf_mem_fail_after(0);
    assert_int_equal(pqf_fs_list(in(&f, "a"), mem, stop_at_b, &calls, &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOTDIR);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
    folder_end(&f);
}

static void test_random_names(void **state) {
    (void)state;
    char a[33], b[33], uuid[37];
    pqf_error err = new_err();
    assert_int_equal(pqf_fs_random_id(a, &err), PQF_OK);
    assert_int_equal(pqf_fs_random_id(b, &err), PQF_OK);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_string_not_equal(a, b);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pqf_fs_uuid(uuid, &err), PQF_OK);
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
        assert_true(uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' &&
                    uuid[23] == '-');
        assert_int_equal(uuid[14], '7');
        assert_non_null(strchr("89ab", uuid[19]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_folders),
        cmocka_unit_test(test_make_relative_folders),
        cmocka_unit_test(test_sync_folder),
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_plain_paths),
        cmocka_unit_test(test_below_follows_no_link),
        cmocka_unit_test(test_remove_tree),
        cmocka_unit_test(test_list_sorts_by_bytes),
        cmocka_unit_test(test_list_stops_and_fails),
        cmocka_unit_test(test_random_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
