/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_MIRROR_H
#define MT_TERM_MIRROR_H

/* The cockpit's copy of one viewed session's screen, kept up to date by the host's frames. A frame that cannot be right
 * changes nothing of what matters: the caller ends the connection. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "term/client.h"

struct proto_screen;

struct mirror {
    struct session_screen screen;
    struct cell *cells;            /* rows * cols */
    bool *wrapped;                 /* rows */
    uint64_t *dirty;               /* a bit a row */
    bool valid;                    /* a frame has arrived */
    struct cluster_table clusters; /* of its cells */
};

void mirror_init(struct mirror *m);
void mirror_release(struct mirror *m);
/* Applies a FRAME message. Errors: PARSE. */
int mirror_apply(struct mirror *m, const uint8_t *data, size_t len, struct error *err);
/* The protocol's screen in the words of the client's contract. */
void mirror_screen(struct session_screen *s, const struct proto_screen *p);
/* NULL out of range. */
const struct cell *mirror_row(const struct mirror *m, int row, bool *wrapped);
/* Copies the changed rows' bits and clears them. */
void mirror_take(struct mirror *m, uint64_t *bits, size_t words);

#endif
