/* SPDX-License-Identifier: Apache-2.0
 *
 * row.h: inside the room codec. What a codec is: one row of functions. codec.c has checked the
 * arguments (no NULL pointer even for zero bytes) and checks the lengths that come back.
 */
#ifndef PQF_CODEC_ROW_H
#define PQF_CODEC_ROW_H

#include "codec.h"

typedef struct pqf_codec {
    /* max_level < min_level: the codec has no levels. */
    int min_level, max_level, default_level;
    /* Writes at most out_len bytes; *written may be less, codec.c compares. */
    pqf_status (*decompress)(pqf_codec_ctx *ctx, pqf_bytes in, uint8_t *out,
                             size_t out_len, size_t *written, pqf_error *err);
    /* Most bytes that in_len bytes can become, 0 when they are too many. NULL: does not write. */
    size_t (*bound)(size_t in_len);
    pqf_status (*compress)(pqf_codec_ctx *ctx, int level, pqf_bytes in, uint8_t *out,
                           size_t out_cap, size_t *written, pqf_error *err);
} pqf_codec;

/* For levels that take long: PQF_CANCELLED once the user has asked to stop. */
pqf_status pqf_codec_poll(const pqf_codec_ctx *ctx, pqf_error *err);

#define PQF_NO_LEVELS .min_level = 0, .max_level = -1

#define PQF_CODEC(id, name, row) extern const pqf_codec row;
#define PQF_CODEC_ABSENT(id, name)
#include "codec_list.h"
#undef PQF_CODEC
#undef PQF_CODEC_ABSENT

#endif
