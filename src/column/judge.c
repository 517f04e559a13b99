/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c (room column): values that have no place in the file are found before anything of their
 * batch is encoded, so that a refused batch adds nothing. In: a conformed batch; out: records of
 * rule "value". The rules are those of convert_write.c, as limits of a leaf's Arrow values. Leaves
 * that take every value cost nothing; of the others all slots are scanned at once, and only where
 * one is out of limits its validity and that of its parents is asked.
 */
#include "interval.h"
#include "shred.h"

#include <inttypes.h>
#include <stdio.h>

#define TYPE_BYTES  512
#define PATH_BYTES  1024
#define VALUE_BYTES 330 /* 80 characters */

typedef __int128 wide;

/* A value fits where low <= value <= high and it is a multiple of `multiple`. */
typedef struct limits {
    wide low, high;
    int64_t multiple;
} limits;

typedef struct batch_job {
    int64_t row_base;
    pqf_poll poll;
    pqf_report *report; /* NULL: nobody asks for records */
    int64_t num_failures;
    char message[600]; /* of the first failure */
    pqf_error *err;
} batch_job;

typedef struct leaf_job {
    batch_job *batch;
    limits limits;
    bool is_interval; /* limits of each part, as in interval.c */
    pqf_route_node route[PQF_MAX_DEPTH];
    int32_t num_nodes;
    const pqf_view *leaf;   /* what stands in the slots: values or indexes */
    const pqf_view *values; /* those, or the dictionary's */
    int64_t first_row;      /* slot of the batch's first row */
    int64_t count;
    int64_t rows[PQF_MAX_SAMPLES];
    int64_t slots[PQF_MAX_SAMPLES];
} leaf_job;

/* ---- the limits of each conversion ---- */

static void limit_days(const pqf_field *field, limits *out) {
    *out = (limits){(wide)INT32_MIN * field->factor, (wide)INT32_MAX * field->factor,
                    field->factor};
}

static void limit_32(const pqf_field *field, limits *out) {
    *out = (limits){INT32_MIN / field->factor, INT32_MAX / field->factor, 1};
}

static void limit_64(const pqf_field *field, limits *out) {
    *out = (limits){INT64_MIN / field->factor, INT64_MAX / field->factor, 1};
}

static void limit_whole(const pqf_field *field, limits *out) {
    *out = (limits){INT64_MIN, INT64_MAX, field->keep_lossy ? 1 : field->factor};
}

/* Julian days from 0 on (readers take them as unsigned) to 31 bits; 1970-01-01 is day 2440588. */
static void limit_int96(const pqf_field *field, limits *out) {
    wide units_per_day = INT64_C(86400000000000) / field->factor;
    *out = (limits){-INT64_C(2440588) * units_per_day,
                    (INT32_MAX - INT64_C(2440588) + 1) * units_per_day - 1, 1};
}

/* NULL: there is a Parquet value for each Arrow value. Decimals keep within the digits that
 * their leaf has room for since they were conformed. */
static void (*const limits_of[])(const pqf_field *field, limits *out) = {
    [PQF_CONVERT_DAYS_TO_MS] = limit_days,
    [PQF_CONVERT_DIVIDE_32] = limit_32,
    [PQF_CONVERT_DIVIDE_64] = limit_64,
    [PQF_CONVERT_MULTIPLY_64] = limit_whole,
    [PQF_CONVERT_INT96_TO_TIMESTAMP] = limit_int96,
};

/* False where the width of the Arrow values leaves nothing to refuse. */
static bool find_limits(const pqf_field *field, limits *out) {
    size_t id = (size_t)field->convert;
    if (id >= sizeof limits_of / sizeof *limits_of || !limits_of[id]) return false;
    int width = field->arrow_width;
    if (width != 4 && width != 8) return false;
    limits_of[id](field, out);
    wide half = (wide)1 << (8 * width - 2);
    if (out->low < -half - half) out->low = -half - half;
    if (out->high > half - 1 + half) out->high = half - 1 + half;
    return out->multiple > 1 || out->low > -half - half || out->high < half - 1 + half;
}

/* ---- scans ---- */

/* Constant multiples let the compiler divide by multiplication. */
static inline __attribute__((always_inline)) bool scan_64_by(const uint8_t *values,
                                                             int64_t n, int64_t low,
                                                             int64_t high,
                                                             int64_t multiple) {
    bool wrong = false;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = (int64_t)pqf_load_u64(values + i * 8);
        wrong |= (a < low) | (a > high) | (a % multiple != 0);
    }
    return wrong;
}

static bool scan_64(const uint8_t *values, int64_t n, const limits *l) {
    int64_t low = (int64_t)l->low, high = (int64_t)l->high;
    switch (l->multiple) {
    case 1: return scan_64_by(values, n, low, high, 1);
    case 1000: return scan_64_by(values, n, low, high, 1000);
    case 1000000: return scan_64_by(values, n, low, high, 1000000);
    case 86400000: return scan_64_by(values, n, low, high, 86400000);
    default: return scan_64_by(values, n, low, high, l->multiple);
    }
}

static bool scan_32(const uint8_t *values, int64_t n, const limits *l) {
    bool wrong = false;
    for (int64_t i = 0; i < n; i++) {
        int32_t a = (int32_t)pqf_load_u32(values + i * 4);
        wrong |= (a < (int32_t)l->low) | (a > (int32_t)l->high);
    }
    return wrong;
}

/* Whether any of n slots holds what does not fit, null or not. */
static bool has_wrong(const leaf_job *job, int64_t start, int64_t n) {
    int32_t width = job->values->type.byte_width;
    const uint8_t *values = job->values->values;
    values += (job->values->offset + start) * width;
    if (n == 0) return false;
    if (job->is_interval) return !pqf_intervals_fit(values, n, width);
    if (width == 4) return scan_32(values, n, &job->limits);
    return scan_64(values, n, &job->limits);
}

/* ---- the way to the leaf ---- */

/* False where the data is not of the schema's shape: shredding says so. */
static bool find_route(leaf_job *job, const pqf_field *leaf, const pqf_view *column) {
    int32_t depth = 0;
    for (const pqf_field *f = leaf; f; f = f->parent)
        if (depth++ == PQF_MAX_DEPTH) return false;
    job->num_nodes = depth;
    for (const pqf_field *f = leaf; f; f = f->parent)
        job->route[--depth].field = f;
    job->route[0].view = column;
    for (int32_t i = 1; i < job->num_nodes; i++) {
        const pqf_field *above = job->route[i - 1].field;
        const pqf_view *view = job->route[i - 1].view;
        bool is_struct = above->kind == PQF_FIELD_STRUCT;
        int64_t child = is_struct ? job->route[i].field - above->children : 0;
        if (child >= view->num_children ||
            is_struct != (view->type.id == PQF_TYPE_STRUCT))
            return false;
        job->route[i].view = &view->children[child];
    }
    job->leaf = job->route[job->num_nodes - 1].view;
    job->values = job->leaf->dictionary ? job->leaf->dictionary : job->leaf;
    return job->values->type.shape == PQF_SHAPE_FIXED &&
           job->values->type.byte_width == leaf->arrow_width;
}

/* Slots of the child that belong to one slot. */
static pqf_slots child_slots(const pqf_view *v, int64_t slot) {
    int64_t i = v->offset + slot;
    const int32_t *small = v->values;
    const int64_t *large = v->values;
    switch (v->type.shape) {
    case PQF_SHAPE_LIST: return (pqf_slots){small[i], small[i + 1] - small[i]};
    case PQF_SHAPE_LARGE_LIST: return (pqf_slots){large[i], large[i + 1] - large[i]};
    case PQF_SHAPE_LIST_VIEW:
        return (pqf_slots){small[i], ((const int32_t *)v->sizes)[i]};
    case PQF_SHAPE_LARGE_LIST_VIEW:
        return (pqf_slots){large[i], ((const int64_t *)v->sizes)[i]};
    case PQF_SHAPE_FIXED_LIST: return (pqf_slots){i * v->type.width, v->type.width};
    default: return (pqf_slots){i, 1};
    }
}

/* Slots of the child that belong to any of these; views of lists have no order. */
static pqf_slots child_span(const pqf_view *v, pqf_slots slots) {
    if (slots.len == 0) return slots;
    if (v->type.shape == PQF_SHAPE_LIST_VIEW ||
        v->type.shape == PQF_SHAPE_LARGE_LIST_VIEW)
        return (pqf_slots){0, v->children[0].length};
    pqf_slots first = child_slots(v, slots.start),
              last = child_slots(v, slots.start + slots.len - 1);
    return (pqf_slots){first.start, last.start + last.len - first.start};
}

static pqf_status may_be_wrong(const leaf_job *job, int64_t num_rows, bool *out) {
    pqf_slots slots = {job->first_row, num_rows};
    *out = false;
    for (int32_t i = 0; i + 1 < job->num_nodes; i++)
        slots = child_span(job->route[i].view, slots);
    if (slots.len == 0) return PQF_OK;
    if (job->leaf->dictionary) slots = (pqf_slots){0, job->values->length};
    for (int64_t at = 0; !*out && at < slots.len; at += PQF_POLL_VALUES) {
        TRY(pqf_poll_now(&job->batch->poll, job->batch->err));
        *out = has_wrong(job, slots.start + at,
                         pqf_min_i64(PQF_POLL_VALUES, slots.len - at));
    }
    return PQF_OK;
}

/* ---- slot by slot, once something is wrong ---- */

static void judge_slot(leaf_job *job, int64_t slot, int64_t row) {
    int64_t at = slot;
    if (job->leaf->dictionary) {
        at = pqf_view_index(job->leaf, slot);
        if (!pqf_view_is_valid(job->values, at)) return;
    }
    if (!has_wrong(job, at, 1)) return;
    if (job->count < PQF_MAX_SAMPLES) {
        job->rows[job->count] = row;
        job->slots[job->count] = at;
    }
    job->count++;
}

/* As deep as the schema, at most PQF_MAX_DEPTH. */
static void judge_node(leaf_job *job, int32_t node, int64_t slot, int64_t row) {
    const pqf_view *view = job->route[node].view;
    if (!pqf_view_is_valid(view, slot)) return;
    if (node + 1 == job->num_nodes) {
        judge_slot(job, slot, row);
        return;
    }
    pqf_slots below = child_slots(view, slot);
    for (int64_t i = 0; i < below.len; i++)
        judge_node(job, node + 1, below.start + i, row);
}

/* ---- records ---- */

/* s.x, l[], m.key: a map's entries have the map's own path. */
static void put_path(const leaf_job *job, char *out) {
    size_t len = 0;
    for (int32_t i = 0; i < job->num_nodes && len < PATH_BYTES; i++) {
        const pqf_field *f = job->route[i].field, *above = f->parent;
        bool is_entries = above && above->kind == PQF_FIELD_MAP;
        bool in_entries = above && above->parent && above->parent->kind == PQF_FIELD_MAP;
        if (is_entries) continue;
        const char *name = f->name;
        if (in_entries) name = f == above->children ? "key" : "value";
        bool is_item = above && above->kind == PQF_FIELD_LIST;
        int n = snprintf(out + len, PATH_BYTES - len,
                         is_item ? "[]"
                         : above ? ".%s"
                                 : "%s",
                         name);
        len += n > 0 ? (size_t)n : 0;
    }
}

static int unit_steps(int64_t factor) {
    int steps = 0;
    for (; factor >= 1000; factor /= 1000)
        steps++;
    return steps;
}

/* The type as which the values stand in the file. */
static void put_file_type(const leaf_job *job, char *out) {
    const pqf_field *field = job->route[job->num_nodes - 1].field;
    pqf_type type = job->values->type;
    char format[TYPE_BYTES];
    struct ArrowSchema schema = {.format = format, .name = ""};
    int steps = unit_steps(field->factor), unit = (int)type.unit;
    switch (field->convert) {
    case PQF_CONVERT_DAYS_TO_MS:
        schema.format = "tdD";
        pqf_type_text(&schema, out, TYPE_BYTES);
        return;
    case PQF_CONVERT_MULTIPLY_64: unit -= steps; break;
    case PQF_CONVERT_DIVIDE_32:
    case PQF_CONVERT_DIVIDE_64: unit += steps; break;
    case PQF_CONVERT_INT96_TO_TIMESTAMP: snprintf(out, TYPE_BYTES, "INT96"); return;
    case PQF_CONVERT_INTERVAL:
        snprintf(out, TYPE_BYTES, "INTERVAL of unsigned months, days, milliseconds");
        return;
    default: pqf_type_text(job->values->schema, out, TYPE_BYTES); return;
    }
    type.unit = (pqf_unit)unit;
    if (type.id == PQF_TYPE_TIMESTAMP && strlen(type.zone) > TYPE_BYTES - 64)
        type.zone = "";
    pqf_type_format(&type, format, sizeof format);
    pqf_type_text(&schema, out, TYPE_BYTES);
}

static void note_failure(const leaf_job *job, const char *path, const char *expected,
                         const char *value) {
    batch_job *batch = job->batch;
    const pqf_field *leaf = job->route[job->num_nodes - 1].field;
    bool is_cut = leaf->convert == PQF_CONVERT_MULTIPLY_64;
    if (batch->num_failures++ > 0) return;
    snprintf(batch->message, sizeof batch->message,
             "Column '%.120s': value %.200s in row %lld does not fit %.150s%s", path,
             value, (long long)job->rows[0], expected,
             is_cut ? " without loss; allow_truncated_timestamps permits that" : "");
}

static pqf_status put_records(const leaf_job *job) {
    char path[PATH_BYTES] = "", expected[TYPE_BYTES], found[TYPE_BYTES],
         value[VALUE_BYTES];
    put_path(job, path);
    put_file_type(job, expected);
    pqf_type_text(job->values->schema, found, sizeof found);
    for (int64_t i = 0; i < job->count && i < PQF_MAX_SAMPLES; i++) {
        pqf_view_text(job->values, job->slots[i], value, sizeof value);
        if (i == 0) note_failure(job, path, expected, value);
        if (!job->batch->report) break;
        /* the first sample's record carries the count */
        pqf_status status =
            pqf_report_add(job->batch->report, path, "value", i ? 0 : job->count,
                           expected, found, job->rows[i], value);
        if (status != PQF_OK)
            return pqf_fail(job->batch->err, status, "no memory for a report");
    }
    return PQF_OK;
}

/* ---- a batch ---- */

static pqf_status judge_leaf(batch_job *batch, const pqf_field *leaf,
                             const pqf_view *column, int64_t first_row,
                             int64_t num_rows) {
    leaf_job job = {.batch = batch,
                    .first_row = first_row,
                    .is_interval = leaf->convert == PQF_CONVERT_INTERVAL};
    bool wrong;
    if (!job.is_interval && !find_limits(leaf, &job.limits)) return PQF_OK;
    if (!find_route(&job, leaf, column)) return PQF_OK;
    TRY(may_be_wrong(&job, num_rows, &wrong));
    for (int64_t i = 0; wrong && i < num_rows; i++) {
        TRY(pqf_poll_at(&batch->poll, i, batch->err));
        judge_node(&job, 0, first_row + i, batch->row_base + i);
    }
    return put_records(&job);
}

static const pqf_field *top_of(const pqf_field *field) {
    while (field->parent)
        field = field->parent;
    return field;
}

pqf_status pqf_values_judge(const pqf_schema *schema, const pqf_view *batch,
                            int64_t row_base, const pqf_poll *poll, pqf_report *report,
                            pqf_error *err) {
    batch_job job = {.row_base = row_base, .poll = *poll, .report = report, .err = err};
    for (int32_t l = 0; l < schema->tree.num_leaves; l++) {
        const pqf_field *leaf = schema->leaf_fields[l];
        const pqf_view *column = &batch->children[top_of(leaf) - schema->fields];
        TRY(judge_leaf(&job, leaf, column, batch->offset, batch->length));
    }
    if (job.num_failures == 0) return PQF_OK;
    if (job.num_failures == 1) return pqf_fail(err, PQF_SCHEMA, "%s", job.message);
    return pqf_fail(err, PQF_SCHEMA, "%s; %lld more", job.message,
                    (long long)job.num_failures - 1);
}
