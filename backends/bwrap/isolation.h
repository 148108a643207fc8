/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_ISOLATION_H
#define MT_BACKENDS_BWRAP_ISOLATION_H

/* How a running bwrap sandbox is cut off, read back from its init's /proc entries. Synchronous, a few milliseconds. */

#include "core/engine/backend.h"

/* Fills call->facts for the sandbox in `dir`, measured against call->spec (may be NULL). UNAVAILABLE when it does not
 * run; NOT_FOUND when there is none. */
int isolation_read(struct backend_call *call, const char *dir, struct error *err);

#endif
