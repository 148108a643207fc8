/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/render.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* How far a terminal may draw past a cluster whose width it knows otherwise than we do: these cells are drawn again
 * after it. */
#define OVERFLOW_COLS 6
#define ERASE_WORTH 4

#define LINES (CELL_UL_MASK | CELL_STRIKE | CELL_OVERLINE)
#define UNSEEN_ON_BLANK (CELL_BOLD | CELL_DIM | CELL_ITALIC | CELL_CONCEAL | CELL_BLINK)

/* The state of one render_frame call. */
struct painter {
    struct strbuf *out;
    const struct render_caps *caps;
    const struct surface *next;
    const struct surface *prev; /* NULL: everything is `cleared` */
    struct style cleared;
    uint32_t base_bg;
    struct style pen; /* what the terminal's pen is now (reduced) */
    uint32_t pen_ul;  /* its underline colour */
    const char *link; /* what it leads to now, or NULL */
    int x, y;         /* where its cursor is; x < 0: unknown column, y < 0: unknown at all */
    bool *changed;    /* of the row at hand */
    bool started;
    bool plain; /* no cell of either refers to anything outside it: the same bytes are the same look */
};

/* A cell reduced to what can be seen, so that two ways to say "blank" are equal. */
struct look {
    uint32_t ch;
    int width;
    struct style st;
    uint32_t ul;      /* underline colour, default without an underline */
    const char *link; /* address, or NULL */
};

/* The style that is sent for a cell, without what the terminal would not show. */
static struct style seen_style(const struct painter *p, const struct cell *c, bool blank)
{
    struct style st = color_reduce(p->caps->depth, (struct style){c->fg, c->bg, c->attrs}, p->base_bg);

    st.attrs &= (uint16_t) ~(CELL_PROTECTED | CELL_EXTRA_MASK);
    if (!p->caps->underline_styles && CELL_UNDERLINE(st.attrs) != CELL_UL_NONE) {
        st.attrs = (uint16_t)((st.attrs & ~CELL_UL_MASK) | CELL_UL_SINGLE << CELL_UL_SHIFT);
    }
    if (blank && !(st.attrs & CELL_REVERSE)) {
        st.attrs &= (uint16_t)~UNSEEN_ON_BLANK;
        st.fg = st.attrs & LINES ? st.fg : CELL_COLOR_DEFAULT;
    }
    return st;
}

/* A code point that may be sent as it is: no control, no bidirectional override. */
static bool is_safe(uint32_t cp)
{
    return cp >= 0x20 && !(cp >= 0x7f && cp < 0xa0) && !(cp >= 0x202a && cp <= 0x202e) &&
           !(cp >= 0x2066 && cp <= 0x2069) && cp <= 0x10ffff;
}

/* The visible part of cell x of a row. Anything malformed (a wide character in the last column, a lone right half)
 * becomes a blank. */
static struct look look_at(const struct painter *p, const struct surface *s, int x, int y)
{
    struct look l = {.ch = ' ', .width = 1, .st = p->cleared};
    const struct cell *c;

    if (!s) {
        return l;
    }
    c = &s->cells[(size_t)y * (size_t)s->cols + (size_t)x];
    if (c->width == 0 && x > 0 && c[-1].width == 2) {
        l = look_at(p, s, x - 1, y);
        l.width = 0;
        return l;
    }
    l.ch = c->ch;
    l.width = c->width == 2 && x + 1 < s->cols && c[1].width == 0 ? 2 : 1;
    if (l.ch == 0 || (!CELL_IS_CLUSTER(l.ch) && !is_safe(l.ch)) || (c->width == 2 && l.width == 1) || c->width == 0) {
        l.ch = ' ';
        l.width = 1;
    }
    l.st = seen_style(p, c, l.ch == ' ');
    const struct extra *extra = cell_extra(c) ? surface_extra_at(s, x, y) : NULL;
    if (extra) {
        bool lined = p->caps->underline_color && p->caps->depth >= COLOR_256 && CELL_UNDERLINE(l.st.attrs);
        l.ul = lined ? color_reduce(p->caps->depth, (struct style){.fg = extra->ul}, p->base_bg).fg : 0;
        l.link = p->caps->hyperlinks ? extra->uri : NULL;
    }
    return l;
}

static bool same_style(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

static bool same_link(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Compares by what is seen; clusters by their text, because each surface has a table of its own. */
static bool same_look(const struct painter *p, const struct look *a, const struct look *b)
{
    char abuf[8], bbuf[8];

    if (a->width != b->width || !same_style(a->st, b->st) || a->ul != b->ul || !same_link(a->link, b->link)) {
        return false;
    }
    if (p->prev && CELL_IS_CLUSTER(a->ch) && CELL_IS_CLUSTER(b->ch)) {
        return strcmp(cluster_text(p->prev->clusters, a->ch, abuf, NULL),
                      cluster_text(p->next->clusters, b->ch, bbuf, NULL)) == 0;
    }
    return a->ch == b->ch;
}

/* The first byte of output opens the synchronized update. */
static void start(struct painter *p)
{
    if (!p->started) {
        p->started = true;
        strbuf_addstr(p->out, "\033[?2026h");
        if (!p->prev || p->prev->cursor.visible) {
            strbuf_addstr(p->out, "\033[?25l");
        }
    }
}

/* Moves the cursor by the shortest way that is certain. */
static void go(struct painter *p, int x, int y)
{
    start(p);
    if (p->y == y && p->x == x) {
        return;
    }
    if (p->y == y && p->x >= 0 && x > p->x) {
        int n = x - p->x;
        strbuf_addf(p->out, n == 1 ? "\033[C" : "\033[%dC", n);
    } else if (p->y == y && p->caps->cha) {
        strbuf_addf(p->out, x == 0 ? "\033[G" : "\033[%dG", x + 1);
    } else if (x == 0 && y == 0) {
        strbuf_addstr(p->out, "\033[H");
    } else if (x == 0) {
        strbuf_addf(p->out, "\033[%dH", y + 1);
    } else {
        strbuf_addf(p->out, "\033[%d;%dH", y + 1, x + 1);
    }
    p->x = x;
    p->y = y;
}

/* Appends one SGR colour; `ground`: 30 or 40. */
static void add_color(struct strbuf *sb, uint32_t color, int ground)
{
    unsigned v = color & 0xff;

    switch (CELL_COLOR_KIND(color)) {
    case CELL_KIND_INDEXED:
        if (v < 16) {
            strbuf_addf(sb, ";%u", (unsigned)ground + (v < 8 ? v : 60 + v - 8));
        } else {
            strbuf_addf(sb, ";%d;5;%u", ground + 8, v);
        }
        break;
    case CELL_KIND_RGB:
        strbuf_addf(sb, ";%d;2;%u;%u;%u", ground + 8, color >> 16 & 0xff, color >> 8 & 0xff, v);
        break;
    default:
        strbuf_addf(sb, ";%d", ground + 9);
    }
}

static const struct {
    uint16_t attr;
    const char *on, *off;
} sgr_attrs[] = {
    {CELL_ITALIC, ";3", ";23"},  {CELL_BLINK, ";5", ";25"},  {CELL_REVERSE, ";7", ";27"},
    {CELL_CONCEAL, ";8", ";28"}, {CELL_STRIKE, ";9", ";29"}, {CELL_OVERLINE, ";53", ";55"},
};

/* Appends the underline of `st`. */
static void add_underline(struct strbuf *sb, uint16_t attrs)
{
    unsigned style = CELL_UNDERLINE(attrs);

    if (style <= CELL_UL_SINGLE) {
        strbuf_addstr(sb, style ? ";4" : ";24");
    } else {
        strbuf_addf(sb, ";4:%u", style);
    }
}

/* Appends the codes that lead from pen `from` to `to`, each with a leading semicolon. */
static void add_delta(struct strbuf *sb, struct style from, struct style to)
{
    uint16_t weight = CELL_BOLD | CELL_DIM;

    if ((from.attrs & weight) != (to.attrs & weight)) {
        /* 22 ends both, so what stays must be said again. */
        uint16_t have = from.attrs & weight;
        if (have & ~to.attrs) {
            strbuf_addstr(sb, ";22");
            have = 0;
        }
        strbuf_addstr(sb, to.attrs & ~have & CELL_BOLD ? ";1" : "");
        strbuf_addstr(sb, to.attrs & ~have & CELL_DIM ? ";2" : "");
    }
    if ((from.attrs & CELL_UL_MASK) != (to.attrs & CELL_UL_MASK)) {
        add_underline(sb, to.attrs);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(sgr_attrs); i++) {
        if ((from.attrs ^ to.attrs) & sgr_attrs[i].attr) {
            strbuf_addstr(sb, to.attrs & sgr_attrs[i].attr ? sgr_attrs[i].on : sgr_attrs[i].off);
        }
    }
    if (from.fg != to.fg) {
        add_color(sb, to.fg, 30);
    }
    if (from.bg != to.bg) {
        add_color(sb, to.bg, 40);
    }
}

/* Appends the underline colour, in the form that terminals without it skip whole. */
static void add_underline_color(struct strbuf *sb, uint32_t c)
{
    if (CELL_COLOR_KIND(c) == CELL_KIND_RGB) {
        strbuf_addf(sb, ";58:2::%u:%u:%u", c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff);
    } else if (CELL_COLOR_KIND(c) == CELL_KIND_INDEXED) {
        strbuf_addf(sb, ";58:5:%u", c & 0xff);
    } else {
        strbuf_addstr(sb, ";59");
    }
}

/* Sets the pen: the shorter of the difference and a reset with everything said again. */
static void set_pen(struct painter *p, struct style st, uint32_t ul)
{
    MT_CLEANUP(strbuf) struct strbuf delta = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT;

    if (same_style(p->pen, st) && p->pen_ul == ul) {
        return;
    }
    add_delta(&delta, p->pen, st);
    add_delta(&whole, (struct style){0}, st);
    if (p->pen_ul != ul) {
        add_underline_color(&delta, ul);
    }
    if (ul) {
        add_underline_color(&whole, ul);
    }
    if (whole.len < delta.len) {
        strbuf_addf(p->out, "\033[%sm", whole.buf); /* ";1;31": the empty first parameter is 0, a reset */
    } else {
        strbuf_addf(p->out, "\033[%sm", delta.buf + 1);
    }
    p->pen = st;
    p->pen_ul = ul;
}

/* What is drawn from now on leads there; NULL: nowhere. */
static void set_link(struct painter *p, const char *link)
{
    if (!same_link(p->link, link)) {
        strbuf_addf(p->out, "\033]8;;%s\033\\", link ? link : "");
        p->link = link;
    }
}

/* True for the left half of a whole wide character. */
static bool is_wide(const struct surface *s, int x, int y)
{
    const struct cell *c = s ? &s->cells[(size_t)y * (size_t)s->cols + (size_t)x] : NULL;

    return c && c->width == 2 && x + 1 < s->cols && c[1].width == 0;
}

/* Spreads changes over both halves of wide characters, old and new, until nothing more is touched. */
static void spread_wide(const struct painter *p, int y)
{
    int cols = p->next->cols;

    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i + 1 < cols; i++) {
            int x = pass == 0 ? i : cols - 2 - i;
            if (p->changed[x] != p->changed[x + 1] && (is_wide(p->next, x, y) || is_wide(p->prev, x, y))) {
                p->changed[x] = p->changed[x + 1] = true;
            }
        }
    }
}

/* True when the two cells at x are the same bytes, which settles most of a frame without looking at colours. */
static bool same_raw(const struct painter *p, int x, int y)
{
    size_t at = (size_t)y * (size_t)p->next->cols + (size_t)x;
    const struct cell *a, *b = &p->next->cells[at];

    if (!p->prev) {
        return false;
    }
    a = &p->prev->cells[at];
    return memcmp(a, b, sizeof(*a)) == 0 && a->width == 1 && cell_extra(a) == 0 && !CELL_IS_CLUSTER(a->ch);
}

/* Fills p->changed; false when nothing of the row changed. */
static bool find_changes(struct painter *p, int y)
{
    int cols = p->next->cols, forced = 0;
    bool any = false;
    size_t at = (size_t)y * (size_t)cols;

    if (p->plain && memcmp(&p->prev->cells[at], &p->next->cells[at], (size_t)cols * sizeof(struct cell)) == 0) {
        return false;
    }
    for (int x = 0; x < cols; x++) {
        p->changed[x] = forced > 0;
        forced -= forced > 0;
        if (same_raw(p, x, y)) {
            continue;
        }
        struct look a = look_at(p, p->prev, x, y), b = look_at(p, p->next, x, y);
        if (!p->changed[x] && same_look(p, &a, &b)) {
            continue;
        }
        p->changed[x] = any = true;
        if (CELL_IS_CLUSTER(a.ch) || CELL_IS_CLUSTER(b.ch)) {
            /* The terminal may have drawn (or may draw) it wider than we think. */
            forced = OVERFLOW_COLS;
        } else if (forced == 0 && (a.ch >= 0x80 || b.ch >= 0x80) && !same_look(p, &a, &b)) {
            forced = 1; /* or one column wider, where ambiguous ones are wide; a line drawn of them is no chain */
        }
    }
    if (any) {
        spread_wide(p, y);
    }
    return any;
}

/* True when erasing gives exactly this look. */
static bool is_erasable(const struct painter *p, const struct look *l)
{
    return l->ch == ' ' && l->width == 1 && l->st.attrs == 0 && !l->link &&
           (l->st.bg == CELL_COLOR_DEFAULT || p->caps->bce);
}

/* The first column from which the row ends in equal erasable blanks; cols when there is none worth it. */
static int find_tail(const struct painter *p, int y)
{
    int cols = p->next->cols, x = cols, dirty = 0;
    struct look last;

    for (int i = 0; i < cols && dirty < ERASE_WORTH; i++) {
        dirty += p->changed[i];
    }
    if (dirty < ERASE_WORTH) {
        return cols; /* as for most keys: not worth looking at the rest of the row */
    }
    dirty = 0;
    last = look_at(p, p->next, cols - 1, y);
    if (!is_erasable(p, &last)) {
        return cols;
    }
    while (x > 0) {
        struct look l = look_at(p, p->next, x - 1, y);
        if (!is_erasable(p, &l) || !same_style(l.st, last.st)) {
            break;
        }
        dirty += p->changed[--x];
    }
    while (x < cols && !p->changed[x]) {
        x++;
    }
    return dirty >= ERASE_WORTH ? x : cols;
}

/* How many cells from x on are changed, equal and erasable. */
static int find_run(const struct painter *p, int x, int y, int end)
{
    struct look first = look_at(p, p->next, x, y);
    int n = 0;

    if (!p->caps->ech || !is_erasable(p, &first)) {
        return 0;
    }
    while (x + n < end && p->changed[x + n]) {
        struct look l = look_at(p, p->next, x + n, y);
        if (!is_erasable(p, &l) || !same_style(l.st, first.st)) {
            break;
        }
        n++;
    }
    return n;
}

/* The text of a look, or a replacement when a cluster holds what must not be sent. */
static const char *safe_text(const struct painter *p, uint32_t ch, char buf[8], size_t *len)
{
    const char *text = cluster_text(p->next->clusters, ch, buf, len);

    for (size_t at = 0; at < *len;) {
        uint32_t cp = 0;
        at += utf8_decode(text + at, *len - at, &cp);
        if (!is_safe(cp)) {
            *len = 1;
            return "?";
        }
    }
    return text;
}

/* Draws one character at the cursor. */
static void draw_cell(struct painter *p, int x, int y, const struct look *l)
{
    char buf[8];
    size_t len = 1;
    const char *text = safe_text(p, l->ch, buf, &len);

    go(p, x, y);
    set_pen(p, l->st, l->ul);
    set_link(p, l->link);
    if (l->width == 2 && p->caps->ech) {
        /* Should the terminal think it narrow, its second column must not show what was there. */
        strbuf_addstr(p->out, "\033[2X");
    }
    strbuf_add(p->out, text, len);
    p->x = x + l->width;
    if (len > 1 || l->width == 2) {
        p->x = -1; /* never trust the terminal's idea of its width */
    }
    if (x + l->width >= p->next->cols) {
        p->x = -1; /* pending wrap: terminals differ */
    }
}

/* Brings one row up to date. */
static void draw_row(struct painter *p, int y)
{
    int cols = p->next->cols, tail;

    if (!find_changes(p, y)) {
        return;
    }
    tail = find_tail(p, y);
    for (int x = 0; x < tail;) {
        struct look l = look_at(p, p->next, x, y);
        int run = p->changed[x] ? find_run(p, x, y, tail) : 0;
        if (!p->changed[x]) {
            x++;
        } else if (run > ERASE_WORTH * 2) {
            go(p, x, y);
            set_pen(p, l.st, 0);
            set_link(p, NULL);
            strbuf_addf(p->out, "\033[%dX", run);
            x += run;
        } else {
            draw_cell(p, x, y, &l);
            x += MT_MAX(l.width, 1);
        }
    }
    if (tail < cols) {
        struct look l = look_at(p, p->next, tail, y);
        go(p, tail, y);
        set_pen(p, l.st, 0);
        set_link(p, NULL);
        strbuf_addstr(p->out, "\033[K");
    }
}

/* Puts an unknown screen into a known state. */
static void clear_all(struct painter *p)
{
    start(p);
    strbuf_addstr(p->out, "\033[m");
    if (p->caps->bce) {
        struct style base = color_reduce(p->caps->depth, (struct style){.bg = p->base_bg}, p->base_bg);
        p->cleared = (struct style){.bg = base.bg};
        set_pen(p, p->cleared, 0);
    }
    strbuf_addstr(p->out, "\033[H\033[2J");
    p->x = p->y = 0;
}

/* Ends the update: pen, cursor place, shape and visibility. */
static void finish(struct painter *p)
{
    const struct surface *n = p->next;
    int old_shape = p->prev ? p->prev->cursor.shape : 0;
    bool was_visible = p->prev && p->prev->cursor.visible;
    bool moved =
        n->cursor.visible && (!was_visible || p->prev->cursor.x != n->cursor.x || p->prev->cursor.y != n->cursor.y);

    if (!p->started && !moved && was_visible == n->cursor.visible && old_shape == n->cursor.shape) {
        return;
    }
    start(p);
    set_link(p, NULL);
    set_pen(p, (struct style){0}, 0);
    if (p->caps->cursor_style && (!p->prev || old_shape != n->cursor.shape)) {
        strbuf_addf(p->out, "\033[%d q", n->cursor.shape);
    }
    if (n->cursor.visible) {
        go(p, MT_MAX(0, MT_MIN(n->cursor.x, n->cols - 1)), MT_MAX(0, MT_MIN(n->cursor.y, n->rows - 1)));
        strbuf_addstr(p->out, "\033[?25h");
    }
    strbuf_addstr(p->out, "\033[?2026l");
}

void render_frame(struct strbuf *out, const struct render_caps *caps, const struct surface *prev,
                  const struct surface *next)
{
    bool usable = prev && prev->cols == next->cols && prev->rows == next->rows && prev->base_bg == next->base_bg;
    struct painter p = {.out = out, .caps = caps, .next = next, .prev = usable ? prev : NULL, .base_bg = next->base_bg};

    p.plain = usable && prev->clusters->count == 0 && next->clusters->count == 0 && prev->extras.count == 0 &&
              next->extras.count == 0;
    p.x = p.y = -1;
    p.changed = xcalloc((size_t)next->cols + 1, sizeof(bool));
    if (!p.prev) {
        clear_all(&p);
    }
    for (int y = 0; y < next->rows; y++) {
        draw_row(&p, y);
    }
    finish(&p);
    free(p.changed);
}

void render_pen(struct strbuf *out, const struct render_caps *caps, struct style st, uint32_t base_bg)
{
    struct painter p = {.out = out, .caps = caps, .base_bg = base_bg};
    struct cell c = {.ch = 'x', .fg = st.fg, .bg = st.bg, .attrs = st.attrs, .width = 1};

    set_pen(&p, seen_style(&p, &c, false), 0);
}

void render_forget_row(struct surface *shown, const struct surface *next, int row)
{
    if (shown->cols != next->cols || row < 0 || row >= shown->rows || row >= next->rows) {
        return;
    }
    for (int x = 0; x < next->cols; x++) {
        *surface_cell(shown, x, row) = (struct cell){
            .ch = next->cells[(size_t)row * (size_t)next->cols + (size_t)x].ch == 'x' ? 'y' : 'x', .width = 1};
    }
}

/* Ids stay what they are: cells were copied with them. */
static void copy_extras(struct surface *to, const struct surface *from)
{
    surface_links_clear(to);
    for (size_t id = 1; id < from->extras.cap; id++) {
        const struct extra *e = extra_get(&from->extras, (uint16_t)id);
        if (e) {
            extra_put(&to->extras, (uint16_t)id, e->uri, e->ul);
        }
    }
}

void render_copy(struct surface *to, const struct surface *from)
{
    size_t n = (size_t)from->cols * (size_t)from->rows;

    if (to->cols != from->cols || to->rows != from->rows) {
        surface_resize(to, from->cols, from->rows);
    }
    cluster_table_release(to->clusters);
    cluster_table_init(to->clusters);
    memcpy(to->cells, from->cells, n * sizeof(*to->cells));
    if (from->clusters->count > 0) {
        cluster_move(to->clusters, to->cells, n, from->clusters);
    }
    copy_extras(to, from);
    to->base_bg = from->base_bg;
    to->cursor.x = from->cursor.x;
    to->cursor.y = from->cursor.y;
    to->cursor.visible = from->cursor.visible;
    to->cursor.shape = from->cursor.shape;
}
