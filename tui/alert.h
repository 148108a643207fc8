/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_ALERT_H
#define MT_TUI_ALERT_H

/* What the outer terminal is told when a session wants a person: whether it is, once for each change of state, and the
 * bytes. Pure: no drawing, no clock of its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/session.h"
#include "core/util/strbuf.h"

struct alert_told {
    char id[SESSION_ID_MAX];
    uint64_t since_ms; /* of the call that was told */
    uint64_t told_ms;
};

struct alerts {
    struct alert_told *v;
    size_t count;
    uint64_t begin_wall_ms; /* calls from before it are not told: they are on the screen from the start */
};

/* Does this session call for a person as it did not before? True at most once for each state that it enters, and every
 * three seconds: a program that rings again and again is heard once. */
bool alert_is_due(struct alerts *a, const struct session_info *s, uint64_t wall_ms);
void alert_forget(struct alerts *a, const char *id);
void alert_release(struct alerts *a);

/* Appends what rings (`bell`) and what notifies: `notify` is off, osc9, osc777 or osc99 (attention.notify). `where` and
 * `text` may hold anything: what is no text is left out. */
void alert_bytes(struct strbuf *out, bool bell, const char *notify, const char *where, const char *text);

#endif
