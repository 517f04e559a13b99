/* SPDX-License-Identifier: Apache-2.0
 *
 * array.c: room arrow. ArrowArray structs that leave the library, by their own buffers or
 * borrowing those of others. Specification: Arrow C Data Interface, "The ArrowArray
 * structure".
 *
 * An array is one block: owner, buffer pointers, what is owned of them, child pointers,
 * children. It holds a reference to its pqf_mem, so it may outlive everything else and be
 * released by any thread.
 */
#include "array.h"

#include "type.h"

#include "base/bits.h"

_Alignas(64) const uint8_t pqf_zeros[PQF_SLACK];

typedef struct owned_block {
    void *data;
    size_t cap;
} owned_block;

typedef struct kept_array {
    struct ArrowArray array;
    struct kept_array *next;
} kept_array;

typedef struct array_owner {
    pqf_mem *mem;
    size_t block_bytes;
    owned_block *owned;         /* one per buffer; data NULL when borrowed */
    struct ArrowArray *structs; /* one per child, then the dictionary */
    kept_array *kept;
    pqf_shared *lender;
} array_owner;

static array_owner *owner_of(struct ArrowArray *array) { return array->private_data; }

void pqf_array_release(struct ArrowArray *array) {
    if (array && array->release) array->release(array);
}

static void release_owned(struct ArrowArray *array) {
    array_owner *owner = owner_of(array);
    pqf_mem *mem = owner->mem;
    for (int64_t i = 0; i < array->n_children; i++)
        pqf_array_release(array->children[i]);
    pqf_array_release(array->dictionary);
    for (int64_t i = 0; i < array->n_buffers; i++)
        pqf_mem_free(mem, owner->owned[i].data, owner->owned[i].cap);
    for (kept_array *k = owner->kept, *next; k; k = next) {
        next = k->next;
        pqf_array_release(&k->array);
        pqf_mem_free(mem, k, sizeof *k);
    }
    pqf_shared_release(owner->lender);
    pqf_mem_free(mem, owner, owner->block_bytes);
    pqf_mem_release(mem);
    *array = (struct ArrowArray){0};
}

pqf_status pqf_array_init(struct ArrowArray *out, pqf_mem *mem, int64_t length,
                          int64_t null_count, int64_t num_buffers, int64_t num_children,
                          pqf_error *err) {
    const size_t per_buffer = sizeof(void *) + sizeof(owned_block);
    const size_t per_child = sizeof(void *) + sizeof(struct ArrowArray);
    size_t of_buffers = 0, of_children = 0;
    TRY(pqf_bytes_times(num_buffers, (int64_t)per_buffer, &of_buffers, err));
    TRY(pqf_bytes_times(num_children, (int64_t)per_child, &of_children, err));
    size_t bytes =
        sizeof(array_owner) + of_buffers + of_children + sizeof(struct ArrowArray);
    void *block;
    TRY(pqf_mem_zalloc(mem, bytes, &block, err));
    array_owner *owner = block;
    *out = (struct ArrowArray){.length = length,
                               .null_count = null_count,
                               .n_buffers = num_buffers,
                               .n_children = num_children,
                               .release = release_owned,
                               .private_data = owner};
    *owner = (array_owner){.mem = pqf_mem_retain(mem), .block_bytes = bytes};
    out->buffers = (const void **)(owner + 1);
    owner->owned = (owned_block *)(out->buffers + num_buffers);
    out->children = (struct ArrowArray **)(owner->owned + num_buffers);
    owner->structs = (struct ArrowArray *)(out->children + num_children);
    for (int64_t i = 0; i < num_children; i++)
        out->children[i] = &owner->structs[i];
    if (num_children == 0) out->children = NULL;
    return PQF_OK;
}

/* Of the buffers only validity may be NULL. */
void pqf_array_take_buffer(struct ArrowArray *array, int64_t i, pqf_buf *buf) {
    array->buffers[i] = buf->data || i == 0 ? buf->data : (void *)(uintptr_t)pqf_zeros;
    owner_of(array)->owned[i] = (owned_block){buf->data, buf->cap};
    (void)pqf_buf_take(buf);
}

void pqf_array_lend_buffer(struct ArrowArray *array, int64_t i, const uint8_t *bytes,
                           pqf_shared *lender) {
    array->buffers[i] = bytes;
    owner_of(array)->lender = lender;
}

void pqf_array_borrow_buffer(struct ArrowArray *array, int64_t i, const void *bytes) {
    array->buffers[i] = bytes;
}

pqf_status pqf_array_take_child(struct ArrowArray *array, int64_t i,
                                struct ArrowArray *child, pqf_error *err) {
    (void)err;
    if (i < 0) array->dictionary = &owner_of(array)->structs[array->n_children];
    struct ArrowArray *slot = i < 0 ? array->dictionary : array->children[i];
    *slot = *child;
    child->release = NULL;
    return PQF_OK;
}

pqf_status pqf_array_keep(struct ArrowArray *array, struct ArrowArray *kept,
                          pqf_error *err) {
    array_owner *owner = owner_of(array);
    void *block;
    TRY(pqf_mem_alloc(owner->mem, sizeof(kept_array), &block, err));
    kept_array *k = block;
    *k = (kept_array){.array = *kept, .next = owner->kept};
    owner->kept = k;
    kept->release = NULL;
    return PQF_OK;
}

pqf_status pqf_bytes_times(int64_t count, int64_t size, size_t *out, pqf_error *err) {
    int64_t bytes;
    if (count < 0 || size < 0 || !pqf_mul_i64(count, size, &bytes))
        return pqf_fail(err, PQF_LIMIT, "Arrow array of %lld elements of %lld bytes",
                        (long long)count, (long long)size);
    *out = (size_t)bytes;
    return PQF_OK;
}

pqf_status pqf_buf_sized(pqf_buf *buf, pqf_mem *mem, size_t size, bool zeroed,
                         pqf_error *err) {
    pqf_buf_init(buf, mem, 0);
    TRY(pqf_buf_exact(buf, size, err));
    if (zeroed && size) memset(buf->data, 0, size);
    buf->len = size;
    return PQF_OK;
}

/* ---- borrowing ---- */

static void borrow_buffers(const pqf_view *view, struct ArrowArray *out) {
    const struct ArrowArray *from = view->array;
    if (out->n_buffers > 0) out->buffers[0] = view->validity;
    if (view->length == 0) {
        for (int64_t i = 1; i < out->n_buffers; i++)
            out->buffers[i] = pqf_zeros;
        return;
    }
    for (int64_t i = 1; i < out->n_buffers; i++)
        out->buffers[i] = from->buffers[i] ? from->buffers[i] : pqf_zeros;
}

static pqf_status borrow_children(const pqf_view *view, pqf_mem *mem,
                                  struct ArrowArray *out, pqf_error *err) {
    for (int64_t i = 0; i < view->num_children; i++)
        TRY(pqf_array_borrow(&view->children[i], mem, out->children[i], err));
    if (!view->dictionary) return PQF_OK;
    struct ArrowArray dictionary;
    TRY(pqf_array_borrow(view->dictionary, mem, &dictionary, err));
    return pqf_array_take_child(out, -1, &dictionary, err);
}

/* A union's first buffer is no validity; unions are borrowed whole. */
static void borrow_union(const pqf_view *view, struct ArrowArray *out) {
    for (int64_t i = 0; i < out->n_buffers; i++) {
        const void *from = view->length ? view->array->buffers[i] : NULL;
        out->buffers[i] = from ? from : pqf_zeros;
    }
}

pqf_status pqf_array_borrow(const pqf_view *view, pqf_mem *mem, struct ArrowArray *out,
                            pqf_error *err) {
    struct ArrowArray array;
    /* An empty array needs no more buffers than its type's least. */
    int64_t num_buffers =
        view->length ? view->array->n_buffers : pqf_type_num_buffers(&view->type);
    TRY(pqf_array_init(&array, mem, view->length, view->null_count, num_buffers,
                       view->num_children, err));
    array.offset = view->length ? view->offset : 0;
    if (view->type.shape == PQF_SHAPE_UNION)
        borrow_union(view, &array);
    else
        borrow_buffers(view, &array);
    pqf_status status = borrow_children(view, mem, &array, err);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}
