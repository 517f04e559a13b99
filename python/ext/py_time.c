/* SPDX-License-Identifier: Apache-2.0
 *
 * date, time, datetime and timedelta objects into Arrow's numbers, without a Python call for the
 * plain types: the fields are read from the objects and the calendar is computed here. What is
 * finer than the declared unit does not fit; naive and aware never become one another; a date is
 * no timestamp and a timestamp no date.
 */
#include "rows_inner.h"

#include <datetime.h>

#define DAY_SECONDS 86400
#define NANOS       1000000000

static const char WITHOUT_ZONE[] = "datetime without a time zone";
static const char WITH_ZONE[] = "datetime with a time zone";

static inline const PyDateTime_CAPI *api(const rows_build *b) {
    return b->state->datetime_api;
}

/* ---- arithmetic ---- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March,
 * so that the leap day is its last: month m of it begins on day (153 m + 2) / 5. */
static inline int32_t days_from_civil(int32_t year, int32_t month, int32_t day) {
    int32_t march_year = month > 2 ? year : year - 1;
    int32_t march_month = month > 2 ? month - 3 : month + 9;
    int32_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    int32_t leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    return march_year * 365 + leap_days + day_of_year - 719468;
}

static inline bool narrow(rows_i128 wide, int64_t *out) {
    *out = (int64_t)wide;
    return wide >= INT64_MIN && wide <= INT64_MAX;
}

/* Seconds and nanoseconds within the second as ticks; false: not exact, or not in 64 bits. The
 * seconds of a datetime or timedelta are below 2^47. */
static inline bool ticks_of(int64_t seconds, int32_t nanos, int32_t exponent,
                            int64_t *out) {
    switch (exponent) {
    case 0: *out = seconds; return nanos == 0;
    case 3: *out = seconds * 1000 + nanos / 1000000; return nanos % 1000000 == 0;
    case 6:
        return narrow((rows_i128)seconds * 1000000 + nanos / 1000, out) &&
               nanos % 1000 == 0;
    default: return narrow((rows_i128)seconds * NANOS + nanos, out);
    }
}

/* Seconds of the fields since 1970-01-01, whatever their zone. */
static inline int64_t datetime_seconds(PyObject *value) {
    int32_t days =
        days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                        PyDateTime_GET_DAY(value));
    return (int64_t)days * DAY_SECONDS + PyDateTime_DATE_GET_HOUR(value) * 3600 +
           PyDateTime_DATE_GET_MINUTE(value) * 60 + PyDateTime_DATE_GET_SECOND(value);
}

/* ---- the common shape of a slow value ---- */

/* Code of a conversion (1 fits, 0 does not, 2 another kind, -1) -> 0 or -1, failures reported. */
static int settle(rows_build *b, rows_node *n, int32_t i, int code, const char *found) {
    if (code < 0 || code == 1) {
        return code < 0 ? -1 : 0;
    }
    return pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, found);
}

/* ---- dates ---- */

static int any_to_days(rows_build *b, PyObject *value, int32_t *out) {
    if (PyObject_TypeCheck(value, api(b)->DateTimeType)) {
        return 2;
    }
    if (PyObject_TypeCheck(value, api(b)->DateType)) {
        *out = days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                               PyDateTime_GET_DAY(value));
        return 1;
    }
    if (!pqf_rows_is(b, value, ROWS_NP_DATETIME)) {
        return 2;
    }
    int64_t seconds = 0;
    int code = pqf_time_from_numpy(b, value, true, 0, &seconds);
    int64_t days = seconds / DAY_SECONDS;
    *out = (int32_t)days;
    return code == 1 ? days >= INT32_MIN && days <= INT32_MAX : code;
}

/* Days of slot i; zero when it is null or a failure. */
static inline int take_days(rows_build *b, rows_node *n, int32_t i, int32_t *out) {
    PyObject *value = n->slots[i];
    *out = 0;
    if (value != NULL && Py_IS_TYPE(value, api(b)->DateType)) {
        *out = days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                               PyDateTime_GET_DAY(value));
        return 0;
    }
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    return settle(b, n, i, any_to_days(b, value, out), NULL);
}

int pqf_rows_flush_date32(rows_build *b, rows_node *n) {
    int32_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (take_days(b, n, i, &out[i]) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}

int pqf_rows_flush_date64(rows_build *b, rows_node *n) {
    int64_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        int32_t days;
        if (take_days(b, n, i, &days) < 0) {
            return -1;
        }
        out[i] = (int64_t)days * DAY_SECONDS * 1000;
    }
    n->length += n->num_slots;
    return 0;
}

/* ---- times of day ---- */

/* An aware time has no place on the clock of a day that is not known. */
static int any_to_time(rows_build *b, const rows_node *n, PyObject *value, int64_t *out) {
    if (!PyObject_TypeCheck(value, api(b)->TimeType) ||
        PyDateTime_TIME_GET_TZINFO(value) != Py_None) {
        return 2;
    }
    int64_t seconds = PyDateTime_TIME_GET_HOUR(value) * 3600 +
                      PyDateTime_TIME_GET_MINUTE(value) * 60 +
                      PyDateTime_TIME_GET_SECOND(value);
    int32_t nanos = PyDateTime_TIME_GET_MICROSECOND(value) * 1000;
    return ticks_of(seconds, nanos, n->kind->ticks_exponent, out);
}

static int take_time(rows_build *b, rows_node *n, int32_t i, int64_t *out) {
    PyObject *value = n->slots[i];
    *out = 0;
    if (value != NULL && Py_IS_TYPE(value, api(b)->TimeType) &&
        any_to_time(b, n, value, out) == 1) {
        return 0;
    }
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    return settle(b, n, i, any_to_time(b, n, value, out), NULL);
}

int pqf_rows_flush_time32(rows_build *b, rows_node *n) {
    int32_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        int64_t ticks;
        if (take_time(b, n, i, &ticks) < 0) {
            return -1;
        }
        out[i] = (int32_t)ticks; /* at most 86,400,000 */
    }
    n->length += n->num_slots;
    return 0;
}

int pqf_rows_flush_time64(rows_build *b, rows_node *n) {
    int64_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (take_time(b, n, i, &out[i]) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}

/* ---- timestamps ---- */

static int64_t timedelta_us(PyObject *delta) {
    int64_t days = PyDateTime_DELTA_GET_DAYS(delta);
    int64_t seconds = days * DAY_SECONDS + PyDateTime_DELTA_GET_SECONDS(delta);
    return seconds * 1000000 + PyDateTime_DELTA_GET_MICROSECONDS(delta);
}

/* Is the offset the same at every instant? UTC under any name, and datetime.timezone. */
static int zone_is_fixed(rows_build *b, PyObject *zone) {
    if (Py_TYPE(zone) == Py_TYPE(api(b)->TimeZone_UTC)) {
        return 1;
    }
    PyObject *name = PyObject_Str(zone);
    if (name == NULL) {
        return pqf_rows_swallow();
    }
    int fixed = PyUnicode_CompareWithASCIIString(name, "UTC") == 0;
    Py_DECREF(name);
    return fixed;
}

static int call_utcoffset(rows_build *b, PyObject *value, int64_t *offset_us) {
    PyObject *delta = PyObject_CallMethodNoArgs(value, b->state->name_utcoffset);
    if (delta == NULL) {
        return -1;
    }
    int code = PyObject_TypeCheck(delta, api(b)->DeltaType);
    if (code == 1) {
        *offset_us = timedelta_us(delta);
    }
    Py_DECREF(delta);
    return code;
}

/* The offset of an aware datetime: 1, 0: its zone has none, so it is naive; -1. */
static int utc_offset(rows_build *b, PyObject *value, PyObject *zone,
                      int64_t *offset_us) {
    if (zone == b->zone && b->zone_is_fixed) {
        *offset_us = b->zone_us;
        return 1;
    }
    int code = call_utcoffset(b, value, offset_us);
    if (code == 1 && zone != b->zone) {
        int fixed = zone_is_fixed(b, zone);
        if (fixed < 0) {
            return -1;
        }
        Py_INCREF(zone);
        Py_XSETREF(b->zone, zone);
        b->zone_is_fixed = fixed == 1;
        b->zone_us = *offset_us;
    }
    return code;
}

/* A datetime's instant (or its fields, without a zone) as ticks. */
static int datetime_ticks(PyObject *value, int64_t offset_us, int32_t extra_nanos,
                          int32_t exponent, int64_t *out) {
    int64_t us = PyDateTime_DATE_GET_MICROSECOND(value) - offset_us % 1000000;
    int64_t seconds = datetime_seconds(value) - offset_us / 1000000;
    if (us < 0) {
        us += 1000000;
        seconds--;
    } else if (us >= 1000000) {
        us -= 1000000;
        seconds++;
    }
    return ticks_of(seconds, (int32_t)us * 1000 + extra_nanos, exponent, out);
}

static int any_datetime(rows_build *b, const rows_node *n, PyObject *value,
                        const char **found, int64_t *out) {
    PyObject *zone = PyDateTime_DATE_GET_TZINFO(value);
    int64_t offset_us = 0;
    bool is_pandas = pqf_rows_is(b, value, ROWS_PD_TIMESTAMP);
    int aware = zone != Py_None;
    if (aware && !is_pandas) { /* pandas holds the instant itself */
        aware = utc_offset(b, value, zone, &offset_us);
    }
    if (aware < 0) {
        return -1;
    }
    if ((aware == 1) != n->has_zone) {
        *found = aware == 1 ? WITH_ZONE : WITHOUT_ZONE;
        return 2;
    }
    if (is_pandas) {
        return pqf_time_from_pandas(b, value, n->kind->ticks_exponent, out);
    }
    return datetime_ticks(value, offset_us, 0, n->kind->ticks_exponent, out);
}

static int slow_timestamp(rows_build *b, rows_node *n, int32_t i, int64_t *out) {
    *out = 0;
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    PyObject *value = n->slots[i];
    const char *found = NULL;
    int code = 2;
    if (PyObject_TypeCheck(value, api(b)->DateTimeType) &&
        value != b->types[ROWS_PD_NAT]) {
        code = any_datetime(b, n, value, &found, out);
    } else if (pqf_rows_is(b, value, ROWS_NP_DATETIME)) {
        found = n->has_zone ? "datetime64 without a time zone" : NULL;
        code = n->has_zone
                   ? 2
                   : pqf_time_from_numpy(b, value, false, n->kind->ticks_exponent, out);
    }
    return settle(b, n, i, code, found);
}

/* The nanoseconds below the microsecond of a pandas.Timestamp, -1 when they cannot be had cheaply.
 * pandas gives a Timestamp outside the years 1 to 9999 fields of 1970 or 1972. */
static inline int32_t pandas_nanos(const rows_build *b, PyObject *value) {
    int year = PyDateTime_GET_YEAR(value);
    if (b->nanosecond == NULL || year == 1970 || year == 1972) {
        return -1;
    }
    const PyGetSetDef *access = ((PyGetSetDescrObject *)b->nanosecond)->d_getset;
    PyObject *number = access->get(value, access->closure);
    int64_t nanos = -1;
    if (number == NULL) {
        PyErr_Clear();
    } else if (!rows_read_int(number, &nanos) || nanos < 0 || nanos > 999) {
        nanos = -1;
    }
    Py_XDECREF(number);
    return (int32_t)nanos;
}

/* datetime and pandas.Timestamp themselves, naive for a naive field and UTC for an aware one. */
static inline bool fast_timestamp(const rows_build *b, const rows_node *n,
                                  PyObject *value, int64_t *out) {
    if (value == NULL) {
        return false;
    }
    bool is_pandas = (PyObject *)Py_TYPE(value) == b->types[ROWS_PD_TIMESTAMP];
    if (!is_pandas && !Py_IS_TYPE(value, api(b)->DateTimeType)) {
        return false;
    }
    PyObject *zone = PyDateTime_DATE_GET_TZINFO(value);
    if (zone != (n->has_zone ? api(b)->TimeZone_UTC : Py_None)) {
        return false;
    }
    int32_t nanos = is_pandas ? pandas_nanos(b, value) : 0;
    return nanos >= 0 && datetime_ticks(value, 0, nanos, n->kind->ticks_exponent, out);
}

int pqf_rows_flush_timestamp(rows_build *b, rows_node *n) {
    int64_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    const PyObject *last = NULL; /* alive, as all of the block: the same object again */
    int64_t last_ticks = 0;
    for (int32_t i = 0; i < n->num_slots; i++) {
        PyObject *value = n->slots[i];
        if (value != NULL && value == last) {
            out[i] = last_ticks;
        } else if (fast_timestamp(b, n, value, &out[i])) {
            last = value;
            last_ticks = out[i];
        } else if (slow_timestamp(b, n, i, &out[i]) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}

/* ---- durations ---- */

static int any_to_duration(rows_build *b, const rows_node *n, PyObject *value,
                           int64_t *out) {
    int32_t exponent = n->kind->ticks_exponent;
    if (pqf_rows_is(b, value, ROWS_PD_TIMEDELTA)) {
        return pqf_time_from_pandas(b, value, exponent, out);
    }
    if (pqf_rows_is(b, value, ROWS_NP_TIMEDELTA)) {
        return pqf_time_from_numpy(b, value, false, exponent, out);
    }
    if (!PyObject_TypeCheck(value, api(b)->DeltaType) || value == b->types[ROWS_PD_NAT]) {
        return 2;
    }
    int64_t seconds = (int64_t)PyDateTime_DELTA_GET_DAYS(value) * DAY_SECONDS +
                      PyDateTime_DELTA_GET_SECONDS(value);
    return ticks_of(seconds, PyDateTime_DELTA_GET_MICROSECONDS(value) * 1000, exponent,
                    out);
}

int pqf_rows_flush_duration(rows_build *b, rows_node *n) {
    int64_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        PyObject *value = n->slots[i];
        if (value != NULL && Py_IS_TYPE(value, api(b)->DeltaType) &&
            any_to_duration(b, n, value, &out[i]) == 1) {
            continue;
        }
        out[i] = 0;
        int entered = pqf_rows_enter(b, n, i);
        int code = entered != 0 ? entered : any_to_duration(b, n, value, &out[i]);
        if (settle(b, n, i, code, NULL) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}
