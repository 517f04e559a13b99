/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.c: PLAIN (Encodings.md, PLAIN = 0), both directions: values back to back. BOOLEAN as
 * bits, low bit first; fixed widths as they are in memory; BYTE_ARRAY as
 *
 *   uint32 length | bytes | uint32 length | bytes | ...
 *
 * Only the lengths of strings can lie inside a page: each is checked against the end of the page
 * before a byte of its string is used.
 */
#include "row.h"

pqf_status pqf_plain_begin(pqf_decoder *d, pqf_error *err) {
    if (d->width < 0) {
        return pqf_fail(err, PQF_CORRUPT, "plain: a width of %d bytes", (int)d->width);
    }
    return PQF_OK;
}

static pqf_status fail_short(const pqf_decoder *d, int64_t n, const char *what,
                             pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "plain: %zu bytes are left, too few for %lld %s",
                    d->in.len, (long long)n, what);
}

static inline void plain_advance(pqf_decoder *d, size_t num_bytes) {
    if (num_bytes == 0) return;
    d->in.data += num_bytes;
    d->in.len -= num_bytes;
}

/* ---- decoding: fixed widths and bits ---- */

static pqf_status fixed_bytes(const pqf_decoder *d, int64_t n, size_t *num_bytes,
                              pqf_error *err) {
    if (d->width && (uint64_t)n > d->in.len / (size_t)d->width) {
        return fail_short(d, n, "values of fixed width", err);
    }
    *num_bytes = (size_t)n * (size_t)d->width;
    return PQF_OK;
}

pqf_status pqf_plain_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                  pqf_error *err) {
    size_t num_bytes = 0;
    TRY(fixed_bytes(d, n, &num_bytes, err));
    if (num_bytes) memcpy(out, d->in.data, num_bytes);
    plain_advance(d, num_bytes);
    return PQF_OK;
}

static pqf_status bits_check(const pqf_decoder *d, int64_t n, pqf_error *err) {
    if (d->in.len < (uint64_t)pqf_bits_bytes(d->bit_at + n)) {
        return fail_short(d, n, "booleans", err);
    }
    return PQF_OK;
}

pqf_status pqf_plain_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                                 pqf_error *err) {
    TRY(bits_check(d, n, err));
    if (n > 0) d->kernel->copy_bits(d->in.data, d->bit_at, n, out, at);
    d->bit_at += n;
    return PQF_OK;
}

/* ---- decoding: BYTE_ARRAY ---- */

pqf_status pqf_binary_reserve(const pqf_binary_out *out, uint64_t num_bytes,
                              pqf_error *err) {
    if (num_bytes > (uint64_t)INT32_MAX - out->bytes->len) {
        out->bytes->is_full = true;
        return pqf_fail(err, PQF_LIMIT,
                        "%llu more bytes of strings do not fit the 2 GiB of one array; "
                        "read smaller batches",
                        (unsigned long long)num_bytes);
    }
    return pqf_buf_reserve(out->bytes, (size_t)num_bytes, err);
}

/* A walk over n strings keeps a limit that moves along: each string behind the current one needs
 * 4 bytes at least, so that this one ends at `limit` = end of the page - 4 * (strings behind it)
 * or before. The caller made sure of 4 * n bytes; from then on limit - p is never below 4, and n
 * strings together have no more than (bytes of the page - 4 * n) bytes even where a page lies. */
static inline const uint8_t *first_limit(const pqf_decoder *d, int64_t n) {
    return d->in.data + d->in.len - 4 * (n - 1);
}

static inline bool value_fits(const uint8_t *p, const uint8_t *limit) {
    return (uint64_t)pqf_load_u32(p) + 4 <= (uint64_t)(limit - p);
}

static pqf_status fail_string(const uint8_t *p, const uint8_t *limit, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "plain: a string of %u bytes where %zu bytes are left for it",
                    (unsigned)pqf_load_u32(p), (size_t)(limit - p) - 4);
}

/* Steps over n strings; *num_bytes counts their length words too. */
static pqf_status walk(const pqf_decoder *d, int64_t n, size_t *num_bytes,
                       pqf_error *err) {
    const uint8_t *p = d->in.data;
    const uint8_t *limit = first_limit(d, n);
    for (int64_t i = 0; i < n; i++, limit += 4) {
        if (!value_fits(p, limit)) return fail_string(p, limit, err);
        p += 4 + (size_t)pqf_load_u32(p);
    }
    *num_bytes = (size_t)(p - d->in.data);
    return PQF_OK;
}

/* An upper bound of the bytes of the next n values. All that is left in the page is one and costs
 * nothing to know; where that is far more than will be used and room for, or would not fit, the
 * lengths are added up. */
static pqf_status binary_bound(const pqf_decoder *d, int64_t n, const pqf_buf *bytes,
                               size_t *bound, pqf_error *err) {
    size_t max = bytes->max ? bytes->max : INT32_MAX;
    size_t room = max > bytes->len ? max - bytes->len : 0;
    *bound = d->in.len - (size_t)n * 4;
    bool is_there = bytes->data && *bound <= bytes->cap - bytes->len;
    if ((is_there || n >= d->num_left / 4) && *bound <= room) return PQF_OK;
    size_t num_bytes = 0;
    TRY(walk(d, n, &num_bytes, err));
    *bound = num_bytes - (size_t)n * 4;
    return PQF_OK;
}

/* Values beyond are copied by memcpy, and not looked at. */
#define LOOK_BYTES 512

/* 16 bytes, for which every CPU has a register. */
typedef uint64_t pair __attribute__((vector_size(16)));

static inline pair copy_pair(uint8_t *out, const uint8_t *in) {
    pair v;
    memcpy(&v, in, sizeof v);
    memcpy(out, &v, sizeof v);
    return v;
}

/* Copies 64 bytes and returns the bits that any of them has. */
static inline pair copy_seen(uint8_t *out, const uint8_t *in) {
    pair a = copy_pair(out, in) | copy_pair(out + 16, in + 16);
    pair b = copy_pair(out + 32, in + 32) | copy_pair(out + 48, in + 48);
    return a | b;
}

/* What is behind the first 64 bytes, no byte more: what comes next may be a length of 128 or more. */
static inline pair copy_long(uint8_t *out, const uint8_t *in, size_t size) {
    pair seen = {0, 0};
    if (size > LOOK_BYTES) {
        memcpy(out + 64, in + 64, size - 64);
        return ~seen;
    }
    for (size_t at = 64; at < size - 64; at += 64)
        seen |= copy_seen(out + at, in + at);
    return seen | copy_seen(out + size - 64, in + size - 64);
}

/* Copies inside the walk over the lengths: 64 bytes at once, which the next value overwrites
 * again. Reads end at most 64 bytes behind the page, stores 64 behind the bytes that were
 * reserved. The walk waits for lengths, so that looking for bytes that are not ASCII costs nothing;
 * what is copied too much may be taken for such a byte: a length of 128 or more, slack. */
static pqf_status copy_values(pqf_decoder *d, int64_t n, pqf_binary_out *to,
                              pqf_error *err) {
    pqf_buf *bytes = to->bytes;
    pair seen = {0, 0};
    const uint8_t *p = d->in.data;
    const uint8_t *limit = first_limit(d, n);
    uint8_t *base = bytes->data;
    uint8_t *out = base + bytes->len;
    for (int64_t i = 0; i < n; i++, limit += 4) {
        if (!value_fits(p, limit)) return fail_string(p, limit, err);
        size_t size = pqf_load_u32(p);
        seen |= copy_seen(out, p + 4);
        if (size > 64) seen |= copy_long(out, p + 4, size);
        p += 4 + size;
        out += size;
        to->ends[i] = (int32_t)(out - base);
    }
    bytes->len = (size_t)(out - base);
    to->is_ascii = ((seen[0] | seen[1]) & UINT64_C(0x8080808080808080)) == 0;
    plain_advance(d, (size_t)(p - d->in.data));
    return PQF_OK;
}

pqf_status pqf_plain_reserve_binary(const pqf_decoder *d, int64_t n,
                                    const pqf_binary_out *out, pqf_error *err) {
    if ((uint64_t)n > d->in.len / 4) return fail_short(d, n, "strings", err);
    size_t bound = 0;
    TRY(binary_bound(d, n, out->bytes, &bound, err));
    return pqf_binary_reserve(out, bound, err);
}

pqf_status pqf_plain_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err) {
    if (n == 0) return PQF_OK;
    TRY(pqf_plain_reserve_binary(d, n, out, err));
    return copy_values(d, n, out, err);
}

pqf_status pqf_plain_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    if (n == 0) return PQF_OK;
    if (d->layout == PQF_BITS) {
        TRY(bits_check(d, n, err));
        d->bit_at += n;
        return PQF_OK;
    }
    size_t num_bytes = 0;
    if (d->layout == PQF_FIXED) {
        TRY(fixed_bytes(d, n, &num_bytes, err));
    } else {
        if ((uint64_t)n > d->in.len / 4) return fail_short(d, n, "strings", err);
        TRY(walk(d, n, &num_bytes, err));
    }
    plain_advance(d, num_bytes);
    return PQF_OK;
}

/* ---- encoding ---- */

pqf_status pqf_plain_put_fixed(const void *values, int64_t n, int32_t width, pqf_buf *out,
                               pqf_error *err) {
    return pqf_buf_put(out, values, (size_t)n * (size_t)width, err);
}

pqf_status pqf_plain_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err) {
    return pqf_buf_put(out, page->bytes.data, page->bytes.len, err);
}

/* n (1..64) bits of v to bit position `to`; 9 bytes are written, zeros behind the bits. */
static inline void store_bits(uint8_t *out, int64_t to, uint64_t v) {
    uint8_t *p = out + (to >> 3);
    unsigned shift = (unsigned)(to & 7);
    uint64_t before = *p & ((1u << shift) - 1);
    pqf_store_u64(p, before | v << shift);
    p[8] = (uint8_t)(shift ? v >> (64 - shift) : 0);
}

/* Kernels may read PQF_SLACK bytes behind their last bit, so that they get all bits but the last of
 * these bytes. */
void pqf_bits_append(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                     int64_t n, uint8_t *out, int64_t to) {
    const int64_t tail = 8 * (PQF_SLACK + 8);
    int64_t i = n > tail ? n - tail : 0;
    if (i > 0) kernel->copy_bits(bits, at, i, out, to);
    for (; i < n; i += 64) {
        int part = (int)pqf_min_i64(64, n - i);
        store_bits(out, to + i, pqf_bits_load(bits, at + i, part));
    }
}

/* The last byte of out has free bits when *num_bits is no multiple of 8. */
pqf_status pqf_plain_put_bits(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                              int64_t n, pqf_buf *out, int64_t *num_bits,
                              pqf_error *err) {
    int64_t free_bits = -*num_bits & 7;
    int64_t extra = pqf_bits_bytes(pqf_max_i64(n - free_bits, 0));
    TRY(pqf_buf_reserve(out, (size_t)extra, err));
    pqf_bits_append(kernel, bits, at, n, out->data, (int64_t)out->len * 8 - free_bits);
    out->len += (size_t)extra;
    *num_bits += n;
    return PQF_OK;
}

/* The length word and the bytes of one value; returns where the next one goes. */
static inline uint8_t *put_slice(pqf_slice value, uint8_t *out) {
    pqf_store_u32(out, value.len);
    out += 4;
    if (value.num_readable >= 64) {
        PQF_COPY_WIDE(64, out, value.data, value.len);
    } else if (value.len) {
        memcpy(out, value.data, value.len);
    }
    return out + value.len;
}

pqf_status pqf_plain_put_binary(const pqf_slice *values, int64_t n, pqf_buf *out,
                                pqf_error *err) {
    for (int64_t from = 0; from < n; from += PQF_BLOCK) {
        int64_t part = pqf_min_i64(PQF_BLOCK, n - from);
        size_t num_bytes = (size_t)part * 4;
        for (int64_t i = 0; i < part; i++)
            num_bytes += values[from + i].len;
        TRY(pqf_buf_reserve(out, num_bytes, err));
        uint8_t *p = out->data + out->len;
        for (int64_t i = 0; i < part; i++)
            p = put_slice(values[from + i], p);
        out->len = (size_t)(p - out->data);
    }
    return PQF_OK;
}
