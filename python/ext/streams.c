/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of batches as one ArrowArrayStream, for users without pyarrow: batches that have been read
 * already leave through the Arrow PyCapsule protocol. The stream owns plain structs and no Python
 * object, so it may be pulled and released on any thread, with or without the GIL.
 */
#include "core.h"

#include <errno.h>
#include <stdlib.h>

typedef struct batch_list {
    struct ArrowArray *batches;
    int64_t num_batches;
    int64_t next;
    struct ArrowSchema schema;
} batch_list;

static int list_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    batch_list *list = stream->private_data;
    memset(out, 0, sizeof *out);
    if (list->next < list->num_batches) {
        *out = list->batches[list->next];
        list->batches[list->next++].release = NULL;
    }
    return 0;
}

static int list_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    batch_list *list = stream->private_data;
    if (list->schema.release == NULL) return EINVAL;
    *out = list->schema;
    list->schema.release = NULL;
    return 0;
}

static const char *list_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "the schema has been handed out before";
}

static void list_free(batch_list *list) {
    if (list == NULL) return;
    for (int64_t i = 0; list->batches != NULL && i < list->num_batches; i++)
        if (list->batches[i].release != NULL) list->batches[i].release(&list->batches[i]);
    if (list->schema.release != NULL) list->schema.release(&list->schema);
    free(list->batches);
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

static batch_list *list_new(PyObject *schema, PyObject *batches) {
    Py_ssize_t n = PyList_GET_SIZE(batches);
    batch_list *list = calloc(1, sizeof *list);
    if (list != NULL) list->batches = calloc((size_t)n + 1, sizeof *list->batches);
    if (list == NULL || list->batches == NULL) {
        list_free(list);
        return (batch_list *)PyErr_NoMemory();
    }
    int failed = take_schema(schema, &list->schema);
    for (Py_ssize_t i = 0; !failed && i < n; i++) {
        failed = take_batch(PyList_GET_ITEM(batches, i), &list->batches[i]);
        list->num_batches += !failed;
    }
    if (failed) {
        list_free(list);
        return NULL;
    }
    return list;
}

PyObject *core_batches_stream(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *schema, *batches;
    if (!PyArg_ParseTuple(args, "OO!", &schema, &PyList_Type, &batches)) return NULL;
    struct ArrowArrayStream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return PyErr_NoMemory();
    batch_list *list = list_new(schema, batches);
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
