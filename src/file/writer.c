/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: one file from the declared schema to its name: conform, hand rows to the row
 * group in progress, footer, commit by the sink. Nothing handed in is referenced after
 * put returns.
 */
#include "inner.h"

/* ---- open ---- */

static pqf_status copy_bytes(pqf_arena *arena, pqf_bytes in, pqf_bytes *out,
                             pqf_error *err) {
    const char *text;
    TRY(pqf_arena_string(arena, in, &text, err));
    *out = pqf_bytes_of(text, in.len);
    return PQF_OK;
}

/* The file's key-value metadata: the schema's, ARROW:schema, then the caller's. */
static pqf_status set_key_values(pqf_writer *w, const pqf_write_options *options,
                                 pqf_error *err) {
    void *block;
    int64_t n = w->schema->num_key_values + options->num_metadata;
    TRY(pqf_arena_array(&w->arena, (size_t)n, sizeof(pqf_key_value), &block, err));
    w->key_values = block;
    w->num_key_values = (int32_t)n;
    memcpy(block, w->schema->key_values,
           (size_t)w->schema->num_key_values * sizeof(pqf_key_value));
    for (int64_t i = 0; i < options->num_metadata; i++) {
        pqf_key_value *kv = &w->key_values[w->schema->num_key_values + i];
        const pqf_column_setting *in = &options->metadata[i];
        TRY(copy_bytes(&w->arena, pqf_bytes_of(in->path, strlen(in->path)), &kv->key,
                       err));
        kv->has_value = in->value != NULL;
        if (!in->value) continue;
        TRY(copy_bytes(&w->arena, pqf_bytes_of(in->value, strlen(in->value)), &kv->value,
                       err));
    }
    const char *created_by =
        options->created_by ? options->created_by : "parquet_forge version " PQF_VERSION;
    return pqf_arena_string(&w->arena, pqf_bytes_of(created_by, strlen(created_by)),
                            &w->created_by, err);
}

/* The codec of a file that is continued; one that is not written gives way to the default. */
static void take_codec(int32_t codec, pqf_chunk_write_options *chunk) {
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (codec == PQF_LZ4) codec = PQF_LZ4_RAW;
    if (pqf_codec_check(codec, &ignored) == PQF_OK) chunk->codec = codec;
}

static pqf_status make_chunk_writers(pqf_writer *w, const pqf_write_options *options,
                                     const int32_t *codecs, pqf_error *err) {
    pqf_group_writer *g = &w->group;
    void *block;
    size_t n = (size_t)w->schema->tree.num_leaves;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_chunk_writer *), &block, err));
    g->chunks = block;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_chunk_out), &block, err));
    g->outs = block;
    TRY(pqf_arena_array(&w->arena, n, sizeof(int64_t), &block, err));
    g->leaf_bytes = block;
    g->num_leaves = (int32_t)n;
    for (int32_t l = 0; l < g->num_leaves; l++) {
        pqf_chunk_write_options chunk;
        TRY(pqf_chunk_options_of(options, &w->schema->tree.leaves[l], &chunk, err));
        if (codecs) take_codec(codecs[l], &chunk);
        chunk.total_order = w->schema->column_orders[l].has_ieee_754_total_order;
        TRY(pqf_chunk_writer_new(w->schema->leaf_fields[l], &chunk, w->mem, &g->chunks[l],
                                 err));
    }
    return PQF_OK;
}

static pqf_status set_sorting(pqf_writer *w, const pqf_write_options *options,
                              pqf_error *err) {
    void *block;
    size_t n = (size_t)options->num_sorting;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_sorting), &block, err));
    if (n) memcpy(block, options->sorting, n * sizeof(pqf_sorting));
    w->group.sorting = block;
    w->group.num_sorting = options->num_sorting;
    return pqf_sorting_check_new(&w->group, &w->arena, err);
}

static pqf_status make_flow(pqf_writer *w, pqf_error *err) {
    pqf_group_writer *g = &w->group;
    void *block;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_workers, sizeof(pqf_share), &block,
                        err));
    g->shares = block;
    g->max_shares = w->num_workers;
    for (int i = 0; i < g->max_shares; i++)
        pqf_buf_init(&g->shares[i].pages, w->mem, 0);
    return pqf_flow_init(&g->flow, w->schema->tree.num_leaves, w->sink, &w->arena, w->mem,
                         err);
}

static pqf_status make_group(pqf_writer *w, const pqf_write_options *options,
                             pqf_error *err) {
    pqf_group_writer *g = &w->group;
    void *block;
    g->mem = w->mem;
    pqf_arena_init(&g->arena, w->mem);
    pqf_buf_init(&g->groups, w->mem, 0);
    pqf_buf_init(&g->loads, w->mem, 0);
    pqf_buf_init(&g->column_indexes, w->mem, 0);
    pqf_buf_init(&g->offset_indexes, w->mem, 0);
    g->schema = w->schema;
    g->run = &w->run;
    g->sink = w->sink;
    g->max_rows = options->row_group_rows ? options->row_group_rows : 1 << 20;
    g->max_bytes = options->row_group_bytes;
    g->ready_limit = PQF_READY_BYTES;
    g->most_waiting =
        INT64_MAX; /* the leaves of a row group wait for its first in any case */
    TRY(set_sorting(w, options, err));
    w->num_workers = w->run.num_threads;
    TRY(pqf_arena_array(&w->arena, (size_t)w->num_workers, sizeof(pqf_scratch), &block,
                        err));
    g->scratch = w->own_scratch = block;
    for (int i = 0; i < w->num_workers; i++)
        pqf_scratch_init(&w->own_scratch[i], w->mem);
    return make_flow(w, err);
}

static pqf_status write_magic(pqf_writer *w, pqf_error *err) {
    static const char magic[] = "PAR1";
    pqf_bytes head = pqf_bytes_of(magic, 4);
    return w->sink ? pqf_sink_write(w->sink, &head, 1, err) : PQF_OK;
}

static pqf_status open_parts(pqf_writer *w, const struct ArrowSchema *schema,
                             const pqf_write_options *options, pqf_error *err) {
    pqf_schema_write_options schema_options = {
        .version = options->version,
        .coerce_timestamps = options->coerce_timestamps,
        .allow_truncated_timestamps = options->allow_truncated_timestamps,
        .int96_timestamps = options->int96_timestamps,
        .legacy_list_names = options->legacy_list_names,
        .integer_decimals = options->integer_decimals,
        .utc_times = options->utc_times,
        .no_store_schema = options->no_store_schema,
        .total_order = pqf_profile_is_modern(options),
    };
    TRY(pqf_schema_check(schema, err));
    TRY(pqf_conform_new(schema, &options->conform, w->mem, &w->conform, err));
    TRY(pqf_schema_from_arrow(schema, &schema_options, w->mem, &w->schema, err));
    TRY(pqf_write_options_check(options, w->schema, err));
    w->format_version = options->version && !strcmp(options->version, "1.0") ? 1 : 2;
    TRY(set_key_values(w, options, err));
    TRY(make_group(w, options, err));
    TRY(make_chunk_writers(w, options, NULL, err));
    return write_magic(w, err);
}

/* The options as they hold for this version of the library: a caller built against an
 * older header hands in a shorter struct. */
static pqf_status options_of(const pqf_write_options *in, pqf_write_options *out,
                             pqf_error *err) {
    *out = (pqf_write_options){.struct_bytes = sizeof *out};
    if (!in) return PQF_OK;
    if (in->struct_bytes > sizeof *out ||
        in->struct_bytes < offsetof(pqf_write_options, control))
        return pqf_fail(err, PQF_INVALID,
                        "pqf_write_options.struct_bytes is %zu, not %zu",
                        in->struct_bytes, sizeof *out);
    memcpy(out, in, in->struct_bytes);
    return PQF_OK;
}

static pqf_status new_writer(pqf_sink *sink, const pqf_write_options *options,
                             pqf_mem *mem, pqf_writer **out, pqf_error *err) {
    void *block;
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_writer), &block, err);
    if (status != PQF_OK) {
        pqf_sink_free(sink);
        return status;
    }
    pqf_writer *w = block;
    w->mem = pqf_mem_retain(mem);
    w->sink = sink;
    pqf_arena_init(&w->arena, mem);
    pqf_run_init(&w->run, &options->control);
    if (sink) pqf_sink_watch(sink, &w->run);
    *out = w;
    return PQF_OK;
}

pqf_status pqf_writer_open_sink(pqf_sink *sink, const struct ArrowSchema *schema,
                                const pqf_write_options *options, pqf_mem *mem,
                                pqf_writer **out, pqf_error *err) {
    pqf_writer *w;
    TRY(new_writer(sink, options, mem, &w, err));
    pqf_status status = open_parts(w, schema, options, err);
    if (status != PQF_OK)
        pqf_writer_free(w);
    else
        *out = w;
    return status;
}

/* ---- open a file that is like another one ---- */

/* Columns that the other file declares as dictionaries are such here, of the values that Parquet alone
 * tells. Booleans have none in Parquet. */
static void keep_dictionaries(pqf_schema *schema, const pqf_schema *like) {
    for (int32_t l = 0; l < schema->tree.num_leaves; l++) {
        pqf_field *field = schema->leaf_fields[l];
        const pqf_field *other = like->leaf_fields[l];
        if (!field || !other || !other->index_format) continue;
        if (field->layout != PQF_LEAF_FIXED && field->layout != PQF_LEAF_BINARY) continue;
        field->index_format = "i";
        field->dictionary_ordered = other->dictionary_ordered;
    }
}

/* The Parquet schema as it stands in the other file. Arrow types are those that Parquet alone tells,
 * so that values go back as they came. */
static pqf_status set_like_schema(pqf_writer *w, const pqf_like *like, pqf_error *err) {
    const pqf_schema_options plain = {.ignore_arrow_schema = true};
    const pqf_metadata *metadata = pqf_reader_metadata(like->reader);
    void *block;
    w->like = pqf_reader_retain(like->reader);
    TRY(pqf_schema_from_parquet(metadata, &plain, w->mem, &w->schema, err));
    keep_dictionaries(w->schema, pqf_reader_schema(like->reader));
    TRY(pqf_schema_export(w->schema, &w->like_schema, err));
    size_t n = (size_t)metadata->tree.num_leaves;
    TRY(pqf_arena_array(&w->arena, n, sizeof(pqf_column_order), &block, err));
    w->schema->column_orders = block;
    for (size_t l = 0; l < n; l++) {
        bool total = pqf_metadata_has_total_order(metadata, &metadata->tree.leaves[l]);
        w->schema->column_orders[l] = (pqf_column_order){
            .has_type_order = !total, .has_ieee_754_total_order = total};
    }
    w->schema->elements = metadata->file.schema;
    w->schema->num_elements = metadata->file.num_schema;
    TRY(pqf_arena_array(&w->arena, (size_t)like->num_pairs, sizeof(pqf_key_value), &block,
                        err));
    w->schema->key_values = block;
    w->schema->num_key_values = like->num_pairs;
    for (int32_t i = 0; i < like->num_pairs; i++) {
        pqf_key_value *pair = &w->schema->key_values[i];
        pair->has_value = like->pairs[i].has_value;
        TRY(copy_bytes(&w->arena, like->pairs[i].key, &pair->key, err));
        TRY(copy_bytes(&w->arena, like->pairs[i].value, &pair->value, err));
    }
    return PQF_OK;
}

static pqf_status open_like(pqf_writer *w, const pqf_like *like,
                            const pqf_write_options *options, pqf_error *err) {
    pqf_write_options o = *options;
    bool named = o.compression || o.num_column_compression;
    TRY(set_like_schema(w, like, err));
    w->format_version = pqf_reader_metadata(like->reader)->file.version;
    if (!o.version && w->format_version == 1) o.version = "1.0";
    o.num_sorting = 0;  /* what is joined has no order of its own */
    o.num_metadata = 0; /* they are among the pairs */
    if (!o.row_group_bytes) o.row_group_bytes = PQF_APPEND_GROUP_BYTES;
    TRY(pqf_write_options_check(&o, w->schema, err));
    TRY(set_key_values(w, &o, err));
    TRY(make_group(w, &o, err));
    w->group.num_leaves = w->schema->tree.num_leaves;
    if (!pqf_schema_unwritten(w->schema))
        TRY(make_chunk_writers(w, &o, named ? NULL : like->codecs, err));
    return write_magic(w, err);
}

pqf_status pqf_writer_open_like(pqf_sink *sink, const pqf_like *like,
                                const pqf_write_options *options, pqf_mem *mem,
                                pqf_writer **out, pqf_error *err) {
    pqf_writer *w;
    TRY(new_writer(sink, options, mem, &w, err));
    pqf_status status = open_like(w, like, options, err);
    if (status != PQF_OK)
        pqf_writer_free(w);
    else
        *out = w;
    return status;
}

static pqf_status open_over(pqf_sink *sink, const struct ArrowSchema *schema,
                            const pqf_write_options *options, pqf_writer **out,
                            pqf_error *err) {
    pqf_mem *mem;
    pqf_status status = pqf_mem_new(pqf_memory_limit(&options->control), &mem, err);
    if (status != PQF_OK) {
        pqf_sink_free(sink);
        return status;
    }
    status = pqf_writer_open_sink(sink, schema, options, mem, out, err);
    pqf_mem_release(mem); /* the writer holds it */
    return status;
}

pqf_status pqf_writer_open(const char *path, const struct ArrowSchema *schema,
                           const pqf_write_options *options, pqf_writer **out,
                           pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_write_options o;
    TRY(options_of(options, &o, err));
    pqf_sink_options sink_options = {.not_durable = o.not_durable,
                                     .if_exists = o.if_exists};
    pqf_sink *sink;
    TRY(pqf_sink_open_file(path, &sink_options, &sink, err));
    return open_over(sink, schema, &o, out, err);
}

pqf_status pqf_writer_open_callback(pqf_write_fn write, void *context,
                                    const struct ArrowSchema *schema,
                                    const pqf_write_options *options, pqf_writer **out,
                                    pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_write_options o;
    TRY(options_of(options, &o, err));
    pqf_sink *sink;
    TRY(pqf_sink_open_callback(write, context, &sink, err));
    return open_over(sink, schema, &o, out, err);
}

void pqf_writer_free(pqf_writer *w) {
    if (!w) return;
    for (int32_t l = 0; w->group.chunks && l < w->group.num_leaves; l++)
        pqf_chunk_writer_free(w->group.chunks[l]);
    pqf_flow_reset(&w->group.flow);
    for (int i = 0; w->group.shares && i < w->group.max_shares; i++)
        pqf_buf_reset(&w->group.shares[i].pages);
    for (int i = 0; w->own_scratch && i < w->num_workers; i++)
        pqf_scratch_reset(&w->own_scratch[i]);
    pqf_buf_reset(&w->group.groups);
    pqf_buf_reset(&w->group.loads);
    pqf_buf_reset(&w->group.column_indexes);
    pqf_buf_reset(&w->group.offset_indexes);
    pqf_sorting_check_free(&w->group);
    pqf_arena_reset(&w->group.arena);
    pqf_spill_free(w->held);
    pqf_conform_free(w->conform);
    pqf_schema_release(&w->like_schema);
    pqf_schema_free(w->schema);
    pqf_reader_release(w->like);
    pqf_sink_free(w->sink);
    pqf_arena_reset(&w->arena);
    pqf_mem *mem = w->mem;
    pqf_mem_free(mem, w, sizeof *w);
    pqf_mem_release(mem);
}

void pqf_writer_expect(pqf_writer *w, int64_t num_rows) {
    w->group.expected_rows = num_rows;
}

/* ---- put ---- */

static pqf_status conform(pqf_writer *w, const struct ArrowSchema *schema,
                          const struct ArrowArray *batch, pqf_report *report,
                          struct ArrowArray *out, const struct ArrowSchema **out_schema,
                          pqf_error *err) {
    if (w->finished || w->broken)
        return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    pqf_status status = pqf_fit_batch(&w->run, w->conform, schema, batch, w->next_row,
                                      report, out, out_schema, err);
    w->next_row += batch->length;
    return status;
}

void pqf_writer_lend_scratch(pqf_writer *w, pqf_scratch *scratch) {
    w->group.scratch = scratch;
}

pqf_status pqf_writer_put_view(pqf_writer *w, const pqf_view *batch, int64_t start,
                               int64_t num_rows, pqf_error *err) {
    if (w->sink && pqf_sink_skipped(w->sink)) return PQF_OK; /* judged, but not encoded */
    pqf_status status = pqf_group_writer_put(&w->group, batch, start, num_rows, err);
    if (status == PQF_OK)
        w->num_rows += num_rows;
    else
        w->broken = true;
    return status;
}

void pqf_writer_pending(const pqf_writer *w, int64_t *sealed_bytes,
                        int64_t *pending_bytes) {
    *sealed_bytes = *pending_bytes = 0;
    if (!w->group.num_rows) return;
    for (int32_t l = 0; l < w->group.num_leaves; l++) {
        int64_t sealed, pending;
        pqf_chunk_writer_sizes(w->group.chunks[l], &sealed, &pending);
        *sealed_bytes += sealed;
        *pending_bytes += pending;
    }
}

void pqf_writer_fold(pqf_writer *w) {
    for (int32_t l = 0; l < w->group.num_leaves; l++)
        pqf_chunk_writer_fold(w->group.chunks[l]);
}

int64_t pqf_writer_table_bytes(const pqf_writer *w, int64_t num_rows) {
    int64_t bytes = 0, rows = pqf_min_i64(num_rows, w->group.max_rows);
    for (int32_t l = 0; l < w->group.num_leaves; l++)
        bytes += pqf_chunk_writer_table_bytes(w->group.chunks[l], rows);
    return bytes;
}

pqf_status pqf_writer_end_row_group(pqf_writer *w, pqf_error *err) {
    pqf_status status = pqf_group_writer_flush(&w->group, err);
    w->broken |= status != PQF_OK;
    return status;
}

pqf_status pqf_writer_judge_view(const pqf_writer *w, const pqf_view *batch,
                                 int64_t row_base, pqf_run *run, pqf_report *report,
                                 pqf_error *err) {
    pqf_poll poll = {run, 0};
    return pqf_values_judge(w->schema, batch, row_base, &poll, report, err);
}

/* A batch that has passed every rule: what is left is encoding. */
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
static pqf_status accept_batch(pqf_writer *w, const struct ArrowSchema *schema,
                               const struct ArrowArray *batch, pqf_report *report,
                               accepted *out, pqf_error *err) {
    const struct ArrowSchema *fitted;
    int64_t row_base = w->next_row;
    TRY(conform(w, schema, batch, report, &out->array, &fitted, err));
    pqf_arena_init(&out->arena, w->mem);
    pqf_status status =
        pqf_view_init(&out->view, fitted, &out->array, false, &out->arena, err);
    if (status == PQF_OK)
        status = pqf_writer_judge_view(w, &out->view, row_base, &w->run, report, err);
    if (status != PQF_OK) accepted_reset(out);
    return status;
}

pqf_status pqf_writer_put(pqf_writer *w, const struct ArrowSchema *schema,
                          const struct ArrowArray *batch, pqf_report *report,
                          pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    accepted a;
    TRY(accept_batch(w, schema, batch, report, &a, err));
    pqf_status status =
        w->held ? pqf_spill_put(w->held, &a.view, 0, a.view.length, NULL, 1, err)
                : pqf_writer_put_view(w, &a.view, 0, a.view.length, err);
    accepted_reset(&a);
    return status;
}

pqf_status pqf_writer_check(pqf_writer *w, const struct ArrowSchema *schema,
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

static pqf_status write_footer(pqf_writer *w, pqf_error *err) {
    pqf_buf footer = {.mem = w->mem};
    pqf_group_writer *g = &w->group;
    pqf_file_metadata file = {
        .version = w->format_version,
        .schema = w->schema->elements,
        .num_schema = w->schema->num_elements,
        .num_rows = g->total_rows,
        .row_groups = (pqf_row_group *)(void *)g->groups.data,
        .num_row_groups = (int32_t)(g->groups.len / sizeof(pqf_row_group)),
        .has_key_value_metadata = w->num_key_values > 0,
        .key_value_metadata = w->key_values,
        .num_key_value_metadata = w->num_key_values,
        .has_created_by = true,
        .created_by = pqf_bytes_of(w->created_by, strlen(w->created_by)),
        .has_column_orders = w->schema->tree.num_leaves > 0,
        .column_orders = w->schema->column_orders,
        .num_column_orders = w->schema->tree.num_leaves,
    };
    pqf_status status = pqf_footer_write(&file, &footer, err);
    pqf_bytes bytes = pqf_buf_view(&footer);
    if (status == PQF_OK) status = pqf_sink_write(w->sink, &bytes, 1, err);
    pqf_buf_reset(&footer);
    return status;
}

pqf_status pqf_writer_finish(pqf_writer *w, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    if (w->finished || w->broken)
        return pqf_fail(err, PQF_INVALID, "Cannot write to a closed writer");
    if (w->held)
        return pqf_fail(err, PQF_INVALID, "rows are held: put or drop them first");
    w->broken = true;
    TRY(pqf_group_writer_flush(&w->group, err));
    TRY(pqf_flow_drain(&w->group.flow, &w->run, err));
    TRY(pqf_group_writer_put_indexes(&w->group, err));
    TRY(write_footer(w, err));
    TRY(pqf_run_end(&w->run, err));
    TRY(pqf_sink_finish(w->sink, err));
    w->broken = false;
    w->finished = true;
    return PQF_OK;
}

int64_t pqf_writer_num_rows(const pqf_writer *w) { return w->num_rows; }
int64_t pqf_writer_num_bytes(const pqf_writer *w) {
    return w->group.num_rows ? w->group.begin : pqf_flow_len(&w->group.flow);
}
