/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pressure.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/model_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Agents of one endpoint. */
struct agents {
    size_t count;                    /* that run */
    const struct session_info *only; /* the last of them: the one, when count is 1 */
    size_t likely;                   /* that can be at work in a slot */
    const struct session_info *likely_one;
    bool others; /* a sandbox without an agent has a connection */
};

/* Is it a running agent of endpoint i? *ws: its workspace. */
static bool is_agent_of(const struct model *m, const struct session_info *s, size_t i, const struct workspace **ws)
{
    if (s->kind != SESSION_AGENT || s->state != SESSION_RUNNING) {
        return false;
    }
    *ws = model_workspace_by_sandbox(m, s->sandbox);
    return *ws != NULL && model_inference_index(m, *ws) == i;
}

/* Running agents in one sandbox. */
static size_t agents_in(const struct model *m, const char *sandbox)
{
    size_t n = 0;
    for (size_t i = 0; i < m->session_count; i++) {
        const struct session_info *s = m->sessions[i];
        n += s->kind == SESSION_AGENT && s->state == SESSION_RUNNING && strcmp(s->sandbox, sandbox) == 0;
    }
    return n;
}

/* Who uses endpoint i. */
static void count_agents(const struct model *m, size_t i, struct agents *out)
{
    const struct workspace *ws;
    memset(out, 0, sizeof(*out));
    for (size_t k = 0; k < m->session_count; k++) {
        const struct session_info *s = m->sessions[k];
        if (!is_agent_of(m, s, i, &ws)) {
            continue;
        }
        out->count++;
        out->only = s;
        bool alone = ws->inference_links > 0 && agents_in(m, ws->sandbox) == 1;
        if (ws->inference_links != 0 && (alone || s->working)) {
            out->likely++;
            out->likely_one = s;
        }
    }
    for (size_t k = 0; k < m->workspace_count; k++) {
        const struct workspace *w = m->workspaces[k];
        if (w->inference_links > 0 && w->info.state == SANDBOX_RUNNING && model_inference_index(m, w) == i &&
            agents_in(m, w->sandbox) == 0) {
            out->others = true;
        }
    }
}

/* Every slot is known, not only the first so many. */
static bool is_whole(const struct inference_view *v)
{
    return v->state == INFERENCE_READY && v->has_slots && v->slot_count > 0 && (int)v->slot_count == v->slots_total;
}

/* Takes one note out. */
static void note_drop(struct model *m, size_t at)
{
    m->notes[at] = m->notes[--m->note_count];
}

/* From now on that slot is that agent's. */
static void note_add(struct model *m, const struct session_info *s, size_t endpoint, const struct inference_slot *slot)
{
    for (size_t k = m->note_count; k-- > 0;) {
        struct pressure_note *n = &m->notes[k];
        bool same_slot = n->endpoint == endpoint && n->slot == slot->id;
        if (same_slot || strcmp(n->session, s->id) == 0) {
            note_drop(m, k);
        }
    }
    m->notes = xreallocarray(m->notes, m->note_count + 1, sizeof(*m->notes));
    struct pressure_note *n = &m->notes[m->note_count++];
    *n = (struct pressure_note){.endpoint = endpoint, .slot = slot->id, .used = slot->used, .busy = slot->busy};
    str_copy(n->session, sizeof(n->session), s->id);
}

/* The slot of that id, or NULL. */
static const struct inference_slot *find_slot(const struct inference_view *v, int id)
{
    for (size_t k = 0; k < v->slot_count; k++) {
        if (v->slots[k].id == id) {
            return &v->slots[k];
        }
    }
    return NULL;
}

/* Is what was noted of a slot still so, by what is known of it now? A slot that is busy is nobody's until it is matched
 * anew; one that was idle and has other contents was used meanwhile. */
static bool note_holds(const struct model *m, const struct inference_view *v, struct pressure_note *n)
{
    const struct inference_slot *slot = find_slot(v, n->slot);
    const struct session_info *s = model_session(m, n->session);
    if (slot == NULL || slot->busy || s == NULL || s->state != SESSION_RUNNING || slot->used == 0 ||
        (!n->busy && slot->used != n->used) || (n->busy && slot->used < n->used)) {
        return false;
    }
    n->used = slot->used;
    n->busy = false;
    return true;
}

void pressure_match(struct model *m, size_t i)
{
    const struct inference_view *v = m->inference[i];
    const struct inference_slot *busy = NULL;
    struct agents a;
    size_t at_work = 0;
    bool whole = is_whole(v) && m->inference_fresh[i];
    for (size_t k = 0; k < v->slot_count; k++) {
        at_work += v->slots[k].busy;
        busy = v->slots[k].busy ? &v->slots[k] : busy;
    }
    for (size_t k = m->note_count; k-- > 0;) {
        struct pressure_note *n = &m->notes[k];
        bool again = whole && at_work == 1 && busy->id == n->slot; /* matched anew below, or not */
        if (n->endpoint == i && !again && (!whole || !note_holds(m, v, n))) {
            note_drop(m, k);
        }
    }
    if (!whole || at_work != 1) {
        return;
    }
    count_agents(m, i, &a);
    if (a.likely == 1 && !a.others) {
        note_add(m, a.likely_one, i, busy);
        return;
    }
    for (size_t k = m->note_count; k-- > 0;) {
        if (m->notes[k].endpoint == i && m->notes[k].slot == busy->id) {
            note_drop(m, k);
        }
    }
}

void pressure_release(struct model *m)
{
    free(m->notes);
}

/* Fills in how full. */
static void put(struct pressure *out, enum pressure_how how, uint64_t used, uint64_t window)
{
    if (window == 0 || used == 0) {
        return;
    }
    out->how = how;
    out->used = used;
    out->window = window;
    out->percent = used >= window ? 100 : (int)((double)used / (double)window * 100);
}

void pressure_of(const struct model *m, const struct session_info *s, struct pressure *out)
{
    const struct workspace *ws = model_workspace_by_sandbox(m, s->sandbox);
    size_t i = model_inference_index(m, ws);
    const struct inference_view *v = m->inference[i];
    memset(out, 0, sizeof(*out));
    if (!is_agent_of(m, s, i, &ws) || v->state != INFERENCE_READY || !v->has_slots) {
        return;
    }
    for (size_t k = 0; k < m->note_count; k++) {
        const struct pressure_note *n = &m->notes[k];
        const struct inference_slot *slot = n->endpoint == i ? find_slot(v, n->slot) : NULL;
        if (slot != NULL && strcmp(n->session, s->id) == 0) {
            out->slot = slot->id;
            put(out, PRESSURE_MATCHED, slot->used, slot->window);
            return;
        }
    }
    struct agents a;
    count_agents(m, i, &a);
    bool alone = is_whole(v) && v->slots_total == 1 && a.count == 1 && !a.others;
    out->slot = v->slots[0].id;
    put(out, alone ? PRESSURE_MATCHED : PRESSURE_FULLEST, v->full_used, v->full_window);
}
