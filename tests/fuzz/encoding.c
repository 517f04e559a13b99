/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding.c: fuzz targets of the room encoding. `levels` eats hybrid runs:
 *
 *   width u8, n u16, piece u8, the runs
 *
 * and one target per row of the encoding table the values of a page:
 *
 *   physical u8, width u8, n u16, piece u8, the values
 *
 * Whatever the bytes: all values at once with the scalar kernels, and in pieces with the best ones and
 * other bytes behind the page, are the same values or both an error; where they are values, skipping
 * some gives the others.
 */
#include "encoding/encoding.h"
#include "fuzz.h"

#include <stdlib.h>

#define MAX_VALUES 5000

/* ---- hybrid runs ---- */

typedef struct runs_case {
    pqf_bytes in;
    int width;
    int64_t n, piece;
} runs_case;

static pqf_status decode_runs(const runs_case *c, const pqf_kernels *kernel,
                              int64_t piece, uint32_t *out, pqf_error *err) {
    pqf_rle rle;
    pqf_error_init(err);
    TRY(pqf_rle_begin(&rle, kernel, c->in, c->width, err));
    for (int64_t at = 0; at < c->n; at += piece)
        TRY(pqf_rle_decode_u32(&rle, pqf_min_i64(piece, c->n - at), out + at, err));
    return PQF_OK;
}

static pqf_status decode_bytes(const runs_case *c, uint8_t *out, pqf_error *err) {
    pqf_rle rle;
    pqf_error_init(err);
    TRY(pqf_rle_begin(&rle, pqf_kernels_get(), c->in, c->width, err));
    for (int64_t at = 0; at < c->n; at += c->piece)
        TRY(pqf_rle_decode_u8(&rle, pqf_min_i64(c->piece, c->n - at), out + at, err));
    return PQF_OK;
}

static pqf_status decode_bits(const runs_case *c, uint8_t *out, pqf_error *err) {
    pqf_rle rle;
    int64_t num_set, total = 0, counted = 0;
    pqf_error_init(err);
    TRY(pqf_rle_begin(&rle, pqf_kernels_get(), c->in, c->width, err));
    for (int64_t at = 0; at < c->n; at += c->piece, total += num_set)
        TRY(pqf_rle_decode_bits(&rle, pqf_min_i64(c->piece, c->n - at), out, at, &num_set,
                                err));
    for (int64_t i = 0; i < c->n; i++)
        counted += pqf_bit_get(out, i);
    FUZZ_CHECK(counted == total, "%lld bits, %lld were counted", (long long)counted,
               (long long)total);
    return PQF_OK;
}

/* By peeks and skips: runs as callers take them that treat a run at once. */
static pqf_status walk_runs(const runs_case *c, const uint32_t *expected,
                            pqf_error *err) {
    pqf_rle rle;
    pqf_error_init(err);
    TRY(pqf_rle_begin(&rle, pqf_kernels_get(), c->in, c->width, err));
    for (int64_t at = 0; at < c->n;) {
        bool is_run;
        uint32_t value;
        int64_t left;
        TRY(pqf_rle_peek(&rle, &is_run, &value, &left, err));
        FUZZ_CHECK(!is_run || left > 0, "an empty run");
        int64_t n = pqf_min_i64(is_run ? left : c->piece, c->n - at);
        FUZZ_CHECK(!is_run || value == expected[at], "run of %u, not %u", value,
                   expected[at]);
        TRY(pqf_rle_skip(&rle, n, err));
        at += n;
    }
    return PQF_OK;
}

static void check_narrow(const runs_case *c, const uint32_t *expected) {
    pqf_error err;
    uint8_t *narrow = fuzz_room((size_t)c->n);
    memset(narrow, 0, (size_t)c->n);
    if (c->width <= 8) {
        fuzz_must(decode_bytes(c, narrow, &err), &err, "runs as bytes");
        for (int64_t i = 0; i < c->n; i++)
            FUZZ_CHECK(narrow[i] == expected[i], "byte %lld", (long long)i);
    }
    if (c->width == 1) {
        fuzz_must(decode_bits(c, narrow, &err), &err, "runs as bits");
        for (int64_t i = 0; i < c->n; i++)
            FUZZ_CHECK(pqf_bit_get(narrow, i) == (expected[i] != 0), "bit %lld",
                       (long long)i);
    }
    free(narrow);
}

/* Levels as they are written again. */
static void encode_runs(const runs_case *c, const uint32_t *values) {
    pqf_buf out;
    pqf_error err;
    pqf_error_init(&err);
    pqf_buf_init(&out, fuzz_mem, 0);
    fuzz_must(pqf_rle_encode_u32(pqf_kernels_get(), values, c->n, c->width, &out, &err),
              &err, "encoding");
    runs_case again = *c;
    again.in = pqf_buf_view(&out);
    uint32_t *room = (uint32_t *)(void *)fuzz_room((size_t)c->n * 4);
    fuzz_must(decode_runs(&again, pqf_kernels_get(), MAX_VALUES, room, &err), &err,
              "what was encoded");
    FUZZ_CHECK(!c->n || !memcmp(room, values, (size_t)c->n * 4), "other values");
    free(room);
    pqf_buf_reset(&out);
}

void fuzz_levels(const fuzz_target *target, pqf_bytes in) {
    pqf_error err;
    (void)target;
    if (in.len < 4) return;
    runs_case c = {.width = in.data[0] % 34,
                   .n = pqf_load_u16(in.data + 1) % MAX_VALUES,
                   .piece = in.data[3] + 1};
    pqf_bytes body = {in.data + 4, in.len - 4};
    uint8_t *low = fuzz_copy(body, 0x00), *high = fuzz_copy(body, 0xFF);
    uint32_t *a = (uint32_t *)(void *)fuzz_room((size_t)c.n * 4);
    uint32_t *b = (uint32_t *)(void *)fuzz_room((size_t)c.n * 4);
    c.in = pqf_bytes_of(low, body.len);
    pqf_status status = decode_runs(&c, pqf_kernels_level("scalar"), MAX_VALUES, a, &err);
    bool good = fuzz_ok(status, &err);
    c.in.data = high;
    pqf_status other = decode_runs(&c, pqf_kernels_get(), c.piece, b, &err);
    fuzz_ok(other, &err);
    FUZZ_CHECK(status == other, "at once %d, in pieces %d", (int)status, (int)other);
    if (good) {
        for (int64_t i = 0; i < c.n; i++)
            FUZZ_CHECK(a[i] == b[i], "value %lld of %lld, width %d: %x, in pieces %x",
                       (long long)i, (long long)c.n, c.width, a[i], b[i]);
        fuzz_must(walk_runs(&c, a, &err), &err, "runs one by one");
        check_narrow(&c, a);
        encode_runs(&c, a);
    }
    free(a);
    free(b);
    free(low);
    free(high);
}

void fuzz_levels_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int width = 0; width <= 32; width += width < 4 ? 1 : 7) {
        uint32_t values[200 + PQF_SLACK / 4];
        uint8_t head[4] = {(uint8_t)width, 200, 0, (uint8_t)(3 * width)};
        uint64_t max = ((uint64_t)1 << width) - 1;
        pqf_buf out = fuzz_lasting_buf();
        pqf_error err;
        pqf_error_init(&err);
        for (uint32_t i = 0; i < 200; i++)
            values[i] = (uint32_t)((i / 50 % 2 ? 1 : i * 2654435761u) & max);
        fuzz_must(pqf_rle_encode_u32(pqf_kernels_get(), values, 200, width, &out, &err),
                  &err, "a seed");
        fuzz_put_seed(seeds, head, sizeof head, pqf_buf_view(&out));
        pqf_buf_reset(&out);
    }
}

/* ---- values of a page ---- */

#define HEAD_BYTES 5

typedef struct page_case {
    int32_t encoding, physical, width;
    const pqf_dict *dict;
    pqf_bytes in;
    int64_t n, piece;
} page_case;

/* Decoded values in one of the three layouts. */
typedef struct values {
    uint8_t *fixed; /* FIXED and BITS */
    int32_t *ends;
    pqf_buf bytes;
} values;

static void values_init(values *v, const page_case *c) {
    size_t size = (size_t)c->n * (size_t)(c->width ? c->width : 1);
    v->fixed = fuzz_room(size);
    memset(v->fixed, 0, size);
    v->ends = (int32_t *)(void *)fuzz_room((size_t)c->n * 4);
    pqf_buf_init(&v->bytes, fuzz_mem, INT32_MAX);
}

static void values_reset(values *v) {
    free(v->fixed);
    free(v->ends);
    pqf_buf_reset(&v->bytes);
}

static pqf_status decode_piece(pqf_decoder *d, int64_t at, int64_t n, values *out,
                               pqf_error *err) {
    if (d->layout == PQF_BITS) return pqf_decode_bits(d, n, out->fixed, at, err);
    if (d->layout == PQF_FIXED)
        return pqf_decode_fixed(d, n, out->fixed + at * d->width, err);
    pqf_binary_out to = {.ends = out->ends + at, .bytes = &out->bytes};
    return pqf_decode_binary(d, n, &to, err);
}

/* From value `skip` on, where `out` has the places of all. */
static pqf_status decode_page(const page_case *c, const pqf_kernels *kernel, int64_t skip,
                              int64_t piece, values *out, pqf_error *err) {
    pqf_decoder d;
    pqf_buf kept;
    pqf_status status = PQF_OK;
    pqf_error_init(err);
    pqf_buf_init(&kept, fuzz_mem, 0);
    TRY_DONE(pqf_decoder_begin(&d, kernel, c->encoding, c->physical, c->width, c->dict,
                               c->in, c->n, &kept, err));
    if (skip) TRY_DONE(pqf_decode_skip(&d, skip, err));
    for (int64_t at = skip; at < c->n; at += piece)
        TRY_DONE(decode_piece(&d, at, pqf_min_i64(piece, c->n - at), out, err));
done:
    pqf_buf_reset(&kept);
    return status;
}

static void check_fixed(const page_case *c, const values *a, const values *b,
                        int64_t from) {
    if (pqf_layout_of(c->physical) == PQF_BITS) {
        for (int64_t i = from; i < c->n; i++)
            FUZZ_CHECK(pqf_bit_get(a->fixed, i) == pqf_bit_get(b->fixed, i), "bit %lld",
                       (long long)i);
        return;
    }
    size_t at = (size_t)(from * c->width), len = (size_t)((c->n - from) * c->width);
    FUZZ_CHECK(!len || !memcmp(a->fixed + at, b->fixed + at, len), "values from %lld on",
               (long long)from);
}

/* Values from `from` on are the same in both. */
static void check_values(const page_case *c, const values *a, const values *b,
                         int64_t from) {
    if (pqf_layout_of(c->physical) != PQF_BINARY) {
        check_fixed(c, a, b, from);
        return;
    }
    int32_t start = from ? a->ends[from - 1] : 0;
    for (int64_t i = from; i < c->n; i++)
        FUZZ_CHECK(a->ends[i] - start == b->ends[i], "end of value %lld", (long long)i);
    size_t len = b->bytes.len;
    FUZZ_CHECK(a->bytes.len - (size_t)start == len, "%zu bytes, not %zu", a->bytes.len,
               len);
    FUZZ_CHECK(!len || !memcmp(a->bytes.data + start, b->bytes.data, len), "bytes");
}

static void check_skip(page_case *c, const values *expected) {
    values v;
    pqf_error err;
    int64_t skip = pqf_min_i64(c->piece, c->n);
    values_init(&v, c);
    fuzz_must(decode_page(c, pqf_kernels_get(), skip, MAX_VALUES, &v, &err), &err,
              "behind values that were skipped");
    check_values(c, expected, &v, skip);
    values_reset(&v);
}

static void check_page(page_case *c, pqf_bytes body) {
    values a, b;
    pqf_error err;
    uint8_t *low = fuzz_copy(body, 0x00), *high = fuzz_copy(body, 0xFF);
    values_init(&a, c);
    values_init(&b, c);
    c->in = pqf_bytes_of(low, body.len);
    pqf_status status =
        decode_page(c, pqf_kernels_level("scalar"), 0, MAX_VALUES, &a, &err);
    bool good = fuzz_ok(status, &err);
    c->in.data = high;
    pqf_status other = decode_page(c, pqf_kernels_get(), 0, c->piece, &b, &err);
    fuzz_ok(other, &err);
    FUZZ_CHECK(status == other, "at once %d, in pieces %d: %s", (int)status, (int)other,
               err.message);
    if (good) {
        check_values(c, &a, &b, 0);
        check_skip(c, &a);
    }
    values_reset(&a);
    values_reset(&b);
    free(low);
    free(high);
}

/* ---- a dictionary ---- */

#define DICT_VALUES 50

static uint8_t dict_bytes[DICT_VALUES * 256 + PQF_SLACK];
static uint32_t dict_starts[DICT_VALUES], dict_lens[DICT_VALUES];

static pqf_dict make_dict(pqf_layout layout, int32_t width) {
    for (uint32_t i = 0; i < DICT_VALUES; i++) {
        dict_starts[i] = 20 * i;
        dict_lens[i] = i % 20;
    }
    for (size_t i = 0; i < sizeof dict_bytes; i++)
        dict_bytes[i] = (uint8_t)(i * 7);
    return (pqf_dict){.layout = layout,
                      .width = width,
                      .num_values = DICT_VALUES,
                      .values = dict_bytes,
                      .starts = dict_starts,
                      .lens = dict_lens,
                      .bytes = dict_bytes,
                      .max_len = 19};
}

/* ---- the target ---- */

/* Bytes of a value of a physical type; FIXED_LEN_BYTE_ARRAY has what the input says. */
static int32_t width_of(int32_t physical, uint8_t width) {
    static const int32_t widths[] = {0, 4, 8, 12, 4, 8, 0};
    return physical < 7 ? widths[physical] : width ? width : 1;
}

void fuzz_encoding(const fuzz_target *target, pqf_bytes in) {
    if (in.len < HEAD_BYTES) return;
    page_case c = {.encoding = target->param,
                   .physical = in.data[0] % 8,
                   .n = pqf_load_u16(in.data + 2) % MAX_VALUES,
                   .piece = in.data[4] + 1};
    c.width = width_of(c.physical, in.data[1]);
    pqf_layout layout = pqf_layout_of(c.physical);
    pqf_dict dict = make_dict(layout, c.width);
    if (layout != PQF_BITS && (c.encoding == PQF_RLE_DICTIONARY)) c.dict = &dict;
    check_page(&c, pqf_bytes_of(in.data + HEAD_BYTES, in.len - HEAD_BYTES));
}

/* ---- seeds ---- */

/* PLAIN bytes of values with a bit of everything: runs, steps, noise. */
static void put_plain(int32_t physical, int32_t width, int64_t n, pqf_buf *out) {
    pqf_error err;
    fuzz_random r = {(uint64_t)physical};
    pqf_error_init(&err);
    for (int64_t i = 0; i < n; i++) {
        uint64_t v = i % 100 < 50 ? (uint64_t)i * 3 : fuzz_next(&r);
        float f = (float)(i % 100) / 4;
        double d = (double)(i * 37 % 1000) / 100;
        if (physical == 4) memcpy(&v, &f, 4);
        if (physical == 5) memcpy(&v, &d, 8);
        uint32_t len = physical == 6 ? (uint32_t)(i % 13) : (uint32_t)width;
        if (physical == 6) fuzz_must(pqf_buf_put_u32(out, len, &err), &err, "a seed");
        for (uint32_t k = 0; k < len; k++)
            fuzz_must(pqf_buf_put_u8(out, (uint8_t)(v >> 8 * (k & 7)), &err), &err,
                      "a seed");
    }
    if (physical == 0)
        for (int64_t i = 0; i < (n + 7) / 8; i++)
            fuzz_must(pqf_buf_put_u8(out, (uint8_t)(i & 4 ? 0xFF : fuzz_next(&r)), &err),
                      &err, "a seed");
}

static void put_page(const fuzz_target *target, const uint8_t head[HEAD_BYTES],
                     const fuzz_seeds *seeds) {
    int32_t physical = head[0], width = width_of(physical, head[1]);
    int64_t n = pqf_load_u16(head + 2);
    pqf_buf plain = fuzz_lasting_buf(), page = fuzz_lasting_buf();
    pqf_error err;
    pqf_error_init(&err);
    put_plain(physical, width, n, &plain);
    fuzz_must(pqf_buf_reserve(&plain, PQF_SLACK, &err), &err, "a seed");
    fuzz_must(pqf_encode_page(pqf_kernels_get(), target->param, physical, width,
                              pqf_buf_view(&plain), n, &page, &err),
              &err, "a seed");
    fuzz_put_seed(seeds, head, HEAD_BYTES, pqf_buf_view(&page));
    pqf_buf_reset(&plain);
    pqf_buf_reset(&page);
}

/* A byte with the width, then runs. */
static void put_codes(const uint8_t head[HEAD_BYTES], const fuzz_seeds *seeds) {
    uint32_t codes[100 + PQF_SLACK / 4] = {0};
    pqf_buf out = fuzz_lasting_buf();
    pqf_error err;
    pqf_error_init(&err);
    for (uint32_t i = 0; i < 100; i++)
        codes[i] = i / 30 % 2 ? 5 : i * 7 % DICT_VALUES;
    fuzz_must(pqf_buf_put_u8(&out, 6, &err), &err, "a seed");
    fuzz_must(pqf_rle_encode_u32(pqf_kernels_get(), codes, 100, 6, &out, &err), &err,
              "a seed");
    fuzz_put_seed(seeds, head, HEAD_BYTES, pqf_buf_view(&out));
    pqf_buf_reset(&out);
}

void fuzz_encoding_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    static const uint16_t counts[] = {0, 1, 5, 100, 1100};
    for (uint8_t physical = 0; physical < 8; physical++) {
        uint8_t head[HEAD_BYTES] = {physical, 5, 100, 0, 9};
        if (target->param == PQF_RLE_DICTIONARY && physical) put_codes(head, seeds);
        if (!pqf_encoding_writes(target->param, physical)) continue;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            pqf_store_u16(head + 2, counts[i]);
            put_page(target, head, seeds);
        }
    }
}
