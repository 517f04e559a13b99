/* SPDX-License-Identifier: Apache-2.0
 *
 * Null, bool, integers and floats. Each kind has one loop over the block that knows the exact
 * Python type, and one slow way for everything else (subclasses, NumPy scalars, the other kind of
 * number). Only lossless conversions pass: a bool is no number, a text is none.
 */
#include "rows_inner.h"

#include <float.h>
#include <math.h>

#define MAX_EXACT_INT ((rows_i128)1 << 53) /* up to here every integer is a double */

/* ---- null and bool ---- */

int pqf_rows_flush_null(rows_build *b, rows_node *n) {
    if (pqf_rows_reserve(n, n->num_slots) < 0) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        int entered = pqf_rows_enter(b, n, i);
        if (entered < 0 ||
            (entered == 0 && pqf_rows_fail(b, n, i, ROWS_TYPE, NULL) < 0)) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}

static int slow_bool(rows_build *b, rows_node *n, int32_t i) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    if (pqf_rows_is(b, n->slots[i], ROWS_NP_BOOL)) {
        return PyObject_IsTrue(n->slots[i]);
    }
    return pqf_rows_fail(b, n, i, ROWS_TYPE, NULL);
}

int pqf_rows_flush_bool(rows_build *b, rows_node *n) {
    if (pqf_rows_reserve(n, n->num_slots) < 0) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        int bit = n->slots[i] == Py_True;
        if (!bit && n->slots[i] != Py_False && (bit = slow_bool(b, n, i)) < 0) {
            return -1;
        }
        int64_t at = n->length + i;
        n->values[at >> 3] |= (uint8_t)(bit << (at & 7));
    }
    n->length += n->num_slots;
    return 0;
}

/* ---- integers ---- */

int pqf_rows_int_wide(PyObject *value, rows_i128 *out) {
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
        *out = small;
        return small == -1 && PyErr_Occurred() ? -1 : 1;
    }
    if (overflow < 0) {
        return 0;
    }
    unsigned long long large = PyLong_AsUnsignedLongLong(value);
    if (large == ULLONG_MAX && PyErr_Occurred()) {
        return pqf_rows_swallow();
    }
    *out = large;
    return 1;
}

/* 1: an integer without loss, 0: not, -1. */
static int float_to_wide(PyObject *value, rows_i128 *out) {
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        return pqf_rows_swallow();
    }
    if (!(fabs(number) < 0x1p64) || number != trunc(number)) {
        return 0;
    }
    *out = (rows_i128)number;
    return 1;
}

/* An integer in another guise: 1: *out is set, 0: does not fit, 2: not a number, -1. */
static int any_to_wide(rows_build *b, PyObject *value, rows_i128 *out) {
    if (PyBool_Check(value) || pqf_rows_is(b, value, ROWS_NP_BOOL) ||
        pqf_rows_is(b, value, ROWS_NP_ARRAY)) {
        return 2;
    }
    if (PyLong_Check(value)) {
        return pqf_rows_int_wide(value, out);
    }
    if (PyFloat_Check(value) || pqf_rows_is(b, value, ROWS_NP_FLOATING)) {
        return float_to_wide(value, out);
    }
    if (!PyIndex_Check(value)) {
        return 2;
    }
    PyObject *index = PyNumber_Index(value);
    if (index == NULL) {
        return pqf_rows_swallow() < 0 ? -1 : 2;
    }
    int code = pqf_rows_int_wide(index, out);
    Py_DECREF(index);
    return code;
}

/* Slot i within [low, high]; zero when it is null or a failure, which are dealt with. */
static int slow_int(rows_build *b, rows_node *n, int32_t i, rows_i128 low, rows_i128 high,
                    rows_i128 *out) {
    *out = 0;
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    rows_i128 wide = 0;
    int code = any_to_wide(b, n->slots[i], &wide);
    if (code < 0) {
        return -1;
    }
    if (code != 1 || wide < low || wide > high) {
        return pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
    }
    *out = wide;
    return 0;
}

static inline bool is_within(rows_i128 number, rows_i128 low, rows_i128 high) {
    return number >= low && number <= high;
}

#define FLUSH_INT(name, type, low, high)                                                 \
    int pqf_rows_flush_##name(rows_build *b, rows_node *n) {                             \
        type *out = pqf_rows_room(n);                                                    \
        if (out == NULL) {                                                               \
            return -1;                                                                   \
        }                                                                                \
        for (int32_t i = 0; i < n->num_slots; i++) {                                     \
            int64_t number;                                                              \
            if (rows_read_int(n->slots[i], &number) && is_within(number, low, high)) {   \
                out[i] = (type)number;                                                   \
                continue;                                                                \
            }                                                                            \
            rows_i128 wide;                                                              \
            if (slow_int(b, n, i, low, high, &wide) < 0) {                               \
                return -1;                                                               \
            }                                                                            \
            out[i] = (type)wide;                                                         \
        }                                                                                \
        n->length += n->num_slots;                                                       \
        return 0;                                                                        \
    }

FLUSH_INT(int8, int8_t, INT8_MIN, INT8_MAX)
FLUSH_INT(uint8, uint8_t, 0, UINT8_MAX)
FLUSH_INT(int16, int16_t, INT16_MIN, INT16_MAX)
FLUSH_INT(uint16, uint16_t, 0, UINT16_MAX)
FLUSH_INT(int32, int32_t, INT32_MIN, INT32_MAX)
FLUSH_INT(uint32, uint32_t, 0, UINT32_MAX)
FLUSH_INT(int64, int64_t, INT64_MIN, INT64_MAX)
FLUSH_INT(uint64, uint64_t, 0, UINT64_MAX)

/* ---- floats ---- */

/* long double may hold more than a double: it must equal what it became. */
static int numpy_to_double(PyObject *value, double *out) {
    PyObject *number = PyNumber_Float(value);
    if (number == NULL) {
        return pqf_rows_swallow();
    }
    *out = PyFloat_AS_DOUBLE(number);
    int same = isnan(*out) ? 1 : PyObject_RichCompareBool(value, number, Py_EQ);
    Py_DECREF(number);
    return same;
}

/* A number as a double without loss: 1: *out is set, 0: does not fit, 2: not a number, -1. */
static int any_to_double(rows_build *b, PyObject *value, double *out) {
    if (PyFloat_Check(value)) {
        *out = PyFloat_AS_DOUBLE(value);
        return 1;
    }
    if (pqf_rows_is(b, value, ROWS_NP_FLOATING)) {
        return numpy_to_double(value, out);
    }
    rows_i128 wide = 0;
    int code = any_to_wide(b, value, &wide);
    if (code == 1 && (wide > MAX_EXACT_INT || wide < -MAX_EXACT_INT)) {
        return 0;
    }
    *out = (double)wide;
    return code;
}

/* Slot i as a double; zero when it is null or a failure. fits: is it exact in the kind's width? */
static int slow_double(rows_build *b, rows_node *n, int32_t i, bool (*fits)(double),
                       double *out) {
    *out = 0;
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    double number = 0;
    int code = any_to_double(b, n->slots[i], &number);
    if (code < 0) {
        return -1;
    }
    if (code != 1 || !fits(number)) {
        return pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
    }
    *out = number;
    return 0;
}

static bool fits_double(double number) {
    (void)number;
    return true;
}

static bool fits_float(double number) {
    if (isnan(number) || isinf(number)) {
        return true;
    }
    return fabs(number) <= (double)FLT_MAX && (double)(float)number == number;
}

/* A half has 11 significant bits and is a multiple of 2^-24 up to 65504. */
static bool fits_half(double number) {
    if (isnan(number) || isinf(number) || number == 0) {
        return true;
    }
    int exponent;
    double fraction =
        frexp(fabs(number), &exponent) * 2048; /* 11 bits before the point */
    double step = exponent < -13 ? ldexp(fabs(number), 24) : fraction;
    return fabs(number) <= 65504 && step == trunc(step);
}

/* The bits of a number that fits: sign, 5 bits of exponent with a bias of 15, 10 of fraction. */
static uint16_t half_bits(double number) {
    uint16_t sign = signbit(number) ? 0x8000 : 0;
    if (isnan(number)) {
        return 0x7e00 | sign;
    }
    if (isinf(number)) {
        return 0x7c00 | sign;
    }
    int exponent;
    double fraction = frexp(fabs(number), &exponent); /* [0.5, 1) */
    if (fraction == 0 || exponent < -13) {
        return (uint16_t)(sign | (uint16_t)ldexp(fabs(number), 24));
    }
    uint16_t ten_bits = (uint16_t)((uint16_t)(fraction * 2048) & 0x3ff);
    return (uint16_t)(sign | (uint16_t)((exponent + 14) << 10) | ten_bits);
}

static inline bool read_float(PyObject *value, bool nan_is_null, double *out) {
    if (value == NULL || !PyFloat_CheckExact(value)) {
        return false;
    }
    *out = PyFloat_AS_DOUBLE(value);
    return !(nan_is_null && isnan(*out));
}

#define FLUSH_FLOAT(name, type, fits, convert)                                           \
    int pqf_rows_flush_##name(rows_build *b, rows_node *n) {                             \
        type *out = pqf_rows_room(n);                                                    \
        if (out == NULL) {                                                               \
            return -1;                                                                   \
        }                                                                                \
        bool nan_is_null = (b->flags & PQF_ROWS_FROM_PANDAS) && !n->keeps_nan;           \
        for (int32_t i = 0; i < n->num_slots; i++) {                                     \
            double number;                                                               \
            if (!(read_float(n->slots[i], nan_is_null, &number) && fits(number)) &&      \
                slow_double(b, n, i, fits, &number) < 0) {                               \
                return -1;                                                               \
            }                                                                            \
            out[i] = convert(number);                                                    \
        }                                                                                \
        n->length += n->num_slots;                                                       \
        return 0;                                                                        \
    }

FLUSH_FLOAT(half, uint16_t, fits_half, half_bits)
FLUSH_FLOAT(float, float, fits_float, (float))
FLUSH_FLOAT(double, double, fits_double, )
