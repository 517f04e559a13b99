/* SPDX-License-Identifier: Apache-2.0
 *
 * codec_list.h: one line per codec of parquet.thrift's CompressionCodec, in the order of its ids.
 * PQF_CODEC(id, name, row) names a pqf_codec in a file of its own, PQF_CODEC_ABSENT(id, name) a
 * codec that is known and not built. Included several times on purpose: no include guard.
 */
PQF_CODEC(PQF_UNCOMPRESSED, "uncompressed", pqf_codec_uncompressed)
PQF_CODEC(PQF_SNAPPY, "snappy", pqf_codec_snappy)
PQF_CODEC(PQF_GZIP, "gzip", pqf_codec_gzip)
PQF_CODEC_ABSENT(PQF_LZO, "lzo")
PQF_CODEC(PQF_BROTLI, "brotli", pqf_codec_brotli)
PQF_CODEC(PQF_LZ4, "lz4", pqf_codec_lz4)
PQF_CODEC(PQF_ZSTD, "zstd", pqf_codec_zstd)
PQF_CODEC(PQF_LZ4_RAW, "lz4_raw", pqf_codec_lz4_raw)
