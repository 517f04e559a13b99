/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.c: a folder that is read while others write to it. In: its path. Out: an open
 * descriptor under a shared lock, through which everything is listed and opened, and the
 * journals of commits that have begun, whose files count as renamed.
 *
 * The descriptor stays with the folder that was opened when another one takes its name,
 * and the lock keeps that folder's files: an overwrite leaves its old tree, and files that
 * a commit removes are kept, as long as somebody holds it.
 *
 * A listing is one state when no commit of many files came to an end while it was made: the
 * journals are the same before and after, and so is the folder's time of change, which
 * every such commit moves on before its journal goes. Before: first the time, then the
 * journals; after: the other way round.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* After so many looks that were disturbed the commit lock is waited for. */
#define FREE_TRIES 8

/* And after so many that too is given up. */
#define CALM_TRIES 100

/* A lock that is not to be had for so long is stuck: reading goes on without. */
#define LOCK_TRIES 500

#define MOST_TRIES 2000

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

typedef struct state {
    struct timespec changed; /* of the folder */
    const char **ids;        /* of the journals */
    int64_t num_ids;
} state;

/* One call of pqf_snapshot_take. */
typedef struct taking {
    const char *path;
    pqf_mem *mem;
    pqf_arena *arena;
    pqf_place place;
    pqf_snapshot *out;
    int tries;
    int lock_tries;
    bool run_is_set;
    pqf_run run;
    const pqf_read_options *options;
} taking;

/* ---- what is looked at ---- */

static pqf_status read_ids(taking *t, int sibling, state *out, pqf_error *err) {
    out->ids = NULL;
    out->num_ids = 0;
    if (sibling < 0) return PQF_OK; /* none, or none that may be looked into */
    return pqf_journal_list(sibling, t->mem, t->arena, &out->ids, &out->num_ids, err);
}

static pqf_status read_time(const taking *t, state *out, pqf_error *err) {
    struct stat st;
    if (fstat(t->out->fd, &st) != 0)
        return pqf_fail_errno(err, errno, "cannot read the folder");
    out->changed = st.st_mtim;
    return PQF_OK;
}

/* calm: whatever else has changed the folder's time, it was no commit of many files. */
static bool same(const state *a, const state *b, bool calm) {
    if (!calm && (a->changed.tv_sec != b->changed.tv_sec ||
                  a->changed.tv_nsec != b->changed.tv_nsec))
        return false;
    if (a->num_ids != b->num_ids) return false;
    for (int64_t i = 0; i < a->num_ids; i++)
        if (strcmp(a->ids[i], b->ids[i]) != 0) return false;
    return true;
}

static pqf_status read_journals(taking *t, int sibling, const state *s, pqf_error *err) {
    pqf_snapshot *out = t->out;
    void *block;
    TRY(pqf_arena_array(t->arena, (size_t)s->num_ids, sizeof(pqf_journal), &block, err));
    out->journals = block;
    out->num_journals = 0;
    for (int64_t i = 0; i < s->num_ids; i++) {
        bool is_valid;
        pqf_journal *j = &out->journals[out->num_journals];
        TRY(pqf_journal_read(sibling, s->ids[i], t->arena, j, &is_valid, err));
        if (is_valid && !j->swap) out->num_journals++;
    }
    return PQF_OK;
}

/* -1: there is none, or none that may be looked into. */
static pqf_status open_sibling(const taking *t, int *out, pqf_error *err) {
    *out = t->out->sibling ? open(t->out->sibling, FOLDER_FLAGS | O_NOFOLLOW) : -1;
    if (*out >= 0 || !t->out->sibling || errno == ENOENT || errno == EACCES ||
        errno == ENOTDIR || errno == ELOOP)
        return PQF_OK;
    return pqf_fail_errno(err, errno, "cannot open %s", t->out->sibling);
}

/* ---- the folder ---- */

/* The name leads to the open folder, and its lock is held: *again where that is not so
 * yet. */
static pqf_status lock_folder(taking *t, bool *again, pqf_error *err) {
    struct stat st;
    pqf_snapshot *out = t->out;
    int e = pqf_lock_try(out->fd, LOCK_SH);
    *again = (e == EWOULDBLOCK && t->lock_tries++ < LOCK_TRIES) ||
             !pqf_is_named(out->fd, t->path);
    if (fstat(out->fd, &st) != 0)
        return pqf_fail_errno(err, errno, "cannot read the folder");
    out->inode = pqf_inode(&st);
    return PQF_OK;
}

/* No folder has the name: between the two renames of an overwrite without exchange. */
static bool is_in_between(taking *t) {
    pqf_error ignored;
    struct stat st;
    pqf_error_init(&ignored);
    if (pqf_place_find(t->arena, t->path, &t->place, &ignored) != PQF_OK) return false;
    if (stat(t->place.sibling, &st) != 0) return false;
    return pqf_commit_settle_dead(&t->place, t->mem, NULL) || stat(t->path, &st) == 0 ||
           t->tries < FREE_TRIES;
}

/* Where a journal of a dead writer waits it is carried out, if this process may. */
static pqf_status find_sibling(taking *t, pqf_error *err) {
    char real[PATH_MAX];
    const char **ids;
    int64_t num_ids = 0;
    t->out->sibling = NULL;
    if (!realpath(t->path, real) || !strcmp(real, "/")) return PQF_OK;
    TRY(pqf_place_find(t->arena, real, &t->place, err));
    t->out->sibling = t->place.sibling;
    t->out->dir = t->place.dir;
    int sibling = -1;
    if (t->tries == 0) TRY(open_sibling(t, &sibling, err));
    if (sibling < 0) return PQF_OK;
    pqf_status status = pqf_journal_list(sibling, t->mem, t->arena, &ids, &num_ids, err);
    close(sibling);
    if (num_ids) (void)pqf_commit_settle_dead(&t->place, t->mem, NULL);
    return status;
}

/* ---- one look ---- */

/* The state after the listing: the journals, then the time. */
static pqf_status look_again(taking *t, state *out, pqf_error *err) {
    int sibling;
    TRY(open_sibling(t, &sibling, err));
    pqf_status status = read_ids(t, sibling, out, err);
    if (sibling >= 0) close(sibling);
    return status == PQF_OK ? read_time(t, out, err) : status;
}

static pqf_status look(taking *t, int sibling, bool calm, pqf_snapshot_list_fn list,
                       void *context, bool *again, pqf_error *err) {
    state before, after;
    TRY(read_time(t, &before, err));
    TRY(read_ids(t, sibling, &before, err));
    *again = !pqf_is_named(t->out->fd, t->path); /* the journals are another folder's */
    if (*again) return PQF_OK;
    TRY(read_journals(t, sibling, &before, err));
    pqf_status status = list(context, t->out, err);
    *again = status == PQF_IO && err->os_errno == ENOENT; /* a folder has gone */
    if (*again) pqf_error_init(err);
    if (status != PQF_OK) return *again ? PQF_OK : status;
    TRY(look_again(t, &after, err));
    *again = !same(&before, &after, calm);
    return PQF_OK;
}

/* Disturbed again and again, by appends of one file perhaps, which need no lock: while the
 * commit lock is held nothing can be seen in part. Who may not lock goes on without. */
static int try_to_calm(taking *t, bool *calm) {
    pqf_error ignored;
    int locked = -1;
    *calm = false;
    if (t->tries < FREE_TRIES || !t->out->sibling) return locked;
    pqf_error_init(&ignored);
    if (mkdir(t->out->sibling, 0777) != 0) errno = 0; /* there is one, as a rule */
    (void)pqf_sibling_lock(t->out->sibling, false, NULL, &locked, &ignored);
    *calm = locked >= 0 || t->tries >= CALM_TRIES;
    return locked;
}

static pqf_status look_calmly(taking *t, pqf_snapshot_list_fn list, void *context,
                              bool *again, pqf_error *err) {
    bool calm;
    int locked = try_to_calm(t, &calm), sibling = locked;
    if (locked < 0) TRY(open_sibling(t, &sibling, err));
    pqf_status status = look(t, sibling, calm, list, context, again, err);
    if (locked >= 0)
        pqf_sibling_unlock(locked);
    else if (sibling >= 0)
        close(sibling);
    if (t->tries >= FREE_TRIES && t->out->sibling)
        rmdir(t->out->sibling); /* stays while others need it */
    return status;
}

static pqf_status pause_for(taking *t, pqf_error *err) {
    if (!t->run_is_set) pqf_run_init(&t->run, &t->options->control);
    t->run_is_set = true;
    return pqf_try_later(t->tries, &t->run, err);
}

/* One try; *again: the folder changed under it. */
static pqf_status try_once(taking *t, pqf_snapshot_list_fn list, void *context,
                           bool *again, pqf_error *err) {
    pqf_snapshot *out = t->out;
    *again = true;
    out->fd = open(t->path, FOLDER_FLAGS);
    if (out->fd < 0 && errno == ENOTDIR) {
        *again = false;
        return PQF_OK;
    }
    if (out->fd < 0) {
        int e = errno;
        if (e == ENOENT && is_in_between(t)) return PQF_OK;
        return pqf_fail_errno(err, e, "cannot read");
    }
    out->is_open = true;
    TRY(find_sibling(t, err));
    TRY(lock_folder(t, again, err));
    return *again ? PQF_OK : look_calmly(t, list, context, again, err);
}

pqf_status pqf_snapshot_take(const char *path, const pqf_read_options *options,
                             pqf_mem *mem, pqf_arena *arena, pqf_snapshot_list_fn list,
                             void *context, pqf_snapshot *out, pqf_error *err) {
    taking t = {.path = path, .mem = mem, .arena = arena, .out = out, .options = options};
    bool again = true;
    pqf_status status = PQF_OK;
    for (; status == PQF_OK && again && t.tries < MOST_TRIES; t.tries++) {
        pqf_snapshot_close(out, mem);
        if (t.tries) status = pause_for(&t, err);
        if (status == PQF_OK) status = try_once(&t, list, context, &again, err);
    }
    if (status == PQF_OK && again)
        status = pqf_fail_errno(err, EAGAIN, "the folder is changed again and again");
    if (status != PQF_OK) pqf_snapshot_close(out, mem);
    return status == PQF_OK ? status : pqf_error_at_path(err, path);
}

void pqf_snapshot_close(pqf_snapshot *snapshot, pqf_mem *mem) {
    const pqf_place place = {.dir = snapshot->dir, .sibling = snapshot->sibling};
    if (snapshot->is_open) {
        close(snapshot->fd);
        if (place.sibling && access(place.sibling, F_OK) == 0)
            (void)pqf_commit_settle_dead(&place, mem, NULL);
    }
    *snapshot = (pqf_snapshot){0};
}

/* ---- files ---- */

typedef struct kept_search {
    const pqf_snapshot *snapshot;
    const pqf_found_file *file;
    int sibling;
    bool memory_map;
    pqf_source **out;
    bool found;
} kept_search;

/* A file that has been taken out of the folder since it was listed. */
static pqf_status look_for_kept(void *context, const char *name, pqf_fs_type type,
                                pqf_error *err) {
    static const char *const ends[] = {PQF_STAGED, ""};
    kept_search *s = context;
    char path[PATH_MAX + 64];
    (void)err;
    if (type != PQF_FS_FOLDER || !pqf_is_id(name, "")) return PQF_OK;
    for (int i = 0; i < 2 && !s->found; i++) {
        pqf_error ignored;
        pqf_error_init(&ignored);
        int n = snprintf(path, sizeof path, "%s/kept-%lld/%s%s", name,
                         (long long)s->snapshot->inode, s->file->below, ends[i]);
        if (n < 0 || (size_t)n >= sizeof path) continue;
        s->found = pqf_source_open_below(s->sibling, path, s->file->path, s->memory_map,
                                         s->out, &ignored) == PQF_OK;
    }
    return PQF_OK;
}

static bool open_elsewhere(const pqf_snapshot *snapshot, const pqf_found_file *file,
                           bool memory_map, pqf_source **out) {
    pqf_error ignored;
    pqf_mem *mem;
    pqf_error_init(&ignored);
    int sibling = open(snapshot->sibling, FOLDER_FLAGS | O_NOFOLLOW);
    if (sibling < 0) return false;
    kept_search s = {snapshot, file, sibling, memory_map, out, false};
    s.found = file->staged && pqf_source_open_below(sibling, file->staged, file->path,
                                                    memory_map, out, &ignored) == PQF_OK;
    if (!s.found && pqf_mem_new(0, &mem, &ignored) == PQF_OK) {
        (void)pqf_fs_list_below(sibling, ".", ".", mem, look_for_kept, &s, &ignored);
        pqf_mem_release(mem);
    }
    close(sibling);
    return s.found;
}

/* In the folder, still staged, or taken out; and once more in the folder, where a staged
 * file may have come to meanwhile. */
pqf_status pqf_snapshot_open_file(const pqf_snapshot *snapshot,
                                  const pqf_found_file *file, bool memory_map,
                                  pqf_source **out, pqf_error *err) {
    if (!file->below) return pqf_source_open(file->path, memory_map, out, err);
    for (int tries = 0; tries < 2; tries++) {
        pqf_error_init(err);
        pqf_status status = pqf_source_open_below(snapshot->fd, file->below, file->path,
                                                  memory_map, out, err);
        if (status != PQF_IO || err->os_errno != ENOENT || !snapshot->sibling)
            return status;
        if (open_elsewhere(snapshot, file, memory_map, out)) {
            pqf_error_init(err);
            return PQF_OK;
        }
    }
    return err->status;
}
