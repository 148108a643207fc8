/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_TERMINFO_H
#define MT_TUI_TERMINFO_H

/* What terminfo says about the outer terminal. The only place that includes curses' headers; nothing of curses but its
 * database is used. */

#include <stdbool.h>

#include "core/util/error.h"
#include "term/keys.h"

#define TERMINFO_STRING 64
#define TERMINFO_KEYS 40

struct terminfo {
    char name[64];
    int colors; /* -1: none */
    bool bce, ech, cha;
    bool direct;                                         /* RGB or Tc: 24-bit colours */
    bool underline_styles;                               /* Smulx, or a terminal known for them */
    bool cursor_style;                                   /* Ss, or a terminal known for it */
    bool underline_color;                                /* SGR 58 */
    bool hyperlinks;                                     /* OSC 8: a terminal known for it */
    char enter[TERMINFO_STRING], leave[TERMINFO_STRING]; /* alternate screen; "" when there is none */
    struct {
        char bytes[TERMINFO_STRING];
        struct key key;
    } keys[TERMINFO_KEYS];
    int key_count;
};

/* Reads the entry for `term`. ERROR_INVALID with a hint: no TERM, unknown, dumb, or of no ECMA-48 family (cursor
 * addressing is not CSI row;col H). */
int terminfo_read(struct terminfo *t, const char *term, int fd, struct error *err);

#endif
