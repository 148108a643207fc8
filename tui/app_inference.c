/* SPDX-License-Identifier: Apache-2.0 */
/* Which inference endpoints are in sight, and what is said when they change. */
#include "core/model/config_inference.h"
#include "core/model/pressure.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "tui/app.h"
#include "tui/glyph.h"

#define PRESSURE_HIGH 75 /* percent from which it is worth a colour */
#define PRESSURE_FULL 90

/* Adds one, once. */
static void add(size_t *list, size_t *n, size_t which)
{
    for (size_t i = 0; i < *n; i++) {
        if (list[i] == which) {
            return;
        }
    }
    if (*n <= CONFIG_INFERENCE_MAX) {
        list[(*n)++] = which;
    }
}

void app_sync_inference(struct app *app)
{
    size_t list[CONFIG_INFERENCE_MAX + 1] = {0}, n = 0;
    add(list, &n, model_inference_index(app->model, app_workspace(app))); /* in the header */
    for (int y = 0; y < app->layout.list.h - 1; y++) {                    /* beside the agents in the list */
        size_t i = (size_t)app->list_top + (size_t)y;
        const struct tree_row *row = i < app->tree.count ? &app->tree.rows[i] : NULL;
        const struct session_info *s =
            row != NULL && row->kind == TREE_SESSION ? model_session(app->model, row->session) : NULL;
        if (s != NULL && s->kind == SESSION_AGENT && s->state == SESSION_RUNNING) {
            add(list, &n, model_inference_index(app->model, model_workspace_by_sandbox(app->model, s->sandbox)));
        }
    }
    for (size_t i = 0; app->all_inference && i < model_inference_count(app->model); i++) {
        add(list, &n, i);
    }
    server_watch(app->server, list, n);
}

void app_inference_text(const struct app *app, const struct workspace *ws, char *out, size_t cap)
{
    const struct inference_view *v = model_inference_for(app->model, ws);
    out[0] = '\0';
    if (model_inference_count(app->model) > 1) {
        bool ready = v->state == INFERENCE_READY;
        str_format(out, cap, "%s, %s%s%s", v->name, v->endpoint, v->state != INFERENCE_UNSEEN ? ": " : "",
                   v->state == INFERENCE_UNSEEN ? ""
                   : ready                      ? path_base(v->model)
                                                : inference_state_name(v->state));
    }
}

enum theme_role app_pressure_text(const struct app *app, const struct session_info *s, char *out, size_t cap)
{
    struct pressure p;
    pressure_of(app->model, s, &p);
    out[0] = '\0';
    if (p.how != PRESSURE_NONE) {
        str_format(out, cap, "ctx %s%s%d%%", p.percent >= PRESSURE_HIGH ? glyph_text(GLYPH_HIGH, app->ascii) : "",
                   p.how == PRESSURE_FULLEST ? "~" : "", p.percent);
    }
    return p.percent >= PRESSURE_FULL ? THEME_BAD : p.percent >= PRESSURE_HIGH ? THEME_WARN : THEME_DIM;
}

enum theme_role app_pressure_long(const struct app *app, const struct session_info *s, char *out, size_t cap)
{
    char brief[40];
    struct pressure p;
    enum theme_role role = app_pressure_text(app, s, brief, sizeof(brief));
    pressure_of(app->model, s, &p);
    out[0] = '\0';
    if (p.how != PRESSURE_NONE) {
        str_format(out, cap, "%s %s of %llu tokens: %s", session_shown(s), brief, (unsigned long long)p.window,
                   p.how == PRESSURE_FULLEST ? "the server's fullest slot, not surely this agent's" : "its slot");
    }
    return role == THEME_DIM ? THEME_TEXT : role;
}

void app_reload_inference(struct app *app)
{
    MT_CLEANUP(strvec) struct strvec moved = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    engine_reload_inference(app->engine, &moved);
    for (size_t i = 0; i < moved.len; i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", moved.v[i]);
    }
    if (moved.len > 0) {
        app_warn(app, "Another inference server from now on: %s. Sessions that run keep the old one: start them again",
                 text.buf);
    }
    app_sync_inference(app);
}
