/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_SEAT_PRIVATE_H
#define MT_BACKENDS_SEATBELT_SEAT_PRIVATE_H

/* Inside of the supervisor, shared by seat.c (running) and seat_start.c (getting there). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/process/state.h"
#include "backends/seatbelt/seat.h"
#include "core/util/strbuf.h"

#define SEAT_END_LIMIT_MS 3000

struct seat {
    const struct paths *paths;
    const char *root;
    char id[STATE_ID_MAX + 1];
    char *dir;
    struct state_config config;
    struct state_status status;
    struct strbuf mark;
    int ready_fd, guard_fd, port_fd;
    int leash_fd;       /* the main process reads its other end, and ends with us */
    int out_fd, err_fd; /* what it says */
    pid_t main;
    bool abandoned, stopping, killed;
    uint64_t kill_at_ms, grace_ms, tidy_at_ms;
};

/* Brings the sandbox up, from the state folder to a main process that answers. On failure everything made so far is
 * left for the caller to tear down. CANCELED when whoever asked has gone away. */
int seat_start(struct seat *s, struct error *err);
int seat_record(struct seat *s, const char *phase, struct error *err);
/* Leftovers of a run that crashed, by what it had written down. Nothing of another boot. */
void seat_end_recorded(const char *dir, const struct state_status *st);
void seat_close(int *fd);

#endif
