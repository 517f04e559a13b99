/* SPDX-License-Identifier: Apache-2.0
 *
 * shred.h (room column, inner): a top-level Arrow column becomes steps of one leaf. A step is a
 * few thousand level entries of whole rows: repetition and definition levels (README.md, Nested
 * Encoding) and the leaf's dense Parquet values, nulls taken out.
 *
 *   pqf_view ─ route (one node per field down to the leaf) ─ walk down: levels, slots of values
 *            ─ take: dense Arrow values ─ convert ─► pqf_step
 *
 * A step lives in the buffers of pqf_scratch or points into the Arrow data; it holds until the next
 * one. How rows are cut into steps has no meaning: nothing may be decided by it.
 */
#ifndef PQF_COLUMN_SHRED_H
#define PQF_COLUMN_SHRED_H

#include "column.h"

/* Depth of a schema that has passed pqf_schema_check. */
#define PQF_MAX_DEPTH 64

typedef enum pqf_value_kind {
    PQF_VALUES_NONE,   /* every entry is null */
    PQF_VALUES_BITS,   /* a bitmap, the first value at bit_at */
    PQF_VALUES_FIXED,  /* Parquet's bytes back to back */
    PQF_VALUES_SLICES, /* pqf_slice each */
    PQF_VALUES_CODES,  /* uint32 each: slots of the Arrow dictionary, none of them null */
} pqf_value_kind;

typedef struct pqf_step {
    int64_t num_rows;
    int64_t num_levels;
    const uint8_t *reps; /* NULL: max_rep is 0 */
    const uint8_t *defs; /* NULL: max_def is 0, or 1 without lists */
    /* defs NULL: bits from validity_at are the definition levels; NULL: all 1 */
    const uint8_t *validity;
    int64_t validity_at;
    int64_t num_values;
    pqf_value_kind kind;
    const void *values;
    int64_t bit_at;
} pqf_step;

typedef struct pqf_route_node {
    const pqf_field *field;
    const pqf_view *view;
} pqf_route_node;

/* Slots start .. start + len - 1 of an array, its own offset not counted. */
typedef struct pqf_slots {
    int64_t start;
    int64_t len;
} pqf_slots;

/* Buffers of pqf_scratch, by use. */
enum {
    PQF_SHRED_REPS, /* two, used in turn */
    PQF_SHRED_REPS_NEXT,
    PQF_SHRED_DEFS,
    PQF_SHRED_DEFS_NEXT,
    PQF_SHRED_SLOTS,
    PQF_SHRED_SLOTS_NEXT,
    PQF_SHRED_BITS,      /* validity of slots side by side, or the mask of values */
    PQF_SHRED_MASK,      /* over level entries */
    PQF_SHRED_SPREAD,    /* bits over level entries */
    PQF_SHRED_DENSE,     /* Arrow values, or slices */
    PQF_SHRED_CONVERTED, /* Parquet values */
    PQF_SHRED_TAIL,      /* the end of an array, copied */
    PQF_SHRED_MAP,       /* of the slots of a dictionary, see chunk_writer.h */
};

typedef struct pqf_shred {
    const pqf_kernels *kernel;
    pqf_buf *bufs; /* of the scratch */
    const pqf_field *leaf_field;
    pqf_route_node route[PQF_MAX_DEPTH];
    int32_t num_nodes;
    const pqf_view *leaf_view;
    bool flat; /* max_rep 0 and max_def 0 or 1: levels are a bitmap */
    int64_t next_row;
    int64_t rows_left;
    int64_t step_rows; /* guess for about PQF_STEP_LEVELS entries */

    /* the walk of the current step */
    int64_t num_levels;
    uint8_t *reps; /* NULL: no list so far */
    uint8_t *defs;
    uint8_t slot_def;  /* entries own a slot of the current field where def >= slot_def */
    uint8_t open_def;  /* and nothing above it is null where def == open_def */
    int64_t num_slots; /* of all ranges */
    pqf_buf *ranges;   /* pqf_slots in order */
    /* the mask of values over the slots of the leaf; NULL: every slot has one */
    const uint8_t *mask;
    int64_t mask_at;
} pqf_shred;

#define PQF_STEP_LEVELS 4096

/* Prepares rows [start, start + num_rows) of `column` for the leaf under leaf_field.
 * PQF_INVALID when the shape of the data is not that of the schema. */
pqf_status pqf_shred_init(pqf_shred *s, const pqf_kernels *kernel,
                          const pqf_field *leaf_field, const pqf_view *column,
                          int64_t start, int64_t num_rows, pqf_scratch *scratch,
                          pqf_error *err);
/* The next step, at least one row; call while rows_left > 0. */
pqf_status pqf_shred_next(pqf_shred *s, pqf_step *out, pqf_error *err);
/* Values of codes of a step, as PQF_VALUES_FIXED or PQF_VALUES_SLICES; holds until the next
 * call for this shred. */
pqf_status pqf_shred_resolve(pqf_shred *s, const uint32_t *codes, int64_t n,
                             const void **values, pqf_error *err);

/* Bytes of the string in a slot of the Arrow dictionary; of the longest one. */
uint32_t pqf_shred_code_len(const pqf_shred *s, uint32_t code);
uint32_t pqf_shred_max_code_len(const pqf_shred *s);

/* shred_values.c: fills the values of a step from the slots and the mask of the walk. */
pqf_status pqf_take_values(pqf_shred *s, pqf_step *out, pqf_error *err);
/* Whether the leaf's array can be what the schema says. */
pqf_status pqf_take_check(const pqf_shred *s, pqf_error *err);
/* convert_write.c: n Arrow values to Parquet values, dense on both sides; PQF_SHRED_CONVERTED
 * holds them. *values stays where nothing changes. */
pqf_status pqf_convert_write(pqf_shred *s, const void **values, int64_t n,
                             pqf_error *err);

/* dict_read.c: bytes of a value of the leaf in Parquet, 0 for BOOLEAN and BYTE_ARRAY. */
int32_t pqf_leaf_width(const pqf_leaf *leaf);

/* The dictionary slot that slot i names; not for null slots, whose index may be anything. */
static inline int64_t pqf_view_index(const pqf_view *view, int64_t i) {
    const uint8_t *p =
        (const uint8_t *)view->values + (view->offset + i) * view->type.byte_width;
    switch (view->type.byte_width) {
    case 1: return *p;
    case 2: return pqf_load_u16(p);
    case 4: return pqf_load_u32(p);
    default: return (int64_t)pqf_load_u64(p);
    }
}

/* Kernels may read PQF_SLACK bytes behind what they are given, but arrays of strangers end
 * where they end. True when so many bytes of the same bitmap follow the byte of its last bit
 * before end_bit. */
static inline bool pqf_bits_have_slack(const pqf_view *view, int64_t end_bit) {
    return pqf_bits_bytes(view->offset + view->length) - pqf_bits_bytes(end_bit) >=
           PQF_SLACK;
}
/* Copies n bits reading no byte behind them; up to 9 bytes from bit `to` on are written per 64. */
static inline void pqf_bits_copy_exact(const uint8_t *in, int64_t at, int64_t n,
                                       uint8_t *out, int64_t to) {
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word = pqf_bits_load(in, at + i, (int)pqf_min_i64(64, n - i));
        uint8_t *p = out + ((to + i) >> 3);
        unsigned shift = (unsigned)(to + i) & 7;
        uint64_t before = *p & ((1u << shift) - 1);
        pqf_store_u64(p, before | word << shift);
        p[8] = (uint8_t)(shift ? word >> (64 - shift) : 0);
    }
}

/* Room for `bytes` in a scratch buffer whose contents are not needed. */
static inline pqf_status pqf_shred_room(pqf_buf *buf, size_t bytes, pqf_error *err) {
    buf->len = 0;
    return pqf_buf_reserve(buf, bytes, err);
}

#endif
