/* SPDX-License-Identifier: Apache-2.0
 *
 * lend.c (room column): values that stay where they are. In: a mapped source, and rows whose values
 * stand in one PLAIN page without a null among them. Out: a leaf that points into the mapping.
 *
 *   mapping   ... | header | levels | v v v [v v v v v v] v v | header | ...
 *                                           ^ lent
 *
 * The page is opened as any other, its checksum taken and its values counted; only the copy is left
 * out. That asks for values of the file that are Arrow's, no codec, an address that the type's width
 * allows, and for no other rows in the leaf: where more follow after all (the next range of a
 * selection, the next row group of a batch), pqf_values_reserve makes the copy.
 */
#include "chunk_reader.h"

/* Of the wider types only fixed_size_binary has Arrow's values in the file. It needs no alignment. */
#define MOST_ALIGNMENT 8

static bool is_aligned(const uint8_t *address, int32_t width) {
    uintptr_t alignment = (uintptr_t)(width & -width);
    if (alignment > MOST_ALIGNMENT) alignment = MOST_ALIGNMENT;
    return ((uintptr_t)address & (alignment - 1)) == 0;
}

/* NULL where the n values at `offset` of the file are no Arrow buffer. */
static pqf_shared *find(const pqf_pull *p, int64_t offset, int64_t n, pqf_bytes *out) {
    int32_t width = p->r->values.leaf_field->arrow_width;
    size_t len;
    if (!pqf_mul_size((size_t)n, (size_t)width, &len)) return NULL;
    pqf_shared *lender = pqf_source_lend(p->r->options.source, offset, len, &out->data);
    out->len = len;
    return lender && is_aligned(out->data, width) ? lender : NULL;
}

static bool is_fit(const pqf_leaf_out *out, const pqf_field *f) {
    return !out->dictionary && !f->run_format && f->layout == PQF_LEAF_FIXED &&
           f->convert == PQF_CONVERT_NONE && f->arrow_width > 0 && !out->values.len &&
           !out->lender;
}

bool pqf_pull_may_lend(const pqf_pull *p, int64_t n) {
    pqf_bytes bytes;
    return n == p->num_rows - p->rows_begun && is_fit(p->out, p->r->values.leaf_field) &&
           p->r->chunk.meta->codec == PQF_UNCOMPRESSED &&
           find(p, p->r->ref.body_offset, n, &bytes);
}

/* Values are what a body ends with; page_values of them have been seen to be there. */
static int64_t offset_of_values(const pqf_chunk_reader *r) {
    int64_t width = r->values.leaf_field->arrow_width;
    return r->ref.body_offset + r->ref.header.compressed_page_size -
           (int64_t)r->values.page.values.len + r->page_values * width;
}

pqf_status pqf_pull_lend(pqf_pull *p, int64_t num_slots, int64_t num_values, bool *lent,
                         pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    pqf_leaf_out *out = p->out;
    const pqf_page *page = &r->values.page;
    bool all_rows = out->nodes[0].length - out->num_rows == p->num_rows;
    bool all_slots = pqf_leaf_node(out)->length == num_slots && num_slots == num_values;
    if (!all_rows || !all_slots || !num_slots || !is_fit(out, r->values.leaf_field))
        return PQF_OK;
    if (page->encoding != PQF_PLAIN || page->in_room) return PQF_OK;
    pqf_bytes bytes;
    pqf_shared *lender = find(p, offset_of_values(r), num_values, &bytes);
    if (!lender) return PQF_OK;
    TRY(pqf_values_skip(&r->values, num_values, err)); /* checks that they are there */
    out->lent = bytes;
    out->lender = pqf_shared_retain(lender);
    *lent = true;
    return PQF_OK;
}
