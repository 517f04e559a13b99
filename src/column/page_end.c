/* SPDX-License-Identifier: Apache-2.0
 *
 * page_end.c (room column): a data page whose last level pair and value have been taken. In: what was
 * counted on the way. Out: PQF_CORRUPT where the page says something else of itself, for then its values
 * are not what was written. Pages that are stepped over unread are not looked at.
 *
 *   DataPageHeaderV2   num_rows, num_nulls         the levels
 *   levels             their bytes                 as many as values
 *   PLAIN values       the bytes of the page       the values; README.md, Data Pages: no padding
 */
#include "chunk_reader.h"

/* fastparquet pads its pages of version 1 by so many zeros. */
#define PADDING_BYTES 8

static pqf_status check_v2(const pqf_chunk_reader *r, int64_t num_rows, pqf_error *err) {
    const pqf_data_page_header_v2 *h = &r->ref.header.data_page_header_v2;
    int64_t num_nulls = r->ref.num_values - r->page_values;
    if (r->ref.header.type != PQF_PAGE_DATA_V2) return PQF_OK;
    if (h->num_rows != num_rows)
        return pqf_fail(err, PQF_CORRUPT, "the page has %lld rows, its header says %d",
                        (long long)num_rows, h->num_rows);
    if (h->num_nulls != num_nulls)
        return pqf_fail(err, PQF_CORRUPT, "the page has %lld nulls, its header says %d",
                        (long long)num_nulls, h->num_nulls);
    return PQF_OK;
}

static bool is_padding(const pqf_chunk_reader *r, pqf_bytes rest) {
    static const uint8_t zeros[PADDING_BYTES] = {0};
    return r->ref.header.type == PQF_PAGE_DATA && rest.len == PADDING_BYTES &&
           memcmp(rest.data, zeros, PADDING_BYTES) == 0;
}

/* Levels that the schema does not speak of are read as the first values: the last ones are left over. */
static pqf_status check_rest(const pqf_chunk_reader *r, pqf_error *err) {
    const pqf_value_reader *v = &r->values;
    pqf_bytes rest = {0};
    if (v->leaf_field->layout == PQF_LEAF_NONE) return PQF_OK;
    if (v->begun)
        rest = pqf_decoder_rest(&v->decoder);
    else if (v->page.encoding == PQF_PLAIN)
        rest = v->page.values;
    if (rest.len == 0 || is_padding(r, rest)) return PQF_OK;
    return pqf_fail(err, PQF_CORRUPT,
                    "%zu bytes are left behind the page's %lld values: they are not what "
                    "the schema says, or an optional column is called required",
                    rest.len, (long long)r->page_values);
}

/* Fewer bits to a level than were written. */
static pqf_status check_levels(const pqf_rle *levels, const char *what, pqf_error *err) {
    size_t rest = pqf_rle_rest(levels).len;
    if (rest == 0) return PQF_OK;
    return pqf_fail(
        err, PQF_CORRUPT,
        "%zu bytes are left behind the page's %s levels: they are not what the "
        "schema says",
        rest, what);
}

pqf_status pqf_pull_end_page(const pqf_pull *p, int64_t num_rows, pqf_error *err) {
    const pqf_chunk_reader *r = p->r;
    if (r->levels_left) return PQF_OK;
    TRY(check_v2(r, num_rows, err));
    if (r->sealed) return PQF_OK;
    TRY(check_levels(&r->rep, "repetition", err));
    TRY(check_levels(&r->def, "definition", err));
    return check_rest(r, err);
}
