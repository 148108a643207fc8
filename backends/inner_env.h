/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_INNER_ENV_H
#define MT_BACKENDS_INNER_ENV_H

/* Environment variables for programs inside a sandbox, on their way to the client that enters it: their values stay out
 * of argv, which everybody on the machine can read. */

#include "core/util/error.h"
#include "core/util/strvec.h"

/* K=V becomes this and K=V in the client's environment. */
#define INNER_ENV_PREFIX "MUTHR_ENTER_ENV_"

/* Adds "K=V" to the environment of a client. INVALID for a K that is not of letters, digits and _. */
int inner_env_add(struct strvec *env, const char *pair, struct error *err);

#endif
