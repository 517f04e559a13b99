/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c: from paths to files with their partition values. Folders are walked in the
 * order of their entries' bytes, which is the order of paths component by component.
 */
#include "inner.h"

#include <errno.h>
#include <sys/stat.h>

/* Folders within folders; more is a loop of links. */
#define MAX_DEPTH 64

typedef struct walk {
    const pqf_read_options *options;
    pqf_mem *mem;
    pqf_arena *arena;
    pqf_buf paths; /* const char *[] */
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

static pqf_status visit(void *context, const char *name, pqf_fs_type type,
                        pqf_error *err) {
    walk *w = context;
    if (type == PQF_FS_OTHER || is_ignored(w->options, name, type == PQF_FS_FOLDER))
        return PQF_OK;
    const char *path;
    size_t n = strlen(w->folder);
    const char *slash = n && w->folder[n - 1] == '/' ? "" : "/";
    TRY(pqf_arena_printf(w->arena, &path, err, "%s%s%s", w->folder, slash, name));
    if (type == PQF_FS_FILE) return pqf_buf_put(&w->paths, &path, sizeof path, err);
    return walk_folder(w, path, err);
}

static pqf_status walk_folder(walk *w, const char *folder, pqf_error *err) {
    const char *outer = w->folder;
    if (++w->depth > MAX_DEPTH)
        return pqf_fail(err, PQF_LIMIT, "folders are nested more than %d deep below %s",
                        MAX_DEPTH, folder);
    w->folder = folder;
    pqf_status status = pqf_fs_list(folder, w->mem, visit, w, err);
    w->folder = outer;
    w->depth--;
    return status;
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
    if (*is_folder) return walk_folder(w, path, err);
    const char *copy;
    TRY(pqf_arena_string(w->arena, pqf_bytes_of(path, strlen(path)), &copy, err));
    return pqf_buf_put(&w->paths, &copy, sizeof copy, err);
}

pqf_status pqf_discover(const char *const *paths, int64_t num_paths, const char *root,
                        const pqf_read_options *options, pqf_mem *mem, pqf_arena *arena,
                        pqf_found *out, pqf_error *err) {
    walk w = {.options = options, .mem = mem, .arena = arena, .paths = {.mem = mem}};
    pqf_status status = PQF_OK;
    bool is_folder = false;
    void *block;
    *out = (pqf_found){0};
    for (int64_t i = 0; i < num_paths; i++)
        TRY_DONE(add_path(&w, paths[i], &is_folder, err));
    out->num_files = (int64_t)(w.paths.len / sizeof(char *));
    TRY_DONE(pqf_arena_array(arena, (size_t)out->num_files, sizeof(pqf_found_file),
                             &block, err));
    out->files = block;
    for (int64_t i = 0; i < out->num_files; i++)
        out->files[i].path = ((const char **)(void *)w.paths.data)[i];
    if (!root && num_paths == 1 && is_folder) root = paths[0];
    if (root && !options->no_partitions)
        TRY_DONE(find_partitions(root, mem, arena, out, err));
done:
    pqf_buf_reset(&w.paths);
    return status;
}
