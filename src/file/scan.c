/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: what whole reads and bounded reads share: the columns asked for, opening a file
 * and finding them in it, pruning, and putting a batch together. The schema of the first
 * file shapes the result; every other file must hold the same columns.
 */
#include "inner.h"

/* ---- columns ---- */

static int32_t constant_index(const pqf_constant *constants, int32_t n,
                              const char *name) {
    for (int32_t i = 0; i < n; i++)
        if (!strcmp(constants[i].name, name)) return i;
    return -1;
}

typedef struct named_column {
    const char *name;
    int32_t column;
} named_column;

static int by_name(const void *a, const void *b) {
    const named_column *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->column - y->column;
}

/* Files may have columns of the same name; they are told apart by their order. */
static pqf_status count_names(pqf_scan *scan, pqf_error *err) {
    int32_t n = scan->num_columns;
    void *block;
    TRY(pqf_arena_array(&scan->arena, (size_t)n, sizeof(named_column), &block, err));
    named_column *sorted = block;
    for (int32_t c = 0; c < n; c++)
        sorted[c] = (named_column){scan->columns[c].schema->name, c};
    qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    for (int32_t start = 0, end; start < n; start = end) {
        for (end = start + 1; end < n && !strcmp(sorted[end].name, sorted[start].name);)
            end++;
        for (int32_t i = start; i < end; i++) {
            scan->columns[sorted[i].column].occurrence = i - start;
            scan->columns[sorted[i].column].num_same = end - start;
        }
    }
    return PQF_OK;
}

static pqf_status set_columns(pqf_scan *scan, pqf_error *err) {
    const struct ArrowSchema *schema = scan->spec.schema;
    void *block;
    TRY(pqf_arena_array(&scan->arena, (size_t)schema->n_children, sizeof(pqf_scan_column),
                        &block, err));
    scan->columns = block;
    scan->num_columns = (int32_t)schema->n_children;
    for (int32_t c = 0; c < scan->num_columns; c++) {
        scan->columns[c].schema = schema->children[c];
        scan->columns[c].choice = scan->spec.choices ? scan->spec.choices[c] : NULL;
        scan->columns[c].constant = constant_index(
            scan->spec.constants, scan->spec.num_constants, schema->children[c]->name);
    }
    return count_names(scan, err);
}

/* The field of a column, NULL where the file has none; *num_same: how many have its name. */
static const pqf_field *field_of_column(const pqf_schema *schema,
                                        const pqf_scan_column *column,
                                        int32_t *num_same) {
    bool is_duplicate;
    const pqf_field *field =
        pqf_schema_field(schema, column->schema->name, &is_duplicate);
    *num_same = field != NULL;
    if (!is_duplicate) return field;
    *num_same = 0;
    for (int32_t i = 0; i < schema->num_fields; i++)
        if (!strcmp(schema->fields[i].name, column->schema->name) &&
            (*num_same)++ == column->occurrence)
            field = &schema->fields[i];
    return field;
}

static pqf_status check_template_field(const pqf_scan *scan, const pqf_field *field,
                                       pqf_error *err) {
    pqf_status status = pqf_field_check(field, err);
    bool has_file = scan->spec.first_file < scan->spec.num_files;
    const char *path = has_file ? scan->spec.files[scan->spec.first_file].path : NULL;
    return status != PQF_OK && path ? pqf_error_at_path(err, path) : status;
}

/* Finds the leaves of the columns in the reader that shapes the result. */
static pqf_status set_template(pqf_scan *scan, pqf_reader *reader, pqf_error *err) {
    scan->template_reader = pqf_reader_retain(reader);
    const pqf_schema *schema = pqf_reader_schema(reader);
    void *block;
    TRY(pqf_arena_array(&scan->arena, (size_t)scan->num_columns, sizeof(pqf_projection),
                        &block, err));
    scan->template_fields = block;
    for (int32_t c = 0; c < scan->num_columns; c++) {
        pqf_scan_column *column = &scan->columns[c];
        int32_t num_same;
        column->first_leaf = scan->num_leaves;
        if (column->constant >= 0) continue;
        const pqf_field *field = field_of_column(schema, column, &num_same);
        if (!field)
            return pqf_fail(err, PQF_INVALID, "there is no column '%s'",
                            column->schema->name);
        TRY(pqf_field_project(schema, field, column->choice, &scan->arena,
                              &scan->template_fields[c], err));
        column->field = scan->template_fields[c].field;
        column->num_leaves = column->field->num_leaves;
        if (field->num_leaves && !column->num_leaves)
            return pqf_fail(err, PQF_UNSUPPORTED,
                            "what is asked of the column '%s' are groups without columns",
                            field->name);
        TRY(check_template_field(scan, column->field, err));
        scan->num_leaves += column->num_leaves;
    }
    return PQF_OK;
}

static pqf_status share_constants(pqf_scan *scan, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&scan->arena, (size_t)scan->spec.num_constants, sizeof(void *),
                        &block, err));
    scan->constants = block;
    TRY(pqf_arena_array(&scan->arena, (size_t)scan->spec.num_constants, sizeof(pqf_view),
                        &block, err));
    scan->constant_views = block;
    for (int32_t i = 0; i < scan->spec.num_constants; i++) {
        const pqf_constant *constant = &scan->spec.constants[i];
        pqf_view *view = &scan->constant_views[i];
        TRY(pqf_view_init(view, constant->type, constant->values, false, &scan->arena,
                          err));
        TRY(pqf_arena_array(&scan->arena, (size_t)view->length + 1, sizeof(int64_t),
                            &block, err));
        int64_t *indexes = block;
        for (int64_t k = 0; k < view->length; k++)
            indexes[k] = k;
        struct ArrowArray copy;
        TRY(pqf_array_gather(view, indexes, view->length, scan->mem, &copy, err));
        TRY(pqf_shared_array_new(scan->mem, &copy, &scan->constants[i], err));
    }
    return PQF_OK;
}

/* ---- open and free ---- */

static pqf_status make_scratch(pqf_scan *scan, pqf_error *err) {
    void *block;
    scan->num_workers = scan->run.num_threads;
    TRY(pqf_arena_array(&scan->arena, (size_t)scan->num_workers, sizeof(pqf_scratch),
                        &block, err));
    scan->scratch = block;
    for (int i = 0; i < scan->num_workers; i++)
        pqf_scratch_init(&scan->scratch[i], scan->mem);
    return PQF_OK;
}

pqf_status pqf_scan_open(const pqf_scan_spec *spec, pqf_mem *mem, pqf_scan **out,
                         pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_scan), &block, err));
    pqf_scan *scan = block;
    pqf_status status = PQF_OK;
    scan->spec = *spec;
    scan->mem = pqf_mem_retain(mem);
    scan->kernel = pqf_kernels_get();
    scan->end_file = spec->num_files;
    scan->wave_files = pqf_wave_files();
    pqf_arena_init(&scan->arena, mem);
    pqf_run_init(&scan->run, &spec->options->control);
    TRY_DONE(make_scratch(scan, err));
    TRY_DONE(set_columns(scan, err));
    TRY_DONE(share_constants(scan, err));
    if (spec->first_reader && !spec->adapts)
        TRY_DONE(set_template(scan, spec->first_reader, err));
    *out = scan;
done:
    if (status != PQF_OK) pqf_scan_free(scan);
    return status;
}

void pqf_scan_free(pqf_scan *scan) {
    if (!scan) return;
    pqf_ahead_free(scan);
    pqf_adapt_free(scan);
    pqf_whole_free(scan);
    pqf_batches_free(scan);
    pqf_reader_release(scan->template_reader);
    for (int i = 0; scan->scratch && i < scan->num_workers; i++)
        pqf_scratch_reset(&scan->scratch[i]);
    for (int32_t i = 0; scan->constants && i < scan->spec.num_constants; i++)
        pqf_shared_array_release(scan->constants[i]);
    pqf_arena_reset(&scan->arena);
    pqf_mem *mem = scan->mem;
    pqf_mem_free(mem, scan, sizeof *scan);
    pqf_mem_release(mem);
}

/* ---- files ---- */

/* Where the column's name is not its alone this is all that is told. */
static pqf_status fail_type(const struct ArrowSchema *want,
                            const struct ArrowSchema *found, pqf_error *err) {
    char wanted[256], have[256];
    pqf_type_text(want, wanted, sizeof wanted);
    pqf_type_text(found, have, sizeof have);
    return pqf_fail(
        err, PQF_SCHEMA,
        "a column '%s' is %s%s here, but %s%s in the first file of the dataset",
        want->name, have, found->flags & ARROW_FLAG_NULLABLE ? "" : " not null", wanted,
        want->flags & ARROW_FLAG_NULLABLE ? "" : " not null");
}

static pqf_status check_column(const pqf_scan_column *column, const pqf_schema *schema,
                               const pqf_field *field, pqf_error *err) {
    struct ArrowSchema found;
    TRY(pqf_field_export(schema, field, &found, err));
    bool fits = pqf_schema_fits(column->schema, &found);
    pqf_status status = fits ? PQF_OK : fail_type(column->schema, &found, err);
    pqf_schema_release(&found);
    return status;
}

static pqf_status find_column(const pqf_scan_column *column, const pqf_schema *schema,
                              pqf_arena *arena, pqf_projection *out, pqf_error *err) {
    const char *name = column->schema->name;
    int32_t num_same;
    const pqf_field *field = field_of_column(schema, column, &num_same);
    if (!field)
        return pqf_fail(
            err, PQF_SCHEMA,
            "the column '%s' of the first file of the dataset is missing here", name);
    if (num_same != column->num_same)
        return pqf_fail(err, PQF_SCHEMA,
                        "the name '%s' stands here %d times, but %d times in the first "
                        "file of the dataset",
                        name, (int)num_same, (int)column->num_same);
    TRY(pqf_field_project(schema, field, column->choice, arena, out, err));
    TRY(pqf_field_check(out->field, err));
    return check_column(column, schema, out->field, err);
}

static int32_t num_own_columns(const pqf_scan *scan) {
    int32_t n = 0;
    for (int32_t c = 0; c < scan->num_columns; c++)
        n += scan->columns[c].constant < 0;
    return n;
}

static bool has_more_columns(const pqf_scan *scan, const pqf_schema *schema) {
    int32_t n = schema->num_fields, own = num_own_columns(scan);
    for (int32_t i = 0; n > own && i < schema->num_fields; i++)
        n -= constant_index(scan->spec.constants, scan->spec.num_constants,
                            schema->fields[i].name) >= 0;
    return n > own;
}

/* A part's file must not have what is null in the part. */
static bool has_missing(const pqf_scan *scan, const pqf_schema *schema) {
    for (const char *const *name = scan->missing; name && *name; name++)
        if (pqf_schema_field(schema, *name, NULL)) return true;
    return false;
}

static pqf_status find_all(pqf_scan *scan, pqf_open_file *file, pqf_error *err) {
    const pqf_schema *schema = pqf_reader_schema(file->reader);
    for (int32_t c = 0; c < scan->num_columns; c++) {
        const pqf_scan_column *column = &scan->columns[c];
        if (column->constant >= 0) continue;
        if (file->reader == scan->template_reader)
            file->fields[c] = scan->template_fields[c];
        else
            TRY(find_column(column, schema, &file->arena, &file->fields[c], err));
    }
    bool has_more = scan->spec.all_columns && has_more_columns(scan, schema);
    if (has_more || has_missing(scan, schema))
        return pqf_fail(err, PQF_SCHEMA, "the file has more columns than the first one");
    return PQF_OK;
}

static pqf_status find_columns(pqf_scan *scan, pqf_open_file *file, pqf_error *err) {
    void *block;
    pqf_arena_init(&file->arena, scan->mem);
    if (scan->spec.adapts) return PQF_OK; /* its parts find them */
    TRY(pqf_arena_array(&file->arena, (size_t)scan->num_columns, sizeof(pqf_projection),
                        &block, err));
    file->fields = block;
    pqf_status status = find_all(scan, file, err);
    if (status != PQF_SCHEMA) return status;
    if (!scan->is_part) return pqf_scan_differences(scan, file->reader, err);
    file->differs = true;
    pqf_error_init(err);
    return PQF_OK;
}

void pqf_open_file_reset(pqf_open_file *file) {
    pqf_arena_reset(&file->arena);
    pqf_reader_release(file->reader);
    *file = (pqf_open_file){0};
}

/* The constants of one file. */
typedef struct constant_ranges {
    const pqf_constant *constants;
    const pqf_view *views;
    int32_t num_constants;
    const int32_t *codes;
    const pqf_schema
        *file; /* columns that it lacks are null; NULL: nothing is known of them */
} constant_ranges;

static constant_ranges ranges_of_file(const pqf_scan *scan, int64_t file) {
    return (constant_ranges){scan->spec.constants, scan->constant_views,
                             scan->spec.num_constants, scan->spec.files[file].codes,
                             NULL};
}

/* The range of a constant: one value, or null; and of a column that the file lacks: null. */
static bool range_of_constant(void *context, const char *const *path, int32_t depth,
                              pqf_range *out) {
    const constant_ranges *c = context;
    int32_t k = constant_index(c->constants, c->num_constants, path[0]);
    if (k < 0 && c->file && !pqf_schema_field(c->file, path[0], NULL)) {
        *out = (pqf_range){.may_have_null = true};
        return true;
    }
    if (k < 0 || depth > 1) return false;
    int32_t code = c->codes[k];
    *out = (pqf_range){.may_have_null = code < 0, .may_have_value = code >= 0};
    if (code < 0) return true;
    out->min = out->max = pqf_scalar_of_view(&c->views[k], code);
    out->may_have_nan = out->min.class == PQF_CLASS_FLOAT && out->min.f != out->min.f;
    out->has_min = out->has_max = out->min.class != PQF_CLASS_NONE && !out->may_have_nan;
    return true;
}

pqf_status pqf_first_match(const pqf_predicate *predicate, const pqf_constant *constants,
                           int32_t num_constants, const pqf_scan_file *files,
                           int64_t num_files, pqf_mem *mem, int64_t *out,
                           pqf_error *err) {
    pqf_arena arena;
    void *block;
    pqf_status status = PQF_OK;
    *out = 0;
    pqf_arena_init(&arena, mem);
    TRY_DONE(
        pqf_arena_array(&arena, (size_t)num_constants, sizeof(pqf_view), &block, err));
    pqf_view *views = block;
    for (int32_t k = 0; k < num_constants; k++)
        TRY_DONE(pqf_view_init(&views[k], constants[k].type, constants[k].values, false,
                               &arena, err));
    for (int64_t i = 0; i < num_files; i++) {
        constant_ranges ranges = {constants, views, num_constants, files[i].codes, NULL};
        if (!pqf_predicate_may_match(predicate, range_of_constant, &ranges)) continue;
        *out = i;
        break;
    }
done:
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status open_reader(const pqf_scan *scan, int64_t i, pqf_reader **out,
                              pqf_error *err) {
    const pqf_scan_spec *spec = &scan->spec;
    pqf_source *source;
    if (i == spec->first_file && spec->first_reader) {
        *out = pqf_reader_retain(spec->first_reader);
        return PQF_OK;
    }
    if (!spec->open)
        return pqf_reader_open(spec->files[i].path, spec->files[i].bytes, spec->options,
                               scan->mem, out, err);
    TRY(spec->open(spec->open_context, i, &source, err));
    return pqf_reader_open_source(source, spec->options, scan->mem, out, err);
}

pqf_status pqf_scan_open_file(pqf_scan *scan, int64_t i, pqf_open_file *out,
                              pqf_error *err) {
    const pqf_scan_file *file = &scan->spec.files[i];
    *out = (pqf_open_file){0};
    constant_ranges ranges = ranges_of_file(scan, i);
    if (scan->spec.predicate && scan->spec.num_constants &&
        !pqf_predicate_may_match(scan->spec.predicate, range_of_constant, &ranges))
        return PQF_OK;
    TRY(open_reader(scan, i, &out->reader, err));
    pqf_status status = find_columns(scan, out, err);
    if (status != PQF_OK) {
        pqf_open_file_reset(out);
        if (file->path) pqf_error_at_path(err, file->path);
    }
    return status;
}

/* The constants as the plan asks for them; *ranges is what their context points at. */
static pqf_row_group_ranges group_ranges(const pqf_scan *scan, int64_t file,
                                         const pqf_reader *reader, int64_t row_group,
                                         constant_ranges *ranges) {
    *ranges = ranges_of_file(scan, file);
    if (scan->spec.adapts || scan->is_part) ranges->file = pqf_reader_schema(reader);
    bool has_others = scan->spec.num_constants || ranges->file;
    return (pqf_row_group_ranges){reader, row_group,
                                  has_others ? range_of_constant : NULL, ranges};
}

bool pqf_scan_keeps(const pqf_scan *scan, int64_t file, const pqf_reader *reader,
                    int64_t row_group) {
    constant_ranges ranges;
    if (!scan->spec.predicate) return true;
    pqf_row_group_ranges group = group_ranges(scan, file, reader, row_group, &ranges);
    return pqf_plan_row_group(reader, row_group, scan->spec.predicate, group.others,
                              group.context);
}

pqf_status pqf_scan_rows(pqf_scan *scan, int64_t file, const pqf_reader *reader,
                         int64_t row_group, pqf_arena *arena, pqf_rows *out,
                         pqf_error *err) {
    constant_ranges ranges;
    pqf_row_group_ranges group = group_ranges(scan, file, reader, row_group, &ranges);
    *out = (pqf_rows){0};
    if (!pqf_scan_keeps(scan, file, reader, row_group)) return PQF_OK;
    return pqf_plan_rows(&group, scan->spec.predicate, &scan->run, arena, out, err);
}

/* ---- leaves ---- */

static int32_t column_of_leaf(const pqf_scan *scan, int32_t leaf) {
    int32_t lo = 0, hi = scan->num_columns - 1;
    while (lo < hi) {
        int32_t mid = lo + (hi - lo + 1) / 2;
        if (scan->columns[mid].first_leaf <= leaf)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo; /* of columns with the same first_leaf only the last one has leaves */
}

const pqf_field *pqf_scan_leaf_field(const pqf_open_file *file, const pqf_scan *scan,
                                     int32_t leaf) {
    int32_t c = column_of_leaf(scan, leaf);
    return file->fields[c].leaves[leaf - scan->columns[c].first_leaf];
}

pqf_status pqf_scan_open_chunk(const pqf_scan *scan, const pqf_open_file *file,
                               int64_t row_group, int32_t leaf, size_t window_bytes,
                               pqf_chunk_reader **out, pqf_error *err) {
    const pqf_field *field = pqf_scan_leaf_field(file, scan, leaf);
    pqf_chunk chunk;
    pqf_chunk_read_options options = {
        .source = pqf_reader_source(file->reader),
        .kernel = scan->kernel,
        .skip_page_checksums = scan->spec.options->skip_page_checksums,
        .skip_utf8_check = scan->spec.options->no_utf8_check,
        .window_bytes = window_bytes,
    };
    pqf_status status = pqf_metadata_chunk(pqf_reader_metadata(file->reader), row_group,
                                           field->leaf->index, &chunk, err);
    if (status == PQF_OK)
        status = pqf_chunk_reader_open(&chunk, field, &options, scan->mem, out, err);
    return status == PQF_OK ? status : pqf_error_at_column(err, field->leaf->path);
}

/* ---- batches ---- */

pqf_status pqf_scan_put_codes(pqf_scan *scan, int64_t file, int64_t n, pqf_buf *codes,
                              pqf_error *err) {
    for (int32_t k = 0; k < scan->spec.num_constants; k++) {
        TRY(pqf_buf_reserve(&codes[k], (size_t)n * sizeof(int32_t), err));
        int32_t *out = (int32_t *)(codes[k].data + codes[k].len);
        int32_t code = scan->spec.files[file].codes[k];
        for (int64_t i = 0; i < n; i++)
            out[i] = code;
        codes[k].len += (size_t)n * sizeof(int32_t);
    }
    return PQF_OK;
}

/* Codes below zero become null slots. */
static pqf_status validity_of_codes(pqf_mem *mem, int32_t *codes, int64_t n,
                                    pqf_buf *validity, int64_t *num_nulls,
                                    pqf_error *err) {
    *num_nulls = 0;
    for (int64_t i = 0; i < n; i++)
        *num_nulls += codes[i] < 0;
    if (!*num_nulls) return PQF_OK;
    pqf_buf_init(validity, mem, 0);
    TRY(pqf_buf_put_zeros(validity, (size_t)pqf_bits_bytes(n), err));
    for (int64_t i = 0; i < n; i++) {
        if (codes[i] < 0)
            codes[i] = 0;
        else
            pqf_bit_set(validity->data, i);
    }
    return PQF_OK;
}

static pqf_status constant_column(pqf_scan *scan, int32_t k, pqf_buf *codes,
                                  int64_t num_rows, struct ArrowArray *out,
                                  pqf_error *err) {
    pqf_buf validity = {.mem = scan->mem};
    int64_t num_nulls;
    struct ArrowArray dictionary;
    TRY(pqf_buf_reserve(codes, 0, err));
    TRY(validity_of_codes(scan->mem, (int32_t *)codes->data, num_rows, &validity,
                          &num_nulls, err));
    pqf_status status = pqf_array_init(out, scan->mem, num_rows, num_nulls, 2, 0, err);
    if (status == PQF_OK) {
        pqf_array_take_buffer(out, 0, &validity);
        pqf_array_take_buffer(out, 1, codes);
        pqf_shared_array_export(scan->constants[k], &dictionary);
        status = pqf_array_take_child(out, -1, &dictionary, err);
        if (status != PQF_OK) pqf_array_release(out);
    }
    pqf_buf_reset(&validity);
    return status;
}

static pqf_status one_column(pqf_scan *scan, int32_t c, pqf_leaf_out *leaves,
                             pqf_buf *codes, int64_t num_rows, struct ArrowArray *out,
                             pqf_error *err) {
    const pqf_scan_column *column = &scan->columns[c];
    if (column->constant >= 0)
        return constant_column(scan, column->constant, &codes[column->constant], num_rows,
                               out, err);
    return pqf_assemble(column->field, leaves + column->first_leaf, num_rows, scan->mem,
                        out, err);
}

pqf_status pqf_scan_batch(pqf_scan *scan, pqf_leaf_out *leaves, pqf_buf *codes,
                          int64_t num_rows, struct ArrowArray *out, pqf_error *err) {
    pqf_status status = PQF_OK;
    struct ArrowArray batch;
    pqf_buf none = {.mem = scan->mem};
    TRY(pqf_array_init(&batch, scan->mem, num_rows, 0, 1, scan->num_columns, err));
    pqf_array_take_buffer(&batch, 0, &none);
    for (int32_t c = 0; c < scan->num_columns; c++) {
        struct ArrowArray child;
        status = one_column(scan, c, leaves, codes, num_rows, &child, err);
        if (status == PQF_OK) status = pqf_array_take_child(&batch, c, &child, err);
        if (status != PQF_OK) {
            pqf_error_at_column(err, scan->columns[c].schema->name);
            pqf_array_release(&batch);
            return status;
        }
    }
    *out = batch;
    return status;
}

static pqf_status pull(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    if (scan->spec.batch_rows) TRY(pqf_ahead_settle(scan, err));
    return scan->spec.adapts       ? pqf_adapt_next(scan, out, err)
           : scan->spec.batch_rows ? pqf_batches_next(scan, out, err)
                                   : pqf_whole_next(scan, out, err);
}

pqf_status pqf_scan_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    memset(out, 0, sizeof *out);
    if (scan->ended) return PQF_OK;
    pqf_status status = pull(scan, out, err);
    if (status != PQF_OK || !out->release) scan->ended = true;
    if (scan->ended)
        pqf_ahead_free(scan);
    else if (scan->spec.batch_rows)
        pqf_ahead_start(scan);
    return status == PQF_OK && scan->ended ? pqf_run_end(&scan->run, err) : status;
}

pqf_status pqf_scan_count_rows(pqf_scan *scan, int64_t *out, pqf_error *err) {
    int64_t total = 0;
    bool fits_64 = true;
    for (int64_t i = 0; i < scan->spec.num_files; i++) {
        pqf_open_file file;
        TRY(pqf_run_poll(&scan->run, 0, err));
        TRY(pqf_scan_open_file(scan, i, &file, err));
        if (!file.reader) continue;
        const pqf_file_metadata *metadata = &pqf_reader_metadata(file.reader)->file;
        pqf_status status = PQF_OK;
        for (int64_t r = 0; r < metadata->num_row_groups && status == PQF_OK; r++) {
            pqf_rows rows;
            status = pqf_scan_rows(scan, i, file.reader, r, &file.arena, &rows, err);
            if (status == PQF_OK) fits_64 &= pqf_add_i64(total, rows.num_rows, &total);
        }
        pqf_open_file_reset(&file);
        TRY(status);
    }
    if (!fits_64)
        return pqf_fail(err, PQF_CORRUPT, "the row counts of the files overflow");
    *out = total;
    return PQF_OK;
}
