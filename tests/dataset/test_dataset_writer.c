/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dataset_writer.c: rows into partitions and back: writer.c of the room dataset.
 */
#include "file/file_test.h"

#include <sys/resource.h>

static const char *const by_p[] = {"p", NULL};
static const char *const by_p_q[] = {"p", "q", NULL};

static pqf_dataset_write_options options(const char *const *partitions, pqf_mode mode) {
    return (pqf_dataset_write_options){.struct_bytes = sizeof(pqf_dataset_write_options),
                                       .file = write_options(),
                                       .mode = mode,
                                       .partition_columns = partitions};
}

static pqf_status write_ds(const char *dir, const char *type, const char *values,
                           const pqf_dataset_write_options *o) {
    built b = build(test_mem, type, values);
    pqf_dataset_writer *w;
    pqf_error_init(&test_err);
    pqf_status status = pqf_dataset_writer_open(dir, &b.schema, o, &w, &test_err);
    if (status == PQF_OK) {
        status = pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, &test_err);
        if (status == PQF_OK) status = pqf_dataset_writer_finish(w, &test_err);
        pqf_dataset_writer_free(w);
    }
    build_free(&b);
    return status;
}

static void partitions_and_nulls(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_dataset_write_options o = options(by_p_q, PQF_APPEND);
    OK(write_ds(in(&f, "ds"), "+s(q:u;a:i;p:l)",
                "{x,1,7},{'',2,7},{NULL,3,7},{null,4,7},{x,5,null},{'a/b%=',6,7},{x,7,7}",
                &o));
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "d:p=7 d:p=__HIVE_DEFAULT_PARTITION__");
    check_names(in(&f, "ds/p=7"),
                "d:q= d:q=NULL d:q=__HIVE_DEFAULT_PARTITION__ d:q=a%2Fb%25%3D d:q=x");
    check_path(in(&f, "ds"),
               "{a: 2, p: 7, q: }, {a: 3, p: 7, q: NULL}, {a: 4, p: 7, q: null}, "
               "{a: 6, p: 7, q: a/b%=}, {a: 1, p: 7, q: x}, {a: 7, p: 7, q: x}, "
               "{a: 5, p: null, q: x}");
    FAILS(PQF_INVALID, "marks null",
          write_ds(in(&f, "ds"), "+s(q:u;a:i;p:l)", "{__HIVE_DEFAULT_PARTITION__,1,1}",
                   &o));
    check_names(f.path, "d:ds");
    check_names(in(&f, "ds"), "d:p=7 d:p=__HIVE_DEFAULT_PARTITION__");
    folder_end(&f);
}

/* The recorded types come back, whatever the texts look like. */
static void recorded_types(void **state) {
    (void)state;
    static const struct {
        const char *type, *values, *read_type, *read;
    } table[] = {
        {"u", "{04,1}", "string", "{a: 1, p: 04}"},
        {"U", "{04,1}", "large_string", "{a: 1, p: 04}"},
        {"vu", "{04,1}", "string", "{a: 1, p: 04}"},
        {"dict(c;u)", "{04,1}", "string", "{a: 1, p: 04}"},
        {"l", "{4,1}", "int64", "{a: 1, p: 4}"},
        {"C", "{4,1}", "uint8", "{a: 1, p: 4}"},
        {"b", "{true,1}", "bool", "{a: 1, p: true}"},
        {"tdD", "{1,1}", "date32[day]", "{a: 1, p: 1970-01-02}"},
        {"tsu:UTC", "{1,1}", "timestamp[us, tz=UTC]", NULL},
        {"d:5,2", "{150,1}", "decimal128(5, 2)", "{a: 1, p: 1.50}"},
        {"g", "{0.1,1}", "double", "{a: 1, p: 0.1}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        folder f;
        char type[100], expected[200], text[200];
        struct ArrowSchema schema;
        pqf_dataset *d;
        folder_begin(&f);
        sprintf(type, "+s(p:%s;a:i)", table[i].type);
        pqf_dataset_write_options o = options(by_p, PQF_OVERWRITE);
        OK(write_ds(in(&f, "ds"), type, table[i].values, &o));
        const char *path = in(&f, "ds");
        OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
        OK(pqf_dataset_schema(d, &schema, &test_err));
        pqf_type_text(&schema, text, sizeof text);
        sprintf(expected, "struct<a: int32, p: dictionary<int32, %s>>",
                table[i].read_type);
        assert_string_equal(text, expected);
        assert_null(schema.metadata); /* our key is hidden */
        pqf_schema_release(&schema);
        pqf_dataset_free(d);
        if (table[i].read) check_path(in(&f, "ds"), table[i].read);
        o.mode = PQF_APPEND; /* and the dataset takes its own schema again */
        OK(write_ds(in(&f, "ds"), type, table[i].values, &o));
        folder_end(&f);
    }
}

/* A batch that the files' unit refuses adds nothing, and the writer goes on. */
static void refused_values(void **state) {
    (void)state;
    static const char *const type = "+s(a:tsn:;p:i)";
    folder f;
    folder_begin(&f);
    for (int with_parts = 0; with_parts < 2; with_parts++) {
        pqf_dataset_write_options o = options(with_parts ? by_p : NULL, PQF_OVERWRITE);
        o.file.coerce_timestamps = "us";
        built good = build(test_mem, type, "{1000,1},{2000,1}"),
              bad = build(test_mem, type, "{1000,2},{1001,3}");
        pqf_dataset_writer *w;
        pqf_report *report = pqf_report_new();
        OK(pqf_dataset_writer_open(in(&f, "d"), &good.schema, &o, &w, &test_err));
        OK(pqf_dataset_writer_put(w, &good.schema, &good.array, NULL, &test_err));
        FAILS(PQF_SCHEMA, "in row 3 does not fit timestamp[us]",
              pqf_dataset_writer_put(w, &bad.schema, &bad.array, report, &test_err));
        assert_int_equal(pqf_report_num_failures(report), 1);
        assert_string_equal(pqf_report_failure(report, 0)->path, "a");
        FAILS(PQF_SCHEMA, "in row 5",
              pqf_dataset_writer_check(w, &bad.schema, &bad.array, NULL, &test_err));
        assert_int_equal(pqf_dataset_writer_num_files(w), 1);
        OK(pqf_dataset_writer_put(w, &good.schema, &good.array, NULL, &test_err));
        OK(pqf_dataset_writer_finish(w, &test_err));
        pqf_dataset_writer_free(w);
        pqf_report_free(report);
        build_free(&good);
        build_free(&bad);
    }
    folder_end(&f);
}

static void refused_arguments(void **state) {
    (void)state;
    static const char *const unknown[] = {"nope", NULL},
                             *const twice[] = {"p", "p", NULL},
                             *const all[] = {"p", "a", NULL}, *const list[] = {"l", NULL};
    folder f;
    folder_begin(&f);
    pqf_dataset_write_options o = options(unknown, PQF_APPEND);
    FAILS(PQF_SCHEMA, "Partition column 'nope' not in schema",
          write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    o.partition_columns = twice;
    FAILS(PQF_INVALID, "'p' twice", write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    o.partition_columns = all;
    FAILS(PQF_INVALID, "every column", write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    static const char *const no_name[] = {"", NULL};
    o.partition_columns = no_name;
    FAILS(PQF_INVALID, "without a name",
          write_ds(in(&f, "d"), "+s(:i;a:i)", "{1,2}", &o));
    o.partition_columns = list;
    FAILS(PQF_INVALID, "cannot name",
          write_ds(in(&f, "d"), "+s(l:+l(x:i);a:i)", "{[],2}", &o));
    o = options(by_p, (pqf_mode)7);
    FAILS(PQF_INVALID, "mode", write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    o = options(by_p, PQF_APPEND);
    o.struct_bytes--;
    FAILS(PQF_INVALID, "struct_bytes", write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    o = options(by_p, PQF_APPEND);
    o.file.compression = "zip";
    FAILS(PQF_INVALID, "zip", write_ds(in(&f, "d"), "+s(p:i;a:i)", "{1,2}", &o));
    o = options(NULL, PQF_OVERWRITE);
    FAILS(PQF_INVALID, "refusing", write_ds("/", "+s(p:i;a:i)", "{1,2}", &o));
    FAILS(PQF_INVALID, "refusing", write_ds(".", "+s(p:i;a:i)", "{1,2}", &o));
    write_text(in(&f, "file"), "x");
    FAILS(PQF_IO, "is a file", write_ds(in(&f, "file"), "+s(p:i;a:i)", "{1,2}", &o));
    assert_int_equal(test_err.os_errno, ENOTDIR);
    check_names(f.path, "f:file");
    folder_end(&f);
}

static void appends_must_fit(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    pqf_dataset_write_options o = options(by_p, PQF_APPEND),
                              flat = options(NULL, PQF_APPEND);
    OK(write_ds(in(&f, "ds"), "+s(p:i;a:i;b!:u)", "{1,2,x}", &o));
    OK(write_ds(in(&f, "ds"), "+s(b!:u;a:i;p:i)", "{y,3,1}", &o)); /* another order */
    static const struct {
        const char *type, *values, *text;
    } bad[] = {
        {"+s(p:i;a:l;b!:u)", "{1,2,x}", "column 'a' is int32 there, not int64"},
        {"+s(p:l;a:i;b!:u)", "{1,2,x}", "column 'p' is int32 there, not int64"},
        {"+s(p:i;a:i;b:u)", "{1,2,x}", "column 'b' is string not null there, not string"},
        {"+s(p:i;a:i)", "{1,2}", "column 'b' of the dataset is missing"},
        {"+s(p:i;a:i;b!:u;c:i)", "{1,2,x,1}", "column 'c' is not in the dataset"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        FAILS(PQF_SCHEMA, bad[i].text,
              write_ds(in(&f, "ds"), bad[i].type, bad[i].values, &o));
    FAILS(PQF_SCHEMA, "column 'p'",
          write_ds(in(&f, "ds"), "+s(p:i;a:i;b!:u)", "{1,2,x}", &flat));
    check_names(f.path, "d:ds");
    rows r;
    OK(read_path(in(&f, "ds"), NULL, &r));
    assert_int_equal(r.num_rows, 2);
    rows_free(&r);
    OK(write_ds(in(&f, "flat"), "+s(p:i;a:i)", "{1,2}", &flat));
    FAILS(PQF_SCHEMA, "partition column here",
          write_ds(in(&f, "flat"), "+s(p:i;a:i)", "{1,2}", &o));
    /* a dataset of others, whose partition types are guesses */
    write_rows(in(&f, "foreign/p=1/f"), "+s(a:i)", "{5}", NULL);
    OK(write_ds(in(&f, "foreign"), "+s(p:l;a:i)", "{2,6}", &o));
    OK(write_ds(in(&f, "foreign"), "+s(p:u;a:i)", "{2,6}", &o));
    /* overwriting asks for nothing */
    o.mode = PQF_OVERWRITE;
    OK(write_ds(in(&f, "ds"), "+s(p:u;z:g)", "{1,0.5}", &o));
    check_path(in(&f, "ds"), "{z: 0.5, p: 1}");
    folder_end(&f);
}

static void empty_data(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    for (int mode = 0; mode < 2; mode++) {
        for (int parts = 0; parts < 2; parts++) {
            pqf_dataset_write_options o = options(parts ? by_p : NULL, (pqf_mode)mode);
            OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "", &o));
            check_names(in(&f, "ds"), "");
            check_path(in(&f, "ds"), "");
        }
    }
    pqf_dataset_write_options o = options(by_p, PQF_APPEND);
    OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "{1,1}", &o));
    o.mode = PQF_OVERWRITE;
    OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "", &o));
    check_names(in(&f, "ds"), "");
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* Refused batches add nothing; row order stays within a partition, over batches of any
 * cut and offset. */
static void row_order(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    char values[8000], *v = values;
    for (int i = 0; i < 200; i++)
        v += sprintf(v, "%s{%d,%d,[%d,null],s%d}", i ? "," : "", i, i * i % 7, i, i);
    built b = build(test_mem, "+s(a:i;p:i;l:+l(item:i);d:dict(i;u))", values);
    built bad = build(test_mem, "+s(a:u;p:i)", "{x,1}");
    static char previous[40000];
    for (int round = 0; round < 4; round++) {
        pqf_dataset_write_options o = options(by_p, PQF_OVERWRITE);
        o.file.control.num_threads = 1 + round;
        pqf_dataset_writer *w;
        OK(pqf_dataset_writer_open(in(&f, "ds"), &b.schema, &o, &w, &test_err));
        for (int64_t at = 0, n; at < 200; at += n) {
            static const int64_t sizes[] = {200, 1, 17, 99};
            n = pqf_min_i64(sizes[round], 200 - at);
            struct ArrowArray part = b.array;
            part.offset = at;
            part.length = n;
            OK(pqf_dataset_writer_put(w, &b.schema, &part, NULL, &test_err));
            if (at == 0)
                FAILS(
                    PQF_SCHEMA, "",
                    pqf_dataset_writer_put(w, &bad.schema, &bad.array, NULL, &test_err));
            if (at == 0)
                FAILS(PQF_SCHEMA, "",
                      pqf_dataset_writer_check(w, &bad.schema, &bad.array, NULL,
                                               &test_err));
        }
        OK(pqf_dataset_writer_check(w, &b.schema, &b.array, NULL, &test_err));
        assert_int_equal(pqf_dataset_writer_num_files(w),
                         4); /* squares modulo 7: 0 1 2 4 */
        OK(pqf_dataset_writer_finish(w, &test_err));
        FAILS(PQF_INVALID, "closed writer", pqf_dataset_writer_finish(w, &test_err));
        FAILS(PQF_INVALID, "closed writer",
              pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, &test_err));
        pqf_dataset_writer_free(w);
        rows r;
        OK(read_path(in(&f, "ds"), NULL, &r));
        assert_int_equal(r.num_rows, 200);
        int last = -1;
        for (char *p = r.text; (p = strstr(p, "a: ")) != NULL; p++) {
            int a = atoi(p + 3);
            if (a == 0 || a * a % 7 != last * last % 7) last = -1;
            assert_true(a > last);
            last = a;
        }
        if (round) assert_string_equal(r.text, previous);
        strcpy(previous, r.text);
        rows_free(&r);
    }
    build_free(&b);
    build_free(&bad);
    folder_end(&f);
}

/* The bytes of all files one after the other, in the order of their paths without the
 * random names. */
static size_t bytes_of_dataset(const char *dir, uint8_t *out, size_t cap) {
    pqf_dataset *d;
    size_t len = 0;
    OK(pqf_dataset_open(&dir, 1, NULL, NULL, &d, &test_err));
    for (int64_t i = 0; i < pqf_dataset_num_files(d); i++) {
        FILE *file = fopen(pqf_dataset_file(d, i), "rb");
        assert_non_null(file);
        len += fread(out + len, 1, cap - len, file);
        fclose(file);
    }
    pqf_dataset_free(d);
    return len;
}

static void same_files_for_any_threads(void **state) {
    (void)state;
    enum { CAP = 1 << 20 };
    folder f;
    folder_begin(&f);
    char *values = test_malloc(3000 * 40), *v = values;
    for (int i = 0; i < 3000; i++)
        v += sprintf(v, "%s{%d,%d,text%d}", i ? "," : "", i % 11, i, i % 100);
    built b = build(test_mem, "+s(p:i;a:l;s:u)", values);
    test_free(values);
    uint8_t *first = test_malloc(CAP), *again = test_malloc(CAP);
    size_t len = 0;
    for (int round = 0; round < 8; round++) {
        bool flat = round >= 4;
        pqf_dataset_write_options o = options(flat ? NULL : by_p, PQF_OVERWRITE);
        o.file.control.num_threads = 1 + round % 4 * 2;
        pqf_dataset_writer *w;
        OK(pqf_dataset_writer_open(in(&f, "ds"), &b.schema, &o, &w, &test_err));
        int64_t step = round % 4 == 3 ? 700 : 3000;
        for (int64_t at = 0; at < 3000; at += step) {
            struct ArrowArray part = b.array;
            part.offset = at;
            part.length = pqf_min_i64(step, 3000 - at);
            OK(pqf_dataset_writer_put(w, &b.schema, &part, NULL, &test_err));
        }
        OK(pqf_dataset_writer_finish(w, &test_err));
        pqf_dataset_writer_free(w);
        size_t n = bytes_of_dataset(in(&f, "ds"), round % 4 ? again : first, CAP);
        if (round % 4 == 0)
            len = n;
        else if (n != len || memcmp(first, again, n) != 0)
            fail_msg("round %d gives other files", round);
    }
    test_free(first);
    test_free(again);
    build_free(&b);
    folder_end(&f);
}

static void ten_thousand_partitions(void **state) {
    (void)state;
    enum { PARTITIONS = 10000 };
    folder f;
    struct rlimit before, few;
    folder_begin(&f);
    char *values = test_malloc(2 * PARTITIONS * 20), *v = values;
    for (int i = 0; i < 2 * PARTITIONS; i++)
        v += sprintf(v, "%s{%d,%d}", i ? "," : "", i % PARTITIONS, i);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    pqf_dataset_write_options o = options(by_p, PQF_OVERWRITE);
    OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", values, &o));
    test_free(values);
    const char *path = in(&f, "ds");
    pqf_dataset *d;
    int64_t n;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    assert_int_equal(pqf_dataset_num_files(d), PARTITIONS);
    OK(pqf_dataset_count_rows(d, NULL, &n, &test_err));
    assert_int_equal(n, 2 * PARTITIONS);
    pqf_dataset_free(d);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_names(f.path, "d:ds");
    folder_end(&f);
}

/* ---- failures ---- */

static _Atomic int64_t writes_left;
static int failing_write(int64_t offset, size_t n) {
    (void)offset;
    (void)n;
    return --writes_left == 0 ? ENOSPC : 0;
}

static void failing_writes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    for (int mode = 0; mode < 2; mode++) {
        pqf_dataset_write_options o = options(by_p, PQF_OVERWRITE);
        OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "{1,7}", &o));
        o.mode = (pqf_mode)mode;
        int64_t n = 1;
        pqf_sink_test_hook = failing_write;
        for (;; n++) {
            writes_left = n;
            if (write_ds(in(&f, "ds"), "+s(p:i;a:i)", "{1,8},{2,9},{3,10}", &o) == PQF_OK)
                break;
            assert_int_equal(test_err.os_errno, ENOSPC);
            check_names(f.path, "d:ds");
            check_path(in(&f, "ds"), "{a: 7, p: 1}");
        }
        pqf_sink_test_hook = NULL;
        assert_true(n > 6);
    }
    folder_end(&f);
}

static void failing_allocations(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(p:i;a:i;s:u)", "{1,2,x},{2,3,y},{1,4,z},{null,5,w}");
    pqf_dataset_write_options o = options(by_p, PQF_APPEND);
    o.file.control.num_threads = 1;
    int64_t n = 1;
    for (pqf_status status = PQF_NOMEM; status != PQF_OK; n += 1 + n / 50) {
        pqf_dataset_writer *w;
        pqf_error_init(&test_err);
        pqf_mem_fail_after(n);
        status = pqf_dataset_writer_open(in(&f, "ds"), &b.schema, &o, &w, &test_err);
        if (status == PQF_OK) {
            status = pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, &test_err);
            if (status == PQF_OK) status = pqf_dataset_writer_finish(w, &test_err);
            pqf_mem_fail_after(0);
            pqf_dataset_writer_free(w);
        }
        pqf_mem_fail_after(0);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
        check_names(f.path, status == PQF_OK ? "d:ds" : "");
    }
    assert_true(n > 100);
    build_free(&b);
    folder_end(&f);
}

typedef struct ticks {
    int num, stop_at;
    int64_t done, total;
} ticks;

static int count_tick(void *context, int64_t done, int64_t total) {
    ticks *t = context;
    t->done = done;
    t->total = total;
    return ++t->num == t->stop_at;
}

static void progress_and_cancel(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    for (int parts = 0; parts < 2; parts++) {
        ticks t = {0};
        pqf_dataset_write_options o = options(parts ? by_p : NULL, PQF_OVERWRITE);
        o.file.control.tick = count_tick;
        o.file.control.tick_context = &t;
        OK(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "{1,1},{2,2},{3,3}", &o));
        assert_true(t.num >= 1 && t.done == 3 && t.total == 3);
        t = (ticks){.stop_at = 1};
        assert_int_equal(write_ds(in(&f, "ds"), "+s(p:i;a:i)", "{7,7}", &o),
                         PQF_CANCELLED);
        check_names(f.path, "d:ds");
        rows r;
        OK(read_path(in(&f, "ds"), NULL, &r));
        assert_int_equal(r.num_rows, 3);
        rows_free(&r);
    }
    folder_end(&f);
}

static void freed_before_finish(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(p:i;a:i)", "{1,2},{2,3}");
    pqf_dataset_writer *w;
    pqf_dataset_write_options o = options(by_p, PQF_APPEND);
    OK(pqf_dataset_writer_open(in(&f, "x/ds"), &b.schema, &o, &w, &test_err));
    OK(pqf_dataset_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    pqf_dataset_writer_free(w);
    pqf_dataset_writer_free(NULL);
    check_names(f.path, "");
    build_free(&b);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(partitions_and_nulls),
        TEST(recorded_types),
        TEST(refused_values),
        TEST(refused_arguments),
        TEST(appends_must_fit),
        TEST(empty_data),
        TEST(row_order),
        TEST(same_files_for_any_threads),
        TEST(ten_thousand_partitions),
        TEST(failing_writes),
        TEST(failing_allocations),
        TEST(progress_and_cancel),
        TEST(freed_before_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
