/* SPDX-License-Identifier: Apache-2.0
 *
 * spill_layout.c: in which form rows are set aside. Fields go as plain values, but one that
 * comes with a small dictionary goes as indexes, and the dictionary is kept here, so that the
 * files get the same categories as without a detour. Batches with the same dictionaries share one
 * layout; there are few, and where a call brings more than it may its dictionaries go as values.
 */
#include "inner.h"

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

static bool goes_as_indexes(const pqf_view *column, int64_t max_kept) {
    return column->dictionary && column->dictionary->length <= max_kept &&
           (column->dictionary->type.shape == PQF_SHAPE_FIXED ||
            column->dictionary->type.shape == PQF_SHAPE_BINARY ||
            column->dictionary->type.shape == PQF_SHAPE_LARGE_BINARY);
}

/* ---- one field ---- */

/* One per field of the schema. */
typedef struct pqf_kept {
    struct ArrowArray array; /* the dictionary; released: the field goes as values */
    struct ArrowSchema type; /* of it */
    pqf_view dictionary;
    struct pqf_kept *children;
    int64_t num_children; /* 0 where the rows have other children than the schema */
    int64_t num_kept;     /* here and below */
} pqf_kept;

static void reset_field(pqf_kept *k) {
    pqf_array_release(&k->array);
    pqf_schema_release(&k->type);
    for (int64_t i = 0; i < k->num_children; i++)
        reset_field(&k->children[i]);
}

/* Fields below dictionaries and runs are those of their values. */
static bool has_children(const struct ArrowSchema *field, const pqf_view *rows) {
    return !field->dictionary && strcmp(field->format, "+r") != 0 && !rows->dictionary &&
           rows->type.id != PQF_TYPE_RUN_END && rows->num_children == field->n_children;
}

static bool field_fits(const pqf_kept *k, const struct ArrowSchema *field,
                       const pqf_view *rows, int64_t max_kept) {
    if (goes_as_indexes(rows, max_kept))
        return k->array.release && same_values(rows->dictionary, &k->dictionary) &&
               !strcmp(rows->schema->format, field->format);
    if (k->array.release) return false;
    if (!has_children(field, rows)) return !k->num_kept;
    if (!k->num_children) return field->n_children == 0;
    for (int64_t i = 0; i < k->num_children; i++)
        if (!field_fits(&k->children[i], field->children[i], &rows->children[i],
                        max_kept))
            return false;
    return true;
}

static pqf_status copy_values(const pqf_view *values, pqf_mem *mem,
                              struct ArrowArray *out, pqf_error *err) {
    pqf_buf picks = {.mem = mem};
    pqf_status status = PQF_OK;
    for (int64_t i = 0; i < values->length; i++)
        TRY_DONE(pqf_buf_put(&picks, &i, sizeof i, err));
    TRY_DONE(pqf_array_gather(values, (const int64_t *)(const void *)picks.data,
                              values->length, mem, out, err));
done:
    pqf_buf_reset(&picks);
    return status;
}

/* The field becomes that of the indexes. */
static pqf_status keep_dictionary(pqf_spill_layout *l, pqf_kept *k,
                                  struct ArrowSchema *field, const pqf_view *rows,
                                  pqf_error *err) {
    struct ArrowSchema old = *field;
    memset(field, 0, sizeof *field);
    pqf_status status = pqf_schema_init(field, rows->schema->format, rows->schema->name,
                                        old.flags, 0, err);
    pqf_schema_release(&old);
    TRY(status);
    TRY(copy_values(rows->dictionary, l->mem, &k->array, err));
    TRY(pqf_schema_copy(rows->dictionary->schema, &k->type, err));
    k->num_kept = 1;
    return pqf_view_init(&k->dictionary, &k->type, &k->array, false, &l->arena, err);
}

static pqf_status init_field(pqf_spill_layout *l, pqf_kept *k, struct ArrowSchema *field,
                             const pqf_view *rows, pqf_error *err) {
    void *block;
    if (goes_as_indexes(rows, l->max_kept))
        return keep_dictionary(l, k, field, rows, err);
    if (!has_children(field, rows)) return PQF_OK;
    TRY(pqf_arena_array(&l->arena, (size_t)field->n_children, sizeof(pqf_kept), &block,
                        err));
    k->children = block;
    k->num_children = field->n_children;
    for (int64_t i = 0; i < k->num_children; i++) {
        TRY(init_field(l, &k->children[i], field->children[i], &rows->children[i], err));
        k->num_kept += k->children[i].num_kept;
    }
    return PQF_OK;
}

static pqf_status field_view(const pqf_kept *k, const pqf_view *rows, pqf_arena *arena,
                             pqf_view *out, pqf_error *err) {
    void *block;
    *out = *rows;
    if (!k->num_kept) return PQF_OK;
    if (k->array.release) {
        out->dictionary = NULL;
        return PQF_OK;
    }
    TRY(pqf_arena_array(arena, (size_t)k->num_children, sizeof(pqf_view), &block, err));
    out->children = block;
    for (int64_t i = 0; i < k->num_children; i++)
        TRY(field_view(&k->children[i], &rows->children[i], arena, &out->children[i],
                       err));
    return PQF_OK;
}

static pqf_status check_indexes(const pqf_view *rows, int64_t num_values,
                                pqf_error *err) {
    for (int64_t i = 0; i < rows->length; i++) {
        uint64_t index = 0; /* a negative one becomes too large */
        if (!pqf_view_is_valid(rows, i)) continue;
        memcpy(&index, pqf_view_bytes(rows, i).data, (size_t)rows->type.byte_width);
        if (index >= (uint64_t)num_values)
            return pqf_fail(err, PQF_CORRUPT, "an index is beyond its dictionary");
    }
    return PQF_OK;
}

static pqf_status check_field(pqf_kept *k, pqf_view *rows, pqf_error *err) {
    if (!k->num_kept) return PQF_OK;
    if (k->array.release) {
        TRY(check_indexes(rows, k->dictionary.length, err));
        rows->dictionary = &k->dictionary;
        return PQF_OK;
    }
    for (int64_t i = 0; i < k->num_children; i++)
        TRY(check_field(&k->children[i], &rows->children[i], err));
    return PQF_OK;
}

/* ---- rows ---- */

pqf_status pqf_spill_layout_init(pqf_spill_layout *l, const struct ArrowSchema *schema,
                                 const pqf_view *rows, int64_t max_kept, pqf_mem *mem,
                                 pqf_error *err) {
    void *root;
    *l = (pqf_spill_layout){.arena = {.mem = mem}, .max_kept = max_kept, .mem = mem};
    pqf_status status = pqf_schema_copy(schema, &l->schema, err);
    if (status == PQF_OK) {
        status = pqf_arena_array(&l->arena, 1, sizeof(pqf_kept), &root, err);
        if (status == PQF_OK) l->root = root;
    }
    if (status == PQF_OK) status = init_field(l, l->root, &l->schema, rows, err);
    if (status != PQF_OK) pqf_spill_layout_reset(l);
    return status;
}

void pqf_spill_layout_reset(pqf_spill_layout *l) {
    if (l->root) reset_field(l->root);
    pqf_schema_release(&l->schema);
    pqf_schema_release(&l->plain);
    pqf_arena_reset(&l->arena);
}

bool pqf_spill_layout_fits(const pqf_spill_layout *l, const pqf_view *rows) {
    return field_fits(l->root, &l->schema, rows, l->max_kept);
}

pqf_status pqf_spill_layout_view(const pqf_spill_layout *l, const pqf_view *rows,
                                 pqf_arena *arena, pqf_view *out, pqf_error *err) {
    return field_view(l->root, rows, arena, out, err);
}

pqf_status pqf_spill_layout_check(const pqf_spill_layout *l, pqf_view *rows,
                                  pqf_error *err) {
    return check_field(l->root, rows, err);
}
