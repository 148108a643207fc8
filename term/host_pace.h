/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_PACE_H
#define MT_TERM_HOST_PACE_H

/* Inside a host: a session that floods lets those go first that somebody types into (core/io/pace). It gets through as
 * much as before, in longer pieces. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_pace {
    uint64_t since_ms; /* when counting began */
    size_t bytes;      /* of output since then */
    bool bulk;
};

/* Once the program runs. */
void host_pace_init(struct host_pace *p, uint64_t now_ms);
/* The program has written so much. */
void host_pace_output(struct host_pace *p, size_t len, uint64_t now_ms);
/* Somebody types into it: its answer is waited for, whatever else it writes. */
void host_pace_typed(struct host_pace *p, uint64_t now_ms);

#endif
