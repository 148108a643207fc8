/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "tui/app.h"

void overlay_push(struct app *app, struct overlay *o)
{
    o->below = app->overlay;
    o->since_ms = loop_now_ms(app->loop);
    app->overlay = o;
    app->prefix = false;
    app_dirty(app);
}

void overlay_close(struct app *app, struct overlay *o)
{
    for (struct overlay **at = &app->overlay; *at; at = &(*at)->below) {
        if (*at == o) {
            *at = o->below;
            o->ops->release(o);
            free(o);
            app_dirty(app);
            return;
        }
    }
}

void overlay_close_all(struct app *app)
{
    while (app->overlay) {
        overlay_close(app, app->overlay);
    }
}

struct rect overlay_box(struct rect whole, int w, int h)
{
    w = MT_MIN(w, whole.w);
    h = MT_MIN(h, whole.h);
    return (struct rect){whole.x + (whole.w - w) / 2, whole.y + (whole.h - h) / 3, w, h};
}

void line_edit_set(struct line_edit *e, const char *text)
{
    str_copy(e->text, sizeof(e->text), text);
    e->len = strlen(e->text);
    e->at = e->len;
}

void line_edit_insert(struct line_edit *e, const char *text, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, len, false);
    if (e->len + clean.len + 1 > sizeof(e->text)) {
        return;
    }
    memmove(e->text + e->at + clean.len, e->text + e->at, e->len - e->at + 1);
    memcpy(e->text + e->at, clean.buf, clean.len);
    e->len += clean.len;
    e->at += clean.len;
}

/* Byte offset of the cluster before `at`. */
static size_t before(const struct line_edit *e, size_t at)
{
    size_t i = 0, last = 0;
    while (i < at) {
        last = i;
        i += utf8_cluster(e->text + i, e->len - i, NULL);
    }
    return last;
}

/* Takes [from, to) out. */
static void cut(struct line_edit *e, size_t from, size_t to)
{
    memmove(e->text + from, e->text + to, e->len - to + 1);
    e->len -= to - from;
    e->at = from;
}

/* Where the word before the cursor begins. */
static size_t word_before(const struct line_edit *e)
{
    size_t i = e->at;
    while (i > 0 && strchr(" /", e->text[i - 1])) {
        i--;
    }
    while (i > 0 && !strchr(" /", e->text[i - 1])) {
        i--;
    }
    return i;
}

/* Control keys as in readline. */
static bool control_key(struct line_edit *e, uint32_t sym)
{
    switch (sym) {
    case 'a':
        e->at = 0;
        return true;
    case 'e':
        e->at = e->len;
        return true;
    case 'u':
        cut(e, 0, e->at);
        return true;
    case 'k':
        e->len = e->at;
        e->text[e->len] = '\0';
        return true;
    case 'w':
        cut(e, word_before(e), e->at);
        return true;
    case 'h':
        if (e->at) {
            cut(e, before(e, e->at), e->at);
        }
        return true;
    default:
        return false;
    }
}

bool line_edit_key(struct line_edit *e, struct key key)
{
    size_t next = e->at < e->len ? e->at + utf8_cluster(e->text + e->at, e->len - e->at, NULL) : e->len;
    if (key.mods == KEYMOD_CTRL) {
        return control_key(e, key.sym);
    }
    switch (key.sym) {
    case KEYSYM_LEFT:
        e->at = before(e, e->at);
        return true;
    case KEYSYM_RIGHT:
        e->at = next;
        return true;
    case KEYSYM_HOME:
        e->at = 0;
        return true;
    case KEYSYM_END:
        e->at = e->len;
        return true;
    case KEYSYM_DELETE:
        cut(e, e->at, next);
        return true;
    case KEYSYM_BACKSPACE:
        if (e->at) {
            cut(e, key.mods & KEYMOD_ALT ? word_before(e) : before(e, e->at), e->at);
        }
        return true;
    default:
        break;
    }
    if (key.sym >= 32 && key.sym < KEYSYM_UP && !(key.mods & (KEYMOD_ALT | KEYMOD_CTRL | KEYMOD_SUPER))) {
        char c[4];
        line_edit_insert(e, c, utf8_encode(key.sym, c));
        return true;
    }
    return false;
}
