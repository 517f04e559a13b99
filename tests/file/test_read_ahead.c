/* SPDX-License-Identifier: Apache-2.0
 *
 * test_read_ahead.c: a bounded read that goes on between two pulls gives what one on the calling thread
 * alone gives, whatever the caller does in between: works, forks, stops, drops it.
 */
#include "file/predicate_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void pause_us(long us) {
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* ---- files ---- */

static const char *const TYPE =
    "+s(a:l;s:u;l:+l(item:i);t:+s(x!:g;y:u);d:dict(i;u);m:+m(key!:u;value:i))";
static const char *const NARROW = "+s(s:u;a:i;l:+l(item:c);d:dict(c;u))";

static void put_values(char *text, int64_t first, int64_t n, bool is_narrow) {
    char *p = text;
    *p = 0;
    for (int64_t i = first; i < first + n; i++) {
        p += sprintf(p, "%s{", i > first ? "," : "");
        if (is_narrow) {
            p += sprintf(p, "text%lld,%lld,", (long long)(i % 50), (long long)i);
            p += sprintf(p, i % 3 ? "[1,null]," : "null,");
            p += sprintf(p, "dict%lld}", (long long)(i % 11));
            continue;
        }
        p += i % 7 ? sprintf(p, "%lld,", (long long)i) : sprintf(p, "null,");
        p += i % 5 ? sprintf(p, "text%lld,", (long long)(i % 50)) : sprintf(p, "null,");
        p += i % 3 ? sprintf(p, "[%lld,null,3],", (long long)i)
                   : sprintf(p, i % 2 ? "null," : "[],");
        p += i % 4 ? sprintf(p, "{%lld.5,y%lld},", (long long)i, (long long)i)
                   : sprintf(p, "null,");
        p += i % 6 ? sprintf(p, "dict%lld,", (long long)(i % 11)) : sprintf(p, "null,");
        p += i % 2 ? sprintf(p, "[{k,%lld}]}", (long long)i) : sprintf(p, "[]}");
    }
}

/* Partitions p=0..num_files-1; some files have other columns where they may. */
static void make_files(folder *f, int num_files, bool differ) {
    for (int i = 0; i < num_files; i++) {
        static char values[60000];
        char name[32];
        bool is_narrow = differ && rand_below(2);
        pqf_write_options o = write_options();
        o.row_group_rows = 1 + rand_below(60);
        o.page_rows = 1 + rand_below(20);
        put_values(values, i * 1000, rand_below(4) ? rand_below(150) : 0, is_narrow);
        sprintf(name, "p=%d/f", i);
        write_rows(in(f, name), is_narrow ? NARROW : TYPE, values, &o);
    }
}

/* ---- two readers ---- */

typedef struct reading {
    struct ArrowArrayStream stream;
    pqf_mem *mem;
} reading;

static void reading_begin(reading *r, const char *path, const pqf_read_options *ro,
                          const pqf_scan_options *so) {
    pqf_dataset *d;
    OK(pqf_dataset_open(&path, 1, NULL, ro, &d, &test_err));
    OK(pqf_dataset_scan(d, so, &r->stream, &test_err));
    r->mem = pqf_mem_retain(d->mem);
    pqf_dataset_free(d);
}

static void reading_end(reading *r) {
    r->stream.release(&r->stream);
    if (pqf_mem_used(r->mem))
        fail_msg("%lld bytes are left", (long long)pqf_mem_used(r->mem));
    pqf_mem_release(r->mem);
}

/* What one pull gives: the rows, or the text of the failure; false: nothing more. */
static bool pull_text(reading *r, rows *out) {
    struct ArrowArray batch;
    struct ArrowSchema schema;
    assert_int_equal(r->stream.get_schema(&r->stream, &schema), 0);
    if (r->stream.get_next(&r->stream, &batch)) {
        rows_add(out, r->stream.get_last_error(&r->stream));
        memset(&batch, 0, sizeof batch);
        out->num_rows++;
    } else if (batch.release) {
        rows_add_batch(out, &schema, &batch);
        pqf_array_release(&batch);
    }
    schema.release(&schema);
    return out->num_rows > 0;
}

static void work_a_bit(void) {
    if (rand_below(2)) pause_us(rand_below(300));
}

/* Pulls both to their ends, and once more; returns how often. */
static int64_t compare(reading *ahead, reading *plain) {
    int64_t num_pulls = 0;
    for (int ends = 0; ends < 2; num_pulls++) {
        rows x = {0}, y = {0};
        work_a_bit();
        bool more = pull_text(ahead, &x);
        assert_int_equal(more, pull_text(plain, &y));
        if (x.num_rows != y.num_rows || (more && strcmp(x.text, y.text)))
            fail_msg("seed %llu, pull %lld:\n%s\n%s", (unsigned long long)rand_seed,
                     (long long)num_pulls, x.text ? x.text : "", y.text ? y.text : "");
        ends += !more;
        rows_free(&x);
        rows_free(&y);
    }
    return num_pulls - 2;
}

/* The rules do not decide, but num_rows of each batch; 0: as the first reader alone would. */
static int64_t compare_path(const char *path, const pqf_read_options *ro,
                            const pqf_scan_options *so, int64_t num_rows) {
    reading ahead, plain;
    pqf_read_options alone = *ro;
    alone.control.num_threads = 1;
    pqf_ahead_test_rows = num_rows;
    reading_begin(&ahead, path, ro, so);
    reading_begin(&plain, path, &alone, so);
    int64_t n = compare(&ahead, &plain);
    reading_end(&ahead);
    reading_end(&plain);
    pqf_ahead_test_rows = 0;
    return n;
}

/* ---- the same rows ---- */

static void same_rows(void **state) {
    (void)state;
    pqf_predicate *few = predicate("(greater a #0)", "+s(x:l)", "{2050}");
    for (uint64_t seed = 1; seed <= 24; seed++) {
        folder f;
        folder_begin(&f);
        rand_begin(seed);
        bool differ = seed % 2;
        make_files(&f, 1 + (int)rand_below(6), differ);
        for (int i = 0; i < 8; i++) {
            static const int64_t sizes[] = {1, 2, 7, 50, 64, 266, 1000};
            pqf_read_options ro = read_options(2 + (int)rand_below(3));
            pqf_scan_options so = scan_options(sizes[rand_below(7)]);
            ro.unify = PQF_UNIFY_WIDEN;
            if (!differ) ro.unify = rand_below(2) ? PQF_UNIFY_WIDEN : PQF_UNIFY_STRICT;
            if (rand_below(3) == 0) so.predicate = few;
            compare_path(f.path, &ro, &so, 1 + rand_below(so.batch_rows + 3));
        }
        folder_end(&f);
    }
    pqf_predicate_free(few);
}

/* ---- by the rules ---- */

/* A batch of these is more than one thread's. */
#define BIG_ROWS  60000
#define NUM_BIG   8
#define MIB(n)    ((int64_t)(n) << 20)
#define SLEEP_US  3000L
#define ROW_BYTES 8

static void write_big(const char *path) {
    built b = {0};
    pqf_write_options o = write_options();
    pqf_writer *w;
    static char values[BIG_ROWS / 10 * 12];
    char *p = values;
    for (int i = 0; i < BIG_ROWS / 10; i++)
        p += sprintf(p, "%s{%d}", i ? "," : "", i * 7);
    b = build(test_mem, "+s(a!:l)", values);
    o.row_group_rows = BIG_ROWS * 2;
    OK(pqf_writer_open(path, &b.schema, &o, &w, &test_err));
    for (int i = 0; i < NUM_BIG * 10; i++)
        OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    build_free(&b);
}

/* Bytes of the dataset's memory that are in use before each pull, after the caller has worked for so long. */
static void watch_memory(const char *path, const pqf_read_options *ro,
                         const pqf_scan_options *so, long sleep_us, int64_t *used) {
    reading r;
    struct ArrowArray batch;
    reading_begin(&r, path, ro, so);
    for (int i = 0; i < NUM_BIG; i++) {
        used[i] = pqf_mem_used(r.mem);
        assert_int_equal(r.stream.get_next(&r.stream, &batch), 0);
        assert_int_equal(batch.length, BIG_ROWS);
        pqf_array_release(&batch);
        if (sleep_us) pause_us(sleep_us);
    }
    reading_end(&r);
}

/* The rows of a batch are there before the pull, from the third on and if the caller works. */
static void decodes_while_the_caller_works(void **state) {
    (void)state;
    folder f;
    int64_t used[NUM_BIG];
    folder_begin(&f);
    write_big(in(&f, "1"));
    pqf_read_options ro = read_options(2);
    pqf_scan_options so = scan_options(BIG_ROWS);
    watch_memory(in(&f, "1"), &ro, &so, 100 * SLEEP_US, used);
    for (int i = 2; i < NUM_BIG; i++)
        if (used[i] - used[1] < BIG_ROWS * ROW_BYTES)
            fail_msg("%d: %lld bytes", i, (long long)(used[i] - used[1]));
    ro.control.num_threads = 1;
    watch_memory(in(&f, "1"), &ro, &so, SLEEP_US, used);
    for (int i = 2; i < NUM_BIG; i++)
        assert_true(used[i] - used[1] < BIG_ROWS * ROW_BYTES);
    ro = read_options(2);
    int64_t in_use =
        used[1] + BIG_ROWS * ROW_BYTES; /* more than a third of what may be */
    ro.control.memory_limit = in_use * 5 / 2;
    watch_memory(in(&f, "1"), &ro, &so, SLEEP_US, used);
    for (int i = 2; i < NUM_BIG; i++)
        assert_true(used[i] - used[1] < BIG_ROWS * ROW_BYTES);
    folder_end(&f);
}

/* ---- failures ---- */

/* A byte in the middle of a file is another one. */
static void damage(const char *path, double place) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    fseek(file, (long)((double)ftell(file) * place), SEEK_SET);
    int byte = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(byte ^ 0x55, file);
    fclose(file);
}

/* Batches before the damage come, then the failure, once, with its text. */
static void failures_come_where_they_belong(void **state) {
    (void)state;
    static char values[100000], text[2048];
    int num_late = 0;
    for (int i = 0; i < 12; i++) {
        folder f;
        folder_begin(&f);
        rand_begin((uint64_t)i);
        pqf_write_options o = write_options();
        o.page_rows = 10;
        o.row_group_rows = 200;
        put_values(values, 0, 400, false);
        write_rows(in(&f, "1"), TYPE, values, &o);
        damage(in(&f, "1"), 0.05 + 0.06 * i);
        pqf_read_options ro = read_options(3);
        pqf_scan_options so = scan_options(1 + rand_below(30));
        const char *path = in(&f, "1");
        pqf_dataset *d;
        pqf_error_init(&test_err);
        if (pqf_dataset_open(&path, 1, NULL, &ro, &d, &test_err) == PQF_OK) {
            pqf_dataset_free(d);
            int64_t pulls = compare_path(path, &ro, &so, 1 + rand_below(30));
            num_late += pulls > 2 && pulls * so.batch_rows < 400;
        }
        pqf_error_text(&test_err, text, sizeof text);
        folder_end(&f);
    }
    assert_true(num_late > 4);
}

/* Every allocation fails in turn, on whatever thread it is. */
static void failing_allocations(void **state) {
    (void)state;
    static char values[20000];
    folder f;
    folder_begin(&f);
    pqf_write_options o = write_options();
    o.row_group_rows = 30;
    put_values(values, 0, 70, false);
    write_rows(in(&f, "1"), TYPE, values, &o);
    pqf_ahead_test_rows = 8;
    pqf_status status = PQF_NOMEM;
    int64_t n = 0;
    while (status == PQF_NOMEM) {
        reading r;
        rows out = {0};
        pqf_read_options ro = read_options(2);
        pqf_scan_options so = scan_options(10);
        reading_begin(&r, in(&f, "1"), &ro, &so);
        pqf_mem_fail_after(++n);
        struct ArrowArray batch;
        do {
            if (n % 2) pause_us(50);
            status = r.stream.get_next(&r.stream, &batch) ? PQF_NOMEM : PQF_OK;
            if (status == PQF_OK && batch.release) batch.release(&batch);
        } while (status == PQF_OK && batch.length);
        pqf_mem_fail_after(0);
        if (status == PQF_NOMEM)
            assert_int_equal(pqf_stream_error(&r.stream)->status, PQF_NOMEM);
        reading_end(&r);
        rows_free(&out);
    }
    assert_true(n > 50);
    pqf_ahead_test_rows = 0;
    folder_end(&f);
}

/* A budget that lets a read pass lets one that goes on between pulls pass. */
static void small_budgets(void **state) {
    (void)state;
    folder f;
    int num_passed = 0, num_failed = 0;
    folder_begin(&f);
    rand_begin(5);
    make_files(&f, 3, false);
    for (int64_t budget = 20000; budget < MIB(4); budget += budget / 32) {
        const char *path = f.path;
        pqf_status status[2];
        for (int ahead = 0; ahead < 2; ahead++) {
            rows r;
            pqf_read_options ro = read_options(2);
            pqf_scan_options so = scan_options(20);
            ro.control.memory_limit = budget;
            pqf_ahead_test_rows = 20 * ahead;
            status[ahead] = read_paths(&path, 1, NULL, &ro, &so, &r);
            rows_free(&r);
        }
        pqf_ahead_test_rows = 0;
        if (status[0] != PQF_OK) assert_int_equal(status[0], PQF_LIMIT);
        if (status[0] != status[1])
            fail_msg("%lld bytes: %s", (long long)budget, pqf_status_name(status[1]));
        num_passed += status[1] == PQF_OK;
        num_failed += status[1] != PQF_OK;
    }
    assert_true(num_passed > 10 && num_failed > 10);
    folder_end(&f);
}

/* ---- a file that is slow to open ---- */

#define OPEN_MS 200L

typedef struct slow {
    pqf_dataset *dataset;
    pqf_scan *scan;
    _Atomic int opening; /* files, at the moment */
    pthread_t caller;
    int num_ticks, stop_at, wrong_ticks;
    int64_t most_done;
} slow;

static pqf_status open_slowly(void *context, int64_t i, pqf_source **out,
                              pqf_error *err) {
    slow *s = context;
    atomic_fetch_add(&s->opening, 1);
    pause_us(OPEN_MS * 1000);
    atomic_fetch_sub(&s->opening, 1);
    return pqf_dataset_open_source(s->dataset, i, out, err);
}

static int slow_tick(void *context, int64_t done, int64_t total) {
    slow *s = context;
    s->num_ticks++;
    s->wrong_ticks += !pthread_equal(s->caller, pthread_self()) || total > 60;
    if (total < 0) s->most_done = done;
    return s->num_ticks == s->stop_at;
}

/* Files of 20 rows each, the first open. */
static void slow_begin(slow *s, folder *f, int num_files, int64_t batch_rows) {
    static char values[10000];
    folder_begin(f);
    for (int i = 0; i < num_files; i++) {
        char name[8];
        put_values(values, i * 20, 20, false);
        sprintf(name, "%d", i);
        write_rows(in(f, name), TYPE, values, NULL);
    }
    *s = (slow){.caller = pthread_self()};
    pqf_read_options ro = read_options(2);
    ro.control.tick = slow_tick;
    ro.control.tick_context = s;
    const char *path = f->path;
    OK(pqf_dataset_open(&path, 1, NULL, &ro, &s->dataset, &test_err));
    pqf_dataset *d = s->dataset;
    pqf_scan_spec spec = {.files = d->files,
                          .num_files = d->found.num_files,
                          .schema = &d->schema,
                          .options = &d->options,
                          .batch_rows = batch_rows,
                          .all_columns = true,
                          .first_reader = d->first,
                          .first_file = d->first_file,
                          .open = open_slowly,
                          .open_context = s};
    OK(pqf_scan_open(&spec, d->mem, &s->scan, &test_err));
    pqf_ahead_test_rows = batch_rows;
}

static void slow_end(slow *s, folder *f) {
    pqf_mem *mem = pqf_mem_retain(s->dataset->mem);
    pqf_scan_free(s->scan);
    assert_int_equal(atomic_load(&s->opening), 0);
    pqf_dataset_free(s->dataset);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
    pqf_ahead_test_rows = 0;
    folder_end(f);
}

static int64_t pull_rows(slow *s) {
    struct ArrowArray batch;
    OK(pqf_scan_next(s->scan, &batch, &test_err));
    int64_t n = batch.release ? batch.length : 0;
    if (batch.release) batch.release(&batch);
    return n;
}

static void until_it_opens(slow *s) {
    for (int i = 0; i < 5000 && !atomic_load(&s->opening); i++)
        pause_us(1000);
    assert_int_equal(atomic_load(&s->opening), 1);
}

static int64_t ms_since(struct timespec begin) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
}

/* The caller ticks while it waits, counts no rows that it has not asked for, and gets all. */
static void ticks_while_it_waits(void **state) {
    (void)state;
    slow s;
    folder f;
    slow_begin(&s, &f, 3, 15);
    assert_int_equal(pull_rows(&s), 15);
    until_it_opens(&s);
    s.num_ticks = 0;
    assert_int_equal(pull_rows(&s), 15);
    assert_true(s.num_ticks >= 2);
    assert_in_range(s.most_done, 15, 30);
    int64_t left = 30;
    for (int64_t n; (n = pull_rows(&s)); left -= n) {
    }
    assert_int_equal(left, 0);
    assert_int_equal(s.wrong_ticks, 0);
    slow_end(&s, &f);
}

/* A tick that says stop is heard while the helper works, and what it did is not handed out. */
static void cancelled_while_it_waits(void **state) {
    (void)state;
    for (int stop_at = 1; stop_at <= 2; stop_at++) {
        slow s;
        folder f;
        struct ArrowArray batch;
        slow_begin(&s, &f, 2, 15);
        assert_int_equal(pull_rows(&s), 15);
        until_it_opens(&s);
        s.num_ticks = 0;
        s.stop_at = stop_at;
        assert_int_equal(pqf_scan_next(s.scan, &batch, &test_err), PQF_CANCELLED);
        assert_int_equal(s.num_ticks, stop_at);
        assert_null(batch.release);
        assert_int_equal(pull_rows(&s), 0);
        assert_int_equal(s.wrong_ticks, 0);
        slow_end(&s, &f);
    }
}

static void freed_at_any_time(void **state) {
    (void)state;
    slow s;
    folder f;
    slow_begin(&s, &f, 2, 15);
    assert_int_equal(pull_rows(&s), 15);
    until_it_opens(&s);
    slow_end(&s, &f); /* waits for the helper */
    for (uint64_t seed = 0; seed < 40; seed++) {
        reading r;
        pqf_read_options ro = read_options(2);
        pqf_scan_options so = scan_options(5);
        rand_begin(seed);
        if (!seed) {
            folder_begin(&f);
            make_files(&f, 3, true);
        }
        ro.unify = PQF_UNIFY_WIDEN;
        pqf_ahead_test_rows = 1 + rand_below(6);
        reading_begin(&r, f.path, &ro, &so);
        for (int64_t n = rand_below(4); n > 0; n--) {
            rows out = {0};
            pull_text(&r, &out);
            rows_free(&out);
        }
        work_a_bit();
        reading_end(&r);
    }
    pqf_ahead_test_rows = 0;
    folder_end(&f);
}

/* ---- fork ---- */

static void expect_success(pid_t child) {
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
}

/* fork waits for the helper; the child has what it decoded, and both read on. */
static void fork_while_it_decodes(void **state) {
    (void)state;
    slow s;
    folder f;
    struct timespec begin;
    slow_begin(&s, &f, 2, 15);
    assert_int_equal(pull_rows(&s), 15);
    until_it_opens(&s);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t child = fork();
    if (child == 0) {
        bool good = atomic_load(&s.opening) == 0 && pull_rows(&s) == 15;
        good &= pull_rows(&s) == 10 && pull_rows(&s) == 0;
        pqf_scan_free(s.scan);
        _exit(!good);
    }
    assert_in_range(ms_since(begin), 1, 60000);
    assert_int_equal(atomic_load(&s.opening), 0);
    assert_int_equal(pull_rows(&s), 15);
    assert_int_equal(pull_rows(&s), 10);
    assert_int_equal(pull_rows(&s), 0);
    expect_success(child);
    slow_end(&s, &f);
}

/* At any time between pulls; children fork again. */
static void forks_between_pulls(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        folder f;
        reading ahead, plain;
        folder_begin(&f);
        rand_begin(seed);
        make_files(&f, 4, seed % 2);
        pqf_read_options ro = read_options(2);
        pqf_scan_options so = scan_options(1 + rand_below(30));
        ro.unify = PQF_UNIFY_WIDEN;
        pqf_ahead_test_rows = 1 + rand_below(so.batch_rows);
        reading_begin(&ahead, f.path, &ro, &so);
        ro.control.num_threads = 1;
        reading_begin(&plain, f.path, &ro, &so);
        pid_t children[3] = {-1, -1, -1};
        for (int i = 0; i < 3; i++) {
            rows x = {0}, y = {0};
            pull_text(&ahead, &x);
            pull_text(&plain, &y);
            rows_free(&x);
            rows_free(&y);
            work_a_bit();
            if ((children[i] = fork()) != 0) continue;
            alarm(60);
            if (i == 1 && (children[i] = fork()) != 0) {
                expect_success(children[i]);
                _exit(0);
            }
            compare(&ahead, &plain); /* its failure ends the child with a code */
            reading_end(&ahead);
            reading_end(&plain);
            _exit(0);
        }
        compare(&ahead, &plain);
        reading_end(&ahead);
        reading_end(&plain);
        for (int i = 0; i < 3; i++)
            expect_success(children[i]);
        pqf_ahead_test_rows = 0;
        folder_end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(same_rows),
        TEST(decodes_while_the_caller_works),
        TEST(failures_come_where_they_belong),
        TEST(failing_allocations),
        TEST(small_budgets),
        TEST(ticks_while_it_waits),
        TEST(cancelled_while_it_waits),
        TEST(freed_at_any_time),
        TEST(fork_while_it_decodes),
        TEST(forks_between_pulls),
    };
    alarm(280); /* a deadlock is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
