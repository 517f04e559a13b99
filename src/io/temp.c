/* SPDX-License-Identifier: Apache-2.0
 *
 * temp.c (room io): a file without a name for bytes that outgrow memory. In: bytes to
 * append, ranges to read. It is on the file system of a given folder and vanishes with its
 * descriptor, so neither a failure nor a kill leaves anything.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct pqf_temp {
    pqf_mem *mem;
    int fd;
    int64_t len;
    size_t handle_bytes;
    char folder[]; /* with its NUL */
};

/* Some file systems know no files without a name: there it loses the one it had. */
static int open_named(const char *folder, pqf_error *err) {
    char path[PATH_MAX], id[33];
    if (pqf_fs_random_id(id, err) != PQF_OK) return -1;
    int n = snprintf(path, sizeof path, "%s/.%s.tmp", folder, id);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) unlink(path);
    return fd;
}

static int open_nameless(const char *folder, pqf_error *err) {
#ifdef O_TMPFILE
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
#endif
    return open_named(folder, err);
}

pqf_status pqf_temp_open(const char *folder, pqf_temp **out, pqf_error *err) {
    size_t folder_bytes = strlen(folder) + 1;
    pqf_mem *mem;
    void *room;
    TRY(pqf_io_handle_new(sizeof **out + folder_bytes, &mem, &room, err));
    pqf_temp *temp = room;
    temp->mem = mem;
    temp->handle_bytes = sizeof **out + folder_bytes;
    memcpy(temp->folder, folder, folder_bytes);
    temp->fd = open_nameless(folder, err);
    if (temp->fd < 0) {
        (void)pqf_io_fail(err, errno, "cannot create a temporary file", folder);
        pqf_temp_free(temp);
        return PQF_IO;
    }
    *out = temp;
    return PQF_OK;
}

void pqf_temp_free(pqf_temp *temp) {
    if (!temp) return;
    if (temp->fd >= 0) close(temp->fd);
    pqf_io_handle_free(temp->mem, temp, temp->handle_bytes);
}

pqf_status pqf_temp_put(pqf_temp *temp, pqf_bytes bytes, pqf_error *err) {
    while (bytes.len > 0) {
        int e = pqf_sink_test_hook ? pqf_sink_test_hook(temp->len, bytes.len) : 0;
        ssize_t done = e ? -1 : pwrite(temp->fd, bytes.data, bytes.len, (off_t)temp->len);
        if (!e && done < 0 && errno == EINTR) continue;
        if (!e && done <= 0) e = done < 0 ? errno : EIO;
        if (e)
            return pqf_io_fail(err, e, "cannot set rows aside in a temporary file",
                               temp->folder);
        temp->len += done;
        bytes.data += done;
        bytes.len -= (size_t)done;
    }
    return PQF_OK;
}

int64_t pqf_temp_len(const pqf_temp *temp) { return temp->len; }

pqf_status pqf_temp_read_at(const pqf_temp *temp, int64_t offset, void *dst, size_t len,
                            pqf_error *err) {
    uint8_t *to = dst;
    if (offset < 0 || offset > temp->len || len > (uint64_t)(temp->len - offset))
        return pqf_io_fail(err, EIO, "cannot read a temporary file", temp->folder);
    while (len > 0) {
        ssize_t done = pread(temp->fd, to, len, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0)
            return pqf_io_fail(err, done < 0 ? errno : EIO,
                               "cannot read a temporary file", temp->folder);
        to += done;
        offset += done;
        len -= (size_t)done;
    }
    return PQF_OK;
}
