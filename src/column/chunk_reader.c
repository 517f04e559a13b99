/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_reader.c (room column): a pull over the rows of a column chunk. In: the chunk and a
 * number of rows. Out: exactly these rows, appended to a leaf. The place inside a page is
 * kept between calls.
 *
 *   walk ─► page ─► levels of the page, or of the rows that are wanted ─► their values ─► next page
 *
 * Rows of a column without lists are level pairs. With lists a row goes on until the next
 * repetition level 0 or the end of the chunk, maybe over pages (README.md, Nested Encoding),
 * so that a read looks at the level behind its last row and leaves it where it is.
 */
#include "chunk_reader.h"

#include <stdio.h>

/* Shorter runs are cheaper as part of a block. */
#define LONG_RUN 64

/* ---- opening ---- */

static pqf_status check_leaf(const pqf_chunk *chunk, const pqf_field *f, pqf_error *err) {
    const pqf_leaf *leaf = chunk->leaf;
    if (leaf->max_def > 127 || leaf->max_rep > 127)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "columns nested deeper than 127 levels are not built");
    bool fixed = pqf_leaf_layout_of(leaf) == PQF_FIXED;
    if (f->layout == PQF_LEAF_FIXED && f->convert == PQF_CONVERT_NONE &&
        (!fixed || f->arrow_width != pqf_leaf_width(leaf)))
        return pqf_fail(err, PQF_INVALID, "%s values do not have %d bytes",
                        pqf_physical_name(leaf->physical), f->arrow_width);
    return pqf_codec_check(chunk->meta->codec, err);
}

pqf_status pqf_chunk_reader_open(const pqf_chunk *chunk, const pqf_field *leaf_field,
                                 const pqf_chunk_read_options *options, pqf_mem *mem,
                                 pqf_chunk_reader **out, pqf_error *err) {
    void *block;
    if (check_leaf(chunk, leaf_field, err) != PQF_OK)
        return pqf_error_at_column(err, chunk->leaf->path);
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_chunk_reader), &block, err));
    pqf_chunk_reader *r = block;
    r->mem = mem;
    r->chunk = *chunk;
    r->options = *options;
    r->rows_left = chunk->num_rows;
    r->at_start = true;
    pqf_page_walk_init(&r->walk, chunk, options->source, options->window_bytes, mem);
    pqf_chunk_dict_init(&r->dict, mem);
    pqf_buf_init(&r->room, mem, 0);
    pqf_buf_init(&r->levels, mem, 0);
    pqf_arena_init(&r->selection.arena, mem);
    r->values.kernel = options->kernel;
    r->values.leaf_field = leaf_field;
    r->values.dict = &r->dict;
    pqf_buf_init(&r->values.kept, mem, 0);
    r->values.check_text = leaf_field->is_utf8 && !options->skip_utf8_check;
    *out = r;
    return PQF_OK;
}

void pqf_chunk_reader_free(pqf_chunk_reader *reader) {
    if (!reader) return;
    pqf_page_walk_reset(&reader->walk);
    pqf_chunk_dict_reset(&reader->dict);
    pqf_buf_reset(&reader->room);
    pqf_buf_reset(&reader->values.kept);
    pqf_buf_reset(&reader->levels);
    pqf_arena_reset(&reader->selection.arena);
    pqf_mem_free(reader->mem, reader, sizeof *reader);
}

int64_t pqf_chunk_reader_rows_left(const pqf_chunk_reader *reader) {
    return reader->rows_left;
}

/* ---- pages ---- */

static pqf_page_context page_context(const pqf_pull *p) {
    return (pqf_page_context){&p->r->chunk, p->r->options.kernel,
                              p->r->options.skip_page_checksums, &p->scratch->codec,
                              &p->r->levels};
}

static pqf_status load_dictionary(const pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    pqf_page_context context = page_context(p);
    return pqf_chunk_dict_load(&r->dict, &r->walk, &r->ref, &context,
                               r->values.leaf_field, r->values.check_text,
                               r->options.kernel, err);
}

pqf_status pqf_pull_dictionary(pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    bool end;
    TRY(pqf_page_walk_next(&r->walk, &r->ref, &end, err));
    if (end) return PQF_OK;
    r->has_page = true;
    if (r->ref.page < 0) return load_dictionary(p, err);
    return pqf_fail(err, PQF_CORRUPT,
                    "a data page stands before the first one of the offset index");
}

/* Rows of the chunk that have begun. */
static int64_t rows_begun(const pqf_pull *p) {
    return p->r->chunk.num_rows - p->r->rows_left + p->rows_begun;
}

/* The current page, or the next one that has level pairs; *end when there is none. */
static pqf_status find_page(const pqf_pull *p, bool *end, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    *end = false;
    while (r->levels_left == 0) {
        r->has_page = false;
        TRY(pqf_run_poll(p->run, p->worker, err));
        TRY(pqf_page_walk_next(&r->walk, &r->ref, end, err));
        if (*end) return PQF_OK;
        r->has_page = true;
        if (r->ref.page < 0) {
            TRY(load_dictionary(p, err));
        } else {
            r->levels_left = r->ref.num_values;
            r->sealed = true;
            r->page_row = rows_begun(p);
            r->page_values = 0;
            TRY(pqf_selection_check(r, err));
        }
    }
    return PQF_OK;
}

/* Values of a page whose levels have not been touched: they are read twice. */
static pqf_status count_present(const pqf_chunk_reader *r, int64_t *num_present,
                                pqf_error *err) {
    uint8_t defs[PQF_LEVEL_BLOCK + PQF_SLACK];
    uint64_t bits[PQF_LEVEL_BLOCK / 64 + PQF_SLACK / 8];
    uint8_t max = (uint8_t)r->chunk.leaf->max_def;
    pqf_rle def = r->def;
    *num_present = 0;
    for (int64_t left = r->ref.num_values, n; left > 0; left -= n) {
        n = pqf_min_i64(left, PQF_LEVEL_BLOCK);
        TRY(pqf_rle_decode_u8(&def, n, defs, err));
        *num_present += r->options.kernel->levels_ge(defs, n, max, bits);
    }
    return PQF_OK;
}

/* Where the streams of BYTE_STREAM_SPLIT begin follows from the number of values alone. */
static pqf_status expect_values(pqf_chunk_reader *r, pqf_error *err) {
    pqf_page *page = &r->values.page;
    page->most_present = page->num_values;
    if (page->encoding != PQF_BYTE_STREAM_SPLIT || !r->chunk.leaf->max_def) return PQF_OK;
    return count_present(r, &page->most_present, err);
}

/* What somebody has made of the current page; NULL: nothing. Its header was read at another time: of a file
 * that changes meanwhile it may be another page. */
static pqf_status take_early(const pqf_pull *p, pqf_early_page **out, pqf_error *err) {
    const pqf_chunk_reader *r = p->r;
    *out = NULL;
    if (!r->take_early) return PQF_OK;
    TRY(r->take_early(r->early_context, r->ref.body_offset, p->worker, out, err));
    if (*out && (*out)->page.num_values != r->ref.num_values) *out = NULL;
    return PQF_OK;
}

static pqf_status unseal_page(const pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    pqf_page_context context = page_context(p);
    pqf_early_page *early;
    bool own_room = r->room.data != NULL;
    TRY(take_early(p, &early, err));
    r->in_scratch = false;
    if (early) {
        r->values.page = early->page;
        return PQF_OK;
    }
    TRY(pqf_page_unseal(&r->walk, &r->ref, &context,
                        own_room ? &r->room : &p->scratch->page, &r->values.page, err));
    r->in_scratch = r->values.page.in_room && !own_room;
    return PQF_OK;
}

static pqf_status open_page(const pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    if (!r->sealed) return PQF_OK;
    const pqf_leaf *leaf = r->chunk.leaf;
    const pqf_page *page = &r->values.page;
    TRY(unseal_page(p, err));
    r->sealed = false;
    r->values.begun = false;
    const pqf_kernels *kernel = r->options.kernel;
    TRY(pqf_rle_begin(&r->rep, kernel, page->rep, pqf_bit_width((uint64_t)leaf->max_rep),
                      err));
    TRY(pqf_rle_begin(&r->def, kernel, page->def, pqf_bit_width((uint64_t)leaf->max_def),
                      err));
    return expect_values(r, err);
}

/* The next call may use the scratch for another chunk. */
static void keep_page(const pqf_pull *p) {
    pqf_chunk_reader *r = p->r;
    if (r->sealed || !r->levels_left || !r->in_scratch) return;
    pqf_buf_reset(&r->room);
    r->room = pqf_buf_take(&p->scratch->page);
    r->in_scratch = false;
}

/* ---- stretches of levels ---- */

static pqf_status level_too_large(const char *what, int level, int max, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "levels: a %s level of %d, the largest is %d", what,
                    level, max);
}

static pqf_status decode_levels(const pqf_chunk_reader *r, pqf_rle *rle, int64_t n,
                                int max, const char *what, uint8_t *out, pqf_error *err) {
    TRY(pqf_rle_decode_u8(rle, n, out, err));
    uint8_t found = r->options.kernel->max_u8(out, n);
    return found <= max ? PQF_OK : level_too_large(what, found, max, err);
}

/* The definition levels of the next n pairs: one long run (*n may become less), or an array. */
static pqf_status next_defs(pqf_chunk_reader *r, uint8_t *room, pqf_levels *levels,
                            pqf_error *err) {
    int max = r->chunk.leaf->max_def;
    bool is_run = true;
    uint32_t value = 0;
    int64_t run_left = levels->n;
    levels->prev_def = r->prev_def;
    levels->def = NULL;
    if (max) TRY(pqf_rle_peek(&r->def, &is_run, &value, &run_left, err));
    if (is_run && (run_left >= levels->n || (!levels->rep && run_left >= LONG_RUN))) {
        if (value > (uint32_t)max)
            return level_too_large("definition", (int)value, max, err);
        levels->n = pqf_min_i64(levels->n, run_left);
        levels->def_value = (uint8_t)value;
        if (max) TRY(pqf_rle_skip(&r->def, levels->n, err));
    } else {
        levels->n = pqf_min_i64(levels->n, PQF_LEVEL_BLOCK);
        TRY(decode_levels(r, &r->def, levels->n, max, "definition", room, err));
        levels->def = room;
    }
    r->prev_def = levels->def ? levels->def[levels->n - 1] : levels->def_value;
    return PQF_OK;
}

/* Values of a stretch that is stepped over. */
static int64_t count_values(const pqf_chunk_reader *r, const pqf_levels *levels) {
    uint64_t bits[PQF_LEVEL_BLOCK / 64 + PQF_SLACK / 8];
    int max = r->chunk.leaf->max_def;
    if (!levels->def) return levels->def_value == max ? levels->n : 0;
    return r->options.kernel->levels_ge(levels->def, levels->n, (uint8_t)max, bits);
}

static pqf_status put_stretch(pqf_pull *p, const pqf_levels *levels, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    r->levels_left -= levels->n;
    if (p->out)
        return pqf_levels_append(r->options.kernel, levels, r->chunk.leaf->max_rep,
                                 p->out, err);
    p->num_skipped += count_values(r, levels);
    return PQF_OK;
}

/* ---- columns without lists ---- */

/* The only node that can be null, where there is exactly one; its validity is the level bits. */
static pqf_node_out *only_nullable(const pqf_leaf_out *out) {
    pqf_node_out *found = NULL;
    for (int32_t i = 0; i < out->num_nodes; i++) {
        const pqf_field *f = out->nodes[i].field;
        if (f->def_level == f->def_parent) continue;
        if (found) return NULL;
        found = &out->nodes[i];
    }
    return found;
}

/* Levels 0 and 1 are validity bits: runs are filled, literals copied. No bitmap before the
 * first run that is not all valid. */
static pqf_status bit_levels(pqf_chunk_reader *r, int64_t n, pqf_node_out *node,
                             pqf_error *err) {
    const pqf_kernels *kernel = r->options.kernel;
    while (n > 0 && !node->validity.data) {
        bool is_run;
        uint32_t value;
        int64_t run_left, num_set;
        TRY(pqf_rle_peek(&r->def, &is_run, &value, &run_left, err));
        if (!is_run || value != 1) {
            TRY(pqf_node_make_validity(kernel, node, n, err));
            break;
        }
        num_set = pqf_min_i64(n, run_left);
        TRY(pqf_rle_skip(&r->def, num_set, err));
        TRY(pqf_node_append_same(kernel, node, num_set, true, err));
        n -= num_set;
    }
    if (n == 0) return PQF_OK;
    int64_t num_set;
    TRY(pqf_node_make_validity(kernel, node, n, err));
    TRY(pqf_rle_decode_bits(&r->def, n, node->validity.data, node->length, &num_set,
                            err));
    node->length += n;
    node->num_nulls += n - num_set;
    node->validity.len = (size_t)pqf_bits_bytes(node->length);
    return PQF_OK;
}

static pqf_status append_required(pqf_pull *p, int64_t n, const pqf_node_out *except,
                                  pqf_error *err) {
    pqf_leaf_out *out = p->out;
    for (int32_t i = 0; i < out->num_nodes; i++)
        if (&out->nodes[i] != except)
            TRY(pqf_node_append_same(p->r->options.kernel, &out->nodes[i], n, true, err));
    return PQF_OK;
}

static pqf_status flat_levels(pqf_pull *p, int64_t n, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    uint8_t room[PQF_LEVEL_BLOCK + PQF_SLACK];
    pqf_node_out *node =
        p->out && r->chunk.leaf->max_def == 1 ? only_nullable(p->out) : NULL;
    if (node || (p->out && r->chunk.leaf->max_def == 0)) {
        r->levels_left -= n;
        if (node) TRY(bit_levels(r, n, node, err));
        return append_required(p, n, node, err);
    }
    while (n > 0) {
        pqf_levels levels = {.n = n};
        TRY(next_defs(r, room, &levels, err));
        TRY(put_stretch(p, &levels, err));
        n -= levels.n;
    }
    return PQF_OK;
}

/* Fills what the levels have just appended. */
static pqf_status put_values(pqf_pull *p, int64_t slots_before, int64_t nulls_before,
                             pqf_error *err) {
    if (!p->out) {
        int64_t n = p->num_skipped;
        p->num_skipped = 0;
        p->r->page_values += n;
        return pqf_values_skip(&p->r->values, n, err);
    }
    const pqf_node_out *node = pqf_leaf_node(p->out);
    int64_t num_slots = node->length - slots_before;
    int64_t num_nulls = node->num_nulls - nulls_before;
    bool lent = false;
    TRY(pqf_pull_lend(p, num_slots, num_slots - num_nulls, &lent, err));
    p->r->page_values += num_slots - num_nulls;
    if (lent) return PQF_OK;
    return pqf_values_append(&p->r->values, p->out, num_slots, num_slots - num_nulls,
                             p->scratch, err);
}

/* A page of nothing but PLAIN values that is wanted whole goes straight to its place, unless it is there. */
static bool is_direct(const pqf_pull *p, int64_t n) {
    const pqf_field *f = p->r->values.leaf_field;
    return p->out && !p->out->dictionary && p->r->sealed && n == p->r->levels_left &&
           f->layout == PQF_LEAF_FIXED && f->convert == PQF_CONVERT_NONE &&
           pqf_page_is_plain(&p->r->ref, p->r->chunk.leaf, n * f->arrow_width) &&
           !pqf_pull_may_lend(p, n);
}

static pqf_status direct_page(pqf_pull *p, int64_t n, pqf_error *err) {
    pqf_buf *values = &p->out->values;
    pqf_page_context context = page_context(p);
    size_t len = (size_t)(n * p->out->leaf_field->arrow_width);
    pqf_early_page *early;
    TRY(pqf_values_reserve(p->out, n, err));
    TRY(take_early(p, &early, err));
    uint8_t *to = values->data + values->len;
    if (early && early->page.values.len == len)
        memcpy(to, early->page.values.data, len);
    else
        TRY(pqf_page_unseal_plain(&p->r->walk, &p->r->ref, &context, to, err));
    values->len += len;
    p->r->levels_left = 0;
    p->r->page_values = n;
    TRY(append_required(p, n, NULL, err));
    return pqf_pull_end_page(p, n, err);
}

static pqf_status flat_page(pqf_pull *p, int64_t n, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    if (is_direct(p, n)) return direct_page(p, n, err);
    if (!p->out && r->sealed && n == r->levels_left) {
        r->levels_left = 0;
        return PQF_OK;
    }
    TRY(open_page(p, err));
    int64_t slots = p->out ? pqf_leaf_node(p->out)->length : 0;
    int64_t nulls = p->out ? pqf_leaf_node(p->out)->num_nulls : 0;
    TRY(flat_levels(p, n, err));
    TRY(put_values(p, slots, nulls, err));
    return pqf_pull_end_page(p, r->ref.num_values, err);
}

static pqf_status missing_rows(const pqf_pull *p, int64_t missing, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "the pages of the column chunk hold %lld rows fewer than the %lld "
                    "of its row group",
                    (long long)(p->r->rows_left - p->num_rows + missing),
                    (long long)p->r->chunk.num_rows);
}

static pqf_status too_many_rows(const pqf_pull *p, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT,
                    "the pages of the column chunk hold more than the %lld rows of its "
                    "row group",
                    (long long)p->r->chunk.num_rows);
}

static pqf_status pull_flat(pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    int64_t left = p->num_rows;
    while (left > 0) {
        bool end;
        TRY(find_page(p, &end, err));
        if (end) return missing_rows(p, left, err);
        int64_t n = pqf_min_i64(left, r->levels_left);
        TRY(flat_page(p, n, err));
        left -= n;
        p->rows_begun += n;
    }
    bool at_end = r->rows_left == p->num_rows;
    return at_end && (r->levels_left || r->walk.values_left) ? too_many_rows(p, err)
                                                             : PQF_OK;
}

/* ---- columns with lists ---- */

static pqf_status check_start(pqf_chunk_reader *r, int first_rep, pqf_error *err) {
    if (r->at_start && first_rep != 0)
        return pqf_fail(err, PQF_CORRUPT,
                        "levels: a column chunk begins with repetition level %d",
                        first_rep);
    r->at_start = false;
    return PQF_OK;
}

/* Position of the bit number k (0-based) that is set. */
static int64_t find_bit(const uint64_t *bits, int64_t k) {
    for (int64_t word = 0;; word++) {
        int count = pqf_popcount(bits[word]);
        if (k >= count) {
            k -= count;
            continue;
        }
        uint64_t w = bits[word];
        while (k-- > 0)
            w &= w - 1;
        return word * 64 + __builtin_ctzll(w);
    }
}

/* A long run of one repetition level. *done when it begins a row too many. */
static pqf_status run_of_reps(pqf_pull *p, uint32_t value, int64_t run_left,
                              pqf_levels *levels, bool *done, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    int max = r->chunk.leaf->max_rep;
    if (value > (uint32_t)max) return level_too_large("repetition", (int)value, max, err);
    levels->rep = NULL;
    levels->rep_value = (uint8_t)value;
    levels->n = pqf_min_i64(run_left, r->levels_left);
    if (value == 0) levels->n = pqf_min_i64(levels->n, p->num_rows - p->rows_begun);
    *done = levels->n == 0;
    return PQF_OK;
}

/* A block of repetition levels, up to the row that is one too many; these are left in the runs. */
static pqf_status block_of_reps(pqf_pull *p, uint8_t *room, pqf_levels *levels,
                                bool *done, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    uint64_t starts[PQF_LEVEL_BLOCK / 64 + PQF_SLACK / 8];
    int64_t n = pqf_min_i64(r->levels_left, PQF_LEVEL_BLOCK);
    int64_t wanted = p->num_rows - p->rows_begun;
    pqf_rle before = r->rep;
    TRY(decode_levels(r, &r->rep, n, r->chunk.leaf->max_rep, "repetition", room, err));
    int64_t num_starts = r->options.kernel->levels_eq(room, n, 0, starts);
    if (num_starts > wanted) {
        n = find_bit(starts, wanted);
        num_starts = wanted;
        r->rep = before;
        if (n) TRY(pqf_rle_skip(&r->rep, n, err));
    }
    p->rows_begun += num_starts;
    levels->rep = room;
    levels->n = n;
    *done = n == 0;
    return PQF_OK;
}

static pqf_status nested_stretch(pqf_pull *p, bool *done, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    uint8_t rep_room[PQF_LEVEL_BLOCK + PQF_SLACK], def_room[PQF_LEVEL_BLOCK + PQF_SLACK];
    pqf_levels levels = {0};
    bool is_run;
    uint32_t value;
    int64_t run_left;
    TRY(pqf_rle_peek(&r->rep, &is_run, &value, &run_left, err));
    bool long_run = is_run && run_left >= LONG_RUN;
    if (long_run)
        TRY(run_of_reps(p, value, run_left, &levels, done, err));
    else
        TRY(block_of_reps(p, rep_room, &levels, done, err));
    if (*done) return PQF_OK;
    TRY(check_start(r, levels.rep ? levels.rep[0] : levels.rep_value, err));
    TRY(next_defs(r, def_room, &levels, err));
    if (long_run) {
        TRY(pqf_rle_skip(&r->rep, levels.n, err));
        if (value == 0) p->rows_begun += levels.n;
    }
    return put_stretch(p, &levels, err);
}

static pqf_status pull_nested(pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    bool done = false, end = false;
    for (;;) {
        TRY(find_page(p, &end, err));
        if (end) break;
        TRY(open_page(p, err));
        int64_t slots = p->out ? pqf_leaf_node(p->out)->length : 0;
        int64_t nulls = p->out ? pqf_leaf_node(p->out)->num_nulls : 0;
        while (r->levels_left && !done)
            TRY(nested_stretch(p, &done, err));
        TRY(put_values(p, slots, nulls, err));
        TRY(pqf_pull_end_page(p, rows_begun(p) - r->page_row, err));
        if (done) break;
    }
    if (p->rows_begun < p->num_rows)
        return missing_rows(p, p->num_rows - p->rows_begun, err);
    return done && r->rows_left == p->num_rows ? too_many_rows(p, err) : PQF_OK;
}

/* ---- the pull ---- */

/* String bytes of the whole chunk as far as its metadata tells; only what is likely: 0 is no
 * harm. */
static int64_t likely_string_bytes(const pqf_chunk_reader *r) {
    const pqf_column_metadata *meta = r->chunk.meta;
    const pqf_size_statistics *sizes = meta->size_statistics;
    int64_t limit = pqf_min_i64(INT32_MAX, pqf_mem_left(r->mem) / 4);
    if (meta->total_uncompressed_size > limit) return 0;
    if (!sizes || !sizes->has_unencoded_byte_array_data_bytes) return 0;
    int64_t bytes = sizes->unencoded_byte_array_data_bytes;
    return bytes > 0 && bytes <= limit ? bytes : 0;
}

/* No string is longer than the chunk. */
static bool is_possible(const pqf_column_metadata *meta, int64_t num_bytes) {
    int64_t most;
    return !pqf_mul_i64(meta->num_values, meta->total_uncompressed_size, &most) ||
           num_bytes <= most;
}

/* A chunk whose strings cannot fit one array is refused before a page of it is decompressed. The bytes
 * of PLAIN strings are what is left of the chunk without lengths (4), levels (at most 2 + 2 bytes an
 * entry here) and headers. */
static pqf_status check_string_bytes(const pqf_pull *p, pqf_error *err) {
    const pqf_column_metadata *meta = p->r->chunk.meta;
    const pqf_size_statistics *sizes = meta->size_statistics;
    /* The rest of a chunk, the last batch of many, may well fit. */
    bool whole = p->out && p->num_rows == p->r->chunk.num_rows;
    if (!whole || p->out->leaf_field->layout != PQF_LEAF_BINARY) return PQF_OK;
    if (p->out->leaf_field->index_format) return PQF_OK;
    int64_t least = 0;
    if (sizes && sizes->has_unencoded_byte_array_data_bytes)
        least = is_possible(meta, sizes->unencoded_byte_array_data_bytes)
                    ? sizes->unencoded_byte_array_data_bytes
                    : 0;
    else if (!meta->has_dictionary_page_offset && meta->num_values < INT32_MAX)
        least = meta->total_uncompressed_size - 16 * meta->num_values - (1 << 20);
    if (least <= INT32_MAX) return PQF_OK;
    p->out->bytes.is_full = true;
    return pqf_fail(
        err, PQF_LIMIT,
        "the column chunk holds %lld bytes of strings, more than the 2 GiB of one "
        "array; read_parquet_iter with a smaller chunk_size reads it",
        (long long)least);
}

/* What the first allocations are for. Row counts are words of the file: what they ask for at once is
 * far below what is left of the memory, the rest has to be shown by pages. */
static pqf_status expect(const pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    int64_t width = pqf_max_i64(p->out->leaf_field->arrow_width, sizeof(int32_t));
    int64_t limit = pqf_mem_left(p->out->mem) / 4 / width;
    bool whole = p->num_rows == r->rows_left;
    for (int32_t i = 0; i < p->out->num_nodes; i++) {
        pqf_node_out *node = &p->out->nodes[i];
        int64_t more = i == 0 || r->chunk.leaf->max_rep == 0 ? p->num_rows : 0;
        if (node == pqf_leaf_node(p->out) && whole)
            more = r->levels_left + r->walk.values_left;
        more = node->length + pqf_min_i64(more, limit); /* the file may claim 2^63 */
        node->num_expected = pqf_max_i64(node->num_expected, more);
        node->num_expected = pqf_min_i64(node->num_expected, limit);
    }
    if (!whole || p->out->leaf_field->layout != PQF_LEAF_BINARY || p->out->dictionary)
        return PQF_OK;
    if (p->out->bytes.data || !r->at_start) return PQF_OK;
    int64_t bytes = likely_string_bytes(r);
    return bytes ? pqf_buf_reserve(&p->out->bytes, (size_t)bytes, err) : PQF_OK;
}

pqf_status pqf_pull_rows(pqf_pull *p, pqf_error *err) {
    TRY(check_string_bytes(p, err));
    pqf_chunk_reader *r = p->r;
    if (p->num_rows == 0) return PQF_OK;
    if (p->out) TRY(expect(p, err));
    r->values.num_rows = p->num_rows == r->chunk.num_rows ? INT64_MAX : p->num_rows;
    TRY(r->chunk.leaf->max_rep ? pull_nested(p, err) : pull_flat(p, err));
    if (p->out && p->out->dictionary) {
        if (r->dict.has_bad_text)
            return pqf_dict_fail_text(&r->dict.dict, r->options.kernel, err);
        TRY(pqf_dict_out_hold(p->out->dictionary, &r->dict, r->values.num_rows, err));
    }
    r->at_start = false;
    r->rows_left -= p->num_rows;
    if (p->out) p->out->num_rows += p->num_rows;
    keep_page(p);
    if (r->rows_left == 0 && !r->levels_left)
        return pqf_page_walk_check_end(&r->walk, &r->chunk, err);
    return PQF_OK;
}

/* The row of the chunk in which value `at` of the current page stands: its levels are read again. */
static pqf_status row_of_value(const pqf_chunk_reader *r, int64_t at, int64_t *row,
                               pqf_error *err) {
    const pqf_leaf *leaf = r->chunk.leaf;
    const pqf_page *page = &r->values.page;
    uint8_t reps[PQF_LEVEL_BLOCK + PQF_SLACK], defs[PQF_LEVEL_BLOCK + PQF_SLACK];
    pqf_rle rep, def;
    TRY(pqf_rle_begin(&rep, r->options.kernel, page->rep,
                      pqf_bit_width((uint64_t)leaf->max_rep), err));
    TRY(pqf_rle_begin(&def, r->options.kernel, page->def,
                      pqf_bit_width((uint64_t)leaf->max_def), err));
    memset(reps, 0, sizeof reps);
    memset(defs, 0, sizeof defs);
    *row = r->page_row - 1;
    for (int64_t left = page->num_values; left > 0; left -= PQF_LEVEL_BLOCK) {
        int64_t n = pqf_min_i64(left, PQF_LEVEL_BLOCK);
        if (leaf->max_rep) TRY(pqf_rle_decode_u8(&rep, n, reps, err));
        if (leaf->max_def) TRY(pqf_rle_decode_u8(&def, n, defs, err));
        for (int64_t i = 0; i < n; i++) {
            *row += reps[i] == 0;
            if (defs[i] == leaf->max_def && at-- == 0) return PQF_OK;
        }
    }
    return PQF_OK;
}

static pqf_status fail_text_at_row(const pqf_chunk_reader *r, pqf_error *err) {
    char where[64];
    int64_t row;
    TRY(row_of_value(r, r->values.bad_at, &row, err));
    snprintf(where, sizeof where,
             "row %lld of the file: ", (long long)(r->chunk.first_row + row));
    return pqf_text_fail(where, r->values.bad_value, err);
}

static pqf_status pull_or_fail(pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    if (p->num_rows < 0 || p->num_rows > r->rows_left)
        return pqf_fail(err, PQF_INVALID,
                        "%lld rows were asked for, the column chunk has %lld left",
                        (long long)p->num_rows, (long long)r->rows_left);
    bool selected = r->selection.ranges != NULL;
    pqf_status status = selected ? pqf_pull_selected(p, err) : pqf_pull_rows(p, err);
    if (status == PQF_OK) return PQF_OK;
    if (r->values.found_bad) status = fail_text_at_row(r, err);
    if (r->has_page) pqf_error_at_page(err, r->ref.page, r->ref.file_offset);
    return pqf_error_at_column(err, r->chunk.leaf->path);
}

pqf_status pqf_chunk_reader_read(pqf_chunk_reader *reader, int64_t num_rows,
                                 pqf_leaf_out *out, pqf_scratch *scratch, pqf_run *run,
                                 int worker, pqf_error *err) {
    pqf_pull p = {reader, out, scratch, run, worker, num_rows, 0, 0};
    return pull_or_fail(&p, err);
}

pqf_status pqf_chunk_reader_skip(pqf_chunk_reader *reader, int64_t num_rows,
                                 pqf_scratch *scratch, pqf_run *run, int worker,
                                 pqf_error *err) {
    pqf_pull p = {reader, NULL, scratch, run, worker, num_rows, 0, 0};
    return pull_or_fail(&p, err);
}

/* ---- the values alone, each once ---- */

#define PUT_ROWS 8192

static bool is_code(int32_t encoding) {
    return encoding == PQF_PLAIN_DICTIONARY || encoding == PQF_RLE_DICTIONARY;
}

/* Without counts per encoding PLAIN may be the dictionary's or that of pages. */
static bool is_all_codes(const pqf_column_metadata *meta) {
    if (!meta->has_dictionary_page_offset) return false;
    for (int32_t i = 0; i < meta->num_encoding_stats; i++) {
        const pqf_page_encoding_stats *s = &meta->encoding_stats[i];
        if (s->page_type != PQF_PAGE_DICTIONARY && s->count > 0 && !is_code(s->encoding))
            return false;
    }
    if (meta->num_encoding_stats) return true;
    for (int32_t i = 0; i < meta->num_encodings; i++)
        if (meta->encodings[i] != PQF_RLE && meta->encodings[i] != PQF_BIT_PACKED &&
            !is_code(meta->encodings[i]))
            return false;
    return true;
}

/* From the beginning: the dictionary was looked at alone. */
static pqf_status put_rows(pqf_chunk_reader *reader, pqf_leaf_out *out, int64_t most,
                           pqf_scratch *scratch, pqf_run *run, int worker,
                           pqf_error *err) {
    while (reader->rows_left > 0 && pqf_leaf_out_num_values(out) <= most) {
        int64_t n = pqf_min_i64(reader->rows_left, PUT_ROWS);
        TRY(pqf_chunk_reader_read(reader, n, out, scratch, run, worker, err));
        pqf_leaf_out_drop_rows(out);
    }
    return PQF_OK;
}

pqf_status pqf_chunk_reader_put_values(pqf_chunk_reader *reader, pqf_leaf_out *out,
                                       int64_t most, pqf_scratch *scratch, pqf_run *run,
                                       int worker, pqf_error *err) {
    pqf_pull p = {reader, out, scratch, run, worker, 0, 0, 0};
    bool end;
    pqf_status status = find_page(&p, &end, err);
    if (status == PQF_OK)
        status = pqf_dict_out_hold(out->dictionary, &reader->dict, INT64_MAX, err);
    if (status != PQF_OK) return pqf_error_at_column(err, reader->chunk.leaf->path);
    if (is_all_codes(reader->chunk.meta)) return PQF_OK;
    return put_rows(reader, out, most, scratch, run, worker, err);
}
