/* SPDX-License-Identifier: Apache-2.0
 *
 * targets.h: one row per border that bytes of strangers come in by. Included where FUZZ is defined;
 * no include guard on purpose.
 *
 * FUZZ(name, function, seeds, param, times, plus, what it eats)
 * The memory that a target draws on never holds more than times * size of the input + plus bytes:
 * it is its budget, and an input that asks for more is a finding. docs/fuzzing.md says why the
 * numbers are what they are.
 */
#define KIB 1024
#define MIB (1024 * 1024)

FUZZ(footer, fuzz_footer, fuzz_footer_seeds, 0, 512, 64 * KIB,
     "FileMetaData: Thrift, border, schema, statistics")
FUZZ(page_header, fuzz_page_header, fuzz_page_header_seeds, 0, 16, 4 * KIB,
     "a page header")
FUZZ(arrow_schema, fuzz_arrow_schema, fuzz_arrow_schema_seeds, 0, 64, 64 * KIB,
     "the value of the key ARROW:schema")
FUZZ(levels, fuzz_levels, fuzz_levels_seeds, 0, 16, 64 * KIB,
     "RLE/bit-packed hybrid runs")
FUZZ(plain, fuzz_encoding, fuzz_encoding_seeds, PQF_PLAIN, 16, 256 * KIB, "PLAIN values")
FUZZ(dictionary, fuzz_encoding, fuzz_encoding_seeds, PQF_RLE_DICTIONARY, 16, 512 * KIB,
     "dictionary indices")
FUZZ(rle_bool, fuzz_encoding, fuzz_encoding_seeds, PQF_RLE, 16, 256 * KIB, "RLE booleans")
FUZZ(delta, fuzz_encoding, fuzz_encoding_seeds, PQF_DELTA_BINARY_PACKED, 16, 256 * KIB,
     "DELTA_BINARY_PACKED values")
FUZZ(delta_length, fuzz_encoding, fuzz_encoding_seeds, PQF_DELTA_LENGTH_BYTE_ARRAY, 16,
     MIB, "DELTA_LENGTH_BYTE_ARRAY values")
FUZZ(delta_bytes, fuzz_encoding, fuzz_encoding_seeds, PQF_DELTA_BYTE_ARRAY, 16, 256 * KIB,
     "DELTA_BYTE_ARRAY values")
FUZZ(split, fuzz_encoding, fuzz_encoding_seeds, PQF_BYTE_STREAM_SPLIT, 16, 256 * KIB,
     "BYTE_STREAM_SPLIT values")
FUZZ(alp, fuzz_encoding, fuzz_encoding_seeds, PQF_ALP, 16, 256 * KIB, "ALP values")
FUZZ(snappy, fuzz_codec, fuzz_codec_seeds, PQF_SNAPPY, 16, 256 * KIB, "snappy bytes")
FUZZ(snappy_write, fuzz_snappy_write, fuzz_snappy_write_seeds, 0, 1024, 256 * KIB,
     "what snappy compresses")
FUZZ(gzip, fuzz_codec, fuzz_codec_seeds, PQF_GZIP, 16, 256 * KIB, "gzip members")
FUZZ(brotli, fuzz_codec, fuzz_codec_seeds, PQF_BROTLI, 16, 256 * KIB, "brotli bytes")
FUZZ(lz4, fuzz_codec, fuzz_codec_seeds, PQF_LZ4, 16, 256 * KIB,
     "LZ4 in all framings: Hadoop's, raw, frames")
FUZZ(lz4_raw, fuzz_codec, fuzz_codec_seeds, PQF_LZ4_RAW, 16, 256 * KIB, "an LZ4 block")
FUZZ(zstd, fuzz_codec, fuzz_codec_seeds, PQF_ZSTD, 16, 256 * KIB, "zstd frames")
FUZZ(chunk, fuzz_chunk, fuzz_chunk_seeds, 0, 256, 8 * MIB,
     "a column chunk: pages, levels (BIT_PACKED too), values, assembly")
FUZZ(indexes, fuzz_indexes, fuzz_indexes_seeds, 0, 256, 256 * KIB,
     "offset index, column index, Bloom filter")
FUZZ(file, fuzz_file, fuzz_file_seeds, 0, 16, 64 * KIB, "a whole file")
FUZZ(crafted, fuzz_crafted, fuzz_crafted_seeds, 0, 1024, 4 * MIB,
     "a file of ours with changed footer fields, page headers and payloads")
FUZZ(arrays, fuzz_arrays, fuzz_arrays_seeds, 0, 1024, 8 * MIB,
     "Arrow schemas and arrays that are handed in")
FUZZ(predicate, fuzz_predicate_target, fuzz_predicate_seeds, 0, 1024, MIB,
     "serialised predicates")
FUZZ(journal, fuzz_journal, fuzz_journal_seeds, 0, 64, 64 * KIB,
     "the journal of a commit")
FUZZ(partition, fuzz_partition, fuzz_partition_seeds, 0, 64, 64 * KIB,
     "names of partition folders, values of partitions")

#undef KIB
#undef MIB
