/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file says about itself as dicts and lists, and files that are changed, merged and compacted.
 * Values of logical types are made by a function of the package, which knows Python's classes.
 */
#include "core.h"

/* Puts a new reference; -1 where there is none or it does not go in. */
static int put(PyObject *dict, const char *key, PyObject *value) {
    int result = value == NULL ? -1 : PyDict_SetItemString(dict, key, value);
    Py_XDECREF(value);
    return result;
}

static int append(PyObject *list, PyObject *value) {
    int result = value == NULL ? -1 : PyList_Append(list, value);
    Py_XDECREF(value);
    return result;
}

static PyObject *count_or_none(int64_t n) {
    return n < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(n);
}

static PyObject *flag_or_none(int flag) {
    return Py_NewRef(flag < 0 ? Py_None : flag ? Py_True : Py_False);
}

static PyObject *text(const char *bytes, size_t n) {
    return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, "surrogateescape");
}

static PyObject *text_or_none(const char *s) {
    return s == NULL ? Py_NewRef(Py_None) : text(s, strlen(s));
}

/* ---- values ---- */

static PyObject *integer(const pqf_info_value *v) {
    unsigned char bytes[16];
    memcpy(bytes, &v->low, 8);
    memcpy(bytes + 8, &v->high, 8);
    return _PyLong_FromByteArray(bytes, sizeof bytes, 1, 1);
}

/* make(kind, integer, scale) for what Python has classes of. */
static PyObject *made(const pqf_info_value *v, PyObject *make) {
    static const char *const kinds[] = {
        [PQF_INFO_DECIMAL] = "decimal", [PQF_INFO_DATE] = "date",
        [PQF_INFO_TIME] = "time",       [PQF_INFO_TIMESTAMP] = "timestamp",
        [PQF_INFO_INSTANT] = "instant", [PQF_INFO_DURATION] = "duration",
    };
    PyObject *number = integer(v);
    PyObject *result = number == NULL ? NULL
                                      : PyObject_CallFunction(make, "sOi", kinds[v->kind],
                                                              number, (int)v->scale);
    Py_XDECREF(number);
    return result;
}

static PyObject *string_value(const pqf_info_value *v) {
    PyObject *result = PyUnicode_DecodeUTF8(v->bytes, (Py_ssize_t)v->num_bytes, NULL);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear(); /* a bound that was cut within a character */
        return PyBytes_FromStringAndSize(v->bytes, (Py_ssize_t)v->num_bytes);
    }
    return result;
}

static PyObject *value_of(const pqf_info_value *v, PyObject *make) {
    switch (v->kind) {
    case PQF_INFO_NONE: return Py_NewRef(Py_None);
    case PQF_INFO_BOOL: return PyBool_FromLong((long)v->low);
    case PQF_INFO_INT: return integer(v);
    case PQF_INFO_FLOAT: return PyFloat_FromDouble(v->number);
    case PQF_INFO_STRING: return string_value(v);
    case PQF_INFO_BINARY:
        return PyBytes_FromStringAndSize(v->bytes, (Py_ssize_t)v->num_bytes);
    default: return made(v, make);
    }
}

/* ---- records ---- */

static PyObject *statistics_of(const pqf_info_chunk *c, PyObject *make) {
    PyObject *dict = PyDict_New();
    if (dict != NULL && put(dict, "null_count", count_or_none(c->null_count)) == 0 &&
        put(dict, "distinct_count", count_or_none(c->distinct_count)) == 0 &&
        put(dict, "nan_count", count_or_none(c->nan_count)) == 0 &&
        put(dict, "min", value_of(&c->min, make)) == 0 &&
        put(dict, "max", value_of(&c->max, make)) == 0 &&
        put(dict, "is_min_exact", flag_or_none(c->is_min_exact)) == 0 &&
        put(dict, "is_max_exact", flag_or_none(c->is_max_exact)) == 0) {
        return dict;
    }
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *encodings_of(const pqf_file_info *info, int64_t r, int64_t l) {
    PyObject *list = PyList_New(0);
    const char *name;
    for (int64_t i = 0;
         list != NULL && (name = pqf_file_info_encoding(info, r, l, i)) != NULL; i++) {
        if (append(list, PyUnicode_FromString(name)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *counts_of(const int64_t *counts, int64_t n) {
    PyObject *list = PyList_New(0);
    for (int64_t i = 0; list != NULL && i < n; i++) {
        if (append(list, PyLong_FromLongLong(counts[i])) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *sizes_of(const pqf_info_chunk *c) {
    PyObject *dict = PyDict_New();
    if (dict != NULL &&
        put(dict, "unencoded_bytes", count_or_none(c->unencoded_string_bytes)) == 0 &&
        put(dict, "repetition_levels",
            counts_of(c->repetition_counts, c->num_repetition_counts)) == 0 &&
        put(dict, "definition_levels",
            counts_of(c->definition_counts, c->num_definition_counts)) == 0) {
        return dict;
    }
    Py_XDECREF(dict);
    return NULL;
}

static int fill_chunk(PyObject *dict, const pqf_info_chunk *c) {
    return put(dict, "codec", PyUnicode_FromString(c->codec)) < 0 ||
                   put(dict, "num_values", PyLong_FromLongLong(c->num_values)) < 0 ||
                   put(dict, "compressed_bytes",
                       PyLong_FromLongLong(c->compressed_bytes)) < 0 ||
                   put(dict, "uncompressed_bytes",
                       PyLong_FromLongLong(c->uncompressed_bytes)) < 0 ||
                   put(dict, "data_page_offset",
                       PyLong_FromLongLong(c->data_page_offset)) < 0 ||
                   put(dict, "dictionary_page_offset",
                       count_or_none(c->dictionary_page_offset)) < 0 ||
                   put(dict, "index_page_offset", count_or_none(c->index_page_offset)) <
                       0 ||
                   put(dict, "has_bloom_filter", PyBool_FromLong(c->has_bloom_filter)) <
                       0 ||
                   put(dict, "has_column_index", PyBool_FromLong(c->has_column_index)) <
                       0 ||
                   put(dict, "has_offset_index", PyBool_FromLong(c->has_offset_index)) <
                       0 ||
                   put(dict, "bloom_filter_bytes", count_or_none(c->bloom_filter_bytes)) <
                       0 ||
                   put(dict, "size_statistics", sizes_of(c)) < 0
               ? -1
               : 0;
}

/* Of several pairs of a key the first counts. */
static int put_pair(PyObject *dict, const pqf_info_pair *pair) {
    PyObject *key = text(pair->key, pair->key_bytes);
    PyObject *value =
        pair->value == NULL ? Py_NewRef(Py_None) : text(pair->value, pair->value_bytes);
    bool failed =
        key == NULL || value == NULL || PyDict_SetDefault(dict, key, value) == NULL;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

static PyObject *chunk_pairs_of(const pqf_file_info *info, int64_t r, int64_t l) {
    PyObject *dict = PyDict_New();
    pqf_info_pair pair;
    for (int64_t i = 0; dict != NULL && pqf_file_info_chunk_pair(info, r, l, i, &pair);
         i++) {
        if (put_pair(dict, &pair) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *chunk_record(const pqf_file_info *info, int64_t r, int64_t l,
                              PyObject *make) {
    pqf_info_chunk c;
    pqf_info_leaf leaf;
    PyObject *dict = PyDict_New();
    pqf_file_info_chunk(info, r, l, &c);
    pqf_file_info_leaf(info, l, &leaf);
    if (dict == NULL || put(dict, "path", text_or_none(leaf.path)) < 0 ||
        put(dict, "encrypted", PyBool_FromLong(c.is_encrypted)) < 0) {
        goto fail;
    }
    if (!c.has_metadata) {
        return dict;
    }
    if (fill_chunk(dict, &c) < 0 ||
        put(dict, "encodings", encodings_of(info, r, l)) < 0 ||
        put(dict, "metadata", chunk_pairs_of(info, r, l)) < 0 ||
        put(dict, "statistics", statistics_of(&c, make)) < 0) {
        goto fail;
    }
    return dict;
fail:
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *sorting_of(const pqf_file_info *info, int64_t r) {
    PyObject *list = PyList_New(0);
    pqf_sorting s;
    pqf_info_leaf leaf;
    for (int64_t i = 0; list != NULL && pqf_file_info_sorting(info, r, i, &s); i++) {
        const char *path = pqf_file_info_leaf(info, s.leaf, &leaf) ? leaf.path : NULL;
        if (append(list, Py_BuildValue("{s:z,s:O,s:O}", "path", path, "descending",
                                       s.descending ? Py_True : Py_False, "nulls_first",
                                       s.nulls_first ? Py_True : Py_False)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *chunks_of(const pqf_file_info *info, int64_t r, int64_t num_leaves,
                           PyObject *make) {
    PyObject *list = PyList_New(0);
    for (int64_t l = 0; list != NULL && l < num_leaves; l++) {
        if (append(list, chunk_record(info, r, l, make)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *group_record(const pqf_file_info *info, int64_t r, int64_t num_leaves,
                              PyObject *make) {
    pqf_info_group g;
    PyObject *dict = PyDict_New();
    pqf_file_info_group(info, r, &g);
    if (dict != NULL && put(dict, "num_rows", PyLong_FromLongLong(g.num_rows)) == 0 &&
        put(dict, "total_byte_size", PyLong_FromLongLong(g.total_byte_size)) == 0 &&
        put(dict, "total_compressed_size",
            PyLong_FromLongLong(g.total_compressed_size)) == 0 &&
        put(dict, "file_offset", count_or_none(g.file_offset)) == 0 &&
        put(dict, "sorting_columns", sorting_of(info, r)) == 0 &&
        put(dict, "columns", chunks_of(info, r, num_leaves, make)) == 0) {
        return dict;
    }
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *groups_of(const pqf_file_info *info, const pqf_info_file *file,
                           PyObject *make) {
    PyObject *list = PyList_New(0);
    for (int64_t r = 0; list != NULL && r < file->num_row_groups; r++) {
        if (PyErr_CheckSignals() < 0 ||
            append(list, group_record(info, r, file->num_leaves, make)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *file_pairs_of(const pqf_file_info *info) {
    PyObject *dict = PyDict_New();
    pqf_info_pair pair;
    for (int64_t i = 0; dict != NULL && pqf_file_info_pair(info, i, &pair); i++) {
        if (put_pair(dict, &pair) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *leaves_of(const pqf_file_info *info) {
    PyObject *list = PyList_New(0);
    pqf_info_leaf leaf;
    for (int64_t l = 0; list != NULL && pqf_file_info_leaf(info, l, &leaf); l++) {
        PyObject *record = Py_BuildValue(
            "{s:s,s:s,s:z,s:s,s:O,s:i,s:i}", "path", leaf.path, "physical_type",
            leaf.physical, "logical_type", *leaf.logical ? leaf.logical : NULL,
            "repetition", leaf.repetition, "type_length", Py_None, "max_definition_level",
            (int)leaf.max_definition_level, "max_repetition_level",
            (int)leaf.max_repetition_level);
        if (record != NULL && leaf.type_length > 0 &&
            put(record, "type_length", PyLong_FromLong(leaf.type_length)) < 0) {
            Py_CLEAR(record);
        }
        if (append(list, record) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *file_record(const pqf_file_info *info, PyObject *make) {
    pqf_info_file file;
    PyObject *dict = PyDict_New();
    pqf_file_info_get(info, &file);
    if (dict != NULL && put(dict, "bytes", PyLong_FromLongLong(file.num_bytes)) == 0 &&
        put(dict, "footer_bytes", PyLong_FromLongLong(file.footer_bytes)) == 0 &&
        put(dict, "num_rows", PyLong_FromLongLong(file.num_rows)) == 0 &&
        put(dict, "version", PyLong_FromLong(file.version)) == 0 &&
        put(dict, "created_by", text_or_none(file.created_by)) == 0 &&
        put(dict, "metadata", file_pairs_of(info)) == 0 &&
        put(dict, "columns", leaves_of(info)) == 0 &&
        put(dict, "row_groups", groups_of(info, &file, make)) == 0) {
        return dict;
    }
    Py_XDECREF(dict);
    return NULL;
}

PyObject *core_read_metadata(PyObject *module, PyObject *args) {
    PyObject *path, *make;
    core_memory memory = {.num_blocks = 0};
    core_call call = {.progress = NULL};
    if (!PyArg_ParseTuple(args, "OO", &path, &make)) {
        return NULL;
    }
    pqf_file_info *info = NULL;
    pqf_error err;
    PyObject *result = NULL;
    const char *c_path = core_path(path, &memory);
    if (c_path != NULL) {
        CORE_BEGIN(&call);
        pqf_status status = pqf_file_info_open(c_path, NULL, &info, &err);
        CORE_END(&call);
        result = status == PQF_OK ? file_record(info, make)
                                  : core_raise(PyModule_GetState(module), &err);
    }
    pqf_file_info_free(info);
    core_memory_free(&memory);
    return result;
}

static PyObject *listed_record(PyObject *module, const pqf_listing *listing, int64_t i,
                               PyObject *make) {
    pqf_file_info *info = NULL;
    pqf_error err;
    core_call call = {.progress = NULL};
    CORE_BEGIN(&call);
    pqf_status status = pqf_listing_info(listing, i, &info, &err);
    CORE_END(&call);
    if (status != PQF_OK) {
        return core_raise(PyModule_GetState(module), &err);
    }
    PyObject *pair = NULL;
    PyObject *record = file_record(info, make);
    pqf_file_info_free(info);
    if (record != NULL) {
        pair = Py_BuildValue(
            "(NN)", PyUnicode_DecodeFSDefault(pqf_listing_file(listing, i)), record);
    }
    return pair;
}

static PyObject *listed_records(PyObject *module, const pqf_listing *listing,
                                PyObject *make) {
    PyObject *list = PyList_New(0);
    for (int64_t i = 0; list != NULL && i < pqf_listing_num_files(listing); i++) {
        PyObject *pair = listed_record(module, listing, i, make);
        if (pair == NULL || PyList_Append(list, pair) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    return list;
}

PyObject *core_read_metadata_of_all(PyObject *module, PyObject *args) {
    PyObject *paths, *root, *make;
    core_memory memory = {.num_blocks = 0};
    core_call call = {.progress = NULL};
    if (!PyArg_ParseTuple(args, "O!OO", &PyList_Type, &paths, &root, &make)) {
        return NULL;
    }
    pqf_listing *listing = NULL;
    pqf_error err;
    PyObject *result = NULL;
    const char *const *c_paths = NULL;
    const char *c_root = NULL;
    int64_t n = 0;
    if (core_paths(paths, &memory, &c_paths, &n) == 0 &&
        (root == Py_None || (c_root = core_path(root, &memory)) != NULL)) {
        CORE_BEGIN(&call);
        pqf_status status = pqf_listing_open(c_paths, n, c_root, &listing, &err);
        CORE_END(&call);
        result = status == PQF_OK ? listed_records(module, listing, make)
                                  : core_raise(PyModule_GetState(module), &err);
    }
    pqf_listing_free(listing);
    core_memory_free(&memory);
    return result;
}

/* ---- changing ---- */

PyObject *core_update_metadata(PyObject *module, PyObject *args) {
    PyObject *path, *changes;
    int durable;
    core_memory memory = {.num_blocks = 0};
    core_call call = {.progress = NULL};
    pqf_update_options options = {.struct_bytes = sizeof options};
    if (!PyArg_ParseTuple(args, "OO!p", &path, &PyDict_Type, &changes, &durable)) {
        return NULL;
    }
    pqf_error err = {.status = PQF_OK};
    pqf_status status = PQF_INVALID;
    const char *c_path = core_path(path, &memory);
    options.control.tick = core_tick;
    options.control.tick_context = &call;
    options.not_durable = !durable;
    if (c_path != NULL &&
        core_settings(changes, &memory, &options.changes, &options.num_changes) == 0) {
        CORE_BEGIN(&call);
        status = pqf_update_metadata(c_path, &options, &err);
        CORE_END(&call);
    }
    core_memory_free(&memory);
    if (status == PQF_OK) {
        Py_RETURN_NONE;
    }
    return PyErr_Occurred() ? NULL : core_raise(PyModule_GetState(module), &err);
}

/* ---- merging ---- */

static PyObject *result_record(const pqf_merge_result *r) {
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L,s:L}", "files_before", (long long)r->files_before,
        "files_after", (long long)r->files_after, "bytes_before",
        (long long)r->bytes_before, "bytes_after", (long long)r->bytes_after, "num_rows",
        (long long)r->num_rows, "num_row_groups", (long long)r->num_row_groups,
        "num_row_groups_copied", (long long)r->num_copied);
}

typedef struct merge_call {
    core_memory memory;
    core_call call;
    pqf_merge_options options;
    pqf_merge_result result;
    pqf_error err;
} merge_call;

static int merge_begin(merge_call *m, PyObject *options) {
    pqf_dataset_write_options write;
    memset(m, 0, sizeof *m);
    m->options.struct_bytes = sizeof m->options;
    int result = core_write_options(options, &m->call, &m->memory, &write);
    m->options.file = write.file;
    return result;
}

static PyObject *merge_end(merge_call *m, PyObject *module, pqf_status status) {
    core_memory_free(&m->memory);
    if (PyErr_Occurred()) {
        return NULL;
    }
    return status == PQF_OK ? result_record(&m->result)
                            : core_raise(PyModule_GetState(module), &m->err);
}

PyObject *core_merge(PyObject *module, PyObject *args) {
    PyObject *paths, *root, *out, *options;
    int recode;
    merge_call m;
    if (!PyArg_ParseTuple(args, "O!OOOp", &PyList_Type, &paths, &root, &out, &options,
                          &recode)) {
        return NULL;
    }
    pqf_status status = PQF_INVALID;
    const char *const *c_paths = NULL;
    const char *c_root = NULL, *c_out = NULL;
    int64_t n = 0;
    if (merge_begin(&m, options) == 0 &&
        core_paths(paths, &m.memory, &c_paths, &n) == 0 &&
        (root == Py_None || (c_root = core_path(root, &m.memory)) != NULL) &&
        (c_out = core_path(out, &m.memory)) != NULL) {
        m.options.recode = recode != 0;
        CORE_BEGIN(&m.call);
        status = pqf_merge(c_paths, n, c_root, c_out, &m.options, &m.result, &m.err);
        CORE_END(&m.call);
    }
    return merge_end(&m, module, status);
}

PyObject *core_compact(PyObject *module, PyObject *args) {
    PyObject *dir, *options;
    long long target;
    int recode;
    merge_call m;
    if (!PyArg_ParseTuple(args, "OOLp", &dir, &options, &target, &recode)) {
        return NULL;
    }
    pqf_status status = PQF_INVALID;
    const char *c_dir = NULL;
    if (merge_begin(&m, options) == 0 && (c_dir = core_path(dir, &m.memory)) != NULL) {
        m.options.recode = recode != 0;
        m.options.target_file_bytes = (int64_t)target;
        CORE_BEGIN(&m.call);
        status = pqf_compact(c_dir, &m.options, &m.result, &m.err);
        CORE_END(&m.call);
    }
    return merge_end(&m, module, status);
}
