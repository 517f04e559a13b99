/* SPDX-License-Identifier: Apache-2.0
 *
 * gather.c: room arrow. Taking rows by their index into a new array of the same type: for
 * partitions, for decoding dictionaries and runs, and for lists out of order. Index -1
 * makes a null slot.
 *
 * One function per shape. Nested types turn row indexes into indexes of the child and
 * recurse.
 */
#include "array.h"
#include "type.h"
#include "view.h"

#include "base/bits.h"

typedef struct gather {
    const pqf_view *view;
    const int64_t *indexes;
    int64_t n;
    pqf_mem *mem;
    struct ArrowArray *out;
    pqf_poll poll;
    pqf_error *err;
    pqf_status status; /* of the last question whether to go on */
} gather;

/* For loops over slots: false once the call has been cancelled. */
static inline bool goes_on(gather *g, int64_t i) {
    if (i & (PQF_POLL_VALUES - 1)) return true;
    g->status = pqf_poll_now(&g->poll, g->err);
    return g->status == PQF_OK;
}

static bool takes(const gather *g, int64_t i) {
    return g->indexes[i] >= 0 && pqf_view_is_valid(g->view, g->indexes[i]);
}

static pqf_status too_long(const gather *g, int64_t need) {
    return pqf_fail(g->err, PQF_LIMIT,
                    "%lld rows taken from '%.200s' need %lld bytes or items, more "
                    "than 32-bit offsets reach: use smaller batches",
                    (long long)g->n, pqf_field_name(g->view->schema), (long long)need);
}

static pqf_status gather_validity(gather *g) {
    const pqf_view *v = g->view;
    int64_t missing = 0;
    pqf_buf bits;
    for (int64_t i = 0; i < g->n; i++)
        missing |= g->indexes[i];
    if (!v->validity && missing >= 0) return PQF_OK;
    TRY(pqf_buf_sized(&bits, g->mem, (size_t)pqf_bits_bytes(g->n), true, g->err));
    int64_t nulls = 0;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        bool valid = takes(g, i);
        bits.data[i >> 3] = (uint8_t)(bits.data[i >> 3] | (unsigned)valid << (i & 7));
        nulls += !valid;
    }
    g->out->null_count = nulls;
    pqf_array_take_buffer(g->out, 0, &bits);
    return g->status;
}

/* ---- values of fixed width ---- */

#define GATHER_WIDTH(T)                                                                  \
    {                                                                                    \
        const T *from = (const T *)v->values + v->offset;                                \
        T *to = (T *)(void *)values.data;                                                \
        for (int64_t i = 0; i < g->n && goes_on(g, i); i++)                              \
            to[i] = g->indexes[i] >= 0 ? from[g->indexes[i]] : (T)0;                     \
        break;                                                                           \
    }

static pqf_status gather_fixed(gather *g) {
    const pqf_view *v = g->view;
    size_t width = (size_t)v->type.byte_width, bytes;
    pqf_buf values;
    TRY(pqf_bytes_times(g->n, v->type.byte_width, &bytes, g->err));
    TRY(pqf_buf_sized(&values, g->mem, bytes, width > 8, g->err));
    switch (width) {
    case 1: GATHER_WIDTH(uint8_t)
    case 2: GATHER_WIDTH(uint16_t)
    case 4: GATHER_WIDTH(uint32_t)
    case 8: GATHER_WIDTH(uint64_t)
    default:
        for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
            if (g->indexes[i] < 0)
                memset(values.data + (size_t)i * width, 0, width);
            else
                memcpy(values.data + (size_t)i * width,
                       (const uint8_t *)v->values +
                           (size_t)(v->offset + g->indexes[i]) * width,
                       width);
        }
    }
    pqf_array_take_buffer(g->out, 1, &values);
    return g->status;
}

static pqf_status gather_bits(gather *g) {
    pqf_buf values;
    TRY(pqf_buf_sized(&values, g->mem, (size_t)pqf_bits_bytes(g->n), true, g->err));
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        if (g->indexes[i] < 0) continue;
        if (pqf_bit_get(g->view->values, g->view->offset + g->indexes[i]))
            pqf_bit_set(values.data, i);
    }
    pqf_array_take_buffer(g->out, 1, &values);
    return g->status;
}

/* ---- bytes ---- */

static void store_offset(pqf_buf *offsets, bool large, int64_t i, int64_t v) {
    if (large)
        ((int64_t *)(void *)offsets->data)[i] = v;
    else
        ((int32_t *)(void *)offsets->data)[i] = (int32_t)v;
}

/* Without reading or writing a byte too much: foreign buffers end where they end. Two
 * overlapping moves cover every length up to 16. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t n) {
    if (n > 16)
        memcpy(to, from, n);
    else if (n >= 8) {
        uint64_t head = pqf_load_u64(from), tail = pqf_load_u64(from + n - 8);
        pqf_store_u64(to, head);
        pqf_store_u64(to + n - 8, tail);
    } else if (n >= 4) {
        uint32_t head = pqf_load_u32(from), tail = pqf_load_u32(from + n - 4);
        pqf_store_u32(to, head);
        pqf_store_u32(to + n - 4, tail);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
}

/* Offsets, then bytes, of values with offsets of type T. The sum is kept in 64 bits. */
#define GATHER_BINARY(T)                                                                 \
    static int64_t fill_offsets_##T(gather *g, T *to) {                                  \
        const T *from = (const T *)g->view->values + g->view->offset;                    \
        int64_t at = 0;                                                                  \
        for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {                            \
            to[i] = (T)at;                                                               \
            if (takes(g, i)) at += from[g->indexes[i] + 1] - from[g->indexes[i]];        \
        }                                                                                \
        to[g->n] = (T)at;                                                                \
        return at;                                                                       \
    }                                                                                    \
    static void fill_bytes_##T(gather *g, const T *offsets, uint8_t *to) {               \
        const T *from = (const T *)g->view->values + g->view->offset;                    \
        for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {                            \
            size_t n = (size_t)(offsets[i + 1] - offsets[i]);                            \
            if (n) copy_bytes(to + offsets[i], g->view->bytes + from[g->indexes[i]], n); \
        }                                                                                \
    }
GATHER_BINARY(int32_t)
GATHER_BINARY(int64_t)

static pqf_status gather_binary(gather *g) {
    bool large = g->view->type.shape == PQF_SHAPE_LARGE_BINARY;
    pqf_buf offsets, data;
    size_t bytes;
    TRY(pqf_bytes_times(g->n + 1, large ? 8 : 4, &bytes, g->err));
    TRY(pqf_buf_sized(&offsets, g->mem, bytes, false, g->err));
    void *to = offsets.data;
    pqf_array_take_buffer(g->out, 1, &offsets);
    int64_t total = large ? fill_offsets_int64_t(g, to) : fill_offsets_int32_t(g, to);
    TRY(g->status);
    if (!large && total > INT32_MAX) return too_long(g, total);
    TRY(pqf_buf_sized(&data, g->mem, (size_t)total, false, g->err));
    if (large)
        fill_bytes_int64_t(g, to, data.data);
    else
        fill_bytes_int32_t(g, to, data.data);
    pqf_array_take_buffer(g->out, 2, &data);
    return g->status;
}

static int64_t bytes_out_of_line(gather *g) {
    int64_t total = 0;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        size_t len = takes(g, i) ? pqf_view_bytes(g->view, g->indexes[i]).len : 0;
        total += len > 12 ? (int64_t)len : 0;
    }
    return total;
}

/* All bytes out of line go to one buffer, of which the views are rewritten. */
static void fill_views(gather *g, uint8_t *views, uint8_t *data) {
    const uint8_t *from = (const uint8_t *)g->view->values + g->view->offset * 16;
    uint32_t at = 0;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        if (!takes(g, i)) continue;
        pqf_bytes b = pqf_view_bytes(g->view, g->indexes[i]);
        memcpy(views + i * 16, from + g->indexes[i] * 16, 16);
        if (b.len <= 12) continue;
        memcpy(data + at, b.data, b.len);
        pqf_store_u32(views + i * 16 + 8, 0);
        pqf_store_u32(views + i * 16 + 12, at);
        at += (uint32_t)b.len;
    }
}

static pqf_status gather_views(gather *g) {
    int64_t total = bytes_out_of_line(g);
    pqf_status status = g->status;
    pqf_buf views = {.mem = g->mem}, data = {.mem = g->mem}, sizes = {.mem = g->mem};
    size_t bytes;
    if (total > INT32_MAX) return too_long(g, total);
    TRY_DONE(pqf_bytes_times(g->n, 16, &bytes, g->err));
    TRY_DONE(pqf_buf_sized(&views, g->mem, bytes, true, g->err));
    TRY_DONE(pqf_buf_sized(&data, g->mem, (size_t)total, false, g->err));
    TRY_DONE(pqf_buf_put(&sizes, &total, sizeof total, g->err));
    fill_views(g, views.data, data.data);
    pqf_array_take_buffer(g->out, 1, &views);
    pqf_array_take_buffer(g->out, 2, &data);
    pqf_array_take_buffer(g->out, 3, &sizes);
done:
    pqf_buf_reset(&views);
    pqf_buf_reset(&data);
    pqf_buf_reset(&sizes);
    return status;
}

/* ---- nested ---- */

static pqf_status gather_child(gather *g, int64_t i, const int64_t *indexes, int64_t n) {
    return pqf_array_gather_on(&g->view->children[i], indexes, n, &g->poll, g->mem,
                               g->out->children[i], g->err);
}

static pqf_status index_buf(gather *g, int64_t n, pqf_buf *out) {
    size_t bytes;
    TRY(pqf_bytes_times(n, 8, &bytes, g->err));
    return pqf_buf_sized(out, g->mem, bytes, false, g->err);
}

static pqf_status gather_struct(gather *g) {
    pqf_buf moved;
    pqf_status status = PQF_OK;
    TRY(index_buf(g, g->n, &moved));
    int64_t *to = (int64_t *)(void *)moved.data;
    for (int64_t i = 0; i < g->n; i++)
        to[i] = g->indexes[i] < 0 ? -1 : g->view->offset + g->indexes[i];
    for (int64_t i = 0; i < g->view->num_children; i++)
        TRY_DONE(gather_child(g, i, to, g->n));
done:
    pqf_buf_reset(&moved);
    return status;
}

static int64_t list_count(const gather *g, int64_t i, int64_t *start) {
    int64_t count = 0;
    *start = 0;
    if (takes(g, i)) pqf_list_range(g->view, g->indexes[i], start, &count);
    return count;
}

/* Child slots of the taken lists, one after the other. */
static pqf_status list_items(gather *g, int64_t total, pqf_buf *items) {
    TRY(index_buf(g, total, items));
    int64_t *to = (int64_t *)(void *)items->data, start;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        int64_t count = list_count(g, i, &start);
        for (int64_t k = 0; k < count; k++)
            *to++ = start + k;
    }
    return g->status;
}

static bool is_large_list(const pqf_view *v) {
    return v->type.shape == PQF_SHAPE_LARGE_LIST ||
           v->type.shape == PQF_SHAPE_LARGE_LIST_VIEW;
}

static bool has_sizes(const pqf_view *v) {
    return v->type.shape == PQF_SHAPE_LIST_VIEW ||
           v->type.shape == PQF_SHAPE_LARGE_LIST_VIEW;
}

static pqf_status list_buffers(gather *g, int64_t *total) {
    bool large = is_large_list(g->view);
    pqf_buf offsets, sizes;
    size_t bytes;
    int64_t at = 0, start;
    TRY(pqf_bytes_times(g->n + 1, large ? 8 : 4, &bytes, g->err));
    if (has_sizes(g->view)) {
        TRY(pqf_buf_sized(&sizes, g->mem, bytes, false, g->err));
        for (int64_t i = 0; i < g->n && goes_on(g, i); i++)
            store_offset(&sizes, large, i, list_count(g, i, &start));
        pqf_array_take_buffer(g->out, 2, &sizes);
        TRY(g->status);
    }
    TRY(pqf_buf_sized(&offsets, g->mem, bytes, false, g->err));
    store_offset(&offsets, large, 0, 0);
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        at += list_count(g, i, &start);
        store_offset(&offsets, large, i + 1, at);
    }
    pqf_array_take_buffer(g->out, 1, &offsets);
    *total = at;
    TRY(g->status);
    return large || at <= INT32_MAX ? PQF_OK : too_long(g, at);
}

static pqf_status gather_lists(gather *g) {
    int64_t total;
    pqf_buf items = {.mem = g->mem};
    TRY(list_buffers(g, &total));
    pqf_status status = list_items(g, total, &items);
    if (status == PQF_OK)
        status = gather_child(g, 0, (int64_t *)(void *)items.data, total);
    pqf_buf_reset(&items);
    return status;
}

static pqf_status gather_fixed_lists(gather *g) {
    int64_t width = g->view->type.width, total;
    pqf_buf items;
    if (!pqf_mul_i64(g->n, width, &total)) return too_long(g, INT64_MAX);
    TRY(index_buf(g, total, &items));
    int64_t *to = (int64_t *)(void *)items.data, start;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        int64_t count = list_count(g, i, &start);
        for (int64_t k = 0; k < width; k++)
            *to++ = count ? start + k : -1;
    }
    pqf_status status = g->status;
    if (status == PQF_OK)
        status = gather_child(g, 0, (int64_t *)(void *)items.data, total);
    pqf_buf_reset(&items);
    return status;
}

/* ---- dictionaries and runs ---- */

static pqf_status take_dictionary(gather *g, const int64_t *indexes, int64_t n) {
    struct ArrowArray dictionary;
    TRY(pqf_array_gather_on(g->view->dictionary, indexes, n, &g->poll, g->mem,
                            &dictionary, g->err));
    return pqf_array_take_child(g->out, -1, &dictionary, g->err);
}

/* A dictionary of so many values always goes along whole: categories keep their order. */
#define SMALL_DICTIONARY 256

/* The whole dictionary with the indexes as they were, or, when fewer rows are taken than
 * it has values and these are many, one value per row: the cost does not depend on values
 * that are not taken. */
static pqf_status gather_dictionary(gather *g) {
    int64_t num_values = g->view->dictionary->length;
    bool whole = g->n >= num_values || num_values <= SMALL_DICTIONARY;
    pqf_buf picks;
    TRY(index_buf(g, whole ? num_values : g->n, &picks));
    int64_t *to = (int64_t *)(void *)picks.data;
    for (int64_t i = 0; whole && i < num_values; i++)
        to[i] = i;
    for (int64_t i = 0; !whole && i < g->n; i++)
        to[i] = takes(g, i) ? pqf_view_index(g->view, g->indexes[i]) : -1;
    pqf_status status = gather_fixed(g);
    if (status == PQF_OK) status = take_dictionary(g, to, whole ? num_values : g->n);
    uint8_t *index =
        whole || status != PQF_OK ? NULL : (uint8_t *)(uintptr_t)g->out->buffers[1];
    size_t width = (size_t)g->view->type.byte_width;
    /* Little-endian: i is below num_values, which the index type can count. */
    for (int64_t i = 0; index && i < g->n; i++)
        memcpy(index + (size_t)i * width, &i, width);
    pqf_buf_reset(&picks);
    return status;
}

/* Run k of the result: its value's run in the view (or -1) and where it ends. */
static int64_t merge_runs(gather *g, int64_t *runs, int64_t *ends) {
    int64_t num_runs = 0;
    for (int64_t i = 0; i < g->n && goes_on(g, i); i++) {
        int64_t run = g->indexes[i] < 0 ? -1 : pqf_run_find(g->view, g->indexes[i]);
        if (num_runs == 0 || runs[num_runs - 1] != run) runs[num_runs++] = run;
        ends[num_runs - 1] = i + 1;
    }
    return num_runs;
}

static pqf_status take_run_ends(gather *g, const int64_t *ends, int64_t num_runs) {
    int64_t width = g->view->children[0].type.byte_width;
    struct ArrowArray *out = g->out->children[0];
    pqf_buf values;
    if (width < 8 && g->n >= (int64_t)1 << (width * 8 - 1)) return too_long(g, g->n);
    TRY(pqf_array_init(out, g->mem, num_runs, 0, 2, 0, g->err));
    TRY(pqf_buf_sized(&values, g->mem, (size_t)(num_runs * width), false, g->err));
    for (int64_t i = 0; i < num_runs; i++)
        memcpy(values.data + i * width, &ends[i], (size_t)width);
    pqf_array_take_buffer(out, 1, &values);
    return PQF_OK;
}

static pqf_status gather_runs(gather *g) {
    pqf_buf runs = {.mem = g->mem}, ends = {.mem = g->mem};
    pqf_status status = PQF_OK;
    TRY_DONE(index_buf(g, g->n, &runs));
    TRY_DONE(index_buf(g, g->n, &ends));
    int64_t *run = (int64_t *)(void *)runs.data, *end = (int64_t *)(void *)ends.data;
    int64_t num_runs = merge_runs(g, run, end);
    TRY_DONE(g->status);
    TRY_DONE(take_run_ends(g, end, num_runs));
    TRY_DONE(gather_child(g, 1, run, num_runs));
done:
    pqf_buf_reset(&runs);
    pqf_buf_reset(&ends);
    return status;
}

/* ---- all shapes ---- */

static pqf_status gather_parts(gather *g) {
    const pqf_view *v = g->view;
    if (v->type.id == PQF_TYPE_RUN_END) return gather_runs(g);
    if (v->type.id == PQF_TYPE_NULL) {
        g->out->null_count = g->n;
        return PQF_OK;
    }
    TRY(gather_validity(g));
    if (v->dictionary) return gather_dictionary(g);
    if (v->type.id == PQF_TYPE_STRUCT) return gather_struct(g);
    switch (v->type.shape) {
    case PQF_SHAPE_BITS: return gather_bits(g);
    case PQF_SHAPE_FIXED: return gather_fixed(g);
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY: return gather_binary(g);
    case PQF_SHAPE_VIEW: return gather_views(g);
    case PQF_SHAPE_FIXED_LIST: return gather_fixed_lists(g);
    default: return gather_lists(g);
    }
}

pqf_status pqf_array_gather(const pqf_view *view, const int64_t *indexes, int64_t n,
                            pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    return pqf_array_gather_on(view, indexes, n, &(pqf_poll){0}, mem, out, err);
}

pqf_status pqf_array_gather_on(const pqf_view *view, const int64_t *indexes, int64_t n,
                               const pqf_poll *poll, pqf_mem *mem, struct ArrowArray *out,
                               pqf_error *err) {
    if (view->type.shape == PQF_SHAPE_UNION)
        return pqf_fail(err, PQF_UNSUPPORTED, "rows of the union '%.200s'",
                        pqf_field_name(view->schema));
    struct ArrowArray array;
    int64_t num_buffers =
        pqf_type_num_buffers(&view->type) + (view->type.shape == PQF_SHAPE_VIEW);
    TRY(pqf_array_init(&array, mem, n, 0, num_buffers, view->num_children, err));
    gather g = {.view = view,
                .indexes = indexes,
                .n = n,
                .mem = mem,
                .out = &array,
                .poll = *poll,
                .err = err};
    pqf_status status = gather_parts(&g);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}
