/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_VIEWER_PRIV_H
#define MT_TERM_VIEWER_PRIV_H

/* Behind term/viewer.h: one client of a host in three files. viewer.c is its connection, its messages and its input,
 * viewer_frame.c what it is sent of the screen, viewer_echo.c what is drawn for it. Nobody else includes this. */

#include "core/util/strbuf.h"
#include "term/loan.h"
#include "term/proto.h"
#include "term/viewer.h"

#define VIEWER_FRAMES 4 /* frames in hand, so that start-up and Ctrl-C are not a frame late */
#define DIRTY_WORDS ((PROTO_MAX_ROWS + 63) / 64)

struct questions;

struct viewer {
    struct host_session *host;
    struct sock *sock;
    struct viewer *next;
    bool greeted;
    bool viewing;
    int cols, rows;
    uint64_t seq;
    bool credit;      /* it took the last frame */
    bool touched;     /* something may have changed since the last frame */
    bool key_pending; /* it typed: the next output goes at once */
    bool meta_owed;
    bool paused;
    int tokens;
    uint64_t token_ms;
    uint64_t key_ms, sent_ms; /* of its last key, of the last frame */
    uint64_t dirty[DIRTY_WORDS];
    struct strbuf last_head; /* of the last frame: a frame without rows is sent only when this differs */
    int last_col;            /* of the cursor, in that frame */
    struct strbuf input;     /* taken from the client, not yet by the pty */
    uint32_t extras_told;    /* serial of the newest it knows */
    bool acks_each;          /* it waits for the last byte of its input */
    bool shares;             /* it has the terminal, and types into it directly */
    unsigned serial;         /* of that terminal */
    int notes;               /* where it leaves word of what it typed (core/io/aside.h); -1: nowhere */
    struct loan *loan;       /* of its terminal; NULL: it lends none */
    int outer;               /* that terminal; -1: none */
    size_t unacknowledged;   /* input that went on, of which the client was not told yet */
    struct questions *questions;
    struct vt_point points[PROTO_POINTS_MAX]; /* to be kept when the size changes */
    size_t npoints;
};

/* Sends a message built in a buffer. */
void viewer_send(struct viewer *v, enum proto_type type, const struct strbuf *b);

/* --- viewer_frame.c --- */
/* The screen but for its rows. */
void viewer_screen(const struct host_session *h, struct proto_screen *s);
/* Tells addresses and underline colours that the viewer does not know yet. Before the rows that have them. */
void viewer_send_extras(struct viewer *v);

/* --- viewer_echo.c --- */
/* The viewer lends its terminal: the page, then the terminal itself. */
void viewer_on_loan(struct viewer *v);
void viewer_on_outer_terminal(struct viewer *v);
/* It does not, any more. */
void viewer_drop_loan(struct viewer *v);
/* What is about to be sent is the echo of a key: draws it, if it can. */
void viewer_echo(struct viewer *v, const struct proto_screen *s, uint64_t now_ms);

#endif
