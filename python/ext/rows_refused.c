/* SPDX-License-Identifier: Apache-2.0
 *
 * Refused values that are set aside instead of reported, for coerce=True: where a value breaks the
 * rules `type` or `value`, a null or zero takes its place in the array, and the value is kept with its
 * place in the node's array and its row. Out goes a list with one tuple per node that refused any:
 * (numbers of the children from the root down, path, values, places, rows), the last two as
 * bytes of int64. The package casts the values and puts them into their places.
 */
#include "rows_inner.h"

#include <stdlib.h>

/* A list of the wrong length has pushed its elements: there is no null to put in its place. */
bool pqf_rows_may_set_aside(const rows_build *b, const rows_node *n, rows_rule rule) {
    return b->refused != NULL && rule != ROWS_NULL && !n->is_row &&
           !(rule == ROWS_VALUE && n->kind->layout == ROWS_FIXED_LIST);
}

/* Room for one more pair of place and row. */
static int grow_pairs(rows_node *n) {
    if (n->num_refused < n->max_refused) {
        return 0;
    }
    int64_t most = n->max_refused > 0 ? 2 * n->max_refused : 64;
    int64_t *pairs =
        realloc(n->refused_pairs, (size_t)most * 2 * sizeof(*n->refused_pairs));
    if (pairs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    n->refused_pairs = pairs;
    n->max_refused = most;
    return 0;
}

int pqf_rows_set_aside(rows_build *b, rows_node *n, int32_t i) {
    if (pqf_rows_slow(b) < 0 || grow_pairs(n) < 0) {
        return -1;
    }
    if (n->refused == NULL && (n->refused = PyList_New(0)) == NULL) {
        return -1;
    }
    if (PyList_Append(n->refused, n->slots[i]) < 0) {
        return -1;
    }
    int64_t *pair = n->refused_pairs + 2 * n->num_refused++;
    pair[0] = n->length + i;
    pair[1] = n->rows[i];
    /* A required field, as every key of a map, keeps the zero: a null there is no array at all. */
    return n->nullable ? pqf_rows_mark_null(n, n->length + i) : 0;
}

void pqf_rows_refused_free(rows_node *n) {
    Py_CLEAR(n->refused);
    free(n->refused_pairs);
    n->refused_pairs = NULL;
}

/* Every second number, from `first`, as bytes. */
static PyObject *half_of_pairs(const rows_node *n, int first) {
    PyObject *bytes = PyBytes_FromStringAndSize(
        NULL, (Py_ssize_t)(n->num_refused * (int64_t)sizeof(int64_t)));
    if (bytes != NULL) {
        char *to = PyBytes_AS_STRING(bytes);
        for (int64_t i = 0; i < n->num_refused; i++) {
            memcpy(to + (size_t)i * sizeof(int64_t), &n->refused_pairs[2 * i + first],
                   sizeof(int64_t));
        }
    }
    return bytes;
}

static int append_node(PyObject *list, const rows_node *n, PyObject *place) {
    PyObject *entry = Py_BuildValue("(OsONN)", place, n->path, n->refused,
                                    half_of_pairs(n, 0), half_of_pairs(n, 1));
    int code = entry == NULL ? -1 : PyList_Append(list, entry);
    Py_XDECREF(entry);
    return code;
}

/* The place of child number c of the node at `place`. */
static PyObject *child_place(PyObject *place, int32_t c) {
    PyObject *last = Py_BuildValue("(i)", (int)c);
    PyObject *longer = last == NULL ? NULL : PySequence_Concat(place, last);
    Py_XDECREF(last);
    return longer;
}

/* The node and what is below it, which is at most ROWS_MAX_DEPTH deep. */
static int collect(PyObject *list, const rows_node *n, PyObject *place) {
    int code = n->refused == NULL ? 0 : append_node(list, n, place);
    for (int32_t c = 0; c < n->num_children && code == 0; c++) {
        PyObject *below = child_place(place, c);
        code = below == NULL ? -1 : collect(list, n->children[c], below);
        Py_XDECREF(below);
    }
    return code;
}

int pqf_rows_refused_export(rows_build *b) {
    if (b->refused == NULL) {
        return 0;
    }
    PyObject *root = PyTuple_New(0);
    int code = root == NULL ? -1 : collect(b->refused, b->root, root);
    Py_XDECREF(root);
    return code;
}
