/* SPDX-License-Identifier: Apache-2.0
 *
 * format_test.h: what the tests of the format room share: one memory, one error, a random
 * sequence with a printed seed, and footers made of rows of text.
 */
#ifndef PQF_FORMAT_TEST_H
#define PQF_FORMAT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arrow/arrow.h"
#include "format/format.h"

static pqf_mem *mem;
static pqf_error err;

static inline int set_up(void **state) {
    (void)state;
    pqf_error_init(&err);
    return pqf_mem_new(0, &mem, &err) == PQF_OK ? 0 : -1;
}

/* Every test gives back what it took. */
static inline int tear_down(void **state) {
    (void)state;
    int64_t used = pqf_mem_used(mem);
    pqf_mem_release(mem);
    if (used) print_error("%lld bytes were not given back\n", (long long)used);
    return used ? -1 : 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define assert_ok(expr)                                                                  \
    do {                                                                                 \
        pqf_error_init(&err);                                                            \
        pqf_status ok_status_ = (expr);                                                  \
        if (ok_status_ != PQF_OK) fail_msg("%s: %s", #expr, err.message);                \
    } while (0)

/* The call fails with this status and its message holds the text. */
#define assert_fails(expr, kind, text)                                                   \
    do {                                                                                 \
        pqf_error_init(&err);                                                            \
        assert_int_equal((expr), (kind));                                                \
        assert_int_equal(err.status, (kind));                                            \
        if (!strstr(err.message, text))                                                  \
            fail_msg("\"%s\" lacks \"%s\"", err.message, text);                          \
    } while (0)

/* xorshift64*: the seed stands in the failure's text. */
static uint64_t random_state;
static inline void random_seed(uint64_t seed) {
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
}
static inline uint64_t random_u64(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545F4914F6CDD1D);
}
static inline uint32_t random_below(uint32_t n) {
    return (uint32_t)(random_u64() >> 33) % n;
}

/* One SchemaElement. type -1: a group. converted -1: none. */
typedef struct row {
    const char *name;
    int repetition;
    int type;
    int num_children;
    int converted;
    pqf_logical_type *logical;
    int type_length;
    int precision;
    int scale;
    int field_id; /* 0: none */
} row;

#define MAX_ROWS 128

/* The elements of a footer: `schema` with num_top children, then the rows. */
static inline int fill_elements(const row *rows, int n, int num_top,
                                pqf_schema_element *out) {
    memset(out, 0, sizeof *out * (size_t)(n + 1));
    out[0].name = pqf_bytes_of("schema", 6);
    out[0].has_num_children = true;
    out[0].num_children = num_top;
    for (int i = 0; i < n; i++) {
        pqf_schema_element *e = &out[i + 1];
        e->name = pqf_bytes_of(rows[i].name, strlen(rows[i].name));
        e->has_repetition_type = true;
        e->repetition_type = rows[i].repetition;
        e->has_type = rows[i].type >= 0;
        e->type = rows[i].type >= 0 ? rows[i].type : 0;
        e->has_num_children = rows[i].num_children > 0;
        e->num_children = rows[i].num_children;
        e->has_converted_type = rows[i].converted >= 0;
        e->converted_type = rows[i].converted >= 0 ? rows[i].converted : 0;
        e->logical_type = rows[i].logical;
        e->has_type_length = rows[i].type_length > 0;
        e->type_length = rows[i].type_length;
        e->has_precision = e->has_scale = rows[i].precision > 0;
        e->precision = rows[i].precision;
        e->scale = rows[i].scale;
        e->has_field_id = rows[i].field_id > 0;
        e->field_id = rows[i].field_id;
    }
    return n + 1;
}

/* The Thrift bytes of a footer, parsed as those of a file of file_bytes bytes. */
static inline pqf_status parse_file(const pqf_file_metadata *file, int64_t file_bytes,
                                    pqf_metadata **out) {
    pqf_buf buf;
    pqf_buf_init(&buf, mem, 0);
    pqf_status status = pqf_thrift_write(&pqf_file_metadata_thrift, file, &buf, &err);
    int64_t total = file_bytes ? file_bytes : (int64_t)buf.len + 12;
    if (status == PQF_OK)
        status = pqf_metadata_parse(pqf_buf_view(&buf), total, NULL, mem, out, &err);
    pqf_buf_reset(&buf);
    return status;
}

static inline pqf_status parse_rows(const row *rows, int n, int num_top,
                                    pqf_metadata **out) {
    pqf_schema_element elements[MAX_ROWS];
    pqf_file_metadata file = {.version = 2, .schema = elements};
    file.num_schema = fill_elements(rows, n, num_top, elements);
    return parse_file(&file, 0, out);
}

#endif
