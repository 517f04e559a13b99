/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.h: the only caller of malloc and mmap. Every handle has one pqf_mem with a budget; scratch and
 * results draw on it, so streaming is bounded and "no leak" is `pqf_mem_used() == 0`.
 *
 * Blocks are 64-byte aligned and have PQF_SLACK accessible bytes behind their size. Small blocks
 * come from malloc, and from 8 KiB on freed ones wait for the next of their size class (shelf.h).
 * Blocks of PQF_MEM_BIG bytes and more are mapped, 2 MiB-aligned with huge pages where they pay, and go
 * through a process-wide cache of freed blocks: together with the used ones never more than was in use
 * before nor than a quarter of the memory the process may use, those older than a minute given back when
 * another is freed, all dropped in a forked child. What lies there for more than a second or exceeds
 * 256 MiB the system can take at any time. A warm page costs a quarter of a fresh one or less. Memory of a
 * big block that was never written costs nothing.
 *
 * A pqf_mem is counted, because results outlive the reader that made them: each exported array holds
 * one reference. All functions may be called from any thread.
 */
#ifndef PQF_BASE_MEM_H
#define PQF_BASE_MEM_H

#include "error.h"

#define PQF_MEM_BIG ((size_t)256 << 10)

typedef struct pqf_mem pqf_mem;

/* One reference, budget in bytes (0: none). */
pqf_status pqf_mem_new(int64_t budget, pqf_mem **out, pqf_error *err);
pqf_mem *pqf_mem_retain(pqf_mem *mem);
void pqf_mem_release(pqf_mem *mem); /* NULL is fine */

int64_t pqf_mem_used(const pqf_mem *mem);
int64_t pqf_mem_peak(const pqf_mem *mem);
/* Bytes left under the budget; INT64_MAX without one. */
int64_t pqf_mem_left(const pqf_mem *mem);

/* Contents are undefined. size 0 gives a valid block. The message of PQF_LIMIT names memory_limit. */
pqf_status pqf_mem_alloc(pqf_mem *mem, size_t size, void **out, pqf_error *err);
pqf_status pqf_mem_zalloc(pqf_mem *mem, size_t size, void **out, pqf_error *err);
/* *block (NULL: none) of old_size becomes new_size; contents up to the smaller size are kept. On
 * failure *block is as it was. */
pqf_status pqf_mem_resize(pqf_mem *mem, void **block, size_t old_size, size_t new_size,
                          pqf_error *err);
/* size is the one of the last alloc or resize; NULL is fine. */
void pqf_mem_free(pqf_mem *mem, void *block, size_t size);

/* Tests: the n-th allocation from now (1: the next) fails with PQF_NOMEM; 0 switches it off. */
void pqf_mem_fail_after(int64_t n);

/* Bytes the process may still use: the least of physical memory that is available, cgroup limit,
 * RLIMIT_AS and RLIMIT_DATA. */
int64_t pqf_mem_available(void);
/* Gives the cache of freed blocks back to the operating system. */
void pqf_mem_trim(void);

#endif
