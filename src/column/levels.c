/* SPDX-License-Identifier: Apache-2.0
 *
 * levels.c (room column): repetition and definition levels become validity and offsets
 * (README.md, Nested Encoding). In: stretches of level pairs. Out: slots appended to the
 * nodes of a leaf.
 *
 * A stretch is handled as bit masks, one bit per level pair, from the root down:
 *
 *   slots     where the node has a slot: rep == 0 at the root, below a list the list's items
 *   valid     def >= def_level; the bits at `slots`, packed, are the node's validity
 *   items     of a list: def >= def_level + 1 and rep <= rep_level; the offset of a slot is the
 *             number of items before it; items are the slots of what is below
 */
#include "reading.h"

#define MASK_WORDS (PQF_LEVEL_BLOCK / 64)

/* Kernels write whole words and PQF_SLACK bytes behind. */
typedef struct level_mask {
    uint64_t w[MASK_WORDS + PQF_SLACK / 8];
} level_mask;

static inline uint8_t *mask_bytes(level_mask *mask) { return (uint8_t *)mask->w; }

/* ---- node buffers ---- */

pqf_status pqf_node_make_validity(const pqf_kernels *kernel, pqf_node_out *node,
                                  int64_t n, pqf_error *err) {
    pqf_buf *bits = &node->validity;
    bool fresh = !bits->data;
    int64_t want = node->length + n;
    if (fresh) want = pqf_max_i64(want, node->num_expected);
    bits->len = fresh ? 0 : (size_t)pqf_bits_bytes(node->length);
    TRY(pqf_buf_reserve(bits, (size_t)pqf_bits_bytes(want) - bits->len, err));
    if (fresh) kernel->fill_bits(bits->data, 0, node->length, true);
    return PQF_OK;
}

/* The bits of n slots stand in the bitmap, or there is none. */
static void count_slots(pqf_node_out *node, int64_t n, int64_t num_nulls) {
    node->length += n;
    node->num_nulls += num_nulls;
    if (node->validity.data) node->validity.len = (size_t)pqf_bits_bytes(node->length);
}

pqf_status pqf_node_append_same(const pqf_kernels *kernel, pqf_node_out *node, int64_t n,
                                bool valid, pqf_error *err) {
    if (n == 0) return PQF_OK;
    if (node->validity.data || !valid) {
        TRY(pqf_node_make_validity(kernel, node, n, err));
        kernel->fill_bits(node->validity.data, node->length, n, valid);
    }
    count_slots(node, n, valid ? 0 : n);
    return PQF_OK;
}

static pqf_status too_many_items(pqf_node_out *node, pqf_error *err) {
    node->offsets.is_full = true;
    return pqf_fail(err, PQF_LIMIT,
                    "the lists hold more than 2,147,483,647 items, too many for one "
                    "array: read_parquet_iter with a smaller chunk_size reads them");
}

/* Room for n more offsets and the one behind the last; the first offset is 0. */
static pqf_status reserve_offsets(pqf_node_out *node, int64_t n, int64_t base,
                                  int64_t num_items, pqf_error *err) {
    if (base + num_items > INT32_MAX) return too_many_items(node, err);
    pqf_buf *offsets = &node->offsets;
    if (!offsets->data) {
        int64_t want = pqf_max_i64(n, node->num_expected) + 1;
        TRY(pqf_buf_reserve(offsets, (size_t)want * sizeof(int32_t), err));
        pqf_store_u32(offsets->data, 0);
        offsets->len = sizeof(int32_t);
    }
    return pqf_buf_reserve(offsets, (size_t)n * sizeof(int32_t), err);
}

/* Where the offset of the node's next slot stands; `length` is that before the slots were
 * counted. */
static int32_t *offset_at(pqf_node_out *node, int64_t slot) {
    return (int32_t *)(void *)node->offsets.data + slot;
}

static void end_offsets(pqf_node_out *node, int64_t num_items) {
    *offset_at(node, node->length) = (int32_t)num_items;
    node->offsets.len = (size_t)(node->length + 1) * sizeof(int32_t);
}

static bool has_items(const pqf_field *field) {
    return field->kind == PQF_FIELD_LIST || field->kind == PQF_FIELD_MAP;
}

static pqf_status bad_continuation(const pqf_field *list, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "levels: a repetition level of %d continues a list that has no "
                    "item",
                    list->rep_level);
}

/* ---- stretches of one level pair ---- */

static pqf_status append_run(const pqf_kernels *kernel, const pqf_levels *levels,
                             pqf_leaf_out *out, pqf_error *err) {
    int rep = levels->rep_value, def = levels->def_value;
    int64_t num_slots = rep == 0 ? levels->n : 0;
    for (int32_t i = 0; i < out->num_nodes; i++) {
        pqf_node_out *node = &out->nodes[i];
        const pqf_field *f = node->field;
        bool valid = def >= f->def_level || f->def_level == f->def_parent;
        int64_t first = node->length;
        TRY(pqf_node_append_same(kernel, node, num_slots, valid, err));
        if (!has_items(f)) continue;
        bool is_item = def > f->def_level, follows_item = levels->prev_def > f->def_level;
        if (rep >= f->rep_level && is_item != follows_item)
            return bad_continuation(f, err);
        int64_t base = out->nodes[i + 1].length;
        int64_t num_items = def > f->def_level && rep <= f->rep_level ? levels->n : 0;
        TRY(reserve_offsets(node, num_slots, base, num_items, err));
        int32_t *at = offset_at(node, first), step = num_items ? 1 : 0;
        for (int64_t k = 0; k < num_slots; k++)
            at[k] = (int32_t)base + step * (int32_t)k;
        end_offsets(node, base + num_items);
        num_slots = num_items;
    }
    return PQF_OK;
}

/* ---- stretches of arrays ---- */

static void fill_mask(int64_t n, bool value, level_mask *mask) {
    size_t words = (size_t)(n + 63) / 64;
    memset(mask->w, value ? 0xFF : 0, words * 8);
    if (value && n & 63) mask->w[words - 1] = (UINT64_C(1) << (n & 63)) - 1;
}

/* Bits where def >= threshold; returns how many. */
static int64_t def_mask(const pqf_kernels *kernel, const pqf_levels *levels,
                        int threshold, level_mask *mask) {
    if (levels->def)
        return kernel->levels_ge(levels->def, levels->n, (uint8_t)threshold, mask->w);
    bool all = levels->def_value >= threshold;
    fill_mask(levels->n, all, mask);
    return all ? levels->n : 0;
}

static int64_t root_mask(const pqf_kernels *kernel, const pqf_levels *levels, int max_rep,
                         level_mask *mask) {
    if (max_rep && levels->rep)
        return kernel->levels_eq(levels->rep, levels->n, 0, mask->w);
    bool all = !max_rep || levels->rep_value == 0;
    fill_mask(levels->n, all, mask);
    return all ? levels->n : 0;
}

/* mask &= bits; returns how many are left. */
static int64_t mask_and(const pqf_kernels *kernel, int64_t n, const level_mask *bits,
                        level_mask *mask) {
    for (int64_t i = 0; i < (n + 63) / 64; i++)
        mask->w[i] &= bits->w[i];
    return kernel->count_bits(mask_bytes(mask), 0, n);
}

/* Bits where rep >= threshold. */
static void rep_mask(const pqf_kernels *kernel, const pqf_levels *levels, int threshold,
                     level_mask *mask) {
    if (levels->rep)
        kernel->levels_ge(levels->rep, levels->n, (uint8_t)threshold, mask->w);
    else
        fill_mask(levels->n, levels->rep_value >= threshold, mask);
}

/* A pair that continues a list (rep >= rep_level) is an item of it, and so is the pair before. Where
 * neither is one it says nothing: some writers fill fixed-size lists that are null with such pairs.
 * defined: where the list has an item at this pair or one below it. */
static pqf_status check_continuations(const pqf_levels *levels, const pqf_field *list,
                                      const level_mask *defined,
                                      const level_mask *continues, pqf_error *err) {
    uint64_t bad = 0, carry = levels->prev_def > list->def_level;
    for (int64_t i = 0; i < (levels->n + 63) / 64; i++) {
        uint64_t d = defined->w[i];
        bad |= continues->w[i] & (d ^ (d << 1 | carry));
        carry = d >> 63;
    }
    return bad ? bad_continuation(list, err) : PQF_OK;
}

/* Bits where the list has an item. */
static pqf_status item_mask(const pqf_kernels *kernel, const pqf_levels *levels,
                            const pqf_field *list, int max_rep, level_mask *mask,
                            int64_t *num_items, pqf_error *err) {
    level_mask rep;
    *num_items = def_mask(kernel, levels, list->def_level + 1, mask);
    rep_mask(kernel, levels, list->rep_level, &rep);
    TRY(check_continuations(levels, list, mask, &rep, err));
    if (list->rep_level >= max_rep || *num_items == 0) return PQF_OK;
    rep_mask(kernel, levels, list->rep_level + 1, &rep);
    for (int64_t i = 0; i < (levels->n + 63) / 64; i++)
        mask->w[i] &= ~rep.w[i];
    *num_items = kernel->count_bits(mask_bytes(mask), 0, levels->n);
    return PQF_OK;
}

static pqf_status append_slots(const pqf_kernels *kernel, const pqf_levels *levels,
                               pqf_node_out *node, level_mask *slots, int64_t num_slots,
                               pqf_error *err) {
    const pqf_field *f = node->field;
    level_mask valid;
    if (num_slots == 0) return PQF_OK;
    if (f->def_level == f->def_parent)
        return pqf_node_append_same(kernel, node, num_slots, true, err);
    int64_t num_valid = def_mask(kernel, levels, f->def_level, &valid);
    if (num_valid < levels->n)
        num_valid = mask_and(kernel, levels->n, slots, &valid);
    else
        num_valid = num_slots;
    if (num_valid == num_slots || num_valid == 0)
        return pqf_node_append_same(kernel, node, num_slots, num_valid != 0, err);
    TRY(pqf_node_make_validity(kernel, node, num_slots, err));
    if (num_slots == levels->n)
        kernel->copy_bits(mask_bytes(&valid), 0, num_slots, node->validity.data,
                          node->length);
    else
        kernel->extract_bits(mask_bytes(&valid), 0, mask_bytes(slots), 0, levels->n,
                             node->validity.data, node->length);
    count_slots(node, num_slots, num_slots - num_valid);
    return PQF_OK;
}

/* Offsets of the slots in one word of both masks; `base` items come before it. Where every pair is
 * an item, an offset is a bit position; elsewhere each pair stores and steps on only at a slot. */
static int32_t *word_offsets(uint64_t slots, uint64_t items, int n, int32_t base,
                             int32_t *at) {
    uint64_t all = n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
    if (items == all || slots == 0) {
        for (; slots; slots &= slots - 1)
            *at++ = base + __builtin_ctzll(slots);
        return at;
    }
    for (int i = 0; i < n; i++, slots >>= 1, items >>= 1) {
        *at = base;
        at += slots & 1;
        base += (int32_t)(items & 1);
    }
    return at;
}

/* `first` is the node's length before its slots were counted. */
static pqf_status append_offsets(pqf_node_out *node, int64_t first, int64_t base,
                                 int64_t n, const level_mask *slots,
                                 const level_mask *items, int64_t num_items,
                                 pqf_error *err) {
    /* word_offsets stores one element behind what it counts: slack */
    TRY(reserve_offsets(node, node->length - first, base, num_items, err));
    int32_t *at = offset_at(node, first);
    int64_t before = base;
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t s = slots->w[i / 64], e = items->w[i / 64];
        at = word_offsets(s, e, (int)pqf_min_i64(64, n - i), (int32_t)before, at);
        before += pqf_popcount(e);
    }
    end_offsets(node, base + num_items);
    return PQF_OK;
}

static pqf_status append_block(const pqf_kernels *kernel, const pqf_levels *levels,
                               int max_rep, pqf_leaf_out *out, pqf_error *err) {
    level_mask masks[2];
    level_mask *slots = &masks[0], *items = &masks[1];
    int64_t num_slots = root_mask(kernel, levels, max_rep, slots);
    for (int32_t i = 0; i < out->num_nodes; i++) {
        pqf_node_out *node = &out->nodes[i];
        int64_t first = node->length;
        TRY(append_slots(kernel, levels, node, slots, num_slots, err));
        if (!has_items(node->field)) continue;
        int64_t num_items;
        TRY(item_mask(kernel, levels, node->field, max_rep, items, &num_items, err));
        TRY(append_offsets(node, first, out->nodes[i + 1].length, levels->n, slots, items,
                           num_items, err));
        level_mask *other = slots;
        slots = items;
        items = other;
        num_slots = num_items;
    }
    return PQF_OK;
}

pqf_status pqf_levels_append(const pqf_kernels *kernel, const pqf_levels *levels,
                             int max_rep, pqf_leaf_out *out, pqf_error *err) {
    if (levels->n == 0) return PQF_OK;
    if (levels->rep || levels->def)
        return append_block(kernel, levels, max_rep, out, err);
    return append_run(kernel, levels, out, err);
}
