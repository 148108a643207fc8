/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_CLI_H
#define MT_BACKENDS_PODMAN_CLI_H

/* One call of the podman command (backends/cli.h): argv with --url for a target, and an environment that cannot
 * redirect it. keep_exit: codes other than 125 are the program's inside. */

#include "backends/cli.h"

struct backend;

/* Starts it, with opts->args after "podman [--url URL]". Errors: as cli_start. */
int podman_cli_start(struct proc **out, struct backend *be, const struct cli_opts *opts, struct error *err);

/* The same argv and environment for who runs it otherwise (a pty, the event stream). `url` NULL: this machine. */
void podman_cli_argv(const char *url, const char *const *args, struct strvec *argv);
/* The environment of this process without what would make podman talk to somebody else (CONTAINER_HOST,
 * CONTAINER_CONNECTION, ...), plus `add` (may be NULL). */
void podman_cli_env(const char *const *add, struct strvec *env);

#endif
