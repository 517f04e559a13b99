/* SPDX-License-Identifier: Apache-2.0
 *
 * type.h: inner header of the room arrow: what the table of types in type.c tells beyond
 * pqf_type.
 */
#ifndef PQF_ARROW_TYPE_H
#define PQF_ARROW_TYPE_H

#include "arrow.h"
#include "text.h"

/* Nesting of schemas and arrays from strangers; deeper ones are refused. */
#define PQF_MAX_DEPTH 64

/* Children that an array of the type has: -1 when any number will do. */
int pqf_type_num_children(const pqf_type *type);
/* Buffers of an array of the type; for PQF_SHAPE_VIEW the least: validity, views,
 * sizes. */
int64_t pqf_type_num_buffers(const pqf_type *type);
/* Integer types may be dictionary indexes. */
bool pqf_type_is_integer(pqf_type_id id);
bool pqf_type_is_signed(pqf_type_id id);
bool pqf_type_has_list_shape(const pqf_type *type);
/* The same type, children and zone names aside. */
bool pqf_type_same(const pqf_type *a, const pqf_type *b);
/* The narrowest type that holds every value of both (types without children); false: there is
 * none. Its zone is one of theirs or a literal. */
bool pqf_type_widest(const pqf_type *a, const pqf_type *b, pqf_type *out);

static inline bool pqf_field_is_nullable(const struct ArrowSchema *schema) {
    return (schema->flags & ARROW_FLAG_NULLABLE) != 0;
}
static inline const char *pqf_field_name(const struct ArrowSchema *schema) {
    return schema->name ? schema->name : "";
}

#endif
