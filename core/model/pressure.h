/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_PRESSURE_H
#define MT_CORE_MODEL_PRESSURE_H

/* How full the context of an agent is, as far as that can be known from outside. No server tells who is in a slot, so
 * this is worked out from what is seen: which agents run in sandboxes that use the endpoint, whether their screens
 * move, how many connections their sandboxes have to it (where the system tells), which slots are busy, how full each
 * is.
 *
 * PRESSURE_MATCHED is said of an agent only when no other agent that is known can be the one:
 * - the server has one slot, and one agent uses the endpoint; or
 * - one slot is busy, and one agent can have set it to work: its sandbox has a connection to the endpoint, or, where
 *   connections are not known, its screen moves; and no sandbox without an agent has a connection either; or
 * - that was so when the slot was seen busy last, and since then nobody was seen in it: its context is still there.
 * Only while the endpoint is watched: what happens while nobody looks is not known, and nothing is concluded from it.
 * Clients outside of sandboxes are not seen: while such ones use the server too, a match can be wrong.
 * PRESSURE_FULLEST is everything else: the server's fullest slot (of those at work, if any is), perhaps not this
 * agent's. */

#include <stdbool.h>
#include <stdint.h>

#include "core/model/model.h"

enum pressure_how { PRESSURE_NONE, PRESSURE_MATCHED, PRESSURE_FULLEST };
struct pressure {
    enum pressure_how how;
    int slot; /* id of the slot when matched */
    uint64_t used, window;
    int percent; /* 0-100 */
};

/* Of a running agent whose endpoint tells of its slots; NONE for everything else, and while no slot holds anything. */
void pressure_of(const struct model *m, const struct session_info *s, struct pressure *out);

#endif
