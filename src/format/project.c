/* SPDX-License-Identifier: Apache-2.0
 *
 * project.c: a part of a field. In: a field of a file and what is wanted of it. Out: a copy of
 * the field tree with only the chosen children, and its leaves. Levels stay those of the file,
 * because what is left out takes nothing away from the levels of the other leaves:
 *
 *   s { x, y { z } }  choice s.y     s { y { z } }, leaf 0 of the copy is column 1 of the file
 *   l [ { v, w } ]    choice l.v     l [ { v } ]: the choice of a list is that of its items
 *   m { key, value }  choice m.value m { key, value }: no map is without its key
 */
#include "room.h"

typedef struct projector {
    pqf_arena *arena;
    pqf_field **leaves;
    int32_t num_leaves;
} projector;

static pqf_status copy_field(projector *p, const pqf_field *in, const pqf_choice *choice,
                             pqf_field *parent, pqf_field *out, pqf_error *err);

static const pqf_choice *part_of(const pqf_choice *choice) {
    return choice && choice->is_whole ? NULL : choice;
}

/* choice is that of a struct; NULL: all of it. */
static bool is_chosen(const pqf_choice *choice, const pqf_field *child) {
    return !choice || pqf_choice_child(choice, child->name);
}

static pqf_status add_children(projector *p, int32_t n, pqf_field *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(p->arena, (size_t)n, sizeof(pqf_field), &block, err));
    out->children = block;
    out->num_children = n;
    return PQF_OK;
}

static pqf_status copy_struct(projector *p, const pqf_field *in, const pqf_choice *choice,
                              pqf_field *out, pqf_error *err) {
    int32_t n = 0;
    for (int32_t i = 0; i < in->num_children; i++)
        n += is_chosen(choice, &in->children[i]);
    TRY(add_children(p, n, out, err));
    n = 0;
    for (int32_t i = 0; i < in->num_children; i++) {
        const pqf_field *child = &in->children[i];
        if (!is_chosen(choice, child)) continue;
        const pqf_choice *below = choice ? pqf_choice_child(choice, child->name) : NULL;
        TRY(copy_field(p, child, below, out, &out->children[n++], err));
    }
    return PQF_OK;
}

/* The child is the struct of the entries. */
static pqf_status copy_map(projector *p, const pqf_field *in, const pqf_choice *choice,
                           pqf_field *out, pqf_error *err) {
    static const char *const names[] = {"key", "value"};
    const pqf_field *entries = &in->children[0];
    TRY(add_children(p, 1, out, err));
    pqf_field *to = &out->children[0];
    *to = *entries;
    to->parent = out;
    to->first_leaf = p->num_leaves;
    TRY(add_children(p, entries->num_children, to, err));
    for (int32_t i = 0; i < entries->num_children; i++) {
        const pqf_choice *below = choice ? pqf_choice_child(choice, names[i]) : NULL;
        TRY(copy_field(p, &entries->children[i], below, to, &to->children[i], err));
    }
    to->num_leaves = p->num_leaves - to->first_leaf;
    return PQF_OK;
}

static pqf_status copy_below(projector *p, const pqf_field *in, const pqf_choice *choice,
                             pqf_field *out, pqf_error *err) {
    switch (in->kind) {
    case PQF_FIELD_STRUCT: return copy_struct(p, in, choice, out, err);
    case PQF_FIELD_MAP: return copy_map(p, in, choice, out, err);
    case PQF_FIELD_LIST:
        TRY(add_children(p, 1, out, err));
        return copy_field(p, in->children, choice, out, out->children, err);
    case PQF_FIELD_LEAF: p->leaves[p->num_leaves++] = out; break;
    }
    return PQF_OK;
}

/* `out` stands in the children of its parent for good: leaves point at it. */
static pqf_status copy_field(projector *p, const pqf_field *in, const pqf_choice *choice,
                             pqf_field *parent, pqf_field *out, pqf_error *err) {
    *out = *in;
    out->parent = parent;
    out->first_leaf = p->num_leaves;
    TRY(copy_below(p, in, part_of(choice), out, err));
    out->num_leaves = p->num_leaves - out->first_leaf;
    return PQF_OK;
}

pqf_status pqf_field_project(const pqf_schema *schema, const pqf_field *field,
                             const pqf_choice *choice, pqf_arena *arena,
                             pqf_projection *out, pqf_error *err) {
    void *block;
    if (!part_of(choice)) {
        *out = (pqf_projection){field, schema->leaf_fields + field->first_leaf};
        return PQF_OK;
    }
    projector p = {.arena = arena};
    TRY(pqf_arena_array(arena, (size_t)field->num_leaves, sizeof(pqf_field *), &block,
                        err));
    p.leaves = block;
    TRY(pqf_arena_alloc(arena, sizeof(pqf_field), &block, err));
    TRY(copy_field(&p, field, choice, NULL, block, err));
    *out = (pqf_projection){block, p.leaves};
    return PQF_OK;
}
