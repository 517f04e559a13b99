/* SPDX-License-Identifier: Apache-2.0
 *
 * dataset.c: fuzz targets of the room dataset: journals of commits, names of partition folders and
 * the values in them.
 */
#include "fuzz.h"

#include "dataset/inner.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- journals ----
 *
 * A byte: 1 when the checksum is to be put behind the text. The text. */

#define ID   "0123456789abcdef0123456789abcdef"
#define NAME ID ".commit"

/* A folder of its own for the process, in memory where there is such a place. */
static char folder_path[64];

static void remove_folder(void) {
    int fd = open(folder_path, O_RDONLY | O_DIRECTORY);
    unlinkat(fd, NAME, 0);
    close(fd);
    rmdir(folder_path);
}

static int open_folder(void) {
    static int fd = -1;
    static pid_t owner;
    if (fd >= 0 && owner == getpid()) return fd;
    strcpy(folder_path, access("/dev/shm", W_OK) ? "/tmp/pqf_fuzz_XXXXXX"
                                                 : "/dev/shm/pqf_fuzz_XXXXXX");
    if (!mkdtemp(folder_path)) fuzz_fail("mkdtemp", "%s", folder_path);
    fd = open(folder_path, O_RDONLY | O_DIRECTORY);
    owner = getpid();
    atexit(remove_folder);
    return fd;
}

static void write_journal(int folder, pqf_bytes text, bool checked) {
    char end[16];
    uint32_t crc = libdeflate_crc32(0, text.data, text.len);
    int len = snprintf(end, sizeof end, "%08x\n", crc);
    int fd = openat(folder, NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len ||
        (checked && write(fd, end, (size_t)len) != len) || close(fd) != 0)
        fuzz_fail("write", "%s", folder_path);
}

static void check_journal(const pqf_journal *j) {
    for (int64_t i = 0; i < j->num_files; i++)
        FUZZ_CHECK(pqf_fs_is_plain(j->files[i]) && j->sizes[i] >= 0, "file %lld",
                   (long long)i);
    for (int64_t i = 0; i < j->num_removed; i++)
        FUZZ_CHECK(pqf_fs_is_plain(j->removed[i]), "removed %lld", (long long)i);
}

void fuzz_journal(const fuzz_target *target, pqf_bytes in) {
    pqf_journal j;
    pqf_arena arena;
    pqf_error err;
    bool is_valid;
    int folder = open_folder();
    (void)target;
    if (!in.len) return;
    write_journal(folder, pqf_bytes_of(in.data + 1, in.len - 1), in.data[0] == 1);
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    bool good = fuzz_ok(pqf_journal_read(folder, ID, &arena, &j, &is_valid, &err), &err);
    if (good && is_valid) {
        check_journal(&j);
        pqf_error_init(&err);
        j.durable = false;
        fuzz_must(pqf_journal_write(&j, folder, NAME, fuzz_mem, &err), &err, "writing");
        fuzz_must(pqf_journal_read(folder, ID, &arena, &j, &is_valid, &err), &err,
                  "read");
        FUZZ_CHECK(is_valid, "%lld files", (long long)j.num_files);
    }
    pqf_arena_reset(&arena);
}

void fuzz_journal_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    static const char swap[] = "parquet_forge 1\nswap 1 0 0\n";
    static const char change[] =
        "parquet_forge 1\nchange 0 2 1\n12 p=1/a.parquet\0003 b\0p=2/old";
    (void)target;
    for (uint8_t checked = 0; checked < 2; checked++) {
        fuzz_put_seed(seeds, &checked, 1, pqf_bytes_of(swap, sizeof swap - 1));
        fuzz_put_seed(seeds, &checked, 1, pqf_bytes_of(change, sizeof change));
    }
}

/* ---- partitions ----
 *
 * A byte: the type of the value. Names of folders, each after a '/'. */

static const char *const formats[] = {
    "b",   "c",       "C",      "i",      "L",       "l",   "f",   "g",   "e",
    "u",   "U",       "vu",     "tdD",    "tdm",     "tts", "ttm", "ttu", "ttn",
    "tss", "tsn:UTC", "tsu:+2", "d:10,2", "d:38,10", "tDs", "z",   "w:4", "d:60,5,256"};

/* A value that was parsed has a text, and that text is of the same value. */
static void check_value(const struct ArrowSchema *type, struct ArrowArray *array) {
    pqf_arena arena;
    pqf_view view, view_again;
    pqf_buf text, text_again;
    struct ArrowArray again;
    pqf_error err;
    pqf_error_init(&err);
    pqf_arena_init(&arena, fuzz_mem);
    pqf_buf_init(&text, fuzz_mem, 0);
    pqf_buf_init(&text_again, fuzz_mem, 0);
    fuzz_must(pqf_view_init(&view, type, array, true, &arena, &err), &err, "a value");
    if (view.length == 1 && pqf_view_is_valid(&view, 0) &&
        fuzz_ok(pqf_value_text(&view, 0, &text, &err), &err)) {
        pqf_error_init(&err);
        fuzz_must(pqf_buf_put_u8(&text, 0, &err), &err, "a NUL");
        pqf_bytes found = pqf_bytes_of(text.data, --text.len);
        fuzz_must(pqf_values_parse(type, &found, 1, fuzz_mem, &again, &err), &err,
                  "the text of a value");
        fuzz_must(pqf_view_init(&view_again, type, &again, true, &arena, &err), &err,
                  "a value");
        fuzz_must(pqf_value_text(&view_again, 0, &text_again, &err), &err, "its text");
        FUZZ_CHECK(text.len == text_again.len &&
                       (!text.len || !memcmp(text.data, text_again.data, text.len)),
                   "another text");
        pqf_array_release(&again);
    }
    pqf_buf_reset(&text);
    pqf_buf_reset(&text_again);
    pqf_arena_reset(&arena);
}

static void check_folder(const char *format, pqf_bytes folder, pqf_arena *arena) {
    struct ArrowSchema type;
    struct ArrowArray array;
    pqf_bytes name, value;
    bool is_partition, fits_32;
    pqf_error err;
    pqf_error_init(&err);
    fuzz_must(pqf_hive_parse(folder, arena, &is_partition, &name, &value, &err), &err,
              "a name");
    if (!is_partition) return;
    pqf_text_is_integer(value, &fits_32);
    fuzz_must(pqf_schema_init(&type, format, "", ARROW_FLAG_NULLABLE, 0, &err), &err,
              "a type");
    if (fuzz_ok(pqf_value_check_type(&type, "p", &err), &err)) {
        pqf_error_init(&err);
        if (fuzz_ok(pqf_values_parse(&type, &value, 1, fuzz_mem, &array, &err), &err)) {
            check_value(&type, &array);
            pqf_array_release(&array);
        }
    }
    pqf_schema_release(&type);
}

/* Encoded and decoded it is the same name and value. */
static void encode_folder(pqf_bytes text, pqf_arena *arena) {
    pqf_buf out;
    pqf_bytes name, value;
    pqf_error err;
    bool is_partition;
    pqf_buf_init(&out, fuzz_mem, 0);
    pqf_error_init(&err);
    if (fuzz_ok(pqf_hive_folder("n=%", text, &out, &err), &err)) {
        pqf_bytes folder = pqf_buf_view(&out);
        fuzz_must(pqf_hive_parse(folder, arena, &is_partition, &name, &value, &err), &err,
                  "a folder");
        FUZZ_CHECK(is_partition && value.len == text.len &&
                       (!text.len || !memcmp(value.data, text.data, text.len)),
                   "another value");
    }
    pqf_buf_reset(&out);
}

void fuzz_partition(const fuzz_target *target, pqf_bytes in) {
    pqf_arena arena;
    (void)target;
    if (!in.len) return;
    const char *format = formats[in.data[0] % (sizeof formats / sizeof *formats)];
    pqf_bytes rest = {in.data + 1, in.len - 1};
    pqf_arena_init(&arena, fuzz_mem);
    encode_folder(rest, &arena);
    while (rest.len) {
        const uint8_t *slash = memchr(rest.data, '/', rest.len);
        size_t len = slash ? (size_t)(slash - rest.data) : rest.len;
        check_folder(format, pqf_bytes_of(rest.data, len), &arena);
        rest = pqf_bytes_of(rest.data + len + (slash != NULL),
                            rest.len - len - (slash != NULL));
    }
    pqf_arena_reset(&arena);
}

void fuzz_partition_seeds(const fuzz_target *target, const fuzz_seeds *seeds) {
    static const char *const texts[] = {
        "a=1/b=true/c=-12.50", "p=__HIVE_DEFAULT_PARTITION__/p=/=x/x",
        "p=2021-02-03/p=2021-02-03 04%3A05%3A06.789/p=12%3A13%3A14.000001",
        "p=2021-02-03T04:05:06Z/p=1.5e300/p=nan/p=-inf/p=0x10",
        "n%20m=%C3%A4%zz%2/p=99999999999999999999999999999999999.5"};
    (void)target;
    for (uint8_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *text = texts[i % (sizeof texts / sizeof *texts)];
        fuzz_put_seed(seeds, &i, 1, pqf_bytes_of(text, strlen(text)));
    }
    for (uint8_t i = 0; i < 24; i++)
        fuzz_put_seed(seeds, &i, 1,
                      pqf_bytes_of(texts[2 + i % 2], strlen(texts[2 + i % 2])));
}
