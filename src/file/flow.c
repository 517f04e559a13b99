/* SPDX-License-Identifier: Apache-2.0
 *
 * flow.c (room file): bytes on their way to the sink, while leaves are still being encoded.
 *
 *   leaf 0 ─► lane 0 ┐
 *   leaf 1 ─► lane 1 ┼─ in the order of the file ─► ready ─► sink
 *   leaf 2 ─► lane 2 ┘
 *
 * In: blocks of one leaf's pages in their order, from the worker that encodes it. A block is ready
 * once all leaves before its own have ended. Out: calls of the sink, from whichever worker has time,
 * one at a time: the kernel would let only one of them write to a file anyway. What is ready when a
 * row group ends may be written while the next one is encoded. Where a chunk begins is known when
 * its first block is ready; fewer than PQF_VALUE_ALIGNMENT zeros may stand before it.
 */
#include "inner.h"

int64_t pqf_flow_test_divisor = 1;

#define MAX_PARTS       32
#define MAX_WRITE_BYTES ((int64_t)4 << 20)

pqf_status pqf_flow_init(pqf_flow *f, int32_t num_lanes, pqf_sink *sink, pqf_arena *arena,
                         pqf_mem *mem, pqf_error *err) {
    void *block;
    pqf_gate_init(&f->gate);
    f->begun = true;
    f->sink = sink;
    pqf_buf_init(&f->ready, mem, 0);
    TRY(pqf_arena_array(arena, (size_t)num_lanes, sizeof(pqf_lane), &block, err));
    f->lanes = block;
    f->num_lanes = num_lanes;
    for (int32_t l = 0; l < num_lanes; l++)
        pqf_buf_init(&f->lanes[l].blocks, mem, 0);
    return PQF_OK;
}

static void free_blocks(pqf_buf *blocks, size_t first) {
    pqf_buf *block = (pqf_buf *)(void *)blocks->data;
    for (size_t i = first; i < blocks->len / sizeof *block; i++)
        pqf_buf_reset(&block[i]);
    pqf_buf_reset(blocks);
}

void pqf_flow_reset(pqf_flow *f) {
    if (!f->begun) return;
    free_blocks(&f->ready, f->front);
    for (int32_t l = 0; l < f->num_lanes; l++)
        free_blocks(&f->lanes[l].blocks, 0);
    pqf_gate_reset(&f->gate);
}

int64_t pqf_flow_len(const pqf_flow *f) {
    return f->sink ? pqf_sink_len(f->sink) + f->ready_bytes : 0;
}

/* ---- in ---- */

static int64_t bytes_of(const pqf_buf *blocks) {
    const pqf_buf *block = (const pqf_buf *)(void *)blocks->data;
    int64_t bytes = 0;
    for (size_t i = 0; i < blocks->len / sizeof *block; i++)
        bytes += (int64_t)block[i].len;
    return bytes;
}

/* What has been written makes room. */
static void close_up(pqf_flow *f) {
    size_t done = f->front * sizeof(pqf_buf);
    if (!done || done < f->ready.len / 2) return;
    memmove(f->ready.data, f->ready.data + done, f->ready.len - done);
    f->ready.len -= done;
    f->front = 0;
}

/* The chunk's first byte comes here, or so many zeros later that its values are aligned. */
static pqf_status begin_chunk(pqf_flow *f, pqf_lane *lane, pqf_error *err) {
    static const uint8_t zeros[PQF_VALUE_ALIGNMENT];
    int64_t over = (f->place + lane->value_at) % PQF_VALUE_ALIGNMENT;
    size_t gap = lane->value_at && over ? (size_t)(PQF_VALUE_ALIGNMENT - over) : 0;
    TRY(pqf_flow_put_copy(f, pqf_bytes_of(zeros, gap), err));
    lane->begun = true;
    lane->begin = f->place += (int64_t)gap;
    return PQF_OK;
}

/* Blocks of the first lane that has not ended, and of those before, become ready. */
static pqf_status advance(pqf_flow *f, pqf_error *err) {
    for (; f->next_lane < f->num_lanes; f->next_lane++) {
        pqf_lane *lane = &f->lanes[f->next_lane];
        if (lane->blocks.len) {
            if (!lane->begun) TRY(begin_chunk(f, lane, err));
            close_up(f);
            TRY(pqf_buf_put(&f->ready, lane->blocks.data, lane->blocks.len, err));
            int64_t bytes = bytes_of(&lane->blocks);
            f->lane_bytes -= bytes;
            f->ready_bytes += bytes;
            f->place += bytes;
            lane->blocks.len = 0;
        }
        if (!lane->ended) return PQF_OK;
    }
    return PQF_OK;
}

pqf_status pqf_flow_put(pqf_flow *f, int32_t leaf, pqf_buf *block, pqf_error *err) {
    int64_t bytes = (int64_t)block->len;
    pqf_status status = pqf_buf_put(&f->lanes[leaf].blocks, block, sizeof *block, err);
    if (status != PQF_OK) {
        pqf_buf_reset(block);
        return status;
    }
    f->lane_bytes += bytes;
    f->lanes[leaf].has_more = true;
    return leaf == f->next_lane ? advance(f, err) : PQF_OK;
}

pqf_status pqf_flow_end_lane(pqf_flow *f, int32_t leaf, pqf_error *err) {
    f->lanes[leaf].ended = true;
    return leaf == f->next_lane ? advance(f, err) : PQF_OK;
}

pqf_status pqf_flow_put_copy(pqf_flow *f, pqf_bytes bytes, pqf_error *err) {
    pqf_buf block = {.mem = f->ready.mem};
    pqf_status status = PQF_OK;
    if (!bytes.len) return PQF_OK;
    close_up(f);
    TRY_DONE(pqf_buf_exact(&block, bytes.len, err));
    TRY_DONE(pqf_buf_put(&block, bytes.data, bytes.len, err));
    TRY_DONE(pqf_buf_put(&f->ready, &block, sizeof block, err));
    f->ready_bytes += (int64_t)bytes.len;
    return PQF_OK;
done:
    pqf_buf_reset(&block);
    return status;
}

void pqf_flow_begin_lanes(pqf_flow *f) {
    for (int32_t l = 0; l < f->num_lanes; l++)
        f->lanes[l].begun = f->lanes[l].ended = false;
    f->next_lane = 0;
    f->place = pqf_flow_len(f);
}

/* ---- out ---- */

/* Some parts from the front; the blocks that end among them are moved to `done`. */
typedef struct load {
    pqf_bytes parts[MAX_PARTS];
    pqf_buf done[MAX_PARTS];
    int num_parts, num_done;
    int64_t bytes;
} load;

static void take_load(pqf_flow *f, load *out) {
    const pqf_buf *blocks = (const pqf_buf *)(void *)f->ready.data;
    size_t n = f->ready.len / sizeof *blocks;
    while (f->front < n && out->num_parts < MAX_PARTS && out->bytes < MAX_WRITE_BYTES) {
        const pqf_buf *block = &blocks[f->front];
        size_t left = block->len - f->front_bytes;
        size_t take = (size_t)pqf_min_i64((int64_t)left, MAX_WRITE_BYTES - out->bytes);
        out->parts[out->num_parts++] = pqf_bytes_of(block->data + f->front_bytes, take);
        out->bytes += (int64_t)take;
        f->front_bytes += take;
        if (take < left) return;
        out->done[out->num_done++] = *block;
        f->front++;
        f->front_bytes = 0;
    }
}

bool pqf_flow_write(pqf_flow *f, int64_t min_bytes, int worker) {
    if (f->is_writing || f->failed || !f->ready_bytes || f->ready_bytes < min_bytes)
        return false;
    if (worker != 0 && !pqf_sink_takes_threads(f->sink)) return false;
    pqf_error err;
    load out = {.num_parts = 0};
    take_load(f, &out);
    f->is_writing = true;
    pqf_gate_unlock(&f->gate);
    pqf_error_init(&err);
    pqf_status status = pqf_sink_write(f->sink, out.parts, out.num_parts, &err);
    for (int i = 0; i < out.num_done; i++)
        pqf_buf_reset(&out.done[i]);
    pqf_gate_lock(&f->gate);
    f->is_writing = false;
    f->ready_bytes -= out.bytes;
    if (status != PQF_OK) {
        f->failed = true;
        f->err = err;
    }
    pqf_gate_ring(&f->gate);
    return true;
}

pqf_status pqf_flow_check(const pqf_flow *f, pqf_error *err) {
    if (!f->failed) return PQF_OK;
    *err = f->err;
    return err->status;
}

pqf_status pqf_flow_drain(pqf_flow *f, pqf_run *run, pqf_error *err) {
    bool wrote = true;
    while (wrote) {
        TRY(pqf_run_poll(run, 0, err));
        pqf_gate_lock(&f->gate);
        wrote = pqf_flow_write(f, 1, 0);
        pqf_gate_unlock(&f->gate);
    }
    return pqf_flow_check(f, err);
}
