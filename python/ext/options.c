/* SPDX-License-Identifier: Apache-2.0
 *
 * Keyword dicts to option structs: one table row per keyword. Keys are the members' names; the
 * package checks users' keywords and translates them before they come here.
 */
#include "core.h"

#include <stddef.h>

typedef enum option_kind {
    OPTION_BOOL,
    OPTION_I32,
    OPTION_I64,
    OPTION_TEXT,
    OPTION_NAMES,
    OPTION_SCHEMA,   /* any object with __arrow_c_schema__ */
    OPTION_SORTING,  /* list of (leaf, descending, nulls_first) */
    OPTION_SETTINGS, /* dict of str to str; its count follows at `count` */
} option_kind;

typedef struct option {
    const char *name;
    option_kind kind;
    size_t offset;
    size_t count;
} option;

#define READ(kind, member) {#member, OPTION_##kind, offsetof(pqf_read_options, member), 0}
/* A dataset's options hold those of its files. */
#define WRITE(kind, member)                                                              \
    {#member, OPTION_##kind, offsetof(pqf_dataset_write_options, file.member), 0}
#define SETTINGS(member)                                                                 \
    {#member, OPTION_SETTINGS, offsetof(pqf_dataset_write_options, file.member),         \
     offsetof(pqf_dataset_write_options, file.num_##member)}
#define DATASET(kind, member)                                                            \
    {#member, OPTION_##kind, offsetof(pqf_dataset_write_options, member), 0}

static const option READ_OPTIONS[] = {
    {"num_threads", OPTION_I32, offsetof(pqf_read_options, control.num_threads), 0},
    {"memory_limit", OPTION_I64, offsetof(pqf_read_options, control.memory_limit), 0},
    READ(BOOL, memory_map),
    READ(BOOL, skip_page_checksums),
    READ(BOOL, ignore_arrow_schema),
    READ(BOOL, no_extension_types),
    READ(BOOL, no_utf8_check),
    READ(BOOL, no_partitions),
    READ(I64, thrift_string_limit),
    READ(I64, thrift_container_limit),
    READ(TEXT, int96_unit),
    READ(NAMES, read_dictionary),
    READ(NAMES, ignore_prefixes),
    READ(I32, unify),
    READ(SCHEMA, schema),
    {NULL, 0, 0, 0},
};

static const option WRITE_OPTIONS[] = {
    {"num_threads", OPTION_I32,
     offsetof(pqf_dataset_write_options, file.control.num_threads), 0},
    {"memory_limit", OPTION_I64,
     offsetof(pqf_dataset_write_options, file.control.memory_limit), 0},
    {"drop_extra", OPTION_BOOL,
     offsetof(pqf_dataset_write_options, file.conform.drop_extra), 0},
    {"null_missing", OPTION_BOOL,
     offsetof(pqf_dataset_write_options, file.conform.null_missing), 0},
    {"nan_is_null", OPTION_BOOL,
     offsetof(pqf_dataset_write_options, file.conform.nan_is_null), 0},
    WRITE(I32, if_exists),
    WRITE(BOOL, not_durable),
    WRITE(I64, row_group_rows),
    WRITE(I64, row_group_bytes),
    WRITE(I64, data_page_bytes),
    WRITE(I64, page_rows),
    WRITE(I64, dictionary_page_bytes),
    WRITE(I32, data_page_version),
    WRITE(TEXT, version),
    WRITE(TEXT, profile),
    WRITE(TEXT, compression),
    WRITE(I32, compression_level),
    WRITE(BOOL, has_compression_level),
    SETTINGS(column_compression),
    SETTINGS(column_compression_level),
    WRITE(BOOL, no_dictionary),
    WRITE(NAMES, dictionary_columns),
    WRITE(TEXT, encoding),
    SETTINGS(column_encoding),
    WRITE(BOOL, byte_stream_split),
    WRITE(NAMES, byte_stream_split_columns),
    WRITE(BOOL, no_statistics),
    WRITE(NAMES, statistics_columns),
    WRITE(BOOL, no_store_schema),
    WRITE(BOOL, no_page_checksums),
    WRITE(BOOL, legacy_list_names),
    WRITE(BOOL, integer_decimals),
    WRITE(BOOL, utc_times),
    WRITE(BOOL, int96_timestamps),
    WRITE(TEXT, coerce_timestamps),
    WRITE(BOOL, allow_truncated_timestamps),
    SETTINGS(metadata),
    WRITE(TEXT, created_by),
    WRITE(BOOL, page_index),
    SETTINGS(column_bloom_fpp),
    SETTINGS(column_bloom_distinct),
    {"sorting", OPTION_SORTING, offsetof(pqf_dataset_write_options, file.sorting),
     offsetof(pqf_dataset_write_options, file.num_sorting)},
    DATASET(I32, scope),
    DATASET(I32, unify),
    DATASET(I64, max_rows_per_file),
    DATASET(I64, target_file_bytes),
    {NULL, 0, 0, 0},
};

/* ---- memory ---- */

void core_memory_free(core_memory *memory) {
    for (int i = 0; i < memory->num_blocks; i++) {
        PyMem_Free(memory->blocks[i]);
    }
    memory->num_blocks = 0;
    Py_CLEAR(memory->keep);
}

static void *keep_block(core_memory *memory, size_t count, size_t size) {
    if (memory->num_blocks == (int)(sizeof memory->blocks / sizeof memory->blocks[0])) {
        PyErr_SetString(PyExc_SystemError, "too many options");
        return NULL;
    }
    void *block = PyMem_Calloc(count ? count : 1, size);
    if (block == NULL) {
        return PyErr_NoMemory();
    }
    memory->blocks[memory->num_blocks++] = block;
    return block;
}

static int keep_object(core_memory *memory, PyObject *object) {
    if (memory->keep == NULL && (memory->keep = PyList_New(0)) == NULL) {
        return -1;
    }
    return PyList_Append(memory->keep, object);
}

/* UTF-8 without NUL inside. Bytes pass as they are. */
static const char *keep_text(PyObject *value, core_memory *memory) {
    const char *text = NULL;
    Py_ssize_t n = 0;
    if (PyBytes_Check(value)) {
        text = PyBytes_AS_STRING(value);
        n = PyBytes_GET_SIZE(value);
    } else if (PyUnicode_Check(value)) {
        text = PyUnicode_AsUTF8AndSize(value, &n);
    } else {
        PyErr_Format(PyExc_TypeError, "expected str, got %s", Py_TYPE(value)->tp_name);
    }
    if (text != NULL && strlen(text) != (size_t)n) {
        PyErr_SetString(PyExc_ValueError, "embedded null character");
        text = NULL;
    }
    return text != NULL && keep_object(memory, value) == 0 ? text : NULL;
}

const char *core_path(PyObject *path, core_memory *memory) {
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    const char *text = keep_object(memory, bytes) == 0 ? PyBytes_AS_STRING(bytes) : NULL;
    Py_DECREF(bytes);
    return text;
}

int core_paths(PyObject *list, core_memory *memory, const char *const **out, int64_t *n) {
    Py_ssize_t count = PyList_GET_SIZE(list);
    const char **paths = keep_block(memory, (size_t)count + 1, sizeof(char *));
    for (Py_ssize_t i = 0; paths != NULL && i < count; i++) {
        paths[i] = core_path(PyList_GET_ITEM(list, i), memory);
        if (paths[i] == NULL) {
            return -1;
        }
    }
    *out = (const char *const *)paths;
    *n = (int64_t)count;
    return paths == NULL ? -1 : 0;
}

int core_names(PyObject *list, core_memory *memory, const char *const **out, int64_t *n) {
    *out = NULL;
    if (n != NULL) {
        *n = 0;
    }
    if (list == Py_None) {
        return 0;
    }
    PyObject *fast = PySequence_Fast(list, "expected a list of str");
    if (fast == NULL) {
        return -1;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
    const char **names = keep_block(memory, (size_t)count + 1, sizeof(char *));
    int result = names == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; result == 0 && i < count; i++) {
        names[i] = keep_text(PySequence_Fast_GET_ITEM(fast, i), memory);
        result = names[i] == NULL ? -1 : 0;
    }
    Py_DECREF(fast);
    *out = (const char *const *)names;
    if (n != NULL) {
        *n = (int64_t)count;
    }
    return result;
}

/* Names of all paths in one block behind which the paths stand. */
static int put_paths(PyObject *fast, const char **names, pqf_column_path *paths,
                     core_memory *memory) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fast, i);
        Py_ssize_t n = PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 1;
        paths[i] = (pqf_column_path){names, (int32_t)n};
        for (Py_ssize_t k = 0; k < n; k++) {
            PyObject *name = PyTuple_Check(item) ? PyTuple_GET_ITEM(item, k) : item;
            if ((*names++ = keep_text(name, memory)) == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

int core_column_paths(PyObject *list, core_memory *memory, const pqf_column_path **out,
                      int64_t *n) {
    *out = NULL;
    *n = 0;
    if (list == Py_None) {
        return 0;
    }
    PyObject *fast = PySequence_Fast(list, "expected a list of str and tuples of str");
    if (fast == NULL) {
        return -1;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(fast), num_names = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fast, i);
        num_names += PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 1;
    }
    const char **names = keep_block(memory, (size_t)num_names, sizeof(char *));
    pqf_column_path *paths = keep_block(memory, (size_t)count, sizeof(pqf_column_path));
    int result =
        names == NULL || paths == NULL ? -1 : put_paths(fast, names, paths, memory);
    Py_DECREF(fast);
    *out = paths;
    *n = (int64_t)count;
    return result;
}

/* ---- one option ---- */

/* A dict of str to str; with `may_be_none` a value may be None, which becomes NULL. */
static int dict_settings(PyObject *dict, core_memory *memory, int may_be_none,
                         const pqf_column_setting **out, int64_t *n) {
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "expected a dict");
        return -1;
    }
    pqf_column_setting *settings =
        keep_block(memory, (size_t)PyDict_Size(dict), sizeof(pqf_column_setting));
    if (settings == NULL) {
        return -1;
    }
    PyObject *key, *value;
    Py_ssize_t at = 0;
    *n = 0;
    while (PyDict_Next(dict, &at, &key, &value)) {
        pqf_column_setting *setting = &settings[(*n)++];
        setting->path = keep_text(key, memory);
        if (setting->path == NULL) {
            return -1;
        }
        if (may_be_none && value == Py_None) {
            continue;
        }
        setting->value = keep_text(value, memory);
        if (setting->value == NULL) {
            return -1;
        }
    }
    *out = settings;
    return 0;
}

int core_settings(PyObject *dict, core_memory *memory, const pqf_column_setting **out,
                  int64_t *n) {
    return dict_settings(dict, memory, 1, out, n);
}

static int put_settings(PyObject *dict, core_memory *memory, void *member, void *count) {
    const pqf_column_setting *settings;
    int64_t n;
    if (dict_settings(dict, memory, 0, &settings, &n) < 0) {
        return -1;
    }
    memcpy(member, &settings, sizeof settings);
    memcpy(count, &n, sizeof n);
    return 0;
}

static int put_sorting(PyObject *list, core_memory *memory, void *member, void *count) {
    PyObject *fast = PySequence_Fast(list, "expected a list of tuples");
    if (fast == NULL) {
        return -1;
    }
    int64_t n = (int64_t)PySequence_Fast_GET_SIZE(fast);
    pqf_sorting *sorting = keep_block(memory, (size_t)n, sizeof(pqf_sorting));
    int result = sorting == NULL ? -1 : 0;
    for (int64_t i = 0; result == 0 && i < n; i++) {
        int leaf, descending, nulls_first;
        if (!PyArg_ParseTuple(PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i), "ipp", &leaf,
                              &descending, &nulls_first)) {
            result = -1;
            continue;
        }
        sorting[i] = (pqf_sorting){leaf, descending != 0, nulls_first != 0};
    }
    Py_DECREF(fast);
    memcpy(member, &sorting, sizeof sorting);
    memcpy(count, &n, sizeof n);
    return result;
}

static int put_number(PyObject *value, void *member, bool wide) {
    long long v = PyLong_AsLongLong(value);
    if (v == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (!wide && (v < INT32_MIN || v > INT32_MAX)) {
        PyErr_SetString(PyExc_OverflowError, "the number does not fit 32 bits");
        return -1;
    }
    int32_t narrow = (int32_t)v;
    memcpy(member, wide ? (void *)&v : (void *)&narrow, wide ? sizeof v : sizeof narrow);
    return 0;
}

static int put_option(const option *o, PyObject *value, core_memory *memory, char *base) {
    void *member = base + o->offset;
    switch (o->kind) {
    case OPTION_BOOL: {
        int truth = PyObject_IsTrue(value);
        bool v = truth > 0;
        memcpy(member, &v, sizeof v);
        return truth < 0 ? -1 : 0;
    }
    case OPTION_I32: return put_number(value, member, false);
    case OPTION_I64: return put_number(value, member, true);
    case OPTION_TEXT: {
        const char *text = keep_text(value, memory);
        memcpy(member, &text, sizeof text);
        return text == NULL ? -1 : 0;
    }
    case OPTION_NAMES: {
        const char *const *names;
        if (core_names(value, memory, &names, NULL) < 0) {
            return -1;
        }
        memcpy(member, &names, sizeof names);
        return 0;
    }
    case OPTION_SCHEMA: {
        PyObject *capsule = NULL;
        const struct ArrowSchema *schema = pqf_py_borrow_schema(value, &capsule);
        int kept = schema == NULL ? -1 : keep_object(memory, capsule);
        memcpy(member, &schema, sizeof schema);
        Py_XDECREF(capsule);
        return kept;
    }
    case OPTION_SORTING: return put_sorting(value, memory, member, base + o->count);
    case OPTION_SETTINGS: return put_settings(value, memory, member, base + o->count);
    }
    return -1;
}

static const option *option_named(const option *table, const char *name) {
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

/* `progress` belongs to the call; everything else stands in the table. */
static int put_options(const option *table, PyObject *dict, core_call *call,
                       core_memory *memory, void *base) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8(key);
        if (name == NULL) {
            return -1;
        }
        if (strcmp(name, "progress") == 0) {
            call->progress = value == Py_None ? NULL : value;
            continue;
        }
        const option *o = option_named(table, name);
        if (o == NULL) {
            PyErr_Format(PyExc_TypeError, "unknown option '%s'", name);
            return -1;
        }
        if (value != Py_None && put_option(o, value, memory, base) < 0) {
            return -1;
        }
    }
    return 0;
}

int core_read_options(PyObject *dict, core_call *call, core_memory *memory,
                      pqf_read_options *out) {
    memset(out, 0, sizeof *out);
    out->struct_bytes = sizeof *out;
    out->control.struct_bytes = sizeof out->control;
    out->control.tick = core_tick;
    out->control.tick_context = call;
    return dict == Py_None ? 0 : put_options(READ_OPTIONS, dict, call, memory, out);
}

int core_write_options(PyObject *dict, core_call *call, core_memory *memory,
                       pqf_dataset_write_options *out) {
    memset(out, 0, sizeof *out);
    out->struct_bytes = sizeof *out;
    out->file.struct_bytes = sizeof out->file;
    out->file.control.struct_bytes = sizeof out->file.control;
    out->file.conform.struct_bytes = sizeof out->file.conform;
    out->file.control.tick = core_tick;
    out->file.control.tick_context = call;
    out->file.control.notice = core_notice;
    out->file.control.notice_context = call;
    return dict == Py_None ? 0 : put_options(WRITE_OPTIONS, dict, call, memory, out);
}
