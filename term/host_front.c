/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_front.h"

#include <string.h>

#include "core/io/procgroup.h"
#include "core/util/clock.h"
#include "term/host_session.h"

#define LOOKS_MAX                                                                                                      \
    5 /* one after the other at a process group: a shell's child has its name before it runs the program */
#define AGAIN_MS 3000 /* then no sooner than this: a script may run one program after the other in it */

void host_front_follow(struct host_session *h)
{
    struct session_info *i = &h->info;
    int group = h->pty != NULL ? pty_group(h->pty) : 0;
    uint64_t now = clock_mono_ms();

    if (i->kind != SESSION_SHELL || i->command[0] != '\0') {
        return; /* its label says what it runs */
    }
    if (group != h->running.group) {
        h->running.group = group;
        h->running.looks = 0;
    }
    if (group == 0 || group == pty_pid(h->pty)) { /* what was started itself: the shell, or what leads to it */
        i->front[0] = '\0';
        return;
    }
    if (h->running.looks >= LOOKS_MAX && now < h->running.looked_ms + AGAIN_MS) {
        return;
    }
    h->running.looks++;
    h->running.looked_ms = now;
    procgroup_name(group, 0, i->front, sizeof(i->front));
}
