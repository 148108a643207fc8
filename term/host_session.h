/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_SESSION_H
#define MT_TERM_HOST_SESSION_H

/* Inside a host: one program on one pty, its terminal, its attention, its log, its socket, and the viewers attached
 * (term/viewer). Only the files host*.c and viewer*.c know this struct. No timer runs while nothing happens. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/io/loop.h"
#include "core/io/pty.h"
#include "core/io/sock.h"
#include "term/host_pace.h"
#include "term/logfile.h"
#include "term/pulse.h"
#include "term/session_spec.h"
#include "term/vt.h"

#define HOST_SIGNALS 3

struct host_task;
struct rules;
struct viewer;

struct host_session {
    struct loop *loop;
    const struct session_spec_data *spec;
    struct session_info info;
    char *sock_path;
    struct sock_server *server;
    struct dirwatch *dirwatch;
    struct signal_watch *signals[HOST_SIGNALS];
    struct pty *pty; /* NULL once the program has ended, and between the runs of a task */
    struct vt *vt;
    struct pulse *pulse;
    struct rules *rules;             /* for the program's screen; NULL: none */
    struct rules_programs *programs; /* by which another program than the label's is known; NULL: it has rules */
    char known[64];                  /* the program that they are for; "": the label's */
    struct {
        int group, looks; /* in the foreground of the terminal, and how often it was looked at */
        uint64_t looked_ms;
        bool shell;    /* a shell at its prompt */
        char name[64]; /* that has rules; "": none */
    } front;
    struct {
        int group, looks;
        uint64_t looked_ms;
    } running; /* in the foreground: term/host_front.h */
    struct dirwatch *rules_watch;
    struct logfile *log;
    struct host_task *task; /* NULL: no task */
    mode_t program_umask;
    struct timer *frame_timer; /* for frames held back by the frame limit or by synchronized output */
    struct timer *tick_timer;  /* for attention and metadata that are due later */
    struct timer *rest_timer;  /* the terminal is not read from until then: see term/host_pace.h */
    uint64_t tick_at;          /* when tick_timer is set for; 0 = not */
    struct host_pace pace;
    struct viewer *viewers; /* list */
    size_t viewer_count;
    uint64_t view_seq; /* grows with each start of viewing and each input: the greatest viewer's size counts */
    uint64_t meta_sent_ms;
    uint64_t called_ms; /* since when it wants a person, monotonic, as it was told last */
    bool meta_dirty, meta_urgent;
    bool feeding;  /* the terminal is being fed: its callbacks only take notes */
    bool killed;   /* a person ended it: not a failure */
    bool stopping; /* the host goes when the program has ended */
    bool stopped;
};

/* Runs until the host is done. `ready` is called once: err NULL when the program runs and the socket serves; otherwise
 * the return follows. */
int host_session_run(const struct session_spec_data *spec, mode_t program_umask,
                     void (*ready)(void *arg, const struct error *err), void *arg);

/* --- for host_task.c --- */
/* Its program, written down, on a new terminal. */
int host_session_start_program(struct host_session *h, struct error *err);
/* A line of ours on the screen, below what is there, and in the log: the program is not there any more. */
void host_session_say(struct host_session *h, const char *text);
/* The session has ended. */
void host_session_over(struct host_session *h, int code, int signum);

/* --- for viewer.c --- */
/* Bytes for the program; returns how many were taken (all of them when it has ended). */
size_t host_session_input(struct host_session *h, const void *data, size_t len);
/* The same for bytes that a viewer gives to the program itself. */
void host_session_typed(struct host_session *h, const void *data, size_t len);
/* Somebody types into another session. */
void host_session_yield(struct host_session *h);
/* Chooses the size of the viewer that counts. */
void host_session_fit(struct host_session *h);
/* Sends frames that are due, and sets the timer for those that are not. */
void host_session_flush(struct host_session *h);
/* Metadata changed: told at once when urgent, else at most once a second. */
void host_session_changed(struct host_session *h, bool urgent);
void host_session_kill(struct host_session *h);
/* The terminal as new, as a person asked for: its program had left it in a strange state. */
void host_session_reset(struct host_session *h);
/* The end was seen. -1 with BUSY while the program runs. */
int host_session_dismiss(struct host_session *h, struct error *err);

#endif
