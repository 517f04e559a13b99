/* SPDX-License-Identifier: Apache-2.0
 *
 * test_writer.c: one file from batches: writer.c, row_group.c, options.c.
 */
#include "file/file_test.h"
#include "file/inner.h"

static const char *const TYPE =
    "+s(a:l;s:u;l:+l(item:i);t:+s(x!:g;y:u);d:dict(i;u);m:+m(key!:u;value:i))";

static char *make_values(int64_t n) {
    char *text = test_malloc((size_t)n * 200 + 1), *p = text;
    *p = 0;
    for (int64_t i = 0; i < n; i++) {
        p += sprintf(p, "%s{", i ? "," : "");
        p += i % 7 ? sprintf(p, "%lld,", (long long)(i * i)) : sprintf(p, "null,");
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

/* ---- a sink in memory ---- */

typedef struct bytes {
    uint8_t *data;
    size_t len;
    int64_t calls, fail_at;
} bytes;

static int keep(void *context, const void *data, size_t len) {
    bytes *b = context;
    if (++b->calls == b->fail_at) return ENOSPC;
    b->data = test_realloc(b->data, b->len + len + 1);
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

/* In batches of 1 to max_batch rows. */
static bytes write_split(const built *b, const pqf_write_options *o, int64_t max_batch) {
    bytes out = {0};
    pqf_writer *w;
    OK(pqf_writer_open_callback(keep, &out, &b->schema, o, &w, &test_err));
    for (int64_t at = 0, n; at < b->array.length; at += n) {
        n = pqf_min_i64(1 + rand_below(max_batch), b->array.length - at);
        struct ArrowArray part = b->array;
        part.offset = at;
        part.length = n;
        OK(pqf_writer_put(w, &b->schema, &part, NULL, &test_err));
    }
    assert_int_equal(pqf_writer_num_rows(w), b->array.length);
    OK(pqf_writer_finish(w, &test_err));
    assert_int_equal(pqf_writer_num_bytes(w), out.len);
    pqf_writer_free(w);
    return out;
}

static int64_t row_groups(const bytes *b, int64_t *counts, int64_t max) {
    pqf_metadata *m;
    pqf_source *source;
    pqf_footer_options fo = {0};
    OK(pqf_source_open_memory(pqf_bytes_of(b->data, b->len), &source, &test_err));
    OK(pqf_footer_read(source, &fo, test_mem, &m, &test_err));
    int64_t n = m->file.num_row_groups;
    for (int64_t i = 0; i < n && i < max; i++)
        counts[i] = m->file.row_groups[i].num_rows;
    pqf_metadata_free(m);
    pqf_source_free(source);
    return n;
}

static void same_bytes_for_any_split(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    static const struct {
        int64_t rows, bytes, page_rows;
        bool no_dictionary;
        int version;
    } cuts[] = {{0, 0, 0, 0, 1},
                {700, 0, 0, 0, 1},
                {0, 100000, 0, 0, 2},
                {1500, 40000, 100, 1, 1}};
    char *values = make_values(ROWS);
    built b = build(test_mem, TYPE, values);
    test_free(values);
    for (int i = 0; i < 4; i++) {
        pqf_write_options o = write_options();
        o.row_group_rows = cuts[i].rows;
        o.row_group_bytes = cuts[i].bytes;
        o.page_rows = cuts[i].page_rows;
        o.no_dictionary = cuts[i].no_dictionary;
        o.data_page_version = cuts[i].version;
        o.control.num_threads = 1;
        rand_begin((uint64_t)i + 1);
        bytes whole = write_split(&b, &o, 1);
        static const int64_t splits[] = {ROWS * 100, 3, 700, 1023, 2000, 5000};
        for (int k = 0; k < 6; k++) {
            o.control.num_threads = 1 + k % 4;
            bytes again = write_split(&b, &o, splits[k]);
            if (again.len != whole.len || memcmp(again.data, whole.data, whole.len) != 0)
                fail_msg("cut %d: batches of up to %lld rows give other bytes", i,
                         (long long)splits[k]);
            test_free(again.data);
        }
        int64_t counts[64] = {0}, n = row_groups(&whole, counts, 64);
        if (i == 0) assert_int_equal(n, 1);
        if (i == 1) assert_int_equal(n, 8);
        if (i == 1) assert_int_equal(counts[7], 100);
        if (i == 2) assert_true(n > 1 && counts[0] % 1024 == 0);
        if (i == 3) assert_true(n > 3 && counts[0] == 1024);
        test_free(whole.data);
    }
    build_free(&b);
}

static void round_trip(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    char *values = make_values(300);
    built b = build(test_mem, TYPE, values);
    test_free(values);
    rows expected = {0}, got;
    rows_add_batch(&expected, &b.schema, &b.array);
    static const char *const codecs[] = {"none",   "snappy", "gzip",
                                         "brotli", "lz4",    "zstd"};
    static const char *const versions[] = {"1.0", "2.4", "2.6"};
    for (int i = 0; i < 6; i++) {
        pqf_write_options o = write_options();
        o.compression = codecs[i];
        o.version = versions[i % 3];
        o.data_page_version = 1 + i % 2;
        write_built(in(&f, "1"), &b, &o);
        OK(read_path(in(&f, "1"), NULL, &got));
        assert_string_equal(got.text, expected.text);
        rows_free(&got);
    }
    rows_free(&expected);
    build_free(&b);
    folder_end(&f);
}

static void metadata_and_names(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(a:i)", "{1}");
    pqf_buf kv = {.mem = test_mem};
    OK(pqf_kv_put(&kv, pqf_bytes_of("k", 1), pqf_bytes_of("of schema", 9), &test_err));
    OK(pqf_schema_set_metadata(&b.schema, (const char *)kv.data, &test_err));
    static const pqf_column_setting more[] = {
        {"extra", "value"}, {"empty", ""}, {"none", NULL}};
    pqf_write_options o = write_options();
    o.metadata = more;
    o.num_metadata = 3;
    o.created_by = "a test";
    write_built(in(&f, "x/y/1"), &b, &o); /* folders are made */
    const char *path = in(&f, "x/y/1");
    pqf_dataset *d;
    pqf_bytes value;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    assert_true(pqf_kv_find(d->schema.metadata, "k", &value) && value.len == 9);
    assert_true(pqf_kv_find(d->schema.metadata, "extra", &value) && value.len == 5);
    const pqf_file_metadata *m = &pqf_reader_metadata(d->first)->file;
    assert_int_equal(m->created_by.len, 6);
    assert_int_equal(m->num_key_value_metadata, 5);
    assert_false(m->key_value_metadata[4].has_value);
    pqf_dataset_free(d);
    pqf_buf_reset(&kv);
    build_free(&b);
    folder_end(&f);
}

static void refused_options(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, "+s(a:i;s:+s(x:i))", "{1,{2}}");
    pqf_writer *w;
    static const pqf_column_setting no_column[] = {{"q", "zstd"}},
                                    good[] = {{"s.x", "zstd"}, {"a", "none"}},
                                    no_codec[] = {{"a", "zip"}},
                                    no_number[] = {{"s", "x"}}, level[] = {{"s.x", "22"}};
    static const struct {
        const char *text;
        pqf_write_options o;
    } table[] = {
        {"compression names the column 'q'",
         {.column_compression = no_column, .num_column_compression = 1}},
        {"compression_level names the column 'q'",
         {.column_compression_level = no_column, .num_column_compression_level = 1}},
        {"zip", {.column_compression = no_codec, .num_column_compression = 1}},
        {"zip", {.compression = "zip"}},
        {"'x' is not a number",
         {.column_compression_level = no_number, .num_column_compression_level = 1}},
        {"level",
         {.compression = "zstd", .has_compression_level = true, .compression_level = 99}},
        {"data_page_version", {.data_page_version = 3}},
        {"negative", {.row_group_rows = -1}},
        {"negative", {.page_rows = -1}},
        {"at most", {.data_page_bytes = INT64_C(1) << 40}},
        {"version", {.version = "9"}},
        {"coerce_timestamps", {.coerce_timestamps = "days"}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pqf_write_options o = table[i].o;
        o.struct_bytes = sizeof o;
        FAILS(PQF_INVALID, table[i].text,
              pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
        check_names(f.path, "");
    }
    pqf_write_options o = {.struct_bytes = 7};
    FAILS(PQF_INVALID, "struct_bytes",
          pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
    o.struct_bytes = sizeof o + 8;
    FAILS(PQF_INVALID, "struct_bytes",
          pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
    o = write_options();
    o.struct_bytes =
        offsetof(pqf_write_options, data_page_bytes); /* of an older header */
    o.column_compression = good;
    o.num_column_compression = 99;
    write_built(in(&f, "1"), &b, &o);
    o = write_options();
    o.column_compression = good;
    o.num_column_compression = 2;
    o.column_compression_level = level;
    o.num_column_compression_level = 1;
    write_built(in(&f, "1"), &b, &o);
    struct ArrowSchema twice = build_schema("+s(a:i;a:l)"), flat = build_schema("i");
    FAILS(PQF_INVALID, "a", pqf_writer_open(in(&f, "2"), &twice, NULL, &w, &test_err));
    FAILS(PQF_INVALID, "", pqf_writer_open(in(&f, "2"), &flat, NULL, &w, &test_err));
    pqf_schema_release(&twice);
    pqf_schema_release(&flat);
    check_names(f.path, "f:1");
    build_free(&b);
    folder_end(&f);
}

static void copied_options(void **state) {
    (void)state;
    static const pqf_column_setting settings[] = {{"a", "b"}, {"c", NULL}};
    static const char *const names[] = {"x", "y", NULL};
    pqf_arena arena = {.mem = test_mem};
    pqf_write_options o = {.compression = "zstd",
                           .version = "1.0",
                           .metadata = settings,
                           .num_metadata = 2,
                           .dictionary_columns = names,
                           .created_by = "me"};
    pqf_read_options r = {.int96_unit = "us", .ignore_prefixes = names};
    OK(pqf_write_options_copy(&arena, &o, &test_err));
    OK(pqf_read_options_copy(&arena, &r, &test_err));
    assert_true(o.metadata != settings && o.dictionary_columns != names &&
                r.ignore_prefixes != names);
    assert_string_equal(o.compression, "zstd");
    assert_string_equal(o.metadata[0].value, "b");
    assert_null(o.metadata[1].value);
    assert_string_equal(o.dictionary_columns[1], "y");
    assert_null(o.dictionary_columns[2]);
    assert_null(o.statistics_columns);
    assert_string_equal(r.int96_unit, "us");
    pqf_arena_reset(&arena);
    assert_int_equal(pqf_memory_limit(&(pqf_control){.memory_limit = 77}), 77);
    assert_true(pqf_memory_limit(NULL) > 1 << 20);
}

static void life_cycle(void **state) {
    (void)state;
    folder f;
    pqf_writer *w;
    folder_begin(&f);
    built b = build(test_mem, "+s(a:i)", "{1},{2}");
    pqf_write_options o = write_options();
    OK(pqf_writer_open(in(&f, "new/1"), &b.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    pqf_writer_free(w); /* before finish: nothing is left, not even the folder */
    check_names(f.path, "");
    OK(pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
    OK(pqf_writer_finish(w, &test_err)); /* no batch at all */
    FAILS(PQF_INVALID, "closed writer",
          pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    FAILS(PQF_INVALID, "closed writer",
          pqf_writer_check(w, &b.schema, &b.array, NULL, &test_err));
    FAILS(PQF_INVALID, "closed writer", pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    pqf_writer_free(NULL);
    check_path(in(&f, "1"), "");
    o.if_exists = PQF_ERROR_IF_EXISTS;
    FAILS(PQF_IO, "exists", pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
    assert_int_equal(test_err.os_errno, EEXIST);
    o.if_exists = PQF_SKIP_IF_EXISTS;
    write_built(in(&f, "1"), &b, &o);
    check_path(in(&f, "1"), "");
    o.if_exists = PQF_REPLACE;
    write_built(in(&f, "1"), &b, &o);
    check_path(in(&f, "1"), "{a: 1}, {a: 2}");
    FAILS(PQF_IO, "", pqf_writer_open(f.path, &b.schema, &o, &w, &test_err));
    assert_int_equal(test_err.os_errno, EISDIR);
    check_names(f.path, "f:1");
    build_free(&b);
    folder_end(&f);
}

static void refused_batches(void **state) {
    (void)state;
    folder f;
    pqf_writer *w;
    folder_begin(&f);
    built good = build(test_mem, "+s(a!:i;b:u)", "{1,x},{2,y}");
    built bad = build(test_mem, "+s(a:l;c:u)", "{3,x},{null,z},{5000000000,w}");
    built wide = build(test_mem, "+s(b:U;a:l)", "{z,3}");
    pqf_write_options o = write_options();
    pqf_report *report = pqf_report_new();
    OK(pqf_writer_open(in(&f, "1"), &good.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &good.schema, &good.array, report, &test_err));
    FAILS(PQF_SCHEMA, "", pqf_writer_put(w, &bad.schema, &bad.array, report, &test_err));
    assert_true(pqf_report_num_failures(report) >= 3);
    bool counted_on = false;
    for (int64_t i = 0; i < pqf_report_num_failures(report); i++)
        if (!strcmp(pqf_report_failure(report, i)->rule, "null"))
            counted_on = pqf_report_failure(report, i)->sample_rows[0] == 3;
    assert_true(counted_on);
    FAILS(PQF_SCHEMA, "", pqf_writer_check(w, &bad.schema, &bad.array, NULL, &test_err));
    OK(pqf_writer_check(w, &wide.schema, &wide.array, NULL, &test_err));
    assert_int_equal(pqf_writer_num_rows(w), 2);
    OK(pqf_writer_put(w, &wide.schema, &wide.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    check_path(in(&f, "1"), "{a: 1, b: x}, {a: 2, b: y}, {a: 3, b: z}");
    pqf_report_free(report);
    build_free(&good);
    build_free(&bad);
    build_free(&wide);
    folder_end(&f);
}

/* ---- failures ---- */

/* Values that only the file's unit refuses: nothing of the batch is encoded. */
static void batches_with_values_beyond_the_unit(void **state) {
    (void)state;
    static const char *const type = "+s(a:l;t:tsn:UTC;s:+s(x:tsn:))";
    built good = build(test_mem, type, "{1,1000000,{2000000}},{2,null,null}"),
          bad = build(test_mem, type,
                      "{3,1000000,{null}},{4,1000001,{7}},{5,1,null},{6,null,{3000000}}");
    pqf_write_options o = write_options();
    o.coerce_timestamps = "ms";
    bytes with = {0}, without = {0};
    pqf_writer *w;
    OK(pqf_writer_open_callback(keep, &without, &good.schema, &o, &w, &test_err));
    for (int i = 0; i < 2; i++)
        OK(pqf_writer_put(w, &good.schema, &good.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    pqf_report *report = pqf_report_new();
    OK(pqf_writer_open_callback(keep, &with, &good.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &good.schema, &good.array, NULL, &test_err));
    FAILS(PQF_SCHEMA, "Column 't': value",
          pqf_writer_put(w, &bad.schema, &bad.array, report, &test_err));
    check_error_has("in row 3 does not fit timestamp[ms, tz=UTC]");
    check_error_has("allow_truncated_timestamps");
    check_error_has("; 1 more");
    assert_int_equal(pqf_report_num_failures(report), 2);
    const pqf_failure *t = pqf_report_failure(report, 0),
                      *x = pqf_report_failure(report, 1);
    assert_string_equal(t->path, "t");
    assert_string_equal(t->rule, "value");
    assert_string_equal(t->expected, "timestamp[ms, tz=UTC]");
    assert_string_equal(t->found, "timestamp[ns, tz=UTC]");
    assert_int_equal(t->count, 2);
    assert_int_equal(t->sample_rows[1], 4);
    assert_string_equal(x->path, "s.x");
    assert_int_equal(x->count, 1);
    assert_int_equal(x->sample_rows[0], 3);
    FAILS(PQF_SCHEMA, "in row 7",
          pqf_writer_check(w, &bad.schema, &bad.array, NULL, &test_err));
    assert_int_equal(pqf_writer_num_rows(w), 2);
    OK(pqf_writer_put(w, &good.schema, &good.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    assert_int_equal(with.len, without.len);
    assert_memory_equal(with.data, without.data, with.len);
    pqf_report_free(report);
    test_free(with.data);
    test_free(without.data);
    build_free(&good);
    build_free(&bad);
}

static _Atomic int64_t writes_left;
static int failing_write(int64_t offset, size_t n) {
    (void)offset;
    (void)n;
    return --writes_left == 0 ? ENOSPC : 0;
}

static pqf_status write_two_groups(const char *path, const built *b,
                                   const pqf_write_options *options) {
    pqf_writer *w;
    pqf_write_options o = *options;
    o.row_group_rows = 1;
    pqf_error_init(&test_err);
    TRY(pqf_writer_open(path, &b->schema, &o, &w, &test_err));
    pqf_status status = pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err);
    if (status == PQF_OK) status = pqf_writer_finish(w, &test_err);
    pqf_error ignored;
    if (status != PQF_OK) { /* and stays failed */
        assert_int_equal(pqf_writer_finish(w, &ignored), PQF_INVALID);
        assert_int_equal(pqf_writer_put(w, &b->schema, &b->array, NULL, &ignored),
                         PQF_INVALID);
    }
    pqf_writer_free(w);
    return status;
}

static void failing_writes(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built old = build(test_mem, "+s(a:i)", "{7}"),
          b = build(test_mem, "+s(a:i;s:u)", "{1,x},{2,y}");
    pqf_write_options o = write_options();
    write_built(in(&f, "1"), &old, &o);
    int64_t n = 1;
    pqf_sink_test_hook = failing_write;
    for (;; n++) {
        writes_left = n;
        pqf_status status = write_two_groups(in(&f, "1"), &b, &o);
        if (status == PQF_OK) break;
        assert_int_equal(status, PQF_IO);
        assert_int_equal(test_err.os_errno, ENOSPC);
        check_names(f.path, "f:1");
        writes_left = 1 << 20;
        check_path(in(&f, "1"), "{a: 7}");
    }
    pqf_sink_test_hook = NULL;
    assert_true(n > 2);
    check_path(in(&f, "1"), "{a: 1, s: x}, {a: 2, s: y}");
    bytes out = {.fail_at = 2};
    pqf_writer *w;
    OK(pqf_writer_open_callback(keep, &out, &b.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    assert_int_equal(pqf_writer_finish(w, &test_err), PQF_IO);
    pqf_writer_free(w);
    test_free(out.data);
    build_free(&old);
    build_free(&b);
    folder_end(&f);
}

static void failing_allocations(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    char *values = make_values(40);
    built b = build(test_mem, TYPE, values);
    test_free(values);
    pqf_write_options o = write_options();
    o.control.num_threads = 1;
    int64_t n = 1;
    for (pqf_status status = PQF_NOMEM; status != PQF_OK; n++) {
        pqf_mem *mem;
        pqf_sink *sink = NULL;
        pqf_writer *w;
        OK(pqf_mem_new(0, &mem, &test_err));
        OK(pqf_sink_open_file(in(&f, "1"), NULL, &sink, &test_err));
        pqf_mem_fail_after(n);
        status = pqf_writer_open_sink(sink, &b.schema, &o, mem, &w, &test_err);
        if (status == PQF_OK) {
            status = pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err);
            if (status == PQF_OK) status = pqf_writer_finish(w, &test_err);
            pqf_mem_fail_after(0);
            pqf_writer_free(w);
        }
        pqf_mem_fail_after(0);
        if (pqf_mem_used(mem))
            fail_msg("allocation %lld leaks %lld", (long long)n,
                     (long long)pqf_mem_used(mem));
        pqf_mem_release(mem);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
        check_names(f.path, status == PQF_OK ? "f:1" : "");
    }
    assert_true(n > 100);
    build_free(&b);
    folder_end(&f);
}

/* Rows that are held go in together, with their dictionaries, or not at all. */
static void write_held(bytes *out, const built *b, const built *bad,
                       const pqf_write_options *o) {
    pqf_writer *w;
    OK(pqf_writer_open_callback(keep, out, &b->schema, o, &w, &test_err));
    OK(pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err));
    for (int i = 0; i < 2; i++) {
        OK(pqf_writer_hold(w, &test_err));
        OK(pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err));
        FAILS(PQF_SCHEMA, "",
              pqf_writer_put(w, &bad->schema, &bad->array, NULL, &test_err));
        pqf_writer_drop_held(w);
    }
    OK(pqf_writer_hold(w, &test_err));
    FAILS(PQF_INVALID, "held already", pqf_writer_hold(w, &test_err));
    OK(pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err));
    OK(pqf_writer_put(w, &b->schema, &b->array, NULL, &test_err));
    FAILS(PQF_INVALID, "are held", pqf_writer_finish(w, &test_err));
    assert_int_equal(pqf_writer_num_rows(w), b->array.length);
    OK(pqf_writer_put_held(w, &test_err));
    OK(pqf_writer_put_held(w, &test_err)); /* none are held any more */
    assert_int_equal(pqf_writer_num_rows(w), 3 * b->array.length);
    OK(pqf_writer_finish(w, &test_err));
    FAILS(PQF_INVALID, "closed writer", pqf_writer_hold(w, &test_err));
    pqf_writer_free(w);
}

#define HELD_TYPE "+s(a!:i;d:dict(c;u);s:+s(d:dict(i;u));l:+l(item:dict(s;l));v:vu)"

static void held_batches(void **state) {
    (void)state;
    pqf_writer *w;
    built b =
        build(test_mem, HELD_TYPE,
              "{1,z,{y},[5,null],text},{2,null,null,null,null},{3,a,{null},[4,5],x}");
    built bad = build(test_mem, "+s(a:i)", "{4},{null}");
    pqf_write_options o = write_options();
    bytes one = {0}, two = {0};
    OK(pqf_writer_open_callback(keep, &one, &b.schema, &o, &w, &test_err));
    for (int i = 0; i < 3; i++)
        OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    write_held(&two, &b, &bad, &o);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    test_free(one.data);
    test_free(two.data);
    build_free(&b);
    build_free(&bad);
}

/* A full disk while rows are set aside: a failure like any other. */
static void held_batches_and_a_full_disk(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    built b = build(test_mem, HELD_TYPE, "{1,z,{y},[5,null],text}");
    pqf_write_options o = write_options();
    pqf_status status = PQF_IO;
    pqf_sink_test_hook = failing_write;
    for (int64_t n = 1; status != PQF_OK; n++) {
        pqf_writer *w;
        writes_left = 1 << 20;
        OK(pqf_writer_open(in(&f, "1"), &b.schema, &o, &w, &test_err));
        OK(pqf_writer_hold(w, &test_err));
        OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
        writes_left = n;
        status = pqf_writer_put_held(w, &test_err);
        if (status == PQF_OK) status = pqf_writer_finish(w, &test_err);
        if (status != PQF_OK) assert_int_equal(test_err.os_errno, ENOSPC);
        pqf_writer_free(w);
        check_names(f.path, status == PQF_OK ? "f:1" : "");
    }
    pqf_sink_test_hook = NULL;
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
    ticks t = {0};
    folder_begin(&f);
    built b = build(test_mem, "+s(a:i)", "{1},{2},{3}");
    pqf_write_options o = write_options();
    o.control.tick = count_tick;
    o.control.tick_context = &t;
    write_built(in(&f, "1"), &b, &o);
    assert_true(t.num >= 1 && t.done == 3 && t.total == 3);
    t = (ticks){.stop_at = 1};
    pqf_writer *w;
    OK(pqf_writer_open(in(&f, "2"), &b.schema, &o, &w, &test_err));
    usleep(60000); /* the next poll ticks */
    assert_int_equal(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err),
                     PQF_CANCELLED);
    pqf_writer_free(w);
    t = (ticks){.stop_at = 1};
    OK(pqf_writer_open(in(&f, "2"), &b.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    assert_int_equal(pqf_writer_finish(w, &test_err), PQF_CANCELLED);
    pqf_writer_free(w);
    check_names(f.path, "f:1");
    build_free(&b);
    folder_end(&f);
}

/* rule, path, count and samples of every record */
static void put_report(const pqf_report *report, char *text, size_t cap) {
    size_t len = 0;
    for (int64_t i = 0; i < pqf_report_num_failures(report); i++) {
        const pqf_failure *f = pqf_report_failure(report, i);
        len += (size_t)snprintf(text + len, cap - len, "%s %s %lld (%s, %s)", f->rule,
                                f->path, (long long)f->count, f->expected, f->found);
        for (int32_t k = 0; k < f->num_samples; k++)
            len += (size_t)snprintf(text + len, cap - len, " %lld=%s",
                                    (long long)f->sample_rows[k], f->sample_values[k]);
        len += (size_t)snprintf(text + len, cap - len, "\n");
        assert_true(len < cap);
    }
}

/* Every fourth column fits, the others have values, nulls or a type that do not. */
static void reports_are_the_same_at_any_number_of_threads(void **state) {
    (void)state;
    enum { COLUMNS = 40, ROWS = 1200, CAP = 1 << 16 };
    static const char *const declared[] = {"x%02d:l", "x%02d:c", "x%02d!:i", "x%02d:u"};
    char type[2048] = "+s(z:i;", target[2048] = "+s(", *want = test_malloc(CAP),
         *got = test_malloc(CAP), *values = test_malloc(ROWS * COLUMNS * 8), *p = values;
    for (int c = 0; c < COLUMNS; c++) {
        char *t = target + strlen(target);
        sprintf(t, declared[c % 4], c);
        strcat(t, c + 1 < COLUMNS ? ";" : ")");
        sprintf(type + strlen(type), "x%02d:i%c", c, c + 1 < COLUMNS ? ';' : ')');
    }
    for (int r = 0; r < ROWS; r++) {
        p += sprintf(p, "%s{1", r ? "," : "");
        for (int c = 0; c < COLUMNS; c++)
            p += sprintf(p, (r + c) % 11 ? ",%d" : ",null", r + c);
        p += sprintf(p, "}");
    }
    built b = build(test_mem, type, values);
    struct ArrowSchema schema = build_schema(target);
    for (int threads = 1; threads <= 8; threads++) {
        pqf_write_options o = write_options();
        bytes out = {0};
        pqf_writer *w;
        o.control.num_threads = threads;
        pqf_report *report = pqf_report_new();
        OK(pqf_writer_open_callback(keep, &out, &schema, &o, &w, &test_err));
        for (int batch = 0; batch < 2; batch++)
            FAILS(PQF_SCHEMA, "Column 'z' is not in the schema; 30 more",
                  pqf_writer_put(w, &b.schema, &b.array, report, &test_err));
        put_report(report, threads == 1 ? want : got, CAP);
        if (threads > 1) assert_string_equal(got, want);
        assert_int_equal(pqf_report_num_failures(report), 31);
        pqf_report_free(report);
        pqf_writer_free(w);
        test_free(out.data);
    }
    assert_non_null(strstr(want, "extra z 1 "));
    assert_non_null(strstr(want, "value x01 1950 (int8, int32) 127=128 128=129"));
    assert_non_null(strstr(want, "null x02 218 "));
    assert_non_null(strstr(want, "type x03 2182 (string, int32) 0=3 1=4 2=5"));
    pqf_schema_release(&schema);
    build_free(&b);
    test_free(want);
    test_free(got);
    test_free(values);
}

static void no_rows_and_no_columns(void **state) {
    (void)state;
    folder f;
    rows r;
    folder_begin(&f);
    write_rows(in(&f, "1"), "+s(a:i;l:+l(item:u))", "", NULL);
    check_path(in(&f, "1"), "");
    write_rows(in(&f, "2"), "+s()", "{},{},{}", NULL);
    OK(read_path(in(&f, "2"), NULL, &r));
    assert_int_equal(r.num_rows, 3);
    rows_free(&r);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(same_bytes_for_any_split),
        TEST(round_trip),
        TEST(metadata_and_names),
        TEST(refused_options),
        TEST(copied_options),
        TEST(life_cycle),
        TEST(refused_batches),
        TEST(failing_writes),
        TEST(failing_allocations),
        TEST(held_batches),
        TEST(held_batches_and_a_full_disk),
        TEST(progress_and_cancel),
        TEST(no_rows_and_no_columns),
        TEST(reports_are_the_same_at_any_number_of_threads),
        TEST(batches_with_values_beyond_the_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
