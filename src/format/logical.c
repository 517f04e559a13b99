/* SPDX-License-Identifier: Apache-2.0
 *
 * logical.c: annotations of schema nodes. In come LogicalType and the deprecated
 * ConvertedType of an element, out comes one pair (logical type, parameter) and the row that
 * says what a leaf with it is in Arrow. A LogicalType that this build does not know leaves
 * the physical type (LogicalTypes.md: readers ignore unknown annotations) unless a
 * ConvertedType stands beside it.
 */
#include "logical_list.h"
#include "room.h"

static const pqf_leaf_type leaf_types[] = {
#define PQF_X(id, param_, physical_, bytes_, format_, layout_, width_, order_, convert_) \
    {.logical = PQF_LOGICAL_##id,                                                        \
     .param = param_,                                                                    \
     .physical = PQF_PHYSICAL_##physical_,                                               \
     .bytes = bytes_,                                                                    \
     .format = format_,                                                                  \
     .layout = PQF_LEAF_##layout_,                                                       \
     .width = width_,                                                                    \
     .order = PQF_ORDER_##order_,                                                        \
     .convert = PQF_CONVERT_##convert_},
    PQF_LEAF_TYPE_LIST(PQF_X)
#undef PQF_X
};
#define NUM_LEAF_TYPES (sizeof leaf_types / sizeof leaf_types[0])

static const struct {
    int32_t logical;
    int32_t param;
} converted_types[] = {
#define PQF_X(number, id, param_) [number] = {PQF_LOGICAL_##id, param_},
    PQF_CONVERTED_LIST(PQF_X)
#undef PQF_X
};
#define NUM_CONVERTED ((int32_t)(sizeof converted_types / sizeof converted_types[0]))

static const struct {
    int32_t logical;
    const char *name;
    bool reads, writes;
} logical_types[] = {
#define PQF_X(id, member, reads_, writes_) {PQF_LOGICAL_##id, #id, reads_, writes_},
    PQF_LOGICAL_LIST(PQF_X)
#undef PQF_X
        {PQF_LOGICAL_INTERVAL, "INTERVAL", true, true},
};
#define NUM_LOGICAL ((int64_t)(sizeof logical_types / sizeof logical_types[0]))

const pqf_leaf_type *pqf_leaf_type_of(int32_t logical, int32_t param,
                                      pqf_physical physical) {
    for (size_t i = 0; i < NUM_LEAF_TYPES; i++) {
        const pqf_leaf_type *row = &leaf_types[i];
        if (row->physical == physical && row->logical == logical && row->param == param)
            return row;
    }
    return NULL;
}

bool pqf_logical_is_of_leaf(int32_t logical) {
    for (size_t i = 0; i < NUM_LEAF_TYPES; i++) {
        if (leaf_types[i].logical == logical) return logical != PQF_LOGICAL_NONE;
    }
    return false;
}

const char *pqf_logical_name(int32_t logical) {
    for (int64_t i = 0; i < NUM_LOGICAL; i++) {
        if (logical_types[i].logical == logical) return logical_types[i].name;
    }
    return "unknown";
}

bool pqf_logical_row(int64_t i, const char **name, bool *reads, bool *writes) {
    if (i < 0 || i >= NUM_LOGICAL) return false;
    *name = logical_types[i].name;
    *reads = logical_types[i].reads;
    *writes = logical_types[i].writes;
    return true;
}

const char *pqf_physical_name(int32_t physical) {
    static const char *const names[] = {
        "BOOLEAN", "INT32",  "INT64",      "INT96",
        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    return physical >= 0 && physical < 8 ? names[physical] : "unknown";
}

int32_t pqf_converted_of(int32_t logical, int32_t param) {
    for (int32_t i = 0; i < NUM_CONVERTED; i++) {
        if (converted_types[i].logical == logical && converted_types[i].param == param)
            return i;
    }
    return -1;
}

/* floor(log10(2^(8 bytes - 1) - 1)); 30103 / 100000 is log10(2) closely enough for bytes <= 32, and
 * what has more digits than that has more than any Arrow type. */
int32_t pqf_decimal_digits(int32_t bytes) {
    int64_t digits = (8 * (int64_t)bytes - 1) * 30103 / 100000;
    return digits < INT32_MAX ? (int32_t)digits : INT32_MAX;
}

static int32_t unit_param(const pqf_time_unit *unit) {
    if (unit->has_millis) return 'm';
    if (unit->has_micros) return 'u';
    return unit->has_nanos ? 'n' : 0;
}

static int32_t union_member(const pqf_logical_type *type) {
#define PQF_X(id, member, reads, writes)                                                 \
    if (type->has_##member) return PQF_LOGICAL_##id;
    PQF_LOGICAL_LIST(PQF_X)
#undef PQF_X
    return PQF_LOGICAL_OTHER;
}

static void annotate_logical(pqf_node *node, const pqf_logical_type *type) {
    node->logical = union_member(type);
    switch (node->logical) {
    case PQF_LOGICAL_DECIMAL:
        node->precision = type->decimal.precision;
        node->scale = type->decimal.scale;
        break;
    case PQF_LOGICAL_TIME:
        node->param = unit_param(&type->time.unit);
        node->is_utc = type->time.is_adjusted_to_utc;
        break;
    case PQF_LOGICAL_TIMESTAMP:
        node->param = unit_param(&type->timestamp.unit);
        node->is_utc = type->timestamp.is_adjusted_to_utc;
        break;
    case PQF_LOGICAL_INTEGER:
        node->param = type->integer.bit_width;
        if (node->param & 7) node->param = 0; /* widths are 8, 16, 32 and 64 */
        node->param += type->integer.is_signed ? 0 : 1;
        break;
    default: break;
    }
}

static void annotate_converted(pqf_node *node, const pqf_schema_element *element) {
    int32_t converted = element->converted_type;
    if (converted < 0 || converted >= NUM_CONVERTED) {
        node->logical = PQF_LOGICAL_OTHER;
        return;
    }
    node->logical = converted_types[converted].logical;
    node->param = converted_types[converted].param;
    node->is_utc = true;
    node->precision = element->precision;
    node->scale = element->scale;
}

void pqf_node_annotate(pqf_node *node) {
    const pqf_schema_element *element = node->element;
    node->logical = PQF_LOGICAL_NONE;
    if (element->logical_type) annotate_logical(node, element->logical_type);
    bool is_known =
        node->logical != PQF_LOGICAL_NONE && node->logical != PQF_LOGICAL_OTHER;
    if (!is_known && element->has_converted_type) annotate_converted(node, element);
}
