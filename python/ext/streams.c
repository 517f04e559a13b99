/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of batches as ArrowArrayStreams, for users without pyarrow: batches that have been read
 * already leave through the Arrow PyCapsule protocol, as often as somebody asks. The batches are
 * shared and counted; what a stream hands out are views, every node of which keeps them all, since
 * a consumer may move a child out of its parent. Streams own plain structs and no Python object, so
 * they may be pulled and released on any thread, with or without the GIL.
 */
#include "core.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARED_NAME "py_parquet_forge.shared_batches"

/* ---- batches that are shared ---- */

typedef struct shared_batches {
    atomic_llong num_owners;
    int64_t num_batches;
    struct ArrowArray batches[];
} shared_batches;

static shared_batches *shared_keep(shared_batches *shared) {
    atomic_fetch_add(&shared->num_owners, 1);
    return shared;
}

static void shared_drop(shared_batches *shared) {
    if (shared == NULL || atomic_fetch_sub(&shared->num_owners, 1) != 1) return;
    for (int64_t i = 0; i < shared->num_batches; i++)
        shared->batches[i].release(&shared->batches[i]);
    free(shared);
}

/* ---- views ---- */

/* A node of a view: buffers are those of the batch, the structs of children its own. */
typedef struct view_memory {
    shared_batches *shared;
    struct ArrowArray *children[];
} view_memory;

static void view_part_free(struct ArrowArray *part) {
    if (part != NULL && part->release != NULL) part->release(part);
    free(part);
}

static void view_release(struct ArrowArray *view) {
    view_memory *memory = view->private_data;
    for (int64_t i = 0; i < view->n_children; i++)
        view_part_free(view->children[i]);
    view_part_free(view->dictionary);
    shared_drop(memory->shared);
    free(memory);
    view->release = NULL;
}

static int view_init(shared_batches *shared, const struct ArrowArray *from,
                     struct ArrowArray *out);

static struct ArrowArray *view_part(shared_batches *shared,
                                    const struct ArrowArray *from) {
    struct ArrowArray *part = calloc(1, sizeof *part);
    if (part != NULL && view_init(shared, from, part) != 0) {
        free(part);
        return NULL;
    }
    return part;
}

/* 0 or ENOMEM, and then *out is released. */
static int view_init(shared_batches *shared, const struct ArrowArray *from,
                     struct ArrowArray *out) {
    memset(out, 0, sizeof *out);
    size_t num_children = (size_t)from->n_children;
    view_memory *memory =
        calloc(1, sizeof *memory + num_children * sizeof(struct ArrowArray *));
    if (memory == NULL) return ENOMEM;
    memory->shared = shared_keep(shared);
    *out = *from;
    out->children = from->n_children > 0 ? memory->children : NULL;
    out->dictionary = NULL;
    out->private_data = memory;
    out->release = view_release;
    bool failed = from->dictionary != NULL &&
                  (out->dictionary = view_part(shared, from->dictionary)) == NULL;
    for (int64_t i = 0; !failed && i < from->n_children; i++)
        failed = (memory->children[i] = view_part(shared, from->children[i])) == NULL;
    if (failed) view_release(out);
    return failed ? ENOMEM : 0;
}

/* ---- the stream ---- */

typedef struct batch_list {
    shared_batches *shared;
    int64_t next;
    struct ArrowSchema schema;
    const char *error;
} batch_list;

static int list_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    batch_list *list = stream->private_data;
    memset(out, 0, sizeof *out);
    if (list->next == list->shared->num_batches) return 0;
    int code = view_init(list->shared, &list->shared->batches[list->next], out);
    list->next += code == 0;
    if (code != 0) list->error = "out of memory";
    return code;
}

static int list_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    batch_list *list = stream->private_data;
    if (list->schema.release == NULL) {
        list->error = "the schema has been handed out before";
        return EINVAL;
    }
    *out = list->schema;
    list->schema.release = NULL;
    return 0;
}

static const char *list_error(struct ArrowArrayStream *stream) {
    return ((batch_list *)stream->private_data)->error;
}

static void list_free(batch_list *list) {
    if (list == NULL) return;
    if (list->schema.release != NULL) list->schema.release(&list->schema);
    shared_drop(list->shared);
    free(list);
}

static void list_release(struct ArrowArrayStream *stream) {
    list_free(stream->private_data);
    stream->release = NULL;
}

static void capsule_free(PyObject *capsule) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream->release != NULL) stream->release(stream);
    free(stream);
}

/* Moves the array out of an object with __arrow_c_array__. */
static int take_batch(PyObject *holder, struct ArrowArray *out) {
    PyObject *pair = PyObject_CallMethod(holder, "__arrow_c_array__", NULL);
    PyObject *schema, *array;
    struct ArrowArray *c_array = NULL;
    if (pair != NULL && PyArg_ParseTuple(pair, "OO", &schema, &array))
        c_array = PyCapsule_GetPointer(array, "arrow_array");
    if (c_array != NULL) {
        *out = *c_array;
        c_array->release = NULL;
    }
    Py_XDECREF(pair);
    return c_array == NULL ? -1 : 0;
}

/* Moves the schema out of an object with __arrow_c_schema__. */
static int take_schema(PyObject *source, struct ArrowSchema *out) {
    PyObject *capsule = PyObject_CallMethod(source, "__arrow_c_schema__", NULL);
    struct ArrowSchema *c_schema =
        capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, "arrow_schema");
    if (c_schema != NULL) {
        *out = *c_schema;
        c_schema->release = NULL;
    }
    Py_XDECREF(capsule);
    return c_schema == NULL ? -1 : 0;
}

static batch_list *list_new(PyObject *schema, shared_batches *shared) {
    batch_list *list = calloc(1, sizeof *list);
    if (list == NULL) return (batch_list *)PyErr_NoMemory();
    list->shared = shared_keep(shared);
    if (take_schema(schema, &list->schema) < 0) {
        list_free(list);
        return NULL;
    }
    return list;
}

/* ---- functions of the module ---- */

static void shared_capsule_free(PyObject *capsule) {
    shared_drop(PyCapsule_GetPointer(capsule, SHARED_NAME));
}

PyObject *core_share_batches(PyObject *module, PyObject *batches) {
    (void)module;
    if (!PyList_Check(batches)) {
        PyErr_SetString(PyExc_TypeError, "batches must be a list");
        return NULL;
    }
    Py_ssize_t n = PyList_GET_SIZE(batches);
    shared_batches *shared =
        calloc(1, sizeof *shared + (size_t)n * sizeof(struct ArrowArray));
    if (shared == NULL) return PyErr_NoMemory();
    atomic_init(&shared->num_owners, 1);
    bool failed = false;
    for (Py_ssize_t i = 0; !failed && i < n; i++) {
        failed = take_batch(PyList_GET_ITEM(batches, i), &shared->batches[i]) < 0;
        shared->num_batches += !failed;
    }
    PyObject *capsule =
        failed ? NULL : PyCapsule_New(shared, SHARED_NAME, shared_capsule_free);
    if (capsule == NULL) shared_drop(shared);
    return capsule;
}

PyObject *core_batches_stream(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *schema, *batches;
    if (!PyArg_ParseTuple(args, "OO", &schema, &batches)) return NULL;
    shared_batches *shared = PyCapsule_GetPointer(batches, SHARED_NAME);
    if (shared == NULL) return NULL;
    struct ArrowArrayStream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return PyErr_NoMemory();
    batch_list *list = list_new(schema, shared);
    PyObject *capsule =
        list == NULL ? NULL : PyCapsule_New(stream, "arrow_array_stream", capsule_free);
    if (capsule == NULL) {
        list_free(list);
        free(stream);
        return NULL;
    }
    *stream = (struct ArrowArrayStream){list_get_schema, list_get_next, list_error,
                                        list_release, list};
    return capsule;
}
