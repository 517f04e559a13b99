/* SPDX-License-Identifier: Apache-2.0
 *
 * ipc.h: the numbers of Arrow's Schema.fbs and Message.fbs that the reader and the writer of
 * ARROW:schema share: slots of tables and members of unions. Also base64, which wraps the
 * message.
 */
#ifndef PQF_FORMAT_IPC_H
#define PQF_FORMAT_IPC_H

#include "room.h"

enum {
    IPC_MESSAGE_VERSION = 0,
    IPC_MESSAGE_HEADER_TYPE,
    IPC_MESSAGE_HEADER,
    IPC_MESSAGE_BODY
};
enum { IPC_SCHEMA_ENDIANNESS = 0, IPC_SCHEMA_FIELDS, IPC_SCHEMA_METADATA };
enum {
    IPC_FIELD_NAME = 0,
    IPC_FIELD_NULLABLE,
    IPC_FIELD_TYPE_TYPE,
    IPC_FIELD_TYPE,
    IPC_FIELD_DICTIONARY,
    IPC_FIELD_CHILDREN,
    IPC_FIELD_METADATA,
    IPC_FIELD_SLOTS,
};
enum { IPC_DICTIONARY_ID = 0, IPC_DICTIONARY_INDEX, IPC_DICTIONARY_ORDERED };
enum { IPC_PAIR_KEY = 0, IPC_PAIR_VALUE };

enum { IPC_HEADER_SCHEMA = 1, IPC_VERSION_V5 = 4 };
#define IPC_CONTINUATION UINT32_MAX

/* Members of the union Type. */
typedef enum ipc_type {
    IPC_NULL = 1,
    IPC_INT,
    IPC_FLOAT,
    IPC_BINARY,
    IPC_UTF8,
    IPC_BOOL,
    IPC_DECIMAL,
    IPC_DATE,
    IPC_TIME,
    IPC_TIMESTAMP,
    IPC_INTERVAL,
    IPC_LIST,
    IPC_STRUCT,
    IPC_UNION,
    IPC_FIXED_BINARY,
    IPC_FIXED_LIST,
    IPC_MAP,
    IPC_DURATION,
    IPC_LARGE_BINARY,
    IPC_LARGE_UTF8,
    IPC_LARGE_LIST,
    IPC_RUN_END,
    IPC_BINARY_VIEW,
    IPC_UTF8_VIEW,
    IPC_LIST_VIEW,
    IPC_LARGE_LIST_VIEW,
} ipc_type;

/* base64.c: RFC 4648, standard alphabet, padded. */
pqf_status pqf_base64_put(pqf_bytes in, pqf_buf *out, pqf_error *err);
/* PQF_CORRUPT for a character outside the alphabet or a wrong length; padding may be missing. */
pqf_status pqf_base64_decode(pqf_bytes in, pqf_arena *arena, pqf_bytes *out,
                             pqf_error *err);

/* arrow_schema.c: the schema in an IPC message; it lives in the arena, release does nothing. */
pqf_status pqf_arrow_schema_parse(pqf_bytes message, pqf_arena *arena,
                                  struct ArrowSchema **out, pqf_error *err);
/* flat_write.c: appends the IPC message, continuation and length first. */
pqf_status pqf_arrow_message_put(const struct ArrowSchema *schema, pqf_buf *out,
                                 pqf_error *err);

#endif
