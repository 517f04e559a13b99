/* SPDX-License-Identifier: Apache-2.0
 *
 * widest.c: room arrow. The narrowest type that holds every value of two types. In: two types
 * without children; out: the type of both, or none where values of one would be lost, rounded or
 * read as something else (a number as text, a date as a timestamp).
 *
 * What a type holds decides, never which values stand in a file: int64 and double have no type,
 * even where every integer is small.
 */
#include "type.h"

#include "base/bits.h"

/* ---- numbers ---- */

static bool is_float(pqf_type_id id) {
    return id >= PQF_TYPE_HALF && id <= PQF_TYPE_DOUBLE;
}

static int int_bits(const pqf_type *t) { return t->byte_width * 8; }

static pqf_type of_id(pqf_type_id id, int32_t byte_width) {
    return (pqf_type){
        .id = id, .shape = PQF_SHAPE_FIXED, .byte_width = byte_width, .zone = ""};
}

/* Signed integers hold unsigned ones of half their width. */
static bool widest_int(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    if (pqf_type_is_signed(a->id) == pqf_type_is_signed(b->id)) {
        *out = a->byte_width >= b->byte_width ? *a : *b;
        return true;
    }
    bool a_is_signed = pqf_type_is_signed(a->id);
    int is_signed = int_bits(a_is_signed ? a : b),
        is_unsigned = int_bits(a_is_signed ? b : a);
    int bits = is_signed > is_unsigned ? is_signed : 2 * is_unsigned;
    static const pqf_type_id SIGNED[] = {PQF_TYPE_INT8, PQF_TYPE_INT16, PQF_TYPE_INT32,
                                         PQF_TYPE_INT64};
    for (int i = 0; i < 4; i++) {
        if (8 << i != bits) continue;
        *out = of_id(SIGNED[i], bits / 8);
        return true;
    }
    return false;
}

/* The narrowest float whose digits hold every integer of that width: 11, 24 and 53 bits. */
static bool widest_float(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    static const struct {
        pqf_type_id id;
        int digits, byte_width;
    } FLOATS[] = {
        {PQF_TYPE_HALF, 11, 2}, {PQF_TYPE_FLOAT, 24, 4}, {PQF_TYPE_DOUBLE, 53, 8}};
    for (int i = 0; i < 3; i++) {
        bool holds_a =
            is_float(a->id) ? a->id <= FLOATS[i].id : int_bits(a) <= FLOATS[i].digits;
        bool holds_b =
            is_float(b->id) ? b->id <= FLOATS[i].id : int_bits(b) <= FLOATS[i].digits;
        if (!holds_a || !holds_b) continue;
        *out = of_id(FLOATS[i].id, FLOATS[i].byte_width);
        return true;
    }
    return false;
}

static bool is_decimal(pqf_type_id id) {
    return id >= PQF_TYPE_DECIMAL32 && id <= PQF_TYPE_DECIMAL256;
}

/* An integer as the decimal that has its digits. */
static pqf_type as_decimal(const pqf_type *t) {
    static const int32_t DIGITS[] = {0, 3, 5, 0, 10, 0, 0, 0, 19};
    if (is_decimal(t->id)) return *t;
    int32_t digits = t->id == PQF_TYPE_UINT64 ? 20 : DIGITS[t->byte_width];
    return (pqf_type){.id = PQF_TYPE_DECIMAL32, .precision = digits};
}

/* Digits before and behind the point for both; no wider in memory than either unless it must be,
 * and beyond 38 digits only where one is a decimal256. */
static bool widest_decimal(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    static const int32_t MOST_DIGITS[] = {9, 18, 38, 76};
    pqf_type x = as_decimal(a), y = as_decimal(b);
    int32_t before = x.precision - x.scale, scale = x.scale > y.scale ? x.scale : y.scale;
    if (y.precision - y.scale > before) before = y.precision - y.scale;
    int32_t precision = before + scale > 1 ? before + scale : 1;
    int width = (int)(x.id > y.id ? x.id : y.id) - PQF_TYPE_DECIMAL32;
    int most = width > 2 ? 3 : 2;
    while (width < most && precision > MOST_DIGITS[width])
        width++;
    if (precision > MOST_DIGITS[width]) return false;
    *out = of_id((pqf_type_id)(PQF_TYPE_DECIMAL32 + width), 4 << width);
    out->precision = precision;
    out->scale = scale;
    return true;
}

static bool is_number(pqf_type_id id) {
    return pqf_type_is_integer(id) || is_float(id) || is_decimal(id);
}

static bool widest_number(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    if (is_decimal(a->id) || is_decimal(b->id))
        return !is_float(a->id) && !is_float(b->id) && widest_decimal(a, b, out);
    return is_float(a->id) || is_float(b->id) ? widest_float(a, b, out)
                                              : widest_int(a, b, out);
}

/* ---- times ---- */

static bool is_time(pqf_type_id id) {
    return id == PQF_TYPE_TIME32 || id == PQF_TYPE_TIME64;
}

/* The finer unit; instants of two zones are instants in UTC, and no wall clock times. */
static bool widest_unit(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    if (!*a->zone != !*b->zone) return false;
    *out = a->unit >= b->unit ? *a : *b;
    if (strcmp(a->zone, b->zone) != 0) out->zone = "UTC";
    return true;
}

/* ---- strings and binary data ---- */

typedef enum family { NO_FAMILY, TEXT, BINARY } family;

/* Forms of one family in the order of what they reach: 2 GiB in all, 2 GiB each, everything. */
static const pqf_type_id FORMS[][3] = {
    [TEXT] = {PQF_TYPE_STRING, PQF_TYPE_STRING_VIEW, PQF_TYPE_LARGE_STRING},
    [BINARY] = {PQF_TYPE_BINARY, PQF_TYPE_BINARY_VIEW, PQF_TYPE_LARGE_BINARY},
};

static family family_of(pqf_type_id id, int *form) {
    *form = 0;
    if (id == PQF_TYPE_FIXED_BINARY) return BINARY;
    for (int f = TEXT; f <= BINARY; f++)
        for (*form = 0; *form < 3; ++*form)
            if (FORMS[f][*form] == id) return (family)f;
    return NO_FAMILY;
}

static bool widest_bytes(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    static const pqf_shape SHAPES[] = {PQF_SHAPE_BINARY, PQF_SHAPE_VIEW,
                                       PQF_SHAPE_LARGE_BINARY};
    int form_a, form_b;
    family f = family_of(a->id, &form_a);
    if (f == NO_FAMILY || family_of(b->id, &form_b) != f) return false;
    int form = form_a > form_b ? form_a : form_b;
    *out = (pqf_type){.id = FORMS[f][form], .shape = SHAPES[form], .zone = ""};
    return true;
}

bool pqf_type_widest(const pqf_type *a, const pqf_type *b, pqf_type *out) {
    if (pqf_type_same(a, b) && strcmp(a->zone, b->zone) == 0) {
        *out = *a;
        return true;
    }
    if (is_number(a->id) && is_number(b->id)) return widest_number(a, b, out);
    bool dates = (a->id == PQF_TYPE_DATE32 && b->id == PQF_TYPE_DATE64) ||
                 (a->id == PQF_TYPE_DATE64 && b->id == PQF_TYPE_DATE32);
    if (dates) {
        *out = a->id == PQF_TYPE_DATE64 ? *a : *b;
        return true;
    }
    bool units =
        (a->id == b->id && (a->id == PQF_TYPE_TIMESTAMP || a->id == PQF_TYPE_DURATION)) ||
        (is_time(a->id) && is_time(b->id));
    return units ? widest_unit(a, b, out) : widest_bytes(a, b, out);
}
