/* SPDX-License-Identifier: Apache-2.0
 *
 * value_text.c: partition values as text and back, one row per kind of type: integers and
 * decimals plain, bool true/false, dates and timestamps ISO 8601 with the digits of the
 * unit (aware ones in UTC with Z), times ISO, floats in the shortest form that reads
 * back.
 */
#include "inner.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A value on its way between array and text. */
typedef struct value {
    int64_t i;
    uint64_t u;
    double f;
    __int128 d;
} value;

typedef struct kind {
    pqf_type_id id;
    void (*load)(const uint8_t *p, value *v);
    void (*print)(const pqf_type *type, const value *v, char *text, size_t text_bytes);
    bool (*parse)(const pqf_type *type, const char *text, value *v);
    void (*store)(const value *v, uint8_t *p);
    /* NULL: every value has a text */
    bool (*is_sound)(const pqf_type *type, const value *v);
} kind;

/* ---- loads and stores ---- */

#define LOAD_STORE(name, c_type, member)                                                 \
    static void load_##name(const uint8_t *p, value *v) {                                \
        c_type x;                                                                        \
        memcpy(&x, p, sizeof x);                                                         \
        v->member = x;                                                                   \
    }                                                                                    \
    static void store_##name(const value *v, uint8_t *p) {                               \
        c_type x = (c_type)v->member;                                                    \
        memcpy(p, &x, sizeof x);                                                         \
    }
LOAD_STORE(i8, int8_t, i)
LOAD_STORE(i16, int16_t, i)
LOAD_STORE(i32, int32_t, i)
LOAD_STORE(i64, int64_t, i)
LOAD_STORE(u8, uint8_t, u)
LOAD_STORE(u16, uint16_t, u)
LOAD_STORE(u32, uint32_t, u)
LOAD_STORE(u64, uint64_t, u)
LOAD_STORE(f32, float, f)
LOAD_STORE(f64, double, f)
LOAD_STORE(d32, int32_t, d)
LOAD_STORE(d64, int64_t, d)
LOAD_STORE(d128, __int128, d)
#undef LOAD_STORE

static void load_f16(const uint8_t *p, value *v) {
    v->f = pqf_half_to_double(pqf_load_u16(p));
}
static void store_f16(const value *v, uint8_t *p) {
    uint16_t x = pqf_double_to_half(v->f);
    memcpy(p, &x, sizeof x);
}

/* ---- integers ---- */

static void print_i(const pqf_type *type, const value *v, char *text, size_t n) {
    (void)type;
    snprintf(text, n, "%" PRId64, v->i);
}
static void print_u(const pqf_type *type, const value *v, char *text, size_t n) {
    (void)type;
    snprintf(text, n, "%" PRIu64, v->u);
}

static bool parse_i(const pqf_type *type, const char *text, value *v) {
    char *end;
    if (!isdigit((unsigned char)text[text[0] == '-'])) return false;
    errno = 0;
    v->i = strtoll(text, &end, 10);
    int bits = type->byte_width * 8;
    if (errno || *end) return false;
    return bits == 64 ||
           (v->i >= -(INT64_C(1) << (bits - 1)) && v->i < INT64_C(1) << (bits - 1));
}
static bool parse_u(const pqf_type *type, const char *text, value *v) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    errno = 0;
    v->u = strtoull(text, &end, 10);
    int bits = type->byte_width * 8;
    return !errno && !*end && (bits == 64 || v->u < UINT64_C(1) << bits);
}

/* ---- floats ---- */

static bool reads_back(pqf_type_id id, const char *text, double f) {
    if (id == PQF_TYPE_FLOAT) return strtof(text, NULL) == (float)f;
    double v = strtod(text, NULL);
    return id == PQF_TYPE_HALF ? pqf_half_to_double(pqf_double_to_half(v)) == f : v == f;
}
/* The fewest digits that read back as the same value; ".0" marks an integral one as a
 * float. */
static void print_f(const pqf_type *type, const value *v, char *text, size_t n) {
    double f = v->f;
    if (isnan(f) || isinf(f)) {
        snprintf(text, n, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, n, "%.*g", digits, f);
        if (reads_back(type->id, text, f)) break;
    }
    if (!strpbrk(text, ".e")) strncat(text, ".0", n - strlen(text) - 1);
}
static bool parse_f(const pqf_type *type, const char *text, value *v) {
    char *end;
    if (!*text || isspace((unsigned char)*text)) return false;
    v->f = type->id == PQF_TYPE_FLOAT ? (double)strtof(text, &end) : strtod(text, &end);
    return !*end;
}

/* ---- dates and times: days since 1970-01-01 in the proleptic Gregorian calendar ---- */

/* Counts in eras of 400 years that begin on 1 March, so that the leap day is an era's
 * last. */
static int64_t days_of(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int print_date(int64_t days, char *text, size_t n) {
    int64_t year;
    int month, day;
    date_of(days, &year, &month, &day);
    return snprintf(text, n, "%s%04" PRId64 "-%02d-%02d", year < 0 ? "-" : "",
                    year < 0 ? -year : year, month, day);
}

static int print_clock(int64_t ticks, pqf_unit unit, char *text, size_t n) {
    int64_t per = pqf_unit_per_second(unit), s = ticks / per;
    int at = snprintf(text, n, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
                      (int)(s % 60));
    if (unit == PQF_SECOND) return at;
    return at +
           snprintf(text + at, n - (size_t)at, ".%0*" PRId64, 3 * (int)unit, ticks % per);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static void print_date32(const pqf_type *type, const value *v, char *text, size_t n) {
    (void)type;
    print_date(v->i, text, n);
}
static void print_date64(const pqf_type *type, const value *v, char *text, size_t n) {
    (void)type;
    print_date(floor_div(v->i, 86400000), text, n);
}
static void print_time(const pqf_type *type, const value *v, char *text, size_t n) {
    print_clock(v->i, type->unit, text, n);
}
static void print_timestamp(const pqf_type *type, const value *v, char *text, size_t n) {
    int64_t per_day = pqf_unit_per_second(type->unit) * 86400;
    int64_t days = floor_div(v->i, per_day);
    int at = print_date(days, text, n);
    text[at++] = 'T';
    /* days * per_day may lie below INT64_MIN by less than a day: subtract without
     * signs */
    int64_t rest = (int64_t)((uint64_t)v->i - (uint64_t)days * (uint64_t)per_day);
    at += print_clock(rest, type->unit, text + at, n - (size_t)at);
    if (*type->zone) snprintf(text + at, n - (size_t)at, "Z");
}

/* Exactly `count` digits at *text; moves on. */
static bool digits(const char **text, int count, int64_t *out) {
    *out = 0;
    for (; count; count--, (*text)++) {
        if (!isdigit((unsigned char)**text)) return false;
        *out = *out * 10 + (**text - '0');
    }
    return true;
}

static bool parse_days(const char **text, int64_t *days) {
    int64_t year = 0, month, day;
    bool negative = **text == '-';
    *text += negative;
    int count = 0;
    while (isdigit((unsigned char)(*text)[count]))
        count++;
    if (count < 4 || count > 12 || !digits(text, count, &year) || *(*text)++ != '-')
        return false;
    if (!digits(text, 2, &month) || *(*text)++ != '-' || !digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    int64_t y;
    int m, d;
    *days = days_of(negative ? -year : year, (int)month, (int)day);
    date_of(*days, &y, &m, &d);
    return m == month && d == day;
}

static bool parse_clock(const char **text, pqf_unit unit, int64_t *ticks) {
    int64_t h, m, s, per = pqf_unit_per_second(unit);
    if (!digits(text, 2, &h) || *(*text)++ != ':' || !digits(text, 2, &m) ||
        *(*text)++ != ':' || !digits(text, 2, &s) || h > 23 || m > 59 || s > 59)
        return false;
    *ticks = ((h * 60 + m) * 60 + s) * per;
    if (**text != '.') return true;
    for ((*text)++; isdigit((unsigned char)**text); (*text)++) {
        int64_t digit = **text - '0';
        per /= 10;
        if (!per && digit) return false; /* finer than the unit */
        *ticks += digit * per;
    }
    return true;
}

static bool parse_date32(const pqf_type *type, const char *text, value *v) {
    (void)type;
    return parse_days(&text, &v->i) && !*text && v->i >= INT32_MIN && v->i <= INT32_MAX;
}
static bool parse_date64(const pqf_type *type, const char *text, value *v) {
    (void)type;
    return parse_days(&text, &v->i) && !*text && pqf_mul_i64(v->i, 86400000, &v->i);
}
static bool parse_time(const pqf_type *type, const char *text, value *v) {
    return parse_clock(&text, type->unit, &v->i) && !*text;
}
static bool parse_timestamp(const pqf_type *type, const char *text, value *v) {
    int64_t days, ticks = 0, per_day = pqf_unit_per_second(type->unit) * 86400;
    if (!parse_days(&text, &days)) return false;
    if (*text == 'T' || *text == ' ') {
        text++;
        if (!parse_clock(&text, type->unit, &ticks)) return false;
    }
    if (*text == 'Z') text++;
    __int128 total = (__int128)days * per_day + ticks;
    v->i = (int64_t)total;
    return !*text && total >= INT64_MIN && total <= INT64_MAX;
}

/* ---- bool and decimals ---- */

/* Digits of a decimal128, the widest with a text, in either direction. */
#define MAX_SCALE 38

static bool parse_bool(const pqf_type *type, const char *text, value *v) {
    (void)type;
    v->u = !strcmp(text, "true");
    return v->u || !strcmp(text, "false");
}

static void print_decimal(const pqf_type *type, const value *v, char *text, size_t n) {
    char reversed[64];
    int count = 0;
    unsigned __int128 rest =
        v->d < 0 ? -(unsigned __int128)v->d : (unsigned __int128)v->d;
    int scale = type->scale > 0 ? type->scale : 0;
    for (; rest || count <= scale; rest /= 10)
        reversed[count++] = (char)('0' + (int)(rest % 10));
    size_t at = 0;
    if (v->d < 0) text[at++] = '-';
    while (count && at + 2 < n) {
        if (count == scale) text[at++] = '.';
        text[at++] = reversed[--count];
    }
    for (int i = type->scale; i < 0 && v->d && at + 1 < n; i++)
        text[at++] = '0';
    text[at] = 0;
}

/* d * 10 + digit away from zero, so that the least value of 128 bits has its text too. */
static bool push_digit(__int128 *d, int digit, bool negative) {
    return !__builtin_mul_overflow(*d, (__int128)10, d) &&
           !__builtin_add_overflow(*d, (__int128)(negative ? -digit : digit), d);
}

/* Zeros behind the last digit wait until a digit follows: there may be more of them than
 * 128 bits hold. `after` counts the digits behind the point that are in d. */
static bool parse_decimal(const pqf_type *type, const char *text, value *v) {
    bool negative = *text == '-', seen_point = false;
    int after = 0, count = 0, zeros = 0;
    v->d = 0;
    for (text += negative; *text; text++) {
        if (*text == '.' && !seen_point) {
            seen_point = true;
            continue;
        }
        if (!isdigit((unsigned char)*text) || ++count > 100) return false;
        after += seen_point;
        zeros++;
        for (int digit = *text - '0'; digit && zeros; zeros--)
            if (!push_digit(&v->d, zeros == 1 ? digit : 0, negative)) return false;
    }
    for (after -= zeros; after < type->scale; after++)
        if (!push_digit(&v->d, 0, negative)) return false;
    __int128 beyond = v->d >> (8 * type->byte_width - 1);
    return count && (after == type->scale || !v->d) && (beyond == 0 || beyond == -1);
}

/* ---- values that are none of their type ---- */

static bool is_whole_day(const pqf_type *type, const value *v) {
    (void)type;
    return v->i % 86400000 == 0;
}

static bool is_within_day(const pqf_type *type, const value *v) {
    return v->i >= 0 && v->i < 86400 * pqf_unit_per_second(type->unit);
}

/* ---- the table ---- */

static const kind kinds[] = {
    {PQF_TYPE_INT8, load_i8, print_i, parse_i, store_i8, NULL},
    {PQF_TYPE_INT16, load_i16, print_i, parse_i, store_i16, NULL},
    {PQF_TYPE_INT32, load_i32, print_i, parse_i, store_i32, NULL},
    {PQF_TYPE_INT64, load_i64, print_i, parse_i, store_i64, NULL},
    {PQF_TYPE_UINT8, load_u8, print_u, parse_u, store_u8, NULL},
    {PQF_TYPE_UINT16, load_u16, print_u, parse_u, store_u16, NULL},
    {PQF_TYPE_UINT32, load_u32, print_u, parse_u, store_u32, NULL},
    {PQF_TYPE_UINT64, load_u64, print_u, parse_u, store_u64, NULL},
    {PQF_TYPE_HALF, load_f16, print_f, parse_f, store_f16, NULL},
    {PQF_TYPE_FLOAT, load_f32, print_f, parse_f, store_f32, NULL},
    {PQF_TYPE_DOUBLE, load_f64, print_f, parse_f, store_f64, NULL},
    {PQF_TYPE_DECIMAL32, load_d32, print_decimal, parse_decimal, store_d32, NULL},
    {PQF_TYPE_DECIMAL64, load_d64, print_decimal, parse_decimal, store_d64, NULL},
    {PQF_TYPE_DECIMAL128, load_d128, print_decimal, parse_decimal, store_d128, NULL},
    {PQF_TYPE_DATE32, load_i32, print_date32, parse_date32, store_i32, NULL},
    {PQF_TYPE_DATE64, load_i64, print_date64, parse_date64, store_i64, is_whole_day},
    {PQF_TYPE_TIME32, load_i32, print_time, parse_time, store_i32, is_within_day},
    {PQF_TYPE_TIME64, load_i64, print_time, parse_time, store_i64, is_within_day},
    {PQF_TYPE_TIMESTAMP, load_i64, print_timestamp, parse_timestamp, store_i64, NULL},
    {PQF_TYPE_DURATION, load_i64, print_i, parse_i, store_i64, NULL},
};

static const kind *kind_of(pqf_type_id id) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].id == id) return &kinds[i];
    return NULL;
}

static bool is_text(pqf_type_id id) {
    return id == PQF_TYPE_STRING || id == PQF_TYPE_LARGE_STRING ||
           id == PQF_TYPE_STRING_VIEW;
}

pqf_status pqf_value_check_type(const struct ArrowSchema *schema, const char *column,
                                pqf_error *err) {
    pqf_type type;
    if (schema->dictionary) schema = schema->dictionary;
    TRY(pqf_type_parse(schema->format, &type, err));
    bool has_text = is_text(type.id) || type.id == PQF_TYPE_BOOL || kind_of(type.id);
    if (has_text && type.scale >= -MAX_SCALE && type.scale <= MAX_SCALE) return PQF_OK;
    char text[128];
    pqf_type_text(schema, text, sizeof text);
    return pqf_fail(
        err, PQF_INVALID,
        "the column '%s' of type %s cannot name partition folders; use an integer, "
        "string, bool, float, decimal (of up to 38 digits), date, time, timestamp or "
        "duration column",
        column, text);
}

/* ---- arrays to text ---- */

static pqf_status put_text(const char *text, pqf_buf *out, pqf_error *err) {
    return pqf_buf_put(out, text, strlen(text), err);
}

/* Numbers are written with a point, whatever the process' locale has. */
typedef struct plain_locale {
    locale_t plain, before;
} plain_locale;

static plain_locale locale_begin(void) {
    plain_locale l = {.plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0)};
    if (l.plain) l.before = uselocale(l.plain);
    return l;
}

static void locale_end(plain_locale *l) {
    if (!l->plain) return;
    uselocale(l->before);
    freelocale(l->plain);
}

static pqf_status put_value(const pqf_type *type, pqf_bytes bytes, pqf_buf *out,
                            pqf_error *err) {
    const kind *k = kind_of(type->id);
    char text[128];
    value v = {0};
    if (!k)
        return pqf_fail(err, PQF_INVALID, "a value of this type cannot name a folder");
    k->load(bytes.data, &v);
    if (k->is_sound && !k->is_sound(type, &v))
        return pqf_fail(err, PQF_INVALID,
                        "%" PRId64 " is no whole day or no time of a day", v.i);
    plain_locale l = locale_begin();
    k->print(type, &v, text, sizeof text);
    locale_end(&l);
    return put_text(text, out, err);
}

pqf_status pqf_value_text(const pqf_view *view, int64_t i, pqf_buf *out, pqf_error *err) {
    if (!pqf_view_resolve(&view, &i)) return put_text(PQF_HIVE_NULL, out, err);
    const pqf_type *type = &view->type;
    if (is_text(type->id)) {
        pqf_bytes s = pqf_view_bytes(view, i);
        if (s.len == strlen(PQF_HIVE_NULL) && !memcmp(s.data, PQF_HIVE_NULL, s.len))
            return pqf_fail(err, PQF_INVALID,
                            "the text %s marks null partitions and cannot be a value",
                            PQF_HIVE_NULL);
        return pqf_buf_put(out, s.data, s.len, err);
    }
    if (type->id == PQF_TYPE_BOOL)
        return put_text(pqf_bit_get(view->values, view->offset + i) ? "true" : "false",
                        out, err);
    return put_value(type, pqf_view_bytes(view, i), out, err);
}

/* ---- text to arrays ---- */

static pqf_status no_value(const struct ArrowSchema *schema, pqf_bytes text,
                           pqf_error *err) {
    char name[128];
    pqf_type_text(schema, name, sizeof name);
    return pqf_fail(err, PQF_CORRUPT,
                    "the folder value '%.80s' is not a value of type %s",
                    (const char *)text.data, name);
}

static pqf_status parse_fixed(const struct ArrowSchema *schema, const pqf_type *type,
                              const pqf_bytes *texts, int64_t n, pqf_buf *values,
                              pqf_error *err) {
    const kind *k = kind_of(type->id);
    bool is_bool = type->id == PQF_TYPE_BOOL;
    size_t width = is_bool ? 0 : (size_t)type->byte_width;
    TRY(pqf_buf_put_zeros(values, is_bool ? (size_t)pqf_bits_bytes(n) : (size_t)n * width,
                          err));
    for (int64_t i = 0; i < n; i++) {
        value v = {0};
        const char *text = (const char *)texts[i].data;
        if (strlen(text) != texts[i].len ||
            !(is_bool ? parse_bool(type, text, &v) : k->parse(type, text, &v)))
            return no_value(schema, texts[i], err);
        if (is_bool)
            pqf_bit_put(values->data, i, v.u != 0);
        else
            k->store(&v, values->data + (size_t)i * width);
    }
    return PQF_OK;
}

static pqf_status put_end(pqf_buf *ends, bool is_large, size_t end, pqf_error *err) {
    uint64_t end_64 = end;
    return pqf_buf_put(ends, &end_64, is_large ? 8 : 4, err);
}

static pqf_status parse_text(const pqf_bytes *texts, int64_t n, bool is_large,
                             pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    pqf_buf none = {.mem = mem}, ends = {.mem = mem},
            bytes = {.mem = mem, .max = INT32_MAX};
    pqf_status status = PQF_OK;
    TRY_DONE(put_end(&ends, is_large, 0, err));
    TRY_DONE(pqf_buf_reserve(&bytes, 1, err));
    for (int64_t i = 0; i < n; i++) {
        if (!pqf_kernels_get()->utf8_valid(texts[i].data, (int64_t)texts[i].len))
            TRY_DONE(pqf_fail(err, PQF_CORRUPT, "the folder value '%.80s' is not UTF-8",
                              (const char *)texts[i].data));
        TRY_DONE(pqf_buf_put(&bytes, texts[i].data, texts[i].len, err));
        TRY_DONE(put_end(&ends, is_large, bytes.len, err));
    }
    TRY_DONE(pqf_array_init(out, mem, n, 0, 3, 0, err));
    pqf_array_take_buffer(out, 0, &none);
    pqf_array_take_buffer(out, 1, &ends);
    pqf_array_take_buffer(out, 2, &bytes);
done:
    pqf_buf_reset(&ends);
    pqf_buf_reset(&bytes);
    return status;
}

pqf_status pqf_values_parse(const struct ArrowSchema *schema, const pqf_bytes *texts,
                            int64_t n, pqf_mem *mem, struct ArrowArray *out,
                            pqf_error *err) {
    pqf_type type;
    TRY(pqf_type_parse(schema->format, &type, err));
    if (is_text(type.id))
        return parse_text(texts, n, type.id == PQF_TYPE_LARGE_STRING, mem, out, err);
    pqf_buf none = {.mem = mem}, values = {.mem = mem};
    pqf_status status = PQF_OK;
    TRY_DONE(pqf_buf_reserve(&values, 1, err));
    plain_locale l = locale_begin();
    status = parse_fixed(schema, &type, texts, n, &values, err);
    locale_end(&l);
    if (status != PQF_OK) goto done;
    TRY_DONE(pqf_array_init(out, mem, n, 0, 2, 0, err));
    pqf_array_take_buffer(out, 0, &none);
    pqf_array_take_buffer(out, 1, &values);
done:
    pqf_buf_reset(&values);
    return status;
}

bool pqf_text_is_integer(pqf_bytes text, bool *fits_32) {
    const char *s = (const char *)text.data;
    size_t sign = s[0] == '-';
    if (text.len <= sign || text.len - sign > 19 || (s[sign] == '0' && text.len > 1))
        return false;
    for (size_t i = sign; i < text.len; i++)
        if (!isdigit((unsigned char)s[i])) return false;
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    *fits_32 = v >= INT32_MIN && v <= INT32_MAX;
    return errno == 0;
}
