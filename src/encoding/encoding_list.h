/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding_list.h: one row per encoding of parquet.thrift. Included where PQF_ENCODING is
 * defined; no include guard on purpose.
 *
 * PQF_ENCODING(id, name, types, uses_dict, begin, fixed, bits, binary, codes, skip, encode)
 * types are the physical types that Encodings.md allows; begin is NULL where nothing is built to
 * read it, encode where no page of values is made of it alone. BIT_PACKED is for levels of old
 * files alone.
 */

PQF_ENCODING(PQF_PLAIN, "PLAIN", ALL_TYPES, false, pqf_plain_begin,
             pqf_plain_decode_fixed, pqf_plain_decode_bits, pqf_plain_decode_binary, NULL,
             pqf_plain_skip, pqf_plain_encode)
PQF_ENCODING(PQF_PLAIN_DICTIONARY, "PLAIN_DICTIONARY", ALL_TYPES, true, pqf_codes_begin,
             pqf_codes_decode_fixed, pqf_codes_decode_bits, pqf_codes_decode_binary,
             pqf_codes_decode, pqf_codes_skip, NULL)
PQF_ENCODING(PQF_RLE, "RLE", BOOLEAN, false, pqf_bools_begin, NULL, pqf_bools_decode,
             NULL, NULL, pqf_codes_skip, pqf_bools_encode)
PQF_ENCODING(PQF_BIT_PACKED, "BIT_PACKED", 0, false, NULL, NULL, NULL, NULL, NULL, NULL,
             NULL)
PQF_ENCODING(PQF_DELTA_BINARY_PACKED, "DELTA_BINARY_PACKED", INT32 | INT64, false,
             pqf_delta_ints_begin, pqf_delta_ints_decode, NULL, NULL, NULL,
             pqf_delta_ints_skip, pqf_delta_ints_encode)
PQF_ENCODING(PQF_DELTA_LENGTH_BYTE_ARRAY, "DELTA_LENGTH_BYTE_ARRAY", BYTE_ARRAY, false,
             pqf_delta_length_begin, NULL, NULL, pqf_delta_length_decode, NULL,
             pqf_delta_length_skip, pqf_delta_length_encode)
PQF_ENCODING(PQF_DELTA_BYTE_ARRAY, "DELTA_BYTE_ARRAY", BYTE_ARRAY | FIXED_ARRAY, false,
             pqf_delta_bytes_begin, pqf_delta_bytes_decode_fixed, NULL,
             pqf_delta_bytes_decode_binary, NULL, pqf_delta_bytes_skip,
             pqf_delta_bytes_encode)
PQF_ENCODING(PQF_RLE_DICTIONARY, "RLE_DICTIONARY", ALL_TYPES, true, pqf_codes_begin,
             pqf_codes_decode_fixed, pqf_codes_decode_bits, pqf_codes_decode_binary,
             pqf_codes_decode, pqf_codes_skip, NULL)
PQF_ENCODING(PQF_BYTE_STREAM_SPLIT, "BYTE_STREAM_SPLIT",
             INT32 | INT64 | FLOAT | DOUBLE | FIXED_ARRAY, false, pqf_split_begin,
             pqf_split_decode, NULL, NULL, NULL, pqf_split_skip, pqf_split_encode)
PQF_ENCODING(PQF_ALP, "ALP", FLOAT | DOUBLE, false, pqf_alp_begin, pqf_alp_decode_fixed,
             NULL, NULL, NULL, pqf_alp_skip, pqf_alp_encode)
