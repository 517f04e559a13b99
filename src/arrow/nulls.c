/* SPDX-License-Identifier: Apache-2.0
 *
 * nulls.c: room arrow. Arrays of nothing but nulls, of any type but unions: for columns
 * that a batch lacks. Below a null struct or fixed-size list, fields that must not be
 * null hold zeros instead.
 */
#include "nulls.h"

#include "array.h"
#include "type.h"

#include "base/bits.h"

static pqf_status fill_node(const struct ArrowSchema *schema, int64_t length, bool null,
                            pqf_mem *mem, int depth, struct ArrowArray *out,
                            pqf_error *err);

static int64_t width_of_offsets(pqf_shape shape) {
    return shape == PQF_SHAPE_LARGE_BINARY || shape == PQF_SHAPE_LARGE_LIST ||
                   shape == PQF_SHAPE_LARGE_LIST_VIEW
               ? 8
               : 4;
}

/* Bytes of buffer i (1 and up): zero offsets, sizes, views and values all mean "empty" or
 * zero. */
static pqf_status buffer_bytes(const pqf_type *type, int64_t i, int64_t length,
                               size_t *out, pqf_error *err) {
    int64_t width = 0;
    switch (type->shape) {
    case PQF_SHAPE_BITS: *out = (size_t)pqf_bits_bytes(length); return PQF_OK;
    case PQF_SHAPE_FIXED: width = type->byte_width; break;
    case PQF_SHAPE_VIEW: width = i == 1 ? 16 : 0; break;
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY:
        width = i == 1 ? width_of_offsets(type->shape) : 0;
        length++;
        break;
    case PQF_SHAPE_LIST:
    case PQF_SHAPE_LARGE_LIST:
        width = width_of_offsets(type->shape);
        length++;
        break;
    default: width = width_of_offsets(type->shape); break;
    }
    return pqf_bytes_times(length, width, out, err);
}

static pqf_status fill_buffers(const pqf_type *type, bool null, pqf_mem *mem,
                               struct ArrowArray *array, pqf_error *err) {
    for (int64_t i = 0; i < array->n_buffers; i++) {
        if (i == 0 && !null) continue;
        size_t bytes = (size_t)pqf_bits_bytes(array->length);
        if (i > 0) TRY(buffer_bytes(type, i, array->length, &bytes, err));
        pqf_buf buf;
        TRY(pqf_buf_sized(&buf, mem, bytes, true, err));
        pqf_array_take_buffer(array, i, &buf);
    }
    return PQF_OK;
}

static pqf_status fill_children(const struct ArrowSchema *schema, const pqf_type *type,
                                bool null, pqf_mem *mem, int depth,
                                struct ArrowArray *array, pqf_error *err) {
    int64_t length = type->id == PQF_TYPE_STRUCT ? array->length : 0;
    if (type->shape == PQF_SHAPE_FIXED_LIST &&
        !pqf_mul_i64(array->length, type->width, &length))
        return pqf_fail(err, PQF_LIMIT, "%lld lists of %d items",
                        (long long)array->length, type->width);
    for (int64_t i = 0; i < array->n_children; i++) {
        bool null_child = null && pqf_field_is_nullable(schema->children[i]);
        TRY(fill_node(schema->children[i], length, null_child, mem, depth + 1,
                      array->children[i], err));
    }
    return PQF_OK;
}

/* One run over all slots. */
static pqf_status fill_runs(const struct ArrowSchema *schema, bool null, pqf_mem *mem,
                            int depth, struct ArrowArray *array, pqf_error *err) {
    int64_t num_runs = array->length > 0;
    struct ArrowArray *ends = array->children[0];
    pqf_type type;
    TRY(pqf_type_parse(schema->children[0]->format, &type, err));
    if (type.byte_width == 2 && array->length > INT16_MAX)
        return pqf_fail(err, PQF_LIMIT, "%lld rows in runs with int16 ends",
                        (long long)array->length);
    TRY(fill_node(schema->children[1], num_runs, null, mem, depth + 1, array->children[1],
                  err));
    TRY(fill_node(schema->children[0], num_runs, false, mem, depth + 1, ends, err));
    /* Little-endian: the low bytes of length are the run's end in any width. */
    memcpy((void *)(uintptr_t)ends->buffers[1], &array->length,
           (size_t)(num_runs * type.byte_width));
    return PQF_OK;
}

static pqf_status fill_dictionary(const struct ArrowSchema *schema, bool null,
                                  pqf_mem *mem, int depth, struct ArrowArray *array,
                                  pqf_error *err) {
    struct ArrowArray values;
    int64_t num_values = !null && array->length > 0;
    TRY(fill_node(schema->dictionary, num_values, false, mem, depth + 1, &values, err));
    return pqf_array_take_child(array, -1, &values, err);
}

static pqf_status fill_parts(const struct ArrowSchema *schema, const pqf_type *type,
                             bool null, pqf_mem *mem, int depth, struct ArrowArray *array,
                             pqf_error *err) {
    if (type->id == PQF_TYPE_RUN_END)
        return fill_runs(schema, null, mem, depth, array, err);
    TRY(fill_buffers(type, null && array->length > 0, mem, array, err));
    TRY(fill_children(schema, type, null, mem, depth, array, err));
    return schema->dictionary ? fill_dictionary(schema, null, mem, depth, array, err)
                              : PQF_OK;
}

static pqf_status fill_node(const struct ArrowSchema *schema, int64_t length, bool null,
                            pqf_mem *mem, int depth, struct ArrowArray *out,
                            pqf_error *err) {
    pqf_type type;
    struct ArrowArray array;
    TRY(pqf_type_parse(schema->format, &type, err));
    if (depth > PQF_MAX_DEPTH || type.shape == PQF_SHAPE_UNION)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "null values of an Arrow union or of a type nested more "
                        "than %d deep",
                        PQF_MAX_DEPTH);
    int64_t null_count =
        (null && type.id != PQF_TYPE_RUN_END) || type.id == PQF_TYPE_NULL ? length : 0;
    TRY(pqf_array_init(&array, mem, length, null_count, pqf_type_num_buffers(&type),
                       schema->n_children, err));
    pqf_status status = fill_parts(schema, &type, null, mem, depth, &array, err);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

pqf_status pqf_array_fill(const struct ArrowSchema *schema, int64_t length, bool null,
                          pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    return fill_node(schema, length, null, mem, 0, out, err);
}

pqf_status pqf_array_nulls(const struct ArrowSchema *schema, int64_t length, pqf_mem *mem,
                           struct ArrowArray *out, pqf_error *err) {
    return fill_node(schema, length, true, mem, 0, out, err);
}
