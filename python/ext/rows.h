/* SPDX-License-Identifier: Apache-2.0
 *
 * Door of the row builders in the CPython extension. In come Python objects (a list of dicts, or
 * the values of one pandas object column) and the declared Arrow schema; out goes one
 * ArrowArray plus the schema of what was really built, which differs from the declared one only
 * where the encoding does (dictionary -> its values, views -> offsets, run-end -> its values).
 * What does not fit goes to the report, all columns in one pass.
 */
#ifndef PQF_PYTHON_ROWS_H
#define PQF_PYTHON_ROWS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "parquet_forge.h"

/* What the row builders keep in the state of the module. Zero is valid and empty. */
typedef struct pqf_py_state {
    void *datetime_api;   /* PyDateTime_CAPI */
    PyObject *array_type; /* holder of one exported array: offers __arrow_c_array__ */
    PyObject *name_nanosecond; /* interned attribute names */
    PyObject *name_value;      /* "_value" of pandas times */
    PyObject *name_value_key;  /* "value" of a map entry */
    PyObject *name_unit;
    PyObject *name_utcoffset;
    PyObject *name_key;
    PyObject *name_bytes;
    PyObject *name_dtype;
    PyObject *name_tolist;
    PyObject *name_astype;
} pqf_py_state;

/* For exec, m_traverse and m_clear (m_free) of the module. init returns -1 with an exception. */
int pqf_py_state_init(pqf_py_state *state, PyObject *module);
int pqf_py_state_visit(pqf_py_state *state, visitproc visit, void *arg);
void pqf_py_state_clear(pqf_py_state *state);

/* ---- Arrow structs as Python objects, and back ---- */

/* Moves both structs (also when it fails) into a holder that offers __arrow_c_array__, once, and
 * num_rows. */
PyObject *pqf_py_array_new(pqf_py_state *state, struct ArrowSchema *schema,
                           struct ArrowArray *array);
/* Moves the schema (also when it fails) into a capsule. */
PyObject *pqf_py_schema_capsule(struct ArrowSchema *schema);
/* The schema inside a capsule, or behind __arrow_c_schema__; *capsule keeps it alive and is released
 * by the caller, success or not. */
const struct ArrowSchema *pqf_py_borrow_schema(PyObject *source, PyObject **capsule);
/* A line for each field: its name, its type and whether it may be null. */
PyObject *pqf_py_schema_text(const struct ArrowSchema *schema);
/* [(path, rule, count, expected, found, [(row, value), ...]), ...] */
PyObject *pqf_py_failures(const pqf_report *report);

/* ---- rows and objects ---- */

typedef enum pqf_rows_flag {
    PQF_ROWS_DROP_EXTRA =
        1, /* keys that the schema lacks are skipped instead of reported */
    PQF_ROWS_FROM_PANDAS =
        2, /* NaN, NaT and NA are null; NaN stays in a non-nullable float */
} pqf_rows_flag;

/* Which of the values one call takes, and how. */
typedef struct pqf_rows_part {
    int64_t start, stop; /* as those of a slice, both at least 0 */
    int64_t row_base;    /* number of value `start` in the whole stream */
    int flags;
    PyObject
        *refused; /* a list: what is refused goes there and is null; NULL: reported */
} pqf_rows_part;

/* A list (or tuple) of dicts -> one struct array. `schema` is a struct schema. Returns -1 with a Python exception, else 0: then either
 * the report has grown and *out and *out_schema are released, or both are set and the caller owns
 * them. The array may be released on any thread, with or without the GIL. */
int pqf_rows_to_array(pqf_py_state *state, PyObject *rows,
                      const struct ArrowSchema *schema, const pqf_rows_part *part,
                      pqf_report *report, struct ArrowSchema *out_schema,
                      struct ArrowArray *out);

/* The values of one column (a list, a tuple or a 1-D buffer of format 'O', as NumPy's object arrays
 * offer) -> one array under one declared field; otherwise the same. */
int pqf_objects_to_array(pqf_py_state *state, PyObject *values,
                         const struct ArrowSchema *field, const pqf_rows_part *part,
                         pqf_report *report, struct ArrowSchema *out_schema,
                         struct ArrowArray *out);

/* rows_to_array(rows, schema, drop_extra=False, row_base=0, start=0, stop=all, refused=None) and
 * objects_to_array(values, field, from_pandas=True, row_base=0, refused=None) -> (array or None,
 * failures) as methods of a module whose state begins with pqf_py_state; ends with a NULL row. */
extern PyMethodDef pqf_rows_methods[];

#endif /* PQF_PYTHON_ROWS_H */
