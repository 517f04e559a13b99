/* SPDX-License-Identifier: Apache-2.0
 *
 * collect.c: room arrow. Rows of many arrays collected into one. In: views of arrays of one
 * declared schema, in whatever form they came; out: one array in the plainest form, so that
 * nothing of the forms is left to those who store it.
 *
 *   dictionary, runs      their values
 *   string, string view   64-bit offsets (binary alike)
 *   list, list view       list with 64-bit offsets; a map keeps its 32-bit ones
 */
#include "array.h"
#include "type.h"
#include "view.h"

#include "base/bits.h"

/* One per field: what of the array is there so far. */
typedef struct node {
    pqf_type type;
    int64_t length;
    int64_t null_count;
    pqf_buf
        bufs[3]; /* validity (empty before the first null), values or offsets, bytes */
    struct node *children;
    int64_t num_children;
} node;

struct pqf_collector {
    pqf_mem *mem;
    pqf_arena arena; /* nodes */
    struct ArrowSchema schema;
    node root;
};

/* ---- the plainest form of a field ---- */

static const char *plain_format(const char *format) {
    static const char *const rows[][2] = {{"u", "U"},   {"vu", "U"},  {"z", "Z"},
                                          {"vz", "Z"},  {"+l", "+L"}, {"+vl", "+L"},
                                          {"+vL", "+L"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(format, rows[i][0])) return rows[i][1];
    return format;
}

static const struct ArrowSchema *values_of(const struct ArrowSchema *field) {
    for (;;) {
        if (field->dictionary)
            field = field->dictionary;
        else if (!strcmp(field->format, "+r"))
            field = field->children[1];
        else
            return field;
    }
}

static pqf_status plain_schema(const struct ArrowSchema *in, struct ArrowSchema *out,
                               pqf_error *err) {
    const struct ArrowSchema *values = values_of(in);
    TRY(pqf_schema_init(out, plain_format(values->format), pqf_field_name(in), in->flags,
                        values->n_children, err));
    for (int64_t i = 0; i < values->n_children; i++)
        TRY(plain_schema(values->children[i], out->children[i], err));
    return PQF_OK;
}

static pqf_status make_node(pqf_collector *c, const struct ArrowSchema *schema, node *out,
                            pqf_error *err) {
    void *block;
    TRY(pqf_type_parse(schema->format, &out->type, err));
    for (int i = 0; i < 3; i++)
        pqf_buf_init(&out->bufs[i], c->mem, 0);
    TRY(pqf_arena_array(&c->arena, (size_t)schema->n_children, sizeof(node), &block,
                        err));
    out->children = block;
    for (; out->num_children < schema->n_children; out->num_children++)
        TRY(make_node(c, schema->children[out->num_children],
                      &out->children[out->num_children], err));
    return PQF_OK;
}

static void reset_node(node *n) {
    for (int i = 0; i < 3; i++)
        pqf_buf_reset(&n->bufs[i]);
    for (int64_t i = 0; i < n->num_children; i++)
        reset_node(&n->children[i]);
    n->length = n->null_count = 0;
}

pqf_status pqf_collector_new(const struct ArrowSchema *schema, pqf_mem *mem,
                             pqf_collector **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_collector), &block, err));
    pqf_collector *c = block;
    c->mem = mem;
    pqf_arena_init(&c->arena, mem);
    pqf_status status = plain_schema(schema, &c->schema, err);
    if (status == PQF_OK) status = make_node(c, &c->schema, &c->root, err);
    if (status == PQF_OK)
        *out = c;
    else
        pqf_collector_free(c);
    return status;
}

void pqf_collector_free(pqf_collector *c) {
    if (!c) return;
    reset_node(&c->root);
    pqf_schema_release(&c->schema);
    pqf_arena_reset(&c->arena);
    pqf_mem_free(c->mem, c, sizeof *c);
}

const struct ArrowSchema *pqf_collector_schema(const pqf_collector *c) {
    return &c->schema;
}
int64_t pqf_collector_num_rows(const pqf_collector *c) { return c->root.length; }

static int64_t bytes_of(const node *n) {
    int64_t bytes = 0;
    for (int i = 0; i < 3; i++)
        bytes += (int64_t)n->bufs[i].len;
    for (int64_t i = 0; i < n->num_children; i++)
        bytes += bytes_of(&n->children[i]);
    return bytes;
}

int64_t pqf_collector_num_bytes(const pqf_collector *c) { return bytes_of(&c->root); }

/* ---- putting ---- */

static pqf_status put_node(node *n, const pqf_view *v, int64_t start, int64_t count,
                           pqf_error *err);

/* Room for a bitmap of `length` bits; new bits are 0. */
static pqf_status grow_bits(pqf_buf *bits, int64_t length, pqf_error *err) {
    size_t bytes = (size_t)pqf_bits_bytes(length);
    return pqf_buf_put_zeros(bits, bytes - bits->len, err);
}

static pqf_status put_validity(node *n, const pqf_view *v, int64_t start, int64_t count,
                               pqf_error *err) {
    pqf_buf *bits = &n->bufs[0];
    int64_t nulls = 0;
    if (n->type.id == PQF_TYPE_NULL) {
        n->null_count += count;
        return PQF_OK;
    }
    for (int64_t i = 0; v->validity && i < count; i++)
        nulls += !pqf_view_is_valid(v, start + i);
    if (!nulls && !n->null_count) return PQF_OK;
    if (!n->null_count) {
        TRY(grow_bits(bits, n->length, err));
        for (int64_t i = 0; i < n->length; i++)
            pqf_bit_set(bits->data, i);
    }
    TRY(grow_bits(bits, n->length + count, err));
    for (int64_t i = 0; i < count; i++)
        if (pqf_view_is_valid(v, start + i)) pqf_bit_set(bits->data, n->length + i);
    n->null_count += nulls;
    return PQF_OK;
}

static pqf_status put_bits(node *n, const pqf_view *v, int64_t start, int64_t count,
                           pqf_error *err) {
    TRY(grow_bits(&n->bufs[1], n->length + count, err));
    for (int64_t i = 0; i < count; i++)
        if (pqf_bit_get(v->values, v->offset + start + i))
            pqf_bit_set(n->bufs[1].data, n->length + i);
    return PQF_OK;
}

static pqf_status put_fixed(node *n, const pqf_view *v, int64_t start, int64_t count,
                            pqf_error *err) {
    size_t width = (size_t)n->type.byte_width, bytes;
    TRY(pqf_bytes_times(count, n->type.byte_width, &bytes, err));
    return pqf_buf_put(&n->bufs[1],
                       (const uint8_t *)v->values + (size_t)(v->offset + start) * width,
                       bytes, err);
}

/* The first offset, before anything else. */
static pqf_status begin_offsets(node *n, size_t width, pqf_error *err) {
    return n->bufs[1].len ? PQF_OK : pqf_buf_put_zeros(&n->bufs[1], width, err);
}

static pqf_status put_bytes(node *n, const pqf_view *v, int64_t start, int64_t count,
                            pqf_error *err) {
    size_t bytes;
    TRY(begin_offsets(n, sizeof(int64_t), err));
    TRY(pqf_bytes_times(count, sizeof(int64_t), &bytes, err));
    TRY(pqf_buf_reserve(&n->bufs[1], bytes, err));
    int64_t *ends = (int64_t *)(void *)(n->bufs[1].data + n->bufs[1].len);
    for (int64_t i = 0; i < count; i++) {
        pqf_bytes value = {NULL, 0};
        if (pqf_view_is_valid(v, start + i)) value = pqf_view_bytes(v, start + i);
        if (value.len) TRY(pqf_buf_put(&n->bufs[2], value.data, value.len, err));
        ends[i] = (int64_t)n->bufs[2].len;
    }
    n->bufs[1].len += bytes;
    return PQF_OK;
}

/* Lists of null slots become empty. */
static pqf_status put_lists(node *n, const pqf_view *v, int64_t start, int64_t count,
                            pqf_error *err) {
    bool wide = n->type.shape == PQF_SHAPE_LARGE_LIST;
    TRY(begin_offsets(n, wide ? sizeof(int64_t) : sizeof(int32_t), err));
    for (int64_t i = start; i < start + count; i++) {
        int64_t first = 0, items = 0;
        if (pqf_view_is_valid(v, i)) pqf_list_range(v, i, &first, &items);
        if (items) TRY(put_node(&n->children[0], &v->children[0], first, items, err));
        int64_t end = n->children[0].length;
        int32_t narrow = (int32_t)end;
        if (!wide && end > INT32_MAX)
            return pqf_fail(err, PQF_LIMIT,
                            "maps with more than 2^31 entries wait to be written: use "
                            "smaller batches");
        TRY(wide ? pqf_buf_put(&n->bufs[1], &end, sizeof end, err)
                 : pqf_buf_put(&n->bufs[1], &narrow, sizeof narrow, err));
    }
    return PQF_OK;
}

static pqf_status put_fixed_lists(node *n, const pqf_view *v, int64_t start,
                                  int64_t count, pqf_error *err) {
    int64_t first, items;
    if (count == 0) return PQF_OK;
    pqf_list_range(v, start, &first, &items);
    return put_node(&n->children[0], &v->children[0], first, items * count, err);
}

static pqf_status put_struct(node *n, const pqf_view *v, int64_t start, int64_t count,
                             pqf_error *err) {
    for (int64_t i = 0; i < n->num_children; i++)
        TRY(put_node(&n->children[i], &v->children[i], v->offset + start, count, err));
    return PQF_OK;
}

/* Values behind indexes or runs are gathered, then put. */
static pqf_status put_behind(node *n, const pqf_view *v, int64_t start, int64_t count,
                             pqf_error *err) {
    const pqf_view *values = v->dictionary ? v->dictionary : &v->children[1];
    pqf_mem *mem = n->bufs[0].mem;
    pqf_buf picks = {.mem = mem};
    pqf_arena arena = {.mem = mem};
    struct ArrowArray array = {0};
    pqf_view view;
    pqf_status status = PQF_OK;
    for (int64_t i = start; i < start + count; i++) {
        int64_t pick = !v->dictionary            ? pqf_run_find(v, i)
                       : pqf_view_is_valid(v, i) ? pqf_view_index(v, i)
                                                 : -1;
        TRY_DONE(pqf_buf_put(&picks, &pick, sizeof pick, err));
    }
    const int64_t *indexes = (const int64_t *)(void *)picks.data;
    TRY_DONE(pqf_array_gather(values, indexes, count, mem, &array, err));
    TRY_DONE(pqf_view_init(&view, values->schema, &array, false, &arena, err));
    TRY_DONE(put_node(n, &view, 0, count, err));
done:
    pqf_array_release(&array);
    pqf_arena_reset(&arena);
    pqf_buf_reset(&picks);
    return status;
}

static pqf_status put_node(node *n, const pqf_view *v, int64_t start, int64_t count,
                           pqf_error *err) {
    if (count == 0) return PQF_OK;
    if (v->dictionary || v->type.id == PQF_TYPE_RUN_END)
        return put_behind(n, v, start, count, err);
    TRY(put_validity(n, v, start, count, err));
    switch (n->type.shape) {
    case PQF_SHAPE_BITS: TRY(put_bits(n, v, start, count, err)); break;
    case PQF_SHAPE_FIXED: TRY(put_fixed(n, v, start, count, err)); break;
    case PQF_SHAPE_LARGE_BINARY: TRY(put_bytes(n, v, start, count, err)); break;
    case PQF_SHAPE_LIST:
    case PQF_SHAPE_LARGE_LIST: TRY(put_lists(n, v, start, count, err)); break;
    case PQF_SHAPE_FIXED_LIST: TRY(put_fixed_lists(n, v, start, count, err)); break;
    default: TRY(put_struct(n, v, start, count, err)); /* null: no children */
    }
    n->length += count;
    return PQF_OK;
}

pqf_status pqf_collector_put(pqf_collector *c, const pqf_view *rows, int64_t start,
                             int64_t n, pqf_error *err) {
    return put_node(&c->root, rows, start, n, err);
}

/* ---- the array ---- */

static pqf_status take_node(pqf_collector *c, node *n, struct ArrowArray *out,
                            pqf_error *err) {
    struct ArrowArray child;
    int64_t num_buffers = pqf_type_num_buffers(&n->type);
    pqf_status status = PQF_OK;
    if (n->type.shape == PQF_SHAPE_LARGE_BINARY || n->type.shape == PQF_SHAPE_LARGE_LIST)
        TRY(begin_offsets(n, sizeof(int64_t), err));
    if (n->type.shape == PQF_SHAPE_LIST) TRY(begin_offsets(n, sizeof(int32_t), err));
    TRY(pqf_array_init(out, c->mem, n->length, n->null_count, num_buffers,
                       n->num_children, err));
    for (int64_t i = 0; i < num_buffers; i++)
        pqf_array_take_buffer(out, i, &n->bufs[i]);
    for (int64_t i = 0; i < n->num_children; i++) {
        TRY_DONE(take_node(c, &n->children[i], &child, err));
        TRY_DONE(pqf_array_take_child(out, i, &child, err));
    }
done:
    if (status != PQF_OK) pqf_array_release(out);
    return status;
}

pqf_status pqf_collector_take(pqf_collector *c, struct ArrowArray *out, pqf_error *err) {
    pqf_status status = take_node(c, &c->root, out, err);
    reset_node(&c->root);
    return status;
}
