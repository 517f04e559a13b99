/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c: fuzz targets of the room format: footers, page headers, ARROW:schema.
 */
#include "fuzz.h"

#include "column/column.h"
#include "format/ipc.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- footer ----
 *
 * A byte: the file before the footer has 2^(byte mod 40) bytes. FileMetaData. */

static void ask_chunk(const pqf_metadata *m, int64_t group, int64_t leaf) {
    const pqf_column_chunk *column;
    pqf_bounds bounds;
    pqf_chunk chunk;
    pqf_error err;
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_metadata_column(m, group, leaf, &column, &err), &err)) return;
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_metadata_chunk(m, group, leaf, &chunk, &err), &err)) return;
    FUZZ_CHECK(chunk.file_offset >= 0 && chunk.byte_len >= 0 &&
                   chunk.byte_len <= m->file_bytes - chunk.file_offset,
               "%lld bytes from %lld", (long long)chunk.byte_len,
               (long long)chunk.file_offset);
    pqf_bounds_of_chunk(m, &chunk, &bounds);
    FUZZ_CHECK(!bounds.has_min || bounds.min.data || !bounds.min.len, "no minimum");
    if (bounds.has_min && bounds.has_max)
        pqf_order_compare(chunk.leaf, bounds.min, bounds.max);
}

/* Exporting must give what a consumer of the interface accepts. */
static void ask_schema(const pqf_metadata *m, const pqf_schema_options *options) {
    pqf_schema *schema;
    struct ArrowSchema out;
    pqf_error err;
    char text[512];
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_schema_from_parquet(m, options, fuzz_mem, &schema, &err), &err))
        return;
    for (int32_t i = 0; i < schema->num_fields; i++) {
        pqf_error_init(&err);
        fuzz_ok(pqf_field_check(&schema->fields[i], &err), &err);
    }
    pqf_error_init(&err);
    if (fuzz_ok(pqf_schema_export(schema, &out, &err), &err)) {
        pqf_error_init(&err);
        fuzz_must(pqf_schema_check(&out, &err), &err, "an exported schema");
        pqf_type_text(&out, text, sizeof text);
        pqf_schema_release(&out);
    }
    pqf_schema_free(schema);
}

/* What was accepted is written and accepted again. */
static void write_again(const pqf_metadata *m) {
    pqf_buf out;
    pqf_metadata *again;
    pqf_error err;
    pqf_error_init(&err);
    pqf_buf_init(&out, fuzz_mem, 0);
    if (fuzz_ok(pqf_footer_rewrite(m, m->file.key_value_metadata,
                                   m->file.num_key_value_metadata, &out, &err),
                &err)) {
        pqf_bytes thrift = pqf_bytes_of(out.data, out.len - 8);
        pqf_error_init(&err);
        fuzz_must(pqf_metadata_parse(thrift, m->file_bytes + (int64_t)out.len, NULL,
                                     fuzz_mem, &again, &err),
                  &err, "a footer that was rewritten");
        pqf_metadata_free(again);
    }
    pqf_buf_reset(&out);
}

static void ask_metadata(const pqf_metadata *m) {
    static const char *const all[] = {"a", "b", "s", NULL};
    static const pqf_schema_options options[] = {
        {0},
        {.ignore_arrow_schema = true, .int96_unit = "us", .read_dictionary = all},
        {.no_extension_types = true, .wide_dictionaries = all},
    };
    char text[128];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        ask_schema(m, &options[i]);
    for (int32_t i = 0; i < m->tree.num_nodes; i++)
        pqf_node_text(&m->tree.nodes[i], text, sizeof text);
    for (int32_t g = 0; g < m->file.num_row_groups; g++)
        for (int32_t i = 0; i < m->tree.num_leaves; i++)
            ask_chunk(m, g, i);
    write_again(m);
}

void fuzz_footer(const fuzz_target *target, pqf_bytes in) {
    pqf_metadata *metadata;
    pqf_error err;
    (void)target;
    if (!in.len) return;
    int64_t file_bytes = ((int64_t)1 << in.data[0] % 40) + (int64_t)in.len;
    pqf_error_init(&err);
    pqf_bytes thrift = pqf_bytes_of(in.data + 1, in.len - 1);
    if (!fuzz_ok(pqf_metadata_parse(thrift, file_bytes, NULL, fuzz_mem, &metadata, &err),
                 &err))
        return;
    ask_metadata(metadata);
    pqf_metadata_free(metadata);
}

static pqf_bytes footer_of(pqf_bytes file) {
    size_t len = pqf_load_u32(file.data + file.len - 8);
    return pqf_bytes_of(file.data + file.len - 8 - len, len);
}

void fuzz_footer_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0; i < FUZZ_NUM_TEMPLATES; i++)
        fuzz_put_seed(seeds, "\x18", 1, footer_of(fuzz_template(i)));
}

/* ---- page header ---- */

void fuzz_page_header(const fuzz_target *target, pqf_bytes in) {
    pqf_page_header header, again;
    pqf_error err;
    pqf_buf out;
    size_t used;
    bool cut = false;
    (void)target;
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_page_header_read(in, &header, &used, &cut, &err), &err) || cut)
        return;
    FUZZ_CHECK(used <= in.len, "%zu of %zu bytes", used, in.len);
    pqf_error_init(&err);
    pqf_buf_init(&out, fuzz_mem, 0);
    fuzz_must(pqf_page_header_write(&header, &out, &err), &err, "a header");
    pqf_error_init(&err);
    fuzz_must(pqf_page_header_read(pqf_buf_view(&out), &again, &used, &cut, &err), &err,
              "a header that was written");
    FUZZ_CHECK(!cut && used == out.len && again.type == header.type &&
                   again.compressed_page_size == header.compressed_page_size,
               "not the same");
    pqf_buf_reset(&out);
}

void fuzz_page_header_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0; i < FUZZ_NUM_TEMPLATES; i++) {
        pqf_bytes file = fuzz_template(i);
        if (file.len >= 100) fuzz_put_seed(seeds, "", 0, pqf_bytes_of(file.data + 4, 80));
    }
}

/* ---- ARROW:schema ----
 *
 * A byte: 1 when the rest is the text as it stands, else the bytes that its base64 gives. */

/* What was read is a schema, and is written and read again as the same type. */
static void check_arrow_schema(const struct ArrowSchema *schema) {
    struct ArrowSchema again;
    pqf_error err;
    pqf_buf out;
    char text[512];
    pqf_error_init(&err);
    pqf_type_text(schema, text, sizeof text);
    if (!fuzz_ok(pqf_schema_check(schema, &err), &err)) return;
    pqf_buf_init(&out, fuzz_mem, 0);
    pqf_error_init(&err);
    if (fuzz_ok(pqf_arrow_schema_write(schema, &out, &err), &err)) {
        pqf_error_init(&err);
        fuzz_must(pqf_arrow_schema_read(pqf_buf_view(&out), fuzz_mem, &again, &err), &err,
                  "a schema that was written");
        FUZZ_CHECK(pqf_schema_same_type(schema, &again), "another type");
        pqf_schema_release(&again);
    }
    pqf_buf_reset(&out);
}

void fuzz_arrow_schema(const fuzz_target *target, pqf_bytes in) {
    struct ArrowSchema schema;
    pqf_error err;
    pqf_buf text;
    (void)target;
    if (!in.len) return;
    pqf_bytes rest = pqf_bytes_of(in.data + 1, in.len - 1);
    pqf_buf_init(&text, fuzz_mem, 0);
    pqf_error_init(&err);
    if (in.data[0] != 1) {
        fuzz_must(pqf_base64_put(rest, &text, &err), &err, "base64");
        rest = pqf_buf_view(&text);
    }
    pqf_error_init(&err);
    if (fuzz_ok(pqf_arrow_schema_read(rest, fuzz_mem, &schema, &err), &err)) {
        check_arrow_schema(&schema);
        pqf_schema_release(&schema);
    }
    pqf_buf_reset(&text);
}

/* The message of one template, and the text of the first. */
static void put_message(pqf_bytes value, bool as_text, const fuzz_seeds *seeds) {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_bytes message;
    pqf_error err;
    pqf_error_init(&err);
    fuzz_must(pqf_mem_new(0, &mem, &err), &err, "memory");
    pqf_arena_init(&arena, mem);
    fuzz_must(pqf_base64_decode(value, &arena, &message, &err), &err, "base64");
    fuzz_put_seed(seeds, "\0", 1, message);
    if (as_text) fuzz_put_seed(seeds, "\1", 1, value);
    pqf_arena_reset(&arena);
    pqf_mem_release(mem);
}

void fuzz_arrow_schema_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0; i < FUZZ_NUM_TEMPLATES; i++) {
        pqf_bytes file = fuzz_template(i), value;
        pqf_metadata *metadata;
        pqf_error err;
        pqf_mem *mem;
        pqf_error_init(&err);
        fuzz_must(pqf_mem_new(0, &mem, &err), &err, "memory");
        fuzz_must(pqf_metadata_parse(footer_of(file), (int64_t)file.len, NULL, mem,
                                     &metadata, &err),
                  &err, "a template");
        if (pqf_metadata_get(metadata, PQF_ARROW_SCHEMA, &value))
            put_message(value, i == 0, seeds);
        pqf_metadata_free(metadata);
        pqf_mem_release(mem);
    }
}
