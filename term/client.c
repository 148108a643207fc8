/* SPDX-License-Identifier: Apache-2.0 */
#include "term/client_priv.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "term/remote.h"
#include "term/session_dir.h"
#include "term/session_spec.h"
#include "term/starting.h"

#define FIRST_SCAN_MS 1000 /* a host that has not answered by then is not waited for */
#define RESCAN_MS 50       /* after a connection ended: is its socket a dead one? */

/* --- the set --- */

/* Where an id is, or belongs. */
static size_t lower_bound(const struct sessions *s, const char *id)
{
    size_t lo = 0, hi = s->count;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (strcmp(remote_id(s->remotes[mid]), id) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* Ready or not; NULL when there is no connection. */
static struct remote *find_any(const struct sessions *s, const char *id)
{
    size_t i = lower_bound(s, id);

    return i < s->count && strcmp(remote_id(s->remotes[i]), id) == 0 ? s->remotes[i] : NULL;
}

struct remote *client_find(const struct sessions *s, const char *id)
{
    struct remote *r = find_any(s, id);

    return r != NULL && remote_is_ready(r) ? r : NULL;
}

static void insert(struct sessions *s, struct remote *r)
{
    size_t i = lower_bound(s, remote_id(r));

    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 16 : s->cap * 2;
        s->remotes = xreallocarray(s->remotes, s->cap, sizeof(*s->remotes));
    }
    memmove(s->remotes + i + 1, s->remotes + i, (s->count - i) * sizeof(*s->remotes));
    s->remotes[i] = r;
    s->count++;
}

static void take_out(struct sessions *s, const struct remote *r)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->remotes[i] == r) {
            memmove(s->remotes + i, s->remotes + i + 1, (s->count - i - 1) * sizeof(*s->remotes));
            s->count--;
            return;
        }
    }
}

/* --- starts --- */

/* Takes a start out of the list and ends it. */
static void finish_start(struct sessions *s, struct starting *st, const struct error *err)
{
    for (size_t i = 0; i < s->start_count; i++) {
        if (s->starts[i] == st) {
            s->starts[i] = s->starts[--s->start_count];
            break;
        }
    }
    starting_finish(st, err);
}

static struct starting *find_start(const struct sessions *s, const char *id)
{
    for (size_t i = 0; i < s->start_count; i++) {
        if (strcmp(starting_id(s->starts[i]), id) == 0) {
            return s->starts[i];
        }
    }
    return NULL;
}

/* --- what the connections tell --- */

/* The first scan is complete when every socket found has answered or gone. Comes last in a handler. */
static void check_scanned(struct sessions *s)
{
    if (s->scanned || !s->scan_ran) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!remote_is_ready(s->remotes[i])) {
            return;
        }
    }
    s->scanned = true;
    timer_stop(s->first_timer);
    if (s->ev.on_scanned != NULL) {
        s->ev.on_scanned(s->arg);
    }
}

static void on_first_timer(void *arg)
{
    struct sessions *s = arg;

    if (!s->scanned) {
        s->scanned = true;
        if (s->ev.on_scanned != NULL) {
            s->ev.on_scanned(s->arg);
        }
    }
}

/* Facts: of a session seen for the first time, or changed ones. */
static void on_meta(void *arg, struct remote *r)
{
    struct sessions *s = arg;
    const struct session_info *info = remote_info(r);
    struct starting *st;

    if (info->flooding) {
        client_yield(s, r, clock_mono_ms());
    }
    if (!remote_announce(r)) {
        if (s->ev.on_changed != NULL) {
            s->ev.on_changed(s->arg, info);
        }
        return;
    }
    if (s->outer_known) {
        remote_outer(r, &s->outer);
    }
    if (s->ev.on_added != NULL) {
        s->ev.on_added(s->arg, info);
    }
    st = find_start(s, info->id);
    if (st != NULL && starting_is_answered(st)) {
        finish_start(s, st, NULL);
    }
    check_scanned(s);
}

static void on_remote_frame(void *arg, struct remote *r)
{
    struct sessions *s = arg;

    if (s->ev.on_frame != NULL) {
        s->ev.on_frame(s->arg, remote_id(r));
    }
}

static void on_remote_clipboard(void *arg, struct remote *r, const char *text, size_t len)
{
    struct sessions *s = arg;

    if (s->ev.on_clipboard != NULL) {
        s->ev.on_clipboard(s->arg, remote_id(r), text, len);
    }
}

/* A session that is there and cannot be shown is told, once. */
static void tell_trouble(struct sessions *s, bool now, const char *id, const struct error *err)
{
    if (now && s->ev.on_trouble != NULL) {
        s->ev.on_trouble(s->arg, id, err);
    }
}

/* A host is gone: dismissed, dead, or not understood. Its socket is looked at a moment later. */
static void on_gone(void *arg, struct remote *r, const struct error *err)
{
    struct sessions *s = arg;
    struct session_info *info = remote_info(r);
    bool shown = remote_is_ready(r);
    char id[SESSION_ID_MAX];
    struct starting *st;

    str_copy(id, sizeof(id), remote_id(r));
    if (shown && !info->seen) {
        info->state = SESSION_LOST;
        info->working = false;
        if (s->ev.on_changed != NULL) {
            s->ev.on_changed(s->arg, info);
        }
    }
    if (!info->seen) {
        tell_trouble(s, troubles_add(&s->troubles, id, err), id, err);
    }
    take_out(s, r);
    remote_close(r, ERROR_UNAVAILABLE);
    timer_start(s->scan_timer, RESCAN_MS);
    st = find_start(s, id);
    if (st != NULL && starting_is_answered(st)) {
        finish_start(s, st, err);
    }
    if (shown && s->ev.on_removed != NULL) {
        s->ev.on_removed(s->arg, id);
    }
    check_scanned(s);
}

/* --- scanning --- */

static const struct remote_events REMOTE_EVENTS = {
    .on_meta = on_meta,
    .on_frame = on_remote_frame,
    .on_clipboard = on_remote_clipboard,
    .on_gone = on_gone,
};

/* Connects to a socket; true when it has to be looked at again later. */
static bool attach(struct sessions *s, const char *id)
{
    char *path = session_dir_socket(s->dir, id);
    struct error err = ERROR_INIT;
    struct remote *r;
    bool again = false;

    if (remote_open(&r, s->loop, path, id, &REMOTE_EVENTS, s, &err) == 0) {
        insert(s, r);
    } else if (err.code == ERROR_UNAVAILABLE) {
        enum session_sweep result = session_dir_sweep(path);

        again = result == SESSION_SWEEP_YOUNG;
        if (result == SESSION_SWEEP_NOT_OURS) {
            tell_trouble(s, troubles_give_up(&s->troubles, id, &err), id, &err);
        }
    } else if (error_is_transient(&err)) {
        again = true; /* its host is late, or we are out of descriptors */
    } else if (err.code != ERROR_NOT_FOUND) {
        tell_trouble(s, troubles_give_up(&s->troubles, id, &err), id, &err);
    }
    free(path);
    return again;
}

static void on_dir(void *arg, const char *name);

/* Watches the directory; again when it has become another one. */
static void watch_dir(struct sessions *s)
{
    struct error err = ERROR_INIT;
    struct stat st;

    if (session_dir_prepare(s->dir, &err) != 0) {
        log_warn("sessions: %s", err.msg);
        return;
    }
    if (stat(s->dir, &st) != 0 || (s->dirwatch != NULL && st.st_dev == s->dev && st.st_ino == s->ino)) {
        return;
    }
    dirwatch_close(s->dirwatch);
    s->dirwatch = dirwatch_new(s->loop, s->dir, on_dir, s, &err);
    if (s->dirwatch == NULL) {
        log_warn("sessions of other cockpits are not noticed: %s", err.msg);
        return;
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
}

static void scan(void *arg)
{
    struct sessions *s = arg;
    MT_CLEANUP(strvec) struct strvec ids = STRVEC_INIT;
    struct error err = ERROR_INIT;
    bool again = false;

    watch_dir(s);
    if (session_dir_list(s->dir, &ids, &err) != 0) {
        log_warn("sessions: %s", err.msg);
    }
    troubles_prune(&s->troubles, &ids);
    for (size_t i = 0; i < ids.len; i++) {
        if (find_any(s, ids.v[i]) == NULL && !troubles_given_up(&s->troubles, ids.v[i])) {
            again = attach(s, ids.v[i]) || again;
        }
    }
    if (again) {
        timer_start(s->scan_timer, SESSION_SWEEP_AGE_MS + 50);
    }
    s->scan_ran = true;
    check_scanned(s);
}

/* Connects to all that answer at once, so that they work while the caller goes on opening. The first scan finds the
 * rest, and tells of troubles. */
static void connect_early(struct sessions *s)
{
    MT_CLEANUP(strvec) struct strvec ids = STRVEC_INIT;

    if (session_dir_list(s->dir, &ids, NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < ids.len; i++) {
        char *path = session_dir_socket(s->dir, ids.v[i]);
        struct remote *r;

        if (remote_open(&r, s->loop, path, ids.v[i], &REMOTE_EVENTS, s, NULL) == 0) {
            insert(s, r);
        }
        free(path);
    }
}

static void on_dir(void *arg, const char *name)
{
    struct sessions *s = arg;

    (void)name;
    timer_start(s->scan_timer, 0); /* many changes, one scan */
}

/* --- life --- */

int sessions_open(struct sessions **out, struct loop *loop, const char *dir, const struct sessions_events *ev,
                  void *arg, struct error *err)
{
    struct sessions *s;

    if (session_dir_prepare(dir, err) != 0) {
        return -1;
    }
    s = xcalloc(1, sizeof(*s));
    s->lent = -1;
    s->loop = loop;
    s->dir = xstrdup(dir);
    s->ev = *ev;
    s->arg = arg;
    s->id_seed = (uint32_t)(clock_mono_ns() ^ (uint64_t)getpid() << 8);
    s->scan_timer = timer_new(loop, scan, s);
    s->first_timer = timer_new(loop, on_first_timer, s);
    watch_dir(s);
    connect_early(s);
    timer_start(s->scan_timer, 0);
    timer_start(s->first_timer, FIRST_SCAN_MS);
    *out = s;
    return 0;
}

void sessions_close(struct sessions *s)
{
    struct error err = ERROR_INIT;

    if (s == NULL) {
        return;
    }
    error_set(&err, ERROR_CANCELED, "the cockpit is closing");
    while (s->start_count > 0) {
        finish_start(s, s->starts[0], &err);
    }
    while (s->count > 0) {
        struct remote *r = s->remotes[--s->count];

        remote_close(r, ERROR_CANCELED);
    }
    dirwatch_close(s->dirwatch);
    timer_close(s->scan_timer);
    timer_close(s->first_timer);
    free(s->remotes);
    troubles_release(&s->troubles);
    free(s->starts);
    free(s->dir);
    free(s);
}

/* The launcher has spoken. When it serves, the session must appear before it counts as started. */
static void on_answer(void *arg, struct starting *st, const struct error *err)
{
    struct sessions *s = arg;

    if (err != NULL || client_find(s, starting_id(st)) != NULL) {
        finish_start(s, st, err);
    } else {
        timer_start(s->scan_timer, 0);
    }
}

int sessions_start(struct sessions *s, const struct session_start *spec,
                   void (*done)(void *arg, const char *id, const struct error *err), void *arg, struct error *err)
{
    char id[SESSION_ID_MAX];
    struct starting *st;

    if (spec->executable == NULL || spec->argv == NULL || spec->argv[0] == NULL) {
        return error_set(err, ERROR_INVALID, "a session needs a program");
    }
    do {
        s->id_seed = s->id_seed * 1664525u + 1013904223u;
        session_id_make(id, spec->project != NULL ? spec->project : "", spec->kind, clock_wall_ms(), s->id_seed >> 8);
    } while (find_any(s, id) != NULL || find_start(s, id) != NULL);
    if (starting_new(&st, s->loop, spec, id, s->dir, on_answer, s, done, arg, err) != 0) {
        return -1;
    }
    s->starts = xreallocarray(s->starts, s->start_count + 1, sizeof(struct starting *));
    s->starts[s->start_count++] = st;
    return 0;
}

const struct session_info *sessions_find(const struct sessions *s, const char *id)
{
    struct remote *r = client_find(s, id);

    return r != NULL ? remote_info(r) : NULL;
}

size_t sessions_count(const struct sessions *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        n += remote_is_ready(s->remotes[i]) ? 1 : 0;
    }
    return n;
}

const struct session_info *sessions_at(const struct sessions *s, size_t index)
{
    for (size_t i = 0; i < s->count; i++) {
        if (remote_is_ready(s->remotes[i]) && index-- == 0) {
            return remote_info(s->remotes[i]);
        }
    }
    return NULL;
}
