/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8_valid of all levels against RFC 3629 spelled out as code points: every sequence of one to
 * four bytes that matters, at every place around block borders, and random mixtures.
 */
#include "kernel_test.h"

static uint8_t *area;

/* Length of the well-formed sequence at p, 0 for none: decode, then judge the code point. */
static int sequence(const uint8_t *p, int64_t left) {
    int len = p[0] < 0x80       ? 1
              : p[0] >> 5 == 6  ? 2
              : p[0] >> 4 == 14 ? 3
              : p[0] >> 3 == 30 ? 4
                                : 0;
    if (!len || len > left) return 0;
    uint32_t point = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (int i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) return 0;
        point = point << 6 | (p[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[len] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    return len;
}

static bool naive_valid(const uint8_t *p, int64_t n) {
    while (n > 0) {
        int len = sequence(p, n);
        if (!len) return false;
        p += len;
        n -= len;
    }
    return true;
}

static void check_bytes(const uint8_t *p, int64_t n) {
    bool good = naive_valid(p, n);
    FOR_LEVELS(k)
    CHECK(k->utf8_valid(p, n) == good, "%s utf8_valid n %d is not %d", k->name, (int)n,
          good);
}

/* All lead bytes with second bytes that matter, and third and fourth bytes good and bad, inside
 * ASCII text at every offset of a 64-byte block. */
static void test_sequences(void **state) {
    (void)state;
    static const uint8_t more[] = {0x00, 0x7F, 0x80, 0x8F, 0x90,
                                   0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    enum { TEXT = 136 };
    uint8_t *p = place(area, TEXT, 0);
    for (int lead = 0x80; lead < 0x100; lead++)
        for (int tail = 0; tail < 10 * 5 * 3; tail++) {
            uint8_t s[4] = {(uint8_t)lead, more[tail % 10], more[tail / 10 % 5 * 2 + 1],
                            more[tail / 50 * 2 + 2]};
            for (int len = 1; len <= 4; len++) {
                int64_t at = rnd_below(TEXT - len + 1);
                memset(p, 'a', TEXT);
                memcpy(p + at, s, (size_t)len);
                check_bytes(p, TEXT);
                check_bytes(p, at + len); /* ends with the sequence, maybe cut */
            }
        }
}

/* Whole and cut, at the end or before more ASCII: steps of many bytes that hold nothing else begin there. */
static void test_every_offset(void **state) {
    (void)state;
    static const char *const parts[] = {
        "\xC3\xA9",     "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
        "\xED\xA0\x80", "\xC0\x80",     "\xF4\x90\x80\x80",
        "\x80",         "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
        "\xFF",         "\xF5\x80"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (int at = 0; at < 720; at++)
            for (int cut = 0; cut <= (int)strlen(parts[i]); cut++) {
                int n = at + cut + (int)rnd_below(2) * (int)rnd_below(600);
                uint8_t *p = place(area, n, at % 2 ? 0 : 2);
                memset(p, 'x', (size_t)n);
                memcpy(p + at, parts[i], (size_t)cut);
                check_bytes(p, n);
            }
}

static int put_point(uint8_t *p, uint32_t c) {
    if (c < 0x80) return p[0] = (uint8_t)c, 1;
    int len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = len - 1; i > 0; i--, c >>= 6)
        p[i] = (uint8_t)(0x80 | (c & 0x3F));
    p[0] = (uint8_t)(0xF0 << (4 - len) | c);
    return len;
}

/* Valid text of random points, then the same with one byte changed. */
static void test_random(void **state) {
    (void)state;
    static uint8_t text[2000];
    int num_valid = 0;
    for (int round = 0; round < 20000; round++) {
        int64_t n = 0, want = rnd_below(round % 50 ? 300 : 1900);
        int ascii = (int)rnd_below(101);
        while (n < want) {
            uint32_t c = (uint32_t)rnd() >> (11 + rnd_below(10));
            if (rnd_below(100) < ascii) c &= 0x7F;
            if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) continue;
            n += put_point(text + n, c);
        }
        uint8_t *p = place(area, n, round % 2 ? 0 : 2);
        memcpy(p, text, (size_t)n);
        CHECK(naive_valid(p, n), "the test's own text is not valid");
        check_bytes(p, n);
        if (!n) continue;
        p[rnd_below(n)] = (uint8_t)rnd();
        num_valid += naive_valid(p, n);
        check_bytes(p, n);
    }
    CHECK(num_valid > 100 && num_valid < 19000, "%d of 20000 stayed valid", num_valid);
}

int main(void) {
    seed_set();
    area = area_new();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sequences),
                                       cmocka_unit_test(test_every_offset),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
