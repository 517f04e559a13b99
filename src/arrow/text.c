/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: room arrow. Bounded texts for messages, and the check of UTF-8 that turning
 * binary into strings needs (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF).
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

void pqf_text_init(pqf_text *text, char *data, size_t cap) {
    *text = (pqf_text){.data = data, .cap = cap};
    data[0] = 0;
}

void pqf_text_put(pqf_text *text, const char *fmt, ...) {
    size_t room = text->cap - text->len;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text->data + text->len, room, fmt, args);
    va_end(args);
    if (n < 0) return;
    text->len += (size_t)n < room ? (size_t)n : room - 1;
}

void pqf_text_put_bytes(pqf_text *text, pqf_bytes bytes) {
    for (size_t i = 0; i < bytes.len && !pqf_text_is_full(text);) {
        size_t n = pqf_utf8_char(bytes.data + i, bytes.len - i);
        if (n == 0 || (n == 1 && (bytes.data[i] < 0x20 || bytes.data[i] == 0x7F))) {
            pqf_text_put(text, "\\x%02x", bytes.data[i]);
            i++;
            continue;
        }
        if (text->cap - text->len <= n) return;
        memcpy(text->data + text->len, bytes.data + i, n);
        text->len += n;
        text->data[text->len] = 0;
        i += n;
    }
}

void pqf_text_cut(pqf_text *text, size_t chars) {
    size_t at = 0;
    for (size_t i = 0; i < chars && at < text->len; i++) {
        size_t n = pqf_utf8_char((const uint8_t *)text->data + at, text->len - at);
        if (n == 0) break;
        at += n;
    }
    text->len = at;
    text->data[at] = 0;
}

/* Lead byte decides the length and the range of the second byte; the rest are 80..BF. */
size_t pqf_utf8_char(const uint8_t *p, size_t left) {
    if (left == 0) return 0;
    uint8_t lead = p[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    size_t n = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < n) return 0;
    uint8_t lo = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t hi = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < lo || p[1] > hi) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    return n;
}

bool pqf_ascii_all(pqf_bytes bytes) {
    uint8_t all = 0;
    for (size_t i = 0; i < bytes.len; i++)
        all |= bytes.data[i];
    return all < 0x80;
}

bool pqf_utf8_valid(pqf_bytes bytes) {
    if (pqf_ascii_all(bytes)) return true;
    for (size_t i = 0; i < bytes.len;) {
        if (bytes.len - i >= 8 &&
            (pqf_load_u64(bytes.data + i) & UINT64_C(0x8080808080808080)) == 0) {
            i += 8;
            continue;
        }
        size_t n = pqf_utf8_char(bytes.data + i, bytes.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}
