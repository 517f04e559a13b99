/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.c: whether a value may stand in a column chunk, asked of its Bloom filter. In: a scalar of a
 * predicate. Out: false only when no row of the row group can be equal to it. The scalar becomes the
 * PLAIN bytes of the column's Parquet value; where that is not exactly one value, nothing is known.
 */
#include "inner.h"

#include <float.h>

#define MAX_PLAIN 16

static bool is_decimal(const pqf_type *type) { return type->id == PQF_TYPE_DECIMAL128; }

/* Digits of an integer or decimal at another scale; false where they do not come out even. */
static bool rescale(const pqf_scalar *s, int32_t scale, __int128 *out) {
    int32_t from = s->class == PQF_CLASS_DECIMAL ? s->scale : 0;
    *out = s->i;
    for (; from < scale; from++)
        if (__builtin_mul_overflow(*out, (__int128)10, out)) return false;
    for (; from > scale; from--) {
        if (*out % 10) return false;
        *out /= 10;
    }
    return true;
}

/* The integer that Parquet stores. */
static bool stored_integer(const pqf_field *field, const pqf_type *type,
                           const pqf_scalar *s, __int128 *out) {
    __int128 unit = pqf_scalar_unit(type);
    if (is_decimal(type)) return rescale(s, type->scale, out);
    if (s->i % unit) return false;
    *out = s->i / unit;
    switch (field->convert) {
    case PQF_CONVERT_DAYS_TO_MS:
    case PQF_CONVERT_MULTIPLY_64:
        if (*out % field->factor) return false;
        *out /= field->factor;
        return true;
    case PQF_CONVERT_DIVIDE_32:
    case PQF_CONVERT_DIVIDE_64:
        return !__builtin_mul_overflow(*out, (__int128)field->factor, out);
    default: return true;
    }
}

static bool plain_of_integer(const pqf_field *field, const pqf_scalar *s, uint8_t *room,
                             pqf_bytes *out) {
    pqf_error ignored;
    pqf_type type;
    __int128 v;
    size_t width = (size_t)pqf_leaf_width(field->leaf);
    pqf_error_init(&ignored);
    if (pqf_type_parse(field->format, &type, &ignored) != PQF_OK) return false;
    if (width > MAX_PLAIN || !stored_integer(field, &type, s, &v)) return false;
    bool big_endian = field->leaf->physical == PQF_PHYSICAL_FIXED;
    for (size_t i = 0; i < width; i++, v >>= 8)
        room[big_endian ? width - 1 - i : i] = (uint8_t)v;
    *out = pqf_bytes_of(room, width);
    return true;
}

/* Arrow may compare a FLOAT column in 32 or in 64 bits: what is equal in one of them is this. */
static bool plain_of_float(const pqf_field *field, const pqf_scalar *s, uint8_t *room,
                           pqf_bytes *out) {
    if (s->class != PQF_CLASS_FLOAT) return false;
    if (field->leaf->physical == PQF_PHYSICAL_DOUBLE) {
        memcpy(room, &s->f, sizeof s->f);
        *out = pqf_bytes_of(room, sizeof s->f);
        return true;
    }
    if (s->f > (double)FLT_MAX || s->f < -(double)FLT_MAX) return false;
    float single = (float)s->f;
    memcpy(room, &single, sizeof single);
    *out = pqf_bytes_of(room, sizeof single);
    return true;
}

static bool plain_of(const pqf_field *field, const pqf_scalar *s, uint8_t *room,
                     pqf_bytes *out) {
    switch (field->leaf->physical) {
    case PQF_PHYSICAL_FLOAT:
    case PQF_PHYSICAL_DOUBLE: return plain_of_float(field, s, room, out);
    case PQF_PHYSICAL_BYTE_ARRAY:
        *out = s->s;
        return field->leaf->order == PQF_ORDER_BYTES && s->class == PQF_CLASS_BYTES;
    case PQF_PHYSICAL_FIXED:
        if (field->leaf->order == PQF_ORDER_DECIMAL_BYTES) break;
        *out = s->s;
        return field->leaf->order == PQF_ORDER_BYTES && s->class == PQF_CLASS_BYTES &&
               s->s.len == (size_t)field->leaf->type_length;
    case PQF_PHYSICAL_INT32:
    case PQF_PHYSICAL_INT64: break;
    default: return false;
    }
    return s->class != PQF_CLASS_FLOAT && s->class != PQF_CLASS_BYTES &&
           plain_of_integer(field, s, room, out);
}

/* What has been made is read back: only bytes that mean the same value count. */
static bool means(const pqf_field *field, pqf_bytes plain, const pqf_scalar *s) {
    pqf_scalar back;
    __int128 digits;
    if (!pqf_scalar_of_bound(field, plain, &back)) return false;
    if (s->class == PQF_CLASS_FLOAT || s->class == PQF_CLASS_BYTES)
        return back.class == s->class;
    if (back.class == PQF_CLASS_DECIMAL)
        return (s->class == PQF_CLASS_DECIMAL || s->class == PQF_CLASS_INT) &&
               rescale(s, back.scale, &digits) && digits == back.i;
    return back.class == s->class && back.i == s->i;
}

static bool has_zero(const pqf_bloom_filter *filter, size_t width) {
    static const uint8_t zeros[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0x80};
    return pqf_bloom_filter_may_have(filter, pqf_bytes_of(zeros, width)) ||
           pqf_bloom_filter_may_have(filter, pqf_bytes_of(zeros + 9 - width, width));
}

bool pqf_filter_may_hold(const pqf_range *range, const pqf_scalar *value) {
    const pqf_metadata *metadata;
    pqf_bloom_filter filter;
    pqf_error ignored;
    pqf_chunk chunk;
    uint8_t room[MAX_PLAIN];
    pqf_bytes plain;
    const pqf_field *field = range->field;
    if (!range->reader || value->class == PQF_CLASS_NONE || value->is_null) return true;
    metadata = pqf_reader_metadata(range->reader);
    pqf_error_init(&ignored);
    if (pqf_metadata_chunk(metadata, range->row_group, field->leaf->index, &chunk,
                           &ignored) != PQF_OK ||
        !chunk.meta->has_bloom_filter_offset)
        return true;
    if (!plain_of(field, value, room, &plain) || !means(field, plain, value)) return true;
    if (!pqf_bloom_filter_open(metadata, &chunk, pqf_reader_source(range->reader),
                               &filter))
        return true;
    if (value->class == PQF_CLASS_FLOAT && value->f >= 0 && value->f <= 0)
        return has_zero(&filter, plain.len);
    return pqf_bloom_filter_may_have(&filter, plain);
}
