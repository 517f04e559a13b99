/* SPDX-License-Identifier: Apache-2.0
 *
 * arrays.c: bytes become Arrow schemas and arrays as a stranger may hand them in. In: an input. Out:
 * structs whose buffers have exactly the bytes that lengths and the last offset ask for, each in a
 * block of its own, and here and there a lie that the library has to see.
 *
 *   node   type u8, look u8, length u8, values u8, its children
 *   look   bits 0-1: validity none, given, given with a count, all null; bit 2: offset 3;
 *          bit 3: not nullable; bit 4: dictionary; from 224 on: a lie about the node itself
 *   values decides the numbers; from 192 on one of them is a lie
 */
#include "arrays.h"

#include "arrow/arrow.h"
#include "base/bits.h"

#include <stdlib.h>

#define MAX_DEPTH  4
#define MAX_BLOCKS 2000

typedef struct maker {
    pqf_cursor *c;
    fuzz_batch *batch;
    fuzz_random random;
    bool lies; /* one number of the node at hand is a lie */
} maker;

static const char *const formats[] = {
    "i",         "u",          "l",      "b",       "+l",          "+s",      "g",
    "n",         "c",          "C",      "s",       "S",           "I",       "L",
    "e",         "f",          "z",      "Z",       "U",           "vz",      "vu",
    "w:3",       "d:5,2",      "d:18,3", "d:38,10", "tdD",         "tdm",     "tts",
    "ttm",       "ttu",        "ttn",    "tss:UTC", "tsm:",        "tsu:+01", "tsn:UTC",
    "tDs",       "tDn",        "tiM",    "tiD",     "tin",         "+L",      "+vl",
    "+vL",       "+w:2",       "+m",     "+r",      "+us:0,1",     "+ud:0,1", "d:7,1,32",
    "d:16,4,64", "d:60,5,256", "+w:0",   "w:0",     "d:76,-3,256", "+q",      "d:0,0",
    "",
};

static void *block(maker *m, size_t size) {
    fuzz_batch *b = m->batch;
    void *out = fuzz_room(size);
    FUZZ_CHECK(b->num_blocks < MAX_BLOCKS, "%zu blocks", b->num_blocks);
    memset(out, 0, size + PQF_SLACK);
    b->blocks[b->num_blocks++] = out;
    return out;
}

/* Without slack: a stranger has none. */
static uint8_t *bytes(maker *m, size_t size) {
    fuzz_batch *b = m->batch;
    uint8_t *out = calloc(size ? size : 1, 1);
    if (!out) fuzz_fail("calloc", "%zu bytes", size);
    FUZZ_CHECK(b->num_blocks < MAX_BLOCKS, "%zu blocks", b->num_blocks);
    b->blocks[b->num_blocks++] = out;
    return out;
}

static int64_t below(maker *m, int64_t n) {
    return n > 0 ? (int64_t)fuzz_below(&m->random, (size_t)n) : 0;
}

static void put_int(uint8_t *at, int64_t v, size_t width) { memcpy(at, &v, width); }

static void release_schema(struct ArrowSchema *s) { s->release = NULL; }
static void release_array(struct ArrowArray *a) { a->release = NULL; }

/* ---- buffers ---- */

static void make_validity(maker *m, uint8_t look, struct ArrowArray *a, int64_t slots) {
    a->null_count = 0;
    if (!(look & 3)) return;
    uint8_t *bits = bytes(m, (size_t)pqf_bits_bytes(slots));
    for (int64_t i = 0; i < slots; i++)
        pqf_bit_put(bits, i, (look & 3) != 3 && below(m, 4) > 0);
    for (int64_t i = a->offset; i < slots; i++)
        a->null_count += !pqf_bit_get(bits, i);
    if ((look & 3) == 1) a->null_count = -1;
    a->buffers[0] = bits;
}

static int64_t some_number(maker *m, int64_t i) {
    switch (m->random.state % 4) {
    case 0: return i;
    case 1: return below(m, 100) - 10;
    case 2: return i / 5;
    default: return (int64_t)fuzz_next(&m->random);
    }
}

static const void *make_fixed(maker *m, int64_t slots, size_t width) {
    uint8_t *out = bytes(m, (size_t)slots * width);
    uint64_t kind = m->random.state;
    for (int64_t i = 0; i < slots; i++) {
        m->random.state = kind + (uint64_t)i * 4;
        int64_t v = some_number(m, i);
        for (size_t k = 0; k < width; k += 8)
            put_int(out + (size_t)i * width + k,
                    k && v < 0 ? -1
                    : k        ? 0
                               : v,
                    width - k < 8 ? width - k : 8);
    }
    return out;
}

/* slots + 1 offsets; *last: the greatest. A lie is below zero, or descends, or, where `reach` (the
 * length of a child) is known, lies beyond it. */
static const void *make_offsets(maker *m, int64_t slots, size_t width, int64_t reach,
                                int64_t *last) {
    uint8_t *out = bytes(m, (size_t)(slots + 1) * width);
    int64_t at = below(m, 3);
    for (int64_t i = 0; i <= slots; i++) {
        put_int(out + (size_t)i * width, at, width);
        *last = at;
        if (i < slots) at += below(m, 4);
    }
    if (m->lies) {
        int64_t i = below(m, slots + 1), lie = below(m, *last + 2) - 2;
        if (reach >= 0 && below(m, 2)) lie = reach + 1;
        put_int(out + (size_t)i * width, lie, width);
        if (i == slots && reach < 0 && lie > *last) *last = lie;
    }
    return out;
}

static const void *make_text(maker *m, int64_t n) {
    static const char text[] = "a0 \xC3\xA4-1true\xE2\x82\xAC.5nan2020-01-02";
    uint8_t *out = bytes(m, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)text[i % (int64_t)(sizeof text - 1)];
    if (n && below(m, 4) == 0) out[below(m, n)] = (uint8_t)fuzz_next(&m->random);
    return out;
}

/* Views of up to 20 bytes; two buffers of 64 bytes. */
static void make_views(maker *m, struct ArrowArray *a, int64_t slots) {
    uint8_t *views = bytes(m, (size_t)slots * 16);
    uint8_t *sizes = bytes(m, 16);
    a->buffers[1] = views;
    a->buffers[2] = make_text(m, 64);
    a->buffers[3] = make_text(m, 64);
    put_int(sizes, 64, 8);
    put_int(sizes + 8, 64, 8);
    a->buffers[4] = sizes;
    a->n_buffers = 5;
    for (int64_t i = 0; i < slots; i++, views += 16) {
        int64_t len = below(m, 20), at = below(m, 44);
        const uint8_t *text = a->buffers[2 + i % 2];
        put_int(views, len, 4);
        memcpy(views + 4, text + at, len <= 12 ? (size_t)len : 4);
        if (len <= 12) continue;
        put_int(views + 8, i % 2, 4);
        put_int(views + 12, at, 4);
        if (m->lies && below(m, 4) == 0)
            put_int(views + 4 * (size_t)below(m, 4), below(m, 200) - 20, 4);
    }
}

static void make_list_views(maker *m, struct ArrowArray *a, int64_t slots, size_t width,
                            int64_t reach) {
    uint8_t *offsets = bytes(m, (size_t)slots * width),
            *sizes = bytes(m, (size_t)slots * width);
    for (int64_t i = 0; i < slots; i++) {
        int64_t size = below(m, reach < 4 ? reach + 1 : 4);
        int64_t at = below(m, reach - size + 1);
        if (m->lies && below(m, 8) == 0) size = below(m, reach + 3) - 1;
        put_int(offsets + (size_t)i * width, at, width);
        put_int(sizes + (size_t)i * width, size, width);
    }
    a->buffers[1] = offsets;
    a->buffers[2] = sizes;
    a->n_buffers = 3;
}

/* ---- nodes ---- */

static void make_node(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                      int64_t min_length, int depth);

static void set_children(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                         int64_t n) {
    s->n_children = a->n_children = n;
    s->children = block(m, (size_t)n * sizeof *s->children);
    a->children = block(m, (size_t)n * sizeof *a->children);
    for (int64_t i = 0; i < n; i++) {
        s->children[i] = block(m, sizeof **s->children);
        a->children[i] = block(m, sizeof **a->children);
    }
}

static void make_children(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                          int64_t n, int64_t min_length, int depth) {
    bool lies = m->lies;
    set_children(m, s, a, n);
    for (int64_t i = 0; i < n; i++)
        make_node(m, s->children[i], a->children[i], min_length, depth + 1);
    m->lies = lies;
}

static void make_map(maker *m, struct ArrowSchema *s, struct ArrowArray *a, int64_t n,
                     int depth) {
    set_children(m, s, a, 1);
    *s->children[0] = (struct ArrowSchema){
        .format = "+s", .name = "entries", .release = release_schema};
    *a->children[0] =
        (struct ArrowArray){.length = n, .n_buffers = 1, .release = release_array};
    a->children[0]->buffers = block(m, sizeof(void *));
    make_children(m, s->children[0], a->children[0], 2, n, depth + 1);
    s->children[0]->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
    s->children[0]->children[0]->name = "key";
    s->children[0]->children[1]->name = "value";
}

/* Ends of runs of 1 to 3 slots that cover `slots`. */
static void make_runs(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                      int64_t slots, int depth) {
    struct ArrowSchema *es;
    struct ArrowArray *ea;
    int64_t n = 0, end = 0;
    make_children(m, s, a, 2, slots, depth);
    es = s->children[0];
    ea = a->children[0];
    uint8_t *ends = bytes(m, (size_t)(slots + 1) * 4);
    while (end < slots) {
        end += 1 + below(m, 3);
        put_int(ends + (size_t)n++ * 4, end, 4);
    }
    if (m->lies && n) put_int(ends + (size_t)below(m, n) * 4, below(m, 30) - 2, 4);
    *es = (struct ArrowSchema){
        .format = "i", .name = "run_ends", .release = release_schema};
    *ea = (struct ArrowArray){.length = n, .n_buffers = 2, .release = release_array};
    ea->buffers = block(m, 2 * sizeof(void *));
    ea->buffers[1] = ends;
    a->n_buffers = 0;
    a->null_count = 0;
}

static void make_union(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                       int64_t slots, bool dense, int depth) {
    uint8_t *types = bytes(m, (size_t)slots);
    make_children(m, s, a, 2, slots, depth);
    for (int64_t i = 0; i < slots; i++)
        types[i] = (uint8_t)below(m, 2);
    a->buffers[0] = types;
    a->n_buffers = 1;
    if (!dense) return;
    a->buffers[1] = bytes(m, (size_t)slots * 4);
    a->n_buffers = 2;
}

static void make_nested(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                        const pqf_type *type, int64_t slots, int depth) {
    int64_t last = 0, reach;
    bool large =
        type->shape == PQF_SHAPE_LARGE_LIST || type->shape == PQF_SHAPE_LARGE_LIST_VIEW;
    size_t width = large ? 8 : 4;
    a->n_buffers = 1;
    if (type->id == PQF_TYPE_STRUCT) {
        make_children(m, s, a, below(m, 4), slots, depth);
    } else if (type->id == PQF_TYPE_RUN_END) {
        make_runs(m, s, a, slots, depth);
    } else if (type->shape == PQF_SHAPE_UNION) {
        make_union(m, s, a, slots, type->id == PQF_TYPE_DENSE_UNION, depth);
    } else if (type->shape == PQF_SHAPE_FIXED_LIST) {
        make_children(m, s, a, 1, slots * type->width, depth);
    } else if (type->id == PQF_TYPE_MAP) {
        a->buffers[1] = make_offsets(m, slots, 4, -1, &last);
        a->n_buffers = 2;
        make_map(m, s, a, last > 0 ? last : 0, depth);
    } else if (type->shape == PQF_SHAPE_LIST || large) {
        make_children(m, s, a, 1, 3 * slots + 3, depth);
        reach = a->children[0]->length;
        a->buffers[1] = make_offsets(m, slots, width, reach, &last);
        a->n_buffers = 2;
    }
    if (type->shape == PQF_SHAPE_LIST_VIEW || type->shape == PQF_SHAPE_LARGE_LIST_VIEW) {
        if (!s->n_children) make_children(m, s, a, 1, slots, depth);
        make_list_views(m, a, slots, width, pqf_max_i64(a->children[0]->length, 0));
    }
}

static void make_leaf(maker *m, struct ArrowArray *a, const pqf_type *type,
                      int64_t slots) {
    int64_t last = 0;
    bool large = type->shape == PQF_SHAPE_LARGE_BINARY;
    a->n_buffers = 2;
    if (type->id == PQF_TYPE_NULL) {
        a->n_buffers = 0;
        a->null_count = a->length;
    } else if (type->shape == PQF_SHAPE_BITS) {
        a->buffers[1] = make_fixed(m, pqf_bits_bytes(slots), 1);
    } else if (type->shape == PQF_SHAPE_VIEW) {
        make_views(m, a, slots);
    } else if (type->shape == PQF_SHAPE_FIXED) {
        a->buffers[1] = make_fixed(m, slots, (size_t)type->byte_width);
    } else {
        a->buffers[1] = make_offsets(m, slots, large ? 8 : 4, -1, &last);
        a->buffers[2] = make_text(m, pqf_max_i64(last, 0));
        a->n_buffers = 3;
    }
}

/* Indexes into a dictionary of its own. */
static void make_dictionary(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                            int64_t slots, size_t width, int depth) {
    bool lies = m->lies;
    uint8_t *indexes = bytes(m, (size_t)slots * width);
    s->dictionary = block(m, sizeof *s->dictionary);
    a->dictionary = block(m, sizeof *a->dictionary);
    make_node(m, s->dictionary, a->dictionary, 4, depth + 1);
    int64_t reach = pqf_min_i64(pqf_max_i64(a->dictionary->length, 0), 100);
    for (int64_t i = 0; i < slots; i++)
        put_int(indexes + (size_t)i * width, below(m, reach), width);
    if (lies && slots)
        put_int(indexes + (size_t)below(m, slots) * width, below(m, 2) ? -1 : reach,
                width);
    a->buffers[1] = indexes;
    a->n_buffers = 2;
}

/* Lies that need no bytes behind them. */
static void lie_about_node(maker *m, uint8_t look, struct ArrowSchema *s,
                           struct ArrowArray *a) {
    static const char *const bad[] = {"w:-1", "+w:", "d:", "ts", "+us:", "vx", "tsq:"};
    switch (look % 16) {
    case 0: a->length = -1; break;
    case 1: a->offset = -1; break;
    case 2: a->null_count = a->length + 1; break;
    case 3: a->n_buffers += 1 + (a->n_buffers > 3); break;
    case 4: a->n_buffers -= 1; break;
    case 5: a->n_children += 1; break;
    case 6: a->children = NULL; break;
    case 7: s->format = bad[below(m, 7)]; break;
    case 8: s->n_children = -1; break;
    case 9: s->children = NULL; break;
    case 10: a->buffers[a->n_buffers > 1] = NULL; break;
    case 11: a->offset = INT64_MAX - 3; break;
    case 12: a->dictionary = NULL; break;
    case 13: s->name = NULL; break;
    case 14: s->name = "\xFF\xFE"; break;
    default: a->n_buffers = -1; break;
    }
}

static int64_t length_of(maker *m, int64_t min_length) {
    uint8_t v = pqf_cursor_u8(m->c);
    if (min_length >= 0) return v >= 250 ? v % 7 : min_length + (v & 3) / 3;
    return v % 70;
}

static bool is_nested(const pqf_type *type) {
    return type->shape >= PQF_SHAPE_LIST || type->id == PQF_TYPE_STRUCT ||
           type->id == PQF_TYPE_RUN_END;
}

/* Widths that indexes may have. */
static bool is_integer(const pqf_type *type) {
    return type->id >= PQF_TYPE_INT8 && type->id <= PQF_TYPE_UINT64;
}

static void make_node(maker *m, struct ArrowSchema *s, struct ArrowArray *a,
                      int64_t min_length, int depth) {
    static const char *const names[] = {"a", "b", "c", "x", "", "a"};
    uint8_t t = pqf_cursor_u8(m->c), look = pqf_cursor_u8(m->c);
    int64_t length = length_of(m, min_length);
    uint8_t values = pqf_cursor_u8(m->c);
    pqf_type type;
    pqf_error err;
    const char *format = formats[t % (sizeof formats / sizeof *formats)];
    pqf_error_init(&err);
    bool known = pqf_type_parse(format, &type, &err) == PQF_OK;
    if (known && is_nested(&type) && depth >= MAX_DEPTH) {
        format = "i";
        pqf_type_parse(format, &type, &err);
    }
    m->random.state = values;
    m->lies = values >= 192;
    *s = (struct ArrowSchema){.format = format,
                              .name = names[values % 6],
                              .flags = look & 8 ? 0 : ARROW_FLAG_NULLABLE,
                              .release = release_schema};
    *a = (struct ArrowArray){
        .length = length, .offset = look & 4 ? 3 : 0, .release = release_array};
    a->buffers = block(m, 8 * sizeof(void *));
    int64_t slots = length + a->offset;
    make_validity(m, look, a, slots);
    if (!known) return;
    if (is_nested(&type))
        make_nested(m, s, a, &type, slots, depth);
    else if (look & 16 && is_integer(&type) && depth < MAX_DEPTH)
        make_dictionary(m, s, a, slots, (size_t)type.byte_width, depth);
    else
        make_leaf(m, a, &type, slots);
    if (look >= 224) lie_about_node(m, look, s, a);
}

void fuzz_batch_make(pqf_cursor *c, fuzz_batch *out) {
    maker m = {c, out, {0}, false};
    *out = (fuzz_batch){0};
    out->blocks = calloc(MAX_BLOCKS, sizeof *out->blocks);
    if (!out->blocks) fuzz_fail("calloc", "%d blocks", MAX_BLOCKS);
    uint8_t head = pqf_cursor_u8(c);
    int64_t length = pqf_cursor_u8(c) % 60;
    out->schema =
        (struct ArrowSchema){.format = "+s", .name = "", .release = release_schema};
    out->array =
        (struct ArrowArray){.length = length, .n_buffers = 1, .release = release_array};
    out->array.buffers = block(&m, 8 * sizeof(void *));
    make_children(&m, &out->schema, &out->array, head % 5, length, 0);
}

void fuzz_batch_free(fuzz_batch *b) {
    for (size_t i = 0; i < b->num_blocks; i++)
        free(b->blocks[i]);
    free(b->blocks);
}
