/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_PANE_H
#define MT_TUI_PANE_H

/* One session on the screen: views it at the size it has there, draws its rows, carries keys, mouse and paste to its
 * program, and copy mode over its scrollback. Shows one session at a time; it knows nothing of the model. */

#include <stdbool.h>

#include "core/io/loop.h"
#include "core/util/strbuf.h"
#include "term/client.h"
#include "tui/copymode.h"
#include "tui/surface.h"
#include "tui/theme.h"

struct pane_events {
    void (*on_dirty)(void *arg);
    void (*on_copied)(void *arg, const char *text, size_t len); /* copy mode took this text */
    void (*on_message)(void *arg, const char *text);            /* "not found", "copied 3 lines" */
    void *arg;
};

/* Lines of scrollback kept for drawing copy mode. */
struct pane_cache {
    uint64_t first;
    size_t count;
    int cols;
    struct cell *cells;
    bool *wrapped;
    bool asked;
};
struct pane_yank;

struct pane {
    struct sessions *sessions;
    struct pane_events events;
    char id[SESSION_ID_MAX]; /* shown session, or "" */
    int cols, rows;          /* size asked for */
    bool failed;             /* the session refused to be viewed */
    bool focused;
    bool key_sent;            /* since the last frame: the next output is painted at once */
    struct strbuf queue;      /* bytes that the session has not taken yet */
    struct timer *retry;      /* while the queue is not empty: the host gives no sign when it takes more */
    struct strbuf paste_tail; /* an unfinished UTF-8 sequence between two pieces of a paste */
    bool paste_cr;
    struct copymode copy;
    struct pane_cache cache;
    struct pane_yank *yank;
    struct {
        bool active;
        int col, row;
    } drag; /* left button went down here */
    char needle[128];
    bool backward;
    struct {
        uint64_t line;
        int col;
        bool backward;
    } search; /* where the search that is under way began, and which way */
};

void pane_init(struct pane *p, struct loop *loop, struct sessions *sessions, const struct pane_events *ev);
/* After the sessions were closed or when they will be: unviews nothing. */
void pane_release(struct pane *p);
/* Shows session `id` (NULL or "": none) at this size. Cheap when nothing changes. */
void pane_show(struct pane *p, const char *id, int cols, int rows);
void pane_set_focus(struct pane *p, bool focused);
/* New rows arrived: follow them in copy mode. */
void pane_on_frame(struct pane *p);
/* Rows are painted: the host may send more. */
void pane_painted(struct pane *p);
void pane_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t);
/* Cells in the program's default colours take the theme's: what the program was told by OSC 10 and 11. */
void pane_theme_defaults(struct surface *s, struct rect r, struct style text);
bool pane_has_screen(const struct pane *p);

void pane_send(struct pane *p, const void *data, size_t len);
void pane_key(struct pane *p, struct key key);
/* `ev` with column and row of the pane. False: not used. */
bool pane_mouse(struct pane *p, const struct mouse_event *ev);
void pane_paste_begin(struct pane *p);
void pane_paste(struct pane *p, const char *data, size_t len);
void pane_paste_end(struct pane *p);

/* --- copy mode (pane_copy.c) --- */
void pane_copy_begin(struct pane *p);
void pane_copy_end(struct pane *p);
/* Copies the selection (the cursor's line without one) and leaves copy mode. */
void pane_copy_yank(struct pane *p);
void pane_copy_search(struct pane *p, const char *needle, bool backward);
/* The same needle again; `reverse`: the other way. */
void pane_copy_search_again(struct pane *p, bool reverse);
/* For word motions; copymode_row_fn with the pane as its argument. */
const struct cell *pane_copy_row(void *arg, uint64_t line, int *count);
/* Asks for the scrollback that is in view and not here yet. */
void pane_copy_fill(struct pane *p);
void pane_copy_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t);
void pane_copy_drop(struct pane *p);

#endif
