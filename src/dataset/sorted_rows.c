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

/* ---- gathering, column by column ---- */

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
        const pqf_view *column = &view->children[c];
        TRY_DONE(pqf_array_gather(column, rows, n, mem, &out->columns[c], err));
        TRY_DONE(pqf_view_init(&out->view.children[c], column->schema, &out->columns[c],
                               false, &out->arena, err));
    }
done:
    if (status != PQF_OK) pqf_gathered_reset(out);
    return status;
}
