/* SPDX-License-Identifier: Apache-2.0
 *
 * writing.h: what the files that write a dataset share.
 *
 *   batch ─ conform ─ rows by partition ─┬─► part: its files, one after the other ─► commit
 *                                        └─► spill ─ at the end, partition by partition ─► part
 *
 * A part's files depend on the order of its rows alone: not on batches, threads, or on
 * which rows went through the spill.
 */
#ifndef PQF_DATASET_WRITING_H
#define PQF_DATASET_WRITING_H

#include "inner.h"

#include "io/io.h"

/* ---- partition_schema.c: the declared schema, taken apart ---- */

typedef struct pqf_partition_schema {
    struct ArrowSchema whole;   /* declared */
    struct ArrowSchema file;    /* without the partition columns */
    int32_t *partition_columns; /* indexes into whole, outermost first */
    int32_t *file_columns;
    int32_t num_partitions;
    int32_t num_file_columns;
} pqf_partition_schema;

/* names: NULL-terminated, NULL for none. Adds the recorded partition types to the metadata
 * of `options`. The lists live in the arena; reset what is there, success or not. */
pqf_status pqf_partition_schema_init(pqf_partition_schema *s,
                                     const struct ArrowSchema *schema,
                                     const char *const *names, pqf_mem *mem,
                                     pqf_arena *arena, pqf_write_options *options,
                                     pqf_error *err);
void pqf_partition_schema_reset(pqf_partition_schema *s);
int32_t pqf_schema_column(const struct ArrowSchema *schema, const char *name); /* or -1 */
bool pqf_is_partition_column(const pqf_partition_schema *s, int32_t column);
/* The columns of a batch that go to the files. */
pqf_status pqf_partition_schema_view(const pqf_partition_schema *s, const pqf_view *batch,
                                     pqf_arena *arena, pqf_view *out, pqf_error *err);

/* ---- check_append.c: new files must fit the dataset that is there ---- */

/* *is_empty: there is no file yet. */
pqf_status pqf_append_check(const pqf_partition_schema *s, const char *dir,
                            pqf_unify unify, const pqf_control *control, bool *is_empty,
                            pqf_error *err);

/* ---- sorted_rows.c: the rows of a batch by partition ---- */

/* A stable counting sort: rows[first[g] .. first[g + 1]) are those of group g. They count as
 * in the view's columns, which may begin before the batch does. */
typedef struct pqf_sorted_rows {
    pqf_view view; /* the file's columns of the batch */
    uint32_t *group_of_row;
    int64_t *first;
    int64_t *rows;
    int64_t *present; /* groups that have rows, in order */
    int64_t num_present;
} pqf_sorted_rows;

/* Groups of the rows of `batch`; new ones are added to `groups`. */
pqf_status pqf_sorted_rows_group(pqf_sorted_rows *s, const pqf_partition_schema *schema,
                                 const pqf_view *batch, pqf_groups *groups,
                                 pqf_arena *arena, pqf_error *err);
/* Then their order. */
pqf_status pqf_sorted_rows_sort(pqf_sorted_rows *s, int64_t num_groups, pqf_arena *arena,
                                pqf_error *err);

/* A column's dictionary goes with its rows into every partition, whole and in its order, while it
 * has no more values than this; the rows of a larger one go as values. So what a file holds does
 * not depend on how many rows came at a time. */
#define PQF_KEPT_VALUES 4096
bool pqf_keeps_dictionary(const pqf_view *column);
/* False: some rows have to be gathered, though they lie one behind the other. */
bool pqf_goes_as_it_is(const pqf_view *rows);

/* Rows that were gathered out of a batch's columns. */
typedef struct pqf_gathered {
    pqf_view view;
    pqf_arena arena;
    struct ArrowArray *columns;
} pqf_gathered;

/* On success `out` is to be reset. */
pqf_status pqf_gathered_init(pqf_gathered *out, const pqf_view *view, const int64_t *rows,
                             int64_t n, pqf_mem *mem, pqf_error *err);
void pqf_gathered_reset(pqf_gathered *g);

/* ---- parts.c: the files of one partition ---- */

/* What the parts of a writer have in common. */
typedef struct pqf_part_plan {
    pqf_mem *mem;
    const char *stage; /* folder */
    const char *uuid;
    const struct ArrowSchema *schema; /* of the files */
    const pqf_write_options *options;
    int64_t max_rows;     /* of a file; 0: none */
    int64_t target_bytes; /* of a file; 0: none */
    bool many;            /* partitions: each file is encoded by one thread */
    pqf_scratch *scratch; /* one per worker, lent where there are many */
    pqf_run *run;
} pqf_part_plan;

typedef struct pqf_part {
    const pqf_part_plan *plan;
    const char *folder;  /* below the stage, "" for the stage itself */
    pqf_writer *writer;  /* of the file in progress; NULL: none */
    int64_t num_files;   /* begun */
    int64_t file_rows;   /* of the file in progress */
    int64_t rows_before; /* of finished files */
    int64_t check_rows;  /* of the file, at which its size is looked at; see parts.c */
    double pending_ratio;
    int worker; /* of the thread that works on the part */
} pqf_part;

/* Opens the first file, so that the fixed cost is paid where the caller expects it. */
pqf_status pqf_part_open(pqf_part *p, pqf_error *err);
/* Encodes rows [start, start + n) of the view. */
pqf_status pqf_part_put(pqf_part *p, const pqf_view *rows, int64_t start, int64_t n,
                        int worker, pqf_error *err);
/* Ends the file in progress and frees what it held. */
pqf_status pqf_part_finish(pqf_part *p, int worker, pqf_error *err);
void pqf_part_reset(pqf_part *p);
/* Gives back what can be made anew. */
void pqf_part_fold(pqf_part *p);
/* Path of file i (from 0) below the stage. */
pqf_status pqf_part_path(const pqf_part *p, int64_t i, pqf_arena *arena, const char **out,
                         pqf_error *err);

#endif
