/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding.c: speed of the room encoding: nanoseconds per value of decoding, encoding and building
 * dictionaries. One page or one million values a run; the best of several runs counts.
 * Usage: bench_encoding [part of a name]
 */
#include "encoding/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N = 1 << 20, PAGE = 20000, RUNS = 7 };

static const pqf_kernels *kernel;
static pqf_mem *mem;
static pqf_error err;
static const char *filter;

static uint32_t codes[N + 16], out32[N + 16];
static uint64_t words[N + 8], out64[N + 8];
static uint8_t bits[N / 8 + 64], text[64 * N + 64];
static uint8_t array[120 * (size_t)N + 64];
static int32_t ends[N + PQF_SLACK / 4];
static pqf_slice slices[N];
static pqf_buf page, bytes, kept;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t state = 1;
static uint64_t rnd(void) {
    uint64_t x = state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return x ^ x >> 27;
}

static void must(pqf_status status) {
    if (status == PQF_OK) return;
    fprintf(stderr, "%s: %s\n", pqf_status_name(status), err.message);
    exit(1);
}

typedef void (*body_fn)(int64_t n, int param);

static void row(const char *name, int param, int64_t n, body_fn body) {
    double best = 1e30;
    if (filter && !strstr(name, filter)) return;
    double begin = now();
    for (int run = 0; run < RUNS || now() - begin < 1e8; run++) {
        double start = now();
        body(n, param);
        double took = (now() - start) / (double)n;
        if (took < best) best = took;
    }
    printf("%-34s %8d %8.2f ns/value %9zu bytes\n", name, param, best, page.len);
}

/* ---- hybrid ---- */

static void make_codes(int64_t n, int64_t distinct, int64_t stay) {
    uint32_t code = 0;
    for (int64_t i = 0; i < n; i++) {
        if (rnd() % (uint64_t)stay == 0) code = (uint32_t)(rnd() % (uint64_t)distinct);
        codes[i] = code;
    }
}

static void encode_codes(int64_t n, int width) {
    page.len = 0;
    must(pqf_rle_encode_u32(kernel, codes, n, width, &page, &err));
}

static void decode_codes(int64_t n, int width) {
    pqf_rle rle;
    must(pqf_rle_begin(&rle, kernel, pqf_buf_view(&page), width, &err));
    for (int64_t i = 0; i < n; i += 1024)
        must(pqf_rle_decode_u32(&rle, pqf_min_i64(1024, n - i), out32, &err));
}

static void encode_bits(int64_t n, int param) {
    (void)param;
    page.len = 0;
    must(pqf_rle_encode_bits(kernel, bits, 3, n - 3, &page, &err));
}

static void decode_bits(int64_t n, int param) {
    int64_t num_set;
    pqf_rle rle;
    (void)param;
    must(pqf_rle_begin(&rle, kernel, pqf_buf_view(&page), 1, &err));
    must(pqf_rle_decode_bits(&rle, n - 3, (uint8_t *)out64, 1, &num_set, &err));
}

static void bench_hybrid(void) {
    static const int widths[] = {1, 3, 8, 13, 20};
    static const int stays[] = {1, 30, 1000};
    for (int s = 0; s < 3; s++) {
        for (int w = 0; w < 5; w++) {
            char name[64];
            make_codes(N, (int64_t)1 << widths[w], stays[s]);
            snprintf(name, sizeof name, "hybrid encode, runs of %d", stays[s]);
            row(name, widths[w], N, encode_codes);
            encode_codes(N, widths[w]);
            snprintf(name, sizeof name, "hybrid decode, runs of %d", stays[s]);
            row(name, widths[w], N, decode_codes);
        }
    }
    for (int zeros = 2; zeros <= 1000; zeros *= 10) {
        for (int64_t i = 0; i < N; i++)
            pqf_bit_put(bits, i, rnd() % (uint64_t)zeros != 0);
        row("bits encode, one zero in", zeros, N, encode_bits);
        encode_bits(N, 0);
        row("bits decode, one zero in", zeros, N, decode_bits);
    }
}

/* ---- dictionaries ---- */

static void make_page(int64_t distinct) {
    int width = pqf_bit_width((uint64_t)distinct - 1);
    make_codes(N, distinct, 1);
    page.len = 0;
    must(pqf_buf_put_u8(&page, (uint8_t)width, &err));
    must(pqf_rle_encode_u32(kernel, codes, N, width, &page, &err));
}

static pqf_dict dict;

static void decode_fixed(int64_t n, int param) {
    pqf_decoder d;
    (void)param;
    must(pqf_decoder_begin(&d, kernel, PQF_RLE_DICTIONARY, dict.width == 4 ? 1 : 2, 0,
                           &dict, pqf_buf_view(&page), n, &kept, &err));
    for (int64_t i = 0; i < n; i += PAGE)
        must(pqf_decode_fixed(&d, pqf_min_i64(PAGE, n - i), out64, &err));
}

static void decode_pieces(pqf_decoder *d, int64_t n) {
    for (int64_t i = 0; i < n; i += PAGE) {
        bytes.len = 0;
        must(pqf_decode_binary(d, pqf_min_i64(PAGE, n - i),
                               &(pqf_binary_out){.ends = ends, .bytes = &bytes}, &err));
    }
}

static void decode_strings(int64_t n, int param) {
    pqf_decoder d;
    (void)param;
    must(pqf_decoder_begin(&d, kernel, PQF_RLE_DICTIONARY, 6, 0, &dict,
                           pqf_buf_view(&page), n, &kept, &err));
    decode_pieces(&d, n);
}

static uint32_t starts[N], lens[N];

static void make_strings(int64_t distinct, int least, int most) {
    uint32_t at = 0;
    dict = (pqf_dict){PQF_BINARY, 0, distinct, NULL, starts, lens, text, 0};
    for (int64_t i = 0; i < distinct; i++) {
        starts[i] = at;
        lens[i] = (uint32_t)least + (uint32_t)(rnd() % (uint64_t)(most - least + 1));
        for (uint32_t k = 0; k < lens[i]; k++)
            text[at++] = (uint8_t)('a' + rnd() % 26);
        if (lens[i] > dict.max_len) dict.max_len = lens[i];
    }
}

typedef struct strings {
    int64_t distinct;
    int least, most;
} strings;

static const strings string_sets[] = {
    {7, 3, 7},       {1000, 5, 15},   {1000, 10, 43},
    {20000, 20, 40}, {100000, 8, 12}, {1000, 60, 120},
};
#define NUM_SETS ((int)(sizeof string_sets / sizeof string_sets[0]))

static void bench_dictionaries(void) {
    for (int width = 4; width <= 8; width += 4) {
        for (int w = 4; w <= 20; w += 4) {
            dict = (pqf_dict){
                PQF_FIXED, width, (int64_t)1 << w, (uint8_t *)words, NULL, NULL, NULL, 0};
            make_page((int64_t)1 << w);
            row(width == 4 ? "dictionary of 4 bytes" : "dictionary of 8 bytes", w, N,
                decode_fixed);
        }
    }
    for (int i = 0; i < NUM_SETS; i++) {
        const strings *s = &string_sets[i];
        char name[64];
        make_strings(s->distinct, s->least, s->most);
        make_page(s->distinct);
        snprintf(name, sizeof name, "dictionary, strings %d-%d", s->least, s->most);
        row(name, (int)s->distinct, N, decode_strings);
    }
}

/* ---- PLAIN strings ---- */

static void encode_plain(int64_t n, int param) {
    (void)param;
    page.len = 0;
    must(pqf_plain_put_binary(slices, n, &page, &err));
}

static void decode_plain(int64_t n, int param) {
    pqf_decoder d;
    (void)param;
    must(pqf_decoder_begin(&d, kernel, PQF_PLAIN, 6, 0, NULL, pqf_buf_view(&page), n,
                           &kept, &err));
    decode_pieces(&d, n);
}

/* One behind the other, as in an array. */
static void make_array(int64_t n, int least, int most) {
    uint8_t *p = text;
    for (int64_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)least + (uint32_t)(rnd() % (uint64_t)(most - least + 1));
        slices[i] = (pqf_slice){p, len, (uint32_t)(text + sizeof text - p)};
        for (uint32_t k = 0; k < slices[i].len; k++)
            *p++ = (uint8_t)('a' + rnd() % 26);
    }
}

static void bench_plain(void) {
    static const int ranges[][2] = {{3, 7}, {4, 17}, {10, 43}, {20, 30}, {60, 120}};
    for (int i = 0; i < 5; i++) {
        int n = 32768;
        char name[64];
        make_array(n, ranges[i][0], ranges[i][1]);
        snprintf(name, sizeof name, "plain put strings %d-%d", ranges[i][0],
                 ranges[i][1]);
        row(name, n, n, encode_plain);
        encode_plain(n, 0);
        snprintf(name, sizeof name, "plain strings %d-%d", ranges[i][0], ranges[i][1]);
        row(name, n, n, decode_plain);
    }
}

/* ---- pages: every encoding of values, both ways, in GB of PLAIN values a second ---- */

typedef struct page_kind {
    const char *name;
    int32_t encoding;
    int32_t physical;
    int32_t width; /* of values; of strings the prefix that neighbours share */
    int bits;      /* of differences or lengths */
} page_kind;

static const page_kind page_kinds[] = {
    {"delta int32", PQF_DELTA_BINARY_PACKED, 1, 4, 4},
    {"delta int32", PQF_DELTA_BINARY_PACKED, 1, 4, 12},
    {"delta int32", PQF_DELTA_BINARY_PACKED, 1, 4, 20},
    {"delta int32", PQF_DELTA_BINARY_PACKED, 1, 4, 32},
    {"delta int64", PQF_DELTA_BINARY_PACKED, 2, 8, 4},
    {"delta int64", PQF_DELTA_BINARY_PACKED, 2, 8, 12},
    {"delta int64", PQF_DELTA_BINARY_PACKED, 2, 8, 20},
    {"delta int64", PQF_DELTA_BINARY_PACKED, 2, 8, 40},
    {"delta int64", PQF_DELTA_BINARY_PACKED, 2, 8, 64},
    {"split float", PQF_BYTE_STREAM_SPLIT, 4, 4, 32},
    {"split double", PQF_BYTE_STREAM_SPLIT, 5, 8, 64},
    {"split fixed 2", PQF_BYTE_STREAM_SPLIT, 7, 2, 64},
    {"split fixed 12", PQF_BYTE_STREAM_SPLIT, 7, 12, 64},
    {"split fixed 16", PQF_BYTE_STREAM_SPLIT, 7, 16, 64},
    {"lengths", PQF_DELTA_LENGTH_BYTE_ARRAY, 6, 0, 3},
    {"lengths", PQF_DELTA_LENGTH_BYTE_ARRAY, 6, 0, 6},
    {"prefixes", PQF_DELTA_BYTE_ARRAY, 6, 4, 3},
    {"prefixes", PQF_DELTA_BYTE_ARRAY, 6, 20, 5},
    {"prefixes fixed 16", PQF_DELTA_BYTE_ARRAY, 7, 16, 64},
};
#define NUM_PAGE_KINDS ((int)(sizeof page_kinds / sizeof page_kinds[0]))

enum { PAGE_VALUES = 50000 };

static pqf_buf plain;
static const page_kind *kind;

static void make_plain_string(int64_t i) {
    uint8_t value[64];
    uint32_t shared = (uint32_t)kind->width;
    uint32_t len = shared + (uint32_t)(rnd() >> (64 - kind->bits));
    memset(value, 'a' + (int)(i / 1000 % 20), shared);
    for (uint32_t k = shared; k < len; k++)
        value[k] = (uint8_t)rnd();
    must(pqf_buf_put_u32(&plain, len, &err));
    must(pqf_buf_put(&plain, value, len, &err));
}

static void make_plain(int64_t n) {
    uint64_t value[2] = {0, 0};
    plain.len = 0;
    for (int64_t i = 0; i < n; i++) {
        if (kind->physical == 6) {
            make_plain_string(i);
            continue;
        }
        value[0] += rnd() >> (64 - kind->bits);
        value[1] = value[0] * 3;
        must(pqf_buf_put(&plain, value, (size_t)kind->width, &err));
    }
    must(pqf_buf_reserve(&plain, 64, &err));
}

static void encode_kind(int64_t n, int param) {
    (void)param;
    page.len = 0;
    must(pqf_encode_page(kernel, kind->encoding, kind->physical, kind->width,
                         pqf_buf_view(&plain), n, &page, &err));
}

static void decode_kind(int64_t n, int param) {
    pqf_decoder d;
    (void)param;
    must(pqf_decoder_begin(&d, kernel, kind->encoding, kind->physical, kind->width, NULL,
                           pqf_buf_view(&page), n, &kept, &err));
    bytes.len = 0;
    if (kind->physical == 6)
        must(pqf_decode_binary(&d, n, &(pqf_binary_out){.ends = ends, .bytes = &bytes},
                               &err));
    else
        must(pqf_decode_fixed(&d, n, array, &err));
}

static double gigabytes(body_fn body) {
    double best = 1e30, begin = now();
    for (int run = 0; run < RUNS || now() - begin < 1e8; run++) {
        double start = now();
        body(PAGE_VALUES, 0);
        best = now() - start < best ? now() - start : best;
    }
    return (double)plain.len / best;
}

static void bench_pages(void) {
    for (int i = 0; i < NUM_PAGE_KINDS; i++) {
        kind = &page_kinds[i];
        if (filter && !strstr(kind->name, filter)) continue;
        make_plain(PAGE_VALUES);
        double encode = gigabytes(encode_kind);
        double decode = gigabytes(decode_kind);
        printf("%-20s %3d bits %7.2f GB/s encode %7.2f GB/s decode %5.1f %% of PLAIN\n",
               kind->name, kind->bits, encode, decode,
               100 * (double)page.len / (double)plain.len);
    }
}

/* ---- building dictionaries ---- */

static pqf_dict_builder *builder;

static void build_words(int64_t n, int param) {
    int64_t num_put;
    (void)param;
    must(pqf_dict_put_fixed(builder, words, n, SIZE_MAX, out32, &num_put, &err));
}

static void build_strings(int64_t n, int param) {
    int64_t num_put;
    (void)param;
    must(pqf_dict_put_binary(builder, slices, n, SIZE_MAX, out32, &num_put, &err));
}

static uint64_t make_word(int kind, uint64_t id) {
    double cents = (double)id / 100;
    uint64_t word = kind == 1   ? id * 7919
                    : kind == 3 ? id * id * UINT64_C(0x9E3779B97F4A7C15)
                                : id;
    if (kind == 2) memcpy(&word, &cents, sizeof word);
    return word;
}

/* One behind the other as in an array, or wherever they are. */
static void make_slices(int64_t distinct, bool scattered) {
    uint8_t *p = array;
    for (int64_t k = 0; k < N; k++) {
        size_t c = (size_t)(rnd() % (uint64_t)distinct);
        slices[k] =
            (pqf_slice){scattered ? text + starts[c] : p, lens[c],
                        scattered ? lens[c] : (uint32_t)(array + sizeof array - p)};
        memcpy(p, text + starts[c], lens[c]);
        p += lens[c];
    }
}

static void bench_builder(void) {
    static const int distinct[] = {10, 1000, 10000, 50000, 200000, 650000};
    static const char *const kinds[] = {"numbers", "every 7919th", "cents", "random"};
    for (int i = 0; i < 24; i++) {
        char name[64];
        for (int64_t k = 0; k < N; k++)
            words[k] = make_word(i % 4, rnd() % (uint64_t)distinct[i / 4]);
        must(pqf_dict_builder_new(PQF_FIXED, 8, mem, &builder, &err));
        snprintf(name, sizeof name, "build dictionary, %s", kinds[i % 4]);
        row(name, distinct[i / 4], N, build_words);
        pqf_dict_builder_free(builder);
    }
    for (int i = 0; i < NUM_SETS * 2; i++) {
        const strings *s = &string_sets[i / 2];
        char name[64];
        make_strings(s->distinct, s->least, s->most);
        make_slices(s->distinct, i % 2);
        must(pqf_dict_builder_new(PQF_BINARY, 0, mem, &builder, &err));
        snprintf(name, sizeof name, "build, %s %d-%d", i % 2 ? "scattered" : "an array",
                 s->least, s->most);
        row(name, (int)s->distinct, N / 8, build_strings);
        pqf_dict_builder_free(builder);
    }
}

int main(int argc, char **argv) {
    filter = argc > 1 ? argv[1] : NULL;
    kernel = pqf_kernels_get();
    pqf_error_init(&err);
    must(pqf_mem_new(0, &mem, &err));
    pqf_buf_init(&page, mem, 0);
    pqf_buf_init(&bytes, mem, 0);
    pqf_buf_init(&kept, mem, 0);
    pqf_buf_init(&plain, mem, 0);
    printf("%s\n", kernel->name);
    bench_hybrid();
    bench_dictionaries();
    bench_plain();
    bench_pages();
    bench_builder();
    pqf_buf_reset(&page);
    pqf_buf_reset(&bytes);
    pqf_buf_reset(&kept);
    pqf_buf_reset(&plain);
    pqf_mem_release(mem);
    return 0;
}
