/* SPDX-License-Identifier: Apache-2.0
 *
 * reading.h: inside the room column, the way in. What the steps of a read hand to each other:
 *
 *   page_read.c  pqf_page_ref ─► pqf_page        bytes of levels and values, decompressed
 *   levels.c     pqf_levels ─► pqf_node_out      validity and offsets, 64 levels a step
 *   values.c     pqf_page ─► pqf_leaf_out        dense values, converted, spread over the slots
 *   dict_read.c  a chunk's dictionary page ─► pqf_dict; dict_out.c: dictionaries handed out
 */
#ifndef PQF_COLUMN_READING_H
#define PQF_COLUMN_READING_H

#include "column.h"

/* ---- pages ---- */

/* A page as the walk finds it: header read and checked (every number against the bytes of
 * the chunk), body not touched. */
typedef struct pqf_page_ref {
    pqf_page_header header;
    int64_t file_offset; /* of the header */
    int64_t body_offset; /* of the body, in the file */
    int64_t num_values;  /* level entries; of a dictionary page its values */
    int64_t page; /* number of the data page in its chunk, -1: the dictionary page */
} pqf_page_ref;

/* The page walk: a step of its own, so that pages of one chunk may be decoded in any order. */
typedef struct pqf_page_walk {
    pqf_window window;
    int64_t next_offset; /* of the next header */
    int64_t end_offset;
    bool is_cut;         /* it ends there, though the chunk has more values */
    int64_t values_left; /* level entries that data pages still owe */
    int64_t page;        /* number of the next data page */
    bool seen_dictionary;
} pqf_page_walk;
void pqf_page_walk_init(pqf_page_walk *walk, const pqf_chunk *chunk, pqf_source *source,
                        size_t window_bytes, pqf_mem *mem);
void pqf_page_walk_reset(pqf_page_walk *walk);
/* The next dictionary or data page; *end once the data pages have held all values of the chunk (its
 * bytes may go on). Index pages and unknown types are stepped over. */
pqf_status pqf_page_walk_next(pqf_page_walk *walk, pqf_page_ref *out, bool *end,
                              pqf_error *err);
/* Behind all values of the chunk: PQF_CORRUPT where its bytes go on with a page that has more. */
pqf_status pqf_page_walk_check_end(pqf_page_walk *walk, const pqf_chunk *chunk,
                                   pqf_error *err);

/* A page taken apart. The bytes have PQF_SLACK behind and hold until the walk or the room
 * moves on. */
typedef struct pqf_page {
    int64_t num_values; /* level entries; of a dictionary page its values */
    int64_t
        most_present; /* values that are not null: of BYTE_STREAM_SPLIT as many, else at most */
    int32_t encoding;
    bool in_room;  /* the values stand in the room, not in the window */
    pqf_bytes rep; /* hybrid runs without length; empty where the level is always 0 */
    pqf_bytes def;
    pqf_bytes values;
} pqf_page;

typedef struct pqf_page_context {
    const pqf_chunk *chunk;
    const pqf_kernels *kernel;
    bool skip_checksums;
    pqf_codec_ctx *codec;
    pqf_buf *
        levels; /* room for levels that are turned into hybrid runs; holds as the page does */
} pqf_page_context;

/* Takes a page apart; `room` receives its bytes when they have to be decompressed. */
pqf_status pqf_page_unseal(pqf_page_walk *walk, const pqf_page_ref *ref,
                           const pqf_page_context *context, pqf_buf *room, pqf_page *out,
                           pqf_error *err);
/* The same of a body that is at hand, with PQF_SLACK behind. */
pqf_status pqf_page_unseal_body(const pqf_page_ref *ref, const pqf_page_context *context,
                                pqf_bytes body, pqf_buf *room, pqf_page *out,
                                pqf_error *err);
/* Gives the room at least num_bytes; what was in it is lost. */
pqf_status pqf_page_make_room(pqf_buf *room, size_t num_bytes, pqf_error *err);
/* Verifies the checksum of a page, where it has one, and takes nothing apart. */
pqf_status pqf_page_check(pqf_page_walk *walk, const pqf_page_ref *ref,
                          const pqf_page_context *context, pqf_error *err);
/* True for a data page that holds `num_bytes` bytes of PLAIN values and nothing else. */
bool pqf_page_is_plain(const pqf_page_ref *ref, const pqf_leaf *leaf, int64_t num_bytes);
/* Of such a page: its bytes to `out`, which has room for them and PQF_SLACK. */
pqf_status pqf_page_unseal_plain(pqf_page_walk *walk, const pqf_page_ref *ref,
                                 const pqf_page_context *context, uint8_t *out,
                                 pqf_error *err);

/* early_page.c: a page with memory of its own. */
struct pqf_early_page {
    pqf_page_ref ref;
    pqf_page page;
    pqf_buf body; /* as it is stored, unless the source shows it */
    pqf_buf room;
    pqf_buf levels;
};

/* Values that pass through a block at a time. */
#define PQF_VALUE_BLOCK 1024

/* ---- levels ---- */

/* Levels that are decoded at a time: what a block needs stays in L1. */
#define PQF_LEVEL_BLOCK 2048

/* A stretch of level pairs. Where an array is NULL all levels are the value beside it. With
 * an array n is at most PQF_LEVEL_BLOCK. */
typedef struct pqf_levels {
    int64_t n;
    const uint8_t *rep;
    const uint8_t *def;
    uint8_t rep_value;
    uint8_t def_value;
    uint8_t prev_def; /* of the pair before the stretch */
} pqf_levels;

/* Appends the slots of a stretch to all nodes of `out`. */
pqf_status pqf_levels_append(const pqf_kernels *kernel, const pqf_levels *levels,
                             int max_rep, pqf_leaf_out *out, pqf_error *err);
/* Appends n slots that are all valid or all null. */
pqf_status pqf_node_append_same(const pqf_kernels *kernel, pqf_node_out *node, int64_t n,
                                bool valid, pqf_error *err);
/* Gives the node a validity bitmap (its slots so far are valid) with room for n more slots. */
pqf_status pqf_node_make_validity(const pqf_kernels *kernel, pqf_node_out *node,
                                  int64_t n, pqf_error *err);

/* ---- dictionaries ---- */

/* The dictionary of a chunk, in the values that are handed out. */
typedef struct pqf_chunk_dict {
    pqf_dict dict;
    bool loaded;
    pqf_buf bytes;  /* FIXED: values; BINARY: the page */
    pqf_buf starts; /* BINARY */
    pqf_buf lens;
    /* dictionary outputs: code of this dictionary -> code of map_of; PQF_CODE_UNKNOWN: not yet put.
     * In force while map_of and its map_from name each other. */
    pqf_buf map;
    const struct pqf_dict_out *map_of;
    bool is_identity;
    bool has_bad_text; /* strings that are not UTF-8, where they are looked at */
} pqf_chunk_dict;

#define PQF_CODE_UNKNOWN UINT32_MAX

void pqf_chunk_dict_init(pqf_chunk_dict *d, pqf_mem *mem);
void pqf_chunk_dict_reset(pqf_chunk_dict *d);
/* Reads the chunk's dictionary page. */
pqf_status pqf_chunk_dict_load(pqf_chunk_dict *d, pqf_page_walk *walk,
                               const pqf_page_ref *ref, const pqf_page_context *context,
                               const pqf_field *leaf_field, bool check_text,
                               const pqf_kernels *kernel, pqf_error *err);

/* The dictionary that goes out with a leaf. */
typedef struct pqf_dict_out {
    pqf_dict_builder *builder;
    const pqf_chunk_dict *map_from;
    int64_t
        whole_bytes; /* dictionaries of so many bytes go in whole, however few the rows */
} pqf_dict_out;

pqf_status pqf_dict_out_new(const pqf_field *leaf_field, pqf_mem *mem, pqf_dict_out **out,
                            pqf_error *err);
void pqf_dict_out_free(pqf_dict_out *d, pqf_mem *mem);
/* Codes of the chunk's dictionary become codes of `out`, in place. num_rows: of this read,
 * INT64_MAX: the chunk's. */
pqf_status pqf_dict_out_map(pqf_dict_out *out, pqf_chunk_dict *dict,
                            const pqf_kernels *kernel, int64_t num_rows, uint32_t *codes,
                            int64_t n, pqf_error *err);
/* The dictionary of a chunk goes in, where it goes in whole, though no page has a code of it. */
pqf_status pqf_dict_out_hold(pqf_dict_out *out, pqf_chunk_dict *dict, int64_t num_rows,
                             pqf_error *err);
/* Values that stand in a page themselves, with widths of Arrow: their codes. */
pqf_status pqf_dict_out_put_fixed(pqf_dict_out *out, const uint8_t *values, int64_t n,
                                  uint32_t *codes, pqf_error *err);
/* n (at most PQF_VALUE_BLOCK) values, value i ends at ends[i]. */
pqf_status pqf_dict_out_put_binary(pqf_dict_out *out, const uint8_t *bytes,
                                   const int32_t *ends, int64_t n, uint32_t *codes,
                                   pqf_error *err);

/* ---- strings that must be UTF-8 ---- */

/* Of n values, the first of which begins at `start` and value i of which ends at ends[i], the first
 * that is not UTF-8; -1: none. plain: the same values with their lengths, in one piece, where they are
 * at hand. */
int64_t pqf_text_find_bad(const pqf_kernels *kernel, pqf_bytes plain,
                          const uint8_t *bytes, int64_t start, const int32_t *ends,
                          int64_t n);
/* The first of n values of a dictionary that is not; -1: none. */
int64_t pqf_text_find_bad_code(const pqf_kernels *kernel, const pqf_dict *dict,
                               const uint32_t *codes, int64_t n);
/* All values of a BINARY dictionary over the PLAIN bytes of its page. */
bool pqf_dict_is_text(const pqf_dict *dict, const pqf_kernels *kernel, pqf_bytes page);
/* PQF_CORRUPT; `where` goes before the message. */
pqf_status pqf_text_fail(const char *where, pqf_bytes value, pqf_error *err);
pqf_status pqf_dict_fail_text(const pqf_dict *dict, const pqf_kernels *kernel,
                              pqf_error *err);

/* ---- values ---- */

pqf_layout pqf_leaf_layout_of(const pqf_leaf *leaf);

/* n values of the leaf's Parquet layout to what Arrow holds. FIXED: `in` to `out`, which may be the
 * same address where the width stays. */
pqf_status pqf_convert_fixed(const pqf_field *leaf_field, const pqf_kernels *kernel,
                             const uint8_t *in, int64_t n, uint8_t *out, pqf_error *err);
/* PQF_CONVERT_BYTES_TO_DECIMAL, to a decimal of `width` bytes. */
pqf_status pqf_convert_decimal(pqf_bytes in, int32_t width, uint8_t *out, pqf_error *err);

/* The values of the page that is being read. */
typedef struct pqf_value_reader {
    const pqf_kernels *kernel;
    const pqf_field *leaf_field;
    pqf_chunk_dict *dict;
    pqf_page page;
    bool begun; /* the decoder has taken up the page: only when a value is wanted */
    pqf_decoder decoder;
    pqf_buf kept;     /* the decoder's, between calls */
    int64_t num_rows; /* of this read */
    bool check_text;  /* strings must be UTF-8 */
    bool found_bad;   /* one is not: the values of the page before it, and its bytes */
    int64_t bad_at;
    pqf_bytes bad_value;
} pqf_value_reader;

/* Fills the last num_slots slots of the leaf, which the levels have appended, with the next
 * num_values values of the page. */
pqf_status pqf_values_append(pqf_value_reader *v, pqf_leaf_out *out, int64_t num_slots,
                             int64_t num_values, pqf_scratch *scratch, pqf_error *err);
pqf_status pqf_values_skip(pqf_value_reader *v, int64_t num_values, pqf_error *err);
/* Makes room for num_slots more slots. Values that were lent are copied: others will follow them. */
pqf_status pqf_values_reserve(pqf_leaf_out *out, int64_t num_slots, pqf_error *err);

/* Drops what was lent. */
void pqf_leaf_out_give_back(pqf_leaf_out *out);

static inline pqf_node_out *pqf_leaf_node(const pqf_leaf_out *out) {
    return &out->nodes[out->num_nodes - 1];
}

#endif
