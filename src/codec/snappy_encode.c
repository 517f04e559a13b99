/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy_encode.c: room codec, an encoder of Snappy's block format (elements: see snappy_decode.c). In: a page's
 * bytes. Out: a block.
 *
 * The input is taken in parts of 64 KiB, so that a position in the part, and any distance within it, fits 16
 * bits. A table says where in the part four bytes of some hash stood last. From a position on four places are
 * looked up at once until one stood before (further and further apart when nothing does), then copies follow
 * each other for as long as what stands behind a copy stood before too.
 *
 * Pages of integers are different: what repeats are the upper bytes of each value, one value (5 to 8 bytes)
 * back, and every value makes a literal and a copy. Once a copy came from so near, values are taken whole: all
 * but two bytes are copied from the value before, or as many as possible from that or from the last one whose
 * third to sixth byte were the same. How many they are is no branch. Some integers come out smaller without that, and
 * bytes of few kinds much smaller: the first part of every TRIAL_PARTS in which values were taken is encoded both ways,
 * and taking them is kept up where they are most of the part, so that its size tells of them, and not much larger.
 *
 * The output never outgrows its bound: a literal of up to 60 bytes and the copy behind it take at most the bytes
 * they stand for; longer ones take up to 2 bytes more (of 65 at least), the last literal of a part 3. The wide
 * stores reach at most 17 bytes beyond, and are done while at least 29 bytes of the part are left.
 */
#include "snappy_encode.h"

#define PART_BYTES ((size_t)1 << 16)
#define POLL_BYTES ((size_t)1 << 20)

#define MIN_TABLE_BITS 8
#define MAX_TABLE_BITS 14

/* The last bytes of a part are a literal: loads reach 3 + 8 + 8 bytes beyond a position before `limit`, loads
 * and stores of literals 3 + 16. */
#define TAIL_BYTES 32
/* Less is not worth a table. */
#define MIN_PART_BYTES 40

/* Positions that are looked up one by one before steps get longer, and a step's share of what was missed. */
#define DENSE_BYTES 32
#define STEP_SHIFT  5

#define NEAR_DISTANCE                                                                    \
    2048 /* copies from less far, and shorter than NEAR_LEN, take two bytes */
#define NEAR_LEN 12

/* Values of a page of integers */
#define MIN_STRIDE 5
#define MAX_STRIDE 8
#define MIN_EQUAL  4

#define TRIAL_PARTS 16
/* Values are most of a part. */
#define MOST(len) ((len) / 2)

#define BOUND_BYTES(n) (32 + (n) + (n) / 6)

typedef struct part {
    const uint8_t *base, *limit, *end;
    uint16_t *table;
    int shift; /* of a 32-bit product to a place in the table */
    bool takes_values;
    size_t *taken; /* bytes of values */
} part;

/* Where encoding is: bytes before `literal` are out, those before `at` have nothing to be copied from, those
 * at `at` stood at `from`. */
typedef struct place {
    const uint8_t *literal, *at, *from;
    uint8_t *out;
} place;

/* ---- elements ---- */

/* The optimizer would make a branch of a choice that is as good as random. */
#define HIDE(x) __asm__("" : "+r"(x))

/* len <= 64; below NEAR_LEN at least 4. Stores 4 bytes. */
static inline uint8_t *put_copy(uint8_t *out, size_t distance, size_t len) {
    uint32_t d = (uint32_t)distance, n = (uint32_t)len;
    uint32_t is_near = (uint32_t)(n < NEAR_LEN) & (uint32_t)(d < NEAR_DISTANCE);
    uint32_t near = 1 | (n - 4) << 2 | (d >> 8) << 5 | (d & 0xFF) << 8;
    uint32_t far = 2 | (n - 1) << 2 | d << 8;
    uint32_t mask = 0 - is_near, change = near ^ far;
    HIDE(mask);
    HIDE(change);
    pqf_store_u32(out, far ^ (change & mask));
    return out + 3 - is_near;
}

static __attribute__((noinline)) uint8_t *put_long_copy(uint8_t *out, size_t distance,
                                                        size_t len) {
    for (; len >= 64 + 4; len -= 64)
        out = put_copy(out, distance, 64);
    if (len > 64) { /* what is left has to be 4 at least */
        out = put_copy(out, distance, 60);
        len -= 60;
    }
    return put_copy(out, distance, len);
}

/* Any length, 0 included; touches nothing beyond. */
static __attribute__((noinline)) uint8_t *put_literal(uint8_t *out, const uint8_t *from,
                                                      size_t len) {
    if (len == 0) return out;
    if (len <= 60) {
        *out++ = (uint8_t)((len - 1) << 2);
    } else {
        size_t num_bytes = len > 0x100 ? 2 : 1;
        *out++ = (uint8_t)((59 + num_bytes) << 2);
        for (size_t i = 0; i < num_bytes; i++)
            *out++ = (uint8_t)((len - 1) >> 8 * i);
    }
    memcpy(out, from, len);
    return out + len;
}

static inline place put_pending(place p) {
    size_t len = (size_t)(p.at - p.literal);
    if (len > 16) {
        p.out = put_literal(p.out, p.literal, len);
    } else {
        *p.out = (uint8_t)((len - 1) << 2); /* of 0 bytes: overwritten */
        p.out += len > 0;
        memcpy(p.out, p.literal, 16);
        p.out += len;
    }
    p.literal = p.at;
    return p;
}

/* ---- the table ---- */

/* Of the low four bytes of `bytes`. */
static inline uint16_t *slot(const part *b, uint64_t bytes) {
    return b->table + ((uint32_t)((uint32_t)bytes * UINT32_C(0x9E3779B1)) >> b->shift);
}

/* Where the bytes stood last, now that they stand at `at`. */
static inline const uint8_t *replace(const part *b, const uint8_t *at, uint64_t bytes) {
    uint16_t *s = slot(b, bytes);
    const uint8_t *last = b->base + *s;
    *s = (uint16_t)(at - b->base);
    return last;
}

static inline bool look_up(const part *b, place *p, size_t i, uint64_t bytes) {
    p->from = replace(b, p->at + i, bytes);
    if (pqf_load_u32(p->from) != (uint32_t)bytes) return false;
    p->at += i;
    return true;
}

/* The next place from p.at on whose four bytes stood before; `from` is NULL when there is none. */
static inline place search(const part *b, place p) {
    for (int i = 0; i < DENSE_BYTES; i += 4, p.at += 4) {
        if (p.at >= b->limit) break;
        uint64_t bytes = pqf_load_u64(p.at);
        if (look_up(b, &p, 0, bytes) || look_up(b, &p, 1, bytes >> 8) ||
            look_up(b, &p, 2, bytes >> 16) || look_up(b, &p, 3, bytes >> 24))
            return p;
    }
    for (size_t missed = 2 * DENSE_BYTES; p.at < b->limit;) {
        if (look_up(b, &p, 0, pqf_load_u32(p.at))) return p;
        size_t step = missed >> STEP_SHIFT;
        p.at += step;
        missed += step;
    }
    p.from = NULL;
    return p;
}

/* ---- values ---- */

#if defined(__x86_64__)
#define TAKE_LESS(a, x, b, y)                                                            \
    __asm__("cmp %2, %0\n\tcmova %2, %0\n\tcmova %3, %1"                                 \
            : "+&r"(a), "+&r"(b)                                                         \
            : "r"(x), "r"(y)                                                             \
            : "cc")
#else
#define TAKE_LESS(a, x, b, y) ((b) = (x) < (a) ? (y) : (b), (a) = (x) < (a) ? (x) : (a))
#endif

/* What differs between two values, the upper bytes above: x < 1 << 32 where MIN_EQUAL bytes do not. */
static inline uint64_t difference(const uint8_t *a, const uint8_t *b, size_t stride) {
    return (pqf_load_u64(a) ^ pqf_load_u64(b)) << (64 - 8 * stride);
}

/* The distance of the value to copy from, and what differs from it: one value, when that leaves no more than two
 * bytes, or where the table says that the bytes from at + 2 on stood. A place of the table may be empty, and the
 * value there would begin before the part: any other does. */
static inline size_t nearest(const part *b, const uint8_t *at, size_t stride,
                             uint64_t *least) {
    *least = difference(at, at - stride, stride);
    if (*least >> (64 - 8 * (stride - 2)) == 0) return stride;
    uint16_t *s = slot(b, pqf_load_u32(at + 2));
    size_t q = (size_t)(at + 2 - b->base), last = *s, distance = stride;
    size_t other = last < 2 ? q - 2 : last < q ? q - last : stride;
    uint64_t x = difference(at, at - other, stride);
    TAKE_LESS(*least, x, distance, other);
    if (*least >> (64 - 8 * MIN_EQUAL) == 0) *s = (uint16_t)q;
    return distance;
}

/* Values from p.at on, each by a literal of its lower bytes and a copy of its upper ones. Comes back with `from`
 * where more than a value's bytes stand, or NULL: search on. */
static __attribute__((noinline)) place take_values(const part *b, place p,
                                                   size_t stride) {
    const uint8_t *at = p.at;
    uint8_t *out = p.out;
    const uint8_t *from = NULL;
    while (at < b->limit && !from) {
        uint64_t x;
        size_t distance = nearest(b, at, stride, &x);
        if (x >> (64 - 8 * MIN_EQUAL)) break;
        size_t equal = x ? (size_t)__builtin_clzll(x) / 8 : stride;
        size_t other = stride - equal;
        bool is_long =
            !x || pqf_load_u64(at + stride) == pqf_load_u64(at + stride - distance);
        *out = (uint8_t)((other - 1) << 2);
        pqf_store_u64(out + (other > 0), pqf_load_u64(at));
        out += other + (other > 0);
        if (is_long) {
            from = at + other - distance;
            at += other;
        } else {
            out = put_copy(out, distance, equal);
            at += stride;
        }
    }
    return (place){.literal = at, .at = at, .from = from, .out = out};
}

/* ---- a part ---- */

/* Bytes equal at both, up to the end. */
static inline size_t equal_bytes(const uint8_t *at, const uint8_t *from,
                                 const uint8_t *end) {
    const uint8_t *begin = at;
    for (; end - at >= 8; at += 8, from += 8) {
        uint64_t x = pqf_load_u64(at) ^ pqf_load_u64(from);
        if (x) return (size_t)(at - begin) + (size_t)__builtin_ctzll(x) / 8;
    }
    while (at < end && *at == *from)
        at++, from++;
    return (size_t)(at - begin);
}

/* The copy at p.at. *next: the bytes from the last copied one on, where fewer than 8 are: they are
 * loaded before it is known how many. */
static inline place take_copy(const part *b, place p, uint64_t *next) {
    size_t distance = (size_t)(p.at - p.from), len;
    uint64_t x = pqf_load_u64(p.at) ^ pqf_load_u64(p.from);
    *next = pqf_load_u64(p.at + 3);
    if (x) {
        int bits = __builtin_ctzll(x);
        len = (size_t)bits / 8;
        *next >>= bits & 24; /* 8 * (len - 4) */
        p.out = put_copy(p.out, distance, len);
    } else if ((x = pqf_load_u64(p.at + 8) ^ pqf_load_u64(p.from + 8)) != 0) {
        len = 8 + (size_t)__builtin_ctzll(x) / 8;
        p.out = put_copy(p.out, distance, len);
    } else {
        len = 16 + equal_bytes(p.at + 16, p.from + 16, b->end);
        p.out = put_long_copy(p.out, distance, len);
    }
    p.literal = p.at += len;
    return p;
}

/* Copies from p.at on, while one follows the other. */
static inline place take_copies(const part *b, place p) {
    uint64_t next;
    do {
        size_t distance = (size_t)(p.at - p.from);
        const uint8_t *before = p.at;
        p = take_copy(b, p, &next);
        if (p.at >= b->limit) return p;
        if (p.at - before >= 8) next = pqf_load_u64(p.at - 1);
        if (b->takes_values && distance - MIN_STRIDE <= MAX_STRIDE - MIN_STRIDE &&
            difference(p.at, p.at - distance, distance) >> 32 == 0) {
            const uint8_t *first = p.at;
            while ((p = take_values(b, p, distance)).from)
                p = take_copy(b, p, &next);
            *b->taken += (size_t)(p.at - first);
            if (p.at >= b->limit) return p;
            next = pqf_load_u64(p.at - 1);
        }
        replace(b, p.at - 1, next);
        p.from = replace(b, p.at, next >> 8);
    } while (pqf_load_u32(p.from) == (uint32_t)(next >> 8));
    p.at++;
    return p;
}

static uint8_t *encode_part(pqf_bytes in, bool takes_values, size_t *taken,
                            uint8_t *out) {
    *taken = 0;
    if (in.len < MIN_PART_BYTES) return put_literal(out, in.data, in.len);
    uint16_t table[1 << MAX_TABLE_BITS];
    int bits = MIN_TABLE_BITS;
    while (bits < MAX_TABLE_BITS && (size_t)1 << bits < in.len)
        bits++;
    memset(table, 0, sizeof *table << bits);
    const uint8_t *end = in.data + in.len;
    part b = {.base = in.data,
              .limit = end - TAIL_BYTES,
              .end = end,
              .table = table,
              .shift = 32 - bits,
              .takes_values = takes_values,
              .taken = taken};
    /* An empty place of the table means the first byte, so that one is not looked up. */
    place p = {.literal = in.data, .at = in.data + 1, .out = out};
    while ((p = search(&b, p)).from)
        p = take_copies(&b, put_pending(p));
    return put_literal(p.out, p.literal, (size_t)(end - p.literal));
}

size_t pqf_snappy_bound(size_t in_len) {
    return in_len > UINT32_MAX ? 0 : BOUND_BYTES(in_len);
}

/* Both ways, where values are taken. *better: whether taking them is. */
static __attribute__((noinline)) uint8_t *try_part(pqf_bytes in, size_t *taken,
                                                   bool *better, uint8_t *out) {
    uint8_t other[BOUND_BYTES(PART_BYTES)];
    uint8_t *end = encode_part(in, true, taken, out);
    size_t ignored;
    *better = true;
    if (*taken == 0) return end;
    size_t len = (size_t)(encode_part(in, false, &ignored, other) - other);
    *better = *taken >= MOST(in.len) && (size_t)(end - out) <= len + len / 64;
    if (*better || (size_t)(end - out) <= len) return end;
    memcpy(out, other, len);
    return out + len;
}

pqf_status pqf_snappy_encode(const pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t *written, pqf_error *err) {
    uint8_t *to = out;
    size_t n = in.len, next_trial = 0, taken;
    bool better = true;
    for (; n > 0x7F; n >>= 7)
        *to++ = (uint8_t)(n | 0x80);
    *to++ = (uint8_t)n;
    for (size_t at = 0; at < in.len; at += PART_BYTES) {
        pqf_bytes part_in = {in.data + at,
                             in.len - at < PART_BYTES ? in.len - at : PART_BYTES};
        if (at > 0 && at % POLL_BYTES == 0) TRY(pqf_codec_poll(ctx, err));
        if (at < next_trial) {
            to = encode_part(part_in, better, &taken, to);
            continue;
        }
        to = try_part(part_in, &taken, &better, to);
        if (taken > 0) next_trial = at + TRIAL_PARTS * PART_BYTES;
    }
    *written = (size_t)(to - out);
    return PQF_OK;
}
