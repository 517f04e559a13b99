/* SPDX-License-Identifier: Apache-2.0
 *
 * Which statistics are believed: column orders known, unknown and absent, deprecated bounds,
 * NaN, zeros, wrong lengths; and how values of each order compare.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "column/column.h"

static pqf_metadata metadata;
static pqf_column_order order;
static pqf_statistics statistics;
static pqf_column_metadata meta;
static pqf_leaf leaf;
static pqf_bounds bounds;

static void begin(pqf_physical physical, pqf_order leaf_order) {
    metadata = (pqf_metadata){0};
    order = (pqf_column_order){.has_type_order = true};
    metadata.file.column_orders = &order;
    metadata.file.num_column_orders = 1;
    metadata.tree.num_leaves = 1;
    statistics = (pqf_statistics){0};
    meta = (pqf_column_metadata){.statistics = &statistics};
    leaf = (pqf_leaf){.physical = physical, .order = leaf_order};
}

static pqf_bytes text(const char *s) { return pqf_bytes_of(s, strlen(s)); }

static void set_bounds(pqf_bytes min, pqf_bytes max) {
    statistics.has_min_value = statistics.has_max_value = true;
    statistics.min_value = min;
    statistics.max_value = max;
}

static void set_deprecated(pqf_bytes min, pqf_bytes max) {
    statistics.has_min = statistics.has_max = true;
    statistics.min = min;
    statistics.max = max;
}

static void find(void) {
    pqf_chunk chunk = {.meta = &meta, .leaf = &leaf, .num_values = 100};
    pqf_bounds_of_chunk(&metadata, &chunk, &bounds);
}

static void expect(bool has_min, bool has_max) {
    find();
    assert_int_equal(bounds.has_min, has_min);
    assert_int_equal(bounds.has_max, has_max);
}

static pqf_bytes i32(int32_t v) {
    static uint8_t room[8][4];
    static int at;
    uint8_t *p = room[at++ % 8];
    pqf_store_u32(p, (uint32_t)v);
    return pqf_bytes_of(p, 4);
}

static pqf_bytes f64(double v) {
    static uint8_t room[8][8];
    static int at;
    uint8_t *p = room[at++ % 8];
    memcpy(p, &v, 8);
    return pqf_bytes_of(p, 8);
}

static void test_orders(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED);
    set_bounds(i32(-5), i32(7));
    expect(true, true);
    assert_int_equal((int32_t)pqf_load_u32(bounds.min.data), -5);
    assert_int_equal(bounds.num_values, 100);
    order.has_type_order = false; /* an order of a later version */
    expect(false, false);
    order.has_ieee_754_total_order = true; /* not for integers */
    expect(false, false);
    metadata.file.num_column_orders = 0;
    expect(false, false);
    begin(PQF_PHYSICAL_FIXED, PQF_ORDER_NONE);
    leaf.type_length = 12;
    set_bounds(text("aaaaaaaaaaaa"), text("bbbbbbbbbbbb"));
    expect(false, false);
    meta.statistics = NULL;
    expect(false, false);
    assert_false(bounds.has_num_nulls);
}

static void test_deprecated(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED);
    set_deprecated(i32(1), i32(2));
    expect(true, true);
    metadata.file.num_column_orders = 0;
    expect(true, true);
    leaf.order = PQF_ORDER_UNSIGNED;
    expect(false, false);
    begin(PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_BYTES);
    set_deprecated(text("a"), text("b"));
    expect(false, false);
    set_deprecated(text("a"), text("a"));
    expect(false, false); /* nobody says that parquet-mr did not write it */
    metadata.file.has_created_by = true;
    metadata.file.created_by = text("impala version 1.2.3 (build 4)");
    expect(true, true);
    metadata.file.created_by = text("parquet-mr version 1.6.0");
    expect(false, false);
    metadata.file.created_by = text("who knows");
    expect(false, false);
    metadata.file.created_by = text("");
    expect(false, false);
    begin(PQF_PHYSICAL_BOOLEAN, PQF_ORDER_UNSIGNED);
    set_deprecated(pqf_bytes_of("\0", 1), pqf_bytes_of("\1", 1));
    expect(true, true);
}

static void test_null_counts(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED);
    find();
    assert_false(bounds.has_num_nulls);
    statistics.has_null_count = true;
    statistics.null_count = 100;
    find();
    assert_true(bounds.has_num_nulls);
    assert_int_equal(bounds.num_nulls, 100);
    statistics.null_count = 101;
    find();
    assert_false(bounds.has_num_nulls);
    statistics.null_count = -1;
    find();
    assert_false(bounds.has_num_nulls);
}

static void test_floats(void **state) {
    (void)state;
    double nan = __builtin_nan("");
    begin(PQF_PHYSICAL_DOUBLE, PQF_ORDER_FLOAT);
    set_bounds(f64(nan), f64(1));
    expect(false, false);
    set_bounds(f64(1), f64(nan));
    expect(false, false);
    set_bounds(f64(0.0), f64(-0.0));
    expect(true, true);
    assert_int_equal(bounds.min.data[7], 0x80);
    assert_int_equal(bounds.max.data[7], 0);
    assert_int_equal(bounds.min.len, 8);
    order = (pqf_column_order){.has_ieee_754_total_order = true};
    set_bounds(f64(0.0), f64(0.0)); /* zeros are what they are */
    expect(true, true);
    assert_int_equal(bounds.min.data[7], 0);
    set_bounds(f64(-0.0), f64(-0.0));
    expect(true, true);
    assert_int_equal(bounds.max.data[7], 0x80);
    set_bounds(f64(nan), f64(nan)); /* all NaN: no bounds of numbers */
    expect(false, false);
    order.has_type_order = true; /* of a union that says both: the older one */
    set_bounds(f64(0.0), f64(0.0));
    expect(true, true);
    assert_int_equal(bounds.min.data[7], 0x80);
    begin(PQF_PHYSICAL_FIXED, PQF_ORDER_FLOAT16);
    leaf.type_length = 2;
    set_bounds(pqf_bytes_of("\0\0", 2), pqf_bytes_of("\0\x3C", 2));
    expect(true, true);
    assert_memory_equal(bounds.min.data, "\0\x80", 2);
    set_bounds(pqf_bytes_of("\1\x7C", 2), pqf_bytes_of("\0\x3C", 2));
    expect(false, false);
}

static void test_lengths(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED);
    set_bounds(text("abc"), i32(5));
    expect(false, true);
    set_bounds(i32(5), pqf_bytes_of(NULL, 0));
    expect(true, false);
    set_bounds(i32(6), i32(5));
    expect(false, false);
    begin(PQF_PHYSICAL_FIXED, PQF_ORDER_DECIMAL_BYTES);
    leaf.type_length = 4;
    set_bounds(text("abc"), text("abcd"));
    expect(false, true);
    begin(PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_BYTES);
    set_bounds(text(""), text("z"));
    expect(true, true);
}

/* A bound of no bytes prunes nothing, though a decimal of none is 0. */
static void test_bounds_of_no_bytes(void **state) {
    (void)state;
    begin(PQF_PHYSICAL_BYTE_ARRAY, PQF_ORDER_DECIMAL_BYTES);
    set_bounds(text(""), text("\x05"));
    expect(false, true);
    set_bounds(text("\xFB"), text(""));
    expect(true, false);
    begin(PQF_PHYSICAL_FIXED, PQF_ORDER_FLOAT16);
    for (leaf.type_length = 0; leaf.type_length < 2; leaf.type_length++) {
        set_bounds(pqf_bytes_of("", (size_t)leaf.type_length),
                   pqf_bytes_of("", (size_t)leaf.type_length));
        expect(false, false);
    }
}

static pqf_bytes int96(int32_t day, int64_t ns) {
    static uint8_t room[8][12];
    static int at;
    uint8_t *p = room[at++ % 8];
    pqf_store_u64(p, (uint64_t)ns);
    pqf_store_u32(p + 8, (uint32_t)day);
    return pqf_bytes_of(p, 12);
}

/* Where the file declares their order, and each within its day. */
static void test_int96(void **state) {
    (void)state;
    const int64_t day_ns = INT64_C(86400000000000);
    begin(PQF_PHYSICAL_INT96, PQF_ORDER_INT96);
    set_bounds(int96(-1, day_ns - 1), int96(2440588, 0));
    set_deprecated(int96(1, 1), int96(1, 1));
    metadata.file.has_created_by = true;
    metadata.file.created_by = text("impala version 1.2.3 (build 4)");
    expect(false, false);
    order = (pqf_column_order){.has_ieee_754_total_order = true};
    expect(false, false);
    order = (pqf_column_order){.has_int96_timestamp_order = true};
    expect(true, true);
    assert_memory_equal(bounds.min.data, int96(-1, day_ns - 1).data, 12);
    set_bounds(int96(1, 0), int96(0, 5));
    expect(false, false);
    set_bounds(int96(1, 5), int96(1, 4));
    expect(false, false);
    set_bounds(int96(1, -1), int96(2, 0));
    expect(false, false);
    set_bounds(int96(1, 0), int96(2, day_ns));
    expect(false, false);
    set_bounds(text("12345678901"), int96(2, 0));
    expect(false, true);
    begin(PQF_PHYSICAL_INT32, PQF_ORDER_SIGNED);
    set_bounds(i32(1), i32(2));
    order = (pqf_column_order){.has_int96_timestamp_order = true};
    expect(false, false);
}

static int compare(pqf_order leaf_order, pqf_bytes a, pqf_bytes b) {
    leaf.order = leaf_order;
    int c = pqf_order_compare(&leaf, a, b), r = pqf_order_compare(&leaf, b, a);
    assert_true((c < 0 && r > 0) || (c > 0 && r < 0) || (c == 0 && r == 0));
    return (c > 0) - (c < 0);
}

static void test_compare(void **state) {
    (void)state;
    assert_int_equal(compare(PQF_ORDER_SIGNED, i32(-1), i32(1)), -1);
    assert_int_equal(compare(PQF_ORDER_UNSIGNED, i32(-1), i32(1)), 1);
    assert_int_equal(compare(PQF_ORDER_UNSIGNED, text("\1"), text("\2")), -1);
    assert_int_equal(compare(PQF_ORDER_FLOAT, f64(-2), f64(1)), -1);
    assert_int_equal(compare(PQF_ORDER_FLOAT, f64(-0.0), f64(0.0)), 0);
    assert_int_equal(compare(PQF_ORDER_FLOAT16, text("\x01\xBC"), text("\x01\x3C")), -1);
    assert_int_equal(
        compare(PQF_ORDER_FLOAT16, pqf_bytes_of("\0\x80", 2), pqf_bytes_of("\0\0", 2)),
        0);
    assert_int_equal(compare(PQF_ORDER_BYTES, text("a"), text("ab")), -1);
    assert_int_equal(compare(PQF_ORDER_BYTES, text("b"), text("ab")), 1);
    assert_int_equal(compare(PQF_ORDER_BYTES, text("\x7f"), text("\x80")), -1);
    assert_int_equal(compare(PQF_ORDER_DECIMAL_BYTES, text("\x80"), text("\x01")), -1);
    assert_int_equal(compare(PQF_ORDER_DECIMAL_BYTES, text("\xFF\xFE"), text("\xFE")), 0);
    assert_int_equal(compare(PQF_ORDER_DECIMAL_BYTES, text("\x01\x01"), text("\x7F")), 1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_deprecated),
        cmocka_unit_test(test_null_counts),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_bounds_of_no_bytes),
        cmocka_unit_test(test_int96),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
