/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COCKPIT_H
#define MT_TUI_COCKPIT_H

/* The full-screen program. */

#include <stdbool.h>

#include "core/util/paths.h"

struct cockpit_opts {
    const struct paths *paths;
    const char *root;   /* --root: overrides the configured workspace root; NULL */
    const char *theme;  /* --theme; NULL: the configured one */
    bool ascii, no_mouse;
};

/* Runs until the user leaves. Returns the exit code (O2): 0, 64 when the terminal cannot be used (said on stderr). */
int cockpit_main(const struct cockpit_opts *opts);

#endif
