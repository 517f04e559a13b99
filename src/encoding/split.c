/* SPDX-License-Identifier: Apache-2.0
 *
 * split.c: BYTE_STREAM_SPLIT (Encodings.md), both directions: byte k of all values of the page, for
 * each k. In come the streams, out go values, and back. A value's place follows from its number, so
 * that skipping is counting.
 */
#include "row.h"

#define NAME "byte stream split"

/* The page says how many values it has: its bytes by their width. */
pqf_status pqf_split_begin(pqf_decoder *d, pqf_error *err) {
    if (d->width <= 0 || d->in.len % (size_t)d->width != 0)
        return pqf_fail(err, PQF_CORRUPT, NAME ": %zu bytes for values of %d bytes",
                        d->in.len, (int)d->width);
    d->stride = (int64_t)(d->in.len / (size_t)d->width);
    d->value_at = 0;
    return PQF_OK;
}

pqf_status pqf_split_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    if (n > d->stride - d->value_at)
        return pqf_fail(err, PQF_CORRUPT, NAME ": %lld values wanted, %lld are left",
                        (long long)n, (long long)(d->stride - d->value_at));
    d->value_at += n;
    return PQF_OK;
}

pqf_status pqf_split_decode(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err) {
    int64_t at = d->value_at;
    TRY(pqf_split_skip(d, n, err));
    if (n > 0) d->kernel->join_streams(d->in.data + at, d->stride, d->width, n, out);
    return PQF_OK;
}

pqf_status pqf_split_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err) {
    int64_t n = page->num_values;
    size_t num_bytes = (size_t)n * (size_t)page->width;
    TRY(pqf_buf_reserve(out, num_bytes, err));
    if (n > 0)
        page->kernel->split_streams(page->bytes.data, page->width, n,
                                    out->data + out->len, n);
    out->len += num_bytes;
    return PQF_OK;
}
