/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel_list.h: one line per kernel, PQF_KERNEL(return type, name, (parameters)). Included several
 * times on purpose: no include guard.
 */

/* -- bit packing (Encodings.md, RLE / bit-packing hybrid: low bits first) -- */

/* n values of `width` (0..32) bits from `in` to u32. Reads at most ceil(n * width / 8) bytes and
 * slack. */
PQF_KERNEL(void, unpack_u32, (const uint8_t *in, int width, int64_t n, uint32_t *out))
/* n values of `width` (0..8) bits to u8. */
PQF_KERNEL(void, unpack_u8, (const uint8_t *in, int width, int64_t n, uint8_t *out))
/* n values that fit `width` (0..32) bits; writes ceil(n * width / 8) bytes (and slack), pad bits
 * zero. */
PQF_KERNEL(void, pack_u32, (const uint32_t *in, int width, int64_t n, uint8_t *out))
PQF_KERNEL(void, pack_u8, (const uint8_t *in, int width, int64_t n, uint8_t *out))
/* The same for `width` 0..64. */
PQF_KERNEL(void, unpack_u64, (const uint8_t *in, int width, int64_t n, uint64_t *out))
PQF_KERNEL(void, pack_u64, (const uint64_t *in, int width, int64_t n, uint8_t *out))

/* -- delta encodings: in place, value i becomes last + sum of (values[0..i] + least), wrapping around;
 * returns the last one, or `last` when n is 0 -- */
PQF_KERNEL(uint32_t, prefix_sum_32,
           (uint32_t * values, int64_t n, uint32_t least, uint32_t last))
PQF_KERNEL(uint64_t, prefix_sum_64,
           (uint64_t * values, int64_t n, uint64_t least, uint64_t last))

/* -- byte streams: byte k of value i stands at stream k, which begins at k * stride, position i. No byte
 * outside of the streams is read or, splitting, written -- */
PQF_KERNEL(void, join_streams,
           (const uint8_t *in, int64_t stride, int width, int64_t n, uint8_t *out))
/* The reverse; writes nothing but the n bytes of each stream. */
PQF_KERNEL(void, split_streams,
           (const uint8_t *in, int width, int64_t n, uint8_t *out, int64_t stride))

/* Largest of n values, 0 when n is 0. */
PQF_KERNEL(uint32_t, max_u32, (const uint32_t *in, int64_t n))
/* Elements from the start that equal in[0]; n >= 1. */
PQF_KERNEL(int64_t, run_u32, (const uint32_t *in, int64_t n))
PQF_KERNEL(int64_t, run_u8, (const uint8_t *in, int64_t n))

/* -- dictionary gather: out[i] = dict[idx[i]]; every idx is below the dictionary's length -- */
PQF_KERNEL(void, gather_32,
           (const uint32_t *dict, const uint32_t *idx, int64_t n, uint32_t *out))
PQF_KERNEL(void, gather_64,
           (const uint64_t *dict, const uint32_t *idx, int64_t n, uint64_t *out))
/* Any width in bytes. */
PQF_KERNEL(void, gather_any,
           (const uint8_t *dict, int width, const uint32_t *idx, int64_t n, uint8_t *out))
/* Sum of len[idx[i]]. */
PQF_KERNEL(uint64_t, gather_sum, (const uint32_t *len, const uint32_t *idx, int64_t n))

/* -- null spreading: dense values to slots; null slots become zero; returns values consumed. `in`
 * may be NULL when no bit is set, here and in extract_bits and deposit_bits -- */
PQF_KERNEL(int64_t, expand_8,
           (const uint8_t *in, const uint8_t *bits, int64_t at, int64_t n, uint8_t *out))
PQF_KERNEL(int64_t, expand_16,
           (const uint16_t *in, const uint8_t *bits, int64_t at, int64_t n,
            uint16_t *out))
PQF_KERNEL(int64_t, expand_32,
           (const uint32_t *in, const uint8_t *bits, int64_t at, int64_t n,
            uint32_t *out))
PQF_KERNEL(int64_t, expand_64,
           (const uint64_t *in, const uint8_t *bits, int64_t at, int64_t n,
            uint64_t *out))
PQF_KERNEL(int64_t, expand_any,
           (const uint8_t *in, int width, const uint8_t *bits, int64_t at, int64_t n,
            uint8_t *out))

/* -- dropping nulls: slots to dense values; returns values written -- */
PQF_KERNEL(int64_t, compress_32,
           (const uint32_t *in, const uint8_t *bits, int64_t at, int64_t n,
            uint32_t *out))
PQF_KERNEL(int64_t, compress_64,
           (const uint64_t *in, const uint8_t *bits, int64_t at, int64_t n,
            uint64_t *out))
PQF_KERNEL(int64_t, compress_any,
           (const uint8_t *in, int width, const uint8_t *bits, int64_t at, int64_t n,
            uint8_t *out))

/* -- bitmaps -- */
PQF_KERNEL(int64_t, count_bits, (const uint8_t *bits, int64_t at, int64_t n))
/* Copies n bits from bit position `at` of in to bit position `to` of out; returns the number
 * set. */
PQF_KERNEL(int64_t, copy_bits,
           (const uint8_t *in, int64_t at, int64_t n, uint8_t *out, int64_t to))
PQF_KERNEL(void, fill_bits, (uint8_t * out, int64_t to, int64_t n, bool value))
/* Bits of `in` at the set positions of `mask`, appended densely at `to`; returns how many. */
PQF_KERNEL(int64_t, extract_bits,
           (const uint8_t *in, int64_t at, const uint8_t *mask, int64_t mask_at,
            int64_t n, uint8_t *out, int64_t to))
/* The reverse: dense bits of `in` to the set positions of mask; others 0; returns bits consumed. */
PQF_KERNEL(int64_t, deposit_bits,
           (const uint8_t *in, int64_t at, const uint8_t *mask, int64_t mask_at,
            int64_t n, uint8_t *out, int64_t to))

/* -- levels: one byte each to bitmaps from bit 0 of out, whole words written -- */
/* out bit i = levels[i] >= threshold; returns the number set. */
PQF_KERNEL(int64_t, levels_ge,
           (const uint8_t *levels, int64_t n, uint8_t threshold, uint64_t *out))
PQF_KERNEL(int64_t, levels_eq,
           (const uint8_t *levels, int64_t n, uint8_t value, uint64_t *out))
PQF_KERNEL(uint8_t, max_u8, (const uint8_t *in, int64_t n))

/* -- statistics: min and max of n >= 1 values; floats skip NaN (min > max when all are NaN) -- */
PQF_KERNEL(void, minmax_i32, (const int32_t *in, int64_t n, int32_t *min, int32_t *max))
PQF_KERNEL(void, minmax_u32,
           (const uint32_t *in, int64_t n, uint32_t *min, uint32_t *max))
PQF_KERNEL(void, minmax_i64, (const int64_t *in, int64_t n, int64_t *min, int64_t *max))
PQF_KERNEL(void, minmax_u64,
           (const uint64_t *in, int64_t n, uint64_t *min, uint64_t *max))
PQF_KERNEL(void, minmax_f32, (const float *in, int64_t n, float *min, float *max))
PQF_KERNEL(void, minmax_f64, (const double *in, int64_t n, double *min, double *max))
PQF_KERNEL(int64_t, count_nans_f32, (const float *in, int64_t n))
PQF_KERNEL(int64_t, count_nans_f64, (const double *in, int64_t n))

/* -- widths and byte order -- */
PQF_KERNEL(void, narrow_32_16, (const uint32_t *in, int64_t n, uint16_t *out))
PQF_KERNEL(void, narrow_32_8, (const uint32_t *in, int64_t n, uint8_t *out))
/* Big-endian two's complement of `width` (1..16) bytes to little-endian int128. */
PQF_KERNEL(void, decimal_from_be, (const uint8_t *in, int width, int64_t n, uint8_t *out))
/* The reverse of the low `width` bytes; false where a value is not their sign extension. */
PQF_KERNEL(bool, decimal_to_be, (const uint8_t *in, int width, int64_t n, uint8_t *out))
/* CRC-32 of gzip (ISO 3309) of what `seed` is of and n more bytes; seed 0 to begin. */
PQF_KERNEL(uint32_t, crc32, (uint32_t seed, const uint8_t *in, int64_t n))
/* True when the bytes are valid UTF-8. */
PQF_KERNEL(bool, utf8_valid, (const uint8_t *in, int64_t n))
