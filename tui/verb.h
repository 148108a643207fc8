/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VERB_H
#define MT_TUI_VERB_H

/* The scriptable verbs: one table (verb_table.c) of name, usage, help and function; the same engine as the cockpit, no
 * screen. A verb parses its options with the shared parser, opens what it needs with verb_open, runs the loop until it
 * calls verb_finish, and returns an exit code (O2). */

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/engine.h"
#include "core/io/loop.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "tui/output.h"
#include "tui/port.h"

enum {
    EXIT_USAGE = 64,
    EXIT_MISSING = 66,
    EXIT_NO_BACKEND = 69,
    EXIT_REFUSED = 77,
    EXIT_TIMEOUT = 124,
};

/* What `watch` tells of. */
enum verb_kind {
    VERB_WORKSPACE,
    VERB_SESSION,
    VERB_OPERATION,
    VERB_BACKEND,
    VERB_INFERENCE,
    VERB_SERVICE,
    VERB_PROBLEM
};
#define VERB_KIND_COUNT 7
/* "workspace", "session", ... */
extern const char *const verb_kind_names[VERB_KIND_COUNT];

/* Everything that any verb's options can say; which of them a verb takes is in its row of the table. */
struct verb_options {
    enum output_format format;
    const char *root, *audit_log, *audit_check, *profile, *backend, *image, *command, *cwd, *config_key;
    const char *model, *runtime, *host; /* of the inference server */
    struct strvec env;
    struct strvec keys;                            /* of send, in order */
    const char *state;                             /* of wait */
    const char *kernel;                            /* of backend: "yes" or "no" */
    const char *sandbox, *task_name, *ready_match; /* of task */
    enum task_restart restart;
    unsigned most_restarts, ready_port;
    bool given[128];  /* by letter: those that were given, for verbs with several words */
    unsigned only;    /* of watch: a bit for each enum verb_kind; 0: all */
    uint64_t history; /* of screen: lines */
    bool dry_run;     /* of up, down */
    bool paste, ansi;
    struct strvec names; /* positional arguments */
    struct strvec rest;  /* after "--" */
    enum net_policy net;
    bool net_given, yes, force, recreate, as_is, reprovision, no_provision, no_tty, as_session, all, quiet, help, wait,
        follow, allow_project, definitions, again;
    unsigned timeout_s, port, lines;
};

struct http_client;
struct verb_ctx {
    const struct paths *paths;
    struct config config;
    struct verb_options o;
    struct loop *loop;
    struct bus *bus;
    struct model *model;
    struct port *port;
    struct engine *engine;
    struct opnotes *notes;
    char *audit_log; /* --audit-log as an absolute path, or NULL */
    int exit_code;
    bool finished;
    bool resumes;         /* the verb's own, see struct verb */
    bool doubts;          /* backends are tried, whatever is remembered of them */
    bool tells;           /* says which sessions it cannot show */
    bool follows;         /* changes that others make are followed all the time */
    bool answered;        /* something went to stdout: no error object after it */
    struct error failure; /* the first error that was said */
};

struct verb {
    const char *name, *args, *help;
    const char *options; /* letters of the option table that it takes */
    int max_names;       /* -1: any number */
    bool resumes;        /* takes up what a dead cockpit left half done; the others only look, or undo */
    int (*run)(struct verb_ctx *ctx);
};
extern const struct verb verb_table[];
const struct verb *verb_find(const char *name);
/* An option: its letter in verb.options, spellings, what its value is called (NULL: it takes none), help. */
struct option_row {
    char letter;
    const char *shortname, *longname, *value, *help;
};
/* The options of a verb, one after the other: the first (after NULL), the one after that, NULL at the end. */
const struct option_row *verb_option_next(const struct verb *v, const struct option_row *after);
/* "--wait": how the option of that letter is spelt. */
const char *verb_option_name(char letter);

/* Runs `muthr-tui argv[0] ...`; argv[0] is the verb's name. Returns the exit code. */
int verb_main(const struct paths *paths, int argc, char **argv);
/* The help pages: all verbs (stdout), or one. */
void verb_help(const struct verb *v);

/* Opens loop, model, port and engine, and runs the loop until backends were probed, workspaces read and sessions heard
 * of. On failure the error was printed and the exit code is in ctx->exit_code; returns -1. */
int verb_open(struct verb_ctx *ctx);
/* The same without an engine: the model has sessions and nothing else. */
int verb_open_sessions(struct verb_ctx *ctx);
/* Which session is meant: by id, by what it is called (its name, else its label) or the number it is shown with, or by
 * the beginning of an id. When none or several fit that was said, with those there are; returns 0 or an exit code. */
int verb_session(struct verb_ctx *ctx, const char *text, char id[SESSION_ID_MAX]);
/* The same among some of them only. `quiet`: nothing is said when none fits. */
struct verb_among {
    bool tasks;            /* no other kind */
    const char *workspace; /* of this sandbox or folder; NULL: any */
};
int verb_session_among(struct verb_ctx *ctx, const char *text, const struct verb_among *among, bool quiet,
                       char id[SESSION_ID_MAX]);
/* The facts of things as the lists tell them, for programs: new objects. */
struct json *verb_workspace_row(const struct model *m, const struct workspace *ws);
struct json *verb_session_facts(const struct session_info *s);
struct json *verb_backend_facts(const struct backend_view *b);
struct json *verb_inference_facts(const struct inference_view *v);
struct json *verb_service_row(const struct service_view *v);
/* Has it ended, one way or another? "exited 3", "killed 9", "lost"; NULL when it has not. */
const char *verb_session_end(const struct session_info *s, char *out, size_t cap);
/* What a task session is asked for and how it stands, as an object; and its state as one word: "starting", "running",
 * "ready", "waiting" (to be started again), "exited", "failed" (it ended badly, and is not started again), "lost". */
struct json *verb_task_facts(const struct session_info *s);
/* Adds its policy as it was asked for: restart, max_restarts, ready_port, ready_match. */
void verb_task_policy_facts(struct json *row, const struct task_policy *p);
const char *verb_task_state(const struct session_info *s);
/* The same in words, with code, reason or time: "failed: exited 3 after 5 restarts", "waiting: again in 4 s". */
void verb_task_status(const struct session_info *s, char *out, size_t cap);
/* Can it be waited for that it is ready as its policy says? */
bool verb_task_has_readiness(const struct session_info *s);
/* Does it stand still with something that a person has to answer? */
bool verb_session_is_blocked(const struct session_info *s);

/* Runs the loop until verb_finish. */
void verb_run(struct verb_ctx *ctx);
void verb_finish(struct verb_ctx *ctx, int exit_code);
/* Prints the error on stderr and keeps it for the JSON forms, in which it also goes to stdout as {"error": ...} at the
 * end when nothing else went there. Returns its exit code. */
int verb_error(struct verb_ctx *ctx, const struct error *err);
/* Prints the error and finishes with its exit code. */
void verb_fail(struct verb_ctx *ctx, const struct error *err);
/* Closes all (sessions and provision runs go on). Safe when verb_open failed. */
void verb_close(struct verb_ctx *ctx);

/* The workspace meant by `name` (folder or sandbox name), or by the working directory when NULL (N5, N6). NULL and err.
 * `inner` (may be NULL) gets the folder below the project's own, e.g. "src" or ""; free(). */
const struct workspace *verb_workspace(struct verb_ctx *ctx, const char *name, char **inner, struct error *err);
/* Brings the sandbox up when it does not run. Returns 0 or an exit code; what went wrong was said. */
int verb_bring_up(struct verb_ctx *ctx, const struct workspace *ws);
/* Says on stderr when the project folder of a sandbox is gone, or another one than its programs see. */
void verb_tell_folder(const struct workspace *ws);
/* Asks on the terminal; false without one or for anything but y/yes. */
bool verb_ask(const char *question);

/* Runs a plan on sandboxes, reports and waits. `paths`: of APPLY and DISCARD, NULL: all. Returns the exit code. */
int verb_run_plan(struct verb_ctx *ctx, enum engine_plan plan, const struct strvec *names, const struct strvec *paths);

int verb_ls(struct verb_ctx *ctx);
int verb_sessions(struct verb_ctx *ctx);
int verb_profiles(struct verb_ctx *ctx);
int verb_start(struct verb_ctx *ctx);
int verb_stop(struct verb_ctx *ctx);
int verb_delete(struct verb_ctx *ctx);
int verb_provision(struct verb_ctx *ctx);
int verb_prune(struct verb_ctx *ctx);
int verb_image(struct verb_ctx *ctx);
int verb_shell(struct verb_ctx *ctx);
int verb_attach(struct verb_ctx *ctx);
int verb_rename(struct verb_ctx *ctx);
int verb_send(struct verb_ctx *ctx);
int verb_screen(struct verb_ctx *ctx);
int verb_wait(struct verb_ctx *ctx);
int verb_watch(struct verb_ctx *ctx);
int verb_doctor(struct verb_ctx *ctx);
int verb_changes(struct verb_ctx *ctx);
int verb_apply(struct verb_ctx *ctx);
int verb_discard(struct verb_ctx *ctx);
int verb_config(struct verb_ctx *ctx);
int verb_completion(struct verb_ctx *ctx);
int verb_engine(struct verb_ctx *ctx);
/* engine status of the endpoints of [[inference]]: of `name`, or (NULL) all; rows go to `out`, or (NULL) to stdout as
 * text. Returns the exit code. */
int verb_endpoints(struct verb_ctx *ctx, struct http_client *http, struct output *out, const char *name);
int verb_task(struct verb_ctx *ctx);
int verb_services(struct verb_ctx *ctx);
int verb_backend(struct verb_ctx *ctx);
int verb_up(struct verb_ctx *ctx);
int verb_down(struct verb_ctx *ctx);

#endif
