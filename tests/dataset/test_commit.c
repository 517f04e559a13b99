/* SPDX-License-Identifier: Apache-2.0
 *
 * test_commit.c: how staged files get their names, and what is left when they do not.
 * Everything that is written or removed lies in a temporary folder.
 */
#include "file/file_test.h"

#include <signal.h>
#include <sys/wait.h>

/* Of a call that nobody interrupts. */
static pqf_run no_ticks = {.num_threads = 1, .total = -1};

static void stage(const pqf_commit *c, const char *file, const char *text) {
    char path[4400];
    pqf_error_init(&test_err);
    snprintf(path, sizeof path, "%s/%s" PQF_STAGED, c->stage, file);
    char *slash = strrchr(path, '/');
    *slash = 0;
    OK(pqf_fs_make_folders(path, &test_err));
    *slash = '/';
    write_text(path, text);
}

static void commit_one(const char *dir, pqf_mode mode, const char *file,
                       const char *text) {
    pqf_commit c;
    OK(pqf_commit_begin(&c, dir, mode, true, test_mem, &no_ticks, &test_err));
    stage(&c, file, text);
    OK(pqf_commit_finish(&c, &(pqf_change){.files = &file, .num_files = 1}, &test_err));
    pqf_commit_reset(&c);
}

static void append_and_overwrite(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    commit_one(in(&f, "x/y/ds"), PQF_APPEND, "p=1/a", "1"); /* parents are made */
    commit_one(in(&f, "x/y/ds"), PQF_APPEND, "p=1/b", "2");
    commit_one(in(&f, "x/y/ds/"), PQF_APPEND, "c", "3");
    check_names(in(&f, "x/y"), "d:ds");
    check_names(in(&f, "x/y/ds"), "f:c d:p=1");
    check_names(in(&f, "x/y/ds/p=1"), "f:a f:b");
    chmod(in(&f, "x/y/ds"), 0710);
    commit_one(in(&f, "x/y/ds"), PQF_OVERWRITE, "q=1/a", "4");
    check_names(in(&f, "x/y"), "d:ds");
    check_names(in(&f, "x/y/ds"), "d:q=1");
    check_text(in(&f, "x/y/ds/q=1/a"), "4");
    struct stat st;
    assert_int_equal(stat(in(&f, "x/y/ds"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0710); /* bits of the folder that was replaced */
    pqf_commit c;                               /* no files: an empty folder */
    OK(pqf_commit_begin(&c, in(&f, "x/y/ds"), PQF_OVERWRITE, false, test_mem, &no_ticks,
                        &test_err));
    OK(pqf_commit_finish(&c, &(pqf_change){.num_files = 0}, &test_err));
    pqf_commit_reset(&c);
    check_names(in(&f, "x/y/ds"), "");
    OK(pqf_commit_begin(&c, in(&f, "z/new"), PQF_APPEND, true, test_mem, &no_ticks,
                        &test_err));
    OK(pqf_commit_finish(&c, &(pqf_change){.num_files = 0}, &test_err));
    pqf_commit_reset(&c);
    check_names(in(&f, "z"), "d:new");
    commit_one(in(&f, "z/new"), PQF_OVERWRITE, "a", "5"); /* over an empty folder */
    check_names(f.path, "d:x d:z");
    check_text(in(&f, "z/new/a"), "5");
    folder_end(&f);
}

static void many_files(void **state) {
    (void)state;
    enum { FILES = 40 }; /* more than are synced one by one */
    folder f;
    pqf_commit c;
    static char names[FILES][32];
    const char *files[FILES];
    folder_begin(&f);
    for (int mode = 0; mode < 2; mode++) {
        OK(pqf_commit_begin(&c, in(&f, "ds"), (pqf_mode)mode, true, test_mem, &no_ticks,
                            &test_err));
        for (int i = 0; i < FILES; i++) {
            sprintf(names[i], "p=%d/q=%d/f", i / 4, i);
            files[i] = names[i];
            stage(&c, files[i], "x");
        }
        OK(pqf_commit_finish(&c, &(pqf_change){.files = files, .num_files = FILES},
                             &test_err));
        pqf_commit_reset(&c);
        check_text(in(&f, "ds/p=9/q=39/f"), "x");
        check_names(f.path, "d:ds");
    }
    folder_end(&f);
}

static void abandoned(void **state) {
    (void)state;
    folder f;
    pqf_commit c, other;
    folder_begin(&f);
    OK(pqf_commit_begin(&c, in(&f, "a/b/ds"), PQF_APPEND, true, test_mem, &no_ticks,
                        &test_err));
    stage(&c, "p=1/f", "x");
    pqf_commit_reset(&c);
    check_names(f.path, ""); /* nor the parents that were made */
    commit_one(in(&f, "ds"), PQF_APPEND, "f", "1");
    OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_OVERWRITE, true, test_mem, &no_ticks,
                        &test_err));
    OK(pqf_commit_begin(&other, in(&f, "ds"), PQF_APPEND, true, test_mem, &no_ticks,
                        &test_err));
    stage(&c, "g", "x");
    pqf_commit_reset(&c); /* the other one's stage is left alone */
    stage(&other, "h", "2");
    const char *file = "h";
    OK(pqf_commit_finish(&other, &(pqf_change){.files = &file, .num_files = 1},
                         &test_err));
    pqf_commit_reset(&other);
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "f:f f:h");
    folder_end(&f);
}

/* A rename in the middle of an append fails: what came before it is taken back. */
static void half_an_append(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    const char *const files[] = {"p=1/a", "p=2/b", "p=3/c", "p=4/d"};
    folder_begin(&f);
    commit_one(in(&f, "ds"), PQF_APPEND, "p=1/old", "1");
    for (int round = 0; round < 2; round++) {
        OK(pqf_commit_begin(&c, in(&f, round ? "new" : "ds"), PQF_APPEND, true, test_mem,
                            &no_ticks, &test_err));
        for (int i = 0; i < 4; i++)
            if (i != 2) stage(&c, files[i], "x"); /* the third one is missing */
        assert_int_equal(pqf_commit_finish(&c,
                                           &(pqf_change){.files = files, .num_files = 4},
                                           &test_err),
                         PQF_IO);
        pqf_commit_reset(&c);
        check_names(f.path, "d:ds");
        check_names(in(&f, "ds"), "d:p=1");
        check_names(in(&f, "ds/p=1"), "f:old");
        if (round == 1) break;
        OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                            &test_err));
        for (int i = 0; i < 4; i++)
            stage(&c, files[i], "x");
        write_text(in(&f, "ds/p=3"), "a file in the folder's place");
        assert_int_equal(pqf_commit_finish(&c,
                                           &(pqf_change){.files = files, .num_files = 4},
                                           &test_err),
                         PQF_IO);
        assert_int_equal(test_err.os_errno, ENOTDIR);
        pqf_commit_reset(&c);
        check_names(in(&f, "ds"), "d:p=1 f:p=3");
        unlink(in(&f, "ds/p=3"));
    }
    folder_end(&f);
}

/* ---- targets ---- */

static void refused_targets(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    char here[4096], home[200], below[300];
    const char *before = getenv("HOME");
    char *kept = before ? strcpy(test_malloc(strlen(before) + 1), before) : NULL;
    folder_begin(&f);
    assert_non_null(getcwd(here, sizeof here));
    OK(pqf_fs_make_folders(in(&f, "home/user"), &test_err));
    OK(pqf_fs_make_folders(in(&f, "cwd/deep"), &test_err));
    sprintf(home, "%s/home/user", f.path);
    sprintf(below, "%s/cwd/deep", f.path);
    setenv("HOME", home, 1);
    assert_int_equal(chdir(below), 0);
    assert_int_equal(symlink("home", in(&f, "link")), 0);
    static const char *const refused[] = {"/",       "/tmp",         ".", "..", "../..",
                                          "../deep", "missing/../.."};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        pqf_error_init(&test_err);
        if (pqf_commit_begin(&c, refused[i], PQF_OVERWRITE, true, test_mem, &no_ticks,
                             &test_err) == PQF_OK)
            fail_msg("%s was not refused", refused[i]);
        assert_int_equal(test_err.status, i == 6 ? PQF_IO : PQF_INVALID);
    }
    FAILS(
        PQF_INVALID, "refusing to overwrite",
        pqf_commit_begin(&c, home, PQF_OVERWRITE, true, test_mem, &no_ticks, &test_err));
    FAILS(PQF_INVALID, "refusing to overwrite",
          pqf_commit_begin(&c, in(&f, "home"), PQF_OVERWRITE, true, test_mem, &no_ticks,
                           &test_err));
    FAILS(PQF_INVALID, "refusing to overwrite",
          pqf_commit_begin(&c, in(&f, "link/user/.."), PQF_OVERWRITE, true, test_mem,
                           &no_ticks, &test_err));
    FAILS(PQF_INVALID, "has no name",
          pqf_commit_begin(&c, "", PQF_APPEND, true, test_mem, &no_ticks, &test_err));
    /* below them, beside them, and appends are fine */
    commit_one("data", PQF_OVERWRITE, "f", "1");
    commit_one(in(&f, "home/user2"), PQF_OVERWRITE, "f", "1");
    commit_one(".", PQF_APPEND, "f", "1");
    commit_one("new/./.", PQF_OVERWRITE, "f", "1");
    check_names(below, "d:data f:f d:new");
    assert_int_equal(chdir(here), 0);
    if (kept)
        setenv("HOME", kept, 1);
    else
        unsetenv("HOME");
    test_free(kept);
    folder_end(&f);
}

static void files_and_links_as_targets(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    struct stat st;
    folder_begin(&f);
    write_text(in(&f, "file"), "x");
    for (int mode = 0; mode < 2; mode++) {
        FAILS(PQF_IO, "is a file",
              pqf_commit_begin(&c, in(&f, "file"), (pqf_mode)mode, true, test_mem,
                               &no_ticks, &test_err));
        assert_int_equal(test_err.os_errno, ENOTDIR);
        FAILS(PQF_IO, "file/below",
              pqf_commit_begin(&c, in(&f, "file/below"), (pqf_mode)mode, true, test_mem,
                               &no_ticks, &test_err));
        assert_int_equal(test_err.os_errno, ENOTDIR);
    }
    check_names(f.path, "f:file");
    commit_one(in(&f, "store/ds"), PQF_APPEND, "f", "1");
    assert_int_equal(symlink("store/ds", in(&f, "link")), 0);
    commit_one(in(&f, "link"), PQF_OVERWRITE, "g", "2");
    commit_one(in(&f, "link"), PQF_APPEND, "h", "3");
    assert_int_equal(lstat(in(&f, "link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    check_names(in(&f, "store"), "d:ds");
    check_names(in(&f, "store/ds"), "f:g f:h");
    folder_end(&f);
}

/* ---- other processes ---- */

static void forked_child_keeps_its_hands_off(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    const char *file = "f";
    folder_begin(&f);
    OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_OVERWRITE, true, test_mem, &no_ticks,
                        &test_err));
    stage(&c, file, "x");
    pid_t child = fork();
    if (child == 0) {
        pqf_commit_reset(&c);
        _exit(0);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    OK(pqf_commit_finish(&c, &(pqf_change){.files = &file, .num_files = 1}, &test_err));
    pqf_commit_reset(&c);
    check_names(in(&f, "ds"), "f:f");
    folder_end(&f);
}

static void overwrite_for_ever(const char *dir) {
    for (int i = 0;; i++) {
        char rows_text[200];
        int n = sprintf(rows_text, "{%d,p},{%d,q},{%d,r}", i, i, i);
        built b = build(test_mem, "+s(a:l;p:u)", n > 0 ? rows_text : "");
        pqf_dataset_writer *w;
        static const char *const partitions[] = {"p", NULL};
        pqf_dataset_write_options o = {.struct_bytes = sizeof o,
                                       .file = write_options(),
                                       .mode = PQF_OVERWRITE,
                                       .partition_columns = partitions};
        if (pqf_dataset_writer_open(dir, &b.schema, &o, &w, NULL) != PQF_OK ||
            pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, NULL) != PQF_OK ||
            pqf_dataset_writer_finish(w, NULL) != PQF_OK)
            _exit(1);
        pqf_dataset_writer_free(w);
        build_free(&b);
    }
}

/* Killed at any moment: the dataset has the rows of one write, whole. */
static void killed_writers(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    rand_begin(7);
    for (int round = 0; round < 25; round++) {
        pid_t child = fork();
        if (child == 0) overwrite_for_ever(in(&f, "ds"));
        /* a slow machine gets longer, until a first write is there */
        int64_t most_us = exists(in(&f, "ds")) ? 60000 : 60000 * (1 + round);
        usleep((useconds_t)(2000 + rand_below(most_us)));
        assert_int_equal(kill(child, SIGKILL), 0);
        int result;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFSIGNALED(result));
        rows r;
        long long a[3];
        if (!exists(in(&f, "ds"))) continue; /* killed before the first one was there */
        OK(read_path(in(&f, "ds"), NULL, &r));
        if (sscanf(r.text, "{a: %lld, p: p}, {a: %lld, p: q}, {a: %lld, p: r}, ", &a[0],
                   &a[1], &a[2]) != 3 ||
            a[0] != a[1] || a[1] != a[2] || r.num_rows != 3)
            fail_msg("round %d: %s", round, r.text);
        rows_free(&r);
    }
    assert_true(exists(in(&f, "ds")));
    commit_one(in(&f, "ds"), PQF_OVERWRITE, "f",
               "1"); /* removes what the killed ones left */
    check_names(f.path, "d:ds");
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(append_and_overwrite),
        TEST(many_files),
        TEST(abandoned),
        TEST(half_an_append),
        TEST(refused_targets),
        TEST(files_and_links_as_targets),
        TEST(forked_child_keeps_its_hands_off),
        TEST(killed_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
