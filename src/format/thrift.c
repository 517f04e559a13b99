/* SPDX-License-Identifier: Apache-2.0
 *
 * thrift.c: the Thrift compact protocol, read and written by walking the field tables of
 * metadata.c. In come bytes from strangers: every length is checked against the bytes that
 * are left, a list of n elements needs n bytes, unknown fields are skipped to a depth of
 * PQF_THRIFT_MAX_DEPTH.
 *
 *   struct:  { field header, value }* 0x00
 *   header:  1 byte, id delta (1..15) << 4 | wire type; delta 0: the id follows as zigzag varint
 *   list:    1 byte, size << 4 | element wire type; size 15: the size follows as varint
 *   integers are zigzag varints, a binary is a varint length and its bytes, a bool field is its
 *   wire type (1 true, 2 false), a bool element is a byte
 */
#include "format.h"

#include "base/bits.h"

#include <stddef.h>

enum wire {
    WIRE_STOP = 0,
    WIRE_TRUE = 1,
    WIRE_FALSE = 2,
    WIRE_I8 = 3,
    WIRE_I16 = 4,
    WIRE_I32 = 5,
    WIRE_I64 = 6,
    WIRE_DOUBLE = 7,
    WIRE_BINARY = 8,
    WIRE_LIST = 9,
    WIRE_SET = 10,
    WIRE_MAP = 11,
    WIRE_STRUCT = 12,
    WIRE_UUID = 13,
};

static const uint8_t kind_wire[] = {
    [PQF_KIND_BOOL] = WIRE_TRUE,     [PQF_KIND_I8] = WIRE_I8,
    [PQF_KIND_I16] = WIRE_I16,       [PQF_KIND_I32] = WIRE_I32,
    [PQF_KIND_I64] = WIRE_I64,       [PQF_KIND_DOUBLE] = WIRE_DOUBLE,
    [PQF_KIND_BINARY] = WIRE_BINARY, [PQF_KIND_EMPTY] = WIRE_STRUCT,
    [PQF_KIND_STRUCT] = WIRE_STRUCT, [PQF_KIND_POINTER] = WIRE_STRUCT,
    [PQF_KIND_LIST] = WIRE_LIST,
};

static const uint8_t kind_bytes[] = {
    [PQF_KIND_BOOL] = sizeof(bool),
    [PQF_KIND_I8] = 1,
    [PQF_KIND_I16] = 2,
    [PQF_KIND_I32] = 4,
    [PQF_KIND_I64] = 8,
    [PQF_KIND_DOUBLE] = 8,
    [PQF_KIND_BINARY] = sizeof(pqf_bytes),
};

#define DEFAULT_MAX_STRING   100000000
#define DEFAULT_MAX_ELEMENTS 1000000
/* Structs of a list are allocated this many bytes at first, then doubling as they are read. */
#define FIRST_LIST_BYTES ((size_t)1 << 20)
/* Pieces asked of the arena double from the first to the last size. */
#define FIRST_CHUNK ((size_t)2 << 10)
#define LAST_CHUNK  ((size_t)2 << 20)

typedef struct thrift_reader {
    const uint8_t *start;
    const uint8_t *p;
    const uint8_t *end;
    pqf_arena *arena;
    const pqf_thrift_struct *later; /* such structs of lists are stepped over */
    pqf_buf *places;                /* where they begin: uint32_t each */
    uint8_t *chunk;                 /* what is left of the newest piece of the arena */
    size_t chunk_left;
    size_t chunk_bytes; /* of the next piece */
    uint64_t max_string;
    uint64_t max_elements;
    pqf_error *err;
    pqf_status status; /* of the failure */
    const char *what;  /* what failed; NULL: err is filled */
    const char *in;    /* name of the struct or field */
    bool truncated;    /* the bytes ended */
} thrift_reader;

/* All readers below return false on failure; the text is made once, at the top. */
static bool fail(thrift_reader *r, pqf_status status, const char *what) {
    r->status = status;
    r->what = what;
    return false;
}

static bool fail_truncated(thrift_reader *r) {
    r->truncated = true;
    return fail(r, PQF_CORRUPT, "the bytes end inside it");
}

static size_t bytes_left(const thrift_reader *r) { return (size_t)(r->end - r->p); }

/* Two bytes and more; the bytes may end inside. */
static bool read_varint_checked(thrift_reader *r, uint64_t *out) {
    pqf_cursor c = {r->p, r->end, false};
    size_t left = bytes_left(r);
    *out = pqf_cursor_varint(&c);
    if (c.overrun && left < 10) return fail_truncated(r);
    if (c.overrun) return fail(r, PQF_CORRUPT, "an integer is longer than 64 bits");
    r->p = c.p;
    return true;
}

static inline bool read_varint(thrift_reader *r, uint64_t *out) {
    const uint8_t *p = r->p;
    if (p < r->end && *p < 0x80) {
        *out = *p;
        r->p = p + 1;
        return true;
    }
    if (bytes_left(r) < 8) return read_varint_checked(r, out);
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 56; shift += 7, p++) {
        v |= (uint64_t)(*p & 0x7F) << shift;
        if (*p >= 0x80) continue;
        *out = v;
        r->p = p + 1;
        return true;
    }
    return read_varint_checked(r, out);
}

static inline bool read_i64(thrift_reader *r, int64_t *out) {
    uint64_t v;
    if (!read_varint(r, &v)) return false;
    *out = pqf_zigzag_decode(v);
    return true;
}

static inline bool read_i32(thrift_reader *r, int32_t *out) {
    uint64_t v;
    if (!read_varint(r, &v)) return false;
    if (v > UINT32_MAX) return fail(r, PQF_CORRUPT, "an integer is longer than 32 bits");
    *out = (int32_t)pqf_zigzag_decode(v);
    return true;
}

static bool read_i16(thrift_reader *r, int16_t *out) {
    uint64_t v;
    if (!read_varint(r, &v)) return false;
    if (v > UINT16_MAX) return fail(r, PQF_CORRUPT, "an integer is longer than 16 bits");
    *out = (int16_t)pqf_zigzag_decode(v);
    return true;
}

static inline bool read_byte(thrift_reader *r, uint8_t *out) {
    if (r->p == r->end) return fail_truncated(r);
    *out = *r->p++;
    return true;
}

static bool skip_bytes(thrift_reader *r, uint64_t n) {
    if (n > bytes_left(r)) return fail_truncated(r);
    r->p += n;
    return true;
}

static bool read_binary(thrift_reader *r, pqf_bytes *out) {
    uint64_t n;
    if (!read_varint(r, &n)) return false;
    if (n > r->max_string)
        return fail(r, PQF_LIMIT,
                    "a string is longer than the limit (thrift_string_limit)");
    if (n > bytes_left(r)) return fail_truncated(r);
    *out = pqf_bytes_of(r->p, (size_t)n);
    r->p += n;
    return true;
}

static bool read_list_header(thrift_reader *r, uint64_t *n, uint8_t *wire) {
    uint8_t head;
    if (!read_byte(r, &head)) return false;
    *wire = head & 0x0F;
    *n = head >> 4;
    if (*n == 15 && !read_varint(r, n)) return false;
    if (*n > r->max_elements)
        return fail(r, PQF_LIMIT,
                    "a list has more elements than the limit (thrift_container_limit)");
    if (*n > bytes_left(r)) return fail_truncated(r);
    return true;
}

/* The id of the next field from its header's first byte. */
static inline bool read_field_id(thrift_reader *r, uint8_t head, int32_t *id) {
    if (head >> 4) {
        *id += head >> 4;
    } else {
        int16_t v;
        if (!read_i16(r, &v)) return false;
        *id = v;
    }
    if (*id > INT16_MAX) return fail(r, PQF_CORRUPT, "a field id is above 32767");
    return true;
}

static bool skip_value(thrift_reader *r, uint8_t wire, int depth);

/* Up to 8 bytes at a look: the first one without its top bit is the last. */
static inline bool skip_varint(thrift_reader *r) {
    uint64_t v;
    if (bytes_left(r) >= 8) {
        uint64_t last = ~pqf_load_u64(r->p) & UINT64_C(0x8080808080808080);
        if (last) {
            r->p += __builtin_ctzll(last) / 8 + 1;
            return true;
        }
    }
    return read_varint(r, &v);
}

static inline bool skip_binary(thrift_reader *r) {
    uint64_t n;
    return read_varint(r, &n) && skip_bytes(r, n);
}

/* What most fields are, without a call. */
static inline bool skip_field(thrift_reader *r, uint8_t wire, int depth) {
    if (wire == WIRE_I32 || wire == WIRE_I64) return skip_varint(r);
    if (wire == WIRE_BINARY) return skip_binary(r);
    return skip_value(r, wire, depth);
}

static bool skip_elements(thrift_reader *r, uint8_t wire, uint64_t n, int depth) {
    for (uint64_t i = 0; i < n; i++) {
        bool is_bool = wire == WIRE_TRUE || wire == WIRE_FALSE;
        if (is_bool ? !skip_bytes(r, 1) : !skip_field(r, wire, depth)) return false;
    }
    return true;
}

static bool skip_map(thrift_reader *r, int depth) {
    uint64_t n;
    uint8_t types;
    if (!read_varint(r, &n)) return false;
    if (n == 0) return true;
    if (n > bytes_left(r)) return fail_truncated(r);
    if (!read_byte(r, &types)) return false;
    for (uint64_t i = 0; i < n; i++) {
        if (!skip_elements(r, types >> 4, 1, depth)) return false;
        if (!skip_elements(r, types & 0x0F, 1, depth)) return false;
    }
    return true;
}

static bool skip_struct(thrift_reader *r, int depth) {
    int32_t id = 0;
    for (;;) {
        uint8_t head;
        if (!read_byte(r, &head)) return false;
        if (head == WIRE_STOP) return true;
        if (!read_field_id(r, head, &id)) return false;
        if (!skip_field(r, head & 0x0F, depth)) return false;
    }
}

/* Recursion is bounded by depth; work is bounded because each element takes a byte at least. */
static bool skip_value(thrift_reader *r, uint8_t wire, int depth) {
    uint64_t n;
    if (depth >= PQF_THRIFT_MAX_DEPTH)
        return fail(r, PQF_CORRUPT, "nested deeper than 64");
    switch (wire) {
    case WIRE_TRUE:
    case WIRE_FALSE: return true;
    case WIRE_I8: return skip_bytes(r, 1);
    case WIRE_I16:
    case WIRE_I32:
    case WIRE_I64: return skip_varint(r);
    case WIRE_DOUBLE: return skip_bytes(r, 8);
    case WIRE_BINARY: return skip_binary(r);
    case WIRE_LIST:
    case WIRE_SET:
        return read_list_header(r, &n, &wire) && skip_elements(r, wire, n, depth + 1);
    case WIRE_MAP: return skip_map(r, depth + 1);
    case WIRE_STRUCT: return skip_struct(r, depth + 1);
    case WIRE_UUID: return skip_bytes(r, 16);
    default: return fail(r, PQF_CORRUPT, "a field has an unknown wire type");
    }
}

static bool read_struct(thrift_reader *r, const pqf_thrift_struct *type, uint8_t *out,
                        int depth);

static bool take_from_arena(thrift_reader *r, size_t size, void **out) {
    if (pqf_arena_alloc(r->arena, size, out, r->err) == PQF_OK) return true;
    r->what = NULL;
    r->status = r->err->status;
    return false;
}

static bool take_new_chunk(thrift_reader *r, size_t size, void **out) {
    void *chunk;
    if (size > r->chunk_bytes / 4) return take_from_arena(r, size, out);
    if (!take_from_arena(r, r->chunk_bytes, &chunk)) return false;
    r->chunk = (uint8_t *)chunk + size;
    r->chunk_left = r->chunk_bytes - size;
    if (r->chunk_bytes < LAST_CHUNK) r->chunk_bytes *= 2;
    *out = chunk;
    return true;
}

/* Zeroed bytes. The arena gives larger and larger pieces, out of which the small ones are cut. */
static inline bool take(thrift_reader *r, size_t size, void **out) {
    size = size ? (size + 15) & ~(size_t)15 : 16;
    if (size > r->chunk_left) return take_new_chunk(r, size, out);
    *out = r->chunk;
    r->chunk += size;
    r->chunk_left -= size;
    return true;
}

static bool read_scalar(thrift_reader *r, pqf_kind kind, uint8_t *at) {
    uint8_t byte;
    switch (kind) {
    case PQF_KIND_BOOL:
        if (!read_byte(r, &byte)) return false;
        *(bool *)at = byte == WIRE_TRUE;
        return true;
    case PQF_KIND_I8: return read_byte(r, at);
    case PQF_KIND_I16: return read_i16(r, (int16_t *)(void *)at);
    case PQF_KIND_I32: return read_i32(r, (int32_t *)(void *)at);
    case PQF_KIND_I64: return read_i64(r, (int64_t *)(void *)at);
    case PQF_KIND_BINARY: return read_binary(r, (pqf_bytes *)(void *)at);
    default: /* PQF_KIND_DOUBLE */
        if (bytes_left(r) < 8) return fail_truncated(r);
        memcpy(at, r->p, 8);
        r->p += 8;
        return true;
    }
}

/* Every element takes a byte at least: the array is at most 16 times the bytes that are there. */
static bool read_scalars(thrift_reader *r, pqf_kind kind, size_t n, void **out) {
    size_t width = kind_bytes[kind];
    if (!take(r, n * width, out)) return false;
    uint8_t *at = *out;
    for (size_t i = 0; i < n; i++, at += width) {
        if (!read_scalar(r, kind, at)) return false;
    }
    return true;
}

/* The array grows as elements are read: a claimed length costs at most FIRST_LIST_BYTES. */
static bool read_structs(thrift_reader *r, const pqf_thrift_struct *type, size_t n,
                         void **out, int depth) {
    size_t width = type->struct_bytes;
    size_t cap = FIRST_LIST_BYTES / width + 1;
    if (cap > n) cap = n;
    if (!take(r, cap * width, out)) return false;
    for (size_t i = 0; i < n; i++) {
        if (i == cap) {
            void *grown;
            cap = cap * 2 < n ? cap * 2 : n;
            if (!take(r, cap * width, &grown)) return false;
            memcpy(grown, *out, i * width);
            *out = grown;
        }
        if (!read_struct(r, type, (uint8_t *)*out + i * width, depth + 1)) return false;
    }
    return true;
}

/* Places count from the start of the bytes, which a footer's length of 32 bits bounds. */
static bool note_places(thrift_reader *r, size_t n, int depth) {
    size_t bytes = n * sizeof(uint32_t);
    if (pqf_buf_reserve(r->places, bytes, r->err) != PQF_OK) {
        r->what = NULL;
        r->status = r->err->status;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        pqf_store_u32(r->places->data + r->places->len, (uint32_t)(r->p - r->start));
        r->places->len += sizeof(uint32_t);
        if (!skip_struct(r, depth + 1)) return false;
    }
    return true;
}

static bool read_items(thrift_reader *r, const pqf_thrift_field *field, size_t n,
                       void **items, int depth) {
    if (field->elem != PQF_KIND_STRUCT) return read_scalars(r, field->elem, n, items);
    if (field->sub == r->later) return note_places(r, n, depth);
    return read_structs(r, field->sub, n, items, depth);
}

static bool read_list(thrift_reader *r, const pqf_thrift_field *field, uint8_t *out,
                      int depth) {
    uint64_t n;
    uint8_t wire;
    void *items = NULL;
    if (!read_list_header(r, &n, &wire)) return false;
    if (wire == WIRE_FALSE) wire = WIRE_TRUE;
    if (n > 0 && wire != kind_wire[field->elem]) {
        r->in = field->name;
        return fail(r, PQF_CORRUPT, "the list has elements of another type");
    }
    if (!read_items(r, field, (size_t)n, &items, depth)) return false;
    memcpy(out + field->offset, &items, sizeof items);
    int32_t count = (int32_t)n; /* at most max_elements, cut to INT32_MAX in reader_of */
    memcpy(out + field->count_offset, &count, sizeof count);
    return true;
}

static bool read_pointer(thrift_reader *r, const pqf_thrift_field *field, uint8_t *out,
                         int depth) {
    void *sub;
    if (!take(r, field->sub->struct_bytes, &sub)) return false;
    if (!read_struct(r, field->sub, sub, depth + 1)) return false;
    memcpy(out + field->offset, &sub, sizeof sub);
    return true;
}

static inline bool read_field(thrift_reader *r, const pqf_thrift_field *field,
                              uint8_t wire, uint8_t *out, int depth) {
    uint8_t *at = out + field->offset;
    switch ((pqf_kind)field->kind) {
    case PQF_KIND_I32: return read_i32(r, (int32_t *)(void *)at);
    case PQF_KIND_I64: return read_i64(r, (int64_t *)(void *)at);
    case PQF_KIND_BOOL: *(bool *)at = wire == WIRE_TRUE; return true;
    case PQF_KIND_STRUCT: return read_struct(r, field->sub, at, depth + 1);
    case PQF_KIND_POINTER: return read_pointer(r, field, out, depth);
    case PQF_KIND_LIST: return read_list(r, field, out, depth);
    case PQF_KIND_EMPTY: return skip_struct(r, depth + 1);
    default: return read_scalar(r, (pqf_kind)field->kind, at);
    }
}

static bool fail_missing(thrift_reader *r, const pqf_thrift_struct *type,
                         uint64_t missing) {
    r->in = type->fields[__builtin_ctzll(missing)].name;
    return fail(r, PQF_CORRUPT, "this required field is missing");
}

static bool read_struct(thrift_reader *r, const pqf_thrift_struct *type, uint8_t *out,
                        int depth) {
    uint64_t seen = 0;
    int32_t id = 0;
    for (;;) {
        uint8_t head;
        if (!read_byte(r, &head)) break;
        if (head == WIRE_STOP) {
            uint64_t missing = type->required & ~seen;
            return missing == 0 || fail_missing(r, type, missing);
        }
        if (!read_field_id(r, head, &id)) break;
        uint8_t wire = head & 0x0F;
        const pqf_thrift_field *field =
            id >= 0 && id <= type->max_id ? &type->fields[id] : &type->fields[0];
        if (kind_wire[field->kind] != (wire == WIRE_FALSE ? WIRE_TRUE : wire) || !wire) {
            if (!skip_value(r, wire, depth)) break;
            continue;
        }
        if (field->kind == PQF_KIND_STRUCT &&
            (seen >> id & 1)) /* it comes a second time */
            memset(out + field->offset, 0, field->sub->struct_bytes);
        if (!read_field(r, field, wire, out, depth)) break;
        seen |= UINT64_C(1) << id;
        if (field->has_offset != PQF_THRIFT_NO_HAS)
            *(bool *)(out + field->has_offset) = true;
    }
    if (!r->in) r->in = type->name;
    return false;
}

static thrift_reader reader_of(pqf_bytes in, pqf_arena *arena,
                               const pqf_thrift_limits *limits, pqf_error *err) {
    thrift_reader r = {.start = in.data, .p = in.data, .end = in.data + in.len};
    r.arena = arena;
    /* the copies that a writer keeps of each column chunk are small */
    r.chunk_bytes = in.len < FIRST_CHUNK ? (in.len + 64) & ~(size_t)15 : FIRST_CHUNK;
    r.err = err;
    r.max_string = DEFAULT_MAX_STRING;
    r.max_elements = DEFAULT_MAX_ELEMENTS;
    if (limits && limits->max_string_bytes > 0)
        r.max_string = (uint64_t)limits->max_string_bytes;
    if (limits && limits->max_container_elements > 0)
        r.max_elements = (uint64_t)limits->max_container_elements;
    if (r.max_elements > INT32_MAX) r.max_elements = INT32_MAX;
    return r;
}

static pqf_status report(const thrift_reader *r, const pqf_thrift_struct *type) {
    if (!r->what) return r->status;
    return pqf_fail(r->err, r->status, "%s, byte %zu, %s: %s", type->name,
                    (size_t)(r->p - r->start), r->in ? r->in : type->name, r->what);
}

pqf_status pqf_thrift_read(pqf_bytes in, const pqf_thrift_struct *type, void *out,
                           pqf_arena *arena, const pqf_thrift_limits *limits,
                           size_t *num_bytes_used, pqf_error *err) {
    thrift_reader r = reader_of(in, arena, limits, err);
    memset(out, 0, type->struct_bytes);
    if (!read_struct(&r, type, out, 0)) return report(&r, type);
    *num_bytes_used = (size_t)(r.p - r.start);
    return PQF_OK;
}

pqf_status pqf_thrift_read_but(pqf_bytes in, const pqf_thrift_struct *type, void *out,
                               const pqf_thrift_struct *later, pqf_buf *places,
                               pqf_arena *arena, const pqf_thrift_limits *limits,
                               pqf_error *err) {
    thrift_reader r = reader_of(in, arena, limits, err);
    r.later = later;
    r.places = places;
    memset(out, 0, type->struct_bytes);
    return read_struct(&r, type, out, 0) ? PQF_OK : report(&r, type);
}

/* PageHeader and what it holds have neither lists nor pointers, so there is no arena to ask. */
pqf_status pqf_page_header_read(pqf_bytes in, pqf_page_header *out,
                                size_t *num_bytes_used, bool *truncated, pqf_error *err) {
    thrift_reader r = reader_of(in, NULL, NULL, err);
    memset(out, 0, sizeof *out);
    *num_bytes_used = 0;
    *truncated = false;
    if (!read_struct(&r, &pqf_page_header_thrift, (uint8_t *)out, 0)) {
        *truncated = r.truncated;
        return r.truncated ? PQF_OK : report(&r, &pqf_page_header_thrift);
    }
    *num_bytes_used = (size_t)(r.p - r.start);
    return PQF_OK;
}

/* ---- writing ---- */

static pqf_status write_i64(pqf_buf *out, int64_t v, pqf_error *err) {
    return pqf_buf_put_varint(out, pqf_zigzag_encode(v), err);
}

static pqf_status write_header(pqf_buf *out, int32_t *last_id, int32_t id, uint8_t wire,
                               pqf_error *err) {
    int32_t delta = id - *last_id;
    *last_id = id;
    if (delta >= 1 && delta <= 15)
        return pqf_buf_put_u8(out, (uint8_t)(delta << 4 | wire), err);
    TRY(pqf_buf_put_u8(out, wire, err));
    return write_i64(out, id, err);
}

static pqf_status write_scalar(pqf_kind kind, const uint8_t *at, pqf_buf *out,
                               pqf_error *err) {
    switch (kind) {
    case PQF_KIND_BOOL:
        return pqf_buf_put_u8(out, *(const bool *)at ? WIRE_TRUE : WIRE_FALSE, err);
    case PQF_KIND_I8: return pqf_buf_put_u8(out, *at, err);
    case PQF_KIND_I16: return write_i64(out, *(const int16_t *)(const void *)at, err);
    case PQF_KIND_I32: return write_i64(out, *(const int32_t *)(const void *)at, err);
    case PQF_KIND_I64: return write_i64(out, *(const int64_t *)(const void *)at, err);
    case PQF_KIND_BINARY: {
        const pqf_bytes *bytes = (const pqf_bytes *)(const void *)at;
        TRY(pqf_buf_put_varint(out, bytes->len, err));
        return bytes->len ? pqf_buf_put(out, bytes->data, bytes->len, err) : PQF_OK;
    }
    case PQF_KIND_EMPTY: return pqf_buf_put_u8(out, WIRE_STOP, err);
    default: return pqf_buf_put(out, at, 8, err); /* PQF_KIND_DOUBLE */
    }
}

static pqf_status write_list(const pqf_thrift_field *field, const uint8_t *in,
                             pqf_buf *out, pqf_error *err) {
    const uint8_t *items;
    int32_t n;
    memcpy(&items, in + field->offset, sizeof items);
    memcpy(&n, in + field->count_offset, sizeof n);
    uint8_t wire = kind_wire[field->elem];
    TRY(pqf_buf_put_u8(out, (uint8_t)((n < 15 ? n : 15) << 4 | wire), err));
    if (n >= 15) TRY(pqf_buf_put_varint(out, (uint64_t)n, err));
    size_t width = field->sub ? field->sub->struct_bytes : kind_bytes[field->elem];
    for (int32_t i = 0; i < n; i++) {
        const uint8_t *item = items + (size_t)i * width;
        if (field->sub)
            TRY(pqf_thrift_write(field->sub, item, out, err));
        else
            TRY(write_scalar(field->elem, item, out, err));
    }
    return PQF_OK;
}

static const void *pointer_at(const uint8_t *in, size_t offset) {
    const void *p;
    memcpy(&p, in + offset, sizeof p);
    return p;
}

static bool is_present(const pqf_thrift_field *field, const uint8_t *in) {
    if (field->kind == PQF_KIND_NONE) return false;
    if (field->kind == PQF_KIND_POINTER) return pointer_at(in, field->offset) != NULL;
    return field->required || *(const bool *)(in + field->has_offset);
}

pqf_status pqf_thrift_write(const pqf_thrift_struct *type, const void *in, pqf_buf *out,
                            pqf_error *err) {
    int32_t last_id = 0;
    for (int32_t id = 1; id <= type->max_id; id++) {
        const pqf_thrift_field *field = &type->fields[id];
        const uint8_t *at = (const uint8_t *)in + field->offset;
        if (!is_present(field, in)) continue;
        uint8_t wire = kind_wire[field->kind];
        if (field->kind == PQF_KIND_BOOL && !*(const bool *)at) wire = WIRE_FALSE;
        TRY(write_header(out, &last_id, id, wire, err));
        switch ((pqf_kind)field->kind) {
        case PQF_KIND_BOOL: break;
        case PQF_KIND_STRUCT: TRY(pqf_thrift_write(field->sub, at, out, err)); break;
        case PQF_KIND_POINTER:
            TRY(pqf_thrift_write(field->sub, pointer_at(in, field->offset), out, err));
            break;
        case PQF_KIND_LIST: TRY(write_list(field, in, out, err)); break;
        default: TRY(write_scalar((pqf_kind)field->kind, at, out, err)); break;
        }
    }
    return pqf_buf_put_u8(out, WIRE_STOP, err);
}

pqf_status pqf_page_header_write(const pqf_page_header *in, pqf_buf *out,
                                 pqf_error *err) {
    return pqf_thrift_write(&pqf_page_header_thrift, in, out, err);
}

/* ---- replacing one field ---- */

static pqf_status put_replacement(const pqf_thrift_struct *type, int32_t id,
                                  const uint8_t *with, int32_t *last_id, pqf_buf *out,
                                  pqf_error *err) {
    const pqf_thrift_field *field = &type->fields[id];
    if (!is_present(field, with)) return PQF_OK;
    TRY(write_header(out, last_id, id, WIRE_LIST, err));
    return write_list(field, with, out, err);
}

/* Fields stand in the order of their ids; whoever writes them in another order gets the new one
 * before the first higher one. */
static pqf_status copy_fields(thrift_reader *r, const pqf_thrift_struct *type, int32_t id,
                              const uint8_t *with, pqf_buf *out, pqf_error *err) {
    int32_t at = 0, last_id = 0;
    bool is_put = false;
    for (;;) {
        uint8_t head;
        if (!read_byte(r, &head)) return report(r, type);
        bool is_end = head == WIRE_STOP;
        if (!is_end && !read_field_id(r, head, &at)) return report(r, type);
        if (!is_put && (is_end || at > id)) {
            TRY(put_replacement(type, id, with, &last_id, out, err));
            is_put = true;
        }
        if (is_end) return pqf_buf_put_u8(out, WIRE_STOP, err);
        const uint8_t *value = r->p;
        if (!skip_value(r, head & 0x0F, 0)) return report(r, type);
        if (at == id) continue;
        TRY(write_header(out, &last_id, at, head & 0x0F, err));
        if (r->p > value) TRY(pqf_buf_put(out, value, (size_t)(r->p - value), err));
    }
}

pqf_status pqf_thrift_replace(pqf_bytes in, const pqf_thrift_struct *type, int32_t id,
                              const void *with, pqf_buf *out, pqf_error *err) {
    thrift_reader r = reader_of(in, NULL, NULL, err);
    r.max_elements = INT32_MAX;
    return copy_fields(&r, type, id, with, out, err);
}
