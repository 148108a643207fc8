/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_LIFE_H
#define MT_BACKENDS_CONTAINER_LIFE_H

/* How long START, STOP, DELETE and LOGS wait for what lasts. */

#include <stdint.h>

struct ctr_patience {
    uint64_t stop_slack_ms; /* on top of the grace: the virtual machine goes down */
    uint64_t settle_ms;     /* "stopping" lasts no longer */
    uint64_t again_ms;      /* between two looks */
    uint64_t log_look_ms;   /* the same while a log is followed */
};
/* What they go by. Written by tests only, before a backend is opened. */
extern struct ctr_patience ctr_life_patience;

#endif
