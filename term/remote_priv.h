/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_REMOTE_PRIV_H
#define MT_TERM_REMOTE_PRIV_H

/* Behind term/remote.h: one connection in four files. remote.c is its life, its messages and viewing, remote_input.c
 * what is typed, remote_questions.c what the host is asked, remote_answer.c whether it answers at all. Nobody else
 * includes this. */

#include "core/io/loop.h"
#include "core/io/sock.h"
#include "core/util/strbuf.h"
#include "term/loan.h"
#include "term/proto.h"
#include "term/remote.h"

struct request;

struct remote {
    struct sock *sock;
    struct remote_events ev;
    void *arg;
    struct session_info info;
    bool greeted, ready, announced;
    int version;      /* of the protocol that both speak */
    char program[32]; /* version of the host's program */
    struct mirror mirror;
    bool viewing, credit_owed;
    struct proto_size size; /* asked for */
    struct extra_table extras;
    struct strbuf input; /* not yet sent, behind what is */
    size_t input_sent;   /* bytes at its beginning that are */
    size_t in_flight;    /* sent, not yet acknowledged */
    void (*taken)(void *arg, size_t left);
    void *taken_arg;
    int terminal;        /* to type into directly while nothing is in flight; -1: none */
    int notes;           /* where the host may be told of what is typed without being woken; -1: none */
    int outer;           /* terminal that may be lent to the host, not ours; -1: none */
    struct loan *loan;   /* by which it is; NULL: it is not */
    struct timer *later; /* `credit_due` and `noted` are sent then */
    bool credit_due;     /* the frame was taken: told when it has been painted */
    bool noted;          /* there may be notes that the host has not looked at */
    bool by_host;        /* something was said that what is typed next must not overtake: that goes by the host, too */
    bool followed;       /* and is on its way */
    struct {
        struct timer *timer; /* only while an answer is due */
        uint64_t asked_ms;   /* wall */
        bool heard, pinged;  /* since then */
    } answer;
    struct request *requests;
    uint32_t next_request;
    sessions_kept_fn kept; /* wants to know where the places are that it keeps */
    void *kept_arg;
};

/* Sends a message built in a buffer. */
void remote_send(struct remote *r, enum proto_type type, const struct strbuf *b);
/* What is typed from now on comes after what was just said. */
void remote_keep_order(struct remote *r);
/* UNAVAILABLE: its host does not know that message. Returns -1. */
int remote_too_old(const struct remote *r, struct error *err);

/* --- remote_input.c --- */
/* The terminal is over, or not for us any more: kept open it would not hang up. */
void remote_drop_terminal(struct remote *r);
/* Nor is word to be left any more. */
void remote_drop_notes(struct remote *r);
/* Nor is ours lent any more. */
void remote_drop_loan(struct remote *r);
/* The host gives its terminal away for us to type into, and a place for notes. */
void remote_on_terminal(struct remote *r);
void remote_on_notes(struct remote *r);
/* The host says how much of what it was sent has gone on. PARSE when it says nothing that makes sense. */
int remote_on_ack(struct remote *r, const uint8_t *data, size_t len, struct error *err);

/* --- remote_answer.c --- */
/* Something was asked of the host, and it has said something. */
void remote_asked(struct remote *r);
void remote_heard(struct remote *r);
/* timer callback */
void remote_on_answer_due(void *arg);

/* --- remote_questions.c --- */
/* Answers. PARSE: malformed, or nobody asked. The callbacks come last, the remote may be gone after them. */
int remote_on_looked(struct remote *r, const uint8_t *data, size_t len, struct error *err);
int remote_on_lines(struct remote *r, const uint8_t *data, size_t len, struct error *err);
int remote_on_found(struct remote *r, const uint8_t *data, size_t len, struct error *err);
int remote_on_kept(struct remote *r, const uint8_t *data, size_t len, struct error *err);
/* The connection ends: whatever waits is answered with the error. */
void remote_answer_all(struct remote *r, const struct error *err);

#endif
