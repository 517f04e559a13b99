/* SPDX-License-Identifier: Apache-2.0
 *
 * arrow_schema.c: reads the value of the key ARROW:schema: base64 of an encapsulated IPC
 * message (Arrow Columnar Format, "Encapsulated message format") whose flatbuffer holds a
 * Schema.
 *
 *   0xFFFFFFFF | length (4) | flatbuffer        older writers leave the continuation out
 *
 * The flatbuffer comes from strangers. A table is at t, its vtable at t - i32(t); a slot of
 * the vtable tells where in the table a field is, 0: absent. Every position is checked before
 * it is read; a failure is sticky. Offsets may point at the same table twice, so that few
 * bytes claim many fields: the number of fields and the bytes of strings are bounded by the
 * message's length.
 */
#include "ipc.h"

#include "arrow/arrow.h"

#include <stdio.h>

typedef struct flat {
    pqf_bytes in;
    pqf_arena *arena;
    pqf_error *err;
    const char *fault; /* what is wrong with the message; sticky */
    pqf_status status; /* of the arena */
    size_t fields_left;
    size_t string_bytes_left;
} flat;

typedef struct table {
    uint32_t at;
    uint32_t vtable;
    uint32_t num_slots;
} table;

static bool damaged(flat *f, const char *fault) {
    if (!f->fault) f->fault = fault;
    return false;
}

static bool has_bytes(flat *f, uint64_t at, uint64_t len) {
    if (at <= f->in.len && len <= f->in.len - at) return true;
    return damaged(f, "a position lies outside of the message");
}

static uint32_t load_u32(const flat *f, uint32_t at) {
    return pqf_load_u32(f->in.data + at);
}
static uint32_t load_u16(const flat *f, uint32_t at) {
    return pqf_load_u16(f->in.data + at);
}

static bool open_table(flat *f, uint32_t at, table *out) {
    *out = (table){0};
    if (!has_bytes(f, at, 4)) return false;
    int64_t vtable = (int64_t)at - (int32_t)load_u32(f, at);
    if (vtable < 0 || vtable > UINT32_MAX || !has_bytes(f, (uint64_t)vtable, 4))
        return damaged(f, "a vtable lies outside of the message");
    uint32_t bytes = load_u16(f, (uint32_t)vtable);
    if (bytes < 4 || !has_bytes(f, (uint64_t)vtable, bytes))
        return damaged(f, "a vtable is too short");
    *out = (table){at, (uint32_t)vtable, (bytes - 4) / 2};
    return true;
}

/* Position of a field of `size` bytes, 0 when it is absent or does not fit. */
static uint32_t slot(flat *f, const table *t, uint32_t i, uint32_t size) {
    if (i >= t->num_slots) return 0;
    uint32_t offset = load_u16(f, t->vtable + 4 + 2 * i);
    if (offset == 0 || !has_bytes(f, (uint64_t)t->at + offset, size)) return 0;
    return t->at + offset;
}

static int32_t get_i32(flat *f, const table *t, uint32_t i, int32_t absent) {
    uint32_t at = slot(f, t, i, 4);
    return at ? (int32_t)load_u32(f, at) : absent;
}

static int32_t get_i16(flat *f, const table *t, uint32_t i, int32_t absent) {
    uint32_t at = slot(f, t, i, 2);
    return at ? (int16_t)load_u16(f, at) : absent;
}

static uint8_t get_u8(flat *f, const table *t, uint32_t i) {
    uint32_t at = slot(f, t, i, 1);
    return at ? f->in.data[at] : 0;
}

/* Follows the offset at `at`; 0 when it leads outside. */
static uint32_t follow(flat *f, uint32_t at) {
    uint64_t to = (uint64_t)at + load_u32(f, at);
    return has_bytes(f, to, 4) ? (uint32_t)to : 0; /* the message's length is a uint32 */
}

static bool get_table(flat *f, const table *t, uint32_t i, table *out) {
    uint32_t at = slot(f, t, i, 4);
    *out = (table){0};
    return at && (at = follow(f, at)) && open_table(f, at, out);
}

/* Position of the first of *n elements of 4 bytes; absent is empty. */
static uint32_t get_vector(flat *f, const table *t, uint32_t i, uint32_t *n) {
    uint32_t at = slot(f, t, i, 4);
    *n = 0;
    if (!at || !(at = follow(f, at))) return 0;
    uint32_t count = load_u32(f, at);
    if (!has_bytes(f, (uint64_t)at + 4, (uint64_t)count * 4)) return 0;
    *n = count;
    return at + 4;
}

static pqf_bytes get_string(flat *f, const table *t, uint32_t i) {
    pqf_bytes none = pqf_bytes_of("", 0);
    uint32_t at = slot(f, t, i, 4);
    if (!at || !(at = follow(f, at))) return none;
    uint32_t len = load_u32(f, at);
    if (!has_bytes(f, (uint64_t)at + 4, len)) return none;
    if (len > f->string_bytes_left) {
        damaged(f, "its strings overlap");
        return none;
    }
    f->string_bytes_left -= len;
    return pqf_bytes_of(f->in.data + at + 4, len);
}

/* A string that goes into a format or a name. The message may end with it: no slack for a kernel. */
static pqf_bytes get_text(flat *f, const table *t, uint32_t i) {
    pqf_bytes s = get_string(f, t, i);
    for (size_t k = 0; k < s.len; k++) {
        if (s.data[k] >= 0x20 && s.data[k] < 0x7F) continue;
        damaged(f, "a time zone is not plain text");
        return pqf_bytes_of("", 0);
    }
    return s;
}

/* ---- types ---- */

static bool keep(flat *f, pqf_status status) {
    if (status != PQF_OK) f->status = status;
    return status == PQF_OK;
}

static char unit_of(flat *f, const table *t, int32_t absent) {
    int32_t unit = get_i16(f, t, 0, absent);
    return unit >= 0 && unit <= 3 ? "smun"[unit] : '?';
}

/* Of types that Arrow came to know later: it is a form of nothing, so that Parquet's own type stays. */
#define UNKNOWN_FORMAT "n"

static const char *int_format(flat *f, const table *t) {
    bool is_signed = get_u8(f, t, 1) != 0;
    switch (get_i32(f, t, 0, 0)) {
    case 8: return is_signed ? "c" : "C";
    case 16: return is_signed ? "s" : "S";
    case 32: return is_signed ? "i" : "I";
    case 64: return is_signed ? "l" : "L";
    default: return UNKNOWN_FORMAT;
    }
}

/* Formats that the union's member alone tells. */
static const char *plain_format(ipc_type type) {
    switch (type) {
    case IPC_NULL: return "n";
    case IPC_BINARY: return "z";
    case IPC_UTF8: return "u";
    case IPC_BOOL: return "b";
    case IPC_LIST: return "+l";
    case IPC_STRUCT: return "+s";
    case IPC_MAP: return "+m";
    case IPC_LARGE_BINARY: return "Z";
    case IPC_LARGE_UTF8: return "U";
    case IPC_LARGE_LIST: return "+L";
    case IPC_RUN_END: return "+r";
    case IPC_BINARY_VIEW: return "vz";
    case IPC_UTF8_VIEW: return "vu";
    case IPC_LIST_VIEW: return "+vl";
    case IPC_LARGE_LIST_VIEW: return "+vL";
    default: return NULL;
    }
}

static bool print_union(flat *f, const table *t, uint32_t num_children,
                        const char **out) {
    const char *format = get_i16(f, t, 0, 0) == 1 ? "+ud:" : "+us:";
    uint32_t n, ids = get_vector(f, t, 1, &n);
    if (n == 0) n = num_children;
    for (uint32_t i = 0; i < n; i++) {
        int32_t id = ids ? (int32_t)load_u32(f, ids + 4 * i) : (int32_t)i;
        if (i > 127) return damaged(f, "a union has more than 128 members");
        if (!keep(f, pqf_arena_printf(f->arena, &format, f->err, "%s%s%d", format,
                                      i ? "," : "", id)))
            return false;
    }
    *out = format;
    return true;
}

/* Formats with parameters; an unknown unit leaves a '?' that the schema's check refuses. */
static bool print_format(flat *f, const table *t, ipc_type type, uint32_t num_children,
                         const char **out) {
    pqf_arena *arena = f->arena;
    pqf_error *err = f->err;
    int32_t unit;
    pqf_bytes zone;
    switch (type) {
    case IPC_INT: *out = int_format(f, t); return true;
    case IPC_FLOAT:
        unit = get_i16(f, t, 0, 0);
        *out = unit == 0 ? "e" : unit == 1 ? "f" : "g";
        return true;
    case IPC_DECIMAL:
        return keep(f,
                    pqf_arena_printf(arena, out, err, "d:%d,%d,%d", get_i32(f, t, 0, 0),
                                     get_i32(f, t, 1, 0), get_i32(f, t, 2, 128)));
    case IPC_DATE: *out = get_i16(f, t, 0, 1) == 0 ? "tdD" : "tdm"; return true;
    case IPC_TIME:
        return keep(f, pqf_arena_printf(arena, out, err, "tt%c", unit_of(f, t, 1)));
    case IPC_TIMESTAMP:
        zone = get_text(f, t, 1);
        return keep(f, pqf_arena_printf(arena, out, err, "ts%c:%.*s", unit_of(f, t, 0),
                                        (int)(zone.len & INT32_MAX),
                                        (const char *)zone.data));
    case IPC_DURATION:
        return keep(f, pqf_arena_printf(arena, out, err, "tD%c", unit_of(f, t, 1)));
    case IPC_INTERVAL:
        unit = get_i16(f, t, 0, 0);
        *out = unit == 0 ? "tiM" : unit == 1 ? "tiD" : "tin";
        return true;
    case IPC_FIXED_BINARY:
        return keep(f, pqf_arena_printf(arena, out, err, "w:%d", get_i32(f, t, 0, 0)));
    case IPC_FIXED_LIST:
        return keep(f, pqf_arena_printf(arena, out, err, "+w:%d", get_i32(f, t, 0, 0)));
    case IPC_UNION: return print_union(f, t, num_children, out);
    default: *out = UNKNOWN_FORMAT; return true;
    }
}

/* The format of 128-bit decimals leaves the width out. */
static void shorten_decimal(char *format) {
    char *width = strrchr(format, ',');
    if (width && strcmp(width, ",128") == 0) *width = 0;
}

static bool read_type(flat *f, const table *field, uint32_t num_children,
                      const char **out) {
    ipc_type type = (ipc_type)get_u8(f, field, IPC_FIELD_TYPE_TYPE);
    table t;
    if (!get_table(f, field, IPC_FIELD_TYPE, &t))
        return damaged(f, "a field has no type");
    *out = plain_format(type);
    if (*out) return true;
    if (!print_format(f, &t, type, num_children, out)) return false;
    if (type == IPC_DECIMAL) shorten_decimal((char *)(uintptr_t)*out);
    return true;
}

/* ---- fields ---- */

static void release_nothing(struct ArrowSchema *schema) { schema->release = NULL; }

static bool take(flat *f, size_t n, size_t each, void **out) {
    return keep(f, pqf_arena_array(f->arena, n, each, out, f->err));
}

static bool put_pairs(flat *f, uint32_t pairs, uint32_t n, pqf_buf *buf) {
    for (uint32_t i = 0; i < n; i++) {
        table pair;
        uint32_t at = follow(f, pairs + 4 * i);
        if (!at || !open_table(f, at, &pair)) return false;
        pqf_bytes key = get_string(f, &pair, IPC_PAIR_KEY);
        pqf_bytes value = get_string(f, &pair, IPC_PAIR_VALUE);
        if (!keep(f, pqf_kv_put(buf, key, value, f->err))) return false;
    }
    return true;
}

static bool read_metadata(flat *f, const table *t, uint32_t i, const char **out) {
    uint32_t n, pairs = get_vector(f, t, i, &n);
    pqf_bytes kept;
    pqf_buf buf;
    if (n == 0) return !f->fault;
    if (n > f->fields_left) return damaged(f, "its tables overlap");
    f->fields_left -= n;
    pqf_buf_init(&buf, f->arena->mem, 0);
    bool is_read = put_pairs(f, pairs, n, &buf) &&
                   keep(f, pqf_bytes_keep(f->arena, pqf_buf_view(&buf), &kept, f->err));
    pqf_buf_reset(&buf);
    if (is_read) *out = (const char *)kept.data;
    return is_read;
}

/* Makes room for n children and their pointers. */
static bool add_children(flat *f, struct ArrowSchema *out, uint32_t n) {
    void *structs, *pointers;
    if (n > f->fields_left) return damaged(f, "its tables overlap");
    f->fields_left -= n;
    if (!take(f, n, sizeof(struct ArrowSchema), &structs)) return false;
    if (!take(f, n, sizeof(struct ArrowSchema *), &pointers)) return false;
    out->children = pointers;
    out->n_children = n;
    for (uint32_t i = 0; i < n; i++)
        out->children[i] = (struct ArrowSchema *)structs + i;
    return true;
}

static bool read_field(flat *f, uint32_t at, int depth, struct ArrowSchema *out);

static bool read_fields(flat *f, const table *t, uint32_t slot_index, int depth,
                        struct ArrowSchema *out) {
    uint32_t n, first = get_vector(f, t, slot_index, &n);
    if (!add_children(f, out, n)) return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = follow(f, first + 4 * i);
        if (!at || !read_field(f, at, depth + 1, out->children[i])) return false;
    }
    return !f->fault;
}

/* A dictionary-encoded field describes its values; the C Data Interface the indexes. */
static bool move_to_dictionary(flat *f, const table *encoding,
                               struct ArrowSchema *field) {
    table index;
    void *room;
    if (!take(f, 1, sizeof(struct ArrowSchema), &room)) return false;
    field->dictionary = room;
    *field->dictionary = (struct ArrowSchema){.format = field->format,
                                              .name = "",
                                              .flags = ARROW_FLAG_NULLABLE,
                                              .n_children = field->n_children,
                                              .children = field->children,
                                              .release = release_nothing};
    field->n_children = 0;
    field->children = NULL;
    field->format = get_table(f, encoding, IPC_DICTIONARY_INDEX, &index)
                        ? int_format(f, &index)
                        : "i";
    if (get_u8(f, encoding, IPC_DICTIONARY_ORDERED))
        field->flags |= ARROW_FLAG_DICTIONARY_ORDERED;
    return !f->fault;
}

static bool read_field(flat *f, uint32_t at, int depth, struct ArrowSchema *out) {
    table t, type, encoding;
    if (depth > PQF_SCHEMA_MAX_DEPTH)
        return damaged(f, "fields are nested deeper than 64");
    if (!open_table(f, at, &t)) return false;
    *out = (struct ArrowSchema){.release = release_nothing};
    if (!keep(f, pqf_arena_string(f->arena, get_string(f, &t, IPC_FIELD_NAME), &out->name,
                                  f->err)))
        return false;
    if (get_u8(f, &t, IPC_FIELD_NULLABLE)) out->flags |= ARROW_FLAG_NULLABLE;
    if (!read_fields(f, &t, IPC_FIELD_CHILDREN, depth, out)) return false;
    if (!read_type(f, &t, (uint32_t)out->n_children, &out->format)) return false;
    if (out->format[0] == '+' && out->format[1] == 'm' &&
        get_table(f, &t, IPC_FIELD_TYPE, &type) && get_u8(f, &type, 0))
        out->flags |= ARROW_FLAG_MAP_KEYS_SORTED;
    if (!read_metadata(f, &t, IPC_FIELD_METADATA, &out->metadata)) return false;
    if (get_table(f, &t, IPC_FIELD_DICTIONARY, &encoding))
        return move_to_dictionary(f, &encoding, out);
    return !f->fault;
}

static bool read_schema(flat *f, struct ArrowSchema *out) {
    table message, schema;
    *out = (struct ArrowSchema){.format = "+s", .name = "", .release = release_nothing};
    if (!has_bytes(f, 0, 4)) return false;
    uint32_t at = follow(f, 0);
    if (!at || !open_table(f, at, &message)) return false;
    if (get_u8(f, &message, IPC_MESSAGE_HEADER_TYPE) != IPC_HEADER_SCHEMA)
        return damaged(f, "the message holds no schema");
    if (!get_table(f, &message, IPC_MESSAGE_HEADER, &schema))
        return damaged(f, "the message holds no schema");
    if (get_i16(f, &schema, IPC_SCHEMA_ENDIANNESS, 0) != 0)
        return damaged(f, "the schema is big-endian");
    return read_fields(f, &schema, IPC_SCHEMA_FIELDS, 0, out) &&
           read_metadata(f, &schema, IPC_SCHEMA_METADATA, &out->metadata);
}

static pqf_status find_flatbuffer(pqf_bytes message, pqf_bytes *out, pqf_error *err) {
    size_t head = 4;
    if (message.len >= 8 && pqf_load_u32(message.data) == IPC_CONTINUATION) head = 8;
    if (message.len < head) return pqf_fail(err, PQF_CORRUPT, "the message is cut short");
    uint32_t len = pqf_load_u32(message.data + head - 4);
    if (len > message.len - head)
        return pqf_fail(err, PQF_CORRUPT, "the message claims %u bytes but has %zu", len,
                        message.len - head);
    *out = pqf_bytes_of(message.data + head, len);
    return PQF_OK;
}

pqf_status pqf_arrow_schema_parse(pqf_bytes message, pqf_arena *arena,
                                  struct ArrowSchema **out, pqf_error *err) {
    flat f = {.arena = arena, .err = err};
    void *room;
    TRY(find_flatbuffer(message, &f.in, err));
    f.fields_left = f.in.len / 8;
    f.string_bytes_left = 4 * f.in.len + 4096;
    TRY(pqf_arena_alloc(arena, sizeof **out, &room, err));
    *out = room;
    bool is_read = read_schema(&f, *out);
    if (f.status != PQF_OK) return f.status;
    if (!is_read || f.fault)
        return pqf_fail(err, PQF_CORRUPT, "%s",
                        f.fault ? f.fault : "the message is damaged");
    pqf_status status = pqf_schema_check(*out, err);
    if (status == PQF_INVALID) err->status = status = PQF_CORRUPT;
    return status;
}

pqf_status pqf_arrow_schema_read(pqf_bytes value, pqf_mem *mem, struct ArrowSchema *out,
                                 pqf_error *err) {
    pqf_arena arena;
    pqf_bytes message;
    struct ArrowSchema *schema;
    pqf_status status = PQF_OK;
    pqf_arena_init(&arena, mem);
    TRY_DONE(pqf_base64_decode(value, &arena, &message, err));
    TRY_DONE(pqf_arrow_schema_parse(message, &arena, &schema, err));
    TRY_DONE(pqf_schema_copy(schema, out, err));
done:
    pqf_arena_reset(&arena);
    return status;
}
