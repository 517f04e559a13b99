/* SPDX-License-Identifier: Apache-2.0
 *
 * batches.c: a bounded read. Batches of exactly batch_rows rows but the last, across row
 * groups and files. Files and row groups are taken up one after the other; in memory are
 * the batch, and per column a page, a dictionary and a window. The columns of a step are
 * decoded in parallel.
 */
#include "inner.h"

/* All windows together; each column gets its share, within these bounds: 2,000 columns
 * take 16 MiB. */
#define WINDOWS_BYTES    ((size_t)4 << 20)
#define MIN_WINDOW_BYTES ((size_t)8 << 10)
#define MAX_WINDOW_BYTES ((size_t)1 << 20)

/* More than the strings of the last batch took. */
#define TEXT_ROOM 1.0625

typedef struct weighted {
    int64_t cost;
    int64_t leaf;
} weighted;

struct pqf_batches {
    int64_t next_file;
    int64_t file_index; /* of the open file */
    pqf_open_file file;
    int64_t next_row_group;
    int64_t row_group; /* the one being read */
    int64_t rows_left; /* in it, of those that are left by the plan */
    pqf_rows rows;
    pqf_arena arena;            /* of their ranges */
    pqf_chunk_reader **readers; /* one per leaf; NULL between row groups */
    pqf_leaf_out *leaves;       /* of the batch in progress */
    size_t *text_bytes;         /* of the strings of each leaf in the last batch */
    weighted *weights;          /* of the leaves */
    int64_t *order;             /* of the tasks of a step; NULL until there are weights */
    pqf_buf *codes;
    int64_t step_rows; /* of the step in progress */
    int64_t num_rows;  /* of the batch in progress */
    int64_t last_rows; /* of the last batch */
    int64_t row_bytes; /* of it, about */
    size_t window_bytes;
};

static size_t window_bytes_of(int32_t num_leaves) {
    size_t share = WINDOWS_BYTES / (size_t)(num_leaves > 0 ? num_leaves : 1);
    if (share < MIN_WINDOW_BYTES) return MIN_WINDOW_BYTES;
    return share > MAX_WINDOW_BYTES ? MAX_WINDOW_BYTES : share;
}

static pqf_status begin(pqf_scan *scan, pqf_error *err) {
    void *block;
    size_t leaves = (size_t)scan->num_leaves;
    TRY(pqf_arena_array(&scan->arena, 1, sizeof(struct pqf_batches), &block, err));
    struct pqf_batches *b = block;
    TRY(pqf_arena_array(&scan->arena, leaves, sizeof(pqf_chunk_reader *), &block, err));
    b->readers = block;
    TRY(pqf_arena_array(&scan->arena, leaves, sizeof(pqf_leaf_out), &block, err));
    b->leaves = block;
    TRY(pqf_arena_array(&scan->arena, leaves, sizeof(size_t), &block, err));
    b->text_bytes = block;
    TRY(pqf_arena_array(&scan->arena, leaves, sizeof(weighted), &block, err));
    b->weights = block;
    TRY(pqf_arena_array(&scan->arena, (size_t)scan->spec.num_constants, sizeof(pqf_buf),
                        &block, err));
    b->codes = block;
    for (int32_t k = 0; k < scan->spec.num_constants; k++)
        pqf_buf_init(&b->codes[k], scan->mem, 0);
    b->window_bytes = window_bytes_of(scan->num_leaves);
    pqf_arena_init(&b->arena, scan->mem);
    scan->batches = b;
    return PQF_OK;
}

static void close_row_group(pqf_scan *scan) {
    struct pqf_batches *b = scan->batches;
    for (int32_t l = 0; l < scan->num_leaves; l++) {
        pqf_chunk_reader_free(b->readers[l]);
        b->readers[l] = NULL;
    }
}

static pqf_status at_place(const pqf_scan *scan, pqf_error *err) {
    const struct pqf_batches *b = scan->batches;
    const char *path = scan->spec.files[b->file_index].path;
    pqf_error_at_row_group(err, b->row_group);
    return path ? pqf_error_at_path(err, path) : err->status;
}

/* Opens the next file that the constants leave; *found is false after the last. */
static pqf_status open_next_file(pqf_scan *scan, bool *found, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    pqf_open_file_reset(&b->file);
    while (!b->file.reader && b->next_file < scan->end_file) {
        b->file_index = b->next_file++;
        TRY(pqf_scan_open_file(scan, b->file_index, &b->file, err));
        if (!b->file.differs) continue;
        scan->end_file = b->file_index; /* the next part begins with it */
        pqf_open_file_reset(&b->file);
    }
    scan->last_file = b->file_index;
    b->next_row_group = 0;
    *found = b->file.reader != NULL;
    return PQF_OK;
}

static pqf_status open_row_group(pqf_scan *scan, int64_t row_group, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    b->row_group = row_group;
    for (int32_t l = 0; l < scan->num_leaves; l++) {
        pqf_status status = pqf_scan_open_chunk(scan, &b->file, row_group, l,
                                                b->window_bytes, &b->readers[l], err);
        if (status != PQF_OK) {
            b->readers[l] = NULL;
            return at_place(scan, err);
        }
        if (b->rows.ranges)
            pqf_chunk_reader_select(b->readers[l], pqf_reader_metadata(b->file.reader),
                                    row_group, b->rows.ranges, b->rows.num_ranges);
    }
    return PQF_OK;
}

/* Makes a row group with rows current; rows_left stays 0 at the end of the scan. */
static pqf_status advance(pqf_scan *scan, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    close_row_group(scan);
    for (;;) {
        bool found = b->file.reader != NULL;
        if (!found || b->next_row_group ==
                          pqf_reader_metadata(b->file.reader)->file.num_row_groups) {
            TRY(open_next_file(scan, &found, err));
            if (!found) return PQF_OK;
            continue;
        }
        int64_t r = b->next_row_group++;
        int64_t rows = pqf_reader_metadata(b->file.reader)->file.row_groups[r].num_rows;
        if (!rows) continue;
        pqf_arena_reset(&b->arena);
        TRY(pqf_scan_rows(scan, b->file_index, b->file.reader, r, &b->arena, &b->rows,
                          err));
        if (!b->rows.num_rows) continue;
        TRY(open_row_group(scan, r, err));
        b->rows_left = b->rows.num_rows;
        return PQF_OK;
    }
}

/* The field of the reader that shapes the result. */
static const pqf_field *template_leaf(const pqf_scan *scan, int32_t leaf) {
    const pqf_open_file file = {.reader = scan->template_reader,
                                .fields = scan->template_fields};
    return pqf_scan_leaf_field(&file, scan, leaf);
}

/* A batch may span files whose levels differ: one file's data may be required where
 * another's is nullable. Its nodes are those of the file that is being read, and of the
 * template in between, because files are closed. */
static void point_at(pqf_leaf_out *out, const pqf_field *leaf_field) {
    out->leaf_field = leaf_field;
    for (int32_t i = out->num_nodes; i-- > 0; leaf_field = leaf_field->parent)
        out->nodes[i].field = leaf_field;
}

static pqf_status step_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_scan *scan = context;
    struct pqf_batches *b = scan->batches;
    int32_t leaf = (int32_t)task;
    point_at(&b->leaves[leaf], pqf_scan_leaf_field(&b->file, scan, leaf));
    pqf_status status =
        pqf_chunk_reader_read(b->readers[leaf], b->step_rows, &b->leaves[leaf],
                              &scan->scratch[worker], &scan->run, worker, err);
    point_at(&b->leaves[leaf], template_leaf(scan, leaf));
    return status == PQF_OK ? status : at_place(scan, err);
}

static pqf_status step(pqf_scan *scan, int64_t num_rows, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    b->step_rows = num_rows;
    int threads = scan->run.num_threads;
    if (num_rows <= PQF_PARALLEL_VALUES / (scan->num_leaves + 1))
        scan->run.num_threads = 1;
    pqf_status status =
        pqf_run_tasks(&scan->run, scan->num_leaves, b->order, step_task, scan, err);
    scan->run.num_threads = threads;
    TRY(status);
    TRY(pqf_scan_put_codes(scan, b->file_index, num_rows, b->codes, err));
    b->rows_left -= num_rows;
    return PQF_OK;
}

/* Strings are likely to be about as long as in the last batch: room that is found by doubling is up to
 * twice as much, and copied as often. Not where the budget may be needed for others. */
static pqf_status expect_text(pqf_scan *scan, int32_t leaf, int64_t rows,
                              pqf_error *err) {
    const struct pqf_batches *b = scan->batches;
    if (!b->text_bytes[leaf]) return PQF_OK;
    double share = (double)rows / (double)b->last_rows;
    double bytes = (double)b->text_bytes[leaf] * share * TEXT_ROOM;
    bool has_room = bytes < INT32_MAX && bytes < (double)pqf_mem_left(scan->mem) / 16;
    return has_room ? pqf_buf_reserve(&b->leaves[leaf].bytes, (size_t)bytes, err)
                    : PQF_OK;
}

static pqf_status begin_batch(pqf_scan *scan, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    /* another row group is likely to follow where there was a batch before */
    int64_t rows = b->last_rows == scan->spec.batch_rows
                       ? b->last_rows
                       : pqf_min_i64(scan->spec.batch_rows, b->rows_left);
    for (int32_t l = 0; l < scan->num_leaves; l++) {
        TRY(pqf_leaf_out_init(&b->leaves[l], template_leaf(scan, l), rows, scan->mem,
                              err));
        TRY(expect_text(scan, l, rows, err));
    }
    return PQF_OK;
}

pqf_status pqf_batches_fill(pqf_scan *scan, int64_t num_rows, pqf_error *err) {
    if (!scan->batches) TRY(begin(scan, err));
    struct pqf_batches *b = scan->batches;
    while (b->num_rows < num_rows) {
        if (!b->rows_left) TRY(advance(scan, err));
        if (!b->rows_left) break;
        if (!b->num_rows) TRY(begin_batch(scan, err));
        int64_t n = pqf_min_i64(num_rows - b->num_rows, b->rows_left);
        TRY(step(scan, n, err));
        b->num_rows += n;
        atomic_fetch_add(&scan->run.done, n);
        TRY(pqf_run_poll(&scan->run, 0, err));
    }
    return PQF_OK;
}

static size_t bytes_of_leaf(const pqf_leaf_out *out) {
    size_t n = out->values.len + out->ends.len + out->bytes.len;
    for (int32_t i = 0; i < out->num_nodes; i++)
        n += out->nodes[i].validity.len + out->nodes[i].offsets.len;
    return n;
}

static int heavier_first(const void *a, const void *b) {
    const weighted *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
    return x->leaf < y->leaf ? -1 : x->leaf > y->leaf;
}

/* By the first batch: a string costs as much as a dozen bytes that are copied. */
static pqf_status order_leaves(pqf_scan *scan, pqf_error *err) {
    struct pqf_batches *b = scan->batches;
    void *block;
    size_t n = (size_t)scan->num_leaves;
    if (b->order || scan->run.num_threads == 1) return PQF_OK;
    TRY(pqf_arena_array(&scan->arena, n, sizeof(int64_t), &block, err));
    b->order = block;
    for (size_t l = 0; l < n; l++) {
        const pqf_leaf_out *out = &b->leaves[l];
        size_t cost = bytes_of_leaf(out) + 12 * (out->ends.len / sizeof(int32_t));
        b->weights[l] = (weighted){(int64_t)cost, (int64_t)l};
    }
    qsort(b->weights, n, sizeof *b->weights, heavier_first);
    for (size_t l = 0; l < n; l++)
        b->order[l] = b->weights[l].leaf;
    return PQF_OK;
}

static void note_bytes(pqf_scan *scan) {
    struct pqf_batches *b = scan->batches;
    size_t n = 0;
    for (int32_t l = 0; l < scan->num_leaves; l++) {
        n += bytes_of_leaf(&b->leaves[l]);
        b->text_bytes[l] = b->leaves[l].bytes.len;
    }
    b->last_rows = b->num_rows;
    b->row_bytes = (int64_t)n / b->num_rows + 1;
}

int64_t pqf_batches_row_bytes(const pqf_scan *scan) { return scan->batches->row_bytes; }

pqf_status pqf_batches_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    TRY(pqf_batches_fill(scan, scan->spec.batch_rows, err));
    struct pqf_batches *b = scan->batches;
    int64_t rows = b->num_rows;
    if (!rows) return PQF_OK;
    note_bytes(scan);
    TRY(order_leaves(scan, err));
    b->num_rows = 0;
    pqf_status status = pqf_scan_batch(scan, b->leaves, b->codes, rows, out, err);
    return status == PQF_OK ? status : at_place(scan, err);
}

void pqf_batches_free(pqf_scan *scan) {
    struct pqf_batches *b = scan->batches;
    if (!b) return;
    close_row_group(scan);
    for (int32_t l = 0; l < scan->num_leaves; l++)
        pqf_leaf_out_reset(&b->leaves[l]);
    for (int32_t k = 0; k < scan->spec.num_constants; k++)
        pqf_buf_reset(&b->codes[k]);
    pqf_open_file_reset(&b->file);
    pqf_arena_reset(&b->arena);
    scan->batches = NULL;
}
