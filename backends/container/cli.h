/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_CLI_H
#define MT_BACKENDS_CONTAINER_CLI_H

/* One call of Apple's `container` command (backends/cli.h). Start, stop, delete, stats and logs have no deadline of
 * their own: give each one. keep_exit: every code is the program's inside (see ctr_is_cli_error for its own words). */

#include "backends/cli.h"

struct backend;

/* Starts it, with opts->args after "container". Errors: as cli_start. */
int ctr_cli_start(struct proc **out, struct backend *be, const struct cli_opts *opts, struct error *err);

/* The same argv and environment for who runs it otherwise (a pty). */
void ctr_cli_argv(const char *const *args, struct strvec *argv);
void ctr_cli_env(const char *const *add, struct strvec *env);

#endif
