/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOSTENV_H
#define MT_TERM_HOSTENV_H

/* The environment of a program in a session: the host's own, without what describes the outer terminal, and with what
 * describes ours. */

#include "core/util/strvec.h"

/* Fills *out: `base` (KEY=VALUE, as environ) cleaned, TERM and COLORTERM set, then `additions` on top. */
void hostenv_build(struct strvec *out, const char *const *base, const char *const *additions);

#endif
