/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_HANDOVER_H
#define MT_CORE_IO_HANDOVER_H

/* A program that would only carry bytes between the terminal it was started on and another one (of a sandbox) can give
 * the other one away instead, and end: nothing then stands between who started it (core/io/pty) and the program that
 * matters. Who starts it asks by HANDOVER_ENV=HANDOVER_WANTED in its environment; pty_start then passes a socket, whose
 * number replaces the word. Closing the socket without a packet is a no: the terminal stays the one it was started on.
 *
 * What is given: the master of the terminal, and a lifeline, a SOCK_SEQPACKET socket to whoever keeps the program. It
 * brings HANDOVER_EXIT when the program has ended, takes HANDOVER_SIGNAL, and when we close it the program is hung up.
 * Its end without a word means that the keeper, and so the program, is gone.
 *
 * Nothing that comes this way is trusted: the master must be one, packets are of one size. Linux only; elsewhere nobody
 * is ever asked. */

#include <stdbool.h>
#include <stdint.h>

#include "core/util/error.h"

#define HANDOVER_ENV "MUTHR_TUI_HANDOVER"
#define HANDOVER_WANTED "wanted"

/* On the lifeline. */
enum { HANDOVER_EXIT = 'X', HANDOVER_SIGNAL = 'S' };
struct handover_word {
    uint8_t type, pad[3];
    int32_t code; /* exit code (128 + signal), or signal for the program's process group */
};

struct handover {
    int master, lifeline;
    int gone_code;       /* what counts as exit code when the lifeline ends without a word */
    char gone_text[120]; /* and what is told then */
};

/* --- the side that starts the program (core/io/pty) --- */
/* A pair for an offer, both CLOEXEC; ours[0] is non-blocking. -1 and errno: nothing can be offered. */
int handover_pair(int fds[2]);
/* 1: *out is ours, both descriptors CLOEXEC and non-blocking; 0: nothing said yet; -1: refused, or not usable. */
int handover_take(int offer, struct handover *out);

/* --- the program's side --- */
/* The socket that it was started with, CLOEXEC, or -1. The environment forgets it. */
int handover_offered(void);
/* Gives both away; they stay open here. */
int handover_give(int offer, const struct handover *h, struct error *err);

/* True for the master of a pseudo-terminal. */
bool handover_is_master(int fd);

#endif
