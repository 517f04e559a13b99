/* SPDX-License-Identifier: Apache-2.0
 *
 * spill.c: rows of one or many partitions set aside in one file without a name, in the order they
 * came, and read back partition by partition. Rows wait in memory up to a bound; then they
 * are sorted by partition and written as one run of extents:
 *
 *   run     ... extent of partition 3 | extent of partition 7 | extent of partition 7 ...
 *   extent  previous extent of the partition (-1: none), bytes of the body, rows, partition,
 *           layout (8 bytes each); body: an array as bytes (pqf_array_pack)
 *
 * In memory stands where the last extent of each partition begins, whatever the number of
 * runs; reading follows the chain back and then goes forward. What is read back is
 * checked: the chain leads towards the beginning, lengths lie in the file, offsets are sound.
 */
#include "inner.h"

#include <errno.h>

/* Rows that are copied between looks at the bound, and about the bytes of an extent. */
#define STEP_ROWS    8192
#define EXTENT_BYTES ((int64_t)4 << 20)
/* Extents are collected up to this many bytes for one write. */
#define WRITE_BYTES ((size_t)1 << 20)

typedef struct extent {
    int64_t previous;
    int64_t num_bytes;
    int64_t num_rows;
    int64_t group;
    int64_t layout;
} extent;

typedef struct chain {
    int64_t last; /* where its last extent begins; -1: there is none */
    int64_t num_bytes;
    int64_t num_rows;
} chain;

struct pqf_spill {
    pqf_mem *mem;
    pqf_run *run;
    pqf_temp *file;
    const struct ArrowSchema *schema; /* of the files */
    pqf_buf
        layouts; /* pqf_spill_layout; the last of max_layouts is for all that comes after */
    int64_t layout;         /* of the rows that wait */
    pqf_collector *waiting; /* NULL before the first row */
    pqf_buf groups;         /* uint32_t, one per waiting row */
    pqf_buf chains;         /* chain, by group */
    pqf_buf out;            /* extents that are not written yet */
    pqf_spill_options options;
};

pqf_status pqf_spill_new(const pqf_spill_options *options,
                         const struct ArrowSchema *schema, pqf_mem *mem, pqf_run *run,
                         pqf_spill **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_spill), &block, err));
    pqf_spill *s = block;
    s->mem = mem;
    s->run = run;
    s->options = *options;
    s->options.folder = NULL; /* the caller's */
    pqf_buf_init(&s->layouts, mem, 0);
    pqf_buf_init(&s->groups, mem, 0);
    pqf_buf_init(&s->chains, mem, 0);
    pqf_buf_init(&s->out, mem, 0);
    s->schema = schema;
    pqf_status status = pqf_temp_open(options->folder, &s->file, err);
    if (status == PQF_OK)
        *out = s;
    else
        pqf_spill_free(s);
    return status;
}

static int64_t num_layouts(const pqf_spill *s) {
    return (int64_t)(s->layouts.len / sizeof(pqf_spill_layout));
}

static pqf_spill_layout *layout_of(const pqf_spill *s, int64_t i) {
    return (pqf_spill_layout *)(void *)s->layouts.data + i;
}

void pqf_spill_free(pqf_spill *s) {
    if (!s) return;
    pqf_temp_free(s->file);
    pqf_collector_free(s->waiting);
    for (int64_t i = 0; i < num_layouts(s); i++)
        pqf_spill_layout_reset(layout_of(s, i));
    pqf_buf_reset(&s->layouts);
    pqf_buf_reset(&s->groups);
    pqf_buf_reset(&s->chains);
    pqf_buf_reset(&s->out);
    pqf_mem_free(s->mem, s, sizeof *s);
}

static int64_t num_chains(const pqf_spill *s) {
    return (int64_t)(s->chains.len / sizeof(chain));
}

static chain *chain_of(const pqf_spill *s, int64_t group) {
    return (chain *)(void *)s->chains.data + group;
}

static pqf_status add_chains(pqf_spill *s, int64_t num_groups, pqf_error *err) {
    const chain none = {.last = -1};
    while (num_chains(s) < num_groups)
        TRY(pqf_buf_put(&s->chains, &none, sizeof none, err));
    return PQF_OK;
}

/* ---- writing a run ---- */

/* Waiting rows by group: rows[first[g] .. first[g + 1]). */
typedef struct run {
    struct ArrowArray array;
    pqf_view view;
    pqf_arena arena;
    int64_t *first;
    int64_t *rows;
    int64_t extent_rows;
} run;

static pqf_status sort_rows(pqf_spill *s, run *r, pqf_error *err) {
    const uint32_t *groups = (const uint32_t *)(const void *)s->groups.data;
    int64_t num_groups = num_chains(s);
    void *block;
    TRY(pqf_arena_array(&r->arena, (size_t)num_groups + 2, sizeof(int64_t), &block, err));
    r->first = block;
    TRY(pqf_arena_array(&r->arena, (size_t)r->view.length, sizeof(int64_t), &block, err));
    r->rows = block;
    int64_t *place = r->first + 1; /* ends up shifted by one group */
    for (int64_t i = 0; i < r->view.length; i++)
        place[groups[i] + 1]++;
    for (int64_t g = 0; g < num_groups; g++)
        place[g + 1] += place[g];
    for (int64_t i = 0; i < r->view.length; i++)
        r->rows[place[groups[i]]++] = i;
    return PQF_OK;
}

static pqf_status write_out(pqf_spill *s, pqf_error *err) {
    TRY(pqf_temp_put(s->file, pqf_buf_view(&s->out), err));
    s->out.len = 0;
    return pqf_run_poll(s->run, 0, err);
}

static pqf_status put_extent(pqf_spill *s, const run *r, int64_t group,
                             const int64_t *rows, int64_t n, pqf_error *err) {
    chain *c = chain_of(s, group);
    extent head = {
        .previous = c->last, .num_rows = n, .group = group, .layout = s->layout};
    size_t at = s->out.len;
    struct ArrowArray array;
    c->last = pqf_temp_len(s->file) + (int64_t)at;
    TRY(pqf_buf_put_zeros(&s->out, sizeof head, err));
    TRY(pqf_array_gather(&r->view, rows, n, s->mem, &array, err));
    pqf_status status = pqf_array_pack(r->view.schema, &array, &s->out, err);
    pqf_array_release(&array);
    TRY(status);
    head.num_bytes = (int64_t)(s->out.len - at - sizeof head);
    memcpy(s->out.data + at, &head, sizeof head);
    c->num_bytes += head.num_bytes;
    c->num_rows += n;
    return s->out.len < WRITE_BYTES ? PQF_OK : write_out(s, err);
}

static pqf_status put_extents(pqf_spill *s, const run *r, pqf_error *err) {
    for (int64_t g = 0; g < num_chains(s); g++)
        for (int64_t i = r->first[g]; i < r->first[g + 1]; i += r->extent_rows) {
            int64_t n = pqf_min_i64(r->extent_rows, r->first[g + 1] - i);
            TRY(put_extent(s, r, g, r->rows + i, n, err));
        }
    return write_out(s, err);
}

static pqf_status write_run(pqf_spill *s, pqf_error *err) {
    int64_t num_rows = s->waiting ? pqf_collector_num_rows(s->waiting) : 0;
    int64_t num_bytes = s->waiting ? pqf_collector_num_bytes(s->waiting) : 0;
    run r = {.arena = {.mem = s->mem}};
    pqf_status status = PQF_OK;
    if (!num_rows) return PQF_OK;
    r.extent_rows = pqf_max_i64(EXTENT_BYTES / (num_bytes / num_rows + 1), 1);
    TRY(pqf_collector_take(s->waiting, &r.array, err));
    TRY_DONE(pqf_view_init(&r.view, pqf_collector_schema(s->waiting), &r.array, false,
                           &r.arena, err));
    TRY_DONE(sort_rows(s, &r, err));
    TRY_DONE(put_extents(s, &r, err));
    s->groups.len = 0;
done:
    pqf_array_release(&r.array);
    pqf_arena_reset(&r.arena);
    return status;
}

/* ---- putting ---- */

static pqf_status add_layout(pqf_spill *s, const pqf_view *rows, pqf_error *err) {
    pqf_spill_layout layout;
    bool is_last = num_layouts(s) + 1 == s->options.max_layouts;
    int64_t max_kept = is_last ? -1 : s->options.max_kept_values;
    TRY(pqf_spill_layout_init(&layout, s->schema, rows, max_kept, s->mem, err));
    pqf_status status = pqf_buf_put(&s->layouts, &layout, sizeof layout, err);
    if (status != PQF_OK) pqf_spill_layout_reset(&layout);
    return status;
}

/* Ends the run where rows come in another form. */
static pqf_status choose_layout(pqf_spill *s, const pqf_view *rows, pqf_error *err) {
    int64_t i = s->layout;
    if (s->waiting && pqf_spill_layout_fits(layout_of(s, i), rows)) return PQF_OK;
    TRY(write_run(s, err));
    pqf_collector_free(s->waiting);
    s->waiting = NULL;
    for (i = 0; i < num_layouts(s); i++)
        if (pqf_spill_layout_fits(layout_of(s, i), rows)) break;
    if (i == num_layouts(s)) TRY(add_layout(s, rows, err));
    pqf_spill_layout *l = layout_of(s, i);
    s->layout = i;
    TRY(pqf_collector_new(&l->schema, s->mem, &s->waiting, err));
    if (l->plain.release) return PQF_OK;
    return pqf_schema_copy(pqf_collector_schema(s->waiting), &l->plain, err);
}

static pqf_status put_groups(pqf_spill *s, const uint32_t *group_of_row, int64_t n,
                             pqf_error *err) {
    size_t bytes = (size_t)n * sizeof *group_of_row;
    return group_of_row ? pqf_buf_put(&s->groups, group_of_row, bytes, err)
                        : pqf_buf_put_zeros(&s->groups, bytes, err);
}

pqf_status pqf_spill_put(pqf_spill *s, const pqf_view *rows, int64_t start, int64_t n,
                         const uint32_t *group_of_row, int64_t num_groups,
                         pqf_error *err) {
    pqf_arena arena = {.mem = s->mem};
    pqf_status status = PQF_OK;
    pqf_view view;
    TRY(add_chains(s, num_groups, err));
    TRY(choose_layout(s, rows, err));
    TRY_DONE(pqf_spill_layout_view(layout_of(s, s->layout), rows, &arena, &view, err));
    for (int64_t i = 0; i < n; i += STEP_ROWS) {
        int64_t step = pqf_min_i64(STEP_ROWS, n - i);
        TRY_DONE(pqf_collector_put(s->waiting, &view, start + i, step, err));
        TRY_DONE(put_groups(s, group_of_row ? group_of_row + i : NULL, step, err));
        if (pqf_collector_num_bytes(s->waiting) >= s->options.max_waiting_bytes)
            TRY_DONE(write_run(s, err));
        TRY_DONE(pqf_run_poll(s->run, 0, err));
    }
done:
    pqf_arena_reset(&arena);
    return status;
}

pqf_status pqf_spill_end(pqf_spill *s, pqf_error *err) {
    TRY(write_run(s, err));
    pqf_collector_free(s->waiting);
    s->waiting = NULL;
    pqf_buf_reset(&s->groups);
    pqf_buf_reset(&s->out);
    return PQF_OK;
}

int64_t pqf_spill_most_bytes(const pqf_spill *s, int64_t max_rows) {
    int64_t most = 0;
    for (int64_t g = 0; g < num_chains(s); g++) {
        const chain *c = chain_of(s, g);
        double share =
            c->num_rows > max_rows ? (double)max_rows / (double)c->num_rows : 1;
        most = pqf_max_i64(most, (int64_t)((double)c->num_bytes * share));
    }
    return most;
}

int64_t pqf_spill_num_rows(const pqf_spill *s, int64_t group) {
    return group < num_chains(s) ? chain_of(s, group)->num_rows : 0;
}

/* ---- reading ---- */

typedef struct found {
    int64_t body_at;
    extent head;
} found;

static pqf_status damaged(pqf_error *err) {
    return pqf_fail_errno(err, EIO, "rows in the temporary file have changed");
}

/* Every extent of the group, the last one first. */
static pqf_status follow_chain(const pqf_spill *s, int64_t group, pqf_buf *out,
                               pqf_error *err) {
    int64_t end = pqf_temp_len(s->file);
    for (int64_t at = chain_of(s, group)->last; at >= 0;) {
        found f = {.body_at = at + (int64_t)sizeof(extent)};
        TRY(pqf_temp_read_at(s->file, at, &f.head, sizeof f.head, err));
        if (f.head.group != group || f.head.num_bytes < 0 ||
            f.head.num_bytes > end - f.body_at || f.head.previous >= at ||
            f.head.layout < 0 || f.head.layout >= num_layouts(s))
            return damaged(err);
        TRY(pqf_buf_put(out, &f, sizeof f, err));
        at = f.head.previous;
    }
    return PQF_OK;
}

static pqf_status read_extent(const pqf_spill *s, const found *f, pqf_spill_fn fn,
                              void *context, pqf_error *err) {
    pqf_arena arena = {.mem = s->mem};
    const pqf_spill_layout *layout = layout_of(s, f->head.layout);
    const struct ArrowSchema *schema = &layout->plain;
    struct ArrowArray array;
    pqf_view view;
    void *body;
    size_t n = (size_t)f->head.num_bytes;
    pqf_status status = PQF_OK;
    TRY(pqf_mem_alloc(s->mem, n, &body, err));
    TRY_DONE(pqf_temp_read_at(s->file, f->body_at, body, n, err));
    TRY_DONE(pqf_array_unpack(schema, pqf_bytes_of(body, n), &arena, &array, err));
    TRY_DONE(pqf_view_init(&view, schema, &array, true, &arena, err));
    TRY_DONE(pqf_spill_layout_check(layout, &view, err));
done:
    if (status == PQF_CORRUPT || status == PQF_INVALID) status = damaged(err);
    if (status == PQF_OK) status = fn(context, &view, err);
    pqf_arena_reset(&arena);
    pqf_mem_free(s->mem, body, n);
    return status;
}

pqf_status pqf_spill_read(const pqf_spill *s, int64_t group, pqf_spill_fn fn,
                          void *context, pqf_error *err) {
    pqf_buf extents = {.mem = s->mem};
    if (group >= num_chains(s)) return PQF_OK;
    pqf_status status = follow_chain(s, group, &extents, err);
    const found *f = (const found *)(const void *)extents.data;
    for (size_t i = extents.len / sizeof *f; status == PQF_OK && i > 0; i--)
        status = read_extent(s, &f[i - 1], fn, context, err);
    pqf_buf_reset(&extents);
    return status;
}
