/* SPDX-License-Identifier: Apache-2.0
 *
 * cast_bytes.c: room arrow, conforming. Strings and binary data in all their forms:
 * 32-bit offsets, 64-bit offsets, views, fixed width. Bytes are borrowed wherever they
 * lie one after the other.
 *
 * What becomes string is UTF-8, whatever the source calls itself: readers refuse anything
 * else. Where 32-bit offsets cannot reach, the 64-bit form comes out, and
 * the schema says so.
 */
#include "conform.h"
#include "text.h"

#include "base/bits.h"

static bool is_text(const pqf_type *type) {
    return type->id >= PQF_TYPE_STRING && type->id <= PQF_TYPE_STRING_VIEW;
}

static pqf_status put_format(pqf_job *job, const pqf_target *t, pqf_shape shape,
                             struct ArrowSchema *schema) {
    const char *format = is_text(&t->type) ? "u" : "z";
    if (shape == PQF_SHAPE_LARGE_BINARY) format = is_text(&t->type) ? "U" : "Z";
    if (shape == PQF_SHAPE_VIEW) format = is_text(&t->type) ? "vu" : "vz";
    return pqf_schema_put_format(schema, format, job->err);
}

/* ---- strings ---- */

static bool each_is_text(const pqf_view *v) {
    for (int64_t i = 0; i < v->length; i++) {
        if (pqf_view_is_valid(v, i) && !pqf_utf8_valid(pqf_view_bytes(v, i)))
            return false;
    }
    return true;
}

/* All values as one piece, those of null slots too; none may begin inside a character. */
bool pqf_text_fits(const pqf_view *v) {
    if (v->length == 0) return true;
    if (v->type.shape == PQF_SHAPE_VIEW) return each_is_text(v);
    pqf_bytes first = pqf_view_bytes(v, 0), last = pqf_view_bytes(v, v->length - 1);
    const uint8_t *end = last.data + last.len;
    if (!first.data || end == first.data) return true;
    pqf_bytes all = pqf_bytes_of(first.data, (size_t)(end - first.data));
    if (pqf_ascii_all(all)) return true;
    bool whole = pqf_utf8_valid(all);
    for (int64_t i = 1; whole && i < v->length; i++) {
        const uint8_t *start = pqf_view_bytes(v, i).data;
        whole = start == end || (*start & 0xC0) != 0x80;
    }
    return whole || each_is_text(v);
}

static pqf_status check_utf8(pqf_job *job, const pqf_target *t, const pqf_level *level) {
    const pqf_view *v = level->view;
    pqf_tally tally = {.job = job, .target = t, .level = level};
    if (!is_text(&t->type) || pqf_text_fits(v)) return PQF_OK;
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (pqf_view_is_valid(v, i) && !pqf_utf8_valid(pqf_view_bytes(v, i)))
            TRY(pqf_tally_add(&tally, i));
    }
    return pqf_tally_end(&tally);
}

/* ---- to offsets ---- */

/* Bytes of the value behind a view; nothing for a null one, under which there may be
 * garbage. */
static inline int64_t view_bytes(const pqf_view *v, int64_t i) {
    const uint8_t *view = (const uint8_t *)v->values + (v->offset + i) * 16;
    return pqf_view_is_valid(v, i) ? pqf_load_u32(view) : 0;
}

static int64_t bytes_of_all(const pqf_view *v) {
    int64_t total = 0;
    if (v->type.shape == PQF_SHAPE_FIXED) return v->length * v->type.byte_width;
    if (v->type.shape == PQF_SHAPE_VIEW) {
        for (int64_t i = 0; i < v->length; i++)
            total += view_bytes(v, i);
        return total;
    }
    pqf_bytes first = pqf_view_bytes(v, 0), last = pqf_view_bytes(v, v->length - 1);
    return last.data + last.len - first.data;
}

/* Offsets of type T that begin at 0, from each form. */
#define FILL_OFFSETS(T, name)                                                            \
    static void name(const pqf_view *v, T *to) {                                         \
        const int32_t *small = (const int32_t *)v->values + v->offset;                   \
        const int64_t *large = (const int64_t *)v->values + v->offset;                   \
        int64_t n = v->length, width = v->type.byte_width;                               \
        T at = 0;                                                                        \
        switch (v->type.shape) {                                                         \
        case PQF_SHAPE_FIXED:                                                            \
            for (int64_t i = 0; i <= n; i++)                                             \
                to[i] = (T)(i * width);                                                  \
            return;                                                                      \
        case PQF_SHAPE_BINARY:                                                           \
            for (int64_t i = 0; i <= n; i++)                                             \
                to[i] = (T)(small[i] - small[0]);                                        \
            return;                                                                      \
        case PQF_SHAPE_LARGE_BINARY:                                                     \
            for (int64_t i = 0; i <= n; i++)                                             \
                to[i] = (T)(large[i] - large[0]);                                        \
            return;                                                                      \
        default:                                                                         \
            for (int64_t i = 0; i < n; i++) {                                            \
                to[i] = at;                                                              \
                at = (T)(at + view_bytes(v, i));                                         \
            }                                                                            \
            to[n] = at;                                                                  \
        }                                                                                \
    }
FILL_OFFSETS(int32_t, fill_small_offsets)
FILL_OFFSETS(int64_t, fill_large_offsets)

static pqf_status take_offsets(pqf_job *job, const pqf_view *v, bool large,
                               struct ArrowArray *out) {
    pqf_buf offsets;
    size_t bytes;
    TRY(pqf_bytes_times(v->length + 1, large ? 8 : 4, &bytes, job->err));
    TRY(pqf_buf_sized(&offsets, job->mem, bytes, false, job->err));
    if (large)
        fill_large_offsets(v, (int64_t *)(void *)offsets.data);
    else
        fill_small_offsets(v, (int32_t *)(void *)offsets.data);
    pqf_array_take_buffer(out, 1, &offsets);
    return PQF_OK;
}

/* Inline values are stored as 12 bytes whatever their length: what is too much lands in
 * the next value's place or in the slack behind the buffer. */
static pqf_status take_bytes_of_views(pqf_job *job, const pqf_view *v, int64_t total,
                                      struct ArrowArray *out) {
    pqf_buf data;
    TRY(pqf_buf_sized(&data, job->mem, (size_t)total, false, job->err));
    uint8_t *to = data.data;
    pqf_array_take_buffer(out, 2, &data);
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        const uint8_t *view = (const uint8_t *)v->values + (v->offset + i) * 16;
        size_t size = (size_t)view_bytes(v, i);
        if (size <= 12)
            memcpy(to, view + 4, 12);
        else
            memcpy(to,
                   (const uint8_t *)v->variadic[pqf_load_u32(view + 8)] +
                       pqf_load_u32(view + 12),
                   size);
        to += size;
    }
    return PQF_OK;
}

static pqf_status cast_to_offsets(pqf_job *job, const pqf_target *t, const pqf_view *v,
                                  struct ArrowSchema *schema, struct ArrowArray *out) {
    int64_t total = bytes_of_all(v);
    bool large = t->type.shape == PQF_SHAPE_LARGE_BINARY || total > INT32_MAX;
    TRY(put_format(job, t, large ? PQF_SHAPE_LARGE_BINARY : PQF_SHAPE_BINARY, schema));
    TRY(pqf_cast_begin(job, v, 3, 0, out));
    TRY(take_offsets(job, v, large, out));
    if (v->type.shape == PQF_SHAPE_VIEW) return take_bytes_of_views(job, v, total, out);
    pqf_array_borrow_buffer(out, 2, pqf_view_bytes(v, 0).data);
    return PQF_OK;
}

/* ---- to fixed width ---- */

static pqf_status cast_to_fixed(pqf_job *job, const pqf_target *t, const pqf_level *level,
                                struct ArrowArray *out) {
    const pqf_view *v = level->view;
    pqf_tally tally = {.job = job, .target = t, .level = level};
    size_t width = (size_t)t->type.byte_width, bytes;
    pqf_buf values;
    TRY(pqf_cast_begin(job, v, 2, 0, out));
    TRY(pqf_bytes_times(v->length, t->type.byte_width, &bytes, job->err));
    TRY(pqf_buf_sized(&values, job->mem, bytes, true, job->err));
    uint8_t *to = values.data;
    pqf_array_take_buffer(out, 1, &values);
    for (int64_t i = 0; i < v->length; i++, to += width) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (!pqf_view_is_valid(v, i)) continue;
        pqf_bytes b = pqf_view_bytes(v, i);
        if (b.len != width)
            TRY(pqf_tally_add(&tally, i));
        else if (width)
            memcpy(to, b.data, width);
    }
    return pqf_tally_end(&tally);
}

pqf_status pqf_cast_bytes(pqf_job *job, const pqf_target *t, const pqf_level *level,
                          struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    pqf_shape from = v->type.shape, to = t->type.shape;
    if (to == PQF_SHAPE_FIXED && from == PQF_SHAPE_FIXED)
        return pqf_fail_type(job, t, level, schema, out);
    if (to == PQF_SHAPE_FIXED) return cast_to_fixed(job, t, level, out);
    TRY(check_utf8(job, t, level));
    /* A declared view takes every form as it comes. */
    if (from == to || (to == PQF_SHAPE_VIEW && from != PQF_SHAPE_FIXED)) {
        TRY(put_format(job, t, from, schema));
        return pqf_array_borrow(v, job->mem, out, job->err);
    }
    return cast_to_offsets(job, t, v, schema, out);
}
