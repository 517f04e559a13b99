/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_write.c (room column): dense Arrow values to dense Parquet values where the two differ
 * (PQF_CONVERT_LIST in format.h, read from A to P; LogicalTypes.md). In: n values of arrow_width
 * bytes; out: n values of the leaf's physical width. A value that has no Parquet value of its own
 * is PQF_SCHEMA and named; only coerced timestamps may be cut, where the field says so.
 */
#include "interval.h"
#include "shred.h"

typedef pqf_status (*convert_fn)(const pqf_field *field, const pqf_kernels *kernel,
                                 const uint8_t *in, int64_t n, uint8_t *out,
                                 pqf_error *err);

#define CONVERT_ARGS                                                                     \
    const pqf_field *field, const pqf_kernels *kernel, const uint8_t *in, int64_t n,     \
        uint8_t *out, pqf_error *err

static pqf_status fail_value(const pqf_field *field, int64_t value, const char *what,
                             pqf_error *err) {
    return pqf_fail(err, PQF_SCHEMA, "value %lld of field '%s' %s", (long long)value,
                    field->name, what);
}

/* ---- integers of other widths ---- */

/* Loads and stores by memcpy: Arrow's buffers may lie at any address. */
#define WIDEN(name, from, to)                                                            \
    static pqf_status name(CONVERT_ARGS) {                                               \
        (void)field, (void)kernel, (void)err;                                            \
        for (int64_t i = 0; i < n; i++) {                                                \
            from a;                                                                      \
            memcpy(&a, in + i * (int64_t)sizeof a, sizeof a);                            \
            to p = a;                                                                    \
            memcpy(out + i * (int64_t)sizeof p, &p, sizeof p);                           \
        }                                                                                \
        return PQF_OK;                                                                   \
    }
WIDEN(from_int8, int8_t, int32_t)
WIDEN(from_uint8, uint8_t, int32_t)
WIDEN(from_int16, int16_t, int32_t)
WIDEN(from_uint16, uint16_t, int32_t)
WIDEN(from_uint32, uint32_t, int64_t)

/* ---- dates, times, timestamps ---- */

static inline int64_t load_i64(const uint8_t *p) { return (int64_t)pqf_load_u64(p); }

static pqf_status from_date64(CONVERT_ARGS) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = load_i64(in + i * 8), p = a / field->factor;
        if (p * field->factor != a)
            return fail_value(field, a, "is not a whole number of days", err);
        if (p != (int32_t)p)
            return fail_value(field, a, "is a date beyond 32 bits of days", err);
        pqf_store_u32(out + i * 4, (uint32_t)(int32_t)p);
    }
    return PQF_OK;
}

static pqf_status multiply_32(CONVERT_ARGS) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int32_t a = (int32_t)pqf_load_u32(in + i * 4);
        int64_t p = a * field->factor; /* factor is 1000: no overflow of 64 bits */
        if (p != (int32_t)p)
            return fail_value(field, a, "overflows the unit of the file", err);
        pqf_store_u32(out + i * 4, (uint32_t)(int32_t)p);
    }
    return PQF_OK;
}

static pqf_status multiply_64(CONVERT_ARGS) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = load_i64(in + i * 8), p;
        if (!pqf_mul_i64(a, field->factor, &p))
            return fail_value(field, a, "overflows the unit of the file", err);
        pqf_store_u64(out + i * 8, (uint64_t)p);
    }
    return PQF_OK;
}

/* What is cut is cut towards zero. */
static pqf_status divide_64(CONVERT_ARGS) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = load_i64(in + i * 8), p = a / field->factor;
        if (p * field->factor != a && !field->keep_lossy)
            return fail_value(field, a,
                              "would lose data in the unit of the file; "
                              "allow_truncated_timestamps permits that",
                              err);
        pqf_store_u64(out + i * 8, (uint64_t)p);
    }
    return PQF_OK;
}

#define NS_PER_DAY   INT64_C(86400000000000)
#define JULIAN_EPOCH INT64_C(2440588) /* Julian day number of 1970-01-01 */

/* 12 bytes: nanoseconds of the day, then the Julian day. */
static pqf_status to_int96(CONVERT_ARGS) {
    (void)kernel;
    int64_t units_per_day = NS_PER_DAY / field->factor;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = load_i64(in + i * 8), day = a / units_per_day,
                unit = a % units_per_day;
        if (unit < 0) {
            unit += units_per_day;
            day--;
        }
        day += JULIAN_EPOCH; /* |day| is at most 2^63 / 86400 */
        if (day != (int32_t)day)
            return fail_value(field, a, "is beyond INT96 timestamps", err);
        pqf_store_u64(out + i * 12, (uint64_t)(unit * field->factor));
        pqf_store_u32(out + i * 12 + 8, (uint32_t)day);
    }
    return PQF_OK;
}

/* ---- decimals ---- */

/* Not 0 where 64 bits are not the sign extension of their low `bits`. */
static inline uint64_t beyond(uint64_t v, int bits) {
    int shift = 64 - bits;
    return v ^ (uint64_t)((int64_t)(v << shift) >> shift);
}

/* A little-endian number of 4 bytes or of a multiple of 8, words low to high, has to be the sign
 * extension of its low `bits`. */
static uint64_t wrong_beyond(const uint8_t *in, int32_t width, int bits) {
    if (width == 4) {
        int32_t v = (int32_t)pqf_load_u32(in);
        return bits < 32 ? beyond((uint64_t)(int64_t)v, bits) : 0;
    }
    uint64_t wrong = 0, sign = 0;
    for (int32_t i = 0; i < width; i += 8, bits -= 64) {
        uint64_t v = pqf_load_u64(in + i);
        if (bits <= 0)
            wrong |= v ^ sign;
        else if (bits < 64)
            wrong |= beyond(v, bits);
        sign = (uint64_t)((int64_t)v >> 63);
    }
    return wrong;
}

static pqf_status fail_digits(const pqf_field *field, pqf_error *err) {
    return pqf_fail(err, PQF_SCHEMA,
                    "a decimal of field '%s' has more digits than its precision",
                    field->name);
}

/* The bytes of each value have to be the sign extension of the low `width`. */
static pqf_status check_decimals(const pqf_field *field, const uint8_t *in, int64_t n,
                                 int32_t width, pqf_error *err) {
    uint64_t wrong = 0;
    for (int64_t i = 0; i < n && width < field->arrow_width; i++)
        wrong |= wrong_beyond(in + i * field->arrow_width, field->arrow_width, 8 * width);
    return wrong ? fail_digits(field, err) : PQF_OK;
}

static pqf_status decimal_to_int(const pqf_field *field, const uint8_t *in, int64_t n,
                                 int32_t width, uint8_t *out, pqf_error *err) {
    TRY(check_decimals(field, in, n, width, err));
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * width, in + i * field->arrow_width, (size_t)width);
    return PQF_OK;
}

static pqf_status decimal_to_32(CONVERT_ARGS) {
    (void)kernel;
    return decimal_to_int(field, in, n, 4, out, err);
}

static pqf_status decimal_to_64(CONVERT_ARGS) {
    (void)kernel;
    return decimal_to_int(field, in, n, 8, out, err);
}

/* decimal_bytes in format/write_schema.c: the leaf is never wider than the Arrow value. */
static pqf_status decimal_to_fixed(CONVERT_ARGS) {
    int32_t width = field->leaf->type_length;
    if (field->arrow_width == 16)
        return kernel->decimal_to_be(in, width, n, out) ? PQF_OK
                                                        : fail_digits(field, err);
    TRY(check_decimals(field, in, n, width, err));
    for (int64_t i = 0; i < n; i++, in += field->arrow_width, out += width)
        for (int32_t k = 0; k < width; k++)
            out[k] = in[width - 1 - k];
    return PQF_OK;
}

/* ---- the table ---- */

static const convert_fn converts[] = {
    [PQF_CONVERT_INT32_TO_INT8] = from_int8,
    [PQF_CONVERT_INT32_TO_UINT8] = from_uint8,
    [PQF_CONVERT_INT32_TO_INT16] = from_int16,
    [PQF_CONVERT_INT32_TO_UINT16] = from_uint16,
    [PQF_CONVERT_INT64_TO_UINT32] = from_uint32,
    [PQF_CONVERT_DAYS_TO_MS] = from_date64,
    [PQF_CONVERT_DIVIDE_32] = multiply_32,
    [PQF_CONVERT_DIVIDE_64] = multiply_64,
    [PQF_CONVERT_MULTIPLY_64] = divide_64,
    [PQF_CONVERT_INT96_TO_TIMESTAMP] = to_int96,
    [PQF_CONVERT_INT32_TO_DECIMAL] = decimal_to_32,
    [PQF_CONVERT_INT64_TO_DECIMAL] = decimal_to_64,
    [PQF_CONVERT_FIXED_TO_DECIMAL] = decimal_to_fixed,
    [PQF_CONVERT_BYTES_TO_DECIMAL] = NULL,
    [PQF_CONVERT_INTERVAL] = pqf_intervals_write,
};

static bool has_convert(pqf_convert convert) {
    size_t id = (size_t)convert;
    return convert == PQF_CONVERT_NONE || convert == PQF_CONVERT_NULLS ||
           (id < sizeof converts / sizeof *converts && converts[id]);
}

bool pqf_leaf_is_written(const pqf_field *leaf_field) {
    return has_convert(leaf_field->convert) && leaf_field->leaf->max_def <= INT8_MAX &&
           leaf_field->leaf->max_rep <= INT8_MAX;
}

pqf_status pqf_convert_write(pqf_shred *s, const void **values, int64_t n,
                             pqf_error *err) {
    const pqf_field *field = s->leaf_field;
    if (field->convert == PQF_CONVERT_NONE) return PQF_OK;
    size_t id = (size_t)field->convert;
    if (id >= sizeof converts / sizeof *converts || !converts[id])
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "field '%s': values of format '%s' are not written", field->name,
                        field->format);
    pqf_buf *out = &s->bufs[PQF_SHRED_CONVERTED];
    TRY(pqf_shred_room(out, (size_t)n * (size_t)pqf_leaf_width(field->leaf), err));
    TRY(converts[id](field, s->kernel, *values, n, out->data, err));
    *values = out->data;
    return PQF_OK;
}
