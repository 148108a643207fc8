/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_WATCHER_H
#define MT_CORE_INFERENCE_WATCHER_H

/* Watches one inference endpoint: sends what its pacing asks for, one request at a time, each a second at most and of
 * bounded size, and tells when what is known has changed. While nobody looks (watcher_show) and nobody wants to know
 * (watcher_look), it has no timer and asks nothing. Meaning: reading.h; pacing: pacing.h. */

#include <stdbool.h>
#include <stdint.h>

#include "core/io/http.h"
#include "core/io/loop.h"
#include "core/model/inference.h"

struct watcher;

/* Another clock than the loop's, for tests that cannot wait an hour. */
struct watcher_clock {
    uint64_t (*now_ms)(void *arg);
    /* fn(fn_arg) once after delay_ms, never inside the call; replaces the last one. UINT64_MAX: none. */
    void (*wait)(void *arg, uint64_t delay_ms, void (*fn)(void *fn_arg), void *fn_arg);
    void *arg;
};

struct watcher_opts {
    struct loop *loop;
    struct http_client *http; /* outlives the watcher's last request: close the watcher first */
    const char *host;         /* "127.0.0.1"; copied */
    int64_t port;
    const char *key;                                               /* NULL or "": none. Copied; in no log and no text */
    const struct watcher_clock *clock;                             /* NULL: the loop's; copied */
    void (*changed)(void *arg, const struct inference_view *view); /* never inside a call of ours; may be NULL */
    void *arg;
};

struct watcher *watcher_new(const struct watcher_opts *opts);
/* Cancels what is in flight; nothing is told any more, looks are forgotten without a word. NULL allowed. */
void watcher_close(struct watcher *w);

/* Does somebody see it? Starts as false. */
void watcher_show(struct watcher *w, bool visible);
/* Something happened that may set the server to work (an agent stirs): looks soon. Cheap, also when called often. */
void watcher_poke(struct watcher *w);
/* What is known now, however old. */
const struct inference_view *watcher_view(const struct watcher *w);
/* Was it looked at within so many milliseconds? */
bool watcher_is_fresh(const struct watcher *w, uint64_t ms);

/* A look that somebody waits for: done exactly once, never inside a call, with what is known then; also after
 * watcher_look_cancel. */
struct watcher_look;
typedef void (*watcher_look_fn)(void *arg, const struct inference_view *view);
struct watcher_look *watcher_look(struct watcher *w, watcher_look_fn done, void *arg);
void watcher_look_cancel(struct watcher_look *look);

#endif
