/* SPDX-License-Identifier: Apache-2.0
 *
 * join.c: several files of one schema become one. Two passes over the files, of which one is open
 * at a time: the first reads footers (schemas, key-value metadata, codecs), so that nothing is
 * written where they differ; the second copies or encodes their row groups. Memory: one batch, the
 * encoded pages of one row group, the new footer.
 */
#include "join.h"

#include <stdio.h>

/* ---- schemas ---- */

static pqf_status take_first(pqf_joint *joint, pqf_reader *reader, pqf_error *err) {
    TRY(pqf_schema_export(pqf_reader_schema(reader), &joint->schema, err));
    joint->first = pqf_reader_retain(reader);
    return PQF_OK;
}

static const char *node_path(const pqf_tree *tree, const pqf_node *node) {
    return node->leaf < 0 ? node->name : tree->leaves[node->leaf].path;
}

static pqf_status fail_parquet(const pqf_joint *joint, const pqf_tree *first,
                               const pqf_tree *here, int32_t at, pqf_error *err) {
    char want[128], have[128];
    const char *path = pqf_source_path(pqf_reader_source(joint->first));
    if (at >= here->num_nodes)
        return pqf_fail(err, PQF_SCHEMA, "the column '%s' of %s is missing here",
                        node_path(first, &first->nodes[at]), path);
    const pqf_node *node = &here->nodes[at];
    if (at >= first->num_nodes || strcmp(node->name, first->nodes[at].name) != 0) {
        pqf_fail(err, PQF_SCHEMA, "the column '%s' stands where %s has %s%s%s",
                 node_path(here, node), path, at < first->num_nodes ? "'" : "none",
                 at < first->num_nodes ? node_path(first, &first->nodes[at]) : "",
                 at < first->num_nodes ? "'" : "");
        return pqf_error_at_column(err, node_path(here, node));
    }
    pqf_node_text(&first->nodes[at], want, sizeof want);
    pqf_node_text(node, have, sizeof have);
    pqf_fail(err, PQF_SCHEMA, "the column is %s here, but %s in %s%s", have, want, path,
             strcmp(have, want) ? "" : " (its children or its field id differ)");
    return pqf_error_at_column(err, node_path(here, node));
}

static pqf_status check_arrow(const pqf_joint *joint, const struct ArrowSchema *here,
                              pqf_error *err) {
    char want[256], have[256];
    for (int64_t i = 0; i < here->n_children; i++) {
        const struct ArrowSchema *a = joint->schema.children[i], *b = here->children[i];
        if (pqf_schema_same_type(a, b)) continue;
        pqf_type_text(a, want, sizeof want);
        pqf_type_text(b, have, sizeof have);
        pqf_fail(err, PQF_SCHEMA,
                 "the column is %s here, but %s in %s; ARROW:schema says so", have, want,
                 pqf_source_path(pqf_reader_source(joint->first)));
        return pqf_error_at_column(err, b->name);
    }
    return PQF_OK;
}

static pqf_status compare(const pqf_joint *joint, pqf_reader *reader, pqf_error *err) {
    const pqf_tree *first = &pqf_reader_metadata(joint->first)->tree;
    const pqf_tree *here = &pqf_reader_metadata(reader)->tree;
    int32_t at = pqf_tree_difference(first, here);
    struct ArrowSchema schema;
    if (at >= 0) return fail_parquet(joint, first, here, at, err);
    TRY(pqf_schema_export(pqf_reader_schema(reader), &schema, err));
    pqf_status status = check_arrow(joint, &schema, err);
    pqf_schema_release(&schema);
    return status;
}

pqf_status pqf_joint_check(pqf_joint *joint, pqf_reader *reader, pqf_error *err) {
    pqf_status status =
        joint->first ? compare(joint, reader, err) : take_first(joint, reader, err);
    if (status == PQF_OK) return status;
    return pqf_error_at_path(err, pqf_source_path(pqf_reader_source(reader)));
}

void pqf_joint_reset(pqf_joint *joint) {
    pqf_schema_release(&joint->schema);
    pqf_reader_release(joint->first);
    *joint = (pqf_joint){0};
}

/* ---- opening ---- */

pqf_status pqf_merge_options_of(const pqf_merge_options *in, pqf_merge_options *out,
                                pqf_error *err) {
    if (!in || in->struct_bytes != sizeof *in ||
        (in->file.struct_bytes && in->file.struct_bytes != sizeof in->file))
        return pqf_fail(err, PQF_INVALID, "pqf_merge_options.struct_bytes must be %zu",
                        sizeof *in);
    if (in->target_file_bytes < 0)
        return pqf_fail(err, PQF_INVALID, "target_file_bytes must not be negative");
    *out = *in;
    return PQF_OK;
}

pqf_status pqf_join_open(const pqf_join *join, int64_t i, pqf_reader **out,
                         pqf_error *err) {
    const pqf_read_options read = {.struct_bytes = sizeof read,
                                   .control = join->options->file.control};
    pqf_source *source;
    TRY(pqf_snapshot_open_file(join->snapshot, &join->files[i], false, &source, err));
    return pqf_reader_open_source(source, &read, join->mem, out, err);
}

/* ---- the first pass ---- */

typedef struct pass {
    const pqf_join *join;
    pqf_arena arena;
    pqf_joint joint;
    pqf_buf pairs;       /* pqf_key_value[], strings in the arena */
    int32_t *codecs;     /* of the first file that has row groups; NULL: none has */
    int64_t num_rows;    /* of all files */
    int64_t rows_before; /* of the call, when this file was begun */
} pass;

static bool has_key(const pqf_buf *pairs, pqf_bytes key) {
    const pqf_key_value *list = (const pqf_key_value *)(const void *)pairs->data;
    for (size_t i = 0; i < pairs->len / sizeof *list; i++)
        if (list[i].key.len == key.len && !memcmp(list[i].key.data, key.data, key.len))
            return true;
    return false;
}

static pqf_status keep_bytes(pqf_arena *arena, pqf_bytes *bytes, pqf_error *err) {
    const char *text;
    TRY(pqf_arena_string(arena, *bytes, &text, err));
    *bytes = pqf_bytes_of(text, bytes->len);
    return PQF_OK;
}

/* Every key of every file; the value is that of the first file that has it. */
static pqf_status add_pairs(pass *p, const pqf_metadata *metadata, pqf_error *err) {
    for (int32_t i = 0; i < metadata->file.num_key_value_metadata; i++) {
        pqf_key_value pair = metadata->file.key_value_metadata[i];
        if (has_key(&p->pairs, pair.key)) continue;
        TRY(keep_bytes(&p->arena, &pair.key, err));
        TRY(keep_bytes(&p->arena, &pair.value, err));
        TRY(pqf_buf_put(&p->pairs, &pair, sizeof pair, err));
    }
    return PQF_OK;
}

static pqf_status look_at(pass *p, pqf_reader *reader, pqf_error *err) {
    const pqf_metadata *metadata = pqf_reader_metadata(reader);
    void *block;
    TRY(pqf_joint_check(&p->joint, reader, err));
    TRY(add_pairs(p, metadata, err));
    if (!pqf_add_i64(p->num_rows, metadata->file.num_rows, &p->num_rows))
        return pqf_fail(err, PQF_CORRUPT, "the row counts of the files overflow");
    if (p->codecs || !metadata->file.num_row_groups) return PQF_OK;
    TRY(pqf_arena_array(&p->arena, (size_t)metadata->tree.num_leaves, sizeof(int32_t),
                        &block, err));
    if (pqf_reader_codecs(reader, block)) p->codecs = block;
    return PQF_OK;
}

static pqf_status look_at_all(pass *p, pqf_merge_result *result, pqf_error *err) {
    const pqf_join *join = p->join;
    for (int64_t i = 0; i < join->num_files; i++) {
        pqf_reader *reader;
        TRY(pqf_run_poll(join->run, 0, err));
        TRY(pqf_join_open(join, i, &reader, err));
        pqf_status status = look_at(p, reader, err);
        result->files_before++;
        result->bytes_before += pqf_reader_metadata(reader)->file_bytes;
        pqf_reader_release(reader);
        TRY(status);
    }
    return pqf_pairs_change(&p->pairs, join->options->file.metadata,
                            join->options->file.num_metadata, err);
}

/* ---- the second pass ---- */

/* Ticks of the one writer are ticks of the call, whose rows they are counted among. */
static int relay_tick(void *context, int64_t done, int64_t total) {
    const pass *p = context;
    pqf_error ignored;
    pqf_error_init(&ignored);
    atomic_store(&p->join->run->done, p->rows_before + done);
    if (total >= 0 && p->join->is_last) /* the writer's last tick */
        return pqf_run_end(p->join->run, &ignored) != PQF_OK;
    return pqf_run_poll(p->join->run, 0, &ignored) != PQF_OK;
}

static pqf_status append_all(const pass *p, pqf_writer *w, pqf_error *err) {
    const pqf_join *join = p->join;
    pqf_append rules = pqf_append_of(&join->options->file, join->options->recode);
    for (int64_t i = 0; i < join->num_files; i++) {
        pqf_reader *reader;
        TRY(pqf_join_open(join, i, &reader, err));
        pqf_status status =
            pqf_joint_check((pqf_joint *)(uintptr_t)&p->joint, reader, err);
        if (status == PQF_OK) status = pqf_writer_append(w, &rules, reader, err);
        pqf_reader_release(reader);
        TRY(status);
    }
    return PQF_OK;
}

static pqf_status write_all(pass *p, pqf_sink *sink, pqf_merge_result *result,
                            pqf_error *err) {
    const pqf_join *join = p->join;
    pqf_write_options options = join->options->file;
    pqf_like like = {
        .reader = p->joint.first,
        .pairs = (const pqf_key_value *)(const void *)p->pairs.data,
        .num_pairs = (int32_t)(p->pairs.len / sizeof(pqf_key_value)),
        .codecs = p->codecs,
    };
    pqf_writer *w;
    p->rows_before = atomic_load(&join->run->done);
    if (join->run->total < 0) join->run->total = p->num_rows;
    options.control.tick = relay_tick;
    options.control.tick_context = p;
    TRY(pqf_writer_open_like(sink, &like, &options, join->mem, &w, err));
    pqf_status status = append_all(p, w, err);
    if (status == PQF_OK) status = pqf_writer_finish(w, err);
    if (status == PQF_OK) {
        result->files_after++;
        result->bytes_after += pqf_writer_num_bytes(w);
        result->num_rows += pqf_writer_num_rows(w);
        result->num_row_groups += pqf_writer_num_groups(w);
        result->num_copied += pqf_writer_num_copied(w);
        atomic_store(&join->run->done, p->rows_before + pqf_writer_num_rows(w));
    }
    pqf_writer_free(w);
    return status;
}

pqf_status pqf_join_run(const pqf_join *join, pqf_sink *sink, pqf_merge_result *result,
                        pqf_error *err) {
    pass p = {.join = join};
    pqf_arena_init(&p.arena, join->mem);
    pqf_buf_init(&p.pairs, join->mem, 0);
    pqf_status status = look_at_all(&p, result, err);
    if (status == PQF_OK)
        status = write_all(&p, sink, result, err);
    else
        pqf_sink_free(sink);
    pqf_joint_reset(&p.joint);
    pqf_buf_reset(&p.pairs);
    pqf_arena_reset(&p.arena);
    return status;
}
