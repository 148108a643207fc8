/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COMMAND_COPY_H
#define MT_TUI_COMMAND_COPY_H

/* What the commands of copy mode do (commands.c has the table). */

struct app;

void copy_cmd_begin(struct app *app);
void copy_cmd_yank(struct app *app);
void copy_cmd_search(struct app *app);
void copy_cmd_search_back(struct app *app);
void copy_cmd_search_next(struct app *app);
void copy_cmd_search_prev(struct app *app);
void copy_cmd_prompt_prev(struct app *app);
void copy_cmd_prompt_next(struct app *app);
void copy_cmd_output(struct app *app);
void copy_cmd_leave(struct app *app);
void copy_cmd_down(struct app *app);
void copy_cmd_up(struct app *app);
void copy_cmd_left(struct app *app);
void copy_cmd_right(struct app *app);
void copy_cmd_page_up(struct app *app);
/* Enters copy mode a page back. */
void copy_cmd_page_back(struct app *app);
void copy_cmd_page_down(struct app *app);
void copy_cmd_half_up(struct app *app);
void copy_cmd_half_down(struct app *app);
void copy_cmd_top(struct app *app);
void copy_cmd_bottom(struct app *app);
void copy_cmd_view_top(struct app *app);
void copy_cmd_view_middle(struct app *app);
void copy_cmd_view_bottom(struct app *app);
void copy_cmd_line_start(struct app *app);
void copy_cmd_line_text(struct app *app);
void copy_cmd_line_end(struct app *app);
void copy_cmd_word_next(struct app *app);
void copy_cmd_word_prev(struct app *app);
void copy_cmd_word_end(struct app *app);
void copy_cmd_paragraph_prev(struct app *app);
void copy_cmd_paragraph_next(struct app *app);
void copy_cmd_find(struct app *app);
void copy_cmd_find_back(struct app *app);
void copy_cmd_till(struct app *app);
void copy_cmd_till_back(struct app *app);
void copy_cmd_find_again(struct app *app);
void copy_cmd_find_reverse(struct app *app);
void copy_cmd_select(struct app *app);
void copy_cmd_select_line(struct app *app);
void copy_cmd_select_block(struct app *app);
void copy_cmd_other_end(struct app *app);

#endif
