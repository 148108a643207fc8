/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_ISOLATION_H
#define MT_BACKENDS_SEATBELT_ISOLATION_H

#include "core/engine/backend.h"

/* Fills call->facts for the sandbox in `dir` from the profile that its programs run under, measured against call->spec
 * (may be NULL). UNAVAILABLE when it does not run, NOT_FOUND when there is none. */
int isolation_of_seat(struct backend_call *call, const char *dir, struct error *err);

#endif
