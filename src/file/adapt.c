/* SPDX-License-Identifier: Apache-2.0
 *
 * adapt.c: a scan of files that differ. In: the schema of the result, which every file's columns can
 * become (see pqf_schema_unify); out: its batches.
 *
 *   files    a a a b b a ...      a: as the result    b: lacks a column, has a narrower type
 *   parts    [a a a][b b][a ...   each an ordinary scan by the schema of its first file
 *
 * A part ends at the first file that is not like its first one. Its batches are adapted column by
 * column: missing ones are null, narrower ones widened, all others pass. Parts that are as the result
 * pass whole. Batches of a wanted number of rows ask the next part for what is lacking and are
 * joined, so that at most one batch of rows waits.
 */
#include "inner.h"

#define WAVES_PER_PART 8 /* what a part sets up does not grow with the dataset */
#define COLUMN_MISSING (-1)

typedef struct part_column {
    int32_t source; /* among the part's columns, or COLUMN_MISSING */
    bool is_wider;  /* the result's type is */
} part_column;

typedef struct part {
    pqf_arena arena;
    pqf_scan *scan;
    struct ArrowSchema schema;
    part_column *columns; /* of the result */
    bool is_plain;        /* all columns pass, in their order */
} part;

struct pqf_adapt {
    part part;
    int64_t next_file; /* behind the part; within it the part's first */
    int64_t wave_files;
    struct ArrowArray *held; /* adapted batches that are too short alone */
    int64_t num_held;
    int64_t held_rows;
    size_t held_bytes;
    int64_t rows_before; /* of earlier batches */
};

/* ---- what a file has of the result's columns ---- */

typedef struct found {
    pqf_scan *scan;
    const pqf_schema *schema;
    pqf_arena *arena;
    part_column *columns;
    const pqf_choice **choices; /* per source */
    const pqf_field **fields;   /* per source; NULL for constants */
    int32_t *constants;         /* per source, or -1 */
    int32_t num;
} found;

static pqf_status constant_field(const pqf_constant *constant, struct ArrowSchema *out,
                                 pqf_error *err) {
    TRY(pqf_schema_init(out, "i", constant->name, ARROW_FLAG_NULLABLE, 0, err));
    TRY(pqf_schema_add_dictionary(out, err));
    return pqf_schema_init(out->dictionary, constant->type->format, "",
                           ARROW_FLAG_NULLABLE, 0, err);
}

/* A struct of which nothing that is wanted stands in the file is read whole: its nulls count. */
static pqf_status find_field(found *f, const pqf_field *field, const pqf_choice *choice,
                             pqf_error *err) {
    pqf_projection projection;
    TRY(pqf_field_project(f->schema, field, choice, f->arena, &projection, err));
    if (field->num_leaves && !projection.field->num_leaves) {
        choice = NULL;
        TRY(pqf_field_project(f->schema, field, NULL, f->arena, &projection, err));
    }
    TRY(pqf_field_check(projection.field, err));
    f->choices[f->num] = choice;
    f->fields[f->num] = projection.field;
    f->constants[f->num++] = -1;
    return PQF_OK;
}

static pqf_status find_column(found *f, int32_t c, pqf_error *err) {
    const pqf_scan_column *column = &f->scan->columns[c];
    bool is_duplicate = false;
    f->columns[c].source = f->num;
    if (column->constant >= 0) {
        f->constants[f->num++] = column->constant;
        return PQF_OK;
    }
    const pqf_field *field =
        pqf_schema_field(f->schema, column->schema->name, &is_duplicate);
    if (is_duplicate)
        return pqf_fail(
            err, PQF_UNSUPPORTED,
            "two columns have the name '%s': files that differ are matched by "
            "names",
            column->schema->name);
    if (field) return find_field(f, field, column->choice, err);
    f->columns[c].source = COLUMN_MISSING;
    return PQF_OK;
}

static bool is_column(const pqf_scan *scan, const char *name) {
    for (int32_t c = 0; c < scan->num_columns; c++)
        if (!strcmp(scan->columns[c].schema->name, name)) return true;
    for (int32_t k = 0; k < scan->spec.num_constants; k++)
        if (!strcmp(scan->spec.constants[k].name, name)) return true;
    return false;
}

static pqf_status find_extras(found *f, pqf_error *err) {
    for (int32_t i = 0; i < f->schema->num_fields; i++)
        if (!is_column(f->scan, f->schema->fields[i].name))
            TRY(find_field(f, &f->schema->fields[i], NULL, err));
    return PQF_OK;
}

static pqf_status init_found(pqf_scan *scan, const pqf_reader *reader, pqf_arena *arena,
                             found *out, pqf_error *err) {
    const pqf_schema *schema = pqf_reader_schema(reader);
    size_t n = (size_t)scan->num_columns, most = n + (size_t)schema->num_fields;
    void *block;
    *out = (found){.scan = scan, .schema = schema, .arena = arena};
    TRY(pqf_arena_array(arena, n, sizeof(part_column), &block, err));
    out->columns = block;
    TRY(pqf_arena_array(arena, most, sizeof(pqf_choice *), &block, err));
    out->choices = block;
    TRY(pqf_arena_array(arena, most, sizeof(pqf_field *), &block, err));
    out->fields = block;
    TRY(pqf_arena_array(arena, most, sizeof(int32_t), &block, err));
    out->constants = block;
    for (int32_t c = 0; c < scan->num_columns; c++)
        TRY(find_column(out, c, err));
    return PQF_OK;
}

static pqf_status export_found(const found *f, struct ArrowSchema *out, pqf_error *err) {
    struct ArrowSchema schema;
    pqf_status status = PQF_OK;
    TRY(pqf_schema_init(&schema, "+s", "", 0, f->num, err));
    for (int32_t i = 0; i < f->num; i++) {
        struct ArrowSchema *child = schema.children[i];
        if (f->constants[i] >= 0)
            TRY_DONE(
                constant_field(&f->scan->spec.constants[f->constants[i]], child, err));
        else
            TRY_DONE(pqf_field_export(f->schema, f->fields[i], child, err));
    }
    *out = schema;
    return PQF_OK;
done:
    pqf_schema_release(&schema);
    return status;
}

static bool has_twins(const pqf_scan *scan, const pqf_schema *schema) {
    bool is_duplicate = false;
    for (int32_t c = 0; c < scan->num_columns && !is_duplicate; c++) {
        pqf_schema_field(schema, scan->columns[c].schema->name, &is_duplicate);
        is_duplicate |= scan->columns[c].num_same > 1;
    }
    return is_duplicate;
}

pqf_status pqf_scan_differences(pqf_scan *scan, const pqf_reader *reader,
                                pqf_error *err) {
    /* Differences are listed by names, which do not tell columns of one name apart. */
    if (has_twins(scan, pqf_reader_schema(reader))) return err->status;
    pqf_arena arena;
    found f;
    struct ArrowSchema schema = {0};
    pqf_status status = PQF_OK;
    pqf_error told = *err;
    pqf_arena_init(&arena, scan->mem);
    pqf_error_init(err);
    TRY_DONE(init_found(scan, reader, &arena, &f, err));
    if (scan->spec.all_columns) TRY_DONE(find_extras(&f, err));
    TRY_DONE(export_found(&f, &schema, err));
    TRY_DONE(pqf_schema_unify(scan->spec.schema, &schema, PQF_RULE_STRICT,
                              "in the first file", NULL, err));
done:
    pqf_schema_release(&schema);
    pqf_arena_reset(&arena);
    /* What names alone do not tell has been told before. */
    if (err->status != PQF_SCHEMA && err->status != PQF_NOMEM) *err = told;
    (void)status;
    return err->status;
}

/* ---- parts ---- */

static void close_part(struct pqf_adapt *a) {
    pqf_scan_free(a->part.scan);
    pqf_schema_release(&a->part.schema);
    pqf_arena_reset(&a->part.arena);
    a->part = (part){0};
}

/* Which columns pass, which are widened. */
static void plan_columns(const pqf_scan *scan, part *p) {
    const struct ArrowSchema *want = scan->spec.schema;
    p->is_plain = p->schema.n_children == want->n_children;
    for (int32_t c = 0; c < scan->num_columns; c++) {
        part_column *column = &p->columns[c];
        if (column->source == COLUMN_MISSING) continue;
        column->is_wider =
            !pqf_schema_fits(want->children[c], p->schema.children[column->source]);
        p->is_plain &= !column->is_wider;
    }
}

typedef struct shifted_open {
    const pqf_scan_spec *spec;
    int64_t first;
} shifted_open;

static pqf_status open_shifted(void *context, int64_t i, pqf_source **out,
                               pqf_error *err) {
    const shifted_open *s = context;
    return s->spec->open(s->spec->open_context, s->first + i, out, err);
}

/* Names of columns that the part's files must not have: they are null there. */
static pqf_status list_missing(const pqf_scan *scan, part *p, pqf_error *err) {
    void *block;
    int32_t n = 0;
    TRY(pqf_arena_array(&p->arena, (size_t)scan->num_columns + 1, sizeof(char *), &block,
                        err));
    const char **names = block;
    for (int32_t c = 0; c < scan->num_columns; c++)
        if (p->columns[c].source == COLUMN_MISSING)
            names[n++] = scan->columns[c].schema->name;
    p->scan->missing = names;
    return PQF_OK;
}

static pqf_status start_part(pqf_scan *scan, part *p, const found *f, pqf_reader *reader,
                             pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    pqf_scan_spec spec = scan->spec;
    void *block;
    spec.adapts = spec.all_columns = false;
    spec.schema = &p->schema;
    spec.choices = f->choices;
    spec.files += a->next_file;
    spec.num_files =
        pqf_min_i64(scan->spec.num_files - a->next_file, a->wave_files * WAVES_PER_PART);
    spec.first_reader = reader;
    spec.first_file = 0;
    if (spec.open) {
        TRY(pqf_arena_alloc(&p->arena, sizeof(shifted_open), &block, err));
        *(shifted_open *)block = (shifted_open){&scan->spec, a->next_file};
        spec.open = open_shifted;
        spec.open_context = block;
    }
    TRY(pqf_scan_open(&spec, scan->mem, &p->scan, err));
    p->scan->is_part = true;
    p->scan->wave_files = a->wave_files;
    p->scan->rows_before = a->rows_before;
    atomic_store(&p->scan->run.done, a->rows_before);
    return list_missing(scan, p, err);
}

/* The file decides what the part's files look like. */
static pqf_status shape_part(pqf_scan *scan, pqf_reader *reader, pqf_error *err) {
    part *p = &scan->adapt->part;
    found f;
    pqf_arena_init(&p->arena, scan->mem);
    TRY(init_found(scan, reader, &p->arena, &f, err));
    TRY(export_found(&f, &p->schema, err));
    TRY(pqf_schema_unify(scan->spec.schema, &p->schema, PQF_RULE_DECLARED,
                         scan->spec.is_declared ? "declared" : "in the dataset", NULL,
                         err));
    p->columns = f.columns;
    plan_columns(scan, p);
    return start_part(scan, p, &f, reader, err);
}

/* Opens the part that begins with the next file that the constants leave; part.scan stays NULL at
 * the end. */
static pqf_status open_part(pqf_scan *scan, pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    for (; a->next_file < scan->spec.num_files; a->next_file++) {
        pqf_open_file file;
        TRY(pqf_run_poll(&scan->run, 0, err));
        TRY(pqf_scan_open_file(scan, a->next_file, &file, err));
        if (!file.reader) continue;
        pqf_status status = shape_part(scan, file.reader, err);
        pqf_open_file_reset(&file);
        if (status == PQF_OK) return PQF_OK;
        const char *path = scan->spec.files[a->next_file].path;
        return path ? pqf_error_at_path(err, path) : status;
    }
    return PQF_OK;
}

/* Waves follow the length of parts, since what a part opens beyond its end is opened again. */
static void end_part(struct pqf_adapt *a) {
    int64_t num_files = a->part.scan->end_file;
    bool met_other = num_files < a->part.scan->spec.num_files;
    a->next_file += num_files;
    a->wave_files = 2 * (met_other ? num_files : a->wave_files);
    a->wave_files = pqf_min_i64(a->wave_files, pqf_wave_files());
    close_part(a);
}

/* ---- batches ---- */

typedef struct adapting {
    pqf_scan *scan;
    struct ArrowArray *from;
    struct ArrowArray *to;
} adapting;

static pqf_status widen_column(const adapting *job, int32_t c, struct ArrowArray *out,
                               pqf_error *err) {
    const part *p = &job->scan->adapt->part;
    int32_t source = p->columns[c].source;
    pqf_arena arena;
    pqf_view view;
    pqf_arena_init(&arena, job->scan->mem);
    pqf_status status = pqf_view_init(&view, p->schema.children[source],
                                      job->from->children[source], false, &arena, err);
    if (status == PQF_OK)
        status = pqf_array_widen(&view, job->scan->spec.schema->children[c],
                                 job->scan->mem, out, err);
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status adapt_column(void *context, int64_t task, int worker, pqf_error *err) {
    const adapting *job = context;
    const part_column *column = &job->scan->adapt->part.columns[task];
    const struct ArrowSchema *want = job->scan->spec.schema->children[task];
    struct ArrowArray child;
    pqf_status status = PQF_OK;
    TRY(pqf_run_poll(&job->scan->run, worker, err));
    if (column->source == COLUMN_MISSING)
        status = pqf_array_nulls(want, job->from->length, job->scan->mem, &child, err);
    else if (column->is_wider)
        status = widen_column(job, (int32_t)task, &child, err);
    else {
        child = *job->from->children[column->source];
        job->from->children[column->source]->release = NULL;
    }
    if (status == PQF_OK) status = pqf_array_take_child(job->to, task, &child, err);
    return status == PQF_OK ? status : pqf_error_at_column(err, want->name);
}

/* Moves `batch` of the part into one of the result's schema. */
static pqf_status adapt_batch(pqf_scan *scan, struct ArrowArray *batch,
                              struct ArrowArray *out, pqf_error *err) {
    struct ArrowArray array;
    pqf_buf none = {.mem = scan->mem};
    int threads = scan->run.num_threads;
    if (scan->adapt->part.is_plain) {
        *out = *batch;
        return PQF_OK;
    }
    TRY(pqf_array_init(&array, scan->mem, batch->length, 0, 1, scan->num_columns, err));
    pqf_array_take_buffer(&array, 0, &none);
    adapting job = {scan, batch, &array};
    if (batch->length <= PQF_PARALLEL_VALUES / (scan->num_columns + 1))
        scan->run.num_threads = 1;
    pqf_status status =
        pqf_run_tasks(&scan->run, scan->num_columns, NULL, adapt_column, &job, err);
    scan->run.num_threads = threads;
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

static pqf_status adapt(pqf_scan *scan, struct ArrowArray *batch, struct ArrowArray *out,
                        pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    pqf_status status = adapt_batch(scan, batch, out, err);
    if (!a->part.is_plain) pqf_array_release(batch);
    if (status == PQF_OK) return status;
    const char *path = scan->spec.files[a->next_file + a->part.scan->last_file].path;
    return path ? pqf_error_at_path(err, path) : status;
}

/* The next batch of the part; release NULL at its end. */
static pqf_status pull(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    struct ArrowArray batch;
    pqf_scan *inner = a->part.scan;
    memset(&batch, 0, sizeof batch);
    memset(out, 0, sizeof *out);
    if (scan->spec.batch_rows)
        inner->spec.batch_rows = scan->spec.batch_rows - a->held_rows;
    TRY(scan->spec.batch_rows ? pqf_batches_next(inner, &batch, err)
                              : pqf_whole_next(inner, &batch, err));
    if (!batch.release) return PQF_OK;
    TRY(adapt(scan, &batch, out, err));
    a->rows_before += out->length;
    atomic_store(&scan->run.done, a->rows_before);
    return PQF_OK;
}

/* ---- batches of several parts ---- */

static pqf_status hold(pqf_scan *scan, struct ArrowArray *batch, pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    if ((size_t)a->num_held * sizeof *batch == a->held_bytes) {
        size_t bytes = a->held_bytes ? 2 * a->held_bytes : 8 * sizeof *batch;
        void *block;
        pqf_status status = pqf_mem_alloc(scan->mem, bytes, &block, err);
        if (status != PQF_OK) {
            pqf_array_release(batch);
            return status;
        }
        if (a->num_held) memcpy(block, a->held, (size_t)a->num_held * sizeof *batch);
        pqf_mem_free(scan->mem, a->held, a->held_bytes);
        a->held = block;
        a->held_bytes = bytes;
    }
    a->held[a->num_held++] = *batch;
    a->held_rows += batch->length;
    return PQF_OK;
}

static void drop_held(struct pqf_adapt *a) {
    for (int64_t i = 0; i < a->num_held; i++)
        pqf_array_release(&a->held[i]);
    a->num_held = a->held_rows = 0;
}

static pqf_status join_held(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    struct pqf_adapt *a = scan->adapt;
    if (a->num_held == 1) {
        *out = a->held[0];
        a->num_held = a->held_rows = 0;
        return PQF_OK;
    }
    pqf_status status = pqf_scan_concat(scan, a->held, a->num_held, INT64_MAX, out, err);
    drop_held(a);
    return status;
}

/* ---- the pull ---- */

static pqf_status begin(pqf_scan *scan, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&scan->arena, 1, sizeof(struct pqf_adapt), &block, err));
    scan->adapt = block;
    scan->adapt->wave_files = pqf_wave_files();
    return PQF_OK;
}

pqf_status pqf_adapt_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    if (!scan->adapt) TRY(begin(scan, err));
    struct pqf_adapt *a = scan->adapt;
    int64_t want = scan->spec.batch_rows;
    struct ArrowArray batch;
    for (;;) {
        if (!a->part.scan) TRY(open_part(scan, err));
        if (!a->part.scan) return a->num_held ? join_held(scan, out, err) : PQF_OK;
        TRY(pull(scan, &batch, err));
        if (!batch.release) {
            end_part(a);
            continue;
        }
        if (!want || (!a->num_held && batch.length == want)) {
            *out = batch;
            return PQF_OK;
        }
        TRY(hold(scan, &batch, err));
        if (a->held_rows == want) return join_held(scan, out, err);
    }
}

pqf_scan *pqf_adapt_source(const pqf_scan *scan) {
    return scan->adapt ? scan->adapt->part.scan : NULL;
}

void pqf_adapt_free(pqf_scan *scan) {
    struct pqf_adapt *a = scan->adapt;
    if (!a) return;
    close_part(a);
    drop_held(a);
    pqf_mem_free(scan->mem, a->held, a->held_bytes);
    scan->adapt = NULL;
}
