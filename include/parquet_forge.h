/* SPDX-License-Identifier: Apache-2.0
 *
 * parquet_forge.h: the only public header of libparquet_forge, an Apache Parquet engine in C11.
 *
 * Tables come and go as Arrow C Data Interface structs (ArrowSchema, ArrowArray, ArrowArrayStream);
 * everything else is an opaque handle. Words are those of the Parquet and Arrow specifications.
 *
 * Rules that hold for every function
 * - A function that can fail returns a pqf_status and takes a pqf_error as its last parameter, which
 *   may be NULL. Out parameters are written only on PQF_OK.
 * - Pointers to const are borrowed for the call. Nothing handed in is referenced after the call
 *   returns, except where "moves" is written: then the callee owns it, success or not, and
 *   the caller's struct is marked released.
 * - `free` functions accept NULL. A writer that is freed before `finish` leaves nothing behind.
 * - Option structs: zero every byte, set `struct_bytes = sizeof(the struct)`, then what differs from
 *   the default. Zero always means "default".
 * - A reader or dataset never changes after it is opened: several threads may scan it. A scan, a
 *   stream and a writer belong to one thread at a time. Exported arrays may be released anywhere.
 * - Files come from strangers: a damaged file ends in PQF_CORRUPT, one that claims more memory than
 *   the limit in PQF_LIMIT, never in a crash.
 */
#ifndef PARQUET_FORGE_H
#define PARQUET_FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(PQF_API)
#define PQF_API __attribute__((visibility("default")))
#elif !defined(PQF_API)
#define PQF_API
#endif

#define PQF_VERSION "1.0.0"

/* ---- Arrow C Data Interface and C Stream Interface (the ABI of the Arrow specification) ---- */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ---- errors ---- */

/* Every way to fail. The first column of PQF_STATUS_LIST is the constant, the second its name. */
#define PQF_STATUS_LIST(X)                                                               \
    X(PQF_OK, "ok")                                                                      \
    X(PQF_INVALID, "invalid") /* the caller broke the contract of the function */        \
    X(PQF_SCHEMA, "schema") /* data does not fit the declared schema; see pqf_report */  \
    X(PQF_IO, "io")         /* the operating system or a callback failed; os_errno */    \
    X(PQF_CORRUPT, "corrupt")         /* the file contradicts the format */              \
    X(PQF_UNSUPPORTED, "unsupported") /* valid, but not built; the message names it */   \
    X(PQF_LIMIT, "limit")             /* a configured limit would be exceeded */         \
    X(PQF_NOMEM, "out of memory")     /* the operating system gave no memory */          \
    X(PQF_KEY, "key")                 /* encrypted and no (right) key */                 \
    X(PQF_CANCELLED, "cancelled")     /* the tick callback asked to stop */

typedef enum pqf_status {
#define PQF_X(id, name) id,
    PQF_STATUS_LIST(PQF_X)
#undef PQF_X
} pqf_status;

/* What failed and where. Numbers are -1 and strings empty where unknown. */
typedef struct pqf_error {
    pqf_status status;
    int os_errno;        /* errno of the operating system with PQF_IO, else 0 */
    int64_t file_offset; /* bytes from the start of the file */
    int64_t row_group;   /* 0-based */
    int64_t page;      /* 0-based within the column chunk, dictionary page not counted */
    char column[256];  /* dotted path in the Parquet schema */
    char path[1024];   /* file or folder */
    char message[768]; /* what is wrong, without the address above */
} pqf_error;

/* "schema", "corrupt", ... */
PQF_API const char *pqf_status_name(pqf_status status);

/* Writes "path: row group 3, column a.b, page 12 (byte 48,311,022): message" as far as known, always
 * NUL-terminated, at most text_bytes bytes; returns the length it would need without the NUL. */
PQF_API size_t pqf_error_text(const pqf_error *err, char *text, size_t text_bytes);

/* ---- what every long call may be given ---- */

/* Called on the calling thread about every 50 ms and once at the end (done == total then, unless the
 * call failed). total is -1 while unknown; the unit is rows. Return non-zero to cancel: the call ends
 * with PQF_CANCELLED within a page's work. */
typedef int (*pqf_tick_fn)(void *context, int64_t done, int64_t total);

/* Told what went wrong while cleaning up: the call itself succeeds, or fails for another reason. On
 * the calling thread; the text (UTF-8 or file system bytes) ends with the call. */
typedef void (*pqf_notice_fn)(void *context, const char *text);

typedef struct pqf_control {
    size_t struct_bytes;
    int32_t num_threads; /* 0: one per core; 1: the calling thread alone */
    int64_t
        memory_limit; /* bytes of results and scratch; 0: 80 % of what the process may use */
    pqf_tick_fn tick; /* may be NULL */
    void *tick_context;
    pqf_notice_fn notice; /* may be NULL */
    void *notice_context;
} pqf_control;

/* Bytes and calls of read_at so far over all readers of this process (for tests and figures). */
typedef struct pqf_io_counters {
    int64_t bytes_read;
    int64_t reads;
    int64_t files_opened;
} pqf_io_counters;
PQF_API void pqf_io_counters_get(pqf_io_counters *out);

/* ---- paths to columns ---- */

/* Leads from a top-level column into its structs, lists and maps: list elements and map entries have
 * no name of their own, so {"l", "v"} is the field v of the structs in the list l; a map's children
 * are "key" and "value". A path of one name is that top-level column, or where there is none of
 * this name the path that its dots spell. */
typedef struct pqf_column_path {
    const char *const *names;
    int32_t num_names;
} pqf_column_path;

/* ---- predicates: what prunes partitions and row groups ---- */

typedef struct pqf_predicate pqf_predicate;

/* Builds a predicate from the record batch that a pickled pyarrow.compute.Expression consists of:
 * schema->metadata holds the tree in prefix order (call, field_ref, nested_field_ref, literal,
 * options, end; duplicate keys in order), the columns of `batch` hold literals and options.
 * What the engine cannot judge prunes nothing. Both structs are borrowed. */
PQF_API pqf_status pqf_predicate_new(const struct ArrowSchema *schema,
                                     const struct ArrowArray *batch, pqf_predicate **out,
                                     pqf_error *err);
PQF_API void pqf_predicate_free(pqf_predicate *predicate);
/* Paths of the columns that the predicate reads, each once, NULL after the last; owned by it. */
PQF_API const pqf_column_path *pqf_predicate_path(const pqf_predicate *predicate,
                                                  int64_t i);

/* ---- reading: a dataset is one file, a list of files or a folder ---- */

typedef struct pqf_dataset pqf_dataset;

/* How the schemas of the files of a dataset may differ. Each level allows what those before allow. */
typedef enum pqf_unify {
    PQF_UNIFY_STRICT = 0, /* every file has the columns of the first, of the same types */
    PQF_UNIFY_ADD,        /* a file may lack columns: they are null there */
    PQF_UNIFY_WIDEN,      /* types may differ where one holds every value of the other */
} pqf_unify;

typedef struct pqf_read_options {
    size_t struct_bytes;
    pqf_control control;
    bool memory_map;          /* map files instead of pread; arrays may lie in them */
    bool skip_page_checksums; /* page CRCs are verified unless set */
    bool ignore_arrow_schema; /* do not apply the key ARROW:schema */
    bool
        no_extension_types; /* UUID, JSON, VARIANT, GEOMETRY, GEOGRAPHY without their names as
                                 Arrow extension types, where ARROW:schema does not say so */
    bool no_utf8_check;     /* strings come out as they are, UTF-8 or not */
    bool no_partitions;     /* folder names `a=1` are not columns */
    int64_t
        thrift_string_limit; /* bytes of one string in metadata; default 100,000,000 */
    int64_t
        thrift_container_limit; /* elements of one list in metadata; default 1,000,000 */
    const char *int96_unit;     /* "s" "ms" "us" "ns"; default "ns" */
    const char *const *
        read_dictionary; /* NULL-terminated: columns to hand out dictionary-encoded; dots lead
                             into nested ones */
    const char *const *ignore_prefixes; /* NULL-terminated; default "." and "_" */
    const pqf_predicate
        *likely; /* learn the schema from a file whose folders may satisfy this
                                    instead of from the first one; needed at open alone */
    pqf_unify unify;
    const struct ArrowSchema *
        schema; /* declared: the dataset has exactly these columns (struct with one child each);
                    columns that a file lacks are null, types are widened; needed at open alone */
    /* NULL-terminated: top-level columns whose dictionaries have int32 indices, whatever is recorded.
     * A scan sees to it by itself where indices would not count the values. */
    const char *const *wide_dictionaries;
} pqf_read_options;

/* Opens what `paths` (UTF-8 or file system bytes, num_paths of them) name. With one path: a file or a
 * folder, searched recursively, files in the order of their paths component by component as bytes.
 * With more: files, in the order given. `root` (may be NULL: the folder itself) is where partition
 * folders begin. PQF_IO with ENOENT when a path is missing. */
PQF_API pqf_status pqf_dataset_open(const char *const *paths, int64_t num_paths,
                                    const char *root, const pqf_read_options *options,
                                    pqf_dataset **out, pqf_error *err);

/* Reads one Parquet file from bytes in memory, which must outlive the dataset. */
PQF_API pqf_status pqf_dataset_open_memory(const void *bytes, size_t num_bytes,
                                           const pqf_read_options *options,
                                           pqf_dataset **out, pqf_error *err);
PQF_API void pqf_dataset_free(pqf_dataset *dataset);

/* The Arrow schema (struct with one child per column), partition columns last. Reads at most the
 * footer of the first file. */
PQF_API pqf_status pqf_dataset_schema(pqf_dataset *dataset, struct ArrowSchema *out,
                                      pqf_error *err);
PQF_API int64_t pqf_dataset_num_files(const pqf_dataset *dataset);
/* Path of file i, owned by the dataset. */
PQF_API const char *pqf_dataset_file(const pqf_dataset *dataset, int64_t i);

typedef struct pqf_scan_options {
    size_t struct_bytes;
    const char *const *
        columns; /* NULL: all; else what is wanted, in order: a top-level name, or where there is
                     none of this name the path that its dots spell */
    int64_t num_columns;
    const pqf_column_path *
        paths; /* instead of columns, num_columns of them. Several paths into one column give that
                   column once, at the place of the first, with only those children */
    const pqf_predicate
        *predicate; /* prunes partitions and row groups; rows are NOT filtered */
    bool
        with_predicate_columns; /* what the predicate reads comes too, behind the columns or
                                    in the structs asked for: for a caller that filters rows */
    int64_t
        batch_rows; /* 0: whole read, one batch per row group (more where 32-bit offsets do not
                           reach, one for several that are small), decoded in parallel by the first pull; else batches of
                           exactly this many rows but the last, in bounded memory */
} pqf_scan_options;

/* Starts a scan. The stream keeps the dataset alive. Its get_next returns an errno value on failure
 * and get_last_error the text; pqf_stream_error gives the whole error. A bounded read may decode some of
 * the next batch while the caller works on the last one: on a thread that ends with the stream, waited
 * for by fork; with num_threads 1 there is none. */
PQF_API pqf_status pqf_dataset_scan(pqf_dataset *dataset, const pqf_scan_options *options,
                                    struct ArrowArrayStream *out, pqf_error *err);
/* The error that made get_schema or get_next of a stream of ours fail, owned by the stream. */
PQF_API const pqf_error *pqf_stream_error(const struct ArrowArrayStream *stream);
/* Rows that are left after pruning, known before any page is read (opens every remaining file). */
PQF_API pqf_status pqf_dataset_count_rows(pqf_dataset *dataset,
                                          const pqf_scan_options *options, int64_t *out,
                                          pqf_error *err);

/* ---- conforming: data that must fit a declared schema ---- */

#define PQF_MAX_SAMPLES 5

/* One record per (path, rule). Strings are UTF-8 and owned by the report. */
typedef struct pqf_failure {
    const char *path; /* column, `s.x`, `l[]`, `m.key`, `m.value` */
    const char *rule; /* "missing" "extra" "null" "type" "value" "duplicate" */
    int64_t count;    /* values that break the rule; 1 for rules about the whole column */
    const char *expected;
    const char *found;
    int32_t num_samples;
    int64_t
        sample_rows[PQF_MAX_SAMPLES]; /* 0-based over the whole stream, -1: the column */
    const char *sample_values[PQF_MAX_SAMPLES]; /* at most 80 characters */
} pqf_failure;

typedef struct pqf_report pqf_report;
PQF_API pqf_report *pqf_report_new(void);
PQF_API void pqf_report_free(pqf_report *report);
PQF_API int64_t pqf_report_num_failures(const pqf_report *report);
PQF_API const pqf_failure *pqf_report_failure(const pqf_report *report, int64_t i);
/* Adds to the record of (path, rule), made at need, `count` values and the sample (row, value), kept
 * while there are fewer than PQF_MAX_SAMPLES. value may be NULL: no sample. */
PQF_API pqf_status pqf_report_add(pqf_report *report, const char *path, const char *rule,
                                  int64_t count, const char *expected, const char *found,
                                  int64_t row, const char *value);

typedef struct pqf_conform_options {
    size_t struct_bytes;
    bool drop_extra;   /* columns the schema lacks are dropped instead of refused */
    bool null_missing; /* a missing nullable column becomes null instead of refused */
    bool
        nan_is_null; /* float NaN becomes null where the declared field is not a non-nullable
                               float: pandas' meaning */
} pqf_conform_options;

/* ---- writing one file ---- */

typedef struct pqf_writer pqf_writer;

typedef enum pqf_if_exists {
    PQF_REPLACE = 0,
    PQF_ERROR_IF_EXISTS,
    PQF_SKIP_IF_EXISTS
} pqf_if_exists;

/* A setting for one column. path: dotted leaf path in the Parquet schema, or a top-level name, which
 * then holds for every leaf below it. */
typedef struct pqf_column_setting {
    const char *path;
    const char *value;
} pqf_column_setting;

/* Rows of a row group are sorted by the column `leaf` (counted over all leaves of the schema). */
typedef struct pqf_sorting {
    int32_t leaf;
    bool descending;
    bool nulls_first;
} pqf_sorting;

typedef struct pqf_write_options {
    size_t struct_bytes;
    pqf_control control;
    pqf_conform_options conform;
    pqf_if_exists if_exists;
    bool not_durable;              /* skip fsync of file and folder, never the rename */
    int64_t row_group_rows;        /* default 1,048,576 */
    int64_t row_group_bytes;       /* Arrow bytes; default none */
    int64_t data_page_bytes;       /* default 1,048,576 */
    int64_t page_rows;             /* default 20,000 */
    int64_t dictionary_page_bytes; /* default 1,048,576 */
    int32_t data_page_version;     /* 1 (default) or 2 */
    const char *version;           /* "1.0" "2.4" "2.6" (default) */
    const char
        *profile; /* "compatible" (default): what readers of the last ten years open;
                            "modern" changes the defaults of others: encoding "auto", data pages
                            V2, compression "zstd", page indexes, and bounds of floats
                            are in IEEE 754 total order */
    const char *compression; /* "none" "snappy" (default) "gzip" "brotli" "lz4" "zstd" */
    int32_t compression_level; /* with has_compression_level, for every column */
    bool has_compression_level;
    const pqf_column_setting
        *column_compression; /* overrides by column: value is a codec name */
    int64_t num_column_compression;
    const pqf_column_setting *column_compression_level; /* value is a decimal number */
    int64_t num_column_compression_level;
    bool no_dictionary; /* for every column, unless listed in dictionary_columns */
    const char *const *dictionary_columns; /* NULL-terminated; when not NULL only these */
    const char *
        encoding; /* of values outside a dictionary: "PLAIN" (default), or "auto": the one of
                             fewest bytes, measured on the first page of a chunk, that reads at about
                             the speed of PLAIN; a dictionary has to beat it */
    const pqf_column_setting *
        column_encoding; /* overrides by column, dictionary included: a name of the encoding table
                             ("DELTA_BINARY_PACKED", "RLE_DICTIONARY") or "auto" */
    int64_t num_column_encoding;
    bool
        byte_stream_split; /* BYTE_STREAM_SPLIT wherever it exists and there is no dictionary */
    const char *const
        *byte_stream_split_columns; /* NULL-terminated; when not NULL only these */
    bool no_statistics;
    const char *const *statistics_columns; /* NULL-terminated; when not NULL only these */
    bool no_store_schema;                  /* leave out the key ARROW:schema */
    bool no_page_checksums;
    bool legacy_list_names;        /* list.item instead of list.element */
    bool integer_decimals;         /* up to 9 digits as INT32, up to 18 as INT64 */
    bool utc_times;                /* TIME counts from midnight UTC */
    bool int96_timestamps;         /* deprecated INT96 */
    const char *coerce_timestamps; /* "ms" "us" or NULL */
    bool allow_truncated_timestamps;
    const pqf_column_setting
        *metadata; /* file key-value metadata beside the schema's own */
    int64_t num_metadata;
    const char *created_by; /* default "parquet_forge version x.y.z" */
    bool page_index;        /* write column indexes and offset indexes */
    const pqf_column_setting *
        column_bloom_fpp; /* Bloom filters by column: value is the share of false positives */
    int64_t num_column_bloom_fpp;
    const pqf_column_setting
        *column_bloom_distinct; /* value is the number of values to make
                                       it for; without it as many as there are */
    int64_t num_column_bloom_distinct;
    const pqf_sorting *sorting; /* the order of the rows; others are PQF_INVALID */
    int64_t num_sorting;
} pqf_write_options;

/* Where the bytes of a file go when it is not a path. Returns 0 or an errno value. */
typedef int (*pqf_write_fn)(void *context, const void *bytes, size_t num_bytes);

/* Begins a file. Bytes go to a hidden temporary file in the target's folder (made at need, links
 * resolved); nothing stands under `path` before finish. `schema` is the declared schema. */
PQF_API pqf_status pqf_writer_open(const char *path, const struct ArrowSchema *schema,
                                   const pqf_write_options *options, pqf_writer **out,
                                   pqf_error *err);
PQF_API pqf_status pqf_writer_open_callback(pqf_write_fn write, void *context,
                                            const struct ArrowSchema *schema,
                                            const pqf_write_options *options,
                                            pqf_writer **out, pqf_error *err);
/* Conforms a batch (a struct array: one child per column) and encodes it. With PQF_SCHEMA nothing of
 * the batch has been added, the records are in `report` (may be NULL), and the writer can go on. */
PQF_API pqf_status pqf_writer_put(pqf_writer *writer, const struct ArrowSchema *schema,
                                  const struct ArrowArray *batch, pqf_report *report,
                                  pqf_error *err);
/* So many rows will be put before finish: the last of them are encoded and written at once. With fewer
 * nothing changes, those beyond begin another row group. 0: unknown. */
PQF_API void pqf_writer_expect(pqf_writer *writer, int64_t num_rows);
/* Conforms only: adds to `report` what put would refuse. Rows count on from the last put or check. */
PQF_API pqf_status pqf_writer_check(pqf_writer *writer, const struct ArrowSchema *schema,
                                    const struct ArrowArray *batch, pqf_report *report,
                                    pqf_error *err);
/* Rows put from here on are judged and set aside, until put_held adds all of them or drop_held none:
 * batches that go together or not at all. More than some MiB of them wait in a nameless temporary
 * file in the target's folder. After a failure of put_held the writer is only good to free. */
PQF_API pqf_status pqf_writer_hold(pqf_writer *writer, pqf_error *err);
PQF_API pqf_status pqf_writer_put_held(pqf_writer *writer, pqf_error *err);
PQF_API void pqf_writer_drop_held(pqf_writer *writer);
/* Writes the footer and gives the file its name. The writer is of no further use but to free it. */
PQF_API pqf_status pqf_writer_finish(pqf_writer *writer, pqf_error *err);
PQF_API void pqf_writer_free(pqf_writer *writer);
/* Rows put so far, and bytes handed to the file so far. */
PQF_API int64_t pqf_writer_num_rows(const pqf_writer *writer);
PQF_API int64_t pqf_writer_num_bytes(const pqf_writer *writer);

/* ---- writing a dataset ---- */

typedef struct pqf_dataset_writer pqf_dataset_writer;

typedef enum pqf_mode { PQF_APPEND = 0, PQF_OVERWRITE } pqf_mode;

typedef enum pqf_overwrite_scope {
    PQF_SCOPE_ALL = 0,    /* the whole folder is replaced */
    PQF_SCOPE_PARTITIONS, /* only the partitions that the new data has */
} pqf_overwrite_scope;

typedef struct pqf_dataset_write_options {
    size_t struct_bytes;
    pqf_write_options file;
    pqf_mode mode;
    const char *const
        *partition_columns;    /* NULL-terminated, outermost first; may be NULL */
    pqf_overwrite_scope scope; /* of PQF_OVERWRITE */
    pqf_unify unify;           /* how an append may differ from the dataset */
    int64_t max_rows_per_file; /* 0: one file per partition */
    int64_t
        target_file_bytes; /* a file ends after the row group that reaches it; 0: never */
} pqf_dataset_write_options;

/* Begins an append to, or the replacement of, the folder `dir`. Nothing is seen in it before finish. */
PQF_API pqf_status pqf_dataset_writer_open(const char *dir,
                                           const struct ArrowSchema *schema,
                                           const pqf_dataset_write_options *options,
                                           pqf_dataset_writer **out, pqf_error *err);
PQF_API pqf_status pqf_dataset_writer_put(pqf_dataset_writer *writer,
                                          const struct ArrowSchema *schema,
                                          const struct ArrowArray *batch,
                                          pqf_report *report, pqf_error *err);
PQF_API pqf_status pqf_dataset_writer_check(pqf_dataset_writer *writer,
                                            const struct ArrowSchema *schema,
                                            const struct ArrowArray *batch,
                                            pqf_report *report, pqf_error *err);
PQF_API pqf_status pqf_dataset_writer_finish(pqf_dataset_writer *writer, pqf_error *err);
/* Somebody waits for the end: free then removes what has been staged for a moment only; what is left,
 * hidden beside the dataset, goes with the next write to it. */
PQF_API void pqf_dataset_writer_interrupt(pqf_dataset_writer *writer);
PQF_API void pqf_dataset_writer_free(pqf_dataset_writer *writer);
PQF_API int64_t pqf_dataset_writer_num_files(const pqf_dataset_writer *writer);

/* ---- what a file says about itself ---- */

/* A footer. Numbers are -1 and strings NULL where the file does not say; strings live as long as the
 * handle. Functions that take positions return false or NULL beyond the last. */
typedef struct pqf_file_info pqf_file_info;

/* options may be NULL; of them only limits count. */
PQF_API pqf_status pqf_file_info_open(const char *path, const pqf_read_options *options,
                                      pqf_file_info **out, pqf_error *err);
PQF_API void pqf_file_info_free(pqf_file_info *info);

/* The files that pqf_dataset_open takes from the same paths. Of a folder it is one state, which stays
 * readable as long as the listing is open, whatever is appended or replaced meanwhile. */
typedef struct pqf_listing pqf_listing;
PQF_API pqf_status pqf_listing_open(const char *const *paths, int64_t num_paths,
                                    const char *root, pqf_listing **out, pqf_error *err);
PQF_API void pqf_listing_free(pqf_listing *listing);
PQF_API int64_t pqf_listing_num_files(const pqf_listing *listing);
/* Path of file i, owned by the listing. */
PQF_API const char *pqf_listing_file(const pqf_listing *listing, int64_t i);
/* As pqf_file_info_open, of file i. The handle outlives the listing. */
PQF_API pqf_status pqf_listing_info(const pqf_listing *listing, int64_t i,
                                    pqf_file_info **out, pqf_error *err);

typedef struct pqf_info_file {
    int64_t num_bytes;
    int64_t footer_bytes; /* without the 8 bytes behind it */
    int64_t num_rows;
    int32_t version;
    const char *created_by;
    int64_t num_pairs; /* of key-value metadata */
    int64_t num_leaves;
    int64_t num_row_groups;
} pqf_info_file;
PQF_API void pqf_file_info_get(const pqf_file_info *info, pqf_info_file *out);

/* Any bytes, without a NUL behind them. */
typedef struct pqf_info_pair {
    const char *key;
    size_t key_bytes;
    const char *value; /* NULL: the key has none */
    size_t value_bytes;
} pqf_info_pair;
PQF_API bool pqf_file_info_pair(const pqf_file_info *info, int64_t i, pqf_info_pair *out);

typedef struct pqf_info_leaf {
    const char *path; /* dotted */
    const char *physical;
    const char *logical; /* "TIMESTAMP(MICROS, UTC)"; "": none */
    const char *repetition;
    int32_t type_length; /* bytes of FIXED_LEN_BYTE_ARRAY, else 0 */
    int32_t max_definition_level;
    int32_t max_repetition_level;
} pqf_info_leaf;
PQF_API bool pqf_file_info_leaf(const pqf_file_info *info, int64_t i, pqf_info_leaf *out);

typedef struct pqf_info_group {
    int64_t num_rows;
    int64_t total_byte_size;
    int64_t total_compressed_size;
    int64_t file_offset;
    int64_t num_sorting_columns;
} pqf_info_group;
PQF_API bool pqf_file_info_group(const pqf_file_info *info, int64_t row_group,
                                 pqf_info_group *out);

PQF_API bool pqf_file_info_sorting(const pqf_file_info *info, int64_t row_group,
                                   int64_t i, pqf_sorting *out);

typedef enum pqf_info_kind {
    PQF_INFO_NONE = 0, /* not known, or not to be believed */
    PQF_INFO_BOOL,
    PQF_INFO_INT,
    PQF_INFO_FLOAT, /* `number` */
    PQF_INFO_DECIMAL,
    PQF_INFO_DATE, /* this and all times: nanoseconds, of instants since 1970 */
    PQF_INFO_TIME,
    PQF_INFO_TIMESTAMP,
    PQF_INFO_INSTANT, /* a timestamp in UTC */
    PQF_INFO_DURATION,
    PQF_INFO_STRING, /* `bytes`, as binaries */
    PQF_INFO_BINARY,
} pqf_info_kind;

/* One value of a column's logical type. */
typedef struct pqf_info_value {
    pqf_info_kind kind;
    int32_t scale; /* of a decimal: low and high are its digits */
    uint64_t low;  /* integers of 128 bits, two's complement */
    int64_t high;
    double number;
    const char *bytes;
    size_t num_bytes;
} pqf_info_value;

typedef struct pqf_info_chunk {
    bool is_encrypted;
    bool
        has_metadata; /* false: encrypted with a key of its own, and nothing below is known */
    const char *codec;
    int64_t num_encodings;
    int64_t num_values;
    int64_t compressed_bytes, uncompressed_bytes;
    int64_t data_page_offset, dictionary_page_offset, index_page_offset;
    int64_t null_count, distinct_count, nan_count;
    pqf_info_value min, max;        /* only where the format's rules allow to use them */
    int is_min_exact, is_max_exact; /* -1: not said */
    bool has_bloom_filter, has_column_index, has_offset_index;
    int64_t bloom_filter_bytes; /* with its header; -1: none, or the file does not say */
    int64_t unencoded_string_bytes; /* of BYTE_ARRAY values without their lengths */
    int64_t num_repetition_counts,
        num_definition_counts; /* level histograms, level 0 first; 0: none */
    const int64_t *repetition_counts, *definition_counts;
} pqf_info_chunk;
PQF_API bool pqf_file_info_chunk(const pqf_file_info *info, int64_t row_group,
                                 int64_t leaf, pqf_info_chunk *out);
/* Key-value pair i of a chunk. */
PQF_API bool pqf_file_info_chunk_pair(const pqf_file_info *info, int64_t row_group,
                                      int64_t leaf, int64_t i, pqf_info_pair *out);
/* Encoding i of a chunk: "PLAIN", ... */
PQF_API const char *pqf_file_info_encoding(const pqf_file_info *info, int64_t row_group,
                                           int64_t leaf, int64_t i);

/* ---- keeping files healthy ---- */

typedef struct pqf_update_options {
    size_t struct_bytes;
    pqf_control control;
    bool not_durable;
    const pqf_column_setting
        *changes; /* in order: path is the key, value NULL removes it */
    int64_t num_changes;
} pqf_update_options;

/* Changes the key-value metadata of a file. Keys that are there keep their places, new ones follow.
 * The data is copied by the operating system, not read; a new file takes the name in one step, with
 * the mode bits of the old one. */
PQF_API pqf_status pqf_update_metadata(const char *path,
                                       const pqf_update_options *options, pqf_error *err);

typedef struct pqf_merge_options {
    size_t struct_bytes;
    pqf_write_options
        file;    /* of the new files. Rows of small row groups are encoded by them, in the
                               codec of the first file unless one is named; large row groups are
                               copied as they are, unless another codec or any level is named.
                               row_group_bytes defaults to 256 MiB; conform means nothing here */
    bool recode; /* copy nothing: encode every row anew */
    int64_t target_file_bytes; /* of pqf_compact; default 128 MiB */
} pqf_merge_options;

typedef struct pqf_merge_result {
    int64_t files_before, files_after;
    int64_t bytes_before, bytes_after; /* of all those files */
    int64_t num_rows;
    int64_t num_row_groups; /* afterwards */
    int64_t num_copied;     /* of them: copied byte for byte */
} pqf_merge_result;

/* Writes the rows of all files that `paths` and `root` name, as in pqf_dataset_open, to one new file,
 * in their order. PQF_SCHEMA names file, column and both types where schemas differ. Key-value
 * metadata: every key of every file, with the value of the first that has it, then file.metadata.
 * Bloom filters and page indexes of copied row groups come along. One batch and one row group's encoded pages
 * are in memory. Files in partition folders are PQF_INVALID. When file.if_exists skips, *result is
 * zero. */
PQF_API pqf_status pqf_merge(const char *const *paths, int64_t num_paths,
                             const char *root, const char *out,
                             const pqf_merge_options *options, pqf_merge_result *result,
                             pqf_error *err);
/* Merges small files of a dataset that are neighbours in its listing, within their folders, into
 * files near target_file_bytes; those of half of it and more, of another schema than their
 * neighbours, or alone, stay. Rows keep the order in which a read gives them. Old and new files
 * change places in one step for readers of ours. PQF_IO when a file of the dataset vanishes or the
 * folder is replaced meanwhile; then nothing is changed. */
PQF_API pqf_status pqf_compact(const char *dir, const pqf_merge_options *options,
                               pqf_merge_result *result, pqf_error *err);

/* ---- what this build can do, printed from its tables ---- */

/* Row i of the table of "codec", "encoding" or "logical type": its name, and whether it reads and
 * writes; false after the last row. */
PQF_API bool pqf_feature(const char *table, int64_t i, const char **name, bool *reads,
                         bool *writes);
/* Instruction set of the kernels in use: "scalar" "avx2" "avx512" "neon". PQF_SIMD may lower it. */
PQF_API const char *pqf_simd_level(void);

#ifdef __cplusplus
}
#endif
#endif /* PARQUET_FORGE_H */
