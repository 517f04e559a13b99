/* SPDX-License-Identifier: Apache-2.0
 *
 * page_write.c (room column): drafts and seals pages, see page_write.h.
 *
 *   V1   header | compressed( [u32 length | rep levels] [u32 length | def levels] values )
 *   V2   header | rep levels | def levels | compressed( values ), or the values as they are
 *
 * Levels that can only be 0 are left out. The checksum covers everything behind the header.
 */
#include "page_write.h"

/* ---- levels: to scratch->page ---- */

static pqf_status put_bit_levels(const pqf_page_parts *page, const pqf_kernels *kernel,
                                 pqf_buf *out, pqf_error *err) {
    if (page->num_nulls > 0)
        return pqf_rle_encode_bits(kernel, page->def_bits, page->def_at, page->num_levels,
                                   out, err);
    if (page->num_levels == 0) return PQF_OK;
    /* one run of ones */
    TRY(pqf_buf_put_varint(out, (uint64_t)page->num_levels << 1, err));
    return pqf_buf_put_u8(out, 1, err);
}

/* V1 levels are preceded by their length. */
static pqf_status close_levels(pqf_buf *out, size_t start, bool prefix, pqf_error *err) {
    if (!prefix) return PQF_OK;
    size_t len = out->len - start - 4;
    if (len > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "levels of a page take %zu bytes", len);
    pqf_store_u32(out->data + start, (uint32_t)len);
    return PQF_OK;
}

static pqf_status put_levels(const pqf_page_parts *page, const pqf_leaf *leaf,
                             const pqf_chunk_write_options *options, pqf_buf *out,
                             size_t *rep_bytes, pqf_error *err) {
    const pqf_kernels *kernel = options->kernel;
    bool prefix = options->data_page_version == 1;
    out->len = 0;
    if (page->reps) {
        if (prefix) TRY(pqf_buf_put_u32(out, 0, err));
        TRY(pqf_rle_encode_u8(kernel, page->reps, page->num_levels,
                              pqf_bit_width((uint64_t)leaf->max_rep), out, err));
        TRY(close_levels(out, 0, prefix, err));
    }
    size_t start = *rep_bytes = out->len;
    if (leaf->max_def == 0) return PQF_OK;
    if (prefix) TRY(pqf_buf_put_u32(out, 0, err));
    if (page->defs) {
        TRY(pqf_rle_encode_u8(kernel, page->defs, page->num_levels,
                              pqf_bit_width((uint64_t)leaf->max_def), out, err));
    } else {
        TRY(put_bit_levels(page, kernel, out, err));
    }
    return close_levels(out, start, prefix, err);
}

/* ---- the draft: header and body ---- */

static pqf_status check_counts(const pqf_page_parts *page, size_t body, pqf_error *err) {
    if (page->num_levels > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "a page of %lld values: one row holds too many",
                        (long long)page->num_levels);
    if (body > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "a page of %zu bytes: the format ends at 2 GiB",
                        body);
    return PQF_OK;
}

static void draft_v1(const pqf_page_parts *page, pqf_page_draft *out) {
    out->header = (pqf_page_header){
        .type = PQF_PAGE_DATA,
        .uncompressed_page_size = (int32_t)(out->plain.len + out->packed.len),
        .has_data_page_header = true,
        .data_page_header = {.num_values = (int32_t)page->num_levels,
                             .encoding = page->encoding,
                             .definition_level_encoding = PQF_RLE,
                             .repetition_level_encoding = PQF_RLE},
    };
}

static void draft_v2(const pqf_page_parts *page, size_t rep_bytes, pqf_page_draft *out) {
    out->header = (pqf_page_header){
        .type = PQF_PAGE_DATA_V2,
        .uncompressed_page_size = (int32_t)(out->plain.len + out->packed.len),
        .has_data_page_header_v2 = true,
        .data_page_header_v2 = {.num_values = (int32_t)page->num_levels,
                                .num_nulls = (int32_t)page->num_nulls,
                                .num_rows = (int32_t)page->num_rows,
                                .encoding = page->encoding,
                                .definition_levels_byte_length =
                                    (int32_t)(out->plain.len - rep_bytes),
                                .repetition_levels_byte_length = (int32_t)rep_bytes,
                                .has_is_compressed = true},
    };
}

/* Levels and values in one piece: next to always the levels are what is short. */
static pqf_status join_levels(const pqf_page_parts *page, pqf_scratch *scratch,
                              pqf_page_draft *out, pqf_error *err) {
    size_t num_bytes = out->plain.len;
    if (page->front && num_bytes <= page->room) {
        uint8_t *start = page->front - num_bytes;
        memcpy(start, out->plain.data, num_bytes);
        out->packed = pqf_bytes_of(start, num_bytes + page->values.len);
    } else {
        TRY(pqf_buf_put(&scratch->page, page->values.data, page->values.len, err));
        out->packed = pqf_buf_view(&scratch->page);
    }
    out->plain.len = 0;
    return PQF_OK;
}

pqf_status pqf_page_draft_data(const pqf_page_parts *page, const pqf_leaf *leaf,
                               const pqf_chunk_write_options *options,
                               pqf_scratch *scratch, pqf_page_draft *out,
                               pqf_error *err) {
    size_t rep_bytes;
    TRY(put_levels(page, leaf, options, &scratch->page, &rep_bytes, err));
    TRY(check_counts(page, scratch->page.len + page->values.len, err));
    out->plain = pqf_buf_view(&scratch->page);
    out->packed = page->values;
    if (options->data_page_version != 1) {
        draft_v2(page, rep_bytes, out);
        return PQF_OK;
    }
    draft_v1(page, out);
    if (options->codec == PQF_UNCOMPRESSED || out->plain.len == 0) return PQF_OK;
    return join_levels(page, scratch, out, err);
}

void pqf_page_draft_dictionary(pqf_bytes values, int64_t num_values,
                               const pqf_chunk_write_options *options,
                               pqf_page_draft *out) {
    /* the builder keeps both below 2^31 */
    out->header = (pqf_page_header){
        .type = PQF_PAGE_DICTIONARY,
        .uncompressed_page_size = (int32_t)values.len,
        .has_dictionary_page_header = true,
        .dictionary_page_header = {.num_values = (int32_t)num_values,
                                   .encoding = options->write_plain_dictionary_name
                                                   ? PQF_PLAIN_DICTIONARY
                                                   : PQF_PLAIN},
    };
    out->plain = (pqf_bytes){NULL, 0};
    out->packed = values;
}

/* ---- the seal ---- */

/* Appends header, first and second part. */
static int32_t checksum(const pqf_kernels *kernel, pqf_bytes first, pqf_bytes second) {
    uint32_t crc = kernel->crc32(0, first.data, (int64_t)first.len);
    return (int32_t)kernel->crc32(crc, second.data, (int64_t)second.len);
}

static pqf_status put_page(pqf_page_header *header, pqf_bytes first, pqf_bytes second,
                           const pqf_chunk_write_options *options, pqf_buf *out,
                           pqf_page_sizes *sizes, pqf_error *err) {
    size_t stored = first.len + second.len, start = out->len;
    if (stored > INT32_MAX)
        return pqf_fail(err, PQF_LIMIT, "a page of %zu bytes: the format ends at 2 GiB",
                        stored);
    header->compressed_page_size = (int32_t)stored;
    header->has_crc = options->page_checksums;
    if (header->has_crc) header->crc = checksum(options->kernel, first, second);
    TRY(pqf_page_header_write(header, out, err));
    sizes->uncompressed += (int64_t)(out->len - start) + header->uncompressed_page_size;
    TRY(pqf_buf_put(out, first.data, first.len, err));
    TRY(pqf_buf_put(out, second.data, second.len, err));
    sizes->compressed += (int64_t)(out->len - start);
    return PQF_OK;
}

/* In pages V2 values that do not get smaller stay as they are. */
pqf_status pqf_page_seal(const pqf_page_draft *draft,
                         const pqf_chunk_write_options *options, pqf_scratch *scratch,
                         pqf_buf *out, pqf_page_sizes *sizes, pqf_error *err) {
    pqf_page_header header = draft->header;
    pqf_bytes packed = draft->packed;
    bool v2 = header.type == PQF_PAGE_DATA_V2;
    if (options->codec != PQF_UNCOMPRESSED && (packed.len > 0 || !v2)) {
        scratch->blocks.len = 0;
        TRY(pqf_codec_compress(&scratch->codec, options->codec, options->level, packed,
                               &scratch->blocks, err));
        bool kept = !v2 || scratch->blocks.len < packed.len;
        if (kept) packed = pqf_buf_view(&scratch->blocks);
        header.data_page_header_v2.is_compressed = v2 && kept;
    }
    return put_page(&header, draft->plain, packed, options, out, sizes, err);
}
