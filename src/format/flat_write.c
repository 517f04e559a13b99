/* SPDX-License-Identifier: Apache-2.0
 *
 * flat_write.c: writes an Arrow schema as an encapsulated IPC message (Arrow Columnar
 * Format): what stands, in base64, under the key ARROW:schema.
 *
 *   0xFFFFFFFF | length | flatbuffer, padded to 8 bytes
 *
 * The flatbuffer is written front to back: a table first, then what its offsets point at. Tables
 * of the same shape share a vtable; these stand behind all tables, because readers that narrow their
 * view to an enclosing vector (as polars does) do not look in front of it. Fields lie at multiples of
 * their sizes from the flatbuffer's start.
 *
 *   vtable: bytes of vtable (2) | bytes of table (2) | offset of each field in the table (2 each)
 *   table:  distance back to the vtable, here negative (4) | fields
 */
#include "ipc.h"

#include "arrow/arrow.h"

#define MAX_SLOTS IPC_FIELD_SLOTS
/* Shapes of tables are few: those of Field, KeyValue, DictionaryEncoding, Schema, Message and one per
 * layout of a type. One that finds no room here gets a vtable right before its table. */
#define MAX_SHAPES 32

/* One field of a table. size 0: absent; an offset has size 4 and is patched later. */
typedef struct flat_slot {
    uint8_t size;
    uint64_t value;
} flat_slot;

/* A vtable: its bytes, those of a table, the offset of each field. */
typedef struct shape {
    uint16_t head[2 + MAX_SLOTS];
} shape;

/* A table that waits for the position of its vtable. */
typedef struct waiting_table {
    uint32_t at;
    int32_t shape;
} waiting_table;

typedef struct writer {
    pqf_buf *out;
    size_t start; /* of the flatbuffer in out */
    uint64_t num_dictionaries;
    shape shapes[MAX_SHAPES];
    int num_shapes;
    pqf_buf waiting; /* waiting_table[] */
    pqf_error *err;
} writer;

/* Positions below are relative to the flatbuffer's start. */
static uint32_t here(const writer *w) { return (uint32_t)(w->out->len - w->start); }

static pqf_status align(writer *w, size_t to) {
    size_t len = w->out->len - w->start;
    return pqf_buf_put_zeros(w->out, (to - len % to) % to, w->err);
}

/* Points the offset at `at` to the current position. */
static void patch(writer *w, uint32_t at) {
    pqf_store_u32(w->out->data + w->start + at, here(w) - at);
}

/* Lays the fields out and returns the bytes of the table. */
static uint16_t place(const flat_slot *slots, int n, uint16_t *offsets) {
    uint16_t end = 4;
    for (int i = 0; i < n; i++) {
        uint16_t size = slots[i].size;
        offsets[i] = 0;
        if (size == 0) continue;
        end = (uint16_t)((end + size - 1) / size * size);
        offsets[i] = end;
        end = (uint16_t)(end + size);
    }
    return end;
}

/* Number of the shape with this head, a new one where there is room; -1: none. */
static int find_shape(writer *w, const uint16_t *head) {
    for (int i = 0; i < w->num_shapes; i++)
        if (memcmp(w->shapes[i].head, head, head[0]) == 0) return i;
    if (w->num_shapes == MAX_SHAPES) return -1;
    memcpy(w->shapes[w->num_shapes].head, head, head[0]);
    return w->num_shapes++;
}

/* Writes the shared vtables and tells every table the distance to its own. */
static pqf_status put_vtables(writer *w) {
    uint32_t at[MAX_SHAPES];
    const waiting_table *tables = (const waiting_table *)(const void *)w->waiting.data;
    for (int i = 0; i < w->num_shapes; i++) {
        TRY(align(w, 2));
        at[i] = here(w);
        TRY(pqf_buf_put(w->out, w->shapes[i].head, w->shapes[i].head[0], w->err));
    }
    for (size_t i = 0; i < w->waiting.len / sizeof *tables; i++)
        pqf_store_u32(w->out->data + w->start + tables[i].at,
                      tables[i].at - at[tables[i].shape]);
    return PQF_OK;
}

/* Appends a table and points the offset at offset_at to it; at[i] is then where field i stands. */
static pqf_status put_table(writer *w, uint32_t offset_at, const flat_slot *slots, int n,
                            uint32_t *at) {
    uint16_t head[2 + MAX_SLOTS];
    uint8_t body[4 + 8 * MAX_SLOTS] = {0};
    uint32_t vtable = 0, largest = 4;
    head[1] = place(slots, n, head + 2);
    head[0] = (uint16_t)(4 + 2 * n);
    int number = find_shape(w, head);
    if (number < 0) {
        TRY(align(w, 2));
        vtable = here(w);
        TRY(pqf_buf_put(w->out, head, head[0], w->err));
    }
    for (int i = 0; i < n; i++)
        largest = slots[i].size > largest ? slots[i].size : largest;
    TRY(align(w, largest));
    patch(w, offset_at);
    const waiting_table waiting = {here(w), number};
    if (number >= 0)
        TRY(pqf_buf_put(&w->waiting, &waiting, sizeof waiting, w->err));
    else
        pqf_store_u32(body, here(w) - vtable);
    for (int i = 0; i < n; i++) {
        at[i] = here(w) + head[2 + i];
        if (slots[i].size) memcpy(body + head[2 + i], &slots[i].value, slots[i].size);
    }
    return pqf_buf_put(w->out, body, head[1], w->err);
}

static pqf_status put_string(writer *w, uint32_t offset_at, pqf_bytes s) {
    TRY(align(w, 4));
    patch(w, offset_at);
    TRY(pqf_buf_put_u32(w->out, (uint32_t)s.len, w->err));
    if (s.len) TRY(pqf_buf_put(w->out, s.data, s.len, w->err));
    return pqf_buf_put_u8(w->out, 0, w->err);
}

static pqf_bytes text_bytes(const char *s) {
    return s ? pqf_bytes_of(s, strlen(s)) : PQF_BYTES("");
}

/* A vector of n offsets, zero as yet; *first is the position of the first. */
static pqf_status put_vector(writer *w, uint32_t offset_at, uint32_t n, uint32_t *first) {
    TRY(align(w, 4));
    patch(w, offset_at);
    TRY(pqf_buf_put_u32(w->out, n, w->err));
    *first = here(w);
    return pqf_buf_put_zeros(w->out, (size_t)n * 4, w->err);
}

static pqf_status put_metadata(writer *w, uint32_t offset_at, const char *metadata) {
    static const flat_slot slots[2] = {{4, 0}, {4, 0}};
    int64_t n = pqf_kv_count(metadata);
    uint32_t first;
    const uint8_t *p = (const uint8_t *)metadata + 4;
    TRY(put_vector(w, offset_at, (uint32_t)n, &first));
    for (int64_t i = 0; i < n; i++) {
        uint32_t at[2];
        TRY(put_table(w, first + 4 * (uint32_t)i, slots, 2, at));
        for (int k = 0; k < 2; k++) {
            uint32_t len = pqf_load_u32(p);
            TRY(put_string(w, at[k], pqf_bytes_of(p + 4, len)));
            p += 4 + len;
        }
    }
    return PQF_OK;
}

/* ---- types ---- */

typedef struct flat_type {
    ipc_type member;
    int num_slots;
    flat_slot slots[3];
    const char *zone;
} flat_type;

static flat_type type_int(uint64_t bits, bool is_signed) {
    return (flat_type){IPC_INT, 2, {{4, bits}, {1, is_signed}}, NULL};
}
static flat_type type_unit(ipc_type member, uint64_t unit) {
    return (flat_type){member, 1, {{2, unit}}, NULL};
}
static flat_type type_plain(ipc_type member) { return (flat_type){.member = member}; }

static flat_type type_number(ipc_type member, int32_t value) {
    return (flat_type){member, 1, {{4, (uint32_t)value}}, NULL};
}

static flat_type type_decimal(const pqf_type *type, uint64_t bits) {
    return (flat_type){
        IPC_DECIMAL,
        3,
        {{4, (uint32_t)type->precision}, {4, (uint32_t)type->scale}, {4, bits}},
        NULL};
}

/* The table of Schema.fbs for an Arrow type; member 0 for those that are not written. */
static flat_type flat_type_of(const pqf_type *type) {
    switch (type->id) {
    case PQF_TYPE_NULL: return type_plain(IPC_NULL);
    case PQF_TYPE_BOOL: return type_plain(IPC_BOOL);
    case PQF_TYPE_INT8: return type_int(8, true);
    case PQF_TYPE_UINT8: return type_int(8, false);
    case PQF_TYPE_INT16: return type_int(16, true);
    case PQF_TYPE_UINT16: return type_int(16, false);
    case PQF_TYPE_INT32: return type_int(32, true);
    case PQF_TYPE_UINT32: return type_int(32, false);
    case PQF_TYPE_INT64: return type_int(64, true);
    case PQF_TYPE_UINT64: return type_int(64, false);
    case PQF_TYPE_HALF: return type_unit(IPC_FLOAT, 0);
    case PQF_TYPE_FLOAT: return type_unit(IPC_FLOAT, 1);
    case PQF_TYPE_DOUBLE: return type_unit(IPC_FLOAT, 2);
    case PQF_TYPE_BINARY: return type_plain(IPC_BINARY);
    case PQF_TYPE_LARGE_BINARY: return type_plain(IPC_LARGE_BINARY);
    case PQF_TYPE_BINARY_VIEW: return type_plain(IPC_BINARY_VIEW);
    case PQF_TYPE_STRING: return type_plain(IPC_UTF8);
    case PQF_TYPE_LARGE_STRING: return type_plain(IPC_LARGE_UTF8);
    case PQF_TYPE_STRING_VIEW: return type_plain(IPC_UTF8_VIEW);
    case PQF_TYPE_FIXED_BINARY: return type_number(IPC_FIXED_BINARY, type->width);
    case PQF_TYPE_DECIMAL32: return type_decimal(type, 32);
    case PQF_TYPE_DECIMAL64: return type_decimal(type, 64);
    case PQF_TYPE_DECIMAL128: return type_decimal(type, 128);
    case PQF_TYPE_DECIMAL256: return type_decimal(type, 256);
    case PQF_TYPE_DATE32: return type_unit(IPC_DATE, 0);
    case PQF_TYPE_DATE64: return type_unit(IPC_DATE, 1);
    case PQF_TYPE_TIME32:
        return (flat_type){IPC_TIME, 2, {{2, type->unit}, {4, 32}}, NULL};
    case PQF_TYPE_TIME64:
        return (flat_type){IPC_TIME, 2, {{2, type->unit}, {4, 64}}, NULL};
    case PQF_TYPE_TIMESTAMP:
        return (flat_type){
            IPC_TIMESTAMP, 2, {{2, type->unit}, {type->zone[0] ? 4 : 0, 0}}, type->zone};
    case PQF_TYPE_DURATION: return type_unit(IPC_DURATION, type->unit);
    case PQF_TYPE_INTERVAL_MONTHS: return type_unit(IPC_INTERVAL, 0);
    case PQF_TYPE_INTERVAL_DAY_TIME: return type_unit(IPC_INTERVAL, 1);
    case PQF_TYPE_INTERVAL_MONTH_DAY_NANO: return type_unit(IPC_INTERVAL, 2);
    case PQF_TYPE_LIST: return type_plain(IPC_LIST);
    case PQF_TYPE_LARGE_LIST: return type_plain(IPC_LARGE_LIST);
    case PQF_TYPE_LIST_VIEW: return type_plain(IPC_LIST_VIEW);
    case PQF_TYPE_LARGE_LIST_VIEW: return type_plain(IPC_LARGE_LIST_VIEW);
    case PQF_TYPE_FIXED_LIST: return type_number(IPC_FIXED_LIST, type->width);
    case PQF_TYPE_STRUCT: return type_plain(IPC_STRUCT);
    case PQF_TYPE_MAP: return (flat_type){IPC_MAP, 1, {{1, 0}}, NULL};
    case PQF_TYPE_RUN_END: return type_plain(IPC_RUN_END);
    default: return type_plain(0);
    }
}

static pqf_status put_type(writer *w, uint32_t offset_at, const flat_type *type) {
    uint32_t at[3];
    TRY(put_table(w, offset_at, type->slots, type->num_slots, at));
    if (!type->zone || !type->zone[0]) return PQF_OK;
    return put_string(w, at[1], text_bytes(type->zone));
}

/* ---- fields ---- */

static pqf_status put_field(writer *w, uint32_t offset_at,
                            const struct ArrowSchema *field);

static pqf_status put_fields(writer *w, uint32_t offset_at,
                             const struct ArrowSchema *parent) {
    uint32_t first;
    TRY(put_vector(w, offset_at, (uint32_t)parent->n_children, &first));
    for (int64_t i = 0; i < parent->n_children; i++)
        TRY(put_field(w, first + 4 * (uint32_t)i, parent->children[i]));
    return PQF_OK;
}

static pqf_status put_dictionary(writer *w, uint32_t offset_at,
                                 const struct ArrowSchema *field) {
    bool is_ordered = (field->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
    const flat_slot slots[3] = {{8, w->num_dictionaries++}, {4, 0}, {1, is_ordered}};
    pqf_type index;
    uint32_t at[3];
    TRY(pqf_type_parse(field->format, &index, w->err));
    flat_type type = flat_type_of(&index);
    TRY(put_table(w, offset_at, slots, 3, at));
    return put_type(w, at[IPC_DICTIONARY_INDEX], &type);
}

/* Of a dictionary-encoded field the values' type is written, and the indexes' beside it. */
static pqf_status put_field(writer *w, uint32_t offset_at,
                            const struct ArrowSchema *field) {
    const struct ArrowSchema *values = field->dictionary ? field->dictionary : field;
    bool has_metadata = pqf_kv_count(field->metadata) > 0;
    pqf_type parsed;
    uint32_t at[IPC_FIELD_SLOTS];
    TRY(pqf_type_parse(values->format, &parsed, w->err));
    flat_type type = flat_type_of(&parsed);
    if (type.member == 0)
        return pqf_fail(w->err, PQF_UNSUPPORTED,
                        "field '%.200s': Arrow format '%.40s' is not written",
                        field->name ? field->name : "", values->format);
    if (parsed.id == PQF_TYPE_MAP)
        type.slots[0].value = (field->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
    const flat_slot slots[IPC_FIELD_SLOTS] = {
        [IPC_FIELD_NAME] = {4, 0},
        [IPC_FIELD_NULLABLE] = {1, (field->flags & ARROW_FLAG_NULLABLE) != 0},
        [IPC_FIELD_TYPE_TYPE] = {1, (uint64_t)type.member},
        [IPC_FIELD_TYPE] = {4, 0},
        [IPC_FIELD_DICTIONARY] = {field->dictionary ? 4 : 0, 0},
        [IPC_FIELD_CHILDREN] = {4, 0},
        [IPC_FIELD_METADATA] = {has_metadata ? 4 : 0, 0},
    };
    TRY(put_table(w, offset_at, slots, IPC_FIELD_SLOTS, at));
    TRY(put_string(w, at[IPC_FIELD_NAME], text_bytes(field->name)));
    TRY(put_type(w, at[IPC_FIELD_TYPE], &type));
    if (field->dictionary) TRY(put_dictionary(w, at[IPC_FIELD_DICTIONARY], field));
    TRY(put_fields(w, at[IPC_FIELD_CHILDREN], values));
    return has_metadata ? put_metadata(w, at[IPC_FIELD_METADATA], field->metadata)
                        : PQF_OK;
}

static pqf_status put_message(writer *w, const struct ArrowSchema *schema) {
    bool has_metadata = pqf_kv_count(schema->metadata) > 0;
    const flat_slot message[4] = {
        {2, IPC_VERSION_V5}, {1, IPC_HEADER_SCHEMA}, {4, 0}, {8, 0}};
    const flat_slot body[3] = {{2, 0}, {4, 0}, {has_metadata ? 4 : 0, 0}};
    uint32_t at[4];
    TRY(pqf_buf_put_u32(w->out, 0, w->err)); /* offset of the root */
    TRY(put_table(w, 0, message, 4, at));
    TRY(put_table(w, at[IPC_MESSAGE_HEADER], body, 3, at));
    uint32_t metadata_at = at[IPC_SCHEMA_METADATA];
    TRY(put_fields(w, at[IPC_SCHEMA_FIELDS], schema));
    if (has_metadata) TRY(put_metadata(w, metadata_at, schema->metadata));
    TRY(put_vtables(w));
    return align(w, 8);
}

pqf_status pqf_arrow_message_put(const struct ArrowSchema *schema, pqf_buf *out,
                                 pqf_error *err) {
    size_t head = out->len;
    TRY(pqf_schema_check(schema, err));
    TRY(pqf_buf_put_u32(out, IPC_CONTINUATION, err));
    TRY(pqf_buf_put_u32(out, 0, err));
    writer w = {.out = out, .start = out->len, .waiting = {.mem = out->mem}, .err = err};
    pqf_status status = put_message(&w, schema);
    pqf_buf_reset(&w.waiting);
    TRY(status);
    if (out->len - w.start > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "the Arrow schema takes more than 2 GiB");
    pqf_store_u32(out->data + head + 4, (uint32_t)(out->len - w.start));
    return PQF_OK;
}

pqf_status pqf_arrow_schema_write(const struct ArrowSchema *schema, pqf_buf *out,
                                  pqf_error *err) {
    pqf_buf message;
    pqf_status status = PQF_OK;
    pqf_buf_init(&message, out->mem, 0);
    TRY_DONE(pqf_arrow_message_put(schema, &message, err));
    TRY_DONE(pqf_base64_put(pqf_buf_view(&message), out, err));
done:
    pqf_buf_reset(&message);
    return status;
}
