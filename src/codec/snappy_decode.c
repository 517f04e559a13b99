/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy_decode.c: room codec, a decoder of Snappy's block format (Compression.md, SNAPPY; the elements are those
 * of the format's own description). In: a block. Out: its bytes, or that it is damaged.
 *
 *   block     length as a varint, then elements until the block ends
 *   element   tag byte, its low two bits are the type:
 *             0  literal  (tag >> 2) + 1 bytes follow; from 60 on the length itself follows, 1 to 4 bytes
 *             1  copy     4 + (tag >> 2 & 7) bytes from 11 bits back: tag >> 5, one byte
 *             2  copy     (tag >> 2) + 1 bytes from as far back as 2 bytes say
 *             3  copy     the same with 4 bytes
 *
 * Nearly all elements are short, and whether the next one is a literal or a copy cannot be predicted. So the
 * loop does the same for both: the place to copy from, the next place and the next tag are chosen without a
 * branch, and the two tags that may come next are loaded before it is known which does. What is left is a chain
 * of tag, length, load and choice, some eight cycles. Lengths that follow, far copies, copies that overlap
 * themselves and both ends of the output are rare and taken one element at a time.
 */
#include "snappy_decode.h"

#include "base/bytes.h"

#define RARE        0x8000 /* the element is for take_element */
#define OFFSET_HIGH 0x0700 /* where the table has bits 8 to 10 of a copy's distance */
#define LENGTH      0x00FF

/* A literal takes the place of a copy from LITERAL_OFFSET back, which is never looked at but passes the checks
 * of distances: once so many bytes are out, 60 or less can come from there. */
#define LITERAL_OFFSET 0x0100

#define LITERAL(tag) ((tag) >= 60 * 4 ? RARE : ((tag) / 4 + 1) | LITERAL_OFFSET)
#define COPY_1(tag)  (((tag) / 4 % 8 + 4) | ((tag) / 32) << 8)
#define COPY_2(tag)  ((tag) / 4 + 1)
#define TAGS_4(tag)  LITERAL(tag), COPY_1((tag) + 1), COPY_2((tag) + 2), RARE
#define TAGS_16(tag) TAGS_4(tag), TAGS_4((tag) + 4), TAGS_4((tag) + 8), TAGS_4((tag) + 12)
#define TAGS_64(tag)                                                                     \
    TAGS_16(tag), TAGS_16((tag) + 16), TAGS_16((tag) + 32), TAGS_16((tag) + 48)

static const uint16_t tags[256] = {TAGS_64(0), TAGS_64(64), TAGS_64(128), TAGS_64(192)};

/* The loop reads no further than this behind a tag, and writes no further behind the output so far: a copy of
 * 64 bytes, and 15 more by one that overlaps itself. */
#define READ_AHEAD  64
#define WRITE_AHEAD 80

typedef struct block {
    const uint8_t *at, *end;     /* the next tag, and the end of the block */
    uint8_t *begin, *out, *last; /* of the output: its first byte, the next, the end */
} block;

/* ---- an element, whatever it is ---- */

static bool take_literal(block *b, size_t len) {
    if (len > (size_t)(b->end - b->at) || len > (size_t)(b->last - b->out)) return false;
    memcpy(b->out, b->at, len);
    b->at += len;
    b->out += len;
    return true;
}

static bool take_copy(block *b, size_t offset, size_t len) {
    if (offset - 1 >= (size_t)(b->out - b->begin) || len > (size_t)(b->last - b->out))
        return false;
    for (size_t i = 0; i < len; i++, b->out++)
        *b->out = *(b->out - offset);
    return true;
}

/* Little-endian; false where the block ends before. */
static bool take_number(block *b, size_t num_bytes, size_t *out) {
    *out = 0;
    if (num_bytes > (size_t)(b->end - b->at)) return false;
    for (size_t i = 0; i < num_bytes; i++)
        *out |= (size_t)*b->at++ << 8 * i;
    return true;
}

static __attribute__((noinline)) bool take_element(block *b) {
    size_t tag = *b->at++, len = (tag >> 2) + 1, number = 0;
    switch (tag & 3) {
    case 0:
        if (len > 60 && !take_number(b, len - 60, &number)) return false;
        return take_literal(b, len > 60 ? number + 1 : len);
    case 1:
        return take_number(b, 1, &number) &&
               take_copy(b, (tag >> 5) << 8 | number, (tag >> 2 & 7) + 4);
    case 2: return take_number(b, 2, &number) && take_copy(b, number, len);
    default: return take_number(b, 4, &number) && take_copy(b, number, len);
    }
}

/* ---- many ---- */

/* a = is_zero ? b : a, and the same of c and d, without a branch: compilers make one of the plain words. */
#if defined(__x86_64__)
#define CHOOSE(number, a, b)                                                             \
    __asm__("test %1, %1\n\tcmovz %2, %0" : "+&r"(a) : "r"(number), "r"(b) : "cc")
#define CHOOSE_2(number, a, b, c, d)                                                     \
    __asm__("test %2, %2\n\tcmovz %3, %0\n\tcmovz %4, %1"                                \
            : "+&r"(a), "+&r"(c)                                                         \
            : "r"(number), "r"(b), "r"(d)                                                \
            : "cc")
#else
#define CHOOSE(number, a, b)         ((a) = (number) ? (a) : (b))
#define CHOOSE_2(number, a, b, c, d) (CHOOSE(number, a, b), CHOOSE(number, c, d))
#endif

/* len <= 64 bytes from `offset` < len back: what is there repeats. Widens the period until 16 bytes can be
 * copied at a time. */
static __attribute__((noinline)) void repeat(uint8_t *out, size_t offset, size_t len) {
    uint8_t *end = out + len;
    const uint8_t *from = out - offset;
    while (offset < 16) {
        memmove(out, from, 16);
        out += offset;
        offset *= 2;
        if (out >= end) return;
    }
    for (; out < end; out += 16, from += 16)
        memcpy(out, from, 16);
}

/* Up to 64 bytes, of which `len` count. The loads come before the stores, which may be where they read. */
static inline void copy_wide(uint8_t *out, const uint8_t *from, size_t len) {
    uint8_t part[16], parts[32];
    memcpy(part, from, 16);
    memcpy(out, part, 16);
    if (len <= 16) return;
    memcpy(part, from + 16, 16);
    memcpy(out + 16, part, 16);
    if (len <= 32) return;
    memcpy(parts, from + 32, 32);
    memcpy(out + 32, parts, 32);
}

/* From the first tag on that has READ_AHEAD bytes behind it, LITERAL_OFFSET before the output and WRITE_AHEAD
 * after it, to the last. */
static bool take_many(block *b) {
    const uint8_t *begin = b->begin, *at_limit = b->end - READ_AHEAD, *at = b->at + 1;
    uint8_t *out = b->out, *out_limit = b->last - WRITE_AHEAD;
    size_t tag = at[-1];
    while (at < at_limit && out < out_limit) {
        size_t type = tag & 3, row = tags[tag], len = row & LENGTH;
        if (row & RARE) {
            b->at = at - 1;
            b->out = out;
            if (!take_element(b)) return false;
            if (b->at == b->end) return true;
            at = b->at + 1;
            out = b->out;
            tag = at[-1];
            continue;
        }
        uint32_t word = pqf_load_u32(at);
        const uint8_t *behind_literal = at + (tag >> 2) + 1, *behind_copy = at + type;
        size_t literal_tag = *behind_literal, copy_tag = *behind_copy;
        size_t offset = (word & ~(UINT32_MAX << 8 * type)) + (row & OFFSET_HIGH);
        const uint8_t *from = out - offset;
        /* len <= offset <= what is out, in one comparison */
        if (__builtin_expect(offset - len > (size_t)(out - begin) - len, 0)) {
            if (offset - 1 >= (size_t)(out - begin)) return false;
            repeat(out, offset, len);
        } else {
            CHOOSE(type, from, at);
            copy_wide(out, from, len);
        }
        at = behind_copy + 1;
        behind_literal++;
        CHOOSE_2(type, copy_tag, literal_tag, at, behind_literal);
        tag = copy_tag;
        out += len;
    }
    b->at = at - 1;
    b->out = out;
    return true;
}

bool pqf_snappy_length(pqf_bytes in, size_t *num_bytes, size_t *len) {
    uint64_t n = 0;
    for (size_t i = 0; i < in.len && i < 5; i++) {
        n |= (uint64_t)(in.data[i] & 0x7F) << 7 * i;
        if (in.data[i] & 0x80) continue;
        *num_bytes = i + 1;
        *len = (size_t)n;
        return n <= UINT32_MAX;
    }
    return false;
}

bool pqf_snappy_decode(pqf_bytes elements, uint8_t *out, size_t out_len) {
    const uint8_t *end = elements.data + elements.len;
    block b = {elements.data, end, out, out, out + out_len};
    while (b.at < b.end && b.out - b.begin < LITERAL_OFFSET)
        if (!take_element(&b)) return false;
    if (b.end - b.at > READ_AHEAD && b.last - b.out > WRITE_AHEAD && !take_many(&b))
        return false;
    while (b.at < b.end)
        if (!take_element(&b)) return false;
    return b.out == b.last;
}
