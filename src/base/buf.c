/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.c (room base): the growable buffer. In: bytes to append. Out: one block that doubles up to
 * the buffer's maximum; cap is what was asked of pqf_mem, so used counts exactly the caps.
 */
#include "buf.h"

#include "bits.h"

#define SMALLEST_CAP 64

void pqf_buf_reset(pqf_buf *buf) {
    if (buf->data) pqf_mem_free(buf->mem, buf->data, buf->cap);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

static pqf_status set_cap(pqf_buf *buf, size_t cap, pqf_error *err) {
    void *block = buf->data;
    TRY(pqf_mem_resize(buf->mem, &block, buf->cap, cap, err));
    buf->data = block;
    buf->cap = cap;
    return PQF_OK;
}

static pqf_status check_max(pqf_buf *buf, size_t cap, pqf_error *err) {
    if (buf->max == 0 || cap <= buf->max) return PQF_OK;
    buf->is_full = true;
    return pqf_fail(err, PQF_LIMIT, "a buffer of %zu bytes is needed, its maximum is %zu",
                    cap, buf->max);
}

pqf_status pqf_buf_grow_(pqf_buf *buf, size_t extra, pqf_error *err) {
    size_t need, cap;
    if (__builtin_add_overflow(buf->len, extra, &need)) need = SIZE_MAX;
    TRY(check_max(buf, need, err));
    if (!pqf_mul_size(buf->cap, 2, &cap) || cap < need) cap = need;
    if (cap < SMALLEST_CAP) cap = SMALLEST_CAP;
    if (buf->max && cap > buf->max) cap = buf->max;
    /* Doubling may be too much for the budget where the need itself is not. */
    if (cap > need && (int64_t)(cap - buf->cap) > pqf_mem_left(buf->mem)) cap = need;
    return set_cap(buf, cap, err);
}

pqf_status pqf_buf_exact(pqf_buf *buf, size_t cap, pqf_error *err) {
    if (buf->data && buf->cap >= cap) return PQF_OK;
    TRY(check_max(buf, cap, err));
    return set_cap(buf, cap, err);
}

void pqf_buf_shrink(pqf_buf *buf) {
    pqf_error ignored;
    if (!buf->data || buf->cap == buf->len) return;
    /* A small block is copied to shrink it: worth it only when a quarter is spare. */
    if (buf->cap < PQF_MEM_BIG && buf->cap - buf->len < buf->cap / 4) return;
    pqf_error_init(&ignored);
    (void)set_cap(buf, buf->len, &ignored); /* on failure the buffer is as it was */
}

pqf_status pqf_buf_put(pqf_buf *buf, const void *bytes, size_t len, pqf_error *err) {
    TRY(pqf_buf_reserve(buf, len, err));
    if (len) memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    return PQF_OK;
}

pqf_status pqf_buf_put_zeros(pqf_buf *buf, size_t len, pqf_error *err) {
    TRY(pqf_buf_reserve(buf, len, err));
    memset(buf->data + buf->len, 0, len);
    buf->len += len;
    return PQF_OK;
}

pqf_status pqf_buf_put_u8(pqf_buf *buf, uint8_t v, pqf_error *err) {
    return pqf_buf_put(buf, &v, 1, err);
}

pqf_status pqf_buf_put_u32(pqf_buf *buf, uint32_t v, pqf_error *err) {
    return pqf_buf_put(buf, &v, sizeof v, err);
}

pqf_status pqf_buf_put_varint(pqf_buf *buf, uint64_t v, pqf_error *err) {
    uint8_t bytes[10]; /* 64 bits in groups of 7 */
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    return pqf_buf_put(buf, bytes, n, err);
}
