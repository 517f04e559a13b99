/* SPDX-License-Identifier: Apache-2.0
 *
 * avx2.c: room kernel, level avx2.
 */
#include "tables.h"

#if PQF_KERNEL_X86
void pqf_kernels_put_avx2(pqf_kernels *table) { (void)table; }
#endif
