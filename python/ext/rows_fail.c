/* SPDX-License-Identifier: Apache-2.0
 *
 * Failures of the row builders on their way to the report: what was expected, what was found, and
 * the first values as samples. Beyond the samples a failure is only counted, and the counts go to
 * the report at the end. Everything that runs Python code (repr) runs with the slots pinned.
 */
#include "rows_inner.h"

#include <stdio.h>

#define SAMPLE_CHARS 80
#define MAX_EXTRA_KEYS                                                                   \
    1000 /* distinct unknown keys of one struct that get a record each */

static const char *const RULE_NAMES[] = {
    [ROWS_NULL] = "null",
    [ROWS_TYPE] = "type",
    [ROWS_VALUE] = "value",
};

int pqf_rows_fail_add(rows_build *b, const char *path, const char *rule, int64_t count,
                      const char *expected, const char *found, int64_t row,
                      const char *value) {
    b->num_failures++;
    if (pqf_report_add(b->report, path, rule, count, expected, found, row, value) !=
        PQF_OK) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* The name of the type without its module. */
static const char *type_name(PyObject *value) {
    const char *name = Py_TYPE(value)->tp_name;
    const char *dot = strrchr(name, '.');
    return dot == NULL ? name : dot + 1;
}

/* ---- samples ---- */

/* Only the beginning of a long text is worth a repr. */
static PyObject *repr_short(PyObject *value) {
    if (PyUnicode_CheckExact(value) && PyUnicode_GET_LENGTH(value) > SAMPLE_CHARS) {
        value = PyUnicode_Substring(value, 0, SAMPLE_CHARS);
    } else if (PyBytes_CheckExact(value) && PyBytes_GET_SIZE(value) > SAMPLE_CHARS) {
        value = PyBytes_FromStringAndSize(PyBytes_AS_STRING(value), SAMPLE_CHARS);
    } else {
        return PyObject_Repr(value);
    }
    PyObject *text = value == NULL ? NULL : PyObject_Repr(value);
    Py_XDECREF(value);
    return text;
}

static PyObject *repr_of_unprintable(PyObject *value) {
    if (!PyErr_ExceptionMatches(PyExc_Exception) ||
        PyErr_ExceptionMatches(PyExc_MemoryError)) {
        return NULL;
    }
    PyErr_Clear();
    return PyUnicode_FromFormat("<%s object>", type_name(value));
}

/* UTF-8 of at most `most` characters of a text; what UTF-8 lacks is escaped. */
static PyObject *encode_text(PyObject *text, Py_ssize_t most) {
    PyObject *start = PyUnicode_Substring(text, 0, most);
    PyObject *bytes = start == NULL
                          ? NULL
                          : PyUnicode_AsEncodedString(start, "utf-8", "backslashreplace");
    Py_XDECREF(start);
    return bytes;
}

static PyObject *sample(PyObject *value) {
    PyObject *text = repr_short(value);
    if (text == NULL) {
        text = repr_of_unprintable(value);
    }
    PyObject *bytes = text == NULL ? NULL : encode_text(text, SAMPLE_CHARS);
    Py_XDECREF(text);
    return bytes;
}

/* ---- failures of values ---- */

/* What stood to be found where the rule was broken. */
static const char *expected_text(const rows_node *n, rows_rule rule, char *space) {
    snprintf(space, ROWS_TEXT_BYTES + 16, "%s%s", n->text,
             rule == ROWS_NULL ? " not null" : "");
    return space;
}

static int add_sample(rows_build *b, rows_node *n, int32_t i, rows_rule rule,
                      const char *found) {
    char space[ROWS_TEXT_BYTES + 16];
    if (pqf_rows_slow(b) < 0) {
        return -1;
    }
    PyObject *value = n->slots[i];
    PyObject *text = sample(value);
    if (text == NULL) {
        return -1;
    }
    int code = pqf_rows_fail_add(
        b, n->path, RULE_NAMES[rule], 1, expected_text(n, rule, space),
        found != NULL ? found : type_name(value), n->rows[i], PyBytes_AS_STRING(text));
    Py_DECREF(text);
    return code;
}

int pqf_rows_fail(rows_build *b, rows_node *n, int32_t i, rows_rule rule,
                  const char *found) {
    if (rule == ROWS_NULL) {
        found = "null";
    }
    if (pqf_rows_may_set_aside(b, n, rule)) {
        return pqf_rows_set_aside(b, n, i);
    }
    if (n->num_failures[rule]++ < PQF_MAX_SAMPLES) {
        return add_sample(b, n, i, rule, found);
    }
    return 0;
}

/* ---- unknown keys ---- */

/* The key as users write it in a path; anything but a str shows its repr. */
static PyObject *key_path(const rows_node *n, PyObject *key) {
    PyObject *text = PyUnicode_Check(key) ? PyUnicode_FromObject(key) : repr_short(key);
    PyObject *path = NULL;
    if (text != NULL && n->path[0] != '\0') {
        path = PyUnicode_FromFormat("%s.%U", n->path, text);
    } else if (text != NULL) {
        path = Py_NewRef(text);
    }
    Py_XDECREF(text);
    PyObject *bytes = path == NULL
                          ? NULL
                          : PyUnicode_AsEncodedString(path, "utf-8", "backslashreplace");
    Py_XDECREF(path);
    return bytes;
}

/* How often this path came before, -1 on error; counts it. */
static int64_t count_extra(rows_node *n, PyObject *path) {
    if (n->extras == NULL && (n->extras = PyDict_New()) == NULL) {
        return -1;
    }
    PyObject *before = PyDict_GetItemWithError(n->extras, path);
    if (before == NULL && PyErr_Occurred()) {
        return -1;
    }
    int64_t count = before == NULL ? 0 : (int64_t)PyLong_AsLongLong(before);
    if (before == NULL && PyDict_GET_SIZE(n->extras) >= MAX_EXTRA_KEYS) {
        return PQF_MAX_SAMPLES;
    }
    PyObject *after = PyLong_FromLongLong(count + 1);
    int code = after == NULL ? -1 : PyDict_SetItem(n->extras, path, after);
    Py_XDECREF(after);
    return code < 0 ? -1 : count;
}

int pqf_rows_fail_extra(rows_build *b, rows_node *n, int32_t i, PyObject *key,
                        PyObject *value) {
    PyObject *path = key_path(n, key);
    int64_t before = path == NULL ? -1 : count_extra(n, path);
    int code = before < 0 ? -1 : 0;
    if (code == 0 && before < PQF_MAX_SAMPLES) {
        PyObject *text = sample(value);
        code = text == NULL ? -1
                            : pqf_rows_fail_add(b, PyBytes_AS_STRING(path), "extra", 1,
                                                "no such field", type_name(value),
                                                n->rows[i], PyBytes_AS_STRING(text));
        Py_XDECREF(text);
    }
    Py_XDECREF(path);
    return code;
}

/* ---- the counts beyond the samples ---- */

static int add_rest_of_extras(rows_build *b, rows_node *n) {
    Py_ssize_t pos = 0;
    PyObject *path, *count;
    while (n->extras != NULL && PyDict_Next(n->extras, &pos, &path, &count)) {
        int64_t rest = (int64_t)PyLong_AsLongLong(count) - PQF_MAX_SAMPLES;
        if (rest > 0 && pqf_rows_fail_add(b, PyBytes_AS_STRING(path), "extra", rest,
                                          "no such field", "", -1, NULL) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_rest(rows_build *b, rows_node *n) {
    for (int rule = 0; rule < ROWS_NUM_RULES; rule++) {
        int64_t rest = n->num_failures[rule] - PQF_MAX_SAMPLES;
        if (rest > 0 && pqf_rows_fail_add(b, n->path, RULE_NAMES[rule], rest, n->text, "",
                                          -1, NULL) < 0) {
            return -1;
        }
    }
    return add_rest_of_extras(b, n);
}

int pqf_rows_fail_rest(rows_build *b) {
    for (int32_t i = 0; i < b->num_nodes; i++) {
        if (add_rest(b, b->nodes[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
