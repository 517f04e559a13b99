/* SPDX-License-Identifier: Apache-2.0
 *
 * shred.c (room column): the walk from a top-level column down to one leaf, see shred.h. Follows
 * README.md, Nested Encoding.
 *
 * The walk keeps one byte of repetition and definition level per entry and, in order, the slots of
 * the current field's array that entries own:
 *
 *   def == open_def    the entry owns a slot, nothing above it is null
 *   def >= slot_def    the entry owns a slot, a struct above it is null: whatever stands there is
 *                      garbage and is stepped over
 *   def <  slot_def    a list above is null or empty: no slot
 *
 * A nullable field raises the open entries whose validity bit is set. A struct changes no entries,
 * a list replaces every open entry by its items, one entry for none. Columns without lists and
 * with at most one nullable field need no bytes: the bitmap of that field is the stream of levels.
 */
#include "shred.h"

/* ---- the route ---- */

static bool shape_fits(const pqf_field *field, const pqf_view *view) {
    switch (field->kind) {
    case PQF_FIELD_STRUCT: return view->type.id == PQF_TYPE_STRUCT;
    case PQF_FIELD_MAP: return view->type.id == PQF_TYPE_MAP;
    case PQF_FIELD_LIST:
        return view->type.shape >= PQF_SHAPE_LIST &&
               view->type.shape <= PQF_SHAPE_FIXED_LIST;
    default: return true; /* pqf_take_check */
    }
}

static pqf_status route_step(pqf_shred *s, const pqf_field *field, const pqf_view *view,
                             pqf_error *err) {
    bool is_leaf = field->kind == PQF_FIELD_LEAF;
    if (!shape_fits(field, view) || (!is_leaf && view->dictionary)) {
        return pqf_fail(err, PQF_INVALID,
                        "field '%s' does not have the type of the schema", field->name);
    }
    s->route[s->num_nodes++] = (pqf_route_node){field, view};
    return PQF_OK;
}

static pqf_status route_init(pqf_shred *s, const pqf_view *column, pqf_error *err) {
    const pqf_field *way[PQF_MAX_DEPTH];
    int32_t depth = 0;
    for (const pqf_field *f = s->leaf_field; f; f = f->parent) {
        if (depth == PQF_MAX_DEPTH)
            return pqf_fail(err, PQF_LIMIT, "fields are nested deeper than %d",
                            PQF_MAX_DEPTH);
        way[depth++] = f;
    }
    const pqf_view *view = column;
    TRY(route_step(s, way[depth - 1], view, err));
    for (int32_t i = depth - 2; i >= 0; i--) {
        const pqf_field *above = way[i + 1];
        int64_t child = above->kind == PQF_FIELD_STRUCT ? way[i] - above->children : 0;
        if (child >= view->num_children)
            return pqf_fail(err, PQF_INVALID, "field '%s' has no child '%s'", above->name,
                            way[i]->name);
        view = &view->children[child];
        TRY(route_step(s, way[i], view, err));
    }
    s->leaf_view = view;
    return PQF_OK;
}

pqf_status pqf_shred_init(pqf_shred *s, const pqf_kernels *kernel,
                          const pqf_field *leaf_field, const pqf_view *column,
                          int64_t start, int64_t num_rows, pqf_scratch *scratch,
                          pqf_error *err) {
    const pqf_leaf *leaf = leaf_field->leaf;
    *s = (pqf_shred){
        .kernel = kernel,
        .bufs = scratch->shred,
        .leaf_field = leaf_field,
        .flat = leaf->max_rep == 0 && leaf->max_def <= 1,
        .next_row = start,
        .rows_left = num_rows,
        .step_rows = leaf->max_rep == 0 ? PQF_STEP_LEVELS : 64,
    };
    if (start < 0 || num_rows < 0 || start > column->length - num_rows)
        return pqf_fail(err, PQF_INVALID, "rows %lld to %lld of a column of %lld rows",
                        (long long)start, (long long)(start + num_rows),
                        (long long)column->length);
    TRY(route_init(s, column, err));
    return pqf_take_check(s, err);
}

/* ---- slots and their validity ---- */

static bool view_has_nulls(const pqf_view *view) {
    return (view->validity && view->null_count > 0) ||
           (view->dictionary && view->dictionary->null_count > 0) ||
           view->type.id == PQF_TYPE_NULL;
}

static const pqf_slots *ranges_of(const pqf_shred *s, int64_t *n) {
    *n = (int64_t)(s->ranges->len / sizeof(pqf_slots));
    return (const pqf_slots *)(const void *)s->ranges->data;
}

/* A slot of a dictionary array is null where its value is. */
static void validity_of_dictionary(const pqf_view *view, pqf_slots slots, uint8_t *out,
                                   int64_t to) {
    const pqf_view *dictionary = view->dictionary;
    for (int64_t i = 0; i < slots.len; i++) {
        bool valid = pqf_view_is_valid(view, slots.start + i);
        if (valid)
            valid = pqf_view_is_valid(dictionary, pqf_view_index(view, slots.start + i));
        pqf_bit_put(out, to + i, valid);
    }
}

static pqf_status validity_collect(pqf_shred *s, const pqf_view *view, pqf_error *err) {
    pqf_buf *buf = &s->bufs[PQF_SHRED_BITS];
    TRY(pqf_shred_room(buf, (size_t)pqf_bits_bytes(s->num_slots) + 8, err));
    int64_t num_ranges, to = 0;
    const pqf_slots *ranges = ranges_of(s, &num_ranges);
    bool values_null = view->dictionary && view->dictionary->null_count > 0;
    for (int64_t i = 0; i < num_ranges; to += ranges[i].len, i++) {
        int64_t at = view->offset + ranges[i].start;
        if (view->type.id == PQF_TYPE_NULL) {
            s->kernel->fill_bits(buf->data, to, ranges[i].len, false);
        } else if (values_null) {
            validity_of_dictionary(view, ranges[i], buf->data, to);
        } else {
            pqf_bits_copy_exact(view->validity, at, ranges[i].len, buf->data, to);
        }
    }
    return PQF_OK;
}

/* Validity of the current slots side by side from bit *at of *bits; *bits NULL: no nulls. */
static pqf_status slots_validity(pqf_shred *s, const pqf_view *view, const uint8_t **bits,
                                 int64_t *at, pqf_error *err) {
    *bits = NULL;
    *at = 0;
    if (!view_has_nulls(view)) return PQF_OK;
    int64_t num_ranges;
    const pqf_slots *ranges = ranges_of(s, &num_ranges);
    if (num_ranges == 0) return PQF_OK;
    bool in_place =
        num_ranges == 1 && view->type.id != PQF_TYPE_NULL &&
        !(view->dictionary && view->dictionary->null_count > 0) &&
        pqf_bits_have_slack(view, view->offset + ranges[0].start + ranges[0].len);
    if (in_place) {
        *bits = view->validity;
        *at = view->offset + ranges[0].start;
        return PQF_OK;
    }
    TRY(validity_collect(s, view, err));
    *bits = s->bufs[PQF_SHRED_BITS].data;
    return PQF_OK;
}

static pqf_status fail_required(const pqf_field *field, pqf_error *err) {
    return pqf_fail(err, PQF_INVALID,
                    "field '%s' is declared non-nullable but contains nulls",
                    field->name);
}

static pqf_status set_one_range(pqf_shred *s, pqf_slots slots, pqf_error *err) {
    s->ranges = &s->bufs[PQF_SHRED_SLOTS];
    s->ranges->len = 0;
    s->num_slots = slots.len;
    return pqf_buf_put(s->ranges, &slots, sizeof slots, err);
}

/* Moves the slots of a struct on to the slots of its children. */
static void enter_struct(pqf_shred *s, const pqf_view *view) {
    int64_t num_ranges;
    ranges_of(s, &num_ranges);
    pqf_slots *ranges = (pqf_slots *)(void *)s->ranges->data;
    for (int64_t i = 0; i < num_ranges; i++)
        ranges[i].start += view->offset;
}

/* ---- flat columns: one bitmap ---- */

/* A required field may be null only where the mask says that a parent is. */
static pqf_status check_required_bits(const pqf_shred *s, const pqf_field *field,
                                      const uint8_t *bits, int64_t at, pqf_error *err) {
    for (int64_t i = 0; i < s->num_slots; i += 64) {
        int n = (int)pqf_min_i64(64, s->num_slots - i);
        uint64_t valid = pqf_bits_load(bits, at + i, n);
        uint64_t all = UINT64_MAX >> (64 - n);
        uint64_t must = s->mask ? pqf_bits_load(s->mask, s->mask_at + i, n) : all;
        if (must & ~valid) return fail_required(field, err);
    }
    return PQF_OK;
}

/* The mask that a nullable struct has left in PQF_SHRED_BITS must outlive the next collection. */
static pqf_status keep_mask(pqf_shred *s, pqf_error *err) {
    pqf_buf *buf = &s->bufs[PQF_SHRED_MASK];
    if (s->mask != s->bufs[PQF_SHRED_BITS].data) return PQF_OK;
    size_t bytes = (size_t)pqf_bits_bytes(s->num_slots) + 8;
    TRY(pqf_shred_room(buf, bytes, err));
    memcpy(buf->data, s->mask, bytes);
    s->mask = buf->data;
    return PQF_OK;
}

static pqf_status walk_flat(pqf_shred *s, int64_t num_rows, pqf_step *out,
                            pqf_error *err) {
    TRY(set_one_range(s, (pqf_slots){s->next_row, num_rows}, err));
    for (int32_t i = 0; i < s->num_nodes; i++) {
        pqf_route_node node = s->route[i];
        const uint8_t *bits;
        int64_t at;
        TRY(slots_validity(s, node.view, &bits, &at, err));
        if (bits && node.field->nullable) {
            s->mask = bits;
            s->mask_at = at;
            TRY(keep_mask(s, err));
        } else if (bits) {
            TRY(check_required_bits(s, node.field, bits, at, err));
        }
        if (node.field->kind == PQF_FIELD_STRUCT) enter_struct(s, node.view);
    }
    out->validity = s->mask;
    out->validity_at = s->mask_at;
    out->num_values =
        s->mask ? s->kernel->count_bits(s->mask, s->mask_at, num_rows) : num_rows;
    if (out->num_values == num_rows) s->mask = out->validity = NULL;
    return PQF_OK;
}

/* ---- levels ---- */

static pqf_status walk_begin(pqf_shred *s, int64_t num_rows, pqf_error *err) {
    size_t n = (size_t)num_rows;
    pqf_buf *reps = &s->bufs[PQF_SHRED_REPS], *defs = &s->bufs[PQF_SHRED_DEFS];
    TRY(pqf_shred_room(reps, n, err));
    TRY(pqf_shred_room(defs, n, err));
    memset(reps->data, 0, n);
    memset(defs->data, 0, n);
    s->reps = reps->data;
    s->defs = defs->data;
    s->num_levels = num_rows;
    s->slot_def = s->open_def = 0;
    return set_one_range(s, (pqf_slots){s->next_row, num_rows}, err);
}

/* Bits of slots to bits of entries: an entry without slot gets 0. */
static pqf_status spread_to_entries(pqf_shred *s, const uint8_t **bits, int64_t *at,
                                    pqf_error *err) {
    if (s->slot_def == 0) return PQF_OK;
    pqf_buf *mask = &s->bufs[PQF_SHRED_MASK], *spread = &s->bufs[PQF_SHRED_SPREAD];
    size_t bytes = (size_t)pqf_bits_bytes(s->num_levels) + 8;
    TRY(pqf_shred_room(mask, bytes, err));
    TRY(pqf_shred_room(spread, bytes, err));
    s->kernel->levels_ge(s->defs, s->num_levels, s->slot_def,
                         (uint64_t *)(void *)mask->data);
    s->kernel->deposit_bits(*bits, *at, mask->data, 0, s->num_levels, spread->data, 0);
    *bits = spread->data;
    *at = 0;
    return PQF_OK;
}

static void raise_open(uint8_t *defs, int64_t n, uint8_t open) {
    for (int64_t i = 0; i < n; i++)
        defs[i] = (uint8_t)(defs[i] + (defs[i] == open));
}

#define ONES  UINT64_C(0x0101010101010101)
#define TOPS  UINT64_C(0x8080808080808080)
#define BELOW UINT64_C(0x7F7F7F7F7F7F7F7F)

/* Levels are far below 128, so that no byte carries into the next. */
static void raise_valid(uint8_t *defs, int64_t n, uint8_t open, const uint8_t *bits,
                        int64_t at) {
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word = pqf_bits_load(bits, at + i, (int)pqf_min_i64(64, n - i));
        int64_t bytes = pqf_min_i64(64, n - i); /* the last 8 may reach into the slack */
        for (int64_t k = 0; k < bytes; k += 8, word >>= 8) {
            /* bit j to byte j: a copy of the byte each, its own bit kept, made the top one */
            uint64_t valid =
                ((word & 0xFF) * ONES & UINT64_C(0x8040201008040201)) + BELOW;
            uint64_t levels = pqf_load_u64(defs + i + k);
            uint64_t closed = (levels ^ open * ONES) + BELOW;
            pqf_store_u64(defs + i + k, levels + ((valid & ~closed & TOPS) >> 7));
        }
    }
}

/* Raises the open entries that are not null; a required field only checks that all are. */
static pqf_status walk_validity(pqf_shred *s, pqf_route_node node, pqf_error *err) {
    const uint8_t *bits;
    int64_t at;
    TRY(slots_validity(s, node.view, &bits, &at, err));
    uint8_t open = s->open_def;
    if (!bits) {
        if (!node.field->nullable) return PQF_OK;
        raise_open(s->defs, s->num_levels, open);
        s->open_def++;
        return PQF_OK;
    }
    TRY(spread_to_entries(s, &bits, &at, err));
    raise_valid(s->defs, s->num_levels, open, bits, at);
    if (node.field->nullable) {
        s->open_def++;
        return PQF_OK;
    }
    if (memchr(s->defs, open, (size_t)s->num_levels))
        return fail_required(node.field, err);
    for (int64_t i = 0; i < s->num_levels; i++)
        s->defs[i] = (uint8_t)(s->defs[i] - (s->defs[i] == open + 1));
    return PQF_OK;
}

/* ---- lists ---- */

/* What a list makes of the entries. */
typedef struct expansion {
    pqf_buf *reps, *defs, *ranges;
    int64_t cap; /* of reps and defs */
    int64_t num_levels, num_slots;
    pqf_slots last; /* not in ranges yet */
} expansion;

static pqf_status room_for_items(expansion *e, int64_t n, pqf_error *err) {
    e->reps->len = e->defs->len = (size_t)e->num_levels;
    TRY(pqf_buf_reserve(e->reps, (size_t)n, err));
    TRY(pqf_buf_reserve(e->defs, (size_t)n, err));
    e->cap = (int64_t)(e->reps->cap < e->defs->cap ? e->reps->cap : e->defs->cap);
    return PQF_OK;
}

static pqf_status push_range(expansion *e, pqf_slots next, pqf_error *err) {
    if (e->last.len) TRY(pqf_buf_put(e->ranges, &e->last, sizeof e->last, err));
    e->last = next;
    return PQF_OK;
}

/* Items of the list in slot i. Offsets and sizes have been checked by the view. */
static inline __attribute__((always_inline)) pqf_slots list_items(const pqf_view *view,
                                                                  pqf_shape shape,
                                                                  int64_t slot) {
    int64_t i = view->offset + slot;
    const int32_t *small = view->values;
    const int64_t *large = view->values;
    switch (shape) {
    case PQF_SHAPE_LIST: return (pqf_slots){small[i], small[i + 1] - small[i]};
    case PQF_SHAPE_LARGE_LIST: return (pqf_slots){large[i], large[i + 1] - large[i]};
    case PQF_SHAPE_LIST_VIEW:
        return (pqf_slots){small[i], ((const int32_t *)view->sizes)[i]};
    case PQF_SHAPE_LARGE_LIST_VIEW:
        return (pqf_slots){large[i], ((const int64_t *)view->sizes)[i]};
    default: return (pqf_slots){i * view->type.width, view->type.width};
    }
}

/* n entries of `level`, the first one `first`. 16 bytes are stored whatever n is: slack. */
static inline void put_items(uint8_t *out, int64_t n, uint8_t first, uint8_t level) {
    memset(out, level, 16);
    if (n > 16) memset(out + 16, level, (size_t)n - 16);
    out[0] = first;
}

static inline __attribute__((always_inline)) pqf_status expand_shape(
    pqf_shred *s, pqf_route_node node, pqf_shape shape, expansion *e, pqf_error *err) {
    const uint8_t *reps = s->reps, *defs = s->defs;
    uint8_t *out_reps = e->reps->data, *out_defs = e->defs->data;
    const pqf_view view = *node.view; /* local: stores of bytes do not change it */
    uint8_t slot_def = s->slot_def, open = s->open_def;
    uint8_t rep_level = (uint8_t)node.field->rep_level, item_def = (uint8_t)(open + 1);
    int64_t num_ranges, num_levels = s->num_levels;
    const pqf_slots *range = ranges_of(s, &num_ranges);
    int64_t slot = num_ranges ? range->start : 0,
            end = num_ranges ? slot + range->len : 0;
    for (int64_t i = 0; i < num_levels; i++) {
        pqf_slots items = {0, 0};
        if (defs[i] >= slot_def) {
            if (slot == end) {
                range++;
                slot = range->start;
                end = slot + range->len;
            }
            items = list_items(&view, shape, slot); /* of null lists too: not used */
            items.len = defs[i] == open ? items.len : 0;
            slot++;
        }
        int64_t n = items.len > 0 ? items.len : 1;
        if (e->num_levels + n > e->cap) {
            TRY(room_for_items(e, n, err));
            out_reps = e->reps->data;
            out_defs = e->defs->data;
        }
        put_items(out_reps + e->num_levels, n, reps[i], rep_level);
        put_items(out_defs + e->num_levels, n, (uint8_t)(defs[i] + (items.len > 0)),
                  item_def);
        e->num_levels += n;
        e->num_slots += items.len;
        if (items.start != e->last.start + e->last.len && items.len) {
            TRY(push_range(e, items, err));
        } else {
            e->last.len += items.len;
        }
    }
    return PQF_OK;
}

static pqf_status expand_any(pqf_shred *s, pqf_route_node node, expansion *e,
                             pqf_error *err) {
    switch (node.view->type.shape) {
    case PQF_SHAPE_LIST: return expand_shape(s, node, PQF_SHAPE_LIST, e, err);
    case PQF_SHAPE_LARGE_LIST: return expand_shape(s, node, PQF_SHAPE_LARGE_LIST, e, err);
    case PQF_SHAPE_LIST_VIEW: return expand_shape(s, node, PQF_SHAPE_LIST_VIEW, e, err);
    case PQF_SHAPE_LARGE_LIST_VIEW:
        return expand_shape(s, node, PQF_SHAPE_LARGE_LIST_VIEW, e, err);
    default: return expand_shape(s, node, PQF_SHAPE_FIXED_LIST, e, err);
    }
}

/* The other buffer of a pair that is used in turn. */
static pqf_buf *other_buf(pqf_shred *s, int first, const uint8_t *in_use) {
    return &s->bufs[s->bufs[first].data == in_use ? first + 1 : first];
}

static pqf_status walk_list(pqf_shred *s, pqf_route_node node, pqf_error *err) {
    expansion e = {
        .reps = other_buf(s, PQF_SHRED_REPS, s->reps),
        .defs = other_buf(s, PQF_SHRED_DEFS, s->defs),
        .ranges = other_buf(s, PQF_SHRED_SLOTS, s->ranges->data),
    };
    e.ranges->len = 0;
    TRY(room_for_items(&e, s->num_levels * 2, err));
    TRY(expand_any(s, node, &e, err));
    TRY(push_range(&e, (pqf_slots){0, 0}, err));
    s->reps = e.reps->data;
    s->defs = e.defs->data;
    s->ranges = e.ranges;
    s->num_levels = e.num_levels;
    s->num_slots = e.num_slots;
    s->slot_def = s->open_def = (uint8_t)(node.field->def_level + 1);
    return PQF_OK;
}

/* ---- the leaf ---- */

/* Which slots of the leaf have a value: entries at max_def among those that own a slot. */
static pqf_status walk_leaf(pqf_shred *s, pqf_step *out, pqf_error *err) {
    pqf_buf *values = &s->bufs[PQF_SHRED_SPREAD], *owners = &s->bufs[PQF_SHRED_MASK];
    pqf_buf *slots = &s->bufs[PQF_SHRED_BITS];
    uint8_t max_def = (uint8_t)s->leaf_field->leaf->max_def;
    int64_t n = s->num_levels;
    size_t bytes = (size_t)pqf_bits_bytes(n) + 8;
    TRY(pqf_shred_room(values, bytes, err));
    out->num_values =
        s->kernel->levels_eq(s->defs, n, max_def, (uint64_t *)(void *)values->data);
    if (out->num_values == s->num_slots) return PQF_OK;
    s->mask = values->data;
    if (s->slot_def == 0) return PQF_OK;
    TRY(pqf_shred_room(owners, bytes, err));
    TRY(pqf_shred_room(slots, bytes, err));
    s->kernel->levels_ge(s->defs, n, s->slot_def, (uint64_t *)(void *)owners->data);
    s->kernel->extract_bits(values->data, 0, owners->data, 0, n, slots->data, 0);
    s->mask = slots->data;
    return PQF_OK;
}

static pqf_status walk_levels(pqf_shred *s, int64_t num_rows, pqf_step *out,
                              pqf_error *err) {
    TRY(walk_begin(s, num_rows, err));
    for (int32_t i = 0; i < s->num_nodes; i++) {
        pqf_route_node node = s->route[i];
        TRY(walk_validity(s, node, err));
        if (node.field->kind == PQF_FIELD_STRUCT) {
            enter_struct(s, node.view);
        } else if (node.field->kind != PQF_FIELD_LEAF) {
            TRY(walk_list(s, node, err));
        }
    }
    TRY(walk_leaf(s, out, err));
    out->num_levels = s->num_levels;
    out->defs = s->defs;
    if (s->leaf_field->leaf->max_rep > 0) out->reps = s->reps;
    return PQF_OK;
}

pqf_status pqf_shred_next(pqf_shred *s, pqf_step *out, pqf_error *err) {
    int64_t num_rows = pqf_min_i64(s->rows_left, s->step_rows);
    *out = (pqf_step){.num_rows = num_rows, .num_levels = num_rows};
    s->mask = NULL;
    s->mask_at = 0;
    if (s->flat) {
        TRY(walk_flat(s, num_rows, out, err));
    } else {
        TRY(walk_levels(s, num_rows, out, err));
        int64_t fit = num_rows * PQF_STEP_LEVELS / pqf_max_i64(s->num_levels, 1);
        s->step_rows = pqf_min_i64(pqf_max_i64(fit, 1), PQF_STEP_LEVELS);
    }
    TRY(pqf_take_values(s, out, err));
    s->next_row += num_rows;
    s->rows_left -= num_rows;
    return PQF_OK;
}
