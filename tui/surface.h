/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SURFACE_H
#define MT_TUI_SURFACE_H

/* A rectangle of cells in memory that views draw into; nothing here writes to a terminal. The frame is composed in one
 * surface, compared with the last one by render.c, and only the difference leaves. Cells are term/cell.h's, so that
 * pane rows are copied as they are. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term/cell.h"
#include "term/extra.h"

struct rect {
    int x, y, w, h;
};
struct style {
    uint32_t fg, bg;
    uint16_t attrs;
}; /* colours and attributes as in term/cell.h */

struct surface {
    int cols, rows;
    struct cell *cells;             /* rows * cols */
    struct cluster_table *clusters; /* owned */
    struct rect clip;               /* draws outside are ignored */
    bool ascii;                     /* only ASCII glyphs: text outside becomes '?', borders + - | */
    uint32_t base_bg; /* background of the last fill of everything: what terminals with few colours show as their own */
    struct extra_table extras; /* owned: addresses and underline colours of cells (cell_extra) */
    /* The hardware cursor of the finished frame; shape as DECSCUSR 0-6; hidden unless visible. */
    struct {
        int x, y;
        bool visible;
        int shape;
    } cursor;
};

#define SURFACE_KEEP 0xFFFFFFFFu /* surface_tint: leave this colour */

void surface_init(struct surface *s, int cols, int rows);
void surface_release(struct surface *s);
void surface_resize(struct surface *s, int cols, int rows); /* contents are lost */
/* The cell at a place, NULL outside. */
struct cell *surface_cell(struct surface *s, int x, int y);
/* Narrows the clip to its intersection with r; returns the previous one for surface_unclip. */
struct rect surface_clip(struct surface *s, struct rect r);
void surface_unclip(struct surface *s, struct rect previous);
void surface_fill(struct surface *s, struct rect r, struct style st);
/* Draws UTF-8 text (sanitised on the way) in at most `max` columns (< 0: to the clip's edge); cut text ends in an
 * ellipsis. A wide character never straddles the edge. Returns the columns used. st.bg/fg of 0 mean the terminal's
 * default. */
int surface_text(struct surface *s, int x, int y, int max, struct style st, const char *text);
int surface_textf(struct surface *s, int x, int y, int max, struct style st, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* The same, right-aligned so that it ends before column x_end. Returns where it begins. */
int surface_text_right(struct surface *s, int x_end, int y, int max, struct style st, const char *text);
void surface_vline(struct surface *s, int x, int y, int h, struct style st);
void surface_hline(struct surface *s, int x, int y, int w, struct style st);
/* A frame with rounded or plain corners (ASCII + - |), with an optional title in the top line. */
void surface_frame(struct surface *s, struct rect r, struct style st, const char *title, struct style title_style);
/* Changes attributes/colours of existing cells: selections, dimming behind a dialog. fg/bg SURFACE_KEEP: keep.
 * Attributes are added, CELL_REVERSE is toggled. */
void surface_tint(struct surface *s, struct rect r, struct style st);
/* The cells lead to an address: terminals that can make them clickable. Addresses with anything but printable ASCII are
 * ignored, as are more than an extra_table holds. */
void surface_link(struct surface *s, struct rect r, const char *address);
/* The address that a place leads to, or NULL; valid until the links change. */
/* Its address and underline colour, or NULL. */
const struct extra *surface_extra_at(const struct surface *s, int x, int y);
const char *surface_link_at(const struct surface *s, int x, int y);
/* Forgets all addresses: before a frame is drawn anew. */
void surface_links_clear(struct surface *s);
/* So many addresses and underline colours came together that most are not in sight any more: time to draw all anew. */
bool surface_is_stale(const struct surface *s);
/* Copies a pane row; cells that would cross the clip's right edge are blanked. */
void surface_blit(struct surface *s, int x, int y, const struct cell *cells, int count,
                  const struct cluster_table *from);
/* The same with the addresses and underline colours that the cells have in `extras` (NULL: none). */
void surface_blit_extras(struct surface *s, int x, int y, const struct cell *cells, int count,
                         const struct cluster_table *from, const struct extra_table *extras);
struct rect rect_intersect(struct rect a, struct rect b);
bool rect_has(struct rect r, int x, int y);

#endif
