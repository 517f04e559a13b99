/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of kinds: one row per Arrow format, with what is built for it from Python objects.
 */
#include "rows_inner.h"

#define KIND(format, text, layout, bytes, flush)                                         \
    {format, text, NULL, layout, bytes, 0, pqf_rows_flush_##flush}
#define TIME(format, text, bytes, exponent, flush)                                       \
    {format, text, NULL, ROWS_FIXED, bytes, exponent, pqf_rows_flush_##flush}
#define BUILT_AS(format, text, built, layout, bytes, flush)                              \
    {format, text, built, layout, bytes, 0, pqf_rows_flush_##flush}
#define NOT_BUILT(format, text) {format, text, NULL, ROWS_NONE, 0, 0, NULL}

static const rows_kind KINDS[] = {
    KIND("n", "null", ROWS_NONE, 0, null),
    KIND("b", "bool", ROWS_BITS, 0, bool),
    KIND("c", "int8", ROWS_FIXED, 1, int8),
    KIND("C", "uint8", ROWS_FIXED, 1, uint8),
    KIND("s", "int16", ROWS_FIXED, 2, int16),
    KIND("S", "uint16", ROWS_FIXED, 2, uint16),
    KIND("i", "int32", ROWS_FIXED, 4, int32),
    KIND("I", "uint32", ROWS_FIXED, 4, uint32),
    KIND("l", "int64", ROWS_FIXED, 8, int64),
    KIND("L", "uint64", ROWS_FIXED, 8, uint64),
    KIND("e", "halffloat", ROWS_FIXED, 2, half),
    KIND("f", "float", ROWS_FIXED, 4, float),
    KIND("g", "double", ROWS_FIXED, 8, double),
    KIND("d:", "decimal128", ROWS_FIXED, 16, decimal),
    KIND("u", "string", ROWS_OFFSETS, 4, string),
    KIND("U", "large_string", ROWS_OFFSETS, 8, large_string),
    BUILT_AS("vu", "string_view", "u", ROWS_OFFSETS, 4, string),
    KIND("z", "binary", ROWS_OFFSETS, 4, binary),
    KIND("Z", "large_binary", ROWS_OFFSETS, 8, large_binary),
    BUILT_AS("vz", "binary_view", "z", ROWS_OFFSETS, 4, binary),
    KIND("w:", "fixed_size_binary", ROWS_FIXED, 0, fixed_binary),
    TIME("tdD", "date32[day]", 4, 0, date32),
    TIME("tdm", "date64[ms]", 8, 3, date64),
    TIME("tts", "time32[s]", 4, 0, time32),
    TIME("ttm", "time32[ms]", 4, 3, time32),
    TIME("ttu", "time64[us]", 8, 6, time64),
    TIME("ttn", "time64[ns]", 8, 9, time64),
    TIME("tss:", "timestamp[s", 8, 0, timestamp),
    TIME("tsm:", "timestamp[ms", 8, 3, timestamp),
    TIME("tsu:", "timestamp[us", 8, 6, timestamp),
    TIME("tsn:", "timestamp[ns", 8, 9, timestamp),
    TIME("tDs", "duration[s]", 8, 0, duration),
    TIME("tDm", "duration[ms]", 8, 3, duration),
    TIME("tDu", "duration[us]", 8, 6, duration),
    TIME("tDn", "duration[ns]", 8, 9, duration),
    KIND("tiM", "month_interval", ROWS_FIXED, 4, int32),
    KIND("tiD", "day_time_interval", ROWS_FIXED, 8, day_time),
    KIND("tin", "month_day_nano_interval", ROWS_FIXED, 16, month_day_nano),
    KIND("+s", "struct", ROWS_STRUCT, 0, struct),
    KIND("+l", "list", ROWS_LIST, 4, list),
    KIND("+L", "large_list", ROWS_LIST, 8, large_list),
    BUILT_AS("+vl", "list_view", "+l", ROWS_LIST, 4, list),
    BUILT_AS("+vL", "large_list_view", "+L", ROWS_LIST, 8, large_list),
    KIND("+w:", "fixed_size_list", ROWS_FIXED_LIST, 0, fixed_list),
    KIND("+m", "map", ROWS_MAP, 4, map),
    NOT_BUILT("+r",
              "run_end_encoded"), /* its values are built instead, see rows_schema.c */
    NOT_BUILT("+us:", "sparse_union"),
    NOT_BUILT("+ud:", "dense_union"),
};

const rows_kind *pqf_rows_kind(const char *format, const char **params) {
    for (size_t i = 0; format != NULL && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        size_t length = strlen(KINDS[i].format);
        bool has_params = KINDS[i].format[length - 1] == ':';
        if (strncmp(format, KINDS[i].format, length) == 0 &&
            (has_params || format[length] == '\0')) {
            *params = format + length;
            return &KINDS[i];
        }
    }
    return NULL;
}
