/* SPDX-License-Identifier: Apache-2.0
 *
 * hive.c: folder names of Hive partitions: name=value, both sides percent-encoded once.
 */
#include "inner.h"

/* Hive's escape set: control characters and the characters below. Bytes from 0x80 on
 * stay, so UTF-8 stays readable. */
static bool is_escaped(uint8_t c) {
    return c < 0x20 || c == 0x7F || (c && strchr("\"#%'*/:=?\\{[]^", c));
}

/* A leading dot would hide the folder. */
static pqf_status put_escaped(pqf_bytes in, bool leads, pqf_buf *out, pqf_error *err) {
    static const char digits[] = "0123456789ABCDEF";
    TRY(pqf_buf_reserve(out, 3 * in.len + 2, err));
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (!is_escaped(c) && !(leads && i == 0 && c == '.')) {
            out->data[out->len++] = c;
            continue;
        }
        out->data[out->len++] = '%';
        out->data[out->len++] = (uint8_t)digits[c >> 4];
        out->data[out->len++] = (uint8_t)digits[c & 15];
    }
    return PQF_OK;
}

pqf_status pqf_hive_folder(const char *name, pqf_bytes value, pqf_buf *out,
                           pqf_error *err) {
    size_t begin = out->len;
    TRY(put_escaped(pqf_bytes_of(name, strlen(name)), true, out, err));
    TRY(pqf_buf_put_u8(out, '=', err));
    TRY(put_escaped(value, false, out, err));
    if (out->len - begin > 255)
        return pqf_fail(
            err, PQF_INVALID,
            "the value of the partition column '%s' makes a folder name of %zu bytes; "
            "at most 255 are possible",
            name, out->len - begin);
    TRY(pqf_buf_put_u8(out, 0, err));
    out->len--;
    return PQF_OK;
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A '%' that no two hexadecimal digits follow stands for itself. */
static pqf_status decode(pqf_bytes in, pqf_arena *arena, pqf_bytes *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_alloc(arena, in.len + 1, &block, err));
    uint8_t *to = block;
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        bool coded = in.data[i] == '%' && i + 2 < in.len &&
                     hex_digit(in.data[i + 1]) >= 0 && hex_digit(in.data[i + 2]) >= 0;
        int byte = coded ? hex_digit(in.data[i + 1]) << 4 | hex_digit(in.data[i + 2])
                         : in.data[i];
        to[n++] = (uint8_t)byte;
        if (coded) i += 2;
    }
    to[n] = 0;
    *out = pqf_bytes_of(to, n);
    return PQF_OK;
}

pqf_status pqf_hive_parse(pqf_bytes folder, pqf_arena *arena, bool *is_partition,
                          pqf_bytes *name, pqf_bytes *value, pqf_error *err) {
    const uint8_t *sign = folder.len ? memchr(folder.data, '=', folder.len) : NULL;
    *is_partition = sign && sign != folder.data;
    if (!*is_partition) return PQF_OK;
    size_t before = (size_t)(sign - folder.data);
    TRY(decode(pqf_bytes_of(folder.data, before), arena, name, err));
    return decode(pqf_bytes_of(sign + 1, folder.len - before - 1), arena, value, err);
}
