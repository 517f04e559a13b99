/* SPDX-License-Identifier: Apache-2.0
 *
 * One private exception with all fields of pqf_error; the package maps it to public classes.
 */
#include "core.h"

static int set(PyObject *exception, const char *name, PyObject *value) {
    int result = value == NULL ? -1 : PyObject_SetAttrString(exception, name, value);
    Py_XDECREF(value);
    return result;
}

static PyObject *text_of(const char *text) {
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *core_raise(core_state *state, const pqf_error *err) {
    char text[2304];
    if (PyErr_Occurred()) {
        return NULL;
    }
    pqf_error_text(err, text, sizeof text);
    PyObject *message = text_of(text);
    PyObject *exception =
        message == NULL ? NULL : PyObject_CallOneArg(state->engine_error, message);
    Py_XDECREF(message);
    if (exception != NULL &&
        set(exception, "status", text_of(pqf_status_name(err->status))) == 0 &&
        set(exception, "os_errno", PyLong_FromLong(err->os_errno)) == 0 &&
        set(exception, "path", PyUnicode_DecodeFSDefault(err->path)) == 0 &&
        set(exception, "column", text_of(err->column)) == 0 &&
        set(exception, "row_group", PyLong_FromLongLong(err->row_group)) == 0 &&
        set(exception, "page", PyLong_FromLongLong(err->page)) == 0 &&
        set(exception, "file_offset", PyLong_FromLongLong(err->file_offset)) == 0 &&
        set(exception, "message", text_of(err->message)) == 0) {
        PyErr_SetObject(state->engine_error, exception);
    }
    Py_XDECREF(exception);
    return NULL;
}

int core_tick(void *context, int64_t done, int64_t total) {
    core_call *call = context;
    PyEval_RestoreThread(call->thread);
    int failed = PyErr_CheckSignals();
    if (!failed && call->progress != NULL) {
        PyObject *result =
            total < 0
                ? PyObject_CallFunction(call->progress, "LO", (long long)done, Py_None)
                : PyObject_CallFunction(call->progress, "LL", (long long)done,
                                        (long long)total);
        failed = result == NULL;
        Py_XDECREF(result);
    }
    call->thread = PyEval_SaveThread();
    return failed;
}

/* Runs without the GIL: the text is kept for whoever asks. */
void core_notice(void *context, const char *text) {
    core_call *call = context;
    if (!*call->notice) {
        snprintf(call->notice, sizeof call->notice, "%s", text);
    }
}
