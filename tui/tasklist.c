/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/tasklist.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/match.h"
#include "tui/tasktext.h"

/* A task and what it is sorted by. */
struct entry {
    const struct session_info *s;
    const struct workspace *ws; /* NULL: none is known */
    size_t index;               /* in the model: by start */
};

const char *tasklist_place(const struct model *m, const struct session_info *s)
{
    const struct workspace *ws = model_workspace_by_sandbox(m, s->sandbox);
    return ws ? ws->shown : s->project[0] ? s->project : s->sandbox;
}

/* Machines, then workspaces as the list has them, then the order of their starts. */
static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int by = strcmp(x->ws ? x->ws->host : "~", y->ws ? y->ws->host : "~");
    by = by ? by : strcasecmp(x->ws ? x->ws->name : x->s->sandbox, y->ws ? y->ws->name : y->s->sandbox);
    by = by ? by : strcmp(x->s->sandbox, y->s->sandbox);
    return by ? by : x->index < y->index ? -1 : x->index > y->index;
}

/* Does the filter leave it? */
static bool is_wanted(const struct model *m, const struct session_info *s, const char *filter)
{
    if (!*filter) {
        return true;
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char state[400], ports[80];
    tasktext_state(s, clock_wall_ms(), state, sizeof(state));
    tasktext_ports(s, ports, sizeof(ports));
    strbuf_addf(&text, "%s %s %s %s %s", tasklist_place(m, s), session_shown(s), state, ports, s->last_line);
    return match_words(filter, text.buf, NULL);
}

void tasklist_build(struct tasklist *l, const struct model *m, const char *filter)
{
    size_t n = model_session_count(m), kept = 0;
    struct entry *v = xcalloc(n + 1, sizeof(*v));
    l->count = l->all = 0;
    for (size_t i = 0; i < n; i++) {
        const struct session_info *s = model_session_at(m, i);
        if (s->kind == SESSION_TASK) {
            l->all++;
            if (is_wanted(m, s, filter)) {
                v[kept++] = (struct entry){.s = s, .ws = model_workspace_by_sandbox(m, s->sandbox), .index = i};
            }
        }
    }
    qsort(v, kept, sizeof(*v), entry_compare);
    if (kept > l->cap) {
        l->cap = kept * 2;
        l->ids = xreallocarray(l->ids, l->cap, sizeof(*l->ids));
    }
    for (; l->count < kept; l->count++) {
        str_copy(l->ids[l->count], SESSION_ID_MAX, v[l->count].s->id);
    }
    free(v);
}

void tasklist_release(struct tasklist *l)
{
    free(l->ids);
    *l = (struct tasklist){0};
}

long tasklist_find(const struct tasklist *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->ids[i], id) == 0) {
            return (long)i;
        }
    }
    return -1;
}
