/* SPDX-License-Identifier: Apache-2.0
 *
 * Intervals from tuples of ints, one for each part: (months, days, nanoseconds), which is what
 * pyarrow.MonthDayNano is, for month_day_nano; (days, milliseconds) for day_time. A month interval is
 * a single int and a kind like int32. What Parquet lacks of them is for the writer to refuse.
 */
#include "rows_inner.h"

static const int32_t NANO_PARTS[] = {4, 4, 8}, TIME_PARTS[] = {4, 4}; /* bytes */

/* 1: stored, 0: beyond its width, 2: no int, -1. The machine's bytes are little-endian. */
static int put_part(PyObject *value, int32_t bytes, uint8_t *to) {
    rows_i128 wide = 0;
    if (!PyLong_Check(value) || PyBool_Check(value)) {
        return 2;
    }
    int code = pqf_rows_int_wide(value, &wide);
    int64_t part = (int64_t)wide;
    if (code != 1 || part != wide || (bytes == 4 && part != (int32_t)part)) {
        return code < 0 ? -1 : 0;
    }
    memcpy(to, &part, (size_t)bytes);
    return 1;
}

static int put_parts(PyObject *value, const int32_t *parts, int32_t num_parts,
                     uint8_t *to) {
    if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != num_parts) {
        return 2;
    }
    for (int32_t k = 0; k < num_parts; to += parts[k++]) {
        int code = put_part(PyTuple_GET_ITEM(value, k), parts[k], to);
        if (code != 1) {
            return code;
        }
    }
    return 1;
}

/* Slot i; zero when it is null or a failure, which are dealt with. */
static int put_slot(rows_build *b, rows_node *n, int32_t i, const int32_t *parts,
                    int32_t num_parts, uint8_t *to) {
    memset(to, 0, (size_t)n->value_bytes);
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    int code = put_parts(n->slots[i], parts, num_parts, to);
    if (code == 1 || code < 0) {
        return code < 0 ? -1 : 0;
    }
    memset(to, 0, (size_t)n->value_bytes);
    return pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
}

static int flush(rows_build *b, rows_node *n, const int32_t *parts, int32_t num_parts) {
    uint8_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++, out += n->value_bytes) {
        if (put_slot(b, n, i, parts, num_parts, out) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}

int pqf_rows_flush_month_day_nano(rows_build *b, rows_node *n) {
    return flush(b, n, NANO_PARTS, 3);
}

int pqf_rows_flush_day_time(rows_build *b, rows_node *n) {
    return flush(b, n, TIME_PARTS, 2);
}
