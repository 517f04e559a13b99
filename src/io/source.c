/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c (room io): bytes at an offset. In: a path, borrowed bytes or a callback. Out: read_at
 * and, where the bytes are in memory anyway, views. The first border of all reading: a range is
 * checked here against the size that the source had when it was opened.
 */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Outlives its source where arrays lie in it. */
typedef struct mapping {
    pqf_shared shared;
    pqf_mem *mem;
    void *data;
    size_t len;
} mapping;

struct pqf_source {
    pqf_mem *mem;
    size_t handle_bytes;
    int64_t size;
    const uint8_t *data; /* of a mapping or of memory, else NULL */
    mapping *mapping;    /* NULL: none */
    int fd;              /* -1: none */
    pqf_read_at_fn fn;
    void *context;
    char path[]; /* with its NUL */
};

static struct {
    _Atomic int64_t bytes_read, reads, files_opened;
} counters;

void pqf_io_counters_get(pqf_io_counters *out) {
    out->bytes_read = atomic_load(&counters.bytes_read);
    out->reads = atomic_load(&counters.reads);
    out->files_opened = atomic_load(&counters.files_opened);
}

static pqf_status new_source(const char *path, pqf_source **out, pqf_error *err) {
    size_t path_bytes = strlen(path) + 1;
    pqf_mem *mem;
    void *room;
    TRY(pqf_io_handle_new(sizeof **out + path_bytes, &mem, &room, err));
    *out = room;
    (*out)->mem = mem;
    (*out)->handle_bytes = sizeof **out + path_bytes;
    (*out)->fd = -1;
    memcpy((*out)->path, path, path_bytes);
    return PQF_OK;
}

void pqf_source_free(pqf_source *source) {
    if (!source) return;
    if (source->mapping) pqf_shared_release(&source->mapping->shared);
    if (source->fd >= 0) close(source->fd);
    pqf_io_handle_free(source->mem, source, source->handle_bytes);
}

/* A pipe would block in open without O_NONBLOCK, which regular files do not know. */
static pqf_status open_file(pqf_source *source, int folder, const char *path,
                            pqf_error *err) {
    struct stat st;
    source->fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (source->fd < 0) return pqf_io_fail(err, errno, "cannot read", source->path);
    if (fstat(source->fd, &st) != 0)
        return pqf_io_fail(err, errno, "cannot ask for the file's size", source->path);
    if (S_ISDIR(st.st_mode)) return pqf_io_fail(err, EISDIR, "cannot read", source->path);
    if (!S_ISREG(st.st_mode))
        return pqf_io_fail(err, ESPIPE, "only a regular file can be read at any position",
                           source->path);
    source->size = st.st_size;
    atomic_fetch_add_explicit(&counters.files_opened, 1, memory_order_relaxed);
    return PQF_OK;
}

static void unmap(pqf_shared *shared) {
    mapping *m = (mapping *)(void *)shared;
    if (m->data) munmap(m->data, m->len);
    pqf_io_handle_free(m->mem, m, sizeof *m);
}

static pqf_status new_mapping(size_t len, mapping **out, pqf_error *err) {
    pqf_mem *mem;
    void *room;
    TRY(pqf_io_handle_new(sizeof **out, &mem, &room, err));
    *out = room;
    (*out)->shared.references = 1;
    (*out)->shared.give_back = unmap;
    (*out)->mem = mem;
    (*out)->len = len;
    return PQF_OK;
}

/* What cannot be mapped (an empty file, some file systems, a limit on memory) is read instead. */
static pqf_status map_file(pqf_source *source, pqf_error *err) {
    mapping *m;
    if (source->size == 0) return PQF_OK;
    TRY(new_mapping((size_t)source->size, &m, err));
    void *p = mmap(NULL, m->len, PROT_READ, MAP_SHARED, source->fd, 0);
    if (p == MAP_FAILED) {
        pqf_shared_release(&m->shared);
        return PQF_OK;
    }
    source->data = m->data = p;
    source->mapping = m;
    close(source->fd);
    source->fd = -1;
    return PQF_OK;
}

pqf_status pqf_source_open_below(int folder, const char *path, const char *shown,
                                 bool memory_map, pqf_source **out, pqf_error *err) {
    pqf_source *source;
    TRY(new_source(shown, &source, err));
    pqf_status status = open_file(source, folder, path, err);
    if (status == PQF_OK && memory_map) status = map_file(source, err);
    if (status == PQF_OK)
        *out = source;
    else
        pqf_source_free(source);
    return status;
}

pqf_status pqf_source_open(const char *path, bool memory_map, pqf_source **out,
                           pqf_error *err) {
    return pqf_source_open_below(AT_FDCWD, path, path, memory_map, out, err);
}

pqf_status pqf_source_open_memory(pqf_bytes bytes, pqf_source **out, pqf_error *err) {
    pqf_source *source;
    if (bytes.len > INT64_MAX)
        return pqf_fail(err, PQF_INVALID, "%zu bytes of memory", bytes.len);
    TRY(new_source("", &source, err));
    source->data = bytes.data ? bytes.data : (const uint8_t *)"";
    source->size = (int64_t)bytes.len;
    *out = source;
    return PQF_OK;
}

pqf_status pqf_source_open_callback(pqf_read_at_fn fn, void *context, int64_t size,
                                    pqf_source **out, pqf_error *err) {
    pqf_source *source;
    if (size < 0)
        return pqf_fail(err, PQF_INVALID, "a size of %lld bytes", (long long)size);
    TRY(new_source("", &source, err));
    source->fn = fn;
    source->context = context;
    source->size = size;
    *out = source;
    return PQF_OK;
}

int64_t pqf_source_size(const pqf_source *source) { return source->size; }
const char *pqf_source_path(const pqf_source *source) { return source->path; }

static bool in_range(const pqf_source *source, int64_t offset, size_t len) {
    return offset >= 0 && offset <= source->size &&
           len <= (uint64_t)(source->size - offset);
}

/* 0 or errno; ENODATA when the file has become shorter than it was at open. */
static int read_file(int fd, int64_t offset, uint8_t *dst, size_t len) {
    while (len > 0) {
        ssize_t n = pread(fd, dst, len < (1 << 30) ? len : (1 << 30), (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) return ENODATA;
        dst += n;
        offset += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_bytes(pqf_source *source, int64_t offset, void *dst, size_t len) {
    if (source->data) {
        if (len) memcpy(dst, source->data + offset, len);
        return 0;
    }
    if (source->fn) return source->fn(source->context, offset, dst, len);
    return read_file(source->fd, offset, dst, len);
}

static pqf_status fail_at(const pqf_source *source, int64_t offset, pqf_error *err) {
    if (source->path[0]) (void)pqf_error_at_path(err, source->path);
    return pqf_error_at_page(err, -1, offset);
}

pqf_status pqf_source_read_at(pqf_source *source, int64_t offset, void *dst, size_t len,
                              pqf_error *err) {
    if (!in_range(source, offset, len)) {
        (void)pqf_fail(err, PQF_CORRUPT,
                       "%zu bytes reach past the end of the file at %lld", len,
                       (long long)source->size);
        return fail_at(source, offset, err);
    }
    atomic_fetch_add_explicit(&counters.reads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters.bytes_read, (int64_t)len, memory_order_relaxed);
    int e = read_bytes(source, offset, dst, len);
    if (e == 0) return PQF_OK;
    if (e == ENODATA) {
        (void)pqf_fail_errno(err, EIO, "the file was cut short while it was read");
    } else {
        (void)pqf_fail_errno(err, e, "cannot read %zu bytes", len);
    }
    return fail_at(source, offset, err);
}

const uint8_t *pqf_source_view(const pqf_source *source, int64_t offset, size_t len) {
    if (!source->data || len > SIZE_MAX - PQF_SLACK) return NULL;
    return in_range(source, offset, len + PQF_SLACK) ? source->data + offset : NULL;
}

pqf_shared *pqf_source_lend(const pqf_source *source, int64_t offset, size_t len,
                            const uint8_t **bytes) {
    if (!source->mapping || !in_range(source, offset, len)) return NULL;
    *bytes = source->data + offset;
    return &source->mapping->shared;
}

int pqf_source_fd(const pqf_source *source) { return source->fd; }
