/* SPDX-License-Identifier: Apache-2.0
 *
 * test_snappy_encode.c: the encoder of Snappy blocks. What it writes is read by our decoder and by the library's,
 * is no longer than the bound and about as long as what the library writes. Input and output end at an unmapped
 * page, or begin behind one, so one byte too far is a crash.
 */
#include "codec_test.h"

#include <snappy-c.h>

#include "codec/snappy_decode.h"
#include "codec/snappy_encode.h"

enum { PART = 1 << 16 };

static uint8_t *in_area, *packed_area, *out_area;
static pqf_error err;

/* ---- data: one random number per full expression, so that a seed makes the same of every compiler ---- */

enum { RANDOM, SAME, TEXT, VALUES, RECORDS, RUNS, COPIES, MIXED, NUM_DATA };

static uint8_t random_byte(uint64_t range) { return (uint8_t)(rnd() % range); }

/* Values of `stride` bytes whose upper ones change seldom. */
static void make_values(uint8_t *p, size_t len, size_t stride, size_t changing) {
    uint8_t upper = random_byte(5);
    for (size_t i = 0; i < len; i++) {
        if (rnd() % 300 == 0) upper = random_byte(5);
        p[i] = i % stride < changing ? random_byte(256) : upper;
    }
}

static void make_any_values(uint8_t *p, size_t len) {
    size_t stride = 1 + rnd() % 12;
    make_values(p, len, stride, rnd() % 8);
}

static void make_records(uint8_t *p, size_t len) {
    static const char *const words[] = {"furiously ", "ironic ",  "deposits",
                                        "\x19\0\0\0", "https://", "0000"};
    static const size_t lens[] = {10, 7, 8, 4, 8, 4};
    for (size_t i = 0; i < len;) {
        size_t w = rnd() % 6;
        for (size_t k = 0; k < lens[w] && i < len; k++)
            p[i++] = (uint8_t)words[w][k];
        if (i < len && rnd() % 3 == 0) p[i++] = random_byte(256);
    }
}

static void make_runs(uint8_t *p, size_t len) {
    for (size_t i = 0; i < len;) {
        uint8_t byte = random_byte(3);
        size_t most = rnd() % 2 ? 9 : 200;
        for (size_t n = rnd() % most; n > 0 && i < len; n--)
            p[i++] = byte;
    }
}

/* Literals and copies from anywhere before, of any length. */
static void make_copies(uint8_t *p, size_t len) {
    for (size_t i = 0; i < len;) {
        size_t most = rnd() % 4 ? 15 : 150, far = rnd() % 2 ? 30 : 70000;
        size_t n = 1 + rnd() % most;
        size_t distance = i ? 1 + rnd() % (i < far ? i : far) : 0;
        for (; n > 0 && i < len; n--, i++)
            p[i] = distance ? p[i - distance] : random_byte(256);
        for (n = rnd() % 6; n > 0 && i < len; n--)
            p[i++] = random_byte(256);
    }
}

static void make_data(uint8_t *p, size_t len, int kind) {
    switch (kind) {
    case RANDOM: make_sample(p, len, 0); break;
    case SAME: make_sample(p, len, 1); break;
    case TEXT: make_sample(p, len, 2); break;
    case VALUES: make_any_values(p, len); break;
    case RECORDS: make_records(p, len); break;
    case RUNS: make_runs(p, len); break;
    case COPIES: make_copies(p, len); break;
    default:
        for (size_t i = 0, n; i < len; i += n) {
            n = 1 + rnd() % 5000;
            if (n > len - i) n = len - i;
            make_data(p + i, n, (int)(rnd() % MIXED));
        }
    }
}

/* ---- the encoder ---- */

static uint8_t *at_the_end(uint8_t *area, size_t len) { return area + AREA - len; }

static pqf_bytes encode(pqf_bytes in, uint8_t *packed) {
    pqf_codec_ctx ctx = {0};
    size_t len = 0, bound = pqf_snappy_bound(in.len);
    CHECK(pqf_snappy_encode(&ctx, in, packed, &len, &err) == PQF_OK, "%zu bytes: %s",
          in.len, err.message);
    CHECK(len <= bound, "%zu bytes became %zu, above the bound %zu", in.len, len, bound);
    return pqf_bytes_of(packed, len);
}

static void expect_back(pqf_bytes in, pqf_bytes packed, uint8_t *out, int kind) {
    size_t skip, len = in.len;
    memset(out, 0xAA, in.len);
    CHECK(snappy_uncompress((const char *)packed.data, packed.len, (char *)out, &len) ==
                  SNAPPY_OK &&
              len == in.len && !memcmp(out, in.data, len),
          "kind %d, %zu bytes: the library reads something else", kind, in.len);
    memset(out, 0xAA, in.len);
    CHECK(pqf_snappy_length(packed, &skip, &len) && len == in.len, "%zu bytes", in.len);
    CHECK(pqf_snappy_decode(pqf_bytes_of(packed.data + skip, packed.len - skip), out,
                            len) &&
              !memcmp(out, in.data, len),
          "kind %d, %zu bytes: the decoder reads something else", kind, in.len);
}

/* At both ends of the areas; what is written does not depend on where. */
static void round_trip(size_t len, int kind) {
    size_t bound = pqf_snappy_bound(len);
    uint8_t *in = at_the_end(in_area, len);
    make_data(in, len, kind);
    pqf_bytes packed = encode(pqf_bytes_of(in, len), at_the_end(packed_area, bound));
    expect_back(pqf_bytes_of(in, len), packed, at_the_end(out_area, len), kind);
    memcpy(out_area, packed.data, packed.len);
    memmove(in_area, in, len);
    pqf_bytes again = encode(pqf_bytes_of(in_area, len), packed_area);
    CHECK(again.len == packed.len && !memcmp(again.data, out_area, again.len),
          "kind %d, %zu bytes: other bytes at another place", kind, len);
}

static void test_every_length(void **state) {
    (void)state;
    for (size_t len = 0; len <= 1000; len++)
        for (int kind = 0; kind < NUM_DATA; kind++)
            round_trip(len, kind);
}

static void test_borders_of_parts(void **state) {
    (void)state;
    for (size_t parts = 1; parts <= 3; parts++)
        for (size_t d = 0; d < 90; d += 1 + rnd() % 3)
            round_trip(parts * PART + d - 45, (int)(rnd() % NUM_DATA));
}

static void test_anything(void **state) {
    (void)state;
    for (int i = 0; i < 400; i++)
        round_trip(rnd() % (i % 8 ? 20000 : 400000), i % NUM_DATA);
}

/* Every stride, and every number of bytes that differ, long enough for the path of values. */
static void test_values(void **state) {
    (void)state;
    for (size_t stride = 1; stride <= 17; stride++)
        for (size_t changing = 0; changing <= stride; changing++) {
            size_t len = 70000 + rnd() % 20;
            uint8_t *in = at_the_end(in_area, len);
            make_values(in, len, stride, changing);
            pqf_bytes packed = encode(pqf_bytes_of(in, len),
                                      at_the_end(packed_area, pqf_snappy_bound(len)));
            expect_back(pqf_bytes_of(in, len), packed, at_the_end(out_area, len),
                        (int)stride);
        }
}

static uint8_t *room(size_t len) {
    uint8_t *p = malloc(len);
    if (!p) abort();
    return p;
}

static void test_megabytes(void **state) {
    (void)state;
    size_t len = ((size_t)11 << 20) + 17;
    uint8_t *in = room(len), *packed = room(pqf_snappy_bound(len)), *out = room(len);
    for (int kind = MIXED; kind < NUM_DATA; kind++) {
        make_data(in, len, kind);
        expect_back(pqf_bytes_of(in, len), encode(pqf_bytes_of(in, len), packed), out,
                    kind);
    }
    free(in);
    free(packed);
    free(out);
}

/* ---- what it makes ---- */

static void test_about_as_small_as_the_library(void **state) {
    (void)state;
    enum { LEN = 300000 };
    uint8_t *theirs = room(snappy_max_compressed_length(LEN));
    for (int kind = 0; kind < NUM_DATA; kind++) {
        size_t their_len = snappy_max_compressed_length(LEN);
        make_data(in_area, LEN, kind);
        pqf_bytes packed = encode(pqf_bytes_of(in_area, LEN), packed_area);
        assert_int_equal(
            snappy_compress((char *)in_area, LEN, (char *)theirs, &their_len), SNAPPY_OK);
        CHECK(packed.len <= their_len + their_len / 8 + 64, "kind %d: %zu, library %zu",
              kind, packed.len, their_len);
    }
    free(theirs);
}

/* Values seem to repeat in them where only bytes do. */
static void test_bytes_of_few_kinds(void **state) {
    (void)state;
    enum { LEN = 300000 };
    uint8_t *theirs = room(snappy_max_compressed_length(LEN));
    for (size_t kinds = 2; kinds < 7; kinds++) {
        for (int round = 0; round < 6; round++) {
            size_t their_len = snappy_max_compressed_length(LEN);
            for (size_t i = 0; i < LEN; i++)
                in_area[i] = random_byte(kinds);
            pqf_bytes packed = encode(pqf_bytes_of(in_area, LEN), packed_area);
            assert_int_equal(
                snappy_compress((char *)in_area, LEN, (char *)theirs, &their_len),
                SNAPPY_OK);
            CHECK(packed.len <= their_len + their_len / 50, "%zu kinds: %zu, library %zu",
                  kinds, packed.len, their_len);
        }
    }
    free(theirs);
}

/* The same rows make the same file on every machine: this sum is what they make of fixed data. */
static void test_same_bytes_everywhere(void **state) {
    (void)state;
    enum { LEN = 200000 };
    uint64_t kept = seed_now, sum = UINT64_C(0xCBF29CE484222325);
    seed_now = 1;
    for (int kind = 0; kind < NUM_DATA; kind++) {
        make_data(in_area, LEN, kind);
        pqf_bytes packed = encode(pqf_bytes_of(in_area, LEN), packed_area);
        for (size_t i = 0; i < packed.len; i++)
            sum = (sum ^ packed.data[i]) * UINT64_C(0x100000001B3);
    }
    seed_now = kept;
    CHECK(sum == UINT64_C(0xAE4ACCA0985C220F), "the sum is 0x%llX",
          (unsigned long long)sum);
}

static int stop(void *context, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    ++*(int *)context;
    return 1;
}

static void test_a_user_who_waits_is_heard(void **state) {
    (void)state;
    size_t len = (size_t)3 << 20, packed_len;
    uint8_t *in = room(len), *packed = room(pqf_snappy_bound(len));
    make_data(in, len, RECORDS);
    int calls = 0;
    pqf_control control = {.num_threads = 1, .tick = stop, .tick_context = &calls};
    pqf_run run;
    pqf_run_init(&run, &control);
    run.next_tick_ns = 0; /* due at once */
    pqf_codec_ctx ctx = {.run = &run};
    assert_int_equal(
        pqf_snappy_encode(&ctx, pqf_bytes_of(in, len), packed, &packed_len, &err),
        PQF_CANCELLED);
    assert_int_equal(calls, 1);
    free(in);
    free(packed);
}

static void test_bound(void **state) {
    (void)state;
    assert_int_equal(pqf_snappy_bound(0), 32);
    assert_int_equal(pqf_snappy_bound(6000), 7032);
    assert_true(pqf_snappy_bound(UINT32_MAX) > UINT32_MAX);
    assert_int_equal(pqf_snappy_bound((size_t)UINT32_MAX + 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_borders_of_parts),
        cmocka_unit_test(test_anything),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_megabytes),
        cmocka_unit_test(test_about_as_small_as_the_library),
        cmocka_unit_test(test_bytes_of_few_kinds),
        cmocka_unit_test(test_same_bytes_everywhere),
        cmocka_unit_test(test_a_user_who_waits_is_heard),
        cmocka_unit_test(test_bound),
    };
    seed_set();
    pqf_error_init(&err);
    in_area = area_new();
    packed_area = area_new();
    out_area = area_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
