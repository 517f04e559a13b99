/* SPDX-License-Identifier: Apache-2.0
 *
 * test_value_text.c: partition values as text and back, for every type and at its ends.
 */
#include "file/file_test.h"

#include <locale.h>

/* The text of the only value of a column. */
static pqf_status text_of(const char *type, const char *value, char *out) {
    char of_struct[100], in_struct[300];
    pqf_arena arena = {.mem = test_mem};
    pqf_buf text = {.mem = test_mem};
    pqf_view view;
    sprintf(of_struct, "+s(a:%s)", type);
    sprintf(in_struct, "{%s}", value);
    built b = build(test_mem, of_struct, in_struct);
    OK(pqf_view_init(&view, &b.schema, &b.array, true, &arena, &test_err));
    pqf_status status = pqf_value_text(&view.children[0], 0, &text, &test_err);
    if (status == PQF_OK) {
        memcpy(out, text.data, text.len);
        out[text.len] = 0;
    }
    pqf_buf_reset(&text);
    pqf_arena_reset(&arena);
    build_free(&b);
    return status;
}

/* The text read back, printed by the array's own text. */
static pqf_status parse_text(const char *type, const char *text, char *out,
                             size_t out_bytes) {
    struct ArrowSchema schema = build_schema(type);
    struct ArrowArray array;
    pqf_bytes texts[2] = {pqf_bytes_of(text, strlen(text)),
                          pqf_bytes_of(text, strlen(text))};
    pqf_status status = pqf_values_parse(&schema, texts, 2, test_mem, &array, &test_err);
    if (status == PQF_OK) {
        assert_int_equal(array.length, 2);
        array.length = 1;
        build_array_text(&schema, &array, test_mem, out, out_bytes);
        pqf_array_release(&array);
    }
    pqf_schema_release(&schema);
    return status;
}

typedef struct text_case {
    const char *type, *value, *text;
} text_case;

static const text_case cases[] = {
    {"e", "1.5", "1.5"},
    {"e", "65504", "6.55e+04"},
    {"c", "-128", "-128"},
    {"C", "255", "255"},
    {"s", "-32768", "-32768"},
    {"S", "65535", "65535"},
    {"i", "-2147483648", "-2147483648"},
    {"I", "4294967295", "4294967295"},
    {"l", "-9223372036854775808", "-9223372036854775808"},
    {"l", "9223372036854775807", "9223372036854775807"},
    {"L", "18446744073709551615", "18446744073709551615"},
    {"b", "true", "true"},
    {"b", "false", "false"},
    {"u", "''", ""},
    {"U", "'a b/c'", "a b/c"},
    {"vu", "'longer than twelve bytes'", "longer than twelve bytes"},
    {"u", "NULL", "NULL"},
    {"f", "0.1", "0.1"},
    {"f", "16777216", "16777216.0"},
    {"f", "3.4028234663852886e38", "3.4028235e+38"},
    {"f", "1e-45", "1e-45"},
    {"g", "0.1", "0.1"},
    {"g", "-0.0", "-0.0"},
    {"g", "0.30000000000000004", "0.30000000000000004"},
    {"g", "1e300", "1e+300"},
    {"g", "5e-324", "5e-324"},
    {"g", "123456789", "123456789.0"},
    {"g", "nan", "nan"},
    {"g", "inf", "inf"},
    {"g", "-inf", "-inf"},
    {"d:9,2", "-5", "-0.05"},
    {"d:9,2", "0", "0.00"},
    {"d:9,2", "123", "1.23"},
    {"d:9,0", "-123", "-123"},
    {"d:9,2,32", "-5", "-0.05"},
    {"d:18,0,64", "-999999999999999999", "-999999999999999999"},
    {"d:9,-2", "12", "1200"},
    {"d:9,-2", "0", "0"},
    {"d:38,-38", "-12", "-1200000000000000000000000000000000000000"},
    {"d:38,38", "-1", "-0.00000000000000000000000000000000000001"},
    {"d:38,0", "99999999999999999999999999999999999999",
     "99999999999999999999999999999999999999"},
    {"d:38,10", "-99999999999999999999999999999999999999",
     "-9999999999999999999999999999.9999999999"},
    {"d:38,0", "-170141183460469231731687303715884105728",
     "-170141183460469231731687303715884105728"},
    {"tdD", "0", "1970-01-01"},
    {"tdD", "-719162", "0001-01-01"},
    {"tdD", "2932896", "9999-12-31"},
    {"tdD", "11016", "2000-02-29"},
    {"tdD", "-719163", "0000-12-31"},
    {"tdD", "-2147483648", "-5877641-06-23"},
    {"tdD", "2147483647", "5881580-07-11"},
    {"tdm", "-86400000", "1969-12-31"},
    {"tdm", "253402214400000", "9999-12-31"},
    {"tts", "86399", "23:59:59"},
    {"ttm", "1", "00:00:00.001"},
    {"ttu", "86399999999", "23:59:59.999999"},
    {"ttn", "1", "00:00:00.000000001"},
    {"tss:", "-1", "1969-12-31T23:59:59"},
    {"tss:", "-9223372036854775808", "-292277022657-01-27T08:29:52"},
    {"tss:", "9223372036854775807", "292277026596-12-04T15:30:07"},
    {"tsm:", "-62135596800000", "0001-01-01T00:00:00.000"},
    {"tsm:", "253402300799999", "9999-12-31T23:59:59.999"},
    {"tsu:UTC", "0", "1970-01-01T00:00:00.000000Z"},
    {"tsu:Europe/Rome", "1700000000123456", "2023-11-14T22:13:20.123456Z"},
    {"tsn:", "-9223372036854775808", "1677-09-21T00:12:43.145224192"},
    {"tsn:", "9223372036854775807", "2262-04-11T23:47:16.854775807"},
    {"tDn", "-5", "-5"},
    {"dict(c;u)", "word", "word"},
    {"dict(S;l)", "-7", "-7"},
    {"dict(c;b)", "true", "true"},
};

static void every_type_both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const text_case *c = &cases[i];
        char text[300], expected[300], got[300], in_struct[300], type[100];
        OK(text_of(c->type, c->value, text));
        assert_string_equal(text, c->text);
        const char *open = strchr(c->type, ';'); /* of a dictionary its values' type */
        sprintf(type, "%s", open ? open + 1 : c->type);
        if (open) type[strlen(type) - 1] = 0;
        if (!strcmp(type, "vu")) continue; /* is read as a string */
        OK(parse_text(type, text, got, sizeof got));
        sprintf(in_struct, "%s", c->value);
        built b = build(test_mem, type, in_struct);
        build_array_text(&b.schema, &b.array, test_mem, expected, sizeof expected);
        assert_string_equal(got, expected);
        build_free(&b);
    }
    char text[300];
    OK(text_of("l", "null", text));
    assert_string_equal(text, PQF_HIVE_NULL);
}

static void texts_that_are_no_values(void **state) {
    (void)state;
    static const text_case bad[] = {
        {"c", "128", ""},
        {"C", "-1", ""},
        {"C", "256", ""},
        {"i", "1.0", ""},
        {"i", "", ""},
        {"i", " 1", ""},
        {"i", "+1", ""},
        {"i", "1x", ""},
        {"l", "9223372036854775808", ""},
        {"L", "18446744073709551616", ""},
        {"b", "True", ""},
        {"g", "", ""},
        {"g", "1,5", ""},
        {"g", " 1", ""},
        {"d:3,1", "1.23", ""},
        {"d:9,0,32", "2147483648", ""},
        {"d:18,1,64", "922337203685477580.8", ""},
        {"d:3,1", ".", ""},
        {"d:3,1", "1.2.3", ""},
        {"d:3,1", "", ""},
        {"d:9,-2", "1201", ""},
        {"d:38,0", "1701411834604692317316873037158841057280", ""},
        {"tdD", "2023-02-29", ""},
        {"tdD", "2023-1-01", ""},
        {"tdD", "23-01-01", ""},
        {"tdD", "2023-01-01T00:00:00", ""},
        {"tdD", "9999999-01-01", ""},
        {"tts", "24:00:00", ""},
        {"tts", "1:00:00", ""},
        {"tts", "00:00:00.5", ""},
        {"ttm", "00:00:00.0001", ""},
        {"tsn:", "3000-01-01", ""},
        {"tsu:", "2023-01-01T00:00", ""},
        {"tsu:", "2023-01-01 00:00:00+01", ""},
    };
    char got[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        FAILS(PQF_CORRUPT, "is not a value of type",
              parse_text(bad[i].type, bad[i].value, got, sizeof got));
    FAILS(PQF_CORRUPT, "not UTF-8", parse_text("u", "\xFF", got, sizeof got));
    OK(parse_text("tsu:", "2023-01-01", got, sizeof got)); /* others' forms */
    OK(parse_text("tsu:", "2023-01-01 01:02:03.5", got, sizeof got));
    OK(parse_text("d:9,2", "1", got, sizeof got));
    OK(parse_text("d:9,2", "1.500000", got, sizeof got));
}

static void values_without_text(void **state) {
    (void)state;
    char text[300];
    FAILS(PQF_INVALID, "marks null", text_of("u", "__HIVE_DEFAULT_PARTITION__", text));
    FAILS(PQF_INVALID, "no whole day", text_of("tdm", "1", text));
    FAILS(PQF_INVALID, "no time of a day", text_of("tts", "86400", text));
    FAILS(PQF_INVALID, "no time of a day", text_of("ttn", "-1", text));
    static const char *const types[] = {"+l(item:i)", "+s(x:i)", "z",         "n",  "w:3",
                                        "d:40,2,256", "d:9,39",  "dict(c;z)", "tiM"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct ArrowSchema schema = build_schema(types[i]);
        FAILS(PQF_INVALID, "cannot name partition folders",
              pqf_value_check_type(&schema, "a", &test_err));
        pqf_schema_release(&schema);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema schema = build_schema(cases[i].type);
        OK(pqf_value_check_type(&schema, "a", &test_err));
        pqf_schema_release(&schema);
    }
}

static void floats_at_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        char value[64], text[300], got[300];
        rand_begin(seed);
        uint64_t bits = rand_next();
        double d;
        memcpy(&d, &bits, 8);
        if (seed % 2) d = (double)rand_below(1000000) / 1000;
        if (isnan(d)) continue;
        sprintf(value, "%.17g", d);
        OK(text_of("g", value, text));
        if (strtod(text, NULL) != d || strlen(text) > strlen(value) + 2)
            fail_msg("seed %d: %s became %s", (int)seed, value, text);
        OK(parse_text("g", text, got, sizeof got));
    }
}

static void half_floats(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits += 5) {
        char value[64], text[300], got[300];
        double d = pqf_half_to_double((uint16_t)bits);
        if (!isfinite(d)) continue;
        sprintf(value, "%.17g", d);
        OK(text_of("e", value, text));
        if (pqf_double_to_half(strtod(text, NULL)) != bits || strlen(text) > 11)
            fail_msg("%s became %s", value, text);
        OK(parse_text("e", text, got, sizeof got));
    }
}

/* The process' locale has a comma: the text has a point. */
static void other_locales(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8",
                                        "it_IT.UTF-8"};
    char text[300] = "", got[300];
    for (int i = 0; i < 4 && !setlocale(LC_NUMERIC, names[i]); i++) {
    }
    OK(text_of("g", "1.5",
               text)); /* where no such locale is installed the default is tested again */
    OK(parse_text("g", "1.5", got, sizeof got));
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "1.5");
}

static void integers_in_plain_form(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_integer, fits_32;
    } table[] = {
        {"0", true, true},
        {"-1", true, true},
        {"2147483647", true, true},
        {"2147483648", true, false},
        {"-2147483649", true, false},
        {"9223372036854775807", true, false},
        {"9223372036854775808", false, false},
        {"01", false, false},
        {"-0", false, false},
        {"", false, false},
        {"-", false, false},
        {"1.0", false, false},
        {"+1", false, false},
        {" 1", false, false},
        {"12345678901234567890", false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool fits_32 = false;
        pqf_bytes text = pqf_bytes_of(table[i].text, strlen(table[i].text));
        assert_int_equal(pqf_text_is_integer(text, &fits_32), table[i].is_integer);
        if (table[i].is_integer) assert_int_equal(fits_32, table[i].fits_32);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_type_both_ways),
        TEST(texts_that_are_no_values),
        TEST(values_without_text),
        TEST(floats_at_random),
        TEST(half_floats),
        TEST(other_locales),
        TEST(integers_in_plain_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
