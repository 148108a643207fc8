/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/match.h"

struct chooser_hit {
    size_t index;
    struct match match;
};

struct chooser {
    struct overlay base;
    struct chooser_opts opts;
    char *title, *note;
    struct choice *choices;
    size_t count;
    struct chooser_hit *hits;
    size_t hit_count, selected, top;
    struct line_edit edit;
};

struct choice *choice_add(struct choice_build *b, const char *label, const char *detail)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->v = xreallocarray(b->v, b->cap, sizeof(*b->v));
    }
    struct choice *c = &b->v[b->count++];
    *c = (struct choice){.label = xstrdup(label), .detail = xstrdup_null(detail)};
    return c;
}

void choices_free(struct choice *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(v[i].label);
        free(v[i].detail);
        free(v[i].right);
        free(v[i].value);
    }
    free(v);
}

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct chooser *c = (struct chooser *)o;
    if (c->opts.free_arg) {
        c->opts.free_arg(c->opts.arg);
    }
    choices_free(c->choices, c->count);
    free(c->hits);
    free(c->title);
    free(c->note);
}

/* Better scores first; ties in the given order. */
static int hit_compare(const void *a, const void *b)
{
    const struct chooser_hit *x = a, *y = b;
    if (x->match.score != y->match.score) {
        return x->match.score > y->match.score ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* What the typed text leaves. */
static void search(struct chooser *c)
{
    c->hit_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct chooser_hit h = {.index = i};
        bool ok = match_fuzzy(c->edit.text, c->choices[i].label, &h.match);
        if (!ok && c->opts.searches_detail && c->choices[i].detail) {
            ok = match_words(c->edit.text, c->choices[i].detail,
                             NULL); /* the words of the help, below every hit in the name */
            memset(&h.match, 0, sizeof(h.match));
            h.match.score = -1000;
        }
        if (ok) {
            c->hits[c->hit_count++] = h;
        }
    }
    if (c->edit.len) {
        qsort(c->hits, c->hit_count, sizeof(*c->hits), hit_compare);
    }
}

/* Tells the owner what is highlighted now. */
static void highlight(struct app *app, struct chooser *c)
{
    if (c->opts.on_highlight && c->selected < c->hit_count) {
        c->opts.on_highlight(app, c->opts.arg, &c->choices[c->hits[c->selected].index]);
    }
    app_dirty(app);
}

/* Columns that label and right text of all choices need. */
static int label_width(const struct chooser *c)
{
    int w = 0;
    for (size_t i = 0; i < c->count; i++) {
        w = MT_MAX(w, utf8_columns(c->choices[i].label, strlen(c->choices[i].label)));
    }
    return w;
}

/* The widest detail and right text. */
static int rest_width(const struct chooser *c)
{
    int detail = 0, right = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct choice *ch = &c->choices[i];
        detail = MT_MAX(detail, ch->detail ? utf8_columns(ch->detail, strlen(ch->detail)) + 3 : 0);
        right = MT_MAX(right, ch->right ? utf8_columns(ch->right, strlen(ch->right)) + 2 : 0);
    }
    return detail + right;
}

/* Lines of the note. */
static int note_lines(const struct chooser *c)
{
    int n = 0;
    for (const char *p = c->note; p && *p; n++) {
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
    return n;
}

/* Place of the frame; *rows: of the list inside. */
static struct rect place(const struct chooser *c, struct rect whole, int *rows)
{
    int w = c->opts.width ? c->opts.width : MT_MAX(label_width(c) + rest_width(c) + 12, 48);
    for (const char *p = c->note; p && *p;) {
        size_t n = strcspn(p, "\n");
        w = MT_MAX(w, utf8_columns(p, n) + 6);
        p += n + (p[n] == '\n');
    }
    int extra = 4 + (c->opts.searchable ? 2 : 0) + (c->note ? note_lines(c) + 1 : 0);
    struct rect body = {whole.x, whole.y + 1, whole.w, whole.h - 2};
    struct rect r = overlay_box(body, MT_MIN(w, 110), (int)MT_MIN(c->count, 1000) + extra);
    *rows = MT_MAX(r.h - extra, 1);
    return r;
}

/* One line of the list. */
static void draw_choice(const struct app *app, const struct chooser *c, struct surface *s, struct rect r, size_t hit)
{
    const struct choice *ch = &c->choices[c->hits[hit].index];
    bool on = hit == c->selected;
    struct style st = theme_style(&app->theme, on ? THEME_SELECTION : THEME_DIALOG);
    struct style dim = theme_style(&app->theme, THEME_DIM), key = theme_style(&app->theme, THEME_KEY);
    dim.bg = key.bg = st.bg;
    if (on) {
        dim.attrs |= st.attrs & CELL_REVERSE;
        key.attrs |= st.attrs & CELL_REVERSE;
    }
    surface_fill(s, r, st);
    int x = r.x + 2;
    if (ch->checkable) {
        x += surface_text(s, x, r.y, 4, st, glyph_text(ch->checked ? GLYPH_CHECK_ON : GLYPH_CHECK_OFF, app->ascii)) + 1;
    } else if (ch->key) {
        surface_textf(s, x, r.y, 2, key, "%c", ch->key);
        x += 3;
    }
    int from = x, right = ch->right ? utf8_columns(ch->right, strlen(ch->right)) + 1 : 0, end = r.x + r.w - 2 - right;
    x += surface_text(s, x, r.y, end - x, ch->off ? dim : st, ch->label);
    const struct match *m = &c->hits[hit].match;
    struct style hot = theme_style(&app->theme, THEME_MATCH);
    int col = from;
    for (size_t i = 0; i < MATCH_BYTES && ch->label[i];) {
        int w = 0;
        size_t n = utf8_cluster(ch->label + i, strlen(ch->label + i), &w);
        if (m->hit[i] && col < x) {
            surface_tint(s, (struct rect){col, r.y, w, 1},
                         (struct style){.fg = hot.fg, .bg = 0xFFFFFFFF, .attrs = hot.attrs | st.attrs});
        }
        col += w;
        i += n;
    }
    int detail_at = MT_MAX(from + label_width(c) + 2, x + 2);
    if (ch->detail && detail_at < end) {
        surface_text(s, detail_at, r.y, end - detail_at, dim, ch->detail);
    }
    if (ch->right) {
        surface_text_right(s, r.x + r.w - 2, r.y, right, key, ch->right);
    }
}

/* The first row in view so that the selected one is. */
static size_t top_for(const struct chooser *c, int rows)
{
    size_t top = MT_MIN(c->top, c->selected);
    if (c->selected >= top + (size_t)rows) {
        top = c->selected - (size_t)rows + 1;
    }
    return top;
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct chooser *c = (const struct chooser *)o;
    int rows = 0;
    struct rect r = place(c, whole, &rows);
    struct style st = theme_style(&app->theme, THEME_DIALOG), dim = theme_style(&app->theme, THEME_DIM);
    struct style border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    dim.bg = border.bg = st.bg;
    surface_fill(s, r, st);
    surface_frame(s, r, border, c->title, theme_style(&app->theme, THEME_DIALOG_TITLE));
    int y = r.y + 2;
    if (c->opts.searchable) {
        struct style in = theme_style(&app->theme, THEME_INPUT), key = theme_style(&app->theme, THEME_KEY);
        struct rect line = {r.x + 2, y, r.w - 4, 1};
        key.bg = in.bg;
        surface_fill(s, line, in);
        surface_text(s, line.x + 1, y, 2, key, ">");
        surface_text(s, line.x + 3, y, line.w - 4, in, c->edit.text);
        s->cursor.visible = true;
        s->cursor.shape = 0;
        s->cursor.x = MT_MIN(line.x + 3 + utf8_columns(c->edit.text, c->edit.at), line.x + line.w - 1);
        s->cursor.y = y;
        y += 2;
    }
    size_t top = top_for(c, rows);
    for (int i = 0; i < rows && top + (size_t)i < c->hit_count; i++) {
        draw_choice(app, c, s, (struct rect){r.x + 1, y + i, r.w - 2, 1}, top + (size_t)i);
    }
    if (c->hit_count == 0) {
        surface_text(s, r.x + 4, y, r.w - 8, dim, "Nothing matches");
    }
    y = r.y + r.h - 2 - note_lines(c);
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    for (const char *p = c->note; p && *p; y++) {
        size_t n = strcspn(p, "\n");
        strbuf_clear(&line);
        strbuf_add(&line, p, n);
        surface_text(s, r.x + 3, y, r.w - 6, dim, line.buf);
        p += n + (p[n] == '\n');
    }
}

/* Hands the choice over; the chooser is gone from the screen when the owner hears of it. */
static void choose(struct app *app, struct chooser *c, size_t index)
{
    if (c->choices[index].off && !c->opts.takes_off) {
        return;
    }
    struct chooser_opts opts = c->opts;
    struct choice *choices = c->choices;
    size_t count = c->count;
    c->choices = NULL;
    c->count = 0;
    c->opts.free_arg = NULL;
    overlay_close(app, &c->base);
    opts.on_choose(app, opts.arg, choices, count, index);
    choices_free(choices, count);
    if (opts.free_arg) {
        opts.free_arg(opts.arg);
    }
}

/* Moves the highlight. */
static void step(struct app *app, struct chooser *c, int delta)
{
    if (c->hit_count) {
        long at = (long)c->selected + delta, last = (long)c->hit_count - 1;
        c->selected = (size_t)MT_MIN(MT_MAX(at, 0), last);
        int rows = 0;
        place(c, (struct rect){0, 0, app->cols, app->rows - 1}, &rows);
        c->top = top_for(c, rows);
        highlight(app, c);
    }
}

/* Keys that a searchable chooser takes as text and the others as moves. */
static bool letter_key(struct app *app, struct chooser *c, struct key key)
{
    if (c->opts.searchable || key.mods) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->choices[i].key && key.sym == (uint32_t)c->choices[i].key) {
            choose(app, c, i);
            return true;
        }
    }
    if (key.sym == 'j' || key.sym == 'k') {
        step(app, c, key.sym == 'j' ? 1 : -1);
    } else if (key.sym == ' ' && c->selected < c->hit_count) {
        struct choice *ch = &c->choices[c->hits[c->selected].index];
        ch->checked = ch->checkable && !ch->checked;
        app_dirty(app);
    } else {
        return false;
    }
    return true;
}

/* Closes without a choice. */
static void cancel(struct app *app, struct chooser *c)
{
    struct chooser_opts opts = c->opts;
    c->opts.free_arg = NULL;
    overlay_close(app, &c->base);
    if (opts.on_cancel) {
        opts.on_cancel(app, opts.arg);
    }
    if (opts.free_arg) {
        opts.free_arg(opts.arg);
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct chooser *c = (struct chooser *)o;
    bool ctrl = key.mods == KEYMOD_CTRL;
    if (key.sym == KEYSYM_ESCAPE || (ctrl && key.sym == 'c') || (!c->opts.searchable && key.sym == 'q' && !key.mods)) {
        cancel(app, c);
    } else if (key.sym == KEYSYM_ENTER) {
        if (c->selected < c->hit_count) {
            choose(app, c, c->hits[c->selected].index);
        }
    } else if (key.sym == KEYSYM_DOWN || (ctrl && key.sym == 'n') || key.sym == KEYSYM_TAB) {
        step(app, c, 1);
    } else if (key.sym == KEYSYM_UP || (ctrl && key.sym == 'p')) {
        step(app, c, -1);
    } else if (key.sym == KEYSYM_PGDN || key.sym == KEYSYM_PGUP) {
        step(app, c, key.sym == KEYSYM_PGDN ? 10 : -10);
    } else if (!letter_key(app, c, key) && c->opts.searchable && line_edit_key(&c->edit, key)) {
        search(c);
        c->selected = c->top = 0;
        highlight(app, c);
    }
}

/* overlay_ops.on_text */
static void on_text(struct app *app, struct overlay *o, const char *text, size_t len)
{
    struct chooser *c = (struct chooser *)o;
    if (c->opts.searchable) {
        line_edit_insert(&c->edit, text, len);
        search(c);
        c->selected = c->top = 0;
        highlight(app, c);
    }
}

/* overlay_ops.on_mouse: a click chooses, outside it closes, the wheel moves. */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct chooser *c = (struct chooser *)o;
    int rows = 0;
    struct rect r = place(c, (struct rect){0, 0, app->cols, app->rows - 1}, &rows);
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        step(app, c, ev->button == MOUSE_WHEEL_UP ? -1 : 1);
    } else if (!rect_has(r, ev->col, ev->row)) {
        cancel(app, c);
    } else {
        int i = ev->row - (r.y + 2 + (c->opts.searchable ? 2 : 0));
        size_t hit = top_for(c, rows) + (size_t)i;
        if (i >= 0 && i < rows && hit < c->hit_count) {
            bool again = hit == c->selected;
            c->selected = hit;
            highlight(app, c);
            if (again || !c->opts.on_highlight) {
                choose(app, c, c->hits[hit].index);
            }
        }
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    (void)app;
    const struct chooser *c = (const struct chooser *)o;
    const char *verb = c->opts.verb ? c->opts.verb : "choose";
    struct hint table[] = {{"Enter", verb, 1, false},
                           {c->opts.searchable ? "Up/Down" : "j/k", "move", 2, false},
                           {"Space", "mark", 3, false},
                           {"Esc", "cancel", 0, false}};
    size_t n = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(table) && n < cap; i++) {
        if (i != 2 || (c->count && c->choices[0].checkable)) {
            out[n++] = table[i];
        }
    }
    return n;
}

static const struct overlay_ops chooser_ops = {.name = "chooser",
                                               .draw = draw,
                                               .on_key = on_key,
                                               .on_mouse = on_mouse,
                                               .on_text = on_text,
                                               .release = release,
                                               .hints = hints};

void chooser_open(struct app *app, struct choice *choices, size_t count, const struct chooser_opts *opts)
{
    struct chooser *c = xcalloc(1, sizeof(*c));
    c->base.ops = &chooser_ops;
    c->opts = *opts;
    c->title = xstrdup(opts->title);
    c->note = xstrdup_null(opts->note);
    c->choices = choices;
    c->count = count;
    c->hits = xcalloc(count + 1, sizeof(*c->hits));
    search(c);
    c->selected = opts->selected < count ? opts->selected : 0;
    overlay_push(app, &c->base);
}
