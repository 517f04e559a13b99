/* SPDX-License-Identifier: Apache-2.0
 *
 * gen.h: random Arrow arrays as strangers may hand them in, for the tests of writing, and a naive
 * shredder that goes slot by slot.
 *
 * Buffers are of exactly the size that the length asks for, so that the address sanitizer sees a
 * read behind them. Arrays have offsets; null slots hold garbage, null lists are not empty, list
 * views lie in any order and over each other, dictionaries repeat values, hold nulls and values
 * that are not used.
 */
#ifndef PQF_TESTS_COLUMN_GEN_H
#define PQF_TESTS_COLUMN_GEN_H

#include "arrow/build.h"
#include "column/shred.h"

/* ---- random numbers ---- */

static uint64_t gen_seed, gen_state;

static inline void gen_start(uint64_t seed) { gen_seed = gen_state = seed; }
static inline uint64_t gen_next(void) {
    uint64_t x = gen_state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}
static inline int64_t gen_below(int64_t n) {
    return n > 0 ? (int64_t)(gen_next() % (uint64_t)n) : 0;
}

#define GEN_CHECK(what, ...)                                                             \
    do {                                                                                 \
        if (!(what)) {                                                                   \
            print_error("seed %llu: %s: ", (unsigned long long)gen_seed, #what);         \
            print_error(__VA_ARGS__);                                                    \
            print_error("\n");                                                           \
            fail();                                                                      \
        }                                                                                \
    } while (0)

/* ---- types as text of build.h ---- */

static const char *const gen_leaves[] = {
    "i",   "l", "g",    "u",         "U",         "vu",         "z",
    "w:3", "b", "w:20", "dict(c;u)", "dict(I;l)", "dict(s;vu)", "dict(C;b)"};

static inline char *gen_type(char *p, int depth) {
    static const char *const lists[] = {"+l", "+L", "+vl", "+vL", "+w:2", "+w:3"};
    int64_t kind = depth > 0 ? gen_below(5) : 0;
    const char *need = gen_below(3) ? ":" : "!:";
    if (kind < 2) return stpcpy(p, gen_leaves[gen_below(14)]);
    if (kind == 2) {
        p = stpcpy(p, "+s(f0");
        p = gen_type(stpcpy(p, need), depth - 1);
        if (gen_below(2))
            p = gen_type(stpcpy(p, gen_below(3) ? ";f1:" : ";f1!:"), depth - 1);
    } else if (kind == 3) {
        p = stpcpy(stpcpy(p, lists[gen_below(6)]), "(item");
        p = gen_type(stpcpy(p, need), depth - 1);
    } else {
        p = stpcpy(p, gen_below(2) ? "+m(key!:u;value" : "+m(key!:i;value");
        p = gen_type(stpcpy(p, need), depth - 1);
    }
    return stpcpy(p, ")");
}

/* ---- arrays ---- */

static inline void gen_release(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_children; i++) {
        a->children[i]->release(a->children[i]);
        test_free(a->children[i]);
    }
    if (a->dictionary) {
        a->dictionary->release(a->dictionary);
        test_free(a->dictionary);
    }
    for (int64_t i = 0; i < a->n_buffers; i++)
        test_free((void *)(uintptr_t)a->buffers[i]);
    test_free(a->children);
    test_free(a->buffers);
    a->release = NULL;
}

/* Random bytes; a byte at least, so that 0 is a pointer too. */
static inline uint8_t *gen_buffer(struct ArrowArray *a, int64_t i, size_t bytes) {
    uint8_t *p = test_malloc(bytes ? bytes : 1);
    for (size_t k = 0; k < bytes; k++)
        p[k] = (uint8_t)gen_next();
    a->buffers[i] = p;
    return p;
}

static inline void gen_node(struct ArrowArray *a, int64_t length, int64_t num_buffers,
                            int64_t num_children) {
    *a = (struct ArrowArray){
        .length = length,
        .offset = gen_below(12),
        .n_buffers = num_buffers,
        .n_children = num_children,
        .buffers = test_calloc((size_t)num_buffers + 1, sizeof *a->buffers),
        .children = test_calloc((size_t)num_children + 1, sizeof *a->children),
        .release = gen_release,
    };
    for (int64_t i = 0; i < num_children; i++)
        a->children[i] = test_calloc(1, sizeof **a->children);
}

static void gen_array(const struct ArrowSchema *schema, int64_t length,
                      struct ArrowArray *a);

/* A required field is null at most where a parent is; here: nowhere. */
static inline void gen_validity(const struct ArrowSchema *schema, struct ArrowArray *a) {
    bool nullable = schema->flags & ARROW_FLAG_NULLABLE;
    int64_t mode = gen_below(4), total = a->offset + a->length;
    a->null_count = 0;
    if (!nullable || mode == 0) return;
    uint8_t *bits = gen_buffer(a, 0, (size_t)pqf_bits_bytes(total));
    for (int64_t i = 0; i < total; i++)
        pqf_bit_put(bits, i,
                    mode == 1   ? true
                    : mode == 2 ? gen_below(10) > 0
                                : gen_below(3) > 0);
    a->null_count = -1;
}

static inline bool gen_is_valid(const struct ArrowArray *a, int64_t at) {
    return !a->buffers[0] || pqf_bit_get(a->buffers[0], at);
}

static inline void gen_binary(struct ArrowArray *a, bool large) {
    int64_t total = a->offset + a->length, few = gen_below(2), end = gen_below(5);
    int32_t *small = large ? NULL : (void *)gen_buffer(a, 1, (size_t)(total + 1) * 4);
    int64_t *wide = large ? (void *)gen_buffer(a, 1, (size_t)(total + 1) * 8) : NULL;
    for (int64_t i = 0; i <= total; i++) {
        if (large)
            wide[i] = end;
        else
            small[i] = (int32_t)end;
        end += i == total ? 0 : few ? gen_below(3) : gen_below(20);
    }
    uint8_t *bytes = gen_buffer(a, 2, (size_t)end);
    for (int64_t i = 0; i < end; i++)
        bytes[i] = (uint8_t)('a' + (few ? 0 : gen_below(3)));
}

/* Null slots keep garbage: lengths and places that are nowhere. */
static inline void gen_views(struct ArrowArray *a) {
    int64_t total = a->offset + a->length, pool = 64;
    uint8_t *views = gen_buffer(a, 1, (size_t)total * 16),
            *bytes = gen_buffer(a, 2, (size_t)pool);
    memset(bytes, 'v', (size_t)pool);
    int64_t *sizes = (void *)gen_buffer(a, 3, 8);
    sizes[0] = pool;
    for (int64_t i = 0; i < total; i++) {
        uint8_t *view = views + i * 16;
        if (!gen_is_valid(a, i)) continue;
        uint32_t len = (uint32_t)gen_below(24);
        memset(view, 0, 16);
        pqf_store_u32(view, len);
        memset(view + 4, 'v', len < 12 ? len : len == 12 ? 12 : 4);
        if (len > 12) pqf_store_u32(view + 12, (uint32_t)gen_below(pool - len + 1));
    }
}

static inline int64_t gen_offsets(struct ArrowArray *a, bool large) {
    int64_t total = a->offset + a->length, end = gen_below(4), most = 1 + gen_below(5);
    uint8_t *offsets = gen_buffer(a, 1, (size_t)(total + 1) * (large ? 8 : 4));
    for (int64_t i = 0; i <= total; i++) {
        memcpy(offsets + i * (large ? 8 : 4), &end, large ? 8 : 4);
        if (i < total) end += gen_below(most);
        if (i < total && gen_below(200) == 0) end += 40; /* now and then a long one */
    }
    return end + gen_below(3);
}

static inline int64_t gen_list_views(struct ArrowArray *a, bool large) {
    int64_t total = a->offset + a->length, width = large ? 8 : 4, items = total + 5;
    uint8_t *starts = gen_buffer(a, 1, (size_t)(total * width));
    uint8_t *sizes = gen_buffer(a, 2, (size_t)(total * width));
    for (int64_t i = 0; i < total; i++) {
        int64_t start = gen_below(items),
                size = gen_below(pqf_min_i64(items - start + 1, 5));
        memcpy(starts + i * width, &start, (size_t)width);
        memcpy(sizes + i * width, &size, (size_t)width);
    }
    return items;
}

static inline void gen_indexes(struct ArrowArray *a, int64_t width) {
    int64_t total = a->offset + a->length, values = 1 + gen_below(20);
    uint8_t *indexes = gen_buffer(a, 1, (size_t)(total * width));
    for (int64_t i = 0; i < total; i++) {
        int64_t index = gen_below(values);
        if (gen_is_valid(a, i)) memcpy(indexes + i * width, &index, (size_t)width);
    }
    a->dictionary = test_calloc(1, sizeof *a->dictionary);
    a->dictionary->length = values; /* for gen_array */
}

static inline void gen_children(const struct ArrowSchema *schema, int64_t length,
                                struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_children; i++)
        gen_array(schema->children[i], length, a->children[i]);
}

static inline int64_t gen_num_buffers(pqf_shape shape, pqf_type_id id) {
    if (shape == PQF_SHAPE_NONE) return id == PQF_TYPE_STRUCT;
    if (shape == PQF_SHAPE_FIXED_LIST) return 1;
    if (shape == PQF_SHAPE_VIEW) return 4;
    bool three = shape == PQF_SHAPE_BINARY || shape == PQF_SHAPE_LARGE_BINARY ||
                 shape == PQF_SHAPE_LIST_VIEW || shape == PQF_SHAPE_LARGE_LIST_VIEW;
    return three ? 3 : 2;
}

/* The buffers behind the validity; returns the length of the children. */
static inline int64_t gen_values(const pqf_type *type, struct ArrowArray *a) {
    int64_t total = a->offset + a->length;
    switch (type->shape) {
    case PQF_SHAPE_BITS: gen_buffer(a, 1, (size_t)pqf_bits_bytes(total)); return 0;
    case PQF_SHAPE_FIXED: {
        uint8_t *p = gen_buffer(a, 1, (size_t)(total * type->byte_width));
        bool few = gen_below(2); /* all but the first byte equal: a dictionary pays */
        for (int64_t i = 0; few && i < total * type->byte_width; i++)
            p[i] = i % type->byte_width ? 0 : p[i] & 15;
        return 0;
    }
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY:
        gen_binary(a, type->shape == PQF_SHAPE_LARGE_BINARY);
        return 0;
    case PQF_SHAPE_VIEW: gen_views(a); return 0;
    case PQF_SHAPE_LIST:
    case PQF_SHAPE_LARGE_LIST: return gen_offsets(a, type->shape == PQF_SHAPE_LARGE_LIST);
    case PQF_SHAPE_LIST_VIEW:
    case PQF_SHAPE_LARGE_LIST_VIEW:
        return gen_list_views(a, type->shape == PQF_SHAPE_LARGE_LIST_VIEW);
    case PQF_SHAPE_FIXED_LIST: return total * type->width;
    default: return total;
    }
}

static void gen_array(const struct ArrowSchema *schema, int64_t length,
                      struct ArrowArray *a) {
    pqf_type type;
    BUILD_OK(pqf_type_parse(schema->format, &type, &build_error));
    gen_node(a, length, gen_num_buffers(type.shape, type.id), schema->n_children);
    if (type.id == PQF_TYPE_NULL) {
        a->null_count = length;
        return;
    }
    gen_validity(schema, a);
    if (!schema->dictionary) {
        gen_children(schema, gen_values(&type, a), a);
        return;
    }
    gen_indexes(a, type.byte_width);
    struct ArrowSchema values = *schema->dictionary;
    values.flags = schema->flags; /* a required field has no null values either */
    gen_array(&values, a->dictionary->length, a->dictionary);
}

/* ---- the naive shredder ---- */

typedef struct naive_leaf {
    const pqf_field *field;
    pqf_mem *mem;
    pqf_buf reps;
    pqf_buf defs;
    pqf_buf values; /* uint32 length and bytes each; a boolean is one byte */
    int64_t num_values;
} naive_leaf;

static inline void naive_init(naive_leaf *n, const pqf_field *field, pqf_mem *mem) {
    *n = (naive_leaf){.field = field, .mem = mem};
    pqf_buf_init(&n->reps, mem, 0);
    pqf_buf_init(&n->defs, mem, 0);
    pqf_buf_init(&n->values, mem, 0);
}

static inline void naive_reset(naive_leaf *n) {
    pqf_buf_reset(&n->reps);
    pqf_buf_reset(&n->defs);
    pqf_buf_reset(&n->values);
}

static inline void naive_value(naive_leaf *n, const void *bytes, size_t len) {
    build_put_int(&n->values, (int64_t)len, 4);
    build_put(&n->values, bytes, len);
    n->num_values++;
}

static inline void naive_put(naive_leaf *n, int rep, int def) {
    build_put_int(&n->reps, rep, 1);
    build_put_int(&n->defs, def, 1);
}

static inline bool naive_is_valid(const pqf_view *v, int64_t slot) {
    if (v->type.id == PQF_TYPE_NULL || !pqf_view_is_valid(v, slot)) return false;
    return !v->dictionary || pqf_view_is_valid(v->dictionary, pqf_view_index(v, slot));
}

static inline void naive_leaf_value(naive_leaf *n, const pqf_view *v, int64_t slot) {
    if (v->dictionary) {
        slot = pqf_view_index(v, slot);
        v = v->dictionary;
    }
    if (v->type.shape == PQF_SHAPE_BITS) {
        uint8_t bit = pqf_bit_get(v->values, v->offset + slot);
        naive_value(n, &bit, 1);
    } else {
        pqf_bytes b = pqf_view_bytes(v, slot);
        naive_value(n, b.data, b.len);
    }
}

static inline void naive_items(const pqf_view *v, int64_t slot, int64_t *start,
                               int64_t *len) {
    const int32_t *small = v->values, *small_sizes = v->sizes;
    const int64_t *large = v->values, *large_sizes = v->sizes;
    int64_t at = v->offset + slot;
    switch (v->type.shape) {
    case PQF_SHAPE_LIST:
        *start = small[at];
        *len = small[at + 1] - small[at];
        break;
    case PQF_SHAPE_LARGE_LIST:
        *start = large[at];
        *len = large[at + 1] - large[at];
        break;
    case PQF_SHAPE_LIST_VIEW:
        *start = small[at];
        *len = small_sizes[at];
        break;
    case PQF_SHAPE_LARGE_LIST_VIEW:
        *start = large[at];
        *len = large_sizes[at];
        break;
    default: *start = at * v->type.width; *len = v->type.width;
    }
}

static inline bool naive_is_above(const pqf_field *f, const pqf_field *leaf) {
    for (; leaf; leaf = leaf->parent)
        if (leaf == f) return true;
    return false;
}

static inline void naive_slot(naive_leaf *n, const pqf_field *f, const pqf_view *v,
                              int64_t slot, int rep, int def) {
    if (f->nullable && !naive_is_valid(v, slot)) {
        naive_put(n, rep, def);
        return;
    }
    def += f->nullable;
    if (f->kind == PQF_FIELD_LEAF) {
        naive_put(n, rep, def);
        naive_leaf_value(n, v, slot);
    } else if (f->kind == PQF_FIELD_STRUCT) {
        for (int32_t i = 0; i < f->num_children; i++)
            if (naive_is_above(&f->children[i], n->field))
                naive_slot(n, &f->children[i], &v->children[i], v->offset + slot, rep,
                           def);
    } else {
        int64_t start, len;
        naive_items(v, slot, &start, &len);
        if (len == 0) naive_put(n, rep, def);
        for (int64_t j = 0; j < len; j++)
            naive_slot(n, f->children, v->children, start + j, j ? f->rep_level : rep,
                       def + 1);
    }
}

/* Shreds rows of a top-level column for the leaf of n. */
static inline void naive_rows(naive_leaf *n, const pqf_view *column, int64_t start,
                              int64_t rows) {
    const pqf_field *top = n->field;
    while (top->parent)
        top = top->parent;
    for (int64_t i = 0; i < rows; i++)
        naive_slot(n, top, column, start + i, 0, 0);
}

/* ---- a column with its schema ---- */

typedef struct gen_column {
    struct ArrowSchema arrow; /* a struct with one column */
    struct ArrowArray array;
    pqf_schema *schema;
    pqf_arena arena;
    pqf_view table; /* of the struct */
    const pqf_view *view;
} gen_column;

/* declared: the type of the file, NULL for that of the array. */
static inline void gen_view(gen_column *c, const struct ArrowSchema *declared,
                            pqf_mem *mem) {
    pqf_arena_init(&c->arena, mem);
    BUILD_OK(pqf_schema_from_arrow(declared ? declared : &c->arrow, NULL, mem, &c->schema,
                                   &build_error));
    BUILD_OK(
        pqf_view_init(&c->table, &c->arrow, &c->array, true, &c->arena, &build_error));
    c->view = c->table.children;
}

/* Files are declared with lists where list views come in. */
static inline void gen_column_init(gen_column *c, const char *type, int64_t rows,
                                   pqf_mem *mem) {
    char text[4096];
    snprintf(text, sizeof text, "+s(c%s:%s)", gen_below(4) ? "" : "!", type);
    c->arrow = build_schema(text);
    gen_node(&c->array, rows, 1, 1);
    c->array.offset = 0;
    gen_array(c->arrow.children[0], rows, c->array.children[0]);
    for (char *p = text; (p = strstr(p, "+v")) != NULL;)
        memmove(p + 1, p + 2, strlen(p + 2) + 1);
    struct ArrowSchema declared = build_schema(text);
    gen_view(c, &declared, mem);
    pqf_schema_release(&declared);
}

static inline void gen_column_free(gen_column *c) {
    pqf_arena_reset(&c->arena);
    pqf_schema_free(c->schema);
    if (c->array.release) c->array.release(&c->array);
    pqf_schema_release(&c->arrow);
}

#endif
