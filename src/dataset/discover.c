/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c: from paths to files with their partition values. Folders are walked in the
 * order of their entries' bytes, and what is found is put in the order of path_order.c. A
 * single folder is walked through the descriptor of a snapshot.
 */
#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Folders within folders; more is a loop of links. */
#define MAX_DEPTH 64

typedef struct walk {
    const pqf_read_options *options;
    pqf_mem *mem;
    pqf_arena *arena;
    const pqf_snapshot *snapshot; /* NULL: folders are opened by their paths */
    const char *top;              /* the snapshot's folder */
    pqf_buf files;                /* pqf_found_file[] */
    const char *folder;
    int depth;
} walk;

static bool has_prefix(const char *name, const char *prefix) {
    return !strncmp(name, prefix, strlen(prefix));
}

/* `_x=1` is a partition of the column `_x`. */
static bool is_ignored(const pqf_read_options *options, const char *name,
                       bool is_folder) {
    static const char *const standard[] = {".", "_", NULL};
    const char *const *prefixes =
        options->ignore_prefixes ? options->ignore_prefixes : standard;
    if (is_folder && name[0] == '_' && strchr(name, '=')) return false;
    for (; *prefixes; prefixes++)
        if (has_prefix(name, *prefixes)) return true;
    return false;
}

static pqf_status walk_folder(walk *w, const char *folder, pqf_error *err);

static pqf_status join(walk *w, const char *folder, const char *name, const char **out,
                       pqf_error *err) {
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] != '/' ? "/" : "";
    return pqf_arena_printf(w->arena, out, err, "%s%s%s", folder, slash, name);
}

/* The part of a path behind the snapshot's folder. */
static const char *below_top(const walk *w, const char *path) {
    if (!w->snapshot) return NULL;
    path += strlen(w->top);
    return path + (*path == '/');
}

static pqf_status put_file(walk *w, const char *path, const char *staged,
                           pqf_error *err) {
    pqf_found_file file = {.path = path, .below = below_top(w, path), .staged = staged};
    return pqf_buf_put(&w->files, &file, sizeof file, err);
}

static pqf_status visit(void *context, const char *name, pqf_fs_type type,
                        pqf_error *err) {
    walk *w = context;
    if (type == PQF_FS_OTHER || is_ignored(w->options, name, type == PQF_FS_FOLDER))
        return PQF_OK;
    const char *path;
    TRY(join(w, w->folder, name, &path, err));
    return type == PQF_FS_FILE ? put_file(w, path, NULL, err) : walk_folder(w, path, err);
}

static pqf_status list_folder(walk *w, const char *folder, pqf_error *err) {
    const char *below = below_top(w, folder);
    if (!below) return pqf_fs_list(folder, w->mem, visit, w, err);
    return pqf_fs_list_below(w->snapshot->fd, *below ? below : ".", folder, w->mem, visit,
                             w, err);
}

static pqf_status walk_folder(walk *w, const char *folder, pqf_error *err) {
    const char *outer = w->folder;
    if (++w->depth > MAX_DEPTH)
        return pqf_fail(err, PQF_LIMIT, "folders are nested more than %d deep below %s",
                        MAX_DEPTH, folder);
    w->folder = folder;
    pqf_status status = list_folder(w, folder, err);
    w->folder = outer;
    w->depth--;
    return status;
}

/* ---- order ---- */

static int by_path(const void *a, const void *b) {
    return pqf_path_order(((const pqf_found_file *)a)->path,
                          ((const pqf_found_file *)b)->path);
}

static int by_path_below(const void *a, const void *b) {
    return pqf_path_order(((const pqf_found_file *)a)->below,
                          ((const pqf_found_file *)b)->below);
}

/* The files from number `first` on; the walk has most of them in order. */
static void sort_files(walk *w, size_t first) {
    size_t n = w->files.len / sizeof(pqf_found_file);
    if (n - first < 2) return;
    pqf_found_file *files = (pqf_found_file *)(void *)w->files.data + first;
    for (size_t i = 1; i < n - first; i++) {
        if (by_path(&files[i - 1], &files[i]) <= 0) continue;
        qsort(files, n - first, sizeof *files, by_path);
        return;
    }
}

static pqf_status walk_top(walk *w, const char *folder, pqf_error *err) {
    size_t first = w->files.len / sizeof(pqf_found_file);
    TRY(walk_folder(w, folder, err));
    sort_files(w, first);
    return PQF_OK;
}

/* ---- commits that have begun ---- */

static bool is_visible(const walk *w, const char *below) {
    for (const char *slash; (slash = strchr(below, '/')); below = slash + 1)
        if (is_ignored(w->options, below, true)) return false;
    return !is_ignored(w->options, below, false);
}

/* The one of the files, sorted by path up to `n`, that has the path; NULL: none. */
static pqf_found_file *find_file(const walk *w, size_t n, const char *below) {
    pqf_found_file key = {.below = below};
    if (!n) return NULL;
    return bsearch(&key, w->files.data, n, sizeof key, by_path_below);
}

static pqf_status add_committed(walk *w, const pqf_journal *j, size_t num_listed,
                                pqf_error *err) {
    for (int64_t i = 0; i < j->num_files; i++) {
        const char *path, *staged;
        pqf_found_file *listed = find_file(w, num_listed, j->files[i]);
        if (listed || !is_visible(w, j->files[i])) continue;
        TRY(join(w, w->top, j->files[i], &path, err));
        TRY(pqf_arena_printf(w->arena, &staged, err, "%s/tree/%s" PQF_STAGED, j->id,
                             j->files[i]));
        TRY(put_file(w, path, staged, err));
    }
    return PQF_OK;
}

/* Files without a path go. */
static void drop_marked(walk *w) {
    pqf_found_file *all = (pqf_found_file *)(void *)w->files.data;
    size_t kept = 0, n = w->files.len / sizeof *all;
    for (size_t i = 0; i < n; i++)
        if (all[i].path) all[kept++] = all[i];
    w->files.len = kept * sizeof *all;
}

/* Their files count as there, and what they remove as gone, whatever is done of it. */
static pqf_status count_committed(walk *w, pqf_error *err) {
    const pqf_snapshot *s = w->snapshot;
    size_t num_listed = w->files.len / sizeof(pqf_found_file);
    if (!s->num_journals) return PQF_OK;
    for (int64_t i = 0; i < s->num_journals; i++)
        TRY(add_committed(w, &s->journals[i], num_listed, err));
    for (int64_t i = 0; i < s->num_journals; i++) {
        for (int64_t k = 0; k < s->journals[i].num_removed; k++) {
            pqf_found_file *file = find_file(w, num_listed, s->journals[i].removed[k]);
            if (file) file->path = NULL;
        }
    }
    drop_marked(w);
    sort_files(w, 0);
    return PQF_OK;
}

static pqf_status list_snapshot(void *context, const pqf_snapshot *snapshot,
                                pqf_error *err) {
    walk *w = context;
    w->snapshot = snapshot;
    w->files.len = 0;
    w->depth = 0;
    TRY(walk_top(w, w->top, err));
    return count_committed(w, err);
}

/* ---- partition values ---- */

typedef struct parts {
    pqf_arena *arena;
    pqf_mem *mem;
    pqf_buf names;  /* const char *[] */
    pqf_buf values; /* {file, column, value}[] */
} parts;

typedef struct part_value {
    int64_t file;
    int64_t column;
    pqf_bytes value;
} part_value;

static pqf_status column_of(parts *p, pqf_bytes name, int64_t *out, pqf_error *err) {
    const char **names = (const char **)(void *)p->names.data;
    int64_t n = (int64_t)(p->names.len / sizeof(char *));
    for (int64_t i = 0; i < n; i++) {
        *out = i;
        if (!strcmp(names[i], (const char *)name.data)) return PQF_OK;
    }
    *out = n;
    const char *text = (const char *)name.data;
    return pqf_buf_put(&p->names, &text, sizeof text, err);
}

/* `rest` is the path below the root; its last component is the file's name. */
static pqf_status parse_folders(parts *p, int64_t file, const char *rest,
                                pqf_error *err) {
    for (const char *slash; (slash = strchr(rest, '/')); rest = slash + 1) {
        bool is_partition;
        part_value v = {.file = file};
        pqf_bytes name;
        TRY(pqf_hive_parse(pqf_bytes_of(rest, (size_t)(slash - rest)), p->arena,
                           &is_partition, &name, &v.value, err));
        if (!is_partition) continue;
        if (!pqf_kernels_get()->utf8_valid(name.data, (int64_t)name.len))
            return pqf_fail(err, PQF_CORRUPT, "the folder name '%.80s' is not UTF-8",
                            (const char *)name.data);
        if (v.value.len == strlen(PQF_HIVE_NULL) &&
            !memcmp(v.value.data, PQF_HIVE_NULL, v.value.len))
            v.value = (pqf_bytes){0};
        TRY(column_of(p, name, &v.column, err));
        TRY(pqf_buf_put(&p->values, &v, sizeof v, err));
    }
    return PQF_OK;
}

static pqf_status fill_values(parts *p, pqf_found *out, pqf_error *err) {
    void *block;
    size_t columns = p->names.len / sizeof(char *);
    out->num_partitions = (int32_t)columns;
    TRY(pqf_arena_array(p->arena, columns, sizeof(char *), &block, err));
    out->partitions = block;
    if (columns) memcpy(block, p->names.data, p->names.len);
    for (int64_t i = 0; columns && i < out->num_files; i++) {
        TRY(pqf_arena_array(p->arena, columns, sizeof(pqf_bytes), &block, err));
        out->files[i].values = block;
    }
    const part_value *v = (const part_value *)(const void *)p->values.data;
    for (size_t i = 0; i < p->values.len / sizeof *v; i++)
        ((pqf_bytes *)(uintptr_t)out->files[v[i].file].values)[v[i].column] = v[i].value;
    return PQF_OK;
}

static const char *below_root(const char *path, const char *root) {
    size_t n = strlen(root);
    while (n > 1 && root[n - 1] == '/')
        n--;
    if (strncmp(path, root, n) != 0) return "";
    path += n;
    if (n && root[n - 1] != '/' && *path != '/') return ""; /* a longer name */
    while (*path == '/')
        path++;
    return path;
}

static pqf_status find_partitions(const char *root, pqf_mem *mem, pqf_arena *arena,
                                  pqf_found *out, pqf_error *err) {
    parts p = {.arena = arena, .mem = mem, .names = {.mem = mem}, .values = {.mem = mem}};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < out->num_files; i++)
        TRY_DONE(parse_folders(&p, i, below_root(out->files[i].path, root), err));
    TRY_DONE(fill_values(&p, out, err));
done:
    pqf_buf_reset(&p.names);
    pqf_buf_reset(&p.values);
    return status;
}

/* ---- paths ---- */

static pqf_status add_path(walk *w, const char *path, bool *is_folder, pqf_error *err) {
    struct stat st;
    if (stat(path, &st) != 0) {
        pqf_fail_errno(err, errno, "cannot read");
        return pqf_error_at_path(err, path);
    }
    *is_folder = S_ISDIR(st.st_mode);
    if (*is_folder) return walk_top(w, path, err);
    const char *copy;
    TRY(pqf_arena_string(w->arena, pqf_bytes_of(path, strlen(path)), &copy, err));
    return put_file(w, copy, NULL, err);
}

/* A single folder is read as it was at one moment; all else path by path. */
static pqf_status add_paths(walk *w, const char *const *paths, int64_t num_paths,
                            pqf_snapshot *snapshot, bool *is_folder, pqf_error *err) {
    if (num_paths == 1) {
        w->top = paths[0];
        TRY(pqf_snapshot_take(paths[0], w->options, w->mem, w->arena, list_snapshot, w,
                              snapshot, err));
        *is_folder = snapshot->is_open;
        if (*is_folder) return PQF_OK;
    }
    w->snapshot = NULL;
    for (int64_t i = 0; i < num_paths; i++)
        TRY(add_path(w, paths[i], is_folder, err));
    return PQF_OK;
}

pqf_status pqf_discover(const char *const *paths, int64_t num_paths, const char *root,
                        const pqf_read_options *options, pqf_mem *mem, pqf_arena *arena,
                        pqf_snapshot *snapshot, pqf_found *out, pqf_error *err) {
    walk w = {.options = options, .mem = mem, .arena = arena, .files = {.mem = mem}};
    pqf_status status = PQF_OK;
    bool is_folder = false;
    void *block;
    *out = (pqf_found){0};
    TRY_DONE(add_paths(&w, paths, num_paths, snapshot, &is_folder, err));
    TRY_DONE(pqf_arena_alloc(arena, w.files.len + 1, &block, err));
    out->num_files = (int64_t)(w.files.len / sizeof(pqf_found_file));
    out->files = block;
    if (w.files.len) memcpy(block, w.files.data, w.files.len);
    if (!root && num_paths == 1 && is_folder) root = paths[0];
    if (root && !options->no_partitions)
        TRY_DONE(find_partitions(root, mem, arena, out, err));
done:
    pqf_buf_reset(&w.files);
    return status;
}
