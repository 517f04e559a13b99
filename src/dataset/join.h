/* SPDX-License-Identifier: Apache-2.0
 *
 * join.h: inside the room dataset: several files become one. join.c does it for merge.c and
 * compact.c, which say which files and where to.
 */
#ifndef PQF_DATASET_JOIN_H
#define PQF_DATASET_JOIN_H

#include "inner.h"

/* The schema of the files that become one, as the first of them has it. */
typedef struct pqf_joint {
    pqf_reader *first; /* NULL: there was none yet */
    struct ArrowSchema schema;
} pqf_joint;

/* The first file is taken up, each further one compared: PQF_SCHEMA names the column and both types
 * where it differs, in Parquet's terms or in Arrow's. */
pqf_status pqf_joint_check(pqf_joint *joint, pqf_reader *reader, pqf_error *err);
void pqf_joint_reset(pqf_joint *joint);

/* Writes all rows of the files, in order, to a new file. */
typedef struct pqf_join {
    const pqf_merge_options *options;
    const pqf_snapshot *snapshot; /* through which the files are opened */
    const pqf_found_file *files;
    int64_t num_files;
    pqf_mem *mem;
    pqf_run *run; /* rows done are added to it */
    bool is_last; /* the run ends with this file, before it gets its name */
} pqf_join;

/* Opens file i. */
pqf_status pqf_join_open(const pqf_join *join, int64_t i, pqf_reader **out,
                         pqf_error *err);
/* Adds to *result. The sink is owned, success or not. */
pqf_status pqf_join_run(const pqf_join *join, pqf_sink *sink, pqf_merge_result *result,
                        pqf_error *err);

/* struct_bytes and sizes; takes a copy. */
pqf_status pqf_merge_options_of(const pqf_merge_options *in, pqf_merge_options *out,
                                pqf_error *err);

#endif
