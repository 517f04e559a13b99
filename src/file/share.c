/* SPDX-License-Identifier: Apache-2.0
 *
 * share.c: one array in many batches. The dictionary of a partition column is the same in
 * every batch of a scan; each export holds a reference instead of a copy.
 */
#include "inner.h"

#include <stdatomic.h>

struct pqf_shared_array {
    _Atomic int64_t references;
    pqf_mem *mem;
    struct ArrowArray array;
};

pqf_status pqf_shared_array_new(pqf_mem *mem, struct ArrowArray *array,
                                pqf_shared_array **out, pqf_error *err) {
    void *block;
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_shared_array), &block, err);
    if (status != PQF_OK) {
        pqf_array_release(array);
        return status;
    }
    pqf_shared_array *shared = block;
    shared->references = 1;
    shared->mem = pqf_mem_retain(mem);
    shared->array = *array;
    array->release = NULL;
    *out = shared;
    return PQF_OK;
}

void pqf_shared_array_release(pqf_shared_array *shared) {
    if (!shared || atomic_fetch_sub(&shared->references, 1) != 1) return;
    pqf_mem *mem = shared->mem;
    pqf_array_release(&shared->array);
    pqf_mem_free(mem, shared, sizeof *shared);
    pqf_mem_release(mem);
}

static void release_export(struct ArrowArray *array) {
    pqf_shared_array *shared = array->private_data;
    array->release = NULL;
    pqf_shared_array_release(shared);
}

void pqf_shared_array_export(pqf_shared_array *shared, struct ArrowArray *out) {
    *out = shared->array;
    out->private_data = shared;
    out->release = release_export;
    atomic_fetch_add(&shared->references, 1);
}
