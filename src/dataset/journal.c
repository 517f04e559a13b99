/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c: the list of what a commit is going to do, as a file of the sibling. In: a
 * writer's change, or a file that may be anybody's. Out: the file, or a change that can be
 * carried out without touching anything beside the dataset's folder and the sibling.
 *
 *   parquet_forge 1 LF
 *   change|swap SP durable SP num_files SP num_removed LF
 *   size SP path NUL      for each file
 *   path NUL              for each removed file
 *   CRC-32 of all that, 8 hexadecimal digits, LF
 */
#include "inner.h"

#include "kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC         "parquet_forge 1\n"
#define END_BYTES     9
#define JOURNAL_BYTES ((off_t)1 << 30) /* at most */

bool pqf_is_id(const char *name, const char *end) {
    return strspn(name, "0123456789abcdef") == PQF_ID_CHARS &&
           !strcmp(name + PQF_ID_CHARS, end);
}

/* ---- writing ---- */

static pqf_status put_text(pqf_buf *out, const char *text, size_t extra, pqf_error *err) {
    return pqf_buf_put(out, text, strlen(text) + extra, err);
}

static uint32_t checksum(pqf_bytes text) {
    return pqf_kernels_get()->crc32(0, text.data, (int64_t)text.len);
}

static pqf_status encode(const pqf_journal *j, pqf_buf *out, pqf_error *err) {
    char text[160];
    snprintf(text, sizeof text, MAGIC "%s %d %" PRId64 " %" PRId64 "\n",
             j->swap ? "swap" : "change", j->durable, j->num_files, j->num_removed);
    TRY(put_text(out, text, 0, err));
    for (int64_t i = 0; i < j->num_files; i++) {
        snprintf(text, sizeof text, "%" PRId64 " ", j->sizes[i]);
        TRY(put_text(out, text, 0, err));
        TRY(put_text(out, j->files[i], 1, err));
    }
    for (int64_t i = 0; i < j->num_removed; i++)
        TRY(put_text(out, j->removed[i], 1, err));
    snprintf(text, sizeof text, "%08" PRIx32 "\n", checksum(pqf_buf_view(out)));
    return put_text(out, text, 0, err);
}

static int write_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

pqf_status pqf_journal_write(const pqf_journal *journal, int folder, const char *name,
                             pqf_mem *mem, pqf_error *err) {
    pqf_buf text = {.mem = mem};
    pqf_status status = encode(journal, &text, err);
    int e = 0, fd = -1;
    if (status != PQF_OK) goto done;
    fd =
        openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) e = errno;
    if (!e) e = write_all(fd, text.data, text.len);
    if (!e && journal->durable && fsync(fd) != 0) e = errno;
    if (fd >= 0 && close(fd) != 0 && !e) e = errno;
    if (e) status = pqf_fail_errno(err, e, "cannot write the journal of the commit");
done:
    pqf_buf_reset(&text);
    return status;
}

/* ---- reading ---- */

/* The whole file and a NUL; *out NULL: it is gone or no regular file. */
static pqf_status load(int sibling, const char *name, pqf_arena *arena, char **out,
                       size_t *len, pqf_error *err) {
    struct stat st;
    void *block;
    *out = NULL;
    int fd = openat(sibling, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return PQF_OK;
    pqf_status status = PQF_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > JOURNAL_BYTES)
        goto done;
    TRY_DONE(pqf_arena_alloc(arena, (size_t)st.st_size + 1, &block, err));
    for (*len = 0; *len < (size_t)st.st_size;) {
        ssize_t n =
            pread(fd, (char *)block + *len, (size_t)st.st_size - *len, (off_t)*len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) goto done;
        *len += (size_t)n;
    }
    *out = block;
done:
    close(fd);
    return status;
}

/* The checksum fits; the text then ends where it stood. */
static bool is_whole(char *text, size_t *len) {
    char end[END_BYTES + 1];
    if (*len < END_BYTES) return false;
    *len -= END_BYTES;
    snprintf(end, sizeof end, "%08" PRIx32 "\n", checksum(pqf_bytes_of(text, *len)));
    if (memcmp(end, text + *len, END_BYTES) != 0) return false;
    text[*len] = '\0';
    return true;
}

/* A number and the byte behind it. */
static bool get_number(char **at, char end, int64_t *out) {
    char *after;
    if (**at < '0' || **at > '9') return false;
    errno = 0;
    long long v = strtoll(*at, &after, 10);
    if (errno || *after != end) return false;
    *at = after + 1;
    *out = v;
    return true;
}

static bool get_word(char **at, const char *word) {
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0) return false;
    *at += n;
    return true;
}

static bool get_head(char **at, pqf_journal *out) {
    int64_t durable;
    if (!get_word(at, MAGIC)) return false;
    out->swap = get_word(at, "swap ");
    if (!out->swap && !get_word(at, "change ")) return false;
    if (!get_number(at, ' ', &durable)) return false;
    out->durable = durable != 0;
    return get_number(at, ' ', &out->num_files) &&
           get_number(at, '\n', &out->num_removed);
}

/* A plain path and its NUL, which is there: the text as a whole ends in one. */
static bool get_path(char **at, const char *end, const char **out) {
    if (*at >= end) return false;
    *out = *at;
    *at += strlen(*at) + 1;
    return strlen(*out) + sizeof PQF_STAGED < PATH_MAX && pqf_fs_is_plain(*out);
}

static pqf_status parse(char *text, size_t len, pqf_arena *arena, pqf_journal *out,
                        bool *is_valid, pqf_error *err) {
    char *at = text, *end = text + len;
    void *block;
    *is_valid = false;
    if (!get_head(&at, out)) return PQF_OK;
    /* a file takes 4 bytes at least, a removed one 2 */
    if (out->num_files > (end - at) / 4 || out->num_removed > (end - at) / 2)
        return PQF_OK;
    TRY(pqf_arena_array(arena, (size_t)out->num_files, sizeof(char *), &block, err));
    out->files = block;
    TRY(pqf_arena_array(arena, (size_t)out->num_files, sizeof(int64_t), &block, err));
    out->sizes = block;
    TRY(pqf_arena_array(arena, (size_t)out->num_removed, sizeof(char *), &block, err));
    out->removed = block;
    for (int64_t i = 0; i < out->num_files; i++)
        if (!get_number(&at, ' ', &out->sizes[i]) || !get_path(&at, end, &out->files[i]))
            return PQF_OK;
    for (int64_t i = 0; i < out->num_removed; i++)
        if (!get_path(&at, end, &out->removed[i])) return PQF_OK;
    *is_valid = at == end;
    return PQF_OK;
}

/* What is still staged has the sizes that were written down; what is not has been moved. */
static bool fits_stage(const pqf_journal *j, int sibling) {
    char path[PATH_MAX + 64];
    struct stat st;
    for (int64_t i = 0; i < j->num_files; i++) {
        snprintf(path, sizeof path, "%s/tree/%s" PQF_STAGED, j->id, j->files[i]);
        int e = pqf_fs_stat_below(sibling, path, &st);
        if (e == ENOENT) continue;
        if (e || !S_ISREG(st.st_mode) || st.st_size != j->sizes[i]) return false;
    }
    return true;
}

pqf_status pqf_journal_read(int sibling, const char *id, pqf_arena *arena,
                            pqf_journal *out, bool *is_valid, pqf_error *err) {
    char name[PQF_ID_CHARS + 16], *text;
    size_t len;
    *out = (pqf_journal){0};
    *is_valid = false;
    snprintf(out->id, sizeof out->id, "%s", id);
    snprintf(name, sizeof name, "%s.commit", id);
    TRY(load(sibling, name, arena, &text, &len, err));
    if (!text || !is_whole(text, &len)) return PQF_OK;
    TRY(parse(text, len, arena, out, is_valid, err));
    *is_valid = *is_valid && fits_stage(out, sibling);
    return PQF_OK;
}

/* ---- listing ---- */

typedef struct id_list {
    pqf_arena *arena;
    pqf_buf ids; /* const char *[] */
} id_list;

static pqf_status add_id(void *context, const char *name, pqf_fs_type type,
                         pqf_error *err) {
    id_list *list = context;
    const char *id;
    (void)type;
    if (!pqf_is_id(name, ".commit")) return PQF_OK;
    TRY(pqf_arena_string(list->arena, pqf_bytes_of(name, PQF_ID_CHARS), &id, err));
    return pqf_buf_put(&list->ids, &id, sizeof id, err);
}

pqf_status pqf_journal_list(int sibling, pqf_mem *mem, pqf_arena *arena,
                            const char ***ids, int64_t *num_ids, pqf_error *err) {
    id_list list = {arena, {.mem = mem}};
    void *block;
    pqf_status status = PQF_OK;
    TRY_DONE(pqf_fs_list_below(sibling, ".", ".", mem, add_id, &list, err));
    TRY_DONE(pqf_arena_array(arena, list.ids.len / sizeof(char *) + 1, sizeof(char *),
                             &block, err));
    *ids = block;
    *num_ids = (int64_t)(list.ids.len / sizeof(char *));
    if (list.ids.len) memcpy(block, list.ids.data, list.ids.len);
done:
    pqf_buf_reset(&list.ids);
    return status;
}
