/* SPDX-License-Identifier: Apache-2.0
 *
 * settle.c: carries out what a journal says: for the writer that has just committed it,
 * and for whoever finds the journal of one that was killed. Doing it twice, or from the
 * middle on, comes to the same. Between a commit and its end nothing here allocates.
 *
 *   a change   folders are made and synced, staged files get their names, removed files
 *              go to the room, both synced; the folder's time moves on; the journal goes
 *   a swap     the folder goes to the room, the staged tree takes its name; the journal goes
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Tries of what others may make impossible for a moment. */
#define TRIES 100

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

#define PATH_ROOM (PATH_MAX + 64)

int pqf_sync_file_system(int fd) {
#ifdef __linux__
    return syncfs(fd) == 0 ? 0 : errno;
#else
    (void)fd;
    sync();
    return 0;
#endif
}

/* ---- the time of change ---- */

static bool later(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* One try to give the folder a later time of change: its owner says which, anybody else
 * who may write waits for the clock. */
static int set_later(int folder, const struct timespec *old, long step_ns) {
    struct timespec now, times[2] = {{.tv_nsec = UTIME_OMIT}, *old};
    times[1].tv_nsec += step_ns % 1000000000;
    times[1].tv_sec += step_ns / 1000000000 + times[1].tv_nsec / 1000000000;
    times[1].tv_nsec %= 1000000000;
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && later(&now, &times[1]))
        times[1] = now;
    if (futimens(folder, times) == 0) return 0;
    if (errno != EPERM) return errno;
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    return futimens(folder, NULL) == 0 ? 0 : errno;
}

/* Readers that look at the folder's time before and after see that a commit has been in
 * between, although its journal has come and gone. Steps: file systems keep nanoseconds,
 * microseconds, milliseconds or two seconds. */
int pqf_touch_folder(int folder) {
    static const long steps_ns[] = {1, 1000, 1000000, 1000000000, 2000000000};
    struct stat before, after;
    if (fstat(folder, &before) != 0) return errno;
    for (int n = 0; n < TRIES; n++) {
        int e = set_later(folder, &before.st_mtim, steps_ns[n < 5 ? n : 4]);
        if (e) return e;
        if (fstat(folder, &after) != 0) return errno;
        if (later(&after.st_mtim, &before.st_mtim)) return 0;
    }
    return ETIME;
}

/* ---- carrying out a journal: nothing here allocates ---- */

/* Does nothing where that has been done already. */
static int move(int from_folder, const char *from, int to_folder, const char *to) {
    struct stat st;
    int e = ENOENT;
    for (int n = 0; e == ENOENT && n < TRIES; n++) {
        if (pqf_fs_stat_below(from_folder, from, &st) == ENOENT) return 0;
        e = pqf_fs_rename_below(from_folder, from, to_folder, to);
    }
    return e; /* others may remove an empty folder as fast as it is made */
}

static int move_in(int room, int folder, const char *file) {
    char from[PATH_ROOM];
    struct stat st;
    snprintf(from, sizeof from, "tree/%s" PQF_STAGED, file);
    int e = pqf_fs_stat_below(folder, file, &st);
    if (e == 0) return 0; /* what is there is not replaced */
    return e == ENOENT ? move(room, from, folder, file) : e;
}

static int take_out(int room, int folder, int64_t inode, const char *file) {
    char to[PATH_ROOM];
    int n = snprintf(to, sizeof to, "kept-%lld/%s" PQF_STAGED, (long long)inode, file);
    int e = move(folder, file, room, to);
    if (e != ENAMETOOLONG) return e;
    to[(size_t)n - strlen(PQF_STAGED)] = '\0'; /* a name of 248 bytes or more */
    return move(folder, file, room, to);
}

static bool same_folder(const char *a, const char *b) {
    const char *slash = strrchr(a, '/');
    size_t n = slash ? (size_t)(slash - a) + 1 : 0;
    return !strncmp(a, b, n) && !strchr(b + n, '/');
}

static int sync_list(int folder, const char *const *paths, int64_t n) {
    int e = 0;
    for (int64_t i = 0; !e && i < n; i++)
        if (i == 0 || !same_folder(paths[i], paths[i - 1]))
            e = pqf_fs_sync_below(folder, paths[i]);
    return e;
}

static int sync_names(const pqf_journal *j, int folder) {
    if (!j->durable) return 0;
    if (j->num_files + j->num_removed > PQF_SYNCFS_FILES)
        return pqf_sync_file_system(folder);
    int e = sync_list(folder, j->files, j->num_files);
    return e ? e : sync_list(folder, j->removed, j->num_removed);
}

void pqf_journal_name(const pqf_journal *j, char out[PQF_ID_CHARS + 16]) {
    snprintf(out, PQF_ID_CHARS + 16, "%s.commit", j->id);
}

/* A removal that a power cut brings back must not hit a file that has its name by then. The
 * change is done, whether this sync succeeds or not. */
static int end_journal(const pqf_journal *j, int sibling) {
    char name[PQF_ID_CHARS + 16];
    pqf_journal_name(j, name);
    if (unlinkat(sibling, name, 0) != 0 && errno != ENOENT) return errno;
    if (j->durable && j->num_removed) (void)pqf_fs_sync_fd(sibling);
    return 0;
}

static bool is_cancelled(pqf_run *run) {
    pqf_error ignored;
    pqf_error_init(&ignored);
    return pqf_poll_run(run, &ignored) != PQF_OK;
}

/* The folders of the files are there, and on the disk: a file that is renamed into a
 * folder whose own name is lost would be lost with it. again: they may have been made by
 * the one who was killed, so that nobody knows whether they were synced. */
static int make_folders(const pqf_journal *j, int folder, bool again, pqf_run *run) {
    char path[PATH_ROOM];
    bool is_new = again;
    for (int64_t i = 0; i < j->num_files; i++) {
        if (is_cancelled(run)) return ECANCELED;
        if (i > 0 && same_folder(j->files[i], j->files[i - 1])) continue;
        snprintf(path, sizeof path, "%s", j->files[i]);
        char *slash = strrchr(path, '/');
        *(slash ? slash : path) = '\0';
        int fd = pqf_fs_folder_below(folder, path, false);
        if (fd < 0 && errno == ENOENT) {
            is_new = true;
            fd = pqf_fs_folder_below(folder, path, true);
        }
        if (fd < 0) return errno;
        close(fd);
    }
    if (!j->durable || !is_new) return 0;
    if (j->num_files > PQF_SYNCFS_FILES) return pqf_sync_file_system(folder);
    return sync_list(folder, j->files, j->num_files);
}

int pqf_apply_change(const pqf_journal *j, int sibling, int room, int folder, bool again,
                     pqf_run *run) {
    struct stat st;
    if (fstat(folder, &st) != 0) return errno;
    int64_t inode = pqf_inode(&st);
    int e = make_folders(j, folder, again, run);
    for (int64_t i = 0; !e && i < j->num_files; i++)
        e = is_cancelled(run) ? ECANCELED : move_in(room, folder, j->files[i]);
    for (int64_t i = 0; !e && i < j->num_removed; i++)
        e = is_cancelled(run) ? ECANCELED : take_out(room, folder, inode, j->removed[i]);
    for (int64_t i = 0; !e && i < j->num_removed; i++)
        if (i == 0 || !same_folder(j->removed[i], j->removed[i - 1]))
            pqf_fs_remove_empty_below(folder, j->removed[i]);
    if (!e && is_cancelled(run)) e = ECANCELED;
    if (!e) e = sync_names(j, folder);
    if (!e) e = pqf_touch_folder(folder);
    return e ? e : end_journal(j, sibling);
}

/* Without an exchange: the folder goes to gone/, the staged tree takes its place. */
int pqf_apply_swap(const pqf_journal *j, int sibling, int room, const char *dir) {
    struct stat st;
    int e = 0;
    if (fstatat(room, "tree", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
        /* `late`: somebody else has made a folder in the gap */
        bool is_gone = fstatat(room, "gone", &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (renameat(AT_FDCWD, dir, room, is_gone ? "late" : "gone") != 0 &&
            errno != ENOENT)
            return errno;
        if (renameat(room, "tree", AT_FDCWD, dir) != 0) return errno;
    }
    if (j->durable) {
        char parent[PATH_ROOM];
        snprintf(parent, sizeof parent, "%s", dir);
        char *slash = strrchr(parent, '/');
        slash[slash == parent] = '\0';
        pqf_error ignored;
        pqf_error_init(&ignored);
        if (pqf_fs_sync_folder(parent, &ignored) != PQF_OK) e = ignored.os_errno;
        if (!e) e = pqf_fs_sync_fd(room);
    }
    return e ? e : end_journal(j, sibling);
}

/* ENOENT: the journal has no meaning any more. */
static int carry_out(const pqf_journal *j, int sibling, const char *dir, pqf_run *run) {
    int room = openat(sibling, j->id, FOLDER_FLAGS | O_NOFOLLOW);
    if (room < 0) return errno == ENOTDIR ? ENOENT : errno;
    if (j->swap) {
        int e = pqf_apply_swap(j, sibling, room, dir);
        close(room);
        return e;
    }
    int folder = open(dir, FOLDER_FLAGS), e = folder < 0 ? errno : 0;
    if (!e) e = pqf_apply_change(j, sibling, room, folder, true, run);
    if (folder >= 0) close(folder);
    close(room);
    return e;
}

static pqf_status settle_one(const char *dir, int sibling, const char *id,
                             pqf_arena *arena, pqf_run *run, pqf_error *err) {
    pqf_journal j;
    bool is_valid;
    char name[PQF_ID_CHARS + 16];
    TRY(pqf_journal_read(sibling, id, arena, &j, &is_valid, err));
    int e = is_valid ? carry_out(&j, sibling, dir, run) : ENOENT;
    if (e == 0) return PQF_OK;
    if (e == ECANCELED) TRY(pqf_poll_run(run, err));
    if (e != ENOENT)
        return pqf_fail_errno(err, e,
                              "cannot finish the commit of a writer that is gone");
    pqf_journal_name(&j, name);
    (void)unlinkat(sibling, name, 0);
    return PQF_OK;
}

pqf_status pqf_commit_settle(const char *dir, int sibling, pqf_mem *mem, pqf_run *run,
                             pqf_error *err) {
    const char **ids;
    int64_t n;
    pqf_arena arena;
    pqf_status status = PQF_OK;
    pqf_arena_init(&arena, mem);
    TRY_DONE(pqf_journal_list(sibling, mem, &arena, &ids, &n, err));
    for (int64_t i = 0; i < n; i++)
        TRY_DONE(settle_one(dir, sibling, ids[i], &arena, run, err));
done:
    pqf_arena_reset(&arena);
    return status;
}

bool pqf_commit_settle_dead(const pqf_place *place, pqf_mem *mem, pqf_run *run) {
    int sibling;
    pqf_error ignored;
    pqf_error_init(&ignored);
    (void)pqf_sibling_lock(place->sibling, false, NULL, &sibling, &ignored);
    if (sibling < 0) return false;
    pqf_status status = pqf_commit_settle(place->dir, sibling, mem, run, &ignored);
    pqf_sibling_unlock(sibling);
    pqf_sweep(place->dir, place->sibling, mem, run);
    rmdir(place->sibling); /* stays while others need it */
    return status == PQF_OK;
}
