/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COPYMODE_H
#define MT_TUI_COPYMODE_H

/* Cursor, view and selection of copy mode over a session's scrollback and screen. Pure: it knows line numbers and,
 * through a function, the cells of those lines that are loaded. Lines have absolute numbers that never change while
 * output goes on: `first` is the oldest kept, `end` is one past the newest. */

#include <stdbool.h>
#include <stdint.h>

#include "term/cell.h"

struct copymode {
    bool active;
    int cols, rows;      /* of the view */
    uint64_t first, end; /* lines there are */
    uint64_t top;        /* first line in view */
    uint64_t line;       /* cursor */
    int col;
    bool selecting, linewise;
    uint64_t anchor_line;
    int anchor_col;
    bool has_match; /* of the last search, for highlighting */
    uint64_t match_line;
    int match_col, match_len;
};

/* Cells of a line (*count of them), or NULL when it is not loaded. */
typedef const struct cell *(*copymode_row_fn)(void *arg, uint64_t line, int *count);

void copymode_begin(struct copymode *c, int cols, int rows, uint64_t first, uint64_t end, uint64_t line, int col);
void copymode_end(struct copymode *c);
/* Lines came or were dropped, or the view has another size: everything is clamped, the cursor stays in view. */
void copymode_limits(struct copymode *c, int cols, int rows, uint64_t first, uint64_t end);
void copymode_vertical(struct copymode *c, int64_t delta);
/* Moves view and cursor by `delta` lines; the cursor keeps its place on the screen where possible. */
void copymode_page(struct copymode *c, int64_t delta);
/* Moves the view only; the cursor is dragged along at the edges. */
void copymode_scroll(struct copymode *c, int64_t delta);
void copymode_goto(struct copymode *c, uint64_t line, int col);
void copymode_horizontal(struct copymode *c, int delta);
/* To the last non-blank column of the line. */
void copymode_line_end(struct copymode *c, copymode_row_fn row, void *arg);
/* To the next (dir 1) or previous (-1) beginning of a word, over line ends; stops at lines that are not loaded. */
void copymode_word(struct copymode *c, int dir, copymode_row_fn row, void *arg);
/* Starts a selection at the cursor; ends it when one of this kind is going; changes the kind otherwise. */
void copymode_select(struct copymode *c, bool linewise);
/* The selection in reading order, both ends included; false when there is none. */
bool copymode_range(const struct copymode *c, uint64_t *from_line, int *from_col, uint64_t *to_line, int *to_col);
bool copymode_is_selected(const struct copymode *c, uint64_t line, int col);

#endif
