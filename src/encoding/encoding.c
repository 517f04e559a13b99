/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding.c: the table of encodings and what holds for all of them. A page's encoding id is
 * looked up once, in pqf_decoder_begin; from there on the decoder carries its row. In come the
 * encoding id of a page header and the page's value bytes, out go values through the row's
 * functions; and back: PLAIN bytes of a page, out go those of another encoding.
 */
#include "row.h"

/* Ids of parquet.thrift, Type; a set of them is a mask of 1 << id. */
enum {
    BOOLEAN = 1 << 0,
    INT32 = 1 << 1,
    INT64 = 1 << 2,
    INT96 = 1 << 3,
    FLOAT = 1 << 4,
    DOUBLE = 1 << 5,
    BYTE_ARRAY = 1 << 6,
    FIXED_ARRAY = 1 << 7,
    ALL_TYPES = (1 << 8) - 1,
};

static const struct {
    const char *name;
    pqf_layout layout;
} types[] = {
    {"BOOLEAN", PQF_BITS},      {"INT32", PQF_FIXED},
    {"INT64", PQF_FIXED},       {"INT96", PQF_FIXED},
    {"FLOAT", PQF_FIXED},       {"DOUBLE", PQF_FIXED},
    {"BYTE_ARRAY", PQF_BINARY}, {"FIXED_LEN_BYTE_ARRAY", PQF_FIXED},
};

static const pqf_encoding encodings[] = {
#define PQF_ENCODING(...) {__VA_ARGS__},
#include "encoding_list.h"
#undef PQF_ENCODING
};
#define NUM_ENCODINGS ((int64_t)(sizeof encodings / sizeof encodings[0]))

static const pqf_encoding *encoding_find(int32_t id) {
    for (int64_t i = 0; i < NUM_ENCODINGS; i++) {
        if (encodings[i].id == id) return &encodings[i];
    }
    return NULL;
}

const char *pqf_encoding_name(int32_t id) {
    const pqf_encoding *encoding = encoding_find(id);
    return encoding ? encoding->name : NULL;
}

bool pqf_encoding_row(int64_t i, const char **name, bool *reads, bool *writes) {
    if (i < 0 || i >= NUM_ENCODINGS) return false;
    *name = encodings[i].name;
    /* of levels alone, which the room column reads */
    bool of_levels = encodings[i].id == PQF_BIT_PACKED;
    *reads = encodings[i].begin != NULL || of_levels;
    *writes = encodings[i].encode != NULL || encodings[i].uses_dict;
    return true;
}

pqf_layout pqf_layout_of(int32_t physical) { return types[physical].layout; }

static bool encoding_allows(const pqf_encoding *encoding, int32_t physical) {
    return encoding->types >> physical & 1;
}

static pqf_status fail_type(const pqf_encoding *encoding, int32_t physical,
                            pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "%s: not an encoding of %s values", encoding->name,
                    types[physical].name);
}

static bool encoding_decodes(const pqf_encoding *encoding, pqf_layout layout) {
    switch (layout) {
    case PQF_BITS: return encoding->bits != NULL;
    case PQF_FIXED: return encoding->fixed != NULL;
    case PQF_BINARY: return encoding->binary != NULL;
    }
    return false;
}

static pqf_status encoding_check(const pqf_encoding *encoding, int32_t id,
                                 int32_t physical, pqf_error *err) {
    if (!encoding) return pqf_fail(err, PQF_UNSUPPORTED, "encoding %d is not known", id);
    if (encoding->types && !encoding_allows(encoding, physical))
        return fail_type(encoding, physical, err);
    if (!encoding->begin) {
        return pqf_fail(err, PQF_UNSUPPORTED, "encoding %s is not supported",
                        encoding->name);
    }
    if (!encoding_decodes(encoding, types[physical].layout)) {
        return pqf_fail(err, PQF_UNSUPPORTED, "encoding %s of %s values is not supported",
                        encoding->name, types[physical].name);
    }
    return PQF_OK;
}

pqf_status pqf_decoder_begin(pqf_decoder *d, const pqf_kernels *kernel,
                             int32_t encoding_id, int32_t physical, int32_t width,
                             const pqf_dict *dict, pqf_bytes in, int64_t num_values,
                             pqf_buf *kept, pqf_error *err) {
    const pqf_encoding *encoding = encoding_find(encoding_id);
    TRY(encoding_check(encoding, encoding_id, physical, err));
    if (encoding->uses_dict && !dict) {
        return pqf_fail(err, PQF_CORRUPT, "%s: the column chunk has no dictionary page",
                        encoding->name);
    }
    *d = (pqf_decoder){
        .encoding = encoding,
        .kernel = kernel,
        .physical = physical,
        .layout = types[physical].layout,
        .width = encoding->uses_dict ? dict->width : width,
        .dict = encoding->uses_dict ? dict : NULL,
        .kept = kept,
        .num_left = num_values,
        .in = in,
    };
    return encoding->begin(d, err);
}

bool pqf_decoder_has_codes(const pqf_decoder *d) { return d->encoding->uses_dict; }

/* Counts the values that are about to be decoded; `fn` is the row's function for them. */
static pqf_status decoder_take(pqf_decoder *d, bool has_fn, int64_t n, pqf_error *err) {
    if (!has_fn) {
        return pqf_fail(err, PQF_INVALID,
                        "%s: %s values were asked for in another layout",
                        d->encoding->name, types[d->physical].name);
    }
    if (n < 0 || n > d->num_left) {
        return pqf_fail(err, PQF_CORRUPT,
                        "%s: %lld values wanted, the page has %lld left",
                        d->encoding->name, (long long)n, (long long)d->num_left);
    }
    d->num_left -= n;
    return PQF_OK;
}

/* The most values that the bytes which are left can hold. Those of other encodings may be runs of any
 * length. */
static int64_t most_values(const pqf_decoder *d) {
    bool no_bytes = d->layout == PQF_FIXED && d->width == 0;
    if (no_bytes) return INT64_MAX;
    if (d->encoding->id == PQF_BYTE_STREAM_SPLIT) return d->stride - d->value_at;
    if (d->encoding->id != PQF_PLAIN) return INT64_MAX;
    int64_t left = (int64_t)d->in.len;
    if (d->layout == PQF_BITS) return 8 * left - d->bit_at;
    if (d->layout == PQF_BINARY) return left / 4;
    return left / d->width;
}

pqf_status pqf_decoder_expect(const pqf_decoder *d, int64_t n, pqf_error *err) {
    int64_t most = pqf_min_i64(d->num_left, most_values(d));
    if (n <= most) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT, "%s: %lld values wanted, the page has %lld at most",
                    d->encoding->name, (long long)n, (long long)most);
}

pqf_status pqf_decode_fixed(pqf_decoder *d, int64_t n, void *out, pqf_error *err) {
    TRY(decoder_take(d, d->layout == PQF_FIXED, n, err));
    return d->encoding->fixed(d, n, (uint8_t *)out, err);
}

pqf_status pqf_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                           pqf_error *err) {
    TRY(decoder_take(d, d->layout == PQF_BITS, n, err));
    return d->encoding->bits(d, n, out, at, err);
}

pqf_status pqf_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                             pqf_error *err) {
    TRY(decoder_take(d, d->layout == PQF_BINARY, n, err));
    out->is_ascii = false;
    return d->encoding->binary(d, n, out, err);
}

pqf_status pqf_decode_codes(pqf_decoder *d, int64_t n, uint32_t *out, pqf_error *err) {
    TRY(decoder_take(d, d->encoding->codes != NULL, n, err));
    return d->encoding->codes(d, n, out, err);
}

pqf_status pqf_decode_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    TRY(decoder_take(d, true, n, err));
    return d->encoding->skip(d, n, err);
}

const uint8_t *pqf_decoder_plain(const pqf_decoder *d) {
    bool in_place = d->encoding->id == PQF_PLAIN && d->layout == PQF_FIXED;
    return in_place ? d->in.data : NULL;
}

pqf_bytes pqf_decoder_rest(const pqf_decoder *d) {
    if (d->encoding->id == PQF_RLE && d->in.len) /* up to the end of the page */
        return pqf_bytes_of(d->rle.p, (size_t)(d->in.data + d->in.len - d->rle.p));
    if (d->encoding->id != PQF_PLAIN) return (pqf_bytes){0};
    size_t used = d->layout == PQF_BITS ? (size_t)pqf_bits_bytes(d->bit_at) : 0;
    return pqf_bytes_of(d->in.data + used, d->in.len - used);
}

pqf_status pqf_decoder_open_plain(pqf_decoder *d, int64_t n, const pqf_binary_out *out,
                                  const uint8_t **in, pqf_error *err) {
    *in = NULL;
    if (d->encoding->id != PQF_PLAIN || d->layout != PQF_BINARY || n == 0) return PQF_OK;
    *in = d->in.data;
    return pqf_plain_reserve_binary(d, n, out, err);
}

/* ---- encoding ---- */

bool pqf_encoding_writes(int32_t id, int32_t physical) {
    const pqf_encoding *encoding = encoding_find(id);
    return encoding && encoding->encode && encoding_allows(encoding, physical);
}

pqf_status pqf_encode_page(const pqf_kernels *kernel, int32_t encoding_id,
                           int32_t physical, int32_t width, pqf_bytes plain,
                           int64_t num_values, pqf_buf *out, pqf_error *err) {
    if (!pqf_encoding_writes(encoding_id, physical)) {
        const char *name = pqf_encoding_name(encoding_id);
        return pqf_fail(err, PQF_INVALID, "%s values are not written in encoding %s (%d)",
                        types[physical].name, name ? name : "unknown", encoding_id);
    }
    pqf_plain_page page = {
        .kernel = kernel,
        .physical = physical,
        .layout = types[physical].layout,
        .width = width,
        .bytes = plain,
        .num_values = num_values,
    };
    return encoding_find(encoding_id)->encode(&page, out, err);
}
