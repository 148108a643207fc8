/* SPDX-License-Identifier: Apache-2.0 */
#include "term/loan.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/io/page.h"
#include "core/util/clock.h"
#include "core/util/xmalloc.h"

#define PATIENCE_MS 5 /* a host that is about to write is through in microseconds, unless it cannot run */
#define LOOKS_MAX 16
#define WITHDRAW_LOOKS 1000

enum loan_state {
    STATE_NONE,    /* nothing is offered; the page is the cockpit's */
    STATE_OFFERED, /* nobody's: taken back or taken */
    STATE_TAKEN,   /* the host's */
    STATE_DRAWN,   /* the cockpit's again */
    STATE_BROKEN,
    STATE_LATE, /* the host's, which kept the cockpit waiting too long */
};

/* What the two share. */
struct loan_page {
    _Atomic uint32_t state; /* enum loan_state */
    struct loan_offer offer;
    struct loan_drawn drawn;
};
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "the page's state is no lock that a process could die with");

struct loan {
    struct loan_page *page;
    struct loan_offer offered; /* the lender's own copy: the page may say anything by the time it is compared */
    unsigned holders;
};

static struct loan *wrap(void *page)
{
    struct loan *l = page != NULL ? xcalloc(1, sizeof(*l)) : NULL;

    if (l != NULL) {
        l->page = page;
        l->holders = 1;
    }
    return l;
}

struct loan *loan_new(int *fd)
{
    return wrap(page_new(sizeof(struct loan_page), fd));
}

struct loan *loan_open(int fd)
{
    return wrap(page_map(fd, sizeof(struct loan_page)));
}

struct loan *loan_hold(struct loan *l)
{
    l->holders++;
    return l;
}

void loan_drop(struct loan *l)
{
    if (l != NULL && --l->holders == 0) {
        page_unmap(l->page, sizeof(*l->page));
        free(l);
    }
}

/* From one state to another; false: it was not in the first. */
static bool move(struct loan *l, enum loan_state from, enum loan_state to)
{
    uint32_t was = from;

    return atomic_compare_exchange_strong(&l->page->state, &was, to);
}

/* --- the cockpit's side --- */

void loan_prepare(struct loan *l, const struct loan_offer *offer)
{
    l->offered = *offer;
    l->page->offer = *offer;
}

void loan_make_offer(struct loan *l, uint64_t now_ms)
{
    l->page->offer.until_ms = now_ms + LOAN_MS;
    atomic_store(&l->page->state, STATE_OFFERED);
}

/* Could the host have drawn that, as it was allowed to? */
static bool is_sound(const struct loan_offer *o, const struct loan_drawn *d)
{
    if (d->row < 0 || d->row >= o->rows || d->cursor < 0 || d->cursor >= o->cols || d->count < 0 ||
        d->count > LOAN_CELLS_MAX || d->col < 0 || d->col > o->cols - d->count || d->pen >= o->pens) {
        return false;
    }
    for (int i = 0; i < d->count; i++) {
        if (d->text[i] < 0x20 || d->text[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* Waits until the host is through. */
static uint32_t wait_for_host(struct loan *l)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    uint32_t state = atomic_load(&l->page->state);

    while (state == STATE_TAKEN && clock_mono_ms() <= until) {
        sched_yield();
        state = atomic_load(&l->page->state);
    }
    return state;
}

enum loan_end loan_end(struct loan *l, struct loan_drawn *drawn)
{
    uint32_t state = STATE_OFFERED;

    for (int i = 0; i < LOOKS_MAX && state == STATE_OFFERED; i++) { /* it may look, and give it back */
        if (move(l, STATE_OFFERED, STATE_NONE)) {
            return LOAN_UNUSED;
        }
        state = wait_for_host(l);
    }
    if (move(l, STATE_TAKEN, STATE_LATE)) {
        return LOAN_LATE;
    }
    state = atomic_exchange(&l->page->state, STATE_NONE);
    *drawn = l->page->drawn;
    return state == STATE_DRAWN && is_sound(&l->offered, drawn) ? LOAN_DRAWN : LOAN_BROKEN;
}

enum loan_end loan_settle(struct loan *l)
{
    if (atomic_load(&l->page->state) == STATE_LATE) {
        return LOAN_LATE;
    }
    return atomic_exchange(&l->page->state, STATE_NONE) == STATE_NONE ? LOAN_UNUSED : LOAN_BROKEN;
}

void *loan_word(struct loan *l)
{
    return &l->page->state;
}

void loan_withdraw(void *word)
{
    _Atomic uint32_t *state = word;
    uint32_t was = STATE_OFFERED;

    for (int i = 0; i < WITHDRAW_LOOKS && !atomic_compare_exchange_strong(state, &was, STATE_NONE); i++) {
        if (was != STATE_TAKEN && was != STATE_OFFERED) {
            return;
        }
        was = STATE_OFFERED;
        (void)sched_yield();
    }
}

/* --- the host's side --- */

bool loan_is_offered(const struct loan *l)
{
    return atomic_load(&l->page->state) == STATE_OFFERED;
}

/* Is it one that makes sense, wherever it came from? */
static bool is_offer(const struct loan_offer *o)
{
    bool sound = o->pens <= LOAN_PENS && o->x >= 0 && o->x <= LOAN_SIDE_MAX && o->y >= 0 && o->y <= LOAN_SIDE_MAX;

    for (uint32_t i = 0; sound && i < o->pens; i++) {
        sound = o->pen[i].len <= LOAN_PEN_MAX;
    }
    return sound;
}

bool loan_take(struct loan *l, struct loan_offer *offer, uint64_t now_ms)
{
    if (!move(l, STATE_OFFERED, STATE_TAKEN)) {
        return false;
    }
    *offer = l->page->offer;
    if (now_ms > offer->until_ms || !is_offer(offer)) {
        loan_give_back(l);
        return false;
    }
    return true;
}

void loan_give_back(struct loan *l)
{
    if (!move(l, STATE_TAKEN, STATE_OFFERED)) {
        (void)move(l, STATE_LATE, STATE_NONE);
    }
}

void loan_use(struct loan *l, const struct loan_drawn *drawn)
{
    if (drawn != NULL) {
        l->page->drawn = *drawn;
    }
    if (!move(l, STATE_TAKEN, drawn != NULL ? STATE_DRAWN : STATE_BROKEN)) {
        (void)move(l, STATE_LATE, STATE_BROKEN);
    }
}
