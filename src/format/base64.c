/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c: RFC 4648 for the value of the key ARROW:schema, whose bytes come from strangers.
 */
#include "ipc.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pqf_status pqf_base64_put(pqf_bytes in, pqf_buf *out, pqf_error *err) {
    size_t groups = in.len / 3 + (in.len % 3 != 0);
    TRY(pqf_buf_reserve(out, groups * 4, err));
    uint8_t *p = out->data + out->len;
    for (size_t i = 0; i < in.len; i += 3, p += 4) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint8_t three[3] = {0};
        memcpy(three, in.data + i, n);
        uint32_t v = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        for (int k = 0; k < 4; k++)
            p[k] = (uint8_t)alphabet[v >> (18 - 6 * k) & 63];
        if (n < 3) p[3] = '=';
        if (n < 2) p[2] = '=';
    }
    out->len += groups * 4;
    return PQF_OK;
}

/* 64 for what is not in the alphabet. */
static void fill_values(uint8_t values[256]) {
    memset(values, 64, 256);
    for (uint8_t i = 0; i < 64; i++)
        values[(uint8_t)alphabet[i]] = i;
}

pqf_status pqf_base64_decode(pqf_bytes in, pqf_arena *arena, pqf_bytes *out,
                             pqf_error *err) {
    uint8_t values[256];
    void *room;
    while (in.len > 0 && in.data[in.len - 1] == '=')
        in.len--;
    if (in.len % 4 == 1)
        return pqf_fail(err, PQF_CORRUPT, "base64 of a wrong length (%zu)", in.len);
    fill_values(values);
    size_t len = in.len / 4 * 3 + (in.len % 4 ? in.len % 4 - 1 : 0);
    TRY(pqf_arena_alloc(arena, len + 3, &room, err)); /* whole groups are written */
    uint8_t *p = room;
    uint32_t v = 0, bad = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint32_t six = values[in.data[i]];
        bad |= six;
        v = v << 6 | (six & 63);
        if (i % 4 != 3) continue;
        *p++ = (uint8_t)(v >> 16);
        *p++ = (uint8_t)(v >> 8);
        *p++ = (uint8_t)v;
    }
    v <<= 6 * (4 - in.len % 4) % 24;
    for (size_t i = 1; i < in.len % 4; i++)
        *p++ = (uint8_t)(v >> (24 - 8 * i));
    if (bad & 64)
        return pqf_fail(err, PQF_CORRUPT, "base64 with a character outside its alphabet");
    *out = pqf_bytes_of(room, len);
    return PQF_OK;
}
