/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip.c: room codec, the row of GZIP over libdeflate. Compression.md, GZIP: RFC 1952, pages of
 * several members are read. zlib streams (RFC 1950) are read as well: some writers confuse the two.
 */
#include "row.h"

#include <libdeflate.h>

typedef enum libdeflate_result (*decompress_fn)(struct libdeflate_decompressor *,
                                                const void *, size_t, void *, size_t,
                                                size_t *, size_t *);

/* RFC 1950: method 8 in the low bits of the first byte, and a check of the first two; the first
 * byte of a gzip member (0x1F) never passes. */
static bool is_zlib(pqf_bytes in) {
    return in.len >= 2 && (in.data[0] & 0x0F) == 8 &&
           (in.data[0] << 8 | in.data[1]) % 31 == 0;
}

static pqf_status decompress(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err) {
    if (!ctx->deflate_d) ctx->deflate_d = libdeflate_alloc_decompressor();
    if (!ctx->deflate_d)
        return pqf_fail(err, PQF_NOMEM, "gzip: no memory for a decompressor");
    decompress_fn member =
        is_zlib(in) ? libdeflate_zlib_decompress_ex : libdeflate_gzip_decompress_ex;
    *written = 0;
    while (in.len) { /* a member takes at least its header */
        size_t used = 0, got = 0;
        enum libdeflate_result result =
            member(ctx->deflate_d, in.data, in.len, out + *written, out_len - *written,
                   &used, &got);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
            return pqf_fail(err, PQF_CORRUPT, "gzip: more than the expected %zu bytes",
                            out_len);
        if (result != LIBDEFLATE_SUCCESS)
            return pqf_fail(err, PQF_CORRUPT,
                            "gzip: compressed bytes are damaged after %zu of "
                            "%zu decompressed bytes",
                            *written, out_len);
        in = pqf_bytes_of(in.data + used, in.len - used);
        *written += got;
    }
    return PQF_OK;
}

/* libdeflate's bound without a compressor holds for every level. */
static size_t bound(size_t in_len) {
    return in_len > SIZE_MAX / 2 ? 0 : libdeflate_gzip_compress_bound(NULL, in_len);
}

static pqf_status compress(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err) {
    if (ctx->deflate_c && ctx->deflate_level != level) {
        libdeflate_free_compressor(ctx->deflate_c);
        ctx->deflate_c = NULL;
    }
    if (!ctx->deflate_c) ctx->deflate_c = libdeflate_alloc_compressor(level);
    if (!ctx->deflate_c)
        return pqf_fail(err, PQF_NOMEM, "gzip: no memory for a compressor");
    ctx->deflate_level = level;
    *written = libdeflate_gzip_compress(ctx->deflate_c, in.data, in.len, out, out_cap);
    if (!*written)
        return pqf_fail(err, PQF_LIMIT, "gzip: %zu bytes do not fit their bound", in.len);
    return PQF_OK;
}

const pqf_codec pqf_codec_gzip = {.min_level = 1,
                                  .max_level = 12,
                                  .default_level = 9,
                                  .decompress = decompress,
                                  .bound = bound,
                                  .compress = compress};
