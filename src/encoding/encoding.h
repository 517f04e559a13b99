/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding.h: door of the room encoding. Value bytes of a page to values and back (Encodings.md).
 *
 * Physical types are not templates: an encoding handles layouts. BITS is BOOLEAN, FIXED(width) is
 * INT32, INT64, INT96, FLOAT, DOUBLE and FIXED_LEN_BYTE_ARRAY, BINARY is BYTE_ARRAY. The type itself,
 * an id of parquet.thrift (Type), only says which encodings a column may have. Values here are
 * dense: nulls have been taken out (writing) or are spread later (reading).
 *
 * Bytes come from strangers: run lengths, widths, string lengths and dictionary indexes are
 * checked here, and every failure is PQF_CORRUPT with a message that begins with the encoding's
 * name.
 */
#ifndef PQF_ENCODING_ENCODING_H
#define PQF_ENCODING_ENCODING_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "kernel/kernel.h"

/* Ids of parquet.thrift, Encoding. */
typedef enum pqf_encoding_id {
    PQF_PLAIN = 0,
    PQF_PLAIN_DICTIONARY = 2,
    PQF_RLE = 3,
    PQF_BIT_PACKED = 4,
    PQF_DELTA_BINARY_PACKED = 5,
    PQF_DELTA_LENGTH_BYTE_ARRAY = 6,
    PQF_DELTA_BYTE_ARRAY = 7,
    PQF_RLE_DICTIONARY = 8,
    PQF_BYTE_STREAM_SPLIT = 9,
    PQF_ALP = 10,
} pqf_encoding_id;

typedef enum pqf_layout { PQF_BITS = 0, PQF_FIXED = 1, PQF_BINARY = 2 } pqf_layout;

/* NULL for an unknown id. */
const char *pqf_encoding_name(int32_t id);
/* Row i of the table, for pqf_feature; false after the last. */
bool pqf_encoding_row(int64_t i, const char **name, bool *reads, bool *writes);

/* ---- RLE / bit-packing hybrid: levels, dictionary indexes, booleans ---- */

/* A pull over the runs; it keeps its place between calls. */
typedef struct pqf_rle {
    const pqf_kernels *kernel;
    const uint8_t *p; /* next run header */
    const uint8_t *end;
    int width;             /* bits per value, 0..32 */
    bool literal;          /* the current run is bit-packed */
    int64_t run_left;      /* values left in the current run */
    uint32_t value;        /* of an RLE run */
    const uint8_t *packed; /* of a literal run: its first byte */
    int64_t packed_at;     /* values already taken from it */
} pqf_rle;

/* in has PQF_SLACK readable bytes behind it; every `out` below has PQF_SLACK writable ones behind
 * its last value, of which callers that fill an array piece by piece need not know more than that
 * pieces come in order. */
pqf_status pqf_rle_begin(pqf_rle *rle, const pqf_kernels *kernel, pqf_bytes in, int width,
                         pqf_error *err);
/* Exactly n values; fewer in the stream is PQF_CORRUPT. The last literal run may be cut short by
 * the end of the bytes, as long as its values that are asked for are there. */
pqf_status pqf_rle_decode_u32(pqf_rle *rle, int64_t n, uint32_t *out, pqf_error *err);
pqf_status pqf_rle_decode_u8(pqf_rle *rle, int64_t n, uint8_t *out,
                             pqf_error *err); /* width <= 8 */
/* Width 1: straight to bits at position `at`; *num_set is how many of them are 1. */
pqf_status pqf_rle_decode_bits(pqf_rle *rle, int64_t n, uint8_t *out, int64_t at,
                               int64_t *num_set, pqf_error *err);
pqf_status pqf_rle_skip(pqf_rle *rle, int64_t n, pqf_error *err);
/* Looks at the current run (the next one when none is open): true when it is an RLE run; then its
 * value and the values left in it. Lets callers treat whole runs at once (pqf_rle_skip takes
 * them). */
pqf_status pqf_rle_peek(pqf_rle *rle, bool *is_run, uint32_t *value, int64_t *run_left,
                        pqf_error *err);

/* The bytes that no run has used. */
static inline pqf_bytes pqf_rle_rest(const pqf_rle *rle) {
    return pqf_bytes_of(rle->p, rle->p ? (size_t)(rle->end - rle->p) : 0);
}

/* Append the hybrid encoding of n values of `width` bits (without length prefix or width byte).
 * Constant stretches become RLE runs where that is smaller, everything else long literal runs.
 * The bytes depend on the values alone. u32 and u8 values have PQF_SLACK readable bytes behind
 * them; of bits nothing behind the last one is read. */
pqf_status pqf_rle_encode_u32(const pqf_kernels *kernel, const uint32_t *values,
                              int64_t n, int width, pqf_buf *out, pqf_error *err);
pqf_status pqf_rle_encode_u8(const pqf_kernels *kernel, const uint8_t *values, int64_t n,
                             int width, pqf_buf *out, pqf_error *err);
/* n bits from position `at`, width 1. As BOOLEAN values (encoding RLE) a uint32 with the length of
 * these bytes goes before them. */
pqf_status pqf_rle_encode_bits(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                               int64_t n, pqf_buf *out, pqf_error *err);

/* ---- DELTA_BINARY_PACKED: values and lengths ---- */

/* A pull over the miniblocks; it keeps its place between calls. */
typedef struct pqf_delta {
    const pqf_kernels *kernel;
    const char *name;    /* of the encoding, for errors */
    int32_t value_bytes; /* 4 or 8 */
    const uint8_t *p;    /* the next block or miniblock */
    const uint8_t *end;
    int64_t num_values;     /* by the header */
    int64_t values_left;    /* not taken yet */
    bool at_first;          /* `value` itself comes next */
    uint64_t value;         /* the one before the next */
    int64_t num_miniblocks; /* of a block */
    int64_t miniblock_values;
    uint64_t min_delta;      /* of the open block */
    const uint8_t *widths;   /* of its miniblocks that are not open yet */
    int64_t miniblocks_left; /* as many */
    int width;               /* of the open miniblocks */
    const uint8_t *packed;   /* their first byte */
    int64_t packed_at;       /* values already taken from them */
    int64_t packed_left;     /* values left in them */
} pqf_delta;

/* ---- dictionaries that were read ---- */

typedef struct pqf_dict {
    pqf_layout layout; /* FIXED or BINARY */
    int32_t width;     /* of FIXED: bytes per value, as handed out */
    int64_t num_values;
    const uint8_t *values; /* FIXED: num_values * width bytes and PQF_SLACK; BITS: bits */
    const uint32_t *starts; /* BINARY: first byte of each value in bytes */
    const uint32_t *lens;   /* BINARY: byte length of each value */
    const uint8_t *bytes;   /* BINARY: with PQF_SLACK behind */
    uint32_t max_len;       /* BINARY */
} pqf_dict;

/* ---- decoding the values of one page ---- */

/* Where BINARY values go: value i of a decode call ends at ends[i] (bytes->len after it), with
 * PQF_SLACK writable bytes behind the last end; the bytes are appended to `bytes`, whose max is at
 * most INT32_MAX so that offsets fit. */
typedef struct pqf_binary_out {
    int32_t *ends;
    pqf_buf *bytes;
    bool is_ascii; /* after a decode: all values are; false says nothing */
} pqf_binary_out;

typedef struct pqf_decoder {
    const struct pqf_encoding *encoding; /* the table's row */
    const pqf_kernels *kernel;
    int32_t physical;
    pqf_layout layout;
    int32_t width; /* FIXED: bytes per value that decode writes */
    const pqf_dict *dict;
    pqf_buf *kept;    /* borrowed: what a row keeps between calls beside its own fields */
    int64_t num_left; /* values that may still be asked for */
    pqf_bytes in;     /* what has not been decoded yet */
    int64_t bit_at;   /* PLAIN BITS */
    pqf_rle rle;      /* RLE and dictionary encodings */
    pqf_delta delta;  /* DELTA_*: values, lengths, or prefix lengths */
    pqf_delta suffixes; /* DELTA_BYTE_ARRAY: lengths of suffixes */
    int64_t stride;     /* BYTE_STREAM_SPLIT: values of the page */
    int64_t value_at;   /* BYTE_STREAM_SPLIT, ALP: values that were taken */
} pqf_decoder;

/* The layout of a physical type. */
pqf_layout pqf_layout_of(int32_t physical);

/* Takes up the value bytes of a page (PQF_SLACK readable behind). num_values is an upper bound of
 * the values in it (nulls included), of BYTE_STREAM_SPLIT their number. width is that of the physical type; for dictionary encodings
 * dict decides. `kept` holds what has to outlive a call; it is the decoder's own until the next
 * begin. PQF_UNSUPPORTED names an encoding that is not built, PQF_CORRUPT one that the physical type
 * cannot have, or a dictionary encoding without dictionary. */
pqf_status pqf_decoder_begin(pqf_decoder *d, const pqf_kernels *kernel,
                             int32_t encoding_id, int32_t physical, int32_t width,
                             const pqf_dict *dict, pqf_bytes in, int64_t num_values,
                             pqf_buf *kept, pqf_error *err);
/* PQF_CORRUPT where the page's bytes cannot hold n more values: to be asked before a caller makes room
 * for them, because the number is a word of the page's header. */
pqf_status pqf_decoder_expect(const pqf_decoder *d, int64_t n, pqf_error *err);
/* True for dictionary encodings. */
bool pqf_decoder_has_codes(const pqf_decoder *d);
/* Each decodes exactly the next n values; which one may be called follows from the layout. out has
 * PQF_SLACK writable bytes behind n values. */
pqf_status pqf_decode_fixed(pqf_decoder *d, int64_t n, void *out, pqf_error *err);
pqf_status pqf_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                           pqf_error *err);
pqf_status pqf_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                             pqf_error *err);
/* Dictionary indexes, each checked to be below dict->num_values. */
pqf_status pqf_decode_codes(pqf_decoder *d, int64_t n, uint32_t *out, pqf_error *err);
pqf_status pqf_decode_skip(pqf_decoder *d, int64_t n, pqf_error *err);
/* PLAIN FIXED only: where the bytes of the remaining values begin; NULL otherwise. For callers
 * that can use them in place. */
const uint8_t *pqf_decoder_plain(const pqf_decoder *d);
/* PLAIN, and RLE of BOOLEAN: the bytes that no value has used; none of other encodings. */
pqf_bytes pqf_decoder_rest(const pqf_decoder *d);
/* PLAIN BINARY only: makes room for the next n values, which may then be decoded in pieces at no
 * more cost; *in is where their bytes begin, each value behind its length. NULL otherwise. */
pqf_status pqf_decoder_open_plain(pqf_decoder *d, int64_t n, const pqf_binary_out *out,
                                  const uint8_t **in, pqf_error *err);

/* ---- encoding ---- */

/* One BINARY value: borrowed bytes. From data on so many bytes may be read, where they are more
 * than len: the values of an Arrow array lie one behind the other. */
typedef struct pqf_slice {
    const uint8_t *data;
    uint32_t len;
    uint32_t num_readable;
} pqf_slice;

static inline uint32_t pqf_readable(int64_t num_bytes) {
    return num_bytes < UINT32_MAX ? (uint32_t)num_bytes : UINT32_MAX;
}

/* PLAIN: each appends n values; no byte behind them is read. *num_bits counts the bits that this
 * page's values have in out so far, 0 at first; bits go on where the last call ended. */
pqf_status pqf_plain_put_fixed(const void *values, int64_t n, int32_t width, pqf_buf *out,
                               pqf_error *err);
pqf_status pqf_plain_put_bits(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                              int64_t n, pqf_buf *out, int64_t *num_bits, pqf_error *err);
pqf_status pqf_plain_put_binary(const pqf_slice *values, int64_t n, pqf_buf *out,
                                pqf_error *err);

/* There is an encoder of pages of such values: the encoding may have the type, and is no dictionary. */
bool pqf_encoding_writes(int32_t id, int32_t physical);
/* Appends the bytes of a page in another encoding: `plain` is its num_values values in PLAIN, with
 * PQF_SLACK readable bytes behind; width is that of a FIXED layout. The bytes depend on the values
 * alone. */
pqf_status pqf_encode_page(const pqf_kernels *kernel, int32_t encoding_id,
                           int32_t physical, int32_t width, pqf_bytes plain,
                           int64_t num_values, pqf_buf *out, pqf_error *err);

/* Builds a dictionary: distinct values in the order of their first appearance, kept as the PLAIN
 * bytes of the dictionary page. Floats and everything else are compared by their bytes. */
typedef struct pqf_dict_builder pqf_dict_builder;
pqf_status pqf_dict_builder_new(pqf_layout layout, int32_t width, pqf_mem *mem,
                                pqf_dict_builder **out, pqf_error *err);
void pqf_dict_builder_free(pqf_dict_builder *b);
void pqf_dict_builder_clear(pqf_dict_builder *b); /* keeps its memory */
/* Gives back what finding values needs, most of its memory; the next put makes it anew. */
void pqf_dict_builder_fold(pqf_dict_builder *b);
/* Most bytes that finding so many values needs beside them. */
int64_t pqf_dict_table_bytes(pqf_layout layout, int32_t width, int64_t num_values);
/* Of the values no byte behind the last one is read. codes[i] is the index of value i; new values
 * are added. Stops at the first new value that would make the page longer than max_bytes and
 * returns the number of values taken in *num_put. */
pqf_status pqf_dict_put_fixed(pqf_dict_builder *b, const void *values, int64_t n,
                              size_t max_bytes, uint32_t *codes, int64_t *num_put,
                              pqf_error *err);
pqf_status pqf_dict_put_binary(pqf_dict_builder *b, const pqf_slice *values, int64_t n,
                               size_t max_bytes, uint32_t *codes, int64_t *num_put,
                               pqf_error *err);
int64_t pqf_dict_num_values(const pqf_dict_builder *b);
/* The PLAIN bytes of the dictionary page so far. */
pqf_bytes pqf_dict_page_bytes(const pqf_dict_builder *b);
/* Appends the PLAIN bytes of the values that codes name: how a page leaves the dictionary again. */
pqf_status pqf_dict_expand(const pqf_dict_builder *b, const uint32_t *codes, int64_t n,
                           pqf_buf *out, pqf_error *err);
/* Value i, borrowed until the next put. */
pqf_bytes pqf_dict_value(const pqf_dict_builder *b, int64_t i);

#endif
