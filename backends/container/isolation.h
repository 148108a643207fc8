/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_ISOLATION_H
#define MT_BACKENDS_CONTAINER_ISOLATION_H

/* What container's own description of a sandbox says about how it is cut off. Pure. */

#include "backends/container/parse.h"
#include "backends/facts.h"

/* Appends everything; spec (what is wanted) may be NULL. */
void ctr_isolation_facts(struct facts *f, const struct ctr_seen *seen, const struct sandbox_spec *spec,
                         const int version[3]);

#endif
