/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.c: fuzz targets of the room codec, one per row of its table. An input:
 *
 *   out_len u16, times u8   the page's header says out_len << (times mod 8) bytes
 *   the compressed bytes
 *
 * Decompressing must not depend on what stands behind the bytes, must fill exactly what it was asked
 * for, and gives back what was compressed.
 *
 * Snappy is written without a library: a target of its own compresses an input, which says
 *
 *   times u8, lag u16   the bytes repeat `times` more, one of `lag` + 1 increased, so that values and far copies
 *                       come from short inputs
 *   the bytes
 *
 * and both decoders, ours and the library's, give it back.
 */
#include "fuzz.h"

#include "codec/codec.h"

#include <snappy-c.h>
#include <stdlib.h>

#define HEAD_BYTES 3
#define MOST_PLAIN (1 << 20) /* beyond it nothing is repeated */

static pqf_status decompress(int32_t id, pqf_bytes in, uint8_t slack, size_t out_len,
                             uint8_t *out, pqf_error *err) {
    pqf_codec_ctx ctx = {0};
    uint8_t *copy = fuzz_copy(in, slack);
    pqf_error_init(err);
    pqf_status status =
        pqf_codec_decompress(&ctx, id, pqf_bytes_of(copy, in.len), out, out_len, err);
    fuzz_ok(status, err);
    pqf_codec_ctx_reset(&ctx);
    free(copy);
    return status;
}

static void compress_again(int32_t id, pqf_bytes plain) {
    pqf_codec_ctx ctx = {0};
    pqf_buf packed;
    pqf_error err;
    pqf_error_init(&err);
    pqf_buf_init(&packed, fuzz_mem, 0);
    int32_t level = id == PQF_LZ4_RAW ? PQF_LEVEL_DEFAULT : 1;
    fuzz_must(pqf_codec_compress(&ctx, id, level, plain, &packed, &err), &err,
              "compressing");
    uint8_t *out = fuzz_room(plain.len);
    fuzz_must(decompress(id, pqf_buf_view(&packed), 0, plain.len, out, &err), &err,
              "what was compressed");
    FUZZ_CHECK(!plain.len || !memcmp(out, plain.data, plain.len), "other bytes");
    free(out);
    pqf_buf_reset(&packed);
    pqf_codec_ctx_reset(&ctx);
}

/* By a library; the old LZ4 framings are only read, and Snappy has a target of its own. */
static bool is_written(int32_t id) {
    return id == PQF_GZIP || id == PQF_BROTLI || id == PQF_ZSTD || id == PQF_LZ4_RAW;
}

void fuzz_codec(const fuzz_target *target, pqf_bytes in) {
    pqf_error err;
    if (in.len < HEAD_BYTES) return;
    size_t out_len = (size_t)pqf_load_u16(in.data) << in.data[2] % 8;
    pqf_bytes body = {in.data + HEAD_BYTES, in.len - HEAD_BYTES};
    uint8_t *a = fuzz_room(out_len), *b = fuzz_room(out_len);
    pqf_status status = decompress(target->param, body, 0x00, out_len, a, &err);
    pqf_status other = decompress(target->param, body, 0xFF, out_len, b, &err);
    FUZZ_CHECK(status == other, "%d, with other bytes behind %d", (int)status,
               (int)other);
    FUZZ_CHECK(status != PQF_OK || !out_len || !memcmp(a, b, out_len),
               "the bytes behind were used");
    if (is_written(target->param) && body.len < 4096) compress_again(target->param, body);
    free(a);
    free(b);
}

/* ---- what is compressed ---- */

static uint8_t *repeat(pqf_bytes in, size_t times, size_t lag, pqf_bytes *out) {
    if (in.len * (times + 1) > MOST_PLAIN) times = 0;
    uint8_t *plain = fuzz_room(in.len * (times + 1));
    for (size_t i = 0; i < in.len * (times + 1); i++) {
        plain[i] = i < in.len ? in.data[i] : plain[i - in.len];
        if (i >= in.len && i % (lag + 1) == 0) plain[i]++;
    }
    *out = pqf_bytes_of(plain, in.len * (times + 1));
    return plain;
}

static void read_by_both(pqf_bytes packed, pqf_bytes plain) {
    pqf_error err;
    size_t len = plain.len;
    uint8_t *out = fuzz_room(plain.len);
    fuzz_must(decompress(PQF_SNAPPY, packed, 0xFF, plain.len, out, &err), &err,
              "what was compressed");
    FUZZ_CHECK(!memcmp(out, plain.data, plain.len), "other bytes");
    memset(out, 0, plain.len);
    FUZZ_CHECK(snappy_uncompress((const char *)packed.data, packed.len, (char *)out,
                                 &len) == SNAPPY_OK,
               "the library finds damage");
    FUZZ_CHECK(len == plain.len && !memcmp(out, plain.data, len),
               "other bytes by the library");
    free(out);
}

void fuzz_snappy_write(const fuzz_target *target, pqf_bytes in) {
    (void)target;
    if (in.len < HEAD_BYTES) return;
    pqf_codec_ctx ctx = {0};
    pqf_buf packed;
    pqf_error err;
    pqf_bytes plain, body = {in.data + HEAD_BYTES, in.len - HEAD_BYTES};
    uint8_t *room = repeat(body, in.data[0], pqf_load_u16(in.data + 1), &plain);
    pqf_error_init(&err);
    pqf_buf_init(&packed, fuzz_mem, 0);
    fuzz_must(
        pqf_codec_compress(&ctx, PQF_SNAPPY, PQF_LEVEL_DEFAULT, plain, &packed, &err),
        &err, "compressing");
    read_by_both(pqf_buf_view(&packed), plain);
    pqf_buf_reset(&packed);
    pqf_codec_ctx_reset(&ctx);
    free(room);
}

/* ---- seeds ---- */

/* Text, values of 5 to 8 bytes that count, and bytes that nothing can be made of. */
void fuzz_snappy_write_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    fuzz_random r = {11};
    uint8_t plain[2000];
    for (size_t n = 0; n <= sizeof plain; n = 3 * n + 1) {
        for (size_t i = 0; i < n; i++)
            plain[i] = (uint8_t)(i & 64 ? fuzz_next(&r) : i / 8);
        uint8_t head[HEAD_BYTES] = {(uint8_t)(n % 40), (uint8_t)n, 0};
        fuzz_put_seed(seeds, head, sizeof head, pqf_bytes_of(plain, n));
    }
    for (uint8_t stride = 4; stride <= 9; stride++) {
        uint8_t head[HEAD_BYTES] = {250, (uint8_t)(stride - 1), 0};
        fuzz_put_seed(seeds, head, sizeof head,
                      pqf_bytes_of("\1\2\0\0\0\0\0\0\0", stride));
    }
    uint8_t head[HEAD_BYTES] = {200, 7, 1};
    fuzz_put_seed(seeds, head, sizeof head,
                  pqf_bytes_of("furiously ironic deposits sleep furiously", 41));
}

static void put_head(const fuzz_seeds *seeds, size_t out_len, pqf_bytes body) {
    uint8_t head[HEAD_BYTES] = {0};
    pqf_store_u16(head, (uint16_t)out_len);
    fuzz_put_seed(seeds, head, sizeof head, body);
}

static pqf_bytes pack(int32_t id, pqf_bytes plain, pqf_buf *out) {
    pqf_codec_ctx ctx = {0};
    pqf_error err;
    pqf_error_init(&err);
    size_t before = out->len;
    fuzz_must(pqf_codec_compress(&ctx, id, PQF_LEVEL_DEFAULT, plain, out, &err), &err,
              "a seed");
    pqf_codec_ctx_reset(&ctx);
    return pqf_bytes_of(out->data + before, out->len - before);
}

/* Hadoop's framing: both lengths, most significant byte first, before each block. */
static void put_hadoop(const fuzz_seeds *seeds, pqf_bytes plain, int num_blocks) {
    pqf_buf out = fuzz_lasting_buf();
    pqf_error err;
    pqf_error_init(&err);
    for (int i = 0; i < num_blocks; i++) {
        pqf_buf packed = fuzz_lasting_buf();
        pqf_bytes block = pack(PQF_LZ4_RAW, plain, &packed);
        uint8_t lens[8] = {0, 0, (uint8_t)(plain.len >> 8), (uint8_t)plain.len,
                           0, 0, (uint8_t)(block.len >> 8), (uint8_t)block.len};
        fuzz_must(pqf_buf_put(&out, lens, 8, &err), &err, "a seed");
        fuzz_must(pqf_buf_put(&out, block.data, block.len, &err), &err, "a seed");
        pqf_buf_reset(&packed);
    }
    put_head(seeds, plain.len * (size_t)num_blocks, pqf_buf_view(&out));
    pqf_buf_reset(&out);
}

/* An LZ4 frame of one block that is stored as it is. */
static void put_frame(const fuzz_seeds *seeds) {
    static const uint8_t frame[] = {0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 4, 0, 0,
                                    0x80, 'a',  'b',  'c',  'd',  0,    0,    0, 0};
    put_head(seeds, 4, pqf_bytes_of(frame, sizeof frame));
}

/* One after the other, as gzip and zstd allow. */
static void put_members(const fuzz_seeds *seeds, int32_t id, pqf_bytes plain) {
    pqf_buf out = fuzz_lasting_buf();
    pack(id, plain, &out);
    put_head(seeds, plain.len, pqf_buf_view(&out));
    pack(id, plain, &out);
    put_head(seeds, 2 * plain.len, pqf_buf_view(&out));
    pqf_buf_reset(&out);
}

void fuzz_codec_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    int32_t id = target->param;
    fuzz_random r = {7};
    uint8_t plain[2000];
    for (size_t n = 0; n <= sizeof plain; n = 3 * n + 1) {
        for (size_t i = 0; i < n; i++)
            plain[i] = (uint8_t)(i & 64 ? fuzz_next(&r) : i / 8);
        if (id == PQF_LZ4)
            put_hadoop(seeds, pqf_bytes_of(plain, n), n % 2 ? 1 : 3);
        else
            put_members(seeds, id, pqf_bytes_of(plain, n));
    }
    if (id == PQF_LZ4) put_frame(seeds);
}
