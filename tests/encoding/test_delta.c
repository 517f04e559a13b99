/* SPDX-License-Identifier: Apache-2.0
 *
 * The delta encodings: the examples of Encodings.md, what this room writes byte by byte, pages of
 * foreign writers (any block sizes, widths and padding that the specification allows) made by an
 * encoder that goes bit by bit, and damage. That pages come back as they went in is tested with all
 * other encodings in test_encoding.c.
 */
#include "encoding_test.h"

static pqf_buf kept;

enum { INT32 = 1, INT64 = 2, BYTE_ARRAY = 6, FIXED = 7 };

/* ---- a foreign writer ---- */

/* How it writes; the values come with it. */
typedef struct foreign {
    int width; /* 4 or 8 */
    int64_t block, num_miniblocks, num_values;
    int wider;           /* bits added to each miniblock's width, where 64 allow it */
    bool garbage_widths; /* of miniblocks that are not needed */
    bool garbage_padding;
    bool cut; /* without the padding of the last miniblock */
} foreign;

static void put_varint(pqf_buf *out, uint64_t v) {
    expect_ok(pqf_buf_put_varint(out, v, &test_err));
}

static void put_bit(pqf_buf *out, uint64_t bit, bool v) {
    if (bit % 8 == 0) expect_ok(pqf_buf_put_u8(out, 0, &test_err));
    out->data[out->len - 1] |= (uint8_t)(v << bit % 8);
}

/* Differences are signed in the width of the type. */
static int64_t narrowed(const foreign *f, uint64_t v) {
    return f->width == 8 ? (int64_t)v : (int64_t)(int32_t)(uint32_t)v;
}

static int bits_of(const foreign *f, const uint64_t *rel, int64_t n) {
    uint64_t all = 0;
    for (int64_t i = 0; i < n; i++)
        all |= rel[i];
    int bits = pqf_bit_width(all) + f->wider;
    return bits > 64 ? 64 : bits;
}

static void put_miniblock(const foreign *f, const uint64_t *rel, int64_t n, int bits,
                          bool last, pqf_buf *out) {
    int64_t size = f->block / f->num_miniblocks;
    uint64_t bit = 0;
    for (int64_t i = 0; i < (last && f->cut ? n : size); i++) {
        uint64_t v = 0;
        if (f->garbage_padding) v = rnd();
        if (i < n) v = rel[i];
        for (int b = 0; b < bits; b++)
            put_bit(out, bit++, v >> b & 1);
    }
}

/* A block of n differences; rel has what is left of them after min. */
static void put_block(const foreign *f, const uint64_t *rel, int64_t n, int64_t min,
                      bool last, pqf_buf *out) {
    int64_t size = f->block / f->num_miniblocks;
    put_varint(out, pqf_zigzag_encode(min));
    int *bits = malloc((size_t)f->num_miniblocks * sizeof *bits);
    for (int64_t m = 0; m < f->num_miniblocks; m++) {
        int64_t left = n - m * size;
        bits[m] = left > 0 ? bits_of(f, rel + m * size, pqf_min_i64(left, size)) : 0;
        uint8_t byte = (uint8_t)bits[m];
        if (left <= 0 && f->garbage_widths) byte = (uint8_t)rnd();
        expect_ok(pqf_buf_put_u8(out, byte, &test_err));
    }
    for (int64_t m = 0; m * size < n; m++) {
        int64_t left = n - m * size;
        put_miniblock(f, rel + m * size, pqf_min_i64(left, size), bits[m],
                      last && left <= size, out);
    }
    free(bits);
}

static void put_foreign(const foreign *f, const uint64_t *values, pqf_buf *out) {
    int64_t n = f->num_values;
    put_varint(out, (uint64_t)f->block);
    put_varint(out, (uint64_t)f->num_miniblocks);
    put_varint(out, (uint64_t)n);
    put_varint(out, pqf_zigzag_encode(n ? narrowed(f, values[0]) : 0));
    uint64_t *rel = malloc((size_t)f->block * sizeof *rel);
    for (int64_t at = 1; at < n; at += f->block) {
        int64_t part = pqf_min_i64(f->block, n - at), min = INT64_MAX;
        for (int64_t i = 0; i < part; i++) {
            int64_t d = narrowed(f, values[at + i] - values[at + i - 1]);
            rel[i] = (uint64_t)d;
            min = d < min ? d : min;
        }
        for (int64_t i = 0; i < part; i++)
            rel[i] -= (uint64_t)min;
        put_block(f, rel, part, min, at + part >= n, out);
    }
    free(rel);
}

static uint64_t *make_values(int64_t n, int spread) {
    uint64_t *v = malloc(((size_t)n + 1) * sizeof *v);
    uint64_t at = rnd();
    for (int64_t i = 0; i < n; i++) {
        int bits = spread ? (int)rnd_below(spread) + 1 : 0;
        if (rnd_below(60) == 0) bits = 64;
        v[i] = at += bits ? (rnd() >> (64 - bits)) - (UINT64_C(1) << (bits - 1)) : 7;
    }
    return v;
}

/* ---- reading it ---- */

static pqf_status begin(pqf_decoder *d, const pqf_kernels *k, int32_t encoding,
                        int32_t physical, int32_t width, const uint8_t *in, size_t len,
                        int64_t n) {
    return pqf_decoder_begin(d, k, encoding, physical, width, NULL, pqf_bytes_of(in, len),
                             n, &kept, &test_err);
}

static void check_pull(const foreign *f, const pqf_kernels *k, const uint8_t *in,
                       size_t len, const uint64_t *values) {
    pqf_decoder d;
    expect_ok(begin(&d, k, PQF_DELTA_BINARY_PACKED, f->width == 8 ? INT64 : INT32,
                    f->width, in, len, f->num_values + 9));
    for (int64_t at = 0, step; at < f->num_values; at += step) {
        step = rnd_step(f->num_values - at);
        if (rnd_below(5) == 0) {
            expect_ok(pqf_decode_skip(&d, step, &test_err));
            continue;
        }
        uint8_t *out = padded((size_t)(step * f->width));
        expect_ok(pqf_decode_fixed(&d, step, out, &test_err));
        for (int64_t i = 0; i < step; i++)
            CHECK(memcmp(out + i * f->width, &values[at + i], (size_t)f->width) == 0,
                  "%s: value %d of %d, width %d, block %d / %d, +%d bits", k->name,
                  (int)(at + i), (int)f->num_values, f->width, (int)f->block,
                  (int)f->num_miniblocks, f->wider);
        free(out);
    }
    uint64_t none[1 + PQF_SLACK / 8];
    expect_fail(pqf_decode_fixed(&d, 1, none, &test_err), PQF_CORRUPT, "0 of ");
}

static foreign random_foreign(void) {
    static const int64_t shapes[][2] = {{128, 4}, {128, 1}, {128, 2},   {256, 8},
                                        {384, 4}, {640, 5}, {1024, 32}, {4096, 2}};
    const int64_t *shape = shapes[rnd_below(8)];
    return (foreign){
        .width = rnd_below(2) ? 4 : 8,
        .block = shape[0],
        .num_miniblocks = shape[1],
        .num_values = rnd_below(rnd_below(2) ? 200 : 5000),
        .wider = rnd_below(3) ? 0 : (int)rnd_below(50),
        .garbage_widths = rnd_below(2),
        .garbage_padding = rnd_below(2),
        .cut = rnd_below(2),
    };
}

static void test_foreign_values(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        rnd_start(seed);
        foreign f = random_foreign();
        uint64_t *values = make_values(f.num_values, (int)rnd_below(65));
        pqf_buf out = buf_new();
        put_foreign(&f, values, &out);
        uint8_t *in = padded_copy(out.data, out.len);
        FOR_LEVELS(k) check_pull(&f, k, in, out.len, values);
        free(in);
        pqf_buf_reset(&out);
        free(values);
    }
}

/* Lengths in the same variety before the bytes, which begin where no unpacking is needed to know. */
static void test_foreign_lengths(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        rnd_start(seed);
        foreign f = random_foreign();
        f.width = 4;
        f.cut = false;
        int64_t n = f.num_values;
        uint64_t *lengths = malloc(((size_t)n + 1) * sizeof *lengths), total = 0;
        int64_t longest = 1 + rnd_below(100);
        for (int64_t i = 0; i < n; i++)
            total += lengths[i] = (uint64_t)rnd_below(longest);
        pqf_buf out = buf_new(), bytes = buf_new();
        put_foreign(&f, lengths, &out);
        size_t start = out.len;
        for (uint64_t i = 0; i < total; i++)
            expect_ok(pqf_buf_put_u8(&out, (uint8_t)i, &test_err));
        uint8_t *in = padded_copy(out.data, out.len);
        int32_t *ends = (int32_t *)(void *)padded((size_t)n * 4);
        pqf_decoder d;
        expect_ok(begin(&d, pqf_kernels_get(), PQF_DELTA_LENGTH_BYTE_ARRAY, BYTE_ARRAY, 0,
                        in, out.len, n));
        expect_ok(pqf_decode_binary(
            &d, n, &(pqf_binary_out){.ends = ends, .bytes = &bytes}, &test_err));
        CHECK(bytes.len == total && !memcmp(bytes.data, in + start, (size_t)total),
              "%d bytes", (int)bytes.len);
        for (int64_t i = 0, end = 0; i < n; i++)
            CHECK(ends[i] == (end += (int64_t)lengths[i]), "end %d", (int)i);
        free(ends);
        free(in);
        free(lengths);
        pqf_buf_reset(&out);
        pqf_buf_reset(&bytes);
    }
}

/* ---- the specification's examples ---- */

/* Its blocks of 8 values are too small for a page: the same values in blocks of 128 and four
 * miniblocks, of which one is used. */
typedef struct example {
    int64_t n;
    int32_t values[8];
    size_t len;
    const char *bytes;
} example;

static const example examples[] = {
    {5, {1, 2, 3, 4, 5}, 10, "\x80\1\4\5\2\2\0\0\0\0"},
    /* -2, then 0 0 0 3 3 3 3 in 2 bits and 25 zeros */
    {8, {7, 5, 3, 1, 2, 3, 4, 5}, 18, "\x80\1\4\x8\xE\3\2\0\0\0\xC0\x3F\0\0\0\0\0\0"},
    {1, {-1}, 5, "\x80\1\4\1\1"},
    {0, {0}, 5, "\x80\1\4\0\0"},
    /* differences wrap around: 1 and -1 */
    {3,
     {INT32_MAX, INT32_MIN, INT32_MAX},
     22,
     "\x80\1\4\3\xFE\xFF\xFF\xFF\x0F\1\2\0\0\0\2\0\0\0\0\0\0\0"},
};

static void test_examples(void **state) {
    (void)state;
    rnd_start(1);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const example *e = &examples[i];
        size_t len = (size_t)e->n * 4;
        uint8_t *plain = padded_copy(e->values, len), *back = padded(len);
        pqf_buf out = buf_new();
        pqf_decoder d;
        expect_ok(pqf_encode_page(pqf_kernels_get(), PQF_DELTA_BINARY_PACKED, INT32, 4,
                                  pqf_bytes_of(plain, len), e->n, &out, &test_err));
        CHECK(out.len == e->len && !memcmp(out.data, e->bytes, e->len),
              "example %d: %d bytes", (int)i, (int)out.len);
        expect_ok(begin(&d, pqf_kernels_get(), PQF_DELTA_BINARY_PACKED, INT32, 4,
                        out.data, out.len, e->n));
        expect_ok(pqf_decode_fixed(&d, e->n, back, &test_err));
        CHECK(len == 0 || !memcmp(back, plain, len), "example %d", (int)i);
        free(plain);
        free(back);
        pqf_buf_reset(&out);
    }
}

typedef struct string_example {
    int32_t encoding;
    const char *strings[4];
    size_t len;
    const char *bytes;
} string_example;

static const string_example string_examples[] = {
    /* 5 5 6 6: differences 0 1 0 */
    {PQF_DELTA_LENGTH_BYTE_ARRAY,
     {"Hello", "World", "Foobar", "ABCDEF"},
     36,
     "\x80\1\4\4\xA\0\1\0\0\0\2\0\0\0HelloWorldFoobarABCDEF"},
    /* 0 2 0 3 and 4 2 6 5: differences 2 -2 3 and -2 4 -1 */
    {PQF_DELTA_BYTE_ARRAY,
     {"axis", "axle", "babble", "babyhood"},
     61,
     "\x80\1\4\4\0\3\3\0\0\0\x44\1\0\0\0\0\0\0\0\0\0\0"
     "\x80\1\4\4\x8\3\3\0\0\0\x70\0\0\0\0\0\0\0\0\0\0\0axislebabbleyhood"},
};

static void test_string_examples(void **state) {
    (void)state;
    rnd_start(1);
    for (size_t i = 0; i < sizeof string_examples / sizeof string_examples[0]; i++) {
        const string_example *e = &string_examples[i];
        pqf_buf plain = buf_new(), out = buf_new(), bytes = buf_new();
        int32_t ends[4 + PQF_SLACK / 4], start = 0;
        pqf_decoder d;
        for (int s = 0; s < 4; s++) {
            pqf_slice v = {(const uint8_t *)e->strings[s],
                           (uint32_t)strlen(e->strings[s]), 0};
            expect_ok(pqf_plain_put_binary(&v, 1, &plain, &test_err));
        }
        expect_ok(pqf_encode_page(pqf_kernels_get(), e->encoding, BYTE_ARRAY, 0,
                                  pqf_buf_view(&plain), 4, &out, &test_err));
        for (size_t b = 0; b < out.len && b < e->len; b++)
            CHECK(out.data[b] == (uint8_t)e->bytes[b], "example %d: byte %d is %02x",
                  (int)i, (int)b, out.data[b]);
        CHECK(out.len == e->len, "example %d: %d bytes", (int)i, (int)out.len);
        expect_ok(begin(&d, pqf_kernels_get(), e->encoding, BYTE_ARRAY, 0, out.data,
                        out.len, 4));
        expect_ok(pqf_decode_binary(
            &d, 4, &(pqf_binary_out){.ends = ends, .bytes = &bytes}, &test_err));
        for (int s = 0; s < 4; start = ends[s++])
            CHECK((size_t)(ends[s] - start) == strlen(e->strings[s]) &&
                      !memcmp(bytes.data + start, e->strings[s], strlen(e->strings[s])),
                  "example %d: %s", (int)i, e->strings[s]);
        pqf_buf_reset(&plain);
        pqf_buf_reset(&out);
        pqf_buf_reset(&bytes);
    }
}

/* ---- damage ---- */

typedef struct bad_page {
    int32_t encoding;
    int32_t physical;
    int32_t width;
    int64_t n; /* values wanted */
    size_t len;
    const char *bytes;
    const char *words;
} bad_page;

#define BINARY_PACKED PQF_DELTA_BINARY_PACKED, INT32, 4
#define LENGTHS       PQF_DELTA_LENGTH_BYTE_ARRAY, BYTE_ARRAY, 0
#define STRINGS       PQF_DELTA_BYTE_ARRAY, BYTE_ARRAY, 0
#define FIXED_3       PQF_DELTA_BYTE_ARRAY, FIXED, 3

static const bad_page bad_pages[] = {
    {BINARY_PACKED, 1, 0, "", "1 values wanted, 0 of 0"},
    {BINARY_PACKED, 1, 4, "\x80\1\4\1", "4 bytes hold no whole header"},
    {BINARY_PACKED, 1, 5, "\x40\4\1\0\0", "blocks of 64 values in 4 miniblocks"},
    {BINARY_PACKED, 1, 5, "\x80\1\0\1\0", "blocks of 128 values in 0 miniblocks"},
    {BINARY_PACKED, 1, 5, "\x80\1\3\1\0", "blocks of 128 values in 3 miniblocks"},
    {BINARY_PACKED, 1, 5, "\x80\1\x8\1\0", "blocks of 128 values in 8 miniblocks"},
    {BINARY_PACKED, 1, 4, "\0\1\1\0", "blocks of 0 values in 1 miniblocks"},
    {BINARY_PACKED, 1, 12, "\x80\x80\x80\x80\x80\x80\x80\x80\2\1\1\0",
     "blocks of 144115188075855872 values"},
    {BINARY_PACKED, 3, 10, "\x80\x80\x80\x80\x8\1\3\2\2\1", "2 values of 1 bits"},
    {BINARY_PACKED, 2, 12, "\x80\x80\x80\x80\x10\x80\x80\x80\x40\2\2\2",
     "end before the last of 2 values"},
    {BINARY_PACKED, 1, 9, "\x80\1\4\xFF\xFF\xFF\xFF\x0F\0",
     "a page of 4294967295 values"},
    {BINARY_PACKED, 2, 5, "\x80\1\4\1\0", "2 values wanted, 1 of 1 are left"},
    {BINARY_PACKED, 2, 5, "\x80\1\4\2\0", "end before the last of 2 values"},
    {BINARY_PACKED, 2, 9, "\x80\1\4\2\0\0\0\0\0", "end before the last of 2 values"},
    {BINARY_PACKED, 2, 10, "\x80\1\4\2\0\0\x41\0\0\0", "a bit width of 65"},
    {BINARY_PACKED, 3, 13, "\x80\1\4\3\0\0\x10\0\0\0\1\1\1", "2 values of 16 bits"},
    {LENGTHS, 2, 12, "\x80\1\4\2\2\2\0\0\0\0ab", "strings of 3 bytes where 2 bytes"},
    {LENGTHS, 2, 12, "\x80\1\4\2\1\2\0\0\0\0ab", "strings of 4294967295 bytes"},
    {LENGTHS, 2, 5, "\x80\1\4\2\2", "end before the last of 2 values"},
    {STRINGS, 1, 11, "\x80\1\4\1\0\x80\1\4\0\0z", "1 prefixes and 0 suffixes"},
    {STRINGS, 1, 11, "\x80\1\4\1\2\x80\1\4\1\0z", "a prefix of 1 bytes of a value of 0"},
    {STRINGS, 1, 11, "\x80\1\4\1\1\x80\1\4\1\2z", "a prefix of 4294967295 bytes"},
    {STRINGS, 1, 11, "\x80\1\4\1\0\x80\1\4\1\4z", "strings of 2 bytes where 1 bytes"},
    {STRINGS, 1, 5, "\x80\1\4\1\0", "1 prefixes and 0 suffixes"},
    {FIXED_3, 1, 12, "\x80\1\4\1\0\x80\1\4\1\4zz", "a value of 2 bytes among those of 3"},
};

static pqf_status decode_bad(const bad_page *bad, const uint8_t *in) {
    pqf_decoder d;
    TRY(begin(&d, pqf_kernels_get(), bad->encoding, bad->physical, bad->width, in,
              bad->len, bad->n));
    uint8_t *out = padded((size_t)bad->n * 8);
    pqf_buf bytes = buf_new();
    pqf_binary_out binary = {.ends = (int32_t *)(void *)out, .bytes = &bytes};
    pqf_status status = bad->physical == BYTE_ARRAY
                            ? pqf_decode_binary(&d, bad->n, &binary, &test_err)
                            : pqf_decode_fixed(&d, bad->n, out, &test_err);
    free(out);
    pqf_buf_reset(&bytes);
    return status;
}

static void test_bad_pages(void **state) {
    (void)state;
    rnd_start(1);
    for (size_t i = 0; i < sizeof bad_pages / sizeof bad_pages[0]; i++) {
        const bad_page *bad = &bad_pages[i];
        uint8_t *in = padded_copy(bad->bytes, bad->len);
        expect_fail(decode_bad(bad, in), PQF_CORRUPT, bad->words);
        free(in);
    }
}

/* Blocks of 2^31, 2^32 and 2^57 - 128 values in one miniblock, of 0 and of 2 bits: larger than any page, but
 * the bytes of the values are there. */
static void test_blocks_larger_than_pages(void **state) {
    (void)state;
    static const example pages[] = {
        {5, {1, 2, 3, 4, 5}, 10, "\x80\x80\x80\x80\x8\1\5\2\2\0"},
        {8, {7, 5, 3, 1, 2, 3, 4, 5}, 12, "\x80\x80\x80\x80\x10\1\x8\xE\3\2\xC0\x3F"},
        {8,
         {7, 5, 3, 1, 2, 3, 4, 5},
         16,
         "\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\1\x8\xE\3\2\xC0\x3F"},
    };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const example *e = &pages[i];
        size_t len = (size_t)e->n * 4;
        uint8_t *in = padded_copy(e->bytes, e->len), *back = padded(len);
        pqf_decoder d;
        expect_ok(begin(&d, pqf_kernels_get(), PQF_DELTA_BINARY_PACKED, INT32, 4, in,
                        e->len, e->n));
        expect_ok(pqf_decode_fixed(&d, 2, back, &test_err));
        expect_ok(pqf_decode_skip(&d, 1, &test_err));
        expect_ok(pqf_decode_fixed(&d, e->n - 3, back + 12, &test_err));
        CHECK(!memcmp(back, e->values, 8) && !memcmp(back + 12, e->values + 3, len - 12),
              "page %d", (int)i);
        free(in);
        free(back);
    }
}

/* 60 bytes that say a hundred thousand times "the value before and one byte more": the output's
 * maximum and the budget stop them. */
static void test_growing_prefixes(void **state) {
    (void)state;
    rnd_start(1);
    enum { N = 100000, BLOCK = 1 << 17 };
    static const char one_block[] = "\x80\x80\x8\1\xA0\x8D\6";
    pqf_buf page = buf_new(), bytes = buf_new();
    expect_ok(pqf_buf_put(&page, one_block, 7, &test_err)); /* prefixes 0, 1, 2, .. */
    expect_ok(pqf_buf_put(&page, "\0\2\0", 3, &test_err));
    expect_ok(pqf_buf_put(&page, one_block, 7, &test_err)); /* suffixes 1, 1, 1, .. */
    expect_ok(pqf_buf_put(&page, "\2\0\0", 3, &test_err));
    expect_ok(pqf_buf_put_zeros(&page, N, &test_err));
    int32_t *ends = (int32_t *)(void *)padded((size_t)N * 4);
    pqf_decoder d;
    bytes.max = 1 << 24;
    expect_ok(begin(&d, pqf_kernels_get(), PQF_DELTA_BYTE_ARRAY, BYTE_ARRAY, 0, page.data,
                    page.len, N));
    expect_fail(pqf_decode_binary(&d, N, &(pqf_binary_out){.ends = ends, .bytes = &bytes},
                                  &test_err),
                PQF_LIMIT, "");
    CHECK(bytes.cap <= 1 << 24, "%d bytes", (int)bytes.cap);
    expect_ok(begin(&d, pqf_kernels_get(), PQF_DELTA_BYTE_ARRAY, BYTE_ARRAY, 0, page.data,
                    page.len, N));
    expect_ok(pqf_decode_skip(&d, N - 1, &test_err));
    CHECK(kept.len == N - 1 && kept.cap < 4 * N, "%d bytes are kept", (int)kept.cap);
    bytes.len = 0;
    expect_ok(pqf_decode_binary(&d, 1, &(pqf_binary_out){.ends = ends, .bytes = &bytes},
                                &test_err));
    CHECK(ends[0] == N, "the last value has %d bytes", (int)ends[0]);
    free(ends);
    pqf_buf_reset(&page);
    pqf_buf_reset(&bytes);
}

static int setup(void **state) {
    if (mem_setup(state)) return -1;
    kept = buf_new();
    return 0;
}

static int teardown(void **state) {
    pqf_buf_reset(&kept);
    return mem_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_values),
        cmocka_unit_test(test_foreign_lengths),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_string_examples),
        cmocka_unit_test(test_bad_pages),
        cmocka_unit_test(test_growing_prefixes),
        cmocka_unit_test(test_blocks_larger_than_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
