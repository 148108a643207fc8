/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_OUTER_H
#define MT_TUI_OUTER_H

/* What the outer terminal says of itself: its own colours, which underlines it draws (terminfo's xterm-256color has but
 * the plain one, and most terminals that say they are this draw them all), whether it speaks kitty's keyboard protocol.
 * Asked once at the start, and for colours again when it tells of a change; nothing ever waits for an answer. Pure:
 * questions and answers as bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"

struct outer {
    bool fg_known, bg_known;
    uint32_t fg, bg;      /* 0xRRGGBB */
    uint32_t cursor;      /* 0x1rrggbb; 0: not known */
    uint32_t palette[16]; /* the same */
    bool kitty;           /* it answered the question for its keyboard flags */
    bool modify;          /* its name is one of those that have modifyOtherKeys */
    bool ul_styles;       /* it kept a curly underline that it was given, and the colour of one */
    bool ul_color;
    bool answered; /* the answer that every terminal gives, and that is asked for last, has come */
};

/* Bits of what an answer changed. */
enum outer_change { OUTER_COLORS = 1, OUTER_KEYS = 2, OUTER_ASK_COLORS = 4, OUTER_UNDERLINES = 8 };

/* Everything. Not `colored`: nothing that has a colour is sent even to be asked about (NO_COLOR). */
void outer_ask_all(struct strbuf *out, bool colored);
void outer_ask_colors(struct strbuf *out);
/* Takes a reply of the terminal (INPUT_REPLY). Returns outer_change bits; 0 for what is of no interest. */
unsigned outer_reply(struct outer *o, const char *data, size_t len);

#endif
