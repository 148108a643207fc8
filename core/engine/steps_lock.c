/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: locks L1 and L2, the journal, and what is left behind at the end. */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define LOCK_WAIT_MS 20000
#define OTHERS_LOCK "lock that other muthrs look at"
#define LOCK_WAIT_IDLE_MS 200 /* whoever holds it uses it */

/* Says who is waited for. */
static void lock_waiting(void *arg, int holder)
{
    struct run *r = arg;
    op_text(r->op, "another muthr (pid %d) is working on this sandbox", holder);
}

/* Stopping and deleting are what helps when the disk is full or broken: what they cannot write is said, and they go on.
 * Waiting for someone else is another matter. */
static bool goes_on_without(struct run *r, const struct error *err, const char *what)
{
    if ((r->plan != ENGINE_STOP && r->plan != ENGINE_DELETE) || err->code == ERROR_CANCELED ||
        err->code == ERROR_TIMEOUT || err->code == ERROR_BUSY) {
        return false;
    }
    MT_CLEANUP(xfree) char *text = xasprintf("went on without the %s: %s", what, err->msg);
    run_note(r, text);
    return true;
}

/* Remembers on disk that this op runs, for whoever comes after a crash. */
static int write_journal(struct run *r, struct error *err)
{
    if (r->plan == ENGINE_APPLY || r->plan == ENGINE_DISCARD || r->plan == ENGINE_BAKE || r->idle_only) {
        return 0; /* asked for by a person who looked, or due again by itself: nobody resumes it */
    }
    struct journal_entry entry = {.net_given = r->net_given,
                                  .net = r->net,
                                  .recreate = r->recreate,
                                  .reprovision = r->reprovision,
                                  .as_is = r->as_is,
                                  .force = r->force,
                                  .no_provision = r->no_provision};
    str_copy(entry.sandbox, sizeof(entry.sandbox), r->sandbox);
    str_copy(entry.profile, sizeof(entry.profile), r->profile_name);
    str_copy(entry.plan, sizeof(entry.plan), engine_plan_name(r->plan));
    struct error mine = ERROR_INIT;
    if (journal_write(r->e->opts.paths, &entry, &mine) < 0) {
        if (goes_on_without(r, &mine, "op journal")) {
            return 0;
        }
        *err = mine;
        return error_wrap(err, "op journal");
    }
    r->journaled = true;
    return 0;
}

/* L2 is ours. Knowledge that L2 protects is read only now. */
static int take_sandbox(struct run *r, struct error *err)
{
    struct journal_entry left;
    if (!r->resumed && !r->reprovision && journal_read(r->e->opts.paths, r->sandbox, &left) && !left.alive) {
        r->resumed = true; /* it died so recently that we are the first to notice: its provision run counts */
    }
    record_load(&r->record, r->e->opts.paths, r->sandbox);
    r->have_record = true;
    record_fill_times(&r->record, op_get_view(r->op));
    return write_journal(r, err);
}

/* L2 is ours, or not. */
static void lock_done(void *arg, const struct error *err)
{
    struct run *r = arg;
    struct error mine = err != NULL ? *err : ERROR_INIT;
    r->l2_held = err == NULL;
    if (err == NULL) {
        take_sandbox(r, &mine);
    } else if (err->code == ERROR_CANCELED) {
        r->l2 = NULL; /* released by the cancel already */
    } else if (err->code == ERROR_TIMEOUT) {
        error_wrap(&mine, "someone else works on %s", r->sandbox);
        mine.code = r->idle_only ? ERROR_CANCELED : mine.code; /* then it is not idle */
    }
    op_resume(r->op, mine.code != ERROR_NONE ? &mine : NULL);
}

enum step_result step_lock(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    if (r->slot == NULL) {
        *err = r->slot_error;
        return STEP_FAIL;
    }
    if (r->l2_held) { /* taken over with its lock */
        return take_sandbox(r, err) < 0 ? STEP_FAIL : STEP_NEXT;
    }
    MT_CLEANUP(xfree) char *dir = path_join(r->e->opts.paths->state, "locks");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.lock", dir, r->sandbox);
    if (fs_mkdirs(dir, 0700, err) < 0 ||
        lockfile_acquire(&r->l2, r->e->opts.loop, LOCKFILE_ADVISORY, path,
                         r->idle_only ? LOCK_WAIT_IDLE_MS : LOCK_WAIT_MS, lock_waiting, lock_done, r, err) < 0) {
        return STEP_FAIL;
    }
    return STEP_WAIT;
}

void step_lock_cancel(struct op *op, void *ctx)
{
    struct run *r = ctx;
    (void)op;
    lockfile_release(r->l2);
}

/* Says who is waited for. */
static void turn_waiting(void *arg, int holder)
{
    struct run *r = arg;
    if (holder > 0) {
        op_text(r->op, "waiting for process %d, which is creating, starting or stopping a sandbox", holder);
    } else {
        op_text(r->op, "waiting: a lock file that names no process");
    }
}

/* L1 is ours, or not. */
static void turn_done(void *arg, const struct error *err)
{
    struct run *r = arg;
    r->l1_held = err == NULL;
    if (err != NULL && err->code == ERROR_CANCELED) {
        r->l1 = NULL;
        turn_is_free(r->e);
    }
    op_resume(r->op, err != NULL && goes_on_without(r, err, OTHERS_LOCK) ? NULL : err);
}

int turn_acquire(struct engine *e, struct lockfile **l1, lockfile_wait_fn waiting, lockfile_done_fn done, void *arg,
                 struct error *err)
{
    const struct paths *paths = e->opts.paths;
    MT_CLEANUP(xfree) char *path = path_join(paths->cache, "container-lifecycle.lock");
    return fs_mkdirs(paths->cache, 0700, err) < 0
               ? -1
               : lockfile_acquire(l1, e->opts.loop, LOCKFILE_PID, path, LOCK_WAIT_MS, waiting, done, arg, err);
}

/* Goes for L1 against other processes. */
static int take_turn(struct run *r, struct error *err)
{
    r->turn_wait = false;
    return turn_acquire(r->e, &r->l1, turn_waiting, turn_done, r, err);
}

/* Our own ops take turns without a limit: one that removes a large sandbox does not fail the others (L1's limit is for
 * processes that hang). */
enum step_result step_turn(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    for (const struct run *other = r->e->runs; other != NULL; other = other->next) {
        if (other != r && other->l1 != NULL) {
            op_text(op, "waiting for %s of %s", engine_plan_name(other->plan), other->sandbox);
            r->turn_wait = true;
            return STEP_WAIT;
        }
    }
    const char *service = services_hold_turn(r->e);
    if (service != NULL) {
        op_text(op, "waiting for %s", service);
        r->turn_wait = true;
        return STEP_WAIT;
    }
    struct error mine = ERROR_INIT;
    if (take_turn(r, &mine) == 0) {
        return STEP_WAIT;
    }
    if (goes_on_without(r, &mine, OTHERS_LOCK)) {
        return STEP_NEXT;
    }
    *err = mine;
    return STEP_FAIL;
}

void turn_is_free(struct engine *e)
{
    for (struct run *r = e->runs; r != NULL; r = r->next) {
        struct error err = ERROR_INIT;
        if (r->turn_wait) {
            if (take_turn(r, &err) == 0) {
                return;
            }
            op_resume(r->op, goes_on_without(r, &err, OTHERS_LOCK) ? NULL : &err);
        }
    }
    services_take_turn(e);
}

void step_turn_cancel(struct op *op, void *ctx)
{
    struct run *r = ctx;
    struct error err = ERROR_INIT;
    if (r->turn_wait) {
        r->turn_wait = false;
        error_set(&err, ERROR_CANCELED, "canceled while waiting for its turn");
        op_resume(op, &err);
    } else {
        lockfile_release(r->l1);
    }
}

bool skip_turn(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "nothing to start or stop");
    return !r->do_stop && !r->do_remove && !r->do_create && !r->do_update && !r->do_start;
}

/* Is a provision run left to the next cockpit? Also one that we were to take up and have not looked at yet. */
static bool leaves_session(const struct run *r)
{
    const struct session_info *s = r->session[0] != '\0' ? r->e->opts.port.find(r->e->opts.port.arg, r->session) : NULL;
    if (r->e->leave && r->resumed && !r->have_spec) {
        return true;
    }
    return r->e->leave && s != NULL && (s->state == SESSION_STARTING || s->state == SESSION_RUNNING);
}

/* The script was to run and is not through: remembered, with how it ended. */
static void note_unprovisioned(struct run *r)
{
    const struct op_view *v = op_get_view(r->op);
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    bool failed = v->error.code != ERROR_NONE;
    struct error why = ERROR_INIT;
    record_set_unprovisioned(&r->record, r->profile.name, failed ? RECORD_FAILED : RECORD_CANCELED,
                             v->error.code == ERROR_EXIT ? v->error.sys : 0);
    if (failed && (v->error.code != ERROR_EXIT || r->session[0] == '\0')) { /* there may be no log that says why */
        char step[80];
        str_format(step, sizeof(step), "provision %s: ", r->profile.name);
        bool named = strncmp(v->error.msg, step, strlen(step)) == 0;
        record_set_unprovisioned_error(&r->record, v->error.msg + (named ? strlen(step) : 0));
    }
    if (record_save(&r->record, r->e->opts.paths, r->sandbox, &why) < 0) {
        log_warn("%s", why.msg); /* the mark made before the script still stands there */
    }
    if (ws != NULL) {
        refresh_drift(r->e, ws);
    }
}

enum step_result step_unlock(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    if (r->marked && !leaves_session(r)) {
        note_unprovisioned(r);
    }
    if (r->journaled && !leaves_session(r)) { /* last: other cockpits look at the record when it goes */
        journal_remove(r->e->opts.paths, r->sandbox);
    }
    run_release_l1(r);
    if (r->l2 != NULL) {
        lockfile_release(r->l2);
        r->l2 = NULL;
    }
    return STEP_NEXT;
}
