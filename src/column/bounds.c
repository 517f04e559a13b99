/* SPDX-License-Identifier: Apache-2.0
 *
 * bounds.c (room column): which statistics of a column chunk may be believed, and how values
 * of a column compare. In: ColumnMetaData.statistics and FileMetaData.column_orders. Out: a
 * lower and an upper bound in PLAIN bytes, or none. Rules of parquet.thrift at Statistics
 * and ColumnOrder: min_value and max_value count only under an order that is known; the
 * deprecated min and max are in signed order.
 */
#include "column.h"

#define NS_PER_DAY UINT64_C(86400000000000)

/* ---- comparing ---- */

static int compare_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }
static int compare_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
static int compare_f64(double a, double b) { return (a > b) - (a < b); }

static int64_t load_signed(pqf_bytes v) {
    return v.len == 8 ? (int64_t)pqf_load_u64(v.data) : (int32_t)pqf_load_u32(v.data);
}

static uint64_t load_unsigned(pqf_bytes v) {
    if (v.len == 1) return v.data[0];
    return v.len == 8 ? pqf_load_u64(v.data) : pqf_load_u32(v.data);
}

static double load_float(pqf_bytes v) {
    float f;
    double d;
    if (v.len == 8) {
        memcpy(&d, v.data, 8);
        return d;
    }
    memcpy(&f, v.data, 4);
    return f;
}

static bool half_is_nan(uint16_t h) { return (h & 0x7FFF) > 0x7C00; }

/* Half floats order like their bits below the sign. */
static int compare_half(pqf_bytes a, pqf_bytes b) {
    uint16_t x = pqf_load_u16(a.data), y = pqf_load_u16(b.data);
    int32_t vx = x & 0x8000 ? -(int32_t)(x & 0x7FFF) : x;
    int32_t vy = y & 0x8000 ? -(int32_t)(y & 0x7FFF) : y;
    return compare_i64(vx, vy);
}

static int compare_bytes(pqf_bytes a, pqf_bytes b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : compare_u64(a.len, b.len);
}

/* Big-endian two's complement of any lengths: the shorter one is extended by its sign. */
static int compare_decimal(pqf_bytes a, pqf_bytes b) {
    bool a_negative = a.len && a.data[0] & 0x80, b_negative = b.len && b.data[0] & 0x80;
    if (a_negative != b_negative) return a_negative ? -1 : 1;
    uint8_t sign = a_negative ? 0xFF : 0;
    size_t n = a.len > b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        uint8_t x = i < n - a.len ? sign : a.data[i - (n - a.len)];
        uint8_t y = i < n - b.len ? sign : b.data[i - (n - b.len)];
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

/* Nanoseconds of the day, then the Julian day. */
static int compare_int96(pqf_bytes a, pqf_bytes b) {
    int32_t x = (int32_t)pqf_load_u32(a.data + 8), y = (int32_t)pqf_load_u32(b.data + 8);
    if (x != y) return compare_i64(x, y);
    return compare_i64((int64_t)pqf_load_u64(a.data), (int64_t)pqf_load_u64(b.data));
}

int pqf_order_compare(const pqf_leaf *leaf, pqf_bytes a, pqf_bytes b) {
    switch (leaf->order) {
    case PQF_ORDER_SIGNED: return compare_i64(load_signed(a), load_signed(b));
    case PQF_ORDER_UNSIGNED: return compare_u64(load_unsigned(a), load_unsigned(b));
    case PQF_ORDER_FLOAT: return compare_f64(load_float(a), load_float(b));
    case PQF_ORDER_FLOAT16: return compare_half(a, b);
    case PQF_ORDER_DECIMAL_BYTES: return compare_decimal(a, b);
    case PQF_ORDER_INT96: return compare_int96(a, b);
    case PQF_ORDER_BYTES:
    case PQF_ORDER_NONE: break;
    }
    return compare_bytes(a, b);
}

/* ---- which pair of bounds ---- */

static bool has_known_order(const pqf_metadata *metadata, const pqf_leaf *leaf) {
    const pqf_column_order *order = pqf_metadata_column_order(metadata, leaf);
    if (leaf->order == PQF_ORDER_INT96) return order->has_int96_timestamp_order;
    return order->has_type_order || pqf_metadata_has_total_order(metadata, leaf);
}

/* "NAME version ...", and NAME is not parquet-mr: who does not say so may be an old one. */
static bool written_by_others(const pqf_metadata *metadata) {
    static const char mr[] = "parquet-mr", word[] = " version";
    pqf_bytes by = metadata->file.created_by;
    if (!metadata->file.has_created_by || by.len < sizeof word) return false;
    if (by.len >= sizeof mr - 1 && memcmp(by.data, mr, sizeof mr - 1) == 0) return false;
    for (size_t i = 1; i + sizeof word - 1 <= by.len; i++)
        if (memcmp(by.data + i, word, sizeof word - 1) == 0) return true;
    return false;
}

/* Signed comparison is also right for booleans, and for any order when there is only one
 * value; but old versions of parquet-mr wrote equal bounds of binaries that were not equal, and of INT96
 * no old writer is believed. */
static bool deprecated_holds(const pqf_metadata *metadata, const pqf_leaf *leaf,
                             const pqf_statistics *s) {
    if (leaf->order == PQF_ORDER_SIGNED || leaf->order == PQF_ORDER_FLOAT ||
        leaf->physical == PQF_PHYSICAL_BOOLEAN)
        return true;
    if (leaf->order == PQF_ORDER_INT96) return false;
    bool one_value = s->has_min && s->has_max && compare_bytes(s->min, s->max) == 0;
    return one_value && written_by_others(metadata);
}

static void choose(const pqf_metadata *metadata, const pqf_leaf *leaf,
                   const pqf_statistics *s, pqf_bounds *out) {
    if ((s->has_min_value || s->has_max_value) && has_known_order(metadata, leaf)) {
        out->has_min = s->has_min_value;
        out->has_max = s->has_max_value;
        out->min = s->min_value;
        out->max = s->max_value;
    } else if (deprecated_holds(metadata, leaf, s)) {
        out->has_min = s->has_min;
        out->has_max = s->has_max;
        out->min = s->min;
        out->max = s->max;
    }
}

/* ---- what a bound must look like ---- */

static bool has_right_length(const pqf_leaf *leaf, pqf_bytes v) {
    switch (leaf->physical) {
    case PQF_PHYSICAL_BOOLEAN: return v.len == 1;
    case PQF_PHYSICAL_INT32:
    case PQF_PHYSICAL_FLOAT: return v.len == 4;
    case PQF_PHYSICAL_INT64:
    case PQF_PHYSICAL_DOUBLE: return v.len == 8;
    case PQF_PHYSICAL_INT96: return v.len == 12;
    case PQF_PHYSICAL_FIXED:
        if (leaf->order == PQF_ORDER_FLOAT16) return v.len == 2;
        return leaf->order == PQF_ORDER_BYTES ? v.len <= (size_t)leaf->type_length
                                              : v.len == (size_t)leaf->type_length;
    case PQF_PHYSICAL_BYTE_ARRAY:
        /* A decimal of no bytes is 0, but a bound of none is rather one that is not known. */
        return leaf->order != PQF_ORDER_DECIMAL_BYTES || v.len > 0;
    }
    return false;
}

/* Who counts nanoseconds beyond the day has values whose order by days is not that of time. */
static bool is_outside_day(const pqf_leaf *leaf, pqf_bytes v) {
    return leaf->order == PQF_ORDER_INT96 && pqf_load_u64(v.data) >= NS_PER_DAY;
}

static bool is_nan(const pqf_leaf *leaf, pqf_bytes v) {
    if (leaf->order == PQF_ORDER_FLOAT16) return half_is_nan(pqf_load_u16(v.data));
    if (leaf->order != PQF_ORDER_FLOAT) return false;
    double d = load_float(v);
    return d != d;
}

static bool is_senseless(const pqf_leaf *leaf, pqf_bytes v) {
    return is_nan(leaf, v) || is_outside_day(leaf, v);
}

static bool is_zero(const pqf_leaf *leaf, pqf_bytes v) {
    if (leaf->order == PQF_ORDER_FLOAT16) return (pqf_load_u16(v.data) & 0x7FFF) == 0;
    return leaf->order == PQF_ORDER_FLOAT && load_float(v) == 0;
}

/* Zeros of either sign are equal: a bound that is zero stands for both. Little-endian, so that the
 * sign is in the last byte whatever the width. Only total order tells them apart. */
static void widen_zeros(const pqf_metadata *metadata, const pqf_leaf *leaf,
                        pqf_bounds *out) {
    static const uint8_t plus_zero[8] = {0};
    static const uint8_t minus_zero[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    if (pqf_metadata_has_total_order(metadata, leaf)) return;
    if (out->has_min && is_zero(leaf, out->min))
        out->min.data = minus_zero + 8 - out->min.len;
    if (out->has_max && is_zero(leaf, out->max)) out->max.data = plus_zero;
}

static void drop_unusable(const pqf_leaf *leaf, pqf_bounds *out) {
    if (out->has_min && !has_right_length(leaf, out->min)) out->has_min = false;
    if (out->has_max && !has_right_length(leaf, out->max)) out->has_max = false;
    /* Whoever let NaN into one bound did not compare well for the other one either. */
    bool bad = (out->has_min && is_senseless(leaf, out->min)) ||
               (out->has_max && is_senseless(leaf, out->max));
    if (out->has_min && out->has_max && !bad)
        bad = pqf_order_compare(leaf, out->min, out->max) > 0;
    if (bad) out->has_min = out->has_max = false;
}

/* Of a page only the bounds by the column's order count: there are no deprecated ones. */
void pqf_bounds_of_page(const pqf_metadata *metadata, const pqf_leaf *leaf,
                        const pqf_page_index *index, int32_t page, pqf_bounds *out) {
    const pqf_column_index *c = &index->columns;
    int64_t rows =
        pqf_page_index_first_row(index, page + 1) - pqf_page_index_first_row(index, page);
    *out = (pqf_bounds){.num_values = leaf->max_rep ? -1 : rows};
    out->has_num_nulls = !leaf->max_rep && (c->has_null_counts || c->null_pages[page]);
    if (out->has_num_nulls)
        out->num_nulls = c->null_pages[page] ? rows : c->null_counts[page];
    out->has_num_nans = c->has_nan_counts;
    if (out->has_num_nans) out->num_nans = c->nan_counts[page];
    if (leaf->order == PQF_ORDER_NONE || c->null_pages[page] ||
        !has_known_order(metadata, leaf))
        return;
    out->has_min = out->has_max = true;
    out->min = c->min_values[page];
    out->max = c->max_values[page];
    drop_unusable(leaf, out);
    widen_zeros(metadata, leaf, out);
}

void pqf_bounds_of_chunk(const pqf_metadata *metadata, const pqf_chunk *chunk,
                         pqf_bounds *out) {
    const pqf_statistics *s = chunk->meta->statistics;
    const pqf_leaf *leaf = chunk->leaf;
    *out = (pqf_bounds){.num_values = chunk->num_values};
    if (!s) return;
    out->has_num_nulls =
        s->has_null_count && s->null_count >= 0 && s->null_count <= chunk->num_values;
    if (out->has_num_nulls) out->num_nulls = s->null_count;
    out->has_num_nans =
        s->has_nan_count && s->nan_count >= 0 && s->nan_count <= chunk->num_values;
    if (out->has_num_nans) out->num_nans = s->nan_count;
    if (leaf->order == PQF_ORDER_NONE) return;
    choose(metadata, leaf, s, out);
    drop_unusable(leaf, out);
    widen_zeros(metadata, leaf, out);
}
