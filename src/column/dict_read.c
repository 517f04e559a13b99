/* SPDX-License-Identifier: Apache-2.0
 *
 * dict_read.c (room column): the dictionary page of a chunk becomes a pqf_dict
 * (Encodings.md, Dictionary Encoding: the page holds PLAIN values). Values are converted
 * here, once, so that data pages only gather. In: the page as the walk found it. Out: values
 * in memory that lives as long as the reader.
 */
#include "reading.h"

void pqf_chunk_dict_init(pqf_chunk_dict *d, pqf_mem *mem) {
    *d = (pqf_chunk_dict){0};
    pqf_buf_init(&d->bytes, mem, 0);
    pqf_buf_init(&d->starts, mem, 0);
    pqf_buf_init(&d->lens, mem, 0);
    pqf_buf_init(&d->map, mem, 0);
}

void pqf_chunk_dict_reset(pqf_chunk_dict *d) {
    pqf_buf_reset(&d->bytes);
    pqf_buf_reset(&d->starts);
    pqf_buf_reset(&d->lens);
    pqf_buf_reset(&d->map);
    d->loaded = false;
    d->map_of = NULL;
}

int32_t pqf_leaf_width(const pqf_leaf *leaf) {
    switch (leaf->physical) {
    case PQF_PHYSICAL_INT32:
    case PQF_PHYSICAL_FLOAT: return 4;
    case PQF_PHYSICAL_INT64:
    case PQF_PHYSICAL_DOUBLE: return 8;
    case PQF_PHYSICAL_INT96: return 12;
    case PQF_PHYSICAL_FIXED: return leaf->type_length;
    default: return 0;
    }
}

pqf_layout pqf_leaf_layout_of(const pqf_leaf *leaf) {
    return pqf_layout_of((int32_t)leaf->physical);
}

/* The page's bytes have to outlive the window. */
static pqf_status keep_bytes(pqf_chunk_dict *d, const pqf_page *page, pqf_error *err) {
    if (page->in_room) {
        d->bytes.len = page->values.len;
        return PQF_OK;
    }
    d->bytes.len = 0;
    TRY(pqf_buf_exact(&d->bytes, page->values.len, err));
    return pqf_buf_put(&d->bytes, page->values.data, page->values.len, err);
}

static pqf_status too_short(int64_t num_values, size_t num_bytes, pqf_error *err) {
    return pqf_fail(err, PQF_CORRUPT, "a dictionary page of %lld values has %zu bytes",
                    (long long)num_values, num_bytes);
}

/* fastparquet pads what it writes by eight zeros. */
static pqf_status check_rest(const pqf_chunk_dict *d, int64_t num_values,
                             size_t used_bytes, pqf_error *err) {
    static const uint8_t zeros[8] = {0};
    size_t rest = d->bytes.len - used_bytes;
    if (rest == 0 || (rest == sizeof zeros &&
                      !memcmp(d->bytes.data + used_bytes, zeros, sizeof zeros)))
        return PQF_OK;
    return pqf_fail(
        err, PQF_CORRUPT,
        "%zu bytes are left behind the dictionary page's %lld values: they are "
        "not what the schema says",
        rest, (long long)num_values);
}

static pqf_status load_fixed(pqf_chunk_dict *d, const pqf_field *leaf_field,
                             int64_t num_values, const pqf_kernels *kernel,
                             pqf_error *err) {
    int32_t width = pqf_leaf_width(leaf_field->leaf), out_width = leaf_field->arrow_width;
    if (width && (uint64_t)num_values > d->bytes.len / (size_t)width)
        return too_short(num_values, d->bytes.len, err);
    TRY(check_rest(d, num_values, (size_t)num_values * (size_t)width, err));
    if (leaf_field->convert != PQF_CONVERT_NONE) {
        pqf_buf out;
        pqf_buf_init(&out, d->bytes.mem, 0);
        TRY(pqf_buf_exact(&out, (size_t)num_values * (size_t)out_width, err));
        pqf_status status = pqf_convert_fixed(leaf_field, kernel, d->bytes.data,
                                              num_values, out.data, err);
        pqf_buf_reset(&d->bytes);
        d->bytes = out; /* given back with the reader, also after a failure */
        TRY(status);
        width = out_width;
    }
    d->dict.layout = PQF_FIXED;
    d->dict.width = width;
    d->dict.values = d->bytes.data;
    return PQF_OK;
}

static pqf_status load_bits(pqf_chunk_dict *d, int64_t num_values, pqf_error *err) {
    if ((uint64_t)num_values > (uint64_t)d->bytes.len * 8)
        return too_short(num_values, d->bytes.len, err);
    TRY(check_rest(d, num_values, (size_t)pqf_bits_bytes(num_values), err));
    d->dict.layout = PQF_BITS;
    d->dict.values = d->bytes.data;
    return PQF_OK;
}

/* Lengths first: every one is checked against the page's end before anything is allocated
 * for it. */
static pqf_status index_binary(pqf_chunk_dict *d, int64_t num_values, pqf_error *err) {
    if ((uint64_t)num_values > d->bytes.len / 4)
        return too_short(num_values, d->bytes.len, err);
    TRY(pqf_buf_exact(&d->starts, (size_t)num_values * 4, err));
    TRY(pqf_buf_exact(&d->lens, (size_t)num_values * 4, err));
    uint32_t *starts = (uint32_t *)(void *)d->starts.data,
             *lens = (uint32_t *)(void *)d->lens.data;
    size_t at = 0, end = d->bytes.len;
    uint32_t max_len = 0;
    for (int64_t i = 0; i < num_values; i++) {
        if (end - at < 4) return too_short(num_values, end, err);
        uint32_t len = pqf_load_u32(d->bytes.data + at);
        at += 4;
        if (len > end - at)
            return pqf_fail(err, PQF_CORRUPT,
                            "value %lld of the dictionary page has %u bytes, %zu "
                            "are left",
                            (long long)i, len, end - at);
        starts[i] = (uint32_t)at; /* a page is below 2 GiB */
        lens[i] = len;
        max_len = len > max_len ? len : max_len;
        at += len;
    }
    TRY(check_rest(d, num_values, at, err));
    d->dict.layout = PQF_BINARY;
    d->dict.starts = starts;
    d->dict.lens = lens;
    d->dict.bytes = d->bytes.data;
    d->dict.max_len = max_len;
    return PQF_OK;
}

/* Decimals out of BYTE_ARRAY: the dictionary holds what is handed out, data pages only know
 * codes. */
static pqf_status binary_to_decimal(pqf_chunk_dict *d, int64_t num_values, int32_t width,
                                    pqf_error *err) {
    pqf_buf out;
    pqf_buf_init(&out, d->bytes.mem, 0);
    TRY(pqf_buf_exact(&out, (size_t)num_values * (size_t)width, err));
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < num_values && status == PQF_OK; i++) {
        pqf_bytes value = {d->dict.bytes + d->dict.starts[i], d->dict.lens[i]};
        status = pqf_convert_decimal(value, width, out.data + i * width, err);
    }
    pqf_buf_reset(&d->bytes);
    d->bytes = out;
    d->dict.values = out.data;
    d->dict.bytes = NULL;
    d->dict.width = width;
    return status;
}

static pqf_status load_values(pqf_chunk_dict *d, const pqf_field *leaf_field,
                              int64_t num_values, const pqf_kernels *kernel,
                              pqf_error *err) {
    switch (pqf_leaf_layout_of(leaf_field->leaf)) {
    case PQF_BITS: return load_bits(d, num_values, err);
    case PQF_BINARY:
        TRY(index_binary(d, num_values, err));
        if (leaf_field->convert != PQF_CONVERT_BYTES_TO_DECIMAL) return PQF_OK;
        return binary_to_decimal(d, num_values, leaf_field->arrow_width, err);
    case PQF_FIXED:
        if (leaf_field->convert == PQF_CONVERT_NULLS) return PQF_OK;
        return load_fixed(d, leaf_field, num_values, kernel, err);
    }
    return PQF_OK;
}

pqf_status pqf_chunk_dict_load(pqf_chunk_dict *d, pqf_page_walk *walk,
                               const pqf_page_ref *ref, const pqf_page_context *context,
                               const pqf_field *leaf_field, bool check_text,
                               const pqf_kernels *kernel, pqf_error *err) {
    pqf_page page;
    int32_t encoding = ref->header.dictionary_page_header.encoding;
    if (encoding != PQF_PLAIN && encoding != PQF_PLAIN_DICTIONARY)
        return pqf_fail(err, PQF_CORRUPT,
                        "a dictionary page in encoding %d, only PLAIN is valid",
                        encoding);
    TRY(pqf_page_unseal(walk, ref, context, &d->bytes, &page, err));
    TRY(keep_bytes(d, &page, err));
    d->dict = (pqf_dict){.num_values = page.num_values};
    TRY(load_values(d, leaf_field, page.num_values, kernel, err));
    d->has_bad_text =
        check_text && !pqf_dict_is_text(&d->dict, kernel, pqf_buf_view(&d->bytes));
    d->loaded = true;
    d->map_of = NULL;
    return PQF_OK;
}
