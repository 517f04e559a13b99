/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parts.c: the files of partitions: rows that are set aside and come back (spill.c, with
 * arrow/collect.c and pack.c below it), files of a wanted size, what an append may add.
 */
#include "file/file_test.h"

static const char *const by_p[] = {"p", NULL};

static pqf_dataset_write_options options(pqf_mode mode) {
    return (pqf_dataset_write_options){.struct_bytes = sizeof(pqf_dataset_write_options),
                                       .file = write_options(),
                                       .mode = mode,
                                       .partition_columns = by_p};
}

/* ---- rows as bytes ---- */

static const struct {
    const char *type, *values;
} PACKED[] = {
    {"b", "true,null,false"},
    {"s", "1,null,-3"},
    {"d:30,2", "12345,null,-1"},
    {"w:3", "0x000102,null,0xffffff"},
    {"u", "x,null,'a long string of bytes'"},
    {"U", "x,'',y"},
    {"vu", "x,null,'a long string of bytes'"},
    {"dict(c;u)", "x,null,x"},
    {"+l(item:i)", "[1,null],null,[]"},
    {"+L(item:vu)", "['a long string of bytes'],[],[b]"},
    {"+w:2(item:i)", "[1,2],null,[3,null]"},
    {"+m(key!:u;value:+l(item:b))", "[{a,[true]}],null,[]"},
    {"+s(x:i;y:dict(i;u))", "{1,a},null,{null,b}"},
    {"+l(item:+s(x:u))", "[{a},null],[{null}],null"},
};

/* Collects the rows of a batch in two halves, twice. */
static void collect(pqf_collector *c, const built *b, pqf_arena *arena) {
    pqf_view view;
    OK(pqf_view_init(&view, &b->schema, &b->array, true, arena, &test_err));
    for (int i = 0; i < 2; i++) {
        OK(pqf_collector_put(c, &view, 0, 1, &test_err));
        OK(pqf_collector_put(c, &view, 1, view.length - 1, &test_err));
    }
    assert_int_equal(pqf_collector_num_rows(c), 2 * view.length);
}

static void rows_as_bytes_and_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof PACKED / sizeof *PACKED; i++) {
        char values[1000], expected[2100], text[3000];
        built column = build(test_mem, PACKED[i].type, PACKED[i].values);
        build_array_text(&column.schema, &column.array, test_mem, values, sizeof values);
        snprintf(expected, sizeof expected, "%s, %s", values, values);
        pqf_arena arena = {.mem = test_mem};
        pqf_collector *c;
        struct ArrowArray array, again;
        pqf_buf bytes = {.mem = test_mem};
        OK(pqf_collector_new(&column.schema, test_mem, &c, &test_err));
        collect(c, &column, &arena);
        OK(pqf_collector_take(c, &array, &test_err));
        assert_int_equal(pqf_collector_num_rows(c), 0);
        const struct ArrowSchema *schema = pqf_collector_schema(c);
        build_array_text(schema, &array, test_mem, text, sizeof text);
        assert_string_equal(text, expected);
        OK(pqf_array_pack(schema, &array, &bytes, &test_err));
        OK(pqf_array_unpack(schema, pqf_buf_view(&bytes), &arena, &again, &test_err));
        build_array_text(schema, &again, test_mem, text, sizeof text);
        assert_string_equal(text, expected);
        for (size_t n = 0; n < bytes.len; n += 8)
            FAILS(PQF_CORRUPT, "have changed",
                  pqf_array_unpack(schema, pqf_bytes_of(bytes.data, n), &arena, &again,
                                   &test_err));
        pqf_buf_reset(&bytes);
        pqf_array_release(&array);
        pqf_collector_free(c);
        pqf_arena_reset(&arena);
        build_free(&column);
    }
}

/* Damaged words: refused, or an array that can be looked at without leaving its buffers (the
 * sanitizers tell). */
static void damaged_bytes_are_refused(void **state) {
    (void)state;
    int num_refused = 0;
    rand_begin(20261122);
    for (size_t i = 0; i < sizeof PACKED / sizeof *PACKED; i++) {
        built b = build(test_mem, PACKED[i].type, PACKED[i].values);
        pqf_arena arena = {.mem = test_mem};
        pqf_collector *c;
        struct ArrowArray array, again;
        pqf_buf bytes = {.mem = test_mem};
        OK(pqf_collector_new(&b.schema, test_mem, &c, &test_err));
        collect(c, &b, &arena);
        OK(pqf_collector_take(c, &array, &test_err));
        const struct ArrowSchema *schema = pqf_collector_schema(c);
        OK(pqf_array_pack(schema, &array, &bytes, &test_err));
        for (int round = 0; round < 200; round++) {
            static const int64_t words[] = {-1, 0, 1, 7, INT64_MAX, INT64_MIN, 1 << 20};
            size_t at = (size_t)rand_below((int64_t)bytes.len / 8) * 8;
            uint8_t before[8];
            pqf_view view;
            memcpy(before, bytes.data + at, 8);
            memcpy(bytes.data + at, &words[round % 7], 8);
            pqf_status status =
                pqf_array_unpack(schema, pqf_buf_view(&bytes), &arena, &again, &test_err);
            if (status == PQF_OK)
                status = pqf_view_init(&view, schema, &again, true, &arena, &test_err);
            char text[200];
            for (int64_t r = 0; status == PQF_OK && r < pqf_min_i64(view.length, 6); r++)
                pqf_view_text(&view, r, text, sizeof text);
            num_refused += status != PQF_OK;
            memcpy(bytes.data + at, before, 8);
        }
        pqf_buf_reset(&bytes);
        pqf_array_release(&array);
        pqf_collector_free(c);
        pqf_arena_reset(&arena);
        build_free(&b);
    }
    assert_true(num_refused > 500);
}

/* ---- datasets ---- */

enum { ROWS = 12000, CAP = 8 << 20 };

static built many_rows(int num_partitions) {
    char *values = test_malloc(ROWS * 80), *v = values;
    for (int i = 0; i < ROWS; i++)
        v += sprintf(v, "%s{%d,%d,'text of row %d',[%d,null],w%d}", i ? "," : "",
                     i * 7 % num_partitions, i, i, i % 9, i % 5);
    built b = build(test_mem, "+s(p:i;a:l;s:u;l:+l(item:i);d:dict(i;u))", values);
    test_free(values);
    return b;
}

static pqf_status put_all(const char *dir, const built *b, int64_t step,
                          const pqf_dataset_write_options *o) {
    pqf_dataset_writer *w;
    pqf_error_init(&test_err);
    pqf_status status = pqf_dataset_writer_open(dir, &b->schema, o, &w, &test_err);
    if (status != PQF_OK) return status;
    for (int64_t at = 0; at < b->array.length && status == PQF_OK; at += step) {
        struct ArrowArray part = b->array;
        part.offset = at;
        part.length = pqf_min_i64(step, b->array.length - at);
        status = pqf_dataset_writer_put(w, &b->schema, &part, NULL, &test_err);
    }
    if (status == PQF_OK) status = pqf_dataset_writer_finish(w, &test_err);
    pqf_dataset_writer_free(w);
    return status;
}

/* All files one behind the other in the order of their paths: the random names are the same within
 * a partition but for what follows the UUID. */
static size_t bytes_of_dataset(const char *dir, uint8_t *out) {
    pqf_dataset *d;
    size_t len = 0;
    OK(pqf_dataset_open(&dir, 1, NULL, NULL, &d, &test_err));
    for (int64_t i = 0; i < pqf_dataset_num_files(d); i++) {
        FILE *file = fopen(pqf_dataset_file(d, i), "rb");
        assert_non_null(file);
        len += fread(out + len, 1, CAP - len, file);
        fclose(file);
    }
    assert_true(len < CAP);
    pqf_dataset_free(d);
    return len;
}

/* Only rows that are set aside are written so many bytes at a time. */
#define LARGE_WRITE 20000
static _Atomic int64_t num_writes, fail_at, num_large, fail_at_large;
static int count_writes(int64_t offset, size_t n) {
    (void)offset;
    if (n > LARGE_WRITE && ++num_large == fail_at_large) return ENOSPC;
    return ++num_writes == fail_at ? ENOSPC : 0;
}

/* Batches, threads and memory differ, the files do not. */
static void spilled_or_not_the_files_are_the_same(void **state) {
    (void)state;
    static const struct {
        int64_t memory_limit, step;
        int threads;
        int64_t row_group_bytes, max_rows, target;
    } rounds[] = {
        {0, ROWS, 1, 0, 0, 0},      {6 << 20, ROWS, 1, 0, 0, 0},
        {6 << 20, 700, 2, 0, 0, 0}, {8 << 20, 3001, 3, 0, 0, 0},
        {0, ROWS, 1, 2000, 0, 0},   {6 << 20, 500, 2, 2000, 0, 0},
        {0, ROWS, 1, 0, 17, 0},     {6 << 20, 500, 2, 0, 17, 0},
        {0, ROWS, 1, 0, 0, 1500},   {6 << 20, 500, 2, 0, 0, 1500},
    };
    folder f;
    folder_begin(&f);
    built b = many_rows(300);
    uint8_t *first = test_malloc(CAP), *again = test_malloc(CAP);
    size_t len = 0;
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        pqf_dataset_write_options o = options(PQF_OVERWRITE);
        o.file.control.memory_limit = rounds[i].memory_limit;
        o.file.control.num_threads = rounds[i].threads;
        o.file.row_group_bytes = rounds[i].row_group_bytes;
        o.max_rows_per_file = rounds[i].max_rows;
        o.target_file_bytes = rounds[i].target;
        OK(put_all(in(&f, "ds"), &b, rounds[i].step, &o));
        bool is_first = !rounds[i].memory_limit;
        size_t n = bytes_of_dataset(in(&f, "ds"), is_first ? first : again);
        if (is_first)
            len = n;
        else if (n != len || memcmp(first, again, n) != 0)
            fail_msg("round %zu gives other files", i);
        check_names(f.path, "d:ds");
    }
    test_free(first);
    test_free(again);
    build_free(&b);
    folder_end(&f);
}

/* A full disk, wherever it strikes, is told and leaves what was there. */
static void full_disks(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = many_rows(300), few = build(test_mem, "+s(p:i;a:l)", "{1,7}");
    pqf_dataset_write_options o = options(PQF_OVERWRITE);
    OK(put_all(in(&f, "ds"), &few, 1, &o));
    o.file.control.memory_limit = 6 << 20;
    pqf_sink_test_hook = count_writes;
    for (int64_t i = -3;; i = i == -1 ? 1 : i < 0 ? i + 1 : i + 1 + i / 3) {
        num_writes = num_large = 0;
        fail_at = i;
        fail_at_large = -i;
        if (put_all(in(&f, "ds"), &b, 1000, &o) == PQF_OK) {
            assert_true(i > 300); /* every partition's file has been the one that fails */
            break;
        }
        /* which write is the i-th depends on the threads: a file's, or of rows set aside */
        assert_int_equal(test_err.os_errno, ENOSPC);
        if (i < 0) assert_non_null(strstr(test_err.message, "set rows aside"));
        check_names(f.path, "d:ds");
        check_path(in(&f, "ds"), "{a: 7, p: 1}");
    }
    pqf_sink_test_hook = NULL;
    build_free(&b);
    build_free(&few);
    folder_end(&f);
}

static void a_limit_that_cannot_be_kept(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = many_rows(2);
    pqf_dataset_write_options o = options(PQF_OVERWRITE);
    o.file.control.memory_limit = 1 << 19;
    pqf_status status = put_all(in(&f, "ds"), &b, 1000, &o);
    assert_int_equal(status, PQF_LIMIT);
    check_error_has("memory_limit");
    check_error_has("row_group_size");
    check_names(f.path, "");
    build_free(&b);
    folder_end(&f);
}

static void files_of_exactly_so_many_rows(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(p:i;a:l)", "{1,1},{2,2},{1,3},{1,4},{1,5},{2,6},{1,7}");
    for (int64_t step = 1; step <= 7; step += 3) {
        pqf_dataset_write_options o = options(PQF_OVERWRITE);
        o.max_rows_per_file = 2;
        OK(put_all(in(&f, "ds"), &b, step, &o));
        const char *path = in(&f, "ds");
        pqf_dataset *d;
        int num_suffixed = 0;
        OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
        assert_int_equal(pqf_dataset_num_files(d), 4); /* 2 + 2 + 1, and 2 */
        for (int64_t i = 0; i < 4; i++) {
            const char *name = strrchr(pqf_dataset_file(d, i), '/') + 1;
            num_suffixed +=
                !strcmp(name + 36, "-1.parquet") || !strcmp(name + 36, "-2.parquet");
        }
        assert_int_equal(num_suffixed, 2);
        pqf_dataset_free(d);
    }
    build_free(&b);
    folder_end(&f);
}

static void refused_scopes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(p:i;a:l)", "{1,1}");
    pqf_dataset_write_options o = options(PQF_APPEND);
    o.scope = PQF_SCOPE_PARTITIONS;
    FAILS(PQF_INVALID, "mode='overwrite'", put_all(in(&f, "ds"), &b, 1, &o));
    o = options(PQF_OVERWRITE);
    o.scope = PQF_SCOPE_PARTITIONS;
    o.partition_columns = NULL;
    FAILS(PQF_INVALID, "needs partition_cols", put_all(in(&f, "ds"), &b, 1, &o));
    o = options(PQF_APPEND);
    o.max_rows_per_file = -1;
    FAILS(PQF_INVALID, "negative", put_all(in(&f, "ds"), &b, 1, &o));
    check_names(f.path, "");
    build_free(&b);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_as_bytes_and_back),
        TEST(damaged_bytes_are_refused),
        TEST(spilled_or_not_the_files_are_the_same),
        TEST(full_disks),
        TEST(a_limit_that_cannot_be_kept),
        TEST(files_of_exactly_so_many_rows),
        TEST(refused_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
