/* SPDX-License-Identifier: Apache-2.0 */
/* The event bus of model.h: a list of subscribers and a queue of events that subscribers published while others were
 * still being told. */
#include <stdlib.h>

#include "core/model/model.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"

struct bus_sub {
    bus_fn fn;
    void *arg;
    bool dead;           /* unsubscribed during a dispatch: swept when it ends */
    uint64_t generation; /* of the dispatch during which it was added: it hears only later events */
    struct bus_sub *next;
};

struct queued {
    struct model_event ev;
    struct queued *next;
};

struct bus {
    struct bus_sub *first;
    struct queued *head, *tail;
    uint64_t generation;
    bool dispatching;
};

struct bus *bus_new(void)
{
    return xcalloc(1, sizeof(struct bus));
}

/* Frees subscribers: all of them, or only the dead ones. */
static void sweep(struct bus *b, bool all)
{
    struct bus_sub **at = &b->first;
    while (*at != NULL) {
        struct bus_sub *sub = *at;
        if (all || sub->dead) {
            *at = sub->next;
            free(sub);
        } else {
            at = &sub->next;
        }
    }
}

void bus_free(struct bus *b)
{
    if (b == NULL) {
        return;
    }
    if (b->dispatching) {
        MT_BUG("bus freed by one of its subscribers");
    }
    sweep(b, true);
    free(b);
}

struct bus_sub *bus_subscribe(struct bus *b, bus_fn fn, void *arg)
{
    struct bus_sub *sub = xcalloc(1, sizeof(*sub));
    sub->fn = fn;
    sub->arg = arg;
    sub->generation = b->generation;
    struct bus_sub **at = &b->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = sub;
    return sub;
}

void bus_unsubscribe(struct bus *b, struct bus_sub *sub)
{
    if (sub == NULL) {
        return;
    }
    sub->dead = true;
    if (!b->dispatching) {
        sweep(b, false);
    }
}

/* Tells every subscriber that was there before this event. */
static void dispatch(struct bus *b, const struct model_event *ev)
{
    uint64_t generation = ++b->generation;
    for (struct bus_sub *sub = b->first; sub != NULL; sub = sub->next) {
        if (!sub->dead && sub->generation < generation) {
            sub->fn(sub->arg, ev);
        }
    }
}

void bus_publish(struct bus *b, const struct model_event *ev)
{
    struct queued *q = xcalloc(1, sizeof(*q));
    q->ev = *ev;
    if (b->tail != NULL) {
        b->tail->next = q;
    } else {
        b->head = q;
    }
    b->tail = q;
    if (b->dispatching) {
        return;
    }
    b->dispatching = true;
    while (b->head != NULL) {
        q = b->head;
        b->head = q->next;
        if (b->head == NULL) {
            b->tail = NULL;
        }
        dispatch(b, &q->ev);
        free(q);
    }
    b->dispatching = false;
    sweep(b, false);
}
