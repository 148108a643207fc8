/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/strvec.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/match.h"
#include "tui/wrap.h"

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
        free(v[i].name);
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

/* Letters in order are no match when they stand too far apart, or begin inside a word: nobody means that. */
#define FUZZY_LEAST 4

static bool fits_letters(const char *typed, const char *text, struct match *m)
{
    size_t first = 0;
    if (!match_fuzzy(typed, text, m) || m->score < FUZZY_LEAST * (int)strlen(typed)) {
        return false;
    }
    while (first < MATCH_BYTES && text[first] && !m->hit[first]) {
        first++;
    }
    return first == 0 || (first < MATCH_BYTES && strchr(" .-_", text[first - 1]));
}

/* How well a choice fits what was typed: words in the label, in the name, letters of either, words of the help. */
static bool rate(const struct chooser *c, const struct choice *ch, struct match *m)
{
    const char *typed = c->edit.text;
    struct match in_name = {0};
    if (match_words(typed, ch->label, m)) {
        m->score += 3000;
        return true;
    }
    if (ch->name && match_words(typed, ch->name, &in_name)) {
        memset(m, 0, sizeof(*m));
        m->score = 2000 + in_name.score;
        return true;
    }
    if (fits_letters(typed, ch->label, m)) {
        m->score += 1000;
        return true;
    }
    memset(m, 0, sizeof(*m));
    if (ch->name && fits_letters(typed, ch->name, &in_name)) {
        m->score = 500 + in_name.score;
        return true;
    }
    return c->opts.searches_detail && ch->detail && match_words(typed, ch->detail, NULL);
}

/* What the typed text leaves. */
static void search(struct chooser *c)
{
    c->hit_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct chooser_hit h = {.index = i};
        if (rate(c, &c->choices[i], &h.match)) {
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

/* The widest detail, name and right text. */
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

/* Columns of the right texts, which stand in a column of their own. */
static int right_width(const struct chooser *c)
{
    int w = 0;
    for (size_t i = 0; i < c->count; i++) {
        const char *t = c->choices[i].right;
        w = MT_MAX(w, t ? utf8_columns(t, strlen(t)) + 1 : 0);
    }
    return w;
}

/* How the box is shared out: search line, list, the whole text of the selected line when the list cuts it, note. */
struct chooser_page {
    struct rect r;
    int rows, list_y, about_y, about, note_y;
    struct strvec note;
};

/* The longest detail in lines of a width, when some are cut in the list. */
static int about_lines(const struct chooser *c, int cols, int room)
{
    int lines = 0;
    bool cut = false;
    for (size_t i = 0; i < c->count; i++) {
        const char *d = c->choices[i].detail;
        cut = cut || (d && utf8_columns(d, strlen(d)) > room);
        lines = MT_MAX(lines, d ? wrap_count(d, cols) : 0);
    }
    return cut ? MT_MIN(lines, 3) : 0;
}

/* Fits the box: blank lines go first, then the note, then rows of the list. */
static void lay_out(const struct chooser *c, struct rect whole, struct chooser_page *p)
{
    int w = c->opts.width ? c->opts.width : MT_MAX(label_width(c) + rest_width(c) + 12, 48);
    struct rect body = {whole.x, whole.y + 1, whole.w, whole.h - 2};
    *p = (struct chooser_page){.note = STRVEC_INIT};
    if (!c->opts.width && c->note) {
        w = MT_MAX(w, MT_MIN(utf8_columns(c->note, strcspn(c->note, "\n")) + 6, c->opts.preview ? 52 : 78));
    }
    w = MT_MIN(MT_MIN(w, 110), body.w);
    p->about = about_lines(c, w - 6, w - label_width(c) - right_width(c) - 10);
    if (c->note) {
        wrap_hanging(c->note, w - 6, &p->note);
    }
    int search = c->opts.searchable, note = (int)p->note.len;
    int want = (int)MT_MIN(c->count, 1000), least = MT_MIN(want, 4);
    int blank = 2 + search + (p->about > 0) + (note > 0);
    if (2 + search + p->about + note + least > body.h) {
        note = 0; /* what the lines say is worth more */
    }
    bool airy = 2 + search + p->about + note + blank + least <= body.h;
    blank = airy ? 2 + search + (p->about > 0) + (note > 0) : 0;
    p->r = overlay_box(body, w, 2 + search + p->about + note + blank + want);
    if (c->opts.preview) {
        p->r.x = body.x + body.w - p->r.w;
    }
    p->rows = MT_MAX(p->r.h - 2 - search - p->about - note - blank, 1);
    p->list_y = p->r.y + 1 + airy + (search ? 1 + airy : 0);
    p->about_y = p->list_y + p->rows + airy;
    p->note_y = p->about_y + p->about + (airy && p->about > 0);
    while ((int)p->note.len > note) {
        strvec_remove(&p->note, p->note.len - 1);
    }
}

/* Place of the frame; *rows: of the list inside, *list_y: where it begins. */
static struct rect place(const struct chooser *c, struct rect whole, int *rows, int *list_y)
{
    struct chooser_page p;
    lay_out(c, whole, &p);
    strvec_release(&p.note);
    *rows = p.rows;
    *list_y = p.list_y;
    return p.r;
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
    int from = x, right = right_width(c), end = r.x + r.w - 2 - right;
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
    if (ch->name && end - detail_at > 60) {
        end -= 24;
        surface_text(s, end + 2, r.y, 22, dim, ch->name);
    }
    if (ch->detail && end - detail_at >= MT_MIN(utf8_columns(ch->detail, strlen(ch->detail)), 12)) {
        MT_CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT;
        if (c->opts.phrases) {
            wrap_phrases(ch->detail, end - detail_at, &whole);
        }
        surface_text(s, detail_at, r.y, end - detail_at, ch->name && !ch->off ? st : dim,
                     c->opts.phrases ? whole.buf : ch->detail);
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
    struct chooser_page p;
    lay_out(c, whole, &p);
    struct rect r = p.r;
    int rows = p.rows;
    struct style st = theme_style(&app->theme, THEME_DIALOG), dim = theme_style(&app->theme, THEME_DIM);
    struct style border = theme_style(&app->theme, THEME_BORDER_FOCUS);
    dim.bg = border.bg = st.bg;
    surface_fill(s, r, st);
    surface_frame(s, r, border, c->title, theme_style(&app->theme, THEME_DIALOG_TITLE));
    int y = p.list_y;
    if (c->opts.searchable) {
        y = r.y + 1 + (p.list_y - r.y > 2);
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
        y = p.list_y;
    }
    size_t top = top_for(c, rows);
    for (int i = 0; i < rows && top + (size_t)i < c->hit_count; i++) {
        draw_choice(app, c, s, (struct rect){r.x + 1, y + i, r.w - 2, 1}, top + (size_t)i);
    }
    if (c->hit_count == 0) {
        surface_text(s, r.x + 4, y, r.w - 8, dim, "Nothing matches");
    }
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    const char *about = c->selected < c->hit_count ? c->choices[c->hits[c->selected].index].detail : NULL;
    for (int i = 0; about && i < p.about && wrap_next(&about, r.w - 6, &line) >= 0; i++) {
        surface_text(s, r.x + 3, p.about_y + i, r.w - 6, theme_on(&app->theme, THEME_TEXT, THEME_DIALOG), line.buf);
    }
    for (size_t i = 0; i < p.note.len; i++) {
        surface_text(s, r.x + 3, p.note_y + (int)i, r.w - 6, dim, p.note.v[i]);
    }
    strvec_release(&p.note);
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
        int rows = 0, list_y = 0;
        place(c, (struct rect){0, 0, app->cols, app->rows - 1}, &rows, &list_y);
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
    } else if (key.sym == 'g' || key.sym == KEYSYM_HOME || key.sym == 'G' || key.sym == KEYSYM_END) {
        int all = (int)MT_MIN(c->hit_count, 1000000);
        step(app, c, key.sym == 'g' || key.sym == KEYSYM_HOME ? -all : all);
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
    int rows = 0, list_y = 0;
    struct rect r = place(c, (struct rect){0, 0, app->cols, app->rows - 1}, &rows, &list_y);
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        step(app, c, ev->button == MOUSE_WHEEL_UP ? -1 : 1);
    } else if (!rect_has(r, ev->col, ev->row)) {
        cancel(app, c);
    } else {
        int i = ev->row - list_y;
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
    c->base.lit = opts->preview;
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
