/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that another cockpit or verb left half done (op journal): taken up at our start, and at once when their owner
 * dies while we run. Who gets the sandbox's lock (L2) takes it up, the others see that it is taken. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/engine_private.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* A process that works on a sandbox: its end makes us look. */
struct op_owner {
    struct engine *e;
    int pid;
    bool wanted; /* during a look: it still owns something */
    bool ended;
    struct pidwatch *watch;
    struct op_owner *next;
};

/* Does an op of ours hold this sandbox, or wait for it? */
static bool has_run(const struct engine *e, const char *sandbox)
{
    const struct run *r = e->runs;
    while (r != NULL && strcmp(r->sandbox, sandbox) != 0) {
        r = r->next;
    }
    return r != NULL;
}

/* An owner has ended, perhaps without having been reaped. */
static void on_owner_ended(void *arg)
{
    struct op_owner *o = arg;
    o->ended = true;
    takeover_soon(o->e);
}

/* The end of this process is of interest. False: it has ended already. */
static bool watch_owner(struct engine *e, int pid)
{
    struct error err = ERROR_INIT;
    for (struct op_owner *o = e->owners; o != NULL; o = o->next) {
        if (o->pid == pid) {
            o->wanted = true;
            return !o->ended;
        }
    }
    struct op_owner *o = xcalloc(1, sizeof(*o));
    o->e = e;
    o->pid = pid;
    o->wanted = true;
    o->watch = pidwatch_new(e->opts.loop, pid, on_owner_ended, o, &err);
    if (o->watch == NULL) {
        free(o);
        if (err.code == ERROR_NOT_FOUND) {
            return false;
        }
        log_info("%s: what it leaves is seen when its session ends, or at the next start", err.msg);
        return true;
    }
    o->next = e->owners;
    e->owners = o;
    return true;
}

/* Forgets those who own nothing any more; all: everybody. */
static void drop_owners(struct engine *e, bool all)
{
    for (struct op_owner **at = &e->owners; *at != NULL;) {
        struct op_owner *o = *at;
        if (o->wanted && !all) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        pidwatch_close(o->watch);
        free(o);
    }
}

/* Of another machine: it may be out of reach now. */
static bool is_remote(const char *sandbox)
{
    return strchr(sandbox, '@') != NULL;
}

/* Runs the plan again under the lock: it finds everything that is done already. */
static void resume(struct engine *e, const struct journal_entry *j, struct lockfile *lock)
{
    int plan = plan_parse(j->plan);
    struct error err = ERROR_INIT;
    struct engine_request req = {.sandbox = j->sandbox,
                                 .profile = j->profile[0] != '\0' ? j->profile : NULL,
                                 .net_given = j->net_given,
                                 .net = j->net,
                                 .recreate = j->recreate,
                                 .reprovision = j->reprovision,
                                 .as_is = j->as_is,
                                 .force = j->force,
                                 .no_provision = j->no_provision};
    req.plan = plan >= 0 ? (enum engine_plan)plan : ENGINE_START;
    /* The lock keeps the others away until the op has written its own name into the entry. */
    if (plan >= 0 && engine_resume(e, &req, lock, &err) != 0) {
        log_info("%s of %s was interrupted: resumed", j->plan, j->sandbox);
        return;
    }
    bool later = err.code == ERROR_BUSY || err.code == ERROR_UNAVAILABLE || is_remote(j->sandbox);
    log_warn("%s of %s was interrupted and cannot be resumed%s: %s", j->plan, j->sandbox, later ? " yet" : "",
             err.code != ERROR_NONE ? err.msg : "this version knows no such plan");
    if (!later) {
        journal_remove(e->opts.paths, j->sandbox);
    }
    lockfile_release(lock);
}

/* An entry without a living owner: takes it up, unless somebody else is at it. */
static void take_over(struct engine *e, const struct journal_entry *found)
{
    MT_CLEANUP(xfree) char *dir = path_join(e->opts.paths->state, "locks");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.lock", dir, found->sandbox);
    struct lockfile *lock = NULL;
    struct journal_entry now;
    struct error err = ERROR_INIT;
    int holder = 0;
    if (fs_mkdirs(dir, 0700, &err) < 0 ||
        lockfile_try(&lock, e->opts.loop, LOCKFILE_ADVISORY, path, &holder, &err) < 0) {
        if (err.code != ERROR_BUSY) {
            log_warn("%s of %s was interrupted: %s", found->plan, found->sandbox, err.msg);
        } else if (holder > 0 && !watch_owner(e, holder)) { /* still dying, or taking it up */
            takeover_soon(e);
        }
        return;
    }
    if (!journal_read(e->opts.paths, found->sandbox, &now)) {
        lockfile_release(lock); /* done by somebody else in between */
    } else if (now.alive && now.pid != found->pid) {
        lockfile_release(lock);
        takeover_soon(e); /* somebody else took it up and has not begun, or is done with it */
    } else {
        resume(e, &now, lock);
    }
}

/* Goes through the journal once. */
void takeover_look(struct engine *e)
{
    struct journal_entry *list;
    if (e->opts.no_resume || e->closing || !e->ready) {
        return;
    }
    for (struct op_owner *o = e->owners; o != NULL; o = o->next) {
        o->wanted = false;
    }
    size_t n = journal_list(e->opts.paths, &list);
    for (size_t i = 0; i < n; i++) {
        if (has_run(e, list[i].sandbox)) {
            continue; /* looked at again when it ends */
        }
        bool ours = list[i].alive && list[i].pid == (int)getpid();
        if (!ours && !(list[i].alive && watch_owner(e, list[i].pid))) {
            take_over(e, &list[i]);
        }
    }
    free(list);
    drop_owners(e, false);
}

/* Somebody began or ended an op: its record may say something else now. */
static void on_ops(void *arg, const char *name)
{
    struct engine *e = arg;
    char sandbox[96];
    size_t len = name != NULL ? strcspn(name, ".") : 0;
    str_format(sandbox, sizeof(sandbox), "%.*s", (int)MT_MIN(len, sizeof(sandbox) - 1), name != NULL ? name : "");
    if (!has_run(e, sandbox)) {
        refresh_soon(e);
        takeover_soon(e);
    }
}

/* timer callback */
static void on_due(void *arg)
{
    takeover_look(arg);
}

void takeover_open(struct engine *e)
{
    MT_CLEANUP(xfree) char *dir = path_join(e->opts.paths->state, "ops");
    struct error err = ERROR_INIT;
    if (e->opts.no_resume) {
        return;
    }
    e->takeover = timer_new(e->opts.loop, on_due, e);
    if (fs_mkdirs(dir, 0700, &err) == 0) {
        e->ops_watch = dirwatch_new(e->opts.loop, dir, on_ops, e, &err);
    }
    if (e->ops_watch == NULL) {
        log_warn("what other cockpits do is not followed: %s", err.msg);
    }
}

void takeover_soon(struct engine *e)
{
    if (e->takeover != NULL && !e->closing) {
        timer_start(e->takeover, 0);
    }
}

void takeover_on_session(struct engine *e, const struct session_info *s)
{
    if (s == NULL || (s->kind == SESSION_PROVISION && (s->state == SESSION_EXITED || s->state == SESSION_LOST))) {
        takeover_soon(e);
    }
}

void takeover_close(struct engine *e)
{
    dirwatch_close(e->ops_watch);
    e->ops_watch = NULL;
    timer_close(e->takeover);
    e->takeover = NULL;
    drop_owners(e, true);
}
