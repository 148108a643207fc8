/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/server.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/http.h"
#include "core/io/listener.h"
#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

/* What an endpoint did while it was in sight. */
struct past {
    char name[32], place[80];
    bool visible;
    struct history history;
};

struct server {
    struct app *app;
    struct http_client *http; /* of the job; NULL: not needed so far */
    struct local_job *running;
    struct server_job job;
    struct past **pasts;
    size_t count;
    void (*listener)(void *arg);
    void *arg;
};

struct server *server_new(struct app *app)
{
    struct server *s = xcalloc(1, sizeof(*s));
    s->app = app;
    s->job.failed = ERROR_INIT;
    return s;
}

void server_quit(struct server *s)
{
    s->listener = NULL;
    server_cancel(s);
}

bool server_is_busy(const struct server *s)
{
    return s != NULL && s->job.active;
}

void server_free(struct server *s)
{
    if (s == NULL) {
        return;
    }
    if (s->http != NULL) {
        http_client_close(s->http);
    }
    free(s->job.tail);
    for (size_t i = 0; i < s->count; i++) {
        free(s->pasts[i]);
    }
    free(s->pasts);
    free(s);
}

/* --- what the endpoints did --- */

/* The past of an endpoint, wherever it stands in the list now; NULL: it has none. */
static struct past *past_of(const struct server *s, size_t endpoint)
{
    const struct inference_view *v = model_inference_at(s->app->model, endpoint);
    for (size_t i = 0; v != NULL && i < s->count; i++) {
        if (strcmp(s->pasts[i]->name, v->name) == 0 && strcmp(s->pasts[i]->place, v->endpoint) == 0) {
            return s->pasts[i];
        }
    }
    return NULL;
}

/* The same; it begins now when it has none. */
static struct past *past_make(struct server *s, size_t endpoint)
{
    const struct inference_view *v = model_inference_at(s->app->model, endpoint);
    struct past *p = past_of(s, endpoint);
    if (p == NULL && v != NULL) {
        p = xcalloc(1, sizeof(*p));
        str_copy(p->name, sizeof(p->name), v->name);
        str_copy(p->place, sizeof(p->place), v->endpoint);
        s->pasts = xreallocarray(s->pasts, s->count + 1, sizeof(*s->pasts));
        s->pasts[s->count++] = p;
    }
    return p;
}

/* Forgets those that are in the settings no more. */
static void forget_old(struct server *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool there = false;
        for (size_t k = 0; k < model_inference_count(s->app->model); k++) {
            there = there || past_of(s, k) == s->pasts[i];
        }
        if (there) {
            s->pasts[kept++] = s->pasts[i];
        } else {
            free(s->pasts[i]);
        }
    }
    s->count = kept;
}

void server_on_change(struct server *s, size_t endpoint)
{
    struct past *p = past_of(s, endpoint);
    if (endpoint >= model_inference_count(s->app->model)) {
        forget_old(s);
    } else if (p != NULL && p->visible) {
        history_take(&p->history, model_inference_at(s->app->model, endpoint), clock_mono_ms());
    }
}

void server_watch(struct server *s, const size_t *which, size_t count)
{
    engine_watch_inference(s->app->engine, which, count);
    for (size_t k = 0; k < count; k++) {
        (void)past_make(s, which[k]);
    }
    for (size_t i = 0; i < model_inference_count(s->app->model); i++) {
        struct past *p = past_of(s, i);
        bool visible = false;
        for (size_t k = 0; k < count; k++) {
            visible = visible || which[k] == i;
        }
        if (p != NULL && visible && !p->visible) { /* as it was when somebody looked last, until it is looked at */
            history_take(&p->history, model_inference_at(s->app->model, i), clock_mono_ms());
        } else if (p != NULL && !visible && p->visible) {
            history_pause(&p->history, clock_mono_ms());
        }
        if (p != NULL) {
            p->visible = visible;
        }
    }
}

void server_look(struct server *s)
{
    if (!s->app->quitting) {
        engine_watch_inference(s->app->engine, NULL, 0);
        app_sync_inference(s->app);
    }
}

const struct history *server_history(const struct server *s, size_t endpoint)
{
    const struct past *p = past_of(s, endpoint);
    return p != NULL ? &p->history : NULL;
}

/* --- the job --- */

/* Whoever shows it. */
static void tell(struct server *s)
{
    if (s->listener != NULL) {
        s->listener(s->arg);
    }
    if (!s->app->quitting) {
        app_dirty(s->app);
    }
}

/* local_job: news. When it begins to answer, or answers otherwise, the header is to know it soon. */
static void on_progress(void *arg, const char *step, const char *text)
{
    struct server *s = arg;
    size_t word = strcspn(text, ",");
    bool other =
        strcmp(step, s->job.step) != 0 || word != strcspn(s->job.text, ",") || strncmp(text, s->job.text, word) != 0;
    if (strcmp(step, s->job.step) != 0 && s->job.text[0] != '\0' &&
        (strcmp(s->job.step, "stop") == 0 || strcmp(s->job.step, "start") == 0)) {
        size_t at = strlen(s->job.over);
        str_format(s->job.over + at, sizeof(s->job.over) - at, "%s%s", at > 0 ? " " : "", s->job.step);
    }
    str_copy(s->job.step, sizeof(s->job.step), step);
    str_copy(s->job.text, sizeof(s->job.text), text);
    if (other) {
        server_look(s);
        tell(s);
    } else if (!s->app->quitting) {
        app_dirty(s->app);
    }
}

/* What was done, in the bottom line. */
static void say_done(struct server *s, const struct local_done *d)
{
    const char *exe = d->server->runtime->exe;
    if (d->started && !listener_is_local(d->want->host)) {
        app_warn(s->app, "%s runs with %s and listens on %s: whoever reaches this machine there can use it", exe,
                 d->want->model, d->want->host);
    } else if (d->started) {
        app_say(s->app, "%s runs with %s: %s", exe, d->want->model, d->state);
    } else if (d->already) {
        app_say(s->app, "%s runs already, as process %d", exe, d->server->pid);
    } else if (d->stopped) {
        app_say(s->app, "%s%s", exe,
                d->killed ? " had to be killed: it did not end when it was asked to" : " was stopped");
    } else {
        app_say(s->app, "%s does not run", exe);
    }
}

/* local_done_fn */
static void on_done(void *arg, const struct local_done *d, const struct error *err)
{
    struct server *s = arg;
    s->running = NULL;
    s->job.active = s->job.canceling = false;
    if (!s->app->quitting && err == NULL) {
        say_done(s, d);
    } else if (!s->app->quitting && err->code == ERROR_CANCELED) {
        app_say(s->app, "%s", err->msg);
    } else if (!s->app->quitting) {
        s->job.failed = *err;
        s->job.tail = d->tail[0] != '\0' ? xstrdup(d->tail) : NULL;
        app_fail(s->app, err);
    }
    server_look(s);
    tell(s);
    if (s->app->quitting) {
        app_quit_on(s->app);
    }
}

const struct server_job *server_job(const struct server *s)
{
    return &s->job;
}

int server_run(struct server *s, enum local_verb verb, const struct local_request *req,
               const struct local_runtime *runtime, const char *what, struct error *err)
{
    struct app *app = s->app;
    if (s->job.active) {
        return error_set(err, ERROR_BUSY, "one thing at a time: %s", s->job.what);
    }
    if (s->http == NULL) {
        s->http = http_client_new(app->loop);
    }
    struct local_job_opts opts = {.loop = app->loop,
                                  .http = s->http,
                                  .paths = app->paths,
                                  .config = &app->config,
                                  .verb = verb,
                                  .request = req != NULL ? *req : (struct local_request){0},
                                  .runtime = runtime,
                                  .wait = true,
                                  .progress = on_progress,
                                  .done = on_done,
                                  .arg = s};
    server_put_away(s);
    s->job.verb = verb;
    s->job.step[0] = s->job.text[0] = s->job.over[0] = '\0';
    s->job.since_ms = clock_mono_ms();
    str_copy(s->job.what, sizeof(s->job.what), what);
    if (local_job_start(&s->running, &opts, err) < 0) {
        s->job.failed = *err;
        return -1;
    }
    s->job.active = true;
    tell(s);
    return 0;
}

void server_cancel(struct server *s)
{
    if (s->job.active && !s->job.canceling) {
        s->job.canceling = true;
        local_job_cancel(s->running);
    }
}

void server_put_away(struct server *s)
{
    free(s->job.tail);
    s->job.tail = NULL;
    s->job.failed = ERROR_INIT;
}

void server_listen(struct server *s, void (*fn)(void *arg), void *arg)
{
    s->listener = fn;
    s->arg = arg;
}

void server_text(const struct server *s, char *out, size_t cap)
{
    static const char *const doing[] = {
        [LOCAL_START] = "starting", [LOCAL_STOP] = "stopping", [LOCAL_RESTART] = "restarting"};
    out[0] = '\0';
    if (s != NULL && s->job.active) {
        str_format(out, cap, "%s %s", s->job.canceling ? "canceling" : doing[s->job.verb], s->job.what);
    }
}
