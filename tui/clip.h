/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_CLIP_H
#define MT_TUI_CLIP_H

/* Text to the person's clipboard: OSC 52 for the outer terminal, and the desktop's own program (wl-copy, xclip, pbcopy)
 * where there is one. */

#include <stddef.h>

#include "core/io/loop.h"
#include "core/util/strbuf.h"
#include "tui/screen.h"

#define CLIP_MAX_BYTES (1u << 20) /* what terminals are offered at most */

/* The OSC 52 sequence for `text`; too long ones (over a megabyte) give nothing. */
void clip_osc52(struct strbuf *out, const char *text, size_t len);
void clip_copy(struct loop *loop, struct screen *screen, const char *text, size_t len);

#endif
