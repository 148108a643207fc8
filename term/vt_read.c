/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "term/vt_priv.h"

/* What others read of a terminal, and what it answers. */

int vt_cols(const struct vt *vt)
{
    return vt->main.grid.cols;
}

int vt_rows(const struct vt *vt)
{
    return vt->main.grid.rows;
}

const struct cell *vt_row(const struct vt *vt, int row, bool *wrapped)
{
    if (wrapped != NULL) {
        *wrapped = grid_is_wrapped(&vt->screen->grid, row);
    }
    return grid_cells(&vt->screen->grid, row);
}

bool vt_has_damage(const struct vt *vt)
{
    return grid_has_damage(&vt->screen->grid);
}

int vt_take_damage(struct vt *vt, int from)
{
    return grid_take_damage(vt_grid(vt), from);
}

void vt_damage_all(struct vt *vt)
{
    grid_damage_all(vt_grid(vt));
}

bool vt_is_held(const struct vt *vt, uint64_t now_ms)
{
    return now_ms < vt->sync_until;
}

uint64_t vt_sync_deadline_ms(const struct vt *vt)
{
    return vt->sync_until;
}

const struct cluster_table *vt_clusters(const struct vt *vt)
{
    return &vt->clusters;
}

const struct extra_table *vt_extras(const struct vt *vt)
{
    return &vt->extras;
}

struct vt_cursor vt_cursor(const struct vt *vt)
{
    static const uint8_t shape[7] = {VT_CURSOR_BLOCK,     VT_CURSOR_BLOCK, VT_CURSOR_BLOCK, VT_CURSOR_UNDERLINE,
                                     VT_CURSOR_UNDERLINE, VT_CURSOR_BAR,   VT_CURSOR_BAR};
    return (struct vt_cursor){.row = vt->row,
                              .col = vt->col,
                              .visible = vt->cursor_visible,
                              .blink = vt->cursor_style == 0 ? vt->cursor_blink : (vt->cursor_style & 1) != 0,
                              .shape = shape[vt->cursor_style % 7],
                              .styled = vt->cursor_style != 0};
}

const struct key_modes *vt_modes(const struct vt *vt)
{
    return &vt->modes;
}

bool vt_is_alt(const struct vt *vt)
{
    return vt->screen == &vt->alt;
}

bool vt_is_reversed(const struct vt *vt)
{
    return vt->reversed;
}

const char *vt_title(const struct vt *vt)
{
    return vt->title;
}

static bool is_dark(uint32_t c)
{
    return (c >> 16 & 0xff) * 3 + (c >> 8 & 0xff) * 6 + (c & 0xff) < 1280;
}

void vt_set_colors(struct vt *vt, uint32_t fg, uint32_t bg, uint32_t cursor)
{
    bool was_dark = is_dark(vt->bg);
    vt->fg = fg & 0xffffff;
    vt->bg = bg & 0xffffff;
    vt->cursor_color = cursor & 0xffffff;
    if (was_dark != is_dark(vt->bg) && vt->tell_colors) {
        vt_report_scheme(vt);
    }
}

void vt_report_scheme(struct vt *vt)
{
    vt_replyf(vt, "\033[?997;%dn", is_dark(vt->bg) ? 1 : 2);
}

void vt_report_size(struct vt *vt)
{
    int rows = vt_rows(vt), cols = vt_cols(vt);
    vt_replyf(vt, "\033[48;%d;%d;%d;%dt", rows, cols, rows * KEYS_CELL_HEIGHT, cols * KEYS_CELL_WIDTH);
}

void vt_set_kitty(struct vt *vt, uint8_t flags)
{
    vt->kitty_able = (uint8_t)((flags | VT_KITTY_ALONE) & 31);
}

uint32_t vt_palette_rgb(const struct vt *vt, unsigned index)
{
    index &= 0xff;
    if (vt->palette != NULL && vt->palette[index] != 0) {
        return vt->palette[index] & 0xffffff;
    }
    if (index < 16 && vt->outer_palette[index] != 0) {
        return vt->outer_palette[index] & 0xffffff;
    }
    return cell_palette_rgb(index);
}

void vt_set_palette(struct vt *vt, const uint32_t colors[16])
{
    memcpy(vt->outer_palette, colors, sizeof(vt->outer_palette));
}

/* One colour as the program has set it. */
static uint32_t own_color(const struct vt *vt, uint32_t c, uint32_t standard)
{
    if (CELL_COLOR_KIND(c) == CELL_KIND_DEFAULT) {
        return standard != 0 ? cell_rgb(standard >> 16, standard >> 8, standard) : c;
    }
    uint32_t set = CELL_COLOR_KIND(c) == CELL_KIND_INDEXED && vt->palette != NULL ? vt->palette[c & 0xff] : 0;
    return set != 0 ? cell_rgb(set >> 16, set >> 8, set) : c;
}

bool vt_paint_row(const struct vt *vt, struct cell *cells, int cols)
{
    if (vt->palette == NULL && vt->own[0] == 0 && vt->own[1] == 0) {
        return false;
    }
    for (int i = 0; i < cols; i++) {
        cells[i].fg = own_color(vt, cells[i].fg, vt->own[0]);
        cells[i].bg = own_color(vt, cells[i].bg, vt->own[1]);
    }
    return true;
}

void vt_allow_clipboard(struct vt *vt, bool on)
{
    vt->clip_allowed = on;
}

void vt_set_focus(struct vt *vt, bool focused)
{
    if (vt->focused != focused) {
        vt->focused = focused;
        if (vt->modes.focus) {
            vt_reply(vt, focused ? "\033[I" : "\033[O", 3);
        }
    }
}

size_t vt_history_count(const struct vt *vt)
{
    return scrollback_count(vt->history);
}

size_t vt_history_estimate(const struct vt *vt)
{
    return scrollback_estimate(vt->history);
}

uint64_t vt_history_total(const struct vt *vt)
{
    return scrollback_total(vt->history);
}

bool vt_history_settle(struct vt *vt)
{
    return scrollback_settle(vt->history);
}

/* Frees clusters that no screen shows any more. */
static void sweep_clusters(struct vt *vt)
{
    struct grid *grids[2] = {&vt->main.grid, &vt->alt.grid};
    for (int i = 0; i < 2; i++) {
        for (int row = 0; row < grids[i]->rows; row++) {
            const struct grid_row *r = &grids[i]->row[row];
            for (int col = 0; col < r->cap; col++) {
                cluster_mark(&vt->clusters, r->cells[col].ch);
            }
        }
    }
    cluster_sweep(&vt->clusters);
}

static uint16_t pen_extra(const struct pen *pen)
{
    return cell_extra(&(struct cell){.attrs = pen->attrs, .link = pen->link});
}

/* Frees extras that no cell and no pen has any more. */
static void sweep_extras(struct vt *vt)
{
    struct vt_screen *screens[2] = {&vt->main, &vt->alt};
    extra_mark(&vt->extras, pen_extra(&vt->pen));
    for (int i = 0; i < 2; i++) {
        struct grid *g = &screens[i]->grid;
        extra_mark(&vt->extras, pen_extra(&screens[i]->saved.pen));
        for (int row = 0; row < g->rows; row++) {
            for (int col = 0; col < g->row[row].cap; col++) {
                extra_mark(&vt->extras, cell_extra(&g->row[row].cells[col]));
            }
        }
    }
    extra_sweep(&vt->extras);
}

const char *vt_pen_uri(const struct vt *vt)
{
    const struct extra *e = extra_get(&vt->extras, pen_extra(&vt->pen));
    return e != NULL ? e->uri : NULL;
}

void vt_pen_extra(struct vt *vt, const char *uri)
{
    char *own = uri != NULL ? xstrdup(uri) : NULL; /* it may be an entry that the sweep frees */
    bool full = false;
    uint16_t id = extra_intern(&vt->extras, own, vt->pen.ul, &full);
    if (full) {
        sweep_extras(vt);
        id = extra_intern(&vt->extras, own, vt->pen.ul, &full);
    }
    struct cell c = {.attrs = vt->pen.attrs};
    cell_set_extra(&c, id);
    vt->pen.attrs = c.attrs;
    vt->pen.link = c.link;
    free(own);
}

/* scrollback_links: the address and underline colour of a cell. */
static void history_link_get(void *arg, const struct cell *c, const char **uri, uint32_t *ul)
{
    const struct vt *vt = arg;
    const struct extra *e = extra_get(&vt->extras, cell_extra(c));
    *uri = e != NULL ? e->uri : NULL;
    *ul = e != NULL ? e->ul : CELL_COLOR_DEFAULT;
}

/* scrollback_links: an id for a cell that is read, none when the table is full: a sweep now would free those of cells
 * read before it. */
static void history_link_set(void *arg, struct cell *c, const char *uri, uint32_t ul)
{
    struct vt *vt = arg;
    bool full = false;
    cell_set_extra(c, extra_intern(&vt->extras, uri, ul, &full));
}

void vt_keep_links(struct vt *vt)
{
    struct scrollback_links links = {.get = history_link_get, .set = history_link_set, .arg = vt};
    scrollback_set_links(vt->history, &links);
}

uint32_t vt_intern(struct vt *vt, const char *text, size_t len)
{
    uint32_t ch = cluster_intern(&vt->clusters, text, len);
    if (ch == 0 && len > 0) {
        sweep_clusters(vt);
        ch = cluster_intern(&vt->clusters, text, len);
    }
    return ch;
}

bool vt_history_crowds(const struct vt *vt)
{
    return vt->extras.count >= EXTRA_MAX / 4 * 3 || vt->extras.bytes >= EXTRA_BYTES_MAX / 4 * 3;
}

void vt_take_begin(struct vt *vt)
{
    if (vt->clusters.count >= CLUSTER_MAX_ENTRIES) {
        sweep_clusters(vt);
    }
    if (vt_history_crowds(vt)) {
        sweep_extras(vt);
    }
    vt->clusters.max = SIZE_MAX;
}

void vt_take_end(struct vt *vt)
{
    vt->clusters.max = CLUSTER_MAX_ENTRIES;
}

int vt_history_line(struct vt *vt, size_t index, struct cell *out, int cols, bool *wrapped)
{
    struct row_info info = {0};
    vt_take_begin(vt);
    int n = scrollback_get(vt->history, index, out, cols, &info, &vt->clusters);
    vt_take_end(vt);
    if (wrapped != NULL) {
        *wrapped = info.wrapped;
    }
    return n;
}

bool vt_history_is_wrapped(const struct vt *vt, size_t index)
{
    return scrollback_is_wrapped(vt->history, index);
}

unsigned vt_history_marks(const struct vt *vt, size_t index)
{
    return scrollback_marks(vt->history, index);
}

unsigned vt_row_marks(const struct vt *vt, int row)
{
    return grid_marks(&vt->main.grid, row);
}

int vt_history_text(const struct vt *vt, size_t index, struct strbuf *out, bool *wrapped)
{
    struct row_info info = {0};
    int rc = scrollback_text(vt->history, index, out, &info);
    if (wrapped != NULL) {
        *wrapped = info.wrapped;
    }
    return rc;
}

bool vt_history_line_text(const struct vt *vt, size_t index, struct strbuf *out, size_t *above, size_t *rows)
{
    return scrollback_line_text(vt->history, index, out, above, rows);
}

void vt_history_clear(struct vt *vt)
{
    scrollback_clear(vt->history);
}

void vt_reply(struct vt *vt, const char *bytes, size_t len)
{
    if (vt->cb.output != NULL && len > 0) {
        vt->cb.output(bytes, len, vt->arg);
    }
}

void vt_replyf(struct vt *vt, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_clear(&vt->tmp);
    strbuf_vaddf(&vt->tmp, fmt, ap);
    va_end(ap);
    vt_reply(vt, vt->tmp.buf, vt->tmp.len);
}
