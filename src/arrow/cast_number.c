/* SPDX-License-Identifier: Apache-2.0
 *
 * cast_number.c: room arrow, conforming. Integers, floats, dates, times, timestamps and
 * durations: all are one number in memory. They go through blocks of int64 or double:
 * load, check, scale, store.
 *
 *     integer to integer   the value fits the width
 *     integer to float     within 2^11, 2^24, 2^53: what every smaller integer survives
 *     float to integer     integral, and it fits the width
 *     float to float       back again it is the same, or NaN
 *     times                the ratio of units multiplies or divides without loss
 */
#include "conform.h"
#include "number.h"

#include "base/bits.h"

#define BLOCK 1024

/* One conversion: bounds are those of the source, so that they are judged before
 * scaling. */
typedef struct plan {
    pqf_number from;
    pqf_number to;
    int64_t lo;
    int64_t hi;
    int64_t times;
    int64_t per;
} plan;

static const struct {
    int64_t lo, hi;
} RANGE[] = {
    [PQF_NUMBER_I8] = {INT8_MIN, INT8_MAX},
    [PQF_NUMBER_U8] = {0, UINT8_MAX},
    [PQF_NUMBER_I16] = {INT16_MIN, INT16_MAX},
    [PQF_NUMBER_U16] = {0, UINT16_MAX},
    [PQF_NUMBER_I32] = {INT32_MIN, INT32_MAX},
    [PQF_NUMBER_U32] = {0, UINT32_MAX},
    [PQF_NUMBER_I64] = {INT64_MIN, INT64_MAX},
    [PQF_NUMBER_U64] =
        {0,
         INT64_MAX}, /* larger ones come from uint64, which fits as it is, and floats */
    [PQF_NUMBER_F16] = {-(1 << 11), 1 << 11},
    [PQF_NUMBER_F32] = {-(1 << 24), 1 << 24},
    [PQF_NUMBER_F64] = {-(INT64_C(1) << 53), INT64_C(1) << 53},
};

static int64_t saturated(int64_t v, int64_t times) {
    int64_t out;
    if (pqf_mul_i64(v, times, &out)) return out;
    return v < 0 ? INT64_MIN : INT64_MAX;
}

static plan plan_of(pqf_number from, pqf_number to, int64_t times, int64_t per) {
    plan p = {.from = from, .to = to, .times = times, .per = per};
    p.lo = per > 1 ? saturated(RANGE[to].lo, per) : RANGE[to].lo / times;
    p.hi = per > 1 ? saturated(RANGE[to].hi, per) : RANGE[to].hi / times;
    /* A uint64 beyond int64 was loaded as a negative number. */
    if (from == PQF_NUMBER_U64 && p.lo < 0) p.lo = 0;
    return p;
}

/* ---- integers ---- */

static bool int_fits(const plan *p, int64_t v) {
    return v >= p->lo && v <= p->hi && (p->per == 1 || v % p->per == 0);
}

static bool all_in_range(const plan *p, const int64_t *v, int64_t n) {
    int64_t lo = p->hi, hi = p->lo;
    for (int64_t i = 0; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    return lo >= p->lo && hi <= p->hi;
}

/* Divides in place; false, with the block in pieces, when something is left over. The
 * divisors that units have are constants to the compiler, which divides by
 * multiplying. */
static inline bool divide_by(int64_t *v, int64_t n, int64_t per) {
    int64_t rest = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t q = v[i] / per;
        rest |= v[i] - q * per;
        v[i] = q;
    }
    return rest == 0;
}

static bool divide_all(int64_t *v, int64_t n, int64_t per) {
    switch (per) {
    case 1: return true;
    case 1000: return divide_by(v, n, 1000);
    case 1000000: return divide_by(v, n, 1000000);
    case 1000000000: return divide_by(v, n, 1000000000);
    default: return divide_by(v, n, per);
    }
}

/* The slow way through a block in which something does not fit. */
static pqf_status judge_ints(const plan *p, pqf_tally *tally, int64_t at, int64_t n,
                             int64_t *block) {
    for (int64_t i = 0; i < n; i++) {
        if (int_fits(p, block[i])) continue;
        TRY(pqf_tally_add(tally, at + i));
        block[i] = 0;
    }
    (void)divide_all(block, n, p->per);
    return PQF_OK;
}

static pqf_status cast_int_block(const plan *p, pqf_tally *tally, int64_t at, int64_t n,
                                 void *out) {
    const pqf_view *v = tally->level->view;
    int64_t block[BLOCK];
    pqf_number_load_i64(p->from, v->values, v->offset + at, n, block);
    if (!all_in_range(p, block, n) || !divide_all(block, n, p->per)) {
        pqf_number_load_i64(p->from, v->values, v->offset + at, n, block);
        TRY(judge_ints(p, tally, at, n, block));
    }
    for (int64_t i = 0; p->times > 1 && i < n; i++)
        block[i] *= p->times;
    pqf_number_store_i64(p->to, block, n, out, at);
    return PQF_OK;
}

/* ---- floats ---- */

static double through_half(double v) { return pqf_half_to_double(pqf_double_to_half(v)); }

static bool all_floats_fit(const plan *p, const double *v, int64_t n) {
    bool bad = false;
    if (p->to == PQF_NUMBER_F32)
        for (int64_t i = 0; i < n; i++)
            bad |= ((double)(float)v[i] != v[i]) & (v[i] == v[i]);
    if (p->to == PQF_NUMBER_F16)
        for (int64_t i = 0; i < n; i++)
            bad |= (through_half(v[i]) != v[i]) & (v[i] == v[i]);
    return !bad;
}

static pqf_status cast_float_block(const plan *p, pqf_tally *tally, int64_t at, int64_t n,
                                   void *out) {
    const pqf_view *v = tally->level->view;
    double block[BLOCK];
    pqf_number_load_f64(p->from, v->values, v->offset + at, n, block);
    bool fit = all_floats_fit(p, block, n);
    for (int64_t i = 0; !fit && i < n; i++) {
        if (all_floats_fit(p, &block[i], 1)) continue;
        TRY(pqf_tally_add(tally, at + i));
        block[i] = 0;
    }
    pqf_number_store_f64(p->to, block, n, out, at);
    return PQF_OK;
}

/* False when one of them is no integer from -2^63 up to below 2^63 (NaN fails every
 * comparison). */
static bool all_integral(const double *v, int64_t n, int64_t *out) {
    bool bad = false;
    for (int64_t i = 0; i < n; i++) {
        bool in_range = (v[i] >= -0x1p63) & (v[i] < 0x1p63);
        out[i] = (int64_t)(in_range ? v[i] : 0);
        bad |= (double)out[i] != v[i];
    }
    return !bad;
}

/* The same from 0 up to below 2^64: `out` holds the bits of uint64. */
static bool all_unsigned(const double *v, int64_t n, int64_t *out) {
    bool bad = false;
    for (int64_t i = 0; i < n; i++) {
        bool in_range = (v[i] >= 0) & (v[i] < 0x1p64);
        uint64_t whole = (uint64_t)(in_range ? v[i] : 0);
        out[i] = (int64_t)whole;
        bad |= (double)whole != v[i];
    }
    return !bad;
}

static bool floats_become_ints(const plan *p, const double *v, int64_t n, int64_t *out) {
    if (p->to == PQF_NUMBER_U64) return all_unsigned(v, n, out);
    return all_integral(v, n, out) && all_in_range(p, out, n);
}

static pqf_status cast_float_to_int_block(const plan *p, pqf_tally *tally, int64_t at,
                                          int64_t n, void *out) {
    const pqf_view *v = tally->level->view;
    double floats[BLOCK];
    int64_t block[BLOCK];
    pqf_number_load_f64(p->from, v->values, v->offset + at, n, floats);
    bool fit = floats_become_ints(p, floats, n, block);
    for (int64_t i = 0; !fit && i < n; i++) {
        if (floats_become_ints(p, &floats[i], 1, &block[i])) continue;
        TRY(pqf_tally_add(tally, at + i));
        block[i] = 0;
    }
    pqf_number_store_i64(p->to, block, n, out, at);
    return PQF_OK;
}

/* ---- columns ---- */

typedef pqf_status (*block_fn)(const plan *, pqf_tally *, int64_t at, int64_t n,
                               void *out);

static pqf_status cast_blocks(const plan *p, block_fn fn, pqf_tally *tally, void *out) {
    int64_t length = tally->level->view->length;
    for (int64_t at = 0; at < length; at += BLOCK) {
        TRY(pqf_poll_at(&tally->job->poll, at, tally->job->err));
        TRY(fn(p, tally, at, pqf_min_i64(BLOCK, length - at), out));
    }
    return pqf_tally_end(tally);
}

static pqf_status cast_column(pqf_job *job, const pqf_target *t, const pqf_level *level,
                              const plan *p, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    pqf_tally tally = {.job = job, .target = t, .level = level};
    size_t bytes;
    pqf_buf values;
    TRY(pqf_cast_begin(job, v, 2, 0, out));
    if (p->from == p->to && p->times == 1 && p->per == 1) {
        /* Here for NaN that have become null: the values are as they were. */
        pqf_array_borrow_buffer(
            out, 1, (const uint8_t *)v->values + v->offset * v->type.byte_width);
        return PQF_OK;
    }
    block_fn fn = cast_int_block;
    if (pqf_number_is_float(p->from))
        fn = pqf_number_is_float(p->to) ? cast_float_block : cast_float_to_int_block;
    TRY(pqf_bytes_times(v->length, t->type.byte_width, &bytes, job->err));
    TRY(pqf_buf_sized(&values, job->mem, bytes, false, job->err));
    pqf_status status = cast_blocks(p, fn, &tally, values.data);
    pqf_array_take_buffer(out, 1, &values);
    return status;
}

pqf_status pqf_cast_number(pqf_job *job, const pqf_target *t, const pqf_level *level,
                           struct ArrowSchema *schema, struct ArrowArray *out) {
    (void)schema;
    plan p = plan_of(pqf_number_of(&level->view->type), pqf_number_of(&t->type), 1, 1);
    return cast_column(job, t, level, &p, out);
}

/* Ticks in a day for dates, in a second for all others. */
static int64_t ticks(const pqf_type *type) {
    if (type->id == PQF_TYPE_DATE32) return 1;
    return type->id == PQF_TYPE_DATE64 ? 86400000 : pqf_unit_per_second(type->unit);
}

pqf_status pqf_cast_time(pqf_job *job, const pqf_target *t, const pqf_level *level,
                         struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_type *from = &level->view->type, *to = &t->type;
    /* An instant has no wall clock, a wall clock no instant. */
    if (!*from->zone != !*to->zone) return pqf_fail_type(job, t, level, schema, out);
    int64_t a = ticks(from), b = ticks(to);
    plan p = plan_of(pqf_number_of(from), pqf_number_of(to), b > a ? b / a : 1,
                     a > b ? a / b : 1);
    return cast_column(job, t, level, &p, out);
}
