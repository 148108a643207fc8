/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of what takes something away: the window in which a deletion can be taken back, the look before it, and the
 * changes of an overlay workspace. */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* Held-back files that are named in the op's notice; the rest is counted. */
#define HELD_BACK_NAMED 3

/* --- the window --- */

/* The time is over: from now on it is an op like any other. */
static void on_window(void *arg)
{
    struct run *r = arg;
    r->in_window = false;
    op_resume(r->op, NULL);
}

enum step_result step_window(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)err;
    timer_close(r->follow);
    r->follow = timer_new(r->e->opts.loop, on_window, r);
    timer_start(r->follow, r->delay_ms);
    r->in_window = true;
    op_text(op, "can be taken back for %llu s", (unsigned long long)((r->delay_ms + 999) / 1000));
    engine_schedule(r->e); /* others need not wait for it */
    return STEP_WAIT;
}

void step_window_cancel(struct op *op, void *ctx)
{
    struct run *r = ctx;
    struct error err = ERROR_INIT;
    timer_stop(r->follow);
    r->in_window = false;
    error_set(&err, ERROR_CANCELED, "taken back");
    op_resume(op, &err);
}

bool skip_window(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    return r->delay_ms == 0;
}

/* --- the look before --- */

/* What is not ours is never touched; an orphan that came to life is none any more. */
static int settle_look(struct run *r, struct error *err)
{
    if (run_take_info(r, err) < 0) {
        return -1;
    }
    bool down = r->info.state == SANDBOX_NONE || r->info.state == SANDBOX_STOPPED || r->info.state == SANDBOX_FAILED;
    if (r->info.foreign) {
        return error_hint(err, ERROR_DENIED, "rename or remove it with its own tool",
                          "%s was not made by muthr: it is left alone", r->sandbox);
    }
    if (r->orphan_only && (!down || profiles_recorded(r->e->opts.paths, r->sandbox, NULL))) {
        return error_set(err, ERROR_BUSY, "%s is in use again: it is left alone", r->sandbox);
    }
    return 0;
}

enum step_result step_look(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return run_submit(ctx, BACKEND_INSPECT, settle_look);
}

/* --- overlay workspaces --- */

/* Says how many were applied, what was held back, and why. */
static int settle_changes(struct run *r, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    size_t n = r->call.change_count, applied = r->call.applied;
    struct op_view *view = op_get_view(r->op);
    (void)err;
    view->applied = (unsigned)applied;
    view->held_back = (unsigned)n;
    for (size_t i = 0; i < n && i < HELD_BACK_NAMED; i++) {
        const struct workspace_change *c = &r->call.changes[i];
        strbuf_addstr(&text, i > 0 ? ", " : "");
        utf8_sanitize(&text, c->path, MT_MIN(strlen(c->path), (size_t)80), false);
        strbuf_addf(&text, " (%s)", c->note[0] != '\0' ? c->note : c->conflict ? "conflict" : "needs to be named");
    }
    if (n > 0) {
        MT_CLEANUP(xfree)
        char *note = n > HELD_BACK_NAMED ? xasprintf("%zu applied, %zu held back: %s, and %zu more", applied, n,
                                                     text.buf, n - HELD_BACK_NAMED)
                                         : xasprintf("%zu applied, %zu held back: %s", applied, n, text.buf);
        run_note(r, note);
    }
    return 0;
}

enum step_result step_changes(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    if ((r->slot->ops->caps & BACKEND_CAP_OVERLAY) == 0) {
        error_set(err, ERROR_UNAVAILABLE, "backend %s has no overlay workspaces", r->slot->ops->name);
        return STEP_FAIL;
    }
    if (r->info.state == SANDBOX_NONE || r->info.workspace_mode != WORKSPACE_OVERLAY) {
        error_set(err, ERROR_INVALID, "the workspace of %s is no overlay: there are no changes to decide on",
                  r->sandbox);
        return STEP_FAIL;
    }
    r->call.paths = r->have_paths ? (const char *const *)r->paths.v : NULL;
    return run_submit(r, r->plan == ENGINE_APPLY ? BACKEND_APPLY : BACKEND_DISCARD, settle_changes);
}
