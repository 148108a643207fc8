/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/surface.h"

#include <stdarg.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define SURFACE_MAX_SIDE 4096

/* What plain ASCII shows for common typography, so that "a → b" stays readable instead of turning into "a ? b". */
static const struct {
    uint32_t from;
    char to;
} ascii_forms[] = {
    {0x00A0, ' '}, {0x00B7, '.'},  {0x00D7, 'x'},  {0x2010, '-'}, {0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'},
    {0x2014, '-'}, {0x2018, '\''}, {0x2019, '\''}, {0x201C, '"'}, {0x201D, '"'}, {0x2022, '*'}, {0x2026, '~'},
    {0x2190, '<'}, {0x2191, '^'},  {0x2192, '>'},  {0x2193, 'v'}, {0x2713, 'v'}, {0x2717, 'x'}, {0x25CF, '*'},
    {0x25CB, 'o'}, {0x25B8, '>'},  {0x25BE, 'v'},  {0x2588, '#'}, {0x2591, '.'},
};

struct rect rect_intersect(struct rect a, struct rect b)
{
    int x0 = MT_MAX(a.x, b.x), y0 = MT_MAX(a.y, b.y);
    int x1 = MT_MIN(a.x + a.w, b.x + b.w), y1 = MT_MIN(a.y + a.h, b.y + b.h);

    return (struct rect){x0, y0, MT_MAX(0, x1 - x0), MT_MAX(0, y1 - y0)};
}

bool rect_has(struct rect r, int x, int y)
{
    return x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;
}

void surface_init(struct surface *s, int cols, int rows)
{
    *s = (struct surface){0};
    s->clusters = xmalloc(sizeof(*s->clusters));
    cluster_table_init(s->clusters);
    surface_resize(s, cols, rows);
}

void surface_release(struct surface *s)
{
    if (s->clusters) {
        cluster_table_release(s->clusters);
        free(s->clusters);
    }
    surface_links_clear(s);
    free(s->cells);
    *s = (struct surface){0};
}

void surface_resize(struct surface *s, int cols, int rows)
{
    cols = MT_MAX(1, MT_MIN(cols, SURFACE_MAX_SIDE));
    rows = MT_MAX(1, MT_MIN(rows, SURFACE_MAX_SIDE));
    if (cols != s->cols || rows != s->rows) {
        free(s->cells);
        s->cells = xcalloc((size_t)cols * (size_t)rows, sizeof(*s->cells));
        s->cols = cols;
        s->rows = rows;
    }
    cell_fill(s->cells, (size_t)cols * (size_t)rows, CELL_BLANK);
    s->clip = (struct rect){0, 0, cols, rows};
    s->cursor.visible = false;
    s->base_bg = CELL_COLOR_DEFAULT;
}

struct rect surface_clip(struct surface *s, struct rect r)
{
    struct rect previous = s->clip;

    s->clip = rect_intersect(s->clip, r);
    return previous;
}

void surface_unclip(struct surface *s, struct rect previous)
{
    s->clip = rect_intersect(previous, (struct rect){0, 0, s->cols, s->rows});
}

struct cell *surface_cell(struct surface *s, int x, int y)
{
    if (x < 0 || y < 0 || x >= s->cols || y >= s->rows) {
        return NULL;
    }
    return &s->cells[(size_t)y * (size_t)s->cols + (size_t)x];
}

/* Makes a cell a plain blank that keeps its colours: what is left of a wide character that lost its other half. */
static void orphan(struct cell *c)
{
    c->ch = ' ';
    c->width = 1;
}

/* Before columns [x, x+w) of a row change: wide characters that straddle either border lose their outer half. */
static void cut_wide(struct surface *s, int x, int y, int w)
{
    struct cell *first = surface_cell(s, x, y), *after = surface_cell(s, x + w, y);

    if (first && first->width == 0 && x > 0) {
        orphan(first - 1);
    }
    if (after && after->width == 0) {
        orphan(after);
    }
}

/* Interns a cluster, sweeping the table when it is full; the replacement character when even that does not help. */
static uint32_t intern(struct surface *s, const char *text, size_t len)
{
    uint32_t ch = cluster_intern(s->clusters, text, len);

    if (ch == 0) {
        for (size_t i = 0, n = (size_t)s->cols * (size_t)s->rows; i < n; i++) {
            cluster_mark(s->clusters, s->cells[i].ch);
        }
        cluster_sweep(s->clusters);
        ch = cluster_intern(s->clusters, text, len);
    }
    return ch ? ch : UTF8_REPLACEMENT;
}

/* Puts one character of 1 or 2 columns. Halves outside the clip: a wide character then shows as a blank on what is
 * inside. */
static void put(struct surface *s, int x, int y, uint32_t ch, int width, struct style st)
{
    struct cell value = {.ch = ch, .fg = st.fg, .bg = st.bg, .attrs = st.attrs, .width = 1};

    if (width == 2 && !(rect_has(s->clip, x, y) && rect_has(s->clip, x + 1, y))) {
        put(s, x, y, ' ', 1, st);
        put(s, x + 1, y, ' ', 1, st);
        return;
    }
    if (!rect_has(s->clip, x, y)) {
        return;
    }
    cut_wide(s, x, y, width);
    struct cell *c = surface_cell(s, x, y);
    if (width == 2) {
        value.width = 2;
        c[1] = (struct cell){.fg = st.fg, .bg = st.bg, .attrs = st.attrs};
    }
    c[0] = value;
}

void surface_fill(struct surface *s, struct rect r, struct style st)
{
    struct cell blank = {.ch = ' ', .fg = st.fg, .bg = st.bg, .attrs = st.attrs, .width = 1};

    r = rect_intersect(r, s->clip);
    if (r.w == s->cols && r.h == s->rows) {
        s->base_bg = st.bg;
    }
    for (int y = r.y; r.w > 0 && y < r.y + r.h; y++) {
        cut_wide(s, r.x, y, r.w);
        cell_fill(surface_cell(s, r.x, y), (size_t)r.w, blank);
    }
    if (r.w == s->cols && r.h == s->rows && s->clusters->count > 0) { /* nothing refers to any of them now */
        cluster_table_release(s->clusters);
        cluster_table_init(s->clusters);
    }
}

/* The stand-in for a character in ASCII mode. */
static uint32_t to_ascii(uint32_t cp)
{
    if (cp < 0x80) {
        return cp;
    }
    if (cp >= 0x2500 && cp <= 0x257F) {
        return cp == 0x2500 || cp == 0x2501 || cp == 0x2550 ? '-' : cp == 0x2502 || cp == 0x2503 ? '|' : '+';
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(ascii_forms); i++) {
        if (ascii_forms[i].from == cp) {
            return (unsigned char)ascii_forms[i].to;
        }
    }
    return '?';
}

/* Draws one cluster at x; returns its columns. */
static int put_cluster(struct surface *s, int x, int y, const char *text, size_t len, int columns, struct style st)
{
    uint32_t cp = 0;
    size_t used = utf8_decode(text, len, &cp);

    if (columns <= 0) {
        return 0;
    }
    if (s->ascii && cp >= 0x80) {
        for (int i = 0; i < columns; i++) {
            put(s, x + i, y, to_ascii(cp), 1, st);
        }
        return columns;
    }
    put(s, x, y, used == len ? cp : intern(s, text, len), columns > 1 ? 2 : 1, st);
    return columns;
}

/* Draws text that is clean and fits. */
static int draw_clean(struct surface *s, int x, int y, struct style st, const char *text, size_t len)
{
    int start = x;

    for (size_t at = 0; at < len;) {
        unsigned char c = (unsigned char)text[at];
        if (c < 0x80 && (at + 1 == len || (unsigned char)text[at + 1] < 0x80)) {
            put(s, x++, y, c, 1, st);
            at++;
            continue;
        }
        int columns = 0;
        size_t n = utf8_cluster(text + at, len - at, &columns);
        if (n == 0) {
            break;
        }
        x += put_cluster(s, x, y, text + at, n, columns, st);
        at += n;
    }
    return x - start;
}

/* True for printable ASCII only: no sanitising and no width table needed. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

int surface_text(struct surface *s, int x, int y, int max, struct style st, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf fit = STRBUF_INIT;
    int room = s->clip.x + s->clip.w - x;
    size_t len = strlen(text);

    if (max >= 0 && max < room) {
        room = max;
    }
    if (room <= 0 || len == 0) {
        return 0;
    }
    if (is_plain(text, len) && len <= (size_t)room) {
        return draw_clean(s, x, y, st, text, len);
    }
    utf8_sanitize(&clean, text, len, false);
    utf8_fit(&fit, clean.buf, room, s->ascii);
    return draw_clean(s, x, y, st, fit.buf, fit.len);
}

int surface_textf(struct surface *s, int x, int y, int max, struct style st, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    return surface_text(s, x, y, max, st, text.buf);
}

int surface_text_right(struct surface *s, int x_end, int y, int max, struct style st, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    int columns;

    utf8_sanitize(&clean, text, strlen(text), false);
    columns = utf8_columns(clean.buf, clean.len);
    if (max >= 0 && columns > max) {
        columns = max;
    }
    surface_text(s, x_end - columns, y, columns, st, clean.buf);
    return x_end - columns;
}

void surface_vline(struct surface *s, int x, int y, int h, struct style st)
{
    for (int i = 0; i < h; i++) {
        put(s, x, y + i, s->ascii ? '|' : 0x2502, 1, st);
    }
}

void surface_hline(struct surface *s, int x, int y, int w, struct style st)
{
    for (int i = 0; i < w; i++) {
        put(s, x + i, y, s->ascii ? '-' : 0x2500, 1, st);
    }
}

void surface_frame(struct surface *s, struct rect r, struct style st, const char *title, struct style title_style)
{
    int right = r.x + r.w - 1, bottom = r.y + r.h - 1;

    if (r.w < 2 || r.h < 2) {
        return;
    }
    surface_hline(s, r.x + 1, r.y, r.w - 2, st);
    surface_hline(s, r.x + 1, bottom, r.w - 2, st);
    surface_vline(s, r.x, r.y + 1, r.h - 2, st);
    surface_vline(s, right, r.y + 1, r.h - 2, st);
    put(s, r.x, r.y, s->ascii ? '+' : 0x256D, 1, st);
    put(s, right, r.y, s->ascii ? '+' : 0x256E, 1, st);
    put(s, r.x, bottom, s->ascii ? '+' : 0x2570, 1, st);
    put(s, right, bottom, s->ascii ? '+' : 0x256F, 1, st);
    if (title && title[0] && r.w > 6) {
        int used = surface_text(s, r.x + 3, r.y, r.w - 6, title_style, title);
        put(s, r.x + 2, r.y, ' ', 1, title_style);
        put(s, r.x + 3 + used, r.y, ' ', 1, title_style);
    }
}

void surface_tint(struct surface *s, struct rect r, struct style st)
{
    r = rect_intersect(r, s->clip);
    for (int y = r.y; y < r.y + r.h; y++) {
        for (int x = r.x; x < r.x + r.w; x++) {
            struct cell *c = surface_cell(s, x, y);
            c->fg = st.fg == SURFACE_KEEP ? c->fg : st.fg;
            c->bg = st.bg == SURFACE_KEEP ? c->bg : st.bg;
            c->attrs |= st.attrs & (uint16_t)~CELL_REVERSE;
            /* Reversing what is reversed already would hide a selection. */
            c->attrs ^= st.attrs & CELL_REVERSE;
        }
    }
}

/* Is it safe inside a control string, and of a reasonable length? */
static bool is_address(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        if (s[i] <= 0x20 || s[i] > 0x7e) {
            return false;
        }
    }
    return n > 0 && n < 1024;
}

void surface_link(struct surface *s, struct rect r, const char *address)
{
    bool full = false;
    uint16_t id = is_address(address) ? extra_intern(&s->extras, address, CELL_COLOR_DEFAULT, &full) : 0;

    r = rect_intersect(r, s->clip);
    for (int y = r.y; id && y < r.y + r.h; y++) {
        for (int x = r.x; x < r.x + r.w; x++) {
            cell_set_extra(surface_cell(s, x, y), id);
        }
    }
}

const struct extra *surface_extra_at(const struct surface *s, int x, int y)
{
    if (x < 0 || y < 0 || x >= s->cols || y >= s->rows) {
        return NULL;
    }
    return extra_get(&s->extras, cell_extra(&s->cells[(size_t)y * (size_t)s->cols + (size_t)x]));
}

const char *surface_link_at(const struct surface *s, int x, int y)
{
    const struct extra *e = surface_extra_at(s, x, y);
    return e ? e->uri : NULL;
}

void surface_links_clear(struct surface *s)
{
    extra_table_release(&s->extras);
}

#define STALE_EXTRAS 200

bool surface_is_stale(const struct surface *s)
{
    return s->extras.count > STALE_EXTRAS;
}

/* One pane cell as this surface shows it: clusters moved into our table, ASCII forms, no extra (ids belong to the
 * pane). */
static void blit_cell(struct surface *s, int x, int y, const struct cell *c, const struct cluster_table *from)
{
    struct style st = {c->fg, c->bg, c->attrs & (uint16_t)~CELL_EXTRA_MASK};
    uint32_t ch = c->ch;

    if (s->ascii && ch >= 0x80) {
        put(s, x, y, to_ascii(CELL_IS_CLUSTER(ch) ? UTF8_REPLACEMENT : ch), 1, st);
        if (c->width == 2) {
            put(s, x + 1, y, ' ', 1, st);
        }
        return;
    }
    if (CELL_IS_CLUSTER(ch)) {
        char small[8];
        size_t len = 0;
        const char *text = cluster_text(from, ch, small, &len);
        ch = intern(s, text, len);
    }
    put(s, x, y, ch ? ch : ' ', c->width == 2 ? 2 : 1, st);
}

void surface_blit(struct surface *s, int x, int y, const struct cell *cells, int count,
                  const struct cluster_table *from)
{
    for (int i = 0; i < count; i++) {
        if (cells[i].width == 0) {
            /* A right half without its left one (the pane was cut): never trust the pairing of foreign cells. */
            if (i == 0 || cells[i - 1].width != 2) {
                put(s, x + i, y, ' ', 1,
                    (struct style){cells[i].fg, cells[i].bg, cells[i].attrs & (uint16_t)~CELL_EXTRA_MASK});
            }
            continue;
        }
        struct cell c = cells[i];
        if (c.width == 2 && (i + 1 >= count || cells[i + 1].width != 0)) {
            c.ch = ' ';
            c.width = 1;
        }
        blit_cell(s, x + i, y, &c, from);
    }
}

void surface_blit_extras(struct surface *s, int x, int y, const struct cell *cells, int count,
                         const struct cluster_table *from, const struct extra_table *extras)
{
    uint16_t last = 0, ours = 0;

    surface_blit(s, x, y, cells, count, from);
    for (int i = 0; extras && i < count; i++) {
        uint16_t id = cell_extra(&cells[i]);
        const struct extra *e = id ? extra_get(extras, id) : NULL;
        bool full = false;
        if (!e || !rect_has(s->clip, x + i, y)) {
            continue;
        }
        if (id != last) {
            ours = extra_intern(&s->extras, e->uri, e->ul, &full);
            last = id;
        }
        cell_set_extra(surface_cell(s, x + i, y), ours);
    }
}
