/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_ENTER_OPTIONS_H
#define MT_BACKENDS_PROCESS_ENTER_OPTIONS_H

/* What a client that runs a program in a sandbox is told: SANDBOX [--cwd D] [--env K=V]... [--no-tty] -- ARGV;
 * variables named MUTHR_ENTER_ENV_<K> of its own environment become <K> inside. */

#include <stdbool.h>

#include "core/util/strvec.h"

struct enter_options {
    const char *sandbox, *cwd;
    bool tty;
    struct strvec env;
    char **argv;
};

/* *o is zeroed but for env (STRVEC_INIT), which the caller releases in any case. `name`: the program's first argument,
 * which may stand there. -1: that is not how it is used. */
int enter_options_parse(int argc, char **argv, const char *name, struct enter_options *o);

#endif
