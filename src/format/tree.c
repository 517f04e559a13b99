/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c: the flat list of SchemaElements becomes a tree with levels (README.md, "Metadata",
 * "Nested encoding"). The list is the tree in depth-first order; num_children is all that
 * tells its shape, so it is checked against the elements that are there. A leaf is what has a
 * type and no children.
 */
#include "room.h"

#include "kernel/kernel.h"

/* Dotted paths are as long as depth times names: bounds what a small footer makes of one name. */
#define MAX_PATH_BYTES ((size_t)256 << 20)

typedef struct tree_builder {
    pqf_schema_element *elements;
    int32_t num_elements;
    int32_t next; /* element */
    size_t path_bytes;
    pqf_arena *arena;
    pqf_tree *tree;
} tree_builder;

static bool is_leaf(const pqf_schema_element *element) {
    return element->has_type && element->num_children == 0;
}

static pqf_status check_element(const pqf_schema_element *e, int32_t i, pqf_error *err) {
    if (e->num_children < 0)
        return pqf_fail(err, PQF_CORRUPT, "schema element %d has %d children", i,
                        e->num_children);
    if (e->repetition_type < 0 || e->repetition_type > PQF_REPEATED)
        return pqf_fail(err, PQF_CORRUPT,
                        "schema element %d has the unknown repetition %d", i,
                        e->repetition_type);
    if (is_leaf(e) && (e->type < 0 || e->type > PQF_PHYSICAL_FIXED))
        return pqf_fail(err, PQF_CORRUPT, "schema element %d has the unknown type %d", i,
                        e->type);
    return PQF_OK;
}

static pqf_order order_of(const pqf_node *node, pqf_physical physical) {
    const pqf_leaf_type *row = pqf_leaf_type_of(node->logical, node->param, physical);
    return row ? row->order : PQF_ORDER_NONE;
}

static pqf_status path_of(tree_builder *b, const pqf_node *node, const char *parent_path,
                          const char **out, pqf_error *err) {
    if (!parent_path) {
        *out = node->name;
        return PQF_OK;
    }
    b->path_bytes += strlen(parent_path) + strlen(node->name) + 2;
    if (b->path_bytes > MAX_PATH_BYTES)
        return pqf_fail(err, PQF_LIMIT,
                        "the schema's dotted paths take more than 256 MiB");
    return pqf_arena_printf(b->arena, out, err, "%s.%s", parent_path, node->name);
}

static void add_leaf(tree_builder *b, pqf_node *node, const char *path,
                     const char *top_name) {
    pqf_leaf *leaf = &b->tree->leaves[b->tree->num_leaves];
    *leaf = (pqf_leaf){
        .index = b->tree->num_leaves,
        .node = node,
        .path = path,
        .top_name = top_name,
        .physical = (pqf_physical)node->element->type,
        .max_def = node->max_def,
        .max_rep = node->max_rep,
    };
    if (leaf->physical == PQF_PHYSICAL_FIXED && node->element->type_length > 0)
        leaf->type_length = node->element->type_length;
    leaf->order = order_of(node, leaf->physical);
    node->leaf = b->tree->num_leaves++;
}

/* Names are strings of Thrift, which are UTF-8; consumers of Arrow schemas rely on it. */
static pqf_status check_name(const pqf_schema_element *element, int32_t at,
                             pqf_error *err) {
    const pqf_kernels *kernel = pqf_kernels_get();
    if (!kernel->utf8_valid(element->name.data, (int64_t)element->name.len))
        return pqf_fail(err, PQF_CORRUPT, "the name of schema element %d is not UTF-8",
                        at);
    if (element->name.len && memchr(element->name.data, 0, element->name.len))
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "the name of schema element %d holds a NUL character", at);
    return PQF_OK;
}

/* parent_path is NULL for the root and its children's parent. Recursion ends at depth 64. */
static pqf_status add_node(tree_builder *b, pqf_node *parent, const char *parent_path,
                           const char *top_name, int depth, pqf_node **out,
                           pqf_error *err) {
    if (b->next >= b->num_elements)
        return pqf_fail(err, PQF_CORRUPT,
                        "the schema has %d elements, fewer than their num_children claim",
                        b->num_elements);
    if (depth > PQF_SCHEMA_MAX_DEPTH)
        return pqf_fail(err, PQF_LIMIT, "the schema is nested deeper than %d levels",
                        PQF_SCHEMA_MAX_DEPTH);
    int32_t at = b->next++;
    const pqf_schema_element *element = &b->elements[at];
    TRY(check_element(element, at, err));
    pqf_node *node = &b->tree->nodes[b->tree->num_nodes++];
    *node = (pqf_node){.element = element, .parent = parent, .leaf = -1};
    node->num_children = element->num_children;
    TRY(check_name(element, at, err));
    TRY(pqf_arena_string(b->arena, element->name, &node->name, err));
    pqf_node_annotate(node);
    node->first_leaf = b->tree->num_leaves;
    const char *path = NULL;
    if (parent) {
        node->repetition = (pqf_repetition)element->repetition_type;
        node->max_def = (int16_t)(parent->max_def + (node->repetition != PQF_REQUIRED));
        node->max_rep = (int16_t)(parent->max_rep + (node->repetition == PQF_REPEATED));
        if (!top_name) top_name = node->name;
        TRY(path_of(b, node, parent_path, &path, err));
    }
    if (parent && is_leaf(element)) add_leaf(b, node, path, top_name);
    pqf_node **link = &node->children;
    for (int32_t i = 0; i < node->num_children; i++, link = &(*link)->next) {
        TRY(add_node(b, node, path, top_name, depth + 1, link, err));
    }
    node->num_leaves = b->tree->num_leaves - node->first_leaf;
    *out = node;
    return PQF_OK;
}

pqf_status pqf_tree_build(pqf_schema_element *elements, int32_t num_elements,
                          pqf_arena *arena, pqf_tree *out, pqf_error *err) {
    tree_builder b = {.elements = elements, .num_elements = num_elements, .arena = arena};
    void *nodes, *leaves;
    pqf_node *root;
    *out = (pqf_tree){0};
    if (num_elements == 0)
        return pqf_fail(err, PQF_CORRUPT, "the schema has no elements");
    TRY(pqf_arena_array(arena, (size_t)num_elements, sizeof(pqf_node), &nodes, err));
    TRY(pqf_arena_array(arena, (size_t)num_elements, sizeof(pqf_leaf), &leaves, err));
    out->nodes = nodes;
    out->leaves = leaves;
    b.tree = out;
    TRY(add_node(&b, NULL, NULL, NULL, 0, &root, err));
    if (b.next != num_elements)
        return pqf_fail(err, PQF_CORRUPT,
                        "the schema has %d elements but its tree ends after %d",
                        num_elements, b.next);
    return PQF_OK;
}

const pqf_leaf *pqf_tree_leaf(const pqf_tree *tree, const char *path) {
    for (int32_t i = 0; i < tree->num_leaves; i++) {
        if (strcmp(tree->leaves[i].path, path) == 0) return &tree->leaves[i];
    }
    return NULL;
}
