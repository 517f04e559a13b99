/* SPDX-License-Identifier: Apache-2.0
 *
 * brotli.c: room codec, the row of BROTLI over libbrotli. Compression.md, BROTLI: RFC 7932. The
 * library has no contexts to reuse.
 */
#include "row.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

/* The streaming call, because it tells how much of the input was used: all of it must be. */
static pqf_status decompress(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err) {
    (void)ctx;
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (!state) return pqf_fail(err, PQF_NOMEM, "brotli: no memory for a decoder");
    size_t in_left = in.len, out_left = out_len;
    BrotliDecoderResult result = BrotliDecoderDecompressStream(state, &in_left, &in.data,
                                                               &out_left, &out, written);
    BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state);
    BrotliDecoderDestroyInstance(state);
    if (result == BROTLI_DECODER_RESULT_SUCCESS && !in_left) return PQF_OK;
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
        return pqf_fail(err, PQF_CORRUPT, "brotli: more than the expected %zu bytes",
                        out_len);
    return pqf_fail(err, PQF_CORRUPT,
                    "brotli: damaged at compressed byte %zu of %zu (%s)",
                    in.len - in_left, in.len,
                    code < 0 ? BrotliDecoderErrorString(code) : "unexpected end");
}

/* Each flushed piece may add an empty metablock of a few bytes. */
static size_t bound(size_t in_len) {
    size_t max = BrotliEncoderMaxCompressedSize(in_len);
    return max ? max + in_len / 4096 + 64 : 0;
}

static pqf_status fail_compress(size_t in_len, pqf_error *err) {
    return pqf_fail(err, PQF_NOMEM, "brotli: could not compress %zu bytes", in_len);
}

/* Bytes that a level compresses within some 100 ms. More are flushed piece by piece, so that a
 * waiting user is heard; that costs 1 to 2 % of size at the slowest levels. Pieces depend on level and
 * length alone, so the bytes do too. */
static size_t step_bytes(int level) { return (size_t)1 << (level >= 10 ? 15 : 19); }

static pqf_status compress_pieces(pqf_codec_ctx *ctx, BrotliEncoderState *state,
                                  size_t step, pqf_bytes in, uint8_t *out,
                                  size_t *out_left, pqf_error *err) {
    const uint8_t *from = in.data;
    size_t left = in.len;
    while (!BrotliEncoderIsFinished(state)) {
        TRY(pqf_codec_poll(ctx, err));
        size_t piece = left < step ? left : step, piece_left = piece;
        if (!BrotliEncoderCompressStream(
                state, piece < left ? BROTLI_OPERATION_FLUSH : BROTLI_OPERATION_FINISH,
                &piece_left, &from, out_left, &out, NULL) ||
            piece_left || (!*out_left && !BrotliEncoderIsFinished(state)))
            return fail_compress(in.len, err);
        left -= piece;
    }
    return PQF_OK;
}

static pqf_status compress_slowly(pqf_codec_ctx *ctx, int level, pqf_bytes in,
                                  uint8_t *out, size_t out_cap, size_t *written,
                                  pqf_error *err) {
    BrotliEncoderState *state = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    uint32_t hint = in.len < UINT32_MAX ? (uint32_t)in.len : UINT32_MAX;
    if (!state) return fail_compress(in.len, err);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, (uint32_t)level);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, BROTLI_DEFAULT_WINDOW);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT, hint);
    size_t out_left = out_cap;
    pqf_status status =
        compress_pieces(ctx, state, step_bytes(level), in, out, &out_left, err);
    BrotliEncoderDestroyInstance(state);
    *written = out_cap - out_left;
    return status;
}

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    if (in.len > step_bytes(level))
        return compress_slowly(ctx, level, in, out, out_cap, written, err);
    *written = out_cap;
    if (!BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, in.len,
                               in.data, written, out))
        return fail_compress(in.len, err);
    return PQF_OK;
}

const pqf_codec pqf_codec_brotli = {.min_level = BROTLI_MIN_QUALITY,
                                    .max_level = BROTLI_MAX_QUALITY,
                                    .default_level = 8,
                                    .decompress = decompress,
                                    .bound = bound,
                                    .compress = compress};
