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

void copymode_in_view(struct copymode *c, int share)
{
    uint64_t shown = MT_MIN((uint64_t)MT_MAX(c->rows, 1), c->end > c->top ? c->end - c->top : 1);
    c->line = c->top + (shown - 1) * (uint64_t)share / 2;
    clamp(c);
}

void copymode_select(struct copymode *c, enum copy_kind kind)
{
    if (c->selecting && c->kind == kind) {
        c->selecting = false;
        return;
    }
    if (!c->selecting) {
        c->anchor_line = c->line;
        c->anchor_col = c->col;
    }
    c->selecting = true;
    c->kind = kind;
}

void copymode_select_span(struct copymode *c, enum copy_kind kind, uint64_t line, int col, uint64_t end_line,
                          int end_col)
{
    c->selecting = true;
    c->kind = kind;
    c->anchor_line = line;
    c->anchor_col = col;
    copymode_goto(c, end_line, end_col);
}

void copymode_other_end(struct copymode *c)
{
    if (c->selecting) {
        uint64_t line = c->anchor_line;
        int col = c->anchor_col;
        c->anchor_line = c->line;
        c->anchor_col = c->col;
        copymode_goto(c, line, col);
    }
}

/* Widens whole lines to the soft-wrapped rows that belong to them, as far as these are loaded. */
static void whole_lines(const struct copymode *c, copymode_row_fn row, const void *arg, uint64_t *from, uint64_t *to)
{
    struct copy_row r;
    while (*from > c->first && row(arg, *from - 1, &r) && r.wrapped) {
        --*from;
    }
    while (*to + 1 < c->end && row(arg, *to, &r) && r.wrapped) {
        ++*to;
    }
}

bool copymode_range(const struct copymode *c, copymode_row_fn row, const void *arg, uint64_t *from_line, int *from_col,
                    uint64_t *to_line, int *to_col)
{
    if (!c->selecting) {
        return false;
    }
    bool forward = c->anchor_line < c->line || (c->anchor_line == c->line && c->anchor_col <= c->col);
    *from_line = forward ? c->anchor_line : c->line;
    *from_col = forward ? c->anchor_col : c->col;
    *to_line = forward ? c->line : c->anchor_line;
    *to_col = forward ? c->col : c->anchor_col;
    if (c->kind == COPY_BLOCK) {
        *from_col = MT_MIN(c->anchor_col, c->col);
        *to_col = MT_MAX(c->anchor_col, c->col);
    } else if (c->kind == COPY_LINES) {
        whole_lines(c, row, arg, from_line, to_line);
        *from_col = 0;
        *to_col = c->cols - 1;
    }
    return true;
}
