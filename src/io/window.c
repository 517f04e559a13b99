/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c (room io): forward reading of one range, a column chunk, with little memory.
 *
 * In: a source, a range, a step. Out: views with slack. The buffer holds one stretch of the range:
 *
 *     data  [ seen | the bytes asked for ... | read ahead ]
 *           ^ offset                                       ^ offset + len
 *
 * A request that begins behind the stretch starts it anew at data and reads a whole step. A page
 * that begins inside and ends outside gets just what is missing appended: that is one more read but
 * no copy of the beginning, and the next header starts anew in the same warm memory. Where few
 * bytes are left, or a header is looked for (at_most), they move to the front. So the buffer holds
 * a step and a page at most, and what lies outside [begin, end) is never read.
 */
#include "inner.h"

#define FEW_BYTES ((size_t)16 << 10) /* moved in the time of one call of read */

void pqf_window_init(pqf_window *window, pqf_source *source, pqf_mem *mem, int64_t begin,
                     int64_t end, size_t step) {
    *window = (pqf_window){
        .source = source, .mem = mem, .begin = begin, .end = end, .step = step};
    window->offset = begin;
}

void pqf_window_reset(pqf_window *window) {
    if (window->data) pqf_mem_free(window->mem, window->data, window->cap);
    *window = (pqf_window){0};
}

/* Both ends of the range against the file, the request against the range: behind this, lengths are
 * lengths of bytes that exist. */
static pqf_status check(const pqf_window *w, int64_t offset, size_t len, pqf_error *err) {
    if (w->begin < 0 || w->end < w->begin || w->end > pqf_source_size(w->source))
        return pqf_fail(err, PQF_CORRUPT,
                        "bytes %lld to %lld are to be read of a file of %lld bytes",
                        (long long)w->begin, (long long)w->end,
                        (long long)pqf_source_size(w->source));
    if (offset < w->begin || offset > w->end || len > (uint64_t)(w->end - offset)) {
        (void)pqf_fail(err, PQF_CORRUPT,
                       "%zu bytes reach past the end of the column chunk at byte %lld",
                       len, (long long)w->end);
        return pqf_error_at_page(err, -1, offset);
    }
    return PQF_OK;
}

/* Bytes of the stretch from offset on. */
static size_t bytes_held(const pqf_window *w, int64_t offset) {
    bool inside = offset >= w->offset && offset < w->offset + (int64_t)w->len;
    return inside ? w->len - (size_t)(offset - w->offset) : 0;
}

static pqf_status ensure_cap(pqf_window *w, size_t cap, pqf_error *err) {
    if (w->cap >= cap) return PQF_OK;
    /* Room for slightly larger pages, but never for more than the range has. */
    size_t range = (size_t)(w->end - w->begin), roomy = cap + cap / 8;
    if (roomy > range) roomy = cap > range ? cap : range;
    void *block = w->data;
    TRY(pqf_mem_resize(w->mem, &block, w->cap, roomy, err));
    w->data = block;
    w->cap = roomy;
    return PQF_OK;
}

static pqf_status read_to(pqf_window *w, int64_t new_end, pqf_error *err) {
    size_t want = (size_t)(new_end - w->offset);
    TRY(ensure_cap(w, want, err));
    TRY(pqf_source_read_at(w->source, w->offset + (int64_t)w->len, w->data + w->len,
                           want - w->len, err));
    w->len = want;
    return PQF_OK;
}

/* Makes the stretch contain [offset, offset + len). */
static pqf_status fill(pqf_window *w, int64_t offset, size_t len, bool at_most,
                       pqf_error *err) {
    size_t held = bytes_held(w, offset);
    bool near = offset - w->offset <= (int64_t)w->step; /* bounds the buffer */
    if (held > FEW_BYTES && !at_most && near)
        return read_to(w, offset + (int64_t)len, err);
    if (held) memmove(w->data, w->data + (offset - w->offset), held);
    w->offset = offset;
    w->len = held;
    size_t left = (size_t)(w->end - offset), ahead = len > w->step ? len : w->step;
    return read_to(w, offset + (int64_t)(ahead < left ? ahead : left), err);
}

pqf_status pqf_window_view(pqf_window *window, int64_t offset, size_t len, bool at_most,
                           pqf_bytes *out, pqf_error *err) {
    bool inside = offset >= window->begin && offset <= window->end;
    if (at_most && inside && len > (uint64_t)(window->end - offset))
        len = (size_t)(window->end - offset);
    TRY(check(window, offset, len, err));
    const uint8_t *view = pqf_source_view(window->source, offset, len);
    if (!view && len > bytes_held(window, offset))
        TRY(fill(window, offset, len, at_most, err));
    if (!view && len == 0)
        TRY(ensure_cap(window, 1, err)); /* an address, and slack behind it */
    if (!view) view = len ? window->data + (offset - window->offset) : window->data;
    *out = (pqf_bytes){view, len};
    return PQF_OK;
}

pqf_status pqf_window_copy(pqf_window *window, int64_t offset, size_t len, void *dst,
                           pqf_error *err) {
    TRY(check(window, offset, len, err));
    size_t held = bytes_held(window, offset);
    if (held > len) held = len;
    if (held) memcpy(dst, window->data + (offset - window->offset), held);
    if (held == len) return PQF_OK;
    return pqf_source_read_at(window->source, offset + (int64_t)held,
                              (uint8_t *)dst + held, len - held, err);
}
