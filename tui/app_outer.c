/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/clip.h"

/* What programs are told of the world outside, and what they may do to it: colours, the keyboard's protocol, the
 * clipboard. */

#define CLIP_WAIT_MS 10000 /* so long a program's wish can be granted */

/* Flags of kitty's protocol that the outer terminal is to keep now: the first always, as it tells keys apart; the
 * others only while keys go to a program that asked for them. */
static unsigned wanted_keys(const struct app *app)
{
    const struct session_screen *sc = app->pane->id[0] ? sessions_screen(app->sessions, app->pane->id) : NULL;
    bool to_program = !app->overlay && !app->prefix && app_pane_takes_keys(app) && sc;
    return to_program ? sc->kitty_flags | 1 : 1;
}

void app_outer_keys(struct app *app)
{
    if (app->outer.kitty) {
        app->outer_keys = wanted_keys(app);
        screen_set_kitty(app->screen, app->outer_keys);
    } else if (app->outer.answered && app->outer.modify) {
        screen_set_modify_other(app->screen);
    }
}

void app_outer_tell(struct app *app)
{
    const struct theme *t = &app->theme;
    struct sessions_outer o;

    if (!app->sessions) {
        return;
    }
    memset(&o, 0, sizeof(o));
    o.fg = t->pane_fg_own && app->outer.fg_known ? app->outer.fg : t->pane_fg;
    o.bg = t->pane_bg_own && app->outer.bg_known ? app->outer.bg : t->pane_bg;
    o.cursor = t->pane_fg_own && app->outer.cursor ? app->outer.cursor & 0xffffff : o.fg;
    memcpy(o.palette, app->outer.palette, sizeof(o.palette)); /* themes have none: these are what is seen */
    o.kitty = app->outer.kitty ? 31 : 0;
    o.clipboard = strcmp(app->config.clipboard, "off") != 0;
    sessions_set_outer(app->sessions, &o);
}

void app_outer_reply(struct app *app, const char *data, size_t len)
{
    unsigned change = outer_reply(&app->outer, data, len);

    if (change & OUTER_ASK_COLORS) {
        MT_CLEANUP(strbuf) struct strbuf ask = STRBUF_INIT;
        outer_ask_colors(&ask);
        screen_send(app->screen, ask.buf, ask.len);
    }
    if (change & OUTER_KEYS) {
        app_outer_keys(app);
    }
    if (change & OUTER_UNDERLINES) {
        screen_add_underlines(app->screen, app->outer.ul_styles, app->outer.ul_color);
        app_dirty(app);
    }
    if (change & (OUTER_COLORS | OUTER_KEYS)) {
        app_outer_tell(app);
    }
}

/* --- the clipboard --- */

void app_clip_forget(struct app *app)
{
    strbuf_release(&app->clip.text);
    app->clip.until_ms = 0;
}

bool app_clip_waits(const struct app *app)
{
    return app->clip.until_ms > loop_now_ms(app->loop);
}

void app_clip_allow(struct app *app)
{
    if (app_clip_waits(app)) {
        clip_copy(app->loop, app->screen, app->clip.text.buf, app->clip.text.len);
        app_say(app, "On the clipboard: %zu bytes", app->clip.text.len);
    }
    app_clip_forget(app);
}

/* Says who wants to write what. The answer is a command behind the prefix: a dialog would take the keys of whoever
 * types on, and a "y" that was meant for the program. */
static void ask_clip(struct app *app, const struct session_info *s, const char *text, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf begin = STRBUF_INIT;
    const char *chord = keymap_chord(app->keymap, CONTEXT_SESSION, command_find("session.clipboard"));

    if (app_clip_waits(app) && (app->toast.visible || app->prefix)) {
        log_info("session %s wanted to write %zu bytes to the clipboard while a wish was on the screen", s->id, len);
        return; /* what is allowed is what was read */
    }
    strbuf_clear(&app->clip.text);
    strbuf_add(&app->clip.text, text, len);
    app->clip.until_ms = loop_now_ms(app->loop) + CLIP_WAIT_MS;
    utf8_sanitize(&begin, text, len < 60 ? len : 60, false);
    app_say(app, "Session %s wants to set the clipboard (%zu bytes: \"%.60s%s\"). %s %s allows it", session_shown(s),
            len, begin.buf, len > 60 ? "..." : "", app->config.prefix, chord ? chord : ": session.clipboard");
}

void app_on_clipboard(struct app *app, const char *id, const char *text, size_t len)
{
    const struct session_info *s = sessions_find(app->sessions, id);

    if (!s || strcmp(app->config.clipboard, "off") == 0) {
        log_info("session %s wanted to write %zu bytes to the clipboard: not allowed", id, len);
    } else if (strcmp(app->config.clipboard, "on") == 0) {
        clip_copy(app->loop, app->screen, text, len);
    } else {
        ask_clip(app, s, text, len);
    }
}
