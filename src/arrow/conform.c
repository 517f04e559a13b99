/* SPDX-License-Identifier: Apache-2.0
 *
 * conform.c: room arrow. Conforming a batch to the declared schema: in, a batch that
 * anybody made; out, the declared columns in the declared order, or a report of
 * everything that does not fit.
 *
 * Each column has its own arena, report and place in what comes out, so that columns may
 * be conformed by several threads; what is told about them is put together at the end, in
 * the order of the schema.
 */
#include "conform.h"
#include "nulls.h"

typedef struct column {
    pqf_arena arena;
    pqf_report *report; /* NULL: nothing to tell */
} column;

struct pqf_conform {
    pqf_mem *mem;
    pqf_conform_options options;
    struct ArrowSchema schema;     /* declared */
    struct ArrowSchema out_schema; /* of the last batch */
    pqf_arena targets;             /* lives as long as this */
    pqf_target root;
    column *columns; /* of the declared schema */
    /* the batch in hand */
    column match; /* of names */
    pqf_view rows;
    int64_t *picks;
    bool all_there;
    struct ArrowArray out;
};

/* ---- open ---- */

static pqf_status make_columns(pqf_conform *c, pqf_error *err) {
    void *block;
    size_t n = (size_t)c->root.num_children;
    TRY(pqf_arena_array(&c->targets, n, sizeof(column), &block, err));
    c->columns = block;
    for (size_t i = 0; i < n; i++)
        pqf_arena_init(&c->columns[i].arena, c->mem);
    TRY(pqf_arena_array(&c->targets, n, sizeof(int64_t), &block, err));
    c->picks = block;
    return PQF_OK;
}

static pqf_status init_conform(pqf_conform *c, const struct ArrowSchema *schema,
                               pqf_error *err) {
    TRY(pqf_schema_check(schema, err));
    if (strcmp(schema->format, "+s") != 0)
        return pqf_fail(err, PQF_INVALID,
                        "the declared schema has the format '%.40s', expected a struct",
                        schema->format);
    TRY(pqf_schema_copy(schema, &c->schema, err));
    TRY(pqf_schema_plain(&c->schema, &c->out_schema, err));
    TRY(pqf_target_init(&c->root, &c->schema, &c->targets, err));
    return make_columns(c, err);
}

/* Options of a caller with an older, smaller struct. */
static void take_options(pqf_conform *c, const pqf_conform_options *options) {
    size_t bytes = sizeof c->options;
    if (!options) return;
    if (options->struct_bytes && options->struct_bytes < bytes)
        bytes = options->struct_bytes;
    memcpy(&c->options, options, bytes);
}

pqf_status pqf_conform_new(const struct ArrowSchema *schema,
                           const pqf_conform_options *options, pqf_mem *mem,
                           pqf_conform **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_conform), &block, err));
    pqf_conform *conform = block;
    conform->mem = pqf_mem_retain(mem);
    pqf_arena_init(&conform->targets, mem);
    pqf_arena_init(&conform->match.arena, mem);
    take_options(conform, options);
    pqf_status status = init_conform(conform, schema, err);
    if (status == PQF_OK)
        *out = conform;
    else
        pqf_conform_free(conform);
    return status;
}

void pqf_conform_free(pqf_conform *conform) {
    if (!conform) return;
    pqf_mem *mem = conform->mem;
    pqf_schema_release(&conform->schema);
    pqf_schema_release(&conform->out_schema);
    pqf_arena_reset(&conform->targets);
    pqf_mem_free(mem, conform, sizeof *conform);
    pqf_mem_release(mem);
}

/* ---- batches ---- */

static pqf_job job_of(const pqf_conform *c, column *col, const pqf_poll *poll,
                      pqf_error *err) {
    return (pqf_job){.mem = c->mem,
                     .arena = &col->arena,
                     .report = &col->report,
                     .options = &c->options,
                     .poll = *poll,
                     .err = err};
}

/* Arrays that are not well-formed are the data's fault, not an argument's. */
static pqf_status of_data(pqf_status status, pqf_error *err) {
    if (status == PQF_INVALID) err->status = status = PQF_SCHEMA;
    return status;
}

static pqf_status look_at_batch(pqf_conform *c, const struct ArrowSchema *schema,
                                const struct ArrowArray *batch, pqf_error *err) {
    TRY(pqf_schema_check(schema, err));
    if (strcmp(schema->format, "+s") != 0)
        return pqf_fail(err, PQF_INVALID,
                        "a batch is a struct array, this one has the format '%.40s'",
                        schema->format);
    TRY(pqf_view_rows(&c->rows, schema, batch, &c->match.arena, err));
    if (c->rows.null_count > 0)
        return pqf_fail(err, PQF_INVALID, "%lld rows of the batch are null as a whole",
                        (long long)c->rows.null_count);
    return PQF_OK;
}

pqf_status pqf_conform_begin(pqf_conform *c, const struct ArrowSchema *schema,
                             const struct ArrowArray *batch, pqf_error *err) {
    pqf_job job = job_of(c, &c->match, &(pqf_poll){0}, err);
    TRY(of_data(look_at_batch(c, schema, batch, err), err));
    TRY(pqf_match(&job, &c->root, &c->rows, c->picks, &c->all_there));
    return pqf_cast_begin(&job, &c->rows, 1, c->root.num_children, &c->out);
}

const struct ArrowSchema *pqf_conform_declared(const pqf_conform *c) {
    return &c->schema;
}

int64_t pqf_conform_num_columns(const pqf_conform *c) { return c->root.num_children; }

static pqf_status conform_source(pqf_conform *c, int64_t i, pqf_job *job) {
    const struct ArrowArray *batch = c->rows.array;
    pqf_view source;
    pqf_level rows = {.view = &c->rows}, level = {.up = &rows, .view = &source};
    TRY(of_data(pqf_view_column(&source, c->rows.schema->children[c->picks[i]],
                                batch->children[c->picks[i]], &job->poll, job->arena,
                                job->err),
                job->err));
    pqf_view_cut(&source, c->rows.offset, c->rows.length);
    return pqf_conform_node(job, &c->root.children[i], &level, c->out_schema.children[i],
                            c->out.children[i]);
}

pqf_status pqf_conform_column(pqf_conform *c, int64_t i, const pqf_poll *poll,
                              pqf_error *err) {
    const pqf_target *target = &c->root.children[i];
    struct ArrowSchema *schema = c->out_schema.children[i];
    pqf_job job = job_of(c, &c->columns[i], poll, err);
    if (c->picks[i] >= 0) return conform_source(c, i, &job);
    if (!c->all_there) return PQF_OK; /* reported */
    TRY(pqf_schema_set_plain(target, schema, err));
    return pqf_array_fill(schema, c->rows.length, target->nullable, c->mem,
                          c->out.children[i], err);
}

/* ---- the end of a batch ---- */

/* In the order of the schema; what concerns names comes first. */
static column *column_at(pqf_conform *c, int64_t i) {
    return i < 0 ? &c->match : &c->columns[i];
}

static pqf_status tell(pqf_conform *c, int64_t row_base, pqf_report *report,
                       pqf_error *err) {
    const pqf_report *first = NULL;
    int64_t num_failures = 0;
    for (int64_t i = -1; i < c->root.num_children; i++) {
        const pqf_report *told = column_at(c, i)->report;
        if (!told) continue;
        if (!first) first = told;
        num_failures += pqf_report_num_failures(told);
        pqf_status status = report ? pqf_report_merge(report, told, row_base) : PQF_OK;
        if (status != PQF_OK) return pqf_fail(err, status, "no memory for a report");
    }
    return first ? pqf_report_fail(first, row_base, num_failures, err) : PQF_OK;
}

pqf_status pqf_conform_end(pqf_conform *c, pqf_status status, int64_t row_base,
                           pqf_report *report, struct ArrowArray *out,
                           const struct ArrowSchema **out_schema, pqf_error *err) {
    if (status == PQF_OK) status = tell(c, row_base, report, err);
    if (status == PQF_OK) {
        *out = c->out;
        *out_schema = &c->out_schema;
        c->out.release = NULL;
    }
    pqf_array_release(&c->out);
    c->out = (struct ArrowArray){0};
    for (int64_t i = -1; i < c->root.num_children; i++) {
        column *col = column_at(c, i);
        pqf_report_free(col->report);
        col->report = NULL;
        pqf_arena_reset(&col->arena);
    }
    return status;
}
