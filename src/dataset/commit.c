/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.c: how a dataset's files get their names. Everything is written in the writer's
 * room (stage.c) on the same file system, and synced there. One system call is the
 * commit: before it nothing has changed, after it everything has for readers of ours, and
 * whoever comes next carries out what a killed writer left undone (settle.c).
 *
 *   a new dataset   rename of the staged tree
 *   one file        rename of the file
 *   a change        rename of the journal to <id>.commit; then pqf_apply_change
 *   overwrite       exchange of the staged tree and the folder; where that cannot be, rename
 *                   of a journal and then pqf_apply_swap
 *
 * All but the one file happen under the commit lock. Functions that run behind the commit
 * allocate nothing. docs/commit.md has the proof.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Tries of what others may make impossible for a moment. */
#define TRIES 100

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

#define PATH_ROOM (PATH_MAX + 64)

/* ---- begin ---- */

static pqf_status check_target(const pqf_commit *c, pqf_error *err) {
    struct stat st;
    if (!strcmp(c->dir, "/"))
        return pqf_fail(err, PQF_INVALID, "refusing to write a dataset to the root");
    if (stat(c->dir, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? PQF_OK
                   : pqf_fail_errno(err, ENOTDIR, "the output folder is a file");
    /* A folder that is there now has just been made by another writer. */
    if (errno == ENOENT && lstat(c->dir, &st) == 0 && S_ISLNK(st.st_mode))
        return pqf_fail_errno(err, ENOENT,
                              "the output folder is a symbolic link that leads nowhere; "
                              "make the folder, or remove the link");
    return PQF_OK;
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

static pqf_status set_paths(pqf_commit *c, const char *dir, pqf_error *err) {
    pqf_place place;
    TRY(pqf_place_find(&c->arena, dir, &place, err));
    c->dir = place.dir;
    c->parent = place.parent;
    c->sibling = place.sibling;
    if (c->mode == PQF_OVERWRITE) TRY(pqf_place_check_overwrite(c->dir, err));
    TRY(check_target(c, err));
    return find_existing(c, err);
}

/* A mount point cannot change places with a folder of another file system. */
static pqf_status check_file_system(pqf_commit *c, pqf_error *err) {
    struct stat folder, stage;
    if (stat(c->dir, &folder) != 0) return PQF_OK;
    c->inode = pqf_inode(&folder);
    if (stat(c->stage, &stage) != 0 || folder.st_dev == stage.st_dev) return PQF_OK;
    return pqf_fail_errno(
        err, EXDEV,
        "the folder is a mount point: its files cannot be staged beside "
        "it in %s; write to a folder in it",
        c->parent);
}

static pqf_status begin(pqf_commit *c, const char *dir, pqf_error *err) {
    TRY(set_paths(c, dir, err));
    pqf_place place = {c->dir, c->parent, c->sibling};
    (void)pqf_commit_settle_dead(&place, c->mem, c->run);
    TRY(pqf_poll_run(c->run, err));
    TRY(pqf_stage_make(c, err));
    return check_file_system(c, err);
}

pqf_status pqf_commit_begin(pqf_commit *c, const char *dir, pqf_mode mode, bool durable,
                            pqf_mem *mem, pqf_run *run, pqf_error *err) {
    *c = (pqf_commit){.mem = mem,
                      .run = run,
                      .mode = mode,
                      .durable = durable,
                      .room_fd = -1,
                      .sibling_fd = -1,
                      .owner = getpid()};
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
    if (c->stage && c->existing) {
        pqf_stage_remove(c, false);
        if (c->owner == getpid()) remove_made_parents(c);
    }
    pqf_arena_reset(&c->arena);
    *c = (pqf_commit){.room_fd = -1, .sibling_fd = -1};
}

/* ---- sync ---- */

static int sync_path(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int e = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return e;
}

/* The folder above `path` and those above it down to the length of `top`. */
static pqf_status sync_up(const char *path, const char *top, pqf_error *err) {
    char folder[PATH_ROOM];
    snprintf(folder, sizeof folder, "%s", path);
    for (;;) {
        char *slash = strrchr(folder, '/');
        slash[slash == folder] = '\0';
        TRY(pqf_fs_sync_folder(folder, err));
        if (strlen(folder) <= strlen(top) || slash == folder) return PQF_OK;
    }
}

static void stage_path(const pqf_commit *c, const char *file, const char *end,
                       char out[PATH_ROOM]) {
    snprintf(out, PATH_ROOM, "%s/%s%s", c->stage, file, end);
}

/* The whole file system: the folders that lead to the stage too, as all that were made stand on it. */
static pqf_status sync_all(const pqf_commit *c, pqf_error *err) {
    int e = pqf_sync_file_system(c->room_fd);
    return e ? pqf_fail_errno(err, e, "cannot sync what has been written") : PQF_OK;
}

/* Everything staged reaches the disk, and the names that lead to it. */
static pqf_status sync_stage(const pqf_commit *c, const pqf_change *change,
                             const char *end, pqf_error *err) {
    char path[PATH_ROOM];
    if (!c->durable) return PQF_OK;
    TRY(pqf_poll_run(c->run, err));
    if (change->num_files > PQF_SYNCFS_FILES) return sync_all(c, err);
    for (int64_t i = 0; i < change->num_files; i++) {
        TRY(pqf_poll_run(c->run, err));
        stage_path(c, change->files[i], end, path);
        int e = sync_path(path);
        if (e) return pqf_fail_errno(err, e, "cannot sync what has been written");
        TRY(sync_up(path, c->stage, err));
    }
    TRY(pqf_fs_sync_folder(c->stage, err));
    return sync_up(c->stage, c->existing, err);
}

/* ---- pieces ---- */

/* A path of the staged files or of kept ones must have room for what is put around it. */
static pqf_status check_path(const char *path, pqf_error *err) {
    if (pqf_fs_is_plain(path) && strlen(path) + 256 < PATH_MAX) return PQF_OK;
    return pqf_fail(err, PQF_INVALID, "'%.100s' is no path below the dataset's folder",
                    path);
}

/* A tree that is to become the folder has its final names; back: it has not any more. */
static pqf_status name_tree(const pqf_commit *c, const pqf_change *change, bool back,
                            pqf_error *err) {
    char staged[PATH_ROOM], final[PATH_ROOM];
    for (int64_t i = 0; i < change->num_files; i++) {
        TRY(pqf_poll_run(c->run, err));
        stage_path(c, change->files[i], PQF_STAGED, staged);
        stage_path(c, change->files[i], "", final);
        if (rename(back ? final : staged, back ? staged : final) == 0) continue;
        pqf_fail_errno(err, errno, "cannot give a file its name");
        return pqf_error_at_path(err, staged);
    }
    return PQF_OK;
}

static pqf_status lock(pqf_commit *c, pqf_error *err) {
    TRY(pqf_sibling_lock(c->sibling, true, c->run, &c->sibling_fd, err));
    pqf_status status = pqf_commit_settle(c->dir, c->sibling_fd, c->mem, c->run, err);
    if (status == PQF_OK) return status;
    pqf_sibling_unlock(c->sibling_fd);
    c->sibling_fd = -1;
    return status;
}

static void unlock(pqf_commit *c) {
    pqf_sibling_unlock(c->sibling_fd);
    c->sibling_fd = -1;
}

/* The error of a step behind the commit, which stands. */
static pqf_status but_committed(const char *what, pqf_error *err) {
    char text[160];
    pqf_error cause = *err;
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, cause.message);
    pqf_fail(err, cause.status, "%s: %s", what, text);
    err->os_errno = cause.os_errno;
    return cause.status;
}

#define NOT_SYNCED "the new rows are in place, but a power cut may lose them"
#define NOT_DONE                                                                         \
    "the change is committed and its rows are safe: the next read or write of the "      \
    "dataset finishes it, "                                                              \
    "and rows that are written once more would be there twice"

/* ---- a change of a dataset that is there ---- */

static pqf_status changed_meanwhile(const char *what, pqf_error *err) {
    return pqf_fail(err, PQF_IO,
                    "the dataset was changed meanwhile: %.120s; nothing has been written",
                    what);
}

/* Nothing has the file's name, and what of its folder is there may be written. */
static int check_free(int folder, const char *file) {
    struct stat st, top;
    char path[PATH_ROOM];
    int e = pqf_fs_stat_below(folder, file, &st);
    if (e != ENOENT) return e ? e : EEXIST;
    snprintf(path, sizeof path, "%s", file);
    int fd = -1;
    while (fd < 0) {
        char *slash = strrchr(path, '/');
        *(slash ? slash : path) = '\0';
        fd = pqf_fs_folder_below(folder, path, false);
        if (fd < 0 && (errno != ENOENT || !*path)) return errno;
    }
    e = faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
    if (!e && (fstat(fd, &st) != 0 || fstat(folder, &top) != 0)) e = errno;
    if (!e && st.st_dev != top.st_dev) e = EXDEV;
    close(fd);
    return e;
}

static pqf_status plan_files(pqf_commit *c, const pqf_change *change, int folder,
                             pqf_journal *j, pqf_error *err) {
    char staged[PATH_ROOM];
    struct stat st;
    void *block;
    TRY(pqf_arena_array(&c->arena, (size_t)change->num_files, sizeof(int64_t), &block,
                        err));
    j->sizes = block;
    for (int64_t i = 0; i < change->num_files; i++) {
        TRY(pqf_poll_run(c->run, err));
        snprintf(staged, sizeof staged, "tree/%s" PQF_STAGED, change->files[i]);
        int e = pqf_fs_stat_below(c->room_fd, staged, &st);
        if (!e) e = check_free(folder, change->files[i]);
        if (e) {
            pqf_fail_errno(err, e, "cannot add the file");
            return pqf_error_at_path(err, change->files[i]);
        }
        j->sizes[i] = st.st_size;
    }
    j->files = (const char **)(uintptr_t)change->files;
    j->num_files = change->num_files;
    return PQF_OK;
}

/* Collects what stands in a folder that is emptied. */
typedef struct emptying {
    pqf_commit *c;
    int folder;       /* of the dataset */
    const char *path; /* below it */
    pqf_buf *removed; /* const char *[] */
} emptying;

static pqf_status empty_folder(emptying *w, const char *path, pqf_error *err);

static pqf_status add_emptied(void *context, const char *name, pqf_fs_type type,
                              pqf_error *err) {
    emptying *w = context;
    const char *path;
    struct stat st;
    TRY(pqf_arena_printf(&w->c->arena, &path, err, "%s%s%s", w->path, *w->path ? "/" : "",
                         name));
    if (type == PQF_FS_FOLDER && pqf_fs_stat_below(w->folder, path, &st) == 0 &&
        S_ISDIR(st.st_mode))
        return empty_folder(w, path, err);
    TRY(check_path(path, err));
    return pqf_buf_put(w->removed, &path, sizeof path, err);
}

static pqf_status empty_folder(emptying *w, const char *path, pqf_error *err) {
    const char *outer = w->path;
    int fd = pqf_fs_folder_below(w->folder, path, false);
    if (fd < 0 && errno == ENOENT) return PQF_OK;
    if (fd < 0) {
        pqf_fail_errno(err, errno, "cannot empty the folder");
        return pqf_error_at_path(err, path);
    }
    w->path = path;
    pqf_status status = pqf_fs_list_below(fd, ".", path, w->c->mem, add_emptied, w, err);
    w->path = outer;
    close(fd);
    return status;
}

/* The file can be moved to the sibling. */
static pqf_status check_removed(const char *file, int folder, pqf_error *err) {
    struct stat st, top;
    char text[PATH_ROOM];
    int e = pqf_fs_stat_below(folder, file, &st);
    if (e == ENOENT) {
        snprintf(text, sizeof text, "%s is gone", file);
        return changed_meanwhile(text, err);
    }
    if (!e && S_ISDIR(st.st_mode)) e = EISDIR;
    if (!e && fstat(folder, &top) == 0 && top.st_dev != st.st_dev) e = EXDEV;
    if (!e) return PQF_OK;
    pqf_fail_errno(err, e, "cannot remove the file");
    return pqf_error_at_path(err, file);
}

static pqf_status plan_removed(pqf_commit *c, const pqf_change *change, int folder,
                               pqf_journal *j, pqf_error *err) {
    void *block;
    pqf_buf removed = {.mem = c->mem};
    emptying w = {c, folder, "", &removed};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < change->num_removed; i++)
        TRY_DONE(pqf_buf_put(&removed, &change->removed[i], sizeof(char *), err));
    for (int64_t i = 0; i < change->num_emptied; i++)
        TRY_DONE(empty_folder(&w, change->emptied[i], err));
    j->num_removed = (int64_t)(removed.len / sizeof(char *));
    TRY_DONE(pqf_arena_alloc(&c->arena, removed.len + sizeof(char *), &block, err));
    j->removed = block;
    if (removed.len) memcpy(block, removed.data, removed.len);
    for (int64_t i = 0; i < j->num_removed; i++) {
        TRY_DONE(pqf_poll_run(c->run, err));
        TRY_DONE(check_removed(j->removed[i], folder, err));
    }
done:
    pqf_buf_reset(&removed);
    return status;
}

/* Everything that can be seen to go wrong does so here. */
static pqf_status plan(pqf_commit *c, const pqf_change *change, int folder,
                       pqf_journal *j, pqf_error *err) {
    struct stat st;
    if (fstat(folder, &st) != 0) return pqf_fail_errno(err, errno, "cannot commit");
    *j = (pqf_journal){.durable = c->durable};
    memcpy(j->id, c->id, sizeof j->id);
    if (change->num_removed && pqf_inode(&st) != c->inode)
        return changed_meanwhile("its folder has been replaced", err);
    TRY(plan_files(c, change, folder, j, err));
    return plan_removed(c, change, folder, j, err);
}

/* The commit: the journal's rename. Its sync that fails makes nothing undone. */
static pqf_status commit_journal(pqf_commit *c, const pqf_journal *j, pqf_error *err) {
    char name[PQF_ID_CHARS + 16];
    pqf_journal_name(j, name);
    TRY(pqf_journal_write(j, c->room_fd, "journal", c->mem, err));
    if (renameat(c->room_fd, "journal", c->sibling_fd, name) != 0)
        return pqf_fail_errno(err, errno, "cannot commit");
    c->keep_room = true;
    int e = c->durable ? pqf_fs_sync_fd(c->sibling_fd) : 0;
    if (!e) return PQF_OK;
    pqf_fail_errno(err, e, "cannot sync the journal");
    return but_committed(NOT_DONE, err);
}

static pqf_status change_folder(pqf_commit *c, const pqf_change *change, int folder,
                                pqf_error *err) {
    pqf_journal j;
    TRY(plan(c, change, folder, &j, err));
    if (j.num_files + j.num_removed == 0) return PQF_OK;
    int e = pqf_touch_folder(folder); /* it can be done */
    if (e) return pqf_fail_errno(err, e, "cannot set the folder's time of change");
    TRY(commit_journal(c, &j, err));
    e = pqf_apply_change(&j, c->sibling_fd, c->room_fd, folder, false, c->run);
    if (e == ECANCELED) TRY(pqf_poll_run(c->run, err));
    if (e) {
        pqf_fail_errno(err, e, "cannot move a file");
        return but_committed(NOT_DONE, err);
    }
    c->keep_room = false;
    return PQF_OK;
}

/* The folder is not the one, or was without the files, that the writer has looked at. */
static bool is_another(const pqf_commit *c, const pqf_change *change) {
    struct stat st;
    return change->check &&
           (change->was_empty || stat(c->dir, &st) != 0 || pqf_inode(&st) != c->inode);
}

static pqf_status check_and_change(pqf_commit *c, const pqf_change *change, int folder,
                                   pqf_error *err) {
    if (is_another(c, change)) TRY(change->check(change->check_context, err));
    return change_folder(c, change, folder, err);
}

static pqf_status append_many(pqf_commit *c, const pqf_change *change, pqf_error *err) {
    TRY(sync_stage(c, change, PQF_STAGED, err));
    TRY(lock(c, err));
    pqf_status status;
    int folder = open(c->dir, FOLDER_FLAGS);
    if (folder >= 0)
        status = check_and_change(c, change, folder, err);
    else if (errno == ENOENT && change->num_removed)
        status = changed_meanwhile("its folder is gone", err);
    else
        status = pqf_fail_errno(err, errno, "cannot open the folder");
    if (folder >= 0) close(folder);
    unlock(c);
    return status;
}

/* ---- one file ---- */

/* ENOENT: the folder, or one in it, has been replaced or removed just now. */
static int append_file(const pqf_commit *c, const char *file, int folder) {
    char staged[PATH_ROOM];
    struct stat st;
    snprintf(staged, sizeof staged, "tree/%s" PQF_STAGED, file);
    int e = pqf_fs_stat_below(c->room_fd, staged, &st);
    if (e) return e == ENOENT ? EBADF : e;
    e = check_free(folder, file);
    if (!e) e = pqf_fs_rename_below(c->room_fd, staged, folder, file);
    if (e && e != ENOENT) pqf_fs_remove_empty_below(folder, file);
    return e;
}

static pqf_status append_one(pqf_commit *c, const char *file, pqf_error *err) {
    char path[PATH_ROOM];
    int e = ENOENT, folder = -1;
    stage_path(c, file, PQF_STAGED, path);
    if (c->durable && (e = sync_path(path)) != 0)
        return pqf_fail_errno(err, e, "cannot sync what has been written");
    e = ENOENT;
    for (int n = 0; e == ENOENT && n < TRIES; n++) {
        TRY(pqf_try_later(n, c->run, err));
        folder = open(c->dir, FOLDER_FLAGS);
        e = folder < 0 ? errno : append_file(c, file, folder);
        if (e && folder >= 0) close(folder);
    }
    if (e) {
        pqf_fail_errno(err, e, "cannot add the file");
        return pqf_error_at_path(err, file);
    }
    e = c->durable ? pqf_fs_sync_below(folder, file) : 0;
    close(folder);
    if (!e) return PQF_OK;
    pqf_fail_errno(err, e, "cannot sync the folder");
    return but_committed(NOT_SYNCED, err);
}

/* ---- a new dataset ---- */

static pqf_status sync_switch(const pqf_commit *c, pqf_error *err) {
    if (!c->durable) return PQF_OK;
    pqf_status status = sync_up(c->dir, c->existing, err);
    if (status == PQF_OK) status = pqf_fs_sync_folder(c->room, err);
    return status == PQF_OK ? status : but_committed(NOT_SYNCED, err);
}

/* *created: false where another writer was faster. */
static pqf_status create(pqf_commit *c, const pqf_change *change, bool *created,
                         pqf_error *err) {
    struct stat st;
    TRY(name_tree(c, change, false, err));
    TRY(sync_stage(c, change, "", err));
    TRY(lock(c, err));
    int e = lstat(c->dir, &st) == 0 ? EEXIST : 0;
    if (!e && rename(c->stage, c->dir) != 0) e = errno;
    unlock(c);
    *created = e == 0;
    if (e && e != EEXIST && e != ENOTEMPTY)
        return pqf_fail_errno(err, e, "cannot give the new dataset its name");
    return *created ? sync_switch(c, err) : name_tree(c, change, true, err);
}

static pqf_status append(pqf_commit *c, const pqf_change *change, pqf_error *err) {
    struct stat st;
    bool created = false, removes = change->num_removed || change->num_emptied;
    if (!change->num_removed && lstat(c->dir, &st) != 0 && errno == ENOENT)
        TRY(create(c, change, &created, err));
    if (created || (!change->num_files && !removes)) return PQF_OK;
    if (change->num_files == 1 && !removes && !is_another(c, change))
        return append_one(c, change->files[0], err);
    return append_many(c, change, err);
}

/* ---- overwrite ---- */

/* The mode bits of the folder that is replaced stay. */
static void keep_mode(const pqf_commit *c) {
    struct stat st;
    if (stat(c->dir, &st) == 0) (void)chmod(c->stage, st.st_mode & 07777);
}

static pqf_status swap(pqf_commit *c, pqf_error *err) {
    pqf_journal j = {.swap = true, .durable = c->durable};
    memcpy(j.id, c->id, sizeof j.id);
    TRY(commit_journal(c, &j, err));
    int e = pqf_apply_swap(&j, c->sibling_fd, c->room_fd, c->dir);
    if (e) {
        pqf_fail_errno(err, e, "cannot replace the folder");
        return but_committed(NOT_DONE, err);
    }
    c->keep_room = false;
    return PQF_OK;
}

static pqf_status replace(pqf_commit *c, pqf_error *err) {
    keep_mode(c);
    /* succeeds where nothing or an empty folder stands */
    if (rename(c->stage, c->dir) == 0) return sync_switch(c, err);
    if (errno != ENOTEMPTY && errno != EEXIST)
        return pqf_fail_errno(err, errno, "cannot give the new dataset its name");
    int e = pqf_fs_exchange(AT_FDCWD, c->stage, AT_FDCWD, c->dir);
    if (e == ENOTSUP) return swap(c, err);
    if (e) return pqf_fail_errno(err, e, "cannot exchange the folders");
    pqf_status status = sync_switch(c, err);
    c->keep_room = status != PQF_OK; /* the old rows, while the new ones may be lost */
    return status;
}

static pqf_status overwrite(pqf_commit *c, const pqf_change *change, pqf_error *err) {
    TRY(name_tree(c, change, false, err));
    TRY(sync_stage(c, change, "", err));
    TRY(lock(c, err));
    pqf_status status = replace(c, err);
    unlock(c);
    return status;
}

pqf_status pqf_commit_finish(pqf_commit *c, const pqf_change *change, pqf_error *err) {
    if (c->owner != getpid())
        return pqf_fail(err, PQF_INVALID,
                        "the writer was opened by another process, before a fork");
    pqf_status status = PQF_OK;
    for (int64_t i = 0; status == PQF_OK && i < change->num_files; i++)
        status = check_path(change->files[i], err);
    for (int64_t i = 0; status == PQF_OK && i < change->num_removed; i++)
        status = check_path(change->removed[i], err);
    for (int64_t i = 0; status == PQF_OK && i < change->num_emptied; i++)
        if (*change->emptied[i]) status = check_path(change->emptied[i], err);
    if (status == PQF_OK)
        status =
            c->mode == PQF_OVERWRITE ? overwrite(c, change, err) : append(c, change, err);
    if (status != PQF_OK) return pqf_error_at_path(err, c->dir);
    c->done = true;
    pqf_stage_remove(c, true);
    return pqf_poll_run(c->run, err);
}
