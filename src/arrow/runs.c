/* SPDX-License-Identifier: Apache-2.0
 *
 * runs.c: room arrow. An array of values becomes a run-end encoded one. In: any array without
 * children, dictionaries among them; out: the end of each run and one value for it (Arrow Columnar
 * Format, Run-End Encoded Layout). Values are equal where their bytes are: a NaN ends no run of the
 * same NaN, -0.0 ends one of 0.0, so that decoding gives back what was there.
 */
#include "array.h"
#include "type.h"

static bool get_bit(const pqf_view *v, int64_t i) {
    int64_t at = v->offset + i;
    return (((const uint8_t *)v->values)[at >> 3] >> (at & 7)) & 1;
}

/* Slot i holds what the slot before it does. */
static bool goes_on(const pqf_view *v, int64_t i) {
    bool valid = pqf_view_is_valid(v, i);
    if (v->type.id == PQF_TYPE_NULL) return true;
    if (valid != pqf_view_is_valid(v, i - 1)) return false;
    if (!valid) return true;
    if (v->type.shape == PQF_SHAPE_BITS) return get_bit(v, i) == get_bit(v, i - 1);
    if (v->type.shape == PQF_SHAPE_FIXED) {
        size_t width = (size_t)v->type.byte_width;
        const uint8_t *at = (const uint8_t *)v->values + (size_t)(v->offset + i) * width;
        return memcmp(at, at - width, width) == 0;
    }
    pqf_bytes a = pqf_view_bytes(v, i - 1), b = pqf_view_bytes(v, i);
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The first slot of each run. */
static pqf_status find_starts(const pqf_view *v, pqf_buf *starts, pqf_error *err) {
    for (int64_t i = 0; i < v->length; i++)
        if (i == 0 || !goes_on(v, i)) TRY(pqf_buf_put(starts, &i, sizeof i, err));
    return PQF_OK;
}

static pqf_status put_ends(const int64_t *starts, int64_t n, int64_t length, size_t width,
                           pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    pqf_buf ends;
    TRY(pqf_array_init(out, mem, n, 0, 2, 0, err));
    TRY(pqf_buf_sized(&ends, mem, (size_t)n * width, false, err));
    for (int64_t i = 0; i < n; i++) /* little-endian: low bytes in any width */
        memcpy(ends.data + (size_t)i * width, i + 1 < n ? &starts[i + 1] : &length,
               width);
    pqf_array_take_buffer(out, 1, &ends);
    return PQF_OK;
}

static pqf_status build_runs(const pqf_view *v, const pqf_buf *starts, size_t width,
                             pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    const int64_t *at = (const int64_t *)(const void *)starts->data;
    int64_t n = (int64_t)(starts->len / sizeof(int64_t));
    TRY(pqf_array_init(out, mem, v->length, 0, 0, 2, err));
    TRY(put_ends(at, n, v->length, width, mem, out->children[0], err));
    return pqf_array_gather(v, at, n, mem, out->children[1], err);
}

pqf_status pqf_array_find_runs(const pqf_view *values, const char *run_format,
                               pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    size_t width = run_format[0] == 's' ? 2 : run_format[0] == 'i' ? 4 : 8;
    struct ArrowArray array = {0};
    pqf_buf starts;
    pqf_status status = PQF_OK;
    if (width < 8 && values->length >= (int64_t)1 << (8 * width - 1))
        return pqf_fail(err, PQF_LIMIT,
                        "%lld slots are more than run ends of %zu bits count: "
                        "read_parquet_iter with a smaller chunk_size reads them",
                        (long long)values->length, 8 * width);
    pqf_buf_init(&starts, mem, 0);
    TRY_DONE(find_starts(values, &starts, err));
    TRY_DONE(build_runs(values, &starts, width, mem, &array, err));
    *out = array;
    array.release = NULL;
done:
    pqf_array_release(&array);
    pqf_buf_reset(&starts);
    return status;
}
