/* SPDX-License-Identifier: Apache-2.0
 *
 * column.h: door of the room column. One column chunk at a time: pages to Arrow buffers and
 * back.
 *
 *   reading   chunk bytes ─ page walk ─ page (unsealed) ─ levels ─ values ─► pqf_leaf_out
 *             pqf_leaf_out ─ assemble ─► ArrowArray
 *   writing   pqf_view ─ shred ─► blocks of levels and dense values
 *             ─ encode ─ page (sealed) ─► chunk bytes
 *
 * A leaf is one column of Parquet. Both directions are pulls or pushes of rows with no fixed
 * unit: a whole read, a bounded batch and a filtered read are the same call with another
 * number of rows; any split of the same rows gives the same bytes. Nothing here starts
 * threads or knows files by name: the room file runs one task per leaf. Specification:
 * README.md (nested encoding, data pages), Encodings.md, parquet.thrift (PageHeader,
 * Statistics).
 */
#ifndef PQF_COLUMN_COLUMN_H
#define PQF_COLUMN_COLUMN_H

#include "arrow/arrow.h"
#include "base/thread.h"
#include "codec/codec.h"
#include "encoding/encoding.h"
#include "format/format.h"
#include "io/io.h"
#include "kernel/kernel.h"

#define PQF_SHRED_BUFS 13
#define PQF_CHUNK_BUFS 5

/* What a worker thread keeps warm between chunks: codec contexts and page scratch. Zeroed
 * with init, used by one thread at a time, lives as long as the scan or writer. */
typedef struct pqf_scratch {
    pqf_mem *mem; /* borrowed */
    pqf_codec_ctx codec;
    pqf_buf page;   /* one decompressed page, or one page body before compression */
    pqf_buf blocks; /* fixed-size working blocks of levels and values */
    pqf_buf extra;
    pqf_buf shred[PQF_SHRED_BUFS]; /* writing: levels and values of a step, see shred.h */
    pqf_buf chunk[PQF_CHUNK_BUFS]; /* writing: see pqf_chunk_writer_trade */
    pqf_dict_builder
        *dictionaries[3]; /* writing: of BINARY and of widths 4 and 8; NULL: not yet */
} pqf_scratch;
void pqf_scratch_init(pqf_scratch *s, pqf_mem *mem);
void pqf_scratch_reset(pqf_scratch *s);
/* Frees the dictionaries, which may be large; the rest is as it was. */
void pqf_scratch_fold(pqf_scratch *s);

/* ---- reading: what a leaf hands out ---- */

/* One node of the way from a top-level field (root first) to a leaf (last). */
typedef struct pqf_node_out {
    const pqf_field *field;
    int64_t length; /* slots so far */
    int64_t num_nulls;
    int64_t
        num_expected; /* slots that are likely in the end: what the first allocation is for */
    pqf_buf validity; /* of use when num_nulls > 0; then one bit per slot */
    pqf_buf offsets;  /* LIST, MAP: int32, length + 1 of them once length > 0 */
} pqf_node_out;

/* Grows as rows are read, from one chunk reader or from several one after the other (a batch
 * that spans row groups). Values of null slots are zero. */
typedef struct pqf_leaf_out {
    pqf_mem *mem; /* borrowed */
    const pqf_field *leaf_field;
    int32_t num_nodes;
    pqf_node_out *nodes;
    int64_t num_rows;
    pqf_buf
        values; /* BITS, FIXED: as Arrow lays them out; dictionary output: uint32 codes */
    pqf_bytes
        lent; /* FIXED: all values so far, where they lie in the source instead of `values` */
    pqf_shared *lender; /* then; one reference */
    pqf_buf ends;  /* BINARY: int32 offsets, slots + 1 of them once there is a slot */
    pqf_buf bytes; /* BINARY: their bytes */
    struct pqf_dict_out *dictionary; /* leaf_field->index_format: the dictionary so far */
} pqf_leaf_out;

/* Prepares for the leaf under `leaf_field`, expecting about num_rows rows (a hint). */
pqf_status pqf_leaf_out_init(pqf_leaf_out *out, const pqf_field *leaf_field,
                             int64_t num_rows, pqf_mem *mem, pqf_error *err);
void pqf_leaf_out_reset(pqf_leaf_out *out);
/* As after init, but for the dictionary, which stays. */
void pqf_leaf_out_drop_rows(pqf_leaf_out *out);
/* Its rows are more than one array can hold: strings or items beyond 32-bit offsets (then the read has
 * failed), slots beyond the run ends. Fewer rows may do. */
bool pqf_leaf_out_is_full(const pqf_leaf_out *out);
/* Before the first row: a chunk's dictionary of at most so many bytes goes in whole and in its order,
 * however few the rows of a read are. */
void pqf_leaf_out_keep_dictionaries(pqf_leaf_out *out, int64_t max_bytes);

/* Values of the dictionary so far. */
int64_t pqf_leaf_out_num_values(const pqf_leaf_out *out);
/* Greatest code that dictionary indices of this Arrow format hold. */
int64_t pqf_index_max(const char *format);

/* ---- reading: a column chunk ---- */

typedef struct pqf_chunk_reader pqf_chunk_reader;

typedef struct pqf_chunk_read_options {
    pqf_source *source;
    const pqf_kernels *kernel;
    bool skip_page_checksums;
    bool skip_utf8_check;
    size_t
        window_bytes; /* bytes to read ahead: 1 MiB for whole reads, less for many columns */
} pqf_chunk_read_options;

/* Takes up a chunk. Reads nothing yet. `leaf_field` is the LEAF field that stands over
 * chunk->leaf. */
pqf_status pqf_chunk_reader_open(const pqf_chunk *chunk, const pqf_field *leaf_field,
                                 const pqf_chunk_read_options *options, pqf_mem *mem,
                                 pqf_chunk_reader **out, pqf_error *err);
void pqf_chunk_reader_free(pqf_chunk_reader *reader);
/* Appends exactly the next num_rows rows (top-level records) to `out`. Memory: out, one page, one
 * dictionary, one window. Fewer rows in the chunk are PQF_CORRUPT, as is anything left over when
 * num_rows reaches chunk->num_rows. Errors name column, page and byte. */
pqf_status pqf_chunk_reader_read(pqf_chunk_reader *reader, int64_t num_rows,
                                 pqf_leaf_out *out, pqf_scratch *scratch, pqf_run *run,
                                 int worker, pqf_error *err);
pqf_status pqf_chunk_reader_skip(pqf_chunk_reader *reader, int64_t num_rows,
                                 pqf_scratch *scratch, pqf_run *run, int worker,
                                 pqf_error *err);
int64_t pqf_chunk_reader_rows_left(const pqf_chunk_reader *reader);

/* Rows [start, end) of a row group. */
typedef struct pqf_row_range {
    int64_t start, end;
} pqf_row_range;

/* From here on the reader has only the rows of these ranges, which are not empty, ascend and do not
 * touch; they are borrowed. By the chunk's offset index, where it has one that can be used, the bytes
 * of other pages are not read. Before the first read. */
void pqf_chunk_reader_select(pqf_chunk_reader *reader, const pqf_metadata *metadata,
                             int64_t row_group, const pqf_row_range *ranges,
                             int64_t num_ranges);

/* Pages of a chunk that are unsealed by others before its reader comes to them: early_page.c. A failure
 * of these calls is none of the read: the reader then unseals the page itself. */
typedef struct pqf_early_page pqf_early_page;
typedef struct pqf_early_walk pqf_early_walk;
/* The headers of the chunk's data pages; the reader has to outlive it. */
pqf_status pqf_early_walk_new(const pqf_chunk_reader *reader, pqf_early_walk **out,
                              pqf_error *err);
void pqf_early_walk_free(pqf_early_walk *walk);
/* Finds the next data page; the offset of its body in the file, or -1: there are no more that can be
 * found. One thread at a time. */
int64_t pqf_early_walk_next(pqf_early_walk *walk, pqf_early_page *page);
pqf_status pqf_early_page_new(pqf_mem *mem, pqf_early_page **out, pqf_error *err);
void pqf_early_page_free(pqf_early_page *page);
/* Frees its bytes; it is good for another page. */
void pqf_early_page_trim(pqf_early_page *page);
/* Of a page that was found: the most memory that it takes, stored and decompressed. */
int64_t pqf_early_page_bytes(const pqf_early_page *page);
/* Reads, checks and decompresses a page that was found; different pages on any threads at once. */
pqf_status pqf_early_page_unseal(const pqf_early_walk *walk, pqf_early_page *page,
                                 pqf_scratch *scratch, pqf_error *err);
/* The page whose body is at `offset` in the file, unsealed, which holds until the next call; NULL: the
 * reader unseals it itself. Fails where the run is cancelled. */
typedef pqf_status (*pqf_take_early_fn)(void *context, int64_t offset, int worker,
                                        pqf_early_page **out, pqf_error *err);
/* Before the first read, from which on it is asked for every data page in turn. */
void pqf_chunk_reader_set_early(pqf_chunk_reader *reader, pqf_take_early_fn take,
                                void *context);

/* The values of a chunk that has not been read, each once, added to the dictionary of `out`, which is one:
 * the chunk's dictionary whole and in its order, then what pages hold outside of it, until there are
 * more than `most`. No rows are handed out. */
pqf_status pqf_chunk_reader_put_values(pqf_chunk_reader *reader, pqf_leaf_out *out,
                                       int64_t most, pqf_scratch *scratch, pqf_run *run,
                                       int worker, pqf_error *err);

/* What can be known of a chunk without decoding it: headers of pages up to the last value, and their
 * checksums. For chunks that are copied as they are. */
pqf_status pqf_chunk_check_pages(const pqf_chunk *chunk,
                                 const pqf_chunk_read_options *options, pqf_mem *mem,
                                 pqf_run *run, int worker, pqf_error *err);

/* Builds the array of a top-level field from its leaves (field->num_leaves of them, in
 * order; consumed: their buffers are moved out and they are empty again, success or not).
 * The first leaf below a group gives its offsets and validity; where another leaf's differ
 * the file is corrupt. Large, view and fixed-size forms, dictionaries and the declared index
 * width are made here. A group without leaves has num_rows slots. */
pqf_status pqf_assemble(const pqf_field *field, pqf_leaf_out *leaves, int64_t num_rows,
                        pqf_mem *mem, struct ArrowArray *out, pqf_error *err);

/* ---- writing: a column chunk ---- */

/* Whichever makes the first page smallest and is read about as fast as PLAIN. */
#define PQF_ENCODING_AUTO (-1)

typedef struct pqf_chunk_write_options {
    const pqf_kernels *kernel;
    int32_t codec;             /* pqf_codec_id */
    int level;                 /* PQF_LEVEL_DEFAULT or the codec's own */
    int32_t data_page_version; /* 1 or 2 */
    bool dictionary;
    int32_t
        encoding; /* of values outside a dictionary: PQF_PLAIN, ..., PQF_ENCODING_AUTO */
    bool statistics;
    bool total_order; /* bounds of floats are in IEEE 754 total order; floats only */
    bool page_checksums;
    bool write_plain_dictionary_name; /* format version 1.0: the encoding's older name */
    int64_t data_page_bytes;
    int64_t page_rows;
    int64_t dictionary_page_bytes;
    bool page_index;        /* column index and offset index, and level histograms */
    bool bloom;             /* a Bloom filter; not for booleans */
    double bloom_fpp;       /* its share of false positives, above 0 and below 1 */
    int64_t bloom_distinct; /* values to make it for; 0: as many as there are */
} pqf_chunk_write_options;

typedef struct pqf_chunk_writer pqf_chunk_writer;

/* Values that readers can use where they lie in a mapped file begin at multiples of this. */
#define PQF_VALUE_ALIGNMENT 64
/* Fewer bytes of them are copied quickly, and the zeros before a chunk would be more than 1 in 256. */
#define PQF_MAPPED_BYTES (PQF_VALUE_ALIGNMENT * 256)

/* A finished chunk: its pages in order, dictionary page first, and its metadata with offsets
 * counted from the start of `bytes` (the caller adds the file offset to data_page_offset and
 * dictionary_page_offset). Binaries inside meta point into the writer and hold until its
 * next finish. */
typedef struct pqf_chunk_out {
    /* Header and body, and headers and bodies: what pqf_chunk_writer_take has not taken, and valid
     * until it does. */
    pqf_bytes dictionary_page;
    pqf_bytes data_pages;
    pqf_column_metadata meta;
    const pqf_column_index *column_index; /* NULL: none */
    const pqf_offset_index *offset_index; /* NULL: none; offsets as those of meta */
    pqf_bytes bloom_filter;               /* header and bitset; empty: none */
} pqf_chunk_out;

/* For one LEAF field of a schema made by pqf_schema_from_arrow; used for row group after row
 * group. */
pqf_status pqf_chunk_writer_new(const pqf_field *leaf_field,
                                const pqf_chunk_write_options *options, pqf_mem *mem,
                                pqf_chunk_writer **out, pqf_error *err);
void pqf_chunk_writer_free(pqf_chunk_writer *writer);
/* Gives back what the next put or finish can make anew: the table of the dictionary. */
void pqf_chunk_writer_fold(pqf_chunk_writer *writer);
/* The buffers of a chunk in progress for those of the scratch, and back: between chunks alone. */
void pqf_chunk_writer_trade(pqf_chunk_writer *writer, pqf_scratch *scratch);
/* Most bytes that such a table takes in a row group of so many rows, its values aside. */
int64_t pqf_chunk_writer_table_bytes(const pqf_chunk_writer *writer, int64_t num_rows);
/* Shreds rows [start, start + num_rows) of the top-level column `column` (already conformed;
 * also dictionary-encoded) and encodes or copies this leaf's values. A page ends at a row
 * boundary when it has page_rows rows or its values reach data_page_bytes. A failure leaves
 * the row group unusable. */
pqf_status pqf_chunk_writer_put(pqf_chunk_writer *writer, const pqf_view *column,
                                int64_t start, int64_t num_rows, pqf_scratch *scratch,
                                pqf_run *run, int worker, pqf_error *err);
/* Bytes of the pages that are sealed, and about how many the rest takes before compression. Both
 * follow from the rows put so far, whatever their split. */
void pqf_chunk_writer_sizes(const pqf_chunk_writer *writer, int64_t *sealed_bytes,
                            int64_t *pending_bytes);
/* Pages that are cut from here on wait uncompressed, to be sealed by several threads. Without a codec pages never wait. */
void pqf_chunk_writer_hold(pqf_chunk_writer *writer, bool hold);
int64_t pqf_chunk_writer_num_held(const pqf_chunk_writer *writer);
typedef struct pqf_held_page pqf_held_page;
/* Page 0 <= page < num_held. It stays where it is until it is taken. */
pqf_held_page *pqf_chunk_writer_held(const pqf_chunk_writer *writer, int64_t page);
/* Before compression. */
int64_t pqf_held_page_bytes(const pqf_held_page *page);
/* Seals one of them; different pages on any threads at once, while others are put. */
pqf_status pqf_chunk_writer_seal(const pqf_chunk_writer *writer, pqf_held_page *page,
                                 pqf_scratch *scratch, pqf_run *run, int worker,
                                 pqf_error *err);
/* The first n of them are sealed: appends them in their order. They wait no more. */
pqf_status pqf_chunk_writer_take_held(pqf_chunk_writer *writer, int64_t n,
                                      pqf_error *err);
/* Moves out bytes that stand in the file next (*out is to be reset): the dictionary page, or data pages
 * of at least min_bytes. False: there are none, or a dictionary page may still have to stand before
 * them. After finish, with min_bytes 1, in two calls at most, all that is left. */
bool pqf_chunk_writer_take(pqf_chunk_writer *writer, size_t min_bytes, pqf_buf *out);
/* Where in the chunk, from its first byte, values begin that should stand at a multiple of
 * PQF_VALUE_ALIGNMENT in the file; 0: there are none. Known once a block can be taken. */
int64_t pqf_chunk_writer_value_at(const pqf_chunk_writer *writer);
/* Cuts the last pages of the chunk: what finish does itself where pages do not wait. */
pqf_status pqf_chunk_writer_end(pqf_chunk_writer *writer, pqf_scratch *scratch,
                                pqf_run *run, int worker, pqf_error *err);
/* Closes the chunk; no page waits. The writer is ready for the next row group after the next put. */
pqf_status pqf_chunk_writer_finish(pqf_chunk_writer *writer, pqf_scratch *scratch,
                                   pqf_run *run, int worker, pqf_chunk_out *out,
                                   pqf_error *err);

/* Values of this field can be put back into the leaf that they came from. */
bool pqf_leaf_is_written(const pqf_field *leaf_field);

/* Looks for values of a conformed batch that encoding would refuse (losses that coerced
 * timestamps do not permit, overflows of the file's unit or width), so that nothing of such
 * a batch is encoded. All of them go to `report` (may be NULL) under rule "value" with rows
 * counted from row_base; then PQF_SCHEMA, err telling the first. Leaves that take every value
 * cost nothing. `schema` is made by pqf_schema_from_arrow, its fields the batch's children. */
pqf_status pqf_values_judge(const pqf_schema *schema, const pqf_view *batch,
                            int64_t row_base, const pqf_poll *poll, pqf_report *report,
                            pqf_error *err);

/* ---- statistics as they were read: for pruning and for read_metadata ---- */

/* Bounds of a chunk in the leaf's Parquet value (PLAIN bytes), only where the format's rules
 * allow to use them: by column order, deprecated min/max by the known rules, NaN bounds
 * ignored, zero bounds widened to -0 and +0. */
typedef struct pqf_bounds {
    bool has_min, has_max;
    pqf_bytes min, max;
    bool has_num_nulls;
    int64_t num_nulls;
    bool has_num_nans;
    int64_t num_nans;
    int64_t num_values; /* level entries */
} pqf_bounds;
void pqf_bounds_of_chunk(const pqf_metadata *metadata, const pqf_chunk *chunk,
                         pqf_bounds *out);

/* ---- page indexes and Bloom filters as they were read ---- */

/* Where the pages of a chunk are, and bounds of their values. */
typedef struct pqf_page_index {
    int32_t num_pages;
    int64_t num_rows;
    pqf_offset_index offsets;
    bool has_columns;
    pqf_column_index columns;
} pqf_page_index;

/* False: there is none, or it contradicts itself, the chunk or the row group, or cannot be read. Lists
 * live in the arena. */
bool pqf_offset_index_read(const pqf_metadata *metadata, int64_t row_group,
                           const pqf_chunk *chunk, pqf_source *source, pqf_arena *arena,
                           pqf_page_index *out);
/* With the column index, where there is one that can be used (has_columns). */
bool pqf_page_index_read(const pqf_metadata *metadata, int64_t row_group,
                         const pqf_chunk *chunk, pqf_source *source, pqf_arena *arena,
                         pqf_page_index *out);
/* num_rows for page num_pages. */
int64_t pqf_page_index_first_row(const pqf_page_index *index, int32_t page);
/* The page that a row begins in. */
int32_t pqf_page_index_find(const pqf_page_index *index, int64_t row);
/* As pqf_bounds_of_chunk, of a page of an index with has_columns; of columns with lists num_values is
 * unknown and -1. */
void pqf_bounds_of_page(const pqf_metadata *metadata, const pqf_leaf *leaf,
                        const pqf_page_index *index, int32_t page, pqf_bounds *out);

typedef struct pqf_bloom_filter {
    pqf_source *source; /* borrowed */
    int64_t offset;     /* of the bitset */
    int32_t num_bytes;
    int64_t total_bytes; /* with the header */
} pqf_bloom_filter;

/* False: there is none, or none that can be used. */
bool pqf_bloom_filter_open(const pqf_metadata *metadata, const pqf_chunk *chunk,
                           pqf_source *source, pqf_bloom_filter *out);
/* False only when the value (PLAIN bytes without length) is not in the chunk. Reads a block. */
bool pqf_bloom_filter_may_have(const pqf_bloom_filter *filter, pqf_bytes plain);

/* Bytes of a value in PLAIN; 0 for BYTE_ARRAY and BOOLEAN. */
int32_t pqf_leaf_width(const pqf_leaf *leaf);
/* Compares two PLAIN values in the leaf's order: < 0, 0, > 0. */
int pqf_order_compare(const pqf_leaf *leaf, pqf_bytes a, pqf_bytes b);

#endif
