/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension module py_parquet_forge._core: multi-phase initialisation, everything in the
 * module's state.
 */
#include "core.h"

static struct PyModuleDef core_module;

core_state *core_state_of_type(PyTypeObject *type) { return PyType_GetModuleState(type); }

static PyObject *io_counters(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    pqf_io_counters counters;
    pqf_io_counters_get(&counters);
    return Py_BuildValue("(LLL)", (long long)counters.bytes_read,
                         (long long)counters.reads, (long long)counters.files_opened);
}

/* features(table) -> [(name, reads, writes), ...] */
static PyObject *features(PyObject *module, PyObject *table) {
    (void)module;
    const char *text = PyUnicode_AsUTF8(table);
    PyObject *list = text == NULL ? NULL : PyList_New(0);
    const char *name;
    bool reads, writes;
    for (int64_t i = 0; list != NULL && pqf_feature(text, i, &name, &reads, &writes);
         i++) {
        PyObject *row = Py_BuildValue("(sOO)", name, reads ? Py_True : Py_False,
                                      writes ? Py_True : Py_False);
        if (row == NULL || PyList_Append(list, row) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *simd_level(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyUnicode_FromString(pqf_simd_level());
}

static PyMethodDef core_methods[] = {
    {"share_batches", core_share_batches, METH_O,
     "share_batches(list of objects with __arrow_c_array__) -> batches for "
     "batches_stream"},
    {"batches_stream", core_batches_stream, METH_VARARGS,
     "batches_stream(schema, batches) -> capsule of an ArrowArrayStream that shares the "
     "batches"},
    {"io_counters", io_counters, METH_NOARGS,
     "io_counters() -> (bytes read, reads, files opened) of this process"},
    {"features", features, METH_O, "features(table) -> [(name, reads, writes), ...]"},
    {"read_metadata", core_read_metadata, METH_VARARGS,
     "read_metadata(path, make) -> dict; make(kind, integer, scale) -> value"},
    {"read_metadata_of_all", core_read_metadata_of_all, METH_VARARGS,
     "read_metadata_of_all(paths, root, make) -> [(path, dict), ...]"},
    {"update_metadata", core_update_metadata, METH_VARARGS,
     "update_metadata(path, changes, durable)"},
    {"merge", core_merge, METH_VARARGS,
     "merge(paths, root, out, options, recode) -> dict of counts"},
    {"compact", core_compact, METH_VARARGS,
     "compact(dir, options, target_file_bytes, recode) -> dict of counts"},
    {"decimal_objects", core_decimal_objects, METH_VARARGS,
     "decimal_objects(objects, values, validity, offset, width, scale, make): fills the "
     "writable buffer of objects from the buffers of an Arrow array of decimals, None "
     "for "
     "null; equal values are one object, make(text)"},
    {"simd_level", simd_level, METH_NOARGS,
     "simd_level() -> 'scalar', 'avx2', 'avx512' or 'neon'"},
    {NULL, NULL, 0, NULL},
};

static int core_exec(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    if (pqf_py_state_init(&state->rows, module) < 0) {
        return -1;
    }
    state->engine_error =
        PyErr_NewException("py_parquet_forge._core.EngineError", NULL, NULL);
    if (state->engine_error == NULL ||
        PyModule_AddObjectRef(module, "EngineError", state->engine_error) < 0 ||
        core_add_dataset_types(module, state) < 0 ||
        core_add_writer_type(module, state) < 0 ||
        PyModule_AddFunctions(module, pqf_rows_methods) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "version", PQF_VERSION);
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
    core_state *state = PyModule_GetState(module);
    Py_VISIT(state->engine_error);
    Py_VISIT(state->dataset_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->predicate_type);
    Py_VISIT(state->writer_type);
    return pqf_py_state_visit(&state->rows, visit, arg);
}

static int core_clear(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    Py_CLEAR(state->engine_error);
    Py_CLEAR(state->dataset_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->predicate_type);
    Py_CLEAR(state->writer_type);
    pqf_py_state_clear(&state->rows);
    return 0;
}

static void core_free(void *module) { core_clear(module); }

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef core_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "py_parquet_forge._core",
    .m_doc = "The engine: private to the package py_parquet_forge.",
    .m_size = sizeof(core_state),
    .m_methods = core_methods,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_module); }
