/* SPDX-License-Identifier: Apache-2.0
 *
 * format.h: the door of the format room: everything a Parquet file says about itself.
 *
 *   bytes of a footer --Thrift--> pqf_file_metadata --border--> pqf_metadata (trusted numbers)
 *   pqf_metadata --logical types, legacy lists, ARROW:schema--> pqf_schema (fields over leaves)
 *   struct ArrowSchema --> pqf_schema + the list of SchemaElements, for a writer
 *
 * Parquet's words: a leaf is a column of values; max_def and max_rep are its largest
 * definition and repetition level. A pqf_schema is a tree of pqf_field, which is the shape of
 * the Arrow data; its leaves point at pqf_leaf, one per Parquet column. Nothing here reads
 * pages.
 */
#ifndef PQF_FORMAT_H
#define PQF_FORMAT_H

#include "arrow/arrow.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "io/io.h"
#include "parquet_forge.h"

/* ---- numbers of the Thrift enumerations (encodings and codecs belong to their rooms) ---- */

typedef enum pqf_physical {
    PQF_PHYSICAL_BOOLEAN = 0,
    PQF_PHYSICAL_INT32 = 1,
    PQF_PHYSICAL_INT64 = 2,
    PQF_PHYSICAL_INT96 = 3,
    PQF_PHYSICAL_FLOAT = 4,
    PQF_PHYSICAL_DOUBLE = 5,
    PQF_PHYSICAL_BYTE_ARRAY = 6,
    PQF_PHYSICAL_FIXED = 7, /* FIXED_LEN_BYTE_ARRAY */
} pqf_physical;

/* "INT32", "FIXED_LEN_BYTE_ARRAY", ...; "unknown" for other numbers. */
const char *pqf_physical_name(int32_t physical);

typedef enum pqf_repetition {
    PQF_REQUIRED = 0,
    PQF_OPTIONAL = 1,
    PQF_REPEATED = 2
} pqf_repetition;

typedef enum pqf_page_type {
    PQF_PAGE_DATA = 0,
    PQF_PAGE_INDEX = 1,
    PQF_PAGE_DICTIONARY = 2,
    PQF_PAGE_DATA_V2 = 3,
} pqf_page_type;

typedef enum pqf_boundary_order {
    PQF_BOUNDARY_UNORDERED = 0,
    PQF_BOUNDARY_ASCENDING = 1,
    PQF_BOUNDARY_DESCENDING = 2,
} pqf_boundary_order;

/* ---- the structs of metadata.def ---- */

/* An optional member `x` comes with `bool has_x`, a list with `int32_t num_x`; an absent list
 * has has_x false, num_x 0 and x NULL; an absent struct behind a pointer is NULL. Binaries
 * are slices of the bytes that were read. */
#define PQF_KIND_TYPE_BOOL      bool
#define PQF_KIND_TYPE_I8        int8_t
#define PQF_KIND_TYPE_I16       int16_t
#define PQF_KIND_TYPE_I32       int32_t
#define PQF_KIND_TYPE_I64       int64_t
#define PQF_KIND_TYPE_DOUBLE    double
#define PQF_KIND_TYPE_BINARY    pqf_bytes
#define PQF_MEMBER_BOOL(name)   bool name;
#define PQF_MEMBER_I8(name)     int8_t name;
#define PQF_MEMBER_I16(name)    int16_t name;
#define PQF_MEMBER_I32(name)    int32_t name;
#define PQF_MEMBER_I64(name)    int64_t name;
#define PQF_MEMBER_DOUBLE(name) double name;
#define PQF_MEMBER_BINARY(name) pqf_bytes name;
#define PQF_MEMBER_EMPTY(name)
#define PQF_HAS_REQUIRED(name)
#define PQF_HAS_OPTIONAL(name) bool has_##name;

#define PQF_STRUCT(struct_name, thrift_name) typedef struct struct_name {
#define PQF_VALUE(struct_name, id, need, kind, name)                                     \
    PQF_MEMBER_##kind(name) PQF_HAS_##need(name)
#define PQF_INLINE(struct_name, id, need, sub, name)                                     \
    sub name;                                                                            \
    PQF_HAS_##need(name)
#define PQF_POINTER(struct_name, id, need, sub, name) sub *name;
#define PQF_VALUES(struct_name, id, need, kind, name)                                    \
    PQF_KIND_TYPE_##kind *name;                                                          \
    int32_t num_##name;                                                                  \
    PQF_HAS_##need(name)
#define PQF_STRUCTS(struct_name, id, need, sub, name)                                    \
    sub *name;                                                                           \
    int32_t num_##name;                                                                  \
    PQF_HAS_##need(name)
#define PQF_END(struct_name)                                                             \
    }                                                                                    \
    struct_name;
#include "metadata.def"
#undef PQF_STRUCT
#undef PQF_VALUE
#undef PQF_INLINE
#undef PQF_POINTER
#undef PQF_VALUES
#undef PQF_STRUCTS
#undef PQF_END

/* ---- Thrift compact protocol over field tables ---- */

typedef enum pqf_kind {
    PQF_KIND_NONE = 0, /* a hole in the table */
    PQF_KIND_BOOL,
    PQF_KIND_I8,
    PQF_KIND_I16,
    PQF_KIND_I32,
    PQF_KIND_I64,
    PQF_KIND_DOUBLE,
    PQF_KIND_BINARY,
    PQF_KIND_EMPTY,
    PQF_KIND_STRUCT,  /* in place */
    PQF_KIND_POINTER, /* to a struct in the arena */
    PQF_KIND_LIST,    /* of `elem` kind: a scalar or PQF_KIND_STRUCT */
} pqf_kind;

typedef struct pqf_thrift_struct pqf_thrift_struct;

#define PQF_THRIFT_NO_HAS UINT16_MAX

typedef struct pqf_thrift_field {
    uint8_t kind; /* pqf_kind */
    uint8_t elem; /* pqf_kind of a list's elements */
    bool required;
    uint16_t offset;       /* of the member, for a list of the pointer */
    uint16_t count_offset; /* of num_x, lists only */
    uint16_t has_offset;   /* of has_x, PQF_THRIFT_NO_HAS: none */
    const pqf_thrift_struct *sub;
    const char *name;
} pqf_thrift_field;

/* fields[id], ids 0..max_id; required: bit set of ids. */
struct pqf_thrift_struct {
    const char *name;
    const pqf_thrift_field *fields;
    uint16_t max_id;
    uint16_t struct_bytes;
    uint64_t required;
};

/* One table per struct: pqf_page_header_thrift, pqf_column_index_thrift, ... */
#define PQF_STRUCT(struct_name, thrift_name)                                             \
    extern const pqf_thrift_struct struct_name##_thrift;
#define PQF_VALUE(struct_name, id, need, kind, name)
#define PQF_INLINE(struct_name, id, need, sub, name)
#define PQF_POINTER(struct_name, id, need, sub, name)
#define PQF_VALUES(struct_name, id, need, kind, name)
#define PQF_STRUCTS(struct_name, id, need, sub, name)
#define PQF_END(struct_name)
#include "metadata.def"
#undef PQF_STRUCT
#undef PQF_VALUE
#undef PQF_INLINE
#undef PQF_POINTER
#undef PQF_VALUES
#undef PQF_STRUCTS
#undef PQF_END

/* 0 means the default: 100,000,000 bytes and 1,000,000 elements. */
typedef struct pqf_thrift_limits {
    int64_t max_string_bytes;
    int64_t max_container_elements;
} pqf_thrift_limits;

#define PQF_THRIFT_MAX_DEPTH 64

/* Reads one struct from the front of `in` into `out` (zeroed first) and says how many bytes
 * it took. Lists and pointers come from `arena`; binaries are slices of `in`. Unknown fields
 * are skipped. PQF_CORRUPT names the struct and the byte; PQF_LIMIT names the option. */
pqf_status pqf_thrift_read(pqf_bytes in, const pqf_thrift_struct *type, void *out,
                           pqf_arena *arena, const pqf_thrift_limits *limits,
                           size_t *num_bytes_used, pqf_error *err);
/* Appends one struct. */
pqf_status pqf_thrift_write(const pqf_thrift_struct *type, const void *in, pqf_buf *out,
                            pqf_error *err);

/* Appends the struct at the front of `in` with the list that is its field `id` taken from the struct
 * `with` (left out where that has none); everything else byte for byte, unknown fields too. */
pqf_status pqf_thrift_replace(pqf_bytes in, const pqf_thrift_struct *type, int32_t id,
                              const void *with, pqf_buf *out, pqf_error *err);

/* Reads a page header from the front of `in`; needs no memory. When the bytes end inside the
 * header *truncated is true and the status PQF_OK: show more bytes and call again; at the end
 * of the chunk it is the caller's PQF_CORRUPT. *num_bytes_used is the header's length. */
pqf_status pqf_page_header_read(pqf_bytes in, pqf_page_header *out,
                                size_t *num_bytes_used, bool *truncated, pqf_error *err);
pqf_status pqf_page_header_write(const pqf_page_header *in, pqf_buf *out, pqf_error *err);

/* ---- leaves: the columns of Parquet ---- */

/* A node of the Parquet schema, root first, in the footer's order. */
typedef struct pqf_node {
    const pqf_schema_element *element;
    const char *name; /* NUL-terminated; as it stands in the file, valid UTF-8 or not */
    struct pqf_node *parent;   /* NULL: the root */
    struct pqf_node *children; /* not contiguous: next sibling is children->next */
    struct pqf_node *next;
    int32_t num_children;
    pqf_repetition repetition;
    int16_t max_def;
    int16_t max_rep;
    int32_t leaf; /* -1: a group */
    int32_t first_leaf;
    int32_t num_leaves;
    int32_t logical; /* pqf_logical, PQF_LOGICAL_NONE without annotation */
    int32_t
        param; /* INTEGER: bit width, plus 1 when unsigned; TIME, TIMESTAMP: 'm' 'u' 'n' */
    bool is_utc;       /* TIME, TIMESTAMP: isAdjustedToUTC */
    int32_t precision; /* DECIMAL */
    int32_t scale;
} pqf_node;

/* How statistics of a column compare, from LogicalTypes.md. */
typedef enum pqf_order {
    PQF_ORDER_NONE = 0,      /* INTERVAL, nested annotations, unknown: not used */
    PQF_ORDER_SIGNED,        /* signed integers, 4 or 8 bytes */
    PQF_ORDER_UNSIGNED,      /* unsigned integers, 4 or 8 bytes; booleans, 1 byte */
    PQF_ORDER_FLOAT,         /* float, double: NaN in no bound, -0 and +0 are one */
    PQF_ORDER_FLOAT16,       /* little-endian half floats */
    PQF_ORDER_BYTES,         /* unsigned byte-wise, shorter first */
    PQF_ORDER_DECIMAL_BYTES, /* big-endian two's complement */
    PQF_ORDER_INT96,         /* by day, then by nanosecond: where the file says so */
} pqf_order;

typedef struct pqf_leaf {
    int32_t index; /* of the column */
    const pqf_node *node;
    const char *path;     /* dotted, NUL-terminated: for error texts and settings */
    const char *top_name; /* first component */
    pqf_physical physical;
    int32_t type_length; /* bytes of a FIXED value, else 0 */
    int16_t max_def;
    int16_t max_rep;
    pqf_order order;
} pqf_leaf;

/* FLOAT, DOUBLE, FLOAT16: what may be in IEEE 754 total order. */
static inline bool pqf_leaf_is_float(const pqf_leaf *leaf) {
    return leaf->order == PQF_ORDER_FLOAT || leaf->order == PQF_ORDER_FLOAT16;
}

typedef struct pqf_tree {
    pqf_node *nodes; /* nodes[0] is the root */
    int32_t num_nodes;
    pqf_leaf *leaves;
    int32_t num_leaves;
} pqf_tree;

/* Dotted path or NULL. A path is looked up among the leaves. */
const pqf_leaf *pqf_tree_leaf(const pqf_tree *tree, const char *path);

/* ---- footer ---- */

typedef struct pqf_footer_options {
    pqf_thrift_limits limits;
} pqf_footer_options;

/* A footer that has passed the border: every number in `file` is consistent with the file's
 * size, the schema and each other, so inner code may rely on it. Immutable after reading,
 * freed once. */
typedef struct pqf_metadata {
    pqf_file_metadata file;
    pqf_tree tree;
    int64_t *first_rows; /* of each row group in the file */
    int64_t file_bytes;
    int64_t footer_bytes; /* of the Thrift struct */
    bool
        short_chunk_lengths; /* written by a parquet-mr before 1.2.9, see pqf_metadata_chunk */
    /* private */
    pqf_mem *mem; /* retained */
    pqf_buf bytes;
    pqf_arena arena;
    pqf_thrift_limits limits;
    pqf_buf
        places; /* large footers: where each ColumnChunk begins, row group by row group;
                       row_groups[].columns is NULL then, see pqf_metadata_column */
    struct pqf_late_chunk *_Atomic *late; /* those that have been read, NULL: not yet */
} pqf_metadata;

pqf_status pqf_footer_read(pqf_source *source, const pqf_footer_options *options,
                           pqf_mem *mem, pqf_metadata **out, pqf_error *err);
/* Reads the Thrift struct alone, without a file around it: the border checks against file_bytes. */
pqf_status pqf_metadata_parse(pqf_bytes footer, int64_t file_bytes,
                              const pqf_footer_options *options, pqf_mem *mem,
                              pqf_metadata **out, pqf_error *err);
void pqf_metadata_free(pqf_metadata *metadata); /* NULL is fine */

/* Appends FileMetaData, its length and "PAR1". */
pqf_status pqf_footer_write(const pqf_file_metadata *in, pqf_buf *out, pqf_error *err);

/* Appends a footer as pqf_footer_write does: that of `metadata` with other key-value metadata, and
 * nothing else changed. PQF_UNSUPPORTED where it is signed. */
pqf_status pqf_footer_rewrite(const pqf_metadata *metadata, const pqf_key_value *pairs,
                              int32_t num_pairs, pqf_buf *out, pqf_error *err);
/* Where the footer begins: the pages, indexes and filters lie before it. */
int64_t pqf_metadata_data_end(const pqf_metadata *metadata);

/* Where the pages of a column chunk are. */
typedef struct pqf_chunk {
    const pqf_column_metadata *meta;
    const pqf_leaf *leaf;
    int64_t file_offset; /* of the first page header, dictionary page included */
    int64_t byte_len;
    int64_t num_values; /* level entries, nulls included */
    int64_t num_rows;
    int64_t first_row; /* of the file */
} pqf_chunk;

/* Fills *out; PQF_UNSUPPORTED when the chunk is encrypted or lies in another file. byte_len
 * may reach past the last page (files of old writers); stop after num_values. */
pqf_status pqf_metadata_chunk(const pqf_metadata *metadata, int64_t row_group,
                              int64_t leaf, pqf_chunk *out, pqf_error *err);

/* The ColumnChunk as it stands in the footer, read at first use where the footer is large. Any number
 * of threads may ask. */
pqf_status pqf_metadata_column(const pqf_metadata *metadata, int64_t row_group,
                               int64_t leaf, const pqf_column_chunk **out,
                               pqf_error *err);

/* What the file says of the order of a leaf's bounds; nothing set: one that is not known here. */
const pqf_column_order *pqf_metadata_column_order(const pqf_metadata *metadata,
                                                  const pqf_leaf *leaf);
bool pqf_metadata_has_total_order(const pqf_metadata *metadata, const pqf_leaf *leaf);

/* Value of a key of the file's key-value metadata; false when it is not there. */
bool pqf_metadata_get(const pqf_metadata *metadata, const char *key, pqf_bytes *value);

/* ---- fields: the shape of the Arrow data ---- */

typedef enum pqf_field_kind {
    PQF_FIELD_LEAF,
    PQF_FIELD_STRUCT,
    PQF_FIELD_LIST, /* one child: the items */
    PQF_FIELD_MAP,  /* one child: a non-nullable struct of key and value */
} pqf_field_kind;

/* What a LIST hands out. A MAP is always PQF_LIST. */
typedef enum pqf_list_form {
    PQF_LIST = 0,
    PQF_LIST_LARGE,
    PQF_LIST_VIEW,
    PQF_LIST_LARGE_VIEW,
    PQF_LIST_FIXED, /* fixed_items each; null lists occupy fixed_items null slots */
} pqf_list_form;

/* The buffers of a leaf's values in Arrow. */
typedef enum pqf_leaf_layout {
    PQF_LEAF_NONE,   /* null type: no buffers */
    PQF_LEAF_BITS,   /* booleans */
    PQF_LEAF_FIXED,  /* arrow_width bytes each: 1 2 4 8 16 or any for fixed_size_binary */
    PQF_LEAF_BINARY, /* offsets and bytes */
} pqf_leaf_layout;

/* How a BINARY leaf is handed out (or, writing, comes in). */
typedef enum pqf_binary_form {
    PQF_FORM_NARROW = 0, /* 32-bit offsets: utf8, binary */
    PQF_FORM_LARGE,
    PQF_FORM_VIEW,
} pqf_binary_form;

/* How the Parquet value P and the Arrow value A of a leaf relate. A reader goes from P to A,
 * a writer from A to P; `factor` is a positive integer.
 *   P INT32 (4 bytes), INT64 (8), INT96 (12), FIXED (type_length), BYTE_ARRAY; A: arrow_width. */
#define PQF_CONVERT_LIST(X)                                                              \
    X(NONE, "the same bytes")                                                            \
    X(NULLS, "A has no values: the null type")                                           \
    X(INT32_TO_INT8, "A is the low byte; reading checks the range")                      \
    X(INT32_TO_UINT8, "A is the low byte; reading checks the range")                     \
    X(INT32_TO_INT16, "A is the low two bytes; reading checks the range")                \
    X(INT32_TO_UINT16, "A is the low two bytes; reading checks the range")               \
    X(INT64_TO_UINT32, "P INT64, A 4 bytes unsigned: version 1.0, writing only")         \
    X(DAYS_TO_MS, "P INT32 days, A int64 = P * factor (86,400,000): date64")             \
    X(DIVIDE_32, "P INT32, A int32 = P / factor, exact: time32[s]")                      \
    X(DIVIDE_64, "P INT64, A int64 = P / factor, exact: timestamp[s]")                   \
    X(MULTIPLY_64, "P INT64, A int64 = P * factor: coerced timestamps")                  \
    X(INT96_TO_TIMESTAMP, "P Julian day and ns of day, A int64 in units of factor ns")   \
    X(INT32_TO_DECIMAL, "P INT32, A arrow_width bytes, sign-extended")                   \
    X(INT64_TO_DECIMAL, "P INT64, A arrow_width bytes, sign-extended")                   \
    X(FIXED_TO_DECIMAL, "P FIXED big-endian, A arrow_width bytes little-endian")         \
    X(BYTES_TO_DECIMAL,                                                                  \
      "P BYTE_ARRAY big-endian, A arrow_width bytes little-endian; reading only")        \
    X(INTERVAL, "P FIXED(12) INTERVAL, A month, day_time, month_day_nano by "            \
                "arrow_width")

typedef enum pqf_convert {
#define PQF_X(name, text) PQF_CONVERT_##name,
    PQF_CONVERT_LIST(PQF_X)
#undef PQF_X
} pqf_convert;

/* Levels, for a node of the field tree over one leaf's level pairs (rep, def):
 *   a slot of this field exists where      def >= def_parent  (and, inside lists, where rep <= the
 *                                          rep_level of the innermost list around the field)
 *   the slot is not null where             def >= def_level
 *   a LIST or MAP has an item where        def >= def_level + 1, that is the item's def_parent
 *   an item continues the list where       rep >= rep_level; rep < rep_level starts a new slot
 * Nullable is what Parquet calls optional; a required field has the def_level of its parent, or
 * below a LIST or MAP the list's def_level + 1. def_parent is that of the parent, but below a
 * LIST or MAP it is the list's def_level + 1. One exception: the key of a map is never nullable;
 * where Parquet calls it optional its def_level stays above its parent's, and a null key (the
 * parent's level reached, its own not) is corrupt. */
typedef struct pqf_field {
    pqf_field_kind kind;
    const char *name;
    bool nullable;
    int16_t def_parent;
    int16_t def_level;
    int16_t
        rep_level; /* LIST, MAP: of their items; else of the innermost list around, 0: none */

    int32_t first_leaf; /* columns below: first_leaf .. first_leaf + num_leaves - 1; in a
                           projection its own numbers */
    int32_t num_leaves;
    struct pqf_field *parent;   /* NULL: top level */
    struct pqf_field *children; /* contiguous */
    int32_t num_children;

    /* LIST */
    pqf_list_form list_form;
    int32_t fixed_items; /* PQF_LIST_FIXED */

    /* LEAF */
    const pqf_leaf *leaf;
    pqf_leaf_layout layout;
    int32_t arrow_width; /* bytes of a value, PQF_LEAF_FIXED */
    pqf_binary_form binary_form;
    bool is_utf8; /* values must be UTF-8 */
    pqf_convert convert;
    int64_t factor; /* of convert, else 1 */
    const char
        *index_format; /* of dictionary indices ("c".."L"); NULL: not a dictionary */
    bool dictionary_ordered;
    const char *run_format; /* of run ends ("s" "i" "l"); NULL: not run-end encoded */
    bool keep_lossy; /* writing: values that convert would change may be cut (coerced
                                timestamps with allow_truncated_timestamps) */

    /* Arrow */
    const char *format; /* C Data Interface format; of a dictionary that of its values */
    pqf_bytes
        metadata;     /* C Data Interface encoding, len 0: none; PQF_FIELD_ID included */
    bool keys_sorted; /* MAP */

    /* Not PQF_OK: a column below cannot be handed out; use pqf_field_check before reading. */
    pqf_status unusable;
    const char *why;
} pqf_field;

#define PQF_FIELD_ID "PARQUET:field_id"

/* PQF_OK, or the reason why this field or one below it cannot be read. */
pqf_status pqf_field_check(const pqf_field *field, pqf_error *err);

typedef struct pqf_schema {
    pqf_tree tree;
    pqf_field *fields; /* top level, contiguous */
    int32_t num_fields;
    /* leaf_fields[i] is the LEAF field of column i, NULL where no field stands over it */
    pqf_field **leaf_fields;
    pqf_bytes metadata; /* of the Arrow schema, C Data Interface encoding */
    /* writing: what goes into the footer */
    pqf_schema_element *elements;
    int32_t num_elements;
    pqf_key_value *key_values; /* schema metadata and, with store_schema, ARROW:schema */
    int32_t num_key_values;
    pqf_column_order *column_orders; /* one per leaf; total order of floats only */
    /* private */
    pqf_mem *mem; /* retained */
    pqf_arena arena;
    struct pqf_name_index *names;
    const pqf_metadata *file; /* while fields are built */
} pqf_schema;

typedef struct pqf_schema_options {
    bool ignore_arrow_schema;
    bool no_extension_types; /* UUID, JSON, VARIANT, ... without ARROW:extension:name */
    const char *int96_unit;  /* "s" "ms" "us" "ns"; NULL: "ns" */
    const char *const
        *read_dictionary; /* NULL-terminated: top-level names, dotted paths in the Parquet
                             schema, or those of pqf_column_path joined by dots */
    const char *const
        *wide_dictionaries; /* NULL-terminated: top-level names; the indices of
                                             dictionaries below are int32 whatever is recorded */
} pqf_schema_options;

/* The fields of a file. Borrows `metadata`, which must outlive it. options may be NULL. */
pqf_status pqf_schema_from_parquet(const pqf_metadata *metadata,
                                   const pqf_schema_options *options, pqf_mem *mem,
                                   pqf_schema **out, pqf_error *err);

typedef struct pqf_schema_write_options {
    const char *version;           /* "1.0" "2.4" "2.6"; NULL: "2.6" */
    const char *coerce_timestamps; /* "ms" "us" or NULL */
    bool allow_truncated_timestamps;
    bool int96_timestamps;
    bool legacy_list_names; /* the item keeps its Arrow name instead of "element" */
    bool integer_decimals;  /* up to 9 digits as INT32, up to 18 as INT64 */
    bool utc_times;         /* TIME is adjusted to UTC */
    bool total_order;       /* of floats: IEEE 754 total order */
    bool no_store_schema;
} pqf_schema_write_options;

/* The fields, leaves and SchemaElements of a file to be written with this Arrow schema (a
 * struct with one child per column), as pyarrow maps them. Nothing of `schema` is referenced
 * afterwards. The fields' formats are those of `schema`: what comes in. Types that are not
 * written are PQF_UNSUPPORTED by name. options may be NULL. */
pqf_status pqf_schema_from_arrow(const struct ArrowSchema *schema,
                                 const pqf_schema_write_options *options, pqf_mem *mem,
                                 pqf_schema **out, pqf_error *err);
void pqf_schema_free(pqf_schema *schema); /* NULL is fine */

/* First top-level field of exactly this name; *is_duplicate (may be NULL) tells whether there are
 * more. NULL: none. */
const pqf_field *pqf_schema_field(const pqf_schema *schema, const char *name,
                                  bool *is_duplicate);

/* A field as a scan reads it: the schema's own, or a copy with some of the fields below. The leaves
 * of a copy are numbered from 0 (field->first_leaf), while field->leaf stays the file's. */
typedef struct pqf_projection {
    const pqf_field *field;
    pqf_field *const *leaves; /* its LEAF fields in order, field->num_leaves of them */
} pqf_projection;

/* The part of a field that is chosen (NULL: all). Children are found by name; what the file lacks
 * is lacking in the projection too: compare types. A projection with no leaves of a field that
 * has some would lose its nulls. */
pqf_status pqf_field_project(const pqf_schema *schema, const pqf_field *field,
                             const pqf_choice *choice, pqf_arena *arena,
                             pqf_projection *out, pqf_error *err);

/* The Arrow C schema of a field, or of the whole as a struct. It owns its memory and may
 * outlive the schema. */
pqf_status pqf_field_export(const pqf_schema *schema, const pqf_field *field,
                            struct ArrowSchema *out, pqf_error *err);
pqf_status pqf_schema_export(const pqf_schema *schema, struct ArrowSchema *out,
                             pqf_error *err);

/* ---- logical types ---- */

/* Ids: those of the Thrift union LogicalType, then the annotations that only ConvertedType has. */
typedef enum pqf_logical {
    PQF_LOGICAL_NONE = 0,
    PQF_LOGICAL_STRING = 1,
    PQF_LOGICAL_MAP = 2,
    PQF_LOGICAL_LIST = 3,
    PQF_LOGICAL_ENUM = 4,
    PQF_LOGICAL_DECIMAL = 5,
    PQF_LOGICAL_DATE = 6,
    PQF_LOGICAL_TIME = 7,
    PQF_LOGICAL_TIMESTAMP = 8,
    PQF_LOGICAL_INTEGER = 10,
    PQF_LOGICAL_UNKNOWN = 11, /* all null */
    PQF_LOGICAL_JSON = 12,
    PQF_LOGICAL_BSON = 13,
    PQF_LOGICAL_UUID = 14,
    PQF_LOGICAL_FLOAT16 = 15,
    PQF_LOGICAL_VARIANT = 16,
    PQF_LOGICAL_GEOMETRY = 17,
    PQF_LOGICAL_GEOGRAPHY = 18,
    PQF_LOGICAL_FILE = 19,
    PQF_LOGICAL_INTERVAL = 32,
    PQF_LOGICAL_OTHER =
        33, /* a union member or converted type that this build does not know */
} pqf_logical;

/* Row i of the table: name, whether files with it are read and written; false after the last. */
bool pqf_logical_row(int64_t i, const char **name, bool *reads, bool *writes);

/* The annotation in words, "DECIMAL(10, 2)"; "" where there is none. */
void pqf_logical_text(const pqf_node *node, char *text, size_t text_bytes);
/* "optional INT64 TIMESTAMP(MICROS, UTC)"; 128 bytes hold every text. */
void pqf_node_text(const pqf_node *node, char *text, size_t text_bytes);
/* Number of the first node in which two schemas differ, -1 where they are the same: then pages of
 * one may stand in a file of the other. */
int32_t pqf_tree_difference(const pqf_tree *a, const pqf_tree *b);

/* ---- ARROW:schema ---- */

#define PQF_ARROW_SCHEMA "ARROW:schema"

/* The value of the key ARROW:schema for an Arrow schema: base64 of an encapsulated IPC message. */
pqf_status pqf_arrow_schema_write(const struct ArrowSchema *schema, pqf_buf *out,
                                  pqf_error *err);
/* The Arrow schema that such a value holds, PQF_CORRUPT where it is damaged. mem is for scratch. */
pqf_status pqf_arrow_schema_read(pqf_bytes value, pqf_mem *mem, struct ArrowSchema *out,
                                 pqf_error *err);

#endif
