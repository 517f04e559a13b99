/* SPDX-License-Identifier: Apache-2.0
 *
 * test_predicate.c: what predicates say about ranges: by hand, and at random against
 * every row.
 */
#include "file/predicate_test.h"

#include <float.h>

/* ---- ranges by hand ---- */

static pqf_scalar of_int(int64_t i) {
    return (pqf_scalar){.class = PQF_CLASS_INT, .i = i};
}
static pqf_scalar of_float(double f) {
    return (pqf_scalar){.class = PQF_CLASS_FLOAT, .f = f};
}
static pqf_scalar of_text(const char *s) {
    return (pqf_scalar){.class = PQF_CLASS_BYTES, .s = pqf_bytes_of(s, strlen(s))};
}
static pqf_scalar of_decimal(int64_t i, int32_t scale) {
    return (pqf_scalar){.class = PQF_CLASS_DECIMAL, .i = i, .scale = scale};
}

static pqf_range between(pqf_scalar min, pqf_scalar max) {
    return (pqf_range){
        .has_min = true, .has_max = true, .min = min, .max = max, .may_have_value = true};
}

typedef struct one_range {
    const char *path;
    pqf_range range;
} one_range;

static bool look_up(void *context, const char *const *path, int32_t depth,
                    pqf_range *out) {
    const one_range *r = context;
    char joined[200] = "";
    for (int32_t i = 0; i < depth; i++) {
        if (i) strcat(joined, ".");
        strcat(joined, path[i]);
    }
    *out = r->range;
    return strcmp(joined, r->path) == 0;
}

static bool may_match(const char *tree, const char *type, const char *values,
                      pqf_range range) {
    one_range r = {"a", range};
    pqf_predicate *p = predicate(tree, type, values);
    bool result = pqf_predicate_may_match(p, look_up, &r);
    pqf_predicate_free(p);
    return result;
}

#define MAY(tree, type, value, range)                                                    \
    assert_true(may_match(tree, "+s(x:" type ")", "{" value "}", range))
#define NOT(tree, type, value, range)                                                    \
    assert_false(may_match(tree, "+s(x:" type ")", "{" value "}", range))

static void comparisons(void **state) {
    (void)state;
    pqf_range r = between(of_int(2), of_int(4)), one = between(of_int(3), of_int(3));
    static const struct {
        const char *op;
        bool in[7]; /* literals 0..6 may match values 2..4 */
    } table[] = {
        {"equal", {0, 0, 1, 1, 1, 0, 0}},   {"not_equal", {1, 1, 1, 1, 1, 1, 1}},
        {"less", {0, 0, 0, 1, 1, 1, 1}},    {"less_equal", {0, 0, 1, 1, 1, 1, 1}},
        {"greater", {1, 1, 1, 1, 0, 0, 0}}, {"greater_equal", {1, 1, 1, 1, 1, 0, 0}},
    };
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 7; k++) {
            char tree[64], inverted[64], value[16];
            sprintf(tree, "(%s a #0)", table[i].op);
            sprintf(inverted, "(invert (%s a #0))", table[i].op);
            sprintf(value, "{%d}", k);
            assert_int_equal(may_match(tree, "+s(x:l)", value, r), table[i].in[k]);
            /* not (a == k) is (a != k), and so on */
            static const int opposite[] = {1, 0, 5, 4, 3, 2};
            assert_int_equal(may_match(inverted, "+s(x:l)", value, r),
                             table[opposite[i]].in[k]);
        }
    }
    NOT("(not_equal a #0)", "l", "3", one);
    MAY("(not_equal a #0)", "l", "4", one);
    MAY("(less #0 a)", "l", "3", r); /* 3 < a */
    NOT("(less #0 a)", "l", "4", r);
    NOT("(greater_equal #0 a)", "l", "1", r);
    MAY("(greater_equal #0 a)", "l", "2", r);
    MAY("(equal a a)", "l", "1", r);
    MAY("(equal b #0)", "l", "9", r); /* unknown columns */
    MAY("(equal a.b #0)", "l", "9", r);
    NOT("(equal a #0)", "l", "null", r); /* null is not true, however compared */
    MAY("(equal a #0)", "u", "x", r);    /* other types: not judged */
    MAY("(unknown_function a #0)", "l", "9", r);
    MAY("(equal (add a #0) #0)", "l", "9", r);
    pqf_range open = {.may_have_value = true};
    MAY("(equal a #0)", "l", "9", open);
    open.has_min = true;
    open.min = of_int(5);
    NOT("(less a #0)", "l", "5", open);
    MAY("(greater a #0)", "l", "500", open);
    NOT("(invert (greater_equal a #0))", "l", "5", open);
}

static void nulls_and_logic(void **state) {
    (void)state;
    pqf_range r = between(of_int(2), of_int(4)), all_null = {.may_have_null = true};
    pqf_range some = r;
    some.may_have_null = true;
    NOT("(is_null a)", "l", "0", r);
    MAY("(is_null a)", "l", "0", some);
    MAY("(is_valid a)", "l", "0", some);
    NOT("(is_valid a)", "l", "0", all_null);
    NOT("(equal a #0)", "l", "3", all_null);
    NOT("(not_equal a #0)", "l", "3", all_null);
    NOT("(invert (is_null a))", "l", "3", all_null);
    NOT("(invert (less a #0))", "l", "9", some); /* null stays null */
    NOT("(and_kleene (equal a #0) (equal b #0))", "l", "9", r);
    MAY("(or_kleene (equal a #0) (equal b #0))", "l", "9", r);
    NOT("(or_kleene (equal a #0) (greater a #0))", "l", "9", some);
    NOT("(or (equal a #0) (greater a #0))", "l", "9", some);
    NOT("(and (equal a #0) (greater b #0))", "l", "9", some);
    MAY("(and a a)", "l", "9", r);
    NOT("#0", "b", "false", r);
    MAY("#0", "b", "true", r);
    NOT("#0", "b", "null", r);
    NOT("(invert #0)", "b", "true", r);
    MAY("(equal a)", "l", "9", r); /* arguments that no function has */
    MAY("(equal a #0 #0)", "l", "9", r);
}

static void floats(void **state) {
    (void)state;
    pqf_range r = between(of_float(1), of_float(2)),
              nans = {.may_have_value = true, .may_have_nan = true};
    NOT("(equal a #0)", "g", "nan", r);
    MAY("(not_equal a #0)", "g", "nan", r);
    NOT("(greater a #0)", "g", "5", r);
    r.may_have_nan = true;
    NOT("(greater a #0)", "g", "5", r);
    MAY("(invert (less a #0))", "g", "5", r); /* NaN < 5 is false */
    MAY("(invert (greater_equal a #0))", "g", "0", r);
    MAY("(not_equal a #0)", "g", "1", nans);
    nans.only_nan = true;
    MAY("(not_equal a #0)", "g", "1", nans);
    MAY("(invert (less a #0))", "g", "1", nans);
    NOT("(less a #0)", "g", "1", nans);
    NOT("(greater_equal a #0)", "g", "-inf", nans);
    NOT("(equal a #0)", "g", "0", nans);
    nans.only_nan = false;
    nans.has_min = nans.has_max = true;
    nans.min = nans.max = of_float((double)INFINITY);
    MAY("(invert (equal a #0))", "g", "inf", nans);
    pqf_range zero = between(of_float(-0.0), of_float(-0.0));
    MAY("(equal a #0)", "g", "0", zero);
    NOT("(less a #0)", "g", "0", zero);
    /* in 32 bits 16777217 is 16777216 */
    MAY("(equal a #0)", "f", "16777216", between(of_int(16777217), of_int(16777217)));
    MAY("(equal a #0)", "l", "16777217", between(of_float(16777216), of_float(16777216)));
    MAY("(equal a #0)", "g", "0.1",
        between(of_float((double)0.1f), of_float((double)0.1f)));
    MAY("(less_equal a #0)", "g", "0.1", between(of_float((double)0.1f), of_float(1)));
    NOT("(equal a #0)", "g", "0.2",
        between(of_float((double)0.1f), of_float((double)0.1f)));
    MAY("(greater a #0)", "g", "1e308", between(of_float(0), of_float((double)INFINITY)));
    NOT("(equal a #0)", "l", "5", between(of_float(1.5), of_float(4.5)));
    NOT("(equal a #0)", "g", "5", between(of_int(1), of_int(4)));
}

static void other_classes(void **state) {
    (void)state;
    pqf_range d = between(of_decimal(150, 2), of_decimal(250, 2)); /* 1.50 .. 2.50 */
    MAY("(equal a #0)", "d:5,1", "25", d);
    NOT("(equal a #0)", "d:5,1", "26", d);
    MAY("(equal a #0)", "d:9,4", "15000", d);
    NOT("(equal a #0)", "d:9,4", "14999", d);
    NOT("(greater a #0)", "i", "3", d);
    MAY("(greater a #0)", "i", "2", d);
    MAY("(greater a #0)", "d:38,38", "99999999999999999999999999999999999999",
        between(of_decimal(1, 0),
                of_decimal(1, 0))); /* 1 has 38 places: fits; 0.99.. < 1 */
    MAY("(equal a #0)", "d:38,38", "1",
        between(of_decimal(1000, 0), of_decimal(2000, 0))); /* too wide */
    pqf_range s = between(of_text("bb"), of_text("dd"));
    NOT("(equal a #0)", "u", "b", s);
    NOT("(equal a #0)", "u", "ddd", s);
    MAY("(equal a #0)", "vu", "ccccccccccccccccccccc", s);
    NOT("(less a #0)", "U", "bb", s);
    NOT("(invert (less a #0))", "u", "e", s);
    NOT("(equal a #0)", "z", "a", s);
    /* timestamps: microseconds here, seconds there */
    pqf_scalar at = {.class = PQF_CLASS_TIMESTAMP, .i = (__int128)5 * 1000000000};
    MAY("(equal a #0)", "tsu:", "5000000", between(at, at));
    NOT("(equal a #0)", "tsu:", "5000001", between(at, at));
    MAY("(equal a #0)", "tsu:UTC", "5000001",
        between(at, at)); /* an error in Arrow, not ours */
    at.class = PQF_CLASS_INSTANT;
    MAY("(equal a #0)", "tss:Europe/Rome", "5", between(at, at));
    NOT("(equal a #0)", "tsn:Asia/Tokyo", "5", between(at, at));
    pqf_scalar day = {.class = PQF_CLASS_DATE, .i = (__int128)86400 * 1000000000};
    MAY("(equal a #0)", "tdD", "1", between(day, day));
    MAY("(equal a #0)", "tdm", "86400000", between(day, day));
    NOT("(equal a #0)", "tdD", "2", between(day, day));
    pqf_scalar yes = {.class = PQF_CLASS_BOOL, .i = 1};
    NOT("(equal a #0)", "b", "false", between(yes, yes));
    MAY("(equal a #0)", "b", "true", between(yes, yes));
    NOT("(equal a #0)", "dict(c;u)", "a", s);
    MAY("(equal a #0)", "dict(c;u)", "cc", s);
}

#define SET "+s(o:+s(value_set:+l(item:%s);null_matching_behavior:i))"

static bool is_in(const char *type, const char *set, int behavior, pqf_range r,
                  bool inverted) {
    char types[200], values[200];
    sprintf(types, SET, type);
    sprintf(values, "{{%s,%d}}", set, behavior);
    return may_match(inverted ? "(invert (is_in a @0))" : "(is_in a @0)", types, values,
                     r);
}

static void sets(void **state) {
    (void)state;
    pqf_range r = between(of_int(2), of_int(4)), some = r,
              f = between(of_float(1), of_float(2));
    some.may_have_null = true;
    assert_true(is_in("l", "[0,3]", 0, r, false));
    assert_false(is_in("l", "[0,1,5]", 0, r, false));
    assert_false(is_in("l", "[]", 0, some, false));
    assert_false(is_in("l", "[0,null]", 0, r, false));
    assert_true(is_in("l", "[0,null]", 0, some, false));
    assert_true(is_in("l", "[0]", 1, r, false)); /* other null behaviours: not judged */
    assert_true(is_in("l", "null", 0, r, false));
    assert_true(is_in("l", "[2,3,4]", 0, r, true));
    assert_false(is_in("g", "[nan,5]", 0, f, false));
    f.may_have_nan = true;
    assert_true(is_in("g", "[nan,5]", 0, f, false));
    assert_true(is_in("u", "[x]", 0, r, false));
    MAY("(is_in a)", "l", "0", r); /* no options, no judgement */
    assert_true(may_match("(is_in a @0)", "+s(o:+s(value_set:l))", "{{3}}", r));
    assert_true(may_match("(is_in a @0)", "+s(o:l)", "{3}", r));
}

static void prefixes_and_options(void **state) {
    (void)state;
    static const char *const type = "+s(o:+s(pattern:u;ignore_case:b))";
    static const char *const tree = "(starts_with a @0)",
                             *const inverted = "(invert (starts_with a @0))";
    pqf_range r = between(of_text("bb"), of_text("dd"));
    assert_true(may_match(tree, type, "{{c,false}}", r));
    assert_true(may_match(tree, type, "{{b,false}}", r));
    assert_true(may_match(tree, type, "{{ddx,false}}", r) == false);
    assert_true(may_match(tree, type, "{{bbb,false}}", r));
    assert_false(may_match(tree, type, "{{ba,false}}", r));
    assert_false(may_match(tree, type, "{{e,false}}", r));
    assert_true(may_match(tree, type, "{{E,true}}", r));
    assert_true(may_match(tree, type, "{{'',false}}", r));
    assert_true(may_match(inverted, type, "{{e,false}}", r));
    pqf_range nans = {.may_have_value = true, .may_have_nan = true};
    assert_true(may_match("(is_null a @0)", "+s(o:+s(nan_is_null:b))", "{{true}}", nans));
    assert_false(
        may_match("(is_null a @0)", "+s(o:+s(nan_is_null:b))", "{{false}}", nans));
}

/* ---- forms that are damaged, deep or strange ---- */

static void damaged(void **state) {
    (void)state;
    static const char *const trees[] = {"",
                                        "(equal a #0",
                                        "(equal a #0))",
                                        "(equal a #7)",
                                        "(equal a #x)",
                                        "(equal a #0) b",
                                        "(is_in a @9)",
                                        "(equal a #)"};
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        pqf_predicate *p;
        FAILS(PQF_INVALID, "form that is known",
              try_predicate(trees[i], "+s(x:l)", "{1}", &p));
    }
    pqf_predicate *p;
    built b = build(test_mem, "+s(x:l)", "{1}");
    pqf_buf metadata = {.mem = test_mem};
    put_entry(&metadata, "nonsense", "a", 1);
    OK(pqf_schema_set_metadata(&b.schema, (const char *)metadata.data, &test_err));
    FAILS(PQF_INVALID, "form", pqf_predicate_new(&b.schema, &b.array, &p, &test_err));
    metadata.len = 0;
    put_entry(&metadata, "nested_field_ref", "2", 1);
    put_entry(&metadata, "field_ref", "a", 1);
    OK(pqf_schema_set_metadata(&b.schema, (const char *)metadata.data, &test_err));
    FAILS(PQF_INVALID, "form", pqf_predicate_new(&b.schema, &b.array, &p, &test_err));
    pqf_buf_reset(&metadata);
    build_free(&b);
}

/* ((((a == 9) or a == 9) or a == 9) ...: what is too deep is not judged, the rest is. */
static void deep(void **state) {
    (void)state;
    enum { DEPTH = 1000 };
    pqf_range r = between(of_int(2), of_int(4));
    char *tree = test_malloc(DEPTH * 60), *p = tree;
    for (int i = 0; i < DEPTH; i++)
        p += sprintf(p, "(and_kleene ");
    p += sprintf(p, "(equal b.c #0)");
    for (int i = 0; i < DEPTH; i++)
        p += sprintf(p, " (equal a #0))");
    assert_false(may_match(tree, "+s(x:l)", "{9}", r));
    assert_true(may_match(tree, "+s(x:l)", "{3}", r));
    pqf_predicate *made = predicate(tree, "+s(x:l)", "{3}");
    const pqf_column_path *path = pqf_predicate_path(made, 0);
    assert_int_equal(path->num_names, 2);
    assert_string_equal(path->names[0], "b");
    assert_string_equal(path->names[1], "c");
    path = pqf_predicate_path(made, 1);
    assert_int_equal(path->num_names, 1);
    assert_string_equal(path->names[0], "a");
    assert_null(pqf_predicate_path(made, 2));
    assert_null(pqf_predicate_path(made, -1));
    pqf_predicate_free(made);
    pqf_predicate_free(NULL);
    test_free(tree);
}

static void null_in_a_dictionary(void **state) {
    (void)state;
    built b = build(test_mem, "+s(x:dict(c;u))", "{a}");
    pqf_buf metadata = {.mem = test_mem};
    pqf_predicate *p;
    put_tree(&metadata, "(equal a #0)");
    OK(pqf_schema_set_metadata(&b.schema, (const char *)metadata.data, &test_err));
    uint8_t none = 0; /* the value itself is null */
    struct ArrowArray *values = b.array.children[0]->dictionary;
    const void *validity = values->buffers[0];
    values->buffers[0] = &none;
    values->null_count = 1;
    OK(pqf_predicate_new(&b.schema, &b.array, &p, &test_err));
    values->buffers[0] = validity;
    one_range r = {"a", between(of_text("a"), of_text("b"))};
    assert_false(pqf_predicate_may_match(p, look_up, &r));
    pqf_predicate_free(p);
    pqf_buf_reset(&metadata);
    build_free(&b);
}

static void failing_allocations(void **state) {
    (void)state;
    int64_t n = 1;
    built b = build(test_mem, "+s(x:l;o:+s(value_set:+l(item:u)))", "{1,{[a,b]}}");
    pqf_buf metadata = {.mem = test_mem};
    pqf_predicate *p = NULL;
    put_tree(&metadata, "(and_kleene (equal a #0) (is_in s.t @1))");
    OK(pqf_schema_set_metadata(&b.schema, (const char *)metadata.data, &test_err));
    for (pqf_status status = PQF_NOMEM; status != PQF_OK; n++) {
        pqf_mem_fail_after(n);
        status = pqf_predicate_new(&b.schema, &b.array, &p, &test_err);
        pqf_mem_fail_after(0);
        if (status != PQF_OK) assert_int_equal(status, PQF_NOMEM);
    }
    assert_true(n > 5);
    pqf_predicate_free(p);
    pqf_buf_reset(&metadata);
    build_free(&b);
}

/* ---- at random ---- */

/* Column a: integers, f: doubles, g: floats, s: text. -1: null. */
static const int64_t ints[] = {-2, 0, 1, 16777216, 16777217, INT64_MAX, INT64_MIN};
static const char *const ints_text[] = {"-2",
                                        "0",
                                        "1",
                                        "16777216",
                                        "16777217",
                                        "9223372036854775807",
                                        "-9223372036854775808"};
static const char *const doubles_text[] = {"nan", "inf",  "-inf",  "-0.0",    "0.0",
                                           "0.1", "-1.5", "1e300", "16777217"};
static const char *const texts[] = {"", "a", "ab", "abc", "b", "\xC3\xA9"};
#define NUM_INTS    7
#define NUM_DOUBLES 9
#define NUM_TEXTS   6

typedef enum truth { NO = 0, YES = 1, UNKNOWN = 2 } truth;

typedef struct row {
    int a, f, g, s; /* index of the value, -1: null */
} row;

typedef struct shape {
    char text[2000], *p;
    char values[1000], *v;
    char types[1000], *t;
    int num_values;
} shape;

/* A tree in parallel to its text. */
typedef struct tree {
    /* 0 comparison, 1 and, 2 or, 3 and plain, 4 or plain, 5 invert, 6 is_null, 7 is_in,
     * 8 starts_with, 9 is_valid */
    int kind;
    int op;
    char column;
    int literal;        /* index; -1: null */
    char literal_class; /* 'a' int, 'f' double, 'g' float, 's' text */
    bool flag;
    int set[3], num_set;
    struct tree *left, *right;
} tree;

static tree nodes[200];
static int num_nodes;

static double double_of(int i) { return strtod(doubles_text[i], NULL); }

static const char *class_text(char class, int i) {
    return class == 'a' ? ints_text[i] : class == 's' ? texts[i] : doubles_text[i];
}
static int class_count(char class) {
    return class == 'a' ? NUM_INTS : class == 's' ? NUM_TEXTS : NUM_DOUBLES;
}
static const char *class_format(char class) {
    return class == 'a' ? "l" : class == 's' ? "u" : class == 'f' ? "g" : "f";
}

static void put_value(shape *s, char class, int i) {
    if (i < 0)
        s->v += sprintf(s->v, "null");
    else
        s->v += sprintf(s->v, class == 's' ? "'%s'" : "%s", class_text(class, i));
}

static void next_value(shape *s) {
    if (!s->num_values++) return;
    s->v += sprintf(s->v, ",");
    s->t += sprintf(s->t, ";");
}

static void random_literal(shape *s, tree *n) {
    static const char numbers[] = {'a', 'f', 'g'};
    n->literal_class = n->column == 's' ? 's' : numbers[rand_below(3)];
    n->literal = rand_below(12) ? (int)rand_below(class_count(n->literal_class)) : -1;
    next_value(s);
    put_value(s, n->literal_class, n->literal);
    s->t += sprintf(s->t, "x:%s", class_format(n->literal_class));
}

static const char *const ops[] = {"equal",      "not_equal", "less",
                                  "less_equal", "greater",   "greater_equal"};

static tree *random_tree(shape *s, int depth) {
    tree *n = &nodes[num_nodes++];
    static const char columns[] = {'a', 'f', 'g', 's'};
    *n = (tree){.column = columns[rand_below(4)]};
    int64_t kind = depth > 0 ? rand_below(14) : rand_below(6);
    if (kind >= 6) {
        static const char *const names[] = {"and_kleene", "or_kleene", "and", "or"};
        n->kind = kind >= 12 ? 5 : 1 + (int)(kind % 4);
        s->p += sprintf(s->p, "(%s ", n->kind == 5 ? "invert" : names[n->kind - 1]);
        n->left = random_tree(s, depth - 1);
        s->p += sprintf(s->p, " ");
        if (n->kind != 5) n->right = random_tree(s, depth - 1);
    } else if (kind == 5) {
        n->kind = rand_below(2) ? 6 : 9;
        n->flag = n->kind == 6 && rand_below(2);
        s->p += sprintf(s->p, "(%s %c", n->kind == 6 ? "is_null" : "is_valid", n->column);
        if (n->kind == 6) {
            s->p += sprintf(s->p, " @%d", s->num_values);
            next_value(s);
            s->v += sprintf(s->v, "{%s}", n->flag ? "true" : "false");
            s->t += sprintf(s->t, "o:+s(nan_is_null:b)");
        }
    } else if (kind == 4) {
        n->kind = 7;
        n->num_set = (int)rand_below(4);
        n->literal_class = n->column;
        s->p += sprintf(s->p, "(is_in %c @%d", n->column, s->num_values);
        next_value(s);
        s->v += sprintf(s->v, "{[");
        for (int i = 0; i < n->num_set; i++) {
            n->set[i] = rand_below(5) ? (int)rand_below(class_count(n->column)) : -1;
            s->v += sprintf(s->v, i ? "," : "");
            put_value(s, n->column, n->set[i]);
        }
        s->v += sprintf(s->v, "]}");
        s->t += sprintf(s->t, "o:+s(value_set:+l(item:%s))", class_format(n->column));
    } else if (kind == 3) {
        n->kind = 8;
        n->column = 's';
        n->literal = (int)rand_below(NUM_TEXTS);
        s->p += sprintf(s->p, "(starts_with s @%d", s->num_values);
        next_value(s);
        s->v += sprintf(s->v, "{'%s'}", texts[n->literal]);
        s->t += sprintf(s->t, "o:+s(pattern:u)");
    } else {
        n->op = (int)rand_below(6);
        s->p += sprintf(s->p, "(%s %c #%d", ops[n->op], n->column, s->num_values);
        random_literal(s, n);
    }
    s->p += sprintf(s->p, ")");
    return n;
}

/* ---- the judgement of one row ---- */

static int index_of(const row *r, char column) {
    return column == 'a' ? r->a : column == 'f' ? r->f : column == 'g' ? r->g : r->s;
}

static double number_of(char class, int i, bool single) {
    double d = class == 'a' ? (double)ints[i] : double_of(i);
    if (!single && class != 'g') return d;
    return fabs(d) > (double)FLT_MAX ? copysign((double)INFINITY, d) : (double)(float)d;
}

static truth truth_of(int op, int order) {
    switch (op) {
    case 0: return order == 0;
    case 1: return order != 0;
    case 2: return order < 0;
    case 3: return order <= 0;
    case 4: return order > 0;
    default: return order >= 0;
    }
}

/* single: floats are compared in 32 bits, which Arrow does where it finds that to be
 * enough. */
static truth compare_row(const tree *n, const row *r, bool single) {
    int i = index_of(r, n->column);
    if (i < 0 || n->literal < 0) return UNKNOWN;
    if (n->column == 's') return truth_of(n->op, strcmp(texts[i], texts[n->literal]));
    if (n->column == 'a' && n->literal_class == 'a')
        return truth_of(n->op,
                        (ints[i] > ints[n->literal]) - (ints[i] < ints[n->literal]));
    double x = number_of(n->column, i, single),
           y = number_of(n->literal_class, n->literal, single);
    if (isnan(x) || isnan(y)) return n->op == 1;
    return truth_of(n->op, (x > y) - (x < y));
}

static truth in_set(const tree *n, const row *r) {
    int i = index_of(r, n->column);
    for (int k = 0; k < n->num_set; k++) {
        if (i < 0 || n->set[k] < 0) {
            if (i < 0 && n->set[k] < 0) return YES;
        } else if (n->column == 's' || n->column == 'a') {
            if (i == n->set[k]) return YES;
        } else {
            double x = number_of(n->column, i, false),
                   y = number_of(n->column, n->set[k], false);
            if (x == y || (isnan(x) && isnan(y))) return YES;
        }
    }
    return NO;
}

static truth judge_row(const tree *n, const row *r, bool single) {
    int i = index_of(r, n->column);
    truth a = n->left ? judge_row(n->left, r, single) : NO;
    truth b = n->right ? judge_row(n->right, r, single) : NO;
    bool is_float = n->column == 'f' || n->column == 'g';
    switch (n->kind) {
    case 0: return compare_row(n, r, single);
    case 1: return a == NO || b == NO ? NO : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : YES;
    case 2:
        return a == YES || b == YES ? YES : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : NO;
    case 3: return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : (truth)(a && b);
    case 4: return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : (truth)(a || b);
    case 5: return a == UNKNOWN ? UNKNOWN : (truth)!a;
    case 6: return i < 0 || (n->flag && is_float && isnan(double_of(i)));
    case 7: return in_set(n, r);
    case 8:
        return i < 0 ? UNKNOWN
                     : (truth)!strncmp(texts[i], texts[n->literal],
                                       strlen(texts[n->literal]));
    default: return i >= 0;
    }
}

/* ---- ranges of a few rows ---- */

typedef struct sample {
    row rows[4];
    int64_t num_rows;
    bool no_min, no_max; /* as if statistics were missing */
} sample;

static pqf_scalar scalar_of(char column, int i) {
    if (column == 'a') return of_int(ints[i]);
    if (column == 's') return of_text(texts[i]);
    return of_float(number_of(column, i, false));
}

static bool is_less(const pqf_scalar *a, const pqf_scalar *b) {
    if (a->class == PQF_CLASS_BYTES)
        return strcmp((const char *)a->s.data, (const char *)b->s.data) < 0;
    return a->class == PQF_CLASS_INT ? a->i < b->i : a->f < b->f;
}

static bool sample_range(void *context, const char *const *path, int32_t depth,
                         pqf_range *out) {
    const sample *s = context;
    char column = path[0][0];
    *out = (pqf_range){0};
    for (int64_t k = 0; k < s->num_rows; k++) {
        int i = index_of(&s->rows[k], column);
        if (i < 0) {
            out->may_have_null = true;
            continue;
        }
        out->may_have_value = true;
        pqf_scalar v = scalar_of(column, i);
        if (v.class == PQF_CLASS_FLOAT && isnan(v.f)) {
            out->may_have_nan = true;
            continue;
        }
        if (!out->has_min || is_less(&v, &out->min)) out->min = v;
        if (!out->has_max || is_less(&out->max, &v)) out->max = v;
        out->has_min = out->has_max = true;
    }
    if (s->no_min) out->has_min = false;
    if (s->no_max) out->has_max = false;
    return depth == 1;
}

static sample random_sample(void) {
    sample s = {.num_rows = 1 + rand_below(4),
                .no_min = !rand_below(5),
                .no_max = !rand_below(5)};
    for (int64_t k = 0; k < s.num_rows; k++) {
        s.rows[k].a = (int)rand_below(NUM_INTS + 1) - 1;
        s.rows[k].f = (int)rand_below(NUM_DOUBLES + 1) - 1;
        s.rows[k].g = (int)rand_below(NUM_DOUBLES + 1) - 1;
        s.rows[k].s = (int)rand_below(NUM_TEXTS + 1) - 1;
    }
    return s;
}

static void never_prunes_a_match(void **state) {
    (void)state;
    int64_t pruned = 0, matched = 0;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        shape s = {.num_values = 0};
        rand_begin(seed);
        s.p = s.text;
        s.v = s.values + sprintf(s.values, "{");
        s.t = s.types + sprintf(s.types, "+s(");
        num_nodes = 0;
        tree *root = random_tree(&s, (int)rand_below(4));
        strcpy(s.v, "}");
        strcpy(s.t, ")");
        pqf_predicate *p = predicate(s.text, s.types, s.values);
        for (int k = 0; k < 40; k++) {
            sample sm = random_sample();
            bool result = pqf_predicate_may_match(p, sample_range, &sm);
            pruned += !result;
            for (int64_t i = 0; i < sm.num_rows; i++) {
                bool match = judge_row(root, &sm.rows[i], false) == YES ||
                             judge_row(root, &sm.rows[i], true) == YES;
                matched += match;
                if (match && !result)
                    fail_msg("seed %llu: %s over %s prunes a=%d f=%d g=%d s=%d",
                             (unsigned long long)seed, s.text, s.values, sm.rows[i].a,
                             sm.rows[i].f, sm.rows[i].g, sm.rows[i].s);
            }
        }
        pqf_predicate_free(p);
    }
    assert_true(pruned > 5000); /* it does prune */
    assert_true(matched > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(comparisons),
        TEST(nulls_and_logic),
        TEST(floats),
        TEST(other_classes),
        TEST(sets),
        TEST(prefixes_and_options),
        TEST(damaged),
        TEST(deep),
        TEST(null_in_a_dictionary),
        TEST(failing_allocations),
        TEST(never_prunes_a_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
