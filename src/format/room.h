/* SPDX-License-Identifier: Apache-2.0
 *
 * room.h: what the files of the format room share among themselves.
 */
#ifndef PQF_FORMAT_ROOM_H
#define PQF_FORMAT_ROOM_H

#include "format.h"

/* Levels of nesting in a Parquet schema, the root not counted. */
#define PQF_SCHEMA_MAX_DEPTH 64

/* A row of PQF_LEAF_TYPE_LIST. */
typedef struct pqf_leaf_type {
    int32_t logical;
    int32_t param;
    pqf_physical physical;
    int32_t bytes;
    const char *format;
    pqf_leaf_layout layout;
    int32_t width;
    pqf_order order;
    pqf_convert convert;
} pqf_leaf_type;

/* NULL: the annotation contradicts the physical type. */
const pqf_leaf_type *pqf_leaf_type_of(int32_t logical, int32_t param,
                                      pqf_physical physical);
/* Only columns of values are annotated with it. */
bool pqf_logical_is_of_leaf(int32_t logical);
/* "DECIMAL", ... */
const char *pqf_logical_name(int32_t logical);
/* Fills the annotation members of a node from its element's LogicalType, else its ConvertedType. */
void pqf_node_annotate(pqf_node *node);
/* ConvertedType for an annotation, -1: none. */
int32_t pqf_converted_of(int32_t logical, int32_t param);
/* Decimal digits that every value of `bytes` bytes, two's complement, can hold. */
int32_t pqf_decimal_digits(int32_t bytes);

/* tree.c: builds the tree over elements, which must outlive it. */
pqf_status pqf_tree_build(pqf_schema_element *elements, int32_t num_elements,
                          pqf_arena *arena, pqf_tree *out, pqf_error *err);

/* schema.c */
pqf_status pqf_schema_new(pqf_mem *mem, pqf_schema **out, pqf_error *err);
pqf_status pqf_schema_index_names(pqf_schema *schema, pqf_error *err);
/* A copy in the arena. */
pqf_status pqf_bytes_keep(pqf_arena *arena, pqf_bytes in, pqf_bytes *out, pqf_error *err);

/* field.c: the field tree over schema->tree, as Parquet alone tells it. */
pqf_status pqf_fields_build(pqf_schema *schema, const pqf_schema_options *options,
                            pqf_error *err);
/* leaf_type.c: fills the members of a LEAF field from its annotation. */
pqf_status pqf_field_set_leaf(pqf_schema *schema, pqf_field *field, const pqf_leaf *leaf,
                              const pqf_schema_options *options, pqf_error *err);
/* Appends a pair to field->metadata (C Data Interface encoding, in the arena). */
pqf_status pqf_field_put_metadata(pqf_schema *schema, pqf_bytes *metadata, pqf_bytes key,
                                  pqf_bytes value, pqf_error *err);

/* extension.c: the pair of metadata keys where Arrow knows the annotation as an extension type; the
 * fields below are built. */
pqf_status pqf_field_set_extension(pqf_schema *schema, pqf_field *field,
                                   const pqf_node *node, pqf_error *err);

/* apply.c: merges the Arrow schema that a writer stored into the fields, where it is compatible. */
pqf_status pqf_fields_apply(pqf_schema *schema, const struct ArrowSchema *origin,
                            pqf_error *err);

#define PQF_EXTENSION_NAME "ARROW:extension:name"
#define PQF_EXTENSION_DATA "ARROW:extension:metadata"
#define PQF_BYTES(literal) pqf_bytes_of(literal, sizeof(literal) - 1)

/* thrift.c: reads one struct as pqf_thrift_read does, but structs of type `later` in its lists are
 * stepped over: their list stays NULL with its count, and where each begins is appended to `places`
 * (uint32_t). Less than 4 GiB of `in`. */
pqf_status pqf_thrift_read_but(pqf_bytes in, const pqf_thrift_struct *type, void *out,
                               const pqf_thrift_struct *later, pqf_buf *places,
                               pqf_arena *arena, const pqf_thrift_limits *limits,
                               pqf_error *err);

/* border.c: checks metadata->file, whose tree is built. Column chunks that are not read yet are
 * checked one by one. */
pqf_status pqf_border_check(pqf_metadata *metadata, pqf_error *err);
pqf_status pqf_border_check_chunk(const pqf_metadata *metadata, pqf_column_chunk *chunk,
                                  const pqf_leaf *leaf, int64_t num_rows, pqf_error *err);

/* chunk.c: room for the chunks that will be read; and back. */
pqf_status pqf_chunks_init(pqf_metadata *metadata, pqf_error *err);
void pqf_chunks_free(pqf_metadata *metadata);

#endif
