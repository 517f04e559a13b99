/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy.c: room codec, the row of SNAPPY over snappy_encode.c and snappy_decode.c. Compression.md, SNAPPY: the
 * bare block format, whose first bytes are the decompressed length.
 */
#include "row.h"
#include "snappy_decode.h"
#include "snappy_encode.h"

/* The length inside the block is compared before anything is written. */
static pqf_status decompress(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err) {
    (void)ctx;
    size_t skip;
    if (!pqf_snappy_length(in, &skip, written))
        return pqf_fail(err, PQF_CORRUPT,
                        "snappy: the length before the data is damaged");
    if (*written != out_len) return PQF_OK;
    if (!pqf_snappy_decode(pqf_bytes_of(in.data + skip, in.len - skip), out, out_len))
        return pqf_fail(err, PQF_CORRUPT, "snappy: %zu compressed bytes are damaged",
                        in.len);
    return PQF_OK;
}

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    (void)level;
    (void)out_cap;
    return pqf_snappy_encode(ctx, in, out, written, err);
}

const pqf_codec pqf_codec_snappy = {PQF_NO_LEVELS, .decompress = decompress,
                                    .bound = pqf_snappy_bound, .compress = compress};
