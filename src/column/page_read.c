/* SPDX-License-Identifier: Apache-2.0
 *
 * page_read.c (room column): pages of a chunk found, checked and taken apart. In: the bytes
 * of a column chunk. Out: level bytes and value bytes, whatever the page's version, codec or
 * checksum. This is the border where the numbers of page headers are checked (README.md,
 * Data Pages; parquet.thrift, PageHeader, DataPageHeaderV2).
 *
 *   V1, dictionary   [ rep | def | values ]            compressed as a whole
 *   V2               [ rep | def ] [ values ]          levels never, values perhaps
 *
 * rep and def of V1 begin with their byte length (uint32), but for the deprecated encoding BIT_PACKED,
 * where the number of values gives it; those of V2 have it in the header.
 */
#include "reading.h"

#define COPY_BYTES        65536 /* of a body whose checksum is taken, between two looks */
#define HEADER_VIEW_BYTES 256   /* first look; most headers have 20 to 100 bytes */

/* ---- the walk: headers only ---- */

void pqf_page_walk_init(pqf_page_walk *walk, const pqf_chunk *chunk, pqf_source *source,
                        size_t window_bytes, pqf_mem *mem) {
    *walk = (pqf_page_walk){
        .next_offset = chunk->file_offset,
        .end_offset = chunk->file_offset + chunk->byte_len,
        .values_left = chunk->num_values,
    };
    pqf_window_init(&walk->window, source, mem, walk->next_offset, walk->end_offset,
                    window_bytes);
}

void pqf_page_walk_reset(pqf_page_walk *walk) {
    pqf_window_reset(&walk->window);
    *walk = (pqf_page_walk){0};
}

/* Headers may be of any size: shows twice as much until the header is whole or the chunk ends. */
static pqf_status read_header(pqf_page_walk *walk, pqf_page_ref *ref, pqf_error *err) {
    int64_t left = walk->end_offset - walk->next_offset;
    size_t header_bytes = 0;
    for (int64_t want = HEADER_VIEW_BYTES;; want *= 2) {
        bool truncated = false;
        pqf_bytes view;
        TRY(pqf_window_view(&walk->window, walk->next_offset,
                            (size_t)pqf_min_i64(want, left), true, &view, err));
        TRY(pqf_page_header_read(view, &ref->header, &header_bytes, &truncated, err));
        if (!truncated) break;
        if (want >= left)
            return pqf_fail(err, PQF_CORRUPT,
                            "the column chunk ends inside a page header, with "
                            "%lld of its values still missing",
                            (long long)walk->values_left);
    }
    ref->file_offset = walk->next_offset;
    ref->body_offset = walk->next_offset + (int64_t)header_bytes;
    return PQF_OK;
}

static pqf_status check_sizes(const pqf_page_walk *walk, const pqf_page_ref *ref,
                              pqf_error *err) {
    const pqf_page_header *h = &ref->header;
    if (h->compressed_page_size < 0 || h->uncompressed_page_size < 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "a page header with negative sizes: %d bytes stored, %d bytes "
                        "uncompressed",
                        h->compressed_page_size, h->uncompressed_page_size);
    int64_t left = walk->end_offset - ref->body_offset;
    if (h->compressed_page_size > left)
        return pqf_fail(err, PQF_CORRUPT,
                        "a page of %d bytes, the column chunk has %lld left",
                        h->compressed_page_size, (long long)left);
    return PQF_OK;
}

static pqf_status missing_part(const char *name, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "the page header has no %s", name);
}

static pqf_status check_dictionary(pqf_page_walk *walk, pqf_page_ref *ref,
                                   pqf_error *err) {
    if (!ref->header.has_dictionary_page_header)
        return missing_part("dictionary_page_header", err);
    if (walk->seen_dictionary)
        return pqf_fail(err, PQF_CORRUPT, "a second dictionary page in one column chunk");
    if (walk->page > 0)
        return pqf_fail(err, PQF_CORRUPT, "a dictionary page behind data pages");
    ref->num_values = ref->header.dictionary_page_header.num_values;
    if (ref->num_values < 0)
        return pqf_fail(err, PQF_CORRUPT, "a dictionary page of %lld values",
                        (long long)ref->num_values);
    ref->page = -1;
    walk->seen_dictionary = true;
    return PQF_OK;
}

static pqf_status check_v2(const pqf_page_header *h, pqf_error *err) {
    const pqf_data_page_header_v2 *d = &h->data_page_header_v2;
    int64_t rep = d->repetition_levels_byte_length,
            def = d->definition_levels_byte_length;
    if (rep < 0 || def < 0 || rep + def > h->compressed_page_size ||
        rep + def > h->uncompressed_page_size)
        return pqf_fail(err, PQF_CORRUPT,
                        "a page of %d bytes (%d uncompressed) with %lld bytes of "
                        "repetition and %lld of definition levels",
                        h->compressed_page_size, h->uncompressed_page_size,
                        (long long)rep, (long long)def);
    return PQF_OK;
}

static pqf_status check_data(pqf_page_walk *walk, pqf_page_ref *ref, pqf_error *err) {
    const pqf_page_header *h = &ref->header;
    if (h->type == PQF_PAGE_DATA) {
        if (!h->has_data_page_header) return missing_part("data_page_header", err);
        ref->num_values = h->data_page_header.num_values;
    } else {
        if (!h->has_data_page_header_v2) return missing_part("data_page_header_v2", err);
        TRY(check_v2(h, err));
        ref->num_values = h->data_page_header_v2.num_values;
    }
    if (ref->num_values < 0 || ref->num_values > walk->values_left)
        return pqf_fail(err, PQF_CORRUPT,
                        "a page of %lld values, the column chunk has %lld left",
                        (long long)ref->num_values, (long long)walk->values_left);
    ref->page = walk->page++;
    walk->values_left -= ref->num_values;
    return PQF_OK;
}

static pqf_status check_page(pqf_page_walk *walk, pqf_page_ref *ref, bool *known,
                             pqf_error *err) {
    TRY(check_sizes(walk, ref, err));
    int32_t type = ref->header.type;
    *known = true;
    if (type == PQF_PAGE_DICTIONARY) return check_dictionary(walk, ref, err);
    if (type == PQF_PAGE_DATA || type == PQF_PAGE_DATA_V2)
        return check_data(walk, ref, err);
    *known = false;
    return PQF_OK;
}

static bool is_at_end(const pqf_page_walk *walk) {
    return walk->values_left == 0 ||
           (walk->is_cut && walk->next_offset >= walk->end_offset);
}

/* Index pages and types of later versions are stepped over. Every turn takes at least one byte. */
pqf_status pqf_page_walk_next(pqf_page_walk *walk, pqf_page_ref *out, bool *end,
                              pqf_error *err) {
    bool known = false;
    *end = is_at_end(walk);
    while (!*end && !known) {
        *out = (pqf_page_ref){.page = walk->page};
        pqf_status status = read_header(walk, out, err);
        if (status == PQF_OK) status = check_page(walk, out, &known, err);
        if (status != PQF_OK) {
            pqf_error_at_page(err, walk->page, walk->next_offset);
            return status;
        }
        walk->next_offset = out->body_offset + out->header.compressed_page_size;
        *end = !known && is_at_end(walk);
    }
    return PQF_OK;
}

static int64_t data_values(const pqf_page_header *h) {
    if (h->type == PQF_PAGE_DATA && h->has_data_page_header)
        return h->data_page_header.num_values;
    if (h->type == PQF_PAGE_DATA_V2 && h->has_data_page_header_v2)
        return h->data_page_header_v2.num_values;
    return 0;
}

/* What is no page there is nothing: writers exist that count more bytes than they have written. */
pqf_status pqf_page_walk_check_end(pqf_page_walk *walk, const pqf_chunk *chunk,
                                   pqf_error *err) {
    pqf_page_ref ref = {.page = walk->page};
    pqf_error ignored;
    int64_t end = chunk->file_offset + chunk->meta->total_compressed_size;
    if (walk->is_cut || walk->values_left || walk->next_offset >= end) return PQF_OK;
    pqf_error_init(&ignored);
    if (read_header(walk, &ref, &ignored) != PQF_OK) return PQF_OK;
    int64_t num_values = data_values(&ref.header), body = ref.header.compressed_page_size;
    if (num_values <= 0 || body <= 0 || body > end - ref.body_offset) return PQF_OK;
    return pqf_fail(
        err, PQF_CORRUPT,
        "behind the %lld values that the column chunk claims stands a page of "
        "%lld more",
        (long long)chunk->num_values, (long long)num_values);
}

/* ---- the body ---- */

/* The codec of the page's values: those of a V2 page may be stored as they are. Versions of
 * parquet-cpp before 3.0 said so of pages that are compressed: their two sizes differ. */
static int32_t codec_of(const pqf_page_ref *ref, const pqf_chunk *chunk) {
    const pqf_page_header *h = &ref->header;
    const pqf_data_page_header_v2 *v2 = &h->data_page_header_v2;
    if (h->type == PQF_PAGE_DATA_V2 && v2->has_is_compressed && !v2->is_compressed &&
        h->compressed_page_size == h->uncompressed_page_size)
        return PQF_UNCOMPRESSED;
    return chunk->meta->codec;
}

static bool has_to_check(const pqf_page_ref *ref, const pqf_page_context *context) {
    return ref->header.has_crc && !context->skip_checksums;
}

static pqf_status compare_crc(const pqf_page_ref *ref, uint32_t found, pqf_error *err) {
    uint32_t stored = (uint32_t)ref->header.crc;
    if (found == stored) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT,
                    "the page's checksum is %08x, its bytes give %08x; "
                    "page_checksum_verification=False reads it regardless",
                    stored, found);
}

static pqf_status check_crc(const pqf_page_ref *ref, const pqf_page_context *context,
                            pqf_bytes body, pqf_error *err) {
    if (!has_to_check(ref, context)) return PQF_OK;
    return compare_crc(ref, context->kernel->crc32(0, body.data, (int64_t)body.len), err);
}

static pqf_status stored_body(pqf_page_walk *walk, const pqf_page_ref *ref,
                              const pqf_page_context *context, pqf_bytes *body,
                              pqf_error *err) {
    TRY(pqf_window_view(&walk->window, ref->body_offset,
                        (size_t)ref->header.compressed_page_size, false, body, err));
    return check_crc(ref, context, *body, err);
}

/* The most bytes that one stored byte can become: snappy copies 64 bytes by 3; an LZ4 length
 * byte adds 255; deflate copies 258 bytes by 2 bits; a zstd block makes 128 KiB of 4 bytes.
 * Brotli has no such bound: there the memory that is touched is the memory that was decoded. */
static int64_t max_expansion(int32_t codec) {
    switch (codec) {
    case PQF_SNAPPY: return 22;
    case PQF_LZ4:
    case PQF_LZ4_RAW: return 256;
    case PQF_GZIP: return 1032;
    case PQF_ZSTD: return 32768;
    default: return INT32_MAX;
    }
}

static pqf_status check_expansion(int32_t codec, size_t stored, size_t out_len,
                                  pqf_error *err) {
    int64_t bytes;
    if (!pqf_mul_i64((int64_t)stored, max_expansion(codec), &bytes)) return PQF_OK;
    if (out_len <= (uint64_t)bytes) return PQF_OK;
    const char *name = pqf_codec_name(codec);
    return pqf_fail(err, PQF_CORRUPT, "%zu bytes of %s cannot become %zu bytes", stored,
                    name ? name : "an unknown codec", out_len);
}

static pqf_status check_stored_len(size_t stored, size_t out_len, pqf_error *err) {
    if (stored == out_len) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT,
                    "an uncompressed page of %zu bytes whose header says %zu", stored,
                    out_len);
}

pqf_status pqf_page_make_room(pqf_buf *room, size_t num_bytes, pqf_error *err) {
    room->len = 0;
    if (room->data && room->cap < num_bytes)
        pqf_buf_reset(room); /* no copy of old bytes */
    return pqf_buf_reserve(room, num_bytes, err);
}

static pqf_status inflate(const pqf_page_context *context, int32_t codec, pqf_bytes in,
                          size_t out_len, pqf_buf *room, pqf_page *page, pqf_bytes *out,
                          pqf_error *err) {
    page->in_room = false;
    *out = in;
    if (codec == PQF_UNCOMPRESSED) return check_stored_len(in.len, out_len, err);
    out->len = 0;
    if (out_len == 0) return PQF_OK;
    TRY(check_expansion(codec, in.len, out_len, err));
    TRY(pqf_page_make_room(room, out_len, err));
    TRY(pqf_codec_decompress(context->codec, codec, in, room->data, out_len, err));
    *out = pqf_bytes_of(room->data, out_len);
    page->in_room = true;
    return PQF_OK;
}

/* ---- levels of V1 ---- */

/* Levels in the deprecated encoding BIT_PACKED have neither a length nor runs: num_values values
 * back to back, the most significant bit first (Encodings.md, BIT_PACKED = 4). */
static pqf_status take_packed(pqf_bytes *body, int64_t num_values, int width,
                              const char *what, pqf_bytes *out, pqf_error *err) {
    size_t len = (size_t)((num_values * width + 7) / 8);
    if (len > body->len)
        return pqf_fail(err, PQF_CORRUPT,
                        "%zu bytes of bit-packed %s levels, the page has %zu left", len,
                        what, body->len);
    *out = pqf_bytes_of(body->data, len);
    *body = pqf_bytes_of(body->data + len, body->len - len);
    return PQF_OK;
}

static pqf_status take_runs(pqf_bytes *body, const char *what, pqf_bytes *out,
                            pqf_error *err) {
    pqf_cursor c = pqf_cursor_of(*body);
    uint32_t len = pqf_cursor_u32(&c);
    size_t left = pqf_cursor_left(&c);
    *out = pqf_cursor_take(&c, len);
    if (c.overrun)
        return pqf_fail(err, PQF_CORRUPT, "%s levels of %u bytes, the page has %zu left",
                        what, len, left);
    *body = pqf_bytes_of(c.p, pqf_cursor_left(&c));
    return PQF_OK;
}

static pqf_status take_levels(pqf_bytes *body, int32_t encoding, int max_level,
                              int64_t num_values, const char *what, pqf_bytes *out,
                              pqf_error *err) {
    if (max_level == 0) return PQF_OK;
    int width = pqf_bit_width((uint64_t)max_level);
    if (encoding == PQF_BIT_PACKED)
        return take_packed(body, num_values, width, what, out, err);
    if (encoding == PQF_RLE) return take_runs(body, what, out, err);
    return pqf_fail(err, PQF_CORRUPT,
                    "%s levels in encoding %d, only RLE (3) and BIT_PACKED (4) are valid",
                    what, encoding);
}

/* Eight values of `width` bits (at most 7), high bits first, become low bits first. */
static void turn_group(const uint8_t *in, size_t len, int width, uint8_t *out) {
    uint64_t from = 0, to = 0, mask = (UINT64_C(1) << width) - 1;
    for (int i = 0; i < width; i++)
        from = from << 8 | ((size_t)i < len ? in[i] : 0);
    for (int k = 0; k < 8; k++)
        to |= (from >> (width * (7 - k)) & mask) << (width * k);
    for (int i = 0; i < width; i++)
        out[i] = (uint8_t)(to >> (8 * i));
}

/* Packed levels become what all others are: one literal run of the hybrid encoding, behind what
 * `room` holds. It has been reserved: pointers into it stay. */
static pqf_status turn_levels(pqf_bytes *levels, int max_level, pqf_buf *room,
                              pqf_error *err) {
    int width = pqf_bit_width((uint64_t)max_level);
    size_t step = (size_t)width, num_groups = (levels->len + step - 1) / step;
    size_t start = room->len;
    TRY(pqf_buf_put_varint(room, (uint64_t)num_groups << 1 | 1, err));
    for (size_t i = 0; i < num_groups; i++, room->len += step)
        turn_group(levels->data + i * step, levels->len - i * step, width,
                   room->data + room->len);
    *levels = pqf_bytes_of(room->data + start, room->len - start);
    return PQF_OK;
}

static pqf_status turn_packed(const pqf_data_page_header *h,
                              const pqf_page_context *context, pqf_page *page,
                              pqf_error *err) {
    const pqf_leaf *leaf = context->chunk->leaf;
    bool rep = page->rep.len && h->repetition_level_encoding == PQF_BIT_PACKED;
    bool def = page->def.len && h->definition_level_encoding == PQF_BIT_PACKED;
    if (!rep && !def) return PQF_OK;
    pqf_buf *room = context->levels;
    /* a varint of at most 10 bytes, and a last group of at most 7 */
    TRY(pqf_page_make_room(room, page->rep.len + page->def.len + 2 * (10 + 7), err));
    if (rep) TRY(turn_levels(&page->rep, leaf->max_rep, room, err));
    if (def) TRY(turn_levels(&page->def, leaf->max_def, room, err));
    return PQF_OK;
}

static pqf_status unseal_v1(const pqf_page_ref *ref, const pqf_page_context *context,
                            pqf_bytes body, pqf_buf *room, pqf_page *out,
                            pqf_error *err) {
    const pqf_data_page_header *h = &ref->header.data_page_header;
    const pqf_leaf *leaf = context->chunk->leaf;
    out->encoding = h->encoding;
    TRY(inflate(context, context->chunk->meta->codec, body,
                (size_t)ref->header.uncompressed_page_size, room, out, &out->values,
                err));
    if (out->num_values == 0)
        return PQF_OK; /* some writers leave the level lengths out */
    TRY(take_levels(&out->values, h->repetition_level_encoding, leaf->max_rep,
                    out->num_values, "repetition", &out->rep, err));
    TRY(take_levels(&out->values, h->definition_level_encoding, leaf->max_def,
                    out->num_values, "definition", &out->def, err));
    return turn_packed(h, context, out, err);
}

/* check_v2 has seen that both level parts lie inside the body. Writers exist that have levels of required
 * columns there, all 0: they are stepped over. */
static pqf_status unseal_v2(const pqf_page_ref *ref, const pqf_page_context *context,
                            pqf_bytes body, pqf_buf *room, pqf_page *out,
                            pqf_error *err) {
    const pqf_data_page_header_v2 *h = &ref->header.data_page_header_v2;
    size_t rep = (size_t)h->repetition_levels_byte_length;
    size_t def = (size_t)h->definition_levels_byte_length;
    out->encoding = h->encoding;
    if (context->chunk->leaf->max_rep) out->rep = pqf_bytes_of(body.data, rep);
    if (context->chunk->leaf->max_def) out->def = pqf_bytes_of(body.data + rep, def);
    pqf_bytes values = {body.data + rep + def, body.len - rep - def};
    return inflate(context, codec_of(ref, context->chunk), values,
                   (size_t)ref->header.uncompressed_page_size - rep - def, room, out,
                   &out->values, err);
}

static pqf_status take_apart(const pqf_page_ref *ref, const pqf_page_context *context,
                             pqf_bytes body, pqf_buf *room, pqf_page *out,
                             pqf_error *err) {
    *out = (pqf_page){.num_values = ref->num_values};
    if (ref->header.type == PQF_PAGE_DATA_V2)
        return unseal_v2(ref, context, body, room, out, err);
    if (ref->header.type == PQF_PAGE_DATA)
        return unseal_v1(ref, context, body, room, out, err);
    out->encoding = ref->header.dictionary_page_header.encoding;
    return inflate(context, context->chunk->meta->codec, body,
                   (size_t)ref->header.uncompressed_page_size, room, out, &out->values,
                   err);
}

pqf_status pqf_page_unseal(pqf_page_walk *walk, const pqf_page_ref *ref,
                           const pqf_page_context *context, pqf_buf *room, pqf_page *out,
                           pqf_error *err) {
    pqf_bytes body;
    TRY(stored_body(walk, ref, context, &body, err));
    return take_apart(ref, context, body, room, out, err);
}

pqf_status pqf_page_unseal_body(const pqf_page_ref *ref, const pqf_page_context *context,
                                pqf_bytes body, pqf_buf *room, pqf_page *out,
                                pqf_error *err) {
    TRY(check_crc(ref, context, body, err));
    return take_apart(ref, context, body, room, out, err);
}

pqf_status pqf_page_check(pqf_page_walk *walk, const pqf_page_ref *ref,
                          const pqf_page_context *context, pqf_error *err) {
    pqf_bytes body;
    return stored_body(walk, ref, context, &body, err);
}

/* ---- pages that are nothing but values ---- */

bool pqf_page_is_plain(const pqf_page_ref *ref, const pqf_leaf *leaf, int64_t num_bytes) {
    const pqf_page_header *h = &ref->header;
    if (leaf->max_def || leaf->max_rep || h->uncompressed_page_size != num_bytes)
        return false;
    if (h->type == PQF_PAGE_DATA) return h->data_page_header.encoding == PQF_PLAIN;
    const pqf_data_page_header_v2 *v2 = &h->data_page_header_v2;
    return v2->encoding == PQF_PLAIN && v2->repetition_levels_byte_length == 0 &&
           v2->definition_levels_byte_length == 0;
}

/* The bytes of the body to `out`, a piece at a time: its checksum is taken while it is in the cache. */
static pqf_status copy_body(pqf_page_walk *walk, const pqf_page_ref *ref,
                            const pqf_page_context *context, uint8_t *out,
                            pqf_error *err) {
    int64_t len = ref->header.compressed_page_size;
    bool checks = has_to_check(ref, context);
    uint32_t crc = 0;
    for (int64_t at = 0, n; at < len; at += n) {
        n = checks ? pqf_min_i64(len - at, COPY_BYTES) : len;
        TRY(pqf_window_copy(&walk->window, ref->body_offset + at, (size_t)n, out + at,
                            err));
        if (checks) crc = context->kernel->crc32(crc, out + at, n);
    }
    return checks ? compare_crc(ref, crc, err) : PQF_OK;
}

pqf_status pqf_page_unseal_plain(pqf_page_walk *walk, const pqf_page_ref *ref,
                                 const pqf_page_context *context, uint8_t *out,
                                 pqf_error *err) {
    int32_t codec = codec_of(ref, context->chunk);
    size_t stored = (size_t)ref->header.compressed_page_size;
    size_t out_len = (size_t)ref->header.uncompressed_page_size;
    pqf_bytes body;
    if (codec == PQF_UNCOMPRESSED) {
        TRY(check_stored_len(stored, out_len, err));
        return copy_body(walk, ref, context, out, err);
    }
    TRY(stored_body(walk, ref, context, &body, err));
    if (out_len == 0) return PQF_OK;
    TRY(check_expansion(codec, stored, out_len, err));
    return pqf_codec_decompress(context->codec, codec, body, out, out_len, err);
}
