/* SPDX-License-Identifier: Apache-2.0
 *
 * A part of a field: the chosen children alone, with the levels of the file and leaves of
 * their own numbers. Over structs, lists of three, two and one levels, and maps.
 */
#include "format_test.h"

#define REQ   PQF_REQUIRED
#define OPT   PQF_OPTIONAL
#define REP   PQF_REPEATED
#define INT32 PQF_PHYSICAL_INT32

enum { MAP = 1, LIST = 3, NO = -1 };

#define GROUP(name, rep, n, converted) {name, rep, -1, n, converted, NULL, 0, 0, 0, 0}
#define LEAF(name, rep)                {name, rep, INT32, 0, NO, NULL, 0, 0, 0, 0}

/* s {x, y {z, w}}; l [{v, k [[{p, q}]]}]; t [{v, w}] of two levels; r [{v, w}] of one;
 * m {key {a, b}, value {x, y}} */
static const row ROWS[] = {
    GROUP("s", OPT, 2, NO),
    LEAF("x", REQ), /* column 0 */
    GROUP("y", OPT, 2, NO),
    LEAF("z", OPT),
    LEAF("w", REQ),
    GROUP("l", OPT, 1, LIST),
    GROUP("list", REP, 1, NO),
    GROUP("element", OPT, 2, NO),
    LEAF("v", OPT), /* 3 */
    GROUP("k", REQ, 1, LIST),
    GROUP("list", REP, 1, NO),
    GROUP("element", OPT, 1, LIST),
    GROUP("list", REP, 1, NO),
    GROUP("element", REQ, 2, NO),
    LEAF("p", OPT),
    LEAF("q", REQ),
    GROUP("t", OPT, 1, LIST),
    GROUP("array", REP, 2, NO),
    LEAF("v", OPT), /* 6 */
    LEAF("w", OPT),
    GROUP("r", REP, 2, NO),
    LEAF("v", OPT), /* 8 */
    LEAF("w", REQ),
    GROUP("m", OPT, 1, MAP),
    GROUP("key_value", REP, 2, NO),
    GROUP("key", REQ, 2, NO),
    LEAF("a", REQ), /* 10 */
    LEAF("b", REQ),
    GROUP("value", OPT, 2, NO),
    LEAF("x", OPT),
    LEAF("y", OPT),
};
enum { NUM_ROWS = sizeof ROWS / sizeof *ROWS };

static pqf_metadata *metadata;
static pqf_schema *schema;
static pqf_arena arena;

static void open_schema(void) {
    assert_ok(parse_rows(ROWS, NUM_ROWS, 5, &metadata));
    assert_ok(pqf_schema_from_parquet(metadata, NULL, mem, &schema, &err));
    pqf_arena_init(&arena, mem);
}

static void close_schema(void) {
    pqf_arena_reset(&arena);
    pqf_schema_free(schema);
    pqf_metadata_free(metadata);
}

/* "s{x, y{z}}" with [] around what is repeated; where the copy and the file's field belong
 * together, all else about them is equal. */
static void show(const pqf_field *f, char *to) {
    bool repeated = f->kind == PQF_FIELD_LIST || f->kind == PQF_FIELD_MAP;
    to += strlen(to);
    if (!f->num_children) {
        sprintf(to, "%d", f->leaf->index);
        return;
    }
    strcat(to, repeated ? "[" : "{");
    for (int32_t i = 0; i < f->num_children; i++) {
        if (i) strcat(to, ", ");
        if (!repeated) sprintf(to + strlen(to), "%s ", f->children[i].name);
        show(&f->children[i], to);
    }
    strcat(to, repeated ? "]" : "}");
}

static void check_levels(const pqf_field *a, const pqf_field *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->nullable, b->nullable);
    assert_int_equal(a->def_parent, b->def_parent);
    assert_int_equal(a->def_level, b->def_level);
    assert_int_equal(a->rep_level, b->rep_level);
    assert_ptr_equal(a->leaf, b->leaf);
    assert_string_equal(a->name, b->name);
}

/* Numbers of leaves and the ways up from them, level by level like those of the file. */
static void check_tree(const pqf_field *f, const pqf_field *parent, int32_t *next) {
    assert_ptr_equal(f->parent, parent);
    assert_int_equal(f->first_leaf, *next);
    if (f->kind == PQF_FIELD_LEAF) ++*next;
    for (int32_t i = 0; i < f->num_children; i++)
        check_tree(&f->children[i], f, next);
    assert_int_equal(f->num_leaves, *next - f->first_leaf);
}

static void check_leaves(const pqf_projection *p) {
    int32_t next = 0;
    check_tree(p->field, NULL, &next);
    for (int32_t l = 0; l < next; l++) {
        const pqf_field *mine = p->leaves[l];
        const pqf_field *file = schema->leaf_fields[mine->leaf->index];
        assert_int_equal(mine->first_leaf, l);
        for (; mine && file; mine = mine->parent, file = file->parent)
            check_levels(mine, file);
        assert_null(mine);
        assert_null(file);
    }
}

/* Paths divided by '|', which are all about one column. */
static void check_part(const char *paths, const char *expected) {
    struct ArrowSchema arrow, part, chosen;
    pqf_choices choices;
    pqf_projection p;
    char text[256], got[256] = "";
    snprintf(text, sizeof text, "%s", paths);
    assert_ok(pqf_schema_export(schema, &arrow, &err));
    assert_ok(pqf_choices_init(&choices, &arrow, &arena, &err));
    for (char *path = strtok(text, "|"); path; path = strtok(NULL, "|")) {
        const char *name = path;
        assert_ok(pqf_choices_add(&choices, &(pqf_column_path){&name, 1}, true, &err));
    }
    const pqf_choice *c = choices.first;
    assert_ok(pqf_field_project(schema, &schema->fields[c->index], c, &arena, &p, &err));
    show(p.field, got);
    assert_string_equal(got, expected);
    if (!c->is_whole) check_leaves(&p);
    assert_ok(pqf_field_export(schema, p.field, &part, &err));
    assert_ok(pqf_schema_choose(arrow.children[c->index], c, &chosen, &err));
    assert_true(pqf_schema_same_type(&part, &chosen));
    pqf_schema_release(&part);
    pqf_schema_release(&chosen);
    pqf_schema_release(&arrow);
}

static void parts(void **state) {
    (void)state;
    open_schema();
    check_part("s", "{x 0, y {z 1, w 2}}");
    check_part("s.y.w", "{y {w 2}}");
    check_part("s.y", "{y {z 1, w 2}}");
    check_part("s.y.z|s.x", "{x 0, y {z 1}}");
    check_part("l.v", "[{v 3}]");
    check_part("l.k", "[{k [[{p 4, q 5}]]}]");
    check_part("l.k.q", "[{k [[{q 5}]]}]");
    check_part("l.k.q|l.v", "[{v 3, k [[{q 5}]]}]");
    check_part("t.w", "[{w 7}]");
    check_part("r.w", "[{w 9}]");
    check_part("m.value.y", "[{key {a 10, b 11}, value {y 13}}]");
    check_part("m.value", "[{key {a 10, b 11}, value {x 12, y 13}}]");
    check_part("m.key.b", "[{key {b 11}, value {x 12, y 13}}]");
    close_schema();
}

/* All of a column is the schema's own field. */
static void all_is_not_copied(void **state) {
    (void)state;
    open_schema();
    pqf_projection p;
    pqf_choice whole = {.name = "l", .index = 1, .is_whole = true};
    for (int i = 0; i < 2; i++) {
        assert_ok(pqf_field_project(schema, &schema->fields[1], i ? &whole : NULL, &arena,
                                    &p, &err));
        assert_ptr_equal(p.field, &schema->fields[1]);
        assert_ptr_equal(p.leaves[2], schema->leaf_fields[5]);
    }
    assert_null(arena.blocks);
    close_schema();
}

/* What a file lacks is lacking; a choice in what is no group there takes it as it is. */
static void other_files(void **state) {
    (void)state;
    open_schema();
    pqf_projection p;
    pqf_choice unknown = {.name = "zz", .is_whole = true},
               into_x = {.name = "x", .children = &unknown, .next = &unknown},
               s = {.name = "s", .children = &into_x};
    assert_ok(pqf_field_project(schema, &schema->fields[0], &s, &arena, &p, &err));
    assert_int_equal(p.field->num_children, 1);
    assert_int_equal(p.field->num_leaves, 1);
    assert_int_equal(p.leaves[0]->leaf->index, 0);
    s.children = &unknown;
    assert_ok(pqf_field_project(schema, &schema->fields[0], &s, &arena, &p, &err));
    assert_int_equal(p.field->num_leaves, 0);
    close_schema();
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(parts), TEST(all_is_not_copied),
                                       TEST(other_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
