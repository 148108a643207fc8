/* SPDX-License-Identifier: Apache-2.0 */
/* engine status NAME | --all: the endpoints of [[inference]]. */
#include <stdio.h>
#include <string.h>

#include "core/inference/glance.h"
#include "core/model/config_inference.h"
#include "core/util/xmalloc.h"
#include "tui/verb.h"

struct endpoints {
    struct verb_ctx *ctx;
    struct http_client *http;
    struct output *out; /* NULL: text */
    size_t at, end;
};

static void look_next(struct endpoints *v);

/* "web-*, profile big" */
static void users_text(const struct config_inference *e, struct strbuf *out)
{
    for (size_t i = 0; i < e->sandboxes.len; i++) {
        strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "", e->sandboxes.v[i]);
    }
    for (size_t i = 0; i < e->profiles.len; i++) {
        strbuf_addf(out, "%sprofile %s", out->len > 0 ? ", " : "", e->profiles.v[i]);
    }
}

/* The text form of one. */
static void print_text(const struct endpoints *v, const struct config_inference *e, const struct inference_view *view)
{
    MT_CLEANUP(strbuf) struct strbuf users = STRBUF_INIT;

    users_text(e, &users);
    if (v->ctx->answered) {
        printf("\n");
    }
    printf("endpoint %s\n", e->name);
    printf("state    %s%s%s\n", inference_state_name(view->state), view->word[0] != '\0' ? ": " : "", view->word);
    printf("model    %s\n", view->model[0] != '\0' ? view->model : "unknown");
    if (view->window > 0) {
        printf("window   %llu tokens\n", (unsigned long long)view->window);
    } else {
        printf("window   unknown\n");
    }
    if (view->slots_total > 0 && view->slots_busy >= 0) {
        printf("slots    %d of %d busy\n", view->slots_busy, view->slots_total);
    }
    if (view->room > 0) {
        printf("context  %llu of %llu tokens in use\n", (unsigned long long)view->used, (unsigned long long)view->room);
    }
    printf("url      http://%s/v1\n", view->endpoint);
    printf("used by  %s\n", users.len > 0 ? users.buf : "no sandbox: no pattern names one");
}

/* glance_fn */
static void on_look(void *arg, const struct inference_view *seen)
{
    struct endpoints *v = arg;
    const struct config_inference *e = &v->ctx->config.inference[v->at];
    struct inference_view view = *seen;

    str_copy(view.name, sizeof(view.name), e->name);
    if (v->out == NULL) {
        print_text(v, e, &view);
    } else {
        struct json *row = verb_inference_facts(&view);
        MT_CLEANUP(xfree) char *url = xasprintf("http://%s/v1", view.endpoint);

        json_set_string(row, "url", url);
        json_set_strings(row, "sandboxes", &e->sandboxes);
        json_set_strings(row, "profiles", &e->profiles);
        output_row_take(v->out, row);
    }
    v->ctx->answered = true;
    v->at++;
    look_next(v);
}

/* One after the other: a second each at most. */
static void look_next(struct endpoints *v)
{
    if (v->at == v->end) {
        verb_finish(v->ctx, 0);
        return;
    }
    const struct config_inference *e = &v->ctx->config.inference[v->at];
    struct glance_opts opts = {.loop = v->ctx->loop,
                               .http = v->http,
                               .paths = v->ctx->paths,
                               .config = &v->ctx->config,
                               .entry = e,
                               .host = e->host,
                               .port = e->port};
    glance_start(&opts, on_look, v);
}

int verb_endpoints(struct verb_ctx *ctx, struct http_client *http, struct output *out, const char *name)
{
    struct endpoints v = {.ctx = ctx, .http = http, .out = out, .end = ctx->config.inference_count};
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;

    strbuf_addstr(&all, INFERENCE_DEFAULT);
    for (size_t i = 0; i < ctx->config.inference_count; i++) {
        strbuf_addf(&all, ", %s", ctx->config.inference[i].name);
        if (name != NULL && strcmp(ctx->config.inference[i].name, name) == 0) {
            v.at = i;
            v.end = i + 1;
            name = NULL;
        }
    }
    if (name != NULL) {
        error_set(&err, ERROR_NOT_FOUND, "there is no inference endpoint '%.60s': there are %.150s", name, all.buf);
        return verb_error(ctx, &err);
    }
    if (v.at == v.end) {
        return ctx->exit_code;
    }
    ctx->finished = false;
    look_next(&v);
    verb_run(ctx);
    return ctx->exit_code;
}
