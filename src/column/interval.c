/* SPDX-License-Identifier: Apache-2.0
 *
 * interval.c (room column): INTERVAL (LogicalTypes.md) to Arrow's three interval types and back. Parquet
 * has three unsigned 32-bit numbers, Arrow signed ones, of which some types leave out some parts:
 *
 *   Parquet         | months, 4 | days, 4 | milliseconds, 4 |
 *   month           | months, 4 |
 *   day_time        | days, 4   | milliseconds, 4 |
 *   month_day_nano  | months, 4 | days, 4 | nanoseconds, 8 |
 *
 * Which of the three it is tells the width of the Arrow value. No part stands for another: what the
 * other side cannot hold is an error.
 */
#include "interval.h"

#define NS_PER_MS INT64_C(1000000)

typedef struct parts {
    int64_t months, days, ns;
} parts;

static int64_t load_signed(const uint8_t *p) { return (int32_t)pqf_load_u32(p); }

static parts load_arrow(const uint8_t *in, int32_t width) {
    if (width == 4) return (parts){.months = load_signed(in)};
    if (width == 8)
        return (parts){.days = load_signed(in), .ns = load_signed(in + 4) * NS_PER_MS};
    return (parts){load_signed(in), load_signed(in + 4), (int64_t)pqf_load_u64(in + 8)};
}

static bool fits_parquet(const parts *p) {
    return p->months >= 0 && p->days >= 0 && p->ns >= 0 && p->ns % NS_PER_MS == 0 &&
           p->ns / NS_PER_MS <= UINT32_MAX;
}

bool pqf_intervals_fit(const uint8_t *in, int64_t n, int32_t width) {
    for (int64_t i = 0; i < n; i++) {
        parts p = load_arrow(in + i * width, width);
        if (!fits_parquet(&p)) return false;
    }
    return true;
}

pqf_status pqf_intervals_write(const pqf_field *field, const pqf_kernels *kernel,
                               const uint8_t *in, int64_t n, uint8_t *out,
                               pqf_error *err) {
    (void)kernel;
    for (int64_t i = 0; i < n; i++, out += 12) {
        parts p = load_arrow(in + i * field->arrow_width, field->arrow_width);
        if (!fits_parquet(&p))
            return pqf_fail(err, PQF_SCHEMA,
                            "an interval of field '%s' has a negative part, parts of a "
                            "millisecond, or more of them than 32 bits hold",
                            field->name);
        pqf_store_u32(out, (uint32_t)p.months);
        pqf_store_u32(out + 4, (uint32_t)p.days);
        pqf_store_u32(out + 8, (uint32_t)(p.ns / NS_PER_MS));
    }
    return PQF_OK;
}

/* What the type of this width leaves out has to be zero. */
static bool fits_arrow(uint32_t months, uint32_t days, uint32_t ms, int32_t width) {
    if (months > INT32_MAX || days > INT32_MAX) return false;
    if (width == 4) return days == 0 && ms == 0;
    return width == 16 || (months == 0 && ms <= INT32_MAX);
}

static void store_arrow(uint32_t months, uint32_t days, uint32_t ms, int32_t width,
                        uint8_t *out) {
    if (width != 8) {
        pqf_store_u32(out, months);
        out += 4;
    }
    if (width == 4) return;
    pqf_store_u32(out, days);
    if (width == 8)
        pqf_store_u32(out + 4, ms);
    else
        pqf_store_u64(out + 4, (uint64_t)(ms * NS_PER_MS));
}

pqf_status pqf_intervals_read(const pqf_field *field, const pqf_kernels *kernel,
                              const uint8_t *in, int64_t n, uint8_t *out,
                              pqf_error *err) {
    (void)kernel;
    int32_t width = field->arrow_width;
    for (int64_t i = 0; i < n; i++, in += 12, out += width) {
        uint32_t months = pqf_load_u32(in), days = pqf_load_u32(in + 4),
                 ms = pqf_load_u32(in + 8);
        if (!fits_arrow(months, days, ms, width))
            return pqf_fail(err, PQF_CORRUPT,
                            "an interval of %u months, %u days and %u ms does not fit "
                            "the type that the file's ARROW:schema declares",
                            months, days, ms);
        store_arrow(months, days, ms, width, out);
    }
    return PQF_OK;
}
