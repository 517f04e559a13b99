/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c (room base): many small pieces out of few blocks. Blocks double from 4 KiB to 128 KiB; a
 * request that would waste much of one gets a block of its own behind the newest, so that the
 * newest goes on being filled. Everything is zeroed when its block is made.
 */
#include "arena.h"

#include "bits.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#define ALIGN       ((size_t)16)
#define FIRST_BLOCK ((size_t)4 << 10)
#define LAST_BLOCK  ((size_t)128 << 10)

struct pqf_arena_block {
    alignas(16) struct pqf_arena_block *next;
    size_t size; /* of the whole block, this header included */
};

void pqf_arena_reset(pqf_arena *arena) {
    struct pqf_arena_block *block = arena->blocks;
    while (block) {
        struct pqf_arena_block *next = block->next;
        pqf_mem_free(arena->mem, block, block->size);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

static pqf_status new_block(pqf_arena *arena, size_t size, struct pqf_arena_block **out,
                            pqf_error *err) {
    void *room = NULL;
    TRY(pqf_mem_zalloc(arena->mem, size, &room, err));
    *out = room;
    (*out)->size = size;
    return PQF_OK;
}

static pqf_status own_block(pqf_arena *arena, size_t size, void **out, pqf_error *err) {
    struct pqf_arena_block *block;
    TRY(new_block(arena, sizeof *block + size, &block, err));
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        arena->blocks = block;
        arena->used = block->size;
    }
    *out = block + 1;
    return PQF_OK;
}

static pqf_status next_block(pqf_arena *arena, pqf_error *err) {
    struct pqf_arena_block *block;
    size_t size = FIRST_BLOCK;
    if (arena->blocks && arena->blocks->size >= FIRST_BLOCK / 2)
        size = arena->blocks->size * 2;
    if (size > LAST_BLOCK) size = LAST_BLOCK;
    TRY(new_block(arena, size, &block, err));
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = sizeof *block;
    return PQF_OK;
}

pqf_status pqf_arena_alloc(pqf_arena *arena, size_t size, void **out, pqf_error *err) {
    if (size > PTRDIFF_MAX / 2)
        return pqf_fail(err, PQF_NOMEM, "cannot allocate %zu bytes", size);
    size = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
    bool fits = arena->blocks && arena->blocks->size - arena->used >= size;
    if (!fits && size > FIRST_BLOCK / 4) return own_block(arena, size, out, err);
    if (!fits) TRY(next_block(arena, err));
    *out = (uint8_t *)arena->blocks + arena->used;
    arena->used += size;
    return PQF_OK;
}

pqf_status pqf_arena_array(pqf_arena *arena, size_t count, size_t elem_size, void **out,
                           pqf_error *err) {
    size_t size;
    if (!pqf_mul_size(count, elem_size, &size))
        return pqf_fail(err, PQF_NOMEM, "cannot allocate %zu elements of %zu bytes",
                        count, elem_size);
    return pqf_arena_alloc(arena, size, out, err);
}

pqf_status pqf_arena_string(pqf_arena *arena, pqf_bytes s, const char **out,
                            pqf_error *err) {
    void *room = NULL;
    if (s.len == SIZE_MAX)
        return pqf_fail(err, PQF_NOMEM, "cannot allocate %zu bytes", s.len);
    TRY(pqf_arena_alloc(arena, s.len + 1, &room, err));
    if (s.len) memcpy(room, s.data, s.len);
    *out = room;
    return PQF_OK;
}

pqf_status pqf_arena_printf(pqf_arena *arena, const char **out, pqf_error *err,
                            const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) return pqf_fail(err, PQF_INVALID, "text cannot be formatted: %s", fmt);
    void *room = NULL;
    TRY(pqf_arena_alloc(arena, (size_t)len + 1, &room, err));
    va_start(args, fmt);
    vsnprintf(room, (size_t)len + 1, fmt, args);
    va_end(args);
    *out = room;
    return PQF_OK;
}
