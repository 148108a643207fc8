/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_INPUT_PRIVATE_H
#define MT_TUI_INPUT_PRIVATE_H

/* What input.c (bytes to sequences, characters and pastes) and input_csi.c (what a sequence means) share. */

#include "tui/input.h"

#define INPUT_SEQUENCE_MAX 512 /* longer replies are swallowed to their end */
#define INPUT_TABLE_MAX 64
#define INPUT_TABLE_BYTES 16

struct input {
    input_fn fn;
    void *arg;
    char buf[INPUT_SEQUENCE_MAX]; /* an unfinished sequence or character */
    size_t len;
    size_t raw_len; /* of the sequence at hand, when keys are to be sent with it */
    bool in_paste;
    char skip;          /* '[' or ']': the rest of a CSI or of a string that was too long is on its way */
    size_t end_matched; /* bytes of PASTE_END held back */
    struct {
        char bytes[INPUT_TABLE_BYTES];
        size_t len;
        struct key key;
    } table[INPUT_TABLE_MAX];
    size_t table_len;
};

/* --- input.c --- */
/* An event of a kind that carries nothing. */
void input_emit(struct input *in, enum input_kind kind);
/* A key, brought into the canonical form of term/keys.h. */
void input_emit_key(struct input *in, uint32_t sym, unsigned mods);
/* A C0 control or DEL as a key. */
void input_emit_control(struct input *in, unsigned char c, unsigned mods);
/* The first `len` bytes of buf, for whoever asked the terminal something. */
void input_emit_reply(struct input *in, size_t len);

/* --- input_csi.c --- */
/* xterm's modifier parameter as KEYMOD_ bits. */
unsigned input_mods(int param);
/* A mouse button code of xterm's protocols; col and row from 1. */
void input_mouse(struct input *in, int code, int col, int row, bool released, bool knows_button);
/* The key that a final letter of CSI or SS3 means, that an SS3 of the keypad means; 0: none. */
uint32_t input_letter_key(char final);
uint32_t input_keypad_key(char final);
/* Acts on one whole CSI sequence of `len` bytes in buf. `alt`: it came behind a further ESC. */
void input_csi(struct input *in, size_t len, unsigned alt);
/* rxvt's modified editing keys; false: it is none. */
bool input_rxvt(struct input *in, size_t start, size_t len, unsigned alt);

#endif
