/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/port.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/rules.h"

struct port {
    struct loop *loop;
    const struct paths *paths;
    const struct config *config;
    struct model *model;
    struct sessions *sessions;
    struct port_viewer viewer;
    bool scanned;
    void (*scanned_fn)(void *arg);
    void *scanned_arg;
    void (*trouble_fn)(void *arg, const char *id, const struct error *err);
    void *trouble_arg;
};

/* A session appeared or changed: the model hears the same facts. */
static void port_session_facts(void *arg, const struct session_info *s)
{
    struct port *p = arg;

    model_put_session(p->model, s);
}

/* A session is gone for good. */
static void port_session_removed(void *arg, const char *id)
{
    struct port *p = arg;

    model_remove_session(p->model, id);
}

/* New rows of a viewed session: whoever paints hears of it. */
static void port_session_frame(void *arg, const char *id)
{
    struct port *p = arg;

    if (p->viewer.on_frame != NULL) {
        p->viewer.on_frame(p->viewer.arg, id);
    }
}

/* A viewed program wants to write the clipboard. */
static void port_session_clipboard(void *arg, const char *id, const char *text, size_t len)
{
    struct port *p = arg;

    if (p->viewer.on_clipboard != NULL) {
        p->viewer.on_clipboard(p->viewer.arg, id, text, len);
    }
}

/* A session that is there and cannot be shown. */
static void port_session_trouble(void *arg, const char *id, const struct error *err)
{
    struct port *p = arg;

    if (p->trouble_fn != NULL) {
        p->trouble_fn(p->trouble_arg, id, err);
    }
}

/* The first scan of the directory is complete. */
static void port_scan_done(void *arg)
{
    struct port *p = arg;

    p->scanned = true;
    if (p->scanned_fn != NULL) {
        void (*fn)(void *) = p->scanned_fn;

        p->scanned_fn = NULL;
        fn(p->scanned_arg);
    }
}

int port_open(struct port **out, struct loop *loop, const struct paths *paths, const struct config *config,
              struct model *model, struct error *err)
{
    static const struct sessions_events events = {
        .on_added = port_session_facts,
        .on_changed = port_session_facts,
        .on_removed = port_session_removed,
        .on_frame = port_session_frame,
        .on_scanned = port_scan_done,
        .on_clipboard = port_session_clipboard,
        .on_trouble = port_session_trouble,
    };

    if (paths_make_runtime(paths, err) < 0) {
        return -1;
    }
    struct port *p = xcalloc(1, sizeof(*p));
    p->loop = loop;
    p->paths = paths;
    p->config = config;
    p->model = model;
    char *dir = path_join(paths->runtime, "sessions");
    int rc = sessions_open(&p->sessions, loop, dir, &events, p, err);
    free(dir);
    if (rc < 0) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void port_close(struct port *p)
{
    if (p == NULL) {
        return;
    }
    sessions_close(p->sessions);
    free(p);
}

/* session_port.start: a host with the configured scrollback. */
static int port_start(void *port_arg, const struct session_spec *spec,
                      void (*done)(void *arg, const char *id, const struct error *err), void *arg, struct error *err)
{
    struct port *p = port_arg;
    MT_CLEANUP(xfree) char *own = path_join(p->paths->config, RULES_FILE);
    MT_CLEANUP(xfree) char *shipped = path_join(p->paths->data, RULES_FILE);
    struct session_start start = {
        .rules_own = own,
        .rules_shipped = shipped,
        .executable = p->paths->executable,
        .kind = spec->kind,
        .sandbox = spec->sandbox,
        .project = spec->project,
        .backend = spec->backend,
        .profile = spec->profile,
        .label = spec->label,
        .tag = spec->tag,
        .command = spec->command,
        .log_path = spec->log_path,
        .argv = spec->argv,
        .env = spec->env,
        .audit = spec->audit,
        .task = spec->task,
        .cols = spec->cols > 0 ? spec->cols : 80,
        .rows = spec->rows > 0 ? spec->rows : 24,
        .scrollback_lines = (uint32_t)p->config->scrollback_lines,
        .scrollback_bytes = (uint64_t)p->config->scrollback_mb << 20,
    };

    return sessions_start(p->sessions, &start, done, arg, err);
}

/* session_port.find */
static const struct session_info *port_find(void *port_arg, const char *id)
{
    struct port *p = port_arg;

    return sessions_find(p->sessions, id);
}

/* session_port.find_tagged: the newest wins. */
static const struct session_info *port_find_tagged(void *port_arg, const char *sandbox, enum session_kind kind,
                                                   const char *tag)
{
    struct port *p = port_arg;
    const struct session_info *best = NULL;

    for (size_t i = 0; i < sessions_count(p->sessions); i++) {
        const struct session_info *s = sessions_at(p->sessions, i);

        if (s->kind == kind && strcmp(s->sandbox, sandbox) == 0 && strcmp(s->tag, tag) == 0 &&
            (best == NULL || s->started_wall_ms > best->started_wall_ms)) {
            best = s;
        }
    }
    return best;
}

/* session_port.kill */
static void port_kill(void *port_arg, const char *id)
{
    struct port *p = port_arg;

    sessions_kill(p->sessions, id);
}

/* session_port.dismiss */
static void port_dismiss(void *port_arg, const char *id)
{
    struct port *p = port_arg;

    sessions_dismiss(p->sessions, id);
}

/* session_port.attended */
static void port_attended(void *port_arg, const char *id)
{
    struct port *p = port_arg;

    sessions_attended(p->sessions, id);
}

/* session_port.restart */
static int port_restart(void *port_arg, const char *id, struct error *err)
{
    struct port *p = port_arg;

    return sessions_restart(p->sessions, id, err);
}

void port_fill(struct port *p, struct session_port *out)
{
    *out = (struct session_port){
        .arg = p,
        .start = port_start,
        .find = port_find,
        .find_tagged = port_find_tagged,
        .kill = port_kill,
        .dismiss = port_dismiss,
        .attended = port_attended,
        .restart = port_restart,
    };
}

struct sessions *port_sessions(struct port *p)
{
    return p->sessions;
}

void port_set_viewer(struct port *p, const struct port_viewer *viewer)
{
    p->viewer = viewer != NULL ? *viewer : (struct port_viewer){0};
}

void port_on_trouble(struct port *p, void (*fn)(void *arg, const char *id, const struct error *err), void *arg)
{
    p->trouble_fn = fn;
    p->trouble_arg = arg;
}

void port_on_scanned(struct port *p, void (*fn)(void *arg), void *arg)
{
    if (p->scanned) {
        loop_defer(p->loop, fn, arg);
        return;
    }
    p->scanned_fn = fn;
    p->scanned_arg = arg;
}
