/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SCREEN_H
#define MT_TUI_SCREEN_H

/* The outer terminal: raw mode, alternate screen, modes (bracketed paste, mouse 1002 or 1003+1006, focus 1004,
 * synchronized output), colour depth, non-blocking frame output, size, and restoring all of it on every way out:
 * return, SIGTERM/HUP/INT, SIGSEGV/ABRT/BUS, mt_bug. Terminal knowledge comes from terminfo (ncursesw's, through
 * tui/terminfo.c); drawing is ours, because curses offers no 24-bit pass-through, underline styles, hyperlinks or
 * non-blocking output (terminal.md section 4). */

#include <stdbool.h>
#include <stddef.h>

#include "core/io/loop.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "term/loan.h"
#include "tui/color.h"
#include "tui/surface.h"

struct input;
struct screen;

/* A program's screen on the terminal, and how cells of it are shown there. */
struct screen_place {
    struct rect at;
    int looks;
    struct {
        struct style program, shown;
    } look[LOAN_PENS];
};

struct screen_opts {
    bool mouse;
    bool no_color;                                             /* NO_COLOR */
    void (*on_input)(void *arg, const char *data, size_t len); /* raw bytes from the terminal */
    void (*on_resize)(void *arg, int cols, int rows);
    void (*on_writable)(void *arg); /* the last frame has left: the next may be drawn */
    void (*on_hangup)(void *arg);   /* the terminal is gone */
    void *arg;
};

/* ERROR_INVALID with a hint when stdin/stdout is no terminal, TERM is unset/dumb/unknown or cannot address the cursor:
 * verbs exit 64. */
int screen_open(struct screen **out, struct loop *loop, const struct screen_opts *opts, struct error *err);
void screen_close(struct screen *s);
void screen_size(const struct screen *s, int *cols, int *rows);
enum color_depth screen_depth(const struct screen *s);
/* Sends the difference between `frame` and what the terminal shows, as one synchronized update. Returns false (nothing
 * taken) while an earlier frame is still being written. */
bool screen_present(struct screen *s, const struct surface *frame);
/* Asks the terminal for the mouse, or lets it go, from now on. */
void screen_set_mouse(struct screen *s, bool on);
/* While the mouse is asked for: its motion without a button, too (1003), or only with one. */
void screen_set_hover(struct screen *s, bool on);
/* Kitty keyboard flags that the terminal keeps from now on until it is given back; 0: none. Only for one that answered
 * for them. */
void screen_set_kitty(struct screen *s, unsigned flags);
/* The terminal was seen to draw underlines of other shapes, of a colour of their own: from now on they are sent. */
void screen_add_underlines(struct screen *s, bool styles, bool color);
/* xterm's way to tell more keys apart (modifyOtherKeys), for terminals that are known to take or ignore it. */
void screen_set_modify_other(struct screen *s);
/* The terminal's contents are unknown (resume, Ctrl-L): the next present draws everything. */
void screen_invalidate(struct screen *s);
/* Out-of-band bytes for the terminal: OSC 52, bell, title. Queued after the current frame. */
void screen_send(struct screen *s, const char *data, size_t len);
/* Questions for the terminal, if it is of a kind that knows what to do with them. */
void screen_ask(struct screen *s, const struct strbuf *question);
/* Nothing is dirty and nothing will be drawn until something happens: once all frames have left, a byte goes to
 * MUTHR_TUI_SYNC_FD (tests wait for it). At most one byte for each run of presented frames. */
void screen_sync_idle(struct screen *s);
/* Teaches `in` the terminal's own key strings (terminfo) and its erase character. */
void screen_add_keys(const struct screen *s, struct input *in);
/* The terminal, if hosts may write on it beside us: a description of our own, that never blocks; -1: none. */
int screen_terminal(const struct screen *s);
/* The terminal may be lent by this for echoes (term/loan.h) in a place of the frame that was presented last: until the
 * next one. */
void screen_prepare_loan(struct screen *s, struct loan *loan, const struct screen_place *place);
/* Lends it so, if it may be, for one echo: until anything is written here. Not while a frame is on its way. */
void screen_lend(struct screen *s);
/* Leaves the terminal as it was found / takes it again: around $EDITOR, Ctrl-Z, `attach`. */
void screen_suspend(struct screen *s);
int screen_resume(struct screen *s, struct error *err);
/* Writes fixed reset bytes and restores the tty; async-signal-safe; used by fatal paths. */
void screen_emergency_restore(void);

#endif
