/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_CLI_H
#define MT_BACKENDS_PODMAN_CLI_H

/* One call of the podman command: argv with --url for a target, an environment that cannot redirect it, own process
 * group, deadline, captured output, classified error. */

#include "core/io/proc.h"
#include "core/util/strvec.h"

struct backend;

struct podman_cli_opts {
    const char *const *args; /* after "podman [--url URL]"; copied */
    const char *const *env;  /* KEY=VALUE additions, NULL: none; copied */
    const void *input;       /* stdin, NULL: /dev/null; copied */
    size_t input_len;
    size_t capture_max_bytes; /* of stdout; 0: not captured */
    uint64_t timeout_ms;      /* 0: none */
    bool let_go;              /* proc_kill and the deadline leave it running: for `podman stop` */
    bool keep_exit;           /* codes other than 125 are the program's inside: not classified (ERROR_EXIT) */
    proc_line_fn on_line;     /* may be NULL */
    proc_data_fn on_data;     /* may be NULL */
    proc_done_fn on_done;     /* once; err classified by classify.h, NULL: exit 0 */
    void *arg;
};

/* Starts it; proc_kill(*out) ends it early (the group gets TERM, after 600 ms KILL). Errors: as proc_start. */
int podman_cli_start(struct proc **out, struct backend *be, const struct podman_cli_opts *opts, struct error *err);

/* The same argv and environment for who runs it otherwise (a pty, the event stream). `url` NULL: this machine. */
void podman_cli_argv(const char *url, const char *const *args, struct strvec *argv);
/* The environment of this process without what would make podman talk to somebody else (CONTAINER_HOST,
 * CONTAINER_CONNECTION, ...), plus `add` (may be NULL). */
void podman_cli_env(const char *const *add, struct strvec *env);

#endif
