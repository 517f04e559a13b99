/* SPDX-License-Identifier: Apache-2.0
 *
 * conform_dictionary.c (room arrow): a dictionary-encoded column for a field declared as a dictionary
 * of another value type (string to large_string, int64 to int32), or with nulls among its values.
 * In: the view of such a column; out: an array with the same indexes, its dictionary cast, so that
 * values keep their order, those that no row uses among them. Indexes of null values become nulls.
 *
 * Everything here may turn out impossible: a value that does not fit, though perhaps no row uses it.
 * Then nothing is reported and nothing comes out; conforming the rows one by one finds the truth.
 */
#include "conform.h"

#include "base/bits.h"

/* Slot of the dictionary -> number among its valid slots, -1 for null. */
static pqf_status number_values(pqf_job *job, const pqf_view *values, int64_t **numbers,
                                int64_t **picks, int64_t *num_picks) {
    void *block;
    size_t bytes;
    TRY(pqf_bytes_times(values->length, 8, &bytes, job->err));
    TRY(pqf_arena_alloc(job->arena, bytes, &block, job->err));
    *numbers = block;
    TRY(pqf_arena_alloc(job->arena, bytes, &block, job->err));
    *picks = block;
    *num_picks = 0;
    for (int64_t i = 0; i < values->length; i++) {
        bool valid = pqf_view_is_valid(values, i);
        (*numbers)[i] = valid ? *num_picks : -1;
        if (valid) (*picks)[(*num_picks)++] = i;
    }
    return PQF_OK;
}

/* Indexes of the width they had: numbers are not above them. */
static pqf_status renumber(pqf_job *job, const pqf_view *v, const int64_t *numbers,
                           struct ArrowArray *out) {
    pqf_buf bits = {0}, indexes = {0};
    size_t width = (size_t)v->type.byte_width;
    pqf_status status = PQF_OK;
    TRY_DONE(pqf_buf_sized(&bits, job->mem, (size_t)pqf_bits_bytes(v->length), true,
                           job->err));
    TRY_DONE(
        pqf_buf_sized(&indexes, job->mem, (size_t)v->length * width, true, job->err));
    int64_t num_nulls = 0;
    for (int64_t i = 0; i < v->length; i++) {
        int64_t number = pqf_view_is_valid(v, i) ? numbers[pqf_view_index(v, i)] : -1;
        num_nulls += number < 0;
        if (number < 0) continue;
        pqf_bit_put(bits.data, i, true);
        memcpy(indexes.data + (size_t)i * width, &number, width); /* little-endian */
    }
    TRY_DONE(pqf_array_init(out, job->mem, v->length, num_nulls, 2, 0, job->err));
    pqf_array_take_buffer(out, 0, &bits);
    pqf_array_take_buffer(out, 1, &indexes);
done:
    pqf_buf_reset(&bits);
    pqf_buf_reset(&indexes);
    return status;
}

/* The values as the target has them; *fits stays false where one cannot be. `out` may look at
 * `values`. */
static pqf_status cast_values(pqf_job *job, const pqf_target *t, const pqf_view *values,
                              struct ArrowSchema *schema, struct ArrowArray *out,
                              bool *fits) {
    pqf_report *report = NULL;
    pqf_error own;
    pqf_error_init(&own);
    pqf_job quiet = *job;
    quiet.report = &report;
    quiet.err = &own;
    const pqf_level level = {.view = values};
    pqf_status status = pqf_conform_node(&quiet, t, &level, schema, out);
    *fits = status == PQF_OK && !report && out->release && out->null_count == 0;
    pqf_report_free(report);
    if (*fits) return PQF_OK;
    pqf_array_release(out);
    *out = (struct ArrowArray){0};
    if (status == PQF_OK || status == PQF_SCHEMA || status == PQF_INVALID) return PQF_OK;
    return pqf_fail(job->err, status, "%s", own.message);
}

/* Indexes in `out`, with a dictionary cast from `values`. */
static pqf_status put_values(pqf_job *job, const pqf_target *t, const pqf_view *v,
                             const pqf_view *values, struct ArrowSchema *schema,
                             struct ArrowArray *out, bool *done) {
    struct ArrowArray cast = {0};
    TRY(pqf_schema_set_dictionary(t, v->schema->format, schema, job->err));
    TRY(cast_values(job, t, values, schema->dictionary, &cast, done));
    return *done ? pqf_array_take_child(out, -1, &cast, job->err) : PQF_OK;
}

static pqf_status without_nulls(pqf_job *job, const pqf_target *t, const pqf_view *v,
                                struct ArrowSchema *schema, struct ArrowArray *out,
                                bool *done) {
    int64_t *numbers, *picks, num_picks;
    struct ArrowArray valid = {0};
    pqf_view values;
    TRY(number_values(job, v->dictionary, &numbers, &picks, &num_picks));
    TRY(renumber(job, v, numbers, out));
    if (!t->nullable && out->null_count > 0) return PQF_OK;
    pqf_status status = PQF_OK;
    TRY_DONE(
        pqf_array_gather(v->dictionary, picks, num_picks, job->mem, &valid, job->err));
    TRY_DONE(pqf_view_init(&values, v->dictionary->schema, &valid, false, job->arena,
                           job->err));
    TRY_DONE(put_values(job, t, v, &values, schema, out, done));
    if (*done) TRY_DONE(pqf_array_keep(out, &valid, job->err));
done:
    pqf_array_release(&valid);
    return status;
}

static pqf_status with_indexes(pqf_job *job, const pqf_target *t, const pqf_level *level,
                               struct ArrowSchema *schema, struct ArrowArray *out,
                               bool *done) {
    pqf_view indexes = *level->view;
    indexes.dictionary = NULL;
    TRY(pqf_array_borrow(&indexes, job->mem, out, job->err));
    TRY(put_values(job, t, level->view, level->view->dictionary, schema, out, done));
    if (!*done || t->nullable || level->view->null_count == 0) return PQF_OK;
    return pqf_judge_nulls(job, t, level);
}

pqf_status pqf_conform_dictionary(pqf_job *job, const pqf_target *t,
                                  const pqf_level *level, struct ArrowSchema *schema,
                                  struct ArrowArray *out, bool *done) {
    const pqf_view *v = level->view, *values = v->dictionary;
    *done = false;
    if (t->num_children > 0 || v->length == 0 || values->dictionary ||
        values->num_children > 0 || values->type.id == PQF_TYPE_NULL)
        return PQF_OK;
    pqf_status status = values->null_count > 0
                            ? without_nulls(job, t, v, schema, out, done)
                            : with_indexes(job, t, level, schema, out, done);
    if (status == PQF_OK && *done) return PQF_OK;
    pqf_array_release(out);
    *out = (struct ArrowArray){0};
    return status;
}
