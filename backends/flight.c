/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/flight.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct flight_waiter {
    struct backend_call *call;
    flight_fn done;
    void *arg;
    bool left;
    struct flight_waiter *next;
};

struct flight *flight_find(const struct flight_list *list, const char *ref)
{
    struct flight *f = list->first;
    while (f && strcmp(f->ref, ref) != 0) {
        f = f->next;
    }
    return f;
}

/* Takes it out of the list: nobody joins it any more. */
static void unlink_flight(struct flight *f)
{
    for (struct flight **at = f->list ? &f->list->first : NULL; at && *at; at = &(*at)->next) {
        if (*at == f) {
            *at = f->next;
            break;
        }
    }
    f->list = NULL;
}

void flight_drop(struct flight *f)
{
    unlink_flight(f);
    timer_close(f->leave);
    free(f->ref);
    f->release(f);
}

/* Tells one of those who waited. */
static void tell(struct flight_waiter *w, const struct error *err)
{
    struct flight_waiter copy = *w;
    free(w);
    copy.done(copy.arg, err);
}

void flight_end(struct flight *f, const struct error *err)
{
    struct flight_waiter *list = f->waiters, *next;
    unlink_flight(f);
    f->waiters = NULL;
    for (struct flight_waiter *w = list; w; w = next) {
        next = w->next;
        tell(w, err);
    }
    flight_drop(f);
}

void flight_progress(struct flight *f, const char *text, int percent)
{
    if (percent == f->percent && strcmp(text, f->text) == 0) {
        return;
    }
    f->percent = percent;
    str_copy(f->text, sizeof(f->text), text);
    for (struct flight_waiter *w = f->waiters; w; w = w->next) {
        w->call->percent = percent;
        if (!w->left && w->call->on_line) {
            w->call->on_line(w->call, false, f->text, strlen(f->text));
        }
    }
}

/* Nobody waits for it any more: it is ended. Those who left are told now. */
static void on_leave(void *arg)
{
    struct flight *f = arg;
    struct error err = ERROR_INIT;
    struct flight_waiter *gone = NULL, **at = &f->waiters;
    error_set(&err, ERROR_CANCELED, "cancelled");
    while (*at) {
        struct flight_waiter *w = *at;
        if (w->left) {
            *at = w->next;
            w->next = gone;
            gone = w;
        } else {
            at = &w->next;
        }
    }
    bool wanted = f->waiters != NULL;
    bool goes_on = true;
    if (!wanted) {
        unlink_flight(f);
        goes_on = f->abandon(f);
    }
    for (struct flight_waiter *w = gone, *next; w; w = next) {
        next = w->next;
        tell(w, &err);
    }
    if (!goes_on) {
        flight_drop(f);
    }
}

void flight_leave(struct flight_list *list, const void *arg)
{
    for (struct flight *f = list->first; f; f = f->next) {
        for (struct flight_waiter *w = f->waiters; w; w = w->next) {
            if (w->arg == arg) {
                w->left = true;
                timer_start(f->leave, 0);
                return;
            }
        }
    }
}

void flight_join(struct flight *f, struct backend_call *call, flight_fn done, void *arg)
{
    struct flight_waiter *w = xcalloc(1, sizeof(*w));
    *w = (struct flight_waiter){.call = call, .done = done, .arg = arg, .next = f->waiters};
    f->waiters = w;
    call->percent = f->percent;
    if (f->text[0] != '\0' && call->on_line) {
        call->on_line(call, false, f->text, strlen(f->text));
    }
}

void flight_init(struct flight *f, struct flight_list *list, struct loop *loop, const char *ref)
{
    f->list = list;
    f->ref = xstrdup(ref);
    f->percent = -1;
    f->leave = timer_new(loop, on_leave, f);
    f->next = list->first;
    list->first = f;
}

void flight_abandon_all(struct flight_list *list)
{
    while (list->first) {
        struct flight *f = list->first;
        unlink_flight(f);
        if (!f->abandon(f)) {
            flight_drop(f);
        }
    }
}
