/* SPDX-License-Identifier: Apache-2.0
 *
 * sorting.c: rows that are said to be sorted are. A file whose sorting_columns are wrong gives wrong
 * rows to readers that rely on them, so each row is compared with the one before it in its row group.
 *
 * Nulls stand where nulls_first says. Where NaN belong is not agreed on: they may stand with the
 * nulls, as pyarrow sorts, or count as greater than every number; one of both must hold throughout.
 */
#include "inner.h"

typedef struct sort_column {
    const pqf_field *field; /* the leaf */
    int32_t top;            /* its top-level column */
    pqf_scalar last;
    pqf_buf bytes; /* of last */
} sort_column;

typedef struct pqf_sorting_check {
    sort_column *columns;
    bool broken[2]; /* NaN with the nulls, NaN greatest */
    bool has_last;
} pqf_sorting_check;

pqf_status pqf_sorting_check_new(pqf_group_writer *w, pqf_arena *arena, pqf_error *err) {
    void *block;
    if (!w->num_sorting) return PQF_OK;
    TRY(pqf_arena_array(arena, 1, sizeof(pqf_sorting_check), &block, err));
    w->sorting_check = block;
    TRY(pqf_arena_array(arena, (size_t)w->num_sorting, sizeof(sort_column), &block, err));
    w->sorting_check->columns = block;
    for (int64_t i = 0; i < w->num_sorting; i++) {
        sort_column *c = &w->sorting_check->columns[i];
        const pqf_field *top = c->field = w->schema->leaf_fields[w->sorting[i].leaf];
        while (top->parent)
            top = top->parent;
        c->top = (int32_t)(top - w->schema->fields);
        pqf_buf_init(&c->bytes, w->mem, 0);
    }
    return PQF_OK;
}

void pqf_sorting_check_free(pqf_group_writer *w) {
    for (int64_t i = 0; w->sorting_check && i < w->num_sorting; i++)
        pqf_buf_reset(&w->sorting_check->columns[i].bytes);
}

/* ---- values ---- */

/* The leaf's value in a row of the column: down the structs, null where one of them is. Neither lists
 * nor maps are on the way: see check_sorting in options.c. */
static pqf_scalar value_of(const pqf_view *view, const pqf_field *field,
                           const pqf_field *leaf, int64_t row) {
    while (field != leaf) {
        if (!pqf_view_resolve(&view, &row)) return (pqf_scalar){.is_null = true};
        int32_t child = 0;
        const pqf_field *below = leaf;
        while (below->parent != field)
            below = below->parent;
        child = (int32_t)(below - field->children);
        row += view->offset;
        view = &view->children[child];
        field = below;
    }
    return pqf_scalar_of_view(view, row);
}

static pqf_status keep(sort_column *c, const pqf_scalar *value, pqf_error *err) {
    c->last = *value;
    if (value->class != PQF_CLASS_BYTES) return PQF_OK;
    c->bytes.len = 0;
    TRY(pqf_buf_put(&c->bytes, value->s.data, value->s.len, err));
    c->last.s = pqf_buf_view(&c->bytes);
    return PQF_OK;
}

/* ---- order ---- */

static bool is_nan(const pqf_scalar *s) {
    return s->class == PQF_CLASS_FLOAT && s->f != s->f;
}

/* Above zero: a belongs behind b. */
static int order_of(const pqf_sorting *sorting, const pqf_scalar *a, const pqf_scalar *b,
                    bool nan_is_greatest) {
    int first = sorting->nulls_first ? -1 : 1;
    int up = sorting->descending ? -1 : 1;
    int of_nan = nan_is_greatest ? up : first;
    if (a->is_null || b->is_null) return first * (a->is_null - b->is_null);
    if (is_nan(a) || is_nan(b)) return of_nan * (is_nan(a) - is_nan(b));
    return up * pqf_scalar_compare(a, b);
}

typedef struct sorted_row {
    pqf_group_writer *w;
    const pqf_view *batch;
    int64_t row;
} sorted_row;

static pqf_scalar value_in(const sorted_row *r, const sort_column *c) {
    const pqf_field *top = &r->w->schema->fields[c->top];
    return value_of(&r->batch->children[c->top], top, c->field, r->row);
}

static pqf_status check_judged(const sort_column *c, const pqf_scalar *value,
                               pqf_error *err) {
    if (value->is_null || value->class != PQF_CLASS_NONE) return PQF_OK;
    char text[128];
    pqf_node_text(c->field->leaf->node, text, sizeof text);
    return pqf_fail(
        err, PQF_UNSUPPORTED,
        "sorting_columns names the column '%s' of type %s, whose order is not "
        "checked",
        c->field->leaf->path, text);
}

/* Notes which of the two orders the row breaks, and keeps its values. */
static pqf_status take_row(const sorted_row *r, pqf_error *err) {
    pqf_sorting_check *check = r->w->sorting_check;
    int order[2] = {0, 0};
    for (int64_t i = 0; i < r->w->num_sorting; i++) {
        sort_column *c = &check->columns[i];
        pqf_scalar value = value_in(r, c);
        TRY(check_judged(c, &value, err));
        for (int k = 0; k < 2 && check->has_last; k++)
            if (!order[k])
                order[k] = order_of(&r->w->sorting[i], &c->last, &value, k == 1);
        TRY(keep(c, &value, err));
    }
    check->has_last = true;
    for (int k = 0; k < 2; k++)
        check->broken[k] |= order[k] > 0;
    return PQF_OK;
}

pqf_status pqf_sorting_check_rows(pqf_group_writer *w, const pqf_view *batch,
                                  int64_t start, int64_t num_rows, pqf_error *err) {
    pqf_sorting_check *check = w->sorting_check;
    if (!w->num_rows) check->has_last = check->broken[0] = check->broken[1] = false;
    for (int64_t i = 0; i < num_rows; i++) {
        const sorted_row row = {w, batch, batch->offset + start + i};
        TRY(take_row(&row, err));
        if (check->broken[0] && check->broken[1])
            return pqf_fail(
                err, PQF_INVALID,
                "the rows are not in the order that sorting_columns names: row "
                "%lld belongs before the one before it",
                (long long)(w->total_rows + w->num_rows + i));
        if (i % 1024 == 0) TRY(pqf_run_poll(w->run, 0, err));
    }
    return PQF_OK;
}
