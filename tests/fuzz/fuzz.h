/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.h: what the fuzz targets and their programs share. A target is a row of targets.h: a border of
 * the library that takes bytes of strangers. fuzz_run gives it an input and a counted memory with the
 * row's budget, and holds afterwards: nothing is left allocated, and nobody asked for more.
 *
 * What a target finds wrong ends in abort(), as the sanitizers' findings do: drivers of all kinds see
 * it.
 */
#ifndef PQF_TESTS_FUZZ_FUZZ_H
#define PQF_TESTS_FUZZ_FUZZ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"

typedef struct fuzz_target fuzz_target;

/* Takes one seed: an input of the right form. */
typedef struct fuzz_seeds {
    void (*put)(void *context, pqf_bytes seed);
    void *context;
} fuzz_seeds;

struct fuzz_target {
    const char *name;
    const char *eats; /* for the table */
    void (*one)(const fuzz_target *target, pqf_bytes in);
    void (*seeds)(const fuzz_target *target, const fuzz_seeds *seeds);
    int32_t param; /* of the function: an encoding, a codec */
    /* The target's memory never holds more than times * size of the input + plus bytes. */
    int64_t times, plus;
};

extern const fuzz_target fuzz_targets[];
extern const int fuzz_num_targets;
const fuzz_target *fuzz_find(const char *name);

void fuzz_run(const fuzz_target *target, pqf_bytes in);
/* The greatest share of its bound that an input of this target took so far, in percent. */
int64_t fuzz_peak_percent(void);

/* ---- for targets ---- */

/* The memory of this run, under the bound. */
extern pqf_mem *fuzz_mem;

#define FUZZ_CHECK(what, ...)                                                            \
    do {                                                                                 \
        if (!(what)) fuzz_fail(#what, __VA_ARGS__);                                      \
    } while (0)
_Noreturn void fuzz_fail(const char *what, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Any failure is fine but one of memory: the bound was exceeded, or the system has none. Returns
 * whether the call succeeded. */
bool fuzz_ok(pqf_status status, const pqf_error *err);
/* The call must succeed. */
void fuzz_must(pqf_status status, const pqf_error *err, const char *what);

/* A copy in memory of its own, so that sanitizers see its ends, with PQF_SLACK bytes of `slack`
 * behind; to be freed with free. */
uint8_t *fuzz_copy(pqf_bytes in, uint8_t slack);
/* The same for results: undefined bytes. */
uint8_t *fuzz_room(size_t num_bytes);

/* Random numbers that a seed decides. */
typedef struct fuzz_random {
    uint64_t state;
} fuzz_random;
uint64_t fuzz_next(fuzz_random *r);
/* 0 <= x < n, n > 0 */
size_t fuzz_below(fuzz_random *r, size_t n);

/* A seed from a head and a body. */
void fuzz_put_seed(const fuzz_seeds *seeds, const void *head, size_t head_bytes,
                   pqf_bytes body);

/* ---- templates.c: valid files of ours ---- */

#define FUZZ_NUM_TEMPLATES 16
/* The file in memory, made at the first call; PQF_SLACK bytes behind. */
pqf_bytes fuzz_template(int i);
/* Predicates over columns of the templates; NULL after the last. */
const struct pqf_predicate *fuzz_predicate(int i);
/* A buffer of theirs, never freed. */
pqf_buf fuzz_lasting_buf(void);

/* ---- craft.c: a template whose fields and pages have been changed ---- */

/* Appends the file that a script of edits makes of a template: see craft.c. False: the edits leave
 * nothing that could be written. */
bool fuzz_craft(pqf_bytes script, pqf_buf *out);

/* ---- reading.c ---- */

/* Opens a file in memory, asks it everything and reads it as `how` says; whether that came to the end. */
bool fuzz_read_file(pqf_bytes file, uint8_t how);

#endif
