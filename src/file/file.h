/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h: door of the room file. Opens files, plans what to read, runs the column tasks
 * on all cores, and writes files. The only room (with dataset above it) that starts
 * threads.
 *
 * A scan reads one schema from a list of files that the room dataset has found; columns
 * that are constant within a file (partition values) come along as codes into a
 * dictionary.
 */
#ifndef PQF_FILE_FILE_H
#define PQF_FILE_FILE_H

#include "arrow/arrow.h"
#include "base/thread.h"
#include "column/column.h"
#include "format/format.h"
#include "io/io.h"

/* ---- reader: one open file ---- */

/* Never changes after open, so any number of scans may share it. */
typedef struct pqf_reader pqf_reader;

/* path NULL: `bytes` hold the file. options as in the public header; never NULL here. */
pqf_status pqf_reader_open(const char *path, pqf_bytes bytes,
                           const pqf_read_options *options, pqf_mem *mem,
                           pqf_reader **out, pqf_error *err);
/* As above over a source that the reader then owns, success or not. */
pqf_status pqf_reader_open_source(pqf_source *source, const pqf_read_options *options,
                                  pqf_mem *mem, pqf_reader **out, pqf_error *err);
pqf_reader *pqf_reader_retain(pqf_reader *reader);
void pqf_reader_release(pqf_reader *reader); /* NULL is fine */
pqf_source *pqf_reader_source(const pqf_reader *reader);
const pqf_metadata *pqf_reader_metadata(const pqf_reader *reader);
const pqf_schema *pqf_reader_schema(const pqf_reader *reader);

/* ---- scan ---- */

/* A column whose value is the same in every row of a file. */
typedef struct pqf_constant {
    const char *name;
    /* of the values; the column is dictionary<int32, type> */
    const struct ArrowSchema *type;
    const struct ArrowArray *values; /* every value that occurs, once; borrowed */
} pqf_constant;

typedef struct pqf_scan_file {
    const char *path; /* NULL: `bytes` */
    pqf_bytes bytes;
    const int32_t *codes; /* one per constant, -1: null; NULL without constants */
} pqf_scan_file;

/* Opens file i of a scan; called by several threads. */
typedef pqf_status (*pqf_open_file_fn)(void *context, int64_t i, pqf_source **out,
                                       pqf_error *err);

typedef struct pqf_scan_spec {
    const pqf_scan_file *files;
    int64_t num_files;
    const pqf_constant *constants;
    int32_t num_constants;
    /* of the result: the columns asked for, in order, by name; of several with one name the
     * first is the first of the file */
    const struct ArrowSchema *schema;
    /* what is wanted of each column of the schema; NULL: all of all. The schema holds that
     * alone. */
    const pqf_choice *const *choices;
    const pqf_read_options *options;
    const pqf_predicate *predicate; /* judged on constants and row groups; may be NULL */
    int64_t batch_rows;             /* as in pqf_scan_options */
    pqf_reader *first_reader;       /* of files[first_file], already open; may be NULL */
    int64_t first_file;
    bool all_columns;      /* all of the dataset: a file that has more is an error */
    bool adapts;           /* files may lack nullable columns and have narrower types */
    bool is_declared;      /* the schema is a user's, for messages */
    pqf_open_file_fn open; /* NULL: files are opened by their paths */
    void *open_context;
} pqf_scan_spec;

typedef struct pqf_scan pqf_scan;

/* The first file whose constants may satisfy the predicate; 0 when there is none. */
pqf_status pqf_first_match(const pqf_predicate *predicate, const pqf_constant *constants,
                           int32_t num_constants, const pqf_scan_file *files,
                           int64_t num_files, pqf_mem *mem, int64_t *out, pqf_error *err);

/* Everything in spec is borrowed and must outlive the scan. */
pqf_status pqf_scan_open(const pqf_scan_spec *spec, pqf_mem *mem, pqf_scan **out,
                         pqf_error *err);
void pqf_scan_free(pqf_scan *scan);
/* The next batch, a struct array of the spec's schema; out->release is NULL at the
 * end. */
pqf_status pqf_scan_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err);
/* Rows left after pruning by statistics; opens every file that the constants leave. */
/* Names of columns (NULL-terminated, in the arena) with dictionaries whose recorded indices would not
 * count the values of all row groups that the scan reads; NULL: there are none. Reads those
 * dictionaries. For a scan that has not begun. */
pqf_status pqf_scan_wide_dictionaries(pqf_scan *scan, pqf_arena *arena,
                                      const char *const **out, pqf_error *err);
pqf_status pqf_scan_count_rows(pqf_scan *scan, int64_t *out, pqf_error *err);

/* ---- writer: what the room dataset needs beside pqf_writer_* of the public header ---- */

/* As pqf_writer_open over a sink that the writer then owns (success or not). Memory comes
 * from `mem`, so that thousands of writers share one budget. */
pqf_status pqf_writer_open_sink(pqf_sink *sink, const struct ArrowSchema *schema,
                                const pqf_write_options *options, pqf_mem *mem,
                                pqf_writer **out, pqf_error *err);
/* Encodes rows [start, start + num_rows) of a batch that has been conformed and looked at
 * already. */
pqf_status pqf_writer_put_view(pqf_writer *writer, const pqf_view *batch, int64_t start,
                               int64_t num_rows, pqf_error *err);
/* Of the row group in progress: bytes that are as they will be in the file, and about how many the
 * values that wait would take without compression. Both follow from the rows put so far. */
void pqf_writer_pending(const pqf_writer *writer, int64_t *sealed_bytes,
                        int64_t *pending_bytes);
/* Gives back the tables of its dictionaries, which the next put or finish makes anew: of a writer
 * that waits for its turn. */
void pqf_writer_fold(pqf_writer *writer);
/* Most bytes that these tables take in a row group of so many rows. */
int64_t pqf_writer_table_bytes(const pqf_writer *writer, int64_t num_rows);
/* Ends the row group in progress, if it has rows. */
pqf_status pqf_writer_end_row_group(pqf_writer *writer, pqf_error *err);
/* For writers of one thread, many of which are fed in turn: the next put or finish works with the
 * scratch of the worker that it runs on, whose tables and buffers are warm. */
void pqf_writer_lend_scratch(pqf_writer *writer, pqf_scratch *scratch);
/* Conforms a batch, its columns in parallel; what is said of pqf_conform_end holds. */
pqf_status pqf_fit_batch(pqf_run *run, pqf_conform *conform,
                         const struct ArrowSchema *schema, const struct ArrowArray *batch,
                         int64_t row_base, pqf_report *report, struct ArrowArray *out,
                         const struct ArrowSchema **out_schema, pqf_error *err);
/* PQF_SCHEMA and records where values of such a batch have no place in the file: see
 * pqf_values_judge. */
pqf_status pqf_writer_judge_view(const pqf_writer *writer, const pqf_view *batch,
                                 int64_t row_base, pqf_run *run, pqf_report *report,
                                 pqf_error *err);
/* Follows dictionaries to the slot that holds the value: *view and *i name it; false:
 * null. */
bool pqf_view_resolve(const pqf_view **view, int64_t *i);
/* ---- rows set aside in a file ---- */

typedef struct pqf_spill pqf_spill;

typedef struct pqf_spill_options {
    const char *folder;        /* the file lies there, without a name */
    int64_t max_waiting_bytes; /* of rows that wait in memory, about */
    /* Dictionaries up to this many values keep their order and their unused values, the others
     * go as values: but of one call only so many different sets of them. */
    int64_t max_kept_values;
    int64_t max_layouts;
} pqf_spill_options;

/* For rows of `schema`, which is borrowed. `run` is polled. */
pqf_status pqf_spill_new(const pqf_spill_options *options,
                         const struct ArrowSchema *schema, pqf_mem *mem, pqf_run *run,
                         pqf_spill **out, pqf_error *err);
void pqf_spill_free(pqf_spill *spill);
/* Adds rows [start, start + n); group_of_row begins with that of the first, all below num_groups,
 * which never shrinks; NULL: all are of group 0. */
pqf_status pqf_spill_put(pqf_spill *spill, const pqf_view *rows, int64_t start, int64_t n,
                         const uint32_t *group_of_row, int64_t num_groups,
                         pqf_error *err);
/* No more puts: from now on rows are read, by any number of threads. */
pqf_status pqf_spill_end(pqf_spill *spill, pqf_error *err);
/* Bytes of the group that has most, counting at most max_rows rows of each. */
int64_t pqf_spill_most_bytes(const pqf_spill *spill, int64_t max_rows);
int64_t pqf_spill_num_rows(const pqf_spill *spill, int64_t group);
typedef pqf_status (*pqf_spill_fn)(void *context, const pqf_view *rows, pqf_error *err);
/* All rows of the group in their order, some MiB at a time. */
pqf_status pqf_spill_read(const pqf_spill *spill, int64_t group, pqf_spill_fn fn,
                          void *context, pqf_error *err);

/* ---- files put together from others ---- */

/* As pqf_file_info_open over a source that the handle then owns, success or not. */
pqf_status pqf_file_info_open_source(pqf_source *source, pqf_file_info **out,
                                     pqf_error *err);

/* What a new file takes from an open one. */
typedef struct pqf_like {
    pqf_reader *reader; /* its Parquet schema to the last annotation; is retained */
    const pqf_key_value *pairs; /* key-value metadata of the new file; copied */
    int32_t num_pairs;
    const int32_t
        *codecs; /* one per leaf, for options that name none; NULL: the default */
} pqf_like;

/* As pqf_writer_open_sink; only pqf_writer_append puts rows into it. */
pqf_status pqf_writer_open_like(pqf_sink *sink, const pqf_like *like,
                                const pqf_write_options *options, pqf_mem *mem,
                                pqf_writer **out, pqf_error *err);

/* The rules by which row groups are copied or encoded anew, and what comes out by them. */
typedef struct pqf_append {
    const pqf_write_options *options; /* borrowed */
    bool recode;                      /* copy nothing */
    int64_t max_rows, max_bytes;      /* of a row group */
    int64_t num_groups;               /* of a plan: the complete ones */
    int64_t waiting_rows, waiting_bytes;
} pqf_append;
pqf_append pqf_append_of(const pqf_write_options *options, bool recode);
/* Appends all rows of a file of the same Parquet schema (pqf_tree_difference). */
pqf_status pqf_writer_append(pqf_writer *writer, const pqf_append *rules,
                             pqf_reader *reader, pqf_error *err);
/* Row groups so far, and how many of them were copied. */
int64_t pqf_writer_num_groups(const pqf_writer *writer);
int64_t pqf_writer_num_copied(const pqf_writer *writer);
/* Adds what pqf_writer_append would write. */
void pqf_append_plan(pqf_append *plan, const pqf_reader *reader);
int64_t pqf_append_num_groups(const pqf_append *plan);
/* Codecs of the columns in the first row group; false: there is none. */
bool pqf_reader_codecs(const pqf_reader *reader, int32_t *codecs);
/* Sets and removes pairs of a pqf_key_value[]; strings of the changes are borrowed. */
pqf_status pqf_pairs_change(pqf_buf *pairs, const pqf_column_setting *changes,
                            int64_t num_changes, pqf_error *err);

/* The options' strings and lists are moved to the arena's copies. */
pqf_status pqf_write_options_copy(pqf_arena *arena, pqf_write_options *options,
                                  pqf_error *err);
pqf_status pqf_read_options_copy(pqf_arena *arena, pqf_read_options *options,
                                 pqf_error *err);
pqf_status pqf_names_copy(pqf_arena *arena, const char *const **names, pqf_error *err);
/* The default of memory_limit: 80 % of what the process may still use. */
int64_t pqf_memory_limit(const pqf_control *control);

#endif
