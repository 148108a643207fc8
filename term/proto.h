/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_PROTO_H
#define MT_TERM_PROTO_H

/* The messages between a session's host and its viewers, as bytes and back: pure functions over (bytes, length), bounds
 * checked, little endian. Framing (length, type) is core/io/sock's. Both ends may be of different ages: unknown types
 * are ignored by the receiver, and fields are only ever appended, so a decoder ignores bytes after those it knows. A
 * decoder never trusts a count it has not bounded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "term/cell.h"
#include "term/extra.h"
#include "term/keys.h"
#include "term/vt.h"
#include "term/wire.h"

#define PROTO_VERSION_MIN 1
#define PROTO_VERSION_MAX 7
#define PROTO_VERSION_RESET 2   /* the first that has PROTO_RESET */
#define PROTO_VERSION_LOOK 4    /* the first that has PROTO_LOOK and PROTO_ACK_EACH */
#define PROTO_VERSION_RENAME 5  /* the first that has PROTO_RENAME */
#define PROTO_VERSION_RESTART 6 /* the first that has PROTO_RESTART, and tasks that are started again */
#define PROTO_VERSION_LOAN 7    /* the first that has PROTO_LOAN and PROTO_LOAN_TERMINAL */
#define PROTO_MAX_COLS 1000
#define PROTO_MAX_ROWS 1000
#define PROTO_NEEDLE_MAX 1024
/* A frame or a history answer is cut (the rest follows in the next one) once it is this long: well under
 * SOCK_FRAME_MAX. */
#define PROTO_SOFT_MAX (1u << 20)
#define PROTO_POINTS_MAX 8
/* Input that a viewer may have on the way before the host acknowledges it. */
#define PROTO_INPUT_WINDOW (256u << 10)
/* So long after a key both ends hurry: in a flood, the next output is not yet what the key brought. */
#define PROTO_KEY_WINDOW_MS 60
/* So long does a host that floods take its time after PROTO_YIELD. */
#define PROTO_YIELD_MS 1000

enum proto_type {
    PROTO_HELLO = 1,   /* both ways, first: struct proto_hello */
    PROTO_META,        /* host: JSON of struct session_info (term/meta) */
    PROTO_VIEW,        /* viewer: cols, rows */
    PROTO_UNVIEW,      /* viewer */
    PROTO_FRAME,       /* host: struct proto_screen and changed rows */
    PROTO_CREDIT,      /* viewer: the last frame was taken, send the next */
    PROTO_INPUT,       /* viewer: bytes for the program */
    PROTO_INPUT_ACK,   /* host: u32 bytes of input that reached the pty's queue */
    PROTO_FOCUS,       /* viewer: u8 */
    PROTO_KILL,        /* viewer */
    PROTO_SIGNAL,      /* viewer: u32 */
    PROTO_ATTENDED,    /* viewer */
    PROTO_DISMISS,     /* viewer */
    PROTO_HISTORY,     /* viewer: struct proto_history */
    PROTO_LINES,       /* host: answer to it: struct proto_lines and rows */
    PROTO_SEARCH,      /* viewer: struct proto_search */
    PROTO_FOUND,       /* host: answer to it: struct proto_found */
    PROTO_CLIPBOARD,   /* host: text the program put on the clipboard */
    PROTO_ERROR,       /* host: u16 enum error_code, text */
    PROTO_NUMBER,      /* viewer: u32, the number that cockpits show the session with */
    PROTO_SEARCH_STOP, /* viewer: nobody waits for the search any more; it is answered as dropped */
    PROTO_EXTRAS,      /* host, before a frame whose cells have them: addresses and underline colours */
    PROTO_OUTER,       /* viewer: struct proto_outer */
    PROTO_KEEP,        /* viewer, before a new size: places it looks at, which move with their text */
    PROTO_KEPT,        /* host: where they are now, in the order they were given; before the frame of the new size */
    PROTO_TERMINAL,    /* host, with a descriptor: the terminal's master, for a viewer to type into directly */
    PROTO_TYPED,       /* viewer, before it does: the bytes, for the host to know and not to pass on; none: look at the
                        * notes */
    PROTO_RESET,       /* viewer, from version 2 on: the terminal as new (vt_recover) */
    PROTO_NOTES,       /* host, with a descriptor: where the bytes of PROTO_TYPED may be left instead (core/io/aside.h):
                        * that does not wake the host, which looks before it takes the terminal's next output */
    PROTO_YIELD,       /* viewer, to a host that says it floods: somebody types into another session */
    PROTO_LOOK,     /* viewer, from version 4 on: u32 id. The screen as it stands, once, without a part in its size */
    PROTO_LOOKED,   /* host: u32 id and struct proto_screen without rows; PROTO_LINES of that id follow */
    PROTO_ACK_EACH, /* viewer, from version 4 on: it waits for the last byte of its input to be acknowledged, too */
    PROTO_RENAME,   /* viewer, from version 5 on: the name that a person gave the session; none: its label again */
    PROTO_RESTART,  /* viewer, from version 6 on: the task is started again now; what runs of it is ended first */
    PROTO_LOAN, /* viewer, from version 7 on, with a descriptor: the page that its terminal is lent by (term/loan.h) */
    PROTO_LOAN_TERMINAL, /* viewer, after that, with a descriptor: the terminal */
};

struct proto_hello {
    uint16_t min, max; /* protocol versions spoken */
    char program[32];  /* version of the program, for messages */
};

struct proto_size {
    int cols, rows;
};

/* Everything about the screen but its rows. */
struct proto_screen {
    int cols, rows;
    int cursor_col, cursor_row;
    bool cursor_visible, cursor_blink, cursor_styled;
    int cursor_shape; /* enum vt_cursor_shape */
    bool reversed;
    struct key_modes modes;
    uint64_t history_lines, history_first;
};

/* What a cockpit and its terminal look like and can do, for the program's questions. */
struct proto_outer {
    uint32_t fg, bg, cursor; /* 0xRRGGBB */
    uint8_t kitty;           /* flags of kitty's keyboard protocol that can be kept */
    bool clipboard;          /* OSC 52 writes have a chance */
    uint32_t palette[16];    /* 0x1rrggbb; 0: as xterm's */
};

struct proto_history {
    uint32_t id;
    uint64_t first;
    uint32_t count;
    int cols;
};

struct proto_lines {
    uint32_t id;
    uint64_t first;
    uint32_t count; /* rows that follow */
    int cols;
};

/* What older programs do not know stands at the end: they leave it out, and read as if it were 0. */
struct proto_search {
    uint32_t id;
    uint64_t from;
    int from_col;
    bool backward;
    char needle[PROTO_NEEDLE_MAX + 1];
    int kind; /* enum search_kind */
    bool here, count;
};

struct proto_found {
    uint32_t id;
    bool found;
    uint64_t line;
    int col, len; /* len: columns in its first row */
    bool more;    /* another answer to the same question follows, with the numbers */
    bool wrapped; /* it went round an end */
    bool dropped; /* not looked for to the end: another question took its place */
    uint64_t end_line;
    int end_col;
    uint32_t total, index;
    bool capped;
};

/* --- writing: each appends one message's payload --- */
void proto_put_hello(struct strbuf *out, const char *program);
void proto_put_size(struct strbuf *out, struct proto_size s);
void proto_put_u32(struct strbuf *out, uint32_t v);
void proto_put_bool(struct strbuf *out, bool v);
void proto_put_error(struct strbuf *out, enum error_code code, const char *text);
void proto_put_history(struct strbuf *out, const struct proto_history *h);
void proto_put_search(struct strbuf *out, const struct proto_search *s);
void proto_put_found(struct strbuf *out, const struct proto_found *f);
/* Appends the extras made after serial `since`; false: there are none. */
bool proto_put_extras(struct strbuf *out, const struct extra_table *t, uint32_t since);
void proto_put_outer(struct strbuf *out, const struct proto_outer *o);
/* PROTO_KEEP, PROTO_KEPT: at most PROTO_POINTS_MAX. */
void proto_put_points(struct strbuf *out, const struct vt_point *points, size_t n);
/* The head of a frame or of an answer with lines; its rows follow with proto_put_row. The row count is patched in by
 * proto_end_rows. */
size_t proto_put_screen(struct strbuf *out, const struct proto_screen *s);
size_t proto_put_lines(struct strbuf *out, const struct proto_lines *l);
/* Appends a row: run-length attributes, UTF-8 text, trailing blanks left out. */
void proto_put_row(struct strbuf *out, int index, bool wrapped, const struct cell *cells, int cols,
                   const struct cluster_table *clusters);
/* Writes the number of rows at `at`, which proto_put_screen or proto_put_lines returned. */
void proto_end_rows(struct strbuf *out, size_t at, uint32_t count);

/* --- reading: 0, or -1 with ERROR_PARSE --- */
int proto_get_hello(const uint8_t *data, size_t len, struct proto_hello *out, struct error *err);
/* The version both ends speak, or 0. */
int proto_common_version(const struct proto_hello *peer);
int proto_get_size(const uint8_t *data, size_t len, struct proto_size *out, struct error *err);
int proto_get_u32(const uint8_t *data, size_t len, uint32_t *out, struct error *err);
int proto_get_bool(const uint8_t *data, size_t len, bool *out, struct error *err);
/* `text` is made fit for the screen. */
int proto_get_error(const uint8_t *data, size_t len, enum error_code *code, char *text, size_t cap, struct error *err);
/* A name as the screen may have it: one line, no blanks around it, what does not fit cut off. */
void proto_get_name(const uint8_t *data, size_t len, char *out, size_t cap);
int proto_get_history(const uint8_t *data, size_t len, struct proto_history *out, struct error *err);
int proto_get_search(const uint8_t *data, size_t len, struct proto_search *out, struct error *err);
int proto_get_found(const uint8_t *data, size_t len, struct proto_found *out, struct error *err);
/* Puts them into the table. Addresses that are not plain ASCII are left out. */
int proto_get_extras(const uint8_t *data, size_t len, struct extra_table *t, struct error *err);
int proto_get_points(const uint8_t *data, size_t len, struct vt_point *out, size_t *n, struct error *err);
int proto_get_outer(const uint8_t *data, size_t len, struct proto_outer *out, struct error *err);
/* The head; `rows` then stands at the first of `*count` rows. Sizes are within 1..PROTO_MAX, the cursor within the
 * screen. */
int proto_get_screen(const uint8_t *data, size_t len, struct proto_screen *out, struct wire_reader *rows,
                     uint32_t *count, struct error *err);
int proto_get_lines(const uint8_t *data, size_t len, struct proto_lines *out, struct wire_reader *rows,
                    struct error *err);
/* The next row into `cells` (`cols` of them, padded with blanks). What comes out is drawable: no control characters,
 * wide cells whole. A full cluster table degrades a cluster to its first code point. */
int proto_get_row(struct wire_reader *r, int *index, bool *wrapped, struct cell *cells, int cols,
                  struct cluster_table *clusters, struct error *err);

#endif
