/* SPDX-License-Identifier: Apache-2.0
 *
 * The row builders as functions of the module (for the package's own tests and for callers that
 * want an Arrow array and nothing else), the holder that hands an array out through the Arrow
 * PyCapsule protocol, and what the row builders keep in the state of the module.
 */
#include "rows_inner.h"

#include <datetime.h>
#include <stddef.h>
#include <stdlib.h>
#include <structmember.h>

/* ---- the holder of one array ---- */

typedef struct array_holder {
    PyObject_HEAD
    struct ArrowSchema schema;
    struct ArrowArray array;
    long long num_rows;
} array_holder;

static void holder_dealloc(PyObject *self) {
    array_holder *holder = (array_holder *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (holder->schema.release != NULL) {
        holder->schema.release(&holder->schema);
    }
    if (holder->array.release != NULL) {
        holder->array.release(&holder->array);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static void schema_capsule_free(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema->release != NULL) {
        schema->release(schema);
    }
    free(schema);
}

static void array_capsule_free(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->release != NULL) {
        array->release(array);
    }
    free(array);
}

/* A capsule over a zeroed struct that it owns. */
static PyObject *empty_capsule(size_t bytes, const char *name, PyCapsule_Destructor end,
                               void **out) {
    *out = pqf_rows_alloc(bytes);
    PyObject *capsule = *out == NULL ? NULL : PyCapsule_New(*out, name, end);
    if (capsule == NULL) {
        free(*out);
    }
    return capsule;
}

/* __arrow_c_array__(requested_schema=None): hands the array out, once. */
static PyObject *holder_export(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"requested_schema", NULL};
    array_holder *holder = (array_holder *)self;
    PyObject *requested = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &requested)) {
        return NULL;
    }
    if (holder->array.release == NULL) {
        PyErr_SetString(PyExc_ValueError, "the array has been handed out before");
        return NULL;
    }
    void *schema = NULL, *array = NULL;
    PyObject *first = empty_capsule(sizeof(struct ArrowSchema), "arrow_schema",
                                    schema_capsule_free, &schema);
    PyObject *second = first == NULL
                           ? NULL
                           : empty_capsule(sizeof(struct ArrowArray), "arrow_array",
                                           array_capsule_free, &array);
    PyObject *pair = second == NULL ? NULL : PyTuple_Pack(2, first, second);
    if (pair != NULL) {
        memcpy(schema, &holder->schema, sizeof(holder->schema));
        memcpy(array, &holder->array, sizeof(holder->array));
        holder->schema.release = NULL;
        holder->array.release = NULL;
    }
    Py_XDECREF(first);
    Py_XDECREF(second);
    return pair;
}

/* Takes schema and array, also when it fails. */
static PyObject *holder_new(PyTypeObject *type, struct ArrowSchema *schema,
                            struct ArrowArray *array) {
    array_holder *holder = (array_holder *)type->tp_alloc(type, 0);
    if (holder == NULL) {
        schema->release(schema);
        array->release(array);
        return NULL;
    }
    holder->schema = *schema;
    holder->array = *array;
    holder->num_rows = array->length;
    schema->release = NULL;
    array->release = NULL;
    return (PyObject *)holder;
}

/* columns(): children are moved out one by one, each with the release of its own ("Moving child
 * arrays" in the Arrow C data interface), so that no column keeps the others in memory. What is
 * left of the struct goes with the holder. */
static PyObject *holder_columns(PyObject *self, PyObject *unused) {
    (void)unused;
    array_holder *holder = (array_holder *)self;
    const struct ArrowArray *batch = &holder->array;
    if (batch->release == NULL) {
        PyErr_SetString(PyExc_ValueError, "the array has been handed out before");
        return NULL;
    }
    if (strcmp(holder->schema.format, "+s") != 0 || batch->offset != 0 ||
        batch->null_count != 0) {
        PyErr_SetString(PyExc_ValueError, "the array is not a batch");
        return NULL;
    }
    PyObject *columns = PyList_New((Py_ssize_t)batch->n_children);
    for (int64_t i = 0; columns != NULL && i < batch->n_children; i++) {
        PyObject *column =
            holder_new(Py_TYPE(self), holder->schema.children[i], batch->children[i]);
        if (column == NULL) {
            Py_CLEAR(columns);
        } else {
            PyList_SET_ITEM(columns, (Py_ssize_t)i, column);
        }
    }
    holder->schema.release(&holder->schema);
    holder->array.release(&holder->array);
    return columns;
}

static PyMethodDef holder_methods[] = {
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))holder_export,
     METH_VARARGS | METH_KEYWORDS,
     "Hands the array out as the pair of capsules of the Arrow PyCapsule protocol, "
     "once."},
    {"columns", holder_columns, METH_NOARGS,
     "Hands the columns of a batch out, each as an array of its own, once."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef holder_members[] = {
    {"num_rows", T_LONGLONG, offsetof(array_holder, num_rows), READONLY,
     "Rows of the array."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot holder_slots[] = {
    {Py_tp_dealloc, holder_dealloc},
    {Py_tp_methods, holder_methods},
    {Py_tp_members, holder_members},
    {0, NULL},
};

static PyType_Spec holder_spec = {
    .name = "py_parquet_forge._core.BuiltArray",
    .basicsize = sizeof(array_holder),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = holder_slots,
};

PyObject *pqf_py_array_new(pqf_py_state *state, struct ArrowSchema *schema,
                           struct ArrowArray *array) {
    return holder_new((PyTypeObject *)state->array_type, schema, array);
}

PyObject *pqf_py_schema_capsule(struct ArrowSchema *schema) {
    void *copy;
    PyObject *capsule =
        empty_capsule(sizeof *schema, "arrow_schema", schema_capsule_free, &copy);
    if (capsule == NULL) {
        schema->release(schema);
        return NULL;
    }
    memcpy(copy, schema, sizeof *schema);
    schema->release = NULL;
    return capsule;
}

/* ---- state ---- */

static const struct {
    size_t offset;
    const char *text;
} NAMES[] = {
    {offsetof(pqf_py_state, name_nanosecond), "nanosecond"},
    {offsetof(pqf_py_state, name_value), "_value"},
    {offsetof(pqf_py_state, name_value_key), "value"},
    {offsetof(pqf_py_state, name_unit), "unit"},
    {offsetof(pqf_py_state, name_utcoffset), "utcoffset"},
    {offsetof(pqf_py_state, name_key), "key"},
    {offsetof(pqf_py_state, name_bytes), "bytes"},
    {offsetof(pqf_py_state, name_dtype), "dtype"},
    {offsetof(pqf_py_state, name_tolist), "tolist"},
    {offsetof(pqf_py_state, name_astype), "astype"},
};
#define NUM_NAMES (sizeof(NAMES) / sizeof(NAMES[0]))

static PyObject **name_of(pqf_py_state *state, size_t i) {
    return (PyObject **)(void *)((char *)state + NAMES[i].offset);
}

int pqf_py_state_init(pqf_py_state *state, PyObject *module) {
    state->datetime_api = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    if (state->datetime_api == NULL) {
        return -1;
    }
    for (size_t i = 0; i < NUM_NAMES; i++) {
        *name_of(state, i) = PyUnicode_InternFromString(NAMES[i].text);
        if (*name_of(state, i) == NULL) {
            return -1;
        }
    }
    state->array_type = PyType_FromModuleAndSpec(module, &holder_spec, NULL);
    return state->array_type == NULL ? -1 : 0;
}

int pqf_py_state_visit(pqf_py_state *state, visitproc visit, void *arg) {
    Py_VISIT(state->array_type);
    return 0;
}

void pqf_py_state_clear(pqf_py_state *state) {
    for (size_t i = 0; i < NUM_NAMES; i++) {
        Py_CLEAR(*name_of(state, i));
    }
    Py_CLEAR(state->array_type);
}

/* ---- functions ---- */

const struct ArrowSchema *pqf_py_borrow_schema(PyObject *source, PyObject **capsule) {
    if (PyCapsule_IsValid(source, "arrow_schema")) {
        *capsule = Py_NewRef(source);
    } else {
        *capsule = PyObject_CallMethod(source, "__arrow_c_schema__", NULL);
    }
    return *capsule == NULL ? NULL : PyCapsule_GetPointer(*capsule, "arrow_schema");
}

static PyObject *samples_list(const pqf_failure *failure) {
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list != NULL && i < failure->num_samples; i++) {
        PyObject *pair = Py_BuildValue("(Ls)", (long long)failure->sample_rows[i],
                                       failure->sample_values[i]);
        if (pair == NULL || PyList_Append(list, pair) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    return list;
}

PyObject *pqf_py_failures(const pqf_report *report) {
    PyObject *list = PyList_New(0);
    for (int64_t i = 0; list != NULL && i < pqf_report_num_failures(report); i++) {
        const pqf_failure *failure = pqf_report_failure(report, i);
        PyObject *samples = samples_list(failure);
        PyObject *record =
            samples == NULL ? NULL
                            : Py_BuildValue("(ssLssN)", failure->path, failure->rule,
                                            (long long)failure->count, failure->expected,
                                            failure->found, samples);
        if (record == NULL || PyList_Append(list, record) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(record);
    }
    return list;
}

/* (array or None, failures); takes both structs. */
static PyObject *make_result(pqf_py_state *state, const pqf_report *report,
                             struct ArrowSchema *schema, struct ArrowArray *array) {
    PyObject *result = array->release == NULL ? Py_NewRef(Py_None)
                                              : pqf_py_array_new(state, schema, array);
    PyObject *failures = result == NULL ? NULL : pqf_py_failures(report);
    PyObject *pair = failures == NULL ? NULL : PyTuple_Pack(2, result, failures);
    Py_XDECREF(result);
    Py_XDECREF(failures);
    return pair;
}

typedef int (*build_fn)(pqf_py_state *, PyObject *, const struct ArrowSchema *,
                        const pqf_rows_part *, pqf_report *, struct ArrowSchema *,
                        struct ArrowArray *);

static PyObject *run(PyObject *module, build_fn build, PyObject *values,
                     PyObject *schema_source, const pqf_rows_part *part) {
    pqf_py_state *state = PyModule_GetState(module);
    PyObject *capsule = NULL, *result = NULL;
    const struct ArrowSchema *schema = pqf_py_borrow_schema(schema_source, &capsule);
    pqf_report *report = schema == NULL ? NULL : pqf_report_new();
    if (schema != NULL && report == NULL) {
        PyErr_NoMemory();
    }
    struct ArrowSchema out_schema;
    struct ArrowArray out;
    if (report != NULL &&
        build(state, values, schema, part, report, &out_schema, &out) == 0) {
        result = make_result(state, report, &out_schema, &out);
    }
    pqf_report_free(report);
    Py_XDECREF(capsule);
    return result;
}

static PyObject *rows_to_array(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"rows",  "schema", "drop_extra", "row_base",
                            "start", "stop",   "refused",    NULL};
    PyObject *rows, *schema, *refused = NULL;
    int drop_extra = 0;
    long long row_base = 0, start = 0, stop = INT64_MAX;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|pLLLO!", names, &rows, &schema,
                                     &drop_extra, &row_base, &start, &stop, &PyList_Type,
                                     &refused)) {
        return NULL;
    }
    if (start < 0 || stop < 0) {
        PyErr_SetString(PyExc_ValueError, "start and stop must not be negative");
        return NULL;
    }
    pqf_rows_part part = {start, stop, row_base, drop_extra ? PQF_ROWS_DROP_EXTRA : 0,
                          refused};
    return run(module, pqf_rows_to_array, rows, schema, &part);
}

static PyObject *objects_to_array(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"values",   "field",   "from_pandas",
                            "row_base", "refused", NULL};
    PyObject *values, *field, *refused = NULL;
    int from_pandas = 1;
    long long row_base = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|pLO!", names, &values, &field,
                                     &from_pandas, &row_base, &PyList_Type, &refused)) {
        return NULL;
    }
    pqf_rows_part part = {0, INT64_MAX, row_base, from_pandas ? PQF_ROWS_FROM_PANDAS : 0,
                          refused};
    return run(module, pqf_objects_to_array, values, field, &part);
}

PyMethodDef pqf_rows_methods[] = {
    {"rows_to_array", (PyCFunction)(void (*)(void))rows_to_array,
     METH_VARARGS | METH_KEYWORDS,
     "rows_to_array(rows, schema, drop_extra=False, row_base=0, start=0, stop=all, "
     "refused=list()) -> (array or None, failures)"},
    {"objects_to_array", (PyCFunction)(void (*)(void))objects_to_array,
     METH_VARARGS | METH_KEYWORDS,
     "objects_to_array(values, field, from_pandas=True, row_base=0, "
     "refused=list()) -> (array or None, failures)"},
    {NULL, NULL, 0, NULL},
};
