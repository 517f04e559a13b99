/* SPDX-License-Identifier: Apache-2.0
 *
 * test_discover.c: from paths to files and partition values: discover.c, and what open.c
 * makes of them.
 */
#include "file/file_test.h"

static pqf_status discover(const char *const *paths, int64_t n, const char *root,
                           const pqf_read_options *options, const char *strip,
                           char *out) {
    pqf_arena arena = {.mem = test_mem};
    pqf_found found;
    pqf_snapshot snapshot = {0};
    pqf_read_options standard = {0};
    pqf_status status = pqf_discover(paths, n, root, options ? options : &standard,
                                     test_mem, &arena, &snapshot, &found, &test_err);
    pqf_snapshot_close(&snapshot, test_mem);
    *out = 0;
    for (int64_t i = 0; status == PQF_OK && i < found.num_files; i++) {
        const char *path = found.files[i].path;
        if (!strncmp(path, strip, strlen(strip))) path += strlen(strip) + 1;
        sprintf(out + strlen(out), "%s%s", i ? " " : "", path);
        for (int32_t k = 0; k < found.num_partitions; k++) {
            pqf_bytes v = found.files[i].values[k];
            sprintf(out + strlen(out), "(%s:%s)", found.partitions[k],
                    v.data ? (const char *)v.data : "-");
        }
    }
    pqf_arena_reset(&arena);
    return status;
}

static void make(folder *f, const char *name) {
    pqf_sink *sink;
    OK(pqf_sink_open_file(in(f, name), &(pqf_sink_options){.not_durable = true}, &sink,
                          &test_err));
    OK(pqf_sink_finish(sink, &test_err));
    pqf_sink_free(sink);
}

static void order_and_hidden_names(void **state) {
    (void)state;
    static const char *const names[] = {
        "b/2",  "b/10",   "b-c",    "a",          "_hidden", ".hidden",   "_x=1/f",
        "_d/f", ".d=1/f", "z/.crc", "z/_SUCCESS", "B",       "b/\xC3\xA9"};
    static const char *const only_dots[] = {".", NULL};
    folder f;
    char text[4096];
    folder_begin(&f);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        make(&f, names[i]);
    const char *path = f.path;
    OK(discover(&path, 1, NULL, NULL, f.path, text));
    assert_string_equal(
        text,
        "B(_x:-) _x=1/f(_x:1) a(_x:-) b/10(_x:-) b/2(_x:-) b/\xC3\xA9(_x:-) b-c(_x:-)");
    pqf_read_options o = {.ignore_prefixes = only_dots, .no_partitions = true};
    OK(discover(&path, 1, NULL, &o, f.path, text));
    assert_string_equal(text,
                        "B _d/f _hidden _x=1/f a b/10 b/2 b/\xC3\xA9 b-c z/_SUCCESS");
    char slashes[100];
    sprintf(slashes, "%s//", f.path);
    path = slashes;
    o.no_partitions = false;
    OK(discover(&path, 1, NULL, &o, slashes, text));
    assert_non_null(strstr(text, "x=1/f(_x:1)"));
    folder_end(&f);
}

static void partitions(void **state) {
    (void)state;
    static const char *const names[] = {"p=1/q=a%2Fb/f",
                                        "p=1/f",
                                        "p=/q=x/f",
                                        "plain/q=y/f",
                                        "p=__HIVE_DEFAULT_PARTITION__/q=z/f",
                                        "p=2/p=3/f"};
    folder f;
    char text[4096], deep[100];
    folder_begin(&f);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        make(&f, names[i]);
    const char *path = f.path;
    OK(discover(&path, 1, NULL, NULL, f.path, text));
    assert_string_equal(
        text, "p=/q=x/f(p:)(q:x) p=1/f(p:1)(q:-) p=1/q=a%2Fb/f(p:1)(q:a/b) "
              "p=2/p=3/f(p:3)(q:-) p=__HIVE_DEFAULT_PARTITION__/q=z/f(p:-)(q:z) "
              "plain/q=y/f(p:-)(q:y)");
    sprintf(deep, "%s/p=1", f.path); /* below the given folder alone */
    path = deep;
    OK(discover(&path, 1, NULL, NULL, f.path, text));
    assert_string_equal(text, "p=1/f(q:-) p=1/q=a%2Fb/f(q:a/b)");
    OK(discover(&path, 1, f.path, NULL, f.path,
                text)); /* or below the root that is named */
    assert_string_equal(text, "p=1/f(p:1)(q:-) p=1/q=a%2Fb/f(p:1)(q:a/b)");
    char first[100], second[100], root[100];
    sprintf(first, "%s/p=1/f", f.path);
    sprintf(second, "%s/p=2/p=3/f", f.path);
    const char *const both[] = {second, first};
    OK(discover(both, 2, NULL, NULL, f.path,
                text)); /* a list keeps its order and has no root */
    assert_string_equal(text, "p=2/p=3/f p=1/f");
    OK(discover(both, 1, NULL, NULL, f.path, text));
    assert_string_equal(text, "p=2/p=3/f");
    sprintf(root, "%s/", f.path);
    OK(discover(both, 2, root, NULL, f.path, text));
    assert_string_equal(text, "p=2/p=3/f(p:3) p=1/f(p:1)");
    sprintf(root, "%s/p", f.path); /* the beginning of a name is no folder above */
    OK(discover(both, 2, root, NULL, f.path, text));
    assert_string_equal(text, "p=2/p=3/f p=1/f");
    folder_end(&f);
}

static void failures(void **state) {
    (void)state;
    folder f;
    char text[4096], nowhere[100];
    folder_begin(&f);
    sprintf(nowhere, "%s/nowhere", f.path);
    const char *path = nowhere;
    FAILS(PQF_IO, nowhere, discover(&path, 1, NULL, NULL, f.path, text));
    assert_int_equal(test_err.os_errno, ENOENT);
    make(&f, "d/f");
    assert_int_equal(symlink("..", in(&f, "d/up")), 0);
    path = f.path;
    FAILS(PQF_LIMIT, "nested more than 64 deep",
          discover(&path, 1, NULL, NULL, f.path, text));
    unlink(in(&f, "d/up"));
    assert_int_equal(symlink("nowhere", in(&f, "d/dangling")), 0);
    OK(discover(&path, 1, NULL, NULL, f.path, text));
    assert_string_equal(text, "d/f");
    make(&f, "\xFF=1/f");
    FAILS(PQF_CORRUPT, "not UTF-8", discover(&path, 1, NULL, NULL, f.path, text));
    folder_end(&f);
}

/* ---- open.c ---- */

static void check_schema(const char *path, const char *expected) {
    pqf_dataset *d;
    struct ArrowSchema schema;
    char text[1000];
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    OK(pqf_dataset_schema(d, &schema, &test_err));
    pqf_dataset_free(d);
    pqf_type_text(&schema, text, sizeof text);
    assert_string_equal(text, expected);
    pqf_schema_release(&schema);
}

static void inferred_types(void **state) {
    (void)state;
    static const struct {
        const char *a, *b, *type;
    } table[] = {
        {"1", "2", "int32"},
        {"1", "2147483648", "int64"},
        {"1", "x", "string"},
        {"01", "02", "string"},
        {"1", "", "string"},
        {"-5", "0", "int32"},
        {"1", "__HIVE_DEFAULT_PARTITION__", "int32"},
        {"1", "1.5", "string"},
        {"1", "9223372036854775808", "string"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        folder f;
        char name[100], expected[200];
        folder_begin(&f);
        sprintf(name, "p=%s/f", table[i].a);
        write_rows(in(&f, name), "+s(a:l)", "{1}", NULL);
        sprintf(name, "p=%s/f", table[i].b);
        write_rows(in(&f, name), "+s(a:l)", "{1}", NULL);
        sprintf(expected, "struct<a: int64, p: dictionary<int32, %s>>", table[i].type);
        check_schema(f.path, expected);
        folder_end(&f);
    }
}

static void recorded_types_that_are_none(void **state) {
    (void)state;
    folder f;
    folder_begin(&f);
    struct ArrowSchema types = build_schema("+s(p:+l(item:i))");
    pqf_buf text = {.mem = test_mem};
    OK(pqf_arrow_schema_write(&types, &text, &test_err));
    OK(pqf_buf_put_u8(&text, 0, &test_err));
    pqf_column_setting kv = {PQF_PARTITION_KEY, (const char *)text.data};
    pqf_write_options o = write_options();
    o.metadata = &kv;
    o.num_metadata = 1;
    write_rows(in(&f, "p=7/1"), "+s(a:i)", "{1}", &o);
    check_schema(f.path,
                 "struct<a: int32, p: dictionary<int32, int32>>"); /* inferred instead */
    kv.value = "damaged";
    write_rows(in(&f, "p=7/1"), "+s(a:i)", "{1}", &o);
    pqf_dataset *d;
    const char *path = f.path;
    FAILS(PQF_CORRUPT, "p=7/1", pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    pqf_buf_reset(&text);
    pqf_schema_release(&types);
    folder_end(&f);
}

static void empty_folders(void **state) {
    (void)state;
    folder f;
    rows r;
    folder_begin(&f);
    check_schema(f.path, "struct<>");
    check_path(f.path, "");
    const char *path = f.path;
    pqf_read_options o = {.struct_bytes = 3};
    pqf_dataset *d;
    FAILS(PQF_INVALID, "struct_bytes",
          pqf_dataset_open(&path, 1, NULL, &o, &d, &test_err));
    o = (pqf_read_options){.struct_bytes = sizeof o, .int96_unit = "days"};
    write_rows(in(&f, "1"), "+s(a:i)", "{1}", NULL);
    pqf_status status = read_paths(&path, 1, NULL, &o, NULL, &r);
    assert_true(status == PQF_INVALID);
    rows_free(&r);
    folder_end(&f);
}

/* Every pair of a list in order: so the order is one, whatever is asked first. */
static void test_order_of_paths(void **state) {
    (void)state;
#define ID "0a1b2c3d-0000-4000-8000-0123456789ab"
    static const char *const sorted[] = {
        "",
        "0" ID ".parquet",
        ID,
        ID "/a",
        ID ".parquet",
        ID "-000000000001.parquet",
        ID "-0123456789ab.parquet",
        ID "-10x.parquet",
        ID "-123456789012.parquet",
        ID "-1a2b3c4d5e6f.parquet",
        ID ".pq",
        ID "-1.parquet",
        ID "-1-0123456789ab.parquet",
        ID "-2.parquet",
        ID "-10.parquet",
        "1",
        "a",
        "a/" ID ".parquet",
        "a/" ID "-1.parquet",
        "a/b",
        "a-1.parquet",
        "a.parquet",
        "a10.parquet",
        "a2.parquet",
    };
#undef ID
    const int n = sizeof sorted / sizeof *sorted;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            int order = pqf_path_order(sorted[i], sorted[k]);
            if ((order > 0) - (order < 0) != (i > k) - (i < k))
                fail_msg("%s and %s: %d", sorted[i], sorted[k], order);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_paths),
        TEST(order_and_hidden_names),
        TEST(partitions),
        TEST(failures),
        TEST(inferred_types),
        TEST(recorded_types_that_are_none),
        TEST(empty_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
