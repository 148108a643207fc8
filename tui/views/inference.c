/* SPDX-License-Identifier: Apache-2.0 */
/* The inference servers in a view of their own: state, graphs, presets, start and stop, log. What is slow to find out
 * (who listens, whose process it is) is looked at outside of painting, and only when something has changed; nothing of
 * it goes on when the view is closed but the job that starts or stops a server (server.h). */
#include "tui/views/inference.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/env.h"
#include "core/model/config_inference.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* --- what it shows --- */

const struct inference_view *inference_of(const struct inference_panel *p)
{
    const struct inference_view *v = model_inference_at(p->app->model, p->endpoint);
    return v != NULL ? v : model_inference_at(p->app->model, 0);
}

/* Host and port of the endpoint. */
static int64_t place_of(const struct inference_panel *p, char host[80])
{
    str_copy(host, 80, inference_of(p)->endpoint);
    char *colon = strrchr(host, ':');
    int64_t port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
    if (colon != NULL) {
        *colon = '\0';
    }
    size_t n = strlen(host);
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    return port;
}

const struct local_server *inference_ours(const struct inference_panel *p)
{
    char host[80];
    int64_t port = place_of(p, host);
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        const struct local_server *s = &p->local[i];
        bool here = config_inference_is_loopback(host) || strcmp(host, s->host) == 0;
        if (s->pid_state == LOCAL_RUNS && here && (s->port != 0 ? s->port : p->app->config.server_port) == port) {
            return s;
        }
    }
    return NULL;
}

const struct local_server *inference_shown(const struct inference_panel *p)
{
    const char *usual = env_runtime(p->app->paths);
    const struct local_server *best = &p->local[0];
    int rank = -1;
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        const struct local_server *s = &p->local[i];
        int now = s->pid_state == LOCAL_RUNS             ? 3
                  : s->pid_state != LOCAL_NONE           ? 2
                  : strcmp(s->runtime->name, usual) == 0 ? 1
                                                         : 0;
        if (now > rank) {
            rank = now;
            best = s;
        }
    }
    return best;
}

/* The server of this machine that runs, whatever endpoint it is; or NULL. */
static const struct local_server *running(const struct inference_panel *p)
{
    const struct local_server *s = inference_shown(p);
    return s->pid_state == LOCAL_RUNS ? s : NULL;
}

bool preset_is_running(const struct inference_panel *p, const struct preset *preset)
{
    const struct local_server *s = running(p);
    return s != NULL && s->preset[0] != '\0' &&
           strcmp(s->preset, preset->twin != NULL ? preset->file : preset->name) == 0;
}

/* --- looking --- */

static void on_presets(void *arg, const char *name)
{
    struct inference_panel *p = arg;
    (void)name;
    timer_start(p->look, 100); /* an editor writes in several steps */
}

/* timer: files, processes, ports. */
static void on_look(void *arg)
{
    struct inference_panel *p = arg;
    struct app *app = p->app;
    const struct inference_view *v = inference_of(p);
    MT_CLEANUP(xfree) char *dir = path_join(app->paths->config, "provider.d");
    char host[80];
    int64_t port = place_of(p, host);
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_server_release(&p->local[i]);
        local_look(&p->local[i], app->paths, &local_runtimes[i]);
    }
    presets_release(&p->presets);
    presets_load(&p->presets, app->paths);
    p->at = p->presets.count > 0 ? MT_MIN(p->at, p->presets.count - 1) : 0;
    if (p->presets_watch == NULL && fs_is_dir(dir)) {
        p->presets_watch = dirwatch_new(app->loop, dir, on_presets, p, NULL);
    }
    for (size_t i = 0; i < p->presets.count && !p->looked; i++) { /* at first: what runs, else one that can be used */
        bool better = p->presets.v[p->at].error.code != ERROR_NONE && p->presets.v[i].error.code == ERROR_NONE;
        p->at = better || preset_is_running(p, &p->presets.v[i]) ? i : p->at;
    }
    p->exposed[0] = p->holder[0] = '\0';
    if (config_inference_is_loopback(host) && v->state != INFERENCE_DOWN && v->state != INFERENCE_UNSEEN) {
        const struct local_server *ours = inference_ours(p);
        local_port(ours != NULL ? ours->host : "", port, p->exposed, p->holder);
    }
    p->seen = v->state;
    p->seen_since_ms = v->since_ms;
    p->looked = true;
    log_tail_follow(&p->log, inference_shown(p));
    app_dirty(app);
}

/* timer: ages and graphs move on while they are in sight, as often as that can be seen. */
static void on_beat(void *arg)
{
    struct inference_panel *p = arg;
    struct inference_places at;
    enum inference_state state = inference_of(p)->state;
    inference_place(p, (struct rect){0, 0, p->app->cols, p->app->rows - 1}, &at);
    bool moves = at.rate.h > 0 && (state == INFERENCE_READY || state == INFERENCE_LOADING);
    app_dirty(p->app);
    timer_start(p->beat, moves || state == INFERENCE_LOADING ? (uint64_t)MT_MAX(at.seconds, 1) * 1000 : 10000);
}

/* server.h: the job is a step further, or over. */
static void on_job(void *arg)
{
    struct inference_panel *p = arg;
    timer_start(p->look, 0);
}

/* --- starting and stopping --- */

struct wish {
    struct inference_panel *p; /* lies below the question */
    enum local_verb verb;
    const struct local_runtime *runtime;
    char preset[300], what[200];
};

/* Does it, or says why not. */
static void carry_out(struct app *app, const struct wish *w)
{
    struct local_request req = {.preset = w->preset[0] != '\0' ? w->preset : NULL};
    struct error err = ERROR_INIT;
    if (server_run(app->server, w->verb, &req, w->runtime, w->what, &err) < 0) {
        app_fail(app, &err);
        timer_start(w->p->look, 0);
    }
}

static void on_answer(struct app *app, void *arg, int value)
{
    (void)value;
    carry_out(app, arg);
}

/* Agents whose programs run. */
static size_t agents(const struct app *app)
{
    size_t n = 0;
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        const struct session_info *s = model_session_at(app->model, i);
        const struct workspace *ws = model_workspace_by_sandbox(app->model, s->sandbox);
        n += s->kind == SESSION_AGENT && s->state == SESSION_RUNNING && model_inference_index(app->model, ws) == 0;
    }
    return n;
}

/* Who uses it: "2 slots are busy, 3 agents run", or "". */
static void users_text(const struct app *app, char *out, size_t cap)
{
    const struct inference_view *v = model_inference_at(app->model, 0);
    int busy = MT_MAX(v->slots_busy, v->running);
    size_t n = agents(app);
    char also[48] = "";
    out[0] = '\0';
    if (n > 0) {
        str_format(also, sizeof(also), "%zu agent%s", n, n == 1 ? " runs" : "s run");
    }
    if (v->state == INFERENCE_READY && busy > 0) {
        str_format(out, cap, "%d request%s being answered%s%s", busy, busy == 1 ? " is" : "s are", n > 0 ? ", " : "",
                   also);
    } else {
        str_copy(out, cap, also);
    }
}

/* Does it at once, or asks first: `question` without its mark, NULL: only when somebody uses the server. */
static void ask_for(struct inference_panel *p, const struct wish *wish, const char *question)
{
    char users[120], title[400];
    users_text(p->app, users, sizeof(users));
    bool ends = running(p) != NULL && wish->verb != LOCAL_START;
    if (question == NULL && (!ends || users[0] == '\0')) {
        carry_out(p->app, wish);
        return;
    }
    str_format(title, sizeof(title), "%s%s?%s%s",
               question != NULL           ? question
               : wish->verb == LOCAL_STOP ? "Stop "
                                          : "Restart ",
               question != NULL ? "" : wish->what, users[0] != '\0' ? " " : "", users);
    struct wish *w = xcalloc(1, sizeof(*w));
    *w = *wish;
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', "yes", THEME_TEXT, 1}},
                            .count = 1,
                            .declined = "Left as it is",
                            .on_answer = on_answer,
                            .arg = w,
                            .free_arg = free};
    ask_open(p->app, &opts);
}

/* Starts with the selected preset; without one as it ran last. */
static void start(struct inference_panel *p)
{
    const struct preset *preset = p->at < p->presets.count ? &p->presets.v[p->at] : NULL;
    const struct local_server *runs = running(p);
    struct wish w = {.p = p, .verb = LOCAL_START};
    if (preset != NULL && preset->error.code != ERROR_NONE) {
        app_say(p->app, "%s cannot be used: %s", preset->file, preset->error.msg);
        return;
    }
    if (preset != NULL) {
        str_copy(w.preset, sizeof(w.preset), preset->twin != NULL ? preset->file : preset->name);
    }
    str_format(w.what, sizeof(w.what), preset != NULL ? "the server with %s" : "the server", w.preset);
    if (preset != NULL && runs != NULL && preset_is_running(p, preset)) {
        app_say(p->app, "%s runs with %s already; r restarts it", runs->runtime->exe, w.preset);
        return;
    }
    if (runs == NULL) {
        ask_for(p, &w, NULL);
        return;
    }
    char question[300];
    str_format(question, sizeof(question), "%s runs with %s. Stop it and start %s", runs->runtime->exe,
               runs->preset[0] != '\0'  ? runs->preset
               : runs->model[0] != '\0' ? runs->model
                                        : "another model",
               preset != NULL ? w.preset : "it again");
    w.verb = LOCAL_RESTART;
    ask_for(p, &w, question);
}

/* Stops or restarts what runs here. */
static void stop(struct inference_panel *p, enum local_verb verb)
{
    const struct local_server *s = inference_shown(p);
    struct wish w = {.p = p, .verb = verb, .runtime = s->runtime};
    str_copy(w.what, sizeof(w.what), s->runtime->exe);
    if (s->pid_state != LOCAL_RUNS && verb == LOCAL_STOP) {
        const struct inference_view *v = inference_of(p);
        if (p->holder[0] != '\0' && v->state != INFERENCE_DOWN) {
            app_say(p->app, "It was not started here, so it is not stopped here: %s", p->holder);
        } else if (s->note[0] == '\0') {
            app_say(p->app, "No inference server that was started here runs");
        } else {
            carry_out(p->app, &w); /* tidies up, or says why it may not */
        }
        return;
    }
    ask_for(p, &w, NULL);
}

/* --- keys --- */

/* Another endpoint. */
static void go_endpoint(struct inference_panel *p, int by)
{
    size_t count = model_inference_count(p->app->model);
    if (count > 1) {
        p->endpoint = (p->endpoint + count + (size_t)(by + (int)count)) % count;
        p->looked = false;
        timer_start(p->look, 0);
        timer_start(p->beat, 1000);
    }
}

/* Another preset. */
static void go(struct inference_panel *p, long to)
{
    p->at = p->presets.count > 0 ? (size_t)MT_MAX(MT_MIN(to, (long)p->presets.count - 1), 0L) : 0;
    app_dirty(p->app);
}

/* Keys that move. True: it was one. */
static bool move_key(struct inference_panel *p, struct key key)
{
    switch (key.sym) {
    case 'j':
    case KEYSYM_DOWN:
        go(p, (long)p->at + 1);
        return true;
    case 'k':
    case KEYSYM_UP:
        go(p, (long)p->at - 1);
        return true;
    case 'g':
    case KEYSYM_HOME:
        go(p, 0);
        return true;
    case 'G':
    case KEYSYM_END:
        go(p, 1000000);
        return true;
    case KEYSYM_PGDN:
        go(p, (long)p->at + 8);
        return true;
    case KEYSYM_PGUP:
        go(p, (long)p->at - 8);
        return true;
    case KEYSYM_TAB:
    case KEYSYM_RIGHT:
        go_endpoint(p, key.mods & KEYMOD_SHIFT ? -1 : 1);
        return true;
    case KEYSYM_LEFT:
        go_endpoint(p, -1);
        return true;
    default:
        return false;
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct inference_panel *p = (struct inference_panel *)o;
    if (move_key(p, key)) {
        app_dirty(app);
        return;
    }
    switch (key.sym) {
    case KEYSYM_ESCAPE:
    case 'q':
    case 'e':
        overlay_close(app, o);
        break;
    case KEYSYM_ENTER:
    case 'S':
        start(p);
        break;
    case 's':
        stop(p, LOCAL_STOP);
        break;
    case 'r':
        stop(p, LOCAL_RESTART);
        break;
    case 'c':
        server_cancel(app->server);
        break;
    case 'd':
        server_put_away(app->server);
        break;
    case 'l':
        dialog_server_log(app, inference_shown(p));
        break;
    case 'z':
        p->zoom = (p->zoom + 1) % 4;
        break;
    case 'R':
        server_look(app->server);
        timer_start(p->look, 0);
        break;
    default:
        break;
    }
    app_dirty(app);
}

/* overlay_ops.on_mouse */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct inference_panel *p = (struct inference_panel *)o;
    struct inference_places at;
    inference_place(p, (struct rect){0, 0, app->cols, app->rows - 1}, &at);
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        go(p, (long)p->at + (ev->button == MOUSE_WHEEL_UP ? -1 : 1));
    } else if (rect_has(at.presets, ev->col, ev->row) && ev->row > at.presets.y) {
        size_t row = inference_top(p, inference_rows(p, at.presets)) + (size_t)(ev->row - at.presets.y - 1);
        go(p, row < p->presets.count ? (long)row : (long)p->at);
    }
}

/* overlay_ops.on_event */
static void on_event(struct app *app, struct overlay *o, const struct model_event *ev)
{
    struct inference_panel *p = (struct inference_panel *)o;
    const struct inference_view *v;
    if (ev->kind != MODEL_INFERENCE) {
        return;
    }
    p->endpoint = p->endpoint < model_inference_count(app->model) ? p->endpoint : 0;
    v = inference_of(p);
    if (v->state != p->seen || v->since_ms != p->seen_since_ms) {
        timer_start(p->look, 0); /* another server, or none: who it is may have changed */
        timer_start(p->beat, 1000);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    const struct inference_panel *p = (const struct inference_panel *)o;
    const struct server_job *job = server_job(app->server);
    bool usable = p->at < p->presets.count && p->presets.v[p->at].error.code == ERROR_NONE;
    bool runs = p->looked && running(p) != NULL;
    const struct hint table[] = {
        {"Enter", "start", 1, job->active || (p->presets.count > 0 && !usable)},
        {"s", "stop", 2, job->active || !runs},
        {"r", "restart", 3, job->active || !runs},
        {"c", "cancel", 1, !job->active},
        {"l", "log", 4, false},
        {"Tab", "next server", 5, model_inference_count(app->model) < 2},
        {"z", "span", 7, false},
        {"j/k", "preset", 6, p->presets.count < 2},
        {"d", "put away", 2, job->failed.code == ERROR_NONE},
        {"Esc", "close", 0, false},
    };
    size_t n = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(table) && n < cap; i++) {
        bool now = table[i].chord[0] == 'c' || table[i].chord[0] == 'd' || table[i].chord[0] == 'T';
        if (!now || !table[i].off) { /* what only sometimes means something */
            out[n++] = table[i];
        }
    }
    return n;
}

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct inference_panel *p = (struct inference_panel *)o;
    p->app->all_inference--;
    server_listen(p->app->server, NULL, NULL);
    timer_close(p->look);
    timer_close(p->beat);
    dirwatch_close(p->presets_watch);
    log_tail_release(&p->log);
    presets_release(&p->presets);
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_server_release(&p->local[i]);
    }
}

static const struct overlay_ops inference_ops = {.name = "inference",
                                                 .draw = inference_draw,
                                                 .on_key = on_key,
                                                 .on_mouse = on_mouse,
                                                 .release = release,
                                                 .hints = hints,
                                                 .on_event = on_event};

void dialog_inference(struct app *app)
{
    for (struct overlay *o = app->overlay; o; o = o->below) {
        if (o->ops == &inference_ops) {
            return; /* from the palette above it */
        }
    }
    struct inference_panel *p = xcalloc(1, sizeof(*p));
    p->base.ops = &inference_ops;
    p->base.lit = true; /* it covers what lies below */
    p->app = app;
    p->log.app = app;
    p->log.part[0] = p->log.part[1] = STRBUF_INIT;
    p->endpoint = model_inference_index(app->model, app_workspace(app));
    p->look = timer_new(app->loop, on_look, p);
    p->beat = timer_new(app->loop, on_beat, p);
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        p->local[i].runtime = &local_runtimes[i];
    }
    app->all_inference++;
    server_listen(app->server, on_job, p);
    timer_start(p->look, 0);
    timer_start(p->beat, 1000);
    overlay_push(app, &p->base);
}
