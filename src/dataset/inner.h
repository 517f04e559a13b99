/* SPDX-License-Identifier: Apache-2.0
 *
 * inner.h: what the files of the room dataset share: many files as one table. The room's
 * door is the public header (pqf_dataset_*, pqf_dataset_writer_*): nobody stands above
 * it.
 *
 *   reading   paths ─ discover ─ Hive folders ─ constants ─► scan of room file ─► stream
 *   writing   batch ─ conform ─ groups by partition ─► one staged file each ─► commit
 */
#ifndef PQF_DATASET_INNER_H
#define PQF_DATASET_INNER_H

#include "arrow/arrow.h"
#include "file/file.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

/* Hive's folder name of the null value. */
#define PQF_HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

/* Key of a file's metadata that records the Arrow types of its partition columns (the
 * value has the form of ARROW:schema); readers of ours hide it. */
#define PQF_PARTITION_KEY "parquet_forge:partition_schema"

/* ---- hive.c: folder names ---- */

/* Appends "name=value" with everything of Hive's escape set percent-encoded,
 * NUL-terminated. */
pqf_status pqf_hive_folder(const char *name, pqf_bytes value, pqf_buf *out,
                           pqf_error *err);
/* Splits a folder name at its first '=' and decodes both sides into the arena; false: no
 * partition. */
pqf_status pqf_hive_parse(pqf_bytes folder, pqf_arena *arena, bool *is_partition,
                          pqf_bytes *name, pqf_bytes *value, pqf_error *err);

/* ---- value_text.c: partition values as text and back ---- */

/* PQF_INVALID for types that cannot name a folder: nested, binary, null. */
pqf_status pqf_value_check_type(const struct ArrowSchema *schema, const char *column,
                                pqf_error *err);
/* Text of slot i (plain or dictionary-encoded) in the forms of the contract. PQF_INVALID
 * for the marker of null as text, and for values that are none of their type: times
 * beyond a day. */
pqf_status pqf_value_text(const pqf_view *view, int64_t i, pqf_buf *out, pqf_error *err);
/* Values of `type` from their texts, each with a NUL behind; one that does not parse is
 * PQF_CORRUPT. */
pqf_status pqf_values_parse(const struct ArrowSchema *type, const pqf_bytes *texts,
                            int64_t n, pqf_mem *mem, struct ArrowArray *out,
                            pqf_error *err);
/* True when the text is an integer in its plain form; *fits_32 tells whether int32 holds
 * it. */
bool pqf_text_is_integer(pqf_bytes text, bool *fits_32);

/* ---- snapshot.c: one state of a folder, as long as somebody reads it ---- */

typedef struct pqf_found_file pqf_found_file;
typedef struct pqf_journal pqf_journal;

typedef struct pqf_snapshot {
    bool is_open; /* false: files are opened by their paths */
    int fd;       /* of the folder, under a shared lock */
    int64_t inode;
    const char *dir;       /* the folder, links resolved */
    const char *sibling;   /* path of the hidden folder beside it; NULL: none */
    pqf_journal *journals; /* commits that have begun: their files count as there */
    int64_t num_journals;
} pqf_snapshot;

/* Lists the files of the snapshot's folder; called again when it has changed meanwhile. */
typedef pqf_status (*pqf_snapshot_list_fn)(void *context, const pqf_snapshot *snapshot,
                                           pqf_error *err);
/* PQF_OK without a snapshot that is open: `path` is a file. */
pqf_status pqf_snapshot_take(const char *path, const pqf_read_options *options,
                             pqf_mem *mem, pqf_arena *arena, pqf_snapshot_list_fn list,
                             void *context, pqf_snapshot *out, pqf_error *err);
pqf_status pqf_snapshot_open_file(const pqf_snapshot *snapshot,
                                  const pqf_found_file *file, bool memory_map,
                                  pqf_source **out, pqf_error *err);
/* What nobody else needs any more goes: old rows that were kept for this reader. */
void pqf_snapshot_close(pqf_snapshot *snapshot, pqf_mem *mem);

/* ---- discover.c ---- */

struct pqf_found_file {
    const char *path;
    const char *below; /* the part below the snapshot's folder; NULL without one */
    const char
        *staged; /* of a file that may still be staged: its path below the sibling */
    const pqf_bytes *values; /* one per partition column; data NULL: null or absent */
};

typedef struct pqf_found {
    pqf_found_file *files;
    int64_t num_files;
    const char **partitions; /* names in the order of the path */
    int32_t num_partitions;
} pqf_found;

pqf_status pqf_discover(const char *const *paths, int64_t num_paths, const char *root,
                        const pqf_read_options *options, pqf_mem *mem, pqf_arena *arena,
                        pqf_snapshot *snapshot, pqf_found *out, pqf_error *err);

/* ---- path_order.c: the order in which files are read ---- */

#define PQF_UUID_CHARS 36

/* Below 0, 0, above 0 as strcmp: component by component as bytes, but the files of one writing call
 * in the order in which they were written. */
int pqf_path_order(const char *a, const char *b);
bool pqf_begins_with_uuid(const char *name);
/* Characters of the "-<n>" that `text` begins with, the number of a file within its call; 0: none. */
size_t pqf_file_number_len(const char *text);

/* ---- open.c ---- */

struct pqf_dataset {
    _Atomic int64_t references;
    pqf_mem *mem;
    pqf_arena arena;
    pqf_read_options options;
    pqf_snapshot snapshot;
    pqf_found found;
    pqf_bytes bytes;    /* of a dataset in memory */
    pqf_reader *first;  /* whose footer gave the schema */
    int64_t first_file; /* its number */
    struct ArrowSchema schema;
    bool is_declared; /* the schema is a user's */
    pqf_scan_file *files;
    int32_t **codes; /* of each file, one per constant */
    pqf_constant *constants;
    struct ArrowSchema *types; /* of the constants */
    struct ArrowArray *values;
};

void pqf_dataset_retain(pqf_dataset *dataset);
/* Opens file i: a pqf_open_file_fn with the dataset as context. */
pqf_status pqf_dataset_open_source(void *dataset, int64_t i, pqf_source **out,
                                   pqf_error *err);
bool pqf_dataset_is_partition(const pqf_dataset *dataset, const char *name);
pqf_status pqf_dataset_open_reader_as(pqf_dataset *dataset, int64_t i,
                                      const pqf_read_options *options, pqf_reader **out,
                                      pqf_error *err);
pqf_status pqf_dataset_open_reader(pqf_dataset *dataset, int64_t i, pqf_reader **out,
                                   pqf_error *err);

/* ---- unify.c ---- */

/* The columns of all files, as far as options.unify lets them differ; their partition columns aside. */
pqf_status pqf_dataset_unify(pqf_dataset *dataset, struct ArrowSchema *out,
                             pqf_error *err);
/* Checks options.schema, if there is one, and lets readers know what it says. */
pqf_status pqf_dataset_declare(pqf_dataset *dataset, pqf_error *err);

/* ---- groups.c: rows by partition ---- */

typedef struct pqf_groups pqf_groups;
pqf_status pqf_groups_new(const char *const *names, int32_t num_columns, pqf_mem *mem,
                          pqf_groups **out, pqf_error *err);
void pqf_groups_free(pqf_groups *groups);
/* One group number per row of the partition columns (views of num_rows rows from
 * `start`), in the order of first appearance over all calls. */
pqf_status pqf_groups_put(pqf_groups *groups, const pqf_view *const *columns,
                          int64_t start, int64_t num_rows, uint32_t *group_of_row,
                          pqf_error *err);
int64_t pqf_groups_count(const pqf_groups *groups);
/* "a=1/b=x" of a group, borrowed. */
const char *pqf_groups_folder(const pqf_groups *groups, int64_t group);

/* ---- place.c: where a dataset's hidden things are ---- */

typedef struct pqf_place {
    const char *dir;     /* the dataset's folder, links resolved; it may be missing */
    const char *parent;  /* of dir */
    const char *sibling; /* hidden folder beside it */
} pqf_place;

pqf_status pqf_place_find(pqf_arena *arena, const char *dir, pqf_place *out,
                          pqf_error *err);
/* PQF_INVALID for the root, the home and the current folder, and what holds them. */
pqf_status pqf_place_check_overwrite(const char *dir, pqf_error *err);

/* ---- journal.c: what a commit that has begun is going to do ---- */

/* What staged files and files that are kept for readers have behind their names. */
#define PQF_STAGED ".staged"

#define PQF_ID_CHARS 32 /* hexadecimal digits that name a writer's room */

struct pqf_journal {
    char id[PQF_ID_CHARS + 1];
    bool swap;    /* the staged tree takes the folder's place; nothing below counts */
    bool durable; /* whoever finishes it syncs */
    const char **files; /* below tree/ with PQF_STAGED, and below the folder without */
    int64_t *sizes;
    int64_t num_files;
    const char **removed; /* go from the folder to kept/ with PQF_STAGED */
    int64_t num_removed;
};

/* Writes `name` into the open folder, synced where the journal is durable. */
pqf_status pqf_journal_write(const pqf_journal *journal, int folder, const char *name,
                             pqf_mem *mem, pqf_error *err);
/* Reads <id>.commit of the open sibling. *is_valid: it is whole, names nothing but plain paths, and
 * what is staged fits it. A journal that is missing or says something else is not valid. */
pqf_status pqf_journal_read(int sibling, const char *id, pqf_arena *arena,
                            pqf_journal *out, bool *is_valid, pqf_error *err);
/* The ids of all <id>.commit of the open sibling, sorted. */
pqf_status pqf_journal_list(int sibling, pqf_mem *mem, pqf_arena *arena,
                            const char ***ids, int64_t *num_ids, pqf_error *err);
/* True for 32 hexadecimal digits and `end`. */
bool pqf_is_id(const char *name, const char *end);

/* The number of a folder as it stands in the name of kept-N. */
static inline int64_t pqf_inode(const struct stat *st) {
    return (int64_t)((uint64_t)st->st_ino & INT64_MAX);
}

/* ---- stage.c: rooms of writers, locks, what the dead left ---- */

typedef struct pqf_commit {
    pqf_mem *mem;
    pqf_arena arena;
    const char *dir; /* the dataset's folder, links resolved */
    const char *parent;
    const char *sibling; /* hidden folder beside it */
    const char *room;    /* of this writer, within sibling: spill and other leavings */
    const char *stage;   /* within room: what may become the dataset's folder; a file's
                          * path there is its path in the dataset and PQF_STAGED */
    char id[PQF_ID_CHARS + 1];
    int room_fd;    /* locked as long as the writer lives; -1: none */
    int sibling_fd; /* during the commit, locked */
    pqf_mode mode;
    bool durable;
    const char *existing; /* innermost folder above it that was there before */
    bool done;
    bool keep_room; /* a journal that is still to be carried out needs it */
    int64_t inode;  /* of the dataset's folder when the writer began; 0: none */
    pqf_run *run;   /* polled; may be NULL */
    pid_t owner;
} pqf_commit;

/* flock that is never waited for: 0, EWOULDBLOCK, or another errno value where there are no
 * locks. */
int pqf_lock_try(int fd, int how);
/* NULL: goes on. */
static inline pqf_status pqf_poll_run(pqf_run *run, pqf_error *err) {
    return run ? pqf_run_poll(run, 0, err) : PQF_OK;
}
/* Pauses a little before the n-th try of something, and polls the run (NULL: none). */
pqf_status pqf_try_later(int n, pqf_run *run, pqf_error *err);
/* True when `path` names the open file or folder. */
bool pqf_is_named(int fd, const char *path);
/* Takes the commit lock: who holds it may give and take names in the dataset. *fd: -1 where
 * another one has it (with wait only after long) or the sibling is gone. Where there are no locks
 * a writer (wait) goes on without. */
pqf_status pqf_sibling_lock(const char *sibling, bool wait, pqf_run *run, int *fd,
                            pqf_error *err);
void pqf_sibling_unlock(int fd);
/* Makes c->room and its lock. */
pqf_status pqf_stage_make(pqf_commit *c, pqf_error *err);
/* How long something is removed. */
typedef struct pqf_patience {
    pqf_run *run;
    bool ticks;       /* the call is in progress: it is polled */
    bool hurries;     /* without a run: has other things to do */
    int64_t until_ns; /* 0: as long as it takes */
} pqf_patience;
/* Removes c->room unless readers or a journal need it, and the sibling when it is empty. Once the
 * run is cancelled it goes on for a moment only; what is left then is swept. */
void pqf_stage_remove(pqf_commit *c, bool ticks);
/* Removes rooms of dead writers that nobody reads; without a run (NULL) for a moment only. */
void pqf_sweep(const char *dir, const char *sibling, pqf_mem *mem, pqf_run *run);

/* ---- commit.c ---- */

/* Checks the target (refused folders, a file in its place), finishes and removes what killed
 * writers left, and makes the staging place. */
pqf_status pqf_commit_begin(pqf_commit *c, const char *dir, pqf_mode mode, bool durable,
                            pqf_mem *mem, pqf_run *run, pqf_error *err);
/* What a commit does to the dataset, in one step for readers of ours. Paths are below the
 * dataset's folder. With PQF_OVERWRITE the folder is replaced and only `files` counts. */
typedef struct pqf_change {
    const char *const
        *files; /* staged: below the stage under the same path and PQF_STAGED */
    int64_t num_files;
    /* Files that go. Where one is missing, or the folder has been replaced since begin, nothing is
     * changed and the commit fails. */
    const char *const *removed;
    int64_t num_removed;
    const char *const
        *emptied; /* folders of which every file goes that stands there then */
    int64_t num_emptied;
    /* An append: called under the commit lock where the dataset is not the one that the writer has
     * checked its schema against (always with was_empty). May be NULL. */
    pqf_status (*check)(void *context, pqf_error *err);
    void *check_context;
    bool was_empty; /* there was no file to check against */
} pqf_change;

/* Gives everything that is staged its place. */
pqf_status pqf_commit_finish(pqf_commit *c, const pqf_change *change, pqf_error *err);
/* Removes what is left of the staging place. */
void pqf_commit_reset(pqf_commit *c);

/* ---- settle.c ---- */

/* From this many files on one syncfs is cheaper than an fsync each. */
#define PQF_SYNCFS_FILES 16

/* 0 or an errno value, as below. */
int pqf_sync_file_system(int fd);
/* Gives an open folder a later time of change than it has. */
int pqf_touch_folder(int folder);
/* Carries out a journal of the open sibling whose room is open, and removes it. again: somebody
 * else may have begun. ECANCELED: the run (NULL: none) was cancelled on the way. */
int pqf_apply_change(const pqf_journal *j, int sibling, int room, int folder, bool again,
                     pqf_run *run);
int pqf_apply_swap(const pqf_journal *j, int sibling, int room, const char *dir);
void pqf_journal_name(const pqf_journal *j, char out[PQF_ID_CHARS + 16]);
/* Carries out the journals that dead writers left, under the commit lock (`sibling`). Those that
 * have no meaning are removed. */
pqf_status pqf_commit_settle(const char *dir, int sibling, pqf_mem *mem, pqf_run *run,
                             pqf_error *err);
/* The same for a reader: nothing is done while a writer is at it, and what fails is left. False:
 * nothing was pending. */
bool pqf_commit_settle_dead(const pqf_place *place, pqf_mem *mem, pqf_run *run);

#endif
