/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h: inner header of the room arrow: looking into checked arrays.
 */
#ifndef PQF_ARROW_VIEW_H
#define PQF_ARROW_VIEW_H

#include "arrow.h"

/* A batch, of whose columns (children) only schema, array and length are set: each is to be looked at
 * by pqf_view_column. */
pqf_status pqf_view_rows(pqf_view *out, const struct ArrowSchema *schema,
                         const struct ArrowArray *array, pqf_arena *arena,
                         pqf_error *err);
/* pqf_view_init, deep, that asks whether to go on. */
pqf_status pqf_view_column(pqf_view *out, const struct ArrowSchema *schema,
                           const struct ArrowArray *array, const pqf_poll *poll,
                           pqf_arena *arena, pqf_error *err);
/* Judges indexes of dictionaries: fails for one that leads nowhere in a slot that counts; others below
 * null parents become null, in bitmaps that live in `arena`. */
pqf_status pqf_view_mask(pqf_view *v, const pqf_poll *poll, pqf_arena *arena,
                         pqf_error *err);
/* Set bits among n from bit position at; reads no byte behind the last bit. */
int64_t pqf_bits_count(const uint8_t *bits, int64_t at, int64_t n);
/* Narrows a view to `length` slots from `start`; nulls are counted anew. Runs must not be
 * cut here where null_count matters: they have no validity of their own. */
void pqf_view_cut(pqf_view *v, int64_t start, int64_t length);
/* Child slots of list i, in the coordinates of children[0]. */
void pqf_list_range(const pqf_view *v, int64_t i, int64_t *start, int64_t *count);
/* Dictionary index in slot i, which must be valid. */
int64_t pqf_view_index(const pqf_view *v, int64_t i);
/* The run that slot i lies in, and where a run ends. */
int64_t pqf_run_find(const pqf_view *v, int64_t i);
int64_t pqf_run_end_at(const pqf_view *ends, int64_t run);
/* True for a slot that is null in whatever form: by validity, by type, in a dictionary,
 * in a run. */
bool pqf_view_is_null(const pqf_view *v, int64_t i);

#endif
