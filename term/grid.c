/* SPDX-License-Identifier: Apache-2.0 */
#include "term/grid.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"

#define DAMAGE_WORDS(rows) (((size_t)(rows) + 63) / 64)

/* Makes room for `cols` cells in a row; new ones are `blank`. */
static void row_reserve(struct grid_row *r, int cols, struct cell blank)
{
    if (r->cap < cols) {
        r->cells = xreallocarray(r->cells, (size_t)cols, sizeof(*r->cells));
        cell_fill(r->cells + r->cap, (size_t)(cols - r->cap), blank);
        r->used = blank.bg == CELL_COLOR_DEFAULT ? r->used : cols;
        r->cap = cols;
    }
}

void grid_init(struct grid *g, int cols, int rows)
{
    g->cols = mt_clamp(cols, 1, GRID_MAX);
    g->rows = mt_clamp(rows, 1, GRID_MAX);
    g->row = xcalloc((size_t)g->rows, sizeof(*g->row));
    g->damage = xcalloc(DAMAGE_WORDS(g->rows), sizeof(*g->damage));
    for (int r = 0; r < g->rows; r++) {
        row_reserve(&g->row[r], g->cols, CELL_BLANK);
    }
    grid_damage_all(g);
}

void grid_release(struct grid *g)
{
    for (int r = 0; r < g->rows; r++) {
        free(g->row[r].cells);
    }
    free(g->row);
    free(g->damage);
    *g = (struct grid){0};
}

const struct cell *grid_cells(const struct grid *g, int row)
{
    return row < 0 || row >= g->rows ? NULL : g->row[row].cells;
}

struct cell *grid_edit(struct grid *g, int row)
{
    if (row < 0 || row >= g->rows) {
        return NULL;
    }
    grid_damage_row(g, row);
    g->row[row].used = g->row[row].cap;
    return g->row[row].cells;
}

struct cell *grid_edit_text(struct grid *g, int row)
{
    if (row < 0 || row >= g->rows) {
        return NULL;
    }
    grid_damage_row(g, row);
    return g->row[row].cells;
}

void grid_set_used(struct grid *g, int row, int end)
{
    if (row >= 0 && row < g->rows) {
        g->row[row].used = MT_MAX(g->row[row].used, MT_MIN(end, g->row[row].cap));
    }
}

int grid_used(const struct grid *g, int row)
{
    return row < 0 || row >= g->rows ? 0 : MT_MIN(g->row[row].used, g->cols);
}

bool grid_is_wrapped(const struct grid *g, int row)
{
    return row >= 0 && row < g->rows && g->row[row].wrapped;
}

void grid_set_wrapped(struct grid *g, int row, bool wrapped)
{
    if (row >= 0 && row < g->rows) {
        g->row[row].wrapped = wrapped;
    }
}

unsigned grid_marks(const struct grid *g, int row)
{
    return row >= 0 && row < g->rows ? g->row[row].marks : 0;
}

void grid_set_marks(struct grid *g, int row, unsigned marks)
{
    if (row >= 0 && row < g->rows) {
        g->row[row].marks = (uint8_t)(marks & 15);
    }
}

/* Takes the character of a cell away, keeps its colours. */
static void cell_blank_out(struct cell *c)
{
    c->ch = 0;
    c->width = 1;
    cell_set_extra(c, 0);
}

void grid_split_wide(struct grid *g, int row, int from, int to)
{
    if (row < 0 || row >= g->rows) {
        return;
    }
    struct cell *cells = g->row[row].cells;
    if (from > 0 && from < g->cols && cells[from].width == 0) {
        cell_blank_out(&cells[from - 1]);
        cell_blank_out(&cells[from]);
    }
    if (to > 0 && to < g->cols && cells[to].width == 0) {
        cell_blank_out(&cells[to - 1]);
        cell_blank_out(&cells[to]);
    }
}

void grid_put(struct grid *g, int row, int col, struct cell c)
{
    struct cell *cells = grid_edit_text(g, row);
    if (cells == NULL || col < 0 || col >= g->cols || c.width == 0) {
        return;
    }
    if (c.width == 2 && col + 1 >= g->cols) {
        c.ch = 0;
        c.width = 1;
    }
    grid_split_wide(g, row, col, col + c.width);
    grid_set_used(g, row, col + c.width);
    cells[col] = c;
    if (c.width == 2) {
        c.ch = 0;
        c.width = 0;
        cells[col + 1] = c;
    }
}

/* Is it what a cell is that was never written? */
static bool cell_is_plain(const struct cell *c)
{
    return c->bg == CELL_COLOR_DEFAULT && c->attrs == 0 && c->ch == 0;
}

/* Fills columns of one row. */
static void row_fill(struct grid *g, int row, int left, int right, struct cell blank, bool selective)
{
    struct grid_row *r = &g->row[row];
    grid_split_wide(g, row, left, right);
    bool plain = cell_is_plain(&blank) && !selective;
    if (plain) {
        int end = MT_MIN(right, r->used);
        cell_fill(r->cells + left, end > left ? (size_t)(end - left) : 0, CELL_BLANK);
    } else {
        for (int col = left; col < right; col++) {
            if (!selective || (r->cells[col].attrs & CELL_PROTECTED) == 0) {
                r->cells[col] = blank;
            }
        }
        r->used = MT_MAX(r->used, right);
    }
    if (right == g->cols) {
        r->marks = left == 0 ? 0 : r->marks;
        r->wrapped = false;
        if (r->used > g->cols) {
            cell_fill(r->cells + g->cols, (size_t)(r->used - g->cols), CELL_BLANK);
            r->used = g->cols;
        }
        r->used = plain ? MT_MIN(r->used, left) : r->used;
    }
    grid_damage_row(g, row);
}

void grid_fill(struct grid *g, int top, int left, int bottom, int right, struct cell blank, bool selective)
{
    top = mt_clamp(top, 0, g->rows);
    bottom = mt_clamp(bottom, 0, g->rows);
    left = mt_clamp(left, 0, g->cols);
    right = mt_clamp(right, 0, g->cols);
    if (left >= right) {
        return;
    }
    for (int row = top; row < bottom; row++) {
        row_fill(g, row, left, right, blank, selective);
    }
}

/* Turns rows [a, b) so that row `mid` becomes the first: three reversals. */
static void rows_reverse(struct grid_row *rows, int a, int b)
{
    for (b--; a < b; a++, b--) {
        struct grid_row tmp = rows[a];
        rows[a] = rows[b];
        rows[b] = tmp;
    }
}

/* Turns the row pointers of [top, bottom) by `down` rows up. One row up, the common case, is one memmove. */
static void rows_rotate(struct grid *g, int top, int bottom, int down)
{
    if (down == 1) {
        struct grid_row first = g->row[top];
        memmove(&g->row[top], &g->row[top + 1], (size_t)(bottom - top - 1) * sizeof(*g->row));
        g->row[bottom - 1] = first;
        return;
    }
    int mid = down > 0 ? top + down : bottom + down;
    rows_reverse(g->row, top, mid);
    rows_reverse(g->row, mid, bottom);
    rows_reverse(g->row, top, bottom);
}

/* Copies columns [left, right) of one row to another. */
static void row_copy(struct grid *g, int from, int to, int left, int right)
{
    grid_split_wide(g, from, left, right);
    grid_split_wide(g, to, left, right);
    grid_set_used(g, to, right);
    memcpy(g->row[to].cells + left, g->row[from].cells + left, (size_t)(right - left) * sizeof(struct cell));
    grid_damage_row(g, to);
}

/* Marks rows [top, bottom), a word at a time. */
static void damage_rows(struct grid *g, int top, int bottom)
{
    for (int row = top; row < bottom;) {
        int n = MT_MIN(bottom - row, 64 - row % 64);
        g->damage[row / 64] |= (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << (row % 64);
        row += n;
    }
}

/* Vertical part of grid_scroll, |down| < bottom - top. */
static void scroll_rows(struct grid *g, int top, int left, int bottom, int right, int down, struct cell blank)
{
    if (left == 0 && right == g->cols) {
        rows_rotate(g, top, bottom, down);
        damage_rows(g, top, bottom);
    } else if (down > 0) {
        for (int row = top; row < bottom - down; row++) {
            row_copy(g, row + down, row, left, right);
        }
    } else {
        for (int row = bottom - 1; row >= top - down; row--) {
            row_copy(g, row + down, row, left, right);
        }
    }
    if (down > 0) {
        grid_fill(g, bottom - down, left, bottom, right, blank, false);
    } else {
        grid_fill(g, top, left, top - down, right, blank, false);
    }
}

/* One row up over the full width: what a newline at the bottom does. */
static void scroll_line(struct grid *g, int top, int bottom)
{
    struct grid_row first = g->row[top];
    memmove(&g->row[top], &g->row[top + 1], (size_t)(bottom - top - 1) * sizeof(*g->row));
    cell_fill(first.cells, (size_t)first.used, CELL_BLANK);
    first.used = 0;
    first.wrapped = false;
    first.marks = 0;
    g->row[bottom - 1] = first;
    damage_rows(g, top, bottom);
}

void grid_scroll(struct grid *g, int top, int left, int bottom, int right, int down, int rightward, struct cell blank)
{
    top = mt_clamp(top, 0, g->rows);
    bottom = mt_clamp(bottom, 0, g->rows);
    left = mt_clamp(left, 0, g->cols);
    right = mt_clamp(right, 0, g->cols);
    int height = bottom - top, width = right - left;
    if (height <= 0 || width <= 0) {
        return;
    }
    if (down == 1 && rightward == 0 && height > 1 && width == g->cols && cell_is_plain(&blank)) {
        scroll_line(g, top, bottom);
        return;
    }
    if (down >= height || down <= -height || rightward >= width || rightward <= -width) {
        grid_fill(g, top, left, bottom, right, blank, false);
        return;
    }
    if (down != 0) {
        scroll_rows(g, top, left, bottom, right, down, blank);
    }
    for (int row = top; rightward != 0 && row < bottom; row++) {
        grid_shift(g, row, left, right, -rightward, blank);
    }
}

void grid_shift(struct grid *g, int row, int col, int right, int n, struct cell blank)
{
    struct cell *cells = grid_edit(g, row);
    col = mt_clamp(col, 0, g->cols);
    right = mt_clamp(right, col, g->cols);
    int width = right - col;
    if (cells == NULL || width == 0 || n == 0) {
        return;
    }
    n = mt_clamp(n, -width, width);
    grid_split_wide(g, row, col, right);
    if (n > 0) {
        grid_split_wide(g, row, right - n, right);
        memmove(cells + col + n, cells + col, (size_t)(width - n) * sizeof(*cells));
        cell_fill(cells + col, (size_t)n, blank);
    } else {
        grid_split_wide(g, row, col - n, right);
        memmove(cells + col, cells + col - n, (size_t)(width + n) * sizeof(*cells));
        cell_fill(cells + right + n, (size_t)-n, blank);
    }
    if (right == g->cols) {
        g->row[row].wrapped = false;
    }
}

/* Drops `n` rows beginning at `at`. */
static void rows_drop(struct grid *g, int at, int n)
{
    for (int i = 0; i < n; i++) {
        free(g->row[at + i].cells);
    }
    memmove(&g->row[at], &g->row[at + n], (size_t)(g->rows - at - n) * sizeof(*g->row));
    g->rows -= n;
}

void grid_resize(struct grid *g, int cols, int rows, int cut_top, int add_top, struct cell blank)
{
    cols = mt_clamp(cols, 1, GRID_MAX);
    rows = mt_clamp(rows, 1, GRID_MAX);
    cut_top = mt_clamp(cut_top, 0, MT_MAX(g->rows - rows, 0));
    add_top = mt_clamp(add_top, 0, MT_MAX(rows - g->rows, 0));
    rows_drop(g, 0, cut_top);
    if (g->rows > rows) {
        rows_drop(g, rows, g->rows - rows);
    }
    int old = g->rows;
    g->row = xreallocarray(g->row, (size_t)rows, sizeof(*g->row));
    memset(g->row + old, 0, (size_t)(rows - old) * sizeof(*g->row));
    g->rows = rows;
    if (add_top > 0) {
        memmove(&g->row[add_top], &g->row[0], (size_t)old * sizeof(*g->row));
        memset(g->row, 0, (size_t)add_top * sizeof(*g->row));
    }
    for (int r = 0; r < rows; r++) {
        struct grid_row *row = &g->row[r];
        row_reserve(row, cols, blank);
        row->wrapped = row->wrapped && cols == g->cols;
    }
    g->cols = cols;
    /* A wide character that the new edge cuts would have its right half outside: it cannot be shown. */
    for (int r = 0; r < rows; r++) {
        struct grid_row *row = &g->row[r];
        if (row->cells[cols - 1].width == 2) {
            cell_blank_out(&row->cells[cols - 1]);
            if (row->cap > cols) {
                cell_blank_out(&row->cells[cols]);
            }
        }
    }
    free(g->damage);
    g->damage = xcalloc(DAMAGE_WORDS(rows), sizeof(*g->damage));
    grid_damage_all(g);
}

void grid_replace(struct grid *g, struct grid_row *rows, int n, int cols, int height)
{
    for (int r = 0; r < g->rows; r++) {
        free(g->row[r].cells);
    }
    free(g->row);
    free(g->damage);
    g->row = rows;
    g->cols = cols;
    g->rows = height;
    for (int r = n; r < height; r++) {
        g->row[r] = (struct grid_row){0};
        row_reserve(&g->row[r], cols, CELL_BLANK);
    }
    g->damage = xcalloc(DAMAGE_WORDS(height), sizeof(*g->damage));
    grid_damage_all(g);
}

void grid_damage_row(struct grid *g, int row)
{
    g->damage[row / 64] |= UINT64_C(1) << ((unsigned)row % 64);
}

void grid_damage_all(struct grid *g)
{
    for (int row = 0; row < g->rows; row++) {
        grid_damage_row(g, row);
    }
}

bool grid_has_damage(const struct grid *g)
{
    for (size_t i = 0; i < DAMAGE_WORDS(g->rows); i++) {
        if (g->damage[i] != 0) {
            return true;
        }
    }
    return false;
}

int grid_take_damage(struct grid *g, int from)
{
    for (int row = MT_MAX(from, 0); row < g->rows; row++) {
        uint64_t bit = UINT64_C(1) << (row % 64);
        if (g->damage[row / 64] & bit) {
            g->damage[row / 64] &= ~bit;
            return row;
        }
    }
    return -1;
}
