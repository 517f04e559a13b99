/* SPDX-License-Identifier: Apache-2.0
 *
 * lz4.c: room codec, the rows of LZ4_RAW and of the deprecated LZ4 over liblz4. Compression.md,
 * LZ4 and LZ4_RAW. Under the id LZ4 three things were written over the years: blocks in Hadoop's
 * framing, bare blocks and LZ4 frames; they are tried in this order. Only LZ4_RAW is written.
 */
#include "row.h"

#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>

/* Bytes written, -1 when the block is damaged or does not fit. */
static int64_t decode_block(pqf_bytes in, uint8_t *out, size_t out_len) {
    if (in.len > INT_MAX) return -1;
    int cap = out_len > INT_MAX ? INT_MAX : (int)out_len;
    return LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.len, cap);
}

static pqf_status decompress_raw(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                                 size_t out_len, size_t *written, pqf_error *err) {
    (void)ctx;
    int64_t got = decode_block(in, out, out_len);
    if (got < 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "lz4: %zu compressed bytes are damaged or become more than %zu",
                        in.len, out_len);
    *written = (size_t)got;
    return PQF_OK;
}

/* Big-endian, as all lengths of Hadoop's framing. */
static uint32_t take_be32(pqf_cursor *c) { return __builtin_bswap32(pqf_cursor_u32(c)); }

/* One or more of: decompressed length; then pairs of compressed length and block until that many
 * bytes are there (writers of Parquet make one pair). A length of zero may end the stream. */
static bool decode_hadoop(pqf_bytes in, uint8_t *out, size_t out_len) {
    pqf_cursor c = pqf_cursor_of(in);
    size_t done = 0;
    while (pqf_cursor_left(&c)) {
        size_t left = take_be32(&c);
        if (c.overrun || left > out_len - done) return false;
        if (left == 0 && !pqf_cursor_left(&c)) break;
        do {
            pqf_bytes block = pqf_cursor_take(&c, take_be32(&c));
            if (c.overrun) return false;
            int64_t got = decode_block(block, out + done, left);
            if (got < 0 || (got == 0 && left)) return false;
            done += (size_t)got;
            left -= (size_t)got;
        } while (left);
    }
    return done == out_len;
}

static bool decode_frame(pqf_bytes in, uint8_t *out, size_t out_len) {
    LZ4F_dctx *dctx = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&dctx, LZ4F_VERSION))) return false;
    size_t done = 0, hint = 1;
    while (in.len) { /* one frame after the other */
        size_t got = out_len - done, used = in.len;
        hint = LZ4F_decompress(dctx, out + done, &got, in.data, &used, NULL);
        if (LZ4F_isError(hint) || (!got && !used)) break;
        done += got;
        in = pqf_bytes_of(in.data + used, in.len - used);
    }
    LZ4F_freeDecompressionContext(dctx);
    return hint == 0 && in.len == 0 && done == out_len;
}

static pqf_status decompress_any(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                                 size_t out_len, size_t *written, pqf_error *err) {
    (void)ctx;
    *written = out_len;
    if (decode_hadoop(in, out, out_len)) return PQF_OK;
    if (decode_block(in, out, out_len) == (int64_t)out_len) return PQF_OK;
    if (decode_frame(in, out, out_len)) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT,
                    "lz4: %zu compressed bytes do not become %zu as Hadoop "
                    "blocks, as a block or as a frame; the page is damaged",
                    in.len, out_len);
}

static size_t bound(size_t in_len) {
    return in_len > LZ4_MAX_INPUT_SIZE ? 0 : (size_t)LZ4_compressBound((int)in_len);
}

/* LZ4_MAX_INPUT_SIZE bytes have a bound below INT_MAX. */
static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    (void)ctx;
    (void)level;
    int got = LZ4_compress_default((const char *)in.data, (char *)out, (int)in.len,
                                   (int)out_cap);
    if (got <= 0)
        return pqf_fail(err, PQF_NOMEM, "lz4: could not compress %zu bytes", in.len);
    *written = (size_t)got;
    return PQF_OK;
}

const pqf_codec pqf_codec_lz4 = {PQF_NO_LEVELS, .decompress = decompress_any};
const pqf_codec pqf_codec_lz4_raw = {PQF_NO_LEVELS, .decompress = decompress_raw,
                                     .bound = bound, .compress = compress};
