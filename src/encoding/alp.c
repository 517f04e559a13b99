/* SPDX-License-Identifier: Apache-2.0
 *
 * alp.c: ALP (AlpEncoding.md, ALP = 10), both directions: FLOAT and DOUBLE as integers times a power
 * of ten, packed vector by vector. What does not come back to the bit is an exception and stands in
 * the vector as it is.
 *
 *   page    := mode u8 | integer encoding u8 | log2(vector size) u8 | num_elements i32
 *              | offset u32 of each vector, from here | vectors
 *   vector  := exponent u8 | factor u8 | num_exceptions u16 | frame i32 or i64 | bit width u8
 *              | packed differences to the frame | u16 positions | values of the exceptions
 *
 * Decoding multiplies twice and never divides, as the specification wants it: the products of other
 * ways differ in their last bit. The encoder tries its products by that same decoding.
 */
#include "row.h"

#include <float.h>
#include <math.h>

#define HEADER_BYTES  7
#define LOG_SIZE      10 /* of vectors that are written */
#define VECTOR_SIZE   (1 << LOG_SIZE)
#define MAX_LOG_SIZE  15
#define MIN_LOG_SIZE  3
#define NUM_PRESETS   5  /* pairs of exponent and factor that vectors choose from */
#define SAMPLE_GROUPS 8  /* vectors of a page that are looked at */
#define SAMPLE_VALUES 32 /* of each */
#define MAX_EXPONENT  18

/* Correctly rounded by the compiler, each in its own precision. */
static const double ten_f64[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
static const double tenth_f64[] = {1e-0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,
                                   1e-7,  1e-8,  1e-9,  1e-10, 1e-11, 1e-12, 1e-13,
                                   1e-14, 1e-15, 1e-16, 1e-17, 1e-18};
static const float ten_f32[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f,
                                1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
static const float tenth_f32[] = {1e-0f, 1e-1f, 1e-2f, 1e-3f, 1e-4f, 1e-5f,
                                  1e-6f, 1e-7f, 1e-8f, 1e-9f, 1e-10f};

_Static_assert(FLT_EVAL_METHOD == 0, "products are rounded to the type of their factors");

static int max_exponent(int32_t width) { return width == 4 ? 10 : MAX_EXPONENT; }

/* ---- decoding: a page ---- */

typedef struct page_head {
    int log_size;
    int64_t num_values;
    int64_t num_vectors;
} page_head;

/* The header stays in front of d->in; it is checked as the page begins and read again then. */
static page_head head_of(const pqf_decoder *d) {
    page_head head = {.log_size = MAX_LOG_SIZE};
    if (d->in.len == 0) return head;
    head.log_size = d->in.data[2];
    head.num_values = (int32_t)pqf_load_u32(d->in.data + 3);
    int64_t size = (int64_t)1 << head.log_size;
    head.num_vectors = (head.num_values + size - 1) >> head.log_size;
    return head;
}

static pqf_status check_head(const uint8_t *p, pqf_error *err) {
    if (p[0] != 0 || p[1] != 0)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "alp: compression mode %d and integer encoding %d, only 0 and 0 "
                        "are known",
                        p[0], p[1]);
    if (p[2] < MIN_LOG_SIZE || p[2] > MAX_LOG_SIZE)
        return pqf_fail(err, PQF_CORRUPT, "alp: vectors of 2^%d values, not 2^3 to 2^15",
                        p[2]);
    return PQF_OK;
}

/* A page without values may have no bytes at all. */
pqf_status pqf_alp_begin(pqf_decoder *d, pqf_error *err) {
    d->kept->len = 0;
    d->value_at = 0;
    if (d->in.len == 0) return PQF_OK;
    if (d->in.len < HEADER_BYTES)
        return pqf_fail(err, PQF_CORRUPT, "alp: a page of %zu bytes has no header",
                        d->in.len);
    TRY(check_head(d->in.data, err));
    page_head head = head_of(d);
    if (head.num_values < 0 || head.num_values > d->num_left)
        return pqf_fail(err, PQF_CORRUPT, "alp: %lld values in a page of %lld",
                        (long long)head.num_values, (long long)d->num_left);
    if ((uint64_t)head.num_vectors * 4 > d->in.len - HEADER_BYTES)
        return pqf_fail(err, PQF_CORRUPT, "alp: a page of %zu bytes for %lld vectors",
                        d->in.len, (long long)head.num_vectors);
    return PQF_OK;
}

/* ---- decoding: a vector ---- */

typedef struct vector_head {
    int exponent;
    int factor;
    int64_t num_values;
    int64_t num_exceptions;
    uint64_t frame;
    int bit_width;
    const uint8_t *packed;
    const uint8_t *positions;
    const uint8_t *exceptions;
} vector_head;

/* Where the vector's bytes lie: each begins where the one before ends. */
static pqf_status find_vector(const pqf_decoder *d, const page_head *head, int64_t i,
                              pqf_bytes *out, pqf_error *err) {
    const uint8_t *offsets = d->in.data + HEADER_BYTES;
    uint64_t all = d->in.len - HEADER_BYTES, first = (uint64_t)head->num_vectors * 4;
    uint64_t start = pqf_load_u32(offsets + i * 4), end = all;
    if (i + 1 < head->num_vectors) end = pqf_load_u32(offsets + (i + 1) * 4);
    if (start < first || (i == 0 && start != first) || end < start || end > all)
        return pqf_fail(err, PQF_CORRUPT,
                        "alp: vector %lld from byte %llu to %llu of %llu, the first "
                        "begins at %llu",
                        (long long)i, (unsigned long long)start, (unsigned long long)end,
                        (unsigned long long)all, (unsigned long long)first);
    *out = pqf_bytes_of(offsets + start, end - start);
    return PQF_OK;
}

static pqf_status check_vector(const vector_head *v, int32_t width, pqf_error *err) {
    if (v->exponent > max_exponent(width) || v->factor > v->exponent)
        return pqf_fail(err, PQF_CORRUPT, "alp: exponent %d and factor %d", v->exponent,
                        v->factor);
    if (v->bit_width > 8 * width)
        return pqf_fail(err, PQF_CORRUPT, "alp: values packed in %d bits", v->bit_width);
    if (v->num_exceptions > v->num_values)
        return pqf_fail(err, PQF_CORRUPT, "alp: %lld exceptions among %lld values",
                        (long long)v->num_exceptions, (long long)v->num_values);
    return PQF_OK;
}

static pqf_status open_vector(pqf_bytes in, bool is_last, int32_t width, vector_head *v,
                              pqf_error *err) {
    size_t head_bytes = 5 + (size_t)width;
    if (in.len < head_bytes)
        return pqf_fail(err, PQF_CORRUPT, "alp: a vector of %zu bytes", in.len);
    const uint8_t *p = in.data;
    v->exponent = p[0];
    v->factor = p[1];
    v->num_exceptions = pqf_load_u16(p + 2);
    v->frame = width == 4 ? pqf_load_u32(p + 4) : pqf_load_u64(p + 4);
    v->bit_width = p[4 + width];
    TRY(check_vector(v, width, err));
    size_t packed = (size_t)(v->num_values * v->bit_width + 7) / 8;
    size_t positions = (size_t)v->num_exceptions * 2;
    size_t need = head_bytes + packed + positions + (size_t)(v->num_exceptions * width);
    if (need > in.len || (!is_last && need != in.len))
        return pqf_fail(err, PQF_CORRUPT, "alp: a vector of %zu bytes that needs %zu",
                        in.len, need);
    v->packed = p + head_bytes;
    v->positions = v->packed + packed;
    v->exceptions = v->positions + positions;
    return PQF_OK;
}

/* n differences from a place where a byte begins. A value of up to 64 bits from bit 0 to 7 of a byte
 * lies in 9 bytes; the page has slack behind it. */
static void unpack(const uint8_t *in, int width, int64_t n, uint64_t *out) {
    uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
    for (int64_t i = 0, at = 0; i < n; i++, at += width) {
        const uint8_t *p = in + (at >> 3);
        int shift = (int)(at & 7);
        uint64_t v = pqf_load_u64(p) >> shift;
        if (shift) v |= (uint64_t)p[8] << 1 << (63 - shift);
        out[i] = v & mask;
    }
}

static void to_f32(const vector_head *v, const uint64_t *in, int64_t n, uint8_t *out) {
    float factor = ten_f32[v->factor], exponent = tenth_f32[v->exponent];
    uint32_t frame = (uint32_t)v->frame;
    for (int64_t i = 0; i < n; i++) {
        float x = (float)(int32_t)((uint32_t)in[i] + frame) * factor * exponent;
        memcpy(out + i * 4, &x, sizeof x);
    }
}

static void to_f64(const vector_head *v, const uint64_t *in, int64_t n, uint8_t *out) {
    double factor = ten_f64[v->factor], exponent = tenth_f64[v->exponent];
    uint64_t frame = v->frame;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)(int64_t)(in[i] + frame) * factor * exponent;
        memcpy(out + i * 8, &x, sizeof x);
    }
}

static pqf_status put_exceptions(const vector_head *v, int32_t width, uint8_t *out,
                                 pqf_error *err) {
    for (int64_t i = 0; i < v->num_exceptions; i++) {
        int64_t at = pqf_load_u16(v->positions + i * 2);
        if (at >= v->num_values)
            return pqf_fail(err, PQF_CORRUPT,
                            "alp: an exception at place %lld of %lld values",
                            (long long)at, (long long)v->num_values);
        memcpy(out + at * width, v->exceptions + i * width, (size_t)width);
    }
    return PQF_OK;
}

static pqf_status decode_vector(const pqf_decoder *d, const page_head *head, int64_t i,
                                uint8_t *out, pqf_error *err) {
    uint64_t block[PQF_BLOCK];
    vector_head v = {0};
    pqf_bytes in = {0};
    int64_t first = i << head->log_size;
    v.num_values = pqf_min_i64((int64_t)1 << head->log_size, head->num_values - first);
    TRY(find_vector(d, head, i, &in, err));
    TRY(open_vector(in, i + 1 == head->num_vectors, d->width, &v, err));
    for (int64_t at = 0; at < v.num_values; at += PQF_BLOCK) {
        int64_t n = pqf_min_i64(PQF_BLOCK, v.num_values - at);
        unpack(v.packed + at / 8 * v.bit_width, v.bit_width, n, block);
        (d->width == 4 ? to_f32 : to_f64)(&v, block, n, out + at * d->width);
    }
    return put_exceptions(&v, d->width, out, err);
}

/* ---- decoding: values ---- */

/* A vector of which only a part is wanted is decoded once, into d->kept. */
static pqf_status part_of_vector(pqf_decoder *d, const page_head *head, int64_t skip,
                                 int64_t n, uint8_t *out, pqf_error *err) {
    size_t width = (size_t)d->width, size = ((size_t)1 << head->log_size) * width;
    if (d->kept->len == 0) {
        TRY(pqf_buf_reserve(d->kept, size, err));
        TRY(decode_vector(d, head, d->value_at >> head->log_size, d->kept->data, err));
        d->kept->len = size;
    }
    memcpy(out, d->kept->data + (size_t)skip * width, (size_t)n * width);
    return PQF_OK;
}

static void move_on(pqf_decoder *d, const page_head *head, int64_t n) {
    int64_t before = d->value_at >> head->log_size;
    d->value_at += n;
    if (d->value_at >> head->log_size != before) d->kept->len = 0;
}

static pqf_status check_left(const pqf_decoder *d, const page_head *head, int64_t n,
                             pqf_error *err) {
    if (n <= head->num_values - d->value_at) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT, "alp: %lld values wanted, the page has %lld left",
                    (long long)n, (long long)(head->num_values - d->value_at));
}

pqf_status pqf_alp_decode_fixed(pqf_decoder *d, int64_t n, uint8_t *out, pqf_error *err) {
    page_head head = head_of(d);
    int64_t size = (int64_t)1 << head.log_size;
    TRY(check_left(d, &head, n, err));
    while (n > 0) {
        int64_t skip = d->value_at & (size - 1);
        int64_t there = pqf_min_i64(size - skip, head.num_values - d->value_at);
        int64_t part = pqf_min_i64(n, there);
        if (skip == 0 && part == there)
            TRY(decode_vector(d, &head, d->value_at >> head.log_size, out, err));
        else
            TRY(part_of_vector(d, &head, skip, part, out, err));
        move_on(d, &head, part);
        out += part * d->width;
        n -= part;
    }
    return PQF_OK;
}

pqf_status pqf_alp_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    page_head head = head_of(d);
    TRY(check_left(d, &head, n, err));
    move_on(d, &head, n);
    return PQF_OK;
}

/* ---- encoding: values ---- */

typedef struct pair {
    int exponent;
    int factor;
} pair;

/* The integer whose decoding is the value to the bit; false: there is none. Rounds to the nearest
 * even integer; from the magic number on there are nothing but integers. NaN fails the comparison
 * of magnitudes. */
static inline bool try_f32(float v, pair p, int64_t *out) {
    static const float magic = 8388608.0f;
    float scaled = v * ten_f32[p.exponent] * tenth_f32[p.factor];
    if (!(fabsf(scaled) < 2147483648.0f)) return false;
    if (fabsf(scaled) < magic)
        scaled = scaled < 0 ? (scaled - magic) + magic : (scaled + magic) - magic;
    *out = (int32_t)scaled;
    float back = (float)*out * ten_f32[p.factor] * tenth_f32[p.exponent];
    return memcmp(&back, &v, sizeof v) == 0;
}

static inline bool try_f64(double v, pair p, int64_t *out) {
    static const double magic = 4503599627370496.0;
    double scaled = v * ten_f64[p.exponent] * tenth_f64[p.factor];
    if (!(fabs(scaled) < 9223372036854775808.0)) return false;
    if (fabs(scaled) < magic)
        scaled = scaled < 0 ? (scaled - magic) + magic : (scaled + magic) - magic;
    *out = (int64_t)scaled;
    double back = (double)*out * ten_f64[p.factor] * tenth_f64[p.exponent];
    return memcmp(&back, &v, sizeof v) == 0;
}

static inline bool try_value(const uint8_t *at, int32_t width, pair p, int64_t *out) {
    float f;
    double d;
    if (width == 4) {
        memcpy(&f, at, sizeof f);
        return try_f32(f, p, out);
    }
    memcpy(&d, at, sizeof d);
    return try_f64(d, p, out);
}

/* What a vector of ints comes to. */
typedef struct span {
    int64_t min;
    int64_t max;
    int64_t num_exceptions;
    int64_t num_values;
} span;

static int span_width(const span *s) {
    if (s->num_exceptions == s->num_values) return 0;
    return pqf_bit_width((uint64_t)s->max - (uint64_t)s->min);
}

static void span_put(span *s, bool fits, int64_t v) {
    bool first = s->num_exceptions == s->num_values;
    s->num_values++;
    if (!fits) {
        s->num_exceptions++;
        return;
    }
    s->min = first || v < s->min ? v : s->min;
    s->max = first || v > s->max ? v : s->max;
}

/* ---- encoding: exponents and factors ---- */

/* Bits of n values, `step` apart. */
static int64_t sample_bits(const uint8_t *values, int64_t n, int64_t step, int32_t width,
                           pair p) {
    span s = {0};
    int64_t v = 0;
    for (int64_t i = 0; i < n; i++) {
        bool fits = try_value(values + i * step * width, width, p, &v);
        span_put(&s, fits, v);
    }
    return n * span_width(&s) + s.num_exceptions * (16 + 8 * width);
}

static int64_t sample_vector(const uint8_t *values, int64_t num_values, int32_t width,
                             pair p) {
    int64_t n = pqf_min_i64(num_values, SAMPLE_VALUES);
    return sample_bits(values, n, num_values / n, width, p);
}

/* Some vectors of the page, first and last among them. */
static int64_t sample_page(const pqf_plain_page *page, pair p) {
    int64_t num_vectors = (page->num_values + VECTOR_SIZE - 1) >> LOG_SIZE, bits = 0;
    int64_t groups = pqf_min_i64(num_vectors, SAMPLE_GROUPS);
    for (int64_t g = 0; g < groups; g++) {
        int64_t vector = groups == 1 ? 0 : g * (num_vectors - 1) / (groups - 1);
        int64_t first = vector << LOG_SIZE;
        int64_t n = pqf_min_i64(VECTOR_SIZE, page->num_values - first);
        bits += sample_vector(page->bytes.data + first * page->width, n, page->width, p);
    }
    return bits;
}

typedef struct presets {
    int n;
    pair pairs[NUM_PRESETS];
    int64_t bits[NUM_PRESETS];
} presets;

/* Keeps the best, of equals the one that came first. */
static void offer(presets *best, pair p, int64_t bits) {
    int at = best->n;
    while (at > 0 && bits < best->bits[at - 1])
        at--;
    if (at == NUM_PRESETS) return;
    if (best->n < NUM_PRESETS) best->n++;
    for (int i = best->n - 1; i > at; i--) {
        best->pairs[i] = best->pairs[i - 1];
        best->bits[i] = best->bits[i - 1];
    }
    best->pairs[at] = p;
    best->bits[at] = bits;
}

static void choose_presets(const pqf_plain_page *page, presets *out) {
    out->n = 0;
    for (int e = 0; e <= max_exponent(page->width); e++) {
        for (int f = 0; f <= e; f++)
            offer(out, (pair){e, f}, sample_page(page, (pair){e, f}));
    }
}

static pair choose_pair(const presets *best, const uint8_t *values, int64_t n,
                        int32_t width) {
    pair chosen = best->pairs[0];
    int64_t least = INT64_MAX;
    for (int i = 0; i < best->n; i++) {
        int64_t bits = sample_vector(values, n, width, best->pairs[i]);
        if (bits >= least) continue;
        least = bits;
        chosen = best->pairs[i];
    }
    return chosen;
}

/* ---- encoding: vectors ---- */

typedef struct vector_ints {
    int64_t v[VECTOR_SIZE];
    uint16_t exceptions[VECTOR_SIZE];
    span span;
} vector_ints;

/* Exceptions get the first integer there is, so that they do not widen the rest. */
static void make_ints(const uint8_t *values, int64_t n, int32_t width, pair p,
                      vector_ints *out) {
    int64_t first = 0;
    out->span = (span){0};
    for (int64_t i = 0; i < n; i++) {
        int64_t v = 0;
        bool fits = try_value(values + i * width, width, p, &v);
        if (fits && out->span.num_exceptions == i) first = v;
        if (!fits) out->exceptions[out->span.num_exceptions] = (uint16_t)i;
        out->v[i] = v;
        span_put(&out->span, fits, v);
    }
    for (int64_t i = 0; i < out->span.num_exceptions; i++)
        out->v[out->exceptions[i]] = first;
}

/* Appends ceil(n * width / 8) bytes; out has room for 8 more. */
static void pack(const vector_ints *ints, int64_t n, int width, pqf_buf *out) {
    unsigned __int128 bits = 0;
    int filled = 0;
    for (int64_t i = 0; width && i < n; i++) {
        uint64_t delta = (uint64_t)ints->v[i] - (uint64_t)ints->span.min;
        bits |= (unsigned __int128)delta << filled;
        filled += width;
        if (filled < 64) continue;
        pqf_store_u64(out->data + out->len, (uint64_t)bits);
        out->len += 8;
        bits >>= 64;
        filled -= 64;
    }
    pqf_store_u64(out->data + out->len, (uint64_t)bits);
    out->len += (size_t)(filled + 7) / 8;
}

static void put_head(const vector_ints *ints, pair p, int32_t width, pqf_buf *out) {
    uint8_t *at = out->data + out->len;
    at[0] = (uint8_t)p.exponent;
    at[1] = (uint8_t)p.factor;
    pqf_store_u16(at + 2, (uint16_t)ints->span.num_exceptions);
    pqf_store_u64(at + 4, (uint64_t)ints->span.min); /* of 4 bytes the low ones */
    at[4 + width] = (uint8_t)span_width(&ints->span);
    out->len += 5 + (size_t)width;
}

static pqf_status put_vector(const uint8_t *values, int64_t n, int32_t width, pair p,
                             pqf_buf *out, pqf_error *err) {
    vector_ints ints;
    make_ints(values, n, width, p, &ints);
    int64_t num_exceptions = ints.span.num_exceptions;
    TRY(pqf_buf_reserve(out, (size_t)(n * width + num_exceptions * (2 + width) + 32),
                        err));
    put_head(&ints, p, width, out);
    pack(&ints, n, span_width(&ints.span), out);
    for (int64_t i = 0; i < num_exceptions; i++, out->len += 2)
        pqf_store_u16(out->data + out->len, ints.exceptions[i]);
    for (int64_t i = 0; i < num_exceptions; i++, out->len += (size_t)width)
        memcpy(out->data + out->len, values + ints.exceptions[i] * width, (size_t)width);
    return PQF_OK;
}

static pqf_status put_page_head(int64_t num_values, int64_t num_vectors, pqf_buf *out,
                                pqf_error *err) {
    size_t bytes = HEADER_BYTES + (size_t)num_vectors * 4;
    TRY(pqf_buf_reserve(out, bytes, err));
    uint8_t *head = out->data + out->len;
    memset(head, 0, bytes);
    head[2] = LOG_SIZE;
    pqf_store_u32(head + 3, (uint32_t)num_values);
    out->len += bytes;
    return PQF_OK;
}

pqf_status pqf_alp_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err) {
    int64_t num_vectors = (page->num_values + VECTOR_SIZE - 1) >> LOG_SIZE;
    size_t offsets = out->len + HEADER_BYTES;
    presets best;
    if (page->num_values > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "alp: a page of %lld values",
                        (long long)page->num_values);
    TRY(put_page_head(page->num_values, num_vectors, out, err));
    if (num_vectors) choose_presets(page, &best);
    for (int64_t i = 0; i < num_vectors; i++) {
        int64_t first = i << LOG_SIZE;
        int64_t n = pqf_min_i64(VECTOR_SIZE, page->num_values - first);
        const uint8_t *values = page->bytes.data + first * page->width;
        pair p = choose_pair(&best, values, n, page->width);
        pqf_store_u32(out->data + offsets + i * 4, (uint32_t)(out->len - offsets));
        TRY(put_vector(values, n, page->width, p, out, err));
    }
    return PQF_OK;
}
