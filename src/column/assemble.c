/* SPDX-License-Identifier: Apache-2.0
 *
 * assemble.c (room column): leaves become the array of their top-level field. In: one
 * pqf_leaf_out per leaf, each with the validity and offsets of all groups around it. Out:
 * one ArrowArray. What leaves below one group say about it must be the same: the levels of a
 * group are stored once per leaf.
 */
#include "assemble.h"

typedef struct assembly {
    pqf_leaf_out *leaves;
    int32_t first_leaf;
    pqf_mem *mem;
} assembly;

/* ---- siblings ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, int64_t n) {
    size_t whole = (size_t)(n / 8);
    if (memcmp(a, b, whole) != 0) return false;
    uint8_t mask = (uint8_t)((1u << (n & 7)) - 1);
    return !mask || ((a[whole] ^ b[whole]) & mask) == 0;
}

static bool same_node(const pqf_node_out *a, const pqf_node_out *b) {
    if (a->length != b->length || a->num_nulls != b->num_nulls) return false;
    if (a->num_nulls && !same_bits(a->validity.data, b->validity.data, a->length))
        return false;
    if (a->offsets.len != b->offsets.len) return false;
    return !a->offsets.len ||
           memcmp(a->offsets.data, b->offsets.data, a->offsets.len) == 0;
}

static pqf_leaf_out *leaf_of(const assembly *a, const pqf_field *field) {
    return &a->leaves[field->first_leaf - a->first_leaf];
}

static pqf_status check_siblings(const assembly *a, const pqf_field *group, int32_t depth,
                                 pqf_error *err) {
    pqf_leaf_out *first = leaf_of(a, group);
    for (int32_t i = 1; i < group->num_leaves; i++) {
        if (same_node(&first->nodes[depth], &first[i].nodes[depth])) continue;
        pqf_fail(err, PQF_CORRUPT,
                 "the column's levels do not give the same nulls and lists of %s as "
                 "those of column %s",
                 group->name, first->leaf_field->leaf->path);
        return pqf_error_at_column(err, first[i].leaf_field->leaf->path);
    }
    return PQF_OK;
}

/* ---- the tree ---- */

static pqf_status build(const assembly *a, const pqf_field *field, int32_t depth,
                        int64_t length, struct ArrowArray *out, pqf_error *err);

static pqf_status build_children(const assembly *a, const pqf_field *field, int32_t depth,
                                 struct ArrowArray *out, pqf_error *err) {
    for (int32_t i = 0; i < field->num_children; i++) {
        struct ArrowArray child;
        TRY(build(a, &field->children[i], depth + 1, out->length, &child, err));
        TRY(pqf_array_take_child(out, i, &child, err));
    }
    return PQF_OK;
}

static pqf_status build_struct(const assembly *a, const pqf_field *field, int32_t depth,
                               pqf_node_out *node, struct ArrowArray *out,
                               pqf_error *err) {
    struct ArrowArray array;
    TRY(pqf_assemble_begin(field, node, 1, field->num_children, a->mem, &array, err));
    pqf_status status = build_children(a, field, depth, &array, err);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

/* Entries of a map are the children of its one child. */
static pqf_status check_keys(const assembly *a, const pqf_field *map, int32_t depth,
                             pqf_error *err) {
    const pqf_field *entries = &map->children[0];
    if (map->kind != PQF_FIELD_MAP || entries->num_children == 0) return PQF_OK;
    const pqf_field *key = &entries->children[0];
    if (key->num_leaves == 0 || leaf_of(a, key)->nodes[depth + 2].num_nulls == 0)
        return PQF_OK;
    pqf_fail(err, PQF_CORRUPT, "the map %s has a key that is null", map->name);
    return pqf_error_at_column(err, leaf_of(a, key)->leaf_field->leaf->path);
}

static pqf_status build_list(const assembly *a, const pqf_field *field, int32_t depth,
                             pqf_node_out *node, struct ArrowArray *out, pqf_error *err) {
    struct ArrowArray items;
    TRY(check_keys(a, field, depth, err));
    int64_t num_items = leaf_of(a, field)->nodes[depth + 1].length;
    TRY(build(a, &field->children[0], depth + 1, num_items, &items, err));
    return pqf_assemble_list(field, node, &items, a->mem, out, err);
}

/* `length` is that of a group without leaves, which has no levels of its own. */
static pqf_status build(const assembly *a, const pqf_field *field, int32_t depth,
                        int64_t length, struct ArrowArray *out, pqf_error *err) {
    if (field->num_leaves == 0) {
        if (field->kind != PQF_FIELD_STRUCT)
            return pqf_fail(err, PQF_UNSUPPORTED, "the list %s has no columns",
                            field->name);
        pqf_node_out none = {.length = length};
        return build_struct(a, field, depth, &none, out, err);
    }
    if (field->kind == PQF_FIELD_LEAF)
        return pqf_assemble_leaf(leaf_of(a, field), a->mem, out, err);
    TRY(check_siblings(a, field, depth, err));
    pqf_node_out *node = &leaf_of(a, field)->nodes[depth];
    if (field->kind == PQF_FIELD_STRUCT)
        return build_struct(a, field, depth, node, out, err);
    return build_list(a, field, depth, node, out, err);
}

static pqf_status check_rows(const assembly *a, const pqf_field *field, int64_t num_rows,
                             pqf_error *err) {
    for (int32_t i = 0; i < field->num_leaves; i++)
        if (a->leaves[i].num_rows != num_rows || a->leaves[i].nodes[0].length != num_rows)
            return pqf_fail(
                err, PQF_INVALID, "leaf %d of %s has %lld rows, %lld are wanted", (int)i,
                field->name, (long long)a->leaves[i].num_rows, (long long)num_rows);
    return PQF_OK;
}

pqf_status pqf_assemble(const pqf_field *field, pqf_leaf_out *leaves, int64_t num_rows,
                        pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    assembly a = {leaves, field->first_leaf, mem};
    pqf_status status = check_rows(&a, field, num_rows, err);
    if (status == PQF_OK) status = build(&a, field, 0, num_rows, out, err);
    for (int32_t i = 0; i < field->num_leaves; i++)
        pqf_leaf_out_reset(&leaves[i]);
    return status;
}
