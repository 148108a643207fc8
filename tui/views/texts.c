/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/logtext.h"

/* Texts to read in a pager: help, log. */

#define LOG_TAIL_BYTES (2u << 20)

/* One context's keys. */
static void help_context(struct app *app, struct pager_build *b, enum command_context context, const char *title)
{
    pager_add(b, THEME_TITLE_FOCUS, "%s", title);
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        const char *chord = (c->contexts & context) ? keymap_chord(app->keymap, context, c) : NULL;
        bool digit = strncmp(c->name, "session.", 8) == 0 && c->name[8] >= '2' && c->name[8] <= '9';
        /* What works everywhere is told once, with the list. */
        if (!chord || digit || (context != CONTEXT_LIST && context != CONTEXT_COPY && (c->contexts & CONTEXT_LIST))) {
            continue;
        }
        bool one = strcmp(c->name, "session.1") == 0;
        pager_add(b, THEME_TEXT, "%-10s  %s", one ? "1 to 9" : chord, one ? "Session by number" : c->help);
        pager_mark_key(b, utf8_columns(one ? "1 to 9" : chord, strlen(one ? "1 to 9" : chord)));
    }
    pager_add(b, THEME_TEXT, "%s", "");
}

void dialog_help(struct app *app)
{
    struct pager_build b = {0};
    char title[96];
    help_context(app, &b, CONTEXT_LIST, "List");
    str_format(title, sizeof(title), "Session: %s first, then these, or any key of the list", app->config.prefix);
    help_context(app, &b, CONTEXT_SESSION, title);
    if (app->config.alt_digits) {
        b.count--;
        free(b.lines[b.count].text);
        pager_add(&b, THEME_TEXT, "%-10s  %s", "M-1 to M-9", "Alt and a digit: session by number, from anywhere");
        pager_mark_key(&b, 10);
        pager_add(&b, THEME_TEXT, "%s", "");
    }
    help_context(app, &b, CONTEXT_COPY, "Copy mode");
    help_context(app, &b, CONTEXT_PROVISION, "While a sandbox is brought up");
    pager_add(&b, THEME_TITLE_FOCUS, "Signs");
    static const struct {
        enum glyph glyph;
        const char *text;
    } signs[] = {
        {GLYPH_RUNNING, "running"}, {GLYPH_STOPPED, "stopped"},     {GLYPH_NONE, "no sandbox yet; an idle session"},
        {GLYPH_FAILED, "failed"},   {GLYPH_ATTENTION, "needs you"}, {GLYPH_DONE, "finished"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(signs); i++) {
        pager_add(&b, THEME_TEXT, "%s  %s", glyph_text(signs[i].glyph, app->ascii), signs[i].text);
        pager_mark_key(&b, 1);
    }
    pager_add(&b, THEME_TEXT, "%s", "");
    pager_add(&b, THEME_DIM, "Keys can be changed: [tui.keys] in %s",
              app->config.path ? app->config.path : "muthr.toml");
    pager_open(app, "All keys", b.lines, b.count, false);
}

/* The log file of the workspace's newest provision run, or NULL; caller frees. */
static char *log_file(struct app *app, const struct workspace *ws)
{
    const struct session_info *s, *best = NULL;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        if (s->kind == SESSION_PROVISION && s->log_path[0]) {
            best = s;
        }
    }
    if (best) {
        return xstrdup(best->log_path);
    }
    MT_CLEANUP(xfree) char *dir = path_join(app->paths->state, "logs");
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char *found = NULL;
    if (fs_list(dir, &names, NULL) == 0) {
        for (size_t i = 0; i < names.len; i++) {
            size_t n = strlen(ws->sandbox);
            if (n && strncmp(names.v[i], ws->sandbox, n) == 0 &&
                !strchr("0123456789abcdefghijklmnopqrstuvwxyz_", names.v[i][n])) {
                free(found);
                found = path_join(dir, names.v[i]);
            }
        }
    }
    return found;
}

/* The last part of a file. */
static int read_tail(const char *path, struct strbuf *out, bool *cut, struct error *err)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        return error_sys(err, errno, "%s", path);
    }
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    *cut = size > (long)LOG_TAIL_BYTES;
    fseek(f, *cut ? size - (long)LOG_TAIL_BYTES : 0, SEEK_SET);
    strbuf_reserve(out, LOG_TAIL_BYTES);
    char block[16384];
    size_t n;
    while (out->len < LOG_TAIL_BYTES && (n = fread(block, 1, sizeof(block), f)) > 0) {
        strbuf_add(out, block, n);
    }
    fclose(f);
    return 0;
}

void dialog_log(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    struct error err = ERROR_INIT;
    bool cut = false;
    if (!ws) {
        return;
    }
    MT_CLEANUP(xfree) char *path = log_file(app, ws);
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    if (!path) {
        app_say(app, "%s: there is no log of a provision run", ws->shown);
        return;
    }
    if (read_tail(path, &data, &cut, &err) != 0) {
        app_fail(app, &err);
        return;
    }
    logtext_lines(data.buf, data.len, &lines);
    struct pager_build b = {0};
    if (cut) {
        pager_add(&b, THEME_DIM, "(the last 2 MiB of %s)", path);
    }
    for (size_t i = cut ? 1 : 0; i < lines.len; i++) {
        const char *t = lines.v[i];
        enum theme_role role = strncmp(t, "[ERR]", 5) == 0    ? THEME_BAD
                               : strncmp(t, "[WARN]", 6) == 0 ? THEME_WARN
                               : strncmp(t, "[ OK ]", 6) == 0 ? THEME_OK
                               : strncmp(t, "[PROC]", 6) == 0 ? THEME_ACCENT
                                                              : THEME_TEXT;
        pager_add(&b, role, "%s", t);
    }
    if (b.count == 0) {
        pager_add(&b, THEME_DIM, "Nothing was printed yet.");
    }
    char title[400];
    str_format(title, sizeof(title), "%s: provisioning", ws->shown);
    pager_open(app, title, b.lines, b.count, true);
}
