/* SPDX-License-Identifier: Apache-2.0
 *
 * rle.c: the RLE / bit-packing hybrid (Encodings.md, RLE = 3), decoder and encoder, and its use
 * as an encoding of BOOLEAN values. In come runs, out go u32 (dictionary indexes), u8 (levels) or
 * bits (booleans, levels of flat columns), and back.
 *
 *   run := varint(num_values << 1), value in ceil(width / 8) bytes
 *        | varint(num_groups << 1 | 1), 8 * num_groups values of `width` bits, low bits first
 *
 * The decoder is a pull: it opens one run at a time and checks there, once, that the run's bytes
 * exist. Behind that check a run has run_left values which may be taken without further
 * questions.
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
        return pqf_fail(err, PQF_CORRUPT,
                        "rle: a run header is cut off or longer than 32 bits");
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
        return pqf_fail(err, PQF_CORRUPT,
                        "rle: a bit-packed run of %lld values has no bytes",
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
        return pqf_fail(err, PQF_CORRUPT,
                        "rle: the value %llu of a run has more than %d bits",
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
    return rle->literal ? open_literal(rle, header >> 1, err)
                        : open_repeat(rle, header >> 1, err);
}

/* How many of n values the current run gives, at least one. */
static inline pqf_status next_part(pqf_rle *rle, int64_t n, int64_t *part,
                                   pqf_error *err) {
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

/* Kernels start at whole bytes, which every eighth value does: a place inside a group is left
 * through a small block. Its values are unpacked up to the last one that is wanted, so that no
 * byte behind the run counts. Returns how many were taken. */
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

pqf_status pqf_rle_decode_bits(pqf_rle *rle, int64_t n, uint8_t *out, int64_t at,
                               int64_t *num_set, pqf_error *err) {
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

/* ---- encoder: runs ---- */

/* Values of a run fit an int32; a literal run holds whole groups. */
#define MAX_REPEAT  ((int64_t)INT32_MAX)
#define MAX_LITERAL ((int64_t)INT32_MAX & ~(int64_t)7)

static pqf_status put_repeat(uint32_t value, int64_t n, int width, pqf_buf *out,
                             pqf_error *err) {
    while (n > 0) {
        int64_t part = pqf_min_i64(n, MAX_REPEAT);
        TRY(pqf_buf_put_varint(out, (uint64_t)part << 1, err));
        TRY(pqf_buf_put(out, &value, (size_t)(width + 7) / 8, err));
        n -= part;
    }
    return PQF_OK;
}

/* The header of a literal run of n values and room for its bytes, which begin at out->len. Only
 * the last run of a stream may end inside a group; it is padded with zeros. */
static pqf_status put_literal_header(int64_t n, int width, size_t *num_bytes,
                                     pqf_buf *out, pqf_error *err) {
    uint64_t num_groups = (uint64_t)(n + 7) >> 3;
    *num_bytes = (size_t)num_groups * (size_t)width;
    TRY(pqf_buf_put_varint(out, num_groups << 1 | 1, err));
    return pqf_buf_reserve(out, *num_bytes, err);
}

/* Values that are to be encoded: u32 or u8. */
typedef struct rle_input {
    const pqf_kernels *kernel;
    const uint32_t *u32; /* NULL: the values are in u8 */
    const uint8_t *u8;
    int64_t n;
    int width;
} rle_input;

static uint32_t value_at(const rle_input *in, int64_t i) {
    return in->u32 ? in->u32[i] : in->u8[i];
}

static int64_t run_at(const rle_input *in, int64_t i) {
    int64_t n = in->n - i;
    return in->u32 ? in->kernel->run_u32(in->u32 + i, n)
                   : in->kernel->run_u8(in->u8 + i, n);
}

static pqf_status put_literal(const rle_input *in, int64_t from, int64_t to, pqf_buf *out,
                              pqf_error *err) {
    while (from < to) {
        size_t num_bytes;
        int64_t part = pqf_min_i64(to - from, MAX_LITERAL);
        TRY(put_literal_header(part, in->width, &num_bytes, out, err));
        uint8_t *p = out->data + out->len;
        if (in->u32) {
            in->kernel->pack_u32(in->u32 + from, in->width, part, p);
        } else {
            in->kernel->pack_u8(in->u8 + from, in->width, part, p);
        }
        size_t packed = (size_t)pqf_bits_bytes(part * in->width);
        memset(p + packed, 0, num_bytes - packed);
        out->len += num_bytes;
        from += part;
    }
    return PQF_OK;
}

/* ---- encoder: where runs begin ---- */

/* 8 equal values: two a word, the halves of the first word equal and all words equal. */
static inline bool constant_u32(const uint32_t *v) {
    uint64_t a = pqf_load_u64(v), b = pqf_load_u64(v + 2);
    uint64_t c = pqf_load_u64(v + 4), d = pqf_load_u64(v + 6);
    return ((a ^ (a >> 32 | a << 32)) | (a ^ b) | (a ^ c) | (a ^ d)) == 0;
}

static inline bool constant_u8(const uint8_t *v) {
    return pqf_load_u64(v) == v[0] * UINT64_C(0x0101010101010101);
}

/* The first group of 8 equal values at i, i + 8, ...; n when there is none. */
static int64_t find_constant(const rle_input *in, int64_t i) {
    int64_t last = in->n - 8;
    if (in->u32) {
        while (i <= last && !constant_u32(in->u32 + i))
            i += 8;
    } else {
        while (i <= last && !constant_u8(in->u8 + i))
            i += 8;
    }
    return i <= last ? i : in->n;
}

/* A run costs about two headers (its own and that of the literals behind it) and its value; below
 * this many values literals are as small. */
static int64_t least_run(int width) {
    int64_t bytes = 3 + (width + 7) / 8;
    return width ? pqf_max_i64(8, (8 * bytes + width - 1) / width) : 8;
}

/* Literals grow until a stretch of equal values begins at one of their groups that is worth a
 * run: the values alone decide. A single run for everything is what readers like best. */
static pqf_status encode(const rle_input *in, pqf_buf *out, pqf_error *err) {
    if (in->width < 0 || in->width > 32) {
        return pqf_fail(err, PQF_INVALID, "rle: bit width %d is not in 0..32", in->width);
    }
    if (in->n == 0) return PQF_OK;
    if (in->width == 0) return put_repeat(0, in->n, 0, out, err);
    if (run_at(in, 0) == in->n)
        return put_repeat(value_at(in, 0), in->n, in->width, out, err);
    int64_t least = least_run(in->width);
    int64_t literal = 0, i = 0;
    while ((i = find_constant(in, i)) < in->n) {
        int64_t run = run_at(in, i);
        if (run < least) {
            i += run & ~(int64_t)7;
            continue;
        }
        TRY(put_literal(in, literal, i, out, err));
        TRY(put_repeat(value_at(in, i), run, in->width, out, err));
        literal = i += run;
    }
    return put_literal(in, literal, in->n, out, err);
}

pqf_status pqf_rle_encode_u32(const pqf_kernels *kernel, const uint32_t *values,
                              int64_t n, int width, pqf_buf *out, pqf_error *err) {
    rle_input in = {.kernel = kernel, .u32 = values, .n = n, .width = width};
    return encode(&in, out, err);
}

pqf_status pqf_rle_encode_u8(const pqf_kernels *kernel, const uint8_t *values, int64_t n,
                             int width, pqf_buf *out, pqf_error *err) {
    if (width > 8)
        return pqf_fail(err, PQF_INVALID, "rle: bit width %d is not in 0..8", width);
    rle_input in = {.kernel = kernel, .u8 = values, .n = n, .width = width};
    return encode(&in, out, err);
}

/* ---- encoder: bits ---- */

/* Bits from i on that equal bit i. */
static int64_t run_of_bits(const uint8_t *bits, int64_t i, int64_t n) {
    uint64_t flip = pqf_bit_get(bits, i) ? ~UINT64_C(0) : 0;
    for (int64_t at = i; at < n; at += 64) {
        int part = (int)pqf_min_i64(64, n - at);
        uint64_t other = pqf_bits_load(bits, at, part) ^ flip;
        if (part < 64) other &= (UINT64_C(1) << part) - 1;
        if (other) return at - i + __builtin_ctzll(other);
    }
    return n - i;
}

/* 64 bits; reads no byte behind the last one. */
static inline uint64_t load_word(const uint8_t *bits, int64_t at) {
    const uint8_t *p = bits + (at >> 3);
    unsigned shift = (unsigned)(at & 7);
    uint64_t v = pqf_load_u64(p);
    return shift ? v >> shift | (uint64_t)p[8] << (64 - shift) : v;
}

/* The first whole word of equal bits at i, i + 64, ...; n when there is none. */
static int64_t find_constant_word(const uint8_t *bits, int64_t at, int64_t i, int64_t n) {
    for (; i + 64 <= n; i += 64) {
        uint64_t v = load_word(bits, at + i);
        if (v == 0 || v == ~UINT64_C(0)) return i;
    }
    return n;
}

/* Whole groups before i, not before `literal`, that belong to the run which begins at i. */
static int64_t extend_back(const uint8_t *bits, int64_t at, int64_t literal, int64_t i) {
    uint64_t group = pqf_bit_get(bits, at + i) ? 0xFF : 0;
    while (i - 8 >= literal && pqf_bits_load(bits, at + i - 8, 8) == group)
        i -= 8;
    return i;
}

static pqf_status put_literal_bits(const pqf_kernels *kernel, const uint8_t *bits,
                                   int64_t at, int64_t n, pqf_buf *out, pqf_error *err) {
    while (n > 0) {
        size_t num_bytes;
        int64_t part = pqf_min_i64(n, MAX_LITERAL);
        TRY(put_literal_header(part, 1, &num_bytes, out, err));
        pqf_bits_append(kernel, bits, at, part, out->data, (int64_t)out->len * 8);
        out->len += num_bytes;
        at += part;
        n -= part;
    }
    return PQF_OK;
}

/* The bitmap is the literal run. Stretches become runs where they fill a word: that saves bytes and
 * keeps the runs few, which is what copying them back depends on. */
pqf_status pqf_rle_encode_bits(const pqf_kernels *kernel, const uint8_t *bits, int64_t at,
                               int64_t n, pqf_buf *out, pqf_error *err) {
    if (n == 0) return PQF_OK;
    int64_t run = run_of_bits(bits, at, at + n);
    if (run == n) return put_repeat(pqf_bit_get(bits, at), n, 1, out, err);
    int64_t literal = 0, i = 0;
    while ((i = find_constant_word(bits, at, i, n)) < n) {
        i = extend_back(bits, at, literal, i);
        run = run_of_bits(bits, at + i, at + n);
        TRY(put_literal_bits(kernel, bits, at + literal, i - literal, out, err));
        TRY(put_repeat(pqf_bit_get(bits, at + i), run, 1, out, err));
        literal = i += run;
    }
    return put_literal_bits(kernel, bits, at + literal, n - literal, out, err);
}

/* ---- BOOLEAN values ---- */

/* uint32 length of the runs, then the runs, in pages of both versions. A page without values may be
 * empty. */
pqf_status pqf_bools_begin(pqf_decoder *d, pqf_error *err) {
    pqf_cursor c = pqf_cursor_of(d->in);
    pqf_bytes runs = {NULL, 0};
    if (d->in.len > 0) {
        uint32_t len = pqf_cursor_u32(&c);
        runs = pqf_cursor_take(&c, len);
        if (c.overrun) {
            return pqf_fail(err, PQF_CORRUPT,
                            "rle: %zu bytes of booleans say they are %u long", d->in.len,
                            (unsigned)len);
        }
    }
    return pqf_rle_begin(&d->rle, d->kernel, runs, 1, err);
}

pqf_status pqf_bools_decode(pqf_decoder *d, int64_t n, uint8_t *out, int64_t at,
                            pqf_error *err) {
    int64_t num_set;
    return pqf_rle_decode_bits(&d->rle, n, out, at, &num_set, err);
}

pqf_status pqf_bools_encode(const pqf_plain_page *page, pqf_buf *out, pqf_error *err) {
    size_t start = out->len;
    TRY(pqf_buf_put_u32(out, 0, err));
    TRY(pqf_rle_encode_bits(page->kernel, page->bytes.data, 0, page->num_values, out,
                            err));
    pqf_store_u32(out->data + start, (uint32_t)(out->len - start - 4));
    return PQF_OK;
}
