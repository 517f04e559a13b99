/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.c: how a dataset's files get their names. Everything is written below one hidden
 * sibling of the folder, `.<name>.forge/<id>/`, on the same file system, and synced
 * there.
 *
 *   append     each file is renamed into its partition folder; readers of a half-done append
 *              see some of its files, each whole; one that fails takes back what it has
 *              renamed
 *   overwrite  the staged tree and the folder exchange their names in one step, then the old
 *              tree is removed: a kill leaves the old or the new dataset, at worst with a
 *              hidden sibling
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* From this many files on one syncfs is cheaper than an fsync each. */
#define SYNCFS_FILES 16

/* ---- the target ---- */

/* True when `dir` is `inner` or one of its ancestors (both absolute, links resolved). */
static bool holds(const char *dir, const char *inner) {
    size_t n = strlen(dir);
    return n == 1 || (!strncmp(dir, inner, n) && (inner[n] == '/' || !inner[n]));
}

static const char *home_folder(void) {
    const char *home = getenv("HOME");
    if (home && *home) return home;
    const struct passwd *user = getpwuid(getuid());
    return user ? user->pw_dir : NULL;
}

/* Overwriting replaces everything: not these folders, nor what they lie in. */
static pqf_status check_overwrite(const char *dir, pqf_error *err) {
    char here[PATH_MAX], home[PATH_MAX];
    const char *name = home_folder();
    bool refused = !strcmp(dir, "/") || (getcwd(here, sizeof here) && holds(dir, here)) ||
                   (name && realpath(name, home) && holds(dir, home));
    if (!refused) return PQF_OK;
    return pqf_fail(
        err, PQF_INVALID,
        "refusing to overwrite %s: it is or holds the root, the home or the current "
        "folder; give a folder of its own",
        dir);
}

/* The absolute path with links resolved; the last component and its parents may be
 * missing. */
static pqf_status resolve(pqf_arena *arena, const char *dir, const char **out,
                          pqf_error *err) {
    char real[PATH_MAX];
    const char *copy, *parent, *resolved;
    size_t n = strlen(dir);
    if (!n) return pqf_fail(err, PQF_INVALID, "the output folder has no name");
    if (realpath(dir, real))
        return pqf_arena_string(arena, pqf_bytes_of(real, strlen(real)), out, err);
    if (errno != ENOENT) return pqf_fail_errno(err, errno, "cannot use the folder");
    while (n > 1 && dir[n - 1] == '/')
        n--;
    TRY(pqf_arena_string(arena, pqf_bytes_of(dir, n), &copy, err));
    const char *slash = strrchr(copy, '/');
    if (!slash)
        parent = ".";
    else
        TRY(pqf_arena_string(
            arena, pqf_bytes_of(copy, slash == copy ? 1 : (size_t)(slash - copy)),
            &parent, err));
    TRY(resolve(arena, parent, &resolved, err));
    const char *last = slash ? slash + 1 : copy;
    if (!strcmp(last, "..")) return pqf_fail_errno(err, ENOENT, "cannot use the folder");
    if (!strcmp(last, ".")) last = "";
    *out = resolved;
    if (!*last) return PQF_OK;
    return pqf_arena_printf(arena, out, err, "%s/%s",
                            strcmp(resolved, "/") ? resolved : "", last);
}

static pqf_status check_target(const pqf_commit *c, pqf_error *err) {
    struct stat st;
    if (stat(c->dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return pqf_fail_errno(err, ENOTDIR, "the output folder is a file");
    return c->mode == PQF_OVERWRITE ? check_overwrite(c->dir, err) : PQF_OK;
}

/* The innermost folder above the dataset that is there already. */
static pqf_status find_existing(pqf_commit *c, pqf_error *err) {
    TRY(pqf_arena_string(&c->arena, pqf_bytes_of(c->parent, strlen(c->parent)),
                         &c->existing, err));
    char *path = (char *)(uintptr_t)c->existing;
    while (access(path, F_OK) != 0 && strrchr(path, '/') != path)
        *strrchr(path, '/') = 0;
    if (access(path, F_OK) != 0) path[1] = 0; /* the root */
    return PQF_OK;
}

static pqf_status begin(pqf_commit *c, const char *dir, pqf_error *err) {
    char id[33];
    const char *copy;
    TRY(resolve(&c->arena, dir, &c->dir, err));
    TRY(check_target(c, err));
    TRY(pqf_arena_string(&c->arena, pqf_bytes_of(c->dir, strlen(c->dir)), &copy, err));
    char *slash = strrchr((char *)(uintptr_t)copy, '/');
    *slash = 0;
    c->parent = slash == copy ? "/" : copy;
    TRY(find_existing(c, err));
    TRY(pqf_fs_random_id(id, err));
    TRY(pqf_arena_printf(&c->arena, &c->sibling, err, "%s/.%s.forge",
                         strcmp(c->parent, "/") ? c->parent : "", slash + 1));
    TRY(pqf_arena_printf(&c->arena, &c->stage, err, "%s/%s", c->sibling, id));
    c->dir_existed = access(c->dir, F_OK) == 0;
    return pqf_stage_make(c, err);
}

pqf_status pqf_commit_begin(pqf_commit *c, const char *dir, pqf_mode mode, bool durable,
                            pqf_mem *mem, pqf_error *err) {
    *c = (pqf_commit){
        .mem = mem, .mode = mode, .durable = durable, .lock_fd = -1, .owner = getpid()};
    pqf_arena_init(&c->arena, mem);
    pqf_status status = begin(c, dir, err);
    if (status == PQF_OK) return status;
    pqf_commit_reset(c);
    return pqf_error_at_path(err, dir);
}

/* An abandoned write leaves no parent folders that it made. */
static void remove_made_parents(pqf_commit *c) {
    char *path = (char *)(uintptr_t)c->parent;
    while (!c->done && strlen(path) > strlen(c->existing) && rmdir(path) == 0)
        *strrchr(path, '/') = 0;
}

void pqf_commit_reset(pqf_commit *c) {
    if (c->stage) {
        pqf_stage_remove(c);
        if (c->owner == getpid()) remove_made_parents(c);
    }
    pqf_arena_reset(&c->arena);
    *c = (pqf_commit){0};
}

/* ---- sync ---- */

static pqf_status sync_path(const char *path, pqf_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return pqf_fail_errno(err, errno, "cannot open to sync");
    int result = fsync(fd), os_errno = errno;
    close(fd);
    return result == 0 ? PQF_OK : pqf_fail_errno(err, os_errno, "cannot sync");
}

static pqf_status sync_file_system(const char *path, pqf_error *err) {
#ifdef __linux__
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return pqf_fail_errno(err, errno, "cannot open to sync");
    int result = syncfs(fd), os_errno = errno;
    close(fd);
    return result == 0 ? PQF_OK : pqf_fail_errno(err, os_errno, "cannot sync");
#else
    (void)path;
    (void)err;
    sync();
    return PQF_OK;
#endif
}

static pqf_status parent_of(pqf_commit *c, const char *path, const char **out,
                            pqf_error *err) {
    const char *slash = strrchr(path, '/');
    return pqf_arena_string(&c->arena, pqf_bytes_of(path, (size_t)(slash - path)), out,
                            err);
}

/* Syncs the folder of `path` and those above it up to `top`, a path above it. */
static pqf_status sync_folders(pqf_commit *c, const char *path, const char *top,
                               pqf_error *err) {
    const char *folder;
    TRY(parent_of(c, path, &folder, err));
    while (*folder && strlen(folder) >= strlen(top)) {
        TRY(pqf_fs_sync_folder(folder, err));
        TRY(parent_of(c, folder, &folder, err));
    }
    return *folder || strcmp(top, "/") ? PQF_OK : pqf_fs_sync_folder("/", err);
}

/* Everything staged reaches the disk, whatever its number. */
static pqf_status sync_files(pqf_commit *c, const char *root, const char *const *files,
                             int64_t n, pqf_error *err) {
    if (!c->durable) return PQF_OK;
    if (n > SYNCFS_FILES) return sync_file_system(c->parent, err);
    for (int64_t i = 0; i < n; i++) {
        const char *path;
        TRY(pqf_arena_printf(&c->arena, &path, err, "%s/%s", root, files[i]));
        TRY(sync_path(path, err));
        TRY(sync_folders(c, path, root, err));
    }
    return PQF_OK;
}

/* ---- the two commits ---- */

static pqf_status move_file(pqf_commit *c, const char *file, pqf_error *err) {
    const char *from, *to, *folder;
    TRY(pqf_arena_printf(&c->arena, &from, err, "%s/%s", c->stage, file));
    TRY(pqf_arena_printf(&c->arena, &to, err, "%s/%s", c->dir, file));
    TRY(parent_of(c, to, &folder, err));
    TRY(pqf_fs_make_folders(folder, err));
    if (rename(from, to) == 0) return PQF_OK;
    pqf_fail_errno(err, errno, "cannot give a file its name");
    return pqf_error_at_path(err, to);
}

/* The names reach the disk: of the files, of their folders, of the folders above that
 * were made. */
static pqf_status sync_names(pqf_commit *c, const char *const *files, int64_t n,
                             pqf_error *err) {
    if (!c->durable) return PQF_OK;
    if (n > SYNCFS_FILES) return sync_file_system(c->dir, err);
    for (int64_t i = 0; i < n; i++) {
        const char *to;
        TRY(pqf_arena_printf(&c->arena, &to, err, "%s/%s", c->dir, files[i]));
        TRY(sync_folders(c, to, c->dir, err));
    }
    return sync_folders(c, c->dir, c->existing, err);
}

static pqf_status give_names(pqf_commit *c, const char *const *files, int64_t n,
                             int64_t *num_moved, pqf_error *err) {
    TRY(sync_files(c, c->stage, files, n, err));
    TRY(pqf_fs_make_folders(c->dir, err));
    for (; *num_moved < n; ++*num_moved)
        TRY(move_file(c, files[*num_moved], err));
    return sync_names(c, files, n, err);
}

/* Removes a file of a failed append and the folders that are empty without it. Needs no
 * memory: there may be none. */
static void take_back(const pqf_commit *c, const char *file, bool was_moved) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", c->dir, file);
    if (n < 0 || (size_t)n >= sizeof path) return;
    if (was_moved) unlink(path);
    for (char *slash = strrchr(path, '/'); slash > path + strlen(c->dir);
         slash = strrchr(path, '/')) {
        *slash = 0;
        if (rmdir(path) != 0) return;
    }
}

static pqf_status append(pqf_commit *c, const char *const *files, int64_t n,
                         pqf_error *err) {
    int64_t num_moved = 0;
    pqf_status status = give_names(c, files, n, &num_moved, err);
    if (status == PQF_OK) return PQF_OK;
    for (int64_t i = 0; i <= num_moved && i < n; i++)
        take_back(c, files[i], i < num_moved);
    if (!c->dir_existed) rmdir(c->dir);
    return status;
}

/* The mode bits of the folder that is replaced stay. */
static void keep_mode(const pqf_commit *c) {
    struct stat st;
    if (stat(c->dir, &st) == 0 && chmod(c->stage, st.st_mode & 07777) != 0) errno = 0;
}

static pqf_status sync_switch(pqf_commit *c, pqf_error *err) {
    if (!c->durable) return PQF_OK;
    TRY(sync_folders(c, c->dir, c->existing, err));
    return pqf_fs_sync_folder(c->sibling, err);
}

static pqf_status overwrite(pqf_commit *c, const char *const *files, int64_t n,
                            pqf_error *err) {
    pqf_error ignored;
    TRY(sync_files(c, c->stage, files, n, err));
    keep_mode(c);
    /* succeeds where nothing or an empty folder stands */
    bool was_empty = rename(c->stage, c->dir) == 0;
    if (!was_empty && errno != ENOTEMPTY && errno != EEXIST)
        return pqf_fail_errno(err, errno, "cannot give the new dataset its name");
    if (!was_empty) TRY(pqf_fs_exchange(c->stage, c->dir, err));
    pqf_status status = sync_switch(c, err);
    if (status == PQF_OK) return PQF_OK;
    /* A call that fails changes nothing: back to the old names. */
    pqf_error_init(&ignored);
    if (!was_empty)
        (void)pqf_fs_exchange(c->stage, c->dir, &ignored);
    else if (rename(c->dir, c->stage) == 0 && c->dir_existed)
        (void)pqf_fs_make_folders(c->dir, &ignored);
    return status;
}

pqf_status pqf_commit_finish(pqf_commit *c, const pqf_change *change, pqf_error *err) {
    if (change->num_removed || change->num_emptied)
        return pqf_fail(err, PQF_UNSUPPORTED, "replacing files is not built yet");
    pqf_status status = c->mode == PQF_OVERWRITE
                            ? overwrite(c, change->files, change->num_files, err)
                            : append(c, change->files, change->num_files, err);
    if (status != PQF_OK) return pqf_error_at_path(err, c->dir);
    c->done = true;
    return PQF_OK;
}
