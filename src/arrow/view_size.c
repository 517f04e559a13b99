/* SPDX-License-Identifier: Apache-2.0
 *
 * view_size.c: room arrow. Bytes that rows of a checked array hold, for cutting row
 * groups.
 *
 * The figure is additive: rows a..c hold what a..b and b..c hold together, whatever
 * batches they came in. So validity bitmaps, which a batch without nulls lacks, are left
 * out, and a bool counts a byte.
 */
#include "type.h"
#include "view.h"

static int64_t bytes_each(const pqf_view *v, int64_t start, int64_t length) {
    int64_t total = 0;
    for (int64_t i = start; i < start + length; i++)
        if (!pqf_view_is_null(v, i)) total += (int64_t)pqf_view_bytes(v, i).len;
    return total;
}

static bool is_bytes(const pqf_type *type) {
    return type->id >= PQF_TYPE_BINARY && type->id <= PQF_TYPE_STRING_VIEW;
}

/* Values behind indexes or runs, as if they stood there one by one. */
static int64_t bytes_behind(const pqf_view *v, const pqf_view *values, int64_t start,
                            int64_t length) {
    if (is_bytes(&values->type)) return length * 4 + bytes_each(v, start, length);
    return length * (values->type.byte_width ? values->type.byte_width : 1);
}

static int64_t bytes_of_lists(const pqf_view *v, int64_t start, int64_t length) {
    int64_t total = length * 4, first, count;
    if (length == 0) return 0;
    if (v->type.shape == PQF_SHAPE_FIXED_LIST) {
        pqf_list_range(v, start, &first, &count);
        return pqf_view_data_bytes(&v->children[0], first, length * count);
    }
    if (v->type.shape == PQF_SHAPE_LIST || v->type.shape == PQF_SHAPE_LARGE_LIST) {
        int64_t last;
        pqf_list_range(v, start, &first, &count);
        pqf_list_range(v, start + length - 1, &last, &count);
        return total + pqf_view_data_bytes(&v->children[0], first, last + count - first);
    }
    for (int64_t i = start; i < start + length; i++) {
        if (!pqf_view_is_valid(v, i)) continue;
        pqf_list_range(v, i, &first, &count);
        total += pqf_view_data_bytes(&v->children[0], first, count);
    }
    return total;
}

static int64_t bytes_of_binary(const pqf_view *v, int64_t start, int64_t length) {
    if (length == 0) return 0;
    pqf_bytes first = pqf_view_bytes(v, start),
              last = pqf_view_bytes(v, start + length - 1);
    return length * 4 + (last.data + last.len - first.data);
}

int64_t pqf_view_data_bytes(const pqf_view *v, int64_t start, int64_t length) {
    if (v->dictionary) return bytes_behind(v, v->dictionary, start, length);
    if (v->type.id == PQF_TYPE_RUN_END)
        return bytes_behind(v, &v->children[1], start, length);
    if (pqf_type_has_list_shape(&v->type)) return bytes_of_lists(v, start, length);
    switch (v->type.shape) {
    case PQF_SHAPE_BITS: return length;
    case PQF_SHAPE_FIXED: return length * v->type.byte_width;
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY: return bytes_of_binary(v, start, length);
    case PQF_SHAPE_VIEW: return length * 4 + bytes_each(v, start, length);
    default: break;
    }
    int64_t total = 0;
    for (int64_t i = 0; i < v->num_children && v->type.id == PQF_TYPE_STRUCT; i++)
        total += pqf_view_data_bytes(&v->children[i], v->offset + start, length);
    return total;
}
