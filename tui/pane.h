/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_PANE_H
#define MT_TUI_PANE_H

/* One session on the screen: views it at the size it has there, draws its rows, carries keys, mouse and paste to its
 * program, and copy mode over its scrollback. Shows one session at a time; it knows nothing of the model. */

#include <stdbool.h>

#include "core/io/loop.h"
#include "core/util/strbuf.h"
#include "term/client.h"
#include "term/vt.h"
#include "tui/copymode.h"
#include "tui/surface.h"
#include "tui/theme.h"

struct pane;

struct pane_events {
    void (*on_dirty)(void *arg);
    void (*on_copied)(void *arg, const char *text, size_t len); /* copy mode took this text */
    void (*on_message)(void *arg, const char *text);            /* "not found", "copied 3 lines" */
    void (*on_stuck)(void *arg);                                /* Ctrl-C brought nothing, behind a paste */
    void (*on_held)(void *arg, struct pane *p, const struct key *keys, size_t count); /* to be pressed now */
    void *arg;
};

/* Lines of scrollback kept for drawing copy mode, and the clusters of their cells: the session's own are of what its
 * screen shows. Extras are not kept. */
struct pane_cache {
    uint64_t first;
    size_t count;
    int cols;
    struct cell *cells;
    bool *wrapped;
    struct cluster_table clusters;
    bool asked;      /* more is on its way */
    uint32_t serial; /* of this copy mode: answers for an older one are of no interest */
};
struct pane_take;
#define PANE_HELD_MAX 64

/* A search: what is typed or was given, where it began, and what the host said of it. */
struct pane_find {
    char needle[256];
    bool backward;
    struct pattern *pattern; /* of `needle`, for what is in view; NULL: nothing is highlighted */
    uint32_t serial;         /* of the last question: older answers are of no interest */
    bool waiting;            /* for the place */
    bool typing;             /* the prompt is open: moves are for the time being */
    bool tell;               /* by a message, too, when it goes round or finds nothing */
    bool answered;
    struct sessions_hit hit;
    uint64_t line, top; /* where the typing began */
    int col;
    char last[256]; /* the needle before, for Enter without one */
    /* Keys that came before the answer: they mean the place it leads to. */
    struct key held[PANE_HELD_MAX];
    size_t held_count;
    struct timer *hold; /* runs while waiting: after it a key cancels the search */
};

/* A button that is held down. */
struct pane_drag {
    bool active;
    enum copy_kind kind;
    int col, row;       /* where it went down */
    int at_col, at_row; /* where it is */
    int clicks;         /* one after the other at one place */
    uint64_t clicked_ms;
    struct timer *scroll; /* while it is beyond the edge */
};

/* Places that stay with their text while the width changes (pane_keep.c). */
#define PANE_KEEP 6
struct pane_keep {
    enum { PANE_KEEP_NONE, PANE_KEEP_ASKED, PANE_KEEP_TOLD } state;
    struct vt_point then[PANE_KEEP], now[PANE_KEEP];
};

/* What becomes of text that is taken, piece by piece. */
struct pane_sink {
    /* -1 and `err` when it cannot go on. */
    int (*write)(void *arg, const char *text, size_t len, struct error *err);
    /* Once, at the end, also after a failure (then `err` says which). `cut`: there was more than is taken at once. */
    void (*done)(void *arg, size_t bytes, size_t lines, bool cut, const struct error *err);
    void *arg;
};

/* A key as the outer terminal sent it, when that says more than a struct key. */
struct pane_raw {
    const char *data;
    size_t len;
    unsigned flags; /* of kitty's protocol that it was sent by */
};

struct pane {
    struct loop *loop;
    struct pane_raw raw; /* of the key at hand; len 0: nothing more to say */
    struct sessions *sessions;
    struct pane_events events;
    char id[SESSION_ID_MAX]; /* shown session, or "" */
    int cols, rows;          /* size asked for */
    bool failed;             /* the session refused to be viewed */
    bool focused;
    bool reports; /* a program that asked for the mouse gets it, focused or beside the one that is */
    /* How it was painted last. */
    struct {
        bool valid;
        struct rect at;
        int cols, rows, from; /* of the program's screen; the first row in sight */
        bool reverse;
    } painted;
    bool key_sent;       /* since the last frame: the next output is painted at once, */
    uint64_t key_ms;     /* and so is all for PROTO_KEY_WINDOW_MS */
    struct strbuf queue; /* bytes that the session has not taken yet */
    struct timer *retry; /* while the queue is not empty: the host gives no sign when it takes more */
    uint64_t retry_ms;
    struct {
        struct timer *timer; /* while Ctrl-C may bring something */
        bool pasted;         /* more went to the program than its terminal holds, perhaps */
        bool moved;          /* there was output since Ctrl-C */
    } stuck;
    struct strbuf paste_tail; /* an unfinished UTF-8 sequence between two pieces of a paste */
    bool paste_cr;
    struct copymode copy;
    struct pane_cache cache;
    struct pane_take *take;
    struct pane_find find;
    struct pane_drag drag;
    struct pane_keep keep;
};

void pane_init(struct pane *p, struct loop *loop, struct sessions *sessions, const struct pane_events *ev);
/* After the sessions were closed or when they will be: unviews nothing. */
void pane_release(struct pane *p);
/* Shows session `id` (NULL or "": none) at this size. Cheap when nothing changes. */
void pane_show(struct pane *p, const char *id, int cols, int rows);
void pane_set_focus(struct pane *p, bool focused);
/* New rows arrived: follow them in copy mode. */
void pane_on_frame(struct pane *p);
/* All of it is painted, there: the host may send more. */
void pane_painted(struct pane *p, struct rect at);
/* Since then only rows have changed: it is at the same place, of the same size, and no copy mode is in front of it. */
bool pane_can_patch(const struct pane *p, struct rect at);
/* Draws the rows that changed over what is there, and the cursor; the host may send more. */
void pane_patch(struct pane *p, struct surface *s, const struct theme *t);
void pane_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t);
/* How a style of the program is shown: its default colours are the theme's, as it was told by OSC 10 and 11. */
struct style pane_style(struct style program, struct style text);
/* The same for cells that were drawn. */
void pane_theme_defaults(struct surface *s, struct rect r, struct style text);
bool pane_has_screen(const struct pane *p);

void pane_send(struct pane *p, const void *data, size_t len);
void pane_key(struct pane *p, struct key key);
/* A release, or a key that only kitty's protocol has: goes to programs that asked for exactly this. */
void pane_raw_key(struct pane *p, const char *data, size_t len, unsigned flags);
/* `ev` with column and row of the pane. False: not used. */
bool pane_mouse(struct pane *p, const struct mouse_event *ev);
/* Its program has asked for motion without a button, and is to get it. */
bool pane_wants_hover(const struct pane *p);
void pane_paste_begin(struct pane *p);
void pane_paste(struct pane *p, const char *data, size_t len);
void pane_paste_end(struct pane *p);

/* --- copy mode: the view (pane_copy.c) --- */
void pane_copy_begin(struct pane *p);
void pane_copy_end(struct pane *p);
/* For motions; copymode_row_fn with the pane as its argument. */
bool pane_copy_row(const void *arg, uint64_t line, struct copy_row *row);
/* Asks for the scrollback that is in view and not here yet. */
void pane_copy_fill(struct pane *p);
void pane_copy_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t);
void pane_copy_drop(struct pane *p);
/* A key that a command waits for (f, F, t, T); false: none does. */
bool pane_copy_key(struct pane *p, struct key key);
/* f, F, t or T again, or (reverse) the other way. */
void pane_copy_find_again(struct pane *p, bool reverse);

/* --- its text (pane_take.c) --- */
/* Copies the selection (the cursor's line without one) and leaves copy mode. */
void pane_copy_yank(struct pane *p);
/* Takes the selection (all there is without one) to a sink. False: another one is under way. */
bool pane_take(struct pane *p, const struct pane_sink *sink);
void pane_take_drop(struct pane *p);

/* --- searching (pane_find.c) --- */
/* The prompt was opened, its text has changed, it was closed. */
void pane_find_begin(struct pane *p, bool backward);
/* What is wrong with the text goes to `message`. */
void pane_find_type(struct pane *p, const char *text, char *message, size_t cap);
void pane_find_end(struct pane *p, bool keep);
/* The same needle again; `reverse`: the other way. */
void pane_find_again(struct pane *p, bool reverse);
/* To the previous (or next) prompt of the shell; enters copy mode. */
void pane_find_prompt(struct pane *p, bool backward);
/* Selects what the last command before the cursor has printed; enters copy mode. */
void pane_find_output(struct pane *p);
void pane_find_drop(struct pane *p);
void pane_find_release(struct pane *p);
/* A key while the host still looks: it waits for the answer a moment, after that it cancels the search and is false. */
bool pane_find_key(struct pane *p, struct key key);
/* Highlights every match in view. */
void pane_find_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t);
/* "match 3/127", "no match", or "". */
void pane_find_status(const struct pane *p, char *out, size_t cap);

/* --- the mouse (pane_drag.c): dragging selects, letting go copies; false: it was not used --- */
bool pane_drag(struct pane *p, const struct mouse_event *ev);
void pane_drag_stop(struct pane *p);

/* --- pane_keep.c: copy mode while the width changes --- */
/* Before a new size is asked for. */
void pane_keep_ask(struct pane *p);
void pane_keep_drop(struct pane *p);
/* With a frame, before its numbers of lines are used. */
void pane_keep_apply(struct pane *p);

#endif
