/* SPDX-License-Identifier: Apache-2.0
 *
 * kv.c: room arrow. Key-value metadata in the C Data Interface's binary form:
 *
 *     int32 number of pairs | per pair: int32 length, key, int32 length, value
 *
 * The form has no total length, so a producer is believed about what lies within its
 * lengths; negative numbers end the walk.
 */
#include "kv.h"

#include <limits.h>

static int32_t load_i32(const char *p) { return (int32_t)pqf_load_u32(p); }

static int64_t num_pairs(const char *metadata) {
    return metadata ? load_i32(metadata) : 0;
}

static const char *first_pair(const char *metadata) {
    return metadata ? metadata + 4 : NULL;
}

/* Moves *p behind one length and its bytes; false for a negative length. */
static bool take_string(const char **p, pqf_bytes *out) {
    int32_t len = load_i32(*p);
    if (len < 0) return false;
    *out = pqf_bytes_of(*p + 4, (size_t)len);
    *p += 4 + (size_t)len;
    return true;
}

static bool take_pair(const char **p, pqf_bytes *key, pqf_bytes *value) {
    return take_string(p, key) && take_string(p, value);
}

int64_t pqf_kv_count(const char *metadata) {
    int64_t n = num_pairs(metadata);
    const char *p = first_pair(metadata);
    pqf_bytes key, value;
    for (int64_t i = 0; i < n; i++) {
        if (!take_pair(&p, &key, &value)) return -1;
    }
    return n < 0 ? -1 : n;
}

bool pqf_kv_at(const char *metadata, int64_t i, pqf_bytes *key, pqf_bytes *value) {
    if (i < 0 || i >= num_pairs(metadata)) return false;
    const char *p = metadata + 4;
    for (int64_t k = 0; k <= i; k++) {
        if (!take_pair(&p, key, value)) return false;
    }
    return true;
}

bool pqf_kv_find(const char *metadata, const char *key, pqf_bytes *value) {
    int64_t n = num_pairs(metadata);
    const char *p = first_pair(metadata);
    size_t key_bytes = strlen(key);
    pqf_bytes k, v;
    for (int64_t i = 0; i < n && take_pair(&p, &k, &v); i++) {
        if (k.len != key_bytes || memcmp(k.data, key, key_bytes) != 0) continue;
        *value = v;
        return true;
    }
    return false;
}

size_t pqf_kv_bytes(const char *metadata) {
    if (!metadata) return 0;
    int64_t n = num_pairs(metadata);
    const char *p = metadata + 4;
    pqf_bytes key, value;
    for (int64_t i = 0; i < n && take_pair(&p, &key, &value);)
        i++;
    return (size_t)(p - metadata);
}

static pqf_status put_string(pqf_buf *buf, pqf_bytes s, pqf_error *err) {
    if (s.len > INT32_MAX)
        return pqf_fail(err, PQF_INVALID, "metadata of %zu bytes, at most 2^31-1 fit",
                        s.len);
    TRY(pqf_buf_put_u32(buf, (uint32_t)s.len, err));
    return pqf_buf_put(buf, s.data, s.len, err);
}

pqf_status pqf_kv_put(pqf_buf *metadata, pqf_bytes key, pqf_bytes value, pqf_error *err) {
    if (metadata->len == 0) TRY(pqf_buf_put_u32(metadata, 0, err));
    TRY(put_string(metadata, key, err));
    TRY(put_string(metadata, value, err));
    pqf_store_u32(metadata->data, pqf_load_u32(metadata->data) + 1);
    return PQF_OK;
}
