/* SPDX-License-Identifier: Apache-2.0
 *
 * early_page.c (room column): pages of a chunk that are unsealed before its reader comes to them, by any
 * thread. A walk of its own finds them by their headers; each page has its own memory.
 *
 *   early walk ─► page ─► unseal, any thread ─► taken by the chunk reader, in the order of the chunk
 *
 * What fails here is no failure: the reader unseals that page itself, and says what it finds.
 */
#include "chunk_reader.h"

#define HEADER_STEP_BYTES 512 /* bodies are read by those who unseal them */

struct pqf_early_walk {
    const pqf_chunk_reader *reader;
    pqf_page_walk walk;
};

pqf_status pqf_early_walk_new(const pqf_chunk_reader *reader, pqf_early_walk **out,
                              pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(reader->mem, sizeof(pqf_early_walk), &block, err));
    *out = block;
    (*out)->reader = reader;
    pqf_page_walk_init(&(*out)->walk, &reader->chunk, reader->options.source,
                       HEADER_STEP_BYTES, reader->mem);
    return PQF_OK;
}

void pqf_early_walk_free(pqf_early_walk *walk) {
    if (!walk) return;
    pqf_page_walk_reset(&walk->walk);
    pqf_mem_free(walk->reader->mem, walk, sizeof *walk);
}

int64_t pqf_early_walk_next(pqf_early_walk *walk, pqf_early_page *page) {
    pqf_error ignored;
    bool end;
    pqf_error_init(&ignored);
    do {
        if (pqf_page_walk_next(&walk->walk, &page->ref, &end, &ignored) != PQF_OK || end)
            return -1;
    } while (page->ref.page < 0);
    return page->ref.body_offset;
}

pqf_status pqf_early_page_new(pqf_mem *mem, pqf_early_page **out, pqf_error *err) {
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_early_page), &block, err));
    *out = block;
    pqf_buf_init(&(*out)->body, mem, 0);
    pqf_buf_init(&(*out)->room, mem, 0);
    pqf_buf_init(&(*out)->levels, mem, 0);
    return PQF_OK;
}

void pqf_early_page_trim(pqf_early_page *page) {
    pqf_buf_reset(&page->body);
    pqf_buf_reset(&page->room);
    pqf_buf_reset(&page->levels);
}

void pqf_early_page_free(pqf_early_page *page) {
    if (!page) return;
    pqf_mem *mem = page->body.mem;
    pqf_early_page_trim(page);
    pqf_mem_free(mem, page, sizeof *page);
}

/* Levels in the encoding BIT_PACKED come in once they have been turned. */
int64_t pqf_early_page_bytes(const pqf_early_page *page) {
    const pqf_page_header *h = &page->ref.header;
    int64_t body = pqf_max_i64((int64_t)page->body.cap, h->compressed_page_size);
    int64_t room = pqf_max_i64((int64_t)page->room.cap, h->uncompressed_page_size);
    return body + room + (int64_t)page->levels.cap;
}

/* The walk has seen that the body lies inside the chunk, and the chunk inside the file. */
static pqf_status load_body(const pqf_chunk_reader *r, pqf_early_page *page,
                            pqf_bytes *body, pqf_error *err) {
    size_t len = (size_t)page->ref.header.compressed_page_size;
    pqf_source *source = r->options.source;
    *body = pqf_bytes_of(pqf_source_view(source, page->ref.body_offset, len), len);
    if (body->data) return PQF_OK;
    TRY(pqf_page_make_room(&page->body, len, err));
    body->data = page->body.data;
    return pqf_source_read_at(source, page->ref.body_offset, page->body.data, len, err);
}

pqf_status pqf_early_page_unseal(const pqf_early_walk *walk, pqf_early_page *page,
                                 pqf_scratch *scratch, pqf_error *err) {
    const pqf_chunk_reader *r = walk->reader;
    pqf_page_context context = {&r->chunk, r->options.kernel,
                                r->options.skip_page_checksums, &scratch->codec,
                                &page->levels};
    pqf_bytes body;
    TRY(load_body(r, page, &body, err));
    return pqf_page_unseal_body(&page->ref, &context, body, &page->room, &page->page,
                                err);
}

void pqf_chunk_reader_set_early(pqf_chunk_reader *reader, pqf_take_early_fn take,
                                void *context) {
    reader->take_early = take;
    reader->early_context = context;
}
