/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_WORLD_H
#define MT_TESTS_BENCH_WORLD_H

/* Where the measurements happen: a temporary HOME with one project and its sandbox, a tmux server of our own (no
 * configuration, 10,000 lines of history), and the three sides that are measured, each on an outer terminal of ours. */

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/outer.h"
#include "tests/bench/usage.h"

#define HISTORY_LINES "10000"

struct world {
    const char *muthr; /* the executable */
    char home[256];
    char tmux_sock[300];
    bool with_tmux; /* is it installed? */
    double idle_s;
};

/* Makes the folders, goes into the project's, and starts its sandbox without network. A fatal end when it does not
 * start. */
void world_open(struct world *w, const char *muthr);
/* Ends and removes all. */
void world_close(struct world *w);
/* Ends every session with the sandbox and tmux, and starts a new sandbox. */
void world_renew(struct world *w);

/* Runs a command to its end; its first line of output in `line`. Returns the exit code. */
int run_line(char *line, size_t cap, const char *const *argv);
/* Starts a session of ours that runs `command`, without showing it; its id. */
void world_session(const struct world *w, char *id, size_t cap, const char *command);
/* A new window of tmux that runs `command`, without showing it. The server must run. */
void world_window(const struct world *w, const char *command);
void world_kill_tmux(const struct world *w);

enum side_kind { SIDE_RAW, SIDE_TMUX, SIDE_OURS, SIDES };

/* One of the three: the program itself on the outer terminal, or in a pane. */
struct side {
    enum side_kind kind;
    const struct world *w;
    struct outer o;
    struct proc_set procs; /* set by side_find_procs */
    char id[64];           /* ours: the session */
};

/* Starts `command` on a new terminal and shows it. */
void side_open(struct side *s, const struct world *w, enum side_kind kind, const char *command, int cols, int rows);
/* The driver (see world.c) in a pane of exactly this size. */
void side_open_driver(struct side *s, const struct world *w, enum side_kind kind, int cols, int rows);
/* Shows a file of the project by the driver. Returns the ms until the program has ended and a mark that it wrote last
 * is on the outer terminal. */
double side_cat(struct side *s, const char *file);
void side_find_procs(struct side *s);
/* Takes the outer terminal away; a session or window goes on. */
void side_close(struct side *s);
/* The same, and ends the driver. */
void side_close_driver(struct side *s);

#endif
