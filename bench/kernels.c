/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: speed of every kernel on every level of this CPU, in 10^9 values (bits for bitmaps,
 * bytes for UTF-8) per second. Buffers stay in the caches; the best of several runs counts.
 * Usage: bench_kernels [--markdown] [part of a name]; --markdown gives the rows of docs/kernels.md, with the
 * gain over the scalar kernel.
 */
#include "kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N = 4096, MAX_WIDTH = 32 };

typedef struct bench {
    const pqf_kernels *k;
    int param; /* a width, a percentage, a count: what the row says */
} bench;

static _Alignas(64) uint8_t in8[N * 32 + 64], out8[N * 32 + 64];
static _Alignas(64) uint32_t idx[N + 64], dict[65536 * 4 + 64];
static _Alignas(64) uint64_t narrow64[N]; /* values below 2^20 */
static _Alignas(64) uint8_t bits[N / 8 + 64], same[N * 4 + 64];
static volatile int64_t sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* -- one function per row: N values each -- */

static const uint32_t *in32(void) { return (const uint32_t *)in8; }
static uint32_t *out32(void) { return (uint32_t *)out8; }
static uint64_t *out64(void) { return (uint64_t *)out8; }

static void unpack_u32(const bench *b) { b->k->unpack_u32(in8, b->param, N, out32()); }
static void unpack_u8(const bench *b) { b->k->unpack_u8(in8, b->param, N, out8); }
static void pack_u32(const bench *b) { b->k->pack_u32(idx, b->param, N, out8); }
static void pack_u8(const bench *b) { b->k->pack_u8(in8, b->param, N, out8); }
static void unpack_u64(const bench *b) { b->k->unpack_u64(in8, b->param, N, out64()); }
static void pack_u64(const bench *b) {
    b->k->pack_u64((uint64_t *)narrow64, b->param, N, out8);
}
static void prefix_sum_32(const bench *b) {
    sink = b->k->prefix_sum_32(out32(), N, 3, (uint32_t)sink);
}
static void prefix_sum_64(const bench *b) {
    sink = (int64_t)b->k->prefix_sum_64(out64(), N, 3, (uint64_t)sink);
}
static void join_streams(const bench *b) {
    b->k->join_streams(in8, N, b->param, N, out8);
}
static void split_streams(const bench *b) {
    b->k->split_streams(in8, b->param, N, out8, N);
}
static void fill_bits(const bench *b) { b->k->fill_bits(out8, b->param, N - 8, true); }
static void max_u32(const bench *b) { sink = b->k->max_u32(idx, N); }
static void max_u8(const bench *b) { sink = b->k->max_u8(in8, N); }
static void run_u32(const bench *b) { sink = b->k->run_u32((uint32_t *)same, N); }
static void run_u8(const bench *b) { sink = b->k->run_u8(same, N); }
static void gather_32(const bench *b) { b->k->gather_32(dict, idx, N, out32()); }
static void gather_64(const bench *b) {
    b->k->gather_64((uint64_t *)dict, idx, N, out64());
}
static void gather_any(const bench *b) {
    b->k->gather_any((uint8_t *)dict, b->param, idx, N, out8);
}
static void gather_sum(const bench *b) { sink = (int64_t)b->k->gather_sum(dict, idx, N); }
static void expand_8(const bench *b) { sink = b->k->expand_8(in8, bits, 0, N, out8); }
static void expand_16(const bench *b) {
    sink = b->k->expand_16((uint16_t *)in8, bits, 0, N, (uint16_t *)out8);
}
static void expand_32(const bench *b) {
    sink = b->k->expand_32(in32(), bits, 0, N, out32());
}
static void expand_64(const bench *b) {
    sink = b->k->expand_64((uint64_t *)in8, bits, 0, N, out64());
}
static void expand_16b(const bench *b) {
    sink = b->k->expand_any(in8, 16, bits, 0, N, out8);
}
static void compress_32(const bench *b) {
    sink = b->k->compress_32(in32(), bits, 0, N, out32());
}
static void compress_64(const bench *b) {
    sink = b->k->compress_64((uint64_t *)in8, bits, 0, N, out64());
}
static void compress_16b(const bench *b) {
    sink = b->k->compress_any(in8, 16, bits, 0, N, out8);
}
static void count_bits(const bench *b) { sink = b->k->count_bits(bits, b->param, N - 8); }
static void copy_bits(const bench *b) {
    sink = b->k->copy_bits(in8, 0, N, out8, b->param);
}
static void extract_bits(const bench *b) {
    sink = b->k->extract_bits(in8, 3, bits, 0, N, out8, 5);
}
static void deposit_bits(const bench *b) {
    sink = b->k->deposit_bits(in8, 3, bits, 0, N, out8, 0);
}
static void levels_ge(const bench *b) { sink = b->k->levels_ge(in8, N, 3, out64()); }
static void levels_eq(const bench *b) { sink = b->k->levels_eq(in8, N, 3, out64()); }
static void minmax_i32(const bench *b) {
    int32_t *o = (int32_t *)out8;
    b->k->minmax_i32((int32_t *)in8, N, o, o + 1);
}
static void minmax_u32(const bench *b) {
    b->k->minmax_u32(in32(), N, out32(), out32() + 1);
}
static void minmax_i64(const bench *b) {
    int64_t *o = (int64_t *)out8;
    b->k->minmax_i64((int64_t *)in8, N, o, o + 1);
}
static void minmax_u64(const bench *b) {
    b->k->minmax_u64((uint64_t *)in8, N, out64(), out64() + 1);
}
static void minmax_f32(const bench *b) {
    float *o = (float *)out8;
    b->k->minmax_f32((float *)in8, N, o, o + 1);
}
static void minmax_f64(const bench *b) {
    double *o = (double *)out8;
    b->k->minmax_f64((double *)in8, N, o, o + 1);
}
static void count_nans_f32(const bench *b) {
    sink = b->k->count_nans_f32((float *)in8, N);
}
static void count_nans_f64(const bench *b) {
    sink = b->k->count_nans_f64((double *)in8, N);
}
static void narrow_32_16(const bench *b) { b->k->narrow_32_16(idx, N, (uint16_t *)out8); }
static void narrow_32_8(const bench *b) { b->k->narrow_32_8(idx, N, out8); }
static void from_be(const bench *b) { b->k->decimal_from_be(in8, b->param, N, out8); }
static void to_be(const bench *b) { sink = b->k->decimal_to_be(in8, b->param, N, out8); }
static void crc32(const bench *b) { sink = b->k->crc32(0, in8, N); }
static void utf8_ascii(const bench *b) { sink = b->k->utf8_valid(same, N); }
/* Text of one- to three-byte characters, made in main. */
static uint8_t text[N + 64];
static int64_t text_len;
static void utf8_mixed(const bench *b) { sink = b->k->utf8_valid(text, text_len); }

static const struct row {
    const char *name;
    void (*run)(const bench *b);
    int param;
    int percent; /* of bits set in `bits`; of -1 unused */
} rows[] = {
#define R(name, param, percent) {#name, name, param, percent}
    R(unpack_u32, 1, -1),    R(unpack_u32, 3, -1),     R(unpack_u32, 10, -1),
    R(unpack_u32, 17, -1),   R(unpack_u32, 27, -1),    R(unpack_u32, 31, -1),
    R(unpack_u8, 1, -1),     R(unpack_u8, 3, -1),      R(unpack_u8, 8, -1),
    R(pack_u32, 1, -1),      R(pack_u32, 5, -1),       R(pack_u32, 8, -1),
    R(pack_u32, 13, -1),     R(pack_u32, 20, -1),      R(pack_u32, 31, -1),
    R(pack_u8, 1, -1),       R(pack_u8, 3, -1),        R(unpack_u64, 20, -1),
    R(unpack_u64, 45, -1),   R(pack_u64, 20, -1),      R(prefix_sum_32, 0, -1),
    R(prefix_sum_64, 0, -1), R(join_streams, 4, -1),   R(join_streams, 8, -1),
    R(split_streams, 4, -1), R(split_streams, 8, -1),  R(max_u32, 0, -1),
    R(max_u8, 0, -1),        R(run_u32, 0, -1),        R(run_u8, 0, -1),
    R(gather_32, 20, -1),    R(gather_32, 4000, -1),   R(gather_32, 60000, -1),
    R(gather_64, 20, -1),    R(gather_64, 4000, -1),   R(gather_64, 60000, -1),
    R(gather_any, 12, -1),   R(gather_any, 16, -1),    R(gather_sum, 4000, -1),
    R(expand_8, 0, 50),      R(expand_16, 0, 50),      R(expand_32, 0, 3),
    R(expand_32, 0, 50),     R(expand_32, 0, 90),      R(expand_32, 0, 100),
    R(expand_64, 0, 50),     R(expand_64, 0, 90),      R(expand_16b, 0, 90),
    R(compress_32, 0, 50),   R(compress_32, 0, 90),    R(compress_64, 0, 50),
    R(compress_64, 0, 90),   R(compress_16b, 0, 90),   R(count_bits, 0, 50),
    R(count_bits, 3, 50),    R(copy_bits, 0, -1),      R(copy_bits, 5, -1),
    R(fill_bits, 3, -1),     R(extract_bits, 0, 50),   R(extract_bits, 0, 90),
    R(deposit_bits, 0, 50),  R(deposit_bits, 0, 90),   R(levels_ge, 0, -1),
    R(levels_eq, 0, -1),     R(minmax_i32, 0, -1),     R(minmax_u32, 0, -1),
    R(minmax_i64, 0, -1),    R(minmax_u64, 0, -1),     R(minmax_f32, 0, -1),
    R(minmax_f64, 0, -1),    R(count_nans_f32, 0, -1), R(count_nans_f64, 0, -1),
    R(narrow_32_16, 0, -1),  R(narrow_32_8, 0, -1),    R(from_be, 5, -1),
    R(from_be, 16, -1),      R(to_be, 5, -1),          R(to_be, 16, -1),
    R(utf8_ascii, 0, -1),    R(utf8_mixed, 0, -1),     R(crc32, 0, -1),
#undef R
};

static uint32_t next_random(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* Packing needs values that fit; gathering needs indices below the dictionary's length. */
static void prepare(const struct row *row) {
    bool packs = strncmp(row->name, "pack_u", 6) == 0 && row->param < 32;
    uint32_t below = strncmp(row->name, "gather_", 7) == 0 && row->param > 16
                         ? (uint32_t)row->param
                         : 4000;
    uint64_t limit = packs ? UINT64_C(1) << row->param : below;
    for (int i = 0; i < N; i++) {
        idx[i] = (uint32_t)(next_random() % limit);
        in8[i] =
            strcmp(row->name, "pack_u8") == 0 ? (uint8_t)idx[i] : (uint8_t)next_random();
    }
    for (int i = 0; row->percent >= 0 && i < N; i++)
        pqf_bit_put(bits, i, (int)(next_random() % 100) < row->percent);
}

/* Best of 9 runs of about 2 ms. */
static double measure(const struct row *row, const bench *b) {
    double best = 1e9;
    int64_t repeats = 16;
    for (int run = 0; run < 9; run++) {
        double start = now();
        for (int64_t i = 0; i < repeats; i++)
            row->run(b);
        double took = now() - start;
        if (took < 1e-3) {
            repeats *= 2;
            run = -1;
            continue;
        }
        double each = took / (double)repeats;
        best = each < best ? each : best;
    }
    return N / best * 1e-9;
}

static const char *const levels[] = {"scalar", "avx2", "avx512", "neon"};
enum { NUM_LEVELS = sizeof levels / sizeof *levels };

static void fill_buffers(void) {
    static const char *const points[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "b", "c"};
    for (int i = 0; i < (int)sizeof in8; i++)
        in8[i] = (uint8_t)next_random();
    for (int i = 0; i < 65536 * 4; i++)
        dict[i] = next_random();
    for (int i = 0; i < N; i++)
        narrow64[i] = next_random() % (1 << 20);
    memset(same, 'x', sizeof same);
    while (text_len < N - 3) {
        const char *p = points[next_random() % 5];
        memcpy(text + text_len, p, strlen(p));
        text_len += (int64_t)strlen(p);
    }
}

static void print_head(bool markdown) {
    int columns = 2;
    if (markdown)
        printf("| kernel | param | set %% |");
    else
        printf("%-14s %6s %4s ", "10^9/s", "param", "set%");
    for (int l = 0; l < NUM_LEVELS; l++) {
        if (!pqf_kernels_level(levels[l])) continue;
        columns++;
        printf(markdown ? (l ? " %s |" : " %s, 10^9/s |") : " %8s", levels[l]);
    }
    printf("\n");
    for (int c = 0; markdown && c <= columns; c++)
        printf(c == columns ? "| --- |\n" : "| --- ");
}

static void print_row(const struct row *row, bool markdown) {
    double scalar = 0;
    prepare(row);
    if (markdown)
        printf(row->percent < 0 ? "| %s | %d | - |" : "| %s | %d | %d |", row->name,
               row->param, row->percent);
    else
        printf("%-14s %6d %4d ", row->name, row->param, row->percent);
    for (int l = 0; l < NUM_LEVELS; l++) {
        bench b = {pqf_kernels_level(levels[l]), row->param};
        if (!b.k) continue;
        double speed = measure(row, &b);
        if (l == 0) scalar = speed;
        if (!markdown)
            printf(" %8.2f", speed);
        else
            printf(l ? " ×%.1f |" : " %.2f |", l ? speed / scalar : speed);
    }
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    bool markdown = argc > 1 && strcmp(argv[1], "--markdown") == 0;
    const char *part = argc > 1 + markdown ? argv[1 + markdown] : "";
    fill_buffers();
    print_head(markdown);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        if (strstr(rows[r].name, part)) print_row(&rows[r], markdown);
    return 0;
}
