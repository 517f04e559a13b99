/* SPDX-License-Identifier: Apache-2.0
 *
 * io.h: the door of room io. Files, mappings, memory and callbacks become three plain things: a
 * source (bytes at an offset), a window (one range of a source, read forward with little memory)
 * and a sink (append only; a file gets its name in finish). Below them what the dataset room needs
 * of a file system. Failures of the operating system are PQF_IO with errno and, as far as it is
 * known, the path in the error's address.
 */
#ifndef PQF_IO_IO_H
#define PQF_IO_IO_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/shared.h"
#include "base/thread.h"

#include <sys/stat.h>

/* ---- source ---- */

typedef struct pqf_source pqf_source;

/* EISDIR for a folder. With memory_map the file must not be cut short while it is read. */
pqf_status pqf_source_open(const char *path, bool memory_map, pqf_source **out,
                           pqf_error *err);
/* The same below an open folder (AT_FDCWD: the current one); errors name it `shown`. */
pqf_status pqf_source_open_below(int folder, const char *path, const char *shown,
                                 bool memory_map, pqf_source **out, pqf_error *err);
/* The bytes are borrowed. */
pqf_status pqf_source_open_memory(pqf_bytes bytes, pqf_source **out, pqf_error *err);
/* Fills dst with exactly len bytes; 0 or an errno value. May be called from several threads. */
typedef int (*pqf_read_at_fn)(void *context, int64_t offset, void *dst, size_t len);
pqf_status pqf_source_open_callback(pqf_read_at_fn fn, void *context, int64_t size,
                                    pqf_source **out, pqf_error *err);
void pqf_source_free(pqf_source *source); /* NULL is fine */

int64_t pqf_source_size(const pqf_source *source);
const char *pqf_source_path(const pqf_source *source); /* "" where it is no file */

/* Exactly len bytes; a range beyond the end is PQF_CORRUPT, a file that shrank PQF_IO. Thread safe.
 * Each call counts for pqf_io_counters_get. */
pqf_status pqf_source_read_at(pqf_source *source, int64_t offset, void *dst, size_t len,
                              pqf_error *err);
/* The range within a mapping or memory; NULL when it has to be read, and when fewer than PQF_SLACK
 * bytes follow it. */
const uint8_t *pqf_source_view(const pqf_source *source, int64_t offset, size_t len);
/* The range within a mapping, for somebody who retains what is returned and so may keep it beyond the
 * source; nothing is promised of bytes behind it. NULL: there is no mapping, or the range reaches past
 * its end. */
pqf_shared *pqf_source_lend(const pqf_source *source, int64_t offset, size_t len,
                            const uint8_t **bytes);

/* ---- window ---- */

/* Forward reading of [begin, end) of a source, a column chunk; never reads a byte outside of it.
 * Zeroed it is valid and empty. One thread at a time. */
typedef struct pqf_window {
    pqf_source *source; /* borrowed */
    pqf_mem *mem;       /* borrowed */
    int64_t begin, end; /* file offsets */
    size_t step;        /* bytes read ahead */
    uint8_t *data;      /* bytes [offset, offset + len) of the file */
    size_t cap;
    int64_t offset;
    size_t len;
} pqf_window;

void pqf_window_init(pqf_window *window, pqf_source *source, pqf_mem *mem, int64_t begin,
                     int64_t end, size_t step);
void pqf_window_reset(pqf_window *window);
/* Shows len bytes from file offset `offset`; with at_most fewer where the range ends before. Valid
 * until the next call, PQF_SLACK readable bytes behind. Reads max(len, step) bytes at a time, so
 * that neighbouring headers and pages cost one read. A range beyond the end is PQF_CORRUPT. */
pqf_status pqf_window_view(pqf_window *window, int64_t offset, size_t len, bool at_most,
                           pqf_bytes *out, pqf_error *err);
/* Copies the bytes into dst: from the window what it has, the rest straight from the source. */
pqf_status pqf_window_copy(pqf_window *window, int64_t offset, size_t len, void *dst,
                           pqf_error *err);

/* ---- sink ---- */

/* Append only. A file's bytes go to a hidden temporary in the target's folder; finish syncs it,
 * gives it its name and syncs the folder. */
typedef struct pqf_sink pqf_sink;

typedef struct pqf_sink_options {
    bool not_durable; /* no fsync */
    pqf_if_exists if_exists;
    /* No descriptor, and so no lock, is held between writes: for thousands of open sinks in a
     * folder that no other writer knows. */
    bool close_between_writes;
    /* For staged trees: the bytes go under the given name itself, which must be new; finish syncs
     * the file and leaves the folder to the caller. So does free before finish, and the file. */
    bool final_name;
} pqf_sink_options;

/* Makes the parent folders, resolves links (a dangling one: its target is made) and removes
 * temporaries of the same target whose writer is gone. options may be NULL. EISDIR when the target
 * is a folder. A sink belongs to the process that opened it: a forked child can only free it, and
 * that removes nothing. */
pqf_status pqf_sink_open_file(const char *path, const pqf_sink_options *options,
                              pqf_sink **out, pqf_error *err);
pqf_status pqf_sink_open_callback(pqf_write_fn fn, void *context, pqf_sink **out,
                                  pqf_error *err);
/* Appends the parts in order. After a failure the sink is only good to free. */
pqf_status pqf_sink_write(pqf_sink *sink, const pqf_bytes *parts, int num_parts,
                          pqf_error *err);
/* Appends [offset, offset + len) of a source, within the kernel where it can. */
pqf_status pqf_sink_copy(pqf_sink *sink, pqf_source *source, int64_t offset, int64_t len,
                         pqf_error *err);
/* Writes may come from any thread, one at a time; a callback is called from the calling thread alone. */
bool pqf_sink_takes_threads(const pqf_sink *sink);
int64_t pqf_sink_len(const pqf_sink *sink);
/* The folder that the bytes are in, without the file's name; for a callback that of temporary files. */
pqf_status pqf_sink_folder(const pqf_sink *sink, pqf_arena *arena, const char **out,
                           pqf_error *err);
/* While finish waits for the disk it polls `run` (borrowed, of the calling thread): it may be
 * PQF_CANCELLED. */
void pqf_sink_watch(pqf_sink *sink, pqf_run *run);
/* After a failure nothing is left under the temporary name. */
pqf_status pqf_sink_finish(pqf_sink *sink, pqf_error *err);
/* NULL is fine. Before finish: removes the temporary and the folders that were made for it. */
void pqf_sink_free(pqf_sink *sink);
/* PQF_SKIP_IF_EXISTS and the target exists: writes are dropped, finish does nothing. */
bool pqf_sink_skipped(const pqf_sink *sink);

/* Tests: called before each write to a file; an errno value makes it fail. */
extern int (*pqf_sink_test_hook)(int64_t file_offset, size_t num_bytes);

/* ---- temporary file ---- */

/* Bytes that outgrow memory: a file without a name in `folder`, gone when it is freed and when the
 * process ends. Reading may be done by several threads. */
typedef struct pqf_temp pqf_temp;
pqf_status pqf_temp_open(const char *folder, pqf_temp **out, pqf_error *err);
void pqf_temp_free(pqf_temp *temp); /* NULL is fine */
pqf_status pqf_temp_put(pqf_temp *temp, pqf_bytes bytes, pqf_error *err);
int64_t pqf_temp_len(const pqf_temp *temp);
/* Exactly len bytes of those that were put. */
pqf_status pqf_temp_read_at(const pqf_temp *temp, int64_t offset, void *dst, size_t len,
                            pqf_error *err);

/* ---- file system ---- */

/* Like mkdir -p; a folder that exists is fine. */
pqf_status pqf_fs_make_folders(const char *path, pqf_error *err);
pqf_status pqf_fs_sync_folder(const char *path, pqf_error *err);
/* Swaps two names, each within an open folder, in one step. 0 or an errno value; ENOTSUP where the
 * file system cannot. */
int pqf_fs_exchange(int folder_a, const char *a, int folder_b, const char *b);
/* Tests: makes pqf_fs_exchange answer ENOTSUP. */
extern bool pqf_fs_test_no_exchange;
/* Removes a file, a link or a folder with all that is in it; follows no link. A missing path is
 * fine. goes_on (may be NULL) is asked before each entry; false ends it with ECANCELED. */
typedef bool (*pqf_fs_goes_on_fn)(void *context);
pqf_status pqf_fs_remove_tree(const char *path, pqf_fs_goes_on_fn goes_on, void *context,
                              pqf_error *err);

typedef enum pqf_fs_type { PQF_FS_FILE, PQF_FS_FOLDER, PQF_FS_OTHER } pqf_fs_type;
/* name is valid during the call; a status that is not PQF_OK ends the listing. */
typedef pqf_status (*pqf_fs_entry_fn)(void *context, const char *name, pqf_fs_type type,
                                      pqf_error *err);
/* Entries of the folder sorted by the bytes of their names, without . and .., the type behind links
 * (a dangling link: other). */
pqf_status pqf_fs_list(const char *path, pqf_mem *mem, pqf_fs_entry_fn fn, void *context,
                       pqf_error *err);
/* The same below an open folder ("." is that itself); errors name it `shown`. */
pqf_status pqf_fs_list_below(int folder, const char *path, const char *shown,
                             pqf_mem *mem, pqf_fs_entry_fn fn, void *context,
                             pqf_error *err);

/* ---- below an open folder, where strangers may have been: no link is followed ---- */

/* True for a relative path of plain names, none of them "." or "..". */
bool pqf_fs_is_plain(const char *path);
/* Opens the folder `path` ("": the folder itself) or the one that holds `path`; make: with what is
 * missing on the way. The descriptor, or -1 and errno. *name: the last part of the path. */
int pqf_fs_folder_below(int folder, const char *path, bool make);
int pqf_fs_parent_below(int folder, const char *path, bool make, const char **name);
/* 0 or an errno value; ENOENT too where a folder on the way is missing. */
int pqf_fs_stat_below(int folder, const char *path, struct stat *out);
/* Makes the folders of `to`. 0 or an errno value; ENOENT where `from` is missing. */
int pqf_fs_rename_below(int from_folder, const char *from, int to_folder, const char *to);
/* Removes the folders of `path` that are empty, from the innermost on; never `folder` itself. */
void pqf_fs_remove_empty_below(int folder, const char *path);
/* An open folder's names reach the disk, as far as the file system can. 0 or an errno value. */
int pqf_fs_sync_fd(int folder);
/* The folders of `path` as far as they are there, and `folder` itself. 0 or an errno value. */
int pqf_fs_sync_below(int folder, const char *path);

/* 32 random hexadecimal digits; a UUID that begins with the time (version 7), in its text form, so that
 * later ones come behind earlier ones. NUL-terminated. */
pqf_status pqf_fs_random_id(char out[33], pqf_error *err);
pqf_status pqf_fs_uuid(char out[37], pqf_error *err);

#endif
