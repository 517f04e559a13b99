/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.c: one open file: its source, its checked footer and its schema. Counted,
 * because scans and streams outlive the handle that opened it.
 */
#include "inner.h"

#include <stdatomic.h>

struct pqf_reader {
    _Atomic int64_t references;
    pqf_mem *mem;
    pqf_source *source;
    pqf_metadata *metadata;
    pqf_schema *schema;
};

pqf_reader *pqf_reader_retain(pqf_reader *reader) {
    atomic_fetch_add(&reader->references, 1);
    return reader;
}

void pqf_reader_release(pqf_reader *reader) {
    if (!reader || atomic_fetch_sub(&reader->references, 1) != 1) return;
    pqf_mem *mem = reader->mem;
    pqf_schema_free(reader->schema);
    pqf_metadata_free(reader->metadata);
    pqf_source_free(reader->source);
    pqf_mem_free(mem, reader, sizeof *reader);
    pqf_mem_release(mem);
}

static pqf_status read_footer(pqf_reader *r, const pqf_read_options *options,
                              pqf_error *err) {
    pqf_footer_options footer = {
        .limits = {.max_string_bytes = options->thrift_string_limit,
                   .max_container_elements = options->thrift_container_limit}};
    TRY(pqf_footer_read(r->source, &footer, r->mem, &r->metadata, err));
    pqf_schema_options schema = {.ignore_arrow_schema = options->ignore_arrow_schema,
                                 .no_extension_types = options->no_extension_types,
                                 .int96_unit = options->int96_unit,
                                 .read_dictionary = options->read_dictionary,
                                 .wide_dictionaries = options->wide_dictionaries};
    return pqf_schema_from_parquet(r->metadata, &schema, r->mem, &r->schema, err);
}

pqf_status pqf_reader_open_source(pqf_source *source, const pqf_read_options *options,
                                  pqf_mem *mem, pqf_reader **out, pqf_error *err) {
    void *block;
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_reader), &block, err);
    if (status != PQF_OK) {
        pqf_source_free(source);
        return status;
    }
    pqf_reader *r = block;
    r->references = 1;
    r->mem = pqf_mem_retain(mem);
    r->source = source;
    status = read_footer(r, options, err);
    if (status == PQF_OK)
        *out = r;
    else {
        if (*pqf_source_path(source)) pqf_error_at_path(err, pqf_source_path(source));
        pqf_reader_release(r);
    }
    return status;
}

pqf_status pqf_reader_open(const char *path, pqf_bytes bytes,
                           const pqf_read_options *options, pqf_mem *mem,
                           pqf_reader **out, pqf_error *err) {
    pqf_source *source;
    pqf_status status = path ? pqf_source_open(path, options->memory_map, &source, err)
                             : pqf_source_open_memory(bytes, &source, err);
    if (status != PQF_OK) return path ? pqf_error_at_path(err, path) : status;
    return pqf_reader_open_source(source, options, mem, out, err);
}

const pqf_metadata *pqf_reader_metadata(const pqf_reader *reader) {
    return reader->metadata;
}
const pqf_schema *pqf_reader_schema(const pqf_reader *reader) { return reader->schema; }
pqf_source *pqf_reader_source(const pqf_reader *reader) { return reader->source; }
