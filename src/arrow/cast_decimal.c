/* SPDX-License-Identifier: Apache-2.0
 *
 * cast_decimal.c: room arrow, conforming. Decimals of 4, 8, 16 and 32 bytes among each
 * other: the scale moves without losing a digit, and the result has no more digits than
 * the target's precision. Up to 16 bytes a value is an __int128, beyond that a 256-bit
 * magnitude.
 */
#include "conform.h"
#include "wide.h"

/* No decimal has more digits; a larger shift leaves nothing but zero. */
#define MAX_DIGITS 76

typedef struct rescale {
    size_t from_bytes;
    size_t to_bytes;
    int64_t shift;  /* digits to be added (positive) or taken away */
    pqf_i128 power; /* 10^|shift| of the narrow path */
    pqf_i128 limit; /* 10^precision: magnitudes stay below */
    pqf_wide wide_limit;
} rescale;

static pqf_i128 power_of_ten(int64_t n) {
    pqf_i128 p = 1;
    for (int64_t i = 0; i < n; i++)
        p *= 10;
    return p;
}

/* 10^38 is the largest power that an __int128 holds. */
static bool is_narrow(const rescale *r) {
    return r->from_bytes <= 16 && r->to_bytes <= 16 && r->shift >= -38 && r->shift <= 38;
}

static bool rescale_narrow(const rescale *r, const uint8_t *from, uint8_t *to) {
    pqf_i128 v = (from[r->from_bytes - 1] & 0x80) ? -1 : 0;
    memcpy(&v, from, r->from_bytes);
    if (r->shift > 0 && __builtin_mul_overflow(v, r->power, &v)) return false;
    if (r->shift < 0 && v % r->power != 0) return false;
    if (r->shift < 0) v /= r->power;
    if (v >= r->limit || v <= -r->limit) return false;
    memcpy(to, &v, r->to_bytes);
    return true;
}

static bool shift_wide(pqf_wide *v, int64_t shift) {
    if (pqf_wide_is_zero(v)) return true;
    if (shift > MAX_DIGITS || shift < -MAX_DIGITS) return false;
    for (; shift > 0; shift--)
        if (!pqf_wide_times(v, 10)) return false;
    for (; shift < 0; shift++)
        if (pqf_wide_divide(v, 10) != 0) return false;
    return true;
}

static bool rescale_wide(const rescale *r, const uint8_t *from, uint8_t *to) {
    pqf_wide v = pqf_wide_load(from, r->from_bytes);
    if (!shift_wide(&v, r->shift) || !pqf_wide_is_below(&v, &r->wide_limit)) return false;
    pqf_wide_store(v, to, r->to_bytes);
    return true;
}

static rescale plan_of(const pqf_type *from, const pqf_type *to) {
    rescale r = {.from_bytes = (size_t)from->byte_width,
                 .to_bytes = (size_t)to->byte_width,
                 .shift = (int64_t)to->scale - from->scale,
                 .wide_limit = {.limb = {1}}};
    if (is_narrow(&r)) {
        r.power = power_of_ten(r.shift < 0 ? -r.shift : r.shift);
        r.limit = power_of_ten(to->precision);
    }
    (void)shift_wide(&r.wide_limit, to->precision);
    return r;
}

static pqf_status rescale_all(const rescale *r, pqf_tally *tally, uint8_t *to) {
    const pqf_view *v = tally->level->view;
    const uint8_t *from = (const uint8_t *)v->values + (size_t)v->offset * r->from_bytes;
    bool narrow = is_narrow(r);
    for (int64_t i = 0; i < v->length; i++, from += r->from_bytes, to += r->to_bytes) {
        if (narrow ? rescale_narrow(r, from, to) : rescale_wide(r, from, to)) continue;
        memset(to, 0, r->to_bytes);
        TRY(pqf_tally_add(tally, i));
    }
    return pqf_tally_end(tally);
}

pqf_status pqf_cast_decimal(pqf_job *job, const pqf_target *t, const pqf_level *level,
                            struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    rescale r = plan_of(&v->type, &t->type);
    pqf_tally tally = {.job = job, .target = t, .level = level};
    pqf_buf values;
    size_t bytes;
    (void)schema;
    TRY(pqf_cast_begin(job, v, 2, 0, out));
    TRY(pqf_bytes_times(v->length, t->type.byte_width, &bytes, job->err));
    TRY(pqf_buf_sized(&values, job->mem, bytes, false, job->err));
    pqf_status status = rescale_all(&r, &tally, values.data);
    pqf_array_take_buffer(out, 1, &values);
    return status;
}
