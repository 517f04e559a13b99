/* SPDX-License-Identifier: Apache-2.0
 *
 * delta.c: DELTA_BINARY_PACKED (Encodings.md, Delta Encoding), both directions, for integers and for
 * the lengths of delta_bytes.c.
 *
 *   header  block size | miniblocks per block | count | first value (zigzag)
 *   block   least delta (zigzag) | a width per miniblock | miniblocks: deltas - least, bit-packed
 *
 * All arithmetic is in uint64, which wraps around; INT32 values are its low 32 bits. A miniblock is
 * unpacked in units of 32 values, that begin at whole bytes whatever the width. A pull that ends inside
 * a unit leaves the rest of it in `ahead`.
 *
 * Claims of the header allocate nothing. A block takes a byte per miniblock at least, so that no more
 * blocks are walked than there are bytes; values of width 0 are made only as far as they are pulled.
 */
#include "row.h"

#define BLOCK_VALUES 128
#define NUM_MINIS    4
/* Units unpacked at once, so that both passes stay in L1. */
#define STEP_VALUES 512

static pqf_status fail_short(const char *name, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "%s: the page ends inside a block of deltas", name);
}

/* ---- header and blocks ---- */

static pqf_status check_shape(const pqf_delta *d, uint64_t block, uint64_t minis,
                              uint64_t count, const char *name, pqf_error *err) {
    bool fits = block > 0 && block <= INT32_MAX && minis > 0 && block % minis == 0;
    if (!fits || block / minis % PQF_DELTA_UNIT != 0 || count > INT64_MAX)
        return pqf_fail(err, PQF_CORRUPT,
                        "%s: blocks of %llu values in %llu miniblocks, %llu values", name,
                        (unsigned long long)block, (unsigned long long)minis,
                        (unsigned long long)count);
    if (count > 1 && minis > (uint64_t)(d->end - d->p)) return fail_short(name, err);
    return PQF_OK;
}

pqf_status pqf_delta_begin(pqf_delta *d, const pqf_kernels *kernel, pqf_bytes in,
                           const char *name, pqf_error *err) {
    pqf_cursor c = pqf_cursor_of(in);
    uint64_t block = pqf_cursor_varint(&c), minis = pqf_cursor_varint(&c);
    uint64_t count = pqf_cursor_varint(&c);
    int64_t first = pqf_zigzag_decode(pqf_cursor_varint(&c));
    d->kernel = kernel;
    d->p = c.p;
    d->end = c.end;
    d->num_left = d->body_left = d->ahead_left = 0;
    if (in.len == 0) { /* a page of nulls alone */
        d->at_first = false;
        return PQF_OK;
    }
    if (c.overrun)
        return pqf_fail(err, PQF_CORRUPT, "%s: the page ends inside the header", name);
    TRY(check_shape(d, block, minis, count, name, err));
    d->mini_values = (int64_t)(block / minis);
    d->num_minis = d->mini = (int64_t)minis;
    d->last = (uint64_t)first;
    d->at_first = count > 0;
    d->num_left = (int64_t)count;
    return PQF_OK;
}

static pqf_status open_block(pqf_delta *d, const char *name, pqf_error *err) {
    pqf_cursor c = {d->p, d->end, false};
    d->min_delta = (uint64_t)pqf_zigzag_decode(pqf_cursor_varint(&c));
    d->widths = pqf_cursor_take(&c, (uint64_t)d->num_minis).data;
    if (c.overrun) return fail_short(name, err);
    d->p = c.p;
    d->mini = 0;
    return PQF_OK;
}

static pqf_status check_width(int width, const char *name, pqf_error *err) {
    if (width <= 64) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT, "%s: a miniblock of %d bits per value", name,
                    width);
}

/* The last miniblock may be cut short behind its last value: writers exist that do not pad it. */
static pqf_status open_mini(pqf_delta *d, const char *name, pqf_error *err) {
    if (d->mini == d->num_minis) TRY(open_block(d, name, err));
    int width = d->widths[d->mini++];
    TRY(check_width(width, name, err));
    uint64_t left = (uint64_t)(d->end - d->p);
    uint64_t size = (uint64_t)d->mini_values / 8 * (uint64_t)width;
    uint64_t wanted = (uint64_t)pqf_min_i64(d->num_left, d->mini_values);
    if (size > left) {
        size = left;
        if ((wanted * (uint64_t)width + 7) / 8 > left) return fail_short(name, err);
    }
    d->body = d->p;
    d->body_end = d->p + size;
    d->body_left = d->mini_values;
    d->width = width;
    d->p += size;
    return PQF_OK;
}

pqf_status pqf_delta_find_end(const pqf_delta *from, const uint8_t **out,
                              const char *name, pqf_error *err) {
    pqf_delta d = *from;
    for (int64_t left = d.num_left - 1; left > 0;) {
        TRY(open_block(&d, name, err));
        for (; d.mini < d.num_minis && left > 0; d.mini++, left -= d.mini_values) {
            TRY(check_width(d.widths[d.mini], name, err));
            uint64_t size = (uint64_t)d.mini_values / 8 * d.widths[d.mini];
            if (size > (uint64_t)(d.end - d.p)) return fail_short(name, err);
            d.p += size;
        }
    }
    *out = d.p;
    return PQF_OK;
}

/* ---- units ---- */

/* Whole units to values of 4 or 8 bytes. in has slack behind the bytes that are read. */
static void decode_units(pqf_delta *d, const uint8_t *in, int64_t n, int32_t width,
                         uint8_t *out) {
    const pqf_kernels *k = d->kernel;
    if (width == 8) {
        uint64_t *to = (uint64_t *)(void *)out;
        k->unpack_u64(in, d->width, n, to);
        d->last = k->prefix_sum_64(to, n, d->min_delta, d->last);
        return;
    }
    uint32_t *to = (uint32_t *)(void *)out;
    if (d->width <= 32) {
        k->unpack_u32(in, d->width, n, to);
    } else {
        uint64_t wide[PQF_DELTA_UNIT + PQF_SLACK / 8];
        for (int64_t i = 0; i < n; i += PQF_DELTA_UNIT) {
            k->unpack_u64(in + i / 8 * d->width, d->width, PQF_DELTA_UNIT, wide);
            for (int j = 0; j < PQF_DELTA_UNIT; j++)
                pqf_store_u32(to + i + j, (uint32_t)wide[j]);
        }
    }
    d->last = k->prefix_sum_32(to, n, (uint32_t)d->min_delta, (uint32_t)d->last);
}

static void advance(pqf_delta *d, int64_t n) {
    size_t size = (size_t)(n / 8) * (size_t)d->width;
    size_t left = (size_t)(d->body_end - d->body);
    d->body += size < left ? size : left;
    d->body_left -= n;
}

/* One unit to where its values may wait; the one that the page ends in is completed with zeros. */
static void decode_ahead(pqf_delta *d, int32_t width) {
    uint8_t padded[8 * PQF_DELTA_UNIT + PQF_SLACK];
    uint64_t values[PQF_DELTA_UNIT + PQF_SLACK / 8];
    const uint8_t *in = d->body;
    size_t size = PQF_DELTA_UNIT / 8 * (size_t)d->width;
    size_t left = (size_t)(d->body_end - d->body);
    if (size > left) {
        memset(padded, 0, sizeof padded);
        if (left) memcpy(padded, in, left);
        in = padded;
    }
    decode_units(d, in, PQF_DELTA_UNIT, width, (uint8_t *)values);
    advance(d, PQF_DELTA_UNIT);
    memcpy(d->ahead, values, sizeof d->ahead);
    d->ahead_at = 0;
    d->ahead_left = PQF_DELTA_UNIT;
}

static int64_t take_ahead(pqf_delta *d, int64_t n, int32_t width, uint8_t *out) {
    int64_t part = pqf_min_i64(n, d->ahead_left);
    memcpy(out, (const uint8_t *)d->ahead + (size_t)d->ahead_at * (size_t)width,
           (size_t)(part * width));
    d->ahead_at += (int)part;
    d->ahead_left -= (int)part;
    return part;
}

/* Whole units that lie in the page, at most n values; 0: there is none. */
static int64_t whole_units(const pqf_delta *d, int64_t n) {
    n = pqf_min_i64(pqf_min_i64(n, d->body_left), STEP_VALUES);
    n -= n % PQF_DELTA_UNIT;
    uint64_t left = (uint64_t)(d->body_end - d->body);
    bool whole = (uint64_t)n / 8 * (uint64_t)d->width <= left;
    return whole ? n : 0;
}

/* Some of the next n values. */
static pqf_status next_part(pqf_delta *d, int64_t n, int32_t width, uint8_t *out,
                            int64_t *part, const char *name, pqf_error *err) {
    if (d->at_first) {
        memcpy(out, &d->last, (size_t)width);
        d->at_first = false;
        *part = 1;
        return PQF_OK;
    }
    if (d->ahead_left == 0) {
        if (d->body_left == 0) TRY(open_mini(d, name, err));
        *part = whole_units(d, n);
        if (*part > 0) {
            decode_units(d, d->body, *part, width, out);
            advance(d, *part);
            return PQF_OK;
        }
        decode_ahead(d, width);
    }
    *part = take_ahead(d, n, width, out);
    return PQF_OK;
}

pqf_status pqf_delta_next(pqf_delta *d, int64_t n, int32_t width, uint8_t *out,
                          const char *name, pqf_error *err) {
    if (n > d->num_left)
        return pqf_fail(err, PQF_CORRUPT, "%s: %lld values wanted, %lld are left", name,
                        (long long)n, (long long)d->num_left);
    for (int64_t part; n > 0; n -= part) {
        TRY(next_part(d, n, width, out, &part, name, err));
        out += part * width;
        d->num_left -= part;
    }
    return PQF_OK;
}

/* ---- the rows of DELTA_BINARY_PACKED ---- */

#define NAME "delta binary packed"

pqf_status pqf_delta_ints_begin(pqf_decoder *d, pqf_error *err) {
    return pqf_delta_begin(&d->delta, d->kernel, d->in, NAME, err);
}

pqf_status pqf_delta_ints_decode(pqf_decoder *d, int64_t n, uint8_t *out,
                                 pqf_error *err) {
    return pqf_delta_next(&d->delta, n, d->width, out, NAME, err);
}

pqf_status pqf_delta_ints_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    uint64_t values[STEP_VALUES + PQF_SLACK / 8];
    for (int64_t part; n > 0; n -= part) {
        part = pqf_min_i64(n, STEP_VALUES);
        TRY(pqf_delta_next(&d->delta, part, d->width, (uint8_t *)values, NAME, err));
    }
    return PQF_OK;
}

/* ---- encoding ---- */

pqf_status pqf_delta_sink_begin(pqf_delta_sink *s, const pqf_kernels *kernel,
                                int32_t width, int64_t num_values, pqf_buf *out,
                                pqf_error *err) {
    s->kernel = kernel;
    s->width = width;
    s->out = out;
    s->last = 0;
    s->at_first = true;
    s->num_deltas = 0;
    TRY(pqf_buf_put_varint(out, BLOCK_VALUES, err));
    TRY(pqf_buf_put_varint(out, NUM_MINIS, err));
    return pqf_buf_put_varint(out, (uint64_t)num_values, err);
}

static int64_t signed_of(const pqf_delta_sink *s, uint64_t v) {
    return s->width == 4 ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v;
}

static int64_t least_delta(const pqf_delta_sink *s) {
    int64_t least = signed_of(s, s->deltas[0]);
    for (int i = 1; i < s->num_deltas; i++)
        least = pqf_min_i64(least, signed_of(s, s->deltas[i]));
    return least;
}

/* Deltas above the least one; those that the block lacks are 0. */
static void subtract(pqf_delta_sink *s, uint64_t least) {
    uint64_t mask = s->width == 4 ? UINT32_MAX : UINT64_MAX;
    for (int i = 0; i < s->num_deltas; i++)
        s->deltas[i] = (s->deltas[i] - least) & mask;
    memset(s->deltas + s->num_deltas, 0,
           (size_t)(BLOCK_VALUES - s->num_deltas) * sizeof *s->deltas);
}

static int width_of(const uint64_t *deltas) {
    uint64_t all = 0;
    for (int i = 0; i < BLOCK_VALUES / NUM_MINIS; i++)
        all |= deltas[i];
    return pqf_bit_width(all);
}

static pqf_status put_block(pqf_delta_sink *s, pqf_error *err) {
    const int mini = BLOCK_VALUES / NUM_MINIS;
    int64_t least = least_delta(s);
    subtract(s, (uint64_t)least);
    TRY(pqf_buf_put_varint(s->out, pqf_zigzag_encode(least), err));
    TRY(pqf_buf_reserve(s->out, NUM_MINIS + BLOCK_VALUES * 8, err));
    uint8_t *widths = s->out->data + s->out->len, *body = widths + NUM_MINIS;
    for (int m = 0; m < NUM_MINIS; m++) {
        widths[m] = (uint8_t)width_of(s->deltas + m * mini);
        s->kernel->pack_u64(s->deltas + m * mini, widths[m], mini, body);
        body += mini / 8 * widths[m]; /* 0 where the block ends before this miniblock */
    }
    s->out->len += (size_t)(body - widths);
    s->num_deltas = 0;
    return PQF_OK;
}

pqf_status pqf_delta_sink_put(pqf_delta_sink *s, uint64_t value, pqf_error *err) {
    if (s->at_first) {
        s->at_first = false;
        s->last = value;
        return pqf_buf_put_varint(s->out, pqf_zigzag_encode(signed_of(s, value)), err);
    }
    s->deltas[s->num_deltas++] = value - s->last;
    s->last = value;
    return s->num_deltas == BLOCK_VALUES ? put_block(s, err) : PQF_OK;
}

pqf_status pqf_delta_sink_end(pqf_delta_sink *s, pqf_error *err) {
    if (s->at_first) return pqf_buf_put_varint(s->out, 0, err);
    return s->num_deltas ? put_block(s, err) : PQF_OK;
}

/* Whole blocks without a call per value. */
static pqf_status put_ints(pqf_delta_sink *s, const uint8_t *in, int64_t n,
                           pqf_error *err) {
    int64_t i = 0;
    if (n > 0)
        TRY(pqf_delta_sink_put(s, s->width == 4 ? pqf_load_u32(in) : pqf_load_u64(in),
                               err));
    for (i = 1; i < n;) {
        int part = (int)pqf_min_i64(BLOCK_VALUES, n - i);
        if (s->width == 4) {
            for (int j = 0; j < part; j++)
                s->deltas[j] = (uint64_t)pqf_load_u32(in + (i + j) * 4) -
                               pqf_load_u32(in + (i + j - 1) * 4);
        } else {
            for (int j = 0; j < part; j++)
                s->deltas[j] =
                    pqf_load_u64(in + (i + j) * 8) - pqf_load_u64(in + (i + j - 1) * 8);
        }
        s->num_deltas = part;
        i += part;
        TRY(put_block(s, err));
    }
    return PQF_OK;
}

pqf_status pqf_delta_ints_encode(const pqf_plain_page *page, pqf_buf *out,
                                 pqf_error *err) {
    pqf_delta_sink s;
    TRY(pqf_delta_sink_begin(&s, page->kernel, page->width, page->num_values, out, err));
    TRY(put_ints(&s, page->bytes.data, page->num_values, err));
    return pqf_delta_sink_end(&s, err);
}
