/* SPDX-License-Identifier: Apache-2.0
 *
 * test_scan.c: whole and bounded reads of many files: scan.c, whole.c, batches.c,
 * reader.c, share.c.
 */
#include "file/file_test.h"

#define NUM_FILES 9

static const char *const TYPE =
    "+s(a:l;s:u;l:+l(item:i);t:+s(x!:g;y:u);d:dict(i;u);m:+m(key!:u;value:i))";

/* Rows `first` .. `first + n` of an endless table. */
static char *make_values(int64_t first, int64_t n) {
    char *text = test_malloc((size_t)n * 200 + 1), *p = text;
    *p = 0;
    for (int64_t i = first; i < first + n; i++) {
        p += sprintf(p, "%s{", i > first ? "," : "");
        p += i % 7 ? sprintf(p, "%lld,", (long long)i) : sprintf(p, "null,");
        p += i % 5 ? sprintf(p, "text%lld,", (long long)(i % 50)) : sprintf(p, "null,");
        p += i % 3 ? sprintf(p, "[%lld,null,3],", (long long)i)
                   : sprintf(p, i % 2 ? "null," : "[],");
        p += i % 4 ? sprintf(p, "{%lld.5,y%lld},", (long long)i, (long long)i)
                   : sprintf(p, "null,");
        p += i % 6 ? sprintf(p, "dict%lld,", (long long)(i % 11)) : sprintf(p, "null,");
        p += i % 2 ? sprintf(p, "[{k,%lld}]}", (long long)i) : sprintf(p, "[]}");
    }
    return text;
}

/* Files of these rows, row groups of row_group_rows; the last but one has no row group at
 * all. */
static int64_t make_files(folder *f, const char **paths, int64_t row_group_rows) {
    static const int64_t counts[NUM_FILES] = {13, 1, 100, 0, 64, 7, 31, 0, 50};
    int64_t first = 0;
    for (int i = 0; i < NUM_FILES; i++) {
        char name[32];
        sprintf(name, "f%d.parquet", i);
        paths[i] = strcpy(test_malloc(200), in(f, name));
        pqf_write_options o = write_options();
        o.row_group_rows = row_group_rows;
        char *values = make_values(first, counts[i]);
        write_rows(paths[i], TYPE, values, &o);
        test_free(values);
        first += counts[i];
    }
    return first;
}

static void free_files(const char **paths) {
    for (int i = 0; i < NUM_FILES; i++)
        test_free((void *)(uintptr_t)paths[i]);
}

static char *expected_rows(int64_t n) {
    rows r = {0};
    char *values = make_values(0, n);
    built b = build(test_mem, TYPE, values);
    rows_add_batch(&r, &b.schema, &b.array);
    build_free(&b);
    test_free(values);
    return r.text;
}

static void any_batch_size_and_thread_count(void **state) {
    (void)state;
    static const int64_t groups[] = {1, 3, 10, 1000},
                         sizes[] = {0, 1, 2, 7, 50, 64, 266, 1000};
    static const int threads[] = {1, 2, 8};
    folder f;
    const char *paths[NUM_FILES];
    for (size_t g = 0; g < 4; g++) {
        folder_begin(&f);
        int64_t total = make_files(&f, paths, groups[g]);
        char *expected = expected_rows(total);
        for (size_t s = 0; s < 8; s++) {
            for (size_t t = 0; t < 3; t++) {
                rows r;
                pqf_scan_options so = scan_options(sizes[s]);
                pqf_read_options ro = read_options(threads[t]);
                OK(read_paths(paths, NUM_FILES, NULL, &ro, &so, &r));
                assert_string_equal(r.text, expected);
                assert_int_equal(r.num_rows, total);
                for (int64_t i = 0; sizes[s] && i + 1 < r.num_batches && i < 256; i++)
                    assert_int_equal(r.lengths[i], sizes[s]);
                rows_free(&r);
            }
        }
        test_free(expected);
        free_files(paths);
        folder_end(&f);
    }
}

/* Rows of one column, written in row groups. */
static void write_integers(const char *path, int n, int64_t row_group_rows) {
    pqf_write_options o = write_options();
    char *text = test_malloc((size_t)n * 16 + 1);
    size_t len = 0;
    for (int i = 0; i < n; i++)
        len += (size_t)sprintf(text + len, "%s{%d}", i ? "," : "", i);
    o.row_group_rows = row_group_rows;
    write_rows(path, "+s(a:i)", text, &o);
    test_free(text);
}

static void whole_read_gives_row_groups_and_joins_small_ones(void **state) {
    (void)state;
    static const int64_t expected[] = {3000, 3000, 6, 3000, 1};
    folder f;
    rows r;
    folder_begin(&f);
    write_integers(in(&f, "a"), 6000, 3000);
    write_integers(in(&f, "b"), 5, 2);
    write_integers(in(&f, "c"), 1, 2);
    write_integers(in(&f, "d"), 3001, 3000);
    for (int threads = 1; threads <= 2; threads++) {
        pqf_read_options ro = read_options(threads);
        pqf_scan_options so = scan_options(0);
        const char *paths[] = {in(&f, "a"), in(&f, "b"), in(&f, "c"), in(&f, "d")};
        OK(read_paths(paths, 4, NULL, &ro, &so, &r));
        assert_int_equal(r.num_batches, 5);
        for (int i = 0; i < 5; i++)
            assert_int_equal(r.lengths[i], expected[i]);
        assert_int_equal(r.num_rows, 9007);
        rows_free(&r);
    }
    folder_end(&f);
}

static void projections(void **state) {
    (void)state;
    static const char *const two[] = {"t", "a"}, *const twice[] = {"a", "a"},
                             *const none[] = {"b"};
    folder f;
    rows r;
    folder_begin(&f);
    write_rows(in(&f, "a"), "+s(a:i;s:u;t:+s(x:i))", "{1,p,{4}},{2,q,null}", NULL);
    for (int64_t size = 0; size < 3; size++) {
        pqf_scan_options so = scan_options(size);
        so.columns = two;
        so.num_columns = 2;
        OK(read_path(in(&f, "a"), &so, &r));
        assert_string_equal(r.text, "{t: {x: 4}, a: 1}, {t: null, a: 2}, ");
        rows_free(&r);
        so.num_columns = 0; /* rows without columns are still counted */
        OK(read_path(in(&f, "a"), &so, &r));
        assert_int_equal(r.num_rows, 2);
        rows_free(&r);
        so.columns = twice;
        so.num_columns = 2;
        FAILS(PQF_INVALID, "'a' is asked for twice", read_path(in(&f, "a"), &so, &r));
        rows_free(&r);
        so.columns = none;
        so.num_columns = 1;
        FAILS(PQF_SCHEMA, "no column 'b'", read_path(in(&f, "a"), &so, &r));
        rows_free(&r);
    }
    folder_end(&f);
}

/* Fields inside, by tuples and by dots. */
static void chosen_fields(void **state) {
    (void)state;
    static const char *const l_v[] = {"l", "v"}, *const s_y[] = {"s.y"},
                             *const s_x[] = {"s", "x"};
    static const pqf_column_path paths[] = {{l_v, 2}, {s_y, 1}, {s_x, 2}};
    static const char type[] = "+s(a:i;s:+s(x:i;y:u;z:g);l:+l(item:+s(v:i;w:u)))";
    folder f;
    rows r;
    folder_begin(&f);
    write_rows(in(&f, "a"), type, "{1,{4,p,0.5},[{1,q},null]},{2,null,null}", NULL);
    write_rows(in(&f, "b"), type, "{3,{5,null,1},[]},{4,{null,r,2},[{2,null}]}", NULL);
    for (int64_t size = 0; size < 4; size++) {
        pqf_scan_options so = scan_options(size);
        so.paths = paths;
        so.num_columns = 2;
        OK(read_path(f.path, &so, &r));
        assert_string_equal(r.text, "{l: [{v: 1}, null], s: {y: p}}, {l: null, s: null}, "
                                    "{l: [], s: {y: null}}, {l: [{v: 2}], s: {y: r}}, ");
        rows_free(&r);
        so.num_columns = 3;
        OK(read_path(f.path, &so, &r));
        if (!strstr(r.text, "s: {x: 4, y: p}")) fail_msg("%s", r.text);
        rows_free(&r);
        so.paths = NULL;
        so.columns = s_y;
        so.num_columns = 1;
        OK(read_path(f.path, &so, &r));
        assert_string_equal(r.text,
                            "{s: {y: p}}, {s: null}, {s: {y: null}}, {s: {y: r}}, ");
        rows_free(&r);
    }
    folder_end(&f);
}

static void constants_come_last(void **state) {
    (void)state;
    static const char *const names[] = {"p=1", "p=2", "p=__HIVE_DEFAULT_PARTITION__"};
    folder f;
    folder_begin(&f);
    for (int i = 0; i < 3; i++) {
        char path[100], values[50];
        sprintf(path, "%s/a.parquet", names[i]);
        sprintf(values, "{%d,9},{%d,9}", i, i + 10);
        write_rows(in(&f, path), "+s(a:i;p:i)", values,
                   NULL); /* the path wins over the column p */
    }
    static const char expected[] =
        "{a: 0, p: 1}, {a: 10, p: 1}, {a: 1, p: 2}, {a: 11, p: 2}, "
        "{a: 2, p: null}, {a: 12, p: null}, ";
    static const char *const only_p[] = {"p"};
    for (int64_t size = 0; size < 8; size++) {
        rows r;
        pqf_scan_options so = scan_options(size);
        OK(read_path(f.path, &so, &r));
        assert_string_equal(r.text, expected);
        rows_free(&r);
        so.columns = only_p;
        so.num_columns = 1;
        OK(read_path(f.path, &so, &r));
        assert_string_equal(r.text,
                            "{p: 1}, {p: 1}, {p: 2}, {p: 2}, {p: null}, {p: null}, ");
        rows_free(&r);
    }
    folder_end(&f);
}

/* The first file declares; required data fits nullable fields; other map and item names
 * are fine. */
static void files_that_fit(void **state) {
    (void)state;
    static const char *const types[][2] = {
        {"+s(a:i)", "+s(a!:i)"},
        {"+s(a:+s(x:u;y:+l(item:l)))", "+s(a!:+s(x!:u;y!:+l(element!:l)))"},
        {"+s(a:+l(item:+s(x:u)))", "+s(a!:+l(i!:+s(x!:u)))"},
        {"+s(a:dict(i;u))", "+s(a!:dict(i;u))"},
        {"+s(a:+m(key!:u;value:l))", "+s(a!:+m(key!:u;value!:l))"},
        {"+s(a:i;b:u)", "+s(b:u;a:i)"}, /* another order */
    };
    static const char *const first[] = {"{1},{null}",          "{null},{{null,[1,null]}}",
                                        "{[{x},null]},{null}", "{p},{null}",
                                        "{[{k,null}]},{null}", "{1,x},{2,y}"};
    static const char *const second[] = {"{3},{4}",          "{{q,[5]}},{{r,[]}}",
                                         "{[]},{[{y},{z}]}", "{p},{q}",
                                         "{[{k,5}]},{[]}",   "{z,3},{w,4}"};
    static const char *const expected[] = {
        "{a: 1}, {a: null}, {a: 3}, {a: 4}, ",
        "{a: null}, {a: {x: null, y: [1, null]}}, {a: {x: q, y: [5]}}, {a: {x: r, y: "
        "[]}}, ",
        "{a: [{x: x}, null]}, {a: null}, {a: []}, {a: [{x: y}, {x: z}]}, ",
        "{a: p}, {a: null}, {a: p}, {a: q}, ",
        "{a: [{key: k, value: null}]}, {a: null}, {a: [{key: k, value: 5}]}, {a: []}, ",
        "{a: 1, b: x}, {a: 2, b: y}, {a: 3, b: z}, {a: 4, b: w}, ",
    };
    for (int i = 0; i < 6; i++) {
        folder f;
        rows r;
        folder_begin(&f);
        write_rows(in(&f, "1"), types[i][0], first[i], NULL);
        write_rows(in(&f, "2"), types[i][1], second[i], NULL);
        for (int64_t size = 0; size < 5; size++) {
            pqf_scan_options so = scan_options(size);
            OK(read_path(f.path, &so, &r));
            if (!strstr(expected[i], "key")) assert_string_equal(r.text, expected[i]);
            assert_int_equal(r.num_rows, 4);
            rows_free(&r);
        }
        folder_end(&f);
    }
}

static void files_that_differ(void **state) {
    (void)state;
    static const char *const second[] = {"+s(b:i;a:l)", "+s(b:i)", "+s(b:i;a:dict(c;u))",
                                         "+s(b:i;a:i;c:l)"};
    static const char *const values[] = {"{1,2}", "{1}", "{1,2}", "{1,2,3}"};
    static const char *const text[] = {
        "1 column differs:\n  a: int64 here, int32 in the first file\nunify='widen' "
        "allows",
        "1 column differs:\n  a: missing here, int32 in the first file\nunify='add' "
        "allows",
        "1 column differs:\n  a: dictionary<int8, string> here, int32 in the first file",
        "1 column differs:\n  c: int64 here, missing in the first file\nunify='add' "
        "allows"};
    for (int i = 0; i < 4; i++) {
        folder f;
        rows r;
        folder_begin(&f);
        write_rows(in(&f, "1"), "+s(a:i;b:i)", "{1,2}", NULL);
        write_rows(in(&f, "2"), second[i], values[i], NULL);
        for (int64_t size = 0; size < 3; size++) {
            pqf_scan_options so = scan_options(size);
            FAILS(PQF_SCHEMA, text[i], read_path(f.path, &so, &r));
            assert_string_equal(test_err.path, in(&f, "2"));
            rows_free(&r);
        }
        folder_end(&f);
    }
    folder f;
    rows r;
    folder_begin(&f);
    write_rows(in(&f, "1"), "+s(a!:i)", "{1}", NULL);
    write_rows(in(&f, "2"), "+s(a:i)", "{1}", NULL);
    FAILS(PQF_SCHEMA, "int32 here, int32 not null in the first file",
          read_path(f.path, NULL, &r));
    rows_free(&r);
    folder_end(&f);
}

static void missing_and_damaged_files(void **state) {
    (void)state;
    folder f;
    rows r;
    const char *paths[NUM_FILES];
    folder_begin(&f);
    make_files(&f, paths, 10);
    FILE *file =
        fopen(paths[4], "r+b"); /* the first page's header: its type becomes nonsense */
    assert_non_null(file);
    fseek(file, 4, SEEK_SET);
    fputs("\xFF\xFF\xFF\xFF", file);
    fclose(file);
    for (int64_t size = 0; size < 40; size += 13) {
        for (int threads = 1; threads < 4; threads++) {
            pqf_scan_options so = scan_options(size);
            pqf_read_options ro = read_options(threads);
            FAILS(PQF_CORRUPT, "row group 0",
                  read_paths(paths, NUM_FILES, NULL, &ro, &so, &r));
            assert_string_equal(test_err.path, paths[4]);
            assert_string_equal(test_err.column, "a");
            rows_free(&r);
        }
    }
    pqf_scan_options so = scan_options(0);
    write_text(paths[4], "no parquet at all");
    FAILS(PQF_CORRUPT, paths[4], read_paths(paths, NUM_FILES, NULL, NULL, &so, &r));
    rows_free(&r);
    /* discovery sees it, opening does not */
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    OK(pqf_dataset_open(paths, NUM_FILES, NULL, NULL, &d, &test_err));
    unlink(paths[4]);
    for (int64_t size = 0; size < 200; size += 100) {
        so.batch_rows = size;
        OK(pqf_dataset_scan(d, &so, &stream, &test_err));
        r = (rows){0};
        assert_int_equal(drain(&stream, &r), PQF_IO);
        assert_int_equal(test_err.os_errno, ENOENT);
        assert_string_equal(test_err.path, paths[4]);
        stream.release(&stream);
        rows_free(&r);
    }
    pqf_dataset_free(d);
    FAILS(PQF_IO, paths[4], read_paths(paths, NUM_FILES, NULL, NULL, &so, &r));
    assert_int_equal(test_err.os_errno, ENOENT);
    rows_free(&r);
    free_files(paths);
    folder_end(&f);
}

typedef struct ticks {
    int num;
    int64_t done, total;
    int stop_at;
} ticks;

static int count_tick(void *context, int64_t done, int64_t total) {
    ticks *t = context;
    t->num++;
    t->done = done;
    t->total = total;
    return t->num == t->stop_at;
}

static void progress_and_cancel(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_rows(in(&f, "1"), "+s(a:i)", "{1},{2},{3}", NULL);
    for (int64_t size = 0; size < 5; size++) {
        rows r;
        ticks t = {0};
        const char *path = in(&f, "1");
        pqf_scan_options so = scan_options(size);
        pqf_read_options ro = read_options(2);
        ro.control.tick = count_tick;
        ro.control.tick_context = &t;
        OK(read_paths(&path, 1, NULL, &ro, &so, &r));
        assert_true(t.num >= 1);
        assert_int_equal(t.done, 3);
        assert_int_equal(t.total, 3);
        rows_free(&r);
        t = (ticks){.stop_at = 1};
        assert_int_equal(read_paths(&path, 1, NULL, &ro, &so, &r), PQF_CANCELLED);
        rows_free(&r);
    }
    folder_end(&f);
}

static void counting(void **state) {
    (void)state;
    folder f;
    const char *paths[NUM_FILES];
    pqf_dataset *d;
    int64_t n;
    folder_begin(&f);
    int64_t total = make_files(&f, paths, 10);
    OK(pqf_dataset_open(paths, NUM_FILES, NULL, NULL, &d, &test_err));
    OK(pqf_dataset_count_rows(d, NULL, &n, &test_err));
    assert_int_equal(n, total);
    assert_int_equal(pqf_dataset_num_files(d), NUM_FILES);
    assert_string_equal(pqf_dataset_file(d, 2), paths[2]);
    assert_null(pqf_dataset_file(d, NUM_FILES));
    pqf_dataset_free(d);
    free_files(paths);
    folder_end(&f);
}

/* Every allocation of an open and a read fails once: nothing leaks, and the last attempt
 * succeeds. */
/* Every allocation of opening and reading fails in turn: an error, and nothing is left. */
static void fail_each_allocation(const char *path, const pqf_read_options *ro,
                                 const pqf_scan_options *so) {
    int64_t n = 1;
    for (bool done = false; !done; n++) {
        pqf_dataset *d;
        struct ArrowArrayStream stream;
        pqf_error_init(&test_err);
        pqf_mem_fail_after(n);
        pqf_status status = pqf_dataset_open(&path, 1, NULL, ro, &d, &test_err);
        if (status == PQF_OK) {
            pqf_mem *mem = pqf_mem_retain(d->mem);
            struct ArrowArray batch;
            status = pqf_dataset_scan(d, so, &stream, &test_err);
            pqf_dataset_free(d);
            while (status == PQF_OK && !stream.get_next(&stream, &batch) && batch.release)
                batch.release(&batch);
            if (status == PQF_OK) {
                test_err = *pqf_stream_error(&stream);
                status = test_err.status;
                stream.release(&stream);
            }
            if (pqf_mem_used(mem))
                fail_msg("allocation %lld leaks %lld", (long long)n,
                         (long long)pqf_mem_used(mem));
            pqf_mem_release(mem);
        }
        pqf_mem_fail_after(0);
        if (status != PQF_OK) assert_int_equal(test_err.status, PQF_NOMEM);
        done = status == PQF_OK;
    }
    assert_true(n > 50);
}

static void failing_allocations(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    static const char type[] = "+s(a:i;l:+l(item:u);d:dict(i;u);s:+s(x:i;y:u))";
    static const char *const s_y[] = {"s", "y"}, *const l[] = {"l"}, *const p[] = {"p"};
    static const pqf_column_path paths[] = {{s_y, 2}, {l, 1}, {p, 1}};
    write_rows(in(&f, "p=1/1"), type, "{1,[a],x,{1,b}},{2,null,y,null}", NULL);
    write_rows(in(&f, "p=2/1"), type, "{3,[],x,{2,c}},{4,[b,c],z,{3,d}}", NULL);
    for (int64_t form = 0; form < 4; form++) {
        pqf_scan_options so = scan_options(form & 1 ? 3 : 0);
        pqf_read_options ro = read_options(1);
        if (form & 2) {
            so.paths = paths;
            so.num_columns = 3;
        }
        fail_each_allocation(f.path, &ro, &so);
    }
    folder_end(&f);
}

static void failing_allocations_of_files_that_differ(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    write_rows(in(&f, "p=1/1"), "+s(a:i;d:dict(c;u);s:+s(x:i))", "{1,x,{1}},{2,y,null}",
               NULL);
    write_rows(in(&f, "p=1/2"), "+s(a:l;d:dict(i;u);b:u)", "{3,x,q},{4,z,null}", NULL);
    write_rows(in(&f, "p=2/1"), "+s(s:+s(x:l;y:+l(item:u));a:c)", "{{7,[a]},1}", NULL);
    for (int64_t size = 0; size < 4; size += 3) {
        pqf_scan_options so = scan_options(size);
        pqf_read_options ro = read_options(1);
        ro.unify = PQF_UNIFY_WIDEN;
        fail_each_allocation(f.path, &ro, &so);
    }
    folder_end(&f);
}

static void memory_dataset(void **state) {
    (void)state;
    folder f;
    static uint8_t bytes[65536];
    folder_begin(&f);
    write_rows(in(&f, "1"), "+s(a:i)", "{1},{2},{3}", NULL);
    FILE *file = fopen(in(&f, "1"), "rb");
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    OK(pqf_dataset_open_memory(bytes, n, NULL, &d, &test_err));
    OK(pqf_dataset_scan(d, NULL, &stream, &test_err));
    rows r = {0};
    assert_int_equal(drain(&stream, &r), PQF_OK);
    assert_string_equal(r.text, "{a: 1}, {a: 2}, {a: 3}, ");
    rows_free(&r);
    stream.release(&stream);
    pqf_dataset_free(d);
    FAILS(PQF_CORRUPT, "", pqf_dataset_open_memory(bytes, n - 1, NULL, &d, &test_err));
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(any_batch_size_and_thread_count),
        TEST(whole_read_gives_row_groups_and_joins_small_ones),
        TEST(projections),
        TEST(chosen_fields),
        TEST(constants_come_last),
        TEST(files_that_fit),
        TEST(files_that_differ),
        TEST(missing_and_damaged_files),
        TEST(progress_and_cancel),
        TEST(counting),
        TEST(failing_allocations),
        TEST(failing_allocations_of_files_that_differ),
        TEST(memory_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
