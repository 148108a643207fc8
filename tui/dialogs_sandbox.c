/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked before something is done to a sandbox: with which profile, over which network, and what ends with it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

/* Which workspace a dialog is about: the selection may move while it is open. */
struct about {
    workspace_id ws;
    struct flow flow;
};

/* A heap copy for a dialog's argument. */
static struct about *about(workspace_id ws)
{
    struct about *a = xcalloc(1, sizeof(*a));
    a->ws = ws;
    return a;
}

/* --- profiles --- */

static void profile_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    struct about *a = arg;
    const struct workspace *ws = model_workspace(app->model, a->ws);
    (void)count;
    if (!ws) {
        return;
    }
    bool up = ws->info.state == SANDBOX_RUNNING;
    struct flow f = {.ws = a->ws,
                     .plan = up ? ENGINE_PROVISION : ENGINE_START,
                     .kind = SESSION_SHELL,
                     .reprovision = true,
                     .recreate = !up};
    f.then_session = app_live_sessions(app, ws->sandbox) == 0;
    str_copy(f.profile, sizeof(f.profile), choices[index].value);
    flow_run(app, &f);
    app_set_focus(app, FOCUS_MAIN);
}

void dialog_profile(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    if (!ws) {
        return;
    }
    struct choice_build b = {0};
    struct profile_entry *profiles = NULL;
    size_t n = engine_profiles(app->engine, &profiles);
    const char *mine = ws->profile[0] ? ws->profile : ws->info.profile;
    struct chooser_opts opts = {
        .on_choose = profile_choose, .arg = about(ws->id), .free_arg = free, .verb = "provision"};
    for (size_t i = 0; i < n; i++) {
        struct choice *c = choice_add(&b, profiles[i].name, profiles[i].description);
        bool now = strcmp(profiles[i].name, mine) == 0;
        c->value = xstrdup(profiles[i].name);
        c->right = now ? xstrdup("now") : profiles[i].shipped ? NULL : xstrdup("yours");
        opts.selected = now ? i : opts.selected;
    }
    profile_list_free(profiles, n);
    if (n == 0) {
        choices_free(b.v, b.count);
        free(opts.arg);
        app_warn(app, "No profiles were found");
        return;
    }
    char title[340];
    str_format(title, sizeof(title), "Profile for %s", ws->shown);
    opts.title = title;
    opts.note = "Its script runs inside the sandbox. Choosing the present one runs it again.";
    chooser_open(app, b.v, b.count, &opts);
}

/* --- stop, restart, delete --- */

/* What the marked workspaces, or the selected one, hold. */
struct tally {
    workspace_id ids[256];
    size_t count, sessions, working;
    char names[200];
};

static void count_targets(struct app *app, struct tally *t)
{
    *t = (struct tally){0};
    t->count = app_targets(app, t->ids, MT_ARRAY_LEN(t->ids));
    for (size_t i = 0; i < t->count; i++) {
        const struct workspace *ws = model_workspace(app->model, t->ids[i]);
        const struct session_info *s;
        for (size_t k = 0; (s = model_session_of(app->model, ws->sandbox, k)) != NULL; k++) {
            t->sessions += s->state == SESSION_RUNNING && tree_shows_session(s);
            t->working += s->state == SESSION_RUNNING && s->working;
        }
        if (t->count == 1) {
            str_copy(t->names, sizeof(t->names), ws->shown);
        }
    }
    if (t->count != 1) {
        str_format(t->names, sizeof(t->names), "%zu sandboxes", t->count);
    }
}

/* "1 agent is working", "2 sessions end" */
static void say_tally(const struct tally *t, char *out, size_t cap)
{
    if (t->working) {
        str_format(out, cap, "%zu of %zu %s working", t->working, t->sessions,
                   t->working == 1 ? "session is" : "sessions are");
    } else {
        str_format(out, cap, "%zu %s", t->sessions, t->sessions == 1 ? "session ends" : "sessions end");
    }
}

/* What is being brought up is to go down: nobody wants to wait until it is up first. */
static void cancel_rise(struct app *app, const struct workspace *ws)
{
    for (size_t i = model_op_count(app->model); ws && i-- > 0;) {
        const struct op_view *op = model_op_at(app->model, i);
        if (strcmp(op->sandbox, ws->sandbox) == 0 && tree_op_is_live(op) && strcmp(op->plan, "stop") != 0 &&
            strcmp(op->plan, "delete") != 0) {
            engine_cancel(app->engine, op->id);
        }
    }
}

/* Runs a plan for the workspaces that were counted. */
static void run_tally(struct app *app, const struct tally *t, enum engine_plan plan)
{
    for (size_t i = 0; i < t->count; i++) {
        cancel_rise(app, model_workspace(app->model, t->ids[i]));
        flow_run(app, &(struct flow){.ws = t->ids[i], .plan = plan});
    }
    app->marked.len = 0;
}

static void stop_yes(struct app *app, void *arg, int value)
{
    run_tally(app, arg, (enum engine_plan)value);
}

/* Asks before sessions end; does it at once when there are none. */
static void ask_down(struct app *app, const char *verb, enum engine_plan plan)
{
    struct tally t;
    count_targets(app, &t);
    if (t.count == 0) {
        return;
    }
    if (t.sessions == 0) {
        run_tally(app, &t, plan);
        return;
    }
    char what[80], title[400];
    say_tally(&t, what, sizeof(what));
    str_format(title, sizeof(title), "%s %s? %s", verb, t.names, what);
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', plan == ENGINE_STOP ? "stop" : "restart", THEME_BAD, (int)plan}},
                            .count = 1,
                            .declined = plan == ENGINE_STOP ? "Not stopped" : "Not restarted",
                            .on_answer = stop_yes,
                            .free_arg = free};
    opts.arg = xmalloc(sizeof(t));
    memcpy(opts.arg, &t, sizeof(t));
    ask_open(app, &opts);
}

void dialog_stop(struct app *app)
{
    ask_down(app, "Stop", ENGINE_STOP);
}

void dialog_restart(struct app *app)
{
    ask_down(app, "Restart", ENGINE_RESTART);
}

void dialog_delete(struct app *app)
{
    struct tally t;
    count_targets(app, &t);
    if (t.count == 0) {
        return;
    }
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    strbuf_addf(&body, "Goes:   the sandbox, and what was installed in its home%s\n", t.count == 1 ? "" : ", of each");
    if (t.sessions) {
        strbuf_addf(&body, "        %zu running %s%s\n", t.sessions, t.sessions == 1 ? "session" : "sessions",
                    t.working ? ", some of them working" : "");
    }
    const struct workspace *ws = model_workspace(app->model, t.ids[0]);
    if (t.count == 1 && tree_op_is_live(model_op(app->model, ws->op))) {
        strbuf_addf(&body, "        what is being done with it now (%s) is canceled\n",
                    model_op(app->model, ws->op)->plan);
    }
    if (t.count == 1 && !ws->missing) {
        MT_CLEANUP(xfree) char *shown = path_tilde(ws->path, app->paths->home);
        strbuf_addf(&body, "\nStays:  the project folder %s\n        provisioning starts anew the next time", shown);
    } else {
        strbuf_addstr(&body, t.count == 1 ? "\nThe project folder is gone already." : "\nStays:  every project folder");
    }
    char title[300];
    str_format(title, sizeof(title), "Delete %s?", t.names);
    struct ask_opts opts = {.title = title,
                            .body = body.buf,
                            .title_role = THEME_BAD,
                            .count = 1,
                            .declined = "Not deleted",
                            .on_answer = stop_yes,
                            .free_arg = free,
                            .answers = {{'y', "delete", THEME_BAD, ENGINE_DELETE}}};
    opts.arg = xmalloc(sizeof(t));
    memcpy(opts.arg, &t, sizeof(t));
    ask_open(app, &opts);
}

/* --- network --- */

static void network_answer(struct app *app, void *arg, int value)
{
    struct about *a = arg;
    a->flow.net = (enum net_policy)value;
    a->flow.net_given = true;
    flow_run(app, &a->flow);
}

void dialog_network(struct app *app, const struct flow *failed, const char *why)
{
    const struct workspace *ws = model_workspace(app->model, failed->ws);
    struct about *a = about(failed->ws);
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    char title[340];
    a->flow = *failed;
    strbuf_addf(
        &body,
        "%s\n\nWithout a network of its own, the sandbox can have none, or share this machine's. Sharing means that "
        "programs inside can reach "
        "every service that listens here, on localhost too. Agents that are installed from the network need one.",
        why);
    str_format(title, sizeof(title), "%s: which network?", ws ? ws->shown : failed->profile);
    struct ask_opts opts = {.title = title,
                            .body = body.buf,
                            .title_role = THEME_WARN,
                            .count = 2,
                            .on_answer = network_answer,
                            .arg = a,
                            .free_arg = free,
                            .answers = {{'n', "no network", THEME_TEXT, NET_NONE},
                                        {'s', "share this machine's network, knowing that", THEME_WARN, NET_SHARED}}};
    ask_open(app, &opts);
}
