/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/glyph.h"

#include "tui/tasktext.h"

const char *glyph_text(enum glyph g, bool ascii)
{
    static const char *const table[GLYPH_COUNT][2] = {
        [GLYPH_RUNNING] = {"●", "*"},       [GLYPH_STOPPED] = {"○", "o"}, [GLYPH_NONE] = {"·", "-"},
        [GLYPH_FAILED] = {"✗", "x"},        [GLYPH_UNKNOWN] = {"?", "?"}, [GLYPH_MARK] = {"▌", "#"},
        [GLYPH_EXPANDED] = {"▾", "v"},      [GLYPH_FOLDED] = {"▸", ">"},  [GLYPH_IDLE] = {"·", "."},
        [GLYPH_ATTENTION] = {"!", "!"},     [GLYPH_DONE] = {"✓", "v"},    [GLYPH_PENDING] = {"·", "."},
        [GLYPH_SKIPPED] = {"–", "-"},       [GLYPH_ARROW] = {"›", ">"},   [GLYPH_BAR_FULL] = {"━", "#"},
        [GLYPH_BAR_EMPTY] = {"─", "."},     [GLYPH_BULLET] = {"•", "*"},  [GLYPH_CHECK_ON] = {"[x]", "[x]"},
        [GLYPH_CHECK_OFF] = {"[ ]", "[ ]"}, [GLYPH_DASH] = {"–", "-"},    [GLYPH_TASK] = {"◆", "%"},
        [GLYPH_AGAIN] = {"↻", "~"},         [GLYPH_HIGH] = {"▲", "^"},
    };
    return table[g][ascii ? 1 : 0];
}

const char *glyph_spinner(uint64_t now_ms, bool ascii)
{
    static const char *const braille[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"};
    static const char *const plain[] = {"|", "/", "-", "\\"};
    return ascii ? plain[now_ms / 125 % 4] : braille[now_ms / 125 % 8];
}

struct state_look glyph_sandbox(enum sandbox_state s)
{
    static const struct state_look table[] = {
        [SANDBOX_NONE] = {GLYPH_NONE, false, "no sandbox", THEME_DIM},
        [SANDBOX_CREATING] = {GLYPH_RUNNING, true, "starting", THEME_BUSY},
        [SANDBOX_PROVISIONING] = {GLYPH_RUNNING, true, "provisioning", THEME_BUSY},
        [SANDBOX_RUNNING] = {GLYPH_RUNNING, false, "running", THEME_OK},
        [SANDBOX_STOPPED] = {GLYPH_STOPPED, false, "stopped", THEME_DIM},
        [SANDBOX_FAILED] = {GLYPH_FAILED, false, "failed", THEME_BAD},
        [SANDBOX_UNKNOWN] = {GLYPH_UNKNOWN, false, "unknown", THEME_WARN},
    };
    return table[s <= SANDBOX_UNKNOWN ? s : SANDBOX_UNKNOWN];
}

struct state_look glyph_workspace(const struct model *m, const struct workspace *ws)
{
    enum sandbox_state state = model_shown_state(m, ws);
    struct state_look look = glyph_sandbox(state);
    if ((state == SANDBOX_RUNNING || state == SANDBOX_STOPPED) && ws->provisioned == 0) {
        look.word = state == SANDBOX_RUNNING ? "running, not provisioned" : "stopped, not provisioned";
        look.role = THEME_WARN;
    }
    if (state == SANDBOX_RUNNING && ws->info.halted) {
        look.word = strcmp(ws->info.reason, "paused") == 0 ? "paused" : "halted";
        look.role = THEME_WARN;
    }
    return look;
}

struct state_look glyph_session(const struct session_info *s)
{
    bool calls =
        s->attention == ATTENTION_WAITING || s->attention == ATTENTION_BELL || s->attention == ATTENTION_NOTIFY;
    if (s->kind == SESSION_TASK && (!calls || s->state != SESSION_RUNNING)) {
        return tasktext_look(s);
    }
    switch (s->state) {
    case SESSION_STARTING:
        return (struct state_look){GLYPH_IDLE, true, "starting", THEME_BUSY};
    case SESSION_LOST:
        return (struct state_look){GLYPH_FAILED, false, "lost", THEME_BAD};
    case SESSION_EXITED:
        if (s->exit_code == 0 && s->exit_signal == 0) {
            return (struct state_look){GLYPH_DONE, false, "exited", THEME_DIM};
        }
        return (struct state_look){GLYPH_FAILED, false, "exited", THEME_BAD};
    case SESSION_RUNNING:
        break;
    }
    switch (s->attention) {
    case ATTENTION_FAILED:
        return (struct state_look){GLYPH_FAILED, false, "failed", THEME_BAD};
    case ATTENTION_WAITING:
        if (s->attention_seen) {
            return (struct state_look){GLYPH_ATTENTION, false, "waiting", THEME_WARN};
        }
        return (struct state_look){GLYPH_ATTENTION, false, "needs you", THEME_ATTENTION};
    case ATTENTION_NOTIFY:
    case ATTENTION_BELL:
        return (struct state_look){GLYPH_ATTENTION, false, "needs you", THEME_ATTENTION};
    case ATTENTION_FINISHED:
        return (struct state_look){GLYPH_DONE, false, "finished", THEME_OK};
    case ATTENTION_NONE:
        break;
    }
    if (s->working) {
        return (struct state_look){GLYPH_ARROW, true, "working", THEME_BUSY};
    }
    return (struct state_look){GLYPH_IDLE, false, "idle", THEME_DIM};
}

/* Is it worded as a question? Others tell by themselves what they are: "its turn is over". */
static bool is_question(const char *text)
{
    size_t n = strlen(text);
    return strchr(text, '?') != NULL || (n > 0 && strchr(":])", text[n - 1]) != NULL);
}

void glyph_call(const struct session_info *s, bool brief, char *out, size_t cap)
{
    const char *text = s->attention_text;
    out[0] = '\0';
    switch (s->attention) {
    case ATTENTION_BELL:
        str_copy(out, cap, brief ? "rang" : "rang the bell");
        break;
    case ATTENTION_NOTIFY:
        if (brief || !*text) {
            str_copy(out, cap, brief ? "says" : "sent a notification");
        } else {
            str_format(out, cap, "says: %s", text);
        }
        break;
    case ATTENTION_WAITING:
        if (!*text) {
            str_copy(out, cap, brief ? "quiet" : "went quiet");
        } else if (brief) {
            str_copy(out, cap, is_question(text) ? "asks" : "waits");
        } else {
            str_format(out, cap, "%s%s", is_question(text) ? "asks: " : "", text);
        }
        break;
    case ATTENTION_FAILED:
    case ATTENTION_FINISHED:
    case ATTENTION_NONE:
        break;
    }
}
