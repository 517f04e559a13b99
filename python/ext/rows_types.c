/* SPDX-License-Identifier: Apache-2.0
 *
 * Types of NumPy, pandas, decimal and uuid that the row builders know. They are looked up once per
 * call, among the modules that are loaded already: a value of a type whose module nobody
 * imported cannot come. Also here: what pandas means by null.
 */
#include "rows_inner.h"

#include <math.h>

static const struct {
    const char *module, *attribute;
} WANTED[ROWS_NUM_TYPES] = {
    [ROWS_NP_BOOL] = {"numpy", "bool_"},
    [ROWS_NP_INTEGER] = {"numpy", "integer"},
    [ROWS_NP_FLOATING] = {"numpy", "floating"},
    [ROWS_NP_DATETIME] = {"numpy", "datetime64"},
    [ROWS_NP_TIMEDELTA] = {"numpy", "timedelta64"},
    [ROWS_NP_ARRAY] = {"numpy", "ndarray"},
    [ROWS_PD_TIMESTAMP] = {"pandas", "Timestamp"},
    [ROWS_PD_TIMEDELTA] = {"pandas", "Timedelta"},
    [ROWS_PD_NAT] = {"pandas", "NaT"},
    [ROWS_PD_NA] = {"pandas", "NA"},
    [ROWS_DECIMAL] = {"decimal", "Decimal"},
    [ROWS_UUID] = {"uuid", "UUID"},
};

/* NULL without an exception when the module is not loaded or lacks the name. */
static int find_loaded(const char *module_name, const char *attribute, PyObject **out) {
    PyObject *name = PyUnicode_FromString(module_name);
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    Py_XDECREF(name);
    if (module == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    *out = PyObject_GetAttrString(module, attribute);
    Py_DECREF(module);
    if (*out == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear(); /* the module is still being imported */
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* The getter of nanosecond costs a tenth of an attribute look-up when called directly. */
static int find_nanosecond(rows_build *b) {
    PyObject *type = b->types[ROWS_PD_TIMESTAMP];
    if (type == NULL) {
        return 0;
    }
    PyObject *descriptor = PyObject_GetAttr(type, b->state->name_nanosecond);
    if (descriptor == NULL) {
        return -1;
    }
    if (Py_TYPE(descriptor) == &PyGetSetDescr_Type) {
        b->nanosecond = descriptor;
    } else {
        Py_DECREF(descriptor);
    }
    return 0;
}

int pqf_rows_types_find(rows_build *b) {
    for (int i = 0; i < ROWS_NUM_TYPES; i++) {
        if (find_loaded(WANTED[i].module, WANTED[i].attribute, &b->types[i]) < 0) {
            return -1;
        }
        bool is_value = i == ROWS_PD_NAT || i == ROWS_PD_NA;
        if (b->types[i] != NULL && !is_value && !PyType_Check(b->types[i])) {
            Py_CLEAR(b->types[i]);
        }
    }
    b->types_ready = true;
    return find_nanosecond(b);
}

bool pqf_rows_is(const rows_build *b, PyObject *value, rows_type type) {
    return b->types[type] != NULL &&
           PyObject_TypeCheck(value, (PyTypeObject *)b->types[type]);
}

int pqf_rows_swallow(void) {
    PyObject *const kinds[] = {PyExc_TypeError, PyExc_ValueError, PyExc_ArithmeticError,
                               PyExc_AttributeError, PyExc_BufferError};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (PyErr_ExceptionMatches(kinds[i])) {
            PyErr_Clear();
            return 0;
        }
    }
    return -1;
}

/* ---- null in the sense of pandas ---- */

static int is_nan(PyObject *value) {
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        return pqf_rows_swallow();
    }
    return isnan(number) ? 1 : 0;
}

/* NumPy's NaT and Decimal's NaN differ from themselves; a signalling NaN may not be compared. */
static int differs_from_itself(PyObject *value) {
    PyObject *verdict = PyObject_RichCompare(value, value, Py_NE);
    int truth = verdict == NULL ? -1 : PyObject_IsTrue(verdict);
    Py_XDECREF(verdict);
    return truth < 0 ? (pqf_rows_swallow() < 0 ? -1 : 1) : truth;
}

int pqf_rows_pandas_null(rows_build *b, const rows_node *n, PyObject *value) {
    if (value == b->types[ROWS_PD_NAT] || value == b->types[ROWS_PD_NA]) {
        return 1;
    }
    if (PyFloat_Check(value) || pqf_rows_is(b, value, ROWS_NP_FLOATING)) {
        return n->keeps_nan ? 0 : is_nan(value);
    }
    if (pqf_rows_is(b, value, ROWS_NP_DATETIME) ||
        pqf_rows_is(b, value, ROWS_NP_TIMEDELTA)) {
        return differs_from_itself(value);
    }
    return 0;
}
