/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/links.h"
#include "core/inference/apikey.h"
#include "core/model/config_inference.h"
#include "core/util/clock.h"
#include "core/util/xmalloc.h"

#define KEY_VARIABLE "MUTHR_SERVER_KEY"
#define LINKS_MS 1000 /* connections are counted no more often while nothing changes but an agent's screen */

/* --- keys --- */

/* The key that the environment held when it was asked for first; NULL: none. */
static const struct apikey *kept_key(struct engine *e, const char *variable, struct error *err)
{
    for (struct endpoint_key *k = e->keys; k != NULL; k = k->next) {
        if (strcmp(k->variable, variable) == 0) {
            return k->key;
        }
    }
    if (variable[0] == '\0' || getenv(variable) == NULL) {
        return NULL;
    }
    struct endpoint_key *k = xcalloc(1, sizeof(*k));
    str_copy(k->variable, sizeof(k->variable), variable);
    k->key = xcalloc(1, sizeof(*k->key));
    (void)apikey_read(k->key, variable, NULL, err);
    (void)unsetenv(variable);
    k->next = e->keys;
    e->keys = k;
    return k->key;
}

/* The key of an endpoint; one that cannot be used is a problem, and none is sent then. */
static void read_key(struct engine *e, const struct endpoint *ep, struct apikey *out)
{
    struct error err = ERROR_INIT;
    const struct apikey *kept = kept_key(e, ep->key_env, &err);
    memset(out, 0, sizeof(*out));
    if (kept != NULL) {
        *out = *kept;
    } else {
        MT_CLEANUP(xfree) char *file = path_expand(ep->key_file, e->opts.paths->home);
        (void)apikey_read(out, NULL, file, &err);
    }
    if (err.code != ERROR_NONE) {
        model_problem(e->opts.model, "key of the inference server%s%s: %s", ep->name[0] != '\0' ? " " : "", ep->name,
                      err.msg);
    }
}

/* --- life --- */

uint16_t endpoints_local_port(const struct endpoint *ep)
{
    return config_inference_is_loopback(ep->host) && ep->port > 0 && ep->port <= UINT16_MAX ? (uint16_t)ep->port : 0;
}

/* Which sandboxes have connections to it, for telling whose a busy slot is. */
static void note_links(struct endpoint *ep)
{
    struct model *m = ep->e->opts.model;
    ep->linked_ms = clock_mono_ms();
    for (size_t i = 0; i < model_workspace_count(m); i++) {
        const struct workspace *ws = model_workspace_at(m, i);
        char gateway[64];
        bool reachable;
        if (ws->info.state != SANDBOX_RUNNING || model_inference_index(m, ws) != ep->index) {
            continue;
        }
        env_gateway(ep->e->opts.config, ws->info.net, ws->info.gateway, gateway, &reachable);
        bool loopback = config_inference_is_loopback(ep->host);
        const char *host = loopback ? gateway : ep->host;
        bool own = ws->info.net == NET_FULL || ws->info.net == NET_MODEL;
        bool here = ws->host[0] == '\0' && ws->info.net_known && own && (reachable || !loopback);
        model_set_links(m, ws->id, here ? links_count(ws->info.pid, host, (uint16_t)ep->port) : -1);
    }
}

/* What is known of an endpoint has changed. */
static void on_changed(void *arg, const struct inference_view *view)
{
    struct endpoint *ep = arg;
    if (!ep->retired) {
        if (view->has_slots && view->slots_busy > 0) {
            note_links(ep);
        }
        model_put_inference(ep->e->opts.model, ep->index, view);
    }
}

/* Makes one; it asks nothing yet. */
static struct endpoint *endpoint_new(struct engine *e, const struct config_inference *entry)
{
    struct endpoint *ep = xcalloc(1, sizeof(*ep));
    struct apikey key;
    char host[80];
    ep->e = e;
    ep->name = entry != NULL ? entry->name : "";
    ep->key_env = entry != NULL ? entry->key_env : KEY_VARIABLE;
    ep->key_file = entry != NULL ? entry->key_file : e->opts.config->server_key_file;
    ep->host = entry != NULL ? entry->host : "127.0.0.1";
    ep->port = entry != NULL ? entry->port : e->opts.config->server_port;
    read_key(e, ep, &key);
    bool v6 = strchr(ep->host, ':') != NULL;
    str_format(host, sizeof(host), "%s%s%s", v6 ? "[" : "", ep->host, v6 ? "]" : "");
    struct watcher_opts opts = {.loop = e->opts.loop,
                                .http = e->http,
                                .host = host,
                                .port = ep->port,
                                .key = key.text,
                                .changed = on_changed,
                                .arg = ep};
    ep->watcher = watcher_new(&opts);
    apikey_clear(&key);
    return ep;
}

static void make_list(struct engine *e, struct endpoint **old, size_t old_count);

/* The first look at the default endpoint is over. */
static void on_first_look(void *arg, const struct inference_view *view)
{
    struct engine *e = arg;
    (void)view;
    e->first_look = NULL;
    e->pending--;
    engine_settle(e);
}

void endpoints_open(struct engine *e)
{
    make_list(e, NULL, 0);
    e->first_look = watcher_look(e->endpoints[0]->watcher, on_first_look, e);
    e->pending++;
}

void endpoints_hide(struct engine *e)
{
    engine_watch_inference(e, NULL, 0);
}

void endpoints_free(struct engine *e)
{
    for (size_t i = 0; i < e->endpoint_count; i++) {
        e->endpoints[i]->next = e->retired;
        e->retired = e->endpoints[i];
    }
    free(e->endpoints);
    for (struct endpoint *ep = e->retired, *next; ep != NULL; ep = next) {
        next = ep->next;
        watcher_close(ep->watcher);
        free(ep);
    }
    for (struct endpoint_key *k = e->keys, *next; k != NULL; k = next) {
        next = k->next;
        apikey_clear(k->key);
        free(k->key);
        free(k);
    }
}

/* --- which --- */

struct endpoint *endpoints_for(const struct engine *e, const char *project, const char *profile)
{
    size_t i = config_inference_find(e->rules, e->rule_count, project, profile);
    return e->endpoints[i < e->endpoint_count ? i : 0];
}

struct endpoint *endpoints_of(const struct engine *e, const char *sandbox)
{
    return e->endpoints[model_inference_index(e->opts.model, model_workspace_by_sandbox(e->opts.model, sandbox))];
}

void endpoints_stir(struct engine *e, const char *sandbox)
{
    struct endpoint *ep = endpoints_of(e, sandbox);
    watcher_poke(ep->watcher);
    if (ep->visible && watcher_view(ep->watcher)->slots_busy > 0 && clock_mono_ms() - ep->linked_ms >= LINKS_MS) {
        note_links(ep);
    }
}

void endpoints_sandbox(struct engine *e, const struct workspace *ws)
{
    struct endpoint *ep = e->endpoints[model_inference_index(e->opts.model, ws)];
    if (ep->visible && watcher_view(ep->watcher)->slots_busy > 0) {
        note_links(ep);
    }
}

/* --- who looks --- */

void engine_watch_inference(struct engine *e, const size_t *which, size_t count)
{
    for (size_t i = 0; i < e->endpoint_count; i++) {
        bool visible = false;
        for (size_t k = 0; k < count && !e->closing; k++) {
            visible = visible || which[k] == i;
        }
        if (e->endpoints[i]->visible != visible) {
            e->endpoints[i]->visible = visible;
            model_watch_inference(e->opts.model, i, visible);
            watcher_show(e->endpoints[i]->watcher, visible);
        }
    }
}

/* Somebody who waits for a look. */
struct question {
    struct engine *e;
    void (*done)(void *arg);
    void *arg;
};

/* watcher_look_fn */
static void on_answer(void *arg, const struct inference_view *view)
{
    struct question q = *(struct question *)arg;
    (void)view;
    free(arg);
    q.e->pending--;
    q.done(q.arg);
    engine_settle(q.e);
}

bool engine_ask_inference(struct engine *e, const char *sandbox, void (*done)(void *arg), void *arg)
{
    struct watcher *watcher = endpoints_of(e, sandbox)->watcher;
    if (e->closing || watcher_is_fresh(watcher, INFERENCE_FRESH_MS)) {
        return false;
    }
    struct question *q = xcalloc(1, sizeof(*q));
    *q = (struct question){.e = e, .done = done, .arg = arg};
    e->pending++;
    watcher_look(watcher, on_answer, q);
    return true;
}

/* --- other settings --- */

/* Is it what that entry describes? A key file is not read again as long as it is the same one. */
static bool is_same(const struct engine *e, const struct endpoint *ep, const struct config_inference *entry)
{
    if (entry == NULL) {
        return ep->name[0] == '\0' && ep->port == e->opts.config->server_port &&
               strcmp(ep->key_file, e->opts.config->server_key_file) == 0;
    }
    return strcmp(ep->name, entry->name) == 0 && strcmp(ep->host, entry->host) == 0 && ep->port == entry->port &&
           strcmp(ep->key_file, entry->key_file) == 0 && strcmp(ep->key_env, entry->key_env) == 0;
}

/* Where the programs of each sandbox are told to go: "gpu (10.0.0.5:8080)". */
static void note_places(const struct engine *e, struct strvec *out)
{
    for (size_t i = 0; i < model_workspace_count(e->opts.model); i++) {
        const struct inference_view *v = model_inference_for(e->opts.model, model_workspace_at(e->opts.model, i));
        strvec_pushf(out, "%s (%s)", v->name, v->endpoint);
    }
}

/* The endpoint that there was for it, taken out of the list; else a new one. */
static struct endpoint *take_or_make(struct engine *e, struct endpoint **old, size_t count,
                                     const struct config_inference *entry)
{
    for (size_t i = 0; i < count; i++) {
        struct endpoint *ep = old[i];
        if (ep != NULL && is_same(e, ep, entry)) {
            old[i] = NULL;
            return ep;
        }
    }
    return endpoint_new(e, entry);
}

/* The list that the configuration asks for, with those of the old one that are still right. */
static void make_list(struct engine *e, struct endpoint **old, size_t old_count)
{
    const struct config *c = e->opts.config;
    e->endpoint_count = c->inference_count + 1;
    e->endpoints = xcalloc(e->endpoint_count, sizeof(struct endpoint *));
    e->rules = c->inference;
    e->rule_count = c->inference_count;
    model_set_inference(e->opts.model, c);
    for (size_t i = 0; i < e->endpoint_count; i++) {
        e->endpoints[i] = take_or_make(e, old, old_count, i > 0 ? &c->inference[i - 1] : NULL);
        e->endpoints[i]->index = i;
        model_watch_inference(e->opts.model, i, e->endpoints[i]->visible);
        e->endpoints[i]->model_name = i > 0 ? c->inference[i - 1].model : NULL;
    }
}

void engine_reload_inference(struct engine *e, struct strvec *moved)
{
    MT_CLEANUP(strvec) struct strvec before = STRVEC_INIT, after = STRVEC_INIT;
    struct endpoint **old = e->endpoints;
    size_t old_count = e->endpoint_count;
    if (e->closing) {
        return;
    }
    note_places(e, &before);
    make_list(e, old, old_count);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            old[i]->retired = true;
            old[i]->visible = false;
            watcher_show(old[i]->watcher, false);
            old[i]->next = e->retired;
            e->retired = old[i];
        }
    }
    free(old);
    note_places(e, &after);
    for (size_t i = 0; i < before.len; i++) {
        const struct workspace *ws = model_workspace_at(e->opts.model, i);
        if (strcmp(before.v[i], after.v[i]) != 0 && ws->info.state == SANDBOX_RUNNING) {
            strvec_pushf(moved, "%s: %s", ws->shown, after.v[i]);
        }
    }
}
