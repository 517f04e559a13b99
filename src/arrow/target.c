/* SPDX-License-Identifier: Apache-2.0
 *
 * target.c: room arrow, conforming. The declared schema as a tree of targets with their
 * paths, and the schema of what comes out, which follows the arrays where they stay
 * dictionaries or large.
 */
#include "conform.h"

static uint32_t hash_of(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

int64_t pqf_target_find(const pqf_target *target, const char *name) {
    for (uint32_t at = hash_of(name); target->names; at++) {
        int32_t place = target->names[at & target->name_mask];
        if (place == 0) return -1;
        if (strcmp(target->children[place - 1].name, name) == 0) return place - 1;
    }
    return -1;
}

static pqf_status index_names(pqf_target *t, pqf_arena *arena, pqf_error *err) {
    uint32_t size = 4;
    void *block;
    if (t->num_children >= 1 << 24)
        return pqf_fail(err, PQF_LIMIT, "a struct of %lld fields",
                        (long long)t->num_children);
    while (size < 2 * (uint32_t)t->num_children)
        size *= 2;
    TRY(pqf_arena_array(arena, size, sizeof(int32_t), &block, err));
    t->names = block;
    t->name_mask = size - 1;
    for (int64_t i = 0; i < t->num_children; i++) {
        if (pqf_target_find(t, t->children[i].name) >= 0)
            return pqf_fail(err, PQF_INVALID,
                            "the declared schema has two fields named '%.200s'",
                            t->children[i].path);
        uint32_t at = hash_of(t->children[i].name);
        while (t->names[at & t->name_mask])
            at++;
        t->names[at & t->name_mask] = (int32_t)i + 1;
    }
    return PQF_OK;
}

/* ---- looking through encodings ---- */

static bool is_run_end(const struct ArrowSchema *schema) {
    return strcmp(schema->format, "+r") == 0;
}

static const struct ArrowSchema *plain_of(const struct ArrowSchema *schema) {
    while (schema->dictionary || is_run_end(schema))
        schema = schema->dictionary ? schema->dictionary : schema->children[1];
    return schema;
}

/* What a declared type comes out as at least. */
static const char *plain_format(const struct ArrowSchema *plain) {
    if (strcmp(plain->format, "+vl") == 0) return "+l";
    if (strcmp(plain->format, "+vL") == 0) return "+L";
    return plain->format;
}

static pqf_status fill_plain(const struct ArrowSchema *declared,
                             const struct ArrowSchema *plain, struct ArrowSchema *out,
                             pqf_error *err) {
    if (declared->metadata) TRY(pqf_schema_set_metadata(out, declared->metadata, err));
    for (int64_t i = 0; i < plain->n_children; i++)
        TRY(pqf_schema_plain(plain->children[i], out->children[i], err));
    return PQF_OK;
}

pqf_status pqf_schema_plain(const struct ArrowSchema *declared, struct ArrowSchema *out,
                            pqf_error *err) {
    const struct ArrowSchema *plain = plain_of(declared);
    struct ArrowSchema schema;
    TRY(pqf_schema_init(&schema, plain_format(plain), declared->name, declared->flags,
                        plain->n_children, err));
    pqf_status status = fill_plain(declared, plain, &schema, err);
    if (status == PQF_OK)
        *out = schema;
    else
        pqf_schema_release(&schema);
    return status;
}

pqf_status pqf_schema_put_format(struct ArrowSchema *schema, const char *format,
                                 pqf_error *err) {
    return strcmp(schema->format, format) == 0
               ? PQF_OK
               : pqf_schema_set_format(schema, format, err);
}

pqf_status pqf_schema_set_plain(const pqf_target *target, struct ArrowSchema *schema,
                                pqf_error *err) {
    struct ArrowSchema plain;
    if (!schema->dictionary) {
        TRY(pqf_schema_put_format(schema, plain_format(target->plain), err));
        /* What lies below may have come in another form in the batch before. */
        for (int64_t i = 0; i < target->num_children; i++)
            TRY(pqf_schema_set_plain(&target->children[i], schema->children[i], err));
        return PQF_OK;
    }
    TRY(pqf_schema_plain(target->declared, &plain, err));
    pqf_schema_release(schema);
    *schema = plain;
    return PQF_OK;
}

static pqf_status fill_dictionary(const pqf_target *target, struct ArrowSchema *out,
                                  pqf_error *err) {
    if (target->declared->metadata)
        TRY(pqf_schema_set_metadata(out, target->declared->metadata, err));
    TRY(pqf_schema_add_dictionary(out, err));
    return pqf_schema_copy(target->plain, out->dictionary, err);
}

pqf_status pqf_schema_set_dictionary(const pqf_target *target, const char *index_format,
                                     struct ArrowSchema *schema, pqf_error *err) {
    struct ArrowSchema encoded;
    const struct ArrowSchema *declared = target->declared;
    if (schema->dictionary) return pqf_schema_put_format(schema, index_format, err);
    TRY(pqf_schema_init(&encoded, index_format, declared->name, declared->flags, 0, err));
    pqf_status status = fill_dictionary(target, &encoded, err);
    if (status != PQF_OK) {
        pqf_schema_release(&encoded);
        return status;
    }
    pqf_schema_release(schema);
    *schema = encoded;
    return PQF_OK;
}

/* ---- building the tree ---- */

static pqf_status init_node(pqf_target *t, const struct ArrowSchema *schema,
                            const char *path, pqf_arena *arena, pqf_error *err);

/* A child's path: s.x, l[], m.key; a map's entries have the map's own. */
static pqf_status path_of_child(const pqf_target *t, int64_t i, pqf_arena *arena,
                                const char **out, pqf_error *err) {
    const char *name = pqf_field_name(t->plain->children[i]);
    if (t->type.id == PQF_TYPE_MAP) {
        *out = t->path;
        return PQF_OK;
    }
    if (t->by_position)
        return pqf_arena_printf(arena, out, err, "%s.%s", t->path, i ? "value" : "key");
    if (pqf_type_has_list_shape(&t->type))
        return pqf_arena_printf(arena, out, err, "%s[]", t->path);
    return pqf_arena_printf(arena, out, err, *t->path ? "%s.%s" : "%s%s", t->path, name);
}

static pqf_status init_children(pqf_target *t, pqf_arena *arena, pqf_error *err) {
    void *block;
    t->num_children = t->plain->n_children;
    TRY(pqf_arena_array(arena, (size_t)t->num_children, sizeof(pqf_target), &block, err));
    t->children = block;
    for (int64_t i = 0; i < t->num_children; i++) {
        pqf_target *child = &t->children[i];
        const char *path;
        TRY(path_of_child(t, i, arena, &path, err));
        child->by_position = t->type.id == PQF_TYPE_MAP;
        TRY(init_node(child, t->plain->children[i], path, arena, err));
        if (t->type.id == PQF_TYPE_MAP || (t->by_position && i == 0))
            child->nullable = false;
        t->requires_below |= child->requires_below || !child->nullable;
    }
    if (t->type.id != PQF_TYPE_STRUCT || t->by_position) return PQF_OK;
    return index_names(t, arena, err);
}

static pqf_status init_node(pqf_target *t, const struct ArrowSchema *schema,
                            const char *path, pqf_arena *arena, pqf_error *err) {
    t->name = pqf_field_name(schema);
    t->path = path;
    t->declared = schema;
    t->plain = plain_of(schema);
    t->nullable = pqf_field_is_nullable(schema);
    t->is_dictionary = schema->dictionary != NULL;
    TRY(pqf_type_parse(t->plain->format, &t->type, err));
    return init_children(t, arena, err);
}

pqf_status pqf_target_init(pqf_target *out, const struct ArrowSchema *schema,
                           pqf_arena *arena, pqf_error *err) {
    *out = (pqf_target){0};
    return init_node(out, schema, "", arena, err);
}
