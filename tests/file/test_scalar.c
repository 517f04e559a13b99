/* SPDX-License-Identifier: Apache-2.0
 *
 * test_scalar.c: values and bounds as scalars.
 */
#include "file/file_test.h"
#include "file/inner.h"

static pqf_scalar first_of(const char *type, const char *value) {
    static char bytes[200];
    char of_struct[100], in_struct[200];
    pqf_arena arena = {.mem = test_mem};
    pqf_view view;
    sprintf(of_struct, "+s(a:%s)", type);
    sprintf(in_struct, "{null},{%s}", value);
    built b = build(test_mem, of_struct, in_struct);
    OK(pqf_view_init(&view, &b.schema, &b.array, true, &arena, &test_err));
    assert_true(pqf_scalar_of_view(&view.children[0], 0).is_null);
    pqf_scalar s = pqf_scalar_of_view(&view.children[0], 1);
    if (s.class == PQF_CLASS_BYTES) s.s.data = memcpy(bytes, s.s.data, s.s.len);
    pqf_arena_reset(&arena);
    build_free(&b);
    return s;
}

static void of_views(void **state) {
    (void)state;
    static const struct {
        const char *type, *value;
        pqf_class class;
        int64_t i;
    } table[] = {
        {"c", "-5", PQF_CLASS_INT, -5},
        {"C", "250", PQF_CLASS_INT, 250},
        {"s", "-5", PQF_CLASS_INT, -5},
        {"S", "65000", PQF_CLASS_INT, 65000},
        {"I", "4000000000", PQF_CLASS_INT, 4000000000},
        {"b", "true", PQF_CLASS_BOOL, 1},
        {"dict(c;b)", "true", PQF_CLASS_BOOL, 1},
        {"tdD", "2", PQF_CLASS_DATE, 172800000000000},
        {"tdm", "2", PQF_CLASS_DATE, 2000000},
        {"tts", "3", PQF_CLASS_TIME, 3000000000},
        {"ttn", "3", PQF_CLASS_TIME, 3},
        {"tDm", "3", PQF_CLASS_DURATION, 3000000},
        {"tsu:", "-3", PQF_CLASS_TIMESTAMP, -3000},
        {"tsm:Z", "3", PQF_CLASS_INSTANT, 3000000},
        {"d:9,2", "-123", PQF_CLASS_DECIMAL, -123},
        {"dict(S;l)", "77", PQF_CLASS_INT, 77},
        {"e", "1.5", PQF_CLASS_NONE, 0},
        {"d:9,2,32", "-1", PQF_CLASS_DECIMAL, -1},
        {"d:9,2,64", "-1", PQF_CLASS_DECIMAL, -1},
        {"d:9,2,256", "-1", PQF_CLASS_DECIMAL, -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pqf_scalar s = first_of(table[i].type, table[i].value);
        assert_false(s.is_null);
        assert_int_equal(s.class, table[i].class);
        if (s.class != PQF_CLASS_NONE) assert_true(s.i == table[i].i);
    }
    assert_int_equal(first_of("d:9,2", "1").scale, 2);
    assert_true(first_of("L", "18446744073709551615").i == (__int128)UINT64_MAX);
    assert_true(first_of("tss:", "9223372036854775807").i ==
                (__int128)INT64_MAX * 1000000000);
    assert_true(first_of("f", "0.1").f == (double)0.1f);
    assert_true(first_of("g", "0.1").f == 0.1);
    static const char *const texts[] = {"u", "U",  "vu",        "z",
                                        "Z", "vz", "dict(i;u)", "w:17"};
    for (int i = 0; i < 8; i++) {
        pqf_scalar s = first_of(texts[i], "seventeen letters");
        assert_int_equal(s.class, PQF_CLASS_BYTES);
        assert_int_equal(s.s.len, 17);
        assert_memory_equal(s.s.data, "seventeen letters", 17);
    }
    assert_int_equal(first_of("+l(item:i)", "[1]").class, PQF_CLASS_NONE);
    assert_int_equal(first_of("+s(x:i)", "{1}").class, PQF_CLASS_NONE);
}

/* ---- bounds ---- */

typedef struct bound_case {
    const char *format;
    pqf_physical physical;
    pqf_order order;
    pqf_convert convert;
    int64_t factor;
    const char *bytes;
    size_t len;
    pqf_class class; /* NONE: no bound */
    int64_t i;
} bound_case;

static void of_bounds(void **state) {
    (void)state;
    static const bound_case table[] = {
        {"i", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 1,
         "\xFE\xFF\xFF\xFF", 4, PQF_CLASS_INT, -2},
        {"I", PQF_PHYSICAL_INT32, PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 1,
         "\xFE\xFF\xFF\xFF", 4, PQF_CLASS_INT, 4294967294},
        {"C", PQF_PHYSICAL_INT32, PQF_ORDER_UNSIGNED, PQF_CONVERT_INT32_TO_UINT8, 1,
         "\xFE\0\0\0", 4, PQF_CLASS_INT, 254},
        {"i", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_NONE, 1, "\xFE\xFF\xFF",
         3, PQF_CLASS_NONE, 0},
        {"tdm", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_DAYS_TO_MS, 86400000,
         "\2\0\0\0", 4, PQF_CLASS_DATE, 172800000000000},
        {"tts", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_DIVIDE_32, 1000,
         "\xD0\7\0\0", 4, PQF_CLASS_TIME, 2000000000},
        {"tts", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_DIVIDE_32, 1000,
         "\xD1\7\0\0", 4, PQF_CLASS_NONE, 0},
        {"d:5,2", PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED, PQF_CONVERT_INT32_TO_DECIMAL, 1,
         "\xFE\xFF\xFF\xFF", 4, PQF_CLASS_DECIMAL, -2},
        {"d:5,2", PQF_PHYSICAL_FIXED, PQF_ORDER_DECIMAL_BYTES,
         PQF_CONVERT_FIXED_TO_DECIMAL, 1, "\xFF\xFE", 2, PQF_CLASS_DECIMAL, -2},
        {"d:5,2", PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_DECIMAL_BYTES,
         PQF_CONVERT_BYTES_TO_DECIMAL, 1, "", 0, PQF_CLASS_NONE, 0},
        {"b", PQF_PHYSICAL_BOOLEAN, PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 1, "\1", 1,
         PQF_CLASS_BOOL, 1},
        {"b", PQF_PHYSICAL_BOOLEAN, PQF_ORDER_UNSIGNED, PQF_CONVERT_NONE, 1, "\1\1", 2,
         PQF_CLASS_NONE, 0},
        {"tsn:", PQF_PHYSICAL_INT96, PQF_ORDER_INT96, PQF_CONVERT_INT96_TO_TIMESTAMP, 1,
         "\1\0\0\0\0\0\0\0\x8C\x3D\x25\0", 12, PQF_CLASS_TIMESTAMP, 1},
        {"tss:", PQF_PHYSICAL_INT96, PQF_ORDER_INT96, PQF_CONVERT_INT96_TO_TIMESTAMP,
         1000000000, "\xFF\xFF\x4E\x91\x94\x4E\0\0\x8A\x3D\x25\0", 12,
         PQF_CLASS_TIMESTAMP, -86401000000000},
        {"tsn:", PQF_PHYSICAL_INT96, PQF_ORDER_INT96, PQF_CONVERT_INT96_TO_TIMESTAMP, 1,
         "\1\0\0\0\0\0\0\0\0\0\0", 11, PQF_CLASS_NONE, 0},
        {"g", PQF_PHYSICAL_DOUBLE, PQF_ORDER_FLOAT, PQF_CONVERT_NONE, 1, "\0\0\0", 3,
         PQF_CLASS_NONE, 0},
        {"e", PQF_PHYSICAL_FIXED, PQF_ORDER_FLOAT16, PQF_CONVERT_NONE, 1, "\0\0", 2,
         PQF_CLASS_NONE, 0},
        {"u", PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_BYTES, PQF_CONVERT_NONE, 1, "ab", 2,
         PQF_CLASS_BYTES, 0},
        {"?", PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_BYTES, PQF_CONVERT_NONE, 1, "ab", 2,
         PQF_CLASS_NONE, 0},
    };
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        const bound_case *c = &table[k];
        pqf_leaf leaf = {.physical = c->physical, .order = c->order};
        pqf_field field = {.kind = PQF_FIELD_LEAF,
                           .leaf = &leaf,
                           .format = c->format,
                           .convert = c->convert,
                           .factor = c->factor};
        pqf_scalar s;
        bool known = pqf_scalar_of_bound(&field, pqf_bytes_of(c->bytes, c->len), &s);
        if (known != (c->class != PQF_CLASS_NONE)) fail_msg("case %zu", k);
        if (!known) continue;
        assert_int_equal(s.class, c->class);
        if (c->class == PQF_CLASS_DECIMAL) assert_int_equal(s.scale, 2);
        if (c->class != PQF_CLASS_BYTES) assert_true(s.i == c->i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(of_views), TEST(of_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
