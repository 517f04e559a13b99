/* SPDX-License-Identifier: Apache-2.0
 *
 * shared.h: memory that several hold, a mapped file, and that the last of them gives back. It is the
 * first member of what says how. Both functions may be called from any thread.
 */
#ifndef PQF_BASE_SHARED_H
#define PQF_BASE_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct pqf_shared {
    _Atomic int64_t references;
    void (*give_back)(struct pqf_shared *shared);
} pqf_shared;

static inline pqf_shared *pqf_shared_retain(pqf_shared *shared) {
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

/* NULL is fine. */
static inline void pqf_shared_release(pqf_shared *shared) {
    if (shared && atomic_fetch_sub(&shared->references, 1) == 1)
        shared->give_back(shared);
}

#endif
