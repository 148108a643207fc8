/* SPDX-License-Identifier: Apache-2.0 */
/* The backends that are open: which, by whose word, and what each holds, or held as far as anybody remembers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/util/xmalloc.h"

#define HOSTS_WAIT_MS 3000

const char *slot_host(const struct slot *s)
{
    return s->host != NULL ? s->host->name : "";
}

/* Opens one; what cannot be opened is shown as unusable. */
static void open_slot(struct engine *e, const struct backend_ops *ops, const struct config_host *host)
{
    struct slot *s = &e->slots[e->slot_count++];
    struct error err = ERROR_INIT;
    struct backend_target target = {.name = host != NULL ? host->name : NULL, .url = host != NULL ? host->url : NULL};
    struct backend_env env = {.loop = e->opts.loop,
                              .paths = e->opts.paths,
                              .target = host != NULL ? &target : NULL,
                              .fresh = e->opts.fresh_probes};
    s->e = e;
    s->ops = ops;
    s->host = host;
    strvec_init(&s->folders);
    s->retry = timer_new(e->opts.loop, refresh_retry, s);
    s->be = ops->open(&env, &err);
    if (s->be == NULL) {
        s->probed = s->listed = true;
        str_copy(s->probe.reason, sizeof(s->probe.reason), err.msg);
        str_copy(s->probe.fix, sizeof(s->probe.fix), err.hint != NULL ? err.hint : "");
        struct backend_view v = {.probed = true, .probe = s->probe};
        str_copy(v.name, sizeof(v.name), ops->name);
        str_copy(v.host, sizeof(v.host), slot_host(s));
        model_put_backend(e->opts.model, &v);
        return;
    }
    if (e->opts.probe_after_ms > 0 && !e->was_ready) {
        refresh_probe_later(s, e->opts.probe_after_ms);
    } else {
        refresh_probe(s);
    }
}

size_t slots_order_of(const struct engine *e, const char *name)
{
    for (size_t i = 0; i < e->order.len; i++) {
        if (strcmp(e->order.v[i], name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Which are chosen unasked: tui.backends, for who has one that is slow or broken, or is none of our business; else the
 * platform's; a test's are all of its registry. */
static void read_order(struct engine *e)
{
    const char *list = e->opts.config->backends;
    for (const char *p = list + strspn(list, ", "); *p != '\0';) {
        size_t n = strcspn(p, ", ");
        MT_CLEANUP(xfree) char *word = xstrndup(p, n);
        strvec_push(&e->order, word);
        p += n + strspn(p + n, ", ");
    }
    e->only_order = e->order.len > 0;
    for (size_t i = 0; !e->only_order && e->opts.order != NULL && e->opts.order[i] != NULL; i++) {
        strvec_push(&e->order, e->opts.order[i]);
    }
    for (size_t i = 0; !e->only_order && e->opts.order == NULL && e->opts.registry[i] != NULL; i++) {
        strvec_push(&e->order, e->opts.registry[i]->name);
    }
}

/* The registry's row of that name, or NULL. */
static const struct backend_ops *registered(const struct engine *e, const char *name)
{
    for (size_t i = 0; e->opts.registry[i] != NULL; i++) {
        if (strcmp(e->opts.registry[i]->name, name) == 0) {
            return e->opts.registry[i];
        }
    }
    return NULL;
}

struct slot *slots_open_named(struct engine *e, const char *name)
{
    const struct backend_ops *ops = registered(e, name);
    for (size_t i = 0; i < e->slot_count; i++) {
        if (e->slots[i].host == NULL && strcmp(e->slots[i].ops->name, name) == 0) {
            return &e->slots[i];
        }
    }
    if (ops == NULL || e->closing || (e->only_order && slots_order_of(e, name) == SIZE_MAX)) {
        return NULL;
    }
    open_slot(e, ops, NULL);
    e->ready = false; /* what is asked for meanwhile waits for it */
    engine_settle(e);
    return &e->slots[e->slot_count - 1];
}

/* Opens those of this machine that are chosen unasked, that the configuration names or that hold something, and those
 * that can on every host. */
void slots_open(struct engine *e)
{
    size_t kinds = 0, hosts = e->opts.config->host_count;
    while (e->opts.registry[kinds] != NULL) {
        kinds++;
    }
    e->slots = xcalloc(kinds * (1 + hosts) + 1, sizeof(*e->slots));
    read_order(e);
    e->held_count = held_list(e->opts.paths, &e->held);
    for (size_t i = 0; i < e->order.len; i++) {
        slots_open_named(e, e->order.v[i]);
    }
    slots_open_named(e, e->opts.config->backend); /* "auto" is none */
    for (size_t i = 0; i < e->held_count; i++) {
        slots_open_named(e, e->held[i].backend);
    }
    for (size_t h = 0; h < hosts; h++) {
        for (size_t i = 0; i < kinds; i++) {
            if ((e->opts.registry[i]->caps & BACKEND_CAP_HOSTS) != 0) {
                open_slot(e, e->opts.registry[i], &e->opts.config->hosts[h]);
            }
        }
    }
    if (hosts > 0) {
        timer_start(e->hosts_late, HOSTS_WAIT_MS); /* a host that does not answer holds nobody up */
    }
}

/* --- who holds what --- */

const struct sandbox_info *slots_find(const struct engine *e, const char *sandbox, struct slot **slot,
                                      struct slot **other)
{
    const struct sandbox_info *found = NULL;
    *slot = NULL;
    if (other != NULL) {
        *other = NULL;
    }
    for (size_t i = 0; sandbox[0] != '\0' && i < e->slot_count; i++) {
        for (size_t k = 0; k < e->slots[i].info_count; k++) {
            if (strcmp(e->slots[i].infos[k].name, sandbox) != 0) {
                continue;
            }
            if (found != NULL && other != NULL) {
                *other = &e->slots[i];
                return found;
            }
            if (found == NULL) {
                found = &e->slots[i].infos[k];
                *slot = &e->slots[i];
            }
        }
        if (found != NULL && other == NULL) {
            return found;
        }
    }
    return found;
}

/* The slot of this machine for that backend, or NULL. */
static const struct slot *local_slot(const struct engine *e, const char *backend)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        if (e->slots[i].host == NULL && strcmp(e->slots[i].ops->name, backend) == 0) {
            return &e->slots[i];
        }
    }
    return NULL;
}

void slots_why_not(const struct engine *e, const char *name, char out[200])
{
    const struct slot *s = local_slot(e, name);
    bool left_out = s == NULL && e->only_order && slots_order_of(e, name) == SIZE_MAX;
    str_copy(out, 200,
             registered(e, name) == NULL                  ? "there is none of that name here"
             : left_out                                   ? "tui.backends leaves it out"
             : s != NULL && s->probed && !s->probe.usable ? slot_reason(s)
                                                          : "");
}

/* A backend that never said what it has held this sandbox: nobody can tell now. */
bool slots_is_dark(const struct engine *e, const struct held *h)
{
    const struct slot *s = local_slot(e, h->backend);
    return s == NULL ? e->only_order : !s->known && s->probed && !s->probe.usable;
}

/* What was held by a backend that does not answer; NULL: nothing. */
const struct held *slots_find_held(const struct engine *e, const char *sandbox)
{
    for (size_t i = 0; i < e->held_count; i++) {
        if (strcmp(e->held[i].sandbox, sandbox) == 0 && slots_is_dark(e, &e->held[i])) {
            return &e->held[i];
        }
    }
    return NULL;
}

/* What is the matter, without the name that stands before it already. */
const char *slot_reason(const struct slot *s)
{
    size_t n = strlen(s->ops->name);
    bool twice = strncmp(s->probe.reason, s->ops->name, n) == 0 && strncmp(s->probe.reason + n, ": ", 2) == 0;
    return s->probe.reason + (twice ? n + 2 : 0);
}

void slots_say_unseen(const char *name, const char *reason, char *out, size_t cap)
{
    size_t n = strlen(name);
    bool named = strncmp(reason, name, n) == 0 && (reason[n] == ' ' || reason[n] == ':');
    str_format(out, cap, "%s%s%.150s", named ? "" : name, named ? "" : ": ", reason);
}

/* An info that says so. */
void slots_unknown_info(const struct engine *e, const struct held *h, struct sandbox_info *out)
{
    const struct slot *s = local_slot(e, h->backend);
    memset(out, 0, sizeof(*out));
    str_copy(out->name, sizeof(out->name), h->sandbox);
    out->state = SANDBOX_UNKNOWN;
    slots_say_unseen(h->backend, s != NULL ? slot_reason(s) : "not looked at (tui.backends)", out->reason,
                     sizeof(out->reason));
}

/* Sandboxes that a backend which does not answer held, and that no folder and no list knows. */
size_t slots_count_dark(const struct engine *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->held_count; i++) {
        n += slots_is_dark(e, &e->held[i]);
    }
    return n;
}
