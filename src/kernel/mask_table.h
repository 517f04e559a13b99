/* SPDX-License-Identifier: Apache-2.0
 *
 * mask_table.h: inside the room kernel, for avx2.c and neon.c. Which lane goes where under a mask of 8 bits,
 * computed by the preprocessor: eight lane numbers of a byte each, low byte first.
 *   expand[m]:   slot j gets value number (set bits of m below j), or PQF_LANE_NULL
 *   compress[m]: value number i comes from the i-th set bit of m, the rest from lane 0
 */
#ifndef PQF_KERNEL_MASK_TABLE_H
#define PQF_KERNEL_MASK_TABLE_H

#include <stdint.h>

/* Negative as a signed byte and with its top bit set after doubling the lane number. */
#define PQF_LANE_NULL 0xC0

#define BIT(m, j) ((m) >> (j) & 1)
#define BELOW1(m) BIT(m, 0)
#define BELOW2(m) (BELOW1(m) + BIT(m, 1))
#define BELOW3(m) (BELOW2(m) + BIT(m, 2))
#define BELOW4(m) (BELOW3(m) + BIT(m, 3))
#define BELOW5(m) (BELOW4(m) + BIT(m, 4))
#define BELOW6(m) (BELOW5(m) + BIT(m, 5))
#define BELOW7(m) (BELOW6(m) + BIT(m, 6))

#define SLOT(m, j, below) ((uint64_t)(BIT(m, j) ? (below) : PQF_LANE_NULL) << 8 * (j))
#define EXPAND1(m)                                                                       \
    (SLOT(m, 0, 0) | SLOT(m, 1, BELOW1(m)) | SLOT(m, 2, BELOW2(m)) |                     \
     SLOT(m, 3, BELOW3(m)) | SLOT(m, 4, BELOW4(m)) | SLOT(m, 5, BELOW5(m)) |             \
     SLOT(m, 6, BELOW6(m)) | SLOT(m, 7, BELOW7(m)))
#define LANE(m, j, below) ((uint64_t)(BIT(m, j) ? (j) : 0) << 8 * (below))
#define COMPRESS1(m)                                                                     \
    (LANE(m, 1, BELOW1(m)) | LANE(m, 2, BELOW2(m)) | LANE(m, 3, BELOW3(m)) |             \
     LANE(m, 4, BELOW4(m)) | LANE(m, 5, BELOW5(m)) | LANE(m, 6, BELOW6(m)) |             \
     LANE(m, 7, BELOW7(m)))

#define ROW4(row, m)  row(m), row(m + 1), row(m + 2), row(m + 3)
#define ROW16(row, m) ROW4(row, m), ROW4(row, m + 4), ROW4(row, m + 8), ROW4(row, m + 12)
#define ROW64(row, m)                                                                    \
    ROW16(row, m), ROW16(row, m + 16), ROW16(row, m + 32), ROW16(row, m + 48)
#define ROW256(row) ROW64(row, 0), ROW64(row, 64), ROW64(row, 128), ROW64(row, 192)

static const uint64_t pqf_mask_expand[256] = {ROW256(EXPAND1)};
static const uint64_t pqf_mask_compress[256] = {ROW256(COMPRESS1)};

#undef BIT
#undef BELOW1
#undef BELOW2
#undef BELOW3
#undef BELOW4
#undef BELOW5
#undef BELOW6
#undef BELOW7
#undef SLOT
#undef EXPAND1
#undef LANE
#undef COMPRESS1
#undef ROW4
#undef ROW16
#undef ROW64
#undef ROW256

#endif
