/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/cli.h"

#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"

/* Variables that make podman talk to another machine, or run in a way that we do not expect. */
static const char *const scrubbed[] = {
    "CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "CONTAINER_PASSPHRASE",
    "PODMAN_USERNS",  "BUILDAH_ISOLATION",    "NOTIFY_SOCKET",    NULL};

static const struct cli_tool tool = {
    .scrubbed = scrubbed,
    .classify = podman_classify,
    .own_exit = 125,
    .missing = "podman is not installed",
    .missing_hint = "install podman: apt-get install podman, dnf install podman, brew install podman",
    .silent = "podman does not answer",
    .silent_hint = "see whether `podman ps` answers in a terminal; `podman system migrate` ends hanging parts",
    .seconds_env = "MUTHR_TUI_PODMAN_SECONDS",
};

void podman_cli_argv(const char *url, const char *const *args, struct strvec *argv)
{
    strvec_push(argv, "podman");
    if (url) {
        strvec_pushl(argv, "--url", url, NULL);
    }
    strvec_pushv(argv, args);
}

void podman_cli_env(const char *const *add, struct strvec *env)
{
    cli_env(&tool, add, env);
}

int podman_cli_start(struct proc **out, struct backend *be, const struct cli_opts *opts, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    podman_cli_argv(be->target_url, opts->args, &argv);
    return cli_start(out, be->loop, &tool, &argv, opts, err);
}
