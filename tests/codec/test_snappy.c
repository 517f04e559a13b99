/* SPDX-License-Identifier: Apache-2.0
 *
 * test_snappy.c: the decoder of Snappy blocks, with the library as its oracle: what the library writes, elements
 * of every kind put together at random, and all of that damaged. Input and output end at an unmapped
 * page, so one byte too far is a crash.
 */
#include "codec_test.h"

#include <snappy-c.h>

#include "codec/snappy_decode.h"

enum { MAX_OUT = 4000, MAX_BLOCK = 8000 };

static uint8_t *in_area, *out_area;

/* Ends at the unmapped page behind the area's slack. */
static uint8_t *at_the_end(uint8_t *area, size_t len) { return area + AREA - len; }

static bool ours(const uint8_t *block, size_t len, uint8_t **out, size_t *out_len) {
    size_t skip;
    uint8_t *in = at_the_end(in_area, len);
    if (len) memcpy(in, block, len);
    if (!pqf_snappy_length(pqf_bytes_of(in, len), &skip, out_len) || *out_len > MAX_OUT)
        return false;
    *out = at_the_end(out_area, *out_len);
    return pqf_snappy_decode(pqf_bytes_of(in + skip, len - skip), *out, *out_len);
}

static bool theirs(const uint8_t *block, size_t len, uint8_t *out, size_t *out_len) {
    const char *in = (const char *)block;
    *out_len = 0;
    if (snappy_uncompressed_length(in, len, out_len) != SNAPPY_OK || *out_len > MAX_OUT)
        return false;
    return snappy_uncompress(in, len, (char *)out, out_len) == SNAPPY_OK;
}

static bool compare(const uint8_t *block, size_t len) {
    static uint8_t expected[MAX_OUT];
    uint8_t *found = NULL;
    size_t expected_len, found_len = 0;
    bool is_sound = theirs(block, len, expected, &expected_len);
    CHECK(ours(block, len, &found, &found_len) == is_sound, "%zu bytes, sound: %d", len,
          is_sound);
    if (!is_sound) return false;
    CHECK(found_len == expected_len && !memcmp(found, expected, expected_len),
          "%zu bytes differ", expected_len);
    return true;
}

/* ---- elements at random ---- */

static size_t put_length(uint8_t *to, size_t n) {
    size_t at = 0;
    for (; n > 0x7F; n >>= 7)
        to[at++] = (uint8_t)(n | 0x80);
    to[at++] = (uint8_t)n;
    return at;
}

static size_t put_literal(uint8_t *to, size_t len) {
    size_t at = 1;
    if (len <= 60) {
        to[0] = (uint8_t)((len - 1) << 2);
    } else {
        size_t num_bytes = len - 1 > 0xFF ? 2 + rnd() % 3 : 1 + rnd() % 4;
        to[0] = (uint8_t)((59 + num_bytes) << 2);
        for (size_t i = 0; i < num_bytes; i++)
            to[at++] = (uint8_t)(i < 4 ? (len - 1) >> 8 * i : 0);
    }
    for (size_t i = 0; i < len; i++)
        to[at++] = (uint8_t)rnd();
    return at;
}

static size_t put_copy(uint8_t *to, size_t offset, size_t *len) {
    if (offset < 2048 && rnd() % 2) {
        *len = 4 + *len % 8;
        to[0] = (uint8_t)(1 | (*len - 4) << 2 | (offset >> 8) << 5);
        to[1] = (uint8_t)offset;
        return 2;
    }
    int num_bytes = rnd() % 8 ? 2 : 4;
    to[0] = (uint8_t)((num_bytes == 2 ? 2 : 3) | (*len - 1) << 2);
    for (int i = 0; i < num_bytes; i++)
        to[1 + i] = (uint8_t)(offset >> 8 * i);
    return 1 + (size_t)num_bytes;
}

/* Offsets are small, about the length, or anything; now and then one too far back. */
static size_t some_offset(size_t done, size_t len) {
    switch (rnd() % 4) {
    case 0: return 1 + rnd() % 20;
    case 1: return len + rnd() % 3;
    case 2: return done;
    default: return rnd() % 50 ? 1 + rnd() % done : done + 1 + rnd() % 100;
    }
}

static size_t some_block(uint8_t *block) {
    uint8_t elements[MAX_BLOCK];
    size_t at = 0, done = 0, target = rnd() % (MAX_OUT - 200);
    while (done < target && at < MAX_BLOCK - 1200) {
        size_t len = 1 + rnd() % (rnd() % 4 ? 12 : 64);
        if (!done || rnd() % 2) {
            if (rnd() % 40 == 0) len = 60 + rnd() % 300;
            at += put_literal(elements + at, len);
        } else {
            at += put_copy(elements + at, some_offset(done, len), &len);
        }
        done += len;
    }
    size_t head = put_length(block, done + (rnd() % 50 == 0));
    memcpy(block + head, elements, at);
    return head + at;
}

static void test_elements(void **state) {
    (void)state;
    static uint8_t block[MAX_BLOCK + 10];
    int num_sound = 0;
    for (int i = 0; i < 20000; i++)
        num_sound += compare(block, some_block(block));
    assert_true(num_sound > 1000 && num_sound < 19000);
}

static void test_damage(void **state) {
    (void)state;
    static uint8_t block[MAX_BLOCK + 10];
    for (int i = 0; i < 20000; i++) {
        size_t len = some_block(block);
        if (rnd() % 2) len = rnd() % (len + 1);
        for (uint64_t n = rnd() % 4; len && n > 0; n--)
            block[rnd() % len] = (uint8_t)rnd();
        compare(block, len);
    }
}

/* ---- what the library writes ---- */

static uint8_t byte_of(size_t i, int kind) {
    static const char words[] = "carefully final deposits sleep among the regular ";
    switch (kind) {
    case 0: return (uint8_t)rnd();
    case 1: return (uint8_t)words[(i + (rnd() % 9 == 0)) % (sizeof words - 1)];
    case 2: return (uint8_t)(i % 8 ? 0 : i / 8);
    default: return (uint8_t)(i / 300);
    }
}

static void test_written_by_the_library(void **state) {
    (void)state;
    static uint8_t data[MAX_OUT], block[MAX_BLOCK];
    for (int i = 0; i < 4000; i++) {
        size_t len = i < 400 ? (size_t)i : rnd() % MAX_OUT, block_len = sizeof block;
        for (size_t b = 0; b < len; b++)
            data[b] = byte_of(b, i % 4);
        assert_int_equal(snappy_compress((char *)data, len, (char *)block, &block_len),
                         SNAPPY_OK);
        assert_true(compare(block, block_len));
    }
}

static void test_lengths(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[6];
        size_t len;
        bool is_sound;
    } cases[] = {
        {{0}, 0, false},
        {{0}, 1, true},
        {{0x80}, 1, false},
        {{0x80, 0x00}, 2, true},
        {{0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, 5, true},
        {{0xFF, 0xFF, 0xFF, 0xFF, 0x1F}, 5, false},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 6, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t skip, len;
        assert_int_equal(
            pqf_snappy_length(pqf_bytes_of(cases[i].bytes, cases[i].len), &skip, &len),
            cases[i].is_sound);
        if (cases[i].is_sound) assert_int_equal(skip, cases[i].len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_written_by_the_library),
        cmocka_unit_test(test_lengths),
    };
    seed_set();
    in_area = area_new();
    out_area = area_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
