/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of io/sink.c: what stands in the folder before finish, after it, after giving up, after a
 * full disk and after a killed writer; links, modes, existing targets, names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static pqf_sink *open_sink(const char *path, const pqf_sink_options *options) {
    pqf_error err;
    pqf_sink *sink = NULL;
    pqf_error_init(&err);
    if (pqf_sink_open_file(path, options, &sink, &err) != PQF_OK)
        fail_msg("%s", err.message);
    return sink;
}

static void put(pqf_sink *sink, const char *text) {
    pqf_error err;
    pqf_error_init(&err);
    pqf_bytes part = pqf_bytes_of(text, strlen(text));
    if (pqf_sink_write(sink, &part, 1, &err) != PQF_OK) fail_msg("%s", err.message);
}

static void finish(pqf_sink *sink) {
    pqf_error err;
    pqf_error_init(&err);
    if (pqf_sink_finish(sink, &err) != PQF_OK) fail_msg("%s", err.message);
    pqf_sink_free(sink);
}

static void check_open_fails(const char *path, const pqf_sink_options *options,
                             pqf_status status, int os_errno) {
    pqf_error err;
    pqf_sink *sink = NULL;
    pqf_error_init(&err);
    assert_int_equal(pqf_sink_open_file(path, options, &sink, &err), status);
    assert_int_equal(err.os_errno, os_errno);
    assert_string_equal(err.path, path);
    assert_null(sink);
}

static void test_name_comes_with_finish(void **state) {
    (void)state;
    folder f;
    name_list list;
    folder_begin(&f);
    pqf_sink *sink = open_sink(in(&f, "x.parquet"), NULL);
    put(sink, "hello ");
    names_in(f.path, &list);
    assert_int_equal(strlen(list.text), 2 + strlen(".x.parquet.0123456789abcdef.tmp"));
    assert_memory_equal(list.text, "f:.x.parquet.", 13);
    const pqf_bytes parts[] = {pqf_bytes_of("wor", 3), pqf_bytes_of(NULL, 0),
                               pqf_bytes_of("ld", 2)};
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_sink_write(sink, parts, 3, &err), PQF_OK);
    assert_int_equal(pqf_sink_len(sink), 11);
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_OK);
    check_names(f.path, "f:x.parquet");
    check_text(in(&f, "x.parquet"), "hello world");
    assert_int_equal(pqf_sink_write(sink, parts, 3, &err), PQF_INVALID);
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_INVALID);
    pqf_sink_free(sink);
    check_text(in(&f, "x.parquet"), "hello world");
    pqf_sink_free(NULL);
    folder_end(&f);
}

static void test_free_keeps_the_old_file(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_text(in(&f, "x"), "old");
    pqf_sink *sink = open_sink(in(&f, "x"), NULL);
    put(sink, "new");
    pqf_sink_free(sink);
    check_names(f.path, "f:x");
    check_text(in(&f, "x"), "old");
    folder_end(&f);
}

static void test_parents_are_made_and_removed(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_sink_free(open_sink(in(&f, "a/b/c/x"), NULL));
    check_names(f.path, "");
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_fs_make_folders(in(&f, "a"), &err), PQF_OK);
    pqf_sink_free(open_sink(in(&f, "a/b/x"), NULL));
    check_names(f.path, "d:a");
    check_names(in(&f, "a"), "");
    pqf_sink *sink = open_sink(in(&f, "a/b/x"), NULL);
    put(sink, "1");
    finish(sink);
    check_text(in(&f, "a/b/x"), "1");
    folder_end(&f);
}

static void test_relative_path_and_chdir(void **state) {
    (void)state;
    folder f;
    char before[4096];
    folder_begin(&f);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f.path), 0);
    pqf_sink *sink = open_sink("x", NULL);
    assert_int_equal(chdir(before), 0);
    put(sink, "1");
    finish(sink);
    check_text(in(&f, "x"), "1");
    folder_end(&f);
}

static void test_links_stay(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    folder_begin(&f);
    pqf_error_init(&err);
    assert_int_equal(pqf_fs_make_folders(in(&f, "real"), &err), PQF_OK);
    write_text(in(&f, "real/x"), "old");
    assert_int_equal(symlink("real/x", in(&f, "second")), 0);
    assert_int_equal(symlink(in(&f, "second"), in(&f, "first")), 0);
    pqf_sink *sink = open_sink(in(&f, "first"), NULL);
    put(sink, "new");
    finish(sink);
    check_names(f.path, "f:first d:real f:second");
    check_text(in(&f, "real/x"), "new");
    struct stat st;
    assert_int_equal(lstat(in(&f, "first"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    /* Dangling, into a folder that has to be made. */
    assert_int_equal(symlink("made/y", in(&f, "dangling")), 0);
    sink = open_sink(in(&f, "dangling"), NULL);
    put(sink, "y");
    finish(sink);
    check_text(in(&f, "made/y"), "y");
    assert_int_equal(symlink("loop", in(&f, "loop")), 0);
    check_open_fails(in(&f, "loop"), NULL, PQF_IO, ELOOP);
    folder_end(&f);
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_modes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    mode_t before = umask(027);
    pqf_sink *sink = open_sink(in(&f, "new"), NULL);
    finish(sink);
    umask(before);
    assert_int_equal(mode_of(in(&f, "new")), 0640);
    write_text(in(&f, "old"), "x");
    assert_int_equal(chmod(in(&f, "old"), 0604), 0);
    sink = open_sink(in(&f, "old"), NULL);
    finish(sink);
    assert_int_equal(mode_of(in(&f, "old")), 0604);
    folder_end(&f);
}

static void test_targets_that_are_refused(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    folder_begin(&f);
    pqf_error_init(&err);
    assert_int_equal(pqf_fs_make_folders(in(&f, "folder"), &err), PQF_OK);
    write_text(in(&f, "file"), "x");
    assert_int_equal(mkfifo(in(&f, "pipe"), 0600), 0);
    check_open_fails(in(&f, "folder"), NULL, PQF_IO, EISDIR);
    check_open_fails(in(&f, "folder/"), NULL, PQF_IO, EISDIR);
    check_open_fails(in(&f, "none/"), NULL, PQF_IO, EISDIR);
    check_open_fails(in(&f, "file/x"), NULL, PQF_IO, ENOTDIR);
    check_open_fails("", NULL, PQF_IO, ENOENT);
    check_open_fails(in(&f, "pipe"), NULL, PQF_INVALID, 0);
    check_open_fails("/dev/null", NULL, PQF_INVALID, 0);
    check_names(f.path, "f:file d:folder o:pipe");
    folder_end(&f);
}

static void test_no_permission(void **state) {
    (void)state;
    folder f;
    int status = -1;
    folder_begin(&f);
    assert_int_equal(chmod(f.path, 0555), 0);
    pid_t child = fork();
    if (child == 0) { /* root may write anywhere */
        pqf_error err;
        pqf_sink *sink;
        pqf_error_init(&err);
        if (getuid() == 0 && setuid(65534) != 0) _exit(1);
        if (pqf_sink_open_file(in(&f, "x"), NULL, &sink, &err) != PQF_IO) _exit(2);
        if (err.os_errno != EACCES) _exit(3);
        if (pqf_sink_open_file(in(&f, "a/x"), NULL, &sink, &err) != PQF_IO) _exit(4);
        _exit(err.os_errno == EACCES ? 0 : 5);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(f.path, 0755), 0);
    folder_end(&f);
}

static void test_error_if_exists(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    const pqf_sink_options options = {.if_exists = PQF_ERROR_IF_EXISTS};
    folder_begin(&f);
    pqf_error_init(&err);
    pqf_sink *sink = open_sink(in(&f, "x"), &options);
    put(sink, "1");
    finish(sink);
    check_text(in(&f, "x"), "1");
    check_open_fails(in(&f, "x"), &options, PQF_IO, EEXIST);
    /* Another writer is faster. */
    sink = open_sink(in(&f, "y"), &options);
    put(sink, "mine");
    write_text(in(&f, "y"), "theirs");
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_IO);
    assert_int_equal(err.os_errno, EEXIST);
    check_names(f.path, "f:x f:y");
    pqf_sink_free(sink);
    check_text(in(&f, "y"), "theirs");
    folder_end(&f);
}

static void test_skip_if_exists(void **state) {
    (void)state;
    folder f;
    const pqf_sink_options options = {.if_exists = PQF_SKIP_IF_EXISTS};
    folder_begin(&f);
    pqf_sink *sink = open_sink(in(&f, "x"), &options);
    assert_false(pqf_sink_skipped(sink));
    put(sink, "1");
    finish(sink);
    sink = open_sink(in(&f, "x"), &options);
    assert_true(pqf_sink_skipped(sink));
    put(sink, "2");
    check_names(f.path, "f:x");
    finish(sink);
    check_text(in(&f, "x"), "1");
    sink = open_sink(in(&f, "y"), &options);
    write_text(in(&f, "y"), "theirs");
    finish(sink);
    check_text(in(&f, "y"), "theirs");
    check_names(f.path, "f:x f:y");
    folder_end(&f);
}

static void test_final_name(void **state) {
    (void)state;
    folder f;
    const pqf_sink_options options = {.final_name = true, .close_between_writes = true};
    folder_begin(&f);
    pqf_sink *sink = open_sink(in(&f, "p=1/x"), &options);
    put(sink, "1");
    check_names(in(&f, "p=1"), "f:x");
    put(sink, "2");
    finish(sink);
    check_text(in(&f, "p=1/x"), "12");
    check_open_fails(in(&f, "p=1/x"), &options, PQF_IO, EEXIST);
    check_text(in(&f, "p=1/x"), "12");
    pqf_sink_free(open_sink(in(&f, "p=2/x"), &options)); /* the caller's to remove */
    check_names(in(&f, "p=2"), "f:x");
    folder_end(&f);
}

static void test_many_sinks_without_descriptors(void **state) {
    (void)state;
    enum { NUM = 300 };
    folder f;
    pqf_sink *sinks[NUM];
    char name[32];
    const pqf_sink_options options = {.close_between_writes = true, .not_durable = true};
    folder_begin(&f);
    int first_free = dup(0);
    close(first_free);
    for (int i = 0; i < NUM; i++) {
        snprintf(name, sizeof name, "%d", i);
        sinks[i] = open_sink(in(&f, name), &options);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NUM; i++)
            put(sinks[i], round ? "b" : "a");
    int now_free = dup(0);
    close(now_free);
    assert_int_equal(now_free, first_free);
    for (int i = 0; i < NUM; i++)
        finish(sinks[i]);
    check_text(in(&f, "299"), "ab");
    folder_end(&f);
}

static int64_t fails_from;
static int fails_with;
static int num_calls;

static int failing_hook(int64_t file_offset, size_t num_bytes) {
    num_calls++;
    return file_offset + (int64_t)num_bytes > fails_from ? fails_with : 0;
}

static void test_full_disk_leaves_nothing(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    folder_begin(&f);
    pqf_error_init(&err);
    write_text(in(&f, "x"), "old");
    pqf_sink *sink = open_sink(in(&f, "x"), NULL);
    fails_from = 5;
    fails_with = ENOSPC;
    pqf_sink_test_hook = failing_hook;
    put(sink, "1234");
    pqf_bytes part = pqf_bytes_of("56", 2);
    assert_int_equal(pqf_sink_write(sink, &part, 1, &err), PQF_IO);
    pqf_sink_test_hook = NULL;
    assert_int_equal(err.os_errno, ENOSPC);
    assert_string_equal(err.path, in(&f, "x"));
    assert_true(num_calls >= 2);
    assert_int_equal(pqf_sink_write(sink, &part, 1, &err), PQF_INVALID);
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_INVALID);
    check_names(f.path, "f:x");
    pqf_sink_free(sink);
    check_names(f.path, "f:x");
    check_text(in(&f, "x"), "old");
    folder_end(&f);
}

static void test_many_parts(void **state) {
    (void)state;
    enum { NUM = 3000 };
    static pqf_bytes parts[NUM];
    static uint8_t bytes[NUM * 7], back[NUM * 7];
    folder f;
    pqf_error err;
    folder_begin(&f);
    pqf_error_init(&err);
    size_t len = 0;
    for (int i = 0; i < NUM; i++) {
        parts[i] = pqf_bytes_of(bytes + len, (size_t)i % 8);
        for (int k = 0; k < i % 8 && len < sizeof bytes; k++)
            bytes[len++] = (uint8_t)(i + k);
    }
    pqf_sink *sink = open_sink(in(&f, "x"), NULL);
    assert_int_equal(pqf_sink_write(sink, parts, NUM, &err), PQF_OK);
    assert_int_equal(pqf_sink_len(sink), len);
    finish(sink);
    FILE *file = fopen(in(&f, "x"), "rb");
    assert_non_null(file);
    assert_int_equal(fread(back, 1, sizeof back, file), len);
    fclose(file);
    assert_memory_equal(back, bytes, len);
    folder_end(&f);
}

static void test_long_names(void **state) {
    (void)state;
    folder f;
    char name[300];
    folder_begin(&f);
    memset(name, 'n', 255);
    name[255] = '\0';
    pqf_sink *sink = open_sink(in(&f, name), NULL);
    put(sink, "1");
    finish(sink);
    check_text(in(&f, name), "1");
    for (int i = 0; i < 127; i++)
        memcpy(name + 2 * i, "\xC3\xA9", 2); /* cut inside a character */
    name[254] = '\0';
    sink = open_sink(in(&f, name), NULL);
    finish(sink);
    memset(name, 'n', 256);
    name[256] = '\0';
    check_open_fails(in(&f, name), NULL, PQF_IO, ENAMETOOLONG);
    folder_end(&f);
}

static void test_killed_writer_is_swept(void **state) {
    (void)state;
    folder f;
    int status = -1;
    name_list list;
    folder_begin(&f);
    pid_t child = fork();
    if (child == 0) {
        put(open_sink(in(&f, "x"), NULL), "half");
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(strlen(names_in(f.path, &list)),
                     2 + strlen(".x.0123456789abcdef.tmp"));
    /* Not of this target, or not of this form. */
    write_text(in(&f, ".xy.0123456789abcdef.tmp"), "");
    write_text(in(&f, ".x.0123456789abcdeg.tmp"), "");
    pqf_sink *living = open_sink(in(&f, "x"), NULL); /* sweeps the dead one's */
    put(living, "1");
    pqf_sink *other = open_sink(in(&f, "x"), NULL); /* leaves the living one's */
    put(other, "2");
    finish(other);
    finish(living);
    check_text(in(&f, "x"), "1");
    check_names(f.path, "f:.x.0123456789abcdeg.tmp f:.xy.0123456789abcdef.tmp f:x");
    folder_end(&f);
}

static void test_all_dead_writers_are_swept(void **state) {
    (void)state;
    folder f;
    int status = -1;
    folder_begin(&f);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 4; i++)
            put(open_sink(in(&f, "x"), NULL), "half");
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    finish(open_sink(in(&f, "x"), NULL));
    check_names(f.path, "f:x");
    folder_end(&f);
}

static void test_many_writers_of_one_target(void **state) {
    (void)state;
    folder f;
    pqf_sink *sinks[9];
    char text[2] = "0";
    folder_begin(&f);
    for (int i = 0; i < 9; i++, text[0]++)
        put(sinks[i] = open_sink(in(&f, "x"), NULL), text);
    for (int i = 0; i < 4; i++)
        pqf_sink_free(sinks[i]);
    for (int i = 4; i < 9; i++)
        finish(sinks[i]);
    check_names(f.path, "f:x");
    check_text(in(&f, "x"), "8");
    folder_end(&f);
}

static void test_forked_child_lets_go(void **state) {
    (void)state;
    folder f;
    int status = -1;
    folder_begin(&f);
    pqf_sink *sink = open_sink(in(&f, "x"), NULL);
    put(sink, "1");
    pid_t child = fork();
    if (child == 0) {
        pqf_error err;
        pqf_error_init(&err);
        pqf_bytes part = pqf_bytes_of("c", 1);
        bool ok = pqf_sink_write(sink, &part, 1, &err) == PQF_INVALID;
        pqf_sink_free(sink);
        _exit(!ok);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    put(sink, "2");
    finish(sink);
    check_text(in(&f, "x"), "12");
    folder_end(&f);
}

static void test_writers_at_once(void **state) {
    (void)state;
    enum { NUM = 4, ROUNDS = 60 };
    folder f;
    pid_t children[NUM];
    folder_begin(&f);
    for (int i = 0; i < NUM; i++) {
        if ((children[i] = fork()) != 0) continue;
        const pqf_sink_options options = {.not_durable = true};
        for (int k = 0; k < ROUNDS; k++) { /* opens sweep while others create */
            pqf_error err;
            pqf_sink *sink;
            pqf_bytes part = pqf_bytes_of("whole", 5);
            pqf_error_init(&err);
            if (pqf_sink_open_file(in(&f, "d/x"), &options, &sink, &err)) _exit(1);
            if (pqf_sink_write(sink, &part, 1, &err)) _exit(2);
            if (k % 3 && pqf_sink_finish(sink, &err)) _exit(3);
            pqf_sink_free(sink);
        }
        _exit(0);
    }
    for (int i = 0; i < NUM; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    check_names(in(&f, "d"), "f:x");
    check_text(in(&f, "d/x"), "whole");
    folder_end(&f);
}

static void test_folder_vanishes_before_finish(void **state) {
    (void)state;
    folder f;
    pqf_error err;
    folder_begin(&f);
    pqf_error_init(&err);
    pqf_sink *sink = open_sink(in(&f, "d/x"), NULL);
    assert_int_equal(pqf_fs_remove_tree(in(&f, "d"), NULL, NULL, &err), PQF_OK);
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_IO);
    assert_int_equal(err.os_errno, ENOENT);
    pqf_sink_free(sink);
    check_names(f.path, "");
    folder_end(&f);
}

static void test_out_of_memory(void **state) {
    (void)state;
    folder f;
    int n = 1;
    folder_begin(&f);
    for (; n < 100; n++) {
        pqf_error err;
        pqf_sink *sink = NULL;
        pqf_error_init(&err);
        pqf_mem_fail_after(n);
        pqf_status status = pqf_sink_open_file(in(&f, "a/x"), NULL, &sink, &err);
        pqf_mem_fail_after(0);
        pqf_sink_free(sink);
        check_names(f.path, "");
        if (status == PQF_OK) break;
        assert_int_equal(status, PQF_NOMEM);
    }
    assert_in_range(n, 3, 20);
    folder_end(&f);
}

typedef struct collected {
    char text[64];
    size_t len;
    int fails_with;
} collected;

static int collect(void *context, const void *bytes, size_t num_bytes) {
    collected *c = context;
    if (c->fails_with) return c->fails_with;
    memcpy(c->text + c->len, bytes, num_bytes);
    c->len += num_bytes;
    return 0;
}

static void test_callback(void **state) {
    (void)state;
    collected c = {.len = 0};
    pqf_error err;
    pqf_sink *sink;
    pqf_error_init(&err);
    assert_int_equal(pqf_sink_open_callback(collect, &c, &sink, &err), PQF_OK);
    put(sink, "abc");
    put(sink, "");
    put(sink, "de");
    assert_int_equal(pqf_sink_len(sink), 5);
    finish(sink);
    assert_string_equal(c.text, "abcde");
    assert_int_equal(pqf_sink_open_callback(collect, &c, &sink, &err), PQF_OK);
    c.fails_with = EPIPE;
    pqf_bytes part = pqf_bytes_of("f", 1);
    assert_int_equal(pqf_sink_write(sink, &part, 1, &err), PQF_IO);
    assert_int_equal(err.os_errno, EPIPE);
    assert_int_equal(pqf_sink_finish(sink, &err), PQF_INVALID);
    pqf_sink_free(sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_comes_with_finish),
        cmocka_unit_test(test_free_keeps_the_old_file),
        cmocka_unit_test(test_parents_are_made_and_removed),
        cmocka_unit_test(test_relative_path_and_chdir),
        cmocka_unit_test(test_links_stay),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_targets_that_are_refused),
        cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_error_if_exists),
        cmocka_unit_test(test_skip_if_exists),
        cmocka_unit_test(test_final_name),
        cmocka_unit_test(test_many_sinks_without_descriptors),
        cmocka_unit_test(test_full_disk_leaves_nothing),
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_killed_writer_is_swept),
        cmocka_unit_test(test_all_dead_writers_are_swept),
        cmocka_unit_test(test_many_writers_of_one_target),
        cmocka_unit_test(test_forked_child_lets_go),
        cmocka_unit_test(test_writers_at_once),
        cmocka_unit_test(test_folder_vanishes_before_finish),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
