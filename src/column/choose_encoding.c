/* SPDX-License-Identifier: Apache-2.0
 *
 * choose_encoding.c (room column): encoding "auto". In: the first values of a chunk as PLAIN bytes.
 * Out: the encoding of pages that hold their values themselves, and what a dictionary has to beat.
 *
 *   sample ─ every encoding that the type can have ─ codec ─► bytes
 *         └─ fewest bytes of those that are read in at most SLOWER times the time of PLAIN
 *
 * The bytes are measured; the time is not, for the same rows must give the same file: it is estimated
 * from the numbers below, which were measured once (bench/auto.py, bench/encoding.c) on one machine.
 * Ratios between them hold elsewhere, and storage that is slower than memory only makes bytes dearer.
 */
#include "chunk_writer.h"

#define SAMPLE_BYTES 131072
/* An estimate of 1.15 keeps what is measured below 1.2. */
#define SLOWER 1.15
/* What saves less than 1 of so many bytes is not worth leaving PLAIN for. */
#define LEAST_GAIN 50
/* Pages of which a codec saves less than 1 of so many bytes hardly hold anything but literals. */
#define LEAST_PACKED 100

/* Picoseconds that every read takes: per byte of the file, per byte of PLAIN values, per string, and per
 * null. */
#define STORED_PS     220
#define VALUE_BYTE_PS 70
#define STRING_PS     2000
#define NULL_PS       300
/* Picoseconds per byte of literals, which a codec only copies. */
#define LITERAL_PS 40

/* Picoseconds beside what PLAIN takes. */
typedef struct candidate {
    int32_t encoding;
    int32_t byte_ps;  /* per byte of PLAIN values */
    int32_t value_ps; /* per value */
} candidate;

static const candidate candidates[] = {
    {PQF_PLAIN, 0, 0},
    {PQF_RLE, 0, 0},
    {PQF_DELTA_BINARY_PACKED, 60, 0},
    {PQF_BYTE_STREAM_SPLIT, 20, 0},
    {PQF_DELTA_LENGTH_BYTE_ARRAY, 0, 0},
    {PQF_DELTA_BYTE_ARRAY, 0, 4500},
};
#define NUM_CANDIDATES (sizeof candidates / sizeof candidates[0])

/* Picoseconds per decompressed byte of pages that are not literals alone; between pages it differs by
 * a factor of ten, and no number of bytes tells which they are: these are of the quicker ones that
 * encodings make, except for snappy, where many are slow. */
static int64_t match_ps(int32_t codec) {
    switch (codec) {
    case PQF_SNAPPY: return 500;
    case PQF_LZ4_RAW: return 70;
    case PQF_ZSTD: return 600;
    default: return 2500;
    }
}

typedef struct measure {
    int64_t raw_bytes;    /* encoded */
    int64_t packed_bytes; /* and compressed */
} measure;

static pqf_status pack(const pqf_chunk_writer *w, pqf_bytes raw, pqf_scratch *scratch,
                       int64_t *num_bytes, pqf_error *err) {
    *num_bytes = (int64_t)raw.len;
    if (w->options.codec == PQF_UNCOMPRESSED || raw.len == 0) return PQF_OK;
    scratch->blocks.len = 0;
    TRY(pqf_codec_compress(&scratch->codec, w->options.codec, w->options.level, raw,
                           &scratch->blocks, err));
    *num_bytes = (int64_t)scratch->blocks.len;
    return PQF_OK;
}

static pqf_status measure_encoding(const pqf_chunk_writer *w, int32_t encoding,
                                   pqf_bytes plain, int64_t num_values,
                                   pqf_scratch *scratch, measure *out, pqf_error *err) {
    pqf_bytes raw = plain;
    if (encoding != PQF_PLAIN) {
        scratch->extra.len = 0;
        TRY(pqf_encode_page(w->options.kernel, encoding, w->leaf->physical, w->width,
                            plain, num_values, &scratch->extra, err));
        raw = pqf_buf_view(&scratch->extra);
    }
    out->raw_bytes = (int64_t)raw.len;
    return pack(w, raw, scratch, &out->packed_bytes, err);
}

static int64_t codec_ps(const pqf_chunk_writer *w, const measure *m) {
    if (w->options.codec == PQF_UNCOMPRESSED) return 0;
    bool literals = m->packed_bytes > m->raw_bytes - m->raw_bytes / LEAST_PACKED;
    return m->raw_bytes * (literals ? LITERAL_PS : match_ps(w->options.codec));
}

/* Of the n values of a sample of the page, plain_bytes as PLAIN. */
static int64_t read_ps(const pqf_chunk_writer *w, const candidate *c, const measure *m,
                       int64_t plain_bytes, int64_t n, const pqf_open_page *page) {
    double nulls = (double)(page->num_levels - page->num_values);
    int64_t value_ps = c->value_ps + (w->layout == PQF_BINARY ? STRING_PS : 0);
    return m->packed_bytes * STORED_PS + codec_ps(w, m) +
           plain_bytes * (VALUE_BYTE_PS + c->byte_ps) + n * value_ps +
           (int64_t)(NULL_PS * nulls * (double)n / (double)page->num_values);
}

/* The first whole ones of the page's values within SAMPLE_BYTES, at least one. */
static pqf_bytes sample_of(const pqf_chunk_writer *w, const pqf_open_page *page,
                           int64_t *num_values) {
    pqf_bytes plain = pqf_chunk_plain_of(w, page);
    const uint8_t *p = plain.data;
    int64_t i = 0, n = page->num_values;
    size_t bytes = plain.len;
    if (w->layout == PQF_BITS) {
        n = pqf_min_i64(n, SAMPLE_BYTES * 8);
        bytes = (size_t)pqf_bits_bytes(n);
    } else if (w->layout == PQF_FIXED) {
        n = pqf_min_i64(n, pqf_max_i64(SAMPLE_BYTES / pqf_max_i64(w->width, 1), 1));
        bytes = (size_t)(n * w->width);
    } else if (bytes > SAMPLE_BYTES) {
        for (bytes = 0; i < n && (i == 0 || bytes < SAMPLE_BYTES); i++)
            bytes += 4 + pqf_load_u32(p + bytes);
        n = i;
    }
    *num_values = n;
    return (pqf_bytes){p, bytes};
}

static pqf_status choose(pqf_chunk_writer *w, const pqf_open_page *page,
                         pqf_scratch *scratch, pqf_error *err) {
    int64_t num_values, most_ps = 0, least = 0;
    pqf_bytes plain = sample_of(w, page, &num_values);
    w->encoding = PQF_PLAIN;
    for (size_t i = 0; i < NUM_CANDIDATES; i++) {
        const candidate *c = &candidates[i];
        measure m;
        if (!pqf_encoding_writes(c->encoding, w->leaf->physical)) continue;
        TRY(measure_encoding(w, c->encoding, plain, num_values, scratch, &m, err));
        int64_t ps = read_ps(w, c, &m, (int64_t)plain.len, num_values, page);
        if (i == 0) { /* PLAIN, which every type has */
            most_ps = (int64_t)(SLOWER * (double)ps);
            w->plain_share = (double)m.packed_bytes / (double)plain.len;
            least = m.packed_bytes - m.packed_bytes / LEAST_GAIN;
        } else if (ps <= most_ps && m.packed_bytes < least) {
            w->encoding = c->encoding;
            least = m.packed_bytes;
        }
    }
    w->share =
        w->encoding == PQF_PLAIN ? w->plain_share : (double)least / (double)plain.len;
    return PQF_OK;
}

pqf_status pqf_chunk_choose_encoding(pqf_chunk_writer *w, const pqf_open_page *page,
                                     pqf_scratch *scratch, pqf_error *err) {
    if (w->encoding != PQF_ENCODING_AUTO || page->plain_bytes == 0) return PQF_OK;
    return choose(w, page, scratch, err);
}

pqf_status pqf_chunk_weigh_codes(pqf_chunk_writer *w, pqf_scratch *scratch,
                                 pqf_error *err) {
    int64_t n = (int64_t)(w->codes.len / sizeof(uint32_t)), packed;
    pqf_bytes dictionary = pqf_dict_page_bytes(w->dictionary);
    if (w->options.encoding != PQF_ENCODING_AUTO || n == 0 || dictionary.len == 0)
        return PQF_OK;
    const uint32_t *codes = (const uint32_t *)(void *)w->codes.data;
    int width = pqf_bit_width((uint64_t)pqf_dict_num_values(w->dictionary) - 1);
    scratch->extra.len = 0;
    TRY(pqf_rle_encode_u32(w->options.kernel, codes, n, width ? width : 1,
                           &scratch->extra, err));
    TRY(pack(w, pqf_buf_view(&scratch->extra), scratch, &packed, err));
    w->code_share = (double)packed * 8 / (double)(n * (width ? width : 1));
    TRY(pack(w, dictionary, scratch, &packed, err));
    w->dictionary_share = (double)packed / (double)dictionary.len;
    return PQF_OK;
}
