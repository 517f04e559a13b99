/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, lists of fixed size and maps: elements are pushed into the slots of the child, which is
 * flushed whenever its block is full. A flush may run Python code, so containers are asked for
 * their size again before every step.
 */
#include "rows_inner.h"

/* Elements of the child so far, waiting ones included. */
static int64_t num_elements(const rows_node *child) {
    return child->length + child->num_slots;
}

static int make_room(rows_build *b, rows_node *child) {
    return child->num_slots < ROWS_BLOCK ? 0 : pqf_rows_flush(b, child);
}

/* ---- pushing ---- */

#if ROWS_PIN_AT_ONCE
static int push_sequence(rows_build *b, rows_node *child, PyObject *values, int64_t row) {
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(values); at++) {
        PyObject *value = PySequence_GetItem(values, at);
        if (value == NULL && !PyErr_ExceptionMatches(PyExc_IndexError)) {
            return -1;
        }
        if (value == NULL) {
            PyErr_Clear(); /* another thread shortened the list */
            return 0;
        }
        int code = make_room(b, child);
        if (code == 0) {
            rows_push(b, child, value, row);
        }
        Py_DECREF(value);
        if (code < 0) {
            return -1;
        }
    }
    return 0;
}
#else
static int push_sequence(rows_build *b, rows_node *child, PyObject *values, int64_t row) {
    for (Py_ssize_t at = 0;;) {
        if (make_room(b, child) < 0) {
            return -1;
        }
        Py_ssize_t left = PySequence_Fast_GET_SIZE(values) - at;
        if (left <= 0) {
            return 0;
        }
        int32_t free_slots = ROWS_BLOCK - child->num_slots;
        int32_t count = left < free_slots ? (int32_t)left : free_slots;
        PyObject **items = PySequence_Fast_ITEMS(values) + at;
        for (int32_t i = 0; i < count; i++) {
            child->slots[child->num_slots + i] = items[i];
            child->rows[child->num_slots + i] = row;
            __builtin_prefetch(items[i]);
        }
        child->num_slots += count;
        b->pinned = false;
        at += count;
    }
}
#endif

static int push_masked(rows_build *b, rows_node *child, int64_t count, int64_t row) {
    for (; count > 0; count--) {
        if (make_room(b, child) < 0) {
            return -1;
        }
        rows_push(b, child, NULL, row);
    }
    return 0;
}

/* Elements of a list that only we hold: whatever waits is pinned before it goes. */
static int push_own_list(rows_build *b, rows_node *child, PyObject *values, int64_t row) {
    int code = push_sequence(b, child, values, row);
    if (pqf_rows_slow(b) < 0) {
        code = -1;
    }
    Py_DECREF(values);
    return code;
}

/* ---- NumPy arrays ---- */

/* Does an element of the buffer lie in memory as the child's values do? */
static bool same_memory(const rows_node *child, const Py_buffer *view) {
    static const char *const SAME[][2] = {
        /* Arrow format, formats of the struct module */
        {"c", "b"},  {"C", "B"},  {"s", "h"}, {"S", "H"}, {"i", "il"}, {"I", "IL"},
        {"l", "lq"}, {"L", "LQ"}, {"e", "e"}, {"f", "f"}, {"g", "d"},
    };
    const char *format = view->format == NULL ? "B" : view->format;
    format += format[0] == '@' || format[0] == '=';
    if (format[0] == '\0' || format[1] != '\0' || view->itemsize != child->value_bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        if (strcmp(child->format, SAME[i][0]) == 0) {
            return strchr(SAME[i][1], format[0]) != NULL;
        }
    }
    return false;
}

static bool is_float(const rows_node *n) {
    return n->format[0] >= 'e' && n->format[0] <= 'g';
}

/* NaN among the floats at `values`: exponent all ones, fraction not zero. */
static bool is_nan_at(const uint8_t *value, int32_t bytes) {
    uint64_t bits = 0;
    memcpy(&bits, value, (size_t)bytes);
    uint64_t infinity = bytes == 2   ? 0x7c00
                        : bytes == 4 ? 0x7f800000
                                     : 0x7ff0000000000000;
    uint64_t sign = (uint64_t)1 << (bytes * 8 - 1);
    return (bits & ~sign) > infinity;
}

static int mark_nans(rows_node *child, int64_t from) {
    for (int64_t at = from; at < child->length; at++) {
        const uint8_t *value = child->values + at * child->value_bytes;
        if (is_nan_at(value, child->value_bytes) && pqf_rows_mark_null(child, at) < 0) {
            return -1;
        }
    }
    return 0;
}

static int copy_elements(rows_build *b, rows_node *child, const Py_buffer *view) {
    int64_t count = (int64_t)view->shape[0], from = child->length;
    if (pqf_rows_reserve(child, count) < 0) {
        return -1;
    }
    uint8_t *to = child->values + child->length * child->value_bytes;
    const char *item = view->buf;
    Py_ssize_t step = view->strides[0];
    if (step == view->itemsize) {
        memcpy(to, item, (size_t)count * (size_t)view->itemsize);
    } else {
        for (int64_t i = 0; i < count; i++) {
            memcpy(to + i * child->value_bytes, item + i * step,
                   (size_t)child->value_bytes);
        }
    }
    child->length += count;
    bool nan_is_null =
        (b->flags & PQF_ROWS_FROM_PANDAS) && is_float(child) && !child->keeps_nan;
    return nan_is_null ? mark_nans(child, from) : 0;
}

/* 1: the array's memory was copied as it lies, 0: not of the child's kind, -1. */
static int push_memory(rows_build *b, rows_node *child, PyObject *array) {
    Py_buffer view;
    if (child->kind->layout != ROWS_FIXED) {
        return 0;
    }
    if (PyObject_GetBuffer(array, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
        return pqf_rows_swallow(); /* dates and times have no format of a buffer */
    }
    int code = view.ndim == 1 && same_memory(child, &view);
    if (code == 1 &&
        (pqf_rows_flush(b, child) < 0 || copy_elements(b, child, &view) < 0)) {
        code = -1;
    }
    PyBuffer_Release(&view);
    return code;
}

/* Are the elements dates or times, of which tolist may make ints? -1 with an exception. */
static int holds_times(rows_build *b, PyObject *array) {
    PyObject *dtype = PyObject_GetAttr(array, b->state->name_dtype);
    PyObject *kind = dtype == NULL ? NULL : PyObject_GetAttrString(dtype, "kind");
    Py_XDECREF(dtype);
    int code = kind == NULL ? -1 : 0;
    if (code == 0 && PyUnicode_Check(kind)) {
        code = PyUnicode_CompareWithASCIIString(kind, "M") == 0 ||
               PyUnicode_CompareWithASCIIString(kind, "m") == 0;
    }
    Py_XDECREF(kind);
    return code;
}

/* 1: pushed, 0: without a dimension, -1. */
static int push_array(rows_build *b, rows_node *child, PyObject *array, int64_t row) {
    int copied = push_memory(b, child, array);
    if (copied != 0) {
        return copied;
    }
    int times = holds_times(b, array);
    PyObject *list = NULL;
    if (times == 1) {
        list = PySequence_List(array);
    } else if (times == 0) {
        list = PyObject_CallMethodNoArgs(array, b->state->name_tolist);
    }
    if (list == NULL) {
        return pqf_rows_swallow();
    }
    if (!PyList_Check(list)) {
        Py_DECREF(list);
        return 0;
    }
    return push_own_list(b, child, list, row) < 0 ? -1 : 1;
}

/* ---- lists ---- */

/* 1: the elements of slot i are pushed, 0: it was null or a failure, -1. */
static int slow_list(rows_build *b, rows_node *n, int32_t i) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    int code = 0;
    if (pqf_rows_is(b, n->slots[i], ROWS_NP_ARRAY)) {
        code = push_array(b, n->children[0], n->slots[i], n->rows[i]);
    }
    return code == 0 ? pqf_rows_fail(b, n, i, ROWS_TYPE, NULL) : code;
}

static int push_list(rows_build *b, rows_node *n, int32_t i) {
    PyObject *value = n->slots[i];
    if (value != NULL && (PyList_Check(value) || PyTuple_Check(value))) {
        return push_sequence(b, n->children[0], value, n->rows[i]) < 0 ? -1 : 1;
    }
    return slow_list(b, n, i);
}

static int too_long(const rows_node *n) {
    PyErr_Format(
        PyExc_ValueError,
        "Column '%s': more than 2^31 elements in one array; declare large_list or pass "
        "fewer rows at a time",
        n->path);
    return -1;
}

int pqf_rows_flush_list(rows_build *b, rows_node *n) {
    int32_t *offsets = pqf_rows_room(n);
    if (offsets == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (push_list(b, n, i) < 0) {
            return -1;
        }
        int64_t end = num_elements(n->children[0]);
        if (end > INT32_MAX) {
            return too_long(n);
        }
        offsets[i + 1] = (int32_t)end;
    }
    n->length += n->num_slots;
    return pqf_rows_flush(b, n->children[0]);
}

int pqf_rows_flush_large_list(rows_build *b, rows_node *n) {
    int64_t *offsets = pqf_rows_room(n);
    if (offsets == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (push_list(b, n, i) < 0) {
            return -1;
        }
        offsets[i + 1] = num_elements(n->children[0]);
    }
    n->length += n->num_slots;
    return pqf_rows_flush(b, n->children[0]);
}

/* Every slot takes list_size elements of the child, masked ones where there is no list. */
static int push_fixed(rows_build *b, rows_node *n, int32_t i) {
    rows_node *child = n->children[0];
    int64_t before = num_elements(child);
    int pushed = push_list(b, n, i);
    if (pushed == 0) {
        return push_masked(b, child, n->list_size, n->rows[i]);
    }
    if (pushed < 0 || num_elements(child) - before == n->list_size) {
        return pushed < 0 ? -1 : 0;
    }
    return pqf_rows_fail(b, n, i, ROWS_VALUE, NULL);
}

int pqf_rows_flush_fixed_list(rows_build *b, rows_node *n) {
    if (pqf_rows_reserve(n, n->num_slots) < 0) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (push_fixed(b, n, i) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return pqf_rows_flush(b, n->children[0]);
}

/* ---- maps: dicts, or lists of pairs ---- */

static int flush_entries(rows_build *b, rows_node *n) {
    return pqf_rows_flush(b, n->children[0]) < 0 ? -1 : pqf_rows_flush(b, n->children[1]);
}

/* Keys and values come in pairs, so one block is full when the other is. */
static int push_entry(rows_build *b, rows_node *n, PyObject *key, PyObject *value,
                      int64_t row) {
    if (n->children[0]->num_slots == ROWS_BLOCK && flush_entries(b, n) < 0) {
        return -1;
    }
    rows_push(b, n->children[0], key, row);
    rows_push(b, n->children[1], value, row);
    return 0;
}

/* 1: pushed, 0: too many entries for what is free, nothing was pushed. Runs no Python code. */
static int push_small_dict(rows_build *b, rows_node *n, PyObject *dict, int64_t row) {
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    int pushed = 0;
    Py_BEGIN_CRITICAL_SECTION(dict);
    if (PyDict_GET_SIZE(dict) <= ROWS_BLOCK - n->children[0]->num_slots) {
        while (PyDict_Next(dict, &pos, &key, &value)) {
            rows_push(b, n->children[0], key, row);
            rows_push(b, n->children[1], value, row);
        }
        pushed = 1;
    }
    Py_END_CRITICAL_SECTION();
    return pushed;
}

/* A new reference; NULL with or without an exception. */
static PyObject *get_item(PyObject *dict, PyObject *key) {
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *value;
    PyDict_GetItemRef(dict, key, &value);
    return value;
#else
    return Py_XNewRef(PyDict_GetItemWithError(dict, key));
#endif
}

/* A pair as tuple or list, or a dict of "key" and "value"; new references. 0: neither, -1. */
static int take_pair(rows_build *b, PyObject *entry, PyObject **key, PyObject **value) {
    bool is_pair = (PyList_Check(entry) || PyTuple_Check(entry)) &&
                   PySequence_Fast_GET_SIZE(entry) == 2;
    if (is_pair) {
        *key = PySequence_GetItem(entry, 0);
        *value = *key == NULL ? NULL : PySequence_GetItem(entry, 1);
    } else if (PyDict_Check(entry) && PyDict_GET_SIZE(entry) == 2) {
        *key = get_item(entry, b->state->name_key);
        *value = *key == NULL ? NULL : get_item(entry, b->state->name_value_key);
    }
    if (*value != NULL) {
        return 1;
    }
    Py_CLEAR(*key);
    return PyErr_Occurred() ? pqf_rows_swallow() : 0;
}

/* 1: pushed, 0: not a pair, -1. */
static int push_pair(rows_build *b, rows_node *n, PyObject *entry, int64_t row) {
    PyObject *key = NULL, *value = NULL;
    int code = take_pair(b, entry, &key, &value);
    if (code == 1 && (push_entry(b, n, key, value, row) < 0 || pqf_rows_slow(b) < 0)) {
        code = -1;
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return code;
}

/* The pairs of a list that may change while its entries are read. */
static int push_pairs(rows_build *b, rows_node *n, PyObject *pairs, int64_t row) {
    int code = pqf_rows_slow(b) < 0 ? -1 : 1;
    for (Py_ssize_t at = 0; code == 1 && at < PySequence_Fast_GET_SIZE(pairs); at++) {
        PyObject *entry = PySequence_GetItem(pairs, at);
        code = entry == NULL ? -1 : push_pair(b, n, entry, row);
        Py_XDECREF(entry);
    }
    return code;
}

static int push_dict(rows_build *b, rows_node *n, PyObject *dict, int64_t row) {
    if (push_small_dict(b, n, dict, row)) {
        return 0;
    }
    if (flush_entries(b, n) < 0) {
        return -1;
    }
    if (push_small_dict(b, n, dict, row)) {
        return 0;
    }
    PyObject *items = pqf_rows_slow(b) < 0 ? NULL : PyDict_Items(dict);
    int code = items == NULL ? -1 : push_pairs(b, n, items, row);
    Py_XDECREF(items);
    return code < 0 ? -1 : 0;
}

static int slow_map(rows_build *b, rows_node *n, int32_t i) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    PyObject *value = n->slots[i];
    int code = 0;
    if (pqf_rows_is(b, value, ROWS_NP_ARRAY)) {
        PyObject *list = PyObject_CallMethodNoArgs(value, b->state->name_tolist);
        code = list == NULL         ? -1
               : PyList_Check(list) ? push_pairs(b, n, list, n->rows[i])
                                    : 0;
        Py_XDECREF(list);
    } else if (PyList_Check(value) || PyTuple_Check(value)) {
        code = push_pairs(b, n, value, n->rows[i]);
    }
    if (code < 0) {
        return -1;
    }
    return code == 1 ? 0 : pqf_rows_fail(b, n, i, ROWS_TYPE, NULL);
}

int pqf_rows_flush_map(rows_build *b, rows_node *n) {
    int32_t *offsets = pqf_rows_room(n);
    if (offsets == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        PyObject *value = n->slots[i];
        bool is_dict = value != NULL && PyDict_Check(value);
        if ((is_dict ? push_dict(b, n, value, n->rows[i]) : slow_map(b, n, i)) < 0) {
            return -1;
        }
        int64_t end = num_elements(n->children[0]);
        if (end > INT32_MAX) {
            return too_long(n);
        }
        offsets[i + 1] = (int32_t)end;
    }
    n->length += n->num_slots;
    return flush_entries(b, n);
}
