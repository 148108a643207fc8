/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_PREFLIGHT_H
#define MT_BACKENDS_SEATBELT_PREFLIGHT_H

#include "core/engine/backend.h"

/* Do process sandboxes work here? Runs a program under a minimal profile. Blocks for up to some seconds. */
void preflight_seatbelt(struct backend_probe *out);

#endif
