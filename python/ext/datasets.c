/* SPDX-License-Identifier: Apache-2.0
 *
 * Dataset, Stream and Predicate: reading. A dataset lives as long as its streams; a stream is
 * pulled batch by batch, without the GIL.
 */
#include "core.h"

/* ---- Predicate ---- */

typedef struct predicate_object {
    PyObject_HEAD
    pqf_predicate *predicate;
} predicate_object;

static void predicate_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    pqf_predicate_free(((predicate_object *)self)->predicate);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Predicate(batch): any object with __arrow_c_array__ over the serialised expression. */
static PyObject *predicate_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"batch", NULL};
    PyObject *batch;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &batch)) {
        return NULL;
    }
    PyObject *pair = PyObject_CallMethod(batch, "__arrow_c_array__", NULL);
    PyObject *schema, *array;
    predicate_object *self = NULL;
    if (pair == NULL || !PyArg_ParseTuple(pair, "OO", &schema, &array)) {
        goto done;
    }
    struct ArrowSchema *c_schema = PyCapsule_GetPointer(schema, "arrow_schema");
    struct ArrowArray *c_array = PyCapsule_GetPointer(array, "arrow_array");
    if (c_schema == NULL || c_array == NULL) {
        goto done;
    }
    self = (predicate_object *)type->tp_alloc(type, 0);
    pqf_error err;
    if (self != NULL &&
        pqf_predicate_new(c_schema, c_array, &self->predicate, &err) != PQF_OK) {
        core_raise(core_state_of_type(type), &err);
        Py_CLEAR(self);
    }
done:
    Py_XDECREF(pair);
    return (PyObject *)self;
}

static PyObject *tuple_of_path(const pqf_column_path *path) {
    PyObject *tuple = PyTuple_New(path->num_names);
    for (int32_t i = 0; tuple != NULL && i < path->num_names; i++) {
        PyObject *name = PyUnicode_FromString(path->names[i]);
        if (name == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, name);
        }
    }
    return tuple;
}

static PyObject *predicate_paths(PyObject *self, void *closure) {
    (void)closure;
    const pqf_predicate *predicate = ((predicate_object *)self)->predicate;
    PyObject *list = PyList_New(0);
    const pqf_column_path *path;
    for (int64_t i = 0; list != NULL && (path = pqf_predicate_path(predicate, i)); i++) {
        PyObject *tuple = tuple_of_path(path);
        if (tuple == NULL || PyList_Append(list, tuple) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(tuple);
    }
    return list;
}

static PyGetSetDef predicate_getset[] = {
    {"paths", predicate_paths, NULL, "Tuples of names: the columns it reads.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot predicate_slots[] = {
    {Py_tp_new, predicate_new},
    {Py_tp_dealloc, predicate_dealloc},
    {Py_tp_getset, predicate_getset},
    {0, NULL},
};

static PyType_Spec predicate_spec = {
    .name = "py_parquet_forge._core.Predicate",
    .basicsize = sizeof(predicate_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = predicate_slots,
};

int core_predicate_of(core_state *state, PyObject *object, pqf_predicate **out) {
    *out = NULL;
    if (object == Py_None) {
        return 0;
    }
    if (!PyObject_TypeCheck(object, (PyTypeObject *)state->predicate_type)) {
        PyErr_SetString(PyExc_TypeError, "expected a Predicate");
        return -1;
    }
    *out = ((predicate_object *)object)->predicate;
    return 0;
}

/* ---- Dataset ---- */

typedef struct dataset_object {
    PyObject_HEAD
    pqf_dataset *dataset;
    core_call call;     /* of the call in progress; the engine's tick points at it */
    PyObject *progress; /* keeps call.progress alive */
    PyObject *bytes;    /* of a dataset in memory */
    bool busy; /* the dataset or one of its streams is at work, perhaps without the GIL;
                * guarded by the GIL */
} dataset_object;

/* One call at a time: they share `call`, and a stream is no thing for two threads. */
static int enter(dataset_object *d) {
    if (d->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the reader is in use by another thread");
        return -1;
    }
    d->busy = true;
    return 0;
}

static void leave(dataset_object *d) { d->busy = false; }

static void dataset_dealloc(PyObject *self) {
    dataset_object *d = (dataset_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    pqf_dataset_free(d->dataset);
    Py_XDECREF(d->progress);
    Py_XDECREF(d->bytes);
    type->tp_free(self);
    Py_DECREF(type);
}

static pqf_status open_paths(dataset_object *self, PyObject *paths, PyObject *root,
                             const pqf_read_options *options, core_memory *memory,
                             pqf_error *err) {
    Py_ssize_t n = PyList_GET_SIZE(paths);
    const char **c_paths = PyMem_Calloc((size_t)n + 1, sizeof(char *));
    const char *c_root = NULL;
    pqf_status status = PQF_NOMEM;
    if (c_paths == NULL) {
        PyErr_NoMemory();
        return status;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        c_paths[i] = core_path(PyList_GET_ITEM(paths, i), memory);
        if (c_paths[i] == NULL) {
            goto done;
        }
    }
    if (root != Py_None && (c_root = core_path(root, memory)) == NULL) {
        goto done;
    }
    CORE_BEGIN(&self->call);
    status = pqf_dataset_open(c_paths, (int64_t)n, c_root, options, &self->dataset, err);
    CORE_END(&self->call);
done:
    PyMem_Free(c_paths);
    return status;
}

/* Dataset(paths, options=None, root=None, likely=None); paths: list of paths, or bytes that hold one
 * file. The schema is learnt from a file whose folders may satisfy the predicate `likely`. */
static PyObject *dataset_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"paths", "options", "root", "likely", NULL};
    PyObject *paths, *options = Py_None, *root = Py_None, *likely = Py_None;
    pqf_predicate *c_likely;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO", names, &paths, &options,
                                     &root, &likely) ||
        core_predicate_of(core_state_of_type(type), likely, &c_likely) < 0) {
        return NULL;
    }
    if (!PyList_Check(paths) && !PyBytes_Check(paths)) {
        PyErr_SetString(PyExc_TypeError, "paths must be a list or bytes");
        return NULL;
    }
    dataset_object *self = (dataset_object *)type->tp_alloc(type, 0);
    core_memory memory = {.num_blocks = 0};
    pqf_read_options c_options;
    pqf_error err = {.status = PQF_OK};
    pqf_status status = PQF_INVALID;
    if (self == NULL ||
        core_read_options(options, &self->call, &memory, &c_options) < 0) {
        goto done;
    }
    c_options.likely = c_likely;
    self->progress = Py_XNewRef(self->call.progress);
    if (PyBytes_Check(paths)) {
        self->bytes = Py_NewRef(paths);
        status = pqf_dataset_open_memory(PyBytes_AS_STRING(paths),
                                         (size_t)PyBytes_GET_SIZE(paths), &c_options,
                                         &self->dataset, &err);
    } else {
        status = open_paths(self, paths, root, &c_options, &memory, &err);
    }
done:
    core_memory_free(&memory);
    if (status != PQF_OK) {
        if (!PyErr_Occurred()) {
            core_raise(core_state_of_type(type), &err);
        }
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PyObject *dataset_schema(PyObject *self, PyObject *unused) {
    (void)unused;
    dataset_object *d = (dataset_object *)self;
    struct ArrowSchema schema;
    pqf_error err;
    if (pqf_dataset_schema(d->dataset, &schema, &err) != PQF_OK) {
        return core_raise(core_state_of_type(Py_TYPE(self)), &err);
    }
    return pqf_py_schema_capsule(&schema);
}

/* Without pyarrow this is what inspect_schema prints. */
static PyObject *dataset_repr(PyObject *self) {
    struct ArrowSchema schema;
    pqf_error err;
    if (pqf_dataset_schema(((dataset_object *)self)->dataset, &schema, &err) != PQF_OK) {
        return core_raise(core_state_of_type(Py_TYPE(self)), &err);
    }
    PyObject *text = pqf_py_schema_text(&schema);
    schema.release(&schema);
    return text;
}

static PyObject *dataset_files(PyObject *self, void *closure) {
    (void)closure;
    pqf_dataset *dataset = ((dataset_object *)self)->dataset;
    int64_t n = pqf_dataset_num_files(dataset);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (int64_t i = 0; list != NULL && i < n; i++) {
        const char *path = pqf_dataset_file(dataset, i);
        PyObject *text = PyUnicode_DecodeFSDefault(path == NULL ? "" : path);
        if (text == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
        }
    }
    return list;
}

/* ---- Stream ---- */

typedef struct stream_object {
    PyObject_HEAD
    dataset_object *dataset;
    PyObject *predicate;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
} stream_object;

static void stream_clear(stream_object *s) {
    if (s->stream.release != NULL) {
        s->stream.release(&s->stream);
    }
    if (s->schema.release != NULL) {
        s->schema.release(&s->schema);
    }
    Py_CLEAR(s->predicate);
    Py_CLEAR(s->dataset);
}

static void stream_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    stream_clear((stream_object *)self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int parse_scan(core_state *state, PyObject *args, PyObject *kwargs,
                      core_memory *memory, pqf_scan_options *out, PyObject **predicate) {
    static char *names[] = {"columns", "predicate", "batch_rows",
                            "with_predicate_columns", NULL};
    PyObject *columns = Py_None;
    long long batch_rows = 0;
    int with_predicate_columns = 0;
    pqf_predicate *c_predicate;
    *predicate = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOLp", names, &columns, predicate,
                                     &batch_rows, &with_predicate_columns)) {
        return -1;
    }
    memset(out, 0, sizeof *out);
    out->struct_bytes = sizeof *out;
    out->batch_rows = batch_rows;
    out->with_predicate_columns = with_predicate_columns;
    if (core_column_paths(columns, memory, &out->paths, &out->num_columns) < 0 ||
        core_predicate_of(state, *predicate, &c_predicate) < 0) {
        return -1;
    }
    out->predicate = c_predicate;
    return 0;
}

/* scan(columns=None, predicate=None, batch_rows=0, with_predicate_columns=False) -> Stream */
static PyObject *dataset_scan(PyObject *self, PyObject *args, PyObject *kwargs) {
    dataset_object *d = (dataset_object *)self;
    core_state *state = core_state_of_type(Py_TYPE(self));
    PyTypeObject *type = (PyTypeObject *)state->stream_type;
    core_memory memory = {.num_blocks = 0};
    pqf_scan_options options;
    PyObject *predicate;
    stream_object *s = NULL;
    pqf_error err;
    if (parse_scan(state, args, kwargs, &memory, &options, &predicate) == 0 &&
        (s = (stream_object *)type->tp_alloc(type, 0)) != NULL) {
        s->dataset = (dataset_object *)Py_NewRef(self);
        s->predicate = Py_NewRef(predicate);
        if (enter(d) < 0) {
            core_memory_free(&memory);
            Py_DECREF(s);
            return NULL;
        }
        CORE_BEGIN(&d->call);
        pqf_status status = pqf_dataset_scan(d->dataset, &options, &s->stream, &err);
        CORE_END(&d->call);
        leave(d);
        if (status != PQF_OK) {
            core_raise(state, &err);
            Py_CLEAR(s);
        }
    }
    core_memory_free(&memory);
    return (PyObject *)s;
}

/* count_rows(as scan) -> int */
static PyObject *dataset_count_rows(PyObject *self, PyObject *args, PyObject *kwargs) {
    dataset_object *d = (dataset_object *)self;
    core_state *state = core_state_of_type(Py_TYPE(self));
    core_memory memory = {.num_blocks = 0};
    pqf_scan_options options;
    PyObject *predicate, *result = NULL;
    int64_t rows;
    pqf_error err;
    if (parse_scan(state, args, kwargs, &memory, &options, &predicate) == 0 &&
        enter(d) == 0) {
        CORE_BEGIN(&d->call);
        pqf_status status = pqf_dataset_count_rows(d->dataset, &options, &rows, &err);
        CORE_END(&d->call);
        leave(d);
        result = status == PQF_OK ? PyLong_FromLongLong(rows) : core_raise(state, &err);
    }
    core_memory_free(&memory);
    return result;
}

static int need_stream(stream_object *s) {
    if (s->stream.release == NULL) {
        PyErr_SetString(PyExc_ValueError, "the stream is closed");
        return -1;
    }
    return enter(s->dataset);
}

/* Schema of a stream, fetched once. */
static int need_schema(stream_object *s) {
    if (s->schema.release != NULL || s->stream.get_schema(&s->stream, &s->schema) == 0) {
        return 0;
    }
    core_raise(core_state_of_type(Py_TYPE(s)), pqf_stream_error(&s->stream));
    return -1;
}

static PyObject *copied_schema(stream_object *s) {
    struct ArrowSchema copy;
    if (need_schema(s) < 0) {
        return NULL;
    }
    if (s->stream.get_schema(&s->stream, &copy) != 0) {
        return core_raise(core_state_of_type(Py_TYPE(s)), pqf_stream_error(&s->stream));
    }
    return pqf_py_schema_capsule(&copy);
}

static PyObject *stream_schema(PyObject *self, PyObject *unused) {
    (void)unused;
    stream_object *s = (stream_object *)self;
    if (need_stream(s) < 0) {
        return NULL;
    }
    PyObject *result = copied_schema(s);
    leave(s->dataset);
    return result;
}

static PyObject *next_batch(stream_object *s) {
    core_state *state = core_state_of_type(Py_TYPE(s));
    core_call *call = &s->dataset->call;
    struct ArrowArray batch;
    CORE_BEGIN(call);
    int failed = s->stream.get_next(&s->stream, &batch);
    CORE_END(call);
    if (failed) {
        return core_raise(state, pqf_stream_error(&s->stream));
    }
    if (batch.release == NULL) {
        Py_RETURN_NONE;
    }
    struct ArrowSchema schema;
    if (s->stream.get_schema(&s->stream, &schema) != 0) {
        batch.release(&batch);
        return core_raise(state, pqf_stream_error(&s->stream));
    }
    return pqf_py_array_new(&state->rows, &schema, &batch);
}

/* next() -> an object with __arrow_c_array__, or None at the end */
static PyObject *stream_next(PyObject *self, PyObject *unused) {
    (void)unused;
    stream_object *s = (stream_object *)self;
    if (need_stream(s) < 0) {
        return NULL;
    }
    PyObject *result = need_schema(s) < 0 ? NULL : next_batch(s);
    leave(s->dataset);
    return result;
}

static PyObject *stream_close(PyObject *self, PyObject *unused) {
    (void)unused;
    stream_object *s = (stream_object *)self;
    if (s->dataset != NULL) {
        dataset_object *d = (dataset_object *)Py_NewRef(s->dataset);
        if (enter(d) < 0) {
            Py_DECREF(d);
            return NULL;
        }
        stream_clear(s);
        leave(d);
        Py_DECREF(d);
    }
    Py_RETURN_NONE;
}

static PyMethodDef stream_methods[] = {
    {"__arrow_c_schema__", stream_schema, METH_NOARGS,
     "The schema as an Arrow PyCapsule."},
    {"next", stream_next, METH_NOARGS,
     "The next batch, an object with __arrow_c_array__; None at the end."},
    {"close", stream_close, METH_NOARGS, "Gives back files and memory."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_dealloc},
    {Py_tp_methods, stream_methods},
    {0, NULL},
};

static PyType_Spec stream_spec = {
    .name = "py_parquet_forge._core.Stream",
    .basicsize = sizeof(stream_object),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = stream_slots,
};

static PyMethodDef dataset_methods[] = {
    {"__arrow_c_schema__", dataset_schema, METH_NOARGS,
     "The schema as an Arrow PyCapsule."},
    {"scan", (PyCFunction)(void (*)(void))dataset_scan, METH_VARARGS | METH_KEYWORDS,
     "scan(columns=None, predicate=None, batch_rows=0) -> Stream"},
    {"count_rows", (PyCFunction)(void (*)(void))dataset_count_rows,
     METH_VARARGS | METH_KEYWORDS,
     "count_rows(columns=None, predicate=None) -> rows left after pruning"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dataset_getset[] = {
    {"files", dataset_files, NULL, "Paths of the files in order.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot dataset_slots[] = {
    {Py_tp_new, dataset_new},       {Py_tp_dealloc, dataset_dealloc},
    {Py_tp_repr, dataset_repr},     {Py_tp_methods, dataset_methods},
    {Py_tp_getset, dataset_getset}, {0, NULL},
};

static PyType_Spec dataset_spec = {
    .name = "py_parquet_forge._core.Dataset",
    .basicsize = sizeof(dataset_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = dataset_slots,
};

int core_add_dataset_types(PyObject *module, core_state *state) {
    state->predicate_type = PyType_FromModuleAndSpec(module, &predicate_spec, NULL);
    state->stream_type = PyType_FromModuleAndSpec(module, &stream_spec, NULL);
    state->dataset_type = PyType_FromModuleAndSpec(module, &dataset_spec, NULL);
    if (state->predicate_type == NULL || state->stream_type == NULL ||
        state->dataset_type == NULL) {
        return -1;
    }
    return PyModule_AddType(module, (PyTypeObject *)state->predicate_type) < 0 ||
                   PyModule_AddType(module, (PyTypeObject *)state->dataset_type) < 0
               ? -1
               : 0;
}
