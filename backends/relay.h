/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_RELAY_H
#define MT_BACKENDS_RELAY_H

/* The relay between a terminal (or descriptors) of ours and a program in a container, where a runtime's own `exec`
 * client does the work: it makes sure that the program ends when we are ended, by whatever means, because with both
 * runtimes it goes on when its client dies. What differs between them stands in `struct relay_ops`. Arguments:
 * [--url U] [--cwd D] [--user U | --ask-user] [--no-tty] CONTAINER -- COMMAND...; MUTHR_ENTER_ENV_K=V becomes K=V
 * inside (inner_env.h). */

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/backend.h"
#include "core/io/proc.h"
#include "core/util/error.h"
#include "core/util/strvec.h"

/* Pid files of sessions begin so: on a tmpfs of every container that everybody inside can write to. (One of ours would
 * leave its mount point in golden images, and runc gives a tmpfs the mode of what it covers.) */
#define RELAY_PID_PREFIX "/dev/shm/muthr-"
/* The exit code when the runtime, not the program, failed. */
#define RELAY_EXIT_GONE 125

/* What one exec of the runtime is made from. */
struct relay_exec {
    const char *url; /* NULL: this machine */
    const char *container;
    const char *cwd, *user; /* NULL: not said */
    const char *const *env; /* the client's options for it ("--env", "K", ...), or NULL */
    bool interactive, tty;
};

struct relay_ops {
    const char *name; /* "podman-enter" */
    /* Appends the argv up to and with the container. */
    void (*exec)(const struct relay_exec *e, struct strvec *out);
    /* Appends the environment of the client. */
    void (*env)(struct strvec *out);
    /* Variables that the client itself, or what it starts, looks at: they must not change for it, so that they go by
     * value. */
    bool (*is_own)(const char *key);
    /* The argv of what tells the user of a container, and its answer: "" is none. */
    void (*ask_user)(const char *url, const char *container, struct strvec *out);
    void (*take_user)(const char *text, size_t len, char out[64]);
    /* Did the client itself fail? The exit code of ours for that, or -1: it is the program's. `last` is the client's
     * last "Error: ..." in what it said. */
    int (*failed)(int code, const char *last, bool no_tty);
    /* What that means. */
    int (*explain)(int code, const char *text, struct error *err);
    const char *missing; /* what is said when the client is not installed, with "Error: " in front */
    bool once_more;      /* X3: a failure to give a terminal is followed by a try without one */
    bool plain_output;   /* the client leaves the translation of line ends on in the outer terminal */
};

/* How a backend has the relay run. */
struct relay_call {
    const char *executable; /* this program */
    const char *helper;     /* relay_ops.name */
    const char *url;        /* NULL: this machine */
    const char *container;
    const char *user; /* "" = the container's own; NULL: the relay asks */
    bool as_root;
    const struct exec_spec *spec;
};

#define RELAY_NAME_MAX 96 /* of a container, with its NUL */

/* How a backend with requests.h has it run. */
struct relay_kind {
    /* Fills *out, which may point into be, spec and container, and the runtime's name of spec->sandbox. */
    int (*prepare)(struct backend *be, const struct exec_spec *spec, char container[RELAY_NAME_MAX],
                   struct relay_call *out, struct error *err);
    int (*classify)(int code, const char *text, struct error *err); /* as relay_explain's */
};

struct request;

/* The verb EXEC, of requests_kind.relay. */
int relay_submit(struct request *r, struct error *err);
/* A vtable's exec_argv. */
int relay_session(struct backend *be, const struct relay_kind *kind, const struct exec_spec *spec,
                  struct strvec *argv_out, struct strvec *env_out, struct error *err);

/* Appends the relay's argv, and to `env` what is to be in its environment. INVALID: a variable's name. */
int relay_argv(const struct relay_call *c, struct strvec *argv, struct strvec *env, struct error *err);
/* EXEC: runs it for the call, whose lines go to on_line; then on_done, with relay_explain for what it is told. */
int relay_start(struct proc **out, struct loop *loop, const struct relay_call *c, const struct backend_call *call,
                proc_line_fn on_line, proc_done_fn on_done, void *arg, struct error *err);
/* How it ended: call->exit_code is set, and *out (from `err`, which may be NULL) gets the client's own failure as
 * `classify` reads it, or the program's last words. Returns whether it failed. */
bool relay_explain(struct backend_call *call, const struct proc_result *res, const struct error *err,
                   int (*classify)(int code, const char *text, struct error *err), struct error *out);

/* For is_own: is it one of `names`, does it begin with one of `prefixes` (both NULL-terminated), or does it name a
 * proxy? */
bool relay_is_listed(const char *key, const char *const *names, const char *const *prefixes);

/* Runs it. Returns the exit code: the program's, 128 + the signal that ended us, or RELAY_EXIT_GONE. */
int relay_main(const struct relay_ops *ops, int argc, char **argv);

#endif
