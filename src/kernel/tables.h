/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.h: inside the room kernel. What the files of the instruction sets give to kernel.c, and
 * the bitmap and copy helpers that all of them share.
 */
#ifndef PQF_KERNEL_TABLES_H
#define PQF_KERNEL_TABLES_H

#include "kernel.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define PQF_KERNEL_X86 1
#else
#define PQF_KERNEL_X86 0
#endif
#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define PQF_KERNEL_ARM 1
#else
#define PQF_KERNEL_ARM 0
#endif

/* Each sets the rows it improves and leaves the others, so a level starts as the one below. */
void pqf_kernels_put_scalar(pqf_kernels *table); /* all rows */
/* The scalar checksum, and its tables, which are filled before anything else is asked for. */
void pqf_crc32_prepare(void);
uint32_t pqf_crc32_tables(uint32_t seed, const uint8_t *in, int64_t n);
#if PQF_KERNEL_X86
void pqf_kernels_put_avx2(pqf_kernels *table);
void pqf_kernels_put_avx512(pqf_kernels *table);
/* Parts of these two in files of their own. */
void pqf_kernels_put_crc32_avx2(pqf_kernels *table);
void pqf_kernels_put_crc32_avx512(pqf_kernels *table);
void pqf_kernels_put_delta_avx2(pqf_kernels *table);
void pqf_kernels_put_streams_avx2(pqf_kernels *table);
void pqf_kernels_put_delta_avx512(pqf_kernels *table);
#endif
#if PQF_KERNEL_ARM
void pqf_kernels_put_neon(pqf_kernels *table);
/* Parts in files of their own, the last one for CPUs that have the instruction. */
void pqf_kernels_put_packing_neon(pqf_kernels *table);
void pqf_kernels_put_streams_neon(pqf_kernels *table);
void pqf_kernels_put_crc32_neon(pqf_kernels *table);
#endif

/* Values at any address: pages and arrays of strangers need not be aligned. */
#define PQF_ANY __attribute__((aligned(1), may_alias))
typedef uint16_t any_u16 PQF_ANY;
typedef uint32_t any_u32 PQF_ANY;
typedef uint64_t any_u64 PQF_ANY;
typedef int32_t any_i32 PQF_ANY;
typedef int64_t any_i64 PQF_ANY;
typedef float any_f32 PQF_ANY;
typedef double any_f64 PQF_ANY;
typedef uint8_t any_u8;

/* A shared body compiled once per instruction set: it takes over the target of its caller. */
#define PQF_BODY static inline __attribute__((always_inline))

/* The n (0..64) low bits set. */
PQF_BODY uint64_t low_bits(int64_t n) {
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* 64 bits from bit position `at`. Reads 9 bytes, of which only the first need hold a bit of the
 * bitmap: the rest is slack. */
PQF_BODY uint64_t bits_word(const uint8_t *bits, int64_t at) {
    const uint8_t *p = bits + (at >> 3);
    unsigned shift = (unsigned)(at & 7);
    uint64_t hi = p[8];
    return pqf_load_u64(p) >> shift | hi << 1 << (63 - shift);
}

/* The same, zero behind the first n bits. */
PQF_BODY uint64_t bits_word_of(const uint8_t *bits, int64_t at, int64_t n) {
    return bits_word(bits, at) & low_bits(n);
}

/* Appends bits at any position. Always stores whole words, so it clears bits behind what was put:
 * at most 8 bytes behind the byte of the last bit. */
typedef struct bit_sink {
    uint8_t *p;
    uint64_t acc; /* the `fill` (0..63) bits that belong at p */
    unsigned fill;
} bit_sink;

PQF_BODY bit_sink bit_sink_at(uint8_t *out, int64_t to) {
    unsigned fill = (unsigned)(to & 7);
    uint8_t *p = out + (to >> 3);
    return (bit_sink){p, fill ? *p & low_bits(fill) : 0, fill};
}

/* k (0..64) bits of w; the bits of w behind them are zero. No branch: k may be random. */
PQF_BODY void bit_sink_put(bit_sink *sink, uint64_t w, unsigned k) {
    uint64_t lo = sink->acc | w << sink->fill;
    uint64_t hi = w >> 1 >> (63 - sink->fill);
    unsigned total = sink->fill + k;
    pqf_store_u64(sink->p, lo);
    sink->acc = total >= 64 ? hi : lo;
    sink->p += total >= 64 ? 8 : 0;
    sink->fill = total & 63;
}

PQF_BODY void bit_sink_end(bit_sink *sink) {
    if (sink->fill) pqf_store_u64(sink->p, sink->acc);
}

/* -- loops that differ in a primitive only: pext, pdep, popcount of the caller's target -- */

PQF_BODY int64_t count_bits_body(const uint8_t *bits, int64_t at, int64_t n) {
    int64_t count = 0;
    for (; n >= 64; n -= 64, at += 64)
        count += pqf_popcount(bits_word(bits, at));
    return n > 0 ? count + pqf_popcount(bits_word_of(bits, at, n)) : count;
}

/* Word i of the output is word i of the input moved up by `shift`, and below it the bits that the
 * move pushed out of word i - 1: those of the last word go to one more byte. */
PQF_BODY int64_t copy_bits_body(const uint8_t *in, int64_t at, int64_t n, uint8_t *out,
                                int64_t to) {
    if (n <= 0) return 0;
    int64_t count = 0;
    unsigned shift = (unsigned)(to & 7);
    out += to >> 3;
    uint64_t acc = shift ? *out & low_bits(shift) : 0;
    for (int64_t left = n; left > 0; left -= 64, at += 64, out += 8) {
        uint64_t w = bits_word(in, at);
        if (left < 64) w &= low_bits(left);
        count += pqf_popcount(w);
        pqf_store_u64(out, acc | w << shift);
        acc = w >> 1 >> (63 - shift);
    }
    if (shift) *out = (uint8_t)acc;
    return count;
}

#define PQF_EXTRACT_BODY(pext)                                                           \
    bit_sink sink = bit_sink_at(out, to);                                                \
    int64_t count = 0;                                                                   \
    for (; n > 0; n -= 64, at += 64, mask_at += 64) {                                    \
        uint64_t m = bits_word_of(mask, mask_at, n);                                     \
        if (!m) continue; /* `in` may be NULL when no bit is set */                      \
        int k = pqf_popcount(m);                                                         \
        bit_sink_put(&sink, pext(bits_word(in, at), m), (unsigned)k);                    \
        count += k;                                                                      \
    }                                                                                    \
    bit_sink_end(&sink);                                                                 \
    return count

#define PQF_DEPOSIT_BODY(pdep)                                                           \
    bit_sink sink = bit_sink_at(out, to);                                                \
    int64_t start = at;                                                                  \
    for (; n > 0; n -= 64, mask_at += 64) {                                              \
        uint64_t m = bits_word_of(mask, mask_at, n);                                     \
        uint64_t w = m ? pdep(bits_word(in, at), m) : 0;                                 \
        bit_sink_put(&sink, w, n < 64 ? (unsigned)n : 64);                               \
        at += pqf_popcount(m);                                                           \
    }                                                                                    \
    bit_sink_end(&sink);                                                                 \
    return at - start

/* -- byte streams: values [i, n) in blocks, so that the side with the jumps stays in the cache -- */

#define STREAM_BLOCK 64

PQF_BODY void join_some(const uint8_t *in, int64_t stride, int width, int64_t n,
                        uint8_t *out) {
    for (int64_t k = 0; k < width; k++, in += stride)
        for (int64_t i = 0; i < n; i++)
            out[i * width + k] = in[i];
}

PQF_BODY void join_streams_body(const uint8_t *in, int64_t stride, int width, int64_t n,
                                uint8_t *out) {
    for (; n > STREAM_BLOCK; n -= STREAM_BLOCK, in += STREAM_BLOCK) {
        join_some(in, stride, width, STREAM_BLOCK, out);
        out += STREAM_BLOCK * (int64_t)width;
    }
    join_some(in, stride, width, n, out);
}

PQF_BODY void split_some(const uint8_t *in, int width, int64_t n, uint8_t *out,
                         int64_t stride) {
    for (int64_t k = 0; k < width; k++, out += stride)
        for (int64_t i = 0; i < n; i++)
            out[i] = in[i * width + k];
}

PQF_BODY void split_streams_body(const uint8_t *in, int width, int64_t n, uint8_t *out,
                                 int64_t stride) {
    for (; n > STREAM_BLOCK; n -= STREAM_BLOCK, out += STREAM_BLOCK) {
        split_some(in, width, STREAM_BLOCK, out, stride);
        in += STREAM_BLOCK * (int64_t)width;
    }
    split_some(in, width, n, out, stride);
}

/* Values i to n - 1, four at a time: two loads of indices instead of four, and no gather
 * instruction made of it: on some CPUs those are slower than loads, nowhere much faster. */
#define GATHER_FROM(bits_)                                                               \
    PQF_BODY void gather_##bits_##_from(const any_u##bits_ *dict, const any_u32 *idx,    \
                                        int64_t i, int64_t n, any_u##bits_ *out) {       \
        for (; i + 4 <= n; i += 4) {                                                     \
            uint64_t a = pqf_load_u64(idx + i), b = pqf_load_u64(idx + i + 2);           \
            any_u##bits_ v0 = dict[(uint32_t)a], v1 = dict[a >> 32];                     \
            any_u##bits_ v2 = dict[(uint32_t)b], v3 = dict[b >> 32];                     \
            out[i] = v0;                                                                 \
            out[i + 1] = v1;                                                             \
            out[i + 2] = v2;                                                             \
            out[i + 3] = v3;                                                             \
        }                                                                                \
        for (; i < n; i++)                                                               \
            out[i] = dict[idx[i]];                                                       \
    }
GATHER_FROM(32)
GATHER_FROM(64)
#undef GATHER_FROM

/* `step` is a constant at least as large as width: one fixed copy per value, its surplus is
 * overwritten by the next value or lands in slack (step <= PQF_SLACK). */
PQF_BODY void gather_step(const uint8_t *dict, int width, const uint32_t *idx, int64_t n,
                          uint8_t *out, size_t step) {
    const any_u32 *at = idx;
    for (int64_t i = 0; i < n; i++, out += width)
        memcpy(out, dict + (size_t)at[i] * (size_t)width, step);
}

PQF_BODY void gather_any_body(const uint8_t *dict, int width, const uint32_t *idx,
                              int64_t n, uint8_t *out) {
    if (width == 1)
        gather_step(dict, 1, idx, n, out, 1);
    else if (width == 2)
        gather_step(dict, 2, idx, n, out, 2);
    else if (width == 4)
        gather_step(dict, 4, idx, n, out, 4);
    else if (width == 8)
        gather_step(dict, 8, idx, n, out, 8);
    else if (width <= 16)
        gather_step(dict, width, idx, n, out, 16);
    else if (width <= 32)
        gather_step(dict, width, idx, n, out, 32);
    else if (width <= 64)
        gather_step(dict, width, idx, n, out, 64);
    else
        gather_step(dict, width, idx, n, out, (size_t)width);
}

/* Without a branch: a null slot gets the next value under a mask of zeros. That value may be slack,
 * but it is there: words without a set bit never come here. */
PQF_BODY const uint8_t *expand_step(const uint8_t *in, int width, uint64_t m, int n,
                                    uint8_t *out, size_t step) {
    for (int j = 0; j < n; j++, out += width, m >>= 1) {
        uint64_t keep = -(m & 1), words[4];
        memcpy(words, in, step);
        for (size_t w = 0; w < step / 8; w++)
            words[w] &= keep;
        memcpy(out, words, step);
        in += (uint64_t)width & keep;
    }
    return in;
}

PQF_BODY const uint8_t *expand_wide(const uint8_t *in, size_t width, uint64_t m, int n,
                                    uint8_t *out) {
    for (int j = 0; j < n; j++, out += width, m >>= 1) {
        if (m & 1) {
            memcpy(out, in, width);
            in += width;
        } else {
            memset(out, 0, width);
        }
    }
    return in;
}

PQF_BODY int64_t expand_any_body(const uint8_t *in, int width, const uint8_t *bits,
                                 int64_t at, int64_t n, uint8_t *out) {
    const uint8_t *start = in;
    size_t size = (size_t)width;
    for (; n > 0; n -= 64, at += 64, out += 64 * size) {
        int len = n < 64 ? (int)n : 64;
        uint64_t m = bits_word_of(bits, at, len);
        if (m == 0) {
            memset(out, 0, (size_t)len * size);
        } else if (m == low_bits(len)) {
            memcpy(out, in, (size_t)len * size);
            in += (size_t)len * size;
        } else if (width <= 8) {
            in = expand_step(in, width, m, len, out, 8);
        } else if (width <= 16) {
            in = expand_step(in, width, m, len, out, 16);
        } else if (width <= 32) {
            in = expand_step(in, width, m, len, out, 32);
        } else {
            in = expand_wide(in, size, m, len, out);
        }
    }
    return (in - start) / width;
}

PQF_BODY uint8_t *compress_step(const uint8_t *in, int width, uint64_t m, uint8_t *out,
                                size_t step) {
    for (; m; m &= m - 1, out += width)
        memcpy(out, in + (size_t)__builtin_ctzll(m) * (size_t)width, step);
    return out;
}

PQF_BODY int64_t compress_any_body(const uint8_t *in, int width, const uint8_t *bits,
                                   int64_t at, int64_t n, uint8_t *out) {
    const uint8_t *start = out;
    size_t size = (size_t)width;
    for (; n > 0; n -= 64, at += 64, in += 64 * size) {
        int len = n < 64 ? (int)n : 64;
        uint64_t m = bits_word_of(bits, at, len);
        if (m == low_bits(len)) {
            memcpy(out, in, (size_t)len * size);
            out += (size_t)len * size;
        } else if (width <= 16) {
            out = compress_step(in, width, m, out, 16);
        } else if (width <= 32) {
            out = compress_step(in, width, m, out, 32);
        } else {
            out = compress_step(in, width, m, out, size);
        }
    }
    return (out - start) / width;
}

#endif
