/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_OPLIST_H
#define MT_TUI_OPLIST_H

/* Every operation that runs, waits, or has ended a moment ago: those of this cockpit's engine, and those of other
 * processes as far as their notes tell (opnote.h). Rows for a list; no drawing. The notes are read only when somebody
 * asks for them: while the list is in sight. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/model.h"

#define OPLIST_KEPT_MS 60000 /* so long an ended one is still told of */
#define OPLIST_ROWS_MAX 128
#define OPLIST_SLOW_FACTOR 3 /* a step that takes this many times what it took last time is marked */
#define OPLIST_SLOW_LEAST_MS 2000

struct oplist_row {
    char key[32]; /* the same for the same operation, whatever becomes of it */
    op_id id;     /* 0: another process runs it */
    int pid;      /* of that process; 0: ours */
    char plan[24], sandbox[96], profile[64];
    enum op_state state;
    bool canceling, slow; /* slow: its step takes three times its last time */
    char step[24];
    int at, of;                /* the step's place among those worth a line */
    int percent;               /* of the step, -1: not known */
    uint64_t took_ms, last_ms; /* the whole, and how long it took the last time; 0: not known */
    uint64_t step_took_ms, step_last_ms;
    uint64_t ended_ago_ms;
    char text[300]; /* what it does, why it failed, or what there is to say of its end; sanitised */
};

struct oplist;

/* ops_dir: opnote_dir(); copied. */
struct oplist *oplist_new(const char *ops_dir);
void oplist_free(struct oplist *l); /* NULL allowed */
/* An operation of ours changed: what has ended is kept, also when the model forgets it. */
void oplist_note(struct oplist *l, const struct op_view *op);
/* Reads what other processes tell now. */
void oplist_look(struct oplist *l);
/* Forgets what they told. */
void oplist_look_away(struct oplist *l);
/* Fills at most `cap` rows: what runs, then what waits, then what has ended, each in the order in which it began.
 * Returns how many. */
size_t oplist_rows(struct oplist *l, const struct model *m, struct oplist_row *out, size_t cap);
bool oplist_is_live(const struct oplist_row *row);
/* In how many milliseconds the rows read otherwise by themselves; 0: they do not. `frame_ms`: while something runs. */
uint64_t oplist_next_ms(const struct oplist_row *rows, size_t count, uint64_t frame_ms);
/* Is work lost when it is canceled now? Then what, as a sentence; NULL: nothing. */
const char *oplist_loses(const struct oplist_row *row);

/* From one operation; for oplist_rows and tests. */
void oplist_row_of(const struct op_view *op, uint64_t now_mono_ms, struct oplist_row *out);

#endif
