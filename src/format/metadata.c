/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.c: the field tables that the Thrift reader and writer walk, made from
 * metadata.def. One table per struct of parquet.thrift, indexed by field id.
 */
#include "format.h"

#include <stddef.h>

#define PQF_NEED_REQUIRED               true
#define PQF_NEED_OPTIONAL               false
#define PQF_HAS_AT_REQUIRED(type, name) PQF_THRIFT_NO_HAS
#define PQF_HAS_AT_OPTIONAL(type, name) offsetof(type, has_##name)
/* An EMPTY has no member beside has_name. */
#define PQF_AT_BOOL(type, name)   offsetof(type, name)
#define PQF_AT_I8(type, name)     offsetof(type, name)
#define PQF_AT_I16(type, name)    offsetof(type, name)
#define PQF_AT_I32(type, name)    offsetof(type, name)
#define PQF_AT_I64(type, name)    offsetof(type, name)
#define PQF_AT_DOUBLE(type, name) offsetof(type, name)
#define PQF_AT_BINARY(type, name) offsetof(type, name)
#define PQF_AT_EMPTY(type, name)  0

/* First pass: the fields of each struct. */
#define PQF_STRUCT(type, thrift_name) static const pqf_thrift_field type##_fields[] = {
#define PQF_VALUE(type, id, need, kind_, name_)                                          \
    [id] = {.kind = PQF_KIND_##kind_,                                                    \
            .required = PQF_NEED_##need,                                                 \
            .offset = PQF_AT_##kind_(type, name_),                                       \
            .has_offset = PQF_HAS_AT_##need(type, name_),                                \
            .name = #name_},
#define PQF_INLINE(type, id, need, sub_, name_)                                          \
    [id] = {.kind = PQF_KIND_STRUCT,                                                     \
            .required = PQF_NEED_##need,                                                 \
            .offset = offsetof(type, name_),                                             \
            .has_offset = PQF_HAS_AT_##need(type, name_),                                \
            .sub = &sub_##_thrift,                                                       \
            .name = #name_},
#define PQF_POINTER(type, id, need, sub_, name_)                                         \
    [id] = {.kind = PQF_KIND_POINTER,                                                    \
            .required = PQF_NEED_##need,                                                 \
            .offset = offsetof(type, name_),                                             \
            .has_offset = PQF_THRIFT_NO_HAS,                                             \
            .sub = &sub_##_thrift,                                                       \
            .name = #name_},
#define PQF_VALUES(type, id, need, kind_, name_)                                         \
    [id] = {.kind = PQF_KIND_LIST,                                                       \
            .elem = PQF_KIND_##kind_,                                                    \
            .required = PQF_NEED_##need,                                                 \
            .offset = offsetof(type, name_),                                             \
            .count_offset = offsetof(type, num_##name_),                                 \
            .has_offset = PQF_HAS_AT_##need(type, name_),                                \
            .name = #name_},
#define PQF_STRUCTS(type, id, need, sub_, name_)                                         \
    [id] = {.kind = PQF_KIND_LIST,                                                       \
            .elem = PQF_KIND_STRUCT,                                                     \
            .required = PQF_NEED_##need,                                                 \
            .offset = offsetof(type, name_),                                             \
            .count_offset = offsetof(type, num_##name_),                                 \
            .has_offset = PQF_HAS_AT_##need(type, name_),                                \
            .sub = &sub_##_thrift,                                                       \
            .name = #name_},
#define PQF_END(type)                                                                    \
    }                                                                                    \
    ;
#include "metadata.def"
#undef PQF_STRUCT
#undef PQF_VALUE
#undef PQF_INLINE
#undef PQF_POINTER
#undef PQF_VALUES
#undef PQF_STRUCTS
#undef PQF_END

/* Second pass: the structs; the bits of the required ids are joined field by field. */
#define PQF_NEED_BIT(need, id) | ((uint64_t)PQF_NEED_##need << (id))
#define PQF_STRUCT(type, thrift_name)                                                    \
    const pqf_thrift_struct type##_thrift = {                                            \
        .name = thrift_name,                                                             \
        .fields = type##_fields,                                                         \
        .max_id = sizeof type##_fields / sizeof type##_fields[0] - 1,                    \
        .struct_bytes = sizeof(type),                                                    \
        .required = 0
#define PQF_VALUE(type, id, need, kind_, name_)  PQF_NEED_BIT(need, id)
#define PQF_INLINE(type, id, need, sub_, name_)  PQF_NEED_BIT(need, id)
#define PQF_POINTER(type, id, need, sub_, name_) PQF_NEED_BIT(need, id)
#define PQF_VALUES(type, id, need, kind_, name_) PQF_NEED_BIT(need, id)
#define PQF_STRUCTS(type, id, need, sub_, name_) PQF_NEED_BIT(need, id)
#define PQF_END(type)                                                                    \
    }                                                                                    \
    ;
#include "metadata.def"
#undef PQF_STRUCT
#undef PQF_VALUE
#undef PQF_INLINE
#undef PQF_POINTER
#undef PQF_VALUES
#undef PQF_STRUCTS
#undef PQF_END
