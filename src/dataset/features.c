/* SPDX-License-Identifier: Apache-2.0
 *
 * features.c: what this build can do, read from the tables that do it.
 */
#include "inner.h"

bool pqf_feature(const char *table, int64_t i, const char **name, bool *reads,
                 bool *writes) {
    if (!strcmp(table, "codec")) return pqf_codec_row(i, name, reads, writes);
    if (!strcmp(table, "encoding")) return pqf_encoding_row(i, name, reads, writes);
    if (!strcmp(table, "logical type")) return pqf_logical_row(i, name, reads, writes);
    return false;
}

const char *pqf_simd_level(void) { return pqf_kernels_get()->name; }
