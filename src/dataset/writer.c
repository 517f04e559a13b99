/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: a batch is conformed once, its rows are grouped by partition, and each
 * partition's rows go to the one staged file of that partition, in their order.
 * Partitions are encoded in parallel. Files hold no descriptor between writes, so their
 * number is not bounded by that of descriptors.
 */
#include "inner.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct part {
    pqf_writer *writer;  /* NULL once it is finished */
    const char *path;    /* below the stage */
    struct relay *relay; /* the writer's tick context */
} part;

/* A part's writer ticks on whichever thread encodes it: its ticks go to the one call in
 * progress. */
typedef struct relay {
    pqf_dataset_writer *w;
    int worker; /* of the thread that works on the part */
} relay;

struct pqf_dataset_writer {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_write_options options;      /* of the files: copied */
    struct ArrowSchema schema;      /* declared */
    struct ArrowSchema file_schema; /* without the partition columns */
    pqf_conform *conform;
    pqf_writer *judge;          /* writes no file: knows what the files' types hold */
    int32_t *partition_columns; /* indexes into schema */
    int32_t *file_columns;
    int32_t num_partitions;
    int32_t num_file_columns;
    pqf_groups *groups; /* NULL without partitions */
    pqf_commit commit;
    pqf_scratch *scratch; /* one per worker, lent to the partitions' writers */
    int num_workers;
    pqf_run run;
    char uuid[37];
    pqf_buf parts; /* part[], by group */
    int64_t next_row;
    int64_t num_rows; /* that parts have taken */
    bool closed;
};

/* ---- open: columns ---- */

static int32_t column_named(const struct ArrowSchema *schema, const char *name) {
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!strcmp(schema->children[i]->name, name)) return (int32_t)i;
    return -1;
}

static bool is_listed(const int32_t *list, int32_t n, int32_t column) {
    for (int32_t i = 0; i < n; i++)
        if (list[i] == column) return true;
    return false;
}

static pqf_status set_partitions(pqf_dataset_writer *w, const char *const *names,
                                 pqf_error *err) {
    void *block;
    int32_t n = 0;
    for (; names && names[n]; n++)
        if (!*names[n])
            return pqf_fail(err, PQF_INVALID,
                            "partition_cols names a column without a name; folders are "
                            "called name=value");
    TRY(pqf_arena_array(&w->arena, (size_t)n, sizeof(int32_t), &block, err));
    w->partition_columns = block;
    for (int32_t k = 0; k < n; k++) {
        int32_t column = column_named(&w->schema, names[k]);
        if (column < 0)
            return pqf_fail(err, PQF_SCHEMA, "Partition column '%s' not in schema",
                            names[k]);
        if (is_listed(w->partition_columns, k, column))
            return pqf_fail(err, PQF_INVALID, "partition_cols names '%s' twice",
                            names[k]);
        TRY(pqf_value_check_type(w->schema.children[column], names[k], err));
        w->partition_columns[k] = column;
        w->num_partitions = k + 1;
    }
    if (n && n == w->schema.n_children)
        return pqf_fail(
            err, PQF_INVALID,
            "partition_cols names every column; at least one must stay in the files");
    return PQF_OK;
}

/* The schema of the files, and the list of partition types that they record. */
static pqf_status split_schema(pqf_dataset_writer *w, struct ArrowSchema *recorded,
                               pqf_error *err) {
    void *block;
    int64_t n = w->schema.n_children - w->num_partitions;
    TRY(pqf_arena_array(&w->arena, (size_t)n, sizeof(int32_t), &block, err));
    w->file_columns = block;
    TRY(pqf_schema_init(&w->file_schema, "+s", "", w->schema.flags, n, err));
    TRY(pqf_schema_set_metadata(&w->file_schema, w->schema.metadata, err));
    for (int32_t i = 0; i < w->schema.n_children; i++) {
        if (is_listed(w->partition_columns, w->num_partitions, i)) continue;
        TRY(pqf_schema_copy(w->schema.children[i],
                            w->file_schema.children[w->num_file_columns], err));
        w->file_columns[w->num_file_columns++] = i;
    }
    TRY(pqf_schema_init(recorded, "+s", "", 0, w->num_partitions, err));
    for (int32_t k = 0; k < w->num_partitions; k++)
        TRY(pqf_schema_copy(w->schema.children[w->partition_columns[k]],
                            recorded->children[k], err));
    return PQF_OK;
}

/* Adds the recorded partition types to the metadata of every file. */
static pqf_status record_types(pqf_dataset_writer *w, const struct ArrowSchema *recorded,
                               pqf_error *err) {
    if (!w->num_partitions) return PQF_OK;
    pqf_buf text = {.mem = w->mem};
    void *block;
    size_t n = (size_t)w->options.num_metadata;
    TRY(pqf_arena_array(&w->arena, n + 1, sizeof(pqf_column_setting), &block, err));
    pqf_column_setting *metadata = block;
    if (n) memcpy(metadata, w->options.metadata, n * sizeof *metadata);
    metadata[n].path = PQF_PARTITION_KEY;
    pqf_status status = pqf_arrow_schema_write(recorded, &text, err);
    if (status == PQF_OK)
        status =
            pqf_arena_string(&w->arena, pqf_buf_view(&text), &metadata[n].value, err);
    pqf_buf_reset(&text);
    w->options.metadata = metadata;
    w->options.num_metadata = (int64_t)n + 1;
    return status;
}

static pqf_status set_schemas(pqf_dataset_writer *w, const char *const *names,
                              pqf_error *err) {
    struct ArrowSchema recorded;
    memset(&recorded, 0, sizeof recorded);
    TRY(set_partitions(w, names, err));
    pqf_status status = split_schema(w, &recorded, err);
    if (status == PQF_OK) status = record_types(w, &recorded, err);
    pqf_schema_release(&recorded);
    if (status != PQF_OK || !w->num_partitions) return status;
    return pqf_groups_new(names, w->num_partitions, w->mem, &w->groups, err);
}

/* ---- open: an append must fit what is there ---- */

static pqf_status differs(const char *column, const char *how, pqf_error *err) {
    pqf_fail(
        err, PQF_SCHEMA,
        "the schema differs from that of the dataset: the column '%s' %s; write with the "
        "dataset's schema or to another folder",
        column, how);
    return PQF_SCHEMA;
}

/* Where no file records them the types of partition columns are guesses: any may be
 * right. */
static bool has_recorded_types(const pqf_dataset *d) {
    pqf_bytes value;
    return pqf_metadata_get(pqf_reader_metadata(d->first), PQF_PARTITION_KEY, &value);
}

static bool same_partition(const struct ArrowSchema *there,
                           const struct ArrowSchema *value, bool is_recorded) {
    if (!there->dictionary) return false;
    const char *format = strcmp(value->format, "vu") ? value->format : "u";
    return !is_recorded || !strcmp(there->dictionary->format, format);
}

/* Nullability too: a reader takes it from whichever file comes first. */
static bool same_file_column(const struct ArrowSchema *there,
                             const struct ArrowSchema *column) {
    return pqf_schema_same_type(there, column) &&
           !((there->flags ^ column->flags) & ARROW_FLAG_NULLABLE);
}

static pqf_status same_column(const struct ArrowSchema *there,
                              const struct ArrowSchema *column, bool is_partition,
                              bool is_recorded, pqf_error *err) {
    char want[128], have[128], how[320];
    if (!there) return differs(column->name, "is not in the dataset", err);
    const struct ArrowSchema *value = column->dictionary ? column->dictionary : column;
    bool same = is_partition ? same_partition(there, value, is_recorded)
                             : same_file_column(there, column);
    if (same) return PQF_OK;
    pqf_type_text(is_partition && there->dictionary ? there->dictionary : there, have,
                  sizeof have);
    pqf_type_text(column, want, sizeof want);
    snprintf(how, sizeof how, "is %s%s there, not %s%s%s", have,
             is_partition || there->flags & ARROW_FLAG_NULLABLE ? "" : " not null", want,
             is_partition || column->flags & ARROW_FLAG_NULLABLE ? "" : " not null",
             is_partition && !there->dictionary ? " as a partition column" : "");
    return differs(column->name, how, err);
}

static pqf_status compare(pqf_dataset_writer *w, const pqf_dataset *dataset,
                          pqf_error *err) {
    const struct ArrowSchema *there = &dataset->schema;
    bool is_recorded = has_recorded_types(dataset);
    for (int32_t i = 0; i < w->schema.n_children; i++) {
        const struct ArrowSchema *column = w->schema.children[i];
        int32_t at = column_named(there, column->name);
        TRY(same_column(at < 0 ? NULL : there->children[at], column,
                        is_listed(w->partition_columns, w->num_partitions, i),
                        is_recorded, err));
    }
    for (int64_t i = 0; i < there->n_children; i++)
        if (column_named(&w->schema, there->children[i]->name) < 0)
            return differs(there->children[i]->name, "of the dataset is missing", err);
    return PQF_OK;
}

static pqf_status check_append(pqf_dataset_writer *w, pqf_error *err) {
    struct stat st;
    pqf_dataset *there;
    pqf_read_options options = {.struct_bytes = sizeof options,
                                .control = w->options.control};
    if (w->commit.mode != PQF_APPEND || stat(w->commit.dir, &st) != 0) return PQF_OK;
    TRY(pqf_dataset_open(&w->commit.dir, 1, NULL, &options, &there, err));
    pqf_status status = pqf_dataset_num_files(there) ? compare(w, there, err) : PQF_OK;
    pqf_dataset_free(there);
    return status == PQF_OK ? status : pqf_error_at_path(err, w->commit.dir);
}

/* ---- open and free ---- */

static pqf_status check_file_options(pqf_dataset_writer *w, pqf_error *err) {
    return pqf_writer_open_sink(NULL, &w->file_schema, &w->options, w->mem, &w->judge,
                                err);
}

static pqf_status make_scratch(pqf_dataset_writer *w, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_workers, sizeof(pqf_scratch), &block,
                        err));
    w->scratch = block;
    for (int i = 0; i < w->num_workers; i++)
        pqf_scratch_init(&w->scratch[i], w->mem);
    return PQF_OK;
}

static pqf_status open_parts(pqf_dataset_writer *w, const char *dir,
                             const struct ArrowSchema *schema,
                             const pqf_dataset_write_options *options, pqf_error *err) {
    const char *const *names = options->partition_columns;
    w->options = options->file;
    w->options.if_exists = PQF_REPLACE;
    TRY(pqf_write_options_copy(&w->arena, &w->options, err));
    TRY(pqf_names_copy(&w->arena, &names, err));
    TRY(make_scratch(w, err));
    TRY(pqf_schema_check(schema, err));
    TRY(pqf_schema_copy(schema, &w->schema, err));
    TRY(set_schemas(w, names, err));
    TRY(pqf_conform_new(&w->schema, &w->options.conform, w->mem, &w->conform, err));
    TRY(check_file_options(w, err));
    TRY(pqf_fs_uuid(w->uuid, err));
    TRY(pqf_commit_begin(&w->commit, dir, options->mode, !w->options.not_durable, w->mem,
                         err));
    return check_append(w, err);
}

static pqf_status check_options(const pqf_dataset_write_options *options,
                                pqf_error *err) {
    if (!options || options->struct_bytes != sizeof *options ||
        (options->file.struct_bytes &&
         options->file.struct_bytes != sizeof options->file))
        return pqf_fail(err, PQF_INVALID,
                        "pqf_dataset_write_options.struct_bytes must be %zu",
                        sizeof *options);
    if (options->mode != PQF_APPEND && options->mode != PQF_OVERWRITE)
        return pqf_fail(err, PQF_INVALID,
                        "mode must be either PQF_APPEND or PQF_OVERWRITE");
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
    TRY(pqf_mem_new(pqf_memory_limit(&options->file.control), &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_dataset_writer), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    pqf_dataset_writer *w = block;
    w->mem = mem;
    pqf_arena_init(&w->arena, mem);
    pqf_buf_init(&w->parts, mem, 0);
    pqf_run_init(&w->run, &options->file.control);
    w->num_workers = w->run.num_threads;
    status = open_parts(w, dir, schema, options, err);
    if (status != PQF_OK)
        pqf_dataset_writer_free(w);
    else
        *out = w;
    return status;
}

static int64_t num_parts(const pqf_dataset_writer *w) {
    return (int64_t)(w->parts.len / sizeof(part));
}

static part *part_at(const pqf_dataset_writer *w, int64_t i) {
    return (part *)(void *)w->parts.data + i;
}

void pqf_dataset_writer_free(pqf_dataset_writer *w) {
    if (!w) return;
    for (int64_t i = 0; i < num_parts(w); i++)
        pqf_writer_free(part_at(w, i)->writer);
    pqf_buf_reset(&w->parts);
    for (int i = 0; w->scratch && i < w->num_workers; i++)
        pqf_scratch_reset(&w->scratch[i]);
    if (w->commit.mem) pqf_commit_reset(&w->commit);
    pqf_groups_free(w->groups);
    pqf_conform_free(w->conform);
    pqf_writer_free(w->judge);
    pqf_schema_release(&w->file_schema);
    pqf_schema_release(&w->schema);
    pqf_arena_reset(&w->arena);
    pqf_mem *mem = w->mem;
    pqf_mem_free(mem, w, sizeof *w);
    pqf_mem_release(mem);
}

/* ---- parts ---- */

static int relay_tick(void *context, int64_t done, int64_t total) {
    relay *r = context;
    pqf_error ignored;
    (void)total;
    pqf_error_init(&ignored);
    if (!r->w->num_partitions) atomic_store(&r->w->run.done, done);
    return pqf_run_poll(&r->w->run, r->worker, &ignored) != PQF_OK;
}

/* One file per partition and call. With many partitions each file is encoded by one
 * thread, and the partitions in parallel; a single file uses all threads by itself. */
static pqf_status open_part(pqf_dataset_writer *w, const char *folder, pqf_error *err) {
    part p = {0};
    const char *path;
    void *block;
    pqf_sink *sink;
    pqf_sink_options sink_options = {.not_durable = true, /* synced together at the end */
                                     .close_between_writes = w->num_partitions > 0,
                                     .final_name = true};
    pqf_write_options options = w->options;
    TRY(pqf_arena_alloc(&w->arena, sizeof(relay), &block, err));
    p.relay = block;
    p.relay->w = w;
    options.control.tick = relay_tick;
    options.control.tick_context = p.relay;
    if (w->num_partitions) options.control.num_threads = 1;
    TRY(pqf_arena_printf(&w->arena, &p.path, err, "%s%s%s.parquet", folder,
                         *folder ? "/" : "", w->uuid));
    TRY(pqf_arena_printf(&w->arena, &path, err, "%s/%s", w->commit.stage, p.path));
    TRY(pqf_sink_open_file(path, &sink_options, &sink, err));
    TRY(pqf_writer_open_sink(sink, &w->file_schema, &options, w->mem, &p.writer, err));
    pqf_status status = pqf_buf_put(&w->parts, &p, sizeof p, err);
    if (status != PQF_OK) pqf_writer_free(p.writer);
    return status;
}

static pqf_status open_new_parts(pqf_dataset_writer *w, pqf_error *err) {
    for (int64_t g = num_parts(w); g < pqf_groups_count(w->groups); g++) {
        TRY(pqf_run_poll(&w->run, 0, err));
        TRY(open_part(w, pqf_groups_folder(w->groups, g), err));
    }
    return PQF_OK;
}

/* ---- put ---- */

/* Rows by group: a stable counting sort. rows[first[g] .. first[g + 1]) are those of
 * group g, counted as in the columns, which may begin before the batch does. */
typedef struct sorted {
    pqf_view view; /* the file's columns of the batch */
    uint32_t *group_of_row;
    int64_t *first;
    int64_t *rows;
    int64_t *present; /* groups that have rows, in order */
    int64_t num_present;
} sorted;

static pqf_status make_file_view(pqf_dataset_writer *w, const pqf_view *batch,
                                 pqf_arena *arena, pqf_view *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)w->num_file_columns, sizeof(pqf_view), &block,
                        err));
    *out = *batch;
    out->num_children = w->num_file_columns;
    out->children = block;
    for (int32_t i = 0; i < w->num_file_columns; i++)
        out->children[i] = batch->children[w->file_columns[i]];
    return PQF_OK;
}

static pqf_status group_rows(pqf_dataset_writer *w, const pqf_view *batch,
                             pqf_arena *arena, sorted *s, pqf_error *err) {
    void *block;
    size_t n = (size_t)batch->length;
    TRY(pqf_arena_array(arena, n, sizeof(uint32_t), &block, err));
    s->group_of_row = block;
    TRY(pqf_arena_array(arena, (size_t)w->num_partitions, sizeof(pqf_view *), &block,
                        err));
    const pqf_view **columns = block;
    for (int32_t k = 0; k < w->num_partitions; k++)
        columns[k] = &batch->children[w->partition_columns[k]];
    return pqf_groups_put(w->groups, columns, batch->offset, batch->length,
                          s->group_of_row, err);
}

static pqf_status sort_rows(pqf_dataset_writer *w, int64_t num_rows, pqf_arena *arena,
                            sorted *s, pqf_error *err) {
    void *block;
    int64_t groups = pqf_groups_count(w->groups);
    TRY(pqf_arena_array(arena, (size_t)groups + 2, sizeof(int64_t), &block, err));
    s->first = block;
    TRY(pqf_arena_array(arena, (size_t)groups, sizeof(int64_t), &block, err));
    s->present = block;
    TRY(pqf_arena_array(arena, (size_t)num_rows, sizeof(int64_t), &block, err));
    s->rows = block;
    int64_t *place = s->first + 1; /* ends up shifted by one group */
    for (int64_t i = 0; i < num_rows; i++)
        place[s->group_of_row[i] + 1]++;
    for (int64_t g = 0; g < groups; g++) {
        if (place[g + 1]) s->present[s->num_present++] = g;
        place[g + 1] += place[g];
    }
    for (int64_t i = 0; i < num_rows; i++)
        s->rows[place[s->group_of_row[i]]++] = s->view.offset + i;
    return PQF_OK;
}

typedef struct put_job {
    pqf_dataset_writer *w;
    sorted *s;
} put_job;

/* Scattered rows are gathered first, column by column. */
static pqf_status put_gathered(pqf_dataset_writer *w, pqf_writer *writer,
                               const pqf_view *view, const int64_t *rows, int64_t n,
                               pqf_error *err) {
    pqf_arena arena;
    struct ArrowArray *columns = NULL;
    pqf_view gathered = *view;
    void *block;
    pqf_status status = PQF_OK;
    int64_t num_columns = view->num_children;
    pqf_arena_init(&arena, w->mem);
    TRY_DONE(pqf_arena_array(&arena, (size_t)num_columns, sizeof *columns, &block, err));
    columns = block;
    TRY_DONE(pqf_arena_array(&arena, (size_t)num_columns, sizeof(pqf_view), &block, err));
    gathered.children = block;
    gathered.length = n;
    gathered.offset = 0;
    for (int64_t c = 0; c < num_columns; c++) {
        const pqf_view *column = &view->children[c];
        TRY_DONE(pqf_array_gather(column, rows, n, w->mem, &columns[c], err));
        TRY_DONE(pqf_view_init(&gathered.children[c], column->schema, &columns[c], false,
                               &arena, err));
    }
    TRY_DONE(pqf_writer_put_view(writer, &gathered, 0, n, err));
done:
    for (int64_t c = 0; columns && c < num_columns; c++)
        pqf_array_release(&columns[c]);
    pqf_arena_reset(&arena);
    return status;
}

static pqf_status put_task(void *context, int64_t task, int worker, pqf_error *err) {
    put_job *job = context;
    const sorted *s = job->s;
    int64_t group = s->present[task];
    const int64_t *rows = s->rows + s->first[group];
    int64_t n = s->first[group + 1] - s->first[group];
    part *p = part_at(job->w, group);
    p->relay->worker = worker;
    pqf_writer_lend_scratch(p->writer, &job->w->scratch[worker]);
    if (rows[n - 1] - rows[0] == n - 1)
        TRY(pqf_writer_put_view(p->writer, &s->view, rows[0] - s->view.offset, n, err));
    else
        TRY(put_gathered(job->w, p->writer, &s->view, rows, n, err));
    atomic_fetch_add(&job->w->run.done, n);
    return PQF_OK;
}

static pqf_status put_partitioned(pqf_dataset_writer *w, const pqf_view *batch,
                                  pqf_arena *arena, pqf_error *err) {
    sorted s = {0};
    put_job job = {w, &s};
    if (!batch->length) return PQF_OK;
    TRY(make_file_view(w, batch, arena, &s.view, err));
    TRY(group_rows(w, batch, arena, &s, err));
    TRY(open_new_parts(w, err));
    TRY(sort_rows(w, batch->length, arena, &s, err));
    return pqf_run_tasks(&w->run, s.num_present, NULL, put_task, &job, err);
}

static pqf_status put_whole(pqf_dataset_writer *w, const pqf_view *batch,
                            pqf_error *err) {
    if (!batch->length) return PQF_OK;
    if (!num_parts(w)) TRY(open_part(w, "", err));
    return pqf_writer_put_view(part_at(w, 0)->writer, batch, 0, batch->length, err);
}

static pqf_status conform(pqf_dataset_writer *w, const struct ArrowSchema *schema,
                          const struct ArrowArray *batch, pqf_report *report,
                          struct ArrowArray *out, const struct ArrowSchema **out_schema,
                          pqf_error *err) {
    if (w->closed) return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    pqf_status status = pqf_conform_batch(w->conform, schema, batch, w->next_row, report,
                                          out, out_schema, err);
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
        status = make_file_view(w, &out->view, &out->arena, &files, err);
    if (status == PQF_OK)
        status = pqf_writer_judge_view(w->judge, &files, row_base, report, err);
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
    pqf_status status = w->num_partitions ? put_partitioned(w, &a.view, &a.arena, err)
                                          : put_whole(w, &a.view, err);
    if (status == PQF_OK) {
        w->num_rows += a.view.length;
        atomic_store(&w->run.done, w->num_rows);
        status = pqf_run_poll(&w->run, 0, err);
    }
    if (status != PQF_OK) w->closed = true;
    accepted_reset(&a);
    return status;
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
    part *p = part_at(w, task);
    p->relay->worker = worker;
    if (w->num_partitions) pqf_writer_lend_scratch(p->writer, &w->scratch[worker]);
    TRY(pqf_writer_finish(p->writer, err));
    pqf_writer_free(p->writer); /* with thousands of files memory goes as they go */
    p->writer = NULL;
    return PQF_OK;
}

static pqf_status finish(pqf_dataset_writer *w, pqf_error *err) {
    void *block;
    int64_t n = num_parts(w);
    TRY(pqf_run_tasks(&w->run, n, NULL, finish_task, w, err));
    TRY(pqf_arena_array(&w->arena, (size_t)n, sizeof(char *), &block, err));
    const char **paths = block;
    for (int64_t i = 0; i < n; i++)
        paths[i] = part_at(w, i)->path;
    TRY(pqf_run_end(&w->run, err));
    return pqf_commit_finish(&w->commit, &(pqf_change){.files = paths, .num_files = n},
                             err);
}

pqf_status pqf_dataset_writer_finish(pqf_dataset_writer *w, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    if (w->closed) return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    w->closed = true;
    return finish(w, err);
}

int64_t pqf_dataset_writer_num_files(const pqf_dataset_writer *w) { return num_parts(w); }
