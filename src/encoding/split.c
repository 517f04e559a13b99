/* SPDX-License-Identifier: Apache-2.0
 *
 * split.c: BYTE_STREAM_SPLIT (Encodings.md), both directions: byte k of every value
 * stands in stream k, the streams one behind the other and nothing else. In come streams, out go
 * values of fixed width, and back.
 *
 * The streams begin where the number of values says: the page must have just as many.
 */
#include "row.h"

#define NAME "byte stream split"

pqf_status pqf_split_begin(pqf_decoder *d, pqf_error *err) {
    size_t width = (size_t)d->width;
    if (d->width <= 0) {
        if (d->width == 0 && d->in.len == 0) return PQF_OK;
        return pqf_fail(err, PQF_CORRUPT, NAME ": %zu bytes of values of %d", d->in.len,
                        (int)d->width);
    }
    d->stride = (int64_t)(d->in.len / width);
    if (d->in.len % width || d->stride != d->num_left) {
        return pqf_fail(err, PQF_CORRUPT, NAME ": %zu bytes for %lld values of %d",
                        d->in.len, (long long)d->num_left, (int)d->width);
    }
    return PQF_OK;
}

pqf_status pqf_split_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    if (d->width > 0 && n > d->stride - d->value_at) {
        return pqf_fail(err, PQF_CORRUPT,
                        NAME ": %lld values wanted, %lld of %lld are left", (long long)n,
                        (long long)(d->stride - d->value_at), (long long)d->stride);
    }
    d->value_at += n;
    return PQF_OK;
}

pqf_status pqf_split_decode(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err) {
    int64_t at = d->value_at;
    TRY(pqf_split_skip(d, n, err));
    if (n > 0 && d->width > 0)
        d->kernel->join_streams(d->in.data + at, d->stride, d->width, n, out);
    return PQF_OK;
}

pqf_status pqf_split_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err) {
    TRY(pqf_buf_reserve(out, page->bytes.len, err));
    if (page->bytes.len)
        page->kernel->split_streams(page->bytes.data, page->width, page->num_values,
                                    out->data + out->len, page->num_values);
    out->len += page->bytes.len;
    return PQF_OK;
}
