/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.c: the hidden place where a dataset's writer works, and what killed writers left
 * there.
 *
 *   .<name>.forge/            the sibling, shared by all writers of the dataset
 *   .<name>.forge/<id>/       the stage of one writer
 *   .<name>.forge/<id>.lock   locked (flock) as long as that writer, or a process that it
 *                             forked, lives
 *
 * A stage whose lock is free belongs to nobody: the next writer removes it. A writer
 * holds the sibling's own lock shared from making its lock file to locking it, a sweeper
 * holds it exclusively, so that no living stage is ever seen unlocked. Where a file
 * system has no locks nothing is swept.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tries to make a stage while other writers remove the folder around it. */
#define STAGE_TRIES 100

#define ID_CHARS 32

static int lock(int fd, int how) {
    int result;
    do
        result = flock(fd, how);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

static void close_fd(int fd) {
    if (fd >= 0) close(fd);
}

/* The folder `path`, open and locked; -1 and errno, ENOENT where it is gone. */
static int open_folder(const char *path, int how) {
    struct stat opened, named;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int e = lock(fd, how);
    /* by now the folder may be gone, or another one may have its name */
    if (!e && (fstat(fd, &opened) != 0 || stat(path, &named) != 0)) e = errno;
    if (!e && (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino))
        e = ENOENT;
    if (!e) return fd;
    close(fd);
    errno = e;
    return -1;
}

/* ---- sweeping ---- */

/* True when no living writer holds the lock; *fd keeps it then (-1: there is no such
 * file). */
static bool is_free(const char *path, int *fd) {
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return errno == ENOENT;
    if (lock(*fd, LOCK_EX | LOCK_NB) == 0) return true;
    close(*fd);
    return false;
}

static bool is_id(const char *name, const char *end) {
    return strspn(name, "0123456789abcdef") == ID_CHARS && !strcmp(name + ID_CHARS, end);
}

/* An entry of the sibling: a stage, or the lock of one; both go together. */
static pqf_status sweep_entry(void *context, const char *name, pqf_fs_type type,
                              pqf_error *err) {
    pqf_commit *c = context;
    const char *stage, *lock_path;
    int fd;
    if (type == PQF_FS_FOLDER ? !is_id(name, "") : !is_id(name, ".lock")) return PQF_OK;
    TRY(pqf_arena_printf(&c->arena, &stage, err, "%s/%.*s", c->sibling, ID_CHARS, name));
    TRY(pqf_arena_printf(&c->arena, &lock_path, err, "%s.lock", stage));
    if (!is_free(lock_path, &fd)) return PQF_OK;
    pqf_status status = pqf_fs_remove_tree(stage, err);
    if (status == PQF_OK && fd >= 0) unlink(lock_path);
    close_fd(fd);
    return status;
}

/* What cannot be removed stays: it is in nobody's way. */
static void sweep(pqf_commit *c) {
    pqf_error ignored;
    int fd = open_folder(c->sibling, LOCK_EX | LOCK_NB);
    if (fd < 0) return;
    pqf_error_init(&ignored);
    (void)pqf_fs_list(c->sibling, c->mem, sweep_entry, c, &ignored);
    close(fd);
}

/* ---- making and removing ---- */

/* The lock file, locked, then the stage. ENOENT: the sibling has been removed
 * meanwhile. */
static int make_both(pqf_commit *c) {
    int folder = open_folder(c->sibling, LOCK_SH);
    if (folder < 0 && errno == ENOENT) return ENOENT;
    int e = 0;
    c->lock_fd = open(c->lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (c->lock_fd < 0) e = errno;
    if (!e) (void)lock(c->lock_fd, LOCK_EX | LOCK_NB);
    if (!e && mkdir(c->stage, 0777) != 0) e = errno;
    if (e && c->lock_fd >= 0) {
        unlink(c->lock);
        close(c->lock_fd);
        c->lock_fd = -1;
    }
    close_fd(folder);
    return e;
}

pqf_status pqf_stage_make(pqf_commit *c, pqf_error *err) {
    int e = 0;
    TRY(pqf_arena_printf(&c->arena, &c->lock, err, "%s.lock", c->stage));
    sweep(c);
    for (int tries = 0; tries < STAGE_TRIES; tries++) {
        TRY(pqf_fs_make_folders(c->sibling, err));
        e = make_both(c);
        if (e != ENOENT) break;
    }
    return e ? pqf_fail_errno(err, e, "cannot make the staging folder") : PQF_OK;
}

/* A forked child may free its copy of a writer: the stage is its parent's. */
void pqf_stage_remove(pqf_commit *c) {
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (c->owner == getpid()) {
        pqf_fs_remove_tree(c->stage, &ignored);
        if (c->lock_fd >= 0) unlink(c->lock);
        rmdir(c->sibling); /* stays while other writers stage there */
    }
    close_fd(c->lock_fd);
    c->lock_fd = -1;
}
