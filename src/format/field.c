/* SPDX-License-Identifier: Apache-2.0
 *
 * field.c: the Parquet tree becomes the field tree, the shape of the Arrow data.
 * LogicalTypes.md, "Nested types", with all forms of lists and maps that older writers left:
 *
 *   group l (LIST) { repeated group list { T element } }   3 levels: a list of element
 *   group l (LIST) { repeated T x }                        2 levels: a list of required x
 *   group l (LIST) { repeated group g { T a; U b } }       2 levels: a list of structs
 *   group l (LIST) { repeated group array|l_tuple { T a } } 2 levels: a list of structs of one
 *   repeated T x                                           1 level: a required list of required x
 *   group m (MAP) { repeated group kv { K key; V value } } a map; without value a list of key
 *
 * Each repeated node adds one definition and one repetition level, each optional node a
 * definition level. Names of items are those of the Parquet node.
 */
#include "room.h"

#include <stdio.h>

typedef struct builder {
    pqf_schema *schema;
    const pqf_schema_options *options;
} builder;

typedef struct levels {
    int16_t def; /* of the nearest node above that may be null or empty */
    int16_t rep;
    int16_t def_parent; /* from which a slot exists */
} levels;

static pqf_status build_node(builder *b, const pqf_node *node, levels at,
                             pqf_field *parent, pqf_field *out, pqf_error *err);
static pqf_status build_list(builder *b, const pqf_node *node, levels at,
                             pqf_field *parent, pqf_field *out, pqf_error *err);

/* The group's values would be read wrongly; the file's other columns can be read. */
static pqf_status fail_shape(builder *b, const pqf_node *node, const char *fault,
                             pqf_field *out, pqf_error *err) {
    out->unusable = PQF_CORRUPT;
    return pqf_arena_printf(&b->schema->arena, &out->why, err,
                            "the %s-annotated group '%.200s' %s",
                            pqf_logical_name(node->logical), node->name, fault);
}

/* The group cannot be read; the file's other columns can. */
static pqf_status fail_group(builder *b, const pqf_node *node, pqf_field *out,
                             pqf_error *err) {
    out->unusable = PQF_CORRUPT;
    return pqf_arena_printf(&b->schema->arena, &out->why, err,
                            "the annotation %s belongs on a column, not on a group",
                            pqf_logical_name(node->logical));
}

static bool is_group(const pqf_node *node) { return node->leaf < 0; }
static bool is_repeated(const pqf_node *node) { return node->repetition == PQF_REPEATED; }

static void enter_optional(levels *at, const pqf_node *node) {
    if (node->repetition == PQF_OPTIONAL) at->def++;
}

/* From a list's own levels to those of its items. */
static void enter_items(levels *at) {
    at->def++;
    at->rep++;
    at->def_parent = at->def;
}

static pqf_status begin_field(builder *b, const pqf_node *node, pqf_field_kind kind,
                              levels at, pqf_field *parent, pqf_field *out,
                              pqf_error *err) {
    *out = (pqf_field){
        .kind = kind,
        .name = node->name,
        .nullable = node->repetition == PQF_OPTIONAL,
        .def_parent = at.def_parent,
        .def_level = at.def,
        .rep_level = at.rep,
        .first_leaf = node->first_leaf,
        .num_leaves = node->num_leaves,
        .parent = parent,
        .factor = 1,
    };
    if (kind == PQF_FIELD_STRUCT) out->format = "+s";
    if (kind == PQF_FIELD_LIST) out->format = "+l";
    if (kind == PQF_FIELD_MAP) out->format = "+m";
    if (kind == PQF_FIELD_LIST || kind == PQF_FIELD_MAP) out->rep_level++;
    if (!node->element->has_field_id || node->element->field_id < 0) return PQF_OK;
    char id[16];
    int len = snprintf(id, sizeof id, "%d", node->element->field_id);
    return pqf_field_put_metadata(b->schema, &out->metadata, PQF_BYTES(PQF_FIELD_ID),
                                  pqf_bytes_of(id, (size_t)len), err);
}

static pqf_status add_children(builder *b, pqf_field *field, int32_t n, pqf_error *err) {
    void *children;
    TRY(pqf_arena_array(&b->schema->arena, (size_t)n, sizeof(pqf_field), &children, err));
    field->children = children;
    field->num_children = n;
    return PQF_OK;
}

/* `at` are the levels of the struct itself. */
static pqf_status build_struct(builder *b, const pqf_node *node, levels at,
                               pqf_field *parent, pqf_field *out, pqf_error *err) {
    int32_t i = 0;
    TRY(begin_field(b, node, PQF_FIELD_STRUCT, at, parent, out, err));
    TRY(add_children(b, out, node->num_children, err));
    for (const pqf_node *child = node->children; child; child = child->next)
        TRY(build_node(b, child, at, out, &out->children[i++], err));
    if (pqf_logical_is_of_leaf(node->logical)) return fail_group(b, node, out, err);
    if (b->options && b->options->no_extension_types) return PQF_OK;
    return pqf_field_set_extension(b->schema, out, node, err);
}

static pqf_status build_leaf(builder *b, const pqf_node *node, levels at,
                             pqf_field *parent, pqf_field *out, pqf_error *err) {
    TRY(begin_field(b, node, PQF_FIELD_LEAF, at, parent, out, err));
    return pqf_field_set_leaf(b->schema, out, &b->schema->tree.leaves[node->leaf],
                              b->options, err);
}

/* A repeated node without annotation around it: a required list of required items. Its field id
 * belongs to the list; a struct keeps it too. */
static pqf_status build_repeated(builder *b, const pqf_node *node, levels at,
                                 pqf_field *parent, pqf_field *out, pqf_error *err) {
    TRY(begin_field(b, node, PQF_FIELD_LIST, at, parent, out, err));
    TRY(add_children(b, out, 1, err));
    enter_items(&at);
    if (is_group(node)) return build_struct(b, node, at, out, out->children, err);
    TRY(begin_field(b, node, PQF_FIELD_LEAF, at, out, out->children, err));
    out->children->metadata = (pqf_bytes){0};
    return pqf_field_set_leaf(b->schema, out->children,
                              &b->schema->tree.leaves[node->leaf], b->options, err);
}

/* "array" and "<list>_tuple" are names that old writers gave to the element itself. */
static bool has_element_name(const pqf_node *repeated, const pqf_node *list) {
    size_t len = strlen(list->name);
    if (strcmp(repeated->name, "array") == 0) return true;
    return strncmp(repeated->name, list->name, len) == 0 &&
           strcmp(repeated->name + len, "_tuple") == 0;
}

/* True when the repeated group is the element; false when its only child is. */
static bool is_two_level(const pqf_node *repeated, const pqf_node *list) {
    if (repeated->num_children > 1) return true;
    bool is_plain =
        repeated->logical == PQF_LOGICAL_NONE || repeated->logical == PQF_LOGICAL_OTHER;
    return !is_plain || has_element_name(repeated, list) ||
           is_repeated(repeated->children);
}

static pqf_status build_map(builder *b, const pqf_node *node, levels at,
                            pqf_field *parent, pqf_field *out, pqf_error *err);

/* ---- groups that are no list and no map, whatever their annotation says ---- */

/* A repeated group with a list or map annotation is only the element of a two-level list. */
static bool may_be_repeated(const pqf_node *node) {
    return !is_repeated(node) ||
           (node->parent && node->parent->logical == PQF_LOGICAL_LIST);
}

/* NULL: none. */
static const char *list_fault(const pqf_node *node) {
    const pqf_node *repeated = node->children;
    if (node->num_children != 1) return "does not have exactly one child";
    if (!is_repeated(repeated)) return "has a child that is not repeated";
    if (!may_be_repeated(node)) return "is repeated";
    if (!is_group(repeated)) return NULL;
    if (repeated->num_children == 0) return "has an element without content";
    return is_repeated(node) && !is_two_level(repeated, node) ? "is repeated" : NULL;
}

static const char *map_fault(const pqf_node *node) {
    const pqf_node *entries = node->children;
    if (node->num_children != 1) return "does not have exactly one child";
    if (!is_repeated(entries) || !is_group(entries))
        return "has a child that is not a repeated group";
    if (entries->num_children < 1 || entries->num_children > 2)
        return "has entries of neither one nor two fields";
    if (is_repeated(entries->children)) return "has repeated keys";
    if (entries->num_children == 1) return list_fault(node);
    return may_be_repeated(node) ? NULL : "is repeated";
}

static const char *shape_fault(const pqf_node *node) {
    if (!is_group(node)) return NULL;
    if (node->logical == PQF_LOGICAL_LIST) return list_fault(node);
    return node->logical == PQF_LOGICAL_MAP ? map_fault(node) : NULL;
}

static pqf_status build_element(builder *b, const pqf_node *repeated, levels at,
                                pqf_field *list, pqf_error *err) {
    const char *fault = shape_fault(repeated);
    if (fault) {
        TRY(build_struct(b, repeated, at, list, list->children, err));
        return fail_shape(b, repeated, fault, list->children, err);
    }
    if (repeated->logical == PQF_LOGICAL_LIST)
        return build_list(b, repeated, at, list, list->children, err);
    if (repeated->logical == PQF_LOGICAL_MAP)
        return build_map(b, repeated, at, list, list->children, err);
    return build_struct(b, repeated, at, list, list->children, err);
}

static pqf_status build_items(builder *b, const pqf_node *node, levels at,
                              pqf_field *list, pqf_error *err) {
    const pqf_node *repeated = node->children;
    if (!is_group(repeated))
        return build_leaf(b, repeated, at, list, list->children, err);
    if (is_two_level(repeated, node)) return build_element(b, repeated, at, list, err);
    return build_node(b, repeated->children, at, list, list->children, err);
}

/* Without list_fault. */
static pqf_status build_list(builder *b, const pqf_node *node, levels at,
                             pqf_field *parent, pqf_field *out, pqf_error *err) {
    enter_optional(&at, node);
    TRY(begin_field(b, node, PQF_FIELD_LIST, at, parent, out, err));
    TRY(add_children(b, out, 1, err));
    enter_items(&at);
    return build_items(b, node, at, out, err);
}

/* A key that Parquet calls optional is handed out as required: its def_level stays above the
 * one of the entries, and a null there is for the column room to refuse. Without map_fault. */
static pqf_status build_map(builder *b, const pqf_node *node, levels at,
                            pqf_field *parent, pqf_field *out, pqf_error *err) {
    const pqf_node *entries = node->children;
    if (entries->num_children == 1) return build_list(b, node, at, parent, out, err);
    enter_optional(&at, node);
    TRY(begin_field(b, node, PQF_FIELD_MAP, at, parent, out, err));
    TRY(add_children(b, out, 1, err));
    enter_items(&at);
    TRY(build_struct(b, entries, at, out, out->children, err));
    out->children->name = node->name;
    out->children->children[0].nullable = false;
    return PQF_OK;
}

static pqf_status build_plain(builder *b, const pqf_node *node, levels at,
                              pqf_field *parent, pqf_field *out, pqf_error *err) {
    if (is_repeated(node)) return build_repeated(b, node, at, parent, out, err);
    enter_optional(&at, node);
    if (is_group(node)) return build_struct(b, node, at, parent, out, err);
    return build_leaf(b, node, at, parent, out, err);
}

static pqf_status build_node(builder *b, const pqf_node *node, levels at,
                             pqf_field *parent, pqf_field *out, pqf_error *err) {
    const char *fault = shape_fault(node);
    if (fault) {
        TRY(build_plain(b, node, at, parent, out, err));
        return fail_shape(b, node, fault, out, err);
    }
    if (is_group(node) && node->logical == PQF_LOGICAL_LIST)
        return build_list(b, node, at, parent, out, err);
    if (is_group(node) && node->logical == PQF_LOGICAL_MAP)
        return build_map(b, node, at, parent, out, err);
    return build_plain(b, node, at, parent, out, err);
}

pqf_status pqf_fields_build(pqf_schema *schema, const pqf_schema_options *options,
                            pqf_error *err) {
    builder b = {.schema = schema, .options = options};
    const pqf_node *root = schema->tree.nodes;
    void *room;
    TRY(pqf_arena_array(&schema->arena, (size_t)schema->tree.num_leaves,
                        sizeof(pqf_field *), &room, err));
    schema->leaf_fields = room;
    TRY(pqf_arena_array(&schema->arena, (size_t)root->num_children, sizeof(pqf_field),
                        &room, err));
    schema->fields = room;
    schema->num_fields = root->num_children;
    int32_t i = 0;
    for (const pqf_node *node = root->children; node; node = node->next, i++)
        TRY(build_node(&b, node, (levels){0}, NULL, &schema->fields[i], err));
    return PQF_OK;
}
