/* SPDX-License-Identifier: Apache-2.0 */
#include "term/hostenv.h"

#include <stdbool.h>
#include <string.h>

#include "core/util/xmalloc.h"

/* Names (or beginnings of names, with a trailing star) that describe the terminal we were started in, or leak
 * multiplexers into panes. */
static const char *const DROPPED[] = {
    "TERM",         "COLORTERM",  "TERMCAP",       "TERM_PROGRAM*", "TERM_SESSION_ID", "KITTY_*",
    "VTE_*",        "TMUX",       "TMUX_*",        "STY",           "WINDOW",          "WINDOWID",
    "COLUMNS",      "LINES",      "KONSOLE_*",     "ITERM_*",       "WEZTERM*",        "ALACRITTY_*",
    "GHOSTTY_*",    "WT_SESSION", "WT_PROFILE_ID", "ZELLIJ*",       "LC_TERMINAL*",    "GNOME_TERMINAL_*",
    "XTERM_*",      "TERMINFO",   "TERMINFO_DIRS", "COLORFGBG",     "NO_COLOR",        "MUTHR_TUI_SYNC_FD",
    "INSIDE_EMACS", "VSCODE_*",   HOSTENV_MARK,
};

static bool is_dropped(const char *entry)
{
    size_t len = strcspn(entry, "=");

    for (size_t i = 0; i < MT_ARRAY_LEN(DROPPED); i++) {
        const char *d = DROPPED[i];
        size_t n = strlen(d);

        if (d[n - 1] == '*' ? strncmp(entry, d, n - 1) == 0 : n == len && strncmp(entry, d, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Sets a KEY=VALUE entry; one without a key or an equals sign is left out. */
static void set_entry(struct strvec *out, const char *entry)
{
    const char *eq = strchr(entry, '=');
    char *key;

    if (eq == NULL || eq == entry) {
        return;
    }
    key = xstrndup(entry, (size_t)(eq - entry));
    strvec_setenv(out, key, eq + 1);
    free(key);
}

void hostenv_build(struct strvec *out, const char *const *base, const char *const *additions)
{
    for (; base != NULL && *base != NULL; base++) {
        if (!is_dropped(*base)) {
            strvec_push(out, *base);
        }
    }
    strvec_setenv(out, "TERM", "xterm-256color");
    strvec_setenv(out, "COLORTERM", "truecolor");
    for (; additions != NULL && *additions != NULL; additions++) {
        set_entry(out, *additions);
    }
}

void hostenv_mark(struct strvec *env, const char *id)
{
    const size_t n = strlen(HOSTENV_MARK);

    for (size_t i = 0; i < env->len; i++) {
        size_t key = strcspn(env->v[i], "=");
        bool ours = key >= n && strncmp(env->v[i] + key - n, HOSTENV_MARK, n) == 0 &&
                    (key == n || env->v[i][key - n - 1] == '_') && strcmp(env->v[i] + key, "=") == 0;

        if (ours) {
            char *name = xstrndup(env->v[i], key);
            strvec_setenv(env, name, id);
            free(name);
        }
    }
}
