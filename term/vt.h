/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_VT_H
#define MT_TERM_VT_H

/* One terminal: hostile bytes in, a screen of cells out. Owns the sanitizer, libvterm's state layer (used as cursor,
 * scroll and charset engine only), both grids, the scrollback, links and clusters. Does no I/O and knows no clock of
 * its own but the one of synchronized output. Memory is bounded whatever is fed. What it takes is in tests/vt/ *.t,
 * case by case. What it does not take, and what becomes of it:
 * - swallowed whole: sixel, ReGIS, DECUDK, DECDLD and every other DCS but DECRQSS and XTGETTCAP; kitty's pictures and
 *   all other APC, PM and SOS; files and pictures of OSC 1337; tmux's pass-through; OSC without a meaning here (1, the
 *   icon's name; 5, 13 to 19, 22, 50, 66, 105, 106, 113 to 119, 5522 and others); CSI and ESC that nobody knows.
 * - never answered, on purpose: reading the clipboard (OSC 52 ?), the title (CSI 20 t, 21 t), DECRQCRA (a checksum
 *   tells what is on the screen); moving, resizing and iconifying windows (CSI 1 t to 10 t) has no effect.
 * - without effect, and told to be unknown by DECRQM (0): 132 columns (3, 40), VT52 (2), smooth scrolling (4),
 *   highlight tracking (1001), meta modes (1034 to 1039), and every mode that is not in vt_mode.c.
 * - taken as something else: double-height and double-width lines (ESC # 3 to 6) as ordinary ones; national character
 *   sets but the British one as ASCII; SGR 6 as 5; C1 controls as nothing (in UTF-8) or as U+FFFD (as bytes). Mode 2027
 *   is always on; pixels are counted as if a cell had 8 x 16.
 * - bounded: 128 parameters of at most 65535, strings of 4 KB (1 MB of clipboard), clusters of 32 bytes, titles of 255,
 *   stacks of 8, extras as in extra.h; beyond that the rest is dropped, of a string all of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"
#include "term/cell.h"
#include "term/extra.h"
#include "term/keys.h"

#define VT_MIN_COLS 2
#define VT_MIN_ROWS 2
#define VT_SYNC_LIMIT_MS 150
#define VT_TITLE_MAX 256
#define VT_CLIPBOARD_MAX (1u << 20)

struct vt;

enum vt_progress { VT_PROGRESS_NONE, VT_PROGRESS_NORMAL, VT_PROGRESS_ERROR, VT_PROGRESS_BUSY, VT_PROGRESS_PAUSED };

/* All may be NULL. They run inside vt_feed and must not call vt_feed or vt_resize. Texts are valid UTF-8 without
 * control characters, bounded, valid during the call. */
struct vt_callbacks {
    void (*output)(const char *bytes, size_t len, void *arg); /* answers for the program's stdin; whole answers */
    void (*title)(const char *title, void *arg);
    void (*bell)(void *arg);
    void (*notify)(const char *title, const char *body, void *arg);   /* OSC 9, 99, 777; title may be "" */
    void (*progress)(enum vt_progress state, int percent, void *arg); /* OSC 9;4 */
    void (*cwd)(const char *path, void *arg); /* OSC 7, 9;9: percent-decoded path, not to be trusted */
    void (*clipboard)(const char *data, size_t len, void *arg); /* OSC 52 write, decoded; never a read */
    void (*mark)(char kind, int status, void *arg);             /* OSC 133 A B C D; status of D, else -1 */
    void (*modes)(void *arg);                                   /* vt_modes changed */
};

struct vt_opts {
    int cols, rows;
    size_t scrollback_lines;              /* 0 = default (10,000); use VT_NO_SCROLLBACK for none */
    size_t scrollback_bytes;              /* 0 = default (16 MiB) */
    const struct vt_callbacks *callbacks; /* copied */
    void *arg;
};
#define VT_NO_SCROLLBACK ((size_t)-1)

struct vt *vt_new(const struct vt_opts *opts);
void vt_free(struct vt *vt);

/* Takes any bytes, in any pieces. */
void vt_feed(struct vt *vt, const char *bytes, size_t len);
/* Clamped to VT_MIN_COLS x VT_MIN_ROWS .. GRID_MAX. The normal screen and its scrollback are wrapped anew, the cursor
 * stays with its text; the alternate screen is cut. Rows that leave at the top go to the scrollback and come back. */
void vt_resize(struct vt *vt, int cols, int rows);
/* The same; places that somebody looks at move with their text: lines are numbered as by vt_history_total. */
struct vt_point {
    uint64_t line;
    int col;
};
void vt_resize_keep(struct vt *vt, int cols, int rows, struct vt_point *points, size_t n);
/* RIS from outside: screen, modes, pen; the scrollback stays. */
void vt_reset(struct vt *vt);
/* The same for a terminal that was left in a strange state: the text of the normal screen goes to the scrollback first,
 * and a sequence that was begun and not ended is forgotten. Not inside a callback. */
void vt_recover(struct vt *vt);
/* For another program on the same terminal: modes, pen, margins, colours and title as new, the normal screen is shown,
 * its text stays, and the cursor stands below it in the first column. Not inside a callback. */
void vt_settle(struct vt *vt);

int vt_cols(const struct vt *vt);
int vt_rows(const struct vt *vt);
/* Cells of a screen row (vt_cols of them), valid until the next feed or resize; NULL out of range. `wrapped` may be
 * NULL. */
const struct cell *vt_row(const struct vt *vt, int row, bool *wrapped);
bool vt_has_damage(const struct vt *vt);
/* The first changed row >= from, taken (its mark is cleared); -1: none. */
int vt_take_damage(struct vt *vt, int from);
void vt_damage_all(struct vt *vt);
/* True while the program holds frames back (DECSET 2026), for at most VT_SYNC_LIMIT_MS: do not send a frame now.
 * now_ms: clock_mono_ms(). vt_sync_deadline_ms: when to look again; 0 = not held. */
bool vt_is_held(const struct vt *vt, uint64_t now_ms);
uint64_t vt_sync_deadline_ms(const struct vt *vt);

/* Texts of cell.ch, and what cell_extra stands for. */
const struct cluster_table *vt_clusters(const struct vt *vt);
const struct extra_table *vt_extras(const struct vt *vt);

enum vt_cursor_shape { VT_CURSOR_BLOCK, VT_CURSOR_UNDERLINE, VT_CURSOR_BAR };
struct vt_cursor {
    int row, col;
    bool visible;
    bool blink;
    uint8_t shape; /* enum vt_cursor_shape */
    bool styled;   /* the program chose shape and blink (DECSCUSR other than 0) */
};
struct vt_cursor vt_cursor(const struct vt *vt);
const struct key_modes *vt_modes(const struct vt *vt);
bool vt_is_alt(const struct vt *vt);
/* DECSCNM: the whole screen is to be drawn reversed. */
bool vt_is_reversed(const struct vt *vt);
const char *vt_title(const struct vt *vt);

/* What OSC 10, 11, 12, CSI ?996n answer: 0xRRGGBB. Not set: a light grey on black, dark. Programs that asked for it
 * (mode 2031) are told when dark becomes light or light dark. */
void vt_set_colors(struct vt *vt, uint32_t fg, uint32_t bg, uint32_t cursor);
/* What OSC 4 answers for the first sixteen: 0x1rrggbb each, 0 = xterm's. */
void vt_set_palette(struct vt *vt, const uint32_t colors[16]);
/* Which flags of kitty's keyboard protocol can be kept: those the outer terminal gives besides those that need nothing
 * of it. Others a program asks for are not taken, and it is told so. */
void vt_set_kitty(struct vt *vt, uint8_t flags);
/* Cells in colours that the program set itself (OSC 4, 10, 11) become those: what a viewer shows. False: there are none
 * such colours, and the cells are as they are. */
bool vt_paint_row(const struct vt *vt, struct cell *cells, int cols);
/* The palette the program set by OSC 4 overrides cell_palette_rgb: the colour, as 0xRRGGBB. */
uint32_t vt_palette_rgb(const struct vt *vt, unsigned index);
/* Whether OSC 52 writes are passed on (and told in DA1). Off at first. */
void vt_allow_clipboard(struct vt *vt, bool on);
/* Sends a focus report if the program asked for them, and remembers the state for programs that ask later. */
void vt_set_focus(struct vt *vt, bool focused);

/* Scrollback of the normal screen, in rows of the present width, from the newest (0). The count is exact: the first
 * time after a change of width that is work which grows with what is kept; the estimate is little work, and becomes
 * exact when it is asked for repeatedly. vt_history_total is the number of the first row of the screen: a row that is
 * kept has the same number until the width changes. */
size_t vt_history_count(const struct vt *vt);
size_t vt_history_estimate(const struct vt *vt);
uint64_t vt_history_total(const struct vt *vt);
/* Counts some more, little work: true when vt_history_count has nothing left to do. */
bool vt_history_settle(struct vt *vt);
/* Unpacks a line into `out` (cols cells, padded). Returns cells with content, -1 past the end. Clusters and extras are
 * put into the vt's tables: the cells are good until the next line is read. */
int vt_history_line(struct vt *vt, size_t index, struct cell *out, int cols, bool *wrapped);
/* Lines that were read have made the table of extras nearly full: the next line gets the ids of theirs. */
bool vt_history_crowds(const struct vt *vt);
/* Does a line of scrollback go on in the next? */
bool vt_history_is_wrapped(const struct vt *vt, size_t index);
/* What the shell said of a line of scrollback, or of a row of the normal screen (enum grid_mark of grid.h). */
unsigned vt_history_marks(const struct vt *vt, size_t index);
unsigned vt_row_marks(const struct vt *vt, int row);
int vt_history_text(const struct vt *vt, size_t index, struct strbuf *out, bool *wrapped);
/* As scrollback_line_text: a whole soft-wrapped line at once, where that is to be had. */
bool vt_history_line_text(const struct vt *vt, size_t index, struct strbuf *out, size_t *above, size_t *rows);
void vt_history_clear(struct vt *vt);

#endif
