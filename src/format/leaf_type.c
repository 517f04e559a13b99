/* SPDX-License-Identifier: Apache-2.0
 *
 * leaf_type.c: what a Parquet leaf is in Arrow: format, layout and conversion, from its
 * physical type and annotation by the rows of logical_list.h. An annotation that contradicts
 * the physical type makes the field unusable, not the file: other columns can still be read.
 */
#include "room.h"

#include <stdio.h>

static pqf_status set_unusable(pqf_schema *schema, pqf_field *field, pqf_status status,
                               const char *why, pqf_error *err) {
    field->unusable = status;
    return pqf_arena_printf(&schema->arena, &field->why, err, "%s", why);
}

/* "INT32", "FIXED_LEN_BYTE_ARRAY(8)" */
static void put_physical(const pqf_leaf *leaf, char *text, size_t text_bytes) {
    int n = snprintf(text, text_bytes, "%s", pqf_physical_name((int32_t)leaf->physical));
    if (leaf->physical == PQF_PHYSICAL_FIXED && n > 0)
        snprintf(text + n, text_bytes - (size_t)n, "(%d)", leaf->type_length);
}

static bool is_time(const pqf_node *node) {
    return node->logical == PQF_LOGICAL_TIME || node->logical == PQF_LOGICAL_TIMESTAMP;
}

/* The list of units may grow: an unknown one is no damage (LogicalTypes.md, TIMESTAMP). */
static pqf_status set_contradiction(pqf_schema *schema, pqf_field *field,
                                    pqf_error *err) {
    const pqf_node *node = field->leaf->node;
    char logical[64], physical[48], text[200];
    pqf_logical_text(node, logical, sizeof logical);
    put_physical(field->leaf, physical, sizeof physical);
    if (is_time(node) && node->param == 0) {
        snprintf(text, sizeof text, "a %s in a unit that this version does not know",
                 pqf_logical_name(node->logical));
        return set_unusable(schema, field, PQF_UNSUPPORTED, text, err);
    }
    snprintf(text, sizeof text, "the annotation %s contradicts the column's type %s",
             logical, physical);
    return set_unusable(schema, field, PQF_CORRUPT, text, err);
}

/* True when precision and scale are sound for the leaf's type. */
static bool is_decimal(const pqf_leaf *leaf) {
    const pqf_node *node = leaf->node;
    int32_t digits = INT32_MAX;
    if (leaf->physical == PQF_PHYSICAL_INT32) digits = 9;
    if (leaf->physical == PQF_PHYSICAL_INT64) digits = 18;
    if (leaf->physical == PQF_PHYSICAL_FIXED)
        digits = pqf_decimal_digits(leaf->type_length);
    return node->precision >= 1 && node->precision <= digits && node->scale >= 0 &&
           node->scale <= node->precision;
}

static pqf_status set_decimal(pqf_schema *schema, pqf_field *field, pqf_error *err) {
    const pqf_node *node = field->leaf->node;
    if (node->precision <= 38)
        return pqf_arena_printf(&schema->arena, &field->format, err, "d:%d,%d",
                                node->precision, node->scale);
    field->arrow_width = 32;
    if (node->precision <= 76)
        return pqf_arena_printf(&schema->arena, &field->format, err, "d:%d,%d,256",
                                node->precision, node->scale);
    field->format = "d:76,0,256";
    return set_unusable(schema, field, PQF_UNSUPPORTED,
                        "decimals of more than 76 digits have no Arrow type", err);
}

/* INT96 is a timestamp in the unit that the caller chose. */
static void set_int96(pqf_field *field, const pqf_schema_options *options) {
    static const struct {
        char unit;
        const char *format;
        int64_t factor;
    } units[] = {{'s', "tss:", 1000000000},
                 {'m', "tsm:", 1000000},
                 {'u', "tsu:", 1000},
                 {'n', "tsn:", 1}};
    char unit = options && options->int96_unit ? options->int96_unit[0] : 'n';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit != unit) continue;
        field->format = units[i].format;
        field->factor = units[i].factor;
    }
}

/* True when the text is the field's path: items and entries have no name in it, a map has a
 * key and a value. Compared from the end, on the way up. */
static bool is_path(const pqf_field *field, const char *text) {
    size_t n = strlen(text);
    for (;;) {
        const pqf_field *parent = field->parent;
        bool named = !parent || parent->kind == PQF_FIELD_STRUCT;
        if (named) {
            bool of_map =
                parent && parent->parent && parent->parent->kind == PQF_FIELD_MAP;
            const char *name = field->name;
            if (of_map) name = field == parent->children ? "key" : "value";
            size_t len = strlen(name);
            if (len > n || memcmp(text + n - len, name, len) != 0) return false;
            n -= len;
            if (!parent) return n == 0;
            if (n == 0 || text[--n] != '.') return false;
        }
        field = parent;
    }
}

static bool is_listed(const char *const *names, const pqf_field *field) {
    for (; names && *names; names++) {
        if (strcmp(*names, field->leaf->path) == 0 ||
            strcmp(*names, field->leaf->top_name) == 0 || is_path(field, *names))
            return true;
    }
    return false;
}

static void set_row(pqf_field *field, const pqf_leaf_type *row) {
    field->layout = row->layout;
    field->format = row->format;
    field->convert = row->convert;
    field->arrow_width = row->width ? row->width : field->leaf->type_length;
    field->is_utf8 = row->format[0] == 'u';
}

static pqf_status choose_row(pqf_schema *schema, pqf_field *field, pqf_error *err) {
    const pqf_leaf *leaf = field->leaf;
    const pqf_node *node = leaf->node;
    const pqf_leaf_type *plain = pqf_leaf_type_of(PQF_LOGICAL_NONE, 0, leaf->physical);
    const pqf_leaf_type *row =
        pqf_leaf_type_of(node->logical, node->param, leaf->physical);
    set_row(field, plain);
    if (node->logical == PQF_LOGICAL_OTHER) return PQF_OK;
    if (!row || (row->bytes && row->bytes != leaf->type_length) ||
        (node->logical == PQF_LOGICAL_DECIMAL && !is_decimal(leaf)))
        return set_contradiction(schema, field, err);
    set_row(field, row);
    return PQF_OK;
}

/* Without a length nobody knows where the column's values begin; of no bytes they may well be. */
static pqf_status check_length(pqf_schema *schema, pqf_field *field, pqf_error *err) {
    const pqf_schema_element *e = field->leaf->node->element;
    if (field->leaf->physical != PQF_PHYSICAL_FIXED) return PQF_OK;
    if (e->has_type_length && e->type_length >= 0) return PQF_OK;
    field->unusable = PQF_CORRUPT;
    if (!e->has_type_length)
        return pqf_arena_printf(&schema->arena, &field->why, err,
                                "a FIXED_LEN_BYTE_ARRAY without a length");
    return pqf_arena_printf(&schema->arena, &field->why, err,
                            "a FIXED_LEN_BYTE_ARRAY of length %d", e->type_length);
}

pqf_status pqf_field_set_leaf(pqf_schema *schema, pqf_field *field, const pqf_leaf *leaf,
                              const pqf_schema_options *options, pqf_error *err) {
    const pqf_node *node = leaf->node;
    field->leaf = leaf;
    field->factor = 1;
    TRY(choose_row(schema, field, err));
    TRY(check_length(schema, field, err));
    if (field->format[0] == 'w')
        TRY(pqf_arena_printf(&schema->arena, &field->format, err, "w:%d",
                             leaf->type_length));
    if (field->format[0] == 'd') TRY(set_decimal(schema, field, err));
    if (field->convert == PQF_CONVERT_INT96_TO_TIMESTAMP)
        set_int96(field, options);
    else if (field->format[0] == 't' && field->format[1] == 's' && node->is_utc)
        TRY(pqf_arena_printf(&schema->arena, &field->format, err, "%sUTC",
                             field->format));
    if (options && field->layout == PQF_LEAF_BINARY &&
        is_listed(options->read_dictionary, field))
        field->index_format = "i";
    bool is_plain = field->index_format || (options && options->no_extension_types);
    if (field->unusable == PQF_OK && !is_plain)
        TRY(pqf_field_set_extension(schema, field, node, err));
    schema->leaf_fields[leaf->index] = field;
    return PQF_OK;
}

pqf_status pqf_field_put_metadata(pqf_schema *schema, pqf_bytes *metadata, pqf_bytes key,
                                  pqf_bytes value, pqf_error *err) {
    size_t old = metadata->len ? metadata->len : 4;
    void *room;
    if (key.len > INT32_MAX || value.len > INT32_MAX || old > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "field metadata of more than 2 GiB");
    TRY(pqf_arena_alloc(&schema->arena, old + 8 + key.len + value.len, &room, err));
    uint8_t *p = room;
    if (metadata->len) memcpy(p, metadata->data, metadata->len);
    pqf_store_u32(p, pqf_load_u32(p) + 1);
    p += old;
    pqf_store_u32(p, (uint32_t)key.len);
    if (key.len) memcpy(p + 4, key.data, key.len);
    p += 4 + key.len;
    pqf_store_u32(p, (uint32_t)value.len);
    if (value.len) memcpy(p + 4, value.data, value.len);
    *metadata = pqf_bytes_of(room, old + 8 + key.len + value.len);
    return PQF_OK;
}
