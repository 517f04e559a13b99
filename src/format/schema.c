/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c: the life of a pqf_schema: made from a footer, asked for names, handed out as an
 * Arrow schema, freed. How fields come from Parquet stands in field.c, what ARROW:schema adds
 * in apply.c, the way from Arrow to Parquet in write_schema.c.
 */
#include "ipc.h"

#include "arrow/arrow.h"

#include <stdlib.h>

/* Below this many columns a name is found by looking at all. */
#define HASH_FROM 16

/* Open addressing, linear probing, inserted in column order: the first hit is the first column. */
struct pqf_name_index {
    uint32_t mask;
    int32_t *slots; /* field + 1, 0: empty */
};

static uint32_t hash_name(const char *name) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h ^ h >> 15;
}

pqf_status pqf_schema_index_names(pqf_schema *schema, pqf_error *err) {
    if (schema->num_fields < HASH_FROM) return PQF_OK;
    uint32_t size = 32;
    while (size < (uint32_t)schema->num_fields * 2)
        size *= 2;
    void *index, *slots;
    TRY(pqf_arena_alloc(&schema->arena, sizeof(struct pqf_name_index), &index, err));
    TRY(pqf_arena_array(&schema->arena, size, sizeof(int32_t), &slots, err));
    schema->names = index;
    *schema->names = (struct pqf_name_index){.mask = size - 1, .slots = slots};
    for (int32_t i = 0; i < schema->num_fields; i++) {
        uint32_t at = hash_name(schema->fields[i].name) & (size - 1);
        while (schema->names->slots[at])
            at = (at + 1) & (size - 1);
        schema->names->slots[at] = i + 1;
    }
    return PQF_OK;
}

/* The next field of this name from slot *at on, NULL after the last. */
static const pqf_field *next_by_hash(const pqf_schema *schema, const char *name,
                                     uint32_t *at) {
    const struct pqf_name_index *index = schema->names;
    for (;;) {
        int32_t slot = index->slots[*at & index->mask];
        if (slot == 0) return NULL;
        ++*at;
        if (strcmp(schema->fields[slot - 1].name, name) == 0)
            return &schema->fields[slot - 1];
    }
}

static const pqf_field *next_by_scan(const pqf_schema *schema, const char *name,
                                     uint32_t *at) {
    while (*at < (uint32_t)schema->num_fields) {
        const pqf_field *field = &schema->fields[(*at)++];
        if (strcmp(field->name, name) == 0) return field;
    }
    return NULL;
}

const pqf_field *pqf_schema_field(const pqf_schema *schema, const char *name,
                                  bool *is_duplicate) {
    const pqf_field *(*next)(const pqf_schema *, const char *, uint32_t *) =
        schema->names ? next_by_hash : next_by_scan;
    uint32_t at = schema->names ? hash_name(name) : 0;
    const pqf_field *field = next(schema, name, &at);
    if (is_duplicate) *is_duplicate = field && next(schema, name, &at);
    return field;
}

pqf_status pqf_field_check(const pqf_field *field, pqf_error *err) {
    if (field->unusable != PQF_OK) {
        pqf_fail(err, field->unusable, "%s", field->why);
        return pqf_error_at_column(err, field->leaf ? field->leaf->path : field->name);
    }
    for (int32_t i = 0; i < field->num_children; i++)
        TRY(pqf_field_check(&field->children[i], err));
    return PQF_OK;
}

/* ---- life ---- */

pqf_status pqf_schema_new(pqf_mem *mem, pqf_schema **out, pqf_error *err) {
    void *room;
    TRY(pqf_mem_zalloc(mem, sizeof **out, &room, err));
    *out = room;
    (*out)->mem = pqf_mem_retain(mem);
    pqf_arena_init(&(*out)->arena, mem);
    return PQF_OK;
}

void pqf_schema_free(pqf_schema *schema) {
    if (!schema) return;
    pqf_mem *mem = schema->mem;
    pqf_arena_reset(&schema->arena);
    pqf_mem_free(mem, schema, sizeof *schema);
    pqf_mem_release(mem);
}

/* ---- from a footer ---- */

static int compare_bytes(const void *a, const void *b) {
    const pqf_bytes *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Appends the pairs of `stored` to `out` and lists their keys in `keys`, sorted. */
static pqf_status put_stored(const char *stored, pqf_buf *out, pqf_bytes *keys, int64_t n,
                             pqf_error *err) {
    const uint8_t *p = (const uint8_t *)stored + 4;
    for (int64_t i = 0; i < n; i++) {
        keys[i] = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + keys[i].len;
        pqf_bytes value = pqf_bytes_of(p + 4, pqf_load_u32(p));
        p += 4 + value.len;
        TRY(pqf_kv_put(out, keys[i], value, err));
    }
    qsort(keys, (size_t)n, sizeof keys[0], compare_bytes);
    return PQF_OK;
}

/* The stored schema's pairs, then the file's own except ARROW:schema and keys that stood there. */
static pqf_status put_metadata(const pqf_metadata *metadata, const char *stored,
                               pqf_arena *arena, pqf_buf *out, pqf_error *err) {
    int64_t n = pqf_kv_count(stored);
    pqf_bytes arrow_key = PQF_BYTES(PQF_ARROW_SCHEMA);
    void *room;
    TRY(pqf_arena_array(arena, (size_t)n, sizeof(pqf_bytes), &room, err));
    pqf_bytes *keys = room;
    if (n > 0) TRY(put_stored(stored, out, keys, n, err));
    for (int32_t i = 0; i < metadata->file.num_key_value_metadata; i++) {
        const pqf_key_value *kv = &metadata->file.key_value_metadata[i];
        if (compare_bytes(&kv->key, &arrow_key) == 0) continue;
        if (n > 0 && bsearch(&kv->key, keys, (size_t)n, sizeof keys[0], compare_bytes))
            continue;
        TRY(pqf_kv_put(out, kv->key, kv->value, err));
    }
    return PQF_OK;
}

static pqf_status set_metadata(pqf_schema *schema, const pqf_metadata *metadata,
                               const char *stored, pqf_error *err) {
    pqf_buf buf;
    pqf_status status = PQF_OK;
    pqf_buf_init(&buf, schema->mem, 0);
    TRY_DONE(put_metadata(metadata, stored, &schema->arena, &buf, err));
    TRY_DONE(pqf_bytes_keep(&schema->arena, pqf_buf_view(&buf), &schema->metadata, err));
done:
    pqf_buf_reset(&buf);
    return status;
}

pqf_status pqf_bytes_keep(pqf_arena *arena, pqf_bytes in, pqf_bytes *out,
                          pqf_error *err) {
    void *room;
    *out = (pqf_bytes){0};
    if (in.len == 0) return PQF_OK;
    TRY(pqf_arena_alloc(arena, in.len, &room, err));
    memcpy(room, in.data, in.len);
    *out = pqf_bytes_of(room, in.len);
    return PQF_OK;
}

/* *out is NULL when the file has no such key. */
static pqf_status read_origin(const pqf_metadata *metadata, pqf_arena *arena,
                              struct ArrowSchema **out, pqf_error *err) {
    pqf_bytes value, message;
    pqf_error inner;
    *out = NULL;
    if (!pqf_metadata_get(metadata, PQF_ARROW_SCHEMA, &value)) return PQF_OK;
    pqf_error_init(&inner);
    pqf_status status = pqf_base64_decode(value, arena, &message, &inner);
    if (status == PQF_OK) status = pqf_arrow_schema_parse(message, arena, out, &inner);
    if (status == PQF_OK) return PQF_OK;
    return pqf_fail(err, status,
                    "the file's key ARROW:schema: %s (ignore_arrow_schema reads the "
                    "file without it)",
                    inner.message);
}

static pqf_status fill_from_parquet(pqf_schema *schema, const pqf_metadata *metadata,
                                    const pqf_schema_options *options, pqf_arena *scratch,
                                    pqf_error *err) {
    struct ArrowSchema *origin = NULL;
    schema->tree = metadata->tree;
    schema->file = metadata;
    TRY(pqf_fields_build(schema, options, err));
    schema->file = NULL;
    if (!options || !options->ignore_arrow_schema)
        TRY(read_origin(metadata, scratch, &origin, err));
    if (origin && origin->n_children != schema->num_fields) origin = NULL;
    if (origin) TRY(pqf_fields_apply(schema, origin, err));
    TRY(set_metadata(schema, metadata, origin ? origin->metadata : NULL, err));
    return pqf_schema_index_names(schema, err);
}

static void widen_indices(pqf_schema *schema, const char *const *names) {
    for (; names && *names; names++)
        for (int32_t l = 0; l < schema->tree.num_leaves; l++) {
            pqf_field *field = schema->leaf_fields[l];
            if (field && field->index_format && !strcmp(field->leaf->top_name, *names))
                field->index_format = "i";
        }
}

pqf_status pqf_schema_from_parquet(const pqf_metadata *metadata,
                                   const pqf_schema_options *options, pqf_mem *mem,
                                   pqf_schema **out, pqf_error *err) {
    pqf_schema *schema = NULL;
    pqf_arena scratch;
    pqf_status status = PQF_OK;
    pqf_arena_init(&scratch, mem);
    TRY_DONE(pqf_schema_new(mem, &schema, err));
    TRY_DONE(fill_from_parquet(schema, metadata, options, &scratch, err));
    if (options) widen_indices(schema, options->wide_dictionaries);
    *out = schema;
    schema = NULL;
done:
    pqf_arena_reset(&scratch);
    pqf_schema_free(schema);
    return status;
}

/* ---- handing out ---- */

static int64_t flags_of(const pqf_field *field) {
    return (field->nullable ? ARROW_FLAG_NULLABLE : 0) |
           (field->dictionary_ordered ? ARROW_FLAG_DICTIONARY_ORDERED : 0) |
           (field->keys_sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0);
}

static pqf_status export_field(const pqf_field *field, struct ArrowSchema *out,
                               pqf_error *err);

/* Run ends and values; the values are the field as it would be without runs. */
static pqf_status fill_runs(const pqf_field *field, struct ArrowSchema *out,
                            pqf_error *err) {
    pqf_field values = *field;
    values.run_format = NULL;
    values.metadata = (pqf_bytes){0};
    values.name = "values";
    values.nullable = true;
    if (field->metadata.len)
        TRY(pqf_schema_set_metadata(out, (const char *)field->metadata.data, err));
    TRY(pqf_schema_init(out->children[0], field->run_format, "run_ends", 0, 0, err));
    return export_field(&values, out->children[1], err);
}

static pqf_status fill_export(const pqf_field *field, struct ArrowSchema *out,
                              pqf_error *err) {
    if (field->metadata.len)
        TRY(pqf_schema_set_metadata(out, (const char *)field->metadata.data, err));
    for (int32_t i = 0; i < field->num_children; i++)
        TRY(export_field(&field->children[i], out->children[i], err));
    if (!field->index_format) return PQF_OK;
    TRY(pqf_schema_add_dictionary(out, err));
    return pqf_schema_init(out->dictionary, field->format, "", ARROW_FLAG_NULLABLE, 0,
                           err);
}

static pqf_status export_field(const pqf_field *field, struct ArrowSchema *out,
                               pqf_error *err) {
    struct ArrowSchema schema;
    const char *format = field->index_format ? field->index_format : field->format;
    bool runs = field->run_format != NULL;
    TRY(pqf_schema_init(&schema, runs ? "+r" : format, field->name, flags_of(field),
                        runs ? 2 : field->num_children, err));
    pqf_status status =
        runs ? fill_runs(field, &schema, err) : fill_export(field, &schema, err);
    if (status == PQF_OK)
        *out = schema;
    else
        pqf_schema_release(&schema);
    return status;
}

pqf_status pqf_field_export(const pqf_schema *schema, const pqf_field *field,
                            struct ArrowSchema *out, pqf_error *err) {
    (void)schema;
    return export_field(field, out, err);
}

pqf_status pqf_schema_export(const pqf_schema *schema, struct ArrowSchema *out,
                             pqf_error *err) {
    pqf_field root = {.kind = PQF_FIELD_STRUCT, .name = "", .format = "+s"};
    root.children = schema->fields;
    root.num_children = schema->num_fields;
    root.metadata = schema->metadata;
    return export_field(&root, out, err);
}
