/* SPDX-License-Identifier: Apache-2.0
 *
 * uncompressed.c: room codec, the row of UNCOMPRESSED: a copy. Compression.md, UNCOMPRESSED.
 */
#include "row.h"

static pqf_status decompress(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err) {
    (void)ctx;
    (void)err;
    *written = in.len; /* more than fits is refused by its length */
    if (in.len <= out_len) memcpy(out, in.data, in.len);
    return PQF_OK;
}

static size_t bound(size_t in_len) { return in_len; }

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    (void)ctx;
    (void)level;
    (void)out_cap;
    (void)err;
    memcpy(out, in.data, in.len);
    *written = in.len;
    return PQF_OK;
}

const pqf_codec pqf_codec_uncompressed = {PQF_NO_LEVELS, .decompress = decompress,
                                          .bound = bound, .compress = compress};
