/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c: room arrow. ArrowSchema structs: building and copying our own, checking those
 * that strangers hand in, comparing. Specification: Arrow C Data Interface, "The
 * ArrowSchema structure".
 *
 * Each node that we build is complete in itself, since a consumer may move children out
 * of their parent: it holds a reference to a pqf_mem of its own and frees its strings by
 * the sizes noted here.
 */
#include "kv.h"
#include "type.h"

typedef struct schema_owner {
    pqf_mem *mem;
    size_t format_bytes;
    size_t name_bytes;
    size_t metadata_bytes;
    size_t children_bytes; /* pointers, then the structs they point at */
} schema_owner;

static schema_owner *owner_of(struct ArrowSchema *schema) { return schema->private_data; }

void pqf_schema_release(struct ArrowSchema *schema) {
    if (schema && schema->release) schema->release(schema);
}

static void release_owned(struct ArrowSchema *schema) {
    schema_owner *owner = owner_of(schema);
    pqf_mem *mem = owner->mem;
    for (int64_t i = 0; i < schema->n_children; i++)
        pqf_schema_release(schema->children[i]);
    if (schema->dictionary) pqf_schema_release(schema->dictionary);
    pqf_mem_free(mem, schema->dictionary, sizeof *schema->dictionary);
    pqf_mem_free(mem, schema->children, owner->children_bytes);
    pqf_mem_free(mem, (void *)(uintptr_t)schema->format, owner->format_bytes);
    pqf_mem_free(mem, (void *)(uintptr_t)schema->name, owner->name_bytes);
    pqf_mem_free(mem, (void *)(uintptr_t)schema->metadata, owner->metadata_bytes);
    pqf_mem_free(mem, owner, sizeof *owner);
    pqf_mem_release(mem);
    *schema = (struct ArrowSchema){0};
}

/* Replaces one of the node's strings by a copy of `bytes` bytes; NULL removes it. */
static pqf_status set_bytes(pqf_mem *mem, const char **field, size_t *field_bytes,
                            const char *value, size_t bytes, pqf_error *err) {
    void *copy = NULL;
    if (value) {
        TRY(pqf_mem_alloc(mem, bytes, &copy, err));
        memcpy(copy, value, bytes);
    }
    pqf_mem_free(mem, (void *)(uintptr_t)*field, *field_bytes);
    *field = copy;
    *field_bytes = value ? bytes : 0;
    return PQF_OK;
}

static pqf_status add_children(struct ArrowSchema *schema, int64_t num_children,
                               pqf_error *err) {
    schema_owner *owner = owner_of(schema);
    size_t each = sizeof(struct ArrowSchema *) + sizeof(struct ArrowSchema), bytes;
    if (num_children <= 0) return PQF_OK;
    if (__builtin_mul_overflow((size_t)num_children, each, &bytes))
        return pqf_fail(err, PQF_NOMEM, "Arrow schema with %lld children",
                        (long long)num_children);
    void *block;
    TRY(pqf_mem_zalloc(owner->mem, bytes, &block, err));
    owner->children_bytes = bytes;
    schema->children = block;
    struct ArrowSchema *structs = (struct ArrowSchema *)(schema->children + num_children);
    for (int64_t i = 0; i < num_children; i++)
        schema->children[i] = &structs[i];
    schema->n_children = num_children;
    return PQF_OK;
}

static pqf_status init_owner(struct ArrowSchema *schema, pqf_error *err) {
    pqf_mem *mem;
    void *block;
    TRY(pqf_mem_new(0, &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(schema_owner), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    *schema = (struct ArrowSchema){.release = release_owned, .private_data = block};
    owner_of(schema)->mem = mem;
    return PQF_OK;
}

pqf_status pqf_schema_init(struct ArrowSchema *out, const char *format, const char *name,
                           int64_t flags, int64_t num_children, pqf_error *err) {
    struct ArrowSchema schema;
    TRY(init_owner(&schema, err));
    schema.flags = flags;
    pqf_status status = PQF_OK;
    TRY_DONE(pqf_schema_set_format(&schema, format, err));
    TRY_DONE(pqf_schema_set_name(&schema, name ? name : "", err));
    TRY_DONE(add_children(&schema, num_children, err));
    *out = schema;
    return PQF_OK;
done:
    pqf_schema_release(&schema);
    return status;
}

pqf_status pqf_schema_set_name(struct ArrowSchema *schema, const char *name,
                               pqf_error *err) {
    schema_owner *owner = owner_of(schema);
    return set_bytes(owner->mem, &schema->name, &owner->name_bytes, name,
                     strlen(name) + 1, err);
}

pqf_status pqf_schema_set_format(struct ArrowSchema *schema, const char *format,
                                 pqf_error *err) {
    schema_owner *owner = owner_of(schema);
    return set_bytes(owner->mem, &schema->format, &owner->format_bytes, format,
                     strlen(format) + 1, err);
}

pqf_status pqf_schema_set_metadata(struct ArrowSchema *schema, const char *metadata,
                                   pqf_error *err) {
    schema_owner *owner = owner_of(schema);
    return set_bytes(owner->mem, &schema->metadata, &owner->metadata_bytes, metadata,
                     pqf_kv_bytes(metadata), err);
}

pqf_status pqf_schema_add_dictionary(struct ArrowSchema *schema, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(owner_of(schema)->mem, sizeof *schema->dictionary, &block, err));
    schema->dictionary = block;
    return PQF_OK;
}

static pqf_status copy_into(const struct ArrowSchema *in, struct ArrowSchema *out,
                            pqf_error *err) {
    if (in->metadata) TRY(pqf_schema_set_metadata(out, in->metadata, err));
    for (int64_t i = 0; i < in->n_children; i++)
        TRY(pqf_schema_copy(in->children[i], out->children[i], err));
    if (!in->dictionary) return PQF_OK;
    TRY(pqf_schema_add_dictionary(out, err));
    return pqf_schema_copy(in->dictionary, out->dictionary, err);
}

pqf_status pqf_schema_copy(const struct ArrowSchema *in, struct ArrowSchema *out,
                           pqf_error *err) {
    struct ArrowSchema copy;
    TRY(pqf_schema_init(&copy, in->format, in->name, in->flags, in->n_children, err));
    pqf_status status = copy_into(in, &copy, err);
    if (status == PQF_OK)
        *out = copy;
    else
        pqf_schema_release(&copy);
    return status;
}

/* ---- checking ---- */

static pqf_status check_node(const struct ArrowSchema *schema, int depth, pqf_error *err);

static pqf_status check_children(const struct ArrowSchema *schema, const pqf_type *type,
                                 int depth, pqf_error *err) {
    const char *name = pqf_field_name(schema);
    int want = pqf_type_num_children(type);
    if (schema->n_children < 0 || (want >= 0 && schema->n_children != want))
        return pqf_fail(err, PQF_INVALID,
                        "Arrow field '%.200s' of format '%.40s' has %lld children, "
                        "expected %d",
                        name, schema->format, (long long)schema->n_children, want);
    if (schema->n_children > 0 && !schema->children)
        return pqf_fail(err, PQF_INVALID, "Arrow field '%.200s' has no children array",
                        name);
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (!schema->children[i])
            return pqf_fail(err, PQF_INVALID,
                            "child %lld of Arrow field '%.200s' is NULL", (long long)i,
                            name);
        TRY(check_node(schema->children[i], depth + 1, err));
    }
    return PQF_OK;
}

/* Rules between a type and its children's types; the children have been checked. */
static pqf_status check_child_types(const struct ArrowSchema *schema,
                                    const pqf_type *type, pqf_error *err) {
    if (type->id != PQF_TYPE_MAP && type->id != PQF_TYPE_RUN_END) return PQF_OK;
    const struct ArrowSchema *first = schema->children[0];
    pqf_type child;
    TRY(pqf_type_parse(first->format, &child, err));
    if (type->id == PQF_TYPE_MAP &&
        (child.id != PQF_TYPE_STRUCT || first->n_children != 2))
        return pqf_fail(err, PQF_INVALID,
                        "entries of the map '%.200s' are not a struct of key and value",
                        pqf_field_name(schema));
    if (type->id == PQF_TYPE_RUN_END && child.id != PQF_TYPE_INT16 &&
        child.id != PQF_TYPE_INT32 && child.id != PQF_TYPE_INT64)
        return pqf_fail(err, PQF_INVALID,
                        "run ends of '%.200s' have the format '%.40s', expected "
                        "int16, int32 or int64",
                        pqf_field_name(schema), first->format);
    return PQF_OK;
}

static pqf_status check_node(const struct ArrowSchema *schema, int depth,
                             pqf_error *err) {
    pqf_type type;
    if (depth > PQF_MAX_DEPTH)
        return pqf_fail(err, PQF_INVALID, "Arrow schema is nested more than %d deep",
                        PQF_MAX_DEPTH);
    TRY(pqf_type_parse(schema->format, &type, err));
    if (pqf_kv_count(schema->metadata) < 0)
        return pqf_fail(err, PQF_INVALID,
                        "metadata of Arrow field '%.200s' has negative lengths",
                        pqf_field_name(schema));
    TRY(check_children(schema, &type, depth, err));
    TRY(check_child_types(schema, &type, err));
    if (!schema->dictionary) return PQF_OK;
    if (!pqf_type_is_integer(type.id))
        return pqf_fail(err, PQF_INVALID,
                        "dictionary indexes of '%.200s' have the format '%.40s', "
                        "expected an integer type",
                        pqf_field_name(schema), schema->format);
    return check_node(schema->dictionary, depth + 1, err);
}

pqf_status pqf_schema_check(const struct ArrowSchema *schema, pqf_error *err) {
    if (!schema->release)
        return pqf_fail(err, PQF_INVALID, "the Arrow schema has been released");
    return check_node(schema, 0, err);
}

/* ---- comparing ---- */

static bool same_fields(const struct ArrowSchema *a, const struct ArrowSchema *b,
                        bool with_names) {
    if (a->n_children != b->n_children) return false;
    for (int64_t i = 0; i < a->n_children; i++) {
        const struct ArrowSchema *x = a->children[i], *y = b->children[i];
        if (with_names && strcmp(pqf_field_name(x), pqf_field_name(y)) != 0) return false;
        if (pqf_field_is_nullable(x) != pqf_field_is_nullable(y)) return false;
        if (!pqf_schema_same_type(x, y)) return false;
    }
    return true;
}

/* A map's entries and its keys are never null, whatever their flags say. */
static bool same_map(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    const struct ArrowSchema *x = a->children[0], *y = b->children[0];
    return pqf_schema_same_type(x->children[0], y->children[0]) &&
           pqf_field_is_nullable(x->children[1]) ==
               pqf_field_is_nullable(y->children[1]) &&
           pqf_schema_same_type(x->children[1], y->children[1]);
}

bool pqf_schema_same_type(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    pqf_type x, y;
    pqf_error ignored;
    pqf_error_init(&ignored);
    if (pqf_type_parse(a->format, &x, &ignored) != PQF_OK) return false;
    if (pqf_type_parse(b->format, &y, &ignored) != PQF_OK) return false;
    if (!pqf_type_same(&x, &y) || strcmp(x.zone, y.zone) != 0) return false;
    if (!a->dictionary != !b->dictionary) return false;
    if (a->dictionary && !pqf_schema_same_type(a->dictionary, b->dictionary))
        return false;
    if (x.id == PQF_TYPE_MAP) return same_map(a, b);
    bool with_names = x.id == PQF_TYPE_STRUCT || x.shape == PQF_SHAPE_UNION;
    if (x.shape == PQF_SHAPE_UNION && strcmp(a->format, b->format) != 0) return false;
    return same_fields(a, b, with_names);
}
