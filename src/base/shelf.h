/* SPDX-License-Identifier: Apache-2.0
 *
 * shelf.h: freed blocks of PQF_SHELF_LEAST bytes and more below PQF_MEM_BIG wait here for the next one of
 * their size class, eight classes to each power of two: the values of a column of a wide table, a page.
 * malloc would give their pages back to the system and fault them in again.
 *
 * Only mem.c enters, which makes the blocks and gives them back. Waiting and used blocks together are never
 * more than was used at some time, and 128 MiB wait at most. All functions may be called from any thread.
 */
#ifndef PQF_BASE_SHELF_H
#define PQF_BASE_SHELF_H

#include <stddef.h>
#include <stdint.h>

#define PQF_SHELF_LEAST ((size_t)8 << 10)

/* A block on its shelf. The first bytes of the block are used for it. */
typedef struct pqf_shelved {
    struct pqf_shelved *above,
        *below; /* freed after it and before it; below: the chain of those to free */
    size_t bytes;
    int64_t freed_ns;
} pqf_shelved;

/* What a block of `size` bytes, PQF_SHELF_LEAST up to PQF_MEM_BIG - 1, takes with its slack. */
size_t pqf_shelf_bytes(size_t size);

/* The block of that class that was freed last; NULL: none, and the caller makes one. It counts as used, so
 * others may have to go: *gone is a chain of blocks for the caller to free, or NULL. */
void *pqf_shelf_take(size_t bytes, pqf_shelved **gone);
/* Takes a block that is no longer used. Returns such a chain. */
pqf_shelved *pqf_shelf_put(void *block, size_t bytes, int64_t now_ns);
/* A block that was counted as used could not be made. */
void pqf_shelf_unuse(size_t bytes);
/* All blocks, as a chain for the caller to free. */
pqf_shelved *pqf_shelf_clear(void);

/* Around a fork, so that the child does not find the shelves half moved. */
void pqf_shelf_lock(void);
void pqf_shelf_unlock(void);

#endif
