/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

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

const char *vt_link(const struct vt *vt, uint8_t id)
{
    return vt->links[id] != NULL ? vt->links[id] : "";
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

void vt_set_colors(struct vt *vt, uint32_t fg, uint32_t bg, uint32_t cursor)
{
    vt->fg = fg & 0xffffff;
    vt->bg = bg & 0xffffff;
    vt->cursor_color = cursor & 0xffffff;
}

uint32_t vt_palette_rgb(const struct vt *vt, unsigned index)
{
    index &= 0xff;
    if (vt->palette != NULL && vt->palette[index] != 0) {
        return vt->palette[index] & 0xffffff;
    }
    return cell_palette_rgb(index);
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

uint64_t vt_history_total(const struct vt *vt)
{
    return scrollback_total(vt->history);
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

uint32_t vt_intern(struct vt *vt, const char *text, size_t len)
{
    uint32_t ch = cluster_intern(&vt->clusters, text, len);
    if (ch == 0 && len > 0) {
        sweep_clusters(vt);
        ch = cluster_intern(&vt->clusters, text, len);
    }
    return ch;
}

int vt_history_line(struct vt *vt, size_t index, struct cell *out, int cols, bool *wrapped)
{
    if (vt->clusters.count + (size_t)cols > CLUSTER_MAX_ENTRIES) {
        sweep_clusters(vt);
    }
    return scrollback_get(vt->history, index, out, cols, wrapped, &vt->clusters);
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
    return scrollback_text(vt->history, index, out, wrapped);
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
