/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SCREENS_HARNESS_H
#define MT_TESTS_SCREENS_HARNESS_H

/* The real program in a pseudo-terminal with a world of its own (HOME, XDG folders, workspace root in a temporary
 * directory), read back through our own terminal. Nothing sleeps: everything waits for a condition with a deadline, fed
 * by the terminal's bytes and by the program's sync bytes (MUTHR_TUI_SYNC_FD: one when all that was dirty is drawn and
 * written). A wait that fails prints the screen. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util/strbuf.h"
#include "term/keys.h"
#include "term/vt.h"

/* How long a wait may take: 20 s, times TEST_PATIENCE. */
#define HARNESS_DEADLINE_MS harness_deadline_ms()
uint64_t harness_deadline_ms(void);

struct harness;

struct harness_opts {
    const char *program;     /* NULL: the muthr-tui of this build */
    const char *const *args; /* without argv[0]; NULL: none */
    const char *const *env;  /* KEY=VALUE added; "KEY" alone is taken away; NULL: none */
    int cols, rows;          /* 0: 120x36 */
    bool no_sync;            /* do not offer a sync descriptor */
};

/* Makes the world: an empty workspace root ~/src included. */
struct harness *harness_new(void);
/* Ends the program, deletes sandboxes, ends hosts, removes the world. Fails the test when something of it cannot be
 * removed. */
void harness_free(struct harness *h);
/* Folder of the world (HOME). */
const char *harness_home(const struct harness *h);
/* The program of this build. */
const char *harness_program(const struct harness *h);
/* Makes a folder, or writes a file with its folders, below HOME. */
void harness_mkdir(struct harness *h, const char *relative);
void harness_write(struct harness *h, const char *relative, const char *text);

void harness_start(struct harness *h, const struct harness_opts *opts);
/* The exit status as 128+signal or the code; waits for the end, then reads what is left on the terminal. */
int harness_wait_exit(struct harness *h);
bool harness_is_running(struct harness *h);
pid_t harness_pid(const struct harness *h);
void harness_signal(struct harness *h, int signum);
/* Closes both ends of the terminal: what happens when its window goes away. */
void harness_hang_up(struct harness *h);
/* Runs a verb of the program in this world and waits; stdout (and stderr behind it) go to `out`. Returns the exit
 * status. */
int harness_run(struct harness *h, const char *const *args, struct strbuf *out);

/* --- what a person does (after Escape wait for something before the next key: together they are an Alt chord) --- */
void harness_key(struct harness *h, const char *chord);
/* Several chords, separated by spaces. */
void harness_keys(struct harness *h, const char *chords);
void harness_type(struct harness *h, const char *text);
void harness_paste(struct harness *h, const char *text, size_t len);
void harness_mouse(struct harness *h, enum mouse_kind kind, enum mouse_button button, int col, int row);
void harness_click(struct harness *h, int col, int row);
void harness_resize(struct harness *h, int cols, int rows);
void harness_send(struct harness *h, const char *bytes, size_t len);

/* --- waiting --- */
/* Until the program has drawn all it had to say since the last thing sent, resized or signalled (a sync byte came after
 * it). */
void harness_settle(struct harness *h);
/* First after a command line was typed, not what that has in it: its echo would do. */
void harness_wait_text(struct harness *h, const char *text);
void harness_wait_gone(struct harness *h, const char *text);
/* Until fn(h, arg) holds; `what` is said when it does not. */
void harness_wait(struct harness *h, bool (*fn)(struct harness *h, void *arg), void *arg, const char *what);
/* The same for what the terminal does not tell of (a file, a process): looked at again every few milliseconds. */
void harness_watch(struct harness *h, bool (*fn)(struct harness *h, void *arg), void *arg, const char *what);

/* Takes what has come, without waiting: for conditions that look at a second terminal, too. */
void harness_take(struct harness *h);

/* --- looking --- */
bool harness_has(struct harness *h, const char *text);
/* Where a text stands (first occurrence from the top); false when nowhere. */
bool harness_find(struct harness *h, const char *text, int *col, int *row);
void harness_row(struct harness *h, int row, struct strbuf *out);
/* The cell at a place; fails the test outside. */
const struct cell *harness_cell(struct harness *h, int col, int row);
struct vt *harness_vt(struct harness *h);
const char *harness_title(const struct harness *h);
/* All bytes the program has written since start. */
const struct strbuf *harness_bytes(const struct harness *h);
/* The terminal's settings are those from before the start. */
bool harness_tty_is_restored(struct harness *h);
/* Waits until the whole screen is as tests/screens/golden/NAME.txt says (UPDATE=1 writes it). Each mask is an extended
 * regular expression; what matches is shown as as many '#' as it has columns. NULL-terminated; NULL: none. */
void harness_golden(struct harness *h, const char *name, const char *const *masks);
void harness_dump_text(struct harness *h, struct strbuf *out);
/* A picture of the screen; `title` goes into its window bar. */
void harness_dump_svg(struct harness *h, const char *title, unsigned fg, unsigned bg, struct strbuf *out);

#endif
