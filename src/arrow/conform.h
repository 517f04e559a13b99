/* SPDX-License-Identifier: Apache-2.0
 *
 * conform.h: inner header of the room arrow: what the parts of conforming share.
 *
 *     conform.c       batches and their columns
 *     node.c          one node, and the table source class x target class
 *     target.c        the declared schema as a tree; the schema of what comes out
 *     match.c         columns and struct fields by name: missing, extra, duplicate
 *     judge.c         levels, rows of nested slots, and the records of failures
 *     conform_dictionary.c  dictionaries that stay encoded though their values change
 *     cast_*.c        one function per cell of the table
 *
 * A cast never judges what it converts on the way: it converts all slots, notes those
 * that do not fit, and the tally asks whether they are live, that is valid and below
 * valid parents only.
 */
#ifndef PQF_ARROW_CONFORM_H
#define PQF_ARROW_CONFORM_H

#include "array.h"
#include "type.h"
#include "view.h"

/* A declared field: dictionary and run-end encodings looked through. */
typedef struct pqf_target {
    const char *name;
    const char *path; /* in reports: a, s.x, l[], m.key */
    const struct ArrowSchema *declared;
    const struct ArrowSchema *plain; /* the schema of its values */
    pqf_type type;                   /* of plain */
    bool nullable;
    bool is_dictionary;
    bool by_position;    /* children of map entries have no names to match */
    bool requires_below; /* some field below it must not be null */
    int64_t num_children;
    struct pqf_target *children;
    int32_t *names; /* hash table: child number + 1, 0 for a free place */
    uint32_t name_mask;
} pqf_target;

/* The slots that a node is conformed over, and what stands above them. */
typedef struct pqf_level {
    const struct pqf_level *up; /* NULL: the slots are the batch's rows */
    const pqf_view *view;
    bool is_items; /* slots are items of the lists above, else the same slots as above */
    const int64_t
        *starts; /* items: where each list's begin; NULL: as up->view says, less first */
    int64_t first;
} pqf_level;

/* One column of a batch, on one thread. */
typedef struct pqf_job {
    pqf_mem *mem;
    pqf_arena *arena; /* dies with the batch */
    pqf_report *
        *report; /* made by the first failure; rows count from the batch's first */
    const pqf_conform_options *options;
    pqf_poll poll;
    pqf_error *err;
} pqf_job;

/* Conforms the slots of `level` to `target`. `schema` is the target's node in the schema
 * of what comes out; its format is set to what `out` holds. After a failure `out` may
 * stay zeroed. */
typedef pqf_status (*pqf_cast_fn)(pqf_job *job, const pqf_target *target,
                                  const pqf_level *level, struct ArrowSchema *schema,
                                  struct ArrowArray *out);

pqf_status pqf_conform_node(pqf_job *job, const pqf_target *target,
                            const pqf_level *level, struct ArrowSchema *schema,
                            struct ArrowArray *out);
pqf_status pqf_cast_number(pqf_job *, const pqf_target *, const pqf_level *,
                           struct ArrowSchema *, struct ArrowArray *);
pqf_status pqf_cast_time(pqf_job *, const pqf_target *, const pqf_level *,
                         struct ArrowSchema *, struct ArrowArray *);
pqf_status pqf_cast_decimal(pqf_job *, const pqf_target *, const pqf_level *,
                            struct ArrowSchema *, struct ArrowArray *);
/* All its strings, or bytes, are UTF-8. */
bool pqf_text_fits(const pqf_view *v);
pqf_status pqf_cast_bytes(pqf_job *, const pqf_target *, const pqf_level *,
                          struct ArrowSchema *, struct ArrowArray *);
pqf_status pqf_cast_list(pqf_job *, const pqf_target *, const pqf_level *,
                         struct ArrowSchema *, struct ArrowArray *);
pqf_status pqf_cast_struct(pqf_job *, const pqf_target *, const pqf_level *,
                           struct ArrowSchema *, struct ArrowArray *);

/* conform_dictionary.c: a dictionary for a declared one, its values cast and nulls among them taken
 * out. *done stays false where that cannot be: then the rows are conformed value by value. */
pqf_status pqf_conform_dictionary(pqf_job *job, const pqf_target *target,
                                  const pqf_level *level, struct ArrowSchema *schema,
                                  struct ArrowArray *out, bool *done);

/* ---- target.c ---- */

pqf_status pqf_target_init(pqf_target *out, const struct ArrowSchema *schema,
                           pqf_arena *arena, pqf_error *err);
/* Number of the child of that name; -1 when there is none. */
int64_t pqf_target_find(const pqf_target *target, const char *name);
/* The schema with dictionaries and runs replaced by their values, list views by lists. */
pqf_status pqf_schema_plain(const struct ArrowSchema *declared, struct ArrowSchema *out,
                            pqf_error *err);
/* Makes `schema` and all below it that again, whatever the batch before has left there. */
pqf_status pqf_schema_set_plain(const pqf_target *target, struct ArrowSchema *schema,
                                pqf_error *err);
/* Makes `schema` the declared dictionary type with the source's index type. */
pqf_status pqf_schema_set_dictionary(const pqf_target *target, const char *index_format,
                                     struct ArrowSchema *schema, pqf_error *err);
/* set_format where it differs. */
pqf_status pqf_schema_put_format(struct ArrowSchema *schema, const char *format,
                                 pqf_error *err);

/* ---- match.c ---- */

/* For each child of the target the number of the source's field, or -1: to be filled with
 * nulls, or, unless *all_there, perhaps reported as missing. Looks at no child of the
 * source but for its schema. */
pqf_status pqf_match(pqf_job *job, const pqf_target *target, const pqf_view *source,
                     int64_t *picks, bool *all_there);

/* ---- judge.c ---- */

/* Children of a struct and of a list, cut to what the parent's slots span. */
pqf_view pqf_child_of_struct(const pqf_view *v, int64_t i);
pqf_view pqf_child_of_list(const pqf_view *v, int64_t *first);

/* Bitmap of slots whose parents are all valid; NULL: every one. Dies with the batch. */
pqf_status pqf_level_live(pqf_job *job, const pqf_level *level, const uint8_t **out);

/* Slots that break one rule. */
typedef struct pqf_tally {
    pqf_job *job;
    const pqf_target *target;
    const pqf_level *level;
    const uint8_t *live;
    bool has_live;
    int64_t count;
    int64_t slots[PQF_MAX_SAMPLES];
} pqf_tally;

/* Counts the slot if it is live and valid. */
pqf_status pqf_tally_add(pqf_tally *tally, int64_t slot);
/* Reports what has been counted under rule "value". */
pqf_status pqf_tally_end(pqf_tally *tally);

/* The records of whole columns. */
pqf_status pqf_fail_column(pqf_job *job, const char *path, const char *rule,
                           const char *expected, const char *found);
/* The type record; none when no live slot holds a value: then `out` is all nulls. */
pqf_status pqf_fail_type(pqf_job *job, const pqf_target *target, const pqf_level *level,
                         struct ArrowSchema *schema, struct ArrowArray *out);
/* Reports live nulls under rule "null". */
pqf_status pqf_judge_nulls(pqf_job *job, const pqf_target *target,
                           const pqf_level *level);
/* Looks for nulls in required fields below a node that needs no conversion. */
pqf_status pqf_judge_below(pqf_job *job, const pqf_target *target,
                           const pqf_level *level);

/* ---- report.c ---- */

/* Adds what another report holds; its rows count from row_base. Records about whole
 * columns are not counted twice. */
pqf_status pqf_report_merge(pqf_report *into, const pqf_report *from, int64_t row_base);
/* PQF_SCHEMA: err words the first record, one of num_failures. */
pqf_status pqf_report_fail(const pqf_report *report, int64_t row_base,
                           int64_t num_failures, pqf_error *err);

/* ---- shared by the casts ---- */

/* All slots, null or not, hold decimals of at most that many digits. */
bool pqf_decimals_fit(const pqf_view *v, int32_t precision);

/* An array of the view's length, offset 0, with the view's validity copied. */
pqf_status pqf_cast_begin(pqf_job *job, const pqf_view *v, int64_t num_buffers,
                          int64_t num_children, struct ArrowArray *out);

#endif
