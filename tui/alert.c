/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/alert.h"

#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define LEAST_GAP_MS 3000
#define TEXT_MAX 200 /* bytes of a notification: terminals show one or two lines */

bool alert_is_due(struct alerts *a, const struct session_info *s, uint64_t wall_ms)
{
    struct alert_told *mine = NULL;
    if (!session_wants_person(s)) {
        return false;
    }
    for (size_t i = 0; i < a->count && !mine; i++) {
        mine = strcmp(a->v[i].id, s->id) == 0 ? &a->v[i] : NULL;
    }
    if (!mine) {
        a->v = xreallocarray(a->v, a->count + 1, sizeof(*a->v));
        mine = &a->v[a->count++];
        *mine = (struct alert_told){.since_ms = 0};
        str_copy(mine->id, sizeof(mine->id), s->id);
    }
    bool is_new = mine->since_ms != s->attention_since_ms && s->attention_since_ms >= a->begin_wall_ms;
    mine->since_ms = s->attention_since_ms;
    if (!is_new || (mine->told_ms && wall_ms >= mine->told_ms && wall_ms - mine->told_ms < LEAST_GAP_MS)) {
        return false;
    }
    mine->told_ms = wall_ms;
    return true;
}

void alert_forget(struct alerts *a, const char *id)
{
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->v[i].id, id) == 0) {
            a->v[i] = a->v[--a->count];
            return;
        }
    }
}

void alert_release(struct alerts *a)
{
    free(a->v);
    *a = (struct alerts){.count = 0};
}

/* Text for within a control string: no control characters, no separators, not too long. */
static void add_text(struct strbuf *out, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    char brief[TEXT_MAX];
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(brief, sizeof(brief), clean.buf);
    for (const char *p = brief; *p; p++) {
        strbuf_addch(out, *p == ';' ? ',' : *p);
    }
}

void alert_bytes(struct strbuf *out, bool bell, const char *notify, const char *where, const char *text)
{
    if (bell) {
        strbuf_addch(out, '\a');
    }
    if (strcmp(notify, "osc9") == 0) {
        strbuf_addstr(out, "\033]9;muthr: "); /* the word keeps a name of digits from being a progress report (9;4) */
        add_text(out, where);
        strbuf_addstr(out, ": ");
        add_text(out, text);
        strbuf_addstr(out, "\033\\");
    } else if (strcmp(notify, "osc777") == 0) {
        strbuf_addstr(out, "\033]777;notify;muthr: ");
        add_text(out, where);
        strbuf_addch(out, ';');
        add_text(out, text);
        strbuf_addstr(out, "\033\\");
    } else if (strcmp(notify, "osc99") == 0) {
        strbuf_addstr(out, "\033]99;i=muthr:d=0;muthr: ");
        add_text(out, where);
        strbuf_addstr(out, "\033\\\033]99;i=muthr:d=1:p=body;");
        add_text(out, text);
        strbuf_addstr(out, "\033\\");
    }
}
