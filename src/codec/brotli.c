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

static size_t bound(size_t in_len) { return BrotliEncoderMaxCompressedSize(in_len); }

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    (void)ctx;
    *written = out_cap;
    if (!BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, in.len,
                               in.data, written, out))
        return pqf_fail(err, PQF_NOMEM, "brotli: could not compress %zu bytes", in.len);
    return PQF_OK;
}

const pqf_codec pqf_codec_brotli = {.min_level = BROTLI_MIN_QUALITY,
                                    .max_level = BROTLI_MAX_QUALITY,
                                    .default_level = 8,
                                    .decompress = decompress,
                                    .bound = bound,
                                    .compress = compress};
