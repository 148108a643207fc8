/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* The help: every key that does something, by context. */

/* One context's keys. */
static void help_context(struct app *app, struct pager_build *b, enum command_context context, const char *title)
{
    pager_add(b, THEME_TITLE_FOCUS, "%s", title);
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        const char *chord = (c->contexts & context) ? keymap_chord(app->keymap, context, c) : NULL;
        bool digit = strncmp(c->name, "session.", 8) == 0 && c->name[8] >= '2' && c->name[8] <= '9';
        /* What works everywhere is told once, with the list. */
        if (!chord || digit ||
            (context != CONTEXT_LIST && context != CONTEXT_COPY && (c->contexts & CONTEXT_LIST) &&
             keymap_chord(app->keymap, CONTEXT_LIST, c))) {
            continue;
        }
        bool one = strcmp(c->name, "session.1") == 0;
        pager_add(b, THEME_TEXT, "%-10s  %s", one ? "1 to 9" : chord, one ? "Session by number" : c->help);
        pager_mark_key(b, utf8_columns(one ? "1 to 9" : chord, strlen(one ? "1 to 9" : chord)));
    }
    pager_add(b, THEME_TEXT, "%s", "");
}

/* The keys behind the prefix. */
static void help_session(struct app *app, struct pager_build *b)
{
    char title[96];
    str_format(title, sizeof(title), "Session: %s first, then these, or any key of the list", app->config.prefix);
    help_context(app, b, CONTEXT_SESSION, title);
    if (app->config.alt_digits) {
        b->count--;
        free(b->lines[b->count].text);
        pager_add(b, THEME_TEXT, "%-10s  %s", "M-1 to M-9", "Alt and a digit: session by number, from anywhere");
        pager_mark_key(b, 10);
        pager_add(b, THEME_TEXT, "%s", "");
    }
}

void dialog_help(struct app *app)
{
    struct pager_build b = {0};
    enum command_context now = app_context(app); /* what matters now comes first */
    if (now == CONTEXT_COPY) {
        help_context(app, &b, CONTEXT_COPY, "Copy mode");
    }
    if (now == CONTEXT_SESSION) {
        help_session(app, &b);
    }
    help_context(app, &b, CONTEXT_LIST, "List");
    help_context(app, &b, CONTEXT_TASKS, "Tasks, below the list");
    if (now != CONTEXT_SESSION) {
        help_session(app, &b);
    }
    if (now != CONTEXT_COPY) {
        help_context(app, &b, CONTEXT_COPY, "Copy mode");
    }
    help_context(app, &b, CONTEXT_PROVISION, "While a sandbox is brought up");
    pager_add(&b, THEME_TITLE_FOCUS, "Signs");
    static const struct {
        enum glyph glyph;
        const char *text;
    } signs[] = {{GLYPH_RUNNING, "running"},
                 {GLYPH_STOPPED, "stopped"},
                 {GLYPH_NONE, "no sandbox yet; an idle session"},
                 {GLYPH_FAILED, "failed"},
                 {GLYPH_ATTENTION, "needs you"},
                 {GLYPH_DONE, "finished"},
                 {GLYPH_TASK, "a task that runs"},
                 {GLYPH_AGAIN, "a task that is started again soon"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(signs); i++) {
        pager_add(&b, THEME_TEXT, "%s  %s", glyph_text(signs[i].glyph, app->ascii), signs[i].text);
        pager_mark_key(&b, 1);
    }
    pager_add(&b, THEME_TEXT, "%s", "");
    pager_add(&b, THEME_DIM, "Keys can be changed: [tui.keys] in %s",
              app->config.path ? app->config.path : "muthr.toml");
    pager_open(app, "All keys", b.lines, b.count, false);
}
