/* SPDX-License-Identifier: Apache-2.0
 *
 * targets.c: the table of targets, one run of a target, and what targets have in common.
 */
#include "fuzz.h"

#include "codec/codec.h"
#include "encoding/encoding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ(name_, function, seeds_, param_, times_, plus_, eats_)                      \
    void function(const fuzz_target *target, pqf_bytes in);                              \
    void seeds_(const fuzz_target *target, const fuzz_seeds *seeds);
#include "targets.h"
#undef FUZZ

const fuzz_target fuzz_targets[] = {
#define FUZZ(name_, function, seeds_, param_, times_, plus_, eats_)                      \
    {#name_, eats_, function, seeds_, param_, times_, plus_},
#include "targets.h"
#undef FUZZ
};
const int fuzz_num_targets = sizeof fuzz_targets / sizeof fuzz_targets[0];

const fuzz_target *fuzz_find(const char *name) {
    for (int i = 0; i < fuzz_num_targets; i++)
        if (!strcmp(fuzz_targets[i].name, name)) return &fuzz_targets[i];
    return NULL;
}

/* ---- a run ---- */

pqf_mem *fuzz_mem;
static const fuzz_target *running;
static int64_t peak_percent;

void fuzz_run(const fuzz_target *target, pqf_bytes in) {
    pqf_error err;
    int64_t bound = target->times * (int64_t)in.len + target->plus;
    if (running != target) peak_percent = 0;
    running = target;
    pqf_error_init(&err);
    fuzz_must(pqf_mem_new(bound, &fuzz_mem, &err), &err, "memory");
    target->one(target, in);
    FUZZ_CHECK(pqf_mem_used(fuzz_mem) == 0, "%lld bytes are left",
               (long long)pqf_mem_used(fuzz_mem));
    int64_t percent = pqf_mem_peak(fuzz_mem) * 100 / bound;
    if (percent > peak_percent) peak_percent = percent;
    pqf_mem_release(fuzz_mem);
    fuzz_mem = NULL;
}

int64_t fuzz_peak_percent(void) { return peak_percent; }

_Noreturn void fuzz_fail(const char *what, const char *format, ...) {
    va_list args;
    fprintf(stderr, "fuzz %s: %s: ", running ? running->name : "?", what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

bool fuzz_ok(pqf_status status, const pqf_error *err) {
    if (status == PQF_OK) return true;
    FUZZ_CHECK(status == err->status, "returned %d, the error says %d: %s", (int)status,
               (int)err->status, err->message);
    FUZZ_CHECK(err->message[0] != '\0', "no message, status %d", (int)status);
    FUZZ_CHECK(status != PQF_NOMEM &&
                   (status != PQF_LIMIT || !strstr(err->message, "memory_limit")),
               "more memory than the input justifies: %s", err->message);
    return false;
}

void fuzz_must(pqf_status status, const pqf_error *err, const char *what) {
    if (status != PQF_OK) fuzz_fail(what, "%s", err->message);
}

/* ---- bytes and numbers ---- */

uint8_t *fuzz_room(size_t num_bytes) {
    uint8_t *room = malloc(num_bytes + PQF_SLACK);
    if (!room) fuzz_fail("malloc", "%zu bytes", num_bytes);
    return room;
}

uint8_t *fuzz_copy(pqf_bytes in, uint8_t slack) {
    uint8_t *room = fuzz_room(in.len);
    if (in.len) memcpy(room, in.data, in.len);
    memset(room + in.len, slack, PQF_SLACK);
    return room;
}

uint64_t fuzz_next(fuzz_random *r) {
    uint64_t x = r->state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

size_t fuzz_below(fuzz_random *r, size_t n) { return (size_t)(fuzz_next(r) % n); }

void fuzz_put_seed(const fuzz_seeds *seeds, const void *head, size_t head_bytes,
                   pqf_bytes body) {
    uint8_t *room = fuzz_room(head_bytes + body.len);
    if (head_bytes) memcpy(room, head, head_bytes);
    if (body.len) memcpy(room + head_bytes, body.data, body.len);
    seeds->put(seeds->context, pqf_bytes_of(room, head_bytes + body.len));
    free(room);
}
