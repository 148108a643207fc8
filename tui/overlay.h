/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_OVERLAY_H
#define MT_TUI_OVERLAY_H

/* What lies over the cockpit and takes the keys: pager (texts), chooser (lists with a filter), ask (a box with a few
 * answers, or one line), prompt (one line of text). Overlays stack; Esc closes the top one. Each is a heap object that
 * begins with struct overlay. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term/keys.h"
#include "tui/hints.h"
#include "tui/surface.h"
#include "tui/theme.h"

struct app;
struct overlay;
struct model_event;

struct overlay_ops {
    const char *name;
    void (*draw)(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole);
    void (*on_key)(struct app *app, struct overlay *o, struct key key);
    void (*on_mouse)(struct app *app, struct overlay *o,
                     const struct mouse_event *ev); /* columns and rows of the screen; may be NULL */
    void (*on_text)(struct app *app, struct overlay *o, const char *text, size_t len); /* pasted; may be NULL */
    void (*release)(struct overlay *o); /* frees what it holds, not `o` itself */
    /* Its keys for the bottom line. */
    size_t (*hints)(const struct app *app, const struct overlay *o, struct hint *out, size_t cap);
    void (*on_event)(struct app *app, struct overlay *o, const struct model_event *ev); /* may be NULL */
    /* In how many milliseconds what it shows reads otherwise by itself, 0: it does not; asked while it is on top, and
     * painted again then. May be NULL. */
    uint64_t (*next_ms)(const struct app *app, const struct overlay *o);
    bool one_line; /* lives in the bottom line and leaves the rest as it is */
};
#define OVERLAY_SPIN_MS 125 /* next_ms of one in which something spins */
struct overlay {
    const struct overlay_ops *ops;
    struct overlay *below;
    uint64_t since_ms; /* when it was opened: notes that are newer are shown all the same */
    bool lit;          /* what lies below keeps its colours: they are what the person looks at */
};

/* Puts `o` on top and owns it. */
void overlay_push(struct app *app, struct overlay *o);
/* Removes `o` wherever it is. */
void overlay_close(struct app *app, struct overlay *o);
void overlay_close_all(struct app *app);
/* A box of this size in the middle of `whole`, never larger than it. */
struct rect overlay_box(struct rect whole, int w, int h);

/* --- pager --- */
struct pager_line {
    enum theme_role role;
    char *text;   /* owned */
    int key_cols; /* so many first columns in the KEY role */
    int hang;     /* what does not fit continues in this column; 0: as wrap_hanging() finds it */
    char *link;   /* owned, may be NULL: an address in the text that can be clicked */
};
struct pager;
/* What stands behind a pager whose text changes, or that has keys of its own. All may be NULL. */
struct pager_owner {
    bool (*on_key)(struct app *app, struct pager *p, void *arg, struct key key); /* before its own; true: it was used */
    void (*on_event)(struct app *app, struct pager *p, void *arg, const struct model_event *ev);
    size_t (*hints)(const struct app *app, void *arg, struct hint *out, size_t cap);
    void (*closed)(void *arg); /* the pager is gone */
    /* Of a text of which only a part is in the pager. The view has come to the first line (`back`) or to the last one,
     * and somebody scrolls on: puts up another part with pager_set and pager_show_line. */
    void (*more)(struct app *app, struct pager *p, void *arg, bool back);
    /* To the whole text's beginning, or its end. */
    void (*jump)(struct app *app, struct pager *p, void *arg, bool back);
    /* Puts up the next part that has the text in it, beyond this one. False: there is none. */
    bool (*find)(struct app *app, struct pager *p, void *arg, const char *needle, bool back);
};
struct pager_opts {
    const char *title;        /* copied */
    struct pager_line *lines; /* taken over, with their texts */
    size_t count;
    bool at_end, follow; /* shows the end first; stays there as lines come */
    bool wide;           /* as large as the screen allows, whatever is in it */
    const char *empty;   /* static, may be NULL: shown while there is no line */
    size_t most;         /* lines kept; the oldest go; 0: all */
    const struct pager_owner *owner;
    void *arg;
};
struct pager *pager_show(struct app *app, const struct pager_opts *opts);
/* The lines anew; place and search stay. Takes them over. */
void pager_set(struct app *app, struct pager *p, struct pager_line *lines, size_t count);
/* The line of what was set or appended, in the first row of the view, or in its last one. */
void pager_show_line(struct app *app, struct pager *p, size_t line, bool at_bottom);
/* The line in the view's first row. */
size_t pager_line_at_top(struct app *app, struct pager *p);
size_t pager_line_count(const struct pager *p);
void pager_append(struct app *app, struct pager *p, enum theme_role role, const char *text);
void pager_set_title(struct app *app, struct pager *p, const char *title);
/* A few words in the lower edge. */
void pager_set_note(struct app *app, struct pager *p, const char *note);
bool pager_at_end(const struct pager *p);
void pager_set_follow(struct app *app, struct pager *p, bool follow);
/* A text to read: takes the lines over (array and texts). */
struct pager *pager_open(struct app *app, const char *title, struct pager_line *lines, size_t count, bool at_end);
struct pager_build {
    struct pager_line *lines;
    size_t count, cap;
};
void pager_add(struct pager_build *b, enum theme_role role, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The last line added begins with a key of `cols` columns. */
void pager_mark_key(struct pager_build *b, int cols);
/* The last line added has this address in its text. */
void pager_mark_link(struct pager_build *b, const char *address);

/* --- chooser --- */
struct choice {
    char key;             /* chooses at once; 0: none */
    char *label, *detail; /* owned; detail may be NULL */
    char *right;          /* owned, may be NULL: shown at the right edge (a key, a state) */
    char *name;           /* owned, may be NULL: dim before it where there is room; found by typing it */
    char *value;          /* owned, may be NULL: for the callback */
    bool off;             /* greyed, cannot be chosen */
    bool checkable, checked;
};
struct chooser_opts {
    const char *title, *note; /* note: a line or two under the list, may be NULL; copied */
    bool searchable;          /* typing filters (fuzzy); else letters are keys */
    bool searches_detail;
    bool preview;   /* what lies below keeps its colours, and the box stays at the right edge */
    bool phrases;   /* what does not fit beside a label ends with a phrase or a word, not in the middle of one */
    bool takes_off; /* what is greyed may be chosen all the same: the owner says why it cannot be */
    size_t selected;
    int width; /* 0: as needed */
    /* Enter or a key. `index` into the choices as given. The chooser is closed already, the choices are valid during
     * the call. */
    void (*on_choose)(struct app *app, void *arg, const struct choice *choices, size_t count, size_t index);
    void (*on_highlight)(struct app *app, void *arg, const struct choice *c); /* may be NULL */
    void (*on_cancel)(struct app *app, void *arg);                            /* may be NULL */
    void *arg;
    void (*free_arg)(void *arg); /* may be NULL */
    const char *verb;            /* what Enter does, for the hints: "open" */
};
/* Takes `choices` over. */
void chooser_open(struct app *app, struct choice *choices, size_t count, const struct chooser_opts *opts);
struct choice_build {
    struct choice *v;
    size_t count, cap;
};
struct choice *choice_add(struct choice_build *b, const char *label, const char *detail);
void choices_free(struct choice *v, size_t count);

/* --- ask --- */
struct ask_answer {
    char key;          /* 'y', or 13 for Enter */
    const char *label; /* static */
    enum theme_role role;
    int value;
};
struct ask_opts {
    const char *title; /* box title, or the question of a one-line ask; copied */
    const char *body;  /* lines, wrapped to the box; NULL: one line in the bottom row: "title (y/N)" */
    enum theme_role title_role;
    struct ask_answer answers[5];
    size_t count;         /* Esc is always there and answers -1 */
    const char *declined; /* static, may be NULL: what is said when it was not answered with yes */
    bool read_first;      /* a box: answers of another role than TEXT count only once all of the text was in view */
    void (*on_answer)(struct app *app, void *arg, int value);
    void *arg;
    void (*free_arg)(void *arg); /* may be NULL */
};
void ask_open(struct app *app, const struct ask_opts *opts);

/* --- prompt --- */
struct prompt_opts {
    const char *label, *text; /* copied */
    /* After every change (live filter); may be NULL. `message` (cap bytes) may be filled with what is wrong with the
     * text. */
    void (*on_change)(struct app *app, void *arg, const char *text, char *message, size_t cap);
    /* Enter: return false and a message to stay open. */
    bool (*on_enter)(struct app *app, void *arg, const char *text, char *message, size_t cap);
    void (*on_cancel)(struct app *app, void *arg);
    bool passes_moves; /* arrows and page keys still move the list (filter) */
    const char *keys;  /* static: what Enter and Esc do, at the right; NULL: "Enter ok  Esc cancel" */
    void *arg;
    void (*free_arg)(void *arg); /* may be NULL */
};
void prompt_open(struct app *app, const struct prompt_opts *opts);

/* --- line editing shared by prompt and chooser --- */
struct line_edit {
    char text[512];
    size_t len, at; /* bytes */
};
void line_edit_set(struct line_edit *e, const char *text);
/* True when the key changed text or cursor. */
bool line_edit_key(struct line_edit *e, struct key key);
void line_edit_insert(struct line_edit *e, const char *text, size_t len);

#endif
