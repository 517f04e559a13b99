/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_select.c (room column): some of the rows of a chunk. In: ranges of rows. Out: these rows, as if
 * the chunk had no others. With an offset index (PageIndex.md) the walk jumps from page to page:
 *
 *   ranges            [.....]                  [........]
 *   pages       | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
 *   read            ^^^^^^^^^           ^^^^^^^^^^^^^     and the dictionary page
 *
 * The window ends with the last page of a range, so that nothing behind it is read ahead. Each page that
 * is read must stand where the index says, with the rows that it says: an index that lies about them is
 * PQF_CORRUPT. Without an index pages are stepped over by their headers.
 */
#include "chunk_reader.h"

void pqf_chunk_reader_select(pqf_chunk_reader *r, const pqf_metadata *metadata,
                             int64_t row_group, const pqf_row_range *ranges,
                             int64_t num_ranges) {
    pqf_selection *s = &r->selection;
    s->ranges = ranges;
    s->num_ranges = num_ranges;
    s->has_index = pqf_offset_index_read(metadata, row_group, &r->chunk,
                                         r->options.source, &s->arena, &s->index);
}

static int64_t position(const pqf_chunk_reader *r) {
    return r->chunk.num_rows - r->rows_left;
}

/* ---- pages by the index ---- */

static int64_t end_of_page(const pqf_page_index *index, int32_t page) {
    const pqf_page_location *p = &index->offsets.page_locations[page];
    return p->offset + p->compressed_page_size;
}

/* Nothing behind `end` is read. */
static void end_walk(pqf_page_walk *walk, int64_t end) {
    walk->end_offset = walk->window.end = end;
    walk->is_cut = true;
}

/* The walk goes on from its next page to `last`. Entries are rows where there are no lists; else their
 * number is not known and the walk ends by its bytes. */
static void walk_to(pqf_chunk_reader *r, int32_t last) {
    const pqf_page_index *index = &r->selection.index;
    pqf_page_walk *walk = &r->walk;
    end_walk(walk, end_of_page(index, last));
    if (r->chunk.leaf->max_rep > 0) return;
    walk->values_left = pqf_page_index_first_row(index, last + 1) -
                        pqf_page_index_first_row(index, (int32_t)walk->page);
}

/* What stands before the first data page is the dictionary's. */
static pqf_status read_dictionary(pqf_pull *p, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    int64_t first = r->selection.index.offsets.page_locations[0].offset;
    if (r->walk.page > 0 || r->walk.seen_dictionary || r->walk.next_offset >= first)
        return PQF_OK;
    end_walk(&r->walk, first);
    return pqf_pull_dictionary(p, err);
}

static pqf_status jump(pqf_pull *p, int32_t page, int32_t last, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    const pqf_page_index *index = &r->selection.index;
    TRY(read_dictionary(p, err));
    r->levels_left = 0;
    r->has_page = r->sealed = false;
    r->at_start = true; /* rows begin with their page */
    r->rows_left = r->chunk.num_rows - pqf_page_index_first_row(index, page);
    r->walk.page = page;
    r->walk.next_offset = index->offsets.page_locations[page].offset;
    walk_to(r, last);
    return PQF_OK;
}

/* Makes the pages of the range those that the walk has. */
static pqf_status find_pages(pqf_pull *p, const pqf_row_range *range, pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    const pqf_page_index *index = &r->selection.index;
    int32_t page = pqf_page_index_find(index, range->start);
    int32_t last = pqf_page_index_find(index, range->end - 1);
    bool is_open = r->has_page && r->levels_left > 0 && r->ref.page == page;
    if (!is_open) return jump(p, page, last, err);
    if (last > page) walk_to(r, last);
    return PQF_OK;
}

pqf_status pqf_selection_check(const pqf_chunk_reader *r, pqf_error *err) {
    const pqf_page_index *index = &r->selection.index;
    if (!r->selection.has_index) return PQF_OK;
    if (r->ref.page >= index->num_pages)
        return pqf_fail(err, PQF_CORRUPT, "the offset index has no page %lld",
                        (long long)r->ref.page);
    int32_t page = (int32_t)r->ref.page;
    int64_t row = pqf_page_index_first_row(index, page);
    int64_t num_rows = pqf_page_index_first_row(index, page + 1) - row;
    int64_t offset = index->offsets.page_locations[page].offset;
    bool flat = r->chunk.leaf->max_rep == 0;
    int64_t found = flat ? r->ref.num_values : num_rows;
    if (offset == r->ref.file_offset && row == r->page_row && found == num_rows)
        return PQF_OK;
    return pqf_fail(
        err, PQF_CORRUPT,
        "the offset index has a page of %lld rows from row %lld at byte %lld, "
        "the column chunk one of %lld rows from row %lld at byte %lld",
        (long long)num_rows, (long long)row, (long long)offset, (long long)found,
        (long long)r->page_row, (long long)r->ref.file_offset);
}

/* ---- the pull ---- */

static pqf_status pull_some(pqf_pull *p, pqf_leaf_out *out, int64_t num_rows,
                            pqf_error *err) {
    pqf_pull part = *p;
    part.out = out;
    part.num_rows = num_rows;
    part.rows_begun = part.num_skipped = 0;
    return num_rows ? pqf_pull_rows(&part, err) : PQF_OK;
}

static pqf_status pull_from_range(pqf_pull *p, const pqf_row_range *range, int64_t *taken,
                                  pqf_error *err) {
    pqf_chunk_reader *r = p->r;
    if (position(r) < range->start) {
        if (r->selection.has_index) TRY(find_pages(p, range, err));
        TRY(pull_some(p, NULL, range->start - position(r), err));
    } else if (r->selection.has_index && !r->walk.is_cut) {
        TRY(find_pages(p, range, err)); /* the range begins with the chunk */
    }
    *taken = pqf_min_i64(p->num_rows, range->end - position(r));
    return pull_some(p, p->out, *taken, err);
}

pqf_status pqf_pull_selected(pqf_pull *p, pqf_error *err) {
    pqf_selection *s = &p->r->selection;
    while (p->num_rows > 0) {
        int64_t taken;
        if (s->at == s->num_ranges)
            return pqf_fail(err, PQF_INVALID,
                            "more rows are asked for than are selected");
        TRY(pull_from_range(p, &s->ranges[s->at], &taken, err));
        p->num_rows -= taken;
        s->at += position(p->r) == s->ranges[s->at].end;
    }
    return PQF_OK;
}
