/* SPDX-License-Identifier: Apache-2.0
 *
 * widen.c: room arrow. An array as one of a type that holds every value of its own. In: a view and
 * the type wanted, which pqf_schema_unify has found or allowed; out: an array of that type and no
 * other, with buffers of its own. For files whose columns differ from those of the dataset.
 *
 * Numbers, times and decimals go through the casts of conforming; here are strings and binary data,
 * integers as decimals, dictionaries, and the walk down nested types.
 */
#include "array.h"
#include "conform.h"
#include "type.h"
#include "view.h"
#include "wide.h"

#include "base/bits.h"

typedef struct widening {
    pqf_job job;
    pqf_arena arena;
    pqf_report *report; /* of values that do not fit */
    pqf_conform_options options;
} widening;

static pqf_status widen(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                        struct ArrowArray *out);

/* ---- numbers and times ---- */

static bool is_number(const pqf_type *t) {
    return t->id >= PQF_TYPE_INT8 && t->id <= PQF_TYPE_DOUBLE;
}

static bool is_decimal(const pqf_type *t) {
    return t->id >= PQF_TYPE_DECIMAL32 && t->id <= PQF_TYPE_DECIMAL256;
}

static bool is_bytes(const pqf_type *t) {
    return t->id >= PQF_TYPE_BINARY && t->id <= PQF_TYPE_FIXED_BINARY;
}

/* Through a cast of conforming, which judges what a unit cannot count. */
static pqf_status cast_values(widening *w, const pqf_view *v,
                              const struct ArrowSchema *to, const pqf_type *type,
                              pqf_cast_fn cast, struct ArrowArray *out) {
    pqf_target target = {.name = pqf_field_name(to),
                         .path = pqf_field_name(to),
                         .declared = to,
                         .plain = to,
                         .type = *type,
                         .nullable = true};
    pqf_level level = {.view = v};
    TRY(cast(&w->job, &target, &level, NULL, out));
    if (!w->report) return PQF_OK;
    pqf_array_release(out);
    return pqf_report_fail(w->report, 0, 1, w->job.err);
}

/* ---- integers as decimals ---- */

static void put_decimal(const pqf_view *v, int64_t i, int32_t scale, size_t width,
                        uint8_t *to) {
    uint8_t bytes[9] = {0}; /* one more than any integer: unsigned ones stay positive */
    size_t n = (size_t)v->type.byte_width;
    memcpy(bytes, (const uint8_t *)v->values + (size_t)(v->offset + i) * n, n);
    pqf_wide number = pqf_wide_load(bytes, pqf_type_is_signed(v->type.id) ? n : n + 1);
    for (int32_t k = 0; k < scale; k++)
        (void)pqf_wide_times(&number,
                             10); /* fits: the decimal has the integer's digits */
    pqf_wide_store(number, to, width);
}

static pqf_status ints_to_decimal(widening *w, const pqf_view *v, const pqf_type *type,
                                  struct ArrowArray *out) {
    size_t width = (size_t)type->byte_width, bytes;
    pqf_buf values;
    TRY(pqf_cast_begin(&w->job, v, 2, 0, out));
    TRY(pqf_bytes_times(v->length, type->byte_width, &bytes, w->job.err));
    TRY(pqf_buf_sized(&values, w->job.mem, bytes, true, w->job.err));
    for (int64_t i = 0; i < v->length; i++)
        if (pqf_view_is_valid(v, i))
            put_decimal(v, i, type->scale, width, values.data + (size_t)i * width);
    pqf_array_take_buffer(out, 1, &values);
    return PQF_OK;
}

/* ---- strings and binary data ---- */

static pqf_bytes bytes_at(const pqf_view *v, int64_t i) {
    return pqf_view_is_valid(v, i) ? pqf_view_bytes(v, i) : (pqf_bytes){0};
}

static pqf_status too_long(widening *w, const struct ArrowSchema *to) {
    return pqf_fail(w->job.err, PQF_LIMIT,
                    "the strings of '%.200s' in one batch are longer than 32-bit offsets "
                    "reach: use smaller batches",
                    pqf_field_name(to));
}

/* Bytes of all values longer than `least`. */
static int64_t bytes_of_all(const pqf_view *v, size_t least) {
    int64_t total = 0;
    for (int64_t i = 0; i < v->length; i++) {
        size_t len = bytes_at(v, i).len;
        total += len > least ? (int64_t)len : 0;
    }
    return total;
}

static pqf_status to_offsets(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                             bool large, struct ArrowArray *out) {
    pqf_buf offsets, data;
    size_t bytes;
    int64_t total = bytes_of_all(v, 0), at = 0;
    if (!large && total > INT32_MAX) return too_long(w, to);
    TRY(pqf_cast_begin(&w->job, v, 3, 0, out));
    TRY(pqf_bytes_times(v->length + 1, large ? 8 : 4, &bytes, w->job.err));
    TRY(pqf_buf_sized(&offsets, w->job.mem, bytes, true, w->job.err));
    int64_t *wide = (int64_t *)(void *)offsets.data;
    int32_t *narrow = (int32_t *)(void *)offsets.data;
    pqf_array_take_buffer(out, 1, &offsets);
    TRY(pqf_buf_sized(&data, w->job.mem, (size_t)total, false, w->job.err));
    for (int64_t i = 0; i < v->length; i++) {
        pqf_bytes b = bytes_at(v, i);
        if (b.len) memcpy(data.data + at, b.data, b.len);
        at += (int64_t)b.len;
        if (large)
            wide[i + 1] = at;
        else
            narrow[i + 1] = (int32_t)at;
    }
    pqf_array_take_buffer(out, 2, &data);
    return PQF_OK;
}

/* A view: length, then 12 bytes of value, or its first 4, number of buffer, place in it. */
static void put_view(pqf_bytes b, uint8_t *view, uint8_t *data, int64_t *at) {
    pqf_store_u32(view, (uint32_t)b.len);
    if (b.len <= 12) {
        if (b.len) memcpy(view + 4, b.data, b.len);
        return;
    }
    memcpy(view + 4, b.data, 4);
    pqf_store_u32(view + 12, (uint32_t)*at);
    memcpy(data + *at, b.data, b.len);
    *at += (int64_t)b.len;
}

static pqf_status to_views(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                           struct ArrowArray *out) {
    pqf_buf views, data, sizes = {.mem = w->job.mem};
    size_t bytes;
    int64_t total = bytes_of_all(v, 12), at = 0;
    if (total > INT32_MAX) return too_long(w, to);
    TRY(pqf_cast_begin(&w->job, v, 4, 0, out));
    TRY(pqf_bytes_times(v->length, 16, &bytes, w->job.err));
    TRY(pqf_buf_sized(&views, w->job.mem, bytes, true, w->job.err));
    uint8_t *view = views.data;
    pqf_array_take_buffer(out, 1, &views);
    TRY(pqf_buf_sized(&data, w->job.mem, (size_t)total, false, w->job.err));
    for (int64_t i = 0; i < v->length; i++)
        put_view(bytes_at(v, i), view + i * 16, data.data, &at);
    pqf_array_take_buffer(out, 2, &data);
    TRY(pqf_buf_put(&sizes, &total, sizeof total, w->job.err));
    pqf_array_take_buffer(out, 3, &sizes);
    return PQF_OK;
}

/* ---- dictionaries ---- */

static pqf_status decode(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                         struct ArrowArray *out) {
    struct ArrowArray plain;
    pqf_view view;
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)v->length, sizeof(int64_t), &block,
                        w->job.err));
    int64_t *picks = block;
    for (int64_t i = 0; i < v->length; i++)
        picks[i] = pqf_view_is_valid(v, i) ? pqf_view_index(v, i) : -1;
    TRY(pqf_array_gather(v->dictionary, picks, v->length, w->job.mem, &plain,
                         w->job.err));
    const struct ArrowSchema *type = v->dictionary->schema;
    if (pqf_schema_same_type(type, to)) {
        *out = plain;
        return PQF_OK;
    }
    pqf_status status = pqf_view_init(&view, type, &plain, false, &w->arena, w->job.err);
    if (status == PQF_OK) status = widen(w, &view, to, out);
    pqf_array_release(&plain);
    return status;
}

static pqf_status widen_dictionary(widening *w, const pqf_view *v,
                                   const struct ArrowSchema *to, const pqf_type *type,
                                   struct ArrowArray *out) {
    struct ArrowArray values;
    pqf_view codes = *v;
    codes.dictionary = NULL;
    if (pqf_type_same(&v->type, type))
        TRY(pqf_array_concat(&codes, 1, w->job.mem, out, w->job.err));
    else
        TRY(cast_values(w, &codes, to, type, pqf_cast_number, out));
    TRY(widen(w, v->dictionary, to->dictionary, &values));
    return pqf_array_take_child(out, -1, &values, w->job.err);
}

/* ---- nested ---- */

static int64_t find(const struct ArrowSchema *schema, int64_t guess, const char *name) {
    if (guess < schema->n_children &&
        !strcmp(pqf_field_name(schema->children[guess]), name))
        return guess;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!strcmp(pqf_field_name(schema->children[i]), name)) return i;
    return -1;
}

static pqf_status widen_struct(widening *w, const pqf_view *v,
                               const struct ArrowSchema *to, bool by_position,
                               struct ArrowArray *out) {
    TRY(pqf_cast_begin(&w->job, v, 1, to->n_children, out));
    for (int64_t i = 0; i < to->n_children; i++) {
        const struct ArrowSchema *field = to->children[i];
        int64_t at = by_position ? i : find(v->schema, i, pqf_field_name(field));
        if (at < 0) {
            TRY(pqf_array_nulls(field, v->length, w->job.mem, out->children[i],
                                w->job.err));
            continue;
        }
        pqf_view child = pqf_child_of_struct(v, at);
        TRY(widen(w, &child, field, out->children[i]));
    }
    return PQF_OK;
}

static pqf_status put_offsets(widening *w, const pqf_view *v, bool large, int64_t first,
                              struct ArrowArray *out) {
    pqf_buf offsets;
    size_t bytes;
    int64_t start, count, width = large ? 8 : 4;
    TRY(pqf_bytes_times(v->length + 1, width, &bytes, w->job.err));
    TRY(pqf_buf_sized(&offsets, w->job.mem, bytes, true, w->job.err));
    for (int64_t i = 0; i < v->length; i++) {
        pqf_list_range(v, i, &start, &count);
        int64_t end = start + count - first; /* little-endian: low bytes in any width */
        memcpy(offsets.data + (i + 1) * width, &end, (size_t)width);
    }
    pqf_array_take_buffer(out, 1, &offsets);
    return PQF_OK;
}

static pqf_status widen_list(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                             const pqf_type *type, struct ArrowArray *out) {
    int64_t first;
    bool is_fixed = type->shape == PQF_SHAPE_FIXED_LIST;
    pqf_view items = pqf_child_of_list(v, &first);
    TRY(pqf_cast_begin(&w->job, v, is_fixed ? 1 : 2, 1, out));
    if (!is_fixed)
        TRY(put_offsets(w, v, type->shape == PQF_SHAPE_LARGE_LIST, first, out));
    if (type->id == PQF_TYPE_MAP)
        return widen_struct(w, &items, to->children[0], true, out->children[0]);
    return widen(w, &items, to->children[0], out->children[0]);
}

/* Offsets and sizes as they are, over the whole child. */
static pqf_status widen_list_view(widening *w, const pqf_view *v,
                                  const struct ArrowSchema *to, struct ArrowArray *out) {
    size_t width = v->type.shape == PQF_SHAPE_LARGE_LIST_VIEW ? 8 : 4;
    const void *from[] = {v->values, v->sizes};
    TRY(pqf_cast_begin(&w->job, v, 3, 1, out));
    for (int i = 0; i < 2; i++) {
        pqf_buf buf;
        size_t bytes = (size_t)v->length * width;
        TRY(pqf_buf_sized(&buf, w->job.mem, bytes, false, w->job.err));
        if (bytes)
            memcpy(buf.data, (const uint8_t *)from[i] + (size_t)v->offset * width, bytes);
        pqf_array_take_buffer(out, i + 1, &buf);
    }
    return widen(w, &v->children[0], to->children[0], out->children[0]);
}

/* ---- all types ---- */

static pqf_status no_way(widening *w, const pqf_view *v, const struct ArrowSchema *to) {
    char from[128], type[128];
    pqf_type_text(v->schema, from, sizeof from);
    pqf_type_text(to, type, sizeof type);
    return pqf_fail(w->job.err, PQF_INVALID, "'%.200s' of type %s cannot become %s",
                    pqf_field_name(to), from, type);
}

static pqf_status widen_flat(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                             const pqf_type *type, struct ArrowArray *out) {
    const pqf_type *from = &v->type;
    if (is_number(from) && is_number(type))
        return cast_values(w, v, to, type, pqf_cast_number, out);
    if (pqf_type_is_integer(from->id) && is_decimal(type))
        return ints_to_decimal(w, v, type, out);
    if (is_decimal(from) && is_decimal(type))
        return cast_values(w, v, to, type, pqf_cast_decimal, out);
    if (is_bytes(from) && is_bytes(type) && type->shape == PQF_SHAPE_VIEW)
        return to_views(w, v, to, out);
    if (is_bytes(from) && is_bytes(type))
        return to_offsets(w, v, to, type->shape == PQF_SHAPE_LARGE_BINARY, out);
    return cast_values(w, v, to, type, pqf_cast_time, out);
}

static pqf_status widen_parts(widening *w, const pqf_view *v,
                              const struct ArrowSchema *to, const pqf_type *type,
                              struct ArrowArray *out) {
    if (v->dictionary && to->dictionary) return widen_dictionary(w, v, to, type, out);
    if (v->dictionary) return decode(w, v, to, out);
    if (to->dictionary) return no_way(w, v, to);
    /* Zones name instants; they do not change them. */
    if (!to->n_children && pqf_type_same(&v->type, type))
        return pqf_array_concat(v, 1, w->job.mem, out, w->job.err);
    if (v->type.id == PQF_TYPE_STRUCT && type->id == PQF_TYPE_STRUCT)
        return widen_struct(w, v, to, false, out);
    bool lists = pqf_type_has_list_shape(&v->type) && pqf_type_has_list_shape(type);
    if (lists && v->sizes) return widen_list_view(w, v, to, out);
    if (lists) return widen_list(w, v, to, type, out);
    return to->n_children || v->num_children ? no_way(w, v, to)
                                             : widen_flat(w, v, to, type, out);
}

static pqf_status widen(widening *w, const pqf_view *v, const struct ArrowSchema *to,
                        struct ArrowArray *out) {
    struct ArrowArray array = {0};
    pqf_type type;
    TRY(pqf_type_parse(to->format, &type, w->job.err));
    if (v->type.id == PQF_TYPE_NULL && type.id != PQF_TYPE_NULL)
        return pqf_array_nulls(to, v->length, w->job.mem, out, w->job.err);
    pqf_status status = widen_parts(w, v, to, &type, &array);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

pqf_status pqf_array_widen(const pqf_view *from, const struct ArrowSchema *to,
                           pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    widening w = {0};
    pqf_arena_init(&w.arena, mem);
    w.job = (pqf_job){.mem = mem,
                      .arena = &w.arena,
                      .report = &w.report,
                      .options = &w.options,
                      .err = err};
    pqf_status status = widen(&w, from, to, out);
    pqf_report_free(w.report);
    pqf_arena_reset(&w.arena);
    return status;
}
