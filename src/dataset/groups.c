/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.c: which partition a row belongs to. Per partition column the distinct values of
 * a batch get local codes, each distinct value is printed once, and its text gets a code
 * that lasts; the tuple of those codes is the group. Equal texts are one partition,
 * whatever bytes they came from (NaNs).
 */
#include "inner.h"

/* Rows per step: codes stay in cache. */
#define STEP_ROWS 4096

typedef struct column_state {
    const char *name;
    pqf_dict_builder *texts; /* code: 0-based; null is NULL_CODE */
} column_state;

#define NULL_CODE UINT32_MAX

struct pqf_groups {
    pqf_mem *mem;
    pqf_arena arena;
    column_state *columns;
    int32_t num_columns;
    pqf_dict_builder *tuples;
    pqf_buf folders; /* const char *[], by group */
    pqf_buf codes;   /* scratch: num_columns per row */
};

pqf_status pqf_groups_new(const char *const *names, int32_t num_columns, pqf_mem *mem,
                          pqf_groups **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_groups), &block, err));
    pqf_groups *g = block;
    pqf_status status = PQF_OK;
    g->mem = mem;
    pqf_arena_init(&g->arena, mem);
    pqf_buf_init(&g->folders, mem, 0);
    pqf_buf_init(&g->codes, mem, 0);
    TRY_DONE(pqf_arena_array(&g->arena, (size_t)num_columns, sizeof(column_state), &block,
                             err));
    g->columns = block;
    g->num_columns = num_columns;
    for (int32_t k = 0; k < num_columns; k++) {
        g->columns[k].name = names[k];
        TRY_DONE(pqf_dict_builder_new(PQF_BINARY, 0, mem, &g->columns[k].texts, err));
    }
    TRY_DONE(pqf_dict_builder_new(PQF_FIXED, 4 * num_columns, mem, &g->tuples, err));
    *out = g;
done:
    if (status != PQF_OK) pqf_groups_free(g);
    return status;
}

void pqf_groups_free(pqf_groups *g) {
    if (!g) return;
    for (int32_t k = 0; k < g->num_columns; k++)
        pqf_dict_builder_free(g->columns[k].texts);
    pqf_dict_builder_free(g->tuples);
    pqf_buf_reset(&g->folders);
    pqf_buf_reset(&g->codes);
    pqf_arena_reset(&g->arena);
    pqf_mem_free(g->mem, g, sizeof *g);
}

/* ---- one column ---- */

/* The lasting code of the value in slot i. */
static pqf_status code_of_slot(column_state *c, const pqf_view *view, int64_t i,
                               pqf_buf *text, uint32_t *code, pqf_error *err) {
    int64_t taken;
    text->len = 0;
    TRY(pqf_value_text(view, i, text, err));
    pqf_slice slice = {text->data, (uint32_t)text->len, (uint32_t)text->len};
    return pqf_dict_put_binary(c->texts, &slice, 1, SIZE_MAX, code, &taken, err);
}

/* Local codes of the valid slots among n rows from `start`: equal bytes, equal code.
 * `first` lists a row for each local code. */
typedef struct local_codes {
    pqf_dict_builder *distinct;
    pqf_buf lasting; /* uint32_t, by local code */
    pqf_buf text;
} local_codes;

/* Any valid slot as bytes that tell its value from others of its column. */
static pqf_bytes key_of_slot(const pqf_view *view, int64_t i) {
    static const uint8_t bools[2] = {0, 1};
    (void)pqf_view_resolve(&view, &i);
    if (view->type.shape != PQF_SHAPE_BITS) return pqf_view_bytes(view, i);
    return pqf_bytes_of(&bools[pqf_bit_get(view->values, view->offset + i)], 1);
}

static pqf_status code_of_row(column_state *c, const pqf_view *view, int64_t i,
                              local_codes *local, uint32_t *out, pqf_error *err) {
    pqf_bytes key = key_of_slot(view, i);
    if (key.len > INT32_MAX)
        return pqf_fail(err, PQF_INVALID, "a value of %zu bytes cannot name a folder",
                        key.len);
    pqf_slice slice = {key.data, (uint32_t)key.len, (uint32_t)key.len};
    uint32_t code;
    int64_t taken, before = pqf_dict_num_values(local->distinct);
    TRY(pqf_dict_put_binary(local->distinct, &slice, 1, SIZE_MAX, &code, &taken, err));
    if (pqf_dict_num_values(local->distinct) > before) {
        uint32_t lasting;
        TRY(code_of_slot(c, view, i, &local->text, &lasting, err));
        TRY(pqf_buf_put_u32(&local->lasting, lasting, err));
    }
    *out = ((const uint32_t *)(const void *)local->lasting.data)[code];
    return PQF_OK;
}

static bool same_as_before(const pqf_view *view, int64_t i) {
    pqf_bytes a = key_of_slot(view, i - 1), b = key_of_slot(view, i);
    return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

static bool slot_is_null(const pqf_view *view, int64_t i) {
    return !pqf_view_resolve(&view, &i);
}

/* ---- words: values or indexes of up to 8 bytes ---- */

#define RECENT_BITS 8

/* The code that a word had when it was met last. */
typedef struct recent {
    uint64_t word;
    uint32_t code;
    bool used;
} recent;

static bool has_words(const pqf_view *view) {
    int32_t width = view->type.byte_width;
    return view->type.shape == PQF_SHAPE_FIXED &&
           (width == 1 || width == 2 || width == 4 || width == 8);
}

/* As put_column; a word that is not among the recent ones goes the long way. */
static inline __attribute__((always_inline)) pqf_status
put_words(column_state *c, const pqf_view *view, int64_t start, int64_t n, size_t width,
          local_codes *local, uint32_t *codes, int32_t step, pqf_error *err) {
    recent table[1 << RECENT_BITS] = {{0}};
    const uint8_t *words =
        (const uint8_t *)view->values + (size_t)(view->offset + start) * width;
    for (int64_t i = 0; i < n; i++, codes += step, words += width) {
        uint64_t word = 0;
        if (view->validity && !pqf_view_is_valid(view, start + i)) {
            *codes = NULL_CODE;
            continue;
        }
        memcpy(&word, words, width);
        recent *r = &table[word * UINT64_C(0x9E3779B97F4A7C15) >> (64 - RECENT_BITS)];
        if (!r->used || r->word != word) {
            *r = (recent){word, NULL_CODE, true};
            if (!slot_is_null(view, start + i)) /* an index may lead to null */
                TRY(code_of_row(c, view, start + i, local, &r->code, err));
        }
        *codes = r->code;
    }
    return PQF_OK;
}

static pqf_status put_words_of(column_state *c, const pqf_view *view, int64_t start,
                               int64_t n, local_codes *local, uint32_t *codes,
                               int32_t step, pqf_error *err) {
    switch (view->type.byte_width) {
    case 1: return put_words(c, view, start, n, 1, local, codes, step, err);
    case 2: return put_words(c, view, start, n, 2, local, codes, step, err);
    case 4: return put_words(c, view, start, n, 4, local, codes, step, err);
    default: return put_words(c, view, start, n, 8, local, codes, step, err);
    }
}

/* ---- a column ---- */

/* Writes the lasting codes of one column into every num_columns-th element of `codes`. */
static pqf_status put_column(pqf_groups *g, int32_t k, const pqf_view *view,
                             int64_t start, int64_t n, uint32_t *codes, pqf_error *err) {
    local_codes local = {.lasting = {.mem = g->mem}, .text = {.mem = g->mem}};
    pqf_status status = PQF_OK;
    bool before = false; /* the row before was a value */
    TRY(pqf_dict_builder_new(PQF_BINARY, 0, g->mem, &local.distinct, err));
    TRY_DONE(pqf_buf_reserve(&local.text, 1, err));
    if (has_words(view))
        TRY_DONE(put_words_of(&g->columns[k], view, start, n, &local, codes + k,
                              g->num_columns, err));
    for (int64_t i = 0; i < n && !has_words(view); i++) {
        uint32_t *code = &codes[i * g->num_columns + k];
        bool is_value = !slot_is_null(view, start + i);
        if (!is_value)
            *code = NULL_CODE;
        else if (before && same_as_before(view, start + i))
            *code = code[-g->num_columns];
        else
            TRY_DONE(code_of_row(&g->columns[k], view, start + i, &local, code, err));
        before = is_value;
    }
done:
    pqf_dict_builder_free(local.distinct);
    pqf_buf_reset(&local.lasting);
    pqf_buf_reset(&local.text);
    return status == PQF_OK ? status : pqf_error_at_column(err, g->columns[k].name);
}

/* ---- groups ---- */

static pqf_status add_folder(pqf_groups *g, const uint32_t *tuple, pqf_error *err) {
    pqf_buf path = {.mem = g->mem};
    pqf_status status = PQF_OK;
    const char *kept;
    for (int32_t k = 0; k < g->num_columns; k++) {
        pqf_bytes text = pqf_bytes_of(PQF_HIVE_NULL, strlen(PQF_HIVE_NULL));
        if (tuple[k] != NULL_CODE) text = pqf_dict_value(g->columns[k].texts, tuple[k]);
        if (k) TRY_DONE(pqf_buf_put_u8(&path, '/', err));
        TRY_DONE(pqf_hive_folder(g->columns[k].name, text, &path, err));
    }
    TRY_DONE(pqf_arena_string(&g->arena, pqf_buf_view(&path), &kept, err));
    TRY_DONE(pqf_buf_put(&g->folders, &kept, sizeof kept, err));
done:
    pqf_buf_reset(&path);
    return status;
}

static pqf_status put_tuples(pqf_groups *g, const uint32_t *codes, int64_t n,
                             uint32_t *out, pqf_error *err) {
    for (int64_t i = 0; i < n; i += STEP_ROWS) {
        int64_t taken, step = pqf_min_i64(STEP_ROWS, n - i);
        TRY(pqf_dict_put_fixed(g->tuples, codes + i * g->num_columns, step, SIZE_MAX,
                               out + i, &taken, err));
    }
    for (int64_t t = pqf_groups_count(g); t < pqf_dict_num_values(g->tuples); t++)
        TRY(add_folder(
            g, (const uint32_t *)(const void *)pqf_dict_value(g->tuples, t).data, err));
    return PQF_OK;
}

pqf_status pqf_groups_put(pqf_groups *g, const pqf_view *const *columns, int64_t start,
                          int64_t num_rows, uint32_t *group_of_row, pqf_error *err) {
    size_t bytes;
    if (!pqf_mul_size((size_t)num_rows, 4 * (size_t)g->num_columns, &bytes))
        return pqf_fail(err, PQF_LIMIT, "a batch of %lld rows is too large",
                        (long long)num_rows);
    g->codes.len = 0;
    TRY(pqf_buf_reserve(&g->codes, bytes, err));
    uint32_t *codes = (uint32_t *)(void *)g->codes.data;
    for (int32_t k = 0; k < g->num_columns; k++)
        TRY(put_column(g, k, columns[k], start, num_rows, codes, err));
    return put_tuples(g, codes, num_rows, group_of_row, err);
}

int64_t pqf_groups_count(const pqf_groups *g) {
    return (int64_t)(g->folders.len / sizeof(char *));
}

const char *pqf_groups_folder(const pqf_groups *g, int64_t group) {
    return ((const char *const *)(const void *)g->folders.data)[group];
}
