/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VIEWS_TASKS_VIEW_H
#define MT_TUI_VIEWS_TASKS_VIEW_H

/* What goes on everywhere: every operation above, the tasks of all workspaces below. One selection goes through both.
 * For tasks.c, which keeps it, and tasks_draw.c. */

#include "tui/app.h"
#include "tui/oplist.h"

#define ABOUT_LEAST_ROWS 16 /* so high a view tells of the selected one below the lists */
#define ABOUT_ROWS 3

struct tasks_view {
    struct overlay base;
    struct line_edit filter;
    bool typing;
    char key[64]; /* of the selected one: "o" and an operation's key, "t" and a session's id */
    size_t at;    /* where it stood: what comes there when it goes is selected next */
    size_t top_op, top_task;
    struct app *app;
    struct dirwatch *watch;
};

/* What there is now. */
struct tasks_items {
    struct oplist_row ops[OPLIST_ROWS_MAX];
    size_t op_count;
    struct tasklist tasks;
};

/* Where the parts are. */
struct tasks_places {
    struct rect box, in;
    int op_rows, task_rows;      /* lines of the lists, without their heads */
    int ops_y, tasks_y, about_y; /* heads; about_y 0: none */
};

/* Fills *it with what the filter leaves; tasks_items_release. */
void tasks_items_get(const struct app *app, const struct tasks_view *v, struct tasks_items *it);
void tasks_items_release(struct tasks_items *it);
size_t tasks_items_count(const struct tasks_items *it);
/* The selected one's place: operations first, then tasks; SIZE_MAX when there is none. */
size_t tasks_selected(const struct tasks_view *v, const struct tasks_items *it);
/* The selected operation, or the selected task; NULL: it is none. */
const struct oplist_row *tasks_selected_op(const struct tasks_view *v, const struct tasks_items *it);
const struct session_info *tasks_selected_task(const struct app *app, const struct tasks_view *v,
                                               const struct tasks_items *it);
/* Shares the rows out: operations get what they need up to a third, tasks the rest. */
void tasks_lay_out(struct rect whole, const struct tasks_items *it, struct tasks_places *p);
/* The first of `count` in view so that `at` is. */
size_t tasks_clamp_top(size_t top, size_t count, size_t rows, size_t at);
/* overlay_ops.draw */
void tasks_draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole);

#endif
