/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/compare/cells.h"

#include "core/util/compiler.h"

static void put_color(struct strbuf *out, uint32_t color)
{
    if (CELL_COLOR_KIND(color) == CELL_KIND_RGB) {
        strbuf_addf(out, " #%06x", color & 0xffffffu);
    } else if (CELL_COLOR_KIND(color) == CELL_KIND_INDEXED) {
        strbuf_addf(out, " %u", color & 0xffu);
    } else {
        strbuf_addf(out, " -");
    }
}

void cells_put(struct strbuf *out, const struct cluster_table *clusters, const struct cell *c)
{
    static const struct {
        uint16_t attr;
        char letter;
    } letters[] = {{CELL_BOLD, 'b'},    {CELL_DIM, 'd'},     {CELL_ITALIC, 'i'}, {CELL_BLINK, 'k'},
                   {CELL_REVERSE, 'r'}, {CELL_CONCEAL, 'c'}, {CELL_STRIKE, 's'}, {CELL_OVERLINE, 'o'}};
    char small[8];
    size_t len = 0;
    const char *text = cluster_text(clusters, c->ch ? c->ch : ' ', small, &len);

    strbuf_addf(out, "%u", c->width);
    put_color(out, c->fg);
    put_color(out, c->bg);
    strbuf_addf(out, " .");
    for (size_t i = 0; i < MT_ARRAY_LEN(letters); i++) {
        if (c->attrs & letters[i].attr) {
            strbuf_add(out, &letters[i].letter, 1);
        }
    }
    strbuf_addf(out, " %u %s\n", CELL_UNDERLINE(c->attrs), c->width ? text : "");
}

void cells_put_screen(struct strbuf *out, const struct vt *vt, const struct rect *area, bool alt, const char *name)
{
    static const struct rect nothing = {0, 0, 0, 0};
    struct vt_cursor cursor = vt_cursor(vt);

    area = area ? area : &nothing;
    strbuf_addf(out, "s %s %d %d %d %d %d %d %d\n", name, area->w, area->h, cursor.col - area->x, cursor.row - area->y,
                cursor.visible, alt, area->w * area->h);
    for (int y = 0; y < area->h; y++) {
        const struct cell *cells = vt_row(vt, area->y + y, NULL);
        for (int x = 0; x < area->w; x++) {
            cells_put(out, vt_clusters(vt), &cells[area->x + x]);
        }
    }
}

void cells_put_output(struct strbuf *out, const char *bytes, size_t len)
{
    strbuf_addf(out, "o %zu\n", len);
    strbuf_add(out, bytes, len);
}

void cells_put_size(struct strbuf *out, int cols, int rows)
{
    strbuf_addf(out, "r %d %d\n", cols, rows);
}
