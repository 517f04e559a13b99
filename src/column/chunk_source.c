/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_source.c (room column): the dictionary that comes with the rows of a column declared as one.
 * In: the dictionary of an Arrow array, nulls and repeated values possible. Out: its values, each
 * once and in their order, at the front of the chunk's dictionary, used or not, so that categories
 * come back as they went in; and the code of each slot. A later batch with other values appends what
 * is new, in its order.
 *
 * What a page holds depends on the rows and their dictionaries alone: the same dictionary again, in
 * another put of the same rows, changes nothing. One that would take more than the limit is not
 * taken; its values then come one by one, as rows use them.
 */
#include "chunk_writer.h"

#define SOURCE_BLOCK 256

/* Valid slots of the dictionary, and their values as Parquet's. */
typedef struct source_block {
    int64_t num;
    const void *values;
    uint32_t slots[SOURCE_BLOCK];
} source_block;

/* *from: the slot to go on with. num is 0 at the end. */
static pqf_status next_block(pqf_shred *shred, int64_t *from, source_block *block,
                             pqf_error *err) {
    const pqf_view *dictionary = shred->leaf_view->dictionary;
    for (block->num = 0; *from < dictionary->length && block->num < SOURCE_BLOCK; ++*from)
        if (pqf_view_is_valid(dictionary, *from))
            block->slots[block->num++] = (uint32_t)*from;
    block->values = NULL;
    if (block->num == 0) return PQF_OK;
    return pqf_shred_resolve(shred, block->slots, block->num, &block->values, err);
}

static uint32_t plain_bytes(const pqf_chunk_writer *w, const source_block *block,
                            int64_t i) {
    if (w->layout == PQF_FIXED) return (uint32_t)w->width;
    return 4 + ((const pqf_slice *)block->values)[i].len;
}

/* PLAIN bytes of all values; -1: there is one that no file holds. Rows that use it have been refused. */
static pqf_status source_bytes(const pqf_chunk_writer *w, pqf_shred *shred,
                               int64_t *bytes, pqf_error *err) {
    source_block block;
    pqf_error own;
    int64_t from = 0;
    *bytes = 0;
    pqf_error_init(&own);
    do {
        pqf_status status = next_block(shred, &from, &block, &own);
        if (status == PQF_SCHEMA) {
            *bytes = -1;
            return PQF_OK;
        }
        if (status != PQF_OK) return pqf_fail(err, status, "%s", own.message);
        for (int64_t i = 0; i < block.num; i++)
            *bytes += plain_bytes(w, &block, i);
    } while (block.num);
    return PQF_OK;
}

static void put_map(pqf_chunk_writer *w, const source_block *block, int64_t i,
                    uint32_t code) {
    pqf_slot_code m = {code + 1, plain_bytes(w, block, i)};
    memcpy(w->map->data + block->slots[i] * sizeof m, &m, sizeof m);
}

/* ---- the same dictionary again ---- */

static bool block_is_at(const pqf_chunk_writer *w, const source_block *block,
                        int64_t code) {
    if (w->layout == PQF_FIXED) {
        size_t width = (size_t)w->width;
        const uint8_t *page = pqf_dict_page_bytes(w->dictionary).data;
        return !memcmp(page + (size_t)code * width, block->values,
                       (size_t)block->num * width);
    }
    const pqf_slice *slices = block->values;
    for (int64_t i = 0; i < block->num; i++) {
        pqf_bytes value = pqf_dict_value(w->dictionary, code + i);
        if (value.len != slices[i].len || memcmp(value.data, slices[i].data, value.len))
            return false;
    }
    return true;
}

/* Whether the chunk's dictionary begins with the source's values, or is exactly these; then they are
 * in the map. */
static pqf_status find_same(pqf_chunk_writer *w, pqf_shred *shred, bool exactly,
                            bool *same, pqf_error *err) {
    int64_t num_values = w->dictionary ? pqf_dict_num_values(w->dictionary) : 0;
    int64_t from = 0, code = 0;
    source_block block;
    *same = false;
    do {
        TRY(next_block(shred, &from, &block, err));
        if (code + block.num > num_values) return PQF_OK;
        if (block.num && !block_is_at(w, &block, code)) return PQF_OK;
        for (int64_t i = 0; i < block.num; i++)
            put_map(w, &block, i, (uint32_t)(code + i));
        code += block.num;
    } while (block.num);
    *same = code > 0 && (!exactly || code == num_values);
    return PQF_OK;
}

/* ---- another one ---- */

/* The page has room for all of them. */
static pqf_status put_source(pqf_chunk_writer *w, pqf_shred *shred, pqf_error *err) {
    uint32_t codes[SOURCE_BLOCK];
    source_block block;
    int64_t from = 0, num_put;
    do {
        TRY(next_block(shred, &from, &block, err));
        if (w->layout == PQF_FIXED) {
            TRY(pqf_dict_put_fixed(w->dictionary, block.values, block.num, INT32_MAX,
                                   codes, &num_put, err));
        } else {
            TRY(pqf_dict_put_binary(w->dictionary, block.values, block.num, INT32_MAX,
                                    codes, &num_put, err));
        }
        for (int64_t i = 0; i < block.num; i++)
            put_map(w, &block, i, codes[i]);
    } while (block.num);
    return PQF_OK;
}

/* From here on values stand in the dictionary that no page has; those so far are all used. */
static pqf_status become_sourced(pqf_chunk_writer *w, bool first, pqf_error *err) {
    if (w->sourced) return PQF_OK;
    w->sourced = true;
    size_t n = first ? 0 : (size_t)pqf_dict_num_values(w->dictionary);
    w->used.len = 0;
    TRY(pqf_buf_reserve(&w->used, n, err));
    if (n) memset(w->used.data, 1, n);
    w->used.len = n;
    return PQF_OK;
}

static bool has_room(const pqf_chunk_writer *w, bool first, int64_t bytes) {
    int64_t before = first ? 0 : (int64_t)pqf_dict_page_bytes(w->dictionary).len;
    return bytes > 0 && before + bytes <= pqf_chunk_source_limit(w);
}

static pqf_status put_new(pqf_chunk_writer *w, pqf_shred *shred,
                          const pqf_chunk_work *work, bool first, pqf_error *err) {
    size_t num_slots = (size_t)shred->leaf_view->dictionary->length;
    if (first) TRY(pqf_chunk_begin_dictionary(w, work->scratch, err));
    TRY(become_sourced(w, first, err));
    TRY(pqf_buf_put_zeros(w->map, num_slots * sizeof(pqf_slot_code), err));
    TRY(put_source(w, shred, err));
    pqf_dict_builder_fold(w->dictionary);
    return PQF_OK;
}

/* The same dictionary as in the last put, the rule, costs a comparison. */
pqf_status pqf_chunk_take_source(pqf_chunk_writer *w, pqf_shred *shred,
                                 const pqf_chunk_work *work, pqf_error *err) {
    size_t num_slots = (size_t)shred->leaf_view->dictionary->length;
    int64_t bytes = 0;
    bool same;
    if (!w->field->index_format || !w->wants_dictionary) return PQF_OK;
    if (w->mode == PQF_MODE_FIRST && w->sum.num_values > 0)
        TRY(pqf_chunk_begin_dictionary(w, work->scratch, err));
    if (w->mode == PQF_MODE_PLAIN) return PQF_OK;
    bool first = w->mode == PQF_MODE_FIRST;
    bool may_fail = w->field->convert != PQF_CONVERT_NONE;
    if (may_fail) TRY(source_bytes(w, shred, &bytes, err));
    if (bytes < 0) return PQF_OK;
    TRY(pqf_buf_put_zeros(w->map, num_slots * sizeof(pqf_slot_code), err));
    TRY(find_same(w, shred, first, &same, err));
    if (!same) {
        w->map->len = 0;
        if (!may_fail) TRY(source_bytes(w, shred, &bytes, err));
        if (!has_room(w, first, bytes)) return PQF_OK;
        TRY(put_new(w, shred, work, first, err));
    }
    TRY(become_sourced(w, first, err));
    return pqf_chunk_keep_dictionary(w, work, err);
}

pqf_status pqf_chunk_mark_used(pqf_chunk_writer *w, const uint32_t *codes, int64_t n,
                               pqf_error *err) {
    if (!w->sourced) return PQF_OK;
    size_t num_values = (size_t)pqf_dict_num_values(w->dictionary);
    if (w->used.len < num_values)
        TRY(pqf_buf_put_zeros(&w->used, num_values - w->used.len, err));
    for (int64_t i = 0; i < n; i++)
        w->used.data[codes[i]] = 1;
    return PQF_OK;
}
