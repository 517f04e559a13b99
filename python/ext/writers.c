/* SPDX-License-Identifier: Apache-2.0
 *
 * Writer: one file or one dataset. Batches come in as Arrow arrays or streams; what a schema
 * refuses comes back as a list of records, never as an exception, so that the package can
 * collect them.
 */
#include "core.h"

#include <stddef.h>
#include <structmember.h>

typedef struct writer_object {
    PyObject_HEAD
    pqf_writer *file; /* one of the two */
    pqf_dataset_writer *dataset;
    core_call call;
    PyObject *progress;
    char busy; /* a call is at work, perhaps without the GIL; guarded by the GIL */
    long long rows_seen; /* put or checked, as the engine counts rows in its records */
    long long rows_put;
    long long rows_before; /* rows_put when rows began to be held */
} writer_object;

static void writer_free_engine(writer_object *w) {
    pqf_writer *file = w->file;
    pqf_dataset_writer *dataset = w->dataset;
    w->file = NULL;
    w->dataset = NULL;
    if (file == NULL && dataset == NULL) {
        return;
    }
    CORE_BEGIN(&w->call);
    pqf_writer_free(file);
    pqf_dataset_writer_free(dataset);
    CORE_END(&w->call);
}

static void writer_dealloc(PyObject *self) {
    writer_object *w = (writer_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    writer_free_engine(w);
    Py_XDECREF(w->progress);
    type->tp_free(self);
    Py_DECREF(type);
}

static pqf_status open_engine(writer_object *w, const char *path,
                              const struct ArrowSchema *schema,
                              const pqf_dataset_write_options *options, bool one_file,
                              pqf_error *err) {
    pqf_status status;
    CORE_BEGIN(&w->call);
    status = one_file ? pqf_writer_open(path, schema, &options->file, &w->file, err)
                      : pqf_dataset_writer_open(path, schema, options, &w->dataset, err);
    CORE_END(&w->call);
    return status;
}

/* Writer(path, schema, options=None, mode=None, partition_columns=None); mode None: one file, else
 * 0 append or 1 overwrite of a dataset. */
static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"path", "schema", "options", "mode", "partition_columns",
                            NULL};
    PyObject *path, *schema, *options = Py_None, *mode = Py_None, *partitions = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOO", names, &path, &schema,
                                     &options, &mode, &partitions)) {
        return NULL;
    }
    core_memory memory = {.num_blocks = 0};
    PyObject *capsule = NULL;
    pqf_dataset_write_options c_options;
    const char *const *c_partitions = NULL;
    pqf_error err = {.status = PQF_OK};
    pqf_status status = PQF_INVALID;
    const char *c_path = NULL;
    const struct ArrowSchema *c_schema = NULL;
    int c_mode = mode == Py_None ? -1 : (int)PyLong_AsLong(mode);
    writer_object *w = PyErr_Occurred() ? NULL : (writer_object *)type->tp_alloc(type, 0);
    if (w != NULL && core_write_options(options, &w->call, &memory, &c_options) == 0 &&
        core_names(partitions, &memory, &c_partitions, NULL) == 0 &&
        (c_path = core_path(path, &memory)) != NULL &&
        (c_schema = pqf_py_borrow_schema(schema, &capsule)) != NULL) {
        w->progress = Py_XNewRef(w->call.progress);
        c_options.mode = c_mode < 0 ? PQF_APPEND : (pqf_mode)c_mode;
        c_options.partition_columns = c_partitions;
        status = open_engine(w, c_path, c_schema, &c_options, c_mode < 0, &err);
    }
    Py_XDECREF(capsule);
    core_memory_free(&memory);
    if (status != PQF_OK) {
        if (!PyErr_Occurred()) {
            core_raise(core_state_of_type(type), &err);
        }
        Py_CLEAR(w);
    }
    return (PyObject *)w;
}

/* ---- put ---- */

static pqf_status call_engine(writer_object *w, bool check,
                              const struct ArrowSchema *schema,
                              const struct ArrowArray *batch, pqf_report *report,
                              pqf_error *err) {
    if (w->file != NULL) {
        return check ? pqf_writer_check(w->file, schema, batch, report, err)
                     : pqf_writer_put(w->file, schema, batch, report, err);
    }
    return check ? pqf_dataset_writer_check(w->dataset, schema, batch, report, err)
                 : pqf_dataset_writer_put(w->dataset, schema, batch, report, err);
}

/* No rows fit every schema. */
static pqf_status put_batch(writer_object *w, bool check,
                            const struct ArrowSchema *schema,
                            const struct ArrowArray *batch, pqf_report *report,
                            pqf_error *err) {
    pqf_status status = PQF_OK;
    if (batch->length > 0) {
        CORE_BEGIN(&w->call);
        status = call_engine(w, check, schema, batch, report, err);
        CORE_END(&w->call);
        w->rows_seen += batch->length;
        w->rows_put += check || status != PQF_OK ? 0 : batch->length;
    }
    return status;
}

/* Columns come as the children of a struct; anything else is no table. */
static int need_struct(writer_object *w, const struct ArrowSchema *schema) {
    pqf_error err = {
        .status = PQF_SCHEMA, .file_offset = -1, .row_group = -1, .page = -1};
    if (schema != NULL && strcmp(schema->format, "+s") != 0) {
        snprintf(
            err.message, sizeof err.message,
            "Unsupported data type: an Arrow array of the format '%.40s', not a table",
            schema->format);
        core_raise(core_state_of_type(Py_TYPE(w)), &err);
        return -1;
    }
    return schema == NULL ? -1 : 0;
}

/* The writer is for one call at a time, whether the other one is in another thread or is a
 * data source or progress function further up this stack. Every enter has its leave. */
static int enter(writer_object *w) {
    if (w->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the writer is in use by another thread");
        return -1;
    }
    w->busy = 1;
    return 0;
}

static void leave(writer_object *w) { w->busy = 0; }

static int enter_open(writer_object *w) {
    if (enter(w) < 0) {
        return -1;
    }
    if (w->file != NULL || w->dataset != NULL) {
        return 0;
    }
    leave(w);
    PyErr_SetString(PyExc_OSError, "Cannot write to a closed writer");
    return -1;
}

/* The records of what was refused, None when all was taken. */
static PyObject *outcome(writer_object *w, pqf_status status, const pqf_report *report,
                         const pqf_error *err) {
    if (status != PQF_OK && status != PQF_SCHEMA) {
        return core_raise(core_state_of_type(Py_TYPE(w)), err);
    }
    if (pqf_report_num_failures(report) > 0) {
        return pqf_py_failures(report);
    }
    if (status == PQF_SCHEMA) {
        return core_raise(core_state_of_type(Py_TYPE(w)), err);
    }
    Py_RETURN_NONE;
}

/* put(batch, check=False): batch is an object with __arrow_c_array__. Returns None, or the list of
 * records of a batch that was refused. */
static PyObject *writer_put(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"batch", "check", NULL};
    writer_object *w = (writer_object *)self;
    PyObject *batch, *schema, *array, *result = NULL;
    int check = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p", names, &batch, &check) ||
        enter_open(w) < 0) {
        return NULL;
    }
    PyObject *pair = PyObject_CallMethod(batch, "__arrow_c_array__", NULL);
    pqf_report *report = NULL;
    if (pair == NULL || !PyArg_ParseTuple(pair, "OO", &schema, &array)) {
        goto done;
    }
    struct ArrowSchema *c_schema = PyCapsule_GetPointer(schema, "arrow_schema");
    struct ArrowArray *c_array = PyCapsule_GetPointer(array, "arrow_array");
    report = pqf_report_new();
    if (need_struct(w, c_schema) < 0 || c_array == NULL || report == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        goto done;
    }
    pqf_error err;
    pqf_status status = put_batch(w, check, c_schema, c_array, report, &err);
    result = outcome(w, status, report, &err);
done:
    pqf_report_free(report);
    Py_XDECREF(pair);
    leave(w);
    return result;
}

/* A stream of somebody else failed: its own words. */
static PyObject *stream_failed(struct ArrowArrayStream *stream, int code) {
    if (PyErr_Occurred()) {
        return NULL;
    }
    const char *text = stream->get_last_error(stream);
    errno = code;
    PyErr_Format(PyExc_OSError, "the data source failed: %s", text == NULL ? "" : text);
    return NULL;
}

/* Values refused so far; it grows with every batch that does not conform. */
static int64_t num_refused(const pqf_report *report) {
    int64_t sum = 0;
    for (int64_t i = 0; i < pqf_report_num_failures(report); i++) {
        sum += pqf_report_failure(report, i)->count;
    }
    return sum;
}

/* Batches of the stream one by one; after the first refused one the rest is only checked, so that
 * the records cover the whole stream. */
static PyObject *put_all(writer_object *w, struct ArrowArrayStream *stream,
                         const struct ArrowSchema *schema, bool check,
                         pqf_report *report) {
    pqf_status status = PQF_OK;
    pqf_error err = {.status = PQF_OK};
    bool refused = check;
    for (;;) {
        struct ArrowArray batch;
        CORE_BEGIN(&w->call); /* the producer may wait for threads that need the GIL */
        int code = stream->get_next(stream, &batch);
        CORE_END(&w->call);
        if (code != 0) {
            return stream_failed(stream, code);
        }
        if (batch.release == NULL) {
            break;
        }
        int64_t before = num_refused(report);
        status = put_batch(w, refused, schema, &batch, report, &err);
        batch.release(&batch);
        if (status == PQF_SCHEMA && num_refused(report) == before) { /* at encoding */
            return core_raise(core_state_of_type(Py_TYPE(w)), &err);
        }
        refused |= status == PQF_SCHEMA;
        if (status != PQF_OK && status != PQF_SCHEMA) {
            break;
        }
    }
    return outcome(w, status, report, &err);
}

/* put_stream(source, check=False): source is an object with __arrow_c_stream__. */
static PyObject *writer_put_stream(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"source", "check", NULL};
    writer_object *w = (writer_object *)self;
    PyObject *source, *result = NULL;
    int check = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p", names, &source, &check) ||
        enter_open(w) < 0) {
        return NULL;
    }
    PyObject *capsule = PyObject_CallMethod(source, "__arrow_c_stream__", NULL);
    struct ArrowArrayStream *stream =
        capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, "arrow_array_stream");
    pqf_report *report = stream == NULL ? NULL : pqf_report_new();
    struct ArrowSchema schema = {.release = NULL};
    if (stream != NULL && report == NULL) {
        PyErr_NoMemory();
    } else if (stream != NULL) {
        int code = stream->get_schema(stream, &schema);
        if (code != 0) {
            result = stream_failed(stream, code);
        } else if (need_struct(w, &schema) == 0) {
            result = put_all(w, stream, &schema, check, report);
        }
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    pqf_report_free(report);
    Py_XDECREF(capsule);
    leave(w);
    return result;
}

/* ---- rows that go together or not at all ---- */

/* hold(), put_held() */
static PyObject *with_held(PyObject *self, pqf_status (*fn)(pqf_writer *, pqf_error *)) {
    writer_object *w = (writer_object *)self;
    pqf_error err;
    pqf_status status = PQF_OK;
    if (enter_open(w) < 0) {
        return NULL;
    }
    if (w->file != NULL) {
        CORE_BEGIN(&w->call);
        status = fn(w->file, &err);
        CORE_END(&w->call);
    }
    leave(w);
    if (status != PQF_OK) {
        return core_raise(core_state_of_type(Py_TYPE(self)), &err);
    }
    Py_RETURN_NONE;
}

static PyObject *writer_hold(PyObject *self, PyObject *unused) {
    (void)unused;
    ((writer_object *)self)->rows_before = ((writer_object *)self)->rows_put;
    return with_held(self, pqf_writer_hold);
}

static PyObject *writer_put_held(PyObject *self, PyObject *unused) {
    (void)unused;
    return with_held(self, pqf_writer_put_held);
}

static PyObject *writer_drop_held(PyObject *self, PyObject *unused) {
    (void)unused;
    writer_object *w = (writer_object *)self;
    if (enter_open(w) < 0) {
        return NULL;
    }
    if (w->file != NULL) {
        pqf_writer_drop_held(w->file);
    }
    w->rows_put = w->rows_before;
    leave(w);
    Py_RETURN_NONE;
}

/* expect(rows): so many will be put. */
static PyObject *writer_expect(PyObject *self, PyObject *rows) {
    writer_object *w = (writer_object *)self;
    long long n = PyLong_AsLongLong(rows);
    if (PyErr_Occurred() || enter_open(w) < 0) {
        return NULL;
    }
    if (w->file != NULL) {
        pqf_writer_expect(w->file, n);
    }
    leave(w);
    Py_RETURN_NONE;
}

/* ---- finish ---- */

static PyObject *writer_finish(PyObject *self, PyObject *unused) {
    (void)unused;
    writer_object *w = (writer_object *)self;
    pqf_error err;
    if (enter_open(w) < 0) {
        return NULL;
    }
    CORE_BEGIN(&w->call);
    pqf_status status = w->file != NULL ? pqf_writer_finish(w->file, &err)
                                        : pqf_dataset_writer_finish(w->dataset, &err);
    CORE_END(&w->call);
    writer_free_engine(w);
    leave(w);
    if (status != PQF_OK) {
        return core_raise(core_state_of_type(Py_TYPE(self)), &err);
    }
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *self, PyObject *args) {
    writer_object *w = (writer_object *)self;
    int interrupted = 0;
    if (!PyArg_ParseTuple(args, "|p", &interrupted) || enter(w) < 0) {
        return NULL;
    }
    if (interrupted && w->dataset != NULL) {
        pqf_dataset_writer_interrupt(w->dataset);
    }
    writer_free_engine(w);
    leave(w);
    Py_RETURN_NONE;
}

static PyMethodDef writer_methods[] = {
    {"put", (PyCFunction)(void (*)(void))writer_put, METH_VARARGS | METH_KEYWORDS,
     "put(batch, check=False) -> None or the records of a refused batch"},
    {"put_stream", (PyCFunction)(void (*)(void))writer_put_stream,
     METH_VARARGS | METH_KEYWORDS,
     "put_stream(source, check=False) -> None or the records of refused batches"},
    {"expect", writer_expect, METH_O, "expect(rows): so many will be put in all."},
    {"hold", writer_hold, METH_NOARGS, "Rows put from here on are set aside."},
    {"put_held", writer_put_held, METH_NOARGS, "Adds the rows that are set aside."},
    {"drop_held", writer_drop_held, METH_NOARGS, "Drops the rows that are set aside."},
    {"finish", writer_finish, METH_NOARGS, "Commits."},
    {"abort", writer_abort, METH_VARARGS,
     "abort(interrupted=False): leaves nothing behind"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef writer_members[] = {
    {"rows_seen", T_LONGLONG, offsetof(writer_object, rows_seen), READONLY,
     "Rows put or checked."},
    {"rows_put", T_LONGLONG, offsetof(writer_object, rows_put), READONLY, "Rows put."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *writer_notice(PyObject *self, void *closure) {
    (void)closure;
    return PyUnicode_DecodeFSDefault(((writer_object *)self)->call.notice);
}

static PyGetSetDef writer_getset[] = {
    {"notice", writer_notice, NULL, "Trouble while cleaning up; empty: none.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_new, writer_new},         {Py_tp_members, writer_members},
    {Py_tp_getset, writer_getset},   {Py_tp_dealloc, writer_dealloc},
    {Py_tp_methods, writer_methods}, {0, NULL},
};

static PyType_Spec writer_spec = {
    .name = "py_parquet_forge._core.Writer",
    .basicsize = sizeof(writer_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = writer_slots,
};

int core_add_writer_type(PyObject *module, core_state *state) {
    state->writer_type = PyType_FromModuleAndSpec(module, &writer_spec, NULL);
    return state->writer_type == NULL
               ? -1
               : PyModule_AddType(module, (PyTypeObject *)state->writer_type);
}
