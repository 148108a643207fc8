/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/cli.h"

#include "backends/container/classify.h"
#include "backends/container/container_private.h"

/* Its defaults for where images come from and how they are built are the person's own business; only what changes
 * what it prints is taken away. */
static const char *const scrubbed[] = {"CONTAINER_DEBUG", "CONTAINER_DEFAULT_PLATFORM", NULL};

static const struct cli_tool tool = {
    .scrubbed = scrubbed,
    .classify = ctr_classify,
#if defined(__APPLE__)
    .missing = "Apple's container is not installed",
    .missing_hint = "install it: brew install container, or the package of github.com/apple/container; it needs an "
                    "Apple silicon Mac",
#else
    .missing = "Apple's container runs on macOS, and there is no program of that name here",
    .missing_hint = "use podman or bwrap on this machine",
#endif
    .silent = "container does not answer",
    .silent_hint = "see whether `container list` answers in a terminal; `container system stop` and `container system "
                   "start` begin anew",
    .seconds_env = "MUTHR_TUI_CONTAINER_SECONDS",
};

void ctr_cli_argv(const char *const *args, struct strvec *argv)
{
    strvec_push(argv, "container");
    strvec_pushv(argv, args);
}

void ctr_cli_env(const char *const *add, struct strvec *env)
{
    cli_env(&tool, add, env);
}

int ctr_cli_start(struct proc **out, struct backend *be, const struct cli_opts *opts, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    ctr_cli_argv(opts->args, &argv);
    return cli_start(out, be->loop, &tool, &argv, opts, err);
}
