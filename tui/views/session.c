/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* Network as read back: the short tag of the title line. */
static enum theme_role net_tag(const struct sandbox_info *info, const char **out)
{
    static const char *const names[] = {
        [NET_NONE] = "net:none", [NET_FULL] = "net:open", [NET_SHARED] = "net:shared", [NET_MODEL] = "net:model"};
    static const enum theme_role roles[] = {[NET_NONE] = THEME_NET_CLOSED,
                                            [NET_FULL] = THEME_NET_OPEN,
                                            [NET_SHARED] = THEME_WARN,
                                            [NET_MODEL] = THEME_NET_CLOSED};
    if (info->state != SANDBOX_RUNNING) {
        *out = "";
        return THEME_DIM;
    }
    *out = info->net_known ? names[info->net] : "net:?";
    return info->net_known ? roles[info->net] : THEME_WARN;
}

/* Backend, network and number at the right edge; returns where they begin. */
static int draw_tags(const struct app *app, struct surface *s, struct rect r, const struct workspace *ws,
                     const struct session_info *se)
{
    int end = r.x + r.w - 1;
    int number = se ? app_number(app, se->id) : 0;
    const char *net = "";
    enum theme_role role = ws ? net_tag(&ws->info, &net) : THEME_DIM;
    if (number) {
        char n[4];
        str_format(n, sizeof(n), "%d", number);
        struct style key = theme_style(&app->theme, number <= APP_DIGITS ? THEME_KEY : THEME_DIM);
        key.bg = theme_style(&app->theme, THEME_TEXT).bg;
        end = surface_text_right(s, end, r.y, 3, key, n) - 2;
    }
    if (*net) {
        end = surface_text_right(s, end, r.y, 16, theme_style(&app->theme, role), net) - 2;
    }
    if (ws && ws->backend[0] && r.w >= 60) {
        end = surface_text_right(s, end, r.y, 12, theme_style(&app->theme, THEME_DIM), ws->backend) - 2;
    }
    return end;
}

void session_title_draw(const struct app *app, struct surface *s, struct rect r)
{
    if (r.w <= 0 || r.h <= 0) {
        return;
    }
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    const struct workspace *ws = app_workspace(app);
    const struct session_info *se = app_session(app);
    const struct op_view *op = se ? NULL : app_op(app);
    if (!ws || app_start_kind(app) != START_NONE) {
        return;
    }
    bool focus = app->focus == FOCUS_MAIN;
    struct style title = theme_style(&app->theme, focus ? THEME_TITLE_FOCUS : THEME_TITLE),
                 dim = theme_style(&app->theme, THEME_DIM);
    int end = draw_tags(app, s, r, ws, se), x = r.x + 1;
    x += surface_text(s, x, r.y, end - x, title, ws->shown);
    const char *what = se ? session_shown(se) : op ? op->plan : "";
    if (*what && x + 4 < end) {
        x += 1 + surface_text(s, x + 1, r.y, 1, dim, glyph_text(GLYPH_ARROW, app->ascii)) + 1;
        x += surface_text(s, x, r.y, end - x, title, what);
    }
    const char *told = se ? session_told(se) : "";
    if (*told && x + 6 < end) {
        x += 2;
        x += surface_text(s, x, r.y, end - x, dim, told);
    }
    if (se && se->attention_text[0] && x + 8 < end) {
        char call[200];
        glyph_call(se, false, call, sizeof(call));
        x += 2;
        x += surface_textf(s, x, r.y, end - x, theme_style(&app->theme, THEME_ATTENTION), "%s %s",
                           glyph_text(GLYPH_ATTENTION, app->ascii), call[0] ? call : se->attention_text);
    }
    if (app->pane->copy.active && x + 14 < end) {
        x += 2 + surface_text(s, x + 2, r.y, end - x - 2, theme_style(&app->theme, THEME_ACCENT), "copy mode");
    }
    if (app->view.hidden > 0 && x + 4 < end) { /* the other panes of the layout */
        char text[40];
        const char *why = app->zoom && end - x > 16 ? " behind zoom" : end - x > 11 ? " hidden" : "";
        str_format(text, sizeof(text), "+%d%s", app->view.hidden, why);
        surface_text_right(s, end, r.y, end - x - 1, theme_style(&app->theme, THEME_NOTICE), text);
    }
}

/* Has the program ended? Then a bar below the last screen says so. */
static bool has_ended(const struct session_info *se)
{
    return se && (se->state == SESSION_EXITED || se->state == SESSION_LOST);
}

struct rect session_pane_rect(const struct session_info *se, struct rect r)
{
    if (has_ended(se) && r.h > 2) {
        r.h--;
    }
    return r;
}

/* "exited 0 - Enter closes, r runs again" */
static void draw_end(const struct app *app, struct surface *s, struct rect r, const struct session_info *se)
{
    bool good = se->state == SESSION_EXITED && se->exit_code == 0 && se->exit_signal == 0;
    struct style st = theme_style(&app->theme, good ? THEME_NOTICE : THEME_ERROR);
    char text[160];
    surface_fill(s, r, st);
    if (se->state == SESSION_LOST) {
        str_copy(text, sizeof(text), "its host process is gone, and the program with it");
    } else {
        session_end_text(se->exit_code, se->exit_signal, text, sizeof(text));
    }
    surface_textf(s, r.x + 1, r.y, r.w - 2, st, "%s %s  %s  Enter closes, r %s",
                  glyph_text(good ? GLYPH_DONE : GLYPH_FAILED, app->ascii), text, glyph_text(GLYPH_DASH, app->ascii),
                  r.w < 50 ? "again" : "runs it again");
}

/* "Not answering since 12:03", in the first row: what was typed last stands further down, as a rule. */
static void draw_silence(const struct app *app, struct surface *s, struct rect r, const struct session_info *se)
{
    struct style st = theme_style(&app->theme, THEME_ERROR);
    char at[8];
    clock_hhmm(se->silent_since_ms, at);
    surface_fill(s, r, st);
    surface_textf(s, r.x + 1, r.y, r.w - 2, st, "%s Not answering since %s%s", glyph_text(GLYPH_FAILED, app->ascii), at,
                  r.w < 80 ? "" : ": its host hangs or is stopped. What is typed waits");
}

void session_draw(const struct app *app, struct surface *s, struct rect r)
{
    session_body_draw(app, app->pane, s, r);
}

void session_body_draw(const struct app *app, const struct pane *p, struct surface *s, struct rect r)
{
    const struct session_info *se = model_session(app->model, p->id);
    struct rect place = session_pane_rect(se, r);
    pane_draw(p, s, place, &app->theme);
    if (!se) {
        return;
    }
    if (!pane_has_screen(p) && se->state != SESSION_LOST) {
        surface_text(s, r.x + 2, r.y + 1, r.w - 4, theme_style(&app->theme, THEME_DIM),
                     p->failed ? "This session cannot be viewed. The list says more." : "connecting...");
    }
    if (se->silent_since_ms && !has_ended(se) && r.h > 1) {
        draw_silence(app, s, (struct rect){r.x, r.y, r.w, 1}, se);
    }
    if (place.h < r.h) {
        draw_end(app, s, (struct rect){r.x, r.y + place.h, r.w, 1}, se);
    }
}
