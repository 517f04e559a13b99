/* SPDX-License-Identifier: Apache-2.0
 *
 * check_text.c (room column): strings must be UTF-8 (LogicalTypes.md, STRING and JSON; RFC 3629).
 * In: the bytes of values that have just been appended, still in the cache, or a chunk's
 * dictionary. Out: whether all are text, else the first value that is not.
 *
 * Values that lie one behind the other are text where their bytes are text as one piece and none
 * begins in the middle of a character: the piece's characters are then cut nowhere. Pieces of
 * ASCII need no look at where values begin.
 */
#include "reading.h"

#include <stdio.h>

/* Bytes that are looked at before it is known whether there is anything but ASCII. */
#define ASCII_BLOCK 2048

static bool is_ascii(const pqf_kernels *kernel, const uint8_t *bytes, int64_t n) {
    for (int64_t at = 0; at < n; at += ASCII_BLOCK)
        if (kernel->max_u8(bytes + at, pqf_min_i64(ASCII_BLOCK, n - at)) >= 0x80)
            return false;
    return true;
}

/* No value but the first begins with a byte 10xxxxxx; the byte behind the last one is not looked at,
 * and where the end of the bytes is reached the values left are empty. */
static bool starts_are_whole(const uint8_t *bytes, const int32_t *ends, int64_t n) {
    int32_t end = ends[n - 1];
    unsigned bad = 0;
    while (n > 0 && ends[n - 1] == end)
        n--;
    for (int64_t i = 0; i < n; i++)
        bad |= (bytes[ends[i]] & 0xC0) == 0x80;
    return bad == 0;
}

/* Lengths below 128 are ASCII characters (n, 0, 0, 0) between the values: the bytes with them are text
 * exactly where the values are, and no character reaches over one of them. */
static bool plain_is_text(const pqf_kernels *kernel, pqf_bytes plain) {
    return kernel->utf8_valid(plain.data, (int64_t)plain.len);
}

static bool all_are_short(int64_t start, const int32_t *ends, int64_t n) {
    uint32_t all = (uint32_t)ends[0] - (uint32_t)start;
    for (int64_t i = 1; i < n; i++)
        all |= (uint32_t)ends[i] - (uint32_t)ends[i - 1];
    return all < 0x80;
}

int64_t pqf_text_find_bad(const pqf_kernels *kernel, pqf_bytes plain,
                          const uint8_t *bytes, int64_t start, const int32_t *ends,
                          int64_t n) {
    if (n == 0) return -1;
    int64_t len = ends[n - 1] - start;
    if (plain.len && all_are_short(start, ends, n)) {
        if (plain_is_text(kernel, plain)) return -1;
    } else if (len == 0 || is_ascii(kernel, bytes + start, len) ||
               (kernel->utf8_valid(bytes + start, len) &&
                starts_are_whole(bytes, ends, n))) {
        return -1;
    }
    for (int64_t i = 0; i < n; start = ends[i++])
        if (!kernel->utf8_valid(bytes + start, ends[i] - start)) return i;
    return -1;
}

static pqf_bytes dict_value(const pqf_dict *dict, int64_t code) {
    return pqf_bytes_of(dict->bytes + dict->starts[code], dict->lens[code]);
}

bool pqf_dict_is_text(const pqf_dict *dict, const pqf_kernels *kernel, pqf_bytes page) {
    if (dict->max_len < 0x80 && plain_is_text(kernel, page)) return true;
    for (int64_t i = 0; i < dict->num_values; i++)
        if (!kernel->utf8_valid(dict->bytes + dict->starts[i], dict->lens[i]))
            return false;
    return true;
}

int64_t pqf_text_find_bad_code(const pqf_kernels *kernel, const pqf_dict *dict,
                               const uint32_t *codes, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!kernel->utf8_valid(dict->bytes + dict->starts[codes[i]],
                                dict->lens[codes[i]]))
            return i;
    return -1;
}

/* Printable ASCII as it is, other bytes as \xHH; cut behind 32 bytes. */
static void quote(pqf_bytes value, char *text, size_t text_bytes) {
    size_t n = value.len < 32 ? value.len : 32, at = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = value.data[i];
        bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
        at += (size_t)snprintf(text + at, text_bytes - at, plain ? "%c" : "\\x%02X", c);
    }
    snprintf(text + at, text_bytes - at, "%s", n < value.len ? "..." : "");
}

pqf_status pqf_text_fail(const char *where, pqf_bytes value, pqf_error *err) {
    char text[32 * 4 + 4];
    quote(value, text, sizeof text);
    return pqf_fail(
        err, PQF_CORRUPT,
        "%sthe string \"%s\" (%zu bytes) is not UTF-8; check_utf8=False reads "
        "it as it is",
        where, text, value.len);
}

pqf_status pqf_dict_fail_text(const pqf_dict *dict, const pqf_kernels *kernel,
                              pqf_error *err) {
    char where[64];
    int64_t i = 0;
    while (i < dict->num_values - 1 &&
           kernel->utf8_valid(dict_value(dict, i).data, (int64_t)dict_value(dict, i).len))
        i++;
    snprintf(where, sizeof where, "value %lld of the dictionary: ", (long long)i);
    return pqf_text_fail(where, dict_value(dict, i), err);
}
