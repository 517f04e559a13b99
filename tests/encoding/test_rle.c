/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of encoding/rle.c: the example of Encodings.md, streams of arbitrary runs pulled
 * in arbitrary steps, the encoder against the oracle, damaged streams.
 */
#include "encoding_test.h"

static uint32_t width_mask(int width) {
    return width == 32 ? UINT32_MAX : (UINT32_C(1) << width) - 1;
}

/* ---- values ---- */

typedef enum shape { CONSTANT, RANDOM, SHORT_RUNS, LONG_RUNS, MIXED, NUM_SHAPES } shape;

static void fill_values(uint32_t *v, int64_t n, int width, shape s) {
    static const int64_t stay[NUM_SHAPES] = {INT32_MAX, 1, 10, 400, 40};
    uint32_t value = (uint32_t)rnd() & width_mask(width);
    for (int64_t i = 0; i < n; i++) {
        bool noise = s == MIXED && (i / 300) % 2;
        if (noise || (s != CONSTANT && rnd_below(stay[s]) == 0)) {
            value = (uint32_t)rnd() & width_mask(width);
        }
        v[i] = value;
    }
}

/* Runs of any kind and length that hold the values: not what our encoder would choose. */
static void put_any_runs(const uint32_t *v, int64_t n, int width, pqf_buf *out) {
    int64_t i = 0;
    while (i < n) {
        int64_t same = 1;
        while (i + same < n && v[i + same] == v[i])
            same++;
        if (rnd_below(2)) {
            int64_t run = rnd_below(4) ? same : 1 + rnd_below(same);
            expect_ok(pqf_buf_put_varint(out, (uint64_t)run << 1, &test_err));
            expect_ok(pqf_buf_put(out, &v[i], (size_t)(width + 7) / 8, &test_err));
            i += run;
            continue;
        }
        int64_t groups = 1 + rnd_below(rnd_below(4) ? 3 : 70);
        if (i + groups * 8 > n) groups = (n - i) / 8;
        if (groups == 0 && rnd_below(2)) groups = 1; /* padded at the end */
        if (groups == 0) continue;
        expect_ok(pqf_buf_put_varint(out, (uint64_t)groups << 1 | 1, &test_err));
        size_t at = out->len;
        expect_ok(pqf_buf_put_zeros(out, (size_t)(groups * width), &test_err));
        for (int64_t k = 0; k < groups * 8 && i + k < n; k++) {
            for (int b = 0; b < width; b++)
                if (v[i + k] >> b & 1) pqf_bit_set(out->data + at, k * width + b);
        }
        i += groups * 8;
    }
}

/* ---- pulling ---- */

static void pull_u32(pqf_rle *rle, const uint32_t *v, int64_t n) {
    for (int64_t at = 0, step; at < n; at += step) {
        step = rnd_step(n - at);
        if (rnd_below(5) == 0) {
            expect_ok(pqf_rle_skip(rle, step, &test_err));
            continue;
        }
        uint32_t *out = (uint32_t *)(void *)padded((size_t)step * 4);
        expect_ok(pqf_rle_decode_u32(rle, step, out, &test_err));
        for (int64_t i = 0; i < step; i++)
            CHECK(out[i] == v[at + i], "width %d value %d", rle->width, (int)(at + i));
        free(out);
    }
}

static void pull_u8(pqf_rle *rle, const uint32_t *v, int64_t n) {
    for (int64_t at = 0, step; at < n; at += step) {
        step = rnd_step(n - at);
        uint8_t *out = padded((size_t)step);
        expect_ok(pqf_rle_decode_u8(rle, step, out, &test_err));
        for (int64_t i = 0; i < step; i++)
            CHECK(out[i] == v[at + i], "width %d value %d", rle->width, (int)(at + i));
        free(out);
    }
}

static void pull_bits(pqf_rle *rle, const uint32_t *v, int64_t n) {
    uint8_t *out = padded((size_t)pqf_bits_bytes(n + 5));
    memset(out, 0xFF, (size_t)pqf_bits_bytes(n + 5));
    for (int64_t at = 0, step; at < n; at += step) {
        int64_t num_set = -1, expect = 0;
        step = rnd_step(n - at);
        expect_ok(pqf_rle_decode_bits(rle, step, out, at + 5, &num_set, &test_err));
        for (int64_t i = 0; i < step; i++)
            expect += v[at + i];
        CHECK(num_set == expect, "%d set, not %d", (int)num_set, (int)expect);
    }
    for (int64_t i = 0; i < n + 5; i++)
        CHECK(pqf_bit_get(out, i) == (i < 5 ? 1 : v[i - 5]), "bit %d", (int)i);
    free(out);
}

/* Whole runs as callers see them. */
static void pull_runs(pqf_rle *rle, const uint32_t *v, int64_t n) {
    for (int64_t at = 0; at < n;) {
        bool is_run;
        uint32_t value;
        int64_t left;
        expect_ok(pqf_rle_peek(rle, &is_run, &value, &left, &test_err));
        CHECK(left > 0, "an empty run at %d", (int)at);
        int64_t part = pqf_min_i64(left, n - at);
        for (int64_t i = 0; is_run && i < part; i++)
            CHECK(v[at + i] == value, "width %d value %d", rle->width, (int)(at + i));
        expect_ok(pqf_rle_skip(rle, part, &test_err));
        at += part;
    }
}

static void check_stream(const pqf_kernels *k, pqf_bytes bytes, int width,
                         const uint32_t *v, int64_t n) {
    uint8_t *in = padded_copy(bytes.data, bytes.len);
    pqf_bytes stream = {in, bytes.len};
    pqf_rle rle;
    expect_ok(pqf_rle_begin(&rle, k, stream, width, &test_err));
    pull_u32(&rle, v, n);
    expect_ok(pqf_rle_begin(&rle, k, stream, width, &test_err));
    pull_runs(&rle, v, n);
    if (width <= 8) {
        expect_ok(pqf_rle_begin(&rle, k, stream, width, &test_err));
        pull_u8(&rle, v, n);
    }
    if (width == 1) {
        expect_ok(pqf_rle_begin(&rle, k, stream, width, &test_err));
        pull_bits(&rle, v, n);
    }
    free(in);
}

/* ---- tests ---- */

static const uint8_t spec_bytes[] = {0x03, 0x88, 0xC6, 0xFA};

static void test_specification(void **state) {
    (void)state;
    FOR_LEVELS(k) {
        uint32_t values[8 + PQF_SLACK / 4], expect[8];
        for (uint32_t i = 0; i < 8; i++)
            values[i] = expect[i] = i;
        check_stream(k, pqf_bytes_of(spec_bytes, sizeof spec_bytes), 3, expect, 8);
        pqf_buf out = buf_new();
        expect_ok(pqf_rle_encode_u32(k, values, 8, 3, &out, &test_err));
        assert_int_equal(out.len, sizeof spec_bytes);
        assert_memory_equal(out.data, spec_bytes, sizeof spec_bytes);
        pqf_buf_reset(&out);
    }
}

static void test_any_runs(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 330; seed++) {
        rnd_start(seed);
        int width = (int)(seed % 33);
        int64_t n = rnd_below(4) ? rnd_below(700) : rnd_below(6000);
        uint32_t *v = (uint32_t *)(void *)padded((size_t)n * 4);
        fill_values(v, n, width, (shape)rnd_below(NUM_SHAPES));
        pqf_buf bytes = buf_new();
        put_any_runs(v, n, width, &bytes);
        FOR_LEVELS(k) check_stream(k, pqf_buf_view(&bytes), width, v, n);
        pqf_buf_reset(&bytes);
        free(v);
    }
}

static const int64_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 1000, 10000};
#define NUM_SIZES ((int)(sizeof sizes / sizeof sizes[0]))

static void check_oracle(const pqf_buf *bytes, int width, const uint32_t *v, int64_t n) {
    uint32_t *got = malloc((size_t)n * 4 + 4);
    int64_t num = ref_hybrid(bytes->data, bytes->len, width, n, got);
    CHECK(num == n, "width %d: %d of %d values", width, (int)num, (int)n);
    for (int64_t i = 0; i < n; i++)
        CHECK(got[i] == v[i], "width %d value %d of %d", width, (int)i, (int)n);
    free(got);
}

static void encode_u8(const pqf_kernels *k, const uint32_t *v, int64_t n, int width,
                      pqf_buf *out) {
    uint8_t *narrow = padded((size_t)n);
    for (int64_t i = 0; i < n; i++)
        narrow[i] = (uint8_t)v[i];
    expect_ok(pqf_rle_encode_u8(k, narrow, n, width, out, &test_err));
    free(narrow);
}

/* Bits are foreign memory: exactly allocated. */
static void encode_bits(const pqf_kernels *k, const uint32_t *v, int64_t n,
                        pqf_buf *out) {
    int64_t at = rnd_below(20);
    size_t num_bytes = (size_t)pqf_bits_bytes(at + n);
    uint8_t *bits = malloc(num_bytes + 1);
    uint8_t *exact;
    for (size_t i = 0; i < num_bytes; i++)
        bits[i] = (uint8_t)rnd();
    for (int64_t i = 0; i < n; i++)
        pqf_bit_put(bits, at + i, v[i]);
    exact = exact_copy(bits, num_bytes);
    expect_ok(pqf_rle_encode_bits(k, exact, at, n, out, &test_err));
    free(bits);
    free(exact);
}

static void same_bytes(const pqf_buf *a, const pqf_buf *b, int width) {
    CHECK(a->len == b->len && memcmp(a->data, b->data, a->len) == 0,
          "width %d: %d and %d bytes that differ", width, (int)a->len, (int)b->len);
}

/* Every level and element width gives the same bytes, which the oracle reads. */
static void check_encode(const uint32_t *v, int64_t n, int width) {
    pqf_buf first = buf_new();
    expect_ok(pqf_rle_encode_u32(pqf_kernels_get(), v, n, width, &first, &test_err));
    if (n) check_oracle(&first, width, v, n);
    size_t literal = (size_t)((n + 7) / 8 * width) + 5;
    CHECK(first.len <= literal + literal / 4, "width %d: %d bytes, literal %d", width,
          (int)first.len, (int)literal);
    check_stream(pqf_kernels_get(), pqf_buf_view(&first), width, v, n);
    FOR_LEVELS(k) {
        uint32_t *copy = (uint32_t *)(void *)padded_copy(v, (size_t)n * 4);
        pqf_buf again = buf_new();
        expect_ok(pqf_rle_encode_u32(k, copy, n, width, &again, &test_err));
        if (n) same_bytes(&first, &again, width);
        again.len = 0;
        if (width <= 8) encode_u8(k, v, n, width, &again);
        if (width <= 8 && n) same_bytes(&first, &again, width);
        again.len = 0;
        if (width == 1) encode_bits(k, v, n, &again);
        if (width == 1 && n) check_oracle(&again, 1, v, n);
        pqf_buf_reset(&again);
        free(copy);
    }
    pqf_buf_reset(&first);
}

static void test_encode(void **state) {
    (void)state;
    for (int width = 0; width <= 32; width++) {
        for (int i = 0; i < NUM_SIZES * NUM_SHAPES; i++) {
            if (sizes[i / NUM_SHAPES] > 1000 && width % 4 != 1) continue;
            rnd_start((uint64_t)(width * 1000 + i));
            int64_t n = sizes[i / NUM_SHAPES];
            uint32_t *v = (uint32_t *)(void *)padded((size_t)n * 4);
            fill_values(v, n, width, (shape)(i % NUM_SHAPES));
            check_encode(v, n, width);
            free(v);
        }
    }
}

/* A constant stream is one run, whatever its length; bits of one value likewise. */
static void test_encode_constant(void **state) {
    (void)state;
    rnd_start(5);
    uint32_t *v = (uint32_t *)(void *)padded(4000 * 4);
    uint8_t *bits = padded(500);
    memset(bits, 0xFF, 500);
    for (int i = 0; i < 4000; i++)
        v[i] = 3;
    for (int64_t n = 1; n <= 4000; n = n * 5 / 3 + 1) {
        pqf_buf out = buf_new();
        expect_ok(pqf_rle_encode_u32(pqf_kernels_get(), v, n, 2, &out, &test_err));
        assert_int_equal(out.len, n < 64 ? 2 : 3);
        out.len = 0;
        expect_ok(pqf_rle_encode_bits(pqf_kernels_get(), bits, 0, n, &out, &test_err));
        assert_int_equal(out.len, n < 64 ? 2 : 3);
        pqf_buf_reset(&out);
    }
    free(v);
    free(bits);
}

/* Runs of 8 and more are runs where a literal would be longer: 20 values of 13 bits are 3
 * bytes. */
static void test_encode_runs(void **state) {
    (void)state;
    rnd_start(1);
    uint32_t *v = (uint32_t *)(void *)padded(2000 * 4);
    for (uint32_t i = 0; i < 2000; i++)
        v[i] = i / 20 * 70;
    pqf_buf out = buf_new();
    expect_ok(pqf_rle_encode_u32(pqf_kernels_get(), v, 2000, 13, &out, &test_err));
    assert_int_equal(out.len, 100 * 3);
    pqf_buf_reset(&out);
    free(v);
}

/* 200 zeros inside noise are found wherever they begin. */
static void test_encode_bits_runs(void **state) {
    (void)state;
    for (int64_t from = 0; from < 300; from++) {
        rnd_start((uint64_t)from);
        uint32_t v[900];
        for (int64_t i = 0; i < 900; i++)
            v[i] = i >= from && i < from + 200 ? 0 : (uint32_t)i & 1;
        pqf_buf out = buf_new();
        encode_bits(pqf_kernels_get(), v, 900, &out);
        check_oracle(&out, 1, v, 900);
        assert_in_range(out.len, 1, 700 / 8 + 12);
        pqf_buf_reset(&out);
    }
}

/* ---- damage ---- */

static pqf_status decode_all(const pqf_kernels *k, const uint8_t *bytes, size_t len,
                             int width, int64_t n, uint32_t *out) {
    uint8_t *in = padded_copy(bytes, len);
    pqf_rle rle;
    pqf_status status = pqf_rle_begin(&rle, k, pqf_bytes_of(in, len), width, &test_err);
    for (int64_t at = 0, step; status == PQF_OK && at < n; at += step) {
        step = pqf_min_i64(n - at, 1 + rnd_below(300));
        status = pqf_rle_decode_u32(&rle, step, out + at, &test_err);
    }
    free(in);
    return status;
}

static void test_truncated(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        rnd_start(seed);
        int width = (int)rnd_below(33);
        int64_t n = 1 + rnd_below(300);
        uint32_t v[300], expect[300];
        uint32_t *got = (uint32_t *)(void *)padded(300 * 4);
        fill_values(v, n, width, MIXED);
        pqf_buf bytes = buf_new();
        put_any_runs(v, n, width, &bytes);
        for (size_t len = 0; len <= bytes.len; len++) {
            int64_t whole = ref_hybrid(bytes.data, len, width, n, expect);
            pqf_status status =
                decode_all(pqf_kernels_get(), bytes.data, len, width, n, got);
            CHECK((whole == n) == (status == PQF_OK), "width %d, %d of %d bytes: %s",
                  width, (int)len, (int)bytes.len, pqf_status_name(status));
            if (whole < n) expect_fail(status, PQF_CORRUPT, "rle: ");
            if (whole > 0) {
                expect_ok(
                    decode_all(pqf_kernels_get(), bytes.data, len, width, whole, got));
                assert_memory_equal(got, expect, (size_t)whole * 4);
            }
        }
        pqf_buf_reset(&bytes);
        free(got);
    }
}

static void test_noise(void **state) {
    (void)state;
    uint32_t *got = (uint32_t *)(void *)padded(2000 * 4);
    uint32_t *expect = malloc(2000 * 4);
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        rnd_start(seed);
        uint8_t bytes[64];
        size_t len = (size_t)rnd_below(64);
        int width = (int)rnd_below(33);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)rnd();
        FOR_LEVELS(k) {
            pqf_status status = decode_all(k, bytes, len, width, 2000, got);
            CHECK(status == PQF_OK || status == PQF_CORRUPT, "%s",
                  pqf_status_name(status));
            if (status == PQF_OK) {
                CHECK(ref_hybrid(bytes, len, width, 2000, expect) == 2000, "width %d",
                      width);
                assert_memory_equal(got, expect, 2000 * 4);
            }
        }
    }
    free(got);
    free(expect);
}

typedef struct bad_stream {
    int width;
    size_t len;
    const char *bytes;
    const char *words;
} bad_stream;

static const bad_stream bad_streams[] = {
    {33, 2, "\x10\x01", "bit width 33"},
    {-1, 2, "\x10\x01", "bit width -1"},
    {3, 0, "", "end before"},
    {3, 2, "\x00\x01", "run of 0"},
    {3, 1, "\x01", "run of 0"},
    {3, 1, "\x03", "no bytes"},
    {3, 1, "\x10", "cut off"},
    {3, 2, "\x10\x08", "more than 3 bits"},
    {9, 2, "\x10\x08", "cut off"},
    {31, 5, "\x10\xFF\xFF\xFF\xFF", "more than 31 bits"},
    {3, 1, "\x80", "header"},
    {3, 6, "\x80\x80\x80\x80\x20\x01", "header"},
    {3, 12, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "header"},
    {32, 6, "\xFF\xFF\xFF\xFF\x0F\x01", "no bytes"},
};

static void test_bad_streams(void **state) {
    (void)state;
    rnd_start(1);
    uint32_t *got = (uint32_t *)(void *)padded(800);
    for (size_t i = 0; i < sizeof bad_streams / sizeof bad_streams[0]; i++) {
        const bad_stream *bad = &bad_streams[i];
        expect_fail(decode_all(pqf_kernels_get(), (const uint8_t *)bad->bytes, bad->len,
                               bad->width, 200, got),
                    PQF_CORRUPT, bad->words);
    }
    free(got);
}

/* 2^31 - 1 values in six bytes are legal: they are stepped over, not stored. */
static void test_huge_run(void **state) {
    (void)state;
    rnd_start(1);
    uint8_t *in = padded_copy("\xFE\xFF\xFF\xFF\x0F\x05\x02\x06", 8);
    pqf_rle rle;
    uint32_t got[3 + PQF_SLACK / 4];
    expect_ok(pqf_rle_begin(&rle, pqf_kernels_get(), pqf_bytes_of(in, 8), 3, &test_err));
    expect_ok(pqf_rle_skip(&rle, INT32_MAX - 1, &test_err));
    expect_ok(pqf_rle_decode_u32(&rle, 2, got, &test_err));
    assert_int_equal(got[0], 5);
    assert_int_equal(got[1], 6);
    expect_fail(pqf_rle_decode_u32(&rle, 1, got, &test_err), PQF_CORRUPT, "end before");
    free(in);
}

static void test_wrong_width(void **state) {
    (void)state;
    rnd_start(1);
    uint8_t *in = padded_copy("\x10\x01\x00", 3);
    uint8_t out[8 + PQF_SLACK];
    int64_t num_set;
    pqf_rle rle;
    expect_ok(pqf_rle_begin(&rle, pqf_kernels_get(), pqf_bytes_of(in, 3), 9, &test_err));
    expect_fail(pqf_rle_decode_u8(&rle, 1, out, &test_err), PQF_CORRUPT, "bit width 9");
    expect_fail(pqf_rle_decode_bits(&rle, 1, out, 0, &num_set, &test_err), PQF_CORRUPT,
                "bit width 9");
    free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification), cmocka_unit_test(test_any_runs),
        cmocka_unit_test(test_encode),        cmocka_unit_test(test_encode_constant),
        cmocka_unit_test(test_encode_runs),   cmocka_unit_test(test_encode_bits_runs),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_noise),
        cmocka_unit_test(test_bad_streams),   cmocka_unit_test(test_huge_run),
        cmocka_unit_test(test_wrong_width),
    };
    return cmocka_run_group_tests(tests, mem_setup, mem_teardown);
}
