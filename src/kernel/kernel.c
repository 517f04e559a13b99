/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel.c: room kernel, the tables. Builds one table per instruction set the CPU has, each a copy
 * of the one below with its own rows on top, and chooses the best (or the one PQF_SIMD asks for)
 * once per process.
 */
#include "tables.h"

#include <pthread.h>
#include <stdlib.h>
#if PQF_KERNEL_ARM && defined(__linux__)
#include <sys/auxv.h>
#endif

enum { NUM_LEVELS = 3 };

/* The global state of the room, with the tables of crc32.c: what was detected. Written once, under `once`. */
static pqf_kernels tables[NUM_LEVELS];
static int num_tables;
static const pqf_kernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add_level(const char *name, void (*put)(pqf_kernels *)) {
    pqf_kernels *table = &tables[num_tables];
    if (num_tables) *table = tables[num_tables - 1];
    table->name = name;
    put(table);
    num_tables++;
}

#if PQF_KERNEL_X86
static bool cpu_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("pclmul");
}

static bool cpu_has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("vpclmulqdq");
}
#endif

#if PQF_KERNEL_ARM
/* NEON is part of every aarch64, the instruction for checksums is not; every Apple processor has it, and
 * the compiler says so. */
static bool cpu_has_crc32(void) {
#if defined(__ARM_FEATURE_CRC32)
    return true;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
    return false;
#endif
}
#endif

static const pqf_kernels *find_level(const char *name) {
    for (int i = 0; i < num_tables; i++)
        if (strcmp(tables[i].name, name) == 0) return &tables[i];
    return NULL;
}

static void detect(void) {
    add_level("scalar", pqf_kernels_put_scalar);
#if PQF_KERNEL_X86
    __builtin_cpu_init();
    if (cpu_has_avx2()) {
        add_level("avx2", pqf_kernels_put_avx2);
        if (cpu_has_avx512()) add_level("avx512", pqf_kernels_put_avx512);
    }
#endif
#if PQF_KERNEL_ARM
    add_level("neon", pqf_kernels_put_neon);
    if (cpu_has_crc32()) pqf_kernels_put_crc32_neon(&tables[num_tables - 1]);
#endif
    const char *wish = getenv("PQF_SIMD");
    const pqf_kernels *lowered = wish ? find_level(wish) : NULL;
    chosen = lowered ? lowered : &tables[num_tables - 1];
}

const pqf_kernels *pqf_kernels_get(void) {
    pthread_once(&once, detect);
    return chosen;
}

const pqf_kernels *pqf_kernels_level(const char *name) {
    pthread_once(&once, detect);
    return find_level(name);
}
