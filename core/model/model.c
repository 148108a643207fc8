/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/model.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model_private.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

struct model *model_new(struct bus *bus)
{
    struct model *m = xcalloc(1, sizeof(*m));
    m->bus = bus;
    model_init_inference(m);
    model_init_services(m);
    return m;
}

void model_free(struct model *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->workspace_count; i++) {
        free(m->workspaces[i]);
    }
    for (size_t i = 0; i < m->op_count; i++) {
        free(m->ops[i]);
    }
    for (size_t i = 0; i < m->session_count; i++) {
        free(m->sessions[i]);
    }
    free(m->workspaces);
    free(m->ops);
    free(m->sessions);
    free(m->backends);
    model_release_inference(m);
    free(m);
}

void model_publish(struct model *m, enum model_event_kind kind, workspace_id ws, op_id op, const char *session)
{
    struct model_event ev = {.kind = kind, .ws = ws, .op = op};
    if (session != NULL) {
        str_copy(ev.session, sizeof(ev.session), session);
    }
    bus_publish(m->bus, &ev);
}

/* --- workspaces --- */

size_t model_workspace_count(const struct model *m)
{
    return m->workspace_count;
}

const struct workspace *model_workspace_at(const struct model *m, size_t i)
{
    return i < m->workspace_count ? m->workspaces[i] : NULL;
}

/* The entry that may be changed, or NULL. */
static struct workspace *find_workspace(const struct model *m, workspace_id id)
{
    for (size_t i = 0; id != 0 && i < m->workspace_count; i++) {
        if (m->workspaces[i]->id == id) {
            return m->workspaces[i];
        }
    }
    return NULL;
}

const struct workspace *model_workspace(const struct model *m, workspace_id id)
{
    return find_workspace(m, id);
}

const struct workspace *model_workspace_by_sandbox(const struct model *m, const char *sandbox)
{
    for (size_t i = 0; sandbox != NULL && sandbox[0] != '\0' && i < m->workspace_count; i++) {
        if (strcmp(m->workspaces[i]->sandbox, sandbox) == 0) {
            return m->workspaces[i];
        }
    }
    return NULL;
}

const struct workspace *model_workspace_by_name(const struct model *m, const char *name)
{
    for (size_t i = 0; name != NULL && i < m->workspace_count; i++) {
        if (strcmp(m->workspaces[i]->name, name) == 0) {
            return m->workspaces[i];
        }
    }
    return NULL;
}

/* Byte order with ASCII letters folded; equal then: plain byte order. */
static int compare_names(const char *a, const char *b)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    while (*x != '\0' && tolower(*x) == tolower(*y)) {
        x++;
        y++;
    }
    int diff = tolower(*x) - tolower(*y);
    return diff != 0 ? diff : strcmp(a, b);
}

/* qsort's view of compare_names; a folder comes before a leftover sandbox of the same name. */
static int compare_workspaces(const void *a, const void *b)
{
    const struct workspace *x = *(struct workspace *const *)a, *y = *(struct workspace *const *)b;
    int diff = strcmp(x->host, y->host); /* this machine first, then host by host */
    diff = diff != 0 ? diff : compare_names(x->name, y->name);
    return diff != 0 ? diff : strcmp(x->sandbox, y->sandbox);
}

/* The same workspace in the old set: same folder name and same sandbox name. */
static struct workspace *find_same(struct workspace **list, size_t count, const struct workspace *w)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] != NULL && strcmp(list[i]->name, w->name) == 0 && strcmp(list[i]->sandbox, w->sandbox) == 0) {
            return list[i];
        }
    }
    return NULL;
}

/* Copies what a scan knows; returns whether anything is new. */
static bool take_scan(struct workspace *to, const struct workspace *from)
{
    bool changed = to->missing != from->missing || to->elsewhere != from->elsewhere || to->reserved != from->reserved ||
                   strcmp(to->path, from->path) != 0 || strcmp(to->name_error, from->name_error) != 0 ||
                   (from->backend[0] != '\0' && strcmp(to->backend, from->backend) != 0) ||
                   strcmp(to->host, from->host) != 0 || strcmp(to->profile, from->profile) != 0;
    str_copy(to->name, sizeof(to->name), from->name);
    str_copy(to->shown, sizeof(to->shown), from->shown);
    str_copy(to->path, sizeof(to->path), from->path);
    str_copy(to->sandbox, sizeof(to->sandbox), from->sandbox);
    str_copy(to->name_error, sizeof(to->name_error), from->name_error);
    if (from->backend[0] != '\0') { /* else as model_set_backend says */
        str_copy(to->backend, sizeof(to->backend), from->backend);
    }
    str_copy(to->host, sizeof(to->host), from->host);
    str_copy(to->profile, sizeof(to->profile), from->profile);
    to->missing = from->missing;
    to->elsewhere = from->elsewhere;
    to->reserved = from->reserved;
    return changed;
}

void model_set_workspaces(struct model *m, const struct workspace *list, size_t count)
{
    struct workspace **next = xcalloc(count > 0 ? count : 1, sizeof(*next));
    bool changed = count != m->workspace_count;
    for (size_t i = 0; i < count; i++) {
        struct workspace *w = NULL;
        for (size_t k = 0; k < m->workspace_count; k++) {
            struct workspace *same = find_same(&m->workspaces[k], 1, &list[i]);
            if (same != NULL) {
                w = same;
                m->workspaces[k] = NULL; /* taken */
                break;
            }
        }
        if (w == NULL) {
            w = xcalloc(1, sizeof(*w));
            w->id = ++m->last_id;
            w->provisioned = w->inference_links = -1;
            changed = true;
        }
        changed |= take_scan(w, &list[i]);
        next[i] = w;
    }
    for (size_t k = 0; k < m->workspace_count; k++) {
        changed |= m->workspaces[k] != NULL;
        free(m->workspaces[k]);
    }
    free(m->workspaces);
    qsort(next, count, sizeof(*next), compare_workspaces);
    m->workspaces = next;
    m->workspace_count = count;
    if (changed) {
        model_publish(m, MODEL_WORKSPACES, 0, 0, NULL);
    }
}

/* Published ports that read the same. */
static bool same_ports(const struct sandbox_info *a, const struct sandbox_info *b)
{
    bool same = a->port_count == b->port_count;
    for (unsigned i = 0; same && i < a->port_count; i++) {
        const struct port_spec *p = &a->ports[i], *q = &b->ports[i];
        same = p->host_port == q->host_port && p->container_port == q->container_port && p->udp == q->udp &&
               strcmp(p->host_ip, q->host_ip) == 0;
    }
    return same;
}

/* Two infos that say the same. Compared by field: padding may differ. */
static bool same_info(const struct sandbox_info *a, const struct sandbox_info *b)
{
    return a->state == b->state && a->net == b->net && a->net_known == b->net_known && a->port == b->port &&
           a->pid == b->pid && a->started_wall_ms == b->started_wall_ms &&
           a->workspace_missing == b->workspace_missing && a->halted == b->halted && strcmp(a->name, b->name) == 0 &&
           strcmp(a->project, b->project) == 0 && strcmp(a->profile, b->profile) == 0 &&
           strcmp(a->config_hash, b->config_hash) == 0 && strcmp(a->workspace, b->workspace) == 0 &&
           strcmp(a->mount, b->mount) == 0 && strcmp(a->reason, b->reason) == 0 && strcmp(a->limits, b->limits) == 0 &&
           strcmp(a->warning, b->warning) == 0 && strcmp(a->id, b->id) == 0 && strcmp(a->image, b->image) == 0 &&
           strcmp(a->image_id, b->image_id) == 0 && strcmp(a->gateway, b->gateway) == 0 &&
           a->exit_code == b->exit_code && a->created_wall_ms == b->created_wall_ms &&
           a->workspace_mode == b->workspace_mode && a->foreign == b->foreign && same_ports(a, b);
}

void model_set_sandbox(struct model *m, workspace_id id, const struct sandbox_info *info, const char *backend)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL) {
        return;
    }
    bool same = w->have_info && same_info(&w->info, info) && (backend == NULL || strcmp(w->backend, backend) == 0);
    if (same) {
        return;
    }
    w->info = *info;
    w->have_info = true;
    if (backend != NULL) {
        str_copy(w->backend, sizeof(w->backend), backend);
    }
    if (info->state != SANDBOX_RUNNING) {
        w->have_stats = false;
    }
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_backend(struct model *m, workspace_id id, const char *backend, const char *why, const char *other,
                       bool remembered)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL || (strcmp(w->backend, backend) == 0 && strcmp(w->backend_why, why) == 0 &&
                      strcmp(w->other_backend, other) == 0 && w->remembered == remembered)) {
        return;
    }
    str_copy(w->backend, sizeof(w->backend), backend);
    str_copy(w->backend_why, sizeof(w->backend_why), why);
    str_copy(w->other_backend, sizeof(w->other_backend), other);
    w->remembered = remembered;
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_wanted_backend(struct model *m, workspace_id id, const char *backend, const char *why_not)
{
    struct workspace *w = find_workspace(m, id);
    if (w != NULL && (strcmp(w->wanted_backend, backend) != 0 || strcmp(w->wanted_why_not, why_not) != 0)) {
        str_copy(w->wanted_backend, sizeof(w->wanted_backend), backend);
        str_copy(w->wanted_why_not, sizeof(w->wanted_why_not), why_not);
        model_publish(m, MODEL_SANDBOX, id, 0, NULL);
    }
}

void model_set_image_plan(struct model *m, workspace_id id, const char *text)
{
    struct workspace *w = find_workspace(m, id);
    if (w != NULL && strcmp(w->image_plan, text) != 0) {
        str_copy(w->image_plan, sizeof(w->image_plan), text);
        model_publish(m, MODEL_SANDBOX, id, 0, NULL);
    }
}

void model_set_idle_stop(struct model *m, workspace_id id, uint64_t at_mono_ms)
{
    struct workspace *w = find_workspace(m, id);
    if (w != NULL && w->idle_stop_mono_ms != at_mono_ms) {
        w->idle_stop_mono_ms = at_mono_ms;
        model_publish(m, MODEL_SANDBOX, id, 0, NULL);
    }
}

void model_set_image_notice(struct model *m, workspace_id id, const char *text)
{
    struct workspace *w = find_workspace(m, id);
    if (w != NULL && strcmp(w->image_notice, text) != 0) {
        str_copy(w->image_notice, sizeof(w->image_notice), text);
        model_publish(m, MODEL_SANDBOX, id, 0, NULL);
    }
}

void model_cut_list(const char *text, char *out, size_t cap)
{
    static const char MORE[] = "...";
    size_t len = strlen(text), at = MT_MIN(len, cap - sizeof(MORE));
    if (len < cap) {
        str_copy(out, cap, text);
        return;
    }
    while (at > 0 && (text[at - 1] != ' ' || at < 2 || text[at - 2] != ',')) {
        at--;
    }
    if (at == 0) { /* one long entry */
        at = cap - sizeof(MORE);
    }
    str_copy(out, at + 1, text);
    str_copy(out + strlen(out), sizeof(MORE), MORE);
}

void model_set_drift(struct model *m, workspace_id id, const char *text)
{
    struct workspace *w = find_workspace(m, id);
    char cut[sizeof(w->drift_text)];
    model_cut_list(text != NULL ? text : "", cut, sizeof(cut));
    if (w == NULL || (w->drift == (text != NULL) && strcmp(w->drift_text, cut) == 0)) {
        return;
    }
    w->drift = text != NULL;
    str_copy(w->drift_text, sizeof(w->drift_text), cut);
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_provisioned(struct model *m, workspace_id id, int provisioned, const char *why)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL || (w->provisioned == provisioned && strcmp(w->unprovisioned, why) == 0)) {
        return;
    }
    w->provisioned = provisioned;
    str_copy(w->unprovisioned, sizeof(w->unprovisioned), why);
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_profile(struct model *m, workspace_id id, const char *profile)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL || profile == NULL || strcmp(w->profile, profile) == 0) {
        return;
    }
    str_copy(w->profile, sizeof(w->profile), profile);
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_orphan(struct model *m, workspace_id id, bool orphan)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL || w->orphan == orphan) {
        return;
    }
    w->orphan = orphan;
    model_publish(m, MODEL_SANDBOX, id, 0, NULL);
}

void model_set_stats(struct model *m, workspace_id id, const struct sandbox_stats *stats)
{
    struct workspace *w = find_workspace(m, id);
    if (w == NULL || (stats == NULL && !w->have_stats)) {
        return;
    }
    w->have_stats = stats != NULL;
    if (stats != NULL) {
        w->stats = *stats;
    }
    model_publish(m, MODEL_STATS, id, 0, NULL);
}

bool model_is_provisioning(const struct model *m, const struct workspace *ws)
{
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(m, ws->sandbox, i)) != NULL; i++) {
        if (s->kind == SESSION_PROVISION && (s->state == SESSION_RUNNING || s->state == SESSION_STARTING)) {
            return true;
        }
    }
    return false;
}

enum sandbox_state model_shown_state(const struct model *m, const struct workspace *ws)
{
    enum sandbox_state state = ws->have_info ? ws->info.state : SANDBOX_NONE;
    const struct op_view *op = model_op(m, ws->op);
    if (op == NULL || op->state != OP_RUNNING) {
        return state == SANDBOX_RUNNING && model_is_provisioning(m, ws) ? SANDBOX_PROVISIONING : state;
    }
    static const char *const bring_up[] = {"start", "restart", "provision", "bake"};
    bool comes_up = false;
    for (size_t i = 0; i < MT_ARRAY_LEN(bring_up); i++) {
        comes_up = comes_up || strcmp(op->plan, bring_up[i]) == 0;
    }
    if (!comes_up) {
        return state;
    }
    const char *step = op->step >= 0 && op->step < op->step_count ? op->steps[op->step].name : "";
    if (state == SANDBOX_RUNNING || strcmp(step, "copy") == 0 || strcmp(step, "provision") == 0 ||
        strcmp(step, "baseline") == 0) {
        bool later = strcmp(step, "copy") == 0 || strcmp(step, "provision") == 0 || strcmp(step, "baseline") == 0;
        return later ? SANDBOX_PROVISIONING : state;
    }
    return SANDBOX_CREATING;
}

/* --- ops --- */

/* The entry that may be changed, or NULL. */
static struct op_view *find_op(const struct model *m, op_id id)
{
    for (size_t i = 0; id != 0 && i < m->op_count; i++) {
        if (m->ops[i]->id == id) {
            return m->ops[i];
        }
    }
    return NULL;
}

const struct op_view *model_op(const struct model *m, op_id id)
{
    return find_op(m, id);
}

size_t model_op_count(const struct model *m)
{
    return m->op_count;
}

const struct op_view *model_op_at(const struct model *m, size_t i)
{
    return i < m->op_count ? m->ops[i] : NULL;
}

/* Over, in one way or another. */
static bool op_ended(const struct op_view *op)
{
    return op->state == OP_DONE || op->state == OP_FAILED || op->state == OP_CANCELED;
}

/* Takes one entry out of the array, without an event. */
static void remove_op_at(struct model *m, size_t i)
{
    free(m->ops[i]);
    memmove(&m->ops[i], &m->ops[i + 1], (m->op_count - i - 1) * sizeof(*m->ops));
    m->op_count--;
}

/* Which op a workspace shows: the running one, else the last. */
static void link_op(struct model *m, struct workspace *w)
{
    w->op = 0;
    for (size_t i = 0; i < m->op_count; i++) {
        const struct op_view *op = m->ops[i], *now = find_op(m, w->op);
        if (strcmp(op->sandbox, w->sandbox) == 0 && (now == NULL || now->state != OP_RUNNING)) {
            if (now == NULL || op->state == OP_RUNNING || !(op->state == OP_QUEUED)) {
                w->op = op->id;
            }
        }
    }
}

void model_put_op(struct model *m, const struct op_view *op)
{
    struct op_view *mine = find_op(m, op->id);
    /* The end of the op before may come after this one was queued. */
    for (size_t i = m->op_count; (mine == NULL || op->state != OP_QUEUED) && i-- > 0;) {
        if (op_ended(m->ops[i]) && m->ops[i]->id < op->id && strcmp(m->ops[i]->sandbox, op->sandbox) == 0) {
            remove_op_at(m, i);
        }
    }
    if (mine == NULL) {
        m->ops = xreallocarray(m->ops, m->op_count + 1, sizeof(*m->ops));
        mine = xcalloc(1, sizeof(*mine));
        m->ops[m->op_count++] = mine;
    }
    *mine = *op;
    const struct workspace *ws = model_workspace_by_sandbox(m, op->sandbox);
    struct workspace *w = ws != NULL ? find_workspace(m, ws->id) : NULL;
    if (w != NULL) {
        link_op(m, w);
    }
    model_publish(m, MODEL_OP, w != NULL ? w->id : 0, op->id, NULL);
}

void model_drop_op(struct model *m, op_id id)
{
    for (size_t i = 0; i < m->op_count; i++) {
        if (m->ops[i]->id != id) {
            continue;
        }
        const struct workspace *ws = model_workspace_by_sandbox(m, m->ops[i]->sandbox);
        struct workspace *w = ws != NULL ? find_workspace(m, ws->id) : NULL;
        remove_op_at(m, i);
        if (w != NULL) {
            link_op(m, w);
        }
        model_publish(m, MODEL_OP, w != NULL ? w->id : 0, id, NULL);
        return;
    }
}

/* --- backends --- */

size_t model_backend_count(const struct model *m)
{
    return m->backend_count;
}

const struct backend_view *model_backend_at(const struct model *m, size_t i)
{
    return i < m->backend_count ? &m->backends[i] : NULL;
}

const struct backend_view *model_backend(const struct model *m, const char *name, const char *host)
{
    for (size_t i = 0; name != NULL && i < m->backend_count; i++) {
        if (strcmp(m->backends[i].name, name) == 0 && strcmp(m->backends[i].host, host != NULL ? host : "") == 0) {
            return &m->backends[i];
        }
    }
    return NULL;
}

void model_put_backend(struct model *m, const struct backend_view *b)
{
    struct backend_view *mine = NULL;
    for (size_t i = 0; i < m->backend_count; i++) {
        if (strcmp(m->backends[i].name, b->name) == 0 && strcmp(m->backends[i].host, b->host) == 0) {
            mine = &m->backends[i];
        }
    }
    if (mine == NULL) {
        m->backends = xreallocarray(m->backends, m->backend_count + 1, sizeof(*m->backends));
        mine = &m->backends[m->backend_count++];
    }
    *mine = *b;
    model_publish(m, MODEL_BACKEND, 0, 0, NULL);
}

void model_problem(struct model *m, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT, clean = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&raw, fmt, ap);
    va_end(ap);
    utf8_sanitize(&clean, raw.buf, raw.len, false);
    struct model_event ev = {.kind = MODEL_PROBLEM};
    str_copy(ev.text, sizeof(ev.text), clean.buf);
    bus_publish(m->bus, &ev);
}
