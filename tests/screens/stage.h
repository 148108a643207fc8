/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SCREENS_STAGE_H
#define MT_TESTS_SCREENS_STAGE_H

/* (STAGE_SCREENS=FOLDER in the environment keeps all compared screens as text.)
 *
 * A program in a pane of the cockpit, in a real sandbox, beside the same program on a bare terminal: same size, same
 * input, same folder. Both screens must come to be the same, cell by cell; what the bare one was sent is given to
 * xterm.js, too, whose screens must be the pane's. */

#include "tests/screens/harness.h"

struct stage {
    struct harness *pane, *bare;
    int cols, rows;
    struct strbuf recording; /* of tests/compare/cells.h */
    size_t recorded;         /* bytes of the bare terminal that are in it */
    int kept;                /* screens that are in it */
    char *script;            /* of stage_open_recorded: what `script` writes; NULL: both run */
    bool ticks;              /* for tests to set: the program wakes up all the time, and does nothing */
};

/* For cmocka: a world with the files that programs are shown, and none. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* Opens the cockpit with its session on the whole screen, its pane cols x rows, and a bare terminal: in each a bash
 * with the same environment and a clear screen. `s` is released by the tear-down at the latest. */
struct stage *stage_open(void **state, int cols, int rows);
/* Waits until nothing moves on either side: every process of both sleeps, has not run for a moment, and nothing is
 * under way. For programs that run in the pane only it is no failure when they never rest (they have spinners). */
void stage_rest(struct stage *s);
/* Types into both, keys for both (as harness_keys), another size for both (and waits until both show the same of it):
 * all of them wait for rest first, since programs drop, misplace or echo what comes while they are at something else.
 */
void stage_type(struct stage *s, const char *text);
void stage_keys(struct stage *s, const char *chords);
void stage_resize(struct stage *s, int cols, int rows);
/* Many sizes, as a window has them that is dragged by its corner: stage_set_size has to follow, the last one counts. */
void stage_shake(struct stage *s, int times);
/* The size only. */
void stage_set_size(struct stage *s, int cols, int rows);
/* The mouse at a place of the program's screen. */
void stage_mouse(struct stage *s, enum mouse_kind kind, enum mouse_button button, int col, int row);
/* Down and up at once: held for long it is no click to some programs. */
void stage_click(struct stage *s, int col, int row);
/* Waits for a text on both. */
void stage_wait(struct stage *s, const char *text);
void stage_wait_gone(struct stage *s, const char *text);
/* Waits until both screens and cursors are the same, and at rest. */
void stage_same(struct stage *s, const char *name);
/* The same, and keeps the screen for stage_close, which asks xterm.js. Not after a resize of the normal screen: each
 * terminal wraps again as it likes. */
void stage_same_as_xterm(struct stage *s, const char *name);
/* Ends the shells, asks xterm.js about all the screens that were kept, and leaves the cockpit. */
void stage_close(struct stage *s);

/* A program that never shows the same twice (a clock, the processes): it runs in the pane only, under script(1), and
 * the bare terminal is given the bytes that it wrote. `command` is one for sh. */
struct stage *stage_open_recorded(void **state, int cols, int rows, const char *command);

#endif
