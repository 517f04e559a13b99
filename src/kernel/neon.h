/* SPDX-License-Identifier: Apache-2.0
 *
 * neon.h: inside the room kernel. What the files of level neon share. NEON is part of every aarch64, so
 * no function needs a target of its own. Vectors go in and out of memory as bytes: these loads and
 * stores ask for no alignment and alias everything; the rest is a change of type, which costs nothing.
 */
#ifndef PQF_KERNEL_NEON_H
#define PQF_KERNEL_NEON_H

#include "tables.h"

#include <arm_neon.h>

PQF_BODY uint8x16_t load(const void *p) { return vld1q_u8((const uint8_t *)p); }
PQF_BODY void store(void *p, uint8x16_t v) { vst1q_u8((uint8_t *)p, v); }

PQF_BODY uint16x8_t as_u16(uint8x16_t v) { return vreinterpretq_u16_u8(v); }
PQF_BODY uint32x4_t as_u32(uint8x16_t v) { return vreinterpretq_u32_u8(v); }
PQF_BODY uint64x2_t as_u64(uint8x16_t v) { return vreinterpretq_u64_u8(v); }
PQF_BODY uint8x16_t of_u16(uint16x8_t v) { return vreinterpretq_u8_u16(v); }
PQF_BODY uint8x16_t of_u32(uint32x4_t v) { return vreinterpretq_u8_u32(v); }
PQF_BODY uint8x16_t of_u64(uint64x2_t v) { return vreinterpretq_u8_u64(v); }

/* The low halves of 8 values. */
PQF_BODY uint8x16_t low_halves(const any_u32 *in) {
    return of_u16(vuzp1q_u16(as_u16(load(in)), as_u16(load(in + 4))));
}

#endif
