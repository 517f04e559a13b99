/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_pages.c: which rows of a row group may satisfy a predicate. In: the page indexes of the columns
 * that it reads. Out: ranges of rows.
 *
 *   pages of a    |-------|-------|-------|
 *   pages of b    |-----|-----|-----|-----|
 *   stretches     |-----|-|---|---|-|-----|     the predicate is judged once for each
 *   ranges              [.....]     [.....]     those that may match, joined where they touch
 *
 * Columns without an index have the bounds of their chunk throughout.
 */
#include "inner.h"

typedef struct page_column {
    const pqf_leaf *leaf;
    pqf_page_index index;
} page_column;

typedef struct page_plan {
    pqf_row_group_ranges group;
    page_column *columns;
    int64_t num_columns;
    int64_t row; /* first one of the stretch */
} page_plan;

/* ---- the indexes ---- */

static bool is_known(const page_plan *plan, const pqf_leaf *leaf) {
    for (int64_t i = 0; i < plan->num_columns; i++)
        if (plan->columns[i].leaf == leaf) return true;
    return false;
}

static void add_column(page_plan *plan, const pqf_column_path *path, pqf_arena *arena) {
    const pqf_reader *reader = plan->group.reader;
    const pqf_metadata *metadata = pqf_reader_metadata(reader);
    const pqf_field *field = pqf_plan_field(reader, path->names, path->num_names);
    page_column *column = &plan->columns[plan->num_columns];
    pqf_error ignored;
    pqf_chunk chunk;
    pqf_error_init(&ignored);
    if (!field || field->kind != PQF_FIELD_LEAF || field->leaf->max_rep > 0 ||
        is_known(plan, field->leaf))
        return;
    if (pqf_metadata_chunk(metadata, plan->group.row_group, field->leaf->index, &chunk,
                           &ignored) != PQF_OK)
        return;
    column->leaf = field->leaf;
    if (pqf_page_index_read(metadata, plan->group.row_group, &chunk,
                            pqf_reader_source(reader), arena, &column->index) &&
        column->index.has_columns)
        plan->num_columns++;
}

static pqf_status read_indexes(page_plan *plan, const pqf_predicate *predicate,
                               pqf_arena *arena, pqf_error *err) {
    void *block;
    int64_t n = 0;
    while (pqf_predicate_path(predicate, n))
        n++;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(page_column), &block, err));
    plan->columns = block;
    for (int64_t i = 0; i < n; i++)
        add_column(plan, pqf_predicate_path(predicate, i), arena);
    return PQF_OK;
}

/* ---- judging a stretch ---- */

static bool range_of_stretch(void *context, const char *const *path, int32_t depth,
                             pqf_range *out) {
    const page_plan *plan = context;
    const pqf_row_group_ranges *g = &plan->group;
    const pqf_field *field = pqf_plan_field(g->reader, path, depth);
    for (int64_t i = 0; field && i < plan->num_columns; i++) {
        const page_column *c = &plan->columns[i];
        pqf_bounds bounds;
        if (field->kind != PQF_FIELD_LEAF || c->leaf != field->leaf) continue;
        if (g->others && g->others(g->context, path, depth, out)) return true;
        pqf_bounds_of_page(pqf_reader_metadata(g->reader), c->leaf, &c->index,
                           pqf_page_index_find(&c->index, plan->row), &bounds);
        pqf_range_of_bounds(field, &bounds, out);
        return true;
    }
    return pqf_plan_range(&plan->group, path, depth, out);
}

/* ---- stretches ---- */

static int compare_rows(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* First rows of all pages, and behind them the number of rows; some more than once. */
static pqf_status find_stretches(const page_plan *plan, pqf_arena *arena, int64_t **out,
                                 int64_t *num, pqf_error *err) {
    void *block;
    int64_t n = 1;
    for (int64_t i = 0; i < plan->num_columns; i++)
        n += plan->columns[i].index.num_pages;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(int64_t), &block, err));
    *out = block;
    *num = 0;
    for (int64_t i = 0; i < plan->num_columns; i++)
        for (int32_t p = 0; p < plan->columns[i].index.num_pages; p++)
            (*out)[(*num)++] = pqf_page_index_first_row(&plan->columns[i].index, p);
    (*out)[(*num)++] = plan->columns[0].index.num_rows;
    qsort(*out, (size_t)*num, sizeof(int64_t), compare_rows);
    return PQF_OK;
}

static void keep(pqf_rows *rows, int64_t start, int64_t end) {
    bool touches = rows->num_ranges && rows->ranges[rows->num_ranges - 1].end == start;
    if (touches)
        rows->ranges[rows->num_ranges - 1].end = end;
    else
        rows->ranges[rows->num_ranges++] = (pqf_row_range){start, end};
    rows->num_rows += end - start;
}

static pqf_status judge_stretches(page_plan *plan, const pqf_predicate *predicate,
                                  pqf_run *run, pqf_arena *arena, pqf_rows *out,
                                  pqf_error *err) {
    int64_t *starts, num;
    void *block;
    TRY(find_stretches(plan, arena, &starts, &num, err));
    TRY(pqf_arena_array(arena, (size_t)num, sizeof(pqf_row_range), &block, err));
    out->ranges = block;
    for (int64_t i = 0; i + 1 < num; i++) {
        if (starts[i] == starts[i + 1]) continue;
        if (i % 1024 == 0) TRY(pqf_run_poll(run, 0, err));
        plan->row = starts[i];
        if (pqf_predicate_may_match(predicate, range_of_stretch, plan))
            keep(out, starts[i], starts[i + 1]);
    }
    return PQF_OK;
}

pqf_status pqf_plan_rows(const pqf_row_group_ranges *group,
                         const pqf_predicate *predicate, pqf_run *run, pqf_arena *arena,
                         pqf_rows *out, pqf_error *err) {
    int64_t num_rows =
        pqf_reader_metadata(group->reader)->file.row_groups[group->row_group].num_rows;
    page_plan plan = {.group = *group};
    *out = (pqf_rows){.num_rows = num_rows};
    if (!predicate) return PQF_OK;
    TRY(read_indexes(&plan, predicate, arena, err));
    if (!plan.num_columns) return PQF_OK;
    out->num_rows = 0;
    TRY(judge_stretches(&plan, predicate, run, arena, out, err));
    if (out->num_rows == num_rows) out->ranges = NULL; /* all of them */
    return PQF_OK;
}
