/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the Parquet project's test data: every footer in it parses and its schema maps to
 * Arrow; damaged files, and footers with random bytes changed, end in an error or in a
 * footer, never in a crash. The folder is $PQF_CORPORA, or ../shared/corpora beside the
 * source root; without it the tests say so and are skipped.
 */
#include "format_test.h"

#include <dirent.h>

static char root[1000];

static bool find_root(void) {
    const char *env = getenv("PQF_CORPORA");
    const char *file = __FILE__; /* <source root>/tests/format/test_corpora.c */
    const char *tail = strstr(file, "tests/format/");
    if (env)
        snprintf(root, sizeof root, "%s", env);
    else
        snprintf(root, sizeof root, "%.*s../shared/corpora",
                 tail ? (int)(tail - file) : 0, file);
    DIR *dir = opendir(root);
    if (!dir) return false;
    closedir(dir);
    return true;
}

static pqf_status open_schema(pqf_metadata *metadata) {
    pqf_schema *schema;
    struct ArrowSchema arrow;
    TRY(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err));
    pqf_status status = pqf_schema_export(schema, &arrow, &err);
    if (status == PQF_OK) pqf_schema_release(&arrow);
    pqf_schema_free(schema);
    return status;
}

/* Footer, schema, every chunk. */
static pqf_status open_file(const char *path) {
    pqf_source *source = NULL;
    pqf_metadata *metadata = NULL;
    pqf_status status = PQF_OK;
    pqf_error_init(&err);
    TRY_DONE(pqf_source_open(path, false, &source, &err));
    TRY_DONE(pqf_footer_read(source, NULL, mem, &metadata, &err));
    TRY_DONE(open_schema(metadata));
    for (int32_t g = 0; g < metadata->file.num_row_groups; g++) {
        for (int32_t i = 0; i < metadata->tree.num_leaves; i++) {
            pqf_chunk chunk;
            TRY_DONE(pqf_metadata_chunk(metadata, g, i, &chunk, &err));
            if (chunk.file_offset < 4 || chunk.byte_len < 0 ||
                chunk.byte_len > metadata->file_bytes - chunk.file_offset)
                fail_msg("%s: chunk of %lld bytes at %lld", path,
                         (long long)chunk.byte_len, (long long)chunk.file_offset);
        }
    }
done:
    pqf_metadata_free(metadata);
    pqf_source_free(source);
    return status;
}

/* Calls fn for each file below a folder; returns their number. */
static int each_file(const char *folder, void (*fn)(const char *)) {
    char path[2000];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s", root, folder);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: there is no folder %s\n", path);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/%s", root, folder, entry->d_name);
        fn(path);
        n++;
    }
    closedir(dir);
    return n;
}

static bool is_parquet(const char *path) {
    size_t len = strlen(path);
    return len > 8 && strcmp(path + len - 8, ".parquet") == 0;
}

static void expect_open(const char *path) {
    if (!is_parquet(path)) return;
    if (open_file(path) != PQF_OK) fail_msg("%s: %s", path, err.message);
}

static void expect_answer(const char *path) {
    pqf_status status = open_file(path);
    if (status != PQF_OK && err.message[0] == 0) fail_msg("%s: no message", path);
}

static void test_sound_files(void **state) {
    (void)state;
    static const char *const folders[] = {"parquet-testing/data",
                                          "parquet-testing/shredded_variant",
                                          "parquet-testing/variant"};
    if (!find_root()) {
        print_message("skipped: there is no folder %s\n", root);
        skip();
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        each_file(folders[i], expect_open);
}

static void test_damaged_files(void **state) {
    (void)state;
    if (!find_root()) {
        print_message("skipped: there is no folder %s\n", root);
        skip();
    }
    each_file("parquet-testing/bad_data", expect_answer);
    each_file("arrow-testing/fuzzing", expect_answer);
}

/* The footer of one sound file with bytes changed. */
static void mutate(const char *path) {
    pqf_source *source;
    pqf_metadata *metadata;
    if (!is_parquet(path)) return;
    assert_ok(pqf_source_open(path, false, &source, &err));
    assert_ok(pqf_footer_read(source, NULL, mem, &metadata, &err));
    size_t len = (size_t)metadata->footer_bytes;
    uint8_t *copy = malloc(len);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        pqf_metadata *changed;
        random_seed(seed);
        memcpy(copy, metadata->bytes.data, len);
        for (uint32_t k = 1 + random_below(4); k > 0; k--)
            copy[random_below((uint32_t)len)] = (uint8_t)random_u64();
        pqf_error_init(&err);
        pqf_status status = pqf_metadata_parse(
            pqf_bytes_of(copy, len), metadata->file_bytes, NULL, mem, &changed, &err);
        if (status == PQF_OK) {
            status = open_schema(changed);
            pqf_metadata_free(changed);
        }
        if (status != PQF_OK && err.message[0] == 0)
            fail_msg("%s, seed %llu: no message", path, (unsigned long long)seed);
    }
    free(copy);
    pqf_metadata_free(metadata);
    pqf_source_free(source);
}

static void test_changed_footers(void **state) {
    (void)state;
    if (!find_root()) {
        print_message("skipped: there is no folder %s\n", root);
        skip();
    }
    each_file("parquet-testing/data", mutate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_sound_files),
        TEST(test_damaged_files),
        TEST(test_changed_footers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
