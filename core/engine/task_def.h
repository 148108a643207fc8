/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_TASK_DEF_H
#define MT_CORE_ENGINE_TASK_DEF_H

/* One task that somebody wrote down: an entry of a [tasks] table, of the user's muthr.toml or of the project's own.
 *
 *   [tasks]
 *   test = "make test"                 # the short form
 *   [tasks.web]
 *   command = "npm run dev"            # for sh -c
 *   cwd = "web"                        # inside; below the workspace when it is not absolute
 *   env = { PORT = "3000" }
 *   restart = "on-failure"             # never, on-failure, always
 *   max_restarts = 5                   # in a row; 0: without end
 *   ready_port = 3000                  # ready when it listens there,
 *   ready_match = "listening on"       # or when a line of its output matches (extended regular expression)
 *   workspace = ["shop", "web-*"]      # only in these projects; only in the user's file
 *
 * Everything in a definition can be shown as it is: what holds control characters or the like is refused. Reading
 * never fails: a bad entry is left out, and a warning says where it stands and what to do. */

#include <stdbool.h>
#include <stddef.h>

#include "core/model/session.h"
#include "core/model/task.h"
#include "core/util/hash.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/toml.h"

#define TASK_DEFS_MAX 64     /* of one file */
#define TASK_WARNINGS_MAX 16 /* of one file; the rest is counted */
#define TASK_ENV_MAX 64

enum task_origin { TASK_OF_USER, TASK_OF_PROJECT };

struct task_def {
    char name[TASK_NAME_MAX];
    char *command; /* for sh -c; shorter than SESSION_COMMAND_MAX */
    char *cwd;     /* as written; NULL: the workspace */
    struct strvec env;
    struct task_policy policy;
    struct strvec workspaces; /* patterns (fnmatch) of folder or sandbox names; none: all */
    enum task_origin origin;
    char *place;               /* "~/.config/muthr/muthr.toml:12", for people */
    bool hidden;               /* the project's, and the user has one of this name: that is run */
    bool consented;            /* may be started: the user's own always is */
    char id[HASH_HEX_LEN + 1]; /* the project's: of all that would run, and where (tasks.h) */
};

struct task_list {
    struct task_def *v;
    size_t count;
    struct strvec warnings; /* "file:line:col: what; what to do" */
    size_t warnings_left;   /* more of them than are told */
};
#define TASK_LIST_INIT ((struct task_list){.warnings = STRVEC_INIT})

/* Appends the definitions of the root table of a file to *list. `shown`: the file, as people are to see it. */
void task_defs_read(struct task_list *list, const struct toml *root, enum task_origin origin, const char *shown);
void task_list_release(struct task_list *list);
/* A warning of a whole file, or at a place in it. */
void task_list_warn(struct task_list *list, const char *fmt, ...) MT_PRINTF(2, 3);

/* [A-Za-z0-9][A-Za-z0-9_.-]*, shorter than TASK_NAME_MAX. INVALID says so. */
int task_check_name(const char *name, struct error *err);
/* May be started so: not empty, not too long, nothing in it that cannot be shown. */
int task_check_command(const char *command, struct error *err);
/* Is this readiness pattern one? Expressions that do not compile are refused. */
int task_check_match(const char *pattern, struct error *err);
/* A name for a command that was given none: "npm run dev" is npm-run-dev. */
void task_name_of(const char *command, char out[TASK_NAME_MAX]);
/* Where it runs inside, `mount` being the workspace's place. Caller frees. */
char *task_def_cwd(const struct task_def *def, const char *mount);
/* All that would be run, for a person to read before saying yes: "command: ...\nenv: ...\n", one item a line;
 * further lines of a command stand behind "| ". */
void task_def_describe(const struct task_def *def, struct strbuf *out);

#endif
