/* SPDX-License-Identifier: Apache-2.0
 *
 * number.c: room arrow. Loads and stores of numbers between their width in memory and
 * blocks of int64 or double, so that conversions are written once and not for every pair
 * of widths.
 */
#include "number.h"

pqf_number pqf_number_of(const pqf_type *type) {
    switch (type->id) {
    case PQF_TYPE_INT8: return PQF_NUMBER_I8;
    case PQF_TYPE_UINT8: return PQF_NUMBER_U8;
    case PQF_TYPE_INT16: return PQF_NUMBER_I16;
    case PQF_TYPE_UINT16: return PQF_NUMBER_U16;
    case PQF_TYPE_UINT32: return PQF_NUMBER_U32;
    case PQF_TYPE_UINT64: return PQF_NUMBER_U64;
    case PQF_TYPE_HALF: return PQF_NUMBER_F16;
    case PQF_TYPE_FLOAT: return PQF_NUMBER_F32;
    case PQF_TYPE_DOUBLE: return PQF_NUMBER_F64;
    case PQF_TYPE_INT32:
    case PQF_TYPE_DATE32:
    case PQF_TYPE_TIME32: return PQF_NUMBER_I32;
    case PQF_TYPE_INT64:
    case PQF_TYPE_DATE64:
    case PQF_TYPE_TIME64:
    case PQF_TYPE_TIMESTAMP:
    case PQF_TYPE_DURATION: return PQF_NUMBER_I64;
    default: return PQF_NUMBER_NONE;
    }
}

#define LOAD_ALL(T, O)                                                                   \
    {                                                                                    \
        const T *p = (const T *)values + at;                                             \
        for (int64_t i = 0; i < n; i++)                                                  \
            out[i] = (O)p[i];                                                            \
        break;                                                                           \
    }

void pqf_number_load_i64(pqf_number from, const void *values, int64_t at, int64_t n,
                         int64_t *out) {
    switch (from) {
    case PQF_NUMBER_I8: LOAD_ALL(int8_t, int64_t)
    case PQF_NUMBER_U8: LOAD_ALL(uint8_t, int64_t)
    case PQF_NUMBER_I16: LOAD_ALL(int16_t, int64_t)
    case PQF_NUMBER_U16: LOAD_ALL(uint16_t, int64_t)
    case PQF_NUMBER_I32: LOAD_ALL(int32_t, int64_t)
    case PQF_NUMBER_U32: LOAD_ALL(uint32_t, int64_t)
    case PQF_NUMBER_I64: LOAD_ALL(int64_t, int64_t)
    case PQF_NUMBER_U64: LOAD_ALL(uint64_t, int64_t)
    default: break;
    }
}

void pqf_number_load_f64(pqf_number from, const void *values, int64_t at, int64_t n,
                         double *out) {
    switch (from) {
    case PQF_NUMBER_F16: {
        const uint16_t *p = (const uint16_t *)values + at;
        for (int64_t i = 0; i < n; i++)
            out[i] = pqf_half_to_double(p[i]);
        break;
    }
    case PQF_NUMBER_F32: LOAD_ALL(float, double)
    case PQF_NUMBER_F64: LOAD_ALL(double, double)
    default: break;
    }
}

#define STORE_ALL(T)                                                                     \
    {                                                                                    \
        T *p = (T *)values + at;                                                         \
        for (int64_t i = 0; i < n; i++)                                                  \
            p[i] = (T)in[i];                                                             \
        break;                                                                           \
    }

void pqf_number_store_i64(pqf_number to, const int64_t *in, int64_t n, void *values,
                          int64_t at) {
    switch (to) {
    case PQF_NUMBER_I8:
    case PQF_NUMBER_U8: STORE_ALL(uint8_t)
    case PQF_NUMBER_I16:
    case PQF_NUMBER_U16: STORE_ALL(uint16_t)
    case PQF_NUMBER_I32:
    case PQF_NUMBER_U32: STORE_ALL(uint32_t)
    case PQF_NUMBER_I64:
    case PQF_NUMBER_U64: STORE_ALL(uint64_t)
    case PQF_NUMBER_F16: {
        uint16_t *p = (uint16_t *)values + at;
        for (int64_t i = 0; i < n; i++)
            p[i] = pqf_double_to_half((double)in[i]);
        break;
    }
    case PQF_NUMBER_F32: STORE_ALL(float)
    case PQF_NUMBER_F64: STORE_ALL(double)
    default: break;
    }
}

void pqf_number_store_f64(pqf_number to, const double *in, int64_t n, void *values,
                          int64_t at) {
    switch (to) {
    case PQF_NUMBER_F16: {
        uint16_t *p = (uint16_t *)values + at;
        for (int64_t i = 0; i < n; i++)
            p[i] = pqf_double_to_half(in[i]);
        break;
    }
    case PQF_NUMBER_F32: STORE_ALL(float)
    case PQF_NUMBER_F64: STORE_ALL(double)
    default: break;
    }
}

/* Half: sign 1, exponent 5 (bias 15), fraction 10. */
double pqf_half_to_double(uint16_t half) {
    uint64_t sign = (uint64_t)(half >> 15) << 63;
    unsigned exponent = (half >> 10) & 31, fraction = half & 1023;
    uint64_t bits;
    double v;
    if (exponent == 0) { /* zero and subnormals: fraction * 2^-24 */
        v = (double)fraction * 0x1p-24;
        return sign ? -v : v;
    }
    if (exponent == 31)
        bits = sign | UINT64_C(0x7FF) << 52 | (uint64_t)fraction << 42;
    else
        bits = sign | (uint64_t)(exponent + 1008) << 52 | (uint64_t)fraction << 42;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The shift that leaves the fraction in units of the result's last bit, rounded to
 * nearest even. */
static uint64_t round_shift(uint64_t v, int shift) {
    if (shift > 63) return 0;
    uint64_t low = v & ((UINT64_C(1) << shift) - 1), half = UINT64_C(1) << (shift - 1);
    uint64_t out = v >> shift;
    return out + (low > half || (low == half && (out & 1)));
}

uint16_t pqf_double_to_half(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    unsigned sign = (unsigned)(bits >> 63) << 15;
    int exponent = (int)(bits >> 52 & 0x7FF) - 1023;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 1024 && fraction)
        return (uint16_t)(sign | 0x7E00 | (unsigned)(fraction >> 42));
    if (exponent > 15) return (uint16_t)(sign | 0x7C00);
    uint64_t whole = fraction | UINT64_C(1) << 52;
    if (exponent <
        -14) /* subnormal: units of 2^-24; a carry makes the least normal number */
        return (uint16_t)(sign | (unsigned)round_shift(whole, 42 + (-14 - exponent)));
    /* A carry out of the fraction raises the exponent, at the top to infinity. */
    uint64_t rounded = round_shift(whole, 42) + ((uint64_t)(exponent + 14) << 10);
    return (uint16_t)(sign | (unsigned)rounded);
}
