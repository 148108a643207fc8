/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_INPUT_H
#define MT_TUI_INPUT_H

/* Bytes from the outer terminal become events. Pure: time comes from outside. Knows xterm, linux, rxvt, tmux and kitty
 * forms (CSI u, modifyOtherKeys), terminfo's key strings, SGR and X10 mouse, bracketed paste (in pieces, never held
 * whole), focus reports, and swallows terminal replies. A lone ESC is told from Alt-x and sequences by a 20 ms wait
 * that the owner times: input_pending() says when one is needed. */

#include <stdbool.h>
#include <stddef.h>

#include "term/keys.h" /* struct key, struct mouse and their names */

enum input_kind {
    INPUT_KEY,
    INPUT_MOUSE,
    INPUT_PASTE_BEGIN,
    INPUT_PASTE,
    INPUT_PASTE_END,
    INPUT_FOCUS_IN,
    INPUT_FOCUS_OUT,
    INPUT_REPLY,
    INPUT_KEY_RAW /* a release, or a key without a name here, of kitty's protocol */
};
struct input_event {
    enum input_kind kind;
    struct key key;
    struct mouse_event mouse; /* column/row from 0 */
    const char *data;
    /* PASTE: a piece; REPLY, KEY_RAW: the whole sequence; KEY: the same, if it says more than the key (a repeat, other
     * keys of the layout, text), else none. Valid during the callback. */
    size_t len;
};
struct input;
typedef void (*input_fn)(void *arg, const struct input_event *ev);
struct input *input_new(input_fn fn, void *arg);
void input_free(struct input *in);
/* A key string from terminfo (kf1, kcuu1, ...). */
void input_add_sequence(struct input *in, const char *bytes, struct key key);
void input_feed(struct input *in, const char *data, size_t len);
bool input_pending(
    const struct input *in); /* an unfinished ESC: call input_flush after input_wait_ms without more bytes */
/* How long: 20 ms, but longer in the middle of a terminal's answer, whose pieces must not become keys. */
unsigned input_wait_ms(const struct input *in);
void input_flush(struct input *in);

#endif
