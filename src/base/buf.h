/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.h: a growable buffer with a stated maximum. A zeroed buf with `mem` set is valid and empty.
 * Growth doubles; big buffers grow by remapping, without a copy. PQF_SLACK bytes behind `cap` are
 * accessible.
 */
#ifndef PQF_BASE_BUF_H
#define PQF_BASE_BUF_H

#include "bytes.h"
#include "mem.h"

typedef struct pqf_buf {
    pqf_mem *mem; /* borrowed */
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;   /* 0: none; growth beyond is PQF_LIMIT */
    bool is_full; /* more than max was asked for */
} pqf_buf;

static inline void pqf_buf_init(pqf_buf *buf, pqf_mem *mem, size_t max) {
    *buf = (pqf_buf){.mem = mem, .max = max};
}
/* Frees the bytes; mem and max stay. */
void pqf_buf_reset(pqf_buf *buf);
pqf_status pqf_buf_grow_(pqf_buf *buf, size_t extra, pqf_error *err);

/* Makes room for `extra` more bytes behind len. */
static inline pqf_status pqf_buf_reserve(pqf_buf *buf, size_t extra, pqf_error *err) {
    return buf->cap - buf->len >= extra && buf->data ? PQF_OK
                                                     : pqf_buf_grow_(buf, extra, err);
}
/* Makes cap at least `cap`, exactly that where it has to allocate: one allocation at final size. */
pqf_status pqf_buf_exact(pqf_buf *buf, size_t cap, pqf_error *err);
/* Gives back what is behind len (big buffers: whole pages). */
void pqf_buf_shrink(pqf_buf *buf);

pqf_status pqf_buf_put(pqf_buf *buf, const void *bytes, size_t len, pqf_error *err);
pqf_status pqf_buf_put_zeros(pqf_buf *buf, size_t len, pqf_error *err);
pqf_status pqf_buf_put_u8(pqf_buf *buf, uint8_t v, pqf_error *err);
pqf_status pqf_buf_put_u32(pqf_buf *buf, uint32_t v, pqf_error *err);
pqf_status pqf_buf_put_varint(pqf_buf *buf, uint64_t v, pqf_error *err);

static inline pqf_bytes pqf_buf_view(const pqf_buf *buf) {
    return (pqf_bytes){buf->data, buf->len};
}

/* Ownership moves: the source is empty afterwards. */
static inline pqf_buf pqf_buf_take(pqf_buf *buf) {
    pqf_buf out = *buf;
    buf->data = NULL;
    buf->len = buf->cap = 0;
    return out;
}

#endif
