/* SPDX-License-Identifier: Apache-2.0
 *
 * test_journal.c: commits of many files: what a killed writer left is finished or counted,
 * journals of strangers move nothing outside, readers keep what they opened.
 */
#include "file/file_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Of a call that nobody interrupts. */
static pqf_run no_ticks = {.num_threads = 1, .total = -1};

#define ID "0123456789abcdef0123456789abcdef"

static const char *const by_p[] = {"p", NULL};

static pqf_dataset_write_options options(pqf_mode mode) {
    return (pqf_dataset_write_options){.struct_bytes = sizeof(pqf_dataset_write_options),
                                       .file = write_options(),
                                       .mode = mode,
                                       .partition_columns = by_p};
}

/* {a: from, p: 0}, {a: from, p: 1}, ... one file each */
static pqf_status write_parts(const char *dir, pqf_mode mode, int from, int parts) {
    char text[4000], *at = text;
    pqf_dataset_write_options o = options(mode);
    pqf_dataset_writer *w;
    for (int p = 0; p < parts; p++)
        at += sprintf(at, "%s{%d,%d}", p ? "," : "", from, p);
    built b = build(test_mem, "+s(a:l;p:i)", text);
    pqf_error_init(&test_err);
    pqf_status status = pqf_dataset_writer_open(dir, &b.schema, &o, &w, &test_err);
    if (status == PQF_OK) {
        status = pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, &test_err);
        if (status == PQF_OK) status = pqf_dataset_writer_finish(w, &test_err);
        pqf_dataset_writer_free(w);
    }
    build_free(&b);
    return status;
}

static int64_t count_rows(const char *dir) {
    pqf_dataset *d;
    int64_t n = -1;
    OK(pqf_dataset_open(&dir, 1, NULL, NULL, &d, &test_err));
    OK(pqf_dataset_count_rows(d, NULL, &n, &test_err));
    pqf_dataset_free(d);
    return n;
}

/* ---- a journal in the sibling ---- */

/* As a writer that died behind its commit leaves it. */
static void leave_journal(folder *f, const char *file, int64_t size,
                          const char *removed) {
    pqf_journal j = {.files = &file,
                     .sizes = &size,
                     .num_files = file ? 1 : 0,
                     .removed = &removed,
                     .num_removed = removed ? 1 : 0};
    strcpy(j.id, ID);
    int fd = open(in(f, ".ds.forge"), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    OK(pqf_journal_write(&j, fd, ID ".commit", test_mem, &test_err));
    close(fd);
}

static void begin_dead(folder *f) {
    folder_begin(f);
    OK(pqf_fs_make_folders(in(f, "ds/p=1"), &test_err));
    write_text(in(f, "ds/p=1/old"), "1");
    OK(pqf_fs_make_folders(in(f, ".ds.forge/" ID "/tree/p=2"), &test_err));
    write_text(in(f, ".ds.forge/" ID "/tree/p=2/new.staged"), "22");
}

static void touch_by_a_writer(folder *f) {
    pqf_commit c;
    OK(pqf_commit_begin(&c, in(f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                        &test_err));
    pqf_commit_reset(&c);
}

static void dead_commit_is_finished(void **state) {
    (void)state;
    for (int reader = 0; reader < 2; reader++) {
        folder f;
        begin_dead(&f);
        leave_journal(&f, "p=2/new", 2, "p=1/old");
        if (reader) {
            pqf_dataset *d;
            const char *path = in(&f, "ds");
            FAILS(PQF_CORRUPT, "new",
                  pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
        } else {
            touch_by_a_writer(&f);
        }
        check_names(f.path, "d:ds");
        check_names(in(&f, "ds"), "d:p=2");
        check_text(in(&f, "ds/p=2/new"), "22");
        folder_end(&f);
    }
}

/* The same journal once more, after its files went their way: nothing happens twice. */
static void finished_twice(void **state) {
    (void)state;
    folder f;
    begin_dead(&f);
    assert_int_equal(rename(in(&f, ".ds.forge/" ID "/tree/p=2"), in(&f, "ds/p=2")), 0);
    assert_int_equal(rename(in(&f, "ds/p=2/new.staged"), in(&f, "ds/p=2/new")), 0);
    leave_journal(&f, "p=2/new", 2, "p=1/gone");
    touch_by_a_writer(&f);
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "d:p=1 d:p=2");
    check_text(in(&f, "ds/p=2/new"), "22");
    folder_end(&f);
}

static void check_nothing_moved(folder *f) {
    touch_by_a_writer(f);
    check_names(f->path, "d:ds f:victim");
    check_names(in(f, "ds"), "d:p=1");
    check_text(in(f, "ds/p=1/old"), "1");
    check_text(in(f, "victim"), "v");
    folder_end(f);
}

static void begin_stranger(folder *f) {
    begin_dead(f);
    write_text(in(f, "victim"), "v");
}

static void strangers_journals(void **state) {
    (void)state;
    static const char *const bad[] = {"/tmp/pqf_x", "../victim", "p=1/../../victim",
                                      "p=1//old",   "./p=1/old", ".",
                                      "p=1/old/"};
    folder f;
    for (size_t i = 0; i < 2 * (sizeof bad / sizeof bad[0]); i++) {
        const char *path = bad[i / 2];
        begin_stranger(&f);
        leave_journal(&f, i % 2 ? "p=2/new" : path, 2, i % 2 ? path : NULL);
        check_nothing_moved(&f);
    }
    begin_stranger(&f); /* a staged file of another size */
    leave_journal(&f, "p=2/new", 3, "p=1/old");
    check_nothing_moved(&f);
    begin_stranger(&f); /* a staged link */
    assert_int_equal(unlink(in(&f, ".ds.forge/" ID "/tree/p=2/new.staged")), 0);
    assert_int_equal(
        symlink("/etc/hostname", in(&f, ".ds.forge/" ID "/tree/p=2/new.staged")), 0);
    leave_journal(&f, "p=2/new", 13, "p=1/old");
    check_nothing_moved(&f);
}

/* Folders that are links lead nowhere. */
static void links_are_not_followed(void **state) {
    (void)state;
    folder f;
    begin_dead(&f);
    OK(pqf_fs_make_folders(in(&f, "out"), &test_err));
    write_text(in(&f, "out/x"), "x");
    assert_int_equal(symlink("../out", in(&f, "ds/link")), 0);
    assert_int_equal(
        rename(in(&f, ".ds.forge/" ID "/tree/p=2"), in(&f, ".ds.forge/" ID "/tree/link")),
        0);
    leave_journal(&f, "link/new", 2, "link/x");
    pqf_commit c;
    pqf_error_init(&test_err);
    if (pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                         &test_err) == PQF_OK)
        pqf_commit_reset(&c);
    check_names(in(&f, "out"), "f:x");
    folder_end(&f);
}

/* Whoever removes a dataset removes what was about to be added to it. */
static void removed_dataset(void **state) {
    (void)state;
    folder f;
    begin_dead(&f);
    leave_journal(&f, "p=2/new", 2, "p=1/old");
    OK(pqf_fs_remove_tree(in(&f, "ds"), NULL, NULL, &test_err));
    OK(write_parts(in(&f, "ds"), PQF_APPEND, 1, 2));
    assert_int_equal(count_rows(in(&f, "ds")), 2);
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* Cut short anywhere, or with a byte changed, it is no journal. */
static void damaged_journals(void **state) {
    (void)state;
    folder f;
    char text[512];
    begin_stranger(&f);
    leave_journal(&f, "p=2/new", 2, "p=1/old");
    FILE *file = fopen(in(&f, ".ds.forge/" ID ".commit"), "rb");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    int sibling = open(in(&f, ".ds.forge"), O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < 2 * len + 1; i++) {
        pqf_arena arena = {.mem = test_mem};
        pqf_journal j;
        bool is_valid;
        char damaged[512];
        memcpy(damaged, text, len);
        if (i > len) damaged[i - len - 1] ^= 1;
        file = fopen(in(&f, ".ds.forge/" ID ".commit"), "wb");
        fwrite(damaged, 1, i < len ? i : len, file);
        fclose(file);
        OK(pqf_journal_read(sibling, ID, &arena, &j, &is_valid, &test_err));
        if (is_valid != (i == len)) fail_msg("case %zu of %zu", i, len);
        pqf_arena_reset(&arena);
    }
    close(sibling);
    check_nothing_moved(&f);
}

/* ---- changes ---- */

static void stage(const pqf_commit *c, const char *file, const char *text) {
    char path[4400];
    snprintf(path, sizeof path, "%s/%s" PQF_STAGED, c->stage, file);
    *strrchr(path, '/') = 0;
    OK(pqf_fs_make_folders(path, &test_err));
    path[strlen(path)] = '/';
    write_text(path, text);
}

static void removed_and_emptied(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    const char *const added[] = {"p=1/new", "p=3/new"};
    const char *const removed[] = {"p=1/a", "p=2/b"};
    const char *const emptied[] = {"p=4", "p=5"};
    pqf_change change = {.files = added,
                         .num_files = 2,
                         .removed = removed,
                         .num_removed = 2,
                         .emptied = emptied,
                         .num_emptied = 2};
    folder_begin(&f);
    OK(pqf_fs_make_folders(in(&f, "ds/p=1"), &test_err));
    OK(pqf_fs_make_folders(in(&f, "ds/p=2"), &test_err));
    OK(pqf_fs_make_folders(in(&f, "ds/p=4/q=1"), &test_err));
    write_text(in(&f, "ds/p=1/a"), "1");
    write_text(in(&f, "ds/p=4/q=1/c"), "1");
    for (int round = 0; round < 2; round++) { /* the first: one file is gone */
        OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, true, test_mem, &no_ticks,
                            &test_err));
        stage(&c, "p=1/new", "2");
        stage(&c, "p=3/new", "3");
        if (round) write_text(in(&f, "ds/p=2/b"), "1");
        if (round)
            OK(pqf_commit_finish(&c, &change, &test_err));
        else
            FAILS(PQF_IO, "changed meanwhile", pqf_commit_finish(&c, &change, &test_err));
        pqf_commit_reset(&c);
        check_names(f.path, "d:ds");
        check_names(in(&f, "ds"), round ? "d:p=1 d:p=3" : "d:p=1 d:p=2 d:p=4");
        check_names(in(&f, "ds/p=1"), round ? "f:new" : "f:a");
    }
    OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, true, test_mem, &no_ticks,
                        &test_err));
    assert_int_equal(rename(in(&f, "ds"), in(&f, "was")), 0);
    OK(pqf_fs_make_folders(in(&f, "ds/p=1"), &test_err));
    write_text(in(&f, "ds/p=1/new"), "4");
    const char *again = "p=1/new";
    change = (pqf_change){.removed = &again, .num_removed = 1};
    FAILS(PQF_IO, "has been replaced", pqf_commit_finish(&c, &change, &test_err));
    pqf_commit_reset(&c);
    check_text(in(&f, "ds/p=1/new"), "4");
    folder_end(&f);
}

/* A reader that is open keeps its files over a removal, and then over an overwrite. */
static void readers_keep_their_version(void **state) {
    (void)state;
    folder f;
    pqf_commit c;
    pqf_dataset *d;
    pqf_source *source;
    char text[8] = "";
    folder_begin(&f);
    OK(write_parts(in(&f, "ds"), PQF_APPEND, 1, 3));
    write_text(in(&f, "ds/p=1/z.parquet"), "kept");
    const char *path = in(&f, "ds"), *removed = "p=1/z.parquet";
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    assert_int_equal(pqf_dataset_num_files(d), 4);
    OK(pqf_commit_begin(&c, in(&f, "ds"), PQF_APPEND, false, test_mem, &no_ticks,
                        &test_err));
    pqf_change change = {.removed = &removed, .num_removed = 1};
    OK(pqf_commit_finish(&c, &change, &test_err));
    pqf_commit_reset(&c);
    assert_int_equal(count_rows(in(&f, "ds")), 3);
    for (int round = 0; round < 3; round++) {
        int64_t i = 0;
        while (!strstr(pqf_dataset_file(d, i), "z.parquet"))
            i++;
        OK(pqf_dataset_open_source(d, i, &source, &test_err));
        OK(pqf_source_read_at(source, 0, text, 4, &test_err));
        assert_string_equal(text, "kept");
        pqf_source_free(source);
        if (round == 0) OK(write_parts(in(&f, "ds"), PQF_OVERWRITE, 2, 5));
        if (round == 1) OK(write_parts(in(&f, "ds"), PQF_APPEND, 3, 2));
    }
    assert_true(exists(in(&f, ".ds.forge")));
    assert_int_equal(count_rows(in(&f, "ds")), 7);
    pqf_dataset_free(d);
    touch_by_a_writer(&f); /* now the old things go */
    check_names(f.path, "d:ds");
    folder_end(&f);
}

static void overwrite_without_exchange(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_fs_test_no_exchange = true;
    OK(write_parts(in(&f, "ds"), PQF_OVERWRITE, 1, 3));
    OK(write_parts(in(&f, "ds"), PQF_OVERWRITE, 2, 4));
    pqf_fs_test_no_exchange = false;
    assert_int_equal(count_rows(in(&f, "ds")), 4);
    check_names(f.path, "d:ds");
    /* killed in the gap: the next reader finishes */
    OK(pqf_fs_make_folders(in(&f, ".ds.forge/" ID "/tree/p=0"), &test_err));
    assert_int_equal(rename(in(&f, "ds"), in(&f, ".ds.forge/" ID "/gone")), 0);
    pqf_journal j = {.swap = true};
    strcpy(j.id, ID);
    int fd = open(in(&f, ".ds.forge"), O_RDONLY | O_DIRECTORY);
    OK(pqf_journal_write(&j, fd, ID ".commit", test_mem, &test_err));
    close(fd);
    assert_int_equal(count_rows(in(&f, "ds")), 0);
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "d:p=0");
    folder_end(&f);
}

/* ---- processes ---- */

static int rounds(int few, int many) {
    const char *all = getenv("PQF_TEST_ALL");
    return all && !strcmp(all, "1") ? many : few;
}

static void child_appends(const char *dir, int number, int times) {
    for (int i = 0; i < times; i++)
        if (write_parts(dir, PQF_APPEND, number * 1000 + i, 2 + (number + i) % 3))
            fail_with_text("an append failed");
    _exit(0);
}

/* Eight processes append to the same partitions; a reader sees every append whole. */
static void appending_processes(void **state) {
    (void)state;
    enum { PROCESSES = 8 };
    int times = rounds(5, 20), living = PROCESSES, result;
    int64_t expected = 7;
    folder f;
    folder_begin(&f);
    OK(write_parts(in(&f, "ds"), PQF_APPEND, -1, 7));
    for (int k = 0; k < PROCESSES; k++) {
        for (int i = 0; i < times; i++)
            expected += 2 + (k + i) % 3;
        if (fork() == 0) child_appends(in(&f, "ds"), k, times);
    }
    while (living) {
        rows r;
        OK(read_path(in(&f, "ds"), NULL, &r));
        /* of each append the row of the partition 0 and that of 1 are both there */
        int zeros = 0, ones = 0;
        for (const char *at = r.text; (at = strstr(at, "p: 0}")); at++)
            zeros++;
        for (const char *at = r.text; (at = strstr(at, "p: 1}")); at++)
            ones++;
        if (zeros != ones) fail_msg("%d and %d rows", zeros, ones);
        rows_free(&r);
        while (living && waitpid(-1, &result, WNOHANG) > 0) {
            assert_int_equal(result, 0);
            living--;
        }
    }
    assert_int_equal(count_rows(in(&f, "ds")), expected);
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* Killed at any moment an append of 30 files is there or not. */
static void killed_appends(void **state) {
    (void)state;
    enum { PARTS = 30 };
    folder f;
    int result;
    folder_begin(&f);
    rand_begin(11);
    OK(write_parts(in(&f, "ds"), PQF_APPEND, 0, PARTS));
    for (int round = 0; round < rounds(12, 200); round++) {
        pid_t child = fork();
        for (int i = 1; child == 0; i++)
            if (write_parts(in(&f, "ds"), PQF_APPEND, i, PARTS)) _exit(1);
        usleep((useconds_t)(1000 + rand_below(60000)));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &result, 0), child);
        int64_t n = count_rows(in(&f, "ds"));
        if (n % PARTS)
            fail_msg("seed %llu, round %d: %lld rows", (unsigned long long)rand_seed,
                     round, (long long)n);
    }
    touch_by_a_writer(&f);
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* The folder's time changes under every listing: appends of one file do not keep a reader
 * from his rows. */
static void disturbed_for_ever(void **state) {
    (void)state;
    folder f;
    int result;
    folder_begin(&f);
    OK(write_parts(in(&f, "ds"), PQF_APPEND, 1, 4));
    pid_t child = fork();
    for (int i = 0; child == 0; i++) {
        struct timespec times[2] = {{i, 0}, {i, 0}};
        if (utimensat(AT_FDCWD, in(&f, "ds"), times, 0) != 0) _exit(1);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(count_rows(in(&f, "ds")), 4);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* With any number of free descriptors an append, and an overwrite, is done or not. */
static void few_descriptors(void **state) {
    (void)state;
    folder f;
    struct rlimit before, few;
    const char *const files[] = {"p=0/f", "p=1/f", "p=2/f"};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = open("/", O_RDONLY), done[2] = {0};
    close(lowest);
    for (int free = 0; free < 12; free++) {
        for (int mode = 0; mode < 2; mode++) {
            pqf_commit c;
            folder_begin(&f);
            OK(write_parts(in(&f, "ds"), PQF_APPEND, 1, 3));
            OK(pqf_commit_begin(&c, in(&f, "ds"), (pqf_mode)mode, true, test_mem,
                                &no_ticks, &test_err));
            for (int i = 0; i < 3; i++)
                stage(&c, files[i], "x");
            few = before;
            few.rlim_cur = (rlim_t)(c.room_fd + 1 + free);
            assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
            pqf_error_init(&test_err);
            pqf_status status = pqf_commit_finish(
                &c, &(pqf_change){.files = files, .num_files = 3}, &test_err);
            bool committed =
                status == PQF_OK || strstr(test_err.message, "committed") != NULL;
            pqf_commit_reset(&c);
            assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
            done[mode] += status == PQF_OK;
            touch_by_a_writer(&f);
            check_names(f.path, "d:ds");
            for (int i = 0; i < 3; i++) {
                char file[16];
                sprintf(file, "ds/%s", files[i]);
                if (exists(in(&f, file)) != committed)
                    fail_msg("mode %d, %d descriptors: %s", mode, free, test_err.message);
            }
            folder_end(&f);
        }
    }
    assert_true(done[0] > 0 && done[0] < 12 && done[1] > 0);
}

/* A reader that may not write counts what is committed. */
static void reader_that_may_not_write(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    OK(write_parts(in(&f, "ds"), PQF_APPEND, 1, 3));
    OK(write_parts(in(&f, "other"), PQF_APPEND, 2, 1));
    name_list list;
    char from[300], file[100];
    strcpy(file, names_in(in(&f, "other/p=0"), &list) + 2);
    snprintf(from, sizeof from, "%s/other/p=0/%s", f.path, file);
    struct stat st;
    assert_int_equal(stat(from, &st), 0);
    OK(pqf_fs_make_folders(in(&f, ".ds.forge/" ID "/tree/p=7"), &test_err));
    char to[400], below[200];
    snprintf(to, sizeof to, "%s/.ds.forge/" ID "/tree/p=7/%s.staged", f.path, file);
    snprintf(below, sizeof below, "p=7/%s", file);
    assert_int_equal(rename(from, to), 0);
    leave_journal(&f, below, st.st_size, NULL);
    /* as long as another one holds the commit lock nobody may finish it */
    int held = open(in(&f, ".ds.forge"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_int_equal(count_rows(in(&f, "ds")), 4);
    assert_false(exists(in(&f, "ds/p=7")));
    close(held);
    assert_int_equal(count_rows(in(&f, "ds")), 4);
    assert_true(exists(in(&f, "ds/p=7")));
    assert_false(exists(in(&f, ".ds.forge")));
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(dead_commit_is_finished),
        TEST(finished_twice),
        TEST(strangers_journals),
        TEST(links_are_not_followed),
        TEST(damaged_journals),
        TEST(removed_and_emptied),
        TEST(readers_keep_their_version),
        TEST(overwrite_without_exchange),
        TEST(reader_that_may_not_write),
        TEST(disturbed_for_ever),
        TEST(removed_dataset),
        TEST(few_descriptors),
        TEST(appending_processes),
        TEST(killed_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
