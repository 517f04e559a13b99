/* SPDX-License-Identifier: Apache-2.0
 *
 * dict_out.c (room column): dictionaries that leave the library. A column chunk has its own
 * dictionary, or none for some of its pages; a batch has one. In: codes of a chunk's
 * dictionary, or values. Out: codes of the dictionary that goes out with the leaf, which
 * grows by what it has not seen.
 *
 * Where a chunk is read at once, where the dictionary is not far larger than the rows of the
 * read, and where the visitor wants so, it goes in whole and in its order, so that categories which no row uses come back
 * too; of a larger one only what is used.
 */
#include "reading.h"

#define WHOLE_DICTIONARY_VALUES 4096

/* Booleans: false and true as bytes, whatever the pages hold. */
static pqf_status put_booleans(pqf_dict_out *d, pqf_error *err) {
    static const uint8_t values[2] = {0, 1};
    uint32_t codes[2];
    int64_t num_put;
    return pqf_dict_put_fixed(d->builder, values, 2, INT32_MAX, codes, &num_put, err);
}

pqf_status pqf_dict_out_new(const pqf_field *leaf_field, pqf_mem *mem, pqf_dict_out **out,
                            pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_dict_out), &block, err));
    pqf_dict_out *d = block;
    bool binary = leaf_field->layout == PQF_LEAF_BINARY;
    bool bits = leaf_field->layout == PQF_LEAF_BITS;
    pqf_status status =
        pqf_dict_builder_new(binary ? PQF_BINARY : PQF_FIXED,
                             bits ? 1 : leaf_field->arrow_width, mem, &d->builder, err);
    if (status == PQF_OK && bits) status = put_booleans(d, err);
    if (status != PQF_OK) {
        pqf_dict_out_free(d, mem);
        return status;
    }
    *out = d;
    return PQF_OK;
}

void pqf_dict_out_free(pqf_dict_out *d, pqf_mem *mem) {
    if (!d) return;
    pqf_dict_builder_free(d->builder);
    pqf_mem_free(mem, d, sizeof *d);
}

static pqf_status check_put(int64_t n, int64_t num_put, pqf_error *err) {
    if (num_put == n) return PQF_OK;
    return pqf_fail(err, PQF_LIMIT,
                    "the dictionary of the column is larger than 2 GiB: read it without "
                    "read_dictionary, or by read_parquet_iter with a smaller chunk_size");
}

pqf_status pqf_dict_out_put_fixed(pqf_dict_out *out, const uint8_t *values, int64_t n,
                                  uint32_t *codes, pqf_error *err) {
    int64_t num_put = 0;
    TRY(pqf_dict_put_fixed(out->builder, values, n, INT32_MAX, codes, &num_put, err));
    return check_put(n, num_put, err);
}

pqf_status pqf_dict_out_put_binary(pqf_dict_out *out, const uint8_t *bytes,
                                   const int32_t *ends, int64_t n, uint32_t *codes,
                                   pqf_error *err) {
    pqf_slice slices[PQF_VALUE_BLOCK];
    int64_t num_put = 0;
    for (int64_t i = 0, start = 0; i < n; start = ends[i++])
        slices[i] = (pqf_slice){bytes + start, (uint32_t)(ends[i] - start),
                                (uint32_t)(ends[n - 1] - start)};
    TRY(pqf_dict_put_binary(out->builder, slices, n, INT32_MAX, codes, &num_put, err));
    return check_put(n, num_put, err);
}

/* ---- codes of a chunk's dictionary ---- */

/* Value `code` of a BINARY dictionary, or of one whose values have a fixed width. */
static pqf_status put_one(pqf_dict_out *out, const pqf_dict *dict, uint32_t code,
                          uint32_t *out_code, pqf_error *err) {
    int64_t num_put = 0;
    if (dict->values)
        return pqf_dict_out_put_fixed(
            out, dict->values + (size_t)code * (size_t)dict->width, 1, out_code, err);
    pqf_slice value = {dict->bytes + dict->starts[code], dict->lens[code],
                       dict->lens[code]};
    TRY(pqf_dict_put_binary(out->builder, &value, 1, INT32_MAX, out_code, &num_put, err));
    return check_put(1, num_put, err);
}

static pqf_status put_block(pqf_dict_out *out, const pqf_dict *dict, int64_t from,
                            int64_t n, uint32_t *codes, pqf_error *err) {
    pqf_slice slices[PQF_VALUE_BLOCK];
    int64_t num_put = 0;
    if (dict->values)
        return pqf_dict_out_put_fixed(
            out, dict->values + (size_t)from * (size_t)dict->width, n, codes, err);
    for (int64_t i = 0; i < n; i++)
        slices[i] = (pqf_slice){dict->bytes + dict->starts[from + i],
                                dict->lens[from + i], dict->lens[from + i]};
    TRY(pqf_dict_put_binary(out->builder, slices, n, INT32_MAX, codes, &num_put, err));
    return check_put(n, num_put, err);
}

static pqf_status put_whole(pqf_dict_out *out, const pqf_dict *dict, uint32_t *map,
                            pqf_error *err) {
    for (int64_t i = 0; i < dict->num_values; i += PQF_VALUE_BLOCK)
        TRY(put_block(out, dict, i, pqf_min_i64(PQF_VALUE_BLOCK, dict->num_values - i),
                      map + i, err));
    return PQF_OK;
}

static bool is_identity(const uint32_t *map, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (map[i] != i) return false;
    return true;
}

static int64_t bytes_of(const pqf_dict *dict) {
    int64_t bytes = 0;
    if (dict->values) return dict->num_values * dict->width;
    for (int64_t i = 0; i < dict->num_values; i++)
        bytes += 4 + (int64_t)dict->lens[i];
    return bytes;
}

static bool goes_in_whole(const pqf_dict_out *out, const pqf_dict *dict,
                          int64_t num_rows) {
    int64_t n = dict->num_values;
    if (n <= WHOLE_DICTIONARY_VALUES || n <= num_rows) return true;
    return out->whole_bytes > 0 && bytes_of(dict) <= out->whole_bytes;
}

static pqf_status make_map(pqf_dict_out *out, pqf_chunk_dict *d, int64_t num_rows,
                           pqf_error *err) {
    int64_t n = d->dict.num_values;
    d->map.len = 0;
    TRY(pqf_buf_exact(&d->map, (size_t)n * sizeof(uint32_t), err));
    uint32_t *map = (uint32_t *)(void *)d->map.data;
    memset(map, 0xFF, (size_t)n * sizeof *map);
    d->is_identity = false;
    if (goes_in_whole(out, &d->dict, num_rows)) {
        TRY(put_whole(out, &d->dict, map, err));
        d->is_identity = is_identity(map, n);
    }
    d->map_of = out;
    out->map_from = d;
    return PQF_OK;
}

pqf_status pqf_dict_out_hold(pqf_dict_out *out, pqf_chunk_dict *d, int64_t num_rows,
                             pqf_error *err) {
    if (d->dict.layout == PQF_BITS) return PQF_OK; /* false, true */
    if (!d->loaded || (d->map_of == out && out->map_from == d)) return PQF_OK;
    return make_map(out, d, num_rows, err);
}

/* The decoder has checked that all codes are inside the dictionary. */
pqf_status pqf_dict_out_map(pqf_dict_out *out, pqf_chunk_dict *d,
                            const pqf_kernels *kernel, int64_t num_rows, uint32_t *codes,
                            int64_t n, pqf_error *err) {
    if (d->map_of != out || out->map_from != d) TRY(make_map(out, d, num_rows, err));
    if (d->is_identity) return PQF_OK;
    uint32_t *map = (uint32_t *)(void *)d->map.data;
    uint32_t mapped[PQF_VALUE_BLOCK + PQF_SLACK / sizeof(uint32_t)];
    for (; n > 0; codes += PQF_VALUE_BLOCK, n -= PQF_VALUE_BLOCK) {
        int64_t block = pqf_min_i64(n, PQF_VALUE_BLOCK);
        kernel->gather_32(map, codes, block, mapped);
        if (kernel->max_u32(mapped, block) == PQF_CODE_UNKNOWN) {
            for (int64_t i = 0; i < block; i++) {
                if (map[codes[i]] == PQF_CODE_UNKNOWN)
                    TRY(put_one(out, &d->dict, codes[i], &map[codes[i]], err));
                mapped[i] = map[codes[i]];
            }
        }
        memcpy(codes, mapped, (size_t)block * sizeof *codes);
    }
    return PQF_OK;
}
