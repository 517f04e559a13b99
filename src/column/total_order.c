/* SPDX-License-Identifier: Apache-2.0
 *
 * total_order.c (room column): see total_order.h. The bounds are those of the kernels that skip NaN and
 * take both zeros for one; only where a bound is zero, or all values are NaN, are the bits looked at
 * too, as integers, which tell all that is missing:
 *
 *   -0 is the least signed integer, +0 the least unsigned one
 *   among NaN those with a sign are greater than the others as unsigned integers and less as signed ones,
 *   and of one sign both orders of integers go by the payload
 */
#include "total_order.h"

#include <math.h>

/* Below the sign bit the bits of negative values are turned around. */
int64_t pqf_total_order_key(const uint8_t *value, int32_t width) {
    int64_t bits = width == 8   ? (int64_t)pqf_load_u64(value)
                   : width == 4 ? (int32_t)pqf_load_u32(value)
                                : (int16_t)pqf_load_u16(value);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

#define TOTAL_ORDER(bits, type)                                                          \
    static void nans_##bits(const pqf_kernels *kernel, const void *values, int64_t n,    \
                            uint##bits##_t *min, uint##bits##_t *max) {                  \
        int##bits##_t low, high;                                                         \
        uint##bits##_t least, most;                                                      \
        kernel->minmax_i##bits(values, n, &low, &high);                                  \
        kernel->minmax_u##bits(values, n, &least, &most);                                \
        *min = low < 0 ? most : least;                                                   \
        *max = high < 0 ? least : (uint##bits##_t)high;                                  \
    }                                                                                    \
    static uint##bits##_t least_zero_##bits(const pqf_kernels *kernel,                   \
                                            const void *values, int64_t n) {             \
        int##bits##_t low, high;                                                         \
        kernel->minmax_i##bits(values, n, &low, &high);                                  \
        return low == INT##bits##_MIN ? (uint##bits##_t)1 << (bits - 1) : 0;             \
    }                                                                                    \
    static uint##bits##_t greatest_zero_##bits(const pqf_kernels *kernel,                \
                                               const void *values, int64_t n) {          \
        uint##bits##_t least, most;                                                      \
        kernel->minmax_u##bits(values, n, &least, &most);                                \
        return least == 0 ? 0 : (uint##bits##_t)1 << (bits - 1);                         \
    }                                                                                    \
    static bool minmax_##bits(const pqf_kernels *kernel, const void *values, int64_t n,  \
                              uint8_t *min, uint8_t *max) {                              \
        type lo, hi;                                                                     \
        uint##bits##_t least, greatest;                                                  \
        kernel->minmax_f##bits(values, n, &lo, &hi);                                     \
        memcpy(&least, &lo, sizeof least);                                               \
        memcpy(&greatest, &hi, sizeof greatest);                                         \
        bool nans = lo > hi;                                                             \
        if (nans)                                                                        \
            nans_##bits(kernel, values, n, &least, &greatest);                           \
        else if (fpclassify(lo) == FP_ZERO)                                              \
            least = least_zero_##bits(kernel, values, n);                                \
        if (!nans && fpclassify(hi) == FP_ZERO)                                          \
            greatest = greatest_zero_##bits(kernel, values, n);                          \
        memcpy(min, &least, sizeof least);                                               \
        memcpy(max, &greatest, sizeof greatest);                                         \
        return nans;                                                                     \
    }
TOTAL_ORDER(32, float)
TOTAL_ORDER(64, double)

#define HALF_INFINITY 0x7C00

static void store_half(int32_t key, uint8_t *out) {
    pqf_store_u16(out, (uint16_t)(key < 0 ? key ^ INT16_MAX : key));
}

static bool minmax_16(const uint8_t *in, int64_t n, uint8_t *min, uint8_t *max) {
    int32_t low = INT32_MAX, high = INT32_MIN; /* of numbers */
    int32_t least_nan = INT32_MAX, most_nan = INT32_MIN;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits = (int16_t)pqf_load_u16(in + i * 2);
        int32_t key = bits < 0 ? bits ^ INT16_MAX : bits;
        bool nan = (bits & INT16_MAX) > HALF_INFINITY;
        low = !nan && key < low ? key : low;
        high = !nan && key > high ? key : high;
        least_nan = nan && key < least_nan ? key : least_nan;
        most_nan = nan && key > most_nan ? key : most_nan;
    }
    bool nans = low > high;
    store_half(nans ? least_nan : low, min);
    store_half(nans ? most_nan : high, max);
    return nans;
}

bool pqf_total_order_minmax(const pqf_kernels *kernel, const void *values, int64_t n,
                            int32_t width, uint8_t *min, uint8_t *max) {
    if (width == 8) return minmax_64(kernel, values, n, min, max);
    if (width == 4) return minmax_32(kernel, values, n, min, max);
    return minmax_16(values, n, min, max);
}
