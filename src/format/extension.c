/* SPDX-License-Identifier: Apache-2.0
 *
 * extension.c: logical types that Arrow knows as extension types: UUID, JSON, VARIANT, GEOMETRY and
 * GEOGRAPHY. In comes a field with its node; out comes the pair of metadata keys that Arrow's
 * format describes, over the storage that the field has anyway. Consumers that do not know the
 * name see the storage.
 *
 *   GEOMETRY(srid:5070)   geoarrow.wkb   {"crs": "5070", "crs_type": "srid"}
 *   GEOGRAPHY             geoarrow.wkb   {"crs": "OGC:CRS84", "crs_type": "authority_code",
 *                                         "edges": "spherical"}
 */
#include "room.h"

#include <stdio.h>

static pqf_status put_name(pqf_schema *schema, pqf_field *field, pqf_bytes name,
                           pqf_bytes data, pqf_error *err) {
    TRY(pqf_field_put_metadata(schema, &field->metadata, PQF_BYTES(PQF_EXTENSION_NAME),
                               name, err));
    return pqf_field_put_metadata(schema, &field->metadata, PQF_BYTES(PQF_EXTENSION_DATA),
                                  data, err);
}

/* ---- GEOMETRY, GEOGRAPHY: Geospatial.md, Coordinate Reference System ---- */

static bool begins(pqf_bytes text, const char *prefix, pqf_bytes *rest) {
    size_t len = strlen(prefix);
    if (text.len < len || memcmp(text.data, prefix, len) != 0) return false;
    *rest = pqf_bytes_of(text.data + len, text.len - len);
    return true;
}

static pqf_status put_text(pqf_buf *out, const char *text, pqf_error *err) {
    return pqf_buf_put(out, text, strlen(text), err);
}

static pqf_status put_string(pqf_buf *out, pqf_bytes text, pqf_error *err) {
    TRY(put_text(out, "\"", err));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        char escaped[8];
        if (c >= 0x20 && c != '"' && c != '\\') {
            TRY(pqf_buf_put(out, &text.data[i], 1, err));
            continue;
        }
        snprintf(escaped, sizeof escaped, "\\u%04x", c);
        TRY(put_text(out, escaped, err));
    }
    return put_text(out, "\"", err);
}

/* An object that ends where the text ends, as far as braces and strings tell: it cannot break out of
 * the one that it is put into. */
static bool is_object(pqf_bytes text) {
    bool in_string = false;
    int64_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (in_string && c == '\\') {
            i++;
            continue;
        }
        if (c == '"') in_string = !in_string;
        if (in_string) continue;
        depth += (c == '{') - (c == '}');
        if (depth == 0 && i + 1 < text.len) return false;
    }
    return text.len > 1 && text.data[0] == '{' && depth == 0 && !in_string &&
           text.data[text.len - 1] == '}';
}

/* AUTHORITY:CODE, letters and digits alone. */
static bool is_authority_code(pqf_bytes text) {
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i], letter = (uint8_t)(c | 0x20);
        bool is_name = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
        if (!is_name && c != ':') return false;
        colons += c == ':';
    }
    return colons == 1 && text.data[0] != ':' && text.data[text.len - 1] != ':';
}

static pqf_status put_crs(pqf_buf *out, const pqf_metadata *file, pqf_bytes crs,
                          pqf_error *err) {
    pqf_bytes rest, value = crs;
    const char *type = NULL;
    if (crs.len == 0) value = PQF_BYTES("OGC:CRS84");
    if (begins(crs, "projjson:", &rest)) {
        char key[256];
        snprintf(key, sizeof key, "%.*s", (int)(rest.len < 255 ? rest.len : 255),
                 (const char *)rest.data);
        if (!pqf_metadata_get(file, key, &value)) value = crs;
    }
    TRY(put_text(out, "{\"crs\": ", err));
    if (is_object(value)) {
        TRY(pqf_buf_put(out, value.data, value.len, err));
        return put_text(out, ", \"crs_type\": \"projjson\"", err);
    }
    if (begins(value, "srid:", &rest)) {
        value = rest;
        type = "srid";
    } else if (value.data != crs.data || !begins(crs, "projjson:", &rest)) {
        if (is_authority_code(value)) type = "authority_code";
    }
    TRY(put_string(out, value, err));
    if (!type) return PQF_OK;
    TRY(put_text(out, ", \"crs_type\": \"", err));
    TRY(put_text(out, type, err));
    return put_text(out, "\"", err);
}

/* NULL: an algorithm that this build does not know. */
static const char *edges_of(const pqf_geography_type *type) {
    static const char *const names[] = {"spherical", "vincenty", "thomas", "andoyer",
                                        "karney"};
    int32_t id = type->has_algorithm ? type->algorithm : 0;
    return id >= 0 && id < (int32_t)(sizeof names / sizeof *names) ? names[id] : NULL;
}

static pqf_status put_geo(pqf_buf *out, const pqf_metadata *file, const pqf_node *node,
                          pqf_error *err) {
    const pqf_logical_type *type = node->element->logical_type;
    bool is_geometry = node->logical == PQF_LOGICAL_GEOMETRY;
    pqf_bytes crs = is_geometry ? type->geometry.crs : type->geography.crs;
    const char *edges = is_geometry ? NULL : edges_of(&type->geography);
    TRY(put_crs(out, file, crs, err));
    if (edges) {
        TRY(put_text(out, ", \"edges\": \"", err));
        TRY(put_text(out, edges, err));
        TRY(put_text(out, "\"", err));
    }
    return put_text(out, "}", err);
}

static pqf_status set_geo(pqf_schema *schema, pqf_field *field, const pqf_node *node,
                          pqf_error *err) {
    pqf_buf data;
    pqf_status status = PQF_OK;
    pqf_buf_init(&data, schema->mem, 0);
    TRY_DONE(put_geo(&data, schema->file, node, err));
    TRY_DONE(
        put_name(schema, field, PQF_BYTES("geoarrow.wkb"), pqf_buf_view(&data), err));
done:
    pqf_buf_reset(&data);
    return status;
}

/* ---- VARIANT: a group of metadata and of value, typed_value or both ---- */

static bool is_variant(const pqf_field *field) {
    bool has_metadata = false, has_value = false;
    for (int32_t i = 0; i < field->num_children; i++) {
        const pqf_field *child = &field->children[i];
        if (strcmp(child->name, "metadata") == 0)
            has_metadata = child->layout == PQF_LEAF_BINARY && !child->nullable;
        else if (strcmp(child->name, "value") == 0 ||
                 strcmp(child->name, "typed_value") == 0)
            has_value = true;
    }
    return has_metadata && has_value;
}

pqf_status pqf_field_set_extension(pqf_schema *schema, pqf_field *field,
                                   const pqf_node *node, pqf_error *err) {
    pqf_bytes none = PQF_BYTES("");
    switch (node->logical) {
    case PQF_LOGICAL_UUID:
        return put_name(schema, field, PQF_BYTES("arrow.uuid"), none, err);
    case PQF_LOGICAL_JSON:
        return put_name(schema, field, PQF_BYTES("arrow.json"), none, err);
    case PQF_LOGICAL_VARIANT:
        if (!is_variant(field)) return PQF_OK;
        return put_name(schema, field, PQF_BYTES("arrow.parquet.variant"), none, err);
    case PQF_LOGICAL_GEOMETRY:
    case PQF_LOGICAL_GEOGRAPHY: return set_geo(schema, field, node, err);
    default: return PQF_OK;
    }
}
