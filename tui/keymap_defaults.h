/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_KEYMAP_DEFAULTS_H
#define MT_TUI_KEYMAP_DEFAULTS_H

/* The keys as shipped: {contexts, chord, command}. The first chord of a command in a context is the one shown. */

#include <stddef.h>

struct keymap_default {
    unsigned contexts; /* CONTEXT_* bits */
    const char *chord;
    const char *command;
};
extern const struct keymap_default keymap_defaults[];
extern const size_t keymap_default_count;

#endif
