/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the extension module share: its state, errors, options, and calls that run
 * without the GIL. The module is a thin face of parquet_forge.h; convenience, defaults and
 * exception classes live in the Python package above it.
 */
#ifndef PQF_PYTHON_CORE_H
#define PQF_PYTHON_CORE_H

#include "rows.h"

/* Begins with the state of the row builders, which those cast to. */
typedef struct core_state {
    pqf_py_state rows;
    PyObject *
        engine_error; /* EngineError: one private exception with all fields of pqf_error */
    PyObject *dataset_type;
    PyObject *stream_type;
    PyObject *predicate_type;
    PyObject *writer_type;
} core_state;

core_state *core_state_of_type(PyTypeObject *type);

/* ---- errors.c ---- */

/* Raises EngineError from err and returns NULL. An exception that a tick or callback has set
 * already stays. */
PyObject *core_raise(core_state *state, const pqf_error *err);

/* ---- call.c: without the GIL, with ticks ---- */

/* One call in progress. The tick takes the GIL back, looks for signals and calls `progress`. */
typedef struct core_call {
    PyThreadState *thread;
    PyObject *progress; /* borrowed callable(done, total) or NULL */
    char notice[1400];  /* the first trouble while cleaning up; "": none */
} core_call;

void core_notice(void *context, const char *text);
int core_tick(void *context, int64_t done, int64_t total);
#define CORE_BEGIN(call) ((call)->thread = PyEval_SaveThread())
#define CORE_END(call)   PyEval_RestoreThread((call)->thread)

/* ---- options.c: keyword dicts to option structs ---- */

/* Strings and arrays that an option struct points at; freed when the call is over. */
typedef struct core_memory {
    void *blocks[64];
    int num_blocks;
    PyObject *keep; /* list of objects whose bytes are borrowed */
} core_memory;

void core_memory_free(core_memory *memory);
int core_read_options(PyObject *dict, core_call *call, core_memory *memory,
                      pqf_read_options *out);
int core_write_options(PyObject *dict, core_call *call, core_memory *memory,
                       pqf_dataset_write_options *out);
/* A list of str (None: NULL) to a NULL-terminated array of UTF-8; *n may be NULL. */
int core_names(PyObject *list, core_memory *memory, const char *const **out, int64_t *n);
/* A list of str and tuples of str (None: NULL). */
int core_column_paths(PyObject *list, core_memory *memory, const pqf_column_path **out,
                      int64_t *n);
/* A path as file system bytes, kept alive by memory. */
const char *core_path(PyObject *path, core_memory *memory);

/* A list of paths; stays valid with memory. */
int core_paths(PyObject *list, core_memory *memory, const char *const **out, int64_t *n);
/* A dict of str to str or None, which becomes NULL. */
int core_settings(PyObject *dict, core_memory *memory, const pqf_column_setting **out,
                  int64_t *n);

/* ---- maintain.c: functions of the module ---- */

PyObject *core_read_metadata(PyObject *module, PyObject *args);
PyObject *core_read_metadata_of_all(PyObject *module, PyObject *args);
PyObject *core_update_metadata(PyObject *module, PyObject *args);
PyObject *core_merge(PyObject *module, PyObject *args);
PyObject *core_compact(PyObject *module, PyObject *args);

/* ---- objects.c ---- */

PyObject *core_decimal_objects(PyObject *module, PyObject *args);

/* ---- types ---- */

int core_add_dataset_types(PyObject *module, core_state *state);
int core_add_writer_type(PyObject *module, core_state *state);
/* share_batches(list) -> batches; batches_stream(schema, batches) -> a stream: see streams.c. */
PyObject *core_share_batches(PyObject *module, PyObject *batches);
PyObject *core_batches_stream(PyObject *module, PyObject *args);
/* The predicate behind an object of the module, NULL for None; -1 with TypeError. */
int core_predicate_of(core_state *state, PyObject *object, pqf_predicate **out);

#endif
