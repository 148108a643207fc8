/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_FLIGHT_H
#define MT_BACKENDS_FLIGHT_H

/* Work that several calls may wait for (S13: pulls and builds): it is known by the reference that it makes; whoever
 * asks for the same waits for the same, and it is ended when nobody waits any more. A `struct flight` is the first
 * member of a backend's own job. */

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/backend.h"

struct flight;
struct flight_waiter;

struct flight_list {
    struct flight *first;
};

/* Called once when the work is over, or with CANCELED after flight_leave; never inside the call that joined. */
typedef void (*flight_fn)(void *arg, const struct error *err);

struct flight {
    struct flight_list *list; /* NULL: nobody can join it any more */
    char *ref;
    int percent;
    char text[200];
    struct flight_waiter *waiters;
    struct timer *leave;               /* those who left are told on the next turn */
    bool (*abandon)(struct flight *f); /* ends the work. True: flight_end follows; false: it is over already */
    void (*release)(struct flight *f); /* frees the job, after what is here was released */
    struct flight *next;
};

/* The one that makes `ref`, or NULL. */
struct flight *flight_find(const struct flight_list *list, const char *ref);
/* Into the list; abandon and release are set already, the rest is not. */
void flight_init(struct flight *f, struct flight_list *list, struct loop *loop, const char *ref);
/* Nothing was begun: out of the list, and released. Nobody waits. */
void flight_drop(struct flight *f);
/* `call` gets its progress from now on, and `done` its end. */
void flight_join(struct flight *f, struct backend_call *call, flight_fn done, void *arg);
/* Who joined with `arg` does not wait any more: its done follows on the next turn. */
void flight_leave(struct flight_list *list, const void *arg);
/* How far it is, to all who wait. */
void flight_progress(struct flight *f, const char *text, int percent);
/* It is over, for all; releases it. */
void flight_end(struct flight *f, const struct error *err);
/* The backend goes, nobody waits any more: all work is abandoned. */
void flight_abandon_all(struct flight_list *list);

#endif
