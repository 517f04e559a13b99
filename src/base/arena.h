/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h: many small things that die together: metadata, schemas, plans. Zeroed with `mem` set it
 * is valid and empty. Blocks are 16-byte aligned and zeroed.
 */
#ifndef PQF_BASE_ARENA_H
#define PQF_BASE_ARENA_H

#include "bytes.h"
#include "mem.h"

typedef struct pqf_arena {
    pqf_mem *mem; /* borrowed */
    struct pqf_arena_block *blocks;
    size_t used; /* of the newest block */
} pqf_arena;

static inline void pqf_arena_init(pqf_arena *arena, pqf_mem *mem) {
    *arena = (pqf_arena){.mem = mem};
}
void pqf_arena_reset(pqf_arena *arena);
pqf_status pqf_arena_alloc(pqf_arena *arena, size_t size, void **out, pqf_error *err);
/* count elements of elem_size bytes, checked for overflow. */
pqf_status pqf_arena_array(pqf_arena *arena, size_t count, size_t elem_size, void **out,
                           pqf_error *err);
/* A NUL-terminated copy. */
pqf_status pqf_arena_string(pqf_arena *arena, pqf_bytes s, const char **out,
                            pqf_error *err);
pqf_status pqf_arena_printf(pqf_arena *arena, const char **out, pqf_error *err,
                            const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
