/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/serverline.h"

#include <string.h>

#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "tui/glyph.h"

#define FORMS 5
#define GAUGE_COLS 10
#define NAME_COLS 24
#define NAME_COLS_SHORT 16

/* Adds a text after `gap` columns. */
static void add(struct serverline *l, int gap, enum theme_role role, const char *text)
{
    if (text[0] != '\0' && l->count < SERVERLINE_PIECES) {
        struct serverline_piece *p = &l->pieces[l->count];
        p->gap = l->count > 0 ? gap : 0;
        p->role = role;
        str_copy(p->text, sizeof(p->text), text);
        l->columns += p->gap + utf8_columns(p->text, strlen(p->text));
        l->count++;
    }
}

void serverline_tokens(uint64_t n, char out[16])
{
    if (n < 1000) {
        str_format(out, 16, "%u", (unsigned)n);
    } else if (n < 999500) {
        str_format(out, 16, "%uk", (unsigned)((n + 500) / 1000));
    } else if (n < 99950000) {
        str_format(out, 16, "%.1fM", (double)n / 1e6);
    } else {
        str_format(out, 16, "%.0fM", (double)n / 1e6);
    }
}

/* A model's name as people say it: without folders and the file's ending. */
static void name_text(const struct inference_view *v, int columns, bool ascii, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf name = STRBUF_INIT, cut = STRBUF_INIT;
    strbuf_addstr(&name, path_base(v->model));
    if (name.len > 5 && strcmp(name.buf + name.len - 5, ".gguf") == 0) {
        strbuf_truncate(&name, name.len - 5);
    }
    utf8_fit(&cut, name.buf, columns, ascii);
    str_copy(out, cap, cut.buf);
}

enum theme_role serverline_pressure(uint64_t used, uint64_t window)
{
    return window > 0 && used >= window - window / 10  ? THEME_BAD
           : window > 0 && used >= window - window / 4 ? THEME_WARN
                                                       : THEME_BAR;
}

/* A gauge of the fullest context. */
static void add_gauge(struct serverline *l, uint64_t used, uint64_t window, bool ascii)
{
    char full[64] = "", rest[64] = "";
    int n = (int)((double)used / (double)window * GAUGE_COLS + 0.5);
    for (int i = 0; i < GAUGE_COLS; i++) {
        char *to = i < n ? full : rest;
        size_t at = strlen(to);
        str_copy(to + at, 64 - at, glyph_text(i < n ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY, ascii));
    }
    add(l, 1, serverline_pressure(used, window) == THEME_BAR ? THEME_GAUGE : serverline_pressure(used, window), full);
    int gap = full[0] != '\0' ? 0 : 1;
    add(l, gap, THEME_GAUGE_BACK, rest);
}

/* Context in use: of the fullest slot where they are known, of all where only a share is told; else how much there is.
 */
static void add_context(struct serverline *l, const struct inference_view *v, int form, bool ascii)
{
    char used[16], window[16], text[48];
    uint64_t all = v->full_window != 0 ? v->full_window : v->window;
    serverline_tokens(v->full_used, used);
    serverline_tokens(all, window);
    if (v->has_slots && all > 0) {
        if (form == 0) {
            add(l, 2, THEME_BAR_DIM, "ctx");
            add_gauge(l, v->full_used, all, ascii);
        }
        str_format(text, sizeof(text), "%s/%s", used, window);
        add(l, form == 0 ? 1 : 2, serverline_pressure(v->full_used, all), text);
    } else if (v->cache_percent >= 0) {
        str_format(text, sizeof(text), "cache %d%%", v->cache_percent);
        add(l, 2, THEME_BAR, text);
    } else if (all > 0 && form < 3) {
        str_format(text, sizeof(text), "ctx %s", window);
        add(l, 2, THEME_BAR_DIM, text);
    }
}

/* Slots, queue, and what it does at the moment. */
static void add_work(struct serverline *l, const struct inference_view *v, int form)
{
    char text[48] = "";
    if (v->slots_busy >= 0 && v->slots_total > 0) {
        str_format(text, sizeof(text), form == 0 ? "slots %d/%d" : "%d/%d", v->slots_busy, v->slots_total);
        add(l, 2, v->slots_busy > 0 ? THEME_BAR : THEME_BAR_DIM, text);
    } else if (v->running > 0 && form == 0) {
        str_format(text, sizeof(text), "%d running", v->running);
        add(l, 2, THEME_BAR, text);
    }
    if (v->queued > 0 && form < 2) {
        str_format(text, sizeof(text), "%d wait", v->queued);
        add(l, 2, THEME_WARN, text);
    }
    if (v->progress >= 0) {
        str_format(text, sizeof(text), form < 2 ? "reads %d%%" : "r %d%%", v->progress);
        add(l, 2, THEME_BAR, text);
    } else if (v->tokens_per_s > 0) {
        str_format(text, sizeof(text), v->tokens_per_s < 9.95 ? "%.1f" : "%.0f", v->tokens_per_s);
        size_t at = strlen(text);
        str_copy(text + at, sizeof(text) - at, form < 2 ? " tok/s" : " t/s");
        add(l, 2, THEME_BAR, text);
    }
}

/* Glyph, colour and word of a state. */
static struct state_look look_of(const struct inference_view *v)
{
    switch (v->state) {
    case INFERENCE_READY:
        return v->sleeping ? (struct state_look){GLYPH_STOPPED, false, "sleeps", THEME_BAR_DIM}
                           : (struct state_look){GLYPH_RUNNING, false, "ready", THEME_OK};
    case INFERENCE_LOADING:
        return (struct state_look){GLYPH_STOPPED, false, "model loading", THEME_BUSY};
    case INFERENCE_UNAUTHORISED:
        return (struct state_look){GLYPH_FAILED, false, "model server wants a key", THEME_WARN};
    case INFERENCE_FOREIGN:
        return (struct state_look){GLYPH_UNKNOWN, false, "no model server", THEME_WARN};
    default:
        return (struct state_look){GLYPH_NONE, false, "model server down", THEME_BAR_DIM};
    }
}

/* One form, from the longest (0) to the shortest. */
static void build(const struct inference_view *v, const char *endpoint, int form, bool ascii, struct serverline *out)
{
    struct state_look look = look_of(v);
    char name[64];
    bool ready = v->state == INFERENCE_READY;
    out->count = out->columns = 0;
    if (endpoint != NULL) {
        str_format(name, sizeof(name), form < 3 ? "%s" : "%.8s", endpoint);
        add(out, 0, THEME_BAR, name);
    }
    add(out, 1, look.role, glyph_text(look.glyph, ascii));
    if (!ready || form == 0 || v->model[0] == '\0' || v->sleeping) {
        add(out, 1, look.role == THEME_OK ? THEME_BAR : look.role, look.word);
    }
    if (v->state == INFERENCE_FOREIGN && form == 0 && v->word[0] != '\0') {
        char why[64];
        str_format(why, sizeof(why), "%s: %.40s", strrchr(v->endpoint, ':') != NULL ? strrchr(v->endpoint, ':') : "",
                   v->word);
        add(out, 2, THEME_BAR_DIM, why);
    }
    if (!ready) {
        return;
    }
    name_text(v, form < 3 ? NAME_COLS : NAME_COLS_SHORT, ascii, name, sizeof(name));
    add(out, form == 0 ? 2 : 1, THEME_BAR_STRONG, name);
    if (form < 4) {
        add_context(out, v, form, ascii);
    }
    if (form < 3) {
        add_work(out, v, form);
    }
}

void serverline_build(const struct inference_view *v, const char *name, int room, bool ascii, struct serverline *out)
{
    out->count = out->columns = 0;
    for (int form = 0; v->state != INFERENCE_UNSEEN && form < FORMS; form++) {
        build(v, name, form, ascii, out);
        if (out->columns <= room) {
            return;
        }
    }
    out->count = out->columns = 0;
}
