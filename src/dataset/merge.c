/* SPDX-License-Identifier: Apache-2.0
 *
 * merge.c: a list of files, or a folder of them, becomes one file, which gets its name in one step.
 */
#include "join.h"

typedef struct merge {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_run run;
    pqf_merge_options options;
    pqf_snapshot snapshot;
    pqf_found found;
} merge;

static pqf_status find_files(merge *m, const char *const *paths, int64_t num_paths,
                             const char *root, pqf_error *err) {
    const pqf_read_options read = {.struct_bytes = sizeof read,
                                   .control = m->options.file.control};
    TRY(pqf_discover(paths, num_paths, root, &read, m->mem, &m->arena, &m->snapshot,
                     &m->found, err));
    if (m->found.num_partitions)
        return pqf_fail(err, PQF_INVALID,
                        "the files lie in folders of the partition column '%s', whose "
                        "values one file would lose; compact() merges within partitions",
                        m->found.partitions[0]);
    if (!m->found.num_files)
        return pqf_fail(err, PQF_INVALID, "there is no file to merge");
    return PQF_OK;
}

static pqf_status run(merge *m, const char *out, pqf_merge_result *result,
                      pqf_error *err) {
    const pqf_sink_options sink_options = {.not_durable = m->options.file.not_durable,
                                           .if_exists = m->options.file.if_exists};
    const pqf_join join = {.options = &m->options,
                           .snapshot = &m->snapshot,
                           .files = m->found.files,
                           .num_files = m->found.num_files,
                           .mem = m->mem,
                           .run = &m->run,
                           .is_last = true};
    pqf_sink *sink;
    TRY(pqf_sink_open_file(out, &sink_options, &sink, err));
    if (pqf_sink_skipped(sink)) {
        pqf_sink_free(sink);
        return pqf_run_end(&m->run, err);
    }
    return pqf_join_run(&join, sink, result, err);
}

pqf_status pqf_merge(const char *const *paths, int64_t num_paths, const char *root,
                     const char *out, const pqf_merge_options *options,
                     pqf_merge_result *result, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    merge m = {0};
    pqf_merge_result found = {0};
    TRY(pqf_merge_options_of(options, &m.options, err));
    TRY(pqf_mem_new(pqf_memory_limit(&m.options.file.control), &m.mem, err));
    pqf_arena_init(&m.arena, m.mem);
    pqf_run_init(&m.run, &m.options.file.control);
    pqf_status status = find_files(&m, paths, num_paths, root, err);
    if (status == PQF_OK) status = run(&m, out, &found, err);
    if (status == PQF_OK) *result = found;
    pqf_snapshot_close(&m.snapshot, m.mem);
    pqf_arena_reset(&m.arena);
    pqf_mem_release(m.mem);
    return status;
}
