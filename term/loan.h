/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_LOAN_H
#define MT_TERM_LOAN_H

/* The outer terminal, lent by a cockpit for one echo. A key's echo comes to the session's host first; until the cockpit
 * has been woken, has taken the frame and drawn it, a third of the time that a person waits has passed. So with each
 * key the cockpit offers the place of the program's screen on its terminal, and the host may write there, once, what
 * the key has changed in the cursor's row. It sends its frame as ever: the cockpit finds that there is nothing left to
 * draw.
 *
 * One of the two writes at a time. The cockpit ends the loan before it writes a byte of its own, and learns what was
 * drawn; the host takes it before it writes, and is through in a moment, or was killed: then the cockpit goes on all
 * the same, and draws everything anew, once more when the host turns out to have been late. What each finds in the
 * shared page is checked, never trusted.
 *
 * The host keeps the terminal open until the cockpit has told it otherwise or has gone: a host that does not run then
 * keeps it from hanging up, for whoever waits for that rather than for the cockpit's end.
 *
 * Offers end by themselves after LOAN_MS: a cockpit that was killed with a key on its way does not leave its terminal
 * to a program that speaks up later. */

#include <stdbool.h>
#include <stdint.h>

#define LOAN_MS 250
#define LOAN_CELLS_MAX 64 /* in an echo */
#define LOAN_PEN_MAX 80
#define LOAN_PENS 2
#define LOAN_SIDE_MAX 4096 /* columns and rows of a terminal */

/* How cells of one look are written: `bytes` lead there from the terminal's default pen. */
struct loan_pen {
    uint32_t fg, bg; /* as in the program's cells (term/cell.h) */
    uint16_t attrs;
    uint8_t len;
    char bytes[LOAN_PEN_MAX];
};

struct loan_offer {
    uint64_t until_ms; /* monotonic */
    int32_t x, y;      /* of the first cell of the program's screen on the terminal, from 0 */
    int32_t cols, rows;
    uint32_t pens; /* how many */
    struct loan_pen pen[LOAN_PENS];
};

/* What the host has drawn, in cells of the program's screen: printable ASCII of one pen, and where the cursor is now.
 */
struct loan_drawn {
    int32_t row, col, count;
    int32_t cursor; /* column, in the same row */
    uint32_t pen;
    char text[LOAN_CELLS_MAX];
};

struct loan;

/* --- the cockpit's side --- */
/* NULL: this system has none. `*fd` is the host's, to be sent and closed. */
struct loan *loan_new(int *fd);
/* Another one holds it, and will drop it: whoever made an offer ends it, also when the session has gone meanwhile. */
struct loan *loan_hold(struct loan *l);
/* Let go by one of those who hold it. */
void loan_drop(struct loan *l); /* NULL allowed */
/* What is going to be offered; its time does not matter yet. Only while nothing is. */
void loan_prepare(struct loan *l, const struct loan_offer *offer);
/* From now on the host may write, until loan_end, and no longer than LOAN_MS. Only after loan_prepare, and not again
 * before loan_end. It costs next to nothing: a key waits for it. */
void loan_make_offer(struct loan *l, uint64_t now_ms);
enum loan_end {
    LOAN_UNUSED, /* nothing was written */
    LOAN_DRAWN,  /* what `*drawn` says, which was checked against the offer */
    LOAN_BROKEN, /* nobody knows: the host wrote a part, or lies */
    LOAN_LATE,   /* nor did it come back: it died, or does not run, and writes when it does */
};
/* Afterwards the host writes nothing, but for LOAN_LATE. */
enum loan_end loan_end(struct loan *l, struct loan_drawn *drawn);
/* After LOAN_LATE, before it is offered again: LOAN_LATE, it has not come back yet; LOAN_BROKEN, it has
 * written, over whatever stands there now; LOAN_UNUSED, it has not. */
enum loan_end loan_settle(struct loan *l);
/* For a signal handler, which may find the memory of this process damaged: what it passes on to loan_withdraw, as long
 * as the loan is held. */
void *loan_word(struct loan *l);
/* From now on the host writes nothing, unless it does not run. Async-signal-safe; what was drawn is of no interest. */
void loan_withdraw(void *word);

/* --- the host's side; loan_drop ends it --- */
/* NULL: the descriptor, which stays the caller's, is not one. */
struct loan *loan_open(int fd);
/* Is there an offer? A look, no more. */
bool loan_is_offered(const struct loan *l);
/* Takes it: until one of the next two the cockpit writes nothing. False: there is none, or its time is over. */
bool loan_take(struct loan *l, struct loan_offer *offer, uint64_t now_ms);
/* Nothing was written: it stands as before. */
void loan_give_back(struct loan *l);
/* It was used. NULL: only a part was written. */
void loan_use(struct loan *l, const struct loan_drawn *drawn);

#endif
