/* SPDX-License-Identifier: Apache-2.0
 *
 * choice.c: room arrow. Paths to columns and what lies in them, found in a schema and put
 * together to one tree of choices. In: paths of names; a path of one name that no column
 * has is tried with every way to split it at its dots. Out: pqf_choices, or an error that
 * tells where the path ends and what is there.
 */
#include "choice.h"
#include "near.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_NEAR   3
#define MAX_SHOWN  10
#define SHOW_BYTES 300

typedef struct pqf_named {
    const char *name;
    int64_t index;
} named;

static int by_name(const void *a, const void *b) {
    const named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

pqf_status pqf_choices_init(pqf_choices *c, const struct ArrowSchema *schema,
                            pqf_arena *arena, pqf_error *err) {
    void *block;
    *c = (pqf_choices){.schema = schema, .arena = arena};
    TRY(pqf_arena_array(arena, (size_t)schema->n_children, sizeof(named), &block, err));
    c->sorted = block;
    TRY(pqf_arena_array(arena, (size_t)schema->n_children, sizeof(pqf_choice *), &block,
                        err));
    c->of_column = block;
    for (int64_t i = 0; i < schema->n_children; i++)
        c->sorted[i] = (named){pqf_field_name(schema->children[i]), i};
    qsort(c->sorted, (size_t)schema->n_children, sizeof(named), by_name);
    return PQF_OK;
}

/* ---- a path in the schema ---- */

/* A way down: the index of the field at each level. */
typedef struct way {
    int64_t at[PQF_MAX_DEPTH];
    int depth; /* 0: none */
} way;

/* A path as text: names with `separator` between them, which for a tuple of names is NUL. */
typedef struct search {
    const char *text;
    const char *end;
    char separator;
    way current, found[2];
    int num_found;
    const char *deepest; /* where the longest beginning that leads somewhere ends */
    way deepest_way;
} search;

/* Every field is reached by one way, so each is looked at once at most. */
static void look_below(search *s, pqf_level level, const char *rest) {
    if (s->num_found == 2 || s->current.depth == PQF_MAX_DEPTH) return;
    if (rest > s->deepest) {
        s->deepest = rest;
        s->deepest_way = s->current;
    }
    for (int64_t i = 0; i < level.num_fields && s->num_found < 2; i++) {
        const char *name = pqf_level_name(&level, i);
        size_t n = strlen(name);
        if (n > (size_t)(s->end - rest) || memcmp(name, rest, n) != 0) continue;
        const char *behind = rest + n;
        if (behind < s->end && *behind != s->separator) continue;
        s->current.at[s->current.depth++] = i;
        if (behind == s->end)
            s->found[s->num_found++] = s->current;
        else
            look_below(s, pqf_level_below(level.fields[i]), behind + 1);
        s->current.depth--;
    }
}

static pqf_level columns_of(const pqf_choices *c) {
    return (pqf_level){c->schema->children, c->schema->n_children, false};
}

/* The columns of exactly this name. */
static void look_for_column(const pqf_choices *c, search *s) {
    int64_t n = c->schema->n_children, lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (strcmp(c->sorted[mid].name, s->text) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < n && s->num_found < 2 && !strcmp(c->sorted[lo].name, s->text); lo++)
        s->found[s->num_found++] = (way){.at = {c->sorted[lo].index}, .depth = 1};
}

/* ---- what goes wrong ---- */

typedef struct text {
    char bytes[SHOW_BYTES];
    size_t len;
} text;

static void text_add(text *t, const char *s) {
    size_t n = strlen(s);
    if (n > sizeof t->bytes - 1 - t->len) n = sizeof t->bytes - 1 - t->len;
    memcpy(t->bytes + t->len, s, n);
    t->len += n;
    t->bytes[t->len] = 0;
}

static void text_add_quoted(text *t, const char *name) {
    text_add(t, "'");
    text_add(t, name);
    text_add(t, "'");
}

/* "('a', 'b.c')" */
static void text_add_way(const pqf_choices *c, const way *w, text *t) {
    pqf_level level = columns_of(c);
    text_add(t, "(");
    for (int i = 0; i < w->depth; i++) {
        text_add(t, i ? ", " : "");
        text_add_quoted(t, pqf_level_name(&level, w->at[i]));
        level = pqf_level_below(level.fields[w->at[i]]);
    }
    text_add(t, ")");
}

/* "; did you mean 'a' or 'b'?" */
static bool add_near(const pqf_level *level, const char *name, text *t) {
    int found = 0;
    for (int d = 0; d <= pqf_name_reach(name); d++)
        for (int64_t i = 0; i < level->num_fields && found < MAX_NEAR; i++) {
            const char *other = pqf_level_name(level, i);
            if (pqf_name_distance(name, other) != d) continue;
            text_add(t, found++ ? " or " : "; did you mean ");
            text_add_quoted(t, other);
        }
    if (found) text_add(t, "?");
    return found > 0;
}

/* "; there are 'a', 'b', ..." */
static void add_all(const pqf_level *level, text *t) {
    text_add(t, level->num_fields ? "; there are " : "; there are no columns");
    for (int64_t i = 0; i < level->num_fields && i < MAX_SHOWN; i++) {
        text_add(t, i ? ", " : "");
        text_add_quoted(t, pqf_level_name(level, i));
    }
    if (level->num_fields > MAX_SHOWN) text_add(t, ", ...");
}

/* The names near what the path says next: to its end, as names may have dots, or to the
 * next separator. */
static void add_hint(const search *s, const pqf_level *level, text *t) {
    char name[SHOW_BYTES];
    snprintf(name, sizeof name, "%s", s->deepest);
    if (add_near(level, name, t)) return;
    name[strcspn(name, ".")] = 0;
    if (!add_near(level, name, t)) add_all(level, t);
}

/* Where the path leads nowhere, and what there is instead. */
static pqf_status fail_unknown(const pqf_choices *c, const search *s, const char *shown,
                               pqf_error *err) {
    pqf_level level = columns_of(c);
    const struct ArrowSchema *field = NULL;
    text hint = {0}, where = {0};
    for (int i = 0; i < s->deepest_way.depth; i++) {
        int64_t at = s->deepest_way.at[i];
        field = level.fields[at];
        text_add(&where, i ? "." : "");
        text_add(&where, pqf_level_name(&level, at));
        level = pqf_level_below(field);
    }
    add_hint(s, &level, &hint);
    if (!field)
        return pqf_fail(err, PQF_SCHEMA, "there is no column '%.200s'%s", shown,
                        hint.bytes);
    if (level.num_fields)
        return pqf_fail(err, PQF_SCHEMA,
                        "there is no column '%.150s': '%.100s' has no field '%.100s'%s",
                        shown, where.bytes, s->deepest, hint.bytes);
    char type[128];
    pqf_type_text(field, type, sizeof type);
    return pqf_fail(err, PQF_SCHEMA,
                    "there is no column '%.150s': '%.100s' is %s, which has no fields",
                    shown, where.bytes, type);
}

static pqf_status fail_ambiguous(const pqf_choices *c, const search *s, const char *shown,
                                 pqf_error *err) {
    text a = {0}, b = {0};
    text_add_way(c, &s->found[0], &a);
    text_add_way(c, &s->found[1], &b);
    if (!strcmp(a.bytes, b.bytes))
        return pqf_fail(err, PQF_SCHEMA,
                        "two columns have the name '%.200s'; they are only read together "
                        "with all others",
                        shown);
    return pqf_fail(err, PQF_SCHEMA,
                    "the column '%.200s' may be %s or %s: a tuple of names tells which",
                    shown, a.bytes, b.bytes);
}

/* ---- choices ---- */

/* The names with `separator` between them. */
static pqf_status join(const pqf_choices *c, const pqf_column_path *path, char separator,
                       const char **out, const char **end, pqf_error *err) {
    size_t bytes = 0;
    void *block;
    for (int32_t i = 0; i < path->num_names; i++)
        bytes += strlen(path->names[i]) + 1;
    TRY(pqf_arena_alloc(c->arena, bytes, &block, err));
    char *to = block;
    for (int32_t i = 0; i < path->num_names; i++) {
        size_t n = strlen(path->names[i]);
        if (i) to[-1] = separator;
        memcpy(to, path->names[i], n + 1);
        to += n + 1;
    }
    *out = block;
    *end = to - 1;
    return PQF_OK;
}

static pqf_status find(const pqf_choices *c, const pqf_column_path *path, way *out,
                       const char **shown, pqf_error *err) {
    search s = {.separator = path->num_names > 1 ? 0 : '.'};
    if (path->num_names < 1)
        return pqf_fail(err, PQF_INVALID, "the path of a column has no names");
    TRY(join(c, path, '.', shown, &s.end, err));
    TRY(join(c, path, s.separator, &s.text, &s.end, err));
    s.deepest = s.text;
    if (path->num_names == 1) look_for_column(c, &s);
    if (!s.num_found) look_below(&s, columns_of(c), s.text);
    if (s.num_found == 2) return fail_ambiguous(c, &s, *shown, err);
    if (!s.num_found) return fail_unknown(c, &s, *shown, err);
    *out = s.found[0];
    return PQF_OK;
}

static pqf_status make_choice(const pqf_choices *c, int64_t index, const char *name,
                              pqf_choice **out, pqf_error *err) {
    void *block;
    TRY(pqf_arena_alloc(c->arena, sizeof(pqf_choice), &block, err));
    *out = block;
    **out = (pqf_choice){.name = name, .index = index};
    return PQF_OK;
}

static pqf_status choice_of_column(pqf_choices *c, int64_t index, pqf_choice **out,
                                   pqf_error *err) {
    pqf_choice **place = &c->of_column[index];
    *out = *place;
    if (*place) return PQF_OK;
    const char *name = pqf_field_name(c->schema->children[index]);
    TRY(make_choice(c, index, name, out, err));
    *place = *out;
    if (c->last)
        c->last->next = *out;
    else
        c->first = *out;
    c->last = *out;
    c->num_columns++;
    return PQF_OK;
}

static pqf_status choice_of_child(const pqf_choices *c, pqf_choice *parent, int64_t index,
                                  const char *name, pqf_choice **out, pqf_error *err) {
    pqf_choice **place = &parent->children;
    while (*place && (*place)->index != index)
        place = &(*place)->next;
    if (!*place) TRY(make_choice(c, index, name, place, err));
    *out = *place;
    return PQF_OK;
}

pqf_status pqf_choices_add(pqf_choices *c, const pqf_column_path *path, bool once,
                           pqf_error *err) {
    way w = {0};
    const char *shown;
    pqf_choice *choice;
    TRY(find(c, path, &w, &shown, err));
    TRY(choice_of_column(c, w.at[0], &choice, err));
    const struct ArrowSchema *field = c->schema->children[w.at[0]];
    for (int i = 1; i < w.depth; i++) {
        pqf_level level = pqf_level_below(field);
        TRY(choice_of_child(c, choice, w.at[i], pqf_level_name(&level, w.at[i]), &choice,
                            err));
        field = level.fields[w.at[i]];
    }
    if (choice->is_whole && once)
        return pqf_fail(err, PQF_INVALID, "the column '%.200s' is asked for twice",
                        shown);
    choice->is_whole = true;
    return PQF_OK;
}
