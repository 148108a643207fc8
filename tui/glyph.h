/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_GLYPH_H
#define MT_TUI_GLYPH_H

/* The signs of the cockpit, in UTF-8 and in plain ASCII: every state has one, so that colour never carries meaning
 * alone. */

#include <stdbool.h>
#include <stdint.h>

#include "core/model/model.h"
#include "tui/theme.h"

enum glyph {
    GLYPH_RUNNING,
    GLYPH_STOPPED,
    GLYPH_NONE,
    GLYPH_FAILED,
    GLYPH_UNKNOWN,
    GLYPH_MARK,
    GLYPH_EXPANDED,
    GLYPH_FOLDED,
    GLYPH_IDLE,
    GLYPH_ATTENTION,
    GLYPH_DONE,
    GLYPH_PENDING,
    GLYPH_SKIPPED,
    GLYPH_ARROW,
    GLYPH_BAR_FULL,
    GLYPH_BAR_EMPTY,
    GLYPH_BULLET,
    GLYPH_CHECK_ON,
    GLYPH_CHECK_OFF,
    GLYPH_DASH,
    GLYPH_TASK,
    GLYPH_AGAIN, /* a task that waits to be started again */
    GLYPH_HIGH,  /* something is getting full */
    GLYPH_COUNT
};
const char *glyph_text(enum glyph g, bool ascii);
/* The spinner at a moment; eight steps a second. */
const char *glyph_spinner(uint64_t now_ms, bool ascii);

/* How a sandbox state looks: its glyph (NULL for the spinner), word and colour role. */
struct state_look {
    enum glyph glyph;
    bool spins;
    const char *word;
    enum theme_role role;
};
struct state_look glyph_sandbox(enum sandbox_state s);
/* The same for a workspace: its state with what is being done, in the warning colour when its script is not through. */
struct state_look glyph_workspace(const struct model *m, const struct workspace *ws);
/* The same for a session; `word` is "" where a time says more. */
struct state_look glyph_session(const struct session_info *s);
/* What a session calls for a person with: "asks: Proceed?", "says: Built", "rang the bell", "went quiet", or in one
 * word: "asks", "says", "rang", "quiet", "waits". "" when it does not call, or its state says it all. */
void glyph_call(const struct session_info *s, bool brief, char *out, size_t cap);

#endif
