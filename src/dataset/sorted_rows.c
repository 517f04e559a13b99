/* SPDX-License-Identifier: Apache-2.0
 *
 * sorted_rows.c: which rows of a batch belong to which partition, in their order, and the
 * gathering of such rows into arrays of their own.
 */
#include "writing.h"

pqf_status pqf_sorted_rows_group(pqf_sorted_rows *s, const pqf_partition_schema *schema,
                                 const pqf_view *batch, pqf_groups *groups,
                                 pqf_arena *arena, pqf_error *err) {
    void *block;
    *s = (pqf_sorted_rows){0};
    TRY(pqf_partition_schema_view(schema, batch, arena, &s->view, err));
    TRY(pqf_arena_array(arena, (size_t)batch->length, sizeof(uint32_t), &block, err));
    s->group_of_row = block;
    TRY(pqf_arena_array(arena, (size_t)schema->num_partitions, sizeof(pqf_view *), &block,
                        err));
    const pqf_view **columns = block;
    for (int32_t k = 0; k < schema->num_partitions; k++)
        columns[k] = &batch->children[schema->partition_columns[k]];
    return pqf_groups_put(groups, columns, batch->offset, batch->length, s->group_of_row,
                          err);
}

pqf_status pqf_sorted_rows_sort(pqf_sorted_rows *s, int64_t num_groups, pqf_arena *arena,
                                pqf_error *err) {
    void *block;
    int64_t num_rows = s->view.length;
    TRY(pqf_arena_array(arena, (size_t)num_groups + 2, sizeof(int64_t), &block, err));
    s->first = block;
    TRY(pqf_arena_array(arena, (size_t)num_groups, sizeof(int64_t), &block, err));
    s->present = block;
    TRY(pqf_arena_array(arena, (size_t)num_rows, sizeof(int64_t), &block, err));
    s->rows = block;
    int64_t *place = s->first + 1; /* ends up shifted by one group */
    for (int64_t i = 0; i < num_rows; i++)
        place[s->group_of_row[i] + 1]++;
    for (int64_t g = 0; g < num_groups; g++) {
        if (place[g + 1]) s->present[s->num_present++] = g;
        place[g + 1] += place[g];
    }
    for (int64_t i = 0; i < num_rows; i++)
        s->rows[place[s->group_of_row[i]]++] = s->view.offset + i;
    return PQF_OK;
}

/* ---- dictionaries ---- */

bool pqf_keeps_dictionary(const pqf_view *column) {
    return column->dictionary && column->dictionary->length <= PQF_KEPT_VALUES;
}

bool pqf_goes_as_it_is(const pqf_view *rows) {
    for (int64_t c = 0; c < rows->num_children; c++)
        if (rows->children[c].dictionary && !pqf_keeps_dictionary(&rows->children[c]))
            return false;
    return true;
}

/* The indexes are gathered; the dictionary is that of the batch. */
static pqf_status gather_indexes(const pqf_view *column, const int64_t *rows, int64_t n,
                                 pqf_mem *mem, struct ArrowArray *array, pqf_view *out,
                                 pqf_error *err) {
    pqf_view indexes = *column;
    indexes.dictionary = NULL;
    TRY(pqf_array_gather(&indexes, rows, n, mem, array, err));
    *out = *column;
    out->array = array;
    out->length = n;
    out->offset = 0;
    out->null_count = array->null_count;
    out->validity = array->buffers[0];
    out->values = array->buffers[1];
    return PQF_OK;
}

/* Positions in the dictionary of n rows, -1 for null. */
static void resolve_rows(const pqf_view *column, const int64_t *rows, int64_t n,
                         int64_t *out) {
    for (int64_t i = 0; i < n; i++) {
        const pqf_view *view = column;
        out[i] = rows[i];
        if (!pqf_view_resolve(&view, &out[i])) out[i] = -1;
    }
}

static pqf_status gather_values(const pqf_view *column, const int64_t *rows, int64_t n,
                                pqf_mem *mem, struct ArrowArray *array, pqf_arena *arena,
                                pqf_view *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(int64_t), &block, err));
    resolve_rows(column, rows, n, block);
    TRY(pqf_array_gather(column->dictionary, block, n, mem, array, err));
    return pqf_view_init(out, column->dictionary->schema, array, false, arena, err);
}

/* ---- gathering, column by column ---- */

static pqf_status gather_column(const pqf_view *column, const int64_t *rows, int64_t n,
                                pqf_mem *mem, struct ArrowArray *array, pqf_arena *arena,
                                pqf_view *out, pqf_error *err) {
    if (pqf_keeps_dictionary(column))
        return gather_indexes(column, rows, n, mem, array, out, err);
    if (column->dictionary)
        return gather_values(column, rows, n, mem, array, arena, out, err);
    TRY(pqf_array_gather(column, rows, n, mem, array, err));
    return pqf_view_init(out, column->schema, array, false, arena, err);
}

void pqf_gathered_reset(pqf_gathered *g) {
    for (int64_t c = 0; g->columns && c < g->view.num_children; c++)
        pqf_array_release(&g->columns[c]);
    pqf_arena_reset(&g->arena);
}

pqf_status pqf_gathered_init(pqf_gathered *out, const pqf_view *view, const int64_t *rows,
                             int64_t n, pqf_mem *mem, pqf_error *err) {
    pqf_status status = PQF_OK;
    size_t num_columns = (size_t)view->num_children;
    void *block;
    *out = (pqf_gathered){.view = *view};
    out->view.length = n;
    out->view.offset = 0;
    pqf_arena_init(&out->arena, mem);
    TRY_DONE(pqf_arena_array(&out->arena, num_columns, sizeof(pqf_view), &block, err));
    out->view.children = block;
    TRY_DONE(pqf_arena_array(&out->arena, num_columns, sizeof(struct ArrowArray), &block,
                             err));
    out->columns = block;
    for (size_t c = 0; c < num_columns; c++) {
        TRY_DONE(gather_column(&view->children[c], rows, n, mem, &out->columns[c],
                               &out->arena, &out->view.children[c], err));
    }
done:
    if (status != PQF_OK) pqf_gathered_reset(out);
    return status;
}
