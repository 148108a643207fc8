/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SCREENS_QUIET_H
#define MT_TESTS_SCREENS_QUIET_H

/* Are the processes of a world at rest? What a person sees before typing on: nothing moves any more. On a busy machine
 * a time tells nothing about that, since a process may not have come to its turn; but one that waits for a turn runs,
 * in the kernel's words, and one that waits for input sleeps. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/util/strbuf.h"

/* Looks at every thread of `root`, of the processes that have `mark` (the world's folder) in their environment, and of
 * all that descend from these. True when all of them sleep; `out` becomes a text that is another one after any of them
 * has run in between, or tells of the first that does not sleep. Linux only: elsewhere always true, with an empty text.
 */
bool quiet_look(const char *mark, pid_t root, struct strbuf *out);

#endif
