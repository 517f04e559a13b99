/* SPDX-License-Identifier: Apache-2.0
 *
 * cast_decimal.c: room arrow, conforming. Decimals of 4, 8, 16 and 32 bytes among each
 * other, and integers to decimals: the scale moves without losing a digit, and the result
 * has no more digits than the target's precision. Up to 16 bytes a value is an __int128,
 * beyond that a 256-bit magnitude.
 */
#include "conform.h"
#include "wide.h"

/* No decimal has more digits; a larger shift leaves nothing but zero. */
#define MAX_DIGITS 76

typedef struct rescale {
    size_t from_bytes;
    size_t to_bytes;
    bool is_unsigned;
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

static pqf_i128 load_narrow(const uint8_t *from, size_t bytes, bool is_unsigned) {
    pqf_i128 v = !is_unsigned && (from[bytes - 1] & 0x80) ? -1 : 0;
    memcpy(&v, from, bytes);
    return v;
}

static bool rescale_narrow(const rescale *r, const uint8_t *from, uint8_t *to) {
    pqf_i128 v = load_narrow(from, r->from_bytes, r->is_unsigned);
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
    pqf_i128 narrow = 0;
    if (r->from_bytes <= 16) narrow = load_narrow(from, r->from_bytes, r->is_unsigned);
    pqf_wide v = r->from_bytes <= 16 ? pqf_wide_load((const uint8_t *)&narrow, 16)
                                     : pqf_wide_load(from, r->from_bytes);
    if (!shift_wide(&v, r->shift) || !pqf_wide_is_below(&v, &r->wide_limit)) return false;
    pqf_wide_store(v, to, r->to_bytes);
    return true;
}

static bool is_unsigned(const pqf_type *type) {
    return type->id == PQF_TYPE_UINT8 || type->id == PQF_TYPE_UINT16 ||
           type->id == PQF_TYPE_UINT32 || type->id == PQF_TYPE_UINT64;
}

static rescale plan_of(const pqf_type *from, const pqf_type *to) {
    rescale r = {.from_bytes = (size_t)from->byte_width,
                 .to_bytes = (size_t)to->byte_width,
                 .is_unsigned = is_unsigned(from),
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
        TRY(pqf_poll_at(&tally->job->poll, i, tally->job->err));
        if (narrow ? rescale_narrow(r, from, to) : rescale_wide(r, from, to)) continue;
        memset(to, 0, r->to_bytes);
        TRY(pqf_tally_add(tally, i));
    }
    return pqf_tally_end(tally);
}

/* ---- what has the right layout ---- */

#define ALL_WITHIN(T)                                                                    \
    {                                                                                    \
        const T *p = (const T *)v->values + v->offset, limit = (T)power_of_ten(digits);  \
        bool within = true;                                                              \
        for (int64_t i = 0; i < v->length; i++)                                          \
            within &= (p[i] < limit) & (p[i] > -limit);                                  \
        return within;                                                                   \
    }

/* Up to 18 digits the value is the sign extension of its low word, and low + limit - 1 of a word
 * within the limit is not more than twice the limit. */
static bool all_within_word(const pqf_view *v, int32_t digits) {
    const uint8_t *p = (const uint8_t *)v->values + v->offset * 16;
    uint64_t most = (uint64_t)power_of_ten(digits) - 1, wrong = 0;
    for (int64_t i = 0; i < v->length; i++) {
        uint64_t low = pqf_load_u64(p + i * 16), high = pqf_load_u64(p + i * 16 + 8);
        wrong |=
            (uint64_t)(low + most > 2 * most) | (high ^ (uint64_t)((int64_t)low >> 63));
    }
    return wrong == 0;
}

static bool all_within_128(const pqf_view *v, int32_t digits) {
    if (digits <= 18) return all_within_word(v, digits);
    const uint8_t *p = (const uint8_t *)v->values + v->offset * 16;
    pqf_i128 limit = power_of_ten(digits);
    bool within = true;
    for (int64_t i = 0; i < v->length; i++) {
        pqf_i128 value;
        memcpy(&value, p + i * 16, 16);
        within &= (value < limit) & (value > -limit);
    }
    return within;
}

static bool all_within_256(const pqf_view *v, int32_t digits) {
    const uint8_t *p = (const uint8_t *)v->values + v->offset * 32;
    pqf_wide limit = {.limb = {1}};
    (void)shift_wide(&limit, digits);
    for (int64_t i = 0; i < v->length; i++) {
        pqf_wide value = pqf_wide_load(p + i * 32, 32);
        if (!pqf_wide_is_below(&value, &limit)) return false;
    }
    return true;
}

/* Each layout holds 10 to the most digits that its type may declare: 9, 18, 38, 76. */
bool pqf_decimals_fit(const pqf_view *v, int32_t digits) {
    switch (v->type.byte_width) {
    case 4: ALL_WITHIN(int32_t)
    case 8: ALL_WITHIN(int64_t)
    case 16: return all_within_128(v, digits);
    default: return all_within_256(v, digits);
    }
}

/* ---- the cast ---- */

pqf_status pqf_cast_decimal(pqf_job *job, const pqf_target *t, const pqf_level *level,
                            struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    rescale r = plan_of(&v->type, &t->type);
    pqf_tally tally = {.job = job, .target = t, .level = level};
    pqf_buf values;
    size_t bytes;
    if (v->type.id >= PQF_TYPE_HALF && v->type.id <= PQF_TYPE_DOUBLE)
        return pqf_fail_type(job, t, level, schema, out);
    TRY(pqf_cast_begin(job, v, 2, 0, out));
    TRY(pqf_bytes_times(v->length, t->type.byte_width, &bytes, job->err));
    TRY(pqf_buf_sized(&values, job->mem, bytes, false, job->err));
    pqf_status status = rescale_all(&r, &tally, values.data);
    pqf_array_take_buffer(out, 1, &values);
    return status;
}
