/* SPDX-License-Identifier: Apache-2.0
 *
 * view.c: room arrow, the border where arrays of strangers come in. In: an ArrowArray and
 * its schema; out: a pqf_view whose every index has been checked. Specification: Arrow
 * Columnar Format, "Physical Memory Layout"; Arrow C Data Interface, "The ArrowArray
 * structure".
 *
 * The interface tells no buffer sizes, so a producer is believed that its buffers hold
 * offset + length elements. All else is checked: indexes that point into children,
 * dictionaries and variadic buffers. What lies under a null slot is never judged, and
 * nobody may read it.
 */
#include "array.h"
#include "type.h"
#include "view.h"

#include "base/bits.h"

/* Elements of one array; far above what fits, far below where products overflow. */
#define MAX_SLOTS ((int64_t)1 << 56)

typedef struct checker {
    pqf_arena *arena;
    pqf_error *err;
    bool deep;
    bool has_doubts; /* some index leads nowhere: does its slot count? */
    pqf_poll poll;
} checker;

static pqf_status view_node(checker *c, pqf_view *v, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, int depth);

static const char *name_of(const pqf_view *v) { return pqf_field_name(v->schema); }

#define FAIL(c, v, fmt, ...)                                                             \
    pqf_fail((c)->err, PQF_INVALID, "Arrow array '%.100s': " fmt, name_of(v), __VA_ARGS__)

/* ---- nulls ---- */

static uint64_t spread_count(uint64_t w) {
    w -= (w >> 1) & 0x5555555555555555u;
    w = (w & 0x3333333333333333u) + ((w >> 2) & 0x3333333333333333u);
    w = (w + (w >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (w * 0x0101010101010101u) >> 56;
}

int64_t pqf_bits_count(const uint8_t *bits, int64_t at, int64_t n) {
    int64_t count = 0;
    for (; n > 0 && (at & 7); at++, n--)
        count += pqf_bit_get(bits, at);
    for (; n >= 64; at += 64, n -= 64)
        count += (int64_t)spread_count(pqf_load_u64(bits + (at >> 3)));
    return n > 0 ? count + pqf_popcount(pqf_bits_load(bits, at, (int)n)) : count;
}

static pqf_status take_validity(checker *c, pqf_view *v) {
    const struct ArrowArray *a = v->array;
    if (a->null_count < -1 || a->null_count > a->length)
        return FAIL(c, v, "%lld nulls in %lld slots", (long long)a->null_count,
                    (long long)a->length);
    if (v->type.id == PQF_TYPE_NULL) {
        v->null_count = v->length;
        return PQF_OK;
    }
    if (a->n_buffers == 0 || v->type.shape == PQF_SHAPE_UNION || v->length == 0)
        return PQF_OK;
    const uint8_t *bits = a->buffers[0];
    if (!bits && a->null_count > 0)
        return FAIL(c, v, "%lld nulls but no validity buffer", (long long)a->null_count);
    if (!bits || a->null_count == 0) return PQF_OK;
    v->null_count = v->length - pqf_bits_count(bits, v->offset, v->length);
    if (v->null_count > 0) v->validity = bits;
    return PQF_OK;
}

/* ---- buffers ---- */

/* Views have one buffer and more behind the fixed ones. Arrays of the null type have none, but some
 * producers hand out a place for validity, at which nobody looks. */
static bool has_its_buffers(const pqf_view *v) {
    int64_t want = pqf_type_num_buffers(&v->type), found = v->array->n_buffers;
    if (v->type.shape == PQF_SHAPE_VIEW) return found >= want;
    return found == want || (v->type.id == PQF_TYPE_NULL && found == 1);
}

static pqf_status check_counts(checker *c, pqf_view *v) {
    const struct ArrowArray *a = v->array;
    if (a->length < 0 || a->offset < 0 || a->length > MAX_SLOTS || a->offset > MAX_SLOTS)
        return FAIL(c, v, "length %lld at offset %lld", (long long)a->length,
                    (long long)a->offset);
    if (!has_its_buffers(v))
        return FAIL(c, v, "%lld buffers, expected %lld", (long long)a->n_buffers,
                    (long long)pqf_type_num_buffers(&v->type));
    if (a->n_buffers > 0 && !a->buffers) return FAIL(c, v, "%s", "no array of buffers");
    if (a->n_children != v->schema->n_children)
        return FAIL(c, v, "%lld children, its schema has %lld", (long long)a->n_children,
                    (long long)v->schema->n_children);
    if (!a->dictionary != !v->schema->dictionary)
        return FAIL(c, v, "%s",
                    "a dictionary stands on one side of schema and array only");
    return PQF_OK;
}

/* Empty arrays may come without buffers: they look at zeros, from offset 0. */
static void take_empty(pqf_view *v) {
    v->offset = 0;
    v->values = v->sizes = v->bytes = pqf_zeros;
}

static pqf_status take_buffers(checker *c, pqf_view *v) {
    const struct ArrowArray *a = v->array;
    pqf_shape shape = v->type.shape;
    if (v->length == 0) {
        take_empty(v);
        return PQF_OK;
    }
    if (a->n_buffers < 2 || shape == PQF_SHAPE_UNION) return PQF_OK;
    v->values = a->buffers[1];
    if (!v->values && !(shape == PQF_SHAPE_FIXED && v->type.byte_width == 0))
        return FAIL(c, v, "%s", "its buffer of values or offsets is NULL");
    if (!v->values) v->values = pqf_zeros;
    if (shape == PQF_SHAPE_LIST_VIEW || shape == PQF_SHAPE_LARGE_LIST_VIEW) {
        v->sizes = a->buffers[2];
        if (!v->sizes) return FAIL(c, v, "%s", "its buffer of sizes is NULL");
    }
    if (shape == PQF_SHAPE_BINARY || shape == PQF_SHAPE_LARGE_BINARY)
        v->bytes = a->buffers[2] ? a->buffers[2] : pqf_zeros;
    if (shape != PQF_SHAPE_VIEW) return PQF_OK;
    v->num_variadic = a->n_buffers - 3;
    v->variadic = a->buffers + 2;
    v->variadic_bytes = a->buffers[a->n_buffers - 1];
    if (v->num_variadic > 0 && !v->variadic_bytes)
        return FAIL(c, v, "%s", "its buffer of variadic sizes is NULL");
    return PQF_OK;
}

/* ---- offsets, indexes and views: one pass each ---- */

/* True when o[0] >= 0 and o[i] <= o[i + 1] for all n ranges. */
static bool ascend_i32(const int32_t *o, int64_t n) {
    int32_t bad = o[0] < 0;
    for (int64_t i = 0; i < n; i++)
        bad |= o[i + 1] < o[i];
    return !bad;
}
static bool ascend_i64(const int64_t *o, int64_t n) {
    int64_t bad = o[0] < 0;
    for (int64_t i = 0; i < n; i++)
        bad |= o[i + 1] < o[i];
    return !bad;
}

/* Offset i (0..length) of a shape with offsets. */
static int64_t offset_at(const pqf_view *v, int64_t i) {
    bool large =
        v->type.shape == PQF_SHAPE_LARGE_BINARY || v->type.shape == PQF_SHAPE_LARGE_LIST;
    return large ? ((const int64_t *)v->values)[v->offset + i]
                 : ((const int32_t *)v->values)[v->offset + i];
}

static pqf_status check_ascent(checker *c, const pqf_view *v, bool *ascend) {
    bool large =
        v->type.shape == PQF_SHAPE_LARGE_BINARY || v->type.shape == PQF_SHAPE_LARGE_LIST;
    for (int64_t at = 0; *ascend && at < v->length; at += PQF_POLL_VALUES) {
        int64_t from = v->offset + at, n = pqf_min_i64(PQF_POLL_VALUES, v->length - at);
        TRY(pqf_poll_now(&c->poll, c->err));
        *ascend = large ? ascend_i64((const int64_t *)v->values + from, n)
                        : ascend_i32((const int32_t *)v->values + from, n);
    }
    return PQF_OK;
}

static pqf_status check_offsets(checker *c, const pqf_view *v, int64_t limit) {
    int64_t first = offset_at(v, 0), last = offset_at(v, v->length);
    bool ascend = first >= 0 && first <= last;
    if (c->deep) TRY(check_ascent(c, v, &ascend));
    if (!ascend) return FAIL(c, v, "%s", "its offsets are negative or descend");
    if (last > limit)
        return FAIL(c, v, "its offsets end at %lld, its child has %lld slots",
                    (long long)last, (long long)limit);
    return PQF_OK;
}

/* Binary data may be missing only where no slot has bytes. */
static pqf_status check_bytes(checker *c, const pqf_view *v) {
    TRY(check_offsets(c, v, INT64_MAX));
    if (!v->array->buffers[2] && offset_at(v, v->length) > offset_at(v, 0))
        return FAIL(c, v, "%s", "its buffer of bytes is NULL");
    return PQF_OK;
}

void pqf_list_range(const pqf_view *v, int64_t i, int64_t *start, int64_t *count) {
    int64_t at = v->offset + i;
    switch (v->type.shape) {
    case PQF_SHAPE_FIXED_LIST:
        *start = at * v->type.width;
        *count = v->type.width;
        return;
    case PQF_SHAPE_LIST_VIEW:
        *start = ((const int32_t *)v->values)[at];
        *count = ((const int32_t *)v->sizes)[at];
        return;
    case PQF_SHAPE_LARGE_LIST_VIEW:
        *start = ((const int64_t *)v->values)[at];
        *count = ((const int64_t *)v->sizes)[at];
        return;
    default:
        *start = offset_at(v, i);
        *count = offset_at(v, i + 1) - *start;
        return;
    }
}

static pqf_status check_list_views(checker *c, const pqf_view *v, int64_t limit) {
    for (int64_t i = 0; i < v->length; i++) {
        int64_t start, count;
        TRY(pqf_poll_at(&c->poll, i, c->err));
        if (!pqf_view_is_valid(v, i)) continue;
        pqf_list_range(v, i, &start, &count);
        if (start < 0 || count < 0 || start > limit || count > limit - start)
            return FAIL(
                c, v, "list %lld has %lld items from %lld, its child has %lld slots",
                (long long)i, (long long)count, (long long)start, (long long)limit);
    }
    return PQF_OK;
}

static bool view_fits(const pqf_view *v, const uint8_t *view) {
    int32_t size = (int32_t)pqf_load_u32(view);
    if (size >= 0 && size <= 12) return true;
    int64_t buffer = (int32_t)pqf_load_u32(view + 8),
            offset = (int32_t)pqf_load_u32(view + 12);
    if (size < 0 || buffer < 0 || offset < 0 || buffer >= v->num_variadic) return false;
    return v->variadic[buffer] && offset + size <= v->variadic_bytes[buffer];
}

static pqf_status check_views(checker *c, const pqf_view *v) {
    const uint8_t *views = (const uint8_t *)v->values + v->offset * 16;
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&c->poll, i, c->err));
        if (!view_fits(v, views + i * 16) && pqf_view_is_valid(v, i))
            return FAIL(c, v, "view %lld leaves its buffers", (long long)i);
    }
    return PQF_OK;
}

/* The largest index, read as unsigned: a negative one is larger than any dictionary. */
#define LARGEST(T)                                                                       \
    static uint64_t largest_##T(const void *values, int64_t at, int64_t n) {             \
        const T *p = (const T *)values + at;                                             \
        T most = 0;                                                                      \
        for (int64_t i = 0; i < n; i++)                                                  \
            most = p[i] > most ? p[i] : most;                                            \
        return most;                                                                     \
    }
LARGEST(uint8_t)
LARGEST(uint16_t)
LARGEST(uint32_t)
LARGEST(uint64_t)

static uint64_t largest_index(const pqf_view *v, int64_t i, int64_t n) {
    int64_t at = v->offset + i;
    switch (v->type.byte_width) {
    case 1: return largest_uint8_t(v->values, at, n);
    case 2: return largest_uint16_t(v->values, at, n);
    case 4: return largest_uint32_t(v->values, at, n);
    default: return largest_uint64_t(v->values, at, n);
    }
}

static pqf_status check_indexes(checker *c, const pqf_view *v) {
    uint64_t limit = (uint64_t)v->dictionary->length;
    for (int64_t at = 0; at < v->length; at += PQF_POLL_VALUES) {
        int64_t end = pqf_min_i64(at + PQF_POLL_VALUES, v->length);
        TRY(pqf_poll_now(&c->poll, c->err));
        if (largest_index(v, at, end - at) < limit) continue;
        c->has_doubts = true;
        return PQF_OK;
    }
    return PQF_OK;
}

int64_t pqf_view_index(const pqf_view *v, int64_t i) {
    return (int64_t)largest_index(v, i, 1);
}

/* ---- runs ---- */

int64_t pqf_run_end_at(const pqf_view *ends, int64_t run) {
    int64_t at = ends->offset + run;
    switch (ends->type.byte_width) {
    case 2: return ((const int16_t *)ends->values)[at];
    case 4: return ((const int32_t *)ends->values)[at];
    default: return ((const int64_t *)ends->values)[at];
    }
}

static pqf_status check_runs(checker *c, const pqf_view *v) {
    const pqf_view *ends = &v->children[0];
    int64_t last = 0;
    if (ends->null_count > 0 || ends->length > v->children[1].length)
        return FAIL(c, v, "%lld run ends (%lld null) for %lld values",
                    (long long)ends->length, (long long)ends->null_count,
                    (long long)v->children[1].length);
    for (int64_t i = 0; i < ends->length; i++) {
        int64_t end = pqf_run_end_at(ends, i);
        TRY(pqf_poll_at(&c->poll, i, c->err));
        if (end <= last)
            return FAIL(c, v, "run %lld ends at %lld", (long long)i, (long long)end);
        last = end;
    }
    if (v->length > 0 && last < v->offset + v->length)
        return FAIL(c, v, "its runs end at %lld, its slots at %lld", (long long)last,
                    (long long)(v->offset + v->length));
    return PQF_OK;
}

/* ---- nodes ---- */

/* Children as far as their parent's array tells. */
static pqf_status name_children(checker *c, pqf_view *v) {
    const struct ArrowArray *a = v->array;
    void *block;
    if (a->n_children == 0) return PQF_OK;
    if (!a->children) return FAIL(c, v, "%s", "no array of children");
    TRY(pqf_arena_array(c->arena, (size_t)a->n_children, sizeof(pqf_view), &block,
                        c->err));
    v->children = block;
    v->num_children = a->n_children;
    for (int64_t i = 0; i < a->n_children; i++) {
        if (!a->children[i]) return FAIL(c, v, "child %lld is NULL", (long long)i);
        v->children[i].schema = v->schema->children[i];
        v->children[i].array = a->children[i];
        v->children[i].length = a->children[i]->length;
    }
    return PQF_OK;
}

static pqf_status take_children(checker *c, pqf_view *v, int depth) {
    const struct ArrowArray *a = v->array;
    void *block;
    TRY(name_children(c, v));
    for (int64_t i = 0; i < a->n_children; i++)
        TRY(view_node(c, &v->children[i], v->schema->children[i], a->children[i],
                      depth + 1));
    if (!a->dictionary) return PQF_OK;
    TRY(pqf_arena_alloc(c->arena, sizeof(pqf_view), &block, c->err));
    v->dictionary = block;
    return view_node(c, v->dictionary, v->schema->dictionary, a->dictionary, depth + 1);
}

/* Slots that each child of a struct, union or fixed-size list must have. */
static pqf_status check_child_lengths(checker *c, const pqf_view *v) {
    int64_t width = v->type.shape == PQF_SHAPE_FIXED_LIST ? v->type.width : 1, need;
    if (v->type.id == PQF_TYPE_DENSE_UNION || v->length == 0) return PQF_OK;
    if (!pqf_mul_i64(v->offset + v->length, width, &need)) need = INT64_MAX;
    for (int64_t i = 0; i < v->num_children; i++) {
        if (v->children[i].length < need)
            return FAIL(c, v, "child %lld has %lld slots, expected %lld", (long long)i,
                        (long long)v->children[i].length, (long long)need);
    }
    return PQF_OK;
}

static pqf_status check_references(checker *c, const pqf_view *v) {
    if (v->dictionary) return c->deep ? check_indexes(c, v) : PQF_OK;
    if (v->type.id == PQF_TYPE_RUN_END) return check_runs(c, v);
    if (v->length == 0) return PQF_OK;
    switch (v->type.shape) {
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY: return check_bytes(c, v);
    case PQF_SHAPE_VIEW: return c->deep ? check_views(c, v) : PQF_OK;
    case PQF_SHAPE_LIST:
    case PQF_SHAPE_LARGE_LIST: return check_offsets(c, v, v->children[0].length);
    case PQF_SHAPE_LIST_VIEW:
    case PQF_SHAPE_LARGE_LIST_VIEW:
        return c->deep ? check_list_views(c, v, v->children[0].length) : PQF_OK;
    default: return check_child_lengths(c, v);
    }
}

static pqf_status view_itself(checker *c, pqf_view *v, const struct ArrowSchema *schema,
                              const struct ArrowArray *array) {
    *v = (pqf_view){.schema = schema,
                    .array = array,
                    .length = array->length,
                    .offset = array->offset};
    TRY(pqf_type_parse(schema->format, &v->type, c->err));
    TRY(check_counts(c, v));
    TRY(take_validity(c, v));
    return take_buffers(c, v);
}

static pqf_status view_node(checker *c, pqf_view *v, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, int depth) {
    *v = (pqf_view){.schema = schema};
    if (depth > PQF_MAX_DEPTH)
        return FAIL(c, v, "nested more than %d deep", PQF_MAX_DEPTH);
    TRY(view_itself(c, v, schema, array));
    TRY(take_children(c, v, depth));
    return check_references(c, v);
}

static pqf_status view_tree(checker *c, pqf_view *v, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, int depth) {
    TRY(view_node(c, v, schema, array, depth));
    return c->has_doubts ? pqf_view_mask(v, &c->poll, c->arena, c->err) : PQF_OK;
}

pqf_status pqf_view_init(pqf_view *out, const struct ArrowSchema *schema,
                         const struct ArrowArray *array, bool deep, pqf_arena *arena,
                         pqf_error *err) {
    checker c = {.arena = arena, .err = err, .deep = deep};
    if (!array->release)
        return pqf_fail(err, PQF_INVALID, "the Arrow array has been released");
    return view_tree(&c, out, schema, array, 0);
}

pqf_status pqf_view_rows(pqf_view *out, const struct ArrowSchema *schema,
                         const struct ArrowArray *array, pqf_arena *arena,
                         pqf_error *err) {
    checker c = {.arena = arena, .err = err};
    if (!array->release)
        return pqf_fail(err, PQF_INVALID, "the Arrow array has been released");
    TRY(view_itself(&c, out, schema, array));
    TRY(name_children(&c, out));
    return check_child_lengths(&c, out);
}

pqf_status pqf_view_column(pqf_view *out, const struct ArrowSchema *schema,
                           const struct ArrowArray *array, const pqf_poll *poll,
                           pqf_arena *arena, pqf_error *err) {
    checker c = {.arena = arena, .err = err, .deep = true, .poll = *poll};
    return view_tree(&c, out, schema, array, 1);
}

/* ---- looking ---- */

void pqf_view_cut(pqf_view *v, int64_t start, int64_t length) {
    bool same = length == v->length;
    v->offset += start;
    v->length = length;
    if (length == 0) {
        take_empty(v);
        v->null_count = 0;
        v->validity = NULL;
        return;
    }
    if (v->type.id == PQF_TYPE_NULL || v->null_count == 0) {
        v->null_count = v->type.id == PQF_TYPE_NULL ? length : 0;
        return;
    }
    if (!same) v->null_count = length - pqf_bits_count(v->validity, v->offset, length);
    if (v->null_count == 0) v->validity = NULL;
}

static pqf_bytes bytes_of_view(const pqf_view *v, int64_t at) {
    const uint8_t *view = (const uint8_t *)v->values + at * 16;
    uint32_t size = pqf_load_u32(view);
    if (size <= 12) return pqf_bytes_of(view + 4, size);
    const uint8_t *buffer = v->variadic[pqf_load_u32(view + 8)];
    return pqf_bytes_of(buffer + pqf_load_u32(view + 12), size);
}

int64_t pqf_run_find(const pqf_view *v, int64_t i) {
    const pqf_view *ends = &v->children[0];
    int64_t at = v->offset + i, lo = 0, hi = ends->length;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (pqf_run_end_at(ends, mid) <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

pqf_bytes pqf_view_bytes(const pqf_view *v, int64_t i) {
    if (v->dictionary) return pqf_view_bytes(v->dictionary, pqf_view_index(v, i));
    if (v->type.id == PQF_TYPE_RUN_END)
        return pqf_view_bytes(&v->children[1], pqf_run_find(v, i));
    int64_t at = v->offset + i;
    if (v->type.shape == PQF_SHAPE_VIEW) return bytes_of_view(v, at);
    if (v->type.shape == PQF_SHAPE_FIXED)
        return pqf_bytes_of((const uint8_t *)v->values + at * v->type.byte_width,
                            (size_t)v->type.byte_width);
    int64_t first = offset_at(v, i);
    return pqf_bytes_of(v->bytes + first, (size_t)(offset_at(v, i + 1) - first));
}
