/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_CLIENT_H
#define MT_TERM_CLIENT_H

/* The cockpit's side of sessions: finds every host's socket in the sessions directory, attaches, mirrors the rows of
 * sessions being viewed, and starts new hosts. Receives screen rows, never raw bytes, with a credit of one frame: the
 * next frame is asked for only after sessions_take_frame. Sessions not viewed cost metadata only. One `struct sessions`
 * per process. Facts about a session are `struct session_info` values (core/model/session.h is a plain header without
 * code of core/model). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/model/session.h"
#include "core/util/error.h"
#include "term/cell.h"
#include "term/extra.h"
#include "term/keys.h"
#include "term/search.h"

struct loan;
struct sessions;
struct vt_point;

struct sessions_events {
    void (*on_added)(void *arg, const struct session_info *s);
    void (*on_changed)(void *arg, const struct session_info *s); /* metadata, state, attention */
    void (*on_removed)(void *arg,
                       const char *id); /* dismissed or its host died (then on_changed with SESSION_LOST came before) */
    void (*on_frame)(void *arg, const char *id); /* new rows are in the mirror of a viewed session */
    void (*on_scanned)(void *arg); /* once: the first scan is complete, every live host answered or timed out (1 s) */
    void (*on_clipboard)(void *arg, const char *id, const char *text,
                         size_t len); /* OSC 52 write from the viewed session */
    void (*on_trouble)(
        void *arg, const char *id,
        const struct error *err); /* once: a socket that is left alone, as it is not ours or not spoken */
};

/* dir: paths.runtime/sessions, made 0700. Dead sockets are swept, foreign ones left alone and told once through
 * on_trouble. */
int sessions_open(struct sessions **out, struct loop *loop, const char *dir, const struct sessions_events *ev,
                  void *arg, struct error *err);
/* Detaches from all (hosts go on). */
void sessions_close(struct sessions *s);

/* A new host: re-executes `executable host`, hands the spec over a pipe, waits for its word. done: exactly once, not
 * inside the call. */
struct session_start {
    const char *executable; /* absolute */
    enum session_kind kind;
    const char *sandbox, *project, *backend, *profile, *label, *tag, *log_path, *command; /* NULL = "" */
    const char *const *argv, *const *env;  /* env: KEY=VALUE additions to the host's own environment for the program */
    const char *audit;                     /* what the host writes down (host_audit.h); NULL: nothing */
    const char *rules_own, *rules_shipped; /* files of rules for its screen (term/rules.h); NULL: none */
    const char *cwd;                       /* host-side working directory for the program; NULL = / */
    const struct task_policy *task;        /* SESSION_TASK: NULL is all zero (run once). Copied */
    int cols, rows;
    uint32_t scrollback_lines;
    uint64_t scrollback_bytes, log_max_bytes; /* 0: defaults 10000, 16 MiB, 32 MiB */
};
int sessions_start(struct sessions *s, const struct session_start *spec,
                   void (*done)(void *arg, const char *id, const struct error *err), void *arg, struct error *err);

const struct session_info *sessions_find(const struct sessions *s, const char *id);
size_t sessions_count(const struct sessions *s);
const struct session_info *sessions_at(const struct sessions *s, size_t i);

/* --- viewing: at most a few at a time --- */
/* Starts or changes viewing at this size; the size that counts in the host is that of the viewer that typed (or began
 * viewing) last. */
int sessions_view(struct sessions *s, const char *id, int cols, int rows, struct error *err);
/* The terminal that frames are drawn on, non-blocking: from now on lent to the hosts of sessions whose viewing begins,
 * so that they may draw echoes themselves (term/loan.h). Stays the caller's; -1: none is. */
void sessions_lend(struct sessions *s, int terminal);
/* By what a session's host is lent it, for a key that is sent now; NULL: it is not. Valid until the next loop turn. */
struct loan *sessions_loan(const struct sessions *s, const char *id);
/* Before sessions_view with another width: these places (lines as for sessions_history) are looked at. If the size
 * changes, `fn` is told once where their text is then, before the first frame of that size. Another call takes the
 * place of this one; fn NULL: nobody is to be told any more. At most 8. */
typedef void (*sessions_kept_fn)(void *arg, const struct vt_point *points, size_t n);
void sessions_keep(struct sessions *s, const char *id, const struct vt_point *points, size_t n, sessions_kept_fn fn,
                   void *arg);
void sessions_unview(struct sessions *s, const char *id);

struct session_screen {
    int cols, rows; /* of the program's terminal: may differ from the asked size while another viewer is active */
    int cursor_col, cursor_row;
    bool cursor_visible, cursor_blink;
    int cursor_shape; /* 1 block, 2 underline, 3 bar */
    bool alt_screen, reverse_video;
    bool app_cursor, app_keypad, bracketed_paste, focus_report, mouse_sgr;
    int mouse_mode; /* 0, 9, 1000, 1002, 1003 */
    uint32_t kitty_flags;
    int modify_other_keys;
    struct key_modes modes; /* the same and more, ready for key_encode, mouse_encode, paste_encode */
    bool cursor_styled;     /* the program chose shape and blink */
    uint64_t history_lines; /* lines of scrollback there are */
    uint64_t history_first; /* absolute number of the oldest kept line: grows when lines are dropped */
};
/* NULL when not viewed or nothing arrived yet. Valid until the next loop turn. */
const struct session_screen *sessions_screen(const struct sessions *s, const char *id);
/* Row of the mirror: `cols` cells; NULL out of range. *wrapped (may be NULL): continues on the next row. */
const struct cell *sessions_row(const struct sessions *s, const char *id, int row, bool *wrapped);
/* The clusters that cells of this mirror refer to. */
const struct cluster_table *sessions_clusters(const struct sessions *s, const char *id);
/* The addresses and underline colours that its cells refer to (cell_extra). */
const struct extra_table *sessions_extras(const struct sessions *s, const char *id);
/* What programs are told of the cockpit's colours and of the outer terminal, now and when a session appears. Cheap when
 * nothing changes. Zero it before filling it in. */
struct sessions_outer {
    uint32_t fg, bg, cursor; /* 0xRRGGBB */
    uint8_t kitty;           /* flags of kitty's keyboard protocol that can be kept */
    bool clipboard;          /* OSC 52 writes have a chance */
    uint32_t palette[16];    /* 0x1rrggbb; 0: as xterm's */
};
void sessions_set_outer(struct sessions *s, const struct sessions_outer *o);
/* Rows changed since the last call (bit per row in bits[(rows+63)/64]); clears them and gives the host credit for the
 * next frame. Call after painting. */
void sessions_take_frame(struct sessions *s, const char *id, uint64_t *bits, size_t words);

/* Bytes to the program, in order, back-pressured by the host's pty: returns how many were taken (queue limit 64 MiB).
 * They go on also when the session is not viewed any more. */
size_t sessions_input(struct sessions *s, const char *id, const void *data, size_t len);
/* Calls fn(arg, bytes that the host has not taken yet) whenever it has taken some, the last one too: for one who goes
 * when all is taken. What it has taken it keeps for the program, however slowly that reads. Errors: UNAVAILABLE when
 * the session is gone, or its host is of an older version. */
int sessions_on_taken(struct sessions *s, const char *id, void (*fn)(void *arg, size_t left), void *arg,
                      struct error *err);
/* Focus moved to or away from this session's pane (for mode 1004). */
void sessions_focus(struct sessions *s, const char *id, bool focused);

/* Rows of an answer, with tables of their own for what the cells refer to. Valid in the callback only: who keeps cells
 * has a table for their clusters, too (cluster_move). */
struct session_rows {
    size_t count;
    int cols;
    const struct cell *cells; /* count * cols */
    const bool *wrapped;      /* count: continues on the next row */
    const struct cluster_table *clusters;
    const struct extra_table *extras;
};
/* Scrollback: asks for `count` lines from absolute number `first`; the callback gets them (rows of `cols` each,
 * clipped/padded) once; fewer at the ends. err: UNAVAILABLE when the session is gone. */
typedef void (*sessions_history_fn)(void *arg, uint64_t first, const struct session_rows *rows,
                                    const struct error *err);
int sessions_history(struct sessions *s, const char *id, uint64_t first, size_t count, int cols, sessions_history_fn fn,
                     void *arg, struct error *err);
/* The screen as it stands, of an ended program too, without viewing: it takes no part in the session's size, and nobody
 * has looked. The callback gets the screen and the rows of its width, once. err: UNAVAILABLE when the session is gone,
 * or its host is of an older version. */
typedef void (*sessions_look_fn)(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                                 const struct error *err);
int sessions_look(struct sessions *s, const char *id, sessions_look_fn fn, void *arg, struct error *err);
/* The host searches, a little a turn, and drops what it was asked before. Lines are absolute numbers (history_first +
 * history_lines + r is screen row r). The callback runs once with `more`, when the place is known and the numbers are
 * not (only with `count`), and once without. */
struct sessions_query {
    enum search_kind kind;
    const char *needle; /* of SEARCH_TEXT, as pattern.h says; copied */
    uint64_t line;      /* where it begins; what is at that very place counts last, unless `here` */
    int col;
    bool backward, here, count;
};
struct sessions_hit {
    bool found;
    bool dropped; /* it made place for another search */
    bool more;
    bool wrapped; /* found beyond the end, from the other one on */
    bool capped;  /* there are more than `total` */
    uint64_t line, end_line;
    int col, end_col;      /* end_col: behind the last cell, in end_line */
    uint32_t total, index; /* 0: not known */
};
typedef void (*sessions_search_fn)(void *arg, const struct sessions_hit *hit, const struct error *err);
int sessions_search(struct sessions *s, const char *id, const struct sessions_query *query, sessions_search_fn fn,
                    void *arg, struct error *err);
void sessions_search_stop(struct sessions *s, const char *id);

/* X4: HUP, TERM, KILL after 2 s. */
void sessions_kill(struct sessions *s, const char *id);
/* A task (kind SESSION_TASK) is started again now, by its policy from then on: what runs of it is ended as by
 * sessions_kill, a wait is over, and one that has ended runs once more while its host is still there. Its metadata
 * tells how that went (restarts). Errors: NOT_FOUND; INVALID for a shell or an agent; UNAVAILABLE when its host is of
 * an older version. */
int sessions_restart(struct sessions *s, const char *id, struct error *err);
void sessions_signal(struct sessions *s, const char *id, int signum);
/* Its terminal as new, whatever state programs left it in: modes, pen, margins and screen; what was on the normal
 * screen goes to the scrollback. Errors: NOT_FOUND; UNAVAILABLE when its host is of an older version. */
int sessions_reset(struct sessions *s, const char *id, struct error *err);
/* The name that every cockpit shows it with, kept by its host; "": its label again. Control characters and blanks
 * around it are taken out. Errors: NOT_FOUND; INVALID when it is longer than 79 bytes; UNAVAILABLE as above. */
int sessions_rename(struct sessions *s, const char *id, const char *name, struct error *err);
/* Clears attention (a person looked). */
void sessions_attended(struct sessions *s, const char *id);
/* The number that cockpits show it with: its host keeps it. A host of an older program ignores it. */
void sessions_number(struct sessions *s, const char *id, int number);
/* The end was seen: the host exits, the session disappears. Refused by the host while the program runs. */
void sessions_dismiss(struct sessions *s, const char *id);

#endif
