/* SPDX-License-Identifier: Apache-2.0
 *
 * delta_bytes.c: DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY (Encodings.md, Delta-length byte
 * array and Delta Strings), both directions.
 *
 *   DELTA_LENGTH_BYTE_ARRAY   lengths | bytes
 *   DELTA_BYTE_ARRAY          prefix lengths | suffix lengths | bytes of the suffixes
 *
 * Lengths are DELTA_BINARY_PACKED, int32. Where they end is found by stepping over their miniblocks;
 * from then on a page is two or three pulls side by side. A prefix is taken from the value before:
 * from the output, or from decoder.kept when that value was decoded by another call. Each length is
 * checked before a byte of it is used: bytes and suffixes against the end of the page, a prefix
 * against the value it is taken from. Prefixes let a page grow far beyond its own size; what stops
 * them is the maximum of the output and the memory's budget.
 */
#include "row.h"

#define LENGTH_NAME "delta length byte array"
#define BYTES_NAME  "delta byte array"

/* ---- lengths ---- */

/* Takes up lengths at the beginning of *rest, which becomes what stands behind them. */
static pqf_status begin_lengths(pqf_delta *lengths, const pqf_kernels *kernel,
                                const char *name, pqf_bytes *rest, pqf_error *err) {
    const uint8_t *end = rest->data;
    TRY(pqf_delta_begin(lengths, kernel, *rest, sizeof(int32_t), name, err));
    if (rest->len > 0) TRY(pqf_delta_find_end(lengths, &end, err));
    rest->len -= (size_t)(end - rest->data);
    rest->data = end;
    return PQF_OK;
}

static uint64_t sum_u32(const uint32_t *lengths, int64_t n) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += lengths[i];
    return sum;
}

static pqf_status fail_bytes(const pqf_decoder *d, uint64_t num_bytes, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "%s: strings of %llu bytes where %zu bytes are left", d->delta.name,
                    (unsigned long long)num_bytes, d->in.len);
}

static void take_bytes(pqf_decoder *d, uint64_t num_bytes) {
    if (num_bytes == 0) return;
    d->in.data += num_bytes;
    d->in.len -= num_bytes;
}

/* The next n (at most PQF_BLOCK) lengths and their sum with *num_bytes, which stays within the page.
 * A negative length is one of 2 GiB and more here, which no page has. */
static pqf_status next_lengths(pqf_decoder *d, int64_t n, uint32_t *lengths,
                               uint64_t *num_bytes, pqf_error *err) {
    TRY(pqf_delta_decode(&d->delta, n, (uint8_t *)lengths, err));
    *num_bytes += sum_u32(lengths, n);
    return *num_bytes <= d->in.len ? PQF_OK : fail_bytes(d, *num_bytes, err);
}

/* ---- DELTA_LENGTH_BYTE_ARRAY ---- */

pqf_status pqf_delta_length_begin(pqf_decoder *d, pqf_error *err) {
    return begin_lengths(&d->delta, d->kernel, LENGTH_NAME, &d->in, err);
}

/* Lengths are decoded where the ends belong and become ends there; the bytes are copied at once. */
pqf_status pqf_delta_length_decode(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err) {
    uint32_t *ends = (uint32_t *)(void *)out->ends;
    uint32_t end = (uint32_t)out->bytes->len;
    uint64_t num_bytes = 0;
    for (int64_t part; n > 0; n -= part, ends += part) {
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_lengths(d, part, ends, &num_bytes, err));
        end = d->kernel->prefix_sum_32(ends, part, 0, end);
    }
    TRY(pqf_binary_reserve(out, num_bytes, err));
    if (num_bytes)
        memcpy(out->bytes->data + out->bytes->len, d->in.data, (size_t)num_bytes);
    out->bytes->len += (size_t)num_bytes;
    take_bytes(d, num_bytes);
    return PQF_OK;
}

pqf_status pqf_delta_length_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    uint32_t lengths[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    uint64_t num_bytes = 0;
    for (int64_t part; n > 0; n -= part) {
        part = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_lengths(d, part, lengths, &num_bytes, err));
    }
    take_bytes(d, num_bytes);
    return PQF_OK;
}

/* ---- DELTA_BYTE_ARRAY: lengths ---- */

/* The lengths of a block of values. */
typedef struct string_parts {
    int64_t n;           /* at most PQF_BLOCK */
    uint64_t num_bytes;  /* of the values */
    uint32_t last_bytes; /* of the last value */
    uint32_t prefix[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    uint32_t suffix[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
} string_parts;

pqf_status pqf_delta_bytes_begin(pqf_decoder *d, pqf_error *err) {
    TRY(begin_lengths(&d->delta, d->kernel, BYTES_NAME, &d->in, err));
    TRY(begin_lengths(&d->suffixes, d->kernel, BYTES_NAME, &d->in, err));
    if (d->delta.num_values != d->suffixes.num_values) {
        return pqf_fail(err, PQF_CORRUPT, BYTES_NAME ": %lld prefixes and %lld suffixes",
                        (long long)d->delta.num_values,
                        (long long)d->suffixes.num_values);
    }
    d->kept->len = 0;
    return pqf_buf_reserve(d->kept, 1, err); /* prefixes of no bytes are read from it */
}

static pqf_status fail_prefix(uint32_t prefix, uint64_t before, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    BYTES_NAME ": a prefix of %u bytes of a value of %llu bytes", prefix,
                    (unsigned long long)before);
}

static pqf_status fail_width(const pqf_decoder *d, uint64_t len, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    BYTES_NAME ": a value of %llu bytes among those of %d",
                    (unsigned long long)len, (int)d->width);
}

/* A value before is no longer than the bytes of the page plus a prefix: sums stay far below 2^64. */
static pqf_status check_parts(const pqf_decoder *d, string_parts *p, pqf_error *err) {
    uint64_t before = d->kept->len, num_bytes = 0;
    uint64_t suffix_bytes = sum_u32(p->suffix, p->n);
    if (suffix_bytes > d->in.len) return fail_bytes(d, suffix_bytes, err);
    for (int64_t i = 0; i < p->n; i++) {
        if (p->prefix[i] > before) return fail_prefix(p->prefix[i], before, err);
        before = (uint64_t)p->prefix[i] + p->suffix[i];
        num_bytes += before;
        if (d->layout == PQF_FIXED && before != (uint64_t)d->width)
            return fail_width(d, before, err);
    }
    p->num_bytes = num_bytes;
    p->last_bytes = (uint32_t)before;
    return PQF_OK;
}

static pqf_status next_parts(pqf_decoder *d, int64_t n, string_parts *p, pqf_error *err) {
    p->n = pqf_min_i64(n, PQF_BLOCK);
    TRY(pqf_delta_decode(&d->delta, p->n, (uint8_t *)p->prefix, err));
    TRY(pqf_delta_decode(&d->suffixes, p->n, (uint8_t *)p->suffix, err));
    return check_parts(d, p, err);
}

/* ---- DELTA_BYTE_ARRAY: values ---- */

/* A prefix moves to where the value that it is taken from ends, or further, so that copying its own
 * bytes never overlaps; the first 32 bytes pass through registers, because 32 may. */
static inline void copy_prefix(uint8_t *out, const uint8_t *from, size_t len) {
    uint64_t a = pqf_load_u64(from), b = pqf_load_u64(from + 8);
    uint64_t c = pqf_load_u64(from + 16), e = pqf_load_u64(from + 24);
    pqf_store_u64(out, a);
    pqf_store_u64(out + 8, b);
    pqf_store_u64(out + 16, c);
    pqf_store_u64(out + 24, e);
    if (len > 32) memcpy(out + 32, from + 32, len - 32);
}

/* The values of a block to `out`, which has room for them; the last one is kept. */
static pqf_status join_parts(pqf_decoder *d, const string_parts *p, uint8_t *out,
                             pqf_error *err) {
    const uint8_t *before = d->kept->data, *in = d->in.data;
    for (int64_t i = 0; i < p->n; i++) {
        copy_prefix(out, before, p->prefix[i]);
        PQF_COPY_WIDE(32, out + p->prefix[i], in, p->suffix[i]);
        in += p->suffix[i];
        before = out;
        out += p->prefix[i] + p->suffix[i];
    }
    take_bytes(d, (uint64_t)(in - d->in.data));
    d->kept->len = 0;
    return pqf_buf_put(d->kept, before, p->last_bytes, err);
}

pqf_status pqf_delta_bytes_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                        pqf_error *err) {
    string_parts parts;
    for (; n > 0; n -= parts.n, out += parts.num_bytes) {
        TRY(next_parts(d, n, &parts, err));
        TRY(join_parts(d, &parts, out, err));
    }
    return PQF_OK;
}

pqf_status pqf_delta_bytes_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                         pqf_error *err) {
    string_parts parts;
    int32_t *ends = out->ends;
    for (; n > 0; n -= parts.n, ends += parts.n) {
        TRY(next_parts(d, n, &parts, err));
        TRY(pqf_binary_reserve(out, parts.num_bytes, err));
        TRY(join_parts(d, &parts, out->bytes->data + out->bytes->len, err));
        uint32_t end = (uint32_t)out->bytes->len;
        for (int64_t i = 0; i < parts.n; i++)
            ends[i] = (int32_t)(end += parts.prefix[i] + parts.suffix[i]);
        out->bytes->len += (size_t)parts.num_bytes;
    }
    return PQF_OK;
}

/* The value before the next one has to be known: it is made of those that are skipped. */
static pqf_status walk_parts(pqf_decoder *d, const string_parts *p, pqf_error *err) {
    for (int64_t i = 0; i < p->n; i++) {
        d->kept->len = p->prefix[i];
        TRY(pqf_buf_put(d->kept, d->in.data, p->suffix[i], err));
        take_bytes(d, p->suffix[i]);
    }
    return PQF_OK;
}

pqf_status pqf_delta_bytes_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    string_parts parts;
    for (; n > 0; n -= parts.n) {
        TRY(next_parts(d, n, &parts, err));
        TRY(walk_parts(d, &parts, err));
    }
    return PQF_OK;
}

/* ---- encoding ---- */

/* Value i of a page in PLAIN: *at moves behind it. */
static inline pqf_slice next_slice(const pqf_plain_page *page, const uint8_t **at) {
    if (page->layout == PQF_FIXED) {
        const uint8_t *data = *at;
        *at += page->width;
        return (pqf_slice){data, (uint32_t)page->width, (uint32_t)page->width};
    }
    pqf_slice v = {*at + 4, pqf_load_u32(*at), pqf_load_u32(*at)};
    *at = v.data + v.len;
    return v;
}

static pqf_status reserve_lengths(pqf_buf *buf, int64_t n, pqf_error *err) {
    return pqf_buf_exact(buf, (size_t)n * sizeof(uint32_t), err);
}

/* The bytes of each value from `from[i]` on (NULL: whole values), `num_bytes` in all. */
static pqf_status put_bytes(const pqf_plain_page *page, const uint32_t *from,
                            size_t num_bytes, pqf_buf *out, pqf_error *err) {
    TRY(pqf_buf_reserve(out, num_bytes, err));
    const uint8_t *at = page->bytes.data;
    uint8_t *to = out->data + out->len;
    for (int64_t i = 0; i < page->num_values; i++) {
        pqf_slice v = next_slice(page, &at);
        uint32_t skip = from ? from[i] : 0, len = v.len - skip;
        PQF_COPY_WIDE(32, to, v.data + skip, len);
        to += len;
    }
    out->len = (size_t)(to - out->data);
    return PQF_OK;
}

static pqf_status encode_lengths(const pqf_plain_page *page, pqf_buf *lengths,
                                 pqf_buf *out, pqf_error *err) {
    int64_t n = page->num_values;
    TRY(reserve_lengths(lengths, n, err));
    const uint8_t *at = page->bytes.data;
    for (int64_t i = 0; i < n; i++)
        pqf_store_u32(lengths->data + 4 * i, next_slice(page, &at).len);
    TRY(pqf_delta_encode(page->kernel, lengths->data, n, sizeof(uint32_t), out, err));
    return put_bytes(page, NULL, page->bytes.len - 4 * (size_t)n, out, err);
}

pqf_status pqf_delta_length_encode(const pqf_plain_page *page, pqf_buf *out,
                                   pqf_error *err) {
    pqf_buf lengths;
    pqf_buf_init(&lengths, out->mem, 0);
    pqf_status status = encode_lengths(page, &lengths, out, err);
    pqf_buf_reset(&lengths);
    return status;
}

/* Bytes from the start that two values have in common. */
static uint32_t common_prefix(pqf_slice a, pqf_slice b) {
    uint32_t len = a.len < b.len ? a.len : b.len, i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t differ = pqf_load_u64(a.data + i) ^ pqf_load_u64(b.data + i);
        if (differ) return i + (uint32_t)__builtin_ctzll(differ) / 8;
    }
    while (i < len && a.data[i] == b.data[i])
        i++;
    return i;
}

/* Prefix lengths, then suffix lengths; returns the bytes of all suffixes. */
static size_t find_parts(const pqf_plain_page *page, uint32_t *prefix, uint32_t *suffix) {
    const uint8_t *at = page->bytes.data;
    pqf_slice before = {NULL, 0, 0};
    size_t num_bytes = 0;
    for (int64_t i = 0; i < page->num_values; i++) {
        pqf_slice v = next_slice(page, &at);
        prefix[i] = common_prefix(before, v);
        suffix[i] = v.len - prefix[i];
        num_bytes += suffix[i];
        before = v;
    }
    return num_bytes;
}

static pqf_status encode_strings(const pqf_plain_page *page, pqf_buf *lengths,
                                 pqf_buf *out, pqf_error *err) {
    int64_t n = page->num_values;
    TRY(reserve_lengths(lengths, 2 * n, err));
    uint32_t *prefix = (uint32_t *)(void *)lengths->data, *suffix = prefix + n;
    size_t num_bytes = find_parts(page, prefix, suffix);
    TRY(pqf_delta_encode(page->kernel, (uint8_t *)prefix, n, sizeof(uint32_t), out, err));
    TRY(pqf_delta_encode(page->kernel, (uint8_t *)suffix, n, sizeof(uint32_t), out, err));
    return put_bytes(page, prefix, num_bytes, out, err);
}

pqf_status pqf_delta_bytes_encode(const pqf_plain_page *page, pqf_buf *out,
                                  pqf_error *err) {
    pqf_buf lengths;
    pqf_buf_init(&lengths, out->mem, 0);
    pqf_status status = encode_strings(page, &lengths, out, err);
    pqf_buf_reset(&lengths);
    return status;
}
