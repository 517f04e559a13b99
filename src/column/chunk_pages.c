/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_pages.c (room column): what happens at the check points of a chunk that is written: pages
 * are cut and sealed, the dictionary is begun, kept or left (Encodings.md, Dictionary Encoding).
 *
 *   FIRST ─ values come again ─► TRYING ─ it pays ─► DICTIONARY ─ it is full ─► PLAIN
 *      │                            └──── it is full and does not pay ───────────┘
 *      └──── a dictionary would be full and would not pay ───────────────────────┘
 *
 * FIRST       the first page is held as PLAIN bytes: chunks of one page need no table of their own. So
 *             are more of them as long as nearly all values differ: they are counted (guess.c), which
 *             costs little beside a dictionary that is left again
 * TRYING      pages are codes and wait, unsealed, until dictionary and codes together take less
 *             than PLAIN
 * DICTIONARY  it is kept; pages are sealed as they are cut
 * PLAIN       no dictionary was wanted, or it has reached dictionary_page_bytes: where it has paid,
 *             the pages so far keep it and its page is sealed at once, so that the chunk can go to the
 *             file from here on; where it has not, those that wait are expanded and there is no
 *             dictionary
 *
 * A dictionary that comes with the rows of a column declared as one (chunk_source.c) is kept from the
 * start, up to PQF_SOURCED_LIMITS times the limit.
 *
 * Within one stretch between check points a dictionary may grow beyond its limit; at a second limit
 * it is left at once.
 */
#include "chunk_writer.h"

#define FIRST_BINARY_LEVELS 64
/* Bytes of a dictionary page beside its values, about. */
#define DICTIONARY_OVERHEAD 32
/* A chunk of no more PLAIN bytes keeps the dictionary that was asked for: nothing is at stake. */
#define SMALL_CHUNK_BYTES 4096
/* Entries that may wait for a decision while they hold less than a byte of values each. */
#define SPARSE_LEVELS (1 << 20)

/* Larger dictionaries than of so many bytes are begun with the first page. */
#define MOST_COUNTED_BYTES (4 << 20)
/* A counted dictionary is full where it is beyond its limit by a part of it. */
#define COUNT_MARGIN 64

/* Levels without nulls and lists: a length and a run. */
#define LEAST_HEAD 16

/* Strings that pass through at a time. */
#define SLICE_BLOCK 128

/* ---- sizes ---- */

/* A stretch is about a quarter of a page, guessed from the values so far. Where larger values
 * follow, it ends after the row that brings two pages' worth of bytes. */
static void set_check(pqf_chunk_writer *w) {
    int64_t step = PQF_CHECK_LEVELS;
    if (w->total.num_levels > 0) {
        int64_t each = w->total.plain_bytes / w->total.num_levels;
        step = w->options.data_page_bytes / 4 / pqf_max_i64(each, 1);
    } else if (w->layout == PQF_BINARY) {
        step = FIRST_BINARY_LEVELS;
    } else if (w->width > 0) {
        step = w->options.data_page_bytes / 4 / w->width;
    }
    step = pqf_min_i64(pqf_max_i64(step, 1), PQF_CHECK_LEVELS);
    w->check_at = w->page.num_levels + step;
    w->check_bytes = w->page.plain_bytes + 2 * w->options.data_page_bytes;
}

/* Bits of a code, at least 1 where there is any: width 0 confuses old readers. */
static int code_width(uint32_t max_code) {
    int width = pqf_bit_width(max_code);
    return width ? width : 1;
}

static int64_t code_bytes(const pqf_chunk_writer *w, int64_t num_codes) {
    int64_t num_values = pqf_dict_num_values(w->dictionary);
    int width = code_width((uint32_t)pqf_max_i64(num_values - 1, 0));
    return num_codes * width / 8;
}

static int64_t dictionary_bytes(const pqf_chunk_writer *w) {
    return (int64_t)pqf_dict_page_bytes(w->dictionary).len;
}

static int64_t dictionary_limit(const pqf_chunk_writer *w) {
    return w->sourced ? pqf_chunk_source_limit(w) : w->options.dictionary_page_bytes;
}

static size_t second_limit(const pqf_chunk_writer *w) {
    return 2 * (size_t)dictionary_limit(w) + 65536;
}

/* Of the pages that wait and the open one. Where there are next to no values it makes no
 * difference, and waiting comes to an end. */
static bool dictionary_pays(const pqf_chunk_writer *w) {
    double bytes = (double)dictionary_bytes(w) * w->dictionary_share +
                   (double)code_bytes(w, w->sum.num_values) * w->code_share +
                   DICTIONARY_OVERHEAD;
    bool sparse = w->num_levels >= SPARSE_LEVELS && w->sum.plain_bytes < w->num_levels;
    return bytes < (double)w->sum.plain_bytes * w->share || sparse;
}

bool pqf_chunk_has_codes(const pqf_chunk_writer *w) {
    return w->mode == PQF_MODE_TRYING || w->mode == PQF_MODE_DICTIONARY;
}

void pqf_chunk_writer_sizes(const pqf_chunk_writer *w, int64_t *sealed_bytes,
                            int64_t *pending_bytes) {
    int64_t levels =
        w->num_levels * ((w->leaf->max_rep > 0) + (w->leaf->max_def > 0)) / 8;
    int64_t values = w->sum.plain_bytes;
    if (pqf_chunk_has_codes(w)) {
        int64_t bytes = dictionary_bytes(w) + code_bytes(w, w->sum.num_values);
        bool kept = w->mode == PQF_MODE_DICTIONARY;
        values = kept ? bytes : pqf_min_i64(values, bytes);
    } else if (w->num_dictionary_pages > 0) {
        values += dictionary_bytes(w);
    }
    *sealed_bytes = w->num_taken_bytes + (int64_t)w->data_pages.len;
    *pending_bytes = values + levels;
}

/* ---- sealing ---- */

static pqf_status encode_codes(pqf_chunk_writer *w, const pqf_open_page *page,
                               pqf_buf *out, pqf_error *err) {
    const pqf_kernels *kernel = w->options.kernel;
    const uint32_t *codes = (const uint32_t *)(void *)w->codes.data + page->code_at;
    uint32_t max_code = page->num_values ? kernel->max_u32(codes, page->num_values) : 0;
    TRY(pqf_chunk_mark_used(w, codes, page->num_values, err));
    int width = page->num_values ? code_width(max_code) : 0;
    TRY(pqf_buf_put_u8(out, (uint8_t)width, err));
    if (page->num_values == 0) return PQF_OK;
    return pqf_rle_encode_u32(kernel, codes, page->num_values, width, out, err);
}

/* Levels that are compressed together with the values stand right before them. How long they are is
 * known from the page before. */
static bool joins_levels(const pqf_chunk_writer *w) {
    return w->options.codec != PQF_UNCOMPRESSED && w->options.data_page_version == 1 &&
           w->leaf->max_def > 0;
}

static void note_levels(pqf_chunk_writer *w, const pqf_page_draft *draft,
                        const pqf_page_parts *parts) {
    if (!joins_levels(w)) return;
    size_t num_bytes = (size_t)draft->header.uncompressed_page_size - parts->values.len;
    w->next_head = num_bytes + num_bytes / 4 + LEAST_HEAD;
}

static pqf_status put_head(pqf_buf *buf, size_t num_bytes, pqf_error *err) {
    TRY(pqf_buf_reserve(buf, num_bytes, err));
    buf->len = num_bytes;
    return PQF_OK;
}

pqf_status pqf_chunk_begin_values(pqf_chunk_writer *w, pqf_error *err) {
    if (w->values.len) return PQF_OK;
    w->head = w->next_head;
    return put_head(&w->values, w->head, err);
}

static pqf_status begin_room(const pqf_chunk_writer *w, pqf_buf *room, pqf_error *err) {
    room->len = 0;
    return put_head(room, w->next_head, err);
}

static void take_room(const pqf_chunk_writer *w, pqf_buf *room, pqf_page_parts *parts) {
    parts->room = w->next_head;
    parts->front = room->data + parts->room;
    parts->values = pqf_bytes_of(parts->front, room->len - parts->room);
}

static pqf_status encode_values(pqf_chunk_writer *w, const pqf_open_page *page,
                                pqf_buf *room, pqf_page_parts *parts, pqf_error *err) {
    TRY(begin_room(w, room, err));
    if (pqf_chunk_has_codes(w)) {
        w->num_dictionary_pages++;
        parts->encoding = pqf_chunk_code_encoding(w);
        TRY(encode_codes(w, page, room, err));
        take_room(w, room, parts);
        return PQF_OK;
    }
    parts->encoding = pqf_chunk_plain_encoding(w);
    bool undecided = w->encoding == PQF_ENCODING_AUTO && parts->encoding == PQF_PLAIN;
    w->num_undecided_pages += undecided;
    w->num_plain_pages += !undecided;
    parts->values = pqf_chunk_plain_of(w, page);
    if (parts->encoding == PQF_PLAIN) {
        if (!w->values.len) return PQF_OK;
        /* what stands before the page is sealed, or a copy of it waits */
        parts->front = pqf_chunk_values(w) + page->value_at;
        parts->room = w->head + (size_t)page->value_at;
        return PQF_OK;
    }
    TRY(pqf_encode_page(w->options.kernel, parts->encoding, w->leaf->physical, w->width,
                        parts->values, page->num_values, room, err));
    take_room(w, room, parts);
    return PQF_OK;
}

static pqf_status seal(pqf_chunk_writer *w, const pqf_open_page *page,
                       const pqf_chunk_work *work, pqf_error *err) {
    pqf_page_parts parts = {
        .num_rows = page->num_rows,
        .num_levels = page->num_levels,
        .num_nulls = page->num_levels - page->num_values,
    };
    if (w->leaf->max_rep > 0) parts.reps = w->reps.data + page->level_at;
    if (w->flat) {
        parts.def_bits = w->defs.data;
        parts.def_at = page->level_at;
    } else if (w->leaf->max_def > 0) {
        parts.defs = w->defs.data + page->level_at;
    }
    TRY(pqf_chunk_index_page(w, page, err));
    if (!pqf_chunk_has_codes(w))
        TRY(pqf_chunk_choose_encoding(w, page, work->scratch, err));
    TRY(encode_values(w, page, &work->scratch->extra, &parts, err));
    pqf_page_draft draft;
    TRY(pqf_page_draft_data(&parts, w->leaf, &w->options, work->scratch, &draft, err));
    note_levels(w, &draft, &parts);
    TRY(pqf_chunk_put_page(w, &draft, work->scratch, err));
    return pqf_run_poll(work->run, work->worker, err);
}

static const pqf_open_page *waiting_pages(const pqf_chunk_writer *w, int64_t *n) {
    *n = (int64_t)(w->waiting.len / sizeof(pqf_open_page));
    return (const pqf_open_page *)(void *)w->waiting.data;
}

/* The buffers begin anew where nothing of the open page stands in them. */
static void forget_waiting(pqf_chunk_writer *w) {
    w->waiting.len = 0;
    w->sum = w->page;
    if (w->page.num_levels > 0) return;
    w->reps.len = w->defs.len = w->codes.len = w->values.len = 0;
    w->num_levels = w->num_value_bits = 0;
    w->page = w->sum = (pqf_open_page){0};
}

static pqf_status seal_waiting(pqf_chunk_writer *w, const pqf_chunk_work *work,
                               pqf_error *err) {
    int64_t n;
    const pqf_open_page *pages = waiting_pages(w, &n);
    for (int64_t i = 0; i < n; i++)
        TRY(seal(w, &pages[i], work, err));
    forget_waiting(w);
    return PQF_OK;
}

/* ---- beginning the dictionary ---- */

static pqf_status codes_of_slices(pqf_chunk_writer *w, uint32_t *codes, int64_t *num_put,
                                  pqf_error *err) {
    const uint8_t *p = pqf_chunk_values(w);
    pqf_slice slices[SLICE_BLOCK];
    int64_t n = w->sum.num_values, put = 0;
    for (*num_put = 0; *num_put < n; *num_put += put) {
        int64_t block = pqf_min_i64(SLICE_BLOCK, n - *num_put);
        for (int64_t i = 0; i < block; i++) {
            slices[i] = (pqf_slice){p + 4, pqf_load_u32(p), pqf_load_u32(p) + PQF_SLACK};
            p += 4 + slices[i].len;
        }
        TRY(pqf_dict_put_binary(w->dictionary, slices, block, second_limit(w),
                                codes + *num_put, &put, err));
        if (put < block) return PQF_OK;
    }
    return PQF_OK;
}

/* Bounds of the values so far, which stand in w->values. */
static pqf_status note_plain(pqf_chunk_writer *w, pqf_error *err) {
    int64_t n = w->sum.num_values;
    if (!w->options.statistics || n == 0) return PQF_OK;
    if (w->layout == PQF_FIXED)
        return pqf_notes_put_fixed(&w->notes, pqf_chunk_values(w), n, err);
    const uint8_t *p = pqf_chunk_values(w);
    pqf_slice slices[SLICE_BLOCK];
    for (int64_t block; n > 0; n -= block) {
        block = pqf_min_i64(SLICE_BLOCK, n);
        for (int64_t i = 0; i < block; i++) {
            slices[i] = (pqf_slice){p + 4, pqf_load_u32(p), pqf_load_u32(p) + PQF_SLACK};
            p += 4 + slices[i].len;
        }
        TRY(pqf_notes_put_slices(&w->notes, slices, block, err));
    }
    return PQF_OK;
}

/* The values so far, held as PLAIN, stay so. */
static pqf_status become_plain(pqf_chunk_writer *w, pqf_error *err) {
    pqf_chunk_end_count(w);
    w->mode = PQF_MODE_PLAIN;
    return note_plain(w, err);
}

/* All codes stand in w->codes, page after page. */
static void place_codes(pqf_chunk_writer *w) {
    int64_t num_waiting = (int64_t)(w->waiting.len / sizeof(pqf_open_page)), at = 0;
    pqf_open_page *pages = (pqf_open_page *)(void *)w->waiting.data;
    for (int64_t i = 0; i < num_waiting; i++) {
        pages[i].code_at = at;
        at += pages[i].num_values;
    }
    w->page.code_at = at;
}

/* The values so far, from PLAIN to codes; their PLAIN bytes stay until they are in the way. */
pqf_status pqf_chunk_begin_dictionary(pqf_chunk_writer *w, pqf_scratch *scratch,
                                      pqf_error *err) {
    TRY(pqf_chunk_choose_encoding(w, &w->sum, scratch, err));
    if (w->dictionary) {
        pqf_dict_builder_clear(w->dictionary);
    } else {
        TRY(pqf_dict_builder_new(w->layout, w->width, w->mem, &w->dictionary, err));
    }
    int64_t n = w->sum.num_values, num_put = n;
    size_t bytes = (size_t)n * sizeof(uint32_t);
    pqf_chunk_end_count(w);
    w->codes.len = 0;
    TRY(pqf_buf_reserve(&w->codes, bytes, err));
    uint32_t *codes = (uint32_t *)(void *)w->codes.data;
    if (w->layout == PQF_BINARY) {
        TRY(codes_of_slices(w, codes, &num_put, err));
    } else if (n > 0) {
        TRY(pqf_dict_put_fixed(w->dictionary, pqf_chunk_values(w), n, second_limit(w),
                               codes, &num_put, err));
    }
    if (num_put == n) {
        w->mode = PQF_MODE_TRYING;
        w->codes.len = bytes;
        place_codes(w);
        return pqf_chunk_weigh_codes(w, scratch, err);
    }
    return become_plain(w, err);
}

/* ---- leaving the dictionary ---- */

/* The values of a page, in w->values instead of codes. */
static pqf_status expand_page(pqf_chunk_writer *w, pqf_open_page *page, pqf_error *err) {
    const uint32_t *codes = (const uint32_t *)(void *)w->codes.data + page->code_at;
    w->values.len = 0;
    page->value_at = 0;
    if (page->num_values == 0) return PQF_OK;
    TRY(pqf_chunk_begin_values(w, err));
    return pqf_dict_expand(w->dictionary, codes, page->num_values, &w->values, err);
}

static pqf_status expand_waiting(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                 pqf_error *err) {
    int64_t n;
    const pqf_open_page *pages = waiting_pages(w, &n);
    for (int64_t i = 0; i < n; i++) {
        pqf_open_page page = pages[i];
        TRY(expand_page(w, &page, err));
        TRY(seal(w, &page, work, err));
    }
    return PQF_OK;
}

static pqf_status note_used_fixed(pqf_chunk_writer *w, pqf_error *err) {
    int64_t n = pqf_dict_num_values(w->dictionary), end;
    const uint8_t *values = pqf_dict_page_bytes(w->dictionary).data;
    for (int64_t i = 0; i < n; i = end + 1) {
        for (end = i; end < n && pqf_chunk_is_used(w, end);)
            end++;
        if (end > i)
            TRY(pqf_notes_put_fixed(&w->notes, values + i * w->width, end - i, err));
    }
    return PQF_OK;
}

/* The values of the dictionary that stand in some page bound the chunk. */
static pqf_status note_dictionary(pqf_chunk_writer *w, pqf_error *err) {
    const pqf_dict_builder *d = w->dictionary;
    int64_t n = pqf_dict_num_values(d);
    if (!w->options.statistics || n == 0) return PQF_OK;
    if (w->layout == PQF_FIXED) return note_used_fixed(w, err);
    pqf_slice slices[SLICE_BLOCK];
    for (int64_t at = 0; at < n;) {
        int64_t block = 0;
        for (; at < n && block < SLICE_BLOCK; at++) {
            if (!pqf_chunk_is_used(w, at)) continue;
            pqf_bytes v = pqf_dict_value(d, at);
            slices[block++] =
                (pqf_slice){v.data, (uint32_t)v.len, (uint32_t)v.len + PQF_SLACK};
        }
        if (block) TRY(pqf_notes_put_slices(&w->notes, slices, block, err));
    }
    return PQF_OK;
}

/* No page uses it that is not sealed yet. */
static pqf_status put_dictionary(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                 pqf_error *err) {
    pqf_page_draft draft;
    if (w->num_dictionary_pages == 0) return PQF_OK;
    pqf_page_draft_dictionary(pqf_dict_page_bytes(w->dictionary),
                              pqf_dict_num_values(w->dictionary), &w->options, &draft);
    return pqf_chunk_put_page(w, &draft, work->scratch, err);
}

pqf_status pqf_chunk_leave_dictionary(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                      pqf_error *err) {
    if (w->mode == PQF_MODE_TRYING && dictionary_pays(w)) {
        w->mode = PQF_MODE_DICTIONARY;
        TRY(seal_waiting(w, work, err));
    }
    const uint32_t *codes = (const uint32_t *)(void *)w->codes.data + w->page.code_at;
    TRY(pqf_chunk_mark_used(w, codes, w->page.num_values, err));
    TRY(note_dictionary(w, err));
    bool expand = w->mode == PQF_MODE_TRYING;
    w->mode = PQF_MODE_PLAIN;
    if (expand) TRY(expand_waiting(w, work, err));
    TRY(expand_page(w, &w->page, err));
    forget_waiting(w);
    if (w->num_dictionary_pages > 0) return put_dictionary(w, work, err);
    pqf_dict_builder_free(w->dictionary);
    w->dictionary = NULL;
    pqf_buf_reset(&w->codes);
    return PQF_OK;
}

pqf_status pqf_chunk_keep_dictionary(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                     pqf_error *err) {
    w->mode = PQF_MODE_DICTIONARY;
    return seal_waiting(w, work, err);
}

pqf_status pqf_chunk_put_codes(pqf_chunk_writer *w, const void *values, int64_t n,
                               int64_t *num_put, pqf_error *err) {
    TRY(pqf_buf_reserve(&w->codes, (size_t)n * sizeof(uint32_t), err));
    uint32_t *codes = (uint32_t *)(void *)(w->codes.data + w->codes.len);
    if (w->layout == PQF_FIXED) {
        TRY(pqf_dict_put_fixed(w->dictionary, values, n, second_limit(w), codes, num_put,
                               err));
    } else {
        TRY(pqf_dict_put_binary(w->dictionary, values, n, second_limit(w), codes, num_put,
                                err));
    }
    w->codes.len += (size_t)*num_put * sizeof(uint32_t);
    return PQF_OK;
}

/* ---- check points ---- */

void pqf_chunk_begin(pqf_chunk_writer *w) {
    if (w->begun) return;
    w->begun = true;
    w->mode = w->wants_dictionary ? PQF_MODE_FIRST : PQF_MODE_PLAIN;
    w->sourced = false;
    w->next_head = joins_levels(w) ? LEAST_HEAD : 0;
    w->used.len = 0;
    w->page = w->sum = w->total = (pqf_open_page){0};
    w->waiting.len = w->reps.len = w->defs.len = w->codes.len = w->values.len = 0;
    w->data_pages.len = w->dictionary_page.len = w->dictionary_bytes = 0;
    w->num_taken_bytes = w->value_at = 0;
    w->hands_out = false;
    w->num_levels = w->num_value_bits = w->num_held = 0;
    w->num_dictionary_pages = w->num_plain_pages = w->num_undecided_pages = 0;
    w->encoding = w->options.encoding;
    w->share = w->plain_share = w->dictionary_share = w->code_share = 1;
    w->sizes = (pqf_page_sizes){0};
    pqf_notes_clear(&w->notes);
    pqf_chunk_index_clear(w);
    pqf_chunk_end_count(w);
    set_check(w);
}

/* ---- the first pages ---- */

static bool can_count(const pqf_chunk_writer *w) {
    return w->options.dictionary_page_bytes <= MOST_COUNTED_BYTES;
}

static bool mostly_differ(const pqf_chunk_writer *w, int64_t num_distinct) {
    return num_distinct >= w->sum.num_values / 4 * 3 && w->sum.num_values > 0;
}

/* A page of FIRST is cut: it waits as PLAIN where most values differ and they take more than levels. */
static pqf_status settle_cut(pqf_chunk_writer *w, const pqf_chunk_work *work,
                             pqf_error *err) {
    int64_t num_distinct = 0;
    if (can_count(w) && w->sum.plain_bytes >= w->num_levels)
        TRY(pqf_chunk_count_distinct(w, &num_distinct, err));
    if (mostly_differ(w, num_distinct)) return PQF_OK;
    return pqf_chunk_begin_dictionary(w, work->scratch, err);
}

/* Becomes PLAIN and seals what waits; the values of the open page move to the front. */
static pqf_status leave_first(pqf_chunk_writer *w, const pqf_chunk_work *work,
                              pqf_error *err) {
    size_t len = (size_t)w->page.plain_bytes;
    TRY(become_plain(w, err));
    TRY(seal_waiting(w, work, err));
    uint8_t *values = pqf_chunk_values(w);
    if (len) memmove(values, values + w->page.value_at, len);
    w->values.len = len ? w->head + len : 0;
    w->page.value_at = 0;
    return PQF_OK;
}

/* Enough is held to fill a dictionary: does it, and would it not pay then? */
static pqf_status settle_full(pqf_chunk_writer *w, const pqf_chunk_work *work,
                              pqf_error *err) {
    int64_t limit = w->options.dictionary_page_bytes, num_distinct = 0;
    int64_t plain = w->sum.plain_bytes, n = w->sum.num_values;
    if (!can_count(w)) return pqf_chunk_begin_dictionary(w, work->scratch, err);
    TRY(pqf_chunk_count_distinct(w, &num_distinct, err));
    int64_t bytes = (int64_t)((double)plain * (double)num_distinct / (double)n);
    int64_t codes = n * code_width((uint32_t)num_distinct) / 8;
    if (bytes >= limit + limit / COUNT_MARGIN && bytes + codes >= plain)
        return leave_first(w, work, err);
    if (mostly_differ(w, num_distinct) && plain < 2 * limit) return PQF_OK;
    return pqf_chunk_begin_dictionary(w, work->scratch, err);
}

/* Ends the open page; seals it unless it has to wait. */
static pqf_status cut(pqf_chunk_writer *w, const pqf_chunk_work *work, pqf_error *err) {
    if (w->page.num_levels == 0) return PQF_OK;
    if (w->mode == PQF_MODE_FIRST) TRY(settle_cut(w, work, err));
    TRY(pqf_buf_put(&w->waiting, &w->page, sizeof w->page, err));
    w->page = (pqf_open_page){
        .level_at = w->num_levels,
        .code_at = (int64_t)(w->codes.len / sizeof(uint32_t)),
        .value_at = (int64_t)(w->values.len ? w->values.len - w->head : 0),
    };
    if (w->mode == PQF_MODE_FIRST) return PQF_OK;
    if (w->mode == PQF_MODE_TRYING) {
        if (!dictionary_pays(w)) return PQF_OK;
        w->mode = PQF_MODE_DICTIONARY;
    }
    return seal_waiting(w, work, err);
}

static bool page_is_full(const pqf_chunk_writer *w) {
    int64_t bytes = w->page.plain_bytes;
    if (w->mode == PQF_MODE_DICTIONARY) bytes = code_bytes(w, w->page.num_values);
    return w->page.num_rows >= w->options.page_rows ||
           bytes >= w->options.data_page_bytes;
}

pqf_status pqf_chunk_check(pqf_chunk_writer *w, const pqf_chunk_work *work,
                           pqf_error *err) {
    int64_t limit = dictionary_limit(w);
    /* a dictionary of fewer PLAIN bytes cannot be full */
    if (w->mode == PQF_MODE_FIRST && w->sum.plain_bytes >= limit)
        TRY(settle_full(w, work, err));
    bool dictionary_full = pqf_chunk_has_codes(w) && dictionary_bytes(w) >= limit;
    if (dictionary_full && w->mode == PQF_MODE_TRYING && dictionary_pays(w))
        w->mode = PQF_MODE_DICTIONARY;
    if (page_is_full(w) || (dictionary_full && w->mode == PQF_MODE_DICTIONARY))
        TRY(cut(w, work, err));
    if (dictionary_full) TRY(pqf_chunk_leave_dictionary(w, work, err));
    set_check(w);
    return PQF_OK;
}

/* ---- the end ---- */

static bool is_worth_keeping(const pqf_chunk_writer *w) {
    bool small = w->sum.plain_bytes <= SMALL_CHUNK_BYTES && w->sum.num_values > 0;
    return small || dictionary_pays(w);
}

/* Where the dictionary is not kept after the first pages, w->values still holds their PLAIN bytes. */
static pqf_status decide(pqf_chunk_writer *w, const pqf_chunk_work *work,
                         pqf_error *err) {
    bool first = w->mode == PQF_MODE_FIRST, may_pay = false;
    if (first) {
        TRY(pqf_chunk_may_pay(w, &may_pay, err));
        if (!may_pay) return become_plain(w, err);
    }
    if (first) TRY(pqf_chunk_begin_dictionary(w, work->scratch, err));
    if (w->mode != PQF_MODE_TRYING) return PQF_OK;
    if (is_worth_keeping(w)) {
        w->mode = PQF_MODE_DICTIONARY;
        return PQF_OK;
    }
    if (!first) return pqf_chunk_leave_dictionary(w, work, err);
    w->mode = PQF_MODE_PLAIN;
    return note_dictionary(w, err);
}

static pqf_status finish_pages(pqf_chunk_writer *w, const pqf_chunk_work *work,
                               pqf_error *err) {
    TRY(decide(w, work, err));
    TRY(cut(w, work, err));
    TRY(seal_waiting(w, work, err));
    if (w->mode == PQF_MODE_DICTIONARY) TRY(note_dictionary(w, err));
    if (w->mode == PQF_MODE_DICTIONARY) TRY(put_dictionary(w, work, err));
    return w->num_dictionary_pages > 0 ? pqf_chunk_index_dictionary(w, err) : PQF_OK;
}

/* The worker's table for values of this layout; NULL: it keeps none of them. */
static pqf_dict_builder **table_of_worker(const pqf_chunk_writer *w,
                                          pqf_scratch *scratch) {
    if (w->layout == PQF_BINARY) return &scratch->dictionaries[0];
    if (w->width == 4) return &scratch->dictionaries[1];
    return w->width == 8 ? &scratch->dictionaries[2] : NULL;
}

static void swap_codes(pqf_chunk_writer *w, pqf_buf *other) {
    pqf_buf codes = w->codes;
    w->codes = *other;
    *other = codes;
}

/* A chunk of one page needs table and codes here alone: it takes those of the worker, so that a file
 * of thousands of columns does not hold thousands of them. */
pqf_status pqf_chunk_finish_pages(pqf_chunk_writer *w, const pqf_chunk_work *work,
                                  pqf_error *err) {
    pqf_dict_builder **table = table_of_worker(w, work->scratch);
    if (w->mode != PQF_MODE_FIRST || w->dictionary || !table)
        return finish_pages(w, work, err);
    if (!*table)
        TRY(pqf_dict_builder_new(w->layout, w->width, work->scratch->mem, table, err));
    pqf_buf *codes = &work->scratch->shred[PQF_SHRED_DENSE];
    w->dictionary = *table;
    swap_codes(w, codes);
    pqf_status status = finish_pages(w, work, err);
    swap_codes(w, codes);
    w->dictionary = NULL;
    return status;
}
