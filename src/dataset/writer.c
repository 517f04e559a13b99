/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: a batch is conformed once, its rows are grouped by partition, and each
 * partition's rows go to its part, in their order. Partitions are encoded in parallel. Files
 * hold no descriptor between writes, so their number is not bounded by that of descriptors.
 *
 * What parts hold until their row groups are full may grow beyond memory_limit. Once half of
 * it is in use, or two at a time might need more than the rest, all further rows are set aside in
 * one file (file/spill.c), and finish gives them to their parts one partition after the other. What
 * parts then hold is folded: the tables of their dictionaries, most of it, go, so that what is
 * left for finish does not depend on how the threads ran.
 */
#include "writing.h"

/* Shares of memory_limit: in use when rows begin to be set aside; of rows that wait for that (which
 * take four times as much: room to grow, and a copy while they are sorted). */
#define SPILL_SHARE   2
#define WAITING_SHARE 32
/* Of what a worker needs beside rows and tables of dictionaries: pages, contexts of codecs. */
#define WORKER_BYTES ((int64_t)4 << 20)
/* Room for a value on its way: gathered, as it waits in a chunk, and in a buffer that grows. */
#define COPIES_OF_ROWS    4
#define MAX_WAITING_BYTES ((int64_t)256 << 20)
/* Sets of dictionaries that rows set aside may have. */
#define SPILL_LAYOUTS 16
/* Rows of a batch that are sorted at a time: of so few partitions as leave each some thousand rows, no
 * more than what stays in a cache while every partition passes over it. */
#define SORT_ROWS   ((int64_t)1 << 20)
#define CACHED_ROWS ((int64_t)1 << 17)
#define FEW_PARTS   64
/* Rows of a partition that are gathered at a time. */
#define GATHER_ROWS ((int64_t)1 << 17)

struct pqf_dataset_writer {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_dataset_write_options options; /* copied */
    pqf_partition_schema schema;
    pqf_conform *conform;
    pqf_writer *judge;  /* writes no file: knows what the files' types hold */
    pqf_groups *groups; /* NULL without partitions */
    pqf_commit commit;
    pqf_scratch *scratch; /* one per worker, lent to the partitions' writers */
    int num_workers;
    pqf_run run;
    char uuid[37];
    pqf_part_plan plan;
    pqf_buf parts; /* pqf_part *[], by group */
    int64_t memory_limit;
    pqf_spill *spill;         /* NULL: no rows are set aside */
    _Atomic int64_t promised; /* bytes that tasks may need, of those that run */
    int64_t next_row;
    int64_t num_rows; /* that parts have taken */
    bool closed;
    bool was_empty; /* the dataset had no file when the writer began */
};

/* ---- open and free ---- */

static pqf_status make_scratch(pqf_dataset_writer *w, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_workers, sizeof(pqf_scratch), &block,
                        err));
    w->scratch = block;
    for (int i = 0; i < w->num_workers; i++)
        pqf_scratch_init(&w->scratch[i], w->mem);
    return PQF_OK;
}

static pqf_status set_schema(pqf_dataset_writer *w, const struct ArrowSchema *schema,
                             pqf_error *err) {
    pqf_dataset_write_options *o = &w->options;
    const char *const *names = o->partition_columns;
    TRY(pqf_partition_schema_init(&w->schema, schema, names, w->mem, &w->arena, &o->file,
                                  err));
    if (w->schema.num_partitions)
        TRY(pqf_groups_new(names, w->schema.num_partitions, w->mem, &w->groups, err));
    else if (o->scope == PQF_SCOPE_PARTITIONS)
        return pqf_fail(err, PQF_INVALID,
                        "overwrite_scope='partitions' needs partition_cols");
    TRY(pqf_conform_new(&w->schema.whole, &o->file.conform, w->mem, &w->conform, err));
    return pqf_writer_open_sink(NULL, &w->schema.file, &o->file, w->mem, &w->judge, err);
}

static void set_plan(pqf_dataset_writer *w) {
    w->plan = (pqf_part_plan){.mem = w->mem,
                              .stage = w->commit.stage,
                              .uuid = w->uuid,
                              .schema = &w->schema.file,
                              .options = &w->options.file,
                              .max_rows = w->options.max_rows_per_file,
                              .target_bytes = w->options.target_file_bytes,
                              .many = w->schema.num_partitions > 0,
                              .scratch = w->scratch,
                              .run = &w->run};
}

/* Whole partitions are replaced by a commit that adds files and empties folders. */
static bool keeps_files(const pqf_dataset_writer *w) {
    return w->options.mode == PQF_APPEND || w->options.scope == PQF_SCOPE_PARTITIONS;
}

static pqf_status open_writer(pqf_dataset_writer *w, const char *dir,
                              const struct ArrowSchema *schema, pqf_error *err) {
    pqf_dataset_write_options *o = &w->options;
    pqf_mode mode = keeps_files(w) ? PQF_APPEND : PQF_OVERWRITE;
    o->file.if_exists = PQF_REPLACE;
    TRY(pqf_write_options_copy(&w->arena, &o->file, err));
    TRY(pqf_names_copy(&w->arena, &o->partition_columns, err));
    TRY(make_scratch(w, err));
    TRY(set_schema(w, schema, err));
    TRY(pqf_fs_uuid(w->uuid, err));
    TRY(pqf_commit_begin(&w->commit, dir, mode, !o->file.not_durable, w->mem, &w->run,
                         err));
    set_plan(w);
    if (!keeps_files(w)) return PQF_OK;
    return pqf_append_check(&w->schema, w->commit.dir, o->unify, &o->file.control,
                            &w->was_empty, err);
}

static pqf_status check_options(const pqf_dataset_write_options *o, pqf_error *err) {
    if (!o || o->struct_bytes != sizeof *o ||
        (o->file.struct_bytes && o->file.struct_bytes != sizeof o->file))
        return pqf_fail(err, PQF_INVALID,
                        "pqf_dataset_write_options.struct_bytes must be %zu", sizeof *o);
    if (o->mode != PQF_APPEND && o->mode != PQF_OVERWRITE)
        return pqf_fail(err, PQF_INVALID,
                        "mode must be either PQF_APPEND or PQF_OVERWRITE");
    if (o->scope == PQF_SCOPE_PARTITIONS && o->mode != PQF_OVERWRITE)
        return pqf_fail(err, PQF_INVALID,
                        "overwrite_scope='partitions' needs mode='overwrite'");
    if (o->max_rows_per_file < 0 || o->target_file_bytes < 0)
        return pqf_fail(err, PQF_INVALID, "sizes of files must not be negative");
    return PQF_OK;
}

pqf_status pqf_dataset_writer_open(const char *dir, const struct ArrowSchema *schema,
                                   const pqf_dataset_write_options *options,
                                   pqf_dataset_writer **out, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_mem *mem;
    void *block;
    TRY(check_options(options, err));
    int64_t memory_limit = pqf_memory_limit(&options->file.control);
    TRY(pqf_mem_new(memory_limit, &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_dataset_writer), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    pqf_dataset_writer *w = block;
    w->mem = mem;
    w->options = *options;
    w->memory_limit = memory_limit;
    pqf_arena_init(&w->arena, mem);
    pqf_buf_init(&w->parts, mem, 0);
    pqf_run_init(&w->run, &options->file.control);
    w->num_workers = w->run.num_threads;
    status = open_writer(w, dir, schema, err);
    if (status != PQF_OK)
        pqf_dataset_writer_free(w);
    else
        *out = w;
    return status;
}

static int64_t num_parts(const pqf_dataset_writer *w) {
    return (int64_t)(w->parts.len / sizeof(pqf_part *));
}

static pqf_part *part_at(const pqf_dataset_writer *w, int64_t i) {
    return ((pqf_part **)(void *)w->parts.data)[i];
}

void pqf_dataset_writer_free(pqf_dataset_writer *w) {
    if (!w) return;
    for (int64_t i = 0; i < num_parts(w); i++)
        pqf_part_reset(part_at(w, i));
    pqf_buf_reset(&w->parts);
    pqf_spill_free(w->spill);
    for (int i = 0; w->scratch && i < w->num_workers; i++)
        pqf_scratch_reset(&w->scratch[i]);
    if (w->commit.mem) pqf_commit_reset(&w->commit);
    pqf_groups_free(w->groups);
    pqf_conform_free(w->conform);
    pqf_writer_free(w->judge);
    pqf_partition_schema_reset(&w->schema);
    pqf_arena_reset(&w->arena);
    pqf_mem *mem = w->mem;
    pqf_mem_free(mem, w, sizeof *w);
    pqf_mem_release(mem);
}

/* ---- put ---- */

static pqf_status add_part(pqf_dataset_writer *w, const char *folder, pqf_error *err) {
    void *block;
    TRY(pqf_arena_alloc(&w->arena, sizeof(pqf_part), &block, err));
    pqf_part *part = block;
    *part = (pqf_part){.plan = &w->plan, .folder = folder};
    return pqf_buf_put(&w->parts, &part, sizeof part, err);
}

static pqf_status add_new_parts(pqf_dataset_writer *w, pqf_error *err) {
    for (int64_t g = num_parts(w); g < pqf_groups_count(w->groups); g++)
        TRY(add_part(w, pqf_groups_folder(w->groups, g), err));
    return PQF_OK;
}

typedef struct put_job {
    pqf_dataset_writer *w;
    pqf_sorted_rows *s;
    bool *set_aside; /* by task: there was no memory for its rows */
    double row_bytes;
} put_job;

typedef pqf_status (*rows_fn)(void *context, const pqf_view *rows, pqf_error *err);

/* Scattered rows are gathered first. */
static pqf_status each_slice(const pqf_dataset_writer *w, const pqf_view *view,
                             const int64_t *rows, int64_t n, rows_fn fn, void *context,
                             pqf_error *err) {
    for (int64_t i = 0, step; i < n; i += step) {
        pqf_gathered g;
        step = pqf_min_i64(GATHER_ROWS, n - i);
        TRY(pqf_gathered_init(&g, view, rows + i, step, w->mem, err));
        pqf_status status = fn(context, &g.view, err);
        pqf_gathered_reset(&g);
        TRY(status);
    }
    return PQF_OK;
}

typedef struct part_worker {
    pqf_part *part;
    int worker;
} part_worker;

static pqf_status put_to_part(void *context, const pqf_view *rows, pqf_error *err) {
    const part_worker *p = context;
    return pqf_part_put(p->part, rows, 0, rows->length, p->worker, err);
}

static bool is_short_of_memory(const pqf_dataset_writer *w) {
    return pqf_mem_used(w->mem) > w->memory_limit / SPILL_SHARE;
}

/* What may be needed to encode n more rows of the part. */
static int64_t need_of(const put_job *job, const pqf_part *part, int64_t n) {
    return pqf_writer_table_bytes(job->w->judge, part->file_rows + n) +
           (int64_t)(job->row_bytes * (double)n * COPIES_OF_ROWS);
}

/* Takes the bytes out of what is left; false: they may not be there, for others need theirs. What the
 * others have allocated already counts twice, which is to the safe side. */
static bool promise(pqf_dataset_writer *w, int64_t bytes) {
    int64_t others = atomic_fetch_add(&w->promised, bytes);
    if (!others || bytes <= pqf_mem_left(w->mem) - others) return true;
    atomic_fetch_sub(&w->promised, bytes);
    return false;
}

static pqf_status put_rows(const put_job *job, part_worker *p, const int64_t *rows,
                           int64_t n, pqf_error *err) {
    const pqf_view *view = &job->s->view;
    if (rows[n - 1] - rows[0] == n - 1 && pqf_goes_as_it_is(view))
        return pqf_part_put(p->part, view, rows[0] - view->offset, n, p->worker, err);
    return each_slice(job->w, view, rows, n, put_to_part, p, err);
}

static pqf_status put_task(void *context, int64_t task, int worker, pqf_error *err) {
    put_job *job = context;
    pqf_dataset_writer *w = job->w;
    const pqf_sorted_rows *s = job->s;
    int64_t group = s->present[task];
    const int64_t *rows = s->rows + s->first[group];
    int64_t n = s->first[group + 1] - s->first[group];
    part_worker p = {part_at(w, group), worker};
    int64_t need = need_of(job, p.part, n);
    job->set_aside[task] = is_short_of_memory(w) || !promise(w, need);
    if (job->set_aside[task]) return PQF_OK;
    pqf_status status = put_rows(job, &p, rows, n, err);
    atomic_fetch_sub(&w->promised, need);
    if (status == PQF_OK) atomic_fetch_add(&w->run.done, n);
    return status;
}

/* What memory_limit means for the writer of partitions. */
static pqf_status explain_limit(pqf_status status, pqf_error *err) {
    if (status != PQF_LIMIT || !strstr(err->message, "memory_limit")) return status;
    return pqf_fail(err, PQF_LIMIT,
                    "%s; a smaller row_group_size needs less, for a row group waits in "
                    "memory until it is full",
                    err->message);
}

/* ---- rows set aside ---- */

static void fold_all(pqf_dataset_writer *w) {
    for (int64_t i = 0; i < num_parts(w); i++)
        pqf_part_fold(part_at(w, i));
    for (int i = 0; i < w->num_workers; i++)
        pqf_scratch_fold(&w->scratch[i]);
}

static pqf_status begin_spill(pqf_dataset_writer *w, pqf_error *err) {
    fold_all(w);
    int64_t waiting = pqf_min_i64(w->memory_limit / WAITING_SHARE, MAX_WAITING_BYTES);
    pqf_spill_options options = {.folder = w->commit.stage,
                                 .max_waiting_bytes = waiting,
                                 .max_kept_values = PQF_KEPT_VALUES,
                                 .max_layouts = SPILL_LAYOUTS};
    return pqf_spill_new(&options, &w->schema.file, w->mem, &w->run, &w->spill, err);
}

typedef struct group_rows {
    pqf_dataset_writer *w;
    int64_t group;
} group_rows;

static pqf_status spill_of_group(void *context, const pqf_view *rows, pqf_error *err) {
    const group_rows *g = context;
    pqf_buf groups = {.mem = g->w->mem};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < rows->length; i++)
        TRY_DONE(pqf_buf_put_u32(&groups, (uint32_t)g->group, err));
    TRY_DONE(pqf_spill_put(g->w->spill, rows, 0, rows->length,
                           (const uint32_t *)(const void *)groups.data, num_parts(g->w),
                           err));
done:
    pqf_buf_reset(&groups);
    return status;
}

/* Rows of the tasks that found no memory; from here on everything is set aside. */
static pqf_status spill_left(pqf_dataset_writer *w, const put_job *job, pqf_error *err) {
    const pqf_sorted_rows *s = job->s;
    for (int64_t t = 0; t < s->num_present; t++) {
        group_rows g = {w, s->present[t]};
        const int64_t *rows = s->rows + s->first[g.group];
        int64_t n = s->first[g.group + 1] - s->first[g.group];
        if (!job->set_aside[t]) continue;
        if (!w->spill) TRY(begin_spill(w, err));
        TRY(each_slice(w, &s->view, rows, n, spill_of_group, &g, err));
    }
    return PQF_OK;
}

/* ---- a batch ---- */

/* Values of a dictionary wait as codes. */
static int64_t column_bytes(const pqf_view *column, int64_t start, int64_t n) {
    if (column->dictionary) return n * (int64_t)sizeof(uint32_t);
    return pqf_view_data_bytes(column, start, n);
}

static pqf_status put_sorted(pqf_dataset_writer *w, pqf_sorted_rows *s, pqf_arena *arena,
                             pqf_error *err) {
    put_job job = {.w = w, .s = s};
    void *block;
    int64_t bytes = 0;
    for (int64_t c = 0; c < s->view.num_children; c++)
        bytes += column_bytes(&s->view.children[c], s->view.offset, s->view.length);
    job.row_bytes = (double)bytes / (double)pqf_max_i64(s->view.length, 1);
    TRY(pqf_sorted_rows_sort(s, num_parts(w), arena, err));
    TRY(pqf_arena_array(arena, (size_t)s->num_present, sizeof(bool), &block, err));
    job.set_aside = block;
    TRY(pqf_run_tasks(&w->run, s->num_present, NULL, put_task, &job, err));
    return spill_left(w, &job, err);
}

static pqf_status put_slice(pqf_dataset_writer *w, const pqf_view *batch,
                            pqf_error *err) {
    pqf_sorted_rows s;
    pqf_arena arena = {.mem = w->mem};
    pqf_status status = PQF_OK;
    TRY_DONE(pqf_sorted_rows_group(&s, &w->schema, batch, w->groups, &arena, err));
    TRY_DONE(add_new_parts(w, err));
    if (w->spill)
        TRY_DONE(pqf_spill_put(w->spill, &s.view, 0, batch->length, s.group_of_row,
                               num_parts(w), err));
    else
        TRY_DONE(put_sorted(w, &s, &arena, err));
done:
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status put_partitioned(pqf_dataset_writer *w, const pqf_view *batch,
                                  pqf_error *err) {
    for (int64_t i = 0, step; i < batch->length; i += step) {
        pqf_view slice = *batch;
        step = num_parts(w) <= FEW_PARTS ? CACHED_ROWS : SORT_ROWS;
        step = pqf_min_i64(step, batch->length - i);
        slice.offset += i;
        slice.length = step;
        TRY(put_slice(w, &slice, err));
    }
    return PQF_OK;
}

static pqf_status put_whole(pqf_dataset_writer *w, const pqf_view *batch,
                            pqf_error *err) {
    if (!batch->length) return PQF_OK;
    if (!num_parts(w)) TRY(add_part(w, "", err));
    return pqf_part_put(part_at(w, 0), batch, 0, batch->length, 0, err);
}

static pqf_status conform(pqf_dataset_writer *w, const struct ArrowSchema *schema,
                          const struct ArrowArray *batch, pqf_report *report,
                          struct ArrowArray *out, const struct ArrowSchema **out_schema,
                          pqf_error *err) {
    if (w->closed) return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    pqf_status status = pqf_fit_batch(&w->run, w->conform, schema, batch, w->next_row,
                                      report, out, out_schema, err);
    w->next_row += batch->length;
    return status;
}

/* A batch that has passed every rule: what is left is to sort and encode it. */
typedef struct accepted {
    struct ArrowArray array;
    pqf_arena arena;
    pqf_view view;
} accepted;

static void accepted_reset(accepted *a) {
    pqf_arena_reset(&a->arena);
    pqf_array_release(&a->array);
}

/* On success `out` is to be reset. */
static pqf_status accept_batch(pqf_dataset_writer *w, const struct ArrowSchema *schema,
                               const struct ArrowArray *batch, pqf_report *report,
                               accepted *out, pqf_error *err) {
    const struct ArrowSchema *fitted;
    pqf_view files;
    int64_t row_base = w->next_row;
    TRY(conform(w, schema, batch, report, &out->array, &fitted, err));
    pqf_arena_init(&out->arena, w->mem);
    pqf_status status =
        pqf_view_init(&out->view, fitted, &out->array, false, &out->arena, err);
    if (status == PQF_OK)
        status =
            pqf_partition_schema_view(&w->schema, &out->view, &out->arena, &files, err);
    if (status == PQF_OK)
        status = pqf_writer_judge_view(w->judge, &files, row_base, &w->run, report, err);
    if (status != PQF_OK) accepted_reset(out);
    return status;
}

pqf_status pqf_dataset_writer_put(pqf_dataset_writer *w, const struct ArrowSchema *schema,
                                  const struct ArrowArray *batch, pqf_report *report,
                                  pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    accepted a;
    TRY(accept_batch(w, schema, batch, report, &a, err));
    pqf_status status = w->schema.num_partitions ? put_partitioned(w, &a.view, err)
                                                 : put_whole(w, &a.view, err);
    if (status == PQF_OK) {
        w->num_rows += a.view.length;
        atomic_store(&w->run.done, w->num_rows);
        status = pqf_run_poll(&w->run, 0, err);
    }
    if (status != PQF_OK) w->closed = true;
    accepted_reset(&a);
    return explain_limit(status, err);
}

pqf_status pqf_dataset_writer_check(pqf_dataset_writer *w,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *batch, pqf_report *report,
                                    pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    accepted a;
    TRY(accept_batch(w, schema, batch, report, &a, err));
    accepted_reset(&a);
    return PQF_OK;
}

/* ---- finish ---- */

static pqf_status finish_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_dataset_writer *w = context;
    part_worker p = {part_at(w, task), worker};
    if (w->spill) TRY(pqf_spill_read(w->spill, task, put_to_part, &p, err));
    TRY(pqf_part_finish(p.part, worker, err));
    if (w->spill) pqf_scratch_fold(&w->scratch[worker]);
    return PQF_OK;
}

/* Each worker holds at most a row group of one partition: as many work as there is memory for. */
static void limit_workers(pqf_dataset_writer *w) {
    int64_t rows = w->options.file.row_group_rows;
    int64_t most = pqf_spill_most_bytes(w->spill, rows ? rows : 1 << 20);
    int64_t need = most * 2 + WORKER_BYTES;
    int64_t most_rows = 0;
    for (int64_t i = 0; i < num_parts(w); i++)
        most_rows = pqf_max_i64(most_rows, part_at(w, i)->file_rows +
                                               pqf_spill_num_rows(w->spill, i));
    need += pqf_writer_table_bytes(w->judge, most_rows);
    int64_t fit = pqf_mem_left(w->mem) / need;
    w->run.num_threads = (int)pqf_max_i64(1, pqf_min_i64(fit, w->num_workers));
}

static pqf_status finish_parts(pqf_dataset_writer *w, pqf_error *err) {
    if (w->spill) {
        TRY(pqf_spill_end(w->spill, err));
        limit_workers(w);
    }
    TRY(pqf_run_tasks(&w->run, num_parts(w), NULL, finish_task, w, err));
    pqf_spill_free(w->spill); /* before the commit syncs what is on its way to the disk */
    w->spill = NULL;
    return PQF_OK;
}

static int64_t count_files(const pqf_dataset_writer *w) {
    int64_t n = 0;
    for (int64_t i = 0; i < num_parts(w); i++)
        n += part_at(w, i)->num_files;
    return n;
}

/* Another writer has been faster with the first files, or has replaced the folder. */
static pqf_status check_again(void *context, pqf_error *err) {
    pqf_dataset_writer *w = context;
    bool is_empty;
    return pqf_append_check(&w->schema, w->commit.dir, w->options.unify,
                            &w->options.file.control, &is_empty, err);
}

static pqf_status commit(pqf_dataset_writer *w, pqf_error *err) {
    void *block;
    int64_t n = num_parts(w);
    pqf_change change = {
        .check = check_again, .check_context = w, .was_empty = w->was_empty};
    TRY(pqf_arena_array(&w->arena, (size_t)count_files(w), sizeof(char *), &block, err));
    const char **files = block;
    TRY(pqf_arena_array(&w->arena, (size_t)n, sizeof(char *), &block, err));
    const char **folders = block;
    for (int64_t i = 0; i < n; i++) {
        const pqf_part *part = part_at(w, i);
        folders[i] = part->folder;
        for (int64_t k = 0; k < part->num_files; k++)
            TRY(pqf_part_path(part, k, &w->arena, &files[change.num_files++], err));
    }
    change.files = files;
    change.emptied = folders;
    if (w->options.scope == PQF_SCOPE_PARTITIONS) change.num_emptied = n;
    return pqf_commit_finish(&w->commit, &change, err);
}

pqf_status pqf_dataset_writer_finish(pqf_dataset_writer *w, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    if (w->closed) return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    w->closed = true;
    TRY(explain_limit(finish_parts(w, err), err));
    TRY(pqf_run_end(&w->run, err));
    return commit(w, err);
}

void pqf_dataset_writer_interrupt(pqf_dataset_writer *w) {
    w->closed = true;
    atomic_store(&w->run.cancel, true);
}

int64_t pqf_dataset_writer_num_files(const pqf_dataset_writer *w) {
    return count_files(w);
}
