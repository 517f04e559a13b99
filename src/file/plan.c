/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: which row groups may hold a row that satisfies a predicate: by metadata, and by Bloom filters
 * for values that the predicate names. No page is read.
 */
#include "inner.h"

/* By the counts alone: NaN as a bound says it too, but not of every writer is that so. */
static bool has_only_nan(const pqf_bounds *b) {
    return b->has_num_nans && b->has_num_nulls && !b->has_min && !b->has_max &&
           b->num_nans > 0 && b->num_nans == b->num_values - b->num_nulls;
}

void pqf_range_of_bounds(const pqf_field *field, const pqf_bounds *bounds,
                         pqf_range *out) {
    /* Writers exist (parquet-cpp, dictionaries in structs) that do not count nulls of the parents. */
    bool below_optional = field->parent && field->leaf->max_def > 0;
    bool is_float = field->leaf->order == PQF_ORDER_FLOAT16 ||
                    field->leaf->physical == PQF_PHYSICAL_FLOAT ||
                    field->leaf->physical == PQF_PHYSICAL_DOUBLE;
    *out = (pqf_range){
        .may_have_null =
            !bounds->has_num_nulls || bounds->num_nulls > 0 || below_optional,
        .may_have_value =
            !bounds->has_num_nulls || bounds->num_nulls < bounds->num_values,
        .may_have_nan = is_float && !(bounds->has_num_nans && bounds->num_nans == 0),
        .only_nan = is_float && has_only_nan(bounds),
        .field = field,
    };
    out->has_min = bounds->has_min && pqf_scalar_of_bound(field, bounds->min, &out->min);
    out->has_max = bounds->has_max && pqf_scalar_of_bound(field, bounds->max, &out->max);
}

bool pqf_range_of_chunk(const pqf_reader *reader, int64_t row_group,
                        const pqf_field *field, pqf_range *out) {
    pqf_error ignored;
    pqf_chunk chunk;
    pqf_bounds bounds;
    const pqf_metadata *metadata = pqf_reader_metadata(reader);
    pqf_error_init(&ignored);
    if (field->kind != PQF_FIELD_LEAF || field->leaf->max_rep > 0) return false;
    if (pqf_metadata_chunk(metadata, row_group, field->leaf->index, &chunk, &ignored) !=
        PQF_OK)
        return false;
    pqf_bounds_of_chunk(metadata, &chunk, &bounds);
    pqf_range_of_bounds(field, &bounds, out);
    out->reader = reader;
    out->row_group = row_group;
    return true;
}

static const pqf_field *child_named(const pqf_field *field, const char *name) {
    for (int32_t i = 0; field->kind == PQF_FIELD_STRUCT && i < field->num_children; i++)
        if (!strcmp(field->children[i].name, name)) return &field->children[i];
    return NULL;
}

const pqf_field *pqf_plan_field(const pqf_reader *reader, const char *const *path,
                                int32_t depth) {
    bool is_duplicate = false;
    const pqf_field *field =
        pqf_schema_field(pqf_reader_schema(reader), path[0], &is_duplicate);
    for (int32_t i = 1; field && i < depth; i++)
        field = child_named(field, path[i]);
    return is_duplicate ? NULL : field;
}

bool pqf_plan_range(const pqf_row_group_ranges *g, const char *const *path, int32_t depth,
                    pqf_range *out) {
    if (g->others && g->others(g->context, path, depth, out)) return true;
    const pqf_field *field = pqf_plan_field(g->reader, path, depth);
    return field && pqf_range_of_chunk(g->reader, g->row_group, field, out);
}

static bool range_of_path(void *context, const char *const *path, int32_t depth,
                          pqf_range *out) {
    return pqf_plan_range(context, path, depth, out);
}

bool pqf_plan_row_group(const pqf_reader *reader, int64_t row_group,
                        const pqf_predicate *predicate, pqf_range_fn others,
                        void *context) {
    pqf_row_group_ranges ranges = {reader, row_group, others, context};
    return !predicate || pqf_predicate_may_match(predicate, range_of_path, &ranges);
}
