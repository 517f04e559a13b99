/* SPDX-License-Identifier: Apache-2.0
 *
 * libfuzzer.c: the targets for libFuzzer, and whatever else calls LLVMFuzzerTestOneInput. The target is
 * the first argument, or the environment variable PQF_FUZZ.
 *
 *     fuzz_cov crafted -max_total_time=300 corpus/
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#pragma GCC visibility push(default)
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#pragma GCC visibility pop

static const fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *name = getenv("PQF_FUZZ");
    if (name) target = fuzz_find(name);
    if (!target && *argc > 1 && (target = fuzz_find((*argv)[1]))) {
        /* the jobs that a merge starts have the same first argument */
        setenv("PQF_FUZZ", target->name, 1);
        for (int i = 1; i < *argc; i++)
            (*argv)[i] = (*argv)[i + 1];
        --*argc;
    }
    if (target) return 0;
    fprintf(stderr, "name a target first:");
    for (int i = 0; i < fuzz_num_targets; i++)
        fprintf(stderr, " %s", fuzz_targets[i].name);
    fprintf(stderr, "\n");
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = fuzz_copy(pqf_bytes_of(data, size), 0xA5);
    fuzz_run(target, pqf_bytes_of(copy, size));
    free(copy);
    return 0;
}
