/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_writer.c (room column): rows of a column to the pages of one leaf's chunk.
 *
 *   put ─ shred ─► steps ─ cut at check points ─► segments ─ levels, codes or PLAIN bytes ─► page
 *   check point ─ full? dictionary too big? ─► cut ─ does the dictionary pay? ─► seal
 *
 * The same rows in any split give the same bytes. Therefore everything that is decided is decided
 * at check points: ends of rows at which the open page has a number of entries that follows from
 * the rows before alone. Between them values are only appended.
 */
#include "chunk_writer.h"

/* Of options in bytes: pages end at 2 GiB. */
#define MAX_OPTION_BYTES (INT64_C(1) << 29)

/* ---- made and freed ---- */

static pqf_layout layout_of(const pqf_leaf *leaf) {
    if (leaf->physical == PQF_PHYSICAL_BOOLEAN) return PQF_BITS;
    return leaf->physical == PQF_PHYSICAL_BYTE_ARRAY ? PQF_BINARY : PQF_FIXED;
}

static void init_bufs(pqf_chunk_writer *w) {
    pqf_buf *const bufs[] = {&w->waiting, &w->reps, &w->defs,       &w->codes,
                             &w->values,  &w->used, &w->data_pages, &w->dictionary_page};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        pqf_buf_init(bufs[i], w->mem, 0);
}

static void reset_bufs(pqf_chunk_writer *w) {
    pqf_buf *const bufs[] = {&w->waiting, &w->reps, &w->defs,       &w->codes,
                             &w->values,  &w->used, &w->data_pages, &w->dictionary_page};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        pqf_buf_reset(bufs[i]);
}

static pqf_status writer_init(pqf_chunk_writer *w, pqf_error *err) {
    TRY(pqf_codec_check(w->options.codec, err));
    if (w->leaf->max_def > INT8_MAX || w->leaf->max_rep > INT8_MAX)
        return pqf_fail(err, PQF_LIMIT, "levels above %d are not written", INT8_MAX);
    return pqf_chunk_path_init(w, err);
}

static int64_t clamp(int64_t v, int64_t max) {
    return pqf_min_i64(pqf_max_i64(v, 1), max);
}

pqf_status pqf_chunk_writer_new(const pqf_field *leaf_field,
                                const pqf_chunk_write_options *options, pqf_mem *mem,
                                pqf_chunk_writer **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_chunk_writer), &block, err));
    pqf_chunk_writer *w = block;
    const pqf_leaf *leaf = leaf_field->leaf;
    w->mem = mem;
    w->field = leaf_field;
    w->leaf = leaf;
    w->options = *options;
    w->options.data_page_bytes = clamp(options->data_page_bytes, MAX_OPTION_BYTES);
    w->options.page_rows = clamp(options->page_rows, INT32_MAX);
    w->options.dictionary_page_bytes =
        clamp(options->dictionary_page_bytes, MAX_OPTION_BYTES);
    w->layout = layout_of(leaf);
    w->width = pqf_leaf_width(leaf);
    w->wants_dictionary = options->dictionary && w->layout != PQF_BITS &&
                          leaf_field->layout != PQF_LEAF_NONE;
    w->flat = leaf->max_rep == 0 && leaf->max_def <= 1;
    init_bufs(w);
    pqf_buf_init(&w->held, mem, 0);
    pqf_buf_init(&w->seen, mem, 0);
    pqf_notes_init(&w->notes, leaf_field, options->total_order, options->kernel, mem);
    pqf_chunk_index_init(w);
    pqf_status status = writer_init(w, err);
    if (status != PQF_OK) {
        pqf_chunk_writer_free(w);
        return pqf_error_at_column(err, leaf->path);
    }
    *out = w;
    return PQF_OK;
}

void pqf_chunk_writer_free(pqf_chunk_writer *w) {
    if (!w) return;
    pqf_dict_builder_free(w->dictionary);
    pqf_notes_reset(&w->notes);
    pqf_chunk_index_reset(w);
    pqf_chunk_free_held(w);
    pqf_chunk_end_count(w);
    reset_bufs(w);
    pqf_mem_free(w->mem, w->path, (size_t)w->num_path * sizeof *w->path);
    pqf_mem_free(w->mem, w, sizeof *w);
}

void pqf_chunk_writer_trade(pqf_chunk_writer *w, pqf_scratch *scratch) {
    pqf_buf *const bufs[PQF_CHUNK_BUFS] = {&w->waiting, &w->reps, &w->defs, &w->codes,
                                           &w->values};
    for (int i = 0; i < PQF_CHUNK_BUFS; i++) {
        pqf_buf mine = *bufs[i];
        *bufs[i] = scratch->chunk[i];
        scratch->chunk[i] = mine;
    }
}

void pqf_chunk_writer_fold(pqf_chunk_writer *w) {
    if (w->dictionary) pqf_dict_builder_fold(w->dictionary);
}

/* The limit is looked at between stretches. Few distinct strings are shorter than 4 bytes, which
 * stand behind a length of 4. */
int64_t pqf_chunk_writer_table_bytes(const pqf_chunk_writer *w, int64_t num_rows) {
    int64_t limit = w->field->index_format ? pqf_chunk_source_limit(w)
                                           : w->options.dictionary_page_bytes;
    int64_t each = w->layout == PQF_FIXED ? pqf_max_i64(w->width, 1) : 8;
    int64_t most = limit / each + PQF_CHECK_LEVELS;
    if (!w->wants_dictionary) return 0;
    if (w->flat) most = pqf_min_i64(most, num_rows);
    return pqf_dict_table_bytes(w->layout, w->width, most);
}

/* ---- segments: parts of a step up to a check point ---- */

typedef struct segment {
    int64_t level_at, num_levels;
    int64_t value_at, num_values;
    int64_t num_rows;
    int64_t plain_bytes; /* of dense values, see put_dense */
    bool check;          /* a check point follows */
} segment;

static int64_t count_equal(const uint8_t *levels, int64_t n, uint8_t value) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += levels[i] == value;
    return count;
}

/* Entries of the first `rows` rows; at least so many begin in reps[0..n). */
static int64_t levels_of_rows(const uint8_t *reps, int64_t n, int64_t rows) {
    int64_t i = 0;
    for (; i < n; i++)
        if (reps[i] == 0 && rows-- == 0) break;
    return i;
}

/* Whole rows: the first end of a row at or behind the check point, or page_rows rows. */
static void segment_of_rows(const pqf_chunk_writer *w, const pqf_step *step,
                            segment *seg) {
    const uint8_t *reps = step->reps + seg->level_at;
    int64_t left = step->num_levels - seg->level_at;
    int64_t need = w->check_at - w->page.num_levels;
    int64_t n = pqf_min_i64(need, left);
    const uint8_t *end = n < left ? memchr(reps + n, 0, (size_t)(left - n)) : NULL;
    n = end ? end - reps : left;
    int64_t room = w->options.page_rows - w->page.num_rows;
    seg->num_rows = count_equal(reps, n, 0);
    if (seg->num_rows > room) {
        n = levels_of_rows(reps, n, room);
        seg->num_rows = room;
    }
    seg->num_levels = n;
    seg->check = n >= need || seg->num_rows == room;
}

static int64_t count_values_of(const pqf_chunk_writer *w, const pqf_step *step,
                               const segment *seg) {
    if (step->defs)
        return count_equal(step->defs + seg->level_at, seg->num_levels,
                           (uint8_t)w->leaf->max_def);
    if (!step->validity) return seg->num_levels;
    return w->options.kernel->count_bits(
        step->validity, step->validity_at + seg->level_at, seg->num_levels);
}

static bool has_value(const pqf_chunk_writer *w, const pqf_step *step, int64_t level) {
    if (step->defs) return step->defs[level] == w->leaf->max_def;
    return !step->validity || pqf_bit_get(step->validity, step->validity_at + level);
}

static int64_t plain_bytes_of(const pqf_chunk_writer *w, const void *values, int64_t n) {
    if (w->layout == PQF_FIXED) return n * w->width;
    const pqf_slice *slices = values;
    int64_t bytes = 4 * n;
    for (int64_t i = 0; i < n; i++)
        bytes += slices[i].len;
    return bytes;
}

/* Shortens the segment to end with the row of its value number num_values. */
static void end_after_value(const pqf_chunk_writer *w, const pqf_step *step,
                            int64_t num_values, segment *seg) {
    int64_t end = seg->level_at + seg->num_levels, i = seg->level_at;
    for (; num_values > 0; i++)
        num_values -= has_value(w, step, i);
    while (step->reps && i < end && step->reps[i] != 0)
        i++;
    seg->num_levels = i - seg->level_at;
    seg->num_rows = step->reps
                        ? count_equal(step->reps + seg->level_at, seg->num_levels, 0)
                        : seg->num_levels;
    seg->num_values = count_values_of(w, step, seg);
    seg->check = true;
}

/* Values of the segment up to the one that reaches `bytes` in PLAIN, or -1. */
static int64_t values_to_bytes(const pqf_chunk_writer *w, const pqf_shred *shred,
                               const pqf_step *step, const segment *seg, int64_t bytes) {
    if (step->kind == PQF_VALUES_NONE || step->kind == PQF_VALUES_BITS) return -1;
    if (step->kind == PQF_VALUES_SLICES && seg->plain_bytes < bytes) return -1;
    if (w->layout == PQF_FIXED) {
        int64_t n = (bytes + w->width - 1) / pqf_max_i64(w->width, 1);
        return n <= seg->num_values ? n : -1;
    }
    bool is_codes = step->kind == PQF_VALUES_CODES;
    if (is_codes && seg->num_values * w->map_max_len < bytes) return -1;
    const pqf_slice *slices = step->values;
    const uint32_t *codes = step->values;
    for (int64_t i = seg->value_at; i < seg->value_at + seg->num_values; i++) {
        bytes -= 4 + (is_codes ? pqf_shred_code_len(shred, codes[i]) : slices[i].len);
        if (bytes <= 0) return i + 1 - seg->value_at;
    }
    return -1;
}

/* Codes and bits are counted as they are put. */
static int64_t bytes_of_segment(const pqf_chunk_writer *w, const pqf_step *step,
                                const segment *seg) {
    if (step->kind != PQF_VALUES_FIXED && step->kind != PQF_VALUES_SLICES) return 0;
    size_t bytes = step->kind == PQF_VALUES_FIXED ? (size_t)w->width : sizeof(pqf_slice);
    const uint8_t *values = step->values;
    return plain_bytes_of(w, values + (size_t)seg->value_at * bytes, seg->num_values);
}

static segment next_segment(const pqf_chunk_writer *w, const pqf_shred *shred,
                            const pqf_step *step, const segment *last) {
    segment seg = {.level_at = last->level_at + last->num_levels,
                   .value_at = last->value_at + last->num_values};
    if (step->reps) {
        segment_of_rows(w, step, &seg);
    } else {
        int64_t need = pqf_min_i64(w->check_at - w->page.num_levels,
                                   w->options.page_rows - w->page.num_rows);
        seg.num_levels = pqf_min_i64(need, step->num_levels - seg.level_at);
        seg.num_rows = seg.num_levels;
        seg.check = seg.num_levels == need;
    }
    seg.num_values = count_values_of(w, step, &seg);
    seg.plain_bytes = bytes_of_segment(w, step, &seg);
    int64_t n =
        values_to_bytes(w, shred, step, &seg, w->check_bytes - w->page.plain_bytes);
    if (n > 0) {
        end_after_value(w, step, n, &seg);
        seg.plain_bytes = bytes_of_segment(w, step, &seg);
    }
    return seg;
}

/* ---- levels of a segment ---- */

static pqf_status put_level_bits(pqf_chunk_writer *w, const pqf_step *step,
                                 const segment *seg, pqf_error *err) {
    const pqf_kernels *kernel = w->options.kernel;
    size_t bytes = (size_t)pqf_bits_bytes(w->num_levels + seg->num_levels);
    TRY(pqf_buf_reserve(&w->defs, bytes - w->defs.len, err));
    w->defs.len = bytes;
    if (step->validity) {
        kernel->copy_bits(step->validity, step->validity_at + seg->level_at,
                          seg->num_levels, w->defs.data, w->num_levels);
    } else {
        kernel->fill_bits(w->defs.data, w->num_levels, seg->num_levels, true);
    }
    return PQF_OK;
}

static pqf_status put_levels(pqf_chunk_writer *w, const pqf_step *step,
                             const segment *seg, pqf_error *err) {
    size_t n = (size_t)seg->num_levels;
    if (step->reps) TRY(pqf_buf_put(&w->reps, step->reps + seg->level_at, n, err));
    if (step->defs) {
        TRY(pqf_buf_put(&w->defs, step->defs + seg->level_at, n, err));
    } else if (w->leaf->max_def > 0) {
        TRY(put_level_bits(w, step, seg, err));
    }
    w->num_levels += seg->num_levels;
    w->page.num_levels += seg->num_levels;
    w->page.num_rows += seg->num_rows;
    w->sum.num_levels += seg->num_levels;
    w->total.num_levels += seg->num_levels;
    return PQF_OK;
}

/* ---- values of a segment ---- */

static void count_values(pqf_chunk_writer *w, int64_t n, int64_t plain_bytes) {
    w->page.num_values += n;
    w->page.plain_bytes += plain_bytes;
    w->sum.num_values += n;
    w->sum.plain_bytes += plain_bytes;
    w->total.num_values += n;
    w->total.plain_bytes += plain_bytes;
}

static pqf_status put_plain(pqf_chunk_writer *w, const void *values, int64_t n,
                            int64_t plain_bytes, pqf_error *err) {
    if (n == 0) return PQF_OK;
    count_values(w, n, plain_bytes);
    bool notes =
        w->options.statistics && w->mode == PQF_MODE_PLAIN; /* later for the first page */
    TRY(pqf_chunk_begin_values(w, err));
    if (w->layout == PQF_FIXED) {
        if (notes) TRY(pqf_notes_put_fixed(&w->notes, values, n, err));
        return pqf_plain_put_fixed(values, n, w->width, &w->values, err);
    }
    if (notes) TRY(pqf_notes_put_slices(&w->notes, values, n, err));
    return pqf_plain_put_binary(values, n, &w->values, err);
}

/* Fixed values or slices that take so many bytes in PLAIN, to codes as long as there is a
 * dictionary. */
static pqf_status put_dense(pqf_chunk_writer *w, const void *values, int64_t n,
                            int64_t plain_bytes, const pqf_chunk_work *work,
                            pqf_error *err) {
    int64_t num_put = 0, bytes_put = 0;
    if (w->layout == PQF_FIXED && w->options.statistics)
        pqf_notes_count_nans(&w->notes, values, n);
    if (pqf_chunk_has_codes(w)) {
        TRY(pqf_chunk_put_codes(w, values, n, &num_put, err));
        bytes_put = num_put == n ? plain_bytes : plain_bytes_of(w, values, num_put);
        count_values(w, num_put, bytes_put);
        if (num_put == n) return PQF_OK;
        TRY(pqf_chunk_leave_dictionary(w, work, err));
    }
    size_t bytes = w->layout == PQF_FIXED ? (size_t)w->width : sizeof(pqf_slice);
    return put_plain(w, (const uint8_t *)values + (size_t)num_put * bytes, n - num_put,
                     plain_bytes - bytes_put, err);
}

static pqf_status put_bits(pqf_chunk_writer *w, const uint8_t *bits, int64_t at,
                           int64_t n, pqf_error *err) {
    if (n == 0) return PQF_OK;
    TRY(pqf_chunk_begin_values(w, err));
    int64_t bytes_before = (int64_t)w->values.len;
    if (w->options.statistics)
        pqf_notes_put_booleans(&w->notes, n, w->options.kernel->count_bits(bits, at, n));
    TRY(pqf_plain_put_bits(w->options.kernel, bits, at, n, &w->values, &w->num_value_bits,
                           err));
    count_values(w, n, (int64_t)w->values.len - bytes_before);
    return PQF_OK;
}

/* ---- dictionary-encoded input ---- */

static pqf_status put_resolved(pqf_chunk_writer *w, pqf_shred *shred,
                               const uint32_t *slots, int64_t n,
                               const pqf_chunk_work *work, pqf_error *err) {
    const void *values;
    if (n == 0) return PQF_OK;
    TRY(pqf_shred_resolve(shred, slots, n, &values, err));
    return put_dense(w, values, n, plain_bytes_of(w, values, n), work, err);
}

/* Codes by the map; *num_put stops at the first slot that is not mapped. */
static pqf_status put_mapped(pqf_chunk_writer *w, const uint32_t *slots, int64_t n,
                             int64_t *num_put, pqf_error *err) {
    const pqf_slot_code *map = (const pqf_slot_code *)(void *)w->map->data;
    TRY(pqf_buf_reserve(&w->codes, (size_t)n * sizeof(uint32_t), err));
    uint32_t *codes = (uint32_t *)(void *)(w->codes.data + w->codes.len);
    int64_t i = 0, bytes = 0;
    for (; i < n; i++) {
        pqf_slot_code m = map[slots[i]];
        if (m.code1 == 0) break;
        codes[i] = m.code1 - 1;
        bytes += m.len;
    }
    w->codes.len += (size_t)i * sizeof(uint32_t);
    count_values(w, i, bytes);
    *num_put = i;
    return PQF_OK;
}

/* A new slot goes through the dictionary like a value of plain input, then into the map. */
static pqf_status put_slots(pqf_chunk_writer *w, pqf_shred *shred, const uint32_t *slots,
                            int64_t n, const pqf_chunk_work *work, pqf_error *err) {
    int64_t at = 0;
    while (at < n && pqf_chunk_has_codes(w) && w->map->len) {
        int64_t num_put;
        TRY(put_mapped(w, slots + at, n - at, &num_put, err));
        at += num_put;
        if (at == n) return PQF_OK;
        int64_t plain = w->total.plain_bytes;
        TRY(put_resolved(w, shred, slots + at, 1, work, err));
        if (pqf_chunk_has_codes(w)) {
            uint32_t code = pqf_load_u32(w->codes.data + w->codes.len - sizeof(uint32_t));
            pqf_slot_code m = {code + 1, (uint32_t)(w->total.plain_bytes - plain)};
            memcpy(w->map->data + slots[at] * sizeof m, &m, sizeof m);
        }
        at++;
    }
    return put_resolved(w, shred, slots + at, n - at, work, err);
}

/* The map pays where the rows are not few beside the dictionary; NaN are counted by value. */
static pqf_status begin_map(pqf_chunk_writer *w, pqf_shred *shred,
                            const pqf_chunk_work *work, pqf_error *err) {
    const pqf_view *values = shred->leaf_view->dictionary;
    w->map = &work->scratch->shred[PQF_SHRED_MAP];
    w->map->len = 0;
    w->map_max_len = INT32_MAX;
    if (!values || w->layout == PQF_BITS) return PQF_OK;
    TRY(pqf_chunk_take_source(w, shred, work, err));
    bool floats = pqf_leaf_is_float(w->leaf);
    bool begun = w->map->len > 0;
    if (floats) w->map->len = 0;
    if (floats || w->mode == PQF_MODE_PLAIN ||
        (!begun && values->length / 4 > shred->rows_left))
        return PQF_OK;
    if (w->layout == PQF_BINARY) w->map_max_len = 4 + pqf_shred_max_code_len(shred);
    if (begun) return PQF_OK;
    return pqf_buf_put_zeros(w->map, (size_t)values->length * sizeof(pqf_slot_code), err);
}

/* ---- put ---- */

static pqf_status put_values(pqf_chunk_writer *w, pqf_shred *shred, const pqf_step *step,
                             const segment *seg, const pqf_chunk_work *work,
                             pqf_error *err) {
    const uint8_t *values = step->values;
    switch (step->kind) {
    case PQF_VALUES_NONE: return PQF_OK;
    case PQF_VALUES_BITS:
        return put_bits(w, values, step->bit_at + seg->value_at, seg->num_values, err);
    case PQF_VALUES_CODES:
        return put_slots(w, shred, (const uint32_t *)step->values + seg->value_at,
                         seg->num_values, work, err);
    default: break;
    }
    size_t bytes = step->kind == PQF_VALUES_FIXED ? (size_t)w->width : sizeof(pqf_slice);
    if (seg->num_values == 0) return PQF_OK;
    return put_dense(w, values + (size_t)seg->value_at * bytes, seg->num_values,
                     seg->plain_bytes, work, err);
}

static pqf_status put_step(pqf_chunk_writer *w, pqf_shred *shred, const pqf_step *step,
                           const pqf_chunk_work *work, pqf_error *err) {
    segment seg = {0};
    while (seg.level_at + seg.num_levels < step->num_levels) {
        seg = next_segment(w, shred, step, &seg);
        TRY(put_levels(w, step, &seg, err));
        TRY(put_values(w, shred, step, &seg, work, err));
        if (seg.check) TRY(pqf_chunk_check(w, work, err));
    }
    return PQF_OK;
}

static pqf_status put_rows(pqf_chunk_writer *w, const pqf_view *column, int64_t start,
                           int64_t num_rows, const pqf_chunk_work *work, pqf_error *err) {
    pqf_shred shred;
    pqf_step step;
    TRY(pqf_shred_init(&shred, w->options.kernel, w->field, column, start, num_rows,
                       work->scratch, err));
    TRY(begin_map(w, &shred, work, err));
    while (shred.rows_left > 0) {
        TRY(pqf_shred_next(&shred, &step, err));
        TRY(put_step(w, &shred, &step, work, err));
    }
    return PQF_OK;
}

static pqf_chunk_work work_of(pqf_scratch *scratch, pqf_run *run, int worker) {
    scratch->codec.run = run;
    scratch->codec.worker = worker;
    return (pqf_chunk_work){scratch, run, worker};
}

pqf_status pqf_chunk_writer_put(pqf_chunk_writer *w, const pqf_view *column,
                                int64_t start, int64_t num_rows, pqf_scratch *scratch,
                                pqf_run *run, int worker, pqf_error *err) {
    const pqf_chunk_work work = work_of(scratch, run, worker);
    pqf_chunk_begin(w);
    if (put_rows(w, column, start, num_rows, &work, err) == PQF_OK) return PQF_OK;
    return pqf_error_at_column(err, w->leaf->path);
}

/* ---- finish ---- */

pqf_status pqf_chunk_writer_end(pqf_chunk_writer *w, pqf_scratch *scratch, pqf_run *run,
                                int worker, pqf_error *err) {
    const pqf_chunk_work work = work_of(scratch, run, worker);
    pqf_chunk_begin(w);
    if (pqf_chunk_finish_pages(w, &work, err) != PQF_OK)
        return pqf_error_at_column(err, w->leaf->path);
    w->ended = true;
    return PQF_OK;
}

pqf_status pqf_chunk_writer_finish(pqf_chunk_writer *w, pqf_scratch *scratch,
                                   pqf_run *run, int worker, pqf_chunk_out *out,
                                   pqf_error *err) {
    if (!w->ended) TRY(pqf_chunk_writer_end(w, scratch, run, worker, err));
    w->begun = w->ended = false;
    pqf_chunk_free_held(w);
    out->dictionary_page = pqf_buf_view(&w->dictionary_page);
    out->data_pages = pqf_buf_view(&w->data_pages);
    pqf_status status = pqf_chunk_index_finish(w, out, err);
    if (status == PQF_OK) status = pqf_chunk_meta_fill(w, &out->meta, err);
    return status == PQF_OK ? status : pqf_error_at_column(err, w->leaf->path);
}
