/* SPDX-License-Identifier: Apache-2.0
 *
 * arrow.h: door of the room arrow. Arrow C Data Interface structs: what their types mean,
 * building them, looking at those that others made, and conforming a batch to a declared
 * schema.
 *
 * Rules of the specification followed: Arrow Columnar Format, Arrow C Data Interface.
 * Nothing here knows Parquet.
 */
#ifndef PQF_ARROW_ARROW_H
#define PQF_ARROW_ARROW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/shared.h"
#include "base/thread.h"

/* ---- types ---- */

/* One row per Arrow type: id, format string or its prefix, text stem. The full table with
 * layout and parser stands in type.c. */
typedef enum pqf_type_id {
    PQF_TYPE_NULL = 1,
    PQF_TYPE_BOOL,
    PQF_TYPE_INT8,
    PQF_TYPE_UINT8,
    PQF_TYPE_INT16,
    PQF_TYPE_UINT16,
    PQF_TYPE_INT32,
    PQF_TYPE_UINT32,
    PQF_TYPE_INT64,
    PQF_TYPE_UINT64,
    PQF_TYPE_HALF,
    PQF_TYPE_FLOAT,
    PQF_TYPE_DOUBLE,
    PQF_TYPE_BINARY,
    PQF_TYPE_LARGE_BINARY,
    PQF_TYPE_BINARY_VIEW,
    PQF_TYPE_STRING,
    PQF_TYPE_LARGE_STRING,
    PQF_TYPE_STRING_VIEW,
    PQF_TYPE_FIXED_BINARY, /* width: bytes */
    PQF_TYPE_DECIMAL32,    /* precision, scale */
    PQF_TYPE_DECIMAL64,
    PQF_TYPE_DECIMAL128,
    PQF_TYPE_DECIMAL256,
    PQF_TYPE_DATE32,
    PQF_TYPE_DATE64,
    PQF_TYPE_TIME32, /* unit */
    PQF_TYPE_TIME64,
    PQF_TYPE_TIMESTAMP, /* unit, zone */
    PQF_TYPE_DURATION,
    PQF_TYPE_INTERVAL_MONTHS,
    PQF_TYPE_INTERVAL_DAY_TIME,
    PQF_TYPE_INTERVAL_MONTH_DAY_NANO,
    PQF_TYPE_LIST,
    PQF_TYPE_LARGE_LIST,
    PQF_TYPE_LIST_VIEW,
    PQF_TYPE_LARGE_LIST_VIEW,
    PQF_TYPE_FIXED_LIST, /* width: items per list */
    PQF_TYPE_STRUCT,
    PQF_TYPE_MAP,
    PQF_TYPE_SPARSE_UNION,
    PQF_TYPE_DENSE_UNION,
    PQF_TYPE_RUN_END,
} pqf_type_id;

typedef enum pqf_unit {
    PQF_SECOND = 0,
    PQF_MILLI = 1,
    PQF_MICRO = 2,
    PQF_NANO = 3
} pqf_unit;
int64_t pqf_unit_per_second(pqf_unit unit); /* 1, 1000, 1000000, 1000000000 */

/* How the values of a type lie in memory. */
typedef enum pqf_shape {
    PQF_SHAPE_NONE,         /* null, struct, run-end: no value buffer */
    PQF_SHAPE_BITS,         /* bool */
    PQF_SHAPE_FIXED,        /* byte_width bytes each */
    PQF_SHAPE_BINARY,       /* int32 offsets, bytes */
    PQF_SHAPE_LARGE_BINARY, /* int64 offsets, bytes */
    PQF_SHAPE_VIEW,         /* 16-byte views, variadic buffers */
    PQF_SHAPE_LIST,         /* int32 offsets, one child (map too) */
    PQF_SHAPE_LARGE_LIST,
    PQF_SHAPE_LIST_VIEW,
    PQF_SHAPE_LARGE_LIST_VIEW,
    PQF_SHAPE_FIXED_LIST,
    PQF_SHAPE_UNION,
} pqf_shape;

typedef struct pqf_type {
    pqf_type_id id;
    pqf_shape shape;
    int32_t byte_width; /* of PQF_SHAPE_FIXED */
    int32_t width;      /* FIXED_BINARY: bytes; FIXED_LIST: items */
    int32_t precision;
    int32_t scale;
    pqf_unit unit;
    const char *zone; /* points into the format string; "" without zone */
} pqf_type;

/* Parses the format string of a schema (of its storage: extension types are their
 * storage, the value type of a dictionary is in schema->dictionary). */
pqf_status pqf_type_parse(const char *format, pqf_type *out, pqf_error *err);
/* "timestamp[us, tz=UTC]", "list<item: int64>", "dictionary<int32, string>": pyarrow's
 * words. Cut to text_bytes. */
void pqf_type_text(const struct ArrowSchema *schema, char *text, size_t text_bytes);
/* Writes the format string ("tsu:UTC") of a type without children; at least 32 +
 * strlen(zone) bytes. */
void pqf_type_format(const pqf_type *type, char *format, size_t format_bytes);

/* ---- schemas ---- */

/* An owned schema: children and strings are copied. All fail with PQF_NOMEM alone. */
pqf_status pqf_schema_init(struct ArrowSchema *out, const char *format, const char *name,
                           int64_t flags, int64_t num_children, pqf_error *err);
pqf_status pqf_schema_copy(const struct ArrowSchema *in, struct ArrowSchema *out,
                           pqf_error *err);
pqf_status pqf_schema_set_name(struct ArrowSchema *schema, const char *name,
                               pqf_error *err);
pqf_status pqf_schema_set_format(struct ArrowSchema *schema, const char *format,
                                 pqf_error *err);
/* metadata in the C Data Interface's binary form, NULL to remove it. */
pqf_status pqf_schema_set_metadata(struct ArrowSchema *schema, const char *metadata,
                                   pqf_error *err);
/* Gives `schema` an (empty, zeroed) dictionary schema to be filled with
 * pqf_schema_init. */
pqf_status pqf_schema_add_dictionary(struct ArrowSchema *schema, pqf_error *err);
void pqf_schema_release(struct ArrowSchema *schema); /* zeroed or released is fine */
void pqf_array_release(struct ArrowArray *array);
/* A schema as handed in by a stranger is checked once: children present, depth at most
 * 64, formats known, child counts right for the type. */
pqf_status pqf_schema_check(const struct ArrowSchema *schema, pqf_error *err);
/* Equal types, and equal nullability of all fields below the two. Names of list items and
 * map entries, and metadata, make no difference. */
bool pqf_schema_same_type(const struct ArrowSchema *a, const struct ArrowSchema *b);

/* ---- schemas that differ ---- */

/* Data of the field `found` may be handed out as `declared` as it is: equal types all the way down,
 * required data in nullable fields. Names of list items and map entries make no difference. */
bool pqf_schema_fits(const struct ArrowSchema *declared, const struct ArrowSchema *found);

/* How pqf_schema_unify combines, beyond pqf_unify: `a` is what a user has declared. */
typedef enum pqf_unify_rule {
    PQF_RULE_STRICT = PQF_UNIFY_STRICT, /* the same columns, in any order */
    PQF_RULE_ADD = PQF_UNIFY_ADD, /* columns of either; those that one lacks nullable */
    PQF_RULE_WIDEN = PQF_UNIFY_WIDEN, /* and types that hold the values of both */
    PQF_RULE_DECLARED, /* the result is a: b may lack nullable fields of it, have more, and have
                          types that a's hold */
} pqf_unify_rule;

/* The schema of data of `a` and of `b`, both structs that have passed pqf_schema_check: columns in
 * the order of their first appearance, metadata a's. PQF_SCHEMA where the rule does not allow it:
 * the message lists what differs and nothing else, "  s.x: string here, int64 there" line by line
 * with the text `there` ("in the dataset"), and names the rule that would do. out may be NULL. */
pqf_status pqf_schema_unify(const struct ArrowSchema *a, const struct ArrowSchema *b,
                            pqf_unify_rule rule, const char *there,
                            struct ArrowSchema *out, pqf_error *err);

/* Key-value metadata in the C Data Interface's binary form. */
/* Number of pairs: 0 for NULL, -1 when a negative count or length stands in it. */
int64_t pqf_kv_count(const char *metadata);
/* Entry i (0-based, in order, duplicates kept). */
bool pqf_kv_at(const char *metadata, int64_t i, pqf_bytes *key, pqf_bytes *value);
bool pqf_kv_find(const char *metadata, const char *key, pqf_bytes *value);
/* Appends to a list under construction: begin with an empty buf; the result is
 * buf->data. */
pqf_status pqf_kv_put(pqf_buf *metadata, pqf_bytes key, pqf_bytes value, pqf_error *err);

/* ---- parts of a schema: the columns that are wanted ---- */

/* What is wanted of a field: all of it, or some of the fields below. Items of lists have no
 * choice of their own: that of a list is about its items. The fields of a map are called
 * "key" and "value"; both are always handed out, whole where there is no choice of it. */
typedef struct pqf_choice {
    const char *name;
    int64_t index; /* among its siblings in the schema that was looked at */
    bool is_whole;
    struct pqf_choice *children; /* as asked for */
    struct pqf_choice *next;     /* sibling */
} pqf_choice;

typedef struct pqf_choices {
    const struct ArrowSchema *schema; /* borrowed */
    pqf_arena *arena;
    pqf_choice *first; /* columns, as asked for */
    pqf_choice *last;
    int64_t num_columns;
    pqf_choice **of_column;
    struct pqf_named *sorted; /* columns by name */
} pqf_choices;

/* Columns of `schema` (a struct), which must outlive the choices. */
pqf_status pqf_choices_init(pqf_choices *choices, const struct ArrowSchema *schema,
                            pqf_arena *arena, pqf_error *err);
/* Adds what a path leads to. Unknown and ambiguous paths are PQF_SCHEMA, with the nearest names;
 * `once`: a path that was added before is PQF_INVALID. */
pqf_status pqf_choices_add(pqf_choices *choices, const pqf_column_path *path, bool once,
                           pqf_error *err);
/* The choice of a child, NULL: it is not wanted. */
const pqf_choice *pqf_choice_child(const pqf_choice *choice, const char *name);
/* A copy with the wanted fields alone, in the schema's order. choice NULL: all. */
pqf_status pqf_schema_choose(const struct ArrowSchema *in, const pqf_choice *choice,
                             struct ArrowSchema *out, pqf_error *err);

/* ---- arrays that leave the library ---- */

/* Builds an array that owns its buffers and children. Buffers are moved in from pqf_bufs
 * of `mem` (which is retained until release). */
pqf_status pqf_array_init(struct ArrowArray *out, pqf_mem *mem, int64_t length,
                          int64_t null_count, int64_t num_buffers, int64_t num_children,
                          pqf_error *err);
/* Moves `buf` in as buffer i; buf is empty afterwards. One without data leaves buffer 0
 * NULL, which means no nulls, and makes any other point at zeros. */
void pqf_array_take_buffer(struct ArrowArray *array, int64_t i, pqf_buf *buf);
/* Points buffer i at bytes that live as long as `lender` does, and have no PQF_SLACK; the caller's
 * reference moves in. One buffer of an array. */
void pqf_array_lend_buffer(struct ArrowArray *array, int64_t i, const uint8_t *bytes,
                           pqf_shared *lender);
/* Moves `child` in as child i (or as the dictionary with i == -1). */
pqf_status pqf_array_take_child(struct ArrowArray *array, int64_t i,
                                struct ArrowArray *child, pqf_error *err);
/* An array of `length` nulls of any type. */
pqf_status pqf_array_nulls(const struct ArrowSchema *schema, int64_t length, pqf_mem *mem,
                           struct ArrowArray *out, pqf_error *err);

/* ---- arrays that others made ---- */

/* A checked look at an array of a known type: offsets applied on access, never written
 * to. */
typedef struct pqf_view {
    pqf_type type;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t length;
    int64_t offset;          /* elements, to be added to every index below */
    int64_t null_count;      /* exact, counted where the array says -1 */
    const uint8_t *validity; /* NULL: no nulls */
    const void *values;      /* FIXED, BITS: values; BINARY, LIST: offsets; VIEW: views */
    const void *sizes;       /* LIST_VIEW: sizes */
    const uint8_t *bytes;    /* BINARY: data */
    const void *const *variadic; /* VIEW: data buffers */
    int64_t num_variadic;
    const int64_t *variadic_bytes;
    int64_t num_children;
    /* Whole child arrays with their own offset, not cut to the parent's range. */
    struct pqf_view *children;
    /* NULL unless dictionary-encoded; then `type` is the index type. */
    struct pqf_view *dictionary;
} pqf_view;

/* Checks `array` against `schema`, which has passed pqf_schema_check, and fills `out`,
 * whose children live in `arena`: buffer counts, child counts and lengths, offsets
 * ascending and within the child, dictionary indexes, list views and views in range (of
 * valid slots), run ends. Empty arrays look at zeros from offset 0, whatever their
 * buffers. Fails with PQF_INVALID. `deep` false leaves out the passes over values (arrays
 * of our own). */
pqf_status pqf_view_init(pqf_view *out, const struct ArrowSchema *schema,
                         const struct ArrowArray *array, bool deep, pqf_arena *arena,
                         pqf_error *err);

static inline bool pqf_view_is_valid(const pqf_view *v, int64_t i) {
    int64_t at = v->offset + i;
    return !v->validity || ((v->validity[at >> 3] >> (at & 7)) & 1);
}
/* Value i of any BINARY, LARGE_BINARY, VIEW or FIXED shape, dictionaries resolved. */
pqf_bytes pqf_view_bytes(const pqf_view *v, int64_t i);
/* Slot i as text for messages, at most 80 characters and text_bytes; "null" for null. */
void pqf_view_text(const pqf_view *v, int64_t i, char *text, size_t text_bytes);
/* Bytes of Arrow data that `length` rows from `start` hold, children included (an
 * estimate for row_group_bytes that does not depend on how rows are split into
 * batches). */
int64_t pqf_view_data_bytes(const pqf_view *v, int64_t start, int64_t length);

double pqf_half_to_double(uint16_t half);
/* Rounds to nearest even. */
uint16_t pqf_double_to_half(double v);

/* ---- taking rows: for partitions and padded lists ---- */

/* A new array with rows indexes[0..n); index -1 gives a null slot. Any type but
 * unions. */
pqf_status pqf_array_gather(const pqf_view *view, const int64_t *indexes, int64_t n,
                            pqf_mem *mem, struct ArrowArray *out, pqf_error *err);

/* Run-end encodes an array without children, in an array that shares nothing with it. run_format: of
 * the run ends, "s", "i" or "l"; PQF_LIMIT where they do not reach. */
pqf_status pqf_array_find_runs(const pqf_view *values, const char *run_format,
                               pqf_mem *mem, struct ArrowArray *out, pqf_error *err);

/* ---- arrays of files that differ ---- */

/* The rows of n (1 and up) arrays of one type, one after the other, in an array that shares nothing
 * with them. Different dictionaries become one with every value once. PQF_LIMIT where 32-bit offsets
 * or a dictionary's index type do not reach. Any type but unions. */
pqf_status pqf_array_concat(const pqf_view *pieces, int64_t n, pqf_mem *mem,
                            struct ArrowArray *out, pqf_error *err);
/* An array as one of type `to`, which holds every value of its own (see pqf_schema_unify: the result
 * or the declared side), in an array that shares nothing with it: fields of structs by name, missing
 * ones null. PQF_SCHEMA for a time that its finer unit cannot count. */
pqf_status pqf_array_widen(const pqf_view *from, const struct ArrowSchema *to,
                           pqf_mem *mem, struct ArrowArray *out, pqf_error *err);
/* ---- rows that wait: many arrays as one, and arrays as bytes ---- */

typedef struct pqf_collector pqf_collector;

/* Collects rows of arrays of `schema` in any of the forms that conforming gives. The result has
 * pqf_collector_schema: dictionaries are arrays of their values, and offsets, but those of maps,
 * have 64 bits. Its parts are copies. A put that fails leaves it of no use but to free. */
pqf_status pqf_collector_new(const struct ArrowSchema *schema, pqf_mem *mem,
                             pqf_collector **out, pqf_error *err);
void pqf_collector_free(pqf_collector *collector);
const struct ArrowSchema *pqf_collector_schema(const pqf_collector *collector);
pqf_status pqf_collector_put(pqf_collector *collector, const pqf_view *rows,
                             int64_t start, int64_t num_rows, pqf_error *err);
int64_t pqf_collector_num_rows(const pqf_collector *collector);
int64_t pqf_collector_num_bytes(const pqf_collector *collector);
/* Moves the rows out; it is empty afterwards, success or not. */
pqf_status pqf_collector_take(pqf_collector *collector, struct ArrowArray *out,
                              pqf_error *err);

/* Appends an array of such a schema (of pqf_collector_take, or gathered from it) as bytes. */
pqf_status pqf_array_pack(const struct ArrowSchema *schema,
                          const struct ArrowArray *array, pqf_buf *out, pqf_error *err);
/* The array of such bytes, which it points into: 8-byte aligned, borrowed as the arena's structs
 * are; nothing is to be released. Lengths are checked, contents are not: PQF_CORRUPT. */
pqf_status pqf_array_unpack(const struct ArrowSchema *schema, pqf_bytes bytes,
                            pqf_arena *arena, struct ArrowArray *out, pqf_error *err);

/* ---- conforming ---- */

typedef struct pqf_conform pqf_conform;

/* Prepares to conform batches to `schema` (a struct; copied). Duplicate column names in
 * it fail with PQF_INVALID. options may be NULL. */
pqf_status pqf_conform_new(const struct ArrowSchema *schema,
                           const pqf_conform_options *options, pqf_mem *mem,
                           pqf_conform **out, pqf_error *err);
void pqf_conform_free(pqf_conform *conform);
const struct ArrowSchema *pqf_conform_declared(const pqf_conform *conform);

/* One batch is conformed in three steps, with nothing else between begin and end: begin
 * matches the columns by name; then each column of the declared schema once, on any
 * thread, several at a time; end, also after a failure, puts them together.
 *
 * Lossless conversions are done (the table stands in conform.c), nulls in required fields
 * found at any depth. A null parent's children are not judged. */
pqf_status pqf_conform_begin(pqf_conform *conform, const struct ArrowSchema *schema,
                             const struct ArrowArray *batch, pqf_error *err);
int64_t pqf_conform_num_columns(const pqf_conform *conform);
pqf_status pqf_conform_column(pqf_conform *conform, int64_t column, const pqf_poll *poll,
                              pqf_error *err);
/* `status` is what the steps before came to. All failures of all columns go to `report`
 * (may be NULL), in the order of the schema, with rows counted from row_base; then
 * PQF_SCHEMA, err telling the first of them.
 *
 * On PQF_OK `out` holds what out_schema (owned by conform, valid until its next use)
 * says: the declared schema, except that
 *   - a declared dictionary is an array of its values, or, where the source is one whose
 *     values fit and hold no null, a dictionary with the source's index type
 *   - run-end encoded fields are arrays of their values, list views are lists
 *   - a declared string or binary view may have 32-bit or 64-bit offsets
 *   - strings, binary data and lists beyond the reach of 32-bit offsets have 64-bit ones.
 * What fits is not copied: out's parts may point into `batch` and must not outlive it. */
pqf_status pqf_conform_end(pqf_conform *conform, pqf_status status, int64_t row_base,
                           pqf_report *report, struct ArrowArray *out,
                           const struct ArrowSchema **out_schema, pqf_error *err);

#endif
