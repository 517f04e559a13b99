/* SPDX-License-Identifier: Apache-2.0
 *
 * Conformance by table: every encoding that is built x layouts x generators x sizes,
 * encoded by this room and pulled in arbitrary steps with skips between them; then
 * damaged pages, and what the table says about encodings.
 */
#include "values.h"

/* ---- a page and its dictionary ---- */

static pqf_buf kept;

/* What stands in a schema for such values. */
static int32_t physical_of(value_kind kind) {
    if (kind.layout == PQF_BITS) return 0;
    if (kind.layout == PQF_BINARY) return 6;
    if (kind.width == 12) return 3;
    return kind.width == 4 ? 1 : kind.width == 8 ? 2 : 7;
}

typedef struct page {
    int32_t encoding;
    value_kind kind;
    int64_t n;
    uint8_t *in; /* padded */
    size_t len;
    pqf_dict dict;
    uint8_t *dict_bytes; /* padded; also the memory of what dict points to */
    uint32_t *starts, *lens;
    uint32_t *codes; /* the codes of the values */
} page;

static void page_free(page *p) {
    free(p->in);
    free(p->dict_bytes);
    free(p->starts);
    free(p->lens);
    free(p->codes);
}

static void page_take(page *p, pqf_buf *buf) {
    p->in = padded_copy(buf->data, buf->len);
    p->len = buf->len;
    pqf_buf_reset(buf);
}

static void put_plain(const values *v, pqf_buf *out) {
    int64_t num_bits = 0;
    for (int64_t at = 0, step; at < v->n; at += step) {
        step = rnd_step(v->n - at);
        if (v->kind.layout == PQF_BITS) {
            expect_ok(pqf_plain_put_bits(pqf_kernels_get(), v->bytes, at, step, out,
                                         &num_bits, &test_err));
        } else if (v->kind.layout == PQF_FIXED) {
            expect_ok(pqf_plain_put_fixed(v->bytes + at * v->kind.width, step,
                                          v->kind.width, out, &test_err));
        } else {
            expect_ok(pqf_plain_put_binary(v->slices + at, step, out, &test_err));
        }
    }
}

/* Any encoding of pages, out of the PLAIN bytes. */
static void put_page(const values *v, int32_t encoding, pqf_buf *out) {
    pqf_buf plain = buf_new();
    put_plain(v, &plain);
    expect_ok(pqf_encode_page(pqf_kernels_get(), encoding, physical_of(v->kind),
                              v->kind.width, pqf_buf_view(&plain), v->n, out, &test_err));
    pqf_buf_reset(&plain);
}

/* The dictionary page, read by hand. */
static void read_dict(page *p, pqf_bytes plain, int64_t num) {
    p->dict_bytes = padded_copy(plain.data, plain.len);
    p->starts = (uint32_t *)(void *)padded((size_t)num * 4);
    p->lens = (uint32_t *)(void *)padded((size_t)num * 4);
    p->dict = (pqf_dict){
        .layout = p->kind.layout,
        .width = p->kind.layout == PQF_FIXED ? p->kind.width : 0,
        .num_values = num,
        .values = p->dict_bytes,
        .starts = p->starts,
        .lens = p->lens,
        .bytes = p->dict_bytes,
    };
    uint32_t at = 0;
    for (int64_t i = 0; i < num && p->kind.layout == PQF_BINARY; i++) {
        p->lens[i] = pqf_load_u32(p->dict_bytes + at);
        p->starts[i] = at + 4;
        at += 4 + p->lens[i];
        if (p->lens[i] > p->dict.max_len) p->dict.max_len = p->lens[i];
    }
}

static void put_dict(const values *v, page *p, pqf_buf *out) {
    pqf_dict_builder *b;
    int64_t num_put = 0;
    expect_ok(
        pqf_dict_builder_new(v->kind.layout, v->kind.width, test_mem, &b, &test_err));
    p->codes = (uint32_t *)(void *)padded((size_t)v->n * 4);
    for (int64_t at = 0, step; at < v->n; at += step) {
        step = rnd_step(v->n - at);
        if (v->kind.layout == PQF_FIXED) {
            expect_ok(pqf_dict_put_fixed(b, v->bytes + at * v->kind.width, step, SIZE_MAX,
                                         p->codes + at, &num_put, &test_err));
        } else {
            expect_ok(pqf_dict_put_binary(b, v->slices + at, step, SIZE_MAX,
                                          p->codes + at, &num_put, &test_err));
        }
        CHECK(num_put == step, "%d of %d", (int)num_put, (int)step);
    }
    int64_t num = pqf_dict_num_values(b);
    int width = num ? pqf_bit_width((uint64_t)num - 1) : 0;
    read_dict(p, pqf_dict_page_bytes(b), num);
    expect_ok(pqf_buf_put_u8(out, (uint8_t)width, &test_err));
    expect_ok(
        pqf_rle_encode_u32(pqf_kernels_get(), p->codes, v->n, width, out, &test_err));
    pqf_dict_builder_free(b);
}

static page page_new(const values *v, int32_t encoding) {
    page p = {.encoding = encoding, .kind = v->kind, .n = v->n};
    pqf_buf out = buf_new();
    if (encoding == PQF_RLE_DICTIONARY)
        put_dict(v, &p, &out);
    else
        put_page(v, encoding, &out);
    page_take(&p, &out);
    return p;
}

static pqf_status page_begin(const page *p, const pqf_kernels *k, pqf_decoder *d) {
    return pqf_decoder_begin(d, k, p->encoding, physical_of(p->kind), p->kind.width,
                             &p->dict, pqf_bytes_of(p->in, p->len), p->n, &kept,
                             &test_err);
}

/* ---- pulling it ---- */

static void check_bits(pqf_decoder *d, const values *v, int64_t at, int64_t n) {
    int64_t to = rnd_below(12);
    uint8_t *out = padded((size_t)pqf_bits_bytes(to + n));
    expect_ok(pqf_decode_bits(d, n, out, to, &test_err));
    for (int64_t i = 0; i < n; i++)
        CHECK(pqf_bit_get(out, to + i) == pqf_bit_get(v->bytes, at + i), "bit %d",
              (int)(at + i));
    free(out);
}

static void check_fixed(pqf_decoder *d, const values *v, int64_t at, int64_t n) {
    size_t width = (size_t)v->kind.width;
    uint8_t *out = padded((size_t)n * width);
    expect_ok(pqf_decode_fixed(d, n, out, &test_err));
    CHECK(n * v->kind.width == 0 ||
              memcmp(out, v->bytes + (size_t)at * width, (size_t)n * width) == 0,
          "width %d values %d..%d", (int)width, (int)at, (int)(at + n));
    free(out);
}

static void check_binary(pqf_decoder *d, const values *v, int64_t at, int64_t n,
                         pqf_buf *bytes) {
    int32_t *ends = (int32_t *)(void *)padded((size_t)n * sizeof *ends);
    pqf_binary_out out = {.ends = ends, .bytes = bytes};
    if (rnd_below(3) == 0) pqf_buf_reset(bytes);
    size_t start = bytes->len;
    expect_ok(pqf_decode_binary(d, n, &out, &test_err));
    for (int64_t i = 0; i < n; i++) {
        CHECK((size_t)ends[i] >= start && (size_t)ends[i] <= bytes->len,
              "value %d ends at %d", (int)(at + i), (int)ends[i]);
        CHECK(same_value(v->slices[at + i], bytes->data + start, (size_t)ends[i] - start),
              "value %d", (int)(at + i));
        for (size_t b = start; b < (size_t)ends[i]; b++)
            CHECK(!out.is_ascii || bytes->data[b] < 0x80, "value %d has byte %02x",
                  (int)(at + i), bytes->data[b]);
        start = (size_t)ends[i];
    }
    CHECK(start == bytes->len, "%d bytes too many", (int)(bytes->len - start));
    free(ends);
}

static void check_codes(pqf_decoder *d, const page *p, int64_t at, int64_t n) {
    uint32_t *out = (uint32_t *)(void *)padded((size_t)n * 4);
    expect_ok(pqf_decode_codes(d, n, out, &test_err));
    CHECK(n == 0 || memcmp(out, p->codes + at, (size_t)n * 4) == 0, "codes from %d",
          (int)at);
    free(out);
}

static void pull(const page *p, const values *v, const pqf_kernels *k) {
    pqf_decoder d;
    pqf_buf bytes = buf_new();
    bytes.max = INT32_MAX;
    expect_ok(page_begin(p, k, &d));
    for (int64_t at = 0, step; at < v->n; at += step) {
        step = rnd_step(v->n - at);
        int64_t what = rnd_below(6);
        if (what == 0) {
            expect_ok(pqf_decode_skip(&d, step, &test_err));
        } else if (what == 1 && pqf_decoder_has_codes(&d)) {
            check_codes(&d, p, at, step);
        } else if (v->kind.layout == PQF_BITS) {
            check_bits(&d, v, at, step);
        } else if (v->kind.layout == PQF_FIXED) {
            check_fixed(&d, v, at, step);
        } else {
            check_binary(&d, v, at, step, &bytes);
        }
        const uint8_t *rest = pqf_decoder_plain(&d);
        CHECK(!rest || rest == p->in + (at + step) * v->kind.width, "place %d",
              (int)(rest - p->in));
    }
    CHECK(pqf_decode_skip(&d, 1, &test_err) == PQF_CORRUPT, "more than %d values",
          (int)v->n);
    pqf_buf_reset(&bytes);
    pqf_buf_reset(&kept);
}

/* ---- the loops ---- */

static const int64_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 1000, 100000};
#define NUM_SIZES ((int)(sizeof sizes / sizeof sizes[0]))

static const int32_t built[] = {
    PQF_PLAIN,
    PQF_RLE_DICTIONARY,
    PQF_RLE,
    PQF_DELTA_BINARY_PACKED,
    PQF_DELTA_LENGTH_BYTE_ARRAY,
    PQF_DELTA_BYTE_ARRAY,
    PQF_BYTE_STREAM_SPLIT,
};

static bool allowed(int32_t encoding, value_kind kind) {
    if (encoding == PQF_RLE_DICTIONARY) return kind.layout != PQF_BITS;
    return pqf_encoding_writes(encoding, physical_of(kind));
}

/* What is left of a cut page may still hold all values, padding apart. */
static bool may_be_cut(int32_t encoding) {
    return encoding == PQF_RLE_DICTIONARY || encoding == PQF_DELTA_BINARY_PACKED ||
           encoding == PQF_DELTA_LENGTH_BYTE_ARRAY || encoding == PQF_DELTA_BYTE_ARRAY;
}

static void check_one(const values *v, int32_t encoding) {
    page p = page_new(v, encoding);
    if (v->n > 1000) {
        pull(&p, v, pqf_kernels_get());
    } else {
        FOR_LEVELS(k) pull(&p, v, k);
    }
    page_free(&p);
}

static void check_sizes(value_kind kind, generator g, uint64_t seed) {
    for (int s = 0; s < NUM_SIZES; s++) {
        rnd_start(seed * 100 + (uint64_t)s);
        values v = values_new(kind, sizes[s], g);
        for (size_t e = 0; e < sizeof built / sizeof built[0]; e++)
            if (allowed(built[e], kind)) check_one(&v, built[e]);
        values_free(&v);
    }
}

static void test_conformance(void **state) {
    (void)state;
    for (int k = 0; k < NUM_KINDS; k++)
        for (int g = 0; g < NUM_GENERATORS; g++)
            check_sizes(value_kinds[k], (generator)g, (uint64_t)(k * 10 + g + 1));
}

/* ---- damage ---- */

/* Everything that is left, in whichever way the layout has. */
static pqf_status decode_all(pqf_decoder *d, int64_t n) {
    pqf_status status;
    if (d->layout == PQF_BINARY) {
        pqf_buf bytes = buf_new();
        int32_t *ends = (int32_t *)(void *)padded((size_t)n * sizeof *ends);
        status = pqf_decode_binary(d, n, &(pqf_binary_out){.ends = ends, .bytes = &bytes},
                                   &test_err);
        free(ends);
        pqf_buf_reset(&bytes);
    } else {
        uint8_t *out = padded((size_t)n * (size_t)(d->layout == PQF_BITS ? 1 : d->width));
        status = d->layout == PQF_BITS ? pqf_decode_bits(d, n, out, 0, &test_err)
                                       : pqf_decode_fixed(d, n, out, &test_err);
        free(out);
    }
    return status;
}

static pqf_status decode_bytes(const page *p, const uint8_t *bytes, size_t len) {
    page damaged = *p;
    pqf_decoder d;
    damaged.in = padded_copy(bytes, len);
    damaged.len = len;
    pqf_status status = page_begin(&damaged, pqf_kernels_get(), &d);
    if (status == PQF_OK) status = decode_all(&d, p->n);
    if (status == PQF_OK && p->n > 0) {
        expect_ok(page_begin(&damaged, pqf_kernels_get(), &d));
        expect_ok(pqf_decode_skip(&d, p->n, &test_err));
    }
    free(damaged.in);
    return status;
}

/* A page that is cut anywhere gives PQF_CORRUPT: no value has room to hide in fewer
 * bytes. Where only the padding of a last group or miniblock is gone, or values have no
 * bytes, it gives the values. */
static void check_cuts(const page *p, const values *v) {
    for (size_t len = 0; len < p->len; len++) {
        pqf_status status = decode_bytes(p, p->in, len);
        CHECK(status == PQF_CORRUPT || (status == PQF_OK && may_be_cut(p->encoding)),
              "encoding %d layout %d: %d of %d bytes give %s", (int)p->encoding,
              (int)p->kind.layout, (int)len, (int)p->len, pqf_status_name(status));
        if (status != PQF_OK) continue;
        page cut = *p;
        cut.in = padded_copy(p->in, len);
        cut.len = len;
        pull(&cut, v, pqf_kernels_get());
        free(cut.in);
    }
    expect_ok(decode_bytes(p, p->in, p->len));
}

static void check_flips(const page *p) {
    uint8_t *bytes = malloc(p->len + 1);
    for (int round = 0; round < 60 && p->len; round++) {
        memcpy(bytes, p->in, p->len);
        for (int64_t i = 1 + rnd_below(4); i > 0; i--)
            bytes[rnd_below((int64_t)p->len)] = (uint8_t)rnd();
        pqf_status status = decode_bytes(p, bytes, p->len);
        CHECK(status == PQF_OK || status == PQF_CORRUPT, "%s", pqf_status_name(status));
    }
    free(bytes);
}

static void test_damaged_pages(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= NUM_KINDS * 6; seed++) {
        rnd_start(seed);
        values v = values_new(value_kinds[seed % NUM_KINDS], 1 + rnd_below(90),
                              (generator)(seed % NUM_GENERATORS));
        for (size_t e = 0; e < sizeof built / sizeof built[0]; e++) {
            if (!allowed(built[e], v.kind)) continue;
            page p = page_new(&v, built[e]);
            check_cuts(&p, &v);
            check_flips(&p);
            page_free(&p);
        }
        values_free(&v);
    }
}

typedef struct bad_page {
    int32_t encoding;
    pqf_layout layout;
    int32_t width;
    size_t len;
    const char *bytes;
    const char *words;
} bad_page;

/* Two values are asked for; the dictionary has two values. */
static const bad_page bad_pages[] = {
    {PQF_PLAIN, PQF_FIXED, 4, 7, "1234567", "plain: 7 bytes are left"},
    {PQF_PLAIN, PQF_BITS, 0, 0, "", "plain: 0 bytes are left"},
    {PQF_PLAIN, PQF_BINARY, 0, 7, "\0\0\0\0\0\0\0", "plain: 7 bytes are left"},
    {PQF_PLAIN, PQF_BINARY, 0, 9, "\1\0\0\0a\1\0\0\0", "plain: a string of 1 bytes"},
    {PQF_PLAIN, PQF_BINARY, 0, 9, "\5\0\0\0abcd\0", "plain: a string of 5 bytes"},
    {PQF_PLAIN, PQF_BINARY, 0, 9, "\xFF\xFF\xFF\xFF\1\0\0\0a",
     "plain: a string of 4294967295"},
    {PQF_RLE, PQF_BITS, 0, 3, "\2\0\0", "rle: 3 bytes of booleans"},
    {PQF_RLE, PQF_BITS, 0, 6, "\3\0\0\0\4\1", "rle: 6 bytes of booleans"},
    {PQF_RLE, PQF_BITS, 0, 6, "\1\0\0\0\4\1", "rle: the value of a run is cut off"},
    {PQF_RLE, PQF_BITS, 0, 0, "", "rle: the bytes end"},
    {PQF_RLE_DICTIONARY, PQF_FIXED, 4, 3, "\41\4\1", "RLE_DICTIONARY: index width 33"},
    {PQF_RLE_DICTIONARY, PQF_FIXED, 4, 3, "\2\4\2", "index 2, the dictionary has 2"},
    {PQF_PLAIN_DICTIONARY, PQF_FIXED, 8, 4, "\2\xF0\1\3", "PLAIN_DICTIONARY: index 3"},
    {PQF_RLE_DICTIONARY, PQF_BINARY, 0, 4, "\2\3\xFF\xFF", "RLE_DICTIONARY: index 3"},
    {PQF_RLE_DICTIONARY, PQF_BINARY, 0, 6, "\40\4\xFF\xFF\xFF\xFF", "index 4294967295"},
    {PQF_RLE_DICTIONARY, PQF_BINARY, 0, 0, "", "rle: the bytes end"},
    {PQF_BYTE_STREAM_SPLIT, PQF_FIXED, 4, 7, "1234567", "byte stream split: 7 bytes"},
    {PQF_BYTE_STREAM_SPLIT, PQF_FIXED, 4, 12, "123456789abc", "for 2 values"},
    {PQF_BYTE_STREAM_SPLIT, PQF_FIXED, 4, 4, "1234", "4 bytes for 2 values of 4"},
    {PQF_BYTE_STREAM_SPLIT, PQF_FIXED, 0, 1, "1", "byte stream split: 1 bytes"},
};

static void test_bad_pages(void **state) {
    (void)state;
    rnd_start(1);
    for (size_t i = 0; i < sizeof bad_pages / sizeof bad_pages[0]; i++) {
        const bad_page *bad = &bad_pages[i];
        page p = {.encoding = bad->encoding, .kind = {bad->layout, bad->width}, .n = 2};
        static const char two_strings[] = "\1\0\0\0a\1\0\0\0b";
        if (bad->layout != PQF_BITS) read_dict(&p, pqf_bytes_of(two_strings, 10), 2);
        if (bad->layout == PQF_FIXED) p.dict.num_values = bad->width > 5 ? 1 : 2;
        if (bad->width == 8) p.dict.num_values = 1;
        p.n = bad->width == 8 ? 100 : 2;
        expect_fail(decode_bytes(&p, (const uint8_t *)bad->bytes, bad->len), PQF_CORRUPT,
                    bad->words);
        page_free(&p);
    }
}

/* The maximum of the output is kept, and a page whose strings do fit it is read although
 * the rest of the page would not. */
static void test_binary_maximum(void **state) {
    (void)state;
    rnd_start(1);
    values v = values_new((value_kind){PQF_BINARY, 64}, 500, DISTINCT);
    static const int32_t of_strings[] = {
        PQF_PLAIN, PQF_RLE_DICTIONARY, PQF_DELTA_LENGTH_BYTE_ARRAY, PQF_DELTA_BYTE_ARRAY};
    for (size_t e = 0; e < sizeof of_strings / sizeof of_strings[0]; e++) {
        page p = page_new(&v, of_strings[e]);
        int32_t ends[500 + PQF_SLACK / sizeof(int32_t)];
        pqf_decoder d;
        pqf_buf bytes = buf_new();
        bytes.max = 200;
        expect_ok(page_begin(&p, pqf_kernels_get(), &d));
        expect_ok(pqf_decode_binary(
            &d, 3, &(pqf_binary_out){.ends = ends, .bytes = &bytes}, &test_err));
        CHECK(ends[2] <= 192 && same_value(v.slices[0], bytes.data, (size_t)ends[0]),
              "first value");
        expect_fail(pqf_decode_binary(&d, 490,
                                      &(pqf_binary_out){.ends = ends, .bytes = &bytes},
                                      &test_err),
                    PQF_LIMIT, "");
        pqf_buf_reset(&bytes);
        page_free(&p);
    }
    values_free(&v);
}

/* ---- the table ---- */

static void test_rows(void **state) {
    (void)state;
    const char *name;
    bool reads, writes;
    int64_t i = 0;
    for (; pqf_encoding_row(i, &name, &reads, &writes); i++) {
        assert_non_null(name);
        assert_true(reads || !writes);
    }
    assert_int_equal(i, 10);
    assert_false(pqf_encoding_row(-1, &name, &reads, &writes));
    assert_string_equal(pqf_encoding_name(PQF_RLE_DICTIONARY), "RLE_DICTIONARY");
    assert_string_equal(pqf_encoding_name(PQF_BIT_PACKED), "BIT_PACKED");
    assert_null(pqf_encoding_name(1));
    assert_null(pqf_encoding_name(11));
}

typedef struct bad_begin {
    int32_t encoding;
    int32_t physical;
    pqf_status status;
    const char *words;
} bad_begin;

static const bad_begin bad_begins[] = {
    {1, 1, PQF_UNSUPPORTED, "encoding 1 "},
    {99, 1, PQF_UNSUPPORTED, "encoding 99 "},
    {-5, 1, PQF_UNSUPPORTED, "encoding -5 "},
    {PQF_BIT_PACKED, 0, PQF_UNSUPPORTED, "BIT_PACKED"},
    {PQF_RLE_DICTIONARY, 1, PQF_CORRUPT, "no dictionary page"},
    {PQF_RLE_DICTIONARY, 0, PQF_CORRUPT, "no dictionary page"},
};

static void test_begin(void **state) {
    (void)state;
    pqf_decoder d;
    for (size_t i = 0; i < sizeof bad_begins / sizeof bad_begins[0]; i++) {
        const bad_begin *bad = &bad_begins[i];
        expect_fail(pqf_decoder_begin(&d, pqf_kernels_get(), bad->encoding, bad->physical,
                                      4, NULL, pqf_bytes_of("", 0), 1, &kept, &test_err),
                    bad->status, bad->words);
    }
    expect_ok(pqf_decoder_begin(&d, pqf_kernels_get(), PQF_PLAIN, 1, 4, NULL,
                                pqf_bytes_of(NULL, 0), 1, &kept, &test_err));
    expect_fail(pqf_decode_bits(&d, 1, NULL, 0, &test_err), PQF_INVALID, "PLAIN: ");
    expect_fail(pqf_decode_codes(&d, 1, NULL, &test_err), PQF_INVALID, "PLAIN: ");
    expect_fail(pqf_decode_fixed(&d, 2, NULL, &test_err), PQF_CORRUPT, "has 1 left");
    expect_fail(pqf_decode_fixed(&d, -1, NULL, &test_err), PQF_CORRUPT, "has 1 left");
}

typedef struct allowance {
    int32_t encoding;
    const char *types; /* of physical types 0..7, 'x' where Encodings.md allows it */
} allowance;

static const allowance allowances[] = {
    {PQF_PLAIN, "xxxxxxxx"},
    {PQF_RLE, "x-------"},
    {PQF_DELTA_BINARY_PACKED, "-xx-----"},
    {PQF_DELTA_LENGTH_BYTE_ARRAY, "------x-"},
    {PQF_DELTA_BYTE_ARRAY, "------xx"},
    {PQF_BYTE_STREAM_SPLIT, "-xx-xx-x"},
    {PQF_ALP, "----xx--"},
};

static const char *const type_names[] = {
    "BOOLEAN", "INT32",  "INT64",      "INT96",
    "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
};

/* An encoding on a type that it may not have is corrupt, whether it is built or not, and never
 * written. */
static void test_types(void **state) {
    (void)state;
    pqf_buf out = buf_new();
    for (size_t i = 0; i < sizeof allowances / sizeof allowances[0]; i++) {
        const allowance *a = &allowances[i];
        for (int32_t type = 0; type < 8; type++) {
            if (a->types[type] == 'x') continue;
            pqf_decoder d;
            expect_fail(pqf_decoder_begin(&d, pqf_kernels_get(), a->encoding, type, 4,
                                          NULL, pqf_bytes_of("", 0), 1, &kept, &test_err),
                        PQF_CORRUPT, pqf_encoding_name(a->encoding));
            CHECK(strstr(test_err.message, type_names[type]), "%s", test_err.message);
            assert_false(pqf_encoding_writes(a->encoding, type));
            expect_fail(pqf_encode_page(pqf_kernels_get(), a->encoding, type, 4,
                                        pqf_bytes_of("", 0), 0, &out, &test_err),
                        PQF_INVALID, pqf_encoding_name(a->encoding));
        }
    }
    assert_false(pqf_encoding_writes(99, 1));
    assert_false(pqf_encoding_writes(PQF_RLE_DICTIONARY, 1));
    assert_true(pqf_encoding_writes(PQF_RLE, 0));
    assert_true(pqf_encoding_writes(PQF_PLAIN, 3));
    assert_null(out.data);
}

/* A chunk of nulls alone: an empty dictionary, width 0, no values. */
static void test_no_values(void **state) {
    (void)state;
    rnd_start(1);
    for (size_t len = 0; len <= 1; len++) {
        uint8_t *in = padded_copy("\0", len);
        pqf_dict dict = {.layout = PQF_BINARY};
        pqf_decoder d;
        pqf_buf bytes = buf_new();
        int32_t ends[1 + PQF_SLACK / sizeof(int32_t)];
        pqf_binary_out out = {.ends = ends, .bytes = &bytes};
        expect_ok(pqf_decoder_begin(&d, pqf_kernels_get(), PQF_RLE_DICTIONARY, 6, 0,
                                    &dict, pqf_bytes_of(in, len), 50, &kept, &test_err));
        expect_ok(pqf_decode_binary(&d, 0, &out, &test_err));
        expect_fail(pqf_decode_binary(&d, 1, &out, &test_err), PQF_CORRUPT, "rle: ");
        pqf_buf_reset(&bytes);
        free(in);
    }
}

static int kept_setup(void **state) {
    if (mem_setup(state)) return -1;
    kept = buf_new();
    return 0;
}

static int kept_teardown(void **state) {
    pqf_buf_reset(&kept);
    return mem_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conformance), cmocka_unit_test(test_damaged_pages),
        cmocka_unit_test(test_bad_pages),   cmocka_unit_test(test_binary_maximum),
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_begin),
        cmocka_unit_test(test_types),       cmocka_unit_test(test_no_values),
    };
    return cmocka_run_group_tests(tests, kept_setup, kept_teardown);
}
