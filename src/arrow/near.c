/* SPDX-License-Identifier: Apache-2.0
 *
 * near.c: room arrow. How far apart two names are, for messages that name the nearest one.
 * Names are compared byte by byte.
 */
#include "near.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Names longer than this are compared exactly only. */
#define MAX_NAME 64

static int least(int a, int b, int c) {
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Three rows of the usual table suffice. */
int pqf_name_distance(const char *a, const char *b) {
    int rows[3][MAX_NAME + 1];
    if (strcasecmp(a, b) == 0) return 0;
    size_t long_a = strlen(a), long_b = strlen(b);
    if (long_a > MAX_NAME || long_b > MAX_NAME) return MAX_NAME;
    int na = (int)long_a, nb = (int)long_b;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3],
            *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            bool same = a[i - 1] == b[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two_above[j - 2] + 1 < row[j]) row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

int pqf_name_reach(const char *name) {
    size_t n = strlen(name);
    return n >= 5 ? 2 : n >= 3 ? 1 : 0;
}
