/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that stay in a mapped file: which ones do, and that those that do are right, aligned, alive
 * as long as their array and not read behind, where no memory may be.
 */
#include "reading_test.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pqf_mem *builder_mem, *mem;
static pqf_error err;

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
    if (used) print_error("%lld bytes not given back\n", (long long)used);
    return used != 0;
}

#define OK(expr)                                                                         \
    do {                                                                                 \
        pqf_error_init(&err);                                                            \
        CHECK((expr) == PQF_OK, "column %s, page %lld: %s", err.column,                  \
              (long long)err.page, err.message);                                         \
    } while (0)

/* ---- chunks ---- */

static test_tree tree;

static void flat_tree(pqf_physical physical, bool nullable) {
    tree = (test_tree){0};
    tree.root.nullable = nullable;
    tree_leaf(&tree, &tree.root, physical);
    tree_finish(&tree);
}

static void list_tree(bool nullable) {
    tree = (test_tree){0};
    tree.root.nullable = nullable;
    tree_group(&tree, &tree.root, PQF_FIELD_LIST, 1);
    tree.root.children[0].nullable = nullable;
    tree_leaf(&tree, &tree.root.children[0], PQF_PHYSICAL_INT64);
    tree_finish(&tree);
}

static pqf_field *leaf_field(void) {
    return tree.root.kind == PQF_FIELD_LEAF ? &tree.root : &tree.root.children[0];
}

/* Row i is i, or null where `null_at` says so; a list has row % 4 of them. */
static test_value row_of(int64_t i, int64_t null_at) {
    static test_value items[4];
    test_value v = {.v = i % 37, .null = i == null_at};
    if (tree.root.kind == PQF_FIELD_LEAF) return v;
    for (int k = 0; k < 4; k++)
        items[k] = (test_value){.v = (i + k) % 37};
    return (test_value){.num_items = i % 4, .items = items, .null = i == null_at};
}

static void make_levels(test_levels *levels, int64_t num_rows, int64_t null_at) {
    for (int64_t i = 0; i < num_rows; i++) {
        test_value v = row_of(i, null_at);
        levels_shred(&tree.root, &v, 1, 0, levels);
    }
}

#define ONE_PAGE (INT64_C(1) << 40)

/* A mapped chunk whose last byte is `over` bytes behind a multiple of 16. With one page of 8-byte values
 * these lie so far from an aligned address. */
static void make_chunk(test_chunk *c, int64_t num_rows, int64_t null_at,
                       const chunk_layout *layout, size_t over) {
    test_levels levels = {0};
    rnd_start(3);
    make_levels(&levels, num_rows, null_at);
    chunk_build(c, leaf_field()->leaf, &levels, num_rows, layout, builder_mem);
    chunk_map(c, (16 - c->bytes.len % 16 + over) % 16);
    levels_free(&levels);
}

/* ---- reading ---- */

typedef struct pull {
    pqf_chunk_reader *reader;
    pqf_scratch scratch;
    pqf_run run;
    pqf_leaf_out out;
} pull;

static void pull_begin(pull *p, const test_chunk *c) {
    pqf_chunk_read_options options = {
        .source = c->source, .kernel = pqf_kernels_get(), .window_bytes = 1 << 20};
    pqf_run_init(&p->run, NULL);
    pqf_scratch_init(&p->scratch, mem);
    p->out = (pqf_leaf_out){0};
    OK(pqf_chunk_reader_open(&c->chunk, leaf_field(), &options, mem, &p->reader, &err));
}

static void pull_end(pull *p) {
    pqf_leaf_out_reset(&p->out);
    pqf_chunk_reader_free(p->reader);
    pqf_scratch_reset(&p->scratch);
}

/* The next n rows in a leaf of their own, or behind those that p->out has. */
static void pull_rows(pull *p, int64_t n, bool fresh) {
    if (fresh) {
        pqf_leaf_out_reset(&p->out);
        OK(pqf_leaf_out_init(&p->out, leaf_field(), n, mem, &err));
    }
    OK(pqf_chunk_reader_read(p->reader, n, &p->out, &p->scratch, &p->run, 0, &err));
}

/* The array of p->out, whose rows begin with row `first`, is right; is it the mapped file? */
static bool check_rows(pull *p, const test_chunk *c, int64_t first, int64_t n,
                       int64_t null_at) {
    struct ArrowArray array;
    test_value *rows = calloc((size_t)n, sizeof *rows);
    const test_value **slots = calloc((size_t)n, sizeof *slots);
    test_value(*items)[4] = calloc((size_t)n, sizeof *items);
    for (int64_t i = 0; i < n; i++) {
        rows[i] = row_of(first + i, null_at);
        if (rows[i].items) rows[i].items = memcpy(items[i], rows[i].items, sizeof *items);
        slots[i] = &rows[i];
    }
    OK(pqf_assemble(&tree.root, &p->out, n, mem, &array, &err));
    array_check(&tree.root, &array, slots, n);
    const struct ArrowArray *leaf =
        tree.root.kind == PQF_FIELD_LEAF ? &array : array.children[0];
    const uint8_t *bytes, *values = leaf->buffers[1];
    size_t len = (size_t)pqf_source_size(c->source);
    bool lent = pqf_source_lend(c->source, 0, len, &bytes) && values >= bytes &&
                values < bytes + len;
    int32_t width = leaf_field()->arrow_width;
    CHECK(width == 0 || (uintptr_t)values % (uintptr_t)width == 0, "misaligned");
    array.release(&array);
    free(rows);
    free(slots);
    free(items);
    return lent;
}

static bool is_lent(const test_chunk *c, int64_t num_rows, int64_t null_at) {
    pull p;
    pull_begin(&p, c);
    pull_rows(&p, num_rows, true);
    bool lent = check_rows(&p, c, 0, num_rows, null_at);
    pull_end(&p);
    return lent;
}

/* ---- which values stay ---- */

static void any_tree(int kind) {
    static const pqf_physical types[] = {PQF_PHYSICAL_INT64, PQF_PHYSICAL_INT32};
    if (kind < 4)
        flat_tree(types[kind / 2], kind % 2);
    else
        list_tree(kind % 2);
}

static void aligned_values_stay(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++)
        for (int version = 1; version <= 2; version++)
            for (size_t over = 0; over < 16; over++) {
                test_chunk c;
                chunk_layout layout = {
                    .version = version, .page_levels = ONE_PAGE, .crc = over % 3 == 0};
                any_tree(kind);
                make_chunk(&c, 500, -1, &layout, over);
                bool aligned = over % (size_t)leaf_field()->arrow_width == 0;
                CHECK(is_lent(&c, 500, -1) == aligned, "kind %d, V%d, %zu", kind, version,
                      over);
                chunk_free(&c);
            }
}

static void expect_copy(const chunk_layout *layout, int64_t null_at) {
    test_chunk c;
    make_chunk(&c, 500, null_at, layout, 0);
    assert_false(is_lent(&c, 500, null_at));
    chunk_free(&c);
}

static void others_are_copied(void **state) {
    (void)state;
    for (int version = 1; version <= 2; version++) {
        chunk_layout layout = {.version = version, .page_levels = ONE_PAGE};
        chunk_layout compressed = layout, codes = layout, pages = layout;
        compressed.codec = PQF_SNAPPY;
        codes.dictionary = true;
        pages.page_levels = 100;
        for (int kind = 0; kind < 6; kind++) {
            any_tree(kind);
            expect_copy(&codes, -1);
            expect_copy(&pages, -1);
            if (version == 1) expect_copy(&compressed, -1);
            if (kind < 4 && kind % 2) expect_copy(&layout, 77); /* a null */
        }
        flat_tree(PQF_PHYSICAL_BOOLEAN, false);
        expect_copy(&layout, -1);
        flat_tree(PQF_PHYSICAL_BYTE_ARRAY, false);
        test_chunk c;
        make_chunk(&c, 500, -1, &layout, 0);
        assert_false(is_lent(&c, 500, -1));
        chunk_free(&c);
    }
}

static void memory_of_the_caller_is_not_lent(void **state) {
    (void)state;
    test_levels levels = {0};
    test_chunk c;
    pull p;
    chunk_layout layout = {.version = 1, .page_levels = ONE_PAGE};
    flat_tree(PQF_PHYSICAL_INT32, false);
    rnd_start(3);
    make_levels(&levels, 500, -1);
    chunk_build(&c, leaf_field()->leaf, &levels, 500, &layout, builder_mem);
    pull_begin(&p, &c);
    pull_rows(&p, 500, true);
    assert_null(p.out.lender);
    pull_end(&p);
    chunk_free(&c);
    levels_free(&levels);
}

/* A conversion, and a dictionary or runs of the same values, need memory of their own. */
static void other_forms_are_copied(void **state) {
    (void)state;
    test_chunk c;
    pull p;
    chunk_layout layout = {.version = 1, .page_levels = ONE_PAGE};
    flat_tree(PQF_PHYSICAL_INT32, false);
    make_chunk(&c, 500, -1, &layout, 0);
    pull_begin(&p, &c);
    tree.root.convert = PQF_CONVERT_DIVIDE_32;
    tree.root.factor = 1;
    pull_rows(&p, 500, true);
    assert_null(p.out.lender);
    pull_end(&p);
    tree.root.convert = PQF_CONVERT_NONE;
    for (int form = 0; form < 2; form++) {
        tree.root.index_format = form ? "i" : NULL;
        tree.root.run_format = form ? NULL : "i";
        pull_begin(&p, &c);
        pull_rows(&p, 500, true);
        assert_null(p.out.lender);
        pull_end(&p);
    }
    chunk_free(&c);
}

/* ---- parts of a page ---- */

/* Each batch of one page points at its own values; the one with the null is a copy. */
static void batches_of_a_page(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++)
        for (int version = 1; version <= 2; version++) {
            test_chunk c;
            pull p;
            chunk_layout layout = {.version = version, .page_levels = ONE_PAGE};
            any_tree(kind);
            bool nullable = kind < 4 && kind % 2;
            int64_t null_at = nullable ? 333 : -1;
            size_t over = nullable ? (size_t)leaf_field()->arrow_width : 0;
            make_chunk(&c, 500, null_at, &layout, (16 - over) % 16);
            pull_begin(&p, &c);
            for (int64_t at = 0; at < 500; at += 50) {
                pull_rows(&p, 50, true);
                bool copied = null_at >= at && null_at < at + 50;
                CHECK(check_rows(&p, &c, at, 50, null_at) == !copied, "row %lld of %d",
                      (long long)at, kind);
            }
            pull_end(&p);
            chunk_free(&c);
        }
}

/* What was lent becomes a copy when rows follow it in the same array. */
static void rows_that_follow(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        test_chunk c;
        pull p;
        chunk_layout layout = {.version = 1, .page_levels = ONE_PAGE};
        any_tree(kind);
        make_chunk(&c, 500, -1, &layout, 0);
        pull_begin(&p, &c);
        pull_rows(&p, 100, true);
        assert_non_null(p.out.lender);
        pull_rows(&p, 150, false);
        assert_null(p.out.lender);
        assert_false(check_rows(&p, &c, 0, 250, -1));
        OK(pqf_chunk_reader_skip(p.reader, 50, &p.scratch, &p.run, 0, &err));
        pull_rows(&p, 200, true);
        assert_true(check_rows(&p, &c, 300, 200, -1));
        pull_end(&p);
        chunk_free(&c);
    }
}

static void selected_rows(void **state) {
    (void)state;
    static const pqf_row_range one[] = {{120, 260}}, two[] = {{10, 20}, {120, 260}};
    pqf_column_chunk column = {0};
    pqf_row_group group = {.columns = &column, .num_columns = 1};
    pqf_metadata metadata = {.file = {.row_groups = &group, .num_row_groups = 1}};
    for (int kind = 0; kind < 6; kind++) {
        test_chunk c;
        pull p;
        chunk_layout layout = {.version = 2, .page_levels = ONE_PAGE};
        any_tree(kind);
        make_chunk(&c, 500, -1, &layout, 0);
        pull_begin(&p, &c);
        pqf_chunk_reader_select(p.reader, &metadata, 0, one, 1);
        pull_rows(&p, 140, true);
        assert_true(check_rows(&p, &c, 120, 140, -1));
        pull_end(&p);
        pull_begin(&p, &c);
        pqf_chunk_reader_select(p.reader, &metadata, 0, two, 2);
        pull_rows(&p, 150, true);
        assert_null(p.out.lender);
        pull_end(&p);
        chunk_free(&c);
    }
}

/* ---- what is checked all the same ---- */

static void flip_last_byte(const test_chunk *c) {
    const uint8_t *bytes;
    size_t len = (size_t)pqf_source_size(c->source), page = (size_t)getpagesize();
    assert_non_null(pqf_source_lend(c->source, 0, len, &bytes));
    uint8_t *last = (uint8_t *)(uintptr_t)bytes + (len - 1) / page * page;
    uint8_t copy[1 << 16];
    size_t n = len - (len - 1) / page * page;
    assert_true(n <= sizeof copy);
    memcpy(copy, last, n);
    copy[n - 1] ^= 1;
    assert_ptr_equal(mmap(last, page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                     last);
    memcpy(last, copy, n);
}

static pqf_status read_status(const test_chunk *c, int64_t num_rows) {
    pull p;
    pull_begin(&p, c);
    OK(pqf_leaf_out_init(&p.out, leaf_field(), num_rows, mem, &err));
    pqf_status status =
        pqf_chunk_reader_read(p.reader, num_rows, &p.out, &p.scratch, &p.run, 0, &err);
    pull_end(&p);
    return status;
}

static void checksums_are_taken(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++)
        for (int version = 1; version <= 2; version++) {
            test_chunk c;
            chunk_layout layout = {
                .version = version, .page_levels = ONE_PAGE, .crc = true};
            any_tree(kind);
            make_chunk(&c, 500, -1, &layout, 0);
            assert_int_equal(read_status(&c, 500), PQF_OK);
            flip_last_byte(&c);
            assert_int_equal(read_status(&c, 500), PQF_CORRUPT);
            assert_non_null(strstr(err.message, "checksum"));
            chunk_free(&c);
        }
}

/* A page of one value fewer than its header says, and one with bytes left over. */
static void values_are_counted(void **state) {
    (void)state;
    int64_t values[101];
    memset(values, 7, sizeof values); /* zeros may be padding */
    for (int more = -1; more <= 1; more++) {
        test_chunk c;
        pqf_page_header h = {.type = PQF_PAGE_DATA, .has_data_page_header = true};
        h.data_page_header = (pqf_data_page_header){.num_values = 100,
                                                    .encoding = PQF_PLAIN,
                                                    .definition_level_encoding = PQF_RLE,
                                                    .repetition_level_encoding = PQF_RLE};
        flat_tree(PQF_PHYSICAL_INT64, false);
        chunk_begin(&c, leaf_field()->leaf, PQF_UNCOMPRESSED, builder_mem);
        chunk_put_page(&c, &h, (pqf_bytes){0},
                       pqf_bytes_of(values, (size_t)(100 + more) * 8), false);
        chunk_finish(&c, 100, 100);
        chunk_map(&c, 16 - c.bytes.len % 16);
        assert_int_equal(read_status(&c, 100), more ? PQF_CORRUPT : PQF_OK);
        chunk_free(&c);
    }
}

/* ---- life and place ---- */

static void *release_there(void *array) {
    ((struct ArrowArray *)array)->release(array);
    return NULL;
}

static bool is_mapped(const void *address) {
    unsigned char resident;
    uintptr_t page = (uintptr_t)address / (uintptr_t)getpagesize();
    return mincore((void *)(page * (uintptr_t)getpagesize()), 1, &resident) == 0;
}

/* The mapping ends with the last array, on whatever thread that is released. */
static void arrays_keep_the_mapping(void **state) {
    (void)state;
    test_chunk c;
    pull p;
    struct ArrowArray arrays[2];
    pthread_t thread;
    chunk_layout layout = {.version = 1, .page_levels = ONE_PAGE};
    flat_tree(PQF_PHYSICAL_INT64, false);
    make_chunk(&c, 3000, -1, &layout, 0);
    pull_begin(&p, &c);
    for (int i = 0; i < 2; i++) {
        pull_rows(&p, 1500, true);
        OK(pqf_assemble(&tree.root, &p.out, 1500, mem, &arrays[i], &err));
    }
    pull_end(&p);
    chunk_free(&c);
    const int64_t *first = arrays[0].buffers[1], *second = arrays[1].buffers[1];
    assert_ptr_equal(first + 1500, second);
    assert_int_equal(first[1499], (1499 % 37) * INT64_C(1000003));
    assert_int_equal(pthread_create(&thread, NULL, release_there, &arrays[0]), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(is_mapped(second));
    assert_int_equal(second[1499], (2999 % 37) * INT64_C(1000003));
    assert_int_equal(pthread_create(&thread, NULL, release_there, &arrays[1]), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(is_mapped(second));
}

#define MOST_FILLERS 256

/* Makes the next mapping of n bytes end before memory that must not be touched, which is returned: an
 * area is given back but for its last page, and gaps that the system would take first are filled. */
static void *place_guard(size_t n, void **fillers, int *num_fillers) {
    size_t page = (size_t)getpagesize();
    uint8_t *area = mmap(NULL, n + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(area != MAP_FAILED);
    munmap(area, n);
    for (*num_fillers = 0; *num_fillers < MOST_FILLERS;) {
        void *next = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (next == area) {
            munmap(next, n);
            break;
        }
        fillers[(*num_fillers)++] = next;
    }
    return area + n;
}

static bool ends_at(const test_chunk *c, const void *guard) {
    const uint8_t *bytes;
    size_t len = (size_t)pqf_source_size(c->source);
    return pqf_source_lend(c->source, 0, len, &bytes) && bytes + len == guard;
}

/* The file ends with the last value, where a page of memory ends. */
static void nothing_behind_the_file_is_read(void **state) {
    (void)state;
    void *fillers[MOST_FILLERS];
    int num_fillers;
    size_t page = (size_t)getpagesize();
    for (int kind = 0; kind < 6; kind++)
        for (int version = 1; version <= 2; version++) {
            test_levels levels = {0};
            test_chunk c;
            chunk_layout layout = {
                .version = version, .page_levels = ONE_PAGE, .crc = true};
            any_tree(kind);
            rnd_start(3);
            make_levels(&levels, 700, -1);
            chunk_build(&c, leaf_field()->leaf, &levels, 700, &layout, builder_mem);
            size_t shift = page - c.bytes.len % page, n = shift + c.bytes.len;
            void *guard = place_guard(n, fillers, &num_fillers);
            chunk_map(&c, shift);
            assert_true(ends_at(&c, guard));
            assert_true(is_lent(&c, 700, -1));
            while (num_fillers > 0)
                munmap(fillers[--num_fillers], n);
            munmap(guard, page);
            chunk_free(&c);
            levels_free(&levels);
        }
}

/* ---- no memory ---- */

static void no_memory_at_any_allocation(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        test_chunk c;
        pqf_status status = PQF_NOMEM;
        chunk_layout layout = {.version = 1, .page_levels = ONE_PAGE};
        any_tree(kind);
        make_chunk(&c, 300, -1, &layout, 0);
        for (int64_t n = 1; status == PQF_NOMEM; n++) {
            pqf_leaf_out out = {0};
            struct ArrowArray array;
            pqf_error_init(&err);
            pqf_mem_fail_after(n);
            rnd_start((uint64_t)n);
            status = chunk_read(&c, leaf_field(), 64, n % 2, &out, mem, &err);
            if (status == PQF_OK)
                status = pqf_assemble(&tree.root, &out, 300, mem, &array, &err);
            pqf_mem_fail_after(0);
            if (status == PQF_OK) array.release(&array);
            assert_true(n < 100);
        }
        assert_int_equal(status, PQF_OK);
        assert_int_equal(pqf_mem_used(mem), 0);
        chunk_free(&c);
    }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(aligned_values_stay),
        TEST(others_are_copied),
        TEST(memory_of_the_caller_is_not_lent),
        TEST(other_forms_are_copied),
        TEST(batches_of_a_page),
        TEST(rows_that_follow),
        TEST(selected_rows),
        TEST(checksums_are_taken),
        TEST(values_are_counted),
        TEST(arrays_keep_the_mapping),
        TEST(nothing_behind_the_file_is_read),
        TEST(no_memory_at_any_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
