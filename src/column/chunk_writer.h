/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_writer.h (room column, inner): the state of a chunk that is being written, shared by
 * chunk_writer.c (rows to pages) and chunk_meta.c (what the footer says about them).
 */
#ifndef PQF_COLUMN_CHUNK_WRITER_H
#define PQF_COLUMN_CHUNK_WRITER_H

#include "bloom.h"
#include "chunk_index.h"
#include "page_write.h"
#include "shred.h"

/* How the values of the open page are held, see chunk_pages.c. */
typedef enum pqf_value_mode {
    PQF_MODE_FIRST, /* as PLAIN bytes, to become codes; so do the pages that wait */
    PQF_MODE_PLAIN, /* as PLAIN bytes */
    PQF_MODE_TRYING, /* as codes; pages wait until it is known whether the dictionary pays */
    PQF_MODE_DICTIONARY, /* as codes; the dictionary is kept */
} pqf_value_mode;

/* A page between its first row and its seal. */
typedef struct pqf_open_page {
    int64_t num_rows;
    int64_t num_levels;
    int64_t num_values;
    int64_t level_at;    /* first entry in reps and defs */
    int64_t code_at;     /* first code in codes */
    int64_t value_at;    /* first byte of pqf_chunk_values, where it is held as PLAIN */
    int64_t plain_bytes; /* what its values take in PLAIN */
} pqf_open_page;

struct pqf_chunk_writer {
    pqf_mem *mem;
    const pqf_field *field;
    const pqf_leaf *leaf;
    pqf_chunk_write_options options;
    pqf_layout layout;
    int32_t width; /* of FIXED */
    bool flat;     /* definition levels are bits */
    bool wants_dictionary;
    bool begun; /* there is a chunk that finish has not closed */
    bool ended; /* all of its pages are cut */

    /* the open page and those that wait */
    pqf_value_mode mode;
    pqf_dict_builder *dictionary; /* NULL: none at the moment */
    bool
        sourced; /* it begins with the values of the dictionary that came with the rows */
    pqf_buf used; /* sourced: a byte per code, 1: stands in a page */
    pqf_open_page page;
    int64_t check_at;    /* entries of the open page at which it is looked at next */
    int64_t check_bytes; /* or PLAIN bytes, whichever comes first */
    pqf_buf waiting;     /* pqf_open_page each: cut, not sealed */
    pqf_open_page sum;   /* of those that wait and the open one: values and plain_bytes */
    int64_t num_levels;  /* in reps and defs */
    pqf_buf reps;
    pqf_buf defs;  /* bytes, or bits where flat */
    pqf_buf codes; /* uint32 each */
    pqf_buf
        values; /* PLAIN, of the open page and of those that wait in PLAIN; behind head bytes */
    size_t head; /* free bytes in front of the values, for the levels of a page V1 */
    size_t next_head;
    int64_t num_value_bits; /* BOOLEAN */
    pqf_buf *map; /* pqf_slot_code by slot of an Arrow dictionary, within one put */
    int64_t map_max_len; /* PLAIN bytes of its largest value, or more */
    pqf_buf seen;        /* guess.c: bits by hash of the values counted so far */
    int64_t num_seen;    /* bits set */
    int64_t num_counted, counted_bytes; /* of values */

    /* the chunk so far */
    pqf_open_page total; /* levels, values, plain_bytes */
    /* of pages that hold their values themselves; PQF_ENCODING_AUTO: not chosen yet, and pages
     * without values are PLAIN */
    int32_t encoding;
    int32_t num_undecided_pages;
    /* "auto": what PLAIN bytes come down to in the chosen encoding, in PLAIN and in a dictionary page,
     * and codes in theirs, all as parts of 1 and after the codec */
    double share, plain_share, dictionary_share, code_share;
    int32_t num_dictionary_pages; /* data pages by encoding */
    int32_t num_plain_pages;
    pqf_page_sizes sizes;
    pqf_buf data_pages;
    pqf_buf dictionary_page;
    pqf_notes notes;
    pqf_chunk_index index;
    pqf_bloom_builder bloom;
    pqf_buf bloom_filter;
    int64_t num_distinct; /* values of the dictionary that was kept, in some page */

    size_t dictionary_bytes; /* of the dictionary page; 0: none so far */
    bool hands_out;          /* data pages of this chunk have been taken */
    int64_t num_taken_bytes; /* of data pages */
    int64_t value_at;        /* see pqf_chunk_writer_value_at */

    /* held.c */
    bool holds;
    pqf_buf held; /* pqf_held_page * each; those behind num_held keep their memory */
    int64_t num_held;

    /* what meta points at */
    pqf_bytes *path;
    int32_t num_path;
    int32_t encodings[5];
    pqf_page_encoding_stats encoding_stats[4];
    pqf_statistics statistics;
    pqf_size_statistics size_statistics;
};

#define PQF_CHECK_LEVELS 1024 /* entries between check points, fewer of large values */

/* What the slot of an Arrow dictionary has become. */
typedef struct pqf_slot_code {
    uint32_t code1; /* code + 1; 0: not met yet */
    uint32_t len;   /* PLAIN bytes */
} pqf_slot_code;

/* Who is at work. */
typedef struct pqf_chunk_work {
    pqf_scratch *scratch;
    pqf_run *run;
    int worker;
} pqf_chunk_work;

/* ---- chunk_pages.c ---- */

/* Begins a chunk unless there is one. */
void pqf_chunk_begin(pqf_chunk_writer *w);
/* A check point has been reached: cuts the page and judges the dictionary. */
pqf_status pqf_chunk_check(pqf_chunk_writer *w, const pqf_chunk_work *work,
                           pqf_error *err);
/* The values of the open page are codes. */
bool pqf_chunk_has_codes(const pqf_chunk_writer *w);
/* Appends the codes of the first *num_put of n values: fewer where the dictionary must be left. */
pqf_status pqf_chunk_put_codes(pqf_chunk_writer *w, const void *values, int64_t n,
                               int64_t *num_put, pqf_error *err);
/* From here on values are PLAIN, those of the open page too. */
pqf_status pqf_chunk_leave_dictionary(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                      pqf_error *err);
pqf_status pqf_chunk_finish_pages(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                  pqf_error *err);

/* All values that are held as PLAIN. */
static inline uint8_t *pqf_chunk_values(const pqf_chunk_writer *w) {
    return w->values.len ? w->values.data + w->head : w->values.data;
}
/* Those of a page. */
static inline pqf_bytes pqf_chunk_plain_of(const pqf_chunk_writer *w,
                                           const pqf_open_page *page) {
    return (pqf_bytes){pqf_chunk_values(w) + page->value_at, (size_t)page->plain_bytes};
}
/* Before values are appended to w->values. */
pqf_status pqf_chunk_begin_values(pqf_chunk_writer *w, pqf_error *err);
/* The values held as PLAIN become codes of a new dictionary; where it is too large at once the mode is
 * PLAIN then. */
pqf_status pqf_chunk_begin_dictionary(pqf_chunk_writer *w, pqf_scratch *scratch,
                                      pqf_error *err);
/* The dictionary stays, whether it pays or not. */
pqf_status pqf_chunk_keep_dictionary(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                     pqf_error *err);

/* ---- chunk_index.c ---- */

void pqf_chunk_index_init(pqf_chunk_writer *w);
void pqf_chunk_index_reset(pqf_chunk_writer *w);
/* A chunk begins. */
void pqf_chunk_index_clear(pqf_chunk_writer *w);
/* A page is drafted: its values stand in w->values or w->codes. */
pqf_status pqf_chunk_index_page(pqf_chunk_writer *w, const pqf_open_page *page,
                                pqf_error *err);
/* A page is sealed, in the order of the drafts. */
pqf_status pqf_chunk_index_size(pqf_chunk_writer *w, int32_t page_type, size_t num_bytes,
                                pqf_error *err);
/* The dictionary that pages use is complete. */
pqf_status pqf_chunk_index_dictionary(pqf_chunk_writer *w, pqf_error *err);
/* Level histograms of the chunk. */
pqf_status pqf_chunk_index_sizes(pqf_chunk_writer *w, pqf_size_statistics *out,
                                 pqf_error *err);
/* The indexes and the filter; before everything else that lives in the arena of the index. */
pqf_status pqf_chunk_index_finish(pqf_chunk_writer *w, pqf_chunk_out *out,
                                  pqf_error *err);
/* ---- choose_encoding.c ---- */

/* Where the encoding is not chosen yet: chooses by the values of the page, which stand in w->values. */
pqf_status pqf_chunk_choose_encoding(pqf_chunk_writer *w, const pqf_open_page *page,
                                     pqf_scratch *scratch, pqf_error *err);
/* Measures what the codes so far and their dictionary come down to. */
pqf_status pqf_chunk_weigh_codes(pqf_chunk_writer *w, pqf_scratch *scratch,
                                 pqf_error *err);

/* ---- held.c ---- */

/* Seals a page that is cut, or keeps it to be sealed later. */
pqf_status pqf_chunk_put_page(pqf_chunk_writer *w, const pqf_page_draft *draft,
                              pqf_scratch *scratch, pqf_error *err);
void pqf_chunk_free_held(pqf_chunk_writer *w);

/* ---- guess.c ---- */

/* The values that the chunk has, held as PLAIN: about how many different ones. */
pqf_status pqf_chunk_count_distinct(pqf_chunk_writer *w, int64_t *num_distinct,
                                    pqf_error *err);
void pqf_chunk_end_count(pqf_chunk_writer *w);
/* False: a dictionary of them would not pay. */
pqf_status pqf_chunk_may_pay(pqf_chunk_writer *w, bool *may, pqf_error *err);

/* ---- chunk_source.c ---- */

/* A dictionary that came with the rows is what the user asked to keep: so many times the limit. */
#define PQF_SOURCED_LIMITS 16
/* Bytes at which it is full; options are below 2^29. */
static inline int64_t pqf_chunk_source_limit(const pqf_chunk_writer *w) {
    return pqf_min_i64(w->options.dictionary_page_bytes * PQF_SOURCED_LIMITS, INT64_C(1)
                                                                                  << 29);
}

/* Where the field is declared a dictionary and one comes with the rows: its values go into that of
 * the chunk, in their order, before the rows do, and *w->map knows all of its slots. */
pqf_status pqf_chunk_take_source(pqf_chunk_writer *w, pqf_shred *shred,
                                 const pqf_chunk_work *work, pqf_error *err);
/* Codes that go into a page. */
pqf_status pqf_chunk_mark_used(pqf_chunk_writer *w, const uint32_t *codes, int64_t n,
                               pqf_error *err);
static inline bool pqf_chunk_is_used(const pqf_chunk_writer *w, int64_t code) {
    return !w->sourced || ((size_t)code < w->used.len && w->used.data[code]);
}

/* ---- chunk_meta.c ---- */

/* Names from below the root to the leaf, in w->path. */
pqf_status pqf_chunk_path_init(pqf_chunk_writer *w, pqf_error *err);
pqf_status pqf_chunk_meta_fill(pqf_chunk_writer *w, pqf_column_metadata *meta,
                               pqf_error *err);
/* The encoding of pages that hold their values themselves. */
int32_t pqf_chunk_plain_encoding(const pqf_chunk_writer *w);
int32_t pqf_chunk_code_encoding(const pqf_chunk_writer *w);

#endif
