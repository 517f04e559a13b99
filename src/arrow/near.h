/* SPDX-License-Identifier: Apache-2.0
 *
 * near.h: which names resemble another one, for messages about names that are unknown.
 */
#ifndef PQF_ARROW_NEAR_H
#define PQF_ARROW_NEAR_H

/* Insertions, deletions, replacements and swaps of neighbours that turn one name into the
 * other, 0 for names that differ in case alone. */
int pqf_name_distance(const char *a, const char *b);
/* The largest distance at which another name is near: of short names few letters may
 * differ. */
int pqf_name_reach(const char *name);

#endif
