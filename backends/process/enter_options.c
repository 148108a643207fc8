/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/enter_options.h"

#include <string.h>
#include <unistd.h>

#include "backends/inner_env.h"

/* KEY=VALUE with a key of [A-Za-z0-9_]+. */
static bool env_is_valid(const char *pair)
{
    size_t n = strspn(pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && pair[n] == '=';
}

int enter_options_parse(int argc, char **argv, const char *name, struct enter_options *o)
{
    extern char **environ;
    int i = argc > 1 && strcmp(argv[1], name) == 0 ? 2 : 1;
    size_t prefix = strlen(INNER_ENV_PREFIX);
    o->tty = isatty(0) && isatty(1);
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, INNER_ENV_PREFIX, prefix) == 0 && env_is_valid(*e + prefix)) {
            strvec_push(&o->env, *e + prefix);
        }
    }
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--no-tty") == 0) {
            o->tty = false;
        } else if (strcmp(argv[i], "--cwd") == 0 && i + 1 < argc) {
            o->cwd = argv[++i];
        } else if (strcmp(argv[i], "--env") == 0 && i + 1 < argc && env_is_valid(argv[i + 1])) {
            strvec_push(&o->env, argv[++i]);
        } else if (argv[i][0] != '-' && !o->sandbox) {
            o->sandbox = argv[i];
        } else {
            return -1;
        }
    }
    o->argv = argv + i + 1;
    return o->sandbox && i + 1 < argc ? 0 : -1;
}
