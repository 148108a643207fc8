/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PTY_PRIVATE_H
#define MT_CORE_IO_PTY_PRIVATE_H

/* What pty.c and pty_handover.c share. For them only. */

#include <sys/ioctl.h>

#include "core/io/loop_private.h"
#include "core/io/pty.h"
#include "core/util/strbuf.h"

struct pty {
    struct loop *loop;
    struct watch *watch;
    struct signal_watch *sigchld;
    struct timer
        *drain; /* after the exit: the end of waiting; before it: the terminal has no user just now, look again */
    struct timer *terminate; /* the next, harder signal */
    struct timer *retry;     /* see update_watch */
    int retries;             /* without a byte taken since */
    struct loop_orphan orphan;
    struct pty_opts o; /* callbacks and budget only; the pointers to argv, env and cwd are cleared */
    void (*on_drain)(void *arg);
    void *drain_arg;
    struct strbuf queue;
    size_t queue_off;
    char *block;
    /* A child that may hand over another terminal (core/io/handover.h) does so on `offer`; until then what is typed
     * waits. Afterwards `master` is that terminal's, and `lifeline` tells how its program fares. -1: none. */
    struct watch *side_watch; /* of the one or the other */
    int offer, lifeline;
    unsigned serial; /* of the terminal */
    size_t late;     /* bytes read after the end */
    int gone_code;
    char gone_text[120];
    struct winsize size;
    int master;
    int child;      /* what we started and reap */
    int pid;        /* the program on the terminal: the child, unless it handed over */
    int last_group; /* the foreground group when it was last signalled: unknown once the leader has gone */
    int status;
    int next_signal; /* of pty_terminate */
    bool reaped;     /* the child */
    bool ended;      /* the program */
    bool eof, paused, terminating, told, closed;
};

/* Closes a descriptor that may be none. */
void pty_shut_fd(int *fd);
/* watch callback of the master. */
void pty_on_ready(void *arg, int events);
/* What waits goes on; tells when nothing does any more. */
void pty_write_some(struct pty *p);
/* The program is over: what it wrote is still read, also when it had closed the terminal before. */
void pty_ended(struct pty *p);

/* --- pty_handover.c --- */

/* Watches a new descriptor beside the terminal. */
int pty_watch_side(struct pty *p, int fd, watch_fn fn, struct error *err);
/* Nothing more is expected beside the terminal. */
void pty_shut_side(struct pty *p);
/* watch callback of the offer: taken or refused, what was typed meanwhile goes on. */
void pty_on_offer(void *arg, int events);

#endif
