/* SPDX-License-Identifier: Apache-2.0
 *
 * footer.c: finds, parses and writes the footer (README.md, "File format").
 *
 *   "PAR1" | pages and indexes | FileMetaData (Thrift) | its length, 4 bytes | "PAR1"
 *
 * The last 64 KiB are read at once, which holds the footers of most files. The bytes are
 * kept, for names and statistics are slices of them. "PARE" at the end is an encrypted
 * footer.
 */
#include "room.h"

#define MAGIC      "PAR1"
#define MAGIC_LEN  4
#define TAIL_LEN   8 /* length and magic */
#define MIN_FILE   (MAGIC_LEN + TAIL_LEN)
#define FIRST_READ ((int64_t)64 << 10)
/* Column chunks of larger footers are read one by one, when they are asked for. */
#define LATE_FROM ((size_t)256 << 10)

static bool is_magic(const uint8_t *at, const char *magic) {
    return memcmp(at, magic, MAGIC_LEN) == 0;
}

static pqf_status check_size(int64_t size, pqf_error *err) {
    if (size == 0)
        return pqf_fail(err, PQF_CORRUPT, "the file is empty: not a Parquet file");
    if (size < MIN_FILE)
        return pqf_fail(
            err, PQF_CORRUPT,
            "the file has %lld bytes, but the smallest Parquet file has %d: not a "
            "Parquet file, or cut short",
            (long long)size, MIN_FILE);
    return PQF_OK;
}

static pqf_status check_magic(const uint8_t *head, const uint8_t *tail, pqf_error *err) {
    if (is_magic(tail, "PARE"))
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "the footer is encrypted; encrypted files are not supported yet");
    if (is_magic(tail, MAGIC) && is_magic(head, MAGIC)) return PQF_OK;
    if (is_magic(head, MAGIC))
        return pqf_fail(
            err, PQF_CORRUPT,
            "the file begins as Parquet but does not end with PAR1: it was cut short, or "
            "its writer did not finish");
    return pqf_fail(
        err, PQF_CORRUPT,
        "not a Parquet file: it begins with bytes %02x %02x %02x %02x and ends with %02x "
        "%02x %02x %02x instead of PAR1",
        head[0], head[1], head[2], head[3], tail[0], tail[1], tail[2], tail[3]);
}

static pqf_status metadata_new(pqf_mem *mem, int64_t file_bytes, size_t footer_bytes,
                               pqf_metadata **out, pqf_error *err) {
    void *room;
    TRY(pqf_mem_zalloc(mem, sizeof **out, &room, err));
    *out = room;
    (*out)->mem = pqf_mem_retain(mem);
    (*out)->file_bytes = file_bytes;
    (*out)->footer_bytes = (int64_t)footer_bytes;
    pqf_buf_init(&(*out)->bytes, mem, 0);
    pqf_buf_init(&(*out)->places, mem, 0);
    pqf_arena_init(&(*out)->arena, mem);
    return pqf_buf_exact(&(*out)->bytes, footer_bytes, err);
}

void pqf_metadata_free(pqf_metadata *metadata) {
    if (!metadata) return;
    pqf_mem *mem = metadata->mem;
    pqf_chunks_free(metadata);
    pqf_buf_reset(&metadata->places);
    pqf_arena_reset(&metadata->arena);
    pqf_buf_reset(&metadata->bytes);
    pqf_mem_free(mem, metadata, sizeof *metadata);
    pqf_mem_release(mem);
}

/* metadata->bytes is filled. Bytes behind the struct are a signature (plaintext footers of
 * encrypted files) and of no interest. */
static pqf_status metadata_parse(pqf_metadata *metadata,
                                 const pqf_footer_options *options, pqf_error *err) {
    pqf_file_metadata *file = &metadata->file;
    if (options) metadata->limits = options->limits;
    pqf_bytes bytes = pqf_buf_view(&metadata->bytes);
    const pqf_thrift_struct *later =
        bytes.len >= LATE_FROM ? &pqf_column_chunk_thrift : NULL;
    TRY(pqf_thrift_read_but(bytes, &pqf_file_metadata_thrift, file, later,
                            &metadata->places, &metadata->arena, &metadata->limits, err));
    TRY(pqf_tree_build(file->schema, file->num_schema, &metadata->arena, &metadata->tree,
                       err));
    TRY(pqf_border_check(metadata, err));
    return later ? pqf_chunks_init(metadata, err) : PQF_OK;
}

pqf_status pqf_metadata_parse(pqf_bytes footer, int64_t file_bytes,
                              const pqf_footer_options *options, pqf_mem *mem,
                              pqf_metadata **out, pqf_error *err) {
    pqf_metadata *metadata = NULL;
    pqf_status status = PQF_OK;
    TRY_DONE(metadata_new(mem, file_bytes, footer.len, &metadata, err));
    TRY_DONE(pqf_buf_put(&metadata->bytes, footer.data, footer.len, err));
    TRY_DONE(metadata_parse(metadata, options, err));
    *out = metadata;
    metadata = NULL;
done:
    pqf_metadata_free(metadata);
    return status;
}

/* tail: the last bytes of the file, TAIL_LEN at least. */
static pqf_status read_footer(pqf_source *source, int64_t size, pqf_bytes tail,
                              const pqf_footer_options *options, pqf_mem *mem,
                              pqf_metadata **out, pqf_error *err) {
    pqf_metadata *metadata = NULL;
    pqf_status status = PQF_OK;
    uint32_t len = pqf_load_u32(tail.data + tail.len - TAIL_LEN);
    if (len > size - MIN_FILE)
        return pqf_fail(err, PQF_CORRUPT,
                        "the footer claims %u bytes, but the file has %lld in all", len,
                        (long long)size);
    TRY_DONE(metadata_new(mem, size, len, &metadata, err));
    if (len + TAIL_LEN <= tail.len)
        memcpy(metadata->bytes.data, tail.data + tail.len - TAIL_LEN - len, len);
    else
        TRY_DONE(pqf_source_read_at(source, size - TAIL_LEN - len, metadata->bytes.data,
                                    len, err));
    metadata->bytes.len = len;
    TRY_DONE(metadata_parse(metadata, options, err));
    *out = metadata;
    metadata = NULL;
done:
    pqf_metadata_free(metadata);
    return status;
}

static pqf_status open_footer(pqf_source *source, const pqf_footer_options *options,
                              pqf_mem *mem, pqf_metadata **out, pqf_error *err) {
    int64_t size = pqf_source_size(source);
    uint8_t head[MAGIC_LEN];
    pqf_buf tail;
    pqf_status status = PQF_OK;
    pqf_buf_init(&tail, mem, 0);
    TRY_DONE(check_size(size, err));
    size_t len = (size_t)(size < FIRST_READ ? size : FIRST_READ);
    TRY_DONE(pqf_buf_exact(&tail, len, err));
    TRY_DONE(pqf_source_read_at(source, size - (int64_t)len, tail.data, len, err));
    tail.len = len;
    if (size == (int64_t)len)
        memcpy(head, tail.data, MAGIC_LEN);
    else
        TRY_DONE(pqf_source_read_at(source, 0, head, MAGIC_LEN, err));
    TRY_DONE(check_magic(head, tail.data + len - MAGIC_LEN, err));
    TRY_DONE(read_footer(source, size, pqf_buf_view(&tail), options, mem, out, err));
done:
    pqf_buf_reset(&tail);
    return status;
}

pqf_status pqf_footer_read(pqf_source *source, const pqf_footer_options *options,
                           pqf_mem *mem, pqf_metadata **out, pqf_error *err) {
    *out = NULL;
    pqf_status status = open_footer(source, options, mem, out, err);
    return status == PQF_OK ? PQF_OK : pqf_error_at_path(err, pqf_source_path(source));
}

/* What stands behind the Thrift struct: its length and the magic bytes. */
static pqf_status write_tail(pqf_buf *out, size_t start, pqf_error *err) {
    size_t len = out->len - start;
    if (len > UINT32_MAX)
        return pqf_fail(err, PQF_LIMIT,
                        "the footer would have %zu bytes, more than 4 GiB", len);
    TRY(pqf_buf_put_u32(out, (uint32_t)len, err));
    return pqf_buf_put(out, MAGIC, MAGIC_LEN, err);
}

pqf_status pqf_footer_write(const pqf_file_metadata *in, pqf_buf *out, pqf_error *err) {
    size_t start = out->len;
    TRY(pqf_thrift_write(&pqf_file_metadata_thrift, in, out, err));
    return write_tail(out, start, err);
}

#define KEY_VALUE_METADATA_ID 5

pqf_status pqf_footer_rewrite(const pqf_metadata *metadata, const pqf_key_value *pairs,
                              int32_t num_pairs, pqf_buf *out, pqf_error *err) {
    size_t start = out->len;
    const pqf_file_metadata with = {
        .has_key_value_metadata = num_pairs > 0,
        .key_value_metadata = (pqf_key_value *)(uintptr_t)pairs,
        .num_key_value_metadata = num_pairs,
    };
    if (metadata->file.encryption_algorithm)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "the footer is signed; it cannot be changed without its key");
    TRY(pqf_thrift_replace(pqf_buf_view(&metadata->bytes), &pqf_file_metadata_thrift,
                           KEY_VALUE_METADATA_ID, &with, out, err));
    return write_tail(out, start, err);
}

int64_t pqf_metadata_data_end(const pqf_metadata *metadata) {
    return metadata->file_bytes - metadata->footer_bytes - TAIL_LEN;
}
