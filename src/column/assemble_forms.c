/* SPDX-License-Identifier: Apache-2.0
 *
 * assemble_forms.c (room column): one node or leaf becomes one Arrow array in the form that
 * its field declares (Arrow Columnar Format: variable-size, view, fixed-size list and
 * dictionary layouts). In: int32 offsets, values, bytes, codes. Out: buffers that moved, or
 * were widened where the form is.
 */
#include "assemble.h"

#define VIEW_BYTES  16
#define VIEW_INLINE 12 /* strings up to this length stand in the view itself */

static pqf_status sized(pqf_buf *buf, pqf_mem *mem, int64_t count, size_t width,
                        pqf_error *err) {
    size_t bytes;
    pqf_buf_init(buf, mem, 0);
    if (!pqf_mul_size((size_t)count, width, &bytes)) bytes = SIZE_MAX;
    TRY(pqf_buf_exact(buf, bytes, err));
    buf->len = bytes;
    return PQF_OK;
}

static void take(struct ArrowArray *array, int64_t i, pqf_buf *buf) {
    pqf_buf_shrink(buf);
    pqf_array_take_buffer(array, i, buf);
}

pqf_status pqf_assemble_begin(const pqf_field *field, pqf_node_out *node,
                              int64_t num_buffers, int64_t num_children, pqf_mem *mem,
                              struct ArrowArray *out, pqf_error *err) {
    int64_t num_nulls = field->nullable ? node->num_nulls : 0;
    TRY(pqf_array_init(out, mem, node->length, num_nulls, num_buffers, num_children,
                       err));
    if (num_nulls)
        take(out, 0, &node->validity);
    else
        pqf_buf_reset(&node->validity);
    return PQF_OK;
}

/* ---- offsets ---- */

static pqf_status widen(pqf_buf *narrow, pqf_mem *mem, pqf_buf *wide, pqf_error *err) {
    int64_t n = (int64_t)(narrow->len / sizeof(int32_t));
    TRY(sized(wide, mem, n, sizeof(int64_t), err));
    const int32_t *in = (const int32_t *)(const void *)narrow->data;
    int64_t *out = (int64_t *)(void *)wide->data;
    for (int64_t i = 0; i < n; i++)
        out[i] = in[i];
    pqf_buf_reset(narrow);
    return PQF_OK;
}

static pqf_status take_wide(struct ArrowArray *array, int64_t i, pqf_buf *narrow,
                            pqf_mem *mem, pqf_error *err) {
    pqf_buf wide;
    if (!narrow->data) return PQF_OK;
    TRY(widen(narrow, mem, &wide, err));
    pqf_array_take_buffer(array, i, &wide);
    return PQF_OK;
}

/* ---- BYTE_ARRAY values ---- */

static void write_view(uint8_t *view, const uint8_t *bytes, int32_t start, int32_t len) {
    memset(view, 0, VIEW_BYTES);
    pqf_store_u32(view, (uint32_t)len);
    if (len <= VIEW_INLINE) {
        if (len) memcpy(view + 4, bytes + start, (size_t)len);
        return;
    }
    memcpy(view + 4, bytes + start, 4);
    pqf_store_u32(view + 12, (uint32_t)start); /* in buffer 0, already zero */
}

/* Buffers: validity, views, the one data buffer, the lengths of data buffers. */
static pqf_status take_views(struct ArrowArray *array, pqf_buf *ends, pqf_buf *bytes,
                             pqf_mem *mem, pqf_error *err) {
    pqf_buf views, lens;
    const int32_t *end = (const int32_t *)(const void *)ends->data;
    TRY(sized(&lens, mem, 1, sizeof(int64_t), err));
    pqf_store_u64(lens.data, bytes->len);
    pqf_array_take_buffer(array, 3, &lens);
    TRY(sized(&views, mem, array->length, VIEW_BYTES, err));
    for (int64_t i = 0; i < array->length; i++)
        write_view(views.data + i * VIEW_BYTES, bytes->data, end[i], end[i + 1] - end[i]);
    pqf_array_take_buffer(array, 1, &views);
    take(array, 2, bytes);
    pqf_buf_reset(ends);
    return PQF_OK;
}

static pqf_status take_binary(struct ArrowArray *array, pqf_binary_form form,
                              pqf_buf *ends, pqf_buf *bytes, pqf_mem *mem,
                              pqf_error *err) {
    if (form == PQF_FORM_VIEW) return take_views(array, ends, bytes, mem, err);
    take(array, 2, bytes);
    if (form == PQF_FORM_LARGE) return take_wide(array, 1, ends, mem, err);
    take(array, 1, ends);
    return PQF_OK;
}

static int64_t num_binary_buffers(pqf_binary_form form) {
    return form == PQF_FORM_VIEW ? 4 : 3;
}

/* pqf_array_take_buffer gives an empty buffer an address; these were not taken. */
static void fill_empty_buffers(struct ArrowArray *array) {
    pqf_buf none = {0};
    for (int64_t i = 1; i < array->n_buffers; i++)
        if (!array->buffers[i]) pqf_array_take_buffer(array, i, &none);
}

/* ---- dictionaries ---- */

/* The dictionary's values as PLAIN bytes become offsets and bytes. */
static pqf_status unpack_strings(pqf_bytes page, int64_t n, pqf_mem *mem, pqf_buf *ends,
                                 pqf_buf *bytes, pqf_error *err) {
    pqf_buf_init(bytes, mem, 0);
    TRY(sized(ends, mem, n + 1, sizeof(int32_t), err));
    TRY(pqf_buf_reserve(bytes, page.len, err));
    pqf_store_u32(ends->data, 0);
    const uint8_t *p = page.data;
    for (int64_t i = 0; i < n; i++) {
        uint32_t len = pqf_load_u32(p);
        memcpy(bytes->data + bytes->len, p + 4, len);
        bytes->len += len;
        p += 4 + len;
        pqf_store_u32(ends->data + (i + 1) * 4, (uint32_t)bytes->len);
    }
    return PQF_OK;
}

static pqf_status dictionary_strings(const pqf_field *f, pqf_bytes page, int64_t n,
                                     pqf_mem *mem, struct ArrowArray *out,
                                     pqf_error *err) {
    pqf_buf ends = {0}, bytes = {0};
    TRY(pqf_array_init(out, mem, n, 0, num_binary_buffers(f->binary_form), 0, err));
    pqf_status status = unpack_strings(page, n, mem, &ends, &bytes, err);
    if (status == PQF_OK)
        status = take_binary(out, f->binary_form, &ends, &bytes, mem, err);
    pqf_buf_reset(&ends);
    pqf_buf_reset(&bytes);
    fill_empty_buffers(out);
    return status;
}

static pqf_status dictionary_fixed(pqf_bytes page, int64_t n, pqf_mem *mem,
                                   struct ArrowArray *out, pqf_error *err) {
    pqf_buf values;
    TRY(pqf_array_init(out, mem, n, 0, 2, 0, err));
    pqf_buf_init(&values, mem, 0);
    TRY(pqf_buf_exact(&values, page.len, err));
    TRY(pqf_buf_put(&values, page.data, page.len, err));
    pqf_array_take_buffer(out, 1, &values);
    return PQF_OK;
}

/* Of booleans: false, true. */
static pqf_status dictionary_bits(pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    pqf_buf values;
    TRY(pqf_array_init(out, mem, 2, 0, 2, 0, err));
    pqf_buf_init(&values, mem, 0);
    TRY(pqf_buf_put_u8(&values, 2, err));
    pqf_array_take_buffer(out, 1, &values);
    return PQF_OK;
}

static pqf_status build_dictionary(const pqf_leaf_out *leaf, pqf_mem *mem,
                                   struct ArrowArray *out, pqf_error *err) {
    const pqf_dict_builder *b = leaf->dictionary->builder;
    pqf_bytes page = pqf_dict_page_bytes(b);
    int64_t n = pqf_dict_num_values(b);
    pqf_leaf_layout layout = leaf->leaf_field->layout;
    *out = (struct ArrowArray){0};
    pqf_status status = PQF_OK;
    if (layout == PQF_LEAF_BITS)
        status = dictionary_bits(mem, out, err);
    else if (layout == PQF_LEAF_BINARY)
        status = dictionary_strings(leaf->leaf_field, page, n, mem, out, err);
    else
        status = dictionary_fixed(page, n, mem, out, err);
    if (status != PQF_OK) pqf_array_release(out);
    return status;
}

/* Index types by the letter of their Arrow format. */
static const struct index_type {
    char format;
    int32_t width;
    int64_t max;
} index_types[] = {
    {'c', 1, INT8_MAX},  {'C', 1, UINT8_MAX},  {'s', 2, INT16_MAX}, {'S', 2, UINT16_MAX},
    {'i', 4, INT32_MAX}, {'I', 4, UINT32_MAX}, {'l', 8, INT64_MAX}, {'L', 8, INT64_MAX},
};

static const struct index_type *find_index_type(const char *format) {
    for (size_t i = 0; i < sizeof index_types / sizeof *index_types; i++)
        if (index_types[i].format == format[0]) return &index_types[i];
    return NULL;
}

static void resize_codes(const uint32_t *in, int64_t n, int32_t width, uint8_t *out) {
    if (width == 1) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (uint8_t)in[i];
    } else if (width == 2) {
        for (int64_t i = 0; i < n; i++)
            pqf_store_u16(out + i * 2, (uint16_t)in[i]);
    } else {
        for (int64_t i = 0; i < n; i++)
            pqf_store_u64(out + i * 8, in[i]);
    }
}

static pqf_status take_codes(pqf_leaf_out *leaf, int32_t width, pqf_mem *mem,
                             struct ArrowArray *array, pqf_error *err) {
    pqf_buf codes;
    if (width == 4 || array->length == 0) {
        take(array, 1, &leaf->values);
        return PQF_OK;
    }
    TRY(sized(&codes, mem, array->length, (size_t)width, err));
    resize_codes((const uint32_t *)(const void *)leaf->values.data, array->length, width,
                 codes.data);
    pqf_array_take_buffer(array, 1, &codes);
    return PQF_OK;
}

int64_t pqf_index_max(const char *format) {
    const struct index_type *type = find_index_type(format);
    return type ? type->max : 0;
}

static pqf_status fill_dictionary(pqf_leaf_out *leaf, pqf_mem *mem,
                                  struct ArrowArray *array, pqf_error *err) {
    const pqf_field *f = leaf->leaf_field;
    const struct index_type *type = find_index_type(f->index_format);
    int64_t n = pqf_dict_num_values(leaf->dictionary->builder);
    if (!type)
        return pqf_fail(err, PQF_INVALID, "dictionary indices of type %s",
                        f->index_format);
    if (n - 1 > type->max)
        return pqf_fail(err, PQF_LIMIT,
                        "the dictionary has %lld values, too many for indices of %d "
                        "bytes as the schema declares",
                        (long long)n, type->width);
    TRY(take_codes(leaf, type->width, mem, array, err));
    struct ArrowArray values;
    TRY(build_dictionary(leaf, mem, &values, err));
    return pqf_array_take_child(array, -1, &values, err);
}

/* ---- leaves ---- */

static int64_t num_leaf_buffers(const pqf_leaf_out *leaf) {
    const pqf_field *f = leaf->leaf_field;
    if (f->layout == PQF_LEAF_NONE) return 0;
    if (leaf->dictionary || f->layout != PQF_LEAF_BINARY) return 2;
    return num_binary_buffers(f->binary_form);
}

static pqf_status fill_leaf(pqf_leaf_out *leaf, pqf_mem *mem, struct ArrowArray *array,
                            pqf_error *err) {
    const pqf_field *f = leaf->leaf_field;
    if (leaf->dictionary) return fill_dictionary(leaf, mem, array, err);
    if (f->layout == PQF_LEAF_BINARY)
        return array->length ? take_binary(array, f->binary_form, &leaf->ends,
                                           &leaf->bytes, mem, err)
                             : PQF_OK;
    if (leaf->lender) {
        pqf_array_lend_buffer(array, 1, leaf->lent.data, leaf->lender);
        leaf->lender = NULL;
    } else {
        take(array, 1, &leaf->values);
    }
    return PQF_OK;
}

/* The null type has no buffers; all its slots count as null. */
static pqf_status null_leaf(const pqf_node_out *node, pqf_mem *mem,
                            struct ArrowArray *out, pqf_error *err) {
    return pqf_array_init(out, mem, node->length, node->length, 0, 0, err);
}

static pqf_status plain_leaf(pqf_leaf_out *leaf, pqf_mem *mem, struct ArrowArray *out,
                             pqf_error *err) {
    pqf_node_out *node = pqf_leaf_node(leaf);
    struct ArrowArray array;
    if (leaf->leaf_field->layout == PQF_LEAF_NONE) return null_leaf(node, mem, out, err);
    TRY(pqf_assemble_begin(leaf->leaf_field, node, num_leaf_buffers(leaf), 0, mem, &array,
                           err));
    pqf_status status = fill_leaf(leaf, mem, &array, err);
    fill_empty_buffers(&array);
    if (status == PQF_OK)
        *out = array;
    else
        pqf_array_release(&array);
    return status;
}

/* The Arrow type of a field's values, for the room that gathers. */
static pqf_status values_type(const pqf_field *field, struct ArrowSchema *out,
                              pqf_error *err) {
    const char *format = field->index_format ? field->index_format : field->format;
    int64_t flags = field->nullable ? ARROW_FLAG_NULLABLE : 0;
    TRY(pqf_schema_init(out, format, field->name, flags, field->num_children, err));
    if (!field->index_format) return PQF_OK;
    TRY(pqf_schema_add_dictionary(out, err));
    return pqf_schema_init(out->dictionary, field->format, "", 0, 0, err);
}

/* ---- runs ---- */

static pqf_status find_runs(const pqf_field *field, struct ArrowArray *values,
                            pqf_mem *mem, struct ArrowArray *out, pqf_error *err) {
    struct ArrowSchema schema = {0};
    pqf_view view;
    pqf_arena arena;
    pqf_status status = PQF_OK;
    pqf_arena_init(&arena, mem);
    TRY_DONE(values_type(field, &schema, err));
    TRY_DONE(pqf_view_init(&view, &schema, values, false, &arena, err));
    TRY_DONE(pqf_array_find_runs(&view, field->run_format, mem, out, err));
done:
    pqf_schema_release(&schema);
    pqf_arena_reset(&arena);
    return status;
}

pqf_status pqf_assemble_leaf(pqf_leaf_out *leaf, pqf_mem *mem, struct ArrowArray *out,
                             pqf_error *err) {
    struct ArrowArray values;
    const pqf_field *field = leaf->leaf_field;
    if (!field->run_format) return plain_leaf(leaf, mem, out, err);
    TRY(plain_leaf(leaf, mem, &values, err));
    pqf_status status = find_runs(field, &values, mem, out, err);
    pqf_array_release(&values);
    return status;
}

/* ---- lists of a fixed size ---- */

static bool slot_is_null(const pqf_node_out *node, int64_t i) {
    return node->num_nulls && !pqf_bit_get(node->validity.data, i);
}

static pqf_status check_sizes(const pqf_field *field, const pqf_node_out *node,
                              pqf_error *err) {
    const int32_t *at = (const int32_t *)(const void *)node->offsets.data;
    for (int64_t i = 0; i < node->length; i++) {
        int32_t size = at[i + 1] - at[i];
        if (size == field->fixed_items || (size == 0 && slot_is_null(node, i))) continue;
        return pqf_fail(err, PQF_CORRUPT,
                        "list %lld of %s has %d items, its type says %d", (long long)i,
                        field->name, size, field->fixed_items);
    }
    return PQF_OK;
}

/* Indexes of the items, -1 for each slot under a null list. */
static void pad_indexes(const pqf_field *field, const pqf_node_out *node,
                        int64_t *indexes) {
    int64_t item = 0;
    for (int64_t i = 0; i < node->length; i++) {
        bool null = slot_is_null(node, i);
        for (int32_t k = 0; k < field->fixed_items; k++)
            *indexes++ = null ? -1 : item++;
    }
}

/* Null lists of a fixed size have (null) items in Arrow and none in Parquet. */
static pqf_status pad_items(const pqf_field *field, const pqf_node_out *node,
                            struct ArrowArray *items, pqf_mem *mem, pqf_error *err) {
    struct ArrowSchema schema = {0};
    struct ArrowArray padded;
    pqf_view view;
    pqf_arena arena;
    pqf_buf indexes = {0};
    pqf_status status;
    int64_t n;
    pqf_arena_init(&arena, mem);
    if (!pqf_mul_i64(node->length, field->fixed_items, &n)) n = INT64_MAX;
    TRY_DONE(sized(&indexes, mem, n, sizeof(int64_t), err));
    pad_indexes(field, node, (int64_t *)(void *)indexes.data);
    TRY_DONE(pqf_field_export(NULL, &field->children[0], &schema, err));
    TRY_DONE(pqf_view_init(&view, &schema, items, false, &arena, err));
    TRY_DONE(pqf_array_gather(&view, (const int64_t *)(void *)indexes.data, n, mem,
                              &padded, err));
    pqf_array_release(items);
    *items = padded;
done:
    pqf_schema_release(&schema);
    pqf_arena_reset(&arena);
    pqf_buf_reset(&indexes);
    return status;
}

static pqf_status fixed_items(const pqf_field *field, const pqf_node_out *node,
                              struct ArrowArray *items, pqf_mem *mem, pqf_error *err) {
    TRY(check_sizes(field, node, err));
    return node->num_nulls && field->fixed_items ? pad_items(field, node, items, mem, err)
                                                 : PQF_OK;
}

/* ---- lists ---- */

static pqf_status take_sizes(struct ArrowArray *array, const pqf_node_out *node,
                             bool large, pqf_mem *mem, pqf_error *err) {
    pqf_buf sizes;
    if (array->length == 0) return PQF_OK;
    const int32_t *at = (const int32_t *)(const void *)node->offsets.data;
    TRY(sized(&sizes, mem, array->length, large ? sizeof(int64_t) : sizeof(int32_t),
              err));
    for (int64_t i = 0; i < array->length; i++) {
        if (large)
            pqf_store_u64(sizes.data + i * 8, (uint64_t)(at[i + 1] - at[i]));
        else
            pqf_store_u32(sizes.data + i * 4, (uint32_t)(at[i + 1] - at[i]));
    }
    pqf_array_take_buffer(array, 2, &sizes);
    return PQF_OK;
}

static pqf_status fill_list(const pqf_field *field, pqf_node_out *node, pqf_mem *mem,
                            struct ArrowArray *array, pqf_error *err) {
    pqf_list_form form = field->list_form;
    bool large = form == PQF_LIST_LARGE || form == PQF_LIST_LARGE_VIEW;
    if (form == PQF_LIST_FIXED) return PQF_OK;
    if (form == PQF_LIST_VIEW || form == PQF_LIST_LARGE_VIEW)
        TRY(take_sizes(array, node, large, mem, err));
    if (large) return take_wide(array, 1, &node->offsets, mem, err);
    take(array, 1, &node->offsets);
    return PQF_OK;
}

static int64_t num_list_buffers(pqf_list_form form) {
    switch (form) {
    case PQF_LIST_FIXED: return 1;
    case PQF_LIST_VIEW:
    case PQF_LIST_LARGE_VIEW: return 3;
    default: return 2;
    }
}

pqf_status pqf_assemble_list(const pqf_field *field, pqf_node_out *node,
                             struct ArrowArray *items, pqf_mem *mem,
                             struct ArrowArray *out, pqf_error *err) {
    struct ArrowArray array = {0};
    pqf_status status = PQF_OK;
    if (field->list_form == PQF_LIST_FIXED)
        TRY_DONE(fixed_items(field, node, items, mem, err));
    TRY_DONE(pqf_assemble_begin(field, node, num_list_buffers(field->list_form), 1, mem,
                                &array, err));
    TRY_DONE(fill_list(field, node, mem, &array, err));
    fill_empty_buffers(&array);
    TRY_DONE(pqf_array_take_child(&array, 0, items, err));
    *out = array;
    array.release = NULL;
done:
    pqf_array_release(&array);
    pqf_array_release(items);
    return status;
}
