/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of NumPy (datetime64, timedelta64) and pandas (Timestamp, Timedelta) as ticks: a 64-bit
 * count and a unit that differs from value to value, so everything goes through one exact
 * conversion. This is the slow way; py_time.c reads common Timestamps from their fields.
 */
#include "rows_inner.h"

/* A unit is seconds * numerator / denominator. */
typedef struct time_unit {
    const char *name;
    int64_t numerator, denominator;
    bool is_date; /* of datetime64: a date, not a time */
} time_unit;

static const time_unit UNITS[] = {
    {"W", 604800, 1, true},
    {"D", 86400, 1, true},
    {"h", 3600, 1, false},
    {"m", 60, 1, false},
    {"s", 1, 1, false},
    {"ms", 1, 1000, false},
    {"us", 1, 1000000, false},
    {"ns", 1, 1000000000, false},
    {"ps", 1, 1000000000000, false},
    {"fs", 1, 1000000000000000, false},
    {"as", 1, 1000000000000000000, false},
};

static const time_unit *find_unit(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (strlen(UNITS[i].name) == length && memcmp(UNITS[i].name, name, length) == 0) {
            return &UNITS[i];
        }
    }
    return NULL;
}

static const int64_t PER_SECOND[] = {
    [0] = 1, [3] = 1000, [6] = 1000000, [9] = 1000000000};

/* 1: exact and within 64 bits, else 0. */
static int rescale(int64_t count, int64_t multiple, const time_unit *unit,
                   int32_t exponent, int64_t *out) {
    rows_i128 ticks = count, factor = (rows_i128)unit->numerator * PER_SECOND[exponent];
    if (__builtin_mul_overflow(ticks, factor, &ticks) ||
        __builtin_mul_overflow(ticks, (rows_i128)multiple, &ticks) ||
        ticks % unit->denominator != 0) {
        return 0;
    }
    ticks /= unit->denominator;
    *out = (int64_t)ticks;
    return ticks >= INT64_MIN && ticks <= INT64_MAX;
}

/* ---- pandas ---- */

/* pandas 1 had nanoseconds only, under another name. */
static int pandas_count(rows_build *b, PyObject *value, int64_t *out) {
    PyObject *count = PyObject_GetAttr(value, b->state->name_value);
    if (count == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        count = PyObject_GetAttr(value, b->state->name_value_key);
    }
    bool ok = count != NULL && rows_read_int(count, out);
    Py_XDECREF(count);
    if (!ok && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "a pandas time without an integer in it");
    }
    return ok ? 0 : -1;
}

static const time_unit *pandas_unit(rows_build *b, PyObject *value) {
    PyObject *name = PyObject_GetAttr(value, b->state->name_unit);
    if (name == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return find_unit("ns", 2);
    }
    if (name == NULL) {
        return NULL;
    }
    const char *chars = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    const time_unit *unit = chars == NULL ? NULL : find_unit(chars, strlen(chars));
    Py_DECREF(name);
    if (unit == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "a pandas time of unknown unit");
    }
    return unit;
}

int pqf_time_from_pandas(rows_build *b, PyObject *value, int32_t exponent, int64_t *out) {
    int64_t count = 0;
    const time_unit *unit =
        pandas_count(b, value, &count) < 0 ? NULL : pandas_unit(b, value);
    if (unit == NULL) {
        return -1;
    }
    return rescale(count, 1, unit, exponent, out);
}

/* ---- NumPy ---- */

/* Reads "datetime64[25us]": the multiple and the unit between the brackets. */
static const time_unit *parse_dtype(const char *text, int64_t *multiple) {
    const char *p = strchr(text, '[');
    *multiple = 0;
    for (p = p == NULL ? "" : p + 1; *p >= '0' && *p <= '9' && *multiple < INT32_MAX;
         p++) {
        *multiple = *multiple * 10 + (*p - '0');
    }
    if (*multiple == 0) {
        *multiple = 1;
    }
    return find_unit(p, strcspn(p, "]"));
}

static int numpy_unit(rows_build *b, PyObject *value, const time_unit **unit,
                      int64_t *multiple) {
    PyObject *dtype = PyObject_GetAttr(value, b->state->name_dtype);
    PyObject *text = dtype == NULL ? NULL : PyObject_Str(dtype);
    Py_XDECREF(dtype);
    const char *chars = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    if (chars != NULL) {
        *unit = parse_dtype(chars, multiple);
    }
    Py_XDECREF(text);
    return chars == NULL ? -1 : 0;
}

/* value.astype(name), new. */
static PyObject *astype(rows_build *b, PyObject *value, const char *name) {
    PyObject *type = PyUnicode_FromString(name);
    PyObject *result =
        type == NULL ? NULL
                     : PyObject_CallMethodOneArg(value, b->state->name_astype, type);
    Py_XDECREF(type);
    return result;
}

/* 1: *out is set, 2: NaT, -1. */
static int numpy_count(rows_build *b, PyObject *value, int64_t *out) {
    PyObject *scalar = astype(b, value, "int64");
    PyObject *count = scalar == NULL ? NULL : PyNumber_Index(scalar);
    Py_XDECREF(scalar);
    bool ok = count != NULL && rows_read_int(count, out);
    Py_XDECREF(count);
    if (!ok) {
        return PyErr_Occurred() ? -1 : 2;
    }
    return *out == INT64_MIN ? 2 : 1;
}

/* Years and months have no length; as dates they are their first day. */
static int from_months(rows_build *b, PyObject *value, bool as_date, int32_t exponent,
                       int64_t *out) {
    if (!as_date) {
        return 2;
    }
    PyObject *date = astype(b, value, "datetime64[D]");
    if (date == NULL) {
        return pqf_rows_swallow();
    }
    int code = numpy_count(b, date, out);
    Py_DECREF(date);
    return code == 1 ? rescale(*out, 1, find_unit("D", 1), exponent, out) : code;
}

int pqf_time_from_numpy(rows_build *b, PyObject *value, bool as_date, int32_t exponent,
                        int64_t *out) {
    const time_unit *unit = NULL;
    int64_t multiple = 1, count = 0;
    if (numpy_unit(b, value, &unit, &multiple) < 0) {
        return -1;
    }
    if (unit == NULL) {
        return from_months(b, value, as_date, exponent, out);
    }
    bool is_duration = pqf_rows_is(b, value, ROWS_NP_TIMEDELTA);
    if (!is_duration && unit->is_date != as_date) {
        return 2;
    }
    int code = numpy_count(b, value, &count);
    return code == 1 ? rescale(count, multiple, unit, exponent, out) : code;
}
