/* SPDX-License-Identifier: Apache-2.0
 *
 * type.c: room arrow. The table of Arrow types, one row each: format string of the C Data
 * Interface, text in messages, layout in memory. In: format strings; out: pqf_type, texts
 * and format strings. Specification: Arrow Columnar Format, C Data Interface ("Data type
 * description").
 */
#include "type.h"

/* What follows the format's stem. */
typedef enum params {
    PARAMS_NONE,
    PARAMS_WIDTH,   /* "w:16" */
    PARAMS_DECIMAL, /* "d:10,2" or "d:10,2,64" */
    PARAMS_ZONE,    /* "tsu:UTC" */
    PARAMS_CODES,   /* "+us:0,1" */
} params;

typedef struct type_row {
    pqf_type_id id;
    const char *format; /* stem; whole unless params follow */
    const char *text;
    pqf_shape shape;
    int8_t byte_width;
    int8_t num_children; /* -1: any */
    pqf_unit unit;
    params params;
} type_row;

#define FIXED(id, format, text, width)                                                   \
    {id, format, text, PQF_SHAPE_FIXED, width, 0, 0, PARAMS_NONE}
#define TIME(id, format, text, width, unit)                                              \
    {id, format, text, PQF_SHAPE_FIXED, width, 0, unit, PARAMS_NONE}
#define STAMP(format, text, unit)                                                        \
    {PQF_TYPE_TIMESTAMP, format, text, PQF_SHAPE_FIXED, 8, 0, unit, PARAMS_ZONE}
#define DECIMAL(id, text, width)                                                         \
    {id, "d:", text, PQF_SHAPE_FIXED, width, 0, 0, PARAMS_DECIMAL}
#define BYTES(id, format, text, shape) {id, format, text, shape, 0, 0, 0, PARAMS_NONE}
#define NESTED(id, format, text, shape, children)                                        \
    {id, format, text, shape, 0, children, 0, PARAMS_NONE}

#define WIDTH(id, format, text, shape, children)                                         \
    {id, format, text, shape, 0, children, 0, PARAMS_WIDTH}
#define UNION(id, format, text)                                                          \
    {id, format, text, PQF_SHAPE_UNION, 0, -1, 0, PARAMS_CODES}

/* A format is looked up from the top; of the decimals the row is chosen by its bits. */
static const type_row ROWS[] = {
    BYTES(PQF_TYPE_NULL, "n", "null", PQF_SHAPE_NONE),
    BYTES(PQF_TYPE_BOOL, "b", "bool", PQF_SHAPE_BITS),
    FIXED(PQF_TYPE_INT8, "c", "int8", 1),
    FIXED(PQF_TYPE_UINT8, "C", "uint8", 1),
    FIXED(PQF_TYPE_INT16, "s", "int16", 2),
    FIXED(PQF_TYPE_UINT16, "S", "uint16", 2),
    FIXED(PQF_TYPE_INT32, "i", "int32", 4),
    FIXED(PQF_TYPE_UINT32, "I", "uint32", 4),
    FIXED(PQF_TYPE_INT64, "l", "int64", 8),
    FIXED(PQF_TYPE_UINT64, "L", "uint64", 8),
    FIXED(PQF_TYPE_HALF, "e", "halffloat", 2),
    FIXED(PQF_TYPE_FLOAT, "f", "float", 4),
    FIXED(PQF_TYPE_DOUBLE, "g", "double", 8),
    BYTES(PQF_TYPE_BINARY, "z", "binary", PQF_SHAPE_BINARY),
    BYTES(PQF_TYPE_LARGE_BINARY, "Z", "large_binary", PQF_SHAPE_LARGE_BINARY),
    BYTES(PQF_TYPE_BINARY_VIEW, "vz", "binary_view", PQF_SHAPE_VIEW),
    BYTES(PQF_TYPE_STRING, "u", "string", PQF_SHAPE_BINARY),
    BYTES(PQF_TYPE_LARGE_STRING, "U", "large_string", PQF_SHAPE_LARGE_BINARY),
    BYTES(PQF_TYPE_STRING_VIEW, "vu", "string_view", PQF_SHAPE_VIEW),
    WIDTH(PQF_TYPE_FIXED_BINARY, "w:", "fixed_size_binary", PQF_SHAPE_FIXED, 0),
    DECIMAL(PQF_TYPE_DECIMAL32, "decimal32", 4),
    DECIMAL(PQF_TYPE_DECIMAL64, "decimal64", 8),
    DECIMAL(PQF_TYPE_DECIMAL128, "decimal128", 16),
    DECIMAL(PQF_TYPE_DECIMAL256, "decimal256", 32),
    TIME(PQF_TYPE_DATE32, "tdD", "date32[day]", 4, PQF_SECOND),
    TIME(PQF_TYPE_DATE64, "tdm", "date64[ms]", 8, PQF_MILLI),
    TIME(PQF_TYPE_TIME32, "tts", "time32[s]", 4, PQF_SECOND),
    TIME(PQF_TYPE_TIME32, "ttm", "time32[ms]", 4, PQF_MILLI),
    TIME(PQF_TYPE_TIME64, "ttu", "time64[us]", 8, PQF_MICRO),
    TIME(PQF_TYPE_TIME64, "ttn", "time64[ns]", 8, PQF_NANO),
    STAMP("tss:", "timestamp[s", PQF_SECOND),
    STAMP("tsm:", "timestamp[ms", PQF_MILLI),
    STAMP("tsu:", "timestamp[us", PQF_MICRO),
    STAMP("tsn:", "timestamp[ns", PQF_NANO),
    TIME(PQF_TYPE_DURATION, "tDs", "duration[s]", 8, PQF_SECOND),
    TIME(PQF_TYPE_DURATION, "tDm", "duration[ms]", 8, PQF_MILLI),
    TIME(PQF_TYPE_DURATION, "tDu", "duration[us]", 8, PQF_MICRO),
    TIME(PQF_TYPE_DURATION, "tDn", "duration[ns]", 8, PQF_NANO),
    FIXED(PQF_TYPE_INTERVAL_MONTHS, "tiM", "month_interval", 4),
    FIXED(PQF_TYPE_INTERVAL_DAY_TIME, "tiD", "day_time_interval", 8),
    FIXED(PQF_TYPE_INTERVAL_MONTH_DAY_NANO, "tin", "month_day_nano_interval", 16),
    NESTED(PQF_TYPE_LIST, "+l", "list", PQF_SHAPE_LIST, 1),
    NESTED(PQF_TYPE_LARGE_LIST, "+L", "large_list", PQF_SHAPE_LARGE_LIST, 1),
    NESTED(PQF_TYPE_LIST_VIEW, "+vl", "list_view", PQF_SHAPE_LIST_VIEW, 1),
    NESTED(PQF_TYPE_LARGE_LIST_VIEW, "+vL", "large_list_view", PQF_SHAPE_LARGE_LIST_VIEW,
           1),
    WIDTH(PQF_TYPE_FIXED_LIST, "+w:", "fixed_size_list", PQF_SHAPE_FIXED_LIST, 1),
    NESTED(PQF_TYPE_STRUCT, "+s", "struct", PQF_SHAPE_NONE, -1),
    NESTED(PQF_TYPE_MAP, "+m", "map", PQF_SHAPE_LIST, 1),
    UNION(PQF_TYPE_SPARSE_UNION, "+us:", "sparse_union"),
    UNION(PQF_TYPE_DENSE_UNION, "+ud:", "dense_union"),
    NESTED(PQF_TYPE_RUN_END, "+r", "run_end_encoded", PQF_SHAPE_NONE, 2),
};
#define NUM_ROWS (sizeof ROWS / sizeof ROWS[0])

/* Buffers by shape: validity among them, but for unions. */
static const int8_t NUM_BUFFERS[] = {
    [PQF_SHAPE_NONE] = 1,         [PQF_SHAPE_BITS] = 2,
    [PQF_SHAPE_FIXED] = 2,        [PQF_SHAPE_BINARY] = 3,
    [PQF_SHAPE_LARGE_BINARY] = 3, [PQF_SHAPE_VIEW] = 3,
    [PQF_SHAPE_LIST] = 2,         [PQF_SHAPE_LARGE_LIST] = 2,
    [PQF_SHAPE_LIST_VIEW] = 3,    [PQF_SHAPE_LARGE_LIST_VIEW] = 3,
    [PQF_SHAPE_FIXED_LIST] = 1,   [PQF_SHAPE_UNION] = 1,
};

int64_t pqf_unit_per_second(pqf_unit unit) {
    static const int64_t PER_SECOND[] = {1, 1000, 1000000, 1000000000};
    return PER_SECOND[unit];
}

static const type_row *row_of_format(const char *format) {
    for (size_t i = 0; i < NUM_ROWS; i++) {
        const type_row *row = &ROWS[i];
        size_t n = strlen(row->format);
        if (row->params ? strncmp(format, row->format, n) == 0
                        : strcmp(format, row->format) == 0)
            return row;
    }
    return NULL;
}

static const type_row *row_of_type(const pqf_type *type) {
    for (size_t i = 0; i < NUM_ROWS; i++) {
        if (ROWS[i].id == type->id && ROWS[i].unit == type->unit) return &ROWS[i];
    }
    return NULL;
}

/* A decimal number of 1 to 9 digits, so that it fits; moves *p behind it. */
static bool take_number(const char **p, int32_t *out) {
    const char *s = *p;
    bool negative = *s == '-';
    if (negative) s++;
    int32_t v = 0, digits = 0;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (++digits > 9) return false;
        v = v * 10 + (*s - '0');
    }
    *p = s;
    *out = negative ? -v : v;
    return digits > 0;
}

static bool parse_width(const char *p, const type_row *row, pqf_type *out) {
    if (!take_number(&p, &out->width) || *p || out->width < 0) return false;
    if (row->shape == PQF_SHAPE_FIXED) out->byte_width = out->width;
    return true;
}

static bool parse_decimal(const char *p, pqf_type *out) {
    static const int32_t MAX_PRECISION[] = {9, 18, 38, 76};
    int32_t bits = 128;
    if (!take_number(&p, &out->precision) || *p++ != ',') return false;
    if (!take_number(&p, &out->scale)) return false;
    if (*p == ',' && (p++, !take_number(&p, &bits))) return false;
    if (*p) return false;
    for (int i = 0; i < 4; i++) {
        if (bits != 32 << i) continue;
        out->id = (pqf_type_id)(PQF_TYPE_DECIMAL32 + i);
        out->byte_width = bits / 8;
        return out->precision >= 1 && out->precision <= MAX_PRECISION[i];
    }
    return false;
}

pqf_status pqf_type_parse(const char *format, pqf_type *out, pqf_error *err) {
    if (!format)
        return pqf_fail(err, PQF_INVALID, "Arrow schema without a format string");
    const type_row *row = row_of_format(format);
    if (!row)
        return pqf_fail(err, PQF_INVALID, "unknown Arrow format string '%.40s'", format);
    const char *rest = format + strlen(row->format);
    pqf_type type = {.id = row->id,
                     .shape = row->shape,
                     .byte_width = row->byte_width,
                     .unit = row->unit,
                     .zone = ""};
    bool ok = true;
    if (row->params == PARAMS_WIDTH) ok = parse_width(rest, row, &type);
    if (row->params == PARAMS_DECIMAL) ok = parse_decimal(rest, &type);
    if (row->params == PARAMS_ZONE) type.zone = rest;
    if (!ok)
        return pqf_fail(err, PQF_INVALID, "bad parameters in Arrow format string '%.40s'",
                        format);
    *out = type;
    return PQF_OK;
}

void pqf_type_format(const pqf_type *type, char *format, size_t format_bytes) {
    const type_row *row = row_of_type(type);
    pqf_text text;
    pqf_text_init(&text, format, format_bytes);
    if (!row) return;
    pqf_text_put(&text, "%s", row->format);
    if (row->params == PARAMS_WIDTH) pqf_text_put(&text, "%d", type->width);
    if (row->params == PARAMS_ZONE)
        pqf_text_put(&text, "%s", type->zone ? type->zone : "");
    if (row->params != PARAMS_DECIMAL) return;
    pqf_text_put(&text, "%d,%d", type->precision, type->scale);
    if (type->id != PQF_TYPE_DECIMAL128) pqf_text_put(&text, ",%d", row->byte_width * 8);
}

int pqf_type_num_children(const pqf_type *type) {
    return row_of_type(type)->num_children;
}

int64_t pqf_type_num_buffers(const pqf_type *type) {
    if (type->id == PQF_TYPE_NULL || type->id == PQF_TYPE_RUN_END) return 0;
    if (type->id == PQF_TYPE_DENSE_UNION) return 2;
    return NUM_BUFFERS[type->shape];
}

bool pqf_type_is_integer(pqf_type_id id) {
    return id >= PQF_TYPE_INT8 && id <= PQF_TYPE_UINT64;
}

bool pqf_type_is_signed(pqf_type_id id) { return ((id - PQF_TYPE_INT8) & 1) == 0; }

bool pqf_type_has_list_shape(const pqf_type *type) {
    return type->shape >= PQF_SHAPE_LIST && type->shape <= PQF_SHAPE_FIXED_LIST;
}

bool pqf_type_same(const pqf_type *a, const pqf_type *b) {
    return a->id == b->id && a->width == b->width && a->precision == b->precision &&
           a->scale == b->scale && a->unit == b->unit && !*a->zone == !*b->zone;
}

/* ---- texts ---- */

static void put_schema(pqf_text *text, const struct ArrowSchema *schema, int depth);

static void put_child(pqf_text *text, const struct ArrowSchema *parent, int64_t i,
                      int depth) {
    if (i >= parent->n_children || !parent->children || !parent->children[i]) {
        pqf_text_put(text, "?");
        return;
    }
    put_schema(text, parent->children[i], depth + 1);
}

/* "name: type not null" for each child. */
static void put_fields(pqf_text *text, const struct ArrowSchema *schema, int depth) {
    for (int64_t i = 0; i < schema->n_children && !pqf_text_is_full(text); i++) {
        const struct ArrowSchema *child = schema->children ? schema->children[i] : NULL;
        pqf_text_put(text, "%s%s: ", i ? ", " : "", child ? pqf_field_name(child) : "?");
        put_child(text, schema, i, depth);
        if (child && !pqf_field_is_nullable(child)) pqf_text_put(text, " not null");
    }
}

static void put_map(pqf_text *text, const struct ArrowSchema *schema, int depth) {
    const struct ArrowSchema *entries =
        schema->n_children == 1 && schema->children ? schema->children[0] : NULL;
    if (!entries || entries->n_children != 2) {
        pqf_text_put(text, "?");
        return;
    }
    put_child(text, entries, 0, depth + 1);
    pqf_text_put(text, ", ");
    put_child(text, entries, 1, depth + 1);
}

static void put_zone(pqf_text *text, const char *zone) {
    if (*zone) pqf_text_put(text, ", tz=%s", zone);
    pqf_text_put(text, "]");
}

static void put_type(pqf_text *text, const pqf_type *type,
                     const struct ArrowSchema *schema, int depth) {
    pqf_text_put(text, "%s", row_of_type(type)->text);
    switch (type->id) {
    case PQF_TYPE_FIXED_BINARY: pqf_text_put(text, "[%d]", type->width); return;
    case PQF_TYPE_DECIMAL32:
    case PQF_TYPE_DECIMAL64:
    case PQF_TYPE_DECIMAL128:
    case PQF_TYPE_DECIMAL256:
        pqf_text_put(text, "(%d, %d)", type->precision, type->scale);
        return;
    case PQF_TYPE_TIMESTAMP: put_zone(text, type->zone); return;
    default: break;
    }
    if (pqf_type_num_children(type) == 0) return;
    pqf_text_put(text, "<");
    if (type->id == PQF_TYPE_MAP)
        put_map(text, schema, depth);
    else
        put_fields(text, schema, depth);
    pqf_text_put(text, ">");
    if (type->id == PQF_TYPE_FIXED_LIST) pqf_text_put(text, "[%d]", type->width);
}

static void put_schema(pqf_text *text, const struct ArrowSchema *schema, int depth) {
    pqf_type type;
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (depth > PQF_MAX_DEPTH ||
        pqf_type_parse(schema->format, &type, &ignored) != PQF_OK) {
        pqf_text_put(text, "?");
        return;
    }
    if (schema->dictionary) {
        pqf_text_put(text, "dictionary<");
        put_type(text, &type, schema, depth);
        pqf_text_put(text, ", ");
        put_schema(text, schema->dictionary, depth + 1);
        pqf_text_put(text, ">");
        return;
    }
    put_type(text, &type, schema, depth);
}

void pqf_type_text(const struct ArrowSchema *schema, char *text, size_t text_bytes) {
    if (text_bytes == 0) return;
    pqf_text out;
    pqf_text_init(&out, text, text_bytes);
    put_schema(&out, schema, 0);
    pqf_text_cut(&out, text_bytes);
}
