/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conform.c: conforming batches to a declared schema: the table of conversions cell
 * by cell, nulls at any depth, columns by name. Each case of the tables runs whole, as a
 * slice behind another row, and with each of its allocations failing.
 */
#include "arrow/build.h"

static pqf_mem *mem;

static int set_up(void **state) {
    (void)state;
    pqf_error err;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    if (used) print_error("%lld bytes leaked\n", (long long)used);
    pqf_mem_release(mem);
    return used != 0;
}

/* ---- one run ---- */

static void put(char *text, size_t cap, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void put(char *text, size_t cap, const char *fmt, ...) {
    size_t len = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + len, cap - len, fmt, args);
    va_end(args);
}

/* "value a 2 [1=300 4=-1]; null b 1 [0=null]": rule, path, count, samples. */
static void report_text(const pqf_report *report, char *text, size_t cap) {
    text[0] = 0;
    for (int64_t i = 0; i < pqf_report_num_failures(report); i++) {
        const pqf_failure *f = pqf_report_failure(report, i);
        put(text, cap, "%s%s %s %lld", i ? "; " : "", f->rule, f->path,
            (long long)f->count);
        for (int k = 0; k < f->num_samples; k++)
            put(text, cap, "%s%lld=%s%s", k ? " " : " [", (long long)f->sample_rows[k],
                f->sample_values[k], k + 1 == f->num_samples ? "]" : "");
    }
}

/* Conforms and words the outcome: each column's "type: values" joined by "; ", or the
 * report. */
static pqf_status conform_text(const struct ArrowSchema *declared, const built *batch,
                               const pqf_conform_options *options, int64_t row_base,
                               char *text, size_t cap) {
    pqf_conform *conform = NULL;
    pqf_report *report = pqf_report_new();
    struct ArrowArray out;
    const struct ArrowSchema *schema;
    text[0] = 0;
    pqf_error_init(&build_error);
    if (!report) return PQF_NOMEM;
    pqf_status status = pqf_conform_new(declared, options, mem, &conform, &build_error);
    if (status == PQF_OK)
        status = build_conform(conform, &batch->schema, &batch->array, row_base, report,
                               &out, &schema, &build_error);
    if (status == PQF_SCHEMA) report_text(report, text, cap);
    if (status == PQF_OK) {
        pqf_mem_fail_after(0);
        if (out.n_children != declared->n_children)
            fail_msg("%lld columns", (long long)out.n_children);
        for (int64_t i = 0; i < out.n_children; i++) {
            char type[512], values[4096];
            pqf_type_text(schema->children[i], type, sizeof type);
            build_array_text(schema->children[i], out.children[i], mem, values,
                             sizeof values);
            put(text, cap, "%s%s: %s", i ? "; " : "", type, values);
        }
        pqf_array_release(&out);
    }
    pqf_conform_free(conform);
    pqf_report_free(report);
    return status;
}

static void check_text(const char *what, const struct ArrowSchema *declared,
                       const built *batch, const pqf_conform_options *options,
                       const char *want) {
    char text[8192];
    pqf_status status = conform_text(declared, batch, options, 0, text, sizeof text);
    if (status != PQF_OK && status != PQF_SCHEMA)
        fail_msg("%s: %s", what, build_error.message);
    if (strcmp(text, want) != 0) fail_msg("%s:\n got: %s\nwant: %s", what, text, want);
    /* Every allocation fails once; nothing is left behind, and the last run succeeds. */
    int64_t used = pqf_mem_used(mem);
    for (int64_t n = 1;; n++) {
        pqf_mem_fail_after(n);
        status = conform_text(declared, batch, options, 0, text, sizeof text);
        pqf_mem_fail_after(0);
        if (pqf_mem_used(mem) != used)
            fail_msg("%s: leak at allocation %lld", what, (long long)n);
        if (status != PQF_NOMEM) break;
        if (n > 2000) fail_msg("%s: allocations do not end", what);
    }
    if (strcmp(text, want) != 0)
        fail_msg("%s, again:\n got: %s\nwant: %s", what, text, want);
}

/* A batch of one column `a`; rows `skip`.. of the values, by the offset of the column or
 * of the batch. */
static built batch_of(const char *type, const char *values, int64_t skip,
                      bool skip_rows) {
    built column = build(mem, type, values), out;
    BUILD_OK(pqf_schema_set_name(&column.schema, "a", &build_error));
    BUILD_OK(pqf_schema_init(&out.schema, "+s", "", 0, 1, &build_error));
    *out.schema.children[0] = column.schema;
    int64_t length = column.array.length;
    if (!skip_rows) build_slice(&column, skip, length - skip);
    BUILD_OK(pqf_array_init(&out.array, mem, length - skip, 0, 1, 1, &build_error));
    out.array.offset = skip_rows ? skip : 0;
    BUILD_OK(pqf_array_take_child(&out.array, 0, &column.array, &build_error));
    return out;
}

typedef struct conform_case {
    const char *from;
    const char *values;
    const char *to; /* a field, "a:i" or "a!:i" */
    const char *want;
} conform_case;

static void run_case(const conform_case *c, const pqf_conform_options *options,
                     const char *first) {
    char declared_type[256], what[1024], values[8192];
    snprintf(declared_type, sizeof declared_type, "+s(%s)", c->to);
    struct ArrowSchema declared = build_schema(declared_type);
    for (int64_t way = 0; way < 4; way++) {
        int64_t skip = way == 0 ? 0 : way == 1 ? 1 : way == 2 ? 1 : 9;
        snprintf(what, sizeof what, "%s [%s] to %s, way %lld", c->from, c->values, c->to,
                 (long long)way);
        values[0] = 0;
        for (int64_t i = 0; i < skip; i++)
            put(values, sizeof values, "%s%s", first,
                i + 1 < skip || *c->values ? ", " : "");
        put(values, sizeof values, "%s", c->values);
        built batch = batch_of(c->from, values, skip, way == 2);
        check_text(what, &declared, &batch, options, c->want);
        build_free(&batch);
    }
    pqf_schema_release(&declared);
}

static void run_cases(const conform_case *cases, size_t n,
                      const pqf_conform_options *options) {
    for (size_t i = 0; i < n; i++)
        run_case(&cases[i], options, "null");
}
#define RUN(cases, options) run_cases(cases, sizeof cases / sizeof cases[0], options)

/* ---- numbers ---- */

static void integers(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"i", "1, null, -5", "a:i", "int32: 1, null, -5"},
        {"l", "127, -128, null", "a:c", "int8: 127, -128, null"},
        {"l", "128, null, -129, 5", "a:c", "value a 2 [0=128 2=-129]"},
        {"l", "255, 0", "a:C", "uint8: 255, 0"},
        {"l", "256, -1", "a:C", "value a 2 [0=256 1=-1]"},
        {"l", "32767, -32768", "a:s", "int16: 32767, -32768"},
        {"l", "32768", "a:s", "value a 1 [0=32768]"},
        {"l", "65535", "a:S", "uint16: 65535"},
        {"l", "65536", "a:S", "value a 1 [0=65536]"},
        {"l", "2147483647, -2147483648", "a:i", "int32: 2147483647, -2147483648"},
        {"l", "2147483648, -2147483649", "a:i", "value a 2 [0=2147483648 1=-2147483649]"},
        {"l", "4294967295", "a:I", "uint32: 4294967295"},
        {"l", "4294967296", "a:I", "value a 1 [0=4294967296]"},
        {"l", "9223372036854775807, 0", "a:L", "uint64: 9223372036854775807, 0"},
        {"l", "-1", "a:L", "value a 1 [0=-1]"},
        {"L", "9223372036854775807", "a:l", "int64: 9223372036854775807"},
        {"L", "9223372036854775808, 18446744073709551615, 1", "a:l",
         "value a 2 [0=9223372036854775808 1=18446744073709551615]"},
        {"L", "18446744073709551615", "a:i", "value a 1 [0=18446744073709551615]"},
        {"c", "-128, 127", "a:l", "int64: -128, 127"},
        {"C", "255", "a:s", "int16: 255"},
        {"I", "4294967295", "a:l", "int64: 4294967295"},
        {"l", "300, 300, 300, 300, 300, 300, 300", "a:c",
         "value a 7 [0=300 1=300 2=300 3=300 4=300]"},
    };
    RUN(CASES, NULL);
}

static void integers_and_floats(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"l", "9007199254740992, -9007199254740992", "a:g",
         "double: 9007199254740992.0, -9007199254740992.0"},
        {"l", "9007199254740993, 1", "a:g", "value a 1 [0=9007199254740993]"},
        {"l", "16777216, -16777216", "a:f", "float: 16777216.0, -16777216.0"},
        {"l", "16777217", "a:f", "value a 1 [0=16777217]"},
        {"i", "2048, -2048", "a:e", "halffloat: 2048.0, -2048.0"},
        {"i", "2049", "a:e", "value a 1 [0=2049]"},
        {"L", "18446744073709551615", "a:g", "value a 1 [0=18446744073709551615]"},
        {"g", "3, -0.0, null, -7", "a:i", "int32: 3, 0, null, -7"},
        {"g", "3.5, nan, inf, -inf, 1e300, 2", "a:l",
         "value a 5 [0=3.5 1=nan 2=inf 3=-inf 4=1e+300]"},
        {"g", "9223372036854775808", "a:l", "value a 1 [0=9.223372036854776e+18]"},
        {"g", "9223372036854774784", "a:l", "int64: 9223372036854774784"},
        {"g", "18446744073709551615", "a:L", "value a 1 [0=1.8446744073709552e+19]"},
        {"g", "-1, 300", "a:C", "value a 2 [0=-1.0 1=300.0]"},
        {"f", "16777216, 0.25", "a:l", "value a 1 [1=0.25]"},
        {"e", "65504", "a:I", "uint32: 65504"},
        {"g", "0.5, nan, inf, -inf, -0.0", "a:f", "float: 0.5, nan, inf, -inf, -0.0"},
        {"g", "0.1, 1e300, 1", "a:f", "value a 2 [0=0.1 1=1e+300]"},
        {"g", "65504, nan, -inf, 6e-8", "a:e", "value a 1 [3=6e-08]"},
        {"g", "65504, nan, -inf, 0.000000059604644775390625", "a:e",
         "halffloat: 65504.0, nan, -inf, 5.9604645e-08"},
        {"g", "65520", "a:e", "value a 1 [0=65520.0]"},
        {"f", "0.1", "a:g", "double: 0.10000000149011612"},
        {"e", "0.5, nan", "a:f", "float: 0.5, nan"},
        {"e", "0.5, nan", "a:g", "double: 0.5, nan"},
        {"g", "nan, 1", "a:g", "double: nan, 1.0"},
    };
    RUN(CASES, NULL);
}

static void nan_is_null(void **state) {
    (void)state;
    static const pqf_conform_options OPTIONS = {.struct_bytes = sizeof OPTIONS,
                                                .nan_is_null = true};
    static const conform_case CASES[] = {
        {"g", "1, nan, null, 2", "a:l", "int64: 1, null, null, 2"},
        {"g", "1, nan, null, 2", "a:g", "double: 1.0, null, null, 2.0"},
        {"g", "1, nan, 2.5", "a:f", "float: 1.0, null, 2.5"},
        {"f", "nan, nan", "a:u", "string: null, null"},
        {"f", "1, nan", "a:u", "type a 1 [0=1.0]"},
        {"+l(item:g)", "[1,nan],null,[]", "a:+l(item:g)",
         "list<item: double>: [1.0, null], null, []"},
        {"+s(x:g)", "{nan},null,{1}", "a:+s(x:g)",
         "struct<x: double>: {x: null}, null, {x: 1.0}"},
        {"dict(c;g)", "nan, 1, null", "a:g", "double: null, 1.0, null"},
        {"dict(c;g)", "nan, 1, null", "a:dict(c;g)", "double: null, 1.0, null"},
    };
    RUN(CASES, &OPTIONS);
    /* Required: a float keeps its NaN, anything else has a null. */
    static const conform_case REQUIRED[] = {
        {"g", "1, nan", "a!:g", "double: 1.0, nan"},
        {"g", "1, nan", "a!:f", "float: 1.0, nan"},
        {"g", "1, nan", "a!:l", "null a 1 [1=null]"},
        {"g", "nan, nan", "a!:u", "null a 2 [0=null 1=null]"},
    };
    RUN(REQUIRED, &OPTIONS);
}

/* ---- decimals ---- */

static void decimals(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"d:5,2", "12345, null, -1", "a:d:7,2", "decimal128(7, 2): 123.45, null, -0.01"},
        {"d:5,2", "12345, null, -1", "a:d:7,4",
         "decimal128(7, 4): 123.4500, null, -0.0100"},
        {"d:5,2", "99999", "a:d:6,4", "value a 1 [0=999.99]"},
        {"d:5,2", "12300, 100, -500", "a:d:3,0", "decimal128(3, 0): 123, 1, -5"},
        {"d:5,2", "12345, 100", "a:d:5,1", "value a 1 [0=123.45]"},
        {"d:5,2", "99999", "a:d:4,2", "value a 1 [0=999.99]"},
        {"d:5,2", "-9999, 9999, 10000, -10000", "a:d:4,2",
         "value a 2 [2=100.00 3=-100.00]"},
        {"d:9,0,32", "999999999, -999999999", "a:d:38,0",
         "decimal128(38, 0): 999999999, -999999999"},
        {"d:38,0", "99999999999999999999999999999999999999", "a:d:38,1",
         "value a 1 [0=99999999999999999999999999999999999999]"},
        {"d:38,0",
         "99999999999999999999999999999999999999, "
         "-99999999999999999999999999999999999999",
         "a:d:76,38,256",
         "decimal256(76, 38): "
         "99999999999999999999999999999999999999.00000000000000000000000000000000000000, "
         "-99999999999999999999999999999999999999."
         "00000000000000000000000000000000000000"},
        {"d:76,0,256", "-123, 99999999999999999999999999999999999999, 0", "a:d:38,0",
         "decimal128(38, 0): -123, 99999999999999999999999999999999999999, 0"},
        {"d:76,0,256", "100000000000000000000000000000000000000", "a:d:38,0",
         "value a 1 [0=100000000000000000000000000000000000000]"},
        {"d:76,2,256", "-12300, 12345", "a:d:9,0,32", "value a 1 [1=123.45]"},
        {"d:18,0,64", "5", "a:d:18,18,64", "value a 1 [0=5]"},
        {"d:18,0,64", "0, null", "a:d:18,18,64", "decimal64(18, 18): 0, null"},
        {"d:3,-2", "7", "a:d:5,0", "decimal128(5, 0): 700"},
        {"d:5,0", "700, 701", "a:d:3,-2", "value a 1 [1=701]"},
        {"d:5,40", "0, 1", "a:d:5,0",
         "value a 1 [1=0.0000000000000000000000000000000000000001]"},
    };
    /* Digits that the width has room for and the declared precision has not. */
    static const conform_case DIGITS[] = {
        {"d:5,2", "99999, -99999, null, 100000, -100000", "a:d:5,2",
         "value a 2 [3=1000.00 4=-1000.00]"},
        {"d:9,0,32", "999999999, 1000000000", "a:d:9,0,32", "value a 1 [1=1000000000]"},
        {"d:18,0,64", "-999999999999999999, 1000000000000000000", "a:d:18,0,64",
         "value a 1 [1=1000000000000000000]"},
        {"d:38,0", "170141183460469231731687303715884105727", "a:d:38,0",
         "value a 1 [0=170141183460469231731687303715884105727]"},
        {"d:3,0,256", "999, -999, 1000, -1000", "a:d:3,0,256",
         "value a 2 [2=1000 3=-1000]"},
        {"+s(x:d:3,0)", "{999},null,{1000}", "a:+s(x:d:3,0)", "value a.x 1 [2=1000]"},
        {"+l(item:d:3,0)", "[1,999],null,[2,1000]", "a:+l(item:d:3,0)",
         "value a[] 1 [2=1000]"},
        {"dict(c;d:3,0)", "999, 1000, null", "a:dict(c;d:3,0)", "value a 1 [1=1000]"},
    };
    static const conform_case INTEGERS[] = {
        {"c", "-128, 127, null", "a:d:3,0", "decimal128(3, 0): -128, 127, null"},
        {"i", "999, 1000, -999", "a:d:3,0", "value a 1 [1=1000]"},
        {"i", "9, 10", "a:d:3,2", "value a 1 [1=10]"},
        {"L", "18446744073709551615", "a:d:20,0",
         "decimal128(20, 0): 18446744073709551615"},
        {"L", "18446744073709551615", "a:d:22,2,256",
         "decimal256(22, 2): 18446744073709551615.00"},
        {"l", "-9223372036854775808", "a:d:19,0,256",
         "decimal256(19, 0): -9223372036854775808"},
        {"S", "65535", "a:d:5,0,32", "decimal32(5, 0): 65535"},
        {"i", "700, 701", "a:d:1,-2", "value a 1 [1=701]"},
    };
    RUN(DIGITS, NULL);
    RUN(INTEGERS, NULL);
    static const conform_case NO_DECIMALS[] = {
        {"d:5,0", "1", "a:i", "type a 1 [0=1]"},
        {"g", "1", "a:d:5,0", "type a 1 [0=1.0]"},
    };
    RUN(CASES, NULL);
    RUN(NO_DECIMALS, NULL);
}

/* ---- times ---- */

static void times(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"tdm", "86400000, -86400000, null", "a:tdD",
         "date32[day]: 1970-01-02, 1969-12-31, null"},
        {"tdm", "86400001, 0", "a:tdD", "value a 1 [0=1970-01-02 (1 ms)]"},
        {"tdD", "-719162, 2932896", "a:tdm", "date64[ms]: 0001-01-01, 9999-12-31"},
        {"tdm", "185542587187200000", "a:tdD", "value a 1 [0=5881580-07-12]"},
        {"tts", "1", "a:ttm", "time32[ms]: 00:00:01.000"},
        {"ttm", "1000, 1001", "a:tts", "value a 1 [1=00:00:01.001]"},
        {"ttm", "86399999", "a:ttn", "time64[ns]: 23:59:59.999000000"},
        {"ttn", "86399000000000", "a:tts", "time32[s]: 23:59:59"},
        {"ttu", "1", "a:ttn", "time64[ns]: 00:00:00.000001000"},
        {"tsn:", "1000, -1000", "a:tsu:",
         "timestamp[us]: 1970-01-01 00:00:00.000001, 1969-12-31 23:59:59.999999"},
        {"tsn:", "1001, 1000", "a:tsu:", "value a 1 [0=1970-01-01 00:00:00.000001001]"},
        {"tss:", "-62135596800, 253402300799", "a:tsu:",
         "timestamp[us]: 0001-01-01 00:00:00.000000, 9999-12-31 23:59:59.000000"},
        {"tss:", "-62135596800, 253402300799, 0",
         "a:tsn:", "value a 2 [0=0001-01-01 00:00:00 1=9999-12-31 23:59:59]"},
        {"tsu:UTC", "1", "a:tsu:Europe/Berlin",
         "timestamp[us, tz=Europe/Berlin]: 1970-01-01 00:00:00.000001Z"},
        {"tsm:UTC", "1", "a:tsu:+01:00",
         "timestamp[us, tz=+01:00]: 1970-01-01 00:00:00.001000Z"},
        {"tsu:", "1", "a:tsu:UTC", "type a 1 [0=1970-01-01 00:00:00.000001]"},
        {"tsu:UTC", "1", "a:tsu:", "type a 1 [0=1970-01-01 00:00:00.000001Z]"},
        {"tsu:UTC", "null", "a:tsu:", "timestamp[us]: null"},
        {"tDs", "5", "a:tDn", "duration[ns]: 5000000000ns"},
        {"tDn", "5000000001", "a:tDs", "value a 1 [0=5000000001ns]"},
        {"tDs", "9223372037", "a:tDn", "value a 1 [0=9223372037s]"},
        {"tDs", "-9223372036", "a:tDn", "duration[ns]: -9223372036000000000ns"},
        {"tdD", "1", "a:tsu:", "type a 1 [0=1970-01-02]"},
        {"tsu:", "1", "a:tdD", "type a 1 [0=1970-01-01 00:00:00.000001]"},
        {"i", "1", "a:tdD", "type a 1 [0=1]"},
        {"l", "1", "a:tsu:", "type a 1 [0=1]"},
        {"tsu:", "1", "a:l", "type a 1 [0=1970-01-01 00:00:00.000001]"},
        {"tDs", "1", "a:ttm", "type a 1 [0=1s]"},
    };
    RUN(CASES, NULL);
}

/* ---- strings and bytes ---- */

static void strings(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"u", "x, null, ''", "a:u", "string: x, null, "},
        {"u", "x, null, 'longer than twelve'", "a:U",
         "large_string: x, null, longer than twelve"},
        {"U", "x, null, ''", "a:u", "string: x, null, "},
        {"vu", "x, null, 'longer than twelve'", "a:u",
         "string: x, null, longer than twelve"},
        {"vu", "x, null, 'longer than twelve'", "a:U",
         "large_string: x, null, longer than twelve"},
        {"vu", "x, null, 'longer than twelve'", "a:vu",
         "string_view: x, null, longer than twelve"},
        {"u", "x, null", "a:vu", "string: x, null"},
        {"U", "x, null", "a:vu", "large_string: x, null"},
        {"z", "0x78, null, ''", "a:u", "string: x, null, "},
        {"z", "0x78, 0xc3a9", "a:U", "large_string: x, \xc3\xa9"},
        {"z", "0x78, 0xff, 0xc0af, 0xeda080, 0xf4908080, 0xe282ac, 0xc3", "a:u",
         "value a 5 [1=0xff 2=0xc0af 3=0xeda080 4=0xf4908080 6=0xc3]"},
        {"z", "0xc3, 0xa9", "a:u",
         "value a 2 [0=0xc3 1=0xa9]"}, /* valid only if joined */
        {"vz", "0x78, 0xff, null", "a:vu", "value a 1 [1=0xff]"},
        {"vz", "0x78, null", "a:vu", "string_view: x, null"},
        {"u", "x", "a:z", "binary: 0x78"},
        {"U", "x", "a:z", "binary: 0x78"},
        {"u", "x", "a:vz", "binary: 0x78"},
        {"w:2", "0x0102, null, 0x0304", "a:z", "binary: 0x0102, null, 0x0304"},
        {"w:2", "0x0102, null", "a:Z", "large_binary: 0x0102, null"},
        {"w:2", "0x0102", "a:vz", "binary: 0x0102"},
        {"z", "0x0102, null, 0x0304", "a:w:2",
         "fixed_size_binary[2]: 0x0102, null, 0x0304"},
        {"z", "0x0102, 0x01, ''", "a:w:2", "value a 2 [1=0x01 2=0x]"},
        {"vz", "0x0102, null", "a:w:2", "fixed_size_binary[2]: 0x0102, null"},
        {"Z", "0x0102", "a:w:2", "fixed_size_binary[2]: 0x0102"},
        {"w:2", "0x0102", "a:w:3", "type a 1 [0=0x0102]"},
        {"w:2", "0x6162", "a:u", "type a 1 [0=0x6162]"},
        {"u", "ab, null, abc", "a:w:2", "value a 1 [2=abc]"},
        {"dict(c;u)", "x, y, null, x", "a:u", "string: x, y, null, x"},
        {"dict(c;u)", "x, y, null, x", "a:U", "large_string: x, y, null, x"},
        {"dict(c;u)", "x, y, null, x", "a:dict(c;u)",
         "dictionary<int8, string>: x, y, null, x"},
        {"dict(c;u)", "x, y, null, x", "a:dict(i;u)",
         "dictionary<int8, string>: x, y, null, x"},
        {"dict(c;u)", "x, y, null, x", "a:dict(i;U)",
         "dictionary<int8, large_string>: x, y, null, x"},
        {"dict(l;l)", "1, 30, null, 30", "a:dict(c;c)",
         "dictionary<int64, int8>: 1, 30, null, 30"},
        {"dict(l;l)", "1, 300, null, 300", "a:dict(c;c)", "value a 2 [1=300 3=300]"},
        {"dict(c;g)", "2, 1, 2", "a:dict(c;l)", "dictionary<int8, int64>: 2, 1, 2"},
        {"dict(c;u)", "x", "a:dict(c;l)", "type a 1 [0=x]"},
        {"dict(c;u)", "x, null", "a!:dict(c;U)", "null a 1 [1=null]"},
        {"u", "x, y, null, x", "a:dict(i;u)", "string: x, y, null, x"},
        {"dict(I;z)", "0x78, 0xff, null", "a:u", "value a 1 [1=0xff]"},
        {"dict(l;l)", "1, 300, null, 300", "a:c", "value a 2 [1=300 3=300]"},
        {"dict(l;l)", "1, 30, null, 30", "a:c", "int8: 1, 30, null, 30"},
        {"dict(c;u)", "x", "a:l", "type a 1 [0=x]"},
        {"+r(i;u)", "x, x, null, y", "a:u", "string: x, x, null, y"},
        {"+r(i;u)", "x, x, null, y", "a:+r(i;u)", "string: x, x, null, y"},
        {"+r(s;l)", "1, 1, 300", "a:c", "value a 1 [2=300]"},
        {"u", "x, x", "a:+r(i;u)", "string: x, x"},
        {"+r(i;u)", "x, null", "a!:u", "null a 1 [1=null]"},
        {"dict(c;u)", "x, null", "a!:dict(c;u)", "null a 1 [1=null]"},
        {"dict(c;u)", "x, y", "a!:dict(c;u)", "dictionary<int8, string>: x, y"},
    };
    RUN(CASES, NULL);
}

/* Every pair of kinds that the contract does not list is a failure of rule "type". */
static void impossible_pairs(void **state) {
    (void)state;
    static const struct {
        const char *type, *value;
        int kind;
    } KINDS[] = {
        {"b", "true", 0},
        {"i", "1", 1},
        {"g", "1.5", 1},
        {"u", "5", 2},
        {"z", "0x35", 2},
        {"d:5,2", "1", 3},
        {"tdD", "1", 4},
        {"ttm", "1", 5},
        {"tsu:", "1", 6},
        {"tDs", "1", 7},
        {"tiM", "1", 8},
        {"tin", "1", 9},
        {"+l(item:i)", "[1]", 10},
        {"+s(x:i)", "{1}", 11},
        {"+m(key!:u;value:i)", "[{k,1}]", 12},
    };
    size_t n = sizeof KINDS / sizeof KINDS[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            char declared[64], text[1024], values[64];
            if (KINDS[i].kind == KINDS[k].kind) continue;
            if (KINDS[i].type[0] == 'i' && KINDS[k].kind == 3) continue; /* digits */
            snprintf(declared, sizeof declared, "+s(a:%s)", KINDS[k].type);
            struct ArrowSchema schema = build_schema(declared);
            for (int nulls = 0; nulls < 2; nulls++) {
                snprintf(values, sizeof values, "null, %s",
                         nulls ? "null" : KINDS[i].value);
                built batch = batch_of(KINDS[i].type, values, 0, false);
                pqf_status status =
                    conform_text(&schema, &batch, NULL, 100, text, sizeof text);
                assert_int_equal(status, nulls ? PQF_OK : PQF_SCHEMA);
                bool list_to_map = KINDS[i].kind == 10 && KINDS[k].kind == 12;
                if (nulls)
                    assert_non_null(strstr(text, ": null, null"));
                else if (!list_to_map)
                    assert_memory_equal(text, "type a 1 [101=", 14);
                build_free(&batch);
            }
            pqf_schema_release(&schema);
        }
    }
}

/* ---- nested ---- */

static void lists(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"+l(item:i)", "[1,2],null,[],[3]", "a:+l(item:i)",
         "list<item: int32>: [1, 2], null, [], [3]"},
        {"+l(item:i)", "[1,2],null,[],[3]", "a:+L(element:i)",
         "large_list<element: int32>: [1, 2], null, [], [3]"},
        {"+L(item:l)", "[1,2],null,[],[3]", "a:+l(item:i)",
         "list<item: int32>: [1, 2], null, [], [3]"},
        {"+vl(item:i)", "[1,2],null,[],[3]", "a:+l(item:i)",
         "list<item: int32>: [1, 2], null, [], [3]"},
        {"+vL(item:i)", "[1,2],null,[],[3]", "a:+vl(item:c)",
         "list<item: int8>: [1, 2], null, [], [3]"},
        {"+w:2(item:i)", "[1,2],null,[3,null]", "a:+l(item:i)",
         "list<item: int32>: [1, 2], null, [3, null]"},
        {"+w:2(item:i)", "[1,2],null,[3,4]", "a:+w:2(item:l)",
         "fixed_size_list<item: int64>[2]: [1, 2], null, [3, 4]"},
        {"+l(item:i)", "[1,2],null,[3,4]", "a:+w:2(item:i)",
         "fixed_size_list<item: int32>[2]: [1, 2], null, [3, 4]"},
        {"+l(item:i)", "[1,2],[3,4]", "a:+w:2(item!:i)",
         "fixed_size_list<item: int32 not null>[2]: [1, 2], [3, 4]"},
        {"+vl(item:i)", "[1,2],null,[3,4]", "a:+w:2(item!:i)",
         "fixed_size_list<item: int32 not null>[2]: [1, 2], null, [3, 4]"},
        {"+l(item:i)", "[1,2],[3],[4,5,6]", "a:+w:2(item:i)",
         "value a 2 [1=[3] 2=[4, 5, 6]]"},
        {"+w:2(item:i)", "[1,2]", "a:+w:3(item:i)", "value a 1 [0=[1, 2]]"},
        {"+l(item:l)", "[1,300],null,[300],[2,-300]", "a:+l(item:c)",
         "value a[] 3 [0=300 2=300 3=-300]"},
        {"+vl(item:l)", "[1,300],null,[300]", "a:+l(item:c)",
         "value a[] 2 [0=300 2=300]"},
        {"+l(item:+l(item:l))", "[[1],null],[[300]]", "a:+l(item:+l(item:c))",
         "value a[][] 1 [1=300]"},
        {"+l(item:i)", "[1,null],null,[null]", "a:+l(item!:i)",
         "null a[] 2 [0=null 2=null]"},
        {"+l(item:i)", "[1],null", "a!:+l(item:i)", "null a 1 [1=null]"},
        {"+l(item:n)", "[null],null,[]", "a:+l(item:u)",
         "list<item: string>: [null], null, []"},
        {"+l(item:n)", "[],null,[]", "a:+l(item!:u)",
         "list<item: string not null>: [], null, []"},
        {"+l(item:n)", "[null],null,[]", "a:+l(item!:u)", "null a[] 1 [0=null]"},
        {"+l(item:u)", "[x],[5]", "a:+l(item:i)", "type a[] 2 [0=x 1=5]"},
        {"+l(item:dict(c;u))", "[x,null],null", "a:+l(item:u)",
         "list<item: string>: [x, null], null"},
        {"+l(item:u)", "[x],null", "a:+l(item:dict(c;vu))",
         "list<item: string>: [x], null"},
        {"+l(item:+r(i;l))", "[1,1],null,[2]", "a:+l(item:c)",
         "list<item: int8>: [1, 1], null, [2]"},
        {"+l(item:+s(k:u;v:l))", "[{x,1},{y,null}],null", "a:+m(key!:u;value:i)",
         "map<string, int32>: [{key: x, value: 1}, {key: y, value: null}], null"},
        {"+l(item:+s(k:u;v:l))", "[{null,1}],null", "a:+m(key!:u;value:i)",
         "null a.key 1 [0=null]"},
        {"+m(key!:u;value:l)", "[{x,300}],null", "a:+m(key!:u;value:c)",
         "value a.value 1 [0=300]"},
        {"+m(key!:u;value:i)", "[{x,null}],null", "a:+m(key!:u;value!:i)",
         "null a.value 1 [0=null]"},
        {"+m(key!:u;value:i)", "[{x,1}],null", "a:+m(key!:u;value!:i)",
         "map<string, int32>: [{key: x, value: 1}], null"},
        {"+m(key:u;value:i)", "[{null,1}],null", "a:+m(key:u;value:i)",
         "null a.key 1 [0=null]"},
        {"+m(key!:i;value:i)", "[{1,1}],null", "a:+m(key!:u;value:i)",
         "type a.key 1 [0=1]"},
        {"+m(key!:u;value:i)", "[{x,1}]", "a:+l(item:+s(key:u;value:i))",
         "type a 1 [0=[{key: x, value: 1}]]"},
    };
    RUN(CASES, NULL);
}

static void structs(void **state) {
    (void)state;
    static const conform_case CASES[] = {
        {"+s(x:i;y:u)", "{1,b},null", "a:+s(x:i;y:u)",
         "struct<x: int32, y: string>: {x: 1, y: b}, null"},
        {"+s(y:u;x:l)", "{b,1},null", "a:+s(x:i;y:u)",
         "struct<x: int32, y: string>: {x: 1, y: b}, null"},
        {"+s(x:i)", "{1},null", "a:+s(x!:i)", "struct<x: int32 not null>: {x: 1}, null"},
        {"+s(x:i)", "{1},{null},null", "a:+s(x!:i)", "null a.x 1 [1=null]"},
        {"+s(x:l)", "{1},{null},{300},null", "a:+s(x!:c)",
         "null a.x 1 [1=null]; value a.x 1 [2=300]"},
        {"+s(x:+s(z:i))", "{{1}},{null},{{null}},null", "a:+s(x:+s(z!:i))",
         "null a.x.z 1 [2=null]"},
        {"+s(x:i)", "null,{null}", "a!:+s(x!:i)",
         "null a 1 [0=null]; null a.x 1 [1=null]"},
        {"+s(x:i;z:i)", "{1,2}", "a:+s(x:i;y:i)", "extra a.z 1; missing a.y 1"},
        {"+s(x:i;x:i)", "{1,2}", "a:+s(x:i)", "duplicate a.x 1"},
        {"+l(item:+s(x:l))", "[{1},null],null,[{300},{null}]", "a:+l(item:+s(x!:c))",
         "null a[].x 1 [2=null]; value a[].x 1 [2=300]"},
        {"+l(item:+s(x:l))", "[{1},null],null,[{3}]", "a:+l(item:+s(x!:c))",
         "list<item: struct<x: int8 not null>>: [{x: 1}, null], null, [{x: 3}]"},
    };
    RUN(CASES, NULL);
}

/* Bad values, nulls and wrong types below null parents are nobody's. */
static void dead_slots_are_not_judged(void **state) {
    (void)state;
    struct ArrowSchema declared = build_schema("+s(a:+l(item!:+s(x!:c;y!:u)))");
    built batch = batch_of("+l(item:+s(x:l;y:l))", "[{300,7}],[{null,null}]", 0, false);
    static const uint8_t NONE = 0;
    struct ArrowArray *lists = batch.array.children[0];
    lists->buffers[0] = &NONE; /* both lists null, their ranges stay */
    lists->null_count = -1;
    check_text(
        "dead", &declared, &batch, NULL,
        "list<item: struct<x: int8 not null, y: string not null> not null>: null, null");
    static const uint8_t FIRST = 1, SECOND = 2;
    lists->buffers[0] = &SECOND;
    check_text("second", &declared, &batch, NULL,
               "null a[].x 1 [1=null]; null a[].y 1 [1=null]");
    lists->buffers[0] = &FIRST;
    check_text("first", &declared, &batch, NULL,
               "value a[].x 1 [0=300]; type a[].y 1 [0=7]");
    struct ArrowArray *items = lists->children[0]; /* lists live, their items null */
    items->buffers[0] = &NONE;
    items->null_count = -1;
    check_text("items", &declared, &batch, NULL, "null a[] 1 [0=null]");
    items->buffers[0] = NULL;
    lists->buffers[0] = NULL;
    build_free(&batch);
    pqf_schema_release(&declared);
}

/* Shared and unordered list views: the first list that has the item names the row. */
static void unordered_list_views(void **state) {
    (void)state;
    struct ArrowSchema declared = build_schema("+s(a:+l(item:c))");
    built batch = batch_of("+vl(item:l)", "[1,2],[3],[4]", 0, false);
    int32_t *offsets = (int32_t *)(uintptr_t)batch.array.children[0]->buffers[1];
    int32_t *sizes = (int32_t *)(uintptr_t)batch.array.children[0]->buffers[2];
    offsets[0] = 2, offsets[1] = 0, offsets[2] = 1, sizes[0] = 2, sizes[1] = 2,
    sizes[2] = 0;
    check_text("views", &declared, &batch, NULL, "list<item: int8>: [3, 4], [1, 2], []");
    ((int64_t *)(uintptr_t)batch.array.children[0]->children[0]->buffers[1])[1] = 1000;
    check_text("views", &declared, &batch, NULL, "value a[] 1 [1=1000]");
    sizes[1] = 1; /* now nobody's */
    check_text("views", &declared, &batch, NULL, "list<item: int8>: [3, 4], [1], []");
    build_free(&batch);
    pqf_schema_release(&declared);
}

/* Unused dictionary values are not judged, null ones are nulls. */
static void odd_dictionaries(void **state) {
    (void)state;
    struct ArrowSchema declared = build_schema("+s(a!:c)"),
                       encoded = build_schema("+s(a!:dict(c;l))"),
                       nullable = build_schema("+s(a:dict(c;l))"),
                       narrow = build_schema("+s(a:dict(c;c))");
    built batch = batch_of("dict(c;l)", "1, 300, 2", 0, false);
    int8_t *indexes = (int8_t *)(uintptr_t)batch.array.children[0]->buffers[1];
    indexes[1] = 0;
    check_text("unused", &declared, &batch, NULL, "int8: 1, 1, 2");
    struct ArrowArray *values = batch.array.children[0]->dictionary;
    static const uint8_t NOT_SECOND = 5, NOT_FIRST = 6;
    values->buffers[0] = &NOT_SECOND;
    values->null_count = 1;
    check_text("unused null", &declared, &batch, NULL, "int8: 1, 1, 2");
    check_text("unused null", &encoded, &batch, NULL, "dictionary<int8, int64>: 1, 1, 2");
    values->buffers[0] = &NOT_FIRST;
    check_text("null value", &declared, &batch, NULL, "null a 2 [0=null 1=null]");
    check_text("null value", &encoded, &batch, NULL, "null a 2 [0=null 1=null]");
    check_text("null value", &nullable, &batch, NULL,
               "dictionary<int8, int64>: null, null, 2");
    check_text("cast", &narrow, &batch, NULL, "int8: null, null, 2");
    values->buffers[0] = NULL;
    values->null_count = 0;
    build_free(&batch);
    pqf_schema_release(&declared);
    pqf_schema_release(&encoded);
    pqf_schema_release(&nullable);
    pqf_schema_release(&narrow);
}

/* ---- columns ---- */

static void columns_by_name(void **state) {
    (void)state;
    static const pqf_conform_options DROP = {.struct_bytes = sizeof DROP,
                                             .drop_extra = true};
    static const pqf_conform_options FILL = {.struct_bytes = sizeof FILL,
                                             .null_missing = true};
    struct ArrowSchema declared = build_schema("+s(id!:l;name:u;score:g)");
    built b = build(mem, "+s(score:g;name:u;id:i)", "{0.5,x,1},{null,y,2}");
    check_text("order", &declared, &b, NULL,
               "int64: 1, 2; string: x, y; double: 0.5, null");
    build_free(&b);
    b = build(mem, "+s(id:i;name:u;score:g;more:i)", "{1,x,1,1}");
    check_text("extra", &declared, &b, NULL, "extra more 1");
    check_text("drop", &declared, &b, &DROP, "int64: 1; string: x; double: 1.0");
    build_free(&b);
    b = build(mem, "+s(id:i)", "{1},{2}");
    check_text("missing", &declared, &b, NULL, "missing name 1; missing score 1");
    check_text("fill", &declared, &b, &FILL,
               "int64: 1, 2; string: null, null; double: null, null");
    build_free(&b);
    b = build(mem, "+s(name:u)", "{x}");
    check_text("required", &declared, &b, &FILL, "missing id 1");
    build_free(&b);
    b = build(mem, "+s(id:i;name:u;score:g;name:u)", "{1,x,1,y}");
    check_text("duplicate", &declared, &b, NULL, "duplicate name 1");
    build_free(&b);
    b = build(mem, "+s()", "");
    check_text("empty", &declared, &b, NULL, "int64: ; string: ; double: ");
    build_free(&b);
    b = build(mem, "+s(id:u;name:i;score:b)", "");
    check_text("types of no rows", &declared, &b, NULL, "int64: ; string: ; double: ");
    build_free(&b);
    b = build(mem, "+s(id:l;name:i;score:b)", "{null,1,true}");
    check_text("all columns", &declared, &b, NULL,
               "null id 1 [0=null]; type name 1 [0=1]; type score 1 [0=true]");
    build_free(&b);
    pqf_schema_release(&declared);
}

static const pqf_failure *first_failure(const char *declared, const char *type,
                                        const char *values, pqf_report *report) {
    struct ArrowSchema schema = build_schema(declared);
    built b = build(mem, type, values);
    pqf_conform *conform;
    struct ArrowArray out;
    const struct ArrowSchema *out_schema;
    BUILD_OK(pqf_conform_new(&schema, NULL, mem, &conform, &build_error));
    assert_int_equal(build_conform(conform, &b.schema, &b.array, 1000, report, &out,
                                   &out_schema, &build_error),
                     PQF_SCHEMA);
    pqf_conform_free(conform);
    build_free(&b);
    pqf_schema_release(&schema);
    return report ? pqf_report_failure(report, 0) : NULL;
}

static void near_names(void **state) {
    (void)state;
    static const struct {
        const char *declared, *source, *hint;
    } CASES[] = {
        {"+s(user_id:i)", "+s(usr_id:i)", "usr_id"},
        {"+s(user_id:i)", "+s(USER_ID:i)", "USER_ID"},
        {"+s(name:i)", "+s(naem:i)", "naem"},
        {"+s(id:i)", "+s(ID:i)", "ID"},
        {"+s(a:i)", "+s(b:i)", ""},
        {"+s(user_id:i)", "+s(created:i)", ""},
        {"+s(amount:i)", "+s(amuont:i;amount_:i)", "amuont"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        pqf_report *report = pqf_report_new();
        (void)first_failure(CASES[i].declared, CASES[i].source,
                            strchr(CASES[i].source, ';') ? "{1,1}" : "{1}", report);
        const pqf_failure *f = NULL;
        for (int64_t k = 0; k < pqf_report_num_failures(report); k++)
            if (strcmp(pqf_report_failure(report, k)->rule, "missing") == 0)
                f = pqf_report_failure(report, k);
        assert_non_null(f);
        assert_string_equal(f->found, CASES[i].hint);
        assert_string_equal(f->expected, "int32");
        pqf_report_free(report);
    }
}

static void records_and_messages(void **state) {
    (void)state;
    pqf_report *report = pqf_report_new();
    const pqf_failure *f =
        first_failure("+s(a:c;b:u)", "+s(a:l;b:u)", "{1,x},{300,y}", report);
    assert_string_equal(f->rule, "value");
    assert_string_equal(f->expected, "int8");
    assert_string_equal(f->found, "int64");
    assert_int_equal(f->sample_rows[0], 1001);
    assert_string_equal(build_error.message,
                        "Column 'a': value 300 in row 1001 does not fit int8");
    pqf_report_free(report);
    (void)first_failure("+s(a!:i;b:i)", "+s(a:i;b:u)", "{1,x},{null,y}", NULL);
    assert_string_equal(
        build_error.message,
        "Column 'a' is declared non-nullable but contains nulls (row 1001); 1 more");
    report = pqf_report_new();
    f = first_failure("+s(a:+l(item:i))", "+s(a:+s(x:i))", "{{5}}", report);
    assert_string_equal(f->expected, "list<item: int32>");
    assert_string_equal(f->found, "struct<x: int32>");
    pqf_report_free(report);
}

/* Counts add up over batches; samples stay the first five. */
static void report_over_batches(void **state) {
    (void)state;
    struct ArrowSchema declared = build_schema("+s(a:c)");
    built b = batch_of("l", "300, 1, 301, 302", 0, false);
    pqf_conform *conform;
    pqf_report *report = pqf_report_new();
    struct ArrowArray out;
    const struct ArrowSchema *schema;
    char text[512];
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    for (int64_t row = 0; row < 12; row += 4)
        assert_int_equal(build_conform(conform, &b.schema, &b.array, row, report, &out,
                                       &schema, &build_error),
                         PQF_SCHEMA);
    report_text(report, text, sizeof text);
    assert_string_equal(text, "value a 9 [0=300 2=301 3=302 4=300 6=301]");
    pqf_report_free(report);
    pqf_conform_free(conform);
    build_free(&b);
    pqf_schema_release(&declared);
}

/* What fits is borrowed: the very buffers come out. */
static void zero_copy(void **state) {
    (void)state;
    struct ArrowSchema declared =
        build_schema("+s(i:i;s:u;l:+l(item:g);d:dict(c;u);z:z)");
    built b = build(mem, "+s(l:+l(item:g);i:i;s:u;d:dict(c;u);z:u)",
                    "{[1,2],1,x,y,w},{[3],2,xx,y,w}");
    pqf_conform *conform;
    struct ArrowArray out;
    const struct ArrowSchema *schema;
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    BUILD_OK(build_conform(conform, &b.schema, &b.array, 0, NULL, &out, &schema,
                           &build_error));
    struct ArrowArray **in = b.array.children, **o = out.children;
    assert_ptr_equal(o[0]->buffers[1], in[1]->buffers[1]);
    assert_ptr_equal(o[1]->buffers[2], in[2]->buffers[2]);
    assert_ptr_equal(o[2]->buffers[1], in[0]->buffers[1]);
    assert_ptr_equal(o[2]->children[0]->buffers[1], in[0]->children[0]->buffers[1]);
    assert_ptr_equal(o[3]->buffers[1], in[3]->buffers[1]);
    assert_ptr_equal(o[3]->dictionary->buffers[2], in[3]->dictionary->buffers[2]);
    assert_ptr_equal(o[4]->buffers[2], in[4]->buffers[2]);
    pqf_array_release(&out);
    pqf_conform_free(conform);
    build_free(&b);
    pqf_schema_release(&declared);
}

/* The schema of what comes out follows the batches; names, flags and metadata are the
 * declared ones. */
static void out_schema_follows(void **state) {
    (void)state;
    struct ArrowSchema declared = build_schema("+s(a!:dict(i;u))");
    pqf_buf metadata;
    pqf_buf_init(&metadata, mem, 0);
    BUILD_OK(
        pqf_kv_put(&metadata, pqf_bytes_of("k", 1), pqf_bytes_of("v", 1), &build_error));
    BUILD_OK(pqf_schema_set_metadata(declared.children[0], (char *)metadata.data,
                                     &build_error));
    pqf_buf_reset(&metadata);
    static const char *const SOURCES[] = {"u", "dict(c;u)", "dict(s;u)", "U",
                                          "dict(c;u)"};
    static const char *const WANT[] = {"string", "dictionary<int8, string>",
                                       "dictionary<int16, string>", "string",
                                       "dictionary<int8, string>"};
    pqf_conform *conform;
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    for (int i = 0; i < 5; i++) {
        built b = batch_of(SOURCES[i], "x, y", 0, false);
        struct ArrowArray out;
        const struct ArrowSchema *schema;
        char type[64], text[64];
        pqf_bytes value;
        BUILD_OK(build_conform(conform, &b.schema, &b.array, 0, NULL, &out, &schema,
                               &build_error));
        pqf_type_text(schema->children[0], type, sizeof type);
        assert_string_equal(type, WANT[i]);
        assert_string_equal(schema->children[0]->name, "a");
        assert_int_equal(schema->children[0]->flags & ARROW_FLAG_NULLABLE, 0);
        assert_true(pqf_kv_find(schema->children[0]->metadata, "k", &value));
        build_array_text(schema->children[0], out.children[0], mem, text, sizeof text);
        pqf_array_release(&out);
        build_free(&b);
    }
    pqf_conform_free(conform);
    pqf_schema_release(&declared);
}

static void bad_calls(void **state) {
    (void)state;
    pqf_conform *conform;
    struct ArrowArray out;
    const struct ArrowSchema *out_schema;
    struct ArrowSchema twice = build_schema("+s(a:i;b:+s(x:i;x:i))"),
                       plain = build_schema("i");
    pqf_error_init(&build_error);
    assert_int_equal(pqf_conform_new(&twice, NULL, mem, &conform, &build_error),
                     PQF_INVALID);
    assert_int_equal(pqf_conform_new(&plain, NULL, mem, &conform, &build_error),
                     PQF_INVALID);
    pqf_schema_release(&twice);
    struct ArrowSchema declared = build_schema("+s(a:i)");
    BUILD_OK(pqf_conform_new(&declared, NULL, mem, &conform, &build_error));
    built b = build(mem, "i", "1");
    assert_int_equal(build_conform(conform, &b.schema, &b.array, 0, NULL, &out,
                                   &out_schema, &build_error),
                     PQF_SCHEMA);
    build_free(&b);
    b = build(mem, "+s(a:i)", "{1},null");
    assert_int_equal(build_conform(conform, &b.schema, &b.array, 0, NULL, &out,
                                   &out_schema, &build_error),
                     PQF_SCHEMA);
    build_free(&b);
    pqf_conform_free(conform);
    pqf_schema_release(&declared);
    pqf_schema_release(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(integers_and_floats),
        cmocka_unit_test(nan_is_null),
        cmocka_unit_test(decimals),
        cmocka_unit_test(times),
        cmocka_unit_test(strings),
        cmocka_unit_test(impossible_pairs),
        cmocka_unit_test(lists),
        cmocka_unit_test(structs),
        cmocka_unit_test(dead_slots_are_not_judged),
        cmocka_unit_test(unordered_list_views),
        cmocka_unit_test(odd_dictionaries),
        cmocka_unit_test(columns_by_name),
        cmocka_unit_test(near_names),
        cmocka_unit_test(records_and_messages),
        cmocka_unit_test(report_over_batches),
        cmocka_unit_test(zero_copy),
        cmocka_unit_test(out_schema_follows),
        cmocka_unit_test(bad_calls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
