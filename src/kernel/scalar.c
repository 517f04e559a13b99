/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar.c: room kernel, the reference. Every kernel of kernel_list.h in plain C: what the other
 * levels are tested against, and what runs where they do not exist. Words of 64 bits are used
 * where that costs no clarity; PQF_SLACK pays for their over-reads.
 */
#include "tables.h"

#include <math.h>

/* -- bit packing -- */

/* Value i starts at bit i * width; with width <= 32 it ends within the 8 bytes (7 + 32 <= 64) from
 * the byte of its first bit. */
static void unpack_u32(const uint8_t *in, int width, int64_t n, uint32_t *values) {
    any_u32 *out = values;
    if (width == 0) {
        memset(out, 0, (size_t)n * sizeof *out);
        return;
    }
    uint32_t mask = (uint32_t)low_bits(width);
    size_t bit = 0;
    for (int64_t i = 0; i < n; i++, bit += (size_t)width)
        out[i] = (uint32_t)(pqf_load_u64(in + (bit >> 3)) >> (bit & 7)) & mask;
}

/* 8 values fill `width` whole bytes and fit one word. */
static void unpack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0) {
        memset(out, 0, (size_t)n);
        return;
    }
    uint64_t mask = low_bits(width);
    for (int64_t i = 0; i < n; i += 8, in += width) {
        uint64_t x = pqf_load_u64(in);
        for (int j = 0; j < 8; j++, x >>= width)
            out[i + j] = (uint8_t)(x & mask);
    }
}

/* acc holds the `fill` (0..31) bits that are not stored yet; 31 + 32 bits fit. */
#define PACK_BODY                                                                        \
    uint64_t acc = 0;                                                                    \
    int fill = 0;                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                    \
        acc |= (uint64_t)in[i] << fill;                                                  \
        fill += width;                                                                   \
        if (fill >= 32) {                                                                \
            pqf_store_u32(out, (uint32_t)acc);                                           \
            out += 4;                                                                    \
            acc >>= 32;                                                                  \
            fill -= 32;                                                                  \
        }                                                                                \
    }                                                                                    \
    if (fill) pqf_store_u32(out, (uint32_t)acc)

static void pack_u32(const uint32_t *values, int width, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    PACK_BODY;
}
static void pack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) { PACK_BODY; }

/* A value of more than 57 bits may reach into a ninth byte. */
static void unpack_u64(const uint8_t *in, int width, int64_t n, uint64_t *values) {
    any_u64 *out = values;
    if (width == 0) {
        memset(out, 0, (size_t)n * sizeof *out);
        return;
    }
    uint64_t mask = low_bits(width), bit = 0;
    if (width <= 57) {
        for (int64_t i = 0; i < n; i++, bit += (uint64_t)width)
            out[i] = pqf_load_u64(in + (bit >> 3)) >> (bit & 7) & mask;
        return;
    }
    for (int64_t i = 0; i < n; i++, bit += (uint64_t)width)
        out[i] = bits_word(in, (int64_t)bit) & mask;
}

static void pack_u64(const uint64_t *values, int width, int64_t n, uint8_t *out) {
    const any_u64 *in = values;
    bit_sink sink = bit_sink_at(out, 0);
    for (int64_t i = 0; width && i < n; i++)
        bit_sink_put(&sink, in[i], (unsigned)width);
    bit_sink_end(&sink);
}

static uint32_t prefix_sum_32(uint32_t *deltas, int64_t n, uint32_t least,
                              uint32_t last) {
    any_u32 *values = deltas;
    for (int64_t i = 0; i < n; i++)
        values[i] = last += values[i] + least;
    return last;
}

static uint64_t prefix_sum_64(uint64_t *deltas, int64_t n, uint64_t least,
                              uint64_t last) {
    any_u64 *values = deltas;
    for (int64_t i = 0; i < n; i++)
        values[i] = last += values[i] + least;
    return last;
}

static void join_streams(const uint8_t *in, int64_t stride, int width, int64_t n,
                         uint8_t *out) {
    join_streams_body(in, stride, width, n, out);
}

static void split_streams(const uint8_t *in, int width, int64_t n, uint8_t *out,
                          int64_t stride) {
    split_streams_body(in, width, n, out, stride);
}

static uint32_t max_u32(const uint32_t *values, int64_t n) {
    const any_u32 *in = values;
    uint32_t max = 0;
    for (int64_t i = 0; i < n; i++)
        max = in[i] > max ? in[i] : max;
    return max;
}

static uint8_t max_u8(const uint8_t *in, int64_t n) {
    uint8_t max = 0;
    for (int64_t i = 0; i < n; i++)
        max = in[i] > max ? in[i] : max;
    return max;
}

static int64_t run_u32(const uint32_t *values, int64_t n) {
    const any_u32 *in = values;
    int64_t i = 1;
    while (i < n && in[i] == in[0])
        i++;
    return i;
}

static int64_t run_u8(const uint8_t *in, int64_t n) {
    int64_t i = 1;
    while (i < n && in[i] == in[0])
        i++;
    return i;
}

/* -- dictionary gather -- */

static void gather_32(const uint32_t *dict, const uint32_t *idx, int64_t n,
                      uint32_t *out) {
    gather_32_from(dict, idx, 0, n, out);
}

static void gather_64(const uint64_t *dict, const uint32_t *idx, int64_t n,
                      uint64_t *out) {
    gather_64_from(dict, idx, 0, n, out);
}

static void gather_any(const uint8_t *dict, int width, const uint32_t *idx, int64_t n,
                       uint8_t *out) {
    gather_any_body(dict, width, idx, n, out);
}

static uint64_t gather_sum(const uint32_t *len, const uint32_t *idx, int64_t n) {
    const any_u32 *from = len, *at = idx;
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += from[at[i]];
    return sum;
}

/* -- null spreading and dropping: a word of 64 validity bits at a time -- */

/* Branchless inside a mixed word: the next value is read for null slots too and masked away. */
#define EXPAND(bits_, type)                                                              \
    static int64_t expand_##bits_(const type *values, const uint8_t *bits, int64_t at,   \
                                  int64_t n, type *slots) {                              \
        const any_u##bits_ *in = values, *start = in;                                    \
        any_u##bits_ *out = slots;                                                       \
        for (; n > 0; n -= 64, at += 64, out += 64) {                                    \
            int64_t len = n < 64 ? n : 64;                                               \
            uint64_t m = bits_word_of(bits, at, len);                                    \
            if (m == low_bits(len)) {                                                    \
                memcpy(out, in, (size_t)len * sizeof *in);                               \
                in += len;                                                               \
            } else if (m == 0) {                                                         \
                memset(out, 0, (size_t)len * sizeof *in);                                \
            } else {                                                                     \
                for (int64_t j = 0; j < len; j++, m >>= 1) {                             \
                    out[j] = m & 1 ? *in : 0;                                            \
                    in += m & 1;                                                         \
                }                                                                        \
            }                                                                            \
        }                                                                                \
        return in - start;                                                               \
    }
EXPAND(8, uint8_t)
EXPAND(16, uint16_t)
EXPAND(32, uint32_t)
EXPAND(64, uint64_t)

static int64_t expand_any(const uint8_t *in, int width, const uint8_t *bits, int64_t at,
                          int64_t n, uint8_t *out) {
    return expand_any_body(in, width, bits, at, n, out);
}

#define COMPRESS(bits_, type)                                                            \
    static int64_t compress_##bits_(const type *slots, const uint8_t *bits, int64_t at,  \
                                    int64_t n, type *values) {                           \
        const any_u##bits_ *in = slots;                                                  \
        any_u##bits_ *out = values, *start = out;                                        \
        for (; n > 0; n -= 64, at += 64, in += 64) {                                     \
            int64_t len = n < 64 ? n : 64;                                               \
            uint64_t m = bits_word_of(bits, at, len);                                    \
            if (m == low_bits(len)) {                                                    \
                memcpy(out, in, (size_t)len * sizeof *in);                               \
                out += len;                                                              \
            } else if (m) {                                                              \
                for (int64_t j = 0; j < len; j++, m >>= 1) {                             \
                    *out = in[j];                                                        \
                    out += m & 1;                                                        \
                }                                                                        \
            }                                                                            \
        }                                                                                \
        return out - start;                                                              \
    }
COMPRESS(32, uint32_t)
COMPRESS(64, uint64_t)

static int64_t compress_any(const uint8_t *in, int width, const uint8_t *bits, int64_t at,
                            int64_t n, uint8_t *out) {
    return compress_any_body(in, width, bits, at, n, out);
}

/* -- bitmaps -- */

static int64_t count_bits(const uint8_t *bits, int64_t at, int64_t n) {
    return count_bits_body(bits, at, n);
}

static int64_t copy_bits(const uint8_t *in, int64_t at, int64_t n, uint8_t *out,
                         int64_t to) {
    return copy_bits_body(in, at, n, out, to);
}

/* Head and tail bytes are merged, whole bytes between them are set. */
static void fill_bits(uint8_t *out, int64_t to, int64_t n, bool value) {
    if (n <= 0) return;
    uint8_t byte = value ? 0xFF : 0;
    uint8_t *first = out + (to >> 3), *last = out + ((to + n) >> 3);
    uint8_t keep = (uint8_t)low_bits(to & 7);
    uint8_t tail = (uint8_t)low_bits((to + n) & 7);
    if (first == last) {
        uint8_t set = (uint8_t)(tail & ~keep);
        *first = (uint8_t)((*first & ~set) | (byte & set));
        return;
    }
    *first = (uint8_t)((*first & keep) | (byte & ~keep));
    memset(first + 1, byte, (size_t)(last - first - 1));
    if (tail) *last = (uint8_t)((*last & ~tail) | (byte & tail));
}

/* Bits of x where m is set, moved down side by side. */
static inline uint64_t pext(uint64_t x, uint64_t m) {
    if (m == ~UINT64_C(0)) return x;
    uint64_t r = 0;
    for (int k = 0; m; k++, m &= m - 1)
        r |= (x >> __builtin_ctzll(m) & 1) << k;
    return r;
}

/* The reverse: low bits of x to where m is set. */
static inline uint64_t pdep(uint64_t x, uint64_t m) {
    if (m == ~UINT64_C(0)) return x;
    uint64_t r = 0;
    for (; m; m &= m - 1, x >>= 1)
        r |= (m & -m) & -(x & 1);
    return r;
}

static int64_t extract_bits(const uint8_t *in, int64_t at, const uint8_t *mask,
                            int64_t mask_at, int64_t n, uint8_t *out, int64_t to) {
    PQF_EXTRACT_BODY(pext);
}

static int64_t deposit_bits(const uint8_t *in, int64_t at, const uint8_t *mask,
                            int64_t mask_at, int64_t n, uint8_t *out, int64_t to) {
    PQF_DEPOSIT_BODY(pdep);
}

/* -- levels: 8 bytes in a word, one answer in the top bit of each -- */

#define TOPS UINT64_C(0x8080808080808080)
#define ONES UINT64_C(0x0101010101010101)

/* Low 7 bits compare by a subtraction that cannot borrow across bytes (the top bit is set first);
 * the top bits decide where they differ. */
static inline uint64_t bytes_ge(uint64_t x, uint64_t t) {
    uint64_t low = (x | TOPS) - (t & ~TOPS);
    return ((x & ~t) | (~(x ^ t) & low)) & TOPS;
}

/* A byte of x ^ t is zero when neither its top bit is set nor its low bits carry into it. */
static inline uint64_t bytes_eq(uint64_t x, uint64_t t) {
    uint64_t y = x ^ t;
    return ~(((y & ~TOPS) + ~TOPS) | y) & TOPS;
}

/* The top bits of 8 bytes as 8 bits: the product moves bit 8 k to bit 56 + k, without carries. */
static inline uint64_t tops_to_bits(uint64_t tops) {
    return (tops >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

#define LEVELS(name, compare)                                                            \
    static int64_t name(const uint8_t *levels, int64_t n, uint8_t value,                 \
                        uint64_t *out) {                                                 \
        int64_t count = 0;                                                               \
        for (; n > 0; n -= 64, levels += 64) {                                           \
            uint64_t w = 0;                                                              \
            for (int j = 0; j < 8 && j * 8 < n; j++) {                                   \
                uint64_t tops = compare(pqf_load_u64(levels + j * 8), value * ONES);     \
                w |= tops_to_bits(tops) << j * 8;                                        \
            }                                                                            \
            w &= low_bits(n);                                                            \
            pqf_store_u64(out++, w);                                                     \
            count += pqf_popcount(w);                                                    \
        }                                                                                \
        return count;                                                                    \
    }
LEVELS(levels_ge, bytes_ge)
LEVELS(levels_eq, bytes_eq)

/* -- statistics -- */

/* Comparisons with NaN are false, so a NaN changes neither end. */
#define MINMAX(suffix, type, lowest, highest)                                            \
    static void minmax_##suffix(const type *values, int64_t n, type *min, type *max) {   \
        const any_##suffix *in = values;                                                 \
        type lo = highest, hi = lowest;                                                  \
        for (int64_t i = 0; i < n; i++) {                                                \
            lo = in[i] < lo ? in[i] : lo;                                                \
            hi = in[i] > hi ? in[i] : hi;                                                \
        }                                                                                \
        *min = lo;                                                                       \
        *max = hi;                                                                       \
    }
MINMAX(i32, int32_t, INT32_MIN, INT32_MAX)
MINMAX(u32, uint32_t, 0, UINT32_MAX)
MINMAX(i64, int64_t, INT64_MIN, INT64_MAX)
MINMAX(u64, uint64_t, 0, UINT64_MAX)
MINMAX(f32, float, -INFINITY, INFINITY)
MINMAX(f64, double, -(double)INFINITY, (double)INFINITY)

#define COUNT_NANS(suffix, type)                                                         \
    static int64_t count_nans_##suffix(const type *values, int64_t n) {                  \
        const any_##suffix *in = values;                                                 \
        int64_t count = 0;                                                               \
        for (int64_t i = 0; i < n; i++)                                                  \
            count += in[i] != in[i];                                                     \
        return count;                                                                    \
    }
COUNT_NANS(f32, float)
COUNT_NANS(f64, double)

/* -- widths and byte order -- */

static void narrow_32_16(const uint32_t *values, int64_t n, uint16_t *narrow) {
    const any_u32 *in = values;
    any_u16 *out = narrow;
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint16_t)in[i];
}

static void narrow_32_8(const uint32_t *values, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)in[i];
}

/* The first 8 bytes, shifted down with the sign, are the value (width <= 8) or its high half;
 * the low half of a wider one is its last 8 bytes. */
static void decimal_from_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    int shift = width <= 8 ? 64 - 8 * width : 128 - 8 * width;
    for (int64_t i = 0; i < n; i++, in += width, out += 16) {
        int64_t top = (int64_t)__builtin_bswap64(pqf_load_u64(in)) >> shift;
        uint64_t lo =
            width <= 8 ? (uint64_t)top : __builtin_bswap64(pqf_load_u64(in + width - 8));
        pqf_store_u64(out, lo);
        pqf_store_u64(out + 8, (uint64_t)(width <= 8 ? top >> 63 : top));
    }
}

/* Of the shifted-out bits all must be copies of the one below them. */
static bool decimal_to_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    int shift = width <= 8 ? 64 - 8 * width : 128 - 8 * width;
    uint64_t wrong = 0;
    for (int64_t i = 0; i < n; i++, in += 16, out += width) {
        uint64_t lo = pqf_load_u64(in), hi = pqf_load_u64(in + 8);
        uint64_t top = (width <= 8 ? lo : hi) << shift;
        uint64_t back = (uint64_t)((int64_t)top >> shift);
        wrong |=
            width <= 8 ? (lo ^ back) | (hi ^ (uint64_t)((int64_t)lo >> 63)) : hi ^ back;
        pqf_store_u64(out, __builtin_bswap64(top));
        if (width > 8) pqf_store_u64(out + width - 8, __builtin_bswap64(lo));
    }
    return wrong == 0;
}

/* Bytes of the sequence that starts at p (RFC 3629, section 4), 0 when it is none. Each lead byte
 * limits its second byte: that refuses overlong forms, surrogates and what is above U+10FFFF.
 *   C2..DF 80..BF | E0 A0..BF + 1 | E1..EC,EE,EF 80..BF + 1 | ED 80..9F + 1
 *   F0 90..BF + 2 | F1..F3 80..BF + 2 | F4 80..8F + 2 */
static int utf8_sequence(const uint8_t *p, const uint8_t *end) {
    uint8_t lead = *p;
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    int len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (end - p < len) return 0;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return 0;
    for (int i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return len;
}

static bool utf8_valid(const uint8_t *in, int64_t n) {
    const uint8_t *p = in, *end = in + n;
    while (p < end) {
        if (end - p >= 8 && (pqf_load_u64(p) & TOPS) == 0) {
            p += 8;
            continue;
        }
        int len = utf8_sequence(p, end);
        if (!len) return false;
        p += len;
    }
    return true;
}

static uint32_t crc32(uint32_t seed, const uint8_t *in, int64_t n) {
    return pqf_crc32_tables(seed, in, n);
}

void pqf_kernels_put_scalar(pqf_kernels *table) {
    pqf_crc32_prepare();
#define PQF_KERNEL(ret, name_, params) table->name_ = name_;
#include "kernel_list.h"
#undef PQF_KERNEL
}
