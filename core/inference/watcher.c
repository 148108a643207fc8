/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/watcher.h"

#include <stdlib.h>
#include <string.h>

#include "core/inference/apikey.h"
#include "core/inference/reading.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define LIMIT_MS 1000

struct watcher_look {
    struct watcher *w;
    watcher_look_fn done;
    void *arg;
    bool over; /* answered, or canceled */
    struct watcher_look *next;
};

struct watcher {
    struct watcher_opts opts;
    struct watcher_clock clock;
    struct timer *timer; /* of the loop's clock; NULL: another one */
    struct timer *soon;  /* tells those whose look is over, and begins */
    struct reading reading;
    struct inference_view told; /* what `changed` was told last */
    struct apikey key;
    struct http_request *request; /* the one in flight, or NULL */
    int asked;                    /* what it asks */
    uint64_t known_ms;            /* when all that was wanted had been answered last; 0: never */
    struct watcher_look *looks;
    bool closing;
};

/* clock: the loop's. */
static uint64_t loop_clock_now(void *arg)
{
    (void)arg;
    return clock_mono_ms();
}

/* clock: the loop's; fn is on_timer always, which the timer was made with. */
static void loop_clock_wait(void *arg, uint64_t delay_ms, void (*fn)(void *fn_arg), void *fn_arg)
{
    struct watcher *w = arg;
    (void)fn;
    (void)fn_arg;
    if (delay_ms == PACING_NEVER) {
        timer_stop(w->timer);
    } else {
        timer_start(w->timer, delay_ms);
    }
}

static uint64_t now_ms(const struct watcher *w)
{
    return w->clock.now_ms(w->clock.arg);
}

/* Says what has changed, if anything has. */
static void tell(struct watcher *w)
{
    if (!inference_view_equal(&w->told, &w->reading.view)) {
        w->told = w->reading.view;
        if (w->opts.changed != NULL) {
            w->opts.changed(w->opts.arg, &w->told);
        }
    }
}

static void go_on(struct watcher *w);

/* The last of a watcher whose request has come back. */
static void watcher_free(struct watcher *w)
{
    apikey_clear(&w->key);
    free(w);
}

/* The answer to what is in flight. */
static void answered(void *arg, int status, const char *body, size_t len, const struct error *err)
{
    struct watcher *w = arg;
    w->request = NULL;
    if (w->closing) {
        watcher_free(w);
        return;
    }
    reading_take(&w->reading, w->asked, status, body, len, err, now_ms(w));
    if (!pacing_is_due(&w->reading.pacing)) {
        w->known_ms = now_ms(w);
    }
    tell(w);
    go_on(w);
}

/* Sends what is to be asked. */
static void ask(struct watcher *w, int what)
{
    struct error err = ERROR_INIT;
    struct http_opts opts = {.timeout_ms = LIMIT_MS,
                             .max_bytes = reading_limit(what),
                             .direct = true,
                             .bearer = w->key.text[0] != '\0' ? w->key.text : NULL};
    char url[160];
    str_format(url, sizeof(url), "http://%s%s", w->reading.view.endpoint, reading_path(&w->reading, what));
    reading_begin(&w->reading, what, now_ms(w));
    w->asked = what;
    if (http_get(&w->request, w->opts.http, url, &opts, answered, w, &err) < 0) {
        log_debug("inference server: %s", err.msg); /* no libcurl: as good as down */
        w->request = NULL;
        reading_take(&w->reading, what, 0, "", 0, &err, now_ms(w));
        memset(w->reading.pacing.due, 0, sizeof(w->reading.pacing.due));
        w->known_ms = now_ms(w);
        timer_start(w->soon, 0); /* tells */
    }
}

/* clock: it is time for something. */
static void on_timer(void *arg)
{
    go_on(arg);
}

/* Starts what is due, or waits for what will be. */
static void go_on(struct watcher *w)
{
    uint64_t wait_ms;
    if (w->request != NULL) {
        return;
    }
    int next = pacing_next(&w->reading.pacing, now_ms(w), &wait_ms);
    if (w->looks != NULL && !pacing_is_due(&w->reading.pacing)) {
        for (struct watcher_look *l = w->looks; l != NULL; l = l->next) {
            l->over = true; /* whatever is asked now, for other reasons */
        }
        timer_start(w->soon, 0);
    }
    if (next != PACING_NONE && wait_ms == 0) {
        ask(w, next);
    } else {
        w->clock.wait(w->clock.arg, wait_ms, on_timer, w);
    }
}

/* Gives `look` out of the list. */
static void take_out(struct watcher_look *look)
{
    struct watcher_look **at = &look->w->looks;
    while (*at != look) {
        at = &(*at)->next;
    }
    *at = look->next;
}

/* Looks that are over are told; then what is due is asked. They may begin others, or close the watcher. */
static void on_soon(void *arg)
{
    struct watcher *w = arg;
    struct watcher_look *over = NULL, **end = &over, *next;
    struct inference_view view = w->reading.view;
    tell(w);
    for (struct watcher_look *l = w->looks; l != NULL; l = next) {
        next = l->next;
        if (l->over) {
            take_out(l);
            l->next = NULL;
            *end = l;
            end = &l->next;
        }
    }
    go_on(w);
    for (; over != NULL; over = next) {
        next = over->next;
        over->done(over->arg, &view);
        free(over);
    }
}

struct watcher *watcher_new(const struct watcher_opts *opts)
{
    struct watcher *w = xcalloc(1, sizeof(*w));
    char endpoint[80];
    w->opts = *opts;
    str_format(endpoint, sizeof(endpoint), "%s:%lld", opts->host, (long long)opts->port);
    reading_init(&w->reading, endpoint);
    w->told = w->reading.view;
    str_copy(w->key.text, sizeof(w->key.text), opts->key != NULL ? opts->key : "");
    w->soon = timer_new(opts->loop, on_soon, w);
    if (opts->clock != NULL) {
        w->clock = *opts->clock;
    } else {
        w->timer = timer_new(opts->loop, on_timer, w);
        w->clock = (struct watcher_clock){loop_clock_now, loop_clock_wait, w};
    }
    w->opts.clock = NULL;
    w->opts.key = NULL;
    return w;
}

void watcher_close(struct watcher *w)
{
    if (w == NULL) {
        return;
    }
    w->closing = true;
    w->clock.wait(w->clock.arg, PACING_NEVER, on_timer, w);
    timer_close(w->soon);
    timer_close(w->timer);
    for (struct watcher_look *l = w->looks, *next; l != NULL; l = next) {
        next = l->next;
        free(l);
    }
    w->looks = NULL;
    if (w->request != NULL) {
        http_cancel(w->request); /* its answer frees the watcher */
    } else {
        watcher_free(w);
    }
}

void watcher_show(struct watcher *w, bool visible)
{
    reading_show(&w->reading, visible, now_ms(w));
    timer_start(w->soon, 0);
}

void watcher_poke(struct watcher *w)
{
    reading_poke(&w->reading, now_ms(w));
    if (w->reading.pacing.stir_ms != 0) {
        timer_start(w->soon, 0);
    }
}

const struct inference_view *watcher_view(const struct watcher *w)
{
    return &w->reading.view;
}

bool watcher_is_fresh(const struct watcher *w, uint64_t ms)
{
    uint64_t now = now_ms(w);
    return w->known_ms != 0 && now >= w->known_ms && now - w->known_ms < ms;
}

struct watcher_look *watcher_look(struct watcher *w, watcher_look_fn done, void *arg)
{
    struct watcher_look *l = xcalloc(1, sizeof(*l));
    l->w = w;
    l->done = done;
    l->arg = arg;
    l->next = w->looks;
    w->looks = l;
    reading_want(&w->reading, true);
    timer_start(w->soon, 0);
    return l;
}

void watcher_look_cancel(struct watcher_look *look)
{
    look->over = true;
    timer_start(look->w->soon, 0);
}
