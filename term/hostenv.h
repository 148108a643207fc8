/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOSTENV_H
#define MT_TERM_HOSTENV_H

/* The environment of a program in a session: the host's own, without what describes the outer terminal, and with what
 * describes ours. */

#include "core/util/strvec.h"

/* Fills *out: `base` (KEY=VALUE, as environ) cleaned, TERM and COLORTERM set, then `additions` on top. */
void hostenv_build(struct strvec *out, const char *const *base, const char *const *additions);

/* By which a task's processes are found, wherever they run (core/io/ports.h): whoever makes the environment of a task
 * gives this variable an empty value, under its own name or with a prefix of a relay's ("X_MUTHR_SESSION="), and the
 * host fills in the session's id. */
#define HOSTENV_MARK "MUTHR_SESSION"
void hostenv_mark(struct strvec *env, const char *id);

#endif
