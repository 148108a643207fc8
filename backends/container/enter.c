/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/container/args.h"
#include "backends/container/classify.h"
#include "backends/container/cli.h"
#include "backends/container/container.h"
#include "backends/relay.h"
#include "core/util/json.h"
#include "core/util/strbuf.h"

/* Sessions in the containers of Apple's command (relay.h). With -i and -t `container exec` makes its terminal raw and
 * passes SIGWINCH on itself, so that resizing is a matter of our terminal's size; it leaves OPOST on there, and catches
 * SIGTERM without passing it on. Without -t it passes SIGTERM on, and gives up at the third. Its program goes on when
 * it dies. Source: ContainerExec.swift, ProcessIO.swift, Terminal.swift. */

/* Variables that the command, or what it is made of, looks at: they must not change for it, so that they go by value.
 */
static bool is_own(const char *key)
{
    static const char *const names[] = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SHELL", "PWD", NULL};
    static const char *const prefixes[] = {"CONTAINER", "XPC_",   "DYLD_",  "LD_",         "CF", "NS", "SSH_",
                                           "OS_",       "Malloc", "SWIFT_", "LIBDISPATCH", "_",  NULL};
    return relay_is_listed(key, names, prefixes);
}

static void exec_argv(const struct relay_exec *e, struct strvec *out)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_push(&args, "exec"); /* its options must stand in front of the container */
    if (e->interactive) {
        strvec_push(&args, "--interactive");
    }
    if (e->tty) {
        strvec_push(&args, "--tty");
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
    ctr_cli_argv((const char *const *)args.v, out);
}

static void client_env(struct strvec *out)
{
    ctr_cli_env(NULL, out);
}

static void ask_user(const char *url, const char *container, struct strvec *out)
{
    const char *const args[] = {"inspect", container, NULL};
    (void)url;
    ctr_cli_argv(args, out);
}

static void take_user(const char *text, size_t len, char out[64])
{
    struct json *root = json_parse(text, len, NULL);
    const struct json *config = json_get(json_is_array(root) ? json_first(root) : NULL, "configuration");
    str_copy(out, 64, json_get_string(json_get(config, "labels"), CTR_LABEL_USER, ""));
    json_free(root);
}

/* On a terminal all that comes by stderr is the command's own. Otherwise the program writes there, too, and may well
 * say "Error: ..." and end with 1: then it takes a text that only the command has. */
static int failed(int code, const char *last, bool no_tty)
{
    static const char missing[] = "failed to find target executable";
    static const char *const own[] = {missing,
                                      "XPC connection error",
                                      "XPC timeout",
                                      "failed to exec process",
                                      "failed to create process",
                                      "Plugins are unavailable",
                                      "container not found",
                                      "(cause: \""};
    bool known = !no_tty;
    if (code != 1 && code != 64 && code != RELAY_EXIT_GONE) {
        return -1;
    }
    for (size_t i = 0; !known && i < MT_ARRAY_LEN(own); i++) {
        known = strstr(last, own[i]) != NULL;
    }
    known = known || (strncmp(last + 7, "container ", 10) == 0 && strstr(last, " is not running"));
    static const char *const codes[] = {"internalError", "notFound", "invalidState", "invalidArgument", "interrupted"};
    for (size_t i = 0; !known && i < MT_ARRAY_LEN(codes); i++) {
        size_t n = strlen(codes[i]);
        known = strncmp(last + 7, codes[i], n) == 0 && strncmp(last + 7 + n, ": \"", 3) == 0; /* before 0.10 */
    }
    return !known ? -1 : strstr(last, missing) ? 127 : RELAY_EXIT_GONE;
}

static const struct relay_ops ops = {
    .name = "container-enter",
    .exec = exec_argv,
    .env = client_env,
    .is_own = is_own,
    .ask_user = ask_user,
    .take_user = take_user,
    .failed = failed,
    .explain = ctr_classify,
    .missing = "Error: Apple's container is not installed\n",
    .plain_output = true,
};

int container_enter_main(int argc, char **argv)
{
    return relay_main(&ops, argc, argv);
}
