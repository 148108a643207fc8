/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COPYMODE_H
#define MT_TUI_COPYMODE_H

/* Cursor, view and selection of copy mode over a session's scrollback and screen. Pure: it knows line numbers and,
 * through a function, the cells of those lines that are loaded. Lines have absolute numbers that never change while
 * output goes on: `first` is the oldest kept, `end` is one past the newest. Moves by characters and words are in
 * copymove.c. */

#include <stdbool.h>
#include <stdint.h>

#include "term/cell.h"

enum copy_kind {
    COPY_CHARS,
    COPY_LINES, /* whole lines, soft-wrapped rows and all */
    COPY_BLOCK, /* the same columns of each row */
};

struct copymode {
    bool active;
    int cols, rows;      /* of the view */
    uint64_t first, end; /* lines there are */
    uint64_t top;        /* first line in view */
    uint64_t line;       /* cursor */
    int col;
    bool selecting;
    enum copy_kind kind;
    uint64_t anchor_line;
    int anchor_col;
    char find;         /* the next character is what f, F, t or T look for; 0: not */
    char found;        /* the last of these ... */
    uint32_t found_ch; /* ... and its character: for ; and , */
};

/* A line that is loaded. */
struct copy_row {
    const struct cell *cells;
    int count;
    bool wrapped; /* it goes on in the next row */
    const struct cluster_table *clusters;
};
/* False when the line is not loaded: *row is all zero then. */
typedef bool (*copymode_row_fn)(const void *arg, uint64_t line, struct copy_row *row);

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
/* The first, middle or last row in view: share 0, 1, 2. */
void copymode_in_view(struct copymode *c, int share);

/* Starts a selection at the cursor; ends it when one of this kind is going; changes the kind otherwise. */
void copymode_select(struct copymode *c, enum copy_kind kind);
/* Selects from here to there; the cursor goes to the end. */
void copymode_select_span(struct copymode *c, enum copy_kind kind, uint64_t line, int col, uint64_t end_line,
                          int end_col);
/* The cursor goes to the other end of the selection. */
void copymode_other_end(struct copymode *c);
/* The selection in reading order, both ends included, whole lines as far as they are loaded; false when there is none.
 * Of a block the columns are its left and right one. */
bool copymode_range(const struct copymode *c, copymode_row_fn row, const void *arg, uint64_t *from_line, int *from_col,
                    uint64_t *to_line, int *to_col);

/* --- copymove.c --- */
/* By characters, within the line; a wide one is one step. */
void copymode_horizontal(struct copymode *c, int delta, copymode_row_fn row, const void *arg);
/* To the last, or the first, non-blank column of the row. */
void copymode_line_end(struct copymode *c, copymode_row_fn row, const void *arg);
void copymode_line_text(struct copymode *c, copymode_row_fn row, const void *arg);
/* To the next (dir 1) or previous (-1) beginning of a word as vi has them, over line ends; with `end` to the next end
 * of one. Stops at lines that are not loaded. */
void copymode_word(struct copymode *c, int dir, bool end, copymode_row_fn row, const void *arg);
/* To the next (dir 1) or previous (-1) row that is blank. */
void copymode_paragraph(struct copymode *c, int dir, copymode_row_fn row, const void *arg);
/* f, F (backward), t, T (short of it): false when the line has none. */
bool copymode_find(struct copymode *c, char how, uint32_t ch, copymode_row_fn row, const void *arg);
/* Selects the word at the cursor, over soft-wrapped rows: letters, digits and what paths and addresses have. */
void copymode_select_word(struct copymode *c, copymode_row_fn row, const void *arg);

#endif
