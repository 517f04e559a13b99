/* SPDX-License-Identifier: Apache-2.0
 *
 * values.c (room column): the values of a page into the buffers of a leaf. In: a page's
 * value bytes and the number of slots that its levels have just appended. Out: values in
 * Arrow's layout, zero in null slots. Without nulls values are decoded straight into the
 * outgoing buffer; with nulls they pass through blocks that stay in L1 and are spread by the
 * validity bits.
 */
#include "reading.h"

/* Blocks of wide values are shorter, so that they stay in the cache. */
#define BLOCK_BYTES 32768
/* PLAIN text is looked at in pieces of so many bytes, right behind the copy; while there is nothing but
 * ASCII, of which the copy tells, they grow. */
#define TEXT_PIECE_BYTES 8192

static pqf_status begin(pqf_value_reader *v, pqf_error *err) {
    if (v->begun) return PQF_OK;
    const pqf_leaf *leaf = v->leaf_field->leaf;
    TRY(pqf_decoder_begin(&v->decoder, v->kernel, v->page.encoding,
                          (int32_t)leaf->physical, pqf_leaf_width(leaf),
                          v->dict->loaded ? &v->dict->dict : NULL, v->page.values,
                          v->page.most_present, &v->kept, err));
    v->begun = true;
    return PQF_OK;
}

pqf_status pqf_values_skip(pqf_value_reader *v, int64_t num_values, pqf_error *err) {
    if (num_values == 0 || v->leaf_field->convert == PQF_CONVERT_NULLS) return PQF_OK;
    TRY(begin(v, err));
    return pqf_decode_skip(&v->decoder, num_values, err);
}

/* ---- room ---- */

static int64_t width_of_slot(const pqf_leaf_out *out) {
    return out->dictionary ? (int64_t)sizeof(uint32_t) : out->leaf_field->arrow_width;
}

static pqf_status reserve_slots(pqf_buf *buf, int64_t num_slots, int64_t width,
                                int64_t num_expected, pqf_error *err) {
    size_t bytes;
    if (!buf->data) num_slots = pqf_max_i64(num_slots, num_expected);
    if (!pqf_mul_size((size_t)num_slots, (size_t)width, &bytes)) bytes = SIZE_MAX;
    return pqf_buf_reserve(buf, bytes, err);
}

static pqf_status reserve_bits(pqf_buf *buf, int64_t num_slots, int64_t num_expected,
                               pqf_error *err) {
    if (!buf->data) num_slots = pqf_max_i64(num_slots, num_expected);
    return pqf_buf_reserve(buf, (size_t)pqf_bits_bytes(num_slots) + 1, err);
}

static pqf_status reserve_ends(pqf_leaf_out *out, int64_t num_slots, int64_t num_expected,
                               pqf_error *err) {
    bool fresh = !out->ends.data;
    TRY(reserve_slots(&out->ends, num_slots + fresh, sizeof(int32_t), num_expected + 1,
                      err));
    if (fresh) {
        pqf_store_u32(out->ends.data, 0);
        out->ends.len = sizeof(int32_t);
    }
    return PQF_OK;
}

static pqf_status copy_lent(pqf_leaf_out *out, int64_t num_slots, int64_t num_expected,
                            pqf_error *err) {
    int64_t width = width_of_slot(out), num_lent = (int64_t)out->lent.len / width;
    TRY(reserve_slots(&out->values, num_lent + num_slots, width, num_expected, err));
    TRY(pqf_buf_put(&out->values, out->lent.data, out->lent.len, err));
    pqf_leaf_out_give_back(out);
    return PQF_OK;
}

pqf_status pqf_values_reserve(pqf_leaf_out *out, int64_t num_slots, pqf_error *err) {
    int64_t num_expected = pqf_leaf_node(out)->num_expected;
    if (out->lender) TRY(copy_lent(out, num_slots, num_expected, err));
    pqf_leaf_layout layout = out->leaf_field->layout;
    if (layout == PQF_LEAF_NONE) return PQF_OK;
    if (out->dictionary || layout == PQF_LEAF_FIXED)
        return reserve_slots(&out->values, num_slots, width_of_slot(out), num_expected,
                             err);
    if (layout == PQF_LEAF_BITS)
        return reserve_bits(&out->values, num_slots, num_expected, err);
    return reserve_ends(out, num_slots, num_expected, err);
}

/* ---- blocks ---- */

static int64_t block_values(const pqf_field *f) {
    int64_t width = pqf_max_i64(pqf_leaf_width(f->leaf), f->arrow_width);
    return pqf_max_i64(1,
                       pqf_min_i64(PQF_VALUE_BLOCK, BLOCK_BYTES / pqf_max_i64(width, 1)));
}

/* Two areas of a block each: values as they are in Parquet, and as they are in Arrow. */
static pqf_status make_blocks(pqf_scratch *scratch, const pqf_field *f, uint8_t **raw,
                              uint8_t **dense, pqf_error *err) {
    size_t n = (size_t)block_values(f);
    size_t raw_bytes = n * (size_t)pqf_leaf_width(f->leaf) + PQF_SLACK;
    size_t dense_bytes = n * (size_t)f->arrow_width + PQF_SLACK;
    scratch->blocks.len = 0;
    TRY(pqf_buf_reserve(&scratch->blocks, raw_bytes + dense_bytes, err));
    *dense = scratch->blocks.data;
    *raw = scratch->blocks.data + dense_bytes;
    return PQF_OK;
}

static void expand(const pqf_kernels *k, int64_t width, const uint8_t *in,
                   const uint8_t *bits, int64_t at, int64_t n, uint8_t *out) {
    const void *from = in;
    void *to = out;
    switch (width) {
    case 1: k->expand_8(from, bits, at, n, to); break;
    case 2: k->expand_16(from, bits, at, n, to); break;
    case 4: k->expand_32(from, bits, at, n, to); break;
    case 8: k->expand_64(from, bits, at, n, to); break;
    default: k->expand_any(from, (int)width, bits, at, n, to);
    }
}

/* ---- dense values of fixed width ---- */

/* Decimals out of BYTE_ARRAY. A dictionary already holds decimals. */
static pqf_status dense_decimals(pqf_value_reader *v, int64_t n, uint8_t *out,
                                 pqf_scratch *scratch, pqf_error *err) {
    int32_t ends[PQF_VALUE_BLOCK + PQF_SLACK / sizeof(int32_t)];
    int32_t width = v->leaf_field->arrow_width;
    while (n > 0) {
        int64_t block = pqf_min_i64(n, PQF_VALUE_BLOCK);
        if (pqf_decoder_has_codes(&v->decoder)) {
            uint32_t *codes = (uint32_t *)ends;
            TRY(pqf_decode_codes(&v->decoder, block, codes, err));
            v->kernel->gather_any(v->dict->dict.values, width, codes, block, out);
        } else {
            scratch->extra.len = 0;
            pqf_binary_out binary = {.ends = ends, .bytes = &scratch->extra};
            TRY(pqf_decode_binary(&v->decoder, block, &binary, err));
            for (int64_t i = 0, start = 0; i < block; start = ends[i++]) {
                pqf_bytes value = {scratch->extra.data + start,
                                   (size_t)(ends[i] - start)};
                TRY(pqf_convert_decimal(value, width, out + i * width, err));
            }
        }
        out += block * width;
        n -= block;
    }
    return PQF_OK;
}

/* Values that are not the bytes of the file: PLAIN ones are converted out of the page. */
static pqf_status dense_converted(pqf_value_reader *v, int64_t n, uint8_t *out,
                                  pqf_scratch *scratch, pqf_error *err) {
    const pqf_field *f = v->leaf_field;
    const uint8_t *in = pqf_decoder_plain(&v->decoder);
    if (in) {
        TRY(pqf_decode_skip(&v->decoder, n, err)); /* checks that they are there */
        return pqf_convert_fixed(f, v->kernel, in, n, out, err);
    }
    uint8_t *raw, *dense;
    TRY(make_blocks(scratch, f, &raw, &dense, err));
    for (int64_t max = block_values(f); n > 0;) {
        int64_t block = pqf_min_i64(n, max);
        TRY(pqf_decode_fixed(&v->decoder, block, raw, err));
        TRY(pqf_convert_fixed(f, v->kernel, raw, block, out, err));
        out += block * f->arrow_width;
        n -= block;
    }
    return PQF_OK;
}

static pqf_status dense_fixed(pqf_value_reader *v, int64_t n, uint8_t *out,
                              pqf_scratch *scratch, pqf_error *err) {
    pqf_convert convert = v->leaf_field->convert;
    if (convert == PQF_CONVERT_BYTES_TO_DECIMAL)
        return dense_decimals(v, n, out, scratch, err);
    if (convert == PQF_CONVERT_NONE || pqf_decoder_has_codes(&v->decoder))
        return pqf_decode_fixed(&v->decoder, n, out, err);
    return dense_converted(v, n, out, scratch, err);
}

/* ---- layouts ---- */

/* The slots that are being filled: bits [at, at + num_slots) of the leaf's validity. */
typedef struct slot_range {
    const uint8_t *bits;
    int64_t at;
    int64_t num_slots;
    int64_t num_values;
} slot_range;

static pqf_status spread_fixed(pqf_value_reader *v, const slot_range *r, uint8_t *out,
                               pqf_scratch *scratch, pqf_error *err) {
    const pqf_field *f = v->leaf_field;
    int64_t width = f->arrow_width;
    uint8_t *raw, *dense;
    if (f->convert == PQF_CONVERT_NONE && pqf_decoder_plain(&v->decoder)) {
        const uint8_t *in = pqf_decoder_plain(&v->decoder);
        TRY(pqf_decode_skip(&v->decoder, r->num_values, err));
        expand(v->kernel, width, in, r->bits, r->at, r->num_slots, out);
        return PQF_OK;
    }
    int64_t max = block_values(f);
    for (int64_t i = 0; i < r->num_slots; i += max, out += max * width) {
        int64_t n = pqf_min_i64(max, r->num_slots - i);
        int64_t k = v->kernel->count_bits(r->bits, r->at + i, n);
        if (k == n) {
            TRY(dense_fixed(v, n, out, scratch, err));
            continue;
        }
        TRY(make_blocks(scratch, f, &raw, &dense, err));
        TRY(dense_fixed(v, k, dense, scratch, err));
        expand(v->kernel, width, dense, r->bits, r->at + i, n, out);
    }
    return PQF_OK;
}

static pqf_status append_fixed(pqf_value_reader *v, pqf_leaf_out *out,
                               const slot_range *r, pqf_scratch *scratch,
                               pqf_error *err) {
    int64_t width = v->leaf_field->arrow_width;
    if (width == 0) return pqf_values_skip(v, r->num_values, err); /* no bytes to put */
    uint8_t *at = out->values.data + out->values.len;
    if (r->num_values == r->num_slots)
        TRY(dense_fixed(v, r->num_slots, at, scratch, err));
    else if (r->num_values == 0)
        memset(at, 0, (size_t)(r->num_slots * width));
    else
        TRY(spread_fixed(v, r, at, scratch, err));
    out->values.len += (size_t)(r->num_slots * width);
    return PQF_OK;
}

static pqf_status append_bits(pqf_value_reader *v, pqf_leaf_out *out, const slot_range *r,
                              pqf_scratch *scratch, pqf_error *err) {
    uint8_t *to = out->values.data;
    if (r->num_values == r->num_slots) {
        TRY(pqf_decode_bits(&v->decoder, r->num_slots, to, r->at, err));
    } else if (r->num_values == 0) {
        v->kernel->fill_bits(to, r->at, r->num_slots, false);
    } else {
        scratch->extra.len = 0;
        TRY(pqf_buf_reserve(&scratch->extra, (size_t)pqf_bits_bytes(r->num_values), err));
        TRY(pqf_decode_bits(&v->decoder, r->num_values, scratch->extra.data, 0, err));
        v->kernel->deposit_bits(scratch->extra.data, 0, r->bits, r->at, r->num_slots, to,
                                r->at);
    }
    out->values.len = (size_t)pqf_bits_bytes(r->at + r->num_slots);
    return PQF_OK;
}

/* The ends of the k values stand at the end of the n slots and move to their slots, first to
 * last: an end is never overtaken, because the slots written exceed the ends read by the
 * nulls so far. A null slot ends where the value before it ends. */
static void spread_ends(int32_t *ends, const slot_range *r) {
    const int32_t *dense = ends + (r->num_slots - r->num_values);
    int32_t end = ends[-1];
    for (int64_t i = 0; i < r->num_slots; i += 64) {
        int n = (int)pqf_min_i64(64, r->num_slots - i);
        uint64_t w = pqf_bits_load(r->bits, r->at + i, n);
        if (w == ~UINT64_C(0)) {
            memmove(ends + i, dense, 64 * sizeof *ends);
            dense += 64;
            end = ends[i + 63];
            continue;
        }
        for (int b = 0; b < n; b++, w >>= 1) {
            int32_t next = *dense;
            end = w & 1 ? next : end;
            dense += w & 1;
            ends[i + b] = end;
        }
    }
}

/* Value `at` of the n that were decoded last is not UTF-8. The chunk reader adds the row. */
static pqf_status fail_text(pqf_value_reader *v, int64_t n, int64_t at, pqf_bytes value,
                            pqf_error *err) {
    v->found_bad = true;
    v->bad_at = v->page.most_present - v->decoder.num_left - n + at;
    v->bad_value = value;
    return pqf_text_fail("", value, err);
}

/* Values out of a dictionary of text are text. */
static bool looks_at_text(const pqf_value_reader *v) {
    return v->check_text &&
           (!pqf_decoder_has_codes(&v->decoder) || v->dict->has_bad_text);
}

/* Values of a page, on average of `mean` bytes, whose bytes in the page and copied stay in L1. */
static int64_t piece_values(int64_t mean) {
    return pqf_max_i64(TEXT_PIECE_BYTES / pqf_max_i64(mean, 1), 4);
}

/* The next n values, and a look at them; in: where their PLAIN bytes begin, or NULL. */
static pqf_status decode_piece(pqf_value_reader *v, int64_t n, const uint8_t *in,
                               pqf_binary_out *out, pqf_error *err) {
    int64_t start = (int64_t)out->bytes->len;
    TRY(pqf_decode_binary(&v->decoder, n, out, err));
    if (out->is_ascii) return PQF_OK;
    pqf_bytes plain = {in, in ? (size_t)(v->decoder.in.data - in) : 0};
    const uint8_t *bytes = out->bytes->data;
    int64_t bad = pqf_text_find_bad(v->kernel, plain, bytes, start, out->ends, n);
    if (bad < 0) return PQF_OK;
    if (bad > 0) start = out->ends[bad - 1];
    pqf_bytes value = pqf_bytes_of(bytes + start, (size_t)(out->ends[bad] - start));
    return fail_text(v, n, bad, value, err);
}

static pqf_status decode_binary(pqf_value_reader *v, int64_t n, pqf_binary_out *out,
                                pqf_error *err) {
    pqf_decoder *d = &v->decoder;
    const uint8_t *in;
    if (!looks_at_text(v)) return pqf_decode_binary(d, n, out, err);
    TRY(pqf_decoder_open_plain(d, n, out, &in, err));
    if (!in) return decode_piece(v, n, NULL, out, err);
    int64_t mean = (int64_t)d->in.len / pqf_max_i64(d->num_left, 1);
    int64_t least = piece_values(mean), most = least;
    pqf_binary_out piece = *out;
    for (int64_t k; n > 0; n -= k, piece.ends += k) {
        k = pqf_min_i64(n, most);
        TRY(decode_piece(v, k, d->in.data, &piece, err));
        most = piece.is_ascii ? most * 2 : least;
    }
    return PQF_OK;
}

static pqf_status append_binary(pqf_value_reader *v, pqf_leaf_out *out,
                                const slot_range *r, pqf_error *err) {
    int32_t *ends = (int32_t *)(void *)out->ends.data + r->at + 1;
    pqf_binary_out binary = {.ends = ends + (r->num_slots - r->num_values),
                             .bytes = &out->bytes};
    if (r->num_values) TRY(decode_binary(v, r->num_values, &binary, err));
    if (r->num_values < r->num_slots) spread_ends(ends, r);
    out->ends.len = (size_t)(r->at + r->num_slots + 1) * sizeof(int32_t);
    return PQF_OK;
}

/* ---- dictionary outputs ---- */

/* The dictionary of booleans is false, true. */
static pqf_status codes_of_bits(pqf_value_reader *v, int64_t n, uint32_t *codes,
                                pqf_error *err) {
    uint8_t bits[PQF_VALUE_BLOCK / 8 + PQF_SLACK];
    TRY(pqf_decode_bits(&v->decoder, n, bits, 0, err));
    for (int64_t i = 0; i < n; i++)
        codes[i] = pqf_bit_get(bits, i);
    return PQF_OK;
}

static pqf_status check_codes(pqf_value_reader *v, const uint32_t *codes, int64_t n,
                              pqf_error *err) {
    const pqf_dict *dict = &v->dict->dict;
    if (!v->dict->has_bad_text) return PQF_OK;
    int64_t bad = pqf_text_find_bad_code(v->kernel, dict, codes, n);
    if (bad < 0) return PQF_OK;
    pqf_bytes value = {dict->bytes + dict->starts[codes[bad]], dict->lens[codes[bad]]};
    return fail_text(v, n, bad, value, err);
}

/* Codes of at most PQF_VALUE_BLOCK values. Pages without codes hold the values themselves. */
static pqf_status next_codes(pqf_value_reader *v, pqf_leaf_out *out, int64_t n,
                             uint32_t *codes, pqf_scratch *scratch, pqf_error *err) {
    if (v->leaf_field->layout == PQF_LEAF_BITS) return codes_of_bits(v, n, codes, err);
    if (pqf_decoder_has_codes(&v->decoder)) {
        TRY(pqf_decode_codes(&v->decoder, n, codes, err));
        TRY(check_codes(v, codes, n, err));
        return pqf_dict_out_map(out->dictionary, v->dict, v->kernel, v->num_rows, codes,
                                n, err);
    }
    if (v->leaf_field->layout == PQF_LEAF_BINARY) {
        int32_t ends[PQF_VALUE_BLOCK + PQF_SLACK / sizeof(int32_t)];
        scratch->extra.len = 0;
        pqf_binary_out binary = {.ends = ends, .bytes = &scratch->extra};
        TRY(decode_binary(v, n, &binary, err));
        return pqf_dict_out_put_binary(out->dictionary, scratch->extra.data, ends, n,
                                       codes, err);
    }
    size_t bytes = (size_t)n * (size_t)v->leaf_field->arrow_width;
    pqf_buf *values = &scratch->shred[0]; /* blocks and extra belong to dense_fixed */
    values->len = 0;
    TRY(pqf_buf_reserve(values, bytes, err));
    TRY(dense_fixed(v, n, values->data, scratch, err));
    return pqf_dict_out_put_fixed(out->dictionary, values->data, n, codes, err);
}

static pqf_status append_codes(pqf_value_reader *v, pqf_leaf_out *out,
                               const slot_range *r, pqf_scratch *scratch,
                               pqf_error *err) {
    uint32_t dense[PQF_VALUE_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    uint32_t *to = (uint32_t *)(void *)out->values.data + r->at;
    for (int64_t i = 0; i < r->num_slots; i += PQF_VALUE_BLOCK) {
        int64_t n = pqf_min_i64(PQF_VALUE_BLOCK, r->num_slots - i), k = n;
        if (r->num_values < r->num_slots)
            k = v->kernel->count_bits(r->bits, r->at + i, n);
        if (k) TRY(next_codes(v, out, k, k == n ? to + i : dense, scratch, err));
        if (k < n) v->kernel->expand_32(dense, r->bits, r->at + i, n, to + i);
    }
    out->values.len = (size_t)(r->at + r->num_slots) * sizeof(uint32_t);
    return PQF_OK;
}

static pqf_status not_null(pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "a column that is annotated as UNKNOWN, which is always null, has "
                    "values: ask its writer what they are, or leave the column out");
}

pqf_status pqf_values_append(pqf_value_reader *v, pqf_leaf_out *out, int64_t num_slots,
                             int64_t num_values, pqf_scratch *scratch, pqf_error *err) {
    const pqf_node_out *node = pqf_leaf_node(out);
    slot_range r = {node->validity.data, node->length - num_slots, num_slots, num_values};
    if (num_slots == 0) return PQF_OK;
    if (v->leaf_field->layout == PQF_LEAF_NONE)
        return num_values ? not_null(err) : PQF_OK;
    if (num_values) {
        TRY(begin(v, err));
        TRY(pqf_decoder_expect(&v->decoder, num_values, err));
    }
    TRY(pqf_values_reserve(out, num_slots, err));
    if (out->dictionary) return append_codes(v, out, &r, scratch, err);
    switch (v->leaf_field->layout) {
    case PQF_LEAF_BITS: return append_bits(v, out, &r, scratch, err);
    case PQF_LEAF_FIXED: return append_fixed(v, out, &r, scratch, err);
    default: return append_binary(v, out, &r, err);
    }
}
