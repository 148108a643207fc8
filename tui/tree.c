/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/tree.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/match.h"

bool tree_is_selectable(enum tree_kind kind)
{
    return kind == TREE_WORKSPACE || kind == TREE_SESSION;
}

const struct backend_view *tree_host(const struct model *m, const char *host)
{
    const struct backend_view *first = NULL;
    for (size_t i = 0; i < model_backend_count(m); i++) {
        const struct backend_view *b = model_backend_at(m, i);
        if (strcmp(b->host, host) == 0) {
            first = first ? first : b;
            if (b->probe.usable) {
                return b;
            }
        }
    }
    return first;
}

const char *tree_sort_name(enum tree_sort s)
{
    static const char *const names[] = {"name", "needs you first", "last used first"};
    return names[s];
}

bool tree_set_has(const struct tree_set *s, workspace_id id)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->ids[i] == id) {
            return true;
        }
    }
    return false;
}

void tree_set_put(struct tree_set *s, workspace_id id, bool in)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->ids[i] == id) {
            if (!in) {
                s->ids[i] = s->ids[--s->len];
            }
            return;
        }
    }
    if (in) {
        if (s->len == s->cap) {
            s->cap = s->cap ? s->cap * 2 : 8;
            s->ids = xreallocarray(s->ids, s->cap, sizeof(*s->ids));
        }
        s->ids[s->len++] = id;
    }
}

bool tree_set_toggle(struct tree_set *s, workspace_id id)
{
    bool in = !tree_set_has(s, id);
    tree_set_put(s, id, in);
    return in;
}

void tree_set_release(struct tree_set *s)
{
    free(s->ids);
    *s = (struct tree_set){0};
}

bool tree_shows_session(const struct session_info *s)
{
    return s->kind != SESSION_PROVISION;
}

bool tree_op_is_live(const struct op_view *op)
{
    return op && (op->state == OP_QUEUED || op->state == OP_RUNNING);
}

/* Appends a row. */
static void push(struct tree *t, const struct tree_row *row)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->rows = xreallocarray(t->rows, t->cap, sizeof(*t->rows));
    }
    t->rows[t->count++] = *row;
}

/* The key that a workspace is sorted by; equal keys keep the model's order (by name). */
struct order {
    size_t index;
    uint64_t key;
};

/* How much a workspace wants a person, or when it was last used. */
static uint64_t order_key(const struct model *m, const struct workspace *ws, enum tree_sort sort)
{
    uint64_t key = 0;
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(m, ws->sandbox, i)) != NULL; i++) {
        uint64_t k = s->last_input_wall_ms > s->started_wall_ms ? s->last_input_wall_ms : s->started_wall_ms;
        if (sort == TREE_SORT_ATTENTION) {
            k = s->attention != ATTENTION_NONE && !s->attention_seen ? 3 : s->state == SESSION_RUNNING ? 2 : 1;
        }
        key = k > key ? k : key;
    }
    if (sort == TREE_SORT_ATTENTION && key == 0) {
        key = ws->info.state == SANDBOX_RUNNING;
    }
    return key;
}

/* Greater keys first; ties by the model's order. */
static int order_compare(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->key != y->key) {
        return x->key > y->key ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

/* Does the workspace itself, or one of its sessions, match the filter? */
static bool is_wanted(const struct model *m, const struct workspace *ws, const char *filter)
{
    if (!*filter || match_words(filter, ws->shown, NULL)) {
        return true;
    }
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(m, ws->sandbox, i)) != NULL; i++) {
        if (tree_shows_session(s) && (match_words(filter, s->label, NULL) || match_words(filter, s->name, NULL) ||
                                      match_words(filter, s->title, NULL))) {
            return true;
        }
    }
    return false;
}

/* A workspace's row and those below it. */
static void add_workspace(struct tree *t, const struct model *m, const struct workspace *ws,
                          const struct tree_opts *opts)
{
    struct tree_row row = {.kind = TREE_WORKSPACE, .ws = ws->id};
    const struct op_view *op = model_op(m, ws->op);
    bool live = tree_op_is_live(op);
    size_t at = t->count, shown = 0;
    push(t, &row);
    bool expanded = !tree_set_has(opts->collapsed, ws->id);
    if (live) {
        push(t, &(struct tree_row){.kind = TREE_OP, .ws = ws->id});
    }
    const struct session_info *s;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(m, ws->sandbox, i)) != NULL; i++) {
        if (!tree_shows_session(s)) {
            continue;
        }
        shown++;
        if (expanded) {
            struct tree_row child = {.kind = TREE_SESSION, .ws = ws->id};
            str_copy(child.session, sizeof(child.session), s->id);
            push(t, &child);
        }
    }
    t->rows[at].has_children = shown > 0;
    t->rows[at].expanded = expanded && shown > 0;
}

/* A machine's heading, and why it cannot be reached. */
static void add_heading(struct tree *t, const struct model *m, const char *host)
{
    struct tree_row row = {.kind = TREE_HOST};
    const struct backend_view *b = tree_host(m, host);
    str_copy(row.host, sizeof(row.host), host);
    push(t, &row);
    if (*host && b && b->probed && !b->probe.usable) {
        row.kind = TREE_HOST_WHY;
        push(t, &row);
    }
}

/* The workspaces of a machine, in the order that was asked for. Returns how many. */
static size_t add_group(struct tree *t, const struct model *m, const struct tree_opts *opts, const char *host)
{
    size_t n = model_workspace_count(m), kept = 0;
    struct order *order = xcalloc(n + 1, sizeof(*order));
    for (size_t i = 0; i < n; i++) {
        const struct workspace *ws = model_workspace_at(m, i);
        if (strcmp(ws->host, host) != 0 || !is_wanted(m, ws, opts->filter)) {
            continue;
        }
        order[kept].index = i;
        order[kept++].key = opts->sort == TREE_SORT_NAME ? 0 : order_key(m, ws, opts->sort);
    }
    if (opts->sort != TREE_SORT_NAME) {
        qsort(order, kept, sizeof(*order), order_compare);
    }
    for (size_t i = 0; i < kept; i++) {
        add_workspace(t, m, model_workspace_at(m, order[i].index), opts);
    }
    free(order);
    return kept;
}

/* A heading with its workspaces; with a filter, only when one of them matches. */
static void add_host(struct tree *t, const struct model *m, const struct tree_opts *opts, const char *host)
{
    size_t from = t->count;
    add_heading(t, m, host);
    if (add_group(t, m, opts, host) == 0 && (*opts->filter || !*host)) {
        t->count = from;
    }
}

void tree_build(struct tree *t, const struct model *m, const struct tree_opts *opts)
{
    bool any = false;
    t->count = 0;
    for (size_t i = 0; i < model_backend_count(m); i++) {
        any = any || model_backend_at(m, i)->host[0];
    }
    if (!any) {
        add_group(t, m, opts, "");
        return;
    }
    add_host(t, m, opts, "");
    for (size_t i = 0; i < model_backend_count(m); i++) {
        const char *host = model_backend_at(m, i)->host;
        bool told = !*host;
        for (size_t k = 0; k < i && !told; k++) {
            told = strcmp(model_backend_at(m, k)->host, host) == 0;
        }
        if (!told) {
            add_host(t, m, opts, host);
        }
    }
}

void tree_release(struct tree *t)
{
    free(t->rows);
    *t = (struct tree){0};
}

int tree_find(const struct tree *t, const struct tree_target *target)
{
    int workspace = -1;
    for (size_t i = 0; i < t->count; i++) {
        const struct tree_row *r = &t->rows[i];
        if (r->ws != target->ws || !tree_is_selectable(r->kind)) {
            continue;
        }
        if (r->kind == TREE_WORKSPACE) {
            workspace = (int)i;
            if (!target->session[0]) {
                return workspace;
            }
        } else if (strcmp(r->session, target->session) == 0) {
            return (int)i;
        }
    }
    return workspace;
}

int tree_step(const struct tree *t, int from, int delta)
{
    int dir = delta < 0 ? -1 : 1, left = abs(delta), best = -1;
    int n = (int)t->count, at = from;
    if (from < 0) {
        at = dir > 0 ? -1 : n;
        left = left ? left : 1;
    } else if (from < n && tree_is_selectable(t->rows[from].kind)) {
        best = from;
    }
    while (left > 0) {
        at += dir;
        if (at < 0 || at >= n) {
            break;
        }
        if (tree_is_selectable(t->rows[at].kind)) {
            best = at;
            left--;
        }
    }
    return best;
}
