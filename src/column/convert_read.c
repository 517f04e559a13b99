/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_read.c (room column): Parquet values to Arrow values where their bytes differ. In:
 * dense blocks of one physical type. Out: dense blocks of the Arrow type. One row per
 * pqf_convert; a value that Arrow cannot hold is an error, never wrapped (LogicalTypes.md;
 * INT96 timestamps: parquet.thrift, Type).
 */
#include "interval.h"
#include "reading.h"

#define NS_PER_DAY        INT64_C(86400000000000)
#define JULIAN_UNIX_EPOCH INT64_C(2440588) /* Julian day number of 1970-01-01 */

typedef pqf_status (*convert_fn)(const pqf_field *f, const pqf_kernels *kernel,
                                 const uint8_t *in, int64_t n, uint8_t *out,
                                 pqf_error *err);

static inline int32_t load_i32(const uint8_t *p) { return (int32_t)pqf_load_u32(p); }
static inline int64_t load_i64(const uint8_t *p) { return (int64_t)pqf_load_u64(p); }

/* ---- small integers ---- */

static pqf_status out_of_range(const uint8_t *in, int64_t n, int32_t low, int32_t high,
                               pqf_error *err) {
    int32_t v = 0;
    for (int64_t i = 0; i < n; i++) {
        v = load_i32(in + i * 4);
        if (v < low || v > high) break;
    }
    return pqf_fail(err, PQF_CORRUPT,
                    "the value %d is not in the range %d to %d of the column's type", v,
                    low, high);
}

/* True when all values are in [low, high]. One pass without branches. */
static bool all_in_range(const uint8_t *in, int64_t n, int32_t low, int32_t high) {
    uint32_t span = (uint32_t)(high - low), bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= pqf_load_u32(in + i * 4) - (uint32_t)low > span;
    return bad == 0;
}

static pqf_status to_8(const pqf_kernels *kernel, const uint8_t *in, int64_t n,
                       uint8_t *out, int32_t low, int32_t high, pqf_error *err) {
    if (!all_in_range(in, n, low, high)) return out_of_range(in, n, low, high, err);
    kernel->narrow_32_8((const uint32_t *)(const void *)in, n, out);
    return PQF_OK;
}

static pqf_status to_16(const pqf_kernels *kernel, const uint8_t *in, int64_t n,
                        uint8_t *out, int32_t low, int32_t high, pqf_error *err) {
    if (!all_in_range(in, n, low, high)) return out_of_range(in, n, low, high, err);
    kernel->narrow_32_16((const uint32_t *)(const void *)in, n, (uint16_t *)(void *)out);
    return PQF_OK;
}

static pqf_status to_int8(const pqf_field *f, const pqf_kernels *kernel,
                          const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)f;
    return to_8(kernel, in, n, out, INT8_MIN, INT8_MAX, err);
}
static pqf_status to_uint8(const pqf_field *f, const pqf_kernels *kernel,
                           const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)f;
    return to_8(kernel, in, n, out, 0, UINT8_MAX, err);
}
static pqf_status to_int16(const pqf_field *f, const pqf_kernels *kernel,
                           const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)f;
    return to_16(kernel, in, n, out, INT16_MIN, INT16_MAX, err);
}
static pqf_status to_uint16(const pqf_field *f, const pqf_kernels *kernel,
                            const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)f;
    return to_16(kernel, in, n, out, 0, UINT16_MAX, err);
}

/* ---- units of time ---- */

static pqf_status not_exact(int64_t value, int64_t factor, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "the value %lld is no multiple of %lld: the declared type has a "
                    "coarser unit than the file",
                    (long long)value, (long long)factor);
}

static pqf_status days_to_ms(const pqf_field *f, const pqf_kernels *kernel,
                             const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)kernel, (void)err; /* 2^31 days of 86,400,000 ms are below 2^58 */
    for (int64_t i = 0; i < n; i++)
        pqf_store_u64(out + i * 8, (uint64_t)(load_i32(in + i * 4) * f->factor));
    return PQF_OK;
}

static pqf_status divide_32(const pqf_field *f, const pqf_kernels *kernel,
                            const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t v = load_i32(in + i * 4);
        if (v % f->factor) return not_exact(v, f->factor, err);
        pqf_store_u32(out + i * 4, (uint32_t)(v / f->factor));
    }
    return PQF_OK;
}

static pqf_status divide_64(const pqf_field *f, const pqf_kernels *kernel,
                            const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t v = load_i64(in + i * 8), q = v / f->factor;
        if (q * f->factor != v) return not_exact(v, f->factor, err);
        pqf_store_u64(out + i * 8, (uint64_t)q);
    }
    return PQF_OK;
}

static pqf_status multiply_64(const pqf_field *f, const pqf_kernels *kernel,
                              const uint8_t *in, int64_t n, uint8_t *out,
                              pqf_error *err) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++) {
        int64_t v = load_i64(in + i * 8), product;
        if (!pqf_mul_i64(v, f->factor, &product))
            return pqf_fail(err, PQF_CORRUPT,
                            "the value %lld times %lld does not fit the declared "
                            "type, whose unit is finer than the file's",
                            (long long)v, (long long)f->factor);
        pqf_store_u64(out + i * 8, (uint64_t)product);
    }
    return PQF_OK;
}

/* What to ask for instead of units of `factor` nanoseconds. */
static const char *coarser_units(int64_t factor) {
    if (factor < 1000) return "'us' (or 'ms', 's')";
    return factor < 1000000 ? "'ms' (or 's')" : "'s'";
}

/* Nanoseconds of the day (int64), then the Julian day (int32). Whole units of `factor` ns, rounded
 * down. No product or sum of these overflows 128 bits. */
static pqf_status int96_to_timestamp(const pqf_field *f, const pqf_kernels *kernel,
                                     const uint8_t *in, int64_t n, uint8_t *out,
                                     pqf_error *err) {
    (void)kernel;
    int64_t units_per_day = NS_PER_DAY / f->factor;
    for (int64_t i = 0; i < n; i++, in += 12) {
        int64_t ns = load_i64(in), day = (int64_t)load_i32(in + 8) - JULIAN_UNIX_EPOCH;
        __int128 t =
            (__int128)day * units_per_day + ns / f->factor - (ns % f->factor < 0);
        if (t < INT64_MIN || t > INT64_MAX)
            return pqf_fail(
                err, PQF_LIMIT,
                "an INT96 timestamp %lld days from 1970-01-01 does not fit "
                "64 bits in this unit: coerce_int96_timestamp_unit=%s reads it",
                (long long)day, coarser_units(f->factor));
        pqf_store_u64(out + i * 8, (uint64_t)t);
    }
    return PQF_OK;
}

/* ---- decimals ---- */

static pqf_status no_room(int64_t width, size_t bytes, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "a decimal of %zu bytes does not fit %lld bits",
                    bytes, (long long)width * 8);
}

/* A number of `bytes` bytes as a decimal of 4, 8, 16 or 32. */
static pqf_status put_decimal(int64_t v, int32_t width, size_t bytes, uint8_t *out,
                              pqf_error *err) {
    if (width == 4) {
        if (v != (int32_t)v) return no_room(width, bytes, err);
        pqf_store_u32(out, (uint32_t)v);
        return PQF_OK;
    }
    pqf_store_u64(out, (uint64_t)v);
    for (int32_t at = 8; at < width; at += 8)
        pqf_store_u64(out + at, (uint64_t)(v >> 63));
    return PQF_OK;
}

static pqf_status int32_to_decimal(const pqf_field *f, const pqf_kernels *kernel,
                                   const uint8_t *in, int64_t n, uint8_t *out,
                                   pqf_error *err) {
    (void)kernel;
    int32_t width = f->arrow_width;
    for (int64_t i = 0; i < n; i++)
        TRY(put_decimal(load_i32(in + i * 4), width, 4, out + i * width, err));
    return PQF_OK;
}

static pqf_status int64_to_decimal(const pqf_field *f, const pqf_kernels *kernel,
                                   const uint8_t *in, int64_t n, uint8_t *out,
                                   pqf_error *err) {
    (void)kernel;
    int32_t width = f->arrow_width;
    for (int64_t i = 0; i < n; i++)
        TRY(put_decimal(load_i64(in + i * 8), width, 8, out + i * width, err));
    return PQF_OK;
}

pqf_status pqf_convert_decimal(pqf_bytes in, int32_t width, uint8_t *out,
                               pqf_error *err) {
    uint8_t sign = in.len > 0 && in.data[0] & 0x80 ? 0xFF : 0; /* of no bytes: 0 */
    size_t room = (size_t)width;
    while (in.len > room && in.data[0] == sign && (in.data[1] & 0x80) == (sign & 0x80)) {
        in.data++;
        in.len--;
    }
    if (in.len > room) return no_room(width, in.len, err);
    memset(out, sign, room);
    for (size_t i = 0; i < in.len; i++)
        out[i] = in.data[in.len - 1 - i];
    return PQF_OK;
}

static pqf_status fixed_to_decimal(const pqf_field *f, const pqf_kernels *kernel,
                                   const uint8_t *in, int64_t n, uint8_t *out,
                                   pqf_error *err) {
    int32_t width = f->leaf->type_length, to = f->arrow_width;
    if (to == 16 && width >= 1 && width <= 16) {
        kernel->decimal_from_be(in, width, n, out);
        return PQF_OK;
    }
    for (int64_t i = 0; i < n; i++)
        TRY(pqf_convert_decimal(pqf_bytes_of(in + i * width, (size_t)width), to,
                                out + i * to, err));
    return PQF_OK;
}

/* NULL: no fixed-width conversion, the bytes stay or there are none. */
static const convert_fn converts[] = {
    [PQF_CONVERT_INT32_TO_INT8] = to_int8,
    [PQF_CONVERT_INT32_TO_UINT8] = to_uint8,
    [PQF_CONVERT_INT32_TO_INT16] = to_int16,
    [PQF_CONVERT_INT32_TO_UINT16] = to_uint16,
    [PQF_CONVERT_DAYS_TO_MS] = days_to_ms,
    [PQF_CONVERT_DIVIDE_32] = divide_32,
    [PQF_CONVERT_DIVIDE_64] = divide_64,
    [PQF_CONVERT_MULTIPLY_64] = multiply_64,
    [PQF_CONVERT_INT96_TO_TIMESTAMP] = int96_to_timestamp,
    [PQF_CONVERT_INT32_TO_DECIMAL] = int32_to_decimal,
    [PQF_CONVERT_INT64_TO_DECIMAL] = int64_to_decimal,
    [PQF_CONVERT_FIXED_TO_DECIMAL] = fixed_to_decimal,
    [PQF_CONVERT_BYTES_TO_DECIMAL] = NULL,
    [PQF_CONVERT_INTERVAL] = pqf_intervals_read,
};

pqf_status pqf_convert_fixed(const pqf_field *leaf_field, const pqf_kernels *kernel,
                             const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err) {
    convert_fn fn = converts[leaf_field->convert];
    if (fn) return fn(leaf_field, kernel, in, n, out, err);
    return pqf_fail(err, PQF_UNSUPPORTED,
                    "this conversion of values is not built for reading");
}
