/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads every column chunk of every .parquet file below the folder that the environment
 * variable PQF_CORPORA names, good and damaged ones: each read ends with arrays or an error
 * that says why, in pieces as in one. Without the variable the test is skipped.
 */
#include "reading_test.h"

#include <ftw.h>

static pqf_mem *mem;
static int64_t num_files, num_chunks, num_failed;

static pqf_status read_chunk(pqf_source *source, const pqf_metadata *metadata,
                             const pqf_schema *schema, int64_t row_group, int32_t leaf,
                             bool in_pieces, pqf_error *err) {
    test_chunk c = {.source = source};
    pqf_leaf_out out;
    const pqf_field *f = schema->leaf_fields[leaf];
    if (!f) return PQF_OK;
    TRY(pqf_field_check(f, err));
    TRY(pqf_metadata_chunk(metadata, row_group, leaf, &c.chunk, err));
    TRY(chunk_read(&c, f, in_pieces ? 100 : 1 << 20, in_pieces, &out, mem, err));
    assert_int_equal(out.num_rows, c.chunk.num_rows);
    assert_int_equal(out.nodes[0].length, c.chunk.num_rows);
    /* A leaf alone makes an array only when it is all that its top-level field has. */
    const pqf_field *top = f;
    while (top->parent)
        top = top->parent;
    struct ArrowArray array;
    pqf_status status = PQF_OK;
    if (top->num_leaves == 1)
        status = pqf_assemble(top, &out, c.chunk.num_rows, mem, &array, err);
    if (top->num_leaves == 1 && status == PQF_OK) {
        assert_int_equal(array.length, c.chunk.num_rows);
        array.release(&array);
    }
    pqf_leaf_out_reset(&out);
    return status;
}

static void read_chunks(const char *path, pqf_source *source,
                        const pqf_metadata *metadata, const pqf_schema *schema) {
    for (int64_t g = 0; g < metadata->file.num_row_groups; g++) {
        bool small = metadata->file.row_groups[g].num_rows < 5000;
        for (int32_t l = 0; l < metadata->tree.num_leaves; l++) {
            pqf_error err, err_pieces;
            pqf_error_init(&err);
            pqf_error_init(&err_pieces);
            pqf_status status = read_chunk(source, metadata, schema, g, l, false, &err);
            pqf_status pieces =
                small ? read_chunk(source, metadata, schema, g, l, true, &err_pieces)
                      : status;
            num_chunks++;
            num_failed += status != PQF_OK;
            CHECK(status == pieces,
                  "%s, row group %lld, column %d: whole %d (%s), in pieces %d (%s)", path,
                  (long long)g, l, (int)status, err.message, (int)pieces,
                  err_pieces.message);
            if (status != PQF_OK) assert_true(err.message[0] && status != PQF_INVALID);
        }
    }
}

static int read_file(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    size_t len = strlen(path);
    if (type != FTW_F || len < 8 || strcmp(path + len - 8, ".parquet") != 0) return 0;
    pqf_source *source = NULL;
    pqf_metadata *metadata = NULL;
    pqf_schema *schema = NULL;
    pqf_error err;
    pqf_error_init(&err);
    num_files++;
    rnd_start((uint64_t)num_files);
    if (pqf_source_open(path, false, &source, &err) == PQF_OK &&
        pqf_footer_read(source, NULL, mem, &metadata, &err) == PQF_OK &&
        pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err) == PQF_OK)
        read_chunks(path, source, metadata, schema);
    pqf_schema_free(schema);
    pqf_metadata_free(metadata);
    pqf_source_free(source);
    CHECK(pqf_mem_used(mem) == 0, "%s: %lld bytes not given back", path,
          (long long)pqf_mem_used(mem));
    return 0;
}

static void test_corpora(void **state) {
    (void)state;
    const char *folder = getenv("PQF_CORPORA");
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_mem_new((int64_t)4 << 30, &mem, &err), PQF_OK);
    assert_int_equal(nftw(folder, read_file, 16, FTW_PHYS), 0);
    print_message("%lld files, %lld column chunks, %lld of them refused\n",
                  (long long)num_files, (long long)num_chunks, (long long)num_failed);
    assert_true(num_files > 0);
    pqf_mem_release(mem);
}

/* 77 tells meson that the test was skipped. */
int main(void) {
    if (!getenv("PQF_CORPORA")) {
        print_message("PQF_CORPORA is not set: skipped\n");
        return 77;
    }
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpora)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
