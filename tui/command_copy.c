/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/command_copy.h"

#include "tui/app.h"

/* A move: the view is filled with what it shows now. */
#define COPY_MOVE(name, call)                                                                                          \
    void copy_cmd_##name(struct app *app)                                                                              \
    {                                                                                                                  \
        struct pane *p = app->pane;                                                                                    \
        struct copymode *c = &p->copy;                                                                                 \
        call;                                                                                                          \
        pane_copy_fill(p);                                                                                             \
    }
COPY_MOVE(down, copymode_vertical(c, 1))
COPY_MOVE(up, copymode_vertical(c, -1))
COPY_MOVE(left, copymode_horizontal(c, -1, pane_copy_row, p))
COPY_MOVE(right, copymode_horizontal(c, 1, pane_copy_row, p))
COPY_MOVE(page_up, copymode_page(c, -(c->rows > 1 ? c->rows - 1 : 1)))
COPY_MOVE(page_down, copymode_page(c, c->rows > 1 ? c->rows - 1 : 1))
COPY_MOVE(half_up, copymode_page(c, -(c->rows > 1 ? c->rows / 2 : 1)))
COPY_MOVE(half_down, copymode_page(c, c->rows > 1 ? c->rows / 2 : 1))
COPY_MOVE(top, copymode_goto(c, c->first, 0))
COPY_MOVE(bottom, copymode_goto(c, c->end, 0))
COPY_MOVE(view_top, copymode_in_view(c, 0))
COPY_MOVE(view_middle, copymode_in_view(c, 1))
COPY_MOVE(view_bottom, copymode_in_view(c, 2))
COPY_MOVE(line_start, copymode_goto(c, c->line, 0))
COPY_MOVE(line_text, copymode_line_text(c, pane_copy_row, p))
COPY_MOVE(line_end, copymode_line_end(c, pane_copy_row, p))
COPY_MOVE(word_next, copymode_word(c, 1, false, pane_copy_row, p))
COPY_MOVE(word_prev, copymode_word(c, -1, false, pane_copy_row, p))
COPY_MOVE(word_end, copymode_word(c, 1, true, pane_copy_row, p))
COPY_MOVE(paragraph_prev, copymode_paragraph(c, -1, pane_copy_row, p))
COPY_MOVE(paragraph_next, copymode_paragraph(c, 1, pane_copy_row, p))
COPY_MOVE(find, c->find = 'f')
COPY_MOVE(find_back, c->find = 'F')
COPY_MOVE(till, c->find = 't')
COPY_MOVE(till_back, c->find = 'T')
COPY_MOVE(select, copymode_select(c, COPY_CHARS))
COPY_MOVE(select_line, copymode_select(c, COPY_LINES))
COPY_MOVE(select_block, copymode_select(c, COPY_BLOCK))
COPY_MOVE(other_end, copymode_other_end(c))
#undef COPY_MOVE

void copy_cmd_begin(struct app *app)
{
    pane_copy_begin(app->pane);
}

void copy_cmd_page_back(struct app *app)
{
    pane_copy_begin(app->pane);
    if (app->pane->copy.active) {
        copy_cmd_page_up(app);
    }
}

void copy_cmd_yank(struct app *app)
{
    pane_copy_yank(app->pane);
}

void copy_cmd_search(struct app *app)
{
    dialog_search(app, false);
}

void copy_cmd_search_back(struct app *app)
{
    dialog_search(app, true);
}

void copy_cmd_search_next(struct app *app)
{
    pane_find_again(app->pane, false);
}

void copy_cmd_search_prev(struct app *app)
{
    pane_find_again(app->pane, true);
}

void copy_cmd_prompt_prev(struct app *app)
{
    pane_find_prompt(app->pane, true);
}

void copy_cmd_prompt_next(struct app *app)
{
    pane_find_prompt(app->pane, false);
}

void copy_cmd_output(struct app *app)
{
    pane_find_output(app->pane);
}

void copy_cmd_leave(struct app *app)
{
    pane_copy_end(app->pane);
}

void copy_cmd_find_again(struct app *app)
{
    pane_copy_find_again(app->pane, false);
}

void copy_cmd_find_reverse(struct app *app)
{
    pane_copy_find_again(app->pane, true);
}
