/* SPDX-License-Identifier: Apache-2.0
 *
 * arrow.c: fuzz targets of what callers hand in: Arrow arrays, and predicates. `arrays` eats
 *
 *   how u8, a batch, a second batch (see arrays.c)
 *
 * The batch is looked at, gathered, concatenated, written to a file, and read again as the same rows;
 * then it is put into a file of the second one's schema. `predicate` eats
 *
 *   how u8, n u8, n pairs of key u8 and value u8, a batch of one row's literals
 */
#include "arrays.h"

#include "dataset/inner.h"

#include <stdlib.h>

#define TEXT_BYTES 200

/* ---- one batch ---- */

static void check_gather(const pqf_view *view) {
    int64_t indexes[20];
    struct ArrowArray out;
    pqf_error err;
    int64_t n = 0;
    for (int64_t i = 0; view->length && n < 20; n++, i += 7)
        indexes[n] = n % 5 == 4 ? -1 : i % view->length;
    pqf_error_init(&err);
    if (fuzz_ok(pqf_array_gather(view, indexes, n, fuzz_mem, &out, &err), &err)) {
        FUZZ_CHECK(out.length == n, "%lld rows", (long long)out.length);
        pqf_array_release(&out);
    }
}

static void check_concat(const pqf_view *view) {
    pqf_view twice[2] = {*view, *view};
    struct ArrowArray out;
    pqf_error err;
    pqf_error_init(&err);
    if (fuzz_ok(pqf_array_concat(twice, 2, fuzz_mem, &out, &err), &err)) {
        FUZZ_CHECK(out.length == 2 * view->length, "%lld rows", (long long)out.length);
        pqf_array_release(&out);
    }
}

static int append(void *context, const void *bytes, size_t num_bytes) {
    pqf_error err;
    pqf_error_init(&err);
    return fuzz_ok(pqf_buf_put(context, bytes, num_bytes, &err), &err) ? 0 : 1;
}

static pqf_write_options options_of(uint8_t how) {
    return (pqf_write_options){
        .struct_bytes = sizeof(pqf_write_options),
        .control = {.struct_bytes = sizeof(pqf_control), .num_threads = 1},
        .conform = {.struct_bytes = sizeof(pqf_conform_options),
                    .drop_extra = how & 1,
                    .null_missing = how & 1,
                    .nan_is_null = how & 2},
        .compression = "none",
        .data_page_version = how & 4 ? 2 : 1,
        .page_rows = how & 8 ? 5 : 0,
        .row_group_rows = how & 16 ? 13 : 0,
        .page_index = how & 32,
        .profile = how & 64 ? "modern" : NULL,
        .no_dictionary = how & 128};
}

/* Whether the batch went into a file of `schema`. */
static bool write_file(const struct ArrowSchema *schema, const fuzz_batch *b, uint8_t how,
                       pqf_buf *out) {
    pqf_write_options o = options_of(how);
    pqf_report *report = pqf_report_new();
    pqf_writer *w;
    pqf_error err;
    bool good =
        fuzz_ok(pqf_writer_open_callback(append, out, schema, &o, &w, &err), &err);
    if (good) {
        good = fuzz_ok(pqf_writer_put(w, &b->schema, &b->array, report, &err), &err) &&
               fuzz_ok(pqf_writer_finish(w, &err), &err);
        pqf_writer_free(w);
    }
    for (int64_t i = 0; i < pqf_report_num_failures(report); i++)
        FUZZ_CHECK(pqf_report_failure(report, i)->count > 0, "failure %lld",
                   (long long)i);
    pqf_report_free(report);
    return good;
}

/* ---- the same rows ---- */

static void compare_rows(const pqf_view *expected, const struct ArrowSchema *schema,
                         const struct ArrowArray *batch, int64_t first) {
    pqf_arena arena;
    pqf_view found;
    pqf_error err;
    char a[TEXT_BYTES], b[TEXT_BYTES], was[512], is[512];
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    fuzz_must(pqf_view_init(&found, schema, batch, true, &arena, &err), &err, "a batch");
    for (int64_t i = 0; i < found.length; i++) {
        pqf_view_text(expected, first + i, a, sizeof a);
        pqf_view_text(&found, i, b, sizeof b);
        if (!strcmp(a, b)) continue;
        pqf_type_text(expected->schema, was, sizeof was);
        pqf_type_text(schema, is, sizeof is);
        fuzz_fail("the same rows", "%lld was %s and is %s: %s, %s",
                  (long long)(first + i), a, b, was, is);
    }
    pqf_arena_reset(&arena);
}

static void read_again(pqf_bytes file, const pqf_view *expected) {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    pqf_dataset *d;
    pqf_error err;
    int64_t rows = 0;
    fuzz_must(pqf_dataset_open_memory(file.data, file.len, NULL, &d, &err), &err, "open");
    fuzz_must(pqf_dataset_scan(d, NULL, &stream, &err), &err, "scan");
    pqf_dataset_free(d);
    FUZZ_CHECK(stream.get_schema(&stream, &schema) == 0, "no schema");
    for (;; pqf_array_release(&batch)) {
        FUZZ_CHECK(stream.get_next(&stream, &batch) == 0, "%s",
                   stream.get_last_error(&stream));
        if (!batch.release) break;
        FUZZ_CHECK(batch.length <= expected->length - rows, "too many rows");
        compare_rows(expected, &schema, &batch, rows);
        rows += batch.length;
    }
    FUZZ_CHECK(rows == expected->length, "%lld rows, not %lld", (long long)rows,
               (long long)expected->length);
    stream.release(&stream);
    pqf_schema_release(&schema);
}

/* A dictionary of dictionaries is read as its values, in the type that Parquet has for them. */
static bool has_dictionary_in_dictionary(const struct ArrowSchema *s) {
    bool found = s->dictionary && (s->dictionary->dictionary ||
                                   has_dictionary_in_dictionary(s->dictionary));
    for (int64_t i = 0; i < s->n_children; i++)
        found |= has_dictionary_in_dictionary(s->children[i]);
    return found;
}

static void use_batch(const fuzz_batch *b, const pqf_view *view, uint8_t how) {
    pqf_buf file;
    char text[TEXT_BYTES];
    for (int64_t i = 0; i < view->length; i++)
        pqf_view_text(view, i, text, sizeof text);
    FUZZ_CHECK(pqf_view_data_bytes(view, 0, view->length) >= 0, "bytes");
    check_gather(view);
    check_concat(view);
    pqf_buf_init(&file, fuzz_mem, 0);
    bool nan_stays = !(how & 2);
    bool same =
        nan_stays && view->num_children && !has_dictionary_in_dictionary(&b->schema);
    if (write_file(&b->schema, b, how, &file) && same)
        read_again(pqf_buf_view(&file), view);
    pqf_buf_reset(&file);
}

static void use_both(const fuzz_batch *b, const fuzz_batch *other, uint8_t how) {
    struct ArrowSchema both;
    pqf_buf file;
    pqf_error err;
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_schema_check(&other->schema, &err), &err)) return;
    if (fuzz_ok(pqf_schema_unify(&b->schema, &other->schema, PQF_RULE_WIDEN, "there",
                                 &both, &err),
                &err))
        pqf_schema_release(&both);
    pqf_buf_init(&file, fuzz_mem, 0);
    write_file(&other->schema, b, how, &file);
    pqf_buf_reset(&file);
}

void fuzz_arrays(const fuzz_target *target, pqf_bytes in) {
    fuzz_batch one, two;
    pqf_arena arena;
    pqf_view view;
    pqf_error err;
    pqf_cursor c = pqf_cursor_of(in);
    uint8_t how = pqf_cursor_u8(&c);
    (void)target;
    fuzz_batch_make(&c, &one);
    fuzz_batch_make(&c, &two);
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    if (fuzz_ok(pqf_schema_check(&one.schema, &err), &err)) {
        pqf_error_init(&err);
        if (fuzz_ok(pqf_view_init(&view, &one.schema, &one.array, true, &arena, &err),
                    &err)) {
            use_batch(&one, &view, how);
            use_both(&one, &two, how);
        }
    }
    pqf_arena_reset(&arena);
    fuzz_batch_free(&one);
    fuzz_batch_free(&two);
}

/* Every type as a column, plain, sliced and as a dictionary, beside one of the others. */
void fuzz_arrays_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (uint8_t type = 0; type < 58; type++) {
        uint8_t in[64] = {(uint8_t)(type * 37), 2, 20,  type,
                          (uint8_t)(type % 8),  0, type};
        for (size_t i = 7; i + 3 < sizeof in; i += 4) {
            in[i] = (uint8_t)(type + i) % 58;
            in[i + 1] = (uint8_t)(i % 32);
            in[i + 3] = (uint8_t)(i * 3 % 192);
        }
        fuzz_put_seed(seeds, in, sizeof in, pqf_bytes_of("", 0));
        in[4] = 16 + 2;
        in[3] = 2;
        fuzz_put_seed(seeds, in, sizeof in, pqf_bytes_of("", 0));
    }
}

/* ---- predicates ---- */

static const char *const keys[] = {"call",    "field_ref", "nested_field_ref",
                                   "literal", "options",   "end"};
static const char *const values[] = {
    "equal", "greater", "and_kleene", "or_kleene", "invert", "is_in",     "is_valid",
    "a",     "b",       "s",          "x",         "0",      "1",         "2",
    "-1",    "cast",    "is_null",    "less",      "",       "not_equal", "99999999999"};

static pqf_status make_tree(pqf_cursor *c, pqf_buf *out, pqf_error *err) {
    for (int n = pqf_cursor_u8(c); n > 0; n--) {
        const char *key = keys[pqf_cursor_u8(c) % (sizeof keys / sizeof *keys)];
        const char *value = values[pqf_cursor_u8(c) % (sizeof values / sizeof *values)];
        TRY(pqf_kv_put(out, pqf_bytes_of(key, strlen(key)),
                       pqf_bytes_of(value, strlen(value)), err));
    }
    return PQF_OK;
}

static void use_predicate(const pqf_predicate *p, uint8_t how) {
    for (int64_t i = 0; pqf_predicate_path(p, i); i++) {
    }
    pqf_bytes file = fuzz_template(how % FUZZ_NUM_TEMPLATES);
    pqf_scan_options o = {.struct_bytes = sizeof o, .predicate = p};
    pqf_dataset *d;
    pqf_error err;
    int64_t num_rows;
    fuzz_must(pqf_dataset_open_memory(file.data, file.len, NULL, &d, &err), &err, "open");
    fuzz_ok(pqf_dataset_count_rows(d, &o, &num_rows, &err), &err);
    pqf_dataset_free(d);
}

void fuzz_predicate_target(const fuzz_target *target, pqf_bytes in) {
    fuzz_batch b;
    pqf_predicate *p;
    pqf_buf tree;
    pqf_error err;
    pqf_cursor c = pqf_cursor_of(in);
    uint8_t how = pqf_cursor_u8(&c);
    (void)target;
    pqf_error_init(&err);
    pqf_buf_init(&tree, fuzz_mem, 0);
    fuzz_must(make_tree(&c, &tree, &err), &err, "a tree");
    fuzz_batch_make(&c, &b);
    b.schema.metadata = (const char *)tree.data;
    if (fuzz_ok(pqf_predicate_new(&b.schema, &b.array, &p, &err), &err)) {
        use_predicate(p, how);
        pqf_predicate_free(p);
    }
    fuzz_batch_free(&b);
    pqf_buf_reset(&tree);
}

/* (f a #0), (not (and_kleene (f a #0) (is_null b))) and (is_in a @0) over one int64 column. */
void fuzz_predicate_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    static const uint8_t trees[3][24] = {
        {4, 0, 1, 1, 7, 3, 11, 5, 1},
        {10, 0, 4, 0, 2, 0, 1, 1, 7, 3, 11, 5, 1, 0, 16, 1, 8, 5, 16, 5},
        {4, 0, 5, 1, 7, 4, 11, 5, 5}};
    static const uint8_t lens[3] = {9, 22, 9};
    static const uint8_t batch[] = {1, 1, 2, 0, 0, 0, 0, 0};
    (void)target;
    for (uint8_t i = 0; i < 30; i++) {
        uint8_t head[25];
        head[0] = i;
        memcpy(head + 1, trees[i % 3], 24);
        fuzz_put_seed(seeds, head, 1u + lens[i % 3], pqf_bytes_of(batch, sizeof batch));
    }
}
