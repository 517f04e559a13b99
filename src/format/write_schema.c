/* SPDX-License-Identifier: Apache-2.0
 *
 * write_schema.c: the way back, from an Arrow schema to the SchemaElements of a file to be
 * written, with logical and converted types as pyarrow chooses them, and to the fields that
 * tell the column room how Arrow values become Parquet values.
 *
 *   list<item>     group x (LIST) { repeated group list { T element } }, all forms of lists
 *   map<k, v>      group x (MAP) { repeated group key_value { K key; V value } }
 *   dictionary     its values' type
 *   extension      its storage; arrow.json and arrow.uuid are annotated
 */
#include "ipc.h"

#include "arrow/arrow.h"

typedef struct stamp_rules {
    char coerce;   /* unit that every timestamp is stored in, 0: its own */
    bool no_nanos; /* versions before 2.6 have no nanoseconds */
    bool int96;
    bool keep_lossy;  /* what coercion cuts off is no error */
    bool wide_uint32; /* version 1.0 stores uint32 as INT64 */
    bool utc_times;   /* TIME counts from midnight UTC */
    bool integer_decimals;
} stamp_rules;

typedef struct builder {
    pqf_schema *schema;
    stamp_rules rules;
    bool legacy_list_names;
    bool total_order;
    pqf_error *err;
} builder;

/* How a leaf is stored. */
typedef struct stored {
    pqf_physical physical;
    int32_t type_length;
    int32_t logical;
    int32_t param;
    bool is_utc;
    pqf_convert convert;
    int64_t factor;
} stored;

/* ---- leaves ---- */

#define PLAIN(physical)                                                                  \
    PQF_PHYSICAL_##physical, 0, PQF_LOGICAL_NONE, 0, PQF_CONVERT_NONE, 1
#define NOTED(physical, logical, param)                                                  \
    PQF_PHYSICAL_##physical, 0, PQF_LOGICAL_##logical, param, PQF_CONVERT_NONE, 1
#define SMALL(logical_param, convert)                                                    \
    PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_INTEGER, logical_param, PQF_CONVERT_##convert, 1
#define DECIMAL                                                                          \
    PQF_PHYSICAL_FIXED, 0, PQF_LOGICAL_DECIMAL, 0, PQF_CONVERT_FIXED_TO_DECIMAL, 1

#define INTERVAL PQF_PHYSICAL_FIXED, 12, PQF_LOGICAL_INTERVAL, 0, PQF_CONVERT_INTERVAL, 1

/* Types whose unit, width, precision and version make no difference. */
static const struct {
    pqf_type_id id;
    pqf_physical physical;
    int32_t type_length;
    int32_t logical;
    int32_t param;
    pqf_convert convert;
    int64_t factor;
} plain_types[] = {
    {PQF_TYPE_NULL, PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_UNKNOWN, 0, PQF_CONVERT_NULLS, 1},
    {PQF_TYPE_BOOL, PLAIN(BOOLEAN)},
    {PQF_TYPE_INT8, SMALL(8, INT32_TO_INT8)},
    {PQF_TYPE_UINT8, SMALL(9, INT32_TO_UINT8)},
    {PQF_TYPE_INT16, SMALL(16, INT32_TO_INT16)},
    {PQF_TYPE_UINT16, SMALL(17, INT32_TO_UINT16)},
    {PQF_TYPE_INT32, PLAIN(INT32)},
    {PQF_TYPE_UINT32, NOTED(INT32, INTEGER, 33)},
    {PQF_TYPE_INT64, PLAIN(INT64)},
    {PQF_TYPE_UINT64, NOTED(INT64, INTEGER, 65)},
    {PQF_TYPE_HALF, PQF_PHYSICAL_FIXED, 2, PQF_LOGICAL_FLOAT16, 0, PQF_CONVERT_NONE, 1},
    {PQF_TYPE_FLOAT, PLAIN(FLOAT)},
    {PQF_TYPE_DOUBLE, PLAIN(DOUBLE)},
    {PQF_TYPE_BINARY, PLAIN(BYTE_ARRAY)},
    {PQF_TYPE_LARGE_BINARY, PLAIN(BYTE_ARRAY)},
    {PQF_TYPE_BINARY_VIEW, PLAIN(BYTE_ARRAY)},
    {PQF_TYPE_STRING, NOTED(BYTE_ARRAY, STRING, 0)},
    {PQF_TYPE_LARGE_STRING, NOTED(BYTE_ARRAY, STRING, 0)},
    {PQF_TYPE_STRING_VIEW, NOTED(BYTE_ARRAY, STRING, 0)},
    {PQF_TYPE_FIXED_BINARY, PLAIN(FIXED)},
    {PQF_TYPE_DECIMAL32, DECIMAL},
    {PQF_TYPE_DECIMAL64, DECIMAL},
    {PQF_TYPE_DECIMAL128, DECIMAL},
    {PQF_TYPE_DECIMAL256, DECIMAL},
    {PQF_TYPE_DATE32, NOTED(INT32, DATE, 0)},
    {PQF_TYPE_DATE64, PQF_PHYSICAL_INT32, 0, PQF_LOGICAL_DATE, 0, PQF_CONVERT_DAYS_TO_MS,
     86400000},
    {PQF_TYPE_TIME32, NOTED(INT32, TIME, 'm')},
    {PQF_TYPE_TIME64, NOTED(INT64, TIME, 'u')},
    {PQF_TYPE_TIMESTAMP, NOTED(INT64, TIMESTAMP, 'u')},
    {PQF_TYPE_DURATION, PLAIN(INT64)},
    {PQF_TYPE_INTERVAL_MONTHS, INTERVAL},
    {PQF_TYPE_INTERVAL_DAY_TIME, INTERVAL},
    {PQF_TYPE_INTERVAL_MONTH_DAY_NANO, INTERVAL},
};

static pqf_status fail_type(builder *b, const struct ArrowSchema *arrow,
                            const char *why) {
    char text[200];
    pqf_type_text(arrow, text, sizeof text);
    return pqf_fail(b->err, PQF_UNSUPPORTED,
                    "field '%.200s' of type %s cannot be written: %s",
                    arrow->name ? arrow->name : "", text, why);
}

static char unit_letter(pqf_unit unit) { return "smun"[unit]; }

static int64_t per_second(char unit) {
    return unit == 's' ? 1 : unit == 'm' ? 1000 : unit == 'u' ? 1000000 : 1000000000;
}

/* The unit that a timestamp is stored in: Parquet has no seconds. */
static char stored_unit(const stamp_rules *rules, pqf_unit unit) {
    if (rules->coerce) return rules->coerce;
    if (unit == PQF_NANO && rules->no_nanos) return 'u';
    return unit == PQF_SECOND ? 'm' : unit_letter(unit);
}

static void store_timestamp(const stamp_rules *rules, const pqf_type *type, stored *out) {
    int64_t own = pqf_unit_per_second(type->unit);
    if (rules->int96) {
        *out = (stored){.physical = PQF_PHYSICAL_INT96,
                        .convert = PQF_CONVERT_INT96_TO_TIMESTAMP};
        out->factor = 1000000000 / own;
        return;
    }
    char unit = stored_unit(rules, type->unit);
    out->param = unit;
    out->is_utc = type->zone[0] != 0;
    if (per_second(unit) > own) {
        out->convert = PQF_CONVERT_DIVIDE_64;
        out->factor = per_second(unit) / own;
    } else if (per_second(unit) < own) {
        out->convert = PQF_CONVERT_MULTIPLY_64;
        out->factor = own / per_second(unit);
    }
}

/* Fewest bytes whose two's complement holds every decimal of this precision. */
static int32_t decimal_bytes(int32_t precision) {
    int32_t bytes = 1;
    while (pqf_decimal_digits(bytes) < precision)
        bytes++;
    return bytes;
}

static pqf_status store_decimal(builder *b, const struct ArrowSchema *arrow,
                                const pqf_type *type, stored *out) {
    if (type->scale < 0 || type->scale > type->precision)
        return fail_type(b, arrow, "Parquet's scale lies between 0 and the precision");
    if (b->rules.integer_decimals && type->precision <= 18) {
        bool is_small = type->precision <= 9;
        out->physical = is_small ? PQF_PHYSICAL_INT32 : PQF_PHYSICAL_INT64;
        out->convert =
            is_small ? PQF_CONVERT_INT32_TO_DECIMAL : PQF_CONVERT_INT64_TO_DECIMAL;
        return PQF_OK;
    }
    out->type_length = decimal_bytes(type->precision);
    return PQF_OK;
}

static pqf_bytes extension_of(const struct ArrowSchema *arrow) {
    pqf_bytes name = {0};
    if (arrow->metadata) pqf_kv_find(arrow->metadata, PQF_EXTENSION_NAME, &name);
    return name;
}

static bool is_text(pqf_bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static void store_extension(const struct ArrowSchema *arrow, stored *out) {
    pqf_bytes name = extension_of(arrow);
    if (is_text(name, "arrow.json") && out->logical == PQF_LOGICAL_STRING)
        out->logical = PQF_LOGICAL_JSON;
    if (is_text(name, "arrow.uuid") && out->physical == PQF_PHYSICAL_FIXED &&
        out->type_length == 16)
        out->logical = PQF_LOGICAL_UUID;
}

static pqf_status store_as(builder *b, const struct ArrowSchema *arrow,
                           const pqf_type *type, stored *out) {
    size_t i = 0, n = sizeof plain_types / sizeof plain_types[0];
    while (i < n && plain_types[i].id != type->id)
        i++;
    if (i == n) return fail_type(b, arrow, "this Arrow type is not supported yet");
    *out = (stored){.physical = plain_types[i].physical,
                    .type_length = plain_types[i].type_length,
                    .logical = plain_types[i].logical,
                    .param = plain_types[i].param,
                    .convert = plain_types[i].convert,
                    .factor = plain_types[i].factor};
    switch (type->id) {
    case PQF_TYPE_FIXED_BINARY:
        out->type_length = type->width;
        if (type->width <= 0)
            return fail_type(b, arrow,
                             "most readers refuse values of zero bytes: declare binary");
        break;
    case PQF_TYPE_DECIMAL32:
    case PQF_TYPE_DECIMAL64:
    case PQF_TYPE_DECIMAL128:
    case PQF_TYPE_DECIMAL256: return store_decimal(b, arrow, type, out);
    case PQF_TYPE_TIMESTAMP: store_timestamp(&b->rules, type, out); break;
    case PQF_TYPE_TIME64:
        out->param = unit_letter(type->unit);
        out->is_utc = b->rules.utc_times;
        break;
    case PQF_TYPE_TIME32:
        out->is_utc = b->rules.utc_times;
        if (type->unit == PQF_SECOND)
            out->convert = PQF_CONVERT_DIVIDE_32, out->factor = 1000;
        break;
    case PQF_TYPE_UINT32:
        if (!b->rules.wide_uint32) break;
        *out = (stored){.physical = PQF_PHYSICAL_INT64, .factor = 1};
        out->convert = PQF_CONVERT_INT64_TO_UINT32;
        break;
    default: break;
    }
    store_extension(arrow, out);
    return PQF_OK;
}

/* ---- elements ---- */

static void set_unit(pqf_time_unit *unit, int32_t param) {
    unit->has_millis = param == 'm';
    unit->has_micros = param == 'u';
    unit->has_nanos = param == 'n';
}

static void fill_logical(pqf_logical_type *out, const stored *s, const pqf_type *type) {
    switch (s->logical) {
    case PQF_LOGICAL_STRING: out->has_string = true; break;
    case PQF_LOGICAL_MAP: out->has_map = true; break;
    case PQF_LOGICAL_LIST: out->has_list = true; break;
    case PQF_LOGICAL_DATE: out->has_date = true; break;
    case PQF_LOGICAL_UNKNOWN: out->has_unknown = true; break;
    case PQF_LOGICAL_JSON: out->has_json = true; break;
    case PQF_LOGICAL_UUID: out->has_uuid = true; break;
    case PQF_LOGICAL_FLOAT16: out->has_float16 = true; break;
    case PQF_LOGICAL_INTEGER:
        out->has_integer = true;
        out->integer.bit_width = (int8_t)(s->param & ~1);
        out->integer.is_signed = (s->param & 1) == 0;
        break;
    case PQF_LOGICAL_DECIMAL:
        out->has_decimal = true;
        out->decimal =
            (pqf_decimal_type){.scale = type->scale, .precision = type->precision};
        break;
    case PQF_LOGICAL_TIME:
        out->has_time = true;
        out->time.is_adjusted_to_utc = s->is_utc;
        set_unit(&out->time.unit, s->param);
        break;
    default: /* PQF_LOGICAL_TIMESTAMP */
        out->has_timestamp = true;
        out->timestamp.is_adjusted_to_utc = s->is_utc;
        set_unit(&out->timestamp.unit, s->param);
        break;
    }
}

/* Sets LogicalType and ConvertedType. A local TIME gets no ConvertedType, which would mean UTC; a
 * local TIMESTAMP gets one all the same, as old readers know timestamps by nothing else. INTERVAL has
 * no LogicalType. */
static pqf_status annotate(builder *b, pqf_schema_element *e, const stored *s,
                           const pqf_type *type) {
    void *room;
    if (s->logical == PQF_LOGICAL_NONE) return PQF_OK;
    if (s->logical != PQF_LOGICAL_INTERVAL) {
        TRY(pqf_arena_alloc(&b->schema->arena, sizeof(pqf_logical_type), &room, b->err));
        e->logical_type = room;
        fill_logical(e->logical_type, s, type);
    }
    int32_t converted = pqf_converted_of(s->logical, s->param);
    if (s->logical == PQF_LOGICAL_TIME && !s->is_utc) converted = -1;
    e->has_converted_type = converted >= 0;
    e->converted_type = e->has_converted_type ? converted : 0;
    if (s->logical != PQF_LOGICAL_DECIMAL) return PQF_OK;
    e->has_precision = e->has_scale = true;
    e->precision = type->precision;
    e->scale = type->scale;
    return PQF_OK;
}

/* PARQUET:field_id as a non-negative decimal number; anything else is no id. */
static void set_field_id(pqf_schema_element *e, const struct ArrowSchema *arrow) {
    pqf_bytes text;
    int64_t id = 0;
    if (!arrow->metadata || !pqf_kv_find(arrow->metadata, PQF_FIELD_ID, &text)) return;
    if (text.len == 0 || text.len > 10) return;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return;
        id = id * 10 + (text.data[i] - '0');
    }
    if (id > INT32_MAX) return;
    e->has_field_id = true;
    e->field_id = (int32_t)id;
}

static pqf_status put_element(builder *b, const char *name, pqf_repetition repetition,
                              int32_t num_children, pqf_schema_element **out) {
    pqf_bytes bytes = pqf_bytes_of(name, strlen(name));
    pqf_schema_element *e = &b->schema->elements[b->schema->num_elements++];
    *out = e;
    e->has_repetition_type = true;
    e->repetition_type = repetition;
    e->has_num_children = num_children > 0;
    e->num_children = num_children;
    return pqf_bytes_keep(&b->schema->arena, bytes, &e->name, b->err);
}

static pqf_status put_node(builder *b, const struct ArrowSchema *arrow, const char *name,
                           bool is_required);

static pqf_status put_leaf(builder *b, const struct ArrowSchema *arrow,
                           const pqf_type *type, pqf_schema_element *e) {
    stored s;
    TRY(store_as(b, arrow, type, &s));
    e->has_type = true;
    e->type = (int32_t)s.physical;
    e->has_type_length = s.physical == PQF_PHYSICAL_FIXED;
    e->type_length = s.type_length;
    if (type->id == PQF_TYPE_NULL && e->repetition_type == PQF_REQUIRED)
        return pqf_fail(b->err, PQF_INVALID,
                        "field '%.200s' of type null must be nullable",
                        arrow->name ? arrow->name : "");
    return annotate(b, e, &s, type);
}

static pqf_status put_list(builder *b, const struct ArrowSchema *arrow,
                           pqf_schema_element *e) {
    static const stored list = {.logical = PQF_LOGICAL_LIST};
    const struct ArrowSchema *item = arrow->children[0];
    const char *name = b->legacy_list_names && item->name ? item->name : "element";
    pqf_schema_element *repeated;
    e->has_num_children = true;
    e->num_children = 1;
    TRY(annotate(b, e, &list, NULL));
    TRY(put_element(b, "list", PQF_REPEATED, 1, &repeated));
    return put_node(b, item, name, false);
}

static pqf_status put_map(builder *b, const struct ArrowSchema *arrow,
                          pqf_schema_element *e) {
    static const stored map = {.logical = PQF_LOGICAL_MAP};
    const struct ArrowSchema *entries = arrow->children[0];
    pqf_schema_element *repeated;
    e->has_num_children = true;
    e->num_children = 1;
    TRY(annotate(b, e, &map, NULL));
    TRY(put_element(b, "key_value", PQF_REPEATED, 2, &repeated));
    TRY(put_node(b, entries->children[0], "key", true));
    return put_node(b, entries->children[1], "value", false);
}

static pqf_status put_struct(builder *b, const struct ArrowSchema *arrow,
                             pqf_schema_element *e) {
    if (arrow->n_children == 0)
        return fail_type(b, arrow, "Parquet has no structs without fields");
    e->has_num_children = true;
    e->num_children = (int32_t)arrow->n_children;
    for (int64_t i = 0; i < arrow->n_children; i++) {
        const char *name = arrow->children[i]->name;
        TRY(put_node(b, arrow->children[i], name ? name : "", false));
    }
    return PQF_OK;
}

static bool is_runs(const struct ArrowSchema *arrow) {
    return !arrow->dictionary && strcmp(arrow->format, "+r") == 0;
}

static const struct ArrowSchema *without_runs(const struct ArrowSchema *arrow) {
    return is_runs(arrow) ? arrow->children[1] : arrow;
}

static const struct ArrowSchema *values_of(const struct ArrowSchema *arrow) {
    arrow = without_runs(arrow);
    while (arrow->dictionary)
        arrow = arrow->dictionary;
    return arrow;
}

/* What stands around values: one dictionary, or runs, or runs of codes. */
static pqf_status check_values(builder *b, const struct ArrowSchema *arrow) {
    const struct ArrowSchema *values = values_of(arrow);
    if (values == arrow) return PQF_OK;
    if (is_runs(values))
        return fail_type(b, arrow, "runs of runs and dictionaries of runs are not built");
    if (values->n_children > 0)
        return fail_type(b, arrow,
                         is_runs(arrow) ? "run ends of nested values are not built"
                                        : "dictionaries of nested values are not "
                                          "supported yet");
    return PQF_OK;
}

static pqf_status put_node(builder *b, const struct ArrowSchema *arrow, const char *name,
                           bool is_required) {
    pqf_type type;
    pqf_schema_element *e;
    bool is_nullable = (arrow->flags & ARROW_FLAG_NULLABLE) != 0 && !is_required;
    TRY(pqf_type_parse(values_of(arrow)->format, &type, b->err));
    TRY(put_element(b, name, is_nullable ? PQF_OPTIONAL : PQF_REQUIRED, 0, &e));
    set_field_id(e, arrow);
    TRY(check_values(b, arrow));
    switch (type.id) {
    case PQF_TYPE_STRUCT: return put_struct(b, arrow, e);
    case PQF_TYPE_MAP: return put_map(b, arrow, e);
    case PQF_TYPE_LIST:
    case PQF_TYPE_LARGE_LIST:
    case PQF_TYPE_LIST_VIEW:
    case PQF_TYPE_LARGE_LIST_VIEW:
    case PQF_TYPE_FIXED_LIST: return put_list(b, arrow, e);
    default: return put_leaf(b, values_of(arrow), &type, e);
    }
}

/* ---- fields ---- */

static void set_list(pqf_field *field, const pqf_type *type) {
    if (type->id == PQF_TYPE_LARGE_LIST) field->list_form = PQF_LIST_LARGE;
    if (type->id == PQF_TYPE_LIST_VIEW) field->list_form = PQF_LIST_VIEW;
    if (type->id == PQF_TYPE_LARGE_LIST_VIEW) field->list_form = PQF_LIST_LARGE_VIEW;
    if (type->id == PQF_TYPE_FIXED_LIST) field->list_form = PQF_LIST_FIXED;
    if (type->id == PQF_TYPE_FIXED_LIST) field->fixed_items = type->width;
}

static void set_layout(pqf_field *field, const pqf_type *type) {
    switch (type->shape) {
    case PQF_SHAPE_BITS: field->layout = PQF_LEAF_BITS; break;
    case PQF_SHAPE_FIXED:
        field->layout = PQF_LEAF_FIXED;
        field->arrow_width =
            type->id == PQF_TYPE_FIXED_BINARY ? type->width : type->byte_width;
        break;
    case PQF_SHAPE_BINARY:
    case PQF_SHAPE_LARGE_BINARY:
    case PQF_SHAPE_VIEW:
        field->layout = PQF_LEAF_BINARY;
        field->binary_form = type->shape == PQF_SHAPE_BINARY         ? PQF_FORM_NARROW
                             : type->shape == PQF_SHAPE_LARGE_BINARY ? PQF_FORM_LARGE
                                                                     : PQF_FORM_VIEW;
        break;
    default: field->layout = PQF_LEAF_NONE; break;
    }
    field->is_utf8 = type->id == PQF_TYPE_STRING || type->id == PQF_TYPE_LARGE_STRING ||
                     type->id == PQF_TYPE_STRING_VIEW;
}

static pqf_status keep_text(builder *b, const char *text, const char **out) {
    return pqf_arena_string(&b->schema->arena, pqf_bytes_of(text, strlen(text)), out,
                            b->err);
}

/* The field tree over the elements has the shape of the Arrow schema; leaves take its types. */
static pqf_status set_field(builder *b, pqf_field *field,
                            const struct ArrowSchema *arrow) {
    const struct ArrowSchema *values = values_of(arrow);
    pqf_type type;
    stored s;
    TRY(pqf_type_parse(values->format, &type, b->err));
    TRY(keep_text(b, values->format, &field->format));
    field->keys_sorted = (arrow->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
    if (field->kind == PQF_FIELD_LIST) set_list(field, &type);
    for (int32_t i = 0; i < field->num_children; i++)
        TRY(set_field(b, &field->children[i], arrow->children[i]));
    if (field->kind != PQF_FIELD_LEAF) return PQF_OK;
    TRY(store_as(b, values, &type, &s));
    set_layout(field, &type);
    field->convert = s.convert;
    field->factor = s.factor;
    field->keep_lossy = s.convert == PQF_CONVERT_MULTIPLY_64 && b->rules.keep_lossy;
    if (is_runs(arrow)) TRY(keep_text(b, arrow->children[0]->format, &field->run_format));
    arrow = without_runs(arrow);
    if (!arrow->dictionary) return PQF_OK;
    field->dictionary_ordered = (arrow->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
    return keep_text(b, arrow->format, &field->index_format);
}

/* ---- the whole ---- */

/* Elements that a field and those below it take at most: a list two beside its item's. */
static int64_t count_elements(const struct ArrowSchema *arrow) {
    int64_t n = 2;
    for (int64_t i = 0; i < arrow->n_children; i++)
        n += count_elements(arrow->children[i]);
    return n;
}

static pqf_status put_elements(builder *b, const struct ArrowSchema *arrow) {
    pqf_schema *schema = b->schema;
    pqf_schema_element *root;
    void *room;
    int64_t n = count_elements(arrow);
    if (n > INT32_MAX / 2)
        return pqf_fail(b->err, PQF_LIMIT, "the schema has too many fields");
    TRY(pqf_arena_array(&schema->arena, (size_t)n, sizeof(pqf_schema_element), &room,
                        b->err));
    schema->elements = room;
    TRY(put_element(b, "schema", PQF_REQUIRED, (int32_t)arrow->n_children, &root));
    root->has_num_children = true;
    for (int64_t i = 0; i < arrow->n_children; i++) {
        const struct ArrowSchema *child = arrow->children[i];
        TRY(put_node(b, child, child->name ? child->name : "", false));
    }
    return PQF_OK;
}

static pqf_status put_key_values(builder *b, const struct ArrowSchema *arrow,
                                 bool store_schema) {
    pqf_schema *schema = b->schema;
    int64_t n = pqf_kv_count(arrow->metadata);
    void *room;
    TRY(pqf_arena_array(&schema->arena, (size_t)n + 1, sizeof(pqf_key_value), &room,
                        b->err));
    schema->key_values = room;
    const uint8_t *p = n ? schema->metadata.data + 4 : NULL;
    for (int64_t i = 0; i < n; i++) {
        pqf_key_value *kv = &schema->key_values[schema->num_key_values];
        kv->key = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + kv->key.len;
        kv->value = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + kv->value.len;
        kv->has_value = true;
        if (!is_text(kv->key, PQF_ARROW_SCHEMA)) schema->num_key_values++;
    }
    if (!store_schema) return PQF_OK;
    pqf_buf buf;
    pqf_status status = PQF_OK;
    pqf_buf_init(&buf, schema->mem, 0);
    pqf_key_value *kv = &schema->key_values[schema->num_key_values];
    TRY_DONE(pqf_arrow_schema_write(arrow, &buf, b->err));
    TRY_DONE(pqf_bytes_keep(&schema->arena, pqf_buf_view(&buf), &kv->value, b->err));
    kv->key = PQF_BYTES(PQF_ARROW_SCHEMA);
    kv->has_value = true;
    schema->num_key_values++;
done:
    pqf_buf_reset(&buf);
    return status;
}

static pqf_status keep_metadata(builder *b, const struct ArrowSchema *arrow) {
    pqf_buf buf;
    pqf_status status = PQF_OK;
    pqf_bytes key, value;
    pqf_buf_init(&buf, b->schema->mem, 0);
    for (int64_t i = 0; pqf_kv_at(arrow->metadata, i, &key, &value); i++)
        TRY_DONE(pqf_kv_put(&buf, key, value, b->err));
    TRY_DONE(pqf_bytes_keep(&b->schema->arena, pqf_buf_view(&buf), &b->schema->metadata,
                            b->err));
done:
    pqf_buf_reset(&buf);
    return status;
}

static pqf_status set_orders(builder *b) {
    pqf_schema *schema = b->schema;
    size_t n = (size_t)schema->tree.num_leaves;
    void *room;
    TRY(pqf_arena_array(&schema->arena, n, sizeof(pqf_column_order), &room, b->err));
    schema->column_orders = room;
    for (size_t i = 0; i < n; i++) {
        bool total = b->total_order && pqf_leaf_is_float(&schema->tree.leaves[i]);
        schema->column_orders[i] = (pqf_column_order){.has_type_order = !total,
                                                      .has_ieee_754_total_order = total};
    }
    return PQF_OK;
}

static pqf_status fill_from_arrow(builder *b, const struct ArrowSchema *arrow,
                                  bool store_schema) {
    pqf_schema *schema = b->schema;
    const pqf_schema_options plain = {.no_extension_types = true};
    TRY(pqf_schema_check(arrow, b->err));
    if (strcmp(arrow->format, "+s") != 0)
        return pqf_fail(b->err, PQF_INVALID,
                        "the schema's format is '%.40s', expected a struct (+s)",
                        arrow->format);
    TRY(put_elements(b, arrow));
    TRY(pqf_tree_build(schema->elements, schema->num_elements, &schema->arena,
                       &schema->tree, b->err));
    TRY(pqf_fields_build(schema, &plain, b->err));
    for (int32_t i = 0; i < schema->num_fields; i++)
        TRY(set_field(b, &schema->fields[i], arrow->children[i]));
    TRY(keep_metadata(b, arrow));
    TRY(put_key_values(b, arrow, store_schema));
    TRY(set_orders(b));
    return pqf_schema_index_names(schema, b->err);
}

static pqf_status read_options(builder *b, const pqf_schema_write_options *options) {
    const char *version = options->version ? options->version : "2.6";
    const char *unit = options->coerce_timestamps;
    bool is_known = strcmp(version, "1.0") == 0 || strcmp(version, "2.4") == 0 ||
                    strcmp(version, "2.6") == 0;
    if (!is_known)
        return pqf_fail(b->err, PQF_INVALID,
                        "version is \"%.20s\", expected \"1.0\", \"2.4\" or \"2.6\"",
                        version);
    if (unit && strcmp(unit, "ms") != 0 && strcmp(unit, "us") != 0)
        return pqf_fail(b->err, PQF_INVALID,
                        "coerce_timestamps is \"%.20s\", expected \"ms\" or \"us\"",
                        unit);
    b->legacy_list_names = options->legacy_list_names;
    b->total_order = options->total_order;
    b->rules = (stamp_rules){.coerce = unit ? unit[0] : 0,
                             .no_nanos = strcmp(version, "2.6") != 0,
                             .int96 = options->int96_timestamps,
                             .keep_lossy = unit && options->allow_truncated_timestamps,
                             .wide_uint32 = strcmp(version, "1.0") == 0,
                             .utc_times = options->utc_times,
                             .integer_decimals = options->integer_decimals};
    return PQF_OK;
}

pqf_status pqf_schema_from_arrow(const struct ArrowSchema *schema,
                                 const pqf_schema_write_options *options, pqf_mem *mem,
                                 pqf_schema **out, pqf_error *err) {
    static const pqf_schema_write_options defaults = {0};
    builder b = {.err = err};
    pqf_status status = PQF_OK;
    if (!options) options = &defaults;
    TRY_DONE(read_options(&b, options));
    TRY_DONE(pqf_schema_new(mem, &b.schema, err));
    TRY_DONE(fill_from_arrow(&b, schema, !options->no_store_schema));
    *out = b.schema;
    b.schema = NULL;
done:
    pqf_schema_free(b.schema);
    return status;
}
