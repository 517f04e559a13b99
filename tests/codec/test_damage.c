/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged compressed bytes: cut at every byte, flipped at every bit, replaced by noise. They may be
 * refused or, where a codec has no checksum, become other bytes, but nothing outside the buffers
 * is touched: input and output lie next to unmapped pages, and bytes before the output are watched.
 */
#include "codec_test.h"

static uint8_t *packed_area, *out_area;
static pqf_codec_ctx ctx;
static pqf_mem *mem;
static pqf_error err;
static pqf_buf packed;

static const int32_t ids[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_GZIP,   PQF_BROTLI,
                              PQF_LZ4,          PQF_ZSTD,   PQF_LZ4_RAW};
enum { NUM_IDS = 7, GUARD = 256 };

static void make_packed(int32_t id, const uint8_t *in, size_t len) {
    packed.len = 0;
    int32_t writer = id == PQF_LZ4 ? PQF_LZ4_RAW : id;
    if (id == PQF_LZ4) packed.len = 8;
    CHECK(pqf_buf_reserve(&packed, 64, &err) == PQF_OK, "no memory");
    CHECK(pqf_codec_compress(&ctx, writer, PQF_LEVEL_DEFAULT, pqf_bytes_of(in, len),
                             &packed, &err) == PQF_OK,
          "codec %d: %s", id, err.message);
    if (id != PQF_LZ4) return;
    pqf_store_u32(packed.data, __builtin_bswap32((uint32_t)len));
    pqf_store_u32(packed.data + 4, __builtin_bswap32((uint32_t)(packed.len - 8)));
}

/* Decompresses `len` bytes that lie at the end of packed_area. */
static pqf_status try_bytes(int32_t id, size_t len, size_t out_len) {
    uint8_t *out = place(out_area, out_len);
    memset(out - GUARD, 0x5A, GUARD);
    pqf_status status = pqf_codec_decompress(
        &ctx, id, pqf_bytes_of(place(packed_area, len), len), out, out_len, &err);
    for (int i = 1; i <= GUARD; i++)
        CHECK(out[-i] == 0x5A, "codec %d wrote %d bytes before its output", id, i);
    CHECK(status == PQF_OK || status == PQF_CORRUPT, "codec %d: status %d: %s", id,
          status, err.message);
    return status;
}

static void test_cut(void **state) {
    (void)state;
    static uint8_t in[700];
    make_sample(in, sizeof in, 2);
    for (int c = 0; c < NUM_IDS; c++) {
        make_packed(ids[c], in, sizeof in);
        for (size_t len = 0; len < packed.len; len++) {
            memcpy(place(packed_area, len), packed.data, len);
            CHECK(try_bytes(ids[c], len, sizeof in) == PQF_CORRUPT,
                  "codec %d accepts %zu of %zu bytes", ids[c], len, packed.len);
        }
        memcpy(place(packed_area, packed.len + 3), packed.data, packed.len);
        CHECK(try_bytes(ids[c], packed.len + 3, sizeof in) == PQF_CORRUPT,
              "codec %d accepts bytes behind its end", ids[c]);
    }
}

/* Every single bit of a small stream; gzip's checksum must notice each that changes the data. */
static void test_flip(void **state) {
    (void)state;
    static uint8_t in[700];
    for (int c = 0; c < NUM_IDS; c++)
        for (int kind = 0; kind < NUM_KINDS; kind++) {
            make_sample(in, sizeof in, kind);
            make_packed(ids[c], in, sizeof in);
            uint8_t *p = place(packed_area, packed.len);
            for (size_t bit = 0; bit < packed.len * 8; bit++) {
                memcpy(p, packed.data, packed.len);
                p[bit / 8] = (uint8_t)(p[bit / 8] ^ 1u << bit % 8);
                pqf_status status = try_bytes(ids[c], packed.len, sizeof in);
                if (ids[c] == PQF_GZIP && status == PQF_OK)
                    CHECK(!memcmp(place(out_area, sizeof in), in, sizeof in),
                          "gzip: bit %zu changes data unnoticed", bit);
            }
        }
}

/* Several bytes changed in larger streams, and noise that never was one. */
static void test_noise(void **state) {
    (void)state;
    static uint8_t in[20000];
    for (int c = 0; c < NUM_IDS; c++)
        for (int round = 0; round < 300; round++) {
            size_t in_len = 1 + rnd() % sizeof in;
            make_sample(in, in_len, (int)(rnd() % NUM_KINDS));
            make_packed(ids[c], in, in_len);
            uint8_t *p = place(packed_area, packed.len);
            memcpy(p, packed.data, packed.len);
            for (uint64_t i = 0; i < 1 + (uint64_t)round % 8; i++)
                p[rnd() % packed.len] = (uint8_t)rnd();
            try_bytes(ids[c], packed.len, in_len);
            size_t len = rnd() % 300;
            p = place(packed_area, len);
            make_sample(p, len, 0);
            if (ids[c] == PQF_GZIP && len > 3) memcpy(p, "\x1f\x8b\x08", 4);
            if (ids[c] == PQF_ZSTD && len > 4) memcpy(p, "\x28\xb5\x2f\xfd", 4);
            try_bytes(ids[c], len, rnd() % 5000);
        }
}

/* Lengths inside a stream that promise far more than there is must not be believed. */
static void test_liars(void **state) {
    (void)state;
    static const struct {
        int32_t id;
        const char *bytes;
        size_t len;
    } rows[] = {
        {PQF_SNAPPY, "\xff\xff\xff\xff\x0f\x00", 6},
        {PQF_LZ4, "\x7f\xff\xff\xff\x00\x00\x00\x01\x00", 9},
        {PQF_LZ4, "\x00\x00\x00\x10\xff\xff\xff\xff\x00", 9},
        {PQF_LZ4, "\x04\x22\x4d\x18\x6c\x70\xff\xff\xff\xff\xff\xff\xff\x7f\x00", 15},
        {PQF_ZSTD, "\x28\xb5\x2f\xfd\xc0\xff\xff\xff\xff\xff\xff\xff\x00\x01\x00\x00",
         16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(place(packed_area, rows[i].len), rows[i].bytes, rows[i].len);
        CHECK(try_bytes(rows[i].id, rows[i].len, 16) == PQF_CORRUPT,
              "row %zu is accepted", i);
    }
}

int main(void) {
    seed_set();
    packed_area = area_new();
    out_area = area_new();
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err)) return 1;
    pqf_buf_init(&packed, mem, 0);
    if (pqf_buf_reserve(&packed, 64, &err)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut), cmocka_unit_test(test_flip),
        cmocka_unit_test(test_noise), cmocka_unit_test(test_liars)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pqf_codec_ctx_reset(&ctx);
    pqf_buf_reset(&packed);
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return failed + (used != 0);
}
