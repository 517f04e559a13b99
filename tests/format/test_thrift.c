/* SPDX-License-Identifier: Apache-2.0
 *
 * Thrift reader and writer: every struct of metadata.def goes there and back with random
 * contents; bytes that end early, lie about lengths or hold unknown fields.
 */
#include "format_test.h"

static const pqf_thrift_struct *const structs[] = {
#define PQF_STRUCT(type, thrift_name) &type##_thrift,
#define PQF_VALUE(type, id, need, kind, name)
#define PQF_INLINE(type, id, need, sub, name)
#define PQF_POINTER(type, id, need, sub, name)
#define PQF_VALUES(type, id, need, kind, name)
#define PQF_STRUCTS(type, id, need, sub, name)
#define PQF_END(type)
#include "format/metadata.def"
#undef PQF_STRUCT
#undef PQF_VALUE
#undef PQF_INLINE
#undef PQF_POINTER
#undef PQF_VALUES
#undef PQF_STRUCTS
#undef PQF_END
};
#define NUM_STRUCTS (sizeof structs / sizeof structs[0])

static pqf_arena arena;
static pqf_buf bytes, again;

static int begin(void **state) {
    if (set_up(state) != 0) return -1;
    pqf_arena_init(&arena, mem);
    pqf_buf_init(&bytes, mem, 0);
    pqf_buf_init(&again, mem, 0);
    return 0;
}

static int end(void **state) {
    pqf_arena_reset(&arena);
    pqf_buf_reset(&bytes);
    pqf_buf_reset(&again);
    return tear_down(state);
}

#define THRIFT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void *take(size_t size) {
    void *out;
    assert_ok(pqf_arena_alloc(&arena, size, &out, &err));
    return out;
}

/* ---- random structs ---- */

static void fill_struct(const pqf_thrift_struct *type, uint8_t *out);

static size_t width_of(pqf_kind kind) {
    switch (kind) {
    case PQF_KIND_BOOL:
    case PQF_KIND_I8: return 1;
    case PQF_KIND_I16: return 2;
    case PQF_KIND_I32: return 4;
    case PQF_KIND_BINARY: return sizeof(pqf_bytes);
    default: return 8;
    }
}

static void fill_scalar(pqf_kind kind, uint8_t *at) {
    uint64_t v = random_u64() >> random_below(64);
    if (kind == PQF_KIND_BOOL) v &= 1;
    if (kind == PQF_KIND_BINARY) {
        pqf_bytes b = {NULL, random_below(40)};
        uint8_t *room = take(b.len + 1);
        for (size_t i = 0; i < b.len; i++)
            room[i] = (uint8_t)random_u64();
        b.data = room;
        memcpy(at, &b, sizeof b);
    } else {
        memcpy(at, &v, width_of(kind));
    }
}

static void fill_list(const pqf_thrift_field *field, uint8_t *out) {
    int32_t n = (int32_t)random_below(20);
    size_t width = field->sub ? field->sub->struct_bytes : width_of(field->elem);
    uint8_t *items = take((size_t)n * width);
    for (int32_t i = 0; i < n; i++) {
        if (field->sub)
            fill_struct(field->sub, items + (size_t)i * width);
        else
            fill_scalar(field->elem, items + (size_t)i * width);
    }
    memcpy(out + field->offset, &items, sizeof items);
    memcpy(out + field->count_offset, &n, sizeof n);
}

static void fill_field(const pqf_thrift_field *field, uint8_t *out) {
    void *sub;
    switch ((pqf_kind)field->kind) {
    case PQF_KIND_EMPTY: break;
    case PQF_KIND_STRUCT: fill_struct(field->sub, out + field->offset); break;
    case PQF_KIND_LIST: fill_list(field, out); break;
    case PQF_KIND_POINTER:
        sub = take(field->sub->struct_bytes);
        fill_struct(field->sub, sub);
        memcpy(out + field->offset, &sub, sizeof sub);
        break;
    default: fill_scalar((pqf_kind)field->kind, out + field->offset); break;
    }
}

static void fill_struct(const pqf_thrift_struct *type, uint8_t *out) {
    for (int id = 1; id <= type->max_id; id++) {
        const pqf_thrift_field *field = &type->fields[id];
        if (field->kind == PQF_KIND_NONE || (!field->required && random_below(3) == 0))
            continue;
        fill_field(field, out);
        if (field->has_offset != PQF_THRIFT_NO_HAS)
            *(bool *)(out + field->has_offset) = true;
    }
}

static void fill_bytes(const pqf_thrift_struct *type, uint64_t seed) {
    random_seed(seed);
    uint8_t *in = take(type->struct_bytes);
    fill_struct(type, in);
    bytes.len = 0;
    assert_ok(pqf_thrift_write(type, in, &bytes, &err));
}

static void test_round_trips(void **state) {
    (void)state;
    for (size_t s = 0; s < NUM_STRUCTS; s++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            size_t used;
            fill_bytes(structs[s], seed);
            void *out = take(structs[s]->struct_bytes);
            assert_ok(pqf_thrift_read(pqf_buf_view(&bytes), structs[s], out, &arena, NULL,
                                      &used, &err));
            again.len = 0;
            assert_ok(pqf_thrift_write(structs[s], out, &again, &err));
            if (used != bytes.len || again.len != bytes.len ||
                memcmp(again.data, bytes.data, bytes.len) != 0)
                fail_msg("%s, seed %llu", structs[s]->name, (unsigned long long)seed);
        }
        pqf_arena_reset(&arena);
    }
}

/* Bytes that end early: an exact copy on the heap, so that a read beyond is seen. */
static void test_every_shorter_length_fails(void **state) {
    (void)state;
    for (size_t s = 0; s < NUM_STRUCTS; s++) {
        fill_bytes(structs[s], 7);
        size_t most = bytes.len < 400 ? bytes.len : 400;
        for (size_t len = 0; len < most; len++) {
            uint8_t *copy = malloc(len ? len : 1);
            memcpy(copy, bytes.data, len);
            size_t used;
            void *out = take(structs[s]->struct_bytes);
            pqf_error_init(&err);
            assert_int_equal(pqf_thrift_read(pqf_bytes_of(copy, len), structs[s], out,
                                             &arena, NULL, &used, &err),
                             PQF_CORRUPT);
            assert_non_null(strstr(err.message, structs[s]->name));
            free(copy);
        }
        pqf_arena_reset(&arena);
    }
}

static void test_damaged_bytes(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        size_t used;
        pqf_file_metadata out;
        fill_bytes(&pqf_file_metadata_thrift, seed);
        for (int k = 0; k < 3; k++)
            bytes.data[random_below((uint32_t)bytes.len)] = (uint8_t)random_u64();
        pqf_error_init(&err);
        pqf_status status =
            pqf_thrift_read(pqf_buf_view(&bytes), &pqf_file_metadata_thrift, &out, &arena,
                            NULL, &used, &err);
        if (status == PQF_OK ? used > bytes.len : err.message[0] == 0)
            fail_msg("seed %llu", (unsigned long long)seed);
        pqf_arena_reset(&arena);
    }
}

/* ---- page headers ---- */

static const uint8_t page_bytes[] = {0x15, 0x00, 0x15, 0x14, 0x15, 0x1c, 0x2c, 0x15, 0x0a,
                                     0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00};

static void test_page_header(void **state) {
    (void)state;
    pqf_page_header header;
    size_t used;
    bool truncated;
    assert_ok(pqf_page_header_read(pqf_bytes_of(page_bytes, sizeof page_bytes), &header,
                                   &used, &truncated, &err));
    assert_false(truncated);
    assert_int_equal(used, sizeof page_bytes);
    assert_int_equal(header.type, PQF_PAGE_DATA);
    assert_int_equal(header.uncompressed_page_size, 10);
    assert_int_equal(header.compressed_page_size, 14);
    assert_false(header.has_crc);
    assert_true(header.has_data_page_header);
    assert_false(header.has_data_page_header_v2);
    assert_int_equal(header.data_page_header.num_values, 5);
    assert_int_equal(header.data_page_header.definition_level_encoding, 3);
    for (size_t len = 0; len < sizeof page_bytes; len++) {
        assert_ok(pqf_page_header_read(pqf_bytes_of(page_bytes, len), &header, &used,
                                       &truncated, &err));
        assert_true(truncated);
    }
    assert_ok(pqf_page_header_read(pqf_bytes_of(page_bytes, sizeof page_bytes), &header,
                                   &used, &truncated, &err));
    assert_ok(pqf_page_header_write(&header, &bytes, &err));
    assert_int_equal(bytes.len, sizeof page_bytes);
    assert_memory_equal(bytes.data, page_bytes, sizeof page_bytes);
}

static void test_page_header_damage(void **state) {
    (void)state;
    pqf_page_header header;
    size_t used;
    bool truncated;
    static const uint8_t missing[] = {0x15, 0x00, 0x15, 0x14, 0x00};
    assert_fails(pqf_page_header_read(pqf_bytes_of(missing, sizeof missing), &header,
                                      &used, &truncated, &err),
                 PQF_CORRUPT, "compressed_page_size: this required field is missing");
    static const uint8_t wide[] = {0x15, 0x80, 0x80, 0x80, 0x80,
                                   0x80, 0x01, 0x00, 0x00, 0x00};
    assert_fails(pqf_page_header_read(pqf_bytes_of(wide, sizeof wide), &header, &used,
                                      &truncated, &err),
                 PQF_CORRUPT, "longer than 32 bits");
    static const uint8_t endless[] = {0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_fails(pqf_page_header_read(pqf_bytes_of(endless, sizeof endless), &header,
                                      &used, &truncated, &err),
                 PQF_CORRUPT, "longer than 64 bits");
}

/* ---- unknown fields, depth and limits ---- */

static void put(const void *data, size_t len) {
    assert_ok(pqf_buf_put(&bytes, data, len, &err));
}
#define PUT(...)                                                                         \
    put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static pqf_status read_key_value(pqf_key_value *out, const pqf_thrift_limits *limits) {
    size_t used = 0;
    pqf_status status = pqf_thrift_read(pqf_buf_view(&bytes), &pqf_key_value_thrift, out,
                                        &arena, limits, &used, &err);
    if (status == PQF_OK) assert_int_equal(used, bytes.len);
    return status;
}

static void test_unknown_fields(void **state) {
    (void)state;
    pqf_key_value kv;
    PUT(0x18, 0x01, 'k');                        /* 1: the key */
    PUT(0x21, 0x12, 0x13, 0x7f);                 /* 3, 4: booleans, 5: a byte */
    PUT(0x14, 0x80, 0x01, 0x15, 0x01);           /* 6, 7: i16 and i32 */
    PUT(0x16, 0xff, 0x01);                       /* 8: i64 */
    PUT(0x17, 1, 2, 3, 4, 5, 6, 7, 8);           /* 9: double */
    PUT(0x18, 0x02, 'x', 'y');                   /* 10: binary */
    PUT(0x19, 0x25, 0x02, 0x04);                 /* 11: list of i32 */
    PUT(0x1a, 0x21, 0x01, 0x02);                 /* 12: set of bool */
    PUT(0x1b, 0x02, 0x58, 2, 1, 'a', 4, 1, 'b'); /* 13: map of i32 to binary */
    PUT(0x1b, 0x00);                             /* 14: an empty map */
    PUT(0x1c, 0x15, 0x02, 0x1c, 0x00, 0x00);     /* 15: struct in struct */
    PUT(0x1d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); /* 16: uuid */
    PUT(0x05, 0xd0, 0x0f, 0x02);      /* 1000 by its full id */
    PUT(0x08, 0x04, 0x01, 'v', 0x00); /* 2: the value, out of order */
    assert_ok(read_key_value(&kv, NULL));
    assert_int_equal(kv.key.data[0], 'k');
    assert_true(kv.has_value);
    assert_int_equal(kv.value.data[0], 'v');
}

static void test_other_type_is_skipped(void **state) {
    (void)state;
    pqf_key_value kv;
    PUT(0x15, 0x02, 0x00); /* the key as i32 */
    assert_fails(read_key_value(&kv, NULL), PQF_CORRUPT,
                 "key: this required field is missing");
    bytes.len = 0;
    PUT(0x18, 0x01, 'k', 0x30, 0x00); /* a field of wire type 0 */
    assert_fails(read_key_value(&kv, NULL), PQF_CORRUPT, "unknown wire type");
}

static void test_depth(void **state) {
    (void)state;
    pqf_key_value kv;
    for (int wire = 0x39; wire <= 0x3c;
         wire += 3) { /* lists and structs, unknown field 3 */
        bytes.len = 0;
        PUT((uint8_t)wire);
        for (int i = 0; i < 100000; i++)
            PUT(wire == 0x39 ? 0x19 : 0x1c);
        PUT(0x00);
        assert_fails(read_key_value(&kv, NULL), PQF_CORRUPT, "nested deeper than 64");
    }
}

static void test_limits(void **state) {
    (void)state;
    pqf_key_value kv;
    pqf_thrift_limits limits = {.max_string_bytes = 10, .max_container_elements = 3};
    PUT(0x18, 0x0b, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 0x00);
    assert_ok(read_key_value(&kv, NULL));
    assert_fails(read_key_value(&kv, &limits), PQF_LIMIT, "thrift_string_limit");
    pqf_size_statistics sizes;
    size_t used;
    static const uint8_t four[] = {0x29, 0x46, 2, 2, 2, 2, 0x00};
    pqf_bytes in = pqf_bytes_of(four, sizeof four);
    assert_ok(pqf_thrift_read(in, &pqf_size_statistics_thrift, &sizes, &arena, NULL,
                              &used, &err));
    assert_int_equal(sizes.num_repetition_level_histogram, 4);
    assert_fails(pqf_thrift_read(in, &pqf_size_statistics_thrift, &sizes, &arena, &limits,
                                 &used, &err),
                 PQF_LIMIT, "thrift_container_limit");
}

/* A length costs nothing until its bytes are there. */
static void test_claimed_lengths(void **state) {
    (void)state;
    pqf_file_metadata file;
    size_t used;
    static const uint8_t list[] = {0x15, 0x02, 0x19, 0xfc, 0xc0,
                                   0x84, 0x3d, 0x00, 0x00, 0x00};
    assert_fails(pqf_thrift_read(pqf_bytes_of(list, sizeof list),
                                 &pqf_file_metadata_thrift, &file, &arena, NULL, &used,
                                 &err),
                 PQF_CORRUPT, "the bytes end inside it");
    static const uint8_t items[] = {0x15, 0x02, 0x19, 0x25, 0x00, 0x00, 0x00};
    assert_fails(pqf_thrift_read(pqf_bytes_of(items, sizeof items),
                                 &pqf_file_metadata_thrift, &file, &arena, NULL, &used,
                                 &err),
                 PQF_CORRUPT, "schema: the list has elements of another type");
    assert_true(pqf_mem_peak(mem) < 4 << 20);
}

static void test_no_memory(void **state) {
    (void)state;
    fill_bytes(&pqf_file_metadata_thrift, 3);
    for (int64_t n = 1; n < 100; n++) {
        pqf_file_metadata file;
        pqf_arena own;
        size_t used;
        pqf_arena_init(&own, mem);
        pqf_mem_fail_after(n);
        pqf_error_init(&err);
        pqf_status status =
            pqf_thrift_read(pqf_buf_view(&bytes), &pqf_file_metadata_thrift, &file, &own,
                            NULL, &used, &err);
        pqf_mem_fail_after(0);
        pqf_arena_reset(&own);
        if (status == PQF_OK) return;
        assert_int_equal(status, PQF_NOMEM);
    }
    fail_msg("a footer takes more than 100 allocations");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        THRIFT_TEST(test_round_trips),
        THRIFT_TEST(test_every_shorter_length_fails),
        THRIFT_TEST(test_damaged_bytes),
        THRIFT_TEST(test_page_header),
        THRIFT_TEST(test_page_header_damage),
        THRIFT_TEST(test_unknown_fields),
        THRIFT_TEST(test_other_type_is_skipped),
        THRIFT_TEST(test_depth),
        THRIFT_TEST(test_limits),
        THRIFT_TEST(test_claimed_lengths),
        THRIFT_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
