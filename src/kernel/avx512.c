/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512.c: room kernel, level avx512.
 */
#include "tables.h"

#if PQF_KERNEL_X86
void pqf_kernels_put_avx512(pqf_kernels *table) { (void)table; }
#endif
