/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/engine/record.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/address.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* All there is to know of a sandbox. How it is isolated is what the runtime says when it is asked now, never what was
 * wished for; what is weaker than wished for is red. Asked again when the sandbox changes. */

struct inspect {
    struct app *app;
    struct pager *pager; /* NULL: closed */
    struct engine_look *look;
    workspace_id ws;
    bool again; /* something changed while the answer was awaited */
    bool asked;
    struct isolation_fact *facts;
    size_t fact_count;
    char trouble[300]; /* why there are no facts */
};

static void ask(struct inspect *in);

/* --- lines --- */

/* A heading, with a blank line before it. */
static void section(struct pager_build *b, const char *title)
{
    if (b->count) {
        pager_add(b, THEME_TEXT, "%s", "");
    }
    pager_add(b, THEME_TITLE_FOCUS, "%s", title);
}

/* "name          value", unless there is none. */
static void fact(struct pager_build *b, enum theme_role role, const char *name, const char *value)
{
    if (value && *value) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        strbuf_addf(&line, "%-12s", name);
        utf8_sanitize(&line, value, strlen(value), false);
        pager_add(b, role, "%s", line.buf);
        pager_mark_key(b, (int)strlen(name));
    }
}

/* Too few columns for a column of names? */
static bool in_narrow(const struct app *app)
{
    return app->cols < 60;
}

/* A fact as it was read back: sign, name, what is, and what was wanted. */
static void isolation_line(const struct app *app, struct pager_build *b, const struct isolation_fact *f, int width)
{
    static const struct {
        enum glyph glyph;
        enum theme_role role;
    } looks[] = {[ISOLATION_OK] = {GLYPH_DONE, THEME_TEXT},
                 [ISOLATION_WEAKER] = {GLYPH_FAILED, THEME_BAD},
                 [ISOLATION_UNKNOWN] = {GLYPH_UNKNOWN, THEME_WARN},
                 [ISOLATION_INFO] = {GLYPH_BULLET, THEME_DIM}};
    unsigned v = f->verdict <= ISOLATION_INFO ? (unsigned)f->verdict : (unsigned)ISOLATION_UNKNOWN;
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    strbuf_addf(&line, "%s %-*s  %s", glyph_text(looks[v].glyph, app->ascii), width, f->name,
                f->actual[0] ? f->actual : "not known");
    if (f->wanted[0] && strcmp(f->wanted, f->actual) != 0) {
        strbuf_addf(&line, "  (wanted: %s)", f->wanted);
    }
    pager_add(b, looks[v].role, "%s", line.buf);
    b->lines[b->count - 1].hang = in_narrow(app) ? 4 : width + 4;
}

/* Facts are shown in groups, told by their names. */
enum group { GROUP_WALLS, GROUP_MOUNTS, GROUP_LIMITS, GROUP_COUNT };
static enum group group_of(const struct isolation_fact *f)
{
    return strncmp(f->name, "mount", 5) == 0 ? GROUP_MOUNTS : strstr(f->name, "limit") ? GROUP_LIMITS : GROUP_WALLS;
}

/* Why there are no facts. */
static void no_facts(const struct inspect *in, const struct workspace *ws, struct pager_build *b)
{
    bool up = ws->info.state == SANDBOX_RUNNING, waits = in->look || !in->asked;
    const char *why = ws->info.state == SANDBOX_UNKNOWN
                          ? "it cannot be seen now: whether it runs, and how, is not known"
                      : !up            ? "it does not run: there is nothing to read"
                      : waits          ? "asking..."
                      : in->trouble[0] ? in->trouble
                                       : "its backend cannot tell";
    section(b, "Isolation, as read back");
    pager_add(b, up && in->trouble[0] && !waits ? THEME_WARN : THEME_DIM, "%s", why);
}

/* What the runtime says of its isolation. */
static void isolation(const struct inspect *in, const struct workspace *ws, struct pager_build *b)
{
    static const char *const titles[] = {"Isolation, as read back", "Mounts, as read back", "Limits, as read back"};
    int width = 8;
    size_t weaker[GROUP_COUNT] = {0}, count[GROUP_COUNT] = {0};
    for (size_t i = 0; i < in->fact_count; i++) {
        enum group g = group_of(&in->facts[i]);
        width = MT_MAX(width, utf8_columns(in->facts[i].name, strlen(in->facts[i].name)));
        weaker[g] += in->facts[i].verdict == ISOLATION_WEAKER;
        count[g]++;
    }
    width = MT_MIN(width, in_narrow(in->app) ? 1 : 26);
    if (in->fact_count == 0) {
        no_facts(in, ws, b);
    }
    for (int g = 0; g < GROUP_COUNT; g++) {
        char title[80];
        str_format(title, sizeof(title), weaker[g] ? "%s: %zu weaker than wanted" : "%s", titles[g], weaker[g]);
        if (count[g]) {
            section(b, title);
        }
        for (size_t i = 0; i < in->fact_count; i++) {
            if ((int)group_of(&in->facts[i]) == g) {
                isolation_line(in->app, b, &in->facts[i], width);
            }
        }
    }
}

/* What of its profile was put into it. */
static void provisioning(const struct app *app, const struct workspace *ws, struct pager_build *b)
{
    struct record r;
    if (!ws->sandbox[0]) {
        return;
    }
    record_load(&r, app->paths, ws->sandbox);
    const char *profile = ws->profile[0] ? ws->profile : ws->info.profile;
    const char *revision = profile[0] ? record_revision(&r, profile) : "";
    char text[200];
    if (revision[0]) {
        str_format(text, sizeof(text), "%s, revision %.16s", profile, revision);
    }
    fact(b, THEME_TEXT, "provisioned", revision[0] ? text : "");
    record_release(&r);
}

/* What it is and where it comes from. */
static void identity(const struct app *app, const struct workspace *ws, struct pager_build *b)
{
    char iso[32];
    bool other = ws->have_info && engine_has_other_folder(ws, &ws->info);
    MT_CLEANUP(xfree) char *folder = path_tilde(other ? ws->info.workspace : ws->path, app->paths->home);
    struct state_look look = glyph_workspace(app->model, ws);
    section(b, "Sandbox");
    fact(b, look.role == THEME_DIM ? THEME_TEXT : look.role, "state", look.word);
    fact(b, THEME_TEXT, "reason", ws->info.state == SANDBOX_RUNNING ? "" : ws->info.reason);
    fact(b, THEME_TEXT, "sandbox", ws->sandbox);
    char id[24], image[300];
    str_format(id, sizeof(id), "%.12s", ws->info.id); /* as runtimes take it */
    fact(b, THEME_TEXT, "id", id);
    str_format(image, sizeof(image), "%s%s%.12s", ws->info.image, ws->info.image_id[0] ? ", id " : "",
               ws->info.image_id);
    fact(b, THEME_TEXT, "image", ws->info.image[0] ? image : "");
    fact(b, THEME_WARN, "", ws->image_notice);
    fact(b, THEME_TEXT, "backend", ws->backend);
    fact(b, THEME_DIM, "", ws->backend_why);
    char wanted[400];
    wanted_backend_text(app, ws, wanted, sizeof(wanted));
    fact(b, THEME_WARN, "", wanted);
    fact(b, THEME_TEXT, "machine", ws->host);
    const struct backend_view *be = model_backend(app->model, ws->backend, ws->host);
    fact(b, THEME_TEXT, "version", be ? be->probe.version : "");
    fact(b, THEME_TEXT, "profile", ws->profile[0] ? ws->profile : ws->info.profile);
    provisioning(app, ws, b);
    char endpoint[300];
    app_inference_text(app, ws, endpoint, sizeof(endpoint));
    fact(b, THEME_TEXT, "inference", endpoint);
    fact(b, other ? THEME_WARN : THEME_TEXT, "folder", folder);
    fact(b, THEME_WARN, "", other ? "another root's project of this name: it is left alone here" : "");
    fact(b, THEME_TEXT, "mode",
         ws->info.workspace_mode == WORKSPACE_OVERLAY ? "overlay: changes wait to be applied" : "");
    if (ws->info.created_wall_ms) {
        clock_iso8601(ws->info.created_wall_ms, iso);
        fact(b, THEME_TEXT, "made", iso);
    }
    if (ws->info.state == SANDBOX_RUNNING && ws->info.started_wall_ms) {
        clock_iso8601(ws->info.started_wall_ms, iso);
        fact(b, THEME_TEXT, "up since", iso);
    }
}

/* What differs or wants to be known, with the key that cures it. */
static void trouble(const struct app *app, const struct workspace *ws, struct pager_build *b)
{
    bool stale = !ws->missing && ws->info.workspace_missing && !engine_has_other_folder(ws, &ws->info);
    const struct backend_view *be = model_backend(app->model, ws->backend, ws->host);
    if (!ws->drift && !ws->info.warning[0] && !ws->unprovisioned[0] && !stale && (!be || !be->probe.warning[0])) {
        return;
    }
    section(b, "To know");
    if (ws->drift) {
        char cure[200];
        drift_cure(app, ws, cure, sizeof(cure));
        fact(b, THEME_WARN, "changed", ws->drift_text);
        fact(b, THEME_DIM, "", cure);
    }
    fact(b, THEME_WARN, "folder", stale ? "it was replaced: programs inside see the old one until a restart" : "");
    fact(b, THEME_WARN, "unfinished", ws->unprovisioned);
    fact(b, THEME_WARN, "warning", ws->info.warning);
    /* The same is said of the sandbox and of what runs it. */
    bool told = be && strncmp(be->probe.warning, ws->info.warning, strcspn(be->probe.warning, ":")) == 0;
    fact(b, THEME_WARN, "backend", be && !told ? be->probe.warning : "");
}

/* Limits, use, ports. `facts`: the limits stand above. */
static void resources(const struct workspace *ws, bool facts, struct pager_build *b)
{
    char text[200];
    struct address a;
    if (ws->info.state != SANDBOX_RUNNING) {
        return;
    }
    section(b, facts ? "Use and ports" : "Limits and ports");
    fact(b, THEME_TEXT, "limits", facts ? "" : ws->info.limits[0] ? ws->info.limits : "none"); /* told one by one */
    if (ws->have_stats) {
        bool small = ws->stats.memory_bytes < (1u << 20);
        str_format(text, sizeof(text), "%llu %s in %u %s, %llu s of CPU time",
                   (unsigned long long)(ws->stats.memory_bytes >> (small ? 10 : 20)), small ? "KiB" : "MiB",
                   ws->stats.procs, ws->stats.procs == 1 ? "process" : "processes",
                   (unsigned long long)(ws->stats.cpu_ns / 1000000000u));
        fact(b, THEME_TEXT, "use", text);
    }
    for (size_t i = 0; address_get(ws, i, &a) == 0; i++) {
        str_format(text, sizeof(text), "%s%s%s", a.text, a.note[0] ? "  " : "", a.note);
        fact(b, THEME_TEXT, i == 0 ? "ports" : "", text);
        if (a.url[0]) {
            pager_mark_link(b, a.url);
        }
    }
    if (ws->info.pid) {
        str_format(text, sizeof(text), "pid %d on this machine", ws->info.pid);
        fact(b, THEME_TEXT, "init", ws->host[0] ? "" : text);
    }
}

/* Its sessions. */
static void sessions(const struct app *app, const struct workspace *ws, struct pager_build *b)
{
    const struct session_info *s;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        char text[700];
        if (i == 0) {
            section(b, "Sessions");
        }
        str_format(text, sizeof(text), "%s  pid %d  %dx%d  %s", s->id, s->pid, s->cols, s->rows, s->cwd);
        fact(b, THEME_TEXT, session_kind_name(s->kind), text);
        enum theme_role role = app_pressure_long(app, s, text, sizeof(text));
        fact(b, role, "", text);
    }
}

/* All of it. */
static void build(const struct inspect *in, const struct workspace *ws, struct pager_build *b)
{
    identity(in->app, ws, b);
    trouble(in->app, ws, b);
    isolation(in, ws, b);
    resources(ws, in->fact_count > 0, b);
    sessions(in->app, ws, b);
}

/* The text anew. */
static void show(struct inspect *in)
{
    const struct workspace *ws = model_workspace(in->app->model, in->ws);
    struct pager_build b = {0};
    if (in->pager && ws) {
        build(in, ws, &b);
        pager_set(in->app, in->pager, b.lines, b.count);
    }
}

/* --- asking --- */

/* The pager is closed and nothing is awaited any more. */
static void drop(struct inspect *in)
{
    if (!in->pager && !in->look) {
        free(in->facts);
        free(in);
    }
}

/* engine_look's answer. */
static void on_facts(void *arg, const struct backend_call *call, const struct error *err)
{
    struct inspect *in = arg;
    in->look = NULL;
    if (!in->pager) {
        drop(in);
        return;
    }
    free(in->facts);
    in->facts = NULL;
    in->fact_count = 0;
    str_copy(in->trouble, sizeof(in->trouble), err && err->code != ERROR_CANCELED ? err->msg : "");
    if (!err && call->fact_count) {
        in->facts = xreallocarray(NULL, call->fact_count, sizeof(*in->facts));
        in->fact_count = call->fact_count;
        memcpy(in->facts, call->facts, call->fact_count * sizeof(*in->facts));
    }
    if (in->again) {
        in->again = false;
        ask(in);
    }
    show(in);
}

/* Asks the runtime, once at a time. */
static void ask(struct inspect *in)
{
    const struct workspace *ws = model_workspace(in->app->model, in->ws);
    struct error err = ERROR_INIT;
    if (in->look) {
        in->again = true;
        return;
    }
    if (!ws || ws->info.state != SANDBOX_RUNNING) {
        in->fact_count = 0;
        return;
    }
    struct engine_look_request req = {.sandbox = ws->sandbox, .verb = BACKEND_ISOLATION, .done = on_facts, .arg = in};
    in->asked = true;
    in->trouble[0] = '\0';
    if (engine_look(in->app->engine, &req, &in->look, &err) != 0) {
        in->look = NULL;
        in->fact_count = 0;
        str_copy(in->trouble, sizeof(in->trouble), err.msg);
    }
}

/* --- pager_owner --- */

static void on_event(struct app *app, struct pager *p, void *arg, const struct model_event *ev)
{
    struct inspect *in = arg;
    (void)app;
    (void)p;
    if (ev->kind == MODEL_SANDBOX && ev->ws == in->ws) {
        ask(in);
        show(in);
    } else if (ev->ws == in->ws || ev->kind == MODEL_INFERENCE || ev->kind == MODEL_SESSION_ADDED ||
               ev->kind == MODEL_SESSION_REMOVED) {
        show(in);
    }
}

static bool on_key(struct app *app, struct pager *p, void *arg, struct key key)
{
    struct inspect *in = arg;
    (void)p;
    if (key.sym == 'r' || key.sym == 'R') {
        ask(in);
        show(in);
        return true;
    }
    if (key.sym == 'y' || key.sym == 'o') {
        app_copy_address(app, in->ws);
        return true;
    }
    return false;
}

static size_t hints(const struct app *app, void *arg, struct hint *out, size_t cap)
{
    struct inspect *in = arg;
    struct address a;
    const struct workspace *ws = model_workspace(app->model, in->ws);
    size_t n = 0;
    if (ws && address_get(ws, 0, &a) == 0 && n < cap) {
        out[n++] = (struct hint){"y", "copy address", 2, false};
    }
    if (n < cap) {
        out[n++] = (struct hint){"r", "read again", 3, ws == NULL || ws->info.state != SANDBOX_RUNNING};
    }
    return n;
}

static void closed(void *arg)
{
    struct inspect *in = arg;
    in->pager = NULL;
    if (in->look) {
        engine_look_cancel(in->look);
    } else {
        drop(in);
    }
}

void dialog_inspect(struct app *app)
{
    static const struct pager_owner owner = {.on_key = on_key, .on_event = on_event, .hints = hints, .closed = closed};
    const struct workspace *ws = app_workspace(app);
    struct pager_build b = {0};
    if (!ws) {
        return;
    }
    struct inspect *in = xcalloc(1, sizeof(*in));
    in->app = app;
    in->ws = ws->id;
    ask(in);
    build(in, ws, &b);
    struct pager_opts opts = {.title = ws->shown, .lines = b.lines, .count = b.count, .owner = &owner, .arg = in};
    in->pager = pager_show(app, &opts);
}
