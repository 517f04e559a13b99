/* SPDX-License-Identifier: Apache-2.0
 *
 * From the declared schema to the tree of nodes, and from the tree to the schema of what was built.
 * A dictionary becomes a node of its values, run-end encoding too, an extension its storage;
 * what cannot be built from Python objects is refused here by name.
 */
#include "rows_inner.h"

#include <stdio.h>
#include <stdlib.h>

#define EXTRA_STEPS                                                                      \
    32 /* keys beyond the declared ones whose place in a row is remembered */

/* ---- nodes ---- */

static int remember_node(rows_build *b, rows_node *n) {
    if (b->num_nodes == b->max_nodes) {
        int32_t most = b->max_nodes == 0 ? 16 : b->max_nodes * 2;
        rows_node **larger = realloc(b->nodes, (size_t)most * sizeof(*larger));
        if (larger == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        b->nodes = larger;
        b->max_nodes = most;
    }
    b->nodes[b->num_nodes++] = n;
    return 0;
}

/* A node that the build owns, with room for a block. */
static rows_node *node_new(rows_build *b, const rows_kind *kind, int64_t num_children) {
    rows_node *n = pqf_rows_alloc(sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    if (remember_node(b, n) < 0) {
        free(n);
        return NULL;
    }
    n->kind = kind;
    n->value_bytes = kind->value_bytes;
    n->slots = pqf_rows_alloc(ROWS_BLOCK * sizeof(*n->slots));
    n->children = pqf_rows_alloc((size_t)num_children * sizeof(*n->children));
    return n->slots == NULL || n->children == NULL ? NULL : n;
}

void pqf_rows_node_free(rows_node *n) {
    for (int32_t i = 0; i < n->num_steps; i++) {
        Py_XDECREF(n->steps[i].key);
    }
    Py_XDECREF(n->index);
    Py_XDECREF(n->extras);
    pqf_rows_refused_free(n);
    if (n->owns_rows) {
        free(n->rows);
    }
    void *const memory[] = {n->children, n->name,         n->format, n->path,
                            n->text,     n->entries_name, n->slots,  n->validity,
                            n->values,   n->data,         n->steps};
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
        free(memory[i]);
    }
    free(n);
}

/* ---- parameters in format strings ---- */

static int bad_format(const struct ArrowSchema *schema) {
    PyErr_Format(PyExc_ValueError, "bad Arrow format string '%.60s'",
                 schema->format == NULL ? "" : schema->format);
    return -1;
}

static int not_built(const rows_node *n) {
    PyErr_Format(PyExc_NotImplementedError,
                 "Column '%s': %s cannot be built from Python objects; pass Arrow data",
                 n->path, n->text);
    return -1;
}

static int set_decimal(rows_node *n, const struct ArrowSchema *schema,
                       const char *params) {
    static const int most[] = {9, 18, 38, 76};
    int bits = 128;
    int found = sscanf(params, "%d,%d,%d", &n->precision, &n->scale, &bits);
    for (int i = 0; found >= 2 && i < 4; i++) {
        if (bits != 32 << i) {
            continue;
        }
        n->value_bytes = bits / 8;
        return n->precision < 1 || n->precision > most[i] ? bad_format(schema) : 0;
    }
    return bad_format(schema);
}

static int read_width(const struct ArrowSchema *schema, const char *params,
                      int32_t *out) {
    char *end;
    long width = strtol(params, &end, 10);
    if (end == params || *end != '\0' || width < 0 || width > INT32_MAX) {
        return bad_format(schema);
    }
    *out = (int32_t)width;
    return 0;
}

static int set_params(rows_node *n, const struct ArrowSchema *schema,
                      const char *params) {
    const char *format = n->kind->format;
    n->has_zone = format[0] == 't' && format[1] == 's' && params[0] != '\0';
    if (format[0] == 'd') {
        return set_decimal(n, schema, params);
    }
    if (format[0] == 'w') {
        return read_width(schema, params, &n->value_bytes);
    }
    if (n->kind->layout == ROWS_FIXED_LIST) {
        return read_width(schema, params, &n->list_size);
    }
    return 0;
}

/* ---- compiling ---- */

static int compile(rows_build *b, const struct ArrowSchema *schema,
                   const struct ArrowSchema *field, char *path, rows_node *parent,
                   int depth, rows_node **out);

/* parent's path, a separator, and a name; NULL with MemoryError. */
static char *join_path(const char *parent, const char *separator, const char *name) {
    if (parent[0] == '\0' && separator[0] == '.') {
        separator = "";
    }
    size_t bytes = strlen(parent) + strlen(separator) + strlen(name) + 1;
    char *path = pqf_rows_alloc(bytes);
    if (path != NULL) {
        snprintf(path, bytes, "%s%s%s", parent, separator, name);
    }
    return path;
}

static int compile_child(rows_build *b, rows_node *n, const struct ArrowSchema *schema,
                         char *path, int depth) {
    if (path == NULL || compile(b, schema, schema, path, n, depth + 1,
                                &n->children[n->num_children]) < 0) {
        return -1;
    }
    n->num_children++;
    return 0;
}

/* Puts name -> number into the index of n; a name that is there already goes to the report. */
static int index_name(rows_build *b, rows_node *n, const char *name, int64_t number) {
    PyObject *key = PyUnicode_InternFromString(name);
    PyObject *value = key == NULL ? NULL : PyLong_FromLongLong(number);
    int code = value == NULL ? -1 : PyDict_Contains(n->index, key);
    if (code == 1) {
        char *path = join_path(n->path, ".", name);
        code = path == NULL
                   ? -1
                   : pqf_rows_fail_add(b, path, "duplicate", 1, "unique field names",
                                       "several fields of this name", -1, NULL);
        free(path);
    }
    if (code == 0) {
        code = PyDict_SetItem(n->index, key, value);
    }
    if (code == 0) { /* the keys of rows are guessed to come in the declared order */
        n->steps[n->num_steps++] =
            (rows_step){Py_NewRef(key), n->children[number]->slots};
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return code;
}

static int compile_struct(rows_build *b, rows_node *n, const struct ArrowSchema *schema,
                          int depth) {
    n->max_steps = (int32_t)schema->n_children + EXTRA_STEPS;
    n->steps = pqf_rows_alloc((size_t)n->max_steps * sizeof(*n->steps));
    n->index = PyDict_New();
    if (n->steps == NULL || n->index == NULL) {
        return -1;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        const char *name = child->name == NULL ? "" : child->name;
        if (compile_child(b, n, child, join_path(n->path, ".", name), depth) < 0 ||
            index_name(b, n, name, i) < 0) {
            return -1;
        }
    }
    return 0;
}

static int compile_map(rows_build *b, rows_node *n, const struct ArrowSchema *schema,
                       int depth) {
    const struct ArrowSchema *entries =
        schema->n_children == 1 ? schema->children[0] : NULL;
    if (entries == NULL || entries->n_children != 2) {
        return bad_format(schema);
    }
    n->entries_name =
        pqf_rows_copy_text(entries->name == NULL ? "entries" : entries->name);
    if (n->entries_name == NULL ||
        compile_child(b, n, entries->children[0], join_path(n->path, ".", "key"), depth) <
            0 ||
        compile_child(b, n, entries->children[1], join_path(n->path, ".", "value"),
                      depth) < 0) {
        return -1;
    }
    n->children[0]->nullable = false;
    n->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
    return 0;
}

static int compile_children(rows_build *b, rows_node *n, const struct ArrowSchema *schema,
                            int depth) {
    switch (n->kind->layout) {
    case ROWS_STRUCT: return compile_struct(b, n, schema, depth);
    case ROWS_MAP: return compile_map(b, n, schema, depth);
    case ROWS_LIST:
    case ROWS_FIXED_LIST:
        if (schema->n_children != 1) {
            return bad_format(schema);
        }
        return compile_child(b, n, schema->children[0], join_path(n->path, "[]", ""),
                             depth);
    default: return 0;
    }
}

/* Name, flags and texts; takes the path. */
static int set_field(rows_node *n, const struct ArrowSchema *schema,
                     const struct ArrowSchema *field, char *path) {
    n->path = path;
    n->name = pqf_rows_copy_text(field->name == NULL ? "" : field->name);
    n->format =
        pqf_rows_copy_text(n->kind->built != NULL ? n->kind->built : schema->format);
    n->text = pqf_rows_type_text(field);
    n->flags = field->flags & (ARROW_FLAG_NULLABLE | ARROW_FLAG_MAP_KEYS_SORTED);
    n->nullable =
        (field->flags & ARROW_FLAG_NULLABLE) != 0 || strcmp(schema->format, "n") == 0;
    n->keeps_nan = !n->nullable && schema->format[0] >= 'e' && schema->format[0] <= 'g';
    return n->name == NULL || n->format == NULL || n->text == NULL ? -1 : 0;
}

/* Below a struct a slot is a row of the parent; elements of lists bring their own numbers. */
static int set_rows(rows_node *n, const rows_node *parent) {
    if (parent != NULL && parent->kind->layout == ROWS_STRUCT) {
        n->rows = parent->rows;
        return 0;
    }
    n->rows = pqf_rows_alloc(ROWS_BLOCK * sizeof(*n->rows));
    n->owns_rows = true;
    return n->rows == NULL ? -1 : 0;
}

/* Compiles `schema` as the type of the declared `field`; takes the path. */
static int compile(rows_build *b, const struct ArrowSchema *schema,
                   const struct ArrowSchema *field, char *path, rows_node *parent,
                   int depth, rows_node **out) {
    const char *params = "";
    const rows_kind *kind = pqf_rows_kind(schema->format, &params);
    rows_node *n = NULL;
    if (kind == NULL || depth > ROWS_MAX_DEPTH) {
        bad_format(schema);
    } else if (schema->dictionary != NULL) {
        return compile(b, schema->dictionary, field, path, parent, depth + 1, out);
    } else if (strcmp(schema->format, "+r") == 0 && schema->n_children == 2) {
        return compile(b, schema->children[1], field, path, parent, depth + 1, out);
    } else {
        n = node_new(b, kind, schema->n_children > 2 ? schema->n_children : 2);
    }
    if (n == NULL) {
        free(path);
        return -1;
    }
    if (set_field(n, schema, field, path) < 0 || set_rows(n, parent) < 0) {
        return -1;
    }
    if (kind->flush == NULL) {
        return not_built(n);
    }
    *out = n;
    return set_params(n, schema, params) < 0 ? -1 : compile_children(b, n, schema, depth);
}

/* A column's path begins with its name, a row's with nothing. */
int pqf_rows_compile(rows_build *b, const struct ArrowSchema *schema, bool are_rows,
                     rows_node **out) {
    const char *name = are_rows || schema->name == NULL ? "" : schema->name;
    char *path = pqf_rows_copy_text(name);
    if (path == NULL || compile(b, schema, schema, path, NULL, 0, out) < 0) {
        return -1;
    }
    rows_node *root = *out;
    root->is_row = are_rows;
    if (are_rows && root->kind->layout != ROWS_STRUCT) {
        return bad_format(schema);
    }
    if (are_rows) {
        root->nullable = false;
        free(root->text);
        root->text = pqf_rows_copy_text("dict");
    }
    return root->text == NULL ? -1 : 0;
}

/* ---- the schema of what was built ---- */

typedef struct schema_memory {
    char *format, *name;
    struct ArrowSchema *children[];
} schema_memory;

static void schema_release(struct ArrowSchema *schema) {
    schema_memory *memory = schema->private_data;
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchema *child = schema->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    free(memory->format);
    free(memory->name);
    free(memory);
    schema->release = NULL;
}

static int schema_init(struct ArrowSchema *out, const char *format, const char *name,
                       int64_t flags, int64_t num_children) {
    memset(out, 0, sizeof(*out));
    size_t bytes =
        sizeof(schema_memory) + (size_t)num_children * sizeof(struct ArrowSchema *);
    schema_memory *memory = pqf_rows_alloc(bytes);
    if (memory == NULL) {
        return -1;
    }
    out->n_children = num_children;
    out->children = num_children > 0 ? memory->children : NULL;
    out->private_data = memory;
    out->release = schema_release;
    out->flags = flags;
    out->format = memory->format = pqf_rows_copy_text(format);
    out->name = memory->name = pqf_rows_copy_text(name);
    bool ok = memory->format != NULL && memory->name != NULL;
    for (int64_t i = 0; i < num_children && ok; i++) {
        memory->children[i] = pqf_rows_alloc(sizeof(struct ArrowSchema));
        ok = memory->children[i] != NULL;
    }
    if (!ok) {
        schema_release(out);
        return -1;
    }
    return 0;
}

int pqf_rows_schema_export(const rows_node *n, struct ArrowSchema *out) {
    bool is_map = n->kind->layout == ROWS_MAP;
    if (schema_init(out, n->format, n->name, n->flags, is_map ? 1 : n->num_children) <
        0) {
        return -1;
    }
    struct ArrowSchema *parent = out;
    int code = 0;
    if (is_map) {
        parent = out->children[0];
        code = schema_init(parent, "+s", n->entries_name, 0, 2);
    }
    for (int32_t i = 0; i < n->num_children && code == 0; i++) {
        code = pqf_rows_schema_export(n->children[i], parent->children[i]);
    }
    if (code < 0) {
        out->release(out);
    }
    return code;
}
