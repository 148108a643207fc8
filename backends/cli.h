/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CLI_H
#define MT_BACKENDS_CLI_H

/* One call of a runtime's command line program: an environment that cannot redirect it, own process group, deadline,
 * captured output, an error in the runtime's own words. What differs between the programs is a `struct cli_tool`. */

#include "core/io/proc.h"
#include "core/util/strvec.h"

/* A program, as data. Texts are static. */
struct cli_tool {
    const char *const *scrubbed; /* variables that it does not get, NULL-terminated */
    /* Fills err from a failed call's exit code (128+signal when killed) and the end of its stderr. */
    int (*classify)(int exit_code, const char *stderr_text, struct error *err);
    int own_exit;                       /* with keep_exit: the one code that is the tool's own failure; 0: none is */
    const char *missing, *missing_hint; /* it is not there */
    const char *silent, *silent_hint;   /* it does not answer in time */
    const char *seconds_env;            /* variable that shortens the deadline of what is asked */
};

struct cli_opts {
    const char *const *args; /* after the program's name and what always stands there; copied */
    const char *const *env;  /* KEY=VALUE additions, NULL: none; copied */
    const void *input;       /* stdin, NULL: /dev/null; copied */
    size_t input_len;
    size_t capture_max_bytes; /* of stdout; 0: not captured */
    uint64_t timeout_ms;      /* 0: none */
    bool let_go;              /* proc_kill and the deadline leave it running: for what must not be interrupted */
    bool keep_exit;           /* codes other than own_exit are the program's inside: not classified (ERROR_EXIT) */
    proc_line_fn on_line;     /* may be NULL */
    proc_data_fn on_data;     /* may be NULL */
    proc_done_fn on_done;     /* once; err classified, NULL: exit 0 */
    void *arg;
};

/* Starts `argv` (the whole of it; opts->args is not looked at); proc_kill(*out) ends it early (the group gets TERM,
 * after 600 ms KILL). Errors: as proc_start. */
int cli_start(struct proc **out, struct loop *loop, const struct cli_tool *tool, const struct strvec *argv,
              const struct cli_opts *opts, struct error *err);

/* The environment of this process without what the tool may not get, plus `add` (may be NULL). */
void cli_env(const struct cli_tool *tool, const char *const *add, struct strvec *env);

#endif
