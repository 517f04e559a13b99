/* SPDX-License-Identifier: Apache-2.0
 *
 * indices.c: whether dictionary indices of a recorded width count all values of what is read. In: a scan
 * that has not begun. Out: the columns for which they do not, known before the first batch, so that
 * all batches have one type.
 *
 * The values of all row groups are put together, each once: dictionaries, and the pages of a chunk that
 * has values outside of its own, until the indices do not count them. What cannot be read here is passed
 * over; the scan itself says so when it comes there.
 */
#include "inner.h"

#define WINDOW_BYTES ((size_t)64 << 10)

/* A leaf whose indices are narrower than int32. */
typedef struct narrow {
    struct narrow *next;
    const char *path;
    pqf_reader *reader; /* of the field that the values stand under */
    const pqf_field *field;
    pqf_leaf_out values;
    int64_t others; /* at most so many values of columns in another form */
    int64_t most;   /* values that the indices count */
} narrow;

typedef struct survey {
    pqf_scan *scan;
    pqf_arena *arena;
    narrow *first;
    const char **wide; /* names so far */
    int64_t num_wide;
    int64_t num_left; /* columns that have narrow indices and are not wide */
} survey;

static bool is_narrow(const char *format) {
    int64_t max = pqf_index_max(format);
    return max > 0 && max < INT32_MAX;
}

static bool has_narrow(const struct ArrowSchema *field) {
    if (field->dictionary) return is_narrow(field->format);
    for (int64_t i = 0; i < field->n_children; i++)
        if (has_narrow(field->children[i])) return true;
    return false;
}

/* The result's column above the leaf, where its indices are still to be judged. */
static const char *column_of(const survey *s, const pqf_field *field) {
    const char *name = field->leaf->top_name;
    bool is_wanted = false;
    for (int64_t i = 0; i < s->num_wide; i++)
        if (!strcmp(s->wide[i], name)) return NULL;
    for (int32_t c = 0; c < s->scan->num_columns && !is_wanted; c++) {
        const pqf_scan_column *column = &s->scan->columns[c];
        is_wanted = column->constant < 0 && !strcmp(column->schema->name, name) &&
                    has_narrow(column->schema);
    }
    return is_wanted ? name : NULL;
}

static pqf_status find_narrow(survey *s, pqf_reader *reader, const pqf_field *field,
                              narrow **out, pqf_error *err) {
    void *block;
    for (*out = s->first; *out; *out = (*out)->next)
        if (!strcmp((*out)->path, field->leaf->path)) return PQF_OK;
    TRY(pqf_arena_alloc(s->arena, sizeof(narrow), &block, err));
    narrow *n = block;
    *n = (narrow){.field = field, .most = pqf_index_max(field->index_format) + 1};
    TRY(pqf_leaf_out_init(&n->values, field, 0, s->scan->mem, err));
    n->reader = pqf_reader_retain(reader); /* what the path and the field live in */
    n->path = field->leaf->path;
    n->next = s->first;
    s->first = *out = n;
    return PQF_OK;
}

static bool same_values(const pqf_field *a, const pqf_field *b) {
    return a->layout == b->layout && a->arrow_width == b->arrow_width &&
           !strcmp(a->format, b->format);
}

static pqf_status put_values(survey *s, narrow *n, const pqf_reader *reader,
                             const pqf_chunk *chunk, const pqf_field *field,
                             pqf_error *err) {
    pqf_scan *scan = s->scan;
    pqf_chunk_read_options options = {
        .source = pqf_reader_source(reader),
        .kernel = scan->kernel,
        .skip_page_checksums = scan->spec.options->skip_page_checksums,
        .skip_utf8_check = true, /* the scan does it */
        .window_bytes = WINDOW_BYTES,
    };
    pqf_chunk_reader *chunk_reader;
    TRY(pqf_chunk_reader_open(chunk, field, &options, scan->mem, &chunk_reader, err));
    pqf_status status = pqf_chunk_reader_put_values(
        chunk_reader, &n->values, n->most, &scan->scratch[0], &scan->run, 0, err);
    pqf_chunk_reader_free(chunk_reader);
    return status;
}

/* A column of another file may hold its values in another form: they count as if all differed. */
static pqf_status look_at_chunk(survey *s, pqf_reader *reader, int64_t row_group,
                                const pqf_field *field, const char *column,
                                pqf_error *err) {
    narrow *n;
    pqf_chunk chunk;
    TRY(find_narrow(s, reader, field, &n, err));
    TRY(pqf_metadata_chunk(pqf_reader_metadata(reader), row_group, field->leaf->index,
                           &chunk, err));
    n->most = pqf_min_i64(n->most, pqf_index_max(field->index_format) + 1);
    if (same_values(field, n->field))
        TRY(put_values(s, n, reader, &chunk, field, err));
    else
        n->others += pqf_min_i64(chunk.num_values, n->most + 1);
    if (pqf_leaf_out_num_values(&n->values) + n->others > n->most) {
        s->wide[s->num_wide++] = column;
        s->num_left--;
    }
    return PQF_OK;
}

static pqf_status look_at_row_group(survey *s, pqf_reader *reader, int64_t row_group,
                                    pqf_error *err) {
    const pqf_schema *schema = pqf_reader_schema(reader);
    for (int32_t l = 0; s->num_left && l < schema->tree.num_leaves; l++) {
        const pqf_field *field = schema->leaf_fields[l];
        if (!field || !field->index_format || !is_narrow(field->index_format) ||
            (field->layout != PQF_LEAF_FIXED && field->layout != PQF_LEAF_BINARY))
            continue;
        const char *column = column_of(s, field);
        if (!column) continue;
        void *copy;
        size_t len = strlen(column) + 1;
        TRY(pqf_arena_alloc(s->arena, len, &copy, err));
        TRY(look_at_chunk(s, reader, row_group, field, memcpy(copy, column, len), err));
    }
    return pqf_run_poll(&s->scan->run, 0, err);
}

static pqf_status look_at_file(survey *s, int64_t i, pqf_error *err) {
    pqf_open_file file;
    pqf_status status = PQF_OK;
    TRY(pqf_scan_open_file(s->scan, i, &file, err));
    int64_t n = file.reader ? pqf_reader_metadata(file.reader)->file.num_row_groups : 0;
    for (int64_t r = 0; r < n && s->num_left && status == PQF_OK; r++)
        if (pqf_scan_keeps(s->scan, i, file.reader, r))
            status = look_at_row_group(s, file.reader, r, err);
    pqf_open_file_reset(&file);
    return status;
}

static pqf_status look_at_files(survey *s, pqf_error *err) {
    for (int64_t i = 0; s->num_left && i < s->scan->spec.num_files; i++) {
        pqf_status status = look_at_file(s, i, err);
        if (status == PQF_NOMEM || status == PQF_CANCELLED) return status;
        if (status != PQF_OK) pqf_error_init(err);
    }
    return PQF_OK;
}

pqf_status pqf_scan_wide_dictionaries(pqf_scan *scan, pqf_arena *arena,
                                      const char *const **out, pqf_error *err) {
    survey s = {.scan = scan, .arena = arena};
    void *block;
    *out = NULL;
    for (int32_t c = 0; c < scan->num_columns; c++)
        s.num_left +=
            scan->columns[c].constant < 0 && has_narrow(scan->columns[c].schema);
    if (!s.num_left) return PQF_OK;
    TRY(pqf_arena_array(arena, (size_t)s.num_left + 1, sizeof(char *), &block, err));
    s.wide = block;
    pqf_status status = look_at_files(&s, err);
    for (narrow *n = s.first; n; n = n->next) {
        pqf_leaf_out_reset(&n->values);
        pqf_reader_release(n->reader);
    }
    if (s.num_wide) *out = s.wide;
    return status;
}
