/* SPDX-License-Identifier: Apache-2.0
 *
 * shred_values.c (room column): the values of a step, see shred.h. In come ranges of slots of the
 * leaf's array and the mask of those that have a value; out go dense values. What lies in one
 * range without nulls is used in place. Null slots are never looked into: their views and
 * indexes may be garbage.
 */
#include "shred.h"

/* ---- does the array fit the schema ---- */

static bool layout_fits(const pqf_field *field, const pqf_type *type) {
    switch (field->layout) {
    case PQF_LEAF_BITS: return type->shape == PQF_SHAPE_BITS;
    case PQF_LEAF_FIXED:
        return type->shape == PQF_SHAPE_FIXED && type->byte_width == field->arrow_width;
    case PQF_LEAF_BINARY:
        return type->shape == PQF_SHAPE_BINARY || type->shape == PQF_SHAPE_LARGE_BINARY ||
               type->shape == PQF_SHAPE_VIEW;
    default: return false;
    }
}

pqf_status pqf_take_check(const pqf_shred *s, pqf_error *err) {
    const pqf_view *view = s->leaf_view;
    if (view->type.id == PQF_TYPE_NULL) return PQF_OK;
    const pqf_view *dictionary = view->dictionary;
    if (dictionary && dictionary->length > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "a dictionary of %lld values",
                        (long long)dictionary->length);
    const pqf_view *values = dictionary ? dictionary : view;
    if (values->type.id == PQF_TYPE_NULL && values->length == 0) return PQF_OK;
    if (layout_fits(s->leaf_field, &values->type) && !values->dictionary) return PQF_OK;
    return pqf_fail(err, PQF_INVALID, "field '%s' does not have the type of the schema",
                    s->leaf_field->name);
}

/* ---- ranges and mask ---- */

/* One range at a time, with the position of its first slot in the mask. */
typedef struct range_walk {
    const pqf_slots *range;
    int64_t left;
    int64_t mask_at;
} range_walk;

static range_walk ranges_begin(const pqf_shred *s) {
    return (range_walk){
        .range = (const pqf_slots *)(const void *)s->ranges->data,
        .left = (int64_t)(s->ranges->len / sizeof(pqf_slots)),
        .mask_at = s->mask_at,
    };
}

static void ranges_next(range_walk *w) {
    w->mask_at += w->range->len;
    w->range++;
    w->left--;
}

static bool in_one_piece(const pqf_shred *s) {
    return !s->mask && s->ranges->len == sizeof(pqf_slots);
}

/* ---- fixed widths ---- */

static bool values_have_slack(const pqf_view *view, int64_t end_slot) {
    return (view->length - end_slot) * view->type.byte_width >= PQF_SLACK;
}

static const uint8_t *slot_bytes(const pqf_view *view, int64_t slot) {
    return (const uint8_t *)view->values + (view->offset + slot) * view->type.byte_width;
}

/* The slots of a range, copied where the array ends too early for kernels. */
static pqf_status safe_slots(pqf_shred *s, pqf_slots range, const uint8_t **out,
                             pqf_error *err) {
    const pqf_view *view = s->leaf_view;
    *out = slot_bytes(view, range.start);
    if (values_have_slack(view, range.start + range.len)) return PQF_OK;
    size_t bytes = (size_t)range.len * (size_t)view->type.byte_width;
    pqf_buf *tail = &s->bufs[PQF_SHRED_TAIL];
    TRY(pqf_shred_room(tail, bytes, err));
    memcpy(tail->data, *out, bytes);
    *out = tail->data;
    return PQF_OK;
}

static int64_t compress(const pqf_shred *s, const uint8_t *in, int64_t mask_at, int64_t n,
                        uint8_t *out) {
    const pqf_kernels *k = s->kernel;
    int32_t width = s->leaf_view->type.byte_width;
    const void *values = in;
    void *dense = out;
    if (width == 4) return k->compress_32(values, s->mask, mask_at, n, dense);
    if (width == 8) return k->compress_64(values, s->mask, mask_at, n, dense);
    return k->compress_any(in, width, s->mask, mask_at, n, out);
}

static pqf_status take_fixed(pqf_shred *s, pqf_step *out, pqf_error *err) {
    range_walk w = ranges_begin(s);
    const uint8_t *in;
    size_t width = (size_t)s->leaf_view->type.byte_width;
    if (in_one_piece(s)) {
        TRY(safe_slots(s, *w.range, &in, err));
        out->values = in;
        return PQF_OK;
    }
    pqf_buf *dense = &s->bufs[PQF_SHRED_DENSE];
    TRY(pqf_shred_room(dense, (size_t)out->num_values * width, err));
    uint8_t *to = dense->data;
    for (; w.left; ranges_next(&w)) {
        if (s->mask) {
            TRY(safe_slots(s, *w.range, &in, err));
            to += (size_t)compress(s, in, w.mask_at, w.range->len, to) * width;
        } else {
            size_t bytes = (size_t)w.range->len * width;
            memcpy(to, slot_bytes(s->leaf_view, w.range->start), bytes);
            to += bytes;
        }
    }
    out->values = dense->data;
    return PQF_OK;
}

/* ---- booleans ---- */

/* The bits of a range as they are, in place or copied: *bits from bit *at on. */
static pqf_status safe_bits(pqf_shred *s, pqf_slots range, const uint8_t **bits,
                            int64_t *at, pqf_error *err) {
    const pqf_view *view = s->leaf_view;
    *bits = view->values;
    *at = view->offset + range.start;
    if (pqf_bits_have_slack(view, *at + range.len)) return PQF_OK;
    pqf_buf *tail = &s->bufs[PQF_SHRED_TAIL];
    TRY(pqf_shred_room(tail, (size_t)pqf_bits_bytes(range.len) + 8, err));
    pqf_bits_copy_exact(*bits, *at, range.len, tail->data, 0);
    *bits = tail->data;
    *at = 0;
    return PQF_OK;
}

static pqf_status take_bits(pqf_shred *s, pqf_step *out, pqf_error *err) {
    range_walk w = ranges_begin(s);
    const uint8_t *bits;
    int64_t at, to = 0;
    if (in_one_piece(s)) {
        TRY(safe_bits(s, *w.range, &bits, &out->bit_at, err));
        out->values = bits;
        return PQF_OK;
    }
    pqf_buf *dense = &s->bufs[PQF_SHRED_DENSE];
    TRY(pqf_shred_room(dense, (size_t)pqf_bits_bytes(out->num_values) + 8, err));
    for (; w.left; ranges_next(&w)) {
        TRY(safe_bits(s, *w.range, &bits, &at, err));
        if (s->mask) {
            to += s->kernel->extract_bits(bits, at, s->mask, w.mask_at, w.range->len,
                                          dense->data, to);
        } else {
            s->kernel->copy_bits(bits, at, w.range->len, dense->data, to);
            to += w.range->len;
        }
    }
    out->values = dense->data;
    return PQF_OK;
}

/* A dictionary of booleans: at most three values, not worth codes. */
static pqf_status take_dictionary_bits(pqf_shred *s, pqf_step *out, pqf_error *err) {
    const pqf_view *view = s->leaf_view, *values = view->dictionary;
    pqf_buf *dense = &s->bufs[PQF_SHRED_DENSE];
    TRY(pqf_shred_room(dense, (size_t)pqf_bits_bytes(out->num_values) + 8, err));
    int64_t n = 0;
    for (range_walk w = ranges_begin(s); w.left; ranges_next(&w)) {
        for (int64_t i = 0; i < w.range->len; i++) {
            if (s->mask && !pqf_bit_get(s->mask, w.mask_at + i)) continue;
            int64_t index = values->offset + pqf_view_index(view, w.range->start + i);
            pqf_bit_put(dense->data, n++, pqf_bit_get(values->values, index));
        }
    }
    out->values = dense->data;
    return PQF_OK;
}

/* ---- strings ---- */

/* A view of up to 12 bytes holds them itself:  int32 length | 12 bytes
 * a longer one:  int32 length | 4 bytes prefix | int32 buffer | int32 offset */
static inline pqf_slice slice_of_view(const pqf_view *view, const uint8_t *p) {
    uint32_t len = pqf_load_u32(p);
    if (len <= 12) return (pqf_slice){p + 4, len, 12};
    const uint8_t *buffer = view->variadic[pqf_load_u32(p + 8)];
    return (pqf_slice){buffer + pqf_load_u32(p + 12), len, len};
}

/* The end of the strings that the offsets of an array cover; what comes before it may be read. */
static int64_t end_of_bytes(const pqf_view *view) {
    int64_t last = view->offset + view->length;
    if (view->length == 0) return 0; /* there need not be an offset then */
    switch (view->type.shape) {
    case PQF_SHAPE_BINARY: return ((const int32_t *)view->values)[last];
    case PQF_SHAPE_LARGE_BINARY: return ((const int64_t *)view->values)[last];
    default: return 0;
    }
}

/* Value i, offset counted. Lengths above 4 GiB come out as UINT32_MAX, which no caller takes. */
static inline __attribute__((always_inline)) pqf_slice slice_at(const pqf_view *view,
                                                                pqf_shape shape,
                                                                int64_t bytes_end,
                                                                int64_t i) {
    if (shape == PQF_SHAPE_BINARY) {
        const int32_t *ends = view->values;
        return (pqf_slice){view->bytes + ends[i], (uint32_t)(ends[i + 1] - ends[i]),
                           (uint32_t)(bytes_end - ends[i])};
    }
    if (shape == PQF_SHAPE_LARGE_BINARY) {
        const int64_t *ends = view->values;
        return (pqf_slice){view->bytes + ends[i], pqf_readable(ends[i + 1] - ends[i]),
                           pqf_readable(bytes_end - ends[i])};
    }
    return slice_of_view(view, (const uint8_t *)view->values + i * 16);
}

/* Offsets may be read under null, views may not. The lengths are ORed into *any_len. */
static inline __attribute__((always_inline)) int64_t slices_of_range(const pqf_shred *s,
                                                                     pqf_shape shape,
                                                                     const range_walk *w,
                                                                     pqf_slice *out,
                                                                     uint32_t *any_len) {
    const pqf_view *view = s->leaf_view;
    int64_t from = view->offset + w->range->start, n = 0, end = end_of_bytes(view);
    uint32_t any = 0;
    for (int64_t i = 0; i < w->range->len && !s->mask; i++) {
        out[i] = slice_at(view, shape, end, from + i);
        any |= out[i].len;
    }
    for (int64_t i = 0; i < w->range->len && s->mask; i++) {
        bool valid = pqf_bit_get(s->mask, w->mask_at + i);
        if (shape == PQF_SHAPE_VIEW && !valid) continue;
        out[n] =
            slice_at(view, shape, end, from + i); /* one more than there are: slack */
        any |= valid ? out[n].len : 0;
        n += valid;
    }
    *any_len |= any;
    return s->mask ? n : w->range->len;
}

static pqf_status check_lengths(const pqf_slice *slices, int64_t n, pqf_error *err) {
    uint32_t longest = 0;
    for (int64_t i = 0; i < n; i++)
        longest = slices[i].len > longest ? slices[i].len : longest;
    if (longest <= INT32_MAX - 4) return PQF_OK;
    return pqf_fail(err, PQF_LIMIT, "a value of 2 GiB or more does not fit a page");
}

static pqf_status take_slices(pqf_shred *s, pqf_step *out, pqf_error *err) {
    pqf_buf *dense = &s->bufs[PQF_SHRED_DENSE];
    TRY(pqf_shred_room(dense, (size_t)out->num_values * sizeof(pqf_slice), err));
    pqf_slice *slices = (pqf_slice *)(void *)dense->data, *to = slices;
    pqf_shape shape = s->leaf_view->type.shape;
    uint32_t any_len = 0;
    for (range_walk w = ranges_begin(s); w.left; ranges_next(&w)) {
        if (shape == PQF_SHAPE_BINARY) {
            to += slices_of_range(s, PQF_SHAPE_BINARY, &w, to, &any_len);
        } else if (shape == PQF_SHAPE_LARGE_BINARY) {
            to += slices_of_range(s, PQF_SHAPE_LARGE_BINARY, &w, to, &any_len);
        } else {
            to += slices_of_range(s, PQF_SHAPE_VIEW, &w, to, &any_len);
        }
    }
    out->values = slices;
    return any_len < INT32_MAX - 4 ? PQF_OK : check_lengths(slices, out->num_values, err);
}

/* ---- dictionaries ---- */

static pqf_status take_codes(pqf_shred *s, pqf_step *out, pqf_error *err) {
    pqf_buf *dense = &s->bufs[PQF_SHRED_DENSE];
    TRY(pqf_shred_room(dense, (size_t)out->num_values * sizeof(uint32_t), err));
    uint32_t *codes = (uint32_t *)(void *)dense->data;
    int64_t n = 0;
    for (range_walk w = ranges_begin(s); w.left; ranges_next(&w)) {
        for (int64_t i = 0; i < w.range->len; i++) {
            codes[n] = (uint32_t)pqf_view_index(s->leaf_view, w.range->start + i);
            n += !s->mask || pqf_bit_get(s->mask, w.mask_at + i);
        }
    }
    out->kind = PQF_VALUES_CODES;
    out->values = codes;
    return PQF_OK;
}

static void resolve_fixed(const pqf_shred *s, const uint32_t *codes, int64_t n,
                          uint8_t *out) {
    const pqf_view *values = s->leaf_view->dictionary;
    size_t width = (size_t)values->type.byte_width;
    const uint8_t *in = slot_bytes(values, 0);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + (size_t)i * width, in + codes[i] * width, width);
}

static pqf_status resolve_slices(const pqf_shred *s, const uint32_t *codes, int64_t n,
                                 pqf_slice *out, pqf_error *err) {
    const pqf_view *values = s->leaf_view->dictionary;
    int64_t end = end_of_bytes(values);
    for (int64_t i = 0; i < n; i++)
        out[i] = slice_at(values, values->type.shape, end, values->offset + codes[i]);
    return check_lengths(out, n, err);
}

pqf_status pqf_shred_resolve(pqf_shred *s, const uint32_t *codes, int64_t n,
                             const void **values, pqf_error *err) {
    const pqf_field *field = s->leaf_field;
    pqf_buf *dense = &s->bufs[PQF_SHRED_TAIL]; /* the codes stand in PQF_SHRED_DENSE */
    bool binary = field->layout == PQF_LEAF_BINARY;
    size_t width = binary ? sizeof(pqf_slice) : (size_t)field->arrow_width;
    TRY(pqf_shred_room(dense, (size_t)n * width, err));
    *values = dense->data;
    if (binary) return resolve_slices(s, codes, n, (pqf_slice *)(void *)dense->data, err);
    resolve_fixed(s, codes, n, dense->data);
    return pqf_convert_write(s, values, n, err);
}

uint32_t pqf_shred_code_len(const pqf_shred *s, uint32_t code) {
    const pqf_view *values = s->leaf_view->dictionary;
    return slice_at(values, values->type.shape, 0, values->offset + code).len;
}

uint32_t pqf_shred_max_code_len(const pqf_shred *s) {
    const pqf_view *values = s->leaf_view->dictionary;
    uint32_t longest = 0;
    for (int64_t i = 0; i < values->length; i++) {
        if (!pqf_view_is_valid(values, i)) continue;
        uint32_t len = pqf_shred_code_len(s, (uint32_t)i);
        longest = len > longest ? len : longest;
    }
    return longest;
}

pqf_status pqf_take_values(pqf_shred *s, pqf_step *out, pqf_error *err) {
    static const pqf_value_kind kinds[] = {
        [PQF_LEAF_NONE] = PQF_VALUES_NONE,
        [PQF_LEAF_BITS] = PQF_VALUES_BITS,
        [PQF_LEAF_FIXED] = PQF_VALUES_FIXED,
        [PQF_LEAF_BINARY] = PQF_VALUES_SLICES,
    };
    out->kind = kinds[s->leaf_field->layout];
    if (out->num_values == 0) return PQF_OK;
    bool dictionary = s->leaf_view->dictionary != NULL;
    if (out->kind == PQF_VALUES_BITS)
        return dictionary ? take_dictionary_bits(s, out, err) : take_bits(s, out, err);
    if (dictionary) return take_codes(s, out, err);
    if (out->kind == PQF_VALUES_SLICES) return take_slices(s, out, err);
    TRY(take_fixed(s, out, err));
    return pqf_convert_write(s, &out->values, out->num_values, err);
}
