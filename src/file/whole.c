/* SPDX-License-Identifier: Apache-2.0
 *
 * whole.c: a whole read. All footers first, then one task per (row group, leaf) over all
 * files, largest first, each decoding straight into its final buffers; then one batch per
 * row group is put together and handed out, small ones several in one (join.c). A row group with more strings or items than one
 * array holds is halved until its parts fit. Many files are taken in waves, because an open
 * file costs a descriptor.
 */
#include "inner.h"

#include <sys/resource.h>

#define WHOLE_WINDOW_BYTES ((size_t)1 << 20)
/* Of a reader whose pages may have been read by others when it comes to them. */
#define EARLY_WINDOW_BYTES ((size_t)4 << 10)

struct pqf_whole {
    pqf_open_file *files; /* open are those of the wave: [first_file, end_file) */
    int64_t first_file;
    int64_t end_file;
    pqf_piece *pieces; /* of the wave, as everything below but rows_before */
    int64_t num_pieces;
    int64_t next_piece;
    pqf_leaf_out *leaves;       /* pieces x leaves */
    bool *is_full;              /* of each: its piece has to be halved */
    struct ArrowArray *batches; /* per piece, once put together */
    int64_t rows_before;        /* of earlier waves */
    int64_t wave_rows;
    int64_t num_bytes; /* of pages, decompressed; counted up to PQF_PARALLEL_BYTES */
    _Atomic int64_t tasks_done;
    int64_t num_tasks;
    pqf_early early;     /* while the tasks of the wave run for the first time */
    int64_t large_bytes; /* then: leaves of more are large */
    int64_t num_large;   /* 0: none is, there is no `early` */
};

/* A quarter of what the process may open: others need descriptors too. */
int64_t pqf_wave_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return PQF_WAVE_FILES;
    int64_t most = (int64_t)(limit.rlim_cur / 4);
    return most < 1 ? 1 : pqf_min_i64(most, PQF_WAVE_FILES);
}

static pqf_status zalloc_array(pqf_scan *scan, int64_t n, size_t size, void **out,
                               pqf_error *err) {
    return pqf_arena_array(&scan->arena, (size_t)n, size, out, err);
}

/* ---- step 1: footers ---- */

static pqf_status open_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_scan *scan = context;
    int64_t file = scan->whole->first_file + task;
    TRY(pqf_run_poll(&scan->run, worker, err));
    return pqf_scan_open_file(scan, file, &scan->whole->files[file], err);
}

/* Starting threads costs more than little work on one: `alone` stays on the calling
 * thread. */
static pqf_status run_tasks(pqf_scan *scan, int64_t n, const int64_t *order,
                            pqf_task_fn fn, bool alone, pqf_error *err) {
    int threads = scan->run.num_threads;
    if (alone) scan->run.num_threads = 1;
    pqf_status status = pqf_run_tasks(&scan->run, n, order, fn, scan, err);
    scan->run.num_threads = threads;
    return status;
}

static pqf_status open_files(pqf_scan *scan, pqf_error *err) {
    const struct pqf_whole *w = scan->whole;
    int64_t n = w->end_file - w->first_file;
    return run_tasks(scan, n, NULL, open_task, n < PQF_PARALLEL_FILES, err);
}

/* ---- step 2: the plan ---- */

static int64_t count_row_groups(const pqf_scan *scan) {
    const struct pqf_whole *w = scan->whole;
    int64_t n = 0;
    for (int64_t i = w->first_file; i < w->end_file; i++)
        if (w->files[i].reader)
            n += pqf_reader_metadata(w->files[i].reader)->file.num_row_groups;
    return n;
}

static pqf_status plan_pieces(pqf_scan *scan, pqf_error *err) {
    struct pqf_whole *w = scan->whole;
    void *block;
    TRY(zalloc_array(scan, count_row_groups(scan), sizeof(pqf_piece), &block, err));
    w->pieces = block;
    for (int64_t i = w->first_file; i < w->end_file; i++) {
        const pqf_reader *reader = w->files[i].reader;
        if (!reader) continue;
        const pqf_file_metadata *metadata = &pqf_reader_metadata(reader)->file;
        for (int64_t r = 0; r < metadata->num_row_groups; r++) {
            pqf_rows rows;
            if (!metadata->row_groups[r].num_rows) continue;
            TRY(pqf_scan_rows(scan, i, reader, r, &scan->arena, &rows, err));
            if (!rows.num_rows) continue;
            w->pieces[w->num_pieces++] = (pqf_piece){i, r, 0, rows.num_rows, rows};
            if (!pqf_add_i64(w->wave_rows, rows.num_rows, &w->wave_rows))
                return pqf_fail(err, PQF_CORRUPT, "the row counts of the files overflow");
        }
    }
    return PQF_OK;
}

typedef struct weighted {
    int64_t bytes;
    int64_t cost;
    int64_t task;
} weighted;

static int heavier_first(const void *a, const void *b) {
    const weighted *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
    return x->task < y->task ? -1 : x->task > y->task;
}

static const pqf_piece *piece_of(const pqf_scan *scan, int64_t task) {
    return &scan->whole->pieces[task / scan->num_leaves];
}

/* NULL: it cannot be read at all. */
static const pqf_column_metadata *chunk_of(const pqf_scan *scan, int64_t task) {
    const pqf_piece *piece = piece_of(scan, task);
    const pqf_open_file *file = &scan->whole->files[piece->file];
    const pqf_field *field =
        pqf_scan_leaf_field(file, scan, (int32_t)(task % scan->num_leaves));
    const pqf_column_chunk *chunk;
    pqf_error ignored;
    pqf_error_init(&ignored);
    pqf_status status =
        pqf_metadata_column(pqf_reader_metadata(file->reader), piece->row_group,
                            field->leaf->index, &chunk, &ignored);
    return status == PQF_OK ? &chunk->meta_data : NULL;
}

/* A string, few bytes or a code of few bits, costs as much as a dozen bytes that are copied. */
static weighted weigh(const pqf_scan *scan, int64_t task) {
    const pqf_column_metadata *meta = chunk_of(scan, task);
    if (!meta) return (weighted){.task = task};
    int64_t bytes = meta->total_uncompressed_size;
    int64_t num_values = pqf_min_i64(meta->num_values, INT64_MAX / 32);
    bool is_text = meta->type == PQF_PHYSICAL_BYTE_ARRAY;
    int64_t cost = pqf_min_i64(bytes, INT64_MAX / 2) + (is_text ? 12 * num_values : 0);
    return (weighted){bytes, cost, task};
}

/* Pages of it are unsealed by those who have no leaf: without a codec there is little to do for them, and
 * of selected rows not all pages are wanted. */
static bool is_large(const pqf_scan *scan, int64_t task) {
    if (piece_of(scan, task)->rows.ranges) return false;
    const pqf_column_metadata *meta = chunk_of(scan, task);
    return meta && meta->total_uncompressed_size > scan->whole->large_bytes &&
           meta->codec != PQF_UNCOMPRESSED;
}

static pqf_status at_piece(const pqf_scan *scan, const pqf_piece *piece, pqf_error *err) {
    const char *path = scan->spec.files[piece->file].path;
    pqf_error_at_row_group(err, piece->row_group);
    return path ? pqf_error_at_path(err, path) : err->status;
}

/* What cannot be read at all (encrypted chunks, chunks in other files) is said before any page is. */
static pqf_status check_chunks(const pqf_scan *scan, const pqf_piece *piece,
                               pqf_error *err) {
    const pqf_open_file *file = &scan->whole->files[piece->file];
    const pqf_metadata *metadata = pqf_reader_metadata(file->reader);
    for (int32_t l = 0; l < scan->num_leaves; l++) {
        const pqf_leaf *leaf = pqf_scan_leaf_field(file, scan, l)->leaf;
        pqf_chunk chunk;
        if (pqf_metadata_chunk(metadata, piece->row_group, leaf->index, &chunk, err) ==
            PQF_OK)
            continue;
        pqf_error_at_column(err, leaf->path);
        return at_piece(scan, piece, err);
    }
    return PQF_OK;
}

/* More than half of a thread's share: in the end some thread would have nothing to do for long. */
static void find_large(pqf_scan *scan, const weighted *weights, int64_t n) {
    struct pqf_whole *w = scan->whole;
    int64_t total = 0, num_threads = scan->run.num_threads;
    w->num_large = 0;
    w->large_bytes = INT64_MAX;
    for (int64_t t = 0; t < n; t++)
        if (!pqf_add_i64(total, weights[t].bytes, &total)) return;
    if (num_threads < 2) return;
    w->large_bytes = pqf_max_i64(total / (2 * num_threads), PQF_EARLY_MIN_BYTES);
    for (int64_t t = 0; t < n; t++)
        w->num_large += is_large(scan, weights[t].task);
}

/* Largest first keeps the last tasks short; *order holds task numbers, behind them those of helpers. */
static pqf_status order_tasks(pqf_scan *scan, int64_t n, int64_t **order,
                              pqf_error *err) {
    void *block;
    TRY(zalloc_array(scan, n + scan->run.num_threads, sizeof(int64_t), &block, err));
    *order = block;
    TRY(zalloc_array(scan, n, sizeof(weighted), &block, err));
    weighted *weights = block;
    for (int64_t t = 0; t < n; t++) {
        weights[t] = weigh(scan, t);
        if (scan->whole->num_bytes < PQF_PARALLEL_BYTES)
            scan->whole->num_bytes += pqf_min_i64(weights[t].bytes, PQF_PARALLEL_BYTES);
    }
    qsort(weights, (size_t)n, sizeof *weights, heavier_first);
    for (int64_t t = 0; t < n; t++)
        (*order)[t] = weights[t].task;
    for (int64_t t = n; t < n + scan->run.num_threads; t++)
        (*order)[t] = t;
    find_large(scan, weights, n);
    return PQF_OK;
}

/* ---- step 3: decode ---- */

/* Few bytes may be many rows: runs of nulls. */
static bool is_little(const pqf_scan *scan) {
    const struct pqf_whole *w = scan->whole;
    return w->num_bytes < PQF_PARALLEL_BYTES &&
           w->wave_rows <= 8 * PQF_PARALLEL_VALUES / (scan->num_leaves + 1);
}

static void note_progress(pqf_scan *scan) {
    struct pqf_whole *w = scan->whole;
    int64_t done = atomic_fetch_add(&w->tasks_done, 1) + 1;
    /* what was halved is done again */
    double share = done < w->num_tasks ? (double)done / (double)w->num_tasks : 1;
    atomic_store(&scan->run.done,
                 w->rows_before + (int64_t)((double)w->wave_rows * share));
}

static pqf_status decode_leaf(pqf_scan *scan, int64_t task, pqf_early *early, int worker,
                              pqf_error *err) {
    const pqf_piece *piece = piece_of(scan, task);
    int32_t leaf = (int32_t)(task % scan->num_leaves);
    pqf_leaf_out *out = &scan->whole->leaves[task];
    const pqf_open_file *file = &scan->whole->files[piece->file];
    pqf_chunk_reader *reader;
    TRY(pqf_scan_open_chunk(scan, file, piece->row_group, leaf,
                            early ? EARLY_WINDOW_BYTES : WHOLE_WINDOW_BYTES, &reader,
                            err));
    pqf_early_leaf *early_leaf = early ? pqf_early_open(early, reader) : NULL;
    if (piece->rows.ranges)
        pqf_chunk_reader_select(reader, pqf_reader_metadata(file->reader),
                                piece->row_group, piece->rows.ranges,
                                piece->rows.num_ranges);
    pqf_status status = pqf_leaf_out_init(out, pqf_scan_leaf_field(file, scan, leaf),
                                          piece->num_rows, scan->mem, err);
    pqf_scratch *scratch = &scan->scratch[worker];
    if (status == PQF_OK)
        status = pqf_chunk_reader_skip(reader, piece->first_row, scratch, &scan->run,
                                       worker, err);
    if (status == PQF_OK)
        status = pqf_chunk_reader_read(reader, piece->num_rows, out, scratch, &scan->run,
                                       worker, err);
    pqf_early_close(early_leaf);
    pqf_chunk_reader_free(reader);
    return status;
}

static pqf_status decode_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_scan *scan = context;
    pqf_early *early = scan->whole->num_large ? &scan->whole->early : NULL;
    if (task >= scan->whole->num_tasks) return pqf_early_help(early, worker, err);
    const pqf_piece *piece = piece_of(scan, task);
    pqf_leaf_out *out = &scan->whole->leaves[task];
    bool large = is_large(scan, task);
    pqf_status status = decode_leaf(scan, task, large ? early : NULL, worker, err);
    bool full = piece->num_rows > 1 && pqf_leaf_out_is_full(out);
    if (early) pqf_early_leaf_ends(early, large, status != PQF_OK && !full);
    note_progress(scan);
    if (full) {
        pqf_leaf_out_reset(out);
        scan->whole->is_full[task] = true;
        pqf_error_init(err);
        return PQF_OK;
    }
    return status == PQF_OK ? status : at_piece(scan, piece, err);
}

/* Room for the leaves of num_pieces pieces, none of them decoded. */
static pqf_status make_leaves(pqf_scan *scan, int64_t num_pieces, pqf_leaf_out **leaves,
                              bool **is_full, int64_t *num_tasks, pqf_error *err) {
    void *block;
    if (!pqf_mul_i64(num_pieces, scan->num_leaves, num_tasks))
        return pqf_fail(err, PQF_LIMIT, "too many column chunks");
    TRY(zalloc_array(scan, *num_tasks, sizeof(pqf_leaf_out), &block, err));
    *leaves = block;
    TRY(zalloc_array(scan, *num_tasks, sizeof(bool), &block, err));
    *is_full = block;
    return PQF_OK;
}

static bool piece_is_full(const pqf_scan *scan, int64_t piece) {
    const bool *is_full = scan->whole->is_full + piece * scan->num_leaves;
    for (int32_t l = 0; l < scan->num_leaves; l++)
        if (is_full[l]) return true;
    return false;
}

static int64_t count_full(const pqf_scan *scan) {
    int64_t n = 0;
    for (int64_t i = 0; i < scan->whole->num_pieces; i++)
        n += piece_is_full(scan, i);
    return n;
}

/* Halves the pieces that are full in `pieces` and `leaves`, which have room for that; the others move
 * there as they are. *order: the tasks of the halves. Returns how many these are. */
static int64_t halve_pieces(pqf_scan *scan, pqf_piece *pieces, pqf_leaf_out *leaves,
                            int64_t *order) {
    struct pqf_whole *w = scan->whole;
    int64_t to = 0, num_tasks = 0, num_leaves = scan->num_leaves;
    for (int64_t i = 0; i < w->num_pieces; i++) {
        pqf_leaf_out *from = w->leaves + i * num_leaves;
        pqf_piece piece = w->pieces[i], half = piece;
        if (!piece_is_full(scan, i)) {
            memcpy(leaves + to * num_leaves, from, (size_t)num_leaves * sizeof *from);
            pieces[to++] = piece;
            continue;
        }
        for (int64_t l = 0; l < num_leaves; l++)
            pqf_leaf_out_reset(&from[l]);
        half.num_rows = piece.num_rows / 2;
        piece.first_row += half.num_rows;
        piece.num_rows -= half.num_rows;
        for (int64_t t = 0; t < 2 * num_leaves; t++)
            order[num_tasks++] = to * num_leaves + t;
        pieces[to++] = half;
        pieces[to++] = piece;
    }
    return num_tasks;
}

/* A piece with more than one array holds is two, as often as it takes. */
static pqf_status decode_halves(pqf_scan *scan, pqf_error *err) {
    struct pqf_whole *w = scan->whole;
    for (int64_t num_full; (num_full = count_full(scan)) > 0;) {
        int64_t n, num_pieces = w->num_pieces + num_full;
        pqf_leaf_out *leaves = NULL;
        void *pieces, *order;
        bool *is_full = NULL;
        TRY(zalloc_array(scan, num_pieces, sizeof(pqf_piece), &pieces, err));
        TRY(make_leaves(scan, num_pieces, &leaves, &is_full, &n, err));
        TRY(zalloc_array(scan, 2 * num_full * scan->num_leaves, sizeof(int64_t), &order,
                         err));
        int64_t num_tasks = halve_pieces(scan, pieces, leaves, order);
        w->pieces = pieces;
        w->num_pieces = num_pieces;
        w->leaves = leaves;
        w->is_full = is_full;
        w->num_tasks = n;
        TRY(run_tasks(scan, num_tasks, order, decode_task, false, err));
    }
    return PQF_OK;
}

/* Every leaf once; behind them tasks that help with the large ones. */
static pqf_status decode_leaves(pqf_scan *scan, const int64_t *order, pqf_error *err) {
    struct pqf_whole *w = scan->whole;
    bool alone = is_little(scan);
    if (!w->num_large)
        return run_tasks(scan, w->num_tasks, order, decode_task, alone, err);
    pqf_early_begin(&w->early, scan, w->num_large);
    int64_t n = w->num_tasks + scan->run.num_threads - 1;
    pqf_status status = run_tasks(scan, n, order, decode_task, alone, err);
    pqf_early_end(&w->early);
    w->num_large = 0;
    w->large_bytes = INT64_MAX; /* halves are read alone */
    return status;
}

static pqf_status decode_all(pqf_scan *scan, pqf_error *err) {
    struct pqf_whole *w = scan->whole;
    int64_t n;
    TRY(make_leaves(scan, w->num_pieces, &w->leaves, &w->is_full, &n, err));
    w->num_tasks = n;
    bool is_last = !scan->is_part && w->end_file == scan->end_file;
    scan->run.total = is_last ? w->rows_before + w->wave_rows : -1;
    if (!n) return PQF_OK;
    for (int64_t i = 0; i < w->num_pieces; i++)
        TRY(check_chunks(scan, &w->pieces[i], err));
    int64_t *order;
    TRY(order_tasks(scan, n, &order, err));
    TRY(decode_leaves(scan, order, err));
    return decode_halves(scan, err);
}

/* ---- step 4: batches ---- */

static pqf_status assemble_task(void *context, int64_t task, int worker, pqf_error *err) {
    pqf_scan *scan = context;
    struct pqf_whole *w = scan->whole;
    const pqf_piece *piece = &w->pieces[task];
    pqf_buf *codes = NULL;
    void *block = NULL;
    size_t bytes = (size_t)scan->spec.num_constants * sizeof(pqf_buf);
    TRY(pqf_run_poll(&scan->run, worker, err));
    if (bytes) TRY(pqf_mem_zalloc(scan->mem, bytes, &block, err));
    codes = block;
    for (int32_t k = 0; k < scan->spec.num_constants; k++)
        pqf_buf_init(&codes[k], scan->mem, 0);
    pqf_status status =
        pqf_scan_put_codes(scan, piece->file, piece->num_rows, codes, err);
    if (status == PQF_OK)
        status = pqf_scan_batch(scan, w->leaves + task * scan->num_leaves, codes,
                                piece->num_rows, &w->batches[task], err);
    for (int32_t k = 0; k < scan->spec.num_constants; k++)
        pqf_buf_reset(&codes[k]);
    pqf_mem_free(scan->mem, block, bytes);
    if (status != PQF_OK && scan->spec.files[piece->file].path) {
        pqf_error_at_row_group(err, piece->row_group);
        pqf_error_at_path(err, scan->spec.files[piece->file].path);
    }
    return status;
}

static pqf_status assemble_all(pqf_scan *scan, pqf_error *err) {
    void *block;
    TRY(zalloc_array(scan, scan->whole->num_pieces, sizeof(struct ArrowArray), &block,
                     err));
    scan->whole->batches = block;
    TRY(run_tasks(scan, scan->whole->num_pieces, NULL, assemble_task, is_little(scan),
                  err));
    /* What differs is told by its file, so batches that are still to be adapted stay apart. */
    if (scan->is_part) return PQF_OK;
    return pqf_scan_join_small(scan, block, scan->whole->num_pieces, err);
}

/* ---- the pull ---- */

static pqf_status begin(pqf_scan *scan, pqf_error *err) {
    void *block;
    TRY(zalloc_array(scan, 1, sizeof(struct pqf_whole), &block, err));
    scan->whole = block;
    TRY(zalloc_array(scan, scan->spec.num_files, sizeof(pqf_open_file), &block, err));
    scan->whole->files = block;
    scan->whole->rows_before = scan->rows_before;
    return PQF_OK;
}

static void end_wave(struct pqf_whole *w) {
    for (int64_t t = 0; w->leaves && t < w->num_tasks; t++)
        pqf_leaf_out_reset(&w->leaves[t]);
    for (int64_t u = 0; w->batches && u < w->num_pieces; u++)
        pqf_array_release(&w->batches[u]);
    for (int64_t i = w->first_file; w->files && i < w->end_file; i++)
        pqf_open_file_reset(&w->files[i]);
    *w = (struct pqf_whole){.files = w->files,
                            .first_file = w->end_file,
                            .end_file = w->end_file,
                            .rows_before = w->rows_before + w->wave_rows};
}

/* A part ends at the first file that differs from its own; that one and those behind it are left to
 * the next part. */
static void cut_wave(pqf_scan *scan) {
    struct pqf_whole *w = scan->whole;
    int64_t end = w->first_file;
    while (end < w->end_file && !w->files[end].differs)
        end++;
    if (end == w->end_file) return;
    for (int64_t i = end; i < w->end_file; i++)
        pqf_open_file_reset(&w->files[i]);
    w->end_file = scan->end_file = end;
}

static pqf_status read_wave(pqf_scan *scan, pqf_error *err) {
    struct pqf_whole *w = scan->whole;
    end_wave(w);
    w->end_file = pqf_min_i64(w->first_file + scan->wave_files, scan->end_file);
    scan->wave_files = pqf_min_i64(2 * scan->wave_files, pqf_wave_files());
    TRY(open_files(scan, err));
    cut_wave(scan);
    TRY(plan_pieces(scan, err));
    TRY(decode_all(scan, err));
    TRY(assemble_all(scan, err));
    for (int64_t i = w->first_file; i < w->end_file; i++)
        pqf_open_file_reset(&w->files[i]);
    return PQF_OK;
}

pqf_status pqf_whole_next(pqf_scan *scan, struct ArrowArray *out, pqf_error *err) {
    if (!scan->whole) TRY(begin(scan, err));
    struct pqf_whole *w = scan->whole;
    for (;; w->next_piece++) {
        while (w->next_piece == w->num_pieces) {
            if (w->end_file == scan->end_file) return PQF_OK;
            TRY(read_wave(scan, err));
        }
        if (w->batches[w->next_piece].release) break;
    }
    scan->last_file = w->pieces[w->next_piece].file;
    struct ArrowArray *batch = &w->batches[w->next_piece++];
    *out = *batch;
    batch->release = NULL;
    return PQF_OK;
}

void pqf_whole_free(pqf_scan *scan) {
    if (scan->whole) end_wave(scan->whole);
    scan->whole = NULL;
}
