/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings and binary. A str is encoded here, straight from its characters into the bytes of the
 * array: PyUnicode_AsUTF8 would leave a second copy of every text inside the user's objects.
 * bytes become a string when they are UTF-8; a text becomes binary as UTF-8, as Arrow's strings do.
 */
#include "rows_inner.h"

/* ---- bytes of a node ---- */

static inline int need_bytes(rows_node *n, int64_t more) {
    return more <= n->data_capacity - n->data_len ? 0 : pqf_rows_data_grow(n, more);
}

/* Short texts are the rule: two overlapping moves instead of a call. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t bytes) {
    if (bytes > 16) {
        memcpy(to, from, bytes);
    } else if (bytes >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + bytes - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + bytes - 8, &tail, 8);
    } else if (bytes >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + bytes - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + bytes - 4, &tail, 4);
    } else {
        for (size_t i = 0; i < bytes; i++) {
            to[i] = from[i];
        }
    }
}

static int put_bytes(rows_node *n, const void *bytes, Py_ssize_t length) {
    if (need_bytes(n, (int64_t)length) < 0) {
        return -1;
    }
    copy_bytes(n->data + n->data_len, bytes, (size_t)length);
    n->data_len += (int64_t)length;
    return 0;
}

/* ---- encoding ---- */

/* At least 4 bytes of room; 0: the character is half of a surrogate pair. */
static inline size_t encode_char(uint8_t *to, Py_UCS4 c) {
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | (c >> 6));
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | (c >> 12));
        to[1] = (uint8_t)(0x80 | ((c >> 6) & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return c >= 0xd800 && c < 0xe000 ? 0 : 3;
    }
    to[0] = (uint8_t)(0xf0 | (c >> 18));
    to[1] = (uint8_t)(0x80 | ((c >> 12) & 0x3f));
    to[2] = (uint8_t)(0x80 | ((c >> 6) & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* 1: appended, 0: the text has surrogates, -1. Runs no Python code. */
static int put_text(rows_node *n, PyObject *text) {
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0) {
        return -1;
    }
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    int kind = (int)PyUnicode_KIND(text);
    const void *chars = PyUnicode_DATA(text);
    if (PyUnicode_IS_ASCII(text)) {
        return put_bytes(n, chars, length) < 0 ? -1 : 1;
    }
    /* One, two and four bytes a character take at most two, three and four. */
    if (need_bytes(n, (int64_t)length * (kind == 4 ? 4 : kind + 1) + 4) < 0) {
        return -1;
    }
    uint8_t *to = n->data + n->data_len;
    for (Py_ssize_t i = 0; i < length; i++) {
        size_t bytes = encode_char(to, PyUnicode_READ(kind, chars, i));
        if (bytes == 0) {
            return 0;
        }
        to += bytes;
    }
    n->data_len = to - n->data;
    return 1;
}

/* 1: appended, 0: not UTF-8, -1. The decoder of Python is the judge. */
static int put_utf8(rows_node *n, const char *bytes, Py_ssize_t length) {
    PyObject *text = PyUnicode_DecodeUTF8(bytes, length, "strict");
    if (text == NULL) {
        return PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) ? pqf_rows_swallow() : -1;
    }
    Py_DECREF(text);
    return put_bytes(n, bytes, length) < 0 ? -1 : 1;
}

/* bytes, bytearray or memoryview; 1: appended, 0: not UTF-8, 2: none of them, -1. */
static int put_buffer(rows_node *n, PyObject *value, bool is_text) {
    if (!PyBytes_Check(value) && !PyByteArray_Check(value) &&
        !PyMemoryView_Check(value)) {
        return 2;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        return pqf_rows_swallow(); /* a memoryview with gaps, or one that is released */
    }
    int code;
    if (is_text) {
        code = put_utf8(n, view.buf, view.len);
    } else {
        code = put_bytes(n, view.buf, view.len) < 0 ? -1 : 1;
    }
    PyBuffer_Release(&view);
    return code;
}

/* ---- blocks ---- */

static int slow_value(rows_build *b, rows_node *n, int32_t i, bool is_text) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    PyObject *value = n->slots[i];
    int code =
        PyUnicode_Check(value) ? put_text(n, value) : put_buffer(n, value, is_text);
    if (code < 0) {
        return -1;
    }
    return code == 1 ? 0
                     : pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
}

static inline int put_value(rows_build *b, rows_node *n, int32_t i, bool is_text) {
    PyObject *value = n->slots[i];
    if (value != NULL && PyUnicode_CheckExact(value)) {
        if (PyUnicode_IS_COMPACT_ASCII(value)) {
            return put_bytes(n, (PyASCIIObject *)value + 1,
                             ((PyASCIIObject *)value)->length);
        }
        int code = put_text(n, value);
        return code != 0 ? (code < 0 ? -1 : 0) : pqf_rows_fail(b, n, i, ROWS_VALUE, NULL);
    }
    if (value != NULL && !is_text && PyBytes_CheckExact(value)) {
        return put_bytes(n, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    }
    return slow_value(b, n, i, is_text);
}

static int too_long(const rows_node *n) {
    PyErr_Format(
        PyExc_ValueError,
        "Column '%s': more than 2 GiB of %s in one array; declare large_%s or pass fewer "
        "rows at a time",
        n->path, n->text, n->text);
    return -1;
}

static int flush_narrow(rows_build *b, rows_node *n, bool is_text) {
    int32_t *offsets = pqf_rows_room(n);
    if (offsets == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (put_value(b, n, i, is_text) < 0) {
            return -1;
        }
        if (n->data_len > INT32_MAX) {
            return too_long(n);
        }
        offsets[i + 1] = (int32_t)n->data_len;
    }
    n->length += n->num_slots;
    return 0;
}

static int flush_wide(rows_build *b, rows_node *n, bool is_text) {
    int64_t *offsets = pqf_rows_room(n);
    if (offsets == NULL) {
        return -1;
    }
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (put_value(b, n, i, is_text) < 0) {
            return -1;
        }
        offsets[i + 1] = n->data_len;
    }
    n->length += n->num_slots;
    return 0;
}

int pqf_rows_flush_string(rows_build *b, rows_node *n) {
    return flush_narrow(b, n, true);
}
int pqf_rows_flush_large_string(rows_build *b, rows_node *n) {
    return flush_wide(b, n, true);
}
int pqf_rows_flush_binary(rows_build *b, rows_node *n) {
    return flush_narrow(b, n, false);
}
int pqf_rows_flush_large_binary(rows_build *b, rows_node *n) {
    return flush_wide(b, n, false);
}

/* ---- fixed size ---- */

/* UTF-8 of a text; 1: copied, 0: another length or surrogates, -1. */
static int copy_text(const rows_node *n, PyObject *text, uint8_t *to) {
    PyObject *bytes = PyUnicode_AsUTF8String(text);
    if (bytes == NULL) {
        return PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) ? pqf_rows_swallow() : -1;
    }
    bool fits = PyBytes_GET_SIZE(bytes) == (Py_ssize_t)n->value_bytes;
    if (fits) {
        memcpy(to, PyBytes_AS_STRING(bytes), (size_t)n->value_bytes);
    }
    Py_DECREF(bytes);
    return fits;
}

/* 1: copied, 0: another length, 2: neither text, bytes nor a UUID, -1. */
static int copy_fixed(const rows_node *n, PyObject *value, uint8_t *to) {
    if (PyUnicode_Check(value)) {
        return copy_text(n, value, to);
    }
    if (!PyBytes_Check(value) && !PyByteArray_Check(value) &&
        !PyMemoryView_Check(value)) {
        return 2;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        return pqf_rows_swallow();
    }
    bool fits = view.len == n->value_bytes;
    if (fits) {
        memcpy(to, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
    return fits;
}

static int copy_uuid(rows_build *b, const rows_node *n, PyObject *value, uint8_t *to) {
    PyObject *bytes = PyObject_GetAttr(value, b->state->name_bytes);
    if (bytes == NULL) {
        return pqf_rows_swallow();
    }
    int code = copy_fixed(n, bytes, to);
    Py_DECREF(bytes);
    return code;
}

static int slow_fixed(rows_build *b, rows_node *n, int32_t i, uint8_t *to) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    PyObject *value = n->slots[i];
    bool is_uuid = n->value_bytes == 16 && pqf_rows_is(b, value, ROWS_UUID);
    int code = is_uuid ? copy_uuid(b, n, value, to) : copy_fixed(n, value, to);
    if (code < 0) {
        return -1;
    }
    return code == 1 ? 0
                     : pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
}

int pqf_rows_flush_fixed_binary(rows_build *b, rows_node *n) {
    uint8_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    size_t width = (size_t)n->value_bytes;
    for (int32_t i = 0; i < n->num_slots; i++, out += width) {
        PyObject *value = n->slots[i];
        if (value != NULL && PyBytes_CheckExact(value) &&
            PyBytes_GET_SIZE(value) == (Py_ssize_t)width) {
            memcpy(out, PyBytes_AS_STRING(value), width);
            continue;
        }
        memset(out, 0, width);
        if (slow_fixed(b, n, i, out) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}
