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
/* Values of `type` from their texts; one that does not parse is PQF_CORRUPT. */
pqf_status pqf_values_parse(const struct ArrowSchema *type, const pqf_bytes *texts,
                            int64_t n, pqf_mem *mem, struct ArrowArray *out,
                            pqf_error *err);
/* True when the text is an integer in its plain form; *fits_32 tells whether int32 holds
 * it. */
bool pqf_text_is_integer(pqf_bytes text, bool *fits_32);

/* ---- discover.c ---- */

typedef struct pqf_found_file {
    const char *path;
    const pqf_bytes *values; /* one per partition column; data NULL: null or absent */
} pqf_found_file;

typedef struct pqf_found {
    pqf_found_file *files;
    int64_t num_files;
    const char **partitions; /* names in the order of the path */
    int32_t num_partitions;
} pqf_found;

pqf_status pqf_discover(const char *const *paths, int64_t num_paths, const char *root,
                        const pqf_read_options *options, pqf_mem *mem, pqf_arena *arena,
                        pqf_found *out, pqf_error *err);

/* ---- open.c ---- */

struct pqf_dataset {
    _Atomic int64_t references;
    pqf_mem *mem;
    pqf_arena arena;
    pqf_read_options options;
    pqf_found found;
    pqf_bytes bytes;    /* of a dataset in memory */
    pqf_reader *first;  /* whose footer gave the schema */
    int64_t first_file; /* its number */
    struct ArrowSchema schema;
    pqf_scan_file *files;
    int32_t **codes; /* of each file, one per constant */
    pqf_constant *constants;
    struct ArrowSchema *types; /* of the constants */
    struct ArrowArray *values;
};

void pqf_dataset_retain(pqf_dataset *dataset);

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

/* ---- stage.c, commit.c: a folder's staging place and its names ---- */

typedef struct pqf_commit {
    pqf_mem *mem;
    pqf_arena arena;
    const char *dir; /* the dataset's folder, links resolved */
    const char *parent;
    const char *sibling; /* hidden folder beside it */
    const char *stage;   /* of this writer, within sibling */
    const char *lock;    /* file beside the stage, locked as long as the writer lives */
    int lock_fd;         /* -1: none */
    pqf_mode mode;
    bool durable;
    const char *existing; /* innermost folder above it that was there before */
    bool dir_existed;
    bool done;
    pid_t owner;
} pqf_commit;

/* Checks the target (refused folders, a file in its place) and makes the staging
 * place. */
pqf_status pqf_commit_begin(pqf_commit *c, const char *dir, pqf_mode mode, bool durable,
                            pqf_mem *mem, pqf_error *err);
/* What a commit does to the dataset, in one step for readers of ours. Paths are below the dataset's
 * folder. With PQF_OVERWRITE the folder is replaced and only `files` counts. */
typedef struct pqf_change {
    const char *const *files; /* staged, in order: below the stage under the same path */
    int64_t num_files;
    const char *const
        *removed; /* files that go; where one is missing, or the folder has been
                                   replaced since begin, nothing is changed and the commit fails */
    int64_t num_removed;
    const char *const
        *emptied; /* folders of which every file goes that stands there at the commit */
    int64_t num_emptied;
} pqf_change;

/* Gives everything that is staged its place. */
pqf_status pqf_commit_finish(pqf_commit *c, const pqf_change *change, pqf_error *err);
/* Removes what is left of the staging place. */
void pqf_commit_reset(pqf_commit *c);

/* Makes c->stage and its lock, and removes the stages of writers that were killed. */
pqf_status pqf_stage_make(pqf_commit *c, pqf_error *err);
void pqf_stage_remove(pqf_commit *c);

#endif
