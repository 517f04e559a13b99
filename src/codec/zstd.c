/* SPDX-License-Identifier: Apache-2.0
 *
 * zstd.c: room codec, the row of ZSTD over libzstd. Compression.md, ZSTD: RFC 8878. Contexts are
 * reused (a new one per page costs up to 2.5 times) and decompression is single shot, so
 * the library allocates no window from the frame's word. Frames carry their content size.
 */
#include "row.h"

#include <zstd.h>
#include <zstd_errors.h>

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

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    TRY(prepare(ctx, level, err));
    *written = ZSTD_compress2(ctx->zstd_c, out, out_cap, in.data, in.len);
    if (ZSTD_isError(*written))
        return pqf_fail(err, PQF_NOMEM, "zstd: could not compress %zu bytes: %s", in.len,
                        ZSTD_getErrorName(*written));
    return PQF_OK;
}

/* The library's least level is minus its block size and its highest 22; a test compares. */
const pqf_codec pqf_codec_zstd = {.min_level = -(1 << 17),
                                  .max_level = 22,
                                  .default_level = 1,
                                  .decompress = decompress,
                                  .bound = bound,
                                  .compress = compress};
