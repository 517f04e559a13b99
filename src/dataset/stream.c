/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c: a scan of a dataset as an Arrow C stream. The stream keeps the dataset alive.
 */
#include "inner.h"

#include <errno.h>

typedef struct scan_stream {
    pqf_dataset *dataset;
    pqf_arena arena;
    pqf_read_options
        options;       /* the dataset's, with the dictionaries that are wide here */
    pqf_reader *first; /* by these options; NULL: the dataset's own serves */
    struct ArrowSchema
        all; /* every column, where indices are widened; else the dataset says */
    struct ArrowSchema schema;
    pqf_scan *scan;
    pqf_error error;
    char text[2048];
} scan_stream;

/* errno values are all that the C stream interface can return. */
static int errno_of(const pqf_error *err) {
    switch (err->status) {
    case PQF_IO: return err->os_errno ? err->os_errno : EIO;
    case PQF_NOMEM: return ENOMEM;
    case PQF_UNSUPPORTED: return ENOSYS;
    case PQF_CANCELLED: return ECANCELED;
    default: return EINVAL;
    }
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    scan_stream *s = stream->private_data;
    pqf_error_init(&s->error);
    if (pqf_schema_copy(&s->schema, out, &s->error) == PQF_OK) return 0;
    return errno_of(&s->error);
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    scan_stream *s = stream->private_data;
    pqf_error_init(&s->error);
    if (pqf_scan_next(s->scan, out, &s->error) == PQF_OK) return 0;
    return errno_of(&s->error);
}

static const char *stream_error_text(struct ArrowArrayStream *stream) {
    scan_stream *s = stream->private_data;
    if (s->error.status == PQF_OK) return NULL;
    pqf_error_text(&s->error, s->text, sizeof s->text);
    return s->text;
}

static void free_stream(scan_stream *s) {
    pqf_dataset *dataset = s->dataset;
    pqf_scan_free(s->scan);
    pqf_reader_release(s->first);
    pqf_schema_release(&s->all);
    pqf_schema_release(&s->schema);
    pqf_arena_reset(&s->arena);
    pqf_mem_free(dataset->mem, s, sizeof *s);
    pqf_dataset_free(dataset);
}

static void stream_release(struct ArrowArrayStream *stream) {
    free_stream(stream->private_data);
    stream->release = NULL;
}

const pqf_error *pqf_stream_error(const struct ArrowArrayStream *stream) {
    const scan_stream *s = stream->private_data;
    return &s->error;
}

static const pqf_scan_options standard = {.struct_bytes = sizeof standard};

/* ---- the columns asked for ---- */

typedef struct selection {
    pqf_choices choices;
    const pqf_choice **of_column; /* of the result; NULL: all of all */
} selection;

static pqf_status add_paths(const pqf_scan_options *options, pqf_choices *choices,
                            pqf_error *err) {
    int64_t n = options->paths || options->columns ? options->num_columns : 0;
    for (int64_t i = 0; i < n; i++) {
        pqf_column_path path = options->paths
                                   ? options->paths[i]
                                   : (pqf_column_path){&options->columns[i], 1};
        TRY(pqf_choices_add(choices, &path, true, err));
    }
    if (!options->with_predicate_columns || !options->predicate) return PQF_OK;
    const pqf_column_path *judged;
    for (int64_t i = 0; (judged = pqf_predicate_path(options->predicate, i)); i++)
        TRY(pqf_choices_add(choices, judged, false, err));
    return PQF_OK;
}

static pqf_status fill_result(const struct ArrowSchema *all, selection *s,
                              struct ArrowSchema *out, pqf_error *err) {
    int64_t to = 0;
    if (all->metadata) TRY(pqf_schema_set_metadata(out, all->metadata, err));
    for (const pqf_choice *choice = s->choices.first; choice; choice = choice->next) {
        s->of_column[to] = choice;
        TRY(pqf_schema_choose(all->children[choice->index], choice, out->children[to++],
                              err));
    }
    return PQF_OK;
}

/* Without columns all are read; paths of the predicate are looked up all the same. */
static pqf_status select_columns(const struct ArrowSchema *all,
                                 const pqf_scan_options *options, pqf_arena *arena,
                                 selection *s, struct ArrowSchema *out, pqf_error *err) {
    void *block;
    TRY(pqf_choices_init(&s->choices, all, arena, err));
    TRY(add_paths(options, &s->choices, err));
    if (!options->columns && !options->paths) return pqf_schema_copy(all, out, err);
    TRY(pqf_arena_array(arena, (size_t)s->choices.num_columns, sizeof(pqf_choice *),
                        &block, err));
    s->of_column = block;
    TRY(pqf_schema_init(out, "+s", "", 0, s->choices.num_columns, err));
    pqf_status status = fill_result(all, s, out, err);
    if (status != PQF_OK) pqf_schema_release(out);
    return status;
}

static pqf_status open_scan(scan_stream *s, const pqf_scan_options *options,
                            pqf_error *err) {
    pqf_dataset *d = s->dataset;
    const struct ArrowSchema *all = s->all.release ? &s->all : &d->schema;
    selection selected = {0};
    TRY(select_columns(all, options, &s->arena, &selected, &s->schema, err));
    pqf_scan_spec spec = {
        .files = d->files,
        .num_files = d->found.num_files,
        .constants = d->constants,
        .num_constants = d->constants ? d->found.num_partitions : 0,
        .schema = &s->schema,
        .choices = selected.of_column,
        .options = &s->options,
        .predicate = options->predicate,
        .batch_rows = options->batch_rows,
        .all_columns = !options->columns && !options->paths,
        .adapts = d->is_declared || d->options.unify != PQF_UNIFY_STRICT,
        .is_declared = d->is_declared,
        .first_reader = s->first ? s->first : d->first,
        .first_file = d->first_file,
        .open = d->files && d->files[0].path ? pqf_dataset_open_source : NULL,
        .open_context = d,
    };
    return pqf_scan_open(&spec, d->mem, &s->scan, err);
}

/* ---- dictionaries with more values than their indices count ---- */

static pqf_status widen_indices(struct ArrowSchema *field, pqf_error *err) {
    if (field->dictionary) return pqf_schema_set_format(field, "i", err);
    for (int64_t i = 0; i < field->n_children; i++)
        TRY(widen_indices(field->children[i], err));
    return PQF_OK;
}

static pqf_status widen_columns(struct ArrowSchema *schema, const char *const *names,
                                pqf_error *err) {
    for (; *names; names++)
        for (int64_t c = 0; c < schema->n_children; c++)
            if (!strcmp(schema->children[c]->name, *names))
                TRY(widen_indices(schema->children[c], err));
    return PQF_OK;
}

/* Opens the scan once more where the recorded widths do not do. */
static pqf_status widen(scan_stream *s, const pqf_scan_options *options, pqf_error *err) {
    pqf_dataset *d = s->dataset;
    TRY(pqf_scan_wide_dictionaries(s->scan, &s->arena, &s->options.wide_dictionaries,
                                   err));
    if (!s->options.wide_dictionaries) return PQF_OK;
    pqf_scan_free(s->scan);
    s->scan = NULL;
    pqf_schema_release(&s->schema);
    TRY(pqf_schema_copy(&d->schema, &s->all, err));
    TRY(widen_columns(&s->all, s->options.wide_dictionaries, err));
    if (d->first)
        TRY(pqf_dataset_open_reader_as(d, d->first_file, &s->options, &s->first, err));
    return open_scan(s, options, err);
}

static pqf_status start(scan_stream *s, const pqf_scan_options *options, pqf_error *err) {
    s->options = s->dataset->options;
    return open_scan(s, options, err);
}

static pqf_status new_stream(pqf_dataset *d, const pqf_scan_options *options,
                             scan_stream **out, pqf_error *err) {
    void *block;
    if (!options) options = &standard;
    if (options->struct_bytes != sizeof standard)
        return pqf_fail(err, PQF_INVALID, "pqf_scan_options.struct_bytes is %zu, not %zu",
                        options->struct_bytes, sizeof standard);
    if (options->batch_rows < 0 || options->num_columns < 0)
        return pqf_fail(err, PQF_INVALID,
                        "batch_rows and num_columns must not be negative");
    TRY(pqf_mem_zalloc(d->mem, sizeof(scan_stream), &block, err));
    scan_stream *s = block;
    pqf_dataset_retain(d);
    s->dataset = d;
    pqf_arena_init(&s->arena, d->mem);
    pqf_status status = start(s, options, err);
    if (status != PQF_OK)
        free_stream(s);
    else
        *out = s;
    return status;
}

pqf_status pqf_dataset_scan(pqf_dataset *d, const pqf_scan_options *options,
                            struct ArrowArrayStream *out, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    scan_stream *s;
    TRY(new_stream(d, options, &s, err));
    pqf_status status = widen(s, options ? options : &standard, err);
    if (status != PQF_OK) {
        free_stream(s);
        return status;
    }
    *out = (struct ArrowArrayStream){.get_schema = stream_schema,
                                     .get_next = stream_next,
                                     .get_last_error = stream_error_text,
                                     .release = stream_release,
                                     .private_data = s};
    return PQF_OK;
}

pqf_status pqf_dataset_count_rows(pqf_dataset *d, const pqf_scan_options *options,
                                  int64_t *out, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    scan_stream *s;
    TRY(new_stream(d, options, &s, err));
    pqf_status status = pqf_scan_count_rows(s->scan, out, err);
    free_stream(s);
    return status;
}
