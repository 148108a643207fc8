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
