/* SPDX-License-Identifier: Apache-2.0
 *
 * guess.c (room column): whether the dictionary of a chunk of one page is worth trying. Most of
 * the time of small partitions would go into dictionaries of keys and names that never repeat.
 * In: the page's values as PLAIN bytes; out: false only where the dictionary would not pay.
 *
 * A sample of k of the n values, drawn by a fixed rule, each position as likely as any other, so no
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
/* Fewer values are tried: it takes no longer. */
#define LEAST_VALUES (2 * SAMPLE)

typedef struct sample {
    uint64_t slots[1 << SLOT_BITS]; /* hashes, 0: free */
    int64_t num_equal;
} sample;

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return x ^ x >> 29;
}

/* Never 0. Values whose hashes are equal by chance count as equal: one in 2^40 samples. */
static uint64_t hash_of(const uint8_t *p, size_t len) {
    uint64_t hash = len, word = 0;
    for (; len >= 8; p += 8, len -= 8)
        hash = mix(hash ^ pqf_load_u64(p)) + 1;
    memcpy(&word, p, len);
    hash = mix(mix(hash ^ word) + 1);
    return hash ? hash : 1;
}

static void put(sample *s, uint64_t hash) {
    size_t mask = ((size_t)1 << SLOT_BITS) - 1, at = (size_t)(hash & mask);
    while (s->slots[at] && s->slots[at] != hash)
        at = (at + 1) & mask;
    s->num_equal += s->slots[at] == hash;
    s->slots[at] = hash;
}

/* Each of the n values is taken with the chance of those still wanted among those still to come, so
 * it is exactly SAMPLE of them. A value met for the third time counts once more, not twice: fewer
 * pairs than there are, but then they are many. */
static void draw(const pqf_chunk_writer *w, int64_t n, sample *s) {
    const uint8_t *p = w->values.data;
    uint64_t state = 1;
    int64_t wanted = SAMPLE;
    for (int64_t i = 0; i < n && wanted > 0 && s->num_equal < ENOUGH; i++) {
        size_t len = w->layout == PQF_FIXED ? (size_t)w->width : pqf_load_u32(p);
        if (w->layout == PQF_BINARY) p += 4;
        state = state * UINT64_C(6364136223846793005) +
                1442695040888963407; /* Knuth's MMIX */
        if ((state >> 32) * (uint64_t)(n - i) >> 32 < (uint64_t)wanted) {
            put(s, hash_of(p, len));
            wanted--;
        }
        p += len;
    }
}

bool pqf_chunk_may_pay(const pqf_chunk_writer *w) {
    int64_t n = w->page.num_values;
    sample s = {.num_equal = 0};
    if (n < LEAST_VALUES) return true;
    draw(w, n, &s);
    if (s.num_equal >= ENOUGH) return true;
    double pairs = (double)(s.num_equal + MARGIN);
    double times = 1 + 2 * pairs * (double)n / ((double)SAMPLE * SAMPLE);
    double distinct = (double)n / times;
    double bytes = (double)w->page.plain_bytes / times +
                   (double)n * pqf_bit_width((uint64_t)distinct) / 8;
    return bytes < (double)w->page.plain_bytes;
}
