/* SPDX-License-Identifier: Apache-2.0
 *
 * held.c (room column): pages between their cut and their seal, where several threads are to share
 * the compression of one chunk.
 *
 *   draft ─ put_page ─► held page: its bytes or a copy ─ seal, on any thread ─► header and body
 *         ─ take_held ─► data_pages, in the order of their cuts ─ take ─► who writes them
 *
 * The bytes and sizes of the chunk are those that sealing at once gives.
 */
#include "chunk_writer.h"

#define BLOCK_BYTES       ((size_t)2 << 20)
#define PLENTY_BYTES      ((int64_t)64 << 20)
#define LEAST_BLOCK_BYTES ((size_t)256 << 10)

struct pqf_held_page {
    pqf_page_header header;
    size_t plain_bytes; /* of the draft: not to be compressed */
    pqf_buf bytes;      /* of the draft, from `begin` on; once sealed, header and body */
    size_t begin;
    pqf_page_sizes sizes; /* once sealed */
};

static pqf_held_page **held_pages(const pqf_chunk_writer *w) {
    return (pqf_held_page **)(void *)w->held.data;
}

void pqf_chunk_free_held(pqf_chunk_writer *w) {
    size_t n = w->held.len / sizeof(pqf_held_page *);
    for (size_t i = 0; i < n; i++) {
        pqf_held_page *page = held_pages(w)[i];
        pqf_buf_reset(&page->bytes);
        pqf_mem_free(w->mem, page, sizeof *page);
    }
    pqf_buf_reset(&w->held);
    w->num_held = 0;
}

void pqf_chunk_writer_hold(pqf_chunk_writer *w, bool hold) {
    w->holds = hold && w->options.codec != PQF_UNCOMPRESSED;
}

static bool ends_with(const pqf_buf *buf, pqf_bytes bytes) {
    return buf->len >= bytes.len && bytes.len > 0 &&
           buf->data + (buf->len - bytes.len) == bytes.data;
}

/* The buffer at whose end all bytes of the draft stand, if nobody needs it any more; or NULL. */
static pqf_buf *buf_of(pqf_chunk_writer *w, const pqf_page_draft *draft,
                       pqf_scratch *scratch) {
    if (draft->plain.len > 0) return NULL;
    if (ends_with(&scratch->page, draft->packed)) return &scratch->page;
    if (ends_with(&scratch->extra, draft->packed)) return &scratch->extra;
    bool last = w->page.num_levels == 0;
    return last && ends_with(&w->values, draft->packed) ? &w->values : NULL;
}

/* The draft's bytes: moved with their buffer, else a copy. */
static pqf_status take_bytes(pqf_chunk_writer *w, const pqf_page_draft *draft,
                             pqf_scratch *scratch, pqf_held_page *page, pqf_error *err) {
    pqf_bytes plain = draft->plain, packed = draft->packed;
    pqf_buf *out = &page->bytes, *from = buf_of(w, draft, scratch);
    page->begin = 0;
    if (from) {
        pqf_buf bytes = *from;
        *from = *out;
        from->len = 0;
        *out = bytes;
        page->begin = bytes.len - packed.len;
        return PQF_OK;
    }
    size_t num_bytes = plain.len + packed.len;
    out->len = 0;
    TRY(pqf_buf_exact(out, num_bytes + !num_bytes, err));
    TRY(pqf_buf_put(out, plain.data, plain.len, err));
    return pqf_buf_put(out, packed.data, packed.len, err);
}

static pqf_status new_page(pqf_chunk_writer *w, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(w->mem, sizeof(pqf_held_page), &block, err));
    pqf_held_page *page = block;
    pqf_buf_init(&page->bytes, w->mem, 0);
    if (pqf_buf_put(&w->held, &page, sizeof page, err) == PQF_OK) return PQF_OK;
    pqf_mem_free(w->mem, page, sizeof *page);
    return err->status;
}

static pqf_status hold(pqf_chunk_writer *w, const pqf_page_draft *draft,
                       pqf_scratch *scratch, pqf_error *err) {
    if ((size_t)w->num_held == w->held.len / sizeof(pqf_held_page *))
        TRY(new_page(w, err));
    pqf_held_page *page = held_pages(w)[w->num_held++];
    page->header = draft->header;
    page->plain_bytes = draft->plain.len;
    page->sizes = (pqf_page_sizes){0};
    return take_bytes(w, draft, scratch, page, err);
}

/* Bytes that are taken again and again are collected in blocks that pqf_mem keeps warm, where memory is
 * plenty. */
static pqf_status prepare(pqf_chunk_writer *w, pqf_error *err) {
    if (!w->hands_out || w->data_pages.data || pqf_mem_left(w->mem) < PLENTY_BYTES)
        return PQF_OK;
    return pqf_buf_exact(&w->data_pages, BLOCK_BYTES, err);
}

/* A sealed page has been appended to its buffer. */
static pqf_status count_page(pqf_chunk_writer *w, int32_t page_type, size_t num_bytes,
                             pqf_error *err) {
    if (page_type == PQF_PAGE_DICTIONARY) w->dictionary_bytes = num_bytes;
    return pqf_chunk_index_size(w, page_type, num_bytes, err);
}

static pqf_buf *chunk_buf_of(pqf_chunk_writer *w, const pqf_page_header *header) {
    return header->type == PQF_PAGE_DICTIONARY ? &w->dictionary_page : &w->data_pages;
}

/* Pages that readers can use as they lie in a mapped file: what lend.c asks for. */
static bool is_mappable(const pqf_chunk_writer *w, const pqf_page_draft *draft) {
    const pqf_page_header *h = &draft->header;
    int32_t encoding = h->type == PQF_PAGE_DATA ? h->data_page_header.encoding
                                                : h->data_page_header_v2.encoding;
    return h->type != PQF_PAGE_DICTIONARY && encoding == PQF_PLAIN &&
           w->options.codec == PQF_UNCOMPRESSED && w->layout == PQF_FIXED &&
           w->field->convert == PQF_CONVERT_NONE && draft->packed.len >= PQF_MAPPED_BYTES;
}

pqf_status pqf_chunk_put_page(pqf_chunk_writer *w, const pqf_page_draft *draft,
                              pqf_scratch *scratch, pqf_error *err) {
    if (w->holds) return hold(w, draft, scratch, err);
    TRY(prepare(w, err));
    pqf_buf *out = chunk_buf_of(w, &draft->header);
    size_t before = out->len;
    bool is_first = w->sizes.compressed == 0;
    TRY(pqf_page_seal(draft, &w->options, scratch, out, &w->sizes, err));
    if (is_first && is_mappable(w, draft))
        w->value_at = (int64_t)(out->len - draft->packed.len);
    return count_page(w, draft->header.type, out->len - before, err);
}

int64_t pqf_chunk_writer_num_held(const pqf_chunk_writer *w) { return w->num_held; }

pqf_held_page *pqf_chunk_writer_held(const pqf_chunk_writer *w, int64_t page) {
    return held_pages(w)[page];
}

int64_t pqf_held_page_bytes(const pqf_held_page *page) {
    return (int64_t)(page->bytes.len - page->begin);
}

/* The sealed page comes to stand in scratch->extra; the two buffers change places. */
pqf_status pqf_chunk_writer_seal(const pqf_chunk_writer *w, pqf_held_page *page,
                                 pqf_scratch *scratch, pqf_run *run, int worker,
                                 pqf_error *err) {
    pqf_bytes bytes = {page->bytes.data + page->begin, page->bytes.len - page->begin};
    const pqf_page_draft draft = {
        .header = page->header,
        .plain = {bytes.data, page->plain_bytes},
        .packed = {bytes.data + page->plain_bytes, bytes.len - page->plain_bytes},
    };
    scratch->codec.run = run;
    scratch->codec.worker = worker;
    scratch->extra.len = 0;
    if (pqf_page_seal(&draft, &w->options, scratch, &scratch->extra, &page->sizes, err) !=
        PQF_OK)
        return pqf_error_at_column(err, w->leaf->path);
    pqf_buf sealed = scratch->extra;
    scratch->extra = page->bytes;
    page->bytes = sealed;
    return PQF_OK;
}

/* A block of its own where it fills at least half of its memory. */
static bool is_block(const pqf_chunk_writer *w, const pqf_held_page *page) {
    return page->header.type != PQF_PAGE_DICTIONARY && w->data_pages.len == 0 &&
           page->bytes.len >= LEAST_BLOCK_BYTES && page->bytes.len >= page->bytes.cap / 2;
}

static pqf_status take_page(pqf_chunk_writer *w, pqf_held_page *page, pqf_error *err) {
    size_t num_bytes = page->bytes.len;
    if (is_block(w, page)) {
        pqf_buf bytes = page->bytes;
        page->bytes = w->data_pages;
        w->data_pages = bytes;
    } else {
        TRY(prepare(w, err));
        pqf_buf *out = chunk_buf_of(w, &page->header);
        TRY(pqf_buf_put(out, page->bytes.data, num_bytes, err));
    }
    TRY(count_page(w, page->header.type, num_bytes, err));
    w->sizes.uncompressed += page->sizes.uncompressed;
    w->sizes.compressed += page->sizes.compressed;
    return PQF_OK;
}

/* Pages that are taken go behind the others, with their memory. */
pqf_status pqf_chunk_writer_take_held(pqf_chunk_writer *w, int64_t n, pqf_error *err) {
    pqf_held_page **pages = held_pages(w);
    for (int64_t i = 0; i < n; i++)
        if (take_page(w, pages[i], err) != PQF_OK)
            return pqf_error_at_column(err, w->leaf->path);
    for (int64_t i = 0; n > 0 && i + n < w->num_held; i++) {
        pqf_held_page *page = pages[i];
        pages[i] = pages[i + n];
        pages[i + n] = page;
    }
    w->num_held -= n;
    return PQF_OK;
}

/* ---- bytes that go out ---- */

static void move_out(pqf_buf *from, pqf_buf *out) {
    pqf_mem *mem = from->mem;
    *out = *from;
    pqf_buf_init(from, mem, 0);
}

/* In PLAIN without a dictionary page, but with pages of codes, that page still waits. */
static bool dictionary_is_out(const pqf_chunk_writer *w) {
    if (!w->begun || w->dictionary_bytes > 0) return true;
    return w->mode == PQF_MODE_PLAIN && w->num_dictionary_pages == 0;
}

int64_t pqf_chunk_writer_value_at(const pqf_chunk_writer *w) { return w->value_at; }

bool pqf_chunk_writer_take(pqf_chunk_writer *w, size_t min_bytes, pqf_buf *out) {
    if (!dictionary_is_out(w)) return false;
    if (w->dictionary_page.len > 0) {
        move_out(&w->dictionary_page, out);
        return true;
    }
    if (w->data_pages.len == 0 || w->data_pages.len < min_bytes) return false;
    w->num_taken_bytes += (int64_t)w->data_pages.len;
    w->hands_out = true;
    move_out(&w->data_pages, out);
    return true;
}
