/* SPDX-License-Identifier: Apache-2.0
 *
 * test_maintain.c: files merged, compacted, described and changed through the public header: every
 * allocation that fails, every write that fails, and what is in memory afterwards.
 */
#include "file/file_test.h"

#define TYPE "+s(a:i;s:u;l:+l(item:g))"

static pqf_merge_options merge_options(int64_t row_group_rows) {
    pqf_merge_options o = {.struct_bytes = sizeof o, .file = write_options()};
    o.file.row_group_rows = row_group_rows;
    o.file.control.num_threads = 1;
    return o;
}

static void write_three(folder *f) {
    write_rows(in(f, "ds/a.parquet"), TYPE, "{1,x,[0.5,null]},{2,null,null}", NULL);
    write_rows(in(f, "ds/b.parquet"), TYPE, "{null,y,[]},{4,'',[1]}", NULL);
    write_rows(in(f, "ds/c.parquet"), TYPE, "{5,x,[2]}", NULL);
}

#define ALL_ROWS                                                                         \
    "{a: 1, s: x, l: [0.5, null]}, {a: 2, s: null, l: null}, {a: null, s: y, l: []}, "   \
    "{a: 4, s: , l: [1.0]}, {a: 5, s: x, l: [2.0]}"

static pqf_status merge_ds(folder *f, const pqf_merge_options *o, const char *out,
                           pqf_merge_result *r) {
    const char *dir = in(f, "ds");
    pqf_error_init(&test_err);
    return pqf_merge(&dir, 1, NULL, out, o, r, &test_err);
}

static void merged_by_copy_and_anew(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_three(&f);
    for (int64_t n = 1; n <= 8; n++) {
        pqf_merge_options o = merge_options(n);
        pqf_merge_result r;
        OK(merge_ds(&f, &o, in(&f, "out"), &r));
        check_path(in(&f, "out"), ALL_ROWS);
        assert_int_equal(r.num_rows, 5);
        assert_int_equal(r.files_before, 3);
        /* groups of 2, 2 and 1 rows: copied where they are half of what is asked, and no more */
        int64_t copied = n < 2 ? 1 : n == 2 ? 3 : n <= 4 ? 2 : 0;
        assert_int_equal(r.num_copied, copied);
    }
    folder_end(&f);
}

static void compacted(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_three(&f);
    pqf_merge_options o = merge_options(0);
    pqf_merge_result r;
    OK(pqf_compact(in(&f, "ds"), &o, &r, &test_err));
    assert_int_equal(r.files_before, 3);
    assert_int_equal(r.files_after, 1);
    check_path(in(&f, "ds"), ALL_ROWS);
    check_names(f.path, "d:ds");
    OK(pqf_compact(in(&f, "ds"), &o, &r, &test_err));
    assert_int_equal(r.files_before, 1);
    FAILS(PQF_IO, "cannot read", pqf_compact(in(&f, "none"), &o, &r, &test_err));
    o.struct_bytes--;
    FAILS(PQF_INVALID, "struct_bytes", pqf_compact(in(&f, "ds"), &o, &r, &test_err));
    check_names(f.path, "d:ds");
    folder_end(&f);
}

static int64_t writes_left;
static int fail_at(int64_t offset, size_t num_bytes) {
    (void)offset, (void)num_bytes;
    return writes_left-- > 0 ? 0 : ENOSPC;
}

/* Until a write succeeds to the end, nothing has changed. */
static void full_disk(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_three(&f);
    pqf_merge_options o = merge_options(2);
    pqf_merge_result r;
    pqf_column_setting change = {"k", "v"};
    pqf_update_options u = {.struct_bytes = sizeof u,
                            .not_durable = true,
                            .changes = &change,
                            .num_changes = 1};
    pqf_sink_test_hook = fail_at;
    for (int64_t n = 0; n < 2; n++) {
        writes_left = n;
        FAILS(PQF_IO, "cannot write", merge_ds(&f, &o, in(&f, "out"), &r));
        writes_left = n;
        FAILS(PQF_IO, "cannot write", pqf_compact(in(&f, "ds"), &o, &r, &test_err));
    }
    writes_left = 0;
    FAILS(PQF_IO, "cannot write",
          pqf_update_metadata(in(&f, "ds/a.parquet"), &u, &test_err));
    pqf_sink_test_hook = NULL;
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "f:a.parquet f:b.parquet f:c.parquet");
    check_path(in(&f, "ds"), ALL_ROWS);
    folder_end(&f);
}

static void check_pair(const char *path, const char *key, const char *value) {
    pqf_file_info *info;
    pqf_info_pair pair;
    bool found = false;
    OK(pqf_file_info_open(path, NULL, &info, &test_err));
    for (int64_t i = 0; pqf_file_info_pair(info, i, &pair); i++) {
        if (pair.key_bytes != strlen(key) || memcmp(pair.key, key, pair.key_bytes) != 0)
            continue;
        found = true;
        assert_int_equal(pair.value_bytes, value ? strlen(value) : 0);
        if (value) assert_memory_equal(pair.value, value, pair.value_bytes);
    }
    assert_int_equal(found, value != NULL);
    pqf_file_info_free(info);
}

static void pairs_changed(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_three(&f);
    pqf_column_setting changes[] = {
        {"k", "1"}, {"gone", "2"}, {"k", "3"}, {"gone", NULL}};
    pqf_update_options u = {.struct_bytes = sizeof u,
                            .not_durable = true,
                            .changes = changes,
                            .num_changes = 4};
    OK(pqf_update_metadata(in(&f, "ds/a.parquet"), &u, &test_err));
    check_pair(in(&f, "ds/a.parquet"), "k", "3");
    check_pair(in(&f, "ds/a.parquet"), "gone", NULL);
    check_path(in(&f, "ds"), ALL_ROWS);
    changes[0] = (pqf_column_setting){"ARROW:schema", "x"};
    FAILS(PQF_INVALID, "not set",
          pqf_update_metadata(in(&f, "ds/a.parquet"), &u, &test_err));
    check_names(in(&f, "ds"), "f:a.parquet f:b.parquet f:c.parquet");
    folder_end(&f);
}

static void described(void **state) {
    (void)state;
    folder f;
    pqf_file_info *info;
    pqf_info_file file;
    pqf_info_leaf leaf;
    pqf_info_group group;
    pqf_info_chunk chunk;
    pqf_sorting sorting;
    folder_begin(&f);
    write_three(&f);
    OK(pqf_file_info_open(in(&f, "ds/a.parquet"), NULL, &info, &test_err));
    pqf_file_info_get(info, &file);
    assert_int_equal(file.num_rows, 2);
    assert_int_equal(file.num_leaves, 3);
    assert_true(pqf_file_info_leaf(info, 2, &leaf));
    assert_string_equal(leaf.path, "l.list.element");
    assert_int_equal(leaf.max_repetition_level, 1);
    assert_false(pqf_file_info_leaf(info, 3, &leaf));
    assert_true(pqf_file_info_group(info, 0, &group));
    assert_int_equal(group.num_rows, 2);
    assert_false(pqf_file_info_group(info, 1, &group));
    assert_false(pqf_file_info_sorting(info, 0, 0, &sorting));
    assert_true(pqf_file_info_chunk(info, 0, 0, &chunk));
    assert_int_equal(chunk.min.kind, PQF_INFO_INT);
    assert_int_equal(chunk.min.low, 1);
    assert_int_equal(chunk.max.low, 2);
    assert_true(pqf_file_info_chunk(info, 0, 1, &chunk));
    assert_int_equal(chunk.min.kind, PQF_INFO_STRING);
    assert_int_equal(chunk.null_count, 1);
    assert_false(pqf_file_info_chunk(info, 0, 3, &chunk));
    assert_non_null(pqf_file_info_encoding(info, 0, 0, 0));
    assert_null(pqf_file_info_encoding(info, 0, 0, 99));
    pqf_file_info_free(info);
    FAILS(PQF_IO, "none", pqf_file_info_open(in(&f, "none"), NULL, &info, &test_err));
    folder_end(&f);
}

/* A budget of every size: the call fails or is right, and leaves nothing. */
static void little_memory(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_three(&f);
    bool done = false;
    for (int64_t limit = 4096; !done && limit < 64 << 20; limit += limit / 4) {
        pqf_merge_options o = merge_options(3);
        pqf_merge_result r;
        o.file.control.memory_limit = limit;
        pqf_status status = merge_ds(&f, &o, in(&f, "out"), &r);
        done = status == PQF_OK;
        if (done)
            check_path(in(&f, "out"), ALL_ROWS);
        else
            check_names(f.path, "d:ds");
    }
    assert_true(done);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(merged_by_copy_and_anew), TEST(compacted), TEST(full_disk),
        TEST(pairs_changed),           TEST(described), TEST(little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
