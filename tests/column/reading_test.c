/* SPDX-License-Identifier: Apache-2.0
 *
 * reading_test.c: see reading_test.h.
 */
#include "reading_test.h"

#include <libdeflate.h>
#include <unistd.h>

uint64_t rnd_seed;
static uint64_t rnd_state;

void rnd_start(uint64_t seed) { rnd_seed = rnd_state = seed; }

int64_t rnd_below(int64_t n) {
    uint64_t x = rnd_state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    x ^= x >> 31;
    return n > 0 ? (int64_t)(x % (uint64_t)n) : 0;
}

/* ---- fields ---- */

void tree_leaf(test_tree *t, pqf_field *f, pqf_physical physical) {
    pqf_leaf *leaf = &t->leaves[t->num_leaves++];
    static const char *const paths[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    *leaf = (pqf_leaf){.physical = physical, .path = paths[(t->num_leaves - 1) % 8]};
    f->kind = PQF_FIELD_LEAF;
    f->name = leaf->path;
    f->leaf = leaf;
    f->factor = 1;
    switch (physical) {
    case PQF_PHYSICAL_BOOLEAN:
        f->layout = PQF_LEAF_BITS;
        f->format = "b";
        break;
    case PQF_PHYSICAL_BYTE_ARRAY:
        f->layout = PQF_LEAF_BINARY;
        f->format = "z";
        break;
    case PQF_PHYSICAL_INT32:
        f->layout = PQF_LEAF_FIXED;
        f->arrow_width = 4;
        f->format = "i";
        break;
    default:
        f->layout = PQF_LEAF_FIXED;
        f->arrow_width = 8;
        f->format = "l";
        break;
    }
}

void tree_group(test_tree *t, pqf_field *f, pqf_field_kind kind, int32_t n) {
    f->kind = kind;
    f->name = kind == PQF_FIELD_STRUCT ? "group" : "list";
    f->format = kind == PQF_FIELD_STRUCT ? "+s" : kind == PQF_FIELD_MAP ? "+m" : "+l";
    f->children = &t->children[t->num_children];
    f->num_children = n;
    t->num_children += n;
}

static void finish_field(test_tree *t, pqf_field *f, int def, int def_parent, int rep) {
    f->def_parent = (int16_t)def_parent;
    f->def_level = (int16_t)(def + f->nullable);
    f->rep_level = (int16_t)rep;
    f->first_leaf = t->num_leaves;
    if (f->kind == PQF_FIELD_LEAF) {
        pqf_leaf *leaf = (pqf_leaf *)(uintptr_t)f->leaf;
        leaf->index = t->num_leaves++;
        leaf->max_def = f->def_level;
        leaf->max_rep = (int16_t)rep;
    }
    bool list = f->kind == PQF_FIELD_LIST || f->kind == PQF_FIELD_MAP;
    if (list) f->rep_level = (int16_t)(rep + 1);
    for (int32_t i = 0; i < f->num_children; i++) {
        f->children[i].parent = f;
        if (list)
            finish_field(t, &f->children[i], f->def_level + 1, f->def_level + 1, rep + 1);
        else
            finish_field(t, &f->children[i], f->def_level, def_parent, rep);
    }
    f->num_leaves = t->num_leaves - f->first_leaf;
}

void tree_finish(test_tree *t) {
    t->num_leaves = 0;
    finish_field(t, &t->root, 0, 0, 0);
}

static pqf_physical random_physical(void) {
    static const pqf_physical all[] = {PQF_PHYSICAL_INT64, PQF_PHYSICAL_BYTE_ARRAY,
                                       PQF_PHYSICAL_BOOLEAN, PQF_PHYSICAL_INT32};
    return all[rnd_below(4)];
}

static void random_field(test_tree *t, pqf_field *f, int depth) {
    f->nullable = rnd_below(3) > 0;
    int64_t kind = depth > 0 && t->num_leaves < 12 ? rnd_below(4) : 3;
    if (kind == 3) {
        tree_leaf(t, f, random_physical());
    } else if (kind == 2) {
        tree_group(t, f, PQF_FIELD_MAP, 1);
        pqf_field *entries = &f->children[0];
        tree_group(t, entries, PQF_FIELD_STRUCT, 2);
        tree_leaf(t, &entries->children[0], PQF_PHYSICAL_BYTE_ARRAY);
        random_field(t, &entries->children[1], depth - 1);
    } else {
        tree_group(t, f, kind ? PQF_FIELD_LIST : PQF_FIELD_STRUCT,
                   kind ? 1 : 1 + (int32_t)rnd_below(3));
        for (int32_t i = 0; i < f->num_children; i++)
            random_field(t, &f->children[i], depth - 1);
    }
}

void tree_random(test_tree *t, int depth) {
    *t = (test_tree){0};
    random_field(t, &t->root, depth);
    tree_finish(t);
}

/* ---- values ---- */

static test_value *new_items(int64_t n) {
    test_value *items = calloc((size_t)n + 1, sizeof *items);
    if (!items) fail();
    return items;
}

test_value value_random(const pqf_field *f, const value_spec *spec) {
    test_value v = {0};
    if (f->nullable && rnd_below(100) < spec->null_percent) {
        v.null = true;
        return v;
    }
    if (f->kind == PQF_FIELD_LEAF) {
        v.v = rnd_below(37);
        return v;
    }
    bool group = f->kind == PQF_FIELD_STRUCT;
    v.num_items = group        ? f->num_children
                  : spec->same ? spec->max_items
                               : rnd_below(spec->max_items + 1);
    v.items = new_items(v.num_items);
    for (int64_t i = 0; i < v.num_items; i++)
        v.items[i] = value_random(&f->children[group ? i : 0], spec);
    return v;
}

void value_free(test_value *v) {
    for (int64_t i = 0; i < v->num_items; i++)
        value_free(&v->items[i]);
    free(v->items);
    *v = (test_value){0};
}

/* ---- level pairs ---- */

void levels_put(test_levels *l, int rep, int def, int64_t value) {
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->rep = realloc(l->rep, (size_t)l->cap + PQF_SLACK);
        l->def = realloc(l->def, (size_t)l->cap + PQF_SLACK);
        l->values = realloc(l->values, (size_t)l->cap * sizeof *l->values);
        if (!l->rep || !l->def || !l->values) fail();
    }
    l->rep[l->n] = (uint8_t)rep;
    l->def[l->n] = (uint8_t)def;
    l->values[l->n++] = value;
}

static bool holds_leaf(const pqf_field *f, int32_t leaf) {
    return leaf >= f->first_leaf && leaf < f->first_leaf + f->num_leaves;
}

static void shred(const pqf_field *f, const test_value *v, int rep, int def, int32_t leaf,
                  test_levels *out) {
    if (f->nullable && v->null) {
        levels_put(out, rep, def, 0);
        return;
    }
    def += f->nullable;
    if (f->kind == PQF_FIELD_LEAF) {
        levels_put(out, rep, def, v->v);
    } else if (f->kind == PQF_FIELD_STRUCT) {
        for (int32_t i = 0; i < f->num_children; i++)
            if (holds_leaf(&f->children[i], leaf))
                shred(&f->children[i], &v->items[i], rep, def, leaf, out);
    } else if (v->num_items == 0) {
        levels_put(out, rep, def, 0);
    } else {
        for (int64_t i = 0; i < v->num_items; i++)
            shred(&f->children[0], &v->items[i], i ? f->rep_level : rep, def + 1, leaf,
                  out);
    }
}

void levels_shred(const pqf_field *root, const test_value *rows, int64_t num_rows,
                  int32_t leaf, test_levels *out) {
    for (int64_t i = 0; i < num_rows; i++)
        shred(root, &rows[i], 0, 0, leaf, out);
}

void levels_free(test_levels *l) {
    free(l->rep);
    free(l->def);
    free(l->values);
    *l = (test_levels){0};
}

size_t leaf_bytes(const pqf_leaf *leaf, int64_t v, uint8_t out[64]) {
    switch (leaf->physical) {
    case PQF_PHYSICAL_BYTE_ARRAY:
        return (size_t)snprintf((char *)out, 64, "%.*s%lld", (int)(v % 20),
                                "abcdefghijklmnopqrst", (long long)v);
    case PQF_PHYSICAL_INT32: pqf_store_u32(out, (uint32_t)v * 7u); return 4;
    case PQF_PHYSICAL_BOOLEAN: out[0] = v & 1; return 1;
    default: pqf_store_u64(out, (uint64_t)v * 1000003u); return 8;
    }
}

/* ---- chunks ---- */

static pqf_error builder_err;

#define MUST(expr)                                                                       \
    do {                                                                                 \
        if ((expr) != PQF_OK) {                                                          \
            print_error("%s: %s\n", #expr, builder_err.message);                         \
            fail();                                                                      \
        }                                                                                \
    } while (0)

void chunk_begin(test_chunk *c, const pqf_leaf *leaf, int32_t codec, pqf_mem *mem) {
    *c = (test_chunk){.mem = mem};
    pqf_error_init(&builder_err);
    pqf_buf_init(&c->bytes, mem, 0);
    c->meta.codec = codec;
    c->chunk.leaf = leaf;
    MUST(pqf_buf_put(&c->bytes, "PAR1", 4, &builder_err));
}

/* `levels` stay as they are in V2 pages; in V1 pages everything is compressed together. */
void chunk_put_page(test_chunk *c, pqf_page_header *header, pqf_bytes levels,
                    pqf_bytes values, bool crc) {
    pqf_codec_ctx ctx = {0};
    pqf_buf plain, body;
    bool v2 = header->type == PQF_PAGE_DATA_V2;
    pqf_buf_init(&plain, c->mem, 0);
    pqf_buf_init(&body, c->mem, 0);
    if (!v2) MUST(pqf_buf_put(&plain, levels.data, levels.len, &builder_err));
    MUST(pqf_buf_put(&plain, values.data, values.len, &builder_err));
    if (v2) MUST(pqf_buf_put(&body, levels.data, levels.len, &builder_err));
    bool stored = c->meta.codec == PQF_UNCOMPRESSED ||
                  (v2 && header->data_page_header_v2.has_is_compressed &&
                   !header->data_page_header_v2.is_compressed);
    if (stored)
        MUST(pqf_buf_put(&body, plain.data, plain.len, &builder_err));
    else if (plain.len)
        MUST(pqf_codec_compress(&ctx, c->meta.codec, PQF_LEVEL_DEFAULT,
                                pqf_buf_view(&plain), &body, &builder_err));
    header->uncompressed_page_size = (int32_t)(plain.len + (v2 ? levels.len : 0));
    header->compressed_page_size = (int32_t)body.len;
    header->has_crc = crc;
    header->crc = (int32_t)libdeflate_crc32(0, body.data, body.len);
    MUST(pqf_page_header_write(header, &c->bytes, &builder_err));
    MUST(pqf_buf_put(&c->bytes, body.data, body.len, &builder_err));
    pqf_buf_reset(&plain);
    pqf_buf_reset(&body);
    pqf_codec_ctx_reset(&ctx);
}

void chunk_finish(test_chunk *c, int64_t num_values, int64_t num_rows) {
    c->chunk.meta = &c->meta;
    c->chunk.file_offset = 4;
    c->chunk.byte_len = (int64_t)c->bytes.len - 4;
    c->chunk.num_values = num_values;
    c->chunk.num_rows = num_rows;
    MUST(pqf_source_open_memory(pqf_buf_view(&c->bytes), &c->source, &builder_err));
}

void chunk_map(test_chunk *c, size_t shift) {
    char path[] = "/tmp/pqf_chunk_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || lseek(fd, (off_t)shift, SEEK_SET) < 0) fail();
    if (write(fd, c->bytes.data, c->bytes.len) != (ssize_t)c->bytes.len) fail();
    close(fd);
    pqf_source_free(c->source);
    MUST(pqf_source_open(path, true, &c->source, &builder_err));
    unlink(path);
    c->chunk.file_offset += (int64_t)shift;
}

void chunk_free(test_chunk *c) {
    pqf_source_free(c->source);
    pqf_buf_reset(&c->bytes);
    *c = (test_chunk){0};
}

static void put_plain(const pqf_leaf *leaf, const int64_t *values, const uint8_t *def,
                      int64_t n, pqf_buf *out) {
    uint8_t bytes[64];
    int64_t num_bits = 0;
    for (int64_t i = 0; i < n; i++) {
        if (def && def[i] != leaf->max_def) continue;
        size_t len = leaf_bytes(leaf, values[i], bytes);
        if (leaf->physical == PQF_PHYSICAL_BOOLEAN) {
            if (num_bits++ % 8 == 0) MUST(pqf_buf_put_u8(out, 0, &builder_err));
            if (bytes[0])
                pqf_bit_set(out->data, (int64_t)out->len * 8 - 8 + (num_bits - 1) % 8);
            continue;
        }
        if (leaf->physical == PQF_PHYSICAL_BYTE_ARRAY)
            MUST(pqf_buf_put_u32(out, (uint32_t)len, &builder_err));
        MUST(pqf_buf_put(out, bytes, len, &builder_err));
    }
}

/* Values are 0..36: the value is its own code. */
static void put_codes(const pqf_leaf *leaf, const int64_t *values, const uint8_t *def,
                      int64_t n, pqf_buf *out) {
    uint32_t *codes = calloc((size_t)n + 32, sizeof *codes);
    int64_t k = 0;
    if (!codes) fail();
    for (int64_t i = 0; i < n; i++)
        if (def[i] == leaf->max_def) codes[k++] = (uint32_t)values[i];
    if (k) {
        MUST(pqf_buf_put_u8(out, 6, &builder_err));
        MUST(pqf_rle_encode_u32(pqf_kernels_get(), codes, k, 6, out, &builder_err));
    }
    free(codes);
}

static void put_levels(const uint8_t *levels, int64_t n, int max, bool prefix,
                       pqf_buf *out) {
    if (max == 0) return;
    size_t at = out->len;
    if (prefix) MUST(pqf_buf_put_u32(out, 0, &builder_err));
    uint8_t *copy = calloc((size_t)n + PQF_SLACK, 1);
    if (!copy) fail();
    memcpy(copy, levels, (size_t)n);
    MUST(pqf_rle_encode_u8(pqf_kernels_get(), copy, n, pqf_bit_width((uint64_t)max), out,
                           &builder_err));
    free(copy);
    if (prefix) pqf_store_u32(out->data + at, (uint32_t)(out->len - at - 4));
}

/* BIT_PACKED, bit by bit. */
static void put_packed_levels(const uint8_t *levels, int64_t n, int max, pqf_buf *out) {
    int width = pqf_bit_width((uint64_t)max), filled = 0;
    uint8_t byte = 0;
    for (int64_t i = 0; i < n * width; i++) {
        byte = (uint8_t)(byte << 1 | (levels[i / width] >> (width - 1 - i % width) & 1));
        if (++filled < 8) continue;
        MUST(pqf_buf_put_u8(out, byte, &builder_err));
        byte = 0;
        filled = 0;
    }
    if (filled) MUST(pqf_buf_put_u8(out, (uint8_t)(byte << (8 - filled)), &builder_err));
}

static int32_t put_some_levels(const uint8_t *levels, int64_t n, int max, int version,
                               bool packed, pqf_buf *out) {
    bool this_one = packed && version == 1 && rnd_below(3);
    if (this_one)
        put_packed_levels(levels, n, max, out);
    else
        put_levels(levels, n, max, version == 1, out);
    return this_one ? PQF_BIT_PACKED : PQF_RLE;
}

static int32_t count_other(const uint8_t *levels, int64_t n, uint8_t than) {
    int32_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += levels[i] != than;
    return count;
}

static void put_data_page(test_chunk *c, const test_levels *l, int64_t from, int64_t n,
                          int version, bool dictionary, const chunk_layout *layout) {
    const pqf_leaf *leaf = c->chunk.leaf;
    pqf_buf levels, values;
    pqf_page_header h = {0};
    pqf_buf_init(&levels, c->mem, 0);
    pqf_buf_init(&values, c->mem, 0);
    bool packed = layout->packed_levels;
    int32_t rep_encoding =
        put_some_levels(l->rep + from, n, leaf->max_rep, version, packed, &levels);
    size_t rep_len = levels.len;
    int32_t def_encoding =
        put_some_levels(l->def + from, n, leaf->max_def, version, packed, &levels);
    if (dictionary)
        put_codes(leaf, l->values + from, l->def + from, n, &values);
    else
        put_plain(leaf, l->values + from, l->def + from, n, &values);
    int32_t encoding = dictionary ? PQF_RLE_DICTIONARY : PQF_PLAIN;
    h.type = version == 1 ? PQF_PAGE_DATA : PQF_PAGE_DATA_V2;
    if (version == 1) {
        h.has_data_page_header = true;
        h.data_page_header =
            (pqf_data_page_header){.num_values = (int32_t)n,
                                   .encoding = encoding,
                                   .definition_level_encoding = def_encoding,
                                   .repetition_level_encoding = rep_encoding};
    } else {
        h.has_data_page_header_v2 = true;
        h.data_page_header_v2 = (pqf_data_page_header_v2){
            .num_values = (int32_t)n,
            .num_nulls = count_other(l->def + from, n, (uint8_t)leaf->max_def),
            .num_rows = (int32_t)n - count_other(l->rep + from, n, 0),
            .encoding = encoding,
            .repetition_levels_byte_length = (int32_t)rep_len,
            .definition_levels_byte_length = (int32_t)(levels.len - rep_len)};
        h.data_page_header_v2.has_is_compressed = rnd_below(2);
        h.data_page_header_v2.is_compressed = rnd_below(2);
    }
    chunk_put_page(c, &h, pqf_buf_view(&levels), pqf_buf_view(&values), layout->crc);
    pqf_buf_reset(&levels);
    pqf_buf_reset(&values);
}

static void put_dictionary_page(test_chunk *c, bool crc) {
    int64_t all[37];
    pqf_buf values;
    for (int64_t i = 0; i < 37; i++)
        all[i] = i;
    pqf_buf_init(&values, c->mem, 0);
    put_plain(c->chunk.leaf, all, NULL, 37, &values);
    pqf_page_header h = {.type = PQF_PAGE_DICTIONARY, .has_dictionary_page_header = true};
    h.dictionary_page_header =
        (pqf_dictionary_page_header){.num_values = 37, .encoding = PQF_PLAIN};
    chunk_put_page(c, &h, (pqf_bytes){NULL, 0}, pqf_buf_view(&values), crc);
    pqf_buf_reset(&values);
}

static void put_unknown_page(test_chunk *c) {
    pqf_page_header h = {.type = rnd_below(2) ? PQF_PAGE_INDEX : 77};
    chunk_put_page(c, &h, (pqf_bytes){NULL, 0}, pqf_bytes_of("whatever", 8), true);
}

void chunk_build(test_chunk *c, const pqf_leaf *leaf, const test_levels *l,
                 int64_t num_rows, const chunk_layout *layout, pqf_mem *mem) {
    bool dictionary = layout->dictionary && leaf->physical != PQF_PHYSICAL_BOOLEAN;
    chunk_begin(c, leaf, layout->codec, mem);
    if (dictionary) put_dictionary_page(c, layout->crc);
    for (int64_t from = 0; from < l->n;) {
        int version = layout->version ? layout->version : 1 + (int)rnd_below(2);
        int64_t n = pqf_min_i64(l->n - from, rnd_below(2 * layout->page_levels + 1));
        /* V2 pages end where rows do */
        if (version == 2)
            while (from + n < l->n && l->rep[from + n])
                n++;
        if (version == 2 && l->rep[from]) version = 1;
        if (layout->index_pages && rnd_below(3) == 0) put_unknown_page(c);
        bool codes = dictionary && !(layout->plain_tail && from > l->n / 2);
        put_data_page(c, l, from, n, version, codes, layout);
        from += n;
    }
    chunk_finish(c, l->n, num_rows);
}

/* ---- reading ---- */

pqf_status chunk_read(const test_chunk *c, const pqf_field *leaf_field,
                      size_t window_bytes, bool in_pieces, pqf_leaf_out *out,
                      pqf_mem *mem, pqf_error *err) {
    pqf_chunk_read_options options = {
        .source = c->source, .kernel = pqf_kernels_get(), .window_bytes = window_bytes};
    pqf_chunk_reader *reader = NULL;
    pqf_scratch scratch;
    pqf_run run;
    pqf_run_init(&run, NULL);
    pqf_scratch_init(&scratch, mem);
    int64_t left = c->chunk.num_rows;
    pqf_status status = pqf_leaf_out_init(out, leaf_field, left, mem, err);
    if (status == PQF_OK)
        status =
            pqf_chunk_reader_open(&c->chunk, leaf_field, &options, mem, &reader, err);
    while (status == PQF_OK && left > 0) {
        int64_t n = in_pieces ? 1 + rnd_below(rnd_below(2) ? 3 : left) : left;
        n = pqf_min_i64(n, left);
        status = pqf_chunk_reader_read(reader, n, out, &scratch, &run, 0, err);
        left -= n;
        if (status == PQF_OK)
            CHECK(pqf_chunk_reader_rows_left(reader) == left, "rows left");
        if (in_pieces && rnd_below(3) == 0)
            pqf_scratch_reset(&scratch); /* as if another chunk used it */
        if (!scratch.mem) pqf_scratch_init(&scratch, mem);
    }
    pqf_chunk_reader_free(reader);
    pqf_scratch_reset(&scratch);
    if (status != PQF_OK) pqf_leaf_out_reset(out);
    return status;
}

/* ---- comparing ---- */

static void leaf_check(const pqf_field *f, const struct ArrowArray *array,
                       const test_value **rows, int64_t n) {
    uint8_t want[64];
    for (int64_t i = 0; i < n; i++) {
        bool null = !rows[i] || rows[i]->null;
        size_t len = null ? 0 : leaf_bytes(f->leaf, rows[i]->v, want);
        if (null) memset(want, 0, sizeof want);
        if (f->layout == PQF_LEAF_BITS) {
            CHECK(pqf_bit_get(array->buffers[1], i) == (want[0] != 0), "bit %lld",
                  (long long)i);
        } else if (f->layout == PQF_LEAF_FIXED) {
            const uint8_t *at = (const uint8_t *)array->buffers[1] + i * f->arrow_width;
            CHECK(memcmp(at, want, (size_t)f->arrow_width) == 0, "value %lld",
                  (long long)i);
        } else {
            const int32_t *ends = array->buffers[1];
            const uint8_t *bytes = array->buffers[2];
            CHECK(ends[i + 1] - ends[i] == (int32_t)len,
                  "string %lld has %d bytes, not %zu", (long long)i,
                  ends[i + 1] - ends[i], len);
            CHECK(memcmp(bytes + ends[i], want, len) == 0, "string %lld", (long long)i);
        }
    }
}

static void struct_check(const pqf_field *f, const struct ArrowArray *array,
                         const test_value **rows, int64_t n) {
    const test_value **slots = calloc((size_t)n + 1, sizeof *slots);
    if (!slots) fail();
    for (int32_t c = 0; c < f->num_children; c++) {
        for (int64_t i = 0; i < n; i++)
            slots[i] = !rows[i] || rows[i]->null ? NULL : &rows[i]->items[c];
        array_check(&f->children[c], array->children[c], slots, n);
    }
    free(slots);
}

static void list_check(const pqf_field *f, const struct ArrowArray *array,
                       const test_value **rows, int64_t n) {
    const int32_t *offsets = array->buffers[1];
    int64_t total = 0, at = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t size = !rows[i] || rows[i]->null ? 0 : rows[i]->num_items;
        CHECK(offsets[i] == total, "offset %lld is %d", (long long)i, offsets[i]);
        total += size;
    }
    if (n)
        CHECK(offsets[n] == total, "last offset %d, not %lld", offsets[n],
              (long long)total);
    const test_value **slots = calloc((size_t)total + 1, sizeof *slots);
    if (!slots) fail();
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; rows[i] && !rows[i]->null && k < rows[i]->num_items; k++)
            slots[at++] = &rows[i]->items[k];
    array_check(&f->children[0], array->children[0], slots, total);
    free(slots);
}

void array_check(const pqf_field *f, const struct ArrowArray *array,
                 const test_value **rows, int64_t n) {
    int64_t num_nulls = 0;
    CHECK(array->length == n, "length %lld, not %lld", (long long)array->length,
          (long long)n);
    for (int64_t i = 0; f->nullable && i < n; i++) {
        bool null = !rows[i] || rows[i]->null;
        num_nulls += null;
        const uint8_t *bits = array->buffers[0];
        CHECK((bits && !pqf_bit_get(bits, i)) == null, "validity of %lld", (long long)i);
    }
    CHECK(array->null_count == num_nulls, "%lld nulls", (long long)array->null_count);
    if (f->kind == PQF_FIELD_LEAF)
        leaf_check(f, array, rows, n);
    else if (f->kind == PQF_FIELD_STRUCT)
        struct_check(f, array, rows, n);
    else
        list_check(f, array, rows, n);
}
