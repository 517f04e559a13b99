/* SPDX-License-Identifier: Apache-2.0
 *
 * reading.c: fuzz targets that read: column chunks, indexes, whole files.
 */
#include "fuzz.h"

#include "dataset/inner.h"

#include <stdlib.h>

/* ---- a file ----
 *
 * How it is read is a byte:
 *
 *   bit 0-1   0: whole, else batches of 1, 7 or 100 rows
 *   bit 2-4   a predicate, 7: none, 6: the first column alone
 *   bit 5     two threads
 *   bit 6     types of Parquet alone, the column a as a dictionary
 *   bit 7     page checksums are verified
 */

/* Of a whole read, which may need all of it: six bytes of a run can be two billion nulls. */
#define READ_LIMIT ((int64_t)48 << 20)
/* Of batches of flat columns in codecs that make at most 256 bytes of one: this is enough, whatever
 * the file says of its rows, pages and dictionaries. */
#define BATCH_TIMES 2048
#define BATCH_PLUS  ((int64_t)16 << 20)

static void ask_info(pqf_bytes file) {
    pqf_source *source;
    pqf_file_info *info;
    pqf_info_file about;
    pqf_info_pair pair;
    pqf_info_leaf leaf;
    pqf_info_group group;
    pqf_info_chunk chunk;
    pqf_sorting sorting;
    pqf_error err;
    pqf_error_init(&err);
    fuzz_must(pqf_source_open_memory(file, &source, &err), &err, "a source");
    if (!fuzz_ok(pqf_file_info_open_source(source, &info, &err), &err)) return;
    pqf_file_info_get(info, &about);
    for (int64_t i = 0; i < about.num_pairs; i++)
        FUZZ_CHECK(pqf_file_info_pair(info, i, &pair), "pair %lld", (long long)i);
    for (int64_t i = 0; i < about.num_leaves; i++)
        FUZZ_CHECK(pqf_file_info_leaf(info, i, &leaf), "leaf %lld", (long long)i);
    for (int64_t g = 0; pqf_file_info_group(info, g, &group); g++) {
        for (int64_t i = 0; pqf_file_info_sorting(info, g, i, &sorting); i++) {
        }
        for (int64_t i = 0; i < about.num_leaves; i++) {
            if (!pqf_file_info_chunk(info, g, i, &chunk)) continue;
            for (int64_t k = 0; k < chunk.num_encodings; k++)
                pqf_file_info_encoding(info, g, i, k);
        }
    }
    pqf_file_info_free(info);
}

/* Arrays that leave must be what their schema says: they are looked at as if others had made them. */
static void check_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch,
                        pqf_mem *mem) {
    pqf_arena arena;
    pqf_view view;
    pqf_error err;
    char text[256];
    pqf_error_init(&err);
    pqf_arena_init(&arena, mem);
    fuzz_must(pqf_view_init(&view, schema, batch, true, &arena, &err), &err, "a batch");
    for (int64_t i = 0; i < view.length; i += 1 + view.length / 16)
        pqf_view_text(&view, i, text, sizeof text);
    pqf_arena_reset(&arena);
}

/* At most so many batches: a file may claim rows without end. */
#define MAX_BATCHES 300

static bool is_small(int32_t codec) {
    return codec == PQF_UNCOMPRESSED || codec == PQF_SNAPPY || codec == PQF_LZ4 ||
           codec == PQF_LZ4_RAW;
}

/* Such a file: see BATCH_TIMES. */
static bool is_bounded(const pqf_dataset *d) {
    const pqf_metadata *m = d->first ? pqf_reader_metadata(d->first) : NULL;
    const pqf_column_chunk *chunk;
    pqf_error err;
    for (int32_t i = 0; m && i < m->tree.num_leaves; i++) {
        if (m->tree.leaves[i].max_rep) return false;
        for (int32_t g = 0; g < m->file.num_row_groups; g++)
            if (pqf_metadata_column(m, g, i, &chunk, &err) != PQF_OK ||
                !is_small(chunk->meta_data.codec))
                return false;
    }
    return m != NULL;
}

/* Whether the stream came to its end. */
static bool drain(struct ArrowArrayStream *stream, pqf_mem *mem, bool bounded) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    bool ended = false;
    if (stream->get_schema(stream, &schema)) return false;
    for (int i = 0; i < MAX_BATCHES; i++) {
        if (stream->get_next(stream, &batch)) {
            const pqf_error *err = pqf_stream_error(stream);
            FUZZ_CHECK(err->message[0], "no message");
            if (bounded) fuzz_ok(err->status, err);
            break;
        }
        ended = !batch.release;
        if (ended) break;
        check_batch(&schema, &batch, mem);
        pqf_array_release(&batch);
    }
    pqf_schema_release(&schema);
    return ended;
}

static bool scan_file(pqf_dataset *d, uint8_t how) {
    static const int64_t sizes[] = {0, 1, 7, 100};
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    const char *name;
    pqf_error err;
    int64_t num_rows;
    int which = how >> 2 & 7;
    pqf_scan_options o = {.struct_bytes = sizeof o, .batch_rows = sizes[how & 3]};
    if (which < 6) o.predicate = fuzz_predicate(which);
    o.with_predicate_columns = which & 1;
    pqf_error_init(&err);
    bool ended = false;
    if (pqf_dataset_schema(d, &schema, &err) != PQF_OK) return false;
    if (which == 6 && schema.n_children) {
        name = schema.children[0]->name;
        o.columns = &name;
        o.num_columns = 1;
    }
    pqf_dataset_count_rows(d, &o, &num_rows, &err);
    if (pqf_dataset_scan(d, &o, &stream, &err) == PQF_OK) {
        ended = drain(&stream, d->mem, o.batch_rows && is_bounded(d));
        stream.release(&stream);
    }
    pqf_schema_release(&schema);
    return ended;
}

bool fuzz_read_file(pqf_bytes file, uint8_t how) {
    static const char *const all[] = {"a", NULL};
    pqf_dataset *d;
    pqf_error err;
    bool other = how & 64;
    int64_t bound = BATCH_TIMES * (int64_t)file.len + BATCH_PLUS;
    pqf_read_options o = {.struct_bytes = sizeof o,
                          .control = {.struct_bytes = sizeof o.control,
                                      .num_threads = how & 32 ? 2 : 1,
                                      .memory_limit = how & 3 ? bound : READ_LIMIT},
                          .skip_page_checksums = !(how & 128),
                          .ignore_arrow_schema = other,
                          .no_utf8_check = other,
                          .read_dictionary = other ? all : NULL};
    ask_info(file);
    pqf_error_init(&err);
    if (pqf_dataset_open_memory(file.data, file.len, &o, &d, &err) != PQF_OK)
        return false;
    pqf_mem *mem = pqf_mem_retain(d->mem);
    bool ended = scan_file(d, how);
    pqf_dataset_free(d);
    FUZZ_CHECK(pqf_mem_used(mem) == 0, "%lld bytes are left",
               (long long)pqf_mem_used(mem));
    pqf_mem_release(mem);
    return ended;
}

/* The last byte says how. */
void fuzz_file(const fuzz_target *target, pqf_bytes in) {
    (void)target;
    if (!in.len) return;
    uint8_t *file = fuzz_copy(pqf_bytes_of(in.data, in.len - 1), 0xFF);
    fuzz_read_file(pqf_bytes_of(file, in.len - 1), in.data[in.len - 1]);
    free(file);
}

void fuzz_file_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0; i < FUZZ_NUM_TEMPLATES; i++) {
        pqf_bytes file = fuzz_template(i);
        uint8_t how = (uint8_t)(i * 37);
        fuzz_put_seed(seeds, file.data, file.len, pqf_bytes_of(&how, 1));
    }
}

/* ---- a file that was made by edits: see craft.c ---- */

void fuzz_crafted(const fuzz_target *target, pqf_bytes in) {
    pqf_buf out;
    pqf_error err;
    (void)target;
    if (in.len < 2) return;
    pqf_buf_init(&out, fuzz_mem, 0);
    pqf_error_init(&err);
    if (fuzz_craft(pqf_bytes_of(in.data + 1, in.len - 1), &out)) {
        uint8_t *file = fuzz_copy(pqf_buf_view(&out), 0xFF);
        size_t len = out.len;
        pqf_buf_reset(&out);
        bool good = fuzz_read_file(pqf_bytes_of(file, len), in.data[0] & 127);
        FUZZ_CHECK(good || in.len > 2 || (in.data[0] & 0x1C) != 0x1C, /* a predicate */
                   "the template itself is not read");
        free(file);
    }
    pqf_buf_reset(&out);
}

/* ---- a column chunk ----
 *
 *   leaf u8, codec u8, mode u8, num_values u16, num_rows u16, the pages
 *
 * leaf counts over the columns of all templates. mode: bit 0: rows are read one after the other,
 * bit 1: every second stretch is skipped, bit 2: the bytes are the body of one V1 page, whose level
 * encodings are bits 3 and 4 (set: BIT_PACKED) and whose value encoding is bits 5 to 7. */

#define HEAD_BYTES 7

typedef struct open_template {
    pqf_source *source;
    pqf_metadata *metadata;
    pqf_schema *schema;
} open_template;

static const open_template *opened(int i) {
    static open_template made[FUZZ_NUM_TEMPLATES];
    open_template *t = &made[i];
    if (t->schema) return t;
    pqf_error err;
    pqf_mem *mem = fuzz_lasting_buf().mem;
    pqf_error_init(&err);
    fuzz_must(pqf_source_open_memory(fuzz_template(i), &t->source, &err), &err, "source");
    fuzz_must(pqf_footer_read(t->source, NULL, mem, &t->metadata, &err), &err, "footer");
    fuzz_must(pqf_schema_from_parquet(t->metadata, NULL, mem, &t->schema, &err), &err,
              "schema");
    return t;
}

/* Column `n` of all templates together. */
static const open_template *find_leaf(int n, int32_t *leaf) {
    for (int i = 0;; i = (i + 1) % FUZZ_NUM_TEMPLATES) {
        const open_template *t = opened(i);
        if (n < t->metadata->tree.num_leaves) {
            *leaf = n;
            return t;
        }
        n -= t->metadata->tree.num_leaves;
    }
}

typedef struct chunk_case {
    pqf_chunk chunk;
    pqf_column_metadata meta;
    const pqf_field *field; /* LEAF */
    uint8_t mode;
} chunk_case;

/* Codecs whose pages cannot grow much: the others have targets of their own. */
static int32_t codec_of(uint8_t v) {
    static const int32_t codecs[] = {PQF_UNCOMPRESSED, PQF_UNCOMPRESSED, PQF_SNAPPY,
                                     PQF_LZ4_RAW};
    return codecs[v % 4];
}

static void begin_case(chunk_case *c, pqf_bytes in) {
    int32_t leaf;
    pqf_error err;
    const open_template *t = find_leaf(in.data[0], &leaf);
    pqf_error_init(&err);
    fuzz_must(pqf_metadata_chunk(t->metadata, 0, leaf, &c->chunk, &err), &err, "a chunk");
    c->meta = *c->chunk.meta;
    c->meta.codec = codec_of(in.data[1]);
    c->meta.statistics = NULL;
    c->mode = in.data[2];
    c->chunk.meta = &c->meta;
    c->chunk.num_values = pqf_load_u16(in.data + 3);
    c->chunk.num_rows = pqf_load_u16(in.data + 5);
    if (c->chunk.leaf->max_rep == 0) c->chunk.num_rows = c->chunk.num_values;
    c->chunk.file_offset = c->chunk.first_row = 0;
    c->field = t->schema->leaf_fields[leaf];
}

/* Reads, or skips, all rows in stretches. */
static pqf_status read_rows(const chunk_case *c, pqf_chunk_reader *reader,
                            pqf_leaf_out *out, pqf_error *err) {
    pqf_scratch scratch;
    pqf_run run = {.num_threads = 1, .total = -1};
    int64_t step = c->mode & 1 ? 7 : c->chunk.num_rows;
    bool skips = c->mode & 2;
    pqf_status status = PQF_OK;
    pqf_scratch_init(&scratch, fuzz_mem);
    do {
        int64_t n = pqf_min_i64(step, pqf_chunk_reader_rows_left(reader));
        TRY_DONE(pqf_chunk_reader_read(reader, n, out, &scratch, &run, 0, err));
        n = pqf_min_i64(step, pqf_chunk_reader_rows_left(reader));
        if (skips) TRY_DONE(pqf_chunk_reader_skip(reader, n, &scratch, &run, 0, err));
    } while (pqf_chunk_reader_rows_left(reader) > 0);
done:
    pqf_scratch_reset(&scratch);
    return status;
}

/* A column that is one leaf becomes an array. */
static void assemble(const chunk_case *c, pqf_leaf_out *out) {
    struct ArrowArray array;
    pqf_error err;
    if (c->field->parent) return;
    int64_t num_rows = out->num_rows;
    pqf_error_init(&err);
    if (!fuzz_ok(pqf_assemble(c->field, out, num_rows, fuzz_mem, &array, &err), &err))
        return;
    FUZZ_CHECK(array.length == num_rows, "%lld rows, not %lld", (long long)array.length,
               (long long)num_rows);
    pqf_array_release(&array);
}

static void read_chunk(const chunk_case *c, pqf_bytes pages) {
    pqf_chunk_read_options options = {
        .kernel = pqf_kernels_get(), .skip_page_checksums = true, .window_bytes = 4096};
    pqf_chunk_reader *reader;
    pqf_leaf_out out;
    pqf_chunk chunk = c->chunk;
    pqf_error err;
    chunk.byte_len = (int64_t)pages.len;
    pqf_error_init(&err);
    fuzz_must(pqf_source_open_memory(pages, &options.source, &err), &err, "a source");
    if (fuzz_ok(pqf_leaf_out_init(&out, c->field, chunk.num_rows, fuzz_mem, &err),
                &err)) {
        pqf_error_init(&err);
        if (fuzz_ok(pqf_chunk_reader_open(&chunk, c->field, &options, fuzz_mem, &reader,
                                          &err),
                    &err)) {
            bool good = fuzz_ok(read_rows(c, reader, &out, &err), &err);
            pqf_chunk_reader_free(reader);
            if (good) assemble(c, &out);
        }
        pqf_leaf_out_reset(&out);
    }
    pqf_source_free(options.source);
}

/* The page that the body is for. */
static pqf_status put_page(const chunk_case *c, pqf_bytes body, pqf_buf *out,
                           pqf_error *err) {
    static const int32_t encodings[8] = {PQF_PLAIN,
                                         PQF_RLE,
                                         PQF_DELTA_BINARY_PACKED,
                                         PQF_DELTA_LENGTH_BYTE_ARRAY,
                                         PQF_DELTA_BYTE_ARRAY,
                                         PQF_BYTE_STREAM_SPLIT,
                                         PQF_ALP,
                                         PQF_RLE_DICTIONARY};
    pqf_page_header h = {
        .type = PQF_PAGE_DATA,
        .compressed_page_size = (int32_t)body.len,
        .uncompressed_page_size = (int32_t)body.len,
        .has_data_page_header = true,
        .data_page_header = {
            .num_values = (int32_t)c->chunk.num_values,
            .encoding = encodings[c->mode >> 5],
            .definition_level_encoding = c->mode & 8 ? PQF_BIT_PACKED : PQF_RLE,
            .repetition_level_encoding = c->mode & 16 ? PQF_BIT_PACKED : PQF_RLE}};
    TRY(pqf_page_header_write(&h, out, err));
    return pqf_buf_put(out, body.data, body.len, err);
}

void fuzz_chunk(const fuzz_target *target, pqf_bytes in) {
    chunk_case c;
    pqf_buf made;
    pqf_error err;
    (void)target;
    if (in.len < HEAD_BYTES) return;
    pqf_bytes pages = {in.data + HEAD_BYTES, in.len - HEAD_BYTES};
    begin_case(&c, in);
    pqf_buf_init(&made, fuzz_mem, 0);
    if (c.mode & 4) {
        pqf_error_init(&err);
        c.meta.codec = PQF_UNCOMPRESSED;
        fuzz_must(put_page(&c, pages, &made, &err), &err, "a page");
        pages = pqf_buf_view(&made);
    }
    read_chunk(&c, pages);
    pqf_buf_reset(&made);
}

void fuzz_chunk_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    (void)target;
    for (int i = 0, n = 0; i < 10; i++) {
        const open_template *t = opened(i);
        for (int32_t leaf = 0; leaf < t->metadata->tree.num_leaves; leaf++, n++) {
            pqf_chunk chunk;
            pqf_error err;
            pqf_error_init(&err);
            fuzz_must(pqf_metadata_chunk(t->metadata, 0, leaf, &chunk, &err), &err,
                      "a chunk");
            uint8_t head[HEAD_BYTES] = {(uint8_t)n, 0, (uint8_t)(n % 4)};
            pqf_store_u16(head + 3, (uint16_t)chunk.num_values);
            pqf_store_u16(head + 5, (uint16_t)chunk.num_rows);
            fuzz_put_seed(seeds, head, sizeof head,
                          pqf_bytes_of(fuzz_template(i).data + chunk.file_offset,
                                       (size_t)chunk.byte_len));
        }
    }
    /* BIT_PACKED levels 1 0 1 1, and three values */
    fuzz_put_seed(seeds, "\0\0\x0C\4\0\4\0", HEAD_BYTES,
                  pqf_bytes_of("\xB0\1\0\0\0\2\0\0\0\3\0\0\0", 13));
}
