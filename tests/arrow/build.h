/* SPDX-License-Identifier: Apache-2.0
 *
 * build.h: Arrow arrays for tests from two short texts, and their values as text again.
 *
 *     built b = build(mem, "+s(a:i;s!:u;l:+l(item:g))", "{1,x,[0.5,null]}, null");
 *     build_array_text(&b.schema, &b.array, mem, text, sizeof text);   "{a: 1, s: x, ..."
 *     build_free(&b);
 *
 * The type is the format string of the C Data Interface; children follow in parentheses,
 * separated by semicolons, each `name:type`, with `!` behind a name for a field that is
 * not nullable. dict(c;u) is a dictionary with int8 indexes of strings,
 * `+m(key!:u;value:i)` a map (its entries are implied), `+r(i;u)` run-end encoded. Values
 * are separated by commas: `null`, numbers, true, words or 'quoted text', lists in [],
 * structs in {} in the order of their children, map entries as {key,value}. Decimals and
 * everything else that has no text form are given as integers. 0x.. gives raw bytes.
 */
#ifndef PQF_TESTS_ARROW_BUILD_H
#define PQF_TESTS_ARROW_BUILD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/arrow.h"
#include "base/bits.h"

typedef struct built {
    struct ArrowSchema schema;
    struct ArrowArray array;
} built;

static pqf_error build_error;

#define BUILD_OK(expr)                                                                   \
    do {                                                                                 \
        pqf_error_init(&build_error);                                                    \
        if ((expr) != PQF_OK) fail_msg("%s: %s", #expr, build_error.message);            \
    } while (0)

/* ---- types ---- */

static void build_field(const char **p, struct ArrowSchema *out);

static void build_expect(const char **p, char c) {
    if (**p != c) fail_msg("build: expected '%c' at '%s'", c, *p);
    (*p)++;
}

static int64_t build_num_children(const char *p) {
    int64_t depth = 1, n = *p != ')';
    for (; *p && depth; p++) {
        depth += (*p == '(') - (*p == ')');
        n += depth == 1 && *p == ';';
    }
    return n;
}

static void build_children(const char **p, struct ArrowSchema *out) {
    for (int64_t i = 0; i < out->n_children; i++) {
        if (i) build_expect(p, ';');
        build_field(p, out->children[i]);
    }
    build_expect(p, ')');
}

static void build_type(const char **p, const char *name, int64_t flags,
                       struct ArrowSchema *out) {
    char format[128];
    size_t n = strcspn(*p, "();");
    memcpy(format, *p, n);
    format[n] = 0;
    *p += n;
    bool open = **p == '(';
    if (open) (*p)++;
    if (strcmp(format, "dict") == 0) {
        build_type(p, name, flags, out);
        build_expect(p, ';');
        BUILD_OK(pqf_schema_add_dictionary(out, &build_error));
        build_type(p, "", ARROW_FLAG_NULLABLE, out->dictionary);
        build_expect(p, ')');
    } else if (strcmp(format, "+r") == 0) {
        BUILD_OK(pqf_schema_init(out, format, name, flags, 2, &build_error));
        build_type(p, "run_ends", 0, out->children[0]);
        build_expect(p, ';');
        build_type(p, "values", ARROW_FLAG_NULLABLE, out->children[1]);
        build_expect(p, ')');
    } else if (strcmp(format, "+m") == 0) {
        BUILD_OK(pqf_schema_init(out, format, name, flags, 1, &build_error));
        BUILD_OK(pqf_schema_init(out->children[0], "+s", "entries", 0, 2, &build_error));
        build_children(p, out->children[0]);
    } else {
        BUILD_OK(pqf_schema_init(out, format, name, flags,
                                 open ? build_num_children(*p) : 0, &build_error));
        if (open) build_children(p, out);
    }
}

static void build_field(const char **p, struct ArrowSchema *out) {
    char name[128];
    size_t n = strcspn(*p, ":");
    memcpy(name, *p, n);
    *p += n + 1;
    bool required = n > 0 && name[n - 1] == '!';
    name[n - required] = 0;
    build_type(p, name, required ? 0 : ARROW_FLAG_NULLABLE, out);
}

static inline struct ArrowSchema build_schema(const char *type) {
    struct ArrowSchema out;
    const char *p = type;
    build_type(&p, "", ARROW_FLAG_NULLABLE, &out);
    if (*p) fail_msg("build: '%s' left over in type '%s'", p, type);
    return out;
}

/* ---- values ---- */

/* One node under construction; buffers in the order of the interface. */
typedef struct build_node {
    pqf_mem *mem;
    pqf_type type;
    const struct ArrowSchema *schema;
    int64_t length;
    int64_t nulls;
    pqf_buf validity; /* a byte per slot until the end */
    pqf_buf values;
    pqf_buf sizes;
    pqf_buf bytes;
    pqf_buf tokens;  /* dictionary: texts seen, each with its NUL */
    char last[4096]; /* run-end: text of the current run */
    int64_t num_children;
    struct build_node *children;
    struct build_node *dictionary;
} build_node;

static void build_node_init(build_node *n, const struct ArrowSchema *schema,
                            pqf_mem *mem) {
    *n = (build_node){.mem = mem, .schema = schema, .num_children = schema->n_children};
    BUILD_OK(pqf_type_parse(schema->format, &n->type, &build_error));
    pqf_buf *bufs[] = {&n->validity, &n->values, &n->sizes, &n->bytes, &n->tokens};
    for (size_t i = 0; i < 5; i++)
        pqf_buf_init(bufs[i], mem, 0);
    n->children = test_calloc((size_t)schema->n_children + 1, sizeof *n->children);
    for (int64_t i = 0; i < schema->n_children; i++)
        build_node_init(&n->children[i], schema->children[i], mem);
    if (schema->dictionary) {
        n->dictionary = test_calloc(1, sizeof *n->dictionary);
        build_node_init(n->dictionary, schema->dictionary, mem);
    }
}

static void build_put(pqf_buf *buf, const void *bytes, size_t len) {
    BUILD_OK(pqf_buf_put(buf, bytes, len, &build_error));
}

static void build_put_int(pqf_buf *buf, int64_t v, size_t width) {
    build_put(buf, &v, width);
}

static void build_value(build_node *n, const char **p);

static void build_skip_space(const char **p) {
    while (**p == ' ')
        (*p)++;
}

/* The text of one value, brackets balanced, quotes kept; moves behind it. */
static void build_token(const char **p, char *out, size_t cap) {
    const char *start = *p;
    int depth = 0;
    bool quoted = false;
    for (; **p; (*p)++) {
        char c = **p;
        if (c == '\'') quoted = !quoted;
        if (quoted) continue;
        if (!depth && (c == ',' || c == ']' || c == '}')) break;
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    }
    size_t len = (size_t)(*p - start);
    while (len && start[len - 1] == ' ')
        len--;
    if (len >= cap) fail_msg("build: value too long: %s", start);
    memcpy(out, start, len);
    out[len] = 0;
}

/* A word, 'quoted', or 0x hexadecimal; returns the bytes written. */
static size_t build_text_of(const char *token, char *out) {
    size_t n = strlen(token);
    if (token[0] == '\'') {
        memcpy(out, token + 1, n - 2);
        return n - 2;
    }
    if (strncmp(token, "0x", 2) != 0) {
        memcpy(out, token, n);
        return n;
    }
    for (size_t i = 2; i + 1 < n; i += 2) {
        char pair[3] = {token[i], token[i + 1], 0};
        out[i / 2 - 1] = (char)strtoul(pair, NULL, 16);
    }
    return (n - 2) / 2;
}

static void build_offset(build_node *n, int64_t last) {
    bool large =
        n->type.shape == PQF_SHAPE_LARGE_BINARY || n->type.shape == PQF_SHAPE_LARGE_LIST;
    if (n->values.len == 0) build_put_int(&n->values, 0, large ? 8 : 4);
    build_put_int(&n->values, last, large ? 8 : 4);
}

static void build_bytes(build_node *n, const char *token) {
    char text[4096];
    size_t len = build_text_of(token, text);
    if (n->type.shape != PQF_SHAPE_VIEW) {
        build_put(&n->bytes, text, len);
        build_offset(n, (int64_t)n->bytes.len);
        return;
    }
    uint8_t view[16] = {0};
    pqf_store_u32(view, (uint32_t)len);
    memcpy(view + 4, text, len < 12 ? len : len == 12 ? 12 : 4);
    if (len > 12) {
        pqf_store_u32(view + 12, (uint32_t)n->bytes.len);
        build_put(&n->bytes, text, len);
    }
    build_put(&n->values, view, 16);
}

/* Integers of up to 32 bytes from decimal digits. */
static void build_integer(build_node *n, const char *token) {
    uint8_t v[32] = {0};
    bool negative = token[0] == '-';
    for (const char *d = token + negative; *d; d++) {
        if (!isdigit((unsigned char)*d)) fail_msg("build: not an integer: %s", token);
        unsigned carry = (unsigned)(*d - '0');
        for (int i = 0; i < 32; i++) {
            carry += v[i] * 10u;
            v[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    for (unsigned i = 0, carry = 1; negative && i < 32; i++) {
        carry += (uint8_t)~v[i];
        v[i] = (uint8_t)carry;
        carry >>= 8;
    }
    build_put(&n->values, v, (size_t)n->type.byte_width);
}

static uint16_t build_half(double v) {
    for (unsigned h = 0; h < 0x10000; h++) {
        unsigned e = h >> 10 & 31, f = h & 1023;
        double x = e == 0    ? ldexp(f, -24)
                   : e == 31 ? (f ? (double)NAN : (double)INFINITY)
                             : ldexp(1024 + f, (int)e - 25);
        if (h >> 15) x = -x;
        if ((isnan(v) && isnan(x)) || (x == v && !signbit(x) == !signbit(v)))
            return (uint16_t)h;
    }
    fail_msg("build: %g is no half", v);
    return 0;
}

static void build_fixed(build_node *n, const char *token) {
    char text[4096];
    if (n->type.id == PQF_TYPE_DOUBLE || n->type.id == PQF_TYPE_FLOAT) {
        double d = strtod(token, NULL);
        float f = (float)d;
        if (n->type.id == PQF_TYPE_DOUBLE)
            build_put(&n->values, &d, 8);
        else
            build_put(&n->values, &f, 4);
    } else if (n->type.id == PQF_TYPE_HALF) {
        uint16_t h = build_half(strtod(token, NULL));
        build_put(&n->values, &h, 2);
    } else if (n->type.id == PQF_TYPE_FIXED_BINARY) {
        if (build_text_of(token, text) != (size_t)n->type.width)
            fail_msg("build: width of %s", token);
        build_put(&n->values, text, (size_t)n->type.width);
    } else {
        build_integer(n, token);
    }
}

static void build_items(build_node *n, const char **p, bool null) {
    int64_t before = n->children[0].length, count = 0;
    if (!null) {
        build_expect(p, '[');
        for (build_skip_space(p); **p != ']'; count++) {
            if (count) build_expect(p, ',');
            build_value(&n->children[0], p);
        }
        (*p)++;
    }
    if (n->type.shape == PQF_SHAPE_FIXED_LIST) {
        const char *pad = "null";
        for (; null && count < n->type.width; count++, pad = "null")
            build_value(&n->children[0], &pad);
        if (count != n->type.width)
            fail_msg("build: list of %d items expected", n->type.width);
    } else if (n->type.shape == PQF_SHAPE_LIST || n->type.shape == PQF_SHAPE_LARGE_LIST) {
        build_offset(n, n->children[0].length);
    } else {
        size_t width = n->type.shape == PQF_SHAPE_LIST_VIEW ? 4 : 8;
        build_put_int(&n->values, before, width);
        build_put_int(&n->sizes, count, width);
    }
}

static void build_struct(build_node *n, const char **p, bool null) {
    if (!null) build_expect(p, '{');
    for (int64_t i = 0; i < n->num_children; i++) {
        const char *pad = "null";
        if (i && !null) build_expect(p, ',');
        build_value(&n->children[i], null ? &pad : p);
    }
    if (!null) {
        build_skip_space(p);
        build_expect(p, '}');
    }
}

static void build_dictionary(build_node *n, const char *token, bool null) {
    int64_t index = 0;
    bool found = null;
    for (size_t at = 0; at < n->tokens.len && !found;
         at += strlen((char *)n->tokens.data + at) + 1) {
        found = strcmp((char *)n->tokens.data + at, token) == 0;
        index += !found;
    }
    if (!found) {
        const char *p = token;
        build_put(&n->tokens, token, strlen(token) + 1);
        build_value(n->dictionary, &p);
    }
    build_put_int(&n->values, null ? 99 : index, (size_t)n->type.byte_width);
}

static void build_run(build_node *n, const char *token) {
    build_node *ends = &n->children[0];
    const char *p = token;
    size_t width = (size_t)ends->type.byte_width;
    if (n->length > 0 && strcmp(n->last, token) == 0) {
        ends->values.len -= width;
        ends->length--;
    } else {
        build_value(&n->children[1], &p);
        snprintf(n->last, sizeof n->last, "%s", token);
    }
    build_put_int(&ends->values, n->length + 1, width);
    ends->length++;
}

static void build_leaf(build_node *n, const char *token, bool null) {
    if (n->dictionary)
        build_dictionary(n, token, null);
    else if (n->type.id == PQF_TYPE_RUN_END)
        build_run(n, token);
    else if (n->type.shape == PQF_SHAPE_FIXED && null)
        BUILD_OK(pqf_buf_put_zeros(&n->values, (size_t)n->type.byte_width, &build_error));
    else if (n->type.shape == PQF_SHAPE_FIXED)
        build_fixed(n, token);
    else if (n->type.shape == PQF_SHAPE_BITS)
        BUILD_OK(pqf_buf_put_u8(&n->values, strcmp(token, "true") == 0, &build_error));
    else if (n->type.id != PQF_TYPE_NULL)
        build_bytes(n, null ? "''" : token);
}

static void build_value(build_node *n, const char **p) {
    char token[4096];
    build_skip_space(p);
    bool null = strncmp(*p, "null", 4) == 0 && !isalnum((unsigned char)(*p)[4]);
    bool runs = n->type.id == PQF_TYPE_RUN_END;
    bool list = n->type.shape >= PQF_SHAPE_LIST && n->type.shape <= PQF_SHAPE_FIXED_LIST;
    bool nested = !n->dictionary && (n->type.id == PQF_TYPE_STRUCT || list);
    if (null || !nested) build_token(p, token, sizeof token);
    if (!nested)
        build_leaf(n, token, null);
    else if (list)
        build_items(n, p, null);
    else
        build_struct(n, p, null);
    BUILD_OK(pqf_buf_put_u8(&n->validity, !null || runs, &build_error));
    n->nulls += null && !runs;
    n->length++;
    build_skip_space(p);
}

/* ---- arrays ---- */

/* Turns a byte per slot into bits. */
static void build_pack(pqf_buf *buf, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        bool bit = buf->data[i];
        if ((i & 7) == 0) buf->data[i >> 3] = 0;
        if (bit) pqf_bit_set(buf->data, i);
    }
}

static void build_buffers(build_node *n, struct ArrowArray *out) {
    pqf_shape shape = n->type.shape;
    if (n->nulls && n->type.id != PQF_TYPE_NULL) {
        build_pack(&n->validity, n->length);
        pqf_array_take_buffer(out, 0, &n->validity);
    }
    if (shape == PQF_SHAPE_BITS) build_pack(&n->values, n->length);
    if (out->n_buffers > 1) pqf_array_take_buffer(out, 1, &n->values);
    if (shape == PQF_SHAPE_BINARY || shape == PQF_SHAPE_LARGE_BINARY)
        pqf_array_take_buffer(out, 2, &n->bytes);
    if (shape == PQF_SHAPE_LIST_VIEW || shape == PQF_SHAPE_LARGE_LIST_VIEW)
        pqf_array_take_buffer(out, 2, &n->sizes);
    if (shape == PQF_SHAPE_VIEW) {
        build_put_int(&n->sizes, (int64_t)n->bytes.len, 8);
        pqf_array_take_buffer(out, 2, &n->bytes);
        pqf_array_take_buffer(out, 3, &n->sizes);
    }
}

static int64_t build_num_buffers(const build_node *n) {
    switch (n->type.shape) {
    case PQF_SHAPE_NONE: return n->type.id == PQF_TYPE_STRUCT;
    case PQF_SHAPE_FIXED_LIST: return 1;
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY:
    case PQF_SHAPE_LIST_VIEW:
    case PQF_SHAPE_LARGE_LIST_VIEW: return 3;
    case PQF_SHAPE_VIEW: return 4;
    default: return 2;
    }
}

static void build_finish(build_node *n, struct ArrowArray *out) {
    int64_t nulls = n->type.id == PQF_TYPE_NULL ? n->length : n->nulls;
    BUILD_OK(pqf_array_init(out, n->mem, n->length, nulls, build_num_buffers(n),
                            n->num_children, &build_error));
    build_buffers(n, out);
    for (int64_t i = 0; i < n->num_children; i++)
        build_finish(&n->children[i], out->children[i]);
    if (n->dictionary) {
        struct ArrowArray dictionary;
        build_finish(n->dictionary, &dictionary);
        BUILD_OK(pqf_array_take_child(out, -1, &dictionary, &build_error));
        test_free(n->dictionary);
    }
    pqf_buf *bufs[] = {&n->validity, &n->values, &n->sizes, &n->bytes, &n->tokens};
    for (size_t i = 0; i < 5; i++)
        pqf_buf_reset(bufs[i]);
    test_free(n->children);
}

static inline built build(pqf_mem *mem, const char *type, const char *values) {
    built out = {.schema = build_schema(type)};
    build_node root;
    build_node_init(&root, &out.schema, mem);
    const char *p = values;
    for (build_skip_space(&p); *p; build_skip_space(&p)) {
        if (root.length) build_expect(&p, ',');
        build_value(&root, &p);
    }
    build_finish(&root, &out.array);
    return out;
}

static inline void build_free(built *b) {
    pqf_array_release(&b->array);
    pqf_schema_release(&b->schema);
}

/* Cuts an array as a producer's slice does: nothing moves, nulls uncounted. */
static inline void build_slice(built *b, int64_t offset, int64_t length) {
    b->array.offset += offset;
    b->array.length = length;
    b->array.null_count = -1;
}

/* All slots as text, separated by ", ". */
static inline char *build_array_text(const struct ArrowSchema *schema,
                                     const struct ArrowArray *array, pqf_mem *mem,
                                     char *text, size_t text_bytes) {
    pqf_arena arena;
    pqf_view view;
    size_t len = 0;
    text[0] = 0;
    pqf_arena_init(&arena, mem);
    BUILD_OK(pqf_view_init(&view, schema, array, true, &arena, &build_error));
    for (int64_t i = 0; i < view.length && len + 400 < text_bytes; i++) {
        if (i) len += (size_t)snprintf(text + len, text_bytes - len, ", ");
        pqf_view_text(&view, i, text + len, text_bytes - len);
        len += strlen(text + len);
    }
    pqf_arena_reset(&arena);
    return text;
}

/* All steps of conforming one batch. */
static inline pqf_status build_conform(pqf_conform *conform,
                                       const struct ArrowSchema *schema,
                                       const struct ArrowArray *batch, int64_t row_base,
                                       pqf_report *report, struct ArrowArray *out,
                                       const struct ArrowSchema **out_schema,
                                       pqf_error *err) {
    pqf_poll poll = {0};
    pqf_status status = pqf_conform_begin(conform, schema, batch, err);
    for (int64_t i = 0; status == PQF_OK && i < pqf_conform_num_columns(conform); i++)
        status = pqf_conform_column(conform, i, &poll, err);
    return pqf_conform_end(conform, status, row_base, report, out, out_schema, err);
}

#endif
