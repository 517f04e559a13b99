/* SPDX-License-Identifier: Apache-2.0
 *
 * guess.c (room column): whether a dictionary is worth trying. Most of the time of keys and names that
 * never repeat would go into dictionaries that are left again. In: the first values of a chunk, held as
 * PLAIN bytes. Out: about how many of them differ, and false only where the dictionary would not pay.
 *
 * Of a chunk of several pages all values are counted. Of n different ones that hash to m bits about
 * m (1 - e^(-n/m)) bits are set, so s set bits tell of -m ln(1 - s/m) values; there are three bits
 * and more per value, and the error is far below a percent.
 *
 * Of one page: a sample of k of the n values, drawn by a fixed rule that spreads them like chance, so no
 * order of the values hides repetitions. Were each value there f times, about c = (f - 1) k^2 / 2n
 * pairs in the sample would be equal. With the c that is found, and MARGIN more because it is a
 * sample, n / f values make the dictionary.
 */
#include "chunk_writer.h"

#define SAMPLE    2048
#define SLOT_BITS 12
#define MARGIN    2
/* So many equal pairs are repetitions enough for values of any length. */
#define ENOUGH (SAMPLE / 4)
/* So many equal pairs would be expected, and there is none: e^-8 of such samples. */
#define CLEAR_PAIRS 8
/* Fewer values are tried: it takes no longer. */
#define LEAST_VALUES (2 * SAMPLE)

/* Of 1 KiB. */
#define LEAST_SEEN_BITS 13

typedef struct sample {
    uint64_t slots[1 << SLOT_BITS]; /* hashes, 0: free */
    int64_t num_equal;
} sample;

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return x ^ x >> 29;
}

/* Never 0. Values whose hashes are equal by chance count as equal: one in 2^40 samples. Reads up to 7 bytes
 * behind the value, which the slack of w->values allows. */
static inline uint64_t hash_of(const uint8_t *p, size_t len) {
    uint64_t hash = len;
    for (; len > 8; p += 8, len -= 8)
        hash = mix(hash ^ pqf_load_u64(p)) + 1;
    uint64_t last = pqf_load_u64(p);
    if (len < 8) last &= ((uint64_t)1 << 8 * len) - 1;
    hash = mix(mix(hash ^ last) + 1);
    return hash ? hash : 1;
}

static void put(sample *s, uint64_t hash) {
    size_t mask = ((size_t)1 << SLOT_BITS) - 1, at = (size_t)(hash & mask);
    while (s->slots[at] && s->slots[at] != hash)
        at = (at + 1) & mask;
    s->num_equal += s->slots[at] == hash;
    s->slots[at] = hash;
}

/* ---- counting ---- */

/* Twice the PLAIN bytes that may be held, 4 and more to a value, make less than three bits for each. */
static size_t seen_bytes(const pqf_chunk_writer *w) {
    int bits = pqf_bit_width((uint64_t)w->options.dictionary_page_bytes);
    return (size_t)1 << (pqf_max_i64(bits, LEAST_SEEN_BITS) - 3);
}

static inline int64_t mark_seen(uint8_t *seen, uint64_t at) {
    uint8_t bit = (uint8_t)(1u << (at & 7)), before = seen[at >> 3];
    seen[at >> 3] = before | bit;
    return !(before & bit);
}

static inline __attribute__((always_inline)) int64_t count_fixed(const uint8_t *p,
                                                                 int64_t n, size_t width,
                                                                 uint8_t *seen,
                                                                 uint64_t mask) {
    int64_t num_set = 0;
    for (int64_t i = 0; i < n; i++, p += width)
        num_set += mark_seen(seen, hash_of(p, width) & mask);
    return num_set;
}

static int64_t count_binary(const uint8_t *p, int64_t n, uint8_t *seen, uint64_t mask) {
    int64_t num_set = 0;
    for (int64_t i = 0; i < n; i++) {
        size_t len = pqf_load_u32(p);
        num_set += mark_seen(seen, hash_of(p + 4, len) & mask);
        p += 4 + len;
    }
    return num_set;
}

static int64_t count_new(const pqf_chunk_writer *w, uint8_t *seen, uint64_t mask) {
    const uint8_t *p = pqf_chunk_values(w) + w->counted_bytes;
    int64_t n = w->sum.num_values - w->num_counted;
    if (w->layout == PQF_BINARY) return count_binary(p, n, seen, mask);
    if (w->width == 4) return count_fixed(p, n, 4, seen, mask);
    if (w->width == 8) return count_fixed(p, n, 8, seen, mask);
    return count_fixed(p, n, (size_t)w->width, seen, mask);
}

/* -m ln(1 - x) as a series: the basic operations alone, so that every machine finds the same. */
static int64_t distinct_of(double num_set, double m) {
    double x = num_set / m, power = num_set, sum = 0;
    for (int i = 1; i <= 12; i++, power *= x)
        sum += power / i;
    return (int64_t)sum;
}

pqf_status pqf_chunk_count_distinct(pqf_chunk_writer *w, int64_t *num_distinct,
                                    pqf_error *err) {
    size_t bytes = seen_bytes(w);
    if (!w->seen.len) {
        TRY(pqf_buf_put_zeros(&w->seen, bytes, err));
        w->num_seen = w->num_counted = w->counted_bytes = 0;
    }
    if (w->sum.num_values > w->num_counted)
        w->num_seen += count_new(w, w->seen.data, bytes * 8 - 1);
    w->num_counted = w->sum.num_values;
    w->counted_bytes = w->sum.plain_bytes;
    *num_distinct = pqf_min_i64(distinct_of((double)w->num_seen, (double)bytes * 8),
                                w->sum.num_values);
    return PQF_OK;
}

void pqf_chunk_end_count(pqf_chunk_writer *w) { pqf_buf_reset(&w->seen); }

/* ---- sampling ---- */

/* Each of the n values is taken with the chance of those still wanted among those still to come, so
 * it is exactly SAMPLE of them. A value met for the third time counts once more, not twice: fewer
 * pairs than there are, but then they are many. */
static void draw_binary(const uint8_t *p, int64_t n, sample *s) {
    uint64_t state = 1;
    int64_t wanted = SAMPLE;
    for (int64_t i = 0; i < n && wanted > 0 && s->num_equal < ENOUGH; i++) {
        size_t len = pqf_load_u32(p);
        state = state * UINT64_C(6364136223846793005) +
                1442695040888963407; /* Knuth's MMIX */
        if ((state >> 32) * (uint64_t)(n - i) >> 32 < (uint64_t)wanted) {
            put(s, hash_of(p + 4, len));
            wanted--;
        }
        p += 4 + len;
    }
}

/* The numbers below 2^bits in another order: each step can be undone, so none comes twice. */
static uint64_t shuffled(uint64_t i, int bits) {
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    i = (i * UINT64_C(0x9E3779B97F4A7C15) + 0x632BE5AB) & mask;
    i ^= i >> (bits + 1) / 2;
    i = i * UINT64_C(0xD1342543DE82EF95) & mask;
    return i ^ i >> (bits + 1) / 2;
}

/* Where values repeat just enough to pay, about k^2 / 8 n pairs of the first k would be equal: with none
 * among enough of them the rest is not looked at. */
static bool is_clear(const sample *s, int64_t k, int64_t n) {
    return s->num_equal == 0 && k * k >= n * CLEAR_PAIRS * 8;
}

/* The first SAMPLE of the shuffled positions. */
static void draw_fixed(const uint8_t *p, int64_t n, size_t width, sample *s) {
    int bits = pqf_bit_width((uint64_t)n - 1);
    uint64_t i = 0;
    for (int64_t k = 0; k < SAMPLE && s->num_equal < ENOUGH && !is_clear(s, k, n); i++) {
        uint64_t at = shuffled(i, bits);
        if (at >= (uint64_t)n) continue;
        put(s, hash_of(p + at * width, width));
        k++;
    }
}

static int64_t sampled_distinct(const pqf_chunk_writer *w, int64_t n) {
    sample s = {.num_equal = 0};
    if (w->layout == PQF_BINARY)
        draw_binary(pqf_chunk_values(w), n, &s);
    else
        draw_fixed(pqf_chunk_values(w), n, (size_t)w->width, &s);
    if (s.num_equal >= ENOUGH) return 0;
    double pairs = (double)(s.num_equal + MARGIN);
    double times = 1 + 2 * pairs * (double)n / ((double)SAMPLE * SAMPLE);
    return (int64_t)((double)n / times);
}

pqf_status pqf_chunk_may_pay(pqf_chunk_writer *w, bool *may, pqf_error *err) {
    int64_t n = w->sum.num_values, distinct = 0;
    *may = n < LEAST_VALUES;
    if (*may) return PQF_OK;
    if (w->seen.len)
        TRY(pqf_chunk_count_distinct(w, &distinct, err));
    else
        distinct = sampled_distinct(w, n);
    double plain = (double)w->sum.plain_bytes;
    double bytes = plain * (double)distinct / (double)n +
                   (double)n * pqf_bit_width((uint64_t)distinct) / 8;
    *may = bytes < plain;
    return PQF_OK;
}
