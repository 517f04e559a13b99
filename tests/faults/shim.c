/* SPDX-License-Identifier: Apache-2.0
 *
 * shim.c: loaded before the C library, it numbers every system call that changes something below
 * one folder, makes one of them fail, and writes down all of them with their data, so that a test
 * can play back any prefix of them and lose what no sync has made safe.
 *
 * One line per call: name, arguments with tabs between them, paths relative to the folder; data in
 * hexadecimal digits. Files and folders are named by inode where a descriptor is used.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[PATH_MAX];
static size_t root_len;
static FILE *record;
static long counter, fail_at;
static int fail_errno;
static char failed[32]; /* name of the call that failed */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Begins to watch `folder` (an absolute path without links). Call number at (from 1) fails with
 * `error`; 0: none does. log: path of the record, or NULL. */
void fault_arm(const char *folder, long at, int error, const char *log) {
    snprintf(root, sizeof root, "%s", folder);
    fail_at = at;
    fail_errno = error;
    counter = 0;
    failed[0] = 0;
    record = log ? fopen(log, "w") : NULL;
    root_len = strlen(root); /* last: from here on calls are looked at */
}

/* Returns how many calls there were. */
long fault_disarm(void) {
    root_len = 0;
    if (record) fclose(record);
    record = NULL;
    return counter;
}

/* Name of the call that was made to fail, "" when none was. */
const char *fault_failed(void) { return failed; }

/* ---- where a call goes ---- */

/* The path relative to the root; false: elsewhere. */
static int below(int folder, const char *path, char out[2 * PATH_MAX]) {
    char full[2 * PATH_MAX];
    if (!root_len) return 0;
    if (path[0] == '/')
        snprintf(full, sizeof full, "%s", path);
    else {
        char link[64], base[PATH_MAX];
        if (folder == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0) return 0;
        base[n] = 0;
        snprintf(full, sizeof full, "%s/%s", base, path);
    }
    if (strncmp(full, root, root_len) != 0) return 0;
    if (full[root_len] != '/' && full[root_len] != 0) return 0;
    const char *rest = full + root_len;
    while (*rest == '/' || (rest[0] == '.' && (rest[1] == '/' || !rest[1])))
        rest++;
    size_t len = strlen(rest);
    while (len > 1 &&
           (rest[len - 1] == '/' || (rest[len - 1] == '.' && rest[len - 2] == '/')))
        len--;
    memcpy(out, rest, len);
    out[len] = 0;
    return 1;
}

static int is_below(int fd) {
    char path[2 * PATH_MAX];
    return below(fd, ".", path);
}

static unsigned long inode_of(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/* ---- one call ---- */

/* Takes the lock; true: the call is to fail. */
static int enter(const char *name) {
    pthread_mutex_lock(&lock);
    counter++;
    if (counter != fail_at) return 0;
    snprintf(failed, sizeof failed, "%s", name);
    errno = fail_errno;
    return 1;
}

static void leave(long result, const char *format, ...) {
    int e = errno;
    if (record && result >= 0) {
        va_list args;
        va_start(args, format);
        vfprintf(record, format, args);
        va_end(args);
        fputc('\n', record);
    }
    pthread_mutex_unlock(&lock);
    errno = e;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put_data(const struct iovec *parts, int n, long len) {
    for (int i = 0; record && i < n && len > 0; i++)
        for (size_t k = 0; k < parts[i].iov_len && len > 0; k++, len--)
            fprintf(record, "%02x", ((const unsigned char *)parts[i].iov_base)[k]);
}

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    char at[2 * PATH_MAX];
    int changes = flags & (O_CREAT | O_TRUNC);
    if (!changes || (flags & O_TMPFILE) == O_TMPFILE || !below(folder, path, at))
        return REAL(openat)(folder, path, flags, mode);
    struct stat st;
    int was_there = fstatat(folder, path, &st, 0) == 0;
    if (was_there && !(flags & (O_EXCL | O_TRUNC)))
        return REAL(openat)(folder, path, flags, mode);
    int fd = enter("open") ? -1 : REAL(openat)(folder, path, flags, mode);
    leave(fd, "%s\t%s\t%lu", was_there ? "cut" : "create", at, fd < 0 ? 0 : inode_of(fd));
    return fd;
}

#define MODE_OF(flags)                                                                   \
    mode_t mode = 0;                                                                     \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                 \
        va_list args;                                                                    \
        va_start(args, flags);                                                           \
        mode = va_arg(args, mode_t);                                                     \
        va_end(args);                                                                    \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_any(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_any(folder, path, flags, mode);
}

static ssize_t note_write(int fd, const struct iovec *parts, int n, off_t offset,
                          ssize_t done) {
    int e = errno;
    if (record && done >= 0) {
        fprintf(record, "write\t%lu\t%lld\t", inode_of(fd), (long long)offset);
        put_data(parts, n, done);
        fputc('\n', record);
    }
    pthread_mutex_unlock(&lock);
    errno = e;
    return done;
}

ssize_t write(int fd, const void *data, size_t len) {
    if (!is_below(fd)) return REAL(write)(fd, data, len);
    struct iovec part = {(void *)(size_t)data, len};
    off_t offset = lseek(fd, 0, SEEK_CUR);
    return note_write(fd, &part, 1, offset,
                      enter("write") ? -1 : REAL(write)(fd, data, len));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
    if (!is_below(fd)) return REAL(pwrite)(fd, data, len, offset);
    struct iovec part = {(void *)(size_t)data, len};
    return note_write(fd, &part, 1, offset,
                      enter("pwrite") ? -1 : REAL(pwrite)(fd, data, len, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
    return pwrite(fd, data, len, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset) {
    if (!is_below(fd)) return REAL(pwritev)(fd, parts, n, offset);
    return note_write(fd, parts, n, offset,
                      enter("pwritev") ? -1 : REAL(pwritev)(fd, parts, n, offset));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t offset) {
    return pwritev(fd, parts, n, offset);
}

/* Copied bytes are read back, so that the record has them. */
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t len,
                        unsigned flags) {
    if (!is_below(out)) return REAL(copy_file_range)(in, in_at, out, out_at, len, flags);
    off64_t at = out_at ? *out_at : lseek(out, 0, SEEK_CUR);
    off64_t from = in_at ? *in_at : lseek(in, 0, SEEK_CUR);
    ssize_t done = enter("copy_file_range")
                       ? -1
                       : REAL(copy_file_range)(in, in_at, out, out_at, len, flags);
    struct iovec part = {done > 0 ? malloc((size_t)done) : NULL,
                         done > 0 ? (size_t)done : 0};
    if (part.iov_base && pread(in, part.iov_base, part.iov_len, from) != done) abort();
    note_write(out, &part, 1, at, done);
    free(part.iov_base);
    return done;
}

#define SYNC(name)                                                                       \
    int name(int fd) {                                                                   \
        if (!is_below(fd)) return REAL(name)(fd);                                        \
        unsigned long inode = inode_of(fd);                                              \
        int result = enter(#name) ? -1 : 0; /* a record needs no disk */                 \
        leave(result, #name "\t%lu", inode);                                             \
        return result;                                                                   \
    }
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

int ftruncate(int fd, off_t len) {
    if (!is_below(fd)) return REAL(ftruncate)(fd, len);
    int result = enter("ftruncate") ? -1 : REAL(ftruncate)(fd, len);
    leave(result, "resize\t%lu\t%lld", inode_of(fd), (long long)len);
    return result;
}

static int rename_any(int from_folder, const char *from, int to_folder, const char *to,
                      unsigned flags) {
    char a[2 * PATH_MAX], b[2 * PATH_MAX];
    if (!below(from_folder, from, a) || !below(to_folder, to, b))
        return REAL(renameat2)(from_folder, from, to_folder, to, flags);
    int result =
        enter("rename") ? -1 : REAL(renameat2)(from_folder, from, to_folder, to, flags);
    leave(result, "rename\t%s\t%s\t%u", a, b, flags);
    return result;
}

int rename(const char *from, const char *to) {
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return rename_any(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to,
              unsigned flags) {
    return rename_any(from_folder, from, to_folder, to, flags);
}

static int unlink_any(int folder, const char *path, int flags) {
    char at[2 * PATH_MAX];
    if (!below(folder, path, at)) return REAL(unlinkat)(folder, path, flags);
    int result = enter("unlink") ? -1 : REAL(unlinkat)(folder, path, flags);
    leave(result, "%s\t%s", flags & AT_REMOVEDIR ? "rmdir" : "unlink", at);
    return result;
}

int unlink(const char *path) { return unlink_any(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlink_any(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int folder, const char *path, int flags) {
    return unlink_any(folder, path, flags);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    char at[2 * PATH_MAX];
    struct stat st;
    if (!below(folder, path, at) || fstatat(folder, path, &st, 0) == 0)
        return REAL(mkdirat)(folder, path, mode);
    int result = enter("mkdirat") ? -1 : REAL(mkdirat)(folder, path, mode);
    if (result == 0) (void)fstatat(folder, path, &st, 0);
    leave(result, "mkdir\t%s\t%lu", at, result == 0 ? (unsigned long)st.st_ino : 0);
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char a[2 * PATH_MAX], b[2 * PATH_MAX];
    if (!below(from_folder, from, a) || !below(to_folder, to, b))
        return REAL(linkat)(from_folder, from, to_folder, to, flags);
    int result =
        enter("linkat") ? -1 : REAL(linkat)(from_folder, from, to_folder, to, flags);
    leave(result, "link\t%s\t%s", a, b);
    return result;
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
