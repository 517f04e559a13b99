/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar.c: single values for predicates: from Arrow arrays (literals, partition values)
 * and from statistics bounds of column chunks, brought to one form per class so that they
 * compare.
 */
#include "inner.h"

static __int128 load_int(const uint8_t *p, int width, bool is_signed) {
    uint64_t u = 0;
    memcpy(&u, p, (size_t)(width < 8 ? width : 8));
    if (!is_signed) return (__int128)u;
    int shift = 64 - 8 * (width < 8 ? width : 8);
    return (__int128)((int64_t)(u << shift) >> shift);
}

static __int128 nanos_per(pqf_unit unit) {
    return 1000000000 / pqf_unit_per_second(unit);
}

/* Class and the factor that brings the integer of a type to the class's unit. */
static pqf_class class_of(const pqf_type *type, __int128 *factor) {
    *factor = 1;
    switch (type->id) {
    case PQF_TYPE_INT8:
    case PQF_TYPE_INT16:
    case PQF_TYPE_INT32:
    case PQF_TYPE_INT64:
    case PQF_TYPE_UINT8:
    case PQF_TYPE_UINT16:
    case PQF_TYPE_UINT32:
    case PQF_TYPE_UINT64: return PQF_CLASS_INT;
    case PQF_TYPE_DATE32: *factor = (__int128)86400 * 1000000000; return PQF_CLASS_DATE;
    case PQF_TYPE_DATE64: *factor = 1000000; return PQF_CLASS_DATE;
    case PQF_TYPE_TIME32:
    case PQF_TYPE_TIME64: *factor = nanos_per(type->unit); return PQF_CLASS_TIME;
    case PQF_TYPE_DURATION: *factor = nanos_per(type->unit); return PQF_CLASS_DURATION;
    case PQF_TYPE_TIMESTAMP:
        *factor = nanos_per(type->unit);
        return *type->zone ? PQF_CLASS_INSTANT : PQF_CLASS_TIMESTAMP;
    default: return PQF_CLASS_NONE;
    }
}

__int128 pqf_scalar_unit(const pqf_type *type) {
    __int128 unit;
    (void)class_of(type, &unit);
    return unit;
}

static bool is_unsigned(pqf_type_id id) {
    return id == PQF_TYPE_UINT8 || id == PQF_TYPE_UINT16 || id == PQF_TYPE_UINT32 ||
           id == PQF_TYPE_UINT64;
}

static bool is_bytes(pqf_type_id id) {
    return id == PQF_TYPE_STRING || id == PQF_TYPE_LARGE_STRING ||
           id == PQF_TYPE_STRING_VIEW || id == PQF_TYPE_BINARY ||
           id == PQF_TYPE_LARGE_BINARY || id == PQF_TYPE_BINARY_VIEW ||
           id == PQF_TYPE_FIXED_BINARY;
}

static bool is_decimal(pqf_type_id id) {
    return id >= PQF_TYPE_DECIMAL32 && id <= PQF_TYPE_DECIMAL256;
}

/* None where 128 bits do not hold it. */
static pqf_scalar decimal_of_bytes(const pqf_type *type, pqf_bytes p) {
    pqf_scalar out = {.class = PQF_CLASS_DECIMAL, .scale = type->scale};
    int width = type->byte_width < 16 ? type->byte_width : 16;
    out.i = p.data[width - 1] & 0x80 ? -1 : 0;
    memcpy(&out.i, p.data, (size_t)width);
    for (int i = width; i < type->byte_width; i++)
        if (p.data[i] != (out.i < 0 ? 0xFF : 0)) out.class = PQF_CLASS_NONE;
    return out;
}

/* The scalar of a value of `type` that lies at p as Arrow lays it out. */
static pqf_scalar scalar_of_bytes(const pqf_type *type, pqf_bytes p) {
    pqf_scalar out = {0};
    __int128 factor;
    if (is_bytes(type->id)) return (pqf_scalar){.class = PQF_CLASS_BYTES, .s = p};
    if (type->id == PQF_TYPE_FLOAT) {
        float single;
        memcpy(&single, p.data, sizeof single);
        return (pqf_scalar){.class = PQF_CLASS_FLOAT, .f = (double)single};
    }
    if (type->id == PQF_TYPE_DOUBLE) {
        out.class = PQF_CLASS_FLOAT;
        memcpy(&out.f, p.data, sizeof out.f);
        return out;
    }
    if (is_decimal(type->id)) return decimal_of_bytes(type, p);
    out.class = class_of(type, &factor);
    if (out.class != PQF_CLASS_NONE)
        out.i = load_int(p.data, type->byte_width, !is_unsigned(type->id)) * factor;
    return out;
}

bool pqf_view_resolve(const pqf_view **view, int64_t *i) {
    while (pqf_view_is_valid(*view, *i)) {
        const pqf_view *v = *view;
        if (!v->dictionary) return v->type.id != PQF_TYPE_NULL;
        size_t width = (size_t)v->type.byte_width;
        int64_t index = 0; /* in range, so not negative */
        memcpy(&index, (const uint8_t *)v->values + (size_t)(v->offset + *i) * width,
               width);
        *view = v->dictionary;
        *i = index;
    }
    return false;
}

pqf_scalar pqf_scalar_of_view(const pqf_view *view, int64_t i) {
    if (!pqf_view_resolve(&view, &i)) return (pqf_scalar){.is_null = true};
    const pqf_type *type = &view->type;
    if (type->id == PQF_TYPE_BOOL)
        return (pqf_scalar){.class = PQF_CLASS_BOOL,
                            .i = pqf_bit_get(view->values, view->offset + i)};
    if (type->shape == PQF_SHAPE_FIXED || is_bytes(type->id))
        return scalar_of_bytes(type, pqf_view_bytes(view, i));
    return (pqf_scalar){0};
}

/* ---- bounds ---- */

/* Big-endian two's complement of up to 16 bytes. */
static bool load_big_endian(pqf_bytes p, __int128 *out) {
    if (!p.len || p.len > 16) return false;
    unsigned __int128 v = p.data[0] & 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < p.len; i++)
        v = v << 8 | p.data[i];
    *out = (__int128)v;
    return true;
}

static bool integer_bound(const pqf_field *field, const pqf_type *type, pqf_bytes plain,
                          pqf_scalar *out) {
    __int128 factor;
    size_t width = field->leaf->physical == PQF_PHYSICAL_INT32 ? 4 : 8;
    if (plain.len != width) return false;
    __int128 v =
        load_int(plain.data, (int)width, field->leaf->order != PQF_ORDER_UNSIGNED);
    if (is_decimal(type->id)) {
        *out = (pqf_scalar){.class = PQF_CLASS_DECIMAL, .i = v, .scale = type->scale};
        return true;
    }
    switch (field->convert) {
    case PQF_CONVERT_DAYS_TO_MS:
    case PQF_CONVERT_MULTIPLY_64: v *= field->factor; break;
    case PQF_CONVERT_DIVIDE_32:
    case PQF_CONVERT_DIVIDE_64:
        if (v % field->factor) return false;
        v /= field->factor;
        break;
    case PQF_CONVERT_NONE:
    case PQF_CONVERT_INT32_TO_INT8:
    case PQF_CONVERT_INT32_TO_UINT8:
    case PQF_CONVERT_INT32_TO_INT16:
    case PQF_CONVERT_INT32_TO_UINT16: break;
    default: return false;
    }
    *out = (pqf_scalar){.class = class_of(type, &factor)};
    out->i = v * factor;
    return out->class != PQF_CLASS_NONE;
}

#define NS_PER_DAY        ((__int128)86400 * 1000000000)
#define JULIAN_UNIX_EPOCH 2440588 /* Julian day number of 1970-01-01 */

/* INT96 as it is handed out: whole units, rounded down. */
static bool instant_bound(const pqf_field *field, const pqf_type *type, pqf_bytes plain,
                          pqf_scalar *out) {
    __int128 factor;
    if (plain.len != 12 || type->id != PQF_TYPE_TIMESTAMP) return false;
    __int128 days = load_int(plain.data + 8, 4, true) - JULIAN_UNIX_EPOCH;
    __int128 ns = days * NS_PER_DAY + load_int(plain.data, 8, true);
    *out = (pqf_scalar){.class = class_of(type, &factor)};
    out->i = (ns / field->factor - (ns % field->factor < 0)) * factor;
    return true;
}

bool pqf_scalar_of_bound(const pqf_field *field, pqf_bytes plain, pqf_scalar *out) {
    pqf_error ignored;
    pqf_type type;
    pqf_error_init(&ignored);
    if (pqf_type_parse(field->format, &type, &ignored) != PQF_OK) return false;
    switch (field->leaf->physical) {
    case PQF_PHYSICAL_BOOLEAN:
        if (plain.len != 1) return false;
        *out = (pqf_scalar){.class = PQF_CLASS_BOOL, .i = plain.data[0] & 1};
        return true;
    case PQF_PHYSICAL_INT32:
    case PQF_PHYSICAL_INT64: return integer_bound(field, &type, plain, out);
    case PQF_PHYSICAL_INT96: return instant_bound(field, &type, plain, out);
    case PQF_PHYSICAL_FLOAT:
    case PQF_PHYSICAL_DOUBLE:
        if (plain.len != (field->leaf->physical == PQF_PHYSICAL_FLOAT ? 4 : 8))
            return false;
        *out = scalar_of_bytes(&type, plain);
        return out->class == PQF_CLASS_FLOAT;
    case PQF_PHYSICAL_BYTE_ARRAY:
    case PQF_PHYSICAL_FIXED:
        if (field->leaf->order == PQF_ORDER_DECIMAL_BYTES) {
            *out = (pqf_scalar){.class = PQF_CLASS_DECIMAL, .scale = type.scale};
            return load_big_endian(plain, &out->i);
        }
        *out = (pqf_scalar){.class = PQF_CLASS_BYTES, .s = plain};
        return field->leaf->order == PQF_ORDER_BYTES;
    default: return false;
    }
}
