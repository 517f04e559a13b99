/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h: borrowed bytes, little-endian loads and stores, and a bounds-checked cursor.
 *
 * The cursor's `overrun` bit is sticky: read a whole header, ask once. After an overrun every read
 * gives zero and the cursor stays at its end, so a loop that also counts cannot run away.
 */
#ifndef PQF_BASE_BYTES_H
#define PQF_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Readable bytes that every buffer handed to a kernel has past its end, so that kernels may load
 * (and, into their own output, store) full vectors: 64 is one AVX-512 register. */
#define PQF_SLACK 64

typedef struct pqf_bytes {
    const uint8_t *data;
    size_t len;
} pqf_bytes;

static inline pqf_bytes pqf_bytes_of(const void *data, size_t len) {
    return (pqf_bytes){(const uint8_t *)data, len};
}

static inline uint16_t pqf_load_u16(const void *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t pqf_load_u32(const void *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t pqf_load_u64(const void *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void pqf_store_u16(void *p, uint16_t v) { memcpy(p, &v, sizeof v); }
static inline void pqf_store_u32(void *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void pqf_store_u64(void *p, uint64_t v) { memcpy(p, &v, sizeof v); }

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "parquet_forge is built for little-endian machines"
#endif

typedef struct pqf_cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool overrun;
} pqf_cursor;

static inline pqf_cursor pqf_cursor_of(pqf_bytes b) {
    return (pqf_cursor){b.data, b.data + b.len, false};
}

static inline size_t pqf_cursor_left(const pqf_cursor *c) {
    return (size_t)(c->end - c->p);
}

static inline uint8_t pqf_cursor_u8(pqf_cursor *c) {
    if (c->p == c->end) {
        c->overrun = true;
        return 0;
    }
    return *c->p++;
}

/* Takes n bytes; NULL data and an overrun when there are fewer. */
static inline pqf_bytes pqf_cursor_take(pqf_cursor *c, uint64_t n) {
    if (n > pqf_cursor_left(c)) {
        c->overrun = true;
        c->p = c->end;
        return (pqf_bytes){NULL, 0};
    }
    pqf_bytes out = {c->p, (size_t)n};
    c->p += n;
    return out;
}

static inline uint32_t pqf_cursor_u32(pqf_cursor *c) {
    pqf_bytes b = pqf_cursor_take(c, 4);
    return b.data ? pqf_load_u32(b.data) : 0;
}

/* Unsigned LEB128 of at most 10 bytes; a longer one, or bits beyond 64, is an overrun. */
static inline uint64_t pqf_cursor_varint(pqf_cursor *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = pqf_cursor_u8(c);
        if (shift == 63 && b > 1) break;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return v;
    }
    c->overrun = true;
    c->p = c->end;
    return 0;
}

static inline int64_t pqf_zigzag_decode(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
static inline uint64_t pqf_zigzag_encode(int64_t v) {
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

#endif
