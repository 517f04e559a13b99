/* SPDX-License-Identifier: Apache-2.0
 *
 * view_live.c: room arrow. Dictionary indexes that lead nowhere, in slots that do not count. In: a
 * view of which all but such indexes has been checked; out: the same, with these slots null.
 *
 * A slot counts when it is valid and all its parents are. Builders leave index 0, valid, below a null
 * struct, though the dictionary may be empty. Nobody may follow such an index, so the slot gets a
 * validity bit of 0, in a bitmap of the view's own. What lies behind indexes, runs and unions counts
 * always.
 */
#include "type.h"
#include "view.h"

#include "base/bits.h"

typedef struct masker {
    pqf_arena *arena;
    pqf_poll poll;
    pqf_error *err;
} masker;

static bool leads_nowhere(const pqf_view *v, int64_t i) {
    return pqf_view_is_valid(v, i) &&
           (uint64_t)pqf_view_index(v, i) >= (uint64_t)v->dictionary->length;
}

static pqf_status new_bits(masker *m, int64_t length, uint8_t **out) {
    void *block;
    TRY(pqf_arena_alloc(m->arena, (size_t)pqf_bits_bytes(length), &block, m->err));
    *out = block;
    return PQF_OK;
}

/* `live`: a bit per slot; NULL: every slot counts. */
static pqf_status mask_indexes(masker *m, pqf_view *v, const uint8_t *live) {
    uint8_t *bits;
    int64_t num_valid = 0;
    bool any = false;
    TRY(new_bits(m, v->offset + v->length, &bits));
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&m->poll, i, m->err));
        bool nowhere = leads_nowhere(v, i);
        if (nowhere && (!live || pqf_bit_get(live, i)))
            return pqf_fail(
                m->err, PQF_INVALID,
                "Arrow array '%.100s': dictionary index at %lld is not below %lld",
                pqf_field_name(v->schema), (long long)i,
                (long long)v->dictionary->length);
        any |= nowhere;
        if (nowhere || !pqf_view_is_valid(v, i)) continue;
        pqf_bit_set(bits, v->offset + i);
        num_valid++;
    }
    if (!any) return PQF_OK;
    v->validity = bits;
    v->null_count = v->length - num_valid;
    return PQF_OK;
}

/* The slots of children that slots of a struct or list lead to. */
static pqf_status mark_children(masker *m, const pqf_view *v, const uint8_t *live,
                                int64_t num_slots, uint8_t **out) {
    bool is_struct = v->type.id == PQF_TYPE_STRUCT;
    TRY(new_bits(m, num_slots, out));
    for (int64_t i = 0; i < v->length; i++) {
        int64_t start = v->offset + i, count = 1;
        TRY(pqf_poll_at(&m->poll, i, m->err));
        if (!pqf_view_is_valid(v, i) || (live && !pqf_bit_get(live, i))) continue;
        if (!is_struct) pqf_list_range(v, i, &start, &count);
        for (int64_t k = start; k < start + count; k++)
            pqf_bit_set(*out, k);
    }
    return PQF_OK;
}

static bool has_dictionary(const pqf_view *v) {
    bool has = v->dictionary != NULL;
    for (int64_t i = 0; i < v->num_children && !has; i++)
        has = has_dictionary(&v->children[i]);
    return has;
}

static pqf_status mask_node(masker *m, pqf_view *v, const uint8_t *live) {
    bool leads = v->type.id == PQF_TYPE_STRUCT || pqf_type_has_list_shape(&v->type);
    if (v->dictionary) {
        TRY(mask_indexes(m, v, live));
        return mask_node(m, v->dictionary, NULL);
    }
    for (int64_t i = 0; i < v->num_children; i++) {
        pqf_view *child = &v->children[i];
        uint8_t *below = NULL;
        if (!has_dictionary(child)) continue;
        if (leads) TRY(mark_children(m, v, live, child->length, &below));
        TRY(mask_node(m, child, below));
    }
    return PQF_OK;
}

pqf_status pqf_view_mask(pqf_view *v, const pqf_poll *poll, pqf_arena *arena,
                         pqf_error *err) {
    masker m = {.arena = arena, .poll = *poll, .err = err};
    return mask_node(&m, v, NULL);
}
