/* SPDX-License-Identifier: Apache-2.0
 *
 * concat.c: room arrow. Arrays of one type, one after the other in a new array that owns all of its
 * buffers. In: views of the pieces, cut or whole; out: their rows in order. For batches of an exact
 * number of rows whose rows come from several places.
 *
 * One function per shape; nested types concatenate what the pieces span of their children. Different
 * dictionaries become one in which every value stands once.
 */
#include "array.h"
#include "conform.h"
#include "type.h"
#include "view.h"

#include "base/bits.h"

typedef struct concat {
    const pqf_view *pieces;
    int64_t n;
    int64_t length;
    pqf_mem *mem;
    pqf_arena *arena; /* views of children, codes of dictionaries */
    struct ArrowArray *out;
    pqf_error *err;
} concat;

static pqf_status join(const pqf_view *pieces, int64_t n, pqf_mem *mem, pqf_arena *arena,
                       struct ArrowArray *out, pqf_error *err);

static pqf_status too_long(const concat *c, int64_t need) {
    return pqf_fail(
        c->err, PQF_LIMIT,
        "%lld rows of '%.200s' need %lld bytes or items, more than 32-bit offsets "
        "reach: use smaller batches",
        (long long)c->length, pqf_field_name(c->pieces->schema), (long long)need);
}

static pqf_status sized(const concat *c, int64_t count, int64_t width, bool zeroed,
                        pqf_buf *out) {
    size_t bytes;
    TRY(pqf_bytes_times(count, width, &bytes, c->err));
    return pqf_buf_sized(out, c->mem, bytes, zeroed, c->err);
}

/* ---- bits ---- */

/* n (1..64) bits into zeroed ones from position `at`. */
static void put_bits(uint8_t *to, int64_t at, uint64_t bits, int n) {
    unsigned shift = (unsigned)(at & 7), bytes = (shift + (unsigned)n + 7) / 8;
    uint8_t *p = to + (at >> 3);
    uint64_t low = bits << shift;
    for (unsigned i = 0; i < bytes && i < 8; i++)
        p[i] = (uint8_t)(p[i] | low >> (8 * i));
    if (bytes == 9) p[8] = (uint8_t)(p[8] | bits >> (64 - shift));
}

/* `from` NULL: ones. */
static void copy_bits(uint8_t *to, int64_t at, const uint8_t *from, int64_t from_at,
                      int64_t count) {
    for (int64_t i = 0; i < count; i += 64) {
        int n = (int)pqf_min_i64(64, count - i);
        uint64_t ones = n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
        put_bits(to, at + i, from ? pqf_bits_load(from, from_at + i, n) : ones, n);
    }
}

static pqf_status join_validity(const concat *c) {
    pqf_buf bits;
    int64_t nulls = 0, at = 0;
    for (int64_t i = 0; i < c->n; i++)
        nulls += c->pieces[i].null_count;
    c->out->null_count = nulls;
    if (!nulls) return PQF_OK;
    TRY(sized(c, pqf_bits_bytes(c->length), 1, true, &bits));
    for (int64_t i = 0; i < c->n; at += c->pieces[i++].length) {
        const pqf_view *v = &c->pieces[i];
        copy_bits(bits.data, at, v->null_count ? v->validity : NULL, v->offset,
                  v->length);
    }
    pqf_array_take_buffer(c->out, 0, &bits);
    return PQF_OK;
}

static pqf_status join_bits(const concat *c) {
    pqf_buf bits;
    int64_t at = 0;
    TRY(sized(c, pqf_bits_bytes(c->length), 1, true, &bits));
    for (int64_t i = 0; i < c->n; at += c->pieces[i++].length)
        copy_bits(bits.data, at, c->pieces[i].values, c->pieces[i].offset,
                  c->pieces[i].length);
    pqf_array_take_buffer(c->out, 1, &bits);
    return PQF_OK;
}

/* ---- values of fixed width ---- */

static pqf_status join_fixed(const concat *c) {
    pqf_buf values;
    size_t width = (size_t)c->pieces->type.byte_width;
    TRY(sized(c, c->length, (int64_t)width, false, &values));
    uint8_t *to = values.data;
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        size_t bytes = (size_t)v->length * width;
        if (bytes)
            memcpy(to, (const uint8_t *)v->values + (size_t)v->offset * width, bytes);
        to += bytes;
    }
    pqf_array_take_buffer(c->out, 1, &values);
    return PQF_OK;
}

/* ---- offsets ---- */

static int64_t offset_at(const pqf_view *v, bool large, int64_t i) {
    int64_t at = v->offset + i;
    return large ? ((const int64_t *)v->values)[at] : ((const int32_t *)v->values)[at];
}

/* What a piece spans of its bytes or items. */
static int64_t span_of(const pqf_view *v, bool large) {
    return v->length ? offset_at(v, large, v->length) - offset_at(v, large, 0) : 0;
}

static pqf_status join_offsets(const concat *c, bool large, int64_t *total) {
    pqf_buf offsets;
    int64_t slot = 0;
    *total = 0;
    for (int64_t i = 0; i < c->n; i++)
        *total += span_of(&c->pieces[i], large);
    if (!large && *total > INT32_MAX) return too_long(c, *total);
    TRY(sized(c, c->length + 1, large ? 8 : 4, true, &offsets));
    int64_t *wide = (int64_t *)(void *)offsets.data, at = 0;
    int32_t *narrow = (int32_t *)(void *)offsets.data;
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        int64_t first = v->length ? offset_at(v, large, 0) : 0;
        for (int64_t k = 1; k <= v->length; k++, slot++) {
            int64_t to = at + offset_at(v, large, k) - first;
            if (large)
                wide[slot + 1] = to;
            else
                narrow[slot + 1] = (int32_t)to;
        }
        at += span_of(v, large);
    }
    pqf_array_take_buffer(c->out, 1, &offsets);
    return PQF_OK;
}

static pqf_status join_binary(const concat *c) {
    bool large = c->pieces->type.shape == PQF_SHAPE_LARGE_BINARY;
    pqf_buf data;
    int64_t total;
    TRY(join_offsets(c, large, &total));
    TRY(sized(c, total, 1, false, &data));
    uint8_t *to = data.data;
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        size_t bytes = (size_t)span_of(v, large);
        if (bytes) memcpy(to, v->bytes + offset_at(v, large, 0), bytes);
        to += bytes;
    }
    pqf_array_take_buffer(c->out, 2, &data);
    return PQF_OK;
}

/* ---- views ---- */

/* Views of one piece, whose buffers now stand behind `before` others; null ones are cleared. */
static void shift_views(const pqf_view *v, int64_t before, uint8_t *to) {
    if (v->length)
        memcpy(to, (const uint8_t *)v->values + v->offset * 16, (size_t)v->length * 16);
    for (int64_t i = 0; i < v->length; i++, to += 16) {
        if (!pqf_view_is_valid(v, i))
            memset(to, 0, 16);
        else if (pqf_load_u32(to) > 12)
            pqf_store_u32(to + 8, pqf_load_u32(to + 8) + (uint32_t)before);
    }
}

static pqf_status join_views(const concat *c, int64_t num_buffers) {
    pqf_buf views, data, sizes;
    int64_t slot = 0, at = 0;
    TRY(sized(c, c->length, 16, false, &views));
    uint8_t *to = views.data;
    pqf_array_take_buffer(c->out, 1, &views);
    TRY(sized(c, num_buffers, 8, true, &sizes));
    int64_t *size = (int64_t *)(void *)sizes.data;
    pqf_array_take_buffer(c->out, num_buffers + 2, &sizes);
    for (int64_t i = 0; i < c->n; slot += c->pieces[i++].length) {
        const pqf_view *v = &c->pieces[i];
        shift_views(v, at, to + slot * 16);
        for (int64_t k = 0; k < v->num_variadic; k++, at++) {
            size[at] = v->variadic_bytes[k];
            TRY(sized(c, size[at], 1, false, &data));
            if (size[at]) memcpy(data.data, v->variadic[k], (size_t)size[at]);
            pqf_array_take_buffer(c->out, at + 2, &data);
        }
    }
    return PQF_OK;
}

/* ---- nested ---- */

static pqf_status child_views(const concat *c, pqf_view **out) {
    void *block;
    TRY(pqf_arena_array(c->arena, (size_t)c->n, sizeof(pqf_view), &block, c->err));
    *out = block;
    return PQF_OK;
}

static pqf_status join_child(const concat *c, int64_t i, const pqf_view *pieces) {
    return join(pieces, c->n, c->mem, c->arena, c->out->children[i], c->err);
}

static pqf_status join_struct(const concat *c) {
    pqf_view *below;
    TRY(child_views(c, &below));
    for (int64_t k = 0; k < c->pieces->num_children; k++) {
        for (int64_t i = 0; i < c->n; i++)
            below[i] = pqf_child_of_struct(&c->pieces[i], k);
        TRY(join_child(c, k, below));
    }
    return PQF_OK;
}

static pqf_status join_lists(const concat *c) {
    pqf_shape shape = c->pieces->type.shape;
    pqf_view *below;
    int64_t first, total;
    TRY(child_views(c, &below));
    for (int64_t i = 0; i < c->n; i++)
        below[i] = pqf_child_of_list(&c->pieces[i], &first);
    if (shape != PQF_SHAPE_FIXED_LIST)
        TRY(join_offsets(c, shape == PQF_SHAPE_LARGE_LIST, &total));
    return join_child(c, 0, below);
}

/* List views: the whole children one after the other, every list moved by what stands before. */
static pqf_status join_list_views(const concat *c) {
    bool large = c->pieces->type.shape == PQF_SHAPE_LARGE_LIST_VIEW;
    int64_t width = large ? 8 : 4, slot = 0, at = 0, start, count;
    pqf_buf offsets, sizes;
    pqf_view *below;
    TRY(child_views(c, &below));
    TRY(sized(c, c->length, width, true, &offsets));
    uint8_t *to = offsets.data;
    pqf_array_take_buffer(c->out, 1, &offsets);
    TRY(sized(c, c->length, width, true, &sizes));
    uint8_t *to_size = sizes.data;
    pqf_array_take_buffer(c->out, 2, &sizes);
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        below[i] = v->children[0];
        for (int64_t k = 0; k < v->length; k++, slot++) {
            if (!pqf_view_is_valid(v, k)) continue;
            pqf_list_range(v, k, &start, &count);
            start += at; /* little-endian: the low bytes are the number in any width */
            memcpy(to + slot * width, &start, (size_t)width);
            memcpy(to_size + slot * width, &count, (size_t)width);
        }
        at += below[i].length;
    }
    return large || at <= INT32_MAX ? join_child(c, 0, below) : too_long(c, at);
}

/* ---- dictionaries ---- */

/* Distinct values of all dictionaries, each with a place in the order of first appearance. */
typedef struct distinct {
    int64_t *picks;  /* value of the joined dictionaries, per place */
    int64_t *places; /* per value of the joined dictionaries */
    int64_t num;
    int64_t *table; /* place + 1; 0: free */
    uint64_t mask;
} distinct;

static uint64_t hash_of(pqf_bytes b) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < b.len; i++)
        h = (h ^ b.data[i]) * UINT64_C(1099511628211);
    return h ^ h >> 29;
}

static bool has_bytes(const pqf_view *v) {
    return !v->dictionary &&
           (v->type.shape == PQF_SHAPE_FIXED || v->type.shape == PQF_SHAPE_BINARY ||
            v->type.shape == PQF_SHAPE_LARGE_BINARY || v->type.shape == PQF_SHAPE_VIEW);
}

/* Nulls are one value; what has no bytes is taken as it comes. */
static void find_distinct(const pqf_view *values, distinct *d) {
    int64_t of_null = -1;
    for (int64_t i = 0; i < values->length; i++) {
        bool is_null = !pqf_view_is_valid(values, i);
        int64_t *slot = is_null ? &of_null : NULL;
        if (!is_null && has_bytes(values)) {
            pqf_bytes b = pqf_view_bytes(values, i);
            for (uint64_t at = hash_of(b);; at++) {
                slot = &d->table[at & d->mask];
                if (!*slot) break;
                pqf_bytes x = pqf_view_bytes(values, d->picks[*slot - 1]);
                if (x.len == b.len && (!b.len || !memcmp(x.data, b.data, b.len))) break;
            }
        }
        if (slot && *slot > 0) {
            d->places[i] = *slot - 1;
            continue;
        }
        d->places[i] = d->num;
        d->picks[d->num++] = i;
        if (slot) *slot = d->num;
    }
}

static pqf_status init_distinct(const concat *c, int64_t total, distinct *d) {
    void *block;
    uint64_t size = 8;
    while (size < 2 * (uint64_t)total)
        size *= 2;
    *d = (distinct){.mask = size - 1};
    TRY(pqf_arena_array(c->arena, (size_t)total, 8, &block, c->err));
    d->picks = block;
    TRY(pqf_arena_array(c->arena, (size_t)total, 8, &block, c->err));
    d->places = block;
    TRY(pqf_arena_array(c->arena, size, 8, &block, c->err));
    d->table = block;
    return PQF_OK;
}

static pqf_status check_index_width(const concat *c, int64_t num_values) {
    const pqf_type *type = &c->pieces->type;
    int bits = type->byte_width * 8 - (pqf_type_is_signed(type->id) ? 1 : 0);
    if (bits >= 63 || num_values <= (int64_t)1 << bits) return PQF_OK;
    return pqf_fail(c->err, PQF_LIMIT,
                    "%lld values in the dictionary of '%.200s', more than its index type "
                    "counts: use smaller batches",
                    (long long)num_values, pqf_field_name(c->pieces->schema));
}

static void put_codes(const concat *c, const distinct *d, uint8_t *to) {
    size_t width = (size_t)c->pieces->type.byte_width;
    int64_t before = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        for (int64_t k = 0; k < v->length; k++, to += width) {
            int64_t code = 0;
            if (pqf_view_is_valid(v, k)) code = d->places[before + pqf_view_index(v, k)];
            memcpy(to, &code, width); /* little-endian; check_index_width has looked */
        }
        before += v->dictionary->length;
    }
}

static pqf_status merge_dictionaries(const concat *c, struct ArrowArray *all,
                                     struct ArrowArray *out) {
    pqf_view values;
    pqf_buf codes;
    distinct d;
    TRY(pqf_view_init(&values, c->pieces->dictionary->schema, all, false, c->arena,
                      c->err));
    TRY(init_distinct(c, values.length, &d));
    find_distinct(&values, &d);
    TRY(check_index_width(c, d.num));
    TRY(sized(c, c->length, c->pieces->type.byte_width, false, &codes));
    put_codes(c, &d, codes.data);
    pqf_array_take_buffer(c->out, 1, &codes);
    return pqf_array_gather(&values, d.picks, d.num, c->mem, out, c->err);
}

/* Batches of one scan share the dictionary of a constant. */
static bool share_dictionary(const concat *c) {
    const pqf_view *first = c->pieces->dictionary;
    for (int64_t i = 1; i < c->n; i++) {
        const pqf_view *v = c->pieces[i].dictionary;
        if (v->length != first->length || v->offset != first->offset ||
            v->values != first->values || v->bytes != first->bytes)
            return false;
    }
    return first->num_children == 0 && first->values != NULL;
}

static pqf_status join_dictionaries(const concat *c) {
    struct ArrowArray all, values;
    pqf_view *below;
    TRY(child_views(c, &below));
    bool is_shared = share_dictionary(c);
    for (int64_t i = 0; i < c->n; i++)
        below[i] = *c->pieces[i].dictionary;
    TRY(join(below, is_shared ? 1 : c->n, c->mem, c->arena, &all, c->err));
    pqf_status status;
    if (is_shared) {
        values = all;
        all.release = NULL;
        status = join_fixed(c);
        if (status != PQF_OK) pqf_array_release(&values);
    } else {
        status = merge_dictionaries(c, &all, &values);
        pqf_array_release(&all);
    }
    return status == PQF_OK ? pqf_array_take_child(c->out, -1, &values, c->err) : status;
}

/* ---- runs ---- */

/* Ends count from the piece's first slot; those behind its last one are cut. */
static pqf_status put_run_ends(const concat *c, const pqf_view *runs, size_t width,
                               struct ArrowArray *out) {
    pqf_buf ends;
    int64_t total = 0, before = 0;
    for (int64_t i = 0; i < c->n; i++)
        total += runs[i].length;
    if (width < 8 && c->length >= (int64_t)1 << (8 * width - 1))
        return too_long(c, c->length);
    TRY(pqf_array_init(out, c->mem, total, 0, 2, 0, c->err));
    TRY(sized(c, total, (int64_t)width, false, &ends));
    uint8_t *to = ends.data;
    for (int64_t i = 0; i < c->n; before += c->pieces[i++].length) {
        const pqf_view *v = &c->pieces[i];
        for (int64_t run = 0; run < runs[i].length; run++, to += width) {
            int64_t first = runs[i].offset - v->children[1].offset;
            int64_t end = pqf_run_end_at(&v->children[0], first + run) - v->offset;
            end = before + pqf_min_i64(end, v->length);
            memcpy(to, &end, width); /* little-endian: low bytes in any width */
        }
    }
    pqf_array_take_buffer(out, 1, &ends);
    return PQF_OK;
}

static pqf_status join_runs(const concat *c) {
    pqf_view *runs;
    TRY(child_views(c, &runs));
    for (int64_t i = 0; i < c->n; i++) {
        const pqf_view *v = &c->pieces[i];
        int64_t first = v->length ? pqf_run_find(v, 0) : 0;
        int64_t end = v->length ? pqf_run_find(v, v->length - 1) + 1 : 0;
        runs[i] = v->children[1];
        pqf_view_cut(&runs[i], first, end - first);
    }
    TRY(put_run_ends(c, runs, (size_t)c->pieces->children[0].type.byte_width,
                     c->out->children[0]));
    return join_child(c, 1, runs);
}

/* ---- all shapes ---- */

static pqf_status join_parts(const concat *c, int64_t num_variadic) {
    const pqf_type *type = &c->pieces->type;
    if (type->id == PQF_TYPE_NULL) {
        c->out->null_count = c->length;
        return PQF_OK;
    }
    if (type->id == PQF_TYPE_RUN_END) return join_runs(c);
    TRY(join_validity(c));
    if (c->pieces->dictionary) return join_dictionaries(c);
    if (type->id == PQF_TYPE_STRUCT) return join_struct(c);
    switch (type->shape) {
    case PQF_SHAPE_BITS: return join_bits(c);
    case PQF_SHAPE_FIXED: return join_fixed(c);
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY: return join_binary(c);
    case PQF_SHAPE_VIEW: return join_views(c, num_variadic);
    case PQF_SHAPE_LIST_VIEW:
    case PQF_SHAPE_LARGE_LIST_VIEW: return join_list_views(c);
    default: return join_lists(c);
    }
}

static pqf_status join(const pqf_view *pieces, int64_t n, pqf_mem *mem, pqf_arena *arena,
                       struct ArrowArray *out, pqf_error *err) {
    const pqf_type *type = &pieces->type;
    int64_t length = 0, num_variadic = 0;
    if (type->shape == PQF_SHAPE_UNION)
        return pqf_fail(err, PQF_UNSUPPORTED, "joining arrays of the union '%.200s'",
                        pqf_field_name(pieces->schema));
    for (int64_t i = 0; i < n; i++) {
        length += pieces[i].length;
        num_variadic += pieces[i].num_variadic;
    }
    struct ArrowArray array;
    TRY(pqf_array_init(&array, mem, length, 0, pqf_type_num_buffers(type) + num_variadic,
                       pieces->num_children, err));
    concat c = {pieces, n, length, mem, arena, &array, err};
    pqf_status status = join_parts(&c, num_variadic);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

pqf_status pqf_array_concat(const pqf_view *pieces, int64_t n, pqf_mem *mem,
                            struct ArrowArray *out, pqf_error *err) {
    pqf_arena arena;
    pqf_arena_init(&arena, mem);
    pqf_status status = join(pieces, n, mem, &arena, out, err);
    pqf_arena_reset(&arena);
    return status;
}
