/* SPDX-License-Identifier: Apache-2.0
 *
 * craft.c: files that are nearly valid. In: a script that names a template and a few edits. Out: the
 * template laid out anew, page by page, with those edits made; offsets and sizes in the footer follow
 * the pages before it is edited itself, so one edit is one lie.
 *
 *   script   template u8, then edits of 8 bytes: kind u8, op u8, where u16, value i32
 *   kind 0   a scalar or binary of the footer
 *        1   a scalar of the header of a page; low 6 bits of where: which page
 *        2   a byte of a page's body
 *        3   a page's body becomes shorter or longer; op 1: and its header knows
 *        4   a scalar or binary of an offset index or column index
 *        5   a list of the footer loses or repeats elements
 *        6   a byte of the footer as it is written
 *        7   a byte of a Bloom filter
 *
 * Where fields are counted, the number is taken modulo how many there are.
 */
#include "format/format.h"
#include "fuzz.h"

#include <stdlib.h>

#define EDIT_BYTES 8
#define MAX_EDITS  16

enum {
    EDIT_FOOTER,
    EDIT_HEADER,
    EDIT_BODY,
    EDIT_SIZE,
    EDIT_INDEX,
    EDIT_LIST,
    EDIT_WRITTEN,
    EDIT_BLOOM,
    NUM_KINDS
};

typedef struct edit {
    uint8_t kind, op;
    uint16_t where;
    int32_t value;
} edit;

typedef struct craft {
    pqf_bytes file; /* the template */
    pqf_file_metadata meta;
    pqf_arena arena;
    edit edits[MAX_EDITS];
    int num_edits;
    int page;   /* number of the next page, over all chunks */
    int index;  /* of the next index */
    int filter; /* of the next Bloom filter */
    pqf_buf *out;
    pqf_error err;
} craft;

/* ---- members of Thrift structs by number ---- */

typedef struct walk {
    const craft *craft;
    const edit *edit;
    bool lists;   /* lists are counted, not scalars */
    int64_t left; /* members before the one that is meant; it becomes -1 there */
    int64_t seen;
} walk;

static int64_t new_number(const edit *e, int64_t old) {
    switch (e->op % 6) {
    case 0: return e->value;
    case 1: return (int64_t)((uint64_t)old + (uint64_t)(int8_t)e->value);
    case 2: return (int64_t)((uint64_t)e->value << (e->value & 31));
    case 3: return INT64_MAX - (e->value & 255);
    case 4: return INT64_MIN + (e->value & 255);
    default: return (int64_t)((uint64_t)old ^ (uint64_t)1 << (e->value & 63));
    }
}

static pqf_bytes new_binary(const walk *w, pqf_bytes old) {
    uint32_t v = (uint32_t)w->edit->value;
    size_t at = (v & 0xFFFF) % w->craft->file.len, most = w->craft->file.len - at;
    size_t len = v >> 16;
    if (w->edit->op & 1) return pqf_bytes_of(old.data, old.len ? v % old.len : 0);
    return pqf_bytes_of(w->craft->file.data + at, len < most ? len : most);
}

static void change_scalar(const walk *w, uint8_t kind, uint8_t *at) {
    const edit *e = w->edit;
    if (kind == PQF_KIND_BOOL) *(bool *)at = !*(bool *)at;
    if (kind == PQF_KIND_I8) *at = (uint8_t)new_number(e, *at);
    if (kind == PQF_KIND_I16)
        pqf_store_u16(at, (uint16_t)new_number(e, (int16_t)pqf_load_u16(at)));
    if (kind == PQF_KIND_I32)
        pqf_store_u32(at, (uint32_t)new_number(e, (int32_t)pqf_load_u32(at)));
    if (kind == PQF_KIND_I64 || kind == PQF_KIND_DOUBLE)
        pqf_store_u64(at, (uint64_t)new_number(e, (int64_t)pqf_load_u64(at)));
    if (kind == PQF_KIND_BINARY)
        *(pqf_bytes *)(void *)at = new_binary(w, *(pqf_bytes *)(void *)at);
}

static size_t bytes_of(uint8_t kind) {
    switch (kind) {
    case PQF_KIND_BOOL:
    case PQF_KIND_I8: return 1;
    case PQF_KIND_I16: return 2;
    case PQF_KIND_I32: return 4;
    case PQF_KIND_BINARY: return sizeof(pqf_bytes);
    default: return 8;
    }
}

static void visit_scalar(walk *w, uint8_t kind, uint8_t *at) {
    if (w->lists) return;
    w->seen++;
    if (w->left-- == 0) change_scalar(w, kind, at);
}

/* The list keeps some elements, or is of one element again and again. */
static void change_list(const walk *w, size_t size, uint8_t *list, int32_t *count) {
    uint32_t v = (uint32_t)w->edit->value;
    if (w->edit->op & 1 && *count > 1)
        for (int32_t i = 1; i < *count; i++)
            memcpy(list + (size_t)i * size, list + (v % (uint32_t)*count) * size, size);
    else
        *count = (int32_t)(v % ((uint32_t)*count + 1));
}

static void visit_struct(walk *w, const pqf_thrift_struct *type, uint8_t *at);

static void visit_list(walk *w, const pqf_thrift_field *f, uint8_t *at) {
    uint8_t *list = *(uint8_t **)(void *)(at + f->offset);
    int32_t *count = (int32_t *)(void *)(at + f->count_offset);
    bool of_structs = f->elem == PQF_KIND_STRUCT;
    size_t size = of_structs ? f->sub->struct_bytes : bytes_of(f->elem);
    for (int32_t i = 0; i < *count; i++) {
        if (of_structs)
            visit_struct(w, f->sub, list + (size_t)i * size);
        else
            visit_scalar(w, f->elem, list + (size_t)i * size);
    }
    if (!w->lists || !*count) return;
    w->seen++;
    if (w->left-- == 0) change_list(w, size, list, count);
}

static void visit_field(walk *w, const pqf_thrift_field *f, uint8_t *at) {
    if (f->kind == PQF_KIND_NONE || f->kind == PQF_KIND_EMPTY) return;
    bool has = f->has_offset == PQF_THRIFT_NO_HAS || *(bool *)(at + f->has_offset);
    if (f->kind == PQF_KIND_POINTER) {
        uint8_t *below = *(uint8_t **)(void *)(at + f->offset);
        if (below) visit_struct(w, f->sub, below);
    } else if (f->kind == PQF_KIND_LIST) {
        if (has) visit_list(w, f, at);
    } else if (f->kind == PQF_KIND_STRUCT) {
        if (has) visit_struct(w, f->sub, at + f->offset);
    } else if (has) {
        visit_scalar(w, f->kind, at + f->offset);
    }
}

static void visit_struct(walk *w, const pqf_thrift_struct *type, uint8_t *at) {
    for (int id = 0; id <= type->max_id; id++)
        visit_field(w, &type->fields[id], at);
}

/* Changes member `which` of a struct and all below it. */
static void change_member(const craft *c, const edit *e, int64_t which,
                          const pqf_thrift_struct *type, void *at) {
    walk count = {c, e, e->kind == EDIT_LIST, -1, 0};
    visit_struct(&count, type, at);
    if (!count.seen) return;
    walk change = {c, e, e->kind == EDIT_LIST, which % count.seen, 0};
    visit_struct(&change, type, at);
}

/* Edits of one kind; page -1: all of them, else those of that page. */
static const edit *next_edit(const craft *c, uint8_t kind, int page, int *at) {
    for (; *at < c->num_edits; ++*at) {
        const edit *e = &c->edits[*at];
        if (e->kind == kind && (page < 0 || (e->where & 63) == (page & 63)))
            return &c->edits[(*at)++];
    }
    return NULL;
}

/* ---- pages ---- */

static bool ok(craft *c, pqf_status status) { return fuzz_ok(status, &c->err); }

static void edit_header(craft *c, pqf_page_header *h) {
    int at = 0;
    for (const edit *e; (e = next_edit(c, EDIT_HEADER, c->page, &at));)
        change_member(c, e, e->where >> 6, &pqf_page_header_thrift, h);
}

static void edit_body(craft *c, uint8_t *body, size_t len) {
    int at = 0;
    for (const edit *e; len && (e = next_edit(c, EDIT_BODY, c->page, &at));)
        body[(uint32_t)e->value % len] = e->op;
}

/* Where the body in `out` begins stays; its length may not. */
static bool edit_size(craft *c, pqf_page_header *h, pqf_buf *body) {
    int at = 0;
    for (const edit *e; (e = next_edit(c, EDIT_SIZE, c->page, &at));) {
        uint32_t len = (uint32_t)e->value % ((uint32_t)body->len + 64);
        if (len > body->len)
            if (!ok(c, pqf_buf_put_zeros(body, len - body->len, &c->err))) return false;
        body->len = len;
        if (!(e->op & 1)) continue;
        h->uncompressed_page_size += (int32_t)len - h->compressed_page_size;
        h->compressed_page_size = (int32_t)len;
    }
    return true;
}

/* The page at `at` of the template; *used: its bytes there. */
static bool put_page(craft *c, pqf_bytes at, size_t *used) {
    pqf_page_header h;
    pqf_buf body;
    bool cut = true;
    if (!ok(c, pqf_page_header_read(at, &h, used, &cut, &c->err)) || cut) return false;
    size_t stored = (size_t)h.compressed_page_size;
    pqf_buf_init(&body, c->arena.mem, 0);
    bool good = ok(c, pqf_buf_put(&body, at.data + *used, stored, &c->err)) &&
                edit_size(c, &h, &body);
    *used += stored;
    if (good) {
        edit_body(c, body.data, body.len);
        edit_header(c, &h);
        good = ok(c, pqf_page_header_write(&h, c->out, &c->err)) &&
               ok(c, pqf_buf_put(c->out, body.data, body.len, &c->err));
    }
    pqf_buf_reset(&body);
    c->page++;
    return good;
}

static bool put_chunk(craft *c, pqf_column_metadata *m) {
    bool has_dict = m->has_dictionary_page_offset;
    int64_t from = has_dict ? m->dictionary_page_offset : m->data_page_offset;
    int64_t end = from + m->total_compressed_size, start = (int64_t)c->out->len;
    bool first = true;
    for (int64_t at = from; at < end;) {
        size_t used;
        int64_t here = (int64_t)c->out->len;
        if (has_dict && !first && at == m->data_page_offset) m->data_page_offset = here;
        pqf_bytes left = {c->file.data + at, (size_t)(end - at)};
        if (!put_page(c, left, &used)) return false;
        if (first && has_dict) {
            m->dictionary_page_offset = start;
            if (at + (int64_t)used == m->data_page_offset)
                m->data_page_offset = (int64_t)c->out->len;
        }
        first = false;
        at += (int64_t)used;
    }
    if (!has_dict) m->data_page_offset = start;
    m->total_compressed_size = (int64_t)c->out->len - start;
    return true;
}

/* ---- indexes and filters ---- */

/* An index struct of either type, with its edits. */
static bool put_index(craft *c, const pqf_thrift_struct *type, void *room,
                      int64_t *offset, int32_t *len) {
    size_t used;
    int at = 0;
    pqf_bytes in = {c->file.data + *offset, (size_t)*len};
    if (!ok(c, pqf_thrift_read(in, type, room, &c->arena, NULL, &used, &c->err)))
        return false;
    for (const edit *e; (e = next_edit(c, EDIT_INDEX, c->index, &at));)
        change_member(c, e, e->where >> 6, type, room);
    c->index++;
    *offset = (int64_t)c->out->len;
    if (!ok(c, pqf_thrift_write(type, room, c->out, &c->err))) return false;
    *len = (int32_t)((int64_t)c->out->len - *offset);
    return true;
}

static bool put_filter(craft *c, pqf_column_metadata *m) {
    size_t len = (size_t)m->bloom_filter_length, start = c->out->len;
    int at = 0;
    if (!ok(c, pqf_buf_put(c->out, c->file.data + m->bloom_filter_offset, len, &c->err)))
        return false;
    for (const edit *e; (e = next_edit(c, EDIT_BLOOM, c->filter, &at));)
        c->out->data[start + (uint32_t)e->value % len] = e->op;
    c->filter++;
    m->bloom_filter_offset = (int64_t)start;
    return true;
}

static bool put_extras(craft *c, pqf_column_chunk *chunk) {
    pqf_offset_index offsets;
    pqf_column_index columns;
    pqf_column_metadata *m = &chunk->meta_data;
    if (chunk->has_column_index_offset &&
        !put_index(c, &pqf_column_index_thrift, &columns, &chunk->column_index_offset,
                   &chunk->column_index_length))
        return false;
    if (chunk->has_offset_index_offset &&
        !put_index(c, &pqf_offset_index_thrift, &offsets, &chunk->offset_index_offset,
                   &chunk->offset_index_length))
        return false;
    return !m->has_bloom_filter_offset || put_filter(c, m);
}

/* ---- the file ---- */

static bool put_groups(craft *c) {
    for (int32_t g = 0; g < c->meta.num_row_groups; g++) {
        pqf_row_group *group = &c->meta.row_groups[g];
        for (int32_t i = 0; i < group->num_columns; i++)
            if (!put_chunk(c, &group->columns[i].meta_data)) return false;
    }
    for (int32_t g = 0; g < c->meta.num_row_groups; g++) {
        pqf_row_group *group = &c->meta.row_groups[g];
        for (int32_t i = 0; i < group->num_columns; i++)
            if (!put_extras(c, &group->columns[i])) return false;
    }
    return true;
}

static bool put_footer(craft *c) {
    int at = 0;
    size_t start = c->out->len;
    for (const edit *e; (e = next_edit(c, EDIT_FOOTER, -1, &at));)
        change_member(c, e, e->where, &pqf_file_metadata_thrift, &c->meta);
    at = 0;
    for (const edit *e; (e = next_edit(c, EDIT_LIST, -1, &at));)
        change_member(c, e, e->where, &pqf_file_metadata_thrift, &c->meta);
    if (!ok(c, pqf_footer_write(&c->meta, c->out, &c->err))) return false;
    at = 0;
    for (const edit *e; (e = next_edit(c, EDIT_WRITTEN, -1, &at));)
        c->out->data[start + e->where % (c->out->len - start)] = (uint8_t)e->value;
    return true;
}

static void read_edits(craft *c, pqf_bytes in) {
    for (; in.len >= EDIT_BYTES && c->num_edits < MAX_EDITS;
         in.data += EDIT_BYTES, in.len -= EDIT_BYTES)
        c->edits[c->num_edits++] = (edit){.kind = in.data[0] % NUM_KINDS,
                                          .op = in.data[1],
                                          .where = pqf_load_u16(in.data + 2),
                                          .value = (int32_t)pqf_load_u32(in.data + 4)};
}

bool fuzz_craft(pqf_bytes script, pqf_buf *out) {
    craft c = {.out = out};
    size_t used;
    c.file = fuzz_template(script.data[0] % FUZZ_NUM_TEMPLATES);
    read_edits(&c, pqf_bytes_of(script.data + 1, script.len - 1));
    size_t len = pqf_load_u32(c.file.data + c.file.len - 8);
    pqf_bytes footer = {c.file.data + c.file.len - 8 - len, len};
    pqf_arena_init(&c.arena, fuzz_mem);
    pqf_error_init(&c.err);
    fuzz_must(pqf_thrift_read(footer, &pqf_file_metadata_thrift, &c.meta, &c.arena, NULL,
                              &used, &c.err),
              &c.err, "a template");
    bool good =
        ok(&c, pqf_buf_put(out, "PAR1", 4, &c.err)) && put_groups(&c) && put_footer(&c);
    pqf_arena_reset(&c.arena);
    return good;
}

/* How to read, the template, and one edit of every kind. */
void fuzz_crafted_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (uint8_t i = 0; i < FUZZ_NUM_TEMPLATES; i++) {
        uint8_t head[2] = {(uint8_t)(i * 37), i};
        fuzz_put_seed(seeds, head, 2, pqf_bytes_of("", 0));
        for (uint8_t kind = 0; kind < NUM_KINDS; kind++) {
            uint8_t e[EDIT_BYTES] = {kind, i,
                                     (uint8_t)(kind == EDIT_FOOTER ? 40 + i : 64),
                                     kind == EDIT_HEADER, 3};
            head[0] = (uint8_t)(i * 37 + kind);
            fuzz_put_seed(seeds, head, 2, pqf_bytes_of(e, sizeof e));
        }
    }
}
