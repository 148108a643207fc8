/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_VALGRIND_H
#define MT_TESTS_VALGRIND_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Are we run by valgrind? It puts a library of its own before ours, makes everything an order of magnitude slower, and
 * keeps the limit of open files to itself. */
static inline bool on_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#endif
