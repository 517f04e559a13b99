/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of codecs: names and levels, round trips at every level and of all sizes, the framings
 * of LZ4 and GZIP, empty pages, checksums.
 */
#include "codec_test.h"

#include <libdeflate.h>
#include <lz4.h>
#include <lz4frame.h>
#include <zstd.h>

static uint8_t *in_area, *packed_area, *out_area;
static pqf_codec_ctx ctx;
static pqf_mem *mem;
static pqf_error err;

static pqf_codec_id named(const char *name) {
    pqf_codec_id id = (pqf_codec_id)99;
    assert_int_equal(pqf_codec_by_name(name, &id, &err), PQF_OK);
    return id;
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(named("none"), PQF_UNCOMPRESSED);
    assert_int_equal(named("UNCOMPRESSED"), PQF_UNCOMPRESSED);
    assert_int_equal(named("Snappy"), PQF_SNAPPY);
    assert_int_equal(named("gzip"), PQF_GZIP);
    assert_int_equal(named("BROTLI"), PQF_BROTLI);
    assert_int_equal(named("lz4"), PQF_LZ4_RAW);
    assert_int_equal(named("lz4_raw"), PQF_LZ4_RAW);
    assert_int_equal(named("zstd"), PQF_ZSTD);
    pqf_codec_id id;
    assert_int_equal(pqf_codec_by_name("lzo", &id, &err), PQF_UNSUPPORTED);
    assert_non_null(strstr(err.message, "lzo"));
    assert_int_equal(pqf_codec_by_name("snappi", &id, &err), PQF_INVALID);
    assert_non_null(strstr(err.message, "snappi"));
    assert_non_null(strstr(err.message, "lz4_raw"));
    assert_string_equal(pqf_codec_name(PQF_ZSTD), "zstd");
    assert_null(pqf_codec_name(-1));
    assert_null(pqf_codec_name(8));
}

static void test_rows(void **state) {
    (void)state;
    const char *name;
    bool reads, writes;
    int64_t n = 0;
    for (; pqf_codec_row(n, &name, &reads, &writes); n++) {
        assert_string_equal(name, pqf_codec_name((int32_t)n));
        assert_int_equal(reads, n != PQF_LZO);
        assert_int_equal(writes, n != PQF_LZO && n != PQF_LZ4);
        assert_int_equal(pqf_codec_check((int32_t)n, &err),
                         reads ? PQF_OK : PQF_UNSUPPORTED);
    }
    assert_int_equal(n, 8);
    assert_int_equal(pqf_codec_check(8, &err), PQF_UNSUPPORTED);
    assert_int_equal(pqf_codec_check(-1, &err), PQF_UNSUPPORTED);
}

static void test_levels(void **state) {
    (void)state;
    static const struct {
        pqf_codec_id id;
        int min, max;
    } rows[] = {{PQF_GZIP, 1, 12}, {PQF_BROTLI, 0, 11}, {PQF_ZSTD, 0, 0}};
    for (int i = 0; i < 3; i++) {
        int min = rows[i].max ? rows[i].min : ZSTD_minCLevel();
        int max = rows[i].max ? rows[i].max : ZSTD_maxCLevel();
        assert_int_equal(pqf_codec_check_level(rows[i].id, min, &err), PQF_OK);
        assert_int_equal(pqf_codec_check_level(rows[i].id, max, &err), PQF_OK);
        assert_int_equal(pqf_codec_check_level(rows[i].id, min - 1, &err), PQF_INVALID);
        assert_int_equal(pqf_codec_check_level(rows[i].id, max + 1, &err), PQF_INVALID);
        assert_int_equal(pqf_codec_check_level(rows[i].id, PQF_LEVEL_DEFAULT, &err),
                         PQF_OK);
    }
    static const pqf_codec_id without[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_LZ4_RAW};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pqf_codec_check_level(without[i], 1, &err), PQF_INVALID);
        assert_int_equal(pqf_codec_check_level(without[i], PQF_LEVEL_DEFAULT, &err),
                         PQF_OK);
    }
}

/* Compresses len bytes of in_area and compares what comes back, next to an unmapped page. */
static size_t round_trip(int32_t id, int level, pqf_bytes in) {
    pqf_buf packed;
    pqf_buf_init(&packed, mem, 0);
    CHECK(pqf_buf_put(&packed, "head", 4, &err) == PQF_OK, "no memory");
    CHECK(pqf_codec_compress(&ctx, id, level, in, &packed, &err) == PQF_OK,
          "codec %d level %d: %s", id, level, err.message);
    CHECK(!memcmp(packed.data, "head", 4), "codec %d: bytes before were changed", id);
    pqf_bytes stored = {packed.data + 4, packed.len - 4};
    if (stored.len < AREA / 2) {
        stored.data = place(packed_area, stored.len);
        memcpy(packed_area + AREA - PQF_SLACK - stored.len, packed.data + 4, stored.len);
    }
    uint8_t *out = place(out_area, in.len);
    memset(out_area, 0, AREA);
    CHECK(pqf_codec_decompress(&ctx, id, stored, out, in.len, &err) == PQF_OK,
          "codec %d level %d length %zu: %s", id, level, in.len, err.message);
    CHECK(!memcmp(out, in.data, in.len), "codec %d level %d length %zu differs", id,
          level, in.len);
    CHECK(pqf_codec_decompress(&ctx, id, stored, out_area, in.len + 1, &err) ==
              PQF_CORRUPT,
          "codec %d accepts a length that is too large", id);
    if (in.len)
        CHECK(pqf_codec_decompress(&ctx, id, stored, place(out_area, in.len - 1),
                                   in.len - 1, &err) == PQF_CORRUPT,
              "codec %d accepts a length that is too small", id);
    size_t len = stored.len;
    pqf_buf_reset(&packed);
    return len;
}

static const int32_t written_ids[] = {PQF_UNCOMPRESSED, PQF_SNAPPY, PQF_GZIP,
                                      PQF_BROTLI,       PQF_ZSTD,   PQF_LZ4_RAW};

static void test_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {0,  1,  2,   3,    7,    8,     31,
                                   64, 65, 100, 1000, 4096, 20000, 100000};
    for (size_t c = 0; c < 6; c++)
        for (int kind = 0; kind < NUM_KINDS; kind++)
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                uint8_t *in = place(in_area, sizes[s]);
                make_sample(in, sizes[s], kind);
                size_t len = round_trip(written_ids[c], PQF_LEVEL_DEFAULT,
                                        pqf_bytes_of(in, sizes[s]));
                if (written_ids[c] && kind == 1 && sizes[s] >= 1000)
                    CHECK(len < sizes[s] / 10, "codec %d does not compress",
                          written_ids[c]);
            }
}

/* Every level once, in an order that changes the level of the reused context each time. */
static void test_every_level(void **state) {
    (void)state;
    uint8_t *in = place(in_area, 3000);
    make_sample(in, 3000, 2);
    for (int level = 1; level <= 12; level++)
        round_trip(PQF_GZIP, level, pqf_bytes_of(in, 3000));
    for (int level = 0; level <= 11; level++)
        round_trip(PQF_BROTLI, level, pqf_bytes_of(in, 3000));
    for (int level = -7; level <= 22; level++)
        round_trip(PQF_ZSTD, level, pqf_bytes_of(in, 3000));
    round_trip(PQF_ZSTD, ZSTD_minCLevel(), pqf_bytes_of(in, 3000));
}

/* Slow levels go through the libraries' streams: lengths at and around their steps. */
static void test_pieces(void **state) {
    (void)state;
    static const struct {
        pqf_codec_id id;
        int level;
        size_t step;
    } rows[] = {{PQF_ZSTD, 19, 128 << 10}, {PQF_BROTLI, 10, 32 << 10}};
    for (int i = 0; i < 2; i++)
        for (size_t steps = 1; steps <= 2; steps++)
            for (size_t more = 0; more < 3; more++) {
                size_t len = rows[i].step * steps + more - 1;
                uint8_t *in = place(in_area, len);
                make_sample(in, len, 2);
                round_trip(rows[i].id, rows[i].level, pqf_bytes_of(in, len));
            }
}

static int stop(void *context, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    ++*(int *)context;
    return 1;
}

static void test_a_user_who_waits_is_heard(void **state) {
    (void)state;
    static const pqf_codec_id ids[] = {PQF_ZSTD, PQF_BROTLI};
    uint8_t *in = place(in_area, 300000);
    make_sample(in, 300000, 2);
    for (int i = 0; i < 2; i++) {
        int calls = 0;
        pqf_control control = {.num_threads = 1, .tick = stop, .tick_context = &calls};
        pqf_run run;
        pqf_run_init(&run, &control);
        run.next_tick_ns = 0; /* due at once */
        ctx.run = &run;
        pqf_buf packed;
        pqf_buf_init(&packed, mem, 0);
        assert_int_equal(pqf_codec_compress(&ctx, ids[i], ids[i] == PQF_ZSTD ? 19 : 10,
                                            pqf_bytes_of(in, 300000), &packed, &err),
                         PQF_CANCELLED);
        assert_int_equal(calls, 1);
        ctx.run = NULL;
        pqf_buf_reset(&packed);
        round_trip(ids[i], ids[i] == PQF_ZSTD ? 19 : 10, pqf_bytes_of(in, 300000));
    }
}

/* zstd frames say their size and carry no checksum: 4 bytes of flags would follow otherwise. */
static void test_zstd_frame(void **state) {
    (void)state;
    pqf_buf packed;
    pqf_buf_init(&packed, mem, 0);
    uint8_t *in = place(in_area, 3000);
    make_sample(in, 3000, 2);
    assert_int_equal(
        pqf_codec_compress(&ctx, PQF_ZSTD, 3, pqf_bytes_of(in, 3000), &packed, &err),
        PQF_OK);
    assert_int_equal(ZSTD_getFrameContentSize(packed.data, packed.len), 3000);
    assert_int_equal(packed.data[4] & 4, 0); /* RFC 8878, 3.1.1.1.1: checksum flag */
    pqf_buf_reset(&packed);
}

static void test_empty(void **state) {
    (void)state;
    for (int32_t id = 0; id < 8; id++) {
        pqf_bytes none = {NULL, 0};
        if (id == PQF_LZO) continue;
        assert_int_equal(pqf_codec_decompress(&ctx, id, none, NULL, 0, &err), PQF_OK);
        assert_int_equal(pqf_codec_decompress(&ctx, id, none, out_area, 1, &err),
                         PQF_CORRUPT);
        assert_non_null(strstr(err.message, pqf_codec_name(id)));
    }
    assert_int_equal(
        pqf_codec_decompress(&ctx, PQF_LZO, pqf_bytes_of("x", 1), out_area, 1, &err),
        PQF_UNSUPPORTED);
}

static void expect_text(int32_t id, pqf_bytes packed, const uint8_t *text, size_t len) {
    uint8_t *at = place(packed_area, packed.len), *out = place(out_area, len);
    memmove(at, packed.data, packed.len);
    memset(out, 0, len);
    CHECK(pqf_codec_decompress(&ctx, id, pqf_bytes_of(at, packed.len), out, len, &err) ==
              PQF_OK,
          "codec %d: %s", id, err.message);
    CHECK(!memcmp(out, text, len), "codec %d differs", id);
}

static size_t put_be32(uint8_t *p, size_t v) {
    pqf_store_u32(p, __builtin_bswap32((uint32_t)v));
    return 4;
}

static size_t put_block(uint8_t *p, const uint8_t *text, size_t len) {
    size_t got =
        (size_t)LZ4_compress_default((const char *)text, (char *)p + 4, (int)len, 5000);
    return put_be32(p, got) + got;
}

static void test_lz4_framings(void **state) {
    (void)state;
    static uint8_t text[3000], p[20000];
    make_sample(text, sizeof text, 2);
    size_t n = put_be32(p, 3000); /* one block */
    n += put_block(p + n, text, 3000);
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    n = 0; /* three blocks, the last one empty */
    for (size_t i = 0; i < 2; i++) {
        n += put_be32(p + n, 1500);
        n += put_block(p + n, text + i * 1500, 1500);
    }
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    n += put_be32(p + n, 0);
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    n += put_block(p + n, text, 0);
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    n = put_be32(p, 3000); /* one length, two compressed parts */
    n += put_block(p + n, text, 1000);
    n += put_block(p + n, text + 1000, 2000);
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    n = put_block(p, text, 3000); /* a bare block */
    expect_text(PQF_LZ4, pqf_bytes_of(p + 4, n - 4), text, 3000);
    expect_text(PQF_LZ4_RAW, pqf_bytes_of(p + 4, n - 4), text, 3000);
    n = LZ4F_compressFrame(p, sizeof p, text, 3000, NULL);
    expect_text(PQF_LZ4, pqf_bytes_of(p, n), text, 3000);
    pqf_buf out;
    pqf_buf_init(&out, mem, 0);
    assert_int_equal(pqf_codec_compress(&ctx, PQF_LZ4, PQF_LEVEL_DEFAULT,
                                        pqf_bytes_of(text, 3000), &out, &err),
                     PQF_UNSUPPORTED);
    pqf_buf_reset(&out);
}

static void test_gzip_members(void **state) {
    (void)state;
    static uint8_t text[3000], p[20000];
    make_sample(text, sizeof text, 2);
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    size_t n = libdeflate_gzip_compress(c, text, 1000, p, sizeof p);
    n += libdeflate_gzip_compress(c, text, 0, p + n, sizeof p - n);
    n += libdeflate_gzip_compress(c, text + 1000, 2000, p + n, sizeof p - n);
    expect_text(PQF_GZIP, pqf_bytes_of(p, n), text, 3000);
    n = libdeflate_zlib_compress(c, text, 3000, p, sizeof p);
    expect_text(PQF_GZIP, pqf_bytes_of(p, n), text, 3000);
    libdeflate_free_compressor(c);
}

int main(void) {
    seed_set();
    in_area = area_new();
    packed_area = area_new();
    out_area = area_new();
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_levels),
                                       cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_every_level),
                                       cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_a_user_who_waits_is_heard),
                                       cmocka_unit_test(test_zstd_frame),
                                       cmocka_unit_test(test_empty),
                                       cmocka_unit_test(test_lz4_framings),
                                       cmocka_unit_test(test_gzip_members)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pqf_codec_ctx_reset(&ctx);
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    return failed + (used != 0);
}
