/* SPDX-License-Identifier: Apache-2.0
 *
 * fit.c: one batch on its way into a writer: its columns are conformed to the declared
 * schema in parallel. In: a batch that anybody made; out: what the room arrow makes of it,
 * or its report, the same at any number of threads.
 */
#include "inner.h"

typedef struct fit_job {
    pqf_conform *conform;
    pqf_run *run;
} fit_job;

static pqf_status fit_task(void *context, int64_t column, int worker, pqf_error *err) {
    fit_job *job = context;
    pqf_poll poll = {job->run, worker};
    return pqf_conform_column(job->conform, column, &poll, err);
}

static pqf_status fit_columns(pqf_run *run, pqf_conform *conform, int64_t num_columns,
                              int64_t num_rows, pqf_error *err) {
    fit_job job = {conform, run};
    int threads = run->num_threads;
    if (num_rows <= PQF_PARALLEL_VALUES / (num_columns + 1)) run->num_threads = 1;
    pqf_status status = pqf_run_tasks(run, num_columns, NULL, fit_task, &job, err);
    run->num_threads = threads;
    return status;
}

pqf_status pqf_fit_batch(pqf_run *run, pqf_conform *conform,
                         const struct ArrowSchema *schema, const struct ArrowArray *batch,
                         int64_t row_base, pqf_report *report, struct ArrowArray *out,
                         const struct ArrowSchema **out_schema, pqf_error *err) {
    pqf_status status = pqf_conform_begin(conform, schema, batch, err);
    if (status == PQF_OK)
        status = fit_columns(run, conform, pqf_conform_num_columns(conform),
                             batch->length, err);
    return pqf_conform_end(conform, status, row_base, report, out, out_schema, err);
}
