/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy_encode.h: inside the room codec. Blocks of Snappy written without the library. The bytes depend on the
 * input alone, never on the processor.
 */
#ifndef PQF_CODEC_SNAPPY_ENCODE_H
#define PQF_CODEC_SNAPPY_ENCODE_H

#include "row.h"

/* Most bytes that in_len bytes become, 0 when the format cannot hold so many. */
size_t pqf_snappy_bound(size_t in_len);
/* `out` has room for the bound, and no byte behind it is written. */
pqf_status pqf_snappy_encode(const pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t *written, pqf_error *err);

#endif
