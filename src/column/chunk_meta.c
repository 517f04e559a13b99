/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_meta.c (room column): what a finished chunk says about itself in the footer
 * (parquet.thrift, ColumnMetaData). Offsets count from the first byte of the chunk.
 */
#include "chunk_writer.h"

pqf_status pqf_chunk_path_init(pqf_chunk_writer *w, pqf_error *err) {
    int32_t depth = 0;
    for (const pqf_node *n = w->leaf->node; n->parent; n = n->parent)
        depth++;
    void *block;
    TRY(pqf_mem_alloc(w->mem, (size_t)depth * sizeof *w->path, &block, err));
    w->path = block;
    w->num_path = depth;
    for (const pqf_node *n = w->leaf->node; n->parent; n = n->parent)
        w->path[--depth] = pqf_bytes_of(n->name, strlen(n->name));
    return PQF_OK;
}

/* Booleans are RLE in files whose readers know pages V2 and PLAIN elsewhere. */
int32_t pqf_chunk_plain_encoding(const pqf_chunk_writer *w) {
    bool rle = w->layout == PQF_BITS && w->options.data_page_version == 2 &&
               !w->options.write_plain_dictionary_name;
    if (rle) return PQF_RLE;
    return w->encoding == PQF_ENCODING_AUTO ? PQF_PLAIN : w->encoding;
}

int32_t pqf_chunk_code_encoding(const pqf_chunk_writer *w) {
    return w->options.write_plain_dictionary_name ? PQF_PLAIN_DICTIONARY
                                                  : PQF_RLE_DICTIONARY;
}

static void add_encoding(pqf_chunk_writer *w, pqf_column_metadata *meta,
                         int32_t encoding) {
    for (int32_t i = 0; i < meta->num_encodings; i++)
        if (w->encodings[i] == encoding) return;
    w->encodings[meta->num_encodings++] = encoding;
}

static void add_pages(pqf_chunk_writer *w, pqf_column_metadata *meta, int32_t page_type,
                      int32_t encoding, int32_t count) {
    if (count == 0) return;
    add_encoding(w, meta, encoding);
    w->encoding_stats[meta->num_encoding_stats++] = (pqf_page_encoding_stats){
        .page_type = page_type, .encoding = encoding, .count = count};
}

static void fill_encodings(pqf_chunk_writer *w, pqf_column_metadata *meta) {
    int32_t data_page =
        w->options.data_page_version == 1 ? PQF_PAGE_DATA : PQF_PAGE_DATA_V2;
    int32_t dictionary_encoding =
        w->options.write_plain_dictionary_name ? PQF_PLAIN_DICTIONARY : PQF_PLAIN;
    meta->encodings = w->encodings;
    meta->encoding_stats = w->encoding_stats;
    meta->has_encoding_stats = true;
    add_pages(w, meta, PQF_PAGE_DICTIONARY, dictionary_encoding, w->dictionary_bytes > 0);
    add_encoding(w, meta, PQF_RLE); /* of levels */
    add_pages(w, meta, data_page, pqf_chunk_code_encoding(w), w->num_dictionary_pages);
    int32_t encoding = pqf_chunk_plain_encoding(w);
    int32_t apart = encoding == PQF_PLAIN ? 0 : w->num_undecided_pages;
    add_pages(w, meta, data_page, PQF_PLAIN, apart);
    add_pages(w, meta, data_page, encoding,
              w->num_plain_pages + w->num_undecided_pages - apart);
}

/* Values of a dictionary differ in their bytes. Floats may be equal all the same (zeros, NaN), and
 * so may decimals of any length. */
static bool counts_distinct(const pqf_chunk_writer *w) {
    bool all_codes = w->num_dictionary_pages > 0 && w->num_plain_pages == 0;
    switch (w->leaf->order) {
    case PQF_ORDER_FLOAT:
    case PQF_ORDER_FLOAT16: return false;
    case PQF_ORDER_DECIMAL_BYTES: return all_codes && w->layout == PQF_FIXED;
    default: return all_codes;
    }
}

static void fill_statistics(pqf_chunk_writer *w, pqf_column_metadata *meta) {
    w->statistics = (pqf_statistics){
        .null_count = w->total.num_levels - w->total.num_values,
        .has_null_count = true,
        .distinct_count = w->num_distinct,
        .has_distinct_count = counts_distinct(w),
    };
    pqf_notes_finish(&w->notes, &w->statistics);
    meta->statistics = &w->statistics;
}

static pqf_status fill_sizes(pqf_chunk_writer *w, pqf_column_metadata *meta,
                             pqf_error *err) {
    pqf_size_statistics *sizes = &w->size_statistics;
    *sizes = (pqf_size_statistics){
        .unencoded_byte_array_data_bytes = w->total.plain_bytes - 4 * w->total.num_values,
        .has_unencoded_byte_array_data_bytes = w->layout == PQF_BINARY,
    };
    TRY(pqf_chunk_index_sizes(w, sizes, err));
    if (sizes->has_unencoded_byte_array_data_bytes ||
        sizes->has_definition_level_histogram)
        meta->size_statistics = sizes;
    return PQF_OK;
}

pqf_status pqf_chunk_meta_fill(pqf_chunk_writer *w, pqf_column_metadata *meta,
                               pqf_error *err) {
    *meta = (pqf_column_metadata){
        .type = (int32_t)w->leaf->physical,
        .path_in_schema = w->path,
        .num_path_in_schema = w->num_path,
        .codec = w->options.codec,
        .num_values = w->total.num_levels,
        .total_uncompressed_size = w->sizes.uncompressed,
        .total_compressed_size = w->sizes.compressed,
        .data_page_offset = (int64_t)w->dictionary_bytes,
        .has_dictionary_page_offset = w->dictionary_bytes > 0,
    };
    fill_encodings(w, meta);
    if (!w->options.statistics) return PQF_OK;
    fill_statistics(w, meta);
    return fill_sizes(w, meta, err);
}
