/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/copymode.h"

#include "core/util/compiler.h"

/* The cursor is inside what exists, and the view holds the cursor. */
static void clamp(struct copymode *c)
{
    uint64_t last = c->end > c->first ? c->end - 1 : c->first;
    c->line = MT_MIN(MT_MAX(c->line, c->first), last);
    c->col = MT_MIN(MT_MAX(c->col, 0), MT_MAX(c->cols - 1, 0));
    c->anchor_line = MT_MIN(MT_MAX(c->anchor_line, c->first), last);
    uint64_t rows = c->rows > 0 ? (uint64_t)c->rows : 1;
    if (c->line < c->top) {
        c->top = c->line;
    } else if (c->line >= c->top + rows) {
        c->top = c->line - rows + 1;
    }
    uint64_t bottom = c->end > c->first + rows ? c->end - rows : c->first;
    c->top = MT_MIN(MT_MAX(c->top, c->first), bottom);
}

/* a + delta without wrapping below zero. */
static uint64_t offset(uint64_t a, int64_t delta)
{
    return delta < 0 && (uint64_t)-delta > a ? 0 : a + (uint64_t)delta;
}

void copymode_begin(struct copymode *c, int cols, int rows, uint64_t first, uint64_t end, uint64_t line, int col)
{
    *c = (struct copymode){
        .active = true, .cols = cols, .rows = rows, .first = first, .end = end, .line = line, .col = col};
    c->top = end > (uint64_t)rows ? end - (uint64_t)rows : 0;
    clamp(c);
}

void copymode_end(struct copymode *c)
{
    *c = (struct copymode){0};
}

void copymode_limits(struct copymode *c, int cols, int rows, uint64_t first, uint64_t end)
{
    c->cols = cols;
    c->rows = rows;
    c->first = first;
    c->end = end;
    clamp(c);
}

void copymode_vertical(struct copymode *c, int64_t delta)
{
    c->line = offset(c->line, delta);
    clamp(c);
}

void copymode_page(struct copymode *c, int64_t delta)
{
    c->top = offset(c->top, delta);
    c->line = offset(c->line, delta);
    clamp(c);
}

void copymode_scroll(struct copymode *c, int64_t delta)
{
    uint64_t rows = c->rows > 0 ? (uint64_t)c->rows : 1;
    uint64_t bottom = c->end > c->first + rows ? c->end - rows : c->first;
    c->top = MT_MIN(MT_MAX(offset(c->top, delta), c->first), bottom);
    c->line = MT_MIN(MT_MAX(c->line, c->top), c->top + rows - 1);
    clamp(c);
}

void copymode_goto(struct copymode *c, uint64_t line, int col)
{
    uint64_t half = (uint64_t)(c->rows > 0 ? c->rows / 2 : 0);
    if (line < c->top || line >= c->top + (uint64_t)c->rows) {
        c->top = line > half ? line - half : 0; /* a jump shows what is around */
    }
    c->line = line;
    c->col = col;
    clamp(c);
}

void copymode_horizontal(struct copymode *c, int delta)
{
    c->col += delta;
    clamp(c);
}

/* Is there something in this column? */
static bool is_ink(const struct cell *cells, int count, int col)
{
    return col < count && cells[col].ch != 0 && cells[col].ch != ' ';
}

void copymode_line_end(struct copymode *c, copymode_row_fn row, void *arg)
{
    int count = 0;
    const struct cell *cells = row(arg, c->line, &count);
    int col = 0;
    for (int i = 0; cells && i < count; i++) {
        if (is_ink(cells, count, i)) {
            col = i;
        }
    }
    c->col = col;
    clamp(c);
}

/* Does a word begin at this column? The right half of a wide character belongs to the left one. */
static bool is_word_start(const struct cell *cells, int count, int col)
{
    if (!is_ink(cells, count, col) || cells[col].width == 0) {
        return false;
    }
    return col == 0 || (!is_ink(cells, count, col - 1) && cells[col - 1].width != 0);
}

void copymode_word(struct copymode *c, int dir, copymode_row_fn row, void *arg)
{
    uint64_t line = c->line;
    int col = c->col + dir;
    for (;;) {
        int count = 0;
        const struct cell *cells = row(arg, line, &count);
        if (!cells) {
            return;
        }
        if (col > count) {
            col = count;
        }
        for (; dir > 0 ? col < count : col >= 0; col += dir) {
            if (is_word_start(cells, count, col)) {
                c->line = line;
                c->col = col;
                clamp(c);
                return;
            }
        }
        if (dir > 0 ? line + 1 >= c->end : line <= c->first) {
            return;
        }
        line += (uint64_t)(int64_t)dir;
        col = dir > 0 ? 0 : c->cols - 1;
    }
}

void copymode_select(struct copymode *c, bool linewise)
{
    if (c->selecting && c->linewise == linewise) {
        c->selecting = false;
        return;
    }
    if (!c->selecting) {
        c->anchor_line = c->line;
        c->anchor_col = c->col;
    }
    c->selecting = true;
    c->linewise = linewise;
}

bool copymode_range(const struct copymode *c, uint64_t *from_line, int *from_col, uint64_t *to_line, int *to_col)
{
    if (!c->selecting) {
        return false;
    }
    bool forward = c->anchor_line < c->line || (c->anchor_line == c->line && c->anchor_col <= c->col);
    *from_line = forward ? c->anchor_line : c->line;
    *from_col = c->linewise ? 0 : forward ? c->anchor_col : c->col;
    *to_line = forward ? c->line : c->anchor_line;
    *to_col = c->linewise ? c->cols - 1 : forward ? c->col : c->anchor_col;
    return true;
}

bool copymode_is_selected(const struct copymode *c, uint64_t line, int col)
{
    uint64_t a, b;
    int ca, cb;
    if (!copymode_range(c, &a, &ca, &b, &cb) || line < a || line > b) {
        return false;
    }
    return !(line == a && col < ca) && !(line == b && col > cb);
}
