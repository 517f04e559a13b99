/* SPDX-License-Identifier: Apache-2.0
 *
 * held.c (room column): pages between their cut and their seal, where several threads are to share
 * the compression of one chunk.
 *
 *   draft ─ put_page ─► held page: a copy of its bytes ─ seal, on any thread ─► header and body
 *         ─ take_held ─► data_pages, in the order of their cuts
 *
 * The bytes and sizes of the chunk are those that sealing at once gives.
 */
#include "chunk_writer.h"

typedef struct pqf_held_page {
    pqf_page_header header;
    size_t plain_bytes;   /* at the front of bytes: not to be compressed */
    pqf_buf bytes;        /* of the draft; once sealed, header and body */
    pqf_page_sizes sizes; /* once sealed */
} pqf_held_page;

static pqf_held_page *held_page(const pqf_chunk_writer *w, int64_t page) {
    return (pqf_held_page *)(void *)w->held.data + page;
}

void pqf_chunk_free_held(pqf_chunk_writer *w) {
    size_t n = w->held.len / sizeof(pqf_held_page);
    for (size_t i = 0; i < n; i++)
        pqf_buf_reset(&held_page(w, (int64_t)i)->bytes);
    pqf_buf_reset(&w->held);
    w->num_held = 0;
}

void pqf_chunk_writer_hold(pqf_chunk_writer *w, bool hold) {
    w->holds = hold && w->options.codec != PQF_UNCOMPRESSED;
}

/* The draft's bytes: moved where all of them stand in the scratch, else a copy. */
static pqf_status take_bytes(const pqf_page_draft *draft, pqf_buf *scratch_page,
                             pqf_buf *out, pqf_error *err) {
    pqf_bytes plain = draft->plain, packed = draft->packed;
    if (plain.len == 0 && packed.len > 0 && packed.data == scratch_page->data) {
        pqf_buf page = *scratch_page;
        *scratch_page = *out;
        *out = page;
        return PQF_OK;
    }
    size_t num_bytes = plain.len + packed.len;
    out->len = 0;
    TRY(pqf_buf_exact(out, num_bytes + !num_bytes, err));
    TRY(pqf_buf_put(out, plain.data, plain.len, err));
    return pqf_buf_put(out, packed.data, packed.len, err);
}

static pqf_status hold(pqf_chunk_writer *w, const pqf_page_draft *draft,
                       pqf_buf *scratch_page, pqf_error *err) {
    if ((size_t)w->num_held == w->held.len / sizeof(pqf_held_page)) {
        pqf_held_page page = {.bytes = {.mem = w->mem}};
        TRY(pqf_buf_put(&w->held, &page, sizeof page, err));
    }
    pqf_held_page *page = held_page(w, w->num_held++);
    page->header = draft->header;
    page->plain_bytes = draft->plain.len;
    page->sizes = (pqf_page_sizes){0};
    return take_bytes(draft, scratch_page, &page->bytes, err);
}

static pqf_buf *chunk_buf_of(pqf_chunk_writer *w, const pqf_page_header *header) {
    return header->type == PQF_PAGE_DICTIONARY ? &w->dictionary_page : &w->data_pages;
}

pqf_status pqf_chunk_put_page(pqf_chunk_writer *w, const pqf_page_draft *draft,
                              pqf_scratch *scratch, pqf_error *err) {
    if (w->holds) return hold(w, draft, &scratch->page, err);
    pqf_buf *out = chunk_buf_of(w, &draft->header);
    size_t before = out->len;
    TRY(pqf_page_seal(draft, &w->options, scratch, out, &w->sizes, err));
    return pqf_chunk_index_size(w, draft->header.type, out->len - before, err);
}

int64_t pqf_chunk_writer_num_held(const pqf_chunk_writer *w) { return w->num_held; }

int64_t pqf_chunk_writer_held_bytes(const pqf_chunk_writer *w, int64_t page) {
    return (int64_t)held_page(w, page)->bytes.len;
}

/* The sealed page comes to stand in scratch->extra; the two buffers change places. */
pqf_status pqf_chunk_writer_seal(pqf_chunk_writer *w, int64_t page, pqf_scratch *scratch,
                                 pqf_run *run, int worker, pqf_error *err) {
    pqf_held_page *p = held_page(w, page);
    pqf_bytes bytes = pqf_buf_view(&p->bytes);
    const pqf_page_draft draft = {
        .header = p->header,
        .plain = {bytes.data, p->plain_bytes},
        .packed = {bytes.data + p->plain_bytes, bytes.len - p->plain_bytes},
    };
    scratch->codec.run = run;
    scratch->codec.worker = worker;
    scratch->extra.len = 0;
    if (pqf_page_seal(&draft, &w->options, scratch, &scratch->extra, &p->sizes, err) !=
        PQF_OK)
        return pqf_error_at_column(err, w->leaf->path);
    pqf_buf sealed = scratch->extra;
    scratch->extra = p->bytes;
    p->bytes = sealed;
    return PQF_OK;
}

pqf_status pqf_chunk_writer_take_held(pqf_chunk_writer *w, pqf_error *err) {
    for (int64_t i = 0; i < w->num_held; i++) {
        const pqf_held_page *p = held_page(w, i);
        pqf_buf *out = chunk_buf_of(w, &p->header);
        TRY(pqf_buf_put(out, p->bytes.data, p->bytes.len, err));
        TRY(pqf_chunk_index_size(w, p->header.type, p->bytes.len, err));
        w->sizes.uncompressed += p->sizes.uncompressed;
        w->sizes.compressed += p->sizes.compressed;
    }
    w->num_held = 0;
    return PQF_OK;
}
