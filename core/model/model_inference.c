/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of a model, and which of them a sandbox uses. */
#include <stdlib.h>
#include <string.h>

#include "core/model/config_inference.h"
#include "core/model/model_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* One that was not looked at yet. */
static struct inference_view *new_endpoint(const char *name, const char *endpoint)
{
    struct inference_view *v = xcalloc(1, sizeof(*v));
    inference_view_init(v);
    str_copy(v->name, sizeof(v->name), name);
    str_copy(v->endpoint, sizeof(v->endpoint), endpoint);
    return v;
}

/* Frees the list of endpoints. */
static void free_endpoints(struct inference_view **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i]);
    }
    free(list);
}

void model_init_inference(struct model *m)
{
    m->inference = xcalloc(1, sizeof(*m->inference));
    m->inference[0] = new_endpoint(INFERENCE_DEFAULT, "");
    m->inference_count = 1;
}

void model_release_inference(struct model *m)
{
    free_endpoints(m->inference, m->inference_count);
    pressure_release(m);
}

size_t model_inference_count(const struct model *m)
{
    return m->inference_count;
}

const struct inference_view *model_inference_at(const struct model *m, size_t i)
{
    return i < m->inference_count ? m->inference[i] : NULL;
}

size_t model_inference_index(const struct model *m, const struct workspace *ws)
{
    if (ws == NULL) {
        return 0;
    }
    const char *profile = ws->profile[0] != '\0'                                          ? ws->profile
                          : ws->info.state != SANDBOX_NONE && ws->info.profile[0] != '\0' ? ws->info.profile
                                                                                          : m->usual_profile;
    size_t i = config_inference_find(m->rules, m->rule_count, ws->name, profile);
    return i < m->inference_count ? i : 0;
}

const struct inference_view *model_inference_for(const struct model *m, const struct workspace *ws)
{
    return m->inference[model_inference_index(m, ws)];
}

int model_inference_find(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->inference_count; i++) {
        if (strcmp(m->inference[i]->name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static void endpoint_text(const char *host, int64_t port, char out[80])
{
    bool v6 = strchr(host, ':') != NULL;
    str_format(out, 80, "%s%s%s:%lld", v6 ? "[" : "", host, v6 ? "]" : "", (long long)port);
}

void model_set_inference(struct model *m, const struct config *config)
{
    size_t count = config->inference_count + 1;
    struct inference_view **next = xcalloc(count, sizeof(*next));
    for (size_t i = 0; i < count; i++) {
        const struct config_inference *e = i > 0 ? &config->inference[i - 1] : NULL;
        char at[80];
        endpoint_text(e != NULL ? e->host : "127.0.0.1", e != NULL ? e->port : config->server_port, at);
        next[i] = new_endpoint(e != NULL ? e->name : INFERENCE_DEFAULT, at);
        int old = model_inference_find(m, next[i]->name);
        if (old >= 0 && strcmp(m->inference[old]->endpoint, at) == 0) {
            *next[i] = *m->inference[old];
        }
    }
    free_endpoints(m->inference, m->inference_count);
    m->inference = next;
    m->inference_count = count;
    m->rules = config->inference;
    m->rule_count = config->inference_count;
    m->usual_profile = config->profile;
    m->note_count = 0; /* their indices are others now */
    memset(m->inference_watched, 0, sizeof(m->inference_watched));
    memset(m->inference_fresh, 0, sizeof(m->inference_fresh));
    struct model_event ev = {.kind = MODEL_INFERENCE, .inference = count};
    bus_publish(m->bus, &ev);
}

void model_put_inference(struct model *m, size_t i, const struct inference_view *v)
{
    if (i >= m->inference_count) {
        return;
    }
    char name[sizeof(v->name)];
    str_copy(name, sizeof(name), m->inference[i]->name);
    *m->inference[i] = *v;
    str_copy(m->inference[i]->name, sizeof(name), name);
    m->inference_fresh[i] = m->inference_watched[i];
    pressure_match(m, i);
    struct model_event ev = {.kind = MODEL_INFERENCE, .inference = i};
    bus_publish(m->bus, &ev);
}

void model_set_links(struct model *m, workspace_id id, int links)
{
    for (size_t i = 0; i < m->workspace_count; i++) {
        struct workspace *w = m->workspaces[i];
        if (w->id == id && w->inference_links != links) {
            w->inference_links = links;
            pressure_match(m, model_inference_index(m, w));
        }
    }
}

void model_watch_inference(struct model *m, size_t i, bool watched)
{
    if (i < m->inference_count && m->inference_watched[i] != watched) {
        m->inference_watched[i] = watched;
        m->inference_fresh[i] = false; /* until something is heard of it */
        pressure_match(m, i);
    }
}
