/* SPDX-License-Identifier: Apache-2.0
 *
 * dictionary.c: reading RLE_DICTIONARY and the older PLAIN_DICTIONARY (Encodings.md, Dictionary
 * Encoding): one byte with the bit width of the indexes, then the indexes as RLE / bit-packing
 * hybrid without a length. In come the page and the dictionary that its column chunk has, out go
 * values or the indexes themselves.
 *
 * Indexes pass through a block of PQF_BLOCK that stays in L1. The largest one of a block is
 * compared with the dictionary's size before any of them is used; behind that check gathers are
 * unchecked.
 */
#include "row.h"

/* A run of fewer values goes through the block like literals do. */
#define LONG_RUN 64

/* A page that holds nulls alone may have no bytes at all. */
pqf_status pqf_codes_begin(pqf_decoder *d, pqf_error *err) {
    if (d->dict->layout != d->layout) {
        return pqf_fail(err, PQF_INVALID, "%s: the dictionary has another layout",
                        d->encoding->name);
    }
    pqf_cursor c = pqf_cursor_of(d->in);
    int width = d->in.len ? pqf_cursor_u8(&c) : 0;
    if (width > 32) {
        return pqf_fail(err, PQF_CORRUPT, "%s: index width %d is not in 0..32",
                        d->encoding->name, width);
    }
    return pqf_rle_begin(&d->rle, d->kernel, pqf_cursor_take(&c, pqf_cursor_left(&c)),
                         width, err);
}

static pqf_status code_check(const pqf_decoder *d, uint32_t code, pqf_error *err) {
    if (code < (uint64_t)d->dict->num_values) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT, "%s: index %u, the dictionary has %lld values",
                    d->encoding->name, (unsigned)code, (long long)d->dict->num_values);
}

/* n (at most PQF_BLOCK) indexes that are all inside the dictionary. */
static pqf_status next_codes(pqf_decoder *d, int64_t n, uint32_t *codes, pqf_error *err) {
    TRY(pqf_rle_decode_u32(&d->rle, n, codes, err));
    return code_check(d, d->kernel->max_u32(codes, n), err);
}

pqf_status pqf_codes_decode(pqf_decoder *d, int64_t n, uint32_t *out, pqf_error *err) {
    while (n > 0) {
        int64_t block = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_codes(d, block, out, err));
        out += block;
        n -= block;
    }
    return PQF_OK;
}

pqf_status pqf_codes_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    return pqf_rle_skip(&d->rle, n, err);
}

/* ---- fixed widths ---- */

static void gather(const pqf_decoder *d, const uint32_t *codes, int64_t n, uint8_t *out) {
    const pqf_dict *dict = d->dict;
    if (dict->width == 4) {
        d->kernel->gather_32((const uint32_t *)(const void *)dict->values, codes, n,
                             (uint32_t *)(void *)out);
    } else if (dict->width == 8) {
        d->kernel->gather_64((const uint64_t *)(const void *)dict->values, codes, n,
                             (uint64_t *)(void *)out);
    } else {
        d->kernel->gather_any(dict->values, dict->width, codes, n, out);
    }
}

static void fill_32(uint8_t *out, const uint8_t *value, int64_t n) {
    uint32_t v = pqf_load_u32(value);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * 4, &v, 4);
}

static void fill_64(uint8_t *out, const uint8_t *value, int64_t n) {
    uint64_t v = pqf_load_u64(value);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * 8, &v, 8);
}

/* n >= 1 copies of one value; what is written doubles. */
static void fill(uint8_t *out, const uint8_t *value, int32_t width, int64_t n) {
    if (width == 4) {
        fill_32(out, value, n);
    } else if (width == 8) {
        fill_64(out, value, n);
    } else if (width > 0) {
        size_t total = (size_t)n * (size_t)width;
        size_t done = (size_t)width;
        memcpy(out, value, done);
        while (done < total) {
            size_t step = done < total - done ? done : total - done;
            memcpy(out + done, out, step);
            done += step;
        }
    }
}

/* Nobody writes them, but Encodings.md allows dictionaries for all types: no kernel. */
pqf_status pqf_codes_decode_bits(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                                 pqf_error *err) {
    uint32_t codes[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    for (int64_t end = at + n; at < end;) {
        int64_t block = pqf_min_i64(end - at, PQF_BLOCK);
        TRY(next_codes(d, block, codes, err));
        for (int64_t i = 0; i < block; i++, at++)
            pqf_bit_put(out, at, pqf_bit_get(d->dict->values, codes[i]));
    }
    return PQF_OK;
}

/* A long run: one check and a fill. *part is 0 when the next values are no such run. */
static pqf_status fixed_run(pqf_decoder *d, int64_t n, uint8_t *out, int64_t *part,
                            pqf_error *err) {
    bool is_run;
    uint32_t code;
    int64_t left;
    *part = 0;
    TRY(pqf_rle_peek(&d->rle, &is_run, &code, &left, err));
    if (!is_run || left < LONG_RUN) return PQF_OK;
    TRY(code_check(d, code, err));
    *part = pqf_min_i64(n, left);
    fill(out, d->dict->values + (size_t)code * (size_t)d->dict->width, d->dict->width,
         *part);
    return pqf_rle_skip(&d->rle, *part, err);
}

pqf_status pqf_codes_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out,
                                  pqf_error *err) {
    uint32_t codes[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    while (n > 0) {
        int64_t part;
        TRY(fixed_run(d, n, out, &part, err));
        if (part == 0) {
            part = pqf_min_i64(n, PQF_BLOCK);
            TRY(next_codes(d, part, codes, err));
            gather(d, codes, part, out);
        }
        out += part * d->dict->width;
        n -= part;
    }
    return PQF_OK;
}

/* ---- BYTE_ARRAY ---- */

/* One store of W bytes per value, W the smallest that covers every value of the dictionary: the
 * gain is the branch that is not there. For W = 64 longer values take a second copy. */
#define COPY_STRINGS(W)                                                                  \
    static size_t copy_strings_##W(const pqf_dict *dict, const uint32_t *codes,          \
                                   int64_t n, uint8_t *base, size_t len,                 \
                                   int32_t *ends) {                                      \
        const uint8_t *bytes = dict->bytes;                                              \
        const uint32_t *starts = dict->starts;                                           \
        const uint32_t *lens = dict->lens;                                               \
        for (int64_t i = 0; i < n; i++) {                                                \
            size_t size = lens[codes[i]];                                                \
            PQF_COPY_WIDE(W, base + len, bytes + starts[codes[i]], size);                \
            len += size;                                                                 \
            ends[i] = (int32_t)len;                                                      \
        }                                                                                \
        return len;                                                                      \
    }
COPY_STRINGS(16)
COPY_STRINGS(32)
COPY_STRINGS(64)
#undef COPY_STRINGS

static size_t copy_strings(const pqf_dict *dict, const uint32_t *codes, int64_t n,
                           uint8_t *base, size_t len, int32_t *ends) {
    if (dict->max_len <= 16) return copy_strings_16(dict, codes, n, base, len, ends);
    if (dict->max_len <= 32) return copy_strings_32(dict, codes, n, base, len, ends);
    return copy_strings_64(dict, codes, n, base, len, ends);
}

pqf_status pqf_codes_decode_binary(pqf_decoder *d, int64_t n, pqf_binary_out *out,
                                   pqf_error *err) {
    uint32_t codes[PQF_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    int32_t *ends = out->ends;
    while (n > 0) {
        int64_t block = pqf_min_i64(n, PQF_BLOCK);
        TRY(next_codes(d, block, codes, err));
        TRY(pqf_binary_reserve(out, d->kernel->gather_sum(d->dict->lens, codes, block),
                               err));
        out->bytes->len =
            copy_strings(d->dict, codes, block, out->bytes->data, out->bytes->len, ends);
        ends += block;
        n -= block;
    }
    return PQF_OK;
}
