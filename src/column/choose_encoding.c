/* SPDX-License-Identifier: Apache-2.0
 *
 * choose_encoding.c (room column): encoding "auto". In: the first values of a chunk as PLAIN bytes.
 * Out: the encoding of pages that hold their values themselves, and what a dictionary has to beat.
 *
 *   sample ─ every encoding that the type can have ─ codec ─► bytes
 *         └─ fewest bytes of those that are read in at most SLOWER times the time of PLAIN
 *
 * The bytes are measured; the time is not, for the same rows must give the same file: it is estimated
 * from the table below, whose rows were measured once (bench/encoding.c) on one machine. Ratios between
 * them hold elsewhere, and one core is as good as another for a choice that only has to be near.
 */
#include "chunk_writer.h"

#define SAMPLE_BYTES 131072
/* An estimate of 1.1 keeps what is measured below 1.2. */
#define SLOWER 1.1
/* What saves less than 1 of so many bytes is not worth leaving PLAIN for. */
#define LEAST_GAIN 50
/* Picoseconds per byte of values that every read takes: memory that is written for the first time. */
#define READ_PS 350

/* Picoseconds per byte of values, beside what PLAIN takes. */
typedef struct candidate {
    int32_t encoding;
    int32_t decode_ps;
} candidate;

static const candidate candidates[] = {
    {PQF_PLAIN, 0},
    {PQF_RLE, 0},
    {PQF_DELTA_BINARY_PACKED, 200},
    {PQF_BYTE_STREAM_SPLIT, 60},
    {PQF_DELTA_LENGTH_BYTE_ARRAY, 0},
    {PQF_DELTA_BYTE_ARRAY, 250},
};
#define NUM_CANDIDATES (sizeof candidates / sizeof candidates[0])

/* Picoseconds per decompressed byte. */
static int64_t codec_ps(int32_t codec) {
    switch (codec) {
    case PQF_UNCOMPRESSED: return 0;
    case PQF_SNAPPY: return 500;
    case PQF_LZ4_RAW: return 300;
    case PQF_ZSTD: return 800;
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

static int64_t read_ps(const pqf_chunk_writer *w, const candidate *c, const measure *m,
                       int64_t plain_bytes) {
    return m->raw_bytes * codec_ps(w->options.codec) +
           plain_bytes * (READ_PS + c->decode_ps);
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
        int64_t ps = read_ps(w, c, &m, (int64_t)plain.len);
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
