/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding_list.h: one row per encoding of parquet.thrift. Included where PQF_ENCODING is
 * defined; no include guard on purpose.
 *
 * PQF_ENCODING(id, name, layouts, writes, uses_dict, begin, fixed, bits, binary, codes, skip)
 * layouts are those that Encodings.md allows; begin is NULL where nothing is built. BIT_PACKED is
 * for levels of old files alone.
 */

PQF_ENCODING(PQF_PLAIN, "PLAIN", BITS | FIXED | BINARY, true, false, pqf_plain_begin,
             pqf_plain_decode_fixed, pqf_plain_decode_bits, pqf_plain_decode_binary, NULL,
             pqf_plain_skip)
PQF_ENCODING(PQF_PLAIN_DICTIONARY, "PLAIN_DICTIONARY", BITS | FIXED | BINARY, true, true,
             pqf_codes_begin, pqf_codes_decode_fixed, NULL, pqf_codes_decode_binary,
             pqf_codes_decode, pqf_codes_skip)
PQF_ENCODING(PQF_RLE, "RLE", BITS, true, false, pqf_bools_begin, NULL, pqf_bools_decode,
             NULL, NULL, pqf_codes_skip)
PQF_ENCODING(PQF_BIT_PACKED, "BIT_PACKED", 0, false, false, NULL, NULL, NULL, NULL, NULL,
             NULL)
PQF_ENCODING(PQF_DELTA_BINARY_PACKED, "DELTA_BINARY_PACKED", FIXED, false, false, NULL,
             NULL, NULL, NULL, NULL, NULL)
PQF_ENCODING(PQF_DELTA_LENGTH_BYTE_ARRAY, "DELTA_LENGTH_BYTE_ARRAY", BINARY, false, false,
             NULL, NULL, NULL, NULL, NULL, NULL)
PQF_ENCODING(PQF_DELTA_BYTE_ARRAY, "DELTA_BYTE_ARRAY", FIXED | BINARY, false, false, NULL,
             NULL, NULL, NULL, NULL, NULL)
PQF_ENCODING(PQF_RLE_DICTIONARY, "RLE_DICTIONARY", BITS | FIXED | BINARY, true, true,
             pqf_codes_begin, pqf_codes_decode_fixed, NULL, pqf_codes_decode_binary,
             pqf_codes_decode, pqf_codes_skip)
PQF_ENCODING(PQF_BYTE_STREAM_SPLIT, "BYTE_STREAM_SPLIT", FIXED, false, false, NULL, NULL,
             NULL, NULL, NULL, NULL)
PQF_ENCODING(PQF_ALP, "ALP", FIXED, false, false, NULL, NULL, NULL, NULL, NULL, NULL)
