/* SPDX-License-Identifier: Apache-2.0
 *
 * cast_nested.c: room arrow, conforming. Structs and lists: their own layout here, their
 * children by way of pqf_conform_node. Lists of all five layouts become lists with
 * offsets or of fixed size.
 *
 * The child of a list is cut to what the lists span, so a slice of a few lists out of a
 * large array costs a few lists; offsets are moved by as much. Where the items do not
 * follow each other in the order of the lists, they are taken into that order first.
 */
#include "conform.h"
#include "nulls.h"

#include "base/bits.h"

pqf_status pqf_cast_begin(pqf_job *job, const pqf_view *v, int64_t num_buffers,
                          int64_t num_children, struct ArrowArray *out) {
    pqf_buf bits;
    TRY(pqf_array_init(out, job->mem, v->length, v->null_count, num_buffers, num_children,
                       job->err));
    if (!v->validity) return PQF_OK;
    TRY(pqf_buf_sized(&bits, job->mem, (size_t)pqf_bits_bytes(v->length), true,
                      job->err));
    for (int64_t i = 0; i < v->length; i += 64) {
        int n = (int)pqf_min_i64(64, v->length - i);
        uint64_t word = pqf_bits_load(v->validity, v->offset + i, n);
        memcpy(bits.data + i / 8, &word, (size_t)pqf_bits_bytes(n));
    }
    pqf_array_take_buffer(out, 0, &bits);
    return PQF_OK;
}

/* ---- structs ---- */

static pqf_status cast_field(pqf_job *job, const pqf_target *t, const pqf_level *level,
                             int64_t pick, struct ArrowSchema *schema,
                             struct ArrowArray *out) {
    if (pick < 0) {
        TRY(pqf_schema_set_plain(t, schema, job->err));
        return pqf_array_fill(schema, level->view->length, t->nullable, job->mem, out,
                              job->err);
    }
    pqf_view child = pqf_child_of_struct(level->view, pick);
    pqf_level below = {.up = level, .view = &child};
    return pqf_conform_node(job, t, &below, schema, out);
}

pqf_status pqf_cast_struct(pqf_job *job, const pqf_target *t, const pqf_level *level,
                           struct ArrowSchema *schema, struct ArrowArray *out) {
    const pqf_view *v = level->view;
    void *block;
    bool all_there;
    TRY(pqf_arena_array(job->arena, (size_t)t->num_children, sizeof(int64_t), &block,
                        job->err));
    int64_t *picks = block;
    TRY(pqf_match(job, t, v, picks, &all_there));
    TRY(pqf_cast_begin(job, v, 1, t->num_children, out));
    for (int64_t i = 0; i < t->num_children; i++) {
        if (picks[i] < 0 && !all_there) continue; /* reported */
        TRY(cast_field(job, &t->children[i], level, picks[i], schema->children[i],
                       out->children[i]));
    }
    return PQF_OK;
}

/* ---- lists: where the items are ---- */

/* The items of all lists in the order of the lists, and what they are called by
 * offsets. */
typedef struct items {
    pqf_view view;           /* of the items */
    pqf_level level;         /* above them: the lists */
    struct ArrowArray taken; /* when they had to be taken out of order */
    pqf_buf starts;          /* then: where each list begins, length + 1 */
} items;

static int64_t count_of(const pqf_view *v, int64_t i) {
    int64_t start, count;
    if (!pqf_view_is_valid(v, i)) return 0;
    pqf_list_range(v, i, &start, &count);
    return count;
}

static bool has_sizes(const pqf_view *v) {
    return v->type.shape == PQF_SHAPE_LIST_VIEW ||
           v->type.shape == PQF_SHAPE_LARGE_LIST_VIEW;
}

/* Slots of the items, null lists padded to `width` items (0: left empty). */
static pqf_status pick_items(pqf_job *job, const pqf_view *v, int64_t width,
                             pqf_buf *starts, pqf_buf *picks) {
    size_t bytes;
    TRY(pqf_bytes_times(v->length + 1, 8, &bytes, job->err));
    TRY(pqf_buf_sized(starts, job->mem, bytes, false, job->err));
    int64_t *at = (int64_t *)(void *)starts->data, total = 0;
    for (int64_t i = 0; i < v->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        int64_t count = width ? width : count_of(v, i);
        at[i] = total;
        if (!pqf_add_i64(total, count, &total)) total = INT64_MAX;
    }
    at[v->length] = total;
    TRY(pqf_bytes_times(total, 8, &bytes, job->err));
    TRY(pqf_buf_sized(picks, job->mem, bytes, false, job->err));
    int64_t *to = (int64_t *)(void *)picks->data;
    for (int64_t i = 0; i < v->length; i++) {
        int64_t start = 0, count = 0;
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (pqf_view_is_valid(v, i)) pqf_list_range(v, i, &start, &count);
        if (width && count != width) count = 0;
        for (int64_t k = 0; k < at[i + 1] - at[i]; k++)
            *to++ = k < count ? start + k : -1;
    }
    return PQF_OK;
}

static pqf_status take_items(pqf_job *job, const pqf_level *level, int64_t width,
                             items *out) {
    const pqf_view *v = level->view;
    pqf_buf picks = {.mem = job->mem};
    pqf_status status = PQF_OK;
    TRY_DONE(pick_items(job, v, width, &out->starts, &picks));
    const int64_t *starts = (const int64_t *)(void *)out->starts.data;
    TRY_DONE(pqf_array_gather_on(&v->children[0], (const int64_t *)(void *)picks.data,
                                 starts[v->length], &job->poll, job->mem, &out->taken,
                                 job->err));
    TRY_DONE(pqf_view_init(&out->view, v->children[0].schema, &out->taken, false,
                           job->arena, job->err));
    out->level =
        (pqf_level){.up = level, .view = &out->view, .is_items = true, .starts = starts};
done:
    pqf_buf_reset(&picks);
    return status;
}

static pqf_status find_items(pqf_job *job, const pqf_level *level, int64_t width,
                             bool in_order, items *out) {
    if (!in_order) return take_items(job, level, width, out);
    int64_t first;
    out->view = pqf_child_of_list(level->view, &first);
    out->level =
        (pqf_level){.up = level, .view = &out->view, .is_items = true, .first = first};
    return PQF_OK;
}

/* ---- lists: with offsets ---- */

static int64_t offset_of(const pqf_view *v, const items *in, int64_t i) {
    int64_t start = 0, count = 0;
    if (in->level.starts) return in->level.starts[i];
    if (v->length == 0) return 0;
    pqf_list_range(v, i < v->length ? i : i - 1, &start, &count);
    return start + (i < v->length ? 0 : count) - in->level.first;
}

static pqf_status take_offsets(pqf_job *job, const pqf_view *v, const items *in,
                               bool large, struct ArrowArray *out) {
    pqf_buf offsets;
    size_t bytes;
    TRY(pqf_bytes_times(v->length + 1, large ? 8 : 4, &bytes, job->err));
    TRY(pqf_buf_sized(&offsets, job->mem, bytes, false, job->err));
    int64_t *large_to = (int64_t *)(void *)offsets.data;
    int32_t *to = (int32_t *)(void *)offsets.data;
    pqf_array_take_buffer(out, 1, &offsets);
    for (int64_t i = 0; i <= v->length; i++) {
        TRY(pqf_poll_at(&job->poll, i, job->err));
        int64_t at = offset_of(v, in, i);
        if (large)
            large_to[i] = at;
        else
            to[i] = (int32_t)at;
    }
    return PQF_OK;
}

static pqf_status put_offsets(pqf_job *job, const pqf_target *t, const pqf_view *v,
                              const items *in, struct ArrowSchema *schema,
                              struct ArrowArray *out) {
    bool declared_large =
        t->type.id == PQF_TYPE_LARGE_LIST || t->type.id == PQF_TYPE_LARGE_LIST_VIEW;
    bool large = declared_large || in->view.length > INT32_MAX;
    pqf_shape shape = large ? PQF_SHAPE_LARGE_LIST : PQF_SHAPE_LIST;
    if (large && t->type.id == PQF_TYPE_MAP)
        return pqf_fail(job->err, PQF_LIMIT,
                        "column '%.200s': a batch with more than 2^31-1 map "
                        "entries: use smaller batches",
                        t->path);
    if (large && !declared_large) TRY(pqf_schema_put_format(schema, "+L", job->err));
    if (v->type.shape != shape || in->level.starts || in->level.first != 0 ||
        v->length == 0)
        return take_offsets(job, v, in, large, out);
    pqf_array_borrow_buffer(out, 1,
                            (const uint8_t *)v->values + v->offset * (large ? 8 : 4));
    return PQF_OK;
}

/* ---- lists: of fixed size ---- */

/* Judges the lists' sizes; *in_order when the items already lie at i * width. */
static pqf_status check_sizes(pqf_job *job, const pqf_target *t, const pqf_level *level,
                              bool *in_order) {
    const pqf_view *v = level->view;
    pqf_tally tally = {.job = job, .target = t, .level = level};
    int64_t first = 0, start, count;
    *in_order = !has_sizes(v);
    if (v->length > 0 && *in_order) pqf_list_range(v, 0, &first, &count);
    for (int64_t i = 0; i < v->length; i++) {
        bool valid = pqf_view_is_valid(v, i);
        TRY(pqf_poll_at(&job->poll, i, job->err));
        if (valid || *in_order) pqf_list_range(v, i, &start, &count);
        if (*in_order)
            *in_order = start == first + i * t->type.width && count == t->type.width;
        if (valid && count != t->type.width) TRY(pqf_tally_add(&tally, i));
    }
    return pqf_tally_end(&tally);
}

/* ---- lists ---- */

static pqf_status cast_items(pqf_job *job, const pqf_target *t, const pqf_level *level,
                             items *in, struct ArrowSchema *schema,
                             struct ArrowArray *out) {
    const pqf_view *v = level->view;
    bool fixed = t->type.shape == PQF_SHAPE_FIXED_LIST, in_order = !has_sizes(v);
    if (fixed) TRY(check_sizes(job, t, level, &in_order));
    TRY(find_items(job, level, fixed ? t->type.width : 0, in_order, in));
    TRY(pqf_cast_begin(job, v, fixed ? 1 : 2, 1, out));
    if (!fixed) TRY(put_offsets(job, t, v, in, schema, out));
    TRY(pqf_conform_node(job, &t->children[0], &in->level, schema->children[0],
                         out->children[0]));
    return in->taken.release ? pqf_array_keep(out, &in->taken, job->err) : PQF_OK;
}

pqf_status pqf_cast_list(pqf_job *job, const pqf_target *t, const pqf_level *level,
                         struct ArrowSchema *schema, struct ArrowArray *out) {
    items in = {.starts = {.mem = job->mem}};
    pqf_status status = cast_items(job, t, level, &in, schema, out);
    pqf_buf_reset(&in.starts);
    pqf_array_release(&in.taken);
    return status;
}
