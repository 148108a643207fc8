/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COCKPIT_H
#define MT_TUI_COCKPIT_H

/* The full-screen program from start to end: opens everything in order, runs the loop, closes everything in order.
 * tui/main.c calls it when there is no verb. */

#include <stdbool.h>

#include "core/util/paths.h"

struct cockpit_opts {
    const struct paths *paths; /* filled by paths_init; outlives the call */
    bool ascii;                /* --ascii: plain glyphs whatever the locale says */
    bool no_mouse;             /* --no-mouse */
    const char *theme;         /* --theme NAME, or NULL: the config's */
    const char *session;       /* open this session first (`attach`), or NULL */
};

/* Returns the exit code: 0 after leaving, 64 when there is no usable terminal (said on stderr with a hint), 1 when
 * something needed could not be opened. */
int cockpit_main(const struct cockpit_opts *opts);

#endif
