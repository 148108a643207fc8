/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_KEYS_H
#define MT_TERM_KEYS_H

/* Keys, mouse and paste: their names (shared with the cockpit's keymaps), and their bytes for a program given the modes
 * it asked for. Pure functions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

enum keymod {
    KEYMOD_SHIFT = 1,
    KEYMOD_ALT = 2,
    KEYMOD_CTRL = 4,
    KEYMOD_SUPER = 8,
};

/* Keys that are no code point start above Unicode. Not KEY_*: curses owns that prefix. Enter, Tab, Escape, Backspace
 * and Space are code points (13, 9, 27, 127, 32). */
enum keysym {
    KEYSYM_NONE = 0,
    KEYSYM_TAB = 9,
    KEYSYM_ENTER = 13,
    KEYSYM_ESCAPE = 27,
    KEYSYM_SPACE = 32,
    KEYSYM_BACKSPACE = 127,
    KEYSYM_UP = 0x110000,
    KEYSYM_DOWN,
    KEYSYM_RIGHT,
    KEYSYM_LEFT,
    KEYSYM_HOME,
    KEYSYM_END,
    KEYSYM_INSERT,
    KEYSYM_DELETE,
    KEYSYM_PGUP,
    KEYSYM_PGDN,
    KEYSYM_F1,
    KEYSYM_F12 = KEYSYM_F1 + 11,
    KEYSYM_F20 = KEYSYM_F1 + 19,
    KEYSYM_F24 = KEYSYM_F1 + 23,
    KEYSYM_MENU,
    KEYSYM_BEGIN, /* the middle of a keypad that moves the cursor */
    KEYSYM_KP_0,  /* keypad, for application keypad mode */
    KEYSYM_KP_9 = KEYSYM_KP_0 + 9,
    KEYSYM_KP_DOT,
    KEYSYM_KP_PLUS,
    KEYSYM_KP_MINUS,
    KEYSYM_KP_STAR,
    KEYSYM_KP_SLASH,
    KEYSYM_KP_EQUAL,
    KEYSYM_KP_ENTER,
    KEYSYM_LAST,
};

/* Canonical form: a letter typed with Ctrl is the lower-case letter + KEYMOD_CTRL; a printable character typed with
 * Shift is the shifted character without KEYMOD_SHIFT. */
struct key {
    uint32_t sym;
    uint8_t mods;
};

static inline bool key_equal(struct key a, struct key b)
{
    return a.sym == b.sym && a.mods == b.mods;
}

/* Parses "C-b", "M-1", "C-M-x", "F1", "Enter", "C-]", "S-Tab", "Space", "é", "PgUp". Modifier prefixes: C- (Ctrl), M-
 * or A- (Alt), S- (Shift), D- (Super); names without regard to case. Errors: ERROR_INVALID naming the text. */
int key_parse(const char *text, struct key *out, struct error *err);
/* Appends the canonical name, which key_parse reads back. */
void key_format(struct key k, struct strbuf *out);
/* For one long-lived string: writes it into out (cap >= 24 is enough for every key). */
void key_format_into(struct key k, char *out, size_t cap);

/* The size of a cell, in pixels, as far as programs are told. */
#define KEYS_CELL_WIDTH 8
#define KEYS_CELL_HEIGHT 16

enum mouse_mode {
    MOUSE_OFF,
    MOUSE_X10,   /* ?9: presses only */
    MOUSE_CLICK, /* ?1000 */
    MOUSE_DRAG,  /* ?1002 */
    MOUSE_MOVE,  /* ?1003 */
};
enum mouse_encoding {
    MOUSE_ENC_X10,
    MOUSE_ENC_UTF8,  /* ?1005 */
    MOUSE_ENC_SGR,   /* ?1006 */
    MOUSE_ENC_URXVT, /* ?1015 */
    MOUSE_ENC_PIXEL, /* ?1016: as SGR, in pixels of cells of KEYS_CELL_WIDTH x KEYS_CELL_HEIGHT */
};

/* What the program asked for; plain data, travels to the cockpit in the protocol. */
struct key_modes {
    bool app_cursor; /* DECCKM */
    bool app_keypad; /* DECKPAM */
    bool bracketed;  /* ?2004 */
    bool focus;      /* ?1004 */
    bool newline;    /* LNM: Enter sends CR LF */
    bool backarrow;  /* DECBKM ?67: Backspace sends BS */
    bool alt_screen;
    bool alt_scroll;      /* ?1007: the wheel sends arrows on the alternate screen */
    uint8_t mouse;        /* enum mouse_mode */
    uint8_t mouse_enc;    /* enum mouse_encoding */
    uint8_t kitty;        /* kitty keyboard flags in force */
    uint8_t modify_other; /* modifyOtherKeys 0, 1, 2 */
};

/* Appends the bytes of a key press. Nothing is appended for a key that has none. */
void key_encode(struct key k, const struct key_modes *m, struct strbuf *out);

enum mouse_kind { MOUSE_PRESS, MOUSE_RELEASE, MOUSE_MOTION };
enum mouse_button {
    MOUSE_BUTTON_NONE = 0, /* motion without a button */
    MOUSE_BUTTON_LEFT = 1,
    MOUSE_BUTTON_MIDDLE = 2,
    MOUSE_BUTTON_RIGHT = 3,
    MOUSE_WHEEL_UP = 4,
    MOUSE_WHEEL_DOWN = 5,
    MOUSE_WHEEL_LEFT = 6,
    MOUSE_WHEEL_RIGHT = 7,
};
struct mouse_event {
    int row, col;   /* of the pane, from 0 */
    uint8_t kind;   /* enum mouse_kind */
    uint8_t button; /* enum mouse_button */
    uint8_t mods;
};
/* True when the program wants this event (so the cockpit must not use it). The wheel counts as a press. */
bool mouse_is_wanted(const struct mouse_event *ev, const struct key_modes *m);
/* Appends the report; nothing when the mode is off or the event is not asked for. On the alternate screen with ?1007, a
 * wheel step becomes three arrow keys. */
void mouse_encode(const struct mouse_event *ev, const struct key_modes *m, struct strbuf *out);

/* Appends pasted text: newlines become CR, control characters but TAB and newline are dropped, the end marker is
 * removed from the body; the markers are added only when the program asked for them. */
void paste_encode(const char *text, size_t len, const struct key_modes *m, struct strbuf *out);
/* Appends CSI I or CSI O when the program asked for focus reports. */
void focus_encode(bool focused, const struct key_modes *m, struct strbuf *out);

#endif
