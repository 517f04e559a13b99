/* SPDX-License-Identifier: Apache-2.0
 *
 * delta.c: DELTA_BINARY_PACKED (Encodings.md, Delta Encoding), decoder and encoder, as an encoding of
 * INT32 and INT64 and as the form of lengths in delta_bytes.c.
 *
 *   varint values of a block | varint miniblocks of a block | varint num_values | zigzag first value
 *   block := zigzag min_delta | one width byte per miniblock | miniblock ...
 *   miniblock := (value - value before - min_delta) of each, `width` bits, low bits first
 *
 * The decoder is a pull: what it unpacks are differences, in place in the output, which one prefix
 * sum a block makes values of. All arithmetic wraps around, in 32 or 64 bits. That a miniblock's
 * bytes exist is checked once, when it is opened; behind that check its values may be taken without
 * further questions.
 */
#include "row.h"

/* ---- decoder: header, blocks, miniblocks ---- */

/* No sum or product of sizes overflows: a miniblock of so many values in 64 bits is below 2^60 bytes, and
 * those of one width are taken together until they have the page's values, fewer than 2^31. Larger than
 * a page a block may be: what is not needed of the last one need not be there. */
#define MAX_BLOCK_VALUES ((uint64_t)INT64_MAX / 64)

/* What the specification demands of a header. */
static bool header_is_valid(uint64_t block, uint64_t num_miniblocks) {
    return block > 0 && block <= MAX_BLOCK_VALUES && block % 128 == 0 &&
           num_miniblocks > 0 && block % num_miniblocks == 0 &&
           block / num_miniblocks % 32 == 0;
}

pqf_status pqf_delta_begin(pqf_delta *d, const pqf_kernels *kernel, pqf_bytes in,
                           int32_t width, const char *name, pqf_error *err) {
    *d = (pqf_delta){.kernel = kernel, .name = name, .value_bytes = width, .p = in.data};
    if (in.len == 0) return PQF_OK;
    pqf_cursor c = pqf_cursor_of(in);
    uint64_t block = pqf_cursor_varint(&c), num_miniblocks = pqf_cursor_varint(&c);
    uint64_t num_values = pqf_cursor_varint(&c);
    d->value = (uint64_t)pqf_zigzag_decode(pqf_cursor_varint(&c));
    if (c.overrun)
        return pqf_fail(err, PQF_CORRUPT, "%s: %zu bytes hold no whole header", d->name,
                        in.len);
    if (!header_is_valid(block, num_miniblocks)) {
        return pqf_fail(err, PQF_CORRUPT,
                        "%s: blocks of %llu values in %llu miniblocks, expected "
                        "multiples of 128 and of 32 values",
                        d->name, (unsigned long long)block,
                        (unsigned long long)num_miniblocks);
    }
    if (num_values > INT32_MAX) {
        return pqf_fail(err, PQF_CORRUPT, "%s: a page of %llu values", d->name,
                        (unsigned long long)num_values);
    }
    d->p = c.p;
    d->end = c.end;
    d->at_first = num_values > 0;
    d->num_values = d->values_left = (int64_t)num_values;
    d->num_miniblocks = (int64_t)num_miniblocks;
    d->miniblock_values = (int64_t)(block / num_miniblocks);
    return PQF_OK;
}

static pqf_status open_block(pqf_delta *d, pqf_error *err) {
    pqf_cursor c = {d->p, d->end, false};
    d->min_delta = (uint64_t)pqf_zigzag_decode(pqf_cursor_varint(&c));
    d->widths = pqf_cursor_take(&c, (uint64_t)d->num_miniblocks).data;
    if (c.overrun) {
        return pqf_fail(err, PQF_CORRUPT,
                        "%s: the bytes end before the last of %lld values", d->name,
                        (long long)d->num_values);
    }
    d->p = c.p;
    d->miniblocks_left = d->num_miniblocks;
    return PQF_OK;
}

/* Widths of miniblocks that hold no value may be anything: this one holds some. */
static pqf_status next_width(pqf_delta *d, pqf_error *err) {
    d->width = *d->widths++;
    d->miniblocks_left--;
    if (d->width > 64) {
        return pqf_fail(err, PQF_CORRUPT, "%s: a bit width of %d is not in 0..64",
                        d->name, d->width);
    }
    return PQF_OK;
}

/* A miniblock of 32 k values fills 4 k width bytes. */
static int64_t miniblock_bytes(const pqf_delta *d) {
    return d->miniblock_values / 8 * d->width;
}

/* The next miniblock, and those behind it that have the same width: their bytes go on where its
 * own end. The padding behind the last value of all need not be there. */
static pqf_status open_miniblocks(pqf_delta *d, pqf_error *err) {
    if (d->miniblocks_left == 0) TRY(open_block(d, err));
    TRY(next_width(d, err));
    int64_t num_values = d->miniblock_values, num_bytes = miniblock_bytes(d);
    while (d->miniblocks_left > 0 && *d->widths == d->width &&
           num_values < d->values_left) {
        num_values += d->miniblock_values;
        num_bytes += miniblock_bytes(d);
        d->widths++;
        d->miniblocks_left--;
    }
    d->packed = d->p;
    d->packed_at = 0;
    d->packed_left = pqf_min_i64(num_values, d->values_left);
    int64_t left = d->end - d->p;
    if (left < pqf_bits_bytes(d->packed_left * d->width)) {
        return pqf_fail(err, PQF_CORRUPT,
                        "%s: %lld values of %d bits where %lld bytes are left", d->name,
                        (long long)d->packed_left, d->width, (long long)left);
    }
    d->p += pqf_min_i64(num_bytes, left);
    return PQF_OK;
}

pqf_status pqf_delta_find_end(const pqf_delta *begun, const uint8_t **end,
                              pqf_error *err) {
    pqf_delta d = *begun;
    int64_t values_left = d.num_values - 1;
    while (values_left > 0) {
        if (d.miniblocks_left == 0) TRY(open_block(&d, err));
        TRY(next_width(&d, err));
        d.p += pqf_min_i64(miniblock_bytes(&d), d.end - d.p);
        values_left -= d.miniblock_values;
    }
    *end = d.p;
    return PQF_OK;
}

/* ---- decoder: values ---- */

/* Foreign INT32 data in more than 32 bits: what exceeds them does not count. */
static void unpack_low_halves(const pqf_delta *d, const uint8_t *in, int64_t n,
                              uint8_t *out) {
    uint64_t wide[64 + PQF_SLACK / sizeof(uint64_t)];
    while (n > 0) {
        int64_t part = pqf_min_i64(64, n);
        d->kernel->unpack_u64(in, d->width, part, wide);
        for (int64_t i = 0; i < part; i++)
            pqf_store_u32(out + 4 * i, (uint32_t)wide[i]);
        in += 8 * d->width; /* 64 values */
        out += 4 * part;
        n -= part;
    }
}

static void unpack_group(const pqf_delta *d, int64_t n, uint8_t *out) {
    const uint8_t *in = d->packed + (d->packed_at >> 3) * d->width;
    if (d->value_bytes == 8)
        d->kernel->unpack_u64(in, d->width, n, (uint64_t *)(void *)out);
    else if (d->width <= 32)
        d->kernel->unpack_u32(in, d->width, n, (uint32_t *)(void *)out);
    else
        unpack_low_halves(d, in, n, out);
}

static void packed_advance(pqf_delta *d, int64_t n) {
    d->packed_at += n;
    d->packed_left -= n;
    d->values_left -= n;
}

/* The next n differences, which are in open miniblocks. Kernels start at whole bytes, which every
 * eighth value does: a place between is left through a small block. */
static void unpack(pqf_delta *d, int64_t n, uint8_t *out) {
    int64_t skew = d->packed_at & 7, head = 0;
    if (skew) {
        uint8_t group[8 * 8 + PQF_SLACK];
        head = pqf_min_i64(n, 8 - skew);
        unpack_group(d, skew + head, group);
        memcpy(out, group + skew * d->value_bytes, (size_t)(head * d->value_bytes));
        packed_advance(d, head);
    }
    if (n == head) return;
    unpack_group(d, n - head, out + head * d->value_bytes);
    packed_advance(d, n - head);
}

/* Up to n values of one block; *part is how many there were. */
static pqf_status next_of_block(pqf_delta *d, int64_t n, uint8_t *out, int64_t *part,
                                pqf_error *err) {
    int64_t done = 0;
    do {
        if (d->packed_left == 0) TRY(open_miniblocks(d, err));
        int64_t step = pqf_min_i64(n - done, d->packed_left);
        unpack(d, step, out + done * d->value_bytes);
        done += step;
    } while (done < n && d->miniblocks_left > 0);
    if (d->value_bytes == 8)
        d->value = d->kernel->prefix_sum_64((uint64_t *)(void *)out, done, d->min_delta,
                                            d->value);
    else
        d->value = d->kernel->prefix_sum_32((uint32_t *)(void *)out, done,
                                            (uint32_t)d->min_delta, (uint32_t)d->value);
    *part = done;
    return PQF_OK;
}

pqf_status pqf_delta_decode(pqf_delta *d, int64_t n, uint8_t *out, pqf_error *err) {
    if (n > d->values_left) {
        return pqf_fail(err, PQF_CORRUPT, "%s: %lld values wanted, %lld of %lld are left",
                        d->name, (long long)n, (long long)d->values_left,
                        (long long)d->num_values);
    }
    if (n > 0 && d->at_first) {
        memcpy(out, &d->value, (size_t)d->value_bytes);
        d->at_first = false;
        d->values_left--;
        out += d->value_bytes;
        n--;
    }
    while (n > 0) {
        int64_t part;
        TRY(next_of_block(d, n, out, &part, err));
        out += part * d->value_bytes;
        n -= part;
    }
    return PQF_OK;
}

/* A value is the sum of all before it: they are decoded, unless no more are wanted. */
pqf_status pqf_delta_skip(pqf_delta *d, int64_t n, pqf_error *err) {
    uint8_t values[PQF_BLOCK * 8 + PQF_SLACK];
    if (n == d->values_left) {
        d->values_left = d->packed_left = 0;
        return PQF_OK;
    }
    while (n > 0) {
        int64_t part = pqf_min_i64(n, PQF_BLOCK);
        TRY(pqf_delta_decode(d, part, values, err));
        n -= part;
    }
    return PQF_OK;
}

/* ---- encoder ---- */

enum { BLOCK = 128, MINIBLOCK = 32, MINIBLOCKS = BLOCK / MINIBLOCK };

/* The differences of a block, padded with zeros to whole miniblocks. */
typedef struct delta_block {
    const pqf_kernels *kernel;
    int64_t n;
    int width[MINIBLOCKS]; /* 0 behind the last value */
    uint32_t u32[BLOCK + PQF_SLACK / 4];
    uint64_t u64[BLOCK + PQF_SLACK / 8];
} delta_block;

/* n differences of the n + 1 values at `in`, less the smallest one, which is returned. */
static int64_t subtract_32(delta_block *b, const uint8_t *in) {
    int32_t min, max;
    for (int64_t i = 0; i < b->n; i++)
        b->u32[i] = pqf_load_u32(in + 4 * i + 4) - pqf_load_u32(in + 4 * i);
    b->kernel->minmax_i32((const int32_t *)b->u32, b->n, &min, &max);
    for (int64_t i = 0; i < b->n; i++)
        b->u32[i] -= (uint32_t)min;
    memset(b->u32 + b->n, 0, (size_t)(BLOCK - b->n) * 4);
    for (int m = 0; m < MINIBLOCKS; m++)
        b->width[m] =
            pqf_bit_width(b->kernel->max_u32(b->u32 + m * MINIBLOCK, MINIBLOCK));
    return min;
}

static int64_t subtract_64(delta_block *b, const uint8_t *in) {
    int64_t min, max;
    for (int64_t i = 0; i < b->n; i++)
        b->u64[i] = pqf_load_u64(in + 8 * i + 8) - pqf_load_u64(in + 8 * i);
    b->kernel->minmax_i64((const int64_t *)b->u64, b->n, &min, &max);
    for (int64_t i = 0; i < b->n; i++)
        b->u64[i] -= (uint64_t)min;
    memset(b->u64 + b->n, 0, (size_t)(BLOCK - b->n) * 8);
    for (int m = 0; m < MINIBLOCKS; m++) {
        uint64_t bits = 0;
        for (int i = 0; i < MINIBLOCK; i++)
            bits |= b->u64[m * MINIBLOCK + i];
        b->width[m] = pqf_bit_width(bits);
    }
    return min;
}

static void pack_32(const delta_block *b, int m, uint8_t *out) {
    b->kernel->pack_u32(b->u32 + m * MINIBLOCK, b->width[m], MINIBLOCK, out);
}

/* Differences of up to 32 bits have the faster kernel. */
static void pack_64(delta_block *b, int m, uint8_t *out) {
    const uint64_t *in = b->u64 + m * MINIBLOCK;
    if (b->width[m] > 32) {
        b->kernel->pack_u64(in, b->width[m], MINIBLOCK, out);
        return;
    }
    for (int i = 0; i < MINIBLOCK; i++)
        b->u32[m * MINIBLOCK + i] = (uint32_t)in[i];
    pack_32(b, m, out);
}

/* In the last block miniblocks without values have width 0, and no bytes. */
static pqf_status put_block(delta_block *b, const uint8_t *in, int32_t width,
                            pqf_buf *out, pqf_error *err) {
    int64_t min = width == 8 ? subtract_64(b, in) : subtract_32(b, in);
    TRY(pqf_buf_put_varint(out, pqf_zigzag_encode(min), err));
    TRY(pqf_buf_reserve(out, MINIBLOCKS + BLOCK * 8, err));
    for (int m = 0; m < MINIBLOCKS; m++)
        out->data[out->len++] = (uint8_t)b->width[m];
    for (int m = 0; m < MINIBLOCKS; m++) {
        if (b->width[m] == 0) continue;
        uint8_t *to = out->data + out->len;
        if (width == 8)
            pack_64(b, m, to);
        else
            pack_32(b, m, to);
        out->len += MINIBLOCK / 8 * (size_t)b->width[m];
    }
    return PQF_OK;
}

pqf_status pqf_delta_encode(const pqf_kernels *kernel, const uint8_t *values, int64_t n,
                            int32_t width, pqf_buf *out, pqf_error *err) {
    int64_t first = 0;
    if (n > 0)
        first = width == 8 ? (int64_t)pqf_load_u64(values)
                           : (int64_t)(int32_t)pqf_load_u32(values);
    TRY(pqf_buf_put_varint(out, BLOCK, err));
    TRY(pqf_buf_put_varint(out, MINIBLOCKS, err));
    TRY(pqf_buf_put_varint(out, (uint64_t)n, err));
    TRY(pqf_buf_put_varint(out, pqf_zigzag_encode(first), err));
    delta_block block = {.kernel = kernel};
    for (int64_t at = 0; at + 1 < n; at += BLOCK) {
        block.n = pqf_min_i64(BLOCK, n - 1 - at);
        TRY(put_block(&block, values + at * width, width, out, err));
    }
    return PQF_OK;
}

/* ---- as an encoding ---- */

pqf_status pqf_delta_ints_begin(pqf_decoder *d, pqf_error *err) {
    return pqf_delta_begin(&d->delta, d->kernel, d->in, d->width, "delta binary packed",
                           err);
}

pqf_status pqf_delta_ints_decode(pqf_decoder *d, int64_t n, uint8_t *out,
                                 pqf_error *err) {
    return pqf_delta_decode(&d->delta, n, out, err);
}

pqf_status pqf_delta_ints_skip(pqf_decoder *d, int64_t n, pqf_error *err) {
    return pqf_delta_skip(&d->delta, n, err);
}

pqf_status pqf_delta_ints_encode(const pqf_plain_page *page, pqf_buf *out,
                                 pqf_error *err) {
    return pqf_delta_encode(page->kernel, page->bytes.data, page->num_values, page->width,
                            out, err);
}
