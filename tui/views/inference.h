/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VIEWS_INFERENCE_H
#define MT_TUI_VIEWS_INFERENCE_H

/* The inference view's own: its state, and what its files offer each other. */

#include "core/inference/local.h"
#include "core/inference/preset.h"
#include "core/io/logfollow.h"
#include "tui/app.h"

#define INFERENCE_LOG_LINES 200

/* The last lines of both logs of a local server, as they come. */
struct log_tail {
    struct app *app;
    struct logfollow *of[2];
    struct strbuf part[2]; /* of a line that has not ended yet */
    char *path[2];
    struct {
        char *text;
        bool error; /* of the second log */
    } lines[INFERENCE_LOG_LINES];
    size_t first, count;
};

struct inference_panel {
    struct overlay base;
    struct app *app;
    struct timer *look, *beat;
    struct dirwatch *presets_watch;
    size_t endpoint;
    /* As it was looked at last, outside of painting. */
    struct local_server local[LOCAL_RUNTIMES];
    struct presets presets;
    char exposed[160], holder[200];
    enum inference_state seen; /* the endpoint's, then */
    uint64_t seen_since_ms;
    bool looked;
    struct log_tail log;
    size_t at; /* in the presets */
    int zoom;  /* of the graphs: 0 as fits */
};

/* Where everything goes; h 0: not shown. */
struct inference_places {
    struct rect title, status, presets, rate, context, log;
    int seconds; /* of one value of a graph */
};

/* --- inference.c --- */
const struct inference_view *inference_of(const struct inference_panel *p);
/* The server of this machine that the endpoint is, if it is ours; or NULL. */
const struct local_server *inference_ours(const struct inference_panel *p);
/* The one whose logs are shown: what runs, or did, or would. */
const struct local_server *inference_shown(const struct inference_panel *p);
bool preset_is_running(const struct inference_panel *p, const struct preset *preset);

/* --- inference_facts.c: the status in words --- */
/* Draws into `s` (NULL: only counts) and returns the rows it takes with so many columns. */
int inference_facts(const struct inference_panel *p, struct surface *s, struct rect r);

/* --- inference_draw.c --- */
void inference_place(const struct inference_panel *p, struct rect whole, struct inference_places *out);
/* The first preset in view of so many rows; the rows of them in the rectangle. */
size_t inference_top(const struct inference_panel *p, int rows);
int inference_rows(const struct inference_panel *p, struct rect presets);
void inference_draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole);

/* --- inference_log.c --- */
/* Follows the logs of this server from now on; NULL: of none. */
void log_tail_follow(struct log_tail *t, const struct local_server *of);
void log_tail_release(struct log_tail *t);
/* A log, whole, in a pager that follows it. */
void dialog_server_log(struct app *app, const struct local_server *of);

#endif
