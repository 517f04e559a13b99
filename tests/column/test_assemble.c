/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading as a whole: random trees of structs, lists and maps, their values shredded naively
 * into chunks of random layout, read in random pieces, assembled and compared value by
 * value; then the forms of lists, strings and dictionaries, and siblings that contradict
 * each other.
 */
#include "reading_test.h"

static pqf_mem *builder_mem, *mem;
static pqf_error err;
static bool
    is_mapped; /* all chunks are files of one page as readers can use it in place */
static int64_t num_lent; /* leaves that point into such a file, whose source is gone */

static int setup(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &builder_mem, &err) || pqf_mem_new(0, &mem, &err);
}

static int teardown(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem) + pqf_mem_used(builder_mem);
    pqf_mem_release(mem);
    pqf_mem_release(builder_mem);
    if (used)
        print_error("seed %llu: %lld bytes not given back\n",
                    (unsigned long long)rnd_seed, (long long)used);
    return used != 0;
}

static chunk_layout random_layout(void) {
    static const int32_t codecs[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_ZSTD, PQF_LZ4_RAW,
                                     PQF_GZIP};
    static const int64_t sizes[] = {1, 10, 300, 5000};
    if (is_mapped)
        return (chunk_layout){.version = (int)rnd_below(3), .page_levels = 1 << 30};
    return (chunk_layout){
        .version = (int)rnd_below(3),
        .codec = codecs[rnd_below(5)],
        .crc = rnd_below(2),
        .dictionary = rnd_below(2),
        .page_levels = sizes[rnd_below(4)],
        .index_pages = rnd_below(4) == 0,
        .plain_tail = rnd_below(2),
        .packed_levels = rnd_below(3) == 0,
    };
}

static pqf_field *find_leaf(pqf_field *f, int32_t leaf) {
    while (f->kind != PQF_FIELD_LEAF) {
        pqf_field *child = f->children;
        while (leaf >= child->first_leaf + child->num_leaves)
            child++;
        f = child;
    }
    return f;
}

/* One leaf through bytes and back. */
static pqf_status read_leaf(test_tree *t, int32_t leaf, const test_value *rows,
                            int64_t num_rows, bool in_pieces, pqf_leaf_out *out) {
    test_levels levels = {0};
    test_chunk chunk;
    chunk_layout layout = random_layout();
    pqf_field *f = find_leaf(&t->root, leaf);
    levels_shred(&t->root, rows, num_rows, leaf, &levels);
    chunk_build(&chunk, f->leaf, &levels, num_rows, &layout, builder_mem);
    size_t window = rnd_below(2) ? 64 : 1 << 20;
    if (is_mapped || rnd_below(4) == 0)
        chunk_map(&chunk, (size_t)rnd_below(4) * 4 + 3 - (chunk.bytes.len + 3) % 4);
    pqf_status status = chunk_read(&chunk, f, window, in_pieces, out, mem, &err);
    num_lent += out->lender != NULL;
    chunk_free(&chunk);
    levels_free(&levels);
    return status;
}

static void check_ok(pqf_status status) {
    CHECK(status == PQF_OK, "column %s, page %lld: %s", err.column, (long long)err.page,
          err.message);
}

static void round_trip(test_tree *t, const value_spec *spec, int64_t num_rows) {
    test_value *rows = calloc((size_t)num_rows + 1, sizeof *rows);
    const test_value **slots = calloc((size_t)num_rows + 1, sizeof *slots);
    pqf_leaf_out outs[64] = {{0}};
    struct ArrowArray array;
    for (int64_t i = 0; i < num_rows; i++) {
        rows[i] = value_random(&t->root, spec);
        slots[i] = &rows[i];
    }
    for (int32_t i = 0; i < t->num_leaves; i++)
        check_ok(
            read_leaf(t, i, rows, num_rows, rnd_below(is_mapped ? 8 : 2) == 1, &outs[i]));
    check_ok(pqf_assemble(&t->root, outs, num_rows, mem, &array, &err));
    array_check(&t->root, &array, slots, num_rows);
    array.release(&array);
    for (int64_t i = 0; i < num_rows; i++)
        value_free(&rows[i]);
    free(rows);
    free(slots);
}

static void test_random_trees(void **state) {
    (void)state;
    static test_tree t;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        rnd_start(seed);
        tree_random(&t, (int)rnd_below(6));
        value_spec spec = {(int)(rnd_below(5) * 25), rnd_below(5), rnd_below(4) == 0};
        round_trip(&t, &spec, rnd_below(rnd_below(4) ? 60 : 3000));
    }
}

static void test_mapped_trees(void **state) {
    (void)state;
    static test_tree t;
    is_mapped = true;
    num_lent = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        rnd_start(seed);
        tree_random(&t, (int)rnd_below(4));
        value_spec spec = {seed % 4 ? 0 : 5, rnd_below(5), rnd_below(4) == 0};
        round_trip(&t, &spec, rnd_below(60));
    }
    is_mapped = false;
    if (num_lent < 50) fail_msg("%lld leaves are lent", (long long)num_lent);
}

/* Long runs of levels: lists of one size, as embeddings have. */
static void test_long_lists(void **state) {
    (void)state;
    static test_tree t;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        rnd_start(seed);
        t = (test_tree){0};
        t.root.nullable = seed & 1;
        tree_group(&t, &t.root, PQF_FIELD_LIST, 1);
        t.root.children[0].nullable = seed & 2;
        tree_leaf(&t, &t.root.children[0], PQF_PHYSICAL_INT32);
        tree_finish(&t);
        value_spec spec = {seed < 9 ? 0 : 5, 1 + rnd_below(700), seed & 4};
        round_trip(&t, &spec, 100);
    }
}

static void test_flat(void **state) {
    (void)state;
    static const int percents[] = {0, 1, 50, 100};
    static const pqf_physical types[] = {PQF_PHYSICAL_INT64, PQF_PHYSICAL_BYTE_ARRAY,
                                         PQF_PHYSICAL_BOOLEAN, PQF_PHYSICAL_INT32};
    static test_tree t;
    for (uint64_t seed = 1; seed <= 64; seed++) {
        rnd_start(seed);
        t = (test_tree){0};
        t.root.nullable = seed & 1;
        tree_leaf(&t, &t.root, types[seed / 2 % 4]);
        tree_finish(&t);
        value_spec spec = {percents[seed / 8 % 4], 0, false};
        round_trip(&t, &spec, 1 + rnd_below(9000));
    }
}

/* ---- forms ---- */

static test_tree list_tree(bool nullable) {
    test_tree t = {0};
    t.root.nullable = nullable;
    return t;
}

/* [[1, 2], null, [3, 4]] or, without a null, [[1, 2], [3, 4]]. */
static pqf_status read_pairs(test_tree *t, bool with_null, pqf_leaf_out *out) {
    static test_value items[4] = {{.v = 1}, {.v = 2}, {.v = 3}, {.v = 4}};
    test_value rows[3] = {{.num_items = 2, .items = items},
                          {.null = true},
                          {.num_items = 2, .items = items + 2}};
    if (!with_null) rows[1] = rows[2];
    rnd_start(7);
    tree_group(t, &t->root, PQF_FIELD_LIST, 1);
    tree_leaf(t, &t->root.children[0], PQF_PHYSICAL_INT32);
    t->root.children[0].nullable = true;
    tree_finish(t);
    return read_leaf(t, 0, rows, with_null ? 3 : 2, false, out);
}

static void test_list_forms(void **state) {
    (void)state;
    static test_tree t;
    pqf_leaf_out out;
    struct ArrowArray a;
    for (int form = PQF_LIST; form <= PQF_LIST_LARGE_VIEW; form++) {
        t = list_tree(true);
        check_ok(read_pairs(&t, true, &out));
        t.root.list_form = (pqf_list_form)form;
        check_ok(pqf_assemble(&t.root, &out, 3, mem, &a, &err));
        bool large = form == PQF_LIST_LARGE || form == PQF_LIST_LARGE_VIEW;
        bool view = form == PQF_LIST_VIEW || form == PQF_LIST_LARGE_VIEW;
        static const int64_t starts[] = {0, 2, 2, 4}, sizes[] = {2, 0, 2};
        assert_int_equal(a.n_buffers, view ? 3 : 2);
        assert_int_equal(a.null_count, 1);
        for (int i = 0; i < (view ? 3 : 4); i++)
            assert_int_equal(large ? ((const int64_t *)a.buffers[1])[i]
                                   : ((const int32_t *)a.buffers[1])[i],
                             starts[i]);
        for (int i = 0; view && i < 3; i++)
            assert_int_equal(large ? ((const int64_t *)a.buffers[2])[i]
                                   : ((const int32_t *)a.buffers[2])[i],
                             sizes[i]);
        a.release(&a);
    }
}

static void test_fixed_size_lists(void **state) {
    (void)state;
    static test_tree t;
    pqf_leaf_out out;
    struct ArrowArray a;
    for (int with_null = 0; with_null < 2; with_null++) {
        t = list_tree(true);
        check_ok(read_pairs(&t, with_null, &out));
        t.root.list_form = PQF_LIST_FIXED;
        t.root.fixed_items = 2;
        t.root.format = "+w:2";
        check_ok(pqf_assemble(&t.root, &out, 2 + with_null, mem, &a, &err));
        assert_int_equal(a.n_buffers, 1);
        assert_int_equal(a.children[0]->length, 4 + 2 * with_null);
        assert_int_equal(a.children[0]->null_count, 2 * with_null);
        const int32_t *values = a.children[0]->buffers[1];
        assert_int_equal(values[0], 7);
        assert_int_equal(values[a.children[0]->length - 1], 28);
        a.release(&a);
    }
    t = list_tree(true);
    check_ok(read_pairs(&t, true, &out));
    t.root.list_form = PQF_LIST_FIXED;
    t.root.fixed_items = 3;
    assert_int_equal(pqf_assemble(&t.root, &out, 3, mem, &a, &err), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "2 items"));
    assert_null(out.nodes);
}

static pqf_status read_strings(test_tree *t, pqf_leaf_out *out) {
    static const test_value rows[] = {
        {.v = 3}, {.null = true}, {.v = 15}, {.v = 36}, {.v = 3}};
    *t = (test_tree){0};
    t->root.nullable = true;
    tree_leaf(t, &t->root, PQF_PHYSICAL_BYTE_ARRAY);
    tree_finish(t);
    return read_leaf(t, 0, rows, 5, false, out);
}

static const char *const strings[] = {"abc3", "", "abcdefghijklmno15",
                                      "abcdefghijklmnop36", "abc3"};

static void test_binary_forms(void **state) {
    (void)state;
    static test_tree t;
    pqf_leaf_out out;
    struct ArrowArray a;
    rnd_start(1);
    check_ok(read_strings(&t, &out));
    t.root.binary_form = PQF_FORM_LARGE;
    check_ok(pqf_assemble(&t.root, &out, 5, mem, &a, &err));
    const int64_t *ends = a.buffers[1];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ends[i + 1] - ends[i], strlen(strings[i]));
        assert_memory_equal((const char *)a.buffers[2] + ends[i], strings[i],
                            strlen(strings[i]));
    }
    a.release(&a);
    check_ok(read_strings(&t, &out));
    t.root.binary_form = PQF_FORM_VIEW;
    check_ok(pqf_assemble(&t.root, &out, 5, mem, &a, &err));
    assert_int_equal(a.n_buffers, 4);
    const uint8_t *views = a.buffers[1];
    for (int i = 0; i < 5; i++) {
        uint32_t len = pqf_load_u32(views + 16 * i);
        const uint8_t *at = views + 16 * i + 4;
        assert_int_equal(len, strlen(strings[i]));
        if (len > 12) {
            assert_memory_equal(at, strings[i], 4);
            assert_int_equal(pqf_load_u32(at + 4), 0);
            at = (const uint8_t *)a.buffers[2] + pqf_load_u32(at + 8);
        }
        assert_memory_equal(at, strings[i], len);
    }
    a.release(&a);
}

static void test_dictionary_forms(void **state) {
    (void)state;
    static const struct {
        const char *format;
        int width;
    } types[] = {{"c", 1}, {"C", 1}, {"s", 2}, {"S", 2},
                 {"i", 4}, {"I", 4}, {"l", 8}, {"L", 8}};
    static test_tree t;
    pqf_leaf_out out;
    struct ArrowArray a;
    for (uint64_t seed = 1; seed <= 64; seed++) {
        rnd_start(seed);
        test_value rows[500];
        test_tree plain = {0};
        t = plain;
        t.root.nullable = true;
        tree_leaf(&t, &t.root, seed & 8 ? PQF_PHYSICAL_INT32 : PQF_PHYSICAL_BYTE_ARRAY);
        tree_finish(&t);
        t.root.index_format = types[seed % 8].format;
        value_spec spec = {20, 0, false};
        for (int i = 0; i < 500; i++)
            rows[i] = value_random(&t.root, &spec);
        check_ok(read_leaf(&t, 0, rows, 500, seed & 16, &out));
        check_ok(pqf_assemble(&t.root, &out, 500, mem, &a, &err));
        CHECK(a.dictionary && a.dictionary->length <= 37, "dictionary");
        for (int i = 0; i < 500; i++) {
            uint64_t code = 0;
            uint8_t want[64];
            CHECK(rows[i].null == !pqf_bit_get(a.buffers[0], i), "validity %d", i);
            memcpy(&code, (const uint8_t *)a.buffers[1] + i * types[seed % 8].width,
                   (size_t)types[seed % 8].width);
            if (rows[i].null) {
                CHECK(code == 0, "code under null");
                continue;
            }
            size_t len = leaf_bytes(t.root.leaf, rows[i].v, want);
            const uint8_t *at = (const uint8_t *)a.dictionary->buffers[1] + code * 4;
            if (!(seed & 8)) {
                const int32_t *end = a.dictionary->buffers[1];
                CHECK(end[code + 1] - end[code] == (int32_t)len, "length");
                at = (const uint8_t *)a.dictionary->buffers[2] + end[code];
            }
            CHECK(memcmp(at, want, len) == 0, "value %d", i);
        }
        a.release(&a);
    }
}

/* ---- contradictions ---- */

static void test_siblings_differ(void **state) {
    (void)state;
    static test_tree t;
    pqf_leaf_out outs[2];
    struct ArrowArray a;
    test_value x[2] = {{.v = 1}, {.v = 2}};
    test_value rows[2] = {{.num_items = 2, .items = x}, {.null = true}};
    rnd_start(3);
    t = (test_tree){0};
    t.root.nullable = true;
    tree_group(&t, &t.root, PQF_FIELD_STRUCT, 2);
    tree_leaf(&t, &t.root.children[0], PQF_PHYSICAL_INT32);
    tree_leaf(&t, &t.root.children[1], PQF_PHYSICAL_INT64);
    tree_finish(&t);
    check_ok(read_leaf(&t, 0, rows, 2, false, &outs[0]));
    rows[1] = rows[0];
    check_ok(read_leaf(&t, 1, rows, 2, false, &outs[1]));
    assert_int_equal(pqf_assemble(&t.root, outs, 2, mem, &a, &err), PQF_CORRUPT);
    assert_string_equal(err.column, "b");
    pqf_error_init(&err);
}

static void test_null_key(void **state) {
    (void)state;
    static test_tree t;
    pqf_leaf_out outs[2];
    struct ArrowArray a;
    test_value entry[2] = {{.null = true}, {.v = 2}};
    test_value item = {.num_items = 2, .items = entry};
    test_value row = {.num_items = 1, .items = &item};
    rnd_start(4);
    t = (test_tree){0};
    tree_group(&t, &t.root, PQF_FIELD_MAP, 1);
    tree_group(&t, &t.root.children[0], PQF_FIELD_STRUCT, 2);
    pqf_field *entries = &t.root.children[0];
    tree_leaf(&t, &entries->children[0], PQF_PHYSICAL_INT32);
    tree_leaf(&t, &entries->children[1], PQF_PHYSICAL_INT32);
    entries->children[0].nullable = true;
    tree_finish(&t);
    for (int32_t i = 0; i < 2; i++)
        check_ok(read_leaf(&t, i, &row, 1, false, &outs[i]));
    assert_int_equal(pqf_assemble(&t.root, outs, 1, mem, &a, &err), PQF_CORRUPT);
    assert_non_null(strstr(err.message, "key"));
    pqf_error_init(&err);
}

/* A struct without columns has the rows that it is said to have. */
static void test_no_leaves(void **state) {
    (void)state;
    static test_tree t;
    struct ArrowArray a;
    t = (test_tree){0};
    tree_group(&t, &t.root, PQF_FIELD_STRUCT, 0);
    tree_finish(&t);
    check_ok(pqf_assemble(&t.root, NULL, 12, mem, &a, &err));
    assert_int_equal(a.length, 12);
    assert_int_equal(a.n_children, 0);
    a.release(&a);
}

/* Every allocation of a read and its assembly fails once. */
static void test_no_memory(void **state) {
    (void)state;
    static test_tree t;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        rnd_start(seed * 31);
        tree_random(&t, 2);
        if (seed & 1 && t.root.kind == PQF_FIELD_LEAF && t.root.layout != PQF_LEAF_BITS)
            t.root.index_format = "i";
        value_spec spec = {30, 3, false};
        test_value rows[40];
        test_levels levels[64] = {{0}};
        test_chunk chunks[64];
        chunk_layout layout = random_layout();
        layout.page_levels = 10;
        for (int i = 0; i < 40; i++)
            rows[i] = value_random(&t.root, &spec);
        for (int32_t l = 0; l < t.num_leaves; l++) {
            levels_shred(&t.root, rows, 40, l, &levels[l]);
            chunk_build(&chunks[l], find_leaf(&t.root, l)->leaf, &levels[l], 40, &layout,
                        builder_mem);
        }
        bool failed = true;
        for (int64_t nth = 1; failed; nth++) {
            pqf_leaf_out outs[64] = {{0}};
            struct ArrowArray a = {0};
            pqf_status status = PQF_OK;
            pqf_mem_fail_after(nth);
            for (int32_t l = 0; l < t.num_leaves && status == PQF_OK; l++)
                status = chunk_read(&chunks[l], find_leaf(&t.root, l), 64, true, &outs[l],
                                    mem, &err);
            if (status == PQF_OK) status = pqf_assemble(&t.root, outs, 40, mem, &a, &err);
            pqf_mem_fail_after(0);
            failed = status != PQF_OK;
            CHECK(!failed || status == PQF_NOMEM, "status %d", (int)status);
            for (int32_t l = 0; l < t.num_leaves; l++)
                pqf_leaf_out_reset(&outs[l]);
            pqf_array_release(&a);
            CHECK(pqf_mem_used(mem) == 0, "%lld bytes in use after failure %lld",
                  (long long)pqf_mem_used(mem), (long long)nth);
        }
        for (int32_t l = 0; l < t.num_leaves; l++) {
            levels_free(&levels[l]);
            chunk_free(&chunks[l]);
        }
        for (int i = 0; i < 40; i++)
            value_free(&rows[i]);
    }
    pqf_error_init(&err);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_flat),         T(test_random_trees),     T(test_mapped_trees),
        T(test_long_lists),   T(test_list_forms),       T(test_fixed_size_lists),
        T(test_binary_forms), T(test_dictionary_forms), T(test_siblings_differ),
        T(test_null_key),     T(test_no_leaves),        T(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
