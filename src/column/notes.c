/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c (room column): bounds of the values of a chunk, see notes.h. The rules are those of
 * parquet.thrift (Statistics, ColumnOrder):
 *
 *   floats      NaN in no bound but counted; a zero minimum is written as -0, a zero maximum as +0;
 *               in total order zeros are what they are, and where there is nothing but NaN these bound it
 *   strings     a bound of more than 64 bytes is cut; the cut maximum is raised in its last
 *               character (or byte) so that it stays an upper bound, left out where it cannot be
 *   min, max    the deprecated fields: only where values compare as signed, which total order is not
 *   no order    INT96, INTERVAL and the like: no bounds
 *
 * One row of the table per order and width: numbers are kept in their own representation,
 * everything else as bytes.
 */
#include "notes.h"
#include "total_order.h"

#include <math.h>

typedef void (*note_fn)(pqf_notes *notes, const void *values, int64_t n);

typedef struct pqf_note_row {
    pqf_order order;
    bool total_order;
    int32_t width;  /* 0: booleans; ANY_WIDTH */
    bool is_signed; /* the deprecated fields may be written */
    bool by_bytes;  /* kept in min and max */
    note_fn put;    /* numbers */
    void (*zeros)(pqf_notes *notes);
} pqf_note_row;

#define ANY_WIDTH (-1)

/* ---- numbers ---- */

/* The first block sets both bounds, later ones widen them. lo > hi: only NaN. */
#define NOTE_NUMBERS(suffix, type)                                                       \
    static void note_##suffix(pqf_notes *notes, const void *values, int64_t n) {         \
        type lo, hi, min, max;                                                           \
        notes->kernel->minmax_##suffix(values, n, &lo, &hi);                             \
        if (lo > hi) return;                                                             \
        memcpy(&min, notes->number_min, sizeof min);                                     \
        memcpy(&max, notes->number_max, sizeof max);                                     \
        if (!notes->seen || lo < min) min = lo;                                          \
        if (!notes->seen || hi > max) max = hi;                                          \
        memcpy(notes->number_min, &min, sizeof min);                                     \
        memcpy(notes->number_max, &max, sizeof max);                                     \
        notes->seen = true;                                                              \
    }
NOTE_NUMBERS(i32, int32_t)
NOTE_NUMBERS(u32, uint32_t)
NOTE_NUMBERS(i64, int64_t)
NOTE_NUMBERS(u64, uint64_t)
NOTE_NUMBERS(f32, float)
NOTE_NUMBERS(f64, double)

/* Sign and magnitude to an integer of the same order; both zeros are 0. */
static inline int32_t half_key(uint16_t bits) {
    int32_t magnitude = bits & 0x7FFF;
    return bits & 0x8000 ? -magnitude : magnitude;
}

static inline bool half_is_nan(uint16_t bits) { return (bits & 0x7FFF) > 0x7C00; }

static void note_f16(pqf_notes *notes, const void *values, int64_t n) {
    const uint8_t *in = values;
    for (int64_t i = 0; i < n; i++) {
        uint16_t bits = pqf_load_u16(in + i * 2);
        if (half_is_nan(bits)) continue;
        if (!notes->seen || half_key(bits) < half_key(pqf_load_u16(notes->number_min)))
            pqf_store_u16(notes->number_min, bits);
        if (!notes->seen || half_key(bits) > half_key(pqf_load_u16(notes->number_max)))
            pqf_store_u16(notes->number_max, bits);
        notes->seen = true;
    }
}

/* NaN bound nothing that has a number. */
static void note_total(pqf_notes *notes, const void *values, int64_t n) {
    uint8_t min[8], max[8];
    int32_t width = notes->row->width;
    bool nans = pqf_total_order_minmax(notes->kernel, values, n, width, min, max);
    if (nans && notes->seen && !notes->only_nans) return;
    bool first = !notes->seen || nans != notes->only_nans;
    if (first ||
        pqf_total_order_key(min, width) < pqf_total_order_key(notes->number_min, width))
        memcpy(notes->number_min, min, (size_t)width);
    if (first ||
        pqf_total_order_key(max, width) > pqf_total_order_key(notes->number_max, width))
        memcpy(notes->number_max, max, (size_t)width);
    notes->seen = true;
    notes->only_nans = nans;
}

#define ZEROS(suffix, type, uint, minus)                                                 \
    static void zeros_##suffix(pqf_notes *notes) {                                       \
        type min, max;                                                                   \
        memcpy(&min, notes->bound_min, sizeof min);                                      \
        memcpy(&max, notes->bound_max, sizeof max);                                      \
        uint negative = minus, positive = 0;                                             \
        if (fpclassify(min) == FP_ZERO)                                                  \
            memcpy(notes->bound_min, &negative, sizeof negative);                        \
        if (fpclassify(max) == FP_ZERO)                                                  \
            memcpy(notes->bound_max, &positive, sizeof positive);                        \
    }
ZEROS(f32, float, uint32_t, UINT32_C(1) << 31)
ZEROS(f64, double, uint64_t, UINT64_C(1) << 63)

static void zeros_f16(pqf_notes *notes) {
    if (half_key(pqf_load_u16(notes->bound_min)) == 0)
        pqf_store_u16(notes->bound_min, 0x8000);
    if (half_key(pqf_load_u16(notes->bound_max)) == 0) pqf_store_u16(notes->bound_max, 0);
}

static const pqf_note_row note_rows[] = {
    {PQF_ORDER_SIGNED, false, 4, true, false, note_i32, NULL},
    {PQF_ORDER_SIGNED, false, 8, true, false, note_i64, NULL},
    {PQF_ORDER_UNSIGNED, false, 0, true, false, NULL,
     NULL}, /* booleans: pqf_notes_put_booleans */
    {PQF_ORDER_UNSIGNED, false, 4, false, false, note_u32, NULL},
    {PQF_ORDER_UNSIGNED, false, 8, false, false, note_u64, NULL},
    {PQF_ORDER_FLOAT, false, 4, true, false, note_f32, zeros_f32},
    {PQF_ORDER_FLOAT, false, 8, true, false, note_f64, zeros_f64},
    {PQF_ORDER_FLOAT16, false, 2, true, false, note_f16, zeros_f16},
    {PQF_ORDER_FLOAT, true, 4, false, false, note_total, NULL},
    {PQF_ORDER_FLOAT, true, 8, false, false, note_total, NULL},
    {PQF_ORDER_FLOAT16, true, 2, false, false, note_total, NULL},
    {PQF_ORDER_BYTES, false, ANY_WIDTH, false, true, NULL, NULL},
    {PQF_ORDER_DECIMAL_BYTES, false, ANY_WIDTH, true, true, NULL, NULL},
};

static const pqf_note_row *note_row(pqf_order order, bool total_order, int32_t width) {
    for (size_t i = 0; i < sizeof note_rows / sizeof *note_rows; i++) {
        const pqf_note_row *row = &note_rows[i];
        if (row->order == order && row->total_order == total_order &&
            (row->width == width || row->width == ANY_WIDTH))
            return row;
    }
    return NULL;
}

void pqf_notes_init(pqf_notes *notes, const pqf_field *leaf_field, bool total_order,
                    const pqf_kernels *kernel, pqf_mem *mem) {
    const pqf_leaf *leaf = leaf_field->leaf;
    *notes = (pqf_notes){
        .kernel = kernel,
        .leaf = leaf,
        .row = note_row(leaf->order, total_order, pqf_leaf_width(leaf)),
        .is_utf8 = leaf_field->is_utf8,
    };
    pqf_buf_init(&notes->min, mem, 0);
    pqf_buf_init(&notes->max, mem, 0);
}

void pqf_notes_reset(pqf_notes *notes) {
    pqf_buf_reset(&notes->min);
    pqf_buf_reset(&notes->max);
}

void pqf_notes_clear(pqf_notes *notes) {
    notes->seen = notes->only_nans = false;
    notes->num_nans = 0;
    notes->min.len = notes->max.len = 0;
}

bool pqf_notes_counts_nans(const pqf_notes *notes) {
    return pqf_leaf_is_float(notes->leaf);
}

void pqf_notes_count_nans(pqf_notes *notes, const void *values, int64_t n) {
    if (!pqf_notes_counts_nans(notes)) return;
    const uint8_t *in = values;
    int32_t width = pqf_leaf_width(notes->leaf);
    if (width == 8)
        notes->num_nans += notes->kernel->count_nans_f64(values, n);
    else if (width == 4)
        notes->num_nans += notes->kernel->count_nans_f32(values, n);
    else
        for (int64_t i = 0; i < n; i++)
            notes->num_nans += half_is_nan(pqf_load_u16(in + i * 2));
}

void pqf_notes_put_booleans(pqf_notes *notes, int64_t n, int64_t num_true) {
    if (n == 0) return;
    uint8_t min = num_true == n, max = num_true > 0;
    if (!notes->seen || min < notes->number_min[0]) notes->number_min[0] = min;
    if (!notes->seen || max > notes->number_max[0]) notes->number_max[0] = max;
    notes->seen = true;
}

/* ---- bytes ---- */

/* The first 8 bytes as a number that orders as they do, zeros behind a shorter value; `flip` turns
 * the sign of two's complement into the order of unsigned bytes. */
static inline uint64_t prefix_of(pqf_slice v, uint64_t flip) {
    if (v.len >= 8) return __builtin_bswap64(pqf_load_u64(v.data)) ^ flip;
    uint64_t prefix = 0;
    for (uint32_t i = 0; i < v.len; i++)
        prefix |= (uint64_t)v.data[i] << (56 - 8 * i);
    return prefix ^ flip;
}

/* Of two values with the same prefix. */
static int compare_rest(pqf_slice a, pqf_slice b) {
    uint32_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static pqf_slice slice_of_buf(const pqf_buf *buf) {
    return (pqf_slice){buf->data, (uint32_t)buf->len, (uint32_t)buf->len};
}

static pqf_status keep(pqf_buf *buf, pqf_slice value, pqf_error *err) {
    buf->len = 0;
    return pqf_buf_put(buf, value.data, value.len, err);
}

pqf_status pqf_notes_put_slices(pqf_notes *notes, const pqf_slice *values, int64_t n,
                                pqf_error *err) {
    if (n == 0 || !notes->row) return PQF_OK;
    uint64_t flip = notes->leaf->order == PQF_ORDER_DECIMAL_BYTES ? UINT64_C(1) << 63 : 0;
    pqf_slice min = notes->seen ? slice_of_buf(&notes->min) : values[0];
    pqf_slice max = notes->seen ? slice_of_buf(&notes->max) : values[0];
    uint64_t min_prefix = prefix_of(min, flip), max_prefix = prefix_of(max, flip);
    for (int64_t i = 0; i < n; i++) {
        uint64_t prefix = prefix_of(values[i], flip);
        if (prefix <= min_prefix &&
            (prefix < min_prefix || compare_rest(values[i], min) < 0)) {
            min = values[i];
            min_prefix = prefix;
        }
        if (prefix >= max_prefix &&
            (prefix > max_prefix || compare_rest(values[i], max) > 0)) {
            max = values[i];
            max_prefix = prefix;
        }
    }
    if (!notes->seen || min.data != notes->min.data) TRY(keep(&notes->min, min, err));
    if (!notes->seen || max.data != notes->max.data) TRY(keep(&notes->max, max, err));
    notes->seen = true;
    return PQF_OK;
}

#define NOTE_BLOCK 128

pqf_status pqf_notes_put_fixed(pqf_notes *notes, const void *values, int64_t n,
                               pqf_error *err) {
    if (n == 0 || !notes->row) return PQF_OK;
    if (!notes->row->by_bytes) {
        notes->row->put(notes, values, n);
        return PQF_OK;
    }
    const uint8_t *in = values;
    int32_t width = notes->leaf->type_length;
    pqf_slice slices[NOTE_BLOCK];
    for (int64_t at = 0; at < n; at += NOTE_BLOCK) {
        int64_t block = pqf_min_i64(NOTE_BLOCK, n - at);
        for (int64_t i = 0; i < block; i++)
            slices[i] = (pqf_slice){in + (at + i) * width, (uint32_t)width,
                                    pqf_readable((n - at - i) * width)};
        TRY(pqf_notes_put_slices(notes, slices, block, err));
    }
    return PQF_OK;
}

/* ---- cutting ---- */

static bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Length of the longest prefix of at most PQF_BOUND_BYTES that ends between characters. */
static size_t cut_length(const pqf_notes *notes, const pqf_buf *value) {
    size_t len = PQF_BOUND_BYTES;
    if (!notes->is_utf8) return len;
    while (len > 0 && is_continuation(value->data[len]))
        len--;
    return len;
}

/* Raises the last byte that can be raised and cuts behind it; 0: there is none. */
static size_t raise_bytes(uint8_t *bytes, size_t len) {
    while (len > 0 && bytes[len - 1] == 0xFF)
        len--;
    if (len > 0) bytes[len - 1]++;
    return len;
}

/* The next character of as many bytes, false where there is none:
 *   0xxxxxxx | 110xxxxx 10xxxxxx | 1110xxxx 10xxxxxx 10xxxxxx | 11110xxx and three more
 * U+D800 to U+DFFF are no characters. */
static bool raise_character(uint8_t *c, size_t len) {
    static const uint32_t last[] = {0, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (len > 4) return false;
    uint32_t code = len == 1 ? c[0] : c[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (c[i] & 0x3F);
    if (code >= last[len]) return false;
    code = code == 0xD7FF ? 0xE000 : code + 1;
    for (size_t i = len; i-- > 1; code >>= 6)
        c[i] = (uint8_t)(0x80 | (code & 0x3F));
    c[0] = (uint8_t)(lead[len] | code);
    return true;
}

/* The same by characters. */
static size_t raise_text(uint8_t *bytes, size_t len) {
    while (len > 0) {
        size_t start = len - 1;
        while (start > 0 && is_continuation(bytes[start]))
            start--;
        if (raise_character(bytes + start, len - start)) return len;
        len = start;
    }
    return 0;
}

/* ---- what goes into the metadata ---- */

static void finish_bytes(pqf_notes *notes, pqf_statistics *out) {
    bool fixed =
        notes->leaf->physical == PQF_PHYSICAL_FIXED; /* all bounds have its length */
    out->min_value = pqf_buf_view(&notes->min);
    out->max_value = pqf_buf_view(&notes->max);
    out->has_min_value = out->has_max_value = true;
    out->is_min_value_exact = fixed || notes->min.len <= PQF_BOUND_BYTES;
    out->is_max_value_exact = fixed || notes->max.len <= PQF_BOUND_BYTES;
    if (!out->is_min_value_exact) out->min_value.len = cut_length(notes, &notes->min);
    if (out->is_max_value_exact) return;
    size_t len = cut_length(notes, &notes->max);
    memcpy(notes->bound_max, notes->max.data, len);
    len = notes->is_utf8 ? raise_text(notes->bound_max, len)
                         : raise_bytes(notes->bound_max, len);
    out->max_value = (pqf_bytes){notes->bound_max, len};
    out->has_max_value = len > 0;
}

static void finish_number(pqf_notes *notes, pqf_statistics *out) {
    size_t width = notes->row->width ? (size_t)notes->row->width : 1;
    memcpy(notes->bound_min, notes->number_min, width);
    memcpy(notes->bound_max, notes->number_max, width);
    if (notes->row->zeros) notes->row->zeros(notes);
    out->min_value = (pqf_bytes){notes->bound_min, width};
    out->max_value = (pqf_bytes){notes->bound_max, width};
    out->has_min_value = out->has_max_value = true;
    out->is_min_value_exact = out->is_max_value_exact = true;
}

void pqf_notes_finish(pqf_notes *notes, pqf_statistics *out) {
    out->has_nan_count = pqf_notes_counts_nans(notes);
    out->nan_count = notes->num_nans;
    if (!notes->seen) return;
    if (notes->row->by_bytes) {
        finish_bytes(notes, out);
    } else {
        finish_number(notes, out);
    }
    out->has_is_min_value_exact = out->has_min_value;
    out->has_is_max_value_exact = out->has_max_value;
    if (!notes->row->is_signed) return;
    out->min = out->min_value;
    out->max = out->max_value;
    out->has_min = out->has_max = true;
}
