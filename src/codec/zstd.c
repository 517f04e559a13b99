/* SPDX-License-Identifier: Apache-2.0
 *
 * zstd.c: room codec, the row of ZSTD over libzstd. Compression.md, ZSTD: RFC 8878. Contexts are
 * reused (a new one per page costs up to 2.5 times) and decompression is single shot, so
 * the library allocates no window from the frame's word. Frames carry their content size.
 */
#include "row.h"

#include <zstd.h>
#include <zstd_errors.h>

/* The block of the format: at the highest levels some 50 ms of work. */
#define STREAM_STEP_BYTES ((size_t)128 << 10)

static pqf_status decompress(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err) {
    if (!ctx->zstd_d) ctx->zstd_d = ZSTD_createDCtx();
    if (!ctx->zstd_d) return pqf_fail(err, PQF_NOMEM, "zstd: no memory for a context");
    *written = ZSTD_decompressDCtx(ctx->zstd_d, out, out_len, in.data, in.len);
    if (!ZSTD_isError(*written)) return PQF_OK;
    pqf_status kind = PQF_CORRUPT;
    if (ZSTD_getErrorCode(*written) == ZSTD_error_memory_allocation) kind = PQF_NOMEM;
    return pqf_fail(err, kind, "zstd: %zu compressed bytes, expected to become %zu: %s",
                    in.len, out_len, ZSTD_getErrorName(*written));
}

static size_t bound(size_t in_len) {
    return in_len > SIZE_MAX / 2 ? 0 : ZSTD_compressBound(in_len);
}

/* Level 0 means the library's default to the library too, and is passed on as it is. */
static pqf_status prepare(pqf_codec_ctx *ctx, int level, pqf_error *err) {
    if (ctx->zstd_c && ctx->zstd_level == level) return PQF_OK;
    if (!ctx->zstd_c) ctx->zstd_c = ZSTD_createCCtx();
    if (!ctx->zstd_c) return pqf_fail(err, PQF_NOMEM, "zstd: no memory for a context");
    size_t result = ZSTD_CCtx_setParameter(ctx->zstd_c, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(result))
        return pqf_fail(err, PQF_INVALID, "zstd: level %d: %s", level,
                        ZSTD_getErrorName(result));
    ctx->zstd_level = level;
    return PQF_OK;
}

/* Bytes that a level compresses within about 50 ms. More go through the stream, piece by piece, so
 * that a waiting user is heard; which way is taken depends on level and length alone, because the
 * two make different bytes. */
static size_t at_once_bytes(int level) {
    if (level >= 16) return STREAM_STEP_BYTES;
    return (size_t)1 << (level >= 10 ? 19 : 23);
}

static pqf_status fail_compress(size_t code, size_t in_len, pqf_error *err) {
    return pqf_fail(err, PQF_NOMEM, "zstd: could not compress %zu bytes: %s", in_len,
                    ZSTD_getErrorName(code));
}

static pqf_status compress_pieces(pqf_codec_ctx *ctx, pqf_bytes in, ZSTD_outBuffer *to,
                                  pqf_error *err) {
    size_t left = ZSTD_CCtx_setPledgedSrcSize(ctx->zstd_c, in.len);
    ZSTD_inBuffer from = {in.data, 0, 0};
    if (ZSTD_isError(left)) return fail_compress(left, in.len, err);
    do { /* the output has room for the bound, so every call takes its piece */
        TRY(pqf_codec_poll(ctx, err));
        size_t rest = in.len - from.size;
        from.size += rest < STREAM_STEP_BYTES ? rest : STREAM_STEP_BYTES;
        left = ZSTD_compressStream2(ctx->zstd_c, to, &from,
                                    from.size < in.len ? ZSTD_e_continue : ZSTD_e_end);
        if (ZSTD_isError(left)) return fail_compress(left, in.len, err);
    } while (from.size < in.len || left > 0);
    return PQF_OK;
}

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    TRY(prepare(ctx, level, err));
    if (in.len <= at_once_bytes(level)) {
        *written = ZSTD_compress2(ctx->zstd_c, out, out_cap, in.data, in.len);
        return ZSTD_isError(*written) ? fail_compress(*written, in.len, err) : PQF_OK;
    }
    ZSTD_outBuffer to = {out, out_cap, 0};
    pqf_status status = compress_pieces(ctx, in, &to, err);
    if (status != PQF_OK) ZSTD_CCtx_reset(ctx->zstd_c, ZSTD_reset_session_only);
    *written = to.pos;
    return status;
}

/* The library's least level is minus its block size and its highest 22; a test compares. */
const pqf_codec pqf_codec_zstd = {.min_level = -(1 << 17),
                                  .max_level = 22,
                                  .default_level = 1,
                                  .decompress = decompress,
                                  .bound = bound,
                                  .compress = compress};
