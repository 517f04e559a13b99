/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_index.c (room column): the column index and offset index of a chunk that is written, and its
 * Bloom filter (PageIndex.md, BloomFilter.md, parquet.thrift). In: the values of each page when it is
 * drafted, as PLAIN bytes or as codes of the dictionary. Out: the structs, offsets counted from the
 * chunk's first byte.
 *
 * A chunk has no column index where one of its pages has values but no valid bounds: all of them NaN
 * (not in total order), a long maximum that cannot be raised, no order. The values of a kept dictionary go into the filter
 * once, at the end; those of other pages as they come.
 */
#include "chunk_writer.h"
#include "total_order.h"

#define SLICE_BLOCK 128

/* ---- made and freed ---- */

void pqf_chunk_index_init(pqf_chunk_writer *w) {
    pqf_chunk_index *x = &w->index;
    pqf_buf *const bufs[] = {&x->pages, &x->bytes, &x->counts, &x->sizes, &x->room};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        pqf_buf_init(bufs[i], w->mem, 0);
    pqf_arena_init(&x->arena, w->mem);
    pqf_notes_init(&x->notes, w->field, w->options.total_order, w->options.kernel,
                   w->mem);
    pqf_bloom_init(&w->bloom, w->leaf, w->options.bloom_fpp, w->options.bloom_distinct,
                   w->mem);
    pqf_buf_init(&w->bloom_filter, w->mem, 0);
}

void pqf_chunk_index_reset(pqf_chunk_writer *w) {
    pqf_chunk_index *x = &w->index;
    pqf_buf *const bufs[] = {&x->pages, &x->bytes, &x->counts,
                             &x->sizes, &x->room,  &w->bloom_filter};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        pqf_buf_reset(bufs[i]);
    pqf_arena_reset(&x->arena);
    pqf_notes_reset(&x->notes);
    pqf_bloom_reset(&w->bloom);
}

void pqf_chunk_index_clear(pqf_chunk_writer *w) {
    pqf_chunk_index *x = &w->index;
    x->pages.len = x->bytes.len = x->counts.len = x->sizes.len = 0;
    w->bloom_filter.len = 0;
    pqf_bloom_clear(&w->bloom);
}

/* ---- values of a page ---- */

static pqf_status note_slices(pqf_notes *notes, const uint8_t *plain, int64_t n,
                              pqf_error *err) {
    pqf_slice slices[SLICE_BLOCK];
    for (int64_t block; n > 0; n -= block) {
        block = pqf_min_i64(SLICE_BLOCK, n);
        for (int64_t i = 0; i < block; i++) {
            slices[i] = (pqf_slice){plain + 4, pqf_load_u32(plain), pqf_load_u32(plain)};
            plain += 4 + slices[i].len;
        }
        TRY(pqf_notes_put_slices(notes, slices, block, err));
    }
    return PQF_OK;
}

/* Codes that follow each other are often the same. */
static pqf_status note_coded_slices(pqf_chunk_writer *w, const uint32_t *codes, int64_t n,
                                    pqf_error *err) {
    pqf_slice slices[SLICE_BLOCK];
    for (int64_t i = 0; i < n;) {
        int64_t block = 0;
        for (; i < n && block < SLICE_BLOCK; i++) {
            if (i > 0 && codes[i] == codes[i - 1]) continue;
            pqf_bytes v = pqf_dict_value(w->dictionary, codes[i]);
            slices[block++] =
                (pqf_slice){v.data, (uint32_t)v.len, (uint32_t)v.len + PQF_SLACK};
        }
        TRY(pqf_notes_put_slices(&w->index.notes, slices, block, err));
    }
    return PQF_OK;
}

static pqf_status note_fixed(pqf_chunk_writer *w, const uint8_t *values, int64_t n,
                             pqf_error *err) {
    pqf_notes_count_nans(&w->index.notes, values, n);
    return pqf_notes_put_fixed(&w->index.notes, values, n, err);
}

static pqf_status note_codes(pqf_chunk_writer *w, const pqf_open_page *page,
                             pqf_error *err) {
    pqf_buf *room = &w->index.room;
    const uint32_t *codes = (const uint32_t *)(void *)w->codes.data + page->code_at;
    if (w->layout == PQF_BINARY)
        return note_coded_slices(w, codes, page->num_values, err);
    room->len = 0;
    TRY(pqf_dict_expand(w->dictionary, codes, page->num_values, room, err));
    return note_fixed(w, room->data, page->num_values, err);
}

static pqf_status note_values(pqf_chunk_writer *w, const pqf_open_page *page,
                              pqf_error *err) {
    int64_t n = page->num_values;
    pqf_notes_clear(&w->index.notes);
    if (n == 0) return PQF_OK;
    if (pqf_chunk_has_codes(w)) return note_codes(w, page, err);
    const uint8_t *plain = pqf_chunk_plain_of(w, page).data;
    if (w->layout == PQF_BINARY) return note_slices(&w->index.notes, plain, n, err);
    if (w->layout == PQF_FIXED) return note_fixed(w, plain, n, err);
    pqf_notes_put_booleans(&w->index.notes, n,
                           w->options.kernel->count_bits(plain, 0, n));
    return PQF_OK;
}

static pqf_status keep_bounds(pqf_chunk_index *x, pqf_page_note *note, pqf_error *err) {
    pqf_statistics s = {0};
    pqf_notes_finish(&x->notes, &s);
    note->num_nans = s.nan_count;
    note->has_bounds = s.has_min_value && s.has_max_value;
    if (!note->has_bounds) return PQF_OK;
    note->min_at = x->bytes.len;
    note->min_len = s.min_value.len;
    TRY(pqf_buf_put(&x->bytes, s.min_value.data, s.min_value.len, err));
    note->max_at = x->bytes.len;
    note->max_len = s.max_value.len;
    return pqf_buf_put(&x->bytes, s.max_value.data, s.max_value.len, err);
}

/* ---- levels of a page ---- */

/* Of levels that are bytes: where all are 0, or definition levels 0 and 1, the null count says it. */
static int64_t num_rep_counts(const pqf_chunk_writer *w) {
    return w->leaf->max_rep ? w->leaf->max_rep + 1 : 0;
}
static int64_t num_def_counts(const pqf_chunk_writer *w) {
    return w->flat ? 0 : w->leaf->max_def + 1;
}

static pqf_status count_levels(pqf_chunk_writer *w, const pqf_open_page *page,
                               pqf_error *err) {
    int64_t num_rep = num_rep_counts(w), num_def = num_def_counts(w);
    size_t bytes = (size_t)(num_rep + num_def) * sizeof(int64_t);
    if (!bytes) return PQF_OK;
    int64_t counts[2 * (INT8_MAX + 2)] = {0};
    for (int64_t i = page->level_at; num_rep && i < page->level_at + page->num_levels;
         i++)
        counts[w->reps.data[i]]++;
    for (int64_t i = page->level_at; i < page->level_at + page->num_levels; i++)
        counts[num_rep + w->defs.data[i]]++;
    return pqf_buf_put(&w->index.counts, counts, bytes, err);
}

/* ---- the page ---- */

static pqf_status note_page(pqf_chunk_writer *w, const pqf_open_page *page,
                            pqf_error *err) {
    pqf_page_note note = {
        .num_rows = page->num_rows,
        .num_nulls = page->num_levels - page->num_values,
        .string_bytes = page->plain_bytes - 4 * page->num_values,
        .is_null = page->num_values == 0,
    };
    if (w->options.statistics) {
        TRY(note_values(w, page, err));
        TRY(keep_bounds(&w->index, &note, err));
    }
    TRY(count_levels(w, page, err));
    return pqf_buf_put(&w->index.pages, &note, sizeof note, err);
}

static pqf_status put_bloom(pqf_chunk_writer *w, const pqf_open_page *page,
                            pqf_error *err) {
    pqf_bytes plain = pqf_chunk_plain_of(w, page);
    if (w->layout == PQF_BINARY) return pqf_bloom_put_binary(&w->bloom, plain, err);
    return pqf_bloom_put_fixed(&w->bloom, plain.data, page->num_values, w->width, err);
}

pqf_status pqf_chunk_index_page(pqf_chunk_writer *w, const pqf_open_page *page,
                                pqf_error *err) {
    if (w->options.page_index) TRY(note_page(w, page, err));
    bool in_filter = w->options.bloom && !pqf_chunk_has_codes(w) && page->num_values > 0;
    return in_filter ? put_bloom(w, page, err) : PQF_OK;
}

pqf_status pqf_chunk_index_size(pqf_chunk_writer *w, int32_t page_type, size_t num_bytes,
                                pqf_error *err) {
    if (!w->options.page_index || page_type == PQF_PAGE_DICTIONARY) return PQF_OK;
    int32_t size =
        (int32_t)num_bytes; /* of a header and a body below 2 GiB: see put_page */
    return pqf_buf_put(&w->index.sizes, &size, sizeof size, err);
}

/* ---- the dictionary that was kept ---- */

pqf_status pqf_chunk_index_dictionary(pqf_chunk_writer *w, pqf_error *err) {
    int64_t n = pqf_dict_num_values(w->dictionary);
    const uint8_t *values = pqf_dict_page_bytes(w->dictionary).data;
    w->num_distinct = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!pqf_chunk_is_used(w, i)) continue;
        w->num_distinct++;
        if (!w->options.bloom) continue;
        if (w->layout == PQF_BINARY)
            TRY(pqf_bloom_put_value(&w->bloom, pqf_dict_value(w->dictionary, i), err));
        else
            TRY(pqf_bloom_put_fixed(&w->bloom, values + i * w->width, 1, w->width, err));
    }
    return PQF_OK;
}

/* ---- the offset index ---- */

static const pqf_page_note *page_notes(const pqf_chunk_writer *w, int32_t *n) {
    *n = (int32_t)(w->index.pages.len / sizeof(pqf_page_note));
    return (const pqf_page_note *)(void *)w->index.pages.data;
}

static pqf_status list_of(pqf_chunk_index *x, int64_t n, size_t size, void *out,
                          pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(&x->arena, (size_t)n, size, &block, err));
    memcpy(out, &block, sizeof block);
    return PQF_OK;
}

static pqf_status make_offset_index(pqf_chunk_writer *w, pqf_error *err) {
    pqf_chunk_index *x = &w->index;
    pqf_offset_index *out = &x->offset_index;
    int32_t n;
    const pqf_page_note *pages = page_notes(w, &n);
    int64_t offset = (int64_t)w->dictionary_bytes, row = 0;
    *out = (pqf_offset_index){.num_page_locations = n};
    TRY(list_of(x, n, sizeof *out->page_locations, &out->page_locations, err));
    for (int32_t i = 0; i < n; i++) {
        int32_t size = (int32_t)pqf_load_u32(x->sizes.data + (size_t)i * sizeof size);
        out->page_locations[i] = (pqf_page_location){offset, size, row};
        offset += size;
        row += pages[i].num_rows;
    }
    if (w->layout != PQF_BINARY) return PQF_OK;
    out->has_unencoded_byte_array_data_bytes = true;
    out->num_unencoded_byte_array_data_bytes = n;
    TRY(list_of(x, n, sizeof(int64_t), &out->unencoded_byte_array_data_bytes, err));
    for (int32_t i = 0; i < n; i++)
        out->unencoded_byte_array_data_bytes[i] = pages[i].string_bytes;
    return PQF_OK;
}

/* ---- the column index ---- */

static bool has_column_index(const pqf_chunk_writer *w) {
    int32_t n;
    const pqf_page_note *pages = page_notes(w, &n);
    bool all = w->options.statistics && w->index.notes.row;
    for (int32_t i = 0; all && i < n; i++)
        all = pages[i].is_null || pages[i].has_bounds;
    return all;
}

static int compare_bounds(const pqf_chunk_writer *w, pqf_bytes a, pqf_bytes b) {
    if (!w->options.total_order) return pqf_order_compare(w->leaf, a, b);
    int64_t x = pqf_total_order_key(a.data, w->width);
    int64_t y = pqf_total_order_key(b.data, w->width);
    return (x > y) - (x < y);
}

/* Of both lists of bounds, over the pages that have some. */
static int32_t boundary_order(const pqf_chunk_writer *w, const pqf_column_index *c) {
    bool ascending = true, descending = true;
    int32_t last = -1;
    for (int32_t i = 0; i < c->num_null_pages; i++) {
        if (c->null_pages[i]) continue;
        if (last >= 0) {
            int min = compare_bounds(w, c->min_values[last], c->min_values[i]);
            int max = compare_bounds(w, c->max_values[last], c->max_values[i]);
            ascending &= min <= 0 && max <= 0;
            descending &= min >= 0 && max >= 0;
        }
        last = i;
    }
    if (ascending) return PQF_BOUNDARY_ASCENDING;
    return descending ? PQF_BOUNDARY_DESCENDING : PQF_BOUNDARY_UNORDERED;
}

static void fill_pages(const pqf_chunk_writer *w, pqf_column_index *c) {
    int32_t n;
    const pqf_page_note *pages = page_notes(w, &n);
    const uint8_t *bytes = w->index.bytes.data;
    for (int32_t i = 0; i < n; i++) {
        const pqf_page_note *p = &pages[i];
        c->null_pages[i] = p->is_null;
        c->null_counts[i] = p->num_nulls;
        if (c->has_nan_counts) c->nan_counts[i] = p->num_nans;
        if (!p->has_bounds) continue;
        c->min_values[i] = pqf_bytes_of(bytes + p->min_at, p->min_len);
        c->max_values[i] = pqf_bytes_of(bytes + p->max_at, p->max_len);
    }
}

/* counts holds per page those of repetition levels, then those of definition levels. */
static pqf_status fill_counts(pqf_chunk_writer *w, int32_t num_pages, int64_t at,
                              int64_t num, int64_t **out, int32_t *num_out,
                              pqf_error *err) {
    int64_t stride = num_rep_counts(w) + num_def_counts(w);
    const uint8_t *counts = w->index.counts.data;
    *num_out = (int32_t)(num_pages * num);
    TRY(list_of(&w->index, num_pages * num, sizeof(int64_t), out, err));
    for (int64_t i = 0; i < num_pages; i++)
        memcpy(*out + i * num, counts + (size_t)(i * stride + at) * sizeof(int64_t),
               (size_t)num * sizeof(int64_t));
    return PQF_OK;
}

static pqf_status fill_histograms(pqf_chunk_writer *w, pqf_column_index *c,
                                  pqf_error *err) {
    int64_t num_rep = num_rep_counts(w), num_def = num_def_counts(w);
    int32_t n = c->num_null_pages;
    c->has_repetition_level_histograms = num_rep > 0;
    c->has_definition_level_histograms = num_def > 0;
    if (num_rep)
        TRY(fill_counts(w, n, 0, num_rep, &c->repetition_level_histograms,
                        &c->num_repetition_level_histograms, err));
    if (!num_def) return PQF_OK;
    return fill_counts(w, n, num_rep, num_def, &c->definition_level_histograms,
                       &c->num_definition_level_histograms, err);
}

static pqf_status make_column_index(pqf_chunk_writer *w, pqf_error *err) {
    pqf_chunk_index *x = &w->index;
    pqf_column_index *c = &x->column_index;
    int32_t n;
    (void)page_notes(w, &n);
    *c = (pqf_column_index){
        .num_null_pages = n,
        .num_min_values = n,
        .num_max_values = n,
        .has_null_counts = true,
        .num_null_counts = n,
        .has_nan_counts = pqf_notes_counts_nans(&x->notes),
    };
    c->num_nan_counts = c->has_nan_counts ? n : 0;
    TRY(list_of(x, n, sizeof(bool), &c->null_pages, err));
    TRY(list_of(x, n, sizeof(pqf_bytes), &c->min_values, err));
    TRY(list_of(x, n, sizeof(pqf_bytes), &c->max_values, err));
    TRY(list_of(x, n, sizeof(int64_t), &c->null_counts, err));
    TRY(list_of(x, n, sizeof(int64_t), &c->nan_counts, err));
    fill_pages(w, c);
    c->boundary_order = boundary_order(w, c);
    return fill_histograms(w, c, err);
}

/* ---- the end ---- */

/* Sums over the pages. */
static pqf_status sum_histogram(pqf_chunk_writer *w, int64_t at, int64_t num,
                                int64_t **out, pqf_error *err) {
    int64_t stride = num_rep_counts(w) + num_def_counts(w);
    int64_t num_counts = (int64_t)(w->index.counts.len / sizeof(int64_t));
    const int64_t *counts = (const int64_t *)(void *)w->index.counts.data;
    TRY(list_of(&w->index, num, sizeof(int64_t), out, err));
    for (int64_t page = at; page < num_counts; page += stride)
        for (int64_t level = 0; level < num; level++)
            (*out)[level] += counts[page + level];
    return PQF_OK;
}

pqf_status pqf_chunk_index_sizes(pqf_chunk_writer *w, pqf_size_statistics *out,
                                 pqf_error *err) {
    int64_t num_rep = num_rep_counts(w), num_def = num_def_counts(w);
    if (!w->options.page_index || !num_def) return PQF_OK;
    out->has_definition_level_histogram = true;
    out->num_definition_level_histogram = (int32_t)num_def;
    TRY(sum_histogram(w, num_rep, num_def, &out->definition_level_histogram, err));
    if (!num_rep) return PQF_OK;
    out->has_repetition_level_histogram = true;
    out->num_repetition_level_histogram = (int32_t)num_rep;
    return sum_histogram(w, 0, num_rep, &out->repetition_level_histogram, err);
}

pqf_status pqf_chunk_index_finish(pqf_chunk_writer *w, pqf_chunk_out *out,
                                  pqf_error *err) {
    out->column_index = NULL;
    out->offset_index = NULL;
    out->bloom_filter = (pqf_bytes){NULL, 0};
    pqf_arena_reset(&w->index.arena);
    if (w->options.page_index) {
        TRY(make_offset_index(w, err));
        out->offset_index = &w->index.offset_index;
    }
    if (w->options.page_index && has_column_index(w)) {
        TRY(make_column_index(w, err));
        out->column_index = &w->index.column_index;
    }
    if (!w->options.bloom) return PQF_OK;
    TRY(pqf_bloom_finish(&w->bloom, &w->bloom_filter, err));
    out->bloom_filter = pqf_buf_view(&w->bloom_filter);
    return PQF_OK;
}
