/* SPDX-License-Identifier: Apache-2.0
 *
 * below.c (room io): paths below an open folder, one component at a time. In: a descriptor and a
 * path that may come from a stranger's file. Out: what stands there, never beyond the folder: the
 * caller checks with pqf_fs_is_plain that no component goes up, and no link is followed here.
 * Nothing allocates, so that a commit that has begun cannot fail for want of memory.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

bool pqf_fs_is_plain(const char *path) {
    for (;; path++) {
        size_t n = strcspn(path, "/");
        if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && !strncmp(path, "..", 2)))
            return false;
        path += n;
        if (!*path) return true;
    }
}

static int keep_errno(int closed_fd, int result) {
    int e = errno;
    close(closed_fd);
    errno = e;
    return result;
}

static int enter(int folder, const char *name, bool make) {
    int fd = openat(folder, name, FOLDER_FLAGS);
    if (fd >= 0 || errno != ENOENT || !make) return fd;
    if (mkdirat(folder, name, 0777) != 0 && errno != EEXIST) return -1;
    return openat(folder, name, FOLDER_FLAGS);
}

/* The folder that the first `len` bytes of path name. */
static int walk(int folder, const char *path, size_t len, bool make) {
    int fd = openat(folder, ".", FOLDER_FLAGS);
    for (size_t at = 0; fd >= 0 && at < len;) {
        char name[NAME_MAX + 1];
        size_t n = strcspn(path + at, "/");
        if (n > len - at) n = len - at;
        if (n > NAME_MAX) {
            errno = ENAMETOOLONG;
            return keep_errno(fd, -1);
        }
        memcpy(name, path + at, n);
        name[n] = '\0';
        fd = keep_errno(fd, enter(fd, name, make));
        at += n + 1;
    }
    return fd;
}

int pqf_fs_folder_below(int folder, const char *path, bool make) {
    return walk(folder, path, strlen(path), make);
}

int pqf_fs_parent_below(int folder, const char *path, bool make, const char **name) {
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    return walk(folder, path, slash ? (size_t)(slash - path) : 0, make);
}

int pqf_fs_stat_below(int folder, const char *path, struct stat *out) {
    const char *name;
    int parent = pqf_fs_parent_below(folder, path, false, &name);
    if (parent < 0) return errno;
    int e = fstatat(parent, name, out, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
    close(parent);
    return e;
}

int pqf_fs_rename_below(int from_folder, const char *from, int to_folder,
                        const char *to) {
    const char *from_name, *to_name;
    struct stat st;
    int e = 0, source = pqf_fs_parent_below(from_folder, from, false, &from_name);
    if (source < 0) return errno;
    /* no folders are made for nothing */
    if (fstatat(source, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return keep_errno(source, errno);
    int target = pqf_fs_parent_below(to_folder, to, true, &to_name);
    if (target < 0 || renameat(source, from_name, target, to_name) != 0) e = errno;
    if (target >= 0) close(target);
    close(source);
    return e;
}

/* ---- from the innermost folder up ---- */

/* Cuts the last component off; false when none is left. */
static bool cut(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

void pqf_fs_remove_empty_below(int folder, const char *path) {
    char room[PATH_MAX];
    const char *name;
    if (strlen(path) >= sizeof room) return;
    strcpy(room, path);
    while (cut(room)) {
        int parent = pqf_fs_parent_below(folder, room, false, &name);
        if (parent < 0) continue; /* the folder above it is gone as well */
        int result = unlinkat(parent, name, AT_REMOVEDIR), e = errno;
        close(parent);
        if (result != 0 && e != ENOENT) return;
    }
}

int pqf_fs_sync_below(int folder, const char *path) {
    char room[PATH_MAX];
    if (strlen(path) >= sizeof room) return ENAMETOOLONG;
    strcpy(room, path);
    while (cut(room)) {
        int fd = pqf_fs_folder_below(folder, room, false);
        if (fd < 0 && errno == ENOENT) continue;
        if (fd < 0) return errno;
        int e = pqf_fs_sync_fd(fd);
        close(fd);
        if (e) return e;
    }
    return pqf_fs_sync_fd(folder);
}
