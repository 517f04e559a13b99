/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.c (room io): append-only output. In: parts of bytes. Out: a callback's calls, or a file that
 * has its name only after finish.
 *
 * A file is staged as .<name>.<16 hex digits>.tmp in the target's own folder, under an exclusive
 * flock. Its end is: fsync, rename, fsync of the folder.
 *
 * Whoever opens a sink for the same target removes staged files whose lock is free, as their
 * writer is gone. To find them without listing a folder of many files, the digits are a hash of the
 * name and of a place, the first of four that is free; random ones only where four writers are at
 * work on one target. Between a file's creation and its lock a sweeper may take it for a dead one:
 * so the creator, once it has the lock, compares the descriptor with the name and begins again
 * where they differ. The lock is held until the rename is done.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define COPY_STEP ((int64_t)16 << 20)
#define COPY_ROOM ((int64_t)1 << 20)

#define MAX_LINKS   40
#define MAX_TRIES   100
#define IOV_AT_ONCE 64
#define PLACES      4

/* What a slow disk takes within some 100 ms. */
#define WRITE_OUT_BYTES ((int64_t)16 << 20)

#define ID_LEN     16
#define TEMP_EXTRA (1 + 1 + ID_LEN + 4) /* of ".<name>.<id>.tmp" beside the name */

struct pqf_sink {
    pqf_mem *mem;
    pqf_write_fn fn; /* NULL: a file */
    void *context;
    pqf_sink_options options;
    int fd; /* -1: none */
    pid_t owner;
    int64_t len;
    int64_t begun; /* bytes that are on their way to the disk, or there */
    pqf_run *run;  /* polled while finish waits for the disk; NULL: not */
    bool staged;   /* there is a file under the name temp */
    bool failed;   /* a write did not get through */
    bool finished; /* or skipped */
    bool skipped;
    bool replaces; /* the target was there at open */
    mode_t mode;   /* of the target then */
    size_t
        num_kept; /* length of the prefix of the target's folder that was there at open */
    const char *given, *target, *temp; /* target: absolute, links resolved */
};

int (*pqf_sink_test_hook)(int64_t file_offset, size_t num_bytes);

static pqf_status new_sink(pqf_sink **out, pqf_error *err) {
    pqf_mem *mem;
    void *room;
    TRY(pqf_io_handle_new(sizeof **out, &mem, &room, err));
    *out = room;
    (*out)->mem = mem;
    (*out)->fd = -1;
    (*out)->owner = getpid();
    return PQF_OK;
}

static pqf_status keep_text(pqf_sink *sink, const char *text, const char **out,
                            pqf_error *err) {
    void *room;
    size_t bytes = strlen(text) + 1;
    TRY(pqf_mem_alloc(sink->mem, bytes, &room, err));
    *out = memcpy(room, text, bytes);
    return PQF_OK;
}

static void free_text(pqf_sink *sink, const char *text) {
    if (text) pqf_mem_free(sink->mem, (void *)(uintptr_t)text, strlen(text) + 1);
}

/* The folder part of the target, which is absolute. */
static void folder_of(const char *target, char folder[PATH_MAX]) {
    size_t len = pqf_fs_folder_len(target);
    memcpy(folder, target, len);
    folder[len] = '\0';
}

static const char *name_of(const char *target) { return strrchr(target, '/') + 1; }

/* ---- the target ---- */

/* out = folder part of `base`, "/", name; base NULL: the current folder. 0 or errno. */
static int join(const char *base, const char *name, char out[PATH_MAX]) {
    char folder[PATH_MAX] = "";
    if (name[0] != '/' && base) folder_of(base, folder);
    if (name[0] != '/' && !base && !getcwd(folder, sizeof folder)) return errno;
    const char *slash = folder[0] && folder[1] ? "/" : ""; /* not behind "" and "/" */
    int n = snprintf(out, PATH_MAX, "%s%s%s", folder, slash, name);
    return n < 0 || n >= PATH_MAX ? ENAMETOOLONG : 0;
}

/* The working folder may change before finish, so the path becomes absolute; the last component is
 * followed through its links, as a rename would replace the link itself. 0 or errno. */
static int resolve(const char *path, bool follow, char out[PATH_MAX]) {
    char text[PATH_MAX], next[PATH_MAX];
    if (!path[0]) return ENOENT;
    int e = join(NULL, path, out);
    for (int i = 0; e == 0 && follow; i++) {
        ssize_t n = readlink(out, text, sizeof text - 1);
        if (n < 0) return errno == EINVAL || errno == ENOENT ? 0 : errno;
        if (i == MAX_LINKS) return ELOOP;
        text[n] = '\0';
        e = join(out, text, next);
        if (e == 0) memcpy(out, next, strlen(next) + 1);
    }
    return e;
}

/* What is there decides: a folder cannot be replaced, a device must not be. */
static pqf_status look_at_target(pqf_sink *sink, pqf_error *err) {
    struct stat st;
    if (stat(sink->target, &st) != 0) {
        if (errno != ENOENT) return pqf_io_fail(err, errno, "cannot write", sink->given);
        if (name_of(sink->target)[0]) return PQF_OK;
        return pqf_io_fail(err, EISDIR, "cannot write", sink->given);
    }
    if (S_ISDIR(st.st_mode)) return pqf_io_fail(err, EISDIR, "cannot write", sink->given);
    if (!S_ISREG(st.st_mode)) {
        (void)pqf_fail(err, PQF_INVALID,
                       "the target is not a regular file and is not replaced");
        return pqf_error_at_path(err, sink->given);
    }
    if (sink->options.if_exists == PQF_ERROR_IF_EXISTS)
        return pqf_io_fail(err, EEXIST, "the target exists", sink->given);
    sink->replaces = true;
    sink->mode = st.st_mode & 07777;
    sink->skipped = sink->finished = sink->options.if_exists == PQF_SKIP_IF_EXISTS;
    return PQF_OK;
}

/* ---- the staged file ---- */

static size_t cut_name(const char *name, size_t most) {
    size_t len = strlen(name);
    if (len <= most) return len;
    while (most > 0 && ((unsigned char)name[most] & 0xC0) == 0x80)
        most--; /* whole characters */
    return most;
}

/* FNV-1a over the name and the place. */
static uint64_t fixed_id(const char *name, int place) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001B3);
    return (hash ^ (uint64_t)(unsigned)place) * UINT64_C(0x100000001B3);
}

/* Place 0 to PLACES - 1, or behind them a random name. */
static pqf_status temp_path(const pqf_sink *sink, int place, char out[PATH_MAX],
                            pqf_error *err) {
    char folder[PATH_MAX], id[33];
    const char *name = name_of(sink->target);
    folder_of(sink->target, folder);
    long name_max = pathconf(folder, _PC_NAME_MAX);
    size_t most = (name_max > TEMP_EXTRA ? (size_t)name_max : 255) - TEMP_EXTRA;
    if (place < PLACES)
        snprintf(id, sizeof id, "%016llx", (unsigned long long)fixed_id(name, place));
    else
        TRY(pqf_fs_random_id(id, err));
    const char *slash = folder[1] ? "/" : "";
    int n = snprintf(out, PATH_MAX, "%s%s.%.*s.%.*s.tmp", folder, slash,
                     (int)cut_name(name, most), name, ID_LEN, id);
    if (n > 0 && n < PATH_MAX) return PQF_OK;
    return pqf_io_fail(err, ENAMETOOLONG, "cannot write", sink->given);
}

static bool is_named(int fd, const char *path) {
    struct stat a, b;
    if (fstat(fd, &a) != 0 || lstat(path, &b) != 0) return false;
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Where files cannot be locked, nobody can take the lock of one that is being written. */
static void lock(int fd) {
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {
    }
}

/* Creates `path`, which must be new. 0 or errno; EAGAIN when a sweeper took it. A new file gets the
 * mode that the umask leaves, one that will replace another is private until it has that one's. */
static int create(pqf_sink *sink, const char *path) {
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, sink->replaces ? 0600 : 0666);
    if (fd < 0) return errno;
    if (!sink->options.close_between_writes) lock(fd);
    if (!is_named(fd, path)) {
        close(fd);
        return EAGAIN;
    }
    if (sink->replaces)
        (void)fchmod(fd, sink->mode); /* some file systems have no modes */
    sink->fd = fd;
    return 0;
}

/* Removes a staged file whose lock is free; whatever goes wrong, it stays for the next one. */
static void sweep(const char *path) {
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, path)) unlink(path);
    close(fd);
}

/* Creates the file at the first place that is free; sweeps every place. *e: 0 or errno. */
static pqf_status create_at_a_place(pqf_sink *sink, char path[PATH_MAX], int *e,
                                    pqf_error *err) {
    char other[PATH_MAX];
    *e = EEXIST;
    for (int place = 0; place < PLACES; place++) {
        TRY(temp_path(sink, place, other, err));
        sweep(other);
        if (*e != EEXIST) continue;
        *e = create(sink, other);
        memcpy(path, other, strlen(other) + 1);
    }
    return PQF_OK;
}

/* One try under the kind of name that the options ask for. *e: 0 or errno. */
static pqf_status create_any(pqf_sink *sink, char path[PATH_MAX], int *e,
                             pqf_error *err) {
    *e = EEXIST;
    if (sink->options.final_name) {
        memcpy(path, sink->target, strlen(sink->target) + 1);
        *e = create(sink, path);
        return PQF_OK;
    }
    if (!sink->options.close_between_writes) TRY(create_at_a_place(sink, path, e, err));
    if (*e != EEXIST) return PQF_OK;
    TRY(temp_path(sink, PLACES, path, err));
    *e = create(sink, path);
    return PQF_OK;
}

/* The folder may go when another writer, who made it, gives up: then it is made again. */
static pqf_status stage(pqf_sink *sink, pqf_error *err) {
    char folder[PATH_MAX], path[PATH_MAX];
    int e = EAGAIN;
    folder_of(sink->target, folder);
    for (int i = 0; i < MAX_TRIES && (e == EAGAIN || e == ENOENT); i++) {
        size_t num_kept;
        pqf_status made = pqf_fs_make_new_folders(folder, &num_kept, err);
        if (i == 0 || num_kept < sink->num_kept) sink->num_kept = num_kept;
        if (made == PQF_IO && err->os_errno == ENOENT && i + 1 < MAX_TRIES) {
            pqf_error_init(err);
            e = ENOENT;
            continue;
        }
        TRY(made);
        TRY(create_any(sink, path, &e, err));
    }
    if (e) return pqf_io_fail(err, e, "cannot create a file", sink->given);
    pqf_status status = keep_text(sink, path, &sink->temp, err);
    if (status != PQF_OK) unlink(path);
    sink->staged = status == PQF_OK;
    return status;
}

static int close_fd(pqf_sink *sink) {
    int fd = sink->fd;
    sink->fd = -1;
    return fd < 0 || close(fd) == 0 ? 0 : errno;
}

static pqf_status open_staged(pqf_sink *sink, pqf_error *err) {
    char target[PATH_MAX];
    int e = resolve(sink->given, !sink->options.final_name, target);
    if (e) return pqf_io_fail(err, e, "cannot write", sink->given);
    TRY(keep_text(sink, target, &sink->target, err));
    TRY(look_at_target(sink, err));
    if (sink->skipped) return PQF_OK;
    TRY(stage(sink, err));
    if (sink->options.close_between_writes && (e = close_fd(sink)) != 0)
        return pqf_io_fail(err, e, "cannot write", sink->given);
    return PQF_OK;
}

pqf_status pqf_sink_open_file(const char *path, const pqf_sink_options *options,
                              pqf_sink **out, pqf_error *err) {
    pqf_sink *sink;
    TRY(new_sink(&sink, err));
    if (options) sink->options = *options;
    pqf_status status = keep_text(sink, path, &sink->given, err);
    if (status == PQF_OK) status = open_staged(sink, err);
    if (status == PQF_OK)
        *out = sink;
    else
        pqf_sink_free(sink);
    return status;
}

pqf_status pqf_sink_open_callback(pqf_write_fn fn, void *context, pqf_sink **out,
                                  pqf_error *err) {
    pqf_sink *sink;
    TRY(new_sink(&sink, err));
    sink->fn = fn;
    sink->context = context;
    *out = sink;
    return PQF_OK;
}

pqf_status pqf_sink_folder(const pqf_sink *sink, pqf_arena *arena, const char **out,
                           pqf_error *err) {
    char folder[PATH_MAX];
    const char *named = getenv("TMPDIR");
    const char *found = named && named[0] ? named : "/tmp";
    if (sink->target) {
        folder_of(sink->target, folder);
        found = folder;
    }
    return pqf_arena_string(arena, pqf_bytes_of(found, strlen(found)), out, err);
}

int64_t pqf_sink_len(const pqf_sink *sink) { return sink->len; }
bool pqf_sink_skipped(const pqf_sink *sink) { return sink->skipped; }
bool pqf_sink_takes_threads(const pqf_sink *sink) { return !sink->fn; }

/* ---- writing ---- */

static int ensure_open(pqf_sink *sink) {
    if (sink->fd >= 0) return 0;
    sink->fd = open(sink->temp, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return sink->fd < 0 ? errno : 0;
}

/* Writes all `total` bytes of the vector, which is used up. 0 or errno. */
static int write_vector(pqf_sink *sink, struct iovec *iov, int n, size_t total) {
    while (total > 0) {
        int e = pqf_sink_test_hook ? pqf_sink_test_hook(sink->len, total) : 0;
        if (e) return e;
        ssize_t done = pwritev(sink->fd, iov, n, (off_t)sink->len);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? errno : EIO;
        sink->len += done;
        total -= (size_t)done;
        for (size_t left = (size_t)done; left > 0 && n > 0;) {
            size_t used = left < iov->iov_len ? left : iov->iov_len;
            iov->iov_base = (uint8_t *)iov->iov_base + used;
            iov->iov_len -= used;
            left -= used;
            if (iov->iov_len == 0) iov++, n--;
        }
    }
    return 0;
}

/* The disk begins early with what it will have to sync. Only a hint: errors show in fsync. */
static void begin_write_out(pqf_sink *sink) {
#ifdef __linux__
    if (sink->options.not_durable || sink->len - sink->begun < WRITE_OUT_BYTES) return;
    (void)sync_file_range(sink->fd, sink->begun, sink->len - sink->begun,
                          SYNC_FILE_RANGE_WRITE);
    sink->begun = sink->len;
#else
    (void)sink;
#endif
}

static int write_parts(pqf_sink *sink, const pqf_bytes *parts, int num_parts) {
    struct iovec iov[IOV_AT_ONCE];
    int n = 0;
    size_t total = 0;
    for (int i = 0; i < num_parts; i++) {
        if (parts[i].len == 0) continue;
        iov[n++] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].len};
        total += parts[i].len;
        if (n < IOV_AT_ONCE) continue;
        int e = write_vector(sink, iov, n, total);
        if (e) return e;
        n = 0;
        total = 0;
    }
    return write_vector(sink, iov, n, total);
}

static pqf_status write_file(pqf_sink *sink, const pqf_bytes *parts, int num_parts,
                             pqf_error *err) {
    int e = ensure_open(sink);
    if (e == 0) e = write_parts(sink, parts, num_parts);
    if (e == 0) begin_write_out(sink);
    if (sink->options.close_between_writes) {
        int at_close = close_fd(sink);
        if (e == 0) e = at_close;
    }
    if (e == 0) return PQF_OK;
    sink->failed = true;
    return pqf_io_fail(err, e, "cannot write", sink->given);
}

static pqf_status write_callback(pqf_sink *sink, const pqf_bytes *parts, int num_parts,
                                 pqf_error *err) {
    for (int i = 0; i < num_parts; i++) {
        if (parts[i].len == 0) continue;
        int e = sink->fn(sink->context, parts[i].data, parts[i].len);
        if (e) {
            sink->failed = true;
            return pqf_fail_errno(err, e, "cannot write %zu bytes", parts[i].len);
        }
        sink->len += (int64_t)parts[i].len;
    }
    return PQF_OK;
}

/* A sink of use to its owner alone, and only as long as nothing failed. */
static pqf_status check_usable(const pqf_sink *sink, pqf_error *err) {
    if (sink->failed)
        return pqf_fail(err, PQF_INVALID, "an earlier write of this file failed");
    if (sink->finished) return pqf_fail(err, PQF_INVALID, "the file is finished already");
    if (sink->fn || sink->owner == getpid()) return PQF_OK;
    return pqf_fail(err, PQF_INVALID,
                    "the file was opened by another process, before a fork");
}

pqf_status pqf_sink_write(pqf_sink *sink, const pqf_bytes *parts, int num_parts,
                          pqf_error *err) {
    if (sink->skipped) return PQF_OK;
    TRY(check_usable(sink, err));
    if (sink->fn) return write_callback(sink, parts, num_parts, err);
    return write_file(sink, parts, num_parts, err);
}

/* ---- copying from a source ---- */

/* Appends up to COPY_STEP bytes by the kernel, which shares blocks where the file system can. Bytes
 * appended; 0 where it cannot (another file system, an old kernel) or failed: reading and writing
 * tell why. */
static int64_t copy_in_kernel(pqf_sink *sink, pqf_source *source, int64_t offset,
                              int64_t len) {
#ifdef __linux__
    loff_t from = offset, to = sink->len;
    size_t step = (size_t)(len < COPY_STEP ? len : COPY_STEP);
    if (sink->fn || pqf_source_fd(source) < 0 || ensure_open(sink) != 0) return 0;
    if (pqf_sink_test_hook && pqf_sink_test_hook(sink->len, step) != 0) return 0;
    ssize_t done = copy_file_range(pqf_source_fd(source), &from, sink->fd, &to, step, 0);
    if (done <= 0) return 0;
    sink->len += done;
    return done;
#else
    (void)sink, (void)source, (void)offset, (void)len;
    return 0;
#endif
}

static pqf_status copy_by_hand(pqf_sink *sink, pqf_source *source, int64_t offset,
                               int64_t len, uint8_t *room, pqf_error *err) {
    while (len > 0) {
        size_t step = (size_t)(len < COPY_ROOM ? len : COPY_ROOM);
        const uint8_t *data = pqf_source_view(source, offset, step);
        if (!data) TRY(pqf_source_read_at(source, offset, room, step, err));
        pqf_bytes part = pqf_bytes_of(data ? data : room, step);
        TRY(pqf_sink_write(sink, &part, 1, err));
        offset += (int64_t)step;
        len -= (int64_t)step;
    }
    return PQF_OK;
}

pqf_status pqf_sink_copy(pqf_sink *sink, pqf_source *source, int64_t offset, int64_t len,
                         pqf_error *err) {
    void *room;
    if (sink->skipped) return PQF_OK;
    TRY(check_usable(sink, err));
    if (len < 0 || offset < 0 || offset > pqf_source_size(source) - len)
        return pqf_fail(err, PQF_CORRUPT,
                        "%lld bytes from byte %lld on reach beyond the end of the file",
                        (long long)len, (long long)offset);
    for (int64_t done = 1; len > 0 && done > 0; offset += done, len -= done)
        done = copy_in_kernel(sink, source, offset, len);
    if (sink->options.close_between_writes && sink->fd >= 0 && close_fd(sink) != 0)
        return pqf_io_fail(err, errno, "cannot write", sink->given);
    if (len == 0) return PQF_OK;
    TRY(pqf_mem_alloc(sink->mem, COPY_ROOM, &room, err));
    pqf_status status = copy_by_hand(sink, source, offset, len, room, err);
    pqf_mem_free(sink->mem, room, COPY_ROOM);
    return status;
}

/* ---- the end ---- */

/* Removes the folders that open made, as far up as they are empty. */
static void remove_folders(const pqf_sink *sink) {
    char folder[PATH_MAX];
    folder_of(sink->target, folder);
    while (strlen(folder) > sink->num_kept && rmdir(folder) == 0)
        folder[pqf_fs_folder_len(folder)] = '\0';
}

static void abandon(pqf_sink *sink) {
    bool removes = sink->owner == getpid() && !sink->options.final_name;
    if (removes && sink->staged && unlink(sink->temp) != 0 && errno != ENOENT)
        pqf_run_notice(sink->run, "%s could not be removed: %s", sink->temp,
                       strerror(errno));
    if (removes && sink->num_kept > 0) remove_folders(sink);
    sink->staged = false;
    sink->num_kept = 0;
    sink->failed = true;
    (void)close_fd(sink);
}

void pqf_sink_free(pqf_sink *sink) {
    if (!sink) return;
    if (!sink->finished) abandon(sink);
    (void)close_fd(sink);
    free_text(sink, sink->given);
    free_text(sink, sink->target);
    free_text(sink, sink->temp);
    pqf_io_handle_free(sink->mem, sink, sizeof *sink);
}

/* Waits for a large file piece by piece, because an fsync cannot be interrupted: what is left for it
 * then is little. */
static pqf_status wait_for_disk(const pqf_sink *sink, pqf_error *err) {
#ifdef __linux__
    if (sink->options.not_durable || !sink->run || sink->fd < 0 ||
        sink->len <= WRITE_OUT_BYTES)
        return PQF_OK;
    for (int64_t at = 0; at < sink->len; at += WRITE_OUT_BYTES) {
        TRY(pqf_run_poll(sink->run, 0, err));
        (void)sync_file_range(sink->fd, at, WRITE_OUT_BYTES,
                              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                  SYNC_FILE_RANGE_WAIT_AFTER);
    }
    return pqf_run_poll(sink->run, 0, err);
#else
    (void)sink;
    (void)err;
    return PQF_OK;
#endif
}

/* Some file systems tell of a failed write only when a descriptor is closed: a second one, as the
 * first holds the lock. */
static int flush(pqf_sink *sink) {
    int e = ensure_open(sink);
    if (e) return e;
    if (!sink->options.not_durable && fsync(sink->fd) != 0) return errno;
    int second = dup(sink->fd);
    if (second < 0) return errno == EMFILE ? 0 : errno;
    return close(second) == 0 ? 0 : errno;
}

static int give_name(pqf_sink *sink) {
    if (sink->options.final_name) return 0;
    if (sink->options.if_exists == PQF_REPLACE)
        return rename(sink->temp, sink->target) == 0 ? 0 : errno;
    return pqf_fs_rename_new(sink->temp, sink->target);
}

/* The folder of the file, and those above it that were made for it and their parent. */
static pqf_status sync_folders(const pqf_sink *sink, pqf_error *err) {
    char folder[PATH_MAX];
    folder_of(sink->target, folder);
    for (;;) {
        TRY(pqf_fs_sync_folder(folder, err));
        if (strlen(folder) <= sink->num_kept) return PQF_OK;
        folder[pqf_fs_folder_len(folder)] = '\0';
    }
}

static pqf_status finish_file(pqf_sink *sink, pqf_error *err) {
    if (wait_for_disk(sink, err) != PQF_OK) {
        abandon(sink);
        return err->status;
    }
    int e = flush(sink);
    if (e == 0) e = give_name(sink);
    if (e == EEXIST && sink->options.if_exists == PQF_SKIP_IF_EXISTS) {
        abandon(sink); /* another writer was faster */
        sink->skipped = sink->finished = true;
        return PQF_OK;
    }
    if (e) {
        abandon(sink);
        return pqf_io_fail(err, e, "cannot write", sink->given);
    }
    sink->staged = false;
    sink->finished = true;
    (void)close_fd(sink);
    bool sync = !sink->options.not_durable && !sink->options.final_name;
    return sync ? sync_folders(sink, err) : PQF_OK;
}

void pqf_sink_watch(pqf_sink *sink, pqf_run *run) { sink->run = run; }

pqf_status pqf_sink_finish(pqf_sink *sink, pqf_error *err) {
    if (sink->skipped) return PQF_OK;
    pqf_status status = check_usable(sink, err);
    if (status != PQF_OK) {
        if (!sink->finished) abandon(sink);
        return status;
    }
    if (!sink->fn) return finish_file(sink, err);
    sink->finished = true;
    return PQF_OK;
}
