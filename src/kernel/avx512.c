/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512.c: room kernel, level avx512 (F, BW, VL, DQ, VBMI, VBMI2). Loops with 64-byte vectors and
 * masks. Compression goes to a register and is stored whole, because compressing stores are slow
 * on some CPUs; what the level below does as well is left to it.
 */
#include "tables.h"

#if PQF_KERNEL_X86

#include "avx512.h"
#include "utf8_table.h"

#include <math.h>

/* 0, 1, .. 7 in the lanes of 64 bits, 0 .. 15 in those of 32. */
AVX512_BODY __m512i lanes_64(void) { return _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7); }
AVX512_BODY __m512i lanes_32(void) {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* -- unpacking: vpermb brings the bytes of a 64-bit lane, vpmultishiftqb cuts 8 unaligned bits for
 * each byte of the result -- */

/* x in all 8 bytes of its lane, x < 256. */
AVX512_BODY __m512i spread_byte(__m512i x) {
    x = _mm512_or_si512(x, _mm512_slli_epi64(x, 8));
    x = _mm512_or_si512(x, _mm512_slli_epi64(x, 16));
    return _mm512_or_si512(x, _mm512_slli_epi64(x, 32));
}

/* 16 values a step. Lane l holds values 2 l and 2 l + 1 from bit s = 2 l w; it takes the bytes
 * s/8 to s/8 + 7 and cuts at s % 8 + 8 b for the first value, at s % 8 + w + 8 b for the second.
 * As s is even, s % 8 + 2 w <= 64 holds up to w = 30. The last step begins in a byte that holds a
 * value: its load ends within slack. */
AVX512_BODY void unpack_pairs(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    __m512i bit = _mm512_mullo_epi32(lanes_64(), _mm512_set1_epi64(2 * width));
    __m512i bytes = _mm512_add_epi8(spread_byte(_mm512_srli_epi64(bit, 3)),
                                    _mm512_set1_epi64(0x0706050403020100));
    uint64_t cuts = UINT64_C(0x1810080018100800) + ((uint64_t)width * 0x01010101 << 32);
    __m512i cut =
        _mm512_add_epi8(spread_byte(_mm512_and_si512(bit, _mm512_set1_epi64(7))),
                        _mm512_set1_epi64((int64_t)cuts));
    __m512i mask = _mm512_set1_epi32((int)low_bits(width));
    for (int64_t i = 0; i < n; i += 16, in += 2 * width, out += 64) {
        __m512i x = _mm512_permutexvar_epi8(bytes, load(in));
        store(out, _mm512_and_si512(_mm512_multishift_epi64_epi8(cut, x), mask));
    }
}

/* Width 31: 32 bits from the value's first byte and the 32 behind them, shifted as one. Bytes from
 * 64 on wrap around, but the last value (bits 465 to 495) needs none of them. */
AVX512_BODY void unpack_31(const uint8_t *in, int64_t n, uint8_t *out) {
    __m512i bit = _mm512_mullo_epi32(lanes_32(), _mm512_set1_epi32(31));
    __m512i first =
        _mm512_mullo_epi32(_mm512_srli_epi32(bit, 3), _mm512_set1_epi32(0x01010101));
    __m512i low = _mm512_add_epi32(first, _mm512_set1_epi32(0x03020100));
    __m512i high = _mm512_add_epi32(first, _mm512_set1_epi32(0x07060504));
    __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi32(7));
    /* not a constant: clang 14 gives the high part where a constant shift is 0 */
    __asm__("" : "+v"(shift));
    __m512i mask = _mm512_set1_epi32(INT32_MAX);
    for (int64_t i = 0; i < n; i += 16, in += 62, out += 64) {
        __m512i x = load(in);
        x = _mm512_shrdv_epi32(_mm512_permutexvar_epi8(low, x),
                               _mm512_permutexvar_epi8(high, x), shift);
        store(out, _mm512_and_si512(x, mask));
    }
}

AVX512 static void unpack_u32(const uint8_t *in, int width, int64_t n, uint32_t *out) {
    if (width == 0)
        memset(out, 0, (size_t)n * 4);
    else if (width == 32)
        memcpy(out, in, (size_t)n * 4);
    else if (width == 31)
        unpack_31(in, n, (uint8_t *)out);
    else
        unpack_pairs(in, width, n, (uint8_t *)out);
}

/* 64 values a step: lane l holds 8 of them in the w bytes from byte l w. */
AVX512 static void unpack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0) {
        memset(out, 0, (size_t)n);
        return;
    }
    __m512i first = _mm512_mullo_epi32(lanes_64(), _mm512_set1_epi64(width));
    __m512i bytes =
        _mm512_add_epi8(spread_byte(first), _mm512_set1_epi64(0x0706050403020100));
    __m512i cut =
        _mm512_set1_epi64((int64_t)((uint64_t)width * UINT64_C(0x0706050403020100)));
    __m512i mask = _mm512_set1_epi8((char)low_bits(width));
    for (int64_t i = 0; i < n; i += 64, in += 8 * width, out += 64) {
        __m512i x = _mm512_permutexvar_epi8(bytes, load(in));
        store(out, _mm512_and_si512(_mm512_multishift_epi64_epi8(cut, x), mask));
    }
}

/* -- packing: as in avx2.c with twice the lanes -- */

/* 64 bytes of w (1..8) bits to 8 w bytes: pairs, fours and eights are folded, then the low w bytes
 * of each 64-bit lane move together. */
AVX512_BODY void pack_64_bytes(__m512i x, int width, uint8_t *out) {
    if (width < 8) {
        __m512i by1 = _mm512_set1_epi16((int16_t)(1 | 1 << (width + 8)));
        __m512i by2 = _mm512_set1_epi32(1 | 1 << (2 * width + 16));
        x = _mm512_madd_epi16(_mm512_maddubs_epi16(by1, x), by2);
        __m512i odd =
            _mm512_sll_epi64(_mm512_srli_epi64(x, 32), _mm_cvtsi32_si128(4 * width));
        x = _mm512_or_si512(_mm512_maskz_mov_epi32(0x5555, x), odd);
        x = _mm512_maskz_compress_epi8(low_bits(width) * UINT64_C(0x0101010101010101), x);
    }
    store(out, x);
}

AVX512_BODY void pack_last_bytes(__m512i x, int width, int64_t n, uint8_t *out) {
    uint8_t packed[64];
    pack_64_bytes(x, width, packed);
    memcpy(out, packed, (size_t)pqf_bits_bytes(n * width));
}

AVX512 static void pack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0) return;
    for (; n >= 64; n -= 64, in += 64, out += 8 * width)
        pack_64_bytes(load(in), width, out);
    if (n) pack_last_bytes(_mm512_maskz_loadu_epi8(low_bits(n), in), width, n, out);
}

/* The low byte of 64 values. Packing works per 16 bytes, which leaves dword 4 h + q with quarter
 * h of load q; the permutation puts it at 4 q + h. */
AVX512_BODY __m512i narrow_64_bytes(const any_u32 *in) {
    __m512i mask = _mm512_set1_epi32(0xFF);
    __m512i a = _mm512_and_si512(load(in), mask),
            b = _mm512_and_si512(load(in + 16), mask);
    __m512i c = _mm512_and_si512(load(in + 32), mask),
            d = _mm512_and_si512(load(in + 48), mask);
    __m512i x = _mm512_packus_epi16(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}

AVX512_BODY void pack_low_bytes(const any_u32 *in, int width, int64_t n, uint8_t *out) {
    for (; n >= 64; n -= 64, in += 64, out += 8 * width)
        pack_64_bytes(narrow_64_bytes(in), width, out);
    if (!n) return;
    uint8_t rest[64] = {0};
    for (int64_t i = 0; i < n; i++)
        rest[i] = (uint8_t)in[i];
    pack_last_bytes(load(rest), width, n, out);
}

/* Where 16 lanes of w (16..31) bits go: see avx2.c. */
typedef struct pack_plan {
    __m512i lane[3], right, left[2];
} pack_plan;

AVX512_BODY pack_plan pack_plan_of(int width) {
    __m512i at = _mm512_slli_epi32(lanes_32(), 5);
    __m512i w = _mm512_set1_epi32(width), one = _mm512_set1_epi32(1);
    __m512i k =
        _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepi32_ps(at), _mm512_cvtepi32_ps(w)));
    __m512i r = _mm512_sub_epi32(at, _mm512_mullo_epi32(k, w));
    __m512i l = _mm512_sub_epi32(w, r), k1 = _mm512_add_epi32(k, one);
    return (pack_plan){
        {k, k1, _mm512_add_epi32(k1, one)}, r, {l, _mm512_add_epi32(l, w)}};
}

AVX512_BODY void pack_16_lanes(__m512i x, const pack_plan *plan, uint8_t *out) {
    __m512i a =
        _mm512_srlv_epi32(_mm512_permutexvar_epi32(plan->lane[0], x), plan->right);
    __m512i b =
        _mm512_sllv_epi32(_mm512_permutexvar_epi32(plan->lane[1], x), plan->left[0]);
    __m512i c =
        _mm512_sllv_epi32(_mm512_permutexvar_epi32(plan->lane[2], x), plan->left[1]);
    store(out, _mm512_ternarylogic_epi32(a, b, c, 0xFE));
}

/* 32 values of w (9..15) bits as 16 lanes of 2 w. */
AVX512_BODY __m512i fold_32(const any_u32 *in, int width) {
    __m128i shift = _mm_cvtsi32_si128(32 - width);
    __m512i a = load(in), b = load(in + 16);
    a = _mm512_or_si512(a, _mm512_srl_epi64(a, shift));
    b = _mm512_or_si512(b, _mm512_srl_epi64(b, shift));
    return _mm512_permutex2var_epi32(a, _mm512_slli_epi32(lanes_32(), 1), b);
}

AVX512_BODY void pack_wide(const any_u32 *in, int width, int64_t n, uint8_t *out) {
    bool folds = width < 16;
    int step = folds ? 32 : 16, lane_width = folds ? 2 * width : width;
    pack_plan plan = pack_plan_of(lane_width);
    for (; n >= step; n -= step, in += step, out += 2 * lane_width)
        pack_16_lanes(folds ? fold_32(in, width) : load(in), &plan, out);
    if (!n) return;
    any_u32 rest[32] = {0};
    uint8_t packed[64];
    memcpy(rest, in, (size_t)n * 4);
    pack_16_lanes(folds ? fold_32(rest, width) : load(rest), &plan, packed);
    memcpy(out, packed, (size_t)pqf_bits_bytes(n * width));
}

AVX512 static void pack_u32(const uint32_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 32)
        memcpy(out, in, (size_t)n * 4);
    else if (width > 8)
        pack_wide(in, width, n, out);
    else if (width > 0)
        pack_low_bytes(in, width, n, out);
}

/* -- runs: 64 values a step, lanes behind the end do not count -- */

AVX512_BODY uint64_t differ_16(const any_u32 *in, __m512i first) {
    return _mm512_cmpneq_epi32_mask(load(in), first);
}

AVX512 static int64_t run_u32(const uint32_t *in, int64_t n) {
    const any_u32 *p = in;
    __m512i first = _mm512_set1_epi32((int)*p);
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        uint64_t differ = differ_16(p + i, first) | differ_16(p + i + 16, first) << 16 |
                          differ_16(p + i + 32, first) << 32 |
                          differ_16(p + i + 48, first) << 48;
        if (differ) return i + __builtin_ctzll(differ);
    }
    for (; i < n; i += 16) {
        uint64_t differ = differ_16(p + i, first);
        if (differ) return pqf_min_i64(n, i + __builtin_ctzll(differ));
    }
    return n;
}

AVX512 static int64_t run_u8(const uint8_t *in, int64_t n) {
    __m512i first = _mm512_set1_epi8((char)*in);
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t differ = _mm512_cmpneq_epi8_mask(load(in + i), first);
        if (differ) return pqf_min_i64(n, i + __builtin_ctzll(differ));
    }
    return n;
}

/* -- null spreading and dropping -- */

/* Each spreads the slots of one vector; the load may begin behind the last value: slack. */
AVX512_BODY __m512i spread_1(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_expand_epi8(m, load(in));
}
AVX512_BODY __m512i spread_2(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_expand_epi16((__mmask32)m, load(in));
}
AVX512_BODY __m512i spread_4(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_expand_epi32((__mmask16)m, load(in));
}
AVX512_BODY __m512i spread_8(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_expand_epi64((__mmask8)m, load(in));
}
/* Four slots of 16 bytes are eight lanes, two for each bit. */
AVX512_BODY uint64_t double_bits(uint64_t m) { return _pdep_u64(m, 0x55) * 3; }
AVX512_BODY __m512i spread_16(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_expand_epi64((__mmask8)double_bits(m & 15), load(in));
}
AVX512_BODY __m512i dense_4(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_compress_epi32((__mmask16)m, load(in));
}
AVX512_BODY __m512i dense_8(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_compress_epi64((__mmask8)m, load(in));
}
AVX512_BODY __m512i dense_16(uint64_t m, const uint8_t *in) {
    return _mm512_maskz_compress_epi64((__mmask8)double_bits(m & 15), load(in));
}

/* A word of validity; `in` is not read when it has no set bit. The last step writes less than a
 * vector behind the last slot. */
#define EXPAND_BODY(size, expand)                                                        \
    int64_t used = 0;                                                                    \
    for (; n > 0; n -= 64, at += 64, out += 64 * size) {                                 \
        int64_t len = n < 64 ? n : 64;                                                   \
        uint64_t m = bits_word_of(bits, at, len), part;                                  \
        if (m == 0) {                                                                    \
            memset(out, 0, (size_t)len *size);                                           \
            continue;                                                                    \
        }                                                                                \
        for (int64_t j = 0; j < len; j += 64 / size) {                                   \
            part = m >> j & low_bits(64 / size);                                         \
            store(out + j * size, expand(part, in + used * size));                       \
            used += _mm_popcnt_u64(part);                                                \
        }                                                                                \
    }                                                                                    \
    return used

/* Stores whole vectors: the last one begins at most right behind the last value. */
#define COMPRESS_BODY(size, compress)                                                    \
    int64_t count = 0;                                                                   \
    for (; n > 0; n -= 64, at += 64, in += 64 * size) {                                  \
        int64_t len = n < 64 ? n : 64;                                                   \
        uint64_t m = bits_word_of(bits, at, len), part;                                  \
        for (int64_t j = 0; m && j < len; j += 64 / size) {                              \
            part = m >> j & low_bits(64 / size);                                         \
            store(out + count * size, compress(part, in + j * size));                    \
            count += _mm_popcnt_u64(part);                                               \
        }                                                                                \
    }                                                                                    \
    return count

AVX512 static int64_t expand_8(const uint8_t *in, const uint8_t *bits, int64_t at,
                               int64_t n, uint8_t *out) {
    EXPAND_BODY(1, spread_1);
}

#define EXPAND(bits_, size, expand)                                                      \
    AVX512 static int64_t expand_##bits_(const uint##bits_##_t *values,                  \
                                         const uint8_t *bits, int64_t at, int64_t n,     \
                                         uint##bits_##_t *slots) {                       \
        const uint8_t *in = (const uint8_t *)values;                                     \
        uint8_t *out = (uint8_t *)slots;                                                 \
        EXPAND_BODY(size, expand);                                                       \
    }
EXPAND(16, 2, spread_2)
EXPAND(32, 4, spread_4)
EXPAND(64, 8, spread_8)

AVX512 static int64_t expand_any(const uint8_t *in, int width, const uint8_t *bits,
                                 int64_t at, int64_t n, uint8_t *out) {
    if (width != 16) return expand_any_body(in, width, bits, at, n, out);
    EXPAND_BODY(16, spread_16);
}

#define COMPRESS(bits_, size, compress)                                                  \
    AVX512 static int64_t compress_##bits_(const uint##bits_##_t *slots,                 \
                                           const uint8_t *bits, int64_t at, int64_t n,   \
                                           uint##bits_##_t *values) {                    \
        const uint8_t *in = (const uint8_t *)slots;                                      \
        uint8_t *out = (uint8_t *)values;                                                \
        COMPRESS_BODY(size, compress);                                                   \
    }
COMPRESS(32, 4, dense_4)
COMPRESS(64, 8, dense_8)

AVX512 static int64_t compress_any(const uint8_t *in, int width, const uint8_t *bits,
                                   int64_t at, int64_t n, uint8_t *out) {
    if (width != 16) return compress_any_body(in, width, bits, at, n, out);
    COMPRESS_BODY(16, dense_16);
}

/* -- levels -- */

AVX512_BODY uint64_t bytes_ge(const uint8_t *p, __m512i value) {
    return _mm512_cmpge_epu8_mask(load(p), value);
}

AVX512_BODY uint64_t bytes_eq(const uint8_t *p, __m512i value) {
    return _mm512_cmpeq_epi8_mask(load(p), value);
}

#define LEVELS(name, compare)                                                            \
    AVX512 static int64_t name(const uint8_t *levels, int64_t n, uint8_t value,          \
                               uint64_t *out) {                                          \
        __m512i v = _mm512_set1_epi8((char)value);                                       \
        int64_t count = 0;                                                               \
        for (; n > 0; n -= 64, levels += 64, out++) {                                    \
            uint64_t w = compare(levels, v) & low_bits(n);                               \
            pqf_store_u64(out, w);                                                       \
            count += _mm_popcnt_u64(w);                                                  \
        }                                                                                \
        return count;                                                                    \
    }
LEVELS(levels_ge, bytes_ge)
LEVELS(levels_eq, bytes_eq)

/* -- minimum and maximum: a masked last vector, absent lanes hold the neutral values -- */

AVX512_BODY __m512i load_i32(__m512i rest, uint64_t m, const void *p) {
    return _mm512_mask_loadu_epi32(rest, (__mmask16)m, p);
}
AVX512_BODY __m512i load_i64(__m512i rest, uint64_t m, const void *p) {
    return _mm512_mask_loadu_epi64(rest, (__mmask8)m, p);
}
AVX512_BODY __m512 load_f32(__m512 rest, uint64_t m, const void *p) {
    return _mm512_mask_loadu_ps(rest, (__mmask16)m, p);
}
AVX512_BODY __m512d load_f64(__m512d rest, uint64_t m, const void *p) {
    return _mm512_mask_loadu_pd(rest, (__mmask8)m, p);
}
AVX512_BODY __m512i set_i32(int32_t v) { return _mm512_set1_epi32(v); }
AVX512_BODY __m512i set_u32(uint32_t v) { return _mm512_set1_epi32((int)v); }
AVX512_BODY __m512i set_i64(int64_t v) { return _mm512_set1_epi64(v); }
AVX512_BODY __m512i set_u64(uint64_t v) { return _mm512_set1_epi64((int64_t)v); }

/* min(x, acc) and max(x, acc) of floats give acc when x is NaN. */
#define MINMAX(suffix, type, vec, lanes, load_, set, min_, max_, lowest, highest)        \
    AVX512 static void minmax_##suffix(const type *values, int64_t n, type *min,         \
                                       type *max) {                                      \
        const any_##suffix *in = values;                                                 \
        type lo = highest, hi = lowest, lows[lanes], highs[lanes];                       \
        vec l[4], h[4];                                                                  \
        for (int a = 0; a < 4; a++) {                                                    \
            l[a] = set(highest);                                                         \
            h[a] = set(lowest);                                                          \
        }                                                                                \
        for (; n >= 4 * lanes; n -= 4 * lanes)                                           \
            for (int a = 0; a < 4; a++, in += lanes) {                                   \
                vec x = load_(l[a], ~UINT64_C(0), in);                                   \
                l[a] = min_(x, l[a]);                                                    \
                h[a] = max_(x, h[a]);                                                    \
            }                                                                            \
        for (; n > 0; n -= lanes, in += lanes) {                                         \
            l[0] = min_(load_(l[0], low_bits(n), in), l[0]);                             \
            h[0] = max_(load_(h[0], low_bits(n), in), h[0]);                             \
        }                                                                                \
        l[0] = min_(min_(l[0], l[1]), min_(l[2], l[3]));                                 \
        h[0] = max_(max_(h[0], h[1]), max_(h[2], h[3]));                                 \
        memcpy(lows, &l[0], sizeof lows);                                                \
        memcpy(highs, &h[0], sizeof highs);                                              \
        for (int a = 0; a < lanes; a++) {                                                \
            lo = lows[a] < lo ? lows[a] : lo;                                            \
            hi = highs[a] > hi ? highs[a] : hi;                                          \
        }                                                                                \
        *min = lo;                                                                       \
        *max = hi;                                                                       \
    }
MINMAX(i32, int32_t, __m512i, 16, load_i32, set_i32, _mm512_min_epi32, _mm512_max_epi32,
       INT32_MIN, INT32_MAX)
MINMAX(u32, uint32_t, __m512i, 16, load_i32, set_u32, _mm512_min_epu32, _mm512_max_epu32,
       0, UINT32_MAX)
MINMAX(i64, int64_t, __m512i, 8, load_i64, set_i64, _mm512_min_epi64, _mm512_max_epi64,
       INT64_MIN, INT64_MAX)
MINMAX(u64, uint64_t, __m512i, 8, load_i64, set_u64, _mm512_min_epu64, _mm512_max_epu64,
       0, UINT64_MAX)
MINMAX(f32, float, __m512, 16, load_f32, _mm512_set1_ps, _mm512_min_ps, _mm512_max_ps,
       -INFINITY, INFINITY)
MINMAX(f64, double, __m512d, 8, load_f64, _mm512_set1_pd, _mm512_min_pd, _mm512_max_pd,
       -(double)INFINITY, (double)INFINITY)

#define COUNT_NANS(suffix, type, vec, lanes, load_, zero, unordered)                     \
    AVX512 static int64_t count_nans_##suffix(const type *values, int64_t n) {           \
        const any_##suffix *in = values;                                                 \
        int64_t count = 0;                                                               \
        for (; n >= 2 * lanes; n -= 2 * lanes, in += 2 * lanes) {                        \
            vec a = load_(zero(), ~UINT64_C(0), in);                                     \
            vec b = load_(zero(), ~UINT64_C(0), in + lanes);                             \
            unsigned nans = (unsigned)unordered(a, a, _CMP_UNORD_Q) |                    \
                            (unsigned)unordered(b, b, _CMP_UNORD_Q) << lanes;            \
            count += __builtin_popcount(nans);                                           \
        }                                                                                \
        for (; n > 0; n -= lanes, in += lanes) {                                         \
            vec a = load_(zero(), low_bits(n), in);                                      \
            count += __builtin_popcount((unsigned)unordered(a, a, _CMP_UNORD_Q));        \
        }                                                                                \
        return count;                                                                    \
    }
COUNT_NANS(f32, float, __m512, 16, load_f32, _mm512_setzero_ps, _mm512_cmp_ps_mask)
COUNT_NANS(f64, double, __m512d, 8, load_f64, _mm512_setzero_pd, _mm512_cmp_pd_mask)

AVX512 static uint32_t max_u32(const uint32_t *values, int64_t n) {
    const any_u32 *in = values;
    __m512i h[4] = {set_u32(0), set_u32(0), set_u32(0), set_u32(0)};
    for (; n >= 64; n -= 64)
        for (int a = 0; a < 4; a++, in += 16)
            h[a] = _mm512_max_epu32(load(in), h[a]);
    for (; n > 0; n -= 16, in += 16)
        h[0] = _mm512_max_epu32(load_i32(h[0], low_bits(n), in), h[0]);
    return _mm512_reduce_max_epu32(
        _mm512_max_epu32(_mm512_max_epu32(h[0], h[1]), _mm512_max_epu32(h[2], h[3])));
}

/* -- gather: what fits one or two registers is permuted -- */

/* The largest index when a look at the first ones gives hope that it is below `limit`. */
AVX512_BODY uint32_t max_if_below(const uint32_t *idx, int64_t n, uint32_t limit) {
    return n >= 64 && max_u32(idx, 16) < limit ? max_u32(idx, n) : UINT32_MAX;
}

/* 16 entries are there to load even if the dictionary has one (slack), 32 when an index of 16
 * occurs: 17 entries and the slack are 132 bytes. */
AVX512 static void gather_32(const uint32_t *dict, const uint32_t *idx, int64_t n,
                             uint32_t *out) {
    const any_u32 *from = dict, *at = idx;
    any_u32 *to = out;
    int64_t i = 0;
    uint32_t max = max_if_below(idx, n, 32);
    if (max < 32) {
        __m512i lo = load(from), hi = max < 16 ? lo : load(from + 16);
        for (; i < n; i += 16)
            store(to + i, _mm512_permutex2var_epi32(lo, load(at + i), hi));
    }
    gather_32_from(from, at, i, n, to);
}

/* 8 entries in a register; with an index of 8 there are 9 entries and slack, 136 bytes. */
AVX512 static void gather_64(const uint64_t *dict, const uint32_t *idx, int64_t n,
                             uint64_t *out) {
    const any_u64 *from = dict;
    const any_u32 *at = idx;
    any_u64 *to = out;
    int64_t i = 0;
    uint32_t max = max_if_below(idx, n, 16);
    if (max < 16) {
        __m512i lo = load(from), hi = max < 8 ? lo : load(from + 8);
        for (; i < n; i += 8) {
            __m512i x =
                _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(at + i)));
            store(to + i, _mm512_permutex2var_epi64(lo, x, hi));
        }
    }
    gather_64_from(from, at, i, n, to);
}

/* -- widths -- */

AVX512 static void narrow_32_8(const uint32_t *values, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    for (; n >= 64; n -= 64, in += 64, out += 64)
        store(out, narrow_64_bytes(in));
    for (; n > 0; n -= 16, in += 16, out += 16)
        _mm_storeu_si128((__m128i *)out, _mm512_cvtepi32_epi8(load(in)));
}

AVX512 static void narrow_32_16(const uint32_t *values, int64_t n, uint16_t *out) {
    const any_u32 *in = values;
    for (; n > 0; n -= 16, in += 16, out += 16)
        _mm256_storeu_si256((__m256i *)out, _mm512_cvtepi32_epi16(load(in)));
}

/* -- UTF-8: the tables of utf8_table.h. vpermb asks them with the low six bits of a byte: a table stands
 * there four times, whatever the two bits above the nibble are -- */

AVX512_BODY __m512i ask(const uint8_t *table, __m512i nibbles) {
    __m128i x = _mm_loadu_si128((const __m128i *)table);
    return _mm512_permutexvar_epi8(nibbles, _mm512_broadcast_i32x4(x));
}

/* Nonzero bytes where the bytes of x, which follow those of back1 to back3, are wrong. The top bit says
 * that a third byte (E0.. two before) or a fourth (F0.. three) is due. */
AVX512_BODY __m512i utf8_faults(__m512i x, __m512i back1, __m512i back2, __m512i back3) {
    __m512i faults = _mm512_ternarylogic_epi64(
        ask(pqf_utf8_low, back1), ask(pqf_utf8_high, _mm512_srli_epi16(back1, 4)),
        ask(pqf_utf8_next, _mm512_srli_epi16(x, 4)), 0x80); /* and */
    __m512i third = _mm512_subs_epu8(back2, _mm512_set1_epi8(0xE0 - 0x80));
    __m512i fourth = _mm512_subs_epu8(back3, _mm512_set1_epi8(0xF0 - 0x80));
    return _mm512_ternarylogic_epi64(faults, _mm512_or_si512(third, fourth),
                                     _mm512_set1_epi8((char)0x80),
                                     0x78); /* faults ^ (due & 0x80) */
}

/* Of x, which follows prev. */
AVX512_BODY __m512i utf8_faults_behind(__m512i x, __m512i prev) {
    __m512i before =
        _mm512_alignr_epi64(x, prev, 6); /* the 16 bytes before each 16 of x */
    return utf8_faults(x, _mm512_alignr_epi8(x, before, 15),
                       _mm512_alignr_epi8(x, before, 14),
                       _mm512_alignr_epi8(x, before, 13));
}

/* Of 64 bytes with at least 3 before them: loads cost less than shifts. */
AVX512_BODY __m512i utf8_faults_at(const uint8_t *in) {
    return utf8_faults(load(in), load(in - 1), load(in - 2), load(in - 3));
}

/* Nonzero where the bytes of prev end before their last character does. */
AVX512_BODY __m512i utf8_open(__m512i prev) {
    __m512i whole = _mm512_set1_epi8(-1); /* the last three bytes at most BF, DF, EF */
    return _mm512_subs_epu8(prev, _mm512_mask_set1_epi32(whole, 0x8000, (int)0xBFDFEFFF));
}

/* n is a multiple of 256, and at least 3 bytes stand before `in`. ASCII is only looked at. */
AVX512_BODY __m512i utf8_faults_many(const uint8_t *in, int64_t n) {
    __m512i faults = _mm512_setzero_si512();
    for (const uint8_t *end = in + n; in < end; in += 256) {
        __m512i a = _mm512_or_si512(load(in), load(in + 64));
        __m512i b = _mm512_or_si512(load(in + 128), load(in + 192));
        if (_mm512_movepi8_mask(_mm512_or_si512(a, b)) == 0) {
            faults = _mm512_or_si512(faults, utf8_open(load(in - 64)));
            continue;
        }
        for (int i = 0; i < 256; i += 64)
            faults = _mm512_or_si512(faults, utf8_faults_at(in + i));
    }
    return faults;
}

/* What is left at the end is judged with zeros behind it, before which no character may be open. */
AVX512 static bool utf8_valid(const uint8_t *in, int64_t n) {
    __m512i prev = _mm512_setzero_si512(), faults = prev;
    if (n >= 64) {
        int64_t many = (n - 64) & ~INT64_C(255);
        faults = utf8_faults_behind(load(in), prev);
        faults = _mm512_or_si512(faults, utf8_faults_many(in + 64, many));
        in += 64 + many;
        n -= 64 + many;
        prev = load(in - 64);
    }
    for (; n >= 64; n -= 64, in += 64) {
        faults = _mm512_or_si512(faults, utf8_faults_behind(load(in), prev));
        prev = load(in);
    }
    __m512i rest = _mm512_maskz_loadu_epi8(low_bits(n), in);
    faults = _mm512_or_si512(faults, utf8_faults_behind(rest, prev));
    return _mm512_test_epi8_mask(faults, faults) == 0;
}

void pqf_kernels_put_avx512(pqf_kernels *table) {
    table->unpack_u32 = unpack_u32;
    table->unpack_u8 = unpack_u8;
    table->pack_u32 = pack_u32;
    table->pack_u8 = pack_u8;
    table->max_u32 = max_u32;
    table->run_u32 = run_u32;
    table->run_u8 = run_u8;
    table->gather_32 = gather_32;
    table->gather_64 = gather_64;
    table->expand_8 = expand_8;
    table->expand_16 = expand_16;
    table->expand_32 = expand_32;
    table->expand_64 = expand_64;
    table->expand_any = expand_any;
    table->compress_32 = compress_32;
    table->compress_64 = compress_64;
    table->compress_any = compress_any;
    table->levels_ge = levels_ge;
    table->levels_eq = levels_eq;
    table->minmax_i32 = minmax_i32;
    table->minmax_u32 = minmax_u32;
    table->minmax_i64 = minmax_i64;
    table->minmax_u64 = minmax_u64;
    table->minmax_f32 = minmax_f32;
    table->minmax_f64 = minmax_f64;
    table->count_nans_f32 = count_nans_f32;
    table->count_nans_f64 = count_nans_f64;
    table->narrow_32_16 = narrow_32_16;
    table->narrow_32_8 = narrow_32_8;
    table->utf8_valid = utf8_valid;
    pqf_kernels_put_crc32_avx512(table);
    pqf_kernels_put_delta_avx512(table);
}

#endif
