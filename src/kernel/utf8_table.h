/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8_table.h: inside the room kernel. What can be wrong with two neighbouring bytes of UTF-8
 * (RFC 3629, section 4), as bits, by the high and the low nibble of the first and the high nibble
 * of the second. A fault is there when all three tables have its bit (the method is Keiser's and
 * Lemire's). TWO alone is no fault: it must be set exactly where a third or fourth byte is due.
 */
#ifndef PQF_KERNEL_UTF8_TABLE_H
#define PQF_KERNEL_UTF8_TABLE_H

#include <stdint.h>

enum {
    UTF8_CUT = 1,    /* C0..FF, then no continuation */
    UTF8_STRAY = 2,  /* 00..7F, then a continuation */
    UTF8_OVER3 = 4,  /* E0 80..9F: overlong */
    UTF8_HALF = 8,   /* ED A0..BF: surrogate */
    UTF8_OVER2 = 16, /* C0..C1 80..BF: overlong */
    UTF8_BIG = 32,   /* F4..FF 90..BF: above U+10FFFF */
    UTF8_EDGE = 64,  /* F0 80..8F: overlong; F5..FF 80..8F: above U+10FFFF */
    UTF8_TWO = 128,  /* two continuations */
    UTF8_ALWAYS = UTF8_CUT | UTF8_STRAY | UTF8_TWO, /* whatever the low nibble */
    UTF8_FAR = UTF8_ALWAYS | UTF8_BIG | UTF8_EDGE,
};

/* Low nibble of the first byte of a pair. */
static const uint8_t pqf_utf8_low[16] = {
    UTF8_ALWAYS | UTF8_OVER2 | UTF8_OVER3 | UTF8_EDGE,
    UTF8_ALWAYS | UTF8_OVER2,
    UTF8_ALWAYS,
    UTF8_ALWAYS,
    UTF8_ALWAYS | UTF8_BIG,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR,
    UTF8_FAR | UTF8_HALF,
    UTF8_FAR,
    UTF8_FAR,
};

/* High nibble of the first byte. */
static const uint8_t pqf_utf8_high[16] = {
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_STRAY,
    UTF8_TWO,
    UTF8_TWO,
    UTF8_TWO,
    UTF8_TWO,
    UTF8_CUT | UTF8_OVER2,
    UTF8_CUT,
    UTF8_CUT | UTF8_OVER3 | UTF8_HALF,
    UTF8_CUT | UTF8_BIG | UTF8_EDGE,
};

/* High nibble of the second byte. */
static const uint8_t pqf_utf8_next[16] = {
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_STRAY | UTF8_TWO | UTF8_OVER2 | UTF8_OVER3 | UTF8_EDGE,
    UTF8_STRAY | UTF8_TWO | UTF8_OVER2 | UTF8_OVER3 | UTF8_BIG,
    UTF8_STRAY | UTF8_TWO | UTF8_OVER2 | UTF8_HALF | UTF8_BIG,
    UTF8_STRAY | UTF8_TWO | UTF8_OVER2 | UTF8_HALF | UTF8_BIG,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
    UTF8_CUT,
};

#endif
