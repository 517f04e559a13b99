/* SPDX-License-Identifier: Apache-2.0
 *
 * fs.c (room io): what is asked of a file system beside bytes: folders made, synced, exchanged,
 * removed and listed, names that nobody has yet. In: paths. Out: PQF_IO with errno and the path
 * where the operating system says no.
 */
#include "inner.h"

#include "base/arena.h"
#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/random.h>
#endif

/* ---- names ---- */

static pqf_status random_bytes(uint8_t *out, size_t len, pqf_error *err) {
#ifdef __linux__
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return pqf_fail_errno(err, errno, "cannot get random bytes");
        out += n;
        len -= (size_t)n;
    }
    return PQF_OK;
#else
    if (getentropy(out, len) == 0) return PQF_OK;
    return pqf_fail_errno(err, errno, "cannot get random bytes");
#endif
}

static void put_hex(char *out, const uint8_t *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

pqf_status pqf_fs_random_id(char out[33], pqf_error *err) {
    uint8_t bytes[16];
    TRY(random_bytes(bytes, sizeof bytes, err));
    put_hex(out, bytes, sizeof bytes);
    return PQF_OK;
}

/* RFC 9562, version 7: 48 bits of milliseconds since 1970, 12 bits of their fraction (method 3), 62 random. */
pqf_status pqf_fs_uuid(char out[37], pqf_error *err) {
    struct timespec now;
    uint8_t b[16];
    TRY(random_bytes(b, sizeof b, err));
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t fraction = (uint64_t)now.tv_nsec % 1000000 * 4096 / 1000000;
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | fraction >> 8);
    b[7] = (uint8_t)fraction;
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* the RFC's variant */
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    size_t at = 0;
    for (size_t i = 0; i < sizeof groups; i++) {
        if (i) *out++ = '-';
        put_hex(out, b + at, groups[i]);
        out += 2 * groups[i];
        at += groups[i];
    }
    return PQF_OK;
}

size_t pqf_fs_folder_len(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return 0;
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? 1 : (size_t)(slash - path);
}

/* ---- folders ---- */

/* 0, or why it is no folder. */
static int folder_errno(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return errno;
    return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

/* One mkdir; another process may be as fast. 0 or errno, ENOTDIR when no folder has the name. */
static int make_one(const char *path) {
    if (mkdir(path, 0777) == 0) return 0;
    int e = errno;
    if (folder_errno(path) == 0) return 0;
    return e == EEXIST ? ENOTDIR : e;
}

/* Length of the longest prefix of path, whole components, that is there. */
static size_t existing_prefix(char *path) {
    struct stat st;
    size_t len = strlen(path);
    while (len > 0) {
        char cut = path[len];
        path[len] = '\0';
        bool found = stat(path, &st) == 0 || errno != ENOENT;
        size_t shorter = pqf_fs_folder_len(path);
        path[len] = cut;
        if (found) return len;
        len = shorter < len ? shorter : 0;
    }
    return 0;
}

pqf_status pqf_fs_make_new_folders(const char *path, size_t *num_kept, pqf_error *err) {
    char room[PATH_MAX];
    size_t len = strlen(path);
    *num_kept = len;
    if (folder_errno(path) == 0) return PQF_OK;
    if (len == 0) return pqf_io_fail(err, ENOENT, "cannot make the folder", path);
    if (len >= sizeof room)
        return pqf_io_fail(err, ENAMETOOLONG, "cannot make the folder", path);
    memcpy(room, path, len + 1);
    *num_kept = existing_prefix(room);
    for (size_t at = *num_kept; at < len;) {
        while (room[at] == '/')
            at++;
        if (at == len) break; /* the path ends in slashes */
        while (room[at] && room[at] != '/')
            at++;
        room[at] = '\0';
        int e = make_one(room);
        if (e) return pqf_io_fail(err, e, "cannot make the folder", room);
        if (at < len) room[at] = '/';
    }
    int e = folder_errno(path);
    return e ? pqf_io_fail(err, e, "cannot make the folder", path) : PQF_OK;
}

pqf_status pqf_fs_make_folders(const char *path, pqf_error *err) {
    size_t num_kept;
    return pqf_fs_make_new_folders(path, &num_kept, err);
}

int pqf_fs_sync_fd(int folder) {
    if (fsync(folder) == 0) return 0;
    return errno == EINVAL || errno == ENOTSUP || errno == EROFS ? 0 : errno;
}

/* Some file systems cannot sync a folder, and a folder may be writable but not readable: its names
 * are then as safe as they can be made. */
pqf_status pqf_fs_sync_folder(const char *path, pqf_error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) return PQF_OK;
    if (fd < 0) return pqf_io_fail(err, errno, "cannot open the folder", path);
    int e = pqf_fs_sync_fd(fd);
    close(fd);
    if (e == 0) return PQF_OK;
    return pqf_io_fail(err, e, "cannot sync the folder", path);
}

/* ---- renames ---- */

static bool not_built(int e) { return e == EINVAL || e == ENOSYS || e == ENOTSUP; }

int pqf_fs_rename_new(const char *from, const char *to) {
#ifdef RENAME_NOREPLACE
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (!not_built(errno)) return errno;
#endif
    if (link(from, to) != 0) return errno;
    return unlink(from) == 0 ? 0 : errno;
}

bool pqf_fs_test_no_exchange;

int pqf_fs_exchange(int folder_a, const char *a, int folder_b, const char *b) {
    if (pqf_fs_test_no_exchange) return ENOTSUP;
#ifdef RENAME_EXCHANGE
    if (renameat2(folder_a, a, folder_b, b, RENAME_EXCHANGE) == 0) return 0;
    return not_built(errno) ? ENOTSUP : errno;
#else
    (void)folder_a, (void)a, (void)folder_b, (void)b;
    return ENOTSUP;
#endif
}

/* ---- removing ---- */

typedef struct removal {
    pqf_fs_goes_on_fn goes_on;
    void *context;
} removal;

static int remove_at(const removal *r, int folder, const char *name);

static bool is_dots(const char *name) {
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* One pass; *num_removed tells whether another may find what this one jumped over. */
static int remove_entries(const removal *r, DIR *dir, size_t *num_removed) {
    struct dirent *entry;
    *num_removed = 0;
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (is_dots(entry->d_name)) continue;
        int e = remove_at(r, dirfd(dir), entry->d_name);
        if (e) return e;
        ++*num_removed;
    }
    return errno;
}

static int remove_folder_at(const removal *r, int folder, const char *name) {
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : errno;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int e = errno;
        close(fd);
        return e;
    }
    int e;
    size_t num_removed;
    do {
        rewinddir(dir);
        e = remove_entries(r, dir, &num_removed);
        if (e) break;
        e = unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
    } while ((e == ENOTEMPTY || e == EEXIST) && num_removed > 0);
    closedir(dir);
    return e;
}

/* unlink answers EISDIR (Linux) or EPERM (POSIX) for a folder. */
static int remove_at(const removal *r, int folder, const char *name) {
    struct stat st;
    if (r->goes_on && !r->goes_on(r->context)) return ECANCELED;
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) return 0;
    int e = errno;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return e;
    return remove_folder_at(r, folder, name);
}

pqf_status pqf_fs_remove_tree(const char *path, pqf_fs_goes_on_fn goes_on, void *context,
                              pqf_error *err) {
    const removal r = {goes_on, context};
    int e = remove_at(&r, AT_FDCWD, path);
    return e ? pqf_io_fail(err, e, "cannot remove", path) : PQF_OK;
}

/* ---- listing ---- */

typedef struct entry {
    const char *name;
    pqf_fs_type type;
} entry;

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name,
                  ((const entry *)b)->name); /* compares as bytes */
}

static pqf_fs_type type_of(int folder, const struct dirent *found) {
    struct stat st;
    if (found->d_type == DT_REG) return PQF_FS_FILE;
    if (found->d_type == DT_DIR) return PQF_FS_FOLDER;
    if (found->d_type != DT_LNK && found->d_type != DT_UNKNOWN) return PQF_FS_OTHER;
    if (fstatat(folder, found->d_name, &st, 0) != 0) return PQF_FS_OTHER;
    return S_ISREG(st.st_mode)   ? PQF_FS_FILE
           : S_ISDIR(st.st_mode) ? PQF_FS_FOLDER
                                 : PQF_FS_OTHER;
}

static pqf_status collect(DIR *dir, const char *path, pqf_arena *names, pqf_buf *entries,
                          pqf_error *err) {
    struct dirent *found;
    while (errno = 0, (found = readdir(dir)) != NULL) {
        if (is_dots(found->d_name)) continue;
        entry e = {.type = type_of(dirfd(dir), found)};
        pqf_bytes name = pqf_bytes_of(found->d_name, strlen(found->d_name));
        TRY(pqf_arena_string(names, name, &e.name, err));
        TRY(pqf_buf_put(entries, &e, sizeof e, err));
    }
    return errno ? pqf_io_fail(err, errno, "cannot list the folder", path) : PQF_OK;
}

/* The folder is closed before the first call, so a walk down a tree holds no descriptor. */
pqf_status pqf_fs_list_below(int folder, const char *path, const char *shown,
                             pqf_mem *mem, pqf_fs_entry_fn fn, void *context,
                             pqf_error *err) {
    pqf_status status = PQF_OK;
    pqf_arena names;
    pqf_buf entries;
    pqf_arena_init(&names, mem);
    pqf_buf_init(&entries, mem, 0);
    int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int e = errno;
        if (fd >= 0) close(fd);
        return pqf_io_fail(err, e, "cannot list the folder", shown);
    }
    status = collect(dir, shown, &names, &entries, err);
    closedir(dir);
    if (status != PQF_OK) goto done;
    entry *all = (entry *)(void *)entries.data; /* blocks are aligned to 64 bytes */
    size_t num_entries = entries.len / sizeof *all;
    if (num_entries > 1) qsort(all, num_entries, sizeof *all, by_name);
    for (size_t i = 0; i < num_entries; i++)
        TRY_DONE(fn(context, all[i].name, all[i].type, err));
done:
    pqf_buf_reset(&entries);
    pqf_arena_reset(&names);
    return status;
}

pqf_status pqf_fs_list(const char *path, pqf_mem *mem, pqf_fs_entry_fn fn, void *context,
                       pqf_error *err) {
    return pqf_fs_list_below(AT_FDCWD, path, path, mem, fn, context, err);
}
