/* SPDX-License-Identifier: Apache-2.0
 *
 * node.c: room arrow, conforming. One node of a column: in, the slots of a level and the
 * declared field; out, an array of that type, or records of what does not fit.
 *
 * A node that fits is borrowed as it is, children and all. What does not is looked up in
 * the table of casts; before that, dictionaries and runs are decoded and, if asked for,
 * NaN becomes null.
 */
#include "conform.h"
#include "nulls.h"
#include "number.h"

#include "base/bits.h"

/* ---- the table of casts ---- */

typedef enum type_class {
    CLASS_NONE, /* only ever the same type */
    CLASS_NUMBER,
    CLASS_DATE,
    CLASS_TIME,
    CLASS_TIMESTAMP,
    CLASS_DURATION,
    CLASS_DECIMAL,
    CLASS_TEXT,
    CLASS_BYTES,
    CLASS_FIXED_BYTES,
    CLASS_LIST,
    CLASS_STRUCT,
    CLASS_MAP,
    NUM_CLASSES
} type_class;

static type_class class_of(const pqf_type *type) {
    pqf_type_id id = type->id;
    if (id >= PQF_TYPE_INT8 && id <= PQF_TYPE_DOUBLE) return CLASS_NUMBER;
    if (id >= PQF_TYPE_BINARY && id <= PQF_TYPE_BINARY_VIEW) return CLASS_BYTES;
    if (id >= PQF_TYPE_STRING && id <= PQF_TYPE_STRING_VIEW) return CLASS_TEXT;
    if (id >= PQF_TYPE_DECIMAL32 && id <= PQF_TYPE_DECIMAL256) return CLASS_DECIMAL;
    if (id >= PQF_TYPE_LIST && id <= PQF_TYPE_FIXED_LIST) return CLASS_LIST;
    switch (id) {
    case PQF_TYPE_FIXED_BINARY: return CLASS_FIXED_BYTES;
    case PQF_TYPE_DATE32:
    case PQF_TYPE_DATE64: return CLASS_DATE;
    case PQF_TYPE_TIME32:
    case PQF_TYPE_TIME64: return CLASS_TIME;
    case PQF_TYPE_TIMESTAMP: return CLASS_TIMESTAMP;
    case PQF_TYPE_DURATION: return CLASS_DURATION;
    case PQF_TYPE_STRUCT: return CLASS_STRUCT;
    case PQF_TYPE_MAP: return CLASS_MAP;
    default: return CLASS_NONE;
    }
}

/* Source class (row) to target class (column). An empty cell is a failure of rule "type",
 * unless all values are null. Same types of CLASS_NONE (bool, intervals) fit without a
 * cast. */
static const pqf_cast_fn CASTS[NUM_CLASSES][NUM_CLASSES] = {
    [CLASS_NUMBER] =
        {[CLASS_NUMBER] = pqf_cast_number, [CLASS_DECIMAL] = pqf_cast_decimal},
    [CLASS_DATE] = {[CLASS_DATE] = pqf_cast_time},
    [CLASS_TIME] = {[CLASS_TIME] = pqf_cast_time},
    [CLASS_TIMESTAMP] = {[CLASS_TIMESTAMP] = pqf_cast_time},
    [CLASS_DURATION] = {[CLASS_DURATION] = pqf_cast_time},
    [CLASS_DECIMAL] = {[CLASS_DECIMAL] = pqf_cast_decimal},
    [CLASS_TEXT] = {[CLASS_TEXT] = pqf_cast_bytes,
                    [CLASS_BYTES] = pqf_cast_bytes,
                    [CLASS_FIXED_BYTES] = pqf_cast_bytes},
    [CLASS_BYTES] = {[CLASS_TEXT] = pqf_cast_bytes,
                     [CLASS_BYTES] = pqf_cast_bytes,
                     [CLASS_FIXED_BYTES] = pqf_cast_bytes},
    [CLASS_FIXED_BYTES] =
        {[CLASS_BYTES] = pqf_cast_bytes, [CLASS_FIXED_BYTES] = pqf_cast_bytes},
    [CLASS_LIST] = {[CLASS_LIST] = pqf_cast_list, [CLASS_MAP] = pqf_cast_list},
    [CLASS_STRUCT] = {[CLASS_STRUCT] = pqf_cast_struct},
    [CLASS_MAP] = {[CLASS_MAP] = pqf_cast_list},
};

/* ---- NaN as null ---- */

/* The n (1..64) slots from `at` as bits, set where a number stands. */
static uint64_t not_nan(const pqf_view *v, int64_t at, int64_t n) {
    double block[64];
    uint64_t bits = 0;
    pqf_number_load_f64(pqf_number_of(&v->type), v->values, v->offset + at, n, block);
    for (int64_t i = 0; i < n; i++)
        bits |= (uint64_t)(block[i] == block[i]) << i;
    return bits;
}

#define ANY_NAN(T)                                                                       \
    {                                                                                    \
        const T *p = (const T *)v->values + v->offset;                                   \
        bool any = false;                                                                \
        for (int64_t i = 0; i < v->length; i++)                                          \
            any |= p[i] != p[i];                                                         \
        return any;                                                                      \
    }

static bool has_nan(const pqf_view *v) {
    if (v->type.id == PQF_TYPE_DOUBLE) ANY_NAN(double)
    if (v->type.id == PQF_TYPE_FLOAT) ANY_NAN(float)
    for (int64_t at = 0; at < v->length; at += 64) {
        int64_t n = pqf_min_i64(64, v->length - at);
        if (pqf_popcount(not_nan(v, at, n)) < n) return true;
    }
    return false;
}

static bool nan_counts_as_null(const pqf_job *job, const pqf_target *t,
                               const pqf_view *v) {
    bool to_float = t->type.id >= PQF_TYPE_HALF && t->type.id <= PQF_TYPE_DOUBLE;
    return job->options->nan_is_null && pqf_number_is_float(pqf_number_of(&v->type)) &&
           (t->nullable || !to_float);
}

/* Narrows the validity of a copy of the view; offset 0 afterwards. */
static pqf_status nans_to_nulls(pqf_job *job, pqf_view *v) {
    void *block;
    size_t bytes = (size_t)pqf_bits_bytes(v->length);
    TRY(pqf_arena_alloc(job->arena, bytes, &block, job->err));
    uint8_t *bits = block;
    for (int64_t at = 0; at < v->length; at += 64) {
        int64_t n = pqf_min_i64(64, v->length - at);
        uint64_t word = not_nan(v, at, n);
        if (v->validity) word &= pqf_bits_load(v->validity, v->offset + at, (int)n);
        memcpy(bits + at / 8, &word, (size_t)pqf_bits_bytes(n));
    }
    v->values = (const uint8_t *)v->values + v->offset * v->type.byte_width;
    v->offset = 0;
    v->validity = bits;
    v->null_count = v->length - pqf_bits_count(bits, 0, v->length);
    return PQF_OK;
}

/* ---- what fits ---- */

static bool fits(const pqf_job *job, const pqf_target *t, const pqf_view *v);

static bool children_fit(const pqf_job *job, const pqf_target *t, const pqf_view *v) {
    if (t->num_children != v->num_children) return false;
    for (int64_t i = 0; i < t->num_children; i++) {
        const char *name = pqf_field_name(v->children[i].schema);
        bool by_name = t->type.id == PQF_TYPE_STRUCT && !t->by_position;
        if (by_name && strcmp(t->children[i].name, name) != 0) return false;
        int64_t first;
        pqf_view child = t->type.id == PQF_TYPE_STRUCT ? pqf_child_of_struct(v, i)
                                                       : pqf_child_of_list(v, &first);
        if (!fits(job, &t->children[i], &child)) return false;
    }
    return true;
}

static bool same_layout(const pqf_type *from, const pqf_type *to) {
    if (class_of(from) != CLASS_DECIMAL) return pqf_type_same(from, to);
    return from->id == to->id && from->scale == to->scale;
}

/* The array can be handed out as it is, nulls in required fields aside. */
static bool fits(const pqf_job *job, const pqf_target *t, const pqf_view *v) {
    if (v->dictionary || v->type.id == PQF_TYPE_RUN_END ||
        !same_layout(&v->type, &t->type))
        return false;
    if (v->type.id == PQF_TYPE_LIST_VIEW || v->type.id == PQF_TYPE_LARGE_LIST_VIEW ||
        v->type.shape == PQF_SHAPE_UNION)
        return false;
    if (nan_counts_as_null(job, t, v) && has_nan(v)) return false;
    if (class_of(&t->type) == CLASS_DECIMAL)
        return pqf_decimals_fit(v, t->type.precision);
    if (class_of(&t->type) == CLASS_TEXT) return pqf_text_fits(v);
    return children_fit(job, t, v);
}

/* Dictionaries of single values without nulls among them stay encoded, whatever their
 * index type. */
static bool dictionary_fits(const pqf_job *job, const pqf_target *t, const pqf_view *v) {
    const pqf_view *values = v->dictionary;
    return t->is_dictionary && t->num_children == 0 && values->null_count == 0 &&
           pqf_schema_same_type(values->schema, t->plain) && fits(job, t, values);
}

/* ---- nodes ---- */

static pqf_status borrow_dictionary(pqf_job *job, const pqf_target *t,
                                    const pqf_level *level, struct ArrowSchema *schema,
                                    struct ArrowArray *out) {
    const pqf_view *v = level->view;
    if (!t->nullable && v->null_count > 0) TRY(pqf_judge_nulls(job, t, level));
    TRY(pqf_schema_set_dictionary(t, v->schema->format, schema, job->err));
    return pqf_array_borrow(v, job->mem, out, job->err);
}

/* The values behind indexes or runs, one by one, with the codes' own nulls. */
static pqf_status decode(pqf_job *job, const pqf_view *v, struct ArrowArray *out) {
    pqf_buf picks;
    size_t bytes;
    TRY(pqf_bytes_times(v->length, 8, &bytes, job->err));
    TRY(pqf_buf_sized(&picks, job->mem, bytes, false, job->err));
    int64_t *to = (int64_t *)(void *)picks.data;
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < v->length; i++) {
        TRY_DONE(pqf_poll_at(&job->poll, i, job->err));
        if (!v->dictionary)
            to[i] = pqf_run_find(v, i);
        else
            to[i] = pqf_view_is_valid(v, i) ? pqf_view_index(v, i) : -1;
    }
    const pqf_view *values = v->dictionary ? v->dictionary : &v->children[1];
    TRY_DONE(
        pqf_array_gather_on(values, to, v->length, &job->poll, job->mem, out, job->err));
done:
    pqf_buf_reset(&picks);
    return status;
}

static pqf_status conform_decoded(pqf_job *job, const pqf_target *t,
                                  const pqf_level *level, struct ArrowSchema *schema,
                                  struct ArrowArray *out) {
    const pqf_view *v = level->view;
    struct ArrowArray plain;
    pqf_view view;
    TRY(decode(job, v, &plain));
    pqf_status status = PQF_OK;
    const pqf_view *values = v->dictionary ? v->dictionary : &v->children[1];
    TRY_DONE(pqf_view_init(&view, values->schema, &plain, false, job->arena, job->err));
    pqf_level decoded = *level;
    decoded.view = &view;
    TRY_DONE(pqf_conform_node(job, t, &decoded, schema, out));
    if (out->release) TRY_DONE(pqf_array_keep(out, &plain, job->err));
done:
    pqf_array_release(&plain);
    return status;
}

static pqf_status conform_plain(pqf_job *job, const pqf_target *t, const pqf_level *level,
                                struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    if (!t->nullable && v->null_count > 0) TRY(pqf_judge_nulls(job, t, level));
    if (fits(job, t, v)) {
        TRY(pqf_judge_below(job, t, level));
        return pqf_array_borrow(v, job->mem, out, job->err);
    }
    if (v->null_count == v->length)
        return pqf_array_fill(schema, v->length, t->nullable, job->mem, out, job->err);
    pqf_cast_fn cast = CASTS[class_of(&v->type)][class_of(&t->type)];
    return (cast ? cast : pqf_fail_type)(job, t, level, schema, out);
}

/* Its nulls are those of pqf_view_mask, which die with the batch: nothing may borrow them. */
static bool is_masked(const pqf_view *v) {
    return v->validity && v->validity != v->array->buffers[0];
}

pqf_status pqf_conform_node(pqf_job *job, const pqf_target *t, const pqf_level *level,
                            struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    bool may_stay = v->dictionary && !is_masked(v);
    if (may_stay && v->length > 0 && dictionary_fits(job, t, v))
        return borrow_dictionary(job, t, level, schema, out);
    bool done = false;
    if (may_stay && t->is_dictionary)
        TRY(pqf_conform_dictionary(job, t, level, schema, out, &done));
    if (done) return PQF_OK;
    TRY(pqf_schema_set_plain(t, schema, job->err));
    bool encoded = v->dictionary || v->type.id == PQF_TYPE_RUN_END;
    if (encoded && v->null_count < v->length)
        return conform_decoded(job, t, level, schema, out);
    if (!nan_counts_as_null(job, t, v) || !has_nan(v))
        return conform_plain(job, t, level, schema, out);
    pqf_view masked = *v;
    pqf_level below = *level;
    TRY(nans_to_nulls(job, &masked));
    below.view = &masked;
    return conform_plain(job, t, &below, schema, out);
}
