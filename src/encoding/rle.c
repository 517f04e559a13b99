/* SPDX-License-Identifier: Apache-2.0
 *
 * rle.c: the RLE / bit-packing hybrid (Encodings.md, RLE = 3), decoder and encoder, and its use as an
 * encoding of BOOLEAN values. In come runs, out go u32 (dictionary indexes), u8 (levels) or bits
 * (booleans, levels of flat columns), and back.
 *
 *   run := varint(num_values << 1), value in ceil(width / 8) bytes
 *        | varint(num_groups << 1 | 1), 8 * num_groups values of `width` bits, low bits first
 *
 * The decoder is a pull: it opens one run at a time and checks there, once, that the run's bytes
 * exist. Behind that check a run has run_left values which may be taken without further questions.
 */
#include "row.h"

/* ---- decoder: runs ---- */

pqf_status pqf_rle_begin(pqf_rle *rle, const pqf_kernels *kernel, pqf_bytes in, int width,
                         pqf_error *err) {
    if (width < 0 || width > 32) {
        return pqf_fail(err, PQF_CORRUPT, "rle: bit width %d is not in 0..32", width);
    }
    *rle = (pqf_rle){.kernel = kernel, .p = in.data, .width = width};
    rle->end = in.len ? in.data + in.len : in.data;
    return PQF_OK;
}

/* Run lengths fit an int32 today (Encodings.md, note 3); older writers were not bound to that, so
 * that up to 32 bits are taken. The product with 8 and a width of 32 bits stays far below 2^63. */
static pqf_status long_header(pqf_rle *rle, uint32_t *header, pqf_error *err) {
    pqf_cursor c = {rle->p, rle->end, false};
    uint64_t v = pqf_cursor_varint(&c);
    if (c.overrun || v > UINT32_MAX) {
        return pqf_fail(err, PQF_CORRUPT, "rle: a run header is cut off or longer than 32 bits");
    }
    rle->p = c.p;
    *header = (uint32_t)v;
    return PQF_OK;
}

/* The bytes of the last literal run may end early; the values that are complete count. */
static pqf_status open_literal(pqf_rle *rle, int64_t num_groups, pqf_error *err) {
    int64_t left = rle->end - rle->p;
    int64_t bytes = num_groups * rle->width;
    rle->run_left = num_groups * 8;
    if (bytes > left) {
        bytes = left;
        rle->run_left = left * 8 / rle->width;
    }
    if (rle->run_left == 0) {
        return pqf_fail(err, PQF_CORRUPT, "rle: a bit-packed run of %lld values has no bytes",
                        (long long)num_groups * 8);
    }
    rle->packed = rle->p;
    rle->packed_at = 0;
    rle->p += bytes;
    return PQF_OK;
}

static pqf_status open_repeat(pqf_rle *rle, int64_t num_values, pqf_error *err) {
    unsigned bytes = (unsigned)(rle->width + 7) / 8;
    if (rle->end - rle->p < (int64_t)bytes) {
        return pqf_fail(err, PQF_CORRUPT, "rle: the value of a run is cut off");
    }
    uint64_t value = 0;
    memcpy(&value, rle->p, bytes);
    if (value >> rle->width) {
        return pqf_fail(err, PQF_CORRUPT, "rle: the value %llu of a run has more than %d bits",
                        (unsigned long long)value, rle->width);
    }
    rle->value = (uint32_t)value;
    rle->run_left = num_values;
    rle->p += bytes;
    return PQF_OK;
}

static pqf_status open_run(pqf_rle *rle, pqf_error *err) {
    if (rle->p == rle->end) {
        return pqf_fail(err, PQF_CORRUPT, "rle: the bytes end before the last value");
    }
    uint32_t header = *rle->p;
    if (header < 0x80) {
        rle->p++;
    } else {
        TRY(long_header(rle, &header, err));
    }
    if (header < 2) return pqf_fail(err, PQF_CORRUPT, "rle: a run of 0 values");
    rle->literal = header & 1;
    return rle->literal ? open_literal(rle, header >> 1, err) : open_repeat(rle, header >> 1, err);
}

/* How many of n values the current run gives, at least one. */
static inline pqf_status next_part(pqf_rle *rle, int64_t n, int64_t *part, pqf_error *err) {
    if (rle->run_left == 0) TRY(open_run(rle, err));
    *part = pqf_min_i64(n, rle->run_left);
    return PQF_OK;
}

static inline void advance(pqf_rle *rle, int64_t n) {
    rle->run_left -= n;
    rle->packed_at += n;
}

/* Where the group of 8 begins that the next literal value belongs to: always a whole byte. */
static inline const uint8_t *group_bytes(const pqf_rle *rle) {
    return rle->packed + (rle->packed_at >> 3) * rle->width;
}

/* ---- decoder: values ---- */

/* Kernels start at whole bytes, which every eighth value does: a place inside a group is left through
 * a small block. Its values are unpacked up to the last one that is wanted, so that no byte behind
 * the run counts. Returns how many were taken. */
static int64_t literal_head_u32(pqf_rle *rle, int64_t n, uint32_t *out) {
    int64_t skew = rle->packed_at & 7;
    if (skew == 0) return 0;
    uint32_t group[8 + PQF_SLACK / sizeof(uint32_t)];
    int64_t head = pqf_min_i64(n, 8 - skew);
    rle->kernel->unpack_u32(group_bytes(rle), rle->width, skew + head, group);
    memcpy(out, group + skew, (size_t)head * sizeof *out);
    advance(rle, head);
    return head;
}

static int64_t literal_head_u8(pqf_rle *rle, int64_t n, uint8_t *out) {
    int64_t skew = rle->packed_at & 7;
    if (skew == 0) return 0;
    uint8_t group[8 + PQF_SLACK];
    int64_t head = pqf_min_i64(n, 8 - skew);
    rle->kernel->unpack_u8(group_bytes(rle), rle->width, skew + head, group);
    memcpy(out, group + skew, (size_t)head);
    advance(rle, head);
    return head;
}

static inline void fill_u32(uint32_t *out, uint32_t value, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = value;
}

pqf_status pqf_rle_decode_u32(pqf_rle *rle, int64_t n, uint32_t *out, pqf_error *err) {
    while (n > 0) {
        int64_t part;
        TRY(next_part(rle, n, &part, err));
        n -= part;
        if (rle->literal) {
            int64_t head = literal_head_u32(rle, part, out);
            out += head;
            part -= head;
            rle->kernel->unpack_u32(group_bytes(rle), rle->width, part, out);
        } else {
            fill_u32(out, rle->value, part);
        }
        out += part;
        advance(rle, part);
    }
    return PQF_OK;
}

pqf_status pqf_rle_decode_u8(pqf_rle *rle, int64_t n, uint8_t *out, pqf_error *err) {
    if (rle->width > 8) {
        return pqf_fail(err, PQF_CORRUPT, "rle: bit width %d is not in 0..8", rle->width);
    }
    while (n > 0) {
        int64_t part;
        TRY(next_part(rle, n, &part, err));
        n -= part;
        if (rle->literal) {
            int64_t head = literal_head_u8(rle, part, out);
            out += head;
            part -= head;
            rle->kernel->unpack_u8(group_bytes(rle), rle->width, part, out);
        } else {
            memset(out, (int)rle->value, (size_t)part);
        }
        out += part;
        advance(rle, part);
    }
    return PQF_OK;
}

pqf_status pqf_rle_decode_bits(pqf_rle *rle, int64_t n, uint8_t *out, int64_t at, int64_t *num_set,
                               pqf_error *err) {
    if (rle->width != 1) {
        return pqf_fail(err, PQF_CORRUPT, "rle: bit width %d, expected 1", rle->width);
    }
    int64_t set = 0;
    while (n > 0) {
        int64_t part;
        TRY(next_part(rle, n, &part, err));
        if (rle->literal) {
            set += rle->kernel->copy_bits(rle->packed, rle->packed_at, part, out, at);
        } else {
            rle->kernel->fill_bits(out, at, part, rle->value);
            set += rle->value ? part : 0;
        }
        at += part;
        n -= part;
        advance(rle, part);
    }
    *num_set = set;
    return PQF_OK;
}

pqf_status pqf_rle_skip(pqf_rle *rle, int64_t n, pqf_error *err) {
    while (n > 0) {
        int64_t part;
        TRY(next_part(rle, n, &part, err));
        n -= part;
        advance(rle, part);
    }
    return PQF_OK;
}

pqf_status pqf_rle_peek(pqf_rle *rle, bool *is_run, uint32_t *value, int64_t *run_left,
                        pqf_error *err) {
    if (rle->run_left == 0) TRY(open_run(rle, err));
    *is_run = !rle->literal;
    *value = rle->literal ? 0 : rle->value;
    *run_left = rle->run_left;
    return PQF_OK;
}

/* ---- BOOLEAN values ---- */

/* uint32 length of the runs, then the runs, in pages of both versions. A page without values may be
 * empty; what lies behind the runs is of no concern. */
pqf_status pqf_bools_begin(pqf_decoder *d, pqf_error *err) {
    pqf_cursor c = pqf_cursor_of(d->in);
    pqf_bytes runs = {NULL, 0};
    if (d->in.len > 0) {
        uint32_t len = pqf_cursor_u32(&c);
        runs = pqf_cursor_take(&c, len);
        if (c.overrun) {
            return pqf_fail(err, PQF_CORRUPT, "rle: %zu bytes of booleans say they are %u long",
                            d->in.len, (unsigned)len);
        }
    }
    return pqf_rle_begin(&d->rle, d->kernel, runs, 1, err);
}

pqf_status pqf_bools_decode(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at, pqf_error *err) {
    int64_t num_set;
    return pqf_rle_decode_bits(&d->rle, n, out, at, &num_set, err);
}
