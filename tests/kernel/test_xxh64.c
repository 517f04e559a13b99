/* SPDX-License-Identifier: Apache-2.0
 *
 * XXH64 with seed 0 against published values: of short texts, and of the bytes that xxHash's own
 * sanity check hashes.
 */
#include "kernel_test.h"

static void test_texts(void **state) {
    (void)state;
    assert_true(pqf_xxh64("", 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(pqf_xxh64("a", 1) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(pqf_xxh64("as", 2) == UINT64_C(0x1C330FB2D66BE179));
    assert_true(pqf_xxh64("abc", 3) == UINT64_C(0x44BC2CF5AD770999));
    assert_true(pqf_xxh64("asdf", 4) == UINT64_C(0x415872F599CEA71E));
    static const char long_text[] =
        "Call me Ishmael. Some years ago--never mind how long precisely-";
    assert_true(pqf_xxh64(long_text, sizeof long_text - 1) ==
                UINT64_C(0x02A2E85470D6FD96));
}

/* The generator of the sanity check: bytes from the top of a product that goes on. */
static void fill_sanity(uint8_t *out, size_t n) {
    uint64_t v = 2654435761u;
    for (size_t i = 0; i < n; i++, v *= UINT64_C(11400714785074694797))
        out[i] = (uint8_t)(v >> 56);
}

static void test_sanity_bytes(void **state) {
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {1, UINT64_C(0xE934A84ADB052768)},    {3, UINT64_C(0xFF7E1959CB50794A)},
        {4, UINT64_C(0x9136A0DCA57457EE)},    {7, UINT64_C(0x6C83909A9F01ED25)},
        {8, UINT64_C(0xCDBCF538E71D1348)},    {14, UINT64_C(0x8282DCC4994E35C8)},
        {16, UINT64_C(0x98C90B57FDFCB55C)},   {31, UINT64_C(0x299B39A290E6D783)},
        {32, UINT64_C(0x18B216492BB44B70)},   {33, UINT64_C(0x55C8DC3E578F5B59)},
        {63, UINT64_C(0xA9EFBE0FA0F3F4E7)},   {64, UINT64_C(0xEF558F8ACAC2B5CD)},
        {100, UINT64_C(0x4BFE019CD91D9EA4)},  {222, UINT64_C(0xB641AE8CB691C174)},
        {2367, UINT64_C(0xA82418DDEC0EA581)},
    };
    uint8_t bytes[2367 + 1];
    fill_sanity(bytes + 1, 2367);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (pqf_xxh64(bytes + 1, rows[i].len) != rows[i].hash)
            fail_msg("%zu bytes", rows[i].len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_sanity_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
