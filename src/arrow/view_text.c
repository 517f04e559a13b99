/* SPDX-License-Identifier: Apache-2.0
 *
 * view_text.c: room arrow. One slot of a checked array as text for messages: numbers
 * plain, floats in the fewest digits that give them back, dates and times in ISO 8601,
 * bytes in hexadecimal digits.
 */
#include "number.h"
#include "type.h"
#include "view.h"
#include "wide.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CHARS 80

static void put_value(pqf_text *text, const pqf_view *v, int64_t i, int depth);

bool pqf_view_is_null(const pqf_view *v, int64_t i) {
    if (v->type.id == PQF_TYPE_NULL || !pqf_view_is_valid(v, i)) return true;
    if (v->dictionary) return pqf_view_is_null(v->dictionary, pqf_view_index(v, i));
    if (v->type.id == PQF_TYPE_RUN_END)
        return pqf_view_is_null(&v->children[1], pqf_run_find(v, i));
    return false;
}

/* ---- numbers ---- */

/* The fewest digits that give the number back; plain notation from 0.0001 to 1e16. */
static void put_float(pqf_text *text, double v, int max_digits) {
    char digits[40];
    int n = 0;
    double size = fabs(v), back;
    do {
        snprintf(digits, sizeof digits, "%.*g", ++n, v);
        back = strtod(digits, NULL);
    } while (n < max_digits && !(max_digits < 17 ? (float)back == (float)v : back == v));
    int before_point = 1;
    for (double p = 10; size < 1e16 && size >= p; p *= 10)
        before_point++;
    if (n < before_point) snprintf(digits, sizeof digits, "%.*g", before_point, v);
    bool whole = isfinite(v) && !strpbrk(digits, ".e");
    pqf_text_put(text, "%s%s", isnan(v) ? "nan" : digits, whole ? ".0" : "");
}

/* 78 digits hold 2^256. Digits are made from the back, 18 at a time. */
static void put_decimal(pqf_text *text, const pqf_view *v, int64_t i) {
    pqf_bytes b = pqf_view_bytes(v, i);
    pqf_wide w = pqf_wide_load(b.data, b.len);
    char digits[5 * 18 + 1], *p = digits + sizeof digits - 1;
    *p = 0;
    while (!pqf_wide_is_zero(&w)) {
        uint64_t part = pqf_wide_divide(&w, UINT64_C(1000000000000000000));
        for (int k = 0; k < 18; k++, part /= 10)
            *--p = (char)('0' + part % 10);
    }
    while (*p == '0')
        p++;
    int num_digits = (int)strlen(p), scale = v->type.scale;
    if (w.negative) pqf_text_put(text, "-");
    if (num_digits == 0)
        pqf_text_put(text, "0");
    else if (scale <= 0)
        pqf_text_put(text, "%s", p);
    else if (scale < num_digits)
        pqf_text_put(text, "%.*s.%s", num_digits - scale, p, p + num_digits - scale);
    else
        pqf_text_put(text, "0.%0*d%s", scale - num_digits, 0, p);
    if (scale < 0 && num_digits) pqf_text_put(text, "E+%d", -scale);
}

/* ---- time ---- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from
 * March, so that the leap day is the last of its year; an era is 400 years of 146,097
 * days. */
static void put_date(pqf_text *text, int64_t days) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day = z - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    pqf_text_put(text, "%s%04lld-%02d-%02d", year < 0 ? "-" : "",
                 (long long)(year < 0 ? -year : year), (int)month, (int)of_month);
}

/* Milliseconds that should be whole days. */
static void put_date64(pqf_text *text, int64_t v) {
    int64_t of_day = v % 86400000 + (v % 86400000 < 0 ? 86400000 : 0);
    put_date(text, v / 86400000 - (v % 86400000 < 0));
    if (of_day) pqf_text_put(text, " (%lld ms)", (long long)of_day);
}

static void put_time(pqf_text *text, int64_t of_day, pqf_unit unit) {
    int64_t per_second = pqf_unit_per_second(unit), seconds = of_day / per_second;
    pqf_text_put(text, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                 (int)(seconds % 60));
    if (unit != PQF_SECOND)
        pqf_text_put(text, ".%0*lld", (int)unit * 3, (long long)(of_day % per_second));
}

static void put_timestamp(pqf_text *text, int64_t v, const pqf_type *type) {
    int64_t per_day = 86400 * pqf_unit_per_second(type->unit);
    int64_t days = v / per_day, of_day = v % per_day;
    if (of_day < 0) {
        of_day += per_day;
        days--;
    }
    put_date(text, days);
    pqf_text_put(text, " ");
    put_time(text, of_day, type->unit);
    if (*type->zone) pqf_text_put(text, "Z");
}

static void put_integer(pqf_text *text, const pqf_type *type, int64_t v) {
    static const char *const UNITS[] = {"s", "ms", "us", "ns"};
    int64_t per_day = 86400 * pqf_unit_per_second(type->unit);
    switch (type->id) {
    case PQF_TYPE_UINT64: pqf_text_put(text, "%llu", (unsigned long long)v); return;
    case PQF_TYPE_DATE32: put_date(text, v); return;
    case PQF_TYPE_DATE64: put_date64(text, v); return;
    case PQF_TYPE_TIMESTAMP: put_timestamp(text, v, type); return;
    case PQF_TYPE_TIME32:
    case PQF_TYPE_TIME64:
        if (v < 0 || v >= per_day) break;
        put_time(text, v, type->unit);
        return;
    case PQF_TYPE_DURATION:
        pqf_text_put(text, "%lld%s", (long long)v, UNITS[type->unit]);
        return;
    default: break;
    }
    pqf_text_put(text, "%lld", (long long)v);
}

static void put_interval(pqf_text *text, const pqf_view *v, int64_t i) {
    pqf_bytes b = pqf_view_bytes(v, i);
    int32_t first = (int32_t)pqf_load_u32(b.data);
    if (v->type.id == PQF_TYPE_INTERVAL_MONTHS) {
        pqf_text_put(text, "%d months", first);
        return;
    }
    int32_t second = (int32_t)pqf_load_u32(b.data + 4);
    if (v->type.id == PQF_TYPE_INTERVAL_DAY_TIME) {
        pqf_text_put(text, "%d days %d ms", first, second);
        return;
    }
    pqf_text_put(text, "%d months %d days %lld ns", first, second,
                 (long long)pqf_load_u64(b.data + 8));
}

/* ---- bytes and nested ---- */

static void put_hex(pqf_text *text, pqf_bytes b) {
    pqf_text_put(text, "0x");
    for (size_t i = 0; i < b.len && !pqf_text_is_full(text); i++)
        pqf_text_put(text, "%02x", b.data[i]);
}

static void put_list(pqf_text *text, const pqf_view *v, int64_t i, int depth) {
    int64_t start, count;
    pqf_list_range(v, i, &start, &count);
    pqf_text_put(text, "[");
    for (int64_t k = 0; k < count && !pqf_text_is_full(text); k++) {
        pqf_text_put(text, k ? ", " : "");
        put_value(text, &v->children[0], start + k, depth + 1);
    }
    pqf_text_put(text, "]");
}

/* A struct's slots are its children's, moved by the struct's offset. */
static void put_struct(pqf_text *text, const pqf_view *v, int64_t i, int depth) {
    pqf_text_put(text, "{");
    for (int64_t k = 0; k < v->num_children && !pqf_text_is_full(text); k++) {
        const pqf_view *child = &v->children[k];
        pqf_text_put(text, "%s%s: ", k ? ", " : "", pqf_field_name(child->schema));
        put_value(text, child, v->offset + i, depth + 1);
    }
    pqf_text_put(text, "}");
}

static void put_bytes(pqf_text *text, const pqf_view *v, int64_t i) {
    bool is_text = v->type.id >= PQF_TYPE_STRING && v->type.id <= PQF_TYPE_STRING_VIEW;
    if (is_text)
        pqf_text_put_bytes(text, pqf_view_bytes(v, i));
    else
        put_hex(text, pqf_view_bytes(v, i));
}

static void put_number(pqf_text *text, const pqf_view *v, int64_t i) {
    pqf_number number = pqf_number_of(&v->type);
    if (pqf_number_is_float(number)) {
        double d;
        pqf_number_load_f64(number, v->values, v->offset + i, 1, &d);
        put_float(text, d, number == PQF_NUMBER_F64 ? 17 : 9);
        return;
    }
    int64_t n;
    pqf_number_load_i64(number, v->values, v->offset + i, 1, &n);
    put_integer(text, &v->type, n);
}

static void put_value(pqf_text *text, const pqf_view *v, int64_t i, int depth) {
    if (depth > PQF_MAX_DEPTH || v->type.shape == PQF_SHAPE_UNION)
        pqf_text_put(text, "?");
    else if (pqf_view_is_null(v, i))
        pqf_text_put(text, "null");
    else if (v->dictionary)
        put_value(text, v->dictionary, pqf_view_index(v, i), depth + 1);
    else if (v->type.id == PQF_TYPE_RUN_END)
        put_value(text, &v->children[1], pqf_run_find(v, i), depth + 1);
    else if (v->type.id == PQF_TYPE_BOOL)
        pqf_text_put(text, ((const uint8_t *)v->values)[(v->offset + i) >> 3] >>
                                       ((v->offset + i) & 7) &
                                   1
                               ? "true"
                               : "false");
    else if (pqf_number_of(&v->type) != PQF_NUMBER_NONE)
        put_number(text, v, i);
    else if (v->type.id == PQF_TYPE_STRUCT)
        put_struct(text, v, i, depth);
    else if (pqf_type_has_list_shape(&v->type))
        put_list(text, v, i, depth);
    else if (v->type.id >= PQF_TYPE_DECIMAL32 && v->type.id <= PQF_TYPE_DECIMAL256)
        put_decimal(text, v, i);
    else if (v->type.id >= PQF_TYPE_INTERVAL_MONTHS &&
             v->type.id <= PQF_TYPE_INTERVAL_MONTH_DAY_NANO)
        put_interval(text, v, i);
    else
        put_bytes(text, v, i);
}

void pqf_view_text(const pqf_view *v, int64_t i, char *text, size_t text_bytes) {
    char space[MAX_CHARS * 4 + 1];
    pqf_text full;
    if (text_bytes == 0) return;
    pqf_text_init(&full, space, sizeof space);
    put_value(&full, v, i, 0);
    pqf_text_cut(&full, MAX_CHARS);
    pqf_text out;
    pqf_text_init(&out, text, text_bytes);
    pqf_text_put(&out, "%s", space);
    pqf_text_cut(&out, MAX_CHARS);
}
