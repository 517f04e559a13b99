/* SPDX-License-Identifier: Apache-2.0
 *
 * compact.c: small files of a dataset become files near a target size, in one step for readers of
 * ours. Neighbours of the listing are merged, never across folders, so rows keep the order in which
 * a read gives them; a new file's name sorts where its rows were.
 *
 *   listing   a.parquet  b.parquet | c.parquet (large) | d.parquet  e.parquet
 *   becomes   a-1f...parquet         c.parquet           d-7b...parquet
 *
 * A file stays as it is when it has half of the target and its row groups could not become half as
 * many; so does one without a neighbour to merge with, or of another schema. A second compaction
 * finds nothing to do.
 */
#include "join.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define TARGET_BYTES ((int64_t)128 << 20)
#define NAME_BYTES   255
#define ID_CHARS     12
#define SUFFIX       ".parquet"

typedef struct entry {
    const char *below; /* path below the dataset's folder */
    int64_t num_bytes, num_rows, num_groups;
    bool continues; /* has the schema of the entry before it */
    bool is_bad;    /* its row groups can become half as many */
} entry;

typedef struct compact {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_run run;
    pqf_merge_options options;
    pqf_commit commit;
    pqf_snapshot snapshot;
    pqf_found found;
    entry *entries; /* of the files found */
    int64_t num_entries;
    pqf_buf added, removed; /* const char *[] */
} compact;

/* ---- looking ---- */

static size_t folder_len(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool same_folder(const char *a, const char *b) {
    return folder_len(a) == folder_len(b) && !memcmp(a, b, folder_len(a));
}

static pqf_join join_of(compact *c, int64_t first, int64_t end) {
    return (pqf_join){.options = &c->options,
                      .snapshot = &c->snapshot,
                      .files = c->found.files + first,
                      .num_files = end - first,
                      .mem = c->mem,
                      .run = &c->run};
}

static pqf_status list_entries(compact *c, pqf_error *err) {
    const pqf_read_options read = {.struct_bytes = sizeof read,
                                   .control = c->options.file.control,
                                   .no_partitions = true};
    void *block;
    TRY(pqf_discover(&c->commit.dir, 1, NULL, &read, c->mem, &c->arena, &c->snapshot,
                     &c->found, err));
    TRY(pqf_arena_array(&c->arena, (size_t)c->found.num_files, sizeof(entry), &block,
                        err));
    c->entries = block;
    c->num_entries = c->found.num_files;
    for (int64_t i = 0; i < c->num_entries; i++)
        c->entries[i].below = c->found.files[i].path + strlen(c->commit.dir) + 1;
    return PQF_OK;
}

static void measure(const compact *c, const pqf_reader *reader, entry *e) {
    const pqf_metadata *metadata = pqf_reader_metadata(reader);
    pqf_append plan = pqf_append_of(&c->options.file, c->options.recode);
    pqf_append_plan(&plan, reader);
    e->num_bytes = metadata->file_bytes;
    e->num_rows = metadata->file.num_rows;
    e->num_groups = metadata->file.num_row_groups;
    e->is_bad = e->num_groups > 1 && 2 * pqf_append_num_groups(&plan) <= e->num_groups;
}

static pqf_status look_at(compact *c, int64_t i, pqf_joint *joint, pqf_error *err) {
    entry *e = &c->entries[i];
    pqf_reader *reader;
    pqf_error difference;
    const pqf_join join = join_of(c, i, i + 1);
    TRY(pqf_join_open(&join, 0, &reader, err));
    measure(c, reader, e);
    pqf_error_init(&difference);
    e->continues = i > 0 && same_folder(e->below, e[-1].below) &&
                   pqf_joint_check(joint, reader, &difference) == PQF_OK;
    pqf_status status = PQF_OK;
    if (!e->continues) {
        pqf_joint_reset(joint);
        status = pqf_joint_check(joint, reader, err);
    }
    pqf_reader_release(reader);
    return status;
}

static pqf_status look_at_all(compact *c, pqf_error *err) {
    pqf_joint joint = {0};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < c->num_entries && status == PQF_OK; i++) {
        status = pqf_run_poll(&c->run, 0, err);
        if (status == PQF_OK) status = look_at(c, i, &joint, err);
    }
    pqf_joint_reset(&joint);
    return status;
}

/* ---- planning ---- */

static bool stays(const compact *c, const entry *e) {
    return e->num_bytes >= c->options.target_file_bytes / 2 && !e->is_bad;
}

/* The end of the run of entries from `first` on that become one file. */
static int64_t end_of_run(const compact *c, int64_t first) {
    int64_t bytes = c->entries[first].num_bytes, i = first + 1;
    if (stays(c, &c->entries[first])) return first + 1;
    for (; i < c->num_entries; i++) {
        const entry *e = &c->entries[i];
        if (!e->continues || stays(c, e)) break;
        if (bytes > c->options.target_file_bytes - e->num_bytes) break;
        bytes += e->num_bytes;
    }
    return i;
}

static bool is_worth_it(const compact *c, int64_t first, int64_t end) {
    return end - first > 1 || c->entries[first].is_bad;
}

/* ---- names ---- */

/* Characters of the first file's name that the new one begins with: its UUID and its number, so that
 * names do not grow from one compaction to the next; all but the suffix; all. */
static size_t stem_len(const char *name, int form) {
    size_t len = strlen(name), suffix = strlen(SUFFIX);
    if (form == 0 && !pqf_begins_with_uuid(name)) return 0;
    if (form == 0) return PQF_UUID_CHARS + pqf_file_number_len(name + PQF_UUID_CHARS);
    if (form == 2) return len;
    return len > suffix && !strcmp(name + len - suffix, SUFFIX) ? len - suffix : 0;
}

/* Strictly between what is listed, or was named, before the run and what comes after it. */
static bool is_in_place(const compact *c, int64_t first, int64_t end, const char *path) {
    const char *const *added = (const char *const *)(const void *)c->added.data;
    size_t n = c->added.len / sizeof *added;
    if (first > 0 && pqf_path_order(path, c->entries[first - 1].below) <= 0) return false;
    if (n && pqf_path_order(path, added[n - 1]) <= 0) return false;
    return end == c->num_entries || pqf_path_order(path, c->entries[end].below) < 0;
}

/* *out NULL: there is no name between the neighbours; the files stay. */
static pqf_status name_of_run(compact *c, int64_t first, int64_t end, const char **out,
                              pqf_error *err) {
    const char *below = c->entries[first].below;
    const char *name = strrchr(below, '/') ? strrchr(below, '/') + 1 : below;
    char id[33];
    *out = NULL;
    TRY(pqf_fs_random_id(id, err));
    for (int form = 0; form < 3; form++) {
        const char *path;
        size_t len = stem_len(name, form);
        if (!len || len + 1 + ID_CHARS + strlen(SUFFIX) > NAME_BYTES) continue;
        TRY(pqf_arena_printf(&c->arena, &path, err, "%.*s%.*s-%.*s" SUFFIX,
                             (int)(name - below), below, (int)len, name, ID_CHARS, id));
        if (!is_in_place(c, first, end, path)) continue;
        *out = path;
        return PQF_OK;
    }
    return PQF_OK;
}

/* ---- doing ---- */

static pqf_status join_run(compact *c, int64_t first, int64_t end, const char *name,
                           pqf_merge_result *result, pqf_error *err) {
    const pqf_sink_options sink_options = {.not_durable = true, /* synced at the end */
                                           .final_name = true};
    const char *staged;
    pqf_sink *sink;
    const pqf_join join = join_of(c, first, end);
    TRY(pqf_arena_printf(&c->arena, &staged, err, "%s/%s" PQF_STAGED, c->commit.stage,
                         name));
    TRY(pqf_sink_open_file(staged, &sink_options, &sink, err));
    TRY(pqf_join_run(&join, sink, result, err));
    TRY(pqf_buf_put(&c->added, &name, sizeof name, err));
    for (int64_t i = first; i < end; i++)
        TRY(pqf_buf_put(&c->removed, &c->entries[i].below, sizeof(char *), err));
    return PQF_OK;
}

static int64_t rows_to_write(const compact *c) {
    int64_t rows = 0;
    for (int64_t first = 0, end; first < c->num_entries; first = end) {
        end = end_of_run(c, first);
        for (int64_t i = first; is_worth_it(c, first, end) && i < end; i++)
            (void)pqf_add_i64(rows, c->entries[i].num_rows, &rows);
    }
    return rows;
}

static void count_kept(const compact *c, int64_t first, int64_t end,
                       pqf_merge_result *result) {
    for (int64_t i = first; i < end; i++) {
        const entry *e = &c->entries[i];
        result->files_before++;
        result->files_after++;
        result->bytes_before += e->num_bytes;
        result->bytes_after += e->num_bytes;
        result->num_rows += e->num_rows;
        result->num_row_groups += e->num_groups;
    }
}

static pqf_status write_files(compact *c, pqf_merge_result *result, pqf_error *err) {
    c->run.total = rows_to_write(c);
    for (int64_t first = 0, end; first < c->num_entries; first = end) {
        const char *name = NULL;
        end = end_of_run(c, first);
        if (is_worth_it(c, first, end)) TRY(name_of_run(c, first, end, &name, err));
        if (name)
            TRY(join_run(c, first, end, name, result, err));
        else
            count_kept(c, first, end, result);
    }
    return PQF_OK;
}

/* The snapshot ends before: files that nobody reads any more are not kept. */
static pqf_status commit_files(compact *c, pqf_error *err) {
    const pqf_change change = {
        .files = (const char *const *)(const void *)c->added.data,
        .num_files = (int64_t)(c->added.len / sizeof(char *)),
        .removed = (const char *const *)(const void *)c->removed.data,
        .num_removed = (int64_t)(c->removed.len / sizeof(char *)),
    };
    TRY(pqf_run_end(&c->run, err));
    pqf_snapshot_close(&c->snapshot, c->mem);
    return change.num_files ? pqf_commit_finish(&c->commit, &change, err) : PQF_OK;
}

static pqf_status check_dir(const char *dir, pqf_error *err) {
    struct stat st;
    if (stat(dir, &st) != 0) {
        pqf_fail_errno(err, errno, "cannot read the dataset");
        return pqf_error_at_path(err, dir);
    }
    if (S_ISDIR(st.st_mode)) return PQF_OK;
    pqf_fail_errno(err, ENOTDIR, "the dataset is a file");
    return pqf_error_at_path(err, dir);
}

static pqf_status run(compact *c, const char *dir, pqf_merge_result *result,
                      pqf_error *err) {
    TRY(check_dir(dir, err));
    TRY(pqf_commit_begin(&c->commit, dir, PQF_APPEND, !c->options.file.not_durable,
                         c->mem, &c->run, err));
    TRY(list_entries(c, err));
    TRY(look_at_all(c, err));
    TRY(write_files(c, result, err));
    return commit_files(c, err);
}

pqf_status pqf_compact(const char *dir, const pqf_merge_options *options,
                       pqf_merge_result *result, pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    compact c = {0};
    pqf_merge_result found = {0};
    TRY(pqf_merge_options_of(options, &c.options, err));
    if (!c.options.target_file_bytes) c.options.target_file_bytes = TARGET_BYTES;
    TRY(pqf_mem_new(pqf_memory_limit(&c.options.file.control), &c.mem, err));
    pqf_arena_init(&c.arena, c.mem);
    pqf_buf_init(&c.added, c.mem, 0);
    pqf_buf_init(&c.removed, c.mem, 0);
    pqf_run_init(&c.run, &c.options.file.control);
    pqf_status status = run(&c, dir, &found, err);
    if (status == PQF_OK) *result = found;
    pqf_snapshot_close(&c.snapshot, c.mem);
    if (c.commit.mem) pqf_commit_reset(&c.commit);
    pqf_buf_reset(&c.removed);
    pqf_buf_reset(&c.added);
    pqf_arena_reset(&c.arena);
    pqf_mem_release(c.mem);
    return status;
}
