/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.c: the hidden place where a dataset's writers work, its locks, and what killed
 * writers left there.
 *
 *   .<name>.forge/              the sibling; its lock is the commit lock
 *   .<name>.forge/<id>/         the room of one writer, locked as long as that writer, or
 *                               a process that it forked, lives
 *   .<name>.forge/<id>/tree/    what it stages; after an overwrite the old rows
 *   .<name>.forge/<id>/gone/    the old rows where folders cannot be exchanged; late/: a
 *                               folder that somebody made in the gap
 *   .<name>.forge/<id>/kept-N/  files taken out of the folder with the inode N
 *   .<name>.forge/<id>.commit   the journal of a commit that has begun
 *
 * All locks are flocks: they end with the last process that inherited them, so no timeout
 * decides who is dead. Whoever locks a name that others may remove locks what he has
 * opened and then looks whether the name still means that. A room goes when its lock is
 * free, no journal speaks of it, and nobody holds a lock on rows in it: a reader locks
 * the folder that it reads, wherever that is moved.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Tries to make a room while other writers remove the folder around it. */
#define ROOM_TRIES 200

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- locks ---- */

int pqf_lock_try(int fd, int how) {
    int result;
    do
        result = flock(fd, how | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

pqf_status pqf_try_later(int n, pqf_run *run, pqf_error *err) {
    if (n == 0) return PQF_OK;
    int ms = n < 10 ? n : 10;
    struct timespec pause = {.tv_nsec = ms * 1000000L};
    nanosleep(&pause, NULL); /* a signal may cut it short */
    return run ? pqf_run_poll(run, 0, err) : PQF_OK;
}

bool pqf_is_named(int fd, const char *path) {
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* One try: 0, EWOULDBLOCK (another one has it, or has removed the folder), or errno. */
static int try_sibling(const char *sibling, bool need_locks, int *out) {
    int fd = open(sibling, FOLDER_FLAGS);
    if (fd < 0) return errno;
    int e = pqf_lock_try(fd, LOCK_EX);
    if (e && e != EWOULDBLOCK && !need_locks) e = 0;
    if (!e && !pqf_is_named(fd, sibling)) e = EWOULDBLOCK;
    if (e)
        close(fd);
    else
        *out = fd;
    return e;
}

pqf_status pqf_sibling_lock(const char *sibling, bool wait, pqf_run *run, int *fd,
                            pqf_error *err) {
    int e = EWOULDBLOCK;
    *fd = -1;
    for (int n = 0; e == EWOULDBLOCK && (wait || n == 0); n++) {
        TRY(pqf_try_later(n, run, err));
        e = try_sibling(sibling, !wait, fd);
    }
    if (e == 0 || !wait) return PQF_OK;
    return pqf_fail_errno(err, e, "cannot lock the dataset for the commit");
}

/* A child that was forked meanwhile has the same lock: closing alone would not free it. */
void pqf_sibling_unlock(int fd) {
    if (fd < 0) return;
    (void)flock(fd, LOCK_UN);
    close(fd);
}

/* ---- patience ---- */

/* Removing goes on so long when somebody waits for it to end: small trees are gone by then. */
#define MOMENT_NS INT64_C(50000000)

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_awaited(pqf_patience *p) {
    pqf_error ignored;
    if (!p->run) return p->hurries;
    if (atomic_load(&p->run->cancel)) return true;
    if (!p->ticks) return false;
    pqf_error_init(&ignored);
    return pqf_run_poll(p->run, 0, &ignored) != PQF_OK;
}

static bool goes_on(void *context) {
    pqf_patience *p = context;
    if (!p->until_ns && is_awaited(p)) p->until_ns = now_ns() + MOMENT_NS;
    return !p->until_ns || now_ns() < p->until_ns;
}

/* ---- who reads what ---- */

/* True while another process, or another part of this one, holds a lock on the open
 * folder. */
static bool is_held(int fd) {
    int e = pqf_lock_try(fd, LOCK_EX);
    if (e == 0) (void)flock(fd, LOCK_UN);
    return e == EWOULDBLOCK;
}

static bool is_held_at(int folder, const char *name) {
    int fd = openat(folder, name, FOLDER_FLAGS);
    if (fd < 0) return errno != ENOENT && errno != ENOTDIR; /* in doubt it is */
    bool held = is_held(fd);
    close(fd);
    return held;
}

/* What a walk over the sibling, and one over a room, look for. */
typedef struct search {
    const char *dir; /* the dataset's folder */
    int sibling;
    const char *path; /* of the sibling */
    pqf_mem *mem;
    pqf_patience patience;
    int room;
    int64_t inode; /* of the folder that is looked for */
    bool found;    /* it is being read */
} search;

/* A folder with rows in it: is it the one that is looked for, and read? */
static bool is_read_as(int folder, const char *name, int64_t inode) {
    struct stat st;
    return fstatat(folder, name, &st, 0) == 0 && pqf_inode(&st) == inode &&
           is_held_at(folder, name);
}

static pqf_status look_for_tree(void *context, const char *name, pqf_fs_type type,
                                pqf_error *err) {
    search *s = context;
    (void)err;
    if (type != PQF_FS_FOLDER || !pqf_is_id(name, "")) return PQF_OK;
    int room = openat(s->sibling, name, FOLDER_FLAGS);
    if (room < 0) return PQF_OK;
    s->found |= is_read_as(room, "tree", s->inode) || is_read_as(room, "gone", s->inode);
    close(room);
    return PQF_OK;
}

/* Files that were taken out of a folder are needed while that folder is read, which may
 * have become an old tree since. */
static pqf_status look_at_entry(void *context, const char *name, pqf_fs_type type,
                                pqf_error *err) {
    search *s = context;
    if (type != PQF_FS_FOLDER) return PQF_OK;
    if (!strcmp(name, "tree") || !strcmp(name, "gone") || !strcmp(name, "late"))
        s->found |= is_held_at(s->room, name);
    if (strncmp(name, "kept-", 5) != 0) return PQF_OK;
    s->inode = strtoll(name + 5, NULL, 10);
    s->found |= is_read_as(AT_FDCWD, s->dir, s->inode);
    return pqf_fs_list_below(s->sibling, ".", ".", s->mem, look_for_tree, s, err);
}

/* In doubt it is. */
static bool room_is_read(search *s, int room) {
    pqf_error ignored;
    pqf_error_init(&ignored);
    s->found = false;
    s->room = room;
    return pqf_fs_list_below(room, ".", ".", s->mem, look_at_entry, s, &ignored) !=
               PQF_OK ||
           s->found;
}

/* ---- sweeping ---- */

static bool has_journal(int sibling, const char *id) {
    char name[PQF_ID_CHARS + 16];
    struct stat st;
    snprintf(name, sizeof name, "%s.commit", id);
    return fstatat(sibling, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* What cannot be removed stays: it is in nobody's way. */
static void remove_room(search *s, const char *id, int room) {
    char path[PATH_MAX + 64];
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (has_journal(s->sibling, id) || room_is_read(s, room)) return;
    snprintf(path, sizeof path, "%s/%s", s->path, id);
    (void)pqf_fs_remove_tree(path, goes_on, &s->patience, &ignored);
}

/* The lock is looked at first, then the journal: a dead writer makes none any more. */
static pqf_status sweep_entry(void *context, const char *name, pqf_fs_type type,
                              pqf_error *err) {
    search *s = context;
    (void)err;
    if (type != PQF_FS_FOLDER || !pqf_is_id(name, "") || !goes_on(&s->patience))
        return PQF_OK;
    int room = openat(s->sibling, name, FOLDER_FLAGS);
    if (room < 0) return PQF_OK;
    if (pqf_lock_try(room, LOCK_EX) == 0) {
        remove_room(s, name, room);
        (void)flock(room, LOCK_UN);
    }
    close(room);
    return PQF_OK;
}

void pqf_sweep(const char *dir, const char *sibling, pqf_mem *mem, pqf_run *run) {
    pqf_error ignored;
    search s = {
        .dir = dir, .path = sibling, .mem = mem, .patience = {run, true, true, 0}};
    s.sibling = open(sibling, FOLDER_FLAGS);
    if (s.sibling < 0) return;
    pqf_error_init(&ignored);
    (void)pqf_fs_list_below(s.sibling, ".", ".", mem, sweep_entry, &s, &ignored);
    close(s.sibling);
}

/* ---- making and removing ---- */

/* A name that no room has had: whoever removes a dead room goes by its name. */
static pqf_status name_room(pqf_commit *c, pqf_error *err) {
    TRY(pqf_fs_random_id(c->id, err));
    TRY(pqf_arena_printf(&c->arena, &c->room, err, "%s/%s", c->sibling, c->id));
    if (strlen(c->room) + 256 > PATH_MAX)
        return pqf_fail_errno(err, ENAMETOOLONG, "cannot use the folder");
    return pqf_arena_printf(&c->arena, &c->stage, err, "%s/tree", c->room);
}

/* ENOENT: others have removed the sibling, or taken the new room for a dead one. */
static int make_room(pqf_commit *c) {
    if (mkdir(c->room, 0777) != 0) return errno;
    c->room_fd = open(c->room, FOLDER_FLAGS);
    if (c->room_fd < 0) {
        int e = errno;
        rmdir(c->room);
        return e;
    }
    int e = pqf_lock_try(c->room_fd, LOCK_EX);
    bool is_lost = e == EWOULDBLOCK || !pqf_is_named(c->room_fd, c->room);
    if (!is_lost && mkdir(c->stage, 0777) == 0) return 0;
    e = is_lost ? ENOENT : errno;
    if (!is_lost) rmdir(c->room);
    close(c->room_fd);
    c->room_fd = -1;
    return e;
}

static pqf_status make_sibling(pqf_commit *c, pqf_error *err) {
    struct stat st;
    if (lstat(c->sibling, &st) == 0 && !S_ISDIR(st.st_mode))
        return pqf_fail_errno(err, ENOTDIR,
                              "%s, where the files of a dataset are staged, is no folder",
                              c->sibling);
    pqf_status status = pqf_fs_make_folders(c->sibling, err);
    if (status == PQF_OK || err->os_errno != EACCES) return status;
    return pqf_fail_errno(err, EACCES,
                          "cannot make %s, where the files of a dataset are staged",
                          c->sibling);
}

pqf_status pqf_stage_make(pqf_commit *c, pqf_error *err) {
    int e = ENOENT;
    for (int n = 0; n < ROOM_TRIES && e == ENOENT; n++) {
        TRY(pqf_try_later(n, c->run, err));
        TRY(name_room(c, err));
        pqf_status status = make_sibling(c, err);
        if (status != PQF_OK && err->os_errno != ENOENT) return status;
        if (status == PQF_OK) e = make_room(c);
        pqf_error_init(err);
    }
    return e ? pqf_fail_errno(err, e, "cannot make the staging folder") : PQF_OK;
}

/* A forked child may free its copy of a writer: the room is its parent's. */
void pqf_stage_remove(pqf_commit *c, bool ticks) {
    if (c->owner == getpid()) {
        search s = {.dir = c->dir,
                    .path = c->sibling,
                    .mem = c->mem,
                    .patience = {c->run, ticks, false, 0}};
        s.sibling = open(c->sibling, FOLDER_FLAGS);
        if (s.sibling >= 0 && c->room_fd >= 0 && !c->keep_room)
            remove_room(&s, c->id, c->room_fd);
        if (s.sibling >= 0) close(s.sibling);
        rmdir(c->sibling); /* stays while others need it */
    }
    if (c->room_fd >= 0) close(c->room_fd);
    c->room_fd = -1;
}
