/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_HELPER_H
#define MT_BACKENDS_BWRAP_HELPER_H

/* What helper.c and helper_overlay.c share. */

#include "backends/process/helper.h"

/* --- helper_overlay.c: verbs of overlay workspaces --- */
/* Says each change of the sandbox in a line: \x1d and JSON. */
int helper_changes(struct helper *h, struct error *err);
/* Takes over, forgets: the paths that stdin names, or all. The sandbox must be stopped. Says what was held back. */
int helper_apply(struct helper *h, struct error *err);
int helper_discard(struct helper *h, struct error *err);

#endif
