/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32.c: room kernel, all levels: CRC-32 of gzip (ISO 3309), the checksum of pages. Bits are taken
 * low first, so a register holds the polynomial's highest power in its lowest bit.
 *
 * Without vectors: eight tables, eight bytes a step. With them: the bytes so far are a remainder of 16 bytes
 * R = (lo, hi), and what they mean D bits further on is (Intel, "Fast CRC Computation Using PCLMULQDQ")
 *
 *   lo * (x^(D+32) mod P) + hi * (x^(D-32) mod P), again of 16 bytes, to which the bytes there are added
 *
 * Several remainders run side by side, each over its own 16 bytes of a step. At the end they are moved
 * together, and the tables take what is left.
 */
#include "tables.h"

static uint32_t tables[8][256];

/* A byte more per table. */
void pqf_crc32_prepare(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (UINT32_C(0xEDB88320) & (0 - (c & 1)));
        tables[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
}

/* The register, without the complements at both ends, after n more bytes. */
static uint32_t crc_bytes(uint32_t crc, const uint8_t *in, int64_t n) {
    for (; n >= 8; n -= 8, in += 8) {
        uint64_t w = pqf_load_u64(in) ^ crc;
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= tables[7 - k][w >> (8 * k) & 255];
    }
    for (; n > 0; n--, in++)
        crc = crc >> 8 ^ tables[0][(crc ^ *in) & 255];
    return crc;
}

uint32_t pqf_crc32_tables(uint32_t seed, const uint8_t *in, int64_t n) {
    return ~crc_bytes(~seed, in, n);
}

#if PQF_KERNEL_ARM

/* -- the CPU's own instruction for this polynomial, on the register without complements -- */

/* As assembly, which compilers take whatever CPU they compile for. */
PQF_BODY uint32_t crc_8(uint32_t crc, uint64_t word) {
    __asm__(".arch_extension crc\n\tcrc32x %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    return crc;
}
PQF_BODY uint32_t crc_1(uint32_t crc, uint32_t byte) {
    __asm__(".arch_extension crc\n\tcrc32b %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
    return crc;
}

static uint32_t crc32_neon(uint32_t seed, const uint8_t *in, int64_t n) {
    uint32_t crc = ~seed;
    for (; n >= 8; n -= 8, in += 8)
        crc = crc_8(crc, pqf_load_u64(in));
    for (; n > 0; n--, in++)
        crc = crc_1(crc, *in);
    return ~crc;
}

void pqf_kernels_put_crc32_neon(pqf_kernels *table) { table->crc32 = crc32_neon; }

#endif

#if PQF_KERNEL_X86

#include <immintrin.h>

/* x^(D+32) and x^(D-32) mod P for a way of D bits, low first and one bit further up, where a product
 * of such numbers lies. */
#define WAY_128  0x1751997d0, 0x0ccaa009e
#define WAY_256  0x0f1da05aa, 0x15a546366
#define WAY_384  0x03db1ecdc, 0x174359406
#define WAY_512  0x154442bd4, 0x1c6e41596
#define WAY_2048 0x11542778a, 0x1322d1430

/* -- 16 bytes at a time, four side by side -- */

#define AVX2      __attribute__((target("avx2,pclmul,bmi,bmi2")))
#define AVX2_BODY AVX2 PQF_BODY

AVX2_BODY __m128i load_16(const uint8_t *in) {
    return _mm_loadu_si128((const __m128i *)(const void *)in);
}
AVX2_BODY __m128i way_16(uint64_t lo, uint64_t hi) {
    return _mm_set_epi64x((int64_t)hi, (int64_t)lo);
}
AVX2_BODY __m128i fold_16(__m128i r, __m128i way, __m128i next) {
    __m128i lo = _mm_clmulepi64_si128(r, way, 0x00);
    __m128i hi = _mm_clmulepi64_si128(r, way, 0x11);
    return _mm_xor_si128(_mm_xor_si128(lo, hi), next);
}

/* The rest, behind the remainder r. */
AVX2_BODY uint32_t finish_16(__m128i r, const uint8_t *in, int64_t n) {
    uint8_t bytes[16];
    for (; n >= 16; n -= 16, in += 16)
        r = fold_16(r, way_16(WAY_128), load_16(in));
    _mm_storeu_si128((__m128i *)(void *)bytes, r);
    return ~crc_bytes(crc_bytes(0, bytes, 16), in, n);
}

AVX2 static uint32_t crc32_avx2(uint32_t seed, const uint8_t *in, int64_t n) {
    if (n < 64) return pqf_crc32_tables(seed, in, n);
    __m128i r[4], way = way_16(WAY_512);
    for (int i = 0; i < 4; i++)
        r[i] = load_16(in + 16 * i);
    r[0] = _mm_xor_si128(r[0], _mm_cvtsi32_si128((int)~seed));
    for (in += 64, n -= 64; n >= 64; in += 64, n -= 64)
        for (int i = 0; i < 4; i++)
            r[i] = fold_16(r[i], way, load_16(in + 16 * i));
    way = way_16(WAY_128);
    for (int i = 1; i < 4; i++)
        r[i] = fold_16(r[i - 1], way, r[i]);
    return finish_16(r[3], in, n);
}

void pqf_kernels_put_crc32_avx2(pqf_kernels *table) { table->crc32 = crc32_avx2; }

/* -- 64 bytes at a time, four side by side -- */

#define AVX512                                                                           \
    __attribute__((                                                                      \
        target("avx512f,avx512bw,avx512vl,avx512dq,vpclmulqdq,avx2,pclmul,bmi,bmi2")))
#define AVX512_BODY AVX512 PQF_BODY

AVX512_BODY __m512i fold_64(__m512i r, __m512i way, __m512i next) {
    __m512i lo = _mm512_clmulepi64_epi128(r, way, 0x00);
    __m512i hi = _mm512_clmulepi64_epi128(r, way, 0x11);
    return _mm512_ternarylogic_epi64(lo, hi, next, 0x96); /* xor of three */
}

AVX512_BODY __m512i way_64(uint64_t lo, uint64_t hi) {
    return _mm512_broadcast_i32x4(way_16(lo, hi));
}

/* The first three of the four remainders go where the last one is. */
AVX512_BODY __m128i join_64(__m512i r) {
    static const uint64_t ways[8] = {WAY_384, WAY_256, WAY_128};
    __m512i last = _mm512_maskz_mov_epi64(0xC0, r);
    __m512i x = fold_64(r, _mm512_loadu_si512(ways), last);
    __m256i y =
        _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
}

AVX512 static uint32_t crc32_avx512(uint32_t seed, const uint8_t *in, int64_t n) {
    if (n < 256) return crc32_avx2(seed, in, n);
    __m512i r[4], way = way_64(WAY_2048);
    for (int i = 0; i < 4; i++)
        r[i] = _mm512_loadu_si512(in + 64 * i);
    r[0] = _mm512_xor_si512(r[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~seed)));
    for (in += 256, n -= 256; n >= 256; in += 256, n -= 256)
        for (int i = 0; i < 4; i++)
            r[i] = fold_64(r[i], way, _mm512_loadu_si512(in + 64 * i));
    way = way_64(WAY_512);
    for (int i = 1; i < 4; i++)
        r[i] = fold_64(r[i - 1], way, r[i]);
    for (; n >= 64; in += 64, n -= 64)
        r[3] = fold_64(r[3], way, _mm512_loadu_si512(in));
    return finish_16(join_64(r[3]), in, n);
}

void pqf_kernels_put_crc32_avx512(pqf_kernels *table) { table->crc32 = crc32_avx512; }

#endif
