/* SPDX-License-Identifier: Apache-2.0
 *
 * test_choice.c: paths to columns and into them: what they choose of a schema, in which
 * order, and what is said about those that lead nowhere.
 */
#include "arrow/build.h"

static pqf_mem *mem;
static pqf_error err;
static pqf_arena arena;
static struct ArrowSchema schema;

static int set_up(void **state) {
    (void)state;
    pqf_error_init(&err);
    if (pqf_mem_new(0, &mem, &err) != PQF_OK) return -1;
    pqf_arena_init(&arena, mem);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pqf_arena_reset(&arena);
    pqf_schema_release(&schema);
    int64_t used = pqf_mem_used(mem);
    if (used) print_error("%lld bytes leaked\n", (long long)used);
    pqf_mem_release(mem);
    return used != 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const char NESTED[] =
    "+s(id:i;s:+s(x:i;y:+s(z:u;w:g));l:+l(item:+s(v:i;w:u));"
    "n:+L(item:+w:2(item:+s(v:i;k:+l(item:+s(p:i;q:i)))));"
    "m:+m(key!:u;value:+s(x:i;y:i));d:dict(c;u);a.b:i;a:+s(b:i;x.y:i;x:+s(y:i)))";

/* Adds paths divided by '|', the names of a tuple divided by '/'. */
static pqf_status choose(const char *type, const char *paths, pqf_choices *out) {
    char text[256];
    pqf_schema_release(&schema);
    schema = build_schema(type);
    snprintf(text, sizeof text, "%s", paths);
    if (pqf_choices_init(out, &schema, &arena, &err) != PQF_OK) return err.status;
    for (char *path = text, *next; path; path = next) {
        const char *names[8];
        int32_t n = 0;
        if ((next = strchr(path, '|'))) *next++ = 0;
        for (char *name = path, *rest; name; name = rest) {
            if ((rest = strchr(name, '/'))) *rest++ = 0;
            names[n++] = name;
        }
        pqf_column_path p = {names, n};
        pqf_error_init(&err);
        if (pqf_choices_add(out, &p, true, &err) != PQF_OK) return err.status;
    }
    return PQF_OK;
}

/* "s: struct<x: int32>, id: int32" */
static void check_choice(const char *paths, const char *expected) {
    pqf_choices choices;
    char text[1024] = "", type[512];
    if (choose(NESTED, paths, &choices) != PQF_OK) fail_msg("%s: %s", paths, err.message);
    int64_t n = 0;
    for (const pqf_choice *c = choices.first; c; c = c->next, n++) {
        struct ArrowSchema out;
        BUILD_OK(pqf_schema_choose(schema.children[c->index], c, &out, &build_error));
        pqf_type_text(&out, type, sizeof type);
        sprintf(text + strlen(text), "%s%s: %s", *text ? ", " : "", out.name, type);
        assert_string_equal(out.name, c->name);
        assert_int_equal(out.flags, schema.children[c->index]->flags);
        BUILD_OK(pqf_schema_check(&out, &build_error));
        pqf_schema_release(&out);
    }
    assert_int_equal(n, choices.num_columns);
    assert_string_equal(text, expected);
}

static void what_paths_choose(void **state) {
    (void)state;
    check_choice("id", "id: int32");
    check_choice("s.x", "s: struct<x: int32>");
    check_choice("s/x", "s: struct<x: int32>");
    check_choice("s.y.w", "s: struct<y: struct<w: double>>");
    check_choice("s.y", "s: struct<y: struct<z: string, w: double>>");
    check_choice("l.w", "l: list<item: struct<w: string>>");
    check_choice("n.k.q",
                 "n: large_list<item: fixed_size_list<item: struct<k: list<item: "
                 "struct<q: int32>>>>[2]>");
    check_choice("d", "d: dictionary<int8, string>");
}

static void maps_keep_key_and_value(void **state) {
    (void)state;
    static const char whole[] = "m: map<string, struct<x: int32, y: int32>>";
    check_choice("m", whole);
    check_choice("m.value", whole);
    check_choice("m.key", whole);
    check_choice("m.value.y", "m: map<string, struct<y: int32>>");
    check_choice("m/value/x|m.key", "m: map<string, struct<x: int32>>");
}

static void order_and_merging(void **state) {
    (void)state;
    check_choice("s.y.z|id|s.x", "s: struct<x: int32, y: struct<z: string>>, id: int32");
    check_choice("l.w|s.x|l.v", "l: list<item: struct<v: int32, w: string>>, "
                                "s: struct<x: int32>");
    check_choice("s.y.z|s.y", "s: struct<y: struct<z: string, w: double>>");
    check_choice("s|id|s.x",
                 "s: struct<x: int32, y: struct<z: string, w: double>>, id: int32");
}

static void names_with_dots(void **state) {
    (void)state;
    check_choice("a.b", "a.b: int32");
    check_choice("a/b", "a: struct<b: int32>");
    check_choice("a/x.y", "a: struct<x.y: int32>");
    check_choice("a/x/y", "a: struct<x: struct<y: int32>>");
}

static void check_fails(const char *type, const char *paths, pqf_status status,
                        const char *text) {
    pqf_choices choices;
    assert_int_equal(choose(type, paths, &choices), status);
    assert_string_equal(err.message, text);
}

static void paths_that_fail(void **state) {
    (void)state;
    check_fails(NESTED, "a.x.y", PQF_SCHEMA,
                "the column 'a.x.y' may be ('a', 'x.y') or ('a', 'x', 'y'): a tuple of "
                "names tells which");
    check_fails(NESTED, "s.x|s/x", PQF_INVALID, "the column 's.x' is asked for twice");
    check_fails(NESTED, "s|s.x|s", PQF_INVALID, "the column 's' is asked for twice");
    check_fails("+s(a:i;b:i;a:g)", "a", PQF_SCHEMA,
                "two columns have the name 'a'; they are only read together with all "
                "others");
    check_fails("+s(s:+s(x:i;x:u))", "s.x", PQF_SCHEMA,
                "two columns have the name 's.x'; they are only read together with all "
                "others");
    pqf_choices choices;
    assert_int_equal(choose(NESTED, "id", &choices), PQF_OK);
    assert_int_equal(pqf_choices_add(&choices, &(pqf_column_path){NULL, 0}, true, &err),
                     PQF_INVALID);
}

static void unknown_names(void **state) {
    (void)state;
    static const char two[] = "+s(amount:i;user:+s(name:u;email:u);user.age:i)";
    check_fails(two, "amuont", PQF_SCHEMA,
                "there is no column 'amuont'; did you mean 'amount'?");
    check_fails(two, "q", PQF_SCHEMA,
                "there is no column 'q'; there are 'amount', 'user', 'user.age'");
    check_fails(
        two, "user.nmae", PQF_SCHEMA,
        "there is no column 'user.nmae': 'user' has no field 'nmae'; did you mean "
        "'name'?");
    check_fails(two, "user/nmae/x", PQF_SCHEMA,
                "there is no column 'user.nmae.x': 'user' has no field 'nmae'; did you "
                "mean 'name'?");
    check_fails(two, "user.name.first", PQF_SCHEMA,
                "there is no column 'user.name.first': 'user.name' is string, which has "
                "no fields");
    check_fails(two, "user/age", PQF_SCHEMA,
                "there is no column 'user.age': 'user' has no field 'age'; there are "
                "'name', 'email'");
    check_fails("+s(m:+m(key!:u;value:i))", "m.val", PQF_SCHEMA,
                "there is no column 'm.val': 'm' has no field 'val'; there are 'key', "
                "'value'");
    check_fails("+s", "x", PQF_SCHEMA, "there is no column 'x'; there are no columns");
    check_fails(NESTED, "", PQF_SCHEMA,
                "there is no column ''; there are 'id', 's', 'l', 'n', 'm', 'd', 'a.b', "
                "'a'");
}

/* What is left of an extension type is not one; other metadata stays. */
static void extension_names_go(void **state) {
    (void)state;
    pqf_choices choices;
    struct ArrowSchema out;
    pqf_buf kv;
    pqf_bytes value;
    pqf_buf_init(&kv, mem, 0);
    BUILD_OK(pqf_kv_put(&kv, pqf_bytes_of("ARROW:extension:name", 20),
                        pqf_bytes_of("mine", 4), &build_error));
    BUILD_OK(pqf_kv_put(&kv, pqf_bytes_of("k", 1), pqf_bytes_of("v", 1), &build_error));
    assert_int_equal(choose(NESTED, "s.x", &choices), PQF_OK);
    BUILD_OK(
        pqf_schema_set_metadata(schema.children[1], (const char *)kv.data, &build_error));
    for (int whole = 0; whole < 2; whole++) {
        BUILD_OK(pqf_schema_choose(schema.children[1], whole ? NULL : choices.first, &out,
                                   &build_error));
        assert_int_equal(pqf_kv_find(out.metadata, "ARROW:extension:name", &value),
                         whole);
        assert_true(pqf_kv_find(out.metadata, "k", &value));
        pqf_schema_release(&out);
    }
    pqf_buf_reset(&kv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_paths_choose),  TEST(maps_keep_key_and_value), TEST(order_and_merging),
        TEST(names_with_dots),    TEST(paths_that_fail),         TEST(unknown_names),
        TEST(extension_names_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
