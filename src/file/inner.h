/* SPDX-License-Identifier: Apache-2.0
 *
 * inner.h: what the files of this room share with each other and nobody else sees.
 */
#ifndef PQF_FILE_INNER_H
#define PQF_FILE_INNER_H

#include "base/helper.h"
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Page sizes are int32 in the format; half of that leaves room for a last value. */
#define PQF_MAX_PAGE_BYTES (1 << 30)

/* Values below which a step is not worth a second thread: one costs some 30 us. */
#define PQF_PARALLEL_VALUES 32768

/* Bytes of pages, and files to open, below which a whole read stays on the calling
 * thread. */
#define PQF_PARALLEL_BYTES (256 << 10)
#define PQF_PARALLEL_FILES 8

/* Files that a whole read has open at a time: each costs a descriptor. */
#define PQF_WAVE_FILES 128
int64_t pqf_wave_files(void); /* fewer where descriptors are few */

/* ---- predicate.c, scalar.c, plan.c ---- */

/* What kinds of values compare with each other. */
typedef enum pqf_class {
    PQF_CLASS_NONE = 0, /* not judged */
    PQF_CLASS_BOOL,
    PQF_CLASS_INT,
    PQF_CLASS_FLOAT,
    PQF_CLASS_DECIMAL, /* compares at a common scale, with INT too */
    PQF_CLASS_DATE,    /* days, or milliseconds, as nanoseconds */
    PQF_CLASS_TIME,
    PQF_CLASS_TIMESTAMP,
    PQF_CLASS_INSTANT, /* a timestamp with zone */
    PQF_CLASS_DURATION,
    PQF_CLASS_BYTES, /* strings and binaries */
} pqf_class;

/* One value in Arrow's terms: `i` of all classes but FLOAT (`f`) and BYTES (`s`,
 * borrowed). Dates, times, timestamps and durations are nanoseconds. */
typedef struct pqf_scalar {
    pqf_class class;
    bool is_null;
    int32_t scale;
    __int128 i;
    double f;
    pqf_bytes s;
} pqf_scalar;

/* What is known of a column's values in a set of rows. */
typedef struct pqf_range {
    bool has_min, has_max;
    pqf_scalar min, max; /* floats: of the values that are not NaN */
    bool may_have_null;
    bool may_have_value; /* false: all rows are null */
    bool may_have_nan;
    bool only_nan; /* no value is a number */
    const pqf_reader
        *reader; /* whose chunk of `field` in `row_group` may have a Bloom filter; NULL */
    int64_t row_group;
    const pqf_field *field;
} pqf_range;

/* False: no row has the value. */
bool pqf_filter_may_hold(const pqf_range *range, const pqf_scalar *value);

/* Fills *out for the field that `path` (top-level name first, `depth` names) leads to;
 * false: unknown column or nothing known. */
typedef bool (*pqf_range_fn)(void *context, const char *const *path, int32_t depth,
                             pqf_range *out);

/* False only when no row can satisfy the predicate. */
bool pqf_predicate_may_match(const pqf_predicate *predicate, pqf_range_fn range,
                             void *context);

/* Both of one class, or such that predicates compare them, and no NaN: < 0, 0, > 0. */
int pqf_scalar_compare(const pqf_scalar *a, const pqf_scalar *b);
/* Value i of a flat view as a scalar; class NONE where it is not judged. */
pqf_scalar pqf_scalar_of_view(const pqf_view *view, int64_t i);
/* A statistics bound (PLAIN bytes of the leaf's Parquet value) as a scalar of the field's
 * Arrow type. */
bool pqf_scalar_of_bound(const pqf_field *leaf_field, pqf_bytes plain, pqf_scalar *out);
/* The range of a leaf within a row group. */
bool pqf_range_of_chunk(const pqf_reader *reader, int64_t row_group,
                        const pqf_field *leaf_field, pqf_range *out);
/* What of a leaf's bounds is known of its field. */
void pqf_range_of_bounds(const pqf_field *leaf_field, const pqf_bounds *bounds,
                         pqf_range *out);
/* Row group r may hold a row that satisfies the predicate (NULL: always true); columns
 * that the file does not have are asked from `others` (may be NULL). */
bool pqf_plan_row_group(const pqf_reader *reader, int64_t row_group,
                        const pqf_predicate *predicate, pqf_range_fn others,
                        void *context);

/* A row group, and who is asked first. */
typedef struct pqf_row_group_ranges {
    const pqf_reader *reader;
    int64_t row_group;
    pqf_range_fn others; /* may be NULL */
    void *context;
} pqf_row_group_ranges;

/* The field that a path leads to; NULL: none, or several. */
const pqf_field *pqf_plan_field(const pqf_reader *reader, const char *const *path,
                                int32_t depth);
/* What pqf_plan_row_group knows of a path. */
bool pqf_plan_range(const pqf_row_group_ranges *group, const char *const *path,
                    int32_t depth, pqf_range *out);

/* Rows of a row group. */
typedef struct pqf_rows {
    pqf_row_range *ranges; /* NULL: all */
    int64_t num_ranges;
    int64_t num_rows; /* in them */
} pqf_rows;

/* The rows that page indexes leave, none perhaps; ranges live in the arena. */
pqf_status pqf_plan_rows(const pqf_row_group_ranges *group,
                         const pqf_predicate *predicate, pqf_run *run, pqf_arena *arena,
                         pqf_rows *out, pqf_error *err);
/* Nanoseconds of one unit of a type of dates or times, else 1. */
__int128 pqf_scalar_unit(const pqf_type *type);

/* ---- options.c ---- */

pqf_status pqf_chunk_options_of(const pqf_write_options *options, const pqf_leaf *leaf,
                                pqf_chunk_write_options *out, pqf_error *err);
bool pqf_names_have(const char *const *list, const pqf_leaf *leaf);
/* What is said of the leaf, else of its top-level column, else NULL. */
const char *pqf_setting_of(const pqf_column_setting *settings, int64_t n,
                           const pqf_leaf *leaf);
/* ---- encoding_options.c ---- */
bool pqf_profile_is_modern(const pqf_write_options *options);
/* Sets encoding and dictionary; dictionary comes in as the dictionary options have it. */
pqf_status pqf_encoding_of(const pqf_write_options *options, const pqf_leaf *leaf,
                           pqf_chunk_write_options *out, pqf_error *err);
pqf_status pqf_write_options_check(const pqf_write_options *options,
                                   const pqf_schema *schema, pqf_error *err);

/* ---- scan.c, whole.c, batches.c ---- */

/* A column of the result: a field of the files or a constant. */
typedef struct pqf_scan_column {
    const struct ArrowSchema *schema;
    int32_t constant;   /* index, or -1 */
    int32_t first_leaf; /* position of its first leaf among those of the scan */
    int32_t num_leaves;
    const pqf_choice *choice; /* what is wanted of the field; NULL: all */
    int32_t occurrence; /* among the columns of its name, of which files have num_same */
    int32_t num_same;
    const pqf_field *field; /* of the template reader; NULL for constants */
} pqf_scan_column;

/* A file of the scan as far as it has been opened. */
typedef struct pqf_open_file {
    pqf_reader *reader;     /* NULL: not open */
    pqf_projection *fields; /* per column; empty for constants */
    pqf_arena arena;        /* of the fields */
    bool differs; /* from the first file of the part: its columns are not found */
} pqf_open_file;

/* A shared ArrowArray: every export holds a reference. */
typedef struct pqf_shared_array pqf_shared_array;

/* One row group that is left after pruning. */
typedef struct pqf_piece {
    int64_t file;
    int64_t row_group;
    int64_t first_row; /* of those that are left in the row group */
    int64_t num_rows;
    pqf_rows rows; /* of the row group, that are left */
} pqf_piece;

/* Decoding between two pulls: read_ahead.c. */
typedef struct pqf_ahead {
    pqf_helper helper;
    bool begun;            /* the helper */
    bool refused;          /* it is not to be had */
    int64_t num_batches;   /* handed out */
    int64_t handed_out_ns; /* when the last one was */
    int64_t gap_ns;        /* from then to the next pull */
    pqf_scan *target;      /* whose batches are decoded ahead; NULL: nobody's */
    int64_t num_rows;      /* of the next batch, that are */
    pqf_status status;     /* how that went */
    pqf_error err;
} pqf_ahead;

struct pqf_scan {
    pqf_scan_spec spec;
    pqf_mem *mem;
    pqf_arena arena;
    pqf_run run;
    pqf_scratch *scratch; /* one per worker */
    int num_workers;
    const pqf_kernels *kernel;
    pqf_scan_column *columns;
    int32_t num_columns;
    int32_t num_leaves;
    pqf_shared_array **constants;
    pqf_view *constant_views;
    pqf_reader *template_reader;     /* whose fields shape the result */
    pqf_projection *template_fields; /* per column; empty for constants */
    bool ended;
    int64_t end_file;  /* files up to here; those of a part end where one differs */
    int64_t last_file; /* of the last batch */
    bool is_part;      /* of a scan that adapts: it ends at a file that differs */
    const char *const
        *missing; /* names, NULL-terminated: columns that a part's files lack */
    int64_t wave_files;
    int64_t rows_before;         /* of earlier parts */
    struct pqf_whole *whole;     /* whole.c */
    struct pqf_batches *batches; /* batches.c */
    struct pqf_adapt *adapt;     /* adapt.c */
    pqf_ahead ahead;             /* of a bounded read */
};

/* Opens file i, unless the constants rule it out (then reader stays NULL), and finds its
 * columns. */
pqf_status pqf_scan_open_file(pqf_scan *scan, int64_t i, pqf_open_file *out,
                              pqf_error *err);
void pqf_open_file_reset(pqf_open_file *file);
/* True when row group `row_group` of the file survives the predicate. */
bool pqf_scan_keeps(const pqf_scan *scan, int64_t file, const pqf_reader *reader,
                    int64_t row_group);
/* The rows of a row group that survives; the ranges live in the arena. */
pqf_status pqf_scan_rows(pqf_scan *scan, int64_t file, const pqf_reader *reader,
                         int64_t row_group, pqf_arena *arena, pqf_rows *out,
                         pqf_error *err);
/* Field of column c and its leaf `l` (0-based within the column) in an open file. */
const pqf_field *pqf_scan_leaf_field(const pqf_open_file *file, const pqf_scan *scan,
                                     int32_t leaf);
/* Opens the chunk reader of leaf `leaf` of the scan in a row group. */
pqf_status pqf_scan_open_chunk(const pqf_scan *scan, const pqf_open_file *file,
                               int64_t row_group, int32_t leaf, size_t window_bytes,
                               pqf_chunk_reader **out, pqf_error *err);
/* The struct array of a batch: columns from leaf outs (num_leaves of them) and from the
 * constants' codes (num_constants buffers of int32, moved out). */
pqf_status pqf_scan_batch(pqf_scan *scan, pqf_leaf_out *leaves, pqf_buf *codes,
                          int64_t num_rows, struct ArrowArray *out, pqf_error *err);
/* Appends n codes of file i's constants to the buffers. */
pqf_status pqf_scan_put_codes(pqf_scan *scan, int64_t file, int64_t n, pqf_buf *codes,
                              pqf_error *err);

/* After a file whose columns are not those of the scan has been told in one way or another: tells all
 * differences, names first. Returns the status of err. */
pqf_status pqf_scan_differences(pqf_scan *scan, const pqf_reader *reader, pqf_error *err);

/* ---- join.c ---- */

/* The rows of n batches of the scan in one; `out` has no `release` where they have more than most_bytes. */
pqf_status pqf_scan_concat(pqf_scan *scan, const struct ArrowArray *batches, int64_t n,
                           int64_t most_bytes, struct ArrowArray *out, pqf_error *err);
/* Joins neighbours of few rows; batches that have gone into one before them lose their `release`. */
pqf_status pqf_scan_join_small(pqf_scan *scan, struct ArrowArray *batches, int64_t n,
                               pqf_error *err);

pqf_status pqf_whole_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err);
void pqf_whole_free(pqf_scan *scan);
pqf_status pqf_batches_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err);
void pqf_batches_free(pqf_scan *scan);
/* Decodes the first num_rows rows of the next batch, or what is left; the next pull goes on from there. */
pqf_status pqf_batches_fill(pqf_scan *scan, int64_t num_rows, pqf_error *err);
/* About, of the last batch. */
int64_t pqf_batches_row_bytes(const pqf_scan *scan);
pqf_status pqf_adapt_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err);
void pqf_adapt_free(pqf_scan *scan);
/* The scan whose batches are adapted; NULL: it is still to be opened. */
pqf_scan *pqf_adapt_source(const pqf_scan *scan);

/* ---- read_ahead.c ---- */

/* Behind a pull that gave a batch. */
void pqf_ahead_start(pqf_scan *scan);
/* Before the next one: from here on the scan is the caller's again. Fails as the pull would have. */
pqf_status pqf_ahead_settle(pqf_scan *scan, pqf_error *err);
void pqf_ahead_free(pqf_scan *scan);
/* Tests: so many rows of each batch, at most all, whatever the rules say. 0: the rules decide. */
extern int64_t pqf_ahead_test_rows;

/* ---- early_pages.c ---- */

/* Chunks of fewer bytes are not worth it. */
#define PQF_EARLY_MIN_BYTES (((int64_t)4 << 20) / pqf_early_test_divisor)
/* The bound: pages of all leaves that are unsealed early, those that are taken and memory that is kept for
 * the next ones have together at most so many bytes a thread, stored and decompressed, at most
 * PQF_EARLY_MAX_BYTES, and an eighth of what the memory limit leaves when a page is begun. A leaf has
 * at most 2 x threads + 2 such pages. What does not fit is left to the leaf's own worker. */
#define PQF_EARLY_THREAD_BYTES (((int64_t)4 << 20) / pqf_early_test_divisor)
#define PQF_EARLY_MAX_BYTES    ((int64_t)64 << 20)
/* Tests: these sizes are so many times smaller; else 1. */
extern int64_t pqf_early_test_divisor;
/* Tests: pages so far that readers took from others. */
extern _Atomic int64_t pqf_early_test_taken;

typedef struct pqf_early_leaf pqf_early_leaf;

/* Large leaves of which pages are unsealed by workers that have no leaf, within a pqf_run_tasks. */
typedef struct pqf_early {
    pqf_scan *scan;
    pqf_gate gate;          /* of what follows */
    pqf_early_leaf *leaves; /* that are being read */
    int64_t leaves_left;    /* large ones, begun or not */
    int64_t held_bytes;     /* of pages that were begun, and kept for others */
    bool stops;             /* a leaf has failed: others may never begin */
} pqf_early;
void pqf_early_begin(pqf_early *early, pqf_scan *scan, int64_t num_leaves);
void pqf_early_end(pqf_early *early);
/* By the worker that reads the leaf, before the first read; NULL: no memory, it goes on alone. */
pqf_early_leaf *pqf_early_open(pqf_early *early, pqf_chunk_reader *reader);
/* Before the reader is freed. NULL is fine. */
void pqf_early_close(pqf_early_leaf *leaf);
/* A leaf has been read, or has failed. */
void pqf_early_leaf_ends(pqf_early *early, bool is_large, bool failed);
/* Unseals pages until no large leaf is left. */
pqf_status pqf_early_help(pqf_early *early, int worker, pqf_error *err);

/* ---- share.c ---- */

/* Moves `array` into a shared one. */
pqf_status pqf_shared_array_new(pqf_mem *mem, struct ArrowArray *array,
                                pqf_shared_array **out, pqf_error *err);
void pqf_shared_array_release(pqf_shared_array *shared);
/* Another view of it that holds a reference. Flat arrays only. */
void pqf_shared_array_export(pqf_shared_array *shared, struct ArrowArray *out);

/* ---- flow.c ---- */

/* Blocks of one leaf that wait for those of the leaves before. */
typedef struct pqf_lane {
    pqf_buf blocks;   /* pqf_buf[] */
    bool begun;       /* the first of them has its place */
    bool ended;       /* no more come in this row group */
    bool has_more;    /* some came since the worker of the leaf last looked */
    int64_t begin;    /* then: the file offset of the chunk */
    int64_t value_at; /* pqf_chunk_writer_value_at, before the first */
} pqf_lane;

typedef struct pqf_flow {
    bool begun;
    pqf_sink *sink;  /* NULL: nothing comes */
    pqf_gate gate;   /* of all that follows, within a pqf_run_tasks */
    pqf_lane *lanes; /* one per leaf */
    int32_t num_lanes;
    int32_t next_lane;   /* the first that has not ended */
    pqf_buf ready;       /* pqf_buf[], in the order of the file */
    size_t front;        /* the first of them that is not written */
    size_t front_bytes;  /* of it that are written, or are being written */
    int64_t ready_bytes; /* not written yet */
    int64_t lane_bytes;  /* not ready yet */
    int64_t place;       /* file offset of the next block of a lane */
    bool is_writing;
    bool failed;
    pqf_error err; /* then */
} pqf_flow;

/* Few bytes are left until more are there; so many, or a quarter of a row group, are not left to those
 * who have nothing else to do. */
#define PQF_WRITE_BYTES (((int64_t)1 << 20) / pqf_flow_test_divisor)
#define PQF_READY_BYTES (((int64_t)16 << 20) / pqf_flow_test_divisor)
/* Tests: these sizes, and those of pages that wait, are so many times smaller; else 1. */
extern int64_t pqf_flow_test_divisor;

pqf_status pqf_flow_init(pqf_flow *flow, int32_t num_lanes, pqf_sink *sink,
                         pqf_arena *arena, pqf_mem *mem, pqf_error *err);
void pqf_flow_reset(pqf_flow *flow); /* zeroed is fine */
/* Length of the file when all that is ready is written. */
int64_t pqf_flow_len(const pqf_flow *flow);
/* Locked. The leaf's next bytes, moved; success or not. */
pqf_status pqf_flow_put(pqf_flow *flow, int32_t leaf, pqf_buf *block, pqf_error *err);
pqf_status pqf_flow_end_lane(pqf_flow *flow, int32_t leaf, pqf_error *err);
/* Locked; unlocks while it writes some of what is ready, unless that is fewer than min_bytes or another
 * worker writes: then false. A failure waits for pqf_flow_check. */
bool pqf_flow_write(pqf_flow *flow, int64_t min_bytes, int worker);

/* On the calling thread, while no tasks run: bytes behind the row group, a new row group, the failure of
 * a write, and the writing of all that is ready. */
pqf_status pqf_flow_put_copy(pqf_flow *flow, pqf_bytes bytes, pqf_error *err);
void pqf_flow_begin_lanes(pqf_flow *flow);
pqf_status pqf_flow_check(const pqf_flow *flow, pqf_error *err);
pqf_status pqf_flow_drain(pqf_flow *flow, pqf_run *run, pqf_error *err);

/* ---- row_group.c ---- */

/* A leaf whose pages wait, to be sealed by any worker: share_pages.c. */
typedef struct pqf_share {
    int32_t leaf;
    pqf_buf pages;     /* those that are not back in the chunk */
    int64_t next;      /* of them: the first that waits */
    int64_t num_taken; /* before them */
} pqf_share;

/* The row group in progress and the ones that are finished. */
typedef struct pqf_group_writer {
    pqf_mem *mem;
    pqf_arena arena; /* metadata of finished row groups */
    pqf_sink *sink;
    const pqf_schema *schema;
    pqf_run *run;
    pqf_scratch *scratch;      /* one per worker */
    pqf_chunk_writer **chunks; /* one per leaf */
    pqf_chunk_out *outs;
    int64_t *leaf_bytes; /* per leaf: how much there is to do for it, about */
    pqf_buf loads;       /* order of the tasks */
    pqf_flow flow;

    /* while tasks run; from leaves_begun on under the lock of the flow */
    pqf_share *shares;
    int num_shares, max_shares;
    int32_t leaves_begun, leaves_left;
    bool stops; /* a leaf has failed */
    int num_idle;
    int64_t held_bytes; /* of pages that wait */
    int32_t failed_leaf;
    int64_t failed_page;
    pqf_error page_err; /* of these */

    int64_t begin; /* of the row group in progress, in the file */
    int32_t num_leaves;
    int64_t max_rows;
    int64_t max_bytes;      /* 0: none */
    int64_t expected_rows;  /* of the file; 0: unknown */
    int64_t ready_limit;    /* bytes that may wait while there is something to encode */
    int64_t most_waiting;   /* bytes that may wait in all lanes together */
    int64_t num_rows;       /* in the row group in progress */
    int64_t num_bytes;      /* Arrow bytes of its complete blocks */
    int64_t total_rows;     /* of finished row groups */
    pqf_buf groups;         /* pqf_row_group[] */
    pqf_buf column_indexes; /* of finished row groups, to stand before the footer */
    pqf_buf offset_indexes;
    const pqf_sorting *sorting; /* the order that rows must have */
    int64_t num_sorting;
    struct pqf_sorting_check *sorting_check; /* sorting.c */
} pqf_group_writer;

pqf_status pqf_group_writer_put(pqf_group_writer *w, const pqf_view *batch, int64_t start,
                                int64_t num_rows, pqf_error *err);
/* Ends the row group in progress, if it has rows. */
pqf_status pqf_group_writer_flush(pqf_group_writer *w, pqf_error *err);
/* A deep copy in the group writer's arena. */
pqf_status pqf_group_keep_metadata(pqf_group_writer *w, const pqf_column_metadata *meta,
                                   pqf_column_metadata *out, pqf_error *err);

/* ---- group_index.c ---- */

/* Keeps the indexes of a chunk whose pages begin at file offset `offset`; either may be NULL. */
pqf_status pqf_group_keep_indexes(pqf_group_writer *w, const pqf_column_index *column,
                                  const pqf_offset_index *offsets, int64_t offset,
                                  pqf_column_chunk *chunk, pqf_error *err);
/* Appends a Bloom filter to what is ready. */
pqf_status pqf_group_put_filter(pqf_group_writer *w, pqf_bytes filter,
                                pqf_column_chunk *chunk, pqf_error *err);
/* The indexes of all row groups, before the footer. */
pqf_status pqf_group_writer_put_indexes(pqf_group_writer *w, pqf_error *err);

/* ---- sorting.c ---- */

pqf_status pqf_sorting_check_new(pqf_group_writer *w, pqf_arena *arena, pqf_error *err);
void pqf_sorting_check_free(pqf_group_writer *w);
/* Rows that continue the row group in progress; PQF_INVALID names the first one out of order. */
pqf_status pqf_sorting_check_rows(pqf_group_writer *w, const pqf_view *batch,
                                  int64_t start, int64_t num_rows, pqf_error *err);

/* Moves finished bytes of a leaf, at least min_bytes at a time, on to the file; gate not locked. */
pqf_status pqf_group_hand_on(pqf_group_writer *w, int32_t leaf, size_t min_bytes,
                             pqf_error *err);

/* ---- share_pages.c ---- */

/* So many bytes of pages wait for compression at most, about; so few do not pay. */
#define PQF_HELD_MAX_BYTES (((int64_t)16 << 20) / pqf_flow_test_divisor)
#define PQF_HELD_MIN_BYTES (((int64_t)1 << 20) / pqf_flow_test_divisor)
/* Pages that come back sealed go on to the file in blocks of at least so many. */
#define PQF_SHARED_BLOCK_BYTES ((size_t)(((int64_t)256 << 10) / pqf_flow_test_divisor))

/* Before tasks begin: leaves that have more than a thread's share of leaf_bytes, which add up to
 * num_bytes, hold their pages. */
void pqf_group_share(pqf_group_writer *w, int64_t num_bytes);
pqf_share *pqf_group_share_of(const pqf_group_writer *w, int32_t leaf); /* NULL: none */
/* By the owner of the leaf: offers the pages that were cut, takes back those that are sealed and sees to
 * it that not too many wait; all: that none does. */
pqf_status pqf_group_tend_pages(pqf_group_writer *w, pqf_share *share, bool all,
                                int worker, pqf_error *err);
/* Locked, and unlocked while it works. False: no page waits. */
bool pqf_group_seal_one(pqf_group_writer *w, int worker);
pqf_status pqf_group_poll(pqf_group_writer *w, int worker, pqf_error *err);
/* Seals and writes until no leaf is left. */
pqf_status pqf_group_help(pqf_group_writer *w, int worker, pqf_error *err);

/* ---- copy_group.c ---- */

typedef struct pqf_copy_job {
    pqf_group_writer *w;
    pqf_reader *reader;
    int64_t row_group;
} pqf_copy_job;

/* Appends a row group of a file of the same Parquet schema byte for byte. */
pqf_status pqf_group_writer_copy(pqf_group_writer *w, pqf_reader *reader,
                                 int64_t row_group, pqf_error *err);

/* ---- writer.c ---- */

struct pqf_writer {
    pqf_mem *mem;
    pqf_arena arena; /* what lives as long as the writer */
    pqf_sink *sink;
    pqf_schema *schema;
    pqf_conform *conform;
    pqf_run run;
    int num_workers;
    pqf_scratch *own_scratch; /* one per worker */
    pqf_group_writer group;
    pqf_key_value *key_values;
    int32_t num_key_values;
    pqf_reader
        *like; /* whose schema this is, retained; NULL: made from an Arrow schema */
    struct ArrowSchema like_schema; /* of batches that have its shape */
    int64_t num_copied;             /* row groups */
    const char *created_by;
    int32_t format_version; /* of FileMetaData: 1 or 2 */
    int64_t next_row;       /* of the stream, for messages: also counts refused batches */
    int64_t num_rows;
    pqf_spill *held; /* rows that wait for pqf_writer_put_held; NULL: none are held */
    bool broken;     /* a failure in the middle of a batch: only good to free */
    bool finished;
};

/* ---- spill_layout.c: the form of rows that are set aside ---- */

typedef struct pqf_spill_layout {
    struct ArrowSchema schema; /* of the rows; kept dictionaries left out */
    struct ArrowSchema plain;  /* of what the collector makes of them */
    struct pqf_kept *root;     /* of the columns */
    int64_t max_kept;          /* values of a dictionary that is kept */
    pqf_mem *mem;
    pqf_arena arena;
} pqf_spill_layout;

pqf_status pqf_spill_layout_init(pqf_spill_layout *l, const struct ArrowSchema *schema,
                                 const pqf_view *rows, int64_t max_kept, pqf_mem *mem,
                                 pqf_error *err);
void pqf_spill_layout_reset(pqf_spill_layout *l);
bool pqf_spill_layout_fits(const pqf_spill_layout *l, const pqf_view *rows);
/* The rows without the dictionaries that are kept: their columns are indexes. */
pqf_status pqf_spill_layout_view(const pqf_spill_layout *l, const pqf_view *rows,
                                 pqf_arena *arena, pqf_view *out, pqf_error *err);
/* Gives rows that were read back their dictionaries; an index beyond is PQF_CORRUPT. */
pqf_status pqf_spill_layout_check(const pqf_spill_layout *l, pqf_view *rows,
                                  pqf_error *err);

/* ---- append.c, recode.c ---- */

/* Arrow bytes of a row group that is put together from others, unless the options say more. */
#define PQF_APPEND_GROUP_BYTES ((int64_t)256 << 20)

/* The first column of which values are read but cannot be written again; NULL: none. */
const pqf_leaf *pqf_schema_unwritten(const pqf_schema *schema);
/* Decodes a row group of another file and puts its rows. */
pqf_status pqf_writer_recode(pqf_writer *w, pqf_reader *reader, int64_t row_group,
                             pqf_error *err);

#endif
