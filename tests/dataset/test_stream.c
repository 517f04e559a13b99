/* SPDX-License-Identifier: Apache-2.0
 *
 * test_stream.c: a scan as an Arrow C stream: its life, its errors, many at a time.
 */
#include "file/file_test.h"

#include <pthread.h>

static void outlives_the_dataset(void **state) {
    (void)state;
    folder f;
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch, second, end;
    folder_begin(&f);
    write_rows(in(&f, "p=x/1"), "+s(a:i)", "{1},{2}", NULL);
    write_rows(in(&f, "p=y/1"), "+s(a:i)", "{3}", NULL);
    const char *path = f.path;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    pqf_scan_options so = scan_options(2);
    OK(pqf_dataset_scan(d, &so, &stream, &test_err));
    pqf_dataset_free(d);
    pqf_dataset_free(NULL);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(stream.get_next(&stream, &second), 0);
    assert_int_equal(stream.get_next(&stream, &end), 0);
    assert_null(end.release);
    assert_int_equal(stream.get_next(&stream, &end), 0); /* and again */
    assert_null(end.release);
    assert_null(stream.get_last_error(&stream));
    stream.release(&stream);
    assert_null(stream.release);
    /* arrays and schema live on, in any order, the shared dictionary with them */
    char text[1000];
    assert_string_equal(build_array_text(&schema, &second, test_mem, text, sizeof text),
                        "{a: 3, p: y}");
    pqf_array_release(&second);
    assert_string_equal(build_array_text(&schema, &batch, test_mem, text, sizeof text),
                        "{a: 1, p: x}, {a: 2, p: x}");
    pqf_schema_release(&schema);
    pqf_array_release(&batch);
    folder_end(&f);
}

static void errors_with_text(void **state) {
    (void)state;
    folder f;
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    folder_begin(&f);
    write_rows(in(&f, "1"), "+s(a:i)", "{1},{2}", NULL);
    write_rows(in(&f, "2"), "+s(a:l)", "{3}", NULL);
    const char *path = f.path;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    pqf_scan_options so = scan_options(2);
    OK(pqf_dataset_scan(d, &so, &stream, &test_err));
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    pqf_array_release(&batch);
    assert_int_equal(stream.get_next(&stream, &batch), EINVAL);
    assert_non_null(
        strstr(stream.get_last_error(&stream), "int64 here, int32 in the first file"));
    assert_int_equal(pqf_stream_error(&stream)->status, PQF_SCHEMA);
    assert_int_equal(stream.get_next(&stream, &batch), 0); /* it has ended */
    assert_null(batch.release);
    stream.release(&stream);
    so.batch_rows = -1;
    FAILS(PQF_INVALID, "negative", pqf_dataset_scan(d, &so, &stream, &test_err));
    so = scan_options(0);
    so.struct_bytes = 1;
    FAILS(PQF_INVALID, "struct_bytes", pqf_dataset_scan(d, &so, &stream, &test_err));
    unlink(in(&f, "2"));
    so = scan_options(0);
    OK(pqf_dataset_scan(d, &so, &stream, &test_err));
    assert_int_equal(stream.get_next(&stream, &batch), ENOENT);
    stream.release(&stream); /* in the middle */
    pqf_dataset_free(d);
    folder_end(&f);
}

/* Released before the end, with a batch in progress. */
static void released_early(void **state) {
    (void)state;
    folder f;
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    folder_begin(&f);
    pqf_write_options o = write_options();
    o.row_group_rows = 2;
    write_rows(in(&f, "1"), "+s(a:i;u:u)", "{1,x},{2,y},{3,z},{4,w},{5,v}", &o);
    const char *path = f.path;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    pqf_mem *mem = pqf_mem_retain(d->mem);
    for (int64_t size = 0; size < 4; size++) {
        pqf_scan_options so = scan_options(size);
        OK(pqf_dataset_scan(d, &so, &stream, &test_err));
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        stream.release(&stream);
        pqf_array_release(&batch);
    }
    pqf_dataset_free(d);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
    folder_end(&f);
}

typedef struct job {
    pqf_dataset *d;
    int64_t rows;
} job;

static void *scan_all(void *arg) {
    job *j = arg;
    for (int k = 0; k < 30; k++) {
        struct ArrowArrayStream stream;
        struct ArrowArray batch;
        pqf_error err;
        pqf_scan_options so = scan_options(k % 3 * 2);
        if (pqf_dataset_scan(j->d, &so, &stream, &err) != PQF_OK) return NULL;
        while (!stream.get_next(&stream, &batch) && batch.release) {
            j->rows += batch.length;
            batch.release(&batch);
        }
        stream.release(&stream);
    }
    return NULL;
}

static void many_at_a_time(void **state) {
    (void)state;
    enum { THREADS = 4 };
    folder f;
    job jobs[THREADS];
    pthread_t threads[THREADS];
    pqf_dataset *d;
    folder_begin(&f);
    for (int i = 0; i < 9; i++) {
        char name[20];
        sprintf(name, "p=%d/1", i % 3);
        write_rows(in(&f, name), "+s(a:i;d:dict(i;u))", "{1,x},{2,y},{3,x}", NULL);
    }
    const char *path = f.path;
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.d = d};
        assert_int_equal(pthread_create(&threads[i], NULL, scan_all, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].rows, 30 * 9);
    }
    pqf_dataset_free(d);
    folder_end(&f);
}

/* Thousands of columns are found by name in no time, in the order asked for. */
static void wide_projection(void **state) {
    (void)state;
    enum { COLUMNS = 600 };
    folder f;
    char *type = test_malloc(COLUMNS * 12), *values = test_malloc(COLUMNS * 6), *t = type,
         *v = values;
    const char *names[COLUMNS];
    static char texts[COLUMNS][8];
    folder_begin(&f);
    t += sprintf(t, "+s(");
    v += sprintf(v, "{");
    for (int i = 0; i < COLUMNS; i++) {
        t += sprintf(t, "%sc%d:i", i ? ";" : "", i);
        v += sprintf(v, "%s%d", i ? "," : "", i);
        sprintf(texts[i], "c%d", COLUMNS - 1 - i);
        names[i] = texts[i];
    }
    strcpy(t, ")");
    strcpy(v, "}");
    write_rows(in(&f, "1"), type, values, NULL);
    pqf_dataset *d;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    const char *path = in(&f, "1");
    OK(pqf_dataset_open(&path, 1, NULL, NULL, &d, &test_err));
    pqf_scan_options so = scan_options(0);
    so.columns = names;
    so.num_columns = COLUMNS;
    OK(pqf_dataset_scan(d, &so, &stream, &test_err));
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    for (int i = 0; i < COLUMNS; i++)
        assert_int_equal(((const int32_t *)batch.children[i]->buffers[1])[0],
                         COLUMNS - 1 - i);
    pqf_array_release(&batch);
    stream.release(&stream);
    pqf_dataset_free(d);
    test_free(type);
    test_free(values);
    folder_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(outlives_the_dataset), TEST(errors_with_text), TEST(released_early),
        TEST(many_at_a_time),       TEST(wide_projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
