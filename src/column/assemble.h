/* SPDX-License-Identifier: Apache-2.0
 *
 * assemble.h: inside the room column: the forms of Arrow arrays that leaves and lists can take.
 */
#ifndef PQF_COLUMN_ASSEMBLE_H
#define PQF_COLUMN_ASSEMBLE_H

#include "reading.h"

/* Begins an array over a node: length, null count and validity (which moves out of the node;
 * none where the field is not nullable). */
pqf_status pqf_assemble_begin(const pqf_field *field, pqf_node_out *node,
                              int64_t num_buffers, int64_t num_children, pqf_mem *mem,
                              struct ArrowArray *out, pqf_error *err);
/* The array of a leaf; its buffers move out. */
pqf_status pqf_assemble_leaf(pqf_leaf_out *leaf, pqf_mem *mem, struct ArrowArray *out,
                             pqf_error *err);
/* The array of a LIST or MAP over its items; `items` is consumed, success or not. */
pqf_status pqf_assemble_list(const pqf_field *field, pqf_node_out *node,
                             struct ArrowArray *items, pqf_mem *mem,
                             struct ArrowArray *out, pqf_error *err);

#endif
