/* SPDX-License-Identifier: Apache-2.0
 *
 * predicate.c: the tree of a pyarrow.compute.Expression, judged on ranges of values.
 *
 * A node's judgement is the set of results that it may have on some row: true, false,
 * null. Comparing sets instead of guessing one result keeps negation right: with NaN rows
 * `not (a > 1)` may be true whatever the bounds say. What is not known here may be
 * anything, and prunes nothing.
 *
 * The serialised form: metadata entries in prefix order, ("call", name) ... ("end",
 * name), ("field_ref", name), ("nested_field_ref", depth) followed by that many
 * field_refs, ("literal", column), ("options", column); literals and options are the
 * columns of a record batch of one row.
 */
#include "inner.h"

#include <float.h>
#include <math.h>

#define MAY_TRUE  1u
#define MAY_FALSE 2u
#define MAY_NULL  4u
#define MAY_ANY   7u

/* Both parsing and judging recurse; what is nested deeper is not judged. */
#define MAX_DEPTH 500
#define MAX_PATH  16

typedef enum node_kind { NODE_UNKNOWN, NODE_CALL, NODE_FIELD, NODE_LITERAL } node_kind;

typedef struct node node;
typedef unsigned (*judge_fn)(const node *n, pqf_range_fn range, void *context);

struct node {
    node_kind kind;
    judge_fn judge; /* NODE_CALL */
    int op;         /* of a comparison */
    node *args[2];
    int num_args;
    const char **path; /* NODE_FIELD */
    int32_t depth;
    pqf_scalar literal; /* NODE_LITERAL */
    pqf_scalar *set;    /* is_in; NULL: not known */
    int64_t num_set;
    bool flag;        /* is_null: nan_is_null; starts_with: ignore_case */
    int64_t behavior; /* is_in: null_matching_behavior */
};

struct pqf_predicate {
    pqf_mem *mem;
    pqf_arena arena;
    struct ArrowArray literals; /* a copy of the batch, into which scalars point */
    struct ArrowSchema schema;
    pqf_view batch;
    node *root;
    pqf_buf columns; /* pqf_column_path[], each once */
};

/* ---- comparing scalars ---- */

static int sign_of(bool less, bool greater) { return greater - less; }

/* v * 10^digits; false where 128 bits do not hold it. */
static bool scale_up(__int128 v, int32_t digits, __int128 *out) {
    for (*out = v; digits > 0 && *out; digits--)
        if (__builtin_mul_overflow(*out, (__int128)10, out)) return false;
    return true;
}

/* Decimals and integers as integers of one scale. */
static bool align(const pqf_scalar *a, const pqf_scalar *b, __int128 *x, __int128 *y) {
    int32_t of_a = a->class == PQF_CLASS_DECIMAL ? a->scale : 0;
    int32_t of_b = b->class == PQF_CLASS_DECIMAL ? b->scale : 0;
    return scale_up(a->i, of_b - of_a, x) && scale_up(b->i, of_a - of_b, y);
}

static bool is_exact(const pqf_scalar *s) {
    return s->class == PQF_CLASS_INT || s->class == PQF_CLASS_DECIMAL;
}

/* Scalars that compare(): of one class, integers with floats, integers and decimals where
 * their common scale fits 128 bits. */
static bool is_comparable(const pqf_scalar *a, const pqf_scalar *b) {
    __int128 x, y;
    if (a->class == PQF_CLASS_NONE || b->class == PQF_CLASS_NONE) return false;
    if (is_exact(a) && is_exact(b)) return align(a, b, &x, &y);
    bool numbers = (a->class == PQF_CLASS_INT || a->class == PQF_CLASS_FLOAT) &&
                   (b->class == PQF_CLASS_INT || b->class == PQF_CLASS_FLOAT);
    return numbers || a->class == b->class;
}

static double as_double(const pqf_scalar *s) {
    return s->class == PQF_CLASS_FLOAT ? s->f : (double)s->i;
}

/* Both comparable and no NaN. An integer against a float compares as doubles, as Arrow
 * casts it: rounding is monotonic, so bounds stay bounds. */
int pqf_scalar_compare(const pqf_scalar *a, const pqf_scalar *b) {
    if (a->class == PQF_CLASS_BYTES) {
        size_t n = a->s.len < b->s.len ? a->s.len : b->s.len;
        int c = n ? memcmp(a->s.data, b->s.data, n) : 0;
        return c ? c : sign_of(a->s.len<b->s.len, a->s.len> b->s.len);
    }
    if (a->class == PQF_CLASS_FLOAT || b->class == PQF_CLASS_FLOAT)
        return sign_of(as_double(a) < as_double(b), as_double(a) > as_double(b));
    __int128 x = a->i, y = b->i;
    if (is_exact(a)) (void)align(a, b, &x, &y);
    return sign_of(x<y, x> y);
}

static bool is_nan(const pqf_scalar *s) {
    return s->class == PQF_CLASS_FLOAT && s->f != s->f;
}

/* ---- judging ---- */

static unsigned judge(const node *n, pqf_range_fn range, void *context) {
    switch (n->kind) {
    case NODE_CALL: return n->judge(n, range, context);
    case NODE_LITERAL:
        if (n->literal.is_null) return MAY_NULL;
        if (n->literal.class != PQF_CLASS_BOOL) return MAY_ANY;
        return n->literal.i ? MAY_TRUE : MAY_FALSE;
    default: return MAY_ANY;
    }
}

typedef enum op {
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL
} op;

static op mirrored(op o) {
    static const op table[] = {OP_EQUAL,         OP_NOT_EQUAL, OP_GREATER,
                               OP_GREATER_EQUAL, OP_LESS,      OP_LESS_EQUAL};
    return table[o];
}

/* Results of `value op literal` for values within [min, max]; a missing bound is open. */
static unsigned judge_bounds(op o, const pqf_range *r, const pqf_scalar *literal) {
    int low = r->has_min ? pqf_scalar_compare(&r->min, literal) : -1;
    int high = r->has_max ? pqf_scalar_compare(&r->max, literal) : 1;
    bool known = r->has_min && r->has_max;
    switch (o) {
    case OP_EQUAL:
        return (low <= 0 && high >= 0 ? MAY_TRUE : 0u) |
               (known && !low && !high ? 0u : MAY_FALSE);
    case OP_NOT_EQUAL:
        return (known && !low && !high ? 0 : MAY_TRUE) |
               (low <= 0 && high >= 0 ? MAY_FALSE : 0);
    case OP_LESS: return (low < 0 ? MAY_TRUE : 0) | (high >= 0 ? MAY_FALSE : 0);
    case OP_LESS_EQUAL: return (low <= 0 ? MAY_TRUE : 0) | (high > 0 ? MAY_FALSE : 0);
    case OP_GREATER: return (high > 0 ? MAY_TRUE : 0) | (low <= 0 ? MAY_FALSE : 0);
    case OP_GREATER_EQUAL: return (high >= 0 ? MAY_TRUE : 0) | (low < 0 ? MAY_FALSE : 0);
    }
    return MAY_TRUE | MAY_FALSE;
}

/* A double beyond the range of floats becomes an infinity. */
static pqf_scalar rounded(const pqf_scalar *s) {
    double d = as_double(s);
    double f = d > (double)FLT_MAX    ? (double)INFINITY
               : d < -(double)FLT_MAX ? -(double)INFINITY
                                      : d;
    return (pqf_scalar){.class = PQF_CLASS_FLOAT, .f = (double)(float)f};
}

/* Bounds that are cut short are bounds all the same, and equal ones leave a single value
 * between them, so nothing here asks whether they are exact. */
static unsigned judge_by_bounds(op o, const pqf_range *r, const pqf_scalar *literal) {
    bool comparable = (!r->has_min || is_comparable(&r->min, literal)) &&
                      (!r->has_max || is_comparable(&r->max, literal));
    if (!comparable) return MAY_TRUE | MAY_FALSE;
    if (is_nan(literal)) return o == OP_NOT_EQUAL ? MAY_TRUE : MAY_FALSE;
    unsigned results = judge_bounds(o, r, literal);
    /* Where floats are in play Arrow may compare in 32 or in 64 bits, whichever it finds
     * to be the common type: allow both. */
    bool floats = literal->class == PQF_CLASS_FLOAT ||
                  (r->has_min && r->min.class == PQF_CLASS_FLOAT) ||
                  (r->has_max && r->max.class == PQF_CLASS_FLOAT);
    if (!floats) return results;
    pqf_range in_single = *r;
    pqf_scalar single = rounded(literal);
    if (r->has_min) in_single.min = rounded(&r->min);
    if (r->has_max) in_single.max = rounded(&r->max);
    return results | judge_bounds(o, &in_single, &single);
}

/* A filter that lacks the value: no row is equal to it. It is asked last, for it is read from the file. */
static unsigned judge_values(op o, const pqf_range *r, const pqf_scalar *literal) {
    unsigned results = judge_by_bounds(o, r, literal);
    unsigned equal = o == OP_EQUAL ? MAY_TRUE : o == OP_NOT_EQUAL ? MAY_FALSE : 0;
    if (!(results & equal) || pqf_filter_may_hold(r, literal)) return results;
    return o == OP_EQUAL ? MAY_FALSE : MAY_TRUE;
}

static unsigned judge_comparison(const node *n, pqf_range_fn range, void *context) {
    const node *field = n->args[0], *literal = n->args[1];
    op o = (op)n->op;
    pqf_range r;
    if (field->kind == NODE_LITERAL) {
        field = n->args[1];
        literal = n->args[0];
        o = mirrored(o);
    }
    if (field->kind != NODE_FIELD || literal->kind != NODE_LITERAL) return MAY_ANY;
    if (literal->literal.is_null) return MAY_NULL;
    if (!range(context, field->path, field->depth, &r)) return MAY_ANY;
    unsigned results = r.may_have_null ? MAY_NULL : 0;
    if (!r.may_have_value) return results;
    if (r.may_have_nan)
        results |= o == OP_NOT_EQUAL ? (unsigned)MAY_TRUE : (unsigned)MAY_FALSE;
    return r.only_nan ? results : results | judge_values(o, &r, &literal->literal);
}

/* The result of one pair of single results, as one of the MAY_ bits. */
typedef unsigned (*pair_fn)(unsigned a, unsigned b);

static unsigned and_kleene(unsigned a, unsigned b) {
    if (a == MAY_FALSE || b == MAY_FALSE) return MAY_FALSE;
    return a == MAY_NULL || b == MAY_NULL ? MAY_NULL : MAY_TRUE;
}
static unsigned or_kleene(unsigned a, unsigned b) {
    if (a == MAY_TRUE || b == MAY_TRUE) return MAY_TRUE;
    return a == MAY_NULL || b == MAY_NULL ? MAY_NULL : MAY_FALSE;
}
static unsigned and_plain(unsigned a, unsigned b) {
    return a == MAY_NULL || b == MAY_NULL ? MAY_NULL : and_kleene(a, b);
}
static unsigned or_plain(unsigned a, unsigned b) {
    return a == MAY_NULL || b == MAY_NULL ? MAY_NULL : or_kleene(a, b);
}

static unsigned judge_pairs(const node *n, pair_fn pair, pqf_range_fn range,
                            void *context) {
    unsigned a = judge(n->args[0], range, context), b = judge(n->args[1], range, context);
    unsigned results = 0;
    for (unsigned x = 1; x <= MAY_NULL; x <<= 1)
        for (unsigned y = 1; y <= MAY_NULL; y <<= 1)
            if ((a & x) && (b & y)) results |= pair(x, y);
    return results;
}

static unsigned judge_and_kleene(const node *n, pqf_range_fn range, void *context) {
    return judge_pairs(n, and_kleene, range, context);
}
static unsigned judge_or_kleene(const node *n, pqf_range_fn range, void *context) {
    return judge_pairs(n, or_kleene, range, context);
}
static unsigned judge_and(const node *n, pqf_range_fn range, void *context) {
    return judge_pairs(n, and_plain, range, context);
}
static unsigned judge_or(const node *n, pqf_range_fn range, void *context) {
    return judge_pairs(n, or_plain, range, context);
}

static unsigned judge_invert(const node *n, pqf_range_fn range, void *context) {
    unsigned a = judge(n->args[0], range, context);
    return (a & MAY_NULL) | (a & MAY_TRUE ? MAY_FALSE : 0) |
           (a & MAY_FALSE ? MAY_TRUE : 0);
}

static bool range_of_arg(const node *n, pqf_range_fn range, void *context, pqf_range *r) {
    const node *field = n->args[0];
    return field->kind == NODE_FIELD && range(context, field->path, field->depth, r);
}

static unsigned judge_is_null(const node *n, pqf_range_fn range, void *context) {
    pqf_range r;
    if (!range_of_arg(n, range, context, &r)) return MAY_ANY;
    bool may_be = r.may_have_null || (n->flag && r.may_have_nan);
    return (may_be ? MAY_TRUE : 0) | (r.may_have_value ? MAY_FALSE : 0);
}

static unsigned judge_is_valid(const node *n, pqf_range_fn range, void *context) {
    pqf_range r;
    if (!range_of_arg(n, range, context, &r)) return MAY_ANY;
    return (r.may_have_value ? MAY_TRUE : 0) | (r.may_have_null ? MAY_FALSE : 0);
}

static bool set_may_hit(const node *n, const pqf_range *r) {
    bool has_number = r->may_have_value && !r->only_nan;
    for (int64_t i = 0; i < n->num_set; i++) {
        const pqf_scalar *s = &n->set[i];
        if (s->is_null) {
            if (r->may_have_null) return true;
        } else if (is_nan(s)) {
            if (r->may_have_nan) return true;
        } else if (has_number && (judge_values(OP_EQUAL, r, s) & MAY_TRUE)) {
            return true;
        }
    }
    return false;
}

/* Only with null_matching_behavior MATCH (0) are the results never null. */
static unsigned judge_is_in(const node *n, pqf_range_fn range, void *context) {
    pqf_range r;
    if (!n->set || n->behavior != 0 || !range_of_arg(n, range, context, &r))
        return MAY_ANY;
    return (set_may_hit(n, &r) ? MAY_TRUE : 0) | MAY_FALSE;
}

/* The pattern against equally long beginnings of the bounds. */
static unsigned judge_starts_with(const node *n, pqf_range_fn range, void *context) {
    pqf_range r;
    if (n->flag || n->literal.class != PQF_CLASS_BYTES ||
        !range_of_arg(n, range, context, &r))
        return MAY_ANY;
    pqf_scalar pattern = n->literal, low = r.min, high = r.max;
    if ((r.has_min && low.class != PQF_CLASS_BYTES) ||
        (r.has_max && high.class != PQF_CLASS_BYTES))
        return MAY_ANY;
    if (low.s.len > pattern.s.len) low.s.len = pattern.s.len;
    if (high.s.len > pattern.s.len) high.s.len = pattern.s.len;
    bool outside = (r.has_min && pqf_scalar_compare(&pattern, &low) < 0) ||
                   (r.has_max && pqf_scalar_compare(&pattern, &high) > 0);
    return (r.may_have_value && !outside ? MAY_TRUE : 0) | MAY_FALSE | MAY_NULL;
}

typedef struct function {
    const char *name;
    int num_args;
    judge_fn judge;
    op op;
} function;

static const function functions[] = {
    {"equal", 2, judge_comparison, OP_EQUAL},
    {"not_equal", 2, judge_comparison, OP_NOT_EQUAL},
    {"less", 2, judge_comparison, OP_LESS},
    {"less_equal", 2, judge_comparison, OP_LESS_EQUAL},
    {"greater", 2, judge_comparison, OP_GREATER},
    {"greater_equal", 2, judge_comparison, OP_GREATER_EQUAL},
    {"and_kleene", 2, judge_and_kleene, 0},
    {"or_kleene", 2, judge_or_kleene, 0},
    {"and", 2, judge_and, 0},
    {"or", 2, judge_or, 0},
    {"invert", 1, judge_invert, 0},
    {"is_null", 1, judge_is_null, 0},
    {"is_valid", 1, judge_is_valid, 0},
    {"is_in", 1, judge_is_in, 0},
    {"starts_with", 1, judge_starts_with, 0},
};

static const function *function_named(pqf_bytes name) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (name.len == strlen(functions[i].name) &&
            !memcmp(functions[i].name, name.data, name.len))
            return &functions[i];
    return NULL;
}

bool pqf_predicate_may_match(const pqf_predicate *p, pqf_range_fn range, void *context) {
    return judge(p->root, range, context) & MAY_TRUE;
}

/* ---- parsing ---- */

typedef struct parser {
    pqf_predicate *p;
    const char *at;      /* the next entry: two lengths, each with its bytes behind */
    int64_t num_entries; /* left */
} parser;

/* The next entry, without moving; pqf_kv_count has been over all of them. */
static bool peek(const parser *ps, pqf_bytes *key, pqf_bytes *value) {
    if (!ps->num_entries) return false;
    *key = pqf_bytes_of(ps->at + 4, pqf_load_u32(ps->at));
    const char *second = ps->at + 4 + key->len;
    *value = pqf_bytes_of(second + 4, pqf_load_u32(second));
    return true;
}

static bool take(parser *ps, pqf_bytes *key, pqf_bytes *value) {
    if (!peek(ps, key, value)) return false;
    ps->at = (const char *)value->data + value->len;
    ps->num_entries--;
    return true;
}

static bool is(pqf_bytes s, const char *text) {
    return s.len == strlen(text) && !memcmp(s.data, text, s.len);
}

static pqf_status damaged(pqf_error *err) {
    return pqf_fail(err, PQF_INVALID,
                    "the serialised expression is not in the form that is known");
}

static pqf_status number(pqf_bytes s, int64_t *out, pqf_error *err) {
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || *out > 1000000) return damaged(err);
        *out = *out * 10 + (s.data[i] - '0');
    }
    return s.len ? PQF_OK : damaged(err);
}

/* The column of the batch that an entry names, with its only row. */
static pqf_status column(parser *ps, pqf_bytes index, const pqf_view **out,
                         pqf_error *err) {
    int64_t i;
    TRY(number(index, &i, err));
    if (i >= ps->p->batch.num_children || ps->p->batch.length < 1) return damaged(err);
    *out = &ps->p->batch.children[i];
    return PQF_OK;
}

static bool same_path(const pqf_column_path *a, const pqf_column_path *b) {
    bool same = a->num_names == b->num_names;
    for (int32_t i = 0; same && i < a->num_names; i++)
        same = !strcmp(a->names[i], b->names[i]);
    return same;
}

static pqf_status note_column(pqf_predicate *p, const pqf_column_path *path,
                              pqf_error *err) {
    for (int64_t i = 0; pqf_predicate_path(p, i); i++)
        if (same_path(pqf_predicate_path(p, i), path)) return PQF_OK;
    return pqf_buf_put(&p->columns, path, sizeof *path, err);
}

static pqf_status parse_field(parser *ps, pqf_bytes first, int64_t depth, node *n,
                              pqf_error *err) {
    pqf_bytes key, value = first;
    void *block;
    if (depth < 1 || depth > MAX_PATH) return damaged(err);
    TRY(pqf_arena_array(&ps->p->arena, (size_t)depth, sizeof(char *), &block, err));
    n->path = block;
    n->kind = NODE_FIELD;
    n->depth = (int32_t)depth;
    for (int64_t i = 0; i < depth; i++) {
        if (!first.data && (!take(ps, &key, &value) || !is(key, "field_ref")))
            return damaged(err);
        TRY(pqf_arena_string(&ps->p->arena, value, &n->path[i], err));
    }
    pqf_column_path path = {n->path, n->depth};
    return note_column(ps->p, &path, err);
}

static const pqf_view *option_named(const pqf_view *options, const char *name) {
    for (int64_t i = 0; i < options->num_children; i++)
        if (options->schema->children[i]->name &&
            !strcmp(options->schema->children[i]->name, name))
            return &options->children[i];
    return NULL;
}

static pqf_status take_set(pqf_predicate *p, const pqf_view *list, int64_t row, node *n,
                           pqf_error *err) {
    if (list->type.id != PQF_TYPE_LIST || list->dictionary ||
        !pqf_view_is_valid(list, row))
        return PQF_OK;
    const int32_t *offsets = (const int32_t *)list->values + list->offset + row;
    void *block;
    TRY(pqf_arena_array(&p->arena, (size_t)(offsets[1] - offsets[0]), sizeof(pqf_scalar),
                        &block, err));
    n->set = block;
    for (int32_t i = offsets[0]; i < offsets[1]; i++)
        n->set[n->num_set++] = pqf_scalar_of_view(&list->children[0], i);
    return PQF_OK;
}

/* The options that the functions here know. */
static pqf_status take_options(parser *ps, const pqf_view *options, node *n,
                               pqf_error *err) {
    int64_t row = options->offset;
    if (options->type.id != PQF_TYPE_STRUCT) return PQF_OK;
    static const char *const flags[] = {"nan_is_null", "ignore_case"};
    for (int i = 0; i < 2; i++) {
        const pqf_view *flag = option_named(options, flags[i]);
        if (flag) n->flag = pqf_scalar_of_view(flag, row).i != 0;
    }
    const pqf_view *behavior = option_named(options, "null_matching_behavior");
    if (behavior) n->behavior = (int64_t)pqf_scalar_of_view(behavior, row).i;
    const pqf_view *pattern = option_named(options, "pattern");
    if (pattern) n->literal = pqf_scalar_of_view(pattern, row);
    const pqf_view *set = option_named(options, "value_set");
    return set ? take_set(ps->p, set, row, n, err) : PQF_OK;
}

static pqf_status parse_node(parser *ps, int depth, node **out, pqf_error *err);

/* Arguments up to the "end" entry. A call with other arguments than the table says is
 * unknown. */
static pqf_status parse_call(parser *ps, pqf_bytes name, int depth, node *n,
                             pqf_error *err) {
    const function *f = function_named(name);
    pqf_bytes key, value;
    for (;;) {
        if (!peek(ps, &key, &value)) return damaged(err);
        if (is(key, "end")) break;
        if (is(key, "options")) {
            const pqf_view *options = NULL;
            take(ps, &key, &value);
            TRY(column(ps, value, &options, err));
            TRY(take_options(ps, options, n, err));
            continue;
        }
        node *arg;
        TRY(parse_node(ps, depth + 1, &arg, err));
        if (n->num_args < 2) n->args[n->num_args] = arg;
        n->num_args++;
    }
    take(ps, &key, &value);
    if (!f || f->num_args != n->num_args) return PQF_OK;
    n->kind = NODE_CALL;
    n->judge = f->judge;
    n->op = (int)f->op;
    return PQF_OK;
}

/* A call that is nested too deep: up to its end, not judged. */
static pqf_status skip_call(parser *ps, pqf_error *err) {
    pqf_bytes key, value;
    for (int64_t open = 1; open > 0;) {
        if (!take(ps, &key, &value)) return damaged(err);
        open += is(key, "call") - is(key, "end");
        node ignored = {0};
        int64_t names;
        if (is(key, "field_ref")) TRY(parse_field(ps, value, 1, &ignored, err));
        if (!is(key, "nested_field_ref")) continue;
        TRY(number(value, &names, err));
        TRY(parse_field(ps, (pqf_bytes){0}, names, &ignored, err));
    }
    return PQF_OK;
}

static pqf_status parse_node(parser *ps, int depth, node **out, pqf_error *err) {
    pqf_bytes key, value;
    void *block;
    if (!take(ps, &key, &value)) return damaged(err);
    TRY(pqf_arena_alloc(&ps->p->arena, sizeof(node), &block, err));
    node *n = *out = block;
    if (is(key, "call") && depth > MAX_DEPTH) return skip_call(ps, err);
    if (is(key, "call")) return parse_call(ps, value, depth, n, err);
    if (is(key, "field_ref")) return parse_field(ps, value, 1, n, err);
    if (is(key, "nested_field_ref")) {
        int64_t count;
        TRY(number(value, &count, err));
        return parse_field(ps, (pqf_bytes){0}, count, n, err);
    }
    if (!is(key, "literal")) return damaged(err);
    const pqf_view *literal = NULL;
    TRY(column(ps, value, &literal, err));
    n->kind = NODE_LITERAL;
    n->literal = pqf_scalar_of_view(literal, ps->p->batch.offset);
    return PQF_OK;
}

/* ---- new and free ---- */

/* The batch is borrowed for the call alone: its single row is copied. */
static pqf_status copy_batch(pqf_predicate *p, const struct ArrowSchema *schema,
                             const struct ArrowArray *batch, pqf_error *err) {
    static const int64_t first = 0;
    pqf_arena arena;
    pqf_view view;
    TRY(pqf_schema_check(schema, err));
    pqf_arena_init(&arena, p->mem);
    pqf_status status = pqf_view_init(&view, schema, batch, true, &arena, err);
    if (status == PQF_OK) status = pqf_schema_copy(schema, &p->schema, err);
    if (status == PQF_OK)
        status =
            pqf_array_gather(&view, &first, batch->length > 0, p->mem, &p->literals, err);
    pqf_arena_reset(&arena);
    if (status != PQF_OK) return status;
    return pqf_view_init(&p->batch, &p->schema, &p->literals, false, &p->arena, err);
}

static pqf_status parse_all(pqf_predicate *p, pqf_error *err) {
    int64_t n = pqf_kv_count(p->schema.metadata);
    if (n <= 0) return damaged(err);
    parser ps = {p, p->schema.metadata + 4, n};
    TRY(parse_node(&ps, 0, &p->root, err));
    return ps.num_entries ? damaged(err) : PQF_OK;
}

pqf_status pqf_predicate_new(const struct ArrowSchema *schema,
                             const struct ArrowArray *batch, pqf_predicate **out,
                             pqf_error *err) {
    pqf_error local;
    if (!err) err = &local;
    pqf_error_init(err);
    pqf_mem *mem;
    void *block;
    TRY(pqf_mem_new(0, &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_predicate), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    pqf_predicate *p = block;
    p->mem = mem;
    pqf_arena_init(&p->arena, mem);
    pqf_buf_init(&p->columns, mem, 0);
    status = copy_batch(p, schema, batch, err);
    if (status == PQF_OK) status = parse_all(p, err);
    if (status != PQF_OK)
        pqf_predicate_free(p);
    else
        *out = p;
    return status;
}

void pqf_predicate_free(pqf_predicate *p) {
    if (!p) return;
    pqf_array_release(&p->literals);
    pqf_schema_release(&p->schema);
    pqf_buf_reset(&p->columns);
    pqf_arena_reset(&p->arena);
    pqf_mem *mem = p->mem;
    pqf_mem_free(mem, p, sizeof *p);
    pqf_mem_release(mem);
}

const pqf_column_path *pqf_predicate_path(const pqf_predicate *p, int64_t i) {
    const pqf_column_path *paths = (const pqf_column_path *)(const void *)p->columns.data;
    return i < 0 || i >= (int64_t)(p->columns.len / sizeof *paths) ? NULL : &paths[i];
}
