/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SPLIT_H
#define MT_TUI_SPLIT_H

/* Which sessions stand side by side or stacked, and where: a small tree with a session at each leaf. Pure: no drawing,
 * no sessions, only their ids. A leaf is named by its place in reading order, from 0. Every pane has its title line as
 * its first row; between panes side by side there is one column. */

#include <stdbool.h>
#include <stddef.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "tui/surface.h"

#define SPLIT_MAX 4
#define SPLIT_NODES (2 * SPLIT_MAX - 1)
/* The least a pane is shown with; its title line is one of the rows. */
#define SPLIT_MIN_COLS 20
#define SPLIT_MIN_ROWS 4
#define SPLIT_WHOLE 10000 /* of this the first part gets `share` */

enum split_kind { SPLIT_LEAF, SPLIT_BESIDE, SPLIT_BELOW };
enum split_side { SPLIT_LEFT, SPLIT_RIGHT, SPLIT_UP, SPLIT_DOWN };

struct split_node {
    enum split_kind kind;
    int share;               /* of the first part; leaves: 0 */
    char id[SESSION_ID_MAX]; /* leaves */
};
/* Nodes in the order first part before second part, each part behind what it is part of. */
struct split {
    struct split_node nodes[SPLIT_NODES];
    int count; /* 0: empty */
    int focus; /* the leaf that has, or last had, the focus */
};

/* One session, the whole of it. */
void split_init(struct split *s, const char *id);
int split_leaves(const struct split *s);
/* The session of a leaf; NULL when there is none. */
const char *split_id(const struct split *s, int leaf);
/* The leaf of a session, or -1. */
int split_find(const struct split *s, const char *id);
/* The same sessions in the same places, whichever has the focus? */
bool split_same(const struct split *a, const struct split *b);
/* Another session at a leaf. */
void split_put(struct split *s, int leaf, const char *id);
/* Halves a leaf: `id` comes to stand beside or below what is there, and gets the focus. False: there are SPLIT_MAX. */
bool split_add(struct split *s, int leaf, enum split_kind kind, const char *id);
/* Takes a leaf out: its neighbour gets the room, and the focus if the leaf had it. */
void split_remove(struct split *s, int leaf);
/* Every pane gets as much as the others along each direction. */
void split_even(struct split *s);

/* A border that can be moved. `at`: itself, a column or a title row. */
struct split_bar {
    int node;
    bool vertical;
    struct rect at;
};
struct split_plan {
    int count, bar_count;
    struct rect panes[SPLIT_MAX]; /* with their title rows */
    struct split_bar bars[SPLIT_MAX - 1];
};
/* Where everything is in `area`; together panes and vertical borders cover it. False: it is too small for all to have
 * their least size. */
bool split_place(const struct split *s, struct rect area, struct split_plan *out);
/* The leaf on that side of a leaf: of several the one that faces most of it. -1: there is none. */
int split_neighbour(const struct split_plan *plan, int leaf, enum split_side side);
/* Moves the border of a leaf by so many cells to that side, its right or lower one where it has one. False: it cannot
 * move any more. */
bool split_resize(struct split *s, struct rect area, int leaf, enum split_side side, int cells);
/* Moves a border to a column or row of the screen, as far as it can go. False: it stays where it is. */
bool split_drag(struct split *s, struct rect area, int node, int to);

struct json;
/* What is remembered of it, and back. Errors: PARSE; *out is untouched then. */
struct json *split_to_json(const struct split *s);
int split_from_json(struct split *out, const struct json *j, struct error *err);

#endif
