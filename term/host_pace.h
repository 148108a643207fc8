/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_PACE_H
#define MT_TERM_HOST_PACE_H

/* Inside a host: a session that floods lets those go first that somebody types into. As a rule it gets through as much
 * as before, in longer pieces (core/io/pace). While somebody types elsewhere it reads a little at a time and rests in
 * between, in which its program waits, too: some 1.6 MB a second remain, and a processor is free for the key, its
 * program, and all that passes it on. Even a scheduler that knows who is waited for does not help here: the
 * kernel's own threads, which carry a terminal's bytes, and the programs are none of ours. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_pace {
    uint64_t since_ms; /* when counting began */
    size_t bytes;      /* of output since then */
    bool bulk;
    uint64_t yield_ms; /* somebody types elsewhere until then; 0: nobody */
};

/* Once the program runs. */
void host_pace_init(struct host_pace *p, uint64_t now_ms);
/* The program has written so much. The ms to leave its terminal alone now; 0: go on. */
unsigned host_pace_output(struct host_pace *p, size_t len, uint64_t now_ms);
/* Somebody types into it: its answer is waited for, whatever else it writes. */
void host_pace_typed(struct host_pace *p, uint64_t now_ms);
/* Somebody types into another session. */
void host_pace_yield(struct host_pace *p, uint64_t now_ms);
/* It floods, and takes its time because of that. */
bool host_pace_yields(const struct host_pace *p, uint64_t now_ms);

#endif
