/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COLOR_H
#define MT_TUI_COLOR_H

/* The one place where colours become what a terminal has: 24 bits, xterm's 256, 16, none. Pure. */

#include <stdint.h>

#include "tui/surface.h"

enum color_depth { COLOR_MONO, COLOR_16, COLOR_256, COLOR_TRUE };

/* The style to send for `st` on a terminal of this depth. `base_bg` is the background of the whole frame: with 16
 * colours and fewer it becomes the terminal's own, and what differs from it stays distinguishable (another colour;
 * reversed without colours). */
struct style color_reduce(enum color_depth depth, struct style st, uint32_t base_bg);
/* The index (16..255) that looks nearest to 0xRRGGBB. */
unsigned color_to_256(uint32_t rgb);
/* 0xRRGGBB of a cell colour; `fallback` for the terminal's default. */
uint32_t color_to_rgb(uint32_t color, uint32_t fallback);
/* WCAG contrast ratio times 100 (100..2100) of two 0xRRGGBB colours. */
int color_contrast(uint32_t a, uint32_t b);

#endif
