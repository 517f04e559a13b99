/* SPDX-License-Identifier: Apache-2.0
 *
 * scratch.c (room column): what a worker thread keeps warm between chunks, made and given back.
 */
#include "column.h"

void pqf_scratch_init(pqf_scratch *s, pqf_mem *mem) {
    *s = (pqf_scratch){.mem = mem};
    pqf_buf_init(&s->page, mem, 0);
    pqf_buf_init(&s->blocks, mem, 0);
    pqf_buf_init(&s->extra, mem, 0);
    for (int i = 0; i < PQF_SHRED_BUFS; i++)
        pqf_buf_init(&s->shred[i], mem, 0);
    for (int i = 0; i < PQF_CHUNK_BUFS; i++)
        pqf_buf_init(&s->chunk[i], mem, 0);
}

void pqf_scratch_fold(pqf_scratch *s) {
    for (int i = 0; i < 3; i++) {
        pqf_dict_builder_free(s->dictionaries[i]);
        s->dictionaries[i] = NULL;
    }
}

void pqf_scratch_reset(pqf_scratch *s) {
    if (!s->mem) return;
    pqf_codec_ctx_reset(&s->codec);
    pqf_buf_reset(&s->page);
    pqf_buf_reset(&s->blocks);
    pqf_buf_reset(&s->extra);
    for (int i = 0; i < PQF_SHRED_BUFS; i++)
        pqf_buf_reset(&s->shred[i]);
    for (int i = 0; i < PQF_CHUNK_BUFS; i++)
        pqf_buf_reset(&s->chunk[i]);
    pqf_scratch_fold(s);
}
