/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.c: random edits of an input, for machines without a fuzzer that sees coverage.
 */
#include "mutate.h"

typedef struct input {
    fuzz_random *r;
    uint8_t *bytes;
    size_t *len;
    pqf_bytes other;
} input;

/* Numbers that are likely to be somebody's edge. */
static uint64_t edge(fuzz_random *r) {
    static const uint64_t edges[] = {
        0,     1,          2,          7,          8,         63,         64,
        127,   128,        255,        256,        32767,     32768,      65535,
        65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, INT64_MAX, 1ull << 63, UINT64_MAX};
    return edges[fuzz_below(r, sizeof edges / sizeof *edges)];
}

static void flip_bit(input *in) {
    size_t at = fuzz_below(in->r, *in->len);
    in->bytes[at] = (uint8_t)(in->bytes[at] ^ 1u << fuzz_below(in->r, 8));
}

static void set_byte(input *in) {
    in->bytes[fuzz_below(in->r, *in->len)] = (uint8_t)fuzz_next(in->r);
}

static void add_to_byte(input *in) {
    size_t at = fuzz_below(in->r, *in->len);
    in->bytes[at] = (uint8_t)(in->bytes[at] + 1 + (fuzz_next(in->r) & 1) * 254);
}

static void set_number(input *in) {
    size_t at = fuzz_below(in->r, *in->len), left = *in->len - at;
    size_t width = (size_t)1 << fuzz_below(in->r, 4);
    uint64_t v = edge(in->r);
    memcpy(in->bytes + at, &v, width < left ? width : left);
}

static void cut_out(input *in) {
    size_t at = fuzz_below(in->r, *in->len);
    size_t n = 1 + fuzz_below(in->r, *in->len - at);
    if (n > 16 && fuzz_below(in->r, 4)) n = 1 + fuzz_below(in->r, 16);
    memmove(in->bytes + at, in->bytes + at + n, *in->len - at - n);
    *in->len -= n;
}

static void put_in(input *in, const uint8_t *from, size_t n) {
    if (n > FUZZ_MAX_INPUT - *in->len) return;
    size_t at = fuzz_below(in->r, *in->len + 1);
    memmove(in->bytes + at + n, in->bytes + at, *in->len - at);
    memcpy(in->bytes + at, from, n);
    *in->len += n;
}

static void insert_random(input *in) {
    uint64_t words[4];
    for (int i = 0; i < 4; i++)
        words[i] = fuzz_below(in->r, 2) ? fuzz_next(in->r) : edge(in->r);
    put_in(in, (const uint8_t *)words, 1 + fuzz_below(in->r, sizeof words));
}

static void insert_other(input *in) {
    if (!in->other.len) return;
    size_t at = fuzz_below(in->r, in->other.len);
    size_t n = 1 + fuzz_below(in->r, in->other.len - at);
    put_in(in, in->other.data + at, n < 256 ? n : 256);
}

static void repeat(input *in) {
    uint8_t room[64];
    size_t at = fuzz_below(in->r, *in->len), left = *in->len - at;
    size_t n = 1 + fuzz_below(in->r, left < sizeof room ? left : sizeof room);
    memcpy(room, in->bytes + at, n);
    put_in(in, room, n);
}

static void overwrite(input *in) {
    if (!in->other.len) return;
    size_t from = fuzz_below(in->r, in->other.len), to = fuzz_below(in->r, *in->len);
    size_t most = in->other.len - from;
    if (most > *in->len - to) most = *in->len - to;
    memcpy(in->bytes + to, in->other.data + from, 1 + fuzz_below(in->r, most));
}

void fuzz_mutate(fuzz_random *r, uint8_t *bytes, size_t *len, pqf_bytes other) {
    static void (*const edits[])(input *) = {
        flip_bit, flip_bit, set_byte,     add_to_byte, set_number,
        cut_out,  repeat,   insert_other, overwrite,   insert_random,
    };
    input in = {r, bytes, len, other};
    for (size_t n = (size_t)1 << fuzz_below(r, 5); n > 0; n--) {
        if (*len == 0)
            insert_random(&in);
        else
            edits[fuzz_below(r, sizeof edits / sizeof *edits)](&in);
    }
}
