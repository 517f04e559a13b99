/* SPDX-License-Identifier: Apache-2.0
 *
 * avx2.c: room kernel, level avx2 (AVX2, BMI, BMI2, POPCNT). Loops with 32-byte vectors; each
 * function says what its steps do to the layout. Tails run as whole vectors where PQF_SLACK
 * covers the surplus, through a temporary where it does not.
 */
#include "tables.h"

#if PQF_KERNEL_X86

#include "avx2.h"
#include "mask_table.h"
#include "utf8_table.h"

#include <math.h>

/* -- unpacking: a byte shuffle brings each value's window to its lane, a shift aligns it -- */

/* 8 values a step. Value k starts at bit k * w; the half of values 0..3 is loaded from byte 0, the
 * half of 4..7 from byte w / 2. The window is 4 bytes, so (k * w) % 8 + w <= 32 must hold. The last
 * step begins in a byte that holds a value and reads up to byte 31 from there: within slack. */
AVX2_BODY void unpack_narrow(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    __m256i k = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i bit = _mm256_mullo_epi32(k, _mm256_set1_epi32(width));
    __m256i base =
        _mm256_blend_epi32(_mm256_setzero_si256(), _mm256_set1_epi32(width / 2), 0xF0);
    __m256i byte = _mm256_sub_epi32(_mm256_srli_epi32(bit, 3), base);
    __m256i window =
        _mm256_add_epi32(_mm256_mullo_epi32(byte, _mm256_set1_epi32(0x01010101)),
                         _mm256_set1_epi32(0x03020100));
    __m256i shift = _mm256_and_si256(bit, _mm256_set1_epi32(7));
    __m256i mask = _mm256_set1_epi32((int)low_bits(width));
    const uint8_t *high = in + width / 2;
    for (int64_t i = 0; i < n; i += 8, in += width, high += width, out += 32) {
        __m256i x = _mm256_shuffle_epi8(load_halves(in, high), window);
        store(out, _mm256_and_si256(_mm256_srlv_epi32(x, shift), mask));
    }
}

/* Windows of 8 bytes, two vectors: a has values 0 1 4 5, b has 2 3 6 7, so that the even dwords of
 * both are 0..7 in order. Lane q of a is value q % 2 + q / 2 * 4; its pair of values starts at
 * byte (pair * w) / 8. */
AVX2_BODY void unpack_wide(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    __m256i mask = _mm256_set1_epi64x((int64_t)low_bits(width));
    __m256i window[2], shift[2];
    const uint8_t *from[4];
    for (int h = 0; h < 2; h++) {
        int first = h * 2 * width, second = first + 4 * width;
        from[h] = in + first / 8;
        from[2 + h] = in + second / 8;
        __m256i bit = _mm256_setr_epi64x(first % 8, first % 8 + width, second % 8,
                                         second % 8 + width);
        __m256i byte =
            _mm256_mul_epu32(_mm256_srli_epi64(bit, 3), _mm256_set1_epi64x(0x01010101));
        byte = _mm256_or_si256(byte, _mm256_slli_epi64(byte, 32));
        window[h] = _mm256_add_epi64(byte, _mm256_set1_epi64x(0x0706050403020100));
        shift[h] = _mm256_and_si256(bit, _mm256_set1_epi64x(7));
    }
    for (int64_t i = 0; i < n; i += 8, out += 32) {
        __m256i v[2];
        for (int h = 0; h < 2; h++) {
            v[h] = _mm256_shuffle_epi8(load_halves(from[h], from[2 + h]), window[h]);
            v[h] = _mm256_and_si256(_mm256_srlv_epi64(v[h], shift[h]), mask);
            from[h] += width;
            from[2 + h] += width;
        }
        __m256 pair =
            _mm256_shuffle_ps(_mm256_castsi256_ps(v[0]), _mm256_castsi256_ps(v[1]), 0x88);
        store(out, _mm256_castps_si256(pair));
    }
}

AVX2 static void unpack_u32(const uint8_t *in, int width, int64_t n, uint32_t *out) {
    if (width == 0)
        memset(out, 0, (size_t)n * 4);
    else if (width == 32)
        memcpy(out, in, (size_t)n * 4);
    else if (width <= 26 || width == 28)
        unpack_narrow(in, width, n, (uint8_t *)out);
    else
        unpack_wide(in, width, n, (uint8_t *)out);
}

/* 32 values a step, in four groups of 8 that each begin at a byte (8 w bits are w bytes). A value's
 * window is 2 bytes; multiplying by 2^(8 - s) and taking the high byte shifts it right by s. */
AVX2 static void unpack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0 || width == 8) {
        if (width)
            memcpy(out, in, (size_t)n);
        else
            memset(out, 0, (size_t)n);
        return;
    }
    __m128i k = _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7);
    __m128i bit = _mm_mullo_epi16(k, _mm_set1_epi16((int16_t)width));
    __m128i byte = _mm_srli_epi16(bit, 3);
    byte = _mm_or_si128(byte, _mm_slli_epi16(_mm_add_epi16(byte, _mm_set1_epi16(1)), 8));
    int16_t factors[8];
    for (int i = 0; i < 8; i++)
        factors[i] = (int16_t)(1 << (8 - i * width % 8));
    __m256i window = _mm256_broadcastsi128_si256(byte);
    __m256i factor =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)factors));
    __m256i mask = _mm256_set1_epi16((int16_t)low_bits(width));
    for (int64_t i = 0; i < n; i += 32, in += 4 * width, out += 32) {
        __m256i a = load_halves(in, in + 2 * width),
                b = load_halves(in + width, in + 3 * width);
        a = _mm256_mullo_epi16(_mm256_shuffle_epi8(a, window), factor);
        b = _mm256_mullo_epi16(_mm256_shuffle_epi8(b, window), factor);
        a = _mm256_and_si256(_mm256_srli_epi16(a, 8), mask);
        b = _mm256_and_si256(_mm256_srli_epi16(b, 8), mask);
        store(out, _mm256_packus_epi16(a, b));
    }
}

/* -- packing: neighbours are folded together, then moved to where their bits belong -- */

/* 32 bytes of w (1..7) bits to 4 w bytes: pairs to 16-bit lanes (v0 + v1 * 2^w: the factors are the
 * unsigned side, 2^w <= 128), pairs of those to 32 and 64 bits, then the w bytes of each 64-bit
 * lane side by side. Stores 16 bytes at out + 2 w. */
AVX2_BODY void pack_32_bytes(__m256i x, int width, uint8_t *out) {
    __m256i by1 = _mm256_set1_epi16((int16_t)(1 | 1 << (width + 8)));
    __m256i by2 = _mm256_set1_epi32(1 | 1 << (2 * width + 16));
    x = _mm256_madd_epi16(_mm256_maddubs_epi16(by1, x), by2);
    __m256i odd =
        _mm256_sll_epi64(_mm256_srli_epi64(x, 32), _mm_cvtsi32_si128(4 * width));
    x = _mm256_or_si256(_mm256_blend_epi32(x, _mm256_setzero_si256(), 0xAA), odd);
    __m128i i = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i second = _mm_cmpgt_epi8(i, _mm_set1_epi8((char)(width - 1)));
    i = _mm_add_epi8(i, _mm_and_si128(second, _mm_set1_epi8((char)(8 - width))));
    x = _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(i));
    _mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(x));
    _mm_storeu_si128((__m128i *)(out + 2 * width), _mm256_extracti128_si256(x, 1));
}

/* The last n (below 32) values, zeros behind them. */
AVX2_BODY void pack_last_bytes(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t rest[32] = {0}, packed[48];
    memcpy(rest, in, (size_t)n);
    pack_32_bytes(load(rest), width, packed);
    memcpy(out, packed, (size_t)pqf_bits_bytes(n * width));
}

AVX2 static void pack_u8(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 0) return;
    if (width == 8) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (; n >= 32; n -= 32, in += 32, out += 4 * width)
        pack_32_bytes(load(in), width, out);
    if (n) pack_last_bytes(in, width, n, out);
}

/* The low byte of 32 values. Packing works per 16-byte half, which leaves dword 4 h + q with the
 * h-th half of load q; the permutation puts it at 2 q + h. */
AVX2_BODY __m256i narrow_32_bytes(const any_u32 *in) {
    __m256i mask = _mm256_set1_epi32(0xFF);
    __m256i a = _mm256_and_si256(load(in), mask),
            b = _mm256_and_si256(load(in + 8), mask);
    __m256i c = _mm256_and_si256(load(in + 16), mask),
            d = _mm256_and_si256(load(in + 24), mask);
    __m256i x = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

AVX2_BODY void pack_low_bytes(const any_u32 *in, int width, int64_t n, uint8_t *out) {
    for (; n >= 32; n -= 32, in += 32, out += 4 * width) {
        if (width == 8)
            store(out, narrow_32_bytes(in));
        else
            pack_32_bytes(narrow_32_bytes(in), width, out);
    }
    uint8_t rest[32];
    for (int64_t i = 0; i < n; i++)
        rest[i] = (uint8_t)in[i];
    if (n && width == 8)
        memcpy(out, rest, (size_t)n);
    else if (n)
        pack_last_bytes(rest, width, n, out);
}

/* Where 8 lanes of w (16..31) bits go: dword d of the output takes lane k = floor(32 d / w) shifted
 * right by r = 32 d - k w, lane k + 1 shifted left by w - r and lane k + 2 by 2 w - r; shifts by
 * 32 and more give zero. Lanes above 7 wrap around: what they bring lies behind byte w. */
typedef struct pack_plan {
    __m256i lane[3], right, left[2];
} pack_plan;

/* The quotient of floats is exact enough: 32 d and w are small, and a quotient that is no integer
 * is at least 1 / 31 away from one. */
AVX2_BODY pack_plan pack_plan_of(int width) {
    __m256i at = _mm256_setr_epi32(0, 32, 64, 96, 128, 160, 192, 224);
    __m256i w = _mm256_set1_epi32(width), one = _mm256_set1_epi32(1);
    __m256i k =
        _mm256_cvttps_epi32(_mm256_div_ps(_mm256_cvtepi32_ps(at), _mm256_cvtepi32_ps(w)));
    __m256i r = _mm256_sub_epi32(at, _mm256_mullo_epi32(k, w));
    __m256i l = _mm256_sub_epi32(w, r), k1 = _mm256_add_epi32(k, one);
    return (pack_plan){
        {k, k1, _mm256_add_epi32(k1, one)}, r, {l, _mm256_add_epi32(l, w)}};
}

AVX2_BODY void pack_8_lanes(__m256i x, const pack_plan *plan, uint8_t *out) {
    __m256i a = _mm256_permutevar8x32_epi32(x, plan->lane[0]);
    __m256i b = _mm256_permutevar8x32_epi32(x, plan->lane[1]);
    __m256i c = _mm256_permutevar8x32_epi32(x, plan->lane[2]);
    a = _mm256_srlv_epi32(a, plan->right);
    b = _mm256_sllv_epi32(b, plan->left[0]);
    c = _mm256_sllv_epi32(c, plan->left[1]);
    store(out, _mm256_or_si256(a, _mm256_or_si256(b, c)));
}

/* 16 values of w (9..15) bits as 8 lanes of 2 w: in a 64-bit lane, shifting right by 32 - w drops
 * the even value and puts the odd one at bit w. */
AVX2_BODY __m256i fold_16(const any_u32 *in, int width) {
    __m128i shift = _mm_cvtsi32_si128(32 - width);
    __m256i a = load(in), b = load(in + 8);
    a = _mm256_or_si256(a, _mm256_srl_epi64(a, shift));
    b = _mm256_or_si256(b, _mm256_srl_epi64(b, shift));
    __m256 even = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(even), 0xD8);
}

AVX2_BODY void pack_wide(const any_u32 *in, int width, int64_t n, uint8_t *out) {
    bool folds = width < 16;
    int step = folds ? 16 : 8, lane_width = folds ? 2 * width : width;
    pack_plan plan = pack_plan_of(lane_width);
    for (; n >= step; n -= step, in += step, out += lane_width)
        pack_8_lanes(folds ? fold_16(in, width) : load(in), &plan, out);
    if (!n) return;
    any_u32 rest[16] = {0};
    uint8_t packed[32];
    memcpy(rest, in, (size_t)n * 4);
    pack_8_lanes(folds ? fold_16(rest, width) : load(rest), &plan, packed);
    memcpy(out, packed, (size_t)pqf_bits_bytes(n * width));
}

AVX2 static void pack_u32(const uint32_t *in, int width, int64_t n, uint8_t *out) {
    if (width == 32)
        memcpy(out, in, (size_t)n * 4);
    else if (width > 8)
        pack_wide(in, width, n, out);
    else if (width > 0)
        pack_low_bytes(in, width, n, out);
}

/* -- runs: compare with the first value; lanes behind the end do not count -- */

AVX2 static int64_t run_u32(const uint32_t *in, int64_t n) {
    const any_u32 *p = in;
    __m256i first = _mm256_set1_epi32((int)*p);
    for (int64_t i = 0; i < n; i += 8) {
        __m256i same = _mm256_cmpeq_epi32(load(p + i), first);
        uint32_t differ = ~(uint32_t)_mm256_movemask_epi8(same);
        if (differ) return pqf_min_i64(n, i + __builtin_ctz(differ) / 4);
    }
    return n;
}

AVX2 static int64_t run_u8(const uint8_t *in, int64_t n) {
    __m256i first = _mm256_set1_epi8((char)*in);
    for (int64_t i = 0; i < n; i += 32) {
        __m256i same = _mm256_cmpeq_epi8(load(in + i), first);
        uint32_t differ = ~(uint32_t)_mm256_movemask_epi8(same);
        if (differ) return pqf_min_i64(n, i + __builtin_ctz(differ));
    }
    return n;
}

/* -- null spreading and dropping: eight validity bits choose a permutation -- */

/* The table's lane numbers of a byte as dwords, negative for null slots. */
AVX2_BODY __m256i expand_lanes(uint64_t byte) {
    return _mm256_cvtepi8_epi32(
        _mm_loadl_epi64((const __m128i *)(pqf_mask_expand + byte)));
}

AVX2_BODY __m256i zero_null_lanes(__m256i v, __m256i lanes) {
    return _mm256_andnot_si256(_mm256_srai_epi32(lanes, 31), v);
}

/* Each of these spreads up to 8 slots for the validity byte m. `in` is not read when m is zero,
 * because there may be nothing behind it. */
AVX2_BODY void expand_8_of_1(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m128i lanes = _mm_loadl_epi64((const __m128i *)(pqf_mask_expand + m));
    _mm_storel_epi64((__m128i *)out,
                     _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)in), lanes));
}

/* Lane i is the bytes 2 i and 2 i + 1; the mark of null (0xC0) becomes 0x82, 0x80: still zeroes. */
AVX2_BODY void expand_8_of_2(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m128i lanes =
        _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(pqf_mask_expand + m)));
    lanes = _mm_add_epi16(_mm_mullo_epi16(lanes, _mm_set1_epi16(0x0202)),
                          _mm_set1_epi16(0x0100));
    __m128i v = _mm_loadu_si128((const __m128i *)in);
    _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(v, lanes));
}

AVX2_BODY void expand_8_of_4(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m256i lanes = expand_lanes(m);
    store(out, zero_null_lanes(_mm256_permutevar8x32_epi32(load(in), lanes), lanes));
}

/* Four slots of a nibble: each lane twice as wide, 2 i and 2 i + 1. */
AVX2_BODY void expand_4_of_8(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m128i bytes = _mm_cvtsi32_si128((int)pqf_mask_expand[m]);
    __m256i lanes = _mm256_cvtepi8_epi64(bytes);
    lanes = _mm256_or_si256(lanes, _mm256_slli_epi64(lanes, 32));
    __m256i pairs = _mm256_add_epi32(_mm256_add_epi32(lanes, lanes),
                                     _mm256_set1_epi64x((int64_t)1 << 32));
    store(out, zero_null_lanes(_mm256_permutevar8x32_epi32(load(in), pairs), lanes));
}

AVX2_BODY void expand_8_of_8(const uint8_t *in, uint64_t m, uint8_t *out) {
    expand_4_of_8(in, m & 15, out);
    expand_4_of_8(in + 8 * _mm_popcnt_u64(m & 15), m >> 4, out + 32);
}

/* Words of validity as in the scalar level; in a mixed one 8 slots a step, of which the last step
 * may write up to 7 behind the end: 56 bytes of slack at width 8. */
#define EXPAND(bits_, size, type)                                                        \
    AVX2 static int64_t expand_##bits_(const type *values, const uint8_t *bits,          \
                                       int64_t at, int64_t n, type *slots) {             \
        const uint8_t *in = (const uint8_t *)values;                                     \
        uint8_t *out = (uint8_t *)slots;                                                 \
        int64_t used = 0;                                                                \
        for (; n > 0; n -= 64, at += 64, out += 64 * size) {                             \
            int64_t len = n < 64 ? n : 64;                                               \
            uint64_t m = bits_word_of(bits, at, len);                                    \
            if (m == 0) {                                                                \
                memset(out, 0, (size_t)len *size);                                       \
                continue;                                                                \
            }                                                                            \
            if (m == ~UINT64_C(0)) {                                                     \
                memcpy(out, in + used * size, 64 * size);                                \
                used += 64;                                                              \
                continue;                                                                \
            }                                                                            \
            for (int64_t j = 0; j < len; j += 8, m >>= 8) {                              \
                expand_8_of_##size(in + used * size, m & 255, out + j * size);           \
                used += _mm_popcnt_u64(m & 255);                                         \
            }                                                                            \
        }                                                                                \
        return used;                                                                     \
    }
EXPAND(8, 1, uint8_t)
EXPAND(16, 2, uint16_t)
EXPAND(32, 4, uint32_t)
EXPAND(64, 8, uint64_t)

AVX2_BODY int64_t compress_8_of_4(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(pqf_mask_compress + m));
    __m256i v = _mm256_permutevar8x32_epi32(load(in), _mm256_cvtepu8_epi32(bytes));
    store(out, v);
    return _mm_popcnt_u64(m);
}

AVX2_BODY int64_t compress_4_of_8(const uint8_t *in, uint64_t m, uint8_t *out) {
    __m256i lanes = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128((int)pqf_mask_compress[m]));
    lanes = _mm256_slli_epi64(lanes, 1);
    lanes = _mm256_or_si256(lanes, _mm256_slli_epi64(lanes, 32));
    lanes = _mm256_add_epi32(lanes, _mm256_set1_epi64x((int64_t)1 << 32));
    store(out, _mm256_permutevar8x32_epi32(load(in), lanes));
    return _mm_popcnt_u64(m);
}

AVX2_BODY int64_t compress_8_of_8(const uint8_t *in, uint64_t m, uint8_t *out) {
    int64_t low = compress_4_of_8(in, m & 15, out);
    return low + compress_4_of_8(in + 32, m >> 4, out + low * 8);
}

/* Stores whole vectors: 32 bytes from the last value on, within slack. */
#define COMPRESS(bits_, size, type)                                                      \
    AVX2 static int64_t compress_##bits_(const type *slots, const uint8_t *bits,         \
                                         int64_t at, int64_t n, type *values) {          \
        const uint8_t *in = (const uint8_t *)slots;                                      \
        uint8_t *out = (uint8_t *)values;                                                \
        int64_t count = 0;                                                               \
        for (; n > 0; n -= 64, at += 64, in += 64 * size) {                              \
            uint64_t m = bits_word_of(bits, at, n);                                      \
            if (m == ~UINT64_C(0)) {                                                     \
                memcpy(out + count * size, in, 64 * size);                               \
                count += 64;                                                             \
                continue;                                                                \
            }                                                                            \
            for (const uint8_t *p = in; m; m >>= 8, p += 8 * size)                       \
                count += compress_8_of_##size(p, m & 255, out + count * size);           \
        }                                                                                \
        return count;                                                                    \
    }
COMPRESS(32, 4, uint32_t)
COMPRESS(64, 8, uint64_t)

/* -- bitmaps: the shared loops with popcnt, pext and pdep -- */

AVX2 static int64_t count_bits(const uint8_t *bits, int64_t at, int64_t n) {
    return count_bits_body(bits, at, n);
}

AVX2 static int64_t copy_bits(const uint8_t *in, int64_t at, int64_t n, uint8_t *out,
                              int64_t to) {
    return copy_bits_body(in, at, n, out, to);
}

AVX2 static int64_t extract_bits(const uint8_t *in, int64_t at, const uint8_t *mask,
                                 int64_t mask_at, int64_t n, uint8_t *out, int64_t to) {
    PQF_EXTRACT_BODY(_pext_u64);
}

AVX2 static int64_t deposit_bits(const uint8_t *in, int64_t at, const uint8_t *mask,
                                 int64_t mask_at, int64_t n, uint8_t *out, int64_t to) {
    PQF_DEPOSIT_BODY(_pdep_u64);
}

/* -- levels -- */

AVX2_BODY uint64_t bytes_ge(const uint8_t *p, __m256i value) {
    __m256i x = load(p);
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_max_epu8(x, value), x));
}

AVX2_BODY uint64_t bytes_eq(const uint8_t *p, __m256i value) {
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(p), value));
}

#define LEVELS(name, compare)                                                            \
    AVX2 static int64_t name(const uint8_t *levels, int64_t n, uint8_t value,            \
                             uint64_t *out) {                                            \
        __m256i v = _mm256_set1_epi8((char)value);                                       \
        int64_t count = 0;                                                               \
        for (; n > 0; n -= 64, levels += 64, out++) {                                    \
            uint64_t w = compare(levels, v);                                             \
            if (n > 32) w |= compare(levels + 32, v) << 32;                              \
            w &= low_bits(n);                                                            \
            pqf_store_u64(out, w);                                                       \
            count += _mm_popcnt_u64(w);                                                  \
        }                                                                                \
        return count;                                                                    \
    }
LEVELS(levels_ge, bytes_ge)
LEVELS(levels_eq, bytes_eq)

/* -- minimum and maximum: four accumulators hide the latency; the last vector may overlap -- */

AVX2_BODY __m256i min_i64(__m256i a, __m256i b) {
    return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
}
AVX2_BODY __m256i max_i64(__m256i a, __m256i b) {
    return _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b));
}
/* Order of unsigned is order of signed with the top bit flipped. */
AVX2_BODY __m256i above_u64(__m256i a, __m256i b) {
    __m256i top = _mm256_set1_epi64x(INT64_MIN);
    return _mm256_cmpgt_epi64(_mm256_xor_si256(a, top), _mm256_xor_si256(b, top));
}
AVX2_BODY __m256i min_u64(__m256i a, __m256i b) {
    return _mm256_blendv_epi8(a, b, above_u64(a, b));
}
AVX2_BODY __m256i max_u64(__m256i a, __m256i b) {
    return _mm256_blendv_epi8(b, a, above_u64(a, b));
}
AVX2_BODY __m256i set_i64(int64_t v) { return _mm256_set1_epi64x(v); }
AVX2_BODY __m256i set_u64(uint64_t v) { return _mm256_set1_epi64x((int64_t)v); }
AVX2_BODY __m256i set_i32(int32_t v) { return _mm256_set1_epi32(v); }
AVX2_BODY __m256i set_u32(uint32_t v) { return _mm256_set1_epi32((int)v); }
AVX2_BODY __m256 load_f32(const any_f32 *p) { return _mm256_loadu_ps((const float *)p); }
AVX2_BODY __m256d load_f64(const any_f64 *p) {
    return _mm256_loadu_pd((const double *)p);
}

/* min(x, acc) and max(x, acc) of floats give acc when x is NaN. */
#define MINMAX(suffix, type, vec, lanes, load_, set, min_, max_, lowest, highest)        \
    AVX2 static void minmax_##suffix(const type *values, int64_t n, type *min,           \
                                     type *max) {                                        \
        const any_##suffix *in = values;                                                 \
        type lo = highest, hi = lowest, lows[lanes], highs[lanes];                       \
        vec l[4], h[4];                                                                  \
        for (int a = 0; a < 4; a++) {                                                    \
            l[a] = set(highest);                                                         \
            h[a] = set(lowest);                                                          \
        }                                                                                \
        int64_t i = 0;                                                                   \
        for (; i + 4 * lanes <= n; i += 4 * lanes)                                       \
            for (int a = 0; a < 4; a++) {                                                \
                vec x = load_(in + i + a * lanes);                                       \
                l[a] = min_(x, l[a]);                                                    \
                h[a] = max_(x, h[a]);                                                    \
            }                                                                            \
        for (; n >= lanes && i < n; i += lanes) {                                        \
            vec x = load_(in + (i + lanes <= n ? i : n - lanes));                        \
            l[0] = min_(x, l[0]);                                                        \
            h[0] = max_(x, h[0]);                                                        \
        }                                                                                \
        l[0] = min_(min_(l[0], l[1]), min_(l[2], l[3]));                                 \
        h[0] = max_(max_(h[0], h[1]), max_(h[2], h[3]));                                 \
        memcpy(lows, &l[0], sizeof lows);                                                \
        memcpy(highs, &h[0], sizeof highs);                                              \
        for (int a = 0; a < lanes; a++) {                                                \
            lo = lows[a] < lo ? lows[a] : lo;                                            \
            hi = highs[a] > hi ? highs[a] : hi;                                          \
        }                                                                                \
        for (; i < n; i++) {                                                             \
            lo = in[i] < lo ? in[i] : lo;                                                \
            hi = in[i] > hi ? in[i] : hi;                                                \
        }                                                                                \
        *min = lo;                                                                       \
        *max = hi;                                                                       \
    }
MINMAX(i32, int32_t, __m256i, 8, load, set_i32, _mm256_min_epi32, _mm256_max_epi32,
       INT32_MIN, INT32_MAX)
MINMAX(u32, uint32_t, __m256i, 8, load, set_u32, _mm256_min_epu32, _mm256_max_epu32, 0,
       UINT32_MAX)
MINMAX(i64, int64_t, __m256i, 4, load, set_i64, min_i64, max_i64, INT64_MIN, INT64_MAX)
MINMAX(u64, uint64_t, __m256i, 4, load, set_u64, min_u64, max_u64, 0, UINT64_MAX)
MINMAX(f32, float, __m256, 8, load_f32, _mm256_set1_ps, _mm256_min_ps, _mm256_max_ps,
       -INFINITY, INFINITY)
MINMAX(f64, double, __m256d, 4, load_f64, _mm256_set1_pd, _mm256_min_pd, _mm256_max_pd,
       -(double)INFINITY, (double)INFINITY)

#define COUNT_NANS(suffix, type, vec, lanes, load_, unordered, movemask)                 \
    AVX2 static int64_t count_nans_##suffix(const type *values, int64_t n) {             \
        const any_##suffix *in = values;                                                 \
        int64_t count = 0;                                                               \
        for (; n >= 2 * lanes; n -= 2 * lanes, in += 2 * lanes) {                        \
            vec a = load_(in), b = load_(in + lanes);                                    \
            unsigned nans = (unsigned)movemask(unordered(a, a, _CMP_UNORD_Q)) |          \
                            (unsigned)movemask(unordered(b, b, _CMP_UNORD_Q)) << lanes;  \
            count += __builtin_popcount(nans);                                           \
        }                                                                                \
        for (int64_t i = 0; i < n; i++)                                                  \
            count += in[i] != in[i];                                                     \
        return count;                                                                    \
    }
COUNT_NANS(f32, float, __m256, 8, load_f32, _mm256_cmp_ps, _mm256_movemask_ps)
COUNT_NANS(f64, double, __m256d, 4, load_f64, _mm256_cmp_pd, _mm256_movemask_pd)

/* Largest of unsigned values: zero vectors to begin with, the same overlap at the end. */
#define MAX(bits_, lanes, max_)                                                          \
    AVX2 static uint##bits_##_t max_u##bits_(const uint##bits_##_t *values, int64_t n) { \
        const any_u##bits_ *in = values;                                                 \
        uint##bits_##_t max = 0, highs[lanes];                                           \
        __m256i h[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(),                  \
                        _mm256_setzero_si256(), _mm256_setzero_si256()};                 \
        int64_t i = 0;                                                                   \
        for (; i + 4 * lanes <= n; i += 4 * lanes)                                       \
            for (int a = 0; a < 4; a++)                                                  \
                h[a] = max_(load(in + i + a * lanes), h[a]);                             \
        for (; n >= lanes && i < n; i += lanes)                                          \
            h[0] = max_(load(in + (i + lanes <= n ? i : n - lanes)), h[0]);              \
        store(highs, max_(max_(h[0], h[1]), max_(h[2], h[3])));                          \
        for (int a = 0; a < lanes; a++)                                                  \
            max = highs[a] > max ? highs[a] : max;                                       \
        for (; i < n; i++)                                                               \
            max = in[i] > max ? in[i] : max;                                             \
        return max;                                                                      \
    }
MAX(32, 8, _mm256_max_epu32)
MAX(8, 32, _mm256_max_epu8)

/* -- gather: a tiny dictionary fits two registers -- */

/* The dictionary's first 16 entries are there to load even when it has one: slack is 64 bytes. */
AVX2 static void gather_32(const uint32_t *dict, const uint32_t *idx, int64_t n,
                           uint32_t *out) {
    const any_u32 *from = dict, *at = idx;
    any_u32 *to = out;
    int64_t i = 0;
    if (n >= 32 && max_u32(idx, 8) < 16 && max_u32(idx, n) < 16) {
        __m256i lo = load(from), hi = load(from + 8);
        for (; i < n; i += 8) {
            __m256i x = load(at + i);
            __m256 a = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(lo, x));
            __m256 b = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(hi, x));
            __m256 high = _mm256_castsi256_ps(_mm256_slli_epi32(x, 28));
            store(to + i, _mm256_castps_si256(_mm256_blendv_ps(a, b, high)));
        }
    }
    gather_32_from(from, at, i, n, to);
}

/* -- widths and byte order -- */

AVX2 static void narrow_32_8(const uint32_t *values, int64_t n, uint8_t *out) {
    const any_u32 *in = values;
    for (; n >= 32; n -= 32, in += 32, out += 32)
        store(out, narrow_32_bytes(in));
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)in[i];
}

AVX2 static void narrow_32_16(const uint32_t *values, int64_t n, uint16_t *narrow) {
    const any_u32 *in = values;
    any_u16 *out = narrow;
    __m256i mask = _mm256_set1_epi32(0xFFFF);
    for (; n >= 16; n -= 16, in += 16, out += 16) {
        __m256i a = _mm256_and_si256(load(in), mask),
                b = _mm256_and_si256(load(in + 8), mask);
        store(out, _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8));
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint16_t)in[i];
}

/* Two values a step. `turn` reverses the first `width` bytes and leaves zeros above, `top` brings
 * the first byte to the places above, where comparing with zero makes it the sign. */
AVX2 static void decimal_from_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t turns[16], tops[16];
    for (int i = 0; i < 16; i++) {
        turns[i] = (uint8_t)(i < width ? width - 1 - i : 0x80);
        tops[i] = i < width ? 0x80 : 0;
    }
    __m256i turn = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)turns));
    __m256i top = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)tops));
    __m256i zero = _mm256_setzero_si256();
    for (int64_t i = 0; i < n; i += 2, in += 2 * width, out += 32) {
        __m256i x = load_halves(in, in + width);
        __m256i sign = _mm256_cmpgt_epi8(zero, _mm256_shuffle_epi8(x, top));
        store(out, _mm256_or_si256(_mm256_shuffle_epi8(x, turn), sign));
    }
}

/* Each store spills over into the next value, which comes after it. */
AVX2 static bool decimal_to_be(const uint8_t *in, int width, int64_t n, uint8_t *out) {
    uint8_t turns[16], ends[16];
    for (int i = 0; i < 16; i++) {
        turns[i] = (uint8_t)(i < width ? width - 1 - i : 0x80);
        ends[i] = i < width ? 0 : 0xFF;
    }
    __m128i turn = _mm_loadu_si128((const __m128i *)turns);
    __m128i end = _mm_loadu_si128((const __m128i *)ends);
    __m128i last = _mm_set1_epi8((char)(width - 1)), zero = _mm_setzero_si128();
    __m128i wrong = zero;
    for (int64_t i = 0; i < n; i++, in += 16, out += width) {
        __m128i x = _mm_loadu_si128((const __m128i *)in);
        __m128i sign = _mm_cmpgt_epi8(zero, _mm_shuffle_epi8(x, last));
        wrong = _mm_or_si128(wrong, _mm_and_si128(_mm_xor_si128(x, sign), end));
        _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(x, turn));
    }
    return _mm_testz_si128(wrong, wrong);
}

/* -- UTF-8: pairs of bytes are judged by the three tables of utf8_table.h -- */

AVX2_BODY __m256i table_of(const uint8_t *table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

/* Nonzero bytes where the bytes of x, which follow those of prev, are wrong. */
AVX2_BODY __m256i utf8_faults(__m256i x, __m256i prev) {
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i before = _mm256_permute2x128_si256(prev, x, 0x21);
    __m256i back1 = _mm256_alignr_epi8(x, before, 15);
    __m256i back2 = _mm256_alignr_epi8(x, before, 14);
    __m256i back3 = _mm256_alignr_epi8(x, before, 13);
    __m256i low = _mm256_and_si256(back1, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(back1, 4), nibble);
    __m256i next = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
    __m256i faults = _mm256_and_si256(_mm256_shuffle_epi8(table_of(pqf_utf8_low), low),
                                      _mm256_shuffle_epi8(table_of(pqf_utf8_high), high));
    faults = _mm256_and_si256(faults, _mm256_shuffle_epi8(table_of(pqf_utf8_next), next));
    /* The top bit says that a third byte (E0.. two before) or a fourth (F0.. three) is due. */
    __m256i third = _mm256_subs_epu8(back2, _mm256_set1_epi8(0xE0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(back3, _mm256_set1_epi8(0xF0 - 0x80));
    __m256i due =
        _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(faults, due);
}

/* ASCII blocks behind ASCII are skipped. The rest is judged with zeros behind it, before which no
 * sequence may be open. */
AVX2 static bool utf8_valid(const uint8_t *in, int64_t n) {
    __m256i prev = _mm256_setzero_si256(), faults = prev;
    bool clean = true; /* prev is ASCII */
    uint8_t rest[32] = {0};
    for (; n >= 32; n -= 32, in += 32) {
        while (clean && n >= 128) {
            __m256i a = _mm256_or_si256(load(in), load(in + 32));
            __m256i b = _mm256_or_si256(load(in + 64), load(in + 96));
            if (_mm256_movemask_epi8(_mm256_or_si256(a, b))) break;
            in += 128;
            n -= 128;
        }
        if (n < 32) break;
        __m256i x = load(in);
        bool ascii = _mm256_movemask_epi8(x) == 0;
        if (clean && ascii) continue;
        faults = _mm256_or_si256(faults, utf8_faults(x, prev));
        prev = x;
        clean = ascii;
    }
    memcpy(rest, in, (size_t)n);
    faults = _mm256_or_si256(faults, utf8_faults(load(rest), prev));
    return _mm256_testz_si256(faults, faults);
}

void pqf_kernels_put_avx2(pqf_kernels *table) {
    table->unpack_u32 = unpack_u32;
    table->unpack_u8 = unpack_u8;
    table->pack_u32 = pack_u32;
    table->pack_u8 = pack_u8;
    table->max_u32 = max_u32;
    table->max_u8 = max_u8;
    table->run_u32 = run_u32;
    table->run_u8 = run_u8;
    table->gather_32 = gather_32;
    table->expand_8 = expand_8;
    table->expand_16 = expand_16;
    table->expand_32 = expand_32;
    table->expand_64 = expand_64;
    table->compress_32 = compress_32;
    table->compress_64 = compress_64;
    table->count_bits = count_bits;
    table->copy_bits = copy_bits;
    table->extract_bits = extract_bits;
    table->deposit_bits = deposit_bits;
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
    table->decimal_from_be = decimal_from_be;
    table->decimal_to_be = decimal_to_be;
    table->utf8_valid = utf8_valid;
    pqf_kernels_put_crc32_avx2(table);
    pqf_kernels_put_delta_avx2(table);
    pqf_kernels_put_streams_avx2(table);
}

#endif
