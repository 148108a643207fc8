/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_SERVICES_PRIVATE_H
#define MT_CORE_ENGINE_SERVICES_PRIVATE_H

/* One op on a service with everything it holds; shared by services.c (life, state), services_steps.c and
 * services_script.c. */

#include <stdio.h>

#include "core/engine/engine_private.h"
#include "core/engine/services.h"

struct service_run {
    struct engine *e;
    struct op *op;
    op_id id;
    enum service_plan plan;
    const struct service_kind *kind;
    bool reprovision;
    void (*done)(void *arg, const struct op_view *op);
    void *done_arg;
    struct slot *slot;
    struct backend_call call;
    int (*settle)(struct service_run *r, struct error *err); /* looks at a call that succeeded; may be NULL */
    struct lockfile *l2, *l1;
    bool turn_wait; /* for L1, which another op of this engine has or goes for */
    struct record record;
    bool have_record;
    struct profile script; /* have_script */
    bool have_script;
    struct sandbox_spec spec;
    struct sandbox_info info; /* as inspected */
    bool do_stop, do_create, do_start, do_provision;
    char no_script[320]; /* why there is nothing to provision */
    struct strvec argv, env;
    struct strbuf tar;
    struct phase phase;
    FILE *log;
    size_t logged;
    char last_line[400];
    bool keep_line; /* last_line is the reason: what follows is noise */
    struct service_run *next;
};

/* --- services.c --- */
/* "ID SECONDS": this run of this container. */
void services_run_text(const struct sandbox_info *info, char out[120]);

/* --- services_steps.c --- */
const struct step *service_steps(enum service_plan plan);
/* Submits a verb on the service; `settle` looks at what succeeded, may be NULL. */
enum step_result service_submit(struct service_run *r, enum backend_verb verb, struct backend_call call,
                                int (*settle)(struct service_run *r, struct error *err));
/* A line of what a call says. */
void service_on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len);
/* Gives back what is held, whatever has happened. */
void service_release_locks(struct service_run *r);

/* --- services_script.c: steps --- */
bool service_skip_script(void *ctx, char why[STEP_WHY_MAX]);
bool service_skip_baseline(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_service_baseline(struct op *op, void *ctx, struct error *err);
enum step_result step_service_copy(struct op *op, void *ctx, struct error *err);
enum step_result step_service_provision(struct op *op, void *ctx, struct error *err);
enum step_result step_service_record(struct op *op, void *ctx, struct error *err);

#endif
