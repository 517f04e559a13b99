/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c: nodes of the Parquet schema in words, and whether two schemas are the same. In come
 * trees that are built; out go texts such as "optional INT64 TIMESTAMP(MICROS, UTC)". Two
 * schemas are the same when the pages of one can stand in a file of the other: names, types,
 * annotations (LogicalType or the ConvertedType that means the same), repetition and field ids.
 */
#include "room.h"

#include <stdio.h>

static const char *unit_name(int32_t param) {
    return param == 'm' ? "MILLIS" : param == 'u' ? "MICROS" : "NANOS";
}

void pqf_logical_text(const pqf_node *node, char *text, size_t text_bytes) {
    const char *name = pqf_logical_name(node->logical);
    switch (node->logical) {
    case PQF_LOGICAL_NONE: snprintf(text, text_bytes, "%s", ""); break;
    case PQF_LOGICAL_DECIMAL:
        snprintf(text, text_bytes, "%s(%d, %d)", name, node->precision, node->scale);
        break;
    case PQF_LOGICAL_TIME:
    case PQF_LOGICAL_TIMESTAMP:
        snprintf(text, text_bytes, "%s(%s%s)", name, unit_name(node->param),
                 node->is_utc ? ", UTC" : "");
        break;
    case PQF_LOGICAL_INTEGER:
        snprintf(text, text_bytes, "%s(%d, %s)", name, node->param & ~1,
                 node->param & 1 ? "unsigned" : "signed");
        break;
    default: snprintf(text, text_bytes, "%s", name);
    }
}

void pqf_node_text(const pqf_node *node, char *text, size_t text_bytes) {
    static const char *const repetitions[] = {"required", "optional", "repeated"};
    char logical[64], length[16] = "";
    const pqf_schema_element *e = node->element;
    bool is_group = node->leaf < 0;
    pqf_logical_text(node, logical, sizeof logical);
    if (!is_group && e->type == PQF_PHYSICAL_FIXED)
        snprintf(length, sizeof length, "(%d)", e->type_length);
    snprintf(text, text_bytes, "%s %s%s%s%s", repetitions[node->repetition],
             is_group ? "group" : pqf_physical_name(e->type), length, *logical ? " " : "",
             logical);
}

static bool same_leaf(const pqf_schema_element *a, const pqf_schema_element *b) {
    return a->type == b->type &&
           (a->type != PQF_PHYSICAL_FIXED || a->type_length == b->type_length);
}

static bool same_annotation(const pqf_node *a, const pqf_node *b) {
    return a->logical == b->logical && a->param == b->param && a->is_utc == b->is_utc &&
           a->precision == b->precision && a->scale == b->scale;
}

static bool same_field_id(const pqf_schema_element *a, const pqf_schema_element *b) {
    return a->has_field_id == b->has_field_id &&
           (!a->has_field_id || a->field_id == b->field_id);
}

static bool same_node(const pqf_node *a, const pqf_node *b) {
    return a->num_children == b->num_children && (a->leaf < 0) == (b->leaf < 0) &&
           a->repetition == b->repetition && !strcmp(a->name, b->name) &&
           same_annotation(a, b) && same_field_id(a->element, b->element) &&
           (a->leaf < 0 || same_leaf(a->element, b->element));
}

/* Nodes stand in depth-first order: with equal numbers of children, equal positions are equal
 * places. The root's name means nothing. */
int32_t pqf_tree_difference(const pqf_tree *a, const pqf_tree *b) {
    int32_t n = a->num_nodes < b->num_nodes ? a->num_nodes : b->num_nodes;
    for (int32_t i = 1; i < n; i++)
        if (!same_node(&a->nodes[i], &b->nodes[i])) return i;
    return a->num_nodes == b->num_nodes ? -1 : n;
}
