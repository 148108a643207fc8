/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parts of the inference view go, and how they are drawn. */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/glyph.h"
#include "tui/graph.h"
#include "tui/serverline.h"
#include "tui/views/inference.h"
#include "tui/wrap.h"

#define WIDE_COLS 76
#define AXIS_COLS 7
#define GRAPH_MAX 512     /* values */
#define SPAN_SECONDS 240u /* that a graph shows at least, unless somebody wants another span */
#define DETAIL_ROWS 3     /* about the selected preset */

/* --- geometry --- */

/* Seconds of one value, so that so many show some minutes. */
static int seconds_of(const struct inference_panel *p, int values)
{
    static const int steps[] = {1, 2, 3, 5, 10};
    static const int zooms[] = {0, 1, 4, 10};
    if (p->zoom > 0) { /* no further back than is remembered */
        return mt_clamp(zooms[p->zoom], 1, MT_MAX((int)HISTORY_SAMPLES / MT_MAX(values, 1), 1));
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(steps); i++) {
        if (steps[i] * values >= (int)SPAN_SECONDS) {
            return steps[i];
        }
    }
    return 10;
}

/* Does a graph have anything to show? */
static bool has_past(const struct inference_panel *p)
{
    const struct history *h = server_history(p->app->server, p->endpoint);
    float values[HISTORY_SAMPLES / 10];
    if (inference_of(p)->state == INFERENCE_READY) {
        return true;
    }
    if (h != NULL) {
        history_get(h, HISTORY_CONTEXT, clock_mono_ms(), (uint64_t)HISTORY_SAMPLES * HISTORY_STEP_MS, values,
                    MT_ARRAY_LEN(values));
    }
    return h != NULL && graph_last(values, MT_ARRAY_LEN(values), MT_ARRAY_LEN(values)) >= 0;
}

/* Rows of the presets with their title and what is said of the selected one. */
static int presets_need(const struct inference_panel *p)
{
    return (int)MT_MIN(MT_MAX(p->presets.count, (size_t)1), (size_t)12) + 2 + DETAIL_ROWS;
}

void inference_place(const struct inference_panel *p, struct rect whole, struct inference_places *out)
{
    int blank = whole.h >= 30; /* below the title */
    struct rect body = {whole.x + 1, whole.y + 2 + blank, MT_MAX(whole.w - 2, 1), MT_MAX(whole.h - 2 - blank, 1)};
    bool wide = body.w >= WIDE_COLS;
    int left = wide ? MT_MAX(body.w * 11 / 20, 44) : body.w, h = body.h;
    *out = (struct inference_places){.title = {whole.x, whole.y + 1, whole.w, 1}, .seconds = 1};
    int graph = !has_past(p) ? 0 : h >= 40 ? 10 : h >= 30 ? 8 : h >= 24 ? 6 : h >= 18 ? 4 : 0;
    int log = h >= 17 ? MT_MAX(h / 4, 4) : 0;
    int facts = inference_facts(p, NULL, (struct rect){0, 0, wide ? left - 3 : body.w, h});
    if (wide && facts + 1 + graph + log > h) { /* the log can be had whole by a key */
        log = h - facts - 1 - graph >= 3 ? h - facts - 1 - graph : 0;
    }
    if (wide) {
        int top = MT_MIN(MT_MAX(facts, presets_need(p)) + 1, h - graph - log);
        top = log == 0 && graph == 0 ? h : top;
        graph = log == 0 && graph > 0 ? h - top : graph;
        out->status = (struct rect){body.x, body.y, left - 3, top - (top < h)};
        out->presets = (struct rect){body.x + left, body.y, body.w - left, top - (top < h)}; /* behind a line */
        if (graph > 0) {
            int half = (body.w - 2) / 2;
            out->rate = (struct rect){body.x, body.y + top, half, graph - 1};
            out->context = (struct rect){body.x + half + 2, body.y + top, body.w - half - 2, graph - 1};
        }
        log = log > 0 ? h - top - graph : 0;
    } else {
        int presets = MT_MIN(presets_need(p), MT_MAX(h - facts - (log > 0 ? log : 0), 3));
        int top = MT_MIN(facts + (h > 16), h - presets);
        graph = h >= 26 ? graph : 0;
        graph = h - top - presets - log >= graph ? graph : 0;
        out->status = (struct rect){body.x, body.y, body.w, top};
        out->presets = (struct rect){body.x, body.y + top, body.w, presets};
        out->rate = graph > 0 ? (struct rect){body.x, body.y + top + presets, body.w, graph - 1} : out->rate;
        log = log > 0 ? h - top - presets - graph : 0;
    }
    out->log = (struct rect){body.x, body.y + h - log, body.w, log};
    out->seconds = seconds_of(p, MT_MAX(out->rate.w - AXIS_COLS, 1) * 2);
}

/* --- parts --- */

/* A heading with a line behind it. */
static int heading(const struct inference_panel *p, struct surface *s, struct rect r, const char *text)
{
    int x = r.x + surface_text(s, r.x, r.y, r.w, theme_style(&p->app->theme, THEME_TITLE), text) + 1;
    if (x < r.x + r.w) {
        surface_hline(s, x, r.y, r.x + r.w - x, theme_style(&p->app->theme, THEME_BORDER));
    }
    return x;
}

/* The servers to choose from, or the one there is. */
static void draw_title(const struct inference_panel *p, struct surface *s, struct rect r)
{
    const struct theme *t = &p->app->theme;
    size_t count = model_inference_count(p->app->model), first = 0;
    int room = r.w - 22, wide = 0;
    for (size_t i = 0; i < count; i++) { /* the one that is shown is always among them */
        const struct inference_view *v = model_inference_at(p->app->model, i);
        wide += (int)strlen(v->name) + 4;
        if (i == p->endpoint) {
            wide += (int)strlen(v->endpoint);
            for (; wide > room && first < i; first++) {
                wide -= (int)strlen(model_inference_at(p->app->model, first)->name) + 4;
            }
        }
    }
    surface_fill(s, r, theme_style(t, THEME_TEXT));
    int x = r.x + 1, end = r.x + r.w - 1;
    x += surface_text(s, x, r.y, end - x, theme_style(t, THEME_TITLE_FOCUS), "Inference server") + 2;
    for (size_t i = first; i < count && x < end; i++) {
        const struct inference_view *v = model_inference_at(p->app->model, i);
        bool on = v == inference_of(p);
        struct style st = theme_style(t, on && count > 1 ? THEME_SELECTION : on ? THEME_TEXT : THEME_DIM);
        if (count > 1) {
            x += surface_textf(s, x, r.y, end - x, st, " %s %s ", v->name, on ? v->endpoint : "") + 1;
        } else {
            x += surface_text(s, x, r.y, end - x, st, v->endpoint) + 1;
        }
    }
}

/* One preset; `cols` are those of name and model. */
static void draw_preset(const struct inference_panel *p, struct surface *s, struct rect r, size_t i, int name_cols)
{
    const struct preset *preset = &p->presets.v[i];
    const struct theme *t = &p->app->theme;
    bool on = i == p->at, bad = preset->error.code != ERROR_NONE, runs = preset_is_running(p, preset);
    enum theme_role ground = on ? THEME_SELECTION : THEME_TEXT;
    if (on) {
        surface_fill(s, r, theme_style(t, THEME_SELECTION));
    }
    struct style name = theme_on(t, bad ? THEME_BAD : THEME_STRONG, ground);
    struct style dim = theme_on(t, on ? THEME_TEXT : THEME_DIM, ground), ok = theme_on(t, THEME_OK, ground);
    int end = r.x + r.w - 1;
    surface_text(s, r.x, r.y, 1,
                 bad    ? name
                 : runs ? ok
                        : dim,
                 glyph_text(bad    ? GLYPH_FAILED
                            : runs ? GLYPH_RUNNING
                                   : GLYPH_NONE,
                            p->app->ascii));
    surface_text(s, r.x + 2, r.y, name_cols, name, preset->twin != NULL ? preset->file : preset->name);
    const char *right = runs ? "runs" : bad ? "" : preset->runtime;
    if (right[0] != '\0' && r.w > 40) {
        end = surface_text_right(s, end, r.y, 8, runs ? ok : dim, right) - 1;
    }
    int x = r.x + 3 + name_cols;
    surface_text(s, x, r.y, MT_MAX(end - x, 0), bad ? theme_on(t, THEME_BAD, ground) : dim,
                 bad ? preset->error.msg : preset->model);
}

/* What is to be known of the selected preset. */
static void draw_detail(const struct inference_panel *p, struct surface *s, struct rect r)
{
    const struct preset *preset = &p->presets.v[p->at];
    const struct theme *t = &p->app->theme;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
    bool bad = preset->error.code != ERROR_NONE;
    if (bad) {
        strbuf_addf(&text, "%s: %s", preset->file, preset->error.msg);
    } else {
        strbuf_addf(&text, "%s: %s", preset->file, preset->model);
        if (preset->host[0] != '\0' || preset->port != 0) {
            strbuf_addf(&text, ", on %s:%lld", preset->host[0] != '\0' ? preset->host : p->app->config.server_host,
                        (long long)(preset->port != 0 ? preset->port : p->app->config.server_port));
        }
        if (preset->port != 0 && preset->port != p->app->config.server_port) {
            strbuf_addf(&text, " (the cockpit looks at port %lld: server_port)", (long long)p->app->config.server_port);
        }
    }
    if (preset->twin != NULL) {
        strbuf_addf(&text, ". %s has the same name, so each is called by its file", preset->twin);
    }
    const char *rest = text.buf;
    for (int y = 0; y < r.h && wrap_next(&rest, MT_MAX(r.w, 8), &line) >= 0; y++) {
        surface_text(s, r.x, r.y + y, r.w, theme_style(t, bad ? THEME_BAD : THEME_DIM), line.buf);
    }
}

/* Rows of what is said of the selected preset. */
static int detail_rows(struct rect r)
{
    return r.h >= 9 ? DETAIL_ROWS : r.h >= 6 ? 2 : 0;
}

int inference_rows(const struct inference_panel *p, struct rect presets)
{
    int detail = detail_rows(presets);
    return MT_MIN((int)p->presets.count, MT_MAX(presets.h - 1 - (detail > 0 ? detail + 1 : 0), 0));
}

size_t inference_top(const struct inference_panel *p, int rows)
{
    size_t at = p->at, n = (size_t)MT_MAX(rows, 1);
    return p->presets.count <= n || at < n / 2 ? 0 : MT_MIN(at - n / 2, p->presets.count - n);
}

static void draw_presets(const struct inference_panel *p, struct surface *s, struct rect r)
{
    char text[64];
    int detail = detail_rows(r), name_cols = 4, rows = inference_rows(p, r);
    struct rect old = surface_clip(s, r);
    size_t top = inference_top(p, rows);
    str_copy(text, sizeof(text), "Presets");
    if ((int)p->presets.count > rows) {
        str_format(text, sizeof(text), "Presets %zu of %zu", p->at + 1, p->presets.count);
    }
    heading(p, s, (struct rect){r.x, r.y, r.w, 1}, text);
    for (size_t i = 0; i < p->presets.count; i++) {
        const struct preset *one = &p->presets.v[i];
        const char *name = one->twin != NULL ? one->file : one->name;
        name_cols = MT_MAX(name_cols, utf8_columns(name, strlen(name)));
    }
    name_cols = MT_MIN(name_cols, MT_MAX(r.w / 3, 8));
    if (p->presets.count == 0 && p->looked) {
        surface_text(s, r.x, r.y + 1, r.w, theme_style(&p->app->theme, THEME_DIM), "none");
    }
    for (int y = 0; y < rows; y++) {
        draw_preset(p, s, (struct rect){r.x, r.y + 1 + y, r.w, 1}, top + (size_t)y, name_cols);
    }
    if (detail > 0 && p->at < p->presets.count) {
        draw_detail(p, s, (struct rect){r.x, r.y + 2 + rows, r.w, detail});
    }
    surface_unclip(s, old);
}

/* --- graphs --- */

/* What the height of a graph means, and what it is now. */
struct scale {
    const char *title;
    float top;
    char high[16], now[32];
};

/* One graph with title, scale and time. */
static void draw_graph(const struct inference_panel *p, struct surface *s, struct rect r, const float *values,
                       size_t count, const struct scale *scale, int seconds)
{
    const struct app *app = p->app;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int rows = r.h - 2, x = r.x + AXIS_COLS;
    char ago[32];
    heading(p, s, (struct rect){r.x, r.y, r.w, 1}, scale->title);
    if (scale->now[0] != '\0') {
        char text[40];
        str_format(text, sizeof(text), " %s ", scale->now);
        surface_text_right(s, r.x + r.w - 1, r.y, 24, theme_style(&app->theme, THEME_STRONG), text);
    }
    for (int y = 0; y < rows; y++) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        graph_row(values, count, scale->top, rows, y, app->ascii, &line);
        surface_text(s, x, r.y + 1 + y, r.w - AXIS_COLS, theme_style(&app->theme, THEME_GAUGE), line.buf);
    }
    surface_text_right(s, x - 1, r.y + 1, AXIS_COLS - 1, dim, scale->high);
    if (rows > 1) {
        surface_text_right(s, x - 1, r.y + rows, AXIS_COLS - 1, dim, "0");
    }
    clock_mmss((uint64_t)count * (uint64_t)seconds * 1000, ago, sizeof(ago));
    surface_textf(s, x, r.y + r.h - 1, r.w - AXIS_COLS, dim, "%s ago", ago);
    if (graph_last(values, count, count) < 0) {
        surface_text(s, x, r.y + r.h / 2, r.w - AXIS_COLS, dim, "not told by this server, or not watched");
    }
    surface_text_right(s, r.x + r.w, r.y + r.h - 1, 4, dim, "now");
}

/* Both graphs. */
static void draw_graphs(const struct inference_panel *p, struct surface *s, const struct inference_places *at)
{
    const struct history *h = server_history(p->app->server, p->endpoint);
    const struct inference_view *v = inference_of(p);
    float values[GRAPH_MAX];
    uint64_t now = clock_mono_ms();
    for (int k = 0; k < HISTORY_KINDS; k++) {
        struct rect r = k == HISTORY_RATE ? at->rate : at->context;
        size_t count = (size_t)MT_MIN(MT_MAX(r.w - AXIS_COLS, 1) * 2, GRAPH_MAX);
        if (r.h < 3) {
            continue;
        }
        for (size_t i = 0; h == NULL && i < count; i++) {
            values[i] = -1;
        }
        if (h != NULL) {
            history_get(h, (enum history_what)k, now, (uint64_t)count * (uint64_t)at->seconds * HISTORY_STEP_MS, values,
                        count);
        }
        struct scale scale = {.title = k == HISTORY_RATE ? "Tokens a second" : "Context in use", .top = 1};
        float last = graph_last(values, count, 2);
        bool known = last >= 0 && v->state == INFERENCE_READY;
        if (k == HISTORY_RATE) {
            scale.top = graph_top(values, count, 10);
            str_format(scale.high, sizeof(scale.high), "%.0f", (double)scale.top);
            if (known) {
                str_format(scale.now, sizeof(scale.now), "%.0f", v->tokens_per_s >= 0 ? v->tokens_per_s : (double)last);
            }
        } else {
            str_copy(scale.high, sizeof(scale.high), "100%");
            if (v->room > 0) {
                serverline_tokens(v->room, scale.high);
            }
            if (known) {
                str_format(scale.now, sizeof(scale.now), "%.0f%%", (double)last * 100);
            }
        }
        draw_graph(p, s, r, values, count, &scale, at->seconds);
    }
}

/* --- log --- */

static void draw_log(const struct inference_panel *p, struct surface *s, struct rect r)
{
    const struct log_tail *t = &p->log;
    char text[80];
    if (r.h < 2) {
        return;
    }
    str_format(text, sizeof(text),
               p->looked && inference_ours(p) == NULL ? "Log of %s, as it was started here last" : "Log of %s",
               p->looked ? inference_shown(p)->runtime->exe : "the server");
    heading(p, s, (struct rect){r.x, r.y, r.w, 1}, text);
    size_t rows = MT_MIN((size_t)(r.h - 1), t->count);
    for (size_t i = 0; i < rows; i++) {
        size_t at = (t->first + t->count - rows + i) % INFERENCE_LOG_LINES;
        surface_text(s, r.x, r.y + 1 + (int)i, r.w,
                     theme_style(&p->app->theme, t->lines[at].error ? THEME_TEXT : THEME_DIM), t->lines[at].text);
    }
    if (rows == 0 && p->looked) {
        surface_text(s, r.x, r.y + 1, r.w, theme_style(&p->app->theme, THEME_DIM),
                     "empty: no server that was started here has written anything");
    }
}

void inference_draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct inference_panel *p = (const struct inference_panel *)o;
    struct inference_places at;
    surface_fill(s, (struct rect){whole.x, whole.y + 1, whole.w, whole.h - 1}, theme_style(&app->theme, THEME_TEXT));
    inference_place(p, whole, &at);
    draw_title(p, s, at.title);
    inference_facts(p, s, at.status);
    draw_presets(p, s, at.presets);
    if (at.status.w < whole.w - 2) {
        surface_vline(s, at.presets.x - 2, at.status.y, at.status.h, theme_style(&app->theme, THEME_BORDER));
    }
    draw_graphs(p, s, &at);
    draw_log(p, s, at.log);
    if (app->overlay != o && !app->overlay->ops->one_line) { /* a frame above it leaves this row free */
        surface_fill(s, (struct rect){whole.x, whole.y + whole.h - 1, whole.w, 1},
                     theme_style(&app->theme, THEME_TEXT));
    }
}
