/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.h: door of the room codec. One row per compression codec of the format (Compression.md)
 * over the system's libraries, Snappy excepted, which is ours.
 */
#ifndef PQF_CODEC_CODEC_H
#define PQF_CODEC_CODEC_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/thread.h"

/* Ids of parquet.thrift, CompressionCodec. */
typedef enum pqf_codec_id {
    PQF_UNCOMPRESSED = 0,
    PQF_SNAPPY = 1,
    PQF_GZIP = 2,
    PQF_LZO = 3,
    PQF_BROTLI = 4,
    PQF_LZ4 = 5, /* deprecated Hadoop framing */
    PQF_ZSTD = 6,
    PQF_LZ4_RAW = 7,
} pqf_codec_id;

/* Reused contexts of the libraries: one per worker thread, zeroed with init. */
typedef struct pqf_codec_ctx {
    pqf_run
        *run;   /* polled while slow compression works; NULL: not; borrowed, see worker */
    int worker; /* number of the thread in the run */
    struct ZSTD_CCtx_s *zstd_c;
    struct ZSTD_DCtx_s *zstd_d;
    struct libdeflate_decompressor *deflate_d;
    struct libdeflate_compressor *deflate_c;
    int deflate_level;
    int zstd_level;
} pqf_codec_ctx;
void pqf_codec_ctx_reset(pqf_codec_ctx *ctx);

/* Name as pyarrow spells it ("snappy"), NULL for an unknown id. */
const char *pqf_codec_name(int32_t id);
/* By name, any case: none/uncompressed, snappy, gzip, brotli, lz4 (= lz4_raw), lz4_raw, zstd; else
 * PQF_UNSUPPORTED ("lzo") or PQF_INVALID with the known names. */
pqf_status pqf_codec_by_name(const char *name, pqf_codec_id *out, pqf_error *err);
/* PQF_INVALID when the codec has no such level (snappy and lz4_raw have none). */
pqf_status pqf_codec_check_level(pqf_codec_id id, int level, pqf_error *err);
/* Row i of the table, for pqf_feature; false after the last. */
bool pqf_codec_row(int64_t i, const char **name, bool *reads, bool *writes);

/* PQF_UNSUPPORTED naming the codec when it is unknown or not built. */
pqf_status pqf_codec_check(int32_t id, pqf_error *err);

/* Decompresses `in` into exactly out_len bytes at out (PQF_SLACK accessible bytes behind both);
 * any other length, or damage, is PQF_CORRUPT. PQF_LZ4 tries Hadoop framing, then a raw block, then
 * an LZ4 frame. GZIP takes several members. */
pqf_status pqf_codec_decompress(pqf_codec_ctx *ctx, int32_t id, pqf_bytes in, void *out,
                                size_t out_len, pqf_error *err);
/* Appends the compressed form of `in` to `out`. level: PQF_LEVEL_DEFAULT or the codec's own. Levels
 * that take longer than some 50 ms for `in` poll ctx->run in between and may be PQF_CANCELLED. */
#define PQF_LEVEL_DEFAULT INT32_MIN
pqf_status pqf_codec_compress(pqf_codec_ctx *ctx, int32_t id, int level, pqf_bytes in,
                              pqf_buf *out, pqf_error *err);

#endif
