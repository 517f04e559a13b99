/* SPDX-License-Identifier: Apache-2.0
 *
 * delta_bytes.c: DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY (Encodings.md), both directions.
 *
 *   DELTA_LENGTH_BYTE_ARRAY  lengths (delta) | bytes of all values
 *   DELTA_BYTE_ARRAY         prefix lengths (delta) | suffix lengths (delta) | bytes of all suffixes
 *
 * Where a part begins is found by stepping over the miniblocks of the one before, so that lengths and
 * bytes are pulled side by side. Lengths come in blocks of PQF_BLOCK and are checked as such: none is
 * negative, and together they end within the page. A prefix is part of the value before, of which
 * `kept` holds a copy between two pulls.
 */
#include "row.h"

#define LENGTH_NAME "delta length byte array"
#define BYTES_NAME  "delta byte array"
/* Room for the stores of kernels. */
#define LENGTHS (PQF_BLOCK + PQF_SLACK / 4)

static pqf_status check_lengths(const uint32_t *lengths, int64_t n, uint64_t room,
                                uint64_t *sum, const char *name, pqf_error *err) {
    uint32_t all = 0;
    *sum = 0;
    for (int64_t i = 0; i < n; i++) {
        all |= lengths[i];
        *sum += lengths[i];
    }
    if (all > INT32_MAX)
        return pqf_fail(err, PQF_CORRUPT, "%s: a length is negative", name);
    if (*sum > room)
        return pqf_fail(err, PQF_CORRUPT, "%s: lengths of %llu bytes, %llu are left",
                        name, (unsigned long long)*sum, (unsigned long long)room);
    return PQF_OK;
}

static void advance(pqf_decoder *d, uint64_t num_bytes) {
    d->in.data += num_bytes;
    d->in.len -= (size_t)num_bytes;
}

/* ---- DELTA_LENGTH_BYTE_ARRAY ---- */

/* d->in becomes what lies behind the deltas. */
static pqf_status begin_bytes(pqf_decoder *d, const pqf_delta *lengths, const char *name,
                              pqf_error *err) {
    const uint8_t *bytes;
    TRY(pqf_delta_find_end(lengths, &bytes, name, err));
    d->in.len = (size_t)(lengths->end - bytes);
    d->in.data = bytes;
    return PQF_OK;
}

pqf_status pqf_delta_length_begin(pqf_decoder *d, pqf_error *err) {
    TRY(pqf_delta_begin(&d->delta, d->kernel, d->in, LENGTH_NAME, err));
    return begin_bytes(d, &d->delta, LENGTH_NAME, err);
}

static pqf_status next_lengths(pqf_decoder *d, int64_t n, uint32_t *lengths,
                               uint64_t *sum, pqf_error *err) {
    TRY(pqf_delta_next(&d->delta, n, 4, (uint8_t *)lengths, LENGTH_NAME, err));
    return check_lengths(lengths, n, d->in.len, sum, LENGTH_NAME, err);
}

pqf_status pqf_delta_length_decode(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err) {
    uint32_t lengths[LENGTHS];
    int32_t *ends = out->ends;
    for (int64_t part; n > 0; n -= part, ends += part) {
        uint64_t sum;
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_lengths(d, part, lengths, &sum, err));
        TRY(pqf_binary_reserve(out, sum, err));
        uint32_t end = (uint32_t)out->bytes->len;
        for (int64_t i = 0; i < part; i++)
            ends[i] = (int32_t)(end += lengths[i]);
        if (sum) memcpy(out->bytes->data + out->bytes->len, d->in.data, (size_t)sum);
        out->bytes->len += (size_t)sum;
        advance(d, sum);
    }
    return PQF_OK;
}

pqf_status pqf_delta_length_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    uint32_t lengths[LENGTHS];
    for (int64_t part; n > 0; n -= part) {
        uint64_t sum;
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_lengths(d, part, lengths, &sum, err));
        advance(d, sum);
    }
    return PQF_OK;
}

/* ---- DELTA_BYTE_ARRAY: reading ---- */

pqf_status pqf_delta_bytes_begin(pqf_decoder *d, pqf_error *err) {
    const uint8_t *suffixes;
    d->kept->len = 0;
    TRY(pqf_delta_begin(&d->delta, d->kernel, d->in, BYTES_NAME, err));
    TRY(pqf_delta_find_end(&d->delta, &suffixes, BYTES_NAME, err));
    pqf_bytes rest = {suffixes, (size_t)(d->delta.end - suffixes)};
    TRY(pqf_delta_begin(&d->suffix, d->kernel, rest, BYTES_NAME, err));
    return begin_bytes(d, &d->suffix, BYTES_NAME, err);
}

typedef struct pieces {
    uint32_t prefixes[LENGTHS];
    uint32_t suffixes[LENGTHS];
    uint64_t num_bytes; /* of the values */
} pieces;

/* Each prefix lies within the value before: after this check nothing about lengths can be wrong. */
static pqf_status check_prefixes(const pqf_decoder *d, int64_t n, const pieces *p,
                                 pqf_error *err) {
    uint64_t before = d->kept->len;
    for (int64_t i = 0; i < n; i++) {
        if (p->prefixes[i] > before)
            return pqf_fail(err, PQF_CORRUPT,
                            BYTES_NAME ": a prefix of %u bytes of a value of %llu",
                            (unsigned)p->prefixes[i], (unsigned long long)before);
        before = (uint64_t)p->prefixes[i] + p->suffixes[i];
        if (before > INT32_MAX)
            return pqf_fail(err, PQF_CORRUPT, BYTES_NAME ": a value of %llu bytes",
                            (unsigned long long)before);
    }
    return PQF_OK;
}

static pqf_status next_pieces(pqf_decoder *d, int64_t n, pieces *p, pqf_error *err) {
    uint64_t sum, prefix_sum = 0;
    TRY(pqf_delta_next(&d->delta, n, 4, (uint8_t *)p->prefixes, BYTES_NAME, err));
    TRY(pqf_delta_next(&d->suffix, n, 4, (uint8_t *)p->suffixes, BYTES_NAME, err));
    TRY(check_lengths(p->prefixes, n, UINT64_MAX, &prefix_sum, BYTES_NAME, err));
    TRY(check_lengths(p->suffixes, n, d->in.len, &sum, BYTES_NAME, err));
    p->num_bytes = prefix_sum + sum;
    return check_prefixes(d, n, p, err);
}

static pqf_status keep_last(pqf_decoder *d, const uint8_t *value, size_t len,
                            pqf_error *err) {
    d->kept->len = 0;
    return pqf_buf_put(d->kept, value, len, err);
}

/* 32 bytes at a time: the prefix may lie so near before `out` that the copies overlap, which does not
 * matter, for what is copied beyond the prefix is overwritten. A prefix never reaches `out`. */
static inline void copy_prefix(uint8_t *out, const uint8_t *before, size_t len) {
    uint8_t piece[32];
    size_t at = 0;
    do {
        memcpy(piece, before + at, sizeof piece);
        memcpy(out + at, piece, sizeof piece);
        at += sizeof piece;
    } while (at < len);
}

/* The suffixes of all n values lie one behind the other at *in. Both sides have slack. */
static uint8_t *put_value(const uint8_t *before, uint32_t prefix, uint32_t suffix,
                          const uint8_t *in, uint8_t *out) {
    if (prefix) copy_prefix(out, before, prefix);
    PQF_COPY_WIDE(32, out + prefix, in, suffix);
    return out + prefix + suffix;
}

pqf_status pqf_delta_bytes_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                         pqf_error *err) {
    pieces p;
    int32_t *ends = out->ends;
    for (int64_t part; n > 0; n -= part, ends += part) {
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_pieces(d, part, &p, err));
        TRY(pqf_binary_reserve(out, p.num_bytes, err));
        TRY(pqf_buf_reserve(d->kept, 1, err)); /* has slack from now on */
        uint8_t *base = out->bytes->data, *to = base + out->bytes->len;
        const uint8_t *before = d->kept->data, *in = d->in.data;
        for (int64_t i = 0; i < part; i++) {
            uint8_t *value = to;
            to = put_value(before, p.prefixes[i], p.suffixes[i], in, to);
            in += p.suffixes[i];
            before = value;
            ends[i] = (int32_t)(to - base);
        }
        advance(d, (uint64_t)(in - d->in.data));
        out->bytes->len = (size_t)(to - base);
        TRY(keep_last(d, before, (size_t)(to - before), err));
    }
    return PQF_OK;
}

static pqf_status check_fixed(const pqf_decoder *d, int64_t n, const pieces *p,
                              pqf_error *err) {
    for (int64_t i = 0; i < n; i++)
        if (p->prefixes[i] + p->suffixes[i] != (uint32_t)d->width)
            return pqf_fail(err, PQF_CORRUPT,
                            BYTES_NAME ": a value of %u bytes, the type has %d",
                            (unsigned)(p->prefixes[i] + p->suffixes[i]), (int)d->width);
    return PQF_OK;
}

pqf_status pqf_delta_bytes_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                        pqf_error *err) {
    pieces p;
    for (int64_t part; n > 0; n -= part) {
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_pieces(d, part, &p, err));
        TRY(check_fixed(d, part, &p, err));
        TRY(pqf_buf_reserve(d->kept, 1, err));
        const uint8_t *before = d->kept->data, *in = d->in.data;
        for (int64_t i = 0; i < part; i++) {
            uint8_t *value = out;
            out = put_value(before, p.prefixes[i], p.suffixes[i], in, out);
            in += p.suffixes[i];
            before = value;
        }
        advance(d, (uint64_t)(in - d->in.data));
        TRY(keep_last(d, before, (size_t)d->width, err));
    }
    return PQF_OK;
}

/* Every value is made, in `kept`, for the next one may need it. */
pqf_status pqf_delta_bytes_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    pieces p;
    for (int64_t part; n > 0; n -= part) {
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_pieces(d, part, &p, err));
        for (int64_t i = 0; i < part; i++) {
            d->kept->len = p.prefixes[i];
            TRY(pqf_buf_put(d->kept, d->in.data, p.suffixes[i], err));
            advance(d, p.suffixes[i]);
        }
    }
    return PQF_OK;
}

/* ---- encoding ---- */

/* Values of a page one by one: PLAIN BYTE_ARRAY (width 0) or fixed. */
typedef struct walk {
    const uint8_t *p;
    int32_t width;
} walk;

static pqf_bytes walk_next(walk *w) {
    size_t len = w->width ? (size_t)w->width : pqf_load_u32(w->p);
    pqf_bytes value = {w->width ? w->p : w->p + 4, len};
    w->p = value.data + len;
    return value;
}

static walk walk_of(const pqf_plain_page *page) {
    return (walk){page->bytes.data, page->layout == PQF_FIXED ? page->width : 0};
}

pqf_status pqf_delta_length_encode(const pqf_plain_page *page, pqf_buf *out,
                                   pqf_error *err) {
    pqf_delta_sink s;
    walk lengths = walk_of(page), bytes = lengths;
    TRY(pqf_delta_sink_begin(&s, page->kernel, 4, page->num_values, out, err));
    for (int64_t i = 0; i < page->num_values; i++)
        TRY(pqf_delta_sink_put(&s, walk_next(&lengths).len, err));
    TRY(pqf_delta_sink_end(&s, err));
    TRY(pqf_buf_reserve(out, page->bytes.len, err));
    for (int64_t i = 0; i < page->num_values; i++) {
        pqf_bytes value = walk_next(&bytes);
        TRY(pqf_buf_put(out, value.data, value.len, err));
    }
    return PQF_OK;
}

static size_t common_prefix(pqf_bytes a, pqf_bytes b) {
    size_t n = a.len < b.len ? a.len : b.len, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t differ = pqf_load_u64(a.data + i) ^ pqf_load_u64(b.data + i);
        if (differ) return i + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (i < n && a.data[i] == b.data[i])
        i++;
    return i;
}

static pqf_status put_piece_lengths(const pqf_plain_page *page, bool prefixes,
                                    pqf_buf *out, pqf_error *err) {
    pqf_delta_sink s;
    walk w = walk_of(page);
    pqf_bytes before = {NULL, 0};
    TRY(pqf_delta_sink_begin(&s, page->kernel, 4, page->num_values, out, err));
    for (int64_t i = 0; i < page->num_values; i++) {
        pqf_bytes value = walk_next(&w);
        size_t prefix = common_prefix(before, value);
        TRY(pqf_delta_sink_put(&s, prefixes ? prefix : value.len - prefix, err));
        before = value;
    }
    return pqf_delta_sink_end(&s, err);
}

/* Three walks over bytes that are in the cache, rather than memory for the lengths. */
pqf_status pqf_delta_bytes_encode(const pqf_plain_page *page, pqf_buf *out,
                                  pqf_error *err) {
    walk w = walk_of(page);
    pqf_bytes before = {NULL, 0};
    TRY(put_piece_lengths(page, true, out, err));
    TRY(put_piece_lengths(page, false, out, err));
    TRY(pqf_buf_reserve(out, page->bytes.len, err));
    for (int64_t i = 0; i < page->num_values; i++) {
        pqf_bytes value = walk_next(&w);
        size_t prefix = common_prefix(before, value);
        TRY(pqf_buf_put(out, value.data + prefix, value.len - prefix, err));
        before = value;
    }
    return PQF_OK;
}
