/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/podman/args.h"
#include "backends/podman/classify.h"
#include "backends/podman/cli.h"
#include "backends/podman/podman.h"
#include "backends/relay.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

/* Sessions in podman's containers (relay.h): `podman exec` sets the terminal and its size, and leaves its program
 * running when it dies (podman 3.4 to 5.8). */

/* Variables that podman itself, or what it starts, looks at: they must not change for it, so that they go by value. */
static bool is_podmans_own(const char *key)
{
    static const char *const names[] = {"PATH",  "HOME", "USER",       "LOGNAME",       "TMPDIR",
                                        "SHELL", "PWD",  "LISTEN_FDS", "NOTIFY_SOCKET", "REGISTRY_AUTH_FILE",
                                        NULL};
    static const char *const prefixes[] = {"CONTAINER", "PODMAN", "STORAGE_", "XDG_", "LD_",    "GO",
                                           "BUILDAH",   "DBUS_",  "_",        "SSH_", "DOCKER", NULL};
    return relay_is_listed(key, names, prefixes);
}

static void exec_argv(const struct relay_exec *e, struct strvec *out)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_push(&args, "exec");
    if (e->interactive) {
        strvec_push(&args, "--interactive");
    }
    if (e->tty) {
        /* Without detach keys: the default holds ^P back until the next key. */
        strvec_pushl(&args, "--tty", "--detach-keys", "", NULL);
    }
    if (e->env) {
        strvec_pushv(&args, e->env);
    }
    if (e->cwd) {
        strvec_pushl(&args, "--workdir", e->cwd, NULL);
    }
    if (e->user) {
        strvec_pushl(&args, "--user", e->user, NULL);
    }
    strvec_push(&args, e->container);
    podman_cli_argv(e->url, (const char *const *)args.v, out);
}

static void client_env(struct strvec *out)
{
    podman_cli_env(NULL, out);
}

static void ask_user(const char *url, const char *container, struct strvec *out)
{
    const char *const args[] = {
        "inspect", "--type", "container", "--format", ("{{index .Config.Labels \"" PODMAN_LABEL_USER "\"}}"),
        container, NULL};
    podman_cli_argv(url, args, out);
}

static void take_user(const char *text, size_t len, char out[64])
{
    size_t n = strcspn(text, "\n");
    (void)len;
    str_format(out, 64, "%.*s", text[0] == '<' ? 0 : (int)MT_MIN(n, (size_t)63), text); /* "<no value>" */
}

/* 126 and 127 are what a shell would say, too. */
static int failed(int code, const char *last, bool no_tty)
{
    (void)last;
    (void)no_tty;
    bool suspicious = code == 125 || code == 126 || code == 127 || code == 255;
    return !suspicious ? -1 : code == 126 || code == 127 ? code : RELAY_EXIT_GONE;
}

static const struct relay_ops ops = {
    .name = "podman-enter",
    .exec = exec_argv,
    .env = client_env,
    .is_own = is_podmans_own,
    .ask_user = ask_user,
    .take_user = take_user,
    .failed = failed,
    .explain = podman_classify,
    .missing = "Error: podman is not installed\n",
    .once_more = true,
};

int podman_enter_main(int argc, char **argv)
{
    return relay_main(&ops, argc, argv);
}
