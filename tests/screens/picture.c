/* SPDX-License-Identifier: Apache-2.0 */
/* What the harness' terminal shows, as text, as golden files, and as SVG. */
#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tests/screens/harness.h"

#define CELL_W 84 /* tenths of a pixel */
#define CELL_H 180
#define FONT_SIZE 14
#define BAR_H 300
#define PAD 100

void harness_dump_text(struct harness *h, struct strbuf *out)
{
    for (int y = 0; y < vt_rows(harness_vt(h)); y++) {
        harness_row(h, y, out);
        strbuf_addch(out, '\n');
    }
}

/* Replaces what matches by as many '#' as it has columns. */
static void mask(struct strbuf *text, const char *pattern)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    regex_t re;
    regmatch_t m;
    size_t at = 0;

    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE), 0);
    while (at < text->len && regexec(&re, text->buf + at, 1, &m, at ? REG_NOTBOL : 0) == 0 && m.rm_eo > m.rm_so) {
        strbuf_add(&out, text->buf + at, (size_t)m.rm_so);
        int columns = utf8_columns(text->buf + at + m.rm_so, (size_t)(m.rm_eo - m.rm_so));
        while (columns-- > 0) {
            strbuf_addch(&out, '#');
        }
        at += (size_t)m.rm_eo;
    }
    strbuf_addstr(&out, text->buf + at);
    strbuf_clear(text);
    strbuf_add(text, out.buf, out.len);
    regfree(&re);
}

/* What a golden comparison waits for. */
struct golden {
    const char *const *masks;
    struct strbuf want, got;
};

/* Reads the screen, masked, into g->got. */
static void read_masked(struct harness *h, struct golden *g)
{
    strbuf_clear(&g->got);
    harness_dump_text(h, &g->got);
    for (const char *const *m = g->masks; m && *m; m++) {
        mask(&g->got, *m);
    }
}

/* The screen is as wanted. */
static bool is_golden(struct harness *h, void *arg)
{
    struct golden *g = arg;

    read_masked(h, g);
    return strcmp(g->got.buf, g->want.buf) == 0;
}

void harness_golden(struct harness *h, const char *name, const char *const *masks)
{
    struct golden g = {.masks = masks, .want = STRBUF_INIT, .got = STRBUF_INIT};
    MT_CLEANUP(xfree) char *path = xasprintf("tests/screens/golden/%s.txt", name);
    struct error err = ERROR_INIT;
    const char *update = getenv("UPDATE");

    if (update && strcmp(update, "1") == 0) {
        read_masked(h, &g);
        assert_int_equal(fs_write_atomic(path, g.got.buf, g.got.len, 0644, &err), 0);
    } else if (fs_read(path, 1 << 20, &g.want, &err) != 0) {
        fail_msg("%s (UPDATE=1 writes it)", err.msg);
    } else {
        MT_CLEANUP(xfree) char *what = xasprintf("the screen does not become %s:\n%s", path, g.want.buf);
        harness_wait(h, is_golden, &g, what);
    }
    strbuf_release(&g.want);
    strbuf_release(&g.got);
}

/* Appends a coordinate given in tenths. */
static void add_tenths(struct strbuf *out, int v)
{
    strbuf_addf(out, v % 10 ? "%d.%d" : "%d", v / 10, v % 10);
}

/* Appends text as XML. */
static void add_xml(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '<':
            strbuf_addstr(out, "&lt;");
            break;
        case '>':
            strbuf_addstr(out, "&gt;");
            break;
        case '&':
            strbuf_addstr(out, "&amp;");
            break;
        default:
            strbuf_addch(out, text[i]);
        }
    }
}

/* What an SVG is made from. */
struct drawing {
    struct harness *h;
    struct strbuf *out;
    unsigned fg, bg;
};

/* The first 16 colours as today's terminals ship them; xterm's own are hard to read on paper and screen. */
static unsigned indexed(const struct drawing *d, unsigned index)
{
    static const unsigned dark[16] = {0x2e3440, 0xe06c75, 0x98c379, 0xe5c07b, 0x61afef, 0xc678dd, 0x56b6c2, 0xc8ccd4,
                                      0x5c6370, 0xe88388, 0xa8cc8c, 0xecd28a, 0x7fbaf5, 0xd290e4, 0x6fc3cf, 0xffffff};
    static const unsigned light[16] = {0x2d3238, 0xb3302d, 0x2f7331, 0x8a5a00, 0x1c62a8, 0x7b3fa0, 0x0f6e7c, 0x5c636c,
                                       0x6f757d, 0xc23b38, 0x3a853c, 0x9a6700, 0x2a73bd, 0x8d4fb3, 0x17808f, 0x0f1215};
    bool is_light = (d->bg >> 16 & 0xff) > 128;

    return index >= 16 ? vt_palette_rgb(harness_vt(d->h), index) : is_light ? light[index] : dark[index];
}

/* A cell's colours after reversal, as 0xRRGGBB. */
static void colors(const struct drawing *d, const struct cell *c, unsigned *fg, unsigned *bg)
{
    const uint32_t in[2] = {c->fg, c->bg};
    unsigned out[2] = {d->fg, d->bg};

    for (int i = 0; i < 2; i++) {
        if (CELL_COLOR_KIND(in[i]) == CELL_KIND_RGB) {
            out[i] = in[i] & 0xffffff;
        } else if (CELL_COLOR_KIND(in[i]) == CELL_KIND_INDEXED) {
            out[i] = indexed(d, in[i] & 0xff);
        }
    }
    bool reversed = (c->attrs & CELL_REVERSE) != 0;
    *fg = out[reversed];
    *bg = out[!reversed];
    if (c->attrs & CELL_DIM) {
        *fg = ((*fg & 0xfefefe) >> 1) + ((*bg & 0xfefefe) >> 1);
    }
}

/* Appends a filled rectangle. */
static void add_rect(struct strbuf *out, int x, int y, int w, int h, unsigned color)
{
    strbuf_addstr(out, "<rect x=\"");
    add_tenths(out, x);
    strbuf_addstr(out, "\" y=\"");
    add_tenths(out, y);
    strbuf_addstr(out, "\" width=\"");
    add_tenths(out, w);
    strbuf_addstr(out, "\" height=\"");
    add_tenths(out, h);
    strbuf_addf(out, "\" fill=\"#%06x\"/>\n", color);
}

/* Lines and blocks are drawn, so that they meet whatever the font does. False: not one of them. */
static bool add_box(const struct drawing *d, uint32_t ch, int x, int y, unsigned color)
{
    int cx = x + CELL_W / 2, cy = y + CELL_H / 2;
    int right = x + CELL_W, bottom = y + CELL_H, r = CELL_W / 2;
    struct strbuf *out = d->out;

    switch (ch) {
    case 0x2500:
        add_rect(out, x, cy - 5, CELL_W, 10, color);
        return true;
    case 0x2501:
        add_rect(out, x, cy - 12, CELL_W, 24, color);
        return true;
    case 0x2502:
        add_rect(out, cx - 5, y, 10, CELL_H, color);
        return true;
    case 0x2588:
        add_rect(out, x, y, CELL_W, CELL_H, color);
        return true;
    case 0x258C:
        add_rect(out, x, y, CELL_W / 2, CELL_H, color);
        return true;
    case 0x256D:
    case 0x256E:
    case 0x256F:
    case 0x2570:
        break;
    default:
        return false;
    }
    bool down = ch <= 0x256E, to_right = ch == 0x256D || ch == 0x2570;
    int end_y = down ? bottom : y, end_x = to_right ? right : x;
    strbuf_addf(out,
                "<path d=\"M%d %dL%d %dQ%d %d %d %dL%d %d\" transform=\"scale(.1)\" fill=\"none\" stroke=\"#%06x\" "
                "stroke-width=\"10\"/>\n",
                cx, end_y, cx, down ? cy + r : cy - r, cx, cy, to_right ? cx + r : cx - r, cy, end_x, cy, color);
    return true;
}

/* Draws cells [from, to) of a row as one piece of text. */
static void add_run(const struct drawing *d, const struct cell *cells, int from, int to, int y)
{
    unsigned fg, bg;
    const struct cell *c = &cells[from];

    colors(d, c, &fg, &bg);
    if (to - from == 1 && add_box(d, c->ch, PAD + from * CELL_W, y, fg)) {
        return;
    }
    strbuf_addstr(d->out, "<text x=\"");
    add_tenths(d->out, PAD + from * CELL_W);
    strbuf_addstr(d->out, "\" y=\"");
    add_tenths(d->out, y + 135);
    strbuf_addstr(d->out, "\" textLength=\"");
    add_tenths(d->out, (to - from) * CELL_W * (c->width == 2 ? 2 : 1));
    strbuf_addf(d->out, "\" fill=\"#%06x\"%s%s%s>", fg, c->attrs & CELL_BOLD ? " font-weight=\"bold\"" : "",
                c->attrs & CELL_ITALIC ? " font-style=\"italic\"" : "",
                CELL_UNDERLINE(c->attrs) ? " text-decoration=\"underline\"" : "");
    for (int x = from; x < to; x++) {
        char small[8];
        size_t len = 0;
        const char *text = cluster_text(vt_clusters(harness_vt(d->h)), cells[x].ch, small, &len);
        add_xml(d->out, text, len);
    }
    strbuf_addstr(d->out, "</text>\n");
}

/* True when two cells can be one piece of text: same style, plain characters. */
static bool joins(const struct cell *a, const struct cell *b)
{
    return cell_same_style(a, b) && a->width == 1 && b->width == 1 && a->ch < 0x80 && b->ch < 0x80 && a->ch > 0x20 &&
           b->ch >= 0x20;
}

/* Draws one row: backgrounds, then text. */
static void add_row(const struct drawing *d, int row)
{
    const struct cell *cells = vt_row(harness_vt(d->h), row, NULL);
    int cols = vt_cols(harness_vt(d->h)), y = BAR_H + row * CELL_H;
    unsigned fg, bg, next_bg;

    for (int x = 0; x < cols;) {
        int end = x + 1;
        colors(d, &cells[x], &fg, &bg);
        for (; end < cols; end++) {
            colors(d, &cells[end], &fg, &next_bg);
            if (next_bg != bg) {
                break;
            }
        }
        if (bg != d->bg) {
            add_rect(d->out, PAD + x * CELL_W, y, (end - x) * CELL_W, CELL_H, bg);
        }
        x = end;
    }
    for (int x = 0; x < cols;) {
        int end = x + 1;
        if (cells[x].width == 0 || cells[x].ch == 0 || cells[x].ch == ' ') {
            x++;
            continue;
        }
        while (end < cols && joins(&cells[end - 1], &cells[end])) {
            end++;
        }
        add_run(d, cells, x, end, y);
        x = end;
    }
}

void harness_dump_svg(struct harness *h, const char *title, unsigned fg, unsigned bg, struct strbuf *out)
{
    struct drawing d = {h, out, fg, bg};
    int w = PAD * 2 + vt_cols(harness_vt(h)) * CELL_W, height = BAR_H + vt_rows(harness_vt(h)) * CELL_H + PAD;
    static const unsigned dots[] = {0xe06c60, 0xe0b060, 0x70b070};

    strbuf_addf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"'DejaVu Sans "
                "Mono','Menlo','Consolas',monospace\" "
                "font-size=\"%d\" xml:space=\"preserve\">\n<title>",
                (w + 9) / 10, (height + 9) / 10, FONT_SIZE);
    add_xml(out, title, strlen(title));
    strbuf_addf(out,
                "</title>\n<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#%06x\" stroke=\"#808080\" "
                "stroke-opacity=\".4\"/>\n",
                (w + 9) / 10, (height + 9) / 10, bg);
    for (int i = 0; i < 3; i++) {
        strbuf_addf(out, "<circle cx=\"%d\" cy=\"15\" r=\"5\" fill=\"#%06x\"/>\n", 18 + i * 18, dots[i]);
    }
    for (int y = 0; y < vt_rows(harness_vt(h)); y++) {
        add_row(&d, y);
    }
    struct vt_cursor cursor = vt_cursor(harness_vt(h));
    if (cursor.visible) {
        add_rect(out, PAD + cursor.col * CELL_W, BAR_H + cursor.row * CELL_H, CELL_W, CELL_H, fg);
    }
    strbuf_addstr(out, "</svg>\n");
}
