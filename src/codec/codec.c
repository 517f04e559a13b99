/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.c: room codec, the table. Finds the row of a codec by id or name, checks lengths on both
 * sides of it, and keeps the contexts. Compression.md; parquet.thrift,
 * CompressionCodec.
 */
#include "row.h"

#include <libdeflate.h>
#include <stdio.h>
#include <strings.h>
#include <zstd.h>

typedef struct entry {
    const char *name;
    const pqf_codec *row; /* NULL: not built */
} entry;

static const entry entries[] = {
#define PQF_CODEC(id, name_, row_)  [id] = {name_, &row_},
#define PQF_CODEC_ABSENT(id, name_) [id] = {name_, NULL},
#include "codec_list.h"
#undef PQF_CODEC
#undef PQF_CODEC_ABSENT
};
enum { NUM_CODECS = sizeof entries / sizeof entries[0] };

void pqf_codec_ctx_reset(pqf_codec_ctx *ctx) {
    ZSTD_freeCCtx(ctx->zstd_c);
    ZSTD_freeDCtx(ctx->zstd_d);
    if (ctx->deflate_d) libdeflate_free_decompressor(ctx->deflate_d);
    if (ctx->deflate_c) libdeflate_free_compressor(ctx->deflate_c);
    *ctx = (pqf_codec_ctx){0};
}

pqf_status pqf_codec_poll(const pqf_codec_ctx *ctx, pqf_error *err) {
    return ctx->run ? pqf_run_poll(ctx->run, ctx->worker, err) : PQF_OK;
}

const char *pqf_codec_name(int32_t id) {
    return id >= 0 && id < NUM_CODECS ? entries[id].name : NULL;
}

bool pqf_codec_row(int64_t i, const char **name, bool *reads, bool *writes) {
    if (i < 0 || i >= NUM_CODECS) return false;
    *name = entries[i].name;
    *reads = entries[i].row != NULL;
    *writes = *reads && entries[i].row->compress;
    return true;
}

pqf_status pqf_codec_check(int32_t id, pqf_error *err) {
    if (id < 0 || id >= NUM_CODECS)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "compression codec %d is unknown to this version", (int)id);
    if (!entries[id].row)
        return pqf_fail(err, PQF_UNSUPPORTED, "compression codec %s is not supported",
                        entries[id].name);
    return PQF_OK;
}

static pqf_status fail_unknown_name(const char *name, pqf_error *err) {
    char known[128] = "";
    size_t len = 0;
    for (int i = 0; i < NUM_CODECS; i++) {
        if (!entries[i].row || len >= sizeof known) continue;
        int put = snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "",
                           entries[i].name);
        len += (size_t)put;
    }
    return pqf_fail(err, PQF_INVALID,
                    "unknown compression codec '%.40s'; known: none, %s", name, known);
}

/* Names that are not those of the table. "lz4" means the codec that may be written. */
static const struct alias {
    const char *name;
    pqf_codec_id id;
} aliases[] = {{"none", PQF_UNCOMPRESSED}, {"lz4", PQF_LZ4_RAW}};

pqf_status pqf_codec_by_name(const char *name, pqf_codec_id *out, pqf_error *err) {
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcasecmp(name, aliases[i].name) != 0) continue;
        *out = aliases[i].id;
        return PQF_OK;
    }
    for (int i = 0; i < NUM_CODECS; i++) {
        if (strcasecmp(name, entries[i].name) != 0) continue;
        *out = (pqf_codec_id)i;
        return pqf_codec_check(i, err);
    }
    return fail_unknown_name(name, err);
}

pqf_status pqf_codec_check_level(pqf_codec_id id, int level, pqf_error *err) {
    TRY(pqf_codec_check((int32_t)id, err));
    const pqf_codec *row = entries[id].row;
    if (level == PQF_LEVEL_DEFAULT ||
        (level >= row->min_level && level <= row->max_level))
        return PQF_OK;
    if (row->max_level < row->min_level)
        return pqf_fail(err, PQF_INVALID,
                        "compression codec %s has no levels; found level %d",
                        entries[id].name, level);
    return pqf_fail(err, PQF_INVALID,
                    "compression codec %s has levels %d to %d; found %d",
                    entries[id].name, row->min_level, row->max_level, level);
}

pqf_status pqf_codec_decompress(pqf_codec_ctx *ctx, int32_t id, pqf_bytes in, void *out,
                                size_t out_len, pqf_error *err) {
    TRY(pqf_codec_check(id, err));
    uint8_t none[1];
    uint8_t *to = out && out_len ? out : none;
    size_t written = 0;
    /* Writers exist that store an empty page as no bytes at all, whatever the codec. */
    if (in.len) TRY(entries[id].row->decompress(ctx, in, to, out_len, &written, err));
    if (written != out_len)
        return pqf_fail(
            err, PQF_CORRUPT,
            "%s: %zu compressed bytes become %zu, expected %zu; the page is damaged",
            entries[id].name, in.len, written, out_len);
    return PQF_OK;
}

pqf_status pqf_codec_compress(pqf_codec_ctx *ctx, int32_t id, int level, pqf_bytes in,
                              pqf_buf *out, pqf_error *err) {
    TRY(pqf_codec_check_level((pqf_codec_id)id, level, err));
    const pqf_codec *row = entries[id].row;
    if (!row->compress)
        return pqf_fail(err, PQF_UNSUPPORTED,
                        "compression codec %s is only read; write lz4_raw",
                        entries[id].name);
    if (!in.len) in = pqf_bytes_of("", 0);
    size_t bound = row->bound(in.len), written = 0;
    if (!bound && in.len)
        return pqf_fail(err, PQF_LIMIT,
                        "%s: cannot compress %zu bytes at once; use smaller pages",
                        entries[id].name, in.len);
    TRY(pqf_buf_reserve(out, bound, err));
    if (level == PQF_LEVEL_DEFAULT) level = row->default_level;
    TRY(row->compress(ctx, level, in, out->data + out->len, bound, &written, err));
    out->len += written;
    return PQF_OK;
}
