/* SPDX-License-Identifier: Apache-2.0
 *
 * kv.h: inner header of the room arrow: size of key-value metadata in the C Data
 * Interface's form.
 */
#ifndef PQF_ARROW_KV_H
#define PQF_ARROW_KV_H

#include "arrow.h"

/* Bytes of the whole block; 0 for NULL. What a negative count or length would cover is
 * left out. */
size_t pqf_kv_bytes(const char *metadata);

#endif
