/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.c: merges the Arrow schema that a file's writer stored (ARROW:schema) into the fields
 * that Parquet tells. Parquet knows no zones but UTC, no seconds, no large or fixed-size
 * lists, no dictionaries as types; where the stored type is a form of what is there, it is
 * handed out exactly. Where it is not, the stored type is ignored: the file may have been
 * changed since. Fields match by position; nullability, names and field ids stay Parquet's.
 */
#include "room.h"

#include "arrow/arrow.h"

static pqf_status apply(pqf_schema *schema, pqf_field *field,
                        const struct ArrowSchema *origin, pqf_error *err);

static bool same_storage(const pqf_field *field, const struct ArrowSchema *origin);

static pqf_status keep_format(pqf_schema *schema, pqf_field *field, const char *format,
                              pqf_error *err) {
    pqf_bytes bytes = pqf_bytes_of(format, strlen(format));
    return pqf_arena_string(&schema->arena, bytes, &field->format, err);
}

/* ---- nested ---- */

static bool list_form(const pqf_type *type, pqf_list_form *out) {
    switch (type->id) {
    case PQF_TYPE_LIST: *out = PQF_LIST; return true;
    case PQF_TYPE_LARGE_LIST: *out = PQF_LIST_LARGE; return true;
    case PQF_TYPE_LIST_VIEW: *out = PQF_LIST_VIEW; return true;
    case PQF_TYPE_LARGE_LIST_VIEW: *out = PQF_LIST_LARGE_VIEW; return true;
    case PQF_TYPE_FIXED_LIST: *out = PQF_LIST_FIXED; return true;
    default: return false;
    }
}

static pqf_status apply_nested(pqf_schema *schema, pqf_field *field,
                               const struct ArrowSchema *origin, const pqf_type *type,
                               pqf_error *err) {
    pqf_list_form form = PQF_LIST;
    if (origin->n_children != field->num_children) return PQF_OK;
    if (field->kind == PQF_FIELD_STRUCT && type->id != PQF_TYPE_STRUCT) return PQF_OK;
    if (field->kind == PQF_FIELD_MAP && type->id != PQF_TYPE_MAP) return PQF_OK;
    if (field->kind == PQF_FIELD_LIST && !list_form(type, &form)) return PQF_OK;
    for (int32_t i = 0; i < field->num_children; i++)
        TRY(apply(schema, &field->children[i], origin->children[i], err));
    if (field->kind == PQF_FIELD_MAP)
        field->keys_sorted = (origin->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
    if (field->kind != PQF_FIELD_LIST) return PQF_OK;
    field->list_form = form;
    field->fixed_items = form == PQF_LIST_FIXED ? type->width : 0;
    return keep_format(schema, field, origin->format, err);
}

/* ---- leaves ---- */

/* Parquet's unit and UTC, the stored zone; seconds exactly, which are stored as a finer unit. */
static pqf_status apply_timestamp(pqf_schema *schema, pqf_field *field,
                                  const pqf_type *stored, pqf_error *err) {
    pqf_type own;
    TRY(pqf_type_parse(field->format, &own, err));
    if (field->convert != PQF_CONVERT_NONE)
        return PQF_OK; /* INT96 has neither zone nor seconds */
    bool is_zoned = own.zone[0] && stored->zone[0];
    const char *zone = is_zoned ? stored->zone : own.zone;
    char unit = field->format[2];
    if (stored->unit == PQF_SECOND && (is_zoned || (!own.zone[0] && !stored->zone[0]))) {
        field->convert = PQF_CONVERT_DIVIDE_64;
        field->factor = pqf_unit_per_second(own.unit);
        unit = 's';
    }
    return pqf_arena_printf(&schema->arena, &field->format, err, "ts%c:%s", unit, zone);
}

/* The stored form of a string or binary column, which its format's letter tells. */
static bool binary_form(const pqf_type *type, bool is_utf8, pqf_binary_form *out) {
    switch (type->id) {
    case PQF_TYPE_STRING:
    case PQF_TYPE_BINARY: *out = PQF_FORM_NARROW; break;
    case PQF_TYPE_LARGE_STRING:
    case PQF_TYPE_LARGE_BINARY: *out = PQF_FORM_LARGE; break;
    case PQF_TYPE_STRING_VIEW:
    case PQF_TYPE_BINARY_VIEW: *out = PQF_FORM_VIEW; break;
    default: return false;
    }
    bool is_string = type->id == PQF_TYPE_STRING || type->id == PQF_TYPE_LARGE_STRING ||
                     type->id == PQF_TYPE_STRING_VIEW;
    return is_string == is_utf8;
}

static pqf_status apply_binary(pqf_schema *schema, pqf_field *field, const char *format,
                               const pqf_type *type, pqf_error *err) {
    pqf_binary_form form;
    if (!binary_form(type, field->is_utf8, &form)) return PQF_OK;
    field->binary_form = form;
    return keep_format(schema, field, format, err);
}

static void set_convert(pqf_field *field, pqf_convert convert, int64_t factor,
                        int32_t width, const char *format) {
    field->convert = convert;
    field->factor = factor;
    field->arrow_width = width;
    field->format = format;
}

/* The stored width of a decimal. Integers that are that wide already stay as they are. */
static void apply_decimal(pqf_field *field, const pqf_type *type) {
    pqf_physical physical = field->leaf->physical;
    field->arrow_width = type->byte_width;
    if ((physical == PQF_PHYSICAL_INT32 && type->byte_width == 4) ||
        (physical == PQF_PHYSICAL_INT64 && type->byte_width == 8))
        field->convert = PQF_CONVERT_NONE;
}

static bool same_decimal(const char *format, const pqf_type *type) {
    pqf_type own;
    pqf_error ignored;
    pqf_error_init(&ignored);
    return format[0] == 'd' && type->id >= PQF_TYPE_DECIMAL32 &&
           type->id <= PQF_TYPE_DECIMAL256 &&
           pqf_type_parse(format, &own, &ignored) == PQF_OK &&
           own.precision == type->precision && own.scale == type->scale;
}

static const char *interval_format(const pqf_type *type) {
    switch (type->id) {
    case PQF_TYPE_INTERVAL_MONTHS: return "tiM";
    case PQF_TYPE_INTERVAL_DAY_TIME: return "tiD";
    case PQF_TYPE_INTERVAL_MONTH_DAY_NANO: return "tin";
    default: return NULL;
    }
}

/* Types that Parquet has no name for, stored as the integers that they are. */
static bool is_bare(const pqf_field *field, const pqf_type *type) {
    bool is_seconds = type->unit == PQF_SECOND;
    if (field->leaf->node->logical != PQF_LOGICAL_NONE) return false;
    switch (type->id) {
    case PQF_TYPE_DURATION:
    case PQF_TYPE_DATE64: return strcmp(field->format, "l") == 0;
    case PQF_TYPE_TIMESTAMP: return is_seconds && strcmp(field->format, "l") == 0;
    case PQF_TYPE_TIME32: return is_seconds && strcmp(field->format, "i") == 0;
    default: return false;
    }
}

static pqf_status apply_values(pqf_schema *schema, pqf_field *field,
                               const struct ArrowSchema *origin, const pqf_type *type,
                               pqf_error *err) {
    const char *format = field->format;
    if (field->layout == PQF_LEAF_BINARY && !field->index_format)
        return apply_binary(schema, field, origin->format, type, err);
    if (type->id == PQF_TYPE_TIMESTAMP && strncmp(format, "ts", 2) == 0)
        return apply_timestamp(schema, field, type, err);
    if (is_bare(field, type)) return keep_format(schema, field, origin->format, err);
    if (same_decimal(format, type)) {
        TRY(keep_format(schema, field, origin->format, err));
        apply_decimal(field, type);
    }
    if (type->id == PQF_TYPE_DATE64 && strcmp(format, "tdD") == 0)
        set_convert(field, PQF_CONVERT_DAYS_TO_MS, 86400000, 8, "tdm");
    if (type->id == PQF_TYPE_TIME32 && type->unit == PQF_SECOND &&
        strcmp(format, "ttm") == 0)
        set_convert(field, PQF_CONVERT_DIVIDE_32, 1000, 4, "tts");
    if (field->leaf->node->logical == PQF_LOGICAL_INTERVAL && interval_format(type))
        set_convert(field, PQF_CONVERT_INTERVAL, 1, type->byte_width,
                    interval_format(type));
    return PQF_OK;
}

/* A dictionary where its values come out as they were. */
static pqf_status apply_dictionary(pqf_schema *schema, pqf_field *field,
                                   const struct ArrowSchema *origin, pqf_error *err) {
    const struct ArrowSchema *values = origin->dictionary;
    pqf_type type;
    if (field->layout == PQF_LEAF_NONE || values->dictionary || field->index_format)
        return PQF_OK;
    TRY(pqf_type_parse(values->format, &type, err));
    TRY(apply_values(schema, field, values, &type, err));
    if (strcmp(field->format, values->format) != 0) return PQF_OK;
    field->dictionary_ordered = (origin->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
    pqf_bytes index = pqf_bytes_of(origin->format, strlen(origin->format));
    return pqf_arena_string(&schema->arena, index, &field->index_format, err);
}

/* Runs where their values come out as they were. */
static pqf_status apply_runs(pqf_schema *schema, pqf_field *field,
                             const struct ArrowSchema *origin, pqf_error *err) {
    const struct ArrowSchema *values = origin->children[1];
    const char *format = origin->children[0]->format;
    if (values->n_children > 0) return PQF_OK;
    TRY(apply(schema, field, values, err));
    if (!same_storage(field, values)) return PQF_OK;
    return pqf_arena_string(&schema->arena, pqf_bytes_of(format, strlen(format)),
                            &field->run_format, err);
}

static pqf_status apply_leaf(pqf_schema *schema, pqf_field *field,
                             const struct ArrowSchema *origin, const pqf_type *type,
                             pqf_error *err) {
    if (field->unusable != PQF_OK) return PQF_OK;
    if (type->id == PQF_TYPE_RUN_END) return apply_runs(schema, field, origin, err);
    if (origin->dictionary) return apply_dictionary(schema, field, origin, err);
    return apply_values(schema, field, origin, type, err);
}

/* ---- metadata ---- */

static bool is_extension_key(pqf_bytes key) {
    static const char prefix[] = "ARROW:extension:";
    return key.len >= sizeof prefix - 1 &&
           memcmp(key.data, prefix, sizeof prefix - 1) == 0;
}

static bool same_storage(const pqf_field *field, const struct ArrowSchema *origin) {
    if (field->run_format) return strcmp(origin->format, "+r") == 0;
    bool has_dictionary = field->index_format != NULL;
    const char *format = has_dictionary ? field->index_format : field->format;
    if (strcmp(format, origin->format) != 0 || field->num_children != origin->n_children)
        return false;
    if (has_dictionary != (origin->dictionary != NULL)) return false;
    for (int32_t i = 0; i < field->num_children; i++) {
        if (!same_storage(&field->children[i], origin->children[i])) return false;
    }
    return true;
}

static bool has_key(const char *metadata, pqf_bytes key) {
    pqf_bytes k, v;
    for (int64_t i = 0; pqf_kv_at(metadata, i, &k, &v); i++) {
        if (k.len == key.len && memcmp(k.data, key.data, key.len) == 0) return true;
    }
    return false;
}

/* The stored pairs but those that Parquet tells itself, which come behind. An extension type
 * is only restored over the storage that it was stored with. */
static pqf_status merge_metadata(const pqf_field *field, const struct ArrowSchema *origin,
                                 pqf_buf *out, pqf_error *err) {
    const char *own = field->metadata.len ? (const char *)field->metadata.data : NULL;
    const uint8_t *p = (const uint8_t *)origin->metadata + 4;
    bool is_same = same_storage(field, origin);
    pqf_bytes key, value;
    for (int64_t i = pqf_kv_count(origin->metadata); i > 0; i--) {
        key = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + key.len;
        value = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + value.len;
        if (is_extension_key(key) ? is_same : !has_key(own, key))
            TRY(pqf_kv_put(out, key, value, err));
    }
    bool has_extension =
        is_same && pqf_kv_find(origin->metadata, PQF_EXTENSION_NAME, &value);
    for (int64_t i = 0; pqf_kv_at(own, i, &key, &value); i++) {
        if (has_extension && is_extension_key(key)) continue;
        TRY(pqf_kv_put(out, key, value, err));
    }
    return PQF_OK;
}

static pqf_status apply_metadata(pqf_schema *schema, pqf_field *field,
                                 const struct ArrowSchema *origin, pqf_error *err) {
    pqf_buf buf;
    pqf_status status = PQF_OK;
    if (pqf_kv_count(origin->metadata) <= 0) return PQF_OK;
    pqf_buf_init(&buf, schema->mem, 0);
    TRY_DONE(merge_metadata(field, origin, &buf, err));
    TRY_DONE(pqf_bytes_keep(&schema->arena, pqf_buf_view(&buf), &field->metadata, err));
done:
    pqf_buf_reset(&buf);
    return status;
}

static pqf_status apply(pqf_schema *schema, pqf_field *field,
                        const struct ArrowSchema *origin, pqf_error *err) {
    pqf_type type;
    TRY(pqf_type_parse(origin->format, &type, err));
    if (field->kind == PQF_FIELD_LEAF)
        TRY(apply_leaf(schema, field, origin, &type, err));
    else if (!origin->dictionary)
        TRY(apply_nested(schema, field, origin, &type, err));
    return apply_metadata(schema, field, origin, err);
}

pqf_status pqf_fields_apply(pqf_schema *schema, const struct ArrowSchema *origin,
                            pqf_error *err) {
    for (int32_t i = 0; i < schema->num_fields; i++)
        TRY(apply(schema, &schema->fields[i], origin->children[i], err));
    return PQF_OK;
}
