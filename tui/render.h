/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_RENDER_H
#define MT_TUI_RENDER_H

/* The bytes that turn what a terminal shows into the next frame. Pure: two surfaces and the terminal's abilities in,
 * bytes out. Output is ECMA-48 with the few private sequences that every terminal of today either knows or ignores;
 * screen.c refuses terminals that are not of this family. */

#include <stdbool.h>

#include "core/util/strbuf.h"
#include "tui/color.h"
#include "tui/surface.h"

struct render_caps {
    enum color_depth depth;
    bool bce;              /* erasing uses the current background */
    bool ech;              /* CSI n X */
    bool cha;              /* CSI n G */
    bool underline_styles; /* 4:2 4:3 4:4 4:5 */
    bool cursor_style;     /* DECSCUSR */
    bool underline_color;  /* SGR 58 */
    bool hyperlinks;       /* OSC 8 */
};

/* Appends one update from `prev` (NULL, or of another size: the screen is in an unknown state and is cleared first) to
 * `next`; nothing when they look the same. The pen is left at its defaults, and auto-wrap is expected to be off. */
void render_frame(struct strbuf *out, const struct render_caps *caps, const struct surface *prev,
                  const struct surface *next);
/* The pen of a style, from the default one: what a cell of it is drawn with on a background `base_bg`; nothing for the
 * default. */
void render_pen(struct strbuf *out, const struct render_caps *caps, struct style st, uint32_t base_bg);
/* Nobody knows what the terminal shows in this row of `shown`: the next frame, which is `next`, draws all of it. */
void render_forget_row(struct surface *shown, const struct surface *next, int row);
/* Copies a surface (size, cells, clusters, cursor): what the terminal shows after the bytes of render_frame. */
void render_copy(struct surface *to, const struct surface *from);

#endif
