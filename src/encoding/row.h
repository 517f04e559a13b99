/* SPDX-License-Identifier: Apache-2.0
 *
 * row.h: inner header of the room encoding. The shape of a row of the table encoding_list.h and the
 * functions that stand in it. encoding.c checks what holds for all encodings (values left, layout)
 * before it calls a row; a row checks its own bytes.
 */
#ifndef PQF_ENCODING_ROW_H
#define PQF_ENCODING_ROW_H

#include "encoding.h"

/* Values per step where a stage hands over to the next one: 4 KiB of indexes stay in L1. */
#define PQF_BLOCK 1024

/* The values of a page that is to be encoded, as PLAIN bytes: all of them are there. */
typedef struct pqf_plain_page {
    const pqf_kernels *kernel;
    int32_t physical;
    pqf_layout layout;
    int32_t width; /* FIXED */
    pqf_bytes bytes;
    int64_t num_values;
} pqf_plain_page;

typedef struct pqf_encoding {
    int32_t id;
    const char *name; /* of parquet.thrift */
    unsigned types;   /* bit 1 << physical type: which ones the specification allows */
    bool uses_dict;
    /* NULL: not built */
    pqf_status (*begin)(pqf_decoder *d, pqf_error *err);
    pqf_status (*fixed)(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err);
    pqf_status (*bits)(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                       pqf_error *err);
    pqf_status (*binary)(pqf_decoder *d, int64_t n, pqf_binary_out *out, pqf_error *err);
    pqf_status (*codes)(pqf_decoder *d, int64_t n, uint32_t *out, pqf_error *err);
    pqf_status (*skip)(pqf_decoder *d, int64_t n, pqf_error *err);
    /* appends; NULL: not built, or written value by value (dictionaries) */
    pqf_status (*encode)(const pqf_plain_page *page, pqf_buf *out, pqf_error *err);
} pqf_encoding;

pqf_status pqf_plain_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_plain_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                  pqf_error *err);
pqf_status pqf_plain_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                                 pqf_error *err);
pqf_status pqf_plain_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err);
/* Room for the next n values (at least one). */
pqf_status pqf_plain_reserve_binary(const pqf_decoder *d, int64_t n,
                                    const pqf_binary_out *out, pqf_error *err);
pqf_status pqf_plain_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_plain_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err);

pqf_status pqf_bools_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_bools_decode(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                            pqf_error *err);
pqf_status pqf_bools_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err);

/* ---- delta.c ---- */

/* Takes up values of 4 or 8 bytes. No bytes at all are no values. Errors begin with `name`. */
pqf_status pqf_delta_begin(pqf_delta *d, const pqf_kernels *kernel, pqf_bytes in,
                           int32_t width, const char *name, pqf_error *err);
/* Exactly n values, in the arithmetic of their width; PQF_SLACK writable behind them. */
pqf_status pqf_delta_decode(pqf_delta *d, int64_t n, uint8_t *out, pqf_error *err);
pqf_status pqf_delta_skip(pqf_delta *d, int64_t n, pqf_error *err);
/* Where the bytes behind the last miniblock begin; `begun` has given no value yet. */
pqf_status pqf_delta_find_end(const pqf_delta *begun, const uint8_t **end,
                              pqf_error *err);
/* Appends n values of `width` (4 or 8) bytes. */
pqf_status pqf_delta_encode(const pqf_kernels *kernel, const uint8_t *values, int64_t n,
                            int32_t width, pqf_buf *out, pqf_error *err);

pqf_status pqf_delta_ints_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_delta_ints_decode(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err);
pqf_status pqf_delta_ints_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_delta_ints_encode(const pqf_plain_page *page, pqf_buf *out,
                                 pqf_error *err);

/* ---- delta_bytes.c ---- */

pqf_status pqf_delta_length_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_delta_length_decode(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err);
pqf_status pqf_delta_length_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_delta_length_encode(const pqf_plain_page *page, pqf_buf *out,
                                   pqf_error *err);
pqf_status pqf_delta_bytes_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_delta_bytes_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                        pqf_error *err);
pqf_status pqf_delta_bytes_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                         pqf_error *err);
pqf_status pqf_delta_bytes_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_delta_bytes_encode(const pqf_plain_page *page, pqf_buf *out,
                                  pqf_error *err);

/* ---- split.c ---- */

pqf_status pqf_split_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_split_decode(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err);
pqf_status pqf_split_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_split_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err);

/* ---- dictionary.c ---- */

pqf_status pqf_codes_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_codes_decode(pqf_decoder *d, int64_t n, uint32_t *out, pqf_error *err);
pqf_status pqf_codes_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                  pqf_error *err);
pqf_status pqf_codes_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                                 pqf_error *err);
pqf_status pqf_codes_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err);
/* RLE values and dictionary indexes: whole runs are stepped over. */
pqf_status pqf_codes_skip(pqf_decoder *d, int64_t n, pqf_error *err);

/* ---- alp.c ---- */

pqf_status pqf_alp_begin(pqf_decoder *d, pqf_error *err);
pqf_status pqf_alp_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err);
/* Vectors are stepped over as they are. */
pqf_status pqf_alp_skip(pqf_decoder *d, int64_t n, pqf_error *err);
pqf_status pqf_alp_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err);

/* Makes room for num_bytes more bytes of BINARY values, whose ends are int32. */
pqf_status pqf_binary_reserve(const pqf_binary_out *out, uint64_t num_bytes,
                              pqf_error *err);

/* n bits from bit position `at` of foreign memory, of which no byte behind the last bit is read, to
 * bit position `to` of out, which has slack; the bits behind them become 0. */
void pqf_bits_append(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                     int64_t n, uint8_t *out, int64_t to);

/* Copies the len bytes at `in`, in steps of W bytes for the first W and exactly for the rest: one
 * store without a branch for values that are no longer than W. Both sides have W accessible
 * bytes. */
#define PQF_COPY_WIDE(W, out, in, len)                                                   \
    do {                                                                                 \
        memcpy((out), (in), (W));                                                        \
        if ((len) > (W)) memcpy((out) + (W), (in) + (W), (len) - (W));                   \
    } while (0)

#endif
