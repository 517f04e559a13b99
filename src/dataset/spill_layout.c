/* SPDX-License-Identifier: Apache-2.0
 *
 * spill_layout.c: in which form rows are set aside. Columns go as plain values, but a column that
 * comes with a small dictionary goes as indexes, and the dictionary is kept here, so that the
 * files get the same categories as without a detour. Batches with the same dictionaries share one
 * layout; there are few, and where a call brings more its dictionaries go as values.
 */
#include "writing.h"

/* ---- equal dictionaries ---- */

static bool same_values(const pqf_view *a, const pqf_view *b) {
    if (a->type.id != b->type.id || a->length != b->length) return false;
    if (a->type.shape == PQF_SHAPE_NONE || a->num_children) return false;
    for (int64_t i = 0; i < a->length; i++) {
        bool valid = pqf_view_is_valid(a, i);
        if (valid != pqf_view_is_valid(b, i)) return false;
        if (!valid) continue;
        pqf_bytes x = pqf_view_bytes(a, i), y = pqf_view_bytes(b, i);
        if (x.len != y.len || memcmp(x.data, y.data, x.len)) return false;
    }
    return true;
}

static bool goes_as_indexes(const pqf_view *column) {
    return pqf_keeps_dictionary(column) &&
           (column->dictionary->type.shape == PQF_SHAPE_FIXED ||
            column->dictionary->type.shape == PQF_SHAPE_BINARY ||
            column->dictionary->type.shape == PQF_SHAPE_LARGE_BINARY);
}

bool pqf_spill_layout_fits(const pqf_spill_layout *l, const pqf_view *rows) {
    for (int64_t c = 0; c < rows->num_children; c++) {
        const pqf_view *column = &rows->children[c], *kept = &l->dictionaries[c];
        if (!l->arrays[c].release) {
            if (!l->all_values && goes_as_indexes(column)) return false;
            continue;
        }
        if (!goes_as_indexes(column) || !same_values(column->dictionary, kept) ||
            strcmp(column->schema->format, l->schema.children[c]->format))
            return false;
    }
    return true;
}

/* ---- made and freed ---- */

static pqf_status keep_dictionary(pqf_spill_layout *l, int64_t c, const pqf_view *column,
                                  pqf_mem *mem, pqf_error *err) {
    int64_t picks[PQF_KEPT_VALUES];
    struct ArrowSchema *field = l->schema.children[c];
    struct ArrowSchema old = *field;
    memset(field, 0, sizeof *field);
    pqf_status status = pqf_schema_init(field, column->schema->format,
                                        column->schema->name, old.flags, 0, err);
    pqf_schema_release(&old);
    TRY(status);
    for (int64_t i = 0; i < column->dictionary->length; i++)
        picks[i] = i;
    TRY(pqf_array_gather(column->dictionary, picks, column->dictionary->length, mem,
                         &l->arrays[c], err));
    TRY(pqf_schema_copy(column->dictionary->schema, &l->types[c], err));
    return pqf_view_init(&l->dictionaries[c], &l->types[c], &l->arrays[c], false,
                         &l->arena, err);
}

static pqf_status init(pqf_spill_layout *l, const struct ArrowSchema *schema,
                       const pqf_view *rows, pqf_mem *mem, pqf_error *err) {
    size_t n = (size_t)schema->n_children;
    void *block;
    TRY(pqf_schema_copy(schema, &l->schema, err));
    TRY(pqf_arena_array(&l->arena, n, sizeof(struct ArrowArray), &block, err));
    l->arrays = block;
    TRY(pqf_arena_array(&l->arena, n, sizeof(struct ArrowSchema), &block, err));
    l->types = block;
    TRY(pqf_arena_array(&l->arena, n, sizeof(pqf_view), &block, err));
    l->dictionaries = block;
    l->num_columns = schema->n_children;
    for (int64_t c = 0; !l->all_values && c < l->num_columns; c++)
        if (goes_as_indexes(&rows->children[c]))
            TRY(keep_dictionary(l, c, &rows->children[c], mem, err));
    return PQF_OK;
}

pqf_status pqf_spill_layout_init(pqf_spill_layout *l, const struct ArrowSchema *schema,
                                 const pqf_view *rows, bool all_values, pqf_mem *mem,
                                 pqf_error *err) {
    *l = (pqf_spill_layout){.arena = {.mem = mem}, .all_values = all_values};
    pqf_status status = init(l, schema, rows, mem, err);
    if (status != PQF_OK) pqf_spill_layout_reset(l);
    return status;
}

void pqf_spill_layout_reset(pqf_spill_layout *l) {
    for (int64_t c = 0; c < l->num_columns; c++) {
        pqf_array_release(&l->arrays[c]);
        pqf_schema_release(&l->types[c]);
    }
    pqf_schema_release(&l->schema);
    pqf_schema_release(&l->plain);
    pqf_arena_reset(&l->arena);
}

/* ---- rows in this form, and back ---- */

pqf_status pqf_spill_layout_view(const pqf_spill_layout *l, const pqf_view *rows,
                                 pqf_arena *arena, pqf_view *out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_array(arena, (size_t)l->num_columns, sizeof(pqf_view), &block, err));
    *out = *rows;
    out->children = block;
    for (int64_t c = 0; c < l->num_columns; c++) {
        out->children[c] = rows->children[c];
        if (l->arrays[c].release) out->children[c].dictionary = NULL;
    }
    return PQF_OK;
}

pqf_status pqf_spill_layout_check(const pqf_spill_layout *l, pqf_view *rows,
                                  pqf_error *err) {
    for (int64_t c = 0; c < l->num_columns; c++) {
        pqf_view *column = &rows->children[c];
        int64_t length = l->dictionaries[c].length;
        size_t width = (size_t)column->type.byte_width;
        if (!l->arrays[c].release) continue;
        for (int64_t i = 0; i < column->length; i++) {
            uint64_t index = 0; /* a negative one becomes too large */
            if (!pqf_view_is_valid(column, i)) continue;
            memcpy(&index, pqf_view_bytes(column, i).data, width);
            if (index >= (uint64_t)length)
                return pqf_fail(err, PQF_CORRUPT, "an index is beyond its dictionary");
        }
        column->dictionary = &l->dictionaries[c];
    }
    return PQF_OK;
}
