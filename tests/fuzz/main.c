/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: the program `fuzz` over the table of targets, for machines without a fuzzer of their own.
 *
 *     fuzz list                              the table
 *     fuzz check FILE                        whether the table stands in a page of the docs
 *     fuzz replay CORPUS [TARGET]            seeds, CORPUS/TARGET/..., and some mutants of them
 *     fuzz run TARGET SECONDS SEED CORPUS    mutants for so long; a finding is written to
 *                                            finding-TARGET, and the seed is told
 *     fuzz seeds TARGET FOLDER               writes the seeds into files, for other fuzzers
 *     fuzz one TARGET FILE...                runs files
 *
 * An input that takes more than a second of CPU is a finding too.
 */
#include "mutate.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPLAY_MUTANTS 300

/* ---- inputs ---- */

typedef struct inputs {
    pqf_bytes *of; /* each a block of its own, a NUL-terminated name before it in names */
    char **names;
    size_t n, cap;
} inputs;

static void *grow(void *block, size_t bytes) {
    void *out = realloc(block, bytes);
    if (!out) fuzz_fail("realloc", "%zu bytes", bytes);
    return out;
}

static void add_input(inputs *in, const char *name, pqf_bytes bytes) {
    if (in->n == in->cap) {
        in->cap = 2 * in->cap + 16;
        in->of = grow(in->of, in->cap * sizeof *in->of);
        in->names = grow(in->names, in->cap * sizeof *in->names);
    }
    in->names[in->n] = strdup(name);
    in->of[in->n++] = pqf_bytes_of(fuzz_copy(bytes, 0xA5), bytes.len);
}

static void free_inputs(inputs *in) {
    for (size_t i = 0; i < in->n; i++) {
        free(in->names[i]);
        free((void *)(uintptr_t)in->of[i].data);
    }
    free(in->names);
    free(in->of);
}

static void add_seed(void *context, pqf_bytes seed) {
    inputs *in = context;
    char name[32];
    snprintf(name, sizeof name, "seed %zu", in->n);
    if (seed.len <= FUZZ_MAX_INPUT) add_input(in, name, seed);
}

static void add_seeds(inputs *in, const fuzz_target *t) {
    const fuzz_seeds seeds = {add_seed, in};
    t->seeds(t, &seeds);
}

static void add_file(inputs *in, const char *path) {
    static uint8_t room[FUZZ_MAX_INPUT];
    FILE *f = fopen(path, "rb");
    if (!f) fuzz_fail("fopen", "%s", path);
    size_t n = fread(room, 1, sizeof room, f);
    fclose(f);
    add_input(in, path, pqf_bytes_of(room, n));
}

static int is_name(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* Of a folder that may be missing, in the order of the names. */
static void add_folder(inputs *in, const char *corpus, const char *target) {
    char path[4096];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/%s", corpus, target);
    int n = scandir(path, &entries, is_name, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", corpus, target, entries[i]->d_name);
        add_file(in, path);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

/* ---- time ---- */

static const char *now_running = "?";

static void on_hang(int signal_number) {
    static const char text[] = "fuzz: more than a second of CPU for one input: ";
    (void)signal_number;
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, now_running, strlen(now_running));
    (void)!write(2, "\n", 1);
    abort();
}

static void run_timed(const fuzz_target *t, pqf_bytes in) {
    const struct itimerval second = {.it_value.tv_sec = 1}, off = {0};
    setitimer(ITIMER_PROF, &second, NULL);
    fuzz_run(t, in);
    setitimer(ITIMER_PROF, &off, NULL);
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- mutants ---- */

/* What is being run, where the parent of a process that died can read it. */
typedef struct shared {
    size_t len;
    int64_t num_runs;
    int64_t peak_percent;
    uint8_t bytes[FUZZ_MAX_INPUT];
} shared;

static shared *share(void) {
    void *p = mmap(NULL, sizeof(shared), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) fuzz_fail("mmap", "%zu bytes", sizeof(shared));
    return p;
}

static void run_mutant(const fuzz_target *t, const inputs *in, fuzz_random *r,
                       shared *s) {
    const pqf_bytes *from = &in->of[fuzz_below(r, in->n)];
    memcpy(s->bytes, from->data, from->len);
    s->len = from->len;
    fuzz_mutate(r, s->bytes, &s->len, in->of[fuzz_below(r, in->n)]);
    uint8_t *copy = fuzz_copy(pqf_bytes_of(s->bytes, s->len), 0xA5);
    run_timed(t, pqf_bytes_of(copy, s->len));
    free(copy);
    s->num_runs++;
    s->peak_percent = fuzz_peak_percent();
}

static int write_finding(const fuzz_target *t, const shared *s, uint64_t seed) {
    char name[64];
    snprintf(name, sizeof name, "finding-%s", t->name);
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(s->bytes, 1, s->len, f) != s->len || fclose(f) != 0) perror(name);
    printf("%s: run %lld with seed %llu failed; its input is in %s\n", t->name,
           (long long)s->num_runs, (unsigned long long)seed, name);
    return 1;
}

/* A child runs the mutants: whatever ends it, its input stays. */
static int run(const fuzz_target *t, double seconds, uint64_t seed, const inputs *in) {
    shared *s = share();
    pid_t child = fork();
    if (child == 0) {
        fuzz_random r = {seed};
        now_running = "a mutant";
        for (double end = seconds_now() + seconds; seconds_now() < end;)
            run_mutant(t, in, &r, s);
        _exit(0);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) perror("fork");
    if (status != 0) return write_finding(t, s, seed);
    printf("%-14s %9lld runs, seed %llu, %lld %% of the memory bound\n", t->name,
           (long long)s->num_runs, (unsigned long long)seed, (long long)s->peak_percent);
    munmap(s, sizeof *s);
    return 0;
}

/* ---- commands ---- */

static size_t put_row(char *out, size_t cap, const fuzz_target *t) {
    return (size_t)snprintf(out, cap, "| `%s` | %s | %lld x size + %lld KiB |\n", t->name,
                            t->eats, (long long)t->times, (long long)(t->plus >> 10));
}

static int list(void) {
    char row[512];
    printf("| target | what it eats | memory |\n|---|---|---|\n");
    for (int i = 0; i < fuzz_num_targets; i++) {
        put_row(row, sizeof row, &fuzz_targets[i]);
        fputs(row, stdout);
    }
    return 0;
}

/* Every row, in the order of the table. */
static int check(const char *path) {
    static char text[FUZZ_MAX_INPUT + 1];
    char row[512];
    FILE *f = fopen(path, "rb");
    if (!f) fuzz_fail("fopen", "%s", path);
    text[fread(text, 1, FUZZ_MAX_INPUT, f)] = '\0';
    fclose(f);
    const char *at = text;
    for (int i = 0; i < fuzz_num_targets; i++) {
        put_row(row, sizeof row, &fuzz_targets[i]);
        at = strstr(at, row);
        if (!at) {
            fprintf(stderr, "%s lacks the row %sprint them with: fuzz list\n", path, row);
            return 1;
        }
    }
    return 0;
}

static void replay_target(const fuzz_target *t, const char *corpus) {
    inputs in = {0};
    fuzz_random r = {1};
    shared *s = share();
    add_seeds(&in, t);
    size_t num_seeds = in.n;
    add_folder(&in, corpus, t->name);
    for (size_t i = 0; i < in.n; i++) {
        now_running = in.names[i];
        run_timed(t, in.of[i]);
    }
    now_running = "a mutant of seed 1";
    for (int i = 0; in.n && i < REPLAY_MUTANTS; i++)
        run_mutant(t, &in, &r, s);
    printf("%-14s %3zu seeds, %3zu files, %lld %% of the memory bound\n", t->name,
           num_seeds, in.n - num_seeds, (long long)fuzz_peak_percent());
    munmap(s, sizeof *s);
    free_inputs(&in);
}

static int replay(const char *corpus, const char *only) {
    for (int i = 0; i < fuzz_num_targets; i++)
        if (!only || !strcmp(only, fuzz_targets[i].name))
            replay_target(&fuzz_targets[i], corpus);
    return 0;
}

static int write_seeds(const fuzz_target *t, const char *folder) {
    inputs in = {0};
    char path[4096];
    add_seeds(&in, t);
    mkdir(folder, 0777);
    for (size_t i = 0; i < in.n; i++) {
        snprintf(path, sizeof path, "%s/seed-%03zu", folder, i);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(in.of[i].data, 1, in.of[i].len, f) != in.of[i].len ||
            fclose(f) != 0)
            fuzz_fail("fwrite", "%s", path);
    }
    free_inputs(&in);
    return 0;
}

static int run_files(const fuzz_target *t, char **paths, int n) {
    inputs in = {0};
    for (int i = 0; i < n; i++)
        add_file(&in, paths[i]);
    for (size_t i = 0; i < in.n; i++) {
        now_running = in.names[i];
        run_timed(t, in.of[i]);
    }
    printf("%s: %zu files\n", t->name, in.n);
    free_inputs(&in);
    return 0;
}

static int run_command(const fuzz_target *t, char **args) {
    inputs in = {0};
    add_seeds(&in, t);
    add_folder(&in, args[2], t->name);
    int result = run(t, atof(args[0]), strtoull(args[1], NULL, 10), &in);
    free_inputs(&in);
    return result;
}

int main(int argc, char **argv) {
    signal(SIGPROF, on_hang);
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp(command, "list")) return list();
    if (!strcmp(command, "check") && argc == 3) return check(argv[2]);
    if (!strcmp(command, "replay") && argc >= 3)
        return replay(argv[2], argc > 3 ? argv[3] : NULL);
    const fuzz_target *t = argc > 2 ? fuzz_find(argv[2]) : NULL;
    if (t && !strcmp(command, "run") && argc == 6) return run_command(t, argv + 3);
    if (t && !strcmp(command, "seeds") && argc == 4) return write_seeds(t, argv[3]);
    if (t && !strcmp(command, "one")) return run_files(t, argv + 3, argc - 3);
    fprintf(stderr, "fuzz list | check FILE | replay CORPUS [TARGET] | run TARGET "
                    "SECONDS SEED CORPUS "
                    "| seeds TARGET FOLDER | one TARGET FILE...\n");
    return 2;
}
