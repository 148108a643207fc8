/* SPDX-License-Identifier: Apache-2.0 */
/* The model's sessions: by start, and who needs a person next. */
#include <stdlib.h>
#include <string.h>

#include "core/model/model_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

size_t model_session_count(const struct model *m)
{
    return m->session_count;
}

const struct session_info *model_session_at(const struct model *m, size_t i)
{
    return i < m->session_count ? m->sessions[i] : NULL;
}

const struct session_info *model_session(const struct model *m, const char *id)
{
    for (size_t i = 0; id != NULL && i < m->session_count; i++) {
        if (strcmp(m->sessions[i]->id, id) == 0) {
            return m->sessions[i];
        }
    }
    return NULL;
}

const struct session_info *model_session_of(const struct model *m, const char *sandbox, size_t i)
{
    for (size_t k = 0; k < m->session_count; k++) {
        if (strcmp(m->sessions[k]->sandbox, sandbox) == 0 && i-- == 0) {
            return m->sessions[k];
        }
    }
    return NULL;
}

/* By start, then by id. */
static int compare_sessions(const struct session_info *a, const struct session_info *b)
{
    if (a->started_wall_ms != b->started_wall_ms) {
        return a->started_wall_ms < b->started_wall_ms ? -1 : 1;
    }
    return strcmp(a->id, b->id);
}

/* The workspace id of a session, for events; 0 when it has none. */
static workspace_id session_workspace(const struct model *m, const struct session_info *s)
{
    const struct workspace *w = model_workspace_by_sandbox(m, s->sandbox);
    return w != NULL ? w->id : 0;
}

/* Places a new entry at its place by start time. */
static void insert_session(struct model *m, const struct session_info *s)
{
    m->sessions = xreallocarray(m->sessions, m->session_count + 1, sizeof(*m->sessions));
    size_t at = m->session_count;
    while (at > 0 && compare_sessions(m->sessions[at - 1], s) > 0) {
        at--;
    }
    memmove(&m->sessions[at + 1], &m->sessions[at], (m->session_count - at) * sizeof(*m->sessions));
    m->sessions[at] = xmalloc(sizeof(*s));
    *m->sessions[at] = *s;
    m->session_count++;
}

void model_put_session(struct model *m, const struct session_info *s)
{
    for (size_t i = 0; i < m->session_count; i++) {
        struct session_info *mine = m->sessions[i];
        if (strcmp(mine->id, s->id) != 0) {
            continue;
        }
        bool attention = mine->attention != s->attention || mine->attention_since_ms != s->attention_since_ms ||
                         strcmp(mine->attention_text, s->attention_text) != 0;
        bool stirs = s->kind == SESSION_AGENT && (mine->working != s->working || mine->state != s->state);
        *mine = *s;
        if (stirs) {
            pressure_match(m, model_inference_index(m, model_workspace_by_sandbox(m, s->sandbox)));
        }
        model_publish(m, MODEL_SESSION, session_workspace(m, s), 0, s->id);
        if (attention) {
            model_publish(m, MODEL_ATTENTION, session_workspace(m, s), 0, s->id);
        }
        return;
    }
    insert_session(m, s);
    if (s->kind == SESSION_AGENT) {
        pressure_match(m, model_inference_index(m, model_workspace_by_sandbox(m, s->sandbox)));
    }
    model_publish(m, MODEL_SESSION_ADDED, session_workspace(m, s), 0, s->id);
    if (s->attention != ATTENTION_NONE) {
        model_publish(m, MODEL_ATTENTION, session_workspace(m, s), 0, s->id);
    }
}

void model_remove_session(struct model *m, const char *id)
{
    for (size_t i = 0; i < m->session_count; i++) {
        if (strcmp(m->sessions[i]->id, id) != 0) {
            continue;
        }
        struct session_info *gone = m->sessions[i];
        memmove(&m->sessions[i], &m->sessions[i + 1], (m->session_count - i - 1) * sizeof(*m->sessions));
        m->session_count--;
        model_publish(m, MODEL_SESSION_REMOVED, session_workspace(m, gone), 0, gone->id);
        free(gone);
        return;
    }
}

/* Who is to be looked at first: 1 those that call for a person, 2 those that have ended well, 3 those that were looked
 * at and still wait; 0: it is not to be looked at. */
static int call_rank(const struct session_info *s)
{
    if (s->attention == ATTENTION_NONE) {
        return 0;
    }
    if (s->attention_seen) {
        return s->attention == ATTENTION_WAITING ? 3 : 0;
    }
    return session_wants_person(s) ? 1 : 2;
}

/* Whether `a` has waited longer than `b`; the id decides between equals. */
static bool waits_longer(const struct session_info *a, const struct session_info *b)
{
    if (a->attention_since_ms != b->attention_since_ms) {
        return a->attention_since_ms < b->attention_since_ms;
    }
    return strcmp(a->id, b->id) < 0;
}

const struct session_info *model_next_attention(const struct model *m, const char *after)
{
    const struct session_info *from = after != NULL ? model_session(m, after) : NULL, *first = NULL, *next = NULL;
    int rank = 0;
    for (size_t i = 0; i < m->session_count; i++) {
        int r = m->sessions[i] == from ? 0 : call_rank(m->sessions[i]);
        rank = r != 0 && (rank == 0 || r < rank) ? r : rank;
    }
    for (size_t i = 0; rank != 0 && i < m->session_count; i++) {
        const struct session_info *s = m->sessions[i];
        if (s == from || call_rank(s) != rank) {
            continue;
        }
        if (first == NULL || waits_longer(s, first)) {
            first = s;
        }
        if (from != NULL && call_rank(from) == rank && waits_longer(from, s) &&
            (next == NULL || waits_longer(s, next))) {
            next = s;
        }
    }
    return next != NULL ? next : first; /* past the last: round again */
}
