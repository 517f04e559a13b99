/* SPDX-License-Identifier: Apache-2.0
 *
 * inner.h (room io): what the files of the room share. Sources and sinks are opened without a
 * pqf_mem, so each owns one that holds nothing but the handle itself.
 */
#ifndef PQF_IO_INNER_H
#define PQF_IO_INNER_H

#include "io.h"

#include <string.h>

/* A zeroed handle of size bytes, and the pqf_mem it lies in. */
static inline pqf_status pqf_io_handle_new(size_t size, pqf_mem **mem, void **out,
                                           pqf_error *err) {
    TRY(pqf_mem_new(0, mem, err));
    pqf_status status = pqf_mem_zalloc(*mem, size, out, err);
    if (status != PQF_OK) pqf_mem_release(*mem);
    return status;
}

static inline void pqf_io_handle_free(pqf_mem *mem, void *handle, size_t size) {
    pqf_mem_free(mem, handle, size);
    pqf_mem_release(mem);
}

/* PQF_IO with errno and the path as address. what: "cannot read". */
static inline pqf_status pqf_io_fail(pqf_error *err, int os_errno, const char *what,
                                     const char *path) {
    (void)pqf_fail_errno(err, os_errno, "%s", what);
    return pqf_error_at_path(err, path);
}

/* The descriptor of a source that is an open file, else -1. */
int pqf_source_fd(const pqf_source *source);

/* Makes the folder and its parents; *num_kept: length of the prefix of path that was there. */
pqf_status pqf_fs_make_new_folders(const char *path, size_t *num_kept, pqf_error *err);

/* Length of the path's folder part without its last slash ("/" keeps it); 0: the current folder. */
size_t pqf_fs_folder_len(const char *path);

/* Renames without replacing; EEXIST when `to` is there. 0 or an errno value. */
int pqf_fs_rename_new(const char *from, const char *to);

#endif
