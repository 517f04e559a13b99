/* SPDX-License-Identifier: Apache-2.0
 *
 * A declared Arrow type in words, for the column "expected" of failures: int64,
 * timestamp[us, tz=UTC], list<element: struct<x: int32 not null>>. Cut to ROWS_TEXT_BYTES. And a
 * schema in lines of them.
 */
#include "rows_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct type_text {
    char chars[ROWS_TEXT_BYTES];
    size_t length;
} type_text;

__attribute__((format(printf, 2, 3))) static void put(type_text *text, const char *format,
                                                      ...) {
    size_t left = sizeof(text->chars) - text->length;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text->chars + text->length, left, format, args);
    va_end(args);
    size_t more = wanted < 0 ? 0 : (size_t)wanted;
    text->length += more < left ? more : left - 1;
}

static void put_type(type_text *text, const struct ArrowSchema *schema, int depth);

static void put_fields(type_text *text, const struct ArrowSchema *schema, bool names,
                       int depth) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        put(text, i > 0 ? ", " : "");
        if (names) {
            put(text, "%s: ", child->name == NULL ? "" : child->name);
        }
        put_type(text, child, depth + 1);
        if (names && !(child->flags & ARROW_FLAG_NULLABLE)) {
            put(text, " not null");
        }
    }
}

static void put_params(type_text *text, const rows_kind *kind, const char *params) {
    int precision, scale;
    if (kind->layout == ROWS_FIXED && kind->value_bytes == 0) {
        put(text, "[%s]", params);
    } else if (kind->format[0] == 'd' &&
               sscanf(params, "%d,%d", &precision, &scale) == 2) {
        put(text, "(%d, %d)", precision, scale);
    } else if (kind->format[0] == 't' && kind->format[1] == 's') {
        put(text, *params != '\0' ? ", tz=%s]" : "]", params);
    }
}

static const char *decimal_text(const char *params) {
    int precision, scale, bits;
    if (sscanf(params, "%d,%d,%d", &precision, &scale, &bits) != 3) {
        return "decimal128";
    }
    return bits == 256  ? "decimal256"
           : bits == 64 ? "decimal64"
           : bits == 32 ? "decimal32"
                        : "decimal128";
}

static void put_plain(type_text *text, const struct ArrowSchema *schema, int depth) {
    const char *params = "";
    const rows_kind *kind = pqf_rows_kind(schema->format, &params);
    if (kind == NULL || depth > ROWS_MAX_DEPTH) {
        put(text, "%s", kind == NULL && schema->format != NULL ? schema->format : "?");
        return;
    }
    put(text, "%s", kind->format[0] == 'd' ? decimal_text(params) : kind->text);
    put_params(text, kind, params);
    if (schema->n_children == 0) {
        return;
    }
    put(text, "<");
    if (kind->layout == ROWS_MAP) {
        put_fields(text, schema->children[0], false, depth + 1);
    } else {
        put_fields(text, schema, true, depth);
    }
    put(text, ">");
    if (kind->layout == ROWS_FIXED_LIST) {
        put(text, "[%s]", params);
    }
}

static void put_type(type_text *text, const struct ArrowSchema *schema, int depth) {
    if (schema->dictionary == NULL || depth > ROWS_MAX_DEPTH) {
        put_plain(text, schema, depth);
        return;
    }
    put(text, "dictionary<");
    put_plain(text, schema, depth);
    put(text, ", ");
    put_type(text, schema->dictionary, depth + 1);
    put(text, ">");
}

/* A cut never splits a character. */
static void drop_split_character(type_text *text) {
    if (text->length + 1 < sizeof(text->chars)) {
        return;
    }
    while (text->length > 0 && ((uint8_t)text->chars[text->length - 1] & 0xc0) == 0x80) {
        text->length--;
    }
    if (text->length > 0 && ((uint8_t)text->chars[text->length - 1] & 0x80) != 0) {
        text->length--;
    }
    text->chars[text->length] = '\0';
}

char *pqf_rows_type_text(const struct ArrowSchema *schema) {
    type_text text = {.length = 0};
    put_type(&text, schema, 0);
    drop_split_character(&text);
    return pqf_rows_copy_text(text.chars);
}

static PyObject *field_text(const struct ArrowSchema *field) {
    char *type = pqf_rows_type_text(field);
    const char *name = field->name == NULL ? "" : field->name;
    PyObject *text = PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
    PyObject *line = NULL;
    if (type != NULL && text != NULL) {
        bool is_nullable = (field->flags & ARROW_FLAG_NULLABLE) != 0;
        line =
            PyUnicode_FromFormat("%U: %s%s", text, type, is_nullable ? "" : " not null");
    }
    Py_XDECREF(text);
    free(type);
    return line;
}

PyObject *pqf_py_schema_text(const struct ArrowSchema *schema) {
    PyObject *lines = PyList_New(0);
    for (int64_t i = 0; lines != NULL && i < schema->n_children; i++) {
        PyObject *line = field_text(schema->children[i]);
        if (line == NULL || PyList_Append(lines, line) < 0) {
            Py_CLEAR(lines);
        }
        Py_XDECREF(line);
    }
    PyObject *newline = lines == NULL ? NULL : PyUnicode_FromString("\n");
    PyObject *text = newline == NULL ? NULL : PyUnicode_Join(newline, lines);
    Py_XDECREF(newline);
    Py_XDECREF(lines);
    return text;
}
