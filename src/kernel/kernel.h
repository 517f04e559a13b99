/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel.h: door of the room kernel. Loops over arrays, one table of functions per instruction
 * set; scalar.c is the reference. Kernels get pointers and counts; they never allocate, never
 * fail and know no Parquet words. kernel_list.h has one line per kernel, from which this table is
 * made.
 *
 * Over-reading and over-writing: inputs have PQF_SLACK readable bytes behind their last element and
 * outputs PQF_SLACK writable ones, which kernels may use freely. No pointer needs to be aligned.
 * Bitmaps are in Arrow's order; bit positions may be any. Where a kernel writes a bitmap it leaves
 * bits before its range as they were and may clear (never set) bits behind its range.
 */
#ifndef PQF_KERNEL_KERNEL_H
#define PQF_KERNEL_KERNEL_H

#include "base/bits.h"
#include "base/bytes.h"

typedef struct pqf_kernels {
    const char *name;
#define PQF_KERNEL(ret, name_, params) ret(*name_) params;
#include "kernel_list.h"
#undef PQF_KERNEL
} pqf_kernels;

/* The table of this CPU, chosen once; the environment variable PQF_SIMD=scalar|avx2|avx512 (on
 * aarch64 scalar|neon) may lower it. Readers and writers copy the pointer at open. */
const pqf_kernels *pqf_kernels_get(void);
/* Tests: the table of a level, NULL when the CPU lacks it. */
const pqf_kernels *pqf_kernels_level(const char *name);

/* XXH64 with seed 0; no byte behind the last one is read. */
uint64_t pqf_xxh64(const void *data, size_t len);

#endif
