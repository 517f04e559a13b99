/* SPDX-License-Identifier: Apache-2.0
 *
 * path_order.c: the order in which files are read. In: two paths below one folder. Out: which comes
 * first: component by component, as bytes. The files of one writing call are its exception: they
 * begin with the same UUID and come in the order in which they were written.
 *
 *   <uuid>.parquet  <uuid>-<hex>.parquet  <uuid>-1.parquet ... <uuid>-9.parquet  <uuid>-10.parquet
 *
 * The second is what compact makes of files that began with the first; of later ones it makes
 * <uuid>-<n>-<hex>.parquet, which stands behind <uuid>-<n>.parquet.
 */
#include "inner.h"

#define SUFFIX ".parquet"
/* Digits of a number; the 12 of an identifier may be digits alone. */
#define MAX_DIGITS 10

bool pqf_begins_with_uuid(const char *name) {
    static const char digits[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < PQF_UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (!name[i] || (dash ? name[i] != '-' : !strchr(digits, name[i]))) return false;
    }
    return true;
}

size_t pqf_file_number_len(const char *text) {
    size_t n = 0;
    if (text[0] != '-' || text[1] < '1' || text[1] > '9') return 0;
    for (n = 1; text[n] >= '0' && text[n] <= '9'; n++)
        continue;
    bool ends = !text[n] || text[n] == '-' || text[n] == '.' || text[n] == '/';
    return ends && n <= MAX_DIGITS + 1 ? n : 0;
}

/* What stands behind the UUID. */
typedef struct tail {
    int64_t number; /* 0: none */
    const char *rest;
    size_t len; /* of the rest, the suffix left out */
} tail;

static tail tail_of(const char *text) {
    tail t = {.rest = text + pqf_file_number_len(text)};
    for (const char *p = text + 1; p < t.rest; p++)
        t.number = t.number * 10 + (*p - '0');
    t.len = strcspn(t.rest, "/");
    size_t suffix = strlen(SUFFIX);
    if (t.len >= suffix && !strncmp(t.rest + t.len - suffix, SUFFIX, suffix))
        t.len -= suffix;
    return t;
}

/* 0: their numbers and the rest are the same. */
static int order_of_tails(const char *a, const char *b) {
    tail x = tail_of(a), y = tail_of(b);
    if (x.number != y.number) return x.number < y.number ? -1 : 1;
    int order = memcmp(x.rest, y.rest, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* '/' comes before everything but the end. */
static int rank(char c) { return c == '/' ? 1 : c ? (unsigned char)c + 1 : 0; }

int pqf_path_order(const char *a, const char *b) {
    size_t at = 0, start = 0;
    for (; a[at] && a[at] == b[at]; at++)
        if (a[at] == '/') start = at + 1;
    if (at - start >= PQF_UUID_CHARS && pqf_begins_with_uuid(a + start)) {
        int order =
            order_of_tails(a + start + PQF_UUID_CHARS, b + start + PQF_UUID_CHARS);
        if (order) return order;
    }
    return rank(a[at]) - rank(b[at]);
}
