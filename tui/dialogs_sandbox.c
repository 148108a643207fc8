/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked before something is done to a sandbox: with which profile, over which network, and what ends with it.
 */
#include <stdlib.h>
#include <string.h>

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

/* Restarted with the new settings, or the script only: then it is watched. */
static void differ_answer(struct app *app, void *arg, int value)
{
    struct about *a = arg;
    a->flow.plan = (enum engine_plan)value;
    a->flow.recreate = value == ENGINE_RESTART;
    a->flow.as_is = value == ENGINE_PROVISION;
    flow_run(app, &a->flow);
    app_select_workspace(app, a->ws);
    app_set_focus(app, FOCUS_MAIN);
}

/* What differs, and what a restart would end. */
static void say_differences(const struct app *app, const struct workspace *ws, const struct flow *f,
                            const struct engine_comparison *c, struct strbuf *body)
{
    if (c->differences.len > 0) {
        strbuf_addf(body, "%s wants other settings than %s runs with:\n", f->profile, ws->shown);
    }
    for (size_t i = 0; i < c->differences.len; i++) {
        strbuf_addf(body, "  %s\n", c->differences.v[i]);
    }
    if (c->lacks_network) {
        strbuf_addf(body, "%sThe script of %s needs a network, and %s has none now.\n", body->len > 0 ? "\n" : "",
                    f->profile, ws->shown);
    }
    size_t live = app_live_sessions(app, ws->sandbox);
    strbuf_addstr(body, "\nA restart gives it what is wanted");
    if (live > 0) {
        strbuf_addf(body, " and ends %zu running %s", live, live == 1 ? "session" : "sessions");
    }
    strbuf_addstr(body, c->keeps_home ? ". Its private home and the project folder stay."
                                      : ". The project folder stays; what was installed inside goes.");
}

/* A running sandbox that the profile wants otherwise: asks, and returns true. Nobody's network is cut, and no session
 * ended, without a word. */
static bool ask_differences(struct app *app, const struct workspace *ws, const struct flow *f)
{
    struct engine_comparison c;
    struct error err = ERROR_INIT;
    int rc = engine_compare(app->engine, ws->sandbox, f->profile, &c, &err);
    bool differs = rc == 0 && (c.differences.len > 0 || c.lacks_network);
    if (rc < 0) {
        app_fail(app, &err);
    } else if (differs) {
        struct about *a = about(ws->id);
        MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
        char title[400];
        a->flow = *f;
        say_differences(app, ws, f, &c, &body);
        str_format(title, sizeof(title), "%s with profile %s", ws->shown, f->profile);
        const char *keep = !c.has_script     ? "keep it as it is, and note the profile"
                           : c.lacks_network ? "only run the script in it as it is, without a network"
                                             : "only run the script in it as it is";
        struct ask_opts opts = {.title = title,
                                .body = body.buf,
                                .title_role = THEME_WARN,
                                .count = 2,
                                .on_answer = differ_answer,
                                .arg = a,
                                .free_arg = free,
                                .answers = {{'r', "restart it now with the new settings", THEME_WARN, ENGINE_RESTART},
                                            {'s', keep, THEME_TEXT, ENGINE_PROVISION}}};
        ask_open(app, &opts);
    }
    engine_comparison_release(&c);
    return rc < 0 || differs;
}

static void profile_choose(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index)
{
    struct about *a = arg;
    const struct workspace *ws = model_workspace(app->model, a->ws);
    (void)count;
    if (!ws) {
        return;
    }
    bool up = ws->info.state == SANDBOX_RUNNING;
    struct flow f = {
        .ws = a->ws, .plan = up ? ENGINE_PROVISION : ENGINE_START, .kind = SESSION_SHELL, .reprovision = true};
    f.then_session = app_live_sessions(app, ws->sandbox) == 0;
    str_copy(f.profile, sizeof(f.profile), choices[index].value);
    if (up && ask_differences(app, ws, &f)) {
        return;
    }
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
    /* Searchable: who types a name and Enter gets that one, and not the one that happened to be selected. */
    struct chooser_opts opts = {
        .on_choose = profile_choose, .arg = about(ws->id), .free_arg = free, .verb = "provision", .searchable = true};
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
