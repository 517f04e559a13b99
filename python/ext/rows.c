/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ways in: rows (list of dicts) and objects (one column). Values are taken in blocks of
 * 256 and pushed down the tree of nodes; a block of dicts is spread over the slots of the
 * struct's children, then each child converts its block in one loop of its own kind. rows_inner.h
 * tells who owns the values meanwhile.
 */
#include "rows_inner.h"

#include <stdlib.h>

/* ---- blocks ---- */

static void pin_all(rows_build *b) {
    if (b->pinned) {
        return;
    }
    for (int32_t i = 0; i < b->num_nodes; i++) {
        rows_node *n = b->nodes[i];
        for (; n->num_pinned < n->num_slots; n->num_pinned++) {
            Py_XINCREF(n->slots[n->num_pinned]);
        }
    }
    b->pinned = true;
}

int pqf_rows_slow(rows_build *b) {
    pin_all(b);
    return b->types_ready ? 0 : pqf_rows_types_find(b);
}

/* The last reference may go here, so everybody else's values are pinned first. */
static void release_slots(rows_build *b, rows_node *n) {
    int32_t num_pinned = n->num_pinned;
    n->num_slots = n->num_pinned = 0;
    if (num_pinned > 0) {
        pin_all(b);
    }
    for (int32_t i = 0; i < num_pinned; i++) {
        Py_CLEAR(n->slots[i]);
    }
}

static int check_signals(rows_build *b) {
    b->work = 0;
    return pqf_rows_slow(b) < 0 ? -1 : PyErr_CheckSignals();
}

int pqf_rows_flush(rows_build *b, rows_node *n) {
    if (n->num_slots == 0) {
        return 0;
    }
    b->work += n->num_slots;
    if (b->work >= ROWS_CHECK_VALUES && check_signals(b) < 0) {
        return -1;
    }
    int code = n->kind->flush(b, n);
    release_slots(b, n);
    return code;
}

/* ---- nulls ---- */

/* A masked slot (its parent is null) of a required field holds a zero instead of a null. */
int pqf_rows_null(rows_build *b, rows_node *n, int32_t i) {
    if (n->nullable) {
        return pqf_rows_mark_null(n, n->length + i);
    }
    return n->slots[i] == NULL ? 0 : pqf_rows_fail(b, n, i, ROWS_NULL, NULL);
}

int pqf_rows_enter(rows_build *b, rows_node *n, int32_t i) {
    int null = n->slots[i] == NULL || n->slots[i] == Py_None;
    if (!null) {
        if (pqf_rows_slow(b) < 0) {
            return -1;
        }
        if (b->flags & PQF_ROWS_FROM_PANDAS) {
            null = pqf_rows_pandas_null(b, n, n->slots[i]);
        }
    }
    if (null > 0 && pqf_rows_null(b, n, i) < 0) {
        return -1;
    }
    return null;
}

/* ---- structs ---- */

/* The step for a key that is not where the last rows had it: a few places on (keys were left out),
 * or found by name and learnt. NULL: an extra key, or one that is not a plain str. */
static rows_step *find_step(rows_build *b, rows_node *n, PyObject *key, int32_t *at) {
    for (int32_t i = *at + 1; i < n->num_steps && i <= *at + 4; i++) {
        if (n->steps[i].key == key) {
            *at = i;
            return &n->steps[i];
        }
    }
    if (!PyUnicode_CheckExact(key)) {
        return NULL;
    }
    PyObject *child = PyDict_GetItemWithError(n->index, key);
    if (child == NULL && !(b->flags & PQF_ROWS_DROP_EXTRA)) {
        return NULL;
    }
    if (*at >= n->max_steps) {
        *at = n->max_steps - 1;
    }
    rows_step *step = &n->steps[*at];
    if (*at == n->num_steps) {
        n->num_steps++;
    }
    Py_INCREF(key);
    Py_XSETREF(step->key, key);
    step->slots = child == NULL ? NULL : n->children[PyLong_AsLong(child)]->slots;
    return step;
}

/* Spreads one dict over slot i of the children; false when it has a key that needs a closer look.
 * Runs no Python code: only exact strings are looked up, in a dict of exact strings. */
static bool spread_dict(rows_build *b, rows_node *n, PyObject *dict, int32_t i) {
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    bool plain = true;
    int32_t at = 0;
    Py_BEGIN_CRITICAL_SECTION(dict);
    while (PyDict_Next(dict, &pos, &key, &value)) {
        rows_step *step = &n->steps[at];
        if (at >= n->num_steps || step->key != key) {
            step = find_step(b, n, key, &at);
            if (step == NULL) {
                plain = false;
                continue;
            }
        }
        at++;
        if (step->slots != NULL) {
#if ROWS_PIN_AT_ONCE
            Py_INCREF(value);
            Py_XSETREF(step->slots[i], value);
#else
            step->slots[i] = value;
            __builtin_prefetch(value);
#endif
        }
    }
    Py_END_CRITICAL_SECTION();
    return plain;
}

static int take_odd_item(rows_build *b, rows_node *n, int32_t i, PyObject *key,
                         PyObject *value) {
    PyObject *child = NULL;
    if (PyUnicode_Check(key)) {
        PyObject *plain = PyUnicode_FromObject(key);
        if (plain == NULL) {
            return -1;
        }
        child = PyDict_GetItemWithError(n->index, plain);
        Py_DECREF(plain);
    }
    if (child != NULL) {
        PyObject **slot = &n->children[PyLong_AsLong(child)]->slots[i];
        Py_INCREF(value);
        Py_XSETREF(*slot, value); /* slots are pinned here */
        return 0;
    }
    if (b->flags & PQF_ROWS_DROP_EXTRA) {
        return 0;
    }
    return pqf_rows_fail_extra(b, n, i, key, value);
}

/* A dict with unknown keys or keys of odd types, item by item on a copy: Python code may run. */
static int spread_odd_dict(rows_build *b, rows_node *n, int32_t i) {
    PyObject *items = pqf_rows_slow(b) < 0 ? NULL : PyDict_Items(n->slots[i]);
    if (items == NULL) {
        return -1;
    }
    int code = 0;
    for (Py_ssize_t k = 0; k < PyList_GET_SIZE(items) && code == 0; k++) {
        PyObject *item = PyList_GET_ITEM(items, k);
        code =
            take_odd_item(b, n, i, PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1));
    }
    Py_DECREF(items);
    return code;
}

/* A key that a row lacks is null. Free-threaded: None needs no counting. */
static void fill_children(rows_build *b, rows_node *n) {
    for (int32_t c = 0; c < n->num_children; c++) {
        rows_node *child = n->children[c];
        for (int32_t i = 0; i < n->num_slots; i++) {
            child->slots[i] = Py_None;
        }
        child->num_slots = n->num_slots;
        child->num_pinned = ROWS_PIN_AT_ONCE ? n->num_slots : 0;
    }
    b->pinned = ROWS_PIN_AT_ONCE;
}

static void mask_children(rows_node *n, int32_t i) {
    for (int32_t c = 0; c < n->num_children; c++) {
        n->children[c]->slots[i] = NULL;
    }
}

/* What is no dict: null or a failure. */
static int spread_other(rows_build *b, rows_node *n, int32_t i) {
    int entered = n->is_row ? 0 : pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    return pqf_rows_fail(b, n, i, ROWS_TYPE, NULL);
}

/* The dicts lie anywhere in memory: fetch objects 16 rows ahead and their keys 8 rows ahead. */
static inline void prefetch_dicts(const rows_node *n, int32_t i) {
    if (i + 16 < n->num_slots) {
        __builtin_prefetch(n->slots[i + 16]);
    }
    if (i + 8 < n->num_slots && n->slots[i + 8] != NULL &&
        PyDict_Check(n->slots[i + 8])) {
        const char *keys = (const char *)((PyDictObject *)n->slots[i + 8])->ma_keys;
        __builtin_prefetch(keys);
        __builtin_prefetch(keys + 64);
        __builtin_prefetch(keys + 128);
    }
}

/* Two passes: the first runs no Python code and only moves pointers, the second looks at the rows
 * that the first could not finish. */
int pqf_rows_flush_struct(rows_build *b, rows_node *n) {
    uint8_t odd[ROWS_BLOCK];
    int32_t num_odd = 0;
    if (pqf_rows_reserve(n, n->num_slots) < 0) {
        return -1;
    }
    fill_children(b, n);
    for (int32_t i = 0; i < n->num_slots; i++) {
        prefetch_dicts(n, i);
        if (n->slots[i] == NULL || !PyDict_Check(n->slots[i])) {
            mask_children(n, i);
            odd[num_odd++] = (uint8_t)i;
        } else if (!spread_dict(b, n, n->slots[i], i)) {
            odd[num_odd++] = (uint8_t)i;
        }
    }
    for (int32_t k = 0; k < num_odd; k++) {
        PyObject *value = n->slots[odd[k]];
        bool is_dict = value != NULL && PyDict_Check(value);
        if ((is_dict ? spread_odd_dict(b, n, odd[k]) : spread_other(b, n, odd[k])) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    for (int32_t c = 0; c < n->num_children; c++) {
        if (pqf_rows_flush(b, n->children[c]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- where the values come from ---- */

typedef struct rows_source {
    PyObject *values; /* list or tuple; NULL: the buffer */
    Py_buffer buffer; /* of PyObject * */
    int64_t length;
} rows_source;

static int open_buffer(rows_source *source, PyObject *values) {
    if (PyObject_GetBuffer(values, &source->buffer, PyBUF_STRIDED_RO | PyBUF_FORMAT) <
        0) {
        return -1;
    }
    const Py_buffer *view = &source->buffer;
    if (view->ndim != 1 || view->itemsize != (Py_ssize_t)sizeof(PyObject *) ||
        view->format == NULL || strcmp(view->format, "O") != 0) {
        PyBuffer_Release(&source->buffer);
        PyErr_SetString(PyExc_TypeError, "expected a list or a 1-D array of objects");
        return -1;
    }
    source->length = (int64_t)view->shape[0];
    return 0;
}

static int open_source(rows_source *source, PyObject *values) {
    memset(source, 0, sizeof(*source));
    if (PyObject_CheckBuffer(values)) {
        return open_buffer(source, values);
    }
    source->values = PySequence_Fast(values, "expected a list");
    if (source->values == NULL) {
        return -1;
    }
    source->length = (int64_t)PySequence_Fast_GET_SIZE(source->values);
    return 0;
}

static void close_source(rows_source *source) {
    if (source->values != NULL) {
        Py_CLEAR(source->values);
    } else {
        PyBuffer_Release(&source->buffer);
    }
}

/* Value number at, borrowed (free-threaded: a new reference); NULL when the list has lost it. */
static PyObject *item_at(const rows_source *source, Py_ssize_t at) {
    const Py_buffer *view = &source->buffer;
    PyObject *value = NULL;
    if (source->values == NULL) {
        memcpy(&value, (const char *)view->buf + view->strides[0] * at, sizeof(value));
        value = value == NULL ? Py_None : value;
    } else if (at < PySequence_Fast_GET_SIZE(source->values)) {
#if ROWS_PIN_AT_ONCE
        return PySequence_GetItem(source->values, at);
#else
        value = PySequence_Fast_GET_ITEM(source->values, at);
#endif
    }
#if ROWS_PIN_AT_ONCE
    Py_XINCREF(value);
#endif
    return value;
}

/* Fills the slots of n with values [at, at + count). */
static int take_block(rows_build *b, const rows_source *source, rows_node *n, int64_t at,
                      int32_t count, int64_t row_base) {
    for (int32_t i = 0; i < count; i++) {
        PyObject *value = item_at(source, (Py_ssize_t)(at + i));
        if (value == NULL) {
            PyErr_SetString(PyExc_RuntimeError,
                            "the list became shorter while it was read");
            return -1;
        }
        rows_push(b, n, value, row_base + at + i);
#if ROWS_PIN_AT_ONCE
        Py_DECREF(value);
#endif
        __builtin_prefetch(value);
    }
    return 0;
}

static int take_all(rows_build *b, const rows_source *source, const pqf_rows_part *part,
                    int64_t stop) {
    int64_t row_base = part->row_base - part->start;
    for (int64_t at = part->start; at < stop; at += ROWS_BLOCK) {
        int64_t left = stop - at;
        int32_t count = left < ROWS_BLOCK ? (int32_t)left : ROWS_BLOCK;
        /* between blocks no value is borrowed, so handlers of signals may run */
        if (PyErr_CheckSignals() < 0 ||
            take_block(b, source, b->root, at, count, row_base) < 0 ||
            pqf_rows_flush(b, b->root) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- one call ---- */

/* After a failure values may still wait; those without a reference are just forgotten. */
static void build_reset(rows_build *b) {
    for (int32_t i = 0; i < b->num_nodes; i++) {
        b->nodes[i]->num_slots = b->nodes[i]->num_pinned;
    }
    for (int32_t i = 0; i < b->num_nodes; i++) {
        release_slots(b, b->nodes[i]);
    }
    for (int32_t i = 0; i < b->num_nodes; i++) {
        pqf_rows_node_free(b->nodes[i]);
    }
    for (int i = 0; i < ROWS_NUM_TYPES; i++) {
        Py_CLEAR(b->types[i]);
    }
    Py_CLEAR(b->nanosecond);
    Py_CLEAR(b->zone);
    free(b->nodes);
}

/* Rows below a struct are known in advance; a list's elements are not. */
static int reserve_rows(rows_node *n, int64_t length) {
    if (pqf_rows_reserve(n, length) < 0) {
        return -1;
    }
    for (int32_t i = 0; n->kind->layout == ROWS_STRUCT && i < n->num_children; i++) {
        if (reserve_rows(n->children[i], length) < 0) {
            return -1;
        }
    }
    return 0;
}

static int build_export(rows_build *b, struct ArrowSchema *out_schema,
                        struct ArrowArray *out) {
    if (pqf_rows_fail_rest(b) < 0 || pqf_rows_refused_export(b) < 0) {
        return -1;
    }
    if (b->num_failures > 0) {
        return 0;
    }
    if (pqf_rows_schema_export(b->root, out_schema) < 0) {
        return -1;
    }
    if (pqf_rows_array_export(b->root, out) < 0) {
        out_schema->release(out_schema);
        return -1;
    }
    return 0;
}

static int build(rows_build *b, PyObject *values, const struct ArrowSchema *schema,
                 bool are_rows, const pqf_rows_part *part, struct ArrowSchema *out_schema,
                 struct ArrowArray *out) {
    rows_source source;
    memset(out, 0, sizeof(*out));
    memset(out_schema, 0, sizeof(*out_schema));
    if (open_source(&source, values) < 0) {
        return -1;
    }
    int64_t stop = part->stop < source.length ? part->stop : source.length;
    int code = pqf_rows_compile(b, schema, are_rows, &b->root);
    if (code == 0 && part->start < stop) {
        code = reserve_rows(b->root, stop - part->start);
    }
    if (code == 0) {
        code = take_all(b, &source, part, stop);
    }
    if (code == 0) {
        code = build_export(b, out_schema, out);
    }
    build_reset(b);
    close_source(&source);
    return code;
}

int pqf_rows_to_array(pqf_py_state *state, PyObject *rows,
                      const struct ArrowSchema *schema, const pqf_rows_part *part,
                      pqf_report *report, struct ArrowSchema *out_schema,
                      struct ArrowArray *out) {
    rows_build b = {.state = state,
                    .report = report,
                    .flags = part->flags,
                    .refused = part->refused,
                    .pinned = ROWS_PIN_AT_ONCE};
    return build(&b, rows, schema, true, part, out_schema, out);
}

int pqf_objects_to_array(pqf_py_state *state, PyObject *values,
                         const struct ArrowSchema *field, const pqf_rows_part *part,
                         pqf_report *report, struct ArrowSchema *out_schema,
                         struct ArrowArray *out) {
    rows_build b = {.state = state,
                    .report = report,
                    .flags = part->flags,
                    .refused = part->refused,
                    .pinned = ROWS_PIN_AT_ONCE};
    return build(&b, values, field, false, part, out_schema, out);
}
