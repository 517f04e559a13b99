/* SPDX-License-Identifier: Apache-2.0
 *
 * unify.c: room arrow. Two schemas, and the one that holds the data of both. In: what is there (or
 * declared), and what comes; out: the schema of both, or a list of the differences that the rule
 * does not allow.
 *
 * Fields of structs match by name, everything else by place. A difference is noted and the walk
 * goes on, so that one message tells all of them.
 */
#include "text.h"
#include "type.h"

#include "base/arena.h"

#define MOST_LINES 10
#define LINE_BYTES 400 /* of one difference; the types in it are cut earlier */

typedef struct unify {
    pqf_unify_rule rule;
    const char *there;
    pqf_arena arena; /* paths and tables of names */
    int64_t num_differences;
    pqf_text lines;
    char space[560];
    pqf_error *err;
} unify;

/* ---- differences ---- */

static void put_side(const struct ArrowSchema *field, bool with_null, char *out,
                     size_t out_bytes) {
    pqf_text text;
    char type[100];
    pqf_bytes name;
    pqf_text_init(&text, out, out_bytes);
    if (!field) {
        pqf_text_put(&text, "missing");
        return;
    }
    pqf_type_text(field, type, sizeof type);
    pqf_text_put(&text, strlen(type) + 1 < sizeof type ? "%s" : "%s...", type);
    if (pqf_kv_find(field->metadata, "ARROW:extension:name", &name))
        pqf_text_put(&text, " (%.*s)", (int)(name.len < 40 ? name.len : 40),
                     (const char *)name.data);
    if (with_null && !pqf_field_is_nullable(field)) pqf_text_put(&text, " not null");
}

/* NULL: missing on that side. */
static void note(unify *u, const char *path, const struct ArrowSchema *a,
                 const struct ArrowSchema *b) {
    char here[160], there[160], line[LINE_BYTES];
    pqf_text text;
    /* A required column that is missing is an error for that reason. */
    bool with_null = a && (!b || pqf_field_is_nullable(a) != pqf_field_is_nullable(b));
    u->num_differences++;
    put_side(b, with_null, here, sizeof here);
    put_side(a, with_null, there, sizeof there);
    pqf_text_init(&text, line, sizeof line);
    pqf_text_put(&text, "\n  %.80s: %s here, %s %s", path, here, there, u->there);
    pqf_text_cut(&text, sizeof line);
    /* A line stands there as a whole or not at all. */
    if (u->num_differences <= MOST_LINES && u->lines.len + text.len < u->lines.cap)
        pqf_text_put(&u->lines, "%s", line);
    else
        u->lines.cap = u->lines.len + 1;
}

static int64_t count_lines(const pqf_text *text) {
    int64_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n;
}

static pqf_status fail(const unify *u, const char *hint) {
    char more[40] = "";
    int64_t rest = u->num_differences - count_lines(&u->lines);
    pqf_text text;
    pqf_text_init(&text, more, sizeof more);
    if (rest > 0) pqf_text_put(&text, "\n  ... and %lld more", (long long)rest);
    return pqf_fail(
        u->err, PQF_SCHEMA, "%lld column%s:%s%s%s", (long long)u->num_differences,
        u->num_differences == 1 ? " differs" : "s differ", u->lines.data, more, hint);
}

/* ---- names ---- */

/* Children of a struct by name: most structs have the same order, so the table waits for the first
 * name that is not where it is expected. */
typedef struct names {
    const struct ArrowSchema *schema;
    int32_t *table; /* child number + 1; 0: free */
    uint32_t mask;
} names;

static uint32_t hash_of(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

static int64_t look_up(const names *n, const char *name) {
    for (uint32_t at = hash_of(name);; at++) {
        int32_t place = n->table[at & n->mask];
        if (!place) return -1;
        if (!strcmp(pqf_field_name(n->schema->children[place - 1]), name))
            return place - 1;
    }
}

static pqf_status build_table(unify *u, names *n) {
    uint32_t size = 4;
    void *block;
    if (n->schema->n_children >= 1 << 24)
        return pqf_fail(u->err, PQF_LIMIT, "a struct of %lld fields",
                        (long long)n->schema->n_children);
    while (size < 2 * (uint32_t)n->schema->n_children)
        size *= 2;
    TRY(pqf_arena_array(&u->arena, size, sizeof(int32_t), &block, u->err));
    n->table = block;
    n->mask = size - 1;
    for (int64_t i = 0; i < n->schema->n_children; i++) {
        uint32_t at = hash_of(pqf_field_name(n->schema->children[i]));
        while (n->table[at & n->mask])
            at++;
        n->table[at & n->mask] = (int32_t)i + 1;
    }
    return PQF_OK;
}

/* *out is -1 where there is no such child. */
static pqf_status find(unify *u, names *n, int64_t guess, const char *name,
                       int64_t *out) {
    *out = guess;
    if (guess < n->schema->n_children &&
        !strcmp(pqf_field_name(n->schema->children[guess]), name))
        return PQF_OK;
    if (!n->table) TRY(build_table(u, n));
    *out = look_up(n, name);
    return PQF_OK;
}

/* ---- fields ---- */

static pqf_status unify_field(unify *u, const char *path, const struct ArrowSchema *a,
                              const struct ArrowSchema *b, struct ArrowSchema *out);

static pqf_status child_path(unify *u, const char *path, const char *name,
                             const char **out) {
    return pqf_arena_printf(&u->arena, out, u->err, *path ? "%s.%s" : "%s%s", path, name);
}

static pqf_status copy_as_nullable(unify *u, const struct ArrowSchema *field,
                                   struct ArrowSchema *out) {
    TRY(pqf_schema_copy(field, out, u->err));
    out->flags |= ARROW_FLAG_NULLABLE;
    return PQF_OK;
}

static pqf_status differ(unify *u, const char *path, const struct ArrowSchema *a,
                         const struct ArrowSchema *b, struct ArrowSchema *out) {
    note(u, path, a, b);
    return pqf_schema_copy(a, out, u->err);
}

/* A field of a that b lacks. */
static pqf_status keep_field(unify *u, const char *path, const struct ArrowSchema *field,
                             bool may_add, struct ArrowSchema *out) {
    bool is_declared = u->rule == PQF_RULE_DECLARED;
    if (is_declared ? !pqf_field_is_nullable(field) : !may_add)
        note(u, path, field, NULL);
    return is_declared ? pqf_schema_copy(field, out, u->err)
                       : copy_as_nullable(u, field, out);
}

static pqf_status unify_pairs(unify *u, const char *path, const struct ArrowSchema *a,
                              const struct ArrowSchema *b, const int64_t *picks,
                              bool may_add, struct ArrowSchema *out) {
    const char *below;
    for (int64_t i = 0; i < a->n_children; i++) {
        const struct ArrowSchema *field = a->children[i];
        TRY(child_path(u, path, pqf_field_name(field), &below));
        if (picks[i] < 0)
            TRY(keep_field(u, below, field, may_add, out->children[i]));
        else
            TRY(unify_field(u, below, field, b->children[picks[i]], out->children[i]));
    }
    return PQF_OK;
}

static pqf_status add_extras(unify *u, const char *path, const struct ArrowSchema *b,
                             const bool *is_extra, bool may_add, int64_t to,
                             struct ArrowSchema *out) {
    const char *below;
    for (int64_t i = 0; i < b->n_children; i++) {
        if (!is_extra[i]) continue;
        TRY(child_path(u, path, pqf_field_name(b->children[i]), &below));
        if (!may_add) note(u, below, NULL, b->children[i]);
        TRY(copy_as_nullable(u, b->children[i], out->children[to++]));
    }
    return PQF_OK;
}

/* Which child of b each child of a is, and which of b's are none of a's. */
static pqf_status match(unify *u, const struct ArrowSchema *a,
                        const struct ArrowSchema *b, int64_t *picks, bool *is_extra,
                        int64_t *num_extra) {
    names of_a = {.schema = a}, of_b = {.schema = b};
    for (int64_t i = 0; i < a->n_children; i++)
        TRY(find(u, &of_b, i, pqf_field_name(a->children[i]), &picks[i]));
    *num_extra = 0;
    for (int64_t i = 0; i < b->n_children; i++) {
        int64_t at;
        TRY(find(u, &of_a, i, pqf_field_name(b->children[i]), &at));
        is_extra[i] = at < 0 && u->rule != PQF_RULE_DECLARED;
        *num_extra += is_extra[i];
    }
    return PQF_OK;
}

static bool same_order(const int64_t *picks, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (picks[i] >= 0 && picks[i] != i) return false;
    return true;
}

/* `out` has its format, name and flags, and no children yet. */
static pqf_status unify_struct(unify *u, const char *path, const struct ArrowSchema *a,
                               const struct ArrowSchema *b, struct ArrowSchema *out) {
    void *picks, *is_extra;
    int64_t num_extra;
    bool is_root = !*path;
    TRY(pqf_arena_array(&u->arena, (size_t)a->n_children, sizeof(int64_t), &picks,
                        u->err));
    TRY(pqf_arena_array(&u->arena, (size_t)b->n_children, 1, &is_extra, u->err));
    TRY(match(u, a, b, picks, is_extra, &num_extra));
    bool may_add = u->rule == PQF_RULE_WIDEN || (is_root && u->rule == PQF_RULE_ADD);
    bool widens = u->rule >= PQF_RULE_WIDEN;
    if (!is_root && !widens && !num_extra && !same_order(picks, a->n_children))
        note(u, path, a, b);
    TRY(pqf_schema_init(out, "+s", a->name, a->flags, a->n_children + num_extra, u->err));
    TRY(unify_pairs(u, path, a, b, picks, may_add, out));
    return add_extras(u, path, b, is_extra, may_add, a->n_children, out);
}

/* Entries of a map: key and value, whatever they are called. */
static pqf_status unify_entries(unify *u, const char *path, const struct ArrowSchema *a,
                                const struct ArrowSchema *b, struct ArrowSchema *out) {
    static const char *const NAMES[] = {"key", "value"};
    const char *below;
    TRY(pqf_schema_init(out, "+s", a->name, a->flags, 2, u->err));
    for (int i = 0; i < 2; i++) {
        TRY(child_path(u, path, NAMES[i], &below));
        TRY(unify_field(u, below, a->children[i], b->children[i], out->children[i]));
    }
    return PQF_OK;
}

/* Lists that have become of one form, and maps. */
static pqf_status unify_list(unify *u, const char *path, const struct ArrowSchema *a,
                             const struct ArrowSchema *b, const char *format,
                             struct ArrowSchema *out) {
    const char *items;
    TRY(pqf_schema_init(out, format, a->name, a->flags, 1, u->err));
    if (!strcmp(format, "+m"))
        return unify_entries(u, path, a->children[0], b->children[0], out->children[0]);
    TRY(pqf_arena_printf(&u->arena, &items, u->err, "%s[]", path));
    return unify_field(u, items, a->children[0], b->children[0], out->children[0]);
}

/* A type without children as the widest of two; a declared one holds the other as it is. */
static bool widest_format(unify *u, const pqf_type *x, const pqf_type *y,
                          const char **out, pqf_status *status) {
    pqf_type both;
    void *block;
    if (!pqf_type_widest(x, y, &both)) return false;
    bool is_first = pqf_type_same(x, &both) && !strcmp(x->zone, both.zone);
    bool is_same = is_first && pqf_type_same(x, y) && !strcmp(x->zone, y->zone);
    if (u->rule == PQF_RULE_DECLARED && !is_first) {
        /* Instants keep their meaning in any zone: the declared one is taken. */
        both.zone = x->zone;
        if (!pqf_type_same(x, &both)) return false;
    }
    if (u->rule < PQF_RULE_WIDEN && !is_same) return false;
    size_t bytes = 64 + strlen(both.zone);
    *status = pqf_arena_alloc(&u->arena, bytes, &block, u->err);
    *out = block;
    if (*status == PQF_OK) pqf_type_format(&both, block, bytes);
    return true;
}

static bool is_plain_list(const pqf_type *t) {
    return t->id == PQF_TYPE_LIST || t->id == PQF_TYPE_LARGE_LIST;
}

/* Types that have children: by rows of what goes together. */
static pqf_status unify_nested(unify *u, const char *path, const struct ArrowSchema *a,
                               const struct ArrowSchema *b, const pqf_type *x,
                               const pqf_type *y, struct ArrowSchema *out) {
    if (x->id == PQF_TYPE_STRUCT && y->id == PQF_TYPE_STRUCT)
        return unify_struct(u, path, a, b, out);
    if (pqf_type_has_list_shape(x) && pqf_type_same(x, y))
        return unify_list(u, path, a, b, a->format, out);
    bool lists = is_plain_list(x) && is_plain_list(y);
    if (lists && (u->rule == PQF_RULE_WIDEN ||
                  (u->rule == PQF_RULE_DECLARED && x->id == PQF_TYPE_LARGE_LIST)))
        return unify_list(u, path, a, b, "+L", out);
    return differ(u, path, a, b, out);
}

static pqf_status unify_encoded(unify *u, const char *path, const struct ArrowSchema *a,
                                const struct ArrowSchema *b, const pqf_type *x,
                                const pqf_type *y, struct ArrowSchema *out) {
    const char *index;
    pqf_status status = PQF_OK;
    int64_t ordered = a->flags & b->flags & ARROW_FLAG_DICTIONARY_ORDERED;
    if (!widest_format(u, x, y, &index, &status)) return differ(u, path, a, b, out);
    TRY(status);
    TRY(pqf_schema_init(out, index, a->name, ordered, 0, u->err));
    TRY(pqf_schema_add_dictionary(out, u->err));
    return unify_field(u, path, a->dictionary, b->dictionary, out->dictionary);
}

static pqf_status unify_dictionaries(unify *u, const char *path,
                                     const struct ArrowSchema *a,
                                     const struct ArrowSchema *b, const pqf_type *x,
                                     const pqf_type *y, struct ArrowSchema *out) {
    if (a->dictionary && b->dictionary) return unify_encoded(u, path, a, b, x, y, out);
    if (u->rule < PQF_RULE_WIDEN || (u->rule == PQF_RULE_DECLARED && a->dictionary))
        return differ(u, path, a, b, out);
    /* As if the encoded side were plain. */
    struct ArrowSchema plain = a->dictionary ? *a->dictionary : *b->dictionary;
    const struct ArrowSchema *encoded = a->dictionary ? a : b;
    plain.name = encoded->name;
    plain.metadata = encoded->metadata;
    plain.flags = (plain.flags & ~(int64_t)ARROW_FLAG_NULLABLE) |
                  (encoded->flags & ARROW_FLAG_NULLABLE);
    return a->dictionary ? unify_field(u, path, &plain, b, out)
                         : unify_field(u, path, a, &plain, out);
}

static pqf_bytes extension_of(const struct ArrowSchema *field) {
    pqf_bytes name = {0};
    (void)pqf_kv_find(field->metadata, "ARROW:extension:name", &name);
    return name;
}

static bool same_extension(const struct ArrowSchema *a, const struct ArrowSchema *b) {
    pqf_bytes x = extension_of(a), y = extension_of(b);
    return x.len == y.len && (!x.len || !memcmp(x.data, y.data, x.len));
}

static pqf_status unify_types(unify *u, const char *path, const struct ArrowSchema *a,
                              const struct ArrowSchema *b, struct ArrowSchema *out) {
    pqf_type x, y;
    const char *format;
    pqf_status status = PQF_OK;
    bool widens = u->rule >= PQF_RULE_WIDEN;
    TRY(pqf_type_parse(a->format, &x, u->err));
    TRY(pqf_type_parse(b->format, &y, u->err));
    if (pqf_schema_same_type(a, b) && same_extension(a, b))
        return pqf_schema_copy(a, out, u->err);
    if (widens && y.id == PQF_TYPE_NULL) return pqf_schema_copy(a, out, u->err);
    if (u->rule == PQF_RULE_WIDEN && x.id == PQF_TYPE_NULL) {
        TRY(pqf_schema_copy(b, out, u->err));
        return pqf_schema_set_name(out, pqf_field_name(a), u->err);
    }
    if (widens && !same_extension(a, b)) return differ(u, path, a, b, out);
    if (a->dictionary || b->dictionary)
        return unify_dictionaries(u, path, a, b, &x, &y, out);
    if (a->n_children || b->n_children) return unify_nested(u, path, a, b, &x, &y, out);
    if (!widest_format(u, &x, &y, &format, &status)) return differ(u, path, a, b, out);
    TRY(status);
    return pqf_schema_init(out, format, a->name, a->flags, 0, u->err);
}

/* The whole field: its type, its metadata, and whether it may be null. */
static pqf_status unify_field(unify *u, const char *path, const struct ArrowSchema *a,
                              const struct ArrowSchema *b, struct ArrowSchema *out) {
    bool may_be_null = pqf_field_is_nullable(b);
    bool fixed = u->rule == PQF_RULE_STRICT || u->rule == PQF_RULE_DECLARED;
    int64_t before = u->num_differences;
    TRY(unify_types(u, path, a, b, out));
    if (a->metadata) TRY(pqf_schema_set_metadata(out, a->metadata, u->err));
    if (may_be_null && !pqf_field_is_nullable(a) && fixed && u->num_differences == before)
        note(u, path, a, b);
    out->flags = (a->flags & ~(int64_t)ARROW_FLAG_DICTIONARY_ORDERED) |
                 (out->flags & ARROW_FLAG_DICTIONARY_ORDERED);
    if (may_be_null && !fixed) out->flags |= ARROW_FLAG_NULLABLE;
    return PQF_OK;
}

/* ---- schemas ---- */

static pqf_status run(const struct ArrowSchema *a, const struct ArrowSchema *b,
                      pqf_unify_rule rule, unify *u, pqf_mem *mem,
                      struct ArrowSchema *out) {
    struct ArrowSchema schema = {0};
    u->rule = rule;
    u->num_differences = 0;
    pqf_arena_init(&u->arena, mem);
    pqf_text_init(&u->lines, u->space, sizeof u->space);
    pqf_status status = unify_struct(u, "", a, b, &schema);
    if (status == PQF_OK && a->metadata)
        status = pqf_schema_set_metadata(&schema, a->metadata, u->err);
    if (status == PQF_OK && !u->num_differences && out)
        *out = schema;
    else
        pqf_schema_release(&schema);
    pqf_arena_reset(&u->arena);
    return status;
}

/* What would do where the rule did not. */
static pqf_status find_hint(const struct ArrowSchema *a, const struct ArrowSchema *b,
                            pqf_unify_rule rule, const char *there, pqf_mem *mem,
                            const char **out, pqf_error *err) {
    static const char *const HINTS[] = {"", "\nunify='add' allows this",
                                        "\nunify='widen' allows this"};
    unify u = {.there = there, .err = err};
    *out = "";
    for (pqf_unify_rule next = rule + 1; next <= PQF_RULE_WIDEN; next++) {
        TRY(run(a, b, next, &u, mem, NULL));
        if (u.num_differences) continue;
        *out = HINTS[next];
        return PQF_OK;
    }
    return PQF_OK;
}

pqf_status pqf_schema_unify(const struct ArrowSchema *a, const struct ArrowSchema *b,
                            pqf_unify_rule rule, const char *there,
                            struct ArrowSchema *out, pqf_error *err) {
    unify u = {.there = there, .err = err};
    const char *hint;
    pqf_mem *mem;
    TRY(pqf_mem_new(0, &mem, err));
    pqf_status status = run(a, b, rule, &u, mem, out);
    if (status == PQF_OK && u.num_differences) {
        status = find_hint(a, b, rule, there, mem, &hint, err);
        if (status == PQF_OK) status = fail(&u, hint);
    }
    pqf_mem_release(mem);
    return status;
}

/* ---- what fits as it is ---- */

static bool fits(const struct ArrowSchema *declared, const struct ArrowSchema *found,
                 bool are_entries) {
    if (strcmp(declared->format, found->format) != 0) return false;
    if (pqf_field_is_nullable(found) && !pqf_field_is_nullable(declared)) return false;
    if (declared->n_children != found->n_children) return false;
    bool is_map = !strcmp(declared->format, "+m");
    bool named = !strcmp(declared->format, "+s") && !are_entries;
    for (int64_t i = 0; i < declared->n_children; i++) {
        const struct ArrowSchema *x = declared->children[i], *y = found->children[i];
        if (named && strcmp(pqf_field_name(x), pqf_field_name(y)) != 0) return false;
        if (!fits(x, y, is_map)) return false;
    }
    if (!declared->dictionary != !found->dictionary) return false;
    return !declared->dictionary || fits(declared->dictionary, found->dictionary, false);
}

bool pqf_schema_fits(const struct ArrowSchema *declared,
                     const struct ArrowSchema *found) {
    return fits(declared, found, false);
}
