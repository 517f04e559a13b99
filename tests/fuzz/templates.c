/* SPDX-License-Identifier: Apache-2.0
 *
 * templates.c: small valid files, one row each: their columns, a few rows, and how they are written.
 * Between them they have every shape, page version, codec, encoding and index. Also predicates over
 * their columns. All of it is made at first use and kept.
 */
#include "fuzz.h"

#include "file/predicate_test.h"

#define COUNT(array) (int64_t)(sizeof(array) / sizeof *(array))

typedef struct template {
    const char *type, *values;
    const char *compression; /* NULL: none */
    const char *encoding;    /* of all columns, NULL: dictionary and PLAIN */
    int32_t page_version;
    int64_t page_rows, row_group_rows;
    bool indexes; /* and a Bloom filter of a, an integer */
    bool int96;
}
template;

#define FLAT "+s(a:i;b:u)"
#define FLAT_ROWS                                                                        \
    "{1,one},{2,two},{null,null},{3,three},{3,three},{3,null},{4,'longer than that'},"   \
    "{5,five},{6,six},{7,''},{7,seven},{null,eight}"
#define NESTED "+s(a:l;l:+l(item:i);s:+s(x!:g;y:u);m:+m(key!:u;value:i))"
#define NESTED_ROWS                                                                      \
    "{1,[1,null,3],{0.5,p},[{k,1},{j,null}]},{null,null,null,null},{2,[],{1,null},[]},"  \
    "{3,[4],{2,qq},[{k,2}]},{4,[5,6,7,8],null,[{a,1},{b,2},{c,3}]}"

static const template templates[FUZZ_NUM_TEMPLATES] = {
    {FLAT, FLAT_ROWS, NULL, NULL, 1, 0, 0, false, false},
    {FLAT, FLAT_ROWS, NULL, NULL, 2, 5, 7, true, false},
    {NESTED, NESTED_ROWS, NULL, NULL, 1, 2, 3, false, false},
    {NESTED, NESTED_ROWS, NULL, NULL, 2, 2, 0, true, false},
    {"+s(a:+l(item:+l(item:u));b:+l(item:+s(x:i;y:+l(item:l))))",
     "{[[p,q],[],null,[r]],[{1,[1,2]},null,{2,null}]},{null,null},{[],[]},"
     "{[[s]],[{3,[3]}]}",
     NULL, NULL, 1, 2, 0, true, false},
    {"+s(a:b;b:c;c:C;d:s;e:S;f:I;g:L;h:e;i:f;j:g)",
     "{true,1,2,3,4,5,6,0.5,1.5,2.5},{false,-1,255,-3,65535,4294967295,7,-1,-1.5,0},"
     "{null,null,null,null,null,null,null,null,null,null},{true,0,0,0,0,0,0,0,0,1}",
     NULL, NULL, 1, 3, 0, true, false},
    {"+s(a:d:5,2;b:d:18,3;c:d:30,4;d:d:60,5,256;e:w:4;f:tdD;g:tsn:UTC;h:ttu;i:tdm;j:tDu)",
     "{12,34,-56,78,abcd,1,1000000,5,86400000,7},"
     "{null,null,null,null,null,null,null,null,null,null},"
     "{-99,99,12345678901234567890,1,wxyz,-1,-1,86399999999,0,-7}",
     NULL, NULL, 1, 0, 0, true, false},
    {"+s(a:tsu:;b:tsn:UTC)",
     "{1000,2000},{null,-1},{1600000000000000,1600000000000000000}", NULL, NULL, 1, 0, 0,
     false, true},
    {"+s(a:dict(c;u);b:dict(i;l);c:+r(i;u);d:n)",
     "{x,1,r,null},{y,2,r,null},{x,1,r,null},{null,null,s,null},{z,3,null,null}", NULL,
     NULL, 1, 2, 3, true, false},
    {"+s(a:U;b:vu;c:Z;d:+L(item:i);e:+vl(item:i);f:+w:2(item:i))",
     "{p,'a long string view',0x00ff,[1,2],[3],[4,5]},{null,null,null,null,null,null},"
     "{'',q,'',[],[],[6,null]}",
     NULL, NULL, 2, 0, 0, false, false},
    {FLAT, FLAT_ROWS, "snappy", NULL, 1, 6, 0, true, false},
    {NESTED, NESTED_ROWS, "zstd", NULL, 2, 0, 0, false, false},
    {FLAT, FLAT_ROWS, "gzip", "DELTA", 1, 0, 0, false, false},
    {"+s(a:i;b:u)", FLAT_ROWS, NULL, "DELTA", 2, 6, 0, true, false},
    {"+s(a:f;b:g)",
     "{1.5,2.25},{2.5,3.25},{null,4.75},{3.5,1e300},{4.25,null},{0.1,0.2},{7,-0.25}",
     NULL, "ALP", 2, 0, 0, false, false},
    {"+s(a:i;b:g)", "{1,2.25},{null,3.25},{2,4.75},{3,1e300},{4,null}", "lz4",
     "BYTE_STREAM_SPLIT", 1, 3, 4, true, false},
};

/* ---- memory that stays ---- */

static pqf_mem *lasting;

pqf_buf fuzz_lasting_buf(void) {
    pqf_buf out;
    if (!lasting) OK(pqf_mem_new(0, &lasting, &test_err));
    pqf_buf_init(&out, lasting, 0);
    test_mem = lasting;
    return out;
}

/* ---- files ---- */

static int append(void *context, const void *bytes, size_t num_bytes) {
    pqf_error err;
    pqf_error_init(&err);
    return pqf_buf_put(context, bytes, num_bytes, &err) == PQF_OK ? 0 : ENOMEM;
}

static const char *encoding_of(const template *t, bool is_first) {
    if (strcmp(t->encoding, "DELTA") != 0) return t->encoding;
    return is_first ? "DELTA_BINARY_PACKED" : "DELTA_BYTE_ARRAY";
}

static void write_template(const template *t, pqf_buf *out) {
    pqf_column_setting encodings[2] = {{"a", NULL}, {"b", NULL}};
    static const pqf_column_setting fpp[1] = {{"a", "0.01"}};
    static const pqf_column_setting pairs[1] = {{"key", "value"}};
    pqf_write_options o = {.struct_bytes = sizeof o,
                           .compression = t->compression ? t->compression : "none",
                           .data_page_version = t->page_version,
                           .page_rows = t->page_rows,
                           .row_group_rows = t->row_group_rows,
                           .page_index = t->indexes,
                           .int96_timestamps = t->int96,
                           .metadata = pairs,
                           .num_metadata = 1,
                           .column_bloom_fpp = fpp};
    pqf_writer *w;
    o.num_column_bloom_fpp = t->indexes && strchr("il", t->type[5]) ? 1 : 0;
    for (int i = 0; t->encoding && i < 2; i++)
        encodings[i].value = encoding_of(t, i == 0);
    o.num_column_encoding = t->encoding ? 2 : 0;
    o.column_encoding = encodings;
    built b = build(lasting, t->type, t->values);
    OK(pqf_writer_open_callback(append, out, &b.schema, &o, &w, &test_err));
    OK(pqf_writer_put(w, &b.schema, &b.array, NULL, &test_err));
    OK(pqf_writer_finish(w, &test_err));
    pqf_writer_free(w);
    build_free(&b);
    OK(pqf_buf_reserve(out, PQF_SLACK, &test_err));
}

pqf_bytes fuzz_template(int i) {
    static pqf_buf files[FUZZ_NUM_TEMPLATES];
    if (!files[i].len) {
        files[i] = fuzz_lasting_buf();
        write_template(&templates[i], &files[i]);
    }
    return pqf_buf_view(&files[i]);
}

/* ---- predicates ---- */

static const struct {
    const char *tree, *type, *values;
} trees[] = {
    {"(greater a #0)", "+s(v:l)", "{2}"},
    {"(equal b #0)", "+s(v:u)", "{three}"},
    {"(and_kleene (less a #0) (is_valid b))", "+s(v:l)", "{6}"},
    {"(or_kleene (equal a #0) (is_null a))", "+s(v:l)", "{100}"},
    {"(greater_equal s.x #0)", "+s(v:g)", "{1}"},
    {"(invert (equal a #0))", "+s(v:l)", "{3}"},
};

const pqf_predicate *fuzz_predicate(int i) {
    static pqf_predicate *made[COUNT(trees)];
    if (i >= COUNT(trees)) return NULL;
    if (!made[i]) {
        pqf_buf buf = fuzz_lasting_buf();
        (void)buf;
        made[i] = predicate(trees[i].tree, trees[i].type, trees[i].values);
    }
    return made[i];
}
