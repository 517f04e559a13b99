/* SPDX-License-Identifier: Apache-2.0
 *
 * predicate_test.h: serialised expressions for tests from a short text. `(greater a #0)`
 * is the call of greater on the field a and the literal in column 0 of a batch of one
 * row; `@1` names the options in column 1, `s.x` is a nested field.
 */
#ifndef PQF_TESTS_FILE_PREDICATE_TEST_H
#define PQF_TESTS_FILE_PREDICATE_TEST_H

#include "file/file_test.h"
#include "file/inner.h"

static inline void put_entry(pqf_buf *out, const char *key, const char *value,
                             size_t len) {
    OK(pqf_kv_put(out, pqf_bytes_of(key, strlen(key)), pqf_bytes_of(value, len),
                  &test_err));
}

static inline void put_field(pqf_buf *out, const char *path, size_t len) {
    char count[8];
    size_t names = 1;
    for (size_t i = 0; i < len; i++)
        names += path[i] == '.';
    sprintf(count, "%zu", names);
    if (names > 1) put_entry(out, "nested_field_ref", count, strlen(count));
    for (const char *end = path + len; path < end; path += strcspn(path, ". )") + 1)
        put_entry(out, "field_ref", path, strcspn(path, ". )"));
}

static inline void put_tree(pqf_buf *out, const char *text) {
    const char *names[1024] = {""};
    size_t lens[1024] = {0}, depth = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p + (*p == '('), " ()");
        if (*p == ' ') {
            p++;
        } else if (*p == '(') {
            names[depth] = ++p;
            lens[depth++] = n;
            put_entry(out, "call", p, n);
            p += n;
        } else if (*p == ')') {
            depth -= depth > 0; /* texts of damaged forms close too often */
            put_entry(out, "end", names[depth], lens[depth]);
            p++;
        } else {
            if (*p == '#' || *p == '@')
                put_entry(out, *p == '#' ? "literal" : "options", p + 1, n - 1);
            else
                put_field(out, p, n);
            p += n;
        }
    }
}

/* type NULL: a batch without columns. */
static inline pqf_status try_predicate(const char *tree, const char *type,
                                       const char *values, pqf_predicate **out) {
    built b = build(test_mem, type ? type : "+s()", values ? values : "{}");
    pqf_buf metadata = {.mem = test_mem};
    put_tree(&metadata, tree);
    if (metadata.len)
        OK(pqf_schema_set_metadata(&b.schema, (const char *)metadata.data, &test_err));
    pqf_error_init(&test_err);
    pqf_status status = pqf_predicate_new(&b.schema, &b.array, out, &test_err);
    pqf_buf_reset(&metadata);
    build_free(&b);
    return status;
}

static inline pqf_predicate *predicate(const char *tree, const char *type,
                                       const char *values) {
    pqf_predicate *p = NULL;
    if (try_predicate(tree, type, values, &p) != PQF_OK) fail_with_text(tree);
    return p;
}

#endif
