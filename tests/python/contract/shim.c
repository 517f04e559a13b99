/* SPDX-License-Identifier: Apache-2.0
 * Stands between a process and the calls that change the file system (LD_PRELOAD). Each such call is
 * an event: it is written down where shim_log said, and the event that shim_arm counted down to
 * kills the process before it happens.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long left;
static int without_writes;
static int log_fd = -1;

void shim_arm(long events) { left = events; }

/* From now on writes into files are no events, only what changes names and what syncs. */
void shim_names_only(void) { without_writes = 1; }

void shim_log(const char *path) {
    log_fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path,
                                 O_CREAT | O_WRONLY | O_APPEND, 0600)
                  : -1;
}

static void event(const char *name, const char *one, const char *two) {
    if (log_fd >= 0) {
        char line[2 * PATH_MAX];
        int n = snprintf(line, sizeof line, "%s\t%s\t%s\n", name, one ? one : "",
                         two ? two : "");
        (void)!syscall(SYS_write, log_fd, line, (size_t)n);
    }
    if (without_writes && strcmp(name, "write") == 0) return;
    if (left > 0 && atomic_fetch_sub(&left, 1) == 1) syscall(SYS_kill, getpid(), SIGKILL);
}

/* An event on a descriptor of a file or folder; pipes and terminals are none. */
static void event_fd(const char *name, int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    if (n <= 0 || path[0] != '/' ||
        (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0))
        return;
    event(name, path, NULL);
}

#define REAL(type, name)                                                                 \
    static type (*real)();                                                               \
    if (!real) real = (type(*)())dlsym(RTLD_NEXT, #name)

#define OPENER(name)                                                                     \
    int name(const char *path, int flags, ...) {                                         \
        REAL(int, name);                                                                 \
        va_list list;                                                                    \
        va_start(list, flags);                                                           \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, int) : 0;              \
        va_end(list);                                                                    \
        if (flags & O_CREAT) event("create", path, NULL);                                \
        return real(path, flags, mode);                                                  \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                                  \
    int name(int at, const char *path, int flags, ...) {                                 \
        REAL(int, name);                                                                 \
        va_list list;                                                                    \
        va_start(list, flags);                                                           \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, int) : 0;              \
        va_end(list);                                                                    \
        if (flags & O_CREAT) event("create", path, NULL);                                \
        return real(at, path, flags, mode);                                              \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

#define ON_FD(type, name, what, parameters, arguments)                                   \
    type name parameters {                                                               \
        REAL(type, name);                                                                \
        event_fd(what, fd);                                                              \
        return real arguments;                                                           \
    }
ON_FD(ssize_t, write, "write", (int fd, const void *p, size_t n), (fd, p, n))
ON_FD(ssize_t, pwrite, "write", (int fd, const void *p, size_t n, off_t o), (fd, p, n, o))
ON_FD(ssize_t, pwrite64, "write", (int fd, const void *p, size_t n, off64_t o),
      (fd, p, n, o))
ON_FD(ssize_t, writev, "write", (int fd, const struct iovec *v, int n), (fd, v, n))
ON_FD(ssize_t, pwritev, "write", (int fd, const struct iovec *v, int n, off_t o),
      (fd, v, n, o))
ON_FD(ssize_t, pwritev64, "write", (int fd, const struct iovec *v, int n, off64_t o),
      (fd, v, n, o))
ON_FD(int, ftruncate, "truncate", (int fd, off_t n), (fd, n))
ON_FD(int, ftruncate64, "truncate", (int fd, off64_t n), (fd, n))
ON_FD(int, fsync, "fsync", (int fd), (fd))
ON_FD(int, fdatasync, "fsync", (int fd), (fd))
ON_FD(int, syncfs, "syncfs", (int fd), (fd))

#define ON_PATHS(name, what, one, two, parameters, arguments)                            \
    int name parameters {                                                                \
        REAL(int, name);                                                                 \
        event(what, one, two);                                                           \
        return real arguments;                                                           \
    }
ON_PATHS(rename, "rename", a, b, (const char *a, const char *b), (a, b))
ON_PATHS(renameat, "rename", a, b, (int x, const char *a, int y, const char *b),
         (x, a, y, b))
ON_PATHS(renameat2, "rename", a, b,
         (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f))
ON_PATHS(link, "link", a, b, (const char *a, const char *b), (a, b))
ON_PATHS(linkat, "link", a, b, (int x, const char *a, int y, const char *b, int f),
         (x, a, y, b, f))
ON_PATHS(unlink, "unlink", a, NULL, (const char *a), (a))
ON_PATHS(unlinkat, "unlink", a, NULL, (int x, const char *a, int f), (x, a, f))
ON_PATHS(rmdir, "unlink", a, NULL, (const char *a), (a))
ON_PATHS(mkdir, "mkdir", a, NULL, (const char *a, mode_t m), (a, m))
ON_PATHS(mkdirat, "mkdir", a, NULL, (int x, const char *a, mode_t m), (x, a, m))
