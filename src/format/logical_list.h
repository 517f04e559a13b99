/* SPDX-License-Identifier: Apache-2.0
 *
 * logical_list.h: the logical types of LogicalTypes.md, three tables.
 *
 * PQF_LOGICAL_LIST: one row per logical type: PQF_LOGICAL_ID, its member in pqf_logical_type, and
 * whether files with it are read and written.
 * PQF_CONVERTED_LIST: the deprecated ConvertedType with the same number, and what it means today.
 * PQF_LEAF_TYPE_LIST: what an annotated leaf is in Arrow: one row per logical type, parameter and
 * physical type. A combination without a row contradicts the format.
 */
#ifndef PQF_FORMAT_LOGICAL_LIST_H
#define PQF_FORMAT_LOGICAL_LIST_H

/* X(ID, member, reads, writes); INTERVAL has a ConvertedType alone. */
#define PQF_LOGICAL_LIST(X)                                                              \
    X(STRING, string, true, true)                                                        \
    X(MAP, map, true, true)                                                              \
    X(LIST, list, true, true)                                                            \
    X(ENUM, enumeration, true, false)                                                    \
    X(DECIMAL, decimal, true, true)                                                      \
    X(DATE, date, true, true)                                                            \
    X(TIME, time, true, true)                                                            \
    X(TIMESTAMP, timestamp, true, true)                                                  \
    X(INTEGER, integer, true, true)                                                      \
    X(UNKNOWN, unknown, true, true)                                                      \
    X(JSON, json, true, true)                                                            \
    X(BSON, bson, true, false)                                                           \
    X(UUID, uuid, true, true)                                                            \
    X(FLOAT16, float16, true, true)                                                      \
    X(VARIANT, variant, true, false)                                                     \
    X(GEOMETRY, geometry, true, false)                                                   \
    X(GEOGRAPHY, geography, true, false)                                                 \
    X(FILE, file, true, false)

/* Parameters: see pqf_node. */
#define PQF_SIGNED(bits)   (bits)
#define PQF_UNSIGNED(bits) ((bits) + 1)

/* X(number, ID, parameter); row i has number i. Times of converted types are adjusted to UTC. */
#define PQF_CONVERTED_LIST(X)                                                            \
    X(0, STRING, 0)                                                                      \
    X(1, MAP, 0)                                                                         \
    X(2, MAP, 0) /* MAP_KEY_VALUE: old writers put it on the map itself */               \
    X(3, LIST, 0)                                                                        \
    X(4, ENUM, 0)                                                                        \
    X(5, DECIMAL, 0)                                                                     \
    X(6, DATE, 0)                                                                        \
    X(7, TIME, 'm')                                                                      \
    X(8, TIME, 'u')                                                                      \
    X(9, TIMESTAMP, 'm')                                                                 \
    X(10, TIMESTAMP, 'u')                                                                \
    X(11, INTEGER, PQF_UNSIGNED(8))                                                      \
    X(12, INTEGER, PQF_UNSIGNED(16))                                                     \
    X(13, INTEGER, PQF_UNSIGNED(32))                                                     \
    X(14, INTEGER, PQF_UNSIGNED(64))                                                     \
    X(15, INTEGER, PQF_SIGNED(8))                                                        \
    X(16, INTEGER, PQF_SIGNED(16))                                                       \
    X(17, INTEGER, PQF_SIGNED(32))                                                       \
    X(18, INTEGER, PQF_SIGNED(64))                                                       \
    X(19, JSON, 0)                                                                       \
    X(20, BSON, 0)                                                                       \
    X(21, INTERVAL, 0)

/* X(ID, parameter, PHYSICAL, bytes, format, LAYOUT, width, ORDER, CONVERT)
 *   bytes   the only type_length allowed, 0: any
 *   format  of Arrow, or its beginning: "w" gets the length, "d" precision and scale, "ts" the zone
 *   width   bytes of an Arrow value, 0: type_length */
#define PQF_LEAF_TYPE_LIST(X)                                                            \
    X(NONE, 0, BOOLEAN, 0, "b", BITS, 0, UNSIGNED, NONE)                                 \
    X(NONE, 0, INT32, 0, "i", FIXED, 4, SIGNED, NONE)                                    \
    X(NONE, 0, INT64, 0, "l", FIXED, 8, SIGNED, NONE)                                    \
    X(NONE, 0, INT96, 0, "tsn:", FIXED, 8, INT96, INT96_TO_TIMESTAMP)                    \
    X(NONE, 0, FLOAT, 0, "f", FIXED, 4, FLOAT, NONE)                                     \
    X(NONE, 0, DOUBLE, 0, "g", FIXED, 8, FLOAT, NONE)                                    \
    X(NONE, 0, BYTE_ARRAY, 0, "z", BINARY, 0, BYTES, NONE)                               \
    X(NONE, 0, FIXED, 0, "w", FIXED, 0, BYTES, NONE)                                     \
    X(STRING, 0, BYTE_ARRAY, 0, "u", BINARY, 0, BYTES, NONE)                             \
    X(ENUM, 0, BYTE_ARRAY, 0, "z", BINARY, 0, BYTES, NONE)                               \
    X(JSON, 0, BYTE_ARRAY, 0, "u", BINARY, 0, BYTES, NONE)                               \
    X(BSON, 0, BYTE_ARRAY, 0, "z", BINARY, 0, BYTES, NONE)                               \
    X(GEOMETRY, 0, BYTE_ARRAY, 0, "z", BINARY, 0, NONE, NONE)                            \
    X(GEOGRAPHY, 0, BYTE_ARRAY, 0, "z", BINARY, 0, NONE, NONE)                           \
    X(UUID, 0, FIXED, 16, "w", FIXED, 0, BYTES, NONE)                                    \
    X(FLOAT16, 0, FIXED, 2, "e", FIXED, 2, FLOAT16, NONE)                                \
    X(INTERVAL, 0, FIXED, 12, "w", FIXED, 0, NONE, NONE)                                 \
    X(INTEGER, PQF_SIGNED(8), INT32, 0, "c", FIXED, 1, SIGNED, INT32_TO_INT8)            \
    X(INTEGER, PQF_UNSIGNED(8), INT32, 0, "C", FIXED, 1, UNSIGNED, INT32_TO_UINT8)       \
    X(INTEGER, PQF_SIGNED(16), INT32, 0, "s", FIXED, 2, SIGNED, INT32_TO_INT16)          \
    X(INTEGER, PQF_UNSIGNED(16), INT32, 0, "S", FIXED, 2, UNSIGNED, INT32_TO_UINT16)     \
    X(INTEGER, PQF_SIGNED(32), INT32, 0, "i", FIXED, 4, SIGNED, NONE)                    \
    X(INTEGER, PQF_UNSIGNED(32), INT32, 0, "I", FIXED, 4, UNSIGNED, NONE)                \
    X(INTEGER, PQF_SIGNED(64), INT64, 0, "l", FIXED, 8, SIGNED, NONE)                    \
    X(INTEGER, PQF_UNSIGNED(64), INT64, 0, "L", FIXED, 8, UNSIGNED, NONE)                \
    X(DATE, 0, INT32, 0, "tdD", FIXED, 4, SIGNED, NONE)                                  \
    X(TIME, 'm', INT32, 0, "ttm", FIXED, 4, SIGNED, NONE)                                \
    X(TIME, 'u', INT64, 0, "ttu", FIXED, 8, SIGNED, NONE)                                \
    X(TIME, 'n', INT64, 0, "ttn", FIXED, 8, SIGNED, NONE)                                \
    X(TIMESTAMP, 'm', INT64, 0, "tsm:", FIXED, 8, SIGNED, NONE)                          \
    X(TIMESTAMP, 'u', INT64, 0, "tsu:", FIXED, 8, SIGNED, NONE)                          \
    X(TIMESTAMP, 'n', INT64, 0, "tsn:", FIXED, 8, SIGNED, NONE)                          \
    X(DECIMAL, 0, INT32, 0, "d", FIXED, 16, SIGNED, INT32_TO_DECIMAL)                    \
    X(DECIMAL, 0, INT64, 0, "d", FIXED, 16, SIGNED, INT64_TO_DECIMAL)                    \
    X(DECIMAL, 0, FIXED, 0, "d", FIXED, 16, DECIMAL_BYTES, FIXED_TO_DECIMAL)             \
    X(DECIMAL, 0, BYTE_ARRAY, 0, "d", FIXED, 16, DECIMAL_BYTES, BYTES_TO_DECIMAL)        \
    X(UNKNOWN, 0, BOOLEAN, 0, "n", NONE, 0, NONE, NULLS)                                 \
    X(UNKNOWN, 0, INT32, 0, "n", NONE, 0, NONE, NULLS)                                   \
    X(UNKNOWN, 0, INT64, 0, "n", NONE, 0, NONE, NULLS)                                   \
    X(UNKNOWN, 0, INT96, 0, "n", NONE, 0, NONE, NULLS)                                   \
    X(UNKNOWN, 0, FLOAT, 0, "n", NONE, 0, NONE, NULLS)                                   \
    X(UNKNOWN, 0, DOUBLE, 0, "n", NONE, 0, NONE, NULLS)                                  \
    X(UNKNOWN, 0, BYTE_ARRAY, 0, "n", NONE, 0, NONE, NULLS)                              \
    X(UNKNOWN, 0, FIXED, 0, "n", NONE, 0, NONE, NULLS)

#endif
