/* SPDX-License-Identifier: Apache-2.0
 *
 * leaf_out.c (room column): the buffers that a leaf hands out, empty and given back. In: the
 * LEAF field. Out: one node for each field on the way from its top-level field down to it.
 */
#include "reading.h"

static int32_t count_nodes(const pqf_field *leaf_field) {
    int32_t n = 0;
    for (const pqf_field *f = leaf_field; f; f = f->parent)
        n++;
    return n;
}

static void init_nodes(pqf_leaf_out *out, int64_t num_rows) {
    const pqf_field *f = out->leaf_field;
    for (int32_t i = out->num_nodes; i-- > 0; f = f->parent) {
        pqf_node_out *node = &out->nodes[i];
        *node = (pqf_node_out){.field = f};
        bool in_list =
            f->rep_level > 0 && (f->rep_level > 1 || f->kind == PQF_FIELD_LEAF ||
                                 f->kind == PQF_FIELD_STRUCT);
        node->num_expected = in_list ? 0 : num_rows;
        pqf_buf_init(&node->validity, out->mem, 0);
        pqf_buf_init(&node->offsets, out->mem, 0);
    }
}

pqf_status pqf_leaf_out_init(pqf_leaf_out *out, const pqf_field *leaf_field,
                             int64_t num_rows, pqf_mem *mem, pqf_error *err) {
    int32_t num_nodes = count_nodes(leaf_field);
    void *nodes;
    *out = (pqf_leaf_out){0};
    TRY(pqf_mem_zalloc(mem, (size_t)num_nodes * sizeof *out->nodes, &nodes, err));
    *out = (pqf_leaf_out){
        .mem = mem, .leaf_field = leaf_field, .num_nodes = num_nodes, .nodes = nodes};
    init_nodes(out, num_rows);
    pqf_buf_init(&out->values, mem, 0);
    pqf_buf_init(&out->ends, mem, 0);
    pqf_buf_init(&out->bytes, mem, INT32_MAX); /* so that int32 offsets hold */
    if (!leaf_field->index_format || leaf_field->layout == PQF_LEAF_NONE) return PQF_OK;
    pqf_status status = pqf_dict_out_new(leaf_field, mem, &out->dictionary, err);
    if (status != PQF_OK) pqf_leaf_out_reset(out);
    return status;
}

void pqf_leaf_out_keep_dictionaries(pqf_leaf_out *out, int64_t max_bytes) {
    if (out->dictionary) out->dictionary->whole_bytes = max_bytes;
}

int64_t pqf_leaf_out_num_values(const pqf_leaf_out *out) {
    return out->dictionary ? pqf_dict_num_values(out->dictionary->builder) : 0;
}

bool pqf_leaf_out_is_full(const pqf_leaf_out *out) {
    if (!out->mem) return false;
    bool full = out->bytes.is_full;
    for (int32_t i = 0; i < out->num_nodes; i++)
        full |= out->nodes[i].offsets.is_full;
    const char *runs = out->leaf_field->run_format;
    bool short_ends = runs && runs[0] == 's';
    return full || (short_ends && out->nodes[out->num_nodes - 1].length > INT16_MAX);
}

void pqf_leaf_out_give_back(pqf_leaf_out *out) {
    pqf_shared_release(out->lender);
    out->lender = NULL;
    out->lent = (pqf_bytes){0};
}

void pqf_leaf_out_drop_rows(pqf_leaf_out *out) {
    for (int32_t i = 0; i < out->num_nodes; i++) {
        pqf_node_out *node = &out->nodes[i];
        pqf_buf_reset(&node->validity);
        pqf_buf_reset(&node->offsets);
        node->length = node->num_nulls = 0;
    }
    pqf_buf_reset(&out->values);
    pqf_leaf_out_give_back(out);
    pqf_buf_reset(&out->ends);
    pqf_buf_reset(&out->bytes);
    out->num_rows = 0;
}

void pqf_leaf_out_reset(pqf_leaf_out *out) {
    if (!out->mem) return;
    pqf_leaf_out_drop_rows(out);
    pqf_mem_free(out->mem, out->nodes, (size_t)out->num_nodes * sizeof *out->nodes);
    pqf_dict_out_free(out->dictionary, out->mem);
    *out = (pqf_leaf_out){0};
}
