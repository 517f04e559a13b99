/* SPDX-License-Identifier: Apache-2.0
 *
 * update.c: key-value metadata of a file changed without a look at its data. In: the file's path and
 * pairs to set or remove. Out: a new file in its place with the same bytes up to the footer, so
 * that every offset stays right, and a footer in which only the pairs differ. It gets the
 * name in one step; a file system that shares blocks copies nothing.
 */
#include "inner.h"

#define STEP_BYTES ((int64_t)256 << 20)

static pqf_bytes bytes_of(const char *text) { return pqf_bytes_of(text, strlen(text)); }

static bool same_bytes(pqf_bytes a, pqf_bytes b) {
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

/* The pair takes the place of the first of its key; further ones of the key go. */
static pqf_status change_pair(pqf_buf *pairs, const pqf_column_setting *change,
                              pqf_error *err) {
    pqf_key_value *list = (pqf_key_value *)(void *)pairs->data;
    size_t n = pairs->len / sizeof *list, to = 0;
    pqf_bytes key = bytes_of(change->path);
    bool is_set = change->value == NULL;
    for (size_t i = 0; i < n; i++) {
        bool same = same_bytes(list[i].key, key);
        if (same && is_set) continue;
        list[to] = list[i];
        if (same) list[to].value = bytes_of(change->value);
        if (same) list[to].has_value = true;
        is_set |= same;
        to++;
    }
    pairs->len = to * sizeof *list;
    if (is_set) return PQF_OK;
    pqf_key_value pair = {
        .key = key, .value = bytes_of(change->value), .has_value = true};
    return pqf_buf_put(pairs, &pair, sizeof pair, err);
}

pqf_status pqf_pairs_change(pqf_buf *pairs, const pqf_column_setting *changes,
                            int64_t num_changes, pqf_error *err) {
    for (int64_t i = 0; i < num_changes; i++) {
        if (!strcmp(changes[i].path, PQF_ARROW_SCHEMA) && changes[i].value)
            return pqf_fail(err, PQF_INVALID,
                            "the key " PQF_ARROW_SCHEMA
                            " tells the types of columns; it can be removed, not set");
        TRY(change_pair(pairs, &changes[i], err));
    }
    return PQF_OK;
}

/* ---- the copy of the metadata that ARROW:schema holds ---- */

typedef struct update {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_run run;
    pqf_source *source;
    pqf_metadata *metadata;
    pqf_buf pairs; /* pqf_key_value[] */
    pqf_buf footer;
} update;

static bool names_any(const char *metadata, const pqf_column_setting *changes,
                      int64_t num_changes) {
    pqf_bytes value;
    for (int64_t i = 0; i < num_changes; i++)
        if (pqf_kv_find(metadata, changes[i].path, &value)) return true;
    return false;
}

/* The schema's own pairs, changed in the same way. */
static pqf_status change_stored(update *u, const char *stored,
                                const pqf_column_setting *changes, int64_t num_changes,
                                pqf_buf *out, pqf_error *err) {
    pqf_buf pairs = {.mem = u->mem};
    pqf_key_value pair = {.has_value = true};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; pqf_kv_at(stored, i, &pair.key, &pair.value); i++)
        TRY_DONE(pqf_buf_put(&pairs, &pair, sizeof pair, err));
    TRY_DONE(pqf_pairs_change(&pairs, changes, num_changes, err));
    const pqf_key_value *list = (const pqf_key_value *)(const void *)pairs.data;
    for (size_t i = 0; i < pairs.len / sizeof *list; i++)
        TRY_DONE(pqf_kv_put(out, list[i].key, list[i].value, err));
done:
    pqf_buf_reset(&pairs);
    return status;
}

static pqf_status encode_stored(update *u, struct ArrowSchema *schema,
                                const pqf_column_setting *changes, int64_t num_changes,
                                pqf_bytes *out, pqf_error *err) {
    pqf_buf metadata = {.mem = u->mem}, text = {.mem = u->mem};
    const char *kept;
    pqf_status status = PQF_OK;
    TRY_DONE(change_stored(u, schema->metadata, changes, num_changes, &metadata, err));
    TRY_DONE(pqf_schema_set_metadata(
        schema, metadata.len ? (const char *)metadata.data : NULL, err));
    TRY_DONE(pqf_arrow_schema_write(schema, &text, err));
    TRY_DONE(pqf_arena_string(&u->arena, pqf_buf_view(&text), &kept, err));
    *out = pqf_bytes_of(kept, text.len);
done:
    pqf_buf_reset(&metadata);
    pqf_buf_reset(&text);
    return status;
}

/* Writers that store the Arrow schema store its metadata with it, and readers believe that copy. */
static pqf_status change_arrow_schema(update *u, const pqf_column_setting *changes,
                                      int64_t num_changes, pqf_error *err) {
    pqf_key_value *list = (pqf_key_value *)(void *)u->pairs.data;
    struct ArrowSchema schema;
    size_t at = 0, n = u->pairs.len / sizeof *list;
    while (at < n && !same_bytes(list[at].key, bytes_of(PQF_ARROW_SCHEMA)))
        at++;
    if (at == n) return PQF_OK;
    TRY(pqf_arrow_schema_read(list[at].value, u->mem, &schema, err));
    pqf_status status = PQF_OK;
    if (names_any(schema.metadata, changes, num_changes))
        status = encode_stored(u, &schema, changes, num_changes, &list[at].value, err);
    pqf_schema_release(&schema);
    return status;
}

/* ---- the file ---- */

static pqf_status write_file(update *u, pqf_sink *sink, pqf_error *err) {
    int64_t end = pqf_metadata_data_end(u->metadata);
    for (int64_t done = 0; done < end;) {
        int64_t step = pqf_min_i64(STEP_BYTES, end - done);
        TRY(pqf_run_poll(&u->run, 0, err));
        TRY(pqf_sink_copy(sink, u->source, done, step, err));
        done += step;
    }
    pqf_bytes footer = pqf_buf_view(&u->footer);
    TRY(pqf_sink_write(sink, &footer, 1, err));
    TRY(pqf_run_poll(&u->run, 0, err));
    return pqf_sink_finish(sink, err);
}

static pqf_status rewrite(update *u, const char *path, const pqf_update_options *options,
                          pqf_error *err) {
    const pqf_file_metadata *file;
    pqf_sink *sink;
    TRY(pqf_source_open(path, false, &u->source, err));
    TRY(pqf_footer_read(u->source, NULL, u->mem, &u->metadata, err));
    file = &u->metadata->file;
    TRY(pqf_buf_put(&u->pairs, file->key_value_metadata,
                    (size_t)file->num_key_value_metadata * sizeof(pqf_key_value), err));
    TRY(pqf_pairs_change(&u->pairs, options->changes, options->num_changes, err));
    TRY(change_arrow_schema(u, options->changes, options->num_changes, err));
    TRY(pqf_footer_rewrite(
        u->metadata, (const pqf_key_value *)(const void *)u->pairs.data,
        (int32_t)(u->pairs.len / sizeof(pqf_key_value)), &u->footer, err));
    pqf_sink_options sink_options = {.not_durable = options->not_durable};
    TRY(pqf_sink_open_file(path, &sink_options, &sink, err));
    pqf_sink_watch(sink, &u->run);
    pqf_status status = write_file(u, sink, err);
    pqf_sink_free(sink);
    return status;
}

pqf_status pqf_update_metadata(const char *path, const pqf_update_options *options,
                               pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    update u = {0};
    if (options->struct_bytes != sizeof *options)
        return pqf_fail(err, PQF_INVALID,
                        "pqf_update_options.struct_bytes is %zu, not %zu",
                        options->struct_bytes, sizeof *options);
    TRY(pqf_mem_new(pqf_memory_limit(&options->control), &u.mem, err));
    pqf_arena_init(&u.arena, u.mem);
    pqf_buf_init(&u.pairs, u.mem, 0);
    pqf_buf_init(&u.footer, u.mem, 0);
    pqf_run_init(&u.run, &options->control);
    pqf_status status = rewrite(&u, path, options, err);
    if (status != PQF_OK) pqf_error_at_path(err, path);
    pqf_buf_reset(&u.footer);
    pqf_buf_reset(&u.pairs);
    pqf_metadata_free(u.metadata);
    pqf_source_free(u.source);
    pqf_arena_reset(&u.arena);
    pqf_mem_release(u.mem);
    return status;
}
