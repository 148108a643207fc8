/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PACE_H
#define MT_CORE_IO_PACE_H

/* How this process would have its share of the processors, which stays the same size: soon and in short pieces, as one
 * that is waited for at the keyboard, or in one go, as one that works through much. A hint: where the system does not
 * know such a thing, or somebody has chosen a scheduling policy for us, nothing happens. What is started afterwards
 * gets the system's own default back. Linux only, privileges are not needed: SCHED_BATCH, and a time slice of our own
 * since 6.12 (sched_setattr(2), sched(7)). */

enum pace { PACE_PROMPT, PACE_BULK };

/* Of the calling thread. Costs two system calls: not for every byte. */
void pace_set(enum pace pace);

#endif
