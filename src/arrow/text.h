/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: inner header of the room arrow: a bounded text under construction, and UTF-8.
 *
 * Texts of types and values go into messages. They are cut, never grown, so building one
 * cannot fail; a cut never splits a character.
 */
#ifndef PQF_ARROW_TEXT_H
#define PQF_ARROW_TEXT_H

#include "base/bytes.h"

typedef struct pqf_text {
    char *data;
    size_t cap; /* bytes, the NUL included */
    size_t len;
} pqf_text;

/* cap is at least 1; the text is NUL-terminated from here on. */
void pqf_text_init(pqf_text *text, char *data, size_t cap);
void pqf_text_put(pqf_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes of a string value: control characters and what is not UTF-8 become \xNN. */
void pqf_text_put_bytes(pqf_text *text, pqf_bytes bytes);
/* Cuts to at most `chars` characters and drops a character that the end of the space has
 * split. */
void pqf_text_cut(pqf_text *text, size_t chars);
static inline bool pqf_text_is_full(const pqf_text *text) {
    return text->len + 1 >= text->cap;
}

/* Bytes of the well-formed UTF-8 character at p (left bytes there); 0 when there is
 * none. */
size_t pqf_utf8_char(const uint8_t *p, size_t left);
bool pqf_utf8_valid(pqf_bytes bytes);
bool pqf_ascii_all(pqf_bytes bytes);

#endif
