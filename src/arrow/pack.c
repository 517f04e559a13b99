/* SPDX-License-Identifier: Apache-2.0
 *
 * pack.c: room arrow. An array as bytes and back, for rows that wait in a file of ours.
 * The types are known to both sides and are not written.
 *
 *   node    length, null count, per buffer its length, each in 8 bytes of the machine's order;
 *           the buffers, each filled up to 8 bytes; then the children, node after node
 *
 * Arrays are those of pqf_collector and what is gathered from them: no offset, no dictionary,
 * no runs, no views. The file may be ours, the disk is not: every length is checked against
 * the bytes that are there and against what the type says, and whoever looks at the array
 * checks its offsets by pqf_view_init.
 */
#include "array.h"
#include "type.h"

#include "base/bits.h"

#define MAX_BUFFERS 3

static int64_t padded(int64_t bytes) { return (bytes + 7) & ~INT64_C(7); }

static int64_t offset_width(const pqf_type *type) {
    bool wide =
        type->shape == PQF_SHAPE_LARGE_BINARY || type->shape == PQF_SHAPE_LARGE_LIST;
    return wide ? 8 : 4;
}

/* Bytes of buffer 1 in an array of the length; false: more than can be. */
static bool values_bytes(const pqf_type *type, int64_t length, int64_t *out) {
    switch (type->shape) {
    case PQF_SHAPE_BITS: *out = pqf_bits_bytes(length); return true;
    case PQF_SHAPE_FIXED: return pqf_mul_i64(length, type->byte_width, out);
    default:
        return length < INT64_MAX && pqf_mul_i64(length + 1, offset_width(type), out);
    }
}

static int64_t last_offset(const pqf_type *type, const void *offsets, int64_t length) {
    return offset_width(type) == 8 ? ((const int64_t *)offsets)[length]
                                   : ((const int32_t *)offsets)[length];
}

/* ---- packing ---- */

static pqf_status put_word(pqf_buf *out, int64_t word, pqf_error *err) {
    return pqf_buf_put(out, &word, sizeof word, err);
}

static pqf_status put_padded(pqf_buf *out, const void *bytes, int64_t n, pqf_error *err) {
    if (n) TRY(pqf_buf_put(out, bytes, (size_t)n, err));
    return pqf_buf_put_zeros(out, (size_t)(padded(n) - n), err);
}

static pqf_status check_buffers(const pqf_type *type, int64_t num_buffers,
                                pqf_error *err) {
    if (pqf_type_num_buffers(type) == num_buffers && num_buffers <= MAX_BUFFERS)
        return PQF_OK;
    return pqf_fail(err, PQF_INVALID, "an array of this form cannot be packed");
}

pqf_status pqf_array_pack(const struct ArrowSchema *schema,
                          const struct ArrowArray *array, pqf_buf *out, pqf_error *err) {
    pqf_type type;
    int64_t sizes[MAX_BUFFERS] = {0};
    TRY(pqf_type_parse(schema->format, &type, err));
    TRY(check_buffers(&type, array->n_buffers, err));
    if (array->n_buffers > 0 && array->buffers[0])
        sizes[0] = pqf_bits_bytes(array->length);
    if (array->n_buffers > 1 && !values_bytes(&type, array->length, &sizes[1]))
        return pqf_fail(err, PQF_LIMIT, "an array is too long to be packed");
    if (array->n_buffers > 2)
        sizes[2] = last_offset(&type, array->buffers[1], array->length);
    TRY(put_word(out, array->length, err));
    TRY(put_word(out, array->null_count, err));
    for (int64_t i = 0; i < array->n_buffers; i++)
        TRY(put_word(out, sizes[i], err));
    for (int64_t i = 0; i < array->n_buffers; i++)
        TRY(put_padded(out, array->buffers[i], sizes[i], err));
    for (int64_t i = 0; i < array->n_children; i++)
        TRY(pqf_array_pack(schema->children[i], array->children[i], out, err));
    return PQF_OK;
}

/* ---- unpacking ---- */

typedef struct unpacker {
    pqf_bytes left;
    pqf_arena *arena;
    pqf_error *err;
} unpacker;

static pqf_status damaged(unpacker *u) {
    return pqf_fail(u->err, PQF_CORRUPT, "rows that were set aside have changed");
}

static pqf_status get_bytes(unpacker *u, int64_t n, const void **out) {
    if (n < 0 || (uint64_t)n > u->left.len) return damaged(u);
    *out = u->left.data;
    u->left.data += n;
    u->left.len -= (size_t)n;
    return PQF_OK;
}

static pqf_status get_word(unpacker *u, int64_t *out) {
    const void *bytes = NULL;
    TRY(get_bytes(u, sizeof *out, &bytes));
    memcpy(out, bytes, sizeof *out);
    return PQF_OK;
}

static pqf_status get_buffers(unpacker *u, const pqf_type *type, struct ArrowArray *out) {
    int64_t sizes[MAX_BUFFERS] = {0}, expected;
    for (int64_t i = 0; i < out->n_buffers; i++) {
        TRY(get_word(u, &sizes[i]));
        if (sizes[i] < 0 || sizes[i] > INT64_MAX - 8) return damaged(u);
    }
    for (int64_t i = 0; i < out->n_buffers; i++)
        TRY(get_bytes(u, padded(sizes[i]), &out->buffers[i]));
    if (out->n_buffers > 0 && sizes[0] == 0) {
        out->buffers[0] = NULL;
        if (out->null_count) return damaged(u);
    } else if (out->n_buffers > 0 && sizes[0] != pqf_bits_bytes(out->length)) {
        return damaged(u);
    }
    if (out->n_buffers > 1 &&
        (!values_bytes(type, out->length, &expected) || sizes[1] != expected))
        return damaged(u);
    if (out->n_buffers > 2 && last_offset(type, out->buffers[1], out->length) != sizes[2])
        return damaged(u);
    return PQF_OK;
}

/* Nothing is owned; an array without release would count as released. */
static void release_borrowed(struct ArrowArray *array) { array->release = NULL; }

static pqf_status get_node(unpacker *u, const struct ArrowSchema *schema,
                           struct ArrowArray *out) {
    pqf_type type;
    void *block;
    size_t n = (size_t)schema->n_children;
    TRY(pqf_type_parse(schema->format, &type, u->err));
    *out = (struct ArrowArray){.n_buffers = pqf_type_num_buffers(&type),
                               .n_children = schema->n_children,
                               .release = release_borrowed};
    TRY(check_buffers(&type, out->n_buffers, u->err));
    TRY(get_word(u, &out->length));
    TRY(get_word(u, &out->null_count));
    if (out->length < 0 || out->null_count < 0 || out->null_count > out->length)
        return damaged(u);
    TRY(pqf_arena_array(u->arena, MAX_BUFFERS, sizeof(void *), &block, u->err));
    out->buffers = block;
    TRY(get_buffers(u, &type, out));
    TRY(pqf_arena_array(u->arena, n, sizeof(struct ArrowArray *), &block, u->err));
    out->children = block;
    TRY(pqf_arena_array(u->arena, n, sizeof(struct ArrowArray), &block, u->err));
    for (size_t i = 0; i < n; i++) {
        out->children[i] = (struct ArrowArray *)block + i;
        TRY(get_node(u, schema->children[i], out->children[i]));
    }
    return PQF_OK;
}

pqf_status pqf_array_unpack(const struct ArrowSchema *schema, pqf_bytes bytes,
                            pqf_arena *arena, struct ArrowArray *out, pqf_error *err) {
    unpacker u = {bytes, arena, err};
    TRY(get_node(&u, schema, out));
    return u.left.len ? damaged(&u) : PQF_OK;
}
